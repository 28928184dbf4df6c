"""Asking before much is spent: the user where the client can ask, else the model by a price."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any

from mcp.server.elicitation import AcceptedElicitation, ElicitationResult
from mcp.server.mcpserver import Context, Elicit, Resolve
from pydantic import BaseModel, Field

from app.errors import InvalidProspect, WarmcallError
from app.intake import Ask
from app.job import Priority
from app.prospect import Prospect, identify
from integrations.mcp.front import Front, front_of, told


class Consent(BaseModel):
    """What the user says to a price."""

    spend: bool = Field(description="Spend the credits?")


def refreshing(prospect: Prospect) -> Ask:
    """Return a request that goes past the cache."""
    return Ask(prospect=prospect, refresh=True, priority=Priority.refresh)


def readable(prospects: Sequence[str]) -> dict[int, Prospect]:
    """Return by position the prospects that can be read."""
    found = {}
    for position, text in enumerate(prospects):
        try:
            found[position] = identify(text)
        except InvalidProspect:
            continue
    return found


async def price(front: Front, asks: Sequence[Ask]) -> float:
    """Return the most credits that these requests may cost together."""
    return await front.run(lambda: sum(front.intake.plan(ask).max_credits for ask in asks))


async def may_refresh(
    prospect: str, refresh: bool, confirm: bool, ctx: Context[Front, Any]
) -> Consent | Elicit[Consent]:
    """Ask before a refresh that may cost much."""
    if not refresh or confirm:
        return Consent(spend=True)
    try:
        asks = [refreshing(identify(prospect))]
    except WarmcallError as exc:
        raise told(exc) from exc
    return await _asked(ctx, asks, "Look this prospect up again")


async def may_enrich(
    prospects: list[str], confirm: bool, ctx: Context[Front, Any]
) -> Consent | Elicit[Consent]:
    """Ask before a batch that may cost much."""
    if confirm:
        return Consent(spend=True)
    asks = [Ask(prospect=one) for one in readable(prospects).values()]
    what = f"Look {len(asks)} prospects up (those already known cost nothing)"
    return await _asked(ctx, asks, what)


async def _asked(
    ctx: Context[Front, Any], asks: Sequence[Ask], what: str
) -> Consent | Elicit[Consent]:
    """Return the question, if there is one; it is the same when the client comes back with a yes.

    A yes counts for exactly the question that was asked, so it names what all would cost that are
    not known: what is known by then depends on the moment.
    """
    front = front_of(ctx)
    if not ctx.input_responses and await price(front, asks) <= front.ask_above:
        return Consent(spend=True)
    capabilities = ctx.client_capabilities
    if not (capabilities and capabilities.elicitation):
        return Consent(spend=False)
    most = await price(front, [replace(ask, refresh=True) for ask in asks])
    return Elicit(f"{what} for at most {most:g} credits?", Consent)


RefreshConsent = Annotated[ElicitationResult[Consent], Resolve(may_refresh)]
BatchConsent = Annotated[ElicitationResult[Consent], Resolve(may_enrich)]


def is_given(consent: ElicitationResult[Consent]) -> bool:
    """Tell whether the credits may be spent."""
    return isinstance(consent, AcceptedElicitation) and consent.data.spend
