"""Whom to ask next and when to stop.

The sections of a job run side by side. Within a section providers are asked in order: only one
that accepts the identifiers known so far, only while it could give a wanted field that is missing.
What one section learns (a company's domain) may open the next provider of another.
"""

import asyncio
from collections.abc import Awaitable, Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeVar

from app.facts import FIELDS, Fact, Section, known_fields
from app.prospect import Identifiers
from app.provider import (
    Answer,
    Capability,
    Ended,
    Exchange,
    Finding,
    Outcome,
    Provider,
    Request,
    Unreadable,
)

T = TypeVar("T")

LEARNT = {
    "company.domain": "domain",
    "company.name": "company",
    "person.full_name": "name",
    "person.linkedin_url": "linkedin",
}
"""Fields that are identifiers too: once found they can open the next provider."""

SURE = 0.6
"""A fact below this confidence is not used to ask the next provider."""

HEAVY = 20_000
"""Answers of more bytes than this are read in a thread, so that other jobs do not wait."""

PROFILE = "https://www.linkedin.com/"


@dataclass(frozen=True, slots=True)
class Question:
    """One provider asked for one thing with one set of identifiers."""

    provider: Provider
    capability: Capability
    query: Identifiers
    section: Section

    @property
    def key(self) -> str:
        """Return what the answer is remembered under."""
        return f"{self.provider.name}|{self.capability.name}|{self.query.key()}"


class Ask(Protocol):
    """Answers a question: from memory, or by asking the provider."""

    def __call__(self, question: Question) -> Awaitable[Finding]: ...


Send = Callable[[Provider, list[Request]], Awaitable[list[Answer]]]


async def drive(provider: Provider, exchange: Exchange, send: Send) -> Finding:
    """Send each request an adapter yields and return what it finds in the end.

    What the answers' headers say was charged is added up, unless the finding says it itself.
    """
    spent: float | None = None

    async def metered(requests: list[Request]) -> list[Answer]:
        nonlocal spent
        answers = await send(provider, requests)
        spent = _sum(spent, [provider.meter(answer).credits_spent for answer in answers])
        return answers

    try:
        finding = await converse(exchange, metered)
    except Ended as ended:
        finding = replace(ended.finding, credits=_sum(spent, [ended.finding.credits]))
    except Unreadable as exc:
        finding = Finding(Outcome.provider_error, detail=str(exc))
    return finding if finding.credits is not None else replace(finding, credits=spent)


async def converse(
    exchange: Generator[list[Request], list[Answer], T],
    send: Callable[[list[Request]], Awaitable[list[Answer]]],
) -> T:
    """Send what a generator yields, hand it the answers, return what it returns."""
    try:
        asked = next(exchange)
        while True:
            answers = await send(asked)
            if sum(len(answer.body) for answer in answers) < HEAVY:
                asked = exchange.send(answers)
            else:
                asked = await asyncio.to_thread(_sent, exchange, answers)
    except StopIteration as done:
        result: T = done.value
        return result
    except _Returned as done:
        read: T = done.value
        return read
    finally:
        exchange.close()


class _Returned(Exception):
    """A generator returned in another thread, where StopIteration cannot be raised from."""

    def __init__(self, value: Any) -> None:
        super().__init__()
        self.value = value


def _sent(
    exchange: Generator[list[Request], list[Answer], T], answers: list[Answer]
) -> list[Request]:
    try:
        return exchange.send(answers)
    except StopIteration as done:
        raise _Returned(done.value) from None


def _sum(so_far: float | None, more: Sequence[float | None]) -> float | None:
    said = [one for one in (so_far, *more) if one is not None]
    return sum(said) if said else None


class Descent:
    """All sections of one job, until nothing wanted is missing or nobody is left to ask.

    `facts` and `findings` grow while `run` is under way: whoever stops it early has what is known.
    """

    def __init__(
        self,
        known: Identifiers,
        wanted: Mapping[Section, frozenset[str]],
        providers: Sequence[Provider],
        ask: Ask,
    ) -> None:
        self.known = known
        self.facts: list[Fact] = []
        self.findings: dict[Section, list[Finding]] = {section: [] for section in wanted}
        self.unsettled: set[Section] = set(wanted)
        self._wanted = wanted
        self._providers = providers
        self._ask = ask
        self._asked: dict[str, asyncio.Task[Finding]] = {}
        self._busy = 0
        self._moved = asyncio.Condition()

    async def run(self) -> None:
        """Ask until every section is settled. Cancelling it leaves the questions under way."""
        async with asyncio.TaskGroup() as sections:
            for section in self._wanted:
                sections.create_task(self._settle(section))

    async def _settle(self, section: Section) -> None:
        tried: set[str] = set()
        while question := await self._next(section, tried):
            tried.add(question.key)
            finding = await asyncio.shield(self._once(question))
            self.findings[section].append(finding)
            await self._learn(finding)
            if finding.outcome is Outcome.suppressed:
                break
        self.unsettled.discard(section)

    async def _next(self, section: Section, tried: set[str]) -> Question | None:
        """Return the next question; wait while another section may still learn what opens one."""
        async with self._moved:
            while True:
                question = next(self._questions(section, tried), None)
                if question or not self._busy or not self._missing(section, paid=True):
                    self._busy += 1 if question else 0
                    return question
                await self._moved.wait()

    def _questions(self, section: Section, tried: set[str]) -> Iterator[Question]:
        for provider in self._providers:
            for capability in provider.capabilities:
                missing = self._missing(section, paid=capability.credits > 0)
                query = capability.query(self.known) if capability.fields & missing else None
                if query is None:
                    continue
                question = Question(provider, capability, query, section)
                if question.key not in tried:
                    yield question

    def _missing(self, section: Section, *, paid: bool) -> frozenset[str]:
        """Return the wanted fields of a section that are not known.

        A list is never known in full: what costs nothing is still asked to add to it.
        """
        known = known_fields(self.facts)
        if not paid:
            known = frozenset(name for name in known if not FIELDS[name].many)
        return self._wanted[section] - known

    def _once(self, question: Question) -> asyncio.Task[Finding]:
        """Ask a question that several sections share only once."""
        if question.key not in self._asked:
            self._asked[question.key] = asyncio.ensure_future(self._asking(question))
        return self._asked[question.key]

    async def _asking(self, question: Question) -> Finding:
        finding = await self._ask(question)
        self.facts.extend(finding.facts)
        return finding

    async def _learn(self, finding: Finding) -> None:
        async with self._moved:
            self._busy -= 1
            for fact in finding.facts:
                if fact.field in LEARNT and not fact.inferred and fact.confidence >= SURE:
                    self.known = self.known.plus(**{LEARNT[fact.field]: _identifier(fact)})
            self._moved.notify_all()


def _identifier(fact: Fact) -> str | None:
    text = str(fact.value)
    if fact.field == "person.linkedin_url":
        return text.removeprefix(PROFILE).strip("/") if text.startswith(PROFILE) else None
    return text
