"""Sends an event to the caller's webhook URL, signed, once: the engine decides about more tries.

Standard Webhooks 1.0.0: 2xx is success, 3xx a failure (never followed), 410 ends the endpoint,
and a busy receiver's Retry-After is kept (facts/crm.md section 10, read 2026-11-21).
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from time import perf_counter
from typing import ClassVar

from standardwebhooks import Webhook

from app.delivery import BACK_OFF_S, Delivery, Receipt
from app.errors import DeliveryFailed
from app.provider import Answer, Request
from integrations.callback.render import payload

TIMEOUT_S = 20.0
MAX_ANSWER = 64_000  # bytes read of the receiver's answer
KEPT_ANSWER = 1_000  # bytes of it that are shown to whoever registered the address
ACCEPTED = range(200, 300)
BUSY = frozenset({429, 502, 503, 504})

Call = Callable[[Request], Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class CallbackChannel:
    """The callers' own URLs. `call` dials guarded: no redirects, no private addresses."""

    call: Call

    name: ClassVar[str] = "callback"
    back_off_s: ClassVar[Sequence[float]] = BACK_OFF_S

    async def deliver(self, delivery: Delivery, now: datetime) -> Receipt:
        """Send it once; `now` is the time of this try. Raises DeliveryFailed."""
        started = perf_counter()
        answer = await self.call(posted(delivery, payload(delivery, now), now))
        return receipt(answer, round(1000 * (perf_counter() - started)), now)


def posted(delivery: Delivery, body: bytes, now: datetime) -> Request:
    """Return the request of one try: guarded and signed."""
    return Request(
        "POST",
        delivery.address.target,
        headers=signed(delivery.id, body, delivery.secrets, now),
        content=body,
        guarded=True,
        timeout_s=TIMEOUT_S,
        max_bytes=MAX_ANSWER,
    )


def signed(
    event_id: str, body: bytes, secrets: tuple[str, ...], now: datetime
) -> Mapping[str, str]:
    """Return the headers of one try: one signature for each secret, the newest first."""
    # standardwebhooks 1.1.0 replaces the time zone instead of converting: give it UTC.
    at, text = now.astimezone(UTC), body.decode()
    return {
        "Content-Type": "application/json",
        "User-Agent": "Warmcall-Callback/1",
        "webhook-id": event_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(Webhook(one).sign(event_id, at, text) for one in secrets),
    }


def receipt(answer: Answer, elapsed_ms: int, now: datetime) -> Receipt:
    """Return what became of a try. Raises DeliveryFailed."""
    kept = answer.body[:KEPT_ANSWER].decode("utf-8", "replace")
    if answer.status in ACCEPTED and not answer.failure:
        return Receipt(answer.status, elapsed_ms, kept)
    is_gone = answer.status == HTTPStatus.GONE
    raise DeliveryFailed(
        _reason(answer),
        retry_after_s=retry_after_s(answer, now),
        final=is_gone,
        gone=is_gone,
        status=answer.status,
        answer=kept,
    )


def _reason(answer: Answer) -> str:
    # A blocked and an unreachable address read the same: no map of the inner network leaks.
    if answer.failure or not answer.status:
        return "The address could not be reached."
    if answer.status == HTTPStatus.GONE:
        return "The receiver answered 410 Gone: nothing more is sent to this address."
    if answer.status in range(300, 400):
        return f"The receiver answered {answer.status}; a callback follows no redirect."
    return f"The receiver answered {answer.status}."


def retry_after_s(answer: Answer, now: datetime) -> float | None:
    """Return how long a busy receiver asked us to wait, in seconds, None when it did not say."""
    text = answer.headers.get("retry-after", "").strip()
    if answer.status not in BUSY or not text:
        return None
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return None
    return max(0.0, (at.replace(tzinfo=at.tzinfo or UTC) - now).total_seconds())
