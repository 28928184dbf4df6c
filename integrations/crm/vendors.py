"""CRMs that the operator's file names: `[connections.NAME]` with a `kind` of its own.

[connections.sales]
kind = "pipedrive"
url = "https://acme.pipedrive.com"
token = "..."                  # of the user whose changes are ours
user_id = "9"                  # that user
password = "..."               # Basic authorization of its webhooks, with `user`
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, TypeAdapter, ValidationError

from app.connections import SHORTEST, Auth, Connection, login, named
from app.crm import Adapter, CrmEvent
from app.digest import digest
from app.errors import BadSettings
from integrations.crm.pipedrive import events as pipedrive
from integrations.crm.pipedrive.adapter import Pipedrive

Headers = Mapping[str, str]
Hear = Callable[[bytes, Headers, datetime], list[CrmEvent]]
Secret = Annotated[SecretStr, Field(min_length=SHORTEST)]
Url = Annotated[str, Field(pattern=r"^https?://[^\s/?#]+$")]


@dataclass(frozen=True, slots=True)
class Vendor:
    """A CRM of one connection: who knows it, how its webhooks prove themselves, what they say.

    `hear` raises ValueError for what is no delivery.
    """

    kind: str
    adapter: Adapter
    proof: Connection
    hear: Hear


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PipedriveSection(_Section):
    """One company at Pipedrive. Its webhooks carry Basic authorization, and no signature."""

    kind: Literal["pipedrive"]
    url: Url
    token: Secret
    user_id: Annotated[str, Field(pattern=r"^[0-9]{0,20}$")] = ""
    user: str = Field("warmcall", min_length=1, max_length=200)
    password: Secret
    domain_field: str = Field("", max_length=100)

    def vendor(self, name: str) -> Vendor:
        """Return what the section describes."""
        known = digest(login(self.user, self.password.get_secret_value()))
        adapter = Pipedrive(
            key=self.token.get_secret_value(), base_url=self.url, domain_field=self.domain_field
        )
        proof = Connection(name, frozenset({Auth.basic}), digests=(known,))
        return Vendor(self.kind, adapter, proof, partial(_pipedrive, name, self.user_id))


def _pipedrive(
    name: str, user_id: str, raw: bytes, headers: Headers, now: datetime
) -> list[CrmEvent]:
    return pipedrive.events(raw, name, user_id, now)


Section = Annotated[PipedriveSection, Field(discriminator="kind")]

_SECTION: TypeAdapter[PipedriveSection] = TypeAdapter(Section)


def vendors(tables: Mapping[str, Mapping[str, object]]) -> dict[str, Vendor]:
    """Read the sections that have a kind, by name. Raises BadSettings without any value."""
    found: dict[str, Vendor] = {}
    problems: list[str] = []
    for name, table in tables.items():
        if table.get("kind", "webhook") == "webhook":
            continue
        try:
            found[name] = _SECTION.validate_python(dict(table)).vendor(named(name))
        except ValidationError as exc:
            told = exc.errors(include_url=False, include_input=False)
            problems += [f"connections.{name}{_said(one['loc'], one['msg'])}" for one in told]
        except ValueError as exc:
            problems.append(f"connections.{name}: {exc}")
    if problems:
        raise BadSettings(f"WARMCALL_CRM is not usable: {'; '.join(problems)}.")
    return found


def _said(where: tuple[int | str, ...], message: str) -> str:
    return "".join(f".{part}" for part in where) + f": {message}"
