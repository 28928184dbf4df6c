"""The sandbox: every branch an integrator can try."""

from datetime import UTC, datetime, timedelta

import orjson
import pytest

from app.facts import Fact
from app.prospect import Identifiers, identify
from app.provider import Answer, Capability, Finding, Outcome
from app.providers.sandbox import SLOW_S, Sandbox

NOW = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
SANDBOX = Sandbox()
NAMES = ["person", "company", "people", "signals"]


def capability(name: str) -> Capability:
    return {one.name: one for one in SANDBOX.capabilities}[name]


def asked(name: str, known: Identifiers, tries: int = 1) -> tuple[Answer, float]:
    query = capability(name).query(known)
    assert query is not None
    [request] = next(SANDBOX.look_up(capability(name), query))
    return SANDBOX.respond(request, tries, NOW)


def found(name: str, known: Identifiers, tries: int = 1) -> Finding:
    """Ask as the engine would, whose judgement ends an exchange early."""
    answer, _ = asked(name, known, tries)
    if outcome := SANDBOX.judge(answer):
        return Finding(outcome, credits=SANDBOX.meter(answer).credits_spent)
    query = capability(name).query(known)
    assert query is not None
    exchange = SANDBOX.look_up(capability(name), query)
    next(exchange)
    with pytest.raises(StopIteration) as done:
        exchange.send([answer])
    finding: Finding = done.value.value
    return finding


def values(facts: tuple[Fact, ...]) -> dict[str, object]:
    return {fact.field: fact.value for fact in facts}


def part(value: object, key: str) -> object:
    assert isinstance(value, dict)
    return value[key]


def outcomes(email: str, tries: int = 1) -> dict[str, str]:
    known = identify(email).known
    return {name: found(name, known, tries).outcome.value for name in NAMES}


def test_sarah_chen_is_vp_of_sales_at_acme() -> None:
    known = identify("sarah.chen@acme.example").known
    person = values(found("person", known).facts)
    assert (person["person.full_name"], person["person.title"]) == ("Sarah Chen", "VP of Sales")
    company = values(found("company", known).facts)
    assert (company["company.name"], company["company.founded_year"]) == ("Acme Corp", 2015)
    assert company["company.employee_count"] == 240
    assert part(company["company.funding"], "stage") == "Series B"
    assert len(found("people", known).facts) == 6
    kinds = [part(fact.value, "kind") for fact in found("signals", known).facts]
    assert kinds == ["hiring", "product", "funding", "leadership"]


@pytest.mark.parametrize(
    ("local", "person", "others"),
    [
        ("anybody", "matched", "matched"),
        ("slow", "matched", "matched"),
        ("stale", "matched", "matched"),
        ("ambiguous", "matched", "matched"),
        ("partial", "provider_error", "matched"),
        ("ratelimited", "rate_limited", "matched"),
        ("notfound", "not_found", "not_found"),
        ("error", "provider_error", "provider_error"),
        ("Error+again", "provider_error", "provider_error"),
    ],
)
def test_a_magic_address_chooses_its_outcome(local: str, person: str, others: str) -> None:
    assert outcomes(f"{local}@blue-harbor.example") == {
        "person": person,
        **dict.fromkeys(NAMES[1:], others),
    }


def test_a_refused_call_says_when_to_come_back_and_is_answered_then() -> None:
    known = identify("ratelimited@acme.example").known
    answer, _ = asked("person", known)
    assert SANDBOX.meter(answer).retry_at == NOW + timedelta(seconds=1)
    assert found("person", known, tries=2).outcome is Outcome.matched


def test_only_the_slow_person_takes_its_time() -> None:
    known = identify("slow@acme.example").known
    assert {name: asked(name, known)[1] for name in NAMES} == {
        **dict.fromkeys(NAMES, 0.0),
        "person": SLOW_S,
    }


def test_candidates_are_told_and_nobody_is_named() -> None:
    facts = found("person", identify("ambiguous@acme.example").known).facts
    assert [fact.field for fact in facts] == ["person.candidates"] * 3


def test_a_match_costs_a_credit_and_a_miss_none() -> None:
    assert found("person", identify("sarah@acme.example").known).credits == 1
    for local in ("notfound", "error", "ratelimited"):
        assert found("person", identify(f"{local}@acme.example").known).credits == 0


def test_stale_facts_are_three_days_old_and_there_before_anybody_asks() -> None:
    prospect = identify("stale@acme.example")
    primed = SANDBOX.primed(prospect, NOW)
    assert {fact.seen_at for fact in primed} == {NOW - timedelta(days=3)}
    assert {fact.field.partition(".")[0] for fact in primed} == {
        *("person", "company", "decision_makers", "signals")
    }
    assert SANDBOX.primed(identify("sarah@acme.example"), NOW) == []
    assert SANDBOX.primed(identify("stale@acme.com"), NOW) == []


@pytest.mark.parametrize(
    ("email", "full_name"),
    [
        ("marcus.webb@acme.example", "Marcus Webb"),
        ("s.chen@acme.example", "Sarah Chen"),
        ("ana.sol@acme.example", "Ana Sol"),
    ],
)
def test_an_address_that_shows_a_name_gives_that_person(email: str, full_name: str) -> None:
    facts = values(found("person", identify(email).known).facts)
    assert facts["person.full_name"] == full_name
    assert facts["person.email"] == {"address": email, "status": "verified"}


def test_every_other_address_gives_a_card_that_stays_the_same() -> None:
    for email in ("x7f3q@globex.example", "j\u00f6rg@blue-harbor.example", "a@mail.ebb.example"):
        known = identify(email).known
        first = {name: found(name, known) for name in NAMES}
        assert first == {name: found(name, known) for name in NAMES}
        assert all(finding.facts for finding in first.values())
    company = values(found("company", identify("x@mail.blue-harbor.example").known).facts)
    assert company["company.name"] == "Blue Harbor"
    assert company["company.domain"] == "blue-harbor.example"


def test_a_person_is_found_by_name_and_domain() -> None:
    known = identify("Jos\u00e9 O'Neil, acme.example").known
    facts = values(found("person", known).facts)
    assert facts["person.full_name"] == "Jos\u00e9 O'Neil"
    assert facts["person.email"] == {"address": "jose.oneil@acme.example", "status": "verified"}


def test_everything_made_up_says_so_and_stays_in_reserved_space() -> None:
    known = identify("x7f3q@globex.example").known
    for finding in (found(name, known) for name in NAMES):
        for fact in finding.facts:
            assert fact.source == "sandbox"
            assert (fact.source_url or "").startswith("https://sandbox.warmcall.example/")
            text = orjson.dumps(fact.value).decode()
            assert all(".example" in part.split("/")[0] for part in text.split("https://")[1:])
            assert "+1" not in text or "+120255501" in text
