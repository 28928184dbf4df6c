"""Comparing names: of companies with domains and each other, legal forms aside."""

import re

from rapidfuzz import fuzz

from app.web.text import folded, tidy

LEGAL_FORM = (
    r"Inc\.?|Incorporated|L\.?L\.?C\.?|L\.?L\.?P\.?|Ltd\.?|Limited|PLC|plc|Corp\.?|Corporation|"
    r"Pty\.? Ltd\.?|gGmbH|GmbH(?: ?& ?Co\.? ?KGa?A?)?|mbH|AG|SE|UG(?: \(haftungsbeschränkt\))?|KG|"
    r"OHG|e\.? ?K\.?|e\. ?V\.|eG|S\.A\.S\.?|SASU?|S\.?A\.?R\.?L\.?|S\.A\.|SA|B\.V\.|BV|NV|"
    r"N\.V\.|"
    r"ApS|A/S|I/S|AB|AS|ASA|Oyj?|S\.?r\.?l\.?|S\.p\.A\.|SpA|S\.?L\.?|Sp\. z o\.o\.|s\.r\.o\."
)
_FORM_AT_END = re.compile(rf"[\s,]+(?:{LEGAL_FORM})$")

NEAR = 0.65
"""Similarity from which a name is taken to mean the same company as a domain label."""


def base_name(name: str) -> str:
    """Return a company's name without its legal form.

    >>> base_name("Acme Technologies, Inc."), base_name("Muster GmbH & Co. KG")
    ('Acme Technologies', 'Muster')
    """
    bare = tidy(name)
    for _ in range(2):
        bare = _FORM_AT_END.sub("", bare)
    return bare or tidy(name)


def has_form(name: str) -> bool:
    """Tell whether the name ends in a legal form."""
    return _FORM_AT_END.search(tidy(name)) is not None


def likeness(name: str, other: str) -> float:
    """Return how alike two names are, 0..1; one that holds the other counts at least 0.8.

    >>> likeness("Acme, Inc.", "acme"), likeness("Acme Technologies", "acme") >= 0.8
    (1.0, True)
    """
    one, two = folded(base_name(name)), folded(base_name(other))
    if not one or not two:
        return 0.0
    ratio = fuzz.ratio(one, two) / 100
    short, long = sorted((one, two), key=len)
    if len(short) >= 3 and (long.startswith(short) or (len(short) >= 5 and short in long)):
        return float(max(ratio, 0.8))
    if _initials(name) == two or _initials(other) == one:
        return float(max(ratio, 0.8))
    return float(ratio)


def _initials(name: str) -> str:
    words = [word for word in re.split(r"[\s-]+", base_name(name)) if word[:1].isalnum()]
    return folded("".join(word[0] for word in words)) if len(words) >= 3 else ""


def same_company(name: str, known: tuple[str, ...]) -> bool:
    """Tell whether a name means one of the companies known by these names."""
    return any(likeness(name, other) >= NEAR for other in known)
