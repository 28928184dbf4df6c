"""What may be looked at without asking anybody: nothing is spent, nothing is started."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest

from app.facts import Section
from app.intake import COMMITTED_WITHIN, Caller, ChangedView
from app.job import Status
from app.provider import Outcome
from tests.fakes.clock import Clock
from tests.fakes.servers import BACKENDS
from tests.test_engine import COMPANY, JANE, PERSON, oracle

JOE = "joe.bloggs@initech.example"
BOTH = frozenset({Section.person, Section.company})

Make = Any

pytestmark = pytest.mark.parametrize("backend", BACKENDS[:2], indirect=True)


def shown(service: Any, text: str, caller: Caller | None = None) -> Any:
    """Return the card that is shown, None when there is none."""
    return service.intake.shown(caller or service.caller, service.prospect(text))


def reader(service: Any, *scopes: str) -> Caller:
    made: Caller = service.intake.create_key("reader", scopes=frozenset(scopes or {"read"}))[0]
    return made


# --- cards ---


def test_a_card_is_shown_as_long_as_it_is_fresh_or_stale(make: Make, clock: Clock) -> None:
    source = oracle(clock, person=PERSON, company=COMPANY)
    service = make(source)
    view = service.settle(JANE)
    seen = shown(service, "Jane.Roe+crm@initech.example")
    assert (seen.id, seen.served_from) == (view.id, "fresh_cache")
    assert seen.card["person"]["full_name"] == "Jane Roe"
    stale = service.settle("globex.example", sections=frozenset({Section.company}))
    clock.move(days=8)
    again = shown(service, "globex.example")
    assert again
    assert (again.id, again.served_from) == (stale.id, "stale_cache")
    assert shown(service, JANE) is None


def test_looking_at_cards_spends_and_starts_nothing(make: Make, clock: Clock) -> None:
    source = oracle(clock, person=PERSON, company=COMPANY)
    service = make(source)
    assert shown(service, JANE) is None
    service.settle("initech.example", sections=frozenset({Section.company}))
    used, asked = service.intake.usage(service.caller).used, len(source.asked)
    clock.move(days=9)
    assert shown(service, "initech.example")
    assert service.messages() == []
    assert (service.intake.usage(service.caller).used, len(source.asked)) == (used, asked)


def test_who_may_spend_is_shown_the_card_that_somebody_else_asked_for(
    make: Make, clock: Clock
) -> None:
    service = make(oracle(clock, person=PERSON))
    view = service.settle(JANE)
    spender = reader(service, "read", "spend")
    seen = shown(service, JANE, spender)
    assert seen.id == view.id
    assert service.intake.job(spender, view.id).id == view.id


def test_who_may_not_spend_is_shown_only_what_it_asked_for(make: Make, clock: Clock) -> None:
    service = make(oracle(clock, person=PERSON))
    caller = reader(service)
    service.settle(JANE)
    assert shown(service, JANE, caller) is None
    service.ask(JANE, caller)
    assert shown(service, JANE, caller)


def test_a_company_that_other_jobs_brought_is_shown_to_who_may_spend(
    make: Make, clock: Clock
) -> None:
    service = make(oracle(clock, company=COMPANY, decision_makers=Outcome.not_found))
    sections = frozenset({Section.company, Section.decision_makers, Section.signals})
    service.settle(JANE, sections=sections)
    assert shown(service, "initech.example", reader(service)) is None
    seen = shown(service, "initech.example")
    assert (seen.served_from, seen.card["company"]["name"]) == ("fresh_cache", "Initech")
    assert service.see(seen).status is Status.complete
    assert service.messages() == []


def test_a_card_of_a_part_does_not_hide_what_other_jobs_brought(make: Make, clock: Clock) -> None:
    service = make(oracle(clock, company=COMPANY, decision_makers=Outcome.not_found))
    sections = frozenset({Section.company, Section.decision_makers, Section.signals})
    service.settle("initech.example", sections=frozenset({Section.decision_makers}))
    assert "company" not in shown(service, "initech.example").card
    service.settle(JANE, sections=sections)
    assert shown(service, "initech.example").card["company"]["name"] == "Initech"


def test_the_whole_card_goes_before_a_newer_one_of_a_part(make: Make, clock: Clock) -> None:
    service = make(oracle(clock, person=PERSON, company=COMPANY))
    narrow = service.settle(JANE, sections=frozenset({Section.person}))
    seen = shown(service, JANE)
    assert seen.id == narrow.id
    whole = service.settle(JANE)
    clock.move(seconds=1)
    service.settle(JANE, sections=frozenset({Section.person}), refresh=True)
    seen = shown(service, JANE)
    assert seen.id == whole.id


def test_a_partial_card_is_shown_as_stale_unless_there_is_a_better_one(
    make: Make, clock: Clock
) -> None:
    service = make(oracle(clock, person=Outcome.provider_error, company=COMPANY))
    view = service.settle(JANE, sections=BOTH)
    assert view.status is Status.partial
    clock.move(minutes=1)
    seen = shown(service, JANE)
    assert (seen.id, seen.served_from) == (view.id, "stale_cache")
    clock.move(days=8)
    assert shown(service, JANE) is None


def test_a_refresh_that_failed_does_not_hide_the_card_there_was(make: Make, clock: Clock) -> None:
    source = oracle(clock, person=PERSON)
    service = make(source)
    good = service.settle(JANE)
    source.says = {Section.person: Outcome.provider_error}
    clock.move(hours=1)
    assert service.settle(JANE, refresh=True).status is Status.provider_error
    seen = shown(service, JANE)
    assert seen.id == good.id


@pytest.mark.parametrize("text", [JANE, "initech.example"])
def test_who_is_suppressed_is_not_shown(make: Make, clock: Clock, text: str) -> None:
    service = make(oracle(clock, person=PERSON, company=COMPANY))
    service.settle(JANE)
    service.intake.suppress(text)
    assert shown(service, JANE) is None
    assert service.intake.cards_of(service.caller, "email", "") == ([], 0)


def test_who_is_forgotten_is_not_shown(make: Make, clock: Clock) -> None:
    service = make(oracle(clock, person=PERSON, company=COMPANY))
    service.settle(JANE)
    service.intake.forget(JANE)
    assert shown(service, JANE) is None


# --- whose cards there are ---


def test_a_caller_is_reminded_of_its_own_cards_newest_first(make: Make, clock: Clock) -> None:
    service = make(oracle(clock, person=PERSON, company=COMPANY))
    stranger = reader(service)
    for text in (JANE, JOE, "jane_x@globex.example", "hooli.example"):
        service.settle(text)
        clock.move(minutes=1)
    cards_of = service.intake.cards_of
    everybody = ["jane_x@globex.example", JOE, JANE]
    assert cards_of(service.caller, "email", "") == (everybody, 3)
    assert cards_of(service.caller, "email", "JANE") == (["jane_x@globex.example", JANE], 2)
    assert cards_of(service.caller, "email", "jane_") == (["jane_x@globex.example"], 1)
    assert cards_of(service.caller, "email", "", limit=1) == (["jane_x@globex.example"], 3)
    companies = ["hooli.example", "globex.example", "initech.example"]
    assert cards_of(service.caller, "domain", "") == (companies, 3)
    assert cards_of(stranger, "email", "") == ([], 0)
    assert cards_of(service.intake.local_caller(), "email", "j") == (everybody, 3)


def test_nobody_is_reminded_of_whom_nobody_knew(make: Make, clock: Clock) -> None:
    service = make(oracle(clock, person=Outcome.not_found))
    service.settle(JANE, sections=frozenset({Section.person}))
    service.ask(JOE)
    assert service.intake.cards_of(service.caller, "email", "") == ([], 0)


# --- changes ---


def test_each_job_that_changed_is_told_once_with_who_may_follow_it(
    make: Make, clock: Clock
) -> None:
    service = make(oracle(clock, person=PERSON))
    other, _ = service.intake.create_key("another")
    service.settle(JOE)
    clock.move(minutes=1)
    begun = clock()
    view = service.ask(JANE)
    service.ask(JANE, other)
    (change,) = changes(service, begun)
    assert (change.job_id, change.version, change.is_final) == (view.id, view.version, False)
    assert change.caller_ids == {service.caller.id, other.id}
    assert (change.prospect, change.at) == (service.prospect(JANE), begun)
    clock.move(seconds=1)
    asyncio.run(service.work())
    (later,) = changes(service, begun)
    assert (later.is_final, later.version > change.version) == (True, True)
    assert later.at == begun + timedelta(seconds=1)
    assert changes(service, clock() + COMMITTED_WITHIN) == []


def test_changes_come_in_the_order_of_their_time_a_few_at_a_time(make: Make, clock: Clock) -> None:
    service = make(oracle(clock, person=PERSON))
    begun, views = clock(), []
    for name in ("zoe.z", "yan.y", "xia.x"):
        views.append(service.ask(f"{name}@initech.example"))
        clock.move(seconds=1)
    first = changes(service, begun, limit=2)
    assert [one.job_id for one in first] == [view.id for view in views[:2]]
    rest = changes(service, first[-1].at, limit=2)
    assert [one.job_id for one in rest] == [view.id for view in views[1:]]


def test_a_job_that_was_erased_is_not_told_of(make: Make, clock: Clock) -> None:
    service = make(oracle(clock, person=PERSON))
    begun = clock()
    service.settle(JANE)
    service.intake.forget(JANE)
    assert changes(service, begun) == []


def changes(service: Any, since: datetime, limit: int = 100) -> Sequence[ChangedView]:
    found: Sequence[ChangedView] = service.intake.changed_since(since, limit)
    return found
