"""The tools: each reads its arguments, asks a verb of the core and says the answer.

A tool only ever waits for a job; workers do the work. The descriptions are written for a reader
who has nothing else.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from inspect import cleandoc
from typing import Annotated, Any, Literal, TypeVar

from mcp.server.elicitation import CancelledElicitation, DeclinedElicitation, ElicitationResult
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp_types import CallToolResult, TextContent, ToolAnnotations
from pydantic import Field

from app.batches import ASKS
from app.crm import Kind
from app.errors import WarmcallError
from app.facts import Section
from app.intake import Ask, Caller, JobView
from app.prospect import identify
from integrations.mcp import batch, crm, people, render, shapes, usage
from integrations.mcp.consent import (
    BatchConsent,
    Consent,
    RefreshConsent,
    is_given,
    price,
    readable,
    refreshing,
)
from integrations.mcp.front import Front, front_of, is_read_only, told
from integrations.mcp.values import PAGE, Detail
from integrations.mcp.waiting import all_ended, followed

Asking = Context[Front, Any]

UI = "ui://warmcall/battlecard.html"


MOST_WAIT_S = 50
"""Clients give a call up after 60 s (facts/mcp.md section 4, read 2026-11-21)."""

PEOPLE_WAIT_S = 20.0


def _hints(*, reads: bool, destroys: bool = False, world: bool) -> ToolAnnotations:
    return ToolAnnotations(
        read_only_hint=reads, destructive_hint=destroys, idempotent_hint=True, open_world_hint=world
    )


ProspectArg = Annotated[
    str,
    Field(
        description="E-mail address, company domain, LinkedIn URL or 'Name, Company'",
        max_length=400,
    ),
]
DetailArg = Annotated[
    Literal["concise", "full"], Field(description="full adds more company fields and all sources")
]
Confirm = Annotated[bool, Field(description="true once the user agreed to the price")]
Cursor = Annotated[str, Field(description="next_cursor of the page before", max_length=20)]

T = TypeVar("T")


def answer(shown: dict[str, Any]) -> CallToolResult:
    """Return an answer of few members in both forms."""
    return both(render.told(shown))


def both(said: render.Answer) -> CallToolResult:
    """Return an answer in both forms."""
    text = TextContent(type="text", text=said.text)
    return CallToolResult(content=[text], structured_content=said.shown)


async def prepare_call(
    prospect: ProspectArg,
    ctx: Asking,
    consent: RefreshConsent,
    goal: Annotated[
        str, Field(description="What the call is for; comes back with the card", max_length=300)
    ] = "",
    wait_seconds: Annotated[int, Field(ge=0, le=MOST_WAIT_S)] = 20,
    refresh: Annotated[bool, Field(description="Ask providers again, past the cache")] = False,
    detail: DetailArg = "concise",
    confirm: Confirm = False,
) -> Annotated[CallToolResult, shapes.CardResult]:
    """Prepare a sales call: a battlecard of one person or company.

    Person, company, decision makers, recent signals and talking points, each with its sources,
    confidence and what is unknown. Takes 2 to 10 seconds for a new prospect and may spend credits;
    a known one is answered at once for nothing. The same prospect asked again is the same job and
    is never paid twice. status "working" means that the card is partial: follow next_step.
    """
    front = front_of(ctx)
    try:
        asked = identify(prospect)
        caller = front.caller()
        if "spend" not in caller.scopes:
            return _card(front, await _kept(front, caller, prospect), detail, goal)
        ask = refreshing(asked) if refresh else Ask(prospect=asked)
        if not is_given(consent):
            return answer(await _offer(front, [ask], consent, "prepare_call with refresh=true and"))
        view = await front.run(partial(front.intake.request, caller, ask))
        view = await followed(ctx, caller, view, wait_seconds)
    except WarmcallError as exc:
        front.count("mcp", exc.code)
        raise told(exc) from exc
    front.count("mcp", view.status.value)
    return _card(front, view, detail, goal)


def _card(front: Front, view: JobView, detail: str, goal: str = "") -> CallToolResult:
    return both(render.answer(view, front.base_url, Detail(detail), goal))


async def _offer(
    front: Front, asks: Sequence[Ask], consent: ElicitationResult[Consent], call: str
) -> dict[str, Any]:
    """Return what is said instead of spending."""
    if isinstance(consent, DeclinedElicitation | CancelledElicitation):
        return {"status": "declined", "next_step": "The user did not agree; nothing was spent."}
    most = await price(front, asks)
    return {
        "status": "needs_confirmation",
        "most_credits": most,
        "next_step": f"Nothing was spent yet. It may cost up to {most:g} credits: ask the user, "
        f"then call {call} confirm=true.",
    }


async def get_battlecard(
    prospect: ProspectArg, ctx: Asking, detail: DetailArg = "concise"
) -> Annotated[CallToolResult, shapes.CardResult]:
    """Show the battlecard of a prospect that was prepared before.

    Looks in the cache alone: never spends credits and never waits. When there is no card, the
    error says so; prepare_call then makes one.
    """
    front = front_of(ctx)
    try:
        caller, state = front.require("read"), front.intake.state()
        asked = (caller.id, caller.scopes, prospect, detail)
        if known := front.again(state, asked):
            return known
        view = await _kept(front, caller, prospect)
    except WarmcallError as exc:
        raise told(exc) from exc
    shown = _card(front, view, detail)
    front.keep(state, asked, view, shown)
    return shown


async def _kept(front: Front, caller: Caller, prospect: str) -> JobView:
    """Return the card that is there. Raises ToolError when there is none."""
    asked = identify(prospect)
    view = await front.run(partial(front.intake.shown, caller, asked))
    if view is not None:
        return view
    if "spend" in caller.scopes:
        step = "Call prepare_call with the same prospect; it may spend credits."
    else:
        step = "This API key may not spend; an operator can make one that may."
    raise ToolError(f"No card of this prospect is kept. {step}")


async def get_enrichment(
    job_id: Annotated[str, Field(description="job_id or batch_id", max_length=80)],
    ctx: Asking,
    wait_seconds: Annotated[int, Field(ge=0, le=MOST_WAIT_S)] = 0,
    detail: DetailArg = "concise",
    cursor: Cursor = "",
) -> Annotated[CallToolResult, shapes.JobResult]:
    """Show how a job or a batch is doing, and what it knows so far.

    A job_id of prepare_call gives its card, partial while status is "working". A batch_id of
    enrich_batch gives its match rate and up to 25 rows; next_cursor gets the next ones.
    wait_seconds waits that long for the end. Spends nothing.
    """
    front = front_of(ctx)
    try:
        caller = front.require("read")
        if job_id.startswith("batch_"):
            return answer(await _batch(front, caller, job_id, wait_seconds, detail, cursor))
        view = await followed(ctx, caller, await front.seen(caller, job_id), wait_seconds)
    except WarmcallError as exc:
        raise told(exc) from exc
    return _card(front, view, detail)


async def _batch(
    front: Front, caller: Caller, batch_id: str, wait_s: float, detail: str, cursor: str
) -> dict[str, Any]:
    offset = _offset(cursor)
    first = offset if offset >= ASKS else 0  # of a batch that was begun elsewhere
    look = partial(front.intake.batch_view, caller, batch_id, offset=first)
    view = await front.run(look)
    if wait_s and not view.is_final:
        live = [row.job.id for row in view.rows if row.job and not row.job.is_final]
        await all_ended(front, live, wait_s)
        view = await front.run(look)
    return batch.page(view, offset, Detail(detail))


def _offset(cursor: str) -> int:
    """Read a cursor. Raises ToolError when it is none of ours."""
    if cursor and not (cursor.isascii() and cursor.isdigit()):
        raise ToolError("This cursor is not valid: use next_cursor of the answer before, or none.")
    return int(cursor or 0)


async def cancel_enrichment(
    job_id: Annotated[str, Field(max_length=80)], ctx: Asking
) -> Annotated[CallToolResult, shapes.CancelResult]:
    """Stop a job of prepare_call that is still working.

    What providers were paid already is not given back, and what they answered is kept. A job that
    others asked for too goes on for them.
    """
    front = front_of(ctx)
    try:
        caller = front.require("write")
        view = await front.run(partial(front.intake.cancel, caller, job_id))
    except WarmcallError as exc:
        raise told(exc) from exc
    step = "" if view.is_final else f"It ends within seconds: get_enrichment with job_id={view.id}."
    shown = {"status": render.status(view), "job_id": view.id, "next_step": step}
    return answer({name: value for name, value in shown.items() if value})


async def find_decision_makers(
    company_domain: Annotated[str, Field(description="acme.com", max_length=255)],
    ctx: Asking,
    roles: Annotated[
        list[str],
        Field(
            default_factory=list,
            description="Words of a title or seniority, such as 'sales', 'vp'",
            max_length=10,
        ),
    ],
    limit: Annotated[int, Field(ge=1, le=PAGE)] = 10,
    cursor: Cursor = "",
) -> Annotated[CallToolResult, shapes.PeopleResult]:
    """Find people who may decide at a company, by its domain.

    Each has full_name and, where known, title, seniority, email and linkedin_url. Known people are
    listed at once for nothing; an unknown company is looked up, which takes seconds and may spend
    credits (not on a read-only connection).
    """
    front, offset = front_of(ctx), _offset(cursor)
    try:
        view = await _company(ctx, front.require("read"), company_domain)
    except WarmcallError as exc:
        raise told(exc) from exc
    return answer(people.page(view, roles, offset, limit))


async def _company(ctx: Asking, caller: Caller, domain: str) -> JobView:
    """Return a job that knows the people of a company, or is finding them out."""
    front, prospect = front_of(ctx), identify(domain)
    if "spend" not in caller.scopes or is_read_only(ctx.headers):
        return await _kept(front, caller, domain)
    ask = Ask(prospect=prospect, sections=frozenset({Section.decision_makers}))
    view = await front.run(partial(front.intake.request, caller, ask))
    return await followed(ctx, caller, view, PEOPLE_WAIT_S)


async def enrich_batch(
    prospects: Annotated[list[ProspectArg], Field(min_length=1, max_length=100)],
    ctx: Asking,
    consent: BatchConsent,
    detail: DetailArg = "concise",
    confirm: Confirm = False,
) -> Annotated[CallToolResult, shapes.BatchResult]:
    """Prepare battlecards of up to 100 prospects at once, in the background.

    Answers at once with a batch_id and its first 25 rows; get_enrichment with that batch_id then
    has the match rate and all rows. May spend credits for each unknown prospect: above a few
    credits the price is asked about first.
    """
    front = front_of(ctx)
    try:
        caller = front.require("spend")
        known = readable(prospects)
        if not known:
            raise ToolError(f"None of these can be looked up. {_ACCEPTED}")
        asks = [Ask(prospect=known[at]) if at in known else None for at in range(len(prospects))]
        if not is_given(consent):
            readings = [ask for ask in asks if ask]
            return answer(await _offer(front, readings, consent, "enrich_batch with"))
        view = await front.run(partial(front.intake.batch, caller, asks))
    except WarmcallError as exc:
        front.count("mcp", exc.code)
        raise told(exc) from exc
    front.count("mcp", "batch")
    return answer(batch.begun(view, prospects, Detail(detail)))


_ACCEPTED = (
    "Give e-mail addresses, domains, LinkedIn URLs or 'Name, Company', one prospect an element."
)


async def push_to_crm(
    prospect: ProspectArg,
    ctx: Asking,
    object: Literal["contact", "company"] = "contact",  # noqa: A002 - the argument's public name
    dry_run: Annotated[bool, Field(description="true only shows what would change")] = True,
) -> Annotated[CallToolResult, shapes.CrmResult]:
    """Write a prepared battlecard into the user's CRM.

    With dry_run=true, the default, nothing is written: the answer lists each field with its value
    before and after. Show that to the user, then call again with dry_run=false.
    """
    front = front_of(ctx)
    try:
        view = await _kept(front, front.require("write"), prospect)
        if front.crm is None or not front.crm.names:
            return answer(crm.UNCONNECTED)
        kind = Kind.person if object == "contact" else Kind.company
        if dry_run:
            return answer(crm.planned(await front.crm.plan(view, kind)))
        return answer(crm.written(await front.crm.save(view, kind)))
    except WarmcallError as exc:
        raise told(exc) from exc


async def get_usage(ctx: Asking) -> Annotated[CallToolResult, shapes.UsageResult]:
    """Show what this key used this month: enrichments, quota and credits.

    Also how each provider is doing today, which explains missing fields. Spends nothing.
    """
    front = front_of(ctx)
    try:
        caller = front.require("read")
        used = await front.run(partial(front.intake.usage, caller))
        providers = await front.run(front.intake.providers)
    except WarmcallError as exc:
        raise told(exc) from exc
    return answer(usage.said(used, providers))


Tool = Callable[..., Any]

TOOLS: Mapping[Tool, tuple[str, ToolAnnotations]] = {
    get_enrichment: ("Get enrichment status", _hints(reads=True, world=False)),
    cancel_enrichment: ("Cancel an enrichment", _hints(reads=False, world=False)),
    get_battlecard: ("Get a prepared battlecard", _hints(reads=True, world=False)),
    find_decision_makers: ("Find decision makers", _hints(reads=True, world=True)),
    enrich_batch: ("Prepare many battlecards", _hints(reads=False, world=True)),
    push_to_crm: ("Push to the CRM", _hints(reads=False, destroys=True, world=True)),
    get_usage: ("Get usage and provider health", _hints(reads=True, world=False)),
}
"""Every tool but `prepare_call`, which comes with its view; in the order they are listed."""

PREPARE = ("Prepare a call", _hints(reads=False, world=True))


def described(tool: Tool, title: str, hints: ToolAnnotations) -> dict[str, Any]:
    """Return what a tool is registered with."""
    paragraphs = cleandoc(tool.__doc__ or "").split("\n\n")
    text = "\n\n".join(" ".join(one.split()) for one in paragraphs)
    return {
        "name": tool.__name__,
        "title": title,
        "annotations": hints,
        "description": text,
    }


def add_tools(server: MCPServer[Any]) -> None:
    """Register every tool but `prepare_call`."""
    for tool, (title, hints) in TOOLS.items():
        server.add_tool(tool, **described(tool, title, hints))
