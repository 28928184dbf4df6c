"""What a connection may do and see: read-only, some toolsets, its own resources.

`X-Warmcall-Readonly: true` wins over everything else. `X-Warmcall-Toolsets: cards,usage` shows only
the tools of these sets; what is not shown cannot be called.
"""

import logging
import re
from asyncio import CancelledError
from collections.abc import Mapping
from time import perf_counter
from typing import Any
from urllib.parse import unquote

from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.shared.exceptions import MCPError
from mcp_types import INVALID_PARAMS

from app.errors import InvalidProspect, NotFound
from app.intake import Caller
from app.prospect import Prospect, identify
from integrations.mcp.front import Front, is_read_only
from integrations.mcp.shapes import bare_input, bare_output

Asking = ServerRequestContext[Any, Any]

TOOLSETS: Mapping[str, frozenset[str]] = {
    "cards": frozenset({"prepare_call", "get_enrichment", "cancel_enrichment", "get_battlecard"}),
    "people": frozenset({"find_decision_makers"}),
    "batch": frozenset({"enrich_batch", "get_enrichment"}),
    "crm": frozenset({"push_to_crm"}),
    "usage": frozenset({"get_usage"}),
}
"""Name in X-Warmcall-Toolsets -> its tools; without the header all are there."""

READING = frozenset({"get_enrichment", "get_battlecard", "find_decision_makers", "get_usage"})
"""The tools of a read-only connection; find_decision_makers then looks in the cache alone."""

LISTENING = "subscriptions/listen"
"""Goes on until the client leaves, or the process ends."""

MOST_URIS = 100
"""Resources that one subscription may name."""

log = logging.getLogger("warmcall.mcp")


def _headers(ctx: Asking) -> Mapping[str, str]:
    headers: Mapping[str, str] = getattr(ctx.request, "headers", None) or {}
    return headers


def allowed(headers: Mapping[str, str]) -> frozenset[str] | None:
    """Return the tools that a connection may use, None = all. Raises MCPError."""
    named = [one.strip() for one in headers.get("x-warmcall-toolsets", "").split(",")]
    sets = [one for one in named if one]
    if strange := [one for one in sets if one not in TOOLSETS]:
        known = ", ".join(TOOLSETS)
        raise MCPError(INVALID_PARAMS, f"No toolset {strange[0][:40]!r}; there are {known}.")
    tools = frozenset[str]().union(*(TOOLSETS[one] for one in sets)) if sets else None
    if is_read_only(headers):
        return READING if tools is None else tools & READING
    return tools


async def narrowed(ctx: Asking, call_next: CallNext) -> HandlerResult:
    """Show and run only the tools that the connection's headers allow, in short schemas."""
    if ctx.method not in {"tools/list", "tools/call"}:
        return await call_next(ctx)
    tools = allowed(_headers(ctx))
    name = (ctx.params or {}).get("name")
    if ctx.method == "tools/call" and tools is not None and name not in tools:
        raise MCPError(
            INVALID_PARAMS,
            f"This connection does not allow the tool {str(name)[:64]!r}: it is read-only or has "
            "other toolsets (X-Warmcall-Readonly, X-Warmcall-Toolsets).",
        )
    result = await call_next(ctx)
    return result if ctx.method == "tools/call" else _listed(result, tools)


def _listed(result: Any, tools: frozenset[str] | None) -> HandlerResult:
    shown = [tool for tool in result["tools"] if tools is None or tool["name"] in tools]
    return {**result, "tools": [_short(tool) for tool in shown]}


def _short(tool: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a tool without those parts of its schemas that say nothing more."""
    schemas = {"inputSchema": bare_input, "outputSchema": bare_output}
    return {**tool, **{name: bare(tool[name]) for name, bare in schemas.items() if name in tool}}


async def plain_errors(ctx: Asking, call_next: CallNext) -> HandlerResult:
    """Say what is wrong with arguments without what a validator adds for programmers."""
    result = await call_next(ctx)
    if ctx.method != "tools/call" or not isinstance(result, Mapping) or not result.get("isError"):
        return result
    content = [{**one, "text": _plain(one["text"])} for one in result["content"]]
    return {**result, "content": content}


def _plain(text: str) -> str:
    if not _REJECTED.search(text):
        return text
    told = "; ".join(f"{name}: {problem}" for name, problem in _PROBLEM.findall(text))
    return f"The arguments are not valid: {told}. Correct them and call the tool again."


_REJECTED = re.compile(r"\d+ validation errors? for ")
_PROBLEM = re.compile(r"^(\S+)\n  (.*?) \[type=", re.MULTILINE)


async def prompt_errors(ctx: Asking, call_next: CallNext) -> HandlerResult:
    """Say that an unknown prompt or a missing argument is the client's mistake."""
    if ctx.method != "prompts/get":
        return await call_next(ctx)
    try:
        return await call_next(ctx)
    except ValueError as exc:
        raise MCPError(INVALID_PARAMS, str(exc)) from exc


async def noted(ctx: Asking, call_next: CallNext) -> HandlerResult:
    """Log each request in one line: its method and tool, never what was asked about.

    The outcome is "ok", "error" (the answer is one), "left" (the client did before there was one)
    or "failed", which is a fault of ours.
    """
    started, outcome = perf_counter(), "failed"
    try:
        result = await call_next(ctx)
        outcome = "error" if isinstance(result, Mapping) and result.get("isError") else "ok"
    except MCPError:
        outcome = "error"
        raise
    except CancelledError:
        outcome = "ok" if ctx.method == LISTENING else "left"
        raise
    finally:
        if ctx.request_id is not None:
            _log(ctx, outcome, round(1000 * (perf_counter() - started)))
    return result


def _log(ctx: Asking, outcome: str, elapsed_ms: int) -> None:
    has_name = ctx.method in {"tools/call", "prompts/get"}
    name = str((ctx.params or {}).get("name"))[:64] if has_name else "-"
    log.info(
        "mcp", extra={"method": ctx.method, "tool": name, "outcome": outcome, "ms": elapsed_ms}
    )


class Subscriptions:
    """Lets a caller follow only resources that are its own."""

    def __init__(self, front: Front) -> None:
        self._front = front

    async def __call__(self, ctx: Asking, call_next: CallNext) -> HandlerResult:
        """Refuse a subscription to what the caller has no card of. Raises MCPError."""
        if ctx.method == LISTENING:
            wanted = (ctx.params or {}).get("notifications") or {}
            uris = wanted.get("resourceSubscriptions") or [] if isinstance(wanted, Mapping) else []
            if len(uris) > MOST_URIS:
                raise MCPError(INVALID_PARAMS, f"Subscribe to at most {MOST_URIS} resources.")
            await self._front.run(lambda: self._check(uris))
        return await call_next(ctx)

    def _check(self, uris: list[Any]) -> None:
        caller = self._front.caller()
        for uri in uris:
            if not self._may_follow(caller, str(uri)):
                raise MCPError(
                    INVALID_PARAMS, "There is no such resource of yours.", {"uri": str(uri)[:300]}
                )

    def _may_follow(self, caller: Caller, uri: str) -> bool:
        kind, _, rest = uri.partition("://")
        try:
            if kind == "job":
                return bool(self._front.intake.job(caller, rest))
            if kind in {"battlecard", "company"}:
                return self._is_known(caller, identify(unquote(rest)))
        except (NotFound, InvalidProspect):
            return False
        return kind in {"warmcall", "ui"}

    def _is_known(self, caller: Caller, prospect: Prospect) -> bool:
        """Tell whether the caller may see a card of this prospect, or waits for one."""
        newest = self._front.intake.jobs(caller)
        return any(job.prospect.key == prospect.key for job in newest) or bool(
            self._front.intake.shown(caller, prospect)
        )
