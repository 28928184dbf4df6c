"""A large CSV file over REST, while the worker is killed twice: how fast, and is every row right?

Everybody in it is the sandbox's: most are known, some are nobody's, of some no provider answers.
"""

import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from subprocess import run
from typing import Any

import httpx

from bench.figures import Plan
from bench.processes import LOCAL, ROOT, Group, Process, free_port, is_open, wait_until
from bench.targets import Row

KINDS = {7: "notfound", 13: "error"}
"""Of twenty rows these ask for an outcome; all others are matched."""

KILLS = (0.25, 0.5)  # shares of the rows that have ended then
PATIENCE_S = 3_600.0


@dataclass(frozen=True, slots=True)
class BatchFigures:
    """What was measured. Times are in seconds; CPU is that of the worker that lived last."""

    rows: int
    expected: int
    matched: int
    ended: int
    again: int
    taken_in_s: float
    whole_s: float  # from the 202 to the end, with both kills
    calm_rows_per_s: float  # after the second one
    calm_cpu_ms: float  # a row, worker alone
    file_s: float
    file_rows: int


def measured_batch(plan: Plan) -> BatchFigures:
    """Start a web process and a worker with a store of their own, and take all figures."""
    with tempfile.TemporaryDirectory(prefix="warmcall-bench-") as name:
        group = Group()
        try:
            return Batch(Path(name), group).all(plan.rows)
        finally:
            group.stop()


class Batch:
    """One installation, and a file that it is given."""

    def __init__(self, folder: Path, group: Group) -> None:
        port = free_port()
        env = {"PYTHONPATH": str(ROOT), "PORT": str(port)}
        env["DATABASE_URL"] = f"sqlite:///{folder / 'warmcall.db'}"
        program = str(Path(sys.executable).with_name("warmcall"))
        made = run(
            [program, "keys", "create", "bench", "--quota", "unlimited"],
            cwd=folder, env=env, capture_output=True, text=True, check=True,
        )  # fmt: skip
        web = group.run(Process("web", [program, "web", "--host", LOCAL], env, folder))
        self._worker = group.run(Process("worker", [program, "worker"], env, folder))
        wait_until(lambda: is_open(port), f"{LOCAL}:{port} to listen", web)
        self._client = httpx.Client(
            base_url=f"http://{LOCAL}:{port}",
            headers={"Authorization": f"Bearer {made.stdout.strip()}"},
            timeout=120,
            trust_env=False,
        )

    def all(self, rows: int) -> BatchFigures:
        """Send the file, kill, wait for the end, fetch what comes back."""
        began = time.monotonic()
        answer = self._client.post(
            "/v1/batches", content=table(rows), headers={"Content-Type": "text/csv"}
        )
        assert answer.status_code == 202, answer.text
        taken_in, url = time.monotonic(), f"/v1/batches/{answer.json()['batch_id']}"
        for share in KILLS:
            self._wait(url, lambda batch: batch["ended"] >= share * rows)  # noqa: B023
            self._worker.kill()
            self._worker.start()
        calm, before = time.monotonic(), self._seen(url)["ended"]
        cpu_s = self._worker.cpu_s()
        batch = self._wait(url, lambda batch: batch["status"] == "ended")
        ended = time.monotonic()
        cpu_s = self._worker.cpu_s() - cpu_s
        file = self._client.get(f"{url}.csv").text
        left = max(1, rows - before)
        return BatchFigures(
            rows=rows,
            expected=sum(1 for number in range(rows) if number % 20 not in KINDS),
            matched=batch["matched"],
            ended=batch["ended"],
            again=batch["again"],
            taken_in_s=taken_in - began,
            whole_s=ended - taken_in,
            calm_rows_per_s=left / (ended - calm),
            calm_cpu_ms=1000 * cpu_s / left,
            file_s=time.monotonic() - ended,
            file_rows=len(file.splitlines()) - 1,
        )

    def _seen(self, url: str) -> Any:
        return self._client.get(url, params={"limit": 0}).json()

    def _wait(self, url: str, is_so: Any) -> Any:
        end = time.monotonic() + PATIENCE_S
        while not is_so(batch := self._seen(url)):
            self._worker.check()
            assert time.monotonic() < end, batch
            time.sleep(0.2)
        return batch


def table(rows: int) -> bytes:
    """Return a file of so many rows, each about somebody else at a company of ten."""
    lines = [
        f"{number},{KINDS.get(number % 20, f'jane.no{number}')}@firm{number // 10}.example"
        for number in range(rows)
    ]
    return "\n".join(["Deal,E-Mail", *lines]).encode()


def judged_batch(figures: BatchFigures) -> list[Row]:
    """Compare with what was promised."""
    rate = figures.matched / figures.rows
    rows = f"{figures.rows:,} rows"
    return [
        Row(
            f"match rate of {rows}, worker killed twice",
            f"{figures.expected / figures.rows:.2%}",
            f"{rate:.2%}",
            figures.matched == figures.expected,
        ),
        Row("rows that ended", f"{figures.rows:,}", f"{figures.ended:,}",
            figures.ended == figures.rows),
        Row("rows in the file that comes back", f"{figures.rows:,}", f"{figures.file_rows:,}",
            figures.file_rows == figures.rows),
    ]  # fmt: skip


def pace_told(figures: BatchFigures) -> str:
    """Return how fast it went, in a few sentences."""
    return (
        f"{figures.rows:,} rows were taken in within {figures.taken_in_s:.1f} s and had all ended "
        f"{figures.whole_s:.0f} s later ({figures.rows / figures.whole_s:.0f} rows/s with two "
        f"kills and {figures.again:,} rows asked for twice). After the second kill: "
        f"{figures.calm_rows_per_s:.0f} rows/s, {figures.calm_cpu_ms:.1f} ms of CPU a row. "
        f"The file came back in {figures.file_s:.1f} s."
    )
