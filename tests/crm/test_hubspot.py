"""The adapter of HubSpot, against the strict local one over real HTTP."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from app.crm import Kind, Note, Property, Ref
from app.errors import DeliveryFailed, DeliveryPutOff
from integrations.crm.hubspot.adapter import HubSpot as Adapter
from tests.crm.talking import talk
from tests.fakes.hubspot import (
    ALL_SCOPES,
    APP,
    DAILY,
    SECONDLY,
    TEN_SECONDLY,
    TOKEN,
    Fault,
    HubSpot,
    Key,
    Record,
    hubspot_served,
)

AT = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
NOTE = Note("ref warmcall-1a2b", "<p>Hello</p><p>ref warmcall-1a2b</p>", "Hello", AT)


@pytest.fixture(scope="module")
def door() -> Iterator[HubSpot]:
    with hubspot_served(HubSpot()) as served:
        yield served


@pytest.fixture
def hubspot(door: HubSpot) -> HubSpot:
    fresh = HubSpot()
    url = door.url
    door.__dict__.update(fresh.__dict__)
    door.url = url
    return door


@pytest.fixture
def adapter(hubspot: HubSpot) -> Adapter:
    return Adapter(key=TOKEN, base_url=hubspot.url, app_id=str(APP))


def person(record: Record) -> Ref:
    return Ref("hubspot", Kind.person, record.id)


def company(record: Record) -> Ref:
    return Ref("hubspot", Kind.company, record.id)


# --- reading


def test_a_record_is_read_with_its_company_and_with_who_wrote_what(
    hubspot: HubSpot, adapter: Adapter
) -> None:
    acme = hubspot.add("companies", name="Acme Corp", domain="acme.example")
    jane = hubspot.add(email="jane@acme.example", firstname="Jane", lastname="Roe", city="Bonn")
    hubspot.link(jane, acme)
    hubspot.change(jane, {"jobtitle": "CFO"}, "INTEGRATION", str(APP))
    hubspot.change(jane, {"phone": "+15550100"}, "INTEGRATION", "999")
    found = talk(adapter.fetch(person(jane), ["city", "jobtitle", "phone", "no_such", "state"]))
    assert found is not None
    assert (found.email, found.name, found.company) == (
        "jane@acme.example",
        "Jane Roe",
        company(acme),
    )
    assert found.values == {"city": "Bonn", "jobtitle": "CFO", "phone": "+15550100"}
    assert found.ours == {"jobtitle"}
    assert found.created_at is not None
    assert found.url.endswith(f"/record/0-1/{jane.id}")
    read = talk(adapter.fetch(company(acme), []))
    assert read is not None
    assert (read.domain, read.company_name) == ("acme.example", "Acme Corp")


def test_who_objected_to_being_enriched_is_known_without_being_asked_for(
    hubspot: HubSpot, adapter: Adapter
) -> None:
    jane = hubspot.add(email="jane@acme.example", hs_contact_enrichment_opt_out="true")
    found = talk(adapter.fetch(person(jane), []))
    assert found is not None
    assert found.opted_out


def test_what_is_gone_is_none_and_what_was_merged_is_the_winner(
    hubspot: HubSpot, adapter: Adapter
) -> None:
    one, two = hubspot.add(email="a@acme.example"), hubspot.add(email="b@acme.example")
    hubspot.merge(one, two)
    found = talk(adapter.fetch(person(two), []))
    assert found is not None
    assert found.ref == person(one)
    hubspot.archive(one)
    assert talk(adapter.fetch(person(one), [])) is None
    assert talk(adapter.fetch(Ref("hubspot", Kind.person, "77"), [])) is None


def test_a_company_is_found_by_its_domain_unless_there_are_two(
    hubspot: HubSpot, adapter: Adapter
) -> None:
    acme = hubspot.add("companies", domain="acme.example")
    assert talk(adapter.find("hubspot", Kind.company, " ACME.example")) == company(acme)
    hubspot.add("companies", domain="acme.example")
    assert talk(adapter.find("hubspot", Kind.company, "acme.example")) is None
    assert talk(adapter.find("hubspot", Kind.person, "x@acme.example")) is None


def test_definitions_are_live_and_hidden_options_are_left_out(
    hubspot: HubSpot, adapter: Adapter
) -> None:
    options = hubspot.properties["companies"]["industry"]["options"]
    options[0]["hidden"] = True
    defined = talk(adapter.properties(Kind.company))
    assert len(defined["industry"].options) == len(options) - 1 == 147
    assert defined["industry"].options["COMPUTER_SOFTWARE"] == "Computer Software"
    assert (defined["numberofemployees"].type, defined["is_public"].type) == ("number", "boolean")
    assert defined["createdate"].is_read_only
    assert not defined["description"].is_read_only


# --- what a property takes


@pytest.mark.parametrize(
    ("kind", "name", "value", "becomes"),
    [
        (Kind.company, "industry", "Computer Software", "COMPUTER_SOFTWARE"),
        (Kind.company, "industry", "computer_software", "COMPUTER_SOFTWARE"),
        (Kind.company, "industry", "Software Development", "COMPUTER_SOFTWARE"),
        (
            Kind.company,
            "industry",
            "Transportation, Logistics, Supply Chain and Storage",
            "LOGISTICS_AND_SUPPLY_CHAIN",
        ),
        (Kind.company, "industry", "Technology", None),
        (Kind.company, "industry", "", None),
        (Kind.company, "numberofemployees", "250", "250"),
        (Kind.company, "numberofemployees", "1,000", None),
        (Kind.company, "numberofemployees", "51-200", None),
        (Kind.company, "founded_year", "2015", "2015"),
        (Kind.company, "is_public", "True", "true"),
        (Kind.company, "description", "  a\u200b text ", "a text"),
        (Kind.company, "createdate", "2026-11-21", None),
        (Kind.person, "numemployees", "40", None),
        (Kind.person, "hs_seniority", "vp", "vp"),
        (Kind.person, "hs_seniority", "C-Suite", "executive"),
        (Kind.person, "hs_seniority", "wizard", None),
    ],
)
def test_a_value_is_written_as_the_property_takes_it_or_not_at_all(
    hubspot: HubSpot, adapter: Adapter, kind: Kind, name: str, value: str, becomes: str | None
) -> None:
    prop = talk(adapter.properties(kind))[name]
    assert adapter.translate(prop, value) == becomes


def test_of_two_options_that_read_alike_neither_is_guessed(adapter: Adapter) -> None:
    prop = Property("stage", "choice", {"1": "New lead", "2": "New-Lead", "3": "Old"})
    assert adapter.translate(prop, "new lead") is None
    assert adapter.translate(prop, "old") == "3"


def test_times_are_written_in_utc(adapter: Adapter) -> None:
    at = Property("warmcall_enriched_at", "datetime")
    assert adapter.translate(at, "2026-11-21T10:00:00+01:00") == "2026-11-21T09:00:00.000Z"
    assert adapter.translate(at, "yesterday") is None
    assert adapter.translate(Property("d", "date"), "2026-11-21T10:00:00Z") == "2026-11-21"


# --- writing


def test_properties_are_written_in_one_call(hubspot: HubSpot, adapter: Adapter) -> None:
    jane = hubspot.add(email="jane@acme.example", city="Bonn")
    done = talk(adapter.write(person(jane), {"jobtitle": "CFO", "city": ""}))
    assert done.written == {"jobtitle", "city"}
    assert not done.refused
    assert jane.properties["jobtitle"] == "CFO"
    assert "city" not in jane.properties
    assert len(hubspot.called("PATCH")) == 1


def test_a_bad_value_never_costs_the_others(hubspot: HubSpot, adapter: Adapter) -> None:
    acme = hubspot.add("companies", name="Acme")
    wanted = {"industry": "Technology", "no_such": "x", "founded_year": "2015", "city": "Bonn"}
    done = talk(adapter.write(company(acme), wanted))
    assert done.written == {"founded_year", "city"}
    assert done.refused == {"industry": "INVALID_OPTION", "no_such": "PROPERTY_DOESNT_EXIST"}
    assert acme.properties["founded_year"] == "2015"
    assert [call.status for call in hubspot.called("PATCH")] == [400, 200]


def test_an_admins_own_rule_is_told_and_not_tried_again(hubspot: HubSpot, adapter: Adapter) -> None:
    jane = hubspot.add(email="jane@acme.example")
    says = {"category": "VALIDATION_ERROR", "message": "Industry is required  for this stage"}
    hubspot.fail("PATCH", "contacts", Fault(400, says))
    done = talk(adapter.write(person(jane), {"jobtitle": "CFO"}))
    assert done.written == frozenset()
    assert done.refused == {"jobtitle": "VALIDATION_ERROR: Industry is required for this stage"}
    assert len(hubspot.called("PATCH")) == 1


def test_a_company_is_made_a_persons_own_however_often_it_is_said(
    hubspot: HubSpot, adapter: Adapter
) -> None:
    jane, acme = hubspot.add(email="j@acme.example"), hubspot.add("companies", name="Acme")
    for _ in range(2):
        talk(adapter.associate(person(jane), company(acme)))
    assert list(jane.linked["companies"]) == [acme.id]


# --- notes


def test_a_note_is_put_on_both_records_and_then_changed(hubspot: HubSpot, adapter: Adapter) -> None:
    jane, acme = hubspot.add(email="j@acme.example"), hubspot.add("companies", name="Acme")
    made = talk(adapter.note([person(jane), company(acme)], NOTE, ""))
    again = replace(NOTE, html="<p>New</p>", at=AT + timedelta(days=1))
    assert talk(adapter.note([person(jane), company(acme)], again, made)) == made
    [note] = hubspot.notes(jane)
    assert note.properties["hs_note_body"] == "<p>New</p>"
    assert hubspot.notes(acme) == [note]


@pytest.mark.parametrize(
    "fault",
    [Fault(502, after=True), Fault(reset=True, after=True), Fault(502), Fault(reset=True)],
    ids=["502 after it was made", "lost after it was made", "502", "lost"],
)
def test_a_note_whose_making_is_in_doubt_is_there_once(
    hubspot: HubSpot, adapter: Adapter, fault: Fault
) -> None:
    jane = hubspot.add(email="j@acme.example")
    hubspot.add("notes", hs_timestamp="2026-11-21T09:00:00Z", hs_note_body="another")
    hubspot.fail("POST", "notes$", fault)
    made = ""
    for may_be_there in (False, True):
        with suppress(DeliveryFailed):
            note = replace(NOTE, may_be_there=may_be_there)
            made = talk(adapter.note([person(jane)], note, ""))
    assert [note.id for note in hubspot.notes(jane)] == [made]


def test_a_note_that_somebody_has_deleted_stays_deleted(hubspot: HubSpot, adapter: Adapter) -> None:
    jane = hubspot.add(email="j@acme.example")
    made = talk(adapter.note([person(jane)], NOTE, ""))
    hubspot.archive(hubspot.records["notes"][made])
    assert talk(adapter.note([person(jane)], NOTE, made)) == made
    assert len(hubspot.records["notes"]) == 1


def test_a_note_too_long_for_hubspot_is_cut_and_keeps_its_mark(
    hubspot: HubSpot, adapter: Adapter
) -> None:
    jane = hubspot.add(email="j@acme.example")
    talk(adapter.note([person(jane)], replace(NOTE, html="x" * 70_000, text="<" * 70_000), ""))
    [note] = hubspot.notes(jane)
    assert len(note.properties["hs_note_body"]) == 65_536
    assert note.properties["hs_note_body"].endswith(NOTE.mark)


# --- when HubSpot says no


@pytest.mark.parametrize(
    ("fault", "wait_s"),
    [
        (Fault(429, TEN_SECONDLY), 10),
        (Fault(429, TEN_SECONDLY, {"Retry-After": "4"}), 4),
        (Fault(429, SECONDLY), 1),
        (Fault(429, DAILY), 3_600),
        (Fault(429, DAILY, {"Retry-After": "7200"}), 7_200),
        (Fault(429), 10),
        (Fault(423, {"category": "LOCKED"}), 2),
        (Fault(477, {}, {"Retry-After": "86400"}), 86_400),
        (Fault(477), 3_600),
    ],
)
def test_a_limit_is_waited_for_and_is_no_failure(
    hubspot: HubSpot, adapter: Adapter, fault: Fault, wait_s: float
) -> None:
    hubspot.fail("GET", "contacts", fault)
    with pytest.raises(DeliveryPutOff) as caught:
        talk(adapter.fetch(Ref("hubspot", Kind.person, "1"), []))
    assert caught.value.wait_s == wait_s


@pytest.mark.parametrize(
    ("fault", "is_final", "word"),
    [
        (Fault(502), False, ""),
        (Fault(503), False, ""),
        (Fault(521), False, ""),
        (Fault(524), False, ""),
        (Fault(reset=True), False, ""),
        (Fault(301), False, ""),
        (Fault(403, {"category": "USER_DOES_NOT_HAVE_PERMISSIONS"}), True, "forbidden"),
        (Fault(404), True, "status_404"),
        (Fault(414), True, "status_414"),
    ],
)
def test_a_failure_has_a_name_and_is_final_only_when_no_retry_helps(
    hubspot: HubSpot, adapter: Adapter, fault: Fault, is_final: bool, word: str
) -> None:
    hubspot.fail("GET", "contacts", fault)
    with pytest.raises(DeliveryFailed) as caught:
        talk(adapter.fetch(Ref("hubspot", Kind.person, "1"), []))
    assert (caught.value.final, caught.value.word) == (is_final, word)


def test_nothing_was_done_where_hubspot_could_not_be_reached() -> None:
    adapter = Adapter(key=TOKEN, base_url="http://127.0.0.1:9")
    with pytest.raises(DeliveryFailed) as caught:
        talk(adapter.write(Ref("hubspot", Kind.person, "1"), {"city": "Bonn"}))
    assert caught.value.undone
    assert not caught.value.final


def test_a_token_that_is_refused_is_told_by_that_word(hubspot: HubSpot, adapter: Adapter) -> None:
    jane = hubspot.add(email="j@acme.example")
    hubspot.keys.clear()
    with pytest.raises(DeliveryFailed) as caught:
        talk(adapter.fetch(person(jane), []))
    assert (caught.value.word, caught.value.final) == ("unauthorized", True)


def test_a_missing_scope_is_named(hubspot: HubSpot, adapter: Adapter) -> None:
    hubspot.keys[TOKEN] = Key(ALL_SCOPES - {"crm.objects.contacts.write"})
    jane = hubspot.add(email="j@acme.example")
    with pytest.raises(DeliveryFailed, match=r"crm\.objects\.contacts\.write") as caught:
        talk(adapter.write(person(jane), {"city": "Bonn"}))
    assert (caught.value.word, caught.value.final) == ("missing_scope", True)


def test_the_key_does_not_show(adapter: Adapter) -> None:
    assert TOKEN not in repr(adapter)
    request = next(adapter.write(Ref("hubspot", Kind.person, "1"), {"city": "Bonn"}))
    assert TOKEN not in repr(request)
    assert "Bonn" not in repr(request)


def test_every_call_goes_to_a_path_with_a_date(hubspot: HubSpot, adapter: Adapter) -> None:
    later = replace(adapter, version="2027-03")
    with pytest.raises(DeliveryFailed):
        talk(later.fetch(Ref("hubspot", Kind.person, "1"), []))
    assert hubspot.calls[-1].path.startswith("/crm/objects/2027-03/contacts/1?")
