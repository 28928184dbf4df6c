"""Where Slack may be answered, what was looked up there, and what operators have to hear of."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

UNTOLD = sa.text("delivery_id IS NULL")
OWES = sa.text("owes")


def upgrade() -> None:
    owes = sa.Column("owes", sa.Boolean(), nullable=False, server_default=sa.false())
    op.add_column("posted", owes)
    op.create_index("ix_posted_owes", "posted", ["at"], sqlite_where=OWES, postgresql_where=OWES)
    op.create_table(
        "reply_url",
        sa.Column("mark", sa.String(), nullable=False),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("expires_at", sa.DateTime(), nullable=False),
        sa.Column("uses_left", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("mark"),
    )
    op.create_index("ix_reply_url_expires_at", "reply_url", ["expires_at"])
    op.create_table(
        "lookup",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.Column("until", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_index("ix_lookup_until", "lookup", ["until"])
    op.create_table(
        "alert",
        sa.Column("cause", sa.String(), nullable=False),
        sa.Column("words", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("delivery_id", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("cause"),
    )
    op.create_index(
        "ix_alert_untold", "alert", ["at"], sqlite_where=UNTOLD, postgresql_where=UNTOLD
    )


def downgrade() -> None:
    op.drop_table("alert")
    op.drop_table("lookup")
    op.drop_table("reply_url")
    op.drop_index("ix_posted_owes", "posted")
    op.drop_column("posted", "owes")
