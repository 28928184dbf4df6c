"""Two webs and two workers start on an empty folder in the same moment, and work as one."""

import signal
import sqlite3
from pathlib import Path

from tests.journeys.stack import LOCAL, Stack, free_port, installed, is_open, json_of, wait_until

SLOTS = 2


def test_two_of_everything_share_one_database_from_its_first_moment(tmp_path: Path) -> None:
    with installed(tmp_path, WARMCALL_SLOTS=str(SLOTS)) as stack:
        other = Stack(tmp_path, stack.env, free_port())
        ports = (stack.port, other.port)
        workers = [stack.start("worker") for _ in range(2)]
        webs = [stack.start("web", "--host", LOCAL, "--port", str(port)) for port in ports]
        key = stack.key()
        wait_until(lambda: all(is_open(port) for port in ports), "both to listen")
        with stack.client(key) as one, other.client(key) as two:
            wait_until(lambda: "warmcall_workers 2.0" in one.get("/metrics").text, "two workers")
            bodies = [{"email": f"slow@firm{number}.example"} for number in range(2 * SLOTS)]
            jobs = [json_of(one.post("/v1/enrich", json=body))["job_id"] for body in bodies]
            joined = [json_of(two.post("/v1/enrich", json=body)) for body in bodies]
            assert [job["job_id"] for job in joined] == jobs
            for job_id in jobs:
                seen = two.get(f"/v1/jobs/{job_id}", headers={"Prefer": "wait=30"})
                assert json_of(seen)["status"] == "complete"
            refused = one.post(
                "/v1/enrich",
                json={"email": "ann@firm.example", "callback_url": f"http://{LOCAL}/hook"},
            )
            assert (refused.status_code, refused.json()["errors"][0]["name"]) == (
                422,
                "callback_url",
            )
        assert shares(tmp_path) == {SLOTS}
        for process in (*workers, *webs):
            process.send_signal(signal.SIGTERM)
        assert [process.wait(30) for process in (*workers, *webs)] == [0] * 4
        assert "Traceback" not in stack.log("worker") + stack.log("web")


def shares(folder: Path) -> set[int]:
    """Return how many of the jobs each worker ran."""
    with sqlite3.connect(folder / "warmcall.db", timeout=30) as db:
        query = "SELECT count(DISTINCT job_id) FROM attempt GROUP BY owner"
        return {int(count) for (count,) in db.execute(query)}
