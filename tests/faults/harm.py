"""How things are broken, and what must be true after every breakage."""

import resource
import socket
import sqlite3
import struct
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
from starlette.types import ASGIApp, Receive, Scope, Send

from tests.fakes.market import Person
from tests.fakes.vendors import Vendors
from tests.journeys.stack import LOCAL, Job, Process, Receiver, Stack, json_of, wait_until

PATIENCE_S = 60
FLOOD = 100_000_000  # bytes


def people(vendors: Vendors, names: Sequence[str]) -> list[str]:
    """Add people to the market; return their addresses."""
    known = [Person(f"{name}@example.com", f"{name.title()} Doe", "example.com") for name in names]
    vendors.market.people += known
    return [one.email for one in known]


def order(client: httpx.Client, email: str, callback: str | None = None) -> httpx.Response:
    """Ask for a person and do not wait for the card."""
    body = {"email": email, "fields": ["person"]}
    return client.post("/v1/enrich", json=body | ({"callback_url": callback} if callback else {}))


def accepted(answer: httpx.Response) -> str:
    assert answer.status_code == 202, answer.text
    return str(json_of(answer)["job_id"])


def ended(client: httpx.Client, jobs: Sequence[str]) -> list[Job]:
    """Wait until all these jobs have ended."""

    def job(job_id: str) -> Job:
        return json_of(client.get(f"/v1/jobs/{job_id}"))

    for one in jobs:
        wait_until(lambda one=one: job(one).get("finished_at"), "a job to end", PATIENCE_S)
    return [job(one) for one in jobs]


def delivered(receiver: Receiver, jobs: Sequence[str]) -> None:
    """Wait until every job was delivered; none may have come under two ids."""
    wait_until(lambda: set(jobs) <= set(receiver.ids_by_job()), "every callback", PATIENCE_S)
    assert {len(ids) for ids in receiver.ids_by_job().values()} == {1}


def nothing_paid_twice(folder: Path, vendors: Vendors) -> None:
    """No committed answer was asked for again; what was in flight at a kill is counted apart."""
    settled, lost = (
        _ledger(folder, "outcome IN ('matched', 'not_found') AND NOT cached"),
        _ledger(folder, "detail LIKE 'interrupted%'"),
    )
    assert set(settled.values()) <= {1}
    assert sum(vendors.pdl.asked().values()) <= sum(settled.values()) + sum(lost.values())


def _ledger(folder: Path, which: str) -> Counter[str]:
    query = f"SELECT answer_key, count(*) FROM attempt WHERE {which} GROUP BY answer_key"
    with sqlite3.connect(folder / "warmcall.db", timeout=30) as db:
        return Counter(dict(db.execute(query).fetchall()))


@dataclass
class Poison:
    """A provider whose answer to one address ends the process that asked."""

    app: ASGIApp
    address: str
    kill: Callable[[], None]
    doses: int = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self.address.encode() in scope.get("query_string", b"").replace(b"%40", b"@"):
            self.doses += 1
            self.kill()
        with suppress(OSError):
            await self.app(scope, receive, send)


@contextmanager
def full_disk(*processes: Process) -> Iterator[None]:
    """Let these processes write no byte to any file, as on a disk without space."""
    before = [resource.prlimit(one.pid, resource.RLIMIT_FSIZE) for one in processes]
    for one, (_, hard) in zip(processes, before, strict=True):
        resource.prlimit(one.pid, resource.RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        for one, limits in zip(processes, before, strict=True):
            resource.prlimit(one.pid, resource.RLIMIT_FSIZE, limits)


LOCK = """
import sqlite3, sys
db = sqlite3.connect("warmcall.db", isolation_level=None, timeout=30)
db.execute("BEGIN EXCLUSIVE")
print("locked", flush=True)
sys.stdin.read()
"""


@contextmanager
def locked(stack: Stack) -> Iterator[None]:
    """Have another process hold the database's only write lock."""
    with subprocess.Popen(
        [sys.executable, "-c", LOCK],
        cwd=stack.folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdin is not None
        assert holder.stdout.readline()
        yield
        holder.stdin.close()


class Rogue:
    """A provider that answers as badly as the asked address says."""

    def __init__(self) -> None:
        self._listener = socket.create_server((LOCAL, 0), backlog=64)
        self._closed = threading.Event()
        self.url = f"http://{LOCAL}:{self._listener.getsockname()[1]}/v5"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._closed.set()
        self._listener.close()

    def _accept(self) -> None:
        while not self._closed.is_set():
            with suppress(OSError):
                caller = self._listener.accept()[0]
                threading.Thread(target=self._answer, args=(caller,), daemon=True).start()

    def _answer(self, caller: socket.socket) -> None:
        with suppress(OSError), caller:
            asked = caller.recv(65_536)
            way = next(one for one in WAYS if one.encode() in asked)
            WAYS[way](caller, self._closed)


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"


def _hang(caller: socket.socket, closed: threading.Event) -> None:
    closed.wait()


def _trickle(caller: socket.socket, closed: threading.Event) -> None:
    caller.sendall(HEAD % 1_000_000)
    while not closed.wait(0.2):
        caller.sendall(b" ")


def _reset(caller: socket.socket, closed: threading.Event) -> None:
    caller.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def _short(caller: socket.socket, closed: threading.Event) -> None:
    caller.sendall(HEAD % 10_000 + b'{"status": 200, "data"')


def _long(caller: socket.socket, closed: threading.Event) -> None:
    caller.sendall(HEAD % 4 + b'{"status": 200, "data": {"full_name": "nobody"}}')


def _flood(caller: socket.socket, closed: threading.Event) -> None:
    caller.sendall(HEAD % FLOOD)
    for _ in range(FLOOD // 1_000_000):
        caller.sendall(b"[" * 1_000_000)


WAYS = {
    "hang": _hang,
    "trickle": _trickle,
    "reset": _reset,
    "short": _short,
    "long": _long,
    "flood": _flood,
}
