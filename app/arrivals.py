"""What a CRM tells of its records: each event is heard once, and opens one arrival per record."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import Connection

from app import crm_erasure, crm_store, store
from app.clerk import crm_caller, refresh_caller
from app.crm import CrmEvent, Happening, Kind, Ref
from app.crm_plan import Change
from app.crm_store import ASKED, DELETED, ERASED, MERGED, WAITING
from app.crm_views import Entry, entry
from app.digest import digest
from app.front import Front
from app.views import JobView

log = logging.getLogger("warmcall.arrivals")

PATIENCE = timedelta(hours=1)
"""A job that runs for a record takes in what is told of it for so long; then it is asked anew."""

GRACE = timedelta(days=30)
"""What is known of a deleted record's person goes after this time: until then it may come back."""

MERGES = 8
"""So many times in a row a record is followed to the one that it was merged into."""

ORDER = "crm"


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrivals(Front):
    """The verbs of those who hear what a CRM tells."""

    def arrived(self, connection: str, vendor: str, events: Sequence[CrmEvent]) -> int:
        """Hear what a CRM tells, all of it in one commit; return how many arrivals were opened.

        What was told before, and what our own writing caused, is nothing new. Everything else is
        done by a worker. Events may come in any order. Raises NotReady when nothing can be written.
        """
        if not (fresh := [event for event in events if not event.is_echo]):
            return 0
        work = partial(self._hear, connection=connection, events=fresh)
        opened = self.database.write(work, ORDER).result()
        told = {"connection": connection, "vendor": vendor, "events": len(events)}
        log.info("a CRM told something", extra=told | {"opened": opened})
        return opened

    def refreshed(self, connection: str, since: datetime) -> list[Entry]:
        """Return what the refreshing of old records has changed in a CRM since then."""
        caller_id = refresh_caller(connection).id
        rows = self.database.read(lambda db: crm_store.writes_for(db, caller_id, since))
        return [entry(row) for row in rows]

    def crm_page(self, view: JobView) -> str:
        """Return the page of the CRM's record about whom a job was, empty when none is known."""
        person = digest(view.prospect.key)
        return self.database.read(lambda db: crm_store.page_of(db, view.id, person))

    def proposals(self, job_id: str) -> list[Change]:
        """Return what waits for consent to be written into the CRM for a job."""
        rows = self.database.read(lambda db: crm_store.writes(db, job_id))
        return [one.change for one in map(entry, rows) if one.change.is_proposed]

    def broken_connections(self) -> dict[str, str]:
        """Return the connections that an operator has to look after, each with the reason."""
        rows = self.database.read(crm_store.all_health)
        return {row.connection: row.reason for row in rows}

    def _hear(self, db: Connection, connection: str, events: Sequence[CrmEvent]) -> int:
        now = self.now()
        ordered = sorted(events, key=lambda one: (one.ref.target, one.occurred_at, one.key))
        return sum(self._heard(db, connection, event, now) for event in ordered)

    def _heard(self, db: Connection, connection: str, event: CrmEvent, now: datetime) -> bool:
        """Hear one event; tell whether it opened an arrival."""
        told = {
            "connection": connection,
            "key": event.key,
            "target": event.ref.target,
            "happening": event.happening.value,
            "occurred_at": event.occurred_at,
            "at": now,
        }
        if not crm_store.is_new(db, told):
            return False
        if event.happening is Happening.merged:
            return self._merged(db, event, now)
        row = self._followed(db, event.ref, now)
        if event.happening is Happening.deleted:
            return self._deleted(db, row, event, now)
        if event.happening is Happening.erased:
            return self._erased(db, event.ref, now)
        return self._open_arrival(db, row, event, now)

    def _followed(self, db: Connection, ref: Ref, now: datetime) -> Any:
        """Return the row of a record, or of the one that it was merged into."""
        row = self._record(db, ref, now)
        for _ in range(MERGES):
            if row.state != MERGED or not row.winner:
                break
            row = self._record(db, Ref.read(row.winner), now)
        return row

    def _record(self, db: Connection, ref: Ref, now: datetime) -> Any:
        return crm_store.held_row(db, ref.target, ref.connection, ref.kind.value, now)

    def _open_arrival(self, db: Connection, row: Any, event: CrmEvent, now: datetime) -> bool:
        """Open an arrival, unless one is open that takes this in."""
        is_back = event.happening is Happening.created and event.occurred_at > row.changed_at
        if row.state in {ERASED, MERGED} or (row.state == DELETED and not is_back):
            return False
        crm_store.tell(db, row.target)
        is_asked = row.state == ASKED and row.asked_at and now - row.asked_at < PATIENCE
        if row.state == WAITING or is_asked:
            return False
        crm_store.change(
            db,
            row.target,
            state=WAITING,
            reason="",
            tries=0,
            since=min(event.occurred_at, now),
            due_at=now,
            purge_at=None,
        )
        store.post(db, self.tasks.arrival(row.target))
        return True

    def _deleted(self, db: Connection, row: Any, event: CrmEvent, now: datetime) -> bool:
        """Stop what is open of a record; it may come back."""
        if row.state not in {ERASED, MERGED}:
            crm_store.change(
                db,
                row.target,
                state=DELETED,
                reason="",
                changed_at=event.occurred_at,
                purge_at=now + GRACE,
            )
            self._stop(db, row, now)
        return False

    def _merged(self, db: Connection, event: CrmEvent, now: datetime) -> bool:
        """Close the losers; their winner inherits what is known, and is looked at again."""
        losers = [Ref(event.ref.connection, event.ref.kind, other) for other in event.others]
        rows = [self._record(db, ref, now) for ref in losers if ref != event.ref]
        winner = self._followed(db, event.ref, now)
        for row in rows:
            if row.state == ERASED or row.target == winner.target:
                continue
            crm_store.change(db, row.target, state=MERGED, winner=winner.target, reason="")
            self._stop(db, row, now)
            if row.note_id and not winner.note_id:
                crm_store.change(db, winner.target, note_id=row.note_id)
        return self._open_arrival(db, winner, event, now)

    def _erased(self, db: Connection, ref: Ref, now: datetime) -> bool:
        """Forget the person of a record for ever. A record that was unknown stays shut too."""
        row = self._record(db, ref, now)
        self._stop(db, row, now)
        if ref.kind is Kind.person:
            crm_erasure.forget(db, self.tasks, row.target, now, for_ever=True)
        crm_store.change(
            db, row.target, state=ERASED, reason="", job_id=None, purge_at=None, note_id=""
        )
        return False

    def _stop(self, db: Connection, row: Any, now: datetime) -> None:
        store.withdraw(db, row.target)
        crm_erasure.stop(db, self.tasks, row.job_id, crm_caller(row.connection).id, now)
