"""A large batch while processes are killed: every row ends once, nothing is paid for twice."""

import csv
import re
import signal
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pytest

from tests.fakes.serving import serve
from tests.journeys.stack import LOCAL, Receiver, Stack, installed, wait_until

ROWS = 400
KILLS = (0.15, 0.5)  # shares of the rows that have ended when the worker is killed
SLOTS = {"WARMCALL_SLOTS": "8", "WARMCALL_LEASE": "2s", "WARMCALL_CALLBACK_ALLOW": LOCAL}
ANSWERS = (
    "SELECT answer_key, count(*) FROM attempt "
    "WHERE outcome IN ('matched', 'not_found') AND NOT cached GROUP BY answer_key"
)
SPENT = "SELECT sum(credits_spent) FROM job WHERE id IN (SELECT job_id FROM batch_row WHERE pays)"


def mails(count: int) -> list[str]:
    """Return whom the rows name: of twenty two are unknown, one is named twice, one is nobody."""
    names = []
    for number in range(count):
        kind, host = number % 20, f"firm{number}.example"
        special = {3: "notfound", 9: "notfound", 17: "not an address"}
        local = special.get(kind, f"jane.no{number}")
        names.append(local if kind == 17 else f"{local}@{host}")
        if kind == 12:
            names[-1] = names[-2]
    return names


def table(count: int) -> bytes:
    lines = [f"{number},{mail}" for number, mail in enumerate(mails(count))]
    return "\n".join(["Deal,E-Mail", *lines]).encode()


def begin(client: httpx.Client, count: int, query: str = "", **headers: str) -> httpx.Response:
    headers = {"Content-Type": "text/csv", **headers}
    return client.post(f"/v1/batches{query}", content=table(count), headers=headers)


def seen(client: httpx.Client, batch_id: str) -> Any:
    return client.get(f"/v1/batches/{batch_id}", params={"limit": 0}).json()


def has_come(client: httpx.Client, batch_id: str, share: float) -> bool:
    batch = seen(client, batch_id)
    return bool(batch["ended"] >= share * batch["total"])


@contextmanager
def asked(stack: Stack) -> Iterator[Any]:
    """Give what asks the database of an installation."""
    with closing(sqlite3.connect(stack.folder / "warmcall.db", timeout=30)) as db:
        yield db


def rows(stack: Stack, query: str) -> list[Any]:
    with asked(stack) as db:
        found: list[Any] = db.execute(query).fetchall()
        return found


def test_a_batch_ends_as_it_should_after_its_worker_was_killed_twice(tmp_path: Path) -> None:
    settings, count = dict(SLOTS), ROWS
    receiver = Receiver()
    with serve(receiver.app()) as callback, installed(tmp_path, **settings) as stack:
        key = stack.key("--quota", "unlimited")
        stack.start_web()
        worker = stack.start("worker")
        with stack.client(key) as client:
            terms = f"?fields=person&callback_url={callback}/done"
            batch_id = begin(client, count, terms).json()["batch_id"]
            for share in KILLS:
                reached = partial(has_come, client, batch_id, share)
                wait_until(reached, f"{share} of the rows")
                worker.send_signal(signal.SIGKILL)
                worker.wait()
                worker = stack.start("worker")
            wait_until(lambda: seen(client, batch_id)["status"] == "ended", "the end", 120)
            batch = seen(client, batch_id)
            wait_until(lambda: receiver.got, "the callback")
            text = client.get(f"/v1/batches/{batch_id}.csv").text
        answers, [(spent,)] = dict(rows(stack, ANSWERS)), rows(stack, SPENT)
    matched = count * 17 // 20
    assert (batch["total"], batch["ended"], batch["matched"]) == (count, count, matched)
    assert batch["verified"] == batch["mailboxes"] == matched
    assert max(answers.values()) == 1
    assert batch["credits_spent"] == spent
    told = list(csv.DictReader(text.splitlines()))
    assert [row["E-Mail"] for row in told] == mails(count)
    assert Counter(row["warmcall_status"] for row in told) == {
        "complete": matched,
        "not_found": count // 10,
        "invalid_prospect": count // 20,
    }
    [(_, body)] = receiver.got
    assert (body["type"], body["data"]["matched"]) == ("batch.completed", matched)


def test_a_web_process_that_dies_while_it_takes_rows_in_leaves_nothing_half_asked(
    tmp_path: Path,
) -> None:
    key_of_upload = {"Idempotency-Key": "upload-1"}
    with installed(tmp_path, **SLOTS) as stack:
        key = stack.key("--quota", "unlimited")
        web = stack.start_web()
        stack.start("worker")
        with stack.client(key) as client:
            sending = Thread(target=ignoring_errors, args=(client, 3_000, key_of_upload))
            sending.start()
            count = "SELECT count(*) FROM batch_ask"
            wait_until(lambda: rows(stack, count)[0][0] > 0, "the first rows")
            web.send_signal(signal.SIGKILL)
            web.wait()
            sending.join()
        stack.start_web()
        with stack.client(key) as client:
            answers = [begin(client, 100, **key_of_upload) for _ in range(2)]
            again = {answer.json()["batch_id"] for answer in answers}
            [batch_id] = again
            wait_until(lambda: seen(client, batch_id)["status"] == "ended", "the end")
        states = dict(rows(stack, "SELECT state, count(*) FROM batch_run GROUP BY state"))
        [(strays,)] = rows(
            stack,
            "SELECT count(*) FROM batch_row JOIN batch_run USING (batch_id) "
            "WHERE state = 'taking_in' AND job_id IS NOT NULL",
        )
    assert states["ended"] == 1
    assert strays == 0


def ignoring_errors(client: httpx.Client, count: int, headers: dict[str, str]) -> None:
    try:
        begin(client, count, **headers)
    except httpx.HTTPError:
        return


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_a_command_that_was_stopped_goes_on_where_it_was(
    tmp_path: Path, how: signal.Signals
) -> None:
    slow = [f"\n{number},slow@firm{number}.example" for number in range(100, 108)]
    (tmp_path / "in.csv").write_bytes(table(100) + "".join(slow).encode())
    with installed(tmp_path, **SLOTS) as stack:
        command = stack.start("batch", "in.csv", "out.csv")
        file = tmp_path / "warmcall.db"
        ended = "SELECT count(*) FROM batch_ask WHERE state = 'ended' AND status IS NOT NULL"
        wait_until(lambda: file.exists() and has_table(stack) and rows(stack, ended)[0][0] > 10,
                   "the first rows")  # fmt: skip
        command.send_signal(how)
        status = command.wait()
        [(batch_id,)] = rows(stack, "SELECT id FROM batch")
        assert not (tmp_path / "out.csv").exists()
        if how is signal.SIGINT:
            assert status == 1
            assert f"warmcall batch --resume {batch_id} out.csv" in stack.log("batch")
        said = stack.run("batch", "--resume", batch_id, "out.csv", timeout_s=120)
        assert said.returncode == 0, said.stderr
        answers = dict(rows(stack, ANSWERS))
    assert re.search(r"^108 rows, 93 matched \(86\.1 %\)\.$", said.stdout, re.MULTILINE)
    assert max(answers.values()) == 1
    with (tmp_path / "out.csv").open(newline="") as text:
        assert [row["E-Mail"] for row in csv.DictReader(text)][:100] == mails(100)
    assert sorted(one.name for one in tmp_path.iterdir() if "out" in one.name) == ["out.csv"]


def has_table(stack: Stack) -> bool:
    return bool(rows(stack, "SELECT 1 FROM sqlite_master WHERE name = 'batch_ask'"))


def test_who_waits_for_a_card_does_not_wait_for_a_batch(tmp_path: Path) -> None:
    with installed(tmp_path, **SLOTS) as stack:
        key = stack.key("--quota", "unlimited")
        stack.start_web()
        stack.start("worker")
        with stack.client(key) as client:
            batch_id = begin(client, 200).json()["batch_id"]
            body = {"email": "sarah.chen@acme.example"}
            job = client.post("/v1/enrich", json=body, headers={"Prefer": "wait=30"}).json()
            assert job["status"] == "complete"
            batch = seen(client, batch_id)
            assert batch["ended"] < batch["total"]
