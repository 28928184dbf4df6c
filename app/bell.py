"""How one process wakes another at once: a datagram on the loopback interface.

The bell carries nothing. Whoever hears it looks into the database; a bell that is not heard
costs a moment, because everybody also looks from time to time.
"""

import socket
import threading
from collections.abc import Callable, Iterable

LOOPBACK = "127.0.0.1"


class Bell:
    """One process's bell: rung at `port`; `heard` is called in the bell's own thread."""

    def __init__(self, heard: Callable[[], None]) -> None:
        self._heard = heard
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((LOOPBACK, 0))
        self.port: int = self._socket.getsockname()[1]
        self._open = True
        self._thread = threading.Thread(target=self._listen, name="bell", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening."""
        self._open = False
        ring_at([self.port])
        self._thread.join()
        self._socket.close()

    def _listen(self) -> None:
        while self._open:
            self._socket.recv(16)
            if self._open:
                self._heard()


def ring_at(ports: Iterable[int]) -> None:
    """Ring the bells at these ports; one that nobody listens to any more does not matter."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.setblocking(False)
        for port in ports:
            try:
                sender.sendto(b"", (LOOPBACK, port))
            except OSError:
                continue
