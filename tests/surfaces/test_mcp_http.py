"""MCP over HTTP, in the real application: keys, hosts, headers, both eras at one URL."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from mcp import Client
from starlette.testclient import TestClient

from app.settings import Settings
from integrations.connection import Connection
from integrations.mcp.limits import READING
from integrations.mcp.tasks import TASKS
from integrations.runtime import Runtime, start
from integrations.web import application
from integrations.worker import Worker
from tests.fakes.serving import serve
from tests.surfaces.agents import ERAS, SARAH, connected, refused, told

eras = pytest.mark.parametrize("era", ERAS)
REVISION = "2026-07-28"
PUBLIC = "https://warmcall.example"


@pytest.fixture
def resting(tmp_path: Path) -> Iterator[Runtime]:
    """The whole service in this process, without a worker."""
    env = {"DATABASE_URL": f"sqlite:///{tmp_path}/warmcall.db", "WARMCALL_PUBLIC_URL": PUBLIC}
    parts = start(Settings.from_env(env))
    yield parts
    parts.close()


@contextmanager
def at_work(parts: Runtime) -> Iterator[None]:
    worker = Worker(parts)
    worker.start()
    yield
    worker.stop()


@pytest.fixture
def runtime(resting: Runtime) -> Iterator[Runtime]:
    """The whole service in this process, with a worker."""
    with at_work(resting):
        yield resting


@pytest.fixture
def secret(runtime: Runtime) -> str:
    return runtime.intake.create_key("agent")[1]


@pytest.fixture
def web(runtime: Runtime) -> Iterator[TestClient]:
    with TestClient(application(runtime), base_url="http://127.0.0.1:8000") as client:
        yield client


def post(web: TestClient, key: str, method: str, subject: str = "", **options: Any) -> Any:
    """Send one request of the newest revision and return its answer."""
    headers = {
        "Authorization": f"Bearer {key}",
        "Accept": "application/json, text/event-stream",
        "MCP-Protocol-Version": REVISION,
        "Mcp-Method": method,
        **({"Mcp-Name": subject} if subject else {}),
        **options.pop("headers", {}),
    }
    meta = {
        "io.modelcontextprotocol/protocolVersion": REVISION,
        "io.modelcontextprotocol/clientCapabilities": options.pop("capabilities", {}),
    }
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": {**options, "_meta": meta}}
    return web.post("/mcp", json=body, headers=headers)


def call(web: TestClient, key: str, tool: str, headers: Any = None, **arguments: Any) -> Any:
    answer = post(
        web, key, "tools/call", tool, name=tool, arguments=arguments, headers=headers or {}
    )
    return answer.json()


def with_client(
    runtime: Runtime, key: str, era: str, script: Callable[[Client], Awaitable[Any]]
) -> Any:
    """Let a client follow a script over real HTTP."""

    async def run(url: str) -> Any:
        async with connected(url, key, era) as client:
            return await script(client)

    with serve(application(runtime), http=Connection, lifespan="on") as url:
        return asyncio.run(run(url))


# both eras


@eras
def test_one_url_serves_both_eras(runtime: Runtime, secret: str, era: str) -> None:
    said: list[str | None] = []

    async def script(client: Client) -> dict[str, Any]:
        async def moved(progress: float, total: float | None, message: str | None) -> None:
            said.append(message)

        asked = {"prospect": SARAH}
        return told(await client.call_tool("prepare_call", asked, progress_callback=moved))

    assert with_client(runtime, secret, era, script)["status"] == "complete"
    assert "person: sandbox matched" in said


@eras
def test_what_the_sandbox_does_not_find_is_told(runtime: Runtime, secret: str, era: str) -> None:
    async def script(client: Client) -> list[str]:
        prospects = ["notfound@acme.example", "partial@acme.example", "error@acme.example"]
        asked = [client.call_tool("prepare_call", {"prospect": one}) for one in prospects]
        return [told(one)["status"] for one in await asyncio.gather(*asked)]

    statuses = with_client(runtime, secret, era, script)
    assert statuses == ["not_found", "partial", "provider_error"]


def test_only_post_is_allowed(web: TestClient, secret: str) -> None:
    for method in ("GET", "DELETE"):
        answer = web.request(method, "/mcp", headers={"Authorization": f"Bearer {secret}"})
        assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


def test_space_around_header_values_does_no_harm(web: TestClient, secret: str) -> None:
    headers = {"Mcp-Name": " get_usage \t", "Mcp-Method": " tools/call "}
    assert call(web, secret, "get_usage", headers)["result"]["structuredContent"]["used"] == 0


def test_a_body_too_large_is_refused(web: TestClient, secret: str) -> None:
    answer = post(web, secret, "tools/call", "get_usage", name="get_usage", filler="x" * 1_000_001)
    assert answer.status_code == 413


# who is let in


@pytest.mark.parametrize("header", ["", "Bearer wc_wrong", "Basic abc", "Bearer a.b.c"])
def test_nobody_comes_in_without_a_key(web: TestClient, header: str) -> None:
    answer = web.post("/mcp", json={}, headers={"Authorization": header})
    assert answer.status_code == 401
    assert "resource_metadata" not in answer.headers["www-authenticate"]


def test_a_revoked_key_lets_nobody_in(web: TestClient, runtime: Runtime) -> None:
    caller, secret = runtime.intake.create_key("agent")
    assert post(web, secret, "tools/list").status_code == 200
    runtime.intake.revoke_key(caller.id)
    assert post(web, secret, "tools/list").status_code == 401


def test_without_an_issuer_there_is_no_metadata(web: TestClient) -> None:
    assert web.get("/.well-known/oauth-protected-resource/mcp").status_code == 404


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "warmcall.example", "Origin": PUBLIC}, 200),
        ({"Host": "warmcall.example:443"}, 200),
        ({"Host": "localhost:8000", "Origin": "http://localhost:3000"}, 200),
        ({"Host": "evil.example"}, 421),
        ({"Host": "warmcall.example", "Origin": "https://evil.example"}, 403),
    ],
)
def test_requests_name_our_own_host_and_origin(
    web: TestClient, secret: str, headers: dict[str, str], status: int
) -> None:
    assert post(web, secret, "tools/list", headers=headers).status_code == status


PREFLIGHT = {"Access-Control-Request-Method": "POST"}


@pytest.mark.parametrize("origin", [PUBLIC, "http://localhost:5173", "http://[::1]"])
def test_a_page_of_our_own_origin_may_call_from_a_browser(web: TestClient, origin: str) -> None:
    asked = "authorization,mcp-method"
    headers = {"Origin": origin, **PREFLIGHT, "Access-Control-Request-Headers": asked}
    answer = web.options("/mcp", headers=headers)
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == origin
    assert answer.headers["access-control-allow-headers"] == asked
    refusal = web.post("/mcp", json={}, headers={"Origin": origin})
    assert refusal.status_code == 401
    assert refusal.headers["access-control-allow-origin"] == origin
    assert refusal.headers["access-control-expose-headers"] == "WWW-Authenticate"


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "http://localhost.evil.example", "null"]
)
def test_a_page_from_elsewhere_may_not(web: TestClient, secret: str, origin: str) -> None:
    assert web.options("/mcp", headers={"Origin": origin, **PREFLIGHT}).status_code == 400
    answer = post(web, secret, "tools/list", headers={"Origin": origin})
    assert answer.status_code == 403
    assert "access-control-allow-origin" not in answer.headers


def test_a_read_key_spends_nothing_here_either(web: TestClient, runtime: Runtime) -> None:
    _, reader = runtime.intake.create_key("reader", scopes=frozenset({"read"}))
    told = call(web, reader, "prepare_call", prospect=SARAH)["result"]
    assert told["isError"]
    assert runtime.intake.jobs(runtime.intake.local_caller()) == []


def test_two_keys_see_each_their_own(web: TestClient, runtime: Runtime, secret: str) -> None:
    _, other = runtime.intake.create_key("other")
    job = call(web, secret, "prepare_call", prospect=SARAH)["result"]["structuredContent"]["job_id"]
    for tool in ("get_enrichment", "cancel_enrichment"):
        assert call(web, other, tool, job_id=job)["result"]["isError"]


# what a connection narrows


def names(web: TestClient, key: str, **headers: str) -> set[str]:
    shown = post(web, key, "tools/list", headers=headers).json()["result"]
    assert shown["cacheScope"] == "private"
    return {tool["name"] for tool in shown["tools"]}


def test_a_read_only_connection_has_only_tools_that_read(
    web: TestClient, runtime: Runtime, secret: str
) -> None:
    only = {"X-Warmcall-Readonly": "true"}
    assert names(web, secret, **only) == READING
    assert (
        "read-only" in call(web, secret, "prepare_call", only, prospect=SARAH)["error"]["message"]
    )
    people = call(web, secret, "find_decision_makers", only, company_domain="acme.example")
    assert people["result"]["isError"]
    assert runtime.intake.jobs(runtime.intake.local_caller()) == []


def test_a_connection_may_ask_for_some_toolsets(web: TestClient, secret: str) -> None:
    assert names(web, secret, **{"X-Warmcall-Toolsets": "usage, people"}) == {
        "get_usage",
        "find_decision_makers",
    }
    both = {"X-Warmcall-Toolsets": "cards", "X-Warmcall-Readonly": "1"}
    assert names(web, secret, **both) == {"get_enrichment", "get_battlecard"}
    hidden = call(web, secret, "get_usage", {"X-Warmcall-Toolsets": "cards"})
    assert "does not allow" in hidden["error"]["message"]
    strange = post(web, secret, "tools/list", headers={"X-Warmcall-Toolsets": "cards,x"}).json()
    assert "there are cards, people" in strange["error"]["message"]


# the rest of the service


def test_requests_for_cards_are_counted(web: TestClient, secret: str) -> None:
    call(web, secret, "prepare_call", prospect=SARAH)
    counted = 'enrichment_requests_total{outcome="complete",surface="mcp"} 1.0'
    assert counted in web.get("/metrics").text


def test_rest_and_agents_share_jobs(web: TestClient, secret: str) -> None:
    job = call(web, secret, "prepare_call", prospect=SARAH)["result"]["structuredContent"]["job_id"]
    answer = web.get(f"/v1/jobs/{job}", headers={"Authorization": f"Bearer {secret}"})
    assert answer.json()["status"] == "complete"


# tasks

WITH_TASKS: dict[str, Any] = {"extensions": {TASKS: {}}}


def begun(web: TestClient, key: str) -> Any:
    """Ask for a card that takes time, and return the task."""
    asked = {"name": "prepare_call", "arguments": {"prospect": SARAH}}
    answer = post(web, key, "tools/call", "prepare_call", capabilities=WITH_TASKS, **asked)
    return answer.json()["result"]


def test_a_slow_call_is_a_task_for_who_declares_it(resting: Runtime) -> None:
    _, secret = resting.intake.create_key("agent")
    _, other = resting.intake.create_key("other")
    with TestClient(application(resting), base_url="http://127.0.0.1:8000") as web:
        task = begun(web, secret)
        job_id = task["taskId"]
        assert (task["resultType"], task["status"]) == ("task", "working")

        def look(key: str) -> Any:
            found = post(web, key, "tasks/get", job_id, taskId=job_id, capabilities=WITH_TASKS)
            return found.json()

        assert look(secret)["result"]["status"] == "working"
        assert look(other)["error"]["message"] == "Unknown task"
        with at_work(resting):
            call(web, secret, "get_enrichment", job_id=job_id, wait_seconds=30)
        seen = look(secret)["result"]
    assert seen["status"] == "completed"
    assert seen["result"]["structuredContent"]["job_id"] == job_id


def test_a_call_that_needs_no_time_is_no_task(web: TestClient, secret: str) -> None:
    call(web, secret, "prepare_call", prospect=SARAH)
    for arguments in ({"prospect": SARAH}, {"prospect": "hello"}, {}):
        asked = {"name": "prepare_call", "arguments": arguments}
        answer = post(web, secret, "tools/call", "prepare_call", capabilities=WITH_TASKS, **asked)
        assert answer.json()["result"]["resultType"] == "complete"


def test_a_task_is_cancelled_as_its_job_is(resting: Runtime) -> None:
    _, secret = resting.intake.create_key("agent")
    with TestClient(application(resting), base_url="http://127.0.0.1:8000") as web:
        job_id = begun(web, secret)["taskId"]
        ended = post(web, secret, "tasks/cancel", job_id, taskId=job_id, capabilities=WITH_TASKS)
        assert ended.json()["result"]["resultType"] == "complete"
        seen = call(web, secret, "get_enrichment", job_id=job_id)
    assert seen["result"]["structuredContent"]["status"] == "cancelled"


@eras
def test_a_refused_call_is_an_error_in_both_eras(runtime: Runtime, era: str) -> None:
    _, reader = runtime.intake.create_key("reader", scopes=frozenset({"read"}))

    async def script(client: Client) -> str:
        return refused(await client.call_tool("enrich_batch", {"prospects": [SARAH]}))

    assert "`spend`" in with_client(runtime, reader, era, script)
