"""Many prospects at once: one row for each ask, whatever becomes of it."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, insert, inspect, select

from app.delivery import Address
from app.errors import InvalidRequest, NotFound
from app.facts import Section
from app.intake import Ask, BatchView, Caller
from app.job import Status
from app.provider import Outcome
from app.retention import STEP, Retention
from app.tables import Batch, BatchRow
from tests.fakes.clock import Clock
from tests.fakes.servers import BACKENDS
from tests.test_engine import COMPANY, JANE, PERSON, oracle

JOE, ANN = "joe.bloggs@initech.example", "ann.lee@globex.example"
ONLY_PERSON = frozenset({Section.person})

Make = Any

pytestmark = pytest.mark.parametrize("backend", BACKENDS[:2], indirect=True)


def batch(service: Any, *texts: str, caller: Caller | None = None, **options: Any) -> BatchView:
    asks = [Ask(prospect=service.prospect(text), **options) for text in texts]
    view: BatchView = service.intake.batch(caller or service.caller, asks)
    return view


def see(service: Any, view: BatchView, **part: int) -> BatchView:
    seen: BatchView = service.intake.batch_view(service.caller, view.id, **part)
    return seen


def statuses(view: BatchView) -> list[str | None]:
    """Say of each row how its job stands, or what the problem is."""
    return [row.job.status if row.job else row.problem for row in view.rows]


def test_each_ask_of_a_batch_becomes_a_job_that_a_worker_runs(make: Make, clock: Clock) -> None:
    source = oracle(clock, person=PERSON)
    service = make(source)
    begun = batch(service, JANE, JOE, ANN, sections=ONLY_PERSON)
    assert [row.position for row in begun.rows] == [0, 1, 2]
    assert statuses(begun) == [Status.queued] * 3
    assert (begun.matched, begun.ended, begun.total, begun.is_final) == (0, 0, 3, False)
    asyncio.run(service.work())
    ended = see(service, begun)
    assert statuses(ended) == [Status.complete] * 3
    assert (ended.matched, ended.ended, ended.credits_spent) == (3, 3, 3.0)
    assert ended.is_final
    assert len(source.asked) == 3


def test_the_same_prospect_twice_in_a_batch_is_one_job_that_is_paid_once(
    make: Make, clock: Clock
) -> None:
    source = oracle(clock, person=PERSON)
    service = make(source)
    twice = ("Jane.Roe+crm@Initech.example", JOE, JANE)
    begun = batch(service, *twice, sections=ONLY_PERSON, refresh=True)
    first, other, second = (row.job.id for row in begun.rows if row.job)
    assert first == second != other
    assert service.intake.usage(service.caller).used == 2
    asyncio.run(service.work())
    ended = see(service, begun)
    assert (ended.matched, ended.credits_spent, len(source.asked)) == (3, 2.0, 2)


def test_who_is_suppressed_has_a_row_that_says_so_and_no_more(make: Make, clock: Clock) -> None:
    service = make(oracle(clock, person=PERSON))
    service.intake.suppress(JANE)
    begun = batch(service, JANE, JOE, "Jane.Roe+crm@Initech.example")
    assert statuses(begun) == [Status.suppressed, Status.queued, Status.suppressed]
    assert begun.ended == 2
    assert len({row.job.id for row in begun.rows if row.job}) == 2
    assert "jane" not in repr(begun)


def test_behind_the_end_of_the_allowance_the_rows_say_so(make: Make, clock: Clock) -> None:
    service = make(oracle(clock, person=PERSON))
    service.ask(ANN)
    asyncio.run(service.work())
    poor, _ = service.intake.create_key("poor", quota=2)
    names = ("zoe.z", "yan.y", "xia.x", "ann.a")
    begun = batch(service, *(f"{name}@initech.example" for name in names), ANN, caller=poor)
    assert statuses(begun) == [
        *[Status.queued] * 2,
        *["quota_exceeded"] * 2,
        Status.complete,
    ]
    assert (begun.ended, begun.matched, begun.total) == (3, 1, 5)
    assert service.intake.usage(poor).used == 2


def test_what_the_cache_answers_costs_a_batch_nothing(make: Make, clock: Clock) -> None:
    service = make(oracle(clock, person=PERSON, company=COMPANY))
    both = frozenset({Section.person, Section.company})
    fresh = service.settle(JANE, sections=both)
    begun = batch(service, JANE, JOE, sections=both)
    jane: Any = begun.rows[0].job
    assert (jane.id, jane.served_from) == (fresh.id, "fresh_cache")
    assert jane.card["person"]["full_name"] == "Jane Roe"
    assert (begun.matched, begun.ended, begun.credits_spent) == (1, 1, 0.0)
    clock.move(days=2)
    assert [row.job.served_from for row in batch(service, JANE).rows if row.job] == ["providers"]
    stale = batch(service, JANE, sections=both)
    assert [row.job.served_from for row in stale.rows if row.job] == ["stale_cache"]


def test_a_batch_does_not_pay_for_the_job_of_somebody_else_that_it_joins(
    make: Make, clock: Clock
) -> None:
    service = make(oracle(clock, person=PERSON))
    other, _ = service.intake.create_key("another")
    live = service.ask(JANE, other, sections=ONLY_PERSON)
    begun = batch(service, JANE, sections=ONLY_PERSON)
    asyncio.run(service.work())
    ended = see(service, begun)
    assert [row.job.id for row in ended.rows if row.job] == [live.id]
    assert (ended.matched, ended.credits_spent) == (1, 0.0)


def test_somebody_who_waits_goes_before_a_batch(make: Make, clock: Clock) -> None:
    service = make(oracle(clock, person=PERSON))
    batch(service, JANE, JOE)
    urgent = service.ask(ANN)
    assert service.messages()[0] == ("run_job", urgent.id)


def test_every_row_is_delivered_to_where_its_ask_says(make: Make, clock: Clock) -> None:
    service = make(oracle(clock, person=PERSON))
    batch(service, JANE, JOE, notify=(Address("callback", "https://one.example"),))
    asyncio.run(service.work())
    assert len(service.postbox.got) == 2


def test_a_row_that_asks_for_nothing_we_know_does_not_stop_the_others(
    make: Make, clock: Clock
) -> None:
    service = make(oracle(clock, person=PERSON))
    asks = [
        Ask(prospect=service.prospect("initech.example"), wanted=frozenset({"person.title"})),
        Ask(prospect=service.prospect(JANE)),
    ]
    assert statuses(service.intake.batch(service.caller, asks)) == [
        "invalid_request",
        Status.queued,
    ]


def test_a_miss_and_a_failure_end_without_a_match(make: Make, clock: Clock) -> None:
    service = make(oracle(clock, person=Outcome.not_found, company=Outcome.provider_error))
    begun = batch(service, JANE, sections=ONLY_PERSON)
    failing = batch(service, "initech.example", sections=frozenset({Section.company}))
    asyncio.run(service.work())
    seen = [see(service, one) for one in (begun, failing)]
    assert [statuses(one) for one in seen] == [[Status.not_found], [Status.provider_error]]
    assert [(one.matched, one.ended) for one in seen] == [(0, 1), (0, 1)]


def test_only_who_began_a_batch_may_see_it(make: Make, clock: Clock) -> None:
    service = make(oracle(clock, person=PERSON))
    stranger, _ = service.intake.create_key("stranger")
    begun = batch(service, JANE)
    with pytest.raises(NotFound):
        service.intake.batch_view(stranger, begun.id)
    with pytest.raises(NotFound):
        service.intake.batch_view(service.caller, "batch_of_nobody")
    assert service.intake.batch_view(service.intake.local_caller(), begun.id) == begun


def test_a_part_of_the_rows_comes_with_the_numbers_of_the_whole(make: Make, clock: Clock) -> None:
    service = make(oracle(clock, person=PERSON))
    begun = batch(service, *(f"p{n}@initech.example" for n in range(7)))
    part = see(service, begun, offset=2, limit=3)
    assert [row.position for row in part.rows] == [2, 3, 4]
    assert part.total == 7
    assert see(service, begun, offset=7).rows == []


@pytest.mark.parametrize("count", [0, 101])
def test_a_batch_of_none_or_too_many_is_refused(make: Make, clock: Clock, count: int) -> None:
    service = make(oracle(clock, person=PERSON))
    with pytest.raises(InvalidRequest):
        batch(service, *(f"p{n}@initech.example" for n in range(count)))


def test_a_hundred_prospects_are_asked_for_in_one_batch(make: Make, clock: Clock) -> None:
    service = make(oracle(clock, person=PERSON))
    begun = batch(service, *(f"p{n}@initech.example" for n in range(100)))
    assert statuses(begun) == [Status.queued] * 100
    assert service.intake.usage(service.caller).used == 100
    assert len(service.messages()) == 100


def test_a_person_who_is_forgotten_leaves_a_row_that_says_only_that(
    make: Make, clock: Clock
) -> None:
    service = make(oracle(clock, person=PERSON))
    begun = batch(service, JANE, ANN, JANE, sections=ONLY_PERSON)
    asyncio.run(service.work())
    service.intake.forget(JANE)
    left = see(service, begun)
    assert statuses(left) == ["erased", Status.complete, "erased"]
    assert (left.ended, left.total) == (3, 3)
    assert JANE not in service.database.read(_everything)


def test_a_job_that_has_expired_leaves_a_row_and_then_the_batch_goes_too(
    make: Make, clock: Clock
) -> None:
    service = make(oracle(clock, person=PERSON, company=COMPANY))
    both = frozenset({Section.person, Section.company})
    service.settle(JANE, sections=both)
    clock.move(hours=1)
    begun = batch(service, JANE, JOE, sections=both)
    asyncio.run(service.work())
    clock.move(days=89, hours=23, minutes=30)
    clean(service)
    assert statuses(see(service, begun)) == ["expired", Status.complete]
    clock.move(hours=1)
    clean(service)
    with pytest.raises(NotFound):
        see(service, begun)
    assert rows(service) == (0, 0)


def test_a_batch_with_a_job_under_way_stays_however_old_it_is(make: Make, clock: Clock) -> None:
    service = make(oracle(clock, person=PERSON))
    begun = batch(service, JANE)
    clock.move(days=400)
    clean(service)
    assert statuses(see(service, begun)) == [Status.queued]


def test_a_long_batch_goes_a_step_at_a_time(make: Make, clock: Clock) -> None:
    service = make()
    old = Batch(id="batch_old", caller_id=service.caller.id, total=STEP + 1, created_at=clock())
    gone = [{"batch_id": old.id, "position": n, "problem": "expired"} for n in range(STEP + 1)]
    service.database.write(lambda db: db.execute(insert(Batch).values(old.model_dump()))).result()
    service.database.write(lambda db: db.execute(insert(BatchRow), gone)).result()
    clock.move(days=91)
    clean(service)
    assert rows(service) == (1, 1)
    clean(service)
    assert rows(service) == (0, 0)


def clean(service: Any) -> None:
    kept = Retention(jobs=timedelta(days=90), people=timedelta(days=90), events=timedelta(days=7))
    service.database.write(lambda db: kept.clean(db, service.clock())).result()


def rows(service: Any) -> tuple[int, int]:
    """Count batches and their rows."""
    found: tuple[int, int] = service.database.read(
        lambda db: tuple(
            db.execute(select(func.count()).select_from(table)).scalar_one()
            for table in (Batch, BatchRow)
        )
    )
    return found


def _everything(db: Any) -> str:
    names = inspect(db).get_table_names()
    return "\n".join(str(db.exec_driver_sql(f"SELECT * FROM {name}").all()) for name in names)
