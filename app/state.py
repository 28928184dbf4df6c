"""Whether a database is still in the state in which something was read from it."""

import sqlite3
import threading
from typing import Any

from app.dialect import file_of


class State:
    """Names the state a database is in: the same name twice means that nobody changed it between.

    SQLite counts the commits of all other connections, of whichever process (`PRAGMA
    data_version`, its documentation, read 2026-11-21): asking takes some microseconds and waits
    for nobody. PostgreSQL could be asked over the network only: its states have no name.
    """

    def __init__(self, url: str) -> None:
        self._file = file_of(url)
        self._connection: sqlite3.Connection | None = None
        self._lock = threading.Lock()

    def __call__(self) -> int | None:
        """Return the name of the present state; None when it has none, or cannot be told now."""
        found = self.row("PRAGMA data_version")
        return None if found is None else int(found[0])

    def row(self, question: str, *values: str) -> tuple[Any, ...] | None:
        """Return the first row of SQLite's answer, as it is stored; None when it has none now.

        For a look by a unique key, that may be made where nothing may wait.
        """
        with self._lock:
            if self._file is None:
                return None
            try:
                self._connection = self._connection or _opened(self._file)
                found = self._connection.execute(question, values).fetchall()
            except sqlite3.Error:
                return None
        return found[0] if found else None

    def close(self) -> None:
        """Name no state any more: another connection would count anew."""
        with self._lock:
            if self._connection:
                self._connection.close()
            self._connection, self._file = None, None


def _opened(file: str) -> sqlite3.Connection:
    return sqlite3.connect(file, timeout=0, isolation_level=None, check_same_thread=False)
