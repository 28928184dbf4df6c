"""What the parts of the front door stand on."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from app.callers import OPERATOR as OPERATOR
from app.database import Database
from app.facts import Fact, Section
from app.freshness import Tiers
from app.memory import Memory
from app.positioning import Positioning
from app.prospect import Prospect
from app.provider import Provider
from app.tasks import Tasks
from app.views import UNLIMITED, Caller

CALLERS_ROOM = 1_000_000
"""Bytes of callers that a process remembers: some thousand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Front:
    """Database, queue and rules that every verb of the front door uses.

    `primed` returns what is known of a prospect before anybody asked (the sandbox's stale@).
    """

    database: Database
    tasks: Tasks
    sources: Sequence[Provider]
    unconfigured: Sequence[str]
    now: Callable[[], datetime]
    tiers: Mapping[Section, Tiers]
    free_quota: int
    silence: timedelta  # a process that is not heard of for this long counts as dead
    positioning: Positioning | None = None
    primed: Callable[[Prospect, datetime], Sequence[Fact]] = lambda prospect, now: ()
    callers_known: Memory[Caller] = field(default_factory=lambda: Memory(CALLERS_ROOM), repr=False)

    def state(self) -> int | None:
        """Name the state that the database is in; None when that cannot be told at once.

        What was read after a state was named is true as long as the same one is named again.
        """
        return self.database.state()

    def quota(self, caller: Caller) -> int | None:
        """Return how many enrichments a caller has a month; None = no limit."""
        if caller.quota == UNLIMITED:
            return None
        return self.free_quota if caller.quota is None else caller.quota


def month(now: datetime) -> str:
    """Return the month that usage is booked on (UTC).

    >>> month(datetime(2026, 11, 21))
    '2026-11'
    """
    return f"{now:%Y-%m}"


def next_month(now: datetime) -> datetime:
    """Return when the allowances start again."""
    first = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return (first + timedelta(days=32)).replace(day=1)
