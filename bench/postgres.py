"""A PostgreSQL server from a wheel: see bench/peers/postgres_server.py."""

from dataclasses import dataclass
from pathlib import Path

import orjson

from bench.processes import ROOT, Group, Process, wait_until
from bench.redis import PEERS


@dataclass(frozen=True, slots=True)
class PostgresServer:
    """A running server."""

    process: Process
    url: str


def start_postgres(group: Group, folder: Path) -> PostgresServer:
    """Start a server as its wheel sets it up; commits wait for the disk, as is its default."""
    folder.chmod(0o755)  # it runs as a user of its own where we are root
    argv = [str(PEERS / "bin" / "python"), "-m", "bench.peers.postgres_server", str(folder / "pg")]
    process = group.run(Process("postgres", argv, {"PYTHONPATH": str(ROOT)}, folder))
    ready = folder / "postgres.json"
    wait_until(ready.exists, "PostgreSQL to serve", process)
    told = orjson.loads(ready.read_bytes())
    process.also.append(int(told["pid"]))
    return PostgresServer(process, str(told["url"]))
