"""The worker process: a Huey consumer that hands ids to one asyncio loop.

Hundreds of jobs wait on the loop at once. On SIGTERM nothing more is taken, running work gets
DRAIN_S to end, and what is left then goes back to the queue.
"""

import asyncio
import logging
import random
import signal
import threading
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from concurrent.futures import Future
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import uvloop
from sqlalchemy import Connection

from app import store
from app.clerk import Clerk
from app.courier import Courier
from app.crm import CrmRecord
from app.crm_cursor import Cursors
from app.crm_refresh import Refresher
from app.database import written
from app.delivery import Address
from app.dial import Pool
from app.doors import DoorsKept
from app.engine import Engine, Parts
from app.errors import NotReady
from app.fetch import Fetch
from app.front import OPERATOR
from app.keeper import Keeper
from app.lookups import LookupsKept
from app.posted import PostingsKept
from app.replies import RepliesKept
from app.retention import Retention
from app.settings import Settings
from app.views import Caller, JobView
from integrations.callback.channel import CallbackChannel
from integrations.callback.hooks import HookChannel
from integrations.crm.channel import CrmChannel
from integrations.crm.connections import HUBSPOT, hubspot
from integrations.crm.hubspot.polling import Poller
from integrations.runtime import (
    Presence,
    Runtime,
    collect_seldom,
    log_as_json,
    now,
    start,
    tiers,
)
from integrations.slack.addresses import card_of, to_operators
from integrations.slack.api import AT_ONCE, Api
from integrations.slack.batches import Noticeboard, SlackBatches, SlackFiles
from integrations.slack.channel import SlackChannel
from integrations.slack.directory import Directory
from integrations.slack.posts import Posts
from integrations.slack.render import Links
from integrations.slack.reply import Reply

log = logging.getLogger("warmcall.worker")

EVERYONE = Caller(OPERATOR, OPERATOR, frozenset())
"""Sees all jobs."""

DRAIN_S = 18.0
"""What running jobs get to end after SIGTERM; with the rest it stays below 25 s."""

SWEEP_S = 1.0
"""How often to look for what dead workers held."""

LOOK_S = 0.5
"""How often who waits for the others to end looks whether the worker is being stopped."""

CLEAN_S = 60.0
"""How often to look for what is too old to be kept."""

BREATH_S = 0.1
"""The pause between two steps of that, in which the work of others is written."""

FEED_S = 0.25
"""How often to look whether large batches want rows asked for."""

FED_S = 0.02
"""The pause between two steps of that, while there is something to do."""

SHARE = 2
"""Large batches get one slot of so many: what somebody waits for finds the others free."""

BEATS = 4
"""A lease is renewed this often while it lasts."""


class Worker:
    """Runs jobs and deliveries until it is stopped; in its own process, or in a thread of one."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._free = runtime.settings.slots
        self._counting = (
            threading.Condition()
        )  # the consumer's thread takes slots, the loop frees them
        self._ready = threading.Event()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping = asyncio.Event()
        self._is_stopping = False
        self._calm_at_s = 0.0  # of the loop's clock, which no one sets

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
        engine, courier, clerk, keeper = self._parts(presence.id, fetch)
        tasks.on(
            run_job=lambda job_id: self._hand_on(self._run(keeper, job_id, engine.run)),
            run_alone=lambda job_id: self._hand_on_alone(engine, keeper, job_id),
            deliver=lambda delivery_id: self._hand_on(self._deliver(courier, delivery_id)),
            arrive=lambda target: self._hand_on(self._arrive(clerk, target)),
            room=lambda: self._free,
        )
        self._calm_at_s = self._loop.time() + runtime.settings.lease.total_seconds()
        await asyncio.to_thread(presence.beat)
        consumer = tasks.consumer()
        consumer.start()
        beating = asyncio.create_task(self._every(self._beat_s(), self._beat(presence, engine)))
        sweeping = asyncio.create_task(self._every(SWEEP_S, self._sweep(presence, engine, keeper)))
        cleaning = asyncio.create_task(self._every(CLEAN_S, self._clean))
        feeding = asyncio.create_task(self._every(FEED_S, self._feed))
        refreshing = asyncio.create_task(self._every(CLEAN_S, self._refresh))
        polling = self._polling(presence.id, fetch)
        self._ready.set()
        if not self._is_stopping:
            await self._stopping.wait()
        feeding.cancel()
        consumer.stop_flag.set()
        tasks.wake()
        await asyncio.to_thread(consumer.stop, True)
        await asyncio.to_thread(tasks.hand_back)
        await engine.drain(DRAIN_S)
        chores = (beating, sweeping, cleaning, feeding, refreshing, *polling)
        for task in chores:
            task.cancel()
        await asyncio.gather(*chores, return_exceptions=True)
        await fetch.aclose()
        await asyncio.to_thread(presence.leave)

    def _parts(self, owner: str, fetch: Fetch) -> tuple[Engine, Courier, Clerk, Keeper]:
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
        callback, slack = CallbackChannel(call=fetch.call), self._slack(owner, fetch)
        hook = HookChannel(call=fetch.call)
        tell = partial(runtime.intake.tell, EVERYONE)
        crm = CrmChannel(desk=runtime.desk(owner, fetch), view=self._view, tell=tell)
        lists = self._lists(slack)
        courier = Courier(
            database=runtime.database,
            tasks=runtime.tasks,
            channels={one.name: one for one in (callback, hook, slack, crm, *lists)},
            now=now,
            spread=lambda: random.uniform(-1, 1),  # noqa: S311 - spreads retries, guards nothing
            owner=owner,
            base_url=settings.base_url,
        )
        keeper = Keeper(tasks=runtime.tasks, now=now, silence=settings.lease, alerts=self._alerts())
        clerk = Clerk(
            database=runtime.database,
            tasks=runtime.tasks,
            lines=crm.desk.lines,
            request=runtime.intake.requested,
            now=now,
            owner=owner,
            cool_down=settings.crm_cool_down,
            shown_at=self._shown_at,
        )
        return engine, courier, clerk, keeper

    def _polling(self, owner: str, fetch: Fetch) -> list[asyncio.Task[None]]:
        """Begin to look for new records where HubSpot cannot call us."""
        runtime, every = self._runtime, self._runtime.settings.hubspot_poll
        line = runtime.desk(owner, fetch).lines(HUBSPOT)
        if every is None or line is None:
            return []
        poller = Poller(
            connection=HUBSPOT,
            adapter=hubspot(runtime.settings),
            line=line,
            cursors=Cursors(database=runtime.database, now=now, owner=owner),
            arrived=runtime.intake.arrived,
            every=every,
        )
        return [asyncio.create_task(self._every(every.total_seconds(), poller.poll))]

    def _view(self, job_id: str) -> JobView:
        return self._runtime.intake.job(EVERYONE, job_id)

    def _slack(self, owner: str, fetch: Fetch) -> SlackChannel:
        database, settings = self._runtime.database, self._runtime.settings
        tokens = self._runtime.slack
        api = Api(
            call=partial(fetch.ask, Pool("slack", AT_ONCE)),
            url=settings.slack_api_url,
            doors=DoorsKept(database=database, now=now),
            token=tokens.of,
            broken=tokens.broken,
            works=tokens.works,
        )
        return SlackChannel(
            posts=Posts(api=api, postings=PostingsKept(database=database, now=now, owner=owner)),
            directory=Directory(api=api, lookups=LookupsKept(database=database, now=now)),
            reply=Reply(
                call=api.call,
                api_url=settings.slack_api_url,
                kept=RepliesKept(database=database, now=now),
            ),
            view=self._view,
            takes_unasked=self._runtime.intake.takes_unasked,
            held=self._runtime.intake.held_until,
            links=self._links,
            proposals=self._runtime.intake.proposals,
        )

    def _shown_at(self, record: CrmRecord) -> Sequence[Address]:
        """Return where in Slack the card of a new record comes: to its owner, else to a channel."""
        place = self._runtime.connections[record.ref.connection].cards_to
        return card_of(place, record.owner_email, record.ref.target) if place else ()

    def _links(self, view: JobView) -> Links:
        """Return where a card in Slack leads."""
        url = f"{self._runtime.settings.base_url}/card/{view.card_token}"
        if not self._runtime.connections:
            return Links(url)
        intake = self._runtime.intake
        page = intake.crm_page(view)
        return Links(url, page or None, can_save=not page or bool(intake.proposals(view.id)))

    def _alerts(self) -> Callable[[str], Address] | None:
        """Return where operators hear of trouble, each time in a message of its own."""
        place = self._runtime.settings.alerts
        return partial(to_operators, place) if place else None

    def _lists(self, slack: SlackChannel) -> tuple[SlackBatches, SlackFiles]:
        intake, base_url = self._runtime.intake, self._runtime.settings.base_url
        board = Noticeboard(slack.posts)
        view = partial(intake.batch_view, EVERYONE, limit=0)
        return SlackBatches(board=board, view=view, base_url=base_url), SlackFiles(
            board=board, intake=intake
        )

    # --- from the consumer's thread to the loop ---

    def _hand_on(self, work: Coroutine[Any, Any, None]) -> None:
        """Start work on the loop as soon as a slot is free; blocks the consumer until then.

        Beside the jobs no more messages are taken than slots are free. When the worker is being
        stopped, what was taken is started all the same, and handed back with the rest.
        """
        with self._counting:
            while self._free < 1 and not self._is_stopping:
                self._counting.wait(LOOK_S)
            self._free -= 1
        assert self._loop is not None
        asyncio.run_coroutine_threadsafe(work, self._loop).add_done_callback(self._done)

    def _done(self, _: Future[None]) -> None:
        with self._counting:
            self._free += 1
            was_full = self._free == 1
            self._counting.notify_all()
        if was_full:
            self._runtime.tasks.wake()

    def _hand_on_alone(self, engine: Engine, keeper: Keeper, job_id: str) -> None:
        """Run a job that workers may have died of when nothing else runs here; blocks until then.

        Only a worker that has lived for a lease does so: what kills workers from outside, again
        and again, is no fault of the job.
        """
        assert self._loop is not None
        left_s = max(0.0, self._calm_at_s - self._loop.time())
        if not left_s and self._is_idle_at_last():
            self._hand_on(self._run(keeper, job_id, engine.run_alone))
            self._is_idle_at_last()  # it has ended
        else:
            due_at = now() + timedelta(seconds=left_s)
            put_off = partial(self._put_off, job_id=job_id, due_at=due_at)
            self._runtime.database.write(put_off).result()

    def _is_idle_at_last(self) -> bool:
        """Wait until nothing runs here; False when the worker is being stopped before that."""
        with self._counting:
            while self._free < self._runtime.settings.slots:
                if self._is_stopping:
                    return False
                self._counting.wait(LOOK_S)
        return True

    def _put_off(self, db: Connection, job_id: str, due_at: datetime) -> None:
        if job := store.job_row(db, job_id):
            store.post(db, self._runtime.tasks.again(job, due_at))

    async def _run(
        self, keeper: Keeper, job_id: str, run: Callable[[str], Awaitable[None]]
    ) -> None:
        try:
            await run(job_id)
        except NotReady as exc:  # no fault of the job: its lease runs out, then it is run again
            log.warning("job dropped: %s", exc, extra={"job_id": job_id})
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

    async def _arrive(self, clerk: Clerk, target: str) -> None:
        try:
            await clerk.arrive(target)
        except Exception:  # the worker's edge: the record's lease runs out, then it is looked at
            log.exception("an arrival crashed", extra={"target": target})

    # --- what is done from time to time ---

    def _beat_s(self) -> float:
        return self._runtime.settings.lease.total_seconds() / BEATS

    def _beat(self, presence: Presence, engine: Engine) -> Callable[[], Awaitable[None]]:
        async def beat() -> None:
            await asyncio.to_thread(presence.beat)
            await engine.renew()

        return beat

    def _sweep(
        self, presence: Presence, engine: Engine, keeper: Keeper
    ) -> Callable[[], Awaitable[None]]:
        def swept(db: Connection, depth: int | None) -> None:
            presence.be_seen(db)  # first: who was held up for longer than a lease is not dead
            engine.prolong(db)
            keeper.sweep(db, depth)

        async def sweep() -> None:
            depth = await asyncio.to_thread(self._runtime.tasks.depth)
            await written(self._runtime.database, partial(swept, depth=depth), passing=True)

        return sweep

    async def _refresh(self) -> None:
        """Begin to look up records of CRMs again that have grown old."""
        budget = self._runtime.settings.crm_refresh
        refresher = Refresher(tasks=self._runtime.tasks, now=now, budget=budget)
        for name in self._runtime.connections if budget else ():
            begin = partial(refresher.begin, connection=name)
            if begun := await written(self._runtime.database, begin):
                log.info("records are refreshed", extra={"connection": name, "records": begun})

    async def _clean(self) -> None:
        settings, gone = self._runtime.settings, 0
        retention = Retention(
            jobs=settings.keep_jobs, people=settings.keep_people, events=settings.keep_events
        )
        while step := await written(self._runtime.database, lambda db: retention.clean(db, now())):
            gone += step
            await asyncio.sleep(BREATH_S)
        if gone:
            log.info("old rows deleted", extra={"rows": gone})

    async def _feed(self) -> None:
        at_once = max(1, self._runtime.settings.slots // SHARE)
        try:
            while await asyncio.to_thread(self._runtime.intake.feed, at_once):
                await asyncio.sleep(FED_S)
        except NotReady:  # the sweep says so, and less often
            await asyncio.sleep(SWEEP_S)

    async def _every(self, seconds: float, do: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await do()
            except NotReady as exc:
                log.warning("housekeeping waits: %s", exc)
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
    collect_seldom()
    log.info("worker started", extra={"slots": settings.slots})
    worker.run()
    runtime.close()
    log.info("worker ended")
