"""From the facts of a job to what its caller sees. Pure: the engine and the front door share it."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.battlecard import Card, about, changed, lay_out
from app.facts import Fact, Json, Section, distinct, identified, known_fields
from app.job import Status
from app.merge import merge
from app.people import infer_name, match_people
from app.positioning import Positioning
from app.prospect import Prospect
from app.provider import Finding, Outcome
from app.rejection import others, taken
from app.scope import Wanted

FAILED = frozenset(
    {
        Outcome.pending,
        Outcome.rate_limited,
        Outcome.out_of_credits,
        Outcome.auth_failed,
        Outcome.forbidden,
        Outcome.provider_error,
    }
)
"""Outcomes that leave a question open: somebody who could have known was not heard."""

OVER_BUDGET = "over max_credits"
"""What the ledger says of a provider that was left out to keep within max_credits."""

NO_MAILBOX = frozenset({"invalid", "unknown"})
"""What may be known of an address without anybody being known behind it."""


@dataclass(frozen=True, slots=True)
class Assembled:
    """The card and the facts behind it. `winners` are the ids of the facts it shows."""

    card: Card
    facts: Sequence[Fact]
    winners: frozenset[str]
    is_ambiguous: bool

    def dumped(self) -> dict[str, Any]:
        """Return the card as JSON, without fields nobody knew."""
        dumped: dict[str, Any] = self.card.model_dump(mode="json", exclude_none=True)
        return dumped


def assemble(
    prospect: Prospect,
    wanted: Wanted,
    facts: Iterable[Fact],
    now: datetime,
    *,
    positioning: Positioning | None = None,
    before: Mapping[str, Json] | None = None,
    rejected: Collection[str] = (),
) -> Assembled:
    """Compose the card. `before` is the dumped card of last time: the new one says what changed.

    Nobody is recognised who was `rejected` as not the prospect: see app/rejection.py.
    """
    found = identified(facts)
    derived = _about_the_person(prospect, wanted, found, now, rejected)
    everything = distinct([*found, *identified(derived)])
    fields = frozenset(name for names in wanted.values() for name in names)
    merged = merge(about(prospect, everything))
    card = lay_out(prospect, merged, fields, positioning, now)
    if before is not None:
        card = card.model_copy(update={"changes": changed(before, card)})
    return Assembled(card, everything, merged.winners, bool(card.candidates))


def _about_the_person(
    prospect: Prospect,
    wanted: Wanted,
    facts: Sequence[Fact],
    now: datetime,
    rejected: Collection[str],
) -> list[Fact]:
    """Find the prospect among the people on the company's pages; else read the name it gives."""
    if Section.person not in wanted or not prospect.is_person:
        return []
    people = [fact for fact in facts if fact.field == "decision_makers"]
    matched = match_people(prospect, others(prospect, people, rejected))
    return [*matched, *taken(prospect, infer_name(prospect, now), rejected)]


def section_status(
    findings: Collection[Finding],
    wanted: frozenset[str],
    facts: Collection[Fact],
    *,
    is_ambiguous: bool = False,
    is_late: bool = False,
) -> Status:
    """Tell how a section ended, from how its providers answered and what was found.

    `facts` are those of the section; `is_late` means that the deadline came first.
    """
    outcomes = {finding.outcome for finding in findings}
    if Outcome.suppressed in outcomes:
        return Status.suppressed
    if is_ambiguous:
        return Status.ambiguous
    failed = bool(outcomes & FAILED) or is_late or any(_breaker_open(one) for one in findings)
    cut = any(one.detail == OVER_BUDGET for one in findings)
    if any(not fact.inferred and not _says_nobody(fact) for fact in facts):
        is_open = (failed or cut) and wanted - known_fields(facts)
        return Status.partial if is_open else Status.complete
    if failed:
        return Status.provider_error
    return Status.budget_exhausted if cut else Status.not_found


def _says_nobody(fact: Fact) -> bool:
    """Tell whether a fact is only that no mail arrives there: that is nobody found."""
    value = fact.value
    return isinstance(value, dict) and value.get("status") in NO_MAILBOX


def _breaker_open(finding: Finding) -> bool:
    return finding.outcome is Outcome.skipped and finding.detail != OVER_BUDGET
