"""What operators have to hear of: trouble that nobody who waits for a card could put right."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, or_, select, update
from sqlmodel import col

from app.rows import put_new
from app.tables import IS_UNTOLD, Alert

ALERT = "alert"
"""The event of a delivery that tells operators."""

QUIET = timedelta(hours=6)
"""Of one cause they hear once in this time."""


def alert(db: Connection, cause: str, words: str, now: datetime) -> None:
    """Note trouble, unless this cause was noted a short while ago; the keeper sends it.

    `words` are one line for people, without personal data or secrets.
    """
    row = {"cause": cause, "words": words, "at": now, "delivery_id": None}
    if put_new(db, Alert, row):
        return
    at = col(Alert.at)
    old = or_(at <= now - QUIET, at > now)  # the second: a clock was set back
    db.execute(update(Alert).where(col(Alert.cause) == cause, old).values(row))


def untold(db: Connection, limit: int) -> list[Row[Any]]:
    """Return trouble that nobody was told of yet."""
    return list(db.execute(select(Alert).where(IS_UNTOLD).limit(limit)).all())


def told(db: Connection, cause: str, delivery_id: str) -> None:
    """Note with which delivery this trouble is told."""
    db.execute(update(Alert).where(col(Alert.cause) == cause).values(delivery_id=delivery_id))


def words_of(db: Connection, delivery_id: str) -> str:
    """Return what a delivery tells; empty when that is not known any more."""
    found = select(col(Alert.words)).where(col(Alert.delivery_id) == delivery_id)
    return db.execute(found).scalar_one_or_none() or ""
