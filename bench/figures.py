"""What is measured of a design, and how."""

import asyncio
import math
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import mean, median

from bench.client import Client, Reply, until
from bench.designs import Design, Warmcall
from bench.processes import ROOT, Process, free_port, is_open, wait_until

PATIENCE_S = 90.0
"""How long to wait for the last result before it counts as lost."""

POSTERS = 100
"""Connections that post a burst."""

WAITING_POSTERS = 256
"""The same where the caller waits for the result: more are needed to keep the design busy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How much is done. Seconds and counts; `latency_ms` is the provider's."""

    jobs: int = 1000
    latency_ms: float = 300.0
    steady_s: float = 15.0
    probes: int = 40  # jobs given to an idle worker
    idle_s: float = 10.0
    shared: int = 20  # prospects that 50 ask for at once
    askers: int = 50
    flood_s: float = 3.0
    kill_jobs: int = 500
    rows: int = 10_000  # of the file
    settings: Mapping[str, str] = field(default_factory=dict)  # of Warmcall, beside its defaults


QUICK = Plan(jobs=200, steady_s=4.0, probes=10, idle_s=3.0, shared=5, flood_s=1.5, kill_jobs=150,
             rows=1_000)  # fmt: skip

TINY = Plan(
    jobs=10,
    steady_s=0.5,
    probes=2,
    idle_s=0.2,
    shared=1,
    askers=10,
    flood_s=0.2,
    kill_jobs=8,
    rows=60,
    settings={"WARMCALL_LEASE": "1s"},
)


@dataclass(slots=True, kw_only=True)
class Figures:
    """What came out for one design. Times from POST to result are in seconds."""

    name: str
    jobs_per_s: float = 0.0
    cpu_ms: float = 0.0  # per job, web and worker
    store_cpu_ms: float = 0.0  # per job, database and queue servers
    burst_p50_s: float = 0.0
    burst_p99_s: float = 0.0
    calm_p50_s: float = 0.0  # at 20 % of its own capacity
    calm_p99_s: float = 0.0
    busy_p50_s: float = 0.0  # at 80 %
    busy_p99_s: float = 0.0
    accepted_p99_ms: float | None = None  # at 20 %; None where the caller waits for the result
    start_p99_ms: float = 0.0  # POST to the provider's door, idle worker
    idle_cpu: float = 0.0  # share of a core
    calls_per_prospect: float = 0.0
    killed_lost: int = 0
    killed_repeated: int = 0
    killed_resumed_s: float | None = None  # kill to the last repeated call
    bare_post_p99_ms: float | None = None
    cached_rps: float | None = None
    bare_get_rps: float | None = None
    two_workers_per_s: float | None = None
    errors: list[str] = field(default_factory=list)


class Provider:
    """The provider's process, seen from the benchmark."""

    def __init__(self, port: int) -> None:
        self._client = Client(port)

    async def reset(self) -> None:
        """Forget all calls."""
        await self._client.ask(self._client.get("/reset"))

    async def calls(self) -> Mapping[str, Sequence[float]]:
        """Return when each identifier was asked for."""
        reply = await self._client.ask(self._client.get("/calls"))
        told: Mapping[str, Sequence[float]] = reply.json()  # type: ignore[assignment]
        return told


class Bench:
    """Measures one design that runs."""

    def __init__(self, design: Design, provider: Provider, plan: Plan) -> None:
        self.design = design
        self.provider = provider
        self.plan = plan
        self.figures = Figures(name=design.name)
        self._client = Client(design.port, design.headers)
        self._people = 0

    async def all(self) -> Figures:
        """Take every figure; the one that kills comes last."""
        await self._burst(min(50, self.plan.jobs))  # warms everything up
        await self.burst()
        if isinstance(self.design, Warmcall) and self.design.stores:
            await self._with_two_workers()
        await self.steady()
        await self.idle()
        await self.shared()
        if isinstance(self.design, Warmcall):
            await self.cached()
        await self.kill()
        self._client.close()
        return self.figures

    # --- a burst ---

    async def burst(self) -> None:
        """Take throughput, CPU and latency of jobs that come all at once."""
        cpu_s, store_cpu_s = self.design.cpu_s(), self.design.store_cpu_s()
        took = await self._burst(self.plan.jobs)
        made, figures = len(took), self.figures
        figures.jobs_per_s = self._rate
        figures.cpu_ms = (self.design.cpu_s() - cpu_s) * 1000 / max(1, made)
        figures.store_cpu_ms = (self.design.store_cpu_s() - store_cpu_s) * 1000 / max(1, made)
        figures.burst_p50_s, figures.burst_p99_s = median(took), quantile(took, 0.99)

    async def _with_two_workers(self) -> None:
        assert isinstance(self.design, Warmcall)
        second = self.design.add_worker()
        await self._burst(min(50, self.plan.jobs))
        await self._burst(self.plan.jobs)
        self.figures.two_workers_per_s = self._rate
        second.stop()

    async def _burst(self, count: int) -> list[float]:
        """Post so many jobs at once; return how long each took, in seconds."""
        people, before = self._new(count), self.design.count()
        at_once = WAITING_POSTERS if self.design.waits else POSTERS
        replies = await self._client.burst([self._post(one) for one in people], at_once)
        self._checked(replies)
        await self._stored(before + count)
        finished = self.design.finished()
        sent_at = dict(zip(people, (reply.sent_at for reply in replies), strict=True))
        ended = {one: finished[one] for one in people if one in finished}
        self._rate = len(ended) / (max(ended.values()) - min(sent_at.values()))
        return [at - sent_at[one] for one, at in ended.items()]

    # --- steady load ---

    async def steady(self) -> None:
        """Take latency at 20 % and 80 % of what the burst said it can do."""
        calm, accepted = await self._steady(self.figures.jobs_per_s * 0.2)
        self.figures.calm_p50_s, self.figures.calm_p99_s = median(calm), quantile(calm, 0.99)
        if not self.design.waits:
            self.figures.accepted_p99_ms = quantile(accepted, 0.99) * 1000
            self.figures.bare_post_p99_ms = await self._bare_post(self.figures.jobs_per_s * 0.2)
        busy, _ = await self._steady(self.figures.jobs_per_s * 0.8)
        self.figures.busy_p50_s, self.figures.busy_p99_s = median(busy), quantile(busy, 0.99)

    async def _steady(self, per_s: float) -> tuple[list[float], list[float]]:
        people = self._new(max(10, round(per_s * self.plan.steady_s)))
        before = self.design.count()
        replies = await self._client.steady([self._post(one) for one in people], per_s)
        self._checked(replies)
        await self._stored(before + len(people))
        finished = self.design.finished()
        sent_at = {one: reply.sent_at for one, reply in zip(people, replies, strict=True)}
        took = [finished[one] - sent_at[one] for one in people if one in finished]
        return took, [reply.took_s for reply in replies]

    async def _bare_post(self, per_s: float) -> float:
        bare = start_bare(self.design, b"")
        client = Client(bare.port)
        count = max(10, round(per_s * self.plan.steady_s))
        post = client.post("/enrich", self.design.body("sam@example.com"))
        replies = await client.steady([post] * count, per_s)
        client.close()
        bare.process.stop()
        return quantile([reply.took_s for reply in replies], 0.99) * 1000

    # --- an idle worker ---

    async def idle(self) -> None:
        """Take what idling costs, and how soon a job starts after it."""
        worker, before_s = self.design.worker, self.design.worker.cpu_s()
        await asyncio.sleep(self.plan.idle_s)
        self.figures.idle_cpu = (worker.cpu_s() - before_s) / self.plan.idle_s
        await self.provider.reset()
        sent_at: dict[str, float] = {}
        for number, person in enumerate(self._new(self.plan.probes)):
            before = self.design.count()
            sent_at[person] = (await self._client.ask(self._post(person))).sent_at
            await self._stored(before + 1)
            await asyncio.sleep(0.3 + 0.037 * (number % 10))  # at no rhythm of its own polling
        calls = await self.provider.calls()
        waits = [calls[one][0] - sent_at[one] for one in sent_at if one in calls]
        self.figures.start_p99_ms = quantile(waits, 0.99) * 1000

    # --- many ask for the same ---

    async def shared(self) -> None:
        """Take how often the provider is called for a prospect that many ask for at once."""
        await self.provider.reset()
        people, before = self._new(self.plan.shared), self.design.count()
        for person in people:
            asked = [self._post(person)] * self.plan.askers
            await self._client.burst(asked, self.plan.askers)
        await self._stored(before + len(people))
        await asyncio.sleep(2 * self.plan.latency_ms / 1000 + 0.5)  # calls that came late
        calls = await self.provider.calls()
        self.figures.calls_per_prospect = mean(len(calls.get(one, ())) for one in people)

    # --- what is known already ---

    async def cached(self) -> None:
        """Take how many cached answers a second, and how many of the bare application."""
        [person] = self._new(1)
        before = self.design.count()
        await self._client.ask(self._post(person))
        await self._stored(before + 1)
        answer = await self._client.ask(self._post(person))
        assert answer.status == 200, answer
        post = self._post(person)
        self.figures.cached_rps = await self._client.flood(post, 16, self.plan.flood_s)
        bare = start_bare(self.design, answer.body)
        client = Client(bare.port)
        get = client.get("/bytes")
        await client.flood(get, 16, 0.3)
        self.figures.bare_get_rps = await client.flood(get, 16, self.plan.flood_s)
        client.close()
        bare.process.stop()

    # --- a worker is killed ---

    async def kill(self) -> None:
        """Kill the worker amid a burst, start it again, and count what was lost or repeated."""
        await self.provider.reset()
        people, before = self._new(self.plan.kill_jobs), self.design.count()
        posting = asyncio.ensure_future(
            self._client.burst([self._post(one) for one in people], POSTERS)
        )
        await until(self._done(before + self.plan.kill_jobs // 4), PATIENCE_S, 0.01)
        killed_at = time.time()
        self.design.worker.kill()
        self.design.restart_worker()
        await posting
        await self._still(before + len(people))
        calls = await self.provider.calls()
        finished = self.design.finished()
        self.figures.killed_lost = sum(one not in finished for one in people)
        again = [calls[one] for one in people if len(calls.get(one, ())) > 1]
        self.figures.killed_repeated = sum(len(at) - 1 for at in again)
        if again:
            self.figures.killed_resumed_s = max(at[-1] for at in again) - killed_at

    async def _still(self, count: int) -> None:
        """Wait until all are stored, or nothing more was for 20 s."""
        seen, since = self.design.count(), time.monotonic()
        while seen < count and time.monotonic() - since < 20:
            await asyncio.sleep(0.1)
            now = self.design.count()
            if now > seen:
                seen, since = now, time.monotonic()

    # --- bits ---

    def _new(self, count: int) -> list[str]:
        first = self._people
        self._people += count
        return [f"lee.no{number}@example.com" for number in range(first, first + count)]

    def _post(self, email: str) -> bytes:
        return self._client.post(self.design.path, self.design.body(email))

    def _checked(self, replies: Sequence[Reply]) -> None:
        bad = [reply for reply in replies if reply.status not in {200, 202}]
        if bad:
            self.figures.errors.append(
                f"{len(bad)} x status {bad[0].status}: {bad[0].body[:200]!r}"
            )

    def _done(self, count: int) -> Callable[[], Awaitable[bool]]:
        async def is_done() -> bool:
            return self.design.count() >= count

        return is_done

    async def _stored(self, count: int) -> None:
        if not await until(self._done(count), PATIENCE_S, 0.02):
            lacking = count - self.design.count()
            told = f"{lacking} results were missing after {PATIENCE_S:g} s"
            self.figures.errors.append(told)


@dataclass(frozen=True, slots=True)
class Bare:
    """The bare application while it runs."""

    process: Process
    port: int


def start_bare(design: Design, content: bytes) -> Bare:
    """Start the bare application that gives these bytes."""
    port, path = free_port(), design.folder / "bytes"
    path.write_bytes(content)
    options = ["--port", str(port), "--no-access-log", "--log-level", "warning"]
    argv = [sys.executable, "-m", "uvicorn", "bench.bare:app", *options]
    env = {"PYTHONPATH": str(ROOT), "BARE_BYTES": str(path)}
    process = Process("bare", argv, env, design.folder)
    process.start()
    wait_until(lambda: is_open(port), "the bare application to listen", process)
    return Bare(process, port)


def quantile(values: Sequence[float], share: float) -> float:
    """Return the value that `share` of all do not exceed (nearest rank); nan of none."""
    if not values:
        return math.nan
    return sorted(values)[min(len(values), math.ceil(share * len(values))) - 1]
