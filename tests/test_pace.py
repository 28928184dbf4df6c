"""The token bucket: how fast calls may go out, over any length of time."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from app.pace import Bucket, Limit, cap, refill, take
from app.provider import Pace

NOW = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
PACE = Pace(per_s=2.0, burst=3)


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def test_a_new_bucket_is_full() -> None:
    assert refill(Bucket(), PACE, NOW) == Bucket(3.0, NOW)


def test_a_burst_passes_at_once_and_the_next_waits_for_its_token() -> None:
    bucket = Bucket()
    waits = []
    for _ in range(4):
        bucket, wait_s = take(bucket, PACE, NOW)
        waits.append(wait_s)
    assert waits == [0.0, 0.0, 0.0, 0.5]


def test_who_waited_as_told_is_served() -> None:
    bucket, wait_s = take(Bucket(0.25, NOW), PACE, NOW)
    assert wait_s == 0.375
    bucket, wait_s = take(bucket, PACE, after(wait_s))
    assert (bucket.tokens, wait_s) == (0.0, 0.0)


def test_a_refused_call_takes_nothing() -> None:
    bucket, _ = take(Bucket(0.5, NOW), PACE, NOW)
    assert bucket.tokens == 0.5


def test_a_bucket_never_holds_more_than_a_burst() -> None:
    assert refill(Bucket(0.0, NOW), PACE, after(3600)).tokens == 3.0


def test_a_clock_that_is_behind_neither_adds_nor_takes() -> None:
    assert refill(Bucket(1.0, after(30)), PACE, NOW) == Bucket(1.0, after(30))


def test_a_bucket_holds_no_more_than_the_provider_says_is_left() -> None:
    assert cap(Bucket(3.0, NOW), 1).tokens == 1.0
    assert cap(Bucket(0.5, NOW), 9).tokens == 0.5
    assert cap(Bucket(), 1) == Bucket()


@given(st.lists(st.floats(0, 5), max_size=60))
def test_no_stretch_of_time_sees_more_than_burst_plus_rate(steps: list[float]) -> None:
    bucket, at, passed = Bucket(), 0.0, 0
    for step in steps:
        at += step
        bucket, wait_s = take(bucket, PACE, after(at))
        passed += not wait_s
    assert passed <= PACE.burst + PACE.per_s * at + 1e-3


def test_a_plan_sets_the_pace_of_its_provider_and_leaves_what_it_does_not_name() -> None:
    own = Pace(per_s=5.0, burst=10, at_once=8)
    assert Limit("hunter", 600).on(own) == Pace(per_s=10.0, burst=20, at_once=8)
    assert Limit("hunter", 600, 50).on(own) == Pace(per_s=10.0, burst=20, at_once=50)


def test_a_plan_of_a_call_a_minute_lets_one_call_go_at_once() -> None:
    slow = Limit("hunter", 1).on(Pace())
    bucket, wait_s = take(Bucket(), slow, NOW)
    assert (wait_s, bucket.tokens) == (0.0, 0.0)
    assert take(bucket, slow, NOW)[1] == 60.0
