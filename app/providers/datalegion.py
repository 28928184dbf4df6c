"""Data Legion: persons, companies, people at a company.

Reference: source and README of the official Python SDK 0.9.0, as collected in
facts/providers/data-legion.md, read 2026-11-21. Every data call is a POST with a JSON body.
Price: said by `Credits-Used` in every answer; the prices declared here are estimates.
Limits: `RateLimit-*` in every answer (`RateLimit-Reset` in unix seconds), `Retry-After` on 429.
Confidence: `match_confidence` is a word of which only `high` is known; it means 0.9 here, any
other word a neutral 0.6. Text comes in lower case; app/casing.py makes it readable.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import BaseModel

from app import lenient
from app.employer import is_elsewhere, same_company
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
    judged,
)
from app.web import titles
from app.web.socials import profile

VENDOR_URL = "https://api.datalegion.ai"
SEARCH_LIMIT = 5
"""Decision makers asked for at once."""

_CONFIDENCES: Mapping[str, float] = {"high": 0.9}
_UNKNOWN_WORD = 0.6
_SEARCHED = 0.7  # confidence of a record that a search found, where no word comes with it

_STATUSES: Mapping[str, str] = {"valid": "verified", "invalid": "invalid", "unknown": "unknown"}
_SENIORITIES: Mapping[str, str] = {
    "owner": "owner",
    "founder": "owner",
    "cxo": "c_suite",
    "c_suite": "c_suite",
    "president": "president",
    "vp": "vp",
    "head": "head",
    "director": "director",
    "manager": "manager",
    "senior": "staff",
    "entry": "staff",
}
_DOMAIN = re.compile(r"[a-z0-9-]+(?:\.[a-z0-9-]+)+")


class _Mail(BaseModel):
    address: lenient.Address = None
    type: lenient.Text = None
    current: lenient.Flag = None
    validated: lenient.Flag = None
    validation_status: lenient.Text = None


class _Number(BaseModel):
    number: lenient.Phone = None
    type: lenient.Text = None


class _Person(BaseModel):
    full_name: lenient.PersonName = None
    first_name: lenient.PersonName = None
    last_name: lenient.PersonName = None
    job_title: lenient.JobTitle = None
    seniority_level: lenient.Text = None
    job_function: lenient.Label = None
    is_decision_maker: lenient.Flag = None
    work_email: lenient.Address = None
    emails: lenient.Parts[_Mail] = []
    mobile_phone: lenient.Phone = None
    phones: lenient.Parts[_Number] = []
    linkedin_url: lenient.ProfileUrl = None
    city: lenient.Place = None
    state: lenient.Place = None
    country: lenient.Place = None
    company_name: lenient.CompanyName = None
    company_domain: lenient.Domain = None
    company_industry: lenient.Label = None
    company_size: lenient.SizeRange = None
    company_linkedin_url: lenient.PageUrl = None


class _Metadata(BaseModel):
    match_confidence: lenient.Text = None


class _PersonMatch(BaseModel):
    person: lenient.Part[_Person] = _Person()
    match_metadata: lenient.Part[_Metadata] = _Metadata()


class _PersonMatches(BaseModel):
    matches: lenient.Listed[_PersonMatch]


class _Name(BaseModel):
    cleaned: lenient.CompanyName = None
    display: lenient.Text = None


class _Sentences(BaseModel):
    cleaned: lenient.Prose = None
    raw: lenient.Texts = []


class _Office(BaseModel):
    city: lenient.Place = None
    state: lenient.Place = None
    country: lenient.Place = None
    primary: lenient.Flag = None


class _Social(BaseModel):
    url: lenient.Text = None


class _Company(BaseModel):
    name: lenient.Part[_Name] = _Name()
    domain: lenient.Domain = None
    description: lenient.Part[_Sentences] = _Sentences()
    industry: lenient.Label = None
    size: lenient.SizeRange = None
    founded: lenient.Year = None
    legion_employee_count: lenient.Whole = None
    linkedin_employee_count: lenient.Whole = None
    linkedin_url: lenient.PageUrl = None
    locations: lenient.Parts[_Office] = []
    socials: lenient.Parts[_Social] = []


class _CompanyMatch(BaseModel):
    company: lenient.Part[_Company] = _Company()
    match_metadata: lenient.Part[_Metadata] = _Metadata()


class _CompanyMatches(BaseModel):
    matches: lenient.Listed[_CompanyMatch]


_PERSON = Capability(
    "person",
    accepts=(
        frozenset({By.email}),
        frozenset({By.linkedin}),
        frozenset({By.name, By.company}),
    ),
    fields=fields_named(
        Section.person,
        "full_name first_name last_name title seniority department email phones linkedin_url "
        "location candidates",
    )
    | fields_named(Section.company, "name domain industry employee_range linkedin_url"),
    credits=1,
)
_COMPANY = Capability(
    "company",
    accepts=(
        frozenset({By.domain}),
        frozenset({By.linkedin_company}),
        frozenset({By.company}),
    ),
    fields=fields_named(
        Section.company,
        "name domain description industry employee_count employee_range founded_year location "
        "linkedin_url socials",
    ),
    credits=1,
)
_PEOPLE = Capability(
    "people",
    accepts=(frozenset({By.domain}),),
    fields=frozenset({"decision_makers"}),
    credits=SEARCH_LIMIT,
)


_PACE = Pace(per_s=10, burst=20)


@dataclass(frozen=True, slots=True)
class DataLegion:
    """Knows persons by address, profile or name, and who decides at a company."""

    key: str = field(repr=False)
    base_url: str = VENDOR_URL
    pace: Pace = _PACE

    name = "datalegion"
    capabilities = (_PERSON, _COMPANY, _PEOPLE)
    sandbox = False

    def judge(self, answer: Answer) -> Outcome | None:
        """Read the status: Data Legion means what the usual table says."""
        return judged(answer.status)

    def meter(self, answer: Answer) -> Meter:
        """Read the headers of every answer; `Credits-Remaining` may be the word `unlimited`."""
        headers = answer.headers
        return Meter(
            limit=lenient.count(headers.get("ratelimit-limit")),
            remaining=lenient.count(headers.get("ratelimit-remaining")),
            reset_at=lenient.unix(headers.get("ratelimit-reset")),
            retry_at=lenient.retry_after(headers.get("retry-after"), answer.at),
            credits_spent=lenient.number(headers.get("credits-used")),
            credits_left=lenient.number(headers.get("credits-remaining")),
        )

    def look_up(self, capability: Capability, query: Identifiers) -> Exchange:
        """Ask once and read the one answer. Raises Unreadable when its shape is not theirs."""
        path, body = _CALLS[capability.name](query)
        if not body:
            return Finding(Outcome.invalid_input, (), "the domain is not one", 0)
        url = f"{self.base_url.rstrip('/')}/{path}"
        [answer] = yield [Request("POST", url, headers={"API-Key": self.key}, json=body)]
        facts = _READERS[capability.name](query, answer)
        spent = self.meter(answer).credits_spent
        if not facts:
            return Finding(Outcome.not_found, (), "an answer without anything readable", spent)
        return Finding(Outcome.matched, facts, credits=spent)


def _person_call(query: Identifiers) -> tuple[str, dict[str, object]]:
    if query.email:
        return "person/enrich", {"email": query.email}
    if query.linkedin:
        return "person/enrich", {"social_url": lenient.linkedin_url(query.linkedin)}
    return "person/enrich", {"full_name": query.name, "company": query.company}


def _company_call(query: Identifiers) -> tuple[str, dict[str, object]]:
    if query.domain:
        return "company/enrich", {"domain": query.domain}
    if query.linkedin_company:
        return "company/enrich", {"social_url": lenient.linkedin_url(query.linkedin_company)}
    return "company/enrich", {"name": query.company}


def _people_call(query: Identifiers) -> tuple[str, dict[str, object]]:
    """Return a search in SQL, or no body: only what has the form of a domain goes into SQL."""
    domain = query.domain or ""
    if not _DOMAIN.fullmatch(domain):
        return "person/search", {}
    sql = f"SELECT * FROM people WHERE company_domain = '{domain}' AND is_decision_maker = true"  # noqa: S608  # checked above
    return "person/search", {"query": sql, "limit": SEARCH_LIMIT, "offset": 0}


_CALLS = {"person": _person_call, "company": _company_call, "people": _people_call}


def _person_facts(query: Identifiers, answer: Answer) -> tuple[Fact, ...]:
    """State the one person, or, asked by name and given several, who could be meant."""
    matches = [match for match in answer.read(_PersonMatches).matches if match.person.full_name]
    if not matches:
        return ()
    if query.name and len(matches) > 1:
        return _stated({"person.candidates": [_candidate(one.person) for one in matches]}, answer)
    person = matches[0].person
    word = matches[0].match_metadata.match_confidence
    identity = _stated(_identity(person), answer, word)
    if _has_moved(query, person):
        return identity
    there = _stated(_position(person) | _employer(person), answer, word)
    return identity + _mail_fact(person, answer, word) + there


def _has_moved(query: Identifiers, person: _Person) -> bool:
    """Tell whether the record's job is at another company than the one asked about."""
    current = [mail.address for mail in person.emails if mail.current and mail.type != "personal"]
    return is_elsewhere(
        query,
        website=person.company_domain,
        company=person.company_name,
        addresses=[person.work_email, *current],
    )


def _candidate(person: _Person) -> dict[str, Json]:
    return {
        "full_name": person.full_name,
        "title": person.job_title,
        "company": person.company_name,
        "linkedin_url": person.linkedin_url,
    }


def _identity(person: _Person) -> dict[str, Json]:
    return {
        "person.full_name": person.full_name,
        "person.first_name": person.first_name,
        "person.last_name": person.last_name,
        "person.phones": _phones(person),
        "person.linkedin_url": person.linkedin_url,
        "person.location": lenient.joined(person.city, person.state, person.country),
    }


def _position(person: _Person) -> dict[str, Json]:
    return {
        "person.title": person.job_title,
        "person.seniority": _seniority(person),
        "person.department": person.job_function,
    }


def _employer(person: _Person) -> dict[str, Json]:
    return {
        "company.name": person.company_name,
        "company.domain": person.company_domain,
        "company.industry": person.company_industry,
        "company.employee_range": person.company_size,
        "company.linkedin_url": person.company_linkedin_url,
    }


def _seniority(person: _Person) -> str | None:
    known = _SENIORITIES.get((person.seniority_level or "").lower())
    return known or titles.seniority(person.job_title or "")


def _phones(person: _Person) -> list[Json]:
    kinds = {person.mobile_phone: "mobile"}
    kinds |= {
        known.number: known.type or "unknown"
        for known in person.phones
        if known.number != person.mobile_phone
    }
    return [{"number": number, "type": kind} for number, kind in kinds.items() if number]


def _work_mail(person: _Person) -> _Mail:
    """Return the address at work with what is known of it. Private ones stay out."""
    by_address = {mail.address: mail for mail in person.emails}
    if person.work_email:
        return by_address.get(person.work_email, _Mail(address=person.work_email))
    current = [mail for mail in person.emails if mail.current and mail.type == "professional"]
    return next((mail for mail in current if mail.address), _Mail())


def _mail_status(mail: _Mail) -> str:
    """Return our word; an address that was not validated is `unverified` whatever else is said."""
    if not mail.validated:
        return "unverified"
    return _STATUSES.get(mail.validation_status or "valid", "unknown")


def _mail_fact(person: _Person, answer: Answer, word: str | None) -> tuple[Fact, ...]:
    mail = _work_mail(person)
    if not mail.address:
        return ()
    status = _mail_status(mail)
    return stated(
        {"person.email": {"address": mail.address, "status": status}},
        source=DataLegion.name,
        seen_at=answer.at,
        confidence=_confidence(word),
        raw_confidence=word,
        verified=status == "verified",
    )


def _company_facts(query: Identifiers, answer: Answer) -> tuple[Fact, ...]:
    matches = answer.read(_CompanyMatches).matches
    if not matches:
        return ()
    company = matches[0].company
    values: dict[str, Json] = {
        "company.name": company.name.display or company.name.cleaned,
        "company.domain": _asked_domain(query, company.domain),
        "company.description": next(iter(company.description.raw), company.description.cleaned),
        "company.industry": company.industry,
        "company.employee_count": company.legion_employee_count or company.linkedin_employee_count,
        "company.employee_range": company.size,
        "company.founded_year": company.founded,
        "company.location": _headquarters(company.locations),
        "company.linkedin_url": company.linkedin_url,
        "company.socials": _socials(company.socials),
    }
    return _stated(values, answer, matches[0].match_metadata.match_confidence)


def _asked_domain(query: Identifiers, domain: str | None) -> str | None:
    """Keep the domain, unless another was asked for: one company may have several."""
    if query.domain and domain and not same_company(query.domain, domain):
        return None
    return domain


def _socials(listed: list[_Social]) -> list[Json]:
    """Return the profiles beside LinkedIn, which has a field of its own."""
    urls = [social.url for social in listed if social.url]
    found = [profile(url if "://" in url else f"https://{url}") for url in urls]
    return [{"network": one[0], "url": one[1]} for one in found if one and one[0] != "linkedin"]


def _headquarters(offices: list[_Office]) -> str | None:
    """Return where the primary office is, or the only one; of several without mark, none."""
    primary = [office for office in offices if office.primary] or offices
    if len(primary) != 1:
        return None
    return lenient.joined(primary[0].city, primary[0].state, primary[0].country)


def _people_facts(query: Identifiers, answer: Answer) -> tuple[Fact, ...]:
    facts: list[Fact] = []
    for match in answer.read(_PersonMatches).matches:
        person, word = match.person, match.match_metadata.match_confidence
        if _decides(person) and not _has_moved(query, person):
            facts += _decision_maker(person, answer, word)
    return tuple(facts)


def _decides(person: _Person) -> bool:
    return bool(person.full_name and person.job_title) and person.is_decision_maker is not False


def _decision_maker(person: _Person, answer: Answer, word: str | None) -> tuple[Fact, ...]:
    mail = _work_mail(person)
    status = _mail_status(mail)
    maker: dict[str, Json] = {
        "full_name": person.full_name,
        "title": person.job_title,
        "seniority": _seniority(person),
        "email": None if status == "invalid" else mail.address,
        "linkedin_url": person.linkedin_url,
    }
    return stated(
        {"decision_makers": maker},
        source=DataLegion.name,
        seen_at=answer.at,
        confidence=_confidence(word) if word else _SEARCHED,
        raw_confidence=word,
        verified=status == "verified" and mail.address is not None,
    )


_READERS = {"person": _person_facts, "company": _company_facts, "people": _people_facts}


def _stated(values: dict[str, Json], answer: Answer, word: str | None = None) -> tuple[Fact, ...]:
    return stated(
        values,
        source=DataLegion.name,
        seen_at=answer.at,
        confidence=_confidence(word),
        raw_confidence=word,
    )


def _confidence(word: str | None) -> float:
    return _CONFIDENCES.get((word or "").lower(), _UNKNOWN_WORD)
