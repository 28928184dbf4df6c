"""What is answered in lines to whoever types a command; only they see it."""

from collections.abc import Sequence

from app.addresses import AddressClass
from app.preference import Preference
from app.prospect import Prospect
from integrations.slack.text import clock, escaped

LINE = 700
"""Characters of one line, as sent."""

NAME = 320

UNREADABLE = ":warning: This command could not be read. Please try again."
OWN = "into your messages with this app"
CHOSEN = "to the channel that you chose"
CHANGE = "This app's Home tab is where you change it."


def not_installed(url: str) -> str:
    """Return that nothing can be done in this workspace, and what to do."""
    return (
        ":warning: Warmcall is not installed in this workspace (any more). "
        f"Ask your Slack admin to open {url}."
    )


def under_way(prospects: Sequence[Prospect], refused: Sequence[str], goes: str = OWN) -> str:
    """Return that the cards are coming, to where (OWN, CHOSEN), and what was not understood."""
    names = ", ".join(f"*{escaped(one, NAME)}*" for one in prospects)
    come = "the card comes" if len(prospects) == 1 else "the cards come"
    lines = [f":mag: {names}: {come} {goes}."]
    lines += [_private(one) for one in prospects if one.address_class is AddressClass.free_mail]
    return "\n".join([*lines, *map(problem, refused)])


def settings(preference: Preference) -> str:
    """Return what a user has chosen, and where that is changed."""
    lines = [f"• Your cards come {CHOSEN if preference.place else OWN}."]
    begin, end = preference.quiet_from, preference.quiet_until
    if begin is not None and end is not None:
        lines.append(f"• Quiet hours: {clock(begin)} to {clock(end)}.")
    which = "come too" if preference.unasked else "do not come"
    return "\n".join([*lines, f"• Cards that you did not ask for {which}.", CHANGE])


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
THANKS = "Thanks, that is noted."
SORRY = "Thanks, that is noted. Is it about somebody else? Choose Wrong person in the … menu."
