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
        try:
            return self._settings(command) if word == "settings" else self._asked(command)
        except WarmcallError as exc:
            return problem(self.asking, command.team_id, command.command, exc)

    def _settings(self, command: Command) -> Message:
        preference = self.asking.intake.preference(command.team_id, command.user_id)
        return Message(words.settings(preference), [])

    def _asked(self, command: Command) -> Message:
        """Ask for each prospect, once however often Slack sends the command."""
        asked = wanted(command.text)
        place = self.asking.place(command.team_id, command.user_id)
        for number, prospect in enumerate(asked.prospects):
            once = f"{command.trigger_id}:{number}"
            self.asking.card(
                command.team_id, place, once, prospect, response_url=command.response_url
            )
        if not asked.prospects:
            return Message(words.refused(asked.refused, command.command), [])
        goes = words.OWN if place == command.user_id else words.CHOSEN
        return Message(words.under_way(asked.prospects, asked.refused, goes), [])


def problem(asking: Asking, team: str, command: str, exc: WarmcallError) -> Message:
    """Return why a card could not be asked for."""
    if isinstance(exc, QuotaExceeded):
        return quota(asking.intake.usage(caller(team)))
    if isinstance(exc, InvalidProspect):
        return Message(words.refused([str(exc)], command), [])
    return Message(words.problem(str(exc)), [])
