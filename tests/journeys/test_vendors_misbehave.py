"""Each documented oddity of the three vendors, through the whole service: REST in, ledger out."""

import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest

from tests.fakes.market import Market, Person, sample
from tests.fakes.vendor import Switches, Vendor
from tests.fakes.vendors import Vendors
from tests.journeys.conftest import Service
from tests.journeys.stack import Job, ask, json_of, outcomes

NAME = ["person.full_name"]


@pytest.fixture
def vendors(service: Service) -> Iterator[Vendors]:
    """Give the vendors as they are on a good day, and leave them so."""
    restored(service)
    yield service.vendors
    restored(service)


def restored(service: Service) -> None:
    for vendor in service.vendors.by_name().values():
        vendor.switches, vendor.market = Switches(), sample()
        vendor.calls.clear()
    with sqlite3.connect(service.stack.folder / "warmcall.db", timeout=30) as db:
        db.execute("DELETE FROM provider_health")


def known_to(*vendors: Vendor, email: str, **details: Any) -> str:
    """Make somebody known to these vendors alone; return the address."""
    local, _, domain = email.partition("@")
    full_name = local.replace(".", " ").title()
    for vendor in vendors:
        vendor.market.people.append(Person(email, full_name, domain, **details))
    return email


def soon(seconds: float) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()


def statuses(vendor: Vendor, path: str | None = None) -> list[int]:
    return [call.status for call in vendor.calls if path in {None, call.path}]


def seen(service: Service, name: str) -> Job:
    """Return how operators see a provider."""
    told = json_of(service.client.get("/v1/providers"))["providers"]
    return next(one for one in told if one["name"] == name)


def detail(job: Job, provider: str) -> str:
    return next(str(one["detail"]) for one in job["attempts"] if one["provider"] == provider)


# --- Hunter --------------------------------------------------------------------------------


def test_hunter_that_is_asked_too_fast_is_asked_again(service: Service, vendors: Vendors) -> None:
    email = known_to(vendors.hunter, email="anna.brook@example.com")
    vendors.hunter.switches.set(throttled=1)
    job = ask(service.client, email=email, fields=NAME)
    assert statuses(vendors.hunter) == [403, 200]
    assert outcomes(job) == [("peopledatalabs", "not_found"), ("hunter", "matched")]
    assert job["card"]["person"]["full_name"] == "Anna Brook"
    assert seen(service, "hunter")["state"] == "closed"


def test_hunter_without_credits_is_left_out_and_others_answer(
    service: Service, vendors: Vendors
) -> None:
    emails = [
        known_to(vendors.datalegion, email=f"{name}@example.com")
        for name in ("bela.stone", "cleo.stone")
    ]
    vendors.hunter.switches.set(credits=0)
    first, second = [ask(service.client, email=email, fields=NAME) for email in emails]
    assert statuses(vendors.hunter) == [429]
    assert outcomes(first, "hunter") == [("hunter", "out_of_credits")]
    assert outcomes(second, "hunter") == [("hunter", "skipped")]
    assert {job["card"]["person"]["full_name"] for job in (first, second)} == {
        "Bela Stone",
        "Cleo Stone",
    }
    hunter = seen(service, "hunter")
    assert hunter["state"] == "disabled"
    assert datetime.fromisoformat(hunter["until"]) > datetime.now(UTC)


def test_who_objected_at_hunter_is_not_shown_and_never_asked_about_again(
    service: Service, vendors: Vendors
) -> None:
    email = known_to(vendors.hunter, vendors.datalegion, email="dora.field@example.com")
    vendors.hunter.switches.set(suppressed=(email,))
    job = ask(service.client, email=email, fields=["person"])
    assert job["status"] == "suppressed"
    assert outcomes(job) == [("peopledatalabs", "not_found"), ("hunter", "suppressed")]
    assert (job["card"], job["facts"]) == ({}, [])
    assert vendors.datalegion.calls == []
    asked = len(vendors.calls())
    again = ask(service.client, email=email, refresh=True)
    assert (again["status"], again["attempts"]) == ("suppressed", [])
    assert len(vendors.calls()) == asked
    assert email not in orjson.dumps(again).decode()


@pytest.mark.parametrize(("switch", "status"), [("unfinished", 202), ("verdictless", 222)])
def test_a_verdict_that_is_not_ready_is_asked_for_again_and_paid_once(
    service: Service, vendors: Vendors, switch: str, status: int
) -> None:
    vendors.hunter.switches.set(**{switch: 1})
    before = seen(service, "hunter")["credits_today"]
    job = ask(service.client, email=f"nobody.{switch}@example.com", fields=["person.email"])
    assert statuses(vendors.hunter, "/email-verifier") == [status, 200]
    assert outcomes(job, "hunter") == [("hunter", "not_found"), ("hunter", "matched")]
    assert job["card"]["person"]["email"]["status"] == "invalid"
    assert job["status"] == "not_found"  # that a mailbox does not exist finds nobody
    assert seen(service, "hunter")["credits_today"] == before + 1


# --- People Data Labs ----------------------------------------------------------------------


def test_what_a_free_plan_locks_is_no_fact_and_others_fill_it_in(
    service: Service, vendors: Vendors
) -> None:
    email = known_to(vendors.pdl, vendors.hunter, email="emil.marsh@example.com")
    vendors.pdl.switches.set(free_plan=True)
    job = ask(service.client, email=email, fields=["person"])
    told = {(one["field"], one["source"]) for one in job["facts"] if one["shown"]}
    assert ("person.title", "peopledatalabs") in told
    assert {source for field, source in told if field == "person.phones"} == {"hunter"}
    assert not [one for one in job["facts"] if isinstance(one["value"], bool)]
    assert job["card"]["person"]["phones"] == [{"number": "+12025550142", "type": "unknown"}]


def test_a_pause_that_the_headers_ask_for_is_kept_and_others_answer(
    service: Service, vendors: Vendors
) -> None:
    emails = [
        known_to(vendors.pdl, vendors.hunter, email=f"{name}@example.com")
        for name in ("fay.croft", "gus.croft")
    ]
    vendors.pdl.switches.set(throttled=1, wait_s=30)
    jobs = [ask(service.client, email=email, fields=NAME, needed_by=soon(10)) for email in emails]
    assert statuses(vendors.pdl) == [429]
    for job in jobs:
        assert outcomes(job) == [("peopledatalabs", "rate_limited"), ("hunter", "matched")]
    assert "pause" in detail(jobs[1], "peopledatalabs")


def test_a_vendor_that_wants_money_is_left_out_until_it_may_have_some(
    service: Service, vendors: Vendors
) -> None:
    email = known_to(vendors.pdl, vendors.hunter, email="hal.reed@example.com")
    vendors.pdl.switches.set(credits=0)
    job = ask(service.client, email=email, fields=NAME)
    assert statuses(vendors.pdl) == [402]
    assert outcomes(job) == [("peopledatalabs", "out_of_credits"), ("hunter", "matched")]
    assert seen(service, "peopledatalabs")["state"] == "disabled"


# --- Data Legion ---------------------------------------------------------------------------


def test_what_the_headers_say_was_charged_is_what_the_ledger_says(
    service: Service, vendors: Vendors
) -> None:
    vendors.pdl.market = vendors.hunter.market = Market()
    for name in ("ida.moor", "jon.moor", "kai.moor"):
        known_to(vendors.datalegion, email=f"{name}@example.net")
    before = seen(service, "datalegion")["credits_today"]
    job = ask(service.client, domain="example.net", fields=["decision_makers"])
    assert {one["full_name"] for one in job["card"]["decision_makers"]} == {
        "Ida Moor",
        "Jon Moor",
        "Kai Moor",
    }
    [paid] = [one["credits"] for one in job["attempts"] if one["provider"] == "datalegion"]
    assert paid == 3  # one for each person that was found
    assert job["credits_spent"] == 3
    assert seen(service, "datalegion")["credits_today"] == before + 3


# --- all of them ---------------------------------------------------------------------------


def test_an_answer_that_breaks_off_is_an_error_of_the_vendor_and_others_answer(
    service: Service, vendors: Vendors
) -> None:
    email = known_to(vendors.pdl, vendors.hunter, email="lea.pike@example.com")
    vendors.pdl.switches.set(malformed=-1)
    job = ask(service.client, email=email, fields=NAME)
    assert outcomes(job) == [("peopledatalabs", "provider_error"), ("hunter", "matched")]
    assert detail(job, "peopledatalabs") == "status 200 with a body that is not JSON"
    assert statuses(vendors.pdl) == [200]


def test_a_vendor_that_stumbles_is_asked_again(service: Service, vendors: Vendors) -> None:
    email = known_to(vendors.pdl, email="max.holt@example.com")
    vendors.pdl.switches.set(failing=1)
    job = ask(service.client, email=email, fields=NAME)
    assert statuses(vendors.pdl) == [503, 200]
    assert outcomes(job) == [("peopledatalabs", "matched")]


def test_a_vendor_that_is_down_is_left_alone_and_costs_no_card(
    service: Service, vendors: Vendors
) -> None:
    names = ("nia.wold", "ola.wold", "pia.wold", "rex.wold")
    emails = [known_to(vendors.pdl, vendors.hunter, email=f"{one}@example.com") for one in names]
    vendors.pdl.switches.set(failing=-1)

    def wanted(email: str) -> Job:
        return ask(service.client, email=email, fields=NAME, needed_by=soon(4))

    with ThreadPoolExecutor(3) as pool:
        jobs = list(pool.map(wanted, emails[:3]))
    assert seen(service, "peopledatalabs")["state"] == "open"
    tried = len(vendors.pdl.calls)
    jobs.append(wanted(emails[3]))
    assert len(vendors.pdl.calls) == tried
    assert outcomes(jobs[3], "peopledatalabs") == [("peopledatalabs", "skipped")]
    assert detail(jobs[3], "peopledatalabs") == "breaker open"
    assert all(outcomes(job, "hunter") == [("hunter", "matched")] for job in jobs)


def test_at_the_deadline_the_card_is_what_is_known(service: Service, vendors: Vendors) -> None:
    email = known_to(vendors.pdl, email="sol.gray@example.com", title="Head of Gauges")
    ask(service.client, domain="example.com", fields=["company"])
    vendors.pdl.switches.set(slow_s=4)
    job = ask(service.client, email=email, fields=["person", "company"], needed_by=soon(1.5))
    assert (job["status"], job["sections"]["person"]) == ("partial", "provider_error")
    assert job["card"]["company"]["name"] == "Quint Tools"
    assert "title" not in job["card"].get("person", {})


def test_somebody_nobody_knows_is_asked_about_once_and_costs_nothing(
    service: Service, vendors: Vendors
) -> None:
    vendors.pdl.market = vendors.hunter.market = vendors.datalegion.market = Market()
    used = json_of(service.client.get("/v1/usage"))["used"]
    body = {"email": "tom.nemo@example.com", "fields": ["person.full_name", "person.title"]}
    job = ask(service.client, **body)
    everybody = [(name, "not_found") for name in ("peopledatalabs", "hunter", "datalegion")]
    assert (job["status"], outcomes(job)) == ("not_found", everybody)
    assert (job["credits_spent"], job["needs_manual_enrichment"]) == (0, True)
    again = ask(service.client, **body)
    assert (again["status"], again["served_from"]) == ("not_found", "fresh_cache")
    assert len(vendors.calls()) == 3
    assert json_of(service.client.get("/v1/usage"))["used"] == used


# --- what the logs say ---------------------------------------------------------------------


def test_the_logs_tell_every_job_and_no_key_and_nobody(service: Service, vendors: Vendors) -> None:
    email = known_to(vendors.pdl, email="uma.lake@example.com")
    job = ask(service.client, email=email)
    sandboxed = ask(service.client, email="sarah.chen@acme.example")
    secret = json_of(service.client.get("/v1/callback-secret"))["callback_secret"]
    keys = [vendor.key for vendor in vendors.by_name().values()]
    text = {name: service.stack.log(name) for name in ("web", "worker")}
    for log in text.values():
        assert not [key for key in (*service.keys, *keys, secret) if key in log]
        for line in map(orjson.loads, log.splitlines()):
            told = " ".join(map(str, line.values()))
            if line["levelname"] != "DEBUG":
                assert "@" not in told
                assert "uma" not in told.casefold()
                assert "sarah" not in told.casefold()
    assert '"levelname": "DEBUG"' in text["worker"]
    lines = map(orjson.loads, text["worker"].splitlines())
    [ran] = [line for line in lines if line.get("job_id") == job["job_id"]]
    assert (ran["message"], ran["outcome"]) == ("job ran", "complete")
    assert f'"job_id": "{sandboxed["job_id"]}"' in text["web"]
