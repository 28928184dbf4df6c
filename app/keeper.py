"""What dead workers held is brought back, and what waits without a message gets one."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from app import alerts, callers, crm_erasure, crm_store, ledger, outbox, posted, store
from app.alerts import ALERT, alert
from app.callers import OPERATOR
from app.courier import announce, new_delivery
from app.database import carries
from app.delivery import EVENTS, Address
from app.dialect import is_alone
from app.digest import digest
from app.ending import follow_up
from app.job import DEATHS, Status
from app.store import JobRow
from app.tasks import Tasks

log = logging.getLogger("warmcall.keeper")

LOST_AFTER = timedelta(seconds=5)
"""A job or delivery that is due for this long without a message gets a new one."""

LOST_AMONG_MANY = timedelta(minutes=10)
"""The same while messages wait in a queue elsewhere: its own may be among them.

A job gets at most one more message in this time, however long the queue is; a message too many is
harmless, because only one worker can claim the job.
"""

BEHIND_AFTER = timedelta(minutes=10)
"""What has been shown for this long of a job that ended meanwhile is brought up to date."""

TURN = 7_303_002
"""The lock that of several workers lets one sweep at a time."""

SWEEP = 100
"""At most this many things of a kind are swept up at a time."""

PURGE = 5
"""At most this many persons are forgotten at a time: each takes some milliseconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Keeper:
    """Sweeps up after the dead. All its functions run in a transaction of the caller.

    `silence` is how long a process may be unheard before it counts as dead; `alerts` gives the
    address at which operators hear of trouble, each time by a mark of its own.
    """

    tasks: Tasks
    now: Callable[[], datetime]
    silence: timedelta
    alerts: Callable[[str], Address] | None = None

    def sweep(self, db: Connection, depth: int | None = 0) -> None:
        """Bring back jobs, calls and deliveries that nobody is working on any more.

        `depth` is how many messages wait in a queue elsewhere; None when it cannot be reached.
        """
        if is_alone(db, TURN):
            self._sweep(db, depth)

    def _sweep(self, db: Connection, depth: int | None) -> None:
        now = self.now()
        store.forget_silent(db, now, self.silence)
        alive = store.process_ids(db)
        for job in store.orphans(db, now, self.silence, SWEEP):
            if job.owner in alive:
                self.release(db, job)
            else:
                ledger.interrupt(db, job.owner, now)
                self.bereave(db, job)
        for owner in ledger.owners_in_flight(db):
            if owner not in alive:
                ledger.interrupt(db, owner, now)
        outbox.bereave(db, alive)
        posted.bereave(db, alive)
        crm_store.bereave(db, alive)
        self._purge(db, now)
        store.hasten(db, now)
        if depth is not None:
            self._send_due(db, now)
            self._announce_again(db, now, LOST_AMONG_MANY if depth else LOST_AFTER)
        self._tell(db, now)
        self._show_again(db, now)
        callers.forget_idempotent(db, now)

    def _tell(self, db: Connection, now: datetime) -> None:
        """Have operators told of trouble, if they want to be."""
        if self.alerts is None:
            return
        for trouble in alerts.untold(db, SWEEP):
            to = self.alerts(digest(f"{trouble.cause}:{trouble.at}"))
            delivery = new_delivery(None, ALERT, OPERATOR, to, now)
            alerts.told(db, trouble.cause, delivery.id)
            announce(db, self.tasks, delivery)

    def _show_again(self, db: Connection, now: datetime) -> None:
        """Have what is still shown of an ended job brought up to date, if nobody is at it."""
        for row in posted.behind(db, now - BEHIND_AFTER, SWEEP):
            posted.touch(db, row, now)
            to = Address(row.channel, row.target)
            announce(
                db, self.tasks, new_delivery(row.job_id, EVENTS[row.status], OPERATOR, to, now)
            )
            log.warning("a message is behind its job", extra={"job_id": row.job_id})

    def bereave(self, db: Connection, job: JobRow) -> None:
        """Queue a job again whose worker died of it; park it when it was one too many.

        Hundreds of jobs die with a worker that one of them killed. Each counts that death, but who
        has counted all but the last one allowed runs alone from then on: innocent jobs end then.
        """
        now = self.now()
        ledger.interrupt(db, job.owner, now, job.id)
        if job.deaths + 1 >= DEATHS:
            self._park(db, job, now)
        elif store.orphaned(db, job.id, job.owner, now):
            self._queue(db, job.id, now)
            log.warning("job queued again: its worker died", extra={"job_id": job.id})

    def release(self, db: Connection, job: JobRow) -> None:
        """Queue a job again that its worker dropped through no fault of the job."""
        now = self.now()
        ledger.interrupt(db, job.owner, now, job.id)
        if store.give_back(db, job.id, job.owner, now, due_at=now):
            self._queue(db, job.id, now)
            log.warning("job queued again: its worker dropped it", extra={"job_id": job.id})

    def _queue(self, db: Connection, job_id: str, now: datetime) -> None:
        job = store.job_row(db, job_id)
        assert job is not None
        store.post(db, self.tasks.again(job))
        store.add_event(db, job_id, "job", {"status": Status.queued}, now)

    def _park(self, db: Connection, job: JobRow, now: datetime) -> None:
        message = f"{DEATHS} workers died while running this job; it is not tried again."
        result = {"error": {"code": "worker_died", "message": message}}
        failed = Status.provider_error
        if ended := store.finish(db, job.id, now, failed, owner=job.owner, result=result):
            follow_up(db, self.tasks, ended, now)
            log.error("job parked: its workers keep dying", extra={"job_id": job.id})
            alert(db, "job parked", f"{message} It is {job.id}.", now)

    def _send_due(self, db: Connection, now: datetime) -> None:
        """Send to a queue elsewhere what has waited here until it was due."""
        if carries(db):
            for message in store.take(db, SWEEP, now):
                store.post(db, message)

    def _announce_again(self, db: Connection, now: datetime, lost_after: timedelta) -> None:
        for job in store.unannounced(db, now - lost_after, SWEEP):
            store.announced(db, job.id, now)
            store.post(db, self.tasks.again(job))
        for delivery_id in outbox.overdue(db, now - lost_after, SWEEP):
            if not store.is_announced(db, delivery_id):
                outbox.announced(db, delivery_id, now)
                store.post(db, self.tasks.delivery(delivery_id))
        for target in crm_store.overdue(db, now - lost_after, SWEEP):
            if not store.is_announced(db, target):
                crm_store.announced(db, target, now)
                store.post(db, self.tasks.arrival(target))

    def _purge(self, db: Connection, now: datetime) -> None:
        """Forget whom records were about that were deleted long ago and did not come back."""
        for target in crm_store.to_purge(db, now, PURGE):
            crm_erasure.forget(db, self.tasks, target, now, for_ever=False)
            crm_store.change(db, target, purge_at=None, job_id=None, note_id="")
