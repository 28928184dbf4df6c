"""Others that are connected: hooks they subscribe and connections they send by. All queries."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, func, select
from sqlmodel import col

from app.rows import put_new, table
from app.tables import Asked, Batch, BatchRun, CrmConnection, Hook, Job

HOOK = "hook"
"""The channel of what hooks are told."""

_HOOKS, _ASKED = table(Hook), table(Asked)

_OF_JOB = select(_HOOKS.c.caller_id, _HOOKS.c.target).where(
    _HOOKS.c.event == bindparam("of_event"),
    _HOOKS.c.caller_id.in_(
        select(_ASKED.c.caller_id).where(_ASKED.c.job_id == bindparam("of_job"))
    ),
)
_OF_CALLER = select(_HOOKS.c.caller_id, _HOOKS.c.target).where(
    _HOOKS.c.event == bindparam("of_event"), _HOOKS.c.caller_id == bindparam("of_caller")
)

# --- hooks ---


def add_hook(db: Connection, hook: Hook) -> Row[Any]:
    """Add a hook; return it, or the one that is there for the same caller, event and target."""
    put_new(db, Hook, hook.model_dump())
    same = (
        col(Hook.caller_id) == hook.caller_id,
        col(Hook.event) == hook.event,
        col(Hook.target) == hook.target,
    )
    return db.execute(select(Hook).where(*same)).one()


def hooks_of(db: Connection, caller_id: str | None) -> Sequence[Row[Any]]:
    """Return the hooks of a caller, oldest first; None = of all."""
    query = select(Hook).order_by(col(Hook.created_at), col(Hook.id))
    if caller_id is not None:
        query = query.where(col(Hook.caller_id) == caller_id)
    return db.execute(query).all()


def hook_row(db: Connection, hook_id: str) -> Row[Any] | None:
    """Return one hook."""
    return db.execute(select(Hook).where(col(Hook.id) == hook_id)).one_or_none()


def count_hooks(db: Connection, caller_id: str) -> int:
    """Return how many hooks a caller has."""
    mine = select(func.count(col(Hook.id))).where(col(Hook.caller_id) == caller_id)
    return db.execute(mine).scalar_one()


def drop_hook(db: Connection, hook_id: str) -> None:
    """Delete one hook."""
    db.execute(delete(Hook).where(col(Hook.id) == hook_id))


def drop_hooks_at(db: Connection, caller_id: str, target: str) -> int:
    """Delete all hooks of a caller at an address; return how many there were."""
    there = (col(Hook.caller_id) == caller_id, col(Hook.target) == target)
    return db.execute(delete(Hook).where(*there)).rowcount


def hooks_of_job(db: Connection, job_id: str, event: str) -> Sequence[Any]:
    """Return where those want to be told of this event who asked for the job."""
    return db.execute(_OF_JOB, {"of_job": job_id, "of_event": event}).all()


def hooks_for(db: Connection, caller_id: str, event: str) -> Sequence[Any]:
    """Return where a caller wants to be told of this event."""
    return db.execute(_OF_CALLER, {"of_caller": caller_id, "of_event": event}).all()


def newest_ended(
    db: Connection, caller_id: str | None, statuses: Sequence[str], limit: int
) -> Sequence[Row[Any]]:
    """Return the newest jobs of a caller that have ended so and still show it; None = of all."""
    query = select(Job).where(col(Job.status).in_(statuses), col(Job.result).is_not(None))
    if caller_id is not None:
        asked = select(col(Asked.job_id)).where(col(Asked.caller_id) == caller_id)
        query = query.where(col(Job.id).in_(asked))
    return db.execute(query.order_by(col(Job.finished_at).desc()).limit(limit)).all()


def newest_batches(db: Connection, caller_id: str | None, limit: int) -> list[str]:
    """Return the newest large batches of a caller that are over; None = of all."""
    run, batch = col(BatchRun.batch_id), col(Batch.id)
    query = select(run).join(Batch, batch == run).where(col(BatchRun.ended_at).is_not(None))
    if caller_id is not None:
        query = query.where(col(Batch.caller_id) == caller_id)
    return list(db.execute(query.order_by(col(BatchRun.ended_at).desc()).limit(limit)).scalars())


# --- connections ---


def add_connection(db: Connection, connection: CrmConnection) -> bool:
    """Add a connection; False when there is one of this name."""
    return put_new(db, CrmConnection, connection.model_dump())


def connection_row(db: Connection, name: str) -> Row[Any] | None:
    """Return one connection."""
    return db.execute(select(CrmConnection).where(col(CrmConnection.name) == name)).one_or_none()


def connection_rows(db: Connection) -> Sequence[Row[Any]]:
    """Return all connections by name."""
    return db.execute(select(CrmConnection).order_by(col(CrmConnection.name))).all()


def drop_connection(db: Connection, name: str) -> bool:
    """Delete a connection; False when there is none."""
    return bool(db.execute(delete(CrmConnection).where(col(CrmConnection.name) == name)).rowcount)


def asked_last(db: Connection, caller_id: str) -> datetime | None:
    """Return when a caller asked last."""
    newest = select(func.max(col(Asked.at))).where(col(Asked.caller_id) == caller_id)
    return db.execute(newest).scalar_one()
