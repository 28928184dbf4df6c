"""What is pressed under a card and needs no window: look up again, choose, judge, delete, save.

What may fail comes before `ack`, for Bolt takes an answer back when its listener fails; Slack is
only asked for something afterwards.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from slack_bolt import Ack, App

from app.card import Candidate
from app.errors import Conflict, InvalidProspect, NotFound, QuotaExceeded, WarmcallError
from app.intake import JobView, Vote
from app.job import Status
from app.prospect import Prospect, from_parts
from integrations.slack import buttons, words
from integrations.slack.addresses import CHANNEL
from integrations.slack.asking import Asking, caller, digest
from integrations.slack.blocks import Message
from integrations.slack.desk import Client, Desk, Then
from integrations.slack.payloads import Click
from integrations.slack.render import quota

ASKED_ANEW = frozenset({Status.complete, Status.ambiguous, Status.not_found})
"""Ends of a job after which looking up again asks everybody; after others, who did not answer."""


def nothing(_: Client) -> None:
    """Do nothing after the acknowledgement."""


@dataclass(frozen=True, slots=True)
class Presses:
    """Answers presses: read, done as far as it can fail, acknowledged, then said."""

    asking: Asking
    desk: Desk

    def listener(self, does: Callable[[Click], Then]) -> Callable[..., None]:
        """Make a listener of Bolt of what a press does."""

        def pressed(ack: Ack, body: dict[str, Any], client: Any) -> None:
            then = self._answered(body, does)
            ack()
            then(client)

        return pressed

    def says(self, click: Click, text: str) -> Then:
        """Return that something is told to who pressed, and to nobody else."""
        return self.tells(click, Message(text, []))

    def tells(self, click: Click, message: Message) -> Then:
        """Return that a message is told to who pressed, and to nobody else."""
        return lambda _: self.desk.tell(click.response_url, message)

    def _answered(self, body: Mapping[str, Any], does: Callable[[Click], Then]) -> Then:
        try:
            click = Click.model_validate(body)
        except ValidationError:
            return nothing
        if not click.is_own:
            return self.says(click, words.FOREIGN)
        try:
            return does(click)
        except NotFound:
            return self.says(click, words.NOT_KEPT)
        except QuotaExceeded:
            return self.tells(click, quota(self.asking.intake.usage(caller(click.team.id))))
        except WarmcallError as exc:
            return self.says(click, words.problem(str(exc)))


@dataclass(frozen=True, slots=True)
class Actions:
    """The listeners for these presses."""

    asking: Asking
    desk: Desk

    def listen(self, bolt: App) -> None:
        """Have Bolt call these listeners."""
        presses = Presses(self.asking, self.desk)
        for action_id, does in {
            buttons.REFRESH: self.refresh,
            buttons.CHOOSE: self.choose,
            buttons.FEEDBACK: self.judge,
            buttons.OPEN_CRM: self.open,
        }.items():
            bolt.action(action_id)(presses.listener(does))
        bolt.action(buttons.MORE, matchers=[is_delete])(presses.listener(self.delete))

    def refresh(self, click: Click) -> Then:
        """Look up again what a message shows, once however often it is pressed there."""
        view = self.asking.job(click, click.spot, click.told)
        if not view.is_final:
            return nothing  # it is being looked up
        at = click.container
        once = f"again:{at.channel_id}:{at.message_ts}:{view.id}"
        anew = view.status in ASKED_ANEW
        self.asking.instead(click, click.spot, once, view.prospect, refresh=anew)
        return nothing

    def choose(self, click: Click) -> Then:
        """Look up the one of several people that was chosen, in the same message."""
        job_id, _, number = click.told.partition(":")
        view = self.asking.job(click, click.spot, job_id)
        prospect = chosen(view, number)
        at = click.container
        once = f"chosen:{at.channel_id}:{at.message_ts}:{click.told}"
        self.asking.instead(click, click.spot, once, prospect)
        return nothing

    def judge(self, click: Click) -> Then:
        """Note whether the card helped."""
        head, _, job_id = click.told.partition(":")
        if head not in set(Vote):
            return nothing
        vote, voter = Vote(head), digest(f"{click.team.id}:{click.user.id}")
        self.asking.job(click, click.spot, job_id)
        self.asking.intake.vote(caller(click.team.id), job_id, voter, vote)
        return self._presses.says(click, words.THANKS if vote is Vote.up else words.SORRY)

    def open(self, click: Click) -> Then:
        """Let the browser open a link: Slack tells of it and waits for an answer all the same."""
        return nothing

    def delete(self, click: Click) -> Then:
        """Take a message away: nothing comes there any more, whatever Slack says to it now."""
        at = click.container
        try:
            self.asking.intake.take_away(CHANNEL, click.spot)
        except NotFound:
            return lambda _: self._checked(click, self.desk.delete_original(click.response_url))
        return lambda client: self._checked(
            click, self.desk.delete(client, at.channel_id, at.message_ts)
        )

    def _checked(self, click: Click, is_done: bool) -> None:
        if not is_done:
            self.desk.tell(click.response_url, Message(words.NOT_DELETED, []))

    @property
    def _presses(self) -> Presses:
        return Presses(self.asking, self.desk)


def is_delete(body: dict[str, Any]) -> bool:
    """Tell whether the choice of the menu under a card is to delete it."""
    return menu_choice(body) == "delete"


def menu_choice(body: Mapping[str, Any]) -> str:
    """Return the head of what was chosen in the menu under a card; empty when that is unreadable.

    >>> menu_choice({"actions": [{"selected_option": {"value": "full:job_1"}}]})
    'full'
    """
    try:
        told = body["actions"][0]["selected_option"]["value"]
    except (LookupError, TypeError):
        return ""
    return told.partition(":")[0] if isinstance(told, str) else ""


def chosen(view: JobView, number: str) -> Prospect:
    """Return the candidate of a card as whom to look up. Raises InvalidProspect, Conflict.

    The profile says who it is; where there is none that can be read, the name at the company does.
    """
    found = view.card.get("candidates")
    people = found if isinstance(found, list) else []
    if not number.isdecimal() or int(number) >= len(people):
        raise Conflict("This choice is no longer there: search again.")
    one, known = Candidate.model_validate(people[int(number)]), view.prospect.known
    company = None if known.domain else one.company or known.company
    try:
        return from_parts(
            name=one.full_name, domain=known.domain, company=company, linkedin_url=one.linkedin_url
        )
    except InvalidProspect:
        return from_parts(name=one.full_name, domain=known.domain, company=company)
