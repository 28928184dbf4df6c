"""The Tasks extension on the wire: `make test-mcp` runs the public suite's scenarios over it."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from mcp.server import MCPServer
from mcp_types import CallToolRequestParams
from starlette.testclient import TestClient

from integrations.mcp.tasks import TASKS, Asking, Task, Tasks, TaskStatus

REVISION = "2026-07-28"
AT = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)


class Desk:
    """Keeps one task that belongs to whoever sends `owner` as the value of a header."""

    def __init__(self) -> None:
        self.task = Task(
            id="job_1", status=TaskStatus.working, created_at=AT, updated_at=AT, poll_ms=500
        )
        self.started: list[dict[str, Any]] = []
        self.cancelled: list[str] = []

    async def start(self, params: CallToolRequestParams, _: Asking) -> Task | None:
        arguments = params.arguments or {}
        if "prospect" not in arguments:
            return None
        self.started.append(arguments)
        return self.task

    async def get(self, task_id: str, ctx: Asking) -> Task | None:
        assert ctx.request
        is_owner = ctx.request.headers.get("x-owner", "me") == "me"
        return self.task if task_id == self.task.id and is_owner else None

    async def cancel(self, task_id: str, _: Asking) -> None:
        self.cancelled.append(task_id)


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def client(desk: Desk) -> Iterator[TestClient]:
    start = {"prepare": desk.start, "only_as_task": desk.start}
    only = frozenset({"only_as_task"})
    tasks = Tasks(start=start, get=desk.get, cancel=desk.cancel, only=only)
    server: MCPServer[Any] = MCPServer("desk", extensions=[tasks])

    @server.tool()
    def prepare(prospect: str) -> str:
        return f"The card of {prospect}"

    @server.tool()
    def only_as_task(prospect: str) -> str:
        return prospect

    app = server.streamable_http_app(stateless_http=True)
    with TestClient(app, base_url="http://localhost:8000") as made:
        yield made


def ask(
    client: TestClient, method: str, subject: str, *, extension: bool = True, **params: Any
) -> dict[str, Any]:
    """Send one request of the newest revision and return its answer."""
    extensions: dict[str, Any] = {TASKS: {}} if extension else {}
    meta = {
        "io.modelcontextprotocol/protocolVersion": REVISION,
        "io.modelcontextprotocol/clientCapabilities": {"extensions": extensions},
    }
    headers = {
        "Accept": "application/json, text/event-stream",
        "MCP-Protocol-Version": REVISION,
        "Mcp-Method": method,
        "Mcp-Name": subject,
        **params.pop("headers", {}),
    }
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": {**params, "_meta": meta}}
    answer: dict[str, Any] = client.post("/mcp", json=body, headers=headers).json()
    return answer


def call(client: TestClient, tool: str = "prepare", **options: Any) -> dict[str, Any]:
    arguments = options.pop("arguments", {"prospect": "jane.doe@initech.example"})
    return ask(client, "tools/call", tool, name=tool, arguments=arguments, **options)


def look(client: TestClient, method: str = "tasks/get", **options: Any) -> dict[str, Any]:
    return ask(client, method, "job_1", taskId="job_1", **options)


def test_a_call_becomes_a_task_for_a_client_that_declares_the_extension(
    client: TestClient, desk: Desk
) -> None:
    result = call(client)["result"]
    result.pop("_meta")
    assert result == {
        "resultType": "task",
        "taskId": "job_1",
        "status": "working",
        "createdAt": "2026-11-21T09:00:00Z",
        "lastUpdatedAt": "2026-11-21T09:00:00Z",
        "ttlMs": None,
        "pollIntervalMs": 500,
    }
    assert desk.started == [{"prospect": "jane.doe@initech.example"}]


def test_other_clients_get_the_answer_of_the_tool(client: TestClient, desk: Desk) -> None:
    result = call(client, extension=False)["result"]
    assert result["content"][0]["text"] == "The card of jane.doe@initech.example"
    assert desk.started == []


def test_wrong_arguments_are_told_by_the_tool(client: TestClient) -> None:
    assert call(client, arguments={})["result"]["isError"] is True


def test_a_tool_that_is_only_a_task_is_refused_without_the_extension(client: TestClient) -> None:
    error = call(client, "only_as_task", extension=False)["error"]
    assert error["code"] == -32021
    assert error["data"]["requiredCapabilities"]["extensions"] == {TASKS: {}}


def test_a_task_that_has_ended_carries_its_result(client: TestClient, desk: Desk) -> None:
    desk.task = Task(
        id="job_1",
        status=TaskStatus.completed,
        created_at=AT,
        updated_at=AT,
        poll_ms=500,
        message="complete",
        result={"content": [], "isError": True},
    )
    told = look(client)["result"]
    assert (told["resultType"], told["status"]) == ("complete", "completed")
    assert (told["statusMessage"], told["result"]["isError"]) == ("complete", True)


def test_a_task_is_cancelled_and_the_answer_says_nothing_else(
    client: TestClient, desk: Desk
) -> None:
    told = look(client, "tasks/cancel")["result"]
    told.pop("_meta")
    assert told == {"resultType": "complete"}
    assert desk.cancelled == ["job_1"]


def test_answers_that_nobody_asked_for_are_acknowledged(client: TestClient) -> None:
    told = look(client, "tasks/update", inputResponses={"q": {"action": "accept"}})["result"]
    assert told["resultType"] == "complete"


@pytest.mark.parametrize("method", ["tasks/get", "tasks/cancel", "tasks/update"])
def test_a_task_of_somebody_else_is_unknown(client: TestClient, desk: Desk, method: str) -> None:
    error = look(client, method, headers={"x-owner": "somebody else"})["error"]
    assert (error["code"], error["data"]) == (-32602, {"taskId": "job_1"})
    assert desk.cancelled == []


@pytest.mark.parametrize("method", ["tasks/get", "tasks/cancel", "tasks/update"])
def test_tasks_need_the_extension_and_a_header_that_says_the_same(
    client: TestClient, method: str
) -> None:
    assert look(client, method, extension=False)["error"]["code"] == -32021
    assert look(client, method, headers={"Mcp-Name": "job_2"})["error"]["code"] == -32020


@pytest.mark.parametrize("method", ["tasks/list", "tasks/result"])
def test_what_older_revisions_had_is_gone(client: TestClient, method: str) -> None:
    assert look(client, method)["error"]["code"] == -32601
