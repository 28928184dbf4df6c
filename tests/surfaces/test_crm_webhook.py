"""The webhook that any system can call, over the real core: who is let in, what is asked for."""

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import select
from sqlmodel import col
from standardwebhooks import Webhook
from starlette.applications import Starlette

from app import connections
from app.connections import Auth
from app.errors import BadSettings, Blocked, Conflict, InvalidRequest, NotFound
from app.settings import Settings
from app.tables import Key
from integrations.callback.verify import signature
from integrations.crm import generic
from integrations.rest.front import problems
from integrations.runtime import senders
from tests.fakes.servers import BACKENDS
from tests.surfaces.asking import Browser, work

SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
OLD_SECRET = "whsec_" + base64.b64encode(bytes(range(32, 64))).decode()
SETTINGS = Settings.from_env(
    {
        "WARMCALL_PUBLIC_URL": "https://warmcall.example",
        "CRM_WEBHOOK_SECRET": f"{SECRET}, {OLD_SECRET}",
    }
)
SARAH = {"email": "sarah.chen@acme.example"}
PATH = "/webhooks/crm/default"


def judge(url: str) -> None:
    if "10.0.0.1" in url:
        raise Blocked("This address is not one that may be called.")


def application(service: Any) -> Starlette:
    routes = generic.routes(
        intake=service.intake, settings=SETTINGS, judge=judge, now=service.clock
    )
    return Starlette(routes=routes, exception_handlers=problems(service.clock))


@pytest.fixture
def connected(service: Any) -> Any:
    """The service with the connection of CRM_WEBHOOK_SECRET."""
    service.intake = service.front_door(connections_given=senders(SETTINGS))
    return service


@pytest.fixture
def door(connected: Any) -> Browser:
    return Browser(application(connected))


def signed(
    raw: bytes, at: datetime, *, secret: str = SECRET, event_id: str = "msg_1"
) -> dict[str, str]:
    """Sign as the words of Standard Webhooks say, with nothing of the library."""
    sent_at = int(at.timestamp())
    return {
        "webhook-id": event_id,
        "webhook-timestamp": str(sent_at),
        "webhook-signature": signature(secret, event_id, sent_at, raw),
        "content-type": "application/json",
    }


def send(door: Browser, body: Any, at: datetime, path: str = PATH, **how: Any) -> httpx.Response:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return door("POST", path, content=raw, headers=signed(raw, at, **how))


def bearing(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


def results(answer: httpx.Response) -> list[dict[str, Any]]:
    assert answer.status_code == 202, answer.text
    found: list[dict[str, Any]] = answer.json()["results"]
    return found


def jobs(service: Any, name: str = "default") -> list[Any]:
    caller = service.intake.connected(service.intake.connection(name))
    found: list[Any] = service.intake.jobs(caller)
    return found


# --- who is let in


def test_a_record_is_asked_for_as_the_connection_that_sent_it(
    connected: Any, door: Browser
) -> None:
    [told] = results(send(door, SARAH | {"record_id": "r-1"}, connected.clock()))
    [job] = jobs(connected)
    assert (told["job_id"], told["status"], told["record_id"]) == (job.id, "queued", "r-1")
    assert told["card_url"] == f"https://warmcall.example/card/{job.card_token}"
    assert job.prospect.key == "email:sarah.chen@acme.example"
    assert connected.intake.jobs(connected.caller) == []


def test_the_reference_library_signs_what_is_taken(connected: Any, door: Browser) -> None:
    raw, at = json.dumps(SARAH).encode(), connected.clock()
    headers = signed(raw, at) | {
        "webhook-signature": "v1a,xxxx " + Webhook(SECRET).sign("msg_1", at, raw.decode())
    }
    assert door("POST", PATH, content=raw, headers=headers).status_code == 202


def test_while_a_secret_is_changed_both_are_taken(connected: Any, door: Browser) -> None:
    for number, secret in enumerate((SECRET, OLD_SECRET)):
        answer = send(door, SARAH, connected.clock(), secret=secret, event_id=f"m{number}")
        assert answer.status_code == 202


@pytest.mark.parametrize(
    "changes",
    [
        {"webhook-id": ""},
        {"webhook-id": "msg_2"},
        {"webhook-timestamp": "soon"},
        {"webhook-timestamp": "9" * 400},
        {"webhook-timestamp": "-5"},
        {"webhook-signature": ""},
        {"webhook-signature": "no comma"},
        {"webhook-signature": "v1,***"},
        {"webhook-signature": "v1,\xff\xff"},
        {"x-signature": "sha256=00"},
        {"x-signature": "sha256=\xe9"},
        {"authorization": "Bearer wrong"},
        {"authorization": "Bearer "},
        {"authorization": "Basic !!!"},
    ],
    ids=repr,
)
def test_what_proves_nothing_is_refused_and_starts_nothing(
    connected: Any, door: Browser, changes: Mapping[str, str]
) -> None:
    raw = json.dumps(SARAH).encode()
    right = signed(raw, connected.clock())
    names = {"webhook-id", "webhook-timestamp", "webhook-signature"}
    kept = {k: v for k, v in right.items() if k not in names or set(changes) & names}
    headers = {k: v.encode("latin-1") for k, v in (kept | dict(changes)).items()}
    answer = door("POST", PATH, content=raw, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")
    assert jobs(connected) == []


@pytest.mark.parametrize("away_s", [-301, 301])
def test_what_was_sent_at_another_time_is_refused(
    connected: Any, door: Browser, away_s: int
) -> None:
    at = connected.clock() + timedelta(seconds=away_s)
    assert send(door, SARAH, at).status_code == 401
    assert send(door, SARAH, connected.clock() + timedelta(seconds=299)).status_code == 202


def test_a_body_that_was_altered_or_is_no_text_is_refused(connected: Any, door: Browser) -> None:
    raw = json.dumps(SARAH).encode()
    headers = signed(raw, connected.clock())
    for body in (raw.replace(b"sarah", b"clara"), b"\xff\xfe", b""):
        assert door("POST", PATH, content=body, headers=headers).status_code == 401


@pytest.mark.parametrize("raw", [b"\xff\xfe", b"{}"])
@pytest.mark.parametrize("secret", [SECRET, "a secret that is no base64", "whsec_AAAA"])
def test_what_cannot_be_signed_is_not_taken_for_signed(
    service: Any, raw: bytes, secret: str
) -> None:
    one = connections.Connection("odd", frozenset({Auth.standard}), secrets=(secret,))
    service.intake = service.front_door(connections_given={"odd": one})
    headers = signed(raw, service.clock()) | {"webhook-signature": ""}
    door = Browser(application(service))
    assert door("POST", "/webhooks/crm/odd", content=raw, headers=headers).status_code == 401


def test_a_signature_in_a_header_is_taken_in_the_form_of_github(
    connected: Any, door: Browser
) -> None:
    raw = json.dumps(SARAH).encode()
    mark = hmac.new(SECRET.encode(), raw, hashlib.sha256).hexdigest()
    for number, value in enumerate((f"sha256={mark}", mark.upper())):
        body = raw + b" " * number
        mark_of_body = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
        headers = {"X-Signature": value.lower().replace(mark, mark_of_body)}
        assert door("POST", PATH, content=body, headers=headers).status_code == 202


def test_a_bearer_is_taken(connected: Any, door: Browser) -> None:
    answer = door("POST", PATH, json=SARAH, headers=bearing(SECRET))
    assert answer.status_code == 202


def test_an_unknown_connection_is_not_there(connected: Any, door: Browser) -> None:
    answer = send(door, SARAH, connected.clock(), path="/webhooks/crm/nobody")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize("auth", list(Auth))
def test_a_connection_that_was_made_proves_itself_in_its_own_way_only(
    service: Any, auth: Auth
) -> None:
    made, secret = service.intake.connect("zapier", auth, user="zap", header="X-Zap")
    door, raw, path = (
        Browser(application(service)),
        b'{"email": "a@b.example"}',
        "/webhooks/crm/zapier",
    )
    login = base64.b64encode(f"zap:{secret}".encode()).decode()
    mark = hmac.new(secret.encode(), raw, hashlib.sha256).hexdigest()
    ways: dict[Auth, dict[str, str]] = {
        Auth.hmac: {"x-zap": f"sha256={mark}"},
        Auth.bearer: bearing(secret),
        Auth.basic: {"authorization": f"Basic {login}"},
    }
    if auth is Auth.standard:
        ways[auth] = signed(raw, service.clock(), secret=secret)
    for way, headers in ways.items():
        expected = 202 if way is auth else 401
        assert door("POST", path, content=raw, headers=headers).status_code == expected, way
    assert made.name == "zapier"


def test_what_is_kept_of_a_secret_does_not_tell_it(service: Any) -> None:
    secrets = {auth: service.intake.connect(f"c-{auth.value}", auth)[1] for auth in Auth}
    with service.database._engine.connect() as db:
        dump = "\n".join(db.connection.driver_connection.iterdump())
    assert not [auth for auth, secret in secrets.items() if secret in dump]
    assert not [s for s in secrets.values() if s in repr(service.intake.connections())]


def _caller(connected: Any, name: str) -> Any:
    mine = select(Key).where(col(Key.id) == f"crm_{name}")
    return connected.database.read(lambda db: db.execute(mine).one())


@pytest.mark.parametrize("backend", BACKENDS[:2], indirect=True)
def test_a_name_is_used_once_and_given_up_by_disconnecting(connected: Any) -> None:
    intake = connected.intake
    intake.connect("n8n", Auth.bearer, quota=5)
    for name in ("n8n", "default"):
        with pytest.raises(Conflict):
            intake.connect(name, Auth.bearer)
    assert _caller(connected, "n8n").quota == 5
    for name in ("", "A", "a:b", "a/b", "x" * 41):
        with pytest.raises(InvalidRequest):
            intake.connect(name, Auth.bearer)
    assert [one.connection.name for one in intake.connections()] == ["default", "n8n"]
    intake.disconnect("n8n")
    with pytest.raises(NotFound):
        intake.connection("n8n")
    with pytest.raises(NotFound):
        intake.disconnect("n8n")
    with pytest.raises(Conflict):
        intake.disconnect("default")


def test_a_connection_is_no_api_key(connected: Any, door: Browser) -> None:
    send(door, SARAH, connected.clock())
    assert [one.name for one in connected.intake.list_keys()] == ["tests"]
    with pytest.raises(NotFound):
        connected.intake.revoke_key("crm_default")


# --- what is asked for


@pytest.mark.parametrize("backend", BACKENDS[:2], indirect=True)
def test_items_are_answered_one_by_one_and_a_bad_one_costs_the_others_nothing(
    connected: Any, door: Browser
) -> None:
    body = [
        SARAH | {"event_id": "e1"},
        {"email": "not an address"},
        {"object": "company", "domain": "acme.example"},
        {"type": "record.deleted", "email": "gone@acme.example"},
        7,
        {"email": "x@acme.example", "callback_url": "http://10.0.0.1/"},
        {"email": ["x@acme.example"]},
        {"object": "deal", "email": "x@acme.example"},
        {},
    ]
    told = results(send(door, body, connected.clock()))
    codes = [one.get("error", {}).get("code") or one["status"] for one in told]
    assert codes == [
        "queued",
        "invalid_prospect",
        "queued",
        "ignored",
        "invalid_request",
        "blocked_address",
        "invalid_request",
        "invalid_request",
        "invalid_prospect",
    ]
    assert [one["index"] for one in told] == list(range(9))
    assert told[0]["event_id"] == "e1"
    assert {job.prospect.key for job in jobs(connected)} == {
        "email:sarah.chen@acme.example",
        "domain:acme.example",
    }


def test_a_company_is_asked_for_without_a_person(connected: Any, door: Browser) -> None:
    send(door, {"object": "company", "email": "info@acme.example"}, connected.clock())
    [job] = jobs(connected)
    assert "person" not in {section.value for section in job.sections}


def test_fields_are_found_where_the_connection_says(service: Any) -> None:
    paths = {"email": "contact.emails.0.value", "event_id": "meta.id", "name": "contact.name"}
    _, secret = service.intake.connect("make", Auth.bearer, paths=paths)
    contact = {"emails": [{"value": " Sarah.Chen@acme.example "}], "name": "Sarah Chen"}
    body = {"contact": contact, "meta": {"id": 12}, "email": "other@acme.example"}
    door = Browser(application(service))
    answer = door("POST", "/webhooks/crm/make", json=body, headers=bearing(secret))
    assert results(answer)[0]["event_id"] == "12"
    [job] = jobs(service, "make")
    assert job.prospect.key == "email:sarah.chen@acme.example"
    assert job.prospect.known.name == "Sarah Chen"


@pytest.mark.parametrize("raw", [b"{", b"", b"nonsense", b"\x00"])
def test_what_is_no_json_is_refused_as_a_whole(connected: Any, door: Browser, raw: bytes) -> None:
    answer = send(door, raw, connected.clock())
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_request")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "invalid_prospect"),
        ("text", "invalid_request"),
        ([{"email": 1.5}, {"email": True}], "invalid_request"),
        ([SARAH] * 101, "invalid_request"),
        ({"email": "x" * 501}, "invalid_request"),
    ],
)
def test_when_nothing_is_good_all_is_refused(
    connected: Any, door: Browser, body: Any, code: str
) -> None:
    answer = send(door, body, connected.clock())
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert jobs(connected) == []


def test_an_empty_list_asks_for_nothing(connected: Any, door: Browser) -> None:
    assert results(send(door, [], connected.clock())) == []


def test_a_body_without_end_is_refused(connected: Any, door: Browser) -> None:
    raw = b"[" + b" " * 1_000_000 + b"]"
    assert send(door, raw, connected.clock()).status_code == 413


def test_an_allowance_that_is_used_up_is_said_so(service: Any) -> None:
    _, secret = service.intake.connect("small", Auth.bearer, quota=1)
    door = Browser(application(service))
    body = [{"email": f"{name}@acme.example"} for name in ("ann", "ben")]
    told = results(door("POST", "/webhooks/crm/small", json=body, headers=bearing(secret)))
    assert sorted(one.get("status", "refused") for one in told) == ["queued", "refused"]
    answer = door("POST", "/webhooks/crm/small", json=SARAH, headers=bearing(secret))
    assert (answer.status_code, answer.json()["code"]) == (429, "quota_exceeded")


# --- the same again


def test_an_event_that_is_told_again_is_the_same_job(connected: Any, door: Browser) -> None:
    ids = {
        results(
            send(door, {**SARAH, "event_id": "e1", "n": n}, connected.clock(), event_id=f"m{n}")
        )[0]["job_id"]
        for n in range(3)
    }
    assert len(ids) == 1
    assert len(jobs(connected)) == 1


def test_a_signed_message_is_known_by_its_id(connected: Any, door: Browser) -> None:
    first = send(door, SARAH, connected.clock())
    asyncio.run(work(connected))
    again = send(door, {"email": "other@acme.example"}, connected.clock())
    assert results(again)[0]["job_id"] == results(first)[0]["job_id"]


@pytest.mark.parametrize("backend", BACKENDS[:2], indirect=True)
def test_a_key_is_for_one_body(connected: Any, door: Browser) -> None:
    headers = bearing(SECRET) | {"Idempotency-Key": "k1"}
    first, same = (door("POST", PATH, json=SARAH, headers=headers) for _ in range(2))
    assert results(first) == results(same)
    other = door("POST", PATH, json={"email": "other@acme.example"}, headers=headers)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_mismatch")


@pytest.mark.parametrize("backend", BACKENDS[:2], indirect=True)
def test_a_body_that_comes_again_within_minutes_is_not_told_of_twice(
    connected: Any, door: Browser
) -> None:
    body = SARAH | {"callback_url": "https://crm.example/back"}
    for minutes, told in ((0, 1), (9, 1), (2, 2)):
        connected.clock.move(minutes=minutes)
        door("POST", PATH, json=body, headers=bearing(SECRET))
        asyncio.run(work(connected))
        assert len(connected.postbox.got) == told, minutes


def test_items_of_one_message_are_told_apart(connected: Any, door: Browser) -> None:
    body = [{"email": f"{name}@acme.example"} for name in ("ann", "ben")]
    told = results(send(door, body, connected.clock()))
    assert len({one["job_id"] for one in told}) == 2


def test_the_end_is_told_signed_for_the_connection(connected: Any, door: Browser) -> None:
    body = SARAH | {"callback_url": "https://crm.example/back"}
    send(door, body, connected.clock())
    asyncio.run(work(connected))
    [told] = connected.postbox.got
    caller = connected.intake.connected(connected.intake.connection("default"))
    assert told.address.target == "https://crm.example/back"
    assert told.secrets == (caller.callback_secret,)
    assert told.body["status"] == "complete"


# --- the file


def test_connections_are_read_from_the_file() -> None:
    table = {
        "zapier": {"auth": "bearer", "secret": "a-long-enough-token", "quota": "unlimited"},
        "own": {
            "auth": ["standard", "hmac"],
            "secret": [SECRET, OLD_SECRET],
            "header": "X-Hub-Signature-256",
            "fields": {"email": "data.mail"},
        },
        "hub": {"kind": "hubspot", "whatever": 1},
    }
    found = connections.read(table)
    assert set(found) == {"zapier", "own"}
    assert (found["zapier"].secrets, found["zapier"].quota) == ((), -1)
    assert found["own"].header == "x-hub-signature-256"
    assert (found["own"].path("email"), found["own"].path("name")) == ("data.mail", "name")
    assert "a-long-enough-token" not in repr(found)
    assert SECRET not in repr(found)


def test_every_bad_part_of_the_file_is_named_without_its_value() -> None:
    table = {
        "Bad Name": {"auth": "bearer", "secret": "a-long-enough-token"},
        "short": {"auth": "hmac", "secret": "t00-short"},
        "typo": {"auth": "bearer", "secert": "a-long-enough-token"},
        "odd": {"auth": "telepathy", "secret": "a-long-enough-token", "fields": {"Email": "a..b"}},
        "none": "text",
    }
    with pytest.raises(BadSettings) as caught:
        connections.read(table)
    told = str(caught.value)
    for part in ("Bad Name", "short", "typo.secret", "typo.secert", "odd.auth", "odd.fields"):
        assert f"connections.{part}" in told
    assert "token" not in told
    assert "t00" not in told


def test_a_secret_of_the_settings_has_to_be_long() -> None:
    with pytest.raises(BadSettings, match="CRM_WEBHOOK_SECRET: expected a secret"):
        Settings.from_env({"CRM_WEBHOOK_SECRET": "sh0rt"})
    assert senders(Settings.from_env({})) == {}
