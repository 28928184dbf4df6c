"""The queue: Huey's storage beside the jobs, its messages, its bell."""

import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import orjson
import pytest

from app import store
from app.bell import Bell, ring_at
from app.database import Database
from app.tasks import Tasks
from tests.fakes.clock import Clock


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    found = Database(f"sqlite:///{tmp_path / 'queue.db'}")
    found.migrate()
    yield found
    found.close()


@pytest.fixture
def tasks(database: Database, clock: Clock) -> Tasks:
    return Tasks(database, clock)


def test_a_message_is_json_and_carries_an_id_only(tasks: Tasks) -> None:
    told = orjson.loads(tasks.job("job_1", 40).data)
    assert set(told) == {"id", "task", "args"}
    assert (told["task"], told["args"]) == ("app.tasks.run_job", ["job_1"])
    assert orjson.loads(tasks.delivery("msg_1").data)["task"] == "app.tasks.deliver"


def test_a_message_is_not_taken_before_it_is_due(
    database: Database, tasks: Tasks, clock: Clock
) -> None:
    later = tasks.job("job_1", 40, clock().replace(hour=10))
    database.write(partial(store.post, message=later)).result()
    assert database.write(lambda db: store.take(db, 5, clock())).result() == []
    clock.move(hours=2)
    taken = database.write(lambda db: store.take(db, 5, clock())).result()
    assert [message.ref for message in taken] == ["job_1"]


def test_huey_hands_the_id_to_the_worker_and_has_nothing_to_complain_of(
    database: Database, tasks: Tasks, caplog: pytest.LogCaptureFixture
) -> None:
    ran: list[str] = []
    heard = threading.Event()

    def run(job_id: str) -> None:
        ran.append(job_id)
        heard.set()

    tasks.on(run_job=run, run_alone=ran.append, deliver=ran.append, room=lambda: 1)
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


def test_no_more_is_taken_than_there_is_room_for(database: Database, tasks: Tasks) -> None:
    done: list[str] = []
    tasks.on(run_job=done.append, run_alone=done.append, deliver=done.append, room=lambda: 2)
    for number in range(5):
        message = tasks.job(f"job_{number}", 40)
        database.write(partial(store.post, message=message)).result()
    tasks.huey.storage.dequeue()
    assert database.read(store.queue_depth) == 3


def test_a_worker_without_room_leaves_messages_to_others(database: Database, tasks: Tasks) -> None:
    tasks.on(run_job=str, run_alone=str, deliver=str, room=lambda: 0)  # type: ignore[arg-type] # never called
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
