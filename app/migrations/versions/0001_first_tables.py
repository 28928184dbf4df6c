"""The first tables."""

import sqlalchemy as sa
from alembic import op

import app.tables

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "asked",
        sa.Column("job_id", sa.String(), nullable=False),
        sa.Column("caller_id", sa.String(), nullable=False),
        sa.Column("at", app.tables.Utc(), nullable=False),
        sa.PrimaryKeyConstraint("job_id", "caller_id"),
    )
    with op.batch_alter_table("asked", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_asked_caller_id"), ["caller_id"], unique=False)

    op.create_table(
        "attempt",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("job_id", sa.String(), nullable=False),
        sa.Column("section", sa.String(), nullable=False),
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("capability", sa.String(), nullable=False),
        sa.Column("answer_key", sa.String(), nullable=False),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=True),
        sa.Column("detail", sa.String(), nullable=False),
        sa.Column("credits", sa.Float(), nullable=False),
        sa.Column("latency_ms", sa.Integer(), nullable=False),
        sa.Column("cached", sa.Boolean(), nullable=False),
        sa.Column("started_at", app.tables.Utc(), nullable=False),
        sa.Column("ended_at", app.tables.Utc(), nullable=True),
        sa.Column("retry_at", app.tables.Utc(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("attempt", schema=None) as batch_op:
        batch_op.create_index("ix_attempt_answer", ["answer_key", "ended_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_attempt_ended_at"), ["ended_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_attempt_job_id"), ["job_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_attempt_provider"), ["provider"], unique=False)
        batch_op.create_index(
            "ux_attempt_flight",
            ["answer_key"],
            unique=True,
            sqlite_where=sa.text("outcome IS NULL"),
            postgresql_where=sa.text("outcome IS NULL"),
        )

    op.create_table(
        "caller",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("secret_hash", sa.String(), nullable=False),
        sa.Column("scopes", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("quota", sa.Integer(), nullable=True),
        sa.Column("callback_secret", sa.String(), nullable=False),
        sa.Column("callback_previous", sa.String(), nullable=True),
        sa.Column("callback_previous_until", app.tables.Utc(), nullable=True),
        sa.Column("created_at", app.tables.Utc(), nullable=False),
        sa.Column("last_used_at", app.tables.Utc(), nullable=True),
        sa.Column("revoked_at", app.tables.Utc(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("secret_hash"),
    )
    op.create_table(
        "coverage",
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("section", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("wanted", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("as_of", app.tables.Utc(), nullable=False),
        sa.PrimaryKeyConstraint("subject", "section"),
    )
    op.create_table(
        "endpoint",
        sa.Column("caller_id", sa.String(), nullable=False),
        sa.Column("target", sa.String(), nullable=False),
        sa.Column("failing_since", app.tables.Utc(), nullable=True),
        sa.Column("disabled_at", app.tables.Utc(), nullable=True),
        sa.PrimaryKeyConstraint("caller_id", "target"),
    )
    op.create_table(
        "event",
        sa.Column("job_id", sa.String(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("data", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("at", app.tables.Utc(), nullable=False),
        sa.PrimaryKeyConstraint("job_id", "seq"),
    )
    op.create_table(
        "fact",
        sa.Column("answer_key", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("section", sa.String(), nullable=False),
        sa.Column("field", sa.String(), nullable=False),
        sa.Column("value", sa.JSON(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("source_url", sa.String(), nullable=True),
        sa.Column("confidence", sa.Float(), nullable=False),
        sa.Column("raw_confidence", sa.String(), nullable=True),
        sa.Column("verified", sa.Boolean(), nullable=False),
        sa.Column("inferred", sa.Boolean(), nullable=False),
        sa.Column("evidence", sa.String(), nullable=True),
        sa.Column("seen_at", app.tables.Utc(), nullable=False),
        sa.PrimaryKeyConstraint("answer_key", "id"),
    )
    with op.batch_alter_table("fact", schema=None) as batch_op:
        batch_op.create_index("ix_fact_subject", ["subject", "section"], unique=False)

    op.create_table(
        "idempotent",
        sa.Column("caller_id", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("job_id", sa.String(), nullable=False),
        sa.Column("created_at", app.tables.Utc(), nullable=False),
        sa.PrimaryKeyConstraint("caller_id", "key"),
    )
    with op.batch_alter_table("idempotent", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_idempotent_created_at"), ["created_at"], unique=False)

    op.create_table(
        "job",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("prospect_key", sa.String(), nullable=False),
        sa.Column("company_key", sa.String(), nullable=False),
        sa.Column("prospect", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("scope", sa.String(), nullable=False),
        sa.Column("sections", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("wanted", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("refresh", sa.Boolean(), nullable=False),
        sa.Column("background", sa.Boolean(), nullable=False),
        sa.Column("caller_id", sa.String(), nullable=True),
        sa.Column("charged", sa.Boolean(), nullable=False),
        sa.Column("max_credits", sa.Float(), nullable=True),
        sa.Column("credits_spent", sa.Float(), nullable=False),
        sa.Column("cancel_asked", sa.Boolean(), nullable=False),
        sa.Column("owner", sa.String(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("deaths", sa.Integer(), nullable=False),
        sa.Column("requeues", sa.Integer(), nullable=False),
        sa.Column("section_status", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("served_from", sa.String(), nullable=False),
        sa.Column("result", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("card_token", sa.String(), nullable=False),
        sa.Column("needed_by", app.tables.Utc(), nullable=True),
        sa.Column("due_at", app.tables.Utc(), nullable=False),
        sa.Column("lease_until", app.tables.Utc(), nullable=True),
        sa.Column("fresh_until", app.tables.Utc(), nullable=True),
        sa.Column("stale_until", app.tables.Utc(), nullable=True),
        sa.Column("created_at", app.tables.Utc(), nullable=False),
        sa.Column("updated_at", app.tables.Utc(), nullable=False),
        sa.Column("finished_at", app.tables.Utc(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("card_token"),
    )
    with op.batch_alter_table("job", schema=None) as batch_op:
        batch_op.create_index(
            "ix_job_cached", ["prospect_key", "scope", "finished_at"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_job_company_key"), ["company_key"], unique=False)
        batch_op.create_index(batch_op.f("ix_job_created_at"), ["created_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_job_finished_at"), ["finished_at"], unique=False)
        batch_op.create_index(
            "ix_job_lease",
            ["lease_until"],
            unique=False,
            sqlite_where=sa.text("status IN ('enrichment_in_progress', 'queued')"),
            postgresql_where=sa.text("status IN ('enrichment_in_progress', 'queued')"),
        )
        batch_op.create_index(
            "ux_job_flight",
            ["prospect_key", "scope"],
            unique=True,
            sqlite_where=sa.text("status IN ('enrichment_in_progress', 'queued')"),
            postgresql_where=sa.text("status IN ('enrichment_in_progress', 'queued')"),
        )

    op.create_table(
        "message",
        sa.Column("id", app.tables.NUMBER, nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("ref", sa.String(), nullable=False),
        sa.Column("due_at", app.tables.Utc(), nullable=True),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("message", schema=None) as batch_op:
        batch_op.create_index("ix_message_order", ["rank", "id"], unique=False)
        batch_op.create_index(batch_op.f("ix_message_ref"), ["ref"], unique=False)

    op.create_table(
        "outbox",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("job_id", sa.String(), nullable=True),
        sa.Column("caller_id", sa.String(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("target", sa.String(), nullable=False),
        sa.Column("event", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("owner", sa.String(), nullable=True),
        sa.Column("lease_until", app.tables.Utc(), nullable=True),
        sa.Column("next_at", app.tables.Utc(), nullable=True),
        sa.Column("created_at", app.tables.Utc(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("outbox", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_outbox_caller_id"), ["caller_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_outbox_job_id"), ["job_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_outbox_next_at"), ["next_at"], unique=False)

    op.create_table(
        "outboxtry",
        sa.Column("id", app.tables.NUMBER, nullable=False),
        sa.Column("delivery_id", sa.String(), nullable=False),
        sa.Column("at", app.tables.Utc(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("elapsed_ms", sa.Integer(), nullable=False),
        sa.Column("error", sa.String(), nullable=True),
        sa.Column("answer", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("outboxtry", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_outboxtry_delivery_id"), ["delivery_id"], unique=False)

    op.create_table(
        "process",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("host", sa.String(), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("port", sa.Integer(), nullable=False),
        sa.Column("seen_at", app.tables.Utc(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "provider_health",
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("tokens", sa.Float(), nullable=True),
        sa.Column("disabled_for", sa.String(), nullable=True),
        sa.Column("opened_until", app.tables.Utc(), nullable=True),
        sa.Column("probing_since", app.tables.Utc(), nullable=True),
        sa.Column("disabled_until", app.tables.Utc(), nullable=True),
        sa.Column("refilled_at", app.tables.Utc(), nullable=True),
        sa.Column("not_before", app.tables.Utc(), nullable=True),
        sa.PrimaryKeyConstraint("provider"),
    )
    op.create_table(
        "recipient",
        sa.Column("job_id", sa.String(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("target", sa.String(), nullable=False),
        sa.Column("caller_id", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("job_id", "channel", "target", "caller_id"),
    )
    op.create_table(
        "suppression",
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("created_at", app.tables.Utc(), nullable=False),
        sa.PrimaryKeyConstraint("digest"),
    )
    op.create_table(
        "usage",
        sa.Column("caller_id", sa.String(), nullable=False),
        sa.Column("month", sa.String(), nullable=False),
        sa.Column("used", sa.Integer(), nullable=False),
        sa.Column("credits", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("caller_id", "month"),
    )


def downgrade() -> None:
    op.drop_table("usage")
    op.drop_table("suppression")
    op.drop_table("recipient")
    op.drop_table("provider_health")
    op.drop_table("process")
    with op.batch_alter_table("outboxtry", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_outboxtry_delivery_id"))

    op.drop_table("outboxtry")
    with op.batch_alter_table("outbox", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_outbox_next_at"))
        batch_op.drop_index(batch_op.f("ix_outbox_job_id"))
        batch_op.drop_index(batch_op.f("ix_outbox_caller_id"))

    op.drop_table("outbox")
    with op.batch_alter_table("message", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_message_ref"))
        batch_op.drop_index("ix_message_order")

    op.drop_table("message")
    with op.batch_alter_table("job", schema=None) as batch_op:
        batch_op.drop_index(
            "ux_job_flight",
            sqlite_where=sa.text("status IN ('enrichment_in_progress', 'queued')"),
            postgresql_where=sa.text("status IN ('enrichment_in_progress', 'queued')"),
        )
        batch_op.drop_index(
            "ix_job_lease",
            sqlite_where=sa.text("status IN ('enrichment_in_progress', 'queued')"),
            postgresql_where=sa.text("status IN ('enrichment_in_progress', 'queued')"),
        )
        batch_op.drop_index(batch_op.f("ix_job_finished_at"))
        batch_op.drop_index(batch_op.f("ix_job_created_at"))
        batch_op.drop_index(batch_op.f("ix_job_company_key"))
        batch_op.drop_index("ix_job_cached")

    op.drop_table("job")
    with op.batch_alter_table("idempotent", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_idempotent_created_at"))

    op.drop_table("idempotent")
    with op.batch_alter_table("fact", schema=None) as batch_op:
        batch_op.drop_index("ix_fact_subject")

    op.drop_table("fact")
    op.drop_table("event")
    op.drop_table("endpoint")
    op.drop_table("coverage")
    op.drop_table("caller")
    with op.batch_alter_table("attempt", schema=None) as batch_op:
        batch_op.drop_index(
            "ux_attempt_flight",
            sqlite_where=sa.text("outcome IS NULL"),
            postgresql_where=sa.text("outcome IS NULL"),
        )
        batch_op.drop_index(batch_op.f("ix_attempt_provider"))
        batch_op.drop_index(batch_op.f("ix_attempt_job_id"))
        batch_op.drop_index(batch_op.f("ix_attempt_ended_at"))
        batch_op.drop_index("ix_attempt_answer")

    op.drop_table("attempt")
    with op.batch_alter_table("asked", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_asked_caller_id"))

    op.drop_table("asked")
