"""One supervisor for the web and the worker process: starts, restarts and stops them together.

A child learns that its supervisor is gone from its standard input, whose other end the supervisor
holds and never writes to: the kernel closes it however the supervisor ends, `kill -9` included.
"""

import errno
import os
import signal
import socket
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from threading import Event, Thread
from time import monotonic

from typer import TyperException

BACK_OFF_S = (0.5, 1.0, 2.0, 4.0, 8.0, 10.0)
"""Seconds before a child that died is started again: one step more for each death in a row."""

STEADY_S = 30.0
"""A child that ran for this long before it died starts again at the first step."""

GRACE_S = 27.0
"""What is still there this long after SIGTERM is killed; the processes need 25 s at most."""

TICK_S = 0.2

Tell = Callable[[str], None]


@dataclass(slots=True)
class Child:
    """One process that is kept running. All times are seconds of the monotonic clock."""

    name: str
    argv: Sequence[str]
    env: Mapping[str, str] = field(repr=False)
    tell: Tell
    process: "subprocess.Popen[bytes] | None" = None
    started_at: float = 0.0
    due_at: float = 0.0
    deaths: int = 0  # in a row

    def tend(self, now: float) -> None:
        """Start it if it is due, notice if it died. Called again and again."""
        if self.process is None:
            if now >= self.due_at:
                self._start(now)
        elif (status := self.process.poll()) is not None:
            self._bury(status, now)

    def _start(self, now: float) -> None:
        # Its own session: Ctrl-C reaches the supervisor alone, which then stops both in order.
        self.process = subprocess.Popen(  # noqa: S603  our own program
            self.argv, env=self.env, stdin=subprocess.PIPE, start_new_session=True
        )
        self.started_at = now

    def _bury(self, status: int, now: float) -> None:
        self._forget_process()
        self.deaths = 0 if now - self.started_at >= STEADY_S else self.deaths
        wait_s = BACK_OFF_S[min(self.deaths, len(BACK_OFF_S) - 1)]
        self.deaths += 1
        self.due_at = now + wait_s
        self.tell(f"{self.name} ended with status {status}; starting it again in {wait_s:g} s")

    def ask_to_stop(self) -> None:
        """Send SIGTERM if it runs."""
        if self.process and self.process.poll() is None:
            self.process.terminate()

    def end(self, by: float) -> None:
        """Wait until `by` for it to end, then kill it."""
        if self.process is None:
            return
        try:
            self.process.wait(max(0.0, by - monotonic()))
        except subprocess.TimeoutExpired:
            self.tell(f"{self.name} did not stop in time and was killed")
            self.process.kill()
            self.process.wait()
        self._forget_process()

    def _forget_process(self) -> None:
        if self.process and self.process.stdin:
            self.process.stdin.close()
        self.process = None


class Supervisor:
    """Keeps the children running until SIGTERM or SIGINT, then stops them."""

    def __init__(self, children: Sequence[Child], each_tick: Callable[[], None]) -> None:
        """`each_tick` is called a few times a second, after the children were tended."""
        self._children = children
        self._each_tick = each_tick
        self._stopping = False
        self._pause = Event()  # never set: only waited for

    def run(self) -> None:
        """Keep the children running; return when they have been stopped."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)
        try:
            while not self._stopping:
                for child in self._children:
                    child.tend(monotonic())
                self._each_tick()
                self._pause.wait(TICK_S)
        finally:
            self._stop()

    def _on_signal(self, _number: int, _frame: object) -> None:
        self._stopping = True  # nothing more: a handler that takes a lock can block for ever

    def _stop(self) -> None:
        for child in self._children:
            child.ask_to_stop()
        by = monotonic() + GRACE_S
        for child in self._children:
            child.end(by)


def follow_parent(stdin_fd: int = 0) -> None:
    """End this process, by SIGTERM to itself, as soon as the supervisor is gone."""
    Thread(target=_end_with_parent, args=(stdin_fd,), name="parent", daemon=True).start()


def _end_with_parent(stdin_fd: int) -> None:
    while os.read(stdin_fd, 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    Event().wait(GRACE_S)
    os._exit(1)


def check_port(host: str, port: int) -> None:
    """Raise TyperException with one clear sentence when nobody can listen there."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as exc:
            raise TyperException(_cannot_listen(exc, host, port)) from exc


def _cannot_listen(exc: OSError, host: str, port: int) -> str:
    if exc.errno == errno.EADDRINUSE:
        other = port + 1 if port < 65_535 else 8000
        return (
            f"Port {port} is in use. Stop what listens there, or choose another one: "
            f"`warmcall up --port {other}` or `PORT={other} make run`."
        )
    return f"Cannot listen on {host} port {port}: {exc.strerror or exc}."


def local_url(host: str, port: int) -> str:
    """Return the URL under which a process on this machine reaches the web process.

    >>> local_url("0.0.0.0", 8000), local_url("::1", 8000)
    ('http://127.0.0.1:8000', 'http://[::1]:8000')
    """
    name = _dialled(host)
    return f"http://[{name}]:{port}" if ":" in name else f"http://{name}:{port}"


def is_answering(host: str, port: int) -> bool:
    """Tell whether the web process answers its liveness route."""
    connection = HTTPConnection(_dialled(host), port, timeout=0.5)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def _dialled(host: str) -> str:
    """Return the address to dial for one that is listened on (all of them: the loopback)."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host, host)  # noqa: S104
