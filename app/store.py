"""Jobs and the messages that wake workers: every query over them.

All functions take the connection of a transaction, so a verb can combine them in one commit.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    Connection,
    Row,
    bindparam,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
    text,
    update,
)
from sqlmodel import col

from app.database import carries, hand_on, ring
from app.facts import Section
from app.job import Status
from app.rows import put, put_new, table
from app.tables import (
    IS_LIVE,
    IS_TOLD,
    Asked,
    Coverage,
    Event,
    Job,
    Message,
    Process,
    Recipient,
    Suppression,
)

WORKERS = "worker"
FOLLOWERS = "web"
"""Kinds of processes that are woken: by new messages, and by changes of jobs."""

LONGEST = timedelta(minutes=10)
"""Nothing waits in the queue for a time further ahead, and no two clocks differ by more."""

MOST = 1_000_000
"""No job is given to more workers than this."""

_JOB, _EVENT, _MESSAGE, _RECIPIENT = table(Job), table(Event), table(Message), table(Recipient)

JobRow = Row[Any]
"""A row of `job`: attributes are the columns of app.tables.Job."""

# --- jobs ---


_ADD_JOB = insert(_JOB)
_OF_SCOPE = (_JOB.c.prospect_key == bindparam("key"), _JOB.c.scope == bindparam("of_scope"))
_LIVE_JOB = select(_JOB).where(*_OF_SCOPE, IS_LIVE)
_LATEST_JOB = (
    select(_JOB)
    .where(*_OF_SCOPE, _JOB.c.finished_at.is_not(None))
    .order_by(_JOB.c.finished_at.desc())
    .limit(1)
)


_KNOWN = or_(
    exists().where(*_OF_SCOPE),
    exists().where(
        or_(
            col(Suppression.digest) == bindparam("digest"),
            col(Suppression.digest) == bindparam("other_digest"),
        )
    ),
    exists().where(
        or_(
            col(Coverage.subject) == bindparam("subject"),
            col(Coverage.subject) == bindparam("other_subject"),
        )
    ),
)
_IS_UNKNOWN = select(~_KNOWN)


def is_unknown(
    db: Connection, key: str, scope: str, digests: Sequence[str], subjects: Sequence[str]
) -> bool:
    """Tell in one question whether nothing is kept that could answer a request or forbid it.

    That is no job of this prospect and scope, nothing of one or two subjects, and none of one or
    two digests on the do-not-enrich list.
    """
    asked = {
        "key": key,
        "of_scope": scope,
        "digest": digests[0],
        "other_digest": digests[-1],
        "subject": subjects[0],
        "other_subject": subjects[-1],
    }
    return bool(db.execute(_IS_UNKNOWN, asked).scalar_one())


def add_job(db: Connection, job: Mapping[str, object]) -> None:
    """Insert a new job, all its columns. Raises IntegrityError when one is live for its scope."""
    db.execute(_ADD_JOB, job)


_JOB_ROW = select(_JOB).where(_JOB.c.id == bindparam("job_id"))


def job_row(db: Connection, job_id: str) -> JobRow | None:
    """Return one job."""
    return db.execute(_JOB_ROW, {"job_id": job_id}).one_or_none()


_LAST_RESULT = (
    select(_JOB.c.result)
    .where(
        _JOB.c.prospect_key == bindparam("prospect_key"),
        _JOB.c.scope == bindparam("scope"),
        _JOB.c.finished_at.is_not(None),
    )
    .order_by(_JOB.c.finished_at.desc())
    .limit(1)
)


def last_result(db: Connection, prospect_key: str, scope: str) -> dict[str, Any] | None:
    """Return what the job that ended last for this prospect and scope came to."""
    asked = {"prospect_key": prospect_key, "scope": scope}
    found: dict[str, Any] | None = db.execute(_LAST_RESULT, asked).scalar()
    return found


def held_job(db: Connection, job_id: str) -> JobRow | None:
    """Return one job, and keep others from changing it until the transaction ends."""
    return db.execute(select(Job).where(col(Job.id) == job_id).with_for_update()).one_or_none()


def is_asked_about(db: Connection, prospect_key: str) -> bool:
    """Tell whether a job about this prospect is under way."""
    live = select(col(Job.id)).where(col(Job.prospect_key) == prospect_key, IS_LIVE)
    return db.execute(live.limit(1)).first() is not None


def live_job(db: Connection, prospect_key: str, scope: str) -> JobRow | None:
    """Return the job that is under way for this prospect and scope."""
    return db.execute(_LIVE_JOB, {"key": prospect_key, "of_scope": scope}).one_or_none()


def latest_job(db: Connection, prospect_key: str, scope: str) -> JobRow | None:
    """Return the job that ended last for this prospect and scope."""
    return db.execute(_LATEST_JOB, {"key": prospect_key, "of_scope": scope}).one_or_none()


def job_by_card(db: Connection, token: str) -> JobRow | None:
    """Return the job whose card has this token."""
    return db.execute(select(Job).where(col(Job.card_token) == token)).one_or_none()


def jobs_of(db: Connection, caller_id: str | None, limit: int) -> Sequence[JobRow]:
    """Return the newest jobs a caller asked for; None = all jobs."""
    query = select(Job).limit(limit)
    if caller_id is None:
        return db.execute(query.order_by(col(Job.created_at).desc())).all()
    asked = query.join(Asked, col(Asked.job_id) == col(Job.id))
    mine = asked.where(col(Asked.caller_id) == caller_id)
    return db.execute(mine.order_by(col(Asked.at).desc())).all()


def ended_since(db: Connection, since: datetime, limit: int) -> Sequence[JobRow]:
    """Return the jobs that ended after `since`, oldest first."""
    ended = select(Job).where(col(Job.finished_at) > since)
    return db.execute(ended.order_by(col(Job.finished_at)).limit(limit)).all()


def versions(db: Connection, job_ids: Collection[str]) -> dict[str, tuple[int, bool]]:
    """Return version and whether it has ended, for each of these jobs."""
    rows = db.execute(
        select(col(Job.id), col(Job.version), col(Job.finished_at)).where(col(Job.id).in_(job_ids))
    )
    return {row.id: (row.version, row.finished_at is not None) for row in rows}


_IS_WAITING = (_JOB.c.id == bindparam("job_id"), text(f"status = '{Status.queued}'"))
_IS_OWNED = (
    _JOB.c.id == bindparam("job_id"),
    _JOB.c.owner == bindparam("its_owner"),
    text(f"status = '{Status.in_progress}'"),
)
_CLAIM = (
    update(_JOB)
    .where(*_IS_WAITING, _JOB.c.deaths < bindparam("below_deaths"))
    .values(attempts=_JOB.c.attempts + 1, version=_JOB.c.version + 1)
    .returning(*(column for column in _JOB.c if column.name != "result"))
)


def claim(
    db: Connection,
    job_id: str,
    owner: str,
    now: datetime,
    lease: timedelta,
    *,
    below_deaths: int | None = None,
) -> JobRow | None:
    """Take a waiting job for `owner`; return it, but for its result.

    None means that somebody else has it, or it has ended. With `below_deaths` a job of which so
    many workers have died is left alone.
    """
    which = {"job_id": job_id, "below_deaths": MOST if below_deaths is None else below_deaths}
    held = {"owner": owner, "lease_until": now + lease}
    taken = {"status": Status.in_progress, "updated_at": now}
    return db.execute(_CLAIM, which | held | taken).one_or_none()


def renew(
    db: Connection, owner: str, held: Collection[str], now: datetime, lease: timedelta
) -> dict[str, bool]:
    """Prolong the leases of the jobs that `owner` is at; return each with whether it is to stop.

    What is booked on `owner` and not held by it, such as a job that crashed, is left to run out,
    and is then swept up.
    """
    mine = (*_owned(owner), col(Job.id).in_(sorted(held)))
    db.execute(update(Job).where(*mine).values(lease_until=now + lease))
    found = db.execute(select(col(Job.id), col(Job.cancel_asked)).where(*mine))
    return {row.id: row.cancel_asked for row in found}


_TOUCH = (
    update(_JOB)
    .where(*_IS_OWNED)
    .values(version=_JOB.c.version + 1, credits_spent=_JOB.c.credits_spent + bindparam("spent"))
)


def touch(db: Connection, job_id: str, owner: str, now: datetime, *, spent: float) -> bool:
    """Book progress of a job that `owner` holds. False means that the lease is lost."""
    ring(db, FOLLOWERS)
    mine = {"job_id": job_id, "its_owner": owner}
    return bool(db.execute(_TOUCH, mine | {"updated_at": now, "spent": spent}).rowcount)


_GIVE_BACK = (
    update(_JOB)
    .where(*_IS_OWNED)
    .values(version=_JOB.c.version + 1, requeues=_JOB.c.requeues + bindparam("waited"))
)


def give_back(
    db: Connection,
    job_id: str,
    owner: str,
    now: datetime,
    *,
    due_at: datetime,
    waited: int = 0,
) -> bool:
    """Put a job that `owner` holds back into the queue; its message is the caller's to post.

    `waited` counts a wait for a provider, of which a job has only a few.
    """
    ring(db, FOLLOWERS)
    mine = {"job_id": job_id, "its_owner": owner, "waited": waited}
    free = {"status": Status.queued, "owner": None, "lease_until": None, "due_at": due_at}
    return bool(db.execute(_GIVE_BACK, mine | free | {"updated_at": now}).rowcount)


_NEXT = {"version": _JOB.c.version + 1}
_BILL = (
    _JOB.c.id,
    _JOB.c.status,
    _JOB.c.prospect,
    _JOB.c.caller_id,
    _JOB.c.charged,
    _JOB.c.credits_spent,
    _JOB.c.created_at,
)
_END_OF_MINE = update(_JOB).where(*_IS_OWNED).values(_NEXT).returning(*_BILL)
_IS_LIVE_STILL = (_JOB.c.id == bindparam("job_id"), IS_LIVE)
_END_OF_ANY = update(_JOB).where(*_IS_LIVE_STILL).values(_NEXT).returning(*_BILL)


def finish(
    db: Connection,
    job_id: str,
    now: datetime,
    status: Status,
    *,
    owner: str | None,
    **values: object,
) -> JobRow | None:
    """End a job; return of it what that leads to: how it ended, who is charged how much for it.

    None means that it has ended already, or that `owner` no longer holds it.
    """
    ring(db, FOLLOWERS)
    which = {"job_id": job_id} | ({"its_owner": owner} if owner else {})
    ended = {"status": status, "owner": None, "lease_until": None}
    at = {"finished_at": now, "updated_at": now}
    end = _END_OF_MINE if owner else _END_OF_ANY
    return db.execute(end, {**which, **ended, **at, **values}).one_or_none()


def retract_cards(db: Connection, prospect_key: str, now: datetime) -> None:
    """Empty the ended jobs that told about a person, and serve them no more from the cache."""
    ring(db, FOLLOWERS)
    told = (col(Job.prospect_key) == prospect_key, col(Job.finished_at).is_not(None))
    empty = {"result": None, "fresh_until": None, "stale_until": None, "updated_at": now}
    about = col(Job.scope).startswith(Section.person.value)  # it is the first of a scope
    changed = update(Job).where(*told, about, IS_TOLD)
    db.execute(changed.values(version=col(Job.version) + 1, **empty))


def ask_to_cancel(db: Connection, job_id: str) -> None:
    """Ask the worker that holds a job to stop it."""
    db.execute(update(Job).where(col(Job.id) == job_id).values(cancel_asked=True))


def push_forward(db: Connection, job_id: str, priority: int, *, refresh: bool) -> bool:
    """Raise the priority of a job that nobody took yet, and make it a refresh if asked.

    True when its message lies in a queue elsewhere: a second, more urgent one is to be posted.
    """
    waiting = (col(Job.id) == job_id, col(Job.status) == Status.queued)
    raised = _changed(
        db, update(Job).where(*waiting, col(Job.priority) < priority).values(priority=priority)
    )
    if refresh:
        db.execute(update(Job).where(*waiting).values(refresh=True))
    rank = update(Message).where(col(Message.ref) == job_id, col(Message.rank) > -priority)
    return not _changed(db, rank.values(rank=-priority)) and raised and carries(db)


def orphans(db: Connection, now: datetime, lease: timedelta, limit: int) -> Sequence[JobRow]:
    """Return jobs whose owner has been silent for longer than its lease.

    A lease that ends further ahead than any does was given before the clock was set back.
    """
    ends = col(Job.lease_until)
    silent = or_(ends < now, ends > now + lease + LONGEST)
    held = col(Job.status) == Status.in_progress
    return db.execute(select(Job).where(IS_LIVE, held, silent).limit(limit)).all()


def orphaned(db: Connection, job_id: str, owner: str, now: datetime) -> bool:
    """Put the job of a dead owner back into the queue, and count the death."""
    ring(db, FOLLOWERS)
    return _changed(
        db,
        update(Job)
        .where(col(Job.id) == job_id, *_owned(owner))
        .values(
            status=Status.queued,
            owner=None,
            lease_until=None,
            due_at=now,
            deaths=col(Job.deaths) + 1,
            version=col(Job.version) + 1,
            updated_at=now,
        ),
    )


def unannounced(db: Connection, before: datetime, limit: int) -> Sequence[JobRow]:
    """Return waiting jobs that were due `before` and have no message (it was taken and lost)."""
    waiting = exists().where(col(Message.ref) == col(Job.id))
    return db.execute(
        select(Job)
        .where(IS_LIVE, col(Job.status) == Status.queued, col(Job.due_at) < before, ~waiting)
        .limit(limit)
    ).all()


def hasten(db: Connection, now: datetime) -> None:
    """Make jobs due that wait for a time further ahead than any does: the clock was set back."""
    far = (IS_LIVE, col(Job.status) == Status.queued, col(Job.due_at) > now + LONGEST)
    if jobs := list(db.execute(select(col(Job.id)).where(*far)).scalars()):
        db.execute(update(Message).where(col(Message.ref).in_(jobs)).values(due_at=None))
        db.execute(update(Job).where(col(Job.id).in_(jobs)).values(due_at=now))


def announced(db: Connection, job_id: str, now: datetime) -> None:
    """Note that a waiting job got a new message: the next one is due a while from now."""
    waiting = (col(Job.id) == job_id, col(Job.status) == Status.queued)
    db.execute(update(Job).where(*waiting).values(due_at=now))


def _owned(owner: str) -> tuple[Any, ...]:
    return (col(Job.owner) == owner, col(Job.status) == Status.in_progress)


def _changed(db: Connection, statement: Any) -> bool:
    return bool(db.execute(statement).rowcount)


# --- who asked, who is told ---

_WHETHER_ASKED = select(col(Asked.job_id)).where(
    col(Asked.job_id) == bindparam("job"), col(Asked.caller_id) == bindparam("caller")
)


def remember_asker(db: Connection, job_id: str, caller_id: str, now: datetime) -> None:
    """Let a caller see a job from now on."""
    put_new(db, Asked, {"job_id": job_id, "caller_id": caller_id, "at": now})


def reader_id(caller_id: str, reader: str) -> str:
    """Return the word under which one person of a caller is remembered among those who asked."""
    return f"{caller_id}:{reader}"


def remember_reader(
    db: Connection, job_id: str, caller_id: str, reader: str, now: datetime
) -> None:
    """Note that one person of a caller asked for a job, the last time now."""
    put(db, Asked, {"job_id": job_id, "caller_id": reader_id(caller_id, reader), "at": now})


def may_see(db: Connection, job_id: str, caller_id: str) -> bool:
    """Tell whether a caller asked for a job."""
    asked = {"job": job_id, "caller": caller_id}
    return db.execute(_WHETHER_ASKED, asked).first() is not None


def is_shared(db: Connection, job_id: str, caller_id: str) -> bool:
    """Tell whether others than this caller and its people asked for a job too."""
    its_people = col(Asked.caller_id).startswith(reader_id(caller_id, ""), autoescape=True)
    others = select(col(Asked.job_id)).where(
        col(Asked.job_id) == job_id, col(Asked.caller_id) != caller_id, ~its_people
    )
    return db.execute(others.limit(1)).first() is not None


def add_recipient(db: Connection, job_id: str, channel: str, target: str, caller_id: str) -> None:
    """Have the card of a live job sent to this address too."""
    row = {"job_id": job_id, "channel": channel, "target": target, "caller_id": caller_id}
    put_new(db, Recipient, row)


def supersede(db: Connection, channel: str, target: str, job_ids: Collection[str]) -> None:
    """Have the cards of other jobs than these no longer sent to this address."""
    there = (col(Recipient.channel) == channel, col(Recipient.target) == target)
    db.execute(delete(Recipient).where(*there, col(Recipient.job_id).not_in(sorted(job_ids))))


_RECIPIENTS = select(_RECIPIENT).where(_RECIPIENT.c.job_id == bindparam("job_id"))


def recipients(db: Connection, job_id: str) -> Sequence[Row[Any]]:
    """Return the addresses that want the card of a job."""
    return db.execute(_RECIPIENTS, {"job_id": job_id}).all()


# --- events ---

_FIRST_EVENT = insert(_EVENT)
_EVENTS = (
    select(Event)
    .where(col(Event.job_id) == bindparam("job"), col(Event.seq) > bindparam("after"))
    .order_by(col(Event.seq))
)


def first_event(
    db: Connection, job_id: str, kind: str, data: Mapping[str, object], now: datetime
) -> None:
    """Note how a job began that this transaction has added."""
    row = {"job_id": job_id, "seq": 1, "kind": kind, "data": dict(data), "at": now}
    db.execute(_FIRST_EVENT, row)


_ADD_EVENT = insert(_EVENT).from_select(
    ["job_id", "seq", "kind", "data", "at"],
    select(
        bindparam("its_job", type_=_EVENT.c.job_id.type),
        func.coalesce(func.max(_EVENT.c.seq), 0) + 1,
        bindparam("its_kind", type_=_EVENT.c.kind.type),
        bindparam("its_data", type_=_EVENT.c.data.type),
        bindparam("its_time", type_=_EVENT.c.at.type),
    ).where(_EVENT.c.job_id == bindparam("its_job", type_=_EVENT.c.job_id.type)),
)


def add_event(
    db: Connection, job_id: str, kind: str, data: Mapping[str, object], now: datetime
) -> None:
    """Note a change of a job for those who follow it.

    The transaction has changed the job's own row before: so no two write the same number.
    """
    said = {"its_job": job_id, "its_kind": kind, "its_data": dict(data), "its_time": now}
    db.execute(_ADD_EVENT, said)


def events(db: Connection, job_id: str, after: int) -> Sequence[Row[Any]]:
    """Return the changes of a job behind number `after`, oldest first."""
    return db.execute(_EVENTS, {"job": job_id, "after": after}).all()


# --- messages of the queue ---


@dataclass(frozen=True, slots=True)
class Post:
    """A message for the workers: taken by `rank` (lower first), not before `due_at`."""

    data: bytes
    ref: str
    rank: int
    due_at: datetime | None = None


_POST = insert(_MESSAGE)


def post(db: Connection, message: Post) -> None:
    """Leave a message for the workers, in the transaction of what it announces.

    When the queue is elsewhere, a message that is due is sent after the commit; one that is due
    later stays here until the keeper sends it.
    """
    if message.due_at is None and carries(db):
        hand_on(db, message)
        return
    row = {"rank": message.rank, "ref": message.ref, "due_at": message.due_at}
    db.execute(_POST, row | {"data": message.data})
    ring(db, WORKERS)


def withdraw(db: Connection, ref: str) -> None:
    """Drop the messages that carry this id."""
    db.execute(delete(Message).where(col(Message.ref) == ref))


_DUE = (
    select(_MESSAGE)
    .where(or_(_MESSAGE.c.due_at.is_(None), _MESSAGE.c.due_at <= bindparam("now")))
    .order_by(_MESSAGE.c.rank, _MESSAGE.c.id)
    .limit(bindparam("most"))
)
_TO_TAKE = _DUE.with_for_update(skip_locked=True)
_TAKEN = delete(_MESSAGE).where(_MESSAGE.c.id.in_(bindparam("ids", expanding=True)))
_NEXT_DUE = select(func.min(_MESSAGE.c.due_at))


def take(db: Connection, limit: int, now: datetime) -> list[Post]:
    """Take up to `limit` messages that are due, the most urgent first. They are gone then."""
    due = db.execute(_TO_TAKE, {"now": now, "most": limit}).all()
    if due:
        db.execute(_TAKEN, {"ids": [row.id for row in due]})
    return [Post(row.data, row.ref, row.rank) for row in due]


def next_due(db: Connection, now: datetime) -> tuple[bool, datetime | None]:
    """Tell whether a message is due now, else when the next one will be (None = there is none)."""
    if db.execute(_DUE, {"now": now, "most": 1}).first():
        return True, None
    return False, db.execute(_NEXT_DUE).scalar_one()


def is_announced(db: Connection, ref: str) -> bool:
    """Tell whether a message carries this id."""
    return db.execute(select(col(Message.id)).where(col(Message.ref) == ref)).first() is not None


def queue_depth(db: Connection) -> int:
    """Return how many messages wait."""
    return db.execute(select(func.count()).select_from(Message)).scalar_one()


def backlog(db: Connection, now: datetime) -> int:
    """Return how many jobs wait for a worker: the depth of a queue that is elsewhere."""
    waiting = (IS_LIVE, col(Job.status) == Status.queued, col(Job.due_at) <= now)
    return db.execute(select(func.count()).where(*waiting)).scalar_one()


def peek(db: Connection, limit: int) -> list[bytes]:
    """Return waiting messages without taking them."""
    return list(db.execute(select(col(Message.data)).limit(limit)).scalars())


def clear_queue(db: Connection) -> None:
    """Drop all messages."""
    db.execute(delete(Message))


# --- processes ---


def beat(db: Connection, process: Process) -> None:
    """Say that a process is alive, and on which port it hears the bell."""
    put(db, Process, process.model_dump())


def part(db: Connection, process_id: str) -> None:
    """Say that a process has ended."""
    db.execute(delete(Process).where(col(Process.id) == process_id))


def forget_silent(db: Connection, now: datetime, silence: timedelta) -> None:
    """Drop processes that were not heard of for `silence`, or only under a clock now set back."""
    seen = col(Process.seen_at)
    db.execute(delete(Process).where(or_(seen < now - silence, seen > now + LONGEST)))


def ports(db: Connection, kinds: Iterable[str], host: str, since: datetime) -> list[int]:
    """Return the bell ports of live processes of these kinds on one machine."""
    rows = select(col(Process.port)).where(
        col(Process.kind).in_(list(kinds)),
        col(Process.host) == host,
        col(Process.seen_at) >= since,
    )
    return list(db.execute(rows).scalars())


def process_ids(db: Connection) -> set[str]:
    """Return the processes that have been heard of lately."""
    return set(db.execute(select(col(Process.id))).scalars())


def alive(db: Connection, kind: str, since: datetime) -> int:
    """Return how many processes of a kind were heard of since then."""
    found = select(func.count()).where(col(Process.kind) == kind, col(Process.seen_at) >= since)
    return db.execute(found).scalar_one()


def under_way(db: Connection) -> dict[str, int]:
    """Count the jobs that have not ended, by status."""
    live = select(col(Job.status), func.count()).where(IS_LIVE).group_by(col(Job.status))
    return {row[0]: row[1] for row in db.execute(live)}
