"""The service from real parts: a database file, the queue in it, a clock that the test moves."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from sqlalchemy import Connection

from app import store
from app.courier import Courier
from app.database import Database
from app.delivery import Channel, Delivery, Receipt
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

LEASE = timedelta(seconds=8)


@dataclass
class Postbox:
    """A channel that keeps what it is given; `refuses` makes it fail."""

    name: str = "callback"
    got: list[Delivery] = field(default_factory=list)
    refuses: DeliveryFailed | None = None

    async def deliver(self, delivery: Delivery, now: datetime) -> Receipt:
        if self.refuses:
            raise self.refuses
        self.got.append(delivery)
        return Receipt(200, 1, "ok")


class Service:
    """Everything but the surfaces; `work` does what a worker would do."""

    def __init__(self, path: Path, providers: Sequence[Provider], clock: Clock) -> None:
        self.clock = clock
        self.database = Database(f"sqlite:///{path}")
        self.database.migrate()
        self.tasks = Tasks(self.database, clock)
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
        told = [orjson.loads(message.data) for message in taken]
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
        self.database.write(self.keeper.sweep).result()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def make(tmp_path: Path, clock: Clock) -> Iterator[Any]:
    """Build a service with these providers."""
    made: list[Service] = []

    def build(*providers: Provider) -> Service:
        made.append(Service(tmp_path / f"{len(made)}.db", providers, clock))
        return made[-1]

    yield build
    for service in made:
        service.database.close()
