"""A process remembers what it read in one state of the database, and not for longer."""

from pathlib import Path
from typing import Any

import pytest

from app import callers
from app.database import Database
from app.memory import Memory
from app.state import State
from app.tables import Suppression
from tests.fakes.clock import Clock


@pytest.fixture
def service(make: Any) -> Any:
    return make()


def commit(database: Database, text: str) -> None:
    row = Suppression(digest=text, kind="email", created_at=Clock()())
    database.write(lambda db: callers.suppress(db, row)).result()


def test_a_state_has_one_name_until_somebody_commits(service: Any) -> None:
    state = State(service.database.url)
    before = state()
    assert before is not None
    assert state() == before
    service.database.read(callers.keys)
    assert state() == before
    commit(service.database, "a")
    assert state() != before
    state.close()


def test_a_commit_of_any_process_changes_the_state(service: Any) -> None:
    other = Database(service.database.url)
    before = service.database.state()
    commit(other, "a")
    assert service.database.state() != before
    other.close()


def test_a_state_that_cannot_be_told_has_no_name(tmp_path: Path, service: Any) -> None:
    assert State("postgresql://warmcall@db.example/warmcall")() is None
    assert State(f"sqlite:///{tmp_path}")() is None
    service.database.close()
    assert service.database.state() is None


def test_what_was_read_in_another_state_is_gone() -> None:
    memory: Memory[str] = Memory(100)
    assert memory.get(1, "who") is None
    memory.keep(1, "who", "jane", 10)
    assert memory.get(1, "who") == "jane"
    assert memory.get(2, "who") is None
    assert memory.get(1, "who") is None


def test_what_was_read_before_a_change_is_not_kept_after_it() -> None:
    memory: Memory[str] = Memory(100)
    memory.get(1, "who")
    memory.get(2, "other")
    memory.keep(1, "who", "jane", 10)
    assert memory.get(2, "who") is None


def test_without_a_state_nothing_is_remembered() -> None:
    memory: Memory[str] = Memory(100)
    memory.get(None, "who")
    memory.keep(None, "who", "jane", 10)
    assert memory.get(None, "who") is None


def test_what_was_not_looked_at_for_longest_makes_room() -> None:
    memory: Memory[str] = Memory(100)
    memory.get(1, "-")
    for name in ("a", "b"):
        memory.keep(1, name, name, 50)
    memory.get(1, "a")
    memory.keep(1, "c", "c", 40)
    memory.keep(1, "d", "d", 101)
    assert [memory.get(1, name) for name in "abcd"] == ["a", None, "c", None]
    memory.keep(1, "a", "A", 60)
    assert [memory.get(1, name) for name in "ac"] == ["A", "c"]
