"""Two webs and two workers share PostgreSQL and Redis; one worker is killed under load."""

import signal
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from tests.fakes.market import Market, Person, sample
from tests.fakes.servers import Postgres, Redis
from tests.fakes.serving import serve
from tests.fakes.vendors import Vendors
from tests.journeys.stack import LOCAL, Receiver, Stack, installed, vendors_served, wait_until

JOBS = 40
ASKERS = 8
DATABASE = "journey"
ENDED = "SELECT id, status FROM job WHERE finished_at IS NOT NULL"
ANSWERS = (
    "SELECT answer_key, count(*) FROM attempt "
    "WHERE outcome IN ('matched', 'not_found') AND NOT cached GROUP BY answer_key"
)
LOST = "SELECT count(*) FROM attempt WHERE detail LIKE 'interrupted%'"
WORKERS = "SELECT DISTINCT owner FROM attempt WHERE outcome = 'matched'"


def email(number: int) -> str:
    return f"machine{number}.example@example.com"


def crowd() -> Market:
    """Return a market of fictional people, one for each job."""
    market = sample()
    people = [
        Person(email(number), f"Machine{number} Example", "example.com") for number in range(JOBS)
    ]
    market.people = [*market.people, *people]
    return market


def ask(client: httpx.Client, number: int, callback: str) -> str:
    body = {"email": email(number), "fields": ["person"], "callback_url": f"{callback}/done"}
    answer = client.post("/v1/enrich", json=body)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["job_id"])


@pytest.mark.parametrize("has_redis", [True, False], ids=["redis", "postgres alone"])
def test_when_a_machine_dies_the_others_finish_its_work_and_ask_nothing_twice(
    tmp_path: Path, postgres: Postgres, redis: Redis, has_redis: bool
) -> None:
    vendors, receiver = Vendors(crowd()), Receiver()
    vendors.pdl.switches.set(slow_s=0.3, credits=None)
    with ExitStack() as open_:
        settings = open_.enter_context(vendors_served(vendors))
        callback = open_.enter_context(serve(receiver.app()))
        options = {name: settings[name] for name in ("PDL_API_URL", "PDL_API_KEY")} | {
            "DATABASE_URL": postgres.bare(DATABASE),
            "WARMCALL_PROVIDERS": "peopledatalabs",
            "WARMCALL_LEASE": "2s",
            "WARMCALL_SLOTS": "4",
            "WARMCALL_CALLBACK_ALLOW": LOCAL,
        }
        if has_redis:
            options["QUEUE_URL"] = redis.emptied()
        machines = [machine(open_, tmp_path / name, options) for name in ("one", "two")]
        key = machines[0].key("--quota", "unlimited")
        clients = [open_.enter_context(one.client(key)) for one in machines]
        workers = [one.start_worker() for one in machines]
        with ThreadPoolExecutor(ASKERS) as pool:
            asking = [
                pool.submit(ask, clients[turn], number, callback)
                for number in range(JOBS)
                for turn in (0, 1)  # at both webs, so that each job is joined or begun there
            ]
            wait_until(lambda: len(postgres.run(DATABASE, WORKERS)) == 2, "both workers to work")
            workers[0].send_signal(signal.SIGKILL)
            jobs = {one.result() for one in asking}
        wait_until(lambda: len(postgres.run(DATABASE, ENDED)) == JOBS, "every job to end", 90)
        wait_until(lambda: len(receiver.ids_by_job()) == JOBS, "every callback", 90)
    ended = {str(job_id): str(status) for job_id, status in postgres.run(DATABASE, ENDED)}
    assert set(ended) == jobs
    assert Counter(ended.values()) == {"complete": JOBS}
    answers = {str(key): count for key, count in postgres.run(DATABASE, ANSWERS)}
    assert set(answers.values()) == {1}
    ((lost,),) = postgres.run(DATABASE, LOST)
    assert isinstance(lost, int)
    assert sum(vendors.pdl.asked().values()) <= JOBS + lost
    assert {len(ids) for ids in receiver.ids_by_job().values()} == {1}


def machine(open_: ExitStack, folder: Path, options: dict[str, str]) -> Stack:
    """Start a web on a machine of its own."""
    folder.mkdir()
    stack = open_.enter_context(installed(folder, **options))
    stack.start_web()
    return stack
