"""Running jobs: what is asked, what is paid, what survives."""

import asyncio
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import inspect

from app import ledger, store
from app.delivery import Address
from app.errors import (
    Conflict,
    DeliveryFailed,
    IdempotencyMismatch,
    NotFound,
    QuotaExceeded,
)
from app.facts import Fact, Json, Section
from app.intake import Ask, Idempotency
from app.job import DEATHS, Priority, Status
from app.prospect import By, Identifiers
from app.provider import Finding, Outcome
from app.tables import Process
from tests.conftest import LEASE
from tests.fakes.clock import Clock
from tests.fakes.oracle import Oracle
from tests.fakes.servers import BACKENDS

JANE = "jane.roe@initech.example"
PERSON: dict[str, Json] = {"person.full_name": "Jane Roe", "person.title": "Head of Sales"}
COMPANY: dict[str, Json] = {"company.name": "Initech", "company.industry": "Software"}
EMAIL, DOMAIN = frozenset({By.email}), frozenset({By.domain})

Make = Any

pytestmark = pytest.mark.parametrize("backend", BACKENDS, indirect=True)


def oracle(clock: Clock, name: str = "orbit", **says: Any) -> Oracle:
    options = {key: says.pop(key) for key in ("price", "accepts", "confidence") if key in says}
    answers = {Section(key): said for key, said in says.items()}
    return Oracle(name, answers, clock, sandbox=True, **options)


def test_a_job_brings_a_card_with_source_and_confidence_for_every_fact(
    make: Make, clock: Clock
) -> None:
    service = make(oracle(clock, person=PERSON, company=COMPANY))
    view = service.settle(JANE)
    assert view.status is Status.complete
    assert view.card["person"]["full_name"] == "Jane Roe"
    assert view.card["company"]["name"] == "Initech"
    shown = [fact for fact in view.facts if not fact.inferred]
    assert {(fact.source, fact.confidence) for fact in shown} == {("orbit", 0.9)}


def test_the_job_and_its_message_are_one_commit(make: Make, clock: Clock) -> None:
    service = make(oracle(clock, person=PERSON))
    view = service.ask(JANE)
    assert service.messages() == [("run_job", view.id)]


def test_a_second_request_shares_the_running_job_and_both_are_delivered_to(
    make: Make, clock: Clock
) -> None:
    source = oracle(clock, person=PERSON)
    service = make(source)
    other, _ = service.intake.create_key("another")
    first = service.ask(JANE, notify=(Address("callback", "https://one.example"),))
    second = service.ask(
        "Jane.Roe+crm@Initech.example",
        other,
        notify=(Address("callback", "https://two.example"),),
    )
    assert (second.id, second.joined) == (first.id, True)
    asyncio.run(service.work())
    assert len(source.asked) == 1
    assert {one.address.target for one in service.postbox.got} == {
        "https://one.example",
        "https://two.example",
    }
    assert service.intake.job(other, first.id).status is Status.complete


def test_only_those_who_asked_may_see_a_job(make: Make, clock: Clock) -> None:
    service = make(oracle(clock, person=PERSON))
    stranger, _ = service.intake.create_key("stranger")
    view = service.ask(JANE)
    with pytest.raises(NotFound):
        service.intake.job(stranger, view.id)
    assert service.intake.job(service.intake.local_caller(), view.id).id == view.id


def test_the_next_provider_is_asked_only_while_something_wanted_is_missing(
    make: Make, clock: Clock
) -> None:
    full: dict[str, Json] = {
        **PERSON,
        "person.linkedin_url": "https://www.linkedin.com/in/jane-roe",
        "person.email": {"address": JANE, "status": "verified"},
    }
    first, second = oracle(clock, "first", person=full), oracle(clock, "second", person=PERSON)
    service = make(first, second)
    service.settle(JANE, sections=frozenset({Section.person}))
    assert (len(first.asked), second.asked) == (1, [])


def test_a_domain_that_one_provider_finds_opens_the_next(make: Make, clock: Clock) -> None:
    finds: dict[str, Json] = {**PERSON, "company.domain": "initech.example"}
    people = oracle(clock, "people", person=finds, accepts=(frozenset({By.linkedin}),))
    firms = oracle(clock, "firms", company=COMPANY, accepts=(DOMAIN,))
    people.sandbox = firms.sandbox = False
    view = make(people, firms).settle("https://www.linkedin.com/in/jane-roe")
    assert firms.asked == [("company", "domain:initech.example")]
    assert view.card["company"]["name"] == "Initech"


@pytest.mark.parametrize(
    ("person", "company", "status"),
    [
        (PERSON, COMPANY, Status.complete),
        (Outcome.not_found, COMPANY, Status.complete),
        (Outcome.provider_error, COMPANY, Status.partial),
        (Outcome.not_found, Outcome.not_found, Status.not_found),
        (Outcome.not_found, Outcome.provider_error, Status.provider_error),
        (Outcome.suppressed, COMPANY, Status.suppressed),
    ],
)
def test_how_the_sections_end_decides_how_the_job_ends(
    make: Make, clock: Clock, person: Any, company: Any, status: Status
) -> None:
    service = make(oracle(clock, person=person, company=company))
    both = frozenset({Section.person, Section.company})
    assert service.settle(JANE, sections=both).status is status


def test_one_bad_provider_never_costs_the_others_answers(make: Make, clock: Clock) -> None:
    bad, good = oracle(clock, "bad", person=Outcome.provider_error), oracle(clock, person=PERSON)
    view = make(bad, good).settle(JANE, sections=frozenset({Section.person}))
    assert view.card["person"]["full_name"] == "Jane Roe"
    assert {one.provider: one.outcome for one in view.attempts} == {
        "bad": "provider_error",
        "orbit": "matched",
    }


def test_an_answer_is_not_asked_for_again_within_a_day(make: Make, clock: Clock) -> None:
    source = oracle(clock, person=Outcome.not_found, company=Outcome.provider_error)
    service = make(source)
    service.settle(JANE)
    clock.move(hours=23)
    service.settle(JANE)
    narrow = service.settle(JANE, wanted=frozenset({"person.phones"}))
    assert [name for name, _ in source.asked].count("person") == 1
    assert [one.cached for one in narrow.attempts if one.section == "person"] == [True]
    clock.move(hours=2)
    service.settle(JANE)
    assert [name for name, _ in source.asked].count("person") == 2


def test_a_refresh_asks_again_at_once(make: Make, clock: Clock) -> None:
    source = oracle(clock, person=PERSON)
    service = make(source)
    first = service.settle(JANE)
    clock.move(seconds=1)
    view = service.intake.refresh(service.caller, first.id)
    asyncio.run(service.work())
    assert view.id != first.id
    assert len(source.asked) == 2


def test_a_fresh_card_is_answered_at_once_and_costs_nothing(make: Make, clock: Clock) -> None:
    source = oracle(clock, person=PERSON, company=COMPANY)
    service = make(source)
    first = service.settle(JANE)
    used = service.intake.usage(service.caller).used
    clock.move(hours=12)
    again = service.ask(JANE)
    assert (again.id, again.served_from) == (first.id, "fresh_cache")
    assert again.status is Status.complete
    assert service.intake.usage(service.caller).used == used
    assert service.messages() == []


def test_a_stale_card_is_answered_at_once_and_renewed_once_in_the_background(
    make: Make, clock: Clock
) -> None:
    both = frozenset({Section.person, Section.company})
    source = oracle(clock, person=PERSON, company=COMPANY)
    service = make(source)
    service.settle(JANE, sections=both)
    clock.move(days=3)
    stale, again = service.ask(JANE, sections=both), service.ask(JANE, sections=both)
    assert stale.served_from == "stale_cache"
    assert stale.refresh_job_id == again.refresh_job_id
    asyncio.run(service.work())
    assert sorted(name for name, _ in source.asked) == ["company", "person", "person"]
    assert service.ask(JANE, sections=both).served_from == "fresh_cache"


def test_an_expired_card_is_asked_for_again(make: Make, clock: Clock) -> None:
    source = oracle(clock, person=PERSON)
    service = make(source)
    first = service.settle(JANE)
    clock.move(days=8)
    assert service.settle(JANE).id != first.id
    assert len(source.asked) == 2


def test_a_colleague_brings_the_company_without_asking_again(make: Make, clock: Clock) -> None:
    source = oracle(clock, person=PERSON, company=COMPANY)
    source.accepts = (EMAIL, DOMAIN)
    service = make(source)
    service.settle(JANE)
    clock.move(days=2)
    view = service.settle("joe.bloggs@initech.example")
    assert [name for name, _ in source.asked].count("company") == 1
    assert view.card["company"]["name"] == "Initech"


def test_a_company_that_a_job_brought_is_answered_at_once(make: Make, clock: Clock) -> None:
    service = make(oracle(clock, company=COMPANY))
    company = frozenset({Section.company})
    service.settle(JANE, sections=company)
    view = service.ask("initech.example", sections=company)
    assert (view.status, view.served_from) == (Status.complete, "fresh_cache")


def test_not_found_is_remembered_for_a_day_and_given_back(make: Make, clock: Clock) -> None:
    source = oracle(clock, person=Outcome.not_found)
    service = make(source)
    view = service.settle(JANE, sections=frozenset({Section.person}))
    assert (view.status, view.needs_manual_enrichment) == (Status.not_found, True)
    assert service.intake.usage(service.caller).used == 0
    again = service.ask(JANE, sections=frozenset({Section.person}))
    assert (again.id, again.served_from) == (view.id, "fresh_cache")


def test_what_was_found_is_shown_while_what_nobody_knew_is_asked_for_again(
    make: Make, clock: Clock
) -> None:
    both = frozenset({Section.person, Section.company})
    source = oracle(clock, person=Outcome.not_found, company=COMPANY)
    service = make(source)
    first = service.settle(JANE, sections=both)
    clock.move(hours=23)
    assert service.ask(JANE, sections=both).served_from == "fresh_cache"
    clock.move(hours=2)
    stale = service.ask(JANE, sections=both)
    assert (stale.id, stale.served_from) == (first.id, "stale_cache")
    assert stale.card["company"]["name"] == "Initech"
    asyncio.run(service.work())
    assert [name for name, _ in source.asked].count("person") == 2
    assert [name for name, _ in source.asked].count("company") == 1
    assert service.ask(JANE, sections=both).served_from == "fresh_cache"


def test_a_card_without_its_person_is_shown_no_longer_than_one_with_it(
    make: Make, clock: Clock
) -> None:
    both = frozenset({Section.person, Section.company})
    source = oracle(clock, person=Outcome.not_found, company=COMPANY)
    service = make(source)
    first = service.settle(JANE, sections=both)
    clock.move(days=7)
    assert service.ask(JANE, sections=both).id != first.id


def test_a_worker_that_died_leaves_a_job_that_does_not_pay_again(make: Make, clock: Clock) -> None:
    paid = oracle(clock, "paid", person=PERSON)
    late = oracle(clock, "late", company=COMPANY)
    late.hold = asyncio.Event()
    service = make(paid, late)
    view = service.ask(JANE)

    async def die_while_waiting() -> None:
        running = asyncio.create_task(service.engine("dead").run(view.id))
        while not (late.asked and service.see(view).attempts):
            await asyncio.sleep(0.002)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    service.messages()
    asyncio.run(die_while_waiting())
    late.hold = None
    clock.move(seconds=9)
    service.sweep()
    asyncio.run(service.work())
    ended = service.see(view)
    assert ended.status is Status.complete
    assert len(paid.asked) == 1
    lost = [one for one in ended.attempts if one.detail.startswith("interrupted")]
    assert [one.provider for one in lost] == ["late"]


def test_a_lost_message_is_posted_again(make: Make, clock: Clock) -> None:
    service = make(oracle(clock, person=PERSON))
    view = service.ask(JANE)
    service.messages()
    service.sweep()
    assert service.messages() == []
    clock.move(seconds=6)
    service.sweep()
    assert service.messages() == [("run_job", view.id)]


def kill(service: Any, job_id: str, owner: str) -> None:
    """Let a worker claim a job and die of it; sweep up after it."""
    service.messages()
    claim = partial(store.claim, job_id=job_id, owner=owner, now=service.clock(), lease=LEASE)
    service.database.write(claim).result()
    service.clock.move(seconds=9)
    service.sweep()


def test_a_job_that_kills_three_workers_is_parked_with_the_reason(make: Make, clock: Clock) -> None:
    service = make(oracle(clock, person=PERSON))
    view = service.ask(JANE, notify=(Address("callback", "https://one.example"),))
    for number in range(DEATHS):
        assert service.see(view).status is Status.queued
        kill(service, view.id, f"dead_{number}")
    ended = service.see(view)
    assert ended.status is Status.provider_error
    assert ended.error
    assert ended.error.code == "worker_died"
    assert service.intake.usage(service.caller).used == 0
    asyncio.run(service.work())
    assert [one.event for one in service.postbox.got] == ["enrichment.failed"]
    assert service.settle(JANE, refresh=True).status is Status.complete


def test_a_job_that_two_workers_died_with_is_run_by_a_worker_that_runs_nothing_else(
    make: Make, clock: Clock
) -> None:
    source = oracle(clock, person=PERSON)
    service = make(source)
    view = service.ask(JANE)
    kill(service, view.id, "dead_0")
    assert service.messages() == [("run_job", view.id)]
    kill(service, view.id, "dead_1")
    assert service.messages() == [("run_alone", view.id)]
    asyncio.run(service.engine().run(view.id))
    assert (service.see(view).status, source.asked) == (Status.queued, [])
    asyncio.run(service.engine().run_alone(view.id))
    assert service.see(view).status is Status.complete


def test_an_answer_in_between_does_not_make_a_deadly_job_harmless(make: Make, clock: Clock) -> None:
    service = make(oracle(clock, person=Outcome.provider_error))
    view = service.ask(JANE)
    kill(service, view.id, "dead_0")
    service.database.write(
        lambda db: (
            store.claim(db, view.id, "dead_1", clock(), LEASE),
            store.touch(db, view.id, "dead_1", clock(), spent=0.0),
        )
    ).result()
    clock.move(seconds=9)
    service.sweep()
    kill(service, view.id, "dead_2")
    assert service.see(view).status is Status.provider_error


def test_a_job_that_its_living_worker_dropped_is_run_again_and_no_death_is_counted(
    make: Make, clock: Clock
) -> None:
    service = make(oracle(clock, person=PERSON))
    view = service.ask(JANE)
    for _ in range(DEATHS + 1):
        service.messages()
        service.database.write(
            lambda db: store.claim(db, view.id, "worker_1", clock(), LEASE)
        ).result()
        clock.move(seconds=9)
        service.database.write(lambda db: store.beat(db, process("worker_1", clock()))).result()
        service.sweep()
    assert service.messages() == [("run_job", view.id)]
    asyncio.run(service.engine().run(view.id))
    assert service.see(view).status is Status.complete


def process(name: str, at: datetime) -> Process:
    return Process(id=name, kind=store.WORKERS, host="here", pid=1, port=1, seen_at=at)


def test_a_job_that_crashed_while_asking_can_ask_again(make: Make, clock: Clock) -> None:
    source = oracle(clock, person=PERSON)
    source.hold = asyncio.Event()
    service = make(source)
    view = service.ask(JANE)

    async def crash_while_asking() -> None:
        running = asyncio.create_task(service.engine().run(view.id))
        while not source.asked:
            await asyncio.sleep(0.002)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    service.messages()
    asyncio.run(crash_while_asking())
    source.hold = None
    service.database.write(
        lambda db: service.keeper.bereave(db, store.job_row(db, view.id))
    ).result()
    asyncio.run(service.work())
    assert service.see(view).status is Status.complete


def test_two_sweepers_at_once_bring_a_job_back_once(make: Make, clock: Clock) -> None:
    service = make(oracle(clock, person=PERSON))
    view = service.ask(JANE)
    service.messages()
    service.database.write(lambda db: store.claim(db, view.id, "dead", clock(), LEASE)).result()
    clock.move(seconds=9)
    sweeping = [service.database.write(service.keeper.sweep) for _ in range(2)]
    for one in sweeping:
        one.result()
    assert service.messages() == [("run_job", view.id)]
    deaths = service.database.read(lambda db: store.job_row(db, view.id)).deaths
    assert deaths == 1


def test_two_workers_never_run_the_same_job(make: Make, clock: Clock) -> None:
    source = oracle(clock, person=PERSON)
    service = make(source)
    view = service.ask(JANE)

    async def both() -> None:
        await asyncio.gather(service.engine("a").run(view.id), service.engine("b").run(view.id))

    asyncio.run(both())
    assert len(source.asked) == 1


def test_two_jobs_that_need_the_same_answer_pay_for_it_once(make: Make, clock: Clock) -> None:
    source = oracle(clock, company=COMPANY)
    source.accepts = (DOMAIN,)
    service = make(source)
    company = frozenset({Section.company})
    views = [
        service.ask(f"{name}@initech.example", sections=company)
        for name in ("jane.roe", "joe.bloggs")
    ]

    async def together() -> None:
        engine = service.engine()
        await asyncio.gather(*(engine.run(view.id) for view in views))

    asyncio.run(together())
    assert len(source.asked) == 1
    assert {service.see(view).card["company"]["name"] for view in views} == {"Initech"}


def test_max_credits_leaves_out_what_would_cost_more(make: Make, clock: Clock) -> None:
    cheap = oracle(clock, "cheap", person=Outcome.not_found, price=1.0)
    dear = oracle(clock, "dear", person=PERSON, price=5.0)
    service = make(dear, cheap)
    view = service.settle(JANE, max_credits=2.0, sections=frozenset({Section.person}))
    assert (dear.asked, len(cheap.asked)) == ([], 1)
    assert view.status is Status.budget_exhausted
    assert view.credits_spent == 0.0


def test_sections_asked_for_at_once_keep_within_max_credits_together(
    make: Make, clock: Clock
) -> None:
    source = oracle(clock, person=PERSON, company=COMPANY, price=1.0)
    service = make(source)
    view = service.settle(JANE, max_credits=1.0)
    assert (len(source.asked), view.credits_spent) == (1, 1.0)


def test_at_the_deadline_the_card_is_what_is_known(make: Make, clock: Clock) -> None:
    fast, slow = oracle(clock, "fast", person=PERSON), oracle(clock, "slow", company=COMPANY)
    slow.hold = asyncio.Event()
    service = make(fast, slow)
    view = service.ask(JANE, needed_by=clock() + timedelta(seconds=1.5))
    asyncio.run(service.work())
    ended = service.see(view)
    assert ended.status is Status.partial
    assert ended.card["person"]["full_name"] == "Jane Roe"
    assert ended.sections[Section.company] is Status.provider_error


def test_a_long_pause_of_a_provider_sends_the_job_back_to_the_queue(
    make: Make, clock: Clock
) -> None:
    def busy(_: Identifiers) -> Finding:
        return Finding(Outcome.rate_limited, retry_at=clock() + timedelta(seconds=30))

    source = oracle(clock, person=busy, company=COMPANY)
    service = make(source)
    view = service.settle(JANE)
    assert view.status is Status.queued
    assert view.card["company"]["name"] == "Initech"
    source.says = {Section.person: PERSON, Section.company: COMPANY}
    clock.move(seconds=31)
    asyncio.run(service.work())
    assert service.see(view).status is Status.complete
    assert [name for name, _ in source.asked].count("company") == 1


def test_a_provider_that_stays_busy_does_not_keep_the_job_for_ever(
    make: Make, clock: Clock
) -> None:
    def busy(_: Identifiers) -> Finding:
        return Finding(Outcome.rate_limited, retry_at=clock() + timedelta(seconds=30))

    service = make(oracle(clock, person=busy))
    view = service.ask(JANE)
    for _ in range(5):
        asyncio.run(service.work())
        clock.move(seconds=31)
    assert service.see(view).status is Status.provider_error


def test_a_cancelled_job_ends_and_the_answer_under_way_is_kept(make: Make, clock: Clock) -> None:
    source = oracle(clock, person=PERSON)
    source.hold = asyncio.Event()
    service = make(source)
    view = service.ask(JANE)

    async def cancel_while_asking() -> None:
        engine = service.engine()
        running = asyncio.create_task(engine.run(view.id))
        while not source.asked:
            await asyncio.sleep(0.002)
        service.intake.cancel(service.caller, view.id)
        await engine.renew()
        await running
        assert source.hold is not None
        source.hold.set()
        await engine.drain(5.0)

    asyncio.run(cancel_while_asking())
    assert service.see(view).status is Status.cancelled
    found = service.database.read(
        lambda db: ledger.facts_about(db, service.prospect(JANE).key, ["person"])
    )
    assert {fact.value for fact in found} == {"Jane Roe", "Head of Sales"}
    with pytest.raises(Conflict):
        service.intake.cancel(service.caller, view.id)


def test_a_job_whose_lease_was_lost_is_left_to_its_new_owner(make: Make, clock: Clock) -> None:
    source = oracle(clock, person=PERSON)
    source.hold = asyncio.Event()
    service = make(source)
    view = service.ask(JANE)
    service.messages()

    async def overtaken() -> None:
        engine = service.engine("slow")
        running = asyncio.create_task(engine.run(view.id))
        while not source.asked:
            await asyncio.sleep(0.002)
        clock.move(seconds=9)
        service.sweep()
        await engine.renew()
        await running
        assert source.hold is not None
        source.hold.set()
        await engine.drain(5.0)

    asyncio.run(overtaken())
    assert service.see(view).status is Status.queued


def test_renewing_does_not_stop_a_job_that_is_just_being_claimed(make: Make, clock: Clock) -> None:
    service = make(oracle(clock, person=PERSON))
    view = service.ask(JANE)

    async def at_once() -> None:
        engine = service.engine()
        renewal = engine.renew()
        running = asyncio.create_task(engine.run(view.id))
        await asyncio.sleep(0)
        await renewal
        await running

    asyncio.run(at_once())
    assert service.see(view).status is Status.complete


def test_a_waiting_job_is_cancelled_at_once(make: Make, clock: Clock) -> None:
    source = oracle(clock, person=PERSON)
    service = make(source)
    view = service.ask(JANE)
    assert service.intake.cancel(service.caller, view.id).status is Status.cancelled
    asyncio.run(service.work())
    assert (source.asked, service.see(view).status) == ([], Status.cancelled)


def test_a_worker_that_is_stopped_hands_its_jobs_back(make: Make, clock: Clock) -> None:
    source = oracle(clock, person=PERSON)
    source.hold = asyncio.Event()
    service = make(source)
    view = service.ask(JANE)
    service.messages()

    async def stopped() -> None:
        engine = service.engine()
        running = asyncio.create_task(engine.run(view.id))
        while not source.asked:
            await asyncio.sleep(0.002)
        await engine.drain(0.0)
        await running

    asyncio.run(stopped())
    assert service.see(view).status is Status.queued
    source.hold = None
    asyncio.run(service.work())
    assert service.see(view).status is Status.complete


def test_urgent_messages_are_taken_first(make: Make, clock: Clock) -> None:
    service = make(oracle(clock, person=PERSON))
    order = [Priority.background, Priority.batch, Priority.crm, Priority.interactive]
    views = [
        service.ask(f"{name}@initech.example", priority=priority)
        for name, priority in zip(("ann.a", "bob.b", "cat.c", "dan.d"), order, strict=True)
    ]
    forced = service.ask("eve.e@initech.example", refresh=True)
    expected = [forced.id, *(view.id for view in reversed(views))]
    assert [ref for _, ref in service.messages()] == expected


def test_joining_a_waiting_job_moves_it_forward(make: Make, clock: Clock) -> None:
    service = make(oracle(clock, person=PERSON))
    slow = service.ask(JANE, priority=Priority.batch)
    other = service.ask("joe.bloggs@initech.example", priority=Priority.crm)
    service.ask(JANE, priority=Priority.interactive)
    assert list(dict.fromkeys(ref for _, ref in service.messages())) == [slow.id, other.id]


def test_the_quota_ends_new_jobs_but_not_cached_cards(make: Make, clock: Clock) -> None:
    service = make(oracle(clock, person=PERSON))
    poor, _ = service.intake.create_key("poor", quota=1)
    service.ask(JANE, poor)
    asyncio.run(service.work())
    assert service.ask(JANE, poor).status is Status.complete
    with pytest.raises(QuotaExceeded) as refused:
        service.ask("joe.bloggs@initech.example", poor)
    assert refused.value.resets_at.isoformat() == "2026-12-01T00:00:00+00:00"


def test_the_same_idempotency_key_gives_the_same_job(make: Make, clock: Clock) -> None:
    service = make(oracle(clock, person=PERSON))
    ask = Ask(prospect=service.prospect(JANE), refresh=True)
    first = service.intake.request(service.caller, ask, Idempotency("k", "a"))
    asyncio.run(service.work())
    assert service.intake.request(service.caller, ask, Idempotency("k", "a")).id == first.id
    with pytest.raises(IdempotencyMismatch):
        service.intake.request(service.caller, ask, Idempotency("k", "b"))
    clock.move(hours=25)
    assert service.intake.request(service.caller, ask, Idempotency("k", "b")).id != first.id


@pytest.mark.parametrize("text", [JANE, "initech.example"])
def test_who_is_suppressed_is_not_looked_up(make: Make, clock: Clock, text: str) -> None:
    source = oracle(clock, person=PERSON)
    service = make(source)
    service.intake.suppress(text)
    view = service.settle(JANE)
    assert (view.status, source.asked) == (Status.suppressed, [])
    assert "jane" not in repr(view)


def test_a_person_who_objected_at_a_provider_is_never_asked_about_again(
    make: Make, clock: Clock
) -> None:
    refusing = oracle(clock, "refusing", person=Outcome.suppressed)
    other = oracle(clock, "other", person=PERSON)
    service = make(refusing, other)
    service.settle(JANE, sections=frozenset({Section.person}))
    assert other.asked == []
    assert service.settle(JANE, refresh=True).status is Status.suppressed
    assert len(refusing.asked) == 1


def test_what_others_know_of_a_person_who_objected_is_neither_shown_nor_kept(
    make: Make, clock: Clock
) -> None:
    knowing = oracle(clock, "knowing", person={"person.full_name": "Jane Roe"}, company=COMPANY)
    refusing = oracle(clock, "refusing", person=Outcome.suppressed)
    service = make(knowing, refusing)
    view = service.settle(JANE)
    assert (view.status, view.card, view.facts) == (Status.suppressed, {}, [])
    assert view.error
    assert view.error.code == "suppressed"
    assert "Jane Roe" not in service.database.read(_everything)


def test_a_refresh_in_the_background_may_be_followed_by_who_was_shown_the_stale_card(
    make: Make, clock: Clock
) -> None:
    service = make(oracle(clock, person=PERSON))
    person = frozenset({Section.person})
    service.settle(JANE, sections=person)
    clock.move(days=2)
    other, _ = service.intake.create_key("another")
    stale = service.ask(JANE, other, sections=person)
    assert service.intake.job(other, stale.refresh_job_id).status is Status.queued


def test_a_mailbox_that_does_not_exist_is_nobody_found(make: Make, clock: Clock) -> None:
    mail: dict[str, Json] = {"person.email": {"address": JANE, "status": "invalid"}}
    service = make(oracle(clock, person=mail))
    view = service.settle(JANE, sections=frozenset({Section.person}))
    assert view.status is Status.not_found
    assert view.card["person"]["email"]["status"] == "invalid"
    assert service.intake.usage(service.caller).used == 0


def test_an_address_that_is_gone_is_tried_again_only_when_somebody_asks_for_it(
    make: Make, clock: Clock
) -> None:
    service = make(oracle(clock, person=PERSON))
    to = Address("callback", "https://gone.example")
    service.postbox.refuses = DeliveryFailed("gone", final=True, gone=True, status=410)
    service.settle(JANE, notify=(to,))
    service.postbox.refuses = None
    service.settle("ann.roe@initech.example", notify=(to,))
    assert [one.state for one in service.intake.deliveries(service.caller)] == ["disabled"] * 2
    service.intake.ping(service.caller, to)
    asyncio.run(service.work())
    service.settle("bob.roe@initech.example", notify=(to,))
    assert [one.event for one in service.postbox.got] == ["ping", "enrichment.completed"]


def test_forgetting_a_person_leaves_nothing_but_a_digest(make: Make, clock: Clock) -> None:
    people: dict[str, Json] = {
        "decision_makers": {"full_name": "Jane Roe", "title": "Head of Sales"}
    }
    service = make(oracle(clock, person=PERSON, company=COMPANY, decision_makers=people))
    service.settle(JANE, notify=(Address("callback", "https://one.example"),))
    service.settle("initech.example")
    counts = service.intake.forget(JANE)
    assert counts["jobs"] == 2
    left = service.database.read(_everything)
    assert "jane" not in left.casefold()
    assert "Initech" in left
    assert service.settle(JANE).status is Status.suppressed


def test_forgetting_somebody_called_by_one_letter_forgets_nobody_else(
    make: Make, clock: Clock
) -> None:
    service = make(oracle(clock, person={"person.full_name": "E"}, company=COMPANY))
    service.settle(JANE)
    other = service.settle("globex.example", sections=frozenset({Section.company}))
    service.intake.forget(JANE)
    left = service.database.read(_everything)
    assert "Initech" in left
    assert service.see(other).card["company"]


@pytest.mark.parametrize("said", [{}, {"email": JANE}])
def test_who_objected_is_not_shown_among_the_companys_people_either(
    make: Make, clock: Clock, said: dict[str, Json]
) -> None:
    def people(_: Identifiers) -> Finding:
        names = ("J. Smith" if said else "Jane Roe", "Joe Bloggs")
        values: list[dict[str, Json]] = [
            {"full_name": names[0], "title": "Head of Sales", **said},
            {"full_name": names[1], "title": "Head of Finance"},
        ]
        return Finding(Outcome.matched, tuple(_maker(value, clock) for value in values))

    service = make(oracle(clock, company=COMPANY, decision_makers=people))
    service.intake.forget(JANE)
    shown = service.settle("initech.example")
    assert [one["full_name"] for one in shown.card["decision_makers"]] == ["Joe Bloggs"]
    assert "roe" not in service.database.read(_everything).casefold()


def _maker(value: dict[str, Json], clock: Clock) -> Fact:
    return Fact("decision_makers", value, "orbit", 0.9, clock())


def test_an_export_holds_everything_about_a_person(make: Make, clock: Clock) -> None:
    service = make(oracle(clock, person=PERSON))
    view = service.settle(JANE)
    kept = service.intake.export(JANE)
    assert [job["id"] for job in kept["jobs"]] == [view.id]
    assert {fact["value"] for fact in kept["facts"]} >= {"Jane Roe"}


def test_a_plan_names_providers_in_order_and_spends_nothing(make: Make, clock: Clock) -> None:
    source = oracle(clock, person=PERSON, company=COMPANY, price=2.0)
    service = make(source)
    plan = service.intake.plan(Ask(prospect=service.prospect(JANE)))
    assert [(step.section, step.provider) for step in plan.steps] == [
        ("person", "orbit"),
        ("company", "orbit"),
    ]
    assert (plan.max_credits, source.asked, service.messages()) == (4.0, [], [])


def test_events_tell_the_way_of_a_job(make: Make, clock: Clock) -> None:
    service = make(oracle(clock, person=PERSON))
    view = service.settle(JANE, sections=frozenset({Section.person}))
    told = service.intake.events(view.id)
    assert [event.seq for event in told] == [1, 2, 3, 4]
    assert [event.data.get("status") for event in told if event.kind == "job"] == [
        "queued",
        "enrichment_in_progress",
        "complete",
    ]
    assert service.intake.events(view.id, after=3)[0].data == {"status": "complete"}


def test_nothing_real_reaches_the_sandbox_and_nothing_reserved_leaves_it(
    make: Make, clock: Clock
) -> None:
    sandbox, real = oracle(clock, "sandbox", person=PERSON), oracle(clock, "real", person=PERSON)
    real.sandbox = False
    service = make(sandbox, real)
    service.settle("jane.roe@example.org")
    assert (len(sandbox.asked), len(real.asked)) == (0, 1)
    service.settle(JANE)
    assert (len(sandbox.asked), len(real.asked)) == (1, 1)


def _everything(db: Any) -> str:
    names = inspect(db).get_table_names()
    return "\n".join(str(db.exec_driver_sql(f"SELECT * FROM {name}").all()) for name in names)
