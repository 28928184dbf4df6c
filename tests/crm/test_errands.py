"""What surfaces have written into a CRM, shown and taken back: REST, MCP, the command line."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from starlette.applications import Starlette

from app.crm import Kind
from app.crm_plan import Policy, Rule
from app.errors import NotFound, NotReady
from app.facts import Json, Section
from app.intake import JobView
from integrations.cli import tables
from integrations.crm.counter import Counter
from integrations.crm.desk import Desk
from integrations.rest import answers, inbound
from integrations.rest.front import problems
from integrations.runtime import Watcher
from tests.fakes.clock import Clock
from tests.fakes.oracle import Oracle
from tests.fakes.small_crm import NAME, Office
from tests.surfaces.agents import call
from tests.surfaces.asking import Browser
from tests.surfaces.test_rest import SETTINGS, judge, verify

JANE = "jane.roe@initech.example"
SAYS: dict[str, Json] = {"person.full_name": "Jane Roe", "person.title": "Head of Sales"}


@pytest.fixture
def office(make: Any, clock: Clock) -> Office:
    return Office(make(Oracle("orbit", {Section.person: SAYS}, clock, sandbox=True)))


@pytest.fixture
def view(office: Office) -> JobView:
    office.crm.person("1", email=JANE, city="Boston")
    return office.service.settle(JANE)


@pytest.fixture
def counter(office: Office) -> Counter:
    @asynccontextmanager
    async def at_desk() -> AsyncIterator[Desk]:
        yield office.desk_of("counter_1")

    return Counter(names=(NAME,), intake=office.service.intake, at_desk=at_desk)


@pytest.fixture
def api(office: Office, counter: Counter) -> Browser:
    service = office.service
    routes = inbound.routes(
        intake=service.intake,
        watcher=Watcher(service.intake),
        verify=verify,
        judge=judge,
        settings=SETTINGS,
        now=service.clock,
        undo=counter.undo,
    )
    web = Starlette(routes=routes, exception_handlers=problems(service.clock))
    return Browser(web, {"Authorization": f"Bearer {service.secret}"})


# --- REST ---


def test_the_writes_of_a_job_are_listed_and_taken_back(
    api: Browser, office: Office, counter: Counter, view: JobView
) -> None:
    counter.save_now(office.service.caller, view.id)
    said = api("GET", f"/v1/jobs/{view.id}/writes").json()
    listed = answers.Writes.model_validate(said).writes
    [title] = [one for one in listed if one.property == "title"]
    assert (title.record, title.before, title.after) == ("small:person:1", "", "Head of Sales")
    assert (title.state, title.source, title.policy) == ("written", "orbit", "fill_blank")
    undone = answers.UndoneShapes.model_validate(api("POST", f"/v1/jobs/{view.id}/undo").json())
    assert {one.outcome for one in undone.undone} == {"undone"}
    assert office.crm.records["person", "1"].values["title"] == ""
    assert api("POST", f"/v1/jobs/{view.id}/undo").json() == {"undone": []}


def test_the_writes_of_anothers_job_are_not_shown_nor_taken_back(
    api: Browser, office: Office, counter: Counter, view: JobView
) -> None:
    counter.save_now(office.service.caller, view.id)
    _, secret = office.service.intake.create_key("another")
    other = replace(api, headers={"Authorization": f"Bearer {secret}"})
    assert other("GET", f"/v1/jobs/{view.id}/writes").status_code == 404
    assert other("POST", f"/v1/jobs/{view.id}/undo").status_code == 404
    assert office.crm.records["person", "1"].values["title"] == "Head of Sales"


def test_a_key_without_write_takes_nothing_back(
    api: Browser, office: Office, view: JobView
) -> None:
    _, secret = office.service.intake.create_key("reader", scopes=frozenset({"read"}))
    reader = replace(api, headers={"Authorization": f"Bearer {secret}"})
    assert reader("POST", f"/v1/jobs/{view.id}/undo").status_code == 403


# --- MCP ---


def push(office: Office, counter: Counter | None, **arguments: Any) -> dict[str, Any]:
    asked = {"prospect": JANE, **arguments}
    result = call(office.service, "push_to_crm", asked, crm=counter, works=False)
    assert not result.is_error, result.content
    assert result.structured_content is not None
    return dict(result.structured_content)


def test_an_agent_sees_the_values_before_they_are_written(
    office: Office, counter: Counter, view: JobView
) -> None:
    shown = push(office, counter)
    assert shown["status"] == "planned"
    rows = {row["property"]: row for row in shown["changes"]}
    assert (rows["title"]["before"], rows["title"]["after"]) == ("", "Head of Sales")
    assert "city" not in rows
    assert "title" not in office.crm.records["person", "1"].values
    written = push(office, counter, dry_run=False)
    assert written["status"] == "written"
    assert office.crm.records["person", "1"].values["title"] == "Head of Sales"
    assert push(office, counter)["status"] == "nothing_to_write"


def test_an_agent_is_told_when_the_crm_has_no_such_record(office: Office, counter: Counter) -> None:
    office.service.settle(JANE)
    assert push(office, counter)["status"] == "no_record"
    assert push(office, counter, dry_run=False)["status"] == "no_record"


def test_what_is_proposed_is_marked_and_written_once_the_user_agrees(
    office: Office, counter: Counter, view: JobView
) -> None:
    office.with_rules(Kind.person, Rule("title", "person.title", Policy.propose))
    [title] = [row for row in push(office, counter)["changes"] if row["property"] == "title"]
    assert title["needs_consent"] is True
    push(office, counter, dry_run=False)
    assert office.crm.records["person", "1"].values["title"] == "Head of Sales"


def test_nothing_is_pushed_where_no_crm_is_connected(office: Office, view: JobView) -> None:
    assert push(office, None, dry_run=False)["status"] == "not_connected"


# --- Slack's Save to CRM, and the command line ---


def test_a_card_is_saved_as_a_delivery_to_whoever_it_is_about(
    office: Office, view: JobView
) -> None:
    service = office.service
    told = service.intake.save(service.caller, view.id, NAME)
    assert (told.state, told.target) == ("pending", "small:person:")
    office.work()
    assert office.crm.records["person", "1"].values["title"] == "Head of Sales"
    [delivery] = service.intake.deliveries(service.caller, job_id=view.id)
    assert delivery.state == "delivered"


def test_a_company_is_saved_into_its_own_record(make: Any, clock: Clock) -> None:
    firm: dict[str, Json] = {"company.name": "Initech", "company.employee_count": 240}
    office = Office(make(Oracle("orbit", {Section.company: firm}, clock, sandbox=True)))
    kept = office.crm.company("7", domain="initech.example")
    view = office.service.settle("initech.example")
    office.service.intake.save(office.service.caller, view.id, NAME)
    office.work()
    assert kept.values["headcount"] == "240"


def test_only_ones_own_job_is_saved_or_taken_back(
    office: Office, counter: Counter, view: JobView
) -> None:
    other, _ = office.service.intake.create_key("another")
    for errand in (counter.save_now, counter.plan_now, counter.undo_now):
        with pytest.raises(NotFound):
            errand(other, view.id)


def test_no_errand_is_run_without_a_crm(office: Office, counter: Counter, view: JobView) -> None:
    with pytest.raises(NotReady):
        replace(counter, names=()).plan_now(office.service.caller, view.id)


def test_the_writes_are_printed_as_a_table(office: Office, counter: Counter, view: JobView) -> None:
    caller = office.service.caller
    assert "Nothing was written" in tables.write_table([])
    counter.save_now(caller, view.id)
    table = tables.write_table(office.service.intake.writes(caller, view.id))
    assert "small:person:1" in table
    assert "Head of Sales" in table
    assert "undone" in tables.undone_table(counter.undo_now(caller, view.id))
    assert "nothing to take back" in tables.undone_table(counter.undo_now(caller, view.id))
