"""Calls of `prepare_call` as tasks: the task is the job, under the job's own id."""

from functools import partial
from typing import Any

from mcp.server.mcpserver.utilities.func_metadata import FuncMetadata, func_metadata
from mcp.shared.exceptions import MCPError
from mcp_types import INVALID_PARAMS, CallToolRequestParams
from pydantic import ValidationError

from app.errors import Conflict, WarmcallError
from app.intake import Ask, JobView
from app.job import Status
from app.prospect import identify
from integrations.mcp import render, tools
from integrations.mcp.consent import price, refreshing
from integrations.mcp.front import Front
from integrations.mcp.tasks import Asking, Task, Tasks, TaskStatus

POLL_MS = 1_000


def card_tasks() -> Tasks:
    """Return the extension for the tool that takes seconds."""
    arguments = func_metadata(tools.prepare_call, skip_names=["ctx", "consent"])
    return Tasks(
        start={"prepare_call": partial(_start, arguments)},
        get=_get,
        cancel=_cancel,
    )


async def _start(
    arguments: FuncMetadata, params: CallToolRequestParams, ctx: Asking
) -> Task | None:
    """Begin a job; None when there is none to wait for, or the tool has something to say first."""
    front: Front = ctx.lifespan_context
    try:
        given = arguments.validate_arguments(params.arguments or {})
        view = await _begun(front, given)
    except (ValidationError, WarmcallError):
        return None
    return None if view is None or view.is_final else _task(front, view)


async def _begun(front: Front, given: dict[str, Any]) -> JobView | None:
    caller, prospect = front.require("spend"), identify(given["prospect"])
    ask = Ask(prospect=prospect)
    if given["refresh"]:
        ask = refreshing(prospect)
        if not given["confirm"] and await price(front, [ask]) > front.ask_above:
            return None
    return await front.run(partial(front.intake.request, caller, ask))


async def _get(job_id: str, ctx: Asking) -> Task | None:
    front: Front = ctx.lifespan_context
    try:
        return _task(front, await front.seen(front.require("read"), job_id))
    except WarmcallError:
        return None


async def _cancel(job_id: str, ctx: Asking) -> None:
    """Cancel the job, unless it has ended or others wait for it too."""
    front: Front = ctx.lifespan_context
    try:
        await front.run(partial(front.intake.cancel, front.require("write"), job_id))
    except Conflict:
        return
    except WarmcallError as exc:
        raise MCPError(INVALID_PARAMS, str(exc)) from exc


def _task(front: Front, view: JobView) -> Task:
    status = TaskStatus.completed if view.is_final else TaskStatus.working
    if view.status is Status.cancelled:
        status = TaskStatus.cancelled
    result = None
    if status is TaskStatus.completed:
        answer = tools.both(render.answer(view, front.base_url))
        result = answer.model_dump(by_alias=True, mode="json", exclude_none=True)
    return Task(
        id=view.id,
        status=status,
        created_at=view.created_at,
        updated_at=view.updated_at,
        poll_ms=POLL_MS,
        message=view.status.value.replace("_", " "),
        result=result,
    )
