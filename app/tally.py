"""Running totals: what providers were asked, and how jobs ended, counted when it happens.

They change in the transaction of what they count, so that nobody who looks has to sum up a ledger
that grows for ever; and they never go down, whatever is deleted.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import Connection, delete, func, select
from sqlmodel import col

from app.database import add_later
from app.job import Status
from app.rows import add_up
from app.tables import CallTally, JobTally

LONG_AGO = date(1970, 1, 1)
"""The day under which the calls of all old days are kept together."""

HOURS = timedelta(days=2)
"""So long the hours are kept in which jobs ended."""


@dataclass(frozen=True, slots=True)
class Calls:
    """What came of asking one provider: how often, for how many credits, in how long in all."""

    provider: str
    outcome: str
    calls: int
    credits: float
    latency_ms: int


def call_ended(db: Connection, attempt: Mapping[str, Any]) -> None:
    """Count a line of the ledger that has ended; a remembered answer is none.

    A call that was given up as interrupted and is answered after all counts as both.
    """
    numbers = (1, attempt["credits"], attempt["latency_ms"])
    ended = Calls(attempt["provider"], str(attempt["outcome"]), *numbers)
    _add(db, ended, attempt["ended_at"].date())


def calls(db: Connection, day: date | None = None) -> list[Calls]:
    """Return the calls of a day (UTC), or all that ever were, by provider and outcome."""
    keys = (col(CallTally.provider), col(CallTally.outcome))
    numbers = (col(CallTally.calls), col(CallTally.credits), col(CallTally.latency_ms))
    found = select(*keys, *map(func.sum, numbers)).group_by(*keys)
    rows = db.execute(found if day is None else found.where(col(CallTally.day) == day)).all()
    return [Calls(row[0], row[1], int(row[2]), float(row[3]), int(row[4])) for row in rows]


def job_ended(db: Connection, status: Status, now: datetime) -> None:
    """Count the end of a job."""
    hour = now.replace(minute=0, second=0, microsecond=0)
    keys = {"hour": hour, "status": status.value}
    add_later(db, f"jobs:{hour}:{status}", {"jobs": 1}, partial(_add_up, JobTally, keys))


def jobs(db: Connection, since: datetime) -> dict[str, int]:
    """Return how many jobs ended, by status, from the hour on in which `since` lies."""
    hour = since.replace(minute=0, second=0, microsecond=0)
    found = select(col(JobTally.status), func.sum(col(JobTally.jobs)))
    rows = db.execute(found.where(col(JobTally.hour) >= hour).group_by(col(JobTally.status)))
    return {status: int(count) for status, count in rows}


def forget(db: Connection, before: datetime) -> int:
    """Fold the days `before` into one, and drop hours that are of no more use.

    Returns how many rows are fewer: few enough, however many calls there were.
    """
    days = (col(CallTally.day) > LONG_AGO, col(CallTally.day) < before.date())
    old = db.execute(delete(CallTally).where(*days).returning(CallTally)).all()
    for row in old:
        ended = Calls(row.provider, row.outcome, row.calls, row.credits, row.latency_ms)
        _add(db, ended, LONG_AGO)
    gone = db.execute(delete(JobTally).where(col(JobTally.hour) < before - HOURS))
    return len(old) + gone.rowcount


def _add(db: Connection, ended: Calls, day: date) -> None:
    order = f"calls:{ended.provider}:{ended.outcome}:{day}"
    keys = {"provider": ended.provider, "outcome": ended.outcome, "day": day}
    numbers = {"calls": ended.calls, "credits": ended.credits, "latency_ms": ended.latency_ms}
    add_later(db, order, numbers, partial(_add_up, CallTally, keys))


def _add_up(
    kind: Any, keys: Mapping[str, object], db: Connection, more: Mapping[str, float]
) -> None:
    add_up(db, kind, {**keys, **more}, more)
