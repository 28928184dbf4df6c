"""A hundred callers want the same prospect at the same moment: one job, one call, all served."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import httpx

from tests.fakes.market import Person
from tests.fakes.serving import serve
from tests.journeys.conftest import Service
from tests.journeys.stack import Receiver, json_of, wait_until

CROWD = 100
WANTED = Person("rosa.tahl@example.com", "Rosa Tahl", "example.com", title="Head of Tooling")


def test_a_hundred_requests_share_one_job_and_one_call(service: Service) -> None:
    service.vendors.market.people.append(WANTED)
    service.vendors.pdl.switches.set(slow_s=1.0)
    receiver, together = Receiver(), Barrier(CROWD)
    before = allowances(service)

    def ask(number: int, callback: str) -> httpx.Response:
        client = service.clients[number % len(service.clients)]
        body = {"email": WANTED.email, "fields": ["person.full_name", "person.title"]}
        notify = {"callback_url": f"{callback}/{number}"} if number % 2 else {}
        together.wait(30)
        return client.post("/v1/enrich", json=body | notify, headers={"Prefer": "wait=30"})

    with serve(receiver.app()) as callback:
        with ThreadPoolExecutor(CROWD) as pool:
            answers = list(pool.map(lambda number: ask(number, callback), range(CROWD)))
        wait_until(lambda: len(receiver.got) == CROWD // 2, "every callback")
    service.vendors.pdl.switches.set(slow_s=0.0)
    jobs = [json_of(answer) for answer in answers]
    assert {answer.status_code for answer in answers} == {200}
    assert len({job["job_id"] for job in jobs}) == 1
    assert {job["card"]["person"]["title"] for job in jobs} == {WANTED.title}
    assert service.vendors.pdl.asked()[WANTED.email] == 1
    assert set(receiver.paths) == {f"/{number}" for number in range(1, CROWD, 2)}
    assert len({headers["webhook-id"] for headers, _ in receiver.got}) == CROWD // 2
    assert allowances(service) == before + 1


def allowances(service: Service) -> int:
    """Return what all callers together have used of their month."""
    return sum(json_of(client.get("/v1/usage"))["used"] for client in service.clients)
