"""Installing the app in a workspace by a click: to Slack and back, with a token in the end.

Flow from https://docs.slack.dev/authentication/installing-with-oauth, by facts/slack.md section 17,
read 2026-11-21. The state that goes out and has to come back is signed and bound to the browser by
a cookie, which ends with the first return; nothing is stored for it. Slack takes a code once.
"""

import asyncio
import hmac
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from http import HTTPStatus
from secrets import token_urlsafe
from typing import Literal, TypedDict
from urllib.parse import urlencode

from pydantic import BaseModel, Field, ValidationError
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from app.errors import DeliveryFailed, DeliveryPutOff
from app.installation import Installation, Installations
from integrations.slack.acquaintance import LACKING, lacking, who_am_i
from integrations.slack.api import Call, basic, form, read
from integrations.slack.manifest import EXAMPLE, OPTIONAL_SCOPES, REDIRECT_PATH, SCOPES

log = logging.getLogger("warmcall.slack")

INSTALL_PATH = "/slack/install"
COOKIE = "warmcall_slack_state"
LASTS_S = 600
"""How long somebody may take at Slack."""

LONGEST_CODE = 512

Page = Callable[[str, str, HTTPStatus], Response]
"""Makes a page of a title and a sentence."""


class CookieOptions(TypedDict):
    """How the cookie is kept."""

    path: str
    secure: bool
    httponly: bool
    samesite: Literal["lax"]


class Team(BaseModel):
    id: str = Field(pattern="^[A-Z0-9]{2,32}$")
    name: str = Field("", max_length=256)


class Someone(BaseModel):
    id: str = Field("", max_length=64)


class Granted(BaseModel):
    """The answer to `oauth.v2.access`."""

    access_token: str = Field(pattern="^xoxb-", max_length=512)
    scope: str = Field("", max_length=4_096)
    bot_user_id: str = Field("", max_length=64)
    team: Team | None = None
    enterprise: Someone | None = None
    authed_user: Someone | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OAuth:
    """The two routes of an installation. `secret` gives the bytes that sign a state."""

    client_id: str
    client_secret: str = field(repr=False)
    api_url: str
    base_url: str
    kept: Installations
    call: Call
    page: Page
    secret: Callable[[], bytes] = field(repr=False)
    now: Callable[[], datetime]

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [
            Route(INSTALL_PATH, self.install, methods=["GET"]),
            Route(REDIRECT_PATH, self.come_back, methods=["GET"]),
        ]

    async def install(self, _: Request) -> Response:
        """Send the browser to Slack, which asks whether the app may be installed."""
        state = await asyncio.to_thread(self._new_state)
        asked = {
            "client_id": self.client_id,
            "scope": ",".join((*SCOPES, *OPTIONAL_SCOPES)),
            "state": state,
            "redirect_uri": self._redirect_uri,
        }
        site = self.api_url.removesuffix("/api")
        answer = RedirectResponse(f"{site}/oauth/v2/authorize?{urlencode(asked)}", HTTPStatus.FOUND)
        answer.set_cookie(COOKIE, state, LASTS_S, **self._cookie)
        answer.headers["Cache-Control"] = "no-store"
        return answer

    async def come_back(self, request: Request) -> Response:
        """Take what Slack sends the browser back with, and say what to do next."""
        answer = await self._taken(request)
        answer.delete_cookie(COOKIE, **self._cookie)
        return answer

    async def _taken(self, request: Request) -> Response:
        state, given = request.query_params.get("state", ""), request.cookies.get(COOKIE, "")
        if not await asyncio.to_thread(self._is_ours, state, given):
            return self._no("This page was opened twice, too late, or from another browser.")
        if error := request.query_params.get("error"):
            why = "You did not allow it" if error == "access_denied" else "Slack did not allow it"
            return self.page("Not installed", f"{why}. {self._again}", HTTPStatus.OK)
        code = request.query_params.get("code", "")
        if not 0 < len(code) <= LONGEST_CODE:
            return self._no("Slack sent no code.")
        try:
            found = await self._exchanged(code)
            await asyncio.to_thread(self.kept.keep, found)
        except DeliveryPutOff:
            return self._no("Slack asks to wait a minute.", HTTPStatus.SERVICE_UNAVAILABLE)
        except DeliveryFailed as exc:
            status = HTTPStatus.BAD_REQUEST if exc.final else HTTPStatus.BAD_GATEWAY
            return self._no(f"{exc}.", status)
        log.info("installed in a Slack workspace", extra={"team_id": found.team_id})
        return self._installed(found)

    async def _exchanged(self, code: str) -> Installation:
        """Give Slack the code for a token. Raises DeliveryFailed and DeliveryPutOff."""
        authorization = basic(self.client_id, self.client_secret)
        asked = {"code": code, "redirect_uri": self._redirect_uri}
        url = f"{self.api_url}/oauth.v2.access"
        said = read(await self.call(form(url, authorization, asked)))
        try:
            granted = Granted.model_validate(said)
        except ValidationError as exc:
            raise DeliveryFailed("Slack's answer cannot be read") from exc
        if granted.team is None:
            raise DeliveryFailed(
                "The app is installed in single workspaces, not in a whole organisation", final=True
            )
        return await self._met(granted, granted.team)

    async def _met(self, granted: Granted, team: Team) -> Installation:
        """Return the installation; who we are there is learned if Slack tells it now."""
        token, bot_id = granted.access_token, ""
        try:
            me = await who_am_i(self.call, self.api_url, token, self.now())
        except (DeliveryFailed, DeliveryPutOff):
            log.warning("auth.test failed for a new Slack workspace", extra={"team_id": team.id})
        else:
            bot_id = me.bot_id
        scopes = tuple(sorted(filter(None, granted.scope.split(","))))
        return Installation(
            team_id=team.id,
            installed_at=self.now(),
            enterprise_id=granted.enterprise.id if granted.enterprise else "",
            name=team.name,
            token=token,
            bot_id=bot_id,
            bot_user_id=granted.bot_user_id,
            scopes=scopes,
            installed_by=granted.authed_user.id if granted.authed_user else "",
            reason=LACKING if lacking(scopes) else "",
        )

    def _installed(self, found: Installation) -> Response:
        told = (
            f"Warmcall is installed in {found.name or found.team_id}. "
            f"Now type /prep {EXAMPLE} anywhere in Slack: "
            "the card comes into your messages with the app."
        )
        if missing := lacking(found.scopes):
            told += f" It was not given all that it needs ({', '.join(missing)}). {self._again}"
        return self.page("Installed", told, HTTPStatus.OK)

    def _no(self, why: str, status: HTTPStatus = HTTPStatus.BAD_REQUEST) -> Response:
        return self.page("Not installed", f"{why} {self._again}", status)

    @property
    def _again(self) -> str:
        return f"To try again, open {self.base_url}{INSTALL_PATH}."

    @property
    def _redirect_uri(self) -> str:
        return self.base_url + REDIRECT_PATH

    @property
    def _cookie(self) -> CookieOptions:
        return {
            "path": "/slack",
            "secure": self.base_url.startswith("https://"),
            "httponly": True,
            "samesite": "lax",  # it has to come along when Slack sends the browser back
        }

    # --- the state

    def _new_state(self) -> str:
        head = f"{int(self.now().timestamp())}.{token_urlsafe(16)}"
        return f"{head}.{self._signature(head)}"

    def _is_ours(self, state: str, given: str) -> bool:
        """Tell whether a state is one of ours, not too old, and of the browser with this cookie."""
        if not hmac.compare_digest(state.encode(), given.encode()):
            return False
        head, _, signature = state.rpartition(".")
        if not hmac.compare_digest(signature.encode(), self._signature(head).encode()):
            return False
        age_s = self.now().timestamp() - int(head.partition(".")[0])
        return 0 <= age_s + 1 <= LASTS_S

    def _signature(self, head: str) -> str:
        return hmac.new(self.secret(), head.encode(), sha256).hexdigest()
