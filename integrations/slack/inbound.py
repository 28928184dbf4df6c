"""What people do in Slack: read, asked for at the front door, answered within 300 ms.

Nothing here calls Slack or a provider: the worker brings the card. What may fail comes before
`ack`, for Bolt takes an answer back when its listener fails (facts/slack.md section 4, read
2026-11-21).
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from pydantic import BaseModel, Field, ValidationError
from slack_bolt import Ack, App
from slack_bolt.authorization import AuthorizeResult
from slack_sdk import WebClient
from starlette.routing import Route

from app.delivery import Address
from app.errors import InvalidProspect, QuotaExceeded, WarmcallError
from app.intake import SCOPES, Ask, Caller, Idempotency, Intake
from app.prospect import Prospect
from app.settings import Settings
from integrations.slack import words
from integrations.slack.adapter import Endpoint
from integrations.slack.reading import HELP, plain, wanted
from integrations.slack.render import Message, quota, usage_help

PATH = "/slack/events"
COMMAND = "/prep"
THREADS = 32
CALL_S = 10  # the SDK's own client, which only opens what a click asked for


class Command(BaseModel):
    """A slash command, as Slack sends it (facts/slack.md section 12, read 2026-11-21)."""

    team_id: str = Field(pattern="^[A-Z0-9]{2,32}$")
    user_id: str = Field(pattern="^[A-Z0-9]{2,32}$")
    command: str = Field(max_length=64)
    text: str = ""
    trigger_id: str = Field(min_length=1, max_length=256)


@dataclass(frozen=True, slots=True)
class Inbound:
    """The listeners and the front door that they stand on."""

    intake: Intake

    def prep(self, ack: Ack, command: dict[str, Any]) -> None:
        """Ask for the cards that a command names, and say where they will come."""
        told = self._answered(command)
        ack(text=told.text, blocks=list(told.blocks))

    def _answered(self, payload: dict[str, Any]) -> Message:
        try:
            command = Command.model_validate(payload)
        except ValidationError:
            return Message(words.UNREADABLE, [])
        if (word := plain(command.text).strip().lower()) in HELP:
            return usage_help(command.command)
        if word == "settings":
            return Message(words.SETTINGS, [])
        try:
            return self._asked(command)
        except QuotaExceeded:
            return quota(self.intake.usage(caller(command.team_id)))
        except InvalidProspect as exc:
            return Message(words.refused([str(exc)], command.command), [])
        except WarmcallError as exc:
            return Message(words.problem(str(exc)), [])

    def _asked(self, command: Command) -> Message:
        """Ask for each prospect, once however often Slack sends the command."""
        asked = wanted(command.text)
        for number, prospect in enumerate(asked.prospects):
            self._request(command, number, prospect)
        if not asked.prospects:
            return Message(words.refused(asked.refused, command.command), [])
        return Message(words.under_way(asked.prospects, asked.refused), [])

    def _request(self, command: Command, number: int, prospect: Prospect) -> None:
        once = _digest(f"{command.team_id}:{command.trigger_id}:{number}")
        message = f"{command.team_id}:{command.user_id}:{once}"
        ask = Ask(prospect=prospect, notify=(Address("slack", message, followed=True),))
        idempotency = Idempotency(f"slack:{once}", _digest(prospect.key))
        self.intake.request(caller(command.team_id), ask, idempotency)


def caller(team: str) -> Caller:
    """Return the caller that a workspace is."""
    return Caller(f"slack_{team}", f"Slack workspace {team}", SCOPES)


def routes(*, intake: Intake, settings: Settings, now: Callable[[], datetime]) -> list[Route]:
    """Return the one route that Slack calls; none while Slack is not set up."""
    token, secret = settings.slack_bot_token, settings.slack_signing_secret
    if not (token and secret):
        return []
    bolt = listening(Inbound(intake), token.get_secret_value(), settings.slack_api_url)
    endpoint = Endpoint(bolt.dispatch, secret.get_secret_value(), now)
    return [Route(PATH, endpoint.answer, methods=["POST"])]


def listening(inbound: Inbound, token: str, api_url: str) -> App:
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
    bolt.command(COMMAND)(inbound.prep)
    return bolt


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:32]
