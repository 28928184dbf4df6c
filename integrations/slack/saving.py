"""Save to CRM: a window shows what would be written, and what was once somebody has agreed.

The window opens at once; reading and writing the record takes seconds, so it is changed when that
is done. Nothing that is pressed twice is written twice: each value is read before it is written.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from pydantic import ValidationError
from slack_bolt import Ack, App

from app.crm_views import Saved
from app.errors import WarmcallError
from app.intake import Caller
from integrations.slack import buttons, changes, words
from integrations.slack.actions import Presses
from integrations.slack.asking import Asking, caller
from integrations.slack.blocks import Object
from integrations.slack.desk import Client, Desk, Then
from integrations.slack.payloads import Click, Origin, Submission


class Crm(Protocol):
    """The CRM that is connected. Both may take seconds, and raise WarmcallError."""

    def plan_now(self, caller: Caller, job_id: str) -> Saved:
        """Return what would be written for a job."""

    def save_now(self, caller: Caller, job_id: str) -> Saved:
        """Write it."""


@dataclass(frozen=True, slots=True)
class Saving:
    """The listeners around saving; `crm` is None where none is connected."""

    asking: Asking
    desk: Desk
    crm: Crm | None

    def listen(self, bolt: App) -> None:
        """Have Bolt call these listeners."""
        presses = Presses(self.asking, self.desk)
        bolt.action(buttons.SAVE_CRM)(presses.listener(self.show))
        bolt.view(changes.SAVE)(self.agreed)

    def show(self, click: Click) -> Then:
        """Open the window, and show in it what would be written."""
        says, crm = Presses(self.asking, self.desk).says, self.crm
        if crm is None:
            return says(click, words.NO_CRM)
        view = self.asking.job(click, click.spot, click.told)
        who, origin = caller(click.team.id), Origin.of(click, view.id)

        def shown(client: Client) -> None:
            window = self.desk.opened(client, click.trigger_id, changes.looking())
            if not window:
                says(click, words.NOT_OPENED)(client)
                return
            plan = _told(lambda: changes.plan(crm.plan_now(who, view.id), origin.model_dump_json()))
            self.desk.update(client, window, plan)

        return shown

    def agreed(self, ack: Ack, body: dict[str, Any], client: Any) -> None:
        """Write what was shown, and show what became of it."""
        try:
            sent = Submission.model_validate(body)
            origin = Origin.model_validate_json(sent.view.private_metadata)
            who, spot = caller(sent.team.id), origin.spot(sent.team.id)
            view = self.asking.job(sent, spot, origin.job) if sent.is_own else None
        except (ValidationError, WarmcallError):
            view = None
        crm = self.crm
        if view is None or crm is None:
            ack(response_action="update", view=changes.failed(words.NOT_KEPT))
            return
        ack(response_action="update", view=changes.writing())
        done = _told(lambda: changes.done(crm.save_now(who, view.id)))
        self.desk.update(client, sent.view.id, done)


def _told(work: Callable[[], Object]) -> Object:
    """Return a window; one that says what went wrong where that is so."""
    try:
        return work()
    except WarmcallError as exc:
        return changes.failed(str(exc))
