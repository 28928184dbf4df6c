"""Operators hear of trouble: once of each cause for a while, each time in a message of its own."""

import asyncio
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest

from app import alerts
from app.alerts import ALERT, QUIET, alert
from app.courier import announce, new_delivery
from app.delivery import Address
from app.errors import DeliveryFailed
from app.gate import Gate
from app.job import DEATHS
from app.provider import Meter, Outcome
from tests.conftest import Postbox
from tests.fakes.clock import Clock
from tests.fakes.servers import BACKENDS
from tests.test_engine import JANE, PERSON, kill, oracle

pytestmark = pytest.mark.parametrize("backend", BACKENDS[:2], indirect=True)


@dataclass
class Operators:
    """A service whose keeper tells trouble to a channel, and that channel."""

    service: Any
    channel: Postbox

    def heard(self) -> list[str]:
        """Sweep, deliver, and return all that operators have heard so far."""
        self.service.sweep()
        courier = self.service.courier({"slack": self.channel, "callback": self.service.postbox})

        async def deliver() -> None:
            for task, ref in self.service.messages():
                if task == "deliver":
                    await courier.deliver(ref)

        asyncio.run(deliver())
        return [str(one.body["words"]) for one in self.channel.got]

    def trouble(self, cause: str, words: str) -> None:
        service = self.service
        service.database.write(lambda db: alert(db, cause, words, service.clock())).result()


@pytest.fixture
def operators(make: Any, clock: Clock) -> Operators:
    service = make(oracle(clock, person=PERSON))
    service.keeper = replace(
        service.keeper, alerts=lambda mark: Address("slack", f"-:C0OPS:alert-{mark}")
    )
    return Operators(service, Postbox("slack"))


def test_one_cause_is_told_once_in_six_hours_and_another_at_once(
    operators: Operators, clock: Clock
) -> None:
    operators.trouble("disk", "It is full.")
    assert operators.heard() == ["It is full."]
    operators.trouble("disk", "It is still full.")
    operators.trouble("power", "It is dark.")
    assert operators.heard() == ["It is full.", "It is dark."]
    clock.move(hours=QUIET / timedelta(hours=1))
    operators.trouble("disk", "It is full again.")
    assert operators.heard()[2:] == ["It is full again."]
    targets = [one.address.target for one in operators.channel.got]
    assert len(set(targets)) == 3
    assert {one.event for one in operators.channel.got} == {ALERT}


def test_a_clock_that_was_set_back_keeps_nothing_secret(operators: Operators, clock: Clock) -> None:
    clock.move(days=30)
    operators.trouble("disk", "It is full.")
    operators.heard()
    clock.move(days=-30)
    operators.trouble("disk", "It is full again.")
    clock.move(days=60)  # past what was put off by the jump
    assert operators.heard() == ["It is full.", "It is full again."]


def test_what_could_not_be_told_is_tried_again(operators: Operators, clock: Clock) -> None:
    operators.channel.refuses = DeliveryFailed("busy")
    operators.trouble("disk", "It is full.")
    assert operators.heard() == []
    operators.channel.refuses = None
    clock.move(seconds=30)
    assert operators.heard() == ["It is full."]


def test_who_does_not_want_to_hear_is_not_told(operators: Operators) -> None:
    operators.service.keeper = replace(operators.service.keeper, alerts=None)
    operators.trouble("disk", "It is full.")
    assert operators.heard() == []
    noted = operators.service.database.read(lambda db: alerts.untold(db, 10))
    assert [row.words for row in noted] == ["It is full."]


@pytest.mark.parametrize(
    ("outcome", "words"),
    [(Outcome.auth_failed, "refuses its key"), (Outcome.out_of_credits, "no credits left")],
)
def test_a_provider_that_is_not_asked_any_more_is_trouble(
    operators: Operators, outcome: Outcome, words: str
) -> None:
    service = operators.service

    async def report() -> None:
        gate = Gate(service.database, service.clock)
        for _ in range(3):
            await gate.report(service.providers[0], outcome, Meter())

    asyncio.run(report())
    [heard] = operators.heard()
    assert heard.startswith("The provider orbit")
    assert words in heard


def test_other_failures_of_a_provider_are_none(operators: Operators) -> None:
    service = operators.service

    async def report() -> None:
        for outcome in (Outcome.provider_error, Outcome.rate_limited, None):
            await Gate(service.database, service.clock).report(
                service.providers[0], outcome, Meter()
            )

    asyncio.run(report())
    assert operators.heard() == []


def test_a_job_that_was_given_up_is_trouble(operators: Operators) -> None:
    view = operators.service.ask(JANE)
    for number in range(DEATHS):
        kill(operators.service, view.id, f"dead_{number}")
    [heard] = operators.heard()
    assert view.id in heard
    assert "jane" not in heard.lower()


def test_an_address_that_is_given_up_is_trouble_and_is_not_told_itself(
    operators: Operators,
) -> None:
    service = operators.service
    service.postbox.refuses = DeliveryFailed("gone", final=True, gone=True, status=410)
    to = Address("callback", "https://hooks.acme.example/secret-word")
    delivery = new_delivery(None, "ping", service.caller.id, to, service.clock())
    service.database.write(lambda db: announce(db, service.tasks, delivery)).result()
    operators.heard()
    [heard] = operators.heard()
    assert service.caller.id in heard
    assert "secret-word" not in heard
