"""Where our app is installed: the store's side. Tokens are sealed (app/vault.py)."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import Connection, case, delete, or_, select, update
from sqlmodel import col

from app.alerts import alert
from app.database import Database
from app.errors import BadSettings
from app.installation import LOCKED, REVOKED, Installation
from app.memory import Memory
from app.rows import put
from app.tables import Installed
from app.vault import Vault

log = logging.getLogger("warmcall.installed")

ROOM = 1_000_000
"""Bytes of installations that a process remembers: some thousand."""

SIZE = 1_000
"""About what one takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InstallationsKept:
    """The installations of one surface, for all processes.

    Without a vault only the operator's own token is used: nothing can be opened.
    """

    database: Database
    now: Callable[[], datetime]
    surface: str
    vault: Vault | None = None
    known: Memory[Installation] = field(default_factory=lambda: Memory(ROOM), repr=False)

    def find(self, team_id: str) -> Installation | None:
        """Return what is known of a workspace; remembered until anything was committed."""
        state = self.database.state()
        if found := self.known.get(state, team_id):
            return found
        row = self.database.read(partial(_row, surface=self.surface, team_id=team_id))
        if row is None:
            return None
        found = self._read(row)
        self.known.keep(state, team_id, found, SIZE)
        return found

    def all(self) -> Sequence[Installation]:
        """Return all, the broken ones too, by the name of their workspaces."""
        return [self._read(row) for row in self.database.read(partial(_rows, surface=self.surface))]

    def keep(self, one: Installation) -> None:
        """Put an installation in place of what was known of its workspace.

        Of the operator's own token there is one workspace: others of before are forgotten.
        Raises BadSettings when there is a token, and no key to seal it with.
        """
        sealed = None if one.by_setting else self._sealed(one.token)
        self.database.write(partial(self._keep, one=one, sealed=sealed)).result()

    def revoke(self, team_id: str, reason: str, at: datetime) -> None:
        """Forget the token of a workspace that took our app away `at` this time.

        What was installed after that is another installation, and stays.
        """
        work = partial(self._revoke, team_id=team_id, reason=reason, at=at)
        self._tell(team_id, reason, is_new=self.database.write(work).result())

    def broken(self, team_id: str, token: str, word: str) -> None:
        """Note that a workspace refused a token; a newer one is not touched by it."""
        work = partial(self._broken, team_id=team_id, token=token, word=word)
        self._tell(team_id, word, is_new=self.database.write(work).result())

    def works(self, team_id: str) -> None:
        """Note that the token of the operator's setting works (again)."""
        mine = (*self._at(team_id), col(Installed.token).is_(None), col(Installed.reason) != "")
        well = update(Installed).where(*mine).values(reason="", revoked_at=None)
        self.database.write(lambda db: db.execute(well)).result()

    def renew(self) -> int:
        """Seal with the newest key what older ones have sealed; return how many that were."""
        return sum(map(self._renewed, self.database.read(partial(_rows, surface=self.surface))))

    # --- in a transaction ---

    def _keep(self, db: Connection, one: Installation, sealed: str | None) -> None:
        if one.by_setting:
            others = (col(Installed.surface) == self.surface, col(Installed.team_id) != one.team_id)
            db.execute(delete(Installed).where(*others, col(Installed.token).is_(None)))
        row = {name: getattr(one, name) for name in _COLUMNS}
        put(db, Installed, {**row, "scopes": list(one.scopes), **self._key(one), "token": sealed})

    def _revoke(self, db: Connection, team_id: str, reason: str, at: datetime) -> bool:
        is_older = or_(col(Installed.installed_at) <= at, col(Installed.token).is_(None))
        gone = update(Installed).where(
            *self._at(team_id), is_older, col(Installed.reason) != reason
        )
        return bool(db.execute(gone.values(**self._gone(reason))).rowcount)

    def _broken(self, db: Connection, team_id: str, token: str, word: str) -> bool:
        row = _row(db, self.surface, team_id)
        if row is None:  # the operator's own token, of which nothing was known yet
            one = Installation(
                team_id=team_id, installed_at=self.now(), by_setting=True, reason=word
            )
            self._keep(db, one, None)
            return True
        is_another = bool(row.token) and self._read(row).token != token
        if is_another or row.reason == word:
            return False
        is_gone = bool(row.token) and word in REVOKED
        values = self._gone(word) if is_gone else {"reason": word}
        db.execute(update(Installed).where(*self._at(team_id)).values(**values))
        return True

    # --- parts ---

    def _gone(self, reason: str) -> dict[str, Any]:
        """Return the changes that take a token away; that of the setting is none of the store's."""
        kept = case((col(Installed.token).is_(None), None), else_="")
        return {"token": kept, "reason": reason, "revoked_at": self.now()}

    def _sealed(self, token: str) -> str:
        if self.vault is None:
            raise BadSettings("WARMCALL_ENCRYPTION_KEYS: missing, so no token can be kept.")
        return self.vault.seal(token) if token else ""

    def _read(self, row: Any) -> Installation:
        token, reason = self._opened(row.token), row.reason
        told = {name: getattr(row, name) for name in _COLUMNS}
        return Installation(
            **told | {"scopes": tuple(row.scopes), "reason": LOCKED if token is None else reason},
            token=token or "",
            by_setting=row.token is None,
        )

    def _opened(self, sealed: str | None) -> str | None:
        """Return a token, empty when there is none; None when no key opens it."""
        if not sealed:
            return ""
        try:
            return self.vault.open(sealed) if self.vault else None
        except BadSettings:
            return None

    def _renewed(self, row: Any) -> bool:
        try:
            sealed = self.vault.renewed(row.token) if self.vault and row.token else None
        except BadSettings:
            self._tell(row.team_id, LOCKED, is_new=True)
            return False
        if sealed is None:
            return False
        same = update(Installed).where(*self._at(row.team_id), col(Installed.token) == row.token)
        self.database.write(lambda db: db.execute(same.values(token=sealed))).result()
        return True

    def _at(self, team_id: str) -> tuple[Any, Any]:
        return col(Installed.surface) == self.surface, col(Installed.team_id) == team_id

    def _key(self, one: Installation) -> dict[str, str]:
        return {"surface": self.surface, "team_id": one.team_id}

    def _tell(self, team_id: str, reason: str, *, is_new: bool) -> None:
        if is_new:
            cause, words = f"{self.surface} {team_id}", _trouble(self.surface, team_id, reason)
            self.database.write(lambda db: alert(db, cause, words, self.now())).result()
            told = {"surface": self.surface, "team_id": team_id, "reason": reason}
            log.warning("installation broken: see `warmcall doctor`", extra=told)


def _trouble(surface: str, team_id: str, reason: str) -> str:
    where = f"{surface.capitalize()} workspace {team_id}"
    return f"{where} no longer takes our calls ({reason}): see `warmcall doctor`."


_COLUMNS = tuple(name for name in Installation.__slots__ if name not in {"token", "by_setting"})


def _row(db: Connection, surface: str, team_id: str) -> Any:
    found = (col(Installed.surface) == surface, col(Installed.team_id) == team_id)
    return db.execute(select(Installed).where(*found)).one_or_none()


def _rows(db: Connection, surface: str) -> Sequence[Any]:
    mine = select(Installed).where(col(Installed.surface) == surface)
    return db.execute(mine.order_by(col(Installed.name), col(Installed.team_id))).all()
