"""What every tool stands on: who asks, threads for blocking verbs, and errors in our words."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, TypeVar

import anyio
from anyio.to_thread import run_sync
from mcp.server.auth.middleware.auth_context import get_access_token
from mcp.server.auth.provider import AccessToken
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError
from mcp_types import CallToolResult
from pydantic import SkipValidation

from app.crm import Kind
from app.crm_views import Saved
from app.errors import Forbidden, Unauthorized, WarmcallError
from app.intake import Caller, Intake, JobView
from app.memory import Memory

THREADS = 64  # blocking verbs at once

ROOM = 16_000_000
"""Bytes of cards that a process remembers as it showed them."""

READ_ONLY = "x-warmcall-readonly"
"""Header of a connection that may not change or spend anything."""

NEXT: Mapping[str, str] = {
    "error": "Try again later.",
    "invalid_prospect": "Correct it and call the tool again.",
    "disposable_address": "Correct it and call the tool again.",
    "invalid_request": "Correct the arguments and call the tool again.",
    "unauthorized": "The user has to connect with a valid API key.",
    "forbidden": "An operator can make a key that may: `warmcall keys create NAME --scope spend`. "
    "get_battlecard shows what was prepared before.",
    "not_found": "Call prepare_call with the prospect; its answer names the job_id.",
    "conflict": "Call get_enrichment with the job_id for its state.",
    "idempotency_mismatch": "Call the tool again.",
    "quota_exceeded": "get_battlecard still shows cards that were prepared before.",
    "too_many_requests": "Call the tool again in some seconds.",
    "suppressed": "Do not look this prospect up again.",
    "bad_settings": "An operator has to run `warmcall doctor`.",
    "not_ready": "Call the tool again in some seconds.",
    "blocked_address": "Use another address.",
    "delivery_failed": "Call the tool again later.",
    "delivery_put_off": "Call the tool again in some seconds.",
}
"""Code of an error -> what to do next."""

T = TypeVar("T")

Question = tuple[object, ...]
"""All that an answer depends on but the database and the time."""


class Watcher(Protocol):
    """Tells when jobs change; it asks the store once for all who wait."""

    async def changed(self, job_id: str, version: int, timeout_s: float) -> bool:
        """Wait until the job's version passed `version` or it ended; False = not in time."""

    async def final(self, job_id: str, timeout_s: float) -> bool:
        """Wait until the job has ended; False = not in time."""


class Crm(Protocol):
    """Writes cards into the CRMs that are connected."""

    @property
    def names(self) -> Sequence[str]:
        """The connections; none = nothing can be written."""

    async def plan(self, view: JobView, kind: Kind) -> Saved:
        """Show what would be written into the record of whoever a job is about."""

    async def save(self, view: JobView, kind: Kind) -> Saved:
        """Write it."""


class Admitted(AccessToken):
    """A token that was found valid, with the caller it belongs to; the token itself is not kept."""

    caller: SkipValidation[Caller]


@dataclass(frozen=True, slots=True)
class Said:
    """A card as it was shown; from `until` on it is no longer fresh."""

    result: CallToolResult
    until: datetime


def uncounted(surface: str, outcome: str) -> None:
    """Count nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Front:
    """The core as this surface uses it.

    `local` is who asks where no key comes with a request: over stdio, in a process of their own.
    A refresh or a batch that may cost more credits than `ask_above` is asked about first.
    `count` takes the surface and how a request for a card ended.
    """

    intake: Intake
    watcher: Watcher
    base_url: str
    ask_above: float
    local: Caller | None = None
    crm: Crm | None = None
    count: Callable[[str, str], None] = uncounted
    threads: anyio.CapacityLimiter = field(default_factory=lambda: anyio.CapacityLimiter(THREADS))
    said: Memory[Said] = field(default_factory=lambda: Memory(ROOM), repr=False)

    def caller(self) -> Caller:
        """Return who asks. Raises Unauthorized when nobody was let in."""
        token = get_access_token()
        if isinstance(token, Admitted):
            return token.caller
        if self.local is None:
            raise Unauthorized("No valid API key came with the request.")
        return self.local

    def require(self, scope: str) -> Caller:
        """Return who asks, if the key has this scope. Raises Forbidden that names it otherwise."""
        caller = self.caller()
        if scope not in caller.scopes:
            raise Forbidden(f"This API key lacks the scope `{scope}`.")
        return caller

    def again(self, state: int | None, asked: Question) -> CallToolResult | None:
        """Return the fresh card that answered this question in this state of the database."""
        said = self.said.get(state, asked)
        return said.result if said and self.intake.now() < said.until else None

    def keep(
        self, state: int | None, asked: Question, view: JobView, result: CallToolResult
    ) -> None:
        """Remember the answer to a question that was asked in this state, if it is a fresh card."""
        if view.served_from == "fresh_cache" and view.fresh_until:
            size = 4_000 + 4 * sum(len(str(one)) for one in result.content)
            self.said.keep(state, asked, Said(result, view.fresh_until), size)

    async def run(self, verb: Callable[[], T]) -> T:
        """Run a blocking verb in a thread."""
        return await run_sync(verb, limiter=self.threads)

    async def seen(self, caller: Caller, job_id: str) -> JobView:
        """Return a job as it is now. Raises NotFound."""
        return await self.run(lambda: self.intake.job(caller, job_id))


def front_of(ctx: Context[Front, Any]) -> Front:
    """Return what the server of this request stands on."""
    front: Front = ctx.request_context.lifespan_context
    return front


def is_read_only(headers: Mapping[str, str] | None) -> bool:
    """Tell whether a connection may not change or spend anything."""
    said = headers.get(READ_ONLY, "") if headers else ""
    return said.strip().lower() in {"1", "true", "yes"}


def told(exc: WarmcallError) -> ToolError:
    """Return an error as the model reads it: what was wrong, and what to do."""
    return ToolError(f"{exc} {NEXT[exc.code]}")
