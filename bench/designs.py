"""The designs that are compared: Warmcall on each of its stores, and the peers.

Each one has a web process that takes a prospect by POST, and a worker process (but for the
synchronous handler), and keeps the result. Where the result is kept, the design says when it was.
"""

import sys
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from subprocess import run

import orjson
from sqlalchemy import Engine, bindparam, create_engine, text
from sqlalchemy.types import DateTime

from app.errors import BadSettings
from app.settings import Settings
from bench.postgres import start_postgres
from bench.processes import LOCAL, ROOT, Group, Process, free_port, is_open, wait_until
from bench.provider import KEY, PATH
from bench.redis import PEERS, RedisServer, start_redis

SLOTS = 500
"""Jobs at once in one worker, for each design that runs them on one loop."""

PACE = f"peopledatalabs=6000000/min:{SLOTS}"
"""A plan that is no limit to anybody here: the peers' scripts keep to none."""

LOOK_S = 0.002
"""How often it is looked whether a result of Warmcall can be seen: its times may be late by it."""


class Design(ABC):
    """One design while it runs in a folder of its own. `start` and `stop` frame everything."""

    name: str
    path = "/enrich"
    waits = False  # whether the POST is answered with the result itself

    def __init__(self, folder: Path, provider_port: int) -> None:
        self.folder = folder
        self.provider = f"http://{LOCAL}:{provider_port}"
        self.port = free_port()
        self.group = Group()
        self.settings: Mapping[str, str] = {}
        self.web: Process
        self.worker: Process
        self.stores: list[Process] = []

    @property
    def headers(self) -> Mapping[str, str]:
        """Return what each request carries."""
        return {}

    def body(self, email: str) -> dict[str, object]:
        """Return what is posted for a prospect."""
        return {"email": email}

    @abstractmethod
    def start(self) -> None:
        """Start all processes; returns when work is taken."""

    @abstractmethod
    def finished(self) -> dict[str, float]:
        """Return when each prospect's result was stored, in seconds since 1970."""

    @abstractmethod
    def count(self) -> int:
        """Return how many results are stored."""

    def stop(self) -> None:
        """Stop all processes."""
        self.group.stop()

    def restart_worker(self) -> None:
        """Start the worker again after it was killed."""
        self.worker.start()

    def cpu_s(self) -> float:
        """Return the CPU time of web and worker so far."""
        return sum(one.cpu_s() for one in {id(p): p for p in (self.web, self.worker)}.values())

    def store_cpu_s(self) -> float:
        """Return the CPU time of database and queue servers so far."""
        return sum(one.cpu_s() for one in self.stores)


# --- Warmcall ---


class Watch:
    """Notes when results become visible to another connection, by looking again and again."""

    QUERY = (
        text("SELECT prospect_key, finished_at FROM job WHERE finished_at > :since")
        .bindparams(bindparam("since", type_=DateTime))
        .columns(finished_at=DateTime)
    )
    OVERLAP_S = 0.1  # how far each look goes back: rows show up in the order of their commits
    FAR_S = 3.0  # how far every FAR_EVERY-th goes back
    FAR_EVERY = 25

    def __init__(self, url: str) -> None:
        self._engine: Engine = create_engine(_driven(url))
        self.seen: dict[str, float] = {}
        self._since = time.time()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._look, name="watch", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop looking."""
        self._stopping.set()
        self._thread.join()
        self._engine.dispose()

    def all(self) -> dict[str, float]:
        """Return when each prospect's result could be seen first."""
        self._note(0.0)
        return dict(self.seen)

    def _look(self) -> None:
        looks = 0
        while not self._stopping.wait(LOOK_S):
            looks += 1
            back_s = self.OVERLAP_S if looks % self.FAR_EVERY else self.FAR_S
            self._note(self._since - back_s)

    def _note(self, since: float) -> None:
        start = datetime.fromtimestamp(since, UTC).replace(tzinfo=None)
        with self._engine.connect() as db:
            rows = db.execute(self.QUERY, {"since": start}).all()
        now = time.time()
        for key, at in rows:
            ended = at.replace(tzinfo=UTC).timestamp()
            if key not in self.seen:
                self.seen[key] = now if since else ended
                self._since = max(self._since, ended)


def _driven(url: str) -> str:
    """Return the URL with the driver that Warmcall itself uses for PostgreSQL."""
    return url.replace("postgresql://", "postgresql+psycopg://", 1)


@dataclass(frozen=True, slots=True)
class Backend:
    """Where a Warmcall keeps its jobs and its queue, with the servers it needs."""

    env: Mapping[str, str]
    servers: list[Process] = field(default_factory=list)


class Warmcall(Design):
    """Warmcall as installed, with its web and its worker process and one provider."""

    name = "Warmcall, SQLite"
    path = "/v1/enrich"

    def body(self, email: str) -> dict[str, object]:
        """Ask for the person alone: exactly one call of the provider."""
        return {"email": email, "fields": ["person"]}

    @property
    def headers(self) -> Mapping[str, str]:
        """Return the key."""
        return {"authorization": f"Bearer {self.key}"}

    @classmethod
    def is_possible(cls) -> bool:
        """Tell whether this version has the settings for it."""
        return True

    def backend(self) -> Backend:
        """Start what the store needs; return the settings."""
        return Backend({"DATABASE_URL": f"sqlite:///{self.folder / 'warmcall.db'}"})

    def start(self) -> None:
        """Start web and worker as the Procfile does."""
        backend = self.backend()
        self.stores = backend.servers
        self.env = {
            "PYTHONPATH": str(ROOT),
            "PORT": str(self.port),
            "PDL_API_URL": self.provider + PATH.removesuffix("/person/enrich"),
            "PDL_API_KEY": KEY,
            "WARMCALL_PROVIDERS": "peopledatalabs",
            "WARMCALL_PACE": PACE,
            "WARMCALL_SLOTS": str(SLOTS),
            **backend.env,
            **self.settings,
        }
        self.key = self._command("keys", "create", "bench", "--quota", "unlimited").strip()
        self.web = self.group.run(self._process("web", "--host", LOCAL))
        self.worker = self.group.run(self._process("worker"))
        wait_until(lambda: is_open(self.port), "the web process to listen", self.web)
        wait_until(self._works, "the worker to start", self.worker)
        self._watch = Watch(self.env["DATABASE_URL"])

    def add_worker(self) -> Process:
        """Start one more worker."""
        second = self.group.run(Process("worker2", self._argv("worker"), self.env, self.folder))
        wait_until(lambda: "worker started" in second.log.read_text(), "a second worker", second)
        return second

    def stop(self) -> None:
        """Stop the processes and the watch."""
        self._watch.stop()
        super().stop()

    def finished(self) -> dict[str, float]:
        """Return when each result could be seen first."""
        return {key.removeprefix("email:"): at for key, at in self._watch.all().items()}

    def count(self) -> int:
        """Return how many results were seen."""
        return len(self._watch.seen)

    def _works(self) -> bool:
        return "worker started" in self.worker.log.read_text()

    def _process(self, *args: str) -> Process:
        return Process(args[0], self._argv(*args), self.env, self.folder)

    def _command(self, *args: str) -> str:
        told = run(
            self._argv(*args),
            cwd=self.folder,
            env=self.env,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        return told.stdout

    def _argv(self, *args: str) -> list[str]:
        return [str(Path(sys.executable).with_name("warmcall")), *args]


class WarmcallOnPostgres(Warmcall):
    """Jobs and queue in PostgreSQL."""

    name = "Warmcall, PostgreSQL"
    needs: Mapping[str, str] = {"DATABASE_URL": "postgresql://u@127.0.0.1:5432/d"}

    @classmethod
    def is_possible(cls) -> bool:
        """Tell whether this version has the settings for it."""
        known = {str(field.alias) for field in Settings.model_fields.values()}
        try:
            Settings.from_env(cls.needs)
        except BadSettings:
            return False
        return set(cls.needs) <= known

    def backend(self) -> Backend:
        """Start PostgreSQL."""
        server = start_postgres(self.group, self.folder)
        return Backend({"DATABASE_URL": server.url}, [server.process])


class WarmcallOnRedis(WarmcallOnPostgres):
    """Jobs in PostgreSQL, the queue in Redis."""

    name = "Warmcall, Redis + PostgreSQL"
    needs: Mapping[str, str] = {
        "DATABASE_URL": "postgresql://u@127.0.0.1:5432/d",
        "QUEUE_URL": "redis://127.0.0.1:6379/0",
    }

    def backend(self) -> Backend:
        """Start PostgreSQL and Redis."""
        database, queue = super().backend(), start_redis(self.group, self.folder)
        env = {**database.env, "QUEUE_URL": queue.url}
        return Backend(env, [*database.servers, queue.process])


# --- peers ---


class Peer(Design):
    """A script of bench/peers/ with its web process, its worker and a Redis."""

    module: str

    def start(self) -> None:
        """Start Redis, web and worker."""
        self.redis: RedisServer = start_redis(self.group, self.folder)
        self.stores = [self.redis.process]
        self.env = {
            "PYTHONPATH": str(ROOT),
            "REDIS_URL": self.redis.url,
            "PROVIDER_URL": self.provider + PATH,
            "PROVIDER_KEY": KEY,
        }
        app = f"bench.peers.{self.module}:app"
        self.web = self._process(
            "web", "uvicorn", app, "--port", str(self.port), "--no-access-log", "--log-level",
            "warning", "--backlog", "2048",
        )  # fmt: skip
        self.group.run(self.web)
        work = self.work()
        self.worker = self.group.run(work) if work else self.web
        wait_until(lambda: is_open(self.port), "the web process to listen", self.web)
        self._wait_for_worker()

    def work(self) -> Process | None:
        """Return the worker process; None when the web process does the work."""
        return None

    def finished(self) -> dict[str, float]:
        """Return when the script itself says that it stored each result."""
        rows = self.redis.ask("HGETALL results")
        pairs = zip(rows[::2], rows[1::2], strict=True)
        return {email.decode(): orjson.loads(row)["finished_at"] for email, row in pairs}

    def count(self) -> int:
        """Return how many results are stored."""
        return int(self.redis.ask("HLEN results"))

    def _process(self, role: str, program: str, *args: str) -> Process:
        argv = [str(PEERS / "bin" / "python"), "-m", program, *args]
        return Process(role, argv, self.env, self.folder)

    def _wait_for_worker(self) -> None:
        time.sleep(3.0)
        self.worker.check()


class SyncHandler(Peer):
    """The handler that keeps its caller waiting."""

    name = "synchronous handler"
    module = "sync_handler"
    waits = True


class Celery(Peer):
    """Celery with threads."""

    name = "Celery"
    module = "celery_app"

    def work(self) -> Process:
        """Return the worker."""
        app = "bench.peers.celery_app:celery"
        return self._process("worker", "celery", "-A", app, "worker", "--loglevel", "warning")


class Arq(Peer):
    """arq."""

    name = "arq"
    module = "arq_app"

    def work(self) -> Process:
        """Return the worker."""
        program = "from arq.cli import cli; cli()"
        argv = [str(PEERS / "bin" / "python"), "-c", program, "bench.peers.arq_app.WorkerSettings"]
        return Process("worker", argv, self.env, self.folder)


class Taskiq(Peer):
    """taskiq."""

    name = "taskiq"
    module = "taskiq_app"

    def work(self) -> Process:
        """Return the worker."""
        return self._process(
            "worker", "taskiq", "worker", "bench.peers.taskiq_app:broker", "--workers", "1",
            "--max-async-tasks", str(SLOTS), "--log-level", "WARNING",
        )  # fmt: skip


OURS: tuple[type[Warmcall], ...] = (Warmcall, WarmcallOnPostgres, WarmcallOnRedis)
THEIRS: tuple[type[Peer], ...] = (SyncHandler, Celery, Arq, Taskiq)
