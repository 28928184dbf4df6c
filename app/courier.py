"""Deliveries: a card is put into the outbox and tried until its address has it."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection

from app import alerts, backlog, callers, outbox, partners, store
from app.alerts import ALERT, alert
from app.database import Database, surely, written
from app.delivery import (
    BACK_OFF_S,
    DISABLE_AFTER,
    ERASED,
    Address,
    Channel,
    Delivery,
    Receipt,
    next_try_s,
)
from app.digest import digest
from app.errors import DeliveryFailed, DeliveryPutOff
from app.store import JobRow
from app.tables import Outbox, OutboxTry
from app.tasks import Tasks
from app.wire import iso

log = logging.getLogger("warmcall.courier")

LEASE = timedelta(seconds=60)
"""Longer than any channel's time-out: after it the try is another worker's."""

PATIENCE = timedelta(days=1)
"""A delivery that was put off for this long has failed."""

LONG_PATIENCE = timedelta(days=14)
"""The same of one that waits for something that takes days."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Courier:
    """Brings what is in the outbox to its addresses. `owner` names this worker process."""

    database: Database
    tasks: Tasks
    channels: Mapping[str, Channel]
    now: Callable[[], datetime]
    spread: Callable[[], float]  # from -1 to 1: places a wait within its jitter
    owner: str
    base_url: str

    async def deliver(self, delivery_id: str) -> None:
        """Try a delivery once, if it is due and nobody else is trying it."""
        pick_up = partial(self._pick_up, delivery_id=delivery_id)
        taken = await written(self.database, pick_up, passing=True)
        if taken is None:
            return
        row, delivery = taken
        started = self.now()
        channel = self.channels.get(row.channel)
        try:
            if channel is None:
                raise DeliveryFailed(f"no channel named {row.channel} is set up", final=True)
            receipt = await channel.deliver(delivery, started)
        except DeliveryPutOff as exc:
            await surely(self.database, partial(self._put_off, row=row, exc=exc))
        except DeliveryFailed as exc:
            await surely(
                self.database, partial(self._not_delivered, row=row, exc=exc, started=started)
            )
        else:
            await surely(self.database, partial(self._delivered, row=row, receipt=receipt))

    def _pick_up(self, db: Connection, delivery_id: str) -> tuple[Any, Delivery] | None:
        now = self.now()
        row = outbox.claim(db, delivery_id, self.owner, now, LEASE)
        if row is None:
            return None
        body = self._body(db, row)
        secrets = callers.secrets(db, row.caller_id, now)
        address = Address(row.channel, row.target)
        return row, Delivery(row.id, address, row.event, body, secrets)

    def _body(self, db: Connection, row: Any) -> dict[str, Any]:
        """Return what is said of trouble, a batch or a job; nothing when it is gone."""
        if row.event == ALERT:
            return {"words": alerts.words_of(db, row.id)}
        if row.job_id and row.job_id.startswith(backlog.PREFIX):
            return backlog.body_of(db, row.job_id, self.base_url)
        job = store.job_row(db, row.job_id) if row.job_id else None
        return body_of(job, self.base_url) if job else {}

    def _delivered(self, db: Connection, row: Any, receipt: Receipt) -> None:
        now = self.now()
        if outbox.settle(db, row.id, self.owner, outbox.DELIVERED, None):
            outbox.works(db, row.caller_id, row.target)
        outbox.add_try(
            db,
            OutboxTry(
                delivery_id=row.id,
                at=now,
                status=receipt.status,
                elapsed_ms=receipt.elapsed_ms,
                answer=receipt.answer,
            ),
        )
        log.info("delivered", extra=_told(row))

    def _put_off(self, db: Connection, row: Any, exc: DeliveryPutOff) -> None:
        now = self.now()
        patience = LONG_PATIENCE if exc.is_patient else PATIENCE
        if now - row.created_at > patience:
            span = f"{patience.days} days" if exc.is_patient else "a day"
            why = f"its turn did not come in {span}: {exc}"
            self._not_delivered(db, row, DeliveryFailed(why, final=True), now)
            return
        due_at = now + timedelta(seconds=exc.wait_s)
        if outbox.put_off(db, row.id, self.owner, due_at):
            store.post(db, self.tasks.delivery(row.id, due_at))

    def _not_delivered(
        self, db: Connection, row: Any, exc: DeliveryFailed, started: datetime
    ) -> None:
        now = self.now()
        elapsed_ms = round((now - started).total_seconds() * 1000)
        outbox.add_try(
            db,
            OutboxTry(
                delivery_id=row.id,
                at=now,
                status=exc.status,
                elapsed_ms=elapsed_ms,
                error=str(exc),
                answer=exc.answer,
            ),
        )
        since = outbox.fails(db, row.caller_id, row.target, now)
        channel = self.channels.get(row.channel)
        wait_s = next_try_s(
            row.tries,
            spread=self.spread(),
            retry_after_s=exc.retry_after_s,
            back_off_s=channel.back_off_s if channel else BACK_OFF_S,
        )
        if exc.gone or now - since >= DISABLE_AFTER:
            outbox.settle(db, row.id, self.owner, outbox.DISABLED, None)
            outbox.disable(db, row.caller_id, row.target, now)
            if exc.gone and row.channel == partners.HOOK:
                partners.drop_hooks_at(db, row.caller_id, row.target)
            log.warning("address disabled after lasting failure", extra=_told(row))
            alert(db, f"disabled {digest(row.target)}", _is_disabled(row), now)
        elif exc.final or wait_s is None:
            outbox.settle(db, row.id, self.owner, outbox.FAILED, None)
        else:
            due_at = now + timedelta(seconds=wait_s)
            if outbox.settle(db, row.id, self.owner, outbox.PENDING, due_at):
                store.post(db, self.tasks.delivery(row.id, due_at))
        log.info("not delivered", extra=_told(row) | {"status": exc.status})


def take_back(db: Connection, tasks: Tasks, shown: Sequence[Address], now: datetime) -> None:
    """Have channels take back what they show of somebody who was erased."""
    for at in shown:
        announce(db, tasks, new_delivery(None, ERASED, callers.OPERATOR, at, now))


def announce(db: Connection, tasks: Tasks, delivery: Outbox) -> None:
    """Put a delivery into the outbox, with its message; without one if the address is disabled."""
    if outbox.is_disabled(db, delivery.caller_id, delivery.target):
        delivery.state, delivery.next_at = outbox.DISABLED, None
        outbox.add(db, delivery)
        return
    outbox.add(db, delivery)
    is_due_later = delivery.next_at and delivery.next_at > delivery.created_at
    store.post(db, tasks.delivery(delivery.id, delivery.next_at if is_due_later else None))


def new_delivery(
    job_id: str | None,
    event: str,
    caller_id: str,
    to: Address,
    now: datetime,
    *,
    after: timedelta = timedelta(0),
) -> Outbox:
    """Return a delivery that is due now (or `after` so long), with the id it keeps for ever."""
    return Outbox(
        id=f"msg_{uuid4().hex}",
        job_id=job_id,
        caller_id=caller_id,
        channel=to.channel,
        target=to.target,
        event=event,
        next_at=now + after,
        created_at=now,
    )


def body_of(job: JobRow, base_url: str) -> dict[str, Any]:
    """Return what a delivery says about a job."""
    result = job.result or {}
    card = result.get("card", {})
    return {
        "job_id": job.id,
        "status": job.status,
        "version": job.version,
        "prospect": {"key": job.prospect_key},
        "summary": card.get("summary", ""),
        "card": card,
        "credits_spent": job.credits_spent,
        "created_at": iso(job.created_at),
        "finished_at": iso(job.finished_at) if job.finished_at else None,
        "links": {
            "self": f"{base_url}/v1/jobs/{job.id}",
            "card": f"{base_url}/card/{job.card_token}",
        },
    }


def _is_disabled(row: Any) -> str:
    return f"An address of {row.caller_id} ({row.channel}) only failed: nothing is sent to it now."


def _told(row: Any) -> dict[str, Any]:
    return {"delivery_id": row.id, "job_id": row.job_id, "try": row.tries}
