"""Systems that send us records: how each proves who it is, and where in its bodies is what.

A connection comes from the operator's TOML file or environment (`read`, `of_secret`), or from the
database (app/connecting.py).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_core import ErrorDetails

from app.digest import digest
from app.errors import BadSettings

DEFAULT = "default"
"""The connection that CRM_WEBHOOK_SECRET sets up."""

HEADER = "x-signature"

NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
"""What a connection may be called: it is part of a URL, of a caller's id and of addresses."""

PLACES = (
    "event_id",
    "type",
    "object",
    "record_id",
    "email",
    "domain",
    "linkedin_url",
    "name",
    "first_name",
    "last_name",
    "company",
    "callback_url",
    "occurred_at",
)
"""What is read of an item (facts/crm.md section 9.5, read 2026-11-21)."""


class Auth(StrEnum):
    """How a sender proves who it is."""

    standard = "standard"  # Standard Webhooks: id, time and body signed
    hmac = "hmac"  # the hex HMAC-SHA256 of the body in a header
    bearer = "bearer"  # a token in Authorization
    basic = "basic"  # user and password in Authorization


SIGNING = frozenset({Auth.standard, Auth.hmac})
"""Ways for which the secret itself must be known; for the others a digest is enough."""


@dataclass(frozen=True, slots=True)
class Connection:
    """A sender. It may prove itself in any of the ways in `auths`.

    `secrets` sign (several while one is being rotated), `digests` are SHA-256 in hex of tokens and
    of `user:password`. `header` has the signature of Auth.hmac. `paths` says where something of
    PLACES is when not under its own name: names joined by dots, numbers for places in a list.
    A form whose `honeypot` is filled in was sent by a robot. `source` is file, setting or database.
    """

    name: str
    auths: frozenset[Auth]
    secrets: tuple[str, ...] = field(default=(), repr=False)
    digests: tuple[str, ...] = field(default=(), repr=False)
    header: str = HEADER
    paths: Mapping[str, str] = field(default_factory=dict)
    honeypot: str = ""
    quota: int | None = None
    source: str = "file"

    def path(self, place: str) -> str:
        """Return where something is in an item."""
        return self.paths.get(place, place)


def caller_id(name: str) -> str:
    """Return the id of the caller that a connection is."""
    return f"crm_{name}"


def of_secret(text: str) -> Connection:
    """Return the connection of CRM_WEBHOOK_SECRET: a comma list, the newest secret first."""
    secrets = tuple(part.strip() for part in text.split(",") if part.strip())
    auths = frozenset({Auth.standard, Auth.hmac, Auth.bearer})
    digests = tuple(map(digest, secrets))
    return Connection(DEFAULT, auths, secrets, digests, source="setting")


def login(user: str, password: str) -> str:
    """Return what Auth.basic keeps a digest of."""
    return f"{user}:{password}"


Text = Annotated[str, Field(min_length=1, max_length=200)]
Path = Annotated[str, Field(pattern=r"^[^.\s]+(\.[^.\s]+)*$", max_length=200)]


class _Section(BaseModel):
    """A section `[connections.NAME]` of the file."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    kind: Literal["webhook"] = "webhook"
    auth: Auth | list[Auth]
    secret: SecretStr | list[SecretStr]
    user: Text = "warmcall"
    header: Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{1,60}$")] = HEADER
    fields: dict[str, Path] = {}
    honeypot: str = Field("", max_length=200)
    quota: Annotated[int, Field(ge=0)] | Literal["unlimited"] | None = None

    @field_validator("fields")
    @classmethod
    def _known(cls, value: dict[str, str]) -> dict[str, str]:
        # a form may have more places than an item: what it calls ours is free
        if strange := [name for name in value if not re.fullmatch(r"[a-z_]{1,40}", name)]:
            raise ValueError(f"no such field: {', '.join(strange)[:100]}")
        return value

    @model_validator(mode="after")
    def _long_enough(self) -> Self:
        if any(len(one) < SHORTEST for one in self.texts):
            raise ValueError(f"a secret has at least {SHORTEST} characters")
        return self

    @property
    def texts(self) -> tuple[str, ...]:
        """Return the secrets, the newest first."""
        given = self.secret if isinstance(self.secret, list) else [self.secret]
        return tuple(one.get_secret_value() for one in given)

    def connection(self, name: str, unlimited: int) -> Connection:
        """Return the connection that the section describes."""
        auths = frozenset(self.auth if isinstance(self.auth, list) else [self.auth])
        sent = [*self.texts, *(login(self.user, one) for one in self.texts)]
        return Connection(
            name,
            auths,
            secrets=self.texts if auths & SIGNING else (),
            digests=tuple(map(digest, sent)) if auths - SIGNING else (),
            header=self.header.lower(),
            paths=dict(self.fields),
            honeypot=self.honeypot,
            quota=unlimited if self.quota == "unlimited" else self.quota,
        )


SHORTEST = 16
"""Characters of a secret: what is shorter can be guessed."""


def read(tables: Mapping[str, object], unlimited: int = -1) -> dict[str, Connection]:
    """Read the sections `[connections.NAME]` that describe a webhook, by name.

    A section with another `kind` is a CRM that we speak to, and left to its adapter.
    Raises BadSettings that lists every bad part, without any value.
    """
    found: dict[str, Connection] = {}
    problems: list[str] = []
    for name, table in tables.items():
        if isinstance(table, Mapping) and table.get("kind", "webhook") != "webhook":
            continue
        try:
            found[name] = _Section.model_validate(table).connection(named(name), unlimited)
        except ValidationError as exc:
            problems += [f"connections.{name}{_said(one)}" for one in exc.errors()]
        except ValueError as exc:
            problems.append(f"connections.{name}: {exc}")
    if problems:
        raise BadSettings(f"WARMCALL_CRM is not usable: {'; '.join(problems)}.")
    return found


def named(name: str) -> str:
    """Return the name if a connection may have it. Raises ValueError."""
    if not NAME.fullmatch(name):
        raise ValueError("a name has 1 to 40 of a-z, 0-9, - and _")
    return name


def _said(error: ErrorDetails) -> str:
    where = "".join(f".{part}" for part in error["loc"])
    return f"{where}: {error['msg'].removeprefix('Value error, ')}"
