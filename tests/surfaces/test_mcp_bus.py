"""Subscribers of the MCP surface hear of changed resources, whichever process changed them."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import pytest
from mcp.server.subscriptions import ResourceUpdated, ServerEvent, ToolsListChanged

from app.database import Database
from app.errors import NotReady
from app.prospect import identify
from app.views import ChangedView
from integrations.mcp import bus
from integrations.mcp.bus import Bus
from tests.fakes.clock import Clock
from tests.fakes.servers import BACKENDS
from tests.test_engine import COMPANY, JANE, PERSON, oracle

Make = Any

SOON_S = 10.0
"""After this a test has failed: nothing here takes long."""


class Impatient(Bus):
    """A bus that looks all the time."""

    LOOK_S = 0.0


class Sleepy(Bus):
    """A bus that only looks when its bell is rung."""

    LOOK_S = 3600.0


class Ear:
    """Keeps the events it is told."""

    def __init__(self) -> None:
        self.heard: list[ServerEvent] = []
        self._new = asyncio.Event()

    def __call__(self, event: ServerEvent) -> None:
        self.heard.append(event)
        self._new.set()

    def uris(self) -> list[str]:
        return [event.uri for event in self.heard if isinstance(event, ResourceUpdated)]

    async def wait_for(self, uri: str) -> None:
        async with asyncio.timeout(SOON_S):
            while uri not in self.uris():
                self._new.clear()
                await self._new.wait()


class Log:
    """Changes as the store would tell them, and how often it was asked."""

    def __init__(self, *changes: ChangedView) -> None:
        self.changes = list(changes)
        self.is_down = False
        self.asked = 0

    def since(self, at: datetime, limit: int) -> Sequence[ChangedView]:
        self.asked += 1
        if self.is_down:
            self.is_down = False
            raise NotReady("The database cannot be reached.")
        found = sorted((one for one in self.changes if one.at >= at), key=lambda one: one.at)
        return found[:limit]


@asynccontextmanager
async def running(log: Log, clock: Clock, whose: str | None = "key_1") -> AsyncIterator[Bus]:
    served = Impatient(changed_since=log.since, whose=lambda: whose, now=clock)
    async with served.running():
        yield served


def change(number: int, at: datetime, text: str = JANE, version: int = 1) -> ChangedView:
    return ChangedView(f"job_{number}", version, frozenset({"key_1"}), identify(text), False, at)


@pytest.mark.parametrize("backend", BACKENDS, indirect=True)
def test_who_asked_hears_of_the_job_and_the_card_from_another_process(
    make: Make, clock: Clock
) -> None:
    service = make(oracle(clock, person=PERSON, company=COMPANY))
    stranger, _ = service.intake.create_key("stranger")
    elsewhere = Database(service.database.url)
    other = service.front_door(database=elsewhere)
    asking = [service.caller.id]
    heard, unheard = Ear(), Ear()

    async def follow() -> None:
        served = Impatient(changed_since=other.changed_since, whose=lambda: asking[0], now=clock)
        async with served.running():
            served.subscribe(heard)
            asking[0] = stranger.id
            served.subscribe(unheard)
            view = service.ask(JANE)
            await heard.wait_for(f"job://{view.id}")
            before = len(heard.heard)
            await service.work()
            async with asyncio.timeout(SOON_S):
                while len(heard.heard) == before:
                    await asyncio.sleep(0.01)

    asyncio.run(follow())
    elsewhere.close()
    assert f"battlecard://{JANE}" in heard.uris()
    assert unheard.heard == []


def test_a_bell_wakes_the_bus(clock: Clock) -> None:
    log, ear = Log(), Ear()

    async def follow() -> None:
        served = Sleepy(changed_since=log.since, whose=lambda: "key_1", now=clock)
        async with served.running():
            served.subscribe(ear)
            while not log.asked:
                await asyncio.sleep(0.001)
            log.changes.append(change(1, clock()))
            await asyncio.to_thread(served.heard)
            await ear.wait_for("job://job_1")

    asyncio.run(follow())


def test_nothing_is_read_while_nobody_subscribes(clock: Clock) -> None:
    log = Log(change(1, clock()))

    async def follow() -> int:
        async with running(log, clock) as served:
            served.heard()
            await asyncio.sleep(0)
            assert log.asked == 0
            ear = Ear()
            leave = served.subscribe(ear)
            await ear.wait_for("job://job_1")
            leave()
            leave()
            asked = log.asked
            served.heard()
            await asyncio.sleep(3 * bus.REST_S)
            return log.asked - asked

    assert asyncio.run(follow()) <= 1  # a look that was under way


def test_each_version_is_told_once(clock: Clock) -> None:
    log, ear = Log(change(1, clock())), Ear()

    async def follow() -> None:
        async with running(log, clock) as served:
            served.subscribe(ear)
            await ear.wait_for("job://job_1")
            log.changes = [change(1, clock(), version=2), change(2, clock())]
            await ear.wait_for("job://job_2")

    asyncio.run(follow())
    assert ear.uris().count("job://job_1") == 2
    assert ear.uris().count("job://job_2") == 1


def test_a_batch_of_more_than_a_page_at_one_moment_is_told_whole(clock: Clock) -> None:
    many = 3 * bus.PAGE
    log, ear = Log(*(change(number, clock()) for number in range(many))), Ear()

    async def follow() -> None:
        async with running(log, clock) as served:
            served.subscribe(ear)
            await ear.wait_for(f"job://job_{many - 1}")

    asyncio.run(follow())
    assert len({uri for uri in ear.uris() if uri.startswith("job://")}) == many


def test_changes_are_told_although_the_store_was_away_or_the_clock_was_set_back(
    clock: Clock,
) -> None:
    log, ear = Log(change(1, clock())), Ear()

    async def follow() -> None:
        async with running(log, clock) as served:
            served.subscribe(ear)
            await ear.wait_for("job://job_1")
            log.is_down = True
            log.changes.append(change(2, clock()))
            await ear.wait_for("job://job_2")
            clock.move(hours=-1)
            log.changes.append(change(3, clock()))
            await ear.wait_for("job://job_3")

    asyncio.run(follow())


def test_what_is_not_in_the_store_is_told_at_once(clock: Clock) -> None:
    ear = Ear()

    async def follow() -> None:
        async with running(Log(), clock) as served:
            served.subscribe(ear)
            await served.publish(ToolsListChanged())

    asyncio.run(follow())
    assert ear.heard == [ToolsListChanged()]


def test_the_operator_hears_of_everybodys_jobs(clock: Clock) -> None:
    log, ear = Log(change(1, clock())), Ear()

    async def follow() -> None:
        async with running(log, clock, whose=bus.EVERYTHING) as served:
            served.subscribe(ear)
            await ear.wait_for("job://job_1")

    asyncio.run(follow())


def test_a_card_is_named_in_every_spelling_of_its_address(clock: Clock) -> None:
    plus = "jane.doe+x@initech.example"
    told = bus.uris(change(1, clock(), plus))
    assert {f"battlecard://{plus}", "battlecard://jane.doe%2Bx%40initech.example"} <= told
    assert "battlecard://jane.doe%2Bx@initech.example" in told
    assert "company://initech.example" in bus.uris(change(1, clock(), "initech.example"))
    assert bus.uris(change(1, clock(), "Jane Doe, Initech")) == {"job://job_1"}
