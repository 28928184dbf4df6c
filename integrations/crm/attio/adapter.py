"""Attio's people and companies, read and written as conversations without I/O.

Values are lists of objects, each with its `attribute_type`; a PATCH adds to what takes several
values and replaces what takes one (facts/crm.md section 9.4, and Attio's reference of updating a
record, of attribute types and of notes, read 2026-11-21). A note belongs to one record and cannot
be changed: a newer one takes its place. By recollection are: that an attribute says whether it can
be written (`is_writable`), the options of a select at `.../attributes/{slug}/options`, and that an
empty list clears a value. A refusal is not read: each attribute is then tried on its own.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar

from app.crm import CrmRecord, Kind, Note, Property, Ref, Steps, Written
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

VENDOR = "Attio"
URL = "https://api.attio.com"

OBJECTS: Mapping[Kind, str] = {Kind.person: "people", Kind.company: "companies"}

TYPES: Mapping[str, str] = {
    "text": "text",
    "number": "number",
    "checkbox": "boolean",
    "date": "date",
    "timestamp": "datetime",
    "select": "choice",
    "phone-number": "text",
    "location": "text",
}
"""Types of attributes that are written; others (names, references, money) are only read."""

SHOWN: Mapping[str, Sequence[str]] = {
    "email-address": ("email_address",),
    "phone-number": ("phone_number", "original_phone_number"),
    "domain": ("domain",),
    "personal-name": ("full_name",),
    "record-reference": ("target_record_id",),
    "location": ("line_1", "locality", "region", "postcode", "country_code"),
    "currency": ("currency_value",),
}
"""Which members of a value are shown; of any other type it is `value`."""

MARK = "warmcall-"
"""How the mark of each of our notes begins (integrations/crm/render.py)."""

TITLE = "Warmcall battlecard"

PAGE = 50
"""Notes of a record among which ours are looked for: as many as one call gives."""

NOTED = "noted"
"""What stands for the id of a note: the ones of a record are found by their mark."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attio:
    """One workspace. `actor_id` is who we are there: the token's id."""

    key: str = field(repr=False)
    base_url: str = URL
    actor_id: str = ""

    name: ClassVar[str] = "attio"
    pace: ClassVar[Pace] = Pace(per_s=20.0, burst=20, at_once=8)
    fields: ClassVar[Mapping[Kind, Mapping[str, str]]] = {
        Kind.person: {
            "person.title": "job_title",
            "person.phones": "phone_numbers",
            "person.linkedin_url": "linkedin",
            "person.location": "primary_location",
        },
        Kind.company: {
            "company.name": "name",
            "company.description": "description",
            "company.linkedin_url": "linkedin",
            "company.location": "primary_location",
        },
    }

    def fetch(self, ref: Ref, properties: Sequence[str]) -> Steps[CrmRecord | None]:
        """Return the record with these attributes; None when it is gone."""
        answer = yield self._call("GET", self._record(ref))
        if is_gone(answer):
            return None
        data = part(read(answer, VENDOR), "data")
        values = part(data, "values")
        company = _shown(values, "company")
        is_person = ref.kind is Kind.person
        return CrmRecord(
            ref=Ref(ref.connection, ref.kind, str(part(data, "id").get("record_id") or ref.id)),
            values={name: told for name in properties if (told := _shown(values, name))},
            ours=frozenset(name for name in properties if self._wrote(values, name)),
            email=_shown(values, "email_addresses"),
            domain=_shown(values, "domains"),
            name=_shown(values, "name") if is_person else "",
            company_name="" if is_person else _shown(values, "name"),
            linkedin_url=_shown(values, "linkedin"),
            company=Ref(ref.connection, Kind.company, company) if is_person and company else None,
            url=_link(data.get("web_url")),
            created_at=_moment(data.get("created_at")),
        )

    def find(self, connection: str, kind: Kind, identifier: str) -> Steps[Ref | None]:
        """Return the one person with this address, or company with this domain."""
        attribute = "email_addresses" if kind is Kind.person else "domains"
        body = {"filter": {attribute: identifier.strip()}, "limit": 2}
        path = f"/v2/objects/{OBJECTS[kind]}/records/query"
        answer = yield self._call("POST", path, body)
        found = objects(read(answer, VENDOR).get("data"))
        ids = [str(part(one, "id").get("record_id", "")) for one in found]
        return Ref(connection, kind, ids[0]) if len(ids) == 1 and ids[0] else None

    def properties(self, kind: Kind) -> Steps[Mapping[str, Property]]:
        """Return the live definitions by slug, of selects with their options."""
        path = f"/v2/objects/{OBJECTS[kind]}/attributes"
        told = objects(read((yield self._call("GET", path)), VENDOR).get("data"))
        found: dict[str, Property] = {}
        for one in told:
            slug = str(one.get("api_slug", ""))
            if not slug or one.get("is_archived") is True:
                continue
            options: dict[str, str] = {}
            if one.get("type") == "select":
                answer = yield self._call("GET", f"{path}/{slug}/options")
                options = _options(objects(read(answer, VENDOR).get("data")))
            found[slug] = _property(slug, one, options)
        return found

    def translate(self, prop: Property, value: str) -> str | None:
        """Return a fact's value as this attribute takes it; None when it would be a guess."""
        return fitting(prop, value)

    def write(self, ref: Ref, changes: Mapping[str, str]) -> Steps[Written]:
        """Set attributes; the definitions say in which form each goes over the wire."""
        known = yield from self.properties(ref.kind)
        sent, refused = sorted_out(changes, known)

        def request(some: Mapping[str, str]) -> Request:
            values = {name: _sent(known[name], text) for name, text in some.items()}
            return self._call("PATCH", self._record(ref), {"data": {"values": values}})

        return (yield from written(sent, refused, request, VENDOR))

    def associate(self, person: Ref, company: Ref) -> Steps[None]:
        """Say that a person belongs to a company; harmless when it is so already."""
        link = {"target_object": OBJECTS[company.kind], "target_record_id": company.id}
        body = {"data": {"values": {"company": [link]}}}
        read((yield self._call("PATCH", self._record(person), body)), VENDOR)

    def note(self, about: Sequence[Ref], note: Note, known: str) -> Steps[str]:
        """Put the note on the first record's timeline, in place of an older one of ours.

        When somebody has taken a known one away, it stays away.
        """
        ref = about[0]
        there = (yield from self._ours(ref)) if known or note.may_be_there else {}
        if known and not there:
            return known
        if not any(note.mark in text for text in there.values()):
            answer = yield self._call("POST", "/v2/notes", _note(ref, note))
            if is_uncertain(answer):
                now = yield from self._ours(ref)
                if not any(note.mark in text for text in now.values()):
                    read(answer, VENDOR)
            else:
                read(answer, VENDOR)
        for note_id in (one for one, text in there.items() if note.mark not in text):
            answer = yield self._call("DELETE", f"/v2/notes/{note_id}")
            if not is_gone(answer):
                read(answer, VENDOR)
        return NOTED

    def _ours(self, ref: Ref) -> Steps[dict[str, str]]:
        """Return those notes of a record that have a mark of ours: id -> text."""
        asked = {"parent_object": OBJECTS[ref.kind], "parent_record_id": ref.id}
        query = asked | {"limit": str(PAGE)}
        found = objects(
            read((yield self._call("GET", "/v2/notes", query=query)), VENDOR).get("data")
        )
        texts = {
            str(part(one, "id").get("note_id", "")): str(one.get("content_plaintext") or "")
            for one in found
        }
        return {note_id: text for note_id, text in texts.items() if note_id and MARK in text}

    def _wrote(self, values: Object, name: str) -> bool:
        """Tell whether we wrote all of an attribute's values."""
        found = objects(values.get(name))
        actors = {str(part(one, "created_by_actor").get("id")) for one in found}
        return bool(self.actor_id) and actors == {self.actor_id}

    def _record(self, ref: Ref) -> str:
        return f"/v2/objects/{OBJECTS[ref.kind]}/records/{ref.id}"

    def _call(
        self,
        method: str,
        path: str,
        body: Mapping[str, object] | None = None,
        query: Mapping[str, str] | None = None,
    ) -> Request:
        headers = {"Authorization": f"Bearer {self.key}", "Accept": "application/json"}
        return call(method, self.base_url + path, headers, body, query)


def _property(slug: str, told: Object, options: Mapping[str, str]) -> Property:
    kind = TYPES.get(str(told.get("type", "")))
    return Property(
        slug,
        kind or "text",
        options,
        is_read_only=kind is None or told.get("is_writable") is False,
        label=str(told.get("title", "")),
    )


def _options(told: Iterable[Object]) -> dict[str, str]:
    titles = [str(one.get("title", "")) for one in told if one.get("is_archived") is not True]
    return {title: title for title in titles if title}


def _sent(prop: Property, text: str) -> object:
    if not text:
        return []
    if prop.type == "number":
        return [float(text) if "." in text else int(text)]
    return [text == "true"] if prop.type == "boolean" else [text]


def _shown(values: Object, name: str) -> str:
    """Return the first value of an attribute as text."""
    first = next(iter(objects(values.get(name))), {})
    kind = str(first.get("attribute_type", ""))
    if kind in {"select", "status"}:
        return _text(part(first, "option").get("title") or part(first, "status").get("title"))
    members = SHOWN.get(kind, ("value",))
    told = [_text(first.get(member)) for member in members]
    if kind == "location":
        return ", ".join(one for one in told if one)
    return next((one for one in told if one), "")


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None or isinstance(value, dict | list) else str(value)


def _note(ref: Ref, note: Note) -> dict[str, object]:
    data = {
        "parent_object": OBJECTS[ref.kind],
        "parent_record_id": ref.id,
        "title": TITLE,
        "format": "plaintext",
        "content": note.text,
    }
    return {"data": data}


def _link(told: object) -> str:
    return told if isinstance(told, str) and told.startswith("https://") else ""


def _moment(told: object) -> datetime | None:
    try:
        return datetime.fromisoformat(str(told))
    except ValueError:
        return None
