"""One database, one writer thread.

All writes of a process go through one thread: everything that waits while a commit runs shares
the next commit (group commit), so that full durability stays cheap. Reads use own connections.

On PostgreSQL other processes write at the same time. What loses a race against them is undone and
runs again, alone: so `work` may run more than once, and may change nothing but the database.
"""

import asyncio
import logging
import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, TypeVar

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection

from app import dialect

log = logging.getLogger("warmcall.database")

T = TypeVar("T")

GROUP = 256
"""At most this many writes share a commit."""

RACES = 8
"""How often a write that loses races against other processes is run before it fails."""

LOST = 120
AGAIN_S = 0.25
"""So often, and so far apart, a write is tried while the server cannot be reached: 30 s."""

MIGRATION = 7_303_001
"""The lock that of several processes which start at once lets one change the tables."""


@dataclass(slots=True)
class _Work:
    run: Callable[[Connection], Any]
    future: Future[Any]
    order: str


@dataclass(slots=True)
class _Done:
    work: _Work
    value: Any = None
    problem: BaseException | None = None


@dataclass(slots=True)
class _Duties:
    """What a transaction leaves for its end (`last`) and for after its commit (the rest)."""

    carries: bool
    rings: list[str] = field(default_factory=list)
    parcels: list[Any] = field(default_factory=list)
    last: list[tuple[str, Callable[[Connection], object]]] = field(default_factory=list)
    is_complete: bool = False

    def mark(self) -> tuple[int, int, int]:
        return len(self.rings), len(self.parcels), len(self.last)

    def back_to(self, mark: tuple[int, int, int]) -> None:
        for left, length in zip((self.rings, self.parcels, self.last), mark, strict=True):
            del left[length:]


class Database:
    """A database of the service. `write` and `read` run a function of a connection.

    After a commit `rung` is called with the names that `ring` was given in it (on PostgreSQL all
    processes are told by the server too), and `carry` with what `hand_on` was given; both are
    called by the writer and must not take long. None = nobody carries anything.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.rung: Callable[[frozenset[str]], None] = lambda _: None
        self.carry: Callable[[list[Any]], None] | None = None
        self._engine = dialect.opened(url)
        self._to_read = dialect.of_one_state(self._engine)
        self._waiting: queue.SimpleQueue[_Work | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._closing = threading.Event()

    def migrate(self) -> None:
        """Bring the tables up to date; of two processes that start at once the second waits."""
        config = Config()
        config.set_main_option("script_location", "app:migrations")
        with self._engine.begin() as connection:
            dialect.come_alone(connection, MIGRATION)
            config.attributes["connection"] = connection
            command.upgrade(config, "head")

    def read(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in a transaction of its own that sees one state of the database."""
        try:
            return self._read(work)
        except Exception as exc:
            if not dialect.is_lost(exc):
                raise
        return self._read(work)  # the server was started anew: old connections are gone now

    def _read(self, work: Callable[[Connection], T]) -> T:
        with self._engine.connect().execution_options(**self._to_read) as connection:
            return work(connection)

    def write(self, work: Callable[[Connection], T], order: str = "") -> Future[T]:
        """Queue `work` for the next commit. The future ends after the commit has.

        When `work` raises, only its own changes are undone and the future raises the same.
        Works of one commit run in the order of `order`: those that change rows which other
        processes change too name them, so that all processes lock such rows in one order.
        """
        future: Future[T] = Future()
        with self._lock:
            if self._thread is None:
                self._closing.clear()
                self._thread = threading.Thread(target=self._commit_all, name="writer", daemon=True)
                self._thread.start()
        self._waiting.put(_Work(work, future, order))
        return future

    def close(self) -> None:
        """Commit what waits and close all connections."""
        with self._lock:
            thread, self._thread = self._thread, None
        if thread:
            self._closing.set()
            self._waiting.put(None)
            thread.join()
        self._engine.dispose()

    def _commit_all(self) -> None:
        open_ = True
        while open_:
            batch, open_ = self._next_batch()
            if begun := [work for work in batch if work.future.set_running_or_notify_cancel()]:
                self._commit(sorted(begun, key=lambda work: work.order))

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
        for lost in self._transaction(batch):
            self._alone(lost.work)

    def _alone(self, work: _Work) -> None:
        """Run what lost a race in a transaction of its own, until it wins."""
        for _ in range(RACES):
            lost = self._transaction([work], patient=True)
            if not lost:
                return
        _tell(lost[0])

    def _transaction(self, batch: Sequence[_Work], *, patient: bool = False) -> list[_Done]:
        """Commit a group, and tell everybody but those that lost a race: they are returned."""
        done, duties = self._reached(batch, patient=patient)
        if duties.parcels and self.carry:
            self.carry(duties.parcels)
        for one in done:
            if not dialect.is_race(one.problem):
                _tell(one)
        if duties.rings:
            self.rung(frozenset(duties.rings))
        return [one for one in done if dialect.is_race(one.problem)]

    def _reached(self, batch: Sequence[_Work], *, patient: bool) -> tuple[list[_Done], _Duties]:
        """Run a group as soon as the server can be reached.

        Whether a commit that broke off was done is not known: that is an error, not a reason.
        """
        for _ in range(LOST):
            duties = _Duties(carries=self.carry is not None)
            try:
                return self._run(batch, duties, patient=patient), duties
            except Exception as exc:  # noqa: BLE001 - whatever broke it is told to all who wait
                failed = [_Done(work, problem=exc) for work in batch]
                if duties.is_complete or not dialect.is_lost(exc) or self._closing.is_set():
                    break
                log.warning("the database cannot be reached; trying again")
                self._closing.wait(AGAIN_S)
        return failed, _Duties(carries=False)

    def _run(self, batch: Sequence[_Work], duties: _Duties, *, patient: bool) -> list[_Done]:
        with self._engine.begin() as connection:
            connection.info["duties"] = duties
            if patient:
                dialect.wait_for_locks(connection)
            if len(batch) == 1:
                done = [_Done(batch[0], batch[0].run(connection))]
            else:
                done = [_attempt(connection, duties, work) for work in batch]
            for _, work in sorted(duties.last, key=lambda one: one[0]):
                work(connection)
            dialect.notify(connection, frozenset(duties.rings))
            duties.is_complete = True
        return done


def written(
    database: Database, work: Callable[[Connection], T], order: str = ""
) -> asyncio.Future[T]:
    """Queue `work` for the next commit; to be awaited on the running loop.

    Who stops waiting does not stop the work: an answer that was paid for is written down.
    """
    return asyncio.shield(asyncio.wrap_future(database.write(work, order)))


def ring(connection: Connection, *names: str) -> None:
    """Wake the processes of these kinds once the running transaction is committed."""
    _duties(connection).rings.extend(names)


def carries(connection: Connection) -> bool:
    """Tell whether somebody takes what is handed on."""
    return _duties(connection).carries


def hand_on(connection: Connection, parcel: object) -> None:
    """Give something to whoever carries it once the running transaction is committed."""
    _duties(connection).parcels.append(parcel)


def later(connection: Connection, order: str, work: Callable[[Connection], object]) -> None:
    """Run `work` at the end of the running transaction.

    For blind changes of rows that many transactions change: they are locked as shortly as can be,
    and by everybody in the order of `order`.
    """
    _duties(connection).last.append((order, work))


def _duties(connection: Connection) -> _Duties:
    duties: _Duties = connection.info["duties"]
    return duties


def _tell(done: _Done) -> None:
    if done.problem:
        done.work.future.set_exception(done.problem)
    else:
        done.work.future.set_result(done.value)


def _attempt(connection: Connection, duties: _Duties, work: _Work) -> _Done:
    mark = duties.mark()
    savepoint = connection.begin_nested()
    try:
        value = work.run(connection)
        savepoint.commit()
    except Exception as exc:  # noqa: BLE001 - told to the one who asked for it, through the future
        savepoint.rollback()
        duties.back_to(mark)
        return _Done(work, problem=exc)
    return _Done(work, value)
