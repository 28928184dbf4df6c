"""Pictures as SVG, written by hand: bars and lines need no library."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from math import log10

INK, PAPER, GRID = "#1f2933", "#ffffff", "#d9dee3"
OURS, THEIRS = "#0b7a75", "#9aa5b1"
LINES = ("#0b7a75", "#d1495b", "#edae49", "#30638e", "#7b5ea7", "#5a6b2f", "#9aa5b1", "#1f2933")
FONT = "font-family='system-ui, sans-serif'"


@dataclass(frozen=True, slots=True)
class Bars:
    """One row of bars: a value for each name."""

    title: str
    values: Mapping[str, float]
    ours: frozenset[str]
    form: str = "{:.0f}"


def bars(charts: Sequence[Bars], note: str) -> str:
    """Return charts below one another, with a note at the foot."""
    top, parts = 16, []
    for chart in charts:
        parts.append(_text(16, top + 14, chart.title, 14, "bold"))
        most = max([*chart.values.values(), 1e-9])
        for number, (name, value) in enumerate(chart.values.items()):
            y = top + 26 + number * 24
            width = max(1.0, 430 * value / most)
            colour = OURS if name in chart.ours else THEIRS
            parts.append(_text(200, y + 13, name, 12, "normal", "end"))
            parts.append(f"<rect x='208' y='{y}' width='{width:.1f}' height='17' fill='{colour}'/>")
            parts.append(_text(214 + width, y + 13, chart.form.format(value), 12))
        top += 26 + 24 * len(chart.values) + 18
    parts.append(_text(16, top + 8, note, 11))
    return _page(760, top + 24, parts)


def curves(
    title: str,
    unit: str,
    lines: Mapping[str, Mapping[float, float]],
    note: str,
    marks: Collection[float] = (),
) -> str:
    """Return lines over logarithmic axes; each maps x to y, all above zero.

    `marks` are the x that are named below the axis; all, unless given.
    """
    xs = sorted({x for line in lines.values() for x in line})
    ys = [y for line in lines.values() for y in line.values()]
    low, high = log10(min(ys)) - 0.1, log10(max(ys)) + 0.1
    first, last = log10(xs[0]), log10(xs[-1]) or 1.0

    def at(x: float, y: float) -> tuple[float, float]:
        across = (log10(x) - first) / ((last - first) or 1.0)
        return 70 + 430 * across, 330 - 270 * (log10(y) - low) / ((high - low) or 1.0)

    parts = [_text(16, 30, title, 14, "bold"), _text(16, 50, unit, 11)]
    for x in sorted(marks) or xs:
        left = at(x, ys[0])[0]
        parts.append(f"<line x1='{left:.1f}' y1='60' x2='{left:.1f}' y2='330' stroke='{GRID}'/>")
        parts.append(_text(left, 348, f"{x:,.0f}", 11, "normal", "middle"))
    for power in range(int(low) - 1, int(high) + 2):
        if low <= power <= high:
            y = at(xs[0], 10.0**power)[1]
            parts.append(f"<line x1='70' y1='{y:.1f}' x2='500' y2='{y:.1f}' stroke='{GRID}'/>")
            parts.append(_text(62, y + 4, f"{10.0**power:g}", 11, "normal", "end"))
    for number, (name, line) in enumerate(lines.items()):
        colour = LINES[number % len(LINES)]
        points = " ".join("{:.1f},{:.1f}".format(*at(x, y)) for x, y in sorted(line.items()))
        parts.append(
            f"<polyline points='{points}' fill='none' stroke='{colour}' stroke-width='2'/>"
        )
        parts.append(
            f"<rect x='520' y='{66 + number * 20}' width='12' height='12' fill='{colour}'/>"
        )
        parts.append(_text(538, 76 + number * 20, name, 12))
    parts.append(_text(16, 376, note, 11))
    return _page(760, 392, parts)


def _text(
    x: float, y: float, words: str, size: int, weight: str = "normal", anchor: str = "start"
) -> str:
    return (
        f"<text x='{x:.1f}' y='{y:.1f}' font-size='{size}' font-weight='{weight}' "
        f"text-anchor='{anchor}' fill='{INK}' {FONT}>{escape(words)}</text>"
    )


def _page(width: int, height: int, parts: Sequence[str]) -> str:
    inside = "\n".join(parts)
    return (
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {width} {height}' "
        f"width='{width}' height='{height}'>\n"
        f"<rect width='{width}' height='{height}' fill='{PAPER}'/>\n{inside}\n</svg>\n"
    )
