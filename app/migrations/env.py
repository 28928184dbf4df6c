"""Alembic's environment: runs on the connection that app/database.py opened."""

from alembic import context
from sqlmodel import SQLModel

from app import tables

_ = tables  # its import fills the metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=SQLModel.metadata,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
