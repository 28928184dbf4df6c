"""The stand-ins for the paid vendors answer as documented, and the adapters read them over HTTP."""

import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.prospect import Identifiers
from app.provider import Answer, Capability, Finding, Meter, Outcome, Provider, Unreadable
from app.providers.datalegion import DataLegion
from app.providers.hunter import Hunter
from app.providers.peopledatalabs import PeopleDataLabs
from tests.fakes.market import Person, sample
from tests.fakes.serving import serve
from tests.fakes.vendor import Switches, Vendor
from tests.fakes.vendors import PREFIXES, Vendors

NAMES = list(PREFIXES)
MIRA = Identifiers(email="mira.quint@example.com")
QUINT = Identifiers(domain="example.com")
every_vendor = pytest.mark.parametrize("name", NAMES)


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[Vendors, httpx.Client]]:
    vendors = Vendors()
    with serve(vendors.app()) as base_url, httpx.Client(base_url=base_url, verify=False) as client:
        yield vendors, client


@pytest.fixture
def vendors(served: tuple[Vendors, httpx.Client]) -> Vendors:
    vendors, _ = served
    fresh = sample()
    vendors.market.people[:], vendors.market.companies[:] = fresh.people, fresh.companies
    for vendor in vendors.by_name().values():
        vendor.calls.clear()
        vendor.switches = Switches()
    return vendors


@pytest.fixture
def client(served: tuple[Vendors, httpx.Client]) -> httpx.Client:
    return served[1]


def provider(name: str, client: httpx.Client, vendor: Vendor, **changed: str) -> Provider:
    kind: Any = {"peopledatalabs": PeopleDataLabs, "hunter": Hunter, "datalegion": DataLegion}[name]
    base_url = f"{str(client.base_url).rstrip('/')}{PREFIXES[name]}"
    built: Provider = kind(**{"key": vendor.key, "base_url": base_url, **changed})
    return built


def capability(provider: Provider, name: str) -> Capability:
    return next(one for one in provider.capabilities if one.name == name)


def ask(
    provider: Provider, client: httpx.Client, what: str, query: Identifiers, timeout_s: float = 15
) -> tuple[Finding, Meter]:
    """Send what the provider wants, as plainly as possible, and return how it ends."""
    exchange = provider.look_up(capability(provider, what), query)
    [request] = next(exchange)
    response = client.request(
        request.method,
        request.url,
        params=dict(request.params) or None,
        headers=dict(request.headers),
        json=request.json,
        timeout=timeout_s,
    )
    headers = {name.lower(): value for name, value in response.headers.items()}
    at = datetime.now(UTC)
    answer = Answer(response.status_code, headers, response.content, str(response.url), at)
    meter, outcome = provider.meter(answer), provider.judge(answer)
    if outcome is not None:
        return Finding(outcome, credits=meter.credits_spent, retry_at=meter.retry_at), meter
    with pytest.raises(StopIteration) as stopped:
        exchange.send([answer])
    finding: Finding = stopped.value.value
    return finding, meter


def values(finding: Finding) -> dict[str, Any]:
    return {fact.field: fact.value for fact in finding.facts}


@pytest.fixture
def asking(vendors: Vendors, client: httpx.Client) -> Any:
    def asked(name: str, what: str, query: Identifiers, **changed: str) -> tuple[Finding, Meter]:
        vendor = vendors.by_name()[name]
        return ask(provider(name, client, vendor, **changed), client, what, query)

    return asked


# --- found and not found -----------------------------------------------------------------------


@every_vendor
def test_a_person_is_found_by_each_documented_identifier(
    name: str, vendors: Vendors, asking: Any
) -> None:
    slug = vendors.market.people[0].profile
    queries = [MIRA, Identifiers(linkedin=f"in/{slug}")]
    if name != "hunter":  # which has no name search in its enrichment
        queries.append(Identifiers(name="Mira O'Quint", company="Quint Tools"))
    for query in queries:
        finding, _ = asking(name, "person", query)
        found = values(finding)
        assert finding.outcome is Outcome.matched
        assert (found["person.full_name"], found["person.title"]) == ("Mira O'Quint", "VP of Sales")
        assert found["company.domain"] == "example.com"
        assert found["person.phones"]["number"] == "+12025550142"
        assert found["person.linkedin_url"] == f"https://www.linkedin.com/in/{slug}"
    assert vendors.by_name()[name].asked()["mira.quint@example.com"] == 1


@every_vendor
def test_a_company_and_its_people_are_found_by_domain(name: str, asking: Any) -> None:
    company, _ = asking(name, "company", QUINT)
    assert values(company)["company.name"] == "Quint Tools"
    assert values(company)["company.employee_count"] == 143
    people, _ = asking(name, "people", QUINT)
    makers = [fact.value for fact in people.facts if fact.field == "decision_makers"]
    assert [maker["full_name"] for maker in makers] == ["Mira O'Quint", "Tomas Ferro"]
    assert [maker["seniority"] for maker in makers] == ["vp", "c_suite"]
    assert makers[0]["email"] == "mira.quint@example.com"


@every_vendor
def test_nobody_and_nothing_known_is_a_miss_that_costs_nothing(
    name: str, vendors: Vendors, asking: Any
) -> None:
    nobody, nowhere = Identifiers(email="nobody@example.net"), Identifiers(domain="example.net")
    for what, query in (("person", nobody), ("company", nowhere), ("people", nowhere)):
        finding, _ = asking(name, what, query)
        assert finding.outcome is Outcome.not_found
        assert finding.facts == ()
    assert vendors.by_name()[name].switches.credits == 1000
    assert vendors.by_name()[name].answered().total() == 3


def test_hunter_finds_and_verifies_an_address(asking: Any) -> None:
    found, _ = asking("hunter", "find_email", Identifiers(name="Otto Lind", domain="example.org"))
    assert values(found)["person.email"] == {
        "address": "otto.lind@example.org",
        "status": "accept_all",
    }
    nobody, _ = asking("hunter", "find_email", Identifiers(name="No One", domain="example.org"))
    assert nobody.outcome is Outcome.not_found
    verified, _ = asking("hunter", "verify_email", MIRA)
    assert [fact.verified for fact in verified.facts] == [True]
    dead, _ = asking("hunter", "verify_email", Identifiers(email="nobody@example.com"))
    assert values(dead)["person.email"]["status"] == "invalid"


# --- refusals ----------------------------------------------------------------------------------


@every_vendor
def test_a_wrong_key_is_refused_and_never_looked_up(
    name: str, vendors: Vendors, asking: Any
) -> None:
    finding, _ = asking(name, "person", MIRA, key="wrong")
    assert finding.outcome is Outcome.auth_failed
    assert vendors.by_name()[name].answered().total() == 0


@every_vendor
def test_too_fast_is_rate_limited_in_each_vendors_way(
    name: str, vendors: Vendors, asking: Any
) -> None:
    vendors.by_name()[name].switches.set(throttled=1, wait_s=20)
    refused, meter = asking(name, "person", MIRA)
    assert refused.outcome is Outcome.rate_limited
    if name == "hunter":
        assert meter == Meter()
    else:
        soonest = datetime.now(UTC) + timedelta(seconds=15)
        assert meter.remaining == 0
        assert meter.retry_at is not None
        assert soonest < meter.retry_at < soonest + timedelta(seconds=10)
    again, _ = asking(name, "person", MIRA)
    assert again.outcome is Outcome.matched


@every_vendor
def test_credits_are_counted_and_run_out(name: str, vendors: Vendors, asking: Any) -> None:
    vendors.by_name()[name].switches.set(credits=2)
    first, _ = asking(name, "person", MIRA)
    _, meter = asking(name, "company", QUINT)
    third, _ = asking(name, "person", MIRA)
    assert (first.outcome, third.outcome) == (Outcome.matched, Outcome.out_of_credits)
    if name != "hunter":
        assert (first.credits, meter.credits_spent, meter.credits_left) == (1, 1, 0)


def test_a_search_costs_a_credit_for_each_record(vendors: Vendors, asking: Any) -> None:
    finding, _ = asking("peopledatalabs", "people", QUINT)
    assert finding.credits == 2
    assert vendors.pdl.switches.credits == 998


@every_vendor
def test_a_vendor_in_trouble_is_a_provider_error(name: str, vendors: Vendors, asking: Any) -> None:
    vendors.by_name()[name].switches.set(failing=1)
    finding, _ = asking(name, "person", MIRA)
    assert finding.outcome is Outcome.provider_error


@every_vendor
def test_a_body_that_breaks_off_is_unreadable(name: str, vendors: Vendors, asking: Any) -> None:
    vendors.by_name()[name].switches.set(malformed=1)
    with pytest.raises(Unreadable):
        asking(name, "person", MIRA)


@every_vendor
def test_a_slow_vendor_outlasts_a_caller_and_still_logs_the_call(
    name: str, vendors: Vendors, client: httpx.Client
) -> None:
    vendor = vendors.by_name()[name]
    vendor.switches.set(slow_s=0.6)
    with pytest.raises(httpx.ReadTimeout):
        ask(provider(name, client, vendor), client, "person", MIRA, timeout_s=0.05)
    calls = client.get("/_calls").json()["calls"]
    assert [call["identifier"] for call in calls] == [MIRA.email]


# --- oddities ----------------------------------------------------------------------------------


def test_the_free_plan_of_people_data_labs_gives_booleans(vendors: Vendors, asking: Any) -> None:
    vendors.pdl.switches.set(free_plan=True)
    finding, _ = asking("peopledatalabs", "person", MIRA)
    assert values(finding)["person.title"] == "VP of Sales"
    assert values(finding)["person.location"] == "United States"  # the country is in every plan
    assert not {"person.email", "person.phones"} & set(values(finding))


def test_people_data_labs_leaves_out_what_is_less_likely_than_wanted(
    vendors: Vendors, asking: Any
) -> None:
    vendors.market.people[:] = [
        Person("mira.quint@example.com", "Mira O'Quint", "example.com", likelihood=3)
    ]
    finding, _ = asking("peopledatalabs", "person", MIRA)
    assert finding.outcome is Outcome.not_found


def test_hunter_may_still_be_verifying_and_may_find_no_verdict(
    vendors: Vendors, asking: Any
) -> None:
    vendors.hunter.switches.set(verdictless=1, unfinished=1)
    outcomes = [asking("hunter", "verify_email", MIRA)[0].outcome for _ in range(3)]
    assert outcomes == [Outcome.pending, Outcome.pending, Outcome.matched]
    assert [call.status for call in vendors.hunter.calls] == [222, 202, 200]
    assert vendors.hunter.switches.credits == 999


def test_hunter_keeps_quiet_about_people_who_asked_for_it(vendors: Vendors, asking: Any) -> None:
    vendors.hunter.switches.set(suppressed=("mira.quint@example.com",))
    finding, _ = asking("hunter", "person", MIRA)
    assert finding.outcome is Outcome.suppressed


def test_hunters_own_test_key_is_accepted(asking: Any) -> None:
    finding, _ = asking("hunter", "person", MIRA, key="test-api-key")
    assert finding.outcome is Outcome.matched


def test_data_legion_may_be_unlimited(vendors: Vendors, asking: Any) -> None:
    vendors.datalegion.switches.set(credits=None)
    finding, meter = asking("datalegion", "person", MIRA)
    assert (finding.credits, meter.credits_left) == (1, None)


# --- strictness --------------------------------------------------------------------------------

HEADERS = {"peopledatalabs": "X-Api-Key", "hunter": "X-API-KEY", "datalegion": "API-Key"}


def test_what_the_vendors_do_not_know_they_refuse(vendors: Vendors, client: httpx.Client) -> None:
    def status(name: str, method: str, path: str, given: Any = None) -> int:
        headers = {HEADERS[name]: vendors.by_name()[name].key}
        inside = {"params": given} if method == "GET" else {"json": given}
        response = client.request(method, PREFIXES[name] + path, headers=headers, **inside)
        assert response.json()
        return response.status_code

    mail, domain = {"email": "mira.quint@example.com"}, {"domain": "example.com"}
    cases: list[tuple[str, str, str, Any, int]] = [
        ("peopledatalabs", "GET", "/person/enrich", {}, 400),
        ("peopledatalabs", "GET", "/person/enrich", {"name": "Mira O'Quint"}, 400),
        ("peopledatalabs", "GET", "/person/enrich", {**mail, "mail": "x"}, 400),
        ("peopledatalabs", "DELETE", "/person/enrich", None, 405),
        ("peopledatalabs", "GET", "/person/enrch", mail, 404),
        ("peopledatalabs", "POST", "/person/search", {"query": {}, "sql": "x"}, 400),
        ("peopledatalabs", "POST", "/person/search", {"query": {"bool": {}}}, 400),
        ("peopledatalabs", "POST", "/person/search", ["x"], 400),
        ("hunter", "GET", "/people/find", {}, 400),
        ("hunter", "GET", "/people/find", {**mail, "min_likelihood": "3"}, 400),
        ("hunter", "POST", "/people/find", mail, 405),
        ("hunter", "GET", "/person/find", mail, 404),
        ("hunter", "GET", "/email-finder", {"full_name": "Mira O'Quint"}, 400),
        ("datalegion", "POST", "/person/enrich", {}, 400),
        ("datalegion", "POST", "/person/enrich", {**mail, "profile": "x"}, 400),
        ("datalegion", "GET", "/person/enrich", mail, 405),
        ("datalegion", "POST", "/person/enrich", "text", 400),
        ("datalegion", "POST", "/person/search", {"query": "DROP TABLE people"}, 400),
        ("datalegion", "POST", "/person/search",
         {"query": "SELECT * FROM people WHERE employer = 'x'", "limit": 1}, 400),
        ("datalegion", "POST", "/company/enrich", domain, 200),
    ]  # fmt: skip
    assert [status(*case[:4]) for case in cases] == [case[4] for case in cases]


@every_vendor
def test_every_answer_carries_the_documented_headers(
    name: str, vendors: Vendors, client: httpx.Client
) -> None:
    documented = {
        "peopledatalabs": {"x-ratelimit-reset", "x-call-credits-spent", "x-totallimit-remaining"},
        "hunter": set(),
        "datalegion": {"request-id", "credits-used", "ratelimit-reset", "ratelimit-policy"},
    }[name]
    refused = client.get(f"{PREFIXES[name]}/nowhere")
    assert refused.status_code == 404
    assert documented <= set(refused.headers)
    assert name != "hunter" or not any("limit" in header for header in refused.headers)


# --- many processes ----------------------------------------------------------------------------


def test_switches_and_log_are_reached_over_http(vendors: Vendors, client: httpx.Client) -> None:
    assert client.post("/_set", json={"vendor": "hunter", "credits": 0}).status_code == 200
    assert (vendors.hunter.switches.credits, vendors.pdl.switches.credits) == (0, 1000)
    assert client.post("/_set", json={"speed": 1}).status_code == 400
    seeded = {"people": [{"email": "a@example.net", "full_name": "A B", "domain": "example.net"}]}
    assert client.post("/_set", json=seeded).status_code == 200
    ask(provider("datalegion", client, vendors.datalegion), client, "person", MIRA)
    [call] = client.get("/_calls").json()["calls"]
    assert call == {
        "vendor": "datalegion",
        "path": "/person/enrich",
        "identifier": "mira.quint@example.com",
        "status": 404,
    }
    client.post("/_reset")
    assert client.get("/_calls").json() == {"calls": []}


def test_the_command_tells_how_it_is_used() -> None:
    shown = subprocess.run(
        [sys.executable, "-m", "tests.fakes.vendors", "--help"],
        capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert "--port" in shown.stdout
