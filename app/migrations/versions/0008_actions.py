"""What people say of a card: that it helped, or that it is about somebody else."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_posted_place", "posted", ["place", "ref"])
    op.create_table(
        "feedback",
        sa.Column("job_id", sa.String(), nullable=False),
        sa.Column("caller_id", sa.String(), nullable=False),
        sa.Column("voter", sa.String(), nullable=False),
        sa.Column("vote", sa.String(), nullable=False),
        sa.Column("sources", sa.JSON(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("job_id", "caller_id", "voter"),
    )
    op.create_table(
        "vote_tally",
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("helped", sa.Integer(), nullable=False),
        sa.Column("not_helped", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("source"),
    )
    op.create_table(
        "rejected",
        sa.Column("prospect", sa.String(), nullable=False),
        sa.Column("mark", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("prospect", "mark"),
    )


def downgrade() -> None:
    op.drop_table("rejected")
    op.drop_table("vote_tally")
    op.drop_table("feedback")
    op.drop_index("ix_posted_place", "posted")
