"""Text as Slack reads it: escaped once, bounded after that, with links that lead to http(s).

Rules of mrkdwn from https://api.slack.com/reference/surfaces/formatting, read 2026-11-21. Whether
Slack counts an emoji as one character or two is not documented: here it is two, as in UTF-16.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import quote

from app.wording import clean

ESCAPES: Mapping[str, str] = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "`": "'"}
"""The three characters to escape; a backtick has no escape and could make code of what follows."""

LABEL = 40  # characters of the words of a link

READ = 4
"""So many times what is shown is read of a value; the rest would be cut off anyway."""

_WEB = re.compile(r"(?i:https?)://[A-Za-z0-9.-]+(?::[0-9]+)?(?:[/?#][^\s<>|]*)?")
_IN_URLS = "/:?#@!$&'()*+,;=%~._-"


def units(text: str) -> int:
    """Return how long Slack may take a text to be: UTF-16 units.

    >>> units("Søren 🚀")
    8
    """
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def escaped(value: object, most: int) -> str:
    """Return a stranger's value for mrkdwn: one line, escaped, at most `most` long when sent.

    >>> escaped("R&D <b>", 40), escaped("R&D " * 9, 18)
    ('R&amp;D &lt;b&gt;', 'R&amp;D R&amp;D…')
    """
    return _bounded([ESCAPES.get(char, char) for char in _start(value, most)], most)


def plain(value: object, most: int) -> str:
    """Return a stranger's value for a plain_text object, which shows every character as it is."""
    return _bounded(list(_start(value, most)), most)


def _start(value: object, most: int) -> str:
    """Return as much of a value as could ever be shown: blanks and what is invisible go."""
    return clean(str(value)[: READ * most])


def _bounded(pieces: list[str], most: int) -> str:
    """Join as many whole pieces as fit, up to a word's end where one is in the last third."""
    if sum(map(units, pieces)) <= most:
        return "".join(pieces)
    kept, left = 0, most - 1
    while left >= (size := units(pieces[kept])):
        kept, left = kept + 1, left - size
    head = "".join(pieces[:kept])
    at_word = head[: head.rfind(" ")] if head.rfind(" ") > len(head) * 2 // 3 else head
    return at_word.rstrip(" ,:.-") + "…"  # a semicolon may end an entity


def web_url(url: object, most: int) -> str:
    """Return an http(s) address for mrkdwn, empty when it is none or longer than `most`.

    One with a user's name is none: what stands before the @ looks like the host.

    >>> web_url("https://acme.example/a?b=1&c=<2>", 80), web_url("https://ana@acme.example", 80)
    ('https://acme.example/a?b=1&amp;c=%3C2%3E', '')
    """
    if not isinstance(url, str) or len(url) > most:
        return ""
    target = quote(clean(url), safe=_IN_URLS)
    shown = target.replace("&", "&amp;")
    return shown if _WEB.fullmatch(target) and len(shown) <= most else ""


def link(url: object, label: object, most: int) -> str:
    """Return a link, or its words alone when the address is none that Slack should open.

    >>> link("https://acme.example", "News | A&B", 80), link("javascript:alert(1)", "News", 80)
    ('<https://acme.example|News / A&amp;B>', 'News')
    """
    words = escaped(str(label).replace("|", "/"), LABEL)
    target = web_url(url, most)
    return f"<{target}|{words}>" if target and words else words


def date(when: datetime) -> str:
    """Return a moment that each reader sees in their own time zone.

    >>> date(datetime(2026, 11, 20, 12, tzinfo=UTC))
    '<!date^1795176000^{date_short_pretty} at {time}|20 Nov 2026, 12:00 UTC>'
    """
    when = when.astimezone(UTC)
    said = f"{when.day} {when:%b %Y, %H:%M} UTC"
    return f"<!date^{int(when.timestamp())}^{{date_short_pretty}} at {{time}}|{said}>"


def clock(minute: int) -> str:
    """Return a minute of the day as a time.

    >>> clock(7 * 60 + 5)
    '07:05'
    """
    return f"{minute // 60:02}:{minute % 60:02}"
