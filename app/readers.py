"""The people behind a caller, such as the users of a workspace: their cards and their wishes.

Nothing is known of them but their ids there.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import Connection

from app import callers, outbox, preferences, store
from app.delivery import EVENTS
from app.digest import digest
from app.errors import InvalidRequest
from app.front import Front
from app.preference import DAY, Preference, quiet_until
from app.tables import Idempotent
from app.views import Caller, RecentView, cached_view, job_view

ENDS = frozenset(EVENTS.values())
"""Events that bring a card: whether the last of them arrived is what counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Readers(Front):
    """The verbs around one person of a caller."""

    def recent(self, caller: Caller, reader: str, limit: int = 10) -> list[RecentView]:
        """Return what this person asked for last, the newest first, without who is erased.

        Who is on the do-not-enrich list is left out. Costs a few questions, whatever is kept.
        """

        def found(db: Connection) -> list[RecentView]:
            asked = store.jobs_of(db, store.reader_id(caller.id, reader), limit)
            marks = {row.id: {digest(row.prospect_key), digest(row.company_key)} for row in asked}
            hidden = callers.suppressed(db, frozenset().union(*marks.values()))
            rows = [row for row in asked if not marks[row.id] & hidden]
            lost = _undelivered(db, caller.id, reader, [row.id for row in rows])
            return [self._recent(row, row.id in lost) for row in rows]

        return self.database.read(found)

    def _recent(self, row: Any, is_undelivered: bool) -> RecentView:
        is_final = row.finished_at is not None
        view = cached_view(row, self.now()) if is_final else job_view(row, {})
        return RecentView(view, is_undelivered)

    def preference(self, team: str, user: str) -> Preference:
        """Return what a user of a workspace has chosen."""
        return self.database.read(partial(preferences.of, team=team, user=user))

    def prefer(self, team: str, user: str, **changes: str | int | bool | None) -> Preference:
        """Change some of what a user has chosen, by the names of app.preference.Preference.

        Raises InvalidRequest for a quiet hour that is none.
        """
        for name in ("quiet_from", "quiet_until"):
            minute = changes.get(name)
            if minute is not None and not 0 <= int(minute) < DAY:
                raise InvalidRequest(f"A quiet hour is a minute of the day, 0 to {DAY - 1}.")
        work = partial(preferences.change, team=team, user=user, changes=changes)
        return self.database.write(work).result()

    def held_until(self, team: str, user: str, now: datetime) -> datetime | None:
        """Return until when a card waits that this user did not ask for; None = it need not.

        Whether it may come at all is for `takes_unasked` to say.
        """
        return quiet_until(self.preference(team, user), now)

    def takes_unasked(self, team: str, user: str) -> bool:
        """Tell whether a user wants cards that they did not ask for."""
        return self.preference(team, user).unasked

    def forget_team(self, team: str) -> int:
        """Drop what the people of a workspace that left us had chosen; return of how many."""
        return self.database.write(partial(preferences.forget_team, team=team)).result()

    def is_first(self, caller: Caller, key: str) -> bool:
        """Tell whether this comes from a caller for the first time, and remember it for 24 h.

        However many processes ask about the same at once, one is told so.
        """
        row = Idempotent(caller_id=caller.id, key=key, digest="", job_id="", created_at=self.now())
        return self.database.write(partial(callers.remember_new, seen=row)).result()


def _undelivered(
    db: Connection, caller_id: str, reader: str, job_ids: Sequence[str]
) -> frozenset[str]:
    """Return those of these jobs whose card did not arrive at this person, when tried last."""
    states = {
        row.job_id: row.state
        for row in outbox.of_jobs(db, caller_id, job_ids)
        if row.event in ENDS and f"{reader}:" in row.target
    }
    return frozenset(job_id for job_id, state in states.items() if state in outbox.GIVEN_UP)
