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


def not_installed(url: str) -> str:
    """Return that nothing can be done in this workspace, and what to do."""
    return (
        ":warning: Warmcall is not installed in this workspace (any more). "
        f"Ask your Slack admin to open {url}."
    )


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
