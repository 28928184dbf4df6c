"""Which pages of a site are worth one of the few requests (sources.md 7.1)."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from urllib.parse import urlsplit, urlunsplit

from publicsuffixlist import PublicSuffixList

from app.web.page import Link, Page

MAX_DEPTH = 3  # path segments
MAX_SITEMAP_BYTES = 1_000_000


class Kind(StrEnum):
    """What a page is about, judged by its path and the text of links to it."""

    home = "home"
    people = "people"
    about = "about"
    contact = "contact"
    imprint = "imprint"
    careers = "careers"
    pricing = "pricing"
    news = "news"
    customers = "customers"
    other = "other"


WEIGHTS = {
    Kind.people: 5.5,  # a team page gives most for its request
    Kind.about: 5.0,
    Kind.contact: 4.2,
    Kind.imprint: 4.0,
    Kind.careers: 4.0,
    Kind.pricing: 3.0,
    Kind.news: 3.0,
    Kind.customers: 1.0,
}
_AT_MOST = {Kind.people: 2, Kind.about: 2, Kind.careers: 2}  # others: 1 page each

_WORDS = (
    (
        Kind.people,
        r"leadership|our team|the team|unser team|vores team|team page|(?:management|executive|core"
        r"|leadership) team|management board|[eé]quipe|equipo|ansprechpartner|mitarbeitende"
        r"|medarbejdere",
        r"team|people|management|executives?|mitarbeiter|founders|staff",
    ),
    (
        Kind.careers,
        r"careers?|jobs|karriere|join us|recrutement|empleo|vacancies|stellenangebote"
        r"|open positions|open roles|job openings|work with us",
        r"opportunities|hiring|stellen",
    ),
    (Kind.imprint, r"impressum|imprint|legal notice|mentions l[eé]gales|aviso legal", r"colophon"),
    (
        Kind.contact,
        r"contact us|kontakt os|kontakt|contacto|contatti|get in touch|talk to us",
        r"contacts?|contact .*|contact",
    ),
    (Kind.pricing, r"pricing|preise|preisliste|tarifs", r"plans|prices|priser|plans and .*"),
    (
        Kind.news,
        r"newsroom|press releases?|pressemitteilungen|nyheder|aktuelles|nachrichten|actualit[eé]s",
        r"news|press|presse|blog|news .*|press .*",
    ),
    (
        Kind.about,
        r"about|about us|who we are|ueber uns|[uü]ber uns|unternehmen|[aà] propos|qui sommes nous"
        r"|quienes somos|chi siamo|over ons|om oss|om os|o nas|our story|our company",
        r"company|firma|history|company .*",
    ),
    (Kind.customers, r"case studies|referenzen", r"customers|kunden|references"),
)
_MARKS = tuple(
    (
        kind,
        re.compile(rf"(?<!\w)(?:{anywhere})(?!\w)", re.IGNORECASE),
        re.compile(
            rf"(?:our |the |meet |unser |unsere |der |die |vores )?(?:{alone})", re.IGNORECASE
        ),
    )
    for kind, anywhere, alone in _WORDS
)
"""For each kind: words that tell it anywhere in a name, and words that must stand alone."""

_SKIPPED = re.compile(
    r"\.(?:pdf|jpe?g|png|gif|svg|webp|zip|docx?|xlsx?|pptx?|mp4|mp3|ics|css|js|json|txt)$"
    r"|/(?:login|signin|sign-in|cart|checkout|tag|tags|category|privacy[\w-]*|cookies?|terms[\w-]*"
    r"|wp-content|wp-json|cdn-cgi|search|author)(?:/|$)|board-of-directors|investor",
    re.IGNORECASE,
)
_LANGUAGE = re.compile(r"^/[a-z]{2}(?:[-_][a-z]{2})?/", re.IGNORECASE)
_INDEX = re.compile(r"/(?:index|default|home)\.(?:html?|php|aspx?)$", re.IGNORECASE)


@cache
def _suffixes() -> PublicSuffixList:
    """Load the list once, when first asked for (0.2 s)."""
    return PublicSuffixList()


USUAL_PATHS = ("/about", "/contact", "/team")
"""Where companies keep these pages when the home page does not lead there."""

BLIND_PATHS = ("/about", "/en/about", "/contact", "/about-us", "/impressum", "/team", "/careers")
"""Where to try when the home page itself cannot be read."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One page that could be asked for."""

    url: str
    kind: Kind
    score: float


def registrable(host: str) -> str:
    """Return the registrable domain of a host, the host itself when it has none.

    >>> registrable("www.shop.acme.co.uk")
    'acme.co.uk'
    """
    return str(_suffixes().privatesuffix(host.lower().rstrip(".")) or host.lower())


def directory_form(url: str) -> str:
    """Return the address without fragment, query and index file name.

    >>> directory_form("https://acme.example/about/index.html#team")
    'https://acme.example/about/'
    """
    parts = urlsplit(url)
    path = _INDEX.sub("/", re.sub(r"/{2,}", "/", parts.path)) or "/"
    return urlunsplit((parts.scheme, parts.netloc.lower(), path, "", ""))


def page_key(url: str) -> str:
    """Return what makes two addresses the same page: no scheme, no `www.`, no last slash."""
    parts = urlsplit(directory_form(url))
    host = (parts.hostname or "").removeprefix("www.")
    return f"{host}{parts.path.rstrip('/').lower()}"


def kind_of(path: str, text: str = "") -> Kind:
    """Judge what a page is about by its path, then by the text of a link to it.

    >>> kind_of("/about/leadership/").value, kind_of("/x1", "Kontakt").value
    ('people', 'contact')
    """
    last = path.rstrip("/").rpartition("/")[2]
    for place in (last, text if len(text) <= 40 else "", path):
        if kind := _named(place):
            return kind
    return Kind.home if path in {"", "/"} else Kind.other


def _named(place: str) -> Kind | None:
    """Return the kind a path, a segment of one or a link's text names."""
    segments = [re.sub(r"[-_.+&\s]+", " ", part).strip() for part in place.split("/")]
    for kind, anywhere, alone in _MARKS:
        for segment in segments:
            if segment and (anywhere.search(segment) or alone.fullmatch(segment)):
                return kind
    return None


def choices(page: Page, domain: str) -> Iterator[Choice]:
    """Yield the pages of the same site that this page links to."""
    for link in page.links:
        choice = _choice(link, page.host, domain)
        if choice is not None:
            yield choice


def _choice(link: Link, host: str, domain: str) -> Choice | None:
    try:
        parts = urlsplit(link.url)
        linked = (parts.hostname or "").lower()
    except ValueError:
        return None
    if parts.scheme not in {"http", "https"} or parts.query or _SKIPPED.search(parts.path):
        return None
    if registrable(linked) != domain or linked.removeprefix("www.") != host.removeprefix("www."):
        return None
    return rate(link.url, link.text)


def rate(url: str, text: str = "") -> Choice | None:
    """Rate one address of the site; None when nothing of interest can be expected there."""
    address = directory_form(url)
    path = urlsplit(address).path
    depth = len([part for part in path.split("/") if part])
    kind = kind_of(path, text)
    if kind not in WEIGHTS or not 0 < depth <= MAX_DEPTH:
        return None
    penalty = 0.3 * (depth - 1) + (0.4 if len(path) > 40 else 0.0)
    penalty += 2.0 if _LANGUAGE.match(path) else 0.0  # the same page in another language
    return Choice(address, kind, WEIGHTS[kind] - penalty - _vagueness(path, kind))


def _vagueness(path: str, kind: Kind) -> float:
    """Return how much less sure a kind is that only the link's text or a parent folder tells."""
    last = "/" + path.rstrip("/").rpartition("/")[2]
    if _named(last) is kind:
        return 0.0
    return 2.0 if _named(path) is kind else 1.0


_LOC = re.compile(r"<loc>\s*(?:<!\[CDATA\[\s*)?([^<\]\s]{1,500})", re.IGNORECASE)


def sitemap_choices(text: str, host: str, domain: str) -> Iterator[Choice]:
    """Yield the pages a sitemap lists; nested sitemaps are not followed."""
    for match in _LOC.finditer(text[:MAX_SITEMAP_BYTES]):
        choice = _choice(Link(match.group(1), ""), host, domain)
        if choice is not None:
            yield choice


def guesses(base: str, failed: Iterable[str], usual: Iterable[str]) -> Iterator[Choice]:
    """Yield pages that may exist: folders above pages that were missing, then `usual` paths."""
    for url in failed:
        path = urlsplit(url).path.rstrip("/").rpartition("/")[0]
        found = rate(f"{base}{path}/") if path else None
        if found is not None:
            yield Choice(found.url, found.kind, found.score - 1.0)
    for place, path in enumerate(usual):
        yield Choice(base + path, kind_of(path), 2.5 - place / 10)


def room_for(kind: Kind, read: Iterable[Kind]) -> bool:
    """Tell whether another page of this kind is worth a request."""
    return sum(kind is other for other in read) < _AT_MOST.get(kind, 1)
