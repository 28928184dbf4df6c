"""The token bucket: how fast a provider may be asked. Pure; the state is kept by the caller."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.provider import Pace

SKEW = timedelta(minutes=1)
"""Workers' clocks differ by less than this; a time further ahead was told by a clock set back."""


BURST_S = 2
"""A bucket holds what may be asked in this time."""

MOST_PER_MINUTE = 6_000_000
MOST_AT_ONCE = 1_000

_LIMIT = re.compile(r"([a-z]+)\s*=\s*([0-9]{1,7})/min(?::([0-9]{1,4}))?")


@dataclass(frozen=True, slots=True)
class Limit:
    """What an operator's plan with a provider allows; `at_once` None = as the provider has it."""

    provider: str
    per_minute: int
    at_once: int | None = None

    @staticmethod
    def parse(text: str) -> "Limit":
        """Read `provider=CALLS/min`, or `provider=CALLS/min:AT_ONCE`.

        >>> Limit.parse("hunter=600/min:50")
        Limit(provider='hunter', per_minute=600, at_once=50)

        Raises ValueError for anything else, for none, and for more than any plan allows.
        """
        found = _LIMIT.fullmatch(text)
        if not found:
            raise ValueError(f"expected PROVIDER=CALLS/min or PROVIDER=CALLS/min:AT_ONCE: {text}")
        limit = Limit(found[1], int(found[2]), int(found[3]) if found[3] else None)
        if not 1 <= limit.per_minute <= MOST_PER_MINUTE:
            raise ValueError(f"expected 1 to {MOST_PER_MINUTE} calls a minute: {text}")
        if limit.at_once is not None and not 1 <= limit.at_once <= MOST_AT_ONCE:
            raise ValueError(f"expected 1 to {MOST_AT_ONCE} calls at once: {text}")
        return limit

    def on(self, pace: Pace) -> Pace:
        """Return the pace that takes the place of a provider's own."""
        per_s = self.per_minute / 60
        return Pace(per_s, max(1, round(BURST_S * per_s)), self.at_once or pace.at_once)


@dataclass(frozen=True, slots=True)
class Bucket:
    """What is in a bucket, and when that was counted; None = never used, so full."""

    tokens: float | None = None
    refilled_at: datetime | None = None


def refill(bucket: Bucket, pace: Pace, now: datetime) -> Bucket:
    """Add what has dripped in since the last count, up to `pace.burst`.

    Workers' clocks differ: a count from the future neither adds nor takes anything. After SKEW
    it counts from now, lest nothing drips in until a clock that was set back has caught up.
    """
    if bucket.tokens is None or bucket.refilled_at is None:
        return Bucket(float(pace.burst), now)
    if bucket.refilled_at > now + SKEW:
        return Bucket(bucket.tokens, now)
    elapsed_s = max(0.0, (now - bucket.refilled_at).total_seconds())
    tokens = min(float(pace.burst), bucket.tokens + elapsed_s * pace.per_s)
    return Bucket(tokens, max(now, bucket.refilled_at))


def take(bucket: Bucket, pace: Pace, now: datetime, calls: int = 1) -> tuple[Bucket, float]:
    """Take a token for each call; return the bucket and 0, or it refilled and the wait in s.

    A wait reserves nothing: whoever waited asks again.
    """
    full = refill(bucket, pace, now)
    tokens = full.tokens or 0.0
    if tokens >= calls:
        return Bucket(tokens - calls, full.refilled_at), 0.0
    return full, (calls - tokens) / pace.per_s


def cap(bucket: Bucket, remaining: int) -> Bucket:
    """Hold no more tokens than the provider itself says are left."""
    if bucket.tokens is None:
        return bucket
    return Bucket(min(bucket.tokens, float(remaining)), bucket.refilled_at)
