"""What somebody typed behind `/prep`: the people and companies meant, or a word for us.

Slack sends text raw, or (mentions, shortcuts, commands of some apps) with links as `<url|label>`
and `&amp;` for `&` (facts/slack.md section 12, read 2026-11-21).
"""

import re
from dataclasses import dataclass
from itertools import islice

from app.errors import InvalidProspect
from app.prospect import By, Prospect, identify

MOST = 5
"""People or companies in one command."""

LONGEST = 250
"""Characters of one of them."""

READ, MOST_WORDS = 10_000, 100
"""Characters of a message that are read, and words in them that may be addresses."""

HELP = frozenset({"", "help", "?"})
"""What somebody types who wants to know how to ask."""

_MAIL = re.compile(r"<mailto:([^|>]+)(?:\|[^>]*)?>", re.IGNORECASE)
_LINK = re.compile(r"<(https?://[^|>\s]+)(?:\|([^>]*))?>", re.IGNORECASE)
_MENTION = re.compile(r"<[@#!][^>]*>")
_BETWEEN = re.compile(r"[\s,]+")
_QUOTES = dict.fromkeys(map(ord, "`\u201c\u201d\u201e"), '"')
_ENTITIES = (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&"))


@dataclass(frozen=True, slots=True)
class Wanted:
    """Whom somebody asked about; `refused` are those parts that name nobody, in words."""

    prospects: tuple[Prospect, ...]
    refused: tuple[str, ...] = ()


def wanted(text: str) -> Wanted:
    """Read the text behind a command. Raises InvalidProspect when it is more than MOST.

    >>> [str(one) for one in wanted("<mailto:Jane@Acme.example|x>, acme.example").prospects]
    ['jane@acme.example', 'acme.example']
    >>> [str(one) for one in wanted("Jane Doe, Acme; <https://acme.example/x|Acme>").prospects]
    ['Jane Doe, Acme', 'acme.example']
    """
    parts = _parts(plain(text))
    if len(parts) > MOST:
        raise InvalidProspect(
            f"These are {len(parts)}: ask for {MOST} at once at most. "
            "Longer lists go through `warmcall batch` or the API."
        )
    found: dict[str, Prospect] = {}
    refused = []
    for part in parts:
        try:
            prospect = identify(_short(part))
        except InvalidProspect as exc:
            refused.append(str(exc))
        else:
            found.setdefault(prospect.key, prospect)
    return Wanted(tuple(found.values()), tuple(refused))


def one(text: str) -> Prospect:
    """Read who is meant where just one can be. Raises InvalidProspect."""
    return identify(_short(" ".join(plain(text).split())))


def named(text: str) -> list[Prospect]:
    """Return whom a message names by e-mail address; where by none, by LinkedIn URL or domain.

    >>> [str(one) for one in named("Call <mailto:jane@acme.example|Jane> of acme.example, soon.")]
    ['jane@acme.example']
    >>> [str(one) for one in named("Have you seen acme.example?")], named("e.g. at 10.30")
    (['acme.example'], [])
    """
    found: dict[str, Prospect] = {}
    words = filter(_is_address, _BETWEEN.split(plain(text[:READ])))
    for word in islice(words, MOST_WORDS):
        if prospect := _identified(word):
            found.setdefault(prospect.key, prospect)
    people = [prospect for prospect in found.values() if prospect.by is By.email]
    return (people or list(found.values()))[:MOST]


def _identified(word: str) -> Prospect | None:
    try:
        return identify(_short(word.strip("()[]{}<>\"'.,;:!?*_~")))
    except InvalidProspect:
        return None


def plain(text: str) -> str:
    """Return the text as it was typed: links taken apart, mentions dropped, entities read.

    >>> plain("<@U1|bob> R&amp;D at <http://acme.example|acme.example>").strip()
    'R&D at acme.example'
    """
    text = _MAIL.sub(r"\1", text)
    text = _LINK.sub(_label_or_url, text)
    text = _MENTION.sub("", text)
    for entity, char in _ENTITIES:
        text = text.replace(entity, char)
    return text.translate(_QUOTES)


def _label_or_url(link: re.Match[str]) -> str:
    url, label = link[1], link[2] or ""
    return label if _is_address(label) and label in url else url


def _parts(text: str) -> list[str]:
    """Split where several are named: at semicolons, line ends, and between addresses."""
    parts = []
    for piece in re.split(r"[;\n\r]+", text):
        words = [word for word in _BETWEEN.split(piece.strip()) if word]
        parts += words if len(words) > 1 and all(map(_is_address, words)) else [piece.strip()]
    return [part for part in parts if part]


def _is_address(word: str) -> bool:
    return ("." in word.strip(".") and not word.startswith("@")) or "@" in word[1:]


def _short(part: str) -> str:
    if len(part) > LONGEST:
        raise InvalidProspect(
            f"A text of {len(part)} characters names nobody: give an e-mail address, a company's "
            'domain, a LinkedIn URL or "Name, Company".'
        )
    return part
