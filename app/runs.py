"""Large batches: taken in as a whole, then asked for by the workers, a few rows at a time.

Nothing of a run is in a process alone: each step is one commit, so whichever worker comes next
goes on where the last one was. When all rows have ended, those for which a provider gave no answer
are asked for once more, with the providers that can be asked then.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from secrets import token_urlsafe
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection

from app import backlog, callers, ledger, outbox, partners, shelf, store
from app.assembly import FAILED, OVER_BUDGET
from app.batches import CHUNK, ORDER, Batches, row_of
from app.courier import announce, new_delivery
from app.delivery import BATCH_COMPLETED, BATCH_PROGRESSED, BATCH_STARTED, Address
from app.errors import (
    IdempotencyMismatch,
    InvalidRequest,
    NotFound,
    QuotaExceeded,
    Unauthorized,
)
from app.facts import Section
from app.front import month
from app.job import FOUND, Priority, Status
from app.prospect import Prospect
from app.provider import Outcome
from app.sheet import MOST_ROWS
from app.tables import Batch, BatchAsk, BatchRun, Idempotent
from app.tables import BatchRow as Row
from app.views import (
    SCOPES,
    Ask,
    BatchOrder,
    BatchView,
    Caller,
    Idempotency,
    JobView,
    caller_view,
)

STEP = 500
"""So many rows are stored in one commit: some 20 ms, in which nobody else writes."""

PATIENCE = timedelta(minutes=5)
"""The second pass waits this long at most for providers that ask for a pause."""

QUARTER = 25  # percent: whoever follows a batch hears of each

BROKE = Status.budget_exhausted.value
"""The problem of a row that was not asked for: max_credits of the batch were spent."""


@dataclass(frozen=True, slots=True)
class Asking:
    """How a row is asked for, as by `Intake.request`, and the most that could ever cost."""

    request: Callable[[Caller, Connection, Ask], JobView]
    most: Callable[[Connection, Ask], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Runs(Batches):
    """The verbs around large batches."""

    def take_in(
        self, caller: Caller, order: BatchOrder, idempotency: Idempotency | None = None
    ) -> BatchView:
        """Store a large batch; the workers ask for its rows. Returns it without rows.

        Raises InvalidRequest when there are no rows or more than MOST_ROWS, and
        IdempotencyMismatch when the key came with another body.
        """
        lines = order.sheet.lines
        if not 0 < len(lines) <= MOST_ROWS:
            raise InvalidRequest(f"A batch is of 1 to {MOST_ROWS:,} rows.")
        if known := self.database.read(partial(self._known, caller=caller, key=idempotency)):
            return self.batch_view(caller, known, limit=0)
        batch = Batch(
            id=f"{backlog.PREFIX}{uuid4().hex}",
            caller_id=caller.id,
            total=len(lines),
            created_at=self.now(),
        )
        self.database.write(partial(_added, batch=batch, order=order)).result()
        for start in range(0, len(lines), STEP):
            places = range(start, len(lines))[:STEP]
            asks = [_given(batch.id, at, order) for at in places]
            unread = {at: problem for at in places if (problem := lines[at].problem)}
            self.database.write(partial(_stored, asks=asks, problems=unread)).result()
        begin = partial(self._opened, caller=caller, batch=batch, key=idempotency)
        return self.batch_view(caller, self.database.write(begin).result(), limit=0)

    def _known(self, db: Connection, caller: Caller, key: Idempotency | None) -> str | None:
        """Return the batch that an Idempotency-Key has begun."""
        known = callers.idempotent(db, caller.id, key.key, self.now()) if key else None
        if known is None or key is None:
            return None
        if known.digest != key.digest:
            raise IdempotencyMismatch(
                "This Idempotency-Key came with another body in the last 24 h; use a new one."
            )
        return str(known.job_id)

    def _opened(self, db: Connection, caller: Caller, batch: Batch, key: Idempotency | None) -> str:
        """Let the workers begin; of two that came with one key the first is the batch."""
        now = self.now()
        if known := self._known(db, caller, key):
            return known
        if key:
            row = {"caller_id": caller.id, "key": key.key, "digest": key.digest}
            callers.remember(db, Idempotent(**row, job_id=batch.id, created_at=now))
        backlog.change(db, batch.id, state=backlog.FIRST, due_at=now)
        self._tell(db, batch.id, caller.id, BATCH_STARTED)
        return batch.id

    def batch_of_file(self, token: str) -> tuple[Caller, str]:
        """Return the batch behind the link of a file, and whose it is. Raises NotFound."""

        def found(db: Connection) -> tuple[Caller, str]:
            run = backlog.run_by_token(db, token)
            batch = shelf.batch(db, run.batch_id) if run else None
            if batch is None:
                raise NotFound("There is no such file (any more).")
            return Caller(batch.caller_id, "", frozenset()), str(batch.id)

        return self.database.read(found)

    def send_once(self, caller: Caller, to: Address, event: str, mark: str) -> None:
        """Put something for a channel to do into the outbox, once for each mark."""
        delivery = new_delivery(None, event, caller.id, to, self.now())
        delivery.id = f"msg_{mark}"

        def sent(db: Connection) -> None:
            if outbox.row(db, delivery.id) is None:
                announce(db, self.tasks, delivery)

        self.database.write(sent).result()

    # --- what a worker does ---

    def _feed(self, at_once: int, asking: Asking) -> bool:
        has_moved, batches = False, self.database.read(backlog.open_runs)
        if not batches:
            return False
        since = self.now() - self.silence
        workers = self.database.read(lambda db: store.alive(db, store.WORKERS, since))
        room = max(1, at_once * max(1, workers) // len(batches))
        for batch_id in batches:
            step = partial(self._step, batch_id=batch_id, room=room, asking=asking)
            has_moved |= self.database.write(step, ORDER).result()
        return has_moved

    def _step(self, db: Connection, batch_id: str, room: int, asking: Asking) -> bool:
        """Note what has ended and ask for what comes next; False when all there is waits."""
        run, batch = backlog.held(db, batch_id), shelf.batch(db, batch_id)
        if run is None or batch is None:
            return False
        if noted := _note(db, run):
            self._tell_progress(db, run, batch)
        if self.now() < run.due_at <= self.now() + PATIENCE:  # later: a clock was set back
            return noted > 0
        if self._ask_next(db, batch, room, asking) or noted:
            return True
        if backlog.waiting(db, batch_id, 1) or backlog.under_way(db, batch_id)[0]:
            return False
        self._turn(db, run, batch)
        return True

    def _ask_next(self, db: Connection, batch: Any, room: int, asking: Asking) -> int:
        """Ask for the next rows while there is room and credit; return how many."""
        run = backlog.run(db, batch.id)
        live, reserved = backlog.under_way(db, batch.id)
        waiting = backlog.waiting(db, batch.id, max(0, min(CHUNK, room - live)))
        if run is None or not waiting:
            return 0
        step = _Step(db, run, asking, _caller(db, batch.caller_id), reserved)
        asked: set[int] = set()
        for row in waiting:
            if row.position in asked:
                continue
            places = backlog.alike(db, batch.id, row.prospect_key)
            if not step.ask(row, places):
                break
            asked.update(places)
        return len(asked)

    def _turn(self, db: Connection, run: Any, batch: Any) -> None:
        """End a pass: some rows are asked for once more, or all is over."""
        if run.state == backlog.FIRST:
            chosen, due_at = self._hopeful(db, run.batch_id)
            if chosen:
                backlog.set_state(db, run.batch_id, chosen, backlog.WAITING)
                change = {"state": backlog.SECOND, "again": len(chosen), "due_at": due_at}
                backlog.change(db, run.batch_id, **change)
                return
        backlog.change(db, run.batch_id, state=backlog.OVER, ended_at=self.now())
        self._tell(db, run.batch_id, batch.caller_id, BATCH_COMPLETED)

    def _hopeful(self, db: Connection, batch_id: str) -> tuple[list[int], datetime]:
        """Return the rows that a provider gave no answer for which may be asked soon, and when."""
        now, unheard = self.now(), backlog.unheard(db, batch_id)
        free = {name: self._free_at(db, name) for names in unheard.values() for name in names}
        soon = {name: at for name, at in free.items() if at <= now + PATIENCE}
        chosen = [position for position, names in unheard.items() if names & soon.keys()]
        return chosen, max(soon.values(), default=now)

    def _free_at(self, db: Connection, provider: str) -> datetime:
        """Return when a provider may be asked again."""
        health = ledger.health(db, provider)
        pauses = (health.opened_until, health.disabled_until, health.not_before)
        return max(filter(None, (self.now(), *pauses)))

    # --- who hears of it ---

    def _tell_progress(self, db: Connection, run: Any, batch: Any) -> None:
        if not any(to["followed"] for to in run.told) or run.told_percent >= 100 - QUARTER:
            return
        percent = 100 * backlog.sums(db, batch.id).ended // batch.total
        quarter = percent - percent % QUARTER
        if run.told_percent < quarter < 100:
            backlog.change(db, batch.id, told_percent=quarter)
            self._tell(db, batch.id, batch.caller_id, BATCH_PROGRESSED)

    def _tell(self, db: Connection, batch_id: str, caller_id: str, event: str) -> None:
        run = backlog.run(db, batch_id)
        told = [
            Address(to["channel"], to["target"])
            for to in (run.told if run else ())
            if to["followed"] or event == BATCH_COMPLETED
        ]
        hooked = partners.hooks_for(db, caller_id, event)
        for to in [*told, *(Address(partners.HOOK, hook.target) for hook in hooked)]:
            announce(db, self.tasks, new_delivery(batch_id, event, caller_id, to, self.now()))


class _Step:
    """Asks for rows of one batch in one commit, within its credits."""

    def __init__(
        self,
        db: Connection,
        run: Any,
        asking: Asking,
        caller: Caller | None,
        reserved: float,
    ) -> None:
        self._db, self._run, self._asking, self._caller = db, run, asking, caller
        self._reserved = reserved

    def ask(self, row: Any, places: Sequence[int]) -> bool:
        """Ask for all rows alike. False: not before jobs under way have given credit back."""
        bound, ask = None, _ask_of(self._run, row)
        try:
            if self._caller is None:
                raise Unauthorized("The key was revoked.")
            if self._run.max_credits is not None:
                bound = self._bound(ask)
                if bound is None and self._reserved:
                    return False
                if bound is None:
                    return self._refuse(places, BROKE)
                ask = replace(ask, max_credits=bound, renews=False)
            view = self._asking.request(self._caller, self._db, ask)
        except (InvalidRequest, QuotaExceeded, Unauthorized) as exc:
            return self._refuse(places, exc.code)
        self._asked(row, places, view, bound)
        return True

    def _bound(self, ask: Ask) -> float | None:
        """Return what a job may spend; None when too little is left for now."""
        most = self._asking.most(self._db, ask)
        left = self._run.max_credits - self._run.spent - self._reserved
        if most <= left:
            return most
        return left if left > 0 and not self._reserved else None

    def _asked(self, row: Any, places: Sequence[int], view: JobView, bound: float | None) -> None:
        rows = [row_of(self._run.batch_id, at, view) for at in places]
        rows[0].pays = not (view.joined or view.is_final)
        backlog.put_rows(self._db, rows)
        backlog.set_state(self._db, self._run.batch_id, places, backlog.ASKED, bound=None)
        if rows[0].pays and bound is not None:
            self._reserved += bound
            first = [places[0]]
            backlog.set_state(self._db, self._run.batch_id, first, backlog.ASKED, bound=bound)
        if rows[0].pays and row.status in FOUND:  # it was charged for in the first pass
            whose, used_in = self._caller, month(view.created_at)
            assert whose is not None  # who has no key any more is not asked for
            callers.charge_later(self._db, whose.id, used_in, used=-1)

    def _refuse(self, places: Sequence[int], problem: str) -> bool:
        """Write down why rows are not asked for; what they came to in the first pass stays."""
        if self._run.state == backlog.FIRST:
            batch_id = self._run.batch_id
            rows = [Row(batch_id=batch_id, position=at, problem=problem) for at in places]
            backlog.put_rows(self._db, rows)
        backlog.set_state(self._db, self._run.batch_id, places, backlog.ENDED)
        return True


def _added(db: Connection, batch: Batch, order: BatchOrder) -> None:
    sheet = order.sheet
    shelf.add_batch(db, batch)
    run = BatchRun(
        batch_id=batch.id,
        terms={
            "sections": sorted(order.sections) if order.sections else None,
            "wanted": sorted(order.wanted) if order.wanted else None,
            "refresh": order.refresh,
        },
        sheet={
            "columns": list(sheet.columns),
            "delimiter": sheet.delimiter,
            "has_bom": sheet.has_bom,
            "notes": list(sheet.notes),
        },
        told=[
            {"channel": to.channel, "target": to.target, "followed": to.followed}
            for to in order.notify
        ],
        max_credits=order.max_credits,
        tallies={},
        file_token=token_urlsafe(24),
    )
    backlog.add(db, run)


def _given(batch_id: str, position: int, order: BatchOrder) -> BatchAsk:
    line = order.sheet.lines[position]
    return BatchAsk(
        batch_id=batch_id,
        position=position,
        state=backlog.WAITING if line.prospect else backlog.ENDED,
        prospect_key=line.prospect.key if line.prospect else "",
        prospect=line.prospect.to_json() if line.prospect else None,
        cells=list(line.cells),
    )


def _stored(db: Connection, asks: Sequence[BatchAsk], problems: Mapping[int, str]) -> None:
    backlog.add_asks(db, asks)
    unread = [
        Row(batch_id=ask.batch_id, position=ask.position, problem=problems[ask.position])
        for ask in asks
        if ask.position in problems
    ]
    if unread:
        shelf.add_rows(db, unread)


def _caller(db: Connection, caller_id: str) -> Caller | None:
    """Return whose batch it is; None when the key was revoked. A workspace has no key."""
    row = callers.key_row(db, caller_id)
    if row is None:
        return Caller(caller_id, caller_id, SCOPES)
    return None if row.revoked_at else caller_view(row)


def _ask_of(run: Any, row: Any) -> Ask:
    """Return the ask for a row. The second pass asks only those who gave no answer."""
    terms = run.terms
    return Ask(
        prospect=Prospect.from_json(row.prospect),
        sections=frozenset(map(Section, terms["sections"])) if terms["sections"] else None,
        wanted=frozenset(terms["wanted"]) if terms["wanted"] else None,
        refresh=terms["refresh"] and run.state == backlog.FIRST,
        priority=Priority.batch,
    )


# --- how a row has ended ---


def _note(db: Connection, run: Any) -> int:
    """Note how rows have ended: what they cost, and who knew them; return how many."""
    ended = backlog.over(db, run.batch_id, CHUNK)
    if not ended:
        return 0
    spent, gained = run.spent, run.gained
    tallies = {name: list(pair) for name, pair in run.tallies.items()}
    for row in ended:
        attempts = (row.result or {}).get("attempts", ()) if not row.served_from else ()
        if row.pays:
            _count(tallies, attempts, frozenset(row.unheard.split(",")) if row.before else None)
        if row.pays or row.status is None:  # of a job that is gone the most it could cost
            spent += row.credits_spent if row.status else row.bound or 0.0
        gained += run.state == backlog.SECOND and _is_more(row.before, row.status)
        told = {"status": row.status, "mailbox": _mailbox(row.result), "bound": None}
        told["unheard"] = ",".join(sorted(_unheard(attempts)))
        backlog.set_state(db, run.batch_id, [row.position], backlog.ENDED, **told)
    backlog.change(db, run.batch_id, spent=spent, gained=gained, tallies=tallies)
    return len(ended)


def _is_more(before: str | None, after: str | None) -> bool:
    """Tell whether a row has come to more than before."""
    if before in FOUND:
        return before == Status.partial and after == Status.complete
    return after in FOUND


def _mailbox(result: Mapping[str, Any] | None) -> str | None:
    """Return what is known of the person's address; None when there is none."""
    email = ((result or {}).get("card", {}).get("person") or {}).get("email")
    return str(email.get("status") or "unknown") if email else None


def _count(
    tallies: dict[str, list[int]],
    attempts: Iterable[Mapping[str, Any]],
    unheard: frozenset[str] | None,
) -> None:
    """Add who was asked about a row, and who knew; in the second pass only who was not heard."""
    asked = [one for one in attempts if one["detail"] != OVER_BUDGET]
    knew = {one["provider"] for one in asked if one["outcome"] == Outcome.matched}
    for name in {one["provider"] for one in asked}:
        pair = tallies.setdefault(name, [0, 0])
        pair[0] += unheard is None
        pair[1] += name in knew and (unheard is None or name in unheard)


def _unheard(attempts: Iterable[Mapping[str, Any]]) -> set[str]:
    """Return the providers that gave no answer, nor any later on in the same job."""
    last = {(one["section"], one["provider"]): one for one in attempts}
    return {name for (_, name), one in last.items() if _is_open(one)}


def _is_open(attempt: Mapping[str, Any]) -> bool:
    if attempt["outcome"] == Outcome.skipped:
        return bool(attempt["detail"] != OVER_BUDGET)
    return attempt["outcome"] in FAILED
