"""What the web process has of Slack: one URL or a line, and Bolt with all listeners behind it."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cache, partial
from http import HTTPStatus
from typing import Any, Protocol

from pydantic import SecretStr
from slack_bolt import Ack, App, BoltContext, BoltResponse
from slack_bolt.authorization import AuthorizeResult
from slack_sdk import WebClient
from starlette.routing import Route

from app.errors import NotReady
from app.intake import Intake
from app.settings import Settings
from integrations.slack import words
from integrations.slack.acquaintance import Acquaintance
from integrations.slack.actions import Actions
from integrations.slack.adapter import Endpoint
from integrations.slack.api import Call
from integrations.slack.asking import Asking, Keep
from integrations.slack.commands import Commands
from integrations.slack.desk import Desk
from integrations.slack.dialogs import Dialogs
from integrations.slack.home_tab import HomeTab
from integrations.slack.leaving import ENDS, Leaving
from integrations.slack.manifest import EVENTS_PATH
from integrations.slack.oauth import INSTALL_PATH, OAuth, Page
from integrations.slack.saving import Crm, Saving
from integrations.slack.shortcuts import Shortcuts
from integrations.slack.socket_mode import SocketMode
from integrations.slack.talk import Talk
from integrations.slack.tokens import Tokens
from integrations.slack.uploads import Uploads

THREADS = 32
CALL_S = 10  # the SDK's own client, which only opens what a click asked for
STATES = "states of Slack's OAuth"


class Listeners(Protocol):
    """Some of the listeners."""

    def listen(self, bolt: App) -> None:
        """Have Bolt call these listeners."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slack:
    """What is served of Slack, and what runs beside it: nothing while Slack is not set up."""

    routes: Sequence[Route] = ()
    acquaintance: Acquaintance | None = None
    line: SocketMode | None = None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run what runs beside the routes; nothing of it waits for Slack."""
        learning = asyncio.create_task(self.acquaintance.learn()) if self.acquaintance else None
        if self.line:
            self.line.start()
        try:
            yield
        finally:
            if learning:
                learning.cancel()
                await asyncio.gather(learning, return_exceptions=True)
            if self.line:
                await asyncio.to_thread(self.line.stop)


def surface(
    *,
    intake: Intake,
    settings: Settings,
    now: Callable[[], datetime],
    tokens: Tokens,
    call: Call,
    page: Page,
    keep: Keep,
    crm: Crm | None = None,
) -> Slack:
    """Return this surface. `call` sends a request to Slack, `page` makes a page for a browser.

    `keep` keeps the addresses for answers, `crm` is the CRM that is connected.
    """
    if not settings.has_slack:
        return Slack()
    asking, desk = Asking(intake, keep), Desk(settings.slack_api_url)
    listeners = (
        Uploads(intake, settings.slack_api_url, desk.open),
        Commands(asking),
        Talk(asking),
        HomeTab(intake, f"{settings.base_url}/card/", now),
        Actions(asking, desk),
        Saving(asking, desk, crm),
        Dialogs(asking, desk, settings.base_url, now),
        Shortcuts(asking, desk),
        Leaving(tokens.kept, intake.forget_team),
    )
    bolt = listening(listeners, tokens, settings)
    api_url, routes = settings.slack_api_url, []
    if secret := _text(settings.slack_signing_secret):
        endpoint = Endpoint(bolt.dispatch, secret, now)
        routes.append(Route(EVENTS_PATH, endpoint.answer, methods=["POST"]))
    if settings.slack_client_id:
        oauth = OAuth(
            client_id=settings.slack_client_id,
            client_secret=_text(settings.slack_client_secret),
            api_url=api_url,
            base_url=settings.base_url,
            kept=tokens.kept,
            call=call,
            page=page,
            secret=cache(partial(intake.secret_for, STATES)),
            now=now,
        )
        routes += oauth.routes()
    whose = Acquaintance(call=call, api_url=api_url, tokens=tokens, now=now)
    app_token = _text(settings.slack_app_token)
    line = SocketMode(bolt.dispatch, app_token, api_url) if app_token else None
    return Slack(routes=routes, acquaintance=whose if tokens.by_setting else None, line=line)


def _text(secret: SecretStr | None) -> str:
    return secret.get_secret_value() if secret else ""


def listening(listeners: Sequence[Listeners], tokens: Tokens, settings: Settings) -> App:
    """Return Bolt with all listeners. It is told who is who: it never asks Slack for that.

    It reads SLACK_CLIENT_ID and others from the environment by itself; as it is given `authorize`,
    it uses nothing of them.
    """

    def authorize(enterprise_id: str | None, team_id: str | None) -> AuthorizeResult:
        try:
            found = tokens.installation(team_id or "")
        except NotReady:  # the listener meets the same, and says so
            found = None
        return AuthorizeResult(
            enterprise_id=enterprise_id,
            team_id=team_id,
            bot_token=found.token if found else None,
            bot_id=found.bot_id or None if found else None,
            bot_user_id=found.bot_user_id or None if found else None,
        )

    bolt = App(
        client=WebClient(base_url=f"{settings.slack_api_url}/", timeout=CALL_S, retry_handlers=[]),
        authorize=authorize,
        request_verification_enabled=False,  # done by the adapter, over the bytes that came
        ssl_check_enabled=False,
        listener_executor=ThreadPoolExecutor(THREADS, thread_name_prefix="slack"),
    )
    bolt.middleware(_only_where_installed(settings.base_url + INSTALL_PATH))
    for some in listeners:
        some.listen(bolt)
    bolt.action(re.compile(""))(_unknown)  # behind all others, for buttons of other versions
    return bolt


def _unknown(ack: Ack) -> None:
    ack()


def _only_where_installed(url: str) -> Callable[..., BoltResponse]:
    """Return what stops requests of a workspace in which we may not act (any more).

    Bolt itself would call Slack to say so. An answer to anything but a command would be an error.
    """
    told = words.not_installed(url)

    def judged(
        context: BoltContext, body: dict[str, Any], next_: Callable[[], BoltResponse]
    ) -> BoltResponse:
        found = context.authorize_result
        if (found and found.bot_token) or body.get("event", {}).get("type") in ENDS:
            return next_()
        return BoltResponse(status=HTTPStatus.OK, body=told if "command" in body else "")

    return judged
