"""Cards and jobs as resources, and what completes their URIs. Reading one never spends anything."""

from collections.abc import Callable
from functools import partial
from typing import Any

import orjson
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ResourceError, ResourceNotFoundError
from mcp_types import Completion, CompletionArgument

from app.errors import InvalidProspect, NotFound, WarmcallError
from app.intake import Caller, JobView
from app.prospect import identify
from integrations.mcp import render, shapes
from integrations.mcp.front import Front, front_of
from integrations.mcp.values import Detail

JSON = "application/json"

MOST_COMPLETIONS = 100
"""The protocol allows no more."""

GOALS = ("discovery", "demo", "qualification", "renewal", "upsell", "reactivation")
OUTCOMES = ("meeting booked", "interested", "send information", "not now", "not interested")

Asking = Context[Front, Any]


async def battlecard(email: str, ctx: Asking) -> str:
    """Return the newest card of a person, by e-mail address."""
    return await _card(ctx, email)


async def company(domain: str, ctx: Asking) -> str:
    """Return the newest card of a company, by its domain."""
    return await _card(ctx, domain)


async def _card(ctx: Asking, text: str) -> str:
    front = front_of(ctx)

    def found(caller: Caller) -> JobView:
        view = front.intake.shown(caller, identify(text))
        if view is None:
            raise NotFound("No card of this prospect is kept; call prepare_call first.")
        return view

    return await _read(front, found)


async def job(job_id: str, ctx: Asking) -> str:
    """Return a job with what it knows so far."""
    front = front_of(ctx)
    return await _read(front, lambda caller: front.intake.job(caller, job_id))


async def _read(front: Front, find: Callable[[Caller], JobView]) -> str:
    try:
        view = await front.run(partial(find, front.require("read")))
    except (NotFound, InvalidProspect) as exc:
        raise ResourceNotFoundError(str(exc)) from exc
    except WarmcallError as exc:
        raise ResourceError(str(exc)) from exc
    return orjson.dumps(render.result(view, front.base_url, Detail.full)).decode()


def schema() -> str:
    """Return the JSON schema of `card` in answers."""
    return orjson.dumps(shapes.Battlecard.model_json_schema()).decode()


def add_resources(server: MCPServer[Any]) -> None:
    """Register all resources but the view."""
    server.resource(
        "battlecard://{email}",
        name="battlecard",
        title="Battlecard of a person",
        description="The newest prepared card of a person, by e-mail address.",
        mime_type=JSON,
    )(battlecard)
    server.resource(
        "company://{domain}",
        name="company",
        title="Battlecard of a company",
        description="The newest prepared card of a company, by domain.",
        mime_type=JSON,
    )(company)
    server.resource(
        "job://{job_id}",
        name="job",
        title="Job",
        description="A job of prepare_call with what it knows so far.",
        mime_type=JSON,
    )(job)
    server.resource(
        "warmcall://schema/battlecard",
        name="battlecard_schema",
        title="JSON schema of a battlecard",
        description="What the member `card` of answers holds.",
        mime_type="application/schema+json",
    )(schema)


def add_completion(server: MCPServer[Any], front: Front) -> None:
    """Complete arguments of prompts and templates from the caller's own cards."""

    async def complete(_ref: object, argument: CompletionArgument, _context: object) -> Completion:
        fixed = {"goal": GOALS, "outcome": OUTCOMES}.get(argument.name, ())
        values = [one for one in fixed if one.startswith(argument.value.casefold())]
        total = len(values)
        if argument.name in {"email", "domain"}:
            find = partial(_own, front, front.caller(), argument.name, argument.value)
            values, total = await front.run(find)
        return Completion(values=values, total=total, has_more=total > len(values))

    server.completion()(complete)  # type: ignore[no-untyped-call] # the SDK forgot its type


def _own(front: Front, caller: Caller, kind: str, prefix: str) -> tuple[list[str], int]:
    if "read" not in caller.scopes:
        return [], 0
    return front.intake.cards_of(caller, kind, prefix, MOST_COMPLETIONS)
