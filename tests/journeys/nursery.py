"""Processes of the service without the second that each needs to import it.

One process imports everything and forks for each start. What is forked is a process like any
other: its own number, folder, environment and log, its own signals, and nobody else's threads.
How one starts from nothing is seen wherever `warmcall up` or a command is started cold.
"""

import atexit
import gc
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from select import select
from typing import IO, Any

import orjson

from integrations.cli.inbound import main

ROOT = Path(__file__).parent.parent.parent
MOST = 1_000_000  # bytes of an order


class Nursery:
    """The process that forks; its other end is `breed`, below."""

    def __init__(self) -> None:
        self._door, other = socket.socketpair()
        self._lock = threading.Lock()
        with other:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "tests.journeys.nursery", str(other.fileno())],
                cwd=ROOT,
                env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
                pass_fds=[other.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
            )

    def start(
        self,
        args: Sequence[str],
        folder: Path,
        env: Mapping[str, str],
        stdout: IO[Any],
        stderr: IO[Any],
    ) -> "Forked":
        """Start `warmcall` with these arguments."""
        alive, held = os.pipe()
        try:
            fds = [stdout.fileno(), stderr.fileno(), held]
            order = {"args": ["warmcall", *args], "folder": str(folder), "env": dict(env)}
            return Forked(self._told(order, fds), alive, self)
        finally:
            os.close(held)

    def status(self, pid: int) -> int:
        """Return how a process ended, negative for a signal; waits until it has."""
        return self._told({"ended": pid}, [])

    def _told(self, order: Mapping[str, Any], fds: Sequence[int]) -> int:
        with self._lock:
            socket.send_fds(self._door, [orjson.dumps(order)], fds)
            return int(self._door.recv(MOST))

    def close(self) -> None:
        self._door.close()
        self._process.wait()


@cache
def nursery() -> Nursery:
    """Return the one of this run of the tests."""
    one = Nursery()
    atexit.register(one.close)
    return one


@dataclass
class Forked:
    """A started process, with the verbs of `subprocess.Popen`. `alive` is closed when it ends."""

    pid: int
    alive: int
    home: Nursery
    returncode: int | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    def poll(self) -> int | None:
        return self._ended(0)

    def wait(self, timeout: float | None = None) -> int:
        status = self._ended(timeout)
        if status is None:
            raise subprocess.TimeoutExpired("warmcall", timeout or 0)
        return status

    def send_signal(self, number: signal.Signals) -> None:
        with self.lock:
            if self.returncode is None:  # until it was asked for its end, its number is its own
                os.kill(self.pid, number)

    def _ended(self, timeout: float | None) -> int | None:
        """Return how it ended, or None when it has not within these seconds (None: at last)."""
        if self.returncode is None and select([self.alive], [], [], timeout)[0]:
            with self.lock:
                if self.returncode is None:
                    self.returncode = self.home.status(self.pid)
                    os.close(self.alive)
        return self.returncode


def breed(door: socket.socket) -> None:
    """Fork for each order, and tell how each ended, until nobody can ask any more."""
    while True:
        said, fds, _, _ = socket.recv_fds(door, MOST, 3)
        if not said:
            return
        order = orjson.loads(said)
        if pid := order.get("ended"):
            told = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        elif not (told := os.fork()):
            door.close()
            become(order, fds)
        for fd in fds:
            os.close(fd)
        door.send(b"%d" % told)


def become(order: Mapping[str, Any], fds: Sequence[int]) -> None:
    """Be the ordered process, to its end. What is the third of `fds` is held as long."""
    os.dup2(fds[0], 1)
    os.dup2(fds[1], 2)
    os.close(fds[0])
    os.close(fds[1])
    os.set_inheritable(fds[2], False)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background ignores it
    os.chdir(order["folder"])
    os.environ.clear()
    os.environ.update(order["env"])
    sys.argv = order["args"]
    main()


if __name__ == "__main__":
    gc.freeze()
    breed(socket.socket(fileno=int(sys.argv[1])))
