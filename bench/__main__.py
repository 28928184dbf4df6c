"""The command behind `make bench`: measures the designs one after another and tells."""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import uvloop

from bench import report
from bench.agents import cpu_told, judged_agents, measured_agents
from bench.batch import judged_batch, measured_batch, pace_told
from bench.designs import OURS, THEIRS, Design, Warmcall
from bench.figures import QUICK, TINY, Bench, Figures, Plan, Provider
from bench.machine import machine
from bench.processes import ROOT, Process, free_port, is_open, wait_until
from bench.targets import against_embedded, judged

AGENTS = "mcp"
"""The name of what is no design: the costs of the MCP surface."""

BATCH = "batch"
"""The same of the large CSV file."""

DESIGNS: tuple[type[Design], ...] = (*OURS, *THEIRS)


def measured(kind: type[Design], plan: Plan) -> Figures:
    """Run one design with a provider of its own, and take all its figures."""
    with tempfile.TemporaryDirectory(prefix="warmcall-bench-") as name:
        folder, port = Path(name), free_port()
        provider = start_provider(folder, port, plan)
        design = kind(folder, port)
        design.settings = plan.settings
        try:
            design.start()
            return uvloop.run(Bench(design, Provider(port), plan).all())
        finally:
            design.stop()
            provider.stop()


def start_provider(folder: Path, port: int, plan: Plan) -> Process:
    """Start the provider; returns when it listens."""
    argv = [sys.executable, "-m", "bench.provider", "--port", str(port), "--latency-ms",
            str(plan.latency_ms)]  # fmt: skip
    process = Process("provider", argv, {"PYTHONPATH": str(ROOT)}, folder)
    process.start()
    wait_until(lambda: is_open(port), "the provider to listen", process)
    return process


def verdicts(figures: Sequence[Figures], latency_s: float) -> report.Verdicts:
    """Compare each Warmcall with the promises."""
    theirs = {kind.name for kind in THEIRS}
    peers = [one for one in figures if one.name in theirs]
    ours = [one for one in figures if one.name not in theirs]
    found = {one.name: judged(one, peers, latency_s) for one in ours}
    embedded = next((one for one in ours if one.name == Warmcall.name), None)
    for one in ours:
        if embedded and one is not embedded:
            found[one.name] += against_embedded(one, embedded)
    return found


def chosen(names: Sequence[str]) -> list[type[Design]]:
    """Return the designs asked for (all unless named) that this Warmcall can run."""
    kinds = [kind for kind in DESIGNS if not names or any(n in kind.name.lower() for n in names)]
    return [kind for kind in kinds if not issubclass(kind, Warmcall) or kind.is_possible()]


def main() -> None:
    """Measure, print, write."""
    options = argparse.ArgumentParser(prog="make bench", description=__doc__)
    options.add_argument("--quick", action="store_true", help="200 jobs, shorter everything")
    options.add_argument("--tiny", action="store_true", help="10 jobs: only to see that it runs")
    options.add_argument("--jobs", type=int, help="jobs of a burst")
    options.add_argument("--latency-ms", type=float, help="of the provider, 300 unless told")
    options.add_argument("--rows", type=int, help="rows of the CSV file, 10,000 unless told")
    options.add_argument("--steady-s", type=float, help="seconds of each steady load")
    options.add_argument(
        "--only", default="", help="comma list of parts of designs' names, mcp, batch"
    )
    options.add_argument("--out", type=Path, default=ROOT / "bench" / "out")
    asked = options.parse_args()
    plan = TINY if asked.tiny else QUICK if asked.quick else Plan()
    for name in ("jobs", "latency_ms", "steady_s", "rows"):
        if (value := getattr(asked, name)) is not None:
            plan = replace(plan, **{name: value})
    names = [one.strip().lower() for one in asked.only.split(",") if one.strip()]
    figures = []
    for kind in chosen(names):
        print(f"{kind.name} ...", file=sys.stderr, flush=True)
        figures.append(measured(kind, plan))
    agents = None
    if not names or AGENTS in names:
        print("MCP ...", file=sys.stderr, flush=True)
        agents = measured_agents(plan)
    batch = None
    if not names or BATCH in names:
        print("batch ...", file=sys.stderr, flush=True)
        batch = measured_batch(plan)
    at, on = datetime.now(UTC), machine()
    found = verdicts(figures, plan.latency_ms / 1000)
    print(f"\n{report.told(on, plan, at)}")
    if figures:
        print(f"\n{report.table(figures)}")
    if agents:
        found["MCP"] = judged_agents(agents)
    if batch:
        found["Batch"] = judged_batch(batch)
    for name, rows in found.items():
        print(f"\n{name}\n\n{report.promises(rows)}")
    for one in figures:
        for error in one.errors:
            print(f"\n{one.name}: {error}")
    if agents:
        print(f"\n{cpu_told(agents)}")
    if batch:
        print(f"\n{pace_told(batch)}")
    written = report.write(asked.out, figures, agents, batch, found, plan, on, at)
    print(f"\nWritten: {', '.join(map(str, written))}")


if __name__ == "__main__":
    main()
