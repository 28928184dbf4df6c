"""Records of a CRM that grow old or stayed incomplete are enriched again, within a month's budget.

What such a look-up spends is booked on a caller of its own, so that the budget holds whoever else
spends. What it changed is in the books like everything else (app/crm_books.py).
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from app import callers, crm_store, store
from app.dialect import is_alone
from app.tasks import Tasks

OLD = timedelta(days=30)
"""A record that was enriched longer ago is looked up again, the oldest first."""

INCOMPLETE = timedelta(days=7)
"""One of which something stayed unknown already after this time, before all others."""

EACH = 5.0
"""Credits that one record may cost at most."""

AT_ONCE = 5
"""Records of a connection that are looked up again at the same time."""

LOST = timedelta(days=1)
"""What was begun so long ago is no longer waited for."""

TURN = 7_303_003
"""The lock that of several workers lets one begin at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refresher:
    """Begins what is due. `budget` is in credits a month for each connection; 0 = nothing is."""

    tasks: Tasks
    now: Callable[[], datetime]
    budget: float

    def begin(self, db: Connection, connection: str) -> int:
        """Open the arrivals of the next records, in a transaction of the caller; return how many.

        Never more are open than the rest of the budget pays for, whatever they cost.
        """
        if self.budget < EACH or not is_alone(db, TURN):
            return 0
        now = self.now()
        under_way = crm_store.refreshing(db, connection, now - LOST)
        _, spent = callers.usage(db, refresh_caller_id(connection), f"{now:%Y-%m}")
        affordable = int((self.budget - spent) / EACH) - under_way
        room = min(AT_ONCE - under_way, affordable)
        if room < 1:
            return 0
        targets = crm_store.to_refresh(db, connection, now - INCOMPLETE, now - OLD, room)
        for target in targets:
            crm_store.refresh(db, target, now)
            store.post(db, self.tasks.arrival(target))
        return len(targets)


def refresh_caller_id(connection: str) -> str:
    """Return the caller that pays for the refreshing of a connection's records."""
    return f"crm_{connection}_refresh"
