"""A file of prospects in a terminal: take it in, watch it, write the file that comes back."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from threading import Event

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from app import sheet
from app.errors import BadField, InvalidRequest
from app.results import lines
from app.views import BatchOrder, BatchView, Caller
from integrations.cli.standby import standby
from integrations.runtime import Runtime

POLL_S = 0.25
PAGE = 100  # rows that are read at a time

Watch = Callable[[BatchView], None]


def taken_in(
    parts: Runtime, file: Path, column: str | None, max_credits: float | None
) -> BatchView:
    """Take a file in. Raises InvalidRequest when it cannot be asked for, and OSError."""
    size = file.stat().st_size
    if size > sheet.MOST_BYTES:  # is not read
        message = f"The file is larger than {sheet.MOST_BYTES // 1_000_000} MB."
        raise InvalidRequest(message, [BadField("file", message)])
    order = BatchOrder(sheet=sheet.read(file.read_bytes(), column=column), max_credits=max_credits)
    return parts.intake.take_in(parts.intake.local_caller(), order)


def resumed(parts: Runtime, batch_id: str) -> BatchView:
    """Return a batch that was begun before. Raises NotFound."""
    return parts.intake.batch_view(parts.intake.local_caller(), batch_id, limit=0)


def followed(parts: Runtime, view: BatchView) -> BatchView:
    """Wait until a batch has ended; while no other worker is alive it runs in this process."""
    look = partial(parts.intake.batch_view, parts.intake.local_caller(), view.id, limit=0)
    pause = Event()
    with standby(parts) as step_in, _progress(view.total) as watch:
        while not view.is_final:
            step_in()
            pause.wait(POLL_S)
            view = look()
            watch(view)
    return view


@contextmanager
def _progress(total: int) -> Iterator[Watch]:
    """Yield what moves the bar: on a terminal, nothing when the errors are piped elsewhere."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda view: None
        return
    columns = (
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.description}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=total)
        yield lambda view: bar.update(task, completed=view.ended, description=_stage(view))


def _stage(view: BatchView) -> str:
    again = ", asking once more" if view.run and view.run.state == "second_pass" else ""
    return f"{view.matched:,} matched, {view.credits_spent:g} credits{again}"


def write(parts: Runtime, view: BatchView, out: Path) -> None:
    """Write the file of a batch: whole or not at all. Raises OSError."""
    part = out.with_name(f".{out.name}.{view.id}")
    try:
        with open(part, "w", encoding="utf-8", newline="", opener=_private) as made:
            made.writelines(_text(parts, parts.intake.local_caller(), view))
            made.flush()
            os.fsync(made.fileno())
        part.replace(out)
    finally:
        part.unlink(missing_ok=True)


def _private(path: str, flags: int) -> int:
    """Open a file that only its owner can read: it holds personal data."""
    return os.open(path, flags, 0o600)


def _text(parts: Runtime, caller: Caller, view: BatchView) -> Iterator[str]:
    base_url = parts.settings.base_url
    for offset in range(0, view.total, PAGE):
        page = parts.intake.batch_view(caller, view.id, offset=offset, limit=PAGE)
        told = lines(page.run, page.rows, base_url)
        if offset:
            next(told)  # the header
        yield from told


def summary(view: BatchView) -> str:
    """Return what a batch came to, in a few lines."""
    run = view.run
    told = [f"{view.total:,} rows, {view.matched:,} matched ({_percent(view.match_rate)})."]
    if run and (rate := view.verified_rate) is not None:
        told.append(
            f"{run.verified:,} of {run.mailboxes:,} addresses are verified ({_percent(rate)})."
        )
    for one in run.providers if run else ():
        rate = one.matched / max(1, one.asked)
        told.append(
            f"{one.provider}: asked about {one.asked:,} rows, knew {one.matched:,} "
            f"({_percent(rate)})."
        )
    for problem, count in run.problems.items() if run else ():
        told.append(f"{count:,} rows were not asked for: {problem}.")
    if run and run.again:
        told.append(f"{run.again:,} rows were asked for once more, {run.gained:,} gained by it.")
    most = f" of {run.max_credits:g}" if run and run.max_credits is not None else ""
    return "\n".join([*told, f"{view.credits_spent:g}{most} credits."])


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
