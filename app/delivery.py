"""Where cards are sent: the contract of a channel, and when a failed delivery is tried again."""

from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from app.facts import Json
from app.job import Status

BACK_OFF_S = (0, 5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)
"""Seconds before each try: Standard Webhooks 1.0.0 (facts/crm.md section 10, read 2026-11-21)."""

DISABLE_AFTER = timedelta(days=5)
"""An address that has only failed for this long is no longer tried."""

JITTER = 0.2
"""Each wait is spread by up to this share, so that retries of many deliveries do not meet."""


@dataclass(frozen=True, slots=True)
class Address:
    """One place a card is sent to: a channel's name and the channel's own word for the place.

    A place that is `followed` is told of the job from its start (FOLLOWED), not only of its end.
    With `replaces` it is a message that shows this job from now on, whatever it showed before.
    """

    channel: str
    target: str = field(repr=False)
    followed: bool = field(default=False, compare=False)
    replaces: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class Delivery:
    """One card to one address. `id` is the idempotency key: it stays the same over all tries.

    `secrets` sign it (the newest first; two while one is being rotated). `event` is the type of
    the event, `body` what is sent.
    """

    id: str
    address: Address
    event: str
    body: Mapping[str, Json] = field(repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of one try: the receiver's status, how long it took, its first 1 kB."""

    status: int
    elapsed_ms: int
    answer: str = field(default="", repr=False)


class Channel(Protocol):
    """A place cards are sent to. `deliver` may be called again for the same delivery."""

    @property
    def name(self) -> str: ...
    @property
    def back_off_s(self) -> Sequence[float]:
        """Seconds before each try, the first included."""

    def deliver(self, delivery: Delivery, now: datetime) -> Awaitable[Receipt]:
        """Send it once. Raises DeliveryFailed (`final` when no retry can help), DeliveryPutOff."""


STARTED, PROGRESSED = "enrichment.started", "enrichment.progressed"

FOLLOWED: Mapping[str, timedelta] = {
    STARTED: timedelta(milliseconds=500),
    PROGRESSED: timedelta(seconds=2),
}
"""What a followed place is told of a job that still goes on so long after it was asked for."""


ERASED = "enrichment.erased"
"""Tells a channel that what it has posted at an address has to go."""

BATCH_STARTED, BATCH_PROGRESSED = "batch.started", "batch.progressed"
"""What a followed place is told of a large batch on its way."""

BATCH_COMPLETED = "batch.completed"


EVENTS: Mapping[Status, str] = {
    Status.complete: "enrichment.completed",
    Status.partial: "enrichment.partial",
    Status.ambiguous: "enrichment.completed",
    Status.not_found: "enrichment.completed",
    Status.provider_error: "enrichment.failed",
    Status.suppressed: "enrichment.failed",
    Status.budget_exhausted: "enrichment.failed",
    Status.cancelled: "enrichment.failed",
}
"""The event type each end of a job is announced with; the status itself is in the body."""


HOOKED = (*dict.fromkeys(EVENTS.values()), BATCH_COMPLETED)
"""The event types that a caller may subscribe a hook to."""


@dataclass(frozen=True, slots=True)
class Posting:
    """What a channel has posted at an address, so that it can be changed there later.

    `place` and `ref` are the channel's own words for where it is. `job_at` is when the job was
    asked for that is shown, `version` the one of it, `at` when this was noted. `state` is new
    (nothing is posted), sending (it may be posted, which is not known), posted, gone (somebody
    took it away: it stays away) or refused (for the `reason`). As long as it `owes`, it shows a
    job that had not ended.
    """

    channel: str
    target: str = field(repr=False)
    job_id: str
    job_at: datetime
    at: datetime
    version: int = 0
    place: str = ""
    ref: str = ""
    state: str = "new"
    reason: str = ""
    owes: bool = False


class Postings(Protocol):
    """Where a channel notes what it has posted, for all workers."""

    def claim(
        self, channel: str, target: str, job_id: str, job_at: datetime
    ) -> Awaitable[Posting | None]:
        """Hold what is posted at an address; a new one if nothing is. None: somebody else does."""

    def note(self, posting: Posting) -> Awaitable[None]:
        """Write down what has become of a posting that is held."""

    def let_go(self, channel: str, target: str) -> Awaitable[None]:
        """Hold it no longer."""

    def drop(self, channel: str, target: str) -> Awaitable[None]:
        """Forget a posting that is held."""


class Lookups(Protocol):
    """Where a channel notes what it has looked up at others, for all workers."""

    def find(self, key: str) -> Awaitable[str | None]:
        """Return what was found, empty for nothing; None when it has to be asked (again)."""

    def keep(self, key: str, value: str, span: timedelta) -> Awaitable[None]:
        """Remember what was found for so long."""


class Replies(Protocol):
    """Where who asked can be answered for a while, should their card not come."""

    def take(self, mark: str) -> Awaitable[str | None]:
        """Use the URL of an ask once; None when there is none (any more)."""

    def drop(self, mark: str) -> Awaitable[None]:
        """Forget it: it is of no use."""


@dataclass(frozen=True, slots=True)
class Door:
    """Something of others that we call at a pace: once in `every_s`, but `burst` times at once."""

    name: str
    every_s: float
    burst: int


class Doors(Protocol):
    """Who may call what of others now, for all workers together."""

    def enter(self, doors: Sequence[Door]) -> Awaitable[float]:
        """Take a turn at all of these; or take none and return the seconds to wait before."""

    def shut(self, name: str, seconds: float) -> Awaitable[None]:
        """Let nobody through a door for so long."""


def next_try_s(
    tries: int,
    *,
    spread: float,
    retry_after_s: float | None = None,
    back_off_s: Sequence[float] = BACK_OFF_S,
) -> float | None:
    """Return the seconds to wait after `tries` failed tries, None when there are no more.

    `spread` is a number from -1 to 1 that places the wait within JITTER. What the receiver asked
    for (`retry_after_s`) is kept within one and two times the step.

    >>> next_try_s(1, spread=0.0)
    5.0
    >>> next_try_s(10, spread=0.0) is None
    True
    """
    if tries >= len(back_off_s):
        return None
    step = back_off_s[tries] * (1 + JITTER * spread)
    return max(step, min(retry_after_s or 0.0, 2 * back_off_s[tries]))
