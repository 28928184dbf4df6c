"""`warmcall mcp` as the client of a deployed server: messages go there and back, unchanged.

A line on standard input is one JSON-RPC message and becomes one POST to `/mcp`; what is answered,
JSON or server-sent events, is written to standard output, a message a line. The server keeps no
session, so nothing else has to be remembered but which requests are under way and the revision
that a handshake agreed on. What the newer revision wants in header fields is read from the message
(MCP 2026-07-28 "Streamable HTTP", read 2026-11-21). A cancelled request is one whose answer is no
longer read: that is how the server learns of it.

This module imports nothing of ours: the bundle for desktop clients has it and little more.
"""

import asyncio
import json
import os
import re
import sys
from base64 import b64encode
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

import httpx2

MAX_MESSAGE = 4 * 1024 * 1024
"""Bytes of one message, either way. The server takes less and says so."""

MOST_AT_ONCE = 64  # requests under way
GRACE_S = 1.0
"""What requests under way get to end when standard input was closed."""

KEEP_S = 4.0
"""How long an idle connection is kept: shorter than by the server, so no request meets its end."""

TIMEOUTS = httpx2.Timeout(connect=10, write=30, read=60, pool=10)
"""In seconds. While it has nothing to say, the server sends a sign of life every 15 s."""

PARSE_ERROR, INVALID_REQUEST = -32_700, -32_600
NOT_REACHED = -32_010
"""The server could not be asked, or did not answer as one; MCP leaves this code to us."""

VERSION = "io.modelcontextprotocol/protocolVersion"
NAMED_BY = {
    "tools/call": "name",
    "prompts/get": "name",
    "resources/read": "uri",
    "tasks/get": "taskId",
    "tasks/cancel": "taskId",
    "tasks/update": "taskId",
}
"""Method -> the parameter that the header field Mcp-Name repeats."""

PLAIN = re.compile(r"(?!=\?base64\?)(?! )[\x20-\x7e]*(?<! )")
PRINTABLE = re.compile(r"[\x21-\x7e]+")

Id = str | int
Message = Mapping[str, Any]


class Unusable(ValueError):
    """A setting that says nothing we could connect with; its text names no value."""


class Unanswered(Exception):
    """The server did not answer the request; the text says why, for people."""


@dataclass(frozen=True, slots=True)
class Deployed:
    """A server and the API key for it. `origin` may be shown, the key never."""

    origin: str
    endpoint: str
    key: str = field(repr=False)


def deployed(env: Mapping[str, str]) -> Deployed:
    """Return the server that WARMCALL_URL and WARMCALL_API_KEY name. Raises Unusable."""
    url, key = (env.get(name, "").strip() for name in ("WARMCALL_URL", "WARMCALL_API_KEY"))
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as exc:
        raise Unusable("WARMCALL_URL: expected an http:// or https:// URL.") from exc
    if parts.scheme not in {"http", "https"} or not parts.hostname or port == 0:
        raise Unusable("WARMCALL_URL: expected an http:// or https:// URL.")
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise Unusable("WARMCALL_URL: expected an address alone; the key is in WARMCALL_API_KEY.")
    if not PRINTABLE.fullmatch(key):
        raise Unusable("WARMCALL_API_KEY: expected a key as `warmcall keys create` prints it.")
    origin = f"{parts.scheme}://{parts.netloc}"
    path = parts.path.rstrip("/").removesuffix("/mcp")
    return Deployed(origin, f"{origin}{path}/mcp", key)


class Relay:
    """Passes the messages of one client to a server, and what it answers back."""

    def __init__(
        self,
        server: Deployed,
        http: httpx2.AsyncClient,
        write: Callable[[bytes], None],
        tell: Callable[[str], None],
    ) -> None:
        """`write` takes one line for the client, `tell` a sentence for whoever reads the log."""
        self._server = server
        self._http = http
        self._write = write
        self._tell = tell
        self._revision: str | None = None  # that the handshake agreed on
        self._under_way: dict[Id, asyncio.Task[None]] = {}
        self._notices: set[asyncio.Task[None]] = set()

    def take(self, line: bytes) -> None:
        """Start what a line asks for."""
        try:
            message = json.loads(line)
        except (ValueError, RecursionError):  # also no UTF-8, or cut because it is too long
            told = f"A message is one line of JSON of at most {MAX_MESSAGE} bytes."
            self._refuse(None, PARSE_ERROR, told)
            return
        if not isinstance(message, dict):
            self._refuse(None, INVALID_REQUEST, "A message is one JSON object.")
        elif "method" not in message:
            pass  # an answer, but nobody asked
        elif "id" in message:
            self._start(message["id"], message, line)
        elif message["method"] == "notifications/cancelled":
            self._cancel(_params(message).get("requestId"))
        else:
            self._keep(asyncio.create_task(self._notify(message, line)))

    async def finish(self) -> None:
        """Let what is under way end, for a moment; then give it up."""
        tasks = [*self._under_way.values(), *self._notices]
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=GRACE_S)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    def _start(self, given: Any, message: Message, line: bytes) -> None:
        if isinstance(given, bool) or not isinstance(given, Id):
            self._refuse(None, INVALID_REQUEST, "An id is a text or a whole number.")
        elif given in self._under_way:
            self._refuse(None, INVALID_REQUEST, "A request with this id is under way.")
        elif len(self._under_way) >= MOST_AT_ONCE:
            told = f"{MOST_AT_ONCE} requests are under way; wait for one to end."
            self._refuse(given, NOT_REACHED, told)
        else:
            task = asyncio.create_task(self._ask(given, message, line))
            self._under_way[given] = task
            task.add_done_callback(lambda done: self._forget(given, done))

    def _forget(self, given: Id, task: asyncio.Task[None] | None) -> None:
        """Let an id be used again; what uses it by now stays."""
        if self._under_way.get(given) is task:
            del self._under_way[given]

    def _cancel(self, given: Any) -> None:
        if isinstance(given, Id) and given in self._under_way:
            self._under_way[given].cancel()

    def _keep(self, task: asyncio.Task[None]) -> None:
        self._notices.add(task)
        task.add_done_callback(self._notices.discard)

    async def _ask(self, given: Id, message: Message, line: bytes) -> None:
        """Send a request, and pass everything on that belongs to its answer."""
        try:
            async with aclosing(self._answers(message, line)) as answers:
                async for data in answers:
                    if self._passed_on(given, str(message["method"]), data):
                        return
            raise Unanswered(
                f"The connection to {self._server.origin} ended before the answer. Ask again: a "
                "job that was started goes on, and is not paid twice."
            )
        except Unanswered as exc:
            self._tell(str(exc))
            self._refuse(given, NOT_REACHED, str(exc))

    async def _notify(self, message: Message, line: bytes) -> None:
        try:
            async for _ in self._answers(message, line):
                pass
        except Unanswered as exc:
            self._tell(str(exc))

    async def _answers(self, message: Message, line: bytes) -> AsyncGenerator[bytes, None]:
        """POST a message; yield the messages that are answered. Raises Unanswered."""
        fields = self._fields(message)
        try:
            async with self._http.stream(
                "POST", self._server.endpoint, content=line, headers=fields
            ) as response:
                async for data in _messages(response, self._server.origin):
                    yield data
        except httpx2.ConnectError as exc:
            raise Unanswered(
                f"No server answers at {self._server.origin}: is it running, and is WARMCALL_URL "
                "right?"
            ) from exc
        except httpx2.TimeoutException as exc:
            raise Unanswered(f"{self._server.origin} did not answer in time. Try again.") from exc
        except httpx2.HTTPError as exc:
            raise Unanswered(
                f"The connection to {self._server.origin} broke. Ask again: a job that was started "
                "goes on, and is not paid twice."
            ) from exc

    def _fields(self, message: Message) -> dict[str, str]:
        """Return the header fields that repeat what the message says."""
        method, params = str(message["method"]), _params(message)
        fields = {"mcp-method": _field(method)}
        meta = params.get("_meta")
        revision = meta.get(VERSION) if isinstance(meta, dict) else None
        if method != "initialize" and (revision := revision or self._revision):
            fields["mcp-protocol-version"] = _field(str(revision))
        name = params.get(NAMED_BY.get(method, ""))
        return {**fields, "mcp-name": _field(name)} if isinstance(name, str) else fields

    def _passed_on(self, given: Id, method: str, data: bytes) -> bool:
        """Pass a message of the server on; tell whether it was the answer. Raises Unanswered."""
        message = _read(data)
        if message is None:
            raise Unanswered(_no_warmcall(self._server.origin, "no MCP"))
        is_answer = "method" not in message
        if is_answer and message.get("id") != given:
            message = {**message, "id": given}  # there is one request in a POST
            data = json.dumps(message).encode()
        result = message.get("result")
        if method == "initialize" and isinstance(result, dict):
            self._revision = result.get("protocolVersion")
        if is_answer:  # who reads it may use the id again at once
            self._forget(given, asyncio.current_task())
        self._write(data.replace(b"\r", b" ").replace(b"\n", b" ") + b"\n")
        return is_answer

    def _refuse(self, given: Id | None, code: int, told: str) -> None:
        error = {"jsonrpc": "2.0", "id": given, "error": {"code": code, "message": told}}
        self._write(json.dumps(error).encode() + b"\n")


def _params(message: Message) -> Message:
    params = message.get("params")
    return params if isinstance(params, dict) else {}


def _field(value: str) -> str:
    """Return a value as a header field may carry it: in base64 when it is not plain ASCII."""
    if PLAIN.fullmatch(value):
        return value
    return f"=?base64?{b64encode(value.encode('utf-8', 'surrogatepass')).decode()}?="


def _read(data: bytes) -> dict[str, Any] | None:
    """Return a JSON-RPC message, None when it is none."""
    try:
        message = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return message if isinstance(message, dict) and message.get("jsonrpc") == "2.0" else None


async def _messages(response: httpx2.Response, origin: str) -> AsyncIterator[bytes]:
    """Yield the messages in a response. Raises Unanswered when it is not as a server answers."""
    status = response.status_code
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if status == 202 or status == 204:
        return
    if status == 200 and kind == "text/event-stream":
        async for data in events(response.aiter_bytes()):
            yield data
        return
    body = await _whole(response) if kind == "application/json" else b""
    if status in {401, 403} or _read(body) is None:
        raise Unanswered(_meant(status, origin, response.headers.get("retry-after", "")))
    yield body


async def _whole(response: httpx2.Response) -> bytes:
    body = b""
    async for chunk in response.aiter_bytes():
        body = _bounded(body + chunk)
    return body


async def events(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Yield the data of each server-sent event. Raises Unanswered when one is too large."""
    rest, data = b"", b""
    async for chunk in chunks:
        *lines, rest = _bounded(rest + chunk).split(b"\n")
        for line in lines:
            name, _, value = line.rstrip(b"\r").partition(b":")
            if name == b"data":
                data = _bounded(data + value.removeprefix(b" ") + b"\n")
            elif not name and not value and data:  # an empty line: the event is whole
                yield data.rstrip(b"\n")
                data = b""


def _bounded(data: bytes) -> bytes:
    if len(data) > MAX_MESSAGE:
        raise Unanswered(f"The server's answer is larger than {MAX_MESSAGE} bytes.")
    return data


def _no_warmcall(origin: str, why: str) -> str:
    return f"{origin} does not answer as a Warmcall does ({why}): is WARMCALL_URL right?"


def _meant(status: int, origin: str, retry_after: str) -> str:
    """Return what an answer without a message means, for people."""
    if status == 401:
        return (
            f"{origin} does not know the key in WARMCALL_API_KEY. `warmcall keys create NAME` "
            "makes one there."
        )
    if status == 403:
        return f"The key in WARMCALL_API_KEY is not allowed to do this at {origin}."
    if status == 413:
        return f"The message is larger than {origin} takes."
    if status == 421:
        return f"{origin} goes by another name: its WARMCALL_PUBLIC_URL has to be WARMCALL_URL."
    if status in {429, 503}:
        when = f"in {retry_after} s" if retry_after.isdigit() else "later"
        return f"{origin} is busy (HTTP {status}); try again {when}."
    if status >= 500:
        return f"{origin} failed (HTTP {status}); its log says why."
    return _no_warmcall(origin, f"HTTP {status}")


# --- the process ---------------------------------------------------------------------------


def main(env: Mapping[str, str]) -> None:
    """Serve one client until it closes standard input; exit with 1 when a setting is unusable."""
    try:
        server = deployed(env)
    except Unusable as exc:
        sys.exit(f"warmcall: {exc}")
    with suppress(KeyboardInterrupt):
        asyncio.run(_relayed(server))


async def _relayed(server: Deployed) -> None:
    fields = {
        "authorization": f"Bearer {server.key}",
        "content-type": "application/json",
        "accept": "application/json, text/event-stream",
    }
    limits = httpx2.Limits(max_connections=2 * MOST_AT_ONCE, keepalive_expiry=KEEP_S)
    async with httpx2.AsyncClient(headers=fields, timeout=TIMEOUTS, limits=limits) as http:
        relay = Relay(server, http, _written, _Log().tell)
        async for line in _lines():
            relay.take(line)
        await relay.finish()


class _Log:
    """Standard error; what was just told is not told again."""

    def __init__(self) -> None:
        self._last = ""

    def tell(self, sentence: str) -> None:
        if sentence != self._last:
            sys.stderr.write(f"warmcall: {sentence}\n")
            sys.stderr.flush()
        self._last = sentence


def _written(line: bytes) -> None:
    """Write to standard output; a client that has gone gets nothing."""
    with suppress(BrokenPipeError):
        left = memoryview(line)
        while left:
            left = left[os.write(1, left) :]


async def _lines() -> AsyncIterator[bytes]:
    """Yield the lines of standard input until it is closed; one that is too long is cut."""
    loop = asyncio.get_running_loop()
    read: asyncio.Queue[bytes | None] = asyncio.Queue()

    def put(line: bytes | None) -> None:
        with suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(read.put_nowait, line)

    # a thread reads whatever standard input is, a file, a pipe or a terminal, on every system
    Thread(target=_split, args=(put,), daemon=True).start()
    while (line := await read.get()) is not None:
        if line.strip():
            yield line


def _split(put: Callable[[bytes | None], None]) -> None:
    rest, is_cut = b"", False
    while chunk := os.read(0, 65_536):
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            if not is_cut:
                put(line)
            is_cut = False
        if len(rest) > MAX_MESSAGE:
            if not is_cut:
                put(rest)
            rest, is_cut = b"", True
    put(rest)
    put(None)


if __name__ == "__main__":
    main(os.environ)  # noqa: TID251  this is the edge
