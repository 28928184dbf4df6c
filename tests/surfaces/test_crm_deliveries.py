"""What Pipedrive, Attio and a Flow of Salesforce's send us: who is let in, what is heard."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from app.crm import Happening
from app.crm_settings import CrmFile
from app.errors import BadSettings
from integrations.crm.deliveries import routes
from integrations.crm.vendors import vendors
from integrations.rest.front import problems
from tests.fakes.attio import ACTOR, COMPANIES, HUMAN, PEOPLE
from tests.surfaces.asking import Browser

SECRET = "a-secret-that-is-long"
FILE = f"""
[connections.pipe]
kind = "pipedrive"
url = "https://acme.pipedrive.example"
token = "pipedrive-api-token"
user_id = "9"
user = "hooks"
password = "{SECRET}"

[connections.attio]
kind = "attio"
token = "attio-access-token"
actor_id = "{ACTOR}"
secret = "{SECRET}"
people = "{PEOPLE}"
companies = "{COMPANIES}"

[connections.flow]
kind = "salesforce"
url = "https://acme.my.salesforce.example"
token = "salesforce-access-token"
secret = "{SECRET}"

[connections.other]
auth = "bearer"
secret = "{SECRET}"
"""


def pipedrive_event(**meta: Any) -> dict[str, Any]:
    told = {
        "action": "create",
        "entity": "person",
        "entity_id": "12",
        "company_id": "1",
        "id": "6b1c8e2a-uuid",
        "timestamp": "2026-11-21T08:59:58.000Z",
        "user_id": "4",
        "version": "2.0",
        "change_source": "app",
        "attempt": 1,
    }
    return {"meta": told | meta, "data": {"id": 12, "name": "Jane Roe"}, "previous": None}


def attio_event(**changes: Any) -> dict[str, Any]:
    ids = {"workspace_id": "w", "object_id": PEOPLE, "record_id": "r-12"}
    actor = {"type": "workspace-member", "id": HUMAN}
    event = {"event_type": "record.created", "id": ids, "actor": actor}
    return {"webhook_id": "hook", "events": [event | changes]}


def flow_event(**changes: Any) -> dict[str, Any]:
    told = {"object": "Lead", "record_id": "00Q5e00000Abcde", "type": "record.created"}
    return told | {"occurred_at": "2026-11-21T08:59:58Z"} | changes


def basic(raw: bytes, secret: str) -> dict[str, str]:
    login = base64.b64encode(f"hooks:{secret}".encode()).decode()
    return {"Authorization": f"Basic {login}"}


def mark(raw: bytes, secret: str) -> dict[str, str]:
    signed = hmac.new(secret.encode(), raw, hashlib.sha256).hexdigest()
    return {"Attio-Signature": signed, "Idempotency-Key": hashlib.sha256(raw).hexdigest()}


def bearer(raw: bytes, secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


@dataclass(frozen=True)
class Sender:
    """How one CRM calls us."""

    path: str
    event: Callable[..., Any]
    prove: Callable[[bytes, str], dict[str, str]]


SENDERS = {
    "pipedrive": Sender("/webhooks/pipedrive/pipe", pipedrive_event, basic),
    "attio": Sender("/webhooks/attio/attio", attio_event, mark),
    "salesforce": Sender("/webhooks/salesforce/flow", flow_event, bearer),
}
every = pytest.mark.parametrize("sender", SENDERS.values(), ids=SENDERS)


@pytest.fixture
def heard(service: Any) -> list[Any]:
    """What reaches the core, which hears it too."""
    return []


@pytest.fixture
def door(service: Any, heard: list[Any]) -> Browser:
    @dataclass
    class Ear:
        def arrived(self, connection: str, vendor: str, events: Any) -> int:
            opened: int = service.intake.arrived(connection, vendor, events)
            heard.append((connection, vendor, events, opened))
            return opened

    ear: Any = Ear()
    found = routes(intake=ear, vendors=vendors(CrmFile.parse(FILE).connections), now=service.clock)
    return Browser(Starlette(routes=found, exception_handlers=problems(service.clock)))


def send(door: Browser, sender: Sender, body: Any, secret: str = SECRET) -> httpx.Response:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return door("POST", sender.path, content=raw, headers=sender.prove(raw, secret))


def events(heard: list[Any]) -> list[Any]:
    return [event for _, _, told, _ in heard for event in told]


@every
def test_a_record_that_appears_is_heard_of(door: Browser, heard: list[Any], sender: Sender) -> None:
    answer = send(door, sender, sender.event())
    assert (answer.status_code, answer.content) == (200, b"")
    [(connection, vendor, [event], opened)] = heard
    assert f"/webhooks/{vendor}/{connection}" == sender.path
    assert (event.happening, event.is_echo, opened) == (Happening.created, False, 1)
    assert event.ref.kind.value == "person"
    assert event.ref.connection == connection


@every
def test_who_proves_nothing_is_refused(door: Browser, heard: list[Any], sender: Sender) -> None:
    raw = json.dumps(sender.event()).encode()
    for headers in ({}, sender.prove(raw, "another-secret-12345")):
        answer = door("POST", sender.path, content=raw, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")
    assert heard == []


def test_a_signed_body_that_was_altered_is_refused(door: Browser, heard: list[Any]) -> None:
    sender, raw = SENDERS["attio"], json.dumps(attio_event()).encode()
    headers = sender.prove(raw, SECRET)
    altered = raw.replace(b"r-12", b"r-13")
    assert door("POST", sender.path, content=altered, headers=headers).status_code == 401
    assert heard == []


@every
def test_the_same_delivery_again_opens_nothing(
    door: Browser, heard: list[Any], sender: Sender
) -> None:
    for _ in range(3):
        assert send(door, sender, sender.event()).status_code == 200
    assert [opened for *_, opened in heard] == [1, 0, 0]
    assert len({event.key for event in events(heard)}) == 1


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("pipedrive", pipedrive_event(id="another-uuid")),
        ("attio", attio_event(actor={"type": "workspace-member", "id": "another"})),
        ("salesforce", flow_event(occurred_at="2026-11-21T08:59:59Z")),
        ("salesforce", flow_event(event_id="another")),
    ],
)
def test_another_delivery_is_another_event(
    door: Browser, heard: list[Any], name: str, other: Any
) -> None:
    for body in (SENDERS[name].event(), other):
        send(door, SENDERS[name], body)
    assert len({event.key for event in events(heard)}) == 2


@every
@pytest.mark.parametrize("raw", [b"{", b"\xff", b"7", b'"text"'])
def test_what_is_no_delivery_is_refused(
    door: Browser, heard: list[Any], sender: Sender, raw: bytes
) -> None:
    answer = send(door, sender, raw)
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_request")
    assert heard == []


@every
def test_a_body_without_end_is_refused(door: Browser, sender: Sender) -> None:
    assert send(door, sender, b" " * 1_000_001).status_code == 413


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("pipedrive", pipedrive_event(entity="deal")),
        ("pipedrive", pipedrive_event(action="frobnicated")),
        ("pipedrive", pipedrive_event(entity_id="twelve")),
        ("pipedrive", pipedrive_event(id="")),
        ("attio", attio_event(event_type="note.created")),
        ("attio", attio_event(id={"object_id": "another", "record_id": "r-1"})),
        ("attio", attio_event(id={"object_id": PEOPLE, "record_id": "../../x"})),
        ("attio", {"webhook_id": "hook", "events": []}),
        ("salesforce", flow_event(object="Opportunity")),
        ("salesforce", flow_event(record_id="x' OR '1'='1")),
        ("salesforce", flow_event(type="record.archived")),
        ("salesforce", []),
    ],
    ids=str,
)
def test_what_we_do_not_want_is_taken_and_left(
    door: Browser, heard: list[Any], name: str, body: Any
) -> None:
    assert send(door, SENDERS[name], body).status_code == 200
    assert heard == []


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("pipedrive", pipedrive_event(change_source="api", user_id="9", action="change")),
        ("attio", attio_event(actor={"type": "api-token", "id": ACTOR})),
    ],
)
def test_our_own_writing_is_known_as_an_echo(
    door: Browser, heard: list[Any], name: str, body: Any
) -> None:
    assert send(door, SENDERS[name], body).status_code == 200
    assert [event.is_echo for event in events(heard)] == [True]
    assert heard[0][-1] == 0


def test_what_another_user_writes_over_the_api_is_no_echo(door: Browser, heard: list[Any]) -> None:
    send(door, SENDERS["pipedrive"], pipedrive_event(change_source="api", user_id="5"))
    send(door, SENDERS["pipedrive"], pipedrive_event(change_source="app", user_id="9", id="2"))
    assert [event.is_echo for event in events(heard)] == [False, False]


def test_a_merge_names_winner_and_loser(door: Browser, heard: list[Any]) -> None:
    send(door, SENDERS["pipedrive"], pipedrive_event(action="delete", merged_to_id=34))
    send(door, SENDERS["attio"], attio_event(event_type="record.merged", duplicate_record_id="r-9"))
    told = [(event.happening, event.ref.id, event.others) for event in events(heard)]
    assert told == [
        (Happening.merged, "34", ("12",)),
        (Happening.merged, "r-12", ("r-9",)),
    ]


def test_a_company_is_a_company_everywhere(door: Browser, heard: list[Any]) -> None:
    send(door, SENDERS["pipedrive"], pipedrive_event(entity="organization"))
    send(door, SENDERS["attio"], attio_event(id={"object_id": COMPANIES, "record_id": "c-1"}))
    flow = flow_event(object="Account", record_id="0015e00000Abcde")
    send(door, SENDERS["salesforce"], [flow, flow_event()])
    told = [(event.ref.kind.value, event.ref.id) for event in events(heard)]
    assert told == [
        ("company", "12"),
        ("company", "c-1"),
        ("company", "Account/0015e00000Abcde"),
        ("person", "Lead/00Q5e00000Abcde"),
    ]


def test_an_unknown_connection_is_not_there(door: Browser) -> None:
    for path in ("/webhooks/pipedrive/nobody", "/webhooks/pipedrive/attio", "/webhooks/zoho/x"):
        assert door("POST", path, content=b"{}", headers=basic(b"", SECRET)).status_code == 404


def test_every_bad_part_of_a_section_is_named_without_its_value() -> None:
    file = FILE.replace('kind = "attio"', 'kind = "atio"').replace("https://acme.pipe", "acme.pipe")
    file = file.replace('token = "pipedrive-api-token"', 'token = "s3cret"')
    with pytest.raises(BadSettings) as caught:
        vendors(CrmFile.parse(file).connections)
    told = str(caught.value)
    for part in ("connections.attio", "connections.pipe.pipedrive.url", "pipe.pipedrive.token"):
        assert part in told
    assert SECRET not in told
    assert "s3cret" not in told


def test_no_secret_of_a_section_is_shown() -> None:
    shown = repr(vendors(CrmFile.parse(FILE).connections))
    for secret in (SECRET, "pipedrive-api-token", "attio-access-token", "salesforce-access-token"):
        assert secret not in shown
