"""kill -9 of the worker at random moments, under load: nothing is lost, nothing is paid twice."""

import random
import signal
import sqlite3
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx

from tests.fakes.market import Market, Person, sample
from tests.fakes.serving import serve
from tests.fakes.vendors import Vendors
from tests.journeys.stack import LOCAL, Receiver, installed, vendors_served, wait_until

KILLS = 50
JOBS = 150
FINAL = {"complete", "partial", "not_found", "provider_error"}


def crowd() -> Market:
    """Return a market of fictional people, one for each job."""
    market = sample()
    people = [
        Person(f"worker{number}.example@example.com", f"Worker{number} Example", "example.com")
        for number in range(JOBS)
    ]
    market.people = [*market.people, *people]
    return market


def test_fifty_kills_lose_no_job_and_ask_no_committed_answer_again(tmp_path: Path) -> None:
    vendors = Vendors(crowd())
    vendors.pdl.switches.set(slow_s=0.15, credits=None)
    receiver = Receiver()
    chance = random.Random(7)
    with vendors_served(vendors) as settings, serve(receiver.app()) as callback:
        mine = {name: settings[name] for name in ("PDL_API_URL", "PDL_API_KEY")}
        options = {
            "WARMCALL_PROVIDERS": "peopledatalabs",
            "WARMCALL_LEASE": "2s",
            "WARMCALL_SLOTS": "16",
            "WARMCALL_CALLBACK_ALLOW": LOCAL,
        }
        with installed(tmp_path, **mine, **options) as stack:
            key = stack.key("--quota", "unlimited")
            stack.start_web()
            worker = stack.start("worker")
            with stack.client(key) as client, ThreadPoolExecutor(1) as pool:
                asking = pool.submit(ask_for_all, client, callback)
                pause = threading.Event()
                for _ in range(KILLS):
                    pause.wait(chance.uniform(0.05, 0.45))
                    worker.send_signal(signal.SIGKILL)
                    worker.wait()
                    worker = stack.start("worker")
                jobs = asking.result()
                wait_until(lambda: pending(tmp_path) == 0, "every job to end", 90)
                wait_until(lambda: len(receiver.ids_by_job()) == JOBS, "every callback", 90)
    told = ended(tmp_path)
    assert set(told) == set(jobs)
    assert set(told.values()) <= FINAL
    assert Counter(told.values())["complete"] >= JOBS * 0.98
    settled, interrupted = ledger(tmp_path)
    assert max(settled.values()) == 1
    calls = vendors.pdl.asked()
    assert sum(calls.values()) <= sum(settled.values()) + sum(interrupted.values())
    assert {len(ids) for ids in receiver.ids_by_job().values()} == {1}


def ask_for_all(client: httpx.Client, callback: str) -> list[str]:
    """Ask for everybody, spread over the time of the kills."""
    pause = threading.Event()
    jobs = []
    for number in range(JOBS):
        body = {
            "email": f"worker{number}.example@example.com",
            "fields": ["person"],
            "callback_url": f"{callback}/done",
        }
        answer = client.post("/v1/enrich", json=body)
        assert answer.status_code == 202, answer.text
        jobs.append(answer.json()["job_id"])
        pause.wait(0.05)
    return jobs


def rows(folder: Path, query: str) -> list[tuple[str, int]]:
    with sqlite3.connect(folder / "warmcall.db", timeout=30) as db:
        return db.execute(query).fetchall()


def pending(folder: Path) -> int:
    return rows(folder, "SELECT '', count(*) FROM job WHERE finished_at IS NULL")[0][1]


def ended(folder: Path) -> dict[str, str]:
    found = rows(folder, "SELECT id, status FROM job WHERE finished_at IS NOT NULL")
    return {job_id: str(status) for job_id, status in found}


def ledger(folder: Path) -> tuple[Counter[str], Counter[str]]:
    """Count per question: answers that were committed, and calls lost in flight."""
    query = "SELECT answer_key, count(*) FROM attempt WHERE {} GROUP BY answer_key"
    settled = rows(folder, query.format("outcome IN ('matched', 'not_found') AND NOT cached"))
    lost = rows(folder, query.format("detail LIKE 'interrupted%'"))
    return Counter(dict(settled)), Counter(dict(lost))
