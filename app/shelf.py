"""The queries behind what is shown without asking anybody, and behind batches."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Connection,
    Row,
    and_,
    bindparam,
    case,
    exists,
    func,
    insert,
    or_,
    select,
)
from sqlmodel import col

from app.freshness import FOUND
from app.job import Status
from app.tables import Asked, Batch, BatchRow, Event, Job

# --- cards ---

_ITS_ASKER = exists().where(
    col(Asked.job_id) == col(Job.id), col(Asked.caller_id) == bindparam("caller")
)
_IS_PARTIAL = and_(
    col(Job.status) == Status.partial, col(Job.finished_at) > bindparam("partial_since")
)
_THE_BEST = (
    select(col(Job.id))
    .where(
        col(Job.prospect_key) == bindparam("key"),
        col(Job.result).is_not(None),
        or_(col(Job.stale_until) > bindparam("now"), _IS_PARTIAL),
    )
    .order_by(
        case((col(Job.scope) == bindparam("first_scope"), 0), else_=1),
        case((col(Job.stale_until) > bindparam("now"), 0), else_=1),
        col(Job.finished_at).desc(),
    )
    .limit(1)
)


def _card_of(best: Any) -> Any:
    return select(Job, _ITS_ASKER.label("is_asker")).where(col(Job.id) == best.scalar_subquery())


_CARD = _card_of(_THE_BEST)
_OWN_CARD = _card_of(_THE_BEST.where(_ITS_ASKER))


def card(
    db: Connection,
    prospect_key: str,
    first_scope: str,
    now: datetime,
    partial_since: datetime,
    caller_id: str,
) -> Row[Any] | None:
    """Return the ended job whose card may still be shown, with whether the caller asked for it.

    One of `first_scope` goes before others, one within its time before a partial one (which has
    none: it is shown when it ended after `partial_since`), a newer before an older one.
    """
    return _best(db, _CARD, prospect_key, first_scope, now, partial_since, caller_id)


def own_card(
    db: Connection,
    prospect_key: str,
    first_scope: str,
    now: datetime,
    partial_since: datetime,
    caller_id: str,
) -> Row[Any] | None:
    """Return the same among the jobs that the caller asked for."""
    return _best(db, _OWN_CARD, prospect_key, first_scope, now, partial_since, caller_id)


def _best(
    db: Connection,
    query: Any,
    prospect_key: str,
    first_scope: str,
    now: datetime,
    partial_since: datetime,
    caller_id: str,
) -> Row[Any] | None:
    given = {"key": prospect_key, "first_scope": first_scope, "caller": caller_id}
    return db.execute(query, given | {"now": now, "partial_since": partial_since}).one_or_none()


def subjects_of(
    db: Connection, caller_id: str | None, kind: str, prefix: str, limit: int
) -> tuple[Sequence[Row[Any]], int]:
    """Return whom a caller has cards about, newest first, and how many there are in all.

    A row has `key` (such as `email:jane@acme.example`, when `kind` is "email") and `company_key`.
    Caller None = of all callers.
    """
    key = col(Job.company_key if kind == "domain" else Job.prospect_key)
    found: Any = (
        select(key.label("key"), func.min(col(Job.company_key)).label("company_key"))
        .where(
            key.startswith(f"{kind}:{prefix}", autoescape=True),
            col(Job.result).is_not(None),
            col(Job.status).in_(sorted(FOUND)),
        )
        .group_by(key)
    )
    if caller_id is not None:
        found = found.join(Asked, col(Asked.job_id) == col(Job.id)).where(
            col(Asked.caller_id) == caller_id
        )
    total = db.execute(select(func.count()).select_from(found.subquery())).scalar_one()
    newest = found.order_by(func.max(col(Job.finished_at)).desc(), key).limit(limit)
    return db.execute(newest).all(), total


# --- changes ---


def changed(db: Connection, since: datetime, limit: int) -> Sequence[Row[Any]]:
    """Return jobs that changed at `since` or later, each once: the longest unchanged first."""
    last = func.max(col(Event.at)).label("at")
    told = (
        select(col(Event.job_id), last)
        .where(col(Event.at) >= since)
        .group_by(col(Event.job_id))
        .order_by(last, col(Event.job_id))
        .limit(limit)
        .subquery()
    )
    columns = (col(Job.id), col(Job.version), col(Job.prospect), col(Job.finished_at), told.c.at)
    joined = select(*columns).join(told, told.c.job_id == col(Job.id))
    return db.execute(joined.order_by(told.c.at, col(Job.id))).all()


def askers(db: Connection, job_ids: Collection[str]) -> Mapping[str, frozenset[str]]:
    """Return who asked for each of these jobs."""
    found: dict[str, set[str]] = {job_id: set() for job_id in job_ids}
    for row in db.execute(select(Asked).where(col(Asked.job_id).in_(job_ids))):
        found[row.job_id].add(row.caller_id)
    return {job_id: frozenset(caller_ids) for job_id, caller_ids in found.items()}


# --- batches ---


def add_batch(db: Connection, batch: Batch) -> None:
    """Insert a batch that has no rows yet."""
    db.execute(insert(Batch).values(batch.model_dump()))


def add_rows(db: Connection, rows: Sequence[BatchRow]) -> None:
    """Note what became of asks of a batch."""
    db.execute(insert(BatchRow), [row.model_dump() for row in rows])


def batch(db: Connection, batch_id: str) -> Row[Any] | None:
    """Return one batch."""
    return db.execute(select(Batch).where(col(Batch.id) == batch_id)).one_or_none()


def batch_rows(db: Connection, batch_id: str, offset: int, limit: int) -> Sequence[Row[Any]]:
    """Return up to `limit` rows of a batch from position `offset` on."""
    wanted = (col(BatchRow.batch_id) == batch_id, col(BatchRow.position) >= offset)
    rows = select(BatchRow).where(*wanted).order_by(col(BatchRow.position))
    return db.execute(rows.limit(limit)).all()


def batch_sums(db: Connection, batch_id: str, matches: Collection[Status]) -> Row[Any]:
    """Return how many rows of a batch `matched` and `ended`, and what its jobs have `spent`."""
    has_ended = or_(col(BatchRow.problem).is_not(None), col(Job.finished_at).is_not(None))
    has_matched = col(Job.status).in_(sorted(matches))
    spent = case((col(BatchRow.pays), col(Job.credits_spent)), else_=0.0)
    return db.execute(
        select(
            func.count(case((has_matched, 1))).label("matched"),
            func.count(case((has_ended, 1))).label("ended"),
            func.coalesce(func.sum(spent), 0.0).label("spent"),
        )
        .select_from(BatchRow)
        .outerjoin(Job, col(Job.id) == col(BatchRow.job_id))
        .where(col(BatchRow.batch_id) == batch_id)
    ).one()


def batch_problems(db: Connection, batch_id: str) -> dict[str, int]:
    """Return how many rows of a batch have no job, by why."""
    problem = col(BatchRow.problem)
    found = select(problem, func.count()).where(
        col(BatchRow.batch_id) == batch_id, problem.is_not(None)
    )
    counted = db.execute(found.group_by(problem).order_by(problem))
    return {str(row[0]): row[1] for row in counted}


def jobs(db: Connection, job_ids: Collection[str]) -> Mapping[str, Row[Any]]:
    """Return these jobs by their ids."""
    rows = db.execute(select(Job).where(col(Job.id).in_(job_ids))).all()
    return {row.id: row for row in rows}
