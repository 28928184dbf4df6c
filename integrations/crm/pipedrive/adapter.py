"""Pipedrive's persons and organizations, read and written as conversations without I/O.

API v2 for records (PATCH; custom fields under `custom_fields` by a hash of 40 hex digits, options
by their numbers, null clears) and v1 for notes, which v2 has none of (facts/crm.md section 9.3,
and the models of the official Node client, read 2026-11-21). By recollection are: the header
`x-api-token`, the members of a field's definition in v2 (those of v1 are read too), and how a
search answers. A refusal names no field: what is refused is found by trying each on its own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import ClassVar

from app.crm import CrmRecord, Kind, Note, Property, Ref, Steps, Written, at_once
from app.provider import Pace, Request
from integrations.crm.replies import (
    Object,
    call,
    fitting,
    is_gone,
    is_uncertain,
    objects,
    part,
    read,
    sorted_out,
    written,
)

VENDOR = "Pipedrive"

OBJECTS: Mapping[Kind, str] = {Kind.person: "persons", Kind.company: "organizations"}
FIELDS: Mapping[Kind, str] = {Kind.person: "personFields", Kind.company: "organizationFields"}
NOTE_TO: Mapping[Kind, str] = {Kind.person: "person_id", Kind.company: "org_id"}

SYSTEM: Mapping[Kind, Mapping[str, str]] = {
    Kind.person: {"name": "Name", "phones": "Phone"},
    Kind.company: {"name": "Name", "address": "Address"},
}
"""What can be written beside custom fields, by the models of the requests. All of it is text."""

TYPES: Mapping[str, str] = {
    "varchar": "text",
    "varchar_auto": "text",
    "text": "text",
    "phone": "text",
    "double": "number",
    "int": "number",
    "date": "date",
    "enum": "choice",
}
"""Types of custom fields that are written; others (sets, money, users, times) are only read."""

HASH = 40
"""Characters of a custom field's code."""

PAGE = 100
"""Notes of a record among which ours is looked for, the newest first."""

MOST_FIELDS = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Pipedrive:
    """One company. `domain_field` is the code of the field that has an organization's domain."""

    key: str = field(repr=False)
    base_url: str
    domain_field: str = ""

    name: ClassVar[str] = "pipedrive"
    pace: ClassVar[Pace] = Pace(per_s=5.0, burst=10, at_once=4)
    fields: ClassVar[Mapping[Kind, Mapping[str, str]]] = {
        Kind.person: {"person.phones": "phones"},
        Kind.company: {"company.location": "address"},
    }

    def fetch(self, ref: Ref, properties: Sequence[str]) -> Steps[CrmRecord | None]:
        """Return the record with these properties; None when it is gone."""
        answer = yield self._call("GET", self._record(ref))
        if is_gone(answer):
            return None
        data = part(read(answer, VENDOR), "data")
        if not data or data.get("is_deleted") is True:
            return None
        values = {name: told for name in properties if (told := _value(data, name))}
        name, company = _text(data.get("name")), _text(data.get("org_id"))
        is_person = ref.kind is Kind.person
        return CrmRecord(
            ref=Ref(ref.connection, ref.kind, _text(data.get("id")) or ref.id),
            values=values,
            email=_value(data, "emails") if is_person else "",
            domain=_value(data, self.domain_field) if self.domain_field and not is_person else "",
            name=name if is_person else "",
            company_name="" if is_person else name,
            company=Ref(ref.connection, Kind.company, company) if is_person and company else None,
            url=f"{self.base_url}/{'person' if is_person else 'organization'}/{ref.id}",
            created_at=_moment(data.get("add_time")),
        )

    def find(self, connection: str, kind: Kind, identifier: str) -> Steps[Ref | None]:
        """Return the one person with this address. Organizations cannot be asked for by domain."""
        if kind is Kind.company:
            nobody: Ref | None = None
            return (yield from at_once(nobody))
        asked = {"term": identifier.strip(), "fields": "email", "exact_match": "true", "limit": "2"}
        answer = yield self._call("GET", "/api/v2/persons/search", query=asked)
        items = objects(part(read(answer, VENDOR), "data").get("items"))
        ids = [_text(part(one, "item").get("id")) for one in items]
        return Ref(connection, kind, ids[0]) if len(ids) == 1 and ids[0] else None

    def properties(self, kind: Kind) -> Steps[Mapping[str, Property]]:
        """Return the live definitions by name: a custom field's name is its code."""
        most = {"limit": str(MOST_FIELDS)}
        answer = yield self._call("GET", f"/api/v2/{FIELDS[kind]}", query=most)
        defined = [_property(one) for one in objects(read(answer, VENDOR).get("data"))]
        found = {one.name: one for one in defined if one.name}
        system = {n: Property(n, "text", label=label) for n, label in SYSTEM[kind].items()}
        return found | system

    def translate(self, prop: Property, value: str) -> str | None:
        """Return a fact's value as this field takes it; None when it would be a guess."""
        return fitting(prop, value)

    def write(self, ref: Ref, changes: Mapping[str, str]) -> Steps[Written]:
        """Set fields; the definitions say in which form each goes over the wire."""
        known = yield from self.properties(ref.kind)
        sent, refused = sorted_out(changes, known)
        if "name" in sent and not sent["name"]:
            del sent["name"]
            refused["name"] = "required"

        def request(some: Mapping[str, str]) -> Request:
            return self._call("PATCH", self._record(ref), _body(some, known))

        return (yield from written(sent, refused, request, VENDOR))

    def associate(self, person: Ref, company: Ref) -> Steps[None]:
        """Say that a person belongs to an organization; harmless when it is so already."""
        answer = yield self._call("PATCH", self._record(person), {"org_id": int(company.id)})
        read(answer, VENDOR)

    def note(self, about: Sequence[Ref], note: Note, known: str) -> Steps[str]:
        """Put the note on the records, or change the `known` one; return its id."""
        if known:
            answer = yield self._call("PUT", f"/api/v1/notes/{known}", {"content": note.html})
            if not is_gone(answer):
                read(answer, VENDOR)
            return known
        if note.may_be_there and (found := (yield from self._marked(about[0], note.mark))):
            return found
        body: dict[str, object] = {NOTE_TO[ref.kind]: int(ref.id) for ref in about}
        answer = yield self._call("POST", "/api/v1/notes", body | {"content": note.html})
        if is_uncertain(answer) and (found := (yield from self._marked(about[0], note.mark))):
            return found
        return _text(part(read(answer, VENDOR), "data").get("id"))

    def _marked(self, ref: Ref, mark: str) -> Steps[str]:
        """Return the note of a record with this mark; empty when there is none."""
        asked = {NOTE_TO[ref.kind]: ref.id, "sort": "add_time DESC", "limit": str(PAGE)}
        answer = yield self._call("GET", "/api/v1/notes", query=asked)
        notes = objects(read(answer, VENDOR).get("data"))
        found = (_text(one.get("id")) for one in notes if mark in str(one.get("content")))
        return next(found, "")

    def _record(self, ref: Ref) -> str:
        return f"/api/v2/{OBJECTS[ref.kind]}/{ref.id}"

    def _call(
        self,
        method: str,
        path: str,
        body: Mapping[str, object] | None = None,
        query: Mapping[str, str] | None = None,
    ) -> Request:
        headers = {"x-api-token": self.key, "Accept": "application/json"}
        return call(method, self.base_url + path, headers, body, query)


def _property(told: Object) -> Property:
    code = _text(told.get("field_code") or told.get("key"))
    is_custom = told.get("is_custom_field") is True or len(code) == HASH
    kind = TYPES.get(str(told.get("field_type", "")))
    options = {
        _text(one.get("id")): _text(one.get("label"))
        for one in objects(told.get("options"))
        if _text(one.get("id"))
    }
    return Property(
        code,
        kind or "text",
        options,
        is_read_only=kind is None or not is_custom,
        label=_text(told.get("field_name") or told.get("name")),
    )


def _body(changes: Mapping[str, str], known: Mapping[str, Property]) -> dict[str, object]:
    custom: dict[str, object] = {}
    body: dict[str, object] = {}
    for name, text in changes.items():
        if name == "phones":
            body[name] = [{"value": text, "primary": True, "label": "work"}] if text else []
        elif name == "address":
            body[name] = {"value": text}
        elif name == "name":
            body[name] = text
        else:
            custom[name] = _sent(known[name], text)
    return body | ({"custom_fields": custom} if custom else {})


def _sent(prop: Property, text: str) -> object:
    if not text:
        return None
    if prop.type == "number":
        return float(text) if "." in text else int(text)
    return int(text) if prop.type == "choice" and text.isdigit() else text


def _value(data: Object, name: str) -> str:
    """Return a field of a record as text: of several addresses or numbers the primary one."""
    found = data.get(name, part(data, "custom_fields").get(name))
    if isinstance(found, list):
        several = objects(found)
        first = next((one for one in several if one.get("primary")), next(iter(several), {}))
        return _text(first.get("value"))
    return _text(found.get("value")) if isinstance(found, dict) else _text(found)


def _text(value: object) -> str:
    return "" if value is None or isinstance(value, bool | dict | list) else str(value)


def _moment(told: object) -> datetime | None:
    try:
        at = datetime.fromisoformat(str(told))
    except ValueError:
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)
