"""Large batches: taken in whole, asked for by the workers, never over their credits."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from app import ledger, sheet
from app.breaker import Health
from app.database import Database
from app.delivery import Address
from app.errors import IdempotencyMismatch, InvalidRequest, NotFound
from app.facts import Json, Section
from app.intake import Ask, BatchOrder, BatchView, Idempotency
from app.job import Status
from app.prospect import By, Identifiers
from app.provider import Finding, Outcome
from app.results import lines
from app.retention import Retention
from tests.fakes.clock import Clock
from tests.fakes.servers import BACKENDS
from tests.test_batches import _everything
from tests.test_engine import COMPANY, JANE, PERSON, oracle

JOE, ANN = "joe.bloggs@initech.example", "ann.lee@globex.example"
ONLY_PERSON = frozenset({Section.person})
HERE = Address("callback", "https://one.example")
AT_ONCE = 32
PROFILE = "https://www.linkedin.com/in/jane-roe-example"
BY_MAIL, BY_PROFILE = frozenset({By.email}), frozenset({By.linkedin})

Make = Any

pytestmark = pytest.mark.parametrize("backend", BACKENDS[:2], indirect=True)


def order(*texts: str, **terms: Any) -> BatchOrder:
    raw = "\n".join(["Note,Email", *(f"row {at},{text}" for at, text in enumerate(texts))])
    return BatchOrder(sheet=sheet.read(raw.encode()), **{"sections": ONLY_PERSON, **terms})


def take_in(service: Any, *texts: str, **terms: Any) -> BatchView:
    view: BatchView = service.intake.take_in(service.caller, order(*texts, **terms))
    return view


def people(count: int) -> list[str]:
    return [f"p{number}@initech.example" for number in range(count)]


def see(service: Any, view: BatchView, **part: int) -> BatchView:
    seen: BatchView = service.intake.batch_view(service.caller, view.id, **part)
    return seen


def run(service: Any, view: BatchView, at_once: int = AT_ONCE) -> BatchView:
    """Do what a worker does until the batch has ended."""
    for _ in range(1_000):
        service.intake.feed(at_once)
        asyncio.run(service.work())
        if (seen := see(service, view, limit=10_000)).is_final:
            return seen
    raise AssertionError(see(service, view))


def statuses(view: BatchView) -> list[str | None]:
    return [row.job.status if row.job else row.problem for row in view.rows]


def test_a_batch_that_was_taken_in_waits_for_a_worker_and_is_then_asked_for(
    make: Make, clock: Clock
) -> None:
    source = oracle(clock, person=PERSON)
    service = make(source)
    begun = take_in(service, JANE, JOE, "nonsense", ANN)
    assert (begun.total, begun.ended, begun.is_final) == (4, 1, False)
    assert service.messages() == []
    ended = run(service, begun)
    assert statuses(ended) == [Status.complete, Status.complete, "invalid_prospect", "complete"]
    assert (ended.matched, ended.ended, ended.match_rate) == (3, 4, 0.75)
    assert ended.credits_spent == 3.0
    assert ended.rows[0].cells == ("row 0", JANE)
    assert ended.run
    assert ended.run.finished_at == clock()
    assert [(one.provider, one.asked, one.matched) for one in ended.run.providers] == [
        (source.name, 3, 3)
    ]


def test_no_more_jobs_are_under_way_than_there_is_room_for(make: Make, clock: Clock) -> None:
    service = make(oracle(clock, person=PERSON))
    begun = take_in(service, *people(60))
    for _ in range(10):
        service.intake.feed(10)
    assert len(service.messages()) == 10
    service.ask(ANN)
    assert service.messages()[0][0] == "run_job"
    assert see(service, begun).ended == 0


def test_two_batches_share_the_room(make: Make, clock: Clock) -> None:
    service = make(oracle(clock, person=PERSON))
    first, second = take_in(service, *people(20)), take_in(service, *people(20)[::-1])
    service.intake.feed(8)
    begun = [sum(1 for row in see(service, one).rows if row.job) for one in (first, second)]
    assert begun == [4, 4]


def test_the_same_prospect_in_many_rows_is_asked_for_once(make: Make, clock: Clock) -> None:
    source = oracle(clock, person=PERSON)
    service = make(source)
    begun = take_in(service, JANE, JOE, "Jane.Roe+crm@Initech.example", refresh=True)
    ended = run(service, begun, at_once=1)
    first, other, second = (row.job.id for row in ended.rows if row.job)
    assert first == second != other
    assert (ended.matched, ended.credits_spent, len(source.asked)) == (3, 2.0, 2)
    assert service.intake.usage(service.caller).used == 2


@pytest.mark.parametrize(("most", "asked"), [(0.0, 0), (1.0, 1), (3.0, 3), (99.0, 5)])
def test_a_batch_never_spends_more_than_it_may(
    make: Make, clock: Clock, most: float, asked: int
) -> None:
    source = oracle(clock, person=PERSON)
    service = make(source)
    ended = run(service, take_in(service, *people(5), max_credits=most))
    assert len(source.asked) == asked
    assert ended.credits_spent == asked <= most
    assert statuses(ended).count("budget_exhausted") == 5 - asked


def test_a_job_may_use_what_it_learns_on_its_way(make: Make, clock: Clock) -> None:
    person = oracle(clock, person={**PERSON, "person.linkedin_url": PROFILE}, accepts=(BY_MAIL,))
    more = oracle(clock, "second", person={"person.department": "Sales"}, accepts=(BY_PROFILE,))
    service = make(person, more)
    ended = run(service, take_in(service, JANE, max_credits=2))
    assert (len(more.asked), ended.credits_spent) == (1, 2.0)


def test_a_clock_that_was_set_back_holds_no_batch_up(make: Make, clock: Clock) -> None:
    service = make(oracle(clock, person=PERSON))
    begun = take_in(service, JANE)
    clock.move(days=-3)
    assert statuses(run(service, begun)) == [Status.complete]


def test_what_costs_nothing_is_answered_when_the_credits_are_spent(
    make: Make, clock: Clock
) -> None:
    service = make(oracle(clock, person=PERSON))
    service.settle(ANN, sections=ONLY_PERSON)
    ended = run(service, take_in(service, JANE, JOE, ANN, max_credits=1))
    assert statuses(ended) == [Status.complete, "budget_exhausted", Status.complete]


def test_a_stale_card_is_not_renewed_at_the_cost_of_a_bounded_batch(
    make: Make, clock: Clock
) -> None:
    source = oracle(clock, person=PERSON)
    service = make(source)
    service.settle(JANE, sections=ONLY_PERSON)
    clock.move(days=2)
    ended = run(service, take_in(service, JANE, max_credits=0))
    assert [row.job.served_from for row in ended.rows if row.job] == ["stale_cache"]
    assert len(source.asked) == 1


def flaky(clock: Clock, fails: int) -> Any:
    """Return a source that fails the first times it is asked."""
    made = oracle(clock, person=PERSON)
    left = [fails]

    def said(query: Identifiers) -> Finding:
        left[0] -= 1
        if left[0] >= 0:
            return Finding(Outcome.provider_error, detail="down")
        return Finding(Outcome.matched, tuple(made.facts(PERSON)))

    made.says = {Section.person: said}
    return made


def test_who_was_not_heard_is_asked_once_more_when_all_else_has_ended(
    make: Make, clock: Clock
) -> None:
    source = flaky(clock, fails=2)
    service = make(source)
    ended = run(service, take_in(service, *people(5)))
    assert statuses(ended) == [Status.complete] * 5
    assert ended.run
    assert (ended.run.again, ended.run.gained) == (2, 2)
    assert len(source.asked) == 7
    assert service.intake.usage(service.caller).used == 5


def test_the_second_pass_is_the_last_one(make: Make, clock: Clock) -> None:
    source = oracle(clock, person=Outcome.provider_error)
    service = make(source)
    ended = run(service, take_in(service, JANE, JOE))
    assert statuses(ended) == [Status.provider_error] * 2
    assert ended.run
    assert (ended.run.again, ended.run.gained, len(source.asked)) == (2, 0, 4)


@pytest.mark.parametrize(
    ("name", "span", "again"),
    [
        ("opened_until", timedelta(seconds=60), 1),
        ("not_before", timedelta(minutes=4), 1),
        ("disabled_until", timedelta(minutes=15), 0),
    ],
    ids=["breaker open", "asked for a pause", "disabled"],
)
def test_the_second_pass_waits_for_who_comes_back_soon_and_for_nobody_else(
    make: Make, clock: Clock, name: str, span: timedelta, again: int
) -> None:
    source = flaky(clock, fails=1)
    service = make(source)
    begun = take_in(service, JANE)
    service.intake.feed(AT_ONCE)
    asyncio.run(service.work())
    ill = replace(Health(), **{name: clock() + span})  # type: ignore[arg-type] # all are times
    work = partial(ledger.set_health, provider=source.name, before=Health(), after=ill)
    service.database.write(work).result()
    for _ in range(3):
        service.intake.feed(AT_ONCE)
        asyncio.run(service.work())
    seen = see(service, begun)
    assert seen.run
    assert (seen.run.again, len(source.asked), seen.is_final) == (again, 1, not again)
    assert statuses(seen) == [Status.provider_error]
    clock.move(minutes=5)
    assert statuses(run(service, begun)) == [Status.complete if again else Status.provider_error]


def test_two_workers_at_one_batch_keep_within_its_credits(make: Make, clock: Clock) -> None:
    source = oracle(clock, person=PERSON)
    service = make(source)
    begun = take_in(service, *people(40), max_credits=10)
    other = Database(service.database.url)
    doors = (service.intake, service.front_door(database=other))
    with ThreadPoolExecutor(2) as pool:
        while not see(service, begun).is_final:
            for fed in [pool.submit(door.feed, 8) for door in doors]:
                fed.result()
            asyncio.run(service.work())
    other.close()
    ended = see(service, begun, limit=40)
    assert (len(source.asked), ended.credits_spent) == (10, 10.0)
    assert statuses(ended).count("budget_exhausted") == 30


def test_a_row_that_was_partly_filled_is_charged_once(make: Make, clock: Clock) -> None:
    person, company = flaky(clock, fails=1), oracle(clock, company=COMPANY)
    company.name = "registry"
    service = make(person, company)
    begun = take_in(service, JANE, sections=frozenset({Section.person, Section.company}))
    ended = run(service, begun)
    assert statuses(ended) == [Status.complete]
    assert ended.run
    assert (ended.run.again, ended.run.gained) == (1, 1)
    assert (ended.credits_spent, service.intake.usage(service.caller).used) == (2.0, 1)


def test_addresses_that_were_checked_are_counted(make: Make, clock: Clock) -> None:
    def said(query: Identifiers) -> Finding:
        status = "verified" if query.email == JANE else "risky"
        email: dict[str, Json] = {"address": str(query.email), "status": status}
        return Finding(Outcome.matched, tuple(made.facts({**PERSON, "person.email": email})))

    made = oracle(clock, person=PERSON)
    made.says = {Section.person: said}
    service = make(made)
    ended = run(service, take_in(service, JANE, JOE, ANN, ANN))
    assert ended.run
    assert (ended.run.mailboxes, ended.run.verified, ended.verified_rate) == (4, 1, 0.25)


def test_the_end_is_told_once_and_each_quarter_to_who_follows(make: Make, clock: Clock) -> None:
    service = make(oracle(clock, person=PERSON))
    run(service, take_in(service, *people(8), notify=(HERE,)))
    [told] = service.postbox.got
    assert (told.event, told.body["total"], told.body["matched"]) == ("batch.completed", 8, 8)
    assert told.body["match_rate"] == 1.0
    follows = Address("callback", "https://two.example", followed=True)
    run(service, take_in(service, *people(8), notify=(follows,)), at_once=2)
    events = [one.event for one in service.postbox.got[1:]]
    assert events == ["batch.started", *["batch.progressed"] * len(events[1:-1]), "batch.completed"]
    assert 1 <= len(events) - 2 <= 3


def test_a_key_starts_one_batch_however_often_it_comes(make: Make, clock: Clock) -> None:
    service = make(oracle(clock, person=PERSON))
    first, again, other = (
        Idempotency("k1", "one"),
        Idempotency("k1", "one"),
        Idempotency("k1", "two"),
    )
    begun = service.intake.take_in(service.caller, order(JANE), first)
    assert service.intake.take_in(service.caller, order(JANE), again).id == begun.id
    with pytest.raises(IdempotencyMismatch):
        service.intake.take_in(service.caller, order(JANE), other)


def test_a_batch_of_none_or_too_many_is_refused(make: Make, clock: Clock) -> None:
    service = make()
    [line] = sheet.read(b"email\njane@initech.example").lines
    for count in (0, 10_001):
        many = BatchOrder(sheet=sheet.Sheet(("email",), [line] * count))
        with pytest.raises(InvalidRequest):
            service.intake.take_in(service.caller, many)


def test_rows_behind_the_end_of_the_allowance_say_so(make: Make, clock: Clock) -> None:
    service = make(oracle(clock, person=PERSON))
    service.caller, _ = service.intake.create_key("poor", quota=2)
    ended = run(service, take_in(service, *people(4)))
    assert sorted(map(str, statuses(ended))) == ["complete"] * 2 + ["quota_exceeded"] * 2


def test_nobody_is_asked_for_with_a_key_that_was_revoked(make: Make, clock: Clock) -> None:
    source = oracle(clock, person=PERSON)
    service = make(source)
    begun = take_in(service, JANE)
    service.intake.revoke_key(service.caller.id)
    assert statuses(run(service, begun)) == ["unauthorized"]
    assert source.asked == []


def test_who_is_forgotten_is_neither_asked_for_nor_kept(make: Make, clock: Clock) -> None:
    source = oracle(clock, person=PERSON)
    service = make(source)
    begun = take_in(service, JANE, f"{JOE} ", ANN)
    assert service.intake.export(JANE)["batch_rows"] == [["row 0", JANE]]
    assert service.intake.forget(JANE)["batch_rows"] == 1
    service.intake.feed(1)
    service.intake.forget(JOE)
    ended = run(service, begun)
    assert statuses(ended) == ["erased", "erased", Status.complete]
    assert [row.cells for row in ended.rows] == [(), (), ("row 2", ANN)]
    kept = service.database.read(_everything)
    assert JANE not in kept
    assert JOE not in kept


def test_who_is_forgotten_between_the_passes_is_not_asked_for_again(
    make: Make, clock: Clock
) -> None:
    source = flaky(clock, fails=2)
    service = make(source)
    begun = take_in(service, JANE, JOE, ANN)
    service.intake.feed(1)
    asyncio.run(service.work())
    service.intake.feed(1)  # the first row is known to have ended, the batch has not
    service.intake.forget(JANE)
    ended = run(service, begun)
    assert statuses(ended) == ["erased", Status.complete, Status.complete]
    assert ended.run
    assert ended.run.again == 1


def test_what_was_given_goes_with_the_people_and_the_batch_with_its_jobs(
    make: Make, clock: Clock
) -> None:
    service = make(oracle(clock, person=PERSON))
    begun = run(service, take_in(service, JANE, JOE, notify=(HERE,)))
    waiting = take_in(service, ANN)
    kept = Retention(jobs=timedelta(days=90), people=timedelta(days=30), events=timedelta(days=7))

    def clean() -> None:
        for _ in range(3):
            service.database.write(lambda db: kept.clean(db, clock())).result()

    clock.move(days=31)
    clean()
    assert [row.cells for row in see(service, begun).rows] == [(), ()]
    assert see(service, waiting).rows[0].cells == ("row 0", ANN)
    assert see(service, begun).total == 2
    clock.move(days=60)
    clean()
    with pytest.raises(NotFound):
        see(service, begun)
    assert see(service, waiting).total == 1
    assert "https://one.example" not in service.database.read(_everything)


def test_a_file_comes_back_with_our_columns_behind_its_own(make: Make, clock: Clock) -> None:
    service = make(oracle(clock, person=PERSON))
    ended = run(service, take_in(service, JANE, "nonsense"))
    assert ended.run
    header, first, second = lines(ended.run, ended.rows, "https://warmcall.example")
    assert header.startswith("Note,Email,warmcall_status,warmcall_full_name,")
    assert first.startswith(f"row 0,{JANE},complete,Jane Roe,")
    assert "https://warmcall.example/card/" in first
    assert second.startswith("row 1,nonsense,invalid_prospect,,")


def test_the_link_of_a_file_leads_to_its_batch_and_no_other_does(make: Make, clock: Clock) -> None:
    service = make(oracle(clock, person=PERSON))
    begun = take_in(service, JANE)
    assert begun.run
    caller, batch_id = service.intake.batch_of_file(begun.run.file_token)
    assert (caller.id, batch_id) == (service.caller.id, begun.id)
    with pytest.raises(NotFound):
        service.intake.batch_of_file("nonsense")


def test_a_small_batch_is_no_affair_of_the_workers(make: Make, clock: Clock) -> None:
    service = make(oracle(clock, person=PERSON))
    asks = [Ask(prospect=service.prospect(JANE))]
    view = service.intake.batch(service.caller, asks)
    assert view.run is None
    assert service.intake.feed(AT_ONCE) is False
