"""Fictional company sites and a stand-in for the network that serves them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import urlsplit

from app.facts import Fact, Json
from app.prospect import Identifiers
from app.provider import Answer, Finding, Request
from app.providers.website import Website
from app.web.choice import Kind, kind_of
from app.web.company import Gathering, site_facts
from app.web.page import Page, read_page

NOW = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)


def html(body: str, *, title: str = "", head: str = "", lang: str = "en", words: int = 70) -> str:
    """Write a page; `words` of filling keep it from being taken for a script shell."""
    filling = "</p><p>".join(["gears and wheels and cogs and levers"] * (words // 7))
    return (
        f'<!doctype html><html lang="{lang}"><head><title>{title}</title>{head}</head>'
        f"<body>{body}<p>{filling}</p></body></html>"
    )


def page(body: str, url: str = "https://acmegears.example/", *, head: str = "") -> Page:
    """Parse a page of a fictional site."""
    return read_page(html(body, head=head).encode(), "text/html; charset=utf-8", url, NOW)


@dataclass
class Reply:
    """What a host answers for one path."""

    body: str = ""
    status: int = 200
    kind: str = "text/html; charset=utf-8"
    headers: Mapping[str, str] = field(default_factory=dict)
    failure: str | None = None
    url: str = ""


@dataclass
class Web:
    """A fictional internet: host and path -> reply; notes what was asked for."""

    replies: Mapping[str, Reply | str]
    seconds: float = 0.1  # that each round takes
    http_only: bool = False  # https is refused; the fetch layer falls back on the first pages
    asked: list[str] = field(default_factory=list)
    rounds: list[int] = field(default_factory=list)
    pauses_s: list[float] = field(default_factory=list)

    def answer(self, request: Request, at: datetime) -> Answer:
        self.asked.append(request.url)
        self.pauses_s.append(request.after_s)
        assert request.guarded
        parts = urlsplit(request.url)
        reply = self.replies.get(f"{parts.hostname}{parts.path}")
        url = request.url
        if self.http_only and parts.scheme == "https":
            falls_back = parts.path in {"/", "/robots.txt"}
            reply = reply if falls_back else Reply(failure="connect")
            url = url.replace("https://", "http://")
        if reply is None:
            known = any(key.partition("/")[0] == parts.hostname for key in self.replies)
            reply = Reply("Not Found", 404) if known else Reply(failure="dns_nxdomain")
        if isinstance(reply, str):
            reply = Reply(reply)
        kind = reply.kind.partition(";")[0]
        wanted = not request.accept or kind in request.accept
        if reply.status == 200 and not reply.failure and not wanted:
            reply = Reply(failure="wrong_type")
        return Answer(
            0 if reply.failure else reply.status,
            {"content-type": reply.kind, **reply.headers},
            b"" if reply.failure else reply.body.encode(),
            reply.url or url,
            at,
            reply.failure,
        )


def visit(replies: Mapping[str, Reply | str], domain: str = "acmegears.example") -> Finding:
    """Let the provider visit a fictional site."""
    return tour(Web(replies), domain)


def tour(web: Web, domain: str = "acmegears.example") -> Finding:
    """Let the provider visit a site, and leave in `web` what it asked for."""
    provider = Website()
    exchange = provider.look_up(provider.capabilities[0], Identifiers(domain=domain))
    at = NOW
    try:
        requests = next(exchange)
        while True:
            web.rounds.append(len(requests))
            at = datetime.fromtimestamp(at.timestamp() + web.seconds, UTC)
            requests = exchange.send([web.answer(request, at) for request in requests])
    except StopIteration as done:
        finding: Finding = done.value
        return finding


def facts_of(pages: Mapping[str, str], domain: str = "acmegears.example") -> list[Fact]:
    """Read a site of these bodies by path, without the provider around it."""
    gathering = Gathering(domain)
    for path, body in pages.items():
        read = page(body, f"https://{domain}{path}")
        gathering.pages.append((kind_of(path) if path != "/" else Kind.home, read))
    return site_facts(gathering.site())


def values(facts: Finding | list[Fact], name: str) -> list[Json]:
    """Return the values of one field."""
    found = facts.facts if isinstance(facts, Finding) else facts
    return [fact.value for fact in found if fact.field == name]


def people(facts: Finding | list[Fact]) -> dict[str, str]:
    """Return the staff as name -> title."""
    found: dict[str, str] = {}
    for value in values(facts, "decision_makers"):
        assert isinstance(value, dict)
        found[str(value["full_name"])] = str(value["title"])
    return found
