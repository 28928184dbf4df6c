"""What providers were asked, what they answered, and how they are doing: every query over it."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, fields
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Connection,
    Row,
    bindparam,
    delete,
    func,
    insert,
    or_,
    select,
    text,
    update,
)
from sqlmodel import col

from app import tally
from app.breaker import Health
from app.facts import FIELDS, Fact, Section
from app.job import Status
from app.provider import SETTLED, Outcome
from app.rows import put, put_new, table
from app.tables import Attempt, Coverage, KnownFact, ProviderHealth

_FACT = tuple(field.name for field in fields(Fact))
_HEALTH = tuple(field.name for field in fields(Health))

_ATTEMPT, _FACTS, _COVERAGE = table(Attempt), table(KnownFact), table(Coverage)
_PROVIDER_HEALTH = table(ProviderHealth)


def _among(outcomes: Iterable[Outcome]) -> Any:
    return text(f"outcome IN ({', '.join(repr(one.value) for one in sorted(outcomes))})")


# --- attempts ---


_REMEMBERED: Any = (
    select(_ATTEMPT.c.job_id, _ATTEMPT.c.outcome, _ATTEMPT.c.detail)
    .where(
        _ATTEMPT.c.answer_key == bindparam("answer_key"),
        or_(_ATTEMPT.c.ended_at > bindparam("since"), _ATTEMPT.c.job_id == bindparam("job_id")),
        _among(SETTLED),
        ~_ATTEMPT.c.cached,
    )
    .order_by(_ATTEMPT.c.ended_at.desc())
    .limit(1)
)


def remembered(db: Connection, answer_key: str, since: datetime, job_id: str) -> Row[Any] | None:
    """Return the newest answer to this question: given after `since`, or to this very job."""
    told = {"answer_key": answer_key, "since": since, "job_id": job_id}
    return db.execute(_REMEMBERED, told).one_or_none()


Line = Mapping[str, Any]
"""A line of the ledger: all columns of app.tables.Attempt."""


def begin(db: Connection, attempt: Line) -> bool:
    """Book a call before it is made. False means that the same question is being asked now."""
    return put_new(db, Attempt, attempt)


def end(db: Connection, attempt: Line) -> None:
    """Book how a call ended, whether or not its beginning was booked."""
    put(db, Attempt, attempt)
    if not attempt["cached"]:
        tally.call_ended(db, attempt)


_TOLD = "provider outcome detail credits latency_ms cached section ended_at"
_ATTEMPTS = (
    select(*(_ATTEMPT.c[name] for name in _TOLD.split()))
    .where(_ATTEMPT.c.job_id == bindparam("job_id"), _ATTEMPT.c.outcome.is_not(None))
    .order_by(_ATTEMPT.c.ended_at, _ATTEMPT.c.id)
)


def attempts_of(db: Connection, job_id: str) -> Sequence[Row[Any]]:
    """Return what is told of a job's calls, oldest first; those still in flight are not in it."""
    return db.execute(_ATTEMPTS, {"job_id": job_id}).all()


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
        tally.call_ended(db, attempt._asdict())
    return len(closed)


_SPENT = select(func.coalesce(func.sum(_ATTEMPT.c.credits), 0.0)).where(
    _ATTEMPT.c.job_id == bindparam("job_id")
)


def spent_on(db: Connection, job_id: str) -> float:
    """Return what a job has cost so far, with the price of its calls in flight."""
    return float(db.execute(_SPENT, {"job_id": job_id}).scalar_one())


def owners_in_flight(db: Connection) -> list[str]:
    """Return the workers that have calls in flight."""
    found = select(col(Attempt.owner)).where(col(Attempt.outcome).is_(None)).distinct()
    return list(db.execute(found).scalars())


_TRIED = (
    select(_ATTEMPT.c.id)
    .where(
        _ATTEMPT.c.job_id == bindparam("job_id"),
        _ATTEMPT.c.answer_key == bindparam("answer_key"),
        _among([Outcome.provider_error, Outcome.rate_limited, Outcome.pending]),
    )
    .limit(1)
)


def tried_before(db: Connection, job_id: str, answer_key: str) -> bool:
    """Tell whether a job has asked this question already without getting an answer."""
    return db.execute(_TRIED, {"job_id": job_id, "answer_key": answer_key}).first() is not None


# --- facts ---


_DROP_ANSWER = delete(_FACTS).where(_FACTS.c.answer_key == bindparam("key"))
_ADD_FACTS = insert(_FACTS)


def replace_facts(
    db: Connection, answer_key: str, subjects: Mapping[str, str], facts: Iterable[Fact]
) -> None:
    """Keep the facts of an answer in place of those of an older answer to the same question.

    `subjects` maps a section to the key under which its facts are kept.
    """
    db.execute(_DROP_ANSWER, {"key": answer_key})
    rows = [_fact_row(answer_key, subjects, fact) for fact in facts]
    if rows:
        db.execute(_ADD_FACTS, rows)


def facts_about(db: Connection, subject: str, sections: Collection[str]) -> list[Fact]:
    """Return everything known about a subject in these sections."""
    rows = db.execute(
        select(KnownFact).where(
            col(KnownFact.subject) == subject, col(KnownFact.section).in_(sorted(sections))
        )
    )
    return [_fact(row) for row in rows]


def answers_about(db: Connection, subject: str, section: Section) -> dict[str, list[Fact]]:
    """Return what each answer says of a section of a subject, by what it was an answer to."""
    found: dict[str, list[Fact]] = {}
    for row in db.execute(select(KnownFact).where(*_of_section(subject, section))):
        found.setdefault(row.answer_key, []).append(_fact(row))
    return found


def retract(db: Connection, subject: str, section: Section, answer_keys: Collection[str]) -> None:
    """Drop what these answers say of a section of a subject, which is settled no longer.

    That the questions were answered is still remembered, so that nobody is paid twice.
    """
    of_answers = col(KnownFact.answer_key).in_(sorted(answer_keys))
    db.execute(delete(KnownFact).where(*_of_section(subject, section), of_answers))
    settled = (col(Coverage.subject) == subject, col(Coverage.section) == section.value)
    db.execute(delete(Coverage).where(*settled))


def _of_section(subject: str, section: Section) -> tuple[Any, Any]:
    return col(KnownFact.subject) == subject, col(KnownFact.section) == section.value


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


_COVERED = select(_COVERAGE).where(_COVERAGE.c.subject.in_(bindparam("subjects", expanding=True)))


def coverage(db: Connection, subjects: Collection[str]) -> dict[tuple[str, str], Row[Any]]:
    """Return how the sections of these subjects were settled last."""
    rows = db.execute(_COVERED, {"subjects": sorted(subjects)})
    return {(row.subject, row.section): row for row in rows}


def cover(
    db: Connection,
    subject: str,
    section: Section,
    status: Status,
    wanted: Collection[str],
    as_of: datetime,
) -> None:
    """Remember how a section was settled, and since when its facts hold."""
    row = {"subject": subject, "section": section.value, "status": status.value}
    put(db, Coverage, row | {"wanted": sorted(wanted), "as_of": as_of})


# --- health of providers ---


_HEALTH_OF = select(_PROVIDER_HEALTH).where(_PROVIDER_HEALTH.c.provider == bindparam("name"))
_SET_HEALTH = update(_PROVIDER_HEALTH).where(
    _PROVIDER_HEALTH.c.provider == bindparam("name"),
    *(
        _PROVIDER_HEALTH.c[name].is_not_distinct_from(
            bindparam(f"before_{name}", type_=_PROVIDER_HEALTH.c[name].type)
        )
        for name in _HEALTH
    ),
)


def health(db: Connection, provider: str) -> Health:
    """Return the shared state of a provider."""
    row = db.execute(_HEALTH_OF, {"name": provider}).one_or_none()
    return Health(**{name: getattr(row, name) for name in _HEALTH}) if row else Health()


def set_health(db: Connection, provider: str, before: Health, after: Health) -> bool:
    """Keep the shared state of a provider; False when it is no longer what it was `before`."""
    same = {f"before_{name}": value for name, value in asdict(before).items()}
    if db.execute(_SET_HEALTH, {"name": provider} | same | asdict(after)).rowcount:
        return True
    row = {"provider": provider} | asdict(after)
    return before == Health() and put_new(db, ProviderHealth, row)
