"""What is answered in a line to whoever types a command; only they see it."""

from collections.abc import Sequence

from app.addresses import AddressClass
from app.prospect import Prospect

UNREADABLE = ":warning: This command could not be read. Please try again."

_ESCAPES = (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("`", "'"))


def usage(command: str) -> str:
    """Return how the command is used."""
    name = _escaped(command)
    return (
        f"*{name}* brings a call-prep card into your messages with this app. Give it\n"
        f"• an e-mail address: `{name} jane@acme.example`\n"
        f"• a company's domain or URL: `{name} acme.example`\n"
        f"• a LinkedIn profile or company URL\n"
        f"• a name and a company: `{name} Jane Doe, Acme`\n"
        "Up to five at once."
    )


def under_way(prospects: Sequence[Prospect], refused: Sequence[str]) -> str:
    """Return that the cards are coming, and what was not understood."""
    names = ", ".join(f"*{_escaped(str(one))}*" for one in prospects)
    what = "The card comes" if len(prospects) == 1 else "The cards come"
    lines = [f":mag: {names}: {what.lower()} into your messages with this app."]
    lines += [_private(one) for one in prospects if one.address_class is AddressClass.free_mail]
    return "\n".join([*lines, *map(problem, refused)])


def refused(reasons: Sequence[str], command: str) -> str:
    """Return why nobody is looked up."""
    told = "\n".join(map(problem, reasons))
    return f"{told}\n`{_escaped(command)} help` shows how to ask."


def problem(text: str) -> str:
    """Return one problem as a line."""
    return f":warning: {_escaped(text)}"


def _private(prospect: Prospect) -> str:
    return f"{_escaped(str(prospect))} is a private mailbox: only the person can be looked up."


def _escaped(text: str) -> str:
    for char, entity in _ESCAPES:
        text = text.replace(char, entity)
    return text
