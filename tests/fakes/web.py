"""A web server that misbehaves as told, over real sockets, in the loop of the test.

Each path has a script, which writes raw bytes; without one the answer is 404. `untrusted.pem` is
the self-signed certificate of site.example, with its key: good for nothing but these tests.
"""

import asyncio
import contextlib
import gzip
import ssl
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

CERTIFICATE = Path(__file__).with_name("untrusted.pem")

TICK_S = 0.02  # between the bytes of a dripping answer

HTML = "text/html; charset=utf-8"


@dataclass(frozen=True)
class Seen:
    """A request as it arrived; header names in lower case."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


Script: TypeAlias = Callable[["Web", asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Web:
    """One server. As a proxy it finds its scripts by whole URL, and by `CONNECT host:port`."""

    pages: dict[str, Script] = field(default_factory=dict)
    seen: list[Seen] = field(default_factory=list)
    tls: ssl.SSLContext | None = None
    port: int = 0
    connections: int = 0
    closing: asyncio.Event = field(default_factory=asyncio.Event)
    talks: set[asyncio.StreamWriter] = field(default_factory=set)

    @property
    def base(self) -> str:
        return f"http{'s' if self.tls else ''}://127.0.0.1:{self.port}"

    @property
    def targets(self) -> list[str]:
        return [one.target for one in self.seen]

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.talks.add(writer)
        with contextlib.suppress(ConnectionError, ssl.SSLError, asyncio.IncompleteReadError):
            while not writer.is_closing():
                await self._serve_one(reader, writer)
        writer.close()
        self.talks.discard(writer)

    async def close(self) -> None:
        """Hang up on everybody and wait until they know."""
        self.closing.set()
        for writer in self.talks:
            writer.transport.abort()
        while self.talks:
            await asyncio.sleep(0.002)

    async def _serve_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, target, _ = head[0].split(" ")
        headers = dict(line.split(": ", 1) for line in head[1:] if line)
        headers = {name.lower(): value for name, value in headers.items()}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        self.seen.append(Seen(method, target, headers, body))
        key = f"CONNECT {target}" if method == "CONNECT" else target
        await self.pages.get(key, page("Not found", status=404))(self, writer)
        await writer.drain()


@contextlib.asynccontextmanager
async def serving(*, tls: bool = False) -> AsyncIterator[Web]:
    """Serve on a free port of 127.0.0.1 until the test is done."""
    web = Web(tls=certified() if tls else None)
    server = await asyncio.start_server(web.talk, "127.0.0.1", 0, ssl=web.tls)
    web.port = server.sockets[0].getsockname()[1]
    try:
        yield web
    finally:
        server.close()
        await web.close()


def certified() -> ssl.SSLContext:
    """Return what a server needs to speak TLS as site.example and 127.0.0.1."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    return context


def trusting() -> ssl.SSLContext:
    """Return what a client needs to believe that server."""
    return ssl.create_default_context(cafile=str(CERTIFICATE))


def raw(answer: bytes) -> Script:
    """Write these bytes and nothing else, and close."""

    async def script(web: Web, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        await writer.drain()
        writer.close()

    return script


def page(body: str | bytes, *, status: int = 200, kind: str = HTML, **headers: str) -> Script:
    """Answer as a well-behaved server does."""
    content = body.encode() if isinstance(body, str) else body
    lines = {name.replace("_", "-"): value for name, value in headers.items()}
    lines |= {"content-length": str(len(content))} | ({"content-type": kind} if kind else {})
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())

    async def script(web: Web, writer: asyncio.StreamWriter) -> None:
        writer.write(f"HTTP/1.1 {status} Whatever\r\n{head}\r\n".encode() + content)

    return script


def redirect(to: str, status: int = 302) -> Script:
    """Send the visitor on."""
    return page("", status=status, location=to, set_cookie="visit=1; Path=/")


def zipped(body: bytes, *, kind: str = HTML) -> Script:
    return page(gzip.compress(body), kind=kind, content_encoding="gzip")


def bare_deflate(body: bytes) -> Script:
    """Deflate without its wrapper, as some servers do."""
    packer = zlib.compressobj(wbits=-15)
    return page(packer.compress(body) + packer.flush(), content_encoding="deflate")


def endless(start: bytes, chunk: bytes, *, kind: str) -> Script:
    """Send the same bytes again and again for as long as the visitor reads."""

    async def script(web: Web, writer: asyncio.StreamWriter) -> None:
        writer.write(f"HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\n\r\n".encode() + start)
        while not web.closing.is_set():
            writer.write(chunk)
            await writer.drain()

    return script


async def hang(web: Web, writer: asyncio.StreamWriter) -> None:
    """Take the request and never answer."""
    await web.closing.wait()
    writer.close()


async def drip(web: Web, writer: asyncio.StreamWriter) -> None:
    """Answer one byte at a time, which no read time-out notices."""
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 100000\r\n\r\n")
    while not web.closing.is_set():
        writer.write(b".")
        await writer.drain()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(web.closing.wait(), TICK_S)


async def reset(web: Web, writer: asyncio.StreamWriter) -> None:
    """Break the connection off in place of an answer."""
    writer.transport.abort()


def in_turn(*scripts: Script) -> Script:
    """Play one script per request; the last one stays."""
    left = list(scripts)

    async def script(web: Web, writer: asyncio.StreamWriter) -> None:
        await (left.pop(0) if len(left) > 1 else left[0])(web, writer)

    return script


async def tunnel(web: Web, writer: asyncio.StreamWriter) -> None:
    """As a proxy, agree to CONNECT, and then be the site itself, with its untrusted certificate."""
    writer.write(b"HTTP/1.1 200 Connected\r\n\r\n")
    await writer.drain()
    await writer.start_tls(certified())
