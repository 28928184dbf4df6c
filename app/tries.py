"""What one sending to a provider came to, and when another is worth it. Pure."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from app import lenient
from app.failure import NO_MATTER_OF_LUCK, in_words
from app.provider import (
    RETRYABLE_STATUSES,
    Answer,
    Finding,
    Meter,
    Outcome,
    Provider,
    Request,
)

TRIES = 4
BACK_OFF_S = (1.0, 4.0, 16.0)  # before the second, third and fourth try

RETRYABLE_OUTCOMES = frozenset({Outcome.rate_limited, Outcome.pending})


@dataclass(frozen=True, slots=True)
class Try:
    """What one sending came to. `outcome` None: the answer is to be read.

    `retry_at` is when the queue may bring the job back, None = do not.
    """

    answer: Answer
    outcome: Outcome | None
    meter: Meter
    detail: str
    retry_at: datetime | None = None

    @property
    def is_worth_repeating(self) -> bool:
        """Tell whether the same request may well be answered another time."""
        if self.outcome in RETRYABLE_OUTCOMES:
            return True
        if self.outcome is not Outcome.provider_error:
            return False
        if self.answer.failure:
            return self.answer.failure not in NO_MATTER_OF_LUCK
        return self.answer.status in RETRYABLE_STATUSES

    @property
    def asked_for(self) -> datetime | None:
        """Return when the provider wants to be asked again, None when it does not say."""
        header = self.answer.headers.get("retry-after")
        return self.meter.retry_at or lenient.retry_after(header, self.answer.at)

    def put_off(self, until: datetime | None) -> "Try":
        """Leave the next try to the queue."""
        return replace(self, retry_at=until)

    def finding(self) -> Finding:
        """Return what the exchange ends with; only for a try that is not to be read."""
        assert self.outcome is not None
        retry_at = self.retry_at or (self.asked_for if self.is_worth_repeating else None)
        return Finding(self.outcome, (), self.detail, self.meter.credits_spent, retry_at)


def judged(provider: Provider, request: Request, answer: Answer) -> Try:
    """Say what an answer means at this provider; one that never came is a provider error."""
    if answer.failure:
        words = in_words(answer.failure, request.timeout_s, request.max_bytes)
        return Try(answer, Outcome.provider_error, Meter(), words)
    detail = f"{provider.name} answered {answer.status}"
    return Try(answer, provider.judge(answer), provider.meter(answer), detail)


def wait_s(last: Try, number: int, now: datetime, spread: float) -> float:
    """Return the wait after the `number`-th try in s: as asked for, else the next back-off.

    `spread` is a factor around 1, so that those who failed together do not return together.
    """
    if last.asked_for is not None:
        return max(0.0, (last.asked_for - now).total_seconds())
    return BACK_OFF_S[min(number, len(BACK_OFF_S)) - 1] * spread


def later(now: datetime, seconds: float) -> datetime:
    """Return the time that many seconds from now."""
    return now + timedelta(seconds=seconds)
