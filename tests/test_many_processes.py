"""Several processes on one database: what each reads may have changed before it writes."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Connection, select

from app import ledger, store
from app.breaker import Health
from app.database import Database, later
from app.errors import QuotaExceeded
from app.facts import Section
from app.intake import Ask, Idempotency, Intake
from app.job import Status
from app.prospect import identify
from app.tables import BatchRow
from app.tasks import Tasks
from tests.conftest import Service
from tests.fakes.clock import Clock
from tests.fakes.oracle import Oracle
from tests.fakes.servers import BACKENDS

JANE = "jane.roe@initech.example"
CROWD = 24

pytestmark = pytest.mark.parametrize("backend", BACKENDS[:2], indirect=True)


@dataclass
class Two:
    """A service, and the front doors of two processes on its database."""

    service: Service
    doors: tuple[Intake, Intake]
    databases: tuple[Database, Database]

    def at_once(self, do: Callable[[Intake, int], Any], times: int = CROWD) -> list[Any]:
        """Do something many times at both doors, all at the same moment."""
        together = threading.Barrier(times)

        def one(number: int) -> Any:
            together.wait(30)
            try:
                return do(self.doors[number % 2], number)
            except QuotaExceeded as exc:
                return exc

        with ThreadPoolExecutor(times) as pool:
            return list(pool.map(one, range(times)))


@pytest.fixture
def two(make: Any, clock: Clock) -> Iterator[Two]:
    service: Service = make(Oracle("orbit", {}, clock, sandbox=True))
    other = Database(service.database.url)
    tasks = Tasks(other, clock)
    doors = (service.intake, service.front_door(database=other, tasks=tasks))
    yield Two(service, doors, (service.database, other))
    other.close()


def asked(text_: str) -> Ask:
    return Ask(prospect=identify(text_))


def test_whoever_asks_for_the_same_at_the_same_moment_shares_one_job(two: Two) -> None:
    views = two.at_once(lambda door, _: door.request(two.service.caller, asked(JANE)))
    assert len({view.id for view in views}) == 1
    assert [view.joined for view in views].count(False) == 1
    assert two.service.intake.usage(two.service.caller).used == 1


def test_an_allowance_is_never_overspent(two: Two) -> None:
    poor, _ = two.service.intake.create_key("poor", quota=5)
    answers = two.at_once(lambda door, n: door.request(poor, asked(f"ann{n}@initech.example")))
    refused = [one for one in answers if isinstance(one, QuotaExceeded)]
    assert (len(refused), two.service.intake.usage(poor).used) == (CROWD - 5, 5)


def test_batches_of_the_same_prospects_in_opposite_order_share_their_jobs(two: Two) -> None:
    some = [asked(f"ann{number}@initech.example") for number in range(CROWD)]
    caller, _ = two.service.intake.create_key("busy", quota=2 * CROWD)
    views = two.at_once(lambda door, n: door.batch(caller, some[:: 1 - 2 * (n % 2)]), times=4)
    rows = [row for view in views for row in view.rows]
    assert len(rows) == 4 * CROWD
    assert len({row.job.id for row in rows}) == CROWD
    assert two.service.intake.usage(caller).used == CROWD
    kept = two.service.database.read(lambda db: db.execute(select(BatchRow.pays)).scalars().all())  # type: ignore[call-overload]
    assert sorted(kept) == [False] * 3 * CROWD + [True] * CROWD


def test_an_idempotency_key_starts_one_job_at_whichever_door(two: Two) -> None:
    ask = Ask(prospect=identify(JANE), refresh=True)
    views = two.at_once(
        lambda door, _: door.request(two.service.caller, ask, Idempotency("k", "a"))
    )
    assert len({view.id for view in views}) == 1


def test_a_message_is_taken_once(two: Two, clock: Clock) -> None:
    for number in range(CROWD):
        two.service.ask(f"ann{number}@initech.example")

    def take(door: Intake, _: int) -> list[str]:
        taken = door.database.write(lambda db: store.take(db, 3, clock())).result()
        return [message.ref for message in taken]

    refs = [ref for taken in two.at_once(take) for ref in taken]
    assert (len(refs), len(set(refs))) == (CROWD, CROWD)


def test_groups_that_lock_the_same_rows_in_opposite_order_both_end(two: Two, clock: Clock) -> None:
    subjects = [f"s{n}" for n in range(6)]
    cover = partial(
        ledger.cover, section=Section.company, status=Status.complete, wanted=(), as_of=clock()
    )
    hold = threading.Event()
    held = [database.write(lambda _: hold.wait(30)) for database in two.databases]
    waiting: list[Future[Any]] = [
        database.write(partial(cover, subject=subject))
        for database, order in zip(two.databases, (subjects, subjects[::-1]), strict=True)
        for subject in order
    ]
    hold.set()
    for future in [*waiting, *held]:
        future.result(30)
    assert len(two.databases[0].read(lambda db: ledger.coverage(db, subjects))) == 6


def test_the_state_of_a_provider_is_changed_by_one_worker_after_the_other(two: Two) -> None:
    def fail(door: Intake, _: int) -> None:
        door.database.write(more).result()

    def more(db: Connection) -> None:
        while True:
            before = ledger.health(db, "orbit")
            if ledger.set_health(db, "orbit", before, Health(failures=before.failures + 1)):
                return

    two.at_once(fail)
    assert two.databases[1].read(lambda db: ledger.health(db, "orbit")).failures == CROWD


def test_two_keepers_bring_a_lost_job_back_once(two: Two, clock: Clock) -> None:
    view = two.service.ask(JANE)
    two.service.messages()
    lease = timedelta(seconds=8)
    claimed = two.databases[0].write(lambda db: store.claim(db, view.id, "dead", clock(), lease))
    assert claimed.result()
    clock.move(seconds=9)
    two.at_once(lambda door, _: door.database.write(two.service.keeper.sweep).result())
    assert two.service.messages() == [("run_job", view.id)]
    numbers = [event.seq for event in two.service.intake.events(view.id)]
    assert numbers == list(range(1, len(numbers) + 1))


def test_what_is_put_off_to_the_end_of_a_failed_write_is_not_done(two: Two) -> None:
    done: list[int] = []

    def fails(db: Connection) -> None:
        later(db, "row", lambda _: done.append(1))
        raise ValueError

    hold = threading.Event()
    first = two.databases[0].write(lambda _: hold.wait(30))
    works = [two.databases[0].write(fails), two.databases[0].write(lambda db: done.append(2))]
    hold.set()
    assert first.result()
    assert isinstance(works[0].exception(), ValueError)
    assert (works[1].result(), done) == (None, [2])
