"""Blocks as HTML that looks like Slack, light and dark; nothing is loaded from elsewhere."""

import re
from collections.abc import Sequence
from html import escape
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from integrations.slack.blocks import MESSAGE
from tests.fakes.blocks import VIEW, size
from tests.slack_preview.states import State

EMOJIS = {
    "mag": "🔍",
    "white_check_mark": "✅",
    "white_circle": "⚪",
    "warning": "⚠️",
    "clock3": "🕒",
    "grey_question": "❔",
    "x": "❌",
    "no_entry": "⛔",
    "no_entry_sign": "🚫",
    "octagonal_sign": "🛑",
    "bust_in_silhouette": "👤",
    "busts_in_silhouette": "👥",
    "wastebasket": "🗑️",
}

_DATE = re.compile(r"<!date\^\d+\^[^|]*\|([^>]*)>")
_LINK = re.compile(r"<(https?://[^|>]*)\|([^>]*)>")
_CODE = re.compile(r"`([^`\n]+)`")
_BOLD = re.compile(r"(?<![\w*])\*([^*\n]+)\*(?![\w*])")
_EMOJI = re.compile(r":([a-z0-9_]+):")


def page(states: Sequence[State]) -> str:
    """Return the whole page; below each message what Slack would say of it."""
    shown = [
        {
            "title": one.title,
            "text": one.message.text,
            "blocks": one.message.blocks,
            "size": size(one.message.blocks),
            "most": VIEW if one.is_home else MESSAGE,
            "problems": one.problems(),
        }
        for one in states
    ]
    found = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters["mrkdwn"] = mrkdwn
    found.filters["emojis"] = lambda text: Markup(_emojis(escape(text)))
    return found.get_template("page.html").render(states=shown)


def mrkdwn(text: str) -> Markup:
    """Return mrkdwn as HTML; its entities are those of HTML already."""
    html = _DATE.sub(r"<time>\1</time>", text)
    html = _LINK.sub(r'<a href="\1" rel="noopener noreferrer">\2</a>', html)
    html = _CODE.sub(r"<code>\1</code>", html)
    html = _BOLD.sub(r"<b>\1</b>", html)
    return Markup(_emojis(html).replace("\n", "<br>"))


def _emojis(html: str) -> str:
    return _EMOJI.sub(lambda found: EMOJIS.get(found[1], found[0]), html)
