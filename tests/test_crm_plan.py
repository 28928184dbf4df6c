"""What would be written into a record: every policy, and what is never ours to write."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.crm import CrmRecord, Kind, Property, Ref
from app.crm_plan import (
    PROTECTED,
    Change,
    Policy,
    Rule,
    Standing,
    fields_known,
    own,
    planned,
    same,
    standing,
    told,
)
from app.crm_settings import CrmFile, connected
from app.errors import BadSettings
from app.facts import Fact, Json
from tests.fakes.small_crm import Small

AT = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
REF = Ref("small", Kind.person, "1")
TEXT = {"title": Property("title", "text")}
TITLE = Rule("title", "person.title")
ADAPTER = Small()

texts = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), max_size=20)


def fact(field: str, value: Json, confidence: float = 0.9, *, inferred: bool = False) -> Fact:
    return Fact(field, value, "orbit", confidence, AT, inferred=inferred, id="f_1")


def record(values: Mapping[str, str] | None = None, *ours: str) -> CrmRecord:
    return CrmRecord(REF, values or {}, frozenset(ours))


def one(
    rule: Rule,
    found: Fact,
    now: CrmRecord | None = None,
    definitions: Mapping[str, Property] = TEXT,
) -> Change:
    [change] = planned([rule], [found], now or record(), definitions, ADAPTER.translate)
    return change


HEAD = fact("person.title", "Head of Sales")


@pytest.mark.parametrize(
    ("policy", "old", "ours", "reason"),
    [
        (Policy.fill_blank, "", (), ""),
        (Policy.fill_blank, "   ", (), ""),
        (Policy.fill_blank, "Chief", (), "kept"),
        (Policy.fill_blank, "Chief", ("title",), "kept"),
        (Policy.ours_only, "", (), ""),
        (Policy.ours_only, "Chief", (), "kept"),
        (Policy.ours_only, "Chief", ("title",), ""),
        (Policy.overwrite, "Chief", (), ""),
        (Policy.propose, "Chief", (), ""),
        (Policy.never, "", (), "never"),
        (Policy.overwrite, " head OF  sales", (), "same"),
    ],
)
def test_the_policy_says_when_a_value_may_take_anothers_place(
    policy: Policy, old: str, ours: tuple[str, ...], reason: str
) -> None:
    rule = replace(TITLE, policy=policy)
    change = one(rule, HEAD, record({"title": old}, *ours))
    assert (change.reason, change.old, change.new) == (reason, old, "Head of Sales")
    assert change.is_proposed == (policy is Policy.propose)
    assert (change.fact_id, change.source, change.confidence) == ("f_1", "orbit", 0.9)


@given(old=texts.filter(str.strip), new=texts.filter(str.strip), sure=st.floats(0, 1))
def test_what_a_person_typed_is_only_replaced_by_an_overwrite(
    old: str, new: str, sure: float
) -> None:
    for policy in set(Policy) - {Policy.overwrite, Policy.propose}:
        rule = Rule("title", "person.title", policy)
        assert one(rule, fact("person.title", new, sure), record({"title": old})).reason


@given(value=st.one_of(st.none(), st.just(""), texts.map(lambda text: " " * len(text))))
def test_an_empty_value_never_clears_one(value: str | None) -> None:
    rule = Rule("title", "person.title", Policy.overwrite)
    found = [fact("person.title", value)]
    now = record({"title": "Chief"})
    assert all(change.reason for change in planned([rule], found, now, TEXT, ADAPTER.translate))


@given(text=texts)
def test_a_value_is_the_same_as_itself_however_it_is_spaced_and_written(text: str) -> None:
    assert same("text", text, f"  {text.upper().lower()} ") or text.upper().lower() != text.lower()
    assert same("text", text, text)


@pytest.mark.parametrize(
    ("kind", "one_", "other", "is_same"),
    [
        ("number", "240", "240.0", True),
        ("number", "1e3", "1000", True),
        ("number", "240", "241", False),
        ("number", "NaN", "NaN", True),
        ("text", "240", "240.0", False),
        ("datetime", "2026-11-21T09:00:00Z", "1795251600123", True),
        ("datetime", "2026-11-21T09:00:00Z", "2026-11-21T09:00:00.500Z", True),
        ("datetime", "2026-11-21T09:00:00Z", "2026-11-21T10:00:00Z", False),
        ("choice", "SOFTWARE", "software", True),
    ],
)
def test_values_are_compared_by_what_they_mean(
    kind: str, one_: str, other: str, is_same: bool
) -> None:
    assert same(kind, one_, other) is is_same


@pytest.mark.parametrize("name", [*sorted(PROTECTED), "Email", "HubSpot_Owner_ID"])
def test_who_a_record_is_and_whose_is_never_written(name: str) -> None:
    rule = Rule(name, "person.title", Policy.overwrite)
    assert one(rule, HEAD, definitions={name: Property(name, "text")}).reason == "protected"


def test_a_guess_is_not_written() -> None:
    guess = fact("person.title", "Head of Sales", 0.5, inferred=True)
    assert one(TITLE, guess).reason == "inferred"


def test_only_what_is_sure_enough_takes_anothers_place() -> None:
    rule = replace(TITLE, policy=Policy.overwrite, sure=0.8)
    now = record({"title": "Chief"})
    assert one(rule, fact("person.title", "Head", 0.79), now).reason == "unsure"
    assert one(rule, fact("person.title", "Head", 0.8), now).reason == ""


def test_what_sources_disagree_about_takes_no_others_place() -> None:
    rule = replace(TITLE, policy=Policy.overwrite)
    for old, reason in (("Chief", "disputed"), ("", "")):
        now = record({"title": old})
        [change] = planned([rule], [HEAD], now, TEXT, ADAPTER.translate, {"person.title"})
        assert change.reason == reason


def test_a_property_that_is_not_there_or_cannot_be_written_is_named() -> None:
    assert one(TITLE, HEAD, definitions={}).reason == "undefined"
    locked = {"title": Property("title", "text", is_read_only=True)}
    assert one(TITLE, HEAD, definitions=locked).reason == "read_only"


def test_a_choice_is_mapped_or_not_written_but_never_guessed() -> None:
    options = {"industry": Property("industry", "choice", {"SOFTWARE": "Software"})}
    rule = Rule("industry", "company.industry")
    assert one(rule, fact("company.industry", "software"), definitions=options).new == "SOFTWARE"
    other = one(rule, fact("company.industry", "Anvils"), definitions=options)
    assert (other.reason, other.new) == ("untranslatable", "Anvils")


def test_nothing_is_said_of_a_field_that_nobody_knows() -> None:
    assert planned([TITLE], [], record(), TEXT, ADAPTER.translate) == ()


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("person.email", {"address": "jane@initech.example", "status": "valid"}, "jane@init"),
        ("person.phones", {"number": "+15551234567", "type": "work"}, "+15551234567"),
        ("company.funding", {"stage": "Series B", "total": 12_000_000}, "Series B"),
        ("company.funding.total", {"stage": "Series B", "total": 12_000_000}, "12000000"),
        ("company.location.city", "Austin, Texas, United States", "Austin"),
        ("company.location.country", "Austin, Texas, United States", "United States"),
        ("company.employee_count", 240, "240"),
    ],
)
def test_a_field_and_its_parts_are_told_as_text(name: str, value: Json, text: str) -> None:
    whole = name if name.count(".") == 1 else name.rpartition(".")[0]
    found = told(name, [fact(whole, value)])
    assert found is not None
    assert found[0].startswith(text)


@pytest.mark.parametrize("place", ["Austin", "Austin, Texas", "1 Main St, Austin, Texas, US"])
def test_a_place_that_is_not_written_in_three_parts_is_not_taken_apart(place: str) -> None:
    assert told("company.location.city", [fact("company.location", place)]) is None


def test_all_technologies_are_told_and_of_phones_the_first() -> None:
    used = [fact("company.technologies", name) for name in ("HubSpot", "Slack")]
    assert told("company.technologies", used) == ("HubSpot; Slack", used[0])
    phones = [fact("person.phones", {"number": n}) for n in ("+15550000001", "+15550000002")]
    assert told("person.phones", phones) == ("+15550000001", phones[0])


@pytest.mark.parametrize(
    ("name", "is_known"),
    [
        ("person.title", True),
        ("company.funding.total", True),
        ("person.location.city", True),
        ("person.shoe_size", False),
        ("person.title.first", False),
        ("", False),
    ],
)
def test_a_rule_names_a_field_that_there_is(name: str, is_known: bool) -> None:
    assert fields_known(name) is is_known


# --- our own properties ---

SAYS = Standing("complete", AT, 0.912, "https://warmcall.example/card/x", "Jane Roe.", ("orbit",))
OURS = {
    "warmcall_status": Property("warmcall_status", "choice", {"complete": "Complete"}),
    "warmcall_confidence": Property("warmcall_confidence", "number"),
    "a1b2c3": Property("a1b2c3", "text", label="Warmcall summary"),
    "title": Property("title", "text", label="Title"),
}


def test_our_own_properties_are_written_where_they_are_defined() -> None:
    changes = standing(SAYS, record(), OURS, ADAPTER.translate)
    assert {change.property: change.new for change in changes} == {
        "warmcall_status": "complete",
        "warmcall_confidence": "0.91",
        "a1b2c3": "Jane Roe.",
    }
    assert {change.policy for change in changes} == {"own"}


def test_our_own_properties_are_found_by_what_people_call_them() -> None:
    assert own(OURS)["warmcall_summary"].name == "a1b2c3"


def test_what_our_own_properties_say_already_is_not_written_again() -> None:
    now = record({"warmcall_status": "complete", "warmcall_confidence": "0.910"})
    changes = standing(SAYS, now, OURS, ADAPTER.translate)
    assert [change.property for change in changes] == ["a1b2c3"]


# --- the file ---


def test_the_file_says_what_goes_where_beside_what_is_usual() -> None:
    file = CrmFile.parse(
        """
        [fields.small]
        policy = "ours_only"
        propose_to = "T1:C2"
        cards_to = "T1:C3"
        [fields.small.person]
        jobtitle = "person.title"
        phone = {policy = "propose"}
        city = {field = "person.location.city", policy = "overwrite", sure = 0.95}
        seniority = {policy = "overwrite"}
        """
    )
    found = connected("small", ADAPTER, file)
    assert (found.propose_to, found.cards_to) == ("T1:C2", "T1:C3")
    rules = {rule.property: rule for rule in found.rules[Kind.person]}
    assert rules["jobtitle"] == Rule("jobtitle", "person.title", Policy.ours_only, 0.5)
    assert rules["phone"] == Rule("phone", "person.phones", Policy.propose, 0.5)
    assert rules["city"] == Rule("city", "person.location.city", Policy.overwrite, 0.95)
    assert rules["seniority"] == Rule("seniority", "person.seniority", Policy.overwrite, 0.8)
    assert rules["title"] == Rule("title", "person.title", Policy.ours_only, 0.5)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("nonsense", "not TOML"),
        ("[fields.small]\npolicy = 'always'", "fields.small.policy"),
        ("[fields.small.person]\nx = {sure = 2}", "fields.small.person.x"),
        ("[fields.small.person]\nx = {field = 'person.title', colour = 1}", "colour"),
        ("[surprise]", "surprise"),
    ],
)
def test_a_file_that_cannot_be_followed_is_refused_by_name(text: str, named: str) -> None:
    with pytest.raises(BadSettings, match=named):
        CrmFile.parse(text)


def test_a_field_that_there_is_not_is_refused_by_its_property() -> None:
    file = CrmFile.parse("[fields.small.person]\nshoes = 'person.shoe_size'")
    with pytest.raises(BadSettings, match=r"person\.shoes: no such field"):
        connected("small", ADAPTER, file)
