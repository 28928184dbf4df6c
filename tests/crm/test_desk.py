"""Records are written by the rules whatever answers are lost, and writing is taken back."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from app import crm_store
from app.crm import Happening, Kind, Ref
from app.crm_books import MOST_WRITES
from app.crm_plan import Policy, Rule
from app.crm_settings import CrmFile
from app.crm_views import Entry, Saved, Undone
from app.delivery import Address
from app.errors import DeliveryFailed, DeliveryPutOff
from app.facts import Json, Section
from app.intake import Ask, Caller, JobView
from app.provider import Answer, Outcome, Request
from integrations.crm.line import CrmLine
from tests.fakes.clock import Clock
from tests.fakes.oracle import Oracle
from tests.fakes.servers import BACKENDS
from tests.fakes.small_crm import NAME, Fault, Kept, Office

JANE = "jane.roe@initech.example"
SAYS: dict[str, Json] = {
    "person.full_name": "Jane Roe",
    "person.title": "Head of Sales",
    "person.seniority": "director",
    "person.location": "Austin, Texas, United States",
}
FIRM: dict[str, Json] = {
    "company.name": "Initech",
    "company.employee_count": 240,
    "company.industry": "Software",
}

pytestmark = pytest.mark.parametrize("backend", BACKENDS[:2], indirect=True)


@pytest.fixture
def office(make: Any, clock: Clock) -> Office:
    oracle = Oracle("orbit", {Section.person: SAYS, Section.company: FIRM}, clock, sandbox=True)
    return Office(make(oracle))


@pytest.fixture
def jane(office: Office) -> Kept:
    return office.crm.person("1", email=JANE)


REF = Ref(NAME, Kind.person, "1")


def view_of(office: Office, text: str = JANE) -> JobView:
    return office.service.settle(text)


def save(office: Office, view: JobView, ref: Ref = REF) -> Saved:
    return asyncio.run(office.desk.save(view, ref))


def undo(office: Office, view: JobView) -> dict[str, str]:
    """Take a job back; return what became of each value."""
    undone: list[Undone] = asyncio.run(office.desk.undo(view.id))
    return {one.entry.change.property: one.outcome for one in undone}


def books(office: Office, view: JobView) -> dict[str, Entry]:
    entries = asyncio.run(_entries(office, view))
    return {one.change.property: one for one in entries}


async def _entries(office: Office, view: JobView) -> list[Entry]:
    return await office.desk.books.entries(view.id)


def calls(office: Office, method: str, path: str) -> int:
    return sum(one == method and to.startswith(path) for one, to in office.crm.requests)


# --- writing ---


def test_blanks_are_filled_and_what_a_human_typed_stays(office: Office, jane: Kept) -> None:
    office.crm.type("person", "1", city="Boston")
    saved = save(office, view_of(office))
    assert (jane.values["title"], jane.values["city"]) == ("Head of Sales", "Boston")
    assert {"title", "seniority"} <= saved.written
    assert "city" not in saved.written


def test_a_value_typed_while_the_providers_were_asked_stays(office: Office, jane: Kept) -> None:
    view = view_of(office)
    asyncio.run(office.desk.plan(view, REF))
    office.crm.type("person", "1", title="Chief")
    save(office, view)
    assert jane.values["title"] == "Chief"


def test_what_is_there_already_is_not_written_again(office: Office, jane: Kept) -> None:
    view = view_of(office)
    save(office, view)
    before = len(office.crm.requests)
    save(office, view)
    again = office.crm.requests[before:]
    assert [one for one in again if one[0] == "PATCH" and one[1].startswith("/records")] == []
    assert len(office.crm.notes) == 1


def test_every_value_is_in_the_books_with_the_fact_it_rests_on(office: Office, jane: Kept) -> None:
    office.crm.type("person", "1", city="Boston")
    view = view_of(office)
    save(office, view)
    title, city = books(office, view)["title"], books(office, view)["city"]
    [fact] = [one for one in view.facts if one.field == "person.title" and one.id in view.winners]
    change = title.change
    assert (title.state, change.old, change.new) == ("written", "", "Head of Sales")
    assert (change.policy, change.fact_id, change.source) == ("fill_blank", fact.id, "orbit")
    assert (change.confidence, title.status) == (fact.confidence, 200)
    assert title.correlation_id.startswith("trace_")
    assert (city.state, city.reason, city.change.old) == ("skipped", "kept", "Boston")


def test_one_bad_value_does_not_cost_the_others(office: Office, jane: Kept) -> None:
    del office.crm.definitions[Kind.person]["seniority"]
    office.desk.defined.clear()
    view = view_of(office)
    asyncio.run(office.desk.plan(view, REF))  # the definitions are known from here on
    del office.crm.definitions[Kind.person]["phone"]
    office.crm.definitions[Kind.person].pop("city")
    saved = save(office, view)
    assert jane.values["title"] == "Head of Sales"
    assert saved.refused == {"city": "no such property"}
    known = books(office, view)
    assert (known["seniority"].state, known["seniority"].reason) == ("skipped", "undefined")
    assert (known["city"].state, known["city"].reason) == ("refused", "no such property")


def test_a_choice_that_the_crm_does_not_offer_is_not_written(make: Any, clock: Clock) -> None:
    firm = {**FIRM, "company.industry": "Anvil making"}
    oracle = Oracle("orbit", {Section.person: SAYS, Section.company: firm}, clock, sandbox=True)
    office = Office(make(oracle))
    office.crm.person("1", company="7", email=JANE)
    kept = office.crm.company("7", domain="initech.example")
    view = view_of(office)
    save(office, view)
    assert "industry" not in kept.values
    assert books(office, view)["industry"].reason == "untranslatable"


def test_the_own_properties_tell_how_the_record_stands(office: Office, jane: Kept) -> None:
    view = view_of(office)
    save(office, view)
    assert jane.values["warmcall_status"] == view.status.value
    assert jane.values["warmcall_enriched_at"] == "2026-11-21T09:00:00Z"
    assert jane.values["warmcall_sources"] == "orbit"
    assert jane.values["warmcall_battlecard_url"].endswith(f"/card/{view.card_token}")


def test_who_nobody_knows_is_flagged_for_a_human(make: Any, clock: Clock) -> None:
    nobody = dict.fromkeys((Section.person, Section.company), Outcome.not_found)
    office = Office(make(Oracle("orbit", nobody, clock, sandbox=True)))
    kept = office.crm.person("1", email=JANE)
    office.arrive("1")
    assert kept.values["warmcall_status"] == "needs_manual_enrichment"
    assert office.crm.notes == {}


def test_a_record_is_not_written_more_often_than_a_day_allows(office: Office, jane: Kept) -> None:
    rule = Rule("title", "person.title", Policy.overwrite)
    office.with_rules(Kind.person, rule)
    view = view_of(office)
    for _ in range(MOST_WRITES + 3):
        save(office, view)
        office.crm.type("person", "1", title="Chief")  # somebody who keeps changing it back
    assert calls(office, "PATCH", "/records/person/1") == MOST_WRITES
    office.clock.move(days=1)
    save(office, view)
    assert jane.values["title"] == "Head of Sales"


def test_somebody_who_is_at_the_record_is_waited_for(office: Office, jane: Kept) -> None:
    view = view_of(office)

    async def both() -> None:
        other = office.desk_of("worker_2")
        assert await other.books.hold(REF)
        with pytest.raises(DeliveryPutOff):
            await office.desk.save(view, REF)
        await other.books.let_go(REF.target)
        await office.desk.save(view, REF)

    asyncio.run(both())
    assert jane.values["title"] == "Head of Sales"


# --- lost answers ---


LOST: list[Callable[[str, str], Fault]] = [
    lambda method, path: Fault(method, path, 0, after=True),
    lambda method, path: Fault(method, path, 502, after=True),
    lambda method, path: Fault(method, path, 502),
    lambda method, path: Fault(method, path, 429, {"wait": 30}),
]


@pytest.mark.parametrize("fault", LOST)
@pytest.mark.parametrize(
    ("method", "path"), [("PATCH", "/records"), ("POST", "/notes"), ("GET", "/records/person/1")]
)
def test_whatever_answer_is_lost_there_is_one_note_and_every_value_is_explained(
    office: Office, jane: Kept, method: str, path: str, fault: Callable[[str, str], Fault]
) -> None:
    view = office.service.settle(JANE)
    office.crm.faults.append(fault(method, path))
    ask(office)
    for _ in range(4):
        office.clock.move(seconds=61)
        office.work()
    assert len(office.crm.notes) == 1
    assert jane.values["title"] == "Head of Sales"
    assert books(office, view)["title"].state == "written"
    assert [one for one in books(office, view).values() if one.state == "sending"] == []


def ask(office: Office, target: str = REF.target) -> JobView:
    """Have the card of a job that has ended delivered to a record."""
    to = (Address("crm", target),)
    caller = office.service.caller
    view = office.service.intake.request(
        caller, Ask(prospect=office.service.prospect(JANE), notify=to)
    )
    office.work()
    return view


def test_a_delivery_is_parked_for_days_while_the_connection_is_broken(
    office: Office, jane: Kept
) -> None:
    view_of(office)
    office.crm.token = "another"
    ask(office)
    for _ in range(3):
        office.clock.move(days=1)
        office.work()
    [delivery] = office.service.intake.deliveries(office.service.caller)
    assert (delivery.state, list(delivery.tries)) == ("pending", [])
    office.crm.token = "small-secret"
    office.clock.move(minutes=6)
    office.work()
    assert jane.values["title"] == "Head of Sales"


# --- companies ---


def test_the_company_that_a_person_belongs_to_is_written_too(office: Office) -> None:
    office.crm.person("1", company="7", email=JANE)
    kept = office.crm.company("7", domain="elsewhere.example", name="Initech Inc.")
    saved = save(office, view_of(office))
    assert (kept.values["headcount"], kept.values["name"]) == ("240", "Initech Inc.")
    assert kept.values["industry"] == "SOFTWARE"
    assert saved.also is not None
    [note] = office.crm.notes.values()
    assert note["about"] == ["person/1", "company/7"]


def test_a_company_is_found_by_its_domain_and_tied_to_the_person(
    office: Office, jane: Kept
) -> None:
    kept = office.crm.company("7", domain="initech.example")
    save(office, view_of(office))
    assert (jane.company, kept.values["headcount"]) == ("7", "240")


def test_a_company_is_never_made_nor_chosen_between_two(office: Office, jane: Kept) -> None:
    save(office, view_of(office))
    assert [key for key in office.crm.records if key[0] == "company"] == []
    for one in "78":
        office.crm.company(one, domain="initech.example")
    save(office, view_of(office))
    assert jane.company == ""


def test_a_company_that_somebody_is_at_is_not_waited_for(office: Office) -> None:
    kept = office.crm.person("1", company="7", email=JANE)
    office.crm.company("7", domain="initech.example")
    view = view_of(office)

    async def beside() -> Saved:
        other = office.desk_of("worker_2")
        assert await other.books.hold(Ref(NAME, Kind.company, "7"))
        return await office.desk.save(view, REF)

    saved = asyncio.run(beside())
    assert kept.values["title"] == "Head of Sales"
    assert saved.also is not None
    assert saved.also.reason == "busy"
    [note] = office.crm.notes.values()
    assert note["about"] == ["person/1", "company/7"]


def test_colleagues_do_not_write_their_company_anew(office: Office) -> None:
    office.crm.company("7", domain="initech.example")
    for number in range(1, 5):
        office.crm.person(str(number), company="7", email=f"p{number}@initech.example")
        view = view_of(office, f"p{number}@initech.example")
        save(office, view, Ref(NAME, Kind.person, str(number)))
    assert calls(office, "PATCH", "/records/company/7") == 1


# --- showing, and who the record is of ---


def test_a_plan_shows_what_would_be_written_and_writes_nothing(office: Office) -> None:
    kept = office.crm.person("1", company="7", email=JANE, city="Boston")
    office.crm.company("7", domain="initech.example")
    view = view_of(office)
    shown = asyncio.run(office.desk.plan(view, Ref(NAME, Kind.person, "")))
    due = {change.property: (change.old, change.new) for change in shown.due}
    assert due["title"] == ("", "Head of Sales")
    assert "city" not in due
    assert shown.url
    assert shown.also is not None
    assert "headcount" in {change.property for change in shown.also.due}
    assert set(kept.values) == {"email", "city"}
    assert office.crm.notes == {}
    assert books(office, view) == {}
    assert {method for method, _ in office.crm.requests} == {"GET"}


def test_a_record_that_is_not_named_is_the_one_with_the_address(office: Office, jane: Kept) -> None:
    saved = save(office, view_of(office), Ref(NAME, Kind.person, ""))
    assert (saved.ref.id, jane.values["title"]) == ("1", "Head of Sales")


def test_who_is_not_in_the_crm_is_not_put_there(office: Office) -> None:
    assert save(office, view_of(office), Ref(NAME, Kind.person, "")).reason == "no_record"
    assert office.crm.records == {}


def test_a_connection_that_there_is_not_is_a_failure_for_good(office: Office) -> None:
    with pytest.raises(DeliveryFailed) as failed:
        save(office, view_of(office), Ref("nowhere", Kind.person, "1"))
    assert failed.value.final


def test_what_is_proposed_is_not_written_before_somebody_agrees(office: Office, jane: Kept) -> None:
    office.with_rules(Kind.person, Rule("title", "person.title", Policy.propose))
    view = view_of(office)
    save(office, view)
    assert "title" not in jane.values
    assert books(office, view)["title"].state == "proposed"
    asyncio.run(office.desk.save(view, REF, is_agreed=True))
    assert jane.values["title"] == "Head of Sales"
    assert books(office, view)["title"].state == "written"


def test_who_may_agree_is_sent_the_card_once(make: Any, clock: Clock) -> None:
    oracle = Oracle("orbit", {Section.person: SAYS, Section.company: FIRM}, clock, sandbox=True)
    file = CrmFile.parse(
        """
        [fields.small]
        propose_to = "T1:C2"
        person.title = {policy = "propose"}
        """
    )
    office = Office(make(oracle), file)
    office.crm.person("1", email=JANE)
    view_of(office)
    for _ in range(2):
        ask(office)
    targets = {one.address.target for one in office.service.postbox.got}
    assert len(targets) == 1  # the same message, which is posted once
    assert targets.pop().startswith("T1:C2:")
    workspace = Caller("slack_T1", "Slack workspace T1", frozenset())
    assert len(office.service.intake.jobs(workspace)) == 1


# --- taking back ---


def test_what_was_written_is_taken_back_and_the_old_values_are_there_again(
    office: Office,
) -> None:
    kept = office.crm.person("1", company="7", email=JANE, title="Intern")
    firm = office.crm.company("7", domain="initech.example")
    office.with_rules(Kind.person, Rule("title", "person.title", Policy.overwrite))
    view = view_of(office)
    save(office, view)
    assert kept.values["title"] == "Head of Sales"
    outcomes = undo(office, view)
    assert set(outcomes.values()) == {"undone"}
    assert kept.values["title"] == "Intern"
    assert not firm.values["headcount"]
    assert books(office, view)["title"].state == "undone"
    assert books(office, view)["title"].undone_at == office.clock()


def test_what_a_human_has_changed_since_is_not_taken_back(office: Office, jane: Kept) -> None:
    view = view_of(office)
    save(office, view)
    office.crm.type("person", "1", title="Chief")
    outcomes = undo(office, view)
    assert (jane.values["title"], outcomes["title"]) == ("Chief", "changed_since")
    assert (jane.values["seniority"], outcomes["seniority"]) == ("", "undone")
    assert books(office, view)["title"].state == "written"


def test_taking_back_twice_is_taking_back_once(office: Office, jane: Kept) -> None:
    view = view_of(office)
    save(office, view)
    undo(office, view)
    before = dict(jane.values)
    office.crm.type("person", "1", title="Head of Sales")
    assert undo(office, view) == {}
    assert jane.values == before | {"title": "Head of Sales"}


def test_taking_back_goes_on_where_an_answer_was_lost(office: Office, jane: Kept) -> None:
    view = view_of(office)
    save(office, view)
    office.crm.faults.append(Fault("PATCH", "/records", 502, after=True))
    with pytest.raises(DeliveryFailed):
        undo(office, view)
    assert set(undo(office, view).values()) == {"undone"}
    assert jane.values["title"] == ""
    assert books(office, view)["title"].state == "undone"


def test_a_value_that_was_written_twice_goes_back_to_what_was_there_at_first(
    office: Office,
) -> None:
    kept = office.crm.person("1", email=JANE, title="Intern")
    office.with_rules(Kind.person, Rule("title", "person.title", Policy.overwrite))
    view = view_of(office)
    save(office, view)
    office.clock.move(minutes=1)
    office.crm.type("person", "1", title="Chief")
    save(office, view)
    undo(office, view)
    assert kept.values["title"] == "Chief"


def test_a_record_that_is_gone_is_said_to_be_so(office: Office, jane: Kept) -> None:
    view = view_of(office)
    save(office, view)
    office.crm.records.clear()
    assert set(undo(office, view).values()) == {"gone"}


# --- erasure ---


def test_the_books_keep_only_digests_of_who_was_erased(office: Office, jane: Kept) -> None:
    office.arrive("1")
    [job] = office.service.database.read(lambda db: crm_store.jobs_about(db, REF.target))
    office.service.intake.forget(JANE)
    rows = office.service.database.read(lambda db: crm_store.writes(db, job))
    assert rows
    values = [value for row in rows for value in (row.old, row.new) if value]
    assert values
    assert all(value.startswith("sha256:") for value in values)
    undone = asyncio.run(office.desk.undo(job))
    assert {one.outcome for one in undone} == {"erased"}
    assert jane.values["title"] == "Head of Sales"


@pytest.mark.parametrize("happening", [Happening.deleted, Happening.erased])
def test_a_record_that_is_shut_while_it_is_written_stays_shut(
    office: Office, jane: Kept, happening: Happening
) -> None:
    view = view_of(office)
    call = office.crm.call

    async def told_meanwhile(request: Request) -> Answer:
        if request.method == "PATCH":
            await asyncio.to_thread(office.tell, office.event("1", happening))
        return await call(request)

    line = office.desk.lines(NAME)
    assert isinstance(line, CrmLine)
    desk = replace(office.desk, lines={NAME: replace(line, call=told_meanwhile)}.get)
    asyncio.run(desk.save(view, REF))
    database = office.service.database
    row = database.read(lambda db: crm_store.row(db, REF.target))
    assert row is not None
    assert row.state == happening.value
    rows = database.read(lambda db: crm_store.writes(db, view.id, REF.target))
    clear = [one for one in rows if "Head of Sales" in (one.old, one.new)]
    assert bool(clear) == (happening is Happening.deleted)


def test_a_note_holds_the_card_and_nothing_that_could_do_harm(make: Any, clock: Clock) -> None:
    says = {**SAYS, "person.title": "<img src=x onerror=alert(1)> & Head"}
    office = Office(make(Oracle("orbit", {Section.person: says}, clock, sandbox=True)))
    office.crm.person("1", email=JANE)
    view = view_of(office)
    save(office, view)
    [note] = office.crm.notes.values()
    assert f"warmcall-{view.id}" in note["text"]
    assert f"warmcall-{view.id}" in note["html"]
    assert "<img" not in note["html"]
    assert "&lt;img" in note["html"]
