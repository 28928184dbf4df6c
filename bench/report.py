"""The table, the JSON and the picture of a run."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

import orjson

from bench.agents import AgentFigures
from bench.batch import BatchFigures
from bench.figures import Figures, Plan
from bench.picture import Bars, bars
from bench.targets import Row

HEAD = (
    "design", "jobs/s", "CPU ms/job", "burst p50 / p99 s", "20 % p50 / p99 s", "80 % p50 / p99 s",
    "202 p99 ms", "idle start p99 ms", "idle CPU", "calls/prospect", "killed: lost / repeated",
)  # fmt: skip

Verdicts = dict[str, list[Row]]


def table(figures: Sequence[Figures]) -> str:
    """Return the figures as a Markdown table."""
    return markdown(HEAD, [_cells(one) for one in figures])


def promises(rows: Sequence[Row]) -> str:
    """Return the promises as a Markdown table."""
    head = ("promise", "target", "measured", "")
    return markdown(head, [(one.figure, one.target, one.measured, one.word) for one in rows])


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table whose columns are as wide as they need to be."""
    widths = [max(len(row[n]) for row in (head, *rows)) for n in range(len(head))]

    def line(cells: Sequence[str]) -> str:
        padded = (cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
        return f"| {' | '.join(padded)} |"

    ruler = f"| {' | '.join('-' * max(3, width) for width in widths)} |"
    return "\n".join([line(head), ruler, *map(line, rows)])


def _cells(one: Figures) -> tuple[str, ...]:
    accepted = "waits" if one.accepted_p99_ms is None else f"{one.accepted_p99_ms:.1f}"
    return (
        one.name,
        f"{one.jobs_per_s:.0f}",
        f"{one.cpu_ms:.2f}" + (f" + {one.store_cpu_ms:.2f}" if one.store_cpu_ms else ""),
        f"{one.burst_p50_s:.2f} / {one.burst_p99_s:.2f}",
        f"{one.calm_p50_s:.3f} / {one.calm_p99_s:.3f}",
        f"{one.busy_p50_s:.3f} / {one.busy_p99_s:.3f}",
        accepted,
        f"{one.start_p99_ms:.0f}",
        f"{one.idle_cpu:.1%}",
        f"{one.calls_per_prospect:.2f}",
        f"{one.killed_lost} / {one.killed_repeated}",
    )


def told(on: dict[str, object], plan: Plan, at: datetime) -> str:
    """Return one line that says when and on what this was measured."""
    return (
        f"{at:%Y-%m-%d %H:%M} UTC, {on['cores']} cores ({on['cpu']}), {on['memory_gb']} GB, "
        f"Python {on['python']}, SQLite {on['sqlite']}; provider {plan.latency_ms:g} ms, "
        f"{plan.jobs} jobs"
    )


def write(
    out: Path,
    figures: Sequence[Figures],
    agents: AgentFigures | None,
    batch: BatchFigures | None,
    verdicts: Verdicts,
    plan: Plan,
    on: dict[str, object],
    at: datetime,
) -> list[Path]:
    """Write results.json, and results.svg where designs were compared; return what was written."""
    out.mkdir(parents=True, exist_ok=True)
    kept = {
        "at": at,
        "machine": on,
        "plan": asdict(plan),
        "figures": [asdict(one) for one in figures],
        "mcp": asdict(agents) if agents else None,
        "batch": asdict(batch) if batch else None,
        "promises": {
            name: [asdict(row) | {"verdict": row.word} for row in rows]
            for name, rows in verdicts.items()
        },
    }
    options = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
    written = [out / "results.json"]
    written[0].write_bytes(orjson.dumps(kept, option=options))
    if figures:
        written.append(out / "results.svg")
        written[1].write_text(_picture(figures, told(on, plan, at)), "utf-8")
    return written


def _picture(figures: Sequence[Figures], note: str) -> str:
    ours = frozenset(one.name for one in figures if one.name.startswith("Warmcall"))
    charts = [
        Bars("jobs/s in a burst (more is better)", {f.name: f.jobs_per_s for f in figures}, ours),
        Bars("CPU ms per job, web and worker", {f.name: f.cpu_ms for f in figures}, ours, "{:.2f}"),
        Bars(
            "p99 from POST to result at 80 % load, s",
            {f.name: f.busy_p99_s for f in figures},
            ours,
            "{:.3f}",
        ),
        Bars(
            "provider calls per prospect, 50 askers at once",
            {f.name: f.calls_per_prospect for f in figures},
            ours,
            "{:.2f}",
        ),
        Bars(
            "jobs lost when the worker is killed",
            {f.name: float(f.killed_lost) for f in figures},
            ours,
        ),
    ]
    return bars(charts, note)
