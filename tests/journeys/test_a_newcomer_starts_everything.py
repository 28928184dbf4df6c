"""`warmcall up` in an empty folder: a key, a curl line that works, and an end without leftovers."""

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import pairwise
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import orjson
import psutil

from tests.journeys.stack import Job, Stack, installed, is_open, json_of, wait_until

KEY = re.compile(r"wc_[\w-]{20,}")


PROGRAM = Path(sys.executable).with_name("warmcall")


def start(stack: Stack) -> "subprocess.Popen[bytes]":
    """Start everything as `make run` does, and wait until it has told its address.

    What it prints goes into up.log, what it complains of into error.log.
    """
    told = len(stack.log("up")) if (stack.folder / "up.log").exists() else 0
    with (
        (stack.folder / "up.log").open("ab") as out,
        (stack.folder / "error.log").open("ab") as err,
    ):
        process = subprocess.Popen(
            [PROGRAM, "up"],
            cwd=stack.folder,
            env=stack.env,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
        )
    stack.processes.append(process)
    wait_until(lambda: stack.url in stack.log("up")[told:], "the address to be printed")
    return process


def children(process: "subprocess.Popen[bytes]") -> list[psutil.Process]:
    return psutil.Process(process.pid).children(recursive=True)


def are_gone(processes: list[psutil.Process]) -> bool:
    return not any(one.is_running() and one.status() != "zombie" for one in processes)


@contextmanager
def cleared(processes: list[psutil.Process]) -> Iterator[None]:
    """Kill whoever of these is still there in the end: no test leaves anything behind either."""
    try:
        yield
    finally:
        for one in processes:
            with suppress(psutil.NoSuchProcess):
                one.kill()


def sent(line: str) -> Job:
    """Run a printed curl line; where there is no curl, send what it says."""
    words = shlex.split(line)
    if shutil.which("curl"):
        told = subprocess.run([*words, "--silent"], capture_output=True, timeout=60, check=True)
        answer: Job = orjson.loads(told.stdout)
        return answer
    [url] = [word for word in words if urlsplit(word).scheme]
    options = list(pairwise(words))
    headers = dict(value.split(": ", 1) for name, value in options if name == "-H")
    [body] = [value for name, value in options if name == "-d"]
    return json_of(httpx.post(url, content=body, headers=headers, timeout=60, trust_env=False))


def test_the_first_start_leads_to_a_card_and_no_start_leaves_anything_behind(
    tmp_path: Path,
) -> None:
    with installed(tmp_path) as stack:
        up = start(stack)
        said = stack.log("up")
        [line] = [one for one in said.splitlines() if one.startswith("curl ")]
        assert set(KEY.findall(said)) == set(KEY.findall(line))
        assert len(set(KEY.findall(said))) == 1
        check(sent(line))
        family = children(up)
        assert len(family) == 2
        up.send_signal(signal.SIGTERM)
        assert up.wait(30) == 0
        assert are_gone(family)
        assert "Traceback" not in stack.log("error")
        assert not KEY.search(stack.log("error"))
        listed = subprocess.run(
            [PROGRAM, "keys", "list"],
            cwd=stack.folder,
            env=stack.env,
            capture_output=True,
            text=True,
            check=True,
        )
        assert listed.stdout.count("key_") == 1

        again = start(stack)
        assert not KEY.search(stack.log("up")[len(said) :])
        family = children(again)
        with cleared(family):
            again.send_signal(signal.SIGKILL)
            again.wait()
            wait_until(lambda: are_gone(family), "the children of a killed supervisor to end")
        assert not is_open(stack.port)


def check(job: Job) -> None:
    """Check that the card is the one the README promises."""
    card = job["card"]
    person, company = card["person"], card["company"]
    assert job["status"] == "complete"
    assert (person["full_name"], person["title"]) == ("Sarah Chen", "VP of Sales")
    assert (company["name"], company["founded_year"]) == ("Acme Corp", 2015)
    assert (company["employee_count"], company["funding"]["stage"]) == (240, "Series B")
    assert {one["full_name"] for one in card["decision_makers"]}
    assert all(one["headline"] for one in card["signals"])
    assert card["signals"]
    facts = {one["id"] for one in job["facts"]}
    assert all(set(point["fact_ids"]) <= facts for point in card["talking_points"])
    assert all(point["fact_ids"] for point in card["talking_points"])
    assert os.linesep not in card["summary"]
