"""What people have chosen about their cards: every query over it."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, delete, select, update
from sqlmodel import col

from app.preference import Preference
from app.rows import put_new
from app.tables import Preferred

_NAMES = tuple(Preference.__slots__)


def of(db: Connection, team: str, user: str) -> Preference:
    """Return what a person has chosen."""
    row = db.execute(select(Preferred).where(*_whose(team, user))).one_or_none()
    return Preference(**{name: getattr(row, name) for name in _NAMES}) if row else Preference()


def change(db: Connection, team: str, user: str, changes: Mapping[str, object]) -> Preference:
    """Change some of it, and return it all."""
    standing = Preference()
    untouched: dict[str, Any] = {name: getattr(standing, name) for name in _NAMES}
    put_new(db, Preferred, {"team": team, "user_id": user, **untouched})
    db.execute(update(Preferred).where(*_whose(team, user)).values(dict(changes)))
    return of(db, team, user)


def forget_team(db: Connection, team: str) -> int:
    """Drop what the people of a workspace have chosen; return of how many."""
    return db.execute(delete(Preferred).where(col(Preferred.team) == team)).rowcount


def _whose(team: str, user: str) -> tuple[Any, ...]:
    return col(Preferred.team) == team, col(Preferred.user_id) == user
