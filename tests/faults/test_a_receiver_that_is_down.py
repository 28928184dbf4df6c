"""A receiver of callbacks is down: the card waits, and arrives once, under its own id."""

import asyncio
from pathlib import Path
from typing import Any

from app.delivery import Address
from app.errors import DeliveryFailed
from tests.fakes.clock import Clock
from tests.fakes.serving import serve
from tests.fakes.vendors import Vendors
from tests.faults.harm import accepted, delivered, ended, order, people
from tests.journeys.stack import (
    LOCAL,
    Receiver,
    free_port,
    installed,
    json_of,
    vendors_served,
    wait_until,
)
from tests.test_engine import JANE, PERSON, oracle

TOLD = (Address("callback", "https://one.example"),)


def test_a_receiver_that_is_down_for_an_hour_gets_its_card_afterwards(
    make: Any, clock: Clock
) -> None:
    service = make(oracle(clock, person=PERSON))
    service.postbox.refuses = DeliveryFailed("connection refused")
    view = service.settle(JANE, notify=TOLD)
    for minute in range(180):
        if minute == 60:
            service.postbox.refuses = None
        clock.move(minutes=1)
        service.sweep()
        asyncio.run(service.work())
    [sent] = service.intake.deliveries(service.caller, job_id=view.id)
    assert [one.id for one in service.postbox.got] == [sent.id]
    assert (sent.state, len(sent.tries) > 3) == ("delivered", True)


def test_a_receiver_that_was_not_there_is_found_when_it_is(tmp_path: Path) -> None:
    vendors, receiver, port = Vendors(), Receiver(), free_port()
    with vendors_served(vendors) as settings:
        options = {"WARMCALL_PROVIDERS": "peopledatalabs", "WARMCALL_CALLBACK_ALLOW": LOCAL}
        with installed(tmp_path, **settings, **options) as stack:
            key = stack.key("--quota", "unlimited")
            stack.start_web()
            stack.start_worker()
            with stack.client(key) as client:
                [email] = people(vendors, ["patient"])
                job = accepted(order(client, email, f"http://{LOCAL}:{port}/done"))
                ended(client, [job])
                wait_until(lambda: tries(client, job), "the first try")
                with serve(receiver.app(), port=port):
                    delivered(receiver, [job])
                    wait_until(lambda: state(client, job) == "delivered", "its booking")
    assert len(receiver.got) == 1


def tries(client: Any, job: str) -> int:
    [sent] = json_of(client.get("/v1/deliveries", params={"job_id": job}))["deliveries"]
    return len(sent["tries"])


def state(client: Any, job: str) -> str:
    [sent] = json_of(client.get("/v1/deliveries", params={"job_id": job}))["deliveries"]
    return str(sent["state"])
