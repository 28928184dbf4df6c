"""What channels have looked up at others and need not ask again for a while."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import Connection, select
from sqlmodel import col

from app.database import Database, surely
from app.rows import put
from app.tables import Lookup


@dataclass(frozen=True, slots=True, kw_only=True)
class LookupsKept:
    """What all workers have looked up."""

    database: Database
    now: Callable[[], datetime]

    def find(self, key: str) -> Awaitable[str | None]:
        """Return what was found, empty for nothing; None when it has to be asked (again)."""
        return asyncio.to_thread(self.database.read, partial(self._find, key=key))

    def keep(self, key: str, value: str, span: timedelta) -> Awaitable[None]:
        """Remember what was found for so long."""
        row = {"key": key, "value": value, "until": self.now() + span}
        return surely(self.database, partial(_keep, row=row), f"lookup:{key}")

    def _find(self, db: Connection, key: str) -> str | None:
        valid = (col(Lookup.key) == key, col(Lookup.until) > self.now())
        return db.execute(select(col(Lookup.value)).where(*valid)).scalar_one_or_none()


def _keep(db: Connection, row: dict[str, object]) -> None:
    put(db, Lookup, row)
