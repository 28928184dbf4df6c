"""A PostgreSQL server that breaks off: what was not committed is written again, and only that."""

import threading
from collections.abc import Iterator
from concurrent.futures import Future
from typing import Any

import pytest
from sqlalchemy import Connection, text

from app.database import Database
from app.errors import NotReady
from tests.fakes.servers import BACKENDS, Backend
from tests.test_database import add, numbers
from tests.test_full_disk import run

pytestmark = pytest.mark.parametrize("backend", BACKENDS[1:2], indirect=True)

BREAKS_OFF = (
    "CREATE FUNCTION break_off() RETURNS trigger LANGUAGE plpgsql AS "
    "'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END'",
    "CREATE CONSTRAINT TRIGGER break_off AFTER INSERT ON t DEFERRABLE INITIALLY DEFERRED "
    "FOR EACH ROW EXECUTE FUNCTION break_off()",
)
BREAK_OFF = text("SELECT pg_terminate_backend(pg_backend_pid())")


@pytest.fixture
def database(backend: Backend) -> Iterator[Database]:
    found = Database(backend.bare())
    run(found, ["CREATE TABLE t (n INTEGER UNIQUE)"])
    yield found
    found.close()


def test_a_server_that_breaks_off_amid_a_group_costs_no_write(database: Database) -> None:
    left = iter([BREAK_OFF])

    def breaks_once(db: Connection) -> None:
        for statement in left:
            db.execute(statement)

    hold = threading.Event()
    works: list[Future[Any]] = [database.write(lambda db: hold.wait(5))]
    works += [database.write(add(1)), database.write(breaks_once), database.insist(add(2))]
    hold.set()
    for work in works:
        work.result(30)
    assert database.read(numbers) == [1, 2]


def test_a_read_is_done_again_when_the_server_has_dropped_the_connection(
    database: Database,
) -> None:
    left = iter([BREAK_OFF])

    def breaks_once(db: Connection) -> list[int]:
        for statement in left:
            db.execute(statement)
        return numbers(db)

    assert database.read(breaks_once) == []


def test_a_commit_of_which_nobody_knows_the_end_is_not_done_again(database: Database) -> None:
    run(database, BREAKS_OFF)
    for write in (database.write, database.insist):
        assert isinstance(write(add(1)).exception(30), NotReady)
