"""People Data Labs, API v5: persons, companies, people at a company.

Reference: https://docs.peopledatalabs.com/docs/reference-person-enrichment-api and its siblings,
as collected in facts/providers/people-data-labs.md, read 2026-11-21.
Prices: 1 credit per match, a miss is free; person search 1 credit per record returned.
Limits: 100/min (free) to 1,000/min per endpoint, person search 10/min; every answer says what is
left and when it starts again, so the pace here is only an upper bound.
Confidence: `likelihood` is 1..10, so likelihood / 10; person search states none.
Text comes in lower case. `titlecase=true` would give `Vp Of Sales`, so app/casing.py does it.
Fields outside the plan come as `true` ("exists, locked"): app/lenient.py reads that as nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import orjson
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
    Unreadable,
    judged,
)
from app.web import titles

VENDOR_URL = "https://api.peopledatalabs.com/v5"
SEARCH_SIZE = 5
"""Decision makers asked for at once; each one returned costs a credit."""

_SURE_AT = 4
_SURE_AT_BY_NAME = 6
"""Lowest `min_likelihood`: a name can mean several people or companies, so it must fit better."""

_UNSTATED = 0.6  # confidence of a match whose likelihood is missing or out of range
_SEARCHED = 0.7  # confidence of a record that person search found by its employer's website
_MOST_TECHNOLOGIES = 40

_SENIORITIES: Mapping[str, str] = {  # most senior first
    "owner": "owner",
    "cxo": "c_suite",
    "vp": "vp",
    "director": "director",
    "manager": "manager",
    "senior": "staff",
    "entry": "staff",
    "training": "staff",
}
_DECIDING_LEVELS = ["cxo", "owner", "vp", "director", "partner"]
_SEARCH_FIELDS = (
    "full_name,job_title,job_title_levels,work_email,emails,linkedin_url,job_company_website"
)


class _Mail(BaseModel):
    address: lenient.Address = None
    type: lenient.Text = None


class _Number(BaseModel):
    number: lenient.Phone = None


class _Person(BaseModel):
    full_name: lenient.PersonName = None
    first_name: lenient.PersonName = None
    last_name: lenient.PersonName = None
    job_title: lenient.JobTitle = None
    job_title_role: lenient.Label = None
    job_title_levels: lenient.Texts = []
    work_email: lenient.Address = None
    emails: lenient.Parts[_Mail] = []
    mobile_phone: lenient.Phone = None
    phone_numbers: lenient.Texts = []
    phones: lenient.Parts[_Number] = []
    linkedin_url: lenient.ProfileUrl = None
    location_name: lenient.Place = None
    location_locality: lenient.Place = None
    location_region: lenient.Place = None
    location_country: lenient.Place = None
    job_company_name: lenient.CompanyName = None
    job_company_website: lenient.Domain = None
    job_company_industry: lenient.Label = None
    job_company_size: lenient.SizeRange = None
    job_company_employee_count: lenient.Whole = None
    job_company_founded: lenient.Year = None
    job_company_inferred_revenue: lenient.Text = None
    job_company_total_funding_raised: lenient.Whole = None
    job_company_linkedin_url: lenient.PageUrl = None
    job_company_location_name: lenient.Place = None


class _PersonAnswer(BaseModel):
    data: _Person
    likelihood: lenient.Whole = None


class _SearchAnswer(BaseModel):
    data: lenient.Listed[_Person]


class _Place(BaseModel):
    name: lenient.Place = None
    locality: lenient.Place = None
    region: lenient.Place = None
    country: lenient.Place = None


class _Technology(BaseModel):
    name: lenient.Product = None


class _Company(BaseModel):
    """The flat answer of company enrich: there is no `data` around it."""

    likelihood: lenient.Whole = None
    id: lenient.Text = None
    name: lenient.CompanyName = None
    display_name: lenient.Text = None
    website: lenient.Domain = None
    summary: lenient.Prose = None
    industry: lenient.Label = None
    employee_count: lenient.Whole = None
    size: lenient.SizeRange = None
    founded: lenient.Year = None
    inferred_revenue: lenient.Text = None
    location: lenient.Part[_Place] = _Place()
    technologies_used: lenient.Parts[_Technology] = []
    total_funding_raised: lenient.Whole = None
    latest_funding_stage: lenient.Label = None
    last_funding_date: lenient.Day = None
    linkedin_url: lenient.PageUrl = None


_PERSON = Capability(
    "person",
    accepts=(
        frozenset({By.email}),
        frozenset({By.linkedin}),
        frozenset({By.name, By.domain}),
        frozenset({By.name, By.company}),
    ),
    fields=fields_named(
        Section.person,
        "full_name first_name last_name title seniority department email phones linkedin_url "
        "location",
    )
    | fields_named(
        Section.company,
        "name domain industry employee_count employee_range founded_year revenue_range location "
        "funding linkedin_url",
    ),
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
        "name domain description industry employee_count employee_range founded_year "
        "revenue_range location funding technologies linkedin_url",
    ),
    credits=1,
)
_PEOPLE = Capability(
    "people",
    accepts=(frozenset({By.domain}),),
    fields=frozenset({"decision_makers"}),
    credits=SEARCH_SIZE,
)


_PACE = Pace(per_s=10, burst=20)


@dataclass(frozen=True, slots=True)
class PeopleDataLabs:
    """Knows persons by address, profile or name, and companies by website, page or name."""

    key: str = field(repr=False)
    base_url: str = VENDOR_URL
    pace: Pace = _PACE

    name = "peopledatalabs"
    capabilities = (_PERSON, _COMPANY, _PEOPLE)
    sandbox = False

    def judge(self, answer: Answer) -> Outcome | None:
        """Read the status: PDL means what the usual table says."""
        return judged(answer.status)

    def meter(self, answer: Answer) -> Meter:
        """Read the headers that every answer carries; there is no Retry-After, only the reset."""
        headers = answer.headers
        reset_at = lenient.instant(headers.get("x-ratelimit-reset"))
        return Meter(
            limit=_of_this_minute(headers, "x-ratelimit-limit"),
            remaining=_of_this_minute(headers, "x-ratelimit-remaining"),
            reset_at=reset_at,
            retry_at=reset_at if answer.status == 429 else None,
            credits_spent=lenient.number(headers.get("x-call-credits-spent")),
            credits_left=lenient.number(headers.get("x-totallimit-remaining")),
        )

    def look_up(self, capability: Capability, query: Identifiers) -> Exchange:
        """Ask once and read the one answer. Raises Unreadable when its shape is not PDL's."""
        [answer] = yield [self._request(capability, query)]
        facts = _READERS[capability.name](query, answer)
        spent = self.meter(answer).credits_spent
        if not facts:
            return Finding(Outcome.not_found, (), "a record without a readable field", spent)
        return Finding(Outcome.matched, facts, credits=spent)

    def _request(self, capability: Capability, query: Identifiers) -> Request:
        base, headers = self.base_url.rstrip("/"), {"X-Api-Key": self.key}
        if capability == _PEOPLE:
            return Request(
                "POST", f"{base}/person/search", headers=headers, json=_search(query.domain or "")
            )
        params = _person_params(query) if capability == _PERSON else _company_params(query)
        return Request("GET", f"{base}/{capability.name}/enrich", params=params, headers=headers)


def _person_params(query: Identifiers) -> dict[str, str]:
    if query.email:
        return {"email": query.email, "min_likelihood": str(_SURE_AT)}
    if query.linkedin:
        profile = f"linkedin.com/{query.linkedin}"
        return {"profile": profile, "min_likelihood": str(_SURE_AT)}
    return {
        "name": query.name or "",
        "company": query.domain or query.company or "",
        "min_likelihood": str(_SURE_AT_BY_NAME),
    }


def _company_params(query: Identifiers) -> dict[str, str]:
    if query.domain:
        return {"website": query.domain, "min_likelihood": str(_SURE_AT)}
    if query.linkedin_company:
        profile = f"linkedin.com/{query.linkedin_company}"
        return {"profile": profile, "min_likelihood": str(_SURE_AT)}
    return {"name": query.company or "", "min_likelihood": str(_SURE_AT_BY_NAME)}


def _search(domain: str) -> dict[str, object]:
    """Return the body of a person search; an Elasticsearch query needs no escaping.

    Form from https://docs.peopledatalabs.com/docs/reference-person-search-api, read 2026-11-21.
    """
    must = [
        {"term": {"job_company_website": domain}},
        {"terms": {"job_title_levels": _DECIDING_LEVELS}},
    ]
    return {
        "query": {"query": {"bool": {"must": must}}},
        "size": SEARCH_SIZE,
        "data_include": _SEARCH_FIELDS,
    }


def _person_facts(query: Identifiers, answer: Answer) -> tuple[Fact, ...]:
    read = answer.read(_PersonAnswer)
    values = _identity(read.data)
    if not _has_moved(query, read.data):
        values |= _position(read.data) | _employer(read.data)
    return _stated(values, answer, read.likelihood)


def _has_moved(query: Identifiers, person: _Person) -> bool:
    """Tell whether the record's job is at another company than the one asked about."""
    current = [mail.address for mail in person.emails if mail.type == "current_professional"]
    return is_elsewhere(
        query,
        website=person.job_company_website,
        company=person.job_company_name,
        addresses=[person.work_email, *current],
    )


def _identity(person: _Person) -> dict[str, Json]:
    place = lenient.joined(
        person.location_locality, person.location_region, person.location_country
    )
    return {
        "person.full_name": person.full_name,
        "person.first_name": person.first_name,
        "person.last_name": person.last_name,
        "person.phones": _phones(person),
        "person.linkedin_url": person.linkedin_url,
        "person.location": person.location_name or place,
    }


def _position(person: _Person) -> dict[str, Json]:
    return {
        "person.email": _mail(person),
        "person.title": person.job_title,
        "person.seniority": _seniority(person),
        "person.department": person.job_title_role,
    }


def _employer(person: _Person) -> dict[str, Json]:
    return {
        "company.name": person.job_company_name,
        "company.domain": person.job_company_website,
        "company.industry": person.job_company_industry,
        "company.employee_count": person.job_company_employee_count,
        "company.employee_range": person.job_company_size,
        "company.founded_year": person.job_company_founded,
        "company.revenue_range": person.job_company_inferred_revenue,
        "company.location": person.job_company_location_name,
        "company.funding": {"total": person.job_company_total_funding_raised},
        "company.linkedin_url": person.job_company_linkedin_url,
    }


def _mail(person: _Person) -> dict[str, Json]:
    """Return the address at work; PDL never says whether it was verified. Private ones stay out."""
    current = (mail.address for mail in person.emails if mail.type == "current_professional")
    address = person.work_email or next((known for known in current if known), None)
    return {"address": address, "status": "unverified"} if address else {}


def _phones(person: _Person) -> list[Json]:
    others = [lenient.phone(line) for line in person.phone_numbers]
    others += [known.number for known in person.phones]
    kinds = {person.mobile_phone: "mobile"}
    kinds |= {known: "unknown" for known in others if known != person.mobile_phone}
    return [{"number": known, "type": kind} for known, kind in kinds.items() if known]


def _seniority(person: _Person) -> str | None:
    """Return our word for the highest of their levels; without one, what the title says."""
    for theirs, ours in _SENIORITIES.items():
        if theirs in person.job_title_levels:
            return ours
    return titles.seniority(person.job_title or "")


def _company_facts(query: Identifiers, answer: Answer) -> tuple[Fact, ...]:
    company = answer.read(_Company)
    if not (company.id or company.name or company.website):
        raise Unreadable(f"status {answer.status} without a company in it")
    values: dict[str, Json] = {
        "company.name": company.display_name or company.name,
        "company.domain": _asked_domain(query, company.website),
        "company.description": company.summary,
        "company.industry": company.industry,
        "company.employee_count": company.employee_count,
        "company.employee_range": company.size,
        "company.founded_year": company.founded,
        "company.revenue_range": company.inferred_revenue,
        "company.location": _headquarters(company.location),
        "company.funding": {
            "stage": company.latest_funding_stage,
            "total": company.total_funding_raised,
            "last_round_at": company.last_funding_date,
        },
        "company.technologies": [
            used.name for used in company.technologies_used[:_MOST_TECHNOLOGIES]
        ],
        "company.linkedin_url": company.linkedin_url,
    }
    return _stated(values, answer, company.likelihood)


def _asked_domain(query: Identifiers, website: str | None) -> str | None:
    """Keep the website, unless another was asked for: one company may have several domains."""
    if query.domain and website and not same_company(query.domain, website):
        return None
    return website


def _headquarters(place: _Place) -> str | None:
    return place.name or lenient.joined(place.locality, place.region, place.country)


def _people_facts(query: Identifiers, answer: Answer) -> tuple[Fact, ...]:
    people = answer.read(_SearchAnswer).data
    makers: list[Json] = [
        _decision_maker(person)
        for person in people
        if person.full_name and person.job_title and not _has_moved(query, person)
    ]
    return stated(
        {"decision_makers": makers},
        source=PeopleDataLabs.name,
        seen_at=answer.at,
        confidence=_SEARCHED,
    )


def _decision_maker(person: _Person) -> dict[str, Json]:
    return {
        "full_name": person.full_name,
        "title": person.job_title,
        "seniority": _seniority(person),
        "email": _mail(person).get("address"),
        "linkedin_url": person.linkedin_url,
    }


_READERS = {"person": _person_facts, "company": _company_facts, "people": _people_facts}


def _stated(values: dict[str, Json], answer: Answer, likelihood: int | None) -> tuple[Fact, ...]:
    known = likelihood if likelihood and likelihood <= 10 else None
    return stated(
        values,
        source=PeopleDataLabs.name,
        seen_at=answer.at,
        confidence=known / 10 if known else _UNSTATED,
        raw_confidence=f"{known}/10" if known else None,
    )


def _of_this_minute(headers: Mapping[str, str], name: str) -> int | None:
    """Read the minute's number of a header such as `{'minute': 100, 'day': null}`.

    The quotes are Python's, the rest is JSON; the twin header `NAME.minute` is the second choice.
    """
    try:
        windows = orjson.loads(headers.get(name, "").replace("'", '"').replace("None", "null"))
    except ValueError:
        windows = None
    said = windows.get("minute") if isinstance(windows, dict) else None
    return lenient.count(headers.get(f"{name}.minute") if said is None else said)
