"""The breaker: when a provider is asked, paused, skipped, tried again."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from app.breaker import Admission, Health, admit, is_news, report
from app.provider import Meter, Outcome, Pace

NOW = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
PACE = Pace(per_s=10.0, burst=100)
SAYS_NOTHING = Meter()


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def failing(health: Health, times: int, at: datetime = NOW) -> Health:
    for _ in range(times):
        health = report(health, Outcome.provider_error, SAYS_NOTHING, at)
    return health


def admission(health: Health, at: datetime = NOW) -> Admission:
    return admit(health, PACE, at)[1]


def test_a_healthy_provider_is_asked() -> None:
    assert admission(Health()) == Admission("go")


def test_four_failures_do_not_open_it_and_the_fifth_does() -> None:
    assert admission(failing(Health(), 4)).kind == "go"
    told = admission(failing(Health(), 5))
    assert told == Admission("skip", until=after(60), reason="breaker open")


def test_an_answer_between_failures_starts_the_count_anew() -> None:
    health = report(failing(Health(), 4), None, SAYS_NOTHING, NOW)
    assert admission(failing(health, 4)).kind == "go"


@pytest.mark.parametrize(
    "outcome", [one for one in Outcome if one is not Outcome.provider_error], ids=str
)
def test_only_a_provider_error_is_a_failure(outcome: Outcome) -> None:
    health = Health()
    for _ in range(9):
        health = report(health, outcome, SAYS_NOTHING, NOW)
    assert (health.failures, health.opened_until) == (0, None)


def test_after_a_minute_exactly_one_probe_goes() -> None:
    opened = failing(Health(), 5)
    assert admission(opened, after(59.9)).kind == "skip"
    probing, first = admit(opened, PACE, after(60))
    second = admission(probing, after(61))
    assert (first.kind, second.kind, second.until) == ("go", "skip", after(120))


def test_a_probe_that_is_answered_closes_it() -> None:
    probing, _ = admit(failing(Health(), 5), PACE, after(60))
    closed = report(probing, Outcome.not_found, SAYS_NOTHING, after(61))
    assert admission(closed, after(61)).kind == "go"
    assert (closed.failures, closed.opened_until, closed.probing_since) == (0, None, None)


def test_a_probe_that_fails_opens_it_for_another_minute() -> None:
    probing, _ = admit(failing(Health(), 5), PACE, after(60))
    opened = failing(probing, 1, after(65))
    assert admission(opened, after(124)).until == after(125)
    assert admission(opened, after(125)).kind == "go"


def test_a_lost_probe_gives_its_place_to_another_after_a_minute() -> None:
    probing, _ = admit(failing(Health(), 5), PACE, after(60))
    assert admission(probing, after(119)).kind == "skip"
    assert admission(probing, after(120)).kind == "go"


def test_what_was_under_way_when_it_opened_changes_nothing() -> None:
    opened = failing(Health(), 5)
    assert report(opened, None, SAYS_NOTHING, after(10)) == opened
    assert failing(opened, 3, after(10)) == opened


def test_an_empty_bucket_says_how_long_to_wait() -> None:
    pace = Pace(per_s=4.0, burst=1)
    health, first = admit(Health(), pace, NOW)
    health, second = admit(health, pace, NOW)
    assert (first.kind, second.kind, second.wait_s) == ("go", "wait", 0.25)
    assert admit(health, pace, after(0.25))[1].kind == "go"


def test_a_wait_for_a_token_does_not_use_up_the_probe() -> None:
    pace = Pace(per_s=1.0, burst=1)
    opened = replace(failing(Health(), 5), tokens=0.0, refilled_at=after(60))
    health, told = admit(opened, pace, after(60))
    assert (told.kind, health.probing_since) == ("wait", None)


def test_a_refusal_holds_everybody_back_until_the_named_time() -> None:
    health = report(Health(), Outcome.rate_limited, Meter(retry_at=after(30)), NOW)
    told = admission(health, after(10))
    assert (told.kind, told.wait_s, told.until) == ("wait", 20.0, after(30))
    assert admission(health, after(30)).kind == "go"


def test_a_refusal_without_a_time_holds_everybody_back_for_a_second() -> None:
    health = report(Health(), Outcome.rate_limited, SAYS_NOTHING, NOW)
    assert (admission(health).wait_s, admission(health, after(1)).kind) == (1.0, "go")


def test_a_pause_of_more_than_two_minutes_skips_the_provider() -> None:
    short = report(Health(), Outcome.rate_limited, Meter(retry_at=after(120)), NOW)
    long = report(Health(), Outcome.rate_limited, Meter(retry_at=after(121)), NOW)
    assert admission(short).kind == "wait"
    assert (admission(long).kind, admission(long).until) == ("skip", after(121))


def test_a_shorter_pause_does_not_end_a_longer_one() -> None:
    health = report(Health(), Outcome.rate_limited, Meter(retry_at=after(60)), NOW)
    health = report(health, Outcome.rate_limited, Meter(retry_at=after(5)), NOW)
    assert health.not_before == after(60)


def test_an_emptied_window_is_waited_for_before_anything_is_refused() -> None:
    health = report(Health(), None, Meter(remaining=0, reset_at=after(20)), NOW)
    assert (admission(health).kind, admission(health).wait_s) == ("wait", 20.0)


@pytest.mark.parametrize(
    "meter",
    [
        Meter(remaining=5, reset_at=after(20)),
        Meter(remaining=0, reset_at=after(-1)),
        Meter(remaining=0),
        Meter(reset_at=after(20)),
    ],
)
def test_a_window_that_is_not_used_up_or_over_is_no_pause(meter: Meter) -> None:
    assert report(Health(), None, meter, NOW).not_before is None


def test_the_bucket_is_fed_by_what_the_provider_says_is_left() -> None:
    health, _ = admit(Health(), PACE, NOW)
    health = report(health, None, Meter(remaining=1), NOW)
    health, first = admit(health, PACE, NOW)
    assert (first.kind, admission(health).kind) == ("go", "wait")


@pytest.mark.parametrize("outcome", [Outcome.auth_failed, Outcome.out_of_credits], ids=str)
def test_a_refused_key_or_an_empty_account_disables_it_for_a_quarter_of_an_hour(
    outcome: Outcome,
) -> None:
    health = report(Health(), outcome, SAYS_NOTHING, NOW)
    told = admission(health, after(899))
    assert (told.kind, told.until, told.reason) == (
        "skip",
        after(900),
        f"disabled after {outcome.value}",
    )
    assert admission(health, after(900)).kind == "go"


def test_an_answer_is_news_when_fewer_calls_are_left_than_would_be_let_out() -> None:
    pace = Pace(per_s=1, burst=10, at_once=10)
    health, _ = admit(Health(), pace, NOW, 6)  # four more may go now, one more each second

    def is_told(remaining: int | None, seconds: float = 0) -> bool:
        return is_news(health, None, Meter(remaining=remaining), pace, after(seconds))

    assert [is_told(None), is_told(4), is_told(3), is_told(0)] == [False, False, True, True]
    assert [is_told(5, seconds=1), is_told(4, seconds=1)] == [False, True]
    assert [is_told(10, seconds=60), is_told(9, seconds=60)] == [False, True]
