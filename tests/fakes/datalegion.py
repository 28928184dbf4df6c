"""A strict stand-in for Data Legion: facts/providers/data-legion.md, read 2026-11-21."""

import math
import re
from typing import Any

from starlette.requests import Request

from tests.fakes.market import Company, Person
from tests.fakes.vendor import Endpoint, Given, Refused, Reply, Vendor, refuse_unless, soon

_CONTROLS = {"min_confidence", "multiple_results", "limit", "required_fields", "include_fields"} | {
    "exclude_fields", "titlecase", "pretty_print"
}  # fmt: skip
_PERSON_PARAMETERS = frozenset(
    _CONTROLS | {"email", "social_url", "full_name", "first_name", "last_name", "company", "phone"}
)
_COMPANY_PARAMETERS = frozenset(_CONTROLS | {"domain", "name", "social_url", "ticker_symbol"})
_SQL = re.compile(r"SELECT \* FROM people WHERE (.+)")
_CONDITION = re.compile(r"(\w+) = (?:'((?:[^']|'')*)'|(true|false))")
_EXACT = {"matched_on": ["email"], "match_type": "exact", "match_confidence": "high"}


class DataLegionStandIn(Vendor):
    """Answers POST with JSON: match lists, `RateLimit-*` and credit headers on every answer."""

    name = "datalegion"
    bad_request = (400, "bad_request")
    bad_key = (401, "unauthorized")
    no_credits = (402, "insufficient_credits")
    throttle = (429, "rate_limited")

    def endpoints(self) -> list[Endpoint]:
        search = frozenset({"query", "limit", "offset"})
        return [
            Endpoint("POST", "/person/enrich", _PERSON_PARAMETERS, _whom, self._person),
            Endpoint("POST", "/company/enrich", _COMPANY_PARAMETERS, _which, self._company),
            Endpoint("POST", "/person/search", search, _search_for, self._people),
        ]

    def key_of(self, request: Request) -> str | None:
        return request.headers.get("api-key")

    def problem(self, refused: Refused) -> Any:
        return {"error": refused.word, "message": refused.message, "details": None}

    def headers(self, spent: float, refused: Refused | None) -> dict[str, str]:
        is_throttled = refused is not None and refused.status == 429
        left = self.switches.credits
        said = {
            "Request-ID": f"req-{len(self.calls)}",
            "Credits-Used": f"{spent:g}",
            "Credits-Remaining": "unlimited" if left is None else f"{left:g}",
            "RateLimit-Limit": "100",
            "RateLimit-Remaining": "0" if is_throttled else "99",
            "RateLimit-Reset": str(math.ceil(soon(self.switches.wait_s).timestamp())),
            "RateLimit-Policy": "100/min",
        }
        wait = {"Retry-After": str(math.ceil(self.switches.wait_s))} if is_throttled else {}
        return said | wait

    def _person(self, given: Given) -> Reply:
        person = self._find(given)
        refuse_unless(person, "No person found matching the provided parameters.")
        assert person
        match = {"person": self._record(person), "match_metadata": _EXACT}
        return Reply({"matches": [match], "total": 1})

    def _find(self, given: Given) -> Person | None:
        if "email" in given:
            return self.market.by_email(given["email"])
        if "social_url" in given:
            return self.market.by_profile(given["social_url"].rpartition("/in/")[2])
        return self.market.by_name(given["full_name"], given["company"])

    def _record(self, person: Person) -> dict[str, Any]:
        company = self.market.employer(person)
        return {
            "legion_id": f"f1ct10nal-{person.profile}",
            "full_name": person.full_name.lower(),
            "first_name": person.first_name.lower(),
            "last_name": person.last_name.lower(),
            "job_title": person.title.lower(),
            "seniority_level": person.level,
            "job_function": person.role or None,
            "is_decision_maker": person.decides,
            "work_email": person.email,
            "mobile_phone": person.phone,
            "linkedin_url": f"https://www.linkedin.com/in/{person.profile}",
            "city": company.city.lower(),
            "state": company.state.lower(),
            "country": company.country.lower(),
            "company_name": company.name.lower(),
            "company_domain": company.domain,
            "company_industry": company.industry.lower(),
            "company_size": company.size,
            "company_linkedin_url": f"linkedin.com/company/{company.page}",
            "emails": [
                {
                    "address": person.email,
                    "type": "professional",
                    "current": True,
                    "validated": person.mailbox == "valid",
                    "validation_status": person.mailbox,
                }
            ],
            "phones": [{"number": person.phone, "type": "mobile", "current": True}],
        }

    def _company(self, given: Given) -> Reply:
        company = self._find_company(given)
        refuse_unless(company, "No company found matching the provided parameters.")
        assert company
        match = {"company": _company_record(company), "match_metadata": _EXACT}
        return Reply({"matches": [match], "total": 1})

    def _find_company(self, given: Given) -> Company | None:
        if "domain" in given:
            return self.market.company(given["domain"])
        if "social_url" in given:
            return self.market.by_page(given["social_url"].rpartition("/company/")[2])
        return self.market.by_company_name(given["name"])

    def _people(self, given: Given) -> Reply:
        limit = given.get("limit", 1)
        if not isinstance(limit, int) or not 1 <= limit <= 100:
            raise Refused(*self.bad_request, "limit is 1..100")
        wanted = _conditions(given["query"])
        records = [self._record(person) for person in self.market.people]
        unknown = sorted(set(wanted) - set(records[0] if records else wanted))
        if unknown:
            raise Refused(*self.bad_request, f"unknown field: {', '.join(unknown)}")
        found = [one for one in records if all(one[name] == wanted[name] for name in wanted)]
        refuse_unless(found, "No people found matching the query.")
        matches = [{"person": one} for one in found[:limit]]
        return Reply({"matches": matches, "total": len(found)}, credits=len(matches))


def _whom(given: Given) -> str | None:
    alone = given.get("email") or given.get("social_url")
    if alone:
        return str(alone)
    name, company = given.get("full_name"), given.get("company")
    return f"{name}, {company}" if name and company else None


def _which(given: Given) -> str | None:
    return given.get("domain") or given.get("social_url") or given.get("name")


def _search_for(given: Given) -> str | None:
    query = given.get("query")
    return _conditions(query).get("company_domain", "*") if isinstance(query, str) else None


def _conditions(sql: str) -> dict[str, Any]:
    """Read the one form of SQL this stand-in can run: equalities joined by AND."""
    found = _SQL.fullmatch(sql)
    conditions = [_CONDITION.fullmatch(part) for part in found[1].split(" AND ")] if found else []
    if not conditions or not all(conditions):
        raise Refused(400, "bad_request", "the query cannot be parsed")
    read = [condition for condition in conditions if condition]
    return {one[1]: one[3] == "true" if one[3] else one[2].replace("''", "'") for one in read}


def _company_record(company: Company) -> dict[str, Any]:
    return {
        "legion_id": f"f1ct10nal-{company.page}",
        "name": {"cleaned": company.name.lower(), "raw": [company.name], "display": company.name},
        "domain": company.domain,
        "domains": [{"domain": company.domain}],
        "industry": company.industry.lower(),
        "size": company.size,
        "founded": company.founded,
        "linkedin_url": f"linkedin.com/company/{company.page}",
        "linkedin_employee_count": company.employees + 7,
        "legion_employee_count": company.employees,
        "socials": [],
        "locations": [
            {
                "city": company.city.lower(),
                "state": company.state.lower(),
                "country": company.country.lower(),
                "primary": True,
                "current": True,
            }
        ],
        "description": {
            "cleaned": company.description.lower() or None,
            "raw": [company.description] if company.description else [],
        },
    }
