"""How Slack asks for a card: as which caller, at which address, once however often it is sent."""

from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256

from app.delivery import Address
from app.intake import SCOPES, Ask, Caller, Idempotency, Intake, JobView, Spot
from app.prospect import Prospect
from integrations.slack.addresses import CHANNEL, SHARE
from integrations.slack.payloads import Sent

Keep = Callable[[str, str], None]
"""Keeps the URL at which an ask can be answered, by the mark of its message."""


@dataclass(frozen=True, slots=True)
class Asking:
    """Asks at the front door for a workspace."""

    intake: Intake
    keep: Keep = field(repr=False)

    def place(self, team: str, user: str) -> str:
        """Return where a user's cards go: their id, after `CHANNEL+` if they chose a channel."""
        chosen = self.intake.preference(team, user).place
        return f"{chosen}+{user}" if chosen else user

    def card(
        self,
        team: str,
        place: str,
        once: str,
        prospect: Prospect,
        *,
        refresh: bool = False,
        response_url: str = "",
    ) -> JobView:
        """Ask for a card that comes as one message to `place`: a user's or a conversation's id.

        A place that belongs to a user, as `place` returns it, is among that user's recent cards.
        `once` tells this asking from all others of the workspace; with the same it is asked once.
        `response_url` is where the card is said when it cannot be posted. Raises WarmcallError.
        """
        mark = digest(f"{team}:{once}")
        if response_url:
            self.keep(mark, response_url)
        to = Address(CHANNEL, f"{team}:{place}:{mark}", followed=True)
        return self._asked(team, to, mark, prospect, refresh=refresh, reader=reader(place))

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
            place = self.place(team, by.user.id)
            return self.card(team, place, once, prospect, refresh=refresh)
        mark = digest(f"{team}:{once}")
        view = self._asked(team, to, mark, prospect, refresh=refresh, reader=by.user.id)
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
        to = Address(CHANNEL, f"{by.team.id}:{channel}+{by.user.id}:{SHARE}{mark}")
        self.intake.send(caller(by.team.id), job_id, to)

    def _asked(
        self,
        team: str,
        to: Address,
        mark: str,
        prospect: Prospect,
        *,
        refresh: bool,
        reader: str | None,
    ) -> JobView:
        ask = Ask(prospect=prospect, refresh=refresh, notify=(to,), reader=reader)
        idempotency = Idempotency(f"{CHANNEL}:{mark}", digest(prospect.key))
        return self.intake.request(caller(team), ask, idempotency)


def reader(place: str) -> str | None:
    """Return the user whose place this is; None for a conversation of several.

    >>> reader("U0JANE"), reader("C0SALES+U0JANE"), reader("C0SALES")
    ('U0JANE', 'U0JANE', None)
    """
    user = place.rpartition("+")[2]
    return user if user.startswith(("U", "W")) else None


def caller(team: str) -> Caller:
    """Return the caller that a workspace is."""
    return Caller(f"slack_{team}", f"Slack workspace {team}", SCOPES)


def digest(text: str) -> str:
    """Return a word for a text, which tells nobody what it was."""
    return sha256(text.encode()).hexdigest()[:32]
