"""Hunter, API v2: persons, companies, people at a domain, finding and verifying addresses.

Reference: https://hunter.io/api-documentation/v2, as collected in facts/providers/hunter.md, read
2026-11-21. Enrichment fields are from the OpenAPI that facts file names (Clearbit's names).
Prices: domain search 1 credit per started ten addresses, finder 1, verifier 0.5 or 1 by plan; the
price of enrichment could not be confirmed, so its 1 is an estimate. Hunter never says what a call
cost: `Finding.credits` stays None.
Limits: 15/s and 500/min, verifier 10/s and 300/min; no header tells what is left.
Confidence: `confidence` and `score` are 0..100 for an address, so / 100. Enrichment states only
whether the match was fuzzy.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from app import casing, lenient
from app.employer import is_elsewhere
from app.facts import Fact, Json, Section, fields_named, stated
from app.prospect import By, Identifiers
from app.provider import (
    Answer,
    Capability,
    Exchange,
    Finding,
    Meter,
    Outcome,
    Pace,
    Request,
    Unreadable,
    judged,
)
from app.web import titles
from app.web.socials import profile

VENDOR_URL = "https://api.hunter.io/v2"
SEARCH_LIMIT = 10
"""Addresses asked for in a domain search: the most that one credit buys."""

_MEANINGS: Mapping[int, Outcome] = {
    202: Outcome.pending,  # still running: the same call again, counted once
    # The mail server misbehaved and there is no verdict. Asking later may give one, and Hunter is
    # not to blame: `pending` asks again and, unlike provider_error, does not trip the breaker.
    222: Outcome.pending,
    403: Outcome.rate_limited,
    429: Outcome.out_of_credits,
}
"""Where Hunter differs from everybody else: 403 and 429 have each other's usual meaning."""

_STATUSES: Mapping[str, str] = {
    "valid": "verified",
    "accept_all": "accept_all",
    "webmail": "unverified",
    "disposable": "risky",
    "unknown": "unknown",
    "invalid": "invalid",
}
_SENIORITIES: Mapping[str, str] = {"director": "director", "manager": "manager", "junior": "staff"}
"""`executive` and `senior` each cover several of our words: there the title decides."""

_UNSCORED = 0.7  # confidence of what comes without any score
_FUZZY = 0.5
_EXACT = 0.8
_MOST_TECHNOLOGIES = 40
_PROFILES: Mapping[str, str] = {
    "twitter": "https://x.com/",
    "facebook": "https://www.facebook.com/",
    "instagram": "https://www.instagram.com/",
}


class _Camel(BaseModel):
    """An object of the enrichment calls: they write `fullName`, the others `full_name`."""

    model_config = ConfigDict(alias_generator=to_camel)


class _Handle(_Camel):
    handle: lenient.Text = None


class _Name(_Camel):
    full_name: lenient.PersonName = None
    given_name: lenient.PersonName = None
    family_name: lenient.PersonName = None


class _Geo(_Camel):
    city: lenient.Place = None
    state: lenient.Place = None
    country: lenient.Place = None


class _Employment(_Camel):
    domain: lenient.Domain = None
    name: lenient.CompanyName = None
    title: lenient.JobTitle = None
    role: lenient.Label = None
    seniority: lenient.Text = None


class _Person(_Camel):
    name: lenient.Part[_Name] = _Name()
    email: lenient.Address = None
    location: lenient.Place = None
    geo: lenient.Part[_Geo] = _Geo()
    employment: lenient.Part[_Employment] = _Employment()
    linkedin: lenient.Part[_Handle] = _Handle()
    phone: lenient.Phone = None
    fuzzy: lenient.Flag = None


class _PersonAnswer(_Camel):
    data: _Person


class _Site(_Camel):
    phone_numbers: lenient.Texts = []
    email_addresses: lenient.Texts = []


class _Category(_Camel):
    industry: lenient.Label = None
    sector: lenient.Label = None


class _Metrics(_Camel):
    employees: object = None  # a number, or a range in place of it
    employees_range: lenient.SizeRange = None
    raised: lenient.Whole = None
    estimated_annual_revenue: lenient.Text = None


class _Round(_Camel):
    series: lenient.Label = None
    announced_date: lenient.Day = None


class _Parent(_Camel):
    domain: lenient.Domain = None


class _Company(_Camel):
    name: lenient.CompanyName = None
    legal_name: lenient.CompanyName = None
    domain: lenient.Domain = None
    site: lenient.Part[_Site] = _Site()
    category: lenient.Part[_Category] = _Category()
    description: lenient.Prose = None
    founded_year: lenient.Year = None
    location: lenient.Place = None
    geo: lenient.Part[_Geo] = _Geo()
    facebook: lenient.Part[_Handle] = _Handle()
    twitter: lenient.Part[_Handle] = _Handle()
    instagram: lenient.Part[_Handle] = _Handle()
    linkedin: lenient.Part[_Handle] = _Handle()
    phone: lenient.Phone = None
    metrics: lenient.Part[_Metrics] = _Metrics()
    tech: lenient.Texts = []
    funding_rounds: lenient.Parts[_Round] = []
    parent: lenient.Part[_Parent] = _Parent()


class _CompanyAnswer(_Camel):
    data: _Company


class _Verification(BaseModel):
    status: lenient.Text = None


class _Page(BaseModel):
    uri: lenient.Text = None


class _Contact(BaseModel):
    value: lenient.Address = None
    type: lenient.Text = None
    confidence: lenient.Number = None
    first_name: lenient.PersonName = None
    last_name: lenient.PersonName = None
    position: lenient.JobTitle = None
    seniority: lenient.Text = None
    linkedin: lenient.ProfileUrl = None
    verification: lenient.Part[_Verification] = _Verification()
    sources: lenient.Parts[_Page] = []


class _Domain(BaseModel):
    domain: lenient.Domain = None
    organization: lenient.CompanyName = None
    description: lenient.Prose = None
    industry: lenient.Label = None
    headcount: lenient.SizeRange = None
    technologies: lenient.Texts = []
    linkedin: lenient.PageUrl = None
    twitter: lenient.Text = None
    facebook: lenient.Text = None
    instagram: lenient.Text = None
    city: lenient.Place = None
    state: lenient.Text = None
    country: lenient.Text = None
    emails: lenient.Listed[_Contact]


class _DomainAnswer(BaseModel):
    data: _Domain


class _Found(BaseModel):
    email: lenient.Address = None
    score: lenient.Number = None
    domain: lenient.Domain = None
    position: lenient.JobTitle = None
    linkedin_url: lenient.ProfileUrl = None
    phone_number: lenient.Phone = None
    verification: lenient.Part[_Verification] = _Verification()


class _FinderAnswer(BaseModel):
    data: _Found


class _Verdict(BaseModel):
    status: lenient.Text = None
    score: lenient.Number = None


class _VerifierAnswer(BaseModel):
    data: _Verdict


_PERSON = Capability(
    "person",
    accepts=(frozenset({By.email}), frozenset({By.linkedin})),
    fields=fields_named(
        Section.person,
        "full_name first_name last_name title seniority department email phones linkedin_url "
        "location",
    )
    | fields_named(Section.company, "name domain"),
    credits=1,  # an estimate: see the top
)
_COMPANY = Capability(
    "company",
    accepts=(frozenset({By.domain}),),
    fields=fields_named(
        Section.company,
        "name legal_name domain description industry employee_count employee_range founded_year "
        "revenue_range location funding technologies linkedin_url phones emails socials parent",
    ),
    credits=1,  # an estimate: see the top
)
_PEOPLE = Capability(
    "people",
    accepts=(frozenset({By.domain}),),
    fields=frozenset({"decision_makers"})
    | fields_named(
        Section.company,
        "name description industry employee_range location technologies linkedin_url socials",
    ),
    credits=1,
)
_FIND_EMAIL = Capability(
    "find_email",
    accepts=(frozenset({By.name, By.domain}), frozenset({By.name, By.company})),
    fields=fields_named(Section.person, "email title phones linkedin_url")
    | fields_named(Section.company, "domain"),
    credits=1,
)
_VERIFY_EMAIL = Capability(
    "verify_email",
    accepts=(frozenset({By.email}),),
    fields=fields_named(Section.person, "email"),
    credits=1,
)


_PACE = Pace(per_s=5, burst=10)  # what the slowest call, the verifier, allows over a minute


@dataclass(frozen=True, slots=True)
class Hunter:
    """Knows who works at a domain, which address somebody has, and whether mail arrives there."""

    key: str = field(repr=False)
    base_url: str = VENDOR_URL
    pace: Pace = _PACE

    name = "hunter"
    capabilities = (_PERSON, _COMPANY, _PEOPLE, _FIND_EMAIL, _VERIFY_EMAIL)
    sandbox = False

    def judge(self, answer: Answer) -> Outcome | None:
        """Read the status in Hunter's own meaning; see `_MEANINGS`."""
        return judged(answer.status, _MEANINGS)

    def meter(self, answer: Answer) -> Meter:
        """Say nothing: Hunter sends no header about limits or credits."""
        return Meter()

    def look_up(self, capability: Capability, query: Identifiers) -> Exchange:
        """Ask once and read the one answer. Raises Unreadable when its shape is not Hunter's."""
        path, params = _CALLS[capability.name](query)
        url = f"{self.base_url.rstrip('/')}/{path}"
        [answer] = yield [Request("GET", url, params=params, headers={"X-API-KEY": self.key})]
        facts = _READERS[capability.name](query, answer)
        if not facts:
            return Finding(Outcome.not_found, (), "an answer without anything readable", 0)
        return Finding(Outcome.matched, facts)


def _person_call(query: Identifiers) -> tuple[str, dict[str, str]]:
    if query.email:
        return "people/find", {"email": query.email}
    return "people/find", {"linkedin_handle": (query.linkedin or "").removeprefix("in/")}


def _company_call(query: Identifiers) -> tuple[str, dict[str, str]]:
    return "companies/find", {"domain": query.domain or ""}


def _people_call(query: Identifiers) -> tuple[str, dict[str, str]]:
    return "domain-search", {
        "domain": query.domain or "",
        "type": "personal",
        "seniority": "senior,executive",
        "required_field": "position",
        "limit": str(SEARCH_LIMIT),
    }


def _find_email_call(query: Identifiers) -> tuple[str, dict[str, str]]:
    where = {"domain": query.domain} if query.domain else {"company": query.company or ""}
    return "email-finder", {"full_name": query.name or "", **where}


def _verify_email_call(query: Identifiers) -> tuple[str, dict[str, str]]:
    return "email-verifier", {"email": query.email or ""}


_CALLS = {
    "person": _person_call,
    "company": _company_call,
    "people": _people_call,
    "find_email": _find_email_call,
    "verify_email": _verify_email_call,
}


def _person_facts(query: Identifiers, answer: Answer) -> tuple[Fact, ...]:
    person = answer.read(_PersonAnswer).data
    name, job = person.name, person.employment
    values: dict[str, Json] = {
        "person.full_name": name.full_name,
        "person.first_name": name.given_name,
        "person.last_name": name.family_name,
        "person.email": {"address": person.email, "status": "unverified"} if person.email else {},
        "person.phones": _phones(person.phone),
        "person.linkedin_url": _profile(person.linkedin),
        "person.location": person.location or _where(person.geo),
    }
    if not is_elsewhere(query, website=job.domain, company=job.name):
        values |= _job(job)
    return stated(
        values,
        source=Hunter.name,
        seen_at=answer.at,
        confidence=_FUZZY if person.fuzzy else _EXACT,
        raw_confidence=None if person.fuzzy is None else f"fuzzy: {person.fuzzy}".lower(),
    )


def _job(job: _Employment) -> dict[str, Json]:
    return {
        "person.title": job.title,
        "person.seniority": _seniority(job.seniority, job.title),
        "person.department": job.role,
        "company.name": job.name,
        "company.domain": job.domain,
    }


def _seniority(word: str | None, title: str | None) -> str | None:
    return _SENIORITIES.get(word or "") or titles.seniority(title or "")


def _phones(number: str | None) -> list[Json]:
    return [{"number": number, "type": "unknown"}] if number else []


def _profile(linkedin: _Handle) -> str | None:
    """Return the address of a person; Hunter gives the bare handle, percent-encoded."""
    return lenient.profile_url(f"linkedin.com/in/{(linkedin.handle or '').removeprefix('in/')}")


def _where(geo: _Geo) -> str | None:
    return lenient.joined(geo.city, geo.state, geo.country)


def _company_facts(query: Identifiers, answer: Answer) -> tuple[Fact, ...]:
    company = answer.read(_CompanyAnswer).data
    site, metrics, category = company.site, company.metrics, company.category
    values: dict[str, Json] = {
        "company.name": company.name,
        "company.legal_name": company.legal_name,
        "company.domain": company.domain,
        "company.description": company.description,
        "company.industry": category.industry or category.sector,
        "company.employee_count": lenient.whole(metrics.employees),
        "company.employee_range": metrics.employees_range or lenient.size_range(metrics.employees),
        "company.founded_year": company.founded_year,
        "company.revenue_range": metrics.estimated_annual_revenue,
        "company.location": company.location or _where(company.geo),
        "company.funding": _funding(metrics, company.funding_rounds),
        "company.technologies": _technologies(company.tech),
        "company.linkedin_url": _page(company.linkedin),
        "company.phones": [company.phone, *map(lenient.phone, site.phone_numbers)],
        "company.emails": [lenient.address(known) for known in site.email_addresses],
        "company.socials": _socials(
            twitter=company.twitter.handle,
            facebook=company.facebook.handle,
            instagram=company.instagram.handle,
        ),
        "company.parent": company.parent.domain,
    }
    return _unscored(values, answer, confidence=_EXACT)


def _page(linkedin: _Handle) -> str | None:
    """Return the address of a company; the handle is `company/slug`, now and then only `slug`."""
    handle = linkedin.handle or ""
    path = handle if "/" in handle else f"company/{handle}"
    return lenient.page_url(f"linkedin.com/{path}")


def _funding(metrics: _Metrics, rounds: list[_Round]) -> dict[str, Json]:
    last = max(rounds, key=lambda one: one.announced_date or "", default=_Round())
    series = last.series
    return {
        "stage": f"Series {series}" if series and len(series) == 1 else series,
        "total": metrics.raised,
        "last_round_at": last.announced_date,
    }


def _technologies(slugs: list[str]) -> list[Json]:
    return [casing.product(slug) for slug in slugs[:_MOST_TECHNOLOGIES]]


def _socials(**handles: str | None) -> list[Json]:
    """Return the profiles given as handle or as address; what is no profile is left out."""
    urls = [
        known if "://" in known else f"{_PROFILES[network]}{known}"
        for network, known in handles.items()
        if known
    ]
    return [{"network": found[0], "url": found[1]} for url in urls if (found := profile(url))]


def _people_facts(query: Identifiers, answer: Answer) -> tuple[Fact, ...]:
    found = answer.read(_DomainAnswer).data
    makers = (_decision_maker(contact, answer) for contact in found.emails)
    facts = [fact for made in makers for fact in made]
    values: dict[str, Json] = {
        "company.name": found.organization,
        "company.description": found.description,
        "company.industry": found.industry,
        "company.employee_range": found.headcount,
        "company.location": lenient.joined(found.city, found.state, found.country),
        "company.technologies": _technologies(found.technologies),
        "company.linkedin_url": found.linkedin,
        "company.socials": _socials(
            twitter=found.twitter, facebook=found.facebook, instagram=found.instagram
        ),
    }
    return (*facts, *_unscored(values, answer, confidence=_UNSCORED))


def _decision_maker(contact: _Contact, answer: Answer) -> tuple[Fact, ...]:
    """State one contact, unless it is a shared mailbox or has no name or position.

    Who has an address that is dead has most probably left.
    """
    status = _status(contact.verification.status)
    name = " ".join(part for part in (contact.first_name, contact.last_name) if part)
    if contact.type == "generic" or status == "invalid" or not (name and contact.position):
        return ()
    maker: dict[str, Json] = {
        "full_name": name,
        "title": contact.position,
        "seniority": _seniority(contact.seniority, contact.position),
        "email": contact.value,
        "linkedin_url": contact.linkedin,
    }
    score = _percent(contact.confidence)
    return stated(
        {"decision_makers": maker},
        source=Hunter.name,
        seen_at=answer.at,
        confidence=_UNSCORED if score is None else score / 100,
        raw_confidence=None if score is None else f"{score:g}/100",
        source_url=next((page.uri for page in contact.sources if page.uri), None),
        verified=status == "verified" and contact.value is not None,
    )


def _find_email_facts(query: Identifiers, answer: Answer) -> tuple[Fact, ...]:
    found = answer.read(_FinderAnswer).data
    if not found.email:  # how Hunter says that it found nothing
        return ()
    values: dict[str, Json] = {
        "person.title": found.position,
        "person.phones": _phones(found.phone_number),
        "person.linkedin_url": found.linkedin_url,
        "company.domain": None if query.domain else found.domain,
    }
    mail = _mail_fact(found.email, _status(found.verification.status), found.score, answer)
    return (*mail, *_unscored(values, answer, confidence=_UNSCORED))


def _verify_email_facts(query: Identifiers, answer: Answer) -> tuple[Fact, ...]:
    verdict = answer.read(_VerifierAnswer).data
    if verdict.status is None:
        raise Unreadable(f"status {answer.status} without a verdict in it")
    return _mail_fact(query.email or "", _status(verdict.status), verdict.score, answer)


def _mail_fact(address: str, status: str, score: float | None, answer: Answer) -> tuple[Fact, ...]:
    """State an address. `score` is how likely mail arrives, so a low one makes `invalid` sure."""
    known = _percent(score)
    chance = _UNSCORED if known is None else known / 100
    sure = 1 - chance if status == "invalid" and known is not None else chance
    return stated(
        {"person.email": {"address": address, "status": status}},
        source=Hunter.name,
        seen_at=answer.at,
        confidence=round(sure, 2),
        raw_confidence=None if known is None else f"{known:g}/100",
        verified=status == "verified",
    )


def _status(said: str | None) -> str:
    """Return our word for the state of an address; nothing said is `unverified`."""
    return _STATUSES.get(said, "unknown") if said else "unverified"


def _percent(score: float | None) -> float | None:
    return score if score is not None and score <= 100 else None


def _unscored(values: dict[str, Json], answer: Answer, *, confidence: float) -> tuple[Fact, ...]:
    return stated(values, source=Hunter.name, seen_at=answer.at, confidence=confidence)


_READERS = {
    "person": _person_facts,
    "company": _company_facts,
    "people": _people_facts,
    "find_email": _find_email_facts,
    "verify_email": _verify_email_facts,
}
