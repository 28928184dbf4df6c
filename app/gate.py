"""Who may call a provider now: breaker and token bucket, shared by all workers by the store."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from functools import partial

from sqlalchemy import Connection

from app import ledger
from app.alerts import alert
from app.breaker import Admission, Health, admit, is_news, report
from app.database import Database, surely
from app.provider import Meter, Outcome, Provider

TROUBLE: Mapping[str, str] = {
    Outcome.auth_failed: "The provider {} refuses its key. It is not asked until it takes it.",
    Outcome.out_of_credits: "The provider {} has no credits left. It is not asked until it has.",
}
"""Why a provider is not asked any more -> what operators are told."""


class Gate:
    """Admits calls to providers: breaker and token bucket, shared by all workers by the store."""

    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self._db = database
        self._now = now
        self._seen: dict[str, Health] = {}  # as it was when this process last looked

    def admit(self, provider: Provider, most: int) -> Awaitable[Admission]:
        """Say whether calls may go out now, `most` at most: one write for all of them."""
        work = partial(self._admit, provider=provider, most=most)
        return surely(self._db, work, _order(provider), passing=True)

    def report(self, provider: Provider, outcome: Outcome | None, meter: Meter) -> Awaitable[None]:
        """Book how a call went and what its headers said; `outcome` None = it was answered.

        Nothing is written of an answer of a provider that was well when this process last looked:
        of the failures that other processes had since, the next answer takes note.
        """
        seen = self._seen.get(provider.name)
        if seen and not is_news(seen, outcome, meter, provider.pace, self._now()):
            return _nothing()
        work = partial(self._report, provider=provider, outcome=outcome, meter=meter)
        return surely(self._db, work, _order(provider))

    def _admit(self, db: Connection, provider: Provider, most: int) -> Admission:
        while True:  # until no other worker came between
            before = ledger.health(db, provider.name)
            after, admission = admit(before, provider.pace, self._now(), most)
            if self._keep(db, provider, before, after):
                return admission

    def _report(
        self, db: Connection, provider: Provider, outcome: Outcome | None, meter: Meter
    ) -> None:
        while True:
            before = ledger.health(db, provider.name)
            if self._keep(db, provider, before, report(before, outcome, meter, self._now())):
                return

    def _keep(self, db: Connection, provider: Provider, before: Health, after: Health) -> bool:
        self._seen[provider.name] = after  # a hint only, should this be undone
        if after == before:
            return True
        is_kept = ledger.set_health(db, provider.name, before, after)
        if is_kept and after.disabled_for and after.disabled_until != before.disabled_until:
            cause = f"{provider.name} {after.disabled_for}"
            alert(db, cause, TROUBLE[after.disabled_for].format(provider.name), self._now())
        return is_kept


def _nothing() -> Awaitable[None]:
    done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    done.set_result(None)
    return done


def _order(provider: Provider) -> str:
    """Place the rows that all workers change behind everything else in a commit."""
    return f"~provider:{provider.name}"
