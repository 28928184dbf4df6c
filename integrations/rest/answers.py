"""The shapes of our answers: documentation that tests hold against what is really sent."""

from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, JsonValue, RootModel

from app.battlecard import Card
from app.job import Status
from app.provider import Outcome


class Shape(BaseModel):
    """An object we send; a member nobody knew is absent. Members may be added later."""

    model_config = ConfigDict(extra="forbid")


class ProspectShape(Shape):
    """Who is meant, in canonical form."""

    key: str
    by: str
    email: str | None = None
    domain: str | None = None
    linkedin: str | None = None
    linkedin_company: str | None = None
    name: str | None = None
    company: str | None = None
    address_class: str | None = None


class FactShape(Shape):
    """What one source says about one field."""

    id: str
    field: str
    value: JsonValue
    source: str
    source_url: str | None = None
    confidence: float = Field(ge=0, le=1)
    seen_at: AwareDatetime
    verified: bool
    raw_confidence: str | None = None
    inferred: bool
    evidence: str | None = None
    shown: bool = Field(description="False when the card shows another fact in its place.")


class AttemptShape(Shape):
    """One provider asked once, or its remembered answer used."""

    provider: str
    outcome: Outcome
    detail: str
    credits: float
    latency_ms: int
    cached: bool
    section: str
    at: AwareDatetime


class JobErrorShape(Shape):
    """Why a job found nothing."""

    code: str
    message: str
    retry_at: AwareDatetime | None = None


class LinksShape(Shape):
    """Where to look next."""

    model_config = ConfigDict(extra="forbid", serialize_by_alias=True)

    self_url: str = Field(alias="self")
    events: str
    card: str | None = None


class Job(Shape):
    """One enrichment of one prospect. While it runs, the card holds what is known so far."""

    job_id: str
    status: Status
    version: int
    prospect: ProspectShape
    sections: dict[Literal["person", "company", "decision_makers", "signals"], Status]
    served_from: Literal["providers", "fresh_cache", "stale_cache"]
    refresh_job_id: str | None = None
    joined: bool = Field(description="This request shares a job that was already running.")
    card: Card
    facts: list[FactShape]
    attempts: list[AttemptShape]
    missing: list[str]
    needs_manual_enrichment: bool
    credits_spent: float
    error: JobErrorShape | None = None
    created_at: AwareDatetime
    updated_at: AwareDatetime
    finished_at: AwareDatetime | None = None
    links: LinksShape


class Jobs(Shape):
    """The newest jobs of a caller."""

    jobs: list[Job]


class BatchRowShape(Shape):
    """One row of a batch; without a job it waits for one, or has a problem."""

    position: int = Field(description="From 0, in the order of the list or file.")
    given: dict[str, str] | None = Field(None, description="The row by the names of its columns.")
    status: Status | Literal["waiting", "refused"]
    problem: str | None = Field(None, description="The code of why there is no job.")
    job_id: str | None = None
    served_from: Literal["providers", "fresh_cache", "stale_cache"] | None = None
    summary: str | None = None
    links: LinksShape | None = None


class HitRateShape(Shape):
    """How often one provider was asked for rows of a batch, and how often it knew."""

    provider: str
    asked: int
    matched: int
    hit_rate: float = Field(ge=0, le=1)


class BatchLinksShape(Shape):
    """Where to look next."""

    model_config = ConfigDict(extra="forbid", serialize_by_alias=True)

    self_url: str = Field(alias="self")
    events: str
    csv: str


class Batch(Shape):
    """Many rows asked for at once, how far they are, and some of them."""

    batch_id: str
    status: Literal["taking_in", "first_pass", "second_pass", "ended"] = Field(
        description="The second pass asks again for rows that a provider gave no answer for."
    )
    total: int
    ended: int
    matched: int
    match_rate: float = Field(ge=0, le=1)
    mailboxes: int | None = Field(None, description="Rows with an e-mail address at the end.")
    verified: int | None = Field(None, description="Those of them that a source has checked.")
    verified_rate: float | None = Field(None, ge=0, le=1)
    providers: list[HitRateShape]
    problems: dict[str, int] = Field(description="Rows without a job, by the code of why.")
    again: int | None = Field(None, description="Rows that were asked for a second time.")
    gained: int | None = Field(None, description="Those of them that came to more.")
    credits_spent: float
    max_credits: float | None = None
    notes: list[str] = Field(description="What was odd about the file.")
    rows: list[BatchRowShape]
    next_offset: int | None = None
    created_at: AwareDatetime
    finished_at: AwareDatetime | None = None
    links: BatchLinksShape


class StepShape(Shape):
    """One provider that would be asked."""

    section: str
    provider: str
    capability: str
    credits: float


class PlanShape(Shape):
    """What a job would do; nothing is spent."""

    dry_run: Literal[True]
    prospect: ProspectShape
    sections: dict[str, Literal["fresh_cache", "stale_cache", "providers"]]
    steps: list[StepShape]
    max_credits: float = Field(description="The most it could cost.")


class ProviderShape(Shape):
    """A provider's health and spend of today (UTC)."""

    name: str
    configured: bool
    gives: list[str]
    accepts: list[str]
    state: str = Field(description="off, closed (working), open, half_open or disabled")
    until: AwareDatetime | None = None
    reason: str | None = None
    calls_today: int
    matched_today: int
    failed_today: int
    credits_today: float
    helped: int = Field(description="Cards with its facts that helped somebody, ever.")
    not_helped: int


class Providers(Shape):
    """All providers in the order they are asked."""

    providers: list[ProviderShape]


class Usage(Shape):
    """What this key has used this month (UTC); no quota = unlimited."""

    month: str
    quota: int | None = None
    used: int
    remaining: int | None = None
    unlimited: bool
    credits_spent: float
    resets_at: AwareDatetime


class TryShape(Shape):
    """One try; status 0 = no answer came."""

    at: AwareDatetime
    status: int
    elapsed_ms: int
    error: str | None = None
    answer: str | None = Field(None, description="The first 1 kB of what the receiver said.")


class DeliveryShape(Shape):
    """One event for one address; `id` is the `webhook-id` of every try."""

    id: str
    job_id: str | None = None
    channel: str
    target: str
    event: str
    state: Literal["pending", "delivered", "failed", "disabled"]
    tries: list[TryShape]
    next_at: AwareDatetime | None = None
    created_at: AwareDatetime


class Verification(Shape):
    """What is known of a mailbox without writing to it; `mx` absent = not found out."""

    email: str
    status: str = Field(
        description="verified, accept_all, risky, unknown, invalid, unverified or unsafe"
    )
    reason: str
    normalized: str | None = None
    syntax: bool
    mx: bool | None = None
    mx_hosts: list[str]
    free_mail: bool
    disposable: bool
    role: bool


class Deliveries(Shape):
    """The outbox, newest first."""

    deliveries: list[DeliveryShape]


class HookShape(Shape):
    """An address that is told of an event; `DELETE /v1/hooks/{id}` ends it."""

    id: str
    event: str
    target_url: str
    created_at: AwareDatetime


class HooksShape(Shape):
    """The caller's hooks, oldest first."""

    hooks: list[HookShape]


class Samples(RootModel[list[dict[str, JsonValue]]]):
    """What a hook is sent: flat objects that always have the same keys."""


class WriteShape(Shape):
    """One property of a record in a CRM: what was written, or why it was not."""

    id: str
    record: str = Field(description="connection:kind:id of the record")
    property: str
    field: str
    before: str
    after: str
    policy: str
    fact_id: str | None = None
    source: str | None = None
    confidence: float = Field(ge=0, le=1)
    state: Literal["sending", "written", "skipped", "refused", "proposed", "undone"]
    reason: str | None = None
    status: int | None = None
    correlation_id: str | None = None
    at: AwareDatetime
    undone_at: AwareDatetime | None = None


class Writes(Shape):
    """What was written into CRMs for a job, in the order of its time."""

    writes: list[WriteShape]


class UndoneShape(Shape):
    """What became of one value that was to be taken back."""

    record: str
    property: str
    outcome: str = Field(description="undone, changed_since, gone, erased or refused")


class UndoneShapes(Shape):
    """What was taken back; empty when there was nothing (more)."""

    undone: list[UndoneShape]


class Secret(Shape):
    """What signs this key's callbacks."""

    callback_secret: str = Field(description="Starts with whsec_ (Standard Webhooks).")


class Erased(Shape):
    """What was deleted, by kind."""

    deleted: dict[str, int]


class Export(BaseModel):
    """Everything that is kept about a person, by kind."""

    model_config = ConfigDict(extra="allow")


class Suppressed(Shape):
    """Which kind was put on the do-not-enrich list."""

    suppressed: str


class Health(Shape):
    """The process is up."""

    status: Literal["ok"]


class BadFieldShape(Shape):
    """One bad part of the request."""

    name: str
    message: str


class ProblemShape(Shape):
    """RFC 9457; `code` is stable."""

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: int
    detail: str
    code: str
    errors: list[BadFieldShape] | None = None
