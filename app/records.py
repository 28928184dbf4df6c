"""What operators and callers may look up and change beside jobs."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import Connection

from app import callers, erasure, feedback, ledger, outbox, store, tally
from app.courier import announce, new_delivery, take_back
from app.delivery import Address
from app.digest import digests
from app.errors import InvalidProspect, NotFound, NotReady
from app.facts import Json
from app.front import OPERATOR, Front, month, next_month
from app.prospect import By, Prospect, identify
from app.tables import Suppression
from app.views import (
    Caller,
    DeliveryView,
    EndedView,
    Gauges,
    ProviderView,
    UsageView,
    breaker_state,
    delivery_view,
    ended_view,
    per_provider,
    provider_off,
    provider_view,
)

ENDED_AT_ONCE = 1_000
"""At most this many ended jobs are read at a time; the next question gets the rest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Records(Front):
    """Providers, usage, deliveries, privacy."""

    def providers(self) -> list[ProviderView]:
        """Return each provider with what it gives, its health and today's spend."""
        now = self.now()

        def found(db: Connection) -> list[ProviderView]:
            spent, votes = tally.calls(db, now.date()), feedback.votes(db)
            on = [
                provider_view(one, ledger.health(db, one.name), spent, now) for one in self.sources
            ]
            told = [*on, *map(provider_off, self.unconfigured)]
            return [_voted(one, *votes.get(one.name, (0, 0))) for one in told]

        return self.database.read(found)

    def usage(self, caller: Caller) -> UsageView:
        """Return what a caller has used this month."""
        return self.database.read(partial(self.used, caller=caller, now=self.now()))

    def used(self, db: Connection, caller: Caller, now: datetime) -> UsageView:
        """Return the same in a transaction of the caller."""
        used, spent = callers.usage(db, caller.id, month(now))
        quota = self.quota(caller)
        left = None if quota is None else max(0, quota - used)
        return UsageView(month(now), quota, used, left, spent, next_month(now))

    def deliveries(
        self,
        caller: Caller,
        *,
        job_id: str | None = None,
        state: str | None = None,
        limit: int = 50,
    ) -> list[DeliveryView]:
        """Return the newest deliveries of a caller, each with its tries."""
        whose = None if caller.id == OPERATOR else caller.id

        def found(db: Connection) -> list[DeliveryView]:
            rows = outbox.rows(db, whose, job_id=job_id, state=state, limit=limit)
            tries = outbox.tries(db, [row.id for row in rows])
            return [delivery_view(row, tries) for row in rows]

        return self.database.read(found)

    def replay(self, caller: Caller, delivery_id: str) -> DeliveryView:
        """Try a delivery again from the start, under its own id. Raises NotFound."""

        def reopened(db: Connection) -> DeliveryView:
            row = outbox.row(db, delivery_id)
            if row is None or caller.id not in {OPERATOR, row.caller_id}:
                raise NotFound(f"There is no delivery {delivery_id[:64]} of yours.")
            outbox.works(db, row.caller_id, row.target)
            outbox.reopen(db, delivery_id, self.now())
            store.withdraw(db, delivery_id)
            store.post(db, self.tasks.delivery(delivery_id))
            return delivery_view(outbox.row(db, delivery_id), outbox.tries(db, [delivery_id]))

        return self.database.write(reopened).result()

    def ping(self, caller: Caller, address: Address) -> DeliveryView:
        """Send a `ping` event to an address, to try it out; also to one that was disabled."""
        delivery = new_delivery(None, "ping", caller.id, address, self.now())

        def sent(db: Connection) -> DeliveryView:
            outbox.works(db, caller.id, address.target)
            announce(db, self.tasks, delivery)
            return delivery_view(outbox.row(db, delivery.id), [])

        return self.database.write(sent).result()

    def forget(self, email: str) -> dict[str, int]:
        """Erase a person: facts, cards, jobs, deliveries. Raises InvalidProspect.

        Cards that a channel has posted, and may change, are taken back by deliveries.

        Only a digest stays, so that nobody is looked up again by accident; the ledger keeps what
        was spent, without whom it was about.
        """
        prospect = _person(email)
        own, kind = digests(prospect)[0]

        def erased(db: Connection) -> dict[str, int]:
            suppression = Suppression(digest=own, kind=kind, created_at=self.now())
            callers.suppress(db, suppression)
            shown = erasure.shown_at(db, prospect)
            counts = erasure.forget(db, prospect)
            take_back(db, self.tasks, shown, self.now())
            return counts

        return self.database.write(erased).result()

    def export(self, email: str) -> dict[str, Json]:
        """Return everything that is kept about a person. Raises InvalidProspect."""
        prospect = _person(email)
        return self.database.read(lambda db: erasure.export(db, prospect))

    def suppress(self, text: str) -> str:
        """Never look up this e-mail address or domain again; return which of both it is.

        Only a digest is kept. Raises InvalidProspect.
        """
        prospect = identify(text)
        if prospect.by not in {By.email, By.domain}:
            raise InvalidProspect("Only an e-mail address or a domain can be suppressed.")
        own, kind = digests(prospect)[0]
        suppression = Suppression(digest=own, kind=kind, created_at=self.now())
        self.database.write(lambda db: callers.suppress(db, suppression)).result()
        return kind

    def is_ready(self) -> None:
        """Check that the database and the queue can be used. Raises NotReady."""
        self.database.read(store.queue_depth)
        if self.tasks.depth() is None:
            raise NotReady("The queue cannot be used.")

    def workers_alive(self) -> int:
        """Return how many workers have been heard of lately."""
        since = self.now() - self.silence
        return self.database.read(lambda db: store.alive(db, store.WORKERS, since))

    def ended(self, since: datetime) -> list[EndedView]:
        """Return the jobs that ended after `since`, oldest first, at most ENDED_AT_ONCE."""
        rows = self.database.read(lambda db: store.ended_since(db, since, ENDED_AT_ONCE))
        return [ended_view(row) for row in rows]

    def gauges(self) -> Gauges:
        """Return the numbers that only the store knows, as of now."""
        now = self.now()

        def found(db: Connection) -> Gauges:
            spent = tally.calls(db)
            states = {p.name: breaker_state(ledger.health(db, p.name), now) for p in self.sources}
            return Gauges(
                queue_depth=self.tasks.waiting(db),
                jobs=store.under_way(db) | tally.jobs(db, now - timedelta(days=1)),
                deliveries_pending=outbox.pending(db),
                breakers=states,
                credits=per_provider(spent, "credits"),
                attempts={(row.provider, row.outcome): row.calls for row in spent},
                latency_s={k: v / 1000 for k, v in per_provider(spent, "latency_ms").items()},
                workers=store.alive(db, store.WORKERS, now - self.silence),
            )

        return self.database.read(found)


def _voted(view: ProviderView, helped: int, not_helped: int) -> ProviderView:
    return replace(view, helped=helped, not_helped=not_helped)


def _person(email: str) -> Prospect:
    prospect = identify(email)
    if prospect.by is not By.email:
        raise InvalidProspect("Expected an e-mail address, such as jane@acme.example.")
    return prospect
