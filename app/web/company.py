"""A whole site: the pages that were read become facts, each with the page and words behind it."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from app.facts import INFERRED_CEILING, Fact, Json
from app.web.about import description, employee_count, founded_year, parent
from app.web.choice import Kind, registrable
from app.web.contact import find_emails, find_phones, is_own, phone_region, read_phone
from app.web.countries import country_code, domain_region
from app.web.fingerprints import Tool, job_board, page_tools
from app.web.hindrance import is_template
from app.web.names import base_name, likeness, same_company
from app.web.naming import company_name, legal_name
from app.web.page import Page
from app.web.people import Declared, Person, find_people
from app.web.places import Place, find_places, head_office
from app.web.read import Read, Said
from app.web.signals import Signal, feed_news, hiring, page_news, public_pricing
from app.web.socials import find_profiles
from app.web.standing import Standing, find_standing
from app.web.structured import Address, Organisation, Structured, read_structured
from app.web.text import evidence, folded

SOURCE = "website"
CONFLICT = 0.4  # no fact of a site whose JSON-LD names another domain is more sure
MAX_ADDRESSES = 12
MAX_SIGNALS = 12

FIELDS = frozenset(
    f"company.{name}"
    for name in (
        "name", "legal_name", "domain", "description", "employee_count", "founded_year",
        "location", "technologies", "linkedin_url", "phones", "emails", "socials", "addresses",
        "parent", "status",
    )
) | {"decision_makers", "signals"}  # fmt: skip
"""Every field a site may give."""


@dataclass(frozen=True, slots=True)
class Site:
    """The readable pages of one site; `moved_to` are other hosts that its pages send on to."""

    domain: str
    reads: tuple[Read, ...]
    feeds: tuple[tuple[str, Page], ...] = ()  # text of a feed, and where it was read
    moved_to: tuple[str, ...] = ()
    conflict: bool = False

    @property
    def label(self) -> str:
        """Return the part of the domain that is the company's choice."""
        return self.domain.partition(".")[0]


@dataclass(slots=True)
class Gathering:
    """What has been read of a site so far; becomes a Site when the exchange ends."""

    domain: str
    pages: list[tuple[Kind, Page]] = field(default_factory=list)
    feeds: list[tuple[str, Page]] = field(default_factory=list)
    moved_to: list[str] = field(default_factory=list)

    def site(self) -> Site:
        """Return the site as read; template pages are dropped, foreign JSON-LD is left out."""
        reads = [
            Read(kind, page, read_structured(page))
            for kind, page in self.pages
            if not is_template(page)
        ]
        hosts = {registrable(read.page.host) for read in reads} | {self.domain}
        own = tuple(_without_foreign(read, hosts) for read in reads)
        return Site(
            self.domain,
            own,
            tuple(self.feeds),
            tuple(dict.fromkeys(self.moved_to)),
            conflict=any(_names_only_others(read, hosts) for read in reads if read.is_home),
        )


def _is_foreign(organisation: Organisation, hosts: set[str]) -> bool:
    host = organisation.url.partition("://")[2].partition("/")[0].partition("?")[0]
    return bool(host) and registrable(host) not in hosts


def _without_foreign(read: Read, hosts: set[str]) -> Read:
    own = tuple(o for o in read.structured.organisations if not _is_foreign(o, hosts))
    return Read(read.kind, read.page, Structured(own, read.structured.site_name))


def _names_only_others(read: Read, hosts: set[str]) -> bool:
    organisations = read.structured.organisations
    return bool(organisations) and all(_is_foreign(o, hosts) for o in organisations)


def site_facts(site: Site) -> list[Fact]:
    """Turn a site into facts, none of them without its page. No readable page gives none."""
    if not site.reads:
        return []
    facts = _surest(_Facts(site).all())
    if not site.conflict:
        return facts
    return [_doubted(fact) for fact in facts]


def _surest(facts: Iterable[Fact]) -> list[Fact]:
    """Keep one fact for each value, the surest, in the order they were found."""
    best: dict[str, Fact] = {}
    for fact in facts:
        key = f"{fact.field} {fact.value}"
        if key not in best or fact.confidence > best[key].confidence:
            best[key] = fact
    return list(best.values())


def _doubted(fact: Fact) -> Fact:
    """Lower a fact of a site that seems to be a copy of another's."""
    return Fact(
        fact.field,
        fact.value,
        fact.source,
        min(fact.confidence, CONFLICT),
        fact.seen_at,
        fact.source_url,
        inferred=fact.inferred,
        evidence=fact.evidence,
    )


@dataclass(slots=True)
class _Facts:
    """One pass over a site; what is found first helps to find the rest."""

    site: Site

    def all(self) -> Iterator[Fact]:
        site, reads = self.site, self.site.reads
        names = company_name(reads, site.label)
        known = [site.label, *(str(name.value) for name in names)]
        legal = legal_name(reads, known)
        if legal:
            known += [str(legal.value), base_name(str(legal.value))]
        standing = find_standing(reads, known, site.domain, site.moved_to)
        yield from self._identity(names, legal, tuple(known))
        yield from self._standing(standing)
        everyone = find_people(
            self._pages(), self._with_successor(known, standing), site.domain, self._declared()
        )
        yield from self._contact(known, standing, everyone)
        yield from self._tools()
        yield from map(_person_fact, everyone)
        yield from map(_signal_fact, self._signals(standing))

    def _declared(self) -> list[Declared]:
        return [
            Declared(name, title, read.page)
            for read in self.site.reads
            for organisation in read.structured.organisations
            for name, title in organisation.people
        ]

    def _pages(self) -> list[tuple[Kind, Page]]:
        return [(read.kind, read.page) for read in self.site.reads]

    def _identity(
        self, names: Sequence[Said], legal: Said | None, known: tuple[str, ...]
    ) -> Iterator[Fact]:
        reads = self.site.reads
        home = reads[0].page
        yield _fact("company.domain", self.site.domain, 0.95, home, home.url)
        for name in names:
            yield _said("company.name", name)
        if legal:
            yield _said("company.legal_name", legal)
        about = {
            "company.description": description(reads, str(names[0].value)) if names else None,
            "company.founded_year": founded_year(reads, known, home.at.year),
            "company.employee_count": employee_count(reads),
            "company.parent": parent(reads, known),
        }
        for name_of_field, said in about.items():
            if said:
                yield _said(name_of_field, said)

    def _standing(self, standing: Standing | None) -> Iterator[Fact]:
        if standing is None:
            return
        value: dict[str, Json] = {"status": standing.status}
        if standing.successor:
            value["successor"] = standing.successor
        yield _fact("company.status", value, 0.75, standing.page, standing.quote)

    def _with_successor(self, known: Sequence[str], standing: Standing | None) -> tuple[str, ...]:
        if standing is None or standing.successor is None:
            return tuple(known)
        return (*known, standing.successor.partition(".")[0])

    def _contact(
        self, known: Sequence[str], standing: Standing | None, everyone: Sequence[Person]
    ) -> Iterator[Fact]:
        site = self.site
        pages = self._pages()
        region = domain_region(site.domain) or phone_region(page for _, page in pages)
        places = self._places(region)
        office = head_office(places) or self._structured_office()
        phones_in = region or _only_country(places) or (office.country if office else None)
        yield from self._declared_contacts(phones_in)
        for phone in find_phones(pages, phones_in):
            yield _fact("company.phones", phone.value, 0.75, phone.page, phone.quote)
        taken = frozenset(person.email for person in everyone if person.email)
        for email in find_emails(pages, site.domain, taken):
            yield _fact("company.emails", email.value, 0.75, email.page, email.quote)
        if office and office.city:
            yield _fact("company.location", office.location, 0.75, office.page, office.quote)
        for place in places[:MAX_ADDRESSES]:
            yield _fact("company.addresses", place.text, 0.75, place.page, place.quote)
        yield from self._profiles(self._with_successor(known, standing))

    def _declared_contacts(self, region: str | None) -> Iterator[Fact]:
        for read in self.site.reads:
            for organisation in read.structured.organisations:
                for written in organisation.phones:
                    if number := read_phone(written, region):
                        yield _fact("company.phones", number, 0.85, read.page, written)
                for written in organisation.emails:
                    address = written.lower().removeprefix("mailto:")
                    if is_own(address, self.site.domain):
                        yield _fact("company.emails", address, 0.85, read.page, written)

    def _places(self, region: str | None) -> list[Place]:
        found: dict[str, Place] = {}
        for read in self.site.reads:
            for place in find_places(read.page, region):
                key = folded(place.text)
                same = next((other for other in found if key in other or other in key), key)
                if same not in found or (place.is_head_office and not found[same].is_head_office):
                    found[same] = place
        return list(found.values())

    def _structured_office(self) -> Place | None:
        for read in self.site.reads:
            for organisation in read.structured.organisations:
                if len(organisation.addresses) == 1 and organisation.addresses[0].city:
                    return _structured_place(organisation.addresses[0], read.page)
        return None

    def _profiles(self, names: tuple[str, ...]) -> Iterator[Fact]:
        pages = [read.page for read in self.site.reads]
        same_as = [
            (url, read.page)
            for read in self.site.reads
            for organisation in read.structured.organisations
            for url in organisation.same_as
        ]
        for profile in find_profiles(pages, names, same_as):
            value: Json = {"network": profile.network, "url": profile.url}
            sure, page = profile.confidence, profile.page
            yield _fact("company.socials", value, sure, page, profile.url)
            if profile.network == "linkedin":
                yield _fact("company.linkedin_url", profile.url, sure, page, profile.url)

    def _tools(self) -> Iterator[Fact]:
        best: dict[str, tuple[Tool, Page]] = {}
        for read in self.site.reads:
            for tool in page_tools(read.page):
                best.setdefault(tool.name, (tool, read.page))
            board = job_board(read.page) if read.kind is Kind.careers else None
            if board:
                best.setdefault(board[0], (Tool(board[0], 0.85, evidence(board[1])), read.page))
        for tool, page in best.values():
            yield _fact("company.technologies", tool.name, tool.confidence, page, tool.quote)

    def _signals(self, standing: Standing | None) -> list[Signal]:
        reads = self.site.reads
        found: list[Signal] = []
        if standing:
            page = standing.page
            found.append(Signal("status", standing.headline, page, standing.quote, 0.75, page.url))
        found.extend(hiring(reads))
        if pricing := public_pricing(reads):
            found.append(pricing)
        news = [s for read in reads if read.kind in {Kind.news, Kind.home} for s in page_news(read)]
        news += [s for text, page in self.site.feeds for s in feed_news(text, page)]
        news.sort(key=lambda signal: signal.on or signal.page.at.date(), reverse=True)
        return list({signal.headline: signal for signal in [*found, *news]}.values())[:MAX_SIGNALS]


def _only_country(places: Sequence[Place]) -> str | None:
    countries = {place.country for place in places}
    return countries.pop() if len(countries) == 1 else None


def _structured_place(address: Address, page: Page) -> Place:
    parts = (address.street, f"{address.postcode} {address.city}".strip(), address.country)
    text = ", ".join(part for part in parts if part)
    code = country_code(address.country)
    return Place(text, address.city, address.region, code, True, page, evidence(text))


def _fact(
    name: str,
    value: Json,
    confidence: float,
    page: Page,
    quote: str,
    *,
    inferred: bool = False,
) -> Fact:
    sure = min(confidence, INFERRED_CEILING) if inferred else confidence
    return Fact(
        name,
        value,
        SOURCE,
        sure,
        page.at,
        page.url,
        inferred=inferred,
        evidence=evidence(quote),
    )


def _said(name: str, said: Said) -> Fact:
    return _fact(name, said.value, said.confidence, said.page, said.quote, inferred=said.inferred)


def _person_fact(person: Person) -> Fact:
    value: dict[str, Json] = {"full_name": person.full_name, "title": person.title}
    extras = {
        "seniority": person.seniority,
        "email": person.email,
        "linkedin_url": person.linkedin_url,
    }
    value.update({key: extra for key, extra in extras.items() if extra})
    return _fact("decision_makers", value, person.confidence, person.page, person.quote)


def _signal_fact(signal: Signal) -> Fact:
    value: dict[str, Json] = {
        "kind": signal.kind,
        "headline": signal.headline,
        "url": signal.url,
    }
    if signal.on:  # the day of the news itself; when we saw it is the fact's own `seen_at`
        value["seen_at"] = signal.on.isoformat()
    return _fact("signals", value, signal.confidence, signal.page, signal.quote)


def is_same_company(page: Page, domain: str) -> bool:
    """Tell whether a page on another domain still is the company's: its old name stands there."""
    label = domain.partition(".")[0]
    if likeness(registrable(page.host).partition(".")[0], label) >= 0.8:
        return True
    texts = [page.title, page.metas.get("og:site_name", ""), *(line.text for line in page.lines)]
    return any(label in text.casefold().replace(" ", "").replace("-", "") for text in texts) or (
        same_company(page.metas.get("og:site_name", ""), (label,))
    )


def all_feeds(pages: Iterable[Page]) -> list[str]:
    """Return the feeds the pages name, comments feeds left out."""
    feeds = [feed for page in pages for feed in page.feeds if "comment" not in feed]
    return list(dict.fromkeys(feeds))
