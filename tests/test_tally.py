"""The running totals say what the ledger says, whatever happened; and they outlive it."""

import asyncio
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, select
from sqlmodel import col

from app import tally
from app.dialect import opened
from app.facts import Json, Section
from app.provider import Outcome
from app.tables import Attempt, CallTally, Job, JobTally
from tests.fakes.clock import Clock
from tests.fakes.oracle import Oracle
from tests.fakes.servers import BACKENDS

JANE = "jane.roe@initech.example"
PERSON: dict[str, Json] = {"person.full_name": "Jane Roe", "person.title": "Head of Sales"}
ASKED = frozenset({Section.person})

Make = Any

pytestmark = pytest.mark.parametrize("backend", BACKENDS[:2], indirect=True)


def source(clock: Clock, says: Any = PERSON, name: str = "orbit") -> Oracle:
    return Oracle(name, {Section.person: says}, clock, sandbox=True)


def ledger_sums(db: Connection) -> list[tuple[Any, ...]]:
    """Sum the ledger up, line by line: per provider and outcome calls, credits, milliseconds."""
    sums: dict[tuple[str, str], list[float]] = {}
    for line in db.execute(select(Attempt)):
        if line.outcome is not None and not line.cached:
            so_far = sums.setdefault((line.provider, line.outcome), [0, 0.0, 0])
            for place, number in enumerate((1, line.credits, line.latency_ms)):
                so_far[place] += number
    return sorted((*key, *numbers) for key, numbers in sums.items())


def tallied(db: Connection) -> list[tuple[Any, ...]]:
    rows = tally.calls(db)
    return sorted((r.provider, r.outcome, r.calls, r.credits, r.latency_ms) for r in rows)


def totals(service: Any) -> list[tuple[Any, ...]]:
    """Return the totals, having compared them with the ledger and the jobs."""

    def compared(db: Connection) -> list[tuple[Any, ...]]:
        ended = select(col(Job.status)).where(col(Job.finished_at).is_not(None))
        counted = Counter(db.execute(ended).scalars())
        assert tally.jobs(db, service.clock() - timedelta(days=1)) == counted
        assert tallied(db) == ledger_sums(db)
        return tallied(db)

    found: list[tuple[Any, ...]] = service.database.read(compared)
    return found


def outcomes(service: Any) -> dict[str, int]:
    return {row[1]: row[2] for row in totals(service)}


@pytest.mark.parametrize(
    ("says", "outcome"),
    [
        (PERSON, Outcome.matched),
        (Outcome.not_found, Outcome.not_found),
        (Outcome.provider_error, Outcome.provider_error),
        (Outcome.out_of_credits, Outcome.out_of_credits),
    ],
)
def test_every_way_a_call_can_end_is_counted_once(
    make: Make, clock: Clock, says: Any, outcome: Outcome
) -> None:
    service = make(source(clock, says))
    service.settle(JANE, sections=ASKED)
    assert outcomes(service) == {outcome.value: 1}


def test_many_calls_add_up_to_what_the_ledger_says(make: Make, clock: Clock) -> None:
    service = make(source(clock, Outcome.not_found), source(clock, name="second"))
    for number in range(5):
        service.ask(f"no{number}@initech.example", sections=ASKED)
    asyncio.run(service.work())
    assert [row[:4] for row in totals(service)] == [
        ("orbit", "not_found", 5, 0.0),
        ("second", "matched", 5, 5.0),
    ]


def test_a_remembered_answer_is_not_counted_as_a_call(make: Make, clock: Clock) -> None:
    down = source(clock, Outcome.provider_error, "second")
    service = make(source(clock, Outcome.not_found), down)
    service.settle(JANE, sections=ASKED)
    service.settle(JANE, sections=ASKED)
    assert outcomes(service) == {"not_found": 1, "provider_error": 2}
    lines = service.database.read(lambda db: db.execute(select(Attempt)).all())
    assert [line.provider for line in lines if line.cached] == ["orbit"]


def test_a_question_that_is_skipped_for_its_price_is_counted_as_skipped(
    make: Make, clock: Clock
) -> None:
    service = make(source(clock))
    service.settle(JANE, sections=ASKED, max_credits=0.5)
    assert outcomes(service) == {"skipped": 1}


def test_a_call_that_dies_with_its_worker_is_counted_and_so_is_the_next_one(
    make: Make, clock: Clock
) -> None:
    held = source(clock)
    service = make(held)

    async def killed() -> None:
        held.hold = asyncio.Event()
        doomed = asyncio.create_task(service.work(service.engine("dead")))
        while not held.asked:
            await asyncio.sleep(0.01)
        doomed.cancel()
        held.hold = None

    service.ask(JANE, sections=ASKED)
    asyncio.run(killed())
    assert outcomes(service) == {}
    clock.move(seconds=60)
    service.sweep()
    assert outcomes(service) == {"provider_error": 1}
    asyncio.run(service.work())
    assert outcomes(service) == {"provider_error": 1, "matched": 1}


def test_a_day_begins_with_nothing_and_ever_goes_on(make: Make, clock: Clock) -> None:
    service = make(source(clock))
    service.settle(JANE, sections=ASKED)
    clock.move(days=1)
    assert service.intake.providers()[0].calls_today == 0
    assert service.intake.gauges().attempts == {("orbit", "matched"): 1}
    service.settle("joe@initech.example", sections=ASKED)
    assert service.intake.providers()[0].calls_today == 1
    assert service.intake.gauges().attempts == {("orbit", "matched"): 2}


def test_jobs_are_shown_while_they_run_and_for_a_day_after_their_end(
    make: Make, clock: Clock
) -> None:
    service = make(source(clock))
    service.settle(JANE, sections=ASKED)
    service.ask("joe@initech.example", sections=ASKED)
    assert service.intake.gauges().jobs == {"complete": 1, "queued": 1}
    clock.move(hours=26)
    assert service.intake.gauges().jobs == {"queued": 1}


def test_jobs_that_end_without_a_worker_are_counted_too(make: Make, clock: Clock) -> None:
    service = make(source(clock))
    service.intake.suppress(JANE)
    service.ask(JANE, sections=ASKED)
    view = service.ask("joe@initech.example", sections=ASKED)
    service.intake.cancel(service.caller, view.id)
    totals(service)
    assert service.intake.gauges().jobs == {"suppressed": 1, "cancelled": 1}


def test_erasing_a_person_takes_nothing_off_the_totals(make: Make, clock: Clock) -> None:
    service = make(source(clock))
    service.settle(JANE, sections=ASKED)
    before = service.intake.gauges()
    service.intake.forget(JANE)
    assert service.intake.gauges().attempts == before.attempts
    assert JANE not in str(service.database.read(lambda db: db.execute(select(CallTally)).all()))


def test_an_older_database_gets_its_totals_from_its_ledger(make: Make, clock: Clock) -> None:
    service = make(source(clock, Outcome.not_found), source(clock, name="second"))
    service.settle(JANE, sections=ASKED)
    clock.move(days=1)
    service.settle("joe@initech.example", sections=ASKED)
    service.settle("joe@initech.example", sections=ASKED, wanted=frozenset({"person.title"}))
    before = totals(service), rows(service)
    service.database.close()
    engine = opened(service.database.url)
    with engine.begin() as connection:
        config = Config()
        config.set_main_option("script_location", "app:migrations")
        config.attributes["connection"] = connection
        command.downgrade(config, "0002")
        command.upgrade(config, "head")
    engine.dispose()
    assert (totals(service), rows(service)) == before


def rows(service: Any) -> list[Any]:
    """Return all rows of the totals, by day and hour."""
    tables = (CallTally, JobTally)
    read = service.database.read(lambda db: [db.execute(select(one)).all() for one in tables])
    return [sorted(map(tuple, found)) for found in read]
