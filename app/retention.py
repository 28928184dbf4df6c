"""What is deleted because it is old, a bounded step at a time.

People go first (facts/sources.md section 13, read 2026-11-21): what is known of them, and the
cards that show it. Then events, and at last the jobs with all that belongs to them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, and_, delete, exists, or_, select, tuple_, update
from sqlmodel import SQLModel, col

from app import tally
from app.facts import Section
from app.outbox import PENDING
from app.posted import IS_BEHIND
from app.tables import (
    IS_OPEN,
    Alert,
    Asked,
    Attempt,
    Batch,
    BatchAsk,
    BatchRow,
    BatchRun,
    Coverage,
    CrmRow,
    CrmSeen,
    CrmWrite,
    Event,
    Feedback,
    Idempotent,
    Job,
    KnownFact,
    Lookup,
    Message,
    Outbox,
    OutboxTry,
    Posted,
    Recipient,
    ReplyUrl,
    Turn,
)

STEP = 200
"""At most this many rows of a kind go in one transaction, so that no other write waits long."""

PEOPLE = (Section.person.value, Section.decision_makers.value)
"""Sections whose facts are about people."""

TOLD = timedelta(days=3)
"""A CRM that was not heard tells the same again for a day (facts/crm.md section 2.3)."""

EXPIRED = "expired"
"""The problem of a batch's row whose job is gone."""

NOBODY = "expired"
"""The question of a ledger line that is kept for its costs alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """How long things are kept: jobs after their end, facts after they were seen."""

    jobs: timedelta
    people: timedelta
    events: timedelta

    def clean(self, db: Connection, now: datetime) -> int:
        """Delete the next STEP rows of each kind that are too old; return how many rows went.

        Nothing that is under way goes, and no job whose card is still to be delivered.
        """
        return sum(
            (
                self._facts(db, now),
                self._coverage(db, now),
                _cards(db, now - self.people),
                _events(db, now - self.events),
                _jobs(db, now - self.jobs, now),
                _asks(db, now - self.people),
                _batches(db, now - self.jobs),
                _pings(db, now - self.jobs),
                _costs(db, now),
                *_crm(db, now - TOLD, now - self.jobs),
                _drop(db, Turn, ("door",), col(Turn.next_at) < now - self.events),
                _drop(db, ReplyUrl, ("mark",), col(ReplyUrl.expires_at) < now),
                _drop(db, Lookup, ("key",), col(Lookup.until) < now),
                _drop(db, Alert, ("cause",), col(Alert.at) < now - self.jobs),
                _postings(db, now - self.jobs),
                tally.forget(db, now - self.jobs),
            )
        )

    def _facts(self, db: Connection, now: datetime) -> int:
        old = self._older(col(KnownFact.section), col(KnownFact.seen_at), now)
        return sum(_drop(db, KnownFact, ("answer_key", "id"), kind) for kind in old)

    def _coverage(self, db: Connection, now: datetime) -> int:
        old = self._older(col(Coverage.section), col(Coverage.as_of), now)
        return sum(_drop(db, Coverage, ("subject", "section"), kind) for kind in old)

    def _older(self, section: Any, at: Any, now: datetime) -> list[Any]:
        """Return one condition per section: people are kept shorter than companies."""
        keep = {one.value: self.people if one.value in PEOPLE else self.jobs for one in Section}
        return [and_(section == name, at < now - span) for name, span in keep.items()]


def first_of_last_month(now: datetime) -> datetime:
    """Return when the month before this one began (UTC).

    >>> first_of_last_month(datetime(2026, 1, 31, 9, 30)).isoformat()
    '2025-12-01T00:00:00'
    """
    this = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return (this - timedelta(days=1)).replace(day=1)


def _crm(db: Connection, told_before: datetime, before: datetime) -> tuple[int, ...]:
    """Delete what CRMs told, what was written into them, and records that hold nothing of ours.

    That a record was erased is kept.
    """
    records = and_(
        col(CrmRow.since) < before,
        col(CrmRow.state).not_in(("waiting", "asked", "erased")),
        col(CrmRow.note_id) == "",
        col(CrmRow.purge_at).is_(None),
    )
    return (
        _drop(db, CrmSeen, ("connection", "key"), col(CrmSeen.at) < told_before),
        _drop(db, CrmWrite, ("id",), col(CrmWrite.at) < before),
        _drop(db, CrmRow, ("target",), records),
    )


def _cards(db: Connection, before: datetime) -> int:
    """Empty jobs of what they told about people; who asked, when and at what cost stays."""
    told = (col(Job.finished_at) < before, col(Job.result).is_not(None), ~_undelivered())
    found = select(col(Job.id)).where(*told).order_by(col(Job.finished_at)).limit(STEP)
    return db.execute(update(Job).where(col(Job.id).in_(found)).values(result=None)).rowcount


def _events(db: Connection, before: datetime) -> int:
    live = exists().where(col(Job.id) == col(Event.job_id), col(Job.finished_at).is_(None))
    return _drop(db, Event, ("job_id", "seq"), and_(col(Event.at) < before, ~live))


def _jobs(db: Connection, before: datetime, now: datetime) -> int:
    old = select(col(Job.id)).where(col(Job.finished_at) < before, ~_undelivered())
    jobs = list(db.execute(old.order_by(col(Job.finished_at)).limit(STEP)).scalars())
    if not jobs:
        return 0
    sent = select(col(Outbox.id)).where(col(Outbox.job_id).in_(jobs))
    _deliveries(db, list(db.execute(sent).scalars()))
    spent = (col(Attempt.job_id).in_(jobs), col(Attempt.ended_at) >= first_of_last_month(now))
    db.execute(update(Attempt).where(*spent).values(job_id="", answer_key=NOBODY))
    in_batches = update(BatchRow).where(col(BatchRow.job_id).in_(jobs))
    db.execute(in_batches.values(job_id=None, problem=EXPIRED))
    for column in (
        Message.ref,
        Attempt.job_id,
        Event.job_id,
        Asked.job_id,
        Recipient.job_id,
        Idempotent.job_id,
        Posted.job_id,
        Feedback.job_id,
    ):
        _delete(db, column, jobs)
    return _delete(db, Job.id, jobs)


def _batches(db: Connection, before: datetime) -> int:
    """Delete batches of which no job is under way: their rows, and then themselves."""
    rows = col(BatchRow.batch_id) == col(Batch.id)
    live = exists().where(rows, col(Job.id) == col(BatchRow.job_id), col(Job.finished_at).is_(None))
    old = and_(col(Batch.created_at) < before, ~live, ~_is_open())
    of_old = col(BatchRow.batch_id).in_(select(col(Batch.id)).where(old))
    gone = _drop(db, BatchRow, ("batch_id", "position"), of_old)
    empty = and_(old, ~exists().where(rows))
    batches = list(db.execute(select(col(Batch.id)).where(empty).limit(STEP)).scalars())
    sent = select(col(Outbox.id)).where(col(Outbox.job_id).in_(batches))
    _deliveries(db, list(db.execute(sent).scalars()))
    for column in (BatchRun.batch_id, BatchAsk.batch_id, Idempotent.job_id, Posted.job_id):
        _delete(db, column, batches)
    return gone + _delete(db, Batch.id, batches)


def _asks(db: Connection, before: datetime) -> int:
    """Delete the rows of batches as they were given, but of those that are under way."""
    old = select(col(Batch.id)).where(col(Batch.created_at) < before, ~_is_open())
    return _drop(db, BatchAsk, ("batch_id", "position"), col(BatchAsk.batch_id).in_(old))


def _is_open() -> Any:
    return exists().where(col(BatchRun.batch_id) == col(Batch.id), IS_OPEN)


def _postings(db: Connection, before: datetime) -> int:
    """Delete what is noted of messages that belong to no job (any more)."""
    of_job = exists().where(col(Job.id) == col(Posted.job_id))
    return _drop(db, Posted, ("channel", "target"), and_(col(Posted.at) < before, ~of_job))


def _pings(db: Connection, before: datetime) -> int:
    """Delete deliveries that belong to no job."""
    old = (col(Outbox.job_id).is_(None), col(Outbox.created_at) < before)
    ended = select(col(Outbox.id)).where(*old, col(Outbox.state) != PENDING).limit(STEP)
    return _deliveries(db, list(db.execute(ended).scalars()))


def _costs(db: Connection, now: datetime) -> int:
    """Delete ledger lines whose job is gone, once they are older than last month."""
    old = and_(col(Attempt.job_id) == "", col(Attempt.ended_at) < first_of_last_month(now))
    return _drop(db, Attempt, ("id",), old)


def _deliveries(db: Connection, delivery_ids: Sequence[str]) -> int:
    if not delivery_ids:
        return 0
    _delete(db, OutboxTry.delivery_id, delivery_ids)
    _delete(db, Message.ref, delivery_ids)
    return _delete(db, Outbox.id, delivery_ids)


def _undelivered() -> Any:
    """Match jobs whose end is still to be told: it waits, or a message does not show it yet."""
    waits = exists().where(col(Outbox.job_id) == col(Job.id), col(Outbox.state) == PENDING)
    return or_(waits, exists().where(IS_BEHIND))


def _delete(db: Connection, column: Any, values: Sequence[str]) -> int:
    """Delete the rows of the column's table that have one of these values."""
    return db.execute(delete(column.class_).where(column.in_(values))).rowcount


def _drop(db: Connection, table: type[SQLModel], key: tuple[str, ...], which: Any) -> int:
    """Delete up to STEP rows that match; `key` names the primary key."""
    columns = [getattr(table, name) for name in key]
    old = select(*columns).where(which).limit(STEP)
    return db.execute(delete(table).where(tuple_(*columns).in_(old))).rowcount
