"""Forgetting the person whom a record of a CRM was about, and stopping what runs for it."""

from datetime import datetime

from sqlalchemy import Connection

from app import callers, crm_store, erasure, store
from app.courier import take_back
from app.digest import digests
from app.ending import follow_up
from app.job import Status
from app.prospect import Prospect
from app.tables import Suppression
from app.tasks import Tasks


def stop(db: Connection, tasks: Tasks, job_id: str | None, caller_id: str, now: datetime) -> None:
    """Stop a job that runs for a record alone; others' jobs go on."""
    job = store.held_job(db, job_id) if job_id else None
    if job is None or job.finished_at or store.is_shared(db, job.id, caller_id):
        return
    if job.status != Status.queued:
        store.ask_to_cancel(db, job.id)
        return
    store.withdraw(db, job.id)
    if ended := store.finish(db, job.id, now, Status.cancelled, owner=None):
        follow_up(db, tasks, ended, now)


def forget(db: Connection, tasks: Tasks, target: str, now: datetime, *, for_ever: bool) -> None:
    """Erase everything about the person that a record was about, however often it was looked up.

    `for_ever` keeps a digest of the person, so that nobody is looked up again by accident. A
    record that nobody was looked up for leaves nothing to erase: it may be unknown.
    """
    for job_id in crm_store.jobs_about(db, target):
        job = store.job_row(db, job_id)
        prospect = Prospect.from_json(job.prospect) if job else None
        if prospect and prospect.is_person:
            digest, kind = digests(prospect)[0]
            if for_ever:
                callers.suppress(db, Suppression(digest=digest, kind=kind, created_at=now))
            shown = erasure.shown_at(db, prospect)
            erasure.forget(db, prospect)
            take_back(db, tasks, shown, now)
    crm_store.hush(db, target=target)
    store.withdraw(db, target)
