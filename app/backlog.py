"""What large batches still want, and what became of it: every query over their runs and asks."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, and_, case, delete, func, insert, or_, select, update
from sqlmodel import col

from app.job import FOUND, LIVE
from app.tables import IS_OPEN, Batch, BatchAsk, BatchRow, BatchRun, Job
from app.wire import iso

TAKING_IN, FIRST, SECOND, OVER = "taking_in", "first_pass", "second_pass", "ended"
"""States of a run: its rows are being stored; asked for; some asked for again; all have ended."""

WAITING, ASKED, ENDED = "waiting", "asked", "ended"
"""States of one of its rows."""

VERIFIED = "verified"

PREFIX = "batch_"
"""How the id of a batch begins: deliveries name jobs and batches in one column."""

BOUGHT = ("provider", "asked", "matched")

# --- runs ---


def add(db: Connection, run: BatchRun) -> None:
    """Insert a run that has no rows yet."""
    db.execute(insert(BatchRun).values(run.model_dump()))


def run(db: Connection, batch_id: str) -> Row[Any] | None:
    """Return one run; None when the batch is none of a large one."""
    return db.execute(select(BatchRun).where(col(BatchRun.batch_id) == batch_id)).one_or_none()


def run_by_token(db: Connection, token: str) -> Row[Any] | None:
    """Return the run whose file has this token."""
    return db.execute(select(BatchRun).where(col(BatchRun.file_token) == token)).one_or_none()


def held(db: Connection, batch_id: str) -> Row[Any] | None:
    """Return a run that is open, and keep others from it; None when somebody else holds it."""
    found = select(BatchRun).where(col(BatchRun.batch_id) == batch_id, IS_OPEN)
    return db.execute(found.with_for_update(skip_locked=True)).one_or_none()


def open_runs(db: Connection) -> list[str]:
    """Return the batches that are under way, the oldest first."""
    batches = select(col(Batch.id)).join(BatchRun, col(BatchRun.batch_id) == col(Batch.id))
    return list(db.execute(batches.where(IS_OPEN).order_by(col(Batch.created_at))).scalars())


def change(db: Connection, batch_id: str, **values: object) -> None:
    """Change a run: its version is one higher then."""
    mine = update(BatchRun).where(col(BatchRun.batch_id) == batch_id)
    db.execute(mine.values(version=col(BatchRun.version) + 1, **values))


# --- rows ---


def add_asks(db: Connection, asks: Sequence[BatchAsk]) -> None:
    """Insert rows as they were given."""
    db.execute(insert(BatchAsk), [ask.model_dump() for ask in asks])


def asks(db: Connection, batch_id: str, first: int, last: int) -> Mapping[int, Row[Any]]:
    """Return the rows from position `first` up to but not including `last`, by position."""
    position = col(BatchAsk.position)
    mine = (col(BatchAsk.batch_id) == batch_id, position >= first, position < last)
    return {row.position: row for row in db.execute(select(BatchAsk).where(*mine))}


def waiting(db: Connection, batch_id: str, limit: int) -> Sequence[Row[Any]]:
    """Return rows that nobody has asked for yet, in their order."""
    mine = (*_of(batch_id), col(BatchAsk.state) == WAITING)
    order = select(BatchAsk).where(*mine).order_by(col(BatchAsk.position))
    return db.execute(order.limit(limit)).all()


def alike(db: Connection, batch_id: str, prospect_key: str) -> list[int]:
    """Return the positions of the waiting rows that name this prospect."""
    same = (*_of(batch_id), col(BatchAsk.prospect_key) == prospect_key)
    found = select(col(BatchAsk.position)).where(*same, col(BatchAsk.state) == WAITING)
    return sorted(db.execute(found).scalars())  # in SQL the order would have all rows looked at


def under_way(db: Connection, batch_id: str) -> tuple[int, float]:
    """Return how many rows are asked for now, and what their jobs may spend at most."""
    sums = select(func.count(), func.coalesce(func.sum(col(BatchAsk.bound)), 0.0))
    found: Any = db.execute(sums.where(*_of(batch_id), col(BatchAsk.state) == ASKED)).one()
    return found[0], float(found[1])


def set_state(
    db: Connection, batch_id: str, positions: Collection[int], state: str, **values: object
) -> None:
    """Move rows to a state."""
    mine = (*_of(batch_id), col(BatchAsk.position).in_(sorted(positions)))
    db.execute(update(BatchAsk).where(*mine).values(state=state, **values))


def put_rows(db: Connection, rows: Sequence[BatchRow]) -> None:
    """Note what became of rows, in place of what became of them before."""
    positions = [row.position for row in rows]
    same = (col(BatchRow.batch_id) == rows[0].batch_id, col(BatchRow.position).in_(positions))
    db.execute(delete(BatchRow).where(*same))
    db.execute(insert(BatchRow), [row.model_dump() for row in rows])


def over(db: Connection, batch_id: str, limit: int) -> Sequence[Row[Any]]:
    """Return rows that were asked for and whose jobs have ended, or are gone."""
    columns: Any = (
        col(BatchAsk.position),
        col(BatchAsk.status).label("before"),
        col(BatchAsk.bound),
        col(BatchAsk.unheard),
        col(BatchRow.pays),
        col(BatchRow.served_from),
        col(Job.status),
        col(Job.credits_spent),
        col(Job.result),
    )
    same = and_(
        col(BatchRow.batch_id) == col(BatchAsk.batch_id),
        col(BatchRow.position) == col(BatchAsk.position),
    )
    found = (
        select(*columns)
        .select_from(BatchAsk)
        .outerjoin(BatchRow, same)
        .outerjoin(Job, col(Job.id) == col(BatchRow.job_id))
        .where(*_of(batch_id), col(BatchAsk.state) == ASKED)
        .where(or_(col(Job.status).is_(None), col(Job.status).not_in(sorted(LIVE))))
    )
    return db.execute(found.order_by(col(BatchAsk.position)).limit(limit)).all()


def unheard(db: Connection, batch_id: str) -> dict[int, frozenset[str]]:
    """Return the rows for which some providers gave no answer, with these."""
    lacking = (*_of(batch_id), col(BatchAsk.state) == ENDED, col(BatchAsk.unheard) != "")
    found = db.execute(select(col(BatchAsk.position), col(BatchAsk.unheard)).where(*lacking))
    return {row.position: frozenset(row.unheard.split(",")) for row in found}


def sums(db: Connection, batch_id: str) -> Any:
    """Return how many rows `matched` and `ended`, have `mailboxes`, and `verified` ones."""
    status, mailbox = col(BatchAsk.status), col(BatchAsk.mailbox)
    has_ended = or_(col(BatchAsk.state) == ENDED, status.is_not(None))
    return db.execute(
        select(
            func.count(case((status.in_(sorted(FOUND)), 1))).label("matched"),
            func.count(case((has_ended, 1))).label("ended"),
            func.count(mailbox).label("mailboxes"),
            func.count(case((mailbox == VERIFIED, 1))).label("verified"),
        ).where(*_of(batch_id))
    ).one()


def spent_now(db: Connection, batch_id: str) -> float:
    """Return what the jobs under way have spent so far."""
    same = and_(
        col(BatchRow.batch_id) == col(BatchAsk.batch_id),
        col(BatchRow.position) == col(BatchAsk.position),
    )
    live = (*_of(batch_id), col(BatchAsk.state) == ASKED, col(BatchRow.pays))
    found = (
        select(func.coalesce(func.sum(col(Job.credits_spent)), 0.0))
        .select_from(BatchAsk)
        .join(BatchRow, same)
        .join(Job, col(Job.id) == col(BatchRow.job_id))
        .where(*live)
    )
    return float(db.execute(found).scalar_one())


def _of(batch_id: str) -> tuple[Any, ...]:
    return (col(BatchAsk.batch_id) == batch_id,)


# --- what is told of them ---


def body_of(db: Connection, batch_id: str, base_url: str) -> dict[str, Any]:
    """Return what a delivery says about a batch; empty when there is none (any more)."""
    batch = db.execute(select(Batch).where(col(Batch.id) == batch_id)).one_or_none()
    found = run(db, batch_id)
    if batch is None or found is None:
        return {}
    counts = sums(db, batch_id)
    links = {"self": f"{base_url}/v1/batches/{batch_id}"}
    body = {
        "batch_id": batch_id,
        "status": found.state,
        "total": batch.total,
        "ended": counts.ended,
        "matched": counts.matched,
        "match_rate": round(counts.matched / max(1, batch.total), 4),
        "mailboxes": counts.mailboxes,
        "verified": counts.verified,
        "providers": [
            dict(zip(BOUGHT, (name, *pair), strict=True)) for name, pair in found.tallies.items()
        ],
        "credits_spent": round(found.spent, 4),
        "created_at": iso(batch.created_at),
        "links": links | {"csv": f"{links['self']}.csv"},
    }
    return body | ({"finished_at": iso(found.ended_at)} if found.ended_at else {})
