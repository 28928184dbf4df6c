from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.facts import INFERRED_CEILING, Fact, Json
from app.merge import candidates, merge

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


def fact(
    field: str,
    value: Json,
    source: str = "orbit",
    confidence: float = 0.8,
    *,
    days_old: float = 0,
    verified: bool = False,
    inferred: bool = False,
    id: str = "",  # noqa: A002 - the name of the field
) -> Fact:
    return Fact(
        field,
        value,
        source,
        confidence,
        NOON - timedelta(days=days_old),
        verified=verified,
        inferred=inferred,
        id=id or f"{source}-{field}-{value}",
    )


def name(value: str, source: str, confidence: float = 0.8, *, inferred: bool = False) -> Fact:
    return fact("person.full_name", value, source, confidence, inferred=inferred)


# --- who wins ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("winner", "loser"),
    [
        (
            fact("person.title", "VP", confidence=0.3, verified=True),
            fact("person.title", "CRO", "hill", 0.95),
        ),
        (
            fact("person.title", "VP", confidence=0.2),
            fact("person.title", "CRO", "address", 0.55, inferred=True),
        ),
        (
            fact("person.title", "VP", confidence=0.2),
            fact("person.title", "CRO", "address", 1.0, inferred=True, verified=True),
        ),
        (fact("person.title", "VP"), fact("person.title", "CRO", "hill", 0.7)),
        (fact("person.title", "VP"), fact("person.title", "CRO", "hill", days_old=1)),
        (fact("person.title", "VP", "a"), fact("person.title", "CRO", "b")),
    ],
    ids=["verified", "stated", "a guess is never verified", "surer", "newer", "tie by source"],
)
def test_the_better_fact_wins_and_the_other_is_kept(winner: Fact, loser: Fact) -> None:
    for facts in ([winner, loser], [loser, winner]):
        merged = merge(facts)
        assert merged.value("person.title") == winner.value
        assert merged.winners == {winner.id}
        [conflict] = merged.conflicts
        assert [item.best.id for item in conflict.others] == [loser.id]


def test_a_field_nobody_knew_has_no_value_and_no_fact() -> None:
    merged = merge([fact("company.name", "  "), fact("company.industry", {"a": None})])
    assert merged.value("company.name") is None
    assert merged.fact("company.industry") is None
    assert merged.items("company.name") == ()
    assert merged.winners == frozenset()


def test_invisible_characters_do_not_reach_the_value() -> None:
    merged = merge([fact("company.name", "Ac\u202eme\u200b\n Corp\x1b")])
    assert merged.value("company.name") == "Acme Corp"


# --- agreement -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "one", "other"),
    [
        ("company.name", "Acme Corp", "ACME Corp., Inc."),
        ("company.industry", "Software", " software "),
        ("company.location", "Zürich", "Zurich"),
        (
            "company.linkedin_url",
            "https://www.linkedin.com/company/acme/",
            "linkedin.com/company/acme",
        ),
        ("company.employee_count", 240, 240.0),
        (
            "person.email",
            {"address": "s@acme.example"},
            {"address": "S@acme.example", "status": "ok"},
        ),
    ],
)
def test_two_sources_that_agree_are_surer_than_one(field: str, one: Json, other: Json) -> None:
    merged = merge([fact(field, one, "website", 0.7), fact(field, other, "dns", 0.6)])
    item = merged.item(field)
    assert item is not None
    assert item.confidence == pytest.approx(0.88)
    assert len(item.fact_ids) == 2
    assert merged.conflicts == ()


def test_agreement_is_capped_and_never_lowers_what_one_source_knows() -> None:
    agreed = merge([fact("company.name", "Acme", one, 0.95) for one in "abc"])
    register = merge([fact("company.name", "Acme", "a", 0.99), fact("company.name", "Acme", "b")])
    assert (agreed.items("company.name")[0].confidence) == 0.98
    assert (register.items("company.name")[0].confidence) == 0.99


def test_a_source_that_repeats_itself_is_no_second_source() -> None:
    merged = merge([fact("company.name", "Acme", id="1"), fact("company.name", "acme", id="2")])
    [item] = merged.items("company.name")
    assert item.confidence == 0.8


def test_several_agreeing_sources_beat_a_single_surer_one() -> None:
    titles = [
        fact("person.title", "VP", "a", 0.7),
        fact("person.title", "vp", "b", 0.7),
        fact("person.title", "CRO", "c", 0.8),
    ]
    assert merge(titles).value("person.title") == "VP"


def test_guesses_add_nothing_to_each_other_or_to_a_statement() -> None:
    guesses = [name("Sarah Chen", one, 0.9, inferred=True) for one in ("a", "b", "c")]
    [guessed] = merge(guesses).items("person.full_name")
    [stated] = merge([*guesses, name("Sarah Chen", "orbit", 0.3)]).items("person.full_name")
    assert guessed.confidence == INFERRED_CEILING
    assert (stated.confidence, stated.is_inferred) == (0.3, False)


# --- many values ---------------------------------------------------------------------------


def test_equal_items_become_one_and_complete_each_other() -> None:
    merged = merge(
        [
            fact("decision_makers", {"full_name": "Dana Ortiz", "title": "CRO"}, "orbit", 0.9),
            fact(
                "decision_makers",
                {"full_name": "DANA ORTIZ", "title": "Sales", "email": "d@acme.example"},
                "hill",
                0.5,
            ),
            fact("decision_makers", {"full_name": "Lee Park"}, "hill", 0.6),
        ]
    )
    first, second = merged.items("decision_makers")
    assert first.value == {"full_name": "Dana Ortiz", "title": "CRO", "email": "d@acme.example"}
    assert (first.source, len(first.fact_ids)) == ("orbit", 2)
    assert second.value == {"full_name": "Lee Park"}


def test_a_guess_completes_no_statement_and_stands_in_no_list() -> None:
    merged = merge(
        [
            fact("decision_makers", {"full_name": "Dana Ortiz"}),
            fact(
                "decision_makers",
                {"full_name": "Dana Ortiz", "email": "dana@acme.example"},
                "address",
                inferred=True,
            ),
            fact("company.technologies", "Zendesk", inferred=True),
            fact("person.email", {"address": "s@acme.example"}),
            fact("person.email", {"address": "s@acme.example", "status": "ok"}, "x", inferred=True),
        ]
    )
    assert [item.value for item in merged.items("decision_makers")] == [{"full_name": "Dana Ortiz"}]
    assert merged.items("company.technologies") == ()
    assert merged.value("person.email") == {"address": "s@acme.example"}


def test_tools_whose_names_differ_in_a_sign_stay_apart() -> None:
    merged = merge([fact("company.technologies", one) for one in ("C", "C++", "C#", "c#")])
    assert sorted(str(item.value) for item in merged.items("company.technologies")) == [
        "C",
        "C#",
        "C++",
    ]


def test_a_phone_number_is_the_same_in_every_spelling() -> None:
    numbers = ["+1 202-555-0142", "+12025550142", "+1 (202) 555 0142"]
    merged = merge([fact("company.phones", one, one) for one in numbers])
    assert len(merged.items("company.phones")) == 1


# --- names ---------------------------------------------------------------------------------


def test_first_and_last_name_belong_to_the_full_name_that_is_shown() -> None:
    merged = merge(
        [
            name("Robert Smith", "orbit", 0.9),
            name("Bob Smith", "hill", 0.7),
            fact("person.first_name", "Bob", "hill", 0.99),
            fact("person.last_name", "Smith", "hill", 0.7),
        ]
    )
    assert merged.value("person.first_name") == "Robert"
    assert merged.fact("person.first_name") is not None
    assert merged.items("person.first_name")[0].source == "orbit"
    assert merged.items("person.last_name")[0].source == "hill"


def test_the_parts_of_a_name_are_read_from_it_and_rest_on_its_fact() -> None:
    full = name("Dr. Ana de la Vega", "orbit")
    merged = merge([full])
    assert merged.value("person.first_name") == "Ana"
    assert merged.value("person.last_name") == "de la Vega"
    assert merged.items("person.first_name")[0].fact_ids == (full.id,)


def test_a_source_with_two_parts_only_still_gives_a_full_name() -> None:
    merged = merge(
        [
            fact("person.first_name", "Sarah", confidence=0.9),
            fact("person.last_name", "Chen", confidence=0.6),
            name("Sara Chan", "address", 0.55, inferred=True),
        ]
    )
    [full] = merged.items("person.full_name")
    assert (full.value, full.confidence, full.is_inferred) == ("Sarah Chen", 0.6, False)


def test_a_guessed_name_that_a_stated_part_contradicts_is_not_shown() -> None:
    merged = merge(
        [
            name("Sarah Chen", "address", 0.55, inferred=True),
            fact("person.first_name", "Dana", confidence=0.3),
        ]
    )
    assert merged.value("person.full_name") is None
    assert merged.value("person.first_name") == "Dana"


# --- who could be meant --------------------------------------------------------------------


def test_two_people_who_cannot_be_one_are_candidates_and_nothing_is_guessed() -> None:
    facts = [
        name("Sarah Chen", "orbit"),
        fact("person.title", "VP of Sales", "orbit"),
        name("Michael Brown", "hill", 0.6),
        fact("person.linkedin_url", "https://www.linkedin.com/in/mb", "hill"),
        fact("company.name", "Acme", "dns"),
    ]
    merged = merge(facts)
    assert [item.value for item in candidates(facts)] == [
        {"full_name": "Sarah Chen", "title": "VP of Sales"},
        {"full_name": "Michael Brown", "linkedin_url": "https://www.linkedin.com/in/mb"},
    ]
    assert merged.items("person.candidates") == candidates(facts)
    assert {field for field in merged.ranked if merged.items(field)} == {
        "person.candidates",
        "company.name",
    }


@pytest.mark.parametrize(
    "names",
    [
        [name("Bob Smith", "a"), name("Robert Smith", "b")],
        [name("S. Chen", "a"), name("Sarah Chen", "b")],
        [name("Sarah Chen", "a"), name("Michael Brown", "b", 0.59)],
        [name("Sarah Chen", "a"), name("Michael Brown", "a", 0.7)],
        [name("Sarah Chen", "a"), name("Michael Brown", "b", 0.55, inferred=True)],
    ],
    ids=["nickname", "initial", "unsure", "one source", "a guess"],
)
def test_one_person_is_enough(names: list[Fact]) -> None:
    assert candidates(names) == ()
    assert merge(names).value("person.full_name") == names[0].value


def test_an_initial_does_not_hide_that_two_people_differ() -> None:
    names = [name("S. Chen", "a", 0.9), name("Sarah Chen", "b"), name("Steven Chen", "c")]
    assert len(candidates(names)) == 2


def test_candidates_of_a_source_count_only_while_nobody_states_a_name() -> None:
    listed = [
        fact("person.candidates", {"full_name": one, "title": "Sales"})
        for one in ("Sarah Chen", "Sam Chen")
    ]
    guess = name("S Chen", "address", 0.35, inferred=True)
    assert len(merge([*listed, guess]).items("person.candidates")) == 2
    assert merge([*listed, guess]).value("person.full_name") is None
    assert merge([*listed, name("Sarah Chen", "hill")]).items("person.candidates") == ()


# --- properties ----------------------------------------------------------------------------

DENSE = [
    "person.full_name",
    "person.first_name",
    "person.last_name",
    "person.email",
    "person.candidates",
    "company.name",
    "company.technologies",
    "decision_makers",
]
WORDS = st.sampled_from(
    ["Acme", "acme", "Acme Corp", "Zenith", "Sarah Chen", "S. Chen", "Lee Park"]
)
OBJECTS = st.dictionaries(
    st.sampled_from(["full_name", "title", "kind", "headline", "address", "number", "url"]),
    WORDS | st.none(),
    max_size=4,
)
FACTS = st.builds(
    Fact,
    field=st.sampled_from(DENSE),
    value=WORDS | OBJECTS | st.integers(0, 500) | st.just(""),
    source=st.sampled_from(["orbit", "hill", "website", "dns"]),
    confidence=st.floats(0, 1),
    seen_at=st.sampled_from([NOON - timedelta(days=days) for days in range(4)]),
    verified=st.booleans(),
    inferred=st.booleans(),
    id=st.integers(0, 10**6).map(str),
)


@given(st.lists(FACTS, max_size=25), st.randoms(use_true_random=False))
@settings(max_examples=150, deadline=None)
def test_the_order_of_facts_does_not_matter(facts: list[Fact], random: Random) -> None:
    shuffled = list(facts)
    random.shuffle(shuffled)
    assert merge(shuffled) == merge(facts)


@given(st.lists(FACTS, max_size=25))
@settings(max_examples=150, deadline=None)
def test_every_value_rests_on_facts_and_no_guess_is_surer_than_its_ceiling(
    facts: list[Fact],
) -> None:
    merged = merge(facts)
    ids = {one.id for one in facts}
    for field in merged.ranked:
        for item in merged.items(field):
            assert item.fact_ids
            assert set(item.fact_ids) <= ids
            assert 0 <= item.confidence <= (INFERRED_CEILING if item.is_inferred else 1)


@given(st.lists(FACTS, max_size=25))
@settings(max_examples=100, deadline=None)
def test_a_guess_is_shown_only_where_nobody_stated_anything(facts: list[Fact]) -> None:
    merged = merge(facts)
    stated = {fact.field for fact in facts if not fact.inferred and merge([fact]).ranked}
    for field in sorted(stated - {"person.candidates"}):
        assert not any(item.is_inferred for item in merged.items(field))


def test_a_guess_that_agrees_is_no_other_opinion() -> None:
    merged = merge(
        [
            name("Sarah Chen", "orbit"),
            fact("person.first_name", "Sarah", "orbit"),
            name("Sarah Chen", "inferred", 0.55, inferred=True),
            fact("person.first_name", "Sarah", "inferred", 0.55, inferred=True),
        ]
    )
    assert merged.conflicts == ()
