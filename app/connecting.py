"""The verbs around connections: who may send us records, and as which caller."""

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from hmac import digest as hmac_digest
from secrets import token_hex, token_urlsafe
from typing import Any

from sqlalchemy import Connection as Db

from app import callers, partners
from app.connections import HEADER, SIGNING, Auth, Connection, caller_id, login, named
from app.digest import digest
from app.errors import Conflict, InvalidRequest, NotFound
from app.keys import Keys, callback_secret
from app.tables import CrmConnection, Key
from app.views import SCOPES, UNLIMITED, Caller, caller_view

USER = "warmcall"
"""The user of Auth.basic where none was chosen."""


@dataclass(frozen=True, slots=True)
class ConnectionView:
    """A connection as an operator sees it, and when it last asked for something."""

    connection: Connection
    asked_at: datetime | None = None
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Connecting(Keys):
    """Connections: those of the settings (`connections_given`), and those in the database."""

    connections_given: Mapping[str, Connection] = field(default_factory=dict, repr=False)

    def connect(
        self,
        name: str,
        auth: Auth,
        *,
        user: str = USER,
        header: str = HEADER,
        paths: Mapping[str, str] | None = None,
        quota: int | None = None,
    ) -> tuple[Connection, str]:
        """Make a connection; return it with its secret, of which nothing readable is kept.

        Raises InvalidRequest for a bad name, Conflict when there is one of this name.
        """
        try:
            named(name)
        except ValueError as exc:
            raise InvalidRequest(f"{exc}.".capitalize()) from exc
        row = CrmConnection(
            name=name,
            auth=auth.value,
            header=header.lower(),
            paths=dict(paths or {}),
            created_at=self.now(),
        )
        secret = self._secret_in(row, auth, user)

        def added(db: Db) -> bool:
            if not partners.add_connection(db, row):
                return False
            callers.add_key(db, _key(caller_id(name), self.now()))
            callers.change_key(db, caller_id(name), quota=UNLIMITED if quota is None else quota)
            return True

        if name in self.connections_given or not self.database.write(added).result():
            raise Conflict(f"There is a connection {name} already; disconnect it first.")
        return self.connection(name), secret

    def _secret_in(self, row: CrmConnection, auth: Auth, user: str) -> str:
        """Put into a row by what the secret is known again; return the secret."""
        if auth in SIGNING:
            row.nonce = token_hex(16)
            return self._made(row.name, row.nonce)
        secret = token_urlsafe(32)
        row.secret_hash = digest(login(user, secret) if auth is Auth.basic else secret)
        return secret

    def _made(self, name: str, nonce: str) -> str:
        key = self.secret_for(f"connection:{name}")
        return f"whsec_{b64encode(hmac_digest(key, nonce.encode(), 'sha256')).decode()}"

    def disconnect(self, name: str) -> None:
        """Take nothing more from a connection. Raises NotFound, and Conflict for one of a file."""
        if given := self.connections_given.get(name):
            raise Conflict(f"The connection {name} is set up in a {given.source}; remove it there.")
        if not self.database.write(lambda db: partners.drop_connection(db, name)).result():
            raise NotFound(f"There is no connection {name[:64]}.")

    def connection(self, name: str) -> Connection:
        """Return a connection. Raises NotFound."""
        if given := self.connections_given.get(name):
            return given
        row = self.database.read(lambda db: partners.connection_row(db, name))
        if row is None:
            raise NotFound(f"There is no connection {name[:64]}.")
        return self._read(row)

    def _read(self, row: Any) -> Connection:
        auth = Auth(row.auth)
        return Connection(
            row.name,
            frozenset({auth}),
            secrets=(self._made(row.name, row.nonce),) if auth in SIGNING else (),
            digests=(row.secret_hash,) if row.secret_hash else (),
            header=row.header,
            paths=row.paths,
            source="database",
        )

    def connections(self) -> list[ConnectionView]:
        """Return all connections by name."""
        rows = self.database.read(partners.connection_rows)
        made = {row.name: self._read(row) for row in rows}
        since = {row.name: row.created_at for row in rows if row.name not in self.connections_given}
        every = {**made, **self.connections_given}

        def asked(db: Db) -> dict[str, datetime | None]:
            return {name: partners.asked_last(db, caller_id(name)) for name in every}

        last = self.database.read(asked)
        return [ConnectionView(every[n], last[n], since.get(n)) for n in sorted(every)]

    def connected(self, connection: Connection) -> Caller:
        """Return the caller that a connection is. It has no API key, but a callback secret."""
        its_id = caller_id(connection.name)
        row = self.database.read(lambda db: callers.key_row(db, its_id))
        if row is None:
            self.database.write(lambda db: callers.add_key(db, _key(its_id, self.now()))).result()
            row = self.database.read(lambda db: callers.key_row(db, its_id))
        caller = caller_view(row)
        return caller if connection.quota is None else replace(caller, quota=connection.quota)


def _key(its_id: str, now: datetime) -> Key:
    return Key(
        id=its_id,
        name=f"connection {its_id.removeprefix('crm_')}",
        secret_hash=its_id,  # no secret has this digest
        scopes=sorted(SCOPES),
        quota=UNLIMITED,  # whoever connects a system decides what it may spend
        callback_secret=callback_secret(),
        created_at=now,
    )
