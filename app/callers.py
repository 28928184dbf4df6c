"""Callers, what they used, and who must not be looked up: every query over them."""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from types import SimpleNamespace
from typing import Any

import orjson
from sqlalchemy import Connection, Row, bindparam, delete, insert, select, update
from sqlalchemy.dialects import sqlite
from sqlmodel import col

from app.database import add_later
from app.rows import add_up, changing, put_new, table
from app.state import State
from app.tables import Idempotent, Key, Suppression, Usage

OPERATOR = "operator"
"""The caller at the terminal: sees every job, has no quota. What nobody asked for is its too."""

REMEMBERED = timedelta(hours=24)
"""How long an Idempotency-Key is honoured."""

_KEY, _USAGE = table(Key), table(Usage)
_BY_SECRET = select(_KEY).where(
    _KEY.c.secret_hash == bindparam("hashed"), _KEY.c.revoked_at.is_(None)
)
_OF_MONTH = select(_USAGE).where(
    _USAGE.c.caller_id == bindparam("caller"), _USAGE.c.month == bindparam("of_month")
)
_SUPPRESSED = select(col(Suppression.digest)).where(
    col(Suppression.digest).in_(bindparam("digests", expanding=True))
)

_COLUMNS = tuple(column.name for column in _KEY.columns)
_STORED_KEY = str(_BY_SECRET.compile(dialect=sqlite.dialect()))


@cache
def _charge_within(dialect: str) -> Any:
    fits = _USAGE.c.used < bindparam("quota")
    return changing(dialect, Usage, {"used": _USAGE.c.used + 1}, fits)


def add_key(db: Connection, key: Key) -> None:
    """Add a caller; one with this id or secret that is there already stays."""
    put_new(db, Key, key.model_dump())


def key_by_secret(db: Connection, secret_hash: str) -> Row[Any] | None:
    """Return the caller with this secret, unless it was revoked."""
    return db.execute(_BY_SECRET, {"hashed": secret_hash}).one_or_none()


def key_at_once(state: State, secret_hash: str) -> Any:
    """Return the same where nothing may wait; None when it cannot be told there."""
    found = state.row(_STORED_KEY, secret_hash)
    if found is None:
        return None
    row = SimpleNamespace(**dict(zip(_COLUMNS, found, strict=True)))
    row.scopes = orjson.loads(row.scopes)
    for name in ("created_at", "revoked_at", "last_used_at"):
        setattr(row, name, _stored_time(getattr(row, name)))
    return row


def _stored_time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text).replace(tzinfo=UTC) if text else None


def key_row(db: Connection, key_id: str) -> Row[Any] | None:
    """Return one caller."""
    return db.execute(select(Key).where(col(Key.id) == key_id)).one_or_none()


def keys(db: Connection) -> Sequence[Row[Any]]:
    """Return all callers, the oldest first."""
    return db.execute(select(Key).order_by(col(Key.created_at))).all()


def change_key(db: Connection, key_id: str, **values: object) -> bool:
    """Change a caller; False when there is none."""
    return bool(db.execute(update(Key).where(col(Key.id) == key_id).values(**values)).rowcount)


def secrets(db: Connection, key_id: str, now: datetime) -> tuple[str, ...]:
    """Return what signs deliveries to a caller: its secret, and the last one while it rotates."""
    row = key_row(db, key_id)
    if row is None:
        return ()
    until = row.callback_previous_until
    previous = (row.callback_previous,) if until and until > now else ()
    return (row.callback_secret, *previous)


def usage(db: Connection, caller_id: str, month: str) -> tuple[int, float]:
    """Return the enrichments and credits of a caller in a month."""
    row = db.execute(_OF_MONTH, {"caller": caller_id, "of_month": month}).one_or_none()
    return (row.used, row.credits) if row else (0, 0.0)


def charge_later(
    db: Connection, caller_id: str, month: str, *, used: int, spent: float = 0.0
) -> None:
    """Book enrichments (negative: give back) and credits on a caller's month, at the very end."""
    booked = partial(_charge, caller_id=caller_id, month=month)
    add_later(db, f"usage:{caller_id}:{month}", {"used": used, "credits": spent}, booked)


def _charge(db: Connection, more: Mapping[str, float], caller_id: str, month: str) -> None:
    row = {"caller_id": caller_id, "month": month, **more, "used": max(more["used"], 0)}
    add_up(db, Usage, row, more)


def charge_within(db: Connection, caller_id: str, month: str, quota: int) -> bool:
    """Book one enrichment; False when the month's allowance is used up, whoever uses it now."""
    row = {"caller_id": caller_id, "month": month, "used": 1, "credits": 0.0}
    within = _charge_within(db.dialect.name)
    return quota > 0 and bool(db.execute(within, row | {"quota": quota}).rowcount)


def idempotent(
    db: Connection, caller_id: str, key: str, now: datetime, lasts: timedelta = REMEMBERED
) -> Row[Any] | None:
    """Return what an Idempotency-Key started, if that is not longer ago than `lasts`."""
    return db.execute(
        select(Idempotent).where(
            col(Idempotent.caller_id) == caller_id,
            col(Idempotent.key) == key,
            col(Idempotent.created_at) >= now - min(lasts, REMEMBERED),
        )
    ).one_or_none()


def remember(db: Connection, started: Idempotent) -> None:
    """Remember what an Idempotency-Key started, in place of an older use."""
    same = (col(Idempotent.caller_id) == started.caller_id, col(Idempotent.key) == started.key)
    db.execute(delete(Idempotent).where(*same))
    db.execute(insert(Idempotent).values(started.model_dump()))


def remember_new(db: Connection, seen: Idempotent) -> bool:
    """Remember something that comes once; False when it is remembered already."""
    return put_new(db, Idempotent, seen.model_dump())


def forget_idempotent(db: Connection, now: datetime) -> None:
    """Drop Idempotency-Keys that are no longer honoured."""
    db.execute(delete(Idempotent).where(col(Idempotent.created_at) < now - REMEMBERED))


def suppress(db: Connection, suppression: Suppression) -> None:
    """Put somebody on the do-not-enrich list; a second time changes nothing."""
    put_new(db, Suppression, suppression.model_dump())


def suppressed(db: Connection, digests: Collection[str]) -> frozenset[str]:
    """Return those of these digests that are on the do-not-enrich list."""
    return frozenset(db.execute(_SUPPRESSED, {"digests": sorted(digests)}).scalars())


def is_suppressed(db: Connection, digests: Collection[str]) -> bool:
    """Tell whether one of these is on the do-not-enrich list."""
    return bool(suppressed(db, digests))
