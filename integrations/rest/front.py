"""What every endpoint stands on: the key's check, threads for blocking verbs, problems, the log."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from time import perf_counter
from typing import TypeVar

import anyio
import orjson
from anyio.to_thread import run_sync
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, ExceptionHandler, Message, Receive, Scope, Send

from app.errors import WarmcallError
from app.facts import Json
from app.intake import Caller, Intake
from integrations.rest import problem
from integrations.rest.problem import Problem
from integrations.rest.verify import bearer, require

THREADS = 64  # blocking verbs at once
MAX_BODY = 65_536  # bytes of a request

PRIVATE = {"Cache-Control": "private, no-cache", "X-Content-Type-Options": "nosniff"}

log = logging.getLogger("warmcall.rest")

T = TypeVar("T")


def say(
    body: Mapping[str, Json], status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Return an object as a JSON answer."""
    fields = {**PRIVATE, **(headers or {})}
    return Response(orjson.dumps(body), status, fields, "application/json")


@dataclass(frozen=True, slots=True)
class Front:
    """Lets callers in and runs their verbs in threads of its own."""

    intake: Intake
    threads: anyio.CapacityLimiter = field(default_factory=lambda: anyio.CapacityLimiter(THREADS))

    async def call(self, request: Request, scope: str, verb: Callable[[Caller], T]) -> T:
        """Run a blocking verb for the caller whose key came, in one trip to a thread.

        Raises Unauthorized and Forbidden, and whatever the verb raises.
        """
        secret = bearer(request.headers.get("authorization"))

        def run() -> T:
            return verb(require(self.intake.authenticate(secret), scope))

        return await self.run(run)

    async def caller(self, request: Request, scope: str) -> Caller:
        """Return the caller whose key came; in a thread only when the key is not remembered.

        Raises Unauthorized and Forbidden.
        """
        secret = bearer(request.headers.get("authorization"))
        known = self.intake.recognise(secret)
        if known is None:
            known = await self.run(lambda: self.intake.authenticate(secret))
        return require(known, scope)

    async def run(self, verb: Callable[[], T]) -> T:
        """Run a blocking verb in a thread."""
        return await run_sync(verb, limiter=self.threads)


async def body_of(request: Request, most: int = MAX_BODY) -> bytes:
    """Return the body. Raises Problem when it is larger than `most` bytes."""
    raw = bytearray()
    async for chunk in request.stream():
        raw += chunk
        if len(raw) > most:
            size = f"{most // 1_000_000} MB" if most >= 1_000_000 else f"{most // 1_024} kB"
            raise Problem("body_too_large", f"The body is larger than {size}.")
    return bytes(raw)


def note(request: Request, *, outcome: str, job_id: str = "-") -> None:
    """Remember for the log and the metrics what a request came to."""
    request.state.outcome = outcome
    request.state.job_id = job_id


def problems(now: Callable[[], datetime]) -> dict[type[Exception], ExceptionHandler]:
    """Return handlers that answer every error with a problem, for a Starlette application."""

    async def ours(request: Request, exc: Exception) -> Response:
        assert isinstance(exc, WarmcallError | Problem)  # the table below says so
        return told(request, problem.of_error(exc), problem.headers_of(exc, now()))

    return {
        WarmcallError: ours,
        Problem: ours,
        HTTPException: _framework,
        ClientDisconnect: _gone,
        Exception: _crash,
    }


def told(
    request: Request, body: Mapping[str, Json], headers: Mapping[str, str] | None = None
) -> Response:
    """Return a problem as the answer."""
    note(request, outcome=str(body["code"]), job_id=getattr(request.state, "job_id", "-"))
    fields = {**PRIVATE, **(headers or {})}
    return Response(orjson.dumps(body), int(str(body["status"])), fields, problem.MEDIA_TYPE)


async def _framework(request: Request, exc: Exception) -> Response:
    assert isinstance(exc, HTTPException)
    code = problem.OF_STATUS.get(exc.status_code, "bad_request")
    details = {
        "not_found": "There is nothing at this path.",
        "method_not_allowed": f"{request.method} is not possible here.",
    }
    return told(request, problem.problem(code, details.get(code, exc.detail)), exc.headers)


async def _gone(request: Request, exc: Exception) -> Response:
    return told(request, problem.problem("bad_request", "The request ended early."))


async def _crash(request: Request, exc: Exception) -> Response:
    """Answer for a bug. The server logs the exception itself."""
    return told(request, problem.problem("internal_error", "The request could not be answered."))


class RequestLog:
    """Logs each request in one line: no identifier of a person, so no path values and no query."""

    def __init__(
        self, app: ASGIApp, prefix: str, ended: Callable[[str, str], None] | None = None
    ) -> None:
        self.app, self.prefix, self.ended = app, prefix, ended

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on and log how it ended."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started, status = perf_counter(), 500

        async def noting(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        try:
            await self.app(scope, receive, noting)
        finally:
            self._log(scope, status, round(1000 * (perf_counter() - started)))

    def _log(self, scope: Scope, status: int, elapsed_ms: int) -> None:
        found = scope.get("route")
        route = self.prefix + (found.path if isinstance(found, Route) else "/?")
        state = scope.get("state", {})
        outcome = state.get("outcome", "-")
        told = {
            "method": scope["method"],
            "route": route,
            "status": status,
            "ms": elapsed_ms,
            "outcome": outcome,
            "job_id": state.get("job_id", "-"),
        }
        if log.isEnabledFor(logging.INFO):  # as log.info, without a search for who called it
            log.handle(
                log.makeRecord(log.name, logging.INFO, __file__, 0, "request", (), None, extra=told)
            )
        if self.ended:
            self.ended(route, outcome)
