"""Text of strangers: made safe to show, never repaired in silence."""

import re
import unicodedata

EVIDENCE_CHARS = 200
"""The longest quote kept as evidence."""

_UNSEEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\ud800-\udfff]"
)
_MARKS = str.maketrans({"\u2010": "-", "\u2011": "-", "\u2013": "-", "\u2014": "-", "\u2019": "'"})
_TAG = re.compile(r"<[/!a-zA-Z][^>]{0,300}>")


def tidy(text: str) -> str:
    """Return the text on one line, without control, bidi and zero-width characters.

    >>> tidy(" Acme\\u202e  Corp\\n")
    'Acme Corp'
    """
    return " ".join(_UNSEEN.sub("", text).split())


def ascii_marks(text: str) -> str:
    """Return the text with plain dashes and apostrophes, character for character, for matching."""
    return text.translate(_MARKS)


def plain(text: str) -> str:
    """Return the text on one line without anything that looks like mark-up."""
    return tidy(_TAG.sub(" ", text))


def evidence(text: str) -> str:
    """Return a quote that is safe to hand on: plain, at most EVIDENCE_CHARS characters."""
    quote = plain(text)
    return quote if len(quote) <= EVIDENCE_CHARS else quote[: EVIDENCE_CHARS - 1].rstrip() + "…"


def excerpt(text: str, start: int, end: int) -> str:
    """Return the part of `text` around start..end that fits into a quote."""
    spare = max(0, EVIDENCE_CHARS - (end - start)) // 2
    return evidence(text[max(0, start - spare) : end + spare])


def wordset(text: str) -> frozenset[str]:
    """Return the words of a table written as prose."""
    return frozenset(text.split())


def folded(text: str) -> str:
    """Return letters and digits only, lower case and without accents, for comparing.

    >>> folded("Müller & Söhne")
    'mullersohne'
    """
    bare = unicodedata.normalize("NFKD", text.casefold())
    return "".join(char for char in bare if char.isalnum())
