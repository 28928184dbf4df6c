"""A lean HTTP/1.1 client for load: keep-alive connections that cost the machine little.

It understands what the designs here answer, a content-length or chunks, and nothing else.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import orjson


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer with when it was asked for and when it came, in seconds since 1970."""

    status: int
    body: bytes
    sent_at: float
    came_at: float

    @property
    def took_s(self) -> float:
        """Return how long it took."""
        return self.came_at - self.sent_at

    def json(self) -> dict[str, object]:
        """Return the body read as a JSON object."""
        read: dict[str, object] = orjson.loads(self.body)
        return read


class Line(asyncio.Protocol):
    """One connection; one request at a time."""

    def __init__(self) -> None:
        self._buffer = b""
        self._waiting: asyncio.Future[tuple[int, bytes]] | None = None
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember where to write."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is no subclass

    def data_received(self, data: bytes) -> None:
        """Hand the answer on once it is complete."""
        self._buffer += data
        if self._waiting and (read := _whole(self._buffer)):
            self._buffer = b""
            waiting, self._waiting = self._waiting, None
            if not waiting.done():
                waiting.set_result(read)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell whoever waits that there will be no answer."""
        if self._waiting and not self._waiting.done():
            self._waiting.set_exception(ConnectionResetError())

    @property
    def is_open(self) -> bool:
        """Tell whether a request can be sent."""
        return self._transport is not None and not self._transport.is_closing()

    async def ask(self, request: bytes) -> Reply:
        """Send a request and wait for its answer. Raises ConnectionError."""
        assert self._transport
        self._waiting = asyncio.get_running_loop().create_future()
        sent_at = time.time()
        self._transport.write(request)
        status, body = await self._waiting
        return Reply(status, body, sent_at, time.time())

    def close(self) -> None:
        """End the connection."""
        if self._transport:
            self._transport.close()


def _whole(data: bytes) -> tuple[int, bytes] | None:
    head, found, body = data.partition(b"\r\n\r\n")
    if not found:
        return None
    fields = head.lower()
    at = fields.find(b"\r\ncontent-length:")
    if at >= 0:
        length = int(fields[at + 17 :].split(b"\r\n", 1)[0])
        return (int(head[9:12]), body) if len(body) >= length else None
    return (int(head[9:12]), body) if body.endswith(b"0\r\n\r\n") else None


class Client:
    """Connections to one address, opened when needed."""

    def __init__(
        self, port: int, headers: Mapping[str, str] | None = None, host: str = "bench"
    ) -> None:
        self._port = port
        self._host = host
        self._fields = "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())
        self._free: list[Line] = []

    def get(self, path: str) -> bytes:
        """Return the bytes of a GET."""
        return f"GET {path} HTTP/1.1\r\nhost: {self._host}\r\n{self._fields}\r\n".encode()

    def post(self, path: str, body: object) -> bytes:
        """Return the bytes of a POST of JSON."""
        content = orjson.dumps(body)
        head = (
            f"POST {path} HTTP/1.1\r\nhost: {self._host}\r\n{self._fields}"
            f"content-type: application/json\r\ncontent-length: {len(content)}\r\n\r\n"
        )
        return head.encode() + content

    async def ask(self, request: bytes) -> Reply:
        """Send a request over a free connection, or a new one. A failure is status 0."""
        sent_at = time.time()
        try:
            line = await self._line()
            reply = await line.ask(request)
        except OSError:
            return Reply(0, b"", sent_at, time.time())
        self._free.append(line)
        return reply

    async def _line(self) -> Line:
        while self._free:
            if (line := self._free.pop()).is_open:
                return line
        loop = asyncio.get_running_loop()
        _, line = await loop.create_connection(Line, "127.0.0.1", self._port)
        return line

    async def burst(self, requests: Sequence[bytes], at_once: int) -> list[Reply]:
        """Send all as fast as they are answered, `at_once` under way; return answers in order."""
        left = iter(enumerate(requests))
        told: dict[int, Reply] = {}

        async def go_on() -> None:
            for number, request in left:
                told[number] = await self.ask(request)

        await asyncio.gather(*(go_on() for _ in range(at_once)))
        return [told[number] for number in range(len(requests))]

    async def steady(self, requests: Iterable[bytes], per_s: float) -> list[Reply]:
        """Send at a fixed rhythm, whether or not the earlier ones were answered."""
        loop = asyncio.get_running_loop()
        start, asked = loop.time() + 0.01, []
        for number, request in enumerate(requests):
            await asyncio.sleep(start + number / per_s - loop.time())
            asked.append(asyncio.ensure_future(self.ask(request)))
        return list(await asyncio.gather(*asked))

    async def flood(self, request: bytes, at_once: int, seconds: float) -> float:
        """Send the same request again and again; return answers per second."""
        end = time.monotonic() + seconds
        count = 0

        async def go_on() -> None:
            nonlocal count
            while time.monotonic() < end:
                reply = await self.ask(request)
                assert reply.status == 200, reply
                count += 1

        began = time.monotonic()
        await asyncio.gather(*(go_on() for _ in range(at_once)))
        return count / (time.monotonic() - began)

    def close(self) -> None:
        """Close all connections."""
        while self._free:
            self._free.pop().close()


async def until(is_so: Callable[[], Awaitable[bool]], timeout_s: float, pause_s: float) -> bool:
    """Look again and again; False when time ran out first."""
    end = time.monotonic() + timeout_s
    while not await is_so():
        if time.monotonic() > end:
            return False
        await asyncio.sleep(pause_s)
    return True
