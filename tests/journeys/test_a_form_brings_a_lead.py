"""A form, a CRM and a workflow tool at a running service: in by their proofs, out by hooks."""

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from integrations.callback.verify import signature, verify
from tests.fakes.serving import serve
from tests.journeys.stack import LOCAL, Receiver, Stack, ask, installed, json_of, wait_until

SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
LOGIN = ("website", "another-secret-of-the-file")
FILE = """
[connections.github-style]
auth = "hmac"
secret = "a-secret-of-the-file"
header = "X-Hub-Signature-256"
fields = {email = "contact.mail"}

[connections.forms]
auth = "basic"
user = "website"
secret = "another-secret-of-the-file"
honeypot = "fax"
"""


@dataclass
class House:
    """A running service; `door` has no proof of its own, `client` has an API key."""

    stack: Stack
    door: httpx.Client
    client: httpx.Client

    def signed(self, body: Any, event_id: str, secret: str = SECRET) -> httpx.Response:
        """Post to the default connection, signed after Standard Webhooks."""
        raw, at = json.dumps(body).encode(), int(datetime.now(UTC).timestamp())
        headers = {
            "webhook-id": event_id,
            "webhook-timestamp": str(at),
            "webhook-signature": signature(secret, event_id, at, raw),
        }
        return self.door.post("/webhooks/crm/default", content=raw, headers=headers)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder: Path = tmp_path_factory.mktemp("forms")
    (folder / "crm.toml").write_text(FILE)
    settings = {
        "CRM_WEBHOOK_SECRET": SECRET,
        "WARMCALL_CRM": str(folder / "crm.toml"),
        "WARMCALL_CALLBACK_ALLOW": LOCAL,
        "WARMCALL_LOG_LEVEL": "DEBUG",
    }
    with installed(folder, **settings) as stack:
        key = stack.keys(1)[0]
        stack.start_worker()
        stack.start_web()
        door = httpx.Client(base_url=stack.url, timeout=30, trust_env=False, verify=False)
        with stack.client(key) as client, door:
            yield House(stack, door, client)


@pytest.fixture
def inbox() -> Iterator[tuple[Receiver, str]]:
    receiver = Receiver()
    with serve(receiver.app()) as url:
        yield receiver, f"{url}/hook"


def test_a_lead_goes_back_enriched_while_the_form_waits(house: House) -> None:
    form = {"email": "lena.hart@forms.example", "name": "L. Hart", "message": "Call me"}
    answer = house.door.post(
        "/webhooks/lead", data=form, headers={"Authorization": f"Bearer {SECRET}"}
    )
    assert answer.status_code == 200, answer.text
    told = json_of(answer)
    assert (told["lead"]["name"], told["lead"]["message"]) == ("L. Hart", "Call me")
    assert told["lead"]["title"]
    assert told["sources"]["title"]["source"] == "sandbox"
    assert house.door.get(told["card_url"]).status_code == 200


def test_a_lead_that_takes_longer_is_called_back_about(
    house: House, inbox: tuple[Receiver, str]
) -> None:
    receiver, url = inbox
    form = {"email": "slow@forms.example", "callback_url": url}
    answer = house.door.post("/webhooks/lead/forms", data=form, auth=LOGIN)
    assert (answer.status_code, json_of(answer)["status"]) == (202, "enrichment_in_progress")
    assert json_of(answer)["lead"].items() >= form.items()
    wait_until(lambda: receiver.got, "the callback")
    [(headers, body)] = receiver.got
    assert body["data"]["job_id"] == json_of(answer)["job_id"]
    secret = house.stack.run("crm", "callback-secret", "forms").stdout.strip()
    assert verify(receiver.raw[0], headers, secret, datetime.now(UTC))


def test_a_robot_is_answered_and_nothing_is_looked_up(house: House) -> None:
    form = {"email": "robot@forms.example", "fax": "1"}
    answer = house.door.post("/webhooks/lead/forms", data=form, auth=LOGIN)
    assert answer.status_code == 200
    assert "job_id" not in json_of(answer)


def test_what_a_crm_sends_ten_times_at_once_is_one_job_and_one_callback(
    house: House, inbox: tuple[Receiver, str]
) -> None:
    receiver, url = inbox
    body = [{"email": "ten@crm.example", "callback_url": url}, {"domain": "crm.example"}]
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda _: house.signed(body, "msg_ten"), range(10)))
    assert {answer.status_code for answer in answers} == {202}
    jobs = {one["job_id"] for answer in answers for one in json_of(answer)["results"]}
    assert len(jobs) == 2
    wait_until(lambda: receiver.got, "the callback")
    last = house.signed({"email": "last@crm.example", "callback_url": url}, "msg_last")
    wait_until(lambda: len(receiver.got) > 1, "the callback of what came later")
    ids = [body["data"]["job_id"] for _, body in receiver.got]
    assert len(ids) == 2
    assert ids[1] == json_of(last)["results"][0]["job_id"]


def test_a_connection_of_the_file_signs_and_maps_in_its_own_way(house: House) -> None:
    raw = json.dumps({"contact": {"mail": "file@crm.example"}}).encode()
    mark = hmac.new(b"a-secret-of-the-file", raw, hashlib.sha256).hexdigest()
    headers = {"X-Hub-Signature-256": f"sha256={mark}"}
    path = "/webhooks/crm/github-style"
    assert house.door.post(path, content=raw, headers=headers).status_code == 202
    assert house.door.post(path, content=raw + b" ", headers=headers).status_code == 401


def test_a_connection_is_made_used_and_ended_at_the_terminal(house: House) -> None:
    made = house.stack.run("crm", "connect", "flow", "--auth", "bearer")
    assert (made.returncode, len(made.stdout.strip())) == (0, 43), made.stderr
    assert "/webhooks/crm/flow" in made.stderr
    headers = {"Authorization": f"Bearer {made.stdout.strip()}"}
    body = {"email": "flow@crm.example"}
    sent = house.door.post("/webhooks/crm/flow", json=body, headers=headers)
    assert sent.status_code == 202
    listed = house.stack.run("crm", "connections").stdout
    assert [line.split()[0] for line in listed.splitlines()[1:]] == [
        "default",
        "flow",
        "forms",
        "github-style",
    ]
    assert house.stack.run("crm", "connect", "flow", "--auth", "basic").returncode == 1
    assert house.stack.run("crm", "disconnect", "flow").returncode == 0
    again = house.door.post("/webhooks/crm/flow", json=body, headers=headers)
    assert again.status_code == 404


def test_a_workflow_tool_is_told_until_it_is_gone(
    house: House, inbox: tuple[Receiver, str]
) -> None:
    receiver, url = inbox
    body = {"hookUrl": url, "event": "enrichment.completed"}
    made = house.client.post("/v1/hooks", json=body)
    assert made.status_code == 201
    job = ask(house.client, email="zap.one@hooks.example")
    wait_until(lambda: receiver.got, "the hook")
    [(headers, told)] = receiver.got
    assert (told["job_id"], told["email"]) == (job["job_id"], "zap.one@hooks.example")
    secret = json_of(house.client.get("/v1/callback-secret"))["callback_secret"]
    assert verify(receiver.raw[0], headers, secret, datetime.now(UTC))
    samples = house.client.get("/v1/hooks/samples", params={"event": body["event"]}).json()
    assert told in samples
    receiver.status = 410
    ask(house.client, email="zap.two@hooks.example")
    wait_until(lambda: not json_of(house.client.get("/v1/hooks"))["hooks"], "the hook to go")
    ask(house.client, email="zap.three@hooks.example")
    assert [told["email"] for _, told in receiver.got] == [
        "zap.one@hooks.example",
        "zap.two@hooks.example",
    ]


@pytest.fixture(scope="module", autouse=True)
def quiet(house: House) -> Iterator[None]:
    """When all is over, no secret of a connection is in any log."""
    yield
    logs = house.stack.log("web") + house.stack.log("worker")
    for secret in (SECRET, "a-secret-of-the-file", "another-secret-of-the-file"):
        assert secret not in logs
