"""What people say to the app: by name in a channel, or in their own messages with it.

Slack sends an event again until it is answered, up to three times, with the same id. What may be
lost is done before the answer, in Bolt's middleware; a card is asked for once for an id, and
something is said in return once (facts/slack.md section 6, read 2026-11-21).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, Field, ValidationError
from slack_bolt import App, BoltContext
from slack_sdk import WebClient

from app.errors import NotReady, WarmcallError
from app.prospect import By
from integrations.slack import words
from integrations.slack.asking import Asking, caller, digest
from integrations.slack.calls import ask
from integrations.slack.commands import COMMAND, problem
from integrations.slack.reading import HELP, Wanted, plain, wanted
from integrations.slack.render import Message, usage_help

PREP = frozenset({"prep", COMMAND})
"""With which of these somebody begins who asks for a card."""

ANSWER = "warmcall_answer"
"""Where the answer waits until Slack has its own."""


class Said(BaseModel):
    """A message: of a person alone, for what programs say and what is done to messages has more."""

    type: str
    user: str = Field(pattern="^[UW][A-Z0-9]{1,31}$")
    text: str = ""
    channel: str = Field(pattern="^[A-Z0-9]{2,32}$")
    channel_type: str = ""
    ts: str = Field(max_length=32)
    thread_ts: str | None = Field(None, max_length=32)
    bot_id: str | None = None
    subtype: str | None = None
    team: str | None = None
    user_team: str | None = None

    @property
    def is_mention(self) -> bool:
        """Tell whether it was said where others read too."""
        return self.type == "app_mention"


class Event(BaseModel):
    """An event with a message in it; `event_id` is the same however often it is sent."""

    team_id: str = Field(pattern="^[A-Z0-9]{2,32}$")
    event_id: str = Field(min_length=1, max_length=256)
    event: Said


@dataclass(frozen=True, slots=True)
class Talk:
    """The listeners for what people say."""

    asking: Asking

    def listen(self, bolt: App) -> None:
        """Have Bolt call these listeners."""
        for kind in ("app_mention", "message"):
            bolt.event(kind, middleware=[self.hear])(self.answer)

    def hear(self, body: dict[str, Any], context: BoltContext, next_: Callable[[], object]) -> None:
        """Ask for the cards before Slack has its answer: if that fails, Slack sends it again."""
        event = _meant_for_us(body)
        context[ANSWER] = self._answered(event) if event else None
        next_()

    def answer(self, body: dict[str, Any], context: BoltContext, client: WebClient) -> None:
        """Say something in return where it was asked, once."""
        event, told = _meant_for_us(body), context[ANSWER]
        if event is None or told is None:
            return
        once = f"slack_said:{digest(event.event_id)}"
        if not self.asking.intake.is_first(caller(event.team_id), once):
            return
        said = event.event
        thread = said.thread_ts or (said.ts if said.is_mention else None)
        ask(
            client,
            "chat.postMessage",
            channel=said.channel,
            text=told.text,
            blocks=list(told.blocks),
            unfurl_links=False,
            unfurl_media=False,
            **({"thread_ts": thread} if thread else {}),
        )

    def _answered(self, event: Event) -> Message | None:
        """Ask for what is wanted; return what is to be said, if anything is."""
        typed = plain(event.event.text).strip()
        try:
            if _behind_prep(typed).lower() == "settings":
                kept = self.asking.intake.preference(event.team_id, event.event.user)
                return Message(words.settings(kept), [])
            asked = _read(typed)
            return self._asked(event, asked) if asked else usage_help(COMMAND)
        except NotReady:
            raise  # Slack sends it again
        except WarmcallError as exc:
            return problem(self.asking, event.team_id, COMMAND, exc)

    def _asked(self, event: Event, asked: Wanted) -> Message | None:
        said = event.event
        place = self.asking.place(event.team_id, said.user)
        for number, prospect in enumerate(asked.prospects):
            self.asking.card(event.team_id, place, f"{event.event_id}:{number}", prospect)
        if not asked.prospects:
            return Message(words.refused(asked.refused, COMMAND), [])
        if place == said.user and not said.is_mention and not asked.refused:
            return None  # the card itself comes right here
        goes = words.OWN if place == said.user else words.CHOSEN
        return Message(words.under_way(asked.prospects, asked.refused, goes), [])


def _meant_for_us(body: dict[str, Any]) -> Event | None:
    """Return what a person of this workspace said to us; None for everything else."""
    try:
        event = Event.model_validate(body)
    except ValidationError:
        return None
    said = event.event
    is_other = any(team not in {None, event.team_id} for team in (said.team, said.user_team))
    if said.bot_id or said.subtype or is_other:
        return None
    return event if said.is_mention or said.channel_type == "im" else None


def _read(typed: str) -> Wanted | None:
    """Return whom somebody asks about; None when they ask nothing, such as `hello`.

    A name counts only behind `prep`: any remark with a comma in it looks like one. Raises
    InvalidProspect.

    >>> _read("Thanks, that helped") is None, len(_read("Prep Jane Doe, Acme").prospects)
    (True, 1)
    """
    rest = _behind_prep(typed)
    if rest.lower() in HELP:
        return None
    asked = wanted(rest)
    if rest != typed:
        return asked
    is_plain = not asked.prospects or any(one.by is By.name for one in asked.prospects)
    return None if is_plain else asked


def _behind_prep(typed: str) -> str:
    """Return what follows `prep`; everything when it is not there."""
    head, *rest = typed.split(maxsplit=1) or [""]
    return "".join(rest) if head.rstrip(":,").lower() in PREP else typed
