"""A database file that another process is just making."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from app.database import Database


def test_who_opens_a_new_database_waits_for_who_is_writing_it(tmp_path: Path) -> None:
    path = tmp_path / "new.db"
    database = Database(f"sqlite:///{path}")
    with (
        ThreadPoolExecutor(1) as pool,
        closing(sqlite3.connect(path, isolation_level=None)) as other,
    ):
        other.execute("BEGIN IMMEDIATE")
        migrated = pool.submit(database.migrate)
        with pytest.raises(TimeoutError):
            migrated.result(0.3)
        other.execute("ROLLBACK")
        migrated.result(30)
    database.close()
