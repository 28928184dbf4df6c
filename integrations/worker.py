"""The worker process: a Huey consumer that hands ids to one asyncio loop.

Hundreds of jobs wait on the loop at once. On SIGTERM nothing more is taken, running work gets
DRAIN_S to end, and what is left then goes back to the queue.
"""

import asyncio
import logging
import random
import signal
import threading
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import Future
from functools import partial
from typing import Any

import uvloop
from sqlalchemy import Connection

from app import store
from app.courier import Courier
from app.database import written
from app.engine import Engine, Parts
from app.keeper import Keeper
from app.settings import Settings
from integrations.callback.channel import CallbackChannel
from integrations.runtime import Presence, Runtime, log_as_json, now, start, tiers

log = logging.getLogger("warmcall.worker")

DRAIN_S = 18.0
"""What running jobs get to end after SIGTERM; with the rest it stays below 25 s."""

SWEEP_S = 1.0
"""How often to look for what dead workers held."""

BEATS = 4
"""A lease is renewed this often while it lasts."""


class Worker:
    """Runs jobs and deliveries until it is stopped; in its own process, or in a thread of one."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._slots = threading.Semaphore(runtime.settings.slots)
        self._free = runtime.settings.slots
        self._ready = threading.Event()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping = asyncio.Event()
        self._is_stopping = False

    def start(self) -> None:
        """Run in a thread of this process; returns when work is being taken."""
        self._thread = threading.Thread(target=self.run, name="worker", daemon=True)
        self._thread.start()
        self._ready.wait()

    def stop(self) -> None:
        """Finish or hand back all work and end."""
        self.stop_soon()
        if self._thread:
            self._thread.join()

    def stop_soon(self) -> None:
        """Begin to end; safe from any thread and from a signal handler."""
        self._is_stopping = True
        if self._loop:
            self._loop.call_soon_threadsafe(self._stopping.set)

    def run(self) -> None:
        """Work until stopped."""
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(self._main())

    async def _main(self) -> None:
        self._loop = asyncio.get_running_loop()
        runtime, tasks = self._runtime, self._runtime.tasks
        presence = Presence(runtime.database, store.WORKERS, tasks.wake)
        fetch = runtime.fetch()
        engine, courier, keeper = self._parts(presence.id, fetch)
        tasks.on(
            run_job=lambda job_id: self._hand_on(self._run(engine, keeper, job_id)),
            deliver=lambda delivery_id: self._hand_on(self._deliver(courier, delivery_id)),
            room=lambda: self._free,
        )
        await asyncio.to_thread(presence.beat)
        consumer = tasks.consumer()
        consumer.start()
        beating = asyncio.create_task(self._every(self._beat_s(), self._beat(presence, engine)))
        sweeping = asyncio.create_task(self._every(SWEEP_S, self._sweep(keeper)))
        self._ready.set()
        if not self._is_stopping:
            await self._stopping.wait()
        consumer.stop_flag.set()
        tasks.wake()
        await asyncio.to_thread(consumer.stop, True)
        await asyncio.to_thread(tasks.hand_back)
        await engine.drain(DRAIN_S)
        for task in (beating, sweeping):
            task.cancel()
        await asyncio.gather(beating, sweeping, return_exceptions=True)
        await fetch.aclose()
        await asyncio.to_thread(presence.leave)

    def _parts(self, owner: str, fetch: Any) -> tuple[Engine, Courier, Keeper]:
        runtime, settings = self._runtime, self._runtime.settings
        engine = Engine(
            Parts(
                database=runtime.database,
                tasks=runtime.tasks,
                providers=runtime.providers,
                send=fetch.send,
                now=now,
                owner=owner,
                lease=settings.lease,
                tiers=tiers(settings),
                positioning=runtime.positioning,
            )
        )
        callback = CallbackChannel(call=fetch.call)
        courier = Courier(
            database=runtime.database,
            tasks=runtime.tasks,
            channels={callback.name: callback},
            now=now,
            spread=lambda: random.uniform(-1, 1),  # noqa: S311 - spreads retries, guards nothing
            owner=owner,
            base_url=settings.base_url,
        )
        keeper = Keeper(tasks=runtime.tasks, now=now, silence=settings.lease)
        return engine, courier, keeper

    # --- from the consumer's thread to the loop ---

    def _hand_on(self, work: Coroutine[Any, Any, None]) -> None:
        """Start work on the loop as soon as a slot is free; blocks the consumer until then."""
        self._slots.acquire()
        self._free -= 1
        assert self._loop is not None
        asyncio.run_coroutine_threadsafe(work, self._loop).add_done_callback(self._done)

    def _done(self, _: Future[None]) -> None:
        self._free += 1
        self._slots.release()

    async def _run(self, engine: Engine, keeper: Keeper, job_id: str) -> None:
        try:
            await engine.run(job_id)
        except Exception:  # the worker's edge: a crash costs one job, never the worker
            log.exception("job crashed", extra={"job_id": job_id})
            await written(self._runtime.database, lambda db: _crashed(db, keeper, job_id))

    async def _deliver(self, courier: Courier, delivery_id: str) -> None:
        try:
            await courier.deliver(delivery_id)
        except (
            Exception
        ):  # the worker's edge: the delivery's lease runs out, then it is tried again
            log.exception("delivery crashed", extra={"delivery_id": delivery_id})

    # --- what is done from time to time ---

    def _beat_s(self) -> float:
        return self._runtime.settings.lease.total_seconds() / BEATS

    def _beat(self, presence: Presence, engine: Engine) -> Callable[[], Awaitable[None]]:
        async def beat() -> None:
            await asyncio.to_thread(presence.beat)
            await engine.renew()

        return beat

    def _sweep(self, keeper: Keeper) -> Callable[[], Awaitable[None]]:
        async def sweep() -> None:
            depth = await asyncio.to_thread(self._runtime.tasks.depth)
            await written(self._runtime.database, partial(keeper.sweep, depth=depth))

        return sweep

    async def _every(self, seconds: float, do: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await do()
            except Exception:  # the worker's edge: what failed now is tried again
                log.exception("housekeeping failed")
            await asyncio.sleep(seconds)


def _crashed(db: Connection, keeper: Keeper, job_id: str) -> None:
    job = store.job_row(db, job_id)
    if job and job.owner:
        keeper.bereave(db, job)


def serve(settings: Settings) -> None:
    """Be the worker process until SIGTERM or SIGINT."""
    log_as_json(settings.log_level)
    runtime = start(settings)
    worker = Worker(runtime)
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: worker.stop_soon())
    log.info("worker started", extra={"slots": settings.slots})
    worker.run()
    runtime.close()
    log.info("worker ended")
