"""One writer: what fails is undone alone, what is committed is seen, migrations do not collide."""

import asyncio
import threading
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, text
from sqlmodel import SQLModel

from app.database import Database, add_later, ring, written
from tests.fakes.servers import BACKENDS, Backend
from tests.journeys.nursery import nursery

pytestmark = pytest.mark.parametrize("backend", BACKENDS[:2], indirect=True)


@pytest.fixture
def database(backend: Backend) -> Iterator[Database]:
    found = Database(backend.bare())
    found.write(lambda db: db.execute(text("CREATE TABLE t (n INTEGER UNIQUE)"))).result()
    yield found
    found.close()


def add(number: int) -> Callable[[Connection], object]:
    return lambda db: db.execute(text("INSERT INTO t VALUES (:n)"), {"n": number})


def wake(name: str) -> Callable[[Connection], None]:
    return lambda db: ring(db, name)


def numbers(db: Connection) -> list[int]:
    return list(db.execute(text("SELECT n FROM t ORDER BY n")).scalars())


def test_a_write_that_fails_is_undone_alone(database: Database) -> None:
    hold = threading.Event()
    first = database.write(lambda db: hold.wait(5))
    works = [database.write(add(n)) for n in (1, 1, 2)]
    hold.set()
    first.result()
    assert works[0].exception() is None
    assert works[1].exception() is not None
    assert works[2].exception() is None
    assert database.read(numbers) == [1, 2]


def test_what_waits_during_a_commit_shares_the_next_one(database: Database) -> None:
    commits: list[frozenset[str]] = []
    database.rung = commits.append
    hold = threading.Event()
    first = database.write(lambda db: hold.wait(5))
    works = [database.write(wake(str(n))) for n in range(20)]
    hold.set()
    first.result()
    for work in works:
        work.result()
    assert commits == [frozenset(str(n) for n in range(20))]


def test_what_the_works_of_a_commit_add_to_a_row_is_summed_up_without_the_undone(
    database: Database,
) -> None:
    added: list[Mapping[str, float]] = []

    def sold(db: Connection, *, fails: bool) -> None:
        add_later(db, "row", {"calls": 1, "credits": 0.5}, lambda _, more: added.append(dict(more)))
        if fails:
            raise ValueError

    hold = threading.Event()
    database.write(lambda db: hold.wait(5))
    for fails in (False, True, False):
        database.write(partial(sold, fails=fails))
    hold.set()
    database.write(numbers).result()
    assert added == [{"calls": 2, "credits": 1.0}]


def test_who_stops_waiting_does_not_stop_the_work(database: Database) -> None:
    hold = threading.Event()
    database.write(lambda db: hold.wait(5))

    async def impatient() -> None:
        waiting = written(database, add(7))
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)

    asyncio.run(impatient())
    given_up = database.write(add(8))
    assert given_up.cancel()
    hold.set()
    assert database.write(numbers).result() == [7]


def test_a_write_that_is_undone_rings_no_bell(database: Database) -> None:
    rung: list[frozenset[str]] = []
    database.rung = rung.append

    def fails(db: Connection) -> None:
        ring(db, "worker")
        raise ValueError

    assert isinstance(database.write(fails).exception(), ValueError)
    assert rung == []


def durability(db: Connection) -> str:
    asked = {"sqlite": "PRAGMA synchronous", "postgresql": "SHOW synchronous_commit"}
    return str(db.execute(text(asked[db.dialect.name])).scalar_one())


def test_a_commit_waits_for_the_disk_unless_all_it_says_is_passing(database: Database) -> None:
    hold = threading.Event()
    passing = database.write(durability, passing=True).result()
    database.write(lambda db: hold.wait(5))
    mixed = [database.write(durability, passing=one) for one in (True, False)]
    hold.set()
    assert passing in {"1", "off"}
    assert {one.result() for one in mixed} <= {"2", "on"}
    assert database.write(durability).result() in {"2", "on"}


def test_a_closed_database_has_committed_everything(database: Database) -> None:
    works = [database.write(add(n)) for n in range(50)]
    database.close()
    assert all(work.done() for work in works)


def test_a_bell_that_breaks_does_not_end_the_writer(database: Database) -> None:
    def breaks(_: frozenset[str]) -> None:
        raise OSError("no bell")

    database.rung = breaks
    database.write(wake("worker")).result()
    database.write(add(3)).result()
    assert database.read(numbers) == [3]


def test_the_tables_are_what_the_migrations_make(backend: Backend) -> None:
    database = Database(backend.bare())
    database.migrate()
    found = database.read(
        lambda db: compare_metadata(MigrationContext.configure(db), SQLModel.metadata)
    )
    database.close()
    assert found == []


def test_processes_that_start_at_once_do_not_collide(backend: Backend, tmp_path: Path) -> None:
    env = {"DATABASE_URL": backend.bare()}
    with (tmp_path / "log").open("wb") as log:
        started = [
            nursery().start(["keys", "list"], tmp_path, env, stdout=log, stderr=log)
            for _ in range(4)
        ]
    ended = [process.wait(60) for process in started]
    assert ended == [0, 0, 0, 0], (tmp_path / "log").read_text()
