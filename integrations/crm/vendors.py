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
from app.crm import Adapter, CrmEvent, Kind
from app.digest import digest
from app.errors import BadSettings
from integrations.crm.attio import adapter as attio_api
from integrations.crm.attio import events as attio
from integrations.crm.pipedrive import events as pipedrive
from integrations.crm.pipedrive.adapter import Pipedrive
from integrations.crm.salesforce import adapter as salesforce_api
from integrations.crm.salesforce import events as salesforce

Headers = Mapping[str, str]
Hear = Callable[[bytes, Headers, datetime], list[CrmEvent]]
Secret = Annotated[SecretStr, Field(min_length=SHORTEST)]
Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{0,64}$")]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_]{0,80}$")]
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


class AttioSection(_Section):
    """One workspace of Attio. Its webhooks are signed; they carry no time."""

    kind: Literal["attio"]
    url: Url = attio_api.URL
    token: Secret
    actor_id: Id = ""
    secret: Secret
    people: Id = "people"
    companies: Id = "companies"

    def vendor(self, name: str) -> Vendor:
        """Return what the section describes."""
        adapter = attio_api.Attio(
            key=self.token.get_secret_value(), base_url=self.url, actor_id=self.actor_id
        )
        proof = Connection(
            name,
            frozenset({Auth.hmac}),
            secrets=(self.secret.get_secret_value(),),
            header="attio-signature",
        )
        kinds = {self.people: Kind.person, self.companies: Kind.company}
        return Vendor(self.kind, adapter, proof, partial(_attio, name, kinds, self.actor_id))


class SalesforceSection(_Section):
    """One organization of Salesforce. A Flow calls us with a bearer token: it cannot sign."""

    kind: Literal["salesforce"]
    url: Url
    version: Annotated[str, Field(pattern=r"^v[0-9]{2}\.0$")] = salesforce_api.VERSION
    token: Secret
    secret: Secret
    external_id: Name = ""
    domain_id: Name = ""
    tasks: bool = False

    def vendor(self, name: str) -> Vendor:
        """Return what the section describes."""
        adapter = salesforce_api.Salesforce(
            key=self.token.get_secret_value(),
            base_url=self.url,
            version=self.version,
            external_id=self.external_id,
            domain_id=self.domain_id,
            has_tasks=self.tasks,
        )
        known = digest(self.secret.get_secret_value())
        proof = Connection(name, frozenset({Auth.bearer}), digests=(known,))
        return Vendor(self.kind, adapter, proof, partial(_salesforce, name))


def _pipedrive(
    name: str, user_id: str, raw: bytes, headers: Headers, now: datetime
) -> list[CrmEvent]:
    return pipedrive.events(raw, name, user_id, now)


def _attio(
    name: str,
    kinds: Mapping[str, Kind],
    actor_id: str,
    raw: bytes,
    headers: Headers,
    now: datetime,
) -> list[CrmEvent]:
    return attio.events(raw, headers.get("idempotency-key", ""), name, kinds, actor_id, now)


def _salesforce(name: str, raw: bytes, headers: Headers, now: datetime) -> list[CrmEvent]:
    return salesforce.events(raw, name, now)


Section = PipedriveSection | AttioSection | SalesforceSection

_SECTION: TypeAdapter[Section] = TypeAdapter(Annotated[Section, Field(discriminator="kind")])


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
