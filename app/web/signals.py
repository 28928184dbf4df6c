"""Reasons to call now that a company's own pages give: open roles, public prices, dated news."""

import html
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from email.utils import parsedate_to_datetime

from app.web.choice import Kind
from app.web.fingerprints import job_board
from app.web.page import Line, Page, Part
from app.web.read import Read
from app.web.text import ascii_marks, evidence, plain
from app.web.titles import is_department, is_title

KINDS = (
    "hiring", "funding", "acquisition", "leadership", "layoffs", "product", "partnership",
    "expansion", "legal", "results", "bankruptcy", "pricing_public", "status",
)  # fmt: skip
"""The words a signal's `kind` may be."""

NEWS_DAYS = 400  # older headlines are history, not a reason to call


@dataclass(frozen=True, slots=True)
class Signal:
    """One reason to call; `on` is the day the news is of, None when the page does not say."""

    kind: str
    headline: str
    page: Page
    quote: str
    confidence: float
    url: str
    on: date | None = None


_CLASSES = tuple(
    (kind, re.compile(pattern, re.IGNORECASE))
    for kind, pattern in (
        (
            "funding",
            r"\b(?:raises?|raised|secures?|closes?|closed)\b.*"
            r"\b(?:series [a-h]|seed|round|funding)\b"
            r"|\b(?:raises?|raised|secures?)\b.*[$€£][\d.]+ ?(?:m|k|bn|million|billion)\b"
            r"|\bawarded\b.*\bgrant\b|\bwins? .*\bgrant\b|\bfinanzierungsrunde\b|\blève\b",
        ),
        (
            "acquisition",
            r"\bacquires?\b|\bacquired by\b|\bacquisition of\b|\bto buy\b|\bmerger?s? with\b"
            r"|\bmerger\b|\btakeover\b|\bübernimmt\b|\bopkøber\b|\brachète\b",
        ),
        (
            "leadership",
            r"\bappoint(?:s|ed)?\b|\bnames? .*\b(?:ceo|cfo|cto|chief|president|vp|director)\b"
            r"|\bhires?\b.*\b(?:chief|vp|head|director)\b|\bjoins as\b|\bsteps down\b"
            r"|\bnew (?:ceo|cfo|cto|cro|cmo|coo|chief)\b|\bneuer? geschäftsführer",
        ),
        ("layoffs", r"\blays? off\b|\blayoffs?\b|\bjob cuts\b|\brestructur"),
        ("bankruptcy", r"\bchapter 11\b|\binsolven|\bin administration\b|\bwinds? down\b"),
        ("legal", r"\bdata breach\b|\blawsuit\b|\bfined\b|\bransomware\b|\bsecurity incident\b"),
        ("results", r"\bq[1-4]\b.*\b(?:results|20\d\d)\b|\bquarter(?:ly)? results|\bearnings\b"
                    r"|\bannual results\b|\brecord revenue\b"),
        ("partnership", r"\bpartners with\b|\bpartnership with\b|\bstrategic partnership\b"
                        r"|\bpartnerschaft\b"),
        ("expansion", r"\bopens? (?:new |its |our |an? )?.*\b(?:office|headquarters|hub|plant)\b"
                      r"|\bnew office\b|\bexpands? (?:in)?to\b"),
        ("product", r"\blaunch(?:es|ed)?\b|\bunveils?\b|\bintroduc(?:es|ing)\b|\breleases?d?\b"
                    r"|\bannouncing\b|\bnow available\b|\blanciert\b|\blancerer\b"),
    )
)  # fmt: skip


def headline_kind(headline: str) -> str | None:
    """Return the class of a headline, the first that fits; None when it is no signal.

    >>> headline_kind("Acme raises $12M Series A"), headline_kind("Five tips for spring")
    ('funding', None)
    """
    text = ascii_marks(headline)
    return next((kind for kind, pattern in _CLASSES if pattern.search(text)), None)


_GENDERED = re.compile(
    r"\((?:m|w|d|f|h|x|all genders|gn)(?:\s*[/|]\s*(?:m|w|d|f|h|x|i)){1,3}\)", re.IGNORECASE
)
_JOB_PATH = re.compile(
    r"/(?:jobs?|careers?|karriere|stellen?|vacanc(?:y|ies)|positions?|openings?|opportunit(?:y|ies)"
    r"|roles?|offres?|o)/[^/?#]*[a-z]{3}[^/?#]*/?$",
    re.IGNORECASE,
)
_NO_OPENINGS = re.compile(
    r"\bno (?:current |open )?(?:openings|vacancies|open (?:roles|positions))\b"
    r"|\bnot (?:currently )?hiring\b|\bkeine offenen stellen\b",
    re.IGNORECASE,
)


def hiring(reads: Sequence[Read]) -> Iterator[Signal]:
    """Yield what the careers pages say: the roles listed there, or the board they run on."""
    roles: dict[str, tuple[str, Page]] = {}
    boards: dict[str, tuple[str, Page]] = {}
    for read in reads:
        if read.kind is Kind.careers:
            for role in _roles(read.page):
                roles.setdefault(role.casefold(), (role, read.page))
            if board := job_board(read.page):
                boards.setdefault(board[0], (board[1], read.page))
    if roles:
        yield _roles_signal(list(roles.values()))
    for vendor, (address, page) in boards.items():
        text = f"Hiring page runs on {vendor}"
        yield Signal("hiring", text, page, evidence(address), 0.75, page.url)


def _roles_signal(roles: list[tuple[str, Page]]) -> Signal:
    names = [name for name, _ in roles]
    page = roles[0][1]
    listed = ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
    noun = "open role" if len(names) == 1 else "open roles"
    headline = f"{len(names)} {noun} on the careers page: {listed}"
    return Signal("hiring", headline, page, evidence(", ".join(names)), 0.75, page.url)


def _roles(page: Page) -> Iterator[str]:
    if any(_NO_OPENINGS.search(line.text[:300]) for line in page.lines):
        return
    for line in page.lines:
        text = plain(line.text)
        if line.part is Part.nav or not 4 <= len(text) <= 90:
            continue
        gendered = _GENDERED.search(text) is not None and (line.heading > 0 or line.linked)
        leads = any(_JOB_PATH.search(href.partition("?")[0]) for href in line.hrefs)
        titled = is_title(ascii_marks(text)) and not is_department(text)
        if gendered or (line.linked and leads and titled):
            yield text


_AMOUNT = re.compile(
    r"(?:(?:US)?[$€£]\s?\d[\d.,]*|\d[\d.,]*\s?(?:€|(?:EUR|USD|GBP|kr|DKK|SEK|NOK|CHF)\b))"
    r"(?:\s?/\s?\w+(?:/\w+)?| per \w+| pro \w+)?"
)


def public_pricing(reads: Iterable[Read]) -> Signal | None:
    """Return the signal that prices are public, when the pricing page names amounts."""
    for read in reads:
        if read.kind is not Kind.pricing:
            continue
        amounts: list[str] = []
        for line in read.page.lines:
            if line.part is Part.main and len(line.text) <= 120:
                amounts += [tidy_amount(a) for a in _AMOUNT.findall(line.text)]
        amounts = [a for a in dict.fromkeys(amounts) if re.search(r"[1-9]", a)]
        if amounts:
            headline = f"Public prices on the pricing page: {', '.join(amounts[:4])}"
            quote = evidence(", ".join(amounts))
            return Signal("pricing_public", headline, read.page, quote, 0.75, read.page.url)
    return None


def tidy_amount(text: str) -> str:
    """Return an amount without stops that belong to the sentence around it."""
    return re.sub(r"[.,]+$", "", " ".join(text.split()))


_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "january jan januar janvier", "february feb februar février", "march mar märz mars",
            "april apr avril", "may mai maj", "june jun juni juin", "july jul juli juillet",
            "august aug août", "september sep sept septembre", "october oct oktober okt octobre",
            "november nov novembre", "december dec dezember dez décembre",
        ),
        start=1,
    )
    for name in names.split()
}  # fmt: skip
_MONTH_NAME = r"(?P<name>[A-Za-zäéû]{3,9})"
_DATES = (
    re.compile(r"\b(?P<year>20\d\d)-(?P<month>\d\d)-(?P<day>\d\d)\b"),
    re.compile(rf"\b(?P<day>\d{{1,2}})(?:st|nd|rd|th|\.)? {_MONTH_NAME}\.?,? (?P<year>20\d\d)\b"),
    re.compile(rf"\b{_MONTH_NAME}\.? (?P<day>\d{{1,2}})(?:st|nd|rd|th)?,? (?P<year>20\d\d)\b"),
    re.compile(r"\b(?P<day>\d{1,2})\.(?P<month>\d{1,2})\.(?P<year>20\d\d)\b"),
)  # fmt: skip


def read_date(text: str) -> date | None:
    """Return the first full date in a text.

    >>> read_date("Posted on 3 March 2026"), read_date("Mar. 3, 2026"), read_date("03.03.2026")
    (datetime.date(2026, 3, 3), datetime.date(2026, 3, 3), datetime.date(2026, 3, 3))
    """
    for pattern in _DATES:
        for match in pattern.finditer(text):
            parts = match.groupdict()
            named = _MONTHS.get((parts.get("name") or "").lower(), 0)
            month = int(parts["month"]) if parts.get("month") else named
            try:
                return date(int(parts["year"]), month, int(parts["day"]))
            except ValueError:
                continue
    return None


def page_news(read: Read) -> Iterator[Signal]:
    """Yield recent headlines of a news page: a date and a linked line at most two lines apart."""
    lines = [line for line in read.page.lines if line.part is Part.main]
    dates = {at: on for at, line in enumerate(lines) if (on := _line_date(line))}
    for at, on in dates.items():
        order = (-1, -2) if _dates_follow(lines, min(dates)) else (1, 2)
        headline = next((lines[at + n] for n in (0, *order) if _is_headline(lines, at + n)), None)
        kind = headline_kind(headline.text) if headline else None
        if headline and kind and _is_recent(on, read.page.at):
            url = headline.hrefs[0] if headline.hrefs else read.page.url
            text = plain(headline.text)
            yield Signal(kind, text, read.page, evidence(text), 0.75, url, on)


def _line_date(line: Line) -> date | None:
    return read_date(line.text) if len(line.text) <= 200 else None


def _is_headline(lines: Sequence[Line], at: int) -> bool:
    if not 0 <= at < len(lines):
        return False
    return 15 <= len(lines[at].text) <= 200 and bool(lines[at].hrefs or lines[at].heading)


def _dates_follow(lines: Sequence[Line], first: int) -> bool:
    """Tell whether this page writes the date below the headline, as its first item shows."""
    return any(_is_headline(lines, first + n) for n in (-1, -2))


MAX_FEED_CHARS = 1_000_000
MAX_ITEMS = 100
MAX_ITEM_CHARS = 20_000
_ITEM = re.compile(r"<(?:item|entry)[\s>]", re.IGNORECASE)
_FEED_TITLE = re.compile(r"<title[^>]{0,100}>([^<]*(?:<!\[CDATA\[[^<]*)?)", re.IGNORECASE)
_FEED_LINK = re.compile(r"<link[^>]{0,200}?href=[\"']([^\"']+)|<link>([^<]+)<", re.IGNORECASE)
_FEED_DATE = re.compile(r"<(?:pubDate|published|updated|dc:date)>([^<]+)<", re.IGNORECASE)


def feed_news(text: str, page: Page) -> Iterator[Signal]:
    """Yield dated headlines of an RSS or Atom feed; its own entities are never expanded."""
    for item in _ITEM.split(text[:MAX_FEED_CHARS], maxsplit=MAX_ITEMS)[1:]:
        item = item[:MAX_ITEM_CHARS]
        title, when = _FEED_TITLE.search(item), _FEED_DATE.search(item)
        headline = _feed_text(title.group(1)) if title else ""
        on = _feed_date(_feed_text(when.group(1))) if when else None
        kind = headline_kind(headline)
        if kind and on and _is_recent(on, page.at):
            url = _feed_link(item) or page.url
            yield Signal(kind, headline[:200], page, evidence(headline), 0.75, url, on)


def _feed_link(item: str) -> str | None:
    link = _FEED_LINK.search(item)
    url = _feed_text(link.group(1) or link.group(2)) if link else ""
    return url if url.startswith(("http://", "https://")) else None


def _feed_text(raw: str) -> str:
    return plain(html.unescape(re.sub(r"<!\[CDATA\[|\]\]>", "", raw)))


def _feed_date(text: str) -> date | None:
    try:
        return datetime.fromisoformat(text).date()
    except ValueError:
        pass
    try:
        return parsedate_to_datetime(text).date()
    except ValueError:
        return None


def _is_recent(on: date, at: datetime) -> bool:
    return at.date() - timedelta(days=NEWS_DAYS) <= on <= at.date() + timedelta(days=1)
