"""One database, one writer thread.

All writes of a process go through one thread: everything that waits while a commit runs shares
the next commit (group commit), so that full durability stays cheap. Reads use own connections.
"""

import asyncio
import logging
import queue
import sqlite3
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, TypeVar

import orjson
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, NestedTransaction, create_engine, event, text
from sqlalchemy.exc import OperationalError

from app.errors import NotReady

T = TypeVar("T")

GROUP = 256
"""At most this many writes share a commit."""

BUSY_S = 30.0
"""How long a connection waits for another process's transaction."""

AGAIN_S = 1.0
"""How long to wait before writing again what could not be written down."""

log = logging.getLogger("warmcall.database")


@dataclass(slots=True, eq=False)
class _Work:
    run: Callable[[Connection], Any]
    future: Future[Any]
    insists: bool = False  # on being written, however long the database cannot be used


class Database:
    """A database of the service. `write` and `read` run a function of a connection.

    `rung` is called after a commit with the names that `ring` was given in it.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.rung: Callable[[frozenset[str]], None] = lambda _: None
        self._engine = _engine(url)
        self._waiting: queue.SimpleQueue[_Work | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._closing = threading.Event()

    def migrate(self) -> None:
        """Bring the tables up to date; of two processes that start at once the second waits."""
        config = Config()
        config.set_main_option("script_location", "app:migrations")
        with self._engine.begin() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")

    def read(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in a transaction of its own that sees one state of the database.

        Raises NotReady when the database cannot be used now, such as while its disk is full.
        """
        try:
            with self._engine.connect().execution_options(read_only=True) as connection:
                return work(connection)
        except OperationalError as exc:
            raise _not_ready(exc) from exc

    def write(self, work: Callable[[Connection], T]) -> Future[T]:
        """Queue `work` for the next commit. The future ends after the commit has.

        When `work` raises, only its own changes are undone and the future raises the same; it
        raises NotReady when nothing can be written now.
        """
        return self._queue(_Work(work, Future()))

    def insist(self, work: Callable[[Connection], T]) -> Future[T]:
        """Queue `work` as `write` does, and again as long as the database cannot be used.

        What a provider was paid for outlives a full disk. `work` may run several times, of which
        one is committed. Raises NotReady only when the database is closed meanwhile.
        """
        return self._queue(_Work(work, Future(), insists=True))

    def _queue(self, work: _Work) -> Future[Any]:
        with self._lock:
            if self._thread is None:
                self._closing.clear()
                self._thread = threading.Thread(target=self._commit_all, name="writer", daemon=True)
                self._thread.start()
        self._waiting.put(work)
        return work.future

    def close(self) -> None:
        """Commit what waits and close all connections."""
        with self._lock:
            thread, self._thread = self._thread, None
        self._closing.set()
        if thread:
            self._waiting.put(None)
            thread.join()
        self._engine.dispose()

    def _commit_all(self) -> None:
        open_ = True
        while open_:
            batch, open_ = self._next_batch()
            if begun := [work for work in batch if _is_wanted(work)]:
                self._commit(begun)

    def _next_batch(self) -> tuple[list[_Work], bool]:
        batch: list[_Work] = []
        item = self._waiting.get()
        while item is not None:
            batch.append(item)
            if len(batch) >= GROUP or self._waiting.empty():
                return batch, True
            item = self._waiting.get()
        return batch, False

    def _commit(self, batch: Sequence[_Work]) -> None:
        done: list[tuple[_Work, Any, BaseException | None]] = []
        rings: frozenset[str] = frozenset()
        try:
            with self._engine.begin() as connection:
                connection.info["rings"] = set()
                done = [_attempt(connection, work) for work in batch]
                rings = frozenset(connection.info["rings"])
        except Exception as exc:  # noqa: BLE001 - whatever broke the commit is told to all who wait
            done = [(work, None, exc) for work in batch]
        again = [work for work, _, problem in done if work.insists and _is_passing(problem)]
        if again and not self._closing.wait(AGAIN_S):
            for work in again:
                self._waiting.put(work)
            done = [one for one in done if one[0] not in again]
        for work, value, problem in done:
            if problem:
                work.future.set_exception(_told(problem))
            else:
                work.future.set_result(value)
        if rings:
            self._ring(rings)

    def _ring(self, names: frozenset[str]) -> None:
        try:
            self.rung(names)
        except Exception:  # a bell that cannot be rung must not end the only writer
            log.exception("no bell was rung")


def written(database: Database, work: Callable[[Connection], T]) -> asyncio.Future[T]:
    """Queue `work` for the next commit; to be awaited on the running loop.

    Who stops waiting does not stop the work: an answer that was paid for is written down.
    """
    return asyncio.shield(asyncio.wrap_future(database.write(work)))


def surely(database: Database, work: Callable[[Connection], T]) -> asyncio.Future[T]:
    """Insist on a write, see `Database.insist`; to be awaited on the running loop."""
    return asyncio.shield(asyncio.wrap_future(database.insist(work)))


def _is_wanted(work: _Work) -> bool:
    """Tell whether nobody has cancelled this write before its first try."""
    return work.future.running() or work.future.set_running_or_notify_cancel()


def ring(connection: Connection, *names: str) -> None:
    """Wake the processes of these kinds once the running transaction is committed."""
    connection.info.setdefault("rings", set()).update(names)


def _attempt(connection: Connection, work: _Work) -> tuple[_Work, Any, BaseException | None]:
    before = set(connection.info["rings"])
    savepoint = connection.begin_nested()
    try:
        value = work.run(connection)
        savepoint.commit()
    except Exception as exc:  # noqa: BLE001 - told to the one who asked for it, through the future
        _undo(savepoint, exc)
        connection.info["rings"] = before
        return work, None, exc
    return work, value, None


def _undo(savepoint: NestedTransaction, problem: Exception) -> None:
    """Undo one write of a group. Raises `problem` when it has undone the whole group already."""
    try:
        savepoint.rollback()
    except OperationalError:  # a full disk or a broken file ends the transaction around it too
        raise problem from None


def _is_passing(problem: BaseException | None) -> bool:
    return isinstance(problem, OperationalError)


def _told(problem: BaseException) -> BaseException:
    return _not_ready(problem) if isinstance(problem, OperationalError) else problem


def _not_ready(exc: OperationalError) -> NotReady:
    """Return what is told of a database that is locked, full or gone."""
    log.warning("the database cannot be used: %s", exc.orig)
    told = NotReady("The database cannot be used now. Try again soon.")
    told.__cause__ = exc
    return told


def _engine(url: str) -> Engine:
    engine = create_engine(
        url,
        json_serializer=lambda value: orjson.dumps(value).decode(),
        json_deserializer=_loads,
        connect_args={"timeout": BUSY_S, "check_same_thread": False},
        pool_size=8,
        max_overflow=56,
    )
    event.listen(engine, "connect", _on_connect)
    event.listen(engine, "begin", _on_begin)
    return engine


def _loads(kept: str | float) -> Any:
    # SQLite gives JSON columns numeric affinity: a bare number comes back as one, not as text.
    return orjson.loads(kept) if isinstance(kept, str) else kept


def _on_connect(connection: sqlite3.Connection, _: object) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        "cache_size=-20000",  # 20 MB
        "temp_store=MEMORY",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _on_begin(connection: Connection) -> None:
    read_only = connection.get_execution_options().get("read_only", False)
    connection.execute(text("BEGIN" if read_only else "BEGIN IMMEDIATE"))
