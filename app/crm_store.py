"""What CRMs have told, their records as far as they are ours, and what was written into them.

Every query over them. A record is named by its target (app/crm.py); the rows lock in the order in
which a transaction names them, so who names several names them sorted.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from sqlalchemy import (
    Connection,
    Row,
    and_,
    case,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlmodel import col

from app.digest import HUSHED
from app.rows import put, put_new
from app.tables import (
    IS_HELD,
    IS_WAITING,
    Asked,
    CrmHealth,
    CrmRow,
    CrmSeen,
    CrmWrite,
    Outbox,
    Recipient,
)

CHANNEL = "crm"
WORKER = "worker_"  # how the ids of workers begin; others hold a record for its lease at most

LONGEST = timedelta(minutes=10)
"""No lease ends further ahead than this, unless a clock was set back."""

MOST_URL = 2_000  # characters of a record's page

NEW, WAITING, ASKED, DONE = "new", "waiting", "asked", "done"
SKIPPED, GONE, FAILED = "skipped", "gone", "failed"
DELETED, MERGED, ERASED = "deleted", "merged", "erased"

OWN = "own"
"""The policy of our own properties."""

SENDING, WRITTEN, UNDONE, PROPOSED = "sending", "written", "undone", "proposed"

# --- events and records ---


def is_new(db: Connection, event: Mapping[str, object]) -> bool:
    """Remember an event; False when it was told before."""
    return put_new(db, CrmSeen, event)


def held_row(db: Connection, target: str, connection: str, kind: str, now: datetime) -> Row[Any]:
    """Return a record, a new one if it was unknown; others wait until the transaction ends."""
    made = CrmRow(target=target, connection=connection, kind=kind, since=now, changed_at=now)
    put_new(db, CrmRow, made.model_dump())
    return db.execute(_of(target).with_for_update()).one()


def row(db: Connection, target: str) -> Row[Any] | None:
    """Return a record; None when it is unknown."""
    return db.execute(_of(target)).one_or_none()


def change(db: Connection, target: str, **values: object) -> None:
    """Change a record."""
    db.execute(update(CrmRow).where(col(CrmRow.target) == target).values(**values))


def tell(db: Connection, target: str) -> None:
    """Count one more event of a record."""
    more = {"told": col(CrmRow.told) + 1}
    db.execute(update(CrmRow).where(col(CrmRow.target) == target).values(more))


def claim(
    db: Connection, target: str, owner: str, now: datetime, lease: timedelta, *states: str
) -> Row[Any] | None:
    """Hold a record for one piece of work. None: not due, in no such state, or somebody has it.

    Without `states` it may be in any.
    """
    free = (col(CrmRow.target) == target, _is_free(now, lease))
    due = (col(CrmRow.state).in_(states), col(CrmRow.due_at) <= now) if states else ()
    held = {"owner": owner, "lease_until": now + lease}
    if not db.execute(update(CrmRow).where(*free, *due).values(held)).rowcount:
        return None
    return row(db, target)


def let_go(db: Connection, target: str, owner: str, **values: object) -> bool:
    """Hold a record no longer; change it if nobody else has come to hold it."""
    mine = (col(CrmRow.target) == target, col(CrmRow.owner) == owner)
    changed = update(CrmRow).where(*mine).values(owner=None, lease_until=None, **values)
    return bool(db.execute(changed).rowcount)


def overdue(db: Connection, before: datetime, limit: int) -> list[str]:
    """Return arrivals that were due before then and that nobody works on."""
    ends = col(CrmRow.lease_until)
    free = or_(ends.is_(None), ends < before, ends > before + LONGEST)
    found = select(col(CrmRow.target)).where(IS_WAITING, col(CrmRow.due_at) < before, free)
    return list(db.execute(found.limit(limit)).scalars())


def announced(db: Connection, target: str, now: datetime) -> None:
    """Note that an arrival got a new message: the next one is due a while from now."""
    db.execute(update(CrmRow).where(col(CrmRow.target) == target, IS_WAITING).values(due_at=now))


def bereave(db: Connection, alive: Collection[str]) -> None:
    """Take records from workers that are not alive: they work on them no more."""
    owner = col(CrmRow.owner)
    dead = (IS_HELD, owner.startswith(WORKER, autoescape=True), owner.not_in(sorted(alive)))
    db.execute(update(CrmRow).where(*dead).values(owner=None, lease_until=None))


def to_purge(db: Connection, now: datetime, limit: int) -> list[str]:
    """Return deleted records of which nothing is to be kept any longer."""
    old = (col(CrmRow.purge_at).is_not(None), col(CrmRow.purge_at) < now)
    return list(db.execute(select(col(CrmRow.target)).where(*old).limit(limit)).scalars())


def jobs_about(db: Connection, target: str) -> list[str]:
    """Return every job that was asked for or written because of a record."""
    here = ((CrmRow.job_id, CrmRow.target), (CrmWrite.job_id, CrmWrite.target))
    found = {
        job_id
        for job, of in here
        for job_id in db.execute(select(col(job)).where(col(of) == target)).scalars()
    }
    for table in (Outbox, Recipient):
        to = (col(table.channel) == CHANNEL, col(table.target) == target)
        found |= set(db.execute(select(col(table.job_id)).where(*to)).scalars())
    return sorted(job_id for job_id in found if job_id)


REFRESH = "refresh"
"""The reason of an arrival that nobody told of: the record has grown old."""

COMPLETE = "complete"


def refreshing(db: Connection, connection: str, since: datetime) -> int:
    """Return how many records are being looked up again that were begun since then."""
    open_ = (
        col(CrmRow.connection) == connection,
        col(CrmRow.reason) == REFRESH,
        col(CrmRow.state).in_((WAITING, ASKED)),
        col(CrmRow.since) >= since,
    )
    return db.execute(select(func.count()).select_from(CrmRow).where(*open_)).scalar_one()


def to_refresh(
    db: Connection, connection: str, incomplete: datetime, old: datetime, limit: int
) -> list[str]:
    """Return enriched records: those incomplete since before `incomplete`, then the oldest."""
    at = col(CrmRow.enriched_at)
    is_whole = col(CrmRow.ended) == COMPLETE
    due = or_(at < old, and_(~is_whole, at < incomplete))
    mine = (col(CrmRow.connection) == connection, col(CrmRow.state) == DONE, due)
    first = case((is_whole, 1), else_=0)
    found = select(col(CrmRow.target)).where(*mine).order_by(first, at).limit(limit)
    return list(db.execute(found).scalars())


def refresh(db: Connection, target: str, now: datetime) -> None:
    """Open the arrival of a record that is to be looked up again."""
    opened = {"state": WAITING, "reason": REFRESH, "tries": 0, "since": now, "due_at": now}
    change(db, target, **opened)
    tell(db, target)


# --- what was written ---


def add_writes(db: Connection, writes: Sequence[CrmWrite]) -> None:
    """Add rows to the audit."""
    if writes:
        db.execute(insert(CrmWrite), [one.model_dump() for one in writes])


def page_of(db: Connection, job_id: str, person: str) -> str:
    """Return the page of the record that a job, or one about the same, was written into last.

    `person` is the digest of whom the job is about. Empty when there is none.
    """
    about = select(col(CrmWrite.target)).where(col(CrmWrite.person) == person)
    its = or_(col(CrmRow.job_id) == job_id, col(CrmRow.target).in_(about))
    is_there = col(CrmRow.state).in_((ASKED, DONE))
    pages = select(col(CrmRow.url)).where(its, col(CrmRow.url) != "", is_there)
    newest = pages.order_by(col(CrmRow.kind).desc(), col(CrmRow.enriched_at).desc())
    return db.execute(newest.limit(1)).scalar_one_or_none() or ""


def writes(db: Connection, job_id: str, target: str | None = None) -> Sequence[Row[Any]]:
    """Return what was written for a job, in the order of its time."""
    query = select(CrmWrite).where(col(CrmWrite.job_id) == job_id)
    if target:
        query = query.where(col(CrmWrite.target) == target)
    return db.execute(query.order_by(col(CrmWrite.at), col(CrmWrite.property))).all()


def writes_for(db: Connection, caller_id: str, since: datetime) -> Sequence[Row[Any]]:
    """Return the values that were written for the jobs of a caller since then."""
    jobs = select(col(Asked.job_id)).where(col(Asked.caller_id) == caller_id)
    mine = (col(CrmWrite.job_id).in_(jobs), col(CrmWrite.at) >= since, col(CrmWrite.policy) != OWN)
    written = (*mine, col(CrmWrite.state) == WRITTEN)
    return db.execute(select(CrmWrite).where(*written).order_by(col(CrmWrite.at))).all()


def writes_about(db: Connection, person: str) -> Sequence[Row[Any]]:
    """Return what was written about a person, named by a digest."""
    return db.execute(select(CrmWrite).where(col(CrmWrite.person) == person)).all()


def change_writes(db: Connection, ids: Collection[str], **values: object) -> None:
    """Change rows of the audit."""
    db.execute(update(CrmWrite).where(col(CrmWrite.id).in_(sorted(ids))).values(**values))


def drop_writes(db: Connection, ids: Collection[str]) -> None:
    """Drop rows of the audit: of what was never sent."""
    db.execute(delete(CrmWrite).where(col(CrmWrite.id).in_(sorted(ids))))


def hush(db: Connection, *, person: str = "", target: str = "") -> int:
    """Leave only digests of what was written about a person, or into a record; return how many."""
    which = col(CrmWrite.person) == person if person else col(CrmWrite.target) == target
    rows = db.execute(select(CrmWrite).where(which)).all()
    for one in rows:
        hushed = {"old": _hushed(one.id, one.old), "new": _hushed(one.id, one.new)}
        db.execute(update(CrmWrite).where(col(CrmWrite.id) == one.id).values(hushed))
    return len(rows)


def _hushed(salt: str, value: str) -> str:
    """Return the digest of a value; an empty one says nothing, and a digest stays."""
    if not value or value.startswith(HUSHED):
        return value
    return f"{HUSHED}{sha256(f'{salt}:{value}'.encode()).hexdigest()}"


# --- connections that are broken ---


def health(db: Connection, connection: str) -> Row[Any] | None:
    """Return why a connection cannot be used; None when it can."""
    return db.execute(
        select(CrmHealth).where(col(CrmHealth.connection) == connection)
    ).one_or_none()


def all_health(db: Connection) -> Sequence[Row[Any]]:
    """Return every connection that cannot be used."""
    return db.execute(select(CrmHealth).order_by(col(CrmHealth.connection))).all()


def breaks(db: Connection, connection: str, reason: str, now: datetime, retry_at: datetime) -> bool:
    """Note that a connection cannot be used; False when that was known."""
    known = health(db, connection)
    since = known.since if known else now
    row = {"connection": connection, "reason": reason, "since": since, "retry_at": retry_at}
    put(db, CrmHealth, row)
    return known is None


def try_again(db: Connection, connection: str, now: datetime, retry_at: datetime) -> bool:
    """Take the turn to try a broken connection; False when it is not time, or somebody has it."""
    due = (col(CrmHealth.connection) == connection, col(CrmHealth.retry_at) <= now)
    return bool(db.execute(update(CrmHealth).where(*due).values(retry_at=retry_at)).rowcount)


def works(db: Connection, connection: str) -> None:
    """Note that a connection can be used (again)."""
    db.execute(delete(CrmHealth).where(col(CrmHealth.connection) == connection))


def _of(target: str) -> Any:
    return select(CrmRow).where(col(CrmRow.target) == target)


def _is_free(now: datetime, lease: timedelta) -> Any:
    ends = col(CrmRow.lease_until)
    return or_(ends.is_(None), ends < now, ends > now + 2 * lease)  # the last: a clock set back
