"""A stopped worker ends cleanly, a killed one is replaced: no answer is paid for twice."""

import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import httpx
import orjson
import pytest

from tests.fakes.market import Person
from tests.fakes.vendors import Vendors
from tests.journeys.stack import Stack, installed, json_of, outcomes, vendors_served, wait_until

JOBS = 12


@dataclass(frozen=True)
class Shop:
    """A service of its own: two slots, and a lease that runs out soon."""

    stack: Stack
    vendors: Vendors
    client: httpx.Client


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    vendors = Vendors()
    options = {
        "WARMCALL_PROVIDERS": "peopledatalabs,hunter",
        "WARMCALL_SLOTS": "2",
        "WARMCALL_LEASE": "2s",
    }
    folder = tmp_path_factory.mktemp("shop")
    with vendors_served(vendors) as settings, installed(folder, **settings, **options) as stack:
        stack.start_web()
        [key] = stack.keys(1)
        with stack.client(key) as client:
            yield Shop(stack, vendors, client)


def asked_for(shop: Shop, email: str, *fields: str) -> str:
    """Start a job; return its path."""
    answer = shop.client.post("/v1/enrich", json={"email": email, "fields": fields})
    assert answer.status_code == 202, answer.text
    return f"/v1/jobs/{answer.json()['job_id']}"


def status(shop: Shop, path: str) -> str:
    return str(json_of(shop.client.get(path))["status"])


def test_a_stopped_worker_ends_what_runs_and_leaves_the_rest_to_the_next(shop: Shop) -> None:
    emails = [f"stop{number}@example.com" for number in range(JOBS)]
    shop.vendors.market.people += [Person(one, "Ann Stop", "example.com") for one in emails]
    shop.vendors.pdl.switches.set(slow_s=0.3)
    jobs = [asked_for(shop, email, "person.full_name") for email in emails]
    worker = shop.stack.start_worker()
    wait_until(lambda: len(shop.vendors.pdl.answered()) >= 2, "the first answers")
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(25) == 0
    left = {path: status(shop, path) for path in jobs}
    assert set(left.values()) == {"complete", "queued"}
    shop.vendors.pdl.switches.set(slow_s=0.0)
    following = shop.stack.start_worker()
    wait_until(lambda: all(status(shop, path) == "complete" for path in jobs), "all jobs to end")
    assert set(shop.vendors.pdl.asked().values()) == {1}
    assert sum(shop.vendors.pdl.asked().values()) == JOBS
    following.send_signal(signal.SIGTERM)
    assert following.wait(25) == 0


def test_the_job_of_a_killed_worker_goes_on_where_it_was(shop: Shop) -> None:
    email = "kit.orphan@example.com"
    shop.vendors.market.people.append(Person(email, "Kit Orphan", "example.com"))
    shop.vendors.pdl.switches.set(free_plan=True)  # the number is locked: Hunter is asked for it
    shop.vendors.hunter.switches.set(slow_s=3.0)
    worker = shop.stack.start_worker()
    path = asked_for(shop, email, "person.full_name", "person.phones")
    wait_until(lambda: bool(shop.vendors.hunter.calls), "the second vendor to be asked")
    worker.send_signal(signal.SIGKILL)
    worker.wait()
    shop.vendors.hunter.switches.set(slow_s=0.0)
    following = shop.stack.start_worker()
    job = json_of(shop.client.get(path, headers={"Prefer": "wait=30"}))
    assert job["status"] == "complete"
    assert job["card"]["person"]["phones"]
    assert shop.vendors.pdl.asked()[email] == 1
    assert shop.vendors.hunter.asked()[email] == 2  # the first one was in flight at the kill
    assert outcomes(job) == [
        ("peopledatalabs", "matched"),
        ("hunter", "provider_error"),
        ("hunter", "matched"),
    ]
    assert [one["detail"] for one in job["attempts"] if "interrupted" in one["detail"]]
    assert "job queued again: its worker died" in shop.stack.log("worker")
    following.send_signal(signal.SIGTERM)
    assert following.wait(25) == 0


def test_a_brief_goes_on_by_itself_when_the_worker_it_relied_on_dies(shop: Shop) -> None:
    email = "ola.widow@example.com"
    shop.vendors.market.people.append(Person(email, "Ola Widow", "example.com"))
    shop.vendors.pdl.switches.set(slow_s=1.0)
    worker = shop.stack.start_worker()
    with ThreadPoolExecutor(1) as pool:
        brief = pool.submit(shop.stack.run, "brief", email, "--format", "json")
        wait_until(lambda: bool(shop.vendors.pdl.asked()[email]), "the worker to ask")
        worker.send_signal(signal.SIGKILL)
        worker.wait()
        told = brief.result()
    assert (told.returncode, orjson.loads(told.stdout)["status"]) == (0, "complete")
