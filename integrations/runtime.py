"""The composition root: the one place that knows every part by its real name."""

import asyncio
import gc
import logging
import os
import socket
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from http import HTTPStatus
from uuid import uuid4

from pythonjsonlogger.core import RESERVED_ATTRS
from pythonjsonlogger.json import JsonEncoder, JsonFormatter
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from app import store
from app.bell import Bell, ring_at
from app.crm_books import Books
from app.crm_settings import Connected, CrmFile
from app.database import Database
from app.dial import Pool
from app.dialect import is_postgres
from app.doors import DoorsKept
from app.errors import BadSettings, NotReady
from app.facts import Section
from app.fetch import Fetch
from app.freshness import Tiers, by_section
from app.gate import Gate
from app.guard import Allow, judge_callback
from app.intake import Intake
from app.listener import Listener
from app.positioning import Positioning
from app.provider import Provider, Request
from app.providers import ALL, KEYED, KEYLESS
from app.providers.sandbox import Sandbox
from app.settings import KEYED_PROVIDERS, Settings, without_secrets
from app.tables import Process
from app.tasks import Tasks
from app.verification import Verification, verify
from app.waterfall import converse
from integrations.crm.connections import connections, road
from integrations.crm.counter import Counter
from integrations.crm.desk import Defined, Desk
from integrations.crm.line import CrmLine

PORTS_KNOWN = timedelta(seconds=1)
"""How long the bells of other processes are remembered before they are looked up again."""


LOAD_S = 5.0

PRESENT = timedelta(minutes=1)
"""A bell is rung as long as its process was heard of in this time."""

AGENT = "Warmcall/0.1"

GARBAGE = (10_000, 20, 20)
"""How many new objects, and how many rounds of younger ones, bring a round of collecting garbage.

With CPython's own (700, 10, 10) a process that has hundreds of jobs in flight spends a fifth of its
time on looking through them, and needs no less memory (measured 2026-11-21).
"""

QUIET = ("httpx", "huey", "aiohttp", "alembic", "uvicorn", "mcp", "slack_bolt", "slack_sdk")
"""Loggers of others that say too much, or whom a request was about."""

NOT_TOLD = frozenset(RESERVED_ATTRS)
"""What logging notes of every record, such as the file that it came from."""


def now() -> datetime:
    """Return the time. Nothing else in the service reads the clock."""
    return datetime.now(UTC)


class Watcher:
    """Waits for jobs to change: one question to the store for all who wait in this process."""

    LOOK_S = 0.25

    def __init__(self, intake: Intake) -> None:
        self._intake = intake
        self._waiting: dict[str, set[asyncio.Future[None]]] = {}
        self._seen: dict[str, tuple[int, bool]] = {}
        self._bell = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._looking: asyncio.Task[None] | None = None

    def heard(self) -> None:
        """Look at once: something has changed. May be called from any thread."""
        if self._loop and self._waiting:
            self._loop.call_soon_threadsafe(self._bell.set)

    async def changed(self, job_id: str, version: int, timeout_s: float) -> bool:
        """Wait until a job has passed `version` or has ended; False when time ran out first."""
        return await self._until(job_id, lambda seen: seen[0] > version or seen[1], timeout_s)

    async def final(self, job_id: str, timeout_s: float) -> bool:
        """Wait until a job has ended; False when time ran out first."""
        return await self._until(job_id, lambda seen: seen[1], timeout_s)

    async def _until(
        self, job_id: str, done: Callable[[tuple[int, bool]], bool], timeout_s: float
    ) -> bool:
        try:
            async with asyncio.timeout(timeout_s):
                while not done(self._seen.get(job_id, (0, False))):
                    await self._next_change(job_id)
        except TimeoutError:
            return False
        finally:
            if job_id not in self._waiting:
                self._seen.pop(job_id, None)
        return True

    async def _next_change(self, job_id: str) -> None:
        self._loop = asyncio.get_running_loop()
        waiter = self._loop.create_future()
        self._waiting.setdefault(job_id, set()).add(waiter)
        self._bell.set()
        if self._looking is None or self._looking.done():
            self._looking = self._loop.create_task(self._look())
        try:
            await waiter
        finally:
            waiters = self._waiting.get(job_id, set())
            waiters.discard(waiter)
            if not waiters:
                self._waiting.pop(job_id, None)

    async def _look(self) -> None:
        while self._waiting:
            try:
                async with asyncio.timeout(self.LOOK_S):
                    await self._bell.wait()
            except TimeoutError:
                pass
            self._bell.clear()
            asked = list(self._waiting)
            try:
                found = await asyncio.to_thread(self._intake.versions, asked) if asked else {}
            except NotReady:  # all go on waiting: the next look may succeed
                continue
            for job_id, seen in found.items():
                self._tell(job_id, seen)

    def _tell(self, job_id: str, seen: tuple[int, bool]) -> None:
        if self._seen.get(job_id) == seen:
            return
        self._seen[job_id] = seen
        for waiter in self._waiting.get(job_id, ()):
            if not waiter.done():
                waiter.set_result(None)


class Presence:
    """Tells the others that this process is alive and where its bell is; knows their bells.

    On PostgreSQL the server itself tells all processes, on whichever machine.
    """

    def __init__(self, database: Database, kind: str, heard: Callable[[], None]) -> None:
        self.id = f"{kind}_{uuid4().hex[:12]}"
        self._database = database
        self._kind = kind
        self._host = socket.gethostname()
        self._ports: dict[str, tuple[datetime, list[int]]] = {}
        self._bell: Bell | Listener
        if is_postgres(database.url):
            self._bell = Listener(database.url, kind, heard)
        else:
            self._bell = Bell(heard)
            database.rung = self._ring

    def beat(self) -> None:
        """Say that this process is alive."""
        self._database.write(self.be_seen, passing=True).result()

    def be_seen(self, db: Connection) -> None:
        """Say in a transaction of the caller that this process is alive."""
        process = Process(
            id=self.id,
            kind=self._kind,
            host=self._host,
            pid=os.getpid(),
            port=self._bell.port,
            seen_at=now(),
        )
        store.beat(db, process)

    def leave(self) -> None:
        """Say that this process has ended, and fall silent."""
        self._database.write(lambda db: store.part(db, self.id)).result()
        self._bell.close()

    def _ring(self, kinds: frozenset[str]) -> None:
        """Ring the bells of these kinds of processes; called by the writer after a commit."""
        for kind in kinds:
            ring_at(self._ports_of(kind))

    def _ports_of(self, kind: str) -> Sequence[int]:
        at, ports = self._ports.get(kind, (datetime.min.replace(tzinfo=UTC), []))
        if abs(now() - at) > PORTS_KNOWN:  # either way: a clock may be set back
            since = now() - PRESENT
            ports = self._database.read(lambda db: store.ports(db, [kind], self._host, since))
            self._ports[kind] = (now(), ports)
        return ports


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """The wired service. One process has one; `close` ends it."""

    settings: Settings
    database: Database
    tasks: Tasks
    intake: Intake
    watcher: Watcher
    providers: Sequence[Provider]
    positioning: Positioning | None
    fetch: Callable[[], Fetch]
    connections: Mapping[str, Connected]
    defined: Defined = field(default_factory=dict, repr=False)

    def judge(self, url: str) -> None:
        """Raise Blocked when a callback to this URL would be refused."""
        judge_callback(url, Allow.parse(self.settings.callback_allow))

    async def verify(self, email: str) -> Verification:
        """Tell what an address is and whether its domain takes mail. Sends no mail."""
        fetch = self.fetch()
        try:
            return await converse(verify(email), fetch.look_up)
        finally:
            await fetch.aclose()

    async def load(self, url: str) -> bytes:
        """Return what is at a URL, within LOAD_S and 64 kB; empty when it cannot be had.

        The guard judges it as it does a callback: a private address has to be allowed.
        """
        fetch = self.fetch()
        try:
            answer = await fetch.call(Request("GET", url, guarded=True, timeout_s=LOAD_S))
        finally:
            await fetch.aclose()
        return answer.body if answer.status == HTTPStatus.OK and not answer.failure else b""

    def desk(self, owner: str, fetch: Fetch) -> Desk:
        """Return where records of CRMs are written; `owner` names who holds them."""
        books = Books(database=self.database, now=now, owner=owner)
        lines = {
            name: CrmLine(
                connection=name,
                adapter=one.adapter,
                call=road(
                    name,
                    self.settings,
                    partial(fetch.ask, Pool(f"crm:{name}", one.adapter.pace.at_once)),
                    now,
                ),
                doors=DoorsKept(database=self.database, now=now),
                books=books,
            )
            for name, one in self.connections.items()
        }
        return Desk(
            connections=self.connections,
            lines=lines.get,
            books=books,
            now=now,
            base_url=self.settings.base_url,
            defined=self.defined,
        )

    @property
    def counter(self) -> Counter:
        """Return where surfaces have cards written into CRMs."""
        return Counter(
            names=tuple(self.connections),
            intake=self.intake,
            at_desk=self._at_desk,
        )

    @asynccontextmanager
    async def _at_desk(self) -> AsyncIterator[Desk]:
        fetch = self.fetch()
        try:
            yield self.desk(f"counter_{uuid4().hex[:12]}", fetch)
        finally:
            await fetch.aclose()

    def close(self) -> None:
        """Commit what waits and close the database and the queue."""
        self.database.close()
        self.tasks.close()


def start(settings: Settings) -> Runtime:
    """Wire the service on an up-to-date database."""
    database = _database(settings.database_url)
    tasks = _tasks(settings, database)
    providers, unconfigured = configured(settings)
    positioning = _positioning(settings)
    intake = Intake(
        database=database,
        tasks=tasks,
        sources=providers,
        unconfigured=unconfigured,
        now=now,
        tiers=tiers(settings),
        free_quota=settings.free_quota,
        silence=settings.lease,
        positioning=positioning,
        primed=Sandbox().primed,
    )
    return Runtime(
        settings=settings,
        database=database,
        tasks=tasks,
        intake=intake,
        watcher=Watcher(intake),
        providers=providers,
        positioning=positioning,
        fetch=partial(_fetch, settings, database),
        connections=connections(settings, _crm_file(settings)),
    )


def _database(url: str) -> Database:
    """Open the database and bring it up to date. Raises BadSettings when it cannot be used."""
    database = Database(url)
    try:
        database.migrate()
    except DBAPIError as exc:
        database.close()
        why = " ".join(str(exc.orig).split())
        told = f"DATABASE_URL: {without_secrets(url)} cannot be used: {why}"
        raise BadSettings(told) from exc
    return database


def _tasks(settings: Settings, database: Database) -> Tasks:
    """Open the queue. Raises BadSettings when it cannot be used."""
    tasks = Tasks(database, now, settings.queue_elsewhere)
    try:
        tasks.prepare()
    except NotReady as exc:
        tasks.close()
        database.close()
        raise BadSettings(f"QUEUE_URL: {without_secrets(settings.queue_url or '')}: {exc}") from exc
    return tasks


def configured(settings: Settings) -> tuple[list[Provider], list[str]]:
    """Return the providers that are on, in the waterfall's order, and the names of the others."""
    on: dict[str, Provider] = {}
    limits = {limit.provider: limit for limit in settings.pace}
    for kind in KEYLESS:
        on[kind.name] = kind()
    for keyed in KEYED:
        prefix = KEYED_PROVIDERS[keyed.name].lower()
        key, url = getattr(settings, f"{prefix}_api_key"), getattr(settings, f"{prefix}_api_url")
        if key:
            one = keyed(key=key.get_secret_value(), base_url=url)
            limit = limits.get(one.name)
            on[one.name] = replace(one, pace=limit.on(one.pace)) if limit else one
    if settings.egress_proxy:
        on.pop("dns")  # names are then not resolved here
    order = settings.providers or tuple(kind.name for kind in ALL)
    chosen = [on[name] for name in ("sandbox", *order) if name in on]
    names = {provider.name for provider in chosen}
    return list(dict.fromkeys(chosen)), [kind.name for kind in ALL if kind.name not in names]


def tiers(settings: Settings) -> Mapping[Section, Tiers]:
    """Return how long sections are fresh and may be shown stale."""
    return by_section(
        Tiers(settings.fresh_person, settings.stale_person),
        Tiers(settings.fresh_company, settings.stale_company),
    )


def _positioning(settings: Settings) -> Positioning | None:
    if settings.positioning is None:
        return None
    try:
        return Positioning.parse(settings.positioning.read_text("utf-8"))
    except OSError as exc:
        raise BadSettings(f"WARMCALL_POSITIONING: {exc.strerror}: {settings.positioning}") from exc


def _crm_file(settings: Settings) -> CrmFile:
    if settings.crm is None:
        return CrmFile()
    try:
        return CrmFile.parse(settings.crm.read_text("utf-8"))
    except OSError as exc:
        raise BadSettings(f"WARMCALL_CRM: {exc.strerror}: {settings.crm}") from exc


def _fetch(settings: Settings, database: Database) -> Fetch:
    gate = Gate(database, now)
    return Fetch(
        now=now,
        admit=gate.admit,
        report=gate.report,
        egress_proxy=settings.egress_proxy,
        allow=Allow.parse(settings.callback_allow),
        user_agent=_agent(settings),
    )


def _agent(settings: Settings) -> str:
    """Return how sites see us: with where to find the operator, if that was told."""
    return f"{AGENT} (+{settings.public_url})" if settings.public_url else AGENT


def collect_seldom() -> None:
    """Look for garbage less often, and never among what is there now: call it once all is wired."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GARBAGE)


class Lines(JsonFormatter):
    """One JSON object a line, made in a shorter way where there is no traceback to tell."""

    encoder = JsonEncoder()

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of one record: its level, logger and message, its fields, the time."""
        if record.exc_info or record.stack_info or not isinstance(record.msg, str):
            return super().format(record)
        told = {
            "levelname": record.levelname,
            "name": record.name,
            "message": record.getMessage(),
            **{name: value for name, value in vars(record).items() if name not in NOT_TOLD},
            "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(),
        }
        return self.encoder.encode(told)


def log_as_json(level: str) -> None:
    """Log one JSON object a line to stderr, with the fields of the event beside its message."""
    handler = logging.StreamHandler()
    handler.setFormatter(Lines("{levelname}{name}{message}", style="{", timestamp=True))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
