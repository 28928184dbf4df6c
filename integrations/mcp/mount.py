"""The server over HTTP: one URL, POST only, no sessions, so that any web process answers."""

import asyncio
import re
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from mcp.server import MCPServer
from mcp.server.transport_security import TransportSecuritySettings
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from integrations.mcp.auth import Doorkeeper, guarded, metadata_routes

PATH = "/mcp"
LOCAL = ("127.0.0.1", "localhost", "[::1]")
MAX_BODY = 1_000_000  # bytes


class Streams:
    """The open streams of those who listen to changes; a process ends only when they do.

    A client whose stream ends listens again, at another process.
    """

    def __init__(self) -> None:
        self._open: set[asyncio.Event] = set()
        self._is_over = False

    def end(self) -> None:
        """End every stream, and each that is opened from now on."""
        self._is_over = True
        for one in self._open:
            one.set()

    def watched(self, app: ASGIApp) -> ASGIApp:
        """Return the application; its streams see their client leave when the process ends."""

        async def watching(scope: Scope, receive: Receive, send: Send) -> None:
            if (b"mcp-method", b"subscriptions/listen") not in scope["headers"]:
                await app(scope, receive, send)
                return
            stream = _Stream(receive, send)
            self._open.add(stream.over)
            if self._is_over:
                stream.over.set()
            try:
                await app(scope, stream.receive, stream.send)
            finally:
                self._open.discard(stream.over)
                await stream.finish()

        return watching


class _Stream:
    """One answer that goes on until its client leaves or the process ends."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self.over = asyncio.Event()
        self._receive = receive
        self._send = send
        self._has_body = False
        self._is_unfinished = False

    async def receive(self) -> Message:
        """Return the body; behind it, that the client has left."""
        if not self._has_body:
            message = await self._receive()
            self._has_body = not message.get("more_body", False)
            return message
        client = asyncio.ensure_future(self._receive())
        process = asyncio.ensure_future(self.over.wait())
        try:
            await asyncio.wait((client, process), return_when=asyncio.FIRST_COMPLETED)
            return client.result() if client.done() else {"type": "http.disconnect"}
        finally:
            client.cancel()
            process.cancel()

    async def send(self, message: Message) -> None:
        """Send on, and know whether the answer has an end."""
        starts = message["type"] == "http.response.start"
        self._is_unfinished = starts or bool(message.get("more_body"))
        await self._send(message)

    async def finish(self) -> None:
        """Give an answer an end that we cut off."""
        if self._is_unfinished and self.over.is_set():
            await self._send({"type": "http.response.body", "body": b"", "more_body": False})


def without_space(app: ASGIApp) -> ASGIApp:
    """Return the application; space around values of header fields is taken off.

    httptools leaves it there (facts/mcp.md section 15, read 2026-11-21), and headers are compared
    with the body.
    """

    async def stripped(scope: Scope, receive: Receive, send: Send) -> None:
        fields = [(name, value.strip(b" \t")) for name, value in scope["headers"]]
        await app({**scope, "headers": fields}, receive, send)

    return stripped


def security(base_url: str) -> TransportSecuritySettings:
    """Return which hosts and origins a request may name: our own, and this machine."""
    parts = urlsplit(base_url)
    public = parts.hostname or ""
    hosts = [name for host in (public, *LOCAL) for name in (host, f"{host}:*")]
    origins = [f"{parts.scheme}://{parts.netloc}"]
    origins += [name for host in LOCAL for name in (f"http://{host}", f"http://{host}:*")]
    return TransportSecuritySettings(allowed_hosts=hosts, allowed_origins=origins)


def for_browsers(app: ASGIApp, base_url: str) -> ASGIApp:
    """Return the application; pages of our own origin, and of this machine, may call it."""
    parts = urlsplit(base_url)
    return CORSMiddleware(
        app,
        allow_origins=[f"{parts.scheme}://{parts.netloc}"],
        allow_origin_regex=rf"http://({'|'.join(map(re.escape, LOCAL))})(:\d+)?",
        allow_methods=["POST"],
        allow_headers=["*"],
        expose_headers=["WWW-Authenticate"],
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Mounted:
    """A server in a Starlette application: its routes, and what runs as long as that does."""

    server: MCPServer[Any]
    routes: Sequence[BaseRoute]

    def running(self) -> AbstractAsyncContextManager[None]:
        """Run the server; once only."""
        return self.server.session_manager.run()


def mounted(
    server: MCPServer[Any], doorkeeper: Doorkeeper, base_url: str, streams: Streams
) -> Mounted:
    """Return the server ready to be mounted."""
    app: ASGIApp = server.streamable_http_app(
        streamable_http_path=PATH,
        stateless_http=True,
        max_request_body_size=MAX_BODY,
        transport_security=security(base_url),
    )
    app = without_space(streams.watched(guarded(app, doorkeeper, base_url)))
    endpoint = _Endpoint(for_browsers(app, base_url))
    routes = [
        *metadata_routes(doorkeeper.issuer, base_url),
        Route(PATH, endpoint=endpoint, methods=["POST"]),
        Route(PATH, endpoint=endpoint, methods=["OPTIONS"]),
    ]
    return Mounted(server=server, routes=routes)


@dataclass(frozen=True, slots=True)
class _Endpoint:
    """An ASGI application that Starlette does not mistake for a function of a request."""

    app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app(scope, receive, send)
