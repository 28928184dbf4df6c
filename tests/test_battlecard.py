from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.battlecard import CORE, Card, Change, changed, compose
from app.facts import FIELDS, INFERRED_CEILING, Fact, Json, fields_of
from app.facts import Section as Part
from app.positioning import Positioning, Seller, ValuePoint, When
from app.prospect import Prospect, identify
from app.rules import Kind

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
EVERYTHING = fields_of(*Part)
SARAH = identify("sarah.chen@acme.example")
ACME = identify("acme.example")


def fact(
    field: str,
    value: Json,
    source: str = "orbit",
    confidence: float = 0.8,
    *,
    days_old: float = 0,
    inferred: bool = False,
    url: str | None = None,
) -> Fact:
    seen_at = NOW - timedelta(days=days_old)
    ident = f"{source} {field} {value}"
    return Fact(field, value, source, confidence, seen_at, url, inferred=inferred, id=ident)


def card(
    *facts: Fact, prospect: Prospect = SARAH, positioning: Positioning | None = None
) -> dict[str, Json]:
    composed = compose(prospect, facts, EVERYTHING, positioning, NOW)
    dumped: dict[str, Json] = composed.model_dump(mode="json", exclude_none=True)
    return dumped


PERSON = (
    fact("person.full_name", "Sarah Chen"),
    fact("person.title", "VP of Sales"),
    fact("person.email", {"address": "Sarah.Chen@acme.example", "status": "verified"}),
    fact("person.phones", {"number": "+12025550142", "type": "mobile"}),
)
COMPANY = (
    fact("company.name", "Acme Corp"),
    fact("company.industry", "Computer Software"),
    fact("company.employee_count", 240),
    fact("company.founded_year", 2015),
    fact("company.location", "Austin, Texas"),
    fact("company.funding", {"stage": "Series B", "total": 24e6, "last_round_at": "2026-03-15"}),
    fact("company.socials", {"network": "x", "url": "https://x.example/acme"}),
    fact("company.status", {"status": "active"}),
)


# --- shape ---------------------------------------------------------------------------------


def test_a_full_card_has_the_words_of_the_contract() -> None:
    full = card(
        *PERSON,
        *COMPANY,
        fact("decision_makers", {"full_name": "Dana Ortiz", "title": "CRO"}),
        fact("signals", {"kind": "product", "headline": "Anvil 2", "seen_at": "2026-10-01"}),
    )
    assert full["person"] == {
        "full_name": "Sarah Chen",
        "first_name": "Sarah",
        "last_name": "Chen",
        "title": "VP of Sales",
        "email": {"address": "sarah.chen@acme.example", "status": "verified"},
        "phones": [{"number": "+12025550142", "type": "mobile"}],
    }
    assert full["company"] == {
        "name": "Acme Corp",
        "industry": "Computer Software",
        "employee_count": 240,
        "founded_year": 2015,
        "location": "Austin, Texas",
        "funding": {"stage": "Series B", "total": 24_000_000, "last_round_at": "2026-03-15"},
        "socials": [{"network": "x", "url": "https://x.example/acme"}],
        "status": {"status": "active"},
    }
    assert full["decision_makers"] == [{"full_name": "Dana Ortiz", "title": "CRO"}]
    assert full["signals"] == [{"kind": "product", "headline": "Anvil 2", "seen_at": "2026-10-01"}]
    assert full["as_of"] == "2026-11-21T12:00:00Z"


def test_an_empty_card_has_empty_lists_and_no_person_or_company() -> None:
    empty = card()
    assert empty == {
        "summary": "Nothing is known about sarah.chen@acme.example.",
        "decision_makers": [],
        "signals": [],
        "talking_points": [],
        "candidates": [],
        "changes": [],
        "gaps": list(CORE),
        "confidence": {},
        "inferred": [],
        "conflicts": [],
        "as_of": "2026-11-21T12:00:00Z",
    }


def test_a_dumped_card_reads_back() -> None:
    composed = compose(SARAH, [*PERSON, *COMPANY], EVERYTHING, None, NOW)
    assert Card.model_validate(composed.model_dump(mode="json", exclude_none=True)) == composed
    assert Card.model_validate({}) == Card()


def test_the_card_is_as_new_as_its_newest_stated_fact() -> None:
    found = card(
        fact("company.name", "Acme", days_old=3),
        fact("company.name", "Acme", "hill", days_old=5),
        fact("person.full_name", "Sarah Chen", "address", inferred=True),
    )
    assert found["as_of"] == "2026-11-18T12:00:00Z"


# --- summary -------------------------------------------------------------------------------

GUESS = fact("person.full_name", "Sarah Chen", "address", 0.55, inferred=True)
GUESSED_INDUSTRY = fact("company.industry", "IT", "hill", 0.4, inferred=True)
LEE = fact("person.full_name", "Lee Park", "hill")


@pytest.mark.parametrize(
    ("prospect", "facts", "said"),
    [
        (
            SARAH,
            (*PERSON, *COMPANY),
            "Sarah Chen is VP of Sales at Acme Corp, a computer software company with about 240 "
            "employees, founded in 2015 and based in Austin, Texas.",
        ),
        (
            SARAH,
            (GUESS, COMPANY[0]),
            "Sarah Chen is with Acme Corp. The name is read from the address and not confirmed.",
        ),
        (
            SARAH,
            (PERSON[0], COMPANY[0]),
            "Sarah Chen is with Acme Corp. The job title is not known.",
        ),
        (SARAH, (PERSON[1],), "The person is VP of Sales. The person's name is not known."),
        (SARAH, (PERSON[0],), "Only the name Sarah Chen is known. The job title is not known."),
        (
            SARAH,
            (COMPANY[0], COMPANY[2]),
            "Acme Corp is a company with about 240 employees. It is not known who the person is.",
        ),
        (
            SARAH,
            (PERSON[0], LEE, COMPANY[0]),
            "2 people could be meant, so nothing is guessed. "
            "Little more than the name of Acme Corp is known.",
        ),
        (
            SARAH,
            (*PERSON[:2], fact("company.name", "Acme Inc."), GUESSED_INDUSTRY),
            "Sarah Chen is VP of Sales at Acme Inc., an IT company. Not confirmed: the industry.",
        ),
        (
            identify("info@acme.example"),
            (*PERSON, COMPANY[0], COMPANY[4]),
            "Acme Corp is a company based in Austin, Texas. "
            "The address is a shared mailbox, so no person is named.",
        ),
        (
            ACME,
            (COMPANY[0], fact("company.status", {"status": "closed"}), COMPANY[3]),
            "Acme Corp is reported as closed. Acme Corp is a company founded in 2015.",
        ),
        (
            ACME,
            (fact("company.employee_range", "51-200"), fact("company.domain", "acme.example")),
            "acme.example is a company with 51-200 employees.",
        ),
        (ACME, (fact("company.description", "Anvils"),), "The company: “Anvils”."),
    ],
)  # fmt: skip
def test_the_summary_is_plain_and_honest(
    prospect: Prospect, facts: tuple[Fact, ...], said: str
) -> None:
    assert card(*facts, prospect=prospect)["summary"] == said


# --- who and what is shown -----------------------------------------------------------------


def test_where_a_company_is_meant_nothing_is_said_of_a_person() -> None:
    found = card(*PERSON, *COMPANY, prospect=ACME)
    assert "person" not in found
    assert "Sarah" not in str(found)
    assert not [gap for gap in compose(ACME, (), EVERYTHING, None, NOW).gaps if "person." in gap]


def test_several_people_are_listed_and_none_is_chosen() -> None:
    found = compose(SARAH, [*PERSON, LEE, COMPANY[0]], EVERYTHING, None, NOW)
    assert found.person is None
    assert [one.full_name for one in found.candidates] == ["Lee Park", "Sarah Chen"]
    assert found.candidates[1].title == "VP of Sales"
    assert "person.full_name" in found.gaps


def test_gaps_are_wanted_core_fields_in_the_order_of_a_card() -> None:
    wanted = frozenset(
        {"company.location", "person.title", "company.employee_count", "person.full_name",
         "company.technologies", "company.addresses"}
    )  # fmt: skip
    facts = [GUESS, fact("company.employee_range", "51-200")]
    assert compose(SARAH, facts, wanted, None, NOW).gaps == ("person.title", "company.location")
    assert set(CORE) <= set(FIELDS)


def test_an_inferred_value_is_named_as_one() -> None:
    found = compose(SARAH, [GUESS, COMPANY[0]], EVERYTHING, None, NOW)
    assert found.inferred == ("person.first_name", "person.full_name", "person.last_name")
    assert found.confidence["person.full_name"] == INFERRED_CEILING
    assert found.confidence["company.name"] == 0.8


def test_fields_that_sources_disagree_about_are_named() -> None:
    facts = [COMPANY[2], fact("company.employee_count", 190, "hill", 0.5)]
    found = compose(ACME, facts, EVERYTHING, None, NOW)
    assert found.conflicts == ("company.employee_count",)
    assert found.company is not None
    assert found.company.employee_count == 240


def person(name: str, title: str, **more: str) -> Fact:
    return fact("decision_makers", {"full_name": name, "title": title, **more})


def test_decision_makers_are_ranked_without_the_prospect_and_not_too_many() -> None:
    facts = [
        PERSON[0],
        person("S. Chen", "VP of Sales"),
        person("Sally Moor", "Sales", email="sarah.chen@acme.example"),
        person("Lee Park", "Engineer"),
        person("Dana Ortiz", "Head of Growth", seniority="c_suite"),
        person("Ada Moss", "CEO"),
        *(person(f"Uma Reed-{letter}", "Technician") for letter in "abcdefghijklmnop"),
    ]
    found = compose(SARAH, facts, EVERYTHING, None, NOW).decision_makers
    assert [one.full_name for one in found[:3]] == ["Ada Moss", "Dana Ortiz", "Lee Park"]
    assert len(found) == 12


def test_people_whom_our_value_points_address_come_before_their_equals() -> None:
    ours = Positioning(
        seller=Seller(name="Brightline"),
        value_points=(ValuePoint(name="a", text="b", when=When(functions=("marketing",))),),
    )
    facts = [person("Ada Moss", "VP Finance"), person("Zoe Lund", "VP Marketing")]
    assert [
        one.full_name for one in compose(ACME, facts, EVERYTHING, ours, NOW).decision_makers
    ] == [
        "Zoe Lund",
        "Ada Moss",
    ]


def test_signals_are_newest_first_with_their_own_date_or_the_day_they_were_seen() -> None:
    facts = [
        fact("signals", {"kind": "product", "headline": "Old", "seen_at": "2026-01-05"}),
        fact(
            "signals",
            {"kind": "news", "headline": "New", "seen_at": "soon"},
            url="https://a.example/n",
        ),
        fact("signals", {"kind": "news"}),
    ]
    old = {"kind": "product", "headline": "Old", "seen_at": "2026-01-05"}
    new = {
        "kind": "news",
        "headline": "New",
        "url": "https://a.example/n",
        "seen_at": "2026-11-21T12:00:00+00:00",
    }
    assert card(*facts)["signals"] == [new, old]


# --- hostile text --------------------------------------------------------------------------


def test_text_of_strangers_is_cleaned_and_cut() -> None:
    found = compose(
        SARAH,
        [
            fact("person.full_name", "Sarah\u202e Chen\x00\u200b"),
            fact("person.title", "VP " * 200),
            fact("company.description", "Anvils and more. " * 100),
            fact("signals", {"kind": "news", "headline": "h" * 1000}),
        ],
        EVERYTHING,
        None,
        NOW,
    )
    assert found.person is not None
    assert found.company is not None
    assert found.person.full_name == "Sarah Chen"
    assert len(found.person.title or "") <= 200
    assert len(found.company.description or "") <= 500
    assert len(found.signals[0].headline) == 300
    assert all(len(point.text) < 350 for point in found.talking_points)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("linkedin.com/in/sarah", "https://linkedin.com/in/sarah"),
        ("http://www.linkedin.com/in/sarah", "http://www.linkedin.com/in/sarah"),
        ("javascript:alert(1)", None),
        ("data:text/html,x", None),
        ("https://", None),
        ("https://[bad", None),
        ('https://a.example/"onclick=', None),
        ("https://a.example/ b", None),
        (f"https://a.example/{'x' * 3000}", None),
        (7, None),
    ],
)
def test_only_a_web_address_is_a_link(value: Json, shown: str | None) -> None:
    found = compose(SARAH, [PERSON[0], fact("person.linkedin_url", value)], EVERYTHING, None, NOW)
    assert found.person is not None
    assert found.person.linkedin_url == shown


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("company.employee_count", "many"),
        ("company.employee_count", True),
        ("company.founded_year", 99999),
        ("company.funding", {"total": "lots", "last_round_at": "2026-99"}),
        ("company.name", {"name": "Acme"}),
        ("company.socials", {"network": "x", "url": "ftp://x"}),
        ("company.status", "closed"),
        ("person.email", {"address": "nobody"}),
        ("person.phones", {"type": "mobile"}),
    ],
)
def test_a_value_of_the_wrong_shape_is_left_out(field: str, value: Json) -> None:
    found = card(fact(field, value))
    assert "company" not in found
    assert "person" not in found


# --- what a refresh changed ----------------------------------------------------------------


def composed(*facts: Fact) -> Card:
    return compose(SARAH, facts, EVERYTHING, None, NOW)


def test_changes_name_what_is_new_what_is_different_and_what_is_gone() -> None:
    old = composed(
        *PERSON,
        COMPANY[5],
        fact("company.technologies", "HubSpot"),
        person("Dana Ortiz", "CRO"),
        fact("signals", {"kind": "news", "headline": "Old news"}),
    )
    new = composed(
        PERSON[0],
        fact("person.title", "CRO"),
        *PERSON[2:],
        fact("person.location", "Austin"),
        fact("company.funding", {"stage": "Series C"}),
        fact("company.technologies", "Salesforce"),
        person("Dana Ortiz", "CEO"),
        fact("signals", {"kind": "news", "headline": "New news"}),
    )
    expected = {
        Change(field="person.title", before="VP of Sales", after="CRO"),
        Change(field="person.location", after="Austin"),
        Change(field="company.funding.stage", before="Series B", after="Series C"),
        Change(field="company.funding.total", before=24_000_000),
        Change(field="company.funding.last_round_at", before="2026-03-15"),
        Change(field="company.technologies", before="HubSpot"),
        Change(field="company.technologies", after="Salesforce"),
        Change(field="decision_makers", before="Dana Ortiz, CRO"),
        Change(field="decision_makers", after="Dana Ortiz, CEO"),
        Change(field="signals", after="New news"),
    }
    assert set(changed(old, new)) == expected
    dumped = old.model_dump(mode="json", exclude_none=True)
    assert changed(dumped, new) == changed(old, new)
    assert len(changed(old, new)) == len(expected)


def test_nothing_changed_where_nothing_was_known_before_or_all_is_the_same() -> None:
    new = composed(*PERSON, *COMPANY)
    assert changed({}, new) == ()
    assert changed(composed(), new) == ()
    assert changed(new, new) == ()


def test_changes_are_part_of_the_card_and_read_like_a_sentence() -> None:
    change = Change(field="person.title", before="VP", after="CRO")
    assert compose(SARAH, PERSON, EVERYTHING, None, NOW, [change]).changes == (change,)
    assert str(change) == "title: CRO, was VP"
    assert str(Change(field="company.technologies", before="X")) == (
        "company technologies: no longer known, was X"
    )


# --- properties ----------------------------------------------------------------------------

TEXTS = st.sampled_from(["Acme", "acme corp", "Sarah Chen", "S. Chen", "VP", "2026-03-01", ""])
MESSY = st.text(max_size=30)
OBJECTS = st.dictionaries(
    st.sampled_from(
        ["full_name", "title", "kind", "headline", "address", "number", "url", "status", "stage"]
    ),
    TEXTS | MESSY | st.none(),
    max_size=5,
)
FACTS = st.builds(
    Fact,
    field=st.sampled_from(sorted(FIELDS)),
    value=TEXTS | MESSY | OBJECTS | st.integers() | st.floats() | st.booleans() | st.none(),
    source=st.sampled_from(["orbit", "hill", "website"]),
    confidence=st.floats(0, 1),
    seen_at=st.just(NOW),
    inferred=st.booleans(),
    id=st.integers(0, 10**9).map(str),
)
SHOWN_AS_TOLD = {
    "summary",
    "talking_points",
    "gaps",
    "confidence",
    "inferred",
    "conflicts",
    "as_of",
}


def leaves(value: Json) -> Iterator[str | int | float | bool | None]:
    if isinstance(value, dict):
        for part in value.values():
            yield from leaves(part)
    elif isinstance(value, list):
        for part in value:
            yield from leaves(part)
    else:
        yield value


@given(st.lists(FACTS, max_size=25))
@settings(max_examples=100, deadline=None)
def test_a_card_of_any_facts_has_no_null_and_no_guess_surer_than_allowed(facts: list[Fact]) -> None:
    found = compose(SARAH, facts, EVERYTHING, None, NOW)
    dumped = found.model_dump(mode="json", exclude_none=True)
    assert None not in list(leaves(dumped))
    assert found.model_dump_json(exclude_none=True)
    assert all(found.confidence[field] <= INFERRED_CEILING for field in found.inferred)
    ids = {one.id for one in facts}
    assert all(point.fact_ids and set(point.fact_ids) <= ids for point in found.talking_points)
    opening = [point.kind for point in found.talking_points if point.kind is not Kind.avoid]
    assert opening[:1] in ([], [Kind.opener])


SIMPLE = st.builds(
    fact,
    field=st.sampled_from(["person.full_name", "person.title", "company.name", "company.industry",
                           "company.technologies", "company.parent"]),
    value=st.sampled_from(["Acme", "Sarah Chen", "Lee Park", "VP", "Dana Ortiz", "Zenith"]),
    source=st.sampled_from(["orbit", "hill", "website"]),
    confidence=st.floats(0, 1),
    inferred=st.booleans(),
)  # fmt: skip


@given(st.lists(SIMPLE, max_size=15))
@settings(max_examples=100, deadline=None)
def test_every_value_on_a_card_was_said_by_a_fact(facts: list[Fact]) -> None:
    said = " ".join(str(one.value) for one in facts)
    dumped = card(*facts)
    for key in dumped.keys() - SHOWN_AS_TOLD:
        assert all(str(leaf) in said for leaf in leaves(dumped[key]))
