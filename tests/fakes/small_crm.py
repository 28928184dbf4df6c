"""A small strict CRM in memory, the adapter that knows it, and the parts of a worker around both.

The CRM refuses what it does not know: an unknown or read-only property, a value that is no option,
a call without the token. `faults` are played one per request that matches.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from itertools import count
from typing import Any

import orjson

from app.clerk import Clerk
from app.courier import Courier
from app.crm import (
    MISSING_SCOPE,
    UNAUTHORIZED,
    CrmEvent,
    CrmRecord,
    Happening,
    Kind,
    Note,
    Property,
    Ref,
    Steps,
    Written,
)
from app.crm_books import Books
from app.crm_plan import Rule
from app.crm_settings import Connected, CrmFile, connected
from app.delivery import Channel
from app.doors import DoorsKept
from app.errors import DeliveryFailed, DeliveryPutOff
from app.front import OPERATOR
from app.intake import Caller
from app.provider import Answer, Pace, Request
from integrations.crm.channel import CrmChannel
from integrations.crm.desk import Desk
from integrations.crm.line import CrmLine
from tests.conftest import Service

NAME = "small"
TOKEN = "small-secret"
URL = "https://crm.example"

OWN = {
    "warmcall_status": Property(
        "warmcall_status",
        "choice",
        {"complete": "Complete", "partial": "Partial", "needs_manual_enrichment": "By hand"},
    ),
    "warmcall_enriched_at": Property("warmcall_enriched_at", "datetime"),
    "warmcall_confidence": Property("warmcall_confidence", "number"),
    "warmcall_battlecard_url": Property("warmcall_battlecard_url", "text"),
    "warmcall_summary": Property("warmcall_summary", "text"),
    "warmcall_sources": Property("warmcall_sources", "text"),
}
PERSON = {
    name: Property(name, "text")
    for name in ("email", "name", "title", "phone", "city", "seniority")
}
COMPANY = {
    "name": Property("name", "text"),
    "domain": Property("domain", "text"),
    "industry": Property("industry", "choice", {"SOFTWARE": "Software", "BANKING": "Banking"}),
    "headcount": Property("headcount", "number"),
    "score": Property("score", "number", is_read_only=True),
}


@dataclass(slots=True)
class Kept:
    """A record; `writers` says for each property who wrote it last."""

    values: dict[str, str]
    writers: dict[str, str] = field(default_factory=dict)
    company: str = ""
    merged_into: str = ""
    opted_out: bool = False


@dataclass(frozen=True, slots=True)
class Fault:
    """Plays once: `status` 0 is a lost answer; `after` means that what was asked for was done."""

    method: str
    path: str
    status: int
    body: Mapping[str, object] = field(default_factory=dict)
    after: bool = False


class SmallCrm:
    """The CRM. `requests` are all it got, as (method, path)."""

    def __init__(self, now: Callable[[], Any]) -> None:
        self.now = now
        self.token = TOKEN
        self.definitions = {Kind.person: {**PERSON, **OWN}, Kind.company: {**COMPANY, **OWN}}
        self.records: dict[tuple[str, str], Kept] = {}
        self.notes: dict[str, dict[str, Any]] = {}
        self.faults: list[Fault] = []
        self.requests: list[tuple[str, str]] = []

    def person(self, record_id: str, company: str = "", **values: str) -> Kept:
        kept = Kept(values, dict.fromkeys(values, "human"), company)
        self.records["person", record_id] = kept
        return kept

    def company(self, record_id: str, **values: str) -> Kept:
        kept = Kept(values, dict.fromkeys(values, "human"))
        self.records["company", record_id] = kept
        return kept

    def type(self, kind: str, record_id: str, **values: str) -> None:
        """Write as a human does."""
        kept = self.records[kind, record_id]
        kept.values |= values
        kept.writers |= dict.fromkeys(values, "human")

    async def call(self, request: Request) -> Answer:
        path = request.url.removeprefix(URL)
        self.requests.append((request.method, path))
        fault = next((one for one in self.faults if self._hits(one, request.method, path)), None)
        if fault:
            self.faults.remove(fault)
            if fault.after:
                self._answered(request, path)
            return self._said(fault.status, dict(fault.body))
        return self._answered(request, path)

    def _hits(self, fault: Fault, method: str, path: str) -> bool:
        return fault.method == method and path.startswith(fault.path)

    def _said(self, status: int, body: object) -> Answer:
        failure = None if status else "protocol"
        return Answer(status, {}, orjson.dumps(body), URL, self.now(), failure)

    def _answered(self, request: Request, path: str) -> Answer:
        if request.headers.get("Authorization") != f"Bearer {self.token}":
            return self._said(401, {"error": "who are you"})
        return self._said(*self._done(request.method, path, request.json or {}))

    def _done(self, method: str, path: str, body: Mapping[str, Any]) -> tuple[int, object]:
        match (method, path.strip("/").split("/")):
            case ("GET", ["definitions", kind]):
                return 200, {
                    name: [one.type, one.options, one.is_read_only]
                    for name, one in self.definitions[Kind(kind)].items()
                }
            case ("GET", ["records", kind, record_id]):
                return self._record(kind, record_id)
            case ("PATCH", ["records", kind, record_id]):
                return self._patched(kind, record_id, body)
            case ("GET", ["find", kind, identifier]):
                name = "email" if kind == "person" else "domain"
                hits = [
                    key[1]
                    for key, one in self.records.items()
                    if key[0] == kind and one.values.get(name) == identifier
                ]
                return 200, {"ids": hits}
            case ("PUT", ["companies", record_id, company]):
                self.records["person", record_id].company = company
                return 200, {}
            case ("GET", ["notes", kind, record_id]):
                about = f"{kind}/{record_id}"
                mine = {k: one["text"] for k, one in self.notes.items() if about in one["about"]}
                return 200, mine
            case ("POST", ["notes"]):
                note_id = f"note_{len(self.notes) + 1}"
                self.notes[note_id] = dict(body)
                return 201, {"id": note_id}
            case ("PATCH", ["notes", note_id]):
                if note_id not in self.notes:
                    return 404, {}
                self.notes[note_id] |= body
                return 200, {"id": note_id}
            case _:
                return 405, {}

    def _record(self, kind: str, record_id: str) -> tuple[int, object]:
        kept = self.records.get((kind, record_id))
        while kept and kept.merged_into:
            record_id = kept.merged_into
            kept = self.records.get((kind, record_id))
        if kept is None:
            return 404, {}
        ours = [name for name, writer in kept.writers.items() if writer == "app"]
        return 200, {
            "id": record_id,
            "values": {k: v for k, v in kept.values.items() if v},
            "ours": ours,
            "company": kept.company,
            "opted_out": kept.opted_out,
        }

    def _patched(self, kind: str, record_id: str, body: Mapping[str, Any]) -> tuple[int, object]:
        """Change a record; one bad value refuses them all."""
        known = self.definitions[Kind(kind)]
        bad = {name: why for name, value in body.items() if (why := _fault(known, name, value))}
        if bad:
            return 400, {"bad": bad}
        kept = self.records[kind, record_id]
        kept.values |= body
        kept.writers |= dict.fromkeys(body, "app")
        return 200, {"trace": f"trace_{len(self.requests)}"}


def _fault(known: Mapping[str, Property], name: str, value: str) -> str:
    prop = known.get(name)
    if prop is None:
        return "no such property"
    if prop.is_read_only:
        return "read only"
    if value and prop.options and value not in prop.options:
        return "no such option"
    return ""


@dataclass(frozen=True, slots=True)
class Small:
    """Knows the small CRM."""

    key: str = field(default=TOKEN, repr=False)

    name = "small"
    pace = Pace(per_s=1000.0, burst=1000, at_once=8)
    fields: Mapping[Kind, Mapping[str, str]] = field(
        default_factory=lambda: {
            Kind.person: {
                "person.title": "title",
                "person.phones": "phone",
                "person.location.city": "city",
                "person.seniority": "seniority",
                "person.email": "email",
            },
            Kind.company: {
                "company.name": "name",
                "company.industry": "industry",
                "company.employee_count": "headcount",
            },
        }
    )

    def fetch(self, ref: Ref, properties: Sequence[str]) -> Steps[CrmRecord | None]:
        answer = yield self._request("GET", f"/records/{ref.kind.value}/{ref.id}")
        if answer.status == 404:
            return None
        body: Any = self._read(answer)
        values = {name: text for name, text in body["values"].items() if name in properties}
        company = body["company"]
        return CrmRecord(
            replace(ref, id=body["id"]),
            values,
            frozenset(body["ours"]),
            email=body["values"].get("email", ""),
            domain=body["values"].get("domain", ""),
            name=body["values"].get("name", ""),
            company=Ref(ref.connection, Kind.company, company) if company else None,
            url=f"{URL}/open/{body['id']}",
            opted_out=body["opted_out"],
        )

    def find(self, connection: str, kind: Kind, identifier: str) -> Steps[Ref | None]:
        body: Any = self._read((yield self._request("GET", f"/find/{kind.value}/{identifier}")))
        return Ref(connection, kind, body["ids"][0]) if len(body["ids"]) == 1 else None

    def properties(self, kind: Kind) -> Steps[Mapping[str, Property]]:
        body: Any = self._read((yield self._request("GET", f"/definitions/{kind.value}")))
        return {name: Property(name, *told) for name, told in body.items()}

    def translate(self, prop: Property, value: str) -> str | None:
        if prop.options:
            wanted = value.casefold()
            fits = [k for k, v in prop.options.items() if wanted in {k.casefold(), v.casefold()}]
            return fits[0] if fits else None
        if prop.type == "number":
            return value if value.replace(".", "", 1).isdigit() else None
        return value

    def write(self, ref: Ref, changes: Mapping[str, str]) -> Steps[Written]:
        path = f"/records/{ref.kind.value}/{ref.id}"
        answer = yield self._request("PATCH", path, changes)
        refused: dict[str, str] = {}
        if answer.status == 400:
            body: Any = answer.json()
            refused = body["bad"]
            changes = {name: value for name, value in changes.items() if name not in refused}
            if not changes:
                return Written(frozenset(), refused, 400)
            answer = yield self._request("PATCH", path, changes)
        told: Any = self._read(answer)
        return Written(frozenset(changes), refused, answer.status, told["trace"])

    def associate(self, person: Ref, company: Ref) -> Steps[None]:
        self._read((yield self._request("PUT", f"/companies/{person.id}/{company.id}")))

    def note(self, about: Sequence[Ref], note: Note, known: str) -> Steps[str]:
        on = [f"{ref.kind.value}/{ref.id}" for ref in about]
        body = {"about": on, "text": note.text, "html": note.html}
        if known:
            yield self._request("PATCH", f"/notes/{known}", body)
            return known
        if note.may_be_there:
            there: Any = self._read((yield self._request("GET", f"/notes/{on[0]}")))
            for note_id, text in there.items():
                if note.mark in text:
                    return str(note_id)
        made: Any = self._read((yield self._request("POST", "/notes", body)))
        return str(made["id"])

    def _request(self, method: str, path: str, body: Mapping[str, object] | None = None) -> Request:
        headers = {"Authorization": f"Bearer {self.key}"}
        return Request(method, f"{URL}{path}", headers=headers, json=body)

    def _read(self, answer: Answer) -> object:
        if answer.status == 401:
            raise DeliveryFailed("the key is not valid", word=UNAUTHORIZED, status=401, undone=True)
        if answer.status == 403:
            raise DeliveryFailed(
                "the key lacks `notes`", word=MISSING_SCOPE, status=403, undone=True
            )
        if answer.status == 429:
            body: Any = answer.json()
            raise DeliveryPutOff("the limit is reached", float(body.get("wait", 10)))
        if answer.failure or not 200 <= answer.status < 300:
            raise DeliveryFailed("no answer", status=answer.status)
        return answer.json()


class Office:
    """A service with a small CRM: `work` does what a worker would do with all that waits."""

    def __init__(self, service: Service, file: CrmFile | None = None) -> None:
        self.service = service
        self.clock = service.clock
        self.numbers = count()
        self.crm = SmallCrm(service.clock)
        self.connected = self._connected(file)
        self.desk = self.desk_of("worker_1")
        self.clerk = Clerk(
            database=service.database,
            tasks=service.tasks,
            lines=self.desk.lines,
            request=service.intake.requested,
            now=service.clock,
            owner="worker_1",
            cool_down=timedelta(days=7),
        )
        everyone = Caller(OPERATOR, OPERATOR, frozenset())
        self.channel = CrmChannel(
            desk=self.desk,
            view=partial(service.intake.job, everyone),
            tell=partial(service.intake.tell, everyone),
        )

    def _connected(self, file: CrmFile | None) -> Mapping[str, Connected]:
        return {NAME: connected(NAME, Small(), file)}

    def with_rules(self, kind: Kind, *rules: Rule) -> None:
        """Follow these rules from now on, and no others."""
        one = self.connected[NAME]
        others = {name: known for name, known in one.rules.items() if name is not kind}
        found = {NAME: replace(one, rules={**others, kind: tuple(rules)})}
        self.connected = found
        self.desk = self.desk_of("worker_1")
        self.channel = replace(self.channel, desk=self.desk)

    def desk_of(self, owner: str) -> Desk:
        database, clock = self.service.database, self.clock
        books = Books(database=database, now=clock, owner=owner)
        line = CrmLine(
            connection=NAME,
            adapter=self.connected[NAME].adapter,
            call=self.crm.call,
            doors=DoorsKept(database=database, now=clock),
            books=books,
            sleep=self._sleep,
        )
        return Desk(
            connections=self.connected,
            lines={NAME: line}.get,
            books=books,
            now=clock,
            base_url="https://warmcall.example",
        )

    async def _sleep(self, seconds: float) -> None:
        self.clock.move(seconds=seconds)

    def event(
        self,
        record_id: str,
        happening: Happening = Happening.created,
        *,
        kind: Kind = Kind.person,
        key: str = "",
        ago_s: float = 1.0,
        **more: Any,
    ) -> CrmEvent:
        return CrmEvent(
            key or f"event_{next(self.numbers)}",
            Ref(NAME, kind, record_id),
            happening,
            self.clock() - timedelta(seconds=ago_s),
            **more,
        )

    def tell(self, *events: CrmEvent) -> int:
        return self.service.intake.arrived(NAME, "small", events)

    def arrive(self, record_id: str, **more: Any) -> None:
        """Tell of a record, and do all that follows."""
        self.tell(self.event(record_id, **more))
        self.work()

    def work(self) -> None:
        asyncio.run(self._work())

    async def _work(self) -> None:
        engine = self.service.engine()
        while due := self.service.messages():
            for task, ref in due:
                does = {
                    "run_job": engine.run,
                    "run_alone": engine.run_alone,
                    "arrive": self.clerk.arrive,
                }
                await does.get(task, self._courier().deliver)(ref)

    def _courier(self) -> Courier:
        postbox = self.service.postbox
        channels: dict[str, Channel] = {"callback": postbox, "slack": postbox, "crm": self.channel}
        return self.service.courier(channels)
