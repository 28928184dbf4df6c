"""Who we are in a workspace, by `auth.test`: asked in the background, never while somebody waits.

Reference: https://docs.slack.dev/reference/methods/auth.test, by facts/slack.md sections 2 and 9,
read 2026-11-21. The header `x-oauth-scopes` lists what the token may do.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import chain, repeat

from pydantic import BaseModel, Field, ValidationError

from app.errors import DeliveryFailed, DeliveryPutOff, NotReady
from app.installation import Installation
from integrations.slack.api import Call, bearer, form, read
from integrations.slack.manifest import SCOPES
from integrations.slack.tokens import Tokens

log = logging.getLogger("warmcall.slack")

WAITS_S: Sequence[float] = (1, 5, 15, 60)
"""Before asking again, while Slack cannot be reached; the last one over and over."""

LACKING = "missing_scope"


class Me(BaseModel):
    """The answer to `auth.test`."""

    team_id: str = Field(pattern="^[A-Z0-9]{2,32}$")
    team: str = Field("", max_length=256)
    user_id: str = Field("", max_length=64)
    bot_id: str = Field("", max_length=64)
    enterprise_id: str | None = Field(None, max_length=64)


async def who_am_i(call: Call, api_url: str, token: str, at: datetime) -> Installation:
    """Return the workspace of a token, as it is by now; its reason says if it lacks a scope.

    Raises DeliveryFailed, `final` when Slack refuses the token, and DeliveryPutOff.
    """
    answer = await call(form(f"{api_url}/auth.test", bearer(token), {}))
    try:
        me = Me.model_validate(read(answer))
    except ValidationError as exc:
        raise DeliveryFailed("Slack's answer to auth.test cannot be read") from exc
    scopes = scopes_of(answer.headers)
    return Installation(
        team_id=me.team_id,
        installed_at=at,
        enterprise_id=me.enterprise_id or "",
        name=me.team,
        token=token,
        bot_id=me.bot_id,
        bot_user_id=me.user_id,
        scopes=scopes,
        reason=LACKING if scopes and lacking(scopes) else "",
    )


def scopes_of(headers: Mapping[str, str]) -> tuple[str, ...]:
    """Return the scopes that an answer says the token has; none when it does not say."""
    named = headers.get("x-oauth-scopes", "").split(",")
    return tuple(sorted(scope.strip() for scope in named if scope.strip()))


def lacking(scopes: Sequence[str]) -> list[str]:
    """Return what the app needs and was not given."""
    return [scope for scope in SCOPES if scope not in scopes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Acquaintance:
    """Learns, until it knows, whose the token of the operator's setting is."""

    call: Call
    api_url: str
    tokens: Tokens
    now: Callable[[], datetime]
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep

    async def learn(self) -> None:
        """Ask Slack and keep what it says. Ends when Slack has answered, or refused the token."""
        problem = await self._problem()
        if problem:
            log.warning("Slack cannot be asked who we are yet: %s", problem)
        for wait_s in chain(WAITS_S, repeat(WAITS_S[-1])):
            if not problem:
                break
            await self.sleep(wait_s)
            problem = await self._problem()

    async def _problem(self) -> str:
        """Ask once; return why it has to be asked again, empty when it has not."""
        try:
            found = await who_am_i(
                self.call, self.api_url, self.tokens.by_setting or "", self.now()
            )
            await asyncio.to_thread(self._keep, found)
        except DeliveryFailed as exc:
            if not exc.final:
                return str(exc)
            await asyncio.to_thread(self._refused, exc.word)
        except (DeliveryPutOff, NotReady) as exc:
            return str(exc)
        return ""

    def _keep(self, found: Installation) -> None:
        known = self.tokens.kept.find(found.team_id)
        if known is None or not known.token:
            self.tokens.kept.keep(replace(found, token="", by_setting=True))

    def _refused(self, word: str) -> None:
        """Note it of the workspace that the token was of."""
        log.warning("SLACK_BOT_TOKEN is refused: see `warmcall doctor`", extra={"reason": word})
        for one in self.tokens.kept.all():
            if one.by_setting:
                self.tokens.kept.broken(one.team_id, self.tokens.by_setting or "", word)
