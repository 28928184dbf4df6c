"""What Pipedrive, Attio and Salesforce are odd about, beside the contract of every adapter."""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any, Protocol, TypeVar

import pytest

from app.crm import MISSING_SCOPE, Kind, Note, Property, Ref, Steps
from app.errors import DeliveryFailed, DeliveryPutOff
from app.provider import Answer, Request
from integrations.crm import replies
from integrations.crm.attio.adapter import Attio as AttioAdapter
from integrations.crm.pipedrive.adapter import Pipedrive as PipedriveAdapter
from integrations.crm.salesforce.adapter import Salesforce as SalesforceAdapter
from tests.fakes import attio, pipedrive, salesforce
from tests.fakes.clock import Clock

T = TypeVar("T")


class Stand(Protocol):
    """A stand-in."""

    async def call(self, request: Request) -> Answer: ...


def ask(stand: Stand, steps: Steps[T]) -> T:
    async def held() -> T:
        answer: Any = None
        while True:
            try:
                request = steps.send(answer)
            except StopIteration as done:
                result: T = done.value
                return result
            answer = await stand.call(request)

    return asyncio.run(held())


def note(clock: Clock, mark: str = "warmcall-1") -> Note:
    return Note(mark, f"<p>{mark}</p>", f"Hello, ref {mark}", clock())


# --- Pipedrive


@pytest.fixture
def pipe(clock: Clock) -> pipedrive.Pipedrive:
    return pipedrive.Pipedrive(clock)


PIPE = PipedriveAdapter(key=pipedrive.TOKEN, base_url=pipedrive.URL, domain_field=pipedrive.TITLE)


def test_pipedrive_fields_go_over_the_wire_in_their_own_form(pipe: pipedrive.Pipedrive) -> None:
    ref = Ref("pipe", Kind.person, str(pipe.add("persons", name="Jane Roe")))
    changes = {
        "phones": "+15550100",
        pipedrive.TITLE: "Chief",
        pipedrive.SIZE: "240",
        pipedrive.LEVEL: "11",
        pipedrive.SINCE: "2015-04-01",
    }
    told = ask(pipe, PIPE.write(ref, changes))
    assert told.written == set(changes)
    assert not told.refused
    [(_, _, body)] = [call for call in pipe.calls if call[0] == "PATCH"]
    assert body == {
        "phones": [{"value": "+15550100", "primary": True, "label": "work"}],
        "custom_fields": {
            pipedrive.TITLE: "Chief",
            pipedrive.SIZE: 240,
            pipedrive.LEVEL: 11,
            pipedrive.SINCE: "2015-04-01",
        },
    }
    found = ask(pipe, PIPE.fetch(ref, list(changes)))
    assert found is not None
    assert dict(found.values) == changes


def test_pipedrive_fields_of_other_types_are_only_read(pipe: pipedrive.Pipedrive) -> None:
    ref = Ref("pipe", Kind.person, str(pipe.add("persons", name="Jane Roe")))
    changes = {pipedrive.OWNER: "7", "owner_id": "7", "name": ""}
    told = ask(pipe, PIPE.write(ref, changes))
    assert told.refused == {
        pipedrive.OWNER: replies.READ_ONLY,
        "owner_id": replies.READ_ONLY,
        "name": "required",
    }
    assert not [call for call in pipe.calls if call[0] == "PATCH"]


def test_pipedrive_options_are_told_by_their_label(pipe: pipedrive.Pipedrive) -> None:
    level = ask(pipe, PIPE.properties(Kind.person))[pipedrive.LEVEL]
    assert PIPE.translate(level, " chief  OFFICER") == "12"
    assert PIPE.translate(level, "Officer") is None
    assert level.label == "Level"


def test_a_value_that_is_refused_without_a_name_costs_no_other(pipe: pipedrive.Pipedrive) -> None:
    ref = Ref("pipe", Kind.person, str(pipe.add("persons", name="Jane Roe")))
    changes = {pipedrive.LEVEL: "99", pipedrive.TITLE: "Chief", pipedrive.SIZE: "240"}
    told = ask(pipe, PIPE.write(ref, changes))
    assert told.written == {pipedrive.TITLE, pipedrive.SIZE}
    assert told.refused == {pipedrive.LEVEL: replies.NOT_TAKEN}
    assert told.status == 400


def test_an_organization_has_a_domain_where_the_file_says(pipe: pipedrive.Pipedrive) -> None:
    number = pipe.add("organizations", name="Acme", custom_fields={pipedrive.TITLE: "acme.example"})
    found = ask(pipe, PIPE.fetch(Ref("pipe", Kind.company, str(number)), []))
    assert found is not None
    assert (found.domain, found.company_name, found.name) == ("acme.example", "Acme", "")


def test_a_note_that_was_taken_away_stays_away(pipe: pipedrive.Pipedrive, clock: Clock) -> None:
    ref = Ref("pipe", Kind.person, str(pipe.add("persons", name="Jane Roe")))
    note_id = ask(pipe, PIPE.note([ref], note(clock), ""))
    pipe.notes.clear()
    assert ask(pipe, PIPE.note([ref], note(clock, "warmcall-2"), note_id)) == note_id
    assert pipe.notes == {}


# --- Attio


@pytest.fixture
def space(clock: Clock) -> attio.Attio:
    return attio.Attio(clock)


ATTIO = AttioAdapter(key=attio.TOKEN, base_url=attio.URL, actor_id=attio.ACTOR)


def test_attio_values_are_shown_as_text_and_as_ours(space: attio.Attio) -> None:
    company = space.add("companies", name="Acme", domains="acme.example")
    record_id = space.add(
        "people",
        name="Jane Roe",
        email_addresses=["jane@acme.example", "j@acme.example"],
        phone_numbers="+15550100",
        primary_location="Austin, Texas",
        level="Head",
        company=company,
    )
    space.set("people", record_id, attio.ACTOR, job_title="Chief", score=7)
    ref = Ref("attio", Kind.person, record_id)
    wanted = ["phone_numbers", "primary_location", "level", "job_title", "score", "linkedin"]
    found = ask(space, ATTIO.fetch(ref, wanted))
    assert found is not None
    assert dict(found.values) == {
        "phone_numbers": "+15550100",
        "primary_location": "Austin, Texas",
        "level": "Head",
        "job_title": "Chief",
        "score": "7",
    }
    assert found.ours == {"job_title", "score"}
    assert (found.email, found.name) == ("jane@acme.example", "Jane Roe")
    assert found.company == Ref("attio", Kind.company, company)
    assert found.url.endswith(record_id)
    assert found.created_at is not None


def test_attio_values_are_lists_of_their_type(space: attio.Attio) -> None:
    ref = Ref("attio", Kind.person, space.add("people", name="Jane Roe"))
    changes = {"score": "7", "level": "Head", "phone_numbers": "+15550100", "name": "x"}
    told = ask(space, ATTIO.write(ref, changes))
    assert told.refused == {"name": replies.READ_ONLY}
    [(_, _, body)] = [call for call in space.calls if call[0] == "PATCH"]
    assert body["data"]["values"] == {
        "score": [7],
        "level": ["Head"],
        "phone_numbers": ["+15550100"],
    }


def test_a_newer_note_takes_the_older_ones_place(space: attio.Attio, clock: Clock) -> None:
    ref = Ref("attio", Kind.person, space.add("people", name="Jane Roe"))
    theirs = {"parent_object": "people", "parent_record_id": ref.id, "title": "Call"}
    space.notes["theirs"] = {
        "id": {"note_id": "theirs"},
        "content_plaintext": "She likes anvils",
        "content": "She likes anvils",
        **theirs,
    }
    known = ask(space, ATTIO.note([ref], note(clock), ""))
    space.faults.append(("DELETE", "/notes", 502, False))
    with suppress(DeliveryFailed):  # the new one is there, the old one not yet gone
        ask(space, ATTIO.note([ref], note(clock, "warmcall-2"), known))
    ask(space, ATTIO.note([ref], note(clock, "warmcall-2"), known))
    texts = sorted(one["content"] for one in space.notes.values())
    assert texts == ["Hello, ref warmcall-2", "She likes anvils"]


def test_who_takes_our_note_away_gets_no_other(space: attio.Attio, clock: Clock) -> None:
    ref = Ref("attio", Kind.person, space.add("people", name="Jane Roe"))
    known = ask(space, ATTIO.note([ref], note(clock), ""))
    space.notes.clear()
    ask(space, ATTIO.note([ref], note(clock, "warmcall-2"), known))
    assert space.notes == {}


# --- Salesforce


@pytest.fixture
def force(clock: Clock) -> salesforce.Salesforce:
    return salesforce.Salesforce(clock)


FORCE = SalesforceAdapter(
    key=salesforce.TOKEN,
    base_url=salesforce.URL,
    external_id=salesforce.EXTERNAL,
    domain_id=salesforce.DOMAIN,
    has_tasks=True,
)
JANE = "jane@acme.example"


def test_a_person_is_looked_for_among_leads_and_then_contacts(force: salesforce.Salesforce) -> None:
    contact = force.add("Contact", Name="Jane Roe", **{salesforce.EXTERNAL: JANE})
    found = ask(force, FORCE.find("flow", Kind.person, JANE))
    assert found == Ref("flow", Kind.person, f"Contact/{contact}")
    lead = force.add("Lead", Name="Jane Roe", **{salesforce.EXTERNAL: JANE})
    found = ask(force, FORCE.find("flow", Kind.person, JANE))
    assert found == Ref("flow", Kind.person, f"Lead/{lead}")
    force.add("Lead", Name="Jane Again", **{salesforce.EXTERNAL: JANE})
    assert ask(force, FORCE.find("flow", Kind.person, JANE)) is None


def test_without_an_external_id_nobody_is_asked_for(force: salesforce.Salesforce) -> None:
    bare = SalesforceAdapter(key=salesforce.TOKEN, base_url=salesforce.URL)
    assert ask(force, bare.find("flow", Kind.person, JANE)) is None
    assert force.calls == []


def test_an_upsert_by_external_id_makes_nobody(force: salesforce.Salesforce) -> None:
    lead = force.add("Lead", Name="Jane Roe", **{salesforce.EXTERNAL: "k1"})
    known = Ref("flow", Kind.person, f"Lead/{salesforce.EXTERNAL}/k1")
    told = ask(force, FORCE.write(known, {"Title": "Chief"}))
    assert told.written == {"Title"}
    assert force.records["Lead", lead]["Title"] == "Chief"
    assert force.calls[-1][2] == {"updateOnly": "true"}
    nobody = Ref("flow", Kind.person, f"Lead/{salesforce.EXTERNAL}/k2")
    with pytest.raises(DeliveryFailed) as failed:
        ask(force, FORCE.write(nobody, {"Title": "Chief"}))
    assert failed.value.final
    assert len(force.records) == 1


def test_salesforce_takes_numbers_and_options_of_its_own(force: salesforce.Salesforce) -> None:
    ref = Ref("flow", Kind.company, f"Account/{force.add('Account', Name='Acme')}")
    defined = ask(force, FORCE.properties(Kind.company))
    assert FORCE.translate(defined["Industry"], "banking") == "Banking"
    assert FORCE.translate(defined["Industry"], "Anvils") is None
    changes = {"Industry": "Anvils", "NumberOfEmployees": "240", "Website": "https://acme.example"}
    told = ask(force, FORCE.write(ref, changes))
    assert told.written == {"NumberOfEmployees", "Website"}
    assert told.refused == {"Industry": replies.NOT_TAKEN}
    found = ask(force, FORCE.fetch(ref, ["NumberOfEmployees"]))
    assert found is not None
    assert (found.values, found.company_name) == ({"NumberOfEmployees": "240"}, "Acme")


def test_a_limit_of_the_day_in_the_midst_of_a_write_puts_off(force: salesforce.Salesforce) -> None:
    ref = Ref("flow", Kind.person, f"Lead/{force.add('Lead', Name='Jane Roe')}")
    force.faults.append(("PATCH", "/Lead", 403, "REQUEST_LIMIT_EXCEEDED", False))
    with pytest.raises(DeliveryPutOff) as told:
        ask(force, FORCE.write(ref, {"Title": "Chief"}))
    assert told.value.wait_s >= 3_600
    force.faults.append(("PATCH", "/Lead", 403, "INSUFFICIENT_ACCESS", False))
    with pytest.raises(DeliveryFailed) as failed:
        ask(force, FORCE.write(ref, {"Title": "Chief"}))
    assert failed.value.word == MISSING_SCOPE


def test_a_lead_belongs_to_no_account(force: salesforce.Salesforce, clock: Clock) -> None:
    lead = Ref("flow", Kind.person, f"Lead/{force.add('Lead', Name='Jane Roe')}")
    account = Ref("flow", Kind.company, f"Account/{force.add('Account', Name='Acme')}")
    ask(force, FORCE.associate(lead, account))
    assert force.calls == []
    ask(force, FORCE.note([lead, account], note(clock), ""))
    [task] = [one for (kind, _), one in force.records.items() if kind == "Task"]
    assert (task["WhoId"], "WhatId" in task) == (lead.id.partition("/")[2], False)


def test_without_tasks_nothing_is_logged(force: salesforce.Salesforce, clock: Clock) -> None:
    quiet = SalesforceAdapter(key=salesforce.TOKEN, base_url=salesforce.URL)
    lead = Ref("flow", Kind.person, f"Lead/{force.add('Lead', Name='Jane Roe')}")
    assert ask(force, quiet.note([lead], note(clock), ""))
    assert force.calls == []


# --- answers


def answers() -> Iterator[tuple[int, Mapping[str, str], str | None, dict[str, Any]]]:
    yield 401, {}, None, {"word": "unauthorized", "final": True, "undone": True}
    yield 403, {}, None, {"word": "missing_scope", "final": True, "undone": True}
    yield 400, {}, None, {"word": "status_400", "final": True, "undone": True}
    yield 500, {}, None, {"final": False, "undone": False, "retry_after_s": 5.0}
    yield 503, {"retry-after": "30"}, None, {"final": False, "retry_after_s": 30.0}
    yield 200, {}, None, {"final": False}
    yield 0, {}, "connect", {"undone": True}
    yield 0, {}, "timeout", {"undone": False}


@pytest.mark.parametrize(("status", "headers", "failure", "means"), list(answers()), ids=str)
def test_an_answer_means_what_its_status_says_and_its_text_is_not_passed_on(
    clock: Clock, status: int, headers: Mapping[str, str], failure: str | None, means: Any
) -> None:
    answer = Answer(status, headers, b"<html>s3cret</html>", "u", clock(), failure)
    with pytest.raises(DeliveryFailed) as told:
        replies.read(answer, "Acme")
    assert {name: getattr(told.value, name) for name in means} == means
    assert "s3cret" not in str(told.value)


@pytest.mark.parametrize(("said", "wait_s"), [("7", 7.0), ("", 10.0), ("soon", 10.0)])
def test_a_limit_says_when_to_come_back(clock: Clock, said: str, wait_s: float) -> None:
    answer = Answer(429, {"retry-after": said}, b"", "u", clock())
    with pytest.raises(DeliveryPutOff) as told:
        replies.read(answer, "Acme")
    assert told.value.wait_s == wait_s


@pytest.mark.parametrize(
    ("kind", "value", "fits"),
    [
        ("number", "12500000.5", "12500000.5"),
        ("number", "1,000", None),
        ("number", "²", None),
        ("boolean", "TRUE", "true"),
        ("boolean", "yes", None),
        ("date", "2015-04-01T00:00:00Z", "2015-04-01"),
        ("date", "April", None),
        ("text", "  VP of Sales ", "VP of Sales"),
        ("text", "  ", None),
    ],
)
def test_a_value_fits_or_is_left(kind: str, value: str, fits: str | None) -> None:
    assert replies.fitting(Property("p", kind), value) == fits
