"""The CRMs that the contract of an adapter is tried on: each adapter adds its own here."""

from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from app.crm import Adapter, Kind
from app.provider import Answer, Request
from integrations.crm.attio.adapter import Attio as AttioAdapter
from integrations.crm.pipedrive.adapter import Pipedrive as PipedriveAdapter
from integrations.crm.salesforce.adapter import Salesforce as SalesforceAdapter
from tests.crm.hubspot_rig import HubSpotRig
from tests.fakes import attio, pipedrive, salesforce
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


class PipedriveRig:
    """Pipedrive: a field of one's own is named by its code."""

    text = pipedrive.TITLE
    strange = "f" * 40

    def __init__(self, clock: Clock) -> None:
        self.crm = pipedrive.Pipedrive(clock)
        self.adapter: Adapter = PipedriveAdapter(key=pipedrive.TOKEN, base_url=pipedrive.URL)

    def call(self, request: Request) -> Awaitable[Answer]:
        return self.crm.call(request)

    def person(self, email: str) -> str:
        mails = [{"value": email, "primary": True, "label": "work"}]
        return str(self.crm.add("persons", name="Jane Roe", emails=mails))

    def company(self, domain: str) -> str:
        return str(self.crm.add("organizations", name=domain))

    def types(self, record_id: str, value: str) -> None:
        self.crm.records["persons", int(record_id)]["custom_fields"][self.text] = value

    def value(self, record_id: str) -> str:
        found = self.crm.records["persons", int(record_id)]["custom_fields"].get(self.text)
        return found or ""

    def remove(self, record_id: str) -> None:
        self.crm.records["persons", int(record_id)]["is_deleted"] = True

    def notes(self) -> list[str]:
        return [note["content"] for note in self.crm.notes.values()]

    def belongs_to(self, record_id: str) -> str:
        return str(self.crm.records["persons", int(record_id)]["org_id"] or "")

    def loses_the_next_note(self) -> None:
        self.crm.faults.append(("POST", "/notes", 502, True))

    def refuses_the_next(self) -> None:
        self.crm.faults.append(("GET", "/", 429, False))

    def locks_out(self) -> None:
        self.crm.token = "another"


class AttioRig:
    """Attio: a note is on one record, and a newer one takes its place."""

    text = "job_title"
    strange = "no_such_attribute"

    def __init__(self, clock: Clock) -> None:
        self.crm = attio.Attio(clock)
        self.adapter: Adapter = AttioAdapter(
            key=attio.TOKEN, base_url=attio.URL, actor_id=attio.ACTOR
        )

    def call(self, request: Request) -> Awaitable[Answer]:
        return self.crm.call(request)

    def person(self, email: str) -> str:
        return self.crm.add("people", name="Jane Roe", email_addresses=email)

    def company(self, domain: str) -> str:
        return self.crm.add("companies", name=domain, domains=domain)

    def types(self, record_id: str, value: str) -> None:
        self.crm.set("people", record_id, job_title=value)

    def value(self, record_id: str) -> str:
        values = self.crm.records["people", record_id].get("job_title") or [{"value": ""}]
        return str(values[0]["value"])

    def remove(self, record_id: str) -> None:
        del self.crm.records["people", record_id]

    def notes(self) -> list[str]:
        return [note["content"] for note in self.crm.notes.values()]

    def belongs_to(self, record_id: str) -> str:
        values = self.crm.records["people", record_id].get("company") or [{}]
        return str(values[0].get("target_record_id", ""))

    def loses_the_next_note(self) -> None:
        self.crm.faults.append(("POST", "/notes", 502, True))

    def refuses_the_next(self) -> None:
        self.crm.faults.append(("GET", "/", 429, False))

    def locks_out(self) -> None:
        self.crm.token = "another"


class SalesforceRig:
    """Salesforce: people are leads or contacts, and a note is a task."""

    text = "Title"
    strange = "No_Such__c"

    def __init__(self, clock: Clock) -> None:
        self.crm = salesforce.Salesforce(clock)
        self.adapter: Adapter = SalesforceAdapter(
            key=salesforce.TOKEN,
            base_url=salesforce.URL,
            external_id=salesforce.EXTERNAL,
            domain_id=salesforce.DOMAIN,
            has_tasks=True,
        )

    def call(self, request: Request) -> Awaitable[Answer]:
        return self.crm.call(request)

    def person(self, email: str) -> str:
        known = {"Name": "Jane Roe", "Email": email, salesforce.EXTERNAL: email}
        return f"Contact/{self.crm.add('Contact', **known)}"

    def company(self, domain: str) -> str:
        return f"Account/{self.crm.add('Account', Name=domain, **{salesforce.DOMAIN: domain})}"

    def types(self, record_id: str, value: str) -> None:
        self._record(record_id)["Title"] = value

    def value(self, record_id: str) -> str:
        return self._record(record_id).get("Title") or ""

    def remove(self, record_id: str) -> None:
        sobject, _, number = record_id.partition("/")
        del self.crm.records[sobject, number]

    def notes(self) -> list[str]:
        return [one["Description"] for (kind, _), one in self.crm.records.items() if kind == "Task"]

    def belongs_to(self, record_id: str) -> str:
        account = self._record(record_id).get("AccountId")
        return f"Account/{account}" if account else ""

    def loses_the_next_note(self) -> None:
        self.crm.faults.append(("POST", "/Task", 502, "", True))

    def refuses_the_next(self) -> None:
        self.crm.faults.append(("GET", "/", 403, "REQUEST_LIMIT_EXCEEDED", False))

    def locks_out(self) -> None:
        self.crm.token = "another"

    def _record(self, record_id: str) -> dict[str, Any]:
        sobject, _, number = record_id.partition("/")
        return self.crm.records[sobject, number]


RIGS: dict[str, Callable[[Clock], Rig]] = {
    "attio": AttioRig,
    "hubspot": HubSpotRig,
    "pipedrive": PipedriveRig,
    "salesforce": SalesforceRig,
    "small": SmallRig,
}
