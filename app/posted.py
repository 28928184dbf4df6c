"""What channels have posted, so that it is changed instead of posted again: the store's side."""

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import Connection, Row, and_, delete, exists, or_, select, update
from sqlmodel import col

from app.database import Database, surely
from app.delivery import Posting
from app.rows import put_new
from app.tables import IS_HELD, IS_OWING, Job, Outbox, Posted

LEASE = timedelta(seconds=60)
"""As long as a try of a delivery: after it another worker may change what is posted."""

_NAMES = tuple(one.name for one in fields(Posting))


IS_BEHIND: Any = and_(
    IS_OWING,
    col(Posted.state) == "posted",
    col(Posted.job_id) == col(Job.id),
    col(Job.finished_at).is_not(None),
)
"""A message that shows a job as it was before it ended, and may still be changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PostingsKept:
    """The postings of all workers; `owner` names this one."""

    database: Database
    now: Callable[[], datetime]
    owner: str

    def claim(
        self, channel: str, target: str, job_id: str, job_at: datetime
    ) -> Awaitable[Posting | None]:
        """Hold what is posted at an address; a new one if nothing is. None: somebody else does."""
        at = self.now()
        new = Posting(channel=channel, target=target, job_id=job_id, job_at=job_at, at=at)
        return surely(self.database, partial(self._claim, new=new), _order(channel, target))

    def note(self, posting: Posting) -> Awaitable[None]:
        """Write down what has become of a posting that is held, as of now."""
        work = partial(self._note, posting=posting)
        return surely(self.database, work, _order(posting.channel, posting.target))

    def let_go(self, channel: str, target: str) -> Awaitable[None]:
        """Hold it no longer."""
        work = partial(self._let_go, channel=channel, target=target)
        return surely(self.database, work, _order(channel, target))

    def drop(self, channel: str, target: str) -> Awaitable[None]:
        """Forget a posting that is held."""
        work = partial(self._drop, channel=channel, target=target)
        return surely(self.database, work, _order(channel, target))

    def _claim(self, db: Connection, new: Posting) -> Posting | None:
        now = self.now()
        put_new(db, Posted, asdict(new) | {"owner": None, "lease_until": None})
        ends, at_address = col(Posted.lease_until), _at_address(new.channel, new.target)
        free = or_(ends.is_(None), ends < now, ends > now + 2 * LEASE)  # the last: a clock set back
        held = {"owner": self.owner, "lease_until": now + LEASE}
        if not db.execute(update(Posted).where(*at_address, free).values(held)).rowcount:
            return None
        row = db.execute(select(Posted).where(*at_address)).one()
        return Posting(**{name: getattr(row, name) for name in _NAMES})

    def _note(self, db: Connection, posting: Posting) -> None:
        mine = (*_at_address(posting.channel, posting.target), col(Posted.owner) == self.owner)
        db.execute(update(Posted).where(*mine).values(asdict(posting) | {"at": self.now()}))

    def _let_go(self, db: Connection, channel: str, target: str) -> None:
        mine = (*_at_address(channel, target), col(Posted.owner) == self.owner)
        db.execute(update(Posted).where(*mine).values(owner=None, lease_until=None))

    def _drop(self, db: Connection, channel: str, target: str) -> None:
        mine = (*_at_address(channel, target), col(Posted.owner) == self.owner)
        db.execute(delete(Posted).where(*mine))


def at_place(db: Connection, channel: str, place: str, ref: str) -> Sequence[Row[Any]]:
    """Return what is posted at a place, by the channel's own words for it."""
    there = (col(Posted.place) == place, col(Posted.ref) == ref)
    return db.execute(select(Posted).where(col(Posted.channel) == channel, *there)).all()


def replace(db: Connection, channel: str, target: str, job_id: str, job_at: datetime) -> None:
    """Have what is posted at an address show this job next, even if it is the older one."""
    shows = {"job_id": job_id, "job_at": job_at, "version": 0}
    db.execute(update(Posted).where(*_at_address(channel, target)).values(shows))


def take_away(db: Connection, channel: str, target: str, now: datetime) -> None:
    """Note that somebody took a message away, whoever is changing it now: it stays away."""
    gone = {"state": "gone", "reason": "taken away", "owner": None, "lease_until": None, "at": now}
    db.execute(update(Posted).where(*_at_address(channel, target)).values(gone))


def bereave(db: Connection, alive: Collection[str]) -> None:
    """Take what is posted from those who are not alive: they change it no more."""
    dead = (IS_HELD, col(Posted.owner).not_in(sorted(alive)))
    db.execute(update(Posted).where(*dead).values(owner=None, lease_until=None))


def behind(db: Connection, before: datetime, limit: int) -> Sequence[Row[str, str, str, str]]:
    """Return what shows an ended job as it was, since before then, while nobody changes it.

    A message that could not be changed, for a reason that lasts, stays as it is.
    """
    told = exists().where(
        col(Outbox.job_id) == col(Posted.job_id),
        col(Outbox.target) == col(Posted.target),
        col(Outbox.state) == "pending",
    )
    return db.execute(
        select(col(Posted.channel), col(Posted.target), col(Posted.job_id), col(Job.status))
        .where(IS_BEHIND, col(Posted.at) < before, ~told)
        .limit(limit)
    ).all()


def touch(db: Connection, row: Any, now: datetime) -> None:
    """Note that somebody is to bring a message up to date."""
    db.execute(update(Posted).where(*_at_address(row.channel, row.target)).values(at=now))


def _at_address(channel: str, target: str) -> tuple[Any, ...]:
    return col(Posted.channel) == channel, col(Posted.target) == target


def _order(channel: str, target: str) -> str:
    return f"posted:{channel}:{target}"
