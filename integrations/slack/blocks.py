"""The blocks and elements that our messages are built of, in the words of Slack's Block Kit.

Reference: https://docs.slack.dev/reference/block-kit, its limits read 2026-11-21. Only blocks that
every Slack client shows: no cards, tables or rich text.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from integrations.slack.text import plain, units

Object = dict[str, Any]

HEADER = 150  # characters of a header
BUTTON = 75  # of a button or an option
SECTION = 3_000  # of a section's or a context's text
MOST_FIELDS = 10  # of a section
MOST_OPTIONS = 100  # of a select
MESSAGE = 10_000
"""Characters of all blocks as JSON. Slack's own limit is not documented; it was seen at 13,200."""


@dataclass(frozen=True, slots=True)
class Message:
    """A message: `text` says the outcome to notifications and screen readers, without the blocks.

    It may name people: keep it out of logs.
    """

    text: str = field(repr=False)
    blocks: Sequence[Object] = field(repr=False)


def mrkdwn(text: str) -> Object:
    """Return a text that holds what strangers wrote: nothing in it is made a link by itself."""
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def words(text: str, most: int = BUTTON) -> Object:
    """Return a plain text."""
    return {"type": "plain_text", "text": plain(text, most), "emoji": True}


def header(text: str) -> Object:
    return {"type": "header", "text": words(text, HEADER)}


def section(text: str) -> Object:
    """Return a paragraph, shown unfolded."""
    return {"type": "section", "text": mrkdwn(text), "expand": True}


def fields(pairs: Iterable[tuple[str, str]]) -> list[Object]:
    """Return labelled values in two columns, as many blocks as they need."""
    told = [mrkdwn(f"*{label}*\n{value}") for label, value in pairs if value]
    return [
        {"type": "section", "fields": told[start : start + MOST_FIELDS]}
        for start in range(0, len(told), MOST_FIELDS)
    ]


def context(*texts: str) -> list[Object]:
    """Return small print; nothing when there is none."""
    told = [mrkdwn(text) for text in texts if text]
    return [{"type": "context", "elements": told}] if told else []


def actions(elements: Iterable[Object]) -> Object:
    return {"type": "actions", "elements": list(elements)}


def button(label: str, action_id: str, value: str) -> Object:
    return {"type": "button", "text": words(label), "action_id": action_id, "value": value}


def url_button(label: str, action_id: str, url: str) -> Object:
    return {"type": "button", "text": words(label), "action_id": action_id, "url": url}


def overflow(action_id: str, options: Mapping[str, str]) -> Object:
    """Return the `…` menu; `options` are value -> label."""
    told = [{"text": words(label), "value": value} for value, label in options.items()]
    return {"type": "overflow", "action_id": action_id, "options": told}


def select(action_id: str, placeholder: str, options: Sequence[Object]) -> Object:
    return {
        "type": "static_select",
        "action_id": action_id,
        "placeholder": words(placeholder),
        "options": list(options[:MOST_OPTIONS]),
    }


def option(label: str, value: str, description: str) -> Object:
    """Return one choice of a select; without a description it has one line."""
    told: Object = {"text": words(label), "value": value}
    return told | ({"description": words(description)} if description else {})


def feedback(action_id: str, subject: str) -> Object:
    """Return the two thumbs under a card about `subject`."""
    return {
        "type": "context_actions",
        "elements": [
            {
                "type": "feedback_buttons",
                "action_id": action_id,
                "positive_button": _thumb("Helped", f"up:{subject}", "This card helped me"),
                "negative_button": _thumb(
                    "Did not help", f"down:{subject}", "This card did not help me"
                ),
            }
        ],
    }


def _thumb(label: str, value: str, said: str) -> Object:
    return {"text": words(label), "value": value, "accessibility_label": said}


def listing(title: str, lines: Sequence[str]) -> list[Object]:
    """Return a titled list as one section, as many lines as fit; nothing when there are none."""
    if not lines:
        return []
    kept = [f"*{title}*"]
    for number, line in enumerate(lines):
        more = f"… and {len(lines) - number} more"
        if units("\n".join([*kept, line, more])) > SECTION:
            kept.append(more)
            break
        kept.append(line)
    return [section("\n".join(kept))]


def fits(blocks: Sequence[Object]) -> bool:
    """Tell whether Slack takes these blocks as one message: all of them, and each text."""
    if units(orjson.dumps(blocks).decode()) >= MESSAGE:
        return False
    return all(units(block.get("text", {}).get("text", "")) <= SECTION for block in blocks)


# --- windows -------------------------------------------------------------------------------

TITLE = 24  # characters of a window's title and its buttons


def window(
    title: str,
    blocks: Sequence[Object],
    *,
    callback_id: str = "",
    submit: str = "",
    about: str = "",
) -> Object:
    """Return a modal. `about` comes back with what is submitted: it must name no person."""
    told: Object = {
        "type": "modal",
        "title": words(title, TITLE),
        "close": words("Cancel" if submit else "Close", TITLE),
        "blocks": list(blocks),
    }
    told |= {"submit": words(submit, TITLE)} if submit else {}
    told |= {"callback_id": callback_id} if callback_id else {}
    return told | ({"private_metadata": about} if about else {})


def put_in(block_id: str, label: str, element: Object, hint: str = "") -> Object:
    """Return a block that somebody puts something into."""
    told: Object = {
        "type": "input",
        "block_id": block_id,
        "label": words(label, SECTION),
        "element": element,
    }
    return told | ({"hint": words(hint, SECTION)} if hint else {})


def text_input(action_id: str, initial: str, most: int) -> Object:
    """Return a line to type in, with what stands there at first."""
    told: Object = {"type": "plain_text_input", "action_id": action_id, "max_length": most}
    return told | ({"initial_value": initial} if initial else {})


def channel_input(action_id: str) -> Object:
    """Return a choice of the workspace's own channels, the one that is open at first."""
    return {
        "type": "conversations_select",
        "action_id": action_id,
        "default_to_current_conversation": True,
        "filter": {
            "include": ["public", "private"],
            "exclude_bot_users": True,
            "exclude_external_shared_channels": True,
        },
    }
