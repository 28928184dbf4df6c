"""How a value of strangers reads in a sentence of ours: cleaned, shortened, dated, counted."""

import re
import unicodedata
from collections.abc import Sequence
from datetime import UTC, datetime

_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co"})
_JOINERS = frozenset("\u200c\u200d")  # part of the spelling in Persian and Indic scripts
_SOUNDS_LIKE_A_VOWEL = frozenset("AEFHILMNORSX")  # the names of these letters, as in "an HR tool"
_MONTH = re.compile(r"\d{4}-\d{2}")


def clean(text: str) -> str:
    """Return the text on one line, without control, direction and other invisible characters.

    >>> clean(" Acme\\u202e \\n Corp ")
    'Acme Corp'
    """
    if not text.isprintable():
        spaced = unicodedata.normalize("NFC", re.sub(r"\s", " ", text))
        text = "".join(char for char in spaced if _is_visible(char))
    elif not text.isascii():
        text = unicodedata.normalize("NFC", text)
    return " ".join(text.split())


def _is_visible(char: str) -> bool:
    return char in _JOINERS or unicodedata.category(char) not in _INVISIBLE


def shorten(text: str, most: int) -> str:
    """Return at most `most` characters, cut between words where one ends in the last third.

    >>> shorten("Makes anvils and rockets", 16)
    'Makes anvils…'
    """
    if len(text) <= most:
        return text
    head = text[: most - 1]
    at_word = head[: head.rfind(" ")] if head.rfind(" ") > most * 2 // 3 else head
    return at_word.rstrip(" ,;:.-") + "…"


def moment(text: object) -> datetime | None:
    """Read an ISO date, month or time; one without zone is UTC.

    >>> moment("2026-03"), moment("soon")
    (datetime.datetime(2026, 3, 1, 0, 0, tzinfo=datetime.timezone.utc), None)
    """
    if not isinstance(text, str):
        return None
    try:
        read = datetime.fromisoformat(f"{text}-01" if _MONTH.fullmatch(text) else text)
        return read.astimezone(UTC) if read.tzinfo else read.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def month(when: datetime) -> str:
    """Return the month as it is said aloud: `March 2026`."""
    return f"{when:%B} {when.year}"


def ago(then: datetime, now: datetime) -> str:
    """Return how long ago that was, in days.

    >>> ago(datetime(2026, 11, 20, tzinfo=UTC), datetime(2026, 11, 21, tzinfo=UTC))
    'yesterday'
    """
    days = (now - then).days
    if days < 2:
        return "yesterday" if days == 1 else "today"
    return f"{days} days ago"


def dollars(amount: float) -> str:
    """Return an amount of US dollars as it is said aloud.

    >>> dollars(24_000_000), dollars(1_250_000_000), dollars(900)
    ('$24M', '$1.2B', '$900')
    """
    for size, unit in ((1e9, "B"), (1e6, "M"), (1e3, "K")):
        if amount >= size:
            return f"${amount / size:.1f}".removesuffix(".0") + unit
    return f"${amount:g}"


def listed(words: Sequence[str]) -> str:
    """Return words as an English list.

    >>> listed(["A", "B", "C"])
    'A, B and C'
    """
    return " and ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))


def sentence(text: str) -> str:
    """Return the text with exactly one mark at its end; a name in front keeps its small letter.

    >>> sentence("the call is about Acme Inc."), sentence("acme.example is a company")
    ('The call is about Acme Inc.', 'acme.example is a company.')
    """
    ended = text if re.search(r"[.!?…][”\"')]?$", text) else f"{text}."
    return re.sub(r"^the ", "The ", ended)


def with_article(noun: str) -> str:
    """Return a noun behind `a` or `an`, by how it is written.

    >>> with_article("software company"), with_article("IT company"), with_article("HR company")
    ('a software company', 'an IT company', 'an HR company')
    """
    first = noun.split(" ")[0]
    letters = _SOUNDS_LIKE_A_VOWEL if len(first) < 4 and first.isupper() else frozenset("AEIO")
    return f"{'an' if noun[:1].upper() in letters else 'a'} {noun}"
