"""What surfaces see: callers, jobs, plans, deliveries and health as plain values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from app.assembly import FAILED, Assembled
from app.breaker import Health
from app.card import Card
from app.delivery import Address
from app.facts import FIELDS, Fact, Json, Section
from app.job import Priority, Status
from app.prospect import Prospect
from app.provider import Outcome, Provider
from app.sheet import Sheet
from app.wire import iso

UNLIMITED = -1

FACT = tuple(one.name for one in fields(Fact))

SCOPES = frozenset({"read", "write", "spend"})
"""What a key may do: look, change (cancel, replay, erase), and spend (enrich, refresh)."""


ANSWERS = frozenset({"matched", "not_found", "invalid_input", "suppressed", "skipped"})
"""Outcomes of an attempt that need no explanation to a rep."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: an API key, later also a Slack workspace or a CRM account.

    `quota` is the monthly number of enrichments: None = the default, UNLIMITED = no limit.
    """

    id: str
    name: str
    scopes: frozenset[str]
    quota: int | None = None
    created_at: datetime | None = None
    revoked_at: datetime | None = None
    last_used_at: datetime | None = None
    callback_secret: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One request for a card.

    `sections` None = all that make sense for the prospect. `wanted` narrows to field names.
    `needed_by` bounds the whole job. `max_credits` bounds what it may spend. `reader` is the
    caller's own id of the person who asks, if it has several. Unless it `renews`, a stale card is
    shown without a job behind it that would cost something too.
    """

    prospect: Prospect
    sections: frozenset[Section] | None = None
    wanted: frozenset[str] | None = None
    refresh: bool = False
    needed_by: datetime | None = None
    max_credits: float | None = None
    priority: Priority = Priority.interactive
    notify: tuple[Address, ...] = ()
    reader: str | None = None
    renews: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchOrder:
    """A large batch to be taken in: a file or a list, and the terms of all its asks.

    `max_credits` bounds what all its jobs spend together. Whoever is in `notify` hears of its end,
    who follows it also of its start and of each quarter.
    """

    sheet: Sheet
    sections: frozenset[Section] | None = None
    wanted: frozenset[str] | None = None
    refresh: bool = False
    max_credits: float | None = None
    notify: tuple[Address, ...] = ()


@dataclass(frozen=True, slots=True)
class Idempotency:
    """The caller's Idempotency-Key and a digest of the body it came with; honoured for `lasts`."""

    key: str
    digest: str
    lasts: timedelta = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class AttemptView:
    """One line of the ledger: one provider asked once (or its remembered answer used)."""

    provider: str
    outcome: str
    detail: str
    credits: float
    latency_ms: int
    cached: bool
    section: str
    at: datetime


class Vote(StrEnum):
    """What somebody says of a card."""

    up = "up"  # it helped
    down = "down"


@dataclass(frozen=True, slots=True)
class JobError:
    """Why a job found nothing, for people and programs."""

    code: str
    message: str
    retry_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class JobView:
    """A job as every surface shows it. `card` is the dumped Card. `winners` are fact ids shown."""

    id: str
    status: Status
    version: int
    prospect: Prospect
    sections: Mapping[Section, Status]
    served_from: str  # providers, fresh_cache, stale_cache
    card: Mapping[str, Json] = field(repr=False)
    facts: Sequence[Fact] = field(repr=False)
    winners: frozenset[str]
    attempts: Sequence[AttemptView]
    missing: Sequence[str]
    needs_manual_enrichment: bool
    credits_spent: float
    created_at: datetime
    updated_at: datetime
    finished_at: datetime | None = None
    refresh_job_id: str | None = None
    error: JobError | None = None
    joined: bool = False  # this request joined a job that was already live
    card_token: str = field(default="", repr=False)  # for GET /card/{token}
    fresh_until: datetime | None = None

    @property
    def is_final(self) -> bool:
        """Tell whether the job has ended."""
        return self.finished_at is not None

    @property
    def unheard(self) -> Sequence[AttemptView]:
        """Return the attempts without an answer, of providers that gave none afterwards."""
        last = {(one.section, one.provider): one for one in self.attempts}
        return [one for one in last.values() if one.outcome not in ANSWERS]


@dataclass(frozen=True, slots=True)
class RecentView:
    """A job that one person asked for; `is_undelivered` tells that its card did not arrive."""

    view: JobView
    is_undelivered: bool = False


@dataclass(frozen=True, slots=True)
class BatchRow:
    """One ask of a batch. `position` counts from 0, as the asks were given.

    `problem` says why there is no job: the code of the error (`quota_exceeded`,
    `invalid_request`, `invalid_prospect`), `erased` or `expired` (there was one). A live job's card
    is still empty. `cells` are the row of a file as it was given; a large batch's row that nobody
    has asked for yet has neither job nor problem.
    """

    position: int
    job: JobView | None
    problem: str | None = None
    cells: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class HitRate:
    """How many rows of a batch one provider was asked about, and how many it knew."""

    provider: str
    asked: int
    matched: int


@dataclass(frozen=True, slots=True)
class RunView:
    """How the workers stand with a large batch. `state` is one of app/backlog.py.

    `problems` counts the rows without a job, by why; `mailboxes` the rows with an e-mail address at
    the end, `verified` those of them that a source has checked. `again` rows were asked for once
    more, of which `gained` came to more. `file_token` opens the file, whose header and signs were
    `columns`, `delimiter` and `has_bom`.
    """

    state: str
    version: int
    mailboxes: int
    verified: int
    again: int
    gained: int
    providers: Sequence[HitRate]
    problems: Mapping[str, int]
    columns: tuple[str, ...]
    delimiter: str
    has_bom: bool
    notes: tuple[str, ...]
    max_credits: float | None
    finished_at: datetime | None
    file_token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class BatchView:
    """Many asks at once, and how far they are; the numbers are of the whole batch, `rows` a part.

    `ended` counts rows where nothing more happens, `matched` those with something to show.
    `credits_spent` is of the jobs that the batch started, not of those it joined or found cached.
    """

    id: str
    created_at: datetime
    rows: Sequence[BatchRow]
    matched: int
    ended: int
    total: int
    credits_spent: float
    run: RunView | None = None  # of a large batch

    @property
    def is_final(self) -> bool:
        """Tell whether every row has ended, and none is asked for again."""
        return self.run.state == "ended" if self.run else self.ended >= self.total

    @property
    def match_rate(self) -> float:
        """Return the share of the rows that have something to show, 0..1."""
        return self.matched / max(1, self.total)

    @property
    def verified_rate(self) -> float | None:
        """Return the share of checked addresses among those found; None when none was found."""
        if self.run is None or not self.run.mailboxes:
            return None
        return self.run.verified / self.run.mailboxes


@dataclass(frozen=True, slots=True)
class ChangedView:
    """A job that has changed: its version now, when it changed last, and who may follow it."""

    job_id: str
    version: int
    caller_ids: frozenset[str]
    prospect: Prospect
    is_final: bool
    at: datetime


COMMITTED_WITHIN = timedelta(seconds=5)
"""A change may be seen so much later than its `at`: who follows changes looks back that far."""


@dataclass(frozen=True, slots=True)
class EventView:
    """One change of a job, for server-sent events. `seq` grows within a job."""

    seq: int
    kind: str  # job, section, provider
    data: Mapping[str, Json]
    at: datetime


@dataclass(frozen=True, slots=True)
class Step:
    """One provider that a plan would ask, in order."""

    section: str
    provider: str
    capability: str
    credits: float


@dataclass(frozen=True, slots=True)
class Plan:
    """What a job would do (dry run): nothing is spent. `max_credits` is the most it could cost."""

    prospect: Prospect
    sections: Mapping[Section, str]  # fresh_cache, stale_cache, providers
    steps: Sequence[Step]
    max_credits: float


@dataclass(frozen=True, slots=True)
class ProviderView:
    """One provider for `GET /v1/providers` and `warmcall providers`: today's health and spend."""

    name: str
    configured: bool
    gives: Sequence[str]  # section names
    accepts: Sequence[str]  # identifier sets such as "email" or "company+name"
    state: str  # off, closed, open, half_open, disabled
    until: datetime | None
    reason: str | None
    calls_today: int
    matched_today: int
    failed_today: int
    credits_today: float
    helped: int = 0  # cards with its facts that helped somebody, ever
    not_helped: int = 0


@dataclass(frozen=True, slots=True)
class UsageView:
    """What a caller has used this month (UTC)."""

    month: str  # 2026-11
    quota: int | None  # None = unlimited
    used: int
    remaining: int | None
    credits_spent: float
    resets_at: datetime


@dataclass(frozen=True, slots=True)
class Answered:
    """What a request for a card came to, and what its caller has used then.

    `usage` is None where there is no limit to it.
    """

    view: JobView
    usage: UsageView | None


@dataclass(frozen=True, slots=True)
class TryView:
    """One try of a delivery. `status` is the receiver's, 0 when none came."""

    at: datetime
    status: int
    elapsed_ms: int
    error: str | None
    answer: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class DeliveryView:
    """One row of the outbox. `state`: pending, delivered, failed (no more tries), disabled."""

    id: str
    job_id: str | None
    channel: str
    target: str = field(repr=False)
    event: str
    state: str
    tries: Sequence[TryView]
    next_at: datetime | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class HookView:
    """An address at which a caller is told of an event."""

    id: str
    event: str
    target: str = field(repr=False)
    created_at: datetime


@dataclass(frozen=True, slots=True)
class EndedView:
    """A job that has ended: when, after how many seconds, and how sure its shown facts are."""

    finished_at: datetime
    seconds: float
    confidences: Sequence[float]


@dataclass(frozen=True, slots=True)
class Gauges:
    """Numbers for /metrics and the dashboard that only the store knows, at one moment."""

    queue_depth: int
    jobs: Mapping[str, int]  # status -> jobs under way, and those that ended in the last 24 h
    deliveries_pending: int
    breakers: Mapping[str, str]  # provider -> state
    credits: Mapping[str, float]  # provider -> credits spent, ever
    attempts: Mapping[tuple[str, str], int]  # (provider, outcome) -> count, ever
    latency_s: Mapping[str, float]  # provider -> sum of seconds waited, ever
    workers: int  # alive now


NOTHING_YET = {"card": Card().model_dump(mode="json", exclude_none=True)}
"""What a job has come to before anybody was asked."""

NEEDS_A_HUMAN = frozenset({Status.not_found, Status.ambiguous, Status.provider_error})
"""Ends of a job after which somebody has to look for themselves."""


def job_view(row: Any, result: Mapping[str, Any]) -> JobView:
    """Read a job's row; `result` is what it came to, or knows so far."""
    error = result.get("error")
    return JobView(
        id=row.id,
        status=Status(row.status),
        version=row.version,
        prospect=Prospect.from_json(row.prospect),
        sections={Section(k): Status(v) for k, v in _section_statuses(row).items()},
        served_from=row.served_from,
        card=result.get("card", {}),
        facts=[_fact(one) for one in result.get("facts", ())],
        winners=frozenset(result.get("winners", ())),
        attempts=[_attempt(one) for one in result.get("attempts", ())],
        missing=result.get("missing", ()),
        needs_manual_enrichment=row.status in NEEDS_A_HUMAN,
        credits_spent=row.credits_spent,
        created_at=row.created_at,
        updated_at=row.updated_at,
        finished_at=row.finished_at,
        error=_job_error(error) if error else None,
        card_token=row.card_token,
        fresh_until=row.fresh_until,
    )


def cached_view(row: Any, now: datetime) -> JobView:
    """Read the row of a job that has ended, as the cache's answer."""
    is_fresh = row.fresh_until is not None and now < row.fresh_until
    served_from = "fresh_cache" if is_fresh else "stale_cache"
    return replace(job_view(row, row.result or {}), served_from=served_from)


def ended_view(row: Any) -> EndedView:
    """Read a job that has ended for the histograms."""
    result = row.result or {}
    winners = set(result.get("winners", ()))
    sure = [fact["confidence"] for fact in result.get("facts", ()) if fact["id"] in winners]
    return EndedView(row.finished_at, (row.finished_at - row.created_at).total_seconds(), sure)


def _section_statuses(row: Any) -> dict[str, str]:
    if row.status == Status.in_progress:
        return dict.fromkeys(row.sections, Status.in_progress.value)
    if row.finished_at and set(row.section_status.values()) == {Status.queued.value}:
        return dict.fromkeys(row.sections, row.status)
    return dict(row.section_status)


def run_view(row: Any, mailboxes: int, verified: int, problems: Mapping[str, int]) -> RunView:
    """Read the run of a large batch, with what was counted of its rows."""
    return RunView(
        state=row.state,
        version=row.version,
        mailboxes=mailboxes,
        verified=verified,
        again=row.again,
        gained=row.gained,
        providers=[HitRate(name, *pair) for name, pair in sorted(row.tallies.items())],
        problems=problems,
        columns=tuple(row.sheet["columns"]),
        delimiter=row.sheet["delimiter"],
        has_bom=row.sheet["has_bom"],
        notes=tuple(row.sheet["notes"]),
        max_credits=row.max_credits,
        finished_at=row.ended_at,
        file_token=row.file_token,
    )


def caller_view(row: Any) -> Caller:
    return Caller(
        id=row.id,
        name=row.name,
        scopes=frozenset(row.scopes),
        quota=row.quota,
        created_at=row.created_at,
        revoked_at=row.revoked_at,
        last_used_at=row.last_used_at,
        callback_secret=row.callback_secret,
    )


def delivery_view(row: Any, tries: Sequence[Any]) -> DeliveryView:
    mine = [
        TryView(one.at, one.status, one.elapsed_ms, one.error, one.answer)
        for one in tries
        if one.delivery_id == row.id
    ]
    return DeliveryView(
        row.id,
        row.job_id,
        row.channel,
        row.target,
        row.event,
        row.state,
        mine,
        row.next_at,
        row.created_at,
    )


def provider_view(
    provider: Provider, health: Health, spent: Sequence[Any], now: datetime
) -> ProviderView:
    mine = [row for row in spent if row.provider == provider.name]
    gives = {FIELDS[name].section for one in provider.capabilities for name in one.fields}
    accepts = {"+".join(sorted(kinds)) for one in provider.capabilities for kinds in one.accepts}
    return ProviderView(
        name=provider.name,
        configured=True,
        gives=[section.value for section in Section if section in gives],
        accepts=sorted(accepts),
        state=breaker_state(health, now),
        until=max(filter(None, (health.opened_until, health.disabled_until)), default=None),
        reason=health.disabled_for,
        calls_today=sum(row.calls for row in mine),
        matched_today=sum(row.calls for row in mine if row.outcome == Outcome.matched),
        failed_today=sum(row.calls for row in mine if row.outcome in FAILED),
        credits_today=sum(row.credits for row in mine),
    )


def provider_off(name: str) -> ProviderView:
    return ProviderView(name, False, (), (), "off", None, None, 0, 0, 0, 0.0)


def breaker_state(health: Health, now: datetime) -> str:
    if health.disabled_until and health.disabled_until > now:
        return "disabled"
    if health.probing_since:
        return "half_open"
    return "open" if health.opened_until and health.opened_until > now else "closed"


def per_provider(spent: Sequence[Any], column: str) -> dict[str, float]:
    totals: dict[str, float] = {}
    for row in spent:
        totals[row.provider] = totals.get(row.provider, 0.0) + getattr(row, column)
    return totals


def result_json(
    result: Assembled, attempts: Sequence[Any], error: Mapping[str, Any] | None
) -> dict[str, Any]:
    """Return what a job came to, as it is kept in its row."""
    return {
        "card": result.dumped(),
        "facts": [_fact_json(fact) for fact in result.facts],
        "winners": sorted(result.winners),
        "missing": list(result.card.gaps),
        "attempts": [_attempt_json(row) for row in attempts],
        "error": error,
    }


def _fact_json(fact: Fact) -> dict[str, Any]:
    return {name: getattr(fact, name) for name in FACT} | {"seen_at": iso(fact.seen_at)}


def _attempt_json(row: Any) -> dict[str, Any]:
    names = ("provider", "outcome", "detail", "credits", "latency_ms", "cached", "section")
    return {name: getattr(row, name) for name in names} | {"at": iso(row.ended_at)}


def _fact(kept: Mapping[str, Any]) -> Fact:
    return Fact(**{**kept, "seen_at": datetime.fromisoformat(kept["seen_at"])})


def _attempt(kept: Mapping[str, Any]) -> AttemptView:
    return AttemptView(**{**kept, "at": datetime.fromisoformat(kept["at"])})


def _job_error(kept: Mapping[str, Any]) -> JobError:
    retry_at = kept.get("retry_at")
    when = datetime.fromisoformat(retry_at) if retry_at else None
    return JobError(kept["code"], kept["message"], when)
