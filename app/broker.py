"""Queues elsewhere than in our own database: Huey's own storages for Redis and PostgreSQL.

Messages are sent after the commit that they tell of, so one may be lost; the keeper sends another.
Huey's own schedule is not used: what is due later waits in our database.
"""

from collections.abc import Sequence
from typing import Any, Protocol

from huey.constants import EmptyData
from huey.storage import BaseStorage, PostgresStorage, PriorityRedisStorage
from psycopg import Connection, connect
from psycopg import Error as PostgresError
from redis import ConnectionPool, RedisError

CONNECT_S = 2
ANSWER_S = 5
"""How long to wait for a server to take a connection, and to answer. Longer than WAIT_S."""

WAIT_S = 1
"""How long an idle worker waits at the server for a message before it asks again."""

BROKEN = (RedisError, PostgresError, OSError)
"""What says that a queue cannot be reached."""

NAME = "warmcall"


class NothingKept(BaseStorage):  # type: ignore[misc] # huey ships no types
    """Says that nothing is kept under any key: no results, revocations, locks or schedule."""

    def peek_data(self, key: bytes) -> object:
        """Say that nothing is kept under this key."""
        return EmptyData

    pop_data = peek_data

    def delete_data(self, key: bytes) -> bool:
        """Say that there was nothing to delete."""
        return False

    def read_schedule(self, ts: object) -> list[bytes]:
        """Say that Huey's own schedule is empty: a message waits in our database until due."""
        return []


class Broker(Protocol):
    """A queue elsewhere."""

    def send(self, messages: Sequence[tuple[bytes, int]]) -> None:
        """Post messages, each with its rank (lower is taken first)."""
        ...

    def queue_size(self) -> int:
        """Return how many messages wait."""
        ...


class RedisMessages(NothingKept, PriorityRedisStorage):  # type: ignore[misc] # no types
    """A sorted set in Redis 5 or newer: the most urgent first, of those the oldest."""

    def __init__(self, name: str, *, url: str) -> None:
        pool = ConnectionPool.from_url(
            url, socket_connect_timeout=CONNECT_S, socket_timeout=ANSWER_S
        )
        super().__init__(name, connection_pool=pool, read_timeout=WAIT_S)

    def close(self) -> bool:
        """Close all connections."""
        self.pool.disconnect()
        return True

    def send(self, messages: Sequence[tuple[bytes, int]]) -> None:
        """Post messages, each with its rank (lower is taken first)."""
        for data, rank in messages:
            self.enqueue(data, -rank)


class PostgresMessages(NothingKept, PostgresStorage):  # type: ignore[misc] # no types
    """Huey's own table in a PostgreSQL database; a worker is woken by NOTIFY."""

    def __init__(self, name: str, *, url: str) -> None:
        self._url = url
        self._opened: list[Connection[Any]] = []
        super().__init__(name, connection=self._open, read_timeout=WAIT_S, create_tables=False)

    def _open(self) -> "Connection[Any]":
        """Return a connection, and remember it: Huey leaves those of its threads open."""
        self._opened = [one for one in self._opened if not one.closed]
        self._opened.append(connect(self._url, connect_timeout=ANSWER_S))
        return self._opened[-1]

    def close(self) -> bool:
        """Close all connections."""
        super().close()
        for one in self._opened:
            one.close()
        return True

    def send(self, messages: Sequence[tuple[bytes, int]]) -> None:
        """Post messages in one commit, each with its rank (lower is taken first)."""
        insert = f"INSERT INTO {self.table_task} (queue, data, priority) VALUES (%s, %s, %s)"  # noqa: S608 - our own name
        with self.db(commit=True) as cursor:
            cursor.executemany(insert, [(self.name, data, -rank) for data, rank in messages])
            cursor.execute("SELECT pg_notify(%s, '')", (self.channel,))

    def queue_size(self) -> int:
        """Return how many messages wait."""
        return int(super().queue_size())


def kind(url: str) -> type[RedisMessages] | type[PostgresMessages]:
    """Return Huey's storage for a queue elsewhere; it is made with this URL."""
    return PostgresMessages if url.startswith("postgresql://") else RedisMessages


def prepare(broker: Broker) -> None:
    """Make what a queue needs. Raises one of BROKEN when it cannot be reached."""
    if isinstance(broker, PostgresMessages):
        broker.initialize_schema()
    broker.queue_size()
