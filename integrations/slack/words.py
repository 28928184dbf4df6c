"""What is answered in lines to whoever types a command; only they see it."""

from collections.abc import Sequence

from app.addresses import AddressClass
from app.prospect import Prospect
from integrations.slack.text import escaped

LINE = 700
"""Characters of one line, as sent."""

NAME = 320

UNREADABLE = ":warning: This command could not be read. Please try again."
SETTINGS = "Cards come into your messages with this app, in the Messages tab."


def under_way(prospects: Sequence[Prospect], refused: Sequence[str]) -> str:
    """Return that the cards are coming, and what was not understood."""
    names = ", ".join(f"*{escaped(one, NAME)}*" for one in prospects)
    come = "the card comes" if len(prospects) == 1 else "the cards come"
    lines = [f":mag: {names}: {come} into your messages with this app."]
    lines += [_private(one) for one in prospects if one.address_class is AddressClass.free_mail]
    return "\n".join([*lines, *map(problem, refused)])


def refused(reasons: Sequence[str], command: str) -> str:
    """Return why nobody is looked up."""
    told = "\n".join(map(problem, reasons))
    return f"{told}\n`{escaped(command, NAME)} help` shows how to ask."


def problem(text: str) -> str:
    """Return one problem as a line."""
    return f":warning: {escaped(text, LINE)}"


def _private(prospect: Prospect) -> str:
    return f"{escaped(prospect, NAME)} is a private mailbox: only the person can be looked up."


# --- what is said to who presses something

FOREIGN = "Only members of the workspace that asked for this card can do that."
NOT_KEPT = "This card is no longer kept. Type /prep to look up anew."
NOT_OPENED = "Slack did not open the window. Please press again."
NOT_DELETED = "Slack did not delete the card. Please press again."
NOT_SHARED = "There is nothing to share yet."
NO_CHANNEL = "Choose a channel of this workspace."
SHARED = (
    "The copy comes to the channel within some seconds; if this app may not post there, to you."
)
NO_CRM = "No CRM is connected. Your Warmcall admin can connect one."
SAVED = "Saved to the CRM."
THANKS = "Thanks, that is noted."
SORRY = "Thanks, that is noted. Is it about somebody else? Choose Wrong person in the … menu."
