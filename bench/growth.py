"""The command behind `make bench-growth`: does work stay as quick while the store grows?"""

import argparse
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from time import monotonic, perf_counter, sleep
from typing import Any

import orjson
from sqlalchemy import Connection, event
from sqlalchemy.engine import Engine

from app import outbox
from app.courier import new_delivery
from app.delivery import EVENTS, Address
from app.facts import Section
from app.intake import Ask, Caller
from app.job import Priority, Status
from app.keeper import Keeper
from app.prospect import identify
from app.retention import Retention
from app.settings import Settings
from app.tables import OutboxTry
from bench.filling import SPAN_S, fill, settled
from bench.machine import machine
from bench.picture import curves
from bench.processes import ROOT
from bench.report import markdown
from integrations.runtime import Runtime, now, start
from integrations.worker import Worker

SIZES = (1_000, 10_000, 100_000)
FULL = (*SIZES, 1_000_000)
ROUNDS = 100
TURNS = 5
"""All sizes take so many turns: a program that is busy beside us for a while hurts all alike."""
FLAT = 1.5
"""Largest ratio of the last to the first size that counts as flat."""

PERSON = frozenset({Section.person})

Work = Callable[[int], object]


@dataclass(slots=True)
class Growth:
    """What each piece of work took at each size, in milliseconds, and what scanned a table."""

    times: dict[str, dict[float, float]] = field(default_factory=dict)
    bytes: dict[float, float] = field(default_factory=dict)
    scans: dict[str, list[str]] = field(default_factory=dict)

    def ratio(self, name: str) -> float:
        """Return how much slower a piece of work is at the largest size."""
        line = self.times[name]
        return line[max(line)] / line[min(line)]


class Pieces:
    """The pieces of work that are timed, on a service without a worker."""

    def __init__(self, runtime: Runtime, caller: Caller) -> None:
        self._runtime = runtime
        self._caller = caller
        self._newcomer, _ = runtime.intake.create_key("newcomer")
        self._keeper = Keeper(tasks=runtime.tasks, now=now, silence=timedelta(seconds=8))
        older = timedelta(seconds=2 * SPAN_S)
        self._retention = Retention(jobs=older, people=older, events=older)

    def _clean(self, db: Connection) -> int:
        return self._retention.clean(db, now())

    def all(self, size: int) -> Mapping[str, Work]:
        """Return each piece of work by name; it is given the number of the round."""
        intake, caller = self._runtime.intake, self._caller
        known = [identify(f"no{1 + n * (size // ROUNDS)}@acme.example") for n in range(ROUNDS)]
        new = f"{size}x{datetime.now(UTC):%M%S%f}"
        return {
            "lookup (cached POST)": lambda n: intake.request(
                caller, Ask(prospect=known[n], sections=PERSON)
            ),
            "enqueue": lambda n: intake.request(
                caller,
                Ask(
                    prospect=identify(f"new{n}x{new}@acme.example"),
                    sections=PERSON,
                    priority=Priority.batch,
                ),
            ),
            "sweep": lambda _: self._runtime.database.write(self._keeper.sweep).result(),
            "gauges (/metrics)": lambda _: intake.gauges(),
            "ended jobs (/metrics)": lambda _: intake.ended(now() - timedelta(seconds=10)),
            "providers": lambda _: intake.providers(),
            "newest jobs": lambda _: intake.jobs(caller),
            "usage": lambda _: intake.usage(caller),
            "deliveries": lambda _: intake.deliveries(caller),
            "deliveries that failed": lambda _: intake.deliveries(caller, state="failed"),
            "jobs of who has few": lambda _: intake.jobs(self._newcomer),
            "clean-up (nothing old)": lambda _: self._runtime.database.write(self._clean).result(),
        }


def grown(folder: Path, sizes: tuple[int, ...], rounds: int = ROUNDS) -> Growth:
    """Fill a store for each size, and time everything on all of them in turns."""
    stores = {size: _filled(folder / f"{size}.db", size) for size in sizes}
    pieces = {size: Pieces(*store).all(size) for size, store in stores.items()}
    growth = Growth(_timed(pieces, rounds))
    growth.bytes = {size: float((folder / f"{size}.db").stat().st_size) for size in sizes}
    runtime, _ = stores[sizes[-1]]
    growth.scans = {name: _scans(runtime, work) for name, work in pieces[sizes[-1]].items()}
    for runtime, _ in stores.values():
        runtime.close()
    return growth


def _filled(path: Path, size: int) -> tuple[Runtime, Caller]:
    """Start a service on a store with so many prospects, all asked for by the caller."""
    began = monotonic()
    runtime = start(Settings.from_env({"DATABASE_URL": f"sqlite:///{path}"}))
    caller, _ = runtime.intake.create_key("growth", quota=-1)
    job_id = _one_real_job(runtime, caller)
    for first in range(1, size + 1, 50_000):
        fill(runtime.database, job_id, first, min(first + 49_999, size))
    settled(runtime.database)
    print(f"{size:,} prospects filled in {monotonic() - began:.0f} s", flush=True)
    return runtime, caller


def _one_real_job(runtime: Runtime, caller: Caller) -> str:
    """Have a worker answer for one person of the sandbox; return the job that is copied then."""
    worker = Worker(runtime)
    worker.start()
    ask = Ask(prospect=identify("sarah.chen@acme.example"), sections=PERSON)
    job_id = runtime.intake.request(caller, ask).id
    end = monotonic() + 30
    while not runtime.intake.job(caller, job_id).is_final:
        assert monotonic() < end, "the sandbox did not answer"
        sleep(0.05)
    worker.stop()
    runtime.database.write(lambda db: _delivered(db, job_id, caller.id)).result()
    return job_id


def _delivered(db: Connection, job_id: str, caller_id: str) -> None:
    """Note a delivery of the job's card that was accepted."""
    to = Address("callback", "https://crm.example/cards")
    delivery = new_delivery(job_id, EVENTS[Status.complete], caller_id, to, now())
    delivery.state, delivery.next_at = outbox.DELIVERED, None
    outbox.add(db, delivery)
    outbox.add_try(
        db, OutboxTry(delivery_id=delivery.id, at=now(), status=200, elapsed_ms=40, answer="ok")
    )


def _timed(pieces: Mapping[int, Mapping[str, Work]], rounds: int) -> dict[str, dict[float, float]]:
    """Return the median time of each piece of work at each size, in milliseconds.

    Of each turn the first time is left out: it finds nothing in any cache.
    """
    took: dict[tuple[str, int], list[float]] = defaultdict(list)
    for turn in range(TURNS):
        for size, name, work in _one_by_one(pieces):
            work(turn)
            for number in range(turn + TURNS, rounds, TURNS):
                began = perf_counter()
                work(number)
                took[name, size].append(1000 * (perf_counter() - began))
    times: dict[str, dict[float, float]] = defaultdict(dict)
    for (name, size), all_ in took.items():
        times[name][size] = median(all_)
    return dict(times)


def _one_by_one(pieces: Mapping[int, Mapping[str, Work]]) -> Iterator[tuple[int, str, Work]]:
    for size, named in pieces.items():
        for name, work in named.items():
            yield size, name, work


def _scans(runtime: Runtime, work: Work) -> list[str]:
    """Return the statements of a piece of work that read a whole table or sort, with their plan."""
    with _statements() as said:
        work(0)
    found = []
    for statement, parameters in said:
        if statement.startswith(("SELECT", "UPDATE", "DELETE")):
            plan = runtime.database.read(lambda db, s=statement, p=parameters: _plan(db, s, p))  # type: ignore[misc]
            bad = [step for step in plan if step.startswith("SCAN") or "TEMP B-TREE" in step]
            if bad:
                found.append(f"{'; '.join(bad)}  <-  {_short(statement)}")
    return list(dict.fromkeys(found))


@contextmanager
def _statements() -> Iterator[list[tuple[str, Any]]]:
    """Note every statement that is sent to a database meanwhile."""
    said: list[tuple[str, Any]] = []

    def note(_db: object, _cursor: object, statement: str, parameters: Any, *_: object) -> None:
        said.append((statement, parameters))

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield said
    finally:
        event.remove(Engine, "before_cursor_execute", note)


def _short(statement: str) -> str:
    """Return a statement without the columns it reads."""
    words = " ".join(statement.split())
    return f"SELECT ... {words[words.index('FROM ') :]}" if words.startswith("SELECT") else words


def _plan(db: Connection, statement: str, parameters: Any) -> list[str]:
    asked = db.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
    return [row[3] for row in asked]


def shown(growth: Growth) -> str:
    """Return a table of milliseconds by size, with the ratio and whether it is flat."""
    sizes = sorted(next(iter(growth.times.values())))
    head = ("work, ms", *(f"{size:,.0f}" for size in sizes), "ratio", "")
    rows = [
        (
            name,
            *(f"{line[size]:.2f}" for size in sizes),
            f"{growth.ratio(name):.2f} ×",
            "flat" if growth.ratio(name) <= FLAT else "grows",
        )
        for name, line in growth.times.items()
    ]
    return markdown(head, rows)


def write(out: Path, growth: Growth, at: datetime) -> None:
    """Write growth.json and growth.svg."""
    out.mkdir(parents=True, exist_ok=True)
    kept = {
        "at": at,
        "machine": machine(),
        "ms": growth.times,
        "ratio": {name: growth.ratio(name) for name in growth.times},
        "bytes": growth.bytes,
        "scans": growth.scans,
    }
    options = orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS
    (out / "growth.json").write_bytes(orjson.dumps(kept, option=options))
    note = f"{at:%Y-%m-%d}, SQLite; flat = at most {FLAT} × from the first size to the last"
    title = "Work by the number of prospects and jobs in the store"
    picture = curves(title, "milliseconds, median", growth.times, note)
    (out / "growth.svg").write_text(picture, "utf-8")


def main() -> None:
    """Fill, time, tell."""
    options = argparse.ArgumentParser(prog="make bench-growth", description=__doc__)
    options.add_argument("--full", action="store_true", help="up to 1,000,000: some GB, minutes")
    options.add_argument("--sizes", help="comma list in place of 1000,10000,100000")
    options.add_argument("--out", type=Path, default=ROOT / "bench" / "out")
    asked = options.parse_args()
    sizes: tuple[int, ...] = FULL if asked.full else SIZES
    if asked.sizes:
        sizes = tuple(int(one) for one in asked.sizes.split(","))
    with tempfile.TemporaryDirectory(prefix="warmcall-growth-") as name:
        growth = grown(Path(name), sizes)
    print(f"\n{shown(growth)}\n")
    for size, kept in growth.bytes.items():
        print(f"{size:>11,} prospects: {kept / 1e6:,.0f} MB, {kept / size:,.0f} bytes each")
    for name, scans in growth.scans.items():
        for scan in scans:
            print(f"\n{name}: {scan}")
    write(asked.out, growth, datetime.now(UTC))


if __name__ == "__main__":
    main()
