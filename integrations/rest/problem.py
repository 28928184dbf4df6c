"""What goes wrong on this surface, as RFC 9457 problems: one table from code to status."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import ceil

from app.errors import (
    BadField,
    DeliveryPutOff,
    InvalidRequest,
    QuotaExceeded,
    TooManyRequests,
    WarmcallError,
)
from app.facts import Json

MEDIA_TYPE = "application/problem+json"

QUOTA_TYPE = "https://iana.org/assignments/http-problem-types#quota-exceeded"
"""The registered type of draft-ietf-httpapi-ratelimit-headers (crm.md 11, read 2026-11-21)."""


@dataclass(frozen=True, slots=True)
class Kind:
    """How one code is shown: the HTTP status and a title that never changes."""

    status: int
    title: str


KINDS: Mapping[str, Kind] = {
    # the core's errors; tests/surfaces/test_rest.py checks that none is missing
    "error": Kind(500, "Something went wrong"),
    "invalid_prospect": Kind(422, "Nobody we can look up"),
    "invalid_request": Kind(422, "The request is not valid"),
    "disposable_address": Kind(422, "A throw-away mailbox"),
    "unauthorized": Kind(401, "No valid API key"),
    "forbidden": Kind(403, "The API key may not do this"),
    "not_found": Kind(404, "Not found"),
    "conflict": Kind(409, "The state does not allow this"),
    "idempotency_mismatch": Kind(422, "Idempotency-Key used with another body"),
    "quota_exceeded": Kind(429, "The monthly allowance is used up"),
    "too_many_requests": Kind(429, "Too many requests"),
    "suppressed": Kind(451, "On the do-not-enrich list"),
    "bad_settings": Kind(500, "The service is not set up"),
    "blocked_address": Kind(422, "An address we do not call"),
    "delivery_failed": Kind(502, "The delivery failed"),
    "delivery_put_off": Kind(503, "The delivery waits for its turn"),
    # this surface's own
    "bad_request": Kind(400, "The request cannot be read"),
    "invalid_json": Kind(400, "The body is not JSON"),
    "method_not_allowed": Kind(405, "Method not allowed"),
    "request_timeout": Kind(408, "The request came too slowly"),
    "body_too_large": Kind(413, "The body is too large"),
    "unsupported_media_type": Kind(415, "The body must be JSON"),
    "headers_too_large": Kind(431, "The header fields are too large"),
    "internal_error": Kind(500, "Something went wrong here"),
    "not_ready": Kind(503, "Not ready"),
}

RETRY_S = 5
"""When to come back after a request that the database could not take, in seconds."""

OF_STATUS: Mapping[int, str] = {
    404: "not_found",
    405: "method_not_allowed",
    413: "body_too_large",
    415: "unsupported_media_type",
}
"""The code of a problem that the web framework found."""


class Problem(Exception):
    """A request that is answered with a problem; `errors` lists every bad field."""

    def __init__(self, code: str, detail: str, errors: Sequence[BadField] = ()) -> None:
        super().__init__(detail)
        self.code = code
        self.errors = tuple(errors)


def problem(code: str, detail: str, errors: Sequence[BadField] = ()) -> dict[str, Json]:
    """Return the members of a problem. `code` is stable, `detail` is for people."""
    kind = KINDS[code]
    body: dict[str, Json] = {
        "type": QUOTA_TYPE if code == "quota_exceeded" else f"urn:warmcall:problem:{code}",
        "title": kind.title,
        "status": kind.status,
        "detail": detail,
        "code": code,
    }
    if errors:
        body["errors"] = [{"name": error.name, "message": error.message} for error in errors]
    return body


def of_error(exc: WarmcallError | Problem) -> dict[str, Json]:
    """Return the problem that an error of the core, or of this surface, is shown as."""
    errors = exc.errors if isinstance(exc, Problem) else ()
    if isinstance(exc, InvalidRequest):
        errors = exc.fields
    body = problem(exc.code, str(exc), errors)
    if isinstance(exc, QuotaExceeded):
        body["violated-policies"] = ["monthly"]
        body["limit"] = exc.limit
        body["resets_at"] = exc.resets_at.isoformat().replace("+00:00", "Z")
    return body


def headers_of(exc: WarmcallError | Problem, now: datetime) -> dict[str, str]:
    """Return the header fields that belong to this error."""
    if isinstance(exc, QuotaExceeded):
        wait_s = max(1, ceil((exc.resets_at - now).total_seconds()))
        return {"Retry-After": str(wait_s), **rate_limit(exc.limit, 0, exc.resets_at, now)}
    if isinstance(exc, TooManyRequests):
        return {"Retry-After": str(max(1, ceil(exc.retry_after_s)))}
    if isinstance(exc, DeliveryPutOff):
        return {"Retry-After": str(max(1, ceil(exc.wait_s)))}
    if exc.code == "not_ready":
        return {"Retry-After": str(RETRY_S)}
    if exc.code == "unauthorized":
        return {"WWW-Authenticate": 'Bearer realm="warmcall"'}
    return {}


def rate_limit(quota: int, remaining: int, resets_at: datetime, now: datetime) -> dict[str, str]:
    """Return the RateLimit fields for a monthly allowance that starts again at `resets_at`.

    Structured fields of draft-ietf-httpapi-ratelimit-headers, state 2025-09 (facts/crm.md
    section 11, read 2026-11-21): `t` and `w` are seconds, `w` the length of this month.
    """
    left_s = max(0, ceil((resets_at - now).total_seconds()))
    # Allowances start again on the first of a month: the day before has the month's length.
    month_s = 86_400 * (resets_at.toordinal() - _first_of_month_before(resets_at).toordinal())
    return {
        "RateLimit-Policy": f'"monthly";q={quota};w={month_s}',
        "RateLimit": f'"monthly";r={remaining};t={left_s}',
    }


def _first_of_month_before(first: datetime) -> datetime:
    if first.month == 1:
        return first.replace(year=first.year - 1, month=12)
    return first.replace(month=first.month - 1)
