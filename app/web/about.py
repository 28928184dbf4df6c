"""What a company says about itself: what it does, how old and how large it is, whose it is."""

import re
from collections.abc import Iterator, Sequence

from app.web.choice import Kind
from app.web.names import LEGAL_FORM, likeness
from app.web.naming import copyrights
from app.web.page import Page, Part
from app.web.read import Read, Said
from app.web.text import ascii_marks, evidence, excerpt
from app.web.titles import has_title_word

_LINE_CHARS = 500
_TEMPLATE = re.compile(r"\{\{|\{%|<%|\$\{|\blorem ipsum\b|\byour (?:site|company)\b", re.IGNORECASE)

_DESCRIBES = (
    r"(?:is|are|was built|builds?|provides?|offers?|helps?|makes?|develops?|enables?|delivers?"
    r"|powers?|specialis|specializ|ist|bietet|entwickelt|er|tilbyder|est|propose|är|erbjuder)\b"
)


def description(pages: Sequence[Read], name: str) -> Said | None:
    """Return what the company says it does: its description, else its first sentence about it."""
    ordered = sorted(pages, key=lambda read: (not read.is_home, read.kind is not Kind.about))
    return (
        _described(ordered[:1], 6, 0.75)
        or next((said for read in ordered if (said := _about_itself(read, name))), None)
        or _declared_description(ordered)
        or _described(ordered, 3, 0.6)
    )


def _described(pages: Sequence[Read], words: int, sure: float) -> Said | None:
    """Return a page's own description when it has at least so many words and is filled in."""
    for read in pages:
        for key in ("description", "og:description"):
            text = read.page.metas.get(key, "")
            if len(text.split()) >= words and not _TEMPLATE.search(text):
                return Said(text[:500], sure, read.page, evidence(text))
    return None


def _declared_description(pages: Sequence[Read]) -> Said | None:
    for read in pages:
        for organisation in read.structured.organisations:
            if organisation.description:
                text = organisation.description
                return Said(text[:500], 0.85, read.page, evidence(text))
    return None


def _about_itself(read: Read, name: str) -> Said | None:
    subject = re.compile(rf"\b{re.escape(name)}(?:'s)?\b[^.]{{0,40}}?\s{_DESCRIBES}", re.IGNORECASE)
    for line in read.page.lines:
        text = ascii_marks(line.text)
        long_enough = 8 <= len(text.split()) <= 120 and not line.quoted
        if line.part is Part.main and long_enough and subject.search(text[:200]):
            return Said(line.text[:500], 0.7, read.page, evidence(line.text))
    return None


_MONTH = r"(?:\w+ )?"
_FOUNDED = (
    r"(?:founded|established|incorporated|started|gegründet|grundlagt|stiftet|etableret|grundades"
    r"|fondée?|créée?)"
)
_IN = r"(?:in|im jahr(?:e)?|in jahr|i|en|år)"
_YEAR = r"(?P<year>\d{4})\b"
_GAP = r"[^.;\d]{0,30}?\b"


def _founding_patterns(subject: str) -> tuple[re.Pattern[str], ...]:
    """Return patterns that need the company as the one that was founded."""
    return tuple(
        re.compile(pattern, re.IGNORECASE)
        for pattern in (
            rf"\b{subject}[^.;]{{0,40}}?\b{_FOUNDED}\b{_GAP}{_IN} {_MONTH}{_YEAR}",
            rf"\b{_FOUNDED} {_IN} {_MONTH}{_YEAR}{_GAP}{subject}",
            rf"\b(?:founded|started|established|gründete|stiftede|grundade) {subject}"
            rf"{_GAP}{_IN} {_MONTH}{_YEAR}",
            rf"\b{subject} (?:wurde|blev|a été) (?:{_IN} {_MONTH})?{_YEAR} {_GAP}{_FOUNDED}",
            rf"^(?:since|seit|siden|depuis|sedan) {_YEAR},? {_GAP}{subject}",
        )
    )


_WE = (
    r"we|our company|the company|the firm|wir|unser unternehmen|das unternehmen|vi|virksomheden"
    r"|nous"
)


def founded_year(pages: Sequence[Read], names: Sequence[str], this_year: int) -> Said | None:
    """Return the founding year when stated with the company as subject.

    Else the first year of its copyright notice, as a guess. "For over 20 years" says nothing.
    """
    return (
        _declared_year(pages, this_year)
        or _stated_year(pages, names, this_year)
        or _first_copyright(pages, names, this_year)
    )


def _declared_year(pages: Sequence[Read], this_year: int) -> Said | None:
    for read in pages:
        for organisation in read.structured.organisations:
            year = re.match(r"\d{4}", organisation.founded)
            if year and _is_year(int(year.group()), this_year):
                quote = f"foundingDate {organisation.founded}"
                return Said(int(year.group()), 0.85, read.page, evidence(quote))
    return None


def _stated_year(pages: Sequence[Read], names: Sequence[str], this_year: int) -> Said | None:
    patterns = _founding_patterns(subject_pattern(names, _WE))
    for read in pages:
        for line in read.page.lines:
            text = ascii_marks(line.text[:_LINE_CHARS])
            if line.quoted or not re.search(r"\d{4}", text):
                continue
            for pattern in patterns:
                match = pattern.search(text)
                if match and _is_year(int(match["year"]), this_year):
                    quote = excerpt(line.text, match.start(), match.end())
                    return Said(int(match["year"]), 0.75, read.page, quote)
    return None


def _first_copyright(pages: Sequence[Read], names: Sequence[str], this_year: int) -> Said | None:
    for read in pages:
        for years, owner, line in copyrights(read.page):
            match = re.match(r"(\d{4})\s*(?:-|to|bis)", years)
            own = max(likeness(owner, name) for name in names) >= 0.8
            if match and own and _is_year(int(match[1]), this_year):
                return Said(int(match[1]), 0.35, read.page, evidence(line.text), inferred=True)
    return None


def _is_year(year: int, this_year: int) -> bool:
    return 1700 <= year <= this_year


_STAFF = (
    r"(?:employees|staff(?: members)?|team members|people|colleagues|professionals|experts"
    r"|mitarbeiter(?:innen)?(?:\*innen)?|mitarbeitende[rn]?|beschäftigte|kolleg\w+|medarbejdere"
    r"|ansatte|anställda|collaborateurs|salariés|employés)"
)
_COUNT = r"(?P<count>\d{1,3}(?:[.,]\d{3})+|\d{1,6})\s*\+?"
_EMPLOYS = (
    re.compile(
        r"\b(?:we|our|us|wir|unser\w*|vi|vores|nous|notre|employs?|beschäftigen|beschäftigt"
        rf"|with a|are a)\b[^.;\d]{{0,60}}?\b{_COUNT} [^.;\d]{{0,30}}?\b{_STAFF}\b",
        re.IGNORECASE,
    ),
    re.compile(
        r"\b(?:team|staff|workforce) of (?:around |about |over |more than |some |nearly |roughly )?"
        rf"{_COUNT}\b",
        re.IGNORECASE,
    ),
)
_OTHERS = re.compile(
    r"\b(?:customers?|clients?|companies|businesses|organi[sz]ations?|kunden)\b", re.IGNORECASE
)
_ABOUT = re.compile(
    r"\b(?:around|about|over|more than|nearly|circa|ca\.?|rund|über|roughly|some)\b", re.IGNORECASE
)
_STAFF_LABEL = re.compile(
    r"(?:employees|team members|mitarbeiter(?:innen)?|mitarbeitende|medarbejdere|ansatte|anställda"
    r"|collaborateurs|salariés)",
    re.IGNORECASE,
)


def subject_pattern(names: Sequence[str], *others: str) -> str:
    """Return a pattern for the company as a subject: any of its names, the longest first."""
    ordered = sorted({ascii_marks(name) for name in names if name}, key=len, reverse=True)
    named = "|".join(map(re.escape, ordered))
    return "(?:" + "|".join([f"(?:{named})(?:,? (?:{LEGAL_FORM}))?", *others]) + r")(?!\w)"


def _short_forms(names: Sequence[str]) -> list[str]:
    """Return what people call the company for short: the first word of a name of several."""
    firsts = [name.split()[0] for name in names if len(name.split()) > 1]
    return [first for first in firsts if len(first) >= 4 and first[0].isupper()]


def employee_count(pages: Sequence[Read]) -> Said | None:
    """Return how many people the company says it employs; exact numbers before round ones."""
    said: list[Said] = []
    for read in pages:
        counts = (o.employees for o in read.structured.organisations)
        said.extend(Said(n, 0.85, read.page, "numberOfEmployees") for n in counts if n)
        if read.kind in {Kind.home, Kind.about, Kind.people, Kind.careers}:
            said.extend(_counters(read.page))
            said.extend(_sentences(read.page))
    return max(said, key=lambda one: one.confidence) if said else None


def _counters(page: Page) -> Iterator[Said]:
    """Read pairs of a number and its label on two lines, as counters on home pages write them."""
    for one, two in zip(page.lines, page.lines[1:], strict=False):
        for number, label in ((one, two), (two, one)):
            match = re.fullmatch(_COUNT, number.text)
            if match and _STAFF_LABEL.fullmatch(label.text.strip(" :")):
                yield Said(_number(match["count"]), 0.75, page, f"{number.text} {label.text}")
                return


def _sentences(page: Page) -> Iterator[Said]:
    for line in page.lines:
        text = ascii_marks(line.text[:_LINE_CHARS])
        for pattern in _EMPLOYS if not line.quoted else ():
            match = pattern.search(text)
            if match and not _OTHERS.search(match.group()):
                count = _number(match["count"])
                if count >= 2:
                    sure = 0.6 if _ABOUT.search(match.group()) else 0.7
                    quote = excerpt(line.text, match.start(), match.end())
                    yield Said(count, sure, page, quote)


def _number(written: str) -> int:
    return int(re.sub(r"[.,]", "", written))


def parent(pages: Sequence[Read], names: Sequence[str]) -> Said | None:
    """Return the parent company when the site says whose subsidiary it is."""
    pattern = _parent_pattern(subject_pattern([*names, *_short_forms(names)], "we"))
    for read in pages:
        for organisation in read.structured.organisations:
            if organisation.parent:
                return Said(organisation.parent, 0.85, read.page, evidence(organisation.parent))
        for line in read.page.lines:
            match = pattern.search(ascii_marks(line.text[:_LINE_CHARS]))
            if match and not has_title_word(match["parent"]):
                quote = excerpt(line.text, match.start(), match.end())
                return Said(match["parent"], 0.75, read.page, quote)
    return None


def _parent_pattern(subject: str) -> re.Pattern[str]:
    capital = r"[A-ZÀ-Þ][\w&'-]*"
    return re.compile(
        rf"\b{subject} (?i:is|are|ist) (?i:now )?(?i:an? |ein )?(?i:wholly[- ]owned )?"
        rf"(?i:subsidiary of|unternehmen der|part of the) (?:the )?"
        rf"(?P<parent>{capital}(?: {capital}){{0,4}})"
    )
