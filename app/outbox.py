"""The outbox: deliveries, their tries, addresses that fail. Every query over them."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, or_, select, update
from sqlmodel import col

from app.delivery import FOLLOWED
from app.rows import put
from app.tables import IS_PENDING, IS_STUCK, Endpoint, Outbox, OutboxTry

LONGEST = timedelta(minutes=10)
"""No lease of a delivery ends further ahead than this, unless a clock was set back."""

PENDING, DELIVERED, FAILED, DISABLED = "pending", "delivered", "failed", "disabled"
GIVEN_UP = frozenset({FAILED, DISABLED})


def add(db: Connection, delivery: Outbox) -> None:
    """Add a delivery."""
    db.execute(insert(Outbox).values(delivery.model_dump()))


def row(db: Connection, delivery_id: str) -> Row[Any] | None:
    """Return one delivery."""
    return db.execute(select(Outbox).where(col(Outbox.id) == delivery_id)).one_or_none()


def rows(
    db: Connection,
    caller_id: str | None,
    *,
    job_id: str | None = None,
    state: str | None = None,
    limit: int = 50,
) -> Sequence[Row[Any]]:
    """Return the newest deliveries of a caller; None = of all."""
    query = select(Outbox).order_by(col(Outbox.created_at).desc()).limit(limit)
    for column, value in (("caller_id", caller_id), ("job_id", job_id), ("state", state)):
        if value is not None:
            query = query.where(getattr(Outbox, column) == value)
    if state not in {None, DELIVERED}:
        query = query.where(IS_STUCK)
    return db.execute(query).all()


def tries(db: Connection, delivery_ids: Collection[str]) -> Sequence[Row[Any]]:
    """Return the tries of these deliveries, oldest first."""
    return db.execute(
        select(OutboxTry)
        .where(col(OutboxTry.delivery_id).in_(sorted(delivery_ids)))
        .order_by(col(OutboxTry.id))
    ).all()


def of_jobs(db: Connection, caller_id: str, job_ids: Collection[str]) -> Sequence[Row[Any]]:
    """Return a caller's deliveries of these jobs, oldest first."""
    mine = (col(Outbox.job_id).in_(sorted(job_ids)), col(Outbox.caller_id) == caller_id)
    return db.execute(select(Outbox).where(*mine).order_by(col(Outbox.created_at))).all()


def claim(
    db: Connection, delivery_id: str, owner: str, now: datetime, lease: timedelta
) -> Row[Any] | None:
    """Take a pending delivery for one try. None: not due, or somebody else has it."""
    ends = col(Outbox.lease_until)
    free = or_(ends.is_(None), ends < now, ends > now + 2 * lease)  # the last: a clock set back
    taken = db.execute(
        update(Outbox)
        .where(
            col(Outbox.id) == delivery_id,
            col(Outbox.state) == PENDING,
            col(Outbox.next_at) <= now,
            free,
        )
        .values(owner=owner, lease_until=now + lease, tries=col(Outbox.tries) + 1)
    )
    return row(db, delivery_id) if taken.rowcount else None


def settle(
    db: Connection, delivery_id: str, owner: str, state: str, next_at: datetime | None
) -> bool:
    """Say what became of a try; False when another worker has the delivery now."""
    return bool(
        db.execute(
            update(Outbox)
            .where(col(Outbox.id) == delivery_id, col(Outbox.owner) == owner)
            .values(state=state, next_at=next_at, owner=None, lease_until=None)
        ).rowcount
    )


def put_off(db: Connection, delivery_id: str, owner: str, next_at: datetime) -> bool:
    """Take a try back that was none; False when another worker has the delivery now."""
    if not settle(db, delivery_id, owner, PENDING, next_at):
        return False
    fewer = update(Outbox).where(col(Outbox.id) == delivery_id)
    db.execute(fewer.values(tries=col(Outbox.tries) - 1))
    return True


def add_try(db: Connection, one: OutboxTry) -> None:
    """Note one try."""
    db.execute(insert(OutboxTry).values(one.model_dump(exclude={"id"})))


def reopen(db: Connection, delivery_id: str, now: datetime) -> None:
    """Make a delivery due now, with all its tries before it; its id stays."""
    db.execute(
        update(Outbox)
        .where(col(Outbox.id) == delivery_id)
        .values(state=PENDING, tries=0, next_at=now, owner=None, lease_until=None)
    )


def overtaken(db: Connection, job_id: str) -> None:
    """Drop what was to be told of a job on its way and nobody is telling yet: it has ended."""
    waits = (col(Outbox.job_id) == job_id, IS_PENDING, col(Outbox.owner).is_(None))
    db.execute(delete(Outbox).where(*waits, col(Outbox.event).in_(FOLLOWED)))


def supersede(db: Connection, channel: str, target: str, job_ids: Collection[str]) -> None:
    """Drop what was to be told there of other jobs than these and nobody is telling yet."""
    waits = (col(Outbox.target) == target, IS_PENDING, col(Outbox.owner).is_(None))
    others = col(Outbox.job_id).not_in(sorted(job_ids))
    db.execute(delete(Outbox).where(*waits, col(Outbox.channel) == channel, others))


def drop_pending(db: Connection, caller_id: str, channel: str, target: str, event: str) -> None:
    """Drop what a caller was to be told of an event at an address and nobody is telling yet."""
    there = (
        col(Outbox.caller_id) == caller_id,
        col(Outbox.channel) == channel,
        col(Outbox.target) == target,
        col(Outbox.event) == event,
    )
    db.execute(delete(Outbox).where(*there, IS_PENDING, col(Outbox.owner).is_(None)))


def overdue(db: Connection, before: datetime, limit: int) -> list[str]:
    """Return pending deliveries that were due before then and that nobody is trying."""
    ends = col(Outbox.lease_until)
    free = or_(ends.is_(None), ends < before, ends > before + LONGEST)
    found = select(col(Outbox.id)).where(IS_PENDING, col(Outbox.next_at) < before, free)
    return list(db.execute(found.limit(limit)).scalars())


def bereave(db: Connection, alive: Collection[str]) -> None:
    """Take pending deliveries from those who are not alive: their tries have ended with them."""
    owner = col(Outbox.owner)
    dead = (IS_PENDING, owner.is_not(None), owner.not_in(sorted(alive)))
    db.execute(update(Outbox).where(*dead).values(owner=None, lease_until=None))


def announced(db: Connection, delivery_id: str, now: datetime) -> None:
    """Note that a delivery got a new message: the next one is due a while from now."""
    waiting = (col(Outbox.id) == delivery_id, col(Outbox.state) == PENDING)
    db.execute(update(Outbox).where(*waiting).values(next_at=now))


def pending(db: Connection) -> int:
    """Return how many deliveries wait."""
    return db.execute(select(func.count(col(Outbox.id))).where(IS_PENDING)).scalar_one()


def endpoint(db: Connection, caller_id: str, target: str) -> Row[Any] | None:
    """Return what is known of an address that failed."""
    return db.execute(select(Endpoint).where(*_same(caller_id, target))).one_or_none()


def fails(db: Connection, caller_id: str, target: str, now: datetime) -> datetime:
    """Note that an address failed; return since when it has only failed."""
    known = endpoint(db, caller_id, target)
    if known and known.failing_since:
        since: datetime = known.failing_since
        return since
    _set(db, caller_id, target, failing_since=now, disabled_at=None)
    return now


def is_disabled(db: Connection, caller_id: str, target: str) -> bool:
    """Tell whether an address is no longer tried, until a replay or a ping asks for it."""
    known = endpoint(db, caller_id, target)
    return known is not None and known.disabled_at is not None


def disable(db: Connection, caller_id: str, target: str, now: datetime) -> None:
    """Stop trying an address."""
    _set(db, caller_id, target, failing_since=now, disabled_at=now)
    mine = (col(Outbox.caller_id) == caller_id, col(Outbox.target) == target)
    db.execute(
        update(Outbox)
        .where(*mine, col(Outbox.state) == PENDING)
        .values(state=DISABLED, next_at=None, owner=None, lease_until=None)
    )


def works(db: Connection, caller_id: str, target: str) -> None:
    """Note that an address works (again)."""
    db.execute(delete(Endpoint).where(*_same(caller_id, target)))


def _same(caller_id: str, target: str) -> tuple[Any, Any]:
    return col(Endpoint.caller_id) == caller_id, col(Endpoint.target) == target


def _set(db: Connection, caller_id: str, target: str, **values: object) -> None:
    put(db, Endpoint, {"caller_id": caller_id, "target": target, **values})
