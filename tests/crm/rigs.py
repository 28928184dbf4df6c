"""The CRMs that the contract of an adapter is tried on: each adapter adds its own here."""

from collections.abc import Awaitable, Callable
from typing import Protocol

from app.crm import Adapter, Kind
from app.provider import Answer, Request
from tests.crm.hubspot_rig import HubSpotRig
from tests.fakes.clock import Clock
from tests.fakes.small_crm import Fault, Small, SmallCrm


class Rig(Protocol):
    """A stand-in for one CRM, and the adapter that knows it.

    `text` is a property of persons that takes any text, `strange` one that a write is refused for.
    """

    text: str
    strange: str

    @property
    def adapter(self) -> Adapter:
        """The adapter."""

    def call(self, request: Request) -> Awaitable[Answer]:
        """Answer one request; a failure is an answer."""

    def person(self, email: str) -> str:
        """Make a record and return its id."""

    def company(self, domain: str) -> str:
        """Make a record and return its id."""

    def types(self, record_id: str, value: str) -> None:
        """Write into `text` of a person as a human does."""

    def value(self, record_id: str) -> str:
        """Return what is in `text` of a person."""

    def remove(self, record_id: str) -> None:
        """Delete a person."""

    def notes(self) -> list[str]:
        """Return the texts of all notes."""

    def belongs_to(self, record_id: str) -> str:
        """Return the id of a person's company, empty when it has none."""

    def loses_the_next_note(self) -> None:
        """Have the next note made, and its answer lost."""

    def refuses_the_next(self) -> None:
        """Answer the next request as when a limit is reached."""

    def locks_out(self) -> None:
        """Let nobody in from now on."""


class SmallRig:
    """The small CRM of the tests."""

    text = "title"
    strange = "nowhere"

    def __init__(self, clock: Clock) -> None:
        self.crm = SmallCrm(clock)
        self.adapter: Adapter = Small()

    def call(self, request: Request) -> Awaitable[Answer]:
        return self.crm.call(request)

    def person(self, email: str) -> str:
        self.crm.person(f"p{len(self.crm.records)}", email=email)
        return f"p{len(self.crm.records) - 1}"

    def company(self, domain: str) -> str:
        self.crm.company(f"c{len(self.crm.records)}", domain=domain)
        return f"c{len(self.crm.records) - 1}"

    def types(self, record_id: str, value: str) -> None:
        self.crm.type(Kind.person, record_id, title=value)

    def value(self, record_id: str) -> str:
        return self.crm.records[Kind.person, record_id].values.get("title", "")

    def remove(self, record_id: str) -> None:
        del self.crm.records[Kind.person, record_id]

    def notes(self) -> list[str]:
        return [note["text"] for note in self.crm.notes.values()]

    def belongs_to(self, record_id: str) -> str:
        return self.crm.records[Kind.person, record_id].company

    def loses_the_next_note(self) -> None:
        self.crm.faults.append(Fault("POST", "/notes", 502, after=True))

    def refuses_the_next(self) -> None:
        self.crm.faults.append(Fault("GET", "/", 429, {"wait": 10}))

    def locks_out(self) -> None:
        self.crm.token = "another"


RIGS: dict[str, Callable[[Clock], Rig]] = {"hubspot": HubSpotRig, "small": SmallRig}
