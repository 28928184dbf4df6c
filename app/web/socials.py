"""A company's own profiles on social networks; share buttons and theme authors are left out."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from app.web.names import NEAR, likeness
from app.web.page import Page, Part
from app.web.text import wordset

_FORMS = (
    ("linkedin", r"^(?:[a-z]{2,3}\.)?linkedin\.com$", r"^/(company|school|showcase)/([^/?#]+)"),
    ("twitter", r"^(?:mobile\.)?(?:twitter|x)\.com$", r"^/()@?(\w{1,15})/?$"),
    ("facebook", r"^(?:[a-z]{2}(?:-[a-z]{2})?\.)?facebook\.com$", r"^/(pages)/([^/]+/\d+)/?$"),
    ("facebook", r"^(?:[a-z]{2}(?:-[a-z]{2})?\.)?facebook\.com$", r"^/()([\w.-]{3,60})/?$"),
    ("instagram", r"^instagram\.com$", r"^/()([\w.]{2,30})/?$"),
    ("youtube", r"^youtube\.com$", r"^/(c|channel|user)/([\w.-]+)"),
    ("youtube", r"^youtube\.com$", r"^/()(@[\w.-]+)"),
    ("github", r"^github\.com$", r"^/()([\w-]{1,39})/?$"),
    ("bluesky", r"^bsky\.app$", r"^/(profile)/([\w.:-]+)/?$"),
    ("xing", r"^xing\.com$", r"^/(companies|pages)/([\w.-]+)"),
    ("tiktok", r"^tiktok\.com$", r"^/()(@[\w.]{2,30})/?$"),
    ("pinterest", r"^(?:[a-z]{2}\.)?pinterest\.(?:com|de|fr|co\.uk)$", r"^/()([\w-]{3,40})/?$"),
)
_PROFILES = tuple(
    (name, re.compile(host), re.compile(path, re.IGNORECASE)) for name, host, path in _FORMS
)
_HOSTS = {
    "linkedin": "www.linkedin.com",
    "facebook": "facebook.com",
    "xing": "www.xing.com",
    "pinterest": "pinterest.com",
}
_NOT_PROFILES = wordset(
    "about home share sharer intent login signup explore search hashtag help policies privacy tr"
    " plugins widgets embed watch pages groups events legal settings i p reel stories features"
    " pricing orgs topics sponsors marketplace profile.php dialog share.php sharer.php"
)

_SURE = 0.75
_STRUCTURED = 0.85


@dataclass(frozen=True, slots=True)
class Profile:
    """One profile of the company: network, canonical address, and where it was linked."""

    network: str
    url: str
    handle: str
    page: Page
    confidence: float


def profile(url: str) -> tuple[str, str, str] | None:
    """Return network, canonical address and handle when `url` is a profile, and not a post.

    >>> profile("https://de.linkedin.com/company/acme?trk=x")
    ('linkedin', 'https://www.linkedin.com/company/acme', 'acme')
    >>> profile("https://twitter.com/intent/tweet?text=hello") is None
    True
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    host = (parts.hostname or "").removeprefix("www.")
    for network, hosts, form in _PROFILES:
        match = form.match(parts.path) if hosts.match(host) else None
        if match and match.group(2).lower() not in _NOT_PROFILES:
            folder, handle = match.group(1).lower(), unquote(match.group(2))
            path = f"{folder}/{handle}" if folder else handle
            return network, f"https://{_HOSTS.get(network, host)}/{path}", handle
    return None


def find_profiles(
    pages: Iterable[Page], names: tuple[str, ...], same_as: Iterable[tuple[str, Page]]
) -> list[Profile]:
    """Return one profile a network: that which JSON-LD names, else the likest and most linked.

    `names` are the domain's label and all names the company goes by. A profile that resembles
    none of them is left out unless it only has a number: themes link their authors (7.4).
    """
    found: dict[str, tuple[float, Profile]] = {}
    for score, candidate in _candidates(list(pages), names, same_as):
        best = found.get(candidate.network)
        if best is None or score > best[0]:
            found[candidate.network] = (score, candidate)
    return [candidate for _, candidate in found.values()]


def _candidates(
    pages: list[Page], names: tuple[str, ...], same_as: Iterable[tuple[str, Page]]
) -> Iterator[tuple[float, Profile]]:
    for url, page in same_as:
        if read := profile(url):
            network, address, handle = read
            yield 3.0, Profile(network, address, handle, page, _STRUCTURED)
    linked: dict[str, list[tuple[Page, Part]]] = {}
    details: dict[str, tuple[str, str]] = {}
    for page in pages:
        for link in page.links:
            if read := profile(link.url):
                network, address, handle = read
                key = address.lower()
                linked.setdefault(key, []).append((page, link.part))
                details.setdefault(key, (network, handle))
                details.setdefault(f"url:{key}", (address, ""))
    for key, places in linked.items():
        network, handle = details[key]
        share = len({page.url for page, _ in places}) / len(pages)
        alike = _alike(handle, names)
        if alike >= NEAR:
            address = details[f"url:{key}"][0]
            yield alike + share, Profile(network, address, handle, places[0][0], _SURE)


def _alike(handle: str, names: tuple[str, ...]) -> float:
    name = handle.partition("/")[0]
    if name.isdecimal():
        return NEAR  # a number resembles nothing; the network knows whose it is
    bare = re.sub(r"\.bsky\.social$|^@", "", name)
    return max((likeness(bare.partition(".")[0] or bare, other) for other in names), default=0.0)
