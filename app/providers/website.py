"""The company's own website, read politely and without a key.

Robots rules: RFC 9309; product token `warmcall`. Limits from facts/sources.md section 3.1, read
2026-11-21: robots.txt, the home page and at most seven more, two at a time, 10 s together.
"""

from collections.abc import Generator, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TypeAlias
from urllib.parse import urlsplit, urlunsplit

from protego import Protego

from app.prospect import By, Identifiers
from app.provider import Answer, Capability, Exchange, Finding, Meter, Outcome, Pace, Request
from app.web.choice import (
    BLIND_PATHS,
    USUAL_PATHS,
    Choice,
    Kind,
    choices,
    guesses,
    kind_of,
    page_key,
    registrable,
    room_for,
    sitemap_choices,
)
from app.web.company import FIELDS, Gathering, all_feeds, is_same_company, site_facts
from app.web.hindrance import is_missing, is_parked, is_thin, is_wall
from app.web.page import Page, decoded, read_page

AGENT = "warmcall"
MAX_PAGES = 7  # beside robots.txt and the home page
AT_ONCE = 2
TIMEOUT_S = 6.0  # of one request
DEADLINE_S = 8.0  # after the first answer no further page is begun
MAX_CRAWL_DELAY_S = 2.0  # a site that wants longer pauses is asked for its home page only
MAX_ROBOTS_BYTES = 512_000
FEW_LINKS = 6  # of interest on the home page; with fewer, the sitemap is read too

HTML = ("text/html", "application/xhtml+xml")
XML = ("application/xml", "text/xml", "application/rss+xml", "application/atom+xml")
TEXT = ("text/plain",)

_UNREACHABLE = frozenset({"dns_nxdomain", "dns_no_answer", "dns_error", "connect", "tls"})
_NO_SUCH_SITE = frozenset({"dns_nxdomain", "dns_no_answer"})

Steps: TypeAlias = Generator[list[Request], list[Answer], None]


@dataclass(frozen=True, slots=True)
class Website:
    """Reads who a company is, who works there and what is new from its own pages."""

    name = "website"
    capabilities = (Capability("site", (frozenset({By.domain}),), FIELDS),)
    pace = Pace(per_s=20.0, burst=20, at_once=16)
    sandbox = False

    def judge(self, answer: Answer) -> Outcome | None:
        """Return None: pages fail one by one, and the exchange goes on with the others."""
        return None

    def meter(self, answer: Answer) -> Meter:
        """Return nothing: sites have no credit headers."""
        return Meter()

    def look_up(self, capability: Capability, query: Identifiers) -> Exchange:
        """Read robots.txt, the home page and the best of the pages it leads to."""
        visit = _Visit(query.domain or "")
        trouble = yield from visit.enter()
        if trouble:
            return _failed(trouble)
        trouble = yield from visit.home()
        if trouble and trouble != "http_404":
            return _failed(trouble)
        yield from visit.rest()
        facts = site_facts(visit.found.site())
        if not facts:
            return _failed(trouble or visit.first_trouble or "thin")
        return Finding(Outcome.matched, tuple(facts), visit.detail(), credits=0.0)


def _failed(trouble: str) -> Finding:
    """A failure is never an empty success; only a domain without a site is "not found"."""
    nothing_there = trouble in _NO_SUCH_SITE or trouble in {"parked", "thin", "http_404"}
    outcome = Outcome.not_found if nothing_there else Outcome.provider_error
    return Finding(outcome, detail=trouble, credits=0.0)


@dataclass(slots=True)
class _Visit:
    """What one visit to one site knows so far."""

    domain: str
    base: str = ""
    robots: Protego | None = None
    started: datetime | None = None
    now: datetime | None = None
    found: Gathering = field(init=False)
    frontier: dict[str, Choice] = field(default_factory=dict)
    asked: set[str] = field(default_factory=set)
    missing: list[str] = field(default_factory=list)
    skipped: int = 0  # pages that robots.txt disallows
    spent: int = 0  # of MAX_PAGES
    first_trouble: str = ""

    def __post_init__(self) -> None:
        self.found = Gathering(self.domain)

    def enter(self) -> Generator[list[Request], list[Answer], str]:
        """Read robots.txt, at `www.` when the bare domain cannot be reached; return the trouble."""
        trouble = ""
        for host in (self.domain, f"www.{self.domain}"):
            [answer] = yield [_get(f"https://{host}/robots.txt", TEXT, MAX_ROBOTS_BYTES)]
            self._tick(answer)
            self.base = f"https://{host}"
            if answer.failure not in _UNREACHABLE:
                self._settle(answer)
                return self._take_robots(answer)
            trouble = trouble or answer.failure or "connect"
        return trouble

    def _settle(self, answer: Answer) -> None:
        """Stay with the scheme and host of the same site that answered (http, `www.`)."""
        parts = urlsplit(answer.url)
        if answer.status and registrable(_host(answer.url)) == self.domain:
            self.base = f"{parts.scheme}://{parts.netloc}"

    def _take_robots(self, answer: Answer) -> str:
        """Apply RFC 9309: 4xx allows all, 5xx and silence disallow all for this run."""
        if answer.failure == "wrong_type" or 400 <= answer.status < 500:
            self.robots = None
        elif answer.failure:
            return answer.failure
        elif answer.status >= 500:
            return f"robots_{answer.status}"
        elif answer.status == 200:
            self.robots = Protego.parse(decoded(answer.body, "")[:MAX_ROBOTS_BYTES])
        return ""

    def home(self) -> Generator[list[Request], list[Answer], str]:
        """Read the home page; return the trouble when it cannot be read."""
        url = f"{self.base}/"
        for _ in range(2):  # once more after a meta refresh
            if not self._may_read(url):
                return "robots_disallowed"
            [answer] = yield [self._get(url, HTML)]
            self._tick(answer)
            self._settle(answer)
            trouble, page = _judge_page(answer)
            if page is None:
                return trouble
            if page.refresh and registrable(_host(page.refresh)) == self.domain:
                url = page.refresh
                continue
            return (yield from self._take_home(page, trouble))
        return "thin"

    def _take_home(self, page: Page, trouble: str) -> Generator[list[Request], list[Answer], str]:
        if page.refresh:
            self.found.moved_to.append(_host(page.refresh))
            return trouble or "redirected_elsewhere"
        elsewhere = registrable(page.host) != self.domain
        if elsewhere and not trouble and not is_same_company(page, self.domain):
            return "redirected_elsewhere"
        if _authority(page.url) != _authority(self.base):
            self.base = f"{urlsplit(page.url).scheme}://{urlsplit(page.url).netloc}"
            refused = yield from self._robots_of_new_host()
            if refused:
                return refused
        if trouble:
            return trouble
        self.asked.add(page_key(page.url))
        self.found.pages.append((Kind.home, page))
        self._note_links(page)
        return ""

    def _robots_of_new_host(self) -> Generator[list[Request], list[Answer], str]:
        """Read the robots.txt of the host that the home page led to (each host has its own)."""
        if _host(self.base).removeprefix("www.") == self.domain:
            return ""
        [answer] = yield [_get(f"{self.base}/robots.txt", TEXT, MAX_ROBOTS_BYTES)]
        self._tick(answer)
        return self._take_robots(answer) or (
            "" if self._may_read(f"{self.base}/") else "robots_disallowed"
        )

    def rest(self) -> Steps:
        """Read up to MAX_PAGES more pages, the best first, two at a time."""
        if self._pause_s() > MAX_CRAWL_DELAY_S:
            return
        if len(self.frontier) < FEW_LINKS:
            yield from self._sitemap()
        while requests := self._next_requests():
            answers = yield requests
            for answer in answers:
                self._tick(answer)
                self._take(answer)

    def _sitemap(self) -> Steps:
        listed = list(self.robots.sitemaps) if self.robots else []
        own = [url for url in listed if registrable(_host(url)) == self.domain]
        url = self._here(own[0]) if own else f"{self.base}/sitemap.xml"
        if not self._may_read(url):
            return
        [answer] = yield [self._get(url, (*XML, *TEXT))]
        self._tick(answer)
        if answer.status == 200 and not answer.failure:
            text = decoded(answer.body, "")
            self._note(sitemap_choices(text, _host(self.base), registrable(_host(self.base))))

    def _next_requests(self) -> list[Request]:
        """Return the next pages to ask for; none when enough was read or time is up."""
        if self.started and self.now and (self.now - self.started).total_seconds() > DEADLINE_S:
            return []
        requests: list[Request] = []
        at_once = 1 if self._pause_s() else AT_ONCE
        for choice in self._ranked():
            if len(requests) == at_once or self.spent >= MAX_PAGES:
                break
            key = page_key(choice.url)
            waiting = [kind_of(urlsplit(request.url).path) for request in requests]
            if key in self.asked or not room_for(choice.kind, [*self._kinds(), *waiting]):
                continue
            self.asked.add(key)
            if not self._may_read(choice.url):
                self.skipped += 1
                continue
            self.spent += 1
            requests.append(self._get(choice.url, HTML))
        return requests or self._feed_request()

    def _feed_request(self) -> list[Request]:
        for url in map(self._here, all_feeds(page for _, page in self.found.pages)):
            if self.spent < MAX_PAGES and url not in self.asked and self._may_read(url):
                self.asked.add(url)
                self.spent += 1
                return [self._get(url, (*XML, *TEXT))]
        return []

    def _ranked(self) -> list[Choice]:
        """Return what could be read next, best first: links, then places nobody linked to."""
        linked = list(self.frontier.values())
        kinds = {*self._kinds(), *(choice.kind for choice in linked)}
        paths = USUAL_PATHS if Kind.home in self._kinds() else BLIND_PATHS
        usual = [path for path in paths if kind_of(path) not in kinds]
        likely = guesses(self.base, self.missing, usual)
        return sorted([*linked, *likely], key=lambda choice: -choice.score)

    def _kinds(self) -> list[Kind]:
        return [kind for kind, _ in self.found.pages]

    def _take(self, answer: Answer) -> None:
        if "html" not in answer.headers.get("content-type", "html") and answer.status == 200:
            self._take_feed(answer)
            return
        trouble, page = _judge_page(answer)
        if page is not None and page.refresh:
            self._follow(page)
        elif page is None:
            self.first_trouble = self.first_trouble or trouble
            self.missing.append(answer.url)
        elif page_key(page.url) == page_key(self.base) and self._kinds():
            return  # sent back to the home page: nothing new
        elif registrable(page.host) in {self.domain, registrable(_host(self.base))}:
            self.asked.add(page_key(page.url))
            kind = self._kind(answer, page)
            self.found.pages.append((kind, page))
            self._note_links(page)
        else:
            self.found.moved_to.append(page.host)

    def _take_feed(self, answer: Answer) -> None:
        page = Page(answer.url, answer.at)
        self.found.feeds.append((decoded(answer.body, answer.headers["content-type"]), page))

    def _kind(self, answer: Answer, page: Page) -> Kind:
        chosen = next(
            (c.kind for key, c in self.frontier.items() if key == page_key(answer.url)), None
        )
        return chosen or kind_of(urlsplit(page.url).path)

    def _follow(self, page: Page) -> None:
        """Follow a meta refresh within the site once; elsewhere it only says where things went."""
        if registrable(_host(page.refresh)) == self.domain:
            kind = kind_of(urlsplit(page.url).path)
            self.frontier.setdefault(page_key(page.refresh), Choice(page.refresh, kind, 9.0))
        else:
            self.found.moved_to.append(_host(page.refresh))

    def _note_links(self, page: Page) -> None:
        self._note(choices(page, registrable(page.host)))

    def _note(self, found: Iterable[Choice]) -> None:
        """Keep what could be read, under the scheme and host that this site answers on."""
        for choice in found:
            key = page_key(choice.url)
            if key not in self.frontier or self.frontier[key].score < choice.score:
                self.frontier[key] = replace(choice, url=self._here(choice.url))

    def _here(self, url: str) -> str:
        """Return an address of this site under the scheme and host that answered."""
        parts, base = urlsplit(url), urlsplit(self.base)
        if _host(url).removeprefix("www.") != _host(self.base).removeprefix("www."):
            return url
        return urlunsplit((base.scheme, base.netloc, parts.path, parts.query, ""))

    def _may_read(self, url: str) -> bool:
        return self.robots is None or bool(self.robots.can_fetch(url, AGENT))

    def _pause_s(self) -> float:
        """Return the pause between requests that robots.txt asks for, in seconds."""
        return float((self.robots.crawl_delay(AGENT) if self.robots else None) or 0.0)

    def _get(self, url: str, accept: tuple[str, ...]) -> Request:
        pause_s = min(self._pause_s(), MAX_CRAWL_DELAY_S)
        return replace(_get(url, accept), after_s=pause_s)

    def _tick(self, answer: Answer) -> None:
        self.started = self.started or answer.at
        self.now = answer.at

    def detail(self) -> str:
        """Say what was read, for operators."""
        pages = len(self.found.pages)
        return f"{pages} pages read" + (f", {self.skipped} disallowed" if self.skipped else "")


def _get(url: str, accept: tuple[str, ...], most: int = 1_500_000) -> Request:
    return Request("GET", url, guarded=True, accept=accept, timeout_s=TIMEOUT_S, max_bytes=most)


def _judge_page(answer: Answer) -> tuple[str, Page | None]:
    """Return the trouble with a page ("" for none) and the page, None when there is none."""
    if answer.failure:
        return answer.failure, None
    page = read_page(answer.body, answer.headers.get("content-type", ""), answer.url, answer.at)
    if is_wall(answer.status, answer.headers, page):
        return "blocked", None
    if answer.status >= 400 or not 200 <= answer.status < 300:
        return f"http_{answer.status}", None
    if page.refresh:
        return "", page
    if is_missing(page):
        return "http_404", None
    if is_parked(page):
        return "parked", None
    return ("thin" if is_thin(page) else ""), page


def _host(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").lower()
    except ValueError:
        return ""


def _authority(url: str) -> str:
    return urlsplit(url).netloc.lower()
