from datetime import UTC, datetime, timedelta

import pytest

from app.facts import Section
from app.freshness import (
    COMPANY_TIERS,
    FOUND,
    KEPT,
    PERSON_TIERS,
    Freshness,
    Tiers,
    by_section,
    card_until,
    fresh_until,
    freshness,
    is_fresh,
    stale_until,
)
from app.job import Status

THEN = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("status", "tiers", "age_h", "expected"),
    [
        (Status.complete, PERSON_TIERS, -1, Freshness.fresh),
        (Status.complete, PERSON_TIERS, 23.9, Freshness.fresh),
        (Status.complete, PERSON_TIERS, 24, Freshness.stale),
        (Status.complete, PERSON_TIERS, 24 * 7 - 0.1, Freshness.stale),
        (Status.complete, PERSON_TIERS, 24 * 7, Freshness.expired),
        (Status.complete, COMPANY_TIERS, 24 * 7 - 0.1, Freshness.fresh),
        (Status.complete, COMPANY_TIERS, 24 * 29, Freshness.stale),
        (Status.complete, COMPANY_TIERS, 24 * 30, Freshness.expired),
        (Status.ambiguous, PERSON_TIERS, 1, Freshness.fresh),
        (Status.not_found, COMPANY_TIERS, 23.9, Freshness.fresh),
        (Status.not_found, COMPANY_TIERS, 24, Freshness.expired),
        (Status.suppressed, COMPANY_TIERS, 23.9, Freshness.fresh),
        (Status.partial, COMPANY_TIERS, 0, Freshness.expired),
        (Status.provider_error, PERSON_TIERS, 0, Freshness.expired),
        (Status.budget_exhausted, PERSON_TIERS, 0, Freshness.expired),
        (Status.cancelled, PERSON_TIERS, 0, Freshness.expired),
    ],
)
def test_a_section_ages_as_it_ended(
    status: Status, tiers: Tiers, age_h: float, expected: Freshness
) -> None:
    now = THEN + timedelta(hours=age_h)
    assert freshness(status, THEN, now, tiers) is expected
    assert is_fresh(status, THEN, now, tiers) is (expected is Freshness.fresh)


def test_until_when_is_said_as_a_moment() -> None:
    tiers = Tiers(timedelta(hours=2), timedelta(hours=5))
    assert fresh_until(Status.complete, THEN, tiers) == THEN + timedelta(hours=2)
    assert stale_until(Status.complete, THEN, tiers) == THEN + timedelta(hours=5)
    assert stale_until(Status.partial, THEN, tiers) == THEN


def test_only_the_person_follows_the_person_tiers() -> None:
    table = by_section()
    assert table[Section.person] == PERSON_TIERS
    assert {table[s] for s in Section if s is not Section.person} == {COMPANY_TIERS}
    assert set(table) == set(Section)


def test_what_is_kept_is_an_answer() -> None:
    assert {s for s in Status if is_fresh(s, THEN, THEN, PERSON_TIERS)} == KEPT
    assert {Status.partial} == FOUND - KEPT


def test_a_card_is_as_fresh_as_its_weakest_section() -> None:
    tiers = by_section()
    person, company = (Status.complete, THEN), (Status.complete, THEN - timedelta(days=28))
    ends = card_until({Section.person: person, Section.company: company}, tiers)
    assert ends == (THEN - timedelta(days=21), THEN + timedelta(days=2))


def test_nobody_knew_keeps_a_card_with_facts_from_being_fresh_but_not_from_being_shown() -> None:
    tiers = by_section()
    known, unknown = (Status.complete, THEN), (Status.not_found, THEN)
    ends = card_until({Section.company: known, Section.signals: unknown}, tiers)
    assert ends == (THEN + timedelta(hours=24), THEN + timedelta(days=30))
    ends = card_until({Section.company: unknown, Section.signals: unknown}, tiers)
    assert ends == (THEN + timedelta(hours=24), THEN + timedelta(hours=24))


def test_a_section_that_failed_ends_a_card_at_once_whatever_else_was_found() -> None:
    failed, known = (Status.provider_error, THEN), (Status.complete, THEN)
    ends = card_until({Section.company: known, Section.signals: failed}, by_section())
    assert ends == (THEN, THEN)
