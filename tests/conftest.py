"""The service from real parts: a database, a queue, a clock that the test moves."""

import asyncio
import gc
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from shutil import copyfile
from tempfile import TemporaryDirectory
from typing import Any

import orjson
import pytest
from sqlalchemy import Connection

from app import store
from app.courier import Courier
from app.database import Database
from app.delivery import BACK_OFF_S, Channel, Delivery, Receipt
from app.engine import Engine, Parts
from app.errors import DeliveryFailed
from app.facts import Fact
from app.freshness import by_section
from app.intake import Ask, Caller, Intake, JobView
from app.keeper import Keeper
from app.prospect import Prospect, identify
from app.provider import Provider
from app.tables import Process
from app.tasks import Tasks
from tests.fakes.clock import Clock
from tests.fakes.oracle import answering
from tests.fakes.servers import Backend, Postgres, Redis

LEASE = timedelta(seconds=8)
LONG = {"journeys", "faults", "test_bench.py", "test_engine.py", "hostile"}
"""Folders and files with tests that take long."""


@dataclass
class Postbox:
    """A channel that keeps what it is given; `refuses` makes it fail."""

    name: str = "callback"
    back_off_s: Sequence[float] = BACK_OFF_S
    got: list[Delivery] = field(default_factory=list)
    refuses: DeliveryFailed | None = None

    async def deliver(self, delivery: Delivery, now: datetime) -> Receipt:
        if self.refuses:
            raise self.refuses
        self.got.append(delivery)
        return Receipt(200, 1, "ok")


class Service:
    """Everything but the surfaces; `work` does what a worker would do."""

    def __init__(
        self,
        database_url: str,
        queue_url: str | None,
        providers: Sequence[Provider],
        clock: Clock,
    ) -> None:
        self.clock = clock
        self.database = Database(database_url)
        self.database.migrate()
        self.tasks = Tasks(self.database, clock, queue_url)
        self.tasks.prepare()
        self.queue_is_elsewhere = queue_url is not None
        self.providers = providers
        self.postbox = Postbox()
        self.keeper = Keeper(tasks=self.tasks, now=clock, silence=LEASE)
        self.primed: list[Fact] = []
        self.intake = self.front_door()
        self.caller, self.secret = self.intake.create_key("tests")

    def front_door(self, **changes: Any) -> Intake:
        parts: dict[str, Any] = {
            "database": self.database,
            "tasks": self.tasks,
            "sources": self.providers,
            "unconfigured": (),
            "now": self.clock,
            "tiers": by_section(),
            "free_quota": 100,
            "silence": LEASE,
            "primed": lambda prospect, now: self.primed,
        }
        return Intake(**{**parts, **changes})

    def engine(self, owner: str = "worker_1", **changes: Any) -> Engine:
        parts: dict[str, Any] = {
            "database": self.database,
            "tasks": self.tasks,
            "providers": self.providers,
            "send": answering,
            "now": self.clock,
            "owner": owner,
            "lease": LEASE,
            "tiers": by_section(),
        }
        return Engine(Parts(**{**parts, **changes}))

    def courier(self, channels: Mapping[str, Channel] | None = None) -> Courier:
        return Courier(
            database=self.database,
            tasks=self.tasks,
            channels=channels or {"callback": self.postbox},
            now=self.clock,
            spread=lambda: 0.0,
            owner="worker_1",
            base_url="https://warmcall.example",
        )

    def ask(self, text: str, caller: Caller | None = None, **options: Any) -> JobView:
        ask = Ask(prospect=self.prospect(text), **options)
        return self.intake.request(caller or self.caller, ask)

    def prospect(self, text: str) -> Prospect:
        return identify(text)

    def messages(self) -> list[tuple[str, str]]:
        """Take all messages that are due, as (task, id)."""
        taken = self.database.write(lambda db: store.take(db, 1_000, self.clock())).result()
        found = [message.data for message in taken]
        if self.queue_is_elsewhere:
            self.tasks.huey.storage.blocking = False
            found += iter(self.tasks.huey.storage.dequeue, None)
        told = [orjson.loads(data) for data in found]
        return [(one["task"].rpartition(".")[2], one["args"][0]) for one in told]

    async def work(self, engine: Engine | None = None) -> None:
        """Do everything that waits, and what follows from it."""
        engine, courier = engine or self.engine(), self.courier()
        while due := self.messages():
            for task, ref in due:
                does = {"run_job": engine.run, "run_alone": engine.run_alone}
                await does.get(task, courier.deliver)(ref)

    def settle(self, text: str, **options: Any) -> JobView:
        """Ask, work, and return how the job ended."""
        view = self.ask(text, **options)
        asyncio.run(self.work())
        return self.see(view)

    def see(self, view: JobView) -> JobView:
        return self.intake.job(self.caller, view.id)

    def sweep_as(self, engine: Engine, owner: str = "worker_1") -> None:
        """Sweep as the worker does that this engine belongs to: it says first that it lives."""
        seen = Process(
            id=owner, kind=store.WORKERS, host="here", pid=1, port=1, seen_at=self.clock()
        )

        def swept(db: Connection) -> None:
            store.beat(db, seen)
            engine.prolong(db)
            self.keeper.sweep(db)

        self.database.write(swept).result()

    def sweep(self) -> None:
        depth = self.tasks.depth()
        self.database.write(lambda db: self.keeper.sweep(db, depth)).result()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put first what takes long: the files that are left at the end share out evenly."""
    items.sort(key=lambda one: not LONG & set(one.path.parts))


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Keep the garbage collector off a million objects that the imports make and that all stay."""
    gc.disable()
    yield
    gc.freeze()
    gc.enable()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    with TemporaryDirectory() as folder:  # a short path: it is part of a socket's name
        server = Postgres(Path(folder) / "pg")
        yield server
        server.stop()


@pytest.fixture(scope="session")
def redis() -> Iterator[Redis]:
    with TemporaryDirectory() as folder:
        server = Redis(Path(folder))
        yield server
        server.stop()


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a database with all tables and nothing in them, for each test to copy."""
    path = tmp_path_factory.mktemp("template") / "0.db"
    database = Database(f"sqlite:///{path}")
    database.migrate()
    database.close()
    return path


@pytest.fixture
def backend(request: pytest.FixtureRequest, tmp_path: Path) -> Backend:
    """Where the service keeps its rows and messages; the default, unless a test asks for all."""
    name = getattr(request, "param", "sqlite")
    if name == "sqlite":
        bare = f"sqlite:///{tmp_path / 'bare.db'}"
        template: Path = request.getfixturevalue("template")

        def copied(number: int) -> str:
            return f"sqlite:///{copyfile(template, tmp_path / f'{number}.db')}"

        return Backend(name, copied, lambda: bare)
    server: Postgres = request.getfixturevalue("postgres")

    def database(number: int) -> str:
        return server.empty(f"service_{number}")

    def queue(number: int) -> str | None:
        if name == "postgres":
            return None
        if name == "postgres and redis":
            broker: Redis = request.getfixturevalue("redis")
            return broker.emptied()
        return server.url(f"service_{number}")

    return Backend(name, database, lambda: server.bare("bare"), queue)


@pytest.fixture
def make(backend: Backend, clock: Clock) -> Iterator[Any]:
    """Build a service with these providers."""
    made: list[Service] = []

    def build(*providers: Provider) -> Service:
        number = len(made)
        service = Service(backend.database(number), backend.queue(number), providers, clock)
        made.append(service)
        return service

    yield build
    for service in made:
        service.database.close()
        service.tasks.close()
