"""Answers that may be said again as they were: to the same question, while nothing has changed."""

from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass
from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import Response

from app.intake import Caller, JobView, UsageView
from integrations.rest.schema import EnrichBody

ROOM = 32_000_000
"""Bytes of answers that a process remembers."""

NEVER = datetime.max.replace(tzinfo=UTC)

FIELDS = frozenset({b"content-type", b"prefer", b"if-none-match"})
"""Header fields that an answer depends on, beside the API key."""

Question = tuple[object, ...]
"""All that an answer depends on but the database and the time."""


@dataclass(frozen=True, slots=True)
class Said:
    """One answer, without the RateLimit fields that follow from `usage` and the time.

    From `until` on the question is asked anew: the card is then no longer fresh.
    """

    response: Response
    outcome: str
    job_id: str
    until: datetime
    usage: UsageView | None = None

    @property
    def size(self) -> int:
        """Return about how many bytes it takes to remember this."""
        return 4 * len(self.response.body) + 4_000

    def again(self, limits: Mapping[str, str]) -> Response:
        """Return the answer with RateLimit fields as of now."""
        if not limits:
            return self.response
        response = copy(self.response)
        more = [(name.lower().encode(), value.encode()) for name, value in limits.items()]
        response.raw_headers = [*self.response.raw_headers, *more]
        return response


def question(request: Request, caller: Caller, raw: bytes = b"") -> Question | None:
    """Return what is asked, in a form to look it up by; None when the answer is for once only."""
    if "idempotency-key" in request.headers:
        return None
    fields = [pair for pair in request.scope["headers"] if pair[0] in FIELDS]
    return (caller.id, request.method, request.scope["path"], tuple(fields), raw)


def fresh_until(body: EnrichBody, view: JobView) -> datetime | None:
    """Return until when a cached card is the answer to this body; None when it is no such answer.

    A callback is sent for each request, and `needed_by` is checked against the time.
    """
    if view.served_from != "fresh_cache" or body.notify or body.needed_by or not view.is_final:
        return None
    return view.fresh_until
