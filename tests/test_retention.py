"""What is too old goes, a step at a time; what somebody still needs stays."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, insert, select
from sqlmodel import SQLModel

from app.alerts import alert
from app.delivery import Address
from app.errors import DeliveryFailed
from app.facts import Json
from app.job import Status
from app.lookups import LookupsKept
from app.replies import RepliesKept
from app.retention import STEP, Retention
from app.tables import (
    Alert,
    Asked,
    Attempt,
    CallTally,
    Coverage,
    Event,
    Job,
    JobTally,
    KnownFact,
    Lookup,
    Outbox,
    OutboxTry,
    Recipient,
    ReplyUrl,
)
from tests.fakes.clock import Clock
from tests.fakes.oracle import Oracle
from tests.test_engine import COMPANY, JANE, PERSON, oracle

TOLD = (Address("callback", "https://one.example"),)
KEPT = Retention(jobs=timedelta(days=90), people=timedelta(days=30), events=timedelta(days=7))
BELONGS_TO_A_JOB = (Job, Event, Asked, Recipient, Outbox, OutboxTry)


def clean(service: Any, retention: Retention = KEPT) -> int:
    """Do one step, as the worker does."""
    work: Callable[[Any], int] = lambda db: retention.clean(db, service.clock())  # noqa: E731
    gone: int = service.database.write(work).result()
    return gone


def count(service: Any, table: type[SQLModel]) -> int:
    found: int = service.database.read(
        lambda db: db.execute(select(func.count()).select_from(table)).scalar_one()
    )
    return found


@pytest.fixture
def service(make: Any, clock: Clock) -> Any:
    """A service in which one job has ended and was delivered."""
    found = make(oracle(clock, person=PERSON, company=COMPANY))
    found.view = found.settle(JANE, notify=TOLD)
    return found


def sections(service: Any) -> set[str]:
    found: set[str] = service.database.read(
        lambda db: set(db.execute(select(KnownFact.section)).scalars())  # type: ignore[call-overload]
    )
    return found


def test_nothing_that_is_young_enough_goes(service: Any, clock: Clock) -> None:
    clock.move(days=6)
    assert clean(service) == 0


def test_events_of_ended_jobs_go_first(service: Any, clock: Clock) -> None:
    live = service.ask("joe.bloggs@globex.example")
    clock.move(days=8)
    assert clean(service) > 0
    assert service.intake.events(service.view.id) == []
    assert len(service.intake.events(live.id)) == 1
    assert service.see(service.view).card["person"]["full_name"] == "Jane Roe"


def test_people_go_before_companies_from_facts_and_from_cards(service: Any, clock: Clock) -> None:
    clock.move(days=31)
    clean(service)
    assert sections(service) == {"company"}
    view = service.see(service.view)
    assert (view.status, view.card, list(view.facts)) == (Status.complete, {}, [])
    clock.move(days=60)
    clean(service)
    assert sections(service) == set()
    assert count(service, Coverage) == 0


def test_an_old_job_goes_with_all_that_belongs_to_it(service: Any, clock: Clock) -> None:
    assert all(count(service, table) for table in BELONGS_TO_A_JOB)
    clock.move(days=91)
    clean(service)
    assert [count(service, table) for table in (*BELONGS_TO_A_JOB, Attempt)] == [0] * 7


def test_what_was_spent_this_month_and_last_outlives_its_job(service: Any, clock: Clock) -> None:
    short = Retention(jobs=timedelta(days=1), people=timedelta(days=1), events=timedelta(days=1))
    before = count(service, Attempt)
    clock.move(days=2)
    clean(service, short)
    assert count(service, Job) == 0
    assert count(service, Attempt) == before > 0
    assert JANE not in str(service.database.read(lambda db: db.execute(select(Attempt)).all()))
    clock.move(days=45)
    clean(service, short)
    assert count(service, Attempt) == 0


def test_the_totals_go_on_counting_when_the_ledger_is_gone(service: Any, clock: Clock) -> None:
    before = service.intake.gauges()
    clock.move(days=400)
    while clean(service):
        pass
    assert (count(service, Attempt), count(service, JobTally)) == (0, 0)
    after = service.intake.gauges()
    assert (after.attempts, after.credits) == (before.attempts, before.credits) != ({}, {})
    assert after.latency_s == before.latency_s
    service.settle("joe.bloggs@globex.example")
    now = service.intake.gauges().attempts
    assert now == {how: 2 * calls for how, calls in before.attempts.items()}


def test_the_totals_of_many_days_are_kept_in_few_rows(make: Any, clock: Clock) -> None:
    service = make(oracle(clock, person=PERSON))
    for number in range(3):
        service.settle(f"jane{number}@initech.example")
        clock.move(days=100)
        clean(service)
    assert count(service, CallTally) == 1
    assert service.intake.gauges().attempts == {("orbit", "matched"): 3}


def test_a_job_that_is_still_to_be_delivered_stays(make: Any, clock: Clock) -> None:
    service = make(oracle(clock, person=PERSON))
    service.postbox.refuses = DeliveryFailed("no answer")
    service.settle(JANE, notify=TOLD)
    clock.move(days=91)
    clean(service)
    assert (count(service, Job), count(service, Outbox)) == (1, 1)
    assert service.database.read(lambda db: db.execute(select(Job)).one()).result["card"]


def test_a_job_under_way_stays_however_old_it_is(make: Any, clock: Clock) -> None:
    service = make(oracle(clock, person=PERSON))
    view = service.ask(JANE)
    clock.move(days=400)
    clean(service)
    assert service.see(view).status is Status.queued


def test_one_step_takes_a_bounded_number_of_rows(service: Any, clock: Clock) -> None:
    old: dict[str, Json] = {"answer_key": "old", "subject": "x", "field": "person.title"}
    old |= {"section": "person", "value": "x", "source": "x", "confidence": 0.5}
    more = {"verified": False, "inferred": False, "seen_at": clock() - timedelta(days=31)}
    rows = [{**old, **more, "id": f"f_{number}"} for number in range(2 * STEP)]
    service.database.write(lambda db: db.execute(insert(KnownFact), rows)).result()
    before = count(service, KnownFact)
    assert [clean(service), clean(service), clean(service)] == [STEP, STEP, 0]
    assert count(service, KnownFact) == before - 2 * STEP


def test_a_prospect_whose_job_has_gone_is_asked_about_anew(make: Any, clock: Clock) -> None:
    source: Oracle = oracle(clock, person=PERSON)
    service = make(source)
    first = service.settle(JANE)
    clock.move(days=91)
    clean(service)
    again = service.settle(JANE)
    assert (again.id != first.id, again.status, len(source.asked)) == (True, Status.complete, 2)


def test_what_was_kept_for_a_while_goes_with_its_time(service: Any, clock: Clock) -> None:
    RepliesKept(database=service.database, now=clock).keep("ask1", "https://hooks.slack.com/1")
    lookups = LookupsKept(database=service.database, now=clock)
    asyncio.run(keep(lookups, timedelta(hours=24)))
    service.database.write(lambda db: alert(db, "disk", "It is full.", clock())).result()
    kept: list[list[int]] = []
    for hours in (0, 1, 24, 24 * 90):
        clock.move(hours=hours)
        clean(service)
        kept.append([count(service, table) for table in (ReplyUrl, Lookup, Alert)])
    assert kept == [[1, 1, 1], [0, 1, 1], [0, 0, 1], [0, 0, 0]]


async def keep(lookups: LookupsKept, span: timedelta) -> None:
    await lookups.keep("somebody", "U0JANE", span)
