"""Batches: many prospects asked for at once."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "batch",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("caller_id", sa.String(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_batch_created_at", "batch", ["created_at"])
    op.create_table(
        "batch_row",
        sa.Column("batch_id", sa.String(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("job_id", sa.String(), nullable=True),
        sa.Column("problem", sa.String(), nullable=True),
        sa.Column("served_from", sa.String(), nullable=True),
        sa.Column("pays", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("batch_id", "position"),
    )
    op.create_index("ix_batch_row_job_id", "batch_row", ["job_id"])


def downgrade() -> None:
    op.drop_index("ix_batch_row_job_id", "batch_row")
    op.drop_table("batch_row")
    op.drop_index("ix_batch_created_at", "batch")
    op.drop_table("batch")
