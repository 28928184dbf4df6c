"""Indexes by age, for what is deleted because it is old."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TOLD = sa.text("result IS NOT NULL")


def upgrade() -> None:
    op.create_index("ix_job_told", "job", ["finished_at"], sqlite_where=TOLD, postgresql_where=TOLD)
    op.create_index("ix_event_at", "event", ["at"])
    op.create_index("ix_fact_age", "fact", ["section", "seen_at"])
    op.create_index("ix_coverage_age", "coverage", ["section", "as_of"])


def downgrade() -> None:
    op.drop_index("ix_coverage_age", "coverage")
    op.drop_index("ix_fact_age", "fact")
    op.drop_index("ix_event_at", "event")
    op.drop_index("ix_job_told", "job")
