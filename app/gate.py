"""Who may call a provider now: breaker and token bucket, shared by all workers by the store."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from functools import partial

from sqlalchemy import Connection

from app import ledger
from app.breaker import Admission, Health, admit, report
from app.database import Database, surely
from app.provider import Meter, Outcome, Provider


class Gate:
    """Admits calls to providers: breaker and token bucket, shared by all workers by the store."""

    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self._db = database
        self._now = now

    def admit(self, provider: Provider) -> Awaitable[Admission]:
        """Say whether a call may go out now."""
        return surely(self._db, partial(self._admit, provider=provider), _order(provider))

    def report(self, provider: Provider, outcome: Outcome | None, meter: Meter) -> Awaitable[None]:
        """Book how a call went and what its headers said; `outcome` None = it was answered."""
        work = partial(self._report, provider=provider, outcome=outcome, meter=meter)
        return surely(self._db, work, _order(provider))

    def _admit(self, db: Connection, provider: Provider) -> Admission:
        while True:  # until no other worker came between
            before = ledger.health(db, provider.name)
            after, admission = admit(before, provider.pace, self._now())
            if _keep(db, provider, before, after):
                return admission

    def _report(
        self, db: Connection, provider: Provider, outcome: Outcome | None, meter: Meter
    ) -> None:
        while True:
            before = ledger.health(db, provider.name)
            if _keep(db, provider, before, report(before, outcome, meter, self._now())):
                return


def _keep(db: Connection, provider: Provider, before: Health, after: Health) -> bool:
    return after == before or ledger.set_health(db, provider.name, before, after)


def _order(provider: Provider) -> str:
    """Place the rows that all workers change behind everything else in a commit."""
    return f"~provider:{provider.name}"
