"""What may be looked at without asking anybody: cards that are there, and what has changed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import Connection

from app import callers, shelf, store
from app.digest import digest, digests
from app.front import OPERATOR, Front
from app.prospect import By, Prospect
from app.views import Caller, ChangedView, JobView, cached_view


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown(Front):
    """The verbs that spend nothing."""

    def cards_of(
        self, caller: Caller, kind: str, prefix: str, limit: int = 100
    ) -> tuple[list[str], int]:
        """Return whom the caller has cards about, newest first, and how many there are in all.

        `kind` is "email" or "domain"; domains are those of the companies of persons too. Case does
        not matter. Who is on the do-not-enrich list is left out.
        """
        whose = None if caller.id == OPERATOR else caller.id
        by = By(kind)

        def found(db: Connection) -> tuple[list[str], int]:
            rows, total = shelf.subjects_of(db, whose, by.value, prefix.strip().lower(), limit)
            marks = {row.key: {digest(row.key), digest(row.company_key)} for row in rows}
            hidden = callers.suppressed(db, frozenset().union(*marks.values()))
            told = [key.partition(":")[2] for key, mine in marks.items() if not mine & hidden]
            return told, total - len(rows) + len(told)

        return self.database.read(found)

    def changed_since(self, at: datetime, limit: int) -> Sequence[ChangedView]:
        """Return jobs that changed at `at` or later, each once, by the time of its last change.

        A change is committed a little after its time, by whichever process: who follows changes
        asks from COMMITTED_WITHIN before the last one on, and knows by `version` what it has seen.
        A job that was erased is not told of.
        """

        def found(db: Connection) -> list[ChangedView]:
            rows = shelf.changed(db, at, limit)
            callers_of = shelf.askers(db, [row.id for row in rows])
            return [_changed_view(row, callers_of[row.id]) for row in rows]

        return self.database.read(found)

    def _kept(self, caller: Caller, prospect: Prospect, first_scope: str) -> JobView | None:
        """Return the best card that is kept; who is shown one may follow its job from now on."""
        now = self.now()
        partial_since = now - min(tiers.stale for tiers in self.tiers.values())
        find = shelf.card if "spend" in caller.scopes else shelf.own_card

        def found(db: Connection) -> tuple[JobView, bool] | None:
            if callers.is_suppressed(db, [one for one, _ in digests(prospect)]):
                return None
            row = find(db, prospect.key, first_scope, now, partial_since, caller.id)
            return (cached_view(row, now), bool(row.is_asker)) if row else None

        view, is_asker = self.database.read(found) or (None, True)
        if view and not is_asker:
            remember = partial(store.remember_asker, job_id=view.id, caller_id=caller.id, now=now)
            self.database.write(remember).result()
        return view


def _changed_view(row: Any, caller_ids: frozenset[str]) -> ChangedView:
    prospect, is_final = Prospect.from_json(row.prospect), row.finished_at is not None
    return ChangedView(row.id, row.version, caller_ids, prospect, is_final, row.at)
