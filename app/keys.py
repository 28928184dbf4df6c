"""API keys and the secrets that sign callbacks."""

import hmac
from base64 import b64encode
from dataclasses import dataclass
from datetime import datetime, timedelta
from secrets import token_bytes, token_hex, token_urlsafe
from typing import Any

from sqlalchemy import Connection

from app import callers
from app.digest import digest
from app.errors import NotFound, Unauthorized
from app.front import OPERATOR, Front
from app.tables import Key
from app.views import SCOPES, UNLIMITED, Caller, caller_view

KEY_PREFIX = "wc_"

ID_PREFIX = "key_"
"""Of callers with a key: the operator and connections have none."""

CALLER_BYTES = 1_000
"""About what one remembered caller takes."""

ROTATION = timedelta(hours=24)
"""How long an old callback secret goes on signing beside the new one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys(Front):
    """The verbs around callers."""

    def authenticate(self, secret: str) -> Caller:
        """Return who holds this API key. Raises Unauthorized when nobody does (any more)."""
        state, hashed = self.state(), digest(secret)
        if known := self.callers_known.get(state, hashed):
            return known
        row = self.database.read(lambda db: callers.key_by_secret(db, hashed))
        if row is None:
            raise Unauthorized("The API key is not valid; create one with `warmcall keys create`.")
        caller = caller_view(row)
        self.callers_known.keep(state, hashed, caller, CALLER_BYTES)
        return caller

    def recognise(self, secret: str) -> Caller | None:
        """Return who holds this API key if that can be told at once; None = ask `authenticate`.

        Takes microseconds and waits for nobody. What is remembered is dropped as soon as anything
        was committed, by whichever process: a key that was revoked is not recognised from then on.
        """
        state, hashed = self.state(), digest(secret)
        if known := self.callers_known.get(state, hashed):
            return known
        row = callers.key_at_once(self.database.state, hashed)
        if row is None:
            return None
        caller = caller_view(row)
        self.callers_known.keep(state, hashed, caller, CALLER_BYTES)
        return caller

    def create_key(
        self, name: str, *, quota: int | None = None, scopes: frozenset[str] = SCOPES
    ) -> tuple[Caller, str]:
        """Create a caller; return it with its secret, which is not kept."""
        secret = f"{KEY_PREFIX}{token_urlsafe(32)}"
        key = Key(
            id=f"{ID_PREFIX}{token_hex(6)}",
            name=name,
            secret_hash=digest(secret),
            scopes=sorted(scopes),
            quota=quota,
            callback_secret=callback_secret(),
            created_at=self.now(),
        )
        self.database.write(lambda db: callers.add_key(db, key)).result()
        return self._key(key.id), secret

    def list_keys(self) -> list[Caller]:
        """Return all callers with a key, the revoked ones too."""
        rows = self.database.read(callers.keys)
        return [caller_view(row) for row in rows if row.id.startswith(ID_PREFIX)]

    def revoke_key(self, key_id: str) -> Caller:
        """Make a key invalid at once. Raises NotFound."""
        return self._change_key(key_id, revoked_at=self.now())

    def rotate_key(self, key_id: str) -> tuple[Caller, str]:
        """Give a caller a new secret; the old one is invalid at once. Raises NotFound."""
        secret = f"{KEY_PREFIX}{token_urlsafe(32)}"
        return self._change_key(key_id, secret_hash=digest(secret)), secret

    def rotate_callback_secret(self, caller: Caller) -> Caller:
        """Give a caller a new callback secret; the old one signs too for ROTATION."""
        return self._change_key(
            caller.id,
            callback_secret=callback_secret(),
            callback_previous=caller.callback_secret,
            callback_previous_until=self.now() + ROTATION,
        )

    def local_caller(self) -> Caller:
        """Return the operator at the terminal, who needs no key."""

        def found(db: Connection) -> Any:
            if callers.key_row(db, OPERATOR) is None:
                callers.add_key(db, _operator(self.now()))
            return callers.key_row(db, OPERATOR)

        known = self.database.read(lambda db: callers.key_row(db, OPERATOR))
        return caller_view(known or self.database.write(found).result())

    def secret_for(self, purpose: str) -> bytes:
        """Return 32 bytes that all processes of this installation share, others per purpose.

        They are derived from the operator's signing secret, which the store keeps from its first
        use on and nobody can change.
        """
        kept = self.local_caller().callback_secret
        return hmac.digest(kept.encode(), purpose.encode(), "sha256")

    def _key(self, key_id: str) -> Caller:
        row = self.database.read(lambda db: callers.key_row(db, key_id))
        if row is None or not key_id.startswith(ID_PREFIX):
            raise NotFound(f"There is no key {key_id}; `warmcall keys list` shows all.")
        return caller_view(row)

    def _change_key(self, key_id: str, **values: object) -> Caller:
        self._key(key_id)
        self.database.write(lambda db: callers.change_key(db, key_id, **values)).result()
        return self._key(key_id)


def _operator(now: datetime) -> Key:
    return Key(
        id=OPERATOR,
        name="operator at the terminal",
        secret_hash=OPERATOR,  # no secret has this digest
        scopes=sorted(SCOPES),
        quota=UNLIMITED,
        callback_secret=callback_secret(),
        created_at=now,
    )


def callback_secret() -> str:
    """Make a secret that signs callbacks after Standard Webhooks."""
    return f"whsec_{b64encode(token_bytes(32)).decode()}"
