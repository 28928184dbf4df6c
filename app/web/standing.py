"""Whether a company still is what its name says: closed, acquired or renamed (sources.md 7.6)."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from app.web.about import subject_pattern
from app.web.choice import Kind, registrable
from app.web.names import same_company
from app.web.page import Line, Page
from app.web.read import Read
from app.web.text import ascii_marks, excerpt, folded

_LINE_CHARS = 500
_BANNER_WORDS = 45  # a notice is short; a long text tells a story about somebody else
_ANNOUNCING = frozenset({Kind.home, Kind.about, Kind.other, Kind.contact})
_CIRCLE = re.compile(
    r"\b(?:network|program|programme|alliance|community|association)\b", re.IGNORECASE
)
_NAME = r"[A-ZÀ-Þ][\w&'-]*(?:\.[\w&'-]+)*"
_WHOM = rf"(?P<whom>{_NAME}(?: {_NAME}){{0,3}})"


@dataclass(frozen=True, slots=True)
class Standing:
    """What the site says has become of the company; `successor` is a domain or a name."""

    status: str  # closed, acquired, renamed
    successor: str | None
    page: Page
    quote: str

    @property
    def headline(self) -> str:
        """Return the news in one line."""
        to = {"renamed": " to", "acquired": " by"}.get(self.status)
        return self.status.capitalize() + (
            f"{to} {self.successor}" if self.successor and to else ""
        )


def _patterns(subject: str) -> tuple[tuple[str, re.Pattern[str]], ...]:
    """Return what each status sounds like with the company, or "we", as its subject."""
    we = rf"\b(?:{subject}|we|wir|vi|nous)"
    this = rf"\b(?:{subject}|we|wir|vi|this (?:site|website|company|business)|the company)"
    renamed = (
        rf"(?i:{we}(?:'re| are| is| sind)?(?: now| jetzt| nun) (?:called|known as)"
        rf"|{we} (?:heißen|heißt) (?:jetzt|nun)"
        rf"|{we} (?:has |have )?changed (?:our|its) name to"
        rf"|{we} (?:has |have )?(?:been )?(?:renamed|rebranded)(?: ourselves)? (?:to|as)"
        rf"|{we} har (?:skiftet|ændret|bytt) navne?t? til|{we} hedder nu"
        rf"|{we} s'appelle désormais) {_WHOM}"
    )
    acquired = (
        rf"(?i:{we} (?:has been|have been|was|were|is now|are now)"
        r" (?:acquired|bought|taken over) by"
        rf"|{we} (?:is|are) now (?:a )?part of|{we} (?:gehört|gehören) (?:jetzt|nun) zur?"
        rf"|{we} er nu en del af)(?i: the)? {_WHOM}"
    )
    closed = (
        rf"(?i:{this}\b[^.]{{0,30}}?\b(?:(?:has|have|is|are|was|were) (?:now |been )?"
        r"(?:wound down|closed down|shut down|dissolved|in liquidation|permanently closed)"
        r"(?! (?:our|the|all|its|an?)\b)"
        r"|(?:has|have) (?:now )?ceased (?:operations|trading)"
        r"|(?:is|are) no longer (?:active|in business|operating|trading)"
        r"|filed for (?:chapter 11|bankruptcy|insolvency)"
        r"|(?:hat|haben) (?:den )?(?:betrieb|geschäftsbetrieb) eingestellt"
        r"|(?:er|har) (?:lukket|ophørt)))"
    )
    archived = r"(?i:^.{0,60}\barchived version of (?:this|the|our) (?:site|website))"
    return (
        ("renamed", re.compile(renamed)),
        ("acquired", re.compile(acquired)),
        ("closed", re.compile(closed)),
        ("closed", re.compile(archived)),
    )


def find_standing(
    pages: Sequence[Read], names: Sequence[str], domain: str, moved_to: Iterable[str]
) -> Standing | None:
    """Return what the home or about page announces; `moved_to` are hosts its pages send on to."""
    patterns = _patterns(subject_pattern(names))
    hosts = list(moved_to)
    for read in pages:
        if read.kind in _ANNOUNCING:
            for line in read.page.lines:
                if found := _announced(line, patterns):
                    status, whom, quote = found
                    if whom is None or _is_other(whom, tuple(names)):
                        successor = _successor(line, whom, domain, hosts)
                        return Standing(status, successor, read.page, quote)
    return None


def _is_other(whom: str, names: tuple[str, ...]) -> bool:
    return not same_company(whom, names) and not _CIRCLE.search(whom)


def _announced(
    line: Line, patterns: Sequence[tuple[str, re.Pattern[str]]]
) -> tuple[str, str | None, str] | None:
    """Return status, by or to whom, and quote, when a line is such a notice."""
    text = ascii_marks(line.text[:_LINE_CHARS])
    if line.quoted or len(text.split()) > _BANNER_WORDS:
        return None
    for status, pattern in patterns:
        if match := pattern.search(text):
            quote = excerpt(line.text, match.start(), match.end())
            return status, match.groupdict().get("whom"), quote
    return None


def _successor(line: Line, whom: str | None, domain: str, moved_to: Iterable[str]) -> str | None:
    """Prefer the successor's domain: written in the notice, or linked and like its name."""
    written = re.findall(r"\b(?:[a-z0-9-]+\.)+[a-z]{2,12}\b", line.text.lower())
    linked = [urlsplit(href).hostname or "" for href in line.hrefs]
    for host in written:
        if registrable(host) != domain:
            return registrable(host)
    for host in (*linked, *moved_to):
        other = registrable(host)
        if host and other != domain and (whom is None or _label_fits(other, whom)):
            return other
    return whom


def _label_fits(domain: str, whom: str) -> bool:
    return folded(domain.partition(".")[0])[:5] in folded(whom)
