"""The queue: Huey's storage beside the jobs, its messages, its bell."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from functools import partial

import orjson
import pytest

from app import store
from app.bell import Bell, ring_at
from app.database import Database
from app.errors import NotReady
from app.keeper import Keeper
from app.tasks import Tasks
from tests.fakes.clock import Clock
from tests.fakes.servers import BACKENDS, Backend

BOTH = pytest.mark.parametrize("backend", BACKENDS[:2], indirect=True)
ALL = pytest.mark.parametrize("backend", BACKENDS, indirect=True)


@pytest.fixture
def database(backend: Backend) -> Iterator[Database]:
    found = Database(backend.database(0))
    found.migrate()
    yield found
    found.close()


@pytest.fixture
def tasks(backend: Backend, database: Database, clock: Clock) -> Iterator[Tasks]:
    made = Tasks(database, clock, backend.queue(0))
    made.prepare()
    yield made
    made.close()


def test_a_message_is_json_and_carries_an_id_only(tasks: Tasks) -> None:
    told = orjson.loads(tasks.job("job_1", 40).data)
    assert set(told) == {"id", "task", "args"}
    assert (told["task"], told["args"]) == ("app.tasks.run_job", ["job_1"])
    assert orjson.loads(tasks.delivery("msg_1").data)["task"] == "app.tasks.deliver"


@BOTH
def test_a_message_is_not_taken_before_it_is_due(
    database: Database, tasks: Tasks, clock: Clock
) -> None:
    later = tasks.job("job_1", 40, clock().replace(hour=10))
    database.write(partial(store.post, message=later)).result()
    assert database.write(lambda db: store.take(db, 5, clock())).result() == []
    clock.move(hours=2)
    taken = database.write(lambda db: store.take(db, 5, clock())).result()
    assert [message.ref for message in taken] == ["job_1"]


@ALL
def test_huey_hands_the_id_to_the_worker_and_has_nothing_to_complain_of(
    database: Database, tasks: Tasks, caplog: pytest.LogCaptureFixture
) -> None:
    ran: list[str] = []
    heard = threading.Event()

    def run(job_id: str) -> None:
        ran.append(job_id)
        heard.set()

    tasks.on(
        run_job=run, run_alone=ran.append, deliver=ran.append, arrive=ran.append, room=lambda: 1
    )
    consumer = tasks.consumer()
    consumer.start()
    database.write(partial(store.post, message=tasks.job("job_1", 40))).result()
    tasks.wake()
    assert heard.wait(5)
    consumer.stop_flag.set()
    tasks.wake()
    consumer.stop(graceful=True)
    assert ran == ["job_1"]
    assert [one for one in caplog.records if one.levelname == "ERROR"] == []


@BOTH
def test_messages_that_nobody_acted_on_are_put_back(
    database: Database, tasks: Tasks, clock: Clock
) -> None:
    for number in range(3):
        message = tasks.job(f"job_{number}", 40)
        database.write(partial(store.post, message=message)).result()
    assert tasks.huey.storage.dequeue() is not None
    assert database.read(store.queue_depth) == 0
    tasks.hand_back()
    assert database.read(store.queue_depth) == 2


@BOTH
def test_no_more_is_taken_than_there_is_room_for(database: Database, tasks: Tasks) -> None:
    done: list[str] = []
    tasks.on(
        run_job=done.append,
        run_alone=done.append,
        deliver=done.append,
        arrive=done.append,
        room=lambda: 2,
    )
    for number in range(5):
        message = tasks.job(f"job_{number}", 40)
        database.write(partial(store.post, message=message)).result()
    tasks.huey.storage.dequeue()
    assert database.read(store.queue_depth) == 3


def test_a_worker_without_room_leaves_messages_to_others(database: Database, tasks: Tasks) -> None:
    tasks.on(run_job=str, run_alone=str, deliver=str, arrive=str, room=lambda: 0)  # type: ignore[arg-type] # never called
    database.write(partial(store.post, message=tasks.job("job_1", 40))).result()
    assert tasks.huey.storage.dequeue() is None
    assert database.read(store.queue_depth) == 1


def test_a_bell_is_heard_and_a_missing_one_does_not_matter() -> None:
    heard = threading.Event()
    bell = Bell(heard.set)
    ring_at([1, bell.port])
    assert heard.wait(5)
    bell.close()
    ring_at([bell.port])


@pytest.mark.parametrize("backend", BACKENDS[2:], indirect=True)
def test_a_queue_elsewhere_gives_the_most_urgent_message_first(
    database: Database, tasks: Tasks
) -> None:
    for name, priority in (("slow", 10), ("fast", 40), ("late", 10)):
        database.write(partial(store.post, message=tasks.job(name, priority))).result()
    assert (tasks.depth(), database.read(store.queue_depth)) == (3, 0)
    found = [orjson.loads(tasks.huey.storage.dequeue()) for _ in range(3)]
    assert [one["args"] for one in found] == [["fast"], ["slow"], ["late"]]


@pytest.mark.parametrize("backend", BACKENDS[2:], indirect=True)
def test_a_message_for_later_waits_beside_its_job_until_it_is_due(
    database: Database, tasks: Tasks, clock: Clock
) -> None:
    keeper = Keeper(tasks=tasks, now=clock, silence=timedelta(seconds=8))
    later = tasks.job("job_1", 40, clock() + timedelta(hours=1))
    database.write(partial(store.post, message=later)).result()
    database.write(keeper.sweep).result()
    assert (tasks.depth(), database.read(store.queue_depth)) == (0, 1)
    clock.move(hours=1)
    database.write(keeper.sweep).result()
    assert (tasks.depth(), database.read(store.queue_depth)) == (1, 0)


def test_a_queue_that_cannot_be_reached_stops_no_commit(database: Database, clock: Clock) -> None:
    tasks = Tasks(database, clock, "redis://127.0.0.1:1/0")
    for _ in range(2):
        database.write(partial(store.post, message=tasks.job("job_1", 40))).result()
    assert tasks.depth() is None
    with pytest.raises(NotReady):
        tasks.prepare()
