"""Where a card goes in Slack, as it is written in an address, and read again.

An address is `TEAM:WAYS:MARK`, one message for ever. The team `-` is the only workspace there is.
The ways, with `+` between, are tried in order until one is open: a user (`U0JANE`), a conversation
(`C0SALES`), or a colleague by e-mail (`mail=jane@acme.example`). The mark tells messages at one
place apart, and how it begins tells what for: SHARE, PROPOSAL or EVENT, else somebody has asked for
it.
"""

import re
from dataclasses import dataclass, field
from hashlib import sha256

from app.alerts import ALERT
from app.delivery import Address
from app.errors import DeliveryFailed

CHANNEL = "slack"
ONLY_TEAM = "-"

SHARE = "share-"
"""Begins the mark of a copy for a conversation: the card with nothing to press."""

PROPOSAL = "propose-"
"""Begins the mark of what would be written into the CRM, for a conversation to agree to."""

EVENT = "event-"
"""Begins the mark of a card that nobody asked for in Slack: it came by a CRM or a calendar."""

MAIL = "mail="
_ID = r"[CDGUW][A-Z0-9]{1,31}"
_TARGET = re.compile(
    rf"(?P<team>-|[A-Z0-9]{{2,32}}):"
    rf"(?P<first>{MAIL}[^\s:@]{{1,64}}@[^\s:@+]{{1,255}}|{_ID})(?P<others>(?:\+{_ID})*):"
    r"(?P<mark>[\w.-]{1,128})",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Place:
    """One message's place; `ways` are what may lead there, the best first."""

    team: str
    ways: tuple[str, ...] = field(repr=False)
    mark: str

    @staticmethod
    def parse(target: str) -> "Place":
        """Read the target of an address. Raises DeliveryFailed when it is none of ours.

        >>> Place.parse("T0ACME:C0SALES+U0JANE:1f2e").ways
        ('C0SALES', 'U0JANE')
        """
        found = _TARGET.fullmatch(target)
        if not found:
            told = "this is no place in Slack"
            raise DeliveryFailed(told, final=True, undone=True, word="bad_address")
        others = found["others"].split("+")[1:]
        return Place(found["team"], (found["first"], *others), found["mark"])

    @property
    def is_share(self) -> bool:
        return self.mark.startswith(SHARE)

    @property
    def is_proposal(self) -> bool:
        return self.mark.startswith(PROPOSAL)

    @property
    def is_unasked(self) -> bool:
        return self.mark.startswith(EVENT)


def is_user(way: str) -> bool:
    """Tell whether this is a user's id: posting to it reaches the conversation with the app."""
    return way.startswith(("U", "W"))


def to_mail(team: str, email: str, mark: str, conversation: str = "") -> Address:
    """Return where a card that nobody asked for comes: to the colleague with this address.

    Where Slack does not know it, to the `conversation`, if there is one. `mark` names the event.
    """
    otherwise = f"+{conversation}" if conversation else ""
    return Address(CHANNEL, f"{team}:{MAIL}{email}{otherwise}:{EVENT}{mark}")


def to_channel(team: str, conversation: str, mark: str, user: str = "") -> Address:
    """Return the same for a conversation; else, if given, for a user."""
    otherwise = f"+{user}" if user else ""
    return Address(CHANNEL, f"{team}:{conversation}{otherwise}:{EVENT}{mark}")


def card_of(place: str, owner: str, about: str) -> tuple[Address]:
    """Return where the card of a new record comes, one message for ever.

    `place` is `TEAM:CHANNEL`; a colleague with the `owner`'s e-mail address goes before it. `about`
    names the record.

    >>> card_of("T1:C3", "", "hubspot:person:7")[0].target.split(":")[:2]
    ['T1', 'C3']
    >>> card_of("T1:C3", "ann@acme.example", "hubspot:person:7")[0].target.split(":")[:2]
    ['T1', 'mail=ann@acme.example+C3']
    """
    team, _, conversation = place.partition(":")
    mark = sha256(about.encode()).hexdigest()[:32]
    if owner:
        return (to_mail(team, owner, mark, conversation),)
    return (to_channel(team, conversation, mark),)


def to_operators(place: str, mark: str) -> Address:
    """Return where operators hear of trouble at once: a conversation's id, or an e-mail address."""
    way = f"{MAIL}{place}" if "@" in place else place
    return Address(CHANNEL, f"{ONLY_TEAM}:{way}:{ALERT}-{mark}")
