"""One HTTP/1.1 connection to the web process: a request arrives soon and is no giant.

uvicorn 0.54 bounds neither with httptools: it waits for ever for the end of a header or body, and
keeps headers of any size (its issue 157, read 2026-11-21). A middleware comes too late for headers.
"""

from asyncio import AbstractEventLoop, TimerHandle, Transport
from typing import Any, ClassVar

import orjson
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from integrations.rest import problem

MAX_HEAD = 32_768
"""Bytes of a request line and its header fields together."""

MAX_MESSAGE = 16_000_000
"""Bytes of a request of any kind; what an endpoint reads of it is less."""

TOLD = {
    "bad_request": "This is not HTTP.",
    "body_too_large": "The request is larger than 16 MB.",
    "headers_too_large": "The request's header fields are larger than 32 kB.",
    "not_ready": "There are too many connections; try again in a few seconds.",
    "request_timeout": "The request did not arrive within 10 seconds.",
}


class Connection(HttpToolsProtocol):
    """Closes itself on a request that is too large, or has not arrived after `arrives_s`."""

    arrives_s: ClassVar[float] = 10.0

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._late: TimerHandle | None = None
        self._is_heading = False
        self._head = 0  # bytes of the header fields read so far
        self._came = 0  # bytes since the chunk in which the request began

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        """Begin to wait for a request, if there is room for one more connection."""
        super().connection_made(transport)
        if self.limit_concurrency and len(self.connections) > self.limit_concurrency:
            self._refuse("not_ready")
        else:
            self._await_request()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no longer."""
        self._arrived()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on, and refuse what grows too large."""
        if self.cycle is None or self.cycle.response_complete:
            self._await_request()  # also for what never begins, such as empty lines
        self._came += len(data)
        super().data_received(data)
        if self._is_heading and self._came > MAX_HEAD:
            self._refuse("headers_too_large")
        elif self._came > MAX_MESSAGE:
            self._refuse("body_too_large")

    def on_message_begin(self) -> None:
        """Count and time a request of its own."""
        super().on_message_begin()
        self._is_heading, self._head, self._came = True, 0, 0
        self._await_request()

    def on_url(self, url: bytes) -> None:
        """Take a part of the request line."""
        self._grow(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header field, or one behind a chunked body."""
        self._grow(len(name) + len(value))
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Answer the request."""
        self._is_heading = False
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Know that the request has arrived; what it asks for may take longer."""
        self._arrived()
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Refuse what the parser could not read, or was told not to."""
        self._refuse("headers_too_large" if self._head > MAX_HEAD else "bad_request")

    def _grow(self, more: int) -> None:
        """Stop the parser when the head grows too large: it then calls `send_400_response`."""
        self._head += more
        if self._head > MAX_HEAD:
            raise ValueError(TOLD["headers_too_large"])

    def _await_request(self) -> None:
        self._late = self._late or self.loop.call_later(self.arrives_s, self._give_up)

    def _arrived(self) -> None:
        if self._late:
            self._late.cancel()
        self._late = None

    def _give_up(self) -> None:
        self._late = None
        if self.pipeline:
            self._await_request()  # it stands behind another one, and is not being read
        else:
            self._refuse("request_timeout")

    def _refuse(self, code: str) -> None:
        """Close; say why when nothing else is being said."""
        self._arrived()
        if self.transport.is_closing():
            return
        if self.cycle is None or self.cycle.response_complete or not self.cycle.response_started:
            self.transport.write(_answer(code))
        self.transport.close()


def _answer(code: str) -> bytes:
    body = orjson.dumps(problem.problem(code, TOLD[code]))
    head = (
        f"HTTP/1.1 {problem.KINDS[code].status} {problem.KINDS[code].title}\r\n"
        f"content-type: {problem.MEDIA_TYPE}\r\ncontent-length: {len(body)}\r\n"
        "connection: close\r\n\r\n"
    )
    return head.encode() + body
