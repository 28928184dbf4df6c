"""A strict stand-in for Hunter: facts/providers/hunter.md, read 2026-11-21."""

from typing import Any

from starlette.requests import Request

from tests.fakes.market import Company, Person
from tests.fakes.vendor import Endpoint, Given, Refused, Reply, Vendor, refuse_unless

_SENIORITY = {"cxo": "executive", "owner": "executive", "vp": "executive", "director": "senior"}
TEST_KEY = "test-api-key"
"""Hunter's own key for trying things out: always accepted."""


class HunterStandIn(Vendor):
    """Answers below `/v2`: 403 for too fast, 429 for no credits, 202, 222 and 451 on occasion."""

    name = "hunter"
    bad_request = (400, "wrong_params")
    bad_key = (401, "authentication_failed")
    no_credits = (429, "too_many_requests")
    throttle = (403, "rate_limit")

    def endpoints(self) -> list[Endpoint]:
        search = {"domain", "company", "limit", "offset", "type", "seniority", "department"}
        finder = {"domain", "company", "full_name", "first_name", "last_name", "max_duration"}
        return [
            Endpoint("GET", "/people/find", frozenset({"email", "linkedin_handle"}),
                     lambda given: given.get("email") or given.get("linkedin_handle"),
                     self._person),
            Endpoint("GET", "/companies/find", frozenset({"domain"}),
                     lambda given: given.get("domain"), self._company),
            Endpoint("GET", "/domain-search", frozenset(search | {"required_field"}),
                     lambda given: given.get("domain") or given.get("company"), self._search),
            Endpoint("GET", "/email-finder", frozenset(finder), _sought, self._find_address),
            Endpoint("GET", "/email-verifier", frozenset({"email"}),
                     lambda given: given.get("email"), self._verify),
        ]  # fmt: skip

    def key_of(self, request: Request) -> str | None:
        given = request.headers.get("x-api-key")
        return self.key if given == TEST_KEY else given

    def problem(self, refused: Refused) -> Any:
        error = {"id": refused.word, "code": refused.status, "details": refused.message}
        return {"errors": [error]}

    def headers(self, spent: float, refused: Refused | None) -> dict[str, str]:
        return {}  # Hunter says nothing about limits or credits

    def _person(self, given: Given) -> Reply:
        if "email" in given:
            self._check_claim(given["email"])
            person = self.market.by_email(given["email"])
        else:
            person = self.market.by_profile(given["linkedin_handle"])
        refuse_unless(person, "no record")
        assert person
        return Reply({"data": self._person_record(person), "meta": dict(given)})

    def _check_claim(self, email: str) -> None:
        if email in self.switches.suppressed:
            raise Refused(451, "claimed_email", "the person asked not to be processed")

    def _person_record(self, person: Person) -> dict[str, Any]:
        company, phone = self.market.employer(person), person.phone
        return {
            "id": f"f1ct10nal-{person.profile}",
            "name": {
                "fullName": person.full_name,
                "givenName": person.first_name,
                "familyName": person.last_name,
            },
            "email": person.email,
            "location": f"{company.city}, {company.state}, {company.country}",
            "geo": {"city": company.city, "state": company.state, "country": company.country},
            "employment": {
                "domain": company.domain,
                "name": company.name,
                "title": person.title,
                "role": person.role or None,
                "seniority": _SENIORITY.get(person.level),
            },
            "twitter": {"handle": None},
            "linkedin": {"handle": person.profile},
            "phone": f"{phone[:2]} {phone[2:5]}-{phone[5:8]}-{phone[8:]}",
            "fuzzy": False,
        }

    def _company(self, given: Given) -> Reply:
        company = self.market.company(given["domain"])
        refuse_unless(company, "no record")
        assert company
        return Reply({"data": _company_record(company), "meta": dict(given)})

    def _search(self, given: Given) -> Reply:
        """Answer 200 also when nothing is known: an empty list, and it costs nothing."""
        domain, levels = given.get("domain", ""), given.get("seniority", "")
        company = self.market.company(domain)
        wanted = {"executive", "senior", "junior", None} if not levels else set(levels.split(","))
        people = [one for one in self.market.at(domain) if _SENIORITY.get(one.level) in wanted]
        emails = [_contact(one) for one in people[: int(given.get("limit", 10))]]
        data = {
            "domain": company and company.domain,
            "organization": company and company.name,
            "description": (company and company.description) or None,
            "headcount": company and company.size,
            "linkedin": company and f"https://linkedin.com/company/{company.page}",
            "city": company and company.city,
            "country": company and company.country,
            "technologies": list(company.technologies) if company else [],
            "emails": emails,
            "linked_domains": [],
        }
        return Reply({"data": data, "meta": {"results": len(people)}}, -(-len(emails) // 10))

    def _find_address(self, given: Given) -> Reply:
        """Answer 200 with `email: null` when nothing was found; that costs nothing."""
        name = given.get("full_name") or f"{given.get('first_name')} {given.get('last_name')}"
        person = self.market.by_name(name, given.get("domain") or given.get("company", ""))
        if person is None:
            return Reply({"data": {"email": None, "score": None}, "meta": {}}, 0)
        self._check_claim(person.email)
        data = {
            "first_name": person.first_name,
            "last_name": person.last_name,
            "email": person.email,
            "score": person.score,
            "domain": person.domain,
            "position": person.title,
            "linkedin_url": f"https://www.linkedin.com/in/{person.profile}",
            "phone_number": None,
            "company": self.market.employer(person).name,
            "sources": [],
            "verification": {"date": "2026-04-12", "status": person.mailbox},
        }
        return Reply({"data": data, "meta": {}})

    def _verify(self, given: Given) -> Reply:
        email = given["email"]
        self._check_claim(email)
        if self.switches.takes("verdictless"):
            return Reply({"errors": [{"id": "verification_failed", "code": 222}]}, 0, 222)
        if self.switches.takes("unfinished"):
            return Reply({"data": {"status": None, "email": email}, "meta": {}}, 0, 202)
        person = self.market.by_email(email)
        status, score = (person.mailbox, person.score) if person else ("invalid", 3)
        data = {"status": status, "score": score, "email": email, "accept_all": False}
        return Reply({"data": data, "meta": {"params": dict(given)}})


def _sought(given: Given) -> str | None:
    name = given.get("full_name") or (given.get("first_name") and given.get("last_name"))
    where = given.get("domain") or given.get("company")
    return f"{name}, {where}" if name and where else None


def _contact(person: Person) -> dict[str, Any]:
    return {
        "value": person.email,
        "type": "personal",
        "confidence": person.score,
        "first_name": person.first_name,
        "last_name": person.last_name,
        "position": person.title,
        "seniority": _SENIORITY.get(person.level),
        "department": person.role or None,
        "linkedin": f"https://www.linkedin.com/in/{person.profile}",
        "phone_number": None,
        "verification": {"date": "2026-04-12", "status": person.mailbox},
        "sources": [{"domain": person.domain, "uri": f"https://{person.domain}/team"}],
    }


def _company_record(company: Company) -> dict[str, Any]:
    return {
        "name": company.name,
        "legalName": f"{company.name} LLC",
        "domain": company.domain,
        "site": {"phoneNumbers": [], "emailAddresses": [f"hello@{company.domain}"]},
        "category": {"sector": None, "industry": company.industry},
        "description": company.description or None,
        "foundedYear": company.founded,
        "location": f"{company.city}, {company.state}, {company.country}",
        "facebook": {"handle": None},
        "linkedin": {"handle": f"company/{company.page}"},
        "twitter": {"handle": None},
        "phone": None,
        "metrics": {
            "employees": company.employees,
            "employeesRange": company.size,
            "raised": company.raised,
            "estimatedAnnualRevenue": company.revenue,
        },
        "tech": [name.replace(" ", "-") for name in company.technologies],
        "fundingRounds": [{"series": company.stage, "announcedDate": company.last_round}],
        "parent": {"domain": None},
    }
