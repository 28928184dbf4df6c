"""kill -9 of web, worker and supervisor: whatever was accepted ends and is delivered once."""

import signal
import subprocess
from pathlib import Path

import psutil

from tests.fakes.serving import serve
from tests.fakes.vendors import Vendors
from tests.faults.harm import accepted, delivered, ended, nothing_paid_twice, order, people
from tests.journeys.stack import (
    LOCAL,
    Receiver,
    Stack,
    installed,
    is_open,
    vendors_served,
    wait_until,
)

OPTIONS = {
    "WARMCALL_PROVIDERS": "peopledatalabs",
    "WARMCALL_LEASE": "1s",
    "WARMCALL_CALLBACK_ALLOW": LOCAL,
}


def child(stack: Stack, supervisor: int, name: str) -> psutil.Process:
    """Return the process of this name that the supervisor has started."""

    def found() -> list[psutil.Process]:
        children = psutil.Process(supervisor).children()
        return [one for one in children if one.is_running() and name in one.cmdline()]

    wait_until(found, f"the {name} process")
    return found()[0]


def kill(stack: Stack, up: "subprocess.Popen[bytes]", victim: str) -> "subprocess.Popen[bytes]":
    """Kill one process and wait until the others have noticed; return the supervisor."""
    if victim != "supervisor":
        child(stack, up.pid, victim).kill()
        wait_until(lambda: f"{victim} ended with status -9" in stack.log("up"), "it to be noticed")
        return up
    up.send_signal(signal.SIGKILL)
    up.wait()
    wait_until(lambda: not is_open(stack.port), "the children to follow", 30)
    return stack.start_cold("up", "--host", LOCAL)


def test_web_worker_and_supervisor_are_killed_and_nothing_is_lost(tmp_path: Path) -> None:
    vendors, receiver = Vendors(), Receiver()
    vendors.pdl.switches.set(slow_s=0.5, credits=None)
    jobs: list[str] = []
    with (
        vendors_served(vendors) as settings,
        serve(receiver.app()) as callback,
        installed(tmp_path, **settings, **OPTIONS) as stack,
    ):
        key = stack.key("--quota", "unlimited")
        up = stack.start_cold("up", "--host", LOCAL)
        for victim in ("web", "worker", "supervisor"):
            wait_until(lambda: is_open(stack.port), "the web process")
            emails = people(vendors, [f"{victim}{number}" for number in range(8)])
            with stack.client(key) as client:
                jobs += [accepted(order(client, one, f"{callback}/done")) for one in emails]
            up = kill(stack, up, victim)
        wait_until(lambda: is_open(stack.port), "the web process")
        with stack.client(key) as client:
            told = ended(client, jobs)
            delivered(receiver, jobs)
    assert {one["status"] for one in told} == {"complete"}
    nothing_paid_twice(tmp_path, vendors)


def test_of_three_workers_one_is_killed_and_the_other_two_sweep_up_at_once(tmp_path: Path) -> None:
    vendors, receiver = Vendors(), Receiver()
    vendors.pdl.switches.set(slow_s=0.5, credits=None)
    with (
        vendors_served(vendors) as settings,
        serve(receiver.app()) as callback,
        installed(tmp_path, **settings, **OPTIONS, WARMCALL_SLOTS="4") as stack,
    ):
        key = stack.key("--quota", "unlimited")
        stack.start_web()
        workers = [stack.start("worker") for _ in range(3)]
        wait_until(lambda: stack.log("worker").count("worker started") == 3, "three workers")
        with stack.client(key) as client:
            emails = people(vendors, [f"shared{number}" for number in range(24)])
            jobs = [accepted(order(client, one, f"{callback}/done")) for one in emails]
            workers[0].send_signal(signal.SIGKILL)
            told = ended(client, jobs)
            delivered(receiver, jobs)
    assert {one["status"] for one in told} == {"complete"}
    nothing_paid_twice(tmp_path, vendors)
