"""A disk that is full, a database that is gone: writes are refused or wait, the writer lives on."""

import threading
from collections.abc import Iterator, Sequence

import pytest
from sqlalchemy import Connection, text

from app.database import Database
from app.dialect import is_postgres
from app.errors import NotReady
from tests.fakes.servers import BACKENDS, Backend
from tests.test_database import add, numbers

pytestmark = pytest.mark.parametrize("backend", BACKENDS[:2], indirect=True)

FULL = (
    "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS "
    "'BEGIN RAISE EXCEPTION USING ERRCODE = ''disk_full''; END'",
    "CREATE TRIGGER full_disk BEFORE INSERT ON big EXECUTE FUNCTION full_disk()",
)


@pytest.fixture
def database(backend: Backend) -> Iterator[Database]:
    found = Database(backend.bare())
    run(found, ["CREATE TABLE t (n INTEGER UNIQUE)", "CREATE TABLE big (b TEXT)"])
    yield found
    found.close()


def run(database: Database, statements: Sequence[str]) -> None:
    for statement in statements:
        database.write(lambda db, sql=statement: db.execute(text(sql))).result()  # type: ignore[misc]


def fill(database: Database) -> None:
    """Leave no room for another page; a PostgreSQL server is made to say the same."""
    run(database, FULL if is_postgres(database.url) else ["PRAGMA max_page_count = 1"])


def make_room(database: Database) -> None:
    more = "PRAGMA max_page_count = 1000000"
    run(database, ["DROP TRIGGER full_disk ON big" if is_postgres(database.url) else more])


def store_much(db: Connection) -> None:
    db.execute(text("INSERT INTO big VALUES (:b)"), {"b": "x" * 100_000})


def test_on_a_full_disk_a_write_is_refused_and_the_writer_lives_on(database: Database) -> None:
    fill(database)
    hold = threading.Event()
    first = database.write(lambda db: hold.wait(5))
    small, large = database.write(add(1)), database.write(store_much)
    hold.set()
    first.exception()  # whether it shared the commit or not
    assert isinstance(large.exception(), NotReady)
    assert database.read(numbers) == ([] if small.exception() else [1])
    make_room(database)
    database.write(store_much).result()


def test_a_write_that_is_insisted_on_is_done_as_soon_as_there_is_room(database: Database) -> None:
    fill(database)
    refused, insisted = database.write(store_much), database.insist(store_much)
    assert isinstance(refused.exception(), NotReady)
    make_room(database)
    insisted.result()
    assert database.read(lambda db: db.execute(text("SELECT count(*) FROM big")).scalar()) == 1


def test_closing_does_not_wait_for_what_is_insisted_on(database: Database) -> None:
    fill(database)
    insisted = database.insist(store_much)
    database.close()
    assert isinstance(insisted.exception(5), NotReady)


def test_a_database_that_is_gone_is_told_in_one_sentence(backend: Backend) -> None:
    file, _, options = backend.bare().partition("?")
    gone = Database(f"{file}/gone/none.db?{options}".rstrip("?"))
    with pytest.raises(NotReady, match="The database cannot be used now"):
        gone.read(numbers)
    refused = gone.write(numbers)
    gone.close()
    assert isinstance(refused.exception(5), NotReady)
