"""The whole service in one process: its web application over real HTTP, and its worker."""

import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import dns.resolver
import httpx
import pytest

from app.fetch import Fetch
from app.gate import Gate
from app.guard import Allow
from app.settings import Settings
from integrations import web
from integrations.connection import Connection
from integrations.runtime import Runtime, now, start
from integrations.worker import Worker
from tests.fakes.serving import serve

SARAH = "sarah.chen@acme.example"


class NoNames:
    """A name server that knows nobody: no test here asks a real one."""

    async def resolve(self, qname: str, rdtype: str, *, lifetime: float) -> Any:
        raise dns.resolver.NXDOMAIN


async def nowhere(host: str, port: int) -> Sequence[str]:
    raise socket.gaierror(socket.EAI_NONAME, "no such host")


def cut_off(runtime: Runtime, resolver: Any = nowhere) -> Runtime:
    """Return the same service with name servers of our own."""
    gate = Gate(runtime.database, now)
    fetch = partial(
        Fetch,
        now=now,
        admit=gate.admit,
        report=gate.report,
        allow=Allow.parse(runtime.settings.callback_allow),
        user_agent="Warmcall/test",
        resolver=resolver,
        dns=NoNames(),
    )
    return replace(runtime, fetch=fetch)


@dataclass
class House:
    """A running service, and a caller of it."""

    runtime: Runtime
    url: str
    key: str
    key_id: str

    def client(self, key: str | None = None) -> httpx.Client:
        headers = {"Authorization": f"Bearer {key or self.key}"}
        return httpx.Client(
            base_url=self.url,
            headers=headers,
            timeout=30,
            trust_env=False,
            verify=False,  # it speaks no TLS: certificates take 20 ms to read
        )

    def settled(self, **body: Any) -> Any:
        """Ask for a card and return the job as it ended."""
        with self.client() as client:
            answer = client.post("/v1/enrich", json=body, headers={"Prefer": "wait=20"})
        assert answer.status_code == 200, answer.text
        return answer.json()


@contextmanager
def running(folder: Path, resolver: Any = nowhere, **settings: str) -> Iterator[House]:
    """Run the service with these settings while a test goes on."""
    env = {
        "DATABASE_URL": f"sqlite:///{folder / 'house.db'}",
        "WARMCALL_PROVIDERS": "sandbox",
        **settings,
    }
    runtime = cut_off(start(Settings.from_env(env)), resolver)
    caller, key = runtime.intake.create_key("tests", quota=-1)
    worker = Worker(runtime)
    worker.start()
    try:
        with serve(web.application(runtime), http=Connection) as url:
            yield House(runtime, url, key, caller.id)
    finally:
        worker.stop()
        runtime.close()


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with running(tmp_path_factory.mktemp("house")) as house:
        yield house
