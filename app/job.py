"""Where a job is, where it may go from there, and how it ends."""

from collections.abc import Mapping
from enum import IntEnum, StrEnum

from app.facts import Section


class Status(StrEnum):
    """Where a job or one of its sections is. Part of the wire contract: add, never rename."""

    queued = "queued"
    in_progress = "enrichment_in_progress"
    complete = "complete"  # every wanted section is settled and something was found
    partial = "partial"  # something was found, some provider failed; `missing` lists what is not
    ambiguous = "ambiguous"  # several people fit: candidates are listed, nothing is guessed
    not_found = "not_found"  # every provider answered, none knew the prospect
    provider_error = "provider_error"  # nothing was found and some provider failed
    suppressed = "suppressed"  # on the do-not-enrich list, here or at a provider
    budget_exhausted = "budget_exhausted"  # max_credits was reached before anything was found
    cancelled = "cancelled"


LIVE = frozenset({Status.queued, Status.in_progress})
FINAL = frozenset(Status) - LIVE

FOUND = frozenset({Status.complete, Status.partial})
"""Ends with something to show: only these cost the caller one enrichment."""

DEATHS = 3
"""A job is parked as failed when this many workers have died of it."""

SUSPECT = DEATHS - 1
"""A job that so many workers died with runs alone from then on: the next death is its own."""


class Priority(IntEnum):
    """Which message a worker takes first: higher before lower, older before newer."""

    refresh = 50  # a forced refresh
    interactive = 40  # somebody waits
    crm = 30  # a record appeared in a CRM
    batch = 20
    background = 10  # a stale card is being renewed


def verdict(sections: Mapping[Section, Status]) -> Status:
    """Tell how a job ends, from how each of its sections ended.

    >>> verdict({Section.person: Status.not_found, Section.company: Status.complete}).value
    'complete'
    >>> verdict({Section.person: Status.provider_error, Section.company: Status.complete}).value
    'partial'
    """
    ended = set(sections.values())
    if Status.suppressed in ended:
        return Status.suppressed
    if Status.ambiguous in ended:
        return Status.ambiguous
    found = ended & {Status.complete, Status.partial}
    failed = ended & {Status.partial, Status.provider_error, Status.budget_exhausted}
    if found:
        return Status.partial if failed else Status.complete
    if Status.provider_error in ended:
        return Status.provider_error
    if Status.budget_exhausted in ended:
        return Status.budget_exhausted
    return Status.not_found
