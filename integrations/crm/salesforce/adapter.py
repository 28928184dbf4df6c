"""Salesforce's leads, contacts and accounts over its REST API, as conversations without I/O.

Confirmed (facts/crm.md section 9.2, and Salesforce's REST guide on upserting, read 2026-11-21): the
paths, PATCH with 204, upsert by an external id with `updateOnly`, 300 when several match, errors as
a list of `{message, errorCode, fields}`. By recollection: the members of `describe`, the names of
the usual fields, the code of a limit, and a Task as a note, which is therefore only written when
the operator's file says so. Nothing is ever created but that task: who is not there stays unknown.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, ClassVar
from urllib.parse import quote

from app.crm import CrmRecord, Kind, Note, Property, Ref, Steps, Written, at_once
from app.errors import DeliveryPutOff
from app.provider import Answer, Pace, Request
from integrations.crm.replies import (
    Object,
    body_of,
    call,
    fitting,
    is_gone,
    is_uncertain,
    objects,
    read,
    sorted_out,
    written,
)

VENDOR = "Salesforce"
VERSION = "v68.0"

PEOPLE = ("Lead", "Contact")
"""Where a person is looked for, in this order."""

OBJECTS: Mapping[Kind, Sequence[str]] = {Kind.person: PEOPLE, Kind.company: ("Account",)}

TYPES: Mapping[str, str] = {
    "string": "text",
    "textarea": "text",
    "phone": "text",
    "url": "text",
    "picklist": "choice",
    "int": "number",
    "double": "number",
    "currency": "number",
    "percent": "number",
    "boolean": "boolean",
    "date": "date",
    "datetime": "datetime",
}
"""Types of fields that are written; others (references, addresses, multipicklists) are read."""

LIMIT, LIMIT_S = "REQUEST_LIMIT_EXCEEDED", 3_600.0
"""The code of a 403 that is no lack of rights, and how long to wait then."""

TASK = "Warmcall battlecard"
LONGEST = 32_000  # characters of a task's description
PAGE = 50  # tasks of a person among which ours is looked for


@dataclass(frozen=True, slots=True, kw_only=True)
class Salesforce:
    """One organization.

    `external_id` is the field by which people are known by their address, `domain_id` the one by
    which accounts are known by their domain; empty: nobody is found.
    """

    key: str = field(repr=False)
    base_url: str
    version: str = VERSION
    external_id: str = ""
    domain_id: str = ""
    has_tasks: bool = False

    name: ClassVar[str] = "salesforce"
    pace: ClassVar[Pace] = Pace(per_s=5.0, burst=10, at_once=4)
    fields: ClassVar[Mapping[Kind, Mapping[str, str]]] = {
        Kind.person: {"person.title": "Title", "person.phones": "Phone"},
        Kind.company: {
            "company.industry": "Industry",
            "company.employee_count": "NumberOfEmployees",
            "company.description": "Description",
        },
    }

    def fetch(self, ref: Ref, properties: Sequence[str]) -> Steps[CrmRecord | None]:
        """Return the record with these fields; None when it is gone."""
        answer = yield self._call("GET", self._at(ref.id))
        if is_gone(answer):
            return None
        told = _read(answer)
        if told.get("IsDeleted") is True:
            return None
        is_person, account = ref.kind is Kind.person, _text(told.get("AccountId"))
        return CrmRecord(
            ref=ref,
            values={name: text for name in properties if (text := _text(told.get(name)))},
            email=_text(told.get("Email")),
            domain="" if is_person else _text(told.get("Website")),
            name=_text(told.get("Name")) if is_person else "",
            company_name=_text(told.get("Company") if is_person else told.get("Name")),
            company=Ref(ref.connection, Kind.company, f"Account/{account}") if account else None,
            url=f"{self.base_url}/{ref.id.rpartition('/')[2]}",
        )

    def find(self, connection: str, kind: Kind, identifier: str) -> Steps[Ref | None]:
        """Return the lead, else the contact with this address; the account with this domain."""
        by = self.external_id if kind is Kind.person else self.domain_id
        for sobject in OBJECTS[kind] if by else ():
            answer = yield self._call(
                "GET", self._at(f"{sobject}/{by}/{quote(identifier, safe='')}")
            )
            if answer.status == HTTPStatus.MULTIPLE_CHOICES:
                return None
            if not is_gone(answer):
                return Ref(connection, kind, f"{sobject}/{_text(_read(answer).get('Id'))}")
        return None

    def properties(self, kind: Kind) -> Steps[Mapping[str, Property]]:
        """Return the live definitions by name: of people, those of leads and of contacts."""
        found: dict[str, Property] = {}
        for sobject in OBJECTS[kind]:
            answer = yield self._call("GET", self._at(f"{sobject}/describe"))
            defined = [_property(one) for one in objects(_read(answer).get("fields"))]
            found |= {one.name: one for one in defined if one.name}
        return found

    def translate(self, prop: Property, value: str) -> str | None:
        """Return a fact's value as this field takes it; None when it would be a guess."""
        return fitting(prop, value)

    def write(self, ref: Ref, changes: Mapping[str, str]) -> Steps[Written]:
        """Set fields of the record that is there; none is made."""
        known = yield from self.properties(ref.kind)
        sent, refused = sorted_out(changes, known)
        only = {"updateOnly": "true"} if ref.id.count("/") > 1 else None

        def request(some: Mapping[str, str]) -> Request:
            body = {name: _sent(known[name], text) for name, text in some.items()}
            return self._call("PATCH", self._at(ref.id), body, only)

        return (yield from _checked(written(sent, refused, request, VENDOR)))

    def associate(self, person: Ref, company: Ref) -> Steps[None]:
        """Say that a contact belongs to an account; a lead belongs to none."""
        if not person.id.startswith("Contact/"):
            return (yield from at_once(None))
        body = {"AccountId": company.id.rpartition("/")[2]}
        _read((yield self._call("PATCH", self._at(person.id), body)))
        return None

    def note(self, about: Sequence[Ref], note: Note, known: str) -> Steps[str]:
        """Log the note as a done task, or change the `known` one; return its id.

        Nothing is logged, and the mark returned, where the operator has not asked for tasks.
        """
        if not self.has_tasks:
            return note.mark
        body: dict[str, object] = {"Description": note.text[:LONGEST]}
        if known:
            answer = yield self._call("PATCH", self._at(f"Task/{known}"), body)
            if not is_gone(answer):
                _read(answer)
            return known
        if note.may_be_there and (found := (yield from self._marked(about[0], note.mark))):
            return found
        body |= {"Subject": TASK, "Status": "Completed", **_about(about)}
        answer = yield self._call("POST", self._at("Task"), body)
        if is_uncertain(answer) and (found := (yield from self._marked(about[0], note.mark))):
            return found
        return _text(_read(answer).get("id"))

    def _marked(self, ref: Ref, mark: str) -> Steps[str]:
        """Return the task of a record with this mark; empty when there is none."""
        who = "WhoId" if ref.kind is Kind.person else "WhatId"
        record_id = ref.id.rpartition("/")[2]
        if not (record_id.isascii() and record_id.isalnum()):
            return ""
        asked = (
            f"SELECT Id, Description FROM Task WHERE {who} = '{record_id}' "  # noqa: S608 - an id
            f"ORDER BY CreatedDate DESC LIMIT {PAGE}"
        )
        path = f"/services/data/{self.version}/query"
        found = _read((yield self._call("GET", path, query={"q": asked})))
        tasks = objects(found.get("records"))
        return next(
            (_text(one.get("Id")) for one in tasks if mark in _text(one.get("Description"))), ""
        )

    def _at(self, path: str) -> str:
        return f"/services/data/{self.version}/sobjects/{path}"

    def _call(
        self,
        method: str,
        path: str,
        body: Mapping[str, object] | None = None,
        query: Mapping[str, str] | None = None,
    ) -> Request:
        headers = {"Authorization": f"Bearer {self.key}", "Accept": "application/json"}
        return call(method, self.base_url + path, headers, body, query)


def _checked(steps: Steps[Written]) -> Steps[Written]:
    """Hold a conversation, and stop it when an answer tells of a limit."""
    answer: Any = None
    while True:
        try:
            request = steps.send(answer)
        except StopIteration as done:
            result: Written = done.value
            return result
        answer = yield request
        _limited(answer)


def _read(answer: Answer) -> Object:
    _limited(answer)
    return read(answer, VENDOR)


def _limited(answer: Answer) -> None:
    """Raise DeliveryPutOff when this 403 means that the calls of the day are used up."""
    if answer.status == HTTPStatus.FORBIDDEN:
        codes = {str(one.get("errorCode")) for one in objects(body_of(answer))}
        if LIMIT in codes:
            raise DeliveryPutOff(f"{VENDOR} asks to wait", LIMIT_S)


def _property(told: Object) -> Property:
    kind = TYPES.get(str(told.get("type", "")))
    options = {
        str(one.get("value", "")): str(one.get("label", ""))
        for one in objects(told.get("picklistValues"))
        if one.get("active") is not False
    }
    return Property(
        str(told.get("name", "")),
        kind or "text",
        options if kind == "choice" else {},
        is_read_only=kind is None or told.get("updateable") is not True,
        label=str(told.get("label", "")),
    )


def _sent(prop: Property, text: str) -> object:
    if not text:
        return None
    if prop.type == "number":
        return float(text) if "." in text else int(text)
    return text == "true" if prop.type == "boolean" else text


def _about(about: Sequence[Ref]) -> dict[str, object]:
    """Return whom a task is about: an account only beside a contact, for a lead has none."""
    ids = {ref.kind: ref.id for ref in about}
    found: dict[str, object] = {}
    if person := ids.get(Kind.person):
        found["WhoId"] = person.rpartition("/")[2]
    if (company := ids.get(Kind.company)) and not (person or "").startswith("Lead/"):
        found["WhatId"] = company.rpartition("/")[2]
    return found


def _text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None or isinstance(value, dict | list) else str(value)
