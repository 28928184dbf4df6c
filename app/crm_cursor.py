"""How far new records of a CRM were looked for, by whichever worker: one looks at a time."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import Connection, or_, select, update
from sqlmodel import col

from app.database import Database, surely
from app.rows import put_new
from app.tables import CrmCursor

LEASE = timedelta(minutes=2)
"""Who looks says within this time how far it has come; after it another worker looks."""

_ORDER = "~crm_cursor"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursors:
    """The cursors of all workers; `owner` names this one."""

    database: Database
    now: Callable[[], datetime]
    owner: str

    def claim(self, name: str, every: timedelta) -> Awaitable[datetime | None]:
        """Begin to look, and return from when on: now for a new cursor.

        None: somebody looks at this moment, or did so less than `every` ago.
        """
        return surely(self.database, partial(self._claim, name=name, every=every), _ORDER)

    def advance(self, name: str, at: datetime) -> Awaitable[None]:
        """Say that everything before then was found, and go on."""
        values = {"at": at, "lease_until": self.now() + LEASE}
        return surely(self.database, partial(self._change, name=name, values=values), _ORDER)

    def let_go(self, name: str) -> Awaitable[None]:
        """Look no longer."""
        values = {"owner": None, "lease_until": None}
        return surely(self.database, partial(self._change, name=name, values=values), _ORDER)

    def _claim(self, db: Connection, name: str, every: timedelta) -> datetime | None:
        now = self.now()
        new = {"name": name, "at": now, "due_at": now, "owner": None, "lease_until": None}
        put_new(db, CrmCursor, new)
        ends, due = col(CrmCursor.lease_until), col(CrmCursor.due_at)
        is_free = or_(ends.is_(None), ends < now, ends > now + 2 * LEASE)  # a clock set back
        is_due = or_(due <= now, due > now + every)
        held = {"owner": self.owner, "lease_until": now + LEASE, "due_at": now + every}
        here = col(CrmCursor.name) == name
        if not db.execute(update(CrmCursor).where(here, is_free, is_due).values(held)).rowcount:
            return None
        at: datetime = db.execute(select(col(CrmCursor.at)).where(here)).scalar_one()
        return at

    def _change(self, db: Connection, name: str, values: Mapping[str, object]) -> None:
        mine = (col(CrmCursor.name) == name, col(CrmCursor.owner) == self.owner)
        db.execute(update(CrmCursor).where(*mine).values(values))
