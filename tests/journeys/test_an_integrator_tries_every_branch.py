"""Every magic address of the sandbox, as an integrator tries them: through REST and the CLI."""

import subprocess
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import orjson
import pytest

from tests.journeys.conftest import Service
from tests.journeys.stack import Job, ask, json_of, outcomes, wait_until

BRANCHES = {  # local part -> (exit code, status)
    "slow": (0, "complete"),
    "partial": (0, "partial"),
    "notfound": (3, "not_found"),
    "error": (1, "provider_error"),
    "ambiguous": (0, "ambiguous"),
    "stale": (0, "complete"),
    "ratelimited": (0, "complete"),
}

Briefs = dict[str, "Future[subprocess.CompletedProcess[str]]"]


@pytest.fixture(scope="module", autouse=True)
def briefs(service: Service) -> Iterator[Briefs]:
    """Run `warmcall brief` for every address of another company, beside what else is tried."""
    commands = {name: [f"{name}@zeta.example", "--format", "json"] for name in BRANCHES}
    commands["typo"] = ["nobody@"]
    with ThreadPoolExecutor(2) as pool:
        yield {
            name: pool.submit(service.stack.run, "brief", *words)
            for name, words in commands.items()
        }


def failed(job: Job) -> set[tuple[str, str]]:
    """Return the attempts that brought nothing, as (section, outcome)."""
    attempts = job["attempts"]
    return {(one["section"], one["outcome"]) for one in attempts if one["outcome"] != "matched"}


def test_an_address_without_magic_gives_the_whole_card(service: Service) -> None:
    job = ask(service.client, email="sarah.chen@acme.example")
    card = job["card"]
    assert (job["status"], set(job["sections"].values())) == ("complete", {"complete"})
    assert card["person"]["full_name"] == "Sarah Chen"
    assert (card["company"]["name"], card["company"]["founded_year"]) == ("Acme Corp", 2015)
    assert job["missing"] == []
    assert {one["source"] for one in job["facts"] if not one["inferred"]} == {"sandbox"}


def test_a_slow_person_is_answered_for_after_the_others(service: Service) -> None:
    body = {"email": "slow@acme.example"}
    started = service.client.post("/v1/enrich", json=body)
    assert started.status_code == 202
    path = f"/v1/jobs/{started.json()['job_id']}"
    running: list[Job] = []

    def knows_the_company() -> bool:
        running.append(json_of(service.client.get(path)))
        return "company" in running[-1]["card"]

    wait_until(knows_the_company, "the company while the person is still being looked up")
    assert running[-1]["status"] == "enrichment_in_progress"
    assert "full_name" not in running[-1]["card"].get("person", {})
    ended = json_of(service.client.get(path, headers={"Prefer": "wait=30"}))
    assert ended["status"] == "complete"
    assert ended["card"]["person"]["full_name"]


def test_a_person_nobody_answers_for_leaves_the_company(service: Service) -> None:
    job = ask(service.client, email="partial@acme.example")
    assert job["status"] == "partial"
    assert job["sections"]["person"] == "provider_error"
    assert job["sections"]["company"] == "complete"
    assert job["card"]["company"]["name"] == "Acme Corp"
    assert "title" not in job["card"].get("person", {})
    assert failed(job) == {("person", "provider_error")}


def test_nobody_found_is_remembered_and_free(service: Service) -> None:
    before = json_of(service.client.get("/v1/usage"))["used"]
    first = ask(service.client, email="notfound@acme.example")
    again = ask(service.client, email="notfound@acme.example")
    assert (first["status"], again["status"]) == ("not_found", "not_found")
    assert again["job_id"] == first["job_id"]
    assert again["served_from"] == "fresh_cache"
    assert first["credits_spent"] == 0
    assert json_of(service.client.get("/v1/usage"))["used"] == before


def test_when_every_provider_is_down_the_error_says_so(service: Service) -> None:
    job = ask(service.client, email="error@acme.example")
    assert (job["status"], set(job["sections"].values())) == ("provider_error", {"provider_error"})
    assert job["error"]["code"] == "provider_error"
    assert set(outcomes(job)) == {("sandbox", "provider_error")}
    assert job["credits_spent"] == 0


def test_of_three_who_could_be_meant_none_is_guessed(service: Service) -> None:
    job = ask(service.client, email="ambiguous@acme.example")
    assert (job["status"], job["sections"]["person"]) == ("ambiguous", "ambiguous")
    assert len({one["full_name"] for one in job["card"]["candidates"]}) == 3
    assert "full_name" not in job["card"].get("person", {})


def test_a_stale_card_is_shown_at_once_and_renewed_however_often_one_tries(
    service: Service,
) -> None:
    for _ in range(2):
        answer = service.client.post("/v1/enrich", json={"email": "stale@acme.example"})
        stale = json_of(answer)
        assert (answer.status_code, stale["served_from"]) == (200, "stale_cache")
        assert stale["card"]["person"]["full_name"]
        path = f"/v1/jobs/{stale['refresh_job_id']}"
        renewed = json_of(service.client.get(path, headers={"Prefer": "wait=30"}))
        assert (renewed["status"], renewed["served_from"]) == ("complete", "providers")


def test_a_provider_that_was_busy_is_asked_again(service: Service) -> None:
    job = ask(service.client, email="ratelimited@acme.example")
    assert job["status"] == "complete"
    [person] = [one for one in job["attempts"] if one["section"] == "person"]
    assert person["outcome"] == "matched"
    assert person["latency_ms"] >= 900  # the vendor's own Retry-After


@pytest.mark.parametrize("name", sorted(BRANCHES))
def test_the_command_line_tells_each_branch_by_its_exit_code(briefs: Briefs, name: str) -> None:
    told = briefs[name].result()
    assert (told.returncode, orjson.loads(told.stdout)["status"]) == BRANCHES[name]


def test_a_prospect_that_names_nobody_is_wrong_usage(briefs: Briefs) -> None:
    told = briefs["typo"].result()
    assert (told.returncode, told.stdout) == (2, "")
    assert told.stderr.count("\n") == 1
