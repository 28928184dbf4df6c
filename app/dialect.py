"""What differs between the kinds of databases: how one is opened, and how its errors read.

SQLite lets one transaction write at a time. On PostgreSQL transactions interleave (READ
COMMITTED): whoever reads before it writes may lose a race, and `is_race` knows it by its code.
"""

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import orjson
import psycopg
from psycopg.abc import Buffer
from psycopg.types.string import StrDumper
from sqlalchemy import Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import DBAPIError, OperationalError

POSTGRES = "postgresql"

BUSY_S = 30.0
"""How long an SQLite connection waits for another process's transaction."""

LOCK_MS = 200
"""How long a group of writes waits for a row of another process before it is taken apart.

Below PostgreSQL's own `deadlock_timeout` of 1000 ms: two groups that wait for each other part.
"""

CONNECT_S = 10
"""How long to wait for a PostgreSQL server to take a connection."""

POOL = {"sqlite": (64, 0), POSTGRES: (5, 5)}
"""Connections kept and at most added; a PostgreSQL server takes 100 in all unless told.

One that was added is closed when it is given back: SQLite's are all kept, to be opened once."""

RACES = frozenset({"23505", "40001", "40P01", "55P03"})
"""unique_violation, serialization_failure, deadlock_detected, lock_not_available: PostgreSQL's
error codes (its documentation, appendix A, read 2026-11-21)."""

LOST = ("08", "57P")
"""Classes of codes of a connection that broke, and of a server that stops or starts."""


def opened(url: str) -> Engine:
    """Return an engine for `sqlite:///...` or `postgresql://...`. Connects to nothing yet."""
    kind = POSTGRES if is_postgres(url) else "sqlite"
    size, more = POOL[kind]
    engine = create_engine(
        url.replace(f"{POSTGRES}://", f"{POSTGRES}+psycopg://", 1),
        json_serializer=lambda value: orjson.dumps(value).decode(),
        json_deserializer=_loads,
        connect_args=_CONNECT[kind],
        pool_size=size,
        max_overflow=more,
        pool_use_lifo=True,  # the one used last has read most: the others need not grow as it did
        hide_parameters=True,
    )
    event.listen(engine, "connect", _ON_CONNECT[kind])
    return engine


def is_postgres(url: str) -> bool:
    """Tell whether a URL is of a PostgreSQL database."""
    return url.startswith(f"{POSTGRES}://")


def file_of(url: str) -> str | None:
    """Return the file of an SQLite database; None when there is none."""
    return None if is_postgres(url) else make_url(url).database


def begin(db: Connection) -> None:
    """Begin a transaction, after everything that another process is writing."""
    if db.dialect.name != POSTGRES:
        db.exec_driver_sql("BEGIN IMMEDIATE")


def begin_reading(db: Connection) -> None:
    """Begin a transaction that only reads, and waits for nobody."""
    if db.dialect.name != POSTGRES:
        db.exec_driver_sql("BEGIN")


def mark(db: Connection, point: str) -> None:
    """Say `SAVEPOINT work`, or release it: many times in each commit, and so by the shortest way.

    Of SQLite neither can fail; of PostgreSQL they can, for they go to the server.
    """
    if db.dialect.name == POSTGRES:
        db.exec_driver_sql(point)
    else:
        driver: sqlite3.Connection = db.connection.driver_connection  # type: ignore[assignment]
        driver.execute(point)


def of_one_state(engine: Engine) -> Mapping[str, Any]:
    """Return the options of a connection that only reads, and sees one state of the database."""
    if engine.dialect.name == POSTGRES:
        return {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
    return {}


def wait_for_locks(db: Connection) -> None:
    """Let the running transaction wait for rows as long as it takes."""
    if db.dialect.name == POSTGRES:
        db.execute(text("SET LOCAL lock_timeout = 0"))


def is_alone(db: Connection, number: int) -> bool:
    """Tell whether no other transaction that asked for this number is running; hold it if so."""
    if db.dialect.name != POSTGRES:
        return True
    held = text("SELECT pg_try_advisory_xact_lock(:number)")
    return bool(db.execute(held, {"number": number}).scalar_one())


def come_alone(db: Connection, number: int) -> None:
    """Wait until no other transaction that asked for this number is running, and hold it."""
    if db.dialect.name == POSTGRES:
        wait_for_locks(db)
        db.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": number})


def notify(db: Connection, names: frozenset[str]) -> None:
    """Ring the bells with these names, on whichever machine, once the transaction is committed."""
    if names and db.dialect.name == POSTGRES:
        rung = text("SELECT pg_notify(name, '') FROM unnest(cast(:names AS text[])) AS name")
        db.execute(rung, {"names": [channel(name) for name in sorted(names)]})


def channel(name: str) -> str:
    """Return the name of a bell as PostgreSQL knows it."""
    return f"warmcall_{name}"


@contextmanager
def began(connection: Connection, *, lasting: bool) -> Iterator[None]:
    """Run a transaction, and commit it; whether it `lasting`ly outlives a power cut is told here.

    SQLite takes the word between transactions only. In its WAL mode, and without
    synchronous_commit on PostgreSQL, a power cut undoes the newest commits and no others, and
    breaks nothing (https://sqlite.org/pragma.html#pragma_synchronous and
    https://www.postgresql.org/docs/current/wal-async-commit.html, read 2026-11-21).
    """
    if connection.dialect.name != POSTGRES and connection.info.get("lasting") is not lasting:
        raw = connection.connection.driver_connection
        assert isinstance(raw, sqlite3.Connection)
        raw.execute(f"PRAGMA synchronous={'FULL' if lasting else 'NORMAL'}")
        connection.info["lasting"] = lasting
    with connection.begin():
        begin(connection)
        if connection.dialect.name == POSTGRES and not lasting:
            connection.exec_driver_sql("SET LOCAL synchronous_commit = off")
        yield


def is_race(problem: BaseException | None) -> bool:
    """Tell whether something failed because of another transaction, and may work the next time."""
    return _code(problem) in RACES


def is_lost(problem: BaseException | None) -> bool:
    """Tell whether the server could not be reached, or the connection to it broke."""
    if not isinstance(problem, DBAPIError) or not isinstance(problem.orig, psycopg.Error):
        return False
    code = problem.orig.sqlstate
    no_server = isinstance(problem.orig, psycopg.OperationalError) and code is None
    return problem.connection_invalidated or no_server or (code or "").startswith(LOST)


def is_unusable(problem: BaseException | None) -> bool:
    """Tell whether the database cannot be used now: it is locked, full, broken or gone."""
    return isinstance(problem, OperationalError) or is_lost(problem)


def why(problem: BaseException) -> str:
    """Say in one line what a database complains of, without the statement it was given."""
    return " ".join(str(problem.orig if isinstance(problem, DBAPIError) else problem).split())


def _code(problem: BaseException | None) -> str | None:
    original = problem.orig if isinstance(problem, DBAPIError) else None
    return original.sqlstate if isinstance(original, psycopg.Error) else None


def _loads(kept: str | bytes | float) -> Any:
    # SQLite gives JSON columns numeric affinity: a bare number comes back as one, not as text.
    return orjson.loads(kept) if isinstance(kept, str | bytes) else kept


def _connect_sqlite(connection: sqlite3.Connection, _: object) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves
    _log_ahead(connection)
    for pragma in (
        "synchronous=FULL",
        "foreign_keys=ON",
        "cache_size=-20000",  # 20 MB
        "temp_store=MEMORY",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _log_ahead(connection: sqlite3.Connection) -> None:
    """Have changes written to a log first, so that readers and a writer do not wait for each other.

    A new file is changed to that once. Whoever tries while another process writes is refused at
    once, however long it may wait (SQLite 3.40, tried 2026-11-21): so it waits for a turn to write.
    """
    try:
        connection.execute("PRAGMA journal_mode=WAL")
    except sqlite3.OperationalError:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("ROLLBACK")
        connection.execute("PRAGMA journal_mode=WAL")


class WithoutNul(StrDumper):
    """Text without U+0000, which others send and PostgreSQL does not keep."""

    def dump(self, obj: str) -> Buffer | None:
        """Return the text as it is sent."""
        return super().dump(obj.replace("\0", "\ufffd"))


def _connect_postgres(connection: "psycopg.Connection[Any]", _: object) -> None:
    connection.adapters.register_dumper(str, WithoutNul)
    connection.execute(f"SET lock_timeout = {LOCK_MS}")
    connection.execute("SET timezone = 'UTC'")
    connection.commit()


_CONNECT: Mapping[str, Mapping[str, Any]] = {
    "sqlite": {"timeout": BUSY_S, "check_same_thread": False},
    POSTGRES: {"connect_timeout": CONNECT_S},
}
_ON_CONNECT: Mapping[str, Callable[..., None]] = {
    "sqlite": _connect_sqlite,
    POSTGRES: _connect_postgres,
}
