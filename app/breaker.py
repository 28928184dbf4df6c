"""One provider's health: circuit breaker, pauses and disablement, beside its token bucket.

closed -> open after FAILURES_TO_OPEN failures in a row, for OPEN -> half-open: one probe at a time
-> closed when it is answered, open again when it fails. Only provider errors and time-outs are
failures; a miss never is (facts/providers/INDEX.md section 9, read 2026-11-21). Pure: the caller
keeps the state, which all workers share.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from app.pace import SKEW, Bucket, cap, refill, take
from app.provider import Meter, Outcome, Pace

FAILURES_TO_OPEN = 5
OPEN = timedelta(seconds=60)
PROBE = timedelta(seconds=60)
"""A probe that has not been heard of for this long is lost, and another may go."""

DISABLED = timedelta(minutes=15)
"""How long nobody is asked after a refused key or an empty account; then it is tried again."""

LONGEST_PAUSE = timedelta(seconds=120)
"""A provider that wants a longer pause is skipped until then: others are asked in its place."""

UNSAID_PAUSE = timedelta(seconds=1)
"""The pause after a refusal that does not say when to come back."""

DISABLING = frozenset({Outcome.auth_failed, Outcome.out_of_credits})

TELLING = frozenset({Outcome.provider_error, Outcome.rate_limited, *DISABLING})
"""Outcomes that say something about the provider itself."""


@dataclass(frozen=True, slots=True)
class Health:
    """One provider's state, shared by all workers through the store. Times are UTC."""

    failures: int = 0  # in a row
    opened_until: datetime | None = None
    probing_since: datetime | None = None
    disabled_until: datetime | None = None
    disabled_for: str | None = None  # auth_failed or out_of_credits
    tokens: float | None = None
    refilled_at: datetime | None = None
    not_before: datetime | None = None  # the provider itself asked for a pause


@dataclass(frozen=True, slots=True)
class Admission:
    """Whether a call may go out: `go` now, `wait` and ask again, or `skip` this provider.

    `calls` belongs to `go`: how many may go out at once. `wait_s` belongs to `wait`. `until` is
    when it may be worth another question, `reason` one plain line for operators; both belong to
    `wait` and `skip`.
    """

    kind: Literal["go", "wait", "skip"]
    wait_s: float = 0.0
    until: datetime | None = None
    reason: str = ""
    calls: int = 1


def admit(health: Health, pace: Pace, now: datetime, most: int = 1) -> tuple[Health, Admission]:
    """Say whether calls may go out now, `most` at most, and book those that may."""
    if health.disabled_until and _is_ahead(health.disabled_until, DISABLED, now):
        return health, _skip(f"disabled after {health.disabled_for}", health.disabled_until)
    if health.opened_until and _is_ahead(health.opened_until, OPEN, now):
        return health, _skip("breaker open", health.opened_until)
    if health.not_before and now < health.not_before:
        return health, _pause(health.not_before, now)
    if health.probing_since and _is_ahead(health.probing_since + PROBE, PROBE, now):
        return health, _skip("breaker half-open, a probe is out", health.probing_since + PROBE)
    return _draw(health, pace, now, most)


def report(health: Health, outcome: Outcome | None, meter: Meter, now: datetime) -> Health:
    """Book how a call ended (None: it was answered) and what its headers said."""
    health = _metered(health, meter, now)
    if outcome is Outcome.provider_error:
        return _failed(health, now)
    health = _answered(health, now)
    if outcome is Outcome.rate_limited:
        return _paused(health, meter.retry_at or now + UNSAID_PAUSE)
    if outcome in DISABLING:
        return replace(health, disabled_until=now + DISABLED, disabled_for=outcome.value)
    return health


def is_news(
    health: Health, outcome: Outcome | None, meter: Meter, pace: Pace, now: datetime
) -> bool:
    """Tell whether a call that ended so may change this health: an answer seldom does.

    It does when the provider says that fewer calls are left than we would let out at once.
    """
    bucket = refill(Bucket(health.tokens, health.refilled_at), pace, now)
    has_room = meter.remaining is None or meter.remaining >= max(1.0, bucket.tokens or 0.0)
    is_calm = not (health.failures or health.opened_until or health.probing_since)
    return outcome in TELLING or not has_room or not is_calm


def _is_ahead(end: datetime, length: timedelta, now: datetime) -> bool:
    """Tell whether a span of this length is not over yet.

    One whose end is further away than that was begun before the clock was set back: it is over.
    """
    return now < end <= now + length + SKEW


def _skip(reason: str, until: datetime) -> Admission:
    return Admission("skip", until=until, reason=reason)


def _pause(until: datetime, now: datetime) -> Admission:
    if until - now > LONGEST_PAUSE:
        return _skip("the provider asked for a long pause", until)
    wait_s = (until - now).total_seconds()
    return Admission("wait", wait_s, until, "the provider asked for a pause")


def _draw(health: Health, pace: Pace, now: datetime, most: int) -> tuple[Health, Admission]:
    full = refill(Bucket(health.tokens, health.refilled_at), pace, now)
    calls = 1 if health.opened_until else max(1, min(most, int(full.tokens or 0.0)))
    bucket, wait_s = take(full, pace, now, calls)
    health = replace(health, tokens=bucket.tokens, refilled_at=bucket.refilled_at)
    if wait_s:
        until = now + timedelta(seconds=wait_s)
        return health, Admission("wait", wait_s, until, "asked as fast as allowed")
    if health.opened_until:  # it has run out, so this call is the probe
        health = replace(health, probing_since=now)
    return health, Admission("go", calls=calls)


def _failed(health: Health, now: datetime) -> Health:
    if health.opened_until and _is_ahead(health.opened_until, OPEN, now):
        return health  # sent before it opened: neither news nor a reason to wait longer
    failures = health.failures + 1
    if failures < FAILURES_TO_OPEN:
        return replace(health, failures=failures)
    return replace(health, failures=failures, opened_until=now + OPEN, probing_since=None)


def _answered(health: Health, now: datetime) -> Health:
    if health.opened_until and _is_ahead(health.opened_until, OPEN, now):
        return health
    return replace(health, failures=0, opened_until=None, probing_since=None)


def _metered(health: Health, meter: Meter, now: datetime) -> Health:
    if meter.remaining is None:
        return health
    bucket = cap(Bucket(health.tokens, health.refilled_at), meter.remaining)
    health = replace(health, tokens=bucket.tokens)
    if meter.remaining > 0 or meter.reset_at is None or meter.reset_at <= now:
        return health
    return _paused(health, meter.reset_at)


def _paused(health: Health, until: datetime) -> Health:
    return replace(health, not_before=max(until, health.not_before or until))
