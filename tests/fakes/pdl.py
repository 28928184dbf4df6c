"""A strict stand-in for People Data Labs: facts/providers/people-data-labs.md, read 2026-11-21."""

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request

from tests.fakes.market import Company, Person
from tests.fakes.vendor import Endpoint, Given, Refused, Reply, Vendor, refuse_unless, soon

_NOBODY = "No records were found matching your request"
_LOCKABLE = (
    "work_email", "mobile_phone", "emails", "phone_numbers", "personal_emails", "location_name",
    "location_locality", "location_region",
)  # fmt: skip
_PERSON_PARAMETERS = frozenset(
    {"email", "profile", "name", "company", "location", "school", "min_likelihood", "required"}
    | {"data_include", "include_if_matched", "titlecase", "pretty", "phone", "pdl_id"}
)
_COMPANY_PARAMETERS = frozenset(
    {"website", "name", "profile", "ticker", "min_likelihood", "required", "data_include"}
    | {"titlecase", "pretty", "location", "pdl_id", "include_if_matched"}
)
_SEARCH_PARAMETERS = frozenset(
    {"query", "sql", "size", "scroll_token", "data_include", "dataset", "titlecase", "pretty"}
)


class PeopleDataLabsStandIn(Vendor):
    """Answers below `/v5`: lower-case text, flat companies, single-quoted header objects."""

    name = "peopledatalabs"
    bad_request = (400, "invalid_request_error")
    bad_key = (401, "authentication_error")
    no_credits = (402, "payment_required")
    throttle = (429, "rate_limit_error")

    def endpoints(self) -> list[Endpoint]:
        return [
            Endpoint("GET", "/person/enrich", _PERSON_PARAMETERS, _whom, self._person),
            Endpoint("GET", "/company/enrich", _COMPANY_PARAMETERS, _which, self._company),
            Endpoint("POST", "/person/search", _SEARCH_PARAMETERS, _search_for, self._people),
        ]

    def key_of(self, request: Request) -> str | None:
        return request.headers.get("x-api-key")

    def problem(self, refused: Refused) -> Any:
        error = {"type": refused.word, "message": refused.message}
        return {"status": refused.status, "error": error}

    def headers(self, spent: float, refused: Refused | None) -> dict[str, str]:
        left = 0 if refused and refused.status == 429 else 97
        credits_left = self.switches.credits
        return {
            "x-ratelimit-limit": "{'minute': 100, 'day': null, 'month': null}",
            "x-ratelimit-remaining": f"{{'minute': {left}, 'day': null, 'month': null}}",
            "x-ratelimit-limit.minute": "100",
            "x-ratelimit-remaining.minute": str(left),
            "x-ratelimit-reset": soon(self.switches.wait_s).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "x-call-credits-spent": f"{spent:g}",
            "x-call-credits-type": "enrich",
            "x-totallimit-remaining": "" if credits_left is None else f"{credits_left:g}",
        }

    def _person(self, given: Given) -> Reply:
        person = self._find(given)
        if person is None or person.likelihood < int(given.get("min_likelihood", 2)):
            raise Refused(404, "not_found", _NOBODY)
        data = _locked(self._record(person)) if self.switches.free_plan else self._record(person)
        return Reply({"status": 200, "likelihood": person.likelihood, "data": data})

    def _find(self, given: Given) -> Person | None:
        if "email" in given:
            return self.market.by_email(given["email"])
        if "profile" in given:
            return self.market.by_profile(given["profile"].rpartition("linkedin.com/in/")[2])
        return self.market.by_name(given["name"], given.get("company", ""))

    def _record(self, person: Person) -> dict[str, Any]:
        company = self.market.employer(person)
        place = f"{company.city}, {company.state}, {company.country}".lower()
        return {
            "id": f"f1ct10nal_{person.profile}",
            "full_name": person.full_name.lower(),
            "first_name": person.first_name.lower(),
            "last_name": person.last_name.lower(),
            "job_title": person.title.lower(),
            "job_title_role": person.role or None,
            "job_title_levels": [person.level],
            "work_email": person.email,
            "personal_emails": [],
            "emails": [{"address": person.email, "type": "current_professional"}],
            "mobile_phone": person.phone,
            "phone_numbers": [person.phone],
            "linkedin_url": f"linkedin.com/in/{person.profile}",
            "location_name": place,
            "location_locality": company.city.lower(),
            "location_region": company.state.lower(),
            "location_country": company.country.lower(),
            "job_company_name": company.name.lower(),
            "job_company_website": company.domain,
            "job_company_size": company.size,
            "job_company_industry": company.industry.lower(),
            "job_company_linkedin_url": f"linkedin.com/company/{company.page}",
        }

    def _company(self, given: Given) -> Reply:
        company = self._find_company(given)
        refuse_unless(company, _NOBODY)
        assert company
        return Reply({"status": 200, "likelihood": 6, **_company_record(company)})

    def _find_company(self, given: Given) -> Company | None:
        if "website" in given:
            return self.market.company(given["website"])
        if "profile" in given:
            return self.market.by_page(given["profile"].rpartition("/company/")[2])
        return self.market.by_company_name(given.get("name", ""))

    def _people(self, given: Given) -> Reply:
        size = given.get("size", 1)
        if not isinstance(size, int) or not 1 <= size <= 100:
            raise Refused(*self.bad_request, "size is 1..100")
        records = [self._record(person) for person in self.market.people]
        found = [one for one in records if all(_fits(one, clause) for clause in _clauses(given))]
        refuse_unless(found, _NOBODY)
        body = {"status": 200, "data": found[:size], "total": len(found), "scroll_token": None}
        return Reply(body, credits=len(found[:size]))


def _whom(given: Given) -> str | None:
    alone = given.get("email") or given.get("profile")
    if alone:
        return str(alone)
    name, where = given.get("name"), given.get("company") or given.get("location")
    return f"{name}, {where}" if name and where else None


def _which(given: Given) -> str | None:
    return given.get("website") or given.get("profile") or given.get("name")


def _search_for(given: Given) -> str | None:
    """Return the website searched for; exactly one of `query` and `sql` is wanted."""
    if ("query" in given) == ("sql" in given):
        return None
    websites = [clause["term"].get("job_company_website") for clause in _clauses(given, "term")]
    return next((website for website in websites if website), "*")


def _clauses(given: Given, kind: str | None = None) -> list[dict[str, Any]]:
    """Return the clauses of the one form of Elasticsearch query this stand-in can run."""
    try:
        must: list[dict[str, Any]] = given["query"]["query"]["bool"]["must"]
        return [clause for clause in must if kind is None or kind in clause]
    except (KeyError, TypeError) as error:
        raise Refused(400, "invalid_request_error", "the query cannot be parsed") from error


def _fits(record: Mapping[str, Any], clause: Mapping[str, Mapping[str, Any]]) -> bool:
    """Run one `term` or `terms`: a field that holds a list fits by any of its values."""
    [(kind, wanted)] = clause.items()
    if kind not in {"term", "terms"}:
        raise Refused(400, "invalid_request_error", f"unknown clause {kind}")
    [(name, values)] = wanted.items()
    if name not in record:
        raise Refused(400, "invalid_request_error", f"unknown field {name}")
    held = record[name] if isinstance(record[name], list) else [record[name]]
    return bool(set(held) & set(values if kind == "terms" else [values]))


def _locked(record: dict[str, Any]) -> dict[str, Any]:
    """Put `true` for what exists and the plan does not include, `false` for what is not there."""
    return {name: bool(value) if name in _LOCKABLE else value for name, value in record.items()}


def _company_record(company: Company) -> dict[str, Any]:
    place = f"{company.city}, {company.state}, {company.country}".lower()
    return {
        "id": f"f1ct10nal-{company.page}",
        "name": company.name.lower(),
        "display_name": company.name,
        "website": company.domain,
        "alternative_domains": [],
        "summary": company.description.lower() or None,
        "industry": company.industry.lower(),
        "employee_count": company.employees,
        "size": company.size,
        "founded": company.founded,
        "inferred_revenue": company.revenue,
        "location": {"name": place, "locality": company.city.lower()},
        "technologies_used": [{"name": name} for name in company.technologies],
        "total_funding_raised": company.raised,
        "latest_funding_stage": company.stage,
        "last_funding_date": company.last_round,
        "linkedin_url": f"linkedin.com/company/{company.page}",
        "type": "private",
    }
