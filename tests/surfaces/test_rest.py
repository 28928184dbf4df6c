"""The REST surface over the real core: what it reads, what it answers, what it refuses."""

import asyncio
import json
import logging
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import jsonschema
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount, Route

from app.crm_views import Undone
from app.database import Database
from app.errors import Blocked, QuotaExceeded, TooManyRequests, WarmcallError
from app.facts import FIELDS, Section
from app.intake import UNLIMITED
from app.settings import Settings
from app.verification import Verification
from integrations.rest import docs, inbound, openapi, problem, render, schema
from integrations.rest.front import problems
from integrations.runtime import Watcher
from tests.fakes.serving import serve
from tests.surfaces.asking import Browser, settled, work
from tests.surfaces.views import CARDS, NOW, view

SARAH = "sarah.chen@acme.example"
SETTINGS = Settings.from_env({"WARMCALL_PUBLIC_URL": "https://warmcall.example"})


def judge(url: str) -> None:
    if "10.0.0.1" in url:
        raise Blocked("This address is not one that may be called.")


async def verify(email: str) -> Verification:
    return Verification(email, "unverified", "The domain takes mail.", mx=True)


async def undo(job_id: str) -> list[Undone]:
    return []


def application(service: Any) -> Starlette:
    routes = inbound.routes(
        intake=service.intake,
        watcher=Watcher(service.intake),
        verify=verify,
        judge=judge,
        settings=SETTINGS,
        now=service.clock,
        undo=undo,
    )
    return Starlette(routes=routes, exception_handlers=problems(service.clock))


@pytest.fixture
def api(service: Any) -> Browser:
    return Browser(application(service), {"Authorization": f"Bearer {service.secret}"})


def enrich(api: Browser, email: str = SARAH, **body: Any) -> httpx.Response:
    return api("POST", "/v1/enrich", json={"email": email, **body})


def is_problem(answer: httpx.Response, status: int, code: str) -> bool:
    body = answer.json()
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    assert {"type", "title", "status", "detail", "code"} <= body.keys()
    assert body["status"] == answer.status_code
    return (answer.status_code, body["code"]) == (status, code)


def bad_fields(answer: httpx.Response) -> dict[str, str]:
    return {error["name"]: error["message"] for error in answer.json()["errors"]}


# asking for a card


def test_a_new_prospect_gives_a_job_under_way(api: Browser) -> None:
    answer = enrich(api)
    job = answer.json()
    assert answer.status_code == 202
    assert job["status"] == "queued"
    assert answer.headers["location"] == job["links"]["self"]
    assert answer.headers["location"] == f"https://warmcall.example/v1/jobs/{job['job_id']}"
    assert answer.headers["retry-after"] == "2"


def test_the_cache_answers_at_once(service: Any, api: Browser) -> None:
    settled(service, SARAH)
    answer = enrich(api)
    assert answer.status_code == 200
    assert answer.json()["card"]["person"]["full_name"] == "Sarah Chen"
    assert "retry-after" not in answer.headers


def test_waiting_gives_the_card_in_one_call(service: Any, api: Browser) -> None:
    async def both() -> httpx.Response:
        async with asyncio.TaskGroup() as group:
            asked = group.create_task(
                api.ask("POST", "/v1/enrich", json={"email": SARAH}, headers={"Prefer": "wait=20"})
            )
            while not service.intake.jobs(service.caller):
                await asyncio.sleep(0.005)
            await work(service)
        return asked.result()

    answer = asyncio.run(both())
    assert answer.status_code == 200
    assert answer.json()["status"] == "complete"
    assert answer.headers["preference-applied"] == "wait=20"


def test_waiting_in_vain_gives_the_job_as_it_stands(api: Browser) -> None:
    answer = enrich(api, wait=0.01)
    assert (answer.status_code, answer.json()["status"]) == (202, "queued")


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("wait=10", 10),
        ("respond-async, wait=5", 5),
        ('wait="7"; foo', 7),
        ("WAIT = 3", 3),
        ("wait=100", 30),
        ("wait=99999999999999999999", None),
        ("wait=-1", None),
        ("wait=soon", None),
        ("await=5", None),
        ("", None),
    ],
)
def test_a_preferred_wait_is_read_and_bounded(said: str, meant: float | None) -> None:
    assert schema.preferred_wait_s(said) == meant


def test_the_person_alone_is_looked_up_and_waited_for(api: Browser) -> None:
    answer = api("POST", "/v1/person/enrich", json={"email": SARAH, "wait": 0})
    assert answer.status_code == 202
    assert list(answer.json()["sections"]) == ["person"]


def test_a_company_is_no_person(api: Browser) -> None:
    answer = api("POST", "/v1/person/enrich", json={"domain": "acme.example", "wait": 0})
    assert is_problem(answer, 422, "invalid_prospect")


def test_a_company_is_looked_up_by_its_domain(api: Browser) -> None:
    answer = api("GET", "/v1/company/enrich", params={"domain": "acme.example", "wait": 0})
    assert answer.status_code == 202
    assert set(answer.json()["sections"]) == {"company", "decision_makers", "signals"}


def test_a_plan_spends_nothing_and_starts_nothing(service: Any, api: Browser) -> None:
    answer = enrich(api, dry_run=True)
    assert answer.status_code == 200
    assert answer.json()["dry_run"] is True
    assert answer.json()["steps"][0]["provider"] == "sandbox"
    assert service.intake.jobs(service.caller) == []
    assert service.intake.usage(service.caller).used == 0


@pytest.mark.parametrize(
    ("given", "sections", "wanted"),
    [
        ({}, None, None),
        ({"preset": "full"}, None, None),
        ({"preset": "company"}, {"company"}, None),
        ({"preset": "account"}, {"company", "decision_makers", "signals"}, None),
        ({"fields": ["person", "signals.*"]}, {"person", "signals"}, None),
        ({"fields": ["person.title"]}, {"person"}, {"person.title"}),
        (
            {"fields": ["person.title"], "preset": "company"},
            {"person", "company"},
            {"person.title", *(n for n in FIELDS if n.startswith("company."))},
        ),
    ],
    ids=str,
)
def test_fields_and_presets_choose_what_is_looked_up(
    given: dict[str, Any], sections: set[str] | None, wanted: set[str] | None
) -> None:
    raw = json.dumps({"email": SARAH, **given}).encode()
    body = schema.read_body(raw, "application/json", schema.EnrichBody, schema.Context(NOW, judge))
    assert body.ask().sections == (sections and {Section(name) for name in sections})
    assert body.ask().wanted == wanted


def test_a_contact_is_a_person_and_how_to_reach_them(api: Browser) -> None:
    assert list(enrich(api, preset="contact").json()["sections"]) == ["person"]


def test_a_callback_is_kept_until_the_job_ends(service: Any, api: Browser) -> None:
    enrich(api, callback_url="https://hooks.acme.example/1")
    asyncio.run(work(service))
    assert service.postbox.got[0].address.target == "https://hooks.acme.example/1"


# what is refused


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"nope",
        b"\xff\xfe",
        b'{"email": "\\ud800@acme.example"}',
        b"[" * 10_000,
    ],
)
def test_a_body_that_is_not_json_is_a_bad_request(api: Browser, body: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    assert is_problem(api("POST", "/v1/enrich", content=body, headers=headers), 400, "invalid_json")


@pytest.mark.parametrize("body", ["[]", "null", '"sarah"', "1"])
def test_a_body_that_is_no_object_is_refused(api: Browser, body: str) -> None:
    headers = {"Content-Type": "application/json"}
    answer = api("POST", "/v1/enrich", content=body, headers=headers)
    assert is_problem(answer, 422, "invalid_request")


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_another_content_type_is_refused(api: Browser, kind: str) -> None:
    answer = api("POST", "/v1/enrich", content=b"{}", headers={"Content-Type": kind})
    assert is_problem(answer, 415, "unsupported_media_type")


def test_a_content_type_with_a_charset_is_json(api: Browser) -> None:
    headers = {"Content-Type": "Application/JSON; charset=utf-8"}
    body = json.dumps({"email": SARAH})
    assert api("POST", "/v1/enrich", content=body, headers=headers).status_code == 202


def test_a_body_over_64_kb_is_refused_whether_it_says_so_or_not(api: Browser) -> None:
    headers = {"Content-Type": "application/json"}
    large = b'{"email": "' + b"a" * 70_000 + b'"}'

    async def chunks() -> Any:
        yield large

    for content in (large, chunks()):
        answer = api("POST", "/v1/enrich", content=content, headers=headers)
        assert is_problem(answer, 413, "body_too_large")


def test_every_bad_field_is_named_at_once(api: Browser) -> None:
    answer = enrich(
        api,
        "no address",
        fields=["person.title", "person.shoe_size"],
        preset="everything",
        refresh="yes",
        callback_url="http://10.0.0.1/hook",
        needed_by="2020-01-01T00:00:00Z",
        max_credits=-1,
        shoe_size=44,
    )
    assert is_problem(answer, 422, "invalid_request")
    assert bad_fields(answer).keys() == {
        "email",
        "fields.1",
        "preset",
        "refresh",
        "callback_url",
        "needed_by",
        "max_credits",
        "shoe_size",
    }
    assert bad_fields(answer)["shoe_size"] == "There is no such field."


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": "Sarah Chen"},
        {"company": "Acme Corp"},
        {"email": ""},
        {"email": None},
        {"email": 5},
        {"domain": "acme"},
        {"linkedin_url": "https://acme.example/in/sarah"},
        {"email": "a" * 600 + "@acme.example"},
        {"email": SARAH, "needed_by": "2030-01-01T00:00:00"},
        {"email": SARAH, "max_credits": "1"},
        {"email": SARAH, "wait": -1},
        {"email": SARAH, "fields": []},
        {"email": SARAH, "callback_url": "x" * 3_000},
    ],
    ids=str,
)
def test_what_cannot_be_looked_up_is_refused_with_a_reason(
    api: Browser, body: dict[str, Any]
) -> None:
    answer = api("POST", "/v1/enrich", json=body)
    assert answer.status_code == 422
    assert answer.json()["code"] in {"invalid_request", "invalid_prospect"}
    assert answer.json()["errors"]


def test_a_throw_away_mailbox_has_its_own_code(api: Browser) -> None:
    assert is_problem(enrich(api, "someone@mailinator.com"), 422, "disposable_address")


def test_an_unknown_query_parameter_is_named(api: Browser) -> None:
    answer = api("GET", "/v1/company/enrich", params={"domain": "acme.example", "colour": "red"})
    assert bad_fields(answer) == {"colour": "There is no such field."}


NASTY = (
    "' OR 1=1 --",
    "\u0000",
    "\u202e",
    "../../etc/passwd",
    "%s%n",
    "\U0001f4a9" * 300,
    "http://[::1",
    "@",
    "a" * 499,
    "xn--\u00e9",
)


@pytest.mark.parametrize("text", NASTY, ids=ascii)
def test_no_input_breaks_the_service(api: Browser, text: str) -> None:
    names = ("email", "domain", "linkedin_url", "name", "company", "callback_url", "needed_by")
    answers = [api("POST", "/v1/enrich", json={"email": SARAH, name: text}) for name in names]
    answers.append(enrich(api, fields=[text]))
    for method, path in (
        ("GET", "/v1/jobs/{}"),
        ("GET", "/v1/jobs/{}/events"),
        ("GET", "/v1/company/enrich?wait=0&domain={}"),
        ("GET", "/v1/verify?email={}"),
        ("GET", "/v1/deliveries?job_id={}"),
        ("GET", "/v1/prospects/{}/export"),
        ("DELETE", "/v1/prospects/{}"),
    ):
        answers.append(api(method, path.format(quote(text, safe=""))))
    assert [answer.text for answer in answers if answer.status_code >= 500] == []


# callers


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "Basic abc", "Bearer wc_wrong"])
def test_without_a_valid_key_nothing_is_said(api: Browser, header: str | None) -> None:
    api.headers = {"Authorization": header} if header is not None else {}
    for method, path in (("POST", "/v1/enrich"), ("GET", "/v1/jobs/job_1"), ("GET", "/v1/usage")):
        answer = api(method, path)
        assert is_problem(answer, 401, "unauthorized")
        assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize(
    "one", [one for one in openapi.OPERATIONS if one.scope], ids=lambda one: one.path
)
def test_a_key_without_the_scope_is_told_which_one_it_lacks(
    service: Any, api: Browser, one: openapi.Operation
) -> None:
    others = frozenset({"read", "write", "spend"} - {str(one.scope)})
    api.headers = {
        "Authorization": f"Bearer {service.intake.create_key('narrow', scopes=others)[1]}"
    }
    answer = api(one.method.upper(), re.sub(r"{\w+}", "x", one.path))
    assert is_problem(answer, 403, "forbidden")
    assert f"`{one.scope}`" in answer.json()["detail"]


def test_the_job_of_another_caller_does_not_exist(service: Any, api: Browser) -> None:
    job_id = enrich(api).json()["job_id"]
    api.headers = {"Authorization": f"Bearer {service.intake.create_key('another')[1]}"}
    for method, path in (("GET", ""), ("GET", "/events"), ("POST", "/cancel")):
        assert is_problem(api(method, f"/v1/jobs/{job_id}{path}"), 404, "not_found")


def test_a_spent_allowance_says_when_it_starts_again(service: Any, api: Browser) -> None:
    key = service.intake.create_key("small", quota=1)[1]
    api.headers = {"Authorization": f"Bearer {key}"}
    first = enrich(api)
    assert first.headers["ratelimit-policy"] == '"monthly";q=1;w=2592000'
    assert first.headers["ratelimit"] == '"monthly";r=0;t=831600'
    answer = enrich(api, "marcus.webb@acme.example")
    assert is_problem(answer, 429, "quota_exceeded")
    assert answer.headers["retry-after"] == "831600"
    assert answer.headers["ratelimit"] == '"monthly";r=0;t=831600'
    assert answer.json()["resets_at"] == "2026-12-01T00:00:00Z"


def test_an_unlimited_key_has_no_rate_limit_fields(service: Any, api: Browser) -> None:
    key = service.intake.create_key("large", quota=UNLIMITED)[1]
    api.headers = {"Authorization": f"Bearer {key}"}
    assert "ratelimit" not in enrich(api).headers


# idempotency


def test_the_same_key_and_body_give_the_same_job(api: Browser) -> None:
    api.headers["Idempotency-Key"] = "4f3e"
    first = enrich(api, refresh=True)
    api.headers["Idempotency-Key"] = '"4f3e"'  # the draft's quoted form of the same key
    again = api("POST", "/v1/enrich", json={"refresh": True, "email": SARAH})
    assert again.json()["job_id"] == first.json()["job_id"]


def test_the_same_key_with_another_body_is_refused(api: Browser) -> None:
    api.headers["Idempotency-Key"] = "4f3e"
    enrich(api)
    assert is_problem(enrich(api, preset="person"), 422, "idempotency_mismatch")


@pytest.mark.parametrize("key", ["", '""', "a b", "a" * 256, "\t"])
def test_a_key_that_is_none_is_refused(api: Browser, key: str) -> None:
    api.headers["Idempotency-Key"] = key
    assert "Idempotency-Key" in bad_fields(enrich(api))


# jobs


def test_a_job_that_did_not_change_is_not_sent_again(service: Any, api: Browser) -> None:
    path = f"/v1/jobs/{settled(service, SARAH).id}"
    tag = api("GET", path).headers["etag"]
    for given in (tag, tag.removeprefix("W/"), f'"other", {tag}'):
        answer = api("GET", path, headers={"If-None-Match": given})
        assert (answer.status_code, answer.content) == (304, b"")
    assert api("GET", path, headers={"If-None-Match": '"other"'}).status_code == 200


def test_the_tag_changes_with_the_job(service: Any, api: Browser) -> None:
    job_id = enrich(api).json()["job_id"]
    before = api("GET", f"/v1/jobs/{job_id}").headers["etag"]
    asyncio.run(work(service))
    assert api("GET", f"/v1/jobs/{job_id}").headers["etag"] != before


def test_a_reader_may_wait_for_the_next_change(service: Any, api: Browser) -> None:
    path = f"/v1/jobs/{enrich(api).json()['job_id']}"
    tag = api("GET", path).headers["etag"]

    async def both() -> httpx.Response:
        async with asyncio.TaskGroup() as group:
            headers = {"If-None-Match": tag, "Prefer": "wait=20"}
            asked = group.create_task(api.ask("GET", path, headers=headers))
            await work(service)
        return asked.result()

    assert asyncio.run(both()).status_code == 200


def test_the_newest_jobs_are_listed(service: Any, api: Browser) -> None:
    settled(service, SARAH)
    enrich(api, "marcus.webb@acme.example")
    jobs = api("GET", "/v1/jobs", params={"limit": 1}).json()["jobs"]
    assert len(jobs) == 1


def test_a_job_that_waits_can_be_cancelled_once(api: Browser) -> None:
    path = f"/v1/jobs/{enrich(api).json()['job_id']}/cancel"
    assert api("POST", path).json()["status"] == "cancelled"
    assert is_problem(api("POST", path), 409, "conflict")


def test_a_refresh_looks_the_same_prospect_up_again(service: Any, api: Browser) -> None:
    old = settled(service, SARAH)
    answer = api("POST", f"/v1/jobs/{old.id}/refresh")
    assert answer.status_code == 202
    assert answer.json()["job_id"] != old.id
    assert answer.json()["prospect"]["key"] == old.prospect.key


def test_unknown_paths_and_methods_are_problems(api: Browser) -> None:
    assert is_problem(api("GET", "/v1/nothing"), 404, "not_found")
    assert is_problem(api("GET", "/v1/jobs/job_none"), 404, "not_found")
    assert is_problem(api("GET", "/nothing"), 404, "not_found")
    answer = api("PUT", "/v1/enrich")
    assert is_problem(answer, 405, "method_not_allowed")
    assert answer.headers["allow"] == "POST"


# events


def events(text: str) -> list[dict[str, Any]]:
    """Read a stream as EventSource does."""
    found = []
    for block in re.split(r"\r?\n\r?\n", text):
        lines = [line.partition(": ") for line in block.splitlines() if not line.startswith(":")]
        event = {name: value for name, _, value in lines}
        if event:
            found.append({**event, "data": json.loads(event["data"])})
    return found


def test_a_finished_job_streams_its_changes_and_ends(service: Any, api: Browser) -> None:
    job = settled(service, SARAH)
    answer = api("GET", f"/v1/jobs/{job.id}/events")
    assert answer.headers["content-type"].startswith("text/event-stream")
    seen = events(answer.text)
    assert [int(event["id"]) for event in seen] == sorted({int(event["id"]) for event in seen})
    assert (seen[-1]["event"], seen[-1]["data"]["status"]) == ("job", "complete")


def test_a_stream_goes_on_where_it_broke(service: Any, api: Browser) -> None:
    path = f"/v1/jobs/{settled(service, SARAH).id}/events"
    seen = events(api("GET", path).text)
    later = events(api("GET", path, headers={"Last-Event-ID": seen[0]["id"]}).text)
    assert later == seen[1:]
    done = api("GET", path, headers={"Last-Event-ID": seen[-1]["id"]})
    assert done.status_code == 204


def test_a_card_from_the_cache_has_a_last_event_too(service: Any, api: Browser) -> None:
    settled(service, SARAH)
    other = enrich(api, fields=["person"]).json()
    seen = events(api("GET", f"/v1/jobs/{other['job_id']}/events").text)
    assert seen[-1]["data"]["status"] == other["status"]


def test_a_live_stream_ends_with_the_job_over_real_http(service: Any) -> None:
    app = application(service)
    headers = {"Authorization": f"Bearer {service.secret}"}
    with (
        serve(app) as url,
        httpx.Client(base_url=url, headers=headers, timeout=20, verify=False) as client,
    ):
        job = client.post("/v1/enrich", json={"email": SARAH}).json()
        with client.stream("GET", f"/v1/jobs/{job['job_id']}/events") as stream:
            lines = stream.iter_lines()
            first = next(line for line in lines if line.startswith("data"))
            asyncio.run(work(service))
            rest = [line for line in lines if line.startswith("data")]
    assert json.loads(first.removeprefix("data: "))["status"] == "queued"
    assert json.loads(rest[-1].removeprefix("data: "))["status"] == "complete"


# people's rights and operators


def test_a_mailbox_is_checked(api: Browser) -> None:
    answer = api("GET", "/v1/verify", params={"email": "a@acme.example"})
    assert answer.json()["status"] == "unverified"
    assert answer.json()["mx"] is True
    assert api("GET", "/v1/verify").status_code == 422


def test_a_person_can_be_exported_and_forgotten(service: Any, api: Browser) -> None:
    settled(service, SARAH)
    assert SARAH in api("GET", f"/v1/prospects/{SARAH}/export").text
    gone = api("DELETE", f"/v1/prospects/{SARAH}")
    assert sum(gone.json()["deleted"].values()) > 0
    left = api("GET", f"/v1/prospects/{SARAH}/export").json()
    assert left["facts"] == left["jobs"] == []
    assert enrich(api).json()["status"] == "suppressed"


@pytest.mark.parametrize("email", ["nobody", "acme.example", "%00", "a%2Fb@acme.example/export"])
def test_only_an_address_can_be_forgotten(api: Browser, email: str) -> None:
    answer = api("DELETE", f"/v1/prospects/{email}")
    assert answer.status_code in {404, 405, 422}
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_domain_is_suppressed(api: Browser) -> None:
    answer = api("POST", "/v1/suppressions", json={"domain": "acme.example"})
    assert answer.json() == {"suppressed": "domain"}
    assert enrich(api).json()["status"] == "suppressed"
    both = api("POST", "/v1/suppressions", json={"domain": "acme.example", "email": SARAH})
    assert is_problem(both, 422, "invalid_request")


def test_deliveries_are_listed_and_sent_again_under_their_id(service: Any, api: Browser) -> None:
    enrich(api, callback_url="https://hooks.acme.example/1")
    asyncio.run(work(service))
    [sent] = api("GET", "/v1/deliveries", params={"state": "delivered"}).json()["deliveries"]
    answer = api("POST", f"/v1/deliveries/{sent['id']}/replay")
    assert (answer.status_code, answer.json()["id"]) == (202, sent["id"])
    asyncio.run(work(service))
    assert [delivery.id for delivery in service.postbox.got] == [sent["id"]] * 2
    assert is_problem(api("POST", "/v1/deliveries/none/replay"), 404, "not_found")


def test_a_test_event_is_sent_to_a_url(service: Any, api: Browser) -> None:
    answer = api("POST", "/v1/callback-ping", json={"url": "https://hooks.acme.example/1"})
    assert (answer.status_code, answer.json()["event"]) == (202, "ping")
    asyncio.run(work(service))
    assert service.postbox.got[0].event == "ping"
    refused = api("POST", "/v1/callback-ping", json={"url": "http://10.0.0.1/"})
    assert bad_fields(refused).keys() == {"url"}


def test_the_callback_secret_can_be_read_and_rotated(api: Browser) -> None:
    old = api("GET", "/v1/callback-secret").json()["callback_secret"]
    new = api("POST", "/v1/callback-secret/rotate").json()["callback_secret"]
    assert old.startswith("whsec_")
    assert api("GET", "/v1/callback-secret").json()["callback_secret"] == new != old


def test_operators_see_providers_and_usage(service: Any, api: Browser) -> None:
    settled(service, SARAH)
    [sandbox] = api("GET", "/v1/providers").json()["providers"]
    assert (sandbox["name"], sandbox["state"]) == ("sandbox", "closed")
    usage = api("GET", "/v1/usage").json()
    assert (usage["used"], usage["quota"], usage["unlimited"]) == (1, 100, False)


# machines


def test_the_process_says_that_it_is_up_and_ready(api: Browser) -> None:
    api.headers = {}
    assert api("GET", "/healthz").json() == {"status": "ok"}
    assert api("GET", "/readyz").json() == {"status": "ok"}


def test_without_its_database_the_service_is_up_but_not_ready(service: Any, tmp_path: Path) -> None:
    gone = Database(f"sqlite:///{tmp_path}/gone/none.db")
    service.intake = service.front_door(database=gone)
    api = Browser(application(service))
    assert api("GET", "/healthz").status_code == 200
    assert is_problem(api("GET", "/readyz"), 503, "not_ready")
    gone.close()


def numbers(text: str) -> dict[str, float]:
    lines = [line.rpartition(" ") for line in text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in lines}


def test_the_metrics_count_requests_and_what_workers_did(service: Any, api: Browser) -> None:
    enrich(api, "no address")
    enrich(api)
    service.clock.move(seconds=3)
    asyncio.run(work(service))
    enrich(api)
    found = numbers(api("GET", "/metrics").text)
    requests = "enrichment_requests_total{{outcome={0},surface={1}}}"
    for outcome in ("invalid_prospect", "queued", "complete"):
        assert found[requests.format(f'"{outcome}"', '"rest"')] == 1
    assert found["enrichment_latency_seconds_count"] == 1
    assert found["enrichment_latency_seconds_sum"] == 3
    assert found['enrichment_latency_seconds_bucket{le="2.0"}'] == 0
    assert found["enrichment_confidence_count"] > 5
    assert found['provider_breaker_state{provider="sandbox",state="closed"}'] == 1
    assert found['provider_attempts_total{outcome="matched",provider="sandbox"}'] >= 1
    assert found["enrichment_queue_depth"] == 0


def test_a_second_scrape_counts_nothing_twice(service: Any, api: Browser) -> None:
    service.clock.move(seconds=1)
    settled(service, SARAH)
    first = numbers(api("GET", "/metrics").text)
    again = numbers(api("GET", "/metrics").text)
    assert first["enrichment_latency_seconds_count"] == 1
    assert again == first


def test_two_services_in_one_process_do_not_share_numbers(service: Any, api: Browser) -> None:
    enrich(api)
    other = Browser(application(service))
    assert "enrichment_requests_total{" in api("GET", "/metrics").text
    assert "enrichment_requests_total{" not in other("GET", "/metrics").text


def test_every_request_is_logged_once_without_whom_it_is_about(
    api: Browser, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "warmcall.rest"):
        job_id = enrich(api).json()["job_id"]
        api("GET", "/v1/verify", params={"email": SARAH})
        api("GET", f"/v1/prospects/{SARAH}/export")
        api("GET", "/v1/nothing")
    told = [vars(record) for record in caplog.records if record.name == "warmcall.rest"]
    assert [(one["method"], one["route"], one["status"]) for one in told] == [
        ("POST", "/v1/enrich", 202),
        ("GET", "/v1/verify", 200),
        ("GET", "/v1/prospects/{email:path}/export", 200),
        ("GET", "/v1/?", 404),
    ]
    assert told[0]["job_id"] == job_id
    assert told[0]["outcome"] == "queued"
    assert "sarah" not in str(told).lower()


# the document


def leaves(kind: type[WarmcallError]) -> Iterator[type[WarmcallError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from leaves(child)


def test_every_error_of_the_core_has_a_status() -> None:
    assert {kind.code for kind in leaves(WarmcallError)} <= problem.KINDS.keys()


def test_errors_with_a_time_say_it_in_a_header() -> None:
    spent = QuotaExceeded(5, NOW + timedelta(seconds=61))
    assert problem.headers_of(spent, NOW)["Retry-After"] == "61"
    hasty = TooManyRequests("Slow down.", 1.2)
    assert problem.headers_of(hasty, NOW) == {"Retry-After": "2"}


def every_route(service: Any) -> set[tuple[str, str]]:
    found = set()
    for route in application(service).routes:
        inner = route.routes if isinstance(route, Mount) else [route]
        prefix = route.path if isinstance(route, Mount) else ""
        for one in inner:
            assert isinstance(one, Route)
            path = prefix + one.path.replace(":path", "")
            found |= {(method.lower(), path) for method in (one.methods or set()) - {"HEAD"}}
    return found


def test_the_document_lists_every_route_and_no_other(service: Any) -> None:
    assert {(one.method, one.path) for one in openapi.OPERATIONS} == every_route(service)


def test_the_document_is_whole(api: Browser) -> None:
    found = api("GET", "/openapi.json").json()
    assert found["openapi"].startswith("3.1")
    references = set(re.findall(r'"\$ref":\s*"#/([^"]+)"', json.dumps(found)))
    for reference in references:
        part = found
        for name in reference.split("/"):
            part = part[name]
        assert isinstance(part, dict)
    assert found["components"]["schemas"]["EnrichBody"]["additionalProperties"] is False
    assert "sarah.chen@acme.example" in str(
        found["components"]["schemas"]["EnrichBody"]["examples"]
    )


def validator(name: str) -> jsonschema.Draft202012Validator:
    shapes = openapi.schemas()
    whole = {"$ref": f"#/components/schemas/{name}", "components": {"schemas": shapes}}
    jsonschema.Draft202012Validator.check_schema(whole)
    return jsonschema.Draft202012Validator(whole)


@pytest.mark.parametrize("name", sorted(CARDS))
def test_a_job_is_sent_in_the_shape_the_document_says(name: str) -> None:
    shown = render.job(view(name), "https://warmcall.example")
    validator("Job").validate(json.loads(json.dumps(shown)))


def test_what_is_really_sent_fits_the_document(service: Any, api: Browser) -> None:
    job = settled(service, SARAH)
    enrich(api, "marcus.webb@acme.example", callback_url="https://hooks.acme.example/1")
    asyncio.run(work(service))
    for path, shape in [
        (f"/v1/jobs/{job.id}", "Job"),
        ("/v1/jobs", "Jobs"),
        ("/v1/providers", "Providers"),
        ("/v1/usage", "Usage"),
        ("/v1/deliveries", "Deliveries"),
        ("/v1/verify?email=a@acme.example", "Verification"),
        ("/v1/callback-secret", "Secret"),
        ("/v1/jobs/none", "ProblemShape"),
    ]:
        validator(shape).validate(api("GET", path).json())
    validator("PlanShape").validate(enrich(api, dry_run=True, refresh=True).json())


@pytest.mark.parametrize("name", sorted(CARDS))
def test_nothing_that_is_not_known_is_sent_as_null(name: str) -> None:
    assert "null" not in json.dumps(render.job(view(name), "https://warmcall.example"))


def test_the_docs_need_no_script_and_nothing_from_elsewhere(api: Browser) -> None:
    answer = api("GET", "/docs")
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert not re.search(r"<script|<link|<img|https?://[^<]*['\"]>", answer.text)
    for one in openapi.OPERATIONS:
        assert one.path in answer.text
    assert docs.STYLE in answer.text
