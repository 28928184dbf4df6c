"""Rows that may be there already: one statement each, so that no other process comes between.

A statement on the plain `table` of a model, made once and given its values when it is executed,
costs a fraction of one that is made anew on the model for every call.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, bindparam
from sqlalchemy.dialects import postgresql, sqlite

_INSERTS: Mapping[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


def table(kind: Any) -> Table:
    """Return the plain table of a model."""
    found: Table = kind.__table__
    return found


def put_new(db: Connection, kind: Any, row: Mapping[str, Any]) -> bool:
    """Insert a row. False when a row with one of its unique keys was there: nothing changed."""
    return bool(db.execute(_new(db.dialect.name, table(kind)), dict(row)).rowcount)


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
    if changes is None and only_if is None:
        upsert = _upsert(db.dialect.name, table(kind), tuple(row))
    else:
        upsert = _changing(_insert(db.dialect.name, table(kind)), tuple(row), changes, only_if)
    return bool(db.execute(upsert, dict(row)).rowcount)


def add_up(
    db: Connection,
    kind: Any,
    row: Mapping[str, Any],
    more: Mapping[str, float] | None = None,
) -> None:
    """Insert a row, or add `more` to the numbers of the one with its primary key.

    `more` are by default all the numbers of the new row.
    """
    if more is None:
        keys = table(kind).primary_key
        more = {name: value for name, value in row.items() if name not in keys}
    told = {f"more_{name}": number for name, number in more.items()}
    db.execute(_adding(db.dialect.name, table(kind), tuple(more)), {**row, **told})


def upsert(
    dialect: str, kind: Any, changes: Mapping[str, Any], only_if: ColumnElement[bool] | None = None
) -> Any:
    """Return a statement that inserts a row, or makes `changes` in the one with its primary key."""
    return _changing(_insert(dialect, table(kind)), (), changes, only_if)


@cache
def _adding(dialect: str, kind: Table, names: tuple[str, ...]) -> Any:
    more = {
        name: kind.c[name] + bindparam(f"more_{name}", type_=kind.c[name].type) for name in names
    }
    return _changing(_insert(dialect, kind), names, more, None)


@cache
def _new(dialect: str, kind: Table) -> Any:
    return _insert(dialect, kind).on_conflict_do_nothing()


@cache
def _upsert(dialect: str, kind: Table, names: tuple[str, ...]) -> Any:
    return _changing(_insert(dialect, kind), names, None, None)


def _changing(
    insert: Any,
    names: tuple[str, ...],
    changes: Mapping[str, Any] | None,
    only_if: ColumnElement[bool] | None,
) -> Any:
    keys = [column.name for column in insert.table.primary_key]
    all_others = {name: insert.excluded[name] for name in names if name not in keys}
    changed = all_others if changes is None else dict(changes)
    return insert.on_conflict_do_update(index_elements=keys, set_=changed, where=only_if)


def _insert(dialect: str, kind: Table) -> Any:
    insert = _INSERTS[dialect](kind)
    return insert.execution_options(preserve_rowcount=True)  # else it is not told for an INSERT
