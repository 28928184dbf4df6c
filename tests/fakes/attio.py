"""A strict local Attio: people, companies, their attributes and notes.

It refuses what Attio refuses by facts/crm.md section 9.4 and Attio's reference (read 2026-11-21):
a wrong token, an attribute that is not there or cannot be written, a value of another type. One
bad value rejects a whole PATCH. Notes can be made, read and deleted, not changed.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson

from app.provider import Answer, Request

URL = "https://api.attio.example"
TOKEN = "attio-access-token"
ACTOR = "11111111-2222-4333-8444-555555555555"
HUMAN = "99999999-2222-4333-8444-555555555555"
PEOPLE, COMPANIES = "aaaaaaaa-0000-4000-8000-000000000001", "aaaaaaaa-0000-4000-8000-000000000002"

ATTRIBUTES: Mapping[str, Mapping[str, str]] = {
    "people": {
        "name": "personal-name",
        "email_addresses": "email-address",
        "phone_numbers": "phone-number",
        "job_title": "text",
        "linkedin": "text",
        "primary_location": "location",
        "company": "record-reference",
        "level": "select",
        "score": "number",
    },
    "companies": {
        "name": "text",
        "domains": "domain",
        "description": "text",
        "linkedin": "text",
        "primary_location": "location",
        "created_at": "timestamp",
    },
}
OPTIONS = ("Head", "Chief Officer")
READ_ONLY = {"created_at"}

Object = dict[str, Any]


class Bad(Exception):
    """A body that is not taken."""


@dataclass
class Attio:
    """One workspace. `faults` are (method, part of the path, status, after): each played once."""

    now: Callable[[], datetime]
    token: str = TOKEN
    records: dict[tuple[str, str], dict[str, list[Object]]] = field(default_factory=dict)
    notes: dict[str, Object] = field(default_factory=dict)
    faults: list[tuple[str, str, int, bool]] = field(default_factory=list)
    calls: list[tuple[str, str, Object]] = field(default_factory=list)

    def add(self, kind: str, actor: str = HUMAN, **values: object) -> str:
        """Make a record; return its id."""
        record_id = f"bbbbbbbb-0000-4000-8000-{len(self.records):012}"
        self.records[kind, record_id] = {}
        self.set(kind, record_id, actor, **values)
        return record_id

    def set(self, kind: str, record_id: str, actor: str = HUMAN, **values: object) -> None:
        """Change a record as this actor."""
        for name, value in values.items():
            given = value if isinstance(value, list) else [value]
            made = [_value(ATTRIBUTES[kind][name], one, actor) for one in given]
            self.records[kind, record_id][name] = made

    async def call(self, request: Request) -> Answer:
        path, body = request.url.removeprefix(URL), dict(request.json or {})
        self.calls.append((request.method, path, body))
        for fault in self.faults:
            method, part, status, after = fault
            if method == request.method and part in path:
                self.faults.remove(fault)
                if after:
                    self._answered(request, path, body)
                return self._said(status, {"status_code": status})
        return self._answered(request, path, body)

    def _said(self, status: int, body: object) -> Answer:
        headers = {"retry-after": "1"} if status == 429 else {}
        failure = None if status else "protocol"
        return Answer(status, headers, orjson.dumps(body), URL, self.now(), failure)

    def _answered(self, request: Request, path: str, body: Object) -> Answer:
        if request.headers.get("Authorization") != f"Bearer {self.token}":
            return self._said(401, {"status_code": 401, "type": "auth_error"})
        try:
            found = self._done(request.method, path, request.params, body)
        except Bad as exc:
            told = {"status_code": 400, "type": "invalid_request_error", "message": str(exc)}
            return self._said(400, told)
        if found is None:
            return self._said(404, {"status_code": 404, "code": "not_found"})
        return self._said(200, {"data": found} if found != {} else {})

    def _done(self, method: str, path: str, query: Mapping[str, str], body: Object) -> object:
        match (method, path.strip("/").split("/")[1:]):
            case ("GET", ["objects", kind, "attributes"]):
                return [_attribute(name, told) for name, told in ATTRIBUTES[kind].items()]
            case ("GET", ["objects", kind, "attributes", name, "options"]):
                assert ATTRIBUTES[kind][name] == "select"
                return [{"title": title, "is_archived": False} for title in OPTIONS]
            case ("POST", ["objects", kind, "records", "query"]):
                [(name, wanted)] = body["filter"].items()
                return [
                    self._record(kind, record_id)
                    for (one, record_id), values in self.records.items()
                    if one == kind and wanted in {_word(value) for value in values.get(name, ())}
                ]
            case ("GET", ["objects", kind, "records", record_id]):
                return self._record(kind, record_id)
            case ("PATCH", ["objects", kind, "records", record_id]):
                return self._patched(kind, record_id, body)
            case ("GET", ["notes"]):
                return [one for one in self.notes.values() if _belongs(one, query)]
            case ("POST", ["notes"]):
                return self._noted(body)
            case ("DELETE", ["notes", note_id]):
                return {} if self.notes.pop(note_id, None) else None
        return None

    def _record(self, kind: str, record_id: str) -> Object | None:
        values = self.records.get((kind, record_id))
        if values is None:
            return None
        ids = {"workspace_id": "w", "object_id": kind, "record_id": record_id}
        at, url = "2026-11-21T08:00:00.000000000Z", f"https://app.attio.example/{record_id}"
        shown = {name: values.get(name, []) for name in ATTRIBUTES[kind]}
        return {"id": ids, "created_at": at, "web_url": url, "values": shown}

    def _patched(self, kind: str, record_id: str, body: Object) -> Object | None:
        if (kind, record_id) not in self.records:
            return None
        values: Object = body["data"]["values"]
        for name, given in values.items():
            _check(kind, name, given)
        for name, given in values.items():
            made = [_value(ATTRIBUTES[kind][name], one, ACTOR) for one in given]
            self.records[kind, record_id][name] = made
        return self._record(kind, record_id)

    def _noted(self, body: Object) -> Object:
        data = body["data"]
        if set(data) != {"parent_object", "parent_record_id", "title", "format", "content"}:
            raise Bad("a note has five members")
        if (data["parent_object"], data["parent_record_id"]) not in self.records:
            raise Bad("no such parent")
        note_id = f"cccccccc-0000-4000-8000-{len(self.calls):012}"
        text = data["content"]
        made = {"id": {"note_id": note_id}, "content_plaintext": text, **data}
        self.notes[note_id] = made
        return made


def _attribute(name: str, kind: str) -> Object:
    told = {"api_slug": name, "title": name.title(), "type": kind, "is_archived": False}
    return told | {"is_writable": name not in READ_ONLY}


def _belongs(note: Object, query: Mapping[str, str]) -> bool:
    return all(note[name] == query[name] for name in ("parent_object", "parent_record_id"))


def _check(kind: str, name: str, given: object) -> None:
    told = ATTRIBUTES[kind].get(name)
    if told is None or name in READ_ONLY:
        raise Bad("cannot be written")
    if not isinstance(given, list):
        raise Bad("values are lists here")
    fits = {
        "text": lambda one: isinstance(one, str),
        "number": lambda one: isinstance(one, int | float),
        "select": lambda one: one in OPTIONS,
        "location": lambda one: isinstance(one, str),
        "phone-number": lambda one: isinstance(one, str) and one.startswith("+"),
        "record-reference": lambda one: {"target_object", "target_record_id"} == set(one),
    }
    if not all(fits[told](one) for one in given):
        raise Bad("a value has another type")


def _value(kind: str, value: Any, actor: str) -> Object:
    members: dict[str, Object] = {
        "email-address": {"email_address": value},
        "phone-number": {"original_phone_number": value, "phone_number": value},
        "domain": {"domain": value},
        "personal-name": {"full_name": value},
        "location": {"line_1": value, "locality": None, "region": None, "country_code": None},
        "select": {"option": {"title": value}},
        "record-reference": value if isinstance(value, dict) else {"target_record_id": value},
    }
    by = {"type": "api-token" if actor == ACTOR else "workspace-member", "id": actor}
    return {"attribute_type": kind, "created_by_actor": by, **members.get(kind, {"value": value})}


def _word(value: Object) -> object:
    return value.get("email_address") or value.get("domain") or value.get("value")
