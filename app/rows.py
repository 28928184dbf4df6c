"""Rows that may be there already: one statement each, so that no other process comes between."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table
from sqlalchemy.dialects import postgresql, sqlite

_INSERTS: Mapping[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


def put_new(db: Connection, kind: Any, row: Mapping[str, Any]) -> bool:
    """Insert a row. False when a row with one of its unique keys was there: nothing changed."""
    return bool(db.execute(_insert_new(db.dialect.name, kind), row).rowcount)


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
    insert = _insert(db.dialect.name, kind).values(row)
    return bool(
        db.execute(
            insert.on_conflict_do_update(index_elements=keys, set_=dict(changed), where=only_if)
        ).rowcount
    )


def upsert(dialect: str, kind: Any, changes: Mapping[str, Any], only_if: Any = None) -> Any:
    """Return a statement that inserts a row, or makes `changes` in the one with its primary key.

    To be made once and executed with rows of always the same columns: that saves most of its cost.
    """
    keys = [column.name for column in _table(kind).primary_key]
    return _insert(dialect, kind).on_conflict_do_update(
        index_elements=keys, set_=dict(changes), where=only_if
    )


@cache
def _insert_new(dialect: str, kind: Any) -> Any:
    return _insert(dialect, kind).on_conflict_do_nothing()


def _insert(dialect: str, kind: Any) -> Any:
    insert = _INSERTS[dialect](_table(kind))
    return insert.execution_options(preserve_rowcount=True)  # else it is not told for an INSERT


def _table(kind: Any) -> Table:
    table: Table = kind.__table__
    return table
