"""Large batches: their rows wait in the store, and workers ask for a few at a time."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

OPEN = sa.text("state IN ('first_pass', 'second_pass')")


def upgrade() -> None:
    op.create_table(
        "batch_run",
        sa.Column("batch_id", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("terms", sa.JSON(), nullable=False),
        sa.Column("sheet", sa.JSON(), nullable=False),
        sa.Column("told", sa.JSON(), nullable=False),
        sa.Column("told_percent", sa.Integer(), nullable=False),
        sa.Column("max_credits", sa.Float(), nullable=True),
        sa.Column("spent", sa.Float(), nullable=False),
        sa.Column("tallies", sa.JSON(), nullable=False),
        sa.Column("again", sa.Integer(), nullable=False),
        sa.Column("gained", sa.Integer(), nullable=False),
        sa.Column("file_token", sa.String(), nullable=False),
        sa.Column("due_at", sa.DateTime(), nullable=True),
        sa.Column("ended_at", sa.DateTime(), nullable=True),
        sa.PrimaryKeyConstraint("batch_id"),
        sa.UniqueConstraint("file_token"),
    )
    op.create_index(
        "ix_batch_run_open", "batch_run", ["state"], sqlite_where=OPEN, postgresql_where=OPEN
    )
    op.create_table(
        "batch_ask",
        sa.Column("batch_id", sa.String(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("prospect_key", sa.String(), nullable=False),
        sa.Column("prospect", sa.JSON(), nullable=True),
        sa.Column("cells", sa.JSON(), nullable=False),
        sa.Column("bound", sa.Float(), nullable=True),
        sa.Column("status", sa.String(), nullable=True),
        sa.Column("mailbox", sa.String(), nullable=True),
        sa.Column("unheard", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("batch_id", "position"),
    )
    op.create_index("ix_batch_ask_state", "batch_ask", ["batch_id", "state", "position"])
    op.create_index("ix_batch_ask_alike", "batch_ask", ["prospect_key", "batch_id", "state"])


def downgrade() -> None:
    op.drop_table("batch_ask")
    op.drop_table("batch_run")
