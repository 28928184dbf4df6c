"""A job whose answer kills the worker: three workers die of it, then it is parked."""

import signal
import threading
from pathlib import Path

from tests.fakes.serving import serve
from tests.fakes.vendors import Vendors
from tests.faults.harm import Poison, accepted, delivered, ended, order, people
from tests.journeys.stack import LOCAL, Receiver, Stack, installed

INNOCENT = [f"innocent{number}" for number in range(20)]


class Keeper:
    """Starts a worker again as soon as it has died, as a supervisor does."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.worker = stack.start_worker()
        self.deaths = 0

    def kill(self) -> None:
        self.worker.send_signal(signal.SIGKILL)

    def watch(self, over: threading.Event) -> None:
        while not over.wait(0.05):
            if self.worker.poll() == -signal.SIGKILL:
                self.deaths += 1
                self.worker = self.stack.start("worker")


def test_a_poisoned_job_is_parked_after_three_deaths_and_the_others_end_well(
    tmp_path: Path,
) -> None:
    vendors, receiver, over = Vendors(), Receiver(), threading.Event()
    vendors.pdl.switches.set(slow_s=0.2, credits=None)
    poison = Poison(vendors.app(), "poison@example.com", lambda: None)
    with serve(poison) as url, serve(receiver.app()) as callback:
        options = {
            "PDL_API_URL": f"{url}/pdl/v5",
            "PDL_API_KEY": vendors.pdl.key,
            "WARMCALL_PROVIDERS": "peopledatalabs",
            "WARMCALL_LEASE": "1s",
            "WARMCALL_CALLBACK_ALLOW": LOCAL,
        }
        with installed(tmp_path, **options) as stack:
            key = stack.key("--quota", "unlimited")
            stack.start_web()
            keeper = Keeper(stack)
            poison.kill = keeper.kill
            watching = threading.Thread(target=keeper.watch, args=(over,))
            watching.start()
            with stack.client(key) as client:
                addresses = people(vendors, [*INNOCENT[:10], "poison", *INNOCENT[10:]])
                jobs = [accepted(order(client, one, f"{callback}/done")) for one in addresses]
                told = dict(zip(addresses, ended(client, jobs), strict=True))
                delivered(receiver, jobs)
            over.set()
            watching.join()
    parked = told.pop("poison@example.com")
    assert (poison.doses, keeper.deaths) == (3, 3)
    assert (parked["status"], parked["error"]["code"]) == ("provider_error", "worker_died")
    assert {one["status"] for one in told.values()} == {"complete"}
