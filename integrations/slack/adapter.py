"""The one URL that Slack calls: the signature first, then the body, then Bolt in a thread.

Bolt's own adapter reads the body before the signature and blocks the event loop
(facts/slack.md section 2, read 2026-11-21). Requests are handed to Bolt as those of Socket Mode,
checked and read: so both ways of being called are the same code.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl

import anyio
import orjson
from anyio.to_thread import run_sync
from slack_bolt import BoltRequest, BoltResponse
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from integrations.slack.verify import is_from_slack

MAX_BODY = 1_000_000  # bytes; a modal's state may be some 250 kB
THREADS = 32
PASSED_ON = ("x-slack-retry-num", "x-slack-retry-reason")
"""Headers that Bolt may see: it would obey others, which the signature does not cover."""


class Malformed(Exception):
    """The body is signed and is not what Slack sends."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Answers Slack. `dispatch` blocks for milliseconds; it has threads of its own."""

    dispatch: Callable[[BoltRequest], BoltResponse]
    secret: str = field(repr=False)
    now: Callable[[], datetime]
    threads: anyio.CapacityLimiter = field(default_factory=lambda: anyio.CapacityLimiter(THREADS))

    async def answer(self, request: Request) -> Response:
        """Answer 401 to who is not Slack, 413 and 400 to what cannot be read."""
        raw = await _body(request)
        if raw is None:
            return _problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        if not is_from_slack(raw, request.headers, self.secret, self.now()):
            return _problem(HTTPStatus.UNAUTHORIZED)
        try:
            body = _read(raw, request.headers.get("content-type", ""))
        except Malformed:
            return _problem(HTTPStatus.BAD_REQUEST)
        return await self._dispatched(body, request.headers)

    async def _dispatched(self, body: dict[str, Any], headers: Mapping[str, str]) -> Response:
        kept = {name: headers[name] for name in PASSED_ON if name in headers}
        asked = BoltRequest(body=body, headers=dict(kept), mode="socket_mode")
        told = await run_sync(self.dispatch, asked, limiter=self.threads)
        return Response(told.body, told.status, told.first_headers_without_set_cookie())


async def _body(request: Request) -> bytes | None:
    """Return the body, None when it is larger than MAX_BODY."""
    raw = bytearray()
    async for chunk in request.stream():
        raw += chunk
        if len(raw) > MAX_BODY:
            return None
    return bytes(raw)


def _read(raw: bytes, content_type: str) -> dict[str, Any]:
    """Return the object that a body carries: JSON, or a form, or JSON in a form's `payload`."""
    try:
        if content_type.partition(";")[0].strip().lower() == "application/json":
            body = orjson.loads(raw)
        else:
            form = dict(parse_qsl(raw.decode("utf-8"), keep_blank_values=True))
            body = orjson.loads(form["payload"]) if "payload" in form else form
    except ValueError as exc:
        raise Malformed from exc
    if not isinstance(body, dict):
        raise Malformed
    return body


def _problem(status: HTTPStatus) -> Response:
    return JSONResponse({"error": status.phrase.lower()}, status)
