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
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol, TypeVar

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from app import dialect
from app.errors import NotReady
from app.state import State

log = logging.getLogger("warmcall.database")

T = TypeVar("T")


class Add(Protocol):
    """Adds to the numbers of one row."""

    def __call__(self, db: Connection, *, more: Mapping[str, float]) -> object: ...


GROUP = 256
"""At most this many writes share a commit."""

RACES = 8
"""How often a write that loses races against other processes is run before it fails."""

LOST = 120
LOST_S = 0.25
"""So often, and so far apart, a write is tried while the server cannot be reached: 30 s."""

MIGRATION = 7_303_001
"""The lock that of several processes which start at once lets one change the tables."""

AGAIN_S = 1.0
"""How long to wait before writing again what could not be written down."""


@dataclass(slots=True, eq=False)
class _Work:
    run: Callable[[Connection], Any]
    future: Future[Any]
    order: str = ""
    insists: bool = False  # on being written, however long the database cannot be used
    passing: bool = False  # may be undone by a power cut


@dataclass(slots=True, eq=False)
class _Done:
    work: _Work
    value: Any = None
    problem: BaseException | None = None
    is_in_doubt: bool = False  # whether it was committed is not known

    def insists(self) -> bool:
        """Tell whether this is to be tried until the database can be used again."""
        may_pass = dialect.is_unusable(self.problem) and not self.is_in_doubt
        return self.work.insists and may_pass


@dataclass(slots=True)
class _Duties:
    """What a transaction leaves for its end (`last`) and for after its commit (the rest)."""

    carries: bool
    rings: list[str] = field(default_factory=list)
    parcels: list[Any] = field(default_factory=list)
    last: list[tuple[str, Callable[[Connection], object]]] = field(default_factory=list)
    sums: list[tuple[str, Mapping[str, float], Add]] = field(default_factory=list)
    is_complete: bool = False

    def mark(self) -> tuple[int, int, int, int]:
        return len(self.rings), len(self.parcels), len(self.last), len(self.sums)

    def back_to(self, mark: tuple[int, int, int, int]) -> None:
        rings, parcels, last, sums = mark
        del self.rings[rings:], self.parcels[parcels:], self.last[last:], self.sums[sums:]

    def at_last(self) -> list[tuple[str, Callable[[Connection], object]]]:
        """Return what is to be done at the end, in the order of all processes."""
        totals: dict[str, Counter[str]] = {}
        adding: dict[str, Add] = {}
        for order, numbers, add in self.sums:
            totals.setdefault(order, Counter()).update(numbers)
            adding[order] = add
        summed = [(order, partial(adding[order], more=total)) for order, total in totals.items()]
        return sorted([*self.last, *summed], key=lambda one: one[0])


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
        self.state = State(url)
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
            dialect.begin(connection)
            dialect.come_alone(connection, MIGRATION)
            config.attributes["connection"] = connection
            command.upgrade(config, "head")

    def read(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in a transaction of its own that sees one state of the database.

        Raises NotReady when the database cannot be used now, such as while its disk is full.
        """
        try:
            return self._read_again(work)
        except DBAPIError as exc:
            if not dialect.is_unusable(exc):
                raise
            raise _not_ready(exc) from exc

    def _read_again(self, work: Callable[[Connection], T]) -> T:
        try:
            return self._read(work)
        except DBAPIError as exc:
            if not dialect.is_lost(exc):
                raise
        return self._read(work)  # the server was started anew: old connections are gone now

    def _read(self, work: Callable[[Connection], T]) -> T:
        with self._engine.connect().execution_options(**self._to_read) as connection:
            dialect.begin_reading(connection)
            return work(connection)

    def write(
        self, work: Callable[[Connection], T], order: str = "", *, passing: bool = False
    ) -> Future[T]:
        """Queue `work` for the next commit. The future ends after the commit has.

        A commit outlives a power cut, unless all its works are `passing`: those say only who is at
        what now. They outlive the process, and are lasting as soon as anything after them is; they
        need not wait for the disk.

        When `work` raises, only its own changes are undone and the future raises the same; it
        raises NotReady when nothing can be written now. Works of one commit run in the order of
        `order`: those that change rows which other processes change too name them, so that all
        processes lock such rows in one order.
        """
        return self._queue(_Work(work, Future(), order, passing=passing))

    def insist(
        self, work: Callable[[Connection], T], order: str = "", *, passing: bool = False
    ) -> Future[T]:
        """Queue `work` as `write` does, and again as long as the database cannot be used.

        What a provider was paid for outlives a full disk. `work` may run several times, of which
        one is committed. Raises NotReady only when the database is closed meanwhile, or when the
        server broke off in the midst of the commit: whether that was done is not known.
        """
        return self._queue(_Work(work, Future(), order, insists=True, passing=passing))

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
        if thread:
            self._closing.set()
            self._waiting.put(None)
            thread.join()
        self.state.close()
        self._engine.dispose()

    def _commit_all(self) -> None:
        open_ = True
        while open_:
            batch, open_ = self._next_batch()
            if begun := [work for work in batch if _is_wanted(work)]:
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
        self._end(lost)

    def _transaction(self, batch: Sequence[_Work], *, patient: bool = False) -> list[_Done]:
        """Commit a group, and end everything but what lost a race: that is returned."""
        done, duties = self._reached(batch, patient=patient)
        if duties.parcels and self.carry:
            self.carry(duties.parcels)
        self._end([one for one in done if not dialect.is_race(one.problem)])
        if duties.rings:
            self._ring(frozenset(duties.rings))
        return [one for one in done if dialect.is_race(one.problem)]

    def _end(self, done: Sequence[_Done]) -> None:
        """Tell everybody how it ended; queue again what insists on being written."""
        again = [one for one in done if one.insists()]
        for one in done:
            if one not in again:
                _tell(one)
        is_closing = bool(again) and self._closing.wait(AGAIN_S)
        for one in again:
            if is_closing:
                _tell(one)
            else:
                self._waiting.put(one.work)

    def _ring(self, names: frozenset[str]) -> None:
        try:
            self.rung(names)
        except Exception:  # a bell that cannot be rung must not end the only writer
            log.exception("no bell was rung")

    def _reached(self, batch: Sequence[_Work], *, patient: bool) -> tuple[list[_Done], _Duties]:
        """Run a group as soon as the server can be reached.

        Whether a commit that broke off was done is not known: that is an error, not a reason.
        """
        for _ in range(LOST):
            duties = _Duties(carries=self.carry is not None)
            try:
                return self._run(batch, duties, patient=patient), duties
            except Exception as exc:  # noqa: BLE001 - whatever broke it is told to all who wait
                is_lost = dialect.is_lost(exc)
                in_doubt = is_lost and duties.is_complete
                failed = [_Done(work, problem=exc, is_in_doubt=in_doubt) for work in batch]
                if in_doubt or not is_lost or self._closing.is_set():
                    break
                log.warning("the database cannot be reached; trying again")
                self._closing.wait(LOST_S)
        return failed, _Duties(carries=False)

    def _run(self, batch: Sequence[_Work], duties: _Duties, *, patient: bool) -> list[_Done]:
        lasting = not all(work.passing for work in batch)
        with self._engine.connect() as connection, dialect.began(connection, lasting=lasting):
            connection.info["duties"] = duties
            if patient:
                dialect.wait_for_locks(connection)
            if len(batch) == 1:
                done = [_Done(batch[0], batch[0].run(connection))]
            else:
                done = [_attempt(connection, duties, work) for work in batch]
            for _, work in duties.at_last():
                work(connection)
            dialect.notify(connection, frozenset(duties.rings))
            duties.is_complete = True
        return done


def written(
    database: Database, work: Callable[[Connection], T], order: str = "", *, passing: bool = False
) -> asyncio.Future[T]:
    """Queue `work` for the next commit; to be awaited on the running loop.

    Who stops waiting does not stop the work: an answer that was paid for is written down.
    """
    return asyncio.shield(asyncio.wrap_future(database.write(work, order, passing=passing)))


def surely(
    database: Database, work: Callable[[Connection], T], order: str = "", *, passing: bool = False
) -> asyncio.Future[T]:
    """Insist on a write, see `Database.insist`; to be awaited on the running loop."""
    return asyncio.shield(asyncio.wrap_future(database.insist(work, order, passing=passing)))


def _is_wanted(work: _Work) -> bool:
    """Tell whether nobody has cancelled this write before its first try."""
    return work.future.running() or work.future.set_running_or_notify_cancel()


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


def add_later(connection: Connection, order: str, numbers: Mapping[str, float], add: Add) -> None:
    """Add `numbers` to a row at the end of the running transaction, as `later` does.

    `order` names the row. What all works of a commit add to it is summed up: `add` is run once.
    """
    _duties(connection).sums.append((order, numbers, add))


def _duties(connection: Connection) -> _Duties:
    duties: _Duties = connection.info["duties"]
    return duties


def _tell(done: _Done) -> None:
    if done.problem:
        done.work.future.set_exception(_told(done.problem))
    else:
        done.work.future.set_result(done.value)


def _attempt(connection: Connection, duties: _Duties, work: _Work) -> _Done:
    mark = duties.mark()
    dialect.mark(connection, "SAVEPOINT work")
    try:
        value = work.run(connection)
        dialect.mark(connection, "RELEASE SAVEPOINT work")
    except Exception as exc:  # noqa: BLE001 - told to the one who asked for it, through the future
        _undo(connection, exc)
        duties.back_to(mark)
        return _Done(work, problem=exc)
    return _Done(work, value)


def _undo(connection: Connection, problem: Exception) -> None:
    """Undo one write of a group. Raises `problem` when the whole group is undone already."""
    if dialect.is_lost(problem):
        raise problem
    try:
        connection.exec_driver_sql("ROLLBACK TO SAVEPOINT work")
        connection.exec_driver_sql("RELEASE SAVEPOINT work")
    except DBAPIError:  # a full disk or a broken file ends the transaction around it too
        raise problem from None


def _told(problem: BaseException) -> BaseException:
    return _not_ready(problem) if dialect.is_unusable(problem) else problem


def _not_ready(exc: BaseException) -> NotReady:
    """Return what is told of a database that is locked, full or gone."""
    log.warning("the database cannot be used: %s", dialect.why(exc))
    told = NotReady("The database cannot be used now. Try again soon.")
    told.__cause__ = exc
    return told
