"""Fills a store with finished jobs: copies of one that really ran, each about somebody else."""

import sqlite3
from collections.abc import Mapping
from contextlib import closing

from sqlalchemy import Connection, text

from app.database import Database

COPIED: Mapping[str, Mapping[str, str]] = {
    "job": {
        "id": "id || '-' || n",
        "prospect_key": "'email:no' || n || '@acme.example'",
        "company_key": "'company-' || (n / 10)",
        "card_token": "card_token || '-' || n",
        "created_at": "{shift}",
        "updated_at": "{shift}",
        "finished_at": "{shift}",
    },
    "asked": {"job_id": "job_id || '-' || n", "at": "{shift}"},
    "attempt": {
        "id": "id || '-' || n",
        "job_id": "job_id || '-' || n",
        "answer_key": "answer_key || '-' || n",
        "started_at": "{shift}",
        "ended_at": "{shift}",
    },
    "fact": {"answer_key": "answer_key || '-' || n", "subject": "subject || '-' || n"},
    "coverage": {"subject": "subject || '-' || n"},
    "event": {"job_id": "job_id || '-' || n", "at": "{shift}"},
    "outbox": {"id": "id || '-' || n", "job_id": "job_id || '-' || n", "created_at": "{shift}"},
    "outboxtry": {"id": "NULL", "delivery_id": "delivery_id || '-' || n", "at": "{shift}"},
}
"""Table -> column -> what a copy has in it; n is the number of the copy."""

SPAN_S = 30 * 24 * 3600
"""The copies ended at moments spread over this time."""

_SHIFTED = (
    "strftime('%Y-%m-%d %H:%M:%f000', {column}, '-' || (1 + (n * 7919) % {span}) || ' seconds')"
)


TALLIES = (
    "DELETE FROM call_tally",
    "INSERT INTO call_tally SELECT provider, outcome, date(ended_at), count(*), sum(credits), "
    "sum(latency_ms) FROM attempt WHERE NOT cached GROUP BY provider, outcome, date(ended_at)",
    "DELETE FROM job_tally",
    "INSERT INTO job_tally SELECT strftime('%Y-%m-%d %H:00:00.000000', finished_at) AS hour, "
    "status, count(*) FROM job WHERE finished_at IS NOT NULL GROUP BY hour, status",
)
"""The running totals, of which the copies say nothing."""


def fill(database: Database, job_id: str, first: int, last: int) -> None:
    """Add copies number `first` to `last` of a job and of all that belongs to it."""
    database.write(lambda db: db.execute(text("PRAGMA cache_size=-3000000"))).result()  # 3 GB
    database.write(lambda db: _fill(db, job_id, first, last)).result()
    database.write(lambda db: db.execute(text("PRAGMA cache_size=-20000"))).result()


def settled(database: Database) -> None:
    """Leave the database as one in use would be after a while.

    Totals are right, the planner knows how much there is, and the write-ahead log is short.
    """
    database.write(lambda db: [db.execute(text(one)) for one in (*TALLIES, "ANALYZE")]).result()
    path = database.url.removeprefix("sqlite:///")
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _fill(db: Connection, job_id: str, first: int, last: int) -> None:
    about = {
        "job": "id = :job",
        "asked": "job_id = :job",
        "attempt": "job_id = :job",
        "fact": "answer_key IN (SELECT answer_key FROM attempt WHERE job_id = :job)",
        "coverage": "subject IN (SELECT subject FROM fact WHERE answer_key IN "
        "(SELECT answer_key FROM attempt WHERE job_id = :job))",
        "event": "job_id = :job",
        "outbox": "job_id = :job",
        "outboxtry": "delivery_id IN (SELECT id FROM outbox WHERE job_id = :job)",
    }
    for table, changed in COPIED.items():
        columns = [row[1] for row in db.execute(text(f"PRAGMA table_info({table})"))]
        values = ", ".join(_value(column, changed) for column in columns)
        db.execute(
            text(
                "WITH RECURSIVE number(n) AS "
                "(SELECT :first UNION ALL SELECT n + 1 FROM number WHERE n < :last) "
                f"INSERT INTO {table} ({', '.join(columns)}) "
                f"SELECT {values} FROM number, {table} WHERE {about[table]}"
            ),
            {"first": first, "last": last, "job": job_id},
        )


def _value(column: str, changed: Mapping[str, str]) -> str:
    shift = _SHIFTED.format(column=column, span=SPAN_S)
    return changed.get(column, column).replace("{shift}", shift)
