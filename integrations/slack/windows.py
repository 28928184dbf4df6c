"""The windows that open where something is pressed, and what comes back from them."""

from integrations.slack.blocks import (
    Message,
    Object,
    channel_input,
    context,
    put_in,
    section,
    text_input,
    window,
)
from integrations.slack.payloads import Origin
from integrations.slack.reading import LONGEST, MOST
from integrations.slack.text import escaped, plain

ASK, EDIT, WRONG, SHARE = "prep_ask", "prep_edit_search", "prep_wrong_person", "prep_share_to"
"""What each window is called when it is submitted."""

QUERY = "query"
CHANNEL = "channel"
"""The blocks that something is put into."""

ACCEPTED = "An e-mail address, a domain, a LinkedIn URL, or a name and a company."
WHO = 120  # characters of a name
TOLD = 300  # characters of an error under a block


def ask(typed: str = "") -> Object:
    """Return the window that asks whom to look up; several are separated by semicolons."""
    hint = f"{ACCEPTED} Up to {MOST} at once, with semicolons between."
    return window(
        "Prepare a call",
        [_query(typed, MOST * LONGEST, hint), *context("The card comes into your messages.")],
        callback_id=ASK,
        submit="Look up",
    )


def edit(typed: str, origin: Origin) -> Object:
    """Return the window that asks about somebody else in the same message."""
    return window(
        "Edit search",
        [_query(typed, LONGEST, ACCEPTED)],
        callback_id=EDIT,
        submit="Look up",
        about=origin.model_dump_json(),
    )


def wrong(name: str, typed: str, origin: Origin) -> Object:
    """Return the window that takes back who is shown, and asks who is meant."""
    who = f"*{escaped(name, WHO)}*" if name else "this person"
    told = (
        f"What was found about {who} is taken back for everybody, and not shown again for this "
        "search. Then it is looked up anew."
    )
    return window(
        "Wrong person",
        [section(told), _query(typed, LONGEST, f"{ACCEPTED} A LinkedIn URL is the surest.")],
        callback_id=WRONG,
        submit="Take back, look up",
        about=origin.model_dump_json(),
    )


def share(name: str, origin: Origin) -> Object:
    """Return the window that asks for the channel which a copy of a card goes to."""
    who = escaped(name, WHO)
    return window(
        "Share this card",
        [
            section(f"A copy of the card about *{who}* goes to a channel, without its buttons."),
            put_in(CHANNEL, "Channel", channel_input("share_channel")),
            *context(
                ":warning: The card holds personal data: everybody in the channel will see it.",
                "To a private channel, invite this app first.",
            ),
        ],
        callback_id=SHARE,
        submit="Share",
        about=origin.model_dump_json(),
    )


def details(message: Message) -> Object:
    """Return everything that is known, to read."""
    return window("Full details", message.blocks)


def done(text: str) -> Object:
    """Return what a window shows once it has been submitted."""
    return window("Done", [section(text)])


def error(text: str) -> str:
    """Return what is said under a block that was filled in wrong."""
    return plain(text, TOLD)


def _query(typed: str, most: int, hint: str) -> Object:
    element = text_input("query_text", plain(typed, most), most)
    return put_in(QUERY, "Who are you about to call?", element, hint)
