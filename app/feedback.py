"""What people say of cards: that they helped or not, and who is not meant. Every query over it."""

from collections.abc import Collection, Mapping
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import Connection, bindparam, delete, select
from sqlmodel import col

from app.database import add_later
from app.digest import digest
from app.prospect import Prospect
from app.rows import add_up, put, put_new
from app.tables import Feedback, Rejected, VoteTally

UP = "up"


def vote(db: Connection, given: Mapping[str, Any]) -> None:
    """Keep a vote, all columns of app.tables.Feedback, in place of the voter's former one."""
    mine = [col(getattr(Feedback, name)) == given[name] for name in _VOTER]
    if former := db.execute(select(Feedback).where(*mine).with_for_update()).one_or_none():
        _count(db, former.sources, former.vote, -1)
    put(db, Feedback, given)
    _count(db, given["sources"], given["vote"], 1)


def votes(db: Connection) -> Mapping[str, tuple[int, int]]:
    """Return for each source how many cards with its facts helped, and how many did not."""
    return {row.source: (row.helped, row.not_helped) for row in db.execute(select(VoteTally))}


_VOTER = ("job_id", "caller_id", "voter")


def _count(db: Connection, sources: Collection[str], given: str, by: int) -> None:
    helped = {"helped": by, "not_helped": 0} if given == UP else {"helped": 0, "not_helped": by}
    for source in sources:
        add_later(db, f"votes:{source}", helped, partial(_add, source))


def _add(source: str, db: Connection, more: Mapping[str, float]) -> None:
    add_up(db, VoteTally, {"source": source, **more}, more)


# --- who is not meant ---

_REJECTED = select(col(Rejected.mark)).where(col(Rejected.prospect) == bindparam("prospect"))


def reject(db: Connection, prospect: Prospect, marks: Collection[str], now: datetime) -> None:
    """Keep what app.rejection says of a person who is not the prospect."""
    for mark in sorted(marks):
        put_new(db, Rejected, {"prospect": digest(prospect.key), "mark": mark, "at": now})


def rejected(db: Connection, prospect: Prospect) -> frozenset[str]:
    """Return what is kept of those who are not the prospect."""
    if not prospect.is_person:
        return frozenset()
    return frozenset(db.execute(_REJECTED, {"prospect": digest(prospect.key)}).scalars())


def forget(db: Connection, prospect: Prospect) -> None:
    """Drop what is kept of those who are not the prospect."""
    db.execute(delete(Rejected).where(col(Rejected.prospect) == digest(prospect.key)))
