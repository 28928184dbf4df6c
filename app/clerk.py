"""The worker's verb for an arrival: a record has appeared in a CRM, so its card is asked for.

The card itself comes back as a delivery to the record (channel `crm`): see app/courier.py.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import Connection

from app import crm_erasure, crm_store, store
from app.crm import CrmRecord, Kind, Line, Ref
from app.crm_refresh import EACH, refresh_caller_id
from app.crm_store import (
    ASKED,
    DELETED,
    DONE,
    ERASED,
    FAILED,
    GONE,
    MERGED,
    MOST_URL,
    REFRESH,
    SKIPPED,
    WAITING,
)
from app.database import Database, surely, written
from app.delivery import Address
from app.digest import digest
from app.errors import DeliveryFailed, DeliveryPutOff, DisposableAddress, InvalidProspect
from app.job import Priority, Status
from app.prospect import AddressClass, Prospect, from_parts
from app.tasks import Tasks
from app.views import SCOPES, UNLIMITED, Answered, Ask, Caller, Idempotency

log = logging.getLogger("warmcall.clerk")

LEASE = timedelta(seconds=60)
"""Longer than a conversation takes: after it the record is another worker's."""

YOUNG = timedelta(seconds=60)
"""A record that was made so lately may not be seen yet by those who ask for it."""

LOOK_AGAIN = timedelta(seconds=5)

BACK_OFF_S = (5, 60, 300, 1_800, 7_200, 21_600, 43_200)
"""Seconds before each new try to look at a record."""

UNSEEN = "unseen"

Request = Callable[[Caller, Ask, Idempotency | None], Future[Answered]]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an arrival; `after` is set when it is to be looked at again.

    `is_no_try` means that the record was not looked at: it waits for its turn.
    """

    state: str
    reason: str = ""
    after: timedelta | None = None
    job_id: str | None = None
    winner: Ref | None = None
    is_no_try: bool = False
    url: str = ""  # the record's page


def crm_caller(connection: str) -> Caller:
    """Return the caller that a connection is: its operator decides what it may spend."""
    return Caller(f"crm_{connection}", f"CRM connection {connection}", SCOPES, UNLIMITED)


def refresh_caller(connection: str) -> Caller:
    """Return the caller that pays for looking a connection's records up again."""
    name = f"Refreshing CRM connection {connection}"
    return Caller(refresh_caller_id(connection), name, SCOPES, UNLIMITED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Clerk:
    """Looks at records that have appeared, and asks for their cards. `owner` names this worker.

    `lines` gives the line to a connection, None when there is none (any more). A record is not
    asked for again within `cool_down`. `shown_at` is where else the card of a new one comes.
    """

    database: Database
    tasks: Tasks
    lines: Callable[[str], Line | None]
    request: Request
    now: Callable[[], datetime]
    owner: str
    cool_down: timedelta
    shown_at: Callable[[CrmRecord], Sequence[Address]] = lambda record: ()

    async def arrive(self, target: str) -> None:
        """Look at a record, if its arrival is due and nobody else is at it."""
        claim = partial(self._claim, target=target)
        row = await written(self.database, claim, "crm", passing=True)
        if row is None:
            return
        try:
            outcome = await self._looked_at(row)
        except DeliveryPutOff as exc:
            after = timedelta(seconds=exc.wait_s)
            outcome = Outcome(WAITING, str(exc), after, is_no_try=True)
        except DeliveryFailed as exc:
            outcome = self._failed(row, exc)
        if outcome.state == WAITING and row.reason == REFRESH:
            outcome = replace(outcome, reason=REFRESH)
        await surely(self.database, partial(self._settle, row=row, outcome=outcome), "crm")
        told = {"connection": row.connection, "kind": row.kind, "job_id": outcome.job_id}
        log.info("a record arrived", extra=told | {"outcome": outcome.reason or outcome.state})

    def _claim(self, db: Connection, target: str) -> Any:
        return crm_store.claim(db, target, self.owner, self.now(), LEASE, WAITING)

    async def _looked_at(self, row: Any) -> Outcome:
        if row.enriched_at and self.now() - row.enriched_at < self.cool_down:
            return Outcome(DONE, "cool_down")
        line = self.lines(row.connection)
        if line is None:
            return Outcome(SKIPPED, "no_connection")
        ref = Ref.read(row.target)
        record = await line.ask(line.adapter.fetch(ref, ("warmcall_enriched_at",)))
        if record is None:
            return self._unseen(row)
        if record.ref != ref:
            return Outcome(MERGED, winner=record.ref)
        return await self._asked(row, record)

    def _unseen(self, row: Any) -> Outcome:
        if self.now() - row.since < YOUNG and row.reason not in {UNSEEN, REFRESH}:
            return Outcome(WAITING, UNSEEN, LOOK_AGAIN)
        return Outcome(GONE)

    async def _asked(self, row: Any, record: CrmRecord) -> Outcome:
        """Ask for the card of a record, if it is of somebody whom one prepares a call with."""
        if self._is_enriched(record):
            return Outcome(DONE, "cool_down")
        found = prospect_of(record)
        if isinstance(found, str):
            return Outcome(SKIPPED, found)
        is_refresh = row.reason == REFRESH
        shown_at = () if is_refresh else self.shown_at(record)
        ask = Ask(
            prospect=found,
            priority=Priority.background if is_refresh else Priority.crm,
            notify=(Address(crm_store.CHANNEL, row.target), *shown_at),
            max_credits=EACH if is_refresh else None,
        )
        once = Idempotency(f"crm:{row.target}:{row.told}", digest(found.key))
        caller = refresh_caller(row.connection) if is_refresh else crm_caller(row.connection)
        asked = self.request(caller, ask, once)
        answered = await asyncio.shield(asyncio.wrap_future(asked))
        if answered.view.status is Status.suppressed:
            return Outcome(SKIPPED, "suppressed")
        why = row.reason if is_refresh else ""
        return Outcome(ASKED, why, job_id=answered.view.id, url=record.url)

    def _is_enriched(self, record: CrmRecord) -> bool:
        """Tell whether another installation, or we before a loss, enriched a record lately."""
        said = record.values.get("warmcall_enriched_at", "")
        try:
            at = datetime.fromisoformat(said) if said else None
        except ValueError:
            return False
        return at is not None and at.tzinfo is not None and self.now() - at < self.cool_down

    def _failed(self, row: Any, exc: DeliveryFailed) -> Outcome:
        if exc.final or row.tries >= len(BACK_OFF_S):
            return Outcome(FAILED, str(exc))
        after_s = max(BACK_OFF_S[row.tries], exc.retry_after_s or 0.0)
        return Outcome(WAITING, str(exc), timedelta(seconds=after_s))

    def _settle(self, db: Connection, row: Any, outcome: Outcome) -> None:
        """Write down what became of an arrival.

        One that was closed is looked at again if more was told of it meanwhile.
        """
        now, latest = self.now(), crm_store.row(db, row.target)
        if latest is None or latest.state != WAITING:
            self._overtaken(db, row, latest.state if latest else GONE, outcome)
            return
        values: dict[str, Any] = {"state": outcome.state, "reason": outcome.reason}
        due_at = now + outcome.after if outcome.after else None
        if due_at is None and outcome.state in {SKIPPED, GONE} and latest.told != row.told:
            values, due_at = {"state": WAITING, "reason": ""}, now
        if due_at is not None:
            is_try = outcome.after is not None and not outcome.is_no_try
            values |= {"due_at": due_at, "tries": row.tries + is_try}
        if outcome.job_id:
            values |= {"job_id": outcome.job_id, "asked_at": now, "url": outcome.url[:MOST_URL]}
        if outcome.winner:
            values |= {"winner": outcome.winner.target}
        if not crm_store.let_go(db, row.target, self.owner, **values):
            return
        if due_at is not None:
            store.post(db, self.tasks.arrival(row.target, due_at))
        if outcome.winner:
            self._pass_on(db, outcome.winner, row.since, now)

    def _overtaken(self, db: Connection, row: Any, state: str, outcome: Outcome) -> None:
        """Take back what was asked for a record that was deleted or erased meanwhile."""
        now = self.now()
        crm_store.let_go(db, row.target, self.owner)
        if state == ERASED:
            crm_erasure.forget(db, self.tasks, row.target, now, for_ever=True)
        elif state == DELETED:
            caller_id = crm_caller(row.connection).id
            crm_erasure.stop(db, self.tasks, outcome.job_id, caller_id, now)

    def _pass_on(self, db: Connection, winner: Ref, since: datetime, now: datetime) -> None:
        """Open the arrival of the record that one was merged into."""
        row = crm_store.held_row(db, winner.target, winner.connection, winner.kind.value, now)
        if row.state in {crm_store.NEW, DONE, SKIPPED, GONE, FAILED}:
            opened = {"state": WAITING, "reason": "", "tries": 0, "since": since, "due_at": now}
            crm_store.change(db, winner.target, **opened)
            store.post(db, self.tasks.arrival(winner.target))


def prospect_of(record: CrmRecord) -> Prospect | str:
    """Return whom a record is about; or in one word why nobody is looked up for it.

    What the record says beside the address is known from the start.
    """
    if record.opted_out:
        return "opted_out"
    if record.ref.kind is Kind.company:
        return _company_of(record)
    if not record.email.strip():
        return "no_email"
    try:
        prospect = from_parts(email=record.email)
    except DisposableAddress:
        return "disposable"
    except InvalidProspect:
        return "invalid_email"
    if prospect.address_class in {AddressClass.free_mail, AddressClass.role}:
        return str(prospect.address_class.value)
    return _with(record, prospect)


def _with(record: CrmRecord, prospect: Prospect) -> Prospect:
    """Add the name that a record has, where it can be read."""
    try:
        return from_parts(email=record.email, name=record.name or None)
    except InvalidProspect:
        return prospect


def _company_of(record: CrmRecord) -> Prospect | str:
    if not record.domain.strip():
        return "no_domain"
    try:
        return from_parts(domain=record.domain)
    except InvalidProspect:
        return "invalid_domain"
