"""A strict local Pipedrive: persons, organizations, their fields and notes.

It refuses what Pipedrive refuses by facts/crm.md section 9.3 and the models of its official client
(read 2026-11-21): a wrong token, an unknown member of a body, a custom field under a name or with
a value that is not its own. One bad value rejects a whole PATCH, and the answer names no field.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson

from app.provider import Answer, Request

URL = "https://acme.pipedrive.example"
TOKEN = "pipedrive-api-token"
TITLE, SIZE, LEVEL, SINCE, OWNER = (letter * 40 for letter in "abcde")

CUSTOM: Mapping[str, Mapping[str, Any]] = {
    TITLE: {"field_name": "Job title", "field_type": "varchar"},
    SIZE: {"field_name": "Employees", "field_type": "double"},
    LEVEL: {
        "field_name": "Level",
        "field_type": "enum",
        "options": [{"id": 11, "label": "Head"}, {"id": 12, "label": "Chief Officer"}],
    },
    SINCE: {"field_name": "Since", "field_type": "date"},
    OWNER: {"field_name": "Coach", "field_type": "user"},
}
SYSTEM = {"id": "int", "name": "varchar", "owner_id": "user", "add_time": "date"}
MEMBERS = {
    "persons": {"name", "owner_id", "org_id", "emails", "phones", "custom_fields"},
    "organizations": {"name", "owner_id", "address", "custom_fields"},
}

Object = dict[str, Any]


class Bad(Exception):
    """A body that is not taken."""


@dataclass
class Pipedrive:
    """One company. `faults` are (method, part of the path, status, after): each is played once."""

    now: Callable[[], datetime]
    token: str = TOKEN
    records: dict[tuple[str, int], Object] = field(default_factory=dict)
    notes: dict[int, Object] = field(default_factory=dict)
    faults: list[tuple[str, str, int, bool]] = field(default_factory=list)
    calls: list[tuple[str, str, Object]] = field(default_factory=list)

    def add(self, kind: str, **members: Any) -> int:
        """Make a record as a human does; return its number."""
        number = len(self.records) + 1
        made = {"id": number, "is_deleted": False, "custom_fields": {}, "org_id": None}
        self.records[kind, number] = made | {"add_time": "2026-11-21T08:00:00Z"} | members
        return number

    async def call(self, request: Request) -> Answer:
        path, query = request.url.removeprefix(URL), request.params
        body = dict(request.json or {})
        self.calls.append((request.method, path, body))
        for fault in self.faults:
            method, part, status, after = fault
            if method == request.method and part in path:
                self.faults.remove(fault)
                if after:
                    self._answered(request, path, query, body)
                return self._said(status, {"success": False, "error": "fault"})
        return self._answered(request, path, query, body)

    def _said(self, status: int, body: object) -> Answer:
        headers = {"retry-after": "2"} if status == 429 else {}
        failure = None if status else "protocol"
        return Answer(status, headers, orjson.dumps(body), URL, self.now(), failure)

    def _answered(
        self, request: Request, path: str, query: Mapping[str, str], body: Object
    ) -> Answer:
        if request.headers.get("x-api-token") != self.token:
            return self._said(401, {"success": False, "error": "unauthorized access"})
        try:
            found = self._done(request.method, path, query, body)
        except Bad as exc:
            return self._said(400, {"success": False, "error": str(exc), "data": None})
        if found is None:
            return self._said(404, {"success": False, "error": "not found", "data": None})
        return self._said(200, {"success": True, "data": found})

    def _done(self, method: str, path: str, query: Mapping[str, str], body: Object) -> object:
        match (method, path.strip("/").split("/")[1:]):
            case ("GET", ["v2", "personFields" | "organizationFields"]):
                system = [
                    _defined(name, {"field_name": name, "field_type": kind}, own=False)
                    for name, kind in SYSTEM.items()
                ]
                return system + [_defined(name, told) for name, told in CUSTOM.items()]
            case ("GET", ["v2", "persons", "search"]):
                assert query["fields"] == "email"
                assert query["exact_match"] == "true"
                hits = [
                    one
                    for (kind, _), one in self.records.items()
                    if kind == "persons"
                    and query["term"] in {mail["value"] for mail in one.get("emails", ())}
                ]
                return {"items": [{"item": {"id": one["id"]}} for one in hits]}
            case ("GET", ["v2", ("persons" | "organizations") as kind, number]):
                return self.records.get((kind, int(number)))
            case ("PATCH", ["v2", ("persons" | "organizations") as kind, number]):
                return self._patched(kind, int(number), body)
            case ("GET", ["v1", "notes"]):
                wanted = {
                    name: int(query[name]) for name in ("person_id", "org_id") if name in query
                }
                return [one for one in self.notes.values() if wanted.items() <= one.items()]
            case ("POST", ["v1", "notes"]):
                if not body.get("content") or not {"person_id", "org_id"} & body.keys():
                    raise Bad("a note needs content and a record")
                made = len(self.notes) + 1
                self.notes[made] = {"id": made, **body}
                return self.notes[made]
            case ("PUT", ["v1", "notes", number]):
                if int(number) not in self.notes:
                    return None
                self.notes[int(number)] |= body
                return self.notes[int(number)]
        return None

    def _patched(self, kind: str, number: int, body: Object) -> Object | None:
        record = self.records.get((kind, number))
        if record is None:
            return None
        if strange := body.keys() - MEMBERS[kind]:
            raise Bad(f"not allowed: {sorted(strange)}")
        if "name" in body and not body["name"]:
            raise Bad("name is required")
        for name, value in body.get("custom_fields", {}).items():
            _check(name, value)
        record["custom_fields"] |= body.get("custom_fields", {})
        record |= {name: value for name, value in body.items() if name != "custom_fields"}
        return record


def _defined(code: str, told: Mapping[str, Any], *, own: bool = True) -> Object:
    return {"field_code": code, "is_custom_field": own, "options": None, **told}


def _check(name: str, value: object) -> None:
    told = CUSTOM.get(name)
    if told is None:
        raise Bad("no such custom field")
    kind = told["field_type"]
    numbers = {one["id"] for one in told.get("options", ())}
    fits = {
        "varchar": isinstance(value, str),
        "double": isinstance(value, int | float),
        "enum": isinstance(value, int) and value in numbers,
        "date": isinstance(value, str) and len(value) == 10,
    }
    if value is not None and not fits.get(kind, False):
        raise Bad("a custom field has another type")
