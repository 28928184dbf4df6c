"""A provider whose answers a test writes down, and that notes what it was asked."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from app.facts import FIELDS, Fact, Json, Section
from app.prospect import By, Identifiers
from app.provider import (
    Answer,
    Capability,
    Exchange,
    Finding,
    Meter,
    Outcome,
    Pace,
    Request,
)

EMAIL, DOMAIN = frozenset({By.email}), frozenset({By.domain})


def capability(section: Section, *accepts: frozenset[By], price: float = 1.0) -> Capability:
    """Return a capability that gives every field of a section."""
    names = frozenset(name for name, one in FIELDS.items() if one.section is section)
    return Capability(section.value, accepts or (EMAIL, DOMAIN), names, price)


Says = Mapping[str, Json] | Outcome | Callable[[Identifiers], Finding]


@dataclass(slots=True)
class Oracle:
    """Answers `says[section]`: values by field, an outcome, or a function of the query.

    `asked` lists the questions in order; `hold` keeps every answer back until it is set.
    """

    name: str
    says: Mapping[Section, Says]
    now: Callable[[], datetime]
    accepts: tuple[frozenset[By], ...] = (EMAIL, DOMAIN)
    price: float = 1.0
    confidence: float = 0.9
    sandbox: bool = False
    hold: asyncio.Event | None = None
    asked: list[tuple[str, str]] = field(default_factory=list)

    @property
    def capabilities(self) -> tuple[Capability, ...]:
        return tuple(capability(s, *self.accepts, price=self.price) for s in self.says)

    @property
    def pace(self) -> Pace:
        return Pace()

    def judge(self, answer: Answer) -> Outcome | None:
        return None

    def meter(self, answer: Answer) -> Meter:
        return Meter()

    def look_up(self, one: Capability, query: Identifiers) -> Exchange:
        self.asked.append((one.name, query.key()))
        yield [Request("GET", f"https://{self.name}.example/{one.name}")]
        said = self.says[Section(one.name)]
        if callable(said):
            return said(query)
        if isinstance(said, Outcome):
            return Finding(said, detail=f"{self.name} said so")
        return Finding(Outcome.matched, tuple(self.facts(said)))

    def facts(self, said: Mapping[str, Json]) -> list[Fact]:
        return [
            Fact(name, value, self.name, self.confidence, self.now())
            for name, value in said.items()
        ]


async def answering(provider: Oracle, requests: Sequence[Request], **_: object) -> list[Answer]:
    """Send requests of oracles: nothing is sent, the answers come when they may."""
    if provider.hold:
        await provider.hold.wait()
    return [Answer(200, {}, b"{}", one.url, provider.now()) for one in requests]
