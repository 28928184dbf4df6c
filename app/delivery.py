"""Where cards are sent: the contract of a channel, and when a failed delivery is tried again."""

from collections.abc import Awaitable, Mapping
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
    """One place a card is sent to: a channel's name and the channel's own word for the place."""

    channel: str
    target: str = field(repr=False)


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

    def deliver(self, delivery: Delivery, now: datetime) -> Awaitable[Receipt]:
        """Send it once. Raises DeliveryFailed (`final` when no retry can help)."""


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


def next_try_s(tries: int, *, spread: float, retry_after_s: float | None = None) -> float | None:
    """Return the seconds to wait after `tries` failed tries, None when there are no more.

    `spread` is a number from -1 to 1 that places the wait within JITTER. What the receiver asked
    for (`retry_after_s`) is kept within one and two times the step.

    >>> next_try_s(1, spread=0.0)
    5.0
    >>> next_try_s(10, spread=0.0) is None
    True
    """
    if tries >= len(BACK_OFF_S):
        return None
    step = BACK_OFF_S[tries] * (1 + JITTER * spread)
    return max(step, min(retry_after_s or 0.0, 2 * BACK_OFF_S[tries]))
