"""Where Slack calls us: one URL, and Bolt with all listeners behind it."""

import re
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Protocol

from slack_bolt import Ack, App
from slack_bolt.authorization import AuthorizeResult
from slack_sdk import WebClient
from starlette.routing import Route

from app.intake import Intake
from app.settings import Settings
from integrations.slack.actions import Actions, Save, no_crm
from integrations.slack.adapter import Endpoint
from integrations.slack.asking import Asking, Keep
from integrations.slack.commands import Commands
from integrations.slack.desk import Desk
from integrations.slack.dialogs import Dialogs
from integrations.slack.home_tab import HomeTab
from integrations.slack.shortcuts import Shortcuts
from integrations.slack.talk import Talk

PATH = "/slack/events"
THREADS = 32
CALL_S = 10  # the SDK's own client, which only opens what a click asked for


class Listeners(Protocol):
    """Some of the listeners."""

    def listen(self, bolt: App) -> None:
        """Have Bolt call these listeners."""


def routes(
    *,
    intake: Intake,
    settings: Settings,
    now: Callable[[], datetime],
    keep: Keep,
    save: Save = no_crm,
) -> list[Route]:
    """Return the one route that Slack calls; none while Slack is not set up.

    `keep` keeps the addresses for answers, `save` saves a card to the CRM that is connected.
    """
    token, secret = settings.slack_bot_token, settings.slack_signing_secret
    if not (token and secret):
        return []
    asking, desk = Asking(intake, keep), Desk(settings.slack_api_url)
    listeners = (
        Commands(asking),
        Talk(asking),
        HomeTab(intake, f"{settings.base_url}/card/", now),
        Actions(asking, desk, save),
        Dialogs(asking, desk, settings.base_url, now),
        Shortcuts(asking, desk),
    )
    bolt = listening(listeners, token.get_secret_value(), settings.slack_api_url)
    endpoint = Endpoint(bolt.dispatch, secret.get_secret_value(), now)
    return [Route(PATH, endpoint.answer, methods=["POST"])]


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
    bolt.action(re.compile(""))(_unknown)  # behind all others, for buttons of other versions
    return bolt


def _unknown(ack: Ack) -> None:
    ack()
