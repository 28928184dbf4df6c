"""A worker that starts deletes what is older than it may be kept."""

import sqlite3
import threading
from pathlib import Path

from tests.journeys.stack import installed, wait_until

TABLES = ("job", "event", "asked", "attempt", "fact", "coverage")


def rows(folder: Path) -> dict[str, int]:
    with sqlite3.connect(folder / "warmcall.db", timeout=30) as db:
        counts = {name: f"SELECT count(*) FROM {name}" for name in TABLES}
        return {name: db.execute(query).fetchone()[0] for name, query in counts.items()}


def test_a_worker_deletes_jobs_facts_and_events_that_are_too_old(tmp_path: Path) -> None:
    keep = {"WARMCALL_KEEP_JOBS": "2s", "WARMCALL_KEEP_PEOPLE": "2s", "WARMCALL_KEEP_EVENTS": "2s"}
    with installed(tmp_path, **keep) as stack:
        told = stack.run("brief", "sarah.chen@acme.example", "--format", "json")
        assert told.returncode == 0, told.stderr
        before = rows(tmp_path)
        assert all(before.values())
        threading.Event().wait(2.1)
        stack.start_worker()
        spent_stays = {**dict.fromkeys(TABLES, 0), "attempt": before["attempt"]}
        wait_until(lambda: rows(tmp_path) == spent_stays, "everything old to go")
        wait_until(lambda: "old rows deleted" in stack.log("worker"), "it to be told")
