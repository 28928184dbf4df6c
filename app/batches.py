"""Batches: many prospects asked for at once."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection

from app import backlog, shelf
from app.errors import InvalidProspect, InvalidRequest, NotFound, QuotaExceeded
from app.front import OPERATOR, Front
from app.job import FOUND, Priority
from app.tables import Batch
from app.tables import BatchRow as Row
from app.views import NOTHING_YET, Ask, BatchRow, BatchView, Caller, JobView, job_view, run_view

ASKS = 100
"""At most so many asks are a batch."""

CHUNK = 25
"""So many asks share a commit: other writes get in between, and a caller's usage is never locked
for as long as another process waits for it (LOCK_MS in app/dialect.py)."""

ORDER = "ask:"
"""Asks of a batch are written in their own order: its first rows get what is left of a quota."""

Request = Callable[[Connection, Ask], JobView]


@dataclass(frozen=True, slots=True, kw_only=True)
class Batches(Front):
    """The verbs around batches."""

    def batch_view(
        self, caller: Caller, batch_id: str, *, offset: int = 0, limit: int = ASKS
    ) -> BatchView:
        """Return how far a batch of the caller is, with `limit` rows from position `offset` on.

        Raises NotFound.
        """

        def found(db: Connection) -> BatchView:
            row = shelf.batch(db, batch_id)
            if row is None or caller.id not in {OPERATOR, row.caller_id}:
                raise NotFound(f"There is no batch {batch_id[:64]} of yours.")
            if run := backlog.run(db, batch_id):
                return _large(db, row, run, offset, limit)
            sums = shelf.batch_sums(db, batch_id, FOUND)
            rows = _rows(db, batch_id, offset, limit)
            return BatchView(
                row.id, row.created_at, rows, sums.matched, sums.ended, row.total, sums.spent
            )

        return self.database.read(found)

    def _begin(self, caller: Caller, asks: Sequence[Ask | None], request: Request) -> BatchView:
        """Keep a batch and ask for all its prospects; they share a few commits."""
        if not 0 < len(asks) <= ASKS:
            raise InvalidRequest(f"A batch is of 1 to {ASKS} prospects.")
        batch = Batch(
            id=f"batch_{uuid4().hex}", caller_id=caller.id, total=len(asks), created_at=self.now()
        )
        unread = [
            Row(batch_id=batch.id, position=at, problem=InvalidProspect.code)
            for at, ask in enumerate(asks)
            if ask is None
        ]
        self.database.write(partial(_open, batch=batch, unread=unread)).result()
        works = [
            partial(_answer, request=request, batch_id=batch.id, ask=ask, positions=places)
            for ask, places in _distinct(asks).items()
        ]
        for start in range(0, len(works), CHUNK):
            asked = [self.database.write(work, ORDER) for work in works[start : start + CHUNK]]
            for one in asked:
                one.result()
        return self.batch_view(caller, batch.id)


def _open(db: Connection, batch: Batch, unread: Sequence[Row]) -> None:
    shelf.add_batch(db, batch)
    if unread:
        shelf.add_rows(db, unread)


def _distinct(asks: Sequence[Ask | None]) -> dict[Ask, list[int]]:
    """Return every ask once, as one that nobody waits for, with the positions that it has.

    A mailbox that is spelled in two ways is one prospect.
    """
    spelled: dict[str, Ask] = {}
    places: dict[Ask, list[int]] = {}
    for position, ask in enumerate(asks):
        if ask is None:
            continue
        first = spelled.setdefault(ask.prospect.key, ask)
        priority = min(ask.priority, Priority.batch)
        one = replace(ask, prospect=first.prospect, priority=priority)
        places.setdefault(one, []).append(position)
    return places


def _answer(
    db: Connection, request: Request, batch_id: str, ask: Ask, positions: Sequence[int]
) -> None:
    """Ask for one prospect and note in the same commit what became of it."""
    try:
        view = request(db, ask)
    except (InvalidRequest, QuotaExceeded) as exc:
        rows = [Row(batch_id=batch_id, position=at, problem=exc.code) for at in positions]
    else:
        rows = [row_of(batch_id, at, view) for at in positions]
        rows[0].pays = not (view.joined or view.is_final)
    shelf.add_rows(db, rows)


def row_of(batch_id: str, position: int, view: JobView) -> Row:
    """Return what became of an ask that was answered with this job."""
    served_from = view.served_from if view.is_final else None
    return Row(batch_id=batch_id, position=position, job_id=view.id, served_from=served_from)


def _rows(db: Connection, batch_id: str, offset: int, limit: int) -> list[BatchRow]:
    rows = shelf.batch_rows(db, batch_id, offset, limit)
    jobs = shelf.jobs(db, {row.job_id for row in rows if row.job_id})
    return [
        BatchRow(row.position, _job_of(row, jobs[row.job_id]) if row.job_id else None, row.problem)
        for row in rows
    ]


def _large(db: Connection, batch: Any, run: Any, offset: int, limit: int) -> BatchView:
    """Return a large batch; a row that nobody has asked for yet is there too."""
    last = min(offset + limit, batch.total)
    known = {row.position: row for row in _rows(db, batch.id, offset, limit)} if limit else {}
    given = backlog.asks(db, batch.id, offset, last) if limit else {}
    rows = [
        replace(
            known.get(at, BatchRow(at, None)), cells=tuple(given[at].cells) if at in given else ()
        )
        for at in range(offset, last)
    ]
    sums = backlog.sums(db, batch.id)
    spent = run.spent + backlog.spent_now(db, batch.id)
    problems = shelf.batch_problems(db, batch.id)
    shown = run_view(run, sums.mailboxes, sums.verified, problems)
    return BatchView(
        batch.id, batch.created_at, rows, sums.matched, sums.ended, batch.total, spent, shown
    )


def _job_of(row: Any, job: Any) -> JobView:
    if job.finished_at is None:
        return job_view(job, NOTHING_YET)
    view = job_view(job, job.result or {})
    return replace(view, served_from=row.served_from) if row.served_from else view
