"""A hundred callers want the same prospect at the same moment: one job, one call, all served."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import httpx

from tests.fakes.serving import serve
from tests.journeys.conftest import Service
from tests.journeys.stack import Receiver, json_of, wait_until

CROWD = 100
WANTED = "rosa.tahl@example.com"


def test_a_hundred_requests_share_one_job_and_one_call(service: Service) -> None:
    receiver, together = Receiver(), Barrier(CROWD)
    before = allowances(service)

    def ask(number: int, body: dict[str, object]) -> httpx.Response:
        together.wait(30)
        client = service.clients[number % len(service.clients)]
        return client.post("/v1/enrich", json=body, headers={"Prefer": "wait=30"})

    with serve(receiver.app()) as url, service.slowly_known(WANTED, 1.0) as body:
        told = {number: {"callback_url": f"{url}/{number}"} for number in range(1, CROWD, 2)}
        bodies = [body | told.get(number, {}) for number in range(CROWD)]
        with ThreadPoolExecutor(CROWD) as pool:
            answers = list(pool.map(ask, range(CROWD), bodies))
        wait_until(lambda: len(receiver.got) == len(told), "every callback")
    jobs = [json_of(answer) for answer in answers]
    assert {answer.status_code for answer in answers} == {200}
    assert len({job["job_id"] for job in jobs}) == 1
    assert {job["card"]["person"]["title"] for job in jobs} == {"VP of Sales"}
    assert service.vendors.pdl.asked()[WANTED] == 1
    assert set(receiver.paths) == {f"/{number}" for number in range(1, CROWD, 2)}
    assert len({headers["webhook-id"] for headers, _ in receiver.got}) == CROWD // 2
    assert allowances(service) == before + 1


def allowances(service: Service) -> int:
    """Return what all callers together have used of their month."""
    return sum(json_of(client.get("/v1/usage"))["used"] for client in service.clients)
