"""What the stand-ins for vendors share: the order of their checks, their switches and their log."""

import asyncio
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from tests.fakes.market import Market

Given = Mapping[str, Any]  # query parameters or JSON body, as they came


class Refused(Exception):
    """The vendor says no: the status and word of its documentation."""

    def __init__(self, status: int, word: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.word = word
        self.message = message


@dataclass
class Switches:
    """How a stand-in misbehaves. A number of calls counts down; -1 means all of them."""

    credits: float | None = 1000.0  # None = unlimited
    throttled: int = 0  # calls refused for their rate
    failing: int = 0  # calls answered with 503
    malformed: int = 0  # calls whose body breaks off
    wait_s: float = 1.0  # what a throttled caller is told to wait
    slow_s: float = 0.0
    free_plan: bool = False  # People Data Labs: booleans in place of what the plan lacks
    unfinished: int = 0  # Hunter: verifications answered with 202
    verdictless: int = 0  # Hunter: verifications answered with 222
    suppressed: tuple[str, ...] = ()  # Hunter: addresses answered with 451

    def takes(self, name: str) -> bool:
        """Tell whether this call is one of those the switch is for, and count it."""
        left: int = getattr(self, name)
        if left > 0:
            setattr(self, name, left - 1)
        return left != 0

    def set(self, **values: Any) -> None:
        unknown = set(values) - set(vars(self))
        if unknown:
            raise KeyError(", ".join(sorted(unknown)))
        for name, value in values.items():
            setattr(self, name, value)


@dataclass
class Call:
    """One request as it came; `status` is 0 while it is being answered."""

    vendor: str
    path: str
    identifier: str
    status: int = 0


@dataclass(frozen=True)
class Reply:
    """What a lookup came to; `credits` is its price."""

    body: Any
    credits: float = 1
    status: int = 200


@dataclass(frozen=True)
class Endpoint:
    """One documented call: which parameters it knows, whom it asks about, what it answers."""

    method: str
    path: str
    parameters: frozenset[str]
    identify: Callable[[Given], str | None]  # None when the required identifiers are missing
    answer: Callable[[Given], Reply]


@dataclass
class Vendor(ABC):
    """A stand-in for one vendor, an ASGI application. Subclasses speak its language."""

    market: Market
    key: str = "k3y-of-the-stand-in"
    switches: Switches = field(default_factory=Switches)
    calls: list[Call] = field(default_factory=list)

    name = "vendor"
    bad_request = (400, "bad_request")
    bad_key = (401, "unauthorized")
    no_credits = (402, "payment_required")
    throttle = (429, "rate_limited")

    def __post_init__(self) -> None:
        routes = [
            Route(endpoint.path, self._serving(endpoint), methods=[endpoint.method])
            for endpoint in self.endpoints()
        ]
        self._app = Starlette(routes=routes, exception_handlers={HTTPException: self._unknown})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, send)

    # --- what a vendor says in its own way

    @abstractmethod
    def endpoints(self) -> list[Endpoint]: ...

    @abstractmethod
    def key_of(self, request: Request) -> str | None: ...

    @abstractmethod
    def problem(self, refused: Refused) -> Any: ...

    @abstractmethod
    def headers(self, spent: float, refused: Refused | None) -> dict[str, str]: ...

    # --- what tests ask

    def asked(self, *, path: str | None = None) -> Counter[str]:
        """Count the calls for each identifier, also those that were refused."""
        return Counter(call.identifier for call in self.calls if path in {None, call.path})

    def answered(self) -> Counter[str]:
        """Count the calls for each identifier that were looked up: found or not."""
        looked_up = {200, 202, 222, 404, 451}
        return Counter(call.identifier for call in self.calls if call.status in looked_up)

    # --- how a call is answered

    def _serving(self, endpoint: Endpoint) -> Callable[[Request], Awaitable[Response]]:
        async def serve(request: Request) -> Response:
            given = await _given(request)
            call = Call(self.name, endpoint.path, "")
            self.calls.append(call)
            try:
                call.identifier = (given and endpoint.identify(given)) or ""
                await asyncio.sleep(self.switches.slow_s)
                reply, refused = self._reply(request, endpoint, given), None
            except Refused as no:
                reply, refused = Reply(self.problem(no), credits=0, status=no.status), no
            call.status = reply.status
            return self._response(reply, refused)

        return serve

    def _reply(self, request: Request, endpoint: Endpoint, given: Given | None) -> Reply:
        self._admit(request)
        if given is None:
            raise Refused(*self.bad_request, "the body is not a JSON object")
        unknown = sorted(set(given) - endpoint.parameters)
        if unknown:
            raise Refused(*self.bad_request, f"unknown parameter: {', '.join(unknown)}")
        if not endpoint.identify(given):
            raise Refused(*self.bad_request, "a required identifier is missing")
        if self.switches.credits is not None and self.switches.credits <= 0:
            raise Refused(*self.no_credits, "no credits left in this billing period")
        reply = endpoint.answer(given)
        self._charge(reply.credits)
        return reply

    def _admit(self, request: Request) -> None:
        if self.key_of(request) != self.key:
            raise Refused(*self.bad_key, "the API key is missing or wrong")
        if self.switches.takes("failing"):
            raise Refused(503, "api_error", "try again later")
        if self.switches.takes("throttled"):
            raise Refused(*self.throttle, "too many requests")

    def _charge(self, price: float) -> None:
        if self.switches.credits is not None:
            self.switches.credits = max(0.0, self.switches.credits - price)

    def _response(self, reply: Reply, refused: Refused | None) -> Response:
        body = orjson.dumps(reply.body)
        if self.switches.takes("malformed"):
            body = body[: len(body) // 2]
        headers = self.headers(reply.credits, refused)
        return Response(body, reply.status, headers, media_type="application/json")

    async def _unknown(self, request: Request, error: Exception) -> Response:
        """Answer an unknown path or method in the vendor's own form."""
        status = error.status_code if isinstance(error, HTTPException) else 500
        self.calls.append(Call(self.name, request.url.path, "", status))
        no = Refused(status, "not_found" if status == 404 else "invalid_request_error", "no")
        return self._response(Reply(self.problem(no), 0, status), no)


async def _given(request: Request) -> Given | None:
    """Return the query of a GET, the JSON object of a POST, None for any other body."""
    if request.method == "GET":
        return dict(request.query_params)
    try:
        body = orjson.loads(await request.body())
    except orjson.JSONDecodeError:
        return None
    return body if isinstance(body, dict) else None


def soon(wait_s: float) -> datetime:
    """Return the moment `wait_s` from now."""
    return datetime.now(UTC) + timedelta(seconds=wait_s)


def refuse_unless(found: Any, message: str) -> None:
    """Say 404 when nothing was found."""
    if not found:
        raise Refused(404, "not_found", message)
