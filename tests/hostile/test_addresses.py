"""The SSRF table through the whole service: nothing inner is ever dialled, however it is spelled.

Spellings: facts/crm.md section 10.1, read 2026-11-21, and more. A listener counts who comes.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from app.fetch import Fetch
from app.guard import Allow
from app.provider import Answer, Request
from app.providers.website import Website
from tests.hostile.conftest import House, running

LOCAL = "127.0.0.1"


class Trap:
    """Listens on the loopback, IPv4 and IPv6, and counts whoever connects."""

    def __init__(self) -> None:
        self.count = 0
        self.lines = [socket.create_server((LOCAL, 0))]
        self.port: int = self.lines[0].getsockname()[1]
        self.lines.append(socket.create_server(("::1", self.port), family=socket.AF_INET6))
        for line in self.lines:
            Thread(target=self._listen, args=(line,), daemon=True).start()

    def _listen(self, line: socket.socket) -> None:
        while True:
            try:
                line.accept()[0].close()
            except OSError:
                return
            self.count += 1

    def close(self) -> None:
        for line in self.lines:
            line.shutdown(socket.SHUT_RDWR)
            line.close()


@pytest.fixture(scope="module")
def trap() -> Iterator[Trap]:
    trap = Trap()
    yield trap
    trap.close()


PLAIN = """
127.0.0.1 127.0.0.1. 127.1 127.0.1 0 0.0.0.0 2130706433 0x7f000001 0x7f.1 0X7F.0.0.1 0177.0.0.1
017700000001 0x7f.0.1 127.000.000.001 00000177.0.0.1 127.0.0.0x1 localhost LOCALHOST localhost.
a.localhost localhost.localdomain printer.local metadata.google.internal router.home.arpa
169.254.169.254 169.254.170.2 2852039166 0xa9fea9fe 0251.0376.0251.0376 168.63.129.16 10.0.0.1
10.1 172.16.0.1 192.168.1.1 100.64.0.1 192.0.0.1 198.18.0.1 224.0.0.1 255.255.255.255 240.0.0.1
[::1] [::] [0:0:0:0:0:0:0:1] [::ffff:127.0.0.1] [::ffff:7f00:1] [::127.0.0.1] [64:ff9b::7f00:1]
[64:ff9b::127.0.0.1] [64:ff9b:1::1] [2002:7f00:1::] [2001:0:4136:e378:8000:63bf:3fff:fdd2]
[fe80::1] [fe80::1%25lo] [fec0::1] [fd00:ec2::254] [ff02::1] [100::1] [::ffff:0:127.0.0.1]
%6c%6fcalhost user@127.0.0.1 hooks.acme.example@127.0.0.1 127.0.0.1#@hooks.acme.example
127.0.0.1:80\\@hooks.acme.example
"""

HOSTS = [
    *PLAIN.split(),
    "①②⑦.⓪.⓪.①",
    "１２７.0.0.1",  # noqa: RUF001 - full-width digits are the point
    "127。0。0。1",
    "127｡0｡0｡1",
    "ⓛocalhost",
    "ｌｏｃａｌｈｏｓｔ",  # noqa: RUF001
    "loc\u00adalhost",
]

SCHEMES = [
    "file:///etc/passwd",
    "gopher://127.0.0.1:6379/_INFO",
    "ftp://127.0.0.1/",
    "dict://127.0.0.1:11211/",
    "ws://127.0.0.1/",
    "unix:///run/x.sock",
    "data:text/html,x",
    "javascript:alert(1)",
    "jar:http://127.0.0.1!/",
    "dns:localhost?type=A",
    "//127.0.0.1/",
    "http:127.0.0.1",
    "http:///127.0.0.1",
    " http://127.0.0.1/",
    "http://127.0.0.1\t/",
    "http://hooks.acme.example\r\n@127.0.0.1/",
    "http://hooks.acme.example:22/",
    "http://hooks.acme.example:6379/",
    "https://hooks.acme.example/#fragment",
]

ASKS = {
    "/v1/enrich": lambda url: {"email": "sarah.chen@acme.example", "callback_url": url},
    "/v1/callback-ping": lambda url: {"url": url},
}


def spelled(trap: Trap) -> list[str]:
    """Return every spelling, on the trap's own port where the spelling leaves room for one."""
    urls = [f"http://{host}:{trap.port}/hook" for host in HOSTS]
    return [*urls, *(f"https://{host}/hook" for host in HOSTS), *SCHEMES]


@pytest.mark.parametrize("path", ASKS)
def test_no_spelling_of_an_inner_address_is_taken_as_a_callback(
    path: str, house: House, trap: Trap
) -> None:
    with house.client() as client:
        for url in spelled(trap):
            answer = client.post(path, json=ASKS[path](url))
            assert answer.status_code == 422, url
            assert "127.0.0.1" not in answer.json()["detail"]
    assert trap.count == 0


def test_no_spelling_names_a_company_site_that_would_be_visited(house: House, trap: Trap) -> None:
    with house.client() as client:
        for host in (one for one in HOSTS if not set("@\\#") & set(one)):
            body = {"domain": f"http://{host}:{trap.port}/", "wait": 0}
            assert client.post("/v1/enrich", json=body).status_code == 422, host
    assert trap.count == 0


INNER = ["127.0.0.1", "::1", "::ffff:127.0.0.1", "169.254.169.254", "10.0.0.1", "0.0.0.0"]


@pytest.mark.parametrize("address", INNER)
def test_a_name_that_comes_to_resolve_inside_is_not_dialled(
    address: str, trap: Trap, tmp_path: Path
) -> None:
    """DNS rebinding: the name passes when it is given and leads inside when it is called."""
    asked: list[str] = []

    async def rebinding(host: str, port: int) -> Sequence[str]:
        asked.append(host)
        return ["93.184.215.14", address]  # one bad address among them is enough

    with running(tmp_path, rebinding) as house, house.client() as client:
        url = "https://hooks.acme.example/hook"
        sent = client.post("/v1/callback-ping", json={"url": url}).json()
        while not (tried := _delivery(client, sent["id"])["tries"]):
            asyncio.run(asyncio.sleep(0.02))
        assert tried[0]["status"] == 0
        assert tried[0]["error"] == "The address could not be reached."
    assert asked == ["hooks.acme.example"]
    assert trap.count == 0


def _delivery(client: Any, delivery_id: str) -> Any:
    found = client.get("/v1/deliveries").json()["deliveries"]
    return next(one for one in found if one["id"] == delivery_id)


REDIRECTS = [
    "http://127.0.0.1:{port}/",
    "https://localhost:{port}/",
    "http://[::1]:{port}/",
    "http://2130706433:{port}/",
    "//127.0.0.1:{port}/",
    "http://inner.example/",
    "file:///etc/passwd",
    "gopher://127.0.0.1:{port}/",
    "javascript:alert(1)",
    "http://user@127.0.0.1:{port}/",
    "http://①②⑦.0.0.1:{port}/",
    "http://169.254.169.254/latest/meta-data/",
    "http://[",
]


@asynccontextmanager
async def site(location: str) -> AsyncIterator[int]:
    """Serve a site that sends everybody elsewhere."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        head = f"HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n"
        writer.write(head.encode() + b"Connection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(talk, LOCAL, 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


@pytest.mark.parametrize("location", REDIRECTS)
def test_a_site_that_redirects_inside_leads_nowhere(
    location: str, house: House, trap: Trap
) -> None:
    async def inside(host: str, port: int) -> Sequence[str]:
        return [LOCAL]

    async def visit() -> Answer:
        async with site(location.format(port=trap.port)) as port:
            allow = Allow.parse(f"{LOCAL}:{port}")  # the site itself, and nothing else here
            fetch: Fetch = house.runtime.fetch(resolver=inside, allow=allow)  # type: ignore[call-arg]
            try:
                asking = Request("GET", f"http://{LOCAL}:{port}/", guarded=True)
                [answer] = await fetch.send(Website(), [asking])
                return answer
            finally:
                await fetch.aclose()

    answer = asyncio.run(visit())
    assert (answer.status, bool(answer.failure)) == (0, True)
    assert trap.count == 0
