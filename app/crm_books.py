"""The books of what is written into CRMs: who works on a record, every value, broken connections.

A value is in the books before it is sent: what was written is known even when its answer is lost.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection

from app import crm_store
from app.crm import Ref
from app.crm_plan import Change
from app.crm_store import DONE, MOST_URL, PROPOSED, SENDING, UNDONE, WRITTEN
from app.crm_views import KEPT, Entry, entry
from app.database import Database, surely
from app.tables import CrmWrite

LEASE = timedelta(seconds=60)
"""As long as a try of a delivery: after it somebody else may write into the record."""

MOST_WRITES = 10
"""A record is written into at most so often a day, whoever keeps changing it back."""

TRY_BROKEN = timedelta(minutes=5)
"""How often a connection that is broken is tried again."""

MAYBE = "?"
"""In place of a note's id while it is not known whether the note is there."""

SHUT = frozenset({crm_store.DELETED, crm_store.ERASED})
"""States of a record that nothing is written into."""

CLOSED = SHUT | {crm_store.MERGED}
"""States that only what a CRM tells may change."""


@dataclass(frozen=True, slots=True)
class Held:
    """A record that is held. `winner` is set when it was merged into another one."""

    target: str
    state: str
    note_id: str
    winner: str
    writes_left: int

    @property
    def is_shut(self) -> bool:
        """Tell whether nothing may be written."""
        return self.state in SHUT


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """The books of all processes; `owner` names this one."""

    database: Database
    now: Callable[[], datetime]
    owner: str

    # --- records ---

    def hold(self, ref: Ref) -> Awaitable[Held | None]:
        """Hold a record, so that nobody else writes into it. None: somebody does."""
        return surely(self.database, partial(self._hold, ref=ref), "crm")

    def let_go(self, target: str, **values: object) -> Awaitable[bool]:
        """Hold a record no longer, and change what is known of it.

        One that was deleted, merged or erased meanwhile stays what it is.
        """

        def left(db: Connection) -> bool:
            known = crm_store.row(db, target)
            state = known.state if known else ""
            if state == crm_store.ERASED:
                crm_store.hush(db, target=target)
            changes = {} if state in CLOSED else values
            return crm_store.let_go(db, target, self.owner, **changes)

        return surely(self.database, left, "crm")

    def noting(self, target: str, note_id: str) -> Awaitable[None]:
        """Say where our note on a held record is; MAYBE before it is sent."""
        return surely(
            self.database, partial(crm_store.change, target=target, note_id=note_id), "crm"
        )

    def enriched(self, target: str, status: str, url: str) -> Awaitable[bool]:
        """Let a record go that has what the job found; `status` is how the job ended.

        `url` is the record's page in the CRM.
        """
        at = self.now()
        return self.let_go(
            target, state=DONE, reason="", ended=status, enriched_at=at, url=url[:MOST_URL]
        )

    def _hold(self, db: Connection, ref: Ref) -> Held | None:
        now = self.now()
        crm_store.held_row(db, ref.target, ref.connection, ref.kind.value, now)
        row = crm_store.claim(db, ref.target, self.owner, now, LEASE)
        if row is None:
            return None
        used = row.writes if row.writes_on == now.date() else 0
        return Held(row.target, row.state, row.note_id, row.winner, MOST_WRITES - used)

    # --- what is written ---

    def entries(self, job_id: str, target: str | None = None) -> Awaitable[list[Entry]]:
        """Return what the books hold of a job, in the order of its time."""

        def found(db: Connection) -> list[Entry]:
            return [entry(row) for row in crm_store.writes(db, job_id, target)]

        return asyncio.to_thread(self.database.read, found)

    def begin(
        self, job_id: str, person: str, target: str, changes: Sequence[Change]
    ) -> Awaitable[dict[str, str]]:
        """Enter what is about to be sent, and count a write; return the entries' ids by property.

        `person` is the digest of whom the job is about.
        """
        rows = [self._row(job_id, person, target, change, SENDING) for change in changes]

        def begun(db: Connection) -> dict[str, str]:
            now = self.now()
            known = crm_store.row(db, target)
            used = known.writes if known and known.writes_on == now.date() else 0
            crm_store.change(db, target, writes=used + 1, writes_on=now.date())
            crm_store.add_writes(db, rows)
            return {row.property: row.id for row in rows}

        return surely(self.database, begun, "crm")

    def end(
        self, ids: Collection[str], state: str, *, reason: str = "", status: int = 0, word: str = ""
    ) -> Awaitable[None]:
        """Say what became of entries; `word` is the CRM's own mark of the answer."""
        told: dict[str, Any] = {"state": state, "reason": reason, "status": status}
        if state == UNDONE:
            told = {"state": state, "reason": reason, "undone_at": self.now()}
        if word:
            told["correlation_id"] = word
        return surely(self.database, partial(crm_store.change_writes, ids=ids, **told), "crm")

    def drop(self, ids: Collection[str]) -> Awaitable[None]:
        """Take entries back: it is known now that they were never sent."""
        return surely(self.database, partial(crm_store.drop_writes, ids=ids), "crm")

    def skip(
        self, job_id: str, person: str, target: str, changes: Sequence[Change]
    ) -> Awaitable[None]:
        """Enter what is not written and why, in place of what was skipped or proposed before."""

        def skipped(db: Connection) -> None:
            known = crm_store.writes(db, job_id, target)
            settled = {row.property for row in known if row.state in {WRITTEN, UNDONE, SENDING}}
            old = [row.id for row in known if row.property not in settled]
            crm_store.drop_writes(db, old)
            rows = [
                self._row(
                    job_id, person, target, change, PROPOSED if not change.reason else "skipped"
                )
                for change in changes
                if change.property not in settled
            ]
            crm_store.add_writes(db, rows)

        return surely(self.database, skipped, "crm")

    def _row(self, job_id: str, person: str, target: str, change: Change, state: str) -> CrmWrite:
        return CrmWrite(
            id=f"wr_{uuid4().hex}",
            job_id=job_id,
            target=target,
            person=person,
            state=state,
            at=self.now(),
            **{name: getattr(change, name) for name in KEPT},
        )

    # --- broken connections ---

    def trouble(self, connection: str) -> Awaitable[str]:
        """Return why a connection cannot be used; empty when it can."""

        def found(db: Connection) -> str:
            broken = crm_store.health(db, connection)
            return str(broken.reason) if broken else ""

        return asyncio.to_thread(self.database.read, found)

    def may_try(self, connection: str) -> Awaitable[bool]:
        """Take the turn to try a broken connection; False when it is not time for one."""
        now = self.now()
        work = partial(
            crm_store.try_again, connection=connection, now=now, retry_at=now + TRY_BROKEN
        )
        return surely(self.database, work, "crm")

    def breaks(self, connection: str, reason: str) -> Awaitable[bool]:
        """Note that a connection cannot be used; False when that was known."""
        now = self.now()
        work = partial(
            crm_store.breaks,
            connection=connection,
            reason=reason,
            now=now,
            retry_at=now + TRY_BROKEN,
        )
        return surely(self.database, work, "crm")

    def works(self, connection: str) -> Awaitable[None]:
        """Note that a connection can be used (again)."""
        return surely(self.database, partial(crm_store.works, connection=connection), "crm")
