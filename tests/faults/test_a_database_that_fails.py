"""The database is locked by somebody else, or its disk is full: told, waited for, nothing lost."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass

import httpx
import pytest

from tests.fakes.serving import serve
from tests.fakes.vendors import Vendors
from tests.faults.harm import (
    accepted,
    delivered,
    ended,
    full_disk,
    locked,
    nothing_paid_twice,
    order,
    people,
)
from tests.journeys.stack import LOCAL, Receiver, Stack, installed, vendors_served, wait_until

LONGER_THAN_A_LEASE_S = 3.0


@dataclass
class House:
    """One installation with a web and a worker process."""

    stack: Stack
    vendors: Vendors
    receiver: Receiver
    callback: str
    client: httpx.Client

    def order(self, email: str) -> httpx.Response:
        return order(self.client, email, f"{self.callback}/done")

    def all_is_well(self, jobs: list[str]) -> None:
        assert {one["status"] for one in ended(self.client, jobs)} == {"complete"}
        delivered(self.receiver, jobs)
        nothing_paid_twice(self.stack.folder, self.vendors)
        assert set(self.vendors.pdl.asked().values()) == {1}
        assert "Traceback" not in self.stack.log("web") + self.stack.log("worker")


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    vendors, receiver = Vendors(), Receiver()
    vendors.pdl.switches.set(credits=None)
    with ExitStack() as opened:
        settings = opened.enter_context(vendors_served(vendors))
        callback = opened.enter_context(serve(receiver.app()))
        options = {
            "WARMCALL_PROVIDERS": "peopledatalabs",
            "WARMCALL_LEASE": "2s",
            "WARMCALL_CALLBACK_ALLOW": LOCAL,
        }
        folder = tmp_path_factory.mktemp("house")
        stack = opened.enter_context(installed(folder, **settings, **options))
        key = stack.key("--quota", "unlimited")
        stack.start_web()
        stack.start_worker()
        client = opened.enter_context(stack.client(key))
        yield House(stack, vendors, receiver, callback, client)


def asked_everybody(house: House, emails: list[str]) -> bool:
    return set(emails) <= set(house.vendors.pdl.asked())


def test_a_lock_that_outlasts_a_lease_is_waited_for(house: House) -> None:
    house.vendors.pdl.switches.set(slow_s=0.8)
    before = people(house.vendors, [f"early{number}" for number in range(5)])
    during = people(house.vendors, [f"late{number}" for number in range(5)])
    jobs = [accepted(house.order(one)) for one in before]
    wait_until(lambda: asked_everybody(house, before), "the provider to be asked")
    with ThreadPoolExecutor(5) as pool:
        with locked(house.stack):
            asking = [pool.submit(house.order, one) for one in during]
            threading.Event().wait(LONGER_THAN_A_LEASE_S)
        jobs += [accepted(one.result()) for one in asking]
    house.all_is_well(jobs)


def test_a_full_disk_refuses_what_is_new_and_keeps_what_was_accepted(house: House) -> None:
    house.vendors.pdl.switches.set(slow_s=0.8)
    before = people(house.vendors, [f"kept{number}" for number in range(5)])
    after = people(house.vendors, [f"next{number}" for number in range(5)])
    jobs = [accepted(house.order(one)) for one in before]
    wait_until(lambda: asked_everybody(house, before), "the provider to be asked")
    with full_disk(*house.stack.processes):
        refused = [house.order(one) for one in after]
        threading.Event().wait(LONGER_THAN_A_LEASE_S)
        shown = house.client.get(f"/v1/jobs/{jobs[0]}")
    assert {one.status_code for one in refused} == {503}
    assert {one.headers["content-type"] for one in refused} == {"application/problem+json"}
    assert {one.json()["code"] for one in refused} == {"not_ready"}
    assert all(int(one.headers["retry-after"]) > 0 for one in refused)
    assert shown.status_code == 200
    jobs += [accepted(house.order(one)) for one in after]
    house.all_is_well(jobs)
