"""Driving an adapter: what its headers cost, what ends it, what is read beside the loop."""

import asyncio
import threading
from datetime import UTC, datetime

import pytest

from app.facts import Section
from app.prospect import Identifiers
from app.provider import Answer, Ended, Exchange, Finding, Meter, Outcome, Request, Unreadable
from app.waterfall import HEAVY, drive
from tests.fakes.clock import Clock
from tests.fakes.oracle import Oracle

NOW = datetime(2026, 11, 21, tzinfo=UTC)


class Metered(Oracle):
    """An oracle whose answers each say that 2 credits were charged."""

    def meter(self, answer: Answer) -> Meter:
        return Meter(credits_spent=2.0)


@pytest.fixture
def provider(clock: Clock) -> Metered:
    return Metered("orbit", {Section.person: Outcome.not_found}, clock)


async def answer(provider: object, requests: list[Request], body: bytes = b"{}") -> list[Answer]:
    return [Answer(200, {}, body, request.url, NOW) for request in requests]


def asks(*batches: int, finding: Finding) -> Exchange:
    for size in batches:
        yield [Request("GET", f"https://orbit.example/{n}") for n in range(size)]
    return finding


def test_what_all_requests_of_an_exchange_cost_is_added_up(provider: Metered) -> None:
    finding = Finding(Outcome.matched)
    told = asyncio.run(drive(provider, asks(1, 2, finding=finding), answer))
    assert told.credits == 6.0


def test_what_the_finding_says_of_its_price_counts(provider: Metered) -> None:
    finding = Finding(Outcome.matched, credits=0.5)
    assert asyncio.run(drive(provider, asks(1, finding=finding), answer)).credits == 0.5


def test_an_exchange_that_is_ended_keeps_what_was_charged_before(provider: Metered) -> None:
    async def second_fails(one: object, requests: list[Request]) -> list[Answer]:
        if len(requests) == 2:
            raise Ended(Finding(Outcome.rate_limited))
        return await answer(one, requests)

    told = asyncio.run(drive(provider, asks(1, 2, finding=Finding(Outcome.matched)), second_fails))
    assert (told.outcome, told.credits) == (Outcome.rate_limited, 2.0)


def test_an_unreadable_answer_is_a_provider_error(provider: Metered) -> None:
    def unreadable() -> Exchange:
        yield [Request("GET", "https://orbit.example/")]
        raise Unreadable("status 200 with a body that is not JSON")

    told = asyncio.run(drive(provider, unreadable(), answer))
    assert (told.outcome, told.detail) == (
        Outcome.provider_error,
        "status 200 with a body that is not JSON",
    )


@pytest.mark.parametrize(("size", "beside"), [(10, False), (HEAVY, True)])
def test_a_large_answer_is_read_beside_the_loop(provider: Metered, size: int, beside: bool) -> None:
    readers: list[int] = []

    def reading() -> Exchange:
        yield [Request("GET", "https://orbit.example/")]
        readers.append(threading.get_ident())
        return Finding(Outcome.matched)

    async def send(one: object, requests: list[Request]) -> list[Answer]:
        return await answer(one, requests, b"x" * size)

    told = asyncio.run(drive(provider, reading(), send))
    assert told.outcome is Outcome.matched
    assert (readers != [threading.get_ident()]) is beside


def test_identifiers_are_one_key_whatever_their_case() -> None:
    assert Identifiers(name="Jane Roe").key() == Identifiers(name="JANE ROE").key()
