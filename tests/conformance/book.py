"""The slow tools that the public suite names, as tasks that live in this process."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import uuid4

from mcp_types import INTERNAL_ERROR, CallToolRequestParams, CallToolResult, TextContent

from app.facts import Json
from integrations.mcp.tasks import Asking, Task, TaskStatus
from integrations.runtime import now

POLL_MS = 200
KEPT_MS = 300_000
FAILS_AFTER_S = 1

QUESTION: Json = {
    "method": "elicitation/create",
    "params": {
        "message": "Go on?",
        "requestedSchema": {
            "type": "object",
            "properties": {"confirm": {"type": "boolean"}},
            "required": ["confirm"],
        },
    },
}


@dataclass
class Entry:
    """A task and what works on it; `answers` come in one by one."""

    task: Task
    answers: dict[str, Any] = field(default_factory=dict)
    answered: asyncio.Event = field(default_factory=asyncio.Event)
    working: asyncio.Task[None] | None = None


Work = Callable[[Entry, Mapping[str, Any]], Awaitable[CallToolResult]]


def said(text: str, *, is_error: bool = False) -> CallToolResult:
    """Return a tool's result that is one line of text."""
    return CallToolResult(content=[TextContent(type="text", text=text)], is_error=is_error)


class Book:
    """Keeps the tasks of one process: start, get, cancel and update for the extension."""

    def __init__(self) -> None:
        self._entries: dict[str, Entry] = {}

    def starting(self, work: Work) -> Callable[..., Awaitable[Task | None]]:
        """Return how a call of a tool that does this work becomes a task."""

        async def start(params: CallToolRequestParams, _: Asking) -> Task | None:
            return self.open(work, params.arguments or {})

        return start

    async def start_when_named(self, params: CallToolRequestParams, _: Asking) -> Task | None:
        """Start `test_tool_with_task` once the question it asks first has its answer."""
        answer = (params.input_responses or {}).get("user_name")
        content = getattr(answer, "content", None)
        return self.open(_greet, content) if content else None

    def open(self, work: Work, arguments: Mapping[str, Any]) -> Task:
        """Open a task and begin its work."""
        task = Task(
            id=f"task_{uuid4().hex}",
            status=TaskStatus.working,
            created_at=now(),
            updated_at=now(),
            poll_ms=POLL_MS,
            keep_ms=KEPT_MS,
        )
        entry = self._entries[task.id] = Entry(task)
        entry.working = asyncio.create_task(_work(entry, work, arguments))
        return task

    async def get(self, task_id: str, _: Asking) -> Task | None:
        """Return a task of this process."""
        entry = self._entries.get(task_id)
        return entry.task if entry else None

    async def cancel(self, task_id: str, _: Asking) -> None:
        """Stop a task that works."""
        entry = self._entries[task_id]
        if entry.working and not entry.working.done():
            entry.working.cancel()
            _move(entry, TaskStatus.cancelled, questions=None)

    async def update(self, task_id: str, answers: Mapping[str, Any], _: Asking) -> None:
        """Take answers to questions that are open."""
        entry = self._entries[task_id]
        open_ones = dict(entry.task.questions or {})
        for name in open_ones.keys() & answers.keys():
            entry.answers[name] = answers[name]
            del open_ones[name]
        if open_ones:
            _move(entry, TaskStatus.input_required, questions=open_ones)
        elif entry.task.status == TaskStatus.input_required:
            _move(entry, TaskStatus.working, questions=None)
            entry.answered.set()


def _move(entry: Entry, status: TaskStatus, **changes: Any) -> None:
    entry.task = replace(entry.task, status=status, updated_at=now(), **changes)


async def _work(entry: Entry, work: Work, arguments: Mapping[str, Any]) -> None:
    try:
        result = await work(entry, arguments)
    except RuntimeError:
        error: Json = {"code": INTERNAL_ERROR, "message": "The work broke off"}
        _move(entry, TaskStatus.failed, error=error)
        return
    dumped = result.model_dump(by_alias=True, mode="json", exclude_none=True)
    _move(entry, TaskStatus.completed, result=dumped)


async def compute(_: Entry, arguments: Mapping[str, Any]) -> CallToolResult:
    """Do nothing for `seconds`."""
    await asyncio.sleep(float(arguments.get("seconds", 0)))
    return said(f"Computed {arguments.get('label', 'nothing')}")


async def fail(_: Entry, __: Mapping[str, Any]) -> CallToolResult:
    """End as a tool that tells of an error."""
    await asyncio.sleep(FAILS_AFTER_S)
    return said("The job failed", is_error=True)


async def break_off(_: Entry, __: Mapping[str, Any]) -> CallToolResult:
    """End as a tool that never answers."""
    raise RuntimeError


async def ask_once(entry: Entry, _: Mapping[str, Any]) -> CallToolResult:
    """Ask one question."""
    return await _ask(entry, "confirm")


async def ask_twice(entry: Entry, _: Mapping[str, Any]) -> CallToolResult:
    """Ask two questions at the same time."""
    return await _ask(entry, "first", "second")


async def _ask(entry: Entry, *names: str) -> CallToolResult:
    _move(entry, TaskStatus.input_required, questions=dict.fromkeys(names, QUESTION))
    await entry.answered.wait()
    return said(f"Answered: {', '.join(sorted(entry.answers))}")


async def _greet(_: Entry, arguments: Mapping[str, Any]) -> CallToolResult:
    return said(f"Hello, {arguments['name']}!")
