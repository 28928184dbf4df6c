"""Erasing a person, and showing what is kept about one."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, String, cast, delete, func, or_, select, update
from sqlmodel import SQLModel, col

from app import crm_store, feedback
from app.backlog import ENDED, WAITING
from app.delivery import Address
from app.digest import digest
from app.facts import Json
from app.prospect import Prospect
from app.rows import put_new
from app.tables import (
    Asked,
    Attempt,
    BatchAsk,
    BatchRow,
    Coverage,
    Event,
    Feedback,
    Idempotent,
    Job,
    KnownFact,
    Message,
    Outbox,
    OutboxTry,
    Posted,
    Recipient,
)

ERASED = "erased"

OURS = frozenset({"caller_id", "card_token", "owner"})
"""Columns of a job that say nothing about the person: who else asked, and the key to a page."""


def forget(db: Connection, prospect: Prospect) -> dict[str, int]:
    """Delete everything about a person; return how many rows of each kind went.

    The ledger keeps what was spent, without whom it was about. Facts about the person's company
    stay, but not those that name the person.
    """
    key = prospect.key
    marks = _marks(db, prospect)
    jobs = _about_or_naming(db, prospect, marks)
    deliveries = [row.id for row in _where(db, Outbox, "job_id", jobs)]
    counts = {
        "facts": _drop_facts(db, prospect, marks),
        "coverage": db.execute(delete(Coverage).where(col(Coverage.subject) == key)).rowcount,
        "attempts": db.execute(
            update(Attempt).where(_asked_about(prospect, jobs)).values(answer_key=ERASED, job_id="")
        ).rowcount,
        "deliveries": _drop(db, Outbox, "id", deliveries),
        "jobs": _drop(db, Job, "id", jobs),
        "batch_rows": _drop_asks(db, prospect, marks),
    }
    _drop(db, OutboxTry, "delivery_id", deliveries)
    _drop(db, Message, "ref", [*jobs, *deliveries])
    feedback.forget(db, prospect)
    for table in (Event, Asked, Recipient, Idempotent, Feedback):
        _drop(db, table, "job_id", jobs)
    crm_store.hush(db, person=digest(key))
    in_batches = update(BatchRow).where(col(BatchRow.job_id).in_(jobs))
    db.execute(in_batches.values(job_id=None, problem=ERASED))
    return counts


def shown_at(db: Connection, prospect: Prospect) -> list[Address]:
    """Return where channels show, or may show, a card that `forget` deletes."""
    jobs = _about_or_naming(db, prospect, _marks(db, prospect))
    return [Address(row.channel, row.target) for row in _where(db, Posted, "job_id", jobs)]


def _drop_asks(db: Connection, prospect: Prospect, marks: Sequence[str]) -> int:
    """Empty the rows of batches that name the person; nobody asks for them any more."""
    named = col(BatchAsk.prospect_key) == prospect.key
    waiting = db.execute(select(BatchAsk).where(named, col(BatchAsk.state) == WAITING)).all()
    rows = [
        {"batch_id": one.batch_id, "position": one.position, "problem": ERASED} for one in waiting
    ]
    for row in rows:
        put_new(db, BatchRow, {**row, "pays": False})
    gone: dict[str, Any] = {"prospect": None, "prospect_key": ERASED, "cells": [], "unheard": ""}
    ended = update(BatchAsk).where(named, col(BatchAsk.state) == WAITING)
    db.execute(ended.values(state=ENDED, **gone))
    told = db.execute(update(BatchAsk).where(named).values(**gone)).rowcount
    holds = _holds(col(BatchAsk.cells), marks)
    beside = db.execute(update(BatchAsk).where(holds).values(cells=[])).rowcount
    return len(rows) + told + beside


def drop_facts(db: Connection, prospect: Prospect) -> int:
    """Delete the facts about a person, and those about the company that name the person."""
    return _drop_facts(db, prospect, _marks(db, prospect))


def export(db: Connection, prospect: Prospect) -> dict[str, Json]:
    """Return everything that is kept about a person."""
    jobs = _jobs(db, prospect.key)
    key = prospect.key
    facts = db.execute(select(KnownFact).where(_about(prospect, _marks(db, prospect)))).all()
    asked = _asked_about(prospect, [row.id for row in jobs])
    attempts = db.execute(select(Attempt).where(asked)).all()
    written = crm_store.writes_about(db, digest(prospect.key))
    return {
        "prospect": key,
        "facts": [_plain(row) for row in facts],
        "attempts": [_plain(row) for row in attempts],
        "crm_writes": [_plain(row) for row in written],
        "jobs": [{k: v for k, v in _plain(row).items() if k not in OURS} for row in jobs],
        "batch_rows": [list(row.cells) for row in _where(db, BatchAsk, "prospect_key", [key])],
    }


def _about_or_naming(db: Connection, prospect: Prospect, marks: Sequence[str]) -> list[str]:
    """Return the jobs about a person, and those whose card names the person."""
    return [row.id for row in [*_jobs(db, prospect.key), *_cards_naming(db, prospect, marks)]]


def _jobs(db: Connection, key: str) -> Sequence[Row[Any]]:
    return db.execute(select(Job).where(col(Job.prospect_key) == key)).all()


def _marks(db: Connection, prospect: Prospect) -> list[str]:
    """Return what a text would hold that is about the person: the address, the names found."""
    named = select(col(KnownFact.value)).where(
        col(KnownFact.subject) == prospect.key,
        col(KnownFact.field) == "person.full_name",
        ~col(KnownFact.inferred),
    )
    address = prospect.known.email or prospect.key
    return [address.casefold(), *{_mark(str(name)) for name in db.execute(named).scalars()}]


def _mark(name: str) -> str:
    """Return how a name is looked for; a single word only as a whole value.

    A provider may call somebody `A`: that must not make everything with an a in it theirs.
    """
    return name.casefold() if len(name.split()) > 1 else f'"{name.casefold()}"'


def _about(prospect: Prospect, marks: Sequence[str]) -> Any:
    """Match facts kept under the person, and facts elsewhere that name the person."""
    return or_(col(KnownFact.subject) == prospect.key, _holds(col(KnownFact.value), marks))


def _drop_facts(db: Connection, prospect: Prospect, marks: Sequence[str]) -> int:
    """Delete facts about the person; those about the company lose only how they were asked for."""
    dropped = db.execute(delete(KnownFact).where(_about(prospect, marks))).rowcount
    asked = col(KnownFact.answer_key).contains(marks[0], autoescape=True)
    keys = db.execute(select(col(KnownFact.answer_key)).where(asked).distinct()).scalars().all()
    for key in keys:
        same = col(KnownFact.answer_key) == key
        db.execute(update(KnownFact).where(same).values(answer_key=f"{ERASED}|{digest(key)}"))
    return dropped


def _cards_naming(db: Connection, prospect: Prospect, marks: Sequence[str]) -> Any:
    """Return jobs about the company or colleagues whose card names the person."""
    return db.execute(
        select(Job).where(
            col(Job.company_key) == prospect.company_key,
            col(Job.prospect_key) != prospect.key,
            col(Job.finished_at).is_not(None),
            _holds(col(Job.result), marks),
        )
    ).all()


def _holds(column: Any, marks: Sequence[str]) -> Any:
    text = func.lower(cast(column, String))
    return or_(*(text.contains(mark, autoescape=True) for mark in marks))


def _asked_about(prospect: Prospect, jobs: Sequence[str]) -> Any:
    address = (prospect.known.email or "").casefold()
    asked = col(Attempt.answer_key).contains(address, autoescape=True)
    return or_(col(Attempt.job_id).in_(jobs), asked)


def _where(db: Connection, table: type[SQLModel], column: str, values: Sequence[str]) -> Any:
    return db.execute(select(table).where(getattr(table, column).in_(values))).all()


def _drop(db: Connection, table: type[SQLModel], column: str, values: Sequence[str]) -> int:
    return db.execute(delete(table).where(getattr(table, column).in_(values))).rowcount


def _plain(row: Row[Any]) -> dict[str, Json]:
    return {
        name: value.isoformat() if hasattr(value, "isoformat") else value
        for name, value in row._mapping.items()
    }
