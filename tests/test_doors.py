"""Turns at what others let us call: at a pace, after a burst, and not while a door is shut."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from app.delivery import Door
from app.doors import LONGEST, DoorsKept
from tests.fakes.clock import Clock
from tests.fakes.servers import BACKENDS

POST = Door("post", every_s=1.0, burst=3)
TEAM = Door("team", every_s=0.5, burst=2)

pytestmark = pytest.mark.parametrize("backend", BACKENDS[:2], indirect=True)


class Turns:
    """The doors of two workers over one database."""

    def __init__(self, service: Any) -> None:
        self.clock: Clock = service.clock
        self.workers = [DoorsKept(database=service.database, now=service.clock) for _ in range(2)]

    def enter(self, *doors: Door, worker: int = 0) -> float:
        return asyncio.run(self._enter(doors, worker))

    async def _enter(self, doors: Sequence[Door], worker: int) -> float:
        return await self.workers[worker].enter(doors)

    def shut(self, name: str, seconds: float) -> None:
        async def shut() -> None:
            await self.workers[0].shut(name, seconds)

        asyncio.run(shut())


@pytest.fixture
def turns(make: Any) -> Turns:
    return Turns(make())


def test_a_burst_goes_through_and_then_one_in_a_while_whichever_worker_asks(turns: Turns) -> None:
    assert [turns.enter(POST, worker=n % 2) for n in range(3)] == [0.0, 0.0, 0.0]
    assert turns.enter(POST) == turns.enter(POST, worker=1) == 1.0
    turns.clock.move(seconds=1)
    assert (turns.enter(POST), turns.enter(POST)) == (0.0, 1.0)


def test_who_waits_at_one_door_takes_no_turn_at_another(turns: Turns) -> None:
    for _ in range(2):
        assert turns.enter(TEAM, POST) == 0.0
    assert turns.enter(TEAM, POST) == 0.5
    assert turns.enter(POST) == 0.0  # the third and last of its burst
    assert turns.enter(POST) == 1.0


def test_nobody_passes_a_door_that_is_shut(turns: Turns) -> None:
    turns.shut("post", 30)
    assert turns.enter(POST, worker=1) == 30.0
    assert turns.enter(TEAM) == 0.0
    turns.clock.move(seconds=30)
    assert turns.enter(POST) == 0.0


def test_a_clock_that_is_set_back_shuts_no_door_for_long(turns: Turns) -> None:
    turns.clock.move(days=1)
    for _ in range(3):
        turns.enter(POST)
    turns.shut("team", 60)
    turns.clock.move(days=-1)
    assert turns.enter(POST) <= POST.every_s
    assert turns.enter(TEAM) <= TEAM.every_s < LONGEST.total_seconds()
