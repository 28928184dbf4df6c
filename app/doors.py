"""How fast others may be called: turns that all workers take one after the other, by the store.

A door that is used at its pace has its `next_at` in the past. Each turn moves it on by the pace,
and it may run ahead of the time by a burst: the generic cell rate algorithm.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import Connection, select, update
from sqlmodel import col

from app.database import Database, surely
from app.delivery import Door
from app.rows import put, put_new
from app.tables import Turn

LONGEST = timedelta(hours=1)
"""Nobody keeps a door shut for longer; what is further ahead was written by a clock set back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DoorsKept:
    """The doors of all workers."""

    database: Database
    now: Callable[[], datetime]

    def enter(self, doors: Sequence[Door]) -> Awaitable[float]:
        """Take a turn at all of these; or take none and return the seconds to wait before."""
        ordered = sorted(doors, key=lambda door: door.name)
        return surely(self.database, partial(self._enter, doors=ordered), "~doors")

    def shut(self, name: str, seconds: float) -> Awaitable[None]:
        """Let nobody through a door for so long, an hour at most."""
        return surely(self.database, partial(self._shut, name=name, seconds=seconds), "~doors")

    def _enter(self, db: Connection, doors: Sequence[Door]) -> float:
        now = self.now()
        rows = [(door, _held(db, door.name, now)) for door in doors]
        wait = max(_wait(door, row, now) for door, row in rows)
        if wait > timedelta(0):
            return wait.total_seconds()
        for door, row in rows:
            next_at = max(_next_at(door, row, now), now) + timedelta(seconds=door.every_s)
            passed = update(Turn).where(col(Turn.door) == door.name)
            db.execute(passed.values(next_at=next_at))
        return 0.0

    def _shut(self, db: Connection, name: str, seconds: float) -> None:
        now = self.now()
        until = now + min(timedelta(seconds=seconds), LONGEST)
        put(db, Turn, {"door": name, "next_at": now, "shut_until": until})


def _held(db: Connection, name: str, now: datetime) -> Any:
    """Return the row of a door, and keep others from it until the transaction ends."""
    put_new(db, Turn, {"door": name, "next_at": now, "shut_until": None})
    return db.execute(select(Turn).where(col(Turn.door) == name).with_for_update()).one()


def _wait(door: Door, row: Any, now: datetime) -> timedelta:
    burst = timedelta(seconds=(door.burst - 1) * door.every_s)
    turn = _next_at(door, row, now) - burst - now
    if row.shut_until is None or row.shut_until > now + LONGEST:
        return turn
    shut: timedelta = row.shut_until - now
    return max(turn, shut)


def _next_at(door: Door, row: Any, now: datetime) -> datetime:
    """Return when the next turn is: no further ahead than a burst, though a clock was set back."""
    latest = now + timedelta(seconds=door.burst * door.every_s)
    found: datetime = min(row.next_at, latest)
    return found
