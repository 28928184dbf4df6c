"""Which of a company's people is meant."""

from datetime import UTC, datetime

import pytest

from app.facts import INFERRED_CEILING, Fact, Json
from app.people import infer_name, match_people
from app.prospect import from_parts, identify

SEEN = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
NOW = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
PAGE = "https://acme.example/team"


def listed(full_name: str, confidence: float = 0.8, page: str = PAGE, **more: Json) -> Fact:
    value: Json = {"full_name": full_name, **more}
    return Fact("decision_makers", value, "website", confidence, SEEN, source_url=page)


def values(facts: list[Fact]) -> dict[str, Json]:
    return {fact.field: fact.value for fact in facts}


SARAH = listed(
    "Sarah Chen",
    title="VP of Sales",
    seniority="vp",
    linkedin_url="https://www.linkedin.com/in/sarah-chen",
)
TEAM = [SARAH, listed("Ana Sol", title="CEO"), listed("Robert Smith", title="CFO")]

# --- matching ----------------------------------------------------------------------------------


def test_the_one_who_fits_is_told_with_the_page_as_source() -> None:
    facts = match_people(identify("sarah.chen@acme.example"), TEAM)
    assert values(facts) == {
        "person.full_name": "Sarah Chen",
        "person.first_name": "Sarah",
        "person.last_name": "Chen",
        "person.title": "VP of Sales",
        "person.seniority": "vp",
        "person.linkedin_url": "https://www.linkedin.com/in/sarah-chen",
    }
    for fact in facts:
        assert (fact.source, fact.source_url, fact.seen_at) == ("website", PAGE, SEEN)
        assert fact.confidence == pytest.approx(0.92 * 0.8)
        assert not fact.inferred
        assert not fact.verified


@pytest.mark.parametrize(
    ("local", "confidence", "is_guess"),
    [
        ("sarah.chen", 0.92, False),
        ("schen", 0.75, False),
        ("bob.smith", 0.92, False),
        ("bsmith", 0.5, True),
        ("sarah", 0.5, True),
        ("sc", 0.35, True),
    ],
)
def test_a_weak_pattern_is_told_as_a_guess(local: str, confidence: float, is_guess: bool) -> None:
    people = [listed("Sarah Chen", 1.0), listed("Robert Smith", 1.0)]
    facts = match_people(identify(f"{local}@acme.example"), people)
    assert {fact.confidence for fact in facts} == {confidence}
    assert {fact.inferred for fact in facts} == {is_guess}
    assert not is_guess or confidence <= INFERRED_CEILING


def test_two_who_fit_equally_are_candidates_and_nobody_is_guessed() -> None:
    facts = match_people(
        identify("schen@acme.example"), [SARAH, listed("Simon Chen", title="CTO"), TEAM[1]]
    )
    assert {fact.field for fact in facts} == {"person.candidates"}
    assert [fact.value for fact in facts] == [
        {
            "full_name": "Sarah Chen",
            "title": "VP of Sales",
            "linkedin_url": "https://www.linkedin.com/in/sarah-chen",
        },
        {"full_name": "Simon Chen", "title": "CTO"},
    ]


def test_a_better_fit_wins_over_a_weaker_one() -> None:
    people = [SARAH, listed("Sarah Jones", title="CTO")]
    facts = match_people(identify("sarah.chen@acme.example"), people)
    assert values(facts)["person.full_name"] == "Sarah Chen"


def test_the_same_person_on_two_pages_is_one_person() -> None:
    other = listed("SARAH CHEN", 0.6, "https://acme.example/about", title="Vice President, Sales")
    facts = match_people(identify("schen@acme.example"), [SARAH, other])
    assert {f.source_url for f in facts} == {PAGE, "https://acme.example/about"}
    assert {f.value for f in facts if f.field == "person.title"} == {
        "VP of Sales",
        "Vice President, Sales",
    }


def test_two_profiles_of_one_name_are_two_people() -> None:
    namesake = listed("Sarah Chen", linkedin_url="https://www.linkedin.com/in/sarah-chen-9")
    facts = match_people(identify("sarah.chen@acme.example"), [SARAH, namesake])
    assert [fact.field for fact in facts] == ["person.candidates"] * 2


def test_a_published_address_decides_against_every_pattern() -> None:
    people = [SARAH, listed("Simon Chen", title="CTO", email="S.Chen@acme.example")]
    facts = match_people(identify("s.chen+x@acme.example"), people)
    told = values(facts)
    assert told["person.full_name"] == "Simon Chen"
    assert told["person.email"] == {"address": "S.Chen@acme.example", "status": "unverified"}
    assert facts[0].confidence == pytest.approx(0.98 * 0.8, abs=1e-3)


def test_somebody_with_another_address_there_is_not_taken_by_a_short_pattern() -> None:
    simon = listed("Simon Chen", email="simon.chen@acme.example")
    assert match_people(identify("schen@acme.example"), [simon]) == []
    assert match_people(identify("chen.simon@acme.example"), [simon])
    shared = listed("Simon Chen", email="info@acme.example")
    assert match_people(identify("schen@acme.example"), [shared])


def test_the_callers_name_is_looked_for_and_rules_out_others() -> None:
    named = identify("Simon Chen <schen@acme.example>")
    assert match_people(named, [SARAH]) == []
    told = values(match_people(named, [SARAH, listed("Simon Chen", title="CTO")]))
    assert told["person.title"] == "CTO"


def test_a_prospect_by_name_or_profile_is_found() -> None:
    by_name = match_people(identify("Liz Taylor, acme.example"), [listed("Elizabeth Taylor")])
    assert by_name[0].confidence == pytest.approx(0.95 * 0.85 * 0.8, abs=1e-3)
    by_profile = match_people(identify("linkedin.com/in/Sarah-Chen"), TEAM)
    assert values(by_profile)["person.title"] == "VP of Sales"


@pytest.mark.parametrize("typed", ["info@acme.example", "acme.example", "zed.nobody@acme.example"])
def test_nobody_is_matched_where_nobody_fits(typed: str) -> None:
    assert match_people(identify(typed), TEAM) == []


@pytest.mark.parametrize("value", [None, "Sarah Chen", [], {}, {"full_name": None}, {"name": "x"}])
def test_people_without_a_name_are_passed_over(value: Json) -> None:
    odd = Fact("decision_makers", value, "website", 0.8, SEEN)
    assert match_people(identify("sarah.chen@acme.example"), [odd]) == []


# --- what the identifier says ------------------------------------------------------------------


def test_a_guess_from_the_address_says_so_and_stays_below_the_ceiling() -> None:
    facts = infer_name(identify("sarah.chen@gmail.com"), NOW)
    assert values(facts) == {
        "person.full_name": "Sarah Chen",
        "person.first_name": "Sarah",
        "person.last_name": "Chen",
    }
    for fact in facts:
        assert (fact.source, fact.inferred, fact.confidence) == ("inferred", True, INFERRED_CEILING)
        assert (fact.evidence, fact.seen_at) == ("read from the address", NOW)


def test_the_callers_word_goes_before_a_guess() -> None:
    facts = infer_name(from_parts(email="x@acme.example", name="Dr. Ana van der Berg"), NOW)
    assert values(facts) == {
        "person.full_name": "Ana van der Berg",
        "person.first_name": "Ana",
        "person.last_name": "van der Berg",
    }
    assert {(fact.source, fact.confidence, fact.inferred) for fact in facts} == {
        ("caller", 0.95, False)
    }


@pytest.mark.parametrize("typed", ["schen@acme.example", "info@acme.example", "acme.example"])
def test_nothing_is_made_up(typed: str) -> None:
    assert infer_name(identify(typed), NOW) == []


def test_profile_addresses_may_show_a_name() -> None:
    [full, *_] = infer_name(identify("linkedin.com/in/sarah-chen-1a2b3"), NOW)
    assert (full.value, full.confidence, full.inferred) == ("Sarah Chen", 0.4, True)
    [company] = infer_name(identify("linkedin.com/company/acme-tools"), NOW)
    assert (company.field, company.value) == ("company.name", "Acme Tools")
    assert (company.confidence, company.inferred) == (0.5, True)
    assert infer_name(identify("linkedin.com/company/12345"), NOW) == []
