"""What surfaces see of writing into CRMs: what was, or would be, written and taken back."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from typing import Any

from app.crm import Ref
from app.crm_plan import Change
from app.digest import HUSHED

KEPT = tuple(one.name for one in fields(Change) if one.name != "is_proposed")
"""What the books keep of a change, by the names of both."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A row of the books. `state`: sending, written, skipped, refused, proposed, undone."""

    id: str
    target: str
    change: Change
    state: str
    reason: str
    status: int
    correlation_id: str
    at: datetime
    undone_at: datetime | None

    @property
    def is_hushed(self) -> bool:
        """Tell whether only digests of the values are left: the person was erased."""
        return self.change.new.startswith(HUSHED)


@dataclass(frozen=True, slots=True)
class Saved:
    """What became of a record: the values that were (or would be) written, and the others.

    `reason` says in one word why nothing was: no_record, gone, deleted, erased, opted_out, or the
    status of the job. `also` is what became of the company of a person.
    """

    ref: Ref
    changes: tuple[Change, ...] = ()
    written: frozenset[str] = frozenset()
    refused: Mapping[str, str] = field(default_factory=dict)
    reason: str = ""
    url: str = ""
    also: "Saved | None" = None

    @property
    def due(self) -> tuple[Change, ...]:
        """Return the changes that are to be written."""
        return tuple(one for one in self.changes if not (one.reason or one.is_proposed))

    @property
    def has_proposals(self) -> bool:
        """Tell whether something waits for somebody's consent."""
        mine = any(one.is_proposed and not one.reason for one in self.changes)
        return mine or (self.also is not None and self.also.has_proposals)

    @property
    def agreed(self) -> "Saved":
        """Return the same with what was proposed as due."""
        return replace(self, changes=tuple(replace(one, is_proposed=False) for one in self.changes))


@dataclass(frozen=True, slots=True)
class Undone:
    """What became of one value that was to be taken back.

    `outcome`: undone, changed_since (somebody wrote another value: it stays), gone, erased,
    refused.
    """

    entry: Entry
    outcome: str


def entry(row: Any) -> Entry:
    """Read a row of the audit."""
    kept = {name: getattr(row, name) for name in KEPT}
    change = Change(**kept, is_proposed=row.state == "proposed")
    return Entry(
        row.id,
        row.target,
        change,
        row.state,
        row.reason,
        row.status,
        row.correlation_id,
        row.at,
        row.undone_at,
    )
