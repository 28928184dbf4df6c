"""A disk that is full: writes are refused or wait, and the writer lives on."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from app.database import Database
from app.errors import NotReady
from tests.test_database import add, numbers


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    found = Database(f"sqlite:///{tmp_path / 'one.db'}")
    found.write(lambda db: db.execute(text("CREATE TABLE t (n INTEGER UNIQUE)"))).result()
    yield found
    found.close()


def fill(database: Database) -> None:
    """Leave no room for another page: what a full disk is to SQLite."""
    database.write(lambda db: db.execute(text("PRAGMA max_page_count = 1"))).result()


def make_room(database: Database) -> None:
    database.write(lambda db: db.execute(text("PRAGMA max_page_count = 1000000"))).result()


def store_much(db: Connection) -> None:
    db.execute(text("INSERT INTO big VALUES (zeroblob(100000))"))


def test_on_a_full_disk_a_write_is_refused_and_the_writer_lives_on(database: Database) -> None:
    database.write(lambda db: db.execute(text("CREATE TABLE big (b BLOB)"))).result()
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
    database.write(lambda db: db.execute(text("CREATE TABLE big (b BLOB)"))).result()
    fill(database)
    refused, insisted = database.write(store_much), database.insist(store_much)
    assert isinstance(refused.exception(), NotReady)
    make_room(database)
    insisted.result()
    assert database.read(lambda db: db.execute(text("SELECT count(*) FROM big")).scalar()) == 1


def test_closing_does_not_wait_for_what_is_insisted_on(database: Database) -> None:
    database.write(lambda db: db.execute(text("CREATE TABLE big (b BLOB)"))).result()
    fill(database)
    insisted = database.insist(store_much)
    database.close()
    assert isinstance(insisted.exception(5), NotReady)


def test_a_database_that_is_gone_is_told_in_one_sentence(tmp_path: Path) -> None:
    gone = Database(f"sqlite:///{tmp_path}/gone/none.db")
    with pytest.raises(NotReady, match="The database cannot be used now"):
        gone.read(numbers)
    assert isinstance(gone.write(numbers).exception(), NotReady)
    gone.close()
