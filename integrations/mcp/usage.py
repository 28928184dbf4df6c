"""What a caller used this month as an answer, and how the providers are."""

from collections.abc import Sequence

from app.views import ProviderView, UsageView
from integrations.mcp.values import Object, iso, without_nothing

MOST_PROVIDERS = 20

USED_UP = "The allowance is used up: get_battlecard still shows cards that were prepared before."


def said(one: UsageView, providers: Sequence[ProviderView]) -> Object:
    """Return what a caller used this month, and today's health of at most 20 providers."""
    on = [each for each in providers if each.configured]
    return without_nothing(
        {
            "month": one.month,
            "used": one.used,
            "credits_spent": round(one.credits_spent, 4),
            "resets_at": iso(one.resets_at),
            "quota": one.quota,
            "remaining": one.remaining,
            "is_unlimited": one.quota is None or None,
            "providers": [_provider(each) for each in on[:MOST_PROVIDERS]],
            "next_step": "" if one.remaining or one.quota is None else USED_UP,
        }
    )


def _provider(one: ProviderView) -> Object:
    told = {
        "name": one.name,
        "state": {"closed": "working"}.get(one.state, one.state),
        "asked_today": one.calls_today,
        "matched_today": one.matched_today,
        "credits_today": round(one.credits_today, 4),
    }
    return without_nothing({**told, "until": iso(one.until) if one.until else ""})
