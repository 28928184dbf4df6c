"""Rows that may be there already: one statement each, so that no other process comes between."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table
from sqlalchemy.dialects import postgresql, sqlite

_INSERTS: Mapping[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


def put_new(db: Connection, kind: Any, row: Mapping[str, Any]) -> bool:
    """Insert a row. False when a row with one of its unique keys was there: nothing changed."""
    inserted = _insert(db, kind).values(row).on_conflict_do_nothing()
    return bool(db.execute(inserted).rowcount)


def put(
    db: Connection,
    kind: Any,
    row: Mapping[str, Any],
    *,
    changes: Mapping[str, Any] | None = None,
    only_if: ColumnElement[bool] | None = None,
) -> bool:
    """Insert a row, or change the one with its primary key; False when `only_if` forbade that.

    `changes` are what the row that was there gets (default: everything of the new one).
    """
    keys = [column.name for column in _table(kind).primary_key]
    changed = {name: row[name] for name in row if name not in keys} if changes is None else changes
    insert = _insert(db, kind).values(row)
    return bool(
        db.execute(
            insert.on_conflict_do_update(index_elements=keys, set_=dict(changed), where=only_if)
        ).rowcount
    )


def add_up(db: Connection, kind: Any, row: Mapping[str, Any]) -> None:
    """Insert a row, or add its numbers to those of the row with its primary key."""
    db.execute(_adding(db.dialect.name, kind), row)


@cache
def _adding(dialect: str, kind: Any) -> Any:
    table = _table(kind)
    insert = _INSERTS[dialect](table)
    numbers = [column.name for column in table.columns if not column.primary_key]
    sums = {name: table.c[name] + insert.excluded[name] for name in numbers}
    keys = [column.name for column in table.primary_key]
    return insert.on_conflict_do_update(index_elements=keys, set_=sums)


def _insert(db: Connection, kind: Any) -> Any:
    insert = _INSERTS[db.dialect.name](_table(kind))
    return insert.execution_options(preserve_rowcount=True)  # else it is not told for an INSERT


def _table(kind: Any) -> Table:
    table: Table = kind.__table__
    return table
