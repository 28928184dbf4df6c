"""What the routes that others call stand on: a bounded body, the sender's proof, threads."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus
from typing import TypeVar

import anyio
import orjson
from anyio.to_thread import run_sync
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from app.connections import DEFAULT, Connection
from app.errors import WarmcallError
from app.facts import Json
from app.intake import Caller, Intake
from integrations.crm.proof import check

THREADS = 32

HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sent a body, as a connection and as a caller."""

    connection: Connection
    caller: Caller
    raw: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Front:
    """Lets connections in. Verbs that block run in threads of its own."""

    intake: Intake
    now: Callable[[], datetime]
    threads: anyio.CapacityLimiter = field(default_factory=lambda: anyio.CapacityLimiter(THREADS))

    async def sender(self, request: Request, most: int) -> Sender:
        """Return who sent a body of at most so many bytes.

        Raises NotFound for an unknown connection, Unauthorized without proof, HTTPException (413).
        """
        name = request.path_params.get("connection", DEFAULT)
        raw = await body_of(request, most)
        connection = await self.run(lambda: self.intake.connection(name))
        check(connection, raw, request.headers, self.now())
        return Sender(connection, await self.run(lambda: self.intake.connected(connection)), raw)

    async def run(self, verb: Callable[[], T]) -> T:
        """Run a verb that blocks in a thread."""
        return await run_sync(verb, limiter=self.threads)


async def body_of(request: Request, most: int) -> bytes:
    """Return the body. Raises HTTPException (413) when it is larger than `most` bytes."""
    raw = bytearray()
    async for chunk in request.stream():
        raw += chunk
        if len(raw) > most:
            told = f"The body is larger than {most // 1_000} kB."
            raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, told)
    return bytes(raw)


def malformed(why: str) -> HTTPException:
    """Return the refusal of a body that cannot be read at all (400)."""
    return HTTPException(HTTPStatus.BAD_REQUEST, why)


def say(body: dict[str, Json], status: int, headers: dict[str, str] | None = None) -> Response:
    """Return an object as a JSON answer."""
    return Response(orjson.dumps(body), status, HEADERS | (headers or {}), "application/json")


def problem_of(exc: WarmcallError) -> dict[str, Json]:
    """Return what was wrong with one item of several."""
    problem: dict[str, Json] = {"code": exc.code, "message": str(exc)}
    return problem
