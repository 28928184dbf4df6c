"""A Redis server from a wheel, and the two questions the benchmark has for it."""

import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.processes import LOCAL, ROOT, Group, Process, free_port, is_open, wait_until

PEERS = ROOT / ".venv-bench"
"""Where the peers and the servers they need are installed: bench/requirements.lock."""


@dataclass(frozen=True, slots=True)
class RedisServer:
    """A running server."""

    process: Process
    port: int

    @property
    def url(self) -> str:
        """Return its address."""
        return f"redis://{LOCAL}:{self.port}/0"

    def ask(self, command: str) -> Any:
        """Send one command without spaces in its arguments; return its answer."""
        with socket.create_connection((LOCAL, self.port)) as line, line.makefile("rb") as answers:
            line.sendall(f"{command}\r\n".encode())
            return _read(answers)


def start_redis(group: Group, folder: Path) -> RedisServer:
    """Start a server that keeps every write (`appendfsync everysec`, its documented default)."""
    port = free_port()
    program = PEERS / "bin" / "redis-server"
    argv = [str(program), "--port", str(port), "--bind", LOCAL, "--appendonly", "yes"]
    process = group.run(Process("redis", argv, {}, folder))
    wait_until(lambda: is_open(port), "Redis to listen", process)
    return RedisServer(process, port)


def _read(answers: Any) -> Any:
    line = answers.readline().rstrip()
    kind, rest = line[:1], line[1:]
    if kind == b"*":
        return [_read(answers) for _ in range(int(rest))]
    if kind == b"$":
        return answers.read(int(rest) + 2)[:-2]
    if kind == b"-":
        raise RuntimeError(rest.decode())
    return int(rest) if kind == b":" else rest.decode()
