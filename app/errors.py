"""Every error this service raises on purpose.

    WarmcallError
    +- InvalidProspect     the caller sent something we cannot look up
    +- InvalidRequest      the caller sent a request we cannot read; `fields` names each bad part
    +- DisposableAddress   a throw-away mailbox: nobody to prepare a call with
    +- Unauthorized        no API key, or one that is not (or no longer) valid
    +- Forbidden           the key is valid and lacks the scope
    +- NotFound            no such job, delivery or caller
    +- Conflict            the state of the thing does not allow the request
    +- IdempotencyMismatch the same Idempotency-Key came with another body
    +- QuotaExceeded       the caller's monthly allowance is spent
    +- TooManyRequests     the caller asks faster than it may
    +- Suppressed          this person or company must not be looked up
    +- BadSettings         the environment is not usable; lists every bad setting
    +- NotReady            the service cannot answer now, such as without its database
    +- Blocked             the guard refuses to dial this address
    +- DeliveryFailed      an outbox row could not be delivered now
    +- DeliveryPutOff      an outbox row may not be delivered yet: nothing has failed

A miss is not an error, and neither is any expected answer of a provider: see app/provider.py.
No error carries an HTTP status: each surface owns a table from `code` to its own form.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime


class WarmcallError(Exception):
    """Base of all errors above; `code` is part of the wire contract, the message is for people."""

    code = "error"


class InvalidProspect(WarmcallError):
    """The text names nobody we can look up; the message says what is accepted."""

    code = "invalid_prospect"


class DisposableAddress(InvalidProspect):
    """The address belongs to a throw-away mailbox service."""

    code = "disposable_address"


@dataclass(frozen=True, slots=True)
class BadField:
    """One bad part of a request: where it stands (`a.b`) and what was wrong with it."""

    name: str
    message: str


class InvalidRequest(WarmcallError):
    """The request cannot be read; `fields` lists every bad part."""

    code = "invalid_request"

    def __init__(self, message: str, fields: Sequence[BadField] = ()) -> None:
        super().__init__(message)
        self.fields = tuple(fields)


class Unauthorized(WarmcallError):
    """No valid API key came with the request."""

    code = "unauthorized"


class Forbidden(WarmcallError):
    """The API key lacks the scope that the request needs."""

    code = "forbidden"


class NotFound(WarmcallError):
    """There is no such thing, or the caller may not know of it."""

    code = "not_found"


class Conflict(WarmcallError):
    """The thing is not in a state that allows the request."""

    code = "conflict"


class IdempotencyMismatch(WarmcallError):
    """The same Idempotency-Key was used with another body in the last 24 h."""

    code = "idempotency_mismatch"


class QuotaExceeded(WarmcallError):
    """The monthly allowance of `limit` enrichments is used; it starts again at `resets_at`."""

    code = "quota_exceeded"

    def __init__(self, limit: int, resets_at: datetime) -> None:
        super().__init__(
            f"The monthly allowance of {limit} enrichments is used up. "
            f"It starts again at {resets_at:%Y-%m-%d %H:%M} UTC; "
            "an operator can raise it with `warmcall keys create --quota`."
        )
        self.limit = limit
        self.resets_at = resets_at


class TooManyRequests(WarmcallError):
    """The caller asks faster than it may; the next request is welcome after `retry_after_s`."""

    code = "too_many_requests"

    def __init__(self, message: str, retry_after_s: float) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class Suppressed(WarmcallError):
    """The person or company is on the do-not-enrich list."""

    code = "suppressed"


class BadSettings(WarmcallError):
    """The environment is not usable; the message lists every bad setting in one line."""

    code = "bad_settings"


class NotReady(WarmcallError):
    """The service cannot answer now; the message says what it waits for."""

    code = "not_ready"


class Blocked(WarmcallError):
    """The guard refuses to dial this address."""

    code = "blocked_address"


class DeliveryFailed(WarmcallError):
    """A delivery was not accepted.

    `status` is the receiver's, 0 when none came, `answer` the first 1 kB of what it said;
    `retry_after_s` what it asked for. `final` means that no retry can help this delivery, `gone`
    that the address wants no delivery at all (410), `undone` that it has not even been seen there.
    `word` is the receiver's own for why, empty when it has none.
    """

    code = "delivery_failed"

    def __init__(
        self,
        message: str,
        *,
        retry_after_s: float | None = None,
        final: bool = False,
        gone: bool = False,
        undone: bool = False,
        status: int = 0,
        answer: str = "",
        word: str = "",
    ) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s
        self.final = final
        self.gone = gone
        self.undone = undone
        self.word = word
        self.status = status
        self.answer = answer


class DeliveryPutOff(WarmcallError):
    """A delivery has to wait for `wait_s` seconds, such as for its turn; it counts as no try.

    `is_patient` means that it may wait for days: a limit of a day, a token to be renewed.
    """

    code = "delivery_put_off"

    def __init__(self, message: str, wait_s: float, *, is_patient: bool = False) -> None:
        super().__init__(message)
        self.wait_s = wait_s
        self.is_patient = is_patient
