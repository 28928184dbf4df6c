"""What a CRM is to the core: its records and events, and the contract of an adapter.

An adapter does no I/O, as a provider does none (app/provider.py): each verb is a generator that
yields a Request, is sent its Answer, and returns what it came to. Everything after `parse` is
shared by all CRMs: recording events, coalescing them, the policy of writing, the audit
(facts/crm.md section 9.1, read 2026-11-21).
"""

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol, TypeAlias, TypeVar

from app.provider import Answer, Request

T = TypeVar("T")
Steps: TypeAlias = Generator[Request, Answer, T]
"""A conversation with a CRM: one request after the other, then what it came to."""


class Kind(StrEnum):
    """What a record is about."""

    person = "person"
    company = "company"


class Happening(StrEnum):
    """What happened to a record."""

    created = "created"
    updated = "updated"
    deleted = "deleted"  # it may come back: restorable
    merged = "merged"  # into the record of the event; `others` are no more
    erased = "erased"  # for ever, for the person's privacy


@dataclass(frozen=True, slots=True)
class Ref:
    """One record: of which connection, of which kind, and the CRM's own id for it."""

    connection: str
    kind: Kind
    id: str


@dataclass(frozen=True, slots=True)
class CrmEvent:
    """What a CRM tells of a record. `key` is the same when the same event is told again.

    `is_echo` marks what our own writing has caused.
    """

    key: str
    ref: Ref
    happening: Happening
    occurred_at: datetime
    is_echo: bool = False
    others: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Property:
    """How a CRM defines a property. `type` is text, number, boolean, date, datetime or choice.

    `options` (value -> label) are what a choice may be, without hidden ones.
    """

    name: str
    type: str
    options: Mapping[str, str] = field(default_factory=dict)
    is_read_only: bool = False


@dataclass(frozen=True, slots=True)
class CrmRecord:
    """A record as it is now. `ref` has the id of the answer: after a merge, the winner's.

    `values` has a text for each property that has one. `ours` are those that our app wrote last.
    `company` is the one that a person's record belongs to. `email` and `domain` say who it is.
    """

    ref: Ref
    values: Mapping[str, str] = field(repr=False)
    ours: frozenset[str] = frozenset()
    email: str = field(default="", repr=False)
    domain: str = ""
    name: str = field(default="", repr=False)
    company_name: str = ""
    linkedin_url: str = field(default="", repr=False)
    company: Ref | None = None
    owner_email: str = field(default="", repr=False)
    url: str = ""
    opted_out: bool = False
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Written:
    """What became of a write: what was taken, and why the rest was not (property -> reason)."""

    written: frozenset[str]
    refused: Mapping[str, str]
    status: int = 0
    correlation_id: str = ""


@dataclass(frozen=True, slots=True)
class Note:
    """The card for a record's timeline. `mark` is found in both texts: it tells notes apart."""

    mark: str
    html: str = field(repr=False)
    text: str = field(repr=False)
    at: datetime


class Adapter(Protocol):
    """One CRM. Frozen, no I/O, no clock; secrets never show in `repr`.

    The verbs raise DeliveryFailed (`final` when no retry can help, `undone` when nothing was
    done) and DeliveryPutOff for limits, nothing else. `word` names the reason: `unauthorized`
    and `missing_scope` mark the connection as broken.
    """

    @property
    def name(self) -> str:
        """The vendor: hubspot, pipedrive, attio, salesforce."""

    @property
    def fields(self) -> Mapping[Kind, Mapping[str, str]]:
        """The vendor's usual property for each of our field names, by kind."""

    def fetch(self, ref: Ref, properties: Sequence[str]) -> Steps[CrmRecord | None]:
        """Return the record with these properties; None when it is gone."""

    def properties(self, kind: Kind) -> Steps[Mapping[str, Property]]:
        """Return the live definitions by name."""

    def translate(self, prop: Property, value: str) -> str | None:
        """Return a fact's value as this property takes it; None when it would be a guess."""

    def write(self, ref: Ref, changes: Mapping[str, str]) -> Steps[Written]:
        """Set properties; one that is refused never costs the others."""

    def note(self, about: Sequence[Ref], note: Note, known: str) -> Steps[str]:
        """Put the note on the records' timelines, or change the `known` one; return its id.

        May be called again after an uncertain answer: no second note comes of it.
        """
