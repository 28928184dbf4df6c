"""The token bucket: how fast a provider may be asked. Pure; the state is kept by the caller."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from app.provider import Pace

SKEW = timedelta(minutes=1)
"""Workers' clocks differ by less than this; a time further ahead was told by a clock set back."""


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
