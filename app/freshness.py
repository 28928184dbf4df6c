"""How long what was found may be shown: fresh, stale (shown, and renewed behind it) or expired."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from app.facts import Section
from app.job import Status


class Freshness(StrEnum):
    """What may be done with a section that was settled before."""

    fresh = "fresh"  # shown at once
    stale = "stale"  # shown at once, and renewed in the background
    expired = "expired"  # asked for again first


@dataclass(frozen=True, slots=True)
class Tiers:
    """How long a section is fresh, and until when it may be shown stale; both from `as_of` on."""

    fresh: timedelta
    stale: timedelta


PERSON_TIERS = Tiers(timedelta(days=1), timedelta(days=7))
COMPANY_TIERS = Tiers(timedelta(days=7), timedelta(days=30))

MISS = Tiers(timedelta(hours=24), timedelta(hours=24))
"""That nobody knew is remembered for a day, then asked again."""

_NEVER = Tiers(timedelta(0), timedelta(0))

FOUND = frozenset({Status.complete, Status.partial, Status.ambiguous})
"""Statuses of a section that has facts: it is as old as the newest of them."""

KEPT = frozenset({Status.complete, Status.ambiguous, Status.not_found, Status.suppressed})
"""Statuses that are an answer. All others expire at once; the facts of a partial one stay."""


def by_section(
    person: Tiers = PERSON_TIERS, company: Tiers = COMPANY_TIERS
) -> Mapping[Section, Tiers]:
    """Return the tiers of every section: all but the person follow the company's."""
    return {section: person if section is Section.person else company for section in Section}


def freshness(status: Status, as_of: datetime, now: datetime, tiers: Tiers) -> Freshness:
    """Tell what a section that ended as `status` at `as_of` is worth now.

    >>> from datetime import UTC
    >>> may, june = datetime(2026, 5, 1, tzinfo=UTC), datetime(2026, 6, 1, tzinfo=UTC)
    >>> freshness(Status.complete, may, june, COMPANY_TIERS).value
    'expired'
    """
    if now < fresh_until(status, as_of, tiers):
        return Freshness.fresh
    return Freshness.stale if now < stale_until(status, as_of, tiers) else Freshness.expired


def is_fresh(status: Status, as_of: datetime, now: datetime, tiers: Tiers) -> bool:
    """Tell whether nobody needs to be asked."""
    return freshness(status, as_of, now, tiers) is Freshness.fresh


def fresh_until(status: Status, as_of: datetime, tiers: Tiers) -> datetime:
    """Return the moment from which a section is no longer fresh."""
    return as_of + _tiers_of(status, tiers).fresh


def stale_until(status: Status, as_of: datetime, tiers: Tiers) -> datetime:
    """Return the moment from which a section is expired."""
    return as_of + _tiers_of(status, tiers).stale


def card_until(
    sections: Mapping[Section, tuple[Status, datetime]], tiers: Mapping[Section, Tiers]
) -> tuple[datetime, datetime]:
    """Return until when a card is fresh, and until when it may be shown: both by its weakest part.

    Beside something that was found, a section that nobody knew of keeps the card from being fresh
    after MISS, not from being shown: it is asked for again behind it, as stale facts are.
    """
    fresh = [fresh_until(status, at, tiers[s]) for s, (status, at) in sections.items()]
    has_some = any(status in FOUND for status, _ in sections.values())
    as_if = {Status.not_found: Status.complete} if has_some else {}
    stale = [
        stale_until(as_if.get(status, status), at, tiers[s]) for s, (status, at) in sections.items()
    ]
    return min(fresh), min(stale)


def _tiers_of(status: Status, tiers: Tiers) -> Tiers:
    if status in {Status.complete, Status.ambiguous}:
        return tiers
    return MISS if status in KEPT else _NEVER
