"""How Slack asks for a card: as which caller, at which address, once however often it is sent."""

from dataclasses import dataclass
from hashlib import sha256

from app.delivery import Address
from app.intake import SCOPES, Ask, Caller, Idempotency, Intake, JobView, Spot
from app.prospect import Prospect
from integrations.slack.payloads import Sent

CHANNEL = "slack"
SHARED = "share-"
"""What the mark of a copy begins with: one for others to read."""


@dataclass(frozen=True, slots=True)
class Asking:
    """Asks at the front door for a workspace."""

    intake: Intake

    def card(
        self, team: str, place: str, once: str, prospect: Prospect, *, refresh: bool = False
    ) -> JobView:
        """Ask for a card that comes as one message to `place`: a user's or a conversation's id.

        `once` tells this asking from all others of the workspace; with the same it is asked once.
        Raises WarmcallError.
        """
        mark = digest(f"{team}:{once}")
        to = Address(CHANNEL, f"{team}:{place}:{mark}", followed=True)
        return self._asked(team, to, mark, prospect, refresh=refresh)

    def instead(
        self, by: Sent, at: Spot, once: str, prospect: Prospect, *, refresh: bool = False
    ) -> JobView:
        """Ask for a card that takes the place of what a message shows.

        Of a message that nothing is known of (any more), the card comes as a new one to who asks.
        `once` is as above. Raises WarmcallError.
        """
        team = by.team.id
        to = self.intake.posting_at(caller(team), CHANNEL, at)
        if to is None:
            return self.card(team, by.user.id, once, prospect, refresh=refresh)
        view = self._asked(team, to, digest(f"{team}:{once}"), prospect, refresh=refresh)
        if view.is_final and view.served_from == "providers":  # asked before: it may not have come
            self.intake.send(caller(team), view.id, to)
        return view

    def job(self, by: Sent, at: Spot, job_id: str) -> JobView:
        """Return a job that the workspace asked for, or has before it. Raises NotFound."""
        self.intake.posting_at(caller(by.team.id), CHANNEL, at)
        return self.intake.job(caller(by.team.id), job_id)

    def share(self, by: Sent, once: str, job_id: str, channel: str) -> None:
        """Send a copy of a card to a channel; where we may not post there, to who shares it.

        Raises NotFound, and Conflict while there is no card yet.
        """
        mark = digest(f"{by.team.id}:{once}")
        to = Address(CHANNEL, f"{by.team.id}:{channel}+{by.user.id}:{SHARED}{mark}")
        self.intake.send(caller(by.team.id), job_id, to)

    def _asked(
        self, team: str, to: Address, mark: str, prospect: Prospect, *, refresh: bool
    ) -> JobView:
        ask = Ask(prospect=prospect, refresh=refresh, notify=(to,))
        idempotency = Idempotency(f"{CHANNEL}:{mark}", digest(prospect.key))
        return self.intake.request(caller(team), ask, idempotency)


def caller(team: str) -> Caller:
    """Return the caller that a workspace is."""
    return Caller(f"slack_{team}", f"Slack workspace {team}", SCOPES)


def digest(text: str) -> str:
    """Return a word for a text, which tells nobody what it was."""
    return sha256(text.encode()).hexdigest()[:32]
