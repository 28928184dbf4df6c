"""The main job in a terminal: ask, watch the stages while it runs, print the card."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from threading import Event
from time import monotonic

import orjson
import typer
from rich.console import Console
from rich.live import Live

from app.intake import Intake
from app.views import Ask, Caller, JobView
from integrations.cli import render
from integrations.cli.standby import standby
from integrations.rest import render as rest
from integrations.runtime import Runtime

POLL_S = 0.1

Watch = Callable[[JobView], None]


@contextmanager
def brief(parts: Runtime, ask: Ask, wait: timedelta) -> Iterator[JobView]:
    """Ask for a card, wait for it no longer than `wait`, and yield what is known then.

    While no other worker is alive the job runs in this process. What is unfinished when the
    caller is done gets some seconds to end, for an answer under way may be paid for already; then
    it goes back to the queue.
    """
    caller = parts.intake.local_caller()
    view = parts.intake.request(caller, ask)
    if view.is_final:
        yield view
        return
    with standby(parts) as step_in:
        with _stages() as watch:
            view = _follow(parts.intake, caller, view, wait, watch, step_in)
        yield view


def _follow(
    intake: Intake,
    caller: Caller,
    view: JobView,
    wait: timedelta,
    watch: Watch,
    step_in: Callable[[], None],
) -> JobView:
    until, pause = monotonic() + wait.total_seconds(), Event()
    watch(view)
    while not view.is_final and monotonic() < until:
        step_in()
        pause.wait(POLL_S)
        if intake.versions([view.id]).get(view.id, (0, True))[0] != view.version:
            view = intake.job(caller, view.id)
            watch(view)
    return view


@contextmanager
def _stages() -> Iterator[Watch]:
    """Yield what shows the stages: live on a terminal, nothing when the output is piped."""
    console = Console()
    if not console.is_terminal:
        yield lambda view: None
        return
    with Live(console=console, transient=True, refresh_per_second=8) as live:
        yield lambda view: live.update(render.stages(view))


def show(view: JobView, layout: render.Layout, base_url: str, now: datetime) -> None:
    """Print the job as the caller wants to read it."""
    if layout is render.Layout.json:
        shown = orjson.dumps(rest.job(view, base_url), option=orjson.OPT_INDENT_2)
        typer.echo(shown.decode())
    elif layout is render.Layout.markdown:
        typer.echo(render.markdown(view, now))
    else:
        typer.echo(render.text(view, now, Console()))
