"""Where Slack calls us: one URL, and Bolt with all listeners behind it."""

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any, Protocol

from slack_bolt import App
from slack_bolt.authorization import AuthorizeResult
from slack_sdk import WebClient
from slack_sdk.errors import SlackClientError
from starlette.routing import Route

from app.intake import Intake
from app.settings import Settings
from integrations.slack.adapter import Endpoint
from integrations.slack.asking import Asking
from integrations.slack.commands import Commands
from integrations.slack.uploads import Uploads

log = logging.getLogger("warmcall.slack")

PATH = "/slack/events"
THREADS = 32
CALL_S = 10  # the SDK's own client, which only opens what a click asked for


class Listeners(Protocol):
    """Some of the listeners."""

    def listen(self, bolt: App) -> None:
        """Have Bolt call these listeners."""


def routes(*, intake: Intake, settings: Settings, now: Callable[[], datetime]) -> list[Route]:
    """Return the one route that Slack calls; none while Slack is not set up."""
    token, secret = settings.slack_bot_token, settings.slack_signing_secret
    if not (token and secret):
        return []
    asking = Asking(intake)
    listeners = (Uploads(intake, settings.slack_api_url, opened), Commands(asking))
    bolt = listening(listeners, token.get_secret_value(), settings.slack_api_url)
    endpoint = Endpoint(bolt.dispatch, secret.get_secret_value(), now)
    return [Route(PATH, endpoint.answer, methods=["POST"])]


def opened(client: WebClient, trigger_id: str, view: dict[str, Any]) -> None:
    """Open a window; whoever pressed sees when it does not open, the operator reads why."""
    try:
        client.views_open(trigger_id=trigger_id, view=view)
    except (SlackClientError, OSError) as exc:
        log.warning("Slack opened no window", extra={"why": type(exc).__name__})


def listening(listeners: Sequence[Listeners], token: str, api_url: str) -> App:
    """Return Bolt with all listeners. It is told who is who: it never asks Slack for that."""

    def authorize(enterprise_id: str | None, team_id: str | None) -> AuthorizeResult:
        return AuthorizeResult(enterprise_id=enterprise_id, team_id=team_id, bot_token=token)

    bolt = App(
        client=WebClient(base_url=f"{api_url}/", timeout=CALL_S, retry_handlers=[]),
        authorize=authorize,
        request_verification_enabled=False,  # done by the adapter, over the bytes that came
        ssl_check_enabled=False,
        listener_executor=ThreadPoolExecutor(THREADS, thread_name_prefix="slack"),
    )
    for some in listeners:
        some.listen(bolt)
    return bolt
