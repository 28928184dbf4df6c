"""Where what a card says is from, how old that is and how sure: one note per point or value."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from app.card import Card
from app.facts import Fact
from app.views import JobView
from app.wording import ago, shorten
from integrations.slack.size import Size
from integrations.slack.text import link

SURE = 0.8
"""A card marks a value that is less sure than this (0..1)."""

MOST_SOURCES = 6
SOURCE = 20  # characters of a source's name
PER_POINT = 2  # sources named behind a point; it may rest on more


class Evidence:
    """The facts of a job, found by their ids and by the field that they are about."""

    def __init__(self, view: JobView, card: Card, now: datetime, size: Size) -> None:
        self._now = now
        self._size = size
        self._card = card
        self._by_id = {fact.id: fact for fact in view.facts}
        self._shown = [fact for fact in view.facts if fact.id in view.winners]

    def of_ids(self, ids: Iterable[str]) -> str:
        """Return the note behind a point that rests on these facts."""
        return self._note([self._by_id[one] for one in ids if one in self._by_id])

    def of_field(self, name: str) -> str:
        """Return the note behind a value of the card."""
        return self._note([fact for fact in self._shown if fact.field == name])

    def doubt(self, name: str) -> str:
        """Return what makes a value of the card doubtful, nothing when all is well."""
        sure = self._card.confidence.get(name, 1.0)
        if name in self._card.inferred:
            return " (a guess)"
        if name in self._card.conflicts:
            return " (sources disagree)"
        return f" ({percent(sure)} sure)" if sure < SURE else ""

    def sources(self) -> str:
        """Return who told the card, each with the number of facts and how sure they are."""
        by_source: dict[str, list[Fact]] = {}
        for fact in self._shown:
            if not fact.inferred or fact.field in self._card.inferred:
                by_source.setdefault(fact.source, []).append(fact)
        most_first = sorted(by_source.values(), key=lambda facts: -len(facts))
        told = [self._trust(facts) for facts in most_first[:MOST_SOURCES]]
        if left := len(most_first) - MOST_SOURCES:
            told += [f"{left} more"] if left > 0 else []
        return f"Sources: {' · '.join(told)}" if told else ""

    def _note(self, facts: Sequence[Fact]) -> str:
        """Tell the least sure and the oldest of what is relied on: a chain and its weakest link."""
        if not facts:
            return ""
        parts = [*self._names(facts), ago(min(fact.seen_at for fact in facts), self._now)]
        parts.append(f"{percent(min(fact.confidence for fact in facts))} sure")
        parts += ["a guess"] if any(fact.inferred for fact in facts) else []
        return f"  ({', '.join(parts)})"

    def _names(self, facts: Sequence[Fact]) -> Iterator[str]:
        pages = _pages(facts)
        for source, url in list(pages.items())[:PER_POINT]:
            yield link(url, shorten(source, SOURCE), self._size.url)

    def _trust(self, facts: Sequence[Fact]) -> str:
        (source, url), *_ = _pages(facts).items()
        sure = sorted(fact.confidence for fact in facts)
        span = percent(sure[0])
        if percent(sure[-1]) != span:
            span = f"{span.removesuffix('%')} to {percent(sure[-1])}"
        number = f"{len(facts)} facts" if len(facts) > 1 else "1 fact"
        return f"{link(url, shorten(source, SOURCE), self._size.url)} {number}, {span} sure"


def percent(confidence: float) -> str:
    """Return a confidence (0..1) as people say it.

    >>> percent(0.955)
    '96%'
    """
    return f"{round(100 * confidence)}%"


def _pages(facts: Sequence[Fact]) -> Mapping[str, str | None]:
    """Return each source with the page of its fact that is surest, if that has one."""
    found: dict[str, str | None] = {}
    for fact in sorted(facts, key=lambda fact: (fact.source_url is None, -fact.confidence)):
        found.setdefault(fact.source, fact.source_url)
    return found
