"""A strict local Salesforce: leads, contacts, accounts and tasks over its REST API.

It refuses what Salesforce refuses by facts/crm.md section 9.2 and its REST guide (read
2026-11-21): a wrong token, an unknown field, a value of another type or outside a restricted
picklist, an upsert that would make a record; several matches are a 300. Errors are a list.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import unquote

import orjson

from app.provider import Answer, Request

URL = "https://acme.my.salesforce.example"
TOKEN = "salesforce-access-token"
BASE = "/services/data/v68.0"
EXTERNAL, DOMAIN = "Email_Key__c", "Domain_Key__c"
PREFIX = {"Lead": "00Q", "Contact": "003", "Account": "001", "Task": "00T"}
INDUSTRIES = ("Banking", "Technology")

PERSON = {"Name": "string", "Email": "email", "Title": "string", "Phone": "phone"}
FIELDS: Mapping[str, Mapping[str, str]] = {
    "Lead": {**PERSON, "Company": "string", EXTERNAL: "string"},
    "Contact": {**PERSON, "AccountId": "reference", EXTERNAL: "string"},
    "Account": {
        "Name": "string",
        "Website": "url",
        "Industry": "picklist",
        "NumberOfEmployees": "int",
        DOMAIN: "string",
    },
    "Task": {
        "Subject": "string",
        "Status": "string",
        "Description": "textarea",
        "WhoId": "reference",
        "WhatId": "reference",
    },
}

Object = dict[str, Any]


class Bad(Exception):
    """A body that is not taken: the status and the code."""

    def __init__(self, status: int, code: str) -> None:
        super().__init__(code)
        self.status, self.code = status, code


@dataclass
class Salesforce:
    """One organization. `faults` are (method, part of the path, status, code, after)."""

    now: Callable[[], datetime]
    token: str = TOKEN
    records: dict[tuple[str, str], Object] = field(default_factory=dict)
    faults: list[tuple[str, str, int, str, bool]] = field(default_factory=list)
    calls: list[tuple[str, str, Mapping[str, str]]] = field(default_factory=list)

    def add(self, sobject: str, **values: object) -> str:
        """Make a record; return its id."""
        record_id = f"{PREFIX[sobject]}{len(self.records):012}"
        self.records[sobject, record_id] = dict(values)
        return record_id

    async def call(self, request: Request) -> Answer:
        path, body = request.url.removeprefix(URL + BASE), dict(request.json or {})
        self.calls.append((request.method, path, request.params))
        for fault in self.faults:
            method, part, status, code, after = fault
            if method == request.method and part in path:
                self.faults.remove(fault)
                if after:
                    self._answered(request, path, body)
                return self._said(status, [{"message": "fault", "errorCode": code}])
        return self._answered(request, path, body)

    def _said(self, status: int, body: object) -> Answer:
        raw = b"" if status == 204 else orjson.dumps(body)
        return Answer(status, {}, raw, URL, self.now(), None if status else "protocol")

    def _answered(self, request: Request, path: str, body: Object) -> Answer:
        if request.headers.get("Authorization") != f"Bearer {self.token}":
            return self._said(401, [{"message": "no", "errorCode": "INVALID_SESSION_ID"}])
        try:
            return self._said(*self._done(request.method, path, request.params, body))
        except Bad as exc:
            return self._said(exc.status, [{"message": "no", "errorCode": exc.code, "fields": []}])

    def _done(
        self, method: str, path: str, query: Mapping[str, str], body: Object
    ) -> tuple[int, object]:
        match (method, [unquote(part) for part in path.strip("/").split("/")]):
            case ("GET", ["sobjects", sobject, "describe"]):
                return 200, {"fields": [_defined(n, t) for n, t in FIELDS[sobject].items()]}
            case ("GET", ["sobjects", sobject, record_id]):
                return 200, self._shown(sobject, self._known(sobject, record_id))
            case ("GET", ["sobjects", sobject, name, value]):
                return self._by(sobject, name, value)
            case ("PATCH", ["sobjects", sobject, record_id]):
                self._change(sobject, self._known(sobject, record_id), body)
                return 204, None
            case ("PATCH", ["sobjects", sobject, name, value]):
                status, found = self._by(sobject, name, value)
                assert query == {"updateOnly": "true"}
                assert isinstance(found, dict)
                self._change(sobject, str(found["Id"]), body)
                return status, {"id": found["Id"], "success": True, "errors": []}
            case ("POST", ["sobjects", "Task"]):
                _check("Task", body)
                return 201, {"id": self.add("Task", **body), "success": True, "errors": []}
            case ("GET", ["query"]):
                tasks = [
                    self._shown(sobject, record_id)
                    for (sobject, record_id), one in self.records.items()
                    if sobject == "Task" and f"'{one.get('WhoId')}'" in query["q"]
                ]
                return 200, {"totalSize": len(tasks), "done": True, "records": tasks}
        raise Bad(405, "METHOD_NOT_ALLOWED")

    def _known(self, sobject: str, record_id: str) -> str:
        if (sobject, record_id) not in self.records:
            raise Bad(404, "NOT_FOUND")
        return record_id

    def _shown(self, sobject: str, record_id: str) -> Object:
        values = self.records[sobject, record_id]
        blank: Object = dict.fromkeys(FIELDS[sobject])
        return {"attributes": {"type": sobject}, "Id": record_id, **blank, **values}

    def _by(self, sobject: str, name: str, value: str) -> tuple[int, object]:
        found = [
            record_id
            for (kind, record_id), one in self.records.items()
            if kind == sobject and one.get(name) == value
        ]
        if len(found) > 1:
            return 300, [f"{BASE}/sobjects/{sobject}/{one}" for one in found]
        if not found:
            raise Bad(404, "NOT_FOUND")
        return 200, self._shown(sobject, found[0])

    def _change(self, sobject: str, record_id: str, body: Object) -> None:
        _check(sobject, body)
        self.records[sobject, record_id] |= body


def _defined(name: str, kind: str) -> Object:
    values = [{"value": one, "label": one, "active": True} for one in INDUSTRIES]
    return {
        "name": name,
        "label": name,
        "type": kind,
        "updateable": kind not in {"email", "reference"},
        "picklistValues": values if kind == "picklist" else [],
    }


def _check(sobject: str, body: Object) -> None:
    for name, value in body.items():
        kind = FIELDS[sobject].get(name)
        if kind is None:
            raise Bad(400, "INVALID_FIELD")
        if value is None:
            continue
        if kind == "int" and not isinstance(value, int):
            raise Bad(400, "JSON_PARSER_ERROR")
        if kind != "int" and not isinstance(value, str):
            raise Bad(400, "JSON_PARSER_ERROR")
        if kind == "picklist" and value not in INDUSTRIES:
            raise Bad(400, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST")
