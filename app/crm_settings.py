"""The file that WARMCALL_CRM names: which of our fields goes where in a CRM, and when.

    [fields.hubspot]
    policy = "fill_blank"          # of every property that is not named below; "never" = none
    propose_to = "T0001:C0002"     # where in Slack somebody is asked about what is proposed
    cards_to = "T0001:C0003"       # where in Slack the card of a new record comes

    [fields.hubspot.person]
    jobtitle = "person.title"
    phone = {policy = "propose"}   # the usual field of this property
    city = {field = "person.location.city", policy = "overwrite", sure = 0.9}

Sections `[connections.NAME]` are those of the signed webhooks; see integrations/crm.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from app.crm import Adapter, Kind
from app.crm_plan import LIKELY, SURE, Policy, Rule, fields_known
from app.errors import BadSettings

_CONVERSATION = r"^([TE][A-Z0-9]+:[CDGU][A-Z0-9]+)?$"

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Mapped(_Part):
    """What goes into one property. Without `field` it is the CRM's usual one."""

    field: str = ""
    policy: Policy | None = None
    sure: float | None = Field(default=None, ge=0, le=1)


class Fields(_Part):
    """The rules of one connection. Two places are conversations in Slack: `TEAM:CHANNEL`."""

    policy: Policy = Policy.fill_blank
    propose_to: Annotated[str, StringConstraints(pattern=_CONVERSATION)] = ""
    cards_to: Annotated[str, StringConstraints(pattern=_CONVERSATION)] = ""
    person: Mapping[str, Mapped | str] = Field(default={})
    company: Mapping[str, Mapped | str] = Field(default={})

    def rules(self, kind: Kind, usual: Mapping[str, str]) -> tuple[Rule, ...]:
        """Return the rules of a kind; `usual` is the CRM's property for each of our fields.

        Raises BadSettings that names the property whose field is not known.
        """
        named = self.person if kind is Kind.person else self.company
        fields = {prop: name for name, prop in usual.items()}
        rules = {prop: _rule(prop, Mapped(), name, self.policy) for prop, name in fields.items()}
        for prop, said in named.items():
            mapped = Mapped(field=said) if isinstance(said, str) else said
            name = mapped.field or fields.get(prop, "")
            if not fields_known(name):
                raise BadSettings(f"WARMCALL_CRM: {kind.value}.{prop}: no such field: {name!r}")
            rules[prop] = _rule(prop, mapped, name, self.policy)
        return tuple(rules.values())


class CrmFile(_Part):
    """The whole file. `connections` is read by those who have such connections."""

    connections: Mapping[Name, Mapping[str, Any]] = Field(default={})
    fields: Mapping[Name, Fields] = Field(default={})

    @staticmethod
    def parse(text: str) -> "CrmFile":
        """Read TOML text. Raises BadSettings, whose message names every bad key."""
        try:
            return CrmFile.model_validate(tomllib.loads(text))
        except tomllib.TOMLDecodeError as exc:
            raise BadSettings(f"WARMCALL_CRM: the file is not TOML: {exc}.") from exc
        except ValidationError as exc:
            bad = "; ".join(
                f"`{'.'.join(map(str, one['loc']))}` {one['msg'][:1].lower()}{one['msg'][1:]}"
                for one in exc.errors(include_url=False, include_input=False)
            )
            raise BadSettings(f"WARMCALL_CRM: the file is not usable: {bad}.") from exc


@dataclass(frozen=True, slots=True)
class Connected:
    """A connection that can be written to: its name, who knows the CRM, and its rules by kind.

    `propose_to` is where somebody is asked about what is proposed, `cards_to` where the cards of
    new records come; empty = nowhere.
    """

    name: str
    adapter: Adapter
    rules: Mapping[Kind, tuple[Rule, ...]]
    propose_to: str = ""
    cards_to: str = ""


def connected(name: str, adapter: Adapter, file: CrmFile | None = None) -> Connected:
    """Return a connection with the rules of the file, or the usual ones. Raises BadSettings."""
    fields = (file or CrmFile()).fields.get(name, Fields())
    rules = {kind: fields.rules(kind, adapter.fields.get(kind, {})) for kind in Kind}
    return Connected(name, adapter, rules, fields.propose_to, fields.cards_to)


def _rule(prop: str, mapped: Mapped, name: str, default: Policy) -> Rule:
    policy = mapped.policy or default
    sure = mapped.sure
    if sure is None:
        sure = SURE if policy is Policy.overwrite else LIKELY
    return Rule(prop, name, policy, sure)
