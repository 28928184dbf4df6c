"""The clock of the machine is set forward or back by an hour: all goes on, nothing is lost."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from app import outbox, store
from app.breaker import DISABLED, FAILURES_TO_OPEN, OPEN, Health, admit, report
from app.delivery import Address
from app.errors import DeliveryFailed
from app.job import Status
from app.pace import Bucket, take
from app.provider import Finding, Meter, Outcome, Pace
from tests.conftest import LEASE
from tests.fakes.clock import Clock
from tests.test_engine import JANE, PERSON, oracle

HOUR = 3600.0
PACE = Pace(per_s=2.0, burst=4)
TOLD = (Address("callback", "https://one.example"),)

both_ways = pytest.mark.parametrize("jump_s", [HOUR, -HOUR], ids=["forward", "back"])


@both_ways
def test_the_job_of_a_dead_worker_is_brought_back(make: Any, clock: Clock, jump_s: float) -> None:
    service = make(oracle(clock, person=PERSON))
    view = service.ask(JANE)
    service.messages()
    service.database.write(lambda db: store.claim(db, view.id, "dead", clock(), LEASE)).result()
    clock.move(seconds=jump_s + 9)
    service.sweep()
    asyncio.run(service.work())
    assert service.see(view).status is Status.complete


@both_ways
def test_a_running_job_stays_with_its_living_worker(make: Any, clock: Clock, jump_s: float) -> None:
    source = oracle(clock, person=PERSON)
    source.hold = asyncio.Event()
    service = make(source)
    view = service.ask(JANE, notify=TOLD)

    async def jump_while_asking() -> None:
        engine = service.engine()
        running = asyncio.create_task(engine.run(view.id))
        while not source.asked:
            await asyncio.sleep(0.002)
        clock.move(seconds=jump_s)
        await asyncio.to_thread(service.sweep_as, engine)
        assert source.hold is not None
        source.hold.set()
        await running

    asyncio.run(jump_while_asking())
    asyncio.run(service.work())
    assert service.see(view).status is Status.complete
    assert (len(source.asked), len(service.postbox.got)) == (1, 1)


@both_ways
def test_a_job_that_waits_for_a_provider_goes_on(make: Any, clock: Clock, jump_s: float) -> None:
    def busy(_: object) -> Finding:
        return Finding(Outcome.rate_limited, retry_at=clock() + timedelta(seconds=30))

    source = oracle(clock, person=busy)
    service = make(source)
    view = service.settle(JANE)
    assert service.see(view).status is Status.queued
    source.says = dict.fromkeys(source.says, PERSON)
    clock.move(seconds=jump_s)
    service.sweep()
    asyncio.run(service.work())
    assert service.see(view).status is Status.complete


@both_ways
def test_a_delivery_of_a_dead_worker_is_tried_again(make: Any, clock: Clock, jump_s: float) -> None:
    service = make(oracle(clock, person=PERSON))
    service.postbox.refuses = DeliveryFailed("no answer")
    service.settle(JANE, notify=TOLD)
    [sent] = service.intake.deliveries(service.caller)
    clock.move(seconds=5)
    lease = timedelta(seconds=60)
    taken = service.database.write(
        lambda db: outbox.claim(db, sent.id, "dead", clock(), lease)
    ).result()
    assert taken
    service.postbox.refuses = None
    clock.move(seconds=jump_s)
    for _ in range(2):  # at the latest when a clock that was set back has caught up
        clock.move(seconds=max(0.0, -jump_s) + 60)
        service.sweep()
        asyncio.run(service.work())
    assert [one.id for one in service.postbox.got] == [sent.id]


def test_a_breaker_that_is_open_does_not_stay_so_for_an_hour(clock: Clock) -> None:
    health = Health()
    for _ in range(FAILURES_TO_OPEN):
        health = report(health, Outcome.provider_error, Meter(), clock())
    assert admit(health, PACE, clock())[1].kind == "skip"
    clock.move(seconds=-HOUR)
    probing, admission = admit(health, PACE, clock())
    assert admission.kind == "go"
    assert report(probing, None, Meter(), clock()).failures == 0


def test_a_probe_and_a_disablement_from_the_future_are_over(clock: Clock) -> None:
    later = clock() + timedelta(seconds=HOUR)
    probing = Health(failures=5, opened_until=later - OPEN, probing_since=later)
    disabled = Health(disabled_until=later + DISABLED, disabled_for="auth_failed")
    assert {admit(one, PACE, clock())[1].kind for one in (probing, disabled)} == {"go"}


def test_an_empty_bucket_fills_at_its_pace_after_the_clock_was_set_back(clock: Clock) -> None:
    empty = Bucket(0.0, clock())
    clock.move(seconds=-HOUR)
    told, wait_s = take(empty, PACE, clock())
    assert wait_s == 0.5
    clock.move(seconds=wait_s)
    assert take(told, PACE, clock())[1] == 0.0


@both_ways
def test_who_is_alive_is_known_again_at_the_next_beat(
    make: Any, clock: Clock, jump_s: float
) -> None:
    service = make()
    service.sweep_as(service.engine("worker_1"))
    clock.move(seconds=jump_s)
    service.sweep()
    assert service.intake.workers_alive() == 0
    service.sweep_as(service.engine("worker_1"))
    assert service.intake.workers_alive() == 1
