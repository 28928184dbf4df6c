"""Shortcuts: from the menu a window to type in; at a message the person it names."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from slack_bolt import Ack, App

from app.errors import InvalidRequest, WarmcallError
from integrations.slack import windows, words
from integrations.slack.actions import nothing
from integrations.slack.asking import Asking
from integrations.slack.blocks import Message
from integrations.slack.desk import Desk, Then
from integrations.slack.dialogs import Answer, submitted
from integrations.slack.payloads import Shortcut, Submission
from integrations.slack.reading import LONGEST, named, plain, wanted

GLOBAL, AT_MESSAGE = "prep_global", "prep_message"


@dataclass(frozen=True, slots=True)
class Shortcuts:
    """The listeners for shortcuts, and for the window that they open."""

    asking: Asking
    desk: Desk

    def listen(self, bolt: App) -> None:
        """Have Bolt call these listeners."""
        bolt.shortcut(GLOBAL)(self.picked)
        bolt.shortcut(AT_MESSAGE)(self.picked)
        bolt.view(windows.ASK)(submitted(self.asked))

    def picked(self, ack: Ack, body: dict[str, Any], client: Any) -> None:
        """Ask about the one person or company that the message names; else open the window."""
        then = self._answered(body)
        ack()
        then(client)

    def asked(self, sent: Submission) -> Answer:
        """Ask for each that was typed. Nothing is asked for when a part of it is unreadable."""
        found = wanted(sent.put(windows.QUERY, "value"))
        if found.refused or not found.prospects:
            raise InvalidRequest(" ".join(found.refused) or windows.ACCEPTED)
        place = self.asking.place(sent.team.id, sent.user.id)
        for number, prospect in enumerate(found.prospects):
            self.asking.card(sent.team.id, place, f"{sent.once}:{number}", prospect)
        return {}

    def _answered(self, body: Mapping[str, Any]) -> Then:
        try:
            sent = Shortcut.model_validate(body)
        except ValidationError:
            return nothing
        if not sent.is_own:
            return self._says(sent, words.FOREIGN)
        found = named(sent.message.text)
        if len(found) != 1:
            typed = "; ".join(map(str, found)) or _short(sent.message.text)
            return self._opens(sent, typed)
        try:
            place = self.asking.place(sent.team.id, sent.user.id)
            self.asking.card(
                sent.team.id, place, sent.trigger_id, found[0], response_url=sent.response_url
            )
        except WarmcallError as exc:
            return self._says(sent, words.problem(str(exc)))
        return self._says(sent, words.under_way(found, ()))

    def _opens(self, sent: Shortcut, typed: str) -> Then:
        says, view = self._says(sent, words.NOT_OPENED), windows.ask(typed)
        return lambda client: (
            None if self.desk.open(client, sent.trigger_id, view) else says(client)
        )

    def _says(self, sent: Shortcut, text: str) -> Then:
        return lambda _: self.desk.tell(sent.response_url, Message(text, []))


def _short(text: str) -> str:
    """Return a message to begin from, when it is short enough to be somebody's name."""
    typed = " ".join(plain(text).split())
    return typed if len(typed) <= LONGEST else ""
