"""The command behind `make soak`: half of the load it can take, for a long time, and what grows."""

import argparse
import asyncio
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import orjson
import psutil
import uvloop

from bench.__main__ import start_provider
from bench.client import Client
from bench.designs import Warmcall
from bench.figures import Bench, Plan, Provider
from bench.machine import machine
from bench.picture import curves
from bench.processes import ROOT, Process, free_port
from bench.report import markdown

WARM_UP = 0.25
"""Share of the time that is not judged: pools fill, caches grow, modules are loaded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """The processes at one moment. `at_s` counts from the start; memory and files are in MB."""

    at_s: float
    jobs: int
    web_mb: float
    worker_mb: float
    web_files: int
    worker_files: int
    web_connections: int
    worker_connections: int
    database_mb: float
    log_mb: float  # the database's write-ahead log


@dataclass(frozen=True, slots=True)
class Verdict:
    """One thing that has to stay flat: its median early on and at the end."""

    thing: str
    early: float
    late: float
    is_flat: bool


def taken(design: Warmcall, started: float) -> Sample:
    """Look at the processes now."""
    web, worker = design.web, design.worker
    database = design.folder / "warmcall.db"
    return Sample(
        at_s=round(time.monotonic() - started, 1),
        jobs=design.count(),
        web_mb=_mb(web),
        worker_mb=_mb(worker),
        web_files=_sum(web, lambda one: one.num_fds()),
        worker_files=_sum(worker, lambda one: one.num_fds()),
        web_connections=_sum(web, lambda one: len(one.net_connections("tcp"))),
        worker_connections=_sum(worker, lambda one: len(one.net_connections("tcp"))),
        database_mb=database.stat().st_size / 1e6,
        log_mb=Path(f"{database}-wal").stat().st_size / 1e6,
    )


def _mb(process: Process) -> float:
    return round(_sum(process, lambda one: one.memory_info().rss) / 1e6, 1)


def _sum(process: Process, of: Callable[[psutil.Process], int]) -> int:
    return sum(of(one) for one in process.family())


def judged(samples: Sequence[Sample]) -> list[Verdict]:
    """Compare the second quarter of the time with the last one.

    Memory may be 10 % and 5 MB larger, files and connections 8 more, the write-ahead log twice
    as large: each is bounded, and a leak of one per job would be far beyond.
    """
    end_s = samples[-1].at_s
    early = [one for one in samples if WARM_UP * end_s <= one.at_s < 2 * WARM_UP * end_s]
    late = [one for one in samples if one.at_s >= 3 * WARM_UP * end_s]
    names = ("web_mb", "worker_mb", "web_files", "worker_files", "web_connections",
             "worker_connections", "log_mb")  # fmt: skip
    return [_compared(name, early, late) for name in names]


def _compared(name: str, early: Sequence[Sample], late: Sequence[Sample]) -> Verdict:
    before = float(median(getattr(one, name) for one in early))
    after = float(median(getattr(one, name) for one in late))
    allowed = before + 8
    if name.endswith("_mb"):
        allowed = 2 * before + 5 if name == "log_mb" else before * 1.1 + 5
    return Verdict(name.replace("_", " "), before, after, after <= allowed)


async def soaked(design: Warmcall, port: int, minutes: float, share: float) -> list[Sample]:
    """Load a running design; return a sample for every hundredth of the time."""
    bench = Bench(design, Provider(port), Plan(jobs=200))
    await bench.burst()
    per_s = bench.figures.jobs_per_s * share
    print(f"{bench.figures.jobs_per_s:.0f} jobs/s in a burst; soaking at {per_s:.0f}", flush=True)
    client, seconds = Client(design.port, design.headers), minutes * 60
    posts = (
        client.post(design.path, design.body(f"kim.no{number}@example.com"))
        for number in range(round(per_s * seconds))
    )
    loading = asyncio.ensure_future(client.steady(posts, per_s))
    samples, started = [], time.monotonic()
    while not loading.done():
        samples.append(taken(design, started))
        await asyncio.wait([loading], timeout=seconds / 100)
    bad = [reply for reply in await loading if reply.status not in {200, 202}]
    if bad:
        print(f"{len(bad)} requests failed, such as {bad[0].status} {bad[0].body[:200]!r}")
    return samples


def write(out: Path, samples: Sequence[Sample], verdicts: Sequence[Verdict], at: datetime) -> None:
    """Write soak.json and soak.svg."""
    out.mkdir(parents=True, exist_ok=True)
    kept = {
        "at": at,
        "machine": machine(),
        "verdicts": [asdict(one) for one in verdicts],
        "samples": [asdict(one) for one in samples],
    }
    (out / "soak.json").write_bytes(orjson.dumps(kept, option=orjson.OPT_INDENT_2))
    names = ("web_mb", "worker_mb", "web_files", "worker_files", "database_mb")
    lines = {
        name.replace("_", " "): {one.at_s + 1: max(0.1, getattr(one, name)) for one in samples}
        for name in names
    }
    marks = {samples[len(samples) * n // 5].at_s + 1 for n in range(1, 5)} | {samples[-1].at_s + 1}
    picture = curves("Soak", "MB and open files, by seconds", lines, f"{at:%Y-%m-%d}", marks)
    (out / "soak.svg").write_text(picture, "utf-8")


def main() -> None:
    """Soak, tell."""
    options = argparse.ArgumentParser(prog="make soak", description=__doc__)
    options.add_argument("--minutes", type=float, default=20.0)
    options.add_argument("--load", type=float, default=0.5, help="share of the burst's jobs/s")
    options.add_argument("--out", type=Path, default=ROOT / "bench" / "out")
    asked = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="warmcall-soak-") as name:
        folder, port = Path(name), free_port()
        provider = start_provider(folder, port, Plan())
        design = Warmcall(folder, port)
        try:
            design.start()
            samples = uvloop.run(soaked(design, port, asked.minutes, asked.load))
        finally:
            design.stop()
            provider.stop()
    verdicts = judged(samples)
    rows = [
        (one.thing, f"{one.early:.1f}", f"{one.late:.1f}", "flat" if one.is_flat else "GROWS")
        for one in verdicts
    ]
    first, last = samples[len(samples) // 4], samples[-1]
    done = last.jobs - first.jobs
    grew_kb = (last.database_mb - first.database_mb) * 1000
    print(f"\n{markdown(('what', 'second quarter', 'last quarter', ''), rows)}\n")
    print(f"{last.jobs} jobs in {last.at_s / 60:.1f} min; the database grew by {grew_kb:,.0f} kB, ")
    print(f"{grew_kb / max(1, done):.1f} kB a job (its row, ledger, facts, events and card).")
    print("Verdict: " + ("flat" if all(one.is_flat for one in verdicts) else "something grows"))
    write(asked.out, samples, verdicts, datetime.now(UTC))


if __name__ == "__main__":
    main()
