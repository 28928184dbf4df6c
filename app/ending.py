"""What follows from the end of a job, whoever ended it: charge, suppress, tell, deliver."""

from datetime import datetime

from sqlalchemy import Connection

from app import callers, erasure, outbox, partners, store, tally
from app.courier import announce, new_delivery
from app.delivery import EVENTS, Address
from app.digest import digests
from app.job import FOUND, Status
from app.prospect import Prospect
from app.store import JobRow
from app.tables import Suppression
from app.tasks import Tasks


def follow_up(db: Connection, tasks: Tasks, job: JobRow, now: datetime) -> None:
    """Do what follows from the end of a job, in the transaction that ended it.

    `job` is what `store.finish` returned.
    """
    status = Status(job.status)
    _charge(db, job, status)
    tally.job_ended(db, status, now)
    if status is Status.suppressed:
        prospect = Prospect.from_json(job.prospect)
        digest, kind = digests(prospect)[0]
        callers.suppress(db, Suppression(digest=digest, kind=kind, created_at=now))
        erasure.drop_facts(db, prospect)
    store.add_event(db, job.id, "job", {"status": status}, now)
    if recipients := store.recipients(db, job.id):
        outbox.overtaken(db, job.id)
    for to in recipients:
        address = Address(to.channel, to.target)
        announce(db, tasks, new_delivery(job.id, EVENTS[status], to.caller_id, address, now))
    for hook in partners.hooks_of_job(db, job.id, EVENTS[status]):
        address = Address(partners.HOOK, hook.target)
        announce(db, tasks, new_delivery(job.id, EVENTS[status], hook.caller_id, address, now))


def _charge(db: Connection, job: JobRow, status: Status) -> None:
    """Book what the job spent, and give the enrichment back when it found nothing."""
    back = -1 if job.charged and status not in FOUND else 0
    if job.caller_id and (back or job.credits_spent):
        month = f"{job.created_at:%Y-%m}"
        callers.charge_later(db, job.caller_id, month, used=back, spent=job.credits_spent)
