"""What providers were asked, what they answered, and how they are doing: every query over it."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, fields
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, or_, select, update
from sqlmodel import col

from app import tally
from app.breaker import Health
from app.facts import FIELDS, Fact
from app.provider import SETTLED, Outcome
from app.rows import put, put_new
from app.tables import Attempt, Coverage, KnownFact, ProviderHealth

_FACT = tuple(field.name for field in fields(Fact))
_HEALTH = tuple(field.name for field in fields(Health))

# --- attempts ---


def remembered(db: Connection, answer_key: str, since: datetime, job_id: str) -> Row[Any] | None:
    """Return the newest answer to this question: given after `since`, or to this very job."""
    return db.execute(
        select(Attempt)
        .where(
            col(Attempt.answer_key) == answer_key,
            or_(col(Attempt.ended_at) > since, col(Attempt.job_id) == job_id),
            col(Attempt.outcome).in_(sorted(SETTLED)),
            ~col(Attempt.cached),
        )
        .order_by(col(Attempt.ended_at).desc())
        .limit(1)
    ).one_or_none()


def begin(db: Connection, attempt: Attempt) -> bool:
    """Book a call before it is made. False means that the same question is being asked now."""
    return put_new(db, Attempt, attempt.model_dump())


def end(db: Connection, attempt: Attempt) -> None:
    """Book how a call ended, whether or not its beginning was booked."""
    put(db, Attempt, attempt.model_dump())
    if not attempt.cached:
        tally.call_ended(db, attempt)


def attempts_of(db: Connection, job_id: str) -> Sequence[Row[Any]]:
    """Return the ledger's lines of a job, oldest first; calls still in flight are not in it."""
    return db.execute(
        select(Attempt)
        .where(col(Attempt.job_id) == job_id, col(Attempt.outcome).is_not(None))
        .order_by(col(Attempt.ended_at), col(Attempt.id))
    ).all()


def interrupt(db: Connection, owner: str, now: datetime, job_id: str | None = None) -> int:
    """Close the calls in flight of `owner` (of one of its jobs alone); return how many there were.

    Their answers are lost and they may have been billed: that is said in the ledger.
    """
    lost = [col(Attempt.owner) == owner, col(Attempt.outcome).is_(None)]
    if job_id is not None:
        lost.append(col(Attempt.job_id) == job_id)
    closed = db.execute(
        update(Attempt)
        .where(*lost)
        .values(
            outcome=Outcome.provider_error,
            credits=0.0,
            detail="interrupted: the worker died while waiting; the call may have been billed",
            ended_at=now,
        )
        .returning(Attempt)
    ).all()
    for attempt in closed:
        tally.call_ended(db, attempt)
    return len(closed)


def spent_on(db: Connection, job_id: str) -> float:
    """Return what a job has cost so far, with the price of its calls in flight."""
    found = select(func.coalesce(func.sum(col(Attempt.credits)), 0.0))
    return db.execute(found.where(col(Attempt.job_id) == job_id)).scalar_one()


def owners_in_flight(db: Connection) -> list[str]:
    """Return the workers that have calls in flight."""
    found = select(col(Attempt.owner)).where(col(Attempt.outcome).is_(None)).distinct()
    return list(db.execute(found).scalars())


def tried_before(db: Connection, job_id: str, answer_key: str) -> bool:
    """Tell whether a job has asked this question already without getting an answer."""
    found = select(col(Attempt.id)).where(
        col(Attempt.job_id) == job_id,
        col(Attempt.answer_key) == answer_key,
        col(Attempt.outcome).in_([Outcome.provider_error, Outcome.rate_limited, Outcome.pending]),
    )
    return db.execute(found.limit(1)).first() is not None


# --- facts ---


def replace_facts(
    db: Connection, answer_key: str, subjects: Mapping[str, str], facts: Iterable[Fact]
) -> None:
    """Keep the facts of an answer in place of those of an older answer to the same question.

    `subjects` maps a section to the key under which its facts are kept.
    """
    db.execute(delete(KnownFact).where(col(KnownFact.answer_key) == answer_key))
    rows = [_fact_row(answer_key, subjects, fact) for fact in facts]
    if rows:
        db.execute(insert(KnownFact), rows)


def facts_about(db: Connection, subject: str, sections: Collection[str]) -> list[Fact]:
    """Return everything known about a subject in these sections."""
    rows = db.execute(
        select(KnownFact).where(
            col(KnownFact.subject) == subject, col(KnownFact.section).in_(sorted(sections))
        )
    )
    return [_fact(row) for row in rows]


def facts_of_answer(db: Connection, answer_key: str) -> list[Fact]:
    """Return the facts that the newest answer to this question gave."""
    rows = db.execute(select(KnownFact).where(col(KnownFact.answer_key) == answer_key))
    return [_fact(row) for row in rows]


def facts_of_job(db: Connection, job_id: str) -> list[Fact]:
    """Return the facts of all answers that a job has had so far, its remembered ones too."""
    keys = select(col(Attempt.answer_key)).where(
        col(Attempt.job_id) == job_id, col(Attempt.outcome) == Outcome.matched
    )
    rows = db.execute(select(KnownFact).where(col(KnownFact.answer_key).in_(keys)))
    return [_fact(row) for row in rows]


def _fact_row(answer_key: str, subjects: Mapping[str, str], fact: Fact) -> dict[str, Any]:
    section = FIELDS[fact.field].section.value
    values = {name: getattr(fact, name) for name in _FACT}
    return values | {
        "answer_key": answer_key,
        "subject": subjects[section],
        "section": section,
    }


def _fact(row: Row[Any]) -> Fact:
    return Fact(**{name: getattr(row, name) for name in _FACT})


# --- coverage: how a section was settled last ---


def coverage(db: Connection, subjects: Collection[str]) -> dict[tuple[str, str], Row[Any]]:
    """Return how the sections of these subjects were settled last."""
    rows = db.execute(select(Coverage).where(col(Coverage.subject).in_(sorted(subjects))))
    return {(row.subject, row.section): row for row in rows}


def cover(db: Connection, settled: Coverage) -> None:
    """Remember how a section was settled."""
    put(db, Coverage, settled.model_dump())


# --- health of providers ---


def health(db: Connection, provider: str) -> Health:
    """Return the shared state of a provider."""
    row = db.execute(
        select(ProviderHealth).where(col(ProviderHealth.provider) == provider)
    ).one_or_none()
    return Health(**{name: getattr(row, name) for name in _HEALTH}) if row else Health()


def set_health(db: Connection, provider: str, before: Health, after: Health) -> bool:
    """Keep the shared state of a provider; False when it is no longer what it was `before`."""
    same = [getattr(ProviderHealth, name).is_not_distinct_from(v) for name, v in _values(before)]
    change = update(ProviderHealth).where(col(ProviderHealth.provider) == provider, *same)
    if db.execute(change.values(asdict(after))).rowcount:
        return True
    row = {"provider": provider} | asdict(after)
    return before == Health() and put_new(db, ProviderHealth, row)


def _values(state: Health) -> Iterable[tuple[str, Any]]:
    return asdict(state).items()
