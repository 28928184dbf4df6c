"""Providers that hang, trickle, reset, lie about a length, send 100 MB, or have no address."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import httpx
import psutil
import pytest

from tests.fakes.vendors import Vendors
from tests.faults.harm import WAYS, Rogue, ended, people
from tests.journeys.stack import (
    Stack,
    installed,
    json_of,
    outcomes,
    vendors_served,
)

DEADLINE_S = 9
MORE_AT_MOST = 60_000_000  # bytes of memory: 100 MB are never held

HELD_UP = frozenset({"hang", "trickle"})
"""These keep the next provider waiting until the deadline; the others fail at once."""


@dataclass
class House:
    """One installation whose first provider is a rogue and whose second is not."""

    stack: Stack
    vendors: Vendors
    client: httpx.Client
    rogue: Rogue


@pytest.fixture
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    vendors, rogue = Vendors(), Rogue()
    with ExitStack() as opened:
        opened.callback(rogue.close)
        settings = opened.enter_context(vendors_served(vendors))
        settings |= {"PDL_API_URL": rogue.url, "DATALEGION_API_URL": "http://nowhere.invalid"}
        options = {"WARMCALL_PROVIDERS": "datalegion,peopledatalabs,hunter"}
        folder = tmp_path_factory.mktemp("house")
        stack = opened.enter_context(installed(folder, **settings, **options))
        key = stack.key("--quota", "unlimited")
        stack.start_web()
        stack.start_worker()
        client = opened.enter_context(stack.client(key))
        yield House(stack, vendors, client, rogue)


def test_a_rogue_provider_costs_nobody_elses_answer_and_no_memory(house: House) -> None:
    worker = psutil.Process(house.stack.processes[1].pid)
    before = worker.memory_info().rss
    emails = people(house.vendors, list(WAYS))
    needed_by = (datetime.now(UTC) + timedelta(seconds=DEADLINE_S)).isoformat()
    jobs = [
        json_of(
            house.client.post(
                "/v1/enrich", json={"email": one, "fields": ["person"], "needed_by": needed_by}
            )
        )["job_id"]
        for one in emails
    ]
    told = dict(zip(WAYS, ended(house.client, jobs), strict=True))
    assert worker.memory_info().rss - before < MORE_AT_MOST
    for way, job in told.items():
        assert {one for _, one in outcomes(job, "peopledatalabs")} <= {"provider_error", "skipped"}
        if way not in HELD_UP:
            assert job["card"]["person"]["full_name"] == f"{way.title()} Doe", way
    assert {outcome for job in told.values() for _, outcome in outcomes(job, "hunter")} <= {
        "matched",
        "skipped",
    }
    assert "Traceback" not in house.stack.log("worker")
