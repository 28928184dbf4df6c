"""Why a page must not be read as the company's own text: bot walls, soft 404s, parking, shells."""

import re
from collections.abc import Mapping

from app.web.page import Page

THIN_WORDS = 60  # visible words below which a page without a description is a script shell
_SHORT_WORDS = 400  # a wall or an error page is short; a long page merely mentions these words

_WALL_TITLE = re.compile(
    r"^(?:just a moment\.{3}|attention required!|access denied|pardon our interruption"
    r"|please wait\.{3}|security check|are you (?:a )?(?:human|robot)|ddos-guard|request rejected"
    r"|verify(?:ing)? (?:that )?you are (?:a )?human|human verification|bot verification)",
    re.IGNORECASE,
)
_WALL_TEXT = re.compile(
    r"verify(?:ing)? (?:that )?you are (?:a )?human|sorry, you have been blocked"
    r"|pardon our interruption|enable javascript and cookies to continue"
    r"|checking your browser before|reference #\d|cloudflare ray id",
    re.IGNORECASE,
)
_WALL_CODE = re.compile(
    r"_incapsula_resource|px-captcha|captcha-delivery\.com|challenges\.cloudflare\.com/turnstile/"
    r"v0/b/|/cdn-cgi/challenge-platform|window\._cf_chl_opt|awswafintegration",
    re.IGNORECASE,
)
_MISSING = re.compile(
    r"(?:^|\W)404(?:$|\W)|\bpage (?:was |could )?not (?:be )?found\b|\bnot found$"
    r"|\bpage does not exist\b|\bpage doesn.t exist\b|\bseite (?:wurde )?nicht gefunden"
    r"|\bpage introuvable\b|\bsiden (?:blev |findes )?ikke\b|\bsidan (?:hittades|finns) inte",
    re.IGNORECASE,
)
_PARKED = re.compile(
    r"\bdomain (?:name )?(?:is|may be) for sale\b|\bbuy this domain\b|\bdomain steht zum verkauf"
    r"|\bthis domain (?:is|has been) (?:parked|registered)|\bdomain parking\b",
    re.IGNORECASE,
)
_PARKING_HOST = re.compile(
    r"(?:^|[./])(?:sedo|sedoparking|dan|afternic|hugedomains|bodis|parkingcrew|above)\.com(?:/|$)",
    re.IGNORECASE,
)
_LEFTOVER = re.compile(
    r"\blorem ipsum\b|\baddress line 1\b|\badresszeile 1\b|\bligne d.adresse 1\b"
    r"|\b(?:info|mail|hello|contact|you|your|name)@(?:mail|yoursite|yourdomain|domain|company"
    r"|yourcompany)\.com\b",
    re.IGNORECASE,
)
_THEME_TITLE = re.compile(
    r"\b(?:html5?|bootstrap|wordpress|free|responsive|landing page|business|one page) "
    r"(?:website )?(?:template|theme)\b|\bjust another wordpress site\b",
    re.IGNORECASE,
)


def is_wall(status: int, headers: Mapping[str, str], page: Page) -> bool:
    """Tell whether a security vendor answered instead of the company (sources.md 7.7)."""
    if headers.get("cf-mitigated") or headers.get("x-amzn-waf-action"):
        return True
    if _WALL_TITLE.search(page.title):
        return True
    if page.words > _SHORT_WORDS:
        return False
    if "cloudflare" in headers.get("server", "").lower() and status in {403, 503}:
        return True
    if _WALL_CODE.search(page.scripts) or any(map(_WALL_CODE.search, page.resources)):
        return page.words < THIN_WORDS or status in {403, 429, 503}
    return any(_WALL_TEXT.search(line.text) for line in page.lines)


def is_missing(page: Page) -> bool:
    """Tell whether a page served as a file says itself that it does not exist (a soft 404)."""
    if page.words > _SHORT_WORDS:
        return False
    headings = list(page.headings())[:3]
    return any(_MISSING.search(text) for text in (page.title, *headings))


def is_parked(page: Page) -> bool:
    """Tell whether the domain is for sale and nobody's site."""
    if any(_PARKING_HOST.search(address) for address in (page.url, *page.resources)):
        return True
    if page.words > _SHORT_WORDS:
        return False
    return any(_PARKED.search(text) for text in (page.title, *(line.text for line in page.lines)))


def is_thin(page: Page) -> bool:
    """Tell whether nothing is left to read without running scripts."""
    described = page.metas.get("description") or page.metas.get("og:description")
    words = sum(len(line.text.split()) for line in page.lines)
    return words < THIN_WORDS and not described and not page.raw_blocks


def is_template(page: Page) -> bool:
    """Tell whether the page is an unfilled theme (sources.md 7.10)."""
    if _THEME_TITLE.search(page.title):
        return True
    if sum(bool(_LEFTOVER.search(line.text)) for line in page.lines) >= 1:
        return True
    dead = sum(link.url.endswith("#") for link in page.links)
    return len(page.links) >= 8 and dead > 0.6 * len(page.links)
