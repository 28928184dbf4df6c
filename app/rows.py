"""Rows that may be there already: one statement each, so that no other process comes between.

A statement on the plain `table` of a model, made once and given its values when it is executed,
costs a fraction of one that is made anew on the model for every call.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, bindparam, text
from sqlalchemy.dialects import postgresql, sqlite

_INSERTS: Mapping[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}
_DIALECTS: Mapping[str, Any] = {
    "sqlite": sqlite.dialect(paramstyle="named"),
    "postgresql": postgresql.dialect(paramstyle="named"),  # type: ignore[no-untyped-call]
}


def table(kind: Any) -> Table:
    """Return the plain table of a model."""
    found: Table = kind.__table__
    return found


def put_new(db: Connection, kind: Any, row: Mapping[str, Any]) -> bool:
    """Insert a row. False when a row with one of its unique keys was there: nothing changed."""
    return bool(db.execute(_new(db.dialect.name, table(kind), tuple(row)), dict(row)).rowcount)


def put(db: Connection, kind: Any, row: Mapping[str, Any]) -> None:
    """Insert a row, or put it in place of the one with its primary key."""
    db.execute(_upsert(db.dialect.name, table(kind), tuple(row)), dict(row))


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
        keys = {column.name for column in table(kind).primary_key}
        more = {name: value for name, value in row.items() if name not in keys}
    told = {f"more_{name}": number for name, number in more.items()}
    adding = _adding(db.dialect.name, table(kind), tuple(row), tuple(more))
    db.execute(adding, {**row, **told})


@cache
def _adding(dialect: str, kind: Table, names: tuple[str, ...], counted: tuple[str, ...]) -> Any:
    more = {
        name: kind.c[name] + bindparam(f"more_{name}", type_=kind.c[name].type) for name in counted
    }
    return _compiled(dialect, _changing(_insert(dialect, kind), names, more, None), names)


def changing(dialect: str, kind: Any, changes: Mapping[str, Any], only_if: Any = None) -> Any:
    """Return a statement that inserts a row of all columns, or makes `changes` in the one there."""
    whole = table(kind)
    names = tuple(column.name for column in whole.columns)
    return _compiled(dialect, _changing(_insert(dialect, whole), names, changes, only_if), names)


@cache
def _new(dialect: str, kind: Table, names: tuple[str, ...]) -> Any:
    return _compiled(dialect, _insert(dialect, kind).on_conflict_do_nothing(), names)


@cache
def _upsert(dialect: str, kind: Table, names: tuple[str, ...]) -> Any:
    return _compiled(dialect, _changing(_insert(dialect, kind), names, None, None), names)


def _compiled(dialect: str, statement: Any, names: tuple[str, ...]) -> Any:
    """Return a statement as text: SQLAlchemy 2.0 compiles one with ON CONFLICT at every call."""
    made = statement.compile(dialect=_DIALECTS[dialect], column_keys=names)
    values = [
        bindparam(name, type_=one.type) if one.required else bindparam(name, one.value, one.type)
        for one, name in made.bind_names.items()
    ]
    told = str(made).replace("::", r"\:\:")  # a cast of PostgreSQL's, and no parameter
    return text(told).bindparams(*values).execution_options(preserve_rowcount=True)


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
