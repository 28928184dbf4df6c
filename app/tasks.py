"""The queue's messages: what they say, and the Huey storage that keeps them beside the jobs.

A message is posted in the transaction of what it announces, so no job waits without a message and
no message lies about a job. Messages are JSON and carry one id. A queue elsewhere (QUEUE_URL) is
sent its messages after the commit; see app/broker.py.
"""

import logging
import threading
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import orjson
from huey import Huey
from huey.consumer import Consumer
from huey.registry import Message
from huey.serializer import Serializer
from sqlalchemy import Connection

from app import broker, store
from app.broker import NothingKept
from app.database import Database
from app.errors import NotReady
from app.job import SUSPECT, Priority
from app.store import JobRow, Post

IDLE_S = 0.5
"""How often an idle worker looks for messages without having been woken."""

AHEAD = 64
"""At most this many messages are taken in one transaction."""


SILENT = timedelta(seconds=2)
"""How long a queue that could not be reached is left alone; the keeper sends again what it missed.
"""

BACKOFF_S = 1.0
"""The longest pause of a consumer between two tries to reach its queue."""

log = logging.getLogger("warmcall.tasks")


class JsonMessages(Serializer):  # type: ignore[misc] # huey ships no types
    """Messages as JSON, so that a shared broker can never run code."""

    def _serialize(self, data: Message) -> bytes:
        return orjson.dumps({"id": data.id, "task": data.name, "args": list(data.args)})

    def _deserialize(self, data: bytes) -> Message:
        told = orjson.loads(data)
        fields: dict[str, Any] = dict.fromkeys(Message._fields)
        fields |= {"retries": 0, "retry_delay": 0}
        fields |= {"id": told["id"], "name": told["task"], "args": told["args"], "kwargs": {}}
        return Message(**fields)


class Messages(NothingKept):
    """Huey's storage in our own database: the table `message`.

    `dequeue` blocks until a message is due, `wake` is called, or IDLE_S has passed.
    """

    blocking = True

    def __init__(self, name: str, *, database: Database, now: Callable[[], datetime]) -> None:
        super().__init__(name)
        self._database = database
        self._now = now
        self._ahead: list[Post] = []
        self._woken = threading.Event()
        self.room: Callable[[], int] = lambda: AHEAD  # how many messages could be acted on now

    def wake(self) -> None:
        """Look for messages now."""
        self._woken.set()

    def dequeue(self) -> bytes | None:
        """Return the most urgent message that is due; None after IDLE_S without one."""
        if not self._ahead:
            self._woken.clear()
            if self.room() < 1:  # what we cannot act on is left to a worker that can
                self._woken.wait(IDLE_S)
                return None
            due, later = self._database.read(lambda db: store.next_due(db, self._now()))
            if due:
                self._take()
            else:
                self._woken.wait(self._idle_s(later))
        return self._ahead.pop(0).data if self._ahead else None

    def hand_back(self) -> None:
        """Put messages back that were taken and not acted on."""
        left, self._ahead = self._ahead, []
        for message in left:
            self._database.write(partial(store.post, message=message)).result()

    def _take(self) -> None:
        limit = min(AHEAD, self.room())
        work = self._database.write(lambda db: store.take(db, limit, self._now()), passing=True)
        self._ahead = work.result()

    def _idle_s(self, later: datetime | None) -> float:
        if later is None:
            return IDLE_S
        return max(0.0, min(IDLE_S, (later - self._now()).total_seconds()))

    def enqueue(self, data: bytes, priority: float | None = None) -> None:
        """Post a message that no job waits for (Huey's own calls)."""
        message = Post(data, "", -int(priority or 0))
        self._database.write(lambda db: store.post(db, message)).result()

    def queue_size(self) -> int:
        """Return how many messages wait."""
        return self._database.read(store.queue_depth)

    def enqueued_items(self, limit: int | None = None) -> list[bytes]:
        """Return waiting messages without taking them."""
        return self._database.read(lambda db: store.peek(db, limit or 1_000))

    def flush_queue(self) -> None:
        """Drop all messages."""
        self._database.write(store.clear_queue).result()


class Tasks:
    """The messages of this service: each has something done with the id that it carries.

    They wait beside the jobs, or at `elsewhere`: a redis:// or postgresql:// URL.
    """

    def __init__(
        self, database: Database, now: Callable[[], datetime], elsewhere: str | None = None
    ) -> None:
        self._now = now
        self._silent_until: datetime | None = None
        self._is_elsewhere = elsewhere is not None
        storage: dict[str, Any] = {"storage_class": Messages, "database": database, "now": now}
        if elsewhere is not None:
            storage = {"storage_class": broker.kind(elsewhere), "url": elsewhere}
            database.carry = self._send
        self.huey = Huey(broker.NAME, results=False, utc=True, serializer=JsonMessages(), **storage)
        self._does: dict[str, Callable[[str], None]] = {}
        self._run_job = self.huey.task(name="run_job")(run_job(self._does))
        self._run_alone = self.huey.task(name="run_alone")(run_alone(self._does))
        self._deliver = self.huey.task(name="deliver")(deliver(self._does))
        self._arrive = self.huey.task(name="arrive")(arrive(self._does))

    def on(
        self,
        *,
        run_job: Callable[[str], None],
        run_alone: Callable[[str], None],
        deliver: Callable[[str], None],
        arrive: Callable[[str], None],
        room: Callable[[], int],
    ) -> None:
        """Say what a worker does with a message. It may block: no further message is taken then.

        `room` tells how many more messages could be acted on at once: a queue beside the jobs gives
        none while that is 0. Whoever makes room calls `wake`.
        """
        self._does |= {"run_job": run_job, "run_alone": run_alone}
        self._does |= {"deliver": deliver, "arrive": arrive}
        self.huey.storage.room = room

    def prepare(self) -> None:
        """Make sure that the queue can be used. Raises NotReady."""
        if self._is_elsewhere:
            try:
                broker.prepare(self.huey.storage)
            except broker.BROKEN as exc:
                raise NotReady(f"The queue cannot be reached: {type(exc).__name__}.") from exc

    def close(self) -> None:
        """Close the connections to a queue elsewhere."""
        self.huey.storage.close()

    def depth(self) -> int | None:
        """Return how many messages wait elsewhere; None when that cannot be told now."""
        if not self._is_elsewhere:
            return 0
        try:
            return int(self.huey.storage.queue_size())
        except broker.BROKEN:
            return None

    def waiting(self, db: Connection) -> int:
        """Return how many messages wait; of a queue elsewhere, how many jobs wait for one."""
        return store.backlog(db, self._now()) if self._is_elsewhere else store.queue_depth(db)

    def _send(self, messages: Sequence[Post]) -> None:
        """Send what was committed. What cannot be sent is left to the keeper: nothing waits."""
        if self._silent_until and self._now() < self._silent_until:
            return
        try:
            self.huey.storage.send([(message.data, message.rank) for message in messages])
        except broker.BROKEN as exc:
            self._silent_until = self._now() + SILENT
            log.warning("the queue cannot be reached", extra={"reason": type(exc).__name__})

    def job(self, job_id: str, priority: int, due_at: datetime | None = None) -> Post:
        """Return the message that has a job run."""
        return self._post(self._run_job.s(job_id), job_id, priority, due_at)

    def again(self, job: JobRow, due_at: datetime | None = None) -> Post:
        """Return the message that has a job run once more: alone, if workers died of it."""
        task = self._run_alone if job.deaths >= SUSPECT else self._run_job
        return self._post(task.s(job.id), job.id, job.priority, due_at)

    def delivery(self, delivery_id: str, due_at: datetime | None = None) -> Post:
        """Return the message that has a delivery tried."""
        return self._post(self._deliver.s(delivery_id), delivery_id, Priority.interactive, due_at)

    def arrival(self, target: str, due_at: datetime | None = None) -> Post:
        """Return the message that has a record of a CRM looked at."""
        return self._post(self._arrive.s(target), target, Priority.crm, due_at)

    def _post(self, task: Any, ref: str, priority: int, due_at: datetime | None) -> Post:
        return Post(self.huey.serialize_task(task), ref, -priority, due_at)

    def wake(self) -> None:
        """Have the consumer look for messages now, unless the queue wakes it by itself."""
        if not self._is_elsewhere:
            self.huey.storage.wake()

    def hand_back(self) -> None:
        """Put messages back that the consumer took and nobody acted on."""
        if not self._is_elsewhere:
            self.huey.storage.hand_back()

    def consumer(self) -> "QuietConsumer":
        """Return the Huey consumer for a worker process: one thread that hands ids on."""
        return QuietConsumer(
            self.huey, workers=1, periodic=False, check_worker_health=True, max_delay=BACKOFF_S
        )


class QuietConsumer(Consumer):  # type: ignore[misc] # huey ships no types
    """Huey's consumer without its signal handlers: the process that owns it has its own."""

    def _set_signal_handlers(self) -> None:
        return


def run_job(does: dict[str, Callable[[str], None]]) -> Callable[[str], None]:
    """Make the task whose stored name is `app.tasks.run_job`."""

    def task(job_id: str) -> None:
        does["run_job"](job_id)

    return task


def run_alone(does: dict[str, Callable[[str], None]]) -> Callable[[str], None]:
    """Make the task whose stored name is `app.tasks.run_alone`."""

    def task(job_id: str) -> None:
        does["run_alone"](job_id)

    return task


def deliver(does: dict[str, Callable[[str], None]]) -> Callable[[str], None]:
    """Make the task whose stored name is `app.tasks.deliver`."""

    def task(delivery_id: str) -> None:
        does["deliver"](delivery_id)

    return task


def arrive(does: dict[str, Callable[[str], None]]) -> Callable[[str], None]:
    """Make the task whose stored name is `app.tasks.arrive`."""

    def task(target: str) -> None:
        does["arrive"](target)

    return task
