"""What an API client does over a day: ask, wait, watch, stop, ask again, and take things back."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import jsonschema
import orjson
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.journeys.conftest import Service
from tests.journeys.stack import Job, ask, json_of

WAIT = {"Prefer": "wait=30"}


def test_a_request_that_was_sent_twice_is_done_once(service: Service) -> None:
    headers = {"Idempotency-Key": "order-4711", **WAIT}
    body = {"email": "ada.hill@life.example", "refresh": True}
    first, again = [
        json_of(service.client.post("/v1/enrich", json=body, headers=headers)) for _ in range(2)
    ]
    assert again["job_id"] == first["job_id"]
    other = service.client.post("/v1/enrich", json=body | {"refresh": False}, headers=headers)
    assert (other.status_code, json_of(other)["code"]) == (422, "idempotency_mismatch")
    assert ask(service.client, **body)["job_id"] != first["job_id"]


def test_a_job_is_announced_waited_for_and_not_sent_twice(service: Service) -> None:
    started = service.client.post("/v1/enrich", json={"email": "kay.hill@life.example"})
    assert started.status_code == 202
    assert int(started.headers["retry-after"]) > 0
    path = started.headers["location"].removeprefix(service.stack.url)
    assert path == f"/v1/jobs/{json_of(started)['job_id']}"
    ended = service.client.get(path, headers=WAIT)
    assert (ended.status_code, json_of(ended)["status"]) == (200, "complete")
    assert ended.headers["preference-applied"] == "wait=30"
    same = service.client.get(path, headers={"If-None-Match": ended.headers["etag"]})
    assert (same.status_code, same.content) == (304, b"")


def test_a_watcher_sees_every_change_and_then_the_end(service: Service) -> None:
    with service.slowly_known("lev.hill@example.com", 0.5) as body:
        job = json_of(service.client.post("/v1/enrich", json=body))
        events = list(streamed(service.client, f"/v1/jobs/{job['job_id']}/events"))
    told = [(kind, data.get("provider", data.get("status"))) for kind, data in events]
    assert told == [
        ("job", "queued"),
        ("job", "enrichment_in_progress"),
        ("provider", "peopledatalabs"),
        ("job", "complete"),
    ]
    assert [data["seq"] for _, data in events] == sorted(data["seq"] for _, data in events)


def streamed(client: httpx.Client, path: str) -> Iterator[tuple[str, Job]]:
    """Read server-sent events until the server ends the stream."""
    kind = ""
    with client.stream("GET", path) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        for line in answer.iter_lines():
            name, _, value = line.partition(": ")
            if name == "event":
                kind = value
            elif name == "data":
                yield kind, orjson.loads(value)


def test_a_running_job_can_be_stopped_and_then_asked_for_again(service: Service) -> None:
    body = {"email": "slow@stopped.example"}
    job = json_of(service.client.post("/v1/enrich", json=body))
    path = f"/v1/jobs/{job['job_id']}"
    assert service.client.post(f"{path}/cancel").status_code == 200
    assert json_of(service.client.get(path, headers=WAIT))["status"] == "cancelled"
    late = service.client.post(f"{path}/cancel")
    assert (late.status_code, json_of(late)["code"]) == (409, "conflict")
    again = ask(service.client, **body)
    assert (again["status"], again["job_id"] == job["job_id"]) == ("complete", False)


def test_a_forced_refresh_looks_up_again_what_is_fresh(service: Service) -> None:
    job = ask(service.client, email="ben.hill@life.example")
    renewed = service.client.post(f"/v1/jobs/{job['job_id']}/refresh")
    assert renewed.status_code == 202
    path = f"/v1/jobs/{json_of(renewed)['job_id']}"
    ended = json_of(service.client.get(path, headers=WAIT))
    assert ended["job_id"] != job["job_id"]
    assert ended["served_from"] == "providers"
    assert not any(one["cached"] for one in ended["attempts"])


def test_a_spent_allowance_says_when_it_starts_again(service: Service) -> None:
    [key] = service.stack.keys(1, quota=1)
    with service.stack.client(key) as poor:
        assert ask(poor, email="notfound@poor.example")["status"] == "not_found"
        assert ask(poor, email="cal.hill@poor.example")["status"] == "complete"
        refused = poor.post("/v1/enrich", json={"email": "dan.hill@poor.example"})
        problem = json_of(refused)
        assert (refused.status_code, problem["code"]) == (429, "quota_exceeded")
        assert datetime.fromisoformat(problem["resets_at"]) > datetime.now(UTC)
        assert int(refused.headers["retry-after"]) > 0
        assert ";r=0;" in refused.headers["ratelimit"]
        assert ask(poor, email="cal.hill@poor.example")["served_from"] == "fresh_cache"
        assert json_of(poor.get("/v1/usage"))["used"] == 1


def test_a_plan_names_its_price_and_asks_nobody(service: Service) -> None:
    used = json_of(service.client.get("/v1/usage"))
    calls = len(service.vendors.calls())
    plan = ask(service.client, email="vera.plan@example.org", dry_run=True)
    assert plan["max_credits"] > 0
    assert {step["provider"] for step in plan["steps"]} == {
        "peopledatalabs",
        "hunter",
        "datalegion",
    }
    assert len(service.vendors.calls()) == calls
    assert json_of(service.client.get("/v1/usage")) == used


def test_a_job_keeps_within_the_credits_it_was_given(service: Service) -> None:
    job = ask(service.client, email="eva.hill@thrift.example", max_credits=1)
    assert job["credits_spent"] <= 1
    assert job["status"] == "partial"
    assert "over max_credits" in {one["detail"] for one in job["attempts"]}


def test_the_synchronous_calls_answer_with_the_card(service: Service) -> None:
    person = service.client.post("/v1/person/enrich", json={"email": "fritz.hill@sync.example"})
    assert (person.status_code, set(json_of(person)["sections"])) == (200, {"person"})
    company = service.client.get("/v1/company/enrich", params={"domain": "sync.example"})
    assert company.status_code == 200
    assert "person" not in json_of(company)["sections"]
    late = service.client.post("/v1/person/enrich", json={"email": "slow@sync.example", "wait": 0})
    assert (late.status_code, json_of(late)["sections"]) == (202, {"person": "queued"})


def test_a_person_is_exported_erased_and_then_unknown_for_good(service: Service) -> None:
    email = "gil.hill@rights.example"
    job = ask(service.client, email=email)
    exported = service.client.get(f"/v1/prospects/{email}/export")
    assert "Gil Hill" in exported.text
    erased = json_of(service.client.delete(f"/v1/prospects/{email}"))["deleted"]
    assert erased["jobs"] == 1
    assert service.client.get(f"/v1/jobs/{job['job_id']}").status_code == 404
    left = json_of(service.client.get(f"/v1/prospects/{email}/export"))
    assert [left[kind] for kind in ("facts", "attempts", "jobs")] == [[], [], []]
    again = ask(service.client, email=email)
    assert (again["status"], again["attempts"]) == ("suppressed", [])


def test_a_suppressed_company_is_not_looked_up_nor_anybody_in_it(service: Service) -> None:
    added = service.client.post("/v1/suppressions", json={"domain": "shy.example"})
    assert (added.status_code, json_of(added)) == (200, {"suppressed": "domain"})
    for body in ({"domain": "shy.example"}, {"email": "hugo.hill@shy.example"}):
        job = ask(service.client, **body)
        assert (job["status"], job["attempts"], job["card"]) == ("suppressed", [], {})


def test_the_numbers_have_their_documented_names_and_move(service: Service) -> None:
    before = samples(service)
    ask(service.client, email="ira.hill@numbers.example")
    after = samples(service)
    asked = ("enrichment_requests_total", "complete", "rest")
    assert after[asked] == before.get(asked, 0) + 1
    ended = ("enrichment_latency_seconds_count",)
    assert after[ended] > before[ended]
    assert after[("enrichment_confidence_count",)] > before[("enrichment_confidence_count",)]
    spent = ("provider_credits_total", "sandbox")
    assert after[spent] >= before.get(spent, 0) + 4
    assert after[("provider_breaker_state", "hunter", "closed")] == 1
    assert after[("enrichment_queue_depth",)] == 0


def samples(service: Service) -> dict[tuple[str, ...], float]:
    """Read the metrics as Prometheus does: (name, label values by label) to number."""
    text = service.client.get("/metrics").text
    return {
        (sample.name, *(sample.labels[label] for label in sorted(sample.labels))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


CALLS = """
post /v1/enrich
get /v1/jobs/{job_id}
get /v1/jobs/{job_id}/events
post /v1/jobs/{job_id}/cancel
post /v1/jobs/{job_id}/refresh
post /v1/person/enrich
get /v1/company/enrich
get /v1/verify
get /v1/providers
get /v1/usage
get /v1/deliveries
post /v1/deliveries/{delivery_id}/replay
delete /v1/prospects/{email}
get /v1/prospects/{email}/export
get /healthz
get /readyz
get /metrics
get /openapi.json
get /docs
"""


@pytest.fixture(scope="module")
def document(service: Service) -> Any:
    return service.client.get("/openapi.json").json()


def test_the_document_describes_every_call_that_is_promised(document: Any) -> None:
    described = {f"{verb} {path}" for path, verbs in document["paths"].items() for verb in verbs}
    assert document["openapi"].startswith("3.1.")
    assert set(CALLS.split("\n")) - {""} <= described
    for path, verbs in document["paths"].items():
        for operation in verbs.values():
            named = {one["name"] for one in operation.get("parameters", ()) if one["in"] == "path"}
            assert named == set(re.findall(r"{(\w+)}", path))
            assert all(
                {"description", "$ref"} & set(one) for one in operation["responses"].values()
            )
    for schema in document["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)


def test_what_is_sent_is_what_the_document_says(service: Service, document: Any) -> None:
    job = ask(service.client, email="jo.hill@life.example")
    for path in (f"/v1/jobs/{job['job_id']}", "/v1/providers", "/v1/usage", "/v1/deliveries"):
        template = "/v1/jobs/{job_id}" if "/jobs/" in path else path
        told = document["paths"][template]["get"]["responses"]["200"]["content"]
        whole = {**told["application/json"]["schema"], "components": document["components"]}
        jsonschema.Draft202012Validator(whole).validate(service.client.get(path).json())


def test_the_service_says_that_it_is_up_and_ready(service: Service) -> None:
    for path in ("/healthz", "/readyz"):
        answer = httpx.get(f"{service.stack.url}{path}", trust_env=False, verify=False)
        assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_without_a_key_nothing_is_told(service: Service) -> None:
    answer = httpx.get(f"{service.stack.url}/v1/usage", trust_env=False, verify=False)
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")
    assert answer.headers["content-type"] == "application/problem+json"
