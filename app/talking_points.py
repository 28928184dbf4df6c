"""From facts to what a rep can say, ask or avoid: the rules' drafts, weighed and cut to a few."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import chain, islice

from app.brief import Brief
from app.merge import Merged
from app.positioning import Positioning
from app.rules import FALLBACKS, RULES, WARNINGS, Draft, Kind, Rule

MOST = 5
"""A rep reads this many points before a call, not more."""


@dataclass(frozen=True, slots=True)
class Point:
    """Something to say, ask or avoid, and the facts it rests on.

    `weight` is 0..100; a point loses half of it in `half_life_days` from `at` on, never if None.
    `confidence` is that of its weakest fact.
    """

    rule: str
    kind: Kind
    text: str
    fact_ids: tuple[str, ...]
    weight: float
    half_life_days: float | None
    confidence: float
    at: datetime

    def score(self, now: datetime) -> float:
        """Return how much it is worth saying now, 0..100."""
        if self.half_life_days is None:
            return self.weight * self.confidence
        age_days = max(timedelta(0), now - self.at) / timedelta(days=1)
        return float(self.weight * self.confidence * 0.5 ** (age_days / self.half_life_days))


def talking_points(
    merged: Merged, positioning: Positioning | None, now: datetime, *, most: int = MOST
) -> tuple[Point, ...]:
    """Return the points most worth saying, at most `most`.

    Warnings come first, then exactly one opener if anything is known, then the rest by score. One
    of them is a question wherever there is something to ask.
    """
    brief = Brief(merged, positioning, now)
    warnings = [*_points(brief, WARNINGS)]
    rules = [rule for rule in RULES if not (warnings and rule.is_growth)]
    ranked = sorted(_points(brief, rules), key=lambda point: (-point.score(now), point.rule))
    ranked = list(_without_echoes(ranked))
    opener = _opener(brief, ranked)
    rest = [_as_point(point) for point in ranked if point.text != (opener and opener.text)]
    head = [*warnings, *([opener] if opener else [])][:most]
    return tuple(head + _with_a_question(rest, most - len(head)))


def _points(brief: Brief, rules: Iterable[Rule]) -> Iterator[Point]:
    for rule in rules:
        drafts = filter(_ids, rule.read(brief))
        yield from (_point(rule, draft) for draft in islice(drafts, rule.most))


def _point(rule: Rule, draft: Draft) -> Point:
    guessed = any(item.is_inferred for item in draft.backing)
    return Point(
        rule.name,
        rule.kind,
        f"{draft.text} (Not confirmed.)" if guessed else draft.text,
        _ids(draft),
        rule.weight,
        rule.half_life_days,
        min(item.confidence for item in draft.backing),
        draft.at or max(item.seen_at for item in draft.backing),
    )


def _ids(draft: Draft) -> tuple[str, ...]:
    return tuple(dict.fromkeys(one for item in draft.backing for one in item.fact_ids))


def _without_echoes(ranked: Iterable[Point]) -> Iterator[Point]:
    """Leave out news that rests only on facts of better news: one open role is said once."""
    told: list[set[str]] = []
    for point in ranked:
        ids = set(point.fact_ids)
        if point.kind is not Kind.opener or not any(ids <= before for before in told):
            yield point
        if point.kind is Kind.opener:
            told.append(ids)


def _opener(brief: Brief, ranked: Sequence[Point]) -> Point | None:
    """Return the best news, else the plainest thing that is known, else the best of the others."""
    first = next(
        chain(
            (point for point in ranked if point.kind is Kind.opener),
            _points(brief, FALLBACKS),
            (point for point in ranked if point.kind is Kind.point),
            (point for point in ranked if point.kind is Kind.question),
        ),
        None,
    )
    return replace(first, kind=Kind.opener) if first else None


def _as_point(point: Point) -> Point:
    return replace(point, kind=Kind.point) if point.kind is Kind.opener else point


def _with_a_question(points: Sequence[Point], most: int) -> list[Point]:
    """Cut to `most`; the last place goes to the best question if there is none before it."""
    kept, left = list(points[:most]), points[most:]
    if kept and all(point.kind is not Kind.question for point in kept):
        kept[-1:] = [next((p for p in left if p.kind is Kind.question), kept[-1])]
    return kept
