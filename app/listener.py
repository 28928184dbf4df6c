"""How a process on another machine is woken at once: PostgreSQL's LISTEN and NOTIFY.

The notice is part of the transaction that it tells of. Like the bell it carries nothing, and one
that is missed costs a moment, because everybody also looks from time to time.
"""

import logging
import threading
from collections.abc import Callable

import psycopg

from app.dialect import CONNECT_S, channel

log = logging.getLogger("warmcall.listener")

LOOK_S = 0.5
"""How often to look whether to stop; a notice is heard at once."""

AGAIN_S = 1.0
"""The pause before a connection that broke is made again."""


class Listener:
    """Calls `heard`, in a thread of its own, whenever the bell `name` was rung."""

    port = 0  # no datagram reaches it

    def __init__(self, url: str, name: str, heard: Callable[[], None]) -> None:
        self._url = url
        self._channel = channel(name)
        self._heard = heard
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="listener", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening."""
        self._closed.set()
        self._thread.join()

    def _listen(self) -> None:
        while not self._closed.is_set():
            try:
                self._hear()
            except psycopg.Error:
                log.warning("cannot listen to the database; trying again")
                self._closed.wait(AGAIN_S)

    def _hear(self) -> None:
        with psycopg.connect(self._url, autocommit=True, connect_timeout=CONNECT_S) as connection:
            connection.execute(f'LISTEN "{self._channel}"')
            self._heard()  # what was rung before now
            while not self._closed.is_set():
                for _ in connection.notifies(timeout=LOOK_S, stop_after=1):
                    self._heard()
