"""Real processes as a self-hoster runs them, and stand-ins for vendors and callers."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any, Union

import httpx
import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.settings import Settings
from app.views import UNLIMITED
from integrations.runtime import start
from tests.fakes.serving import serve
from tests.fakes.vendors import PREFIXES, Vendors
from tests.journeys.nursery import ROOT, Forked, nursery

VENDOR_KEYS = {"peopledatalabs": "PDL", "hunter": "HUNTER", "datalegion": "DATALEGION"}
LOCAL = "127.0.0.1"

Job = Mapping[str, Any]  # as it came over the wire
Process = Union[Forked, "subprocess.Popen[bytes]"]


@dataclass
class Receiver:
    """A caller's own server: notes every callback it gets, and answers with `status`."""

    got: list[tuple[dict[str, str], dict[str, Any]]] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    status: int = 204

    def app(self) -> Starlette:
        return Starlette(routes=[Route("/{path:path}", self._take, methods=["POST"])])

    async def _take(self, request: Request) -> Response:
        body = await request.body()
        self.raw.append(body)
        self.paths.append(request.url.path)
        self.got.append((dict(request.headers), orjson.loads(body)))
        return Response(status_code=self.status)

    def ids_by_job(self) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for headers, body in list(self.got):
            found.setdefault(body["data"]["job_id"], set()).add(headers["webhook-id"])
        return found


@dataclass
class Stack:
    """One installation in `folder`. Processes are started and killed by the test."""

    folder: Path
    env: dict[str, str]
    port: int
    processes: list["Process"] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://{LOCAL}:{self.port}"

    def run(self, *args: str, timeout_s: float = 60) -> "subprocess.CompletedProcess[str]":
        """Run a command of the CLI to its end."""
        with TemporaryFile() as out, TemporaryFile() as err:
            process = nursery().start(args, self.folder, self.env, out, err)
            status = process.wait(timeout_s)
            told = [one.read().decode() for one in (out, err) if one.seek(0) == 0]
        return subprocess.CompletedProcess(args, status, *told)

    def run_cold(self, *args: str, timeout_s: float = 60) -> "subprocess.CompletedProcess[str]":
        """Run a command of the CLI to its end, in a Python that is started for it."""
        return subprocess.run(
            self._argv(*args),
            cwd=self.folder,
            env=self.env,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )

    def start(self, *args: str) -> Forked:
        """Start a process that goes on."""
        with self._log(args[0]) as log:
            process = nursery().start(args, self.folder, self.env, log, log)
        self.processes.append(process)
        return process

    def start_cold(self, *args: str) -> "subprocess.Popen[bytes]":
        """Start a process that goes on, in a Python that is started for it."""
        with self._log(args[0]) as log:
            process = subprocess.Popen(
                self._argv(*args),
                cwd=self.folder,
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self.processes.append(process)
        return process

    def start_web(self) -> Forked:
        process = self.start("web", "--host", LOCAL)
        wait_until(lambda: is_open(self.port), "the web process to listen")
        return process

    def start_worker(self) -> Forked:
        """Start a worker, and wait until it has said in its log that it works."""
        told = len(self.log("worker")) if (self.folder / "worker.log").exists() else 0
        process = self.start("worker")
        wait_until(lambda: "worker started" in self.log("worker")[told:], "the worker to start")
        return process

    def _log(self, name: str) -> IO[bytes]:
        return (self.folder / f"{name}.log").open("ab")

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text()

    def key(self, *options: str) -> str:
        """Create a key with the command of the CLI."""
        made = self.run("keys", "create", "journey", *options)
        assert made.returncode == 0, made.stderr
        return made.stdout.strip()

    def keys(self, count: int, quota: int = UNLIMITED) -> list[str]:
        """Create keys as that command does, without starting a process for each."""
        database = f"sqlite:///{self.folder / 'warmcall.db'}"
        parts = start(Settings.from_env({**self.env, "DATABASE_URL": database}))
        try:
            made = [parts.intake.create_key("journey", quota=quota) for _ in range(count)]
        finally:
            parts.close()
        return [secret for _, secret in made]

    def client(self, key: str) -> httpx.Client:
        headers = {"Authorization": f"Bearer {key}"}
        return httpx.Client(
            base_url=self.url,
            headers=headers,
            timeout=60,
            trust_env=False,
            verify=False,  # it speaks no TLS: certificates take 20 ms to read
        )

    def last_words(self) -> str:
        """Return how each process is and the end of each log."""
        states = [one.poll() for one in self.processes]
        ends = [f"{path.name}: {path.read_text()[-2_000:]}" for path in self.folder.glob("*.log")]
        return "\n".join((f"ended with: {states} (None: runs)", *ends))

    def stop(self) -> None:
        for process in self.processes:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in self.processes:
            process.wait(30)

    def _argv(self, *args: str) -> list[str]:
        return [sys.executable, "-P", "-m", "integrations.cli.inbound", *args]


@contextmanager
def installed(folder: Path, **settings: str) -> Iterator[Stack]:
    """Give a stack with these settings and nothing else of our own environment."""
    port = free_port()
    env = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "PORT": str(port),
        "COLUMNS": "100",
        **settings,
    }
    stack = Stack(folder, env, port)
    try:
        yield stack
    except AssertionError as failure:
        failure.add_note(stack.last_words())
        raise
    finally:
        stack.stop()


@contextmanager
def vendors_served(vendors: Vendors) -> Iterator[dict[str, str]]:
    """Serve the stand-ins; give the settings that point the service to them."""
    with serve(vendors.app()) as url:
        settings: dict[str, str] = {}
        for name, vendor in vendors.by_name().items():
            settings[f"{VENDOR_KEYS[name]}_API_URL"] = url + PREFIXES[name]
            settings[f"{VENDOR_KEYS[name]}_API_KEY"] = vendor.key
        yield settings


def ask(client: httpx.Client, **body: Any) -> Job:
    """Ask for a card and wait for it; return the job as it was answered."""
    answer = client.post("/v1/enrich", json=body, headers={"Prefer": "wait=30"})
    assert answer.status_code in {200, 202}, answer.text
    return json_of(answer)


def outcomes(job: Job, *providers: str) -> list[tuple[str, str]]:
    """Return who was asked and what came of it, in order; of these providers, or of all."""
    attempts = sorted(job["attempts"], key=lambda one: one["at"])
    told = [(one["provider"], one["outcome"]) for one in attempts]
    return [one for one in told if not providers or one[0] in providers]


def free_port() -> int:
    with socket.socket() as one:
        one.bind((LOCAL, 0))
        port: int = one.getsockname()[1]
        return port


def is_open(port: int) -> bool:
    with socket.socket() as one:
        return one.connect_ex((LOCAL, port)) == 0


def wait_until(is_so: Any, what: str, timeout_s: float = 60) -> None:
    """Look again and again until something is so; fail with `what` was waited for."""
    pause = threading.Event()
    end = time.monotonic() + timeout_s
    while not is_so():
        assert time.monotonic() < end, f"waited {timeout_s} s for {what}"
        pause.wait(0.02)


def json_of(answer: httpx.Response) -> Job:
    read: Job = answer.json()
    return read
