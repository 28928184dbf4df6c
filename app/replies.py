"""Where who asked can be answered for a while, should their card not come: the store's side.

The URLs are secrets. They stand nowhere else, and are gone when they are used up or too old.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import Connection, delete, select, update
from sqlmodel import col

from app.database import Database, surely
from app.rows import put_new
from app.tables import ReplyUrl

VALID = timedelta(minutes=30)
USES = 5
"""How long and how often Slack lets such a URL be used (facts/slack.md, read 2026-11-21)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RepliesKept:
    """The reply URLs of all who asked, each by the mark of what was asked."""

    database: Database = field(repr=False)
    now: Callable[[], datetime]

    def keep(self, mark: str, url: str) -> None:
        """Remember where an ask can be answered; nobody waits for it to be written."""
        row = {"mark": mark, "url": url, "expires_at": self.now() + VALID, "uses_left": USES}
        self.database.write(partial(_keep, row=row), passing=True)

    def take(self, mark: str) -> Awaitable[str | None]:
        """Use a URL once; None when there is none (any more)."""
        return surely(self.database, partial(self._take, mark=mark), f"reply:{mark}")

    def drop(self, mark: str) -> Awaitable[None]:
        """Forget a URL: it is of no use."""
        return surely(self.database, partial(_drop, mark=mark), f"reply:{mark}")

    def _take(self, db: Connection, mark: str) -> str | None:
        valid = (col(ReplyUrl.mark) == mark, col(ReplyUrl.expires_at) > self.now())
        found = db.execute(select(ReplyUrl).where(*valid)).one_or_none()
        if found is None or found.uses_left <= 1:
            _drop(db, mark)
        else:
            fewer = update(ReplyUrl).where(col(ReplyUrl.mark) == mark)
            db.execute(fewer.values(uses_left=col(ReplyUrl.uses_left) - 1))
        return found.url if found else None


def _keep(db: Connection, row: dict[str, object]) -> None:
    put_new(db, ReplyUrl, row)


def _drop(db: Connection, mark: str) -> None:
    db.execute(delete(ReplyUrl).where(col(ReplyUrl.mark) == mark))
