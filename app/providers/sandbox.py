"""The sandbox: answers for `.example` (RFC 2606) alone, offline, and always the same.

It speaks a protocol of its own, so a sandbox job takes every step of a real one. The magic local
parts, for whatever domain under `.example`: slow@ (the person takes 3 s), partial@ (nobody answers
for the person), notfound@, error@ (nobody answers at all), ambiguous@ (three candidates), stale@
(seen three days ago), ratelimited@ (the first try for the person is refused with 429).
Price: 1 credit a match, a miss is free. The people and companies themselves: app/fiction.py.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import orjson
from pydantic import BaseModel

from app import fiction, lenient
from app.addresses import registrable, sandbox_branch
from app.facts import Fact, Json, Section, fields_named, fields_of, stated
from app.prospect import By, Identifiers, Prospect
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

SLOW_S = 3.0
STALE = timedelta(days=3)

_BY_COMPANY = (frozenset({By.email}), frozenset({By.domain}))
_CONFIDENCE = 0.95  # of everything: nobody can be surer of these people than who made them up


class _Mail(BaseModel):
    address: lenient.Address = None
    status: lenient.Text = None


class _Number(BaseModel):
    number: lenient.Phone = None
    type: lenient.Text = None


class _Person(BaseModel):
    full_name: lenient.Text = None
    first_name: lenient.Text = None
    last_name: lenient.Text = None
    title: lenient.Text = None
    seniority: lenient.Text = None
    department: lenient.Text = None
    location: lenient.Text = None
    linkedin_url: lenient.Text = None
    email: lenient.Part[_Mail] = _Mail()
    phones: lenient.Parts[_Number] = []


class _Candidate(BaseModel):
    full_name: lenient.Text = None
    title: lenient.Text = None
    company: lenient.Text = None
    linkedin_url: lenient.Text = None


class _PersonAnswer(BaseModel):
    """Either the person or those who could be meant."""

    person: lenient.Part[_Person] = _Person()
    candidates: lenient.Parts[_Candidate] = []
    url: lenient.Text = None


class _Funding(BaseModel):
    stage: lenient.Text = None
    total: lenient.Whole = None
    last_round_at: lenient.Day = None


class _Company(BaseModel):
    name: lenient.Text = None
    domain: lenient.Domain = None
    description: lenient.Text = None
    industry: lenient.Text = None
    employee_count: lenient.Whole = None
    employee_range: lenient.Text = None
    founded_year: lenient.Year = None
    revenue_range: lenient.Text = None
    location: lenient.Text = None
    funding: lenient.Part[_Funding] = _Funding()
    technologies: lenient.Texts = []
    linkedin_url: lenient.Text = None
    phones: lenient.Texts = []
    emails: lenient.Texts = []


class _CompanyAnswer(BaseModel):
    company: _Company
    url: lenient.Text = None


class _DecisionMaker(BaseModel):
    full_name: lenient.Text = None
    title: lenient.Text = None
    seniority: lenient.Text = None
    email: lenient.Address = None
    linkedin_url: lenient.Text = None


class _PeopleAnswer(BaseModel):
    people: lenient.Listed[_DecisionMaker]
    url: lenient.Text = None


class _Signal(BaseModel):
    kind: lenient.Text = None
    headline: lenient.Text = None
    url: lenient.Text = None
    seen_at: lenient.Day = None


class _SignalsAnswer(BaseModel):
    signals: lenient.Listed[_Signal]
    url: lenient.Text = None


@dataclass(frozen=True, slots=True)
class Sandbox:
    """Knows everybody under `.example`, and is its own vendor: `respond` answers its requests."""

    name = "sandbox"
    capabilities = (
        Capability(
            "person",
            accepts=(frozenset({By.email}), frozenset({By.name, By.domain})),
            fields=fields_named(
                Section.person,
                "full_name first_name last_name title seniority department email phones "
                "linkedin_url location candidates",
            ),
            credits=1,
        ),
        Capability(
            "company",
            accepts=_BY_COMPANY,
            fields=fields_named(
                Section.company,
                "name domain description industry employee_count employee_range founded_year "
                "revenue_range location funding technologies linkedin_url phones emails",
            ),
            credits=1,
        ),
        Capability("people", _BY_COMPANY, fields_of(Section.decision_makers), credits=1),
        Capability("signals", _BY_COMPANY, fields_of(Section.signals), credits=1),
    )
    pace = Pace(per_s=1_000, burst=1_000, at_once=100)
    sandbox = True

    def judge(self, answer: Answer) -> Outcome | None:
        """Read the status by the usual table; 501 is a provider that is down and stays down."""
        return judged(answer.status)

    def meter(self, answer: Answer) -> Meter:
        """Read what the call cost and, after a 429, when to ask again."""
        return Meter(
            retry_at=lenient.retry_after(answer.headers.get("retry-after"), answer.at),
            credits_spent=lenient.number(answer.headers.get("credits-used")),
        )

    def look_up(self, capability: Capability, query: Identifiers) -> Exchange:
        """Ask once. Raises Unreadable when the answer is not in the sandbox's shape."""
        asked = {"email": query.email, "name": query.name, "domain": query.domain}
        params = {key: value for key, value in asked.items() if value}
        [answer] = yield [Request("GET", f"sandbox:{capability.name}", params=params)]
        facts = _READERS[capability.name](answer)
        spent = self.meter(answer).credits_spent
        if not facts:
            return Finding(Outcome.not_found, (), "an answer without anything readable", spent)
        return Finding(Outcome.matched, facts, credits=spent)

    def respond(self, request: Request, tries: int, now: datetime) -> tuple[Answer, float]:
        """Play the vendor: return the answer to the `tries`-th sending and its delay in s."""
        branch = sandbox_branch(request.params.get("email", ""))
        what = request.url.removeprefix("sandbox:")
        status = _status(branch, what, tries)
        at = now - STALE if branch == "stale" else now
        body = _body(what, request, branch, now) if status == 200 else {}
        headers = {"content-type": "application/json", "credits-used": str(int(status == 200))}
        if status == 429:
            headers["retry-after"] = "1"
        delay_s = SLOW_S if branch == "slow" and what == "person" else 0.0
        return Answer(status, headers, orjson.dumps(body), f"{fiction.HOME}/v1/{what}", at), delay_s

    def primed(self, prospect: Prospect, now: datetime) -> list[Fact]:
        """Return what is to be in the store before `prospect` is ever asked about.

        Only stale@ has something: all its facts, so that its first card is a stale one.
        """
        if sandbox_branch(prospect.known.email or "") != "stale":
            return []
        return [
            fact
            for capability in self.capabilities
            if (query := capability.query(prospect.known))
            for fact in self._answered(self.look_up(capability, query), now)
        ]

    def _answered(self, exchange: Exchange, now: datetime) -> tuple[Fact, ...]:
        requests = next(exchange)
        try:
            exchange.send([self.respond(request, 1, now)[0] for request in requests])
        except StopIteration as done:
            finding: Finding = done.value
            return finding.facts
        return ()


# --- the vendor's side ---------------------------------------------------------------------


def _status(branch: str | None, what: str, tries: int) -> int:
    if branch == "notfound":
        return 404
    if branch == "error" or (branch == "partial" and what == "person"):
        return 501
    if branch == "ratelimited" and what == "person" and tries == 1:
        return 429
    return 200


def _body(what: str, request: Request, branch: str | None, now: datetime) -> dict[str, Json]:
    params, today = request.params, now.date()
    domain = _company_domain(params.get("domain") or params["email"].rpartition("@")[2])
    if what == "company":
        return fiction.company(domain, today)
    if what == "people":
        return fiction.people(domain)
    if what == "signals":
        return fiction.signals(domain, today)
    if branch == "ambiguous":
        return fiction.candidates(domain)
    if email := params.get("email"):
        return fiction.person(email, domain)
    return fiction.named_person(params["name"], domain)


def _company_domain(host: str) -> str:
    return registrable(host) or host


# --- the adapter's side --------------------------------------------------------------------


def _person_facts(answer: Answer) -> tuple[Fact, ...]:
    read = answer.read(_PersonAnswer)
    if read.candidates:
        named = [candidate for candidate in read.candidates if candidate.full_name]
        return _stated({"person.candidates": _dumped(named)}, answer, read.url)
    person = read.person
    values: dict[str, Json] = {
        **person.model_dump(exclude={"email", "phones"}),
        "email": person.email.model_dump() if person.email.address else None,
        "phones": _dumped([phone for phone in person.phones if phone.number]),
    }
    facts = _stated({f"person.{name}": value for name, value in values.items()}, answer, read.url)
    verified = person.email.status == "verified"
    return tuple(replace(f, verified=verified and f.field == "person.email") for f in facts)


def _company_facts(answer: Answer) -> tuple[Fact, ...]:
    read = answer.read(_CompanyAnswer)
    values = {f"company.{name}": value for name, value in read.company.model_dump().items()}
    return _stated(values, answer, read.url)


def _people_facts(answer: Answer) -> tuple[Fact, ...]:
    read = answer.read(_PeopleAnswer)
    named = [person for person in read.people if person.full_name]
    return _stated({"decision_makers": _dumped(named)}, answer, read.url)


def _signals_facts(answer: Answer) -> tuple[Fact, ...]:
    read = answer.read(_SignalsAnswer)
    told = [signal for signal in read.signals if signal.kind and signal.headline]
    return _stated({"signals": _dumped(told)}, answer, read.url)


_READERS: dict[str, Callable[[Answer], tuple[Fact, ...]]] = {
    "person": _person_facts,
    "company": _company_facts,
    "people": _people_facts,
    "signals": _signals_facts,
}


def _dumped(records: Sequence[BaseModel]) -> list[Json]:
    return [record.model_dump() for record in records]


def _stated(values: dict[str, Json], answer: Answer, url: str | None) -> tuple[Fact, ...]:
    facts = stated(values, source="sandbox", seen_at=answer.at, confidence=_CONFIDENCE)
    return tuple(replace(fact, source_url=url or fiction.HOME) for fact in facts)
