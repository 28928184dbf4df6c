"""A worker inside a command, for as long as no other is alive."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from integrations.runtime import Runtime
from integrations.worker import Worker


@contextmanager
def standby(parts: Runtime) -> Iterator[Callable[[], None]]:
    """Yield what starts a worker in this process once no other is alive (any more).

    The other may well be that of a command beside this one, which ends when it has its card.
    """
    own: list[Worker] = []

    def step_in() -> None:
        if not own and not parts.intake.workers_alive():
            own.append(Worker(parts))
            own[0].start()

    try:
        yield step_in
    finally:
        for worker in own:
            worker.stop()
