"""What opens a window: edit the search, take back the wrong person, share, read everything.

A window opens at once, straight from the listener; what comes back from it is read and asked for
before Slack is answered, so that a mistake is told under the very block.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import ValidationError
from slack_bolt import Ack, App

from app.errors import NotFound, WarmcallError
from app.intake import JobView
from app.job import Status
from app.prospect import Prospect
from integrations.slack import buttons, windows, words
from integrations.slack.actions import Presses, menu_choice
from integrations.slack.asking import Asking, caller
from integrations.slack.blocks import Object
from integrations.slack.desk import Desk, Then
from integrations.slack.payloads import Click, Origin, Submission
from integrations.slack.reading import one
from integrations.slack.render import Links, full

CONVERSATION = "selected_conversation"
CHANNELS = ("C", "G")
"""What the id of a channel begins with; people's own conversations begin otherwise."""

Answer = dict[str, Any]
"""What Slack is answered when a window is submitted; nothing closes it."""


@dataclass(frozen=True, slots=True)
class Dialogs:
    """The listeners for these presses, and for what comes back."""

    asking: Asking
    desk: Desk
    base_url: str
    now: Callable[[], datetime]

    def listen(self, bolt: App) -> None:
        """Have Bolt call these listeners."""
        presses = Presses(self.asking, self.desk)
        bolt.action(buttons.EDIT)(presses.listener(self.edit))
        bolt.action(buttons.SHARE)(presses.listener(self.share))
        bolt.action(buttons.MORE, matchers=[opens])(presses.listener(self.more))
        for name, does in {
            windows.EDIT: self.edited,
            windows.WRONG: self.put_right,
            windows.SHARE: self.shared,
        }.items():
            bolt.view(name)(submitted(does))

    # --- opening

    def edit(self, click: Click) -> Then:
        """Open the window to ask about somebody else."""
        view = self.asking.job(click, click.spot, click.told)
        return self._opens(click, windows.edit(str(view.prospect), Origin.of(click, view.id)))

    def share(self, click: Click) -> Then:
        """Open the window to send a copy to a channel."""
        view = self.asking.job(click, click.spot, click.told)
        if not has_card(view):
            return Presses(self.asking, self.desk).says(click, words.NOT_SHARED)
        return self._opens(click, windows.share(name(view), Origin.of(click, view.id)))

    def more(self, click: Click) -> Then:
        """Open the window that was chosen in the menu."""
        head, _, job_id = click.told.partition(":")
        view = self.asking.job(click, click.spot, job_id)
        if not view.card and head == "full":
            raise NotFound("What the card told is no longer kept.")
        if head == "wrong":
            origin = Origin.of(click, view.id)
            return self._opens(click, windows.wrong(name(view), str(view.prospect), origin))
        links = Links(f"{self.base_url}/card/{view.card_token}")
        return self._opens(click, windows.details(full(view, links, self.now())))

    def _opens(self, click: Click, view: Object) -> Then:
        says = Presses(self.asking, self.desk).says(click, words.NOT_OPENED)
        return lambda client: (
            None if self.desk.open(client, click.trigger_id, view) else says(client)
        )

    # --- what comes back

    def edited(self, sent: Submission) -> Answer:
        """Ask about somebody else in the same message."""
        self._ask(sent, Origin.model_validate_json(sent.view.private_metadata), _typed(sent))
        return {}

    def put_right(self, sent: Submission) -> Answer:
        """Take back who is shown, and ask who is meant."""
        origin, prospect = Origin.model_validate_json(sent.view.private_metadata), _typed(sent)
        self.asking.job(sent, origin.spot(sent.team.id), origin.job)
        self.asking.intake.retract(caller(sent.team.id), origin.job)
        self._ask(sent, origin, prospect)
        return {}

    def shared(self, sent: Submission) -> Answer:
        """Send a copy to a channel."""
        origin = Origin.model_validate_json(sent.view.private_metadata)
        channel = sent.put(windows.CHANNEL, CONVERSATION)
        if not (channel.isalnum() and channel.startswith(CHANNELS)):
            return wrong(windows.CHANNEL, words.NO_CHANNEL)
        self.asking.job(sent, origin.spot(sent.team.id), origin.job)
        self.asking.share(sent, sent.once, origin.job, channel)
        return {"response_action": "update", "view": windows.done(words.SHARED)}

    def _ask(self, sent: Submission, origin: Origin, prospect: Prospect) -> None:
        self.asking.instead(sent, origin.spot(sent.team.id), sent.once, prospect)


def opens(body: dict[str, Any]) -> bool:
    """Tell whether the choice of the menu under a card opens a window."""
    return menu_choice(body) in {"wrong", "full"}


def submitted(does: Callable[[Submission], Answer]) -> Callable[..., None]:
    """Make a listener of Bolt of what a submitted window does."""

    def listener(ack: Ack, body: dict[str, Any]) -> None:
        ack(**_answered(body, does))

    return listener


def wrong(block: str, text: str) -> Answer:
    """Return that something is told under a block, and the window stays open."""
    return {"response_action": "errors", "errors": {block: windows.error(text)}}


def has_card(view: JobView) -> bool:
    """Tell whether there is something to show to others."""
    return view.status in {Status.complete, Status.partial} and bool(view.card)


def name(view: JobView) -> str:
    """Return who is shown; who was asked about when nobody is."""
    shown = view.card.get("person")
    found = shown.get("full_name") if isinstance(shown, dict) else None
    return str(found or view.prospect)


def _answered(body: dict[str, Any], does: Callable[[Submission], Answer]) -> Answer:
    try:
        sent = Submission.model_validate(body)
    except ValidationError:
        return {}
    block = next(iter(sent.view.state.values), windows.QUERY)
    if not sent.is_own:
        return wrong(block, words.FOREIGN)
    try:
        return does(sent)
    except NotFound:
        return wrong(block, words.NOT_KEPT)
    except ValidationError:
        return {}
    except WarmcallError as exc:
        return wrong(block, str(exc))


def _typed(sent: Submission) -> Prospect:
    return one(sent.put(windows.QUERY, "value"))
