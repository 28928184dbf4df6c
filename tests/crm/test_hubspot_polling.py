"""Looking for new records: page by page, from where it ended, one worker at a time."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeVar

import pytest

from app.crm import CrmEvent, Kind, Steps
from app.crm_cursor import LEASE, Cursors
from integrations.crm.hubspot.adapter import HubSpot as Adapter
from integrations.crm.hubspot.polling import Poller
from tests.crm.talking import talk
from tests.fakes.clock import Clock
from tests.fakes.hubspot import SECONDLY, TOKEN, Fault, HubSpot, Record, hubspot_served

T = TypeVar("T")
EVERY = timedelta(seconds=60)


@dataclass
class Talk:
    """A line without a pace."""

    adapter: Adapter

    async def ask(self, steps: Steps[T]) -> T:
        return talk(steps)


@dataclass
class Desk:
    """An account and who looks into it; `heard` is what the front door was told."""

    hubspot: HubSpot
    service: Any
    heard: list[str] = field(default_factory=list)

    @property
    def clock(self) -> Clock:
        clock: Clock = self.service.clock
        return clock

    def poller(self, owner: str = "worker_1") -> Poller:
        adapter = Adapter(key=TOKEN, base_url=self.hubspot.url)
        return Poller(
            connection="hubspot",
            adapter=adapter,
            line=Talk(adapter),
            cursors=Cursors(database=self.service.database, now=self.clock, owner=owner),
            arrived=self.hear,
            every=EVERY,
        )

    def hear(self, connection: str, vendor: str, events: Sequence[CrmEvent]) -> int:
        assert (connection, vendor) == ("hubspot", "hubspot")
        self.heard += [event.key for event in events]
        return len(events)

    def add(self, kind: str = "contacts", *, age_s: float = 0.0, **values: str) -> Record:
        """Create a record at the time of the test's clock."""
        made = self.hubspot.add(kind, **(values or {"email": "jane@acme.example"}))
        made.created_ms = round((self.clock().timestamp() - age_s) * 1000)
        return made

    def look(self, owner: str = "worker_1") -> list[str]:
        """Look once, and return what was told."""
        before = len(self.heard)
        asyncio.run(self.poller(owner).poll())
        return self.heard[before:]


@pytest.fixture
def desk(make: Any) -> Iterator[Desk]:
    with hubspot_served(HubSpot(searches_per_s=1_000)) as hubspot:
        yield Desk(hubspot, make())


def test_what_was_there_before_we_began_is_left_alone(desk: Desk) -> None:
    desk.add(age_s=600)
    assert desk.look() == []
    desk.clock.move(seconds=60)
    made = desk.add()
    firm = desk.add("companies", name="Acme")
    assert desk.look() == [f"poll|person|{made.id}", f"poll|company|{firm.id}"]


def test_a_record_that_is_seen_late_is_found_and_told_as_the_same(desk: Desk) -> None:
    desk.look()
    desk.clock.move(seconds=60)
    first = desk.look()
    late = desk.add(age_s=70)
    desk.clock.move(seconds=60)
    assert (first, desk.look()) == ([], [f"poll|person|{late.id}"])
    desk.clock.move(seconds=60)
    assert set(desk.look()) <= {f"poll|person|{late.id}"}


def test_many_records_come_page_by_page_each_once(desk: Desk) -> None:
    desk.look()
    desk.clock.move(seconds=60)
    made = [desk.add(age_s=50 - n / 10, email=f"p{n}@acme.example") for n in range(250)]
    assert desk.look() == [f"poll|person|{one.id}" for one in made]
    assert len(desk.hubspot.called("POST", "contacts/search")) == 4


def test_nobody_looks_again_too_soon_or_at_the_same_time(desk: Desk) -> None:
    desk.look()
    made = desk.add()
    assert desk.look("worker_2") == []
    desk.clock.move(seconds=60)
    cursors = desk.poller("worker_3").cursors
    assert asyncio.run(_claim(cursors)) is not None
    assert desk.look("worker_2") == []
    desk.clock.move(seconds=EVERY.total_seconds() + 1)
    assert desk.look("worker_2") == []
    desk.clock.move(seconds=LEASE.total_seconds())
    assert desk.look("worker_2") == [f"poll|person|{made.id}"]


async def _claim(cursors: Cursors) -> object:
    return await cursors.claim(f"hubspot:{Kind.person.value}", EVERY)


def test_a_failure_is_left_to_the_next_look(desk: Desk) -> None:
    desk.look()
    desk.clock.move(seconds=60)
    made = desk.add()
    desk.hubspot.fail("POST", "search", Fault(429, SECONDLY), Fault(502))
    assert desk.look() == []
    desk.clock.move(seconds=60)
    assert desk.look() == [f"poll|person|{made.id}"]


def test_what_could_not_be_told_is_looked_for_again(desk: Desk) -> None:
    desk.look()
    made = desk.add()
    desk.clock.move(seconds=400)
    newer = desk.add(email="bob@acme.example")
    desk.hubspot.fail("POST", "search", Fault(503))
    desk.look()
    desk.clock.move(seconds=60)
    assert desk.look() == [f"poll|person|{made.id}", f"poll|person|{newer.id}"]
