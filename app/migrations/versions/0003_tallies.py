"""Running totals, filled from the ledger and the jobs; indexes for what is shown newest first."""

import sqlalchemy as sa
from alembic import op

import app.tables

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

PENDING = sa.text("state = 'pending'")
STUCK = sa.text("state <> 'delivered'")

CALLS = """
INSERT INTO call_tally (provider, outcome, day, calls, credits, latency_ms)
SELECT provider, outcome, date(ended_at), count(*), sum(credits), sum(latency_ms)
FROM attempt WHERE outcome IS NOT NULL AND ended_at IS NOT NULL AND NOT cached
GROUP BY provider, outcome, date(ended_at)
"""

JOBS = """
INSERT INTO job_tally (hour, status, jobs)
SELECT {hour}, status, count(*) FROM job WHERE finished_at IS NOT NULL GROUP BY {hour}, status
"""

HOUR = {
    "sqlite": "strftime('%Y-%m-%d %H:00:00.000000', finished_at)",
    "postgresql": "date_trunc('hour', finished_at)",
}


def upgrade() -> None:
    op.create_table(
        "call_tally",
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("calls", sa.BigInteger(), nullable=False),
        sa.Column("credits", sa.Float(), nullable=False),
        sa.Column("latency_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("provider", "outcome", "day"),
    )
    op.create_table(
        "job_tally",
        sa.Column("hour", app.tables.Utc(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("jobs", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("hour", "status"),
    )
    op.execute(CALLS)
    op.execute(JOBS.format(hour=HOUR[op.get_bind().dialect.name]))
    for table, column in (("attempt", "provider"), ("attempt", "ended_at"), ("attempt", "job_id")):
        op.drop_index(f"ix_{table}_{column}", table)
    op.create_index("ix_attempt_job", "attempt", ["job_id", "ended_at"])
    op.drop_index("ix_asked_caller_id", "asked")
    op.create_index("ix_asked_newest", "asked", ["caller_id", "at"])
    op.drop_index("ix_outbox_caller_id", "outbox")
    op.drop_index("ix_outbox_next_at", "outbox")
    op.create_index("ix_outbox_newest", "outbox", ["caller_id", "created_at"])
    op.create_index(
        "ix_outbox_stuck",
        "outbox",
        ["caller_id", "state", "created_at"],
        sqlite_where=STUCK,
        postgresql_where=STUCK,
    )
    op.create_index(
        "ix_outbox_due", "outbox", ["next_at"], sqlite_where=PENDING, postgresql_where=PENDING
    )


def downgrade() -> None:
    for name in ("ix_outbox_due", "ix_outbox_stuck", "ix_outbox_newest"):
        op.drop_index(name, "outbox")
    op.create_index("ix_outbox_next_at", "outbox", ["next_at"])
    op.create_index("ix_outbox_caller_id", "outbox", ["caller_id"])
    op.drop_index("ix_asked_newest", "asked")
    op.create_index("ix_asked_caller_id", "asked", ["caller_id"])
    op.drop_index("ix_attempt_job", "attempt")
    for column in ("job_id", "ended_at", "provider"):
        op.create_index(f"ix_attempt_{column}", "attempt", [column])
    op.drop_table("job_tally")
    op.drop_table("call_tally")
