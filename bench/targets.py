"""What was promised, as ratios within one run, and whether it was kept."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bench.figures import Figures


@dataclass(frozen=True, slots=True)
class Row:
    """One promise. `measured` and `bound` are shown; `is_met` None = nothing to compare with."""

    figure: str
    target: str
    measured: str
    is_met: bool | None

    @property
    def word(self) -> str:
        """Return how it went in one word."""
        return {True: "met", False: "missed", None: "not measured"}[self.is_met]


def judged(ours: Figures, peers: Sequence[Figures], latency_s: float) -> list[Row]:
    """Compare one Warmcall with the promises. The best peer is the best in that very figure."""
    rows = [_against_peers(ours, peers, "jobs/s in a burst", "≥ 1.5 × best peer")]
    rows.append(_cpu(ours, peers))
    rows += [
        _at_most("20 % load, p50", ours.calm_p50_s / latency_s, 1.03, "× provider"),
        _at_most("20 % load, p99", ours.calm_p99_s / latency_s, 1.10, "× provider"),
        _at_most("80 % load, p99", ours.busy_p99_s / latency_s, 1.25, "× provider"),
        _at_most("start on an idle worker, p99", ours.start_p99_ms, 50, "ms"),
        _at_most("CPU of an idle worker", ours.idle_cpu * 100, 1, "% of a core"),
        _ratio("202 accepted, p99", ours.accepted_p99_ms, ours.bare_post_p99_ms, 3.0, _below),
        _ratio("cached answers/s", ours.cached_rps, ours.bare_get_rps, 0.5, _above),
        _at_most("provider calls per prospect, 50 askers", ours.calls_per_prospect, 1, ""),
        _at_most("jobs lost when the worker is killed", ours.killed_lost, 0, ""),
        _at_most("orphaned job asked again after", ours.killed_resumed_s or 0.0, 15, "s"),
    ]
    return rows


def against_embedded(ours: Figures, embedded: Figures) -> list[Row]:
    """Compare a Warmcall on servers with the embedded one."""
    ratio = ours.jobs_per_s / embedded.jobs_per_s
    rows = [Row("jobs/s", "≥ 0.5 × embedded", f"{ratio:.2f} ×", ratio >= 0.5)]
    if ours.two_workers_per_s is not None:
        more = ours.two_workers_per_s / ours.jobs_per_s
        rows.append(Row("two workers", "> 1 × one worker", f"{more:.2f} ×", more > 1))
    return rows


def _against_peers(ours: Figures, peers: Sequence[Figures], figure: str, target: str) -> Row:
    if not peers:
        return Row(figure, target, f"{ours.jobs_per_s:.0f}/s", None)
    best = max(peers, key=lambda one: one.jobs_per_s)
    ratio = ours.jobs_per_s / best.jobs_per_s
    return Row(figure, target, f"{ratio:.2f} × {best.name}", ratio >= 1.5)


def _cpu(ours: Figures, peers: Sequence[Figures]) -> Row:
    figure, target = "CPU per job", "≤ 1.0 × best peer"
    if not peers:
        return Row(figure, target, f"{ours.cpu_ms:.2f} ms", None)
    best = min(peers, key=lambda one: one.cpu_ms)
    ratio = ours.cpu_ms / best.cpu_ms
    return Row(figure, target, f"{ratio:.2f} × {best.name}", ratio <= 1.0)


def _at_most(figure: str, measured: float, most: float, unit: str) -> Row:
    return Row(
        figure, f"≤ {most:g} {unit}".strip(), f"{measured:.3g} {unit}".strip(), measured <= most
    )


def _below(ratio: float, bound: float) -> bool:
    return ratio <= bound


def _above(ratio: float, bound: float) -> bool:
    return ratio >= bound


def _ratio(
    figure: str,
    ours: float | None,
    bare: float | None,
    bound: float,
    holds: Callable[[float, float], bool],
) -> Row:
    sign = "≤" if holds is _below else "≥"
    target = f"{sign} {bound:g} × bare Starlette"
    if ours is None or bare is None:
        return Row(figure, target, "–", None)
    ratio = ours / bare
    return Row(figure, target, f"{ratio:.2f} × ({ours:.3g} / {bare:.3g})", holds(ratio, bound))
