"""Waiting for jobs: nobody who waits does any work, so nobody who leaves stops any."""

import asyncio
from collections.abc import Iterator, Sequence
from typing import Any

from mcp.server.mcpserver import Context

from app.intake import Caller, JobView
from integrations.mcp.front import Front, front_of

STEP = 0.1
"""The share of what is left of the bar that one message moves it by."""


async def followed(
    ctx: Context[Front, Any], caller: Caller, view: JobView, wait_s: float
) -> JobView:
    """Return the job when it has ended or time is up, and tell the client what happens till then.

    The job runs in a worker: a client that cancels the call, or goes, does not cancel the job.
    """
    front, loop, bar = front_of(ctx), asyncio.get_running_loop(), Bar(ctx)
    end = loop.time() + wait_s
    await bar.tell(view)
    while not view.is_final and (left_s := end - loop.time()) > 0:
        if not await front.watcher.changed(view.id, view.version, left_s):
            break
        view = await front.seen(caller, view.id)
        await bar.tell(view)
    return view


async def all_ended(front: Front, job_ids: Sequence[str], wait_s: float) -> None:
    """Wait until these jobs have ended or time is up."""
    await asyncio.gather(*(front.watcher.final(job_id, wait_s) for job_id in job_ids))


class Bar:
    """The progress of one call: each message says something new, and the bar only grows."""

    def __init__(self, ctx: Context[Front, Any]) -> None:
        self._ctx = ctx
        self._said: set[str] = set()
        self._at = 0.0

    async def tell(self, view: JobView) -> None:
        """Tell the client what is new about a job."""
        for message in messages(view):
            if message not in self._said:
                self._said.add(message)
                self._at += (1 - self._at) * STEP
                await self._ctx.report_progress(self._at, 1.0, message)


def messages(view: JobView) -> Iterator[str]:
    """Say what has happened so far: who was asked, section by section, and how it ended."""
    if not view.is_final:
        yield view.status.value.replace("_", " ")
    for one in view.attempts:
        outcome = "remembered" if one.cached else one.outcome.replace("_", " ")
        yield f"{one.section}: {one.provider} {outcome}"
    if view.is_final:
        yield view.status.value.replace("_", " ")
