"""What a CRM is to the core: its records and events, and the contract of an adapter.

An adapter does no I/O, as a provider does none (app/provider.py): each verb is a generator that
yields a Request, is sent its Answer, and returns what it came to. Everything after `parse` is
shared by all CRMs: recording events, coalescing them, the policy of writing, the audit
(facts/crm.md section 9.1, read 2026-11-21).
"""

from collections.abc import Awaitable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol, TypeAlias, TypeVar

from app.provider import Answer, Pace, Request

T = TypeVar("T")
Steps: TypeAlias = Generator[Request, Answer, T]
"""A conversation with a CRM: one request after the other, then what it came to."""


class Kind(StrEnum):
    """What a record is about."""

    person = "person"
    company = "company"


class Happening(StrEnum):
    """What happened to a record."""

    created = "created"  # or came back after it was deleted
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

    @property
    def target(self) -> str:
        """Return the record in one word: its address in the outbox (channel `crm`).

        >>> Ref("hubspot", Kind.person, "512").target
        'hubspot:person:512'
        """
        return f"{self.connection}:{self.kind.value}:{self.id}"

    @staticmethod
    def read(target: str) -> "Ref":
        """Read what `target` gave; no connection's name has a colon. Raises ValueError.

        >>> Ref.read("attio:company:a:b").id
        'a:b'
        """
        connection, kind, record_id = target.split(":", 2)
        return Ref(connection, Kind(kind), record_id)


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

    `name` is what a write calls it, `label` what people do. `options` (value -> label) are what a
    choice may be, without hidden ones.
    """

    name: str
    type: str
    options: Mapping[str, str] = field(default_factory=dict)
    is_read_only: bool = False
    label: str = ""


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
    """The card for a record's timeline. `mark` is found in both texts: it tells notes apart.

    `may_be_there` means that an earlier try had no certain end: look for the mark first.
    """

    mark: str
    html: str = field(repr=False)
    text: str = field(repr=False)
    at: datetime
    may_be_there: bool = False


class Adapter(Protocol):
    """One CRM. Frozen, no I/O, no clock; secrets never show in `repr`.

    The verbs raise DeliveryFailed (`final` when no retry can help, `undone` when nothing was
    done) and DeliveryPutOff for limits, nothing else. `word` names the reason: UNAUTHORIZED and
    MISSING_SCOPE mark the connection as broken, and the message says what the operator has to do.
    A Request without an answer has an Answer with `failure` (see app/provider.py).
    """

    @property
    def name(self) -> str:
        """The vendor: hubspot, pipedrive, attio, salesforce."""

    @property
    def pace(self) -> Pace:
        """How fast the account may be called, by all our processes together."""

    @property
    def fields(self) -> Mapping[Kind, Mapping[str, str]]:
        """The vendor's usual property for each of our field names (app/crm_plan.py), by kind."""

    def fetch(self, ref: Ref, properties: Sequence[str]) -> Steps[CrmRecord | None]:
        """Return the record with these properties; None when it is gone.

        A property that is not defined there is left out, and so is one without a value.
        """

    def find(self, connection: str, kind: Kind, identifier: str) -> Steps[Ref | None]:
        """Return the one person with this e-mail address, or the one company with this domain.

        None when there is none or more than one, or when the CRM cannot be asked.
        """

    def properties(self, kind: Kind) -> Steps[Mapping[str, Property]]:
        """Return the live definitions by name."""

    def translate(self, prop: Property, value: str) -> str | None:
        """Return a fact's value as this property takes it; None when it would be a guess."""

    def write(self, ref: Ref, changes: Mapping[str, str]) -> Steps[Written]:
        """Set properties, clear those whose text is empty; a refused one never costs the others."""

    def associate(self, person: Ref, company: Ref) -> Steps[None]:
        """Say that a person belongs to a company; harmless when it is so already."""

    def note(self, about: Sequence[Ref], note: Note, known: str) -> Steps[str]:
        """Put the note on the records' timelines, or change the `known` one; return its id.

        May be called again after an uncertain answer: no second note comes of it. A known note
        that somebody has taken away stays away.
        """


UNAUTHORIZED, MISSING_SCOPE = "unauthorized", "missing_scope"

BREAKING = frozenset({UNAUTHORIZED, MISSING_SCOPE})
"""Words of a failure after which nothing goes to the CRM until an operator has done something."""


class Line(Protocol):
    """A way to talk with the CRM of one connection."""

    @property
    def adapter(self) -> Adapter:
        """Who knows the CRM."""

    def ask(self, steps: Steps[T]) -> Awaitable[T]:
        """Hold a conversation, at the CRM's pace. Raises as the adapter's verbs do."""


def at_once(result: T) -> Steps[T]:
    """Return a conversation of no request: for what a CRM cannot be asked."""
    yield from ()
    return result
