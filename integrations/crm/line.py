"""Talks with a CRM: an adapter's conversation, request by request, at the pace of the account."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from app.crm import BREAKING, Adapter, Steps
from app.crm_books import TRY_BROKEN, Books
from app.delivery import Door, Doors
from app.errors import DeliveryFailed, DeliveryPutOff
from app.provider import Answer, Request

T = TypeVar("T")

LONGEST_NAP_S = 5.0
"""A longer wait for a turn is the queue's."""


class Waiting:
    """Who waits in this process for a turn, one behind the other.

    Without an order all would wake for each turn, one would get it, and some none for minutes.
    """

    def __init__(self) -> None:
        self.length = 0
        self.head = asyncio.Lock()  # asyncio's locks are fair


@dataclass(frozen=True, slots=True, kw_only=True)
class CrmLine:
    """The line to one connection. `call` sends one request; a failure is an answer."""

    connection: str
    adapter: Adapter
    call: Callable[[Request], Awaitable[Answer]]
    doors: Doors
    books: Books
    waiting: Waiting = field(default_factory=Waiting)
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep

    async def ask(self, steps: Steps[T]) -> T:
        """Hold a conversation. Raises DeliveryFailed, DeliveryPutOff.

        A connection that the CRM does not let in (any more) is noted as broken: what was to be
        said waits until it is tried again.
        """
        trouble = await self.books.trouble(self.connection)
        if trouble and not await self.books.may_try(self.connection):
            raise self._broken(trouble)
        try:
            result = await self._held(steps)
        except DeliveryFailed as exc:
            if exc.word not in BREAKING:
                raise
            await self.books.breaks(self.connection, str(exc))
            raise self._broken(str(exc)) from exc
        except DeliveryPutOff as exc:
            raise DeliveryPutOff(str(exc), exc.wait_s, is_patient=True) from exc
        if trouble:
            await self.books.works(self.connection)
        return result

    async def _held(self, steps: Steps[T]) -> T:
        answer: Any = None  # which is what a conversation begins with
        while True:
            try:
                request = steps.send(answer)
            except StopIteration as done:
                result: T = done.value
                return result
            except DeliveryPutOff as exc:
                await self.doors.shut(self._door.name, exc.wait_s)
                raise
            answer = await self._sent(request)

    async def _sent(self, request: Request) -> Answer:
        behind_s = self.waiting.length / self.adapter.pace.per_s
        if behind_s > LONGEST_NAP_S:
            raise DeliveryPutOff(f"many wait for {self.connection}", behind_s)
        self.waiting.length += 1
        try:
            async with self.waiting.head:
                await self._turn()
        finally:
            self.waiting.length -= 1
        return await self.call(request)

    async def _turn(self) -> None:
        while wait_s := await self.doors.enter([self._door]):
            if wait_s > LONGEST_NAP_S:
                raise DeliveryPutOff(f"{self.connection} asks to wait", wait_s)
            await self.sleep(wait_s)

    @property
    def _door(self) -> Door:
        pace = self.adapter.pace
        return Door(f"crm:{self.connection}", 1 / pace.per_s, pace.burst)

    def _broken(self, why: str) -> DeliveryPutOff:
        told = f"the connection {self.connection} is broken: {why}"
        return DeliveryPutOff(told, TRY_BROKEN.total_seconds(), is_patient=True)
