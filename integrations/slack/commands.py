"""What people type in Slack: read, asked for at the front door, answered within 300 ms.

Nothing here calls Slack or a provider: the worker brings the card. What may fail comes before
`ack`, for Bolt takes an answer back when its listener fails (facts/slack.md section 4, read
2026-11-21).
"""

from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, Field, ValidationError
from slack_bolt import Ack, App

from app.errors import InvalidProspect, QuotaExceeded, WarmcallError
from integrations.slack import words
from integrations.slack.asking import Asking, caller
from integrations.slack.reading import HELP, plain, wanted
from integrations.slack.render import Message, quota, usage_help

COMMAND = "/prep"


class Command(BaseModel):
    """A slash command, as Slack sends it (facts/slack.md section 12, read 2026-11-21)."""

    team_id: str = Field(pattern="^[A-Z0-9]{2,32}$")
    user_id: str = Field(pattern="^[A-Z0-9]{2,32}$")
    command: str = Field(max_length=64)
    text: str = ""
    trigger_id: str = Field(min_length=1, max_length=256)
    response_url: str = Field("", max_length=2_000, repr=False)


@dataclass(frozen=True, slots=True)
class Commands:
    """The listeners for slash commands."""

    asking: Asking

    def listen(self, bolt: App) -> None:
        """Have Bolt call these listeners."""
        bolt.command(COMMAND)(self.prep)

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
            return quota(self.asking.intake.usage(caller(command.team_id)))
        except InvalidProspect as exc:
            return Message(words.refused([str(exc)], command.command), [])
        except WarmcallError as exc:
            return Message(words.problem(str(exc)), [])

    def _asked(self, command: Command) -> Message:
        """Ask for each prospect, once however often Slack sends the command."""
        asked = wanted(command.text)
        for number, prospect in enumerate(asked.prospects):
            once = f"{command.trigger_id}:{number}"
            self.asking.card(
                command.team_id,
                command.user_id,
                once,
                prospect,
                response_url=command.response_url,
            )
        if not asked.prospects:
            return Message(words.refused(asked.refused, command.command), [])
        return Message(words.under_way(asked.prospects, asked.refused), [])
