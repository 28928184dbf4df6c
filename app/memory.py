"""What a process remembers of the database: nothing that may have changed since."""

import threading
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Kept(Generic[T]):
    value: T
    size: int


class Memory(Generic[T]):
    """Values read in one state of the database, at most `room` bytes of them.

    Whoever reads names the state first (app.state), and looks here or reads and keeps under that
    name. A look in another state finds nothing and drops all: what was erased, revoked or renewed
    by anybody is gone from here by the first look after the commit. The state None is no state:
    nothing is kept then. What was not looked at for longest makes room.
    """

    def __init__(self, room: int) -> None:
        self._room = room
        self._used = 0
        self._state: int | None = None
        self._kept: OrderedDict[Hashable, _Kept[T]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, state: int | None, key: Hashable) -> T | None:
        """Return what was kept in this very state under `key`."""
        with self._lock:
            self._enter(state)
            found = self._kept.get(key)
            if found is None:
                return None
            self._kept.move_to_end(key)
            return found.value

    def keep(self, state: int | None, key: Hashable, value: T, size: int) -> None:
        """Keep a value of `size` bytes that was read after this state was named."""
        with self._lock:
            if state is None or state != self._state or size > self._room:
                return
            if before := self._kept.pop(key, None):
                self._used -= before.size
            self._kept[key] = _Kept(value, size)
            self._used += size
            while self._used > self._room:
                self._used -= self._kept.popitem(last=False)[1].size

    def _enter(self, state: int | None) -> None:
        if state is None or state != self._state:
            self._kept.clear()
            self._used = 0
            self._state = state
