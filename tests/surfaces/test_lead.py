"""The lead at the door: a form comes in and goes back with its blanks filled, or a job's name."""

import asyncio
import base64
import json
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from starlette.applications import Starlette

from app.connections import Auth
from app.errors import BadSettings
from app.settings import Settings
from integrations.crm import lead
from integrations.rest.front import problems
from integrations.runtime import Watcher, senders
from tests.surfaces.asking import Browser, settled, work
from tests.surfaces.test_crm_webhook import SECRET, bearing, judge, signed

SARAH = "sarah.chen@acme.example"
PATH = "/webhooks/lead"


def settings(**more: str) -> Settings:
    given = {"WARMCALL_PUBLIC_URL": "https://warmcall.example", "CRM_WEBHOOK_SECRET": SECRET}
    return Settings.from_env(given | more)


def application(service: Any, wait: str = "20s") -> Starlette:
    routes = lead.routes(
        intake=service.intake,
        watcher=Watcher(service.intake),
        settings=settings(WARMCALL_LEAD_WAIT=wait),
        judge=judge,
        now=service.clock,
    )
    return Starlette(routes=routes, exception_handlers=problems(service.clock))


@pytest.fixture
def connected(service: Any) -> Any:
    service.intake = service.front_door(connections_given=senders(settings()))
    return service


def post(
    service: Any, form: Any, path: str = PATH, *, wait: str = "20s", secret: str = SECRET
) -> httpx.Response:
    """Post a form while a worker works."""

    async def both() -> httpx.Response:
        door = Browser(application(service, wait), bearing(secret))
        async with asyncio.TaskGroup() as group:
            asked = group.create_task(door.ask("POST", path, data=form))
            while wait != "0s" and not asked.done():
                await asyncio.sleep(0.005)
                await work(service)
        return asked.result()

    return asyncio.run(both())


def test_blanks_are_filled_and_say_where_from(connected: Any) -> None:
    form = {"email": SARAH, "name": "Sarah C.", "title": " ", "message": "Call me — 火箭"}
    answer = post(connected, form)
    assert answer.status_code == 200
    told = answer.json()
    assert told["status"] == "complete"
    assert told["lead"]["name"] == "Sarah C."
    assert told["lead"]["message"] == "Call me — 火箭"
    assert told["lead"]["title"] == "VP of Sales"
    assert told["lead"]["company"] == "Acme Corp"
    assert told["lead"]["employees"] == 240
    assert set(told["sources"]) == set(told["lead"]) - {"email", "name", "message"}
    assert told["sources"]["title"]["source"] == "sandbox"
    assert 0 < told["sources"]["title"]["confidence"] <= 1
    assert told["card_url"].startswith("https://warmcall.example/card/")


def test_what_is_known_already_is_answered_without_waiting(connected: Any) -> None:
    settled(connected, SARAH)
    answer = post(connected, {"email": SARAH}, wait="0s")
    assert (answer.status_code, answer.json()["lead"]["company"]) == (200, "Acme Corp")


def test_what_takes_longer_is_told_later_once(connected: Any) -> None:
    form = {"email": SARAH, "callback_url": "https://crm.example/back"}
    answer = post(connected, form, wait="0s")
    assert answer.status_code == 202
    assert answer.json()["lead"] == form
    assert answer.json()["sources"] == {}
    assert answer.headers["retry-after"] == "2"
    asyncio.run(work(connected))
    [told] = connected.postbox.got
    assert (told.address.target, told.body["job_id"]) == (
        "https://crm.example/back",
        answer.json()["job_id"],
    )


def test_what_was_answered_is_not_told_again(connected: Any) -> None:
    form = {"email": SARAH, "callback_url": "https://crm.example/back"}
    assert post(connected, form).status_code == 200
    asyncio.run(work(connected))
    assert connected.postbox.got == []


def test_nobody_known_leaves_the_lead_as_it_is(connected: Any) -> None:
    form = {"email": "notfound@acme.example", "phone": "5"}
    told = post(connected, form).json()
    assert (told["status"], told["lead"], told["sources"]) == ("not_found", form, {})


def test_what_is_known_when_a_provider_failed_is_filled_in(connected: Any) -> None:
    told = post(connected, {"email": "partial@acme.example"}).json()
    assert (told["status"], told["lead"]["company"]) == ("partial", "Acme Corp")
    assert "title" not in told["lead"]


def test_a_guess_fills_nothing(connected: Any) -> None:
    view = settled(connected, SARAH)
    guesses = [replace(fact, inferred=True) for fact in view.facts]
    default = connected.intake.connection("default")
    assert lead.merged(default, {"email": SARAH}, view)[1]
    guessed = lead.merged(default, {"email": SARAH}, replace(view, facts=guesses))
    assert guessed == ({"email": SARAH}, {})


def test_fields_are_called_as_the_connection_calls_them(service: Any) -> None:
    paths = {"email": "Email", "title": "JobTitle", "company": "Company"}
    _, secret = service.intake.connect("web2lead", Auth.bearer, paths=paths)
    told = post(
        service, {"Email": SARAH, "Company": "ACME"}, f"{PATH}/web2lead", secret=secret
    ).json()
    assert (told["lead"]["Company"], told["lead"]["JobTitle"]) == ("ACME", "VP of Sales")
    assert "title" not in told["lead"]


def test_junk_beside_an_address_does_not_matter(connected: Any) -> None:
    told = post(connected, {"email": SARAH, "domain": "n/a", "company": "?"}).json()
    assert told["lead"]["title"] == "VP of Sales"


def test_json_is_a_form_too(connected: Any) -> None:
    settled(connected, SARAH)
    door = Browser(application(connected), bearing(SECRET))
    answer = door("POST", PATH, json={"email": SARAH, "age": 41, "name": None})
    assert answer.status_code == 200
    assert answer.json()["lead"]["age"] == "41"
    assert answer.json()["lead"]["name"] == "Sarah Chen"


def test_a_robot_that_fills_the_trap_gets_nothing_and_is_not_told(service: Any) -> None:
    trapped = senders(settings())["default"]
    trap = type(trapped)("default", trapped.auths, digests=trapped.digests, honeypot="website2")
    service.intake = service.front_door(connections_given={"default": trap})
    form = {"email": SARAH, "website2": "http://spam.example"}
    answer = post(service, form, wait="0s")
    assert (answer.status_code, answer.json()["lead"]) == (200, form)
    assert service.intake.jobs(service.intake.local_caller()) == []
    assert post(service, {"email": SARAH, "website2": ""}, wait="0s").status_code == 202


def test_a_form_that_comes_again_is_one_job(connected: Any) -> None:
    jobs = {post(connected, {"email": SARAH}, wait="0s").json()["job_id"] for _ in range(3)}
    assert len(jobs) == 1


# --- who is let in


def test_a_form_proves_where_it_is_from(connected: Any) -> None:
    raw = urlencode({"email": SARAH}).encode()
    door = Browser(application(connected, "0s"))
    kind = {"content-type": "application/x-www-form-urlencoded"}
    right = signed(raw, connected.clock()) | kind
    old = signed(raw, connected.clock() - timedelta(seconds=301)) | kind
    basic = base64.b64encode(f"warmcall:{SECRET}".encode()).decode()
    for headers in (kind, old, kind | bearing("wrong"), kind | {"Authorization": f"Basic {basic}"}):
        answer = door("POST", PATH, content=raw, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")
    altered = door("POST", PATH, content=raw + b"&name=x", headers=right)
    assert altered.status_code == 401
    assert connected.intake.jobs(connected.intake.local_caller()) == []
    assert door("POST", PATH, content=raw, headers=right).status_code == 202


def test_without_the_setting_there_is_no_default_door(service: Any) -> None:
    answer = post(service, {"email": SARAH}, wait="0s")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    ("raw", "kind", "status", "code"),
    [
        (b"{", "application/json", 400, "bad_request"),
        (b"[]", "application/json", 400, "bad_request"),
        (b"email=%ff%fe", "application/x-www-form-urlencoded", 400, "bad_request"),
        (b"a=1&" * 101, "application/x-www-form-urlencoded", 400, "bad_request"),
        (b"email=a", "text/plain", 415, "unsupported_media_type"),
        (b"email=a", "multipart/form-data; boundary=x", 415, "unsupported_media_type"),
        (b"", "application/x-www-form-urlencoded", 422, "invalid_prospect"),
        (b"email=nobody", "application/x-www-form-urlencoded", 422, "invalid_prospect"),
        (b"message=" + b"x" * 5_001, "application/x-www-form-urlencoded", 422, "invalid_request"),
        (b"message=" + b"x" * 64_001, "application/x-www-form-urlencoded", 413, "body_too_large"),
        (
            b"email=a%40b.example&callback_url=http://10.0.0.1/",
            "application/x-www-form-urlencoded",
            422,
            "blocked_address",
        ),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_is_no_form_is_refused(
    connected: Any, raw: bytes, kind: str, status: int, code: str
) -> None:
    door = Browser(application(connected, "0s"), bearing(SECRET) | {"content-type": kind})
    answer = door("POST", PATH, content=raw)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_a_form_is_not_held_longer_than_its_sender_waits() -> None:
    with pytest.raises(BadSettings, match="WARMCALL_LEAD_WAIT"):
        settings(WARMCALL_LEAD_WAIT="1m")
    assert settings().lead_wait == timedelta(seconds=2)


def test_nothing_of_a_lead_is_in_the_log(connected: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG", logger="warmcall")
    post(connected, {"email": SARAH, "phone": "+15550100"}, wait="0s")
    told = json.dumps([vars(record) for record in caplog.records], default=str)
    assert "lead came" in told
    for secret in (SARAH, "+15550100", SECRET):
        assert secret not in told
