"""A caller's own server is told: signed, once, again after a failure, and never after a 410."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from integrations.callback.verify import signature, verify
from tests.fakes.serving import serve
from tests.journeys.conftest import Service
from tests.journeys.stack import Job, Receiver, ask, json_of, wait_until


@dataclass
class Inbox:
    """A receiver and where it is."""

    receiver: Receiver
    url: str

    def wait_for(self, count: int) -> None:
        wait_until(lambda: len(self.receiver.got) >= count, f"{count} callbacks")

    def body(self) -> dict[str, Any]:
        [(_, body)] = self.receiver.got
        return body

    def ids(self) -> list[str]:
        return [headers["webhook-id"] for headers, _ in self.receiver.got]


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    receiver = Receiver()
    with serve(receiver.app()) as url:
        yield Inbox(receiver, f"{url}/hook")


@pytest.fixture(scope="module", autouse=True)
def stumbled(service: Service) -> Iterator[tuple[Inbox, Job]]:
    """Have a first try fail; the second comes seconds later, beside what else is tested."""
    receiver = Receiver(status=500)
    with serve(receiver.app()) as url:
        inbox = Inbox(receiver, f"{url}/hook")
        job = ask(service.client, email="jan.wald@hooks.example", callback_url=inbox.url)
        inbox.wait_for(1)
        receiver.status = 204
        yield inbox, job


def deliveries(service: Service, job: Job) -> list[Job]:
    answer = service.client.get("/v1/deliveries", params={"job_id": job["job_id"]})
    found: list[Job] = json_of(answer)["deliveries"]
    return found


def settled(service: Service, job: Job, state: str) -> Job:
    """Wait until the one delivery of a job has come to this; return it."""
    wait_until(lambda: deliveries(service, job)[0]["state"] == state, f"state {state}")
    [delivery] = deliveries(service, job)
    return delivery


def tries(delivery: Job) -> list[int]:
    return [one["status"] for one in delivery["tries"]]


@pytest.mark.parametrize(
    ("local_part", "event", "status"),
    [
        ("ivo.wald", "enrichment.completed", "complete"),
        ("partial", "enrichment.partial", "partial"),
        ("error", "enrichment.failed", "provider_error"),
    ],
)
def test_an_event_names_how_the_job_ended_and_its_signature_holds(
    service: Service, inbox: Inbox, local_part: str, event: str, status: str
) -> None:
    job = ask(service.client, email=f"{local_part}@hooks.example", callback_url=inbox.url)
    inbox.wait_for(1)
    body = inbox.body()
    assert (body["type"], body["data"]["status"]) == (event, status)
    assert (body["data"]["job_id"], job["status"]) == (job["job_id"], status)
    secret = json_of(service.client.get("/v1/callback-secret"))["callback_secret"]
    [(headers, _)] = inbox.receiver.got
    assert verify(inbox.receiver.raw[0], headers, secret, datetime.now(UTC)) == inbox.ids()[0]


def test_two_callers_of_one_job_each_get_an_event_of_their_own(
    service: Service, inbox: Inbox
) -> None:
    callers = service.clients[:2]
    with service.slowly_known("pia.wald@example.com", 0.5) as body:
        asked = body | {"callback_url": inbox.url}
        jobs = [json_of(client.post("/v1/enrich", json=asked)) for client in callers]
    assert jobs[0]["job_id"] == jobs[1]["job_id"]
    inbox.wait_for(2)
    secrets = [json_of(client.get("/v1/callback-secret"))["callback_secret"] for client in callers]
    signed_for = {
        secret
        for secret in secrets
        for raw, (headers, _) in zip(inbox.receiver.raw, inbox.receiver.got, strict=True)
        if headers["webhook-signature"] == resigned(raw, headers, secret)
    }
    assert len(set(inbox.ids())) == 2
    assert signed_for == set(secrets)


def resigned(raw: bytes, headers: dict[str, str], secret: str) -> str:
    sent_at_s = int(headers["webhook-timestamp"])
    return signature(secret, headers["webhook-id"], sent_at_s, raw)


def test_a_receiver_that_is_gone_is_told_nothing_more_until_it_is_asked_for(
    service: Service, inbox: Inbox
) -> None:
    inbox.receiver.status = 410
    job = ask(service.client, email="kim.wald@hooks.example", callback_url=inbox.url)
    delivery = settled(service, job, "disabled")
    assert tries(delivery) == [410]
    inbox.receiver.status = 204
    other = ask(service.client, email="lou.wald@hooks.example", callback_url=inbox.url)
    assert tries(settled(service, other, "disabled")) == []
    replayed = service.client.post(f"/v1/deliveries/{delivery['id']}/replay")
    assert replayed.status_code == 202
    assert tries(settled(service, job, "delivered"))[-1] == 204
    last = ask(service.client, email="mia.wald@hooks.example", callback_url=inbox.url)
    settled(service, last, "delivered")
    assert [body["data"]["job_id"] for _, body in inbox.receiver.got] == [
        job["job_id"],
        job["job_id"],
        last["job_id"],
    ]


def test_what_was_delivered_can_be_sent_again_under_its_id(service: Service, inbox: Inbox) -> None:
    job = ask(service.client, email="nik.wald@hooks.example", callback_url=inbox.url)
    delivery = settled(service, job, "delivered")
    path = f"/v1/deliveries/{delivery['id']}/replay"
    assert service.clients[1].post(path).status_code == 404
    assert service.client.post(path).status_code == 202
    inbox.wait_for(2)
    assert inbox.ids() == [delivery["id"]] * 2
    assert inbox.receiver.raw[0] == inbox.receiver.raw[1]


def test_a_test_event_tries_an_address_out(service: Service, inbox: Inbox) -> None:
    assert service.client.post("/v1/callback-ping", json={"url": inbox.url}).status_code == 202
    inbox.wait_for(1)
    assert inbox.body()["type"] == "ping"


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.2/hook",
        "http://10.0.0.1/hook",
        "http://169.254.169.254/latest",
        "http://[::1]/hook",
        "http://0x7f000002/hook",
        "ftp://hooks.example/hook",
    ],
)
def test_an_address_of_our_own_network_is_refused_before_anything_starts(
    service: Service, url: str
) -> None:
    body = {"email": "olga.wald@hooks.example", "callback_url": url}
    answer = service.client.post("/v1/enrich", json=body)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert [one["name"] for one in json_of(answer)["errors"]] == ["callback_url"]


def test_a_failed_try_is_repeated_under_the_same_id(
    service: Service, stumbled: tuple[Inbox, Job]
) -> None:
    inbox, job = stumbled
    delivery = settled(service, job, "delivered")
    assert tries(delivery) == [500, 204]
    assert inbox.ids() == [delivery["id"]] * 2
    assert inbox.receiver.raw[0] == inbox.receiver.raw[1]
