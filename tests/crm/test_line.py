"""Talking with a CRM at its pace: in order, and never for longer than nobody else is at it."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from app.crm import Kind, Ref, Steps
from app.crm_books import Books
from app.crm_views import Saved
from app.delivery import Address, Delivery, Door
from app.errors import DeliveryPutOff
from app.provider import Answer, Pace, Request
from integrations.crm.channel import CrmChannel
from integrations.crm.line import CrmLine
from tests.fakes.small_crm import Small

AT = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
PACE = Pace(per_s=10.0, burst=1, at_once=10)


class Slow(Small):
    """The small CRM, at a pace."""

    pace = PACE


@dataclass
class Turnstile:
    """Doors that let one through after `looks` looks; notes how many look at the same time."""

    looks: int = 2
    looking: int = 0
    most: int = 0
    _left: int = 0

    async def enter(self, doors: Sequence[Door]) -> float:
        self.looking += 1
        self.most = max(self.most, self.looking)
        await asyncio.sleep(0)
        self.looking -= 1
        self._left = (self._left or self.looks) - 1
        return 0.001 if self._left else 0.0

    async def shut(self, name: str, seconds: float) -> None:
        raise AssertionError(name)


@dataclass
class Talk:
    """A line, and the order in which its requests went out."""

    line: CrmLine
    sent: list[str] = field(default_factory=list)

    async def ask(self, name: str) -> None:
        await self.line.ask(one_call(name))


def one_call(name: str) -> Steps[None]:
    yield Request("GET", f"https://crm.example/{name}")


@pytest.fixture
def talk(make: Callable[[], Any]) -> Talk:
    service = make()
    sent: list[str] = []

    async def call(request: Request) -> Answer:
        sent.append(request.url.rpartition("/")[2])
        return Answer(200, {}, b"{}", request.url, AT)

    line = CrmLine(
        connection="one",
        adapter=Slow(),
        call=call,
        doors=Turnstile(),
        books=Books(database=service.database, now=service.clock, owner="worker_1"),
    )
    return Talk(line, sent)


def test_who_waits_for_a_turn_gets_it_in_order_and_asks_for_it_alone(talk: Talk) -> None:
    async def all_at_once() -> None:
        waiting = []
        for name in range(20):
            waiting.append(asyncio.create_task(talk.line._sent(next(one_call(str(name))))))
            await asyncio.sleep(0)
        await asyncio.gather(*waiting)

    asyncio.run(all_at_once())
    assert talk.sent == [str(name) for name in range(20)]
    assert isinstance(talk.line.doors, Turnstile)
    assert talk.line.doors.most == 1


def test_who_would_wait_for_long_is_put_off_and_waits_outside(talk: Talk) -> None:
    async def all_at_once() -> list[Answer | BaseException]:
        asked = [talk.line._sent(next(one_call(str(name)))) for name in range(60)]
        return await asyncio.gather(*asked, return_exceptions=True)

    told = asyncio.run(all_at_once())
    put_off = [one for one in told if isinstance(one, DeliveryPutOff)]
    assert len(put_off) == 60 - 51  # the 52nd would wait for more than 5 s
    assert all(one.wait_s > 5 for one in put_off)
    assert len(talk.sent) == 51
    asyncio.run(talk.ask("later"))
    assert talk.sent[-1] == "later"


@dataclass
class Stuck:
    """A desk at which nothing comes to an end."""

    connections: dict[str, Any] = field(default_factory=dict)

    async def save(self, view: Any, ref: Ref) -> Saved:
        await asyncio.Event().wait()
        raise AssertionError(view, ref)


def test_a_try_ends_before_another_one_could_begin() -> None:
    desk: Any = Stuck()
    view: Any = lambda _: None  # noqa: E731 - nothing is read of it
    channel = CrmChannel(desk=desk, view=view, tell=print, try_s=0.01)
    to = Address("crm", Ref("one", Kind.person, "1").target)
    with pytest.raises(DeliveryPutOff):
        asyncio.run(channel.deliver(Delivery("msg_1", to, "enrichment.completed", {}), AT))
