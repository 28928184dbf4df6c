"""The contract between the engine and everything that knows facts.

A provider does no I/O. `look_up` is a generator: it yields lists of requests, is sent the list of
answers in the same order, and returns a Finding. httpx' `auth_flow` is the precedent. Expected
outcomes are values, never exceptions (facts/providers/INDEX.md section 9, read 2026-11-21).
"""

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol, TypeAlias, TypeVar

import orjson
from pydantic import BaseModel, ValidationError

from app.facts import Fact
from app.prospect import By, Identifiers

M = TypeVar("M", bound=BaseModel)


class Outcome(StrEnum):
    """How asking a provider ended. Part of the wire contract."""

    matched = "matched"
    not_found = "not_found"
    pending = "pending"  # the provider is still working: ask again at `retry_at`
    rate_limited = "rate_limited"
    out_of_credits = "out_of_credits"
    auth_failed = "auth_failed"
    forbidden = "forbidden"  # the plan or the key's scope does not allow it
    suppressed = "suppressed"  # the person asked not to be processed: nobody else is asked either
    invalid_input = "invalid_input"
    provider_error = "provider_error"
    skipped = "skipped"  # not asked: breaker open, budget spent, disabled


SETTLED = frozenset({Outcome.matched, Outcome.not_found, Outcome.suppressed, Outcome.invalid_input})
"""Outcomes that are an answer: remembered for 24 h and never asked for again in that time."""


@dataclass(frozen=True, slots=True)
class Request:
    """One thing an adapter wants from outside.

    `url` is http(s), or `dns:NAME?type=MX` (RFC 4501): its answer is a JSON list of strings.
    Secrets travel in `headers` or `json`, never in the URL; neither shows in `repr`.
    `guarded` is set for every host that a user or a record named (SSRF, see app/guard.py); a
    guarded request never fails the exchange: its Answer carries `failure`.
    `accept` lists the content types worth reading, empty = any. Times in seconds, sizes in bytes
    after decompression. A guarded request is sent `after_s` seconds after it was yielded: the
    pause that a site asks for (Crawl-delay).
    """

    method: str
    url: str
    params: Mapping[str, str] = field(default_factory=dict, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    json: Mapping[str, object] | None = field(default=None, repr=False)
    content: bytes | None = field(default=None, repr=False)
    guarded: bool = False
    accept: tuple[str, ...] = ()
    timeout_s: float = 15.0
    max_bytes: int = 1_500_000
    after_s: float = 0.0


class Unreadable(Exception):
    """A 2xx answer is not in the documented shape; the waterfall records provider_error."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. `headers` has lower-case names; `url` is the last one after redirects.

    `failure` names why nothing readable came (guarded and dns requests only): dns_nxdomain,
    dns_no_answer, dns_error, connect, tls, timeout, blocked_address, too_large, wrong_type,
    too_many_redirects, protocol. `status` is 0 then.
    """

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    url: str
    at: datetime
    failure: str | None = None

    def json(self) -> object:
        """Return the body as JSON. Raises Unreadable when it is not."""
        try:
            return orjson.loads(self.body)
        except ValueError as exc:
            raise Unreadable(f"status {self.status} with a body that is not JSON") from exc

    def read(self, model: type[M]) -> M:
        """Return the body as `model`. Raises Unreadable when it does not fit."""
        try:
            return model.model_validate(self.json())
        except ValidationError as exc:
            where = ", ".join(".".join(map(str, e["loc"])) or "body" for e in exc.errors()[:3])
            raise Unreadable(f"status {self.status} with an undocumented shape at {where}") from exc


@dataclass(frozen=True, slots=True)
class Finding:
    """What an exchange came to.

    `credits` is what the provider says it charged (all requests of the exchange), None when it
    does not say: then the capability's price is booked for a match. `detail` is one plain line
    for operators: no identifier of a person, no key, no text of the provider.
    """

    outcome: Outcome
    facts: tuple[Fact, ...] = ()
    detail: str = ""
    credits: float | None = None
    retry_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Meter:
    """What an answer's headers say about limits; None = not said.

    `remaining` calls until `reset_at`; `retry_at` is when the provider wants to be asked again;
    `credits_spent` by this call, `credits_left` on the account.
    """

    limit: int | None = None
    remaining: int | None = None
    reset_at: datetime | None = None
    retry_at: datetime | None = None
    credits_spent: float | None = None
    credits_left: float | None = None


Exchange: TypeAlias = Generator[list[Request], list[Answer], Finding]


@dataclass(frozen=True, slots=True)
class Capability:
    """One thing a provider can do: from which identifiers, to which fields, at what price.

    `accepts` lists sets of identifiers, best first; one complete set is enough, and `look_up` is
    given exactly that set. `credits` is the price of a match (a miss is free everywhere).
    """

    name: str  # person, company, people, site, dns
    accepts: tuple[frozenset[By], ...]
    fields: frozenset[str]
    credits: float = 0.0

    def query(self, known: Identifiers) -> Identifiers | None:
        """Return the identifiers to ask with, or None when none of the sets is complete."""
        given = known.given()
        for kinds in self.accepts:
            if kinds <= given:
                return known.only(kinds)
        return None


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast a provider may be asked: the token bucket and the bulkhead."""

    per_s: float = 10.0
    burst: int = 10
    at_once: int = 8


class Provider(Protocol):
    """Where facts come from. Frozen, no I/O, no clock; the key never shows in `repr`."""

    @property
    def name(self) -> str: ...
    @property
    def capabilities(self) -> tuple[Capability, ...]: ...
    @property
    def pace(self) -> Pace: ...
    @property
    def sandbox(self) -> bool:
        """Whether it answers only for the reserved `.example` domains (and nobody else does)."""

    def judge(self, answer: Answer) -> Outcome | None:
        """Say what this status means at this provider; None = read the body."""

    def meter(self, answer: Answer) -> Meter:
        """Read the provider's own limit and credit headers."""

    def look_up(self, capability: Capability, query: Identifiers) -> Exchange:
        """Yield requests, be sent their answers, return the finding.

        Only answers for which `judge` said None are sent in; any other outcome ends the exchange.
        May raise Unreadable, nothing else.
        """


STATUSES: Mapping[int, Outcome] = {
    400: Outcome.invalid_input,
    401: Outcome.auth_failed,
    402: Outcome.out_of_credits,
    403: Outcome.forbidden,
    404: Outcome.not_found,
    422: Outcome.invalid_input,
    429: Outcome.rate_limited,
    451: Outcome.suppressed,
}
"""The usual meaning of a status; an adapter overrides what its provider means differently."""


def judged(status: int, overrides: Mapping[int, Outcome] | None = None) -> Outcome | None:
    """Return what a status means, `overrides` first; None for a 2xx that is to be read."""
    table = {**STATUSES, **(overrides or {})}
    if status in table:
        return table[status]
    return None if 200 <= status < 300 else Outcome.provider_error


RETRYABLE_STATUSES = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Statuses worth asking again at once or soon, beside those an adapter calls rate_limited."""


class Ended(Exception):
    """Raised by whoever sends requests, to end the exchange with this finding."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.outcome.value)
        self.finding = finding


class Offline(Provider, Protocol):
    """A provider that answers its own requests, without a network (the sandbox)."""

    def respond(self, request: Request, tries: int, now: datetime) -> tuple[Answer, float]:
        """Return the answer to the `tries`-th (from 1) sending and the delay before it, in s."""
