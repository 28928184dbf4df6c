"""What channels have posted and may change, and how fast they may call others."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

HELD = sa.text("owner IS NOT NULL")


def upgrade() -> None:
    op.create_table(
        "posted",
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("target", sa.String(), nullable=False),
        sa.Column("job_id", sa.String(), nullable=False),
        sa.Column("job_at", sa.DateTime(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("place", sa.String(), nullable=False),
        sa.Column("ref", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("owner", sa.String(), nullable=True),
        sa.Column("lease_until", sa.DateTime(), nullable=True),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("channel", "target"),
    )
    op.create_index("ix_posted_job_id", "posted", ["job_id"])
    op.create_index("ix_posted_held", "posted", ["owner"], sqlite_where=HELD, postgresql_where=HELD)
    op.create_table(
        "turn",
        sa.Column("door", sa.String(), nullable=False),
        sa.Column("next_at", sa.DateTime(), nullable=False),
        sa.Column("shut_until", sa.DateTime(), nullable=True),
        sa.PrimaryKeyConstraint("door"),
    )
    op.create_index("ix_turn_next", "turn", ["next_at"])


def downgrade() -> None:
    op.drop_table("turn")
    op.drop_table("posted")
