"""The benchmark runs and tells: never how fast, for that depends on the machine."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import orjson
import pytest

from bench.figures import Figures
from bench.soak import Sample
from bench.soak import judged as soak_judged
from bench.targets import judged
from tests.test_house import REGISTRY

ROOT = Path(__file__).parent.parent


def run(module: str, out: Path, *options: str) -> str:
    told = subprocess.run(
        [sys.executable, "-m", module, "--out", str(out), *options],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert told.returncode == 0, told.stderr
    return told.stdout


def kept(path: Path) -> Any:
    return orjson.loads(path.read_bytes())


def test_a_tiny_benchmark_gives_a_table_a_picture_and_json(tmp_path: Path) -> None:
    tiny = ("--tiny", "--latency-ms", "10", "--only", "sqlite")
    table = run("bench", tmp_path, *tiny)
    assert "| Warmcall, SQLite |" in table
    results = kept(tmp_path / "results.json")
    [ours] = results["figures"]
    assert ours["errors"] == []
    assert ours["jobs_per_s"] > 0
    assert ours["cpu_ms"] > 0
    assert ours["calls_per_prospect"] == 1.0
    assert ours["killed_lost"] == 0
    assert results["machine"]["cores"] == os.cpu_count()
    assert results["promises"]["Warmcall, SQLite"]
    assert ElementTree.parse(tmp_path / "results.svg").getroot().tag.endswith("svg")


def test_the_costs_of_the_mcp_surface_are_measured_alone(tmp_path: Path) -> None:
    table = run("bench", tmp_path, "--tiny", "--only", "mcp")
    assert "| a full card " in table
    assert "CPU of the web process" in table
    results = kept(tmp_path / "results.json")
    assert results["figures"] == []
    assert len(results["promises"]["MCP"]) == 4
    assert results["mcp"]["tools_tokens"] > results["mcp"]["concise_tokens"] > 0
    assert results["mcp"]["nothing_cpu_ms"] > 0


def test_a_large_file_is_measured_while_its_worker_is_killed(tmp_path: Path) -> None:
    table = run("bench", tmp_path, "--tiny", "--only", "batch")
    assert "match rate of 60 rows, worker killed twice" in table
    results = kept(tmp_path / "results.json")
    assert {row["verdict"] for row in results["promises"]["Batch"]} == {"met"}
    assert results["batch"]["matched"] == 54
    assert results["batch"]["calm_rows_per_s"] > 0


def test_growth_is_told_by_size_with_the_statements_that_scan(tmp_path: Path) -> None:
    table = run("bench.growth", tmp_path, "--sizes", "50,100")
    assert "lookup (cached POST)" in table
    growth = kept(tmp_path / "growth.json")
    assert set(growth["ms"]["enqueue"]) == {"50", "100"}
    assert set(growth["scans"]) == set(growth["ms"])
    assert ElementTree.parse(tmp_path / "growth.svg").getroot().tag.endswith("svg")


def figures(name: str, **measured: Any) -> Figures:
    return Figures(name=name, **measured)


def test_promises_are_judged_against_the_best_peer_in_that_very_figure() -> None:
    ours = figures("Warmcall", jobs_per_s=300, cpu_ms=2.0)
    peers = [
        figures("quick", jobs_per_s=200, cpu_ms=4.0),
        figures("thrifty", jobs_per_s=100, cpu_ms=1.9),
    ]
    rows = {row.figure: row for row in judged(ours, peers, 0.3)}
    assert rows["jobs/s in a burst"].word == "met"
    assert rows["CPU per job"].word == "missed"
    assert "thrifty" in rows["CPU per job"].measured
    assert rows["cached answers/s"].word == "not measured"


@pytest.mark.parametrize(("each_mb", "is_flat"), [(0.0, True), (1.0, False)])
def test_a_soak_notices_memory_that_grows_with_the_jobs(each_mb: float, is_flat: bool) -> None:
    samples = [
        Sample(
            at_s=float(n),
            jobs=n,
            web_mb=100.0,
            worker_mb=100 + n * each_mb,
            web_files=20,
            worker_files=20,
            web_connections=5,
            worker_connections=5,
            database_mb=float(n),
            log_mb=4.0,
        )
        for n in range(101)
    ]
    verdicts = {one.thing: one.is_flat for one in soak_judged(samples)}
    assert verdicts["worker mb"] is is_flat
    assert verdicts["web mb"]


def test_what_the_peers_need_is_pinned_by_hash_and_names_no_place() -> None:
    lock = (ROOT / "bench/requirements.lock").read_text("utf-8")
    assert not REGISTRY.findall(lock)
    pinned = [line for line in lock.splitlines() if "==" in line]
    assert {line.partition("==")[0] for line in pinned} >= {"arq", "celery", "taskiq"}
    assert lock.count("--hash=sha256:") >= len(pinned)
