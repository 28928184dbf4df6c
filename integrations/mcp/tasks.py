"""The Tasks extension of MCP: a slow call is answered with a task, which the client asks after.

SEP-2663 (final), for revision 2026-07-28 of the protocol, read 2026-11-21. mcp 2.3 does not have
it; its own task types are those of 2025-11-25, which look different on the wire. Other revisions
and clients that do not declare the extension get the ordinary answer of the tool.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.extension import Extension, MethodBinding
from mcp.server.mcpserver import require_client_extension
from mcp.shared.exceptions import MCPError
from mcp_types import HEADER_MISMATCH, INVALID_PARAMS, CallToolRequestParams, RequestParams
from pydantic import Field

from app.facts import Json
from app.wire import iso

TASKS = "io.modelcontextprotocol/tasks"
REVISIONS = frozenset({"2026-07-28"})

MAX_ID = 200
"""Characters of a task id that are looked at."""

MAX_ANSWERS = 50
"""Questions that one `tasks/update` may answer."""

Asking = ServerRequestContext[Any, Any]


class TaskStatus(StrEnum):
    """What the extension calls the states of a task; the last three are final."""

    working = "working"
    input_required = "input_required"
    completed = "completed"
    cancelled = "cancelled"
    failed = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One task as the client sees it.

    `result` belongs to `completed`: a whole tool result, also one that is an error. `error` belongs
    to `failed`: a JSON-RPC error. `questions` belong to `input_required`, by id. `keep_ms` is how
    long the task can be asked after, None = as long as the server likes.
    """

    id: str
    status: TaskStatus
    created_at: datetime
    updated_at: datetime
    poll_ms: int
    keep_ms: int | None = None
    message: str | None = None
    result: Mapping[str, Json] | None = field(default=None, repr=False)
    error: Mapping[str, Json] | None = None
    questions: Mapping[str, Json] | None = None

    def created(self) -> dict[str, Any]:
        """Return the task as the answer to the call that it stands for."""
        told: dict[str, Any] = {
            "taskId": self.id,
            "status": self.status.value,
            "createdAt": iso(self.created_at),
            "lastUpdatedAt": iso(self.updated_at),
            "ttlMs": self.keep_ms,
            "pollIntervalMs": self.poll_ms,
        }
        return told | ({"statusMessage": self.message} if self.message else {})

    def detailed(self) -> dict[str, Any]:
        """Return the task as the answer to `tasks/get`, with what it came to or waits for."""
        more = {"result": self.result, "error": self.error, "inputRequests": self.questions}
        return self.created() | {name: part for name, part in more.items() if part is not None}


Start = Callable[[CallToolRequestParams, Asking], Awaitable[Task | None]]
"""Begin what a call asks for and store it. None when the call is better answered at once, or when
its arguments are wrong: the tool itself then says so."""

Look = Callable[[str, Asking], Awaitable[Task | None]]
"""Return the caller's task with this id; None when there is none, or it is somebody else's."""

Cancel = Callable[[str, Asking], Awaitable[None]]
"""Ask the caller's task, which exists, to stop. A task that has ended stays as it is."""

Update = Callable[[str, Mapping[str, Any], Asking], Awaitable[None]]
"""Give the caller's task, which exists, answers to its questions; unknown ones are ignored."""


class TaskParams(RequestParams):
    """The parameters of `tasks/get` and `tasks/cancel`."""

    task_id: str = Field(alias="taskId", min_length=1, max_length=MAX_ID)


class AnswerParams(TaskParams):
    """The parameters of `tasks/update`."""

    answers: dict[str, Any] = Field(
        default_factory=dict, alias="inputResponses", max_length=MAX_ANSWERS
    )


class Tasks(Extension):
    """Turns calls of the tools in `start` into tasks for clients that declare the extension.

    `only` names tools that cannot answer otherwise: without the extension they are refused.
    Without `update` no task ever asks; answers are then acknowledged and ignored.
    """

    identifier = TASKS

    def __init__(
        self,
        *,
        start: Mapping[str, Start],
        get: Look,
        cancel: Cancel,
        update: Update | None = None,
        only: frozenset[str] = frozenset(),
    ) -> None:
        self._start = start
        self._get = get
        self._cancel = cancel
        self._update = update
        self._only = only

    async def intercept_tool_call(
        self, params: CallToolRequestParams, ctx: Asking, call_next: CallNext
    ) -> HandlerResult:
        """Answer with a task where that is possible, else as the tool does.

        Raises MCPError -32021 when a tool in `only` is called without the extension.
        """
        start = self._start.get(params.name)
        if start is None or ctx.protocol_version not in REVISIONS:
            return await call_next(ctx)
        if params.name in self._only:
            require_client_extension(ctx, TASKS)
        task = await start(params, ctx) if _declares(ctx) else None
        return await call_next(ctx) if task is None else {"resultType": "task", **task.created()}

    def methods(self) -> list[MethodBinding]:
        """Return the methods of the extension; `tasks/list` and `tasks/result` are no more."""
        return [
            MethodBinding("tasks/get", TaskParams, self._on_get, REVISIONS),
            MethodBinding("tasks/cancel", TaskParams, self._on_cancel, REVISIONS),
            MethodBinding("tasks/update", AnswerParams, self._on_update, REVISIONS),
        ]

    async def _on_get(self, ctx: Asking, params: TaskParams) -> HandlerResult:
        return {"resultType": "complete", **(await self._found(ctx, params)).detailed()}

    async def _on_cancel(self, ctx: Asking, params: TaskParams) -> HandlerResult:
        task = await self._found(ctx, params)
        await self._cancel(task.id, ctx)
        return {"resultType": "complete"}

    async def _on_update(self, ctx: Asking, params: AnswerParams) -> HandlerResult:
        task = await self._found(ctx, params)
        if self._update:
            await self._update(task.id, params.answers, ctx)
        return {"resultType": "complete"}

    async def _found(self, ctx: Asking, params: TaskParams) -> Task:
        """Return the task. Raises MCPError when this client cannot have it."""
        require_client_extension(ctx, TASKS)
        _check_name(ctx, params.task_id)
        task = await self._get(params.task_id, ctx)
        if task is None:
            raise MCPError(INVALID_PARAMS, "Unknown task", {"taskId": params.task_id})
        return task


def _declares(ctx: Asking) -> bool:
    capabilities = ctx.session.client_capabilities
    return bool(capabilities and TASKS in (capabilities.extensions or {}))


def _check_name(ctx: Asking, task_id: str) -> None:
    """Compare the `Mcp-Name` field, which proxies route by, with the body (SEP-2243)."""
    headers = getattr(ctx.request, "headers", None)  # there are none on stdio and in memory
    if headers is not None and headers.get("mcp-name") != task_id:
        raise MCPError(HEADER_MISMATCH, "The Mcp-Name header is not the taskId of the body")
