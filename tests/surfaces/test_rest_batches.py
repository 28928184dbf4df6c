"""Batches over REST: a list or a file in, progress, events and a file out."""

import asyncio
import csv
import io
import json
from typing import Any

import httpx
import jsonschema
import pytest

from integrations.rest import openapi
from tests.surfaces.asking import Browser, work
from tests.surfaces.test_rest import application, bad_fields, is_problem

SARAH, MARCUS = "sarah.chen@acme.example", "marcus.webb@acme.example"
FILE = f"Deal,E-mail\n7,{SARAH}\n8,{MARCUS}\n9,nonsense\n"
BASE = "https://warmcall.example/v1/batches"


@pytest.fixture
def api(service: Any) -> Browser:
    return Browser(application(service), {"Authorization": f"Bearer {service.secret}"})


def send_csv(api: Browser, text: str | bytes = FILE, query: str = "", **more: str) -> Any:
    content = text.encode() if isinstance(text, str) else text
    headers = {"Content-Type": "text/csv", **more}
    return api("POST", f"/v1/batches{query}", content=content, headers=headers)


def finish(service: Any, batch_id: str) -> None:
    """Do what a worker does until the batch has ended."""
    while not service.intake.batch_view(service.caller, batch_id, limit=0).is_final:
        service.intake.feed(32)
        asyncio.run(work(service))


def fits(body: Any) -> bool:
    """Hold an answer against the description."""
    document = openapi.document("https://warmcall.example")
    shape = {"$ref": "#/components/schemas/Batch", "components": document["components"]}
    jsonschema.Draft202012Validator(shape).validate(body)
    return True


@pytest.mark.parametrize(
    "body",
    [
        [{"email": SARAH}, {"name": "Dana Okafor", "domain": "acme.example"}],
        {"prospects": [{"email": SARAH}, {"name": "Dana Okafor", "domain": "acme.example"}]},
    ],
)
def test_a_list_becomes_a_batch_that_is_followed_to_its_end(
    service: Any, api: Browser, body: Any
) -> None:
    answer = api("POST", "/v1/batches", json=body)
    begun = answer.json()
    assert answer.status_code == 202
    assert answer.headers["location"] == begun["links"]["self"] == f"{BASE}/{begun['batch_id']}"
    assert (begun["status"], begun["total"], begun["ended"]) == ("first_pass", 2, 0)
    finish(service, begun["batch_id"])
    ended = api("GET", f"/v1/batches/{begun['batch_id']}").json()
    assert fits(begun)
    assert fits(ended)
    assert (ended["status"], ended["matched"], ended["match_rate"]) == ("ended", 2, 1.0)
    assert ended["verified_rate"] == 1.0
    assert ended["providers"] == [
        {"provider": "sandbox", "asked": 2, "matched": 2, "hit_rate": 1.0}
    ]
    assert ended["credits_spent"] == 5.0  # two people, and their company once
    first, second = ended["rows"]
    assert first["given"] == {"email": SARAH, "domain": "", "name": ""}
    assert (first["status"], second["position"]) == ("complete", 1)
    assert api("GET", first["links"]["self"].removeprefix("https://warmcall.example")).json()


def test_a_file_comes_back_with_our_columns_behind_its_own(service: Any, api: Browser) -> None:
    begun = send_csv(api).json()
    early = api("GET", f"/v1/batches/{begun['batch_id']}.csv")
    assert early.text.splitlines()[1].startswith(f"7,{SARAH},waiting,")
    finish(service, begun["batch_id"])
    answer = api("GET", f"/v1/batches/{begun['batch_id']}.csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert "attachment" in answer.headers["content-disposition"]
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert list(rows[0])[:4] == ["Deal", "E-mail", "warmcall_status", "warmcall_full_name"]
    told = [(row["Deal"], row["warmcall_status"], row["warmcall_full_name"]) for row in rows]
    assert told == [
        ("7", "complete", "Sarah Chen"),
        ("8", "complete", "Marcus Webb"),
        ("9", "invalid_prospect", ""),
    ]
    assert rows[0]["warmcall_card"].startswith("https://warmcall.example/card/")


def test_a_long_file_is_read_page_by_page(service: Any, api: Browser) -> None:
    rows = "\n".join(f"p{number}@acme.example" for number in range(250))
    begun = send_csv(api, f"email\n{rows}\n").json()
    assert (len(begun["rows"]), begun["total"]) == (0, 250)
    page = api("GET", f"/v1/batches/{begun['batch_id']}?offset=100&limit=20").json()
    assert [row["position"] for row in page["rows"]] == list(range(100, 120))
    assert page["next_offset"] == 120
    last = api("GET", f"/v1/batches/{begun['batch_id']}?offset=240").json()
    assert "next_offset" not in last
    text = api("GET", f"/v1/batches/{begun['batch_id']}.csv").text
    assert len(text.splitlines()) == 251


def test_a_form_carries_a_file_and_its_terms(service: Any, api: Browser) -> None:
    files = {"file": ("leads.csv", FILE.encode(), "application/vnd.ms-excel")}
    terms = {"max_credits": "1", "fields": "person", "column": "e-mail"}
    answer = api("POST", "/v1/batches", files=files, data=terms)
    assert answer.status_code == 202, answer.text
    batch_id = answer.json()["batch_id"]
    finish(service, batch_id)
    ended = api("GET", f"/v1/batches/{batch_id}").json()
    assert (ended["max_credits"], ended["credits_spent"]) == (1.0, 1.0)
    assert ended["problems"] == {"budget_exhausted": 1, "invalid_prospect": 1}
    assert [row.get("problem") for row in ended["rows"]] == [
        None,
        "budget_exhausted",
        "invalid_prospect",
    ]


def test_terms_may_stand_in_the_query_and_a_body_goes_before_them(
    service: Any, api: Browser
) -> None:
    body = {"prospects": [{"email": SARAH}], "max_credits": 2}
    answer = api("POST", "/v1/batches?max_credits=7&preset=person", json=body)
    assert answer.json()["max_credits"] == 2.0
    finish(service, answer.json()["batch_id"])
    [row] = api("GET", f"/v1/batches/{answer.json()['batch_id']}").json()["rows"]
    job = api("GET", f"/v1/jobs/{row['job_id']}").json()
    assert list(job["sections"]) == ["person"]


def test_the_same_key_is_the_same_batch_and_another_body_is_refused(api: Browser) -> None:
    key = {"Idempotency-Key": "upload-7"}
    first, again = send_csv(api, **key), send_csv(api, **key)
    assert first.json()["batch_id"] == again.json()["batch_id"]
    assert again.status_code == 202
    assert is_problem(
        send_csv(api, FILE + "10,x@acme.example\n", **key), 422, "idempotency_mismatch"
    )
    other = send_csv(api, FILE, "?refresh=true", **key)
    assert is_problem(other, 422, "idempotency_mismatch")


def test_every_bad_row_of_a_list_is_named(api: Browser) -> None:
    rows = [{"email": SARAH}, {"email": "nonsense"}, {"name": "Jane Roe"}, {"emial": SARAH}, 7]
    answer = api("POST", "/v1/batches", json=rows)
    assert is_problem(answer, 422, "invalid_request")
    assert {"1", "2", "3.emial", "4"} <= bad_fields(answer).keys()
    many = [{"email": f"nonsense{number}"} for number in range(500)]
    answer = api("POST", "/v1/batches", json={"prospects": many})
    assert is_problem(answer, 422, "invalid_prospect")
    assert len(answer.json()["errors"]) == 100


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ("", "file"),
        ("email\n", "file"),
        ("colour,size\nred,4\n", "column"),
        ("email\nnonsense\n", "file"),
        ("email\n" + "a@acme.example\n" * 10_001, "file"),
        (f"email\n{SARAH},1,2\n", "row 1"),
        (f'email\n"{SARAH}\n', "file"),
        (b"PK\x03\x04workbook", "file"),
    ],
)
def test_a_file_that_cannot_be_asked_for_is_refused_with_what_is_wrong(
    api: Browser, content: Any, named: str
) -> None:
    answer = send_csv(api, content)
    assert is_problem(answer, 422, "invalid_request")
    assert named in bad_fields(answer)


@pytest.mark.parametrize(
    ("kind", "content", "status", "code"),
    [
        ("application/pdf", b"x", 415, "unsupported_media_type"),
        ("", b"x", 415, "unsupported_media_type"),
        ("application/json", b"[", 400, "invalid_json"),
        ("application/json", b"[]", 422, "invalid_request"),
        ("application/json", b'{"prospects":[]}', 422, "invalid_request"),
        ("application/json", b'"x"', 422, "invalid_request"),
        ("multipart/form-data", b"x", 400, "bad_request"),
        ("multipart/form-data; boundary=x", b"--x--", 422, "invalid_request"),
        ("text/csv", b"x" * 10_200_000, 413, "body_too_large"),
        ("text/csv", b"x" * 10_050_000, 422, "invalid_request"),
    ],
    ids=range(10),
)
def test_what_is_no_batch_is_refused(
    api: Browser, kind: str, content: bytes, status: int, code: str
) -> None:
    headers = {"Content-Type": kind} if kind else {}
    assert is_problem(api("POST", "/v1/batches", content=content, headers=headers), status, code)


@pytest.mark.parametrize(
    "query", ["?colour=red", "?max_credits=-1", "?fields=person,shoes", "?callback_url=x&preset=y"]
)
def test_bad_terms_are_named(api: Browser, query: str) -> None:
    answer = send_csv(api, FILE, query)
    assert is_problem(answer, 422, "invalid_request")
    assert bad_fields(answer).keys() & {"colour", "max_credits", "fields", "preset"}


def test_a_callback_to_a_refused_address_starts_nothing(api: Browser) -> None:
    answer = send_csv(api, FILE, "?callback_url=https://10.0.0.1/")
    assert is_problem(answer, 422, "invalid_request")


def test_the_end_is_told_to_the_callback(service: Any, api: Browser) -> None:
    begun = send_csv(api, FILE, "?callback_url=https://hooks.acme.example/done").json()
    finish(service, begun["batch_id"])
    [told] = service.postbox.got
    assert (told.event, told.address.target) == (
        "batch.completed",
        "https://hooks.acme.example/done",
    )
    assert (told.body["batch_id"], told.body["matched"]) == (begun["batch_id"], 2)
    assert told.body["links"]["csv"].endswith(f"/v1/batches/{begun['batch_id']}.csv")
    assert "sarah" not in json.dumps(told.body)


def events_of(answer: httpx.Response) -> list[dict[str, str]]:
    parts = [part for part in answer.text.replace("\r\n", "\n").split("\n\n") if "data:" in part]
    return [
        dict(line.split(": ", 1) for line in part.splitlines() if ": " in line) for part in parts
    ]


def test_events_tell_how_far_it_is_and_end_with_the_batch(service: Any, api: Browser) -> None:
    batch_id = send_csv(api).json()["batch_id"]
    finish(service, batch_id)
    [last] = events_of(api("GET", f"/v1/batches/{batch_id}/events"))
    assert last["event"] == "batch"
    assert json.loads(last["data"])["status"] == "ended"
    again = {"Last-Event-ID": last["id"]}
    assert api("GET", f"/v1/batches/{batch_id}/events", headers=again).status_code == 204


@pytest.mark.parametrize("path", ["", ".csv", "/events"])
def test_nobody_elses_batch_is_shown(service: Any, api: Browser, path: str) -> None:
    batch_id = send_csv(api).json()["batch_id"]
    _, secret = service.intake.create_key("stranger")
    stranger = Browser(api.app, {"Authorization": f"Bearer {secret}"})
    assert is_problem(stranger("GET", f"/v1/batches/{batch_id}{path}"), 404, "not_found")
    assert is_problem(api("GET", f"/v1/batches/batch_x{path}"), 404, "not_found")


def test_a_key_without_the_scope_starts_no_batch(service: Any, api: Browser) -> None:
    _, secret = service.intake.create_key("reader", scopes=frozenset({"read"}))
    reader = Browser(api.app, {"Authorization": f"Bearer {secret}"})
    assert is_problem(send_csv(reader), 403, "forbidden")
