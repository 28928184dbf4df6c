"""The tables. Plain columns, no relationships; every query over them is in app/store.py.

Times are UTC. A JSON column holds what is only ever read and written whole.
"""

from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    DateTime,
    Dialect,
    Index,
    Integer,
    LargeBinary,
    TypeDecorator,
    text,
)
from sqlmodel import Field, SQLModel

from app.job import LIVE

_LIVE = ", ".join(f"'{status}'" for status in sorted(LIVE))
IS_LIVE = text(f"status IN ({_LIVE})")
IS_TOLD = text("result IS NOT NULL")
IN_FLIGHT = text("outcome IS NULL")
IS_PENDING = text("state = 'pending'")
IS_HELD = text("owner IS NOT NULL")
IS_STUCK = text("state <> 'delivered'")
IS_OWING = text("owes")
IS_UNTOLD = text("delivery_id IS NULL")
IS_WAITING = text("state = 'waiting'")
IS_OPEN = text("state IN ('first_pass', 'second_pass')")


class Utc(TypeDecorator[datetime]):
    """An aware UTC time, kept without its zone because SQLite has none."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Drop the zone after converting to UTC."""
        return value.astimezone(UTC).replace(tzinfo=None) if value else None

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Put the zone back."""
        return value.replace(tzinfo=UTC) if value else None


NUMBER = BigInteger().with_variant(Integer(), "sqlite")
"""A number that is counted up for ever: SQLite counts an INTEGER key as far as 2**63 itself."""


def _at(*, nullable: bool = False, index: bool = False) -> Any:
    return Field(default=None, sa_column=Column(Utc, nullable=nullable, index=index))


def _json(*, nullable: bool = False) -> Any:
    return Field(default=None, sa_column=Column(JSON(none_as_null=True), nullable=nullable))


class Job(SQLModel, table=True):
    """One enrichment of one prospect.

    `scope` names the sections (and narrower fields) asked for: with `prospect_key` it is the
    single-flight lock. `owner` holds the job until `lease_until`. `deaths` counts owners that died
    while they held it. `result` is what the job came to, written when it ends.
    """

    __table_args__ = (
        Index(
            "ux_job_flight",
            "prospect_key",
            "scope",
            unique=True,
            sqlite_where=IS_LIVE,
            postgresql_where=IS_LIVE,
        ),
        Index("ix_job_lease", "lease_until", sqlite_where=IS_LIVE, postgresql_where=IS_LIVE),
        Index("ix_job_cached", "prospect_key", "scope", "finished_at"),
        Index("ix_job_told", "finished_at", sqlite_where=IS_TOLD, postgresql_where=IS_TOLD),
    )

    id: str = Field(primary_key=True)
    prospect_key: str
    company_key: str = Field(index=True)
    prospect: dict[str, str] = _json()
    scope: str
    sections: list[str] = _json()
    wanted: list[str] = _json()
    status: str
    version: int = 1
    priority: int
    refresh: bool = False
    background: bool = False
    caller_id: str | None = None
    charged: bool = False
    max_credits: float | None = None
    credits_spent: float = 0.0
    cancel_asked: bool = False
    owner: str | None = None
    attempts: int = 0
    deaths: int = 0
    requeues: int = 0
    section_status: dict[str, str] = _json()
    served_from: str = "providers"
    result: dict[str, Any] | None = _json(nullable=True)
    card_token: str = Field(unique=True)
    needed_by: datetime | None = _at(nullable=True)
    due_at: datetime = _at()
    lease_until: datetime | None = _at(nullable=True)
    fresh_until: datetime | None = _at(nullable=True)
    stale_until: datetime | None = _at(nullable=True)
    created_at: datetime = _at(index=True)
    updated_at: datetime = _at()
    finished_at: datetime | None = _at(nullable=True, index=True)


class Asked(SQLModel, table=True):
    """Who asked for a job: these callers may see it."""

    __table_args__ = (Index("ix_asked_newest", "caller_id", "at"),)

    job_id: str = Field(primary_key=True)
    caller_id: str = Field(primary_key=True)
    at: datetime = _at()


class Attempt(SQLModel, table=True):
    """The ledger: one provider asked once. `outcome` is empty while the call is in flight.

    A row in flight is the lock that keeps two jobs from paying for the same answer.
    """

    __table_args__ = (
        Index(
            "ux_attempt_flight",
            "answer_key",
            unique=True,
            sqlite_where=IN_FLIGHT,
            postgresql_where=IN_FLIGHT,
        ),
        Index("ix_attempt_answer", "answer_key", "ended_at"),
        Index("ix_attempt_job", "job_id", "ended_at"),
    )

    id: str = Field(primary_key=True)
    job_id: str
    section: str
    provider: str
    capability: str
    answer_key: str
    owner: str
    outcome: str | None = None
    detail: str = ""
    credits: float = 0.0
    latency_ms: int = 0
    cached: bool = False
    started_at: datetime = _at()
    ended_at: datetime | None = _at(nullable=True)
    retry_at: datetime | None = _at(nullable=True)


class CallTally(SQLModel, table=True):
    """What a provider was asked on one day (UTC), by outcome: the ledger's sums, kept for ever."""

    __tablename__ = "call_tally"

    provider: str = Field(primary_key=True)
    outcome: str = Field(primary_key=True)
    day: date = Field(primary_key=True)
    calls: int = Field(sa_column=Column(BigInteger, nullable=False))
    credits: float
    latency_ms: int = Field(sa_column=Column(BigInteger, nullable=False))


class JobTally(SQLModel, table=True):
    """How many jobs ended in one hour (UTC), by status."""

    __tablename__ = "job_tally"

    hour: datetime = Field(sa_column=Column(Utc, primary_key=True))
    status: str = Field(primary_key=True)
    jobs: int


class KnownFact(SQLModel, table=True):
    """A fact as a provider gave it. A newer answer to the same question replaces the older one."""

    __tablename__ = "fact"
    __table_args__ = (
        Index("ix_fact_subject", "subject", "section"),
        Index("ix_fact_age", "section", "seen_at"),
    )

    answer_key: str = Field(primary_key=True)
    id: str = Field(primary_key=True)
    subject: str
    section: str
    field: str
    value: Any = Field(sa_column=Column(JSON, nullable=False))
    source: str
    source_url: str | None = None
    confidence: float
    raw_confidence: str | None = None
    verified: bool = False
    inferred: bool = False
    evidence: str | None = None
    seen_at: datetime = _at()


class Coverage(SQLModel, table=True):
    """How a section of a subject was settled last: the cache's two tiers are judged on it."""

    __table_args__ = (Index("ix_coverage_age", "section", "as_of"),)

    subject: str = Field(primary_key=True)
    section: str = Field(primary_key=True)
    status: str
    wanted: list[str] = _json()
    as_of: datetime = _at()


class Recipient(SQLModel, table=True):
    """An address that wants the card of a live job; each caller's own event goes there."""

    job_id: str = Field(primary_key=True)
    channel: str = Field(primary_key=True)
    target: str = Field(primary_key=True)
    caller_id: str = Field(primary_key=True)


class Outbox(SQLModel, table=True):
    """One card to one address, until it is delivered. `id` never changes over the tries."""

    __table_args__ = (
        Index("ix_outbox_newest", "caller_id", "created_at"),
        Index(
            "ix_outbox_stuck",
            "caller_id",
            "state",
            "created_at",
            sqlite_where=IS_STUCK,
            postgresql_where=IS_STUCK,
        ),
        Index("ix_outbox_due", "next_at", sqlite_where=IS_PENDING, postgresql_where=IS_PENDING),
    )

    id: str = Field(primary_key=True)
    job_id: str | None = Field(default=None, index=True)
    caller_id: str
    channel: str
    target: str
    event: str
    state: str = "pending"  # pending, delivered, failed, disabled
    tries: int = 0
    owner: str | None = None
    lease_until: datetime | None = _at(nullable=True)
    next_at: datetime | None = _at(nullable=True)
    created_at: datetime = _at()


class OutboxTry(SQLModel, table=True):
    """One try of a delivery."""

    id: int | None = Field(default=None, sa_column=Column(NUMBER, primary_key=True))
    delivery_id: str = Field(index=True)
    at: datetime = _at()
    status: int
    elapsed_ms: int
    error: str | None = None
    answer: str = ""


class Posted(SQLModel, table=True):
    """What a channel has posted at an address: see app.delivery.Posting. `owner` holds it."""

    __table_args__ = (
        Index("ix_posted_held", "owner", sqlite_where=IS_HELD, postgresql_where=IS_HELD),
        Index("ix_posted_owes", "at", sqlite_where=IS_OWING, postgresql_where=IS_OWING),
        Index("ix_posted_place", "place", "ref"),
    )

    channel: str = Field(primary_key=True)
    target: str = Field(primary_key=True)
    job_id: str = Field(index=True)
    job_at: datetime = _at()
    version: int = 0
    place: str = ""
    ref: str = ""
    state: str = "new"  # new, sending, posted, gone, refused
    reason: str = ""
    owes: bool = False
    owner: str | None = None
    lease_until: datetime | None = _at(nullable=True)
    at: datetime = _at()


class Turn(SQLModel, table=True):
    """How fast a door of others is passed: `next_at` runs ahead of the time while it is in use.

    Nobody passes before `shut_until`.
    """

    __table_args__ = (Index("ix_turn_next", "next_at"),)

    door: str = Field(primary_key=True)
    next_at: datetime = _at()
    shut_until: datetime | None = _at(nullable=True)


class Endpoint(SQLModel, table=True):
    """An address that fails, and since when; `disabled_at` set = no longer tried."""

    caller_id: str = Field(primary_key=True)
    target: str = Field(primary_key=True)
    failing_since: datetime | None = _at(nullable=True)
    disabled_at: datetime | None = _at(nullable=True)


class Key(SQLModel, table=True):
    """A caller and its API key; only a hash of the secret is kept."""

    __tablename__ = "caller"

    id: str = Field(primary_key=True)
    name: str
    secret_hash: str = Field(unique=True)
    scopes: list[str] = _json()
    quota: int | None = None
    callback_secret: str
    callback_previous: str | None = None
    callback_previous_until: datetime | None = _at(nullable=True)
    created_at: datetime = _at()
    last_used_at: datetime | None = _at(nullable=True)
    revoked_at: datetime | None = _at(nullable=True)


class Usage(SQLModel, table=True):
    """What a caller used in a month (UTC): enrichments that found something, and credits."""

    caller_id: str = Field(primary_key=True)
    month: str = Field(primary_key=True)
    used: int = 0
    credits: float = 0.0


class Idempotent(SQLModel, table=True):
    """The job that an Idempotency-Key started, for 24 h."""

    caller_id: str = Field(primary_key=True)
    key: str = Field(primary_key=True)
    digest: str
    job_id: str
    created_at: datetime = _at(index=True)


class Batch(SQLModel, table=True):
    """Many asks of one caller. Rows are written as they are asked: less than `total` = not yet."""

    id: str = Field(primary_key=True)
    caller_id: str
    total: int
    created_at: datetime = _at(index=True)


class BatchRow(SQLModel, table=True):
    """What became of one ask of a batch: a job, or the code of a problem.

    Nothing here says whom it was about. `served_from` is set when the cache answered; `pays` tells
    that the job was started for this row, so that what it spends is the batch's.
    """

    __tablename__ = "batch_row"

    batch_id: str = Field(primary_key=True)
    position: int = Field(primary_key=True)
    job_id: str | None = Field(default=None, index=True)
    problem: str | None = None
    served_from: str | None = None
    pays: bool = False


class Suppression(SQLModel, table=True):
    """Somebody who must not be looked up. Only a digest of the address or domain is kept."""

    digest: str = Field(primary_key=True)
    kind: str  # email, domain
    created_at: datetime = _at()


class Event(SQLModel, table=True):
    """One change of a job, for those who follow it."""

    __table_args__ = (Index("ix_event_at", "at"),)

    job_id: str = Field(primary_key=True)
    seq: int = Field(primary_key=True)
    kind: str
    data: dict[str, Any] = _json()
    at: datetime = _at()


class ProviderHealth(SQLModel, table=True):
    """Breaker, token bucket and disablement of a provider, shared by all workers."""

    __tablename__ = "provider_health"

    provider: str = Field(primary_key=True)
    failures: int = 0
    tokens: float | None = None
    disabled_for: str | None = None
    opened_until: datetime | None = _at(nullable=True)
    probing_since: datetime | None = _at(nullable=True)
    disabled_until: datetime | None = _at(nullable=True)
    refilled_at: datetime | None = _at(nullable=True)
    not_before: datetime | None = _at(nullable=True)


class Process(SQLModel, table=True):
    """A live process, and the loopback port on which it hears the bell (0 = it has none)."""

    id: str = Field(primary_key=True)
    kind: str  # web, worker
    host: str
    pid: int
    port: int
    seen_at: datetime = _at()


class Message(SQLModel, table=True):
    """What waits in the Huey queue. `ref` is the id the message carries, for the sweeper."""

    __table_args__ = (Index("ix_message_order", "rank", "id"),)

    id: int | None = Field(default=None, sa_column=Column(NUMBER, primary_key=True))
    rank: int  # the negated priority: lower is taken first
    ref: str = Field(index=True)
    due_at: datetime | None = _at(nullable=True)
    data: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class Preferred(SQLModel, table=True):
    """What a person of a workspace has chosen: see app.preference.Preference. Ids, no names."""

    __tablename__ = "preference"

    team: str = Field(primary_key=True)
    user_id: str = Field(primary_key=True)
    place: str = ""
    quiet_from: int | None = None
    quiet_until: int | None = None
    zone: str = ""
    offset_s: int = 0
    unasked: bool = True


class ReplyUrl(SQLModel, table=True):
    """Where who asked can be answered for a while: a secret. `mark` is that of the ask."""

    __tablename__ = "reply_url"

    mark: str = Field(primary_key=True)
    url: str
    expires_at: datetime = _at(index=True)
    uses_left: int


class Lookup(SQLModel, table=True):
    """What was found elsewhere, empty for nothing. Keys hold digests of whom it was about."""

    key: str = Field(primary_key=True)
    value: str
    until: datetime = _at(index=True)


class Alert(SQLModel, table=True):
    """Trouble that operators have to hear of, the last of its cause; told with a delivery."""

    __table_args__ = (
        Index("ix_alert_untold", "at", sqlite_where=IS_UNTOLD, postgresql_where=IS_UNTOLD),
    )

    cause: str = Field(primary_key=True)
    words: str
    at: datetime = _at()
    delivery_id: str | None = None


class Feedback(SQLModel, table=True):
    """Whether a card helped somebody. `voter` is a digest, `sources` gave what the card showed."""

    job_id: str = Field(primary_key=True)
    caller_id: str = Field(primary_key=True)
    voter: str = Field(primary_key=True)
    vote: str  # up, down
    sources: list[str] = _json()
    at: datetime = _at()


class VoteTally(SQLModel, table=True):
    """How many cards with facts of a source helped, and how many did not: kept for ever."""

    __tablename__ = "vote_tally"

    source: str = Field(primary_key=True)
    helped: int = 0
    not_helped: int = 0


class Rejected(SQLModel, table=True):
    """Somebody who is not the prospect, though a source said so. Only digests are kept."""

    prospect: str = Field(primary_key=True)  # digest of its key
    mark: str = Field(primary_key=True)
    at: datetime = _at()


class Installed(SQLModel, table=True):
    """A workspace in which our app is installed. `token` is sealed (app/vault.py).

    It is NULL when the operator's setting is the token, empty when the workspace took it back.
    """

    __tablename__ = "installation"

    surface: str = Field(primary_key=True)  # slack
    team_id: str = Field(primary_key=True)
    enterprise_id: str = ""
    name: str = ""
    token: str | None = None
    bot_id: str = ""
    bot_user_id: str = ""
    scopes: list[str] = _json()
    installed_by: str = ""
    installed_at: datetime = _at()
    revoked_at: datetime | None = _at(nullable=True)
    reason: str = ""


class Hook(SQLModel, table=True):
    """An address that a caller wants to be told at of every job of its own that ends so."""

    __table_args__ = (Index("ux_hook", "caller_id", "event", "target", unique=True),)

    id: str = Field(primary_key=True)
    caller_id: str
    event: str
    target: str
    created_at: datetime = _at()


class CrmConnection(SQLModel, table=True):
    """A system that may send us records: how it proves who it is, and where it puts what.

    A secret that is sent is kept as a digest alone. One that signs is not kept at all: it is made
    of `nonce` and of the installation's own (app.keys.Keys.secret_for).
    """

    __tablename__ = "crm_connection"

    name: str = Field(primary_key=True)
    auth: str  # standard, hmac, bearer, basic
    secret_hash: str = ""
    nonce: str = ""
    header: str = ""
    paths: dict[str, str] = _json()
    created_at: datetime = _at()


class CrmSeen(SQLModel, table=True):
    """An event that a CRM has told, so that the same is not heard twice. Nothing of the record."""

    __tablename__ = "crm_event"

    connection: str = Field(primary_key=True)
    key: str = Field(primary_key=True)
    target: str
    happening: str
    occurred_at: datetime = _at()
    at: datetime = _at(index=True)


class CrmRow(SQLModel, table=True):
    """A record of a CRM as far as it is ours: what is open, when it was enriched, our note.

    `target` is Ref.target. `told` counts its events: who works on one sees whether more came.
    `since` is when it happened what is open, `ended` how the job went that was written last.
    `writes` are those of `writes_on`. `winner` is the record that it was merged into.
    """

    __tablename__ = "crm_record"
    __table_args__ = (
        Index("ix_crm_record_due", "due_at", sqlite_where=IS_WAITING, postgresql_where=IS_WAITING),
        Index("ix_crm_record_held", "owner", sqlite_where=IS_HELD, postgresql_where=IS_HELD),
        Index("ix_crm_record_purge", "purge_at"),
        Index("ix_crm_record_age", "connection", "enriched_at"),
    )

    target: str = Field(primary_key=True)
    connection: str
    kind: str
    state: str = "new"  # new, waiting, asked, done, skipped, gone, failed, deleted, merged, erased
    reason: str = ""
    told: int = 0
    tries: int = 0
    owner: str | None = None
    lease_until: datetime | None = _at(nullable=True)
    due_at: datetime | None = _at(nullable=True)
    since: datetime = _at()
    changed_at: datetime = _at()
    job_id: str | None = Field(default=None, index=True)
    note_id: str = ""
    url: str = ""
    winner: str = ""
    writes: int = 0
    writes_on: date | None = None
    ended: str = ""
    asked_at: datetime | None = _at(nullable=True)
    enriched_at: datetime | None = _at(nullable=True)
    purge_at: datetime | None = _at(nullable=True)


class CrmWrite(SQLModel, table=True):
    """One property that was written into a CRM, or why it was not: for who asks, and for undoing.

    `old` and `new` are values of the record; of somebody who was erased only digests stay.
    `person` is the digest of whom the job was about.
    """

    __tablename__ = "crm_write"
    __table_args__ = (Index("ix_crm_write_record", "target", "at"),)

    id: str = Field(primary_key=True)
    job_id: str = Field(index=True)
    target: str
    person: str = Field(index=True)
    property: str
    field: str
    old: str
    new: str
    policy: str
    fact_id: str
    source: str
    confidence: float
    state: str  # sending, written, skipped, refused, proposed, undone
    reason: str = ""
    status: int = 0
    correlation_id: str = ""
    at: datetime = _at(index=True)
    undone_at: datetime | None = _at(nullable=True)


class CrmHealth(SQLModel, table=True):
    """A connection that cannot be used until an operator has done something, and why."""

    __tablename__ = "crm_health"

    connection: str = Field(primary_key=True)
    reason: str
    since: datetime = _at()
    retry_at: datetime = _at()


class BatchRun(SQLModel, table=True):
    """A large batch, which workers ask for a few rows at a time: see app/runs.py.

    `terms` are those of all its asks, `sheet` how its file was written, `told` the addresses that
    hear of it. `spent` is what its jobs that have ended cost, `tallies` how often each provider was
    asked and knew. `due_at` is when the pass under way begins; `file_token` opens its file.
    """

    __tablename__ = "batch_run"
    __table_args__ = (
        Index("ix_batch_run_open", "state", sqlite_where=IS_OPEN, postgresql_where=IS_OPEN),
    )

    batch_id: str = Field(primary_key=True)
    state: str = "taking_in"  # taking_in, first_pass, second_pass, ended
    version: int = 1
    terms: dict[str, Any] = _json()
    sheet: dict[str, Any] = _json()
    told: list[dict[str, Any]] = _json()
    told_percent: int = 0
    max_credits: float | None = None
    spent: float = 0.0
    tallies: dict[str, list[int]] = _json()
    again: int = 0
    gained: int = 0
    file_token: str = Field(unique=True)
    due_at: datetime | None = _at(nullable=True)
    ended_at: datetime | None = _at(nullable=True)


class BatchAsk(SQLModel, table=True):
    """One row of a large batch as it was given, which is personal data, and how far it is.

    `bound` is what its job may spend while it is under way. `status` is how its job ended,
    `mailbox` what is known of the person's address then, `unheard` the providers that gave no
    answer, with commas between them.
    """

    __tablename__ = "batch_ask"
    __table_args__ = (
        Index("ix_batch_ask_state", "batch_id", "state", "position"),
        Index("ix_batch_ask_alike", "prospect_key", "batch_id", "state"),
    )

    batch_id: str = Field(primary_key=True)
    position: int = Field(primary_key=True)
    state: str = "waiting"  # waiting, asked, ended
    prospect_key: str
    prospect: dict[str, str] | None = _json(nullable=True)
    cells: list[str] = _json()
    bound: float | None = None
    status: str | None = None
    mailbox: str | None = None
    unheard: str = ""


class CrmCursor(SQLModel, table=True):
    """How far new records of a CRM were looked for, and who looks now."""

    __tablename__ = "crm_cursor"

    name: str = Field(primary_key=True)
    at: datetime = _at()
    due_at: datetime = _at()
    owner: str | None = None
    lease_until: datetime | None = _at(nullable=True)
