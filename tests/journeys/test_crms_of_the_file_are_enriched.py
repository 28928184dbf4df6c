"""A record appears in Pipedrive and in Attio: fetched, enriched, written to and noted, once."""

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import httpx
import orjson
import pytest
from starlette.applications import Starlette
from starlette.requests import Request as Incoming
from starlette.responses import Response
from starlette.routing import Route

from app.provider import Answer, Request
from tests.fakes import attio, pipedrive
from tests.fakes.serving import serve
from tests.journeys.stack import Stack, installed, wait_until

SECRET = "a-secret-that-is-long"
FILE = """
[connections.pipe]
kind = "pipedrive"
url = "{pipe}"
token = "{pipe_token}"
user_id = "9"
user = "hooks"
password = "{secret}"

[fields.pipe.person]
{title} = "person.title"

[fields.pipe.company]
{size} = "company.employee_count"

[connections.space]
kind = "attio"
url = "{space}"
token = "{space_token}"
secret = "{secret}"
people = "{people}"
companies = "{companies}"
"""


class Stand(Protocol):
    """A stand-in."""

    async def call(self, request: Request) -> Answer: ...


@contextmanager
def served(stand: Stand, url: str) -> Iterator[str]:
    """Serve a stand-in over real HTTP."""

    async def take(request: Incoming) -> Response:
        raw = await request.body()
        names = {"authorization": "Authorization", "x-api-token": "x-api-token"}
        headers = {names[k]: v for k, v in request.headers.items() if k in names}
        body = orjson.loads(raw) if raw else None
        query = dict(request.query_params)
        asked = Request(request.method, url + request.url.path, query, headers, body)
        told = await stand.call(asked)
        return Response(told.body, told.status or 502, dict(told.headers), "application/json")

    methods = ["GET", "POST", "PATCH", "PUT", "DELETE"]
    with serve(Starlette(routes=[Route("/{path:path}", take, methods=methods)])) as at:
        yield at


@dataclass
class Office:
    """A running service and its two CRMs."""

    stack: Stack
    pipe: pipedrive.Pipedrive
    space: attio.Attio
    door: httpx.Client

    def tell_pipe(self, number: int, key: str, **meta: Any) -> None:
        told = {
            "action": "create",
            "entity": "person",
            "entity_id": str(number),
            "id": key,
            "timestamp": datetime.now(UTC).isoformat(),
            "change_source": "app",
            "user_id": "4",
        }
        login = base64.b64encode(f"hooks:{SECRET}".encode()).decode()
        body, headers = {"meta": told | meta}, {"Authorization": f"Basic {login}"}
        answer = self.door.post("/webhooks/pipedrive/pipe", json=body, headers=headers)
        assert answer.status_code == 200, answer.text

    def tell_space(self, record_id: str, key: str) -> None:
        ids = {"object_id": attio.PEOPLE, "record_id": record_id}
        raw = json.dumps({"events": [{"event_type": "record.created", "id": ids}]}).encode()
        signed = hmac.new(SECRET.encode(), raw, hashlib.sha256).hexdigest()
        headers = {"Attio-Signature": signed, "Idempotency-Key": key}
        answer = self.door.post("/webhooks/attio/space", content=raw, headers=headers)
        assert answer.status_code == 200, answer.text


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    folder: Path = tmp_path_factory.mktemp("crms")
    pipe = pipedrive.Pipedrive(lambda: datetime.now(UTC))
    space = attio.Attio(lambda: datetime.now(UTC))
    with served(pipe, pipedrive.URL) as pipe_url, served(space, attio.URL) as space_url:
        told = {
            "pipe": pipe_url,
            "space": space_url,
            "pipe_token": pipedrive.TOKEN,
            "space_token": attio.TOKEN,
            "secret": SECRET,
            "title": pipedrive.TITLE,
            "size": pipedrive.SIZE,
            "people": attio.PEOPLE,
            "companies": attio.COMPANIES,
        }
        (folder / "crm.toml").write_text(FILE.format(**told))
        settings = {"WARMCALL_CRM": str(folder / "crm.toml"), "WARMCALL_LOG_LEVEL": "DEBUG"}
        with installed(folder, **settings) as stack:
            stack.start_worker()
            stack.start_web()
            door = httpx.Client(base_url=stack.url, timeout=10, trust_env=False, verify=False)
            with door:
                yield Office(stack, pipe, space, door)


def test_a_person_in_pipedrive_is_enriched_once(office: Office) -> None:
    mails = [{"value": "sarah.chen@acme.example", "primary": True, "label": "work"}]
    number = office.pipe.add("persons", name="Sarah Chen", emails=mails)
    for _ in range(3):
        office.tell_pipe(number, "event-1")
    wait_until(lambda: office.pipe.notes, "the note")
    record = office.pipe.records["persons", number]
    assert record["custom_fields"][pipedrive.TITLE] == "VP of Sales"
    [note] = office.pipe.notes.values()
    assert note["person_id"] == number
    assert "VP of Sales" in note["content"]
    office.tell_pipe(number, "event-2", action="change", change_source="api", user_id="9")
    others = [mails[0] | {"value": "tom.hill@acme.example"}]
    later = office.pipe.add("persons", name="Tom Hill", emails=others)
    office.pipe.records["persons", later]["custom_fields"][pipedrive.TITLE] = "Boss"
    office.tell_pipe(later, "event-3")
    wait_until(lambda: len(office.pipe.notes) > 1, "the note of another")
    assert office.pipe.records["persons", later]["custom_fields"][pipedrive.TITLE] == "Boss"
    assert [one["person_id"] for one in office.pipe.notes.values()] == [number, later]


def test_a_person_in_attio_is_enriched_once(office: Office) -> None:
    record_id = office.space.add("people", name="Uma Falk", email_addresses="uma.falk@acme.example")
    office.space.faults.append(("POST", "/notes", 502, True))
    for _ in range(3):
        office.tell_space(record_id, "delivery-1")
    wait_until(lambda: office.space.notes, "the note")
    assert office.space.records["people", record_id]["job_title"][0]["value"]
    later = office.space.add("people", name="Ugo Falk", email_addresses="ugo.falk@acme.example")
    office.tell_space(later, "delivery-2")
    wait_until(lambda: len(office.space.notes) > 1, "the note of another")
    told = [one["parent_record_id"] for one in office.space.notes.values()]
    assert told == [record_id, later]


def test_no_secret_and_nobody_is_in_the_log(office: Office) -> None:
    logs = office.stack.log("web") + office.stack.log("worker")
    for secret in (SECRET, pipedrive.TOKEN, attio.TOKEN, "sarah.chen@acme.example"):
        assert secret not in logs
