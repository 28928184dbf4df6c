"""A strict local HubSpot: its API over real HTTP. The side that calls us is in hubspot_events.py.

It refuses what HubSpot refuses (facts/crm.md sections 1, 3 to 5, read 2026-11-21): paths without a
date, tokens that are unknown, expired or lack a scope, one bad value among good ones, calls past
its limits, more filters than a search may have. Faults are played as they are set.
"""

import json
import re
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit
from uuid import uuid4

from tests.fakes.hubspot_schema import FIELD_TYPES, definitions

VERSION, TOKEN, APP, PORTAL = "2026-09", "pat-eu1-of-acme", 54321, 62515
KINDS = {"contacts": "0-1", "companies": "0-2", "notes": "0-46"}
SINGULAR = {"contacts": "contact", "companies": "company", "notes": "note"}
NAMES = {name: kind for kind in KINDS for name in (kind, SINGULAR[kind], KINDS[kind])}
ALL_SCOPES = frozenset(
    f"crm.{what}.{kind}.{way}"
    for what in ("objects", "schemas")
    for kind in ("contacts", "companies")
    for way in ("read", "write")
)
TYPES = {  # from, to -> the ids of associations that HubSpot defines
    ("contacts", "companies"): {279, 1},
    ("companies", "contacts"): {280, 2},
    ("notes", "contacts"): {202},
    ("contacts", "notes"): {201},
    ("notes", "companies"): {190},
    ("companies", "notes"): {189},
}
OPERATORS = frozenset({"EQ", "GTE", "HAS_PROPERTY"})
"""Those of HubSpot's that this stand-in knows."""
LONGEST = 65_536  # characters of a text
UNWANTED = re.compile(r"<!--.*?-->|<script.*?</script>", re.DOTALL | re.IGNORECASE)

Object = dict[str, Any]
Said = tuple[int, Object | list[Any] | None, dict[str, str]]


@dataclass
class Record:
    """One record. `history` has the newest value of a property first."""

    id: str
    kind: str
    created_ms: int
    properties: dict[str, str] = field(default_factory=dict)
    history: dict[str, list[Object]] = field(default_factory=dict)
    linked: dict[str, dict[str, set[int]]] = field(default_factory=dict)  # kind -> id -> types
    changed_ms: int = 0
    is_archived: bool = False
    winner: str = ""  # the record that it was merged into


@dataclass
class Key:
    """A bearer token: what it may do, and until when (of time.time())."""

    scopes: frozenset[str] = ALL_SCOPES
    until: float = float("inf")
    is_oauth: bool = False


@dataclass
class Call:
    """One call of the API, and how it was answered."""

    method: str
    path: str
    body: Any
    status: int = 0
    says: Any = None


@dataclass
class Fault:
    """How a call goes wrong: an answer of its own, a `reset`, or a `hang_s`.

    With `after` the call is carried out first, and only its answer is lost.
    """

    status: int = 502
    body: Object | None = None  # None: a page of HTML
    headers: Mapping[str, str] = field(default_factory=dict)
    reset: bool = False
    hang_s: float = 0.0
    after: bool = False


class No(Exception):
    """What HubSpot refuses: the status, and the error as it words it."""

    def __init__(self, status: int, category: str, message: str, **more: Any) -> None:
        super().__init__(message)
        self.status = status
        self.body = {
            "status": "error",
            "message": message,
            "correlationId": str(uuid4()),
            "category": category,
            **more,
        }


def too_many(policy: str, message: str) -> Object:
    """Return the body of a 429, which has no category."""
    return {
        "status": "error",
        "message": message,
        "errorType": "RATE_LIMIT",
        "correlationId": str(uuid4()),
        "policyName": policy,
        "groupName": f"publicapi:private_app-api-calls-{policy.lower()}:{APP}:{PORTAL}",
    }


TEN_SECONDLY = too_many("TEN_SECONDLY_ROLLING", "You have reached your ten_secondly_rolling limit.")
DAILY = too_many("DAILY", "You have reached your daily limit.")
SECONDLY = too_many("SECONDLY", "You have reached your secondly limit.")


@dataclass
class HubSpot:
    """One account. `per_ten_s` and `per_day` switch its limits on; `lag_s` is that of search."""

    keys: dict[str, Key] = field(default_factory=lambda: {TOKEN: Key()})
    refresh_tokens: dict[str, str] = field(default_factory=dict)  # token -> client secret
    per_ten_s: int | None = None
    per_day: int | None = None
    lag_s: float = 0.0
    searches_per_s: int = 5
    records: dict[str, dict[str, Record]] = field(default_factory=lambda: {k: {} for k in KINDS})
    properties: dict[str, dict[str, Object]] = field(
        default_factory=lambda: {kind: definitions(kind) for kind in KINDS}
    )
    groups: dict[str, set[str]] = field(default_factory=lambda: {kind: set() for kind in KINDS})
    calls: list[Call] = field(default_factory=list)
    faults: dict[tuple[str, str], list[Fault]] = field(default_factory=dict)
    changed: list[Callable[[str, Record, str, str, str], None]] = field(default_factory=list)
    on_create: Callable[["HubSpot", Record], None] | None = None
    on_property: Callable[[str], object] | None = None  # called before one is made
    url: str = ""

    def __post_init__(self) -> None:
        self.lock = threading.RLock()
        self._last = 106_651_134_000
        self._recent: list[float] = []
        self._searches: list[float] = []
        self._today = 0

    # --- what people do in the account, and what tests ask

    def add(
        self,
        kind: str = "contacts",
        source: str = "CRM_UI",
        source_id: str = "userId:45678",
        **values: str,
    ) -> Record:
        """Create a record as a person does."""
        with self.lock:
            self._last += 1
            record = Record(str(self._last), kind, _now_ms())
            self.records[kind][record.id] = record
            record.properties["createdate"] = _iso(record.created_ms)
            record.properties["hs_object_id"] = record.id
            self.change(record, values, source, source_id, tell=False)
            self._tell("creation", record, source=source, source_id=source_id)
            if self.on_create:
                self.on_create(self, record)
            return record

    def change(
        self,
        record: Record,
        values: Mapping[str, str],
        source: str = "CRM_UI",
        source_id: str = "userId:45678",
        *,
        tell: bool = True,
    ) -> None:
        """Change properties, as a person does unless told."""
        with self.lock:
            record.changed_ms = _now_ms()
            for name, value in values.items():
                said = {"value": value, "timestamp": _iso(record.changed_ms)}
                said |= {"sourceType": source, "sourceId": source_id, "sourceLabel": ""}
                record.history.setdefault(name, []).insert(0, said)
                clean = name == "hs_note_body" and source == "INTEGRATION"
                record.properties[name] = UNWANTED.sub("", value) if clean else value
                if not value:
                    del record.properties[name]
                if tell:
                    self._tell("propertyChange", record, name, source, source_id)

    def link(self, one: Record, other: Record) -> None:
        """Associate two records in both directions, without a label."""
        for a, b in ((one, other), (other, one)):
            a.linked.setdefault(b.kind, {})[b.id] = {max(TYPES[a.kind, b.kind])}

    def archive(self, record: Record) -> None:
        """Put a record into the recycle bin."""
        record.is_archived = True
        self._tell("deletion", record)

    def erase(self, record: Record) -> None:
        """Delete a person for ever: nothing is left, and two events are told."""
        del self.records[record.kind][record.id]
        self._tell("deletion", record)
        self._tell("privacyDeletion", record)

    def merge(self, winner: Record, loser: Record) -> None:
        """Merge a record into another: the loser's id still works."""
        loser.winner = winner.id
        for name, value in loser.properties.items():
            winner.properties.setdefault(name, value)
        self._tell("merge", winner, name=loser.id)

    def notes(self, record: Record) -> list[Record]:
        """Return the notes on a record."""
        return [self.records["notes"][one] for one in record.linked.get("notes", {})]

    def called(self, method: str, pattern: str = "") -> list[Call]:
        """Return the calls of a method whose path has this in it."""
        with self.lock:
            found = [one for one in self.calls if one.method == method]
        return [one for one in found if re.search(pattern, one.path)]

    def statuses(self) -> Counter[int]:
        """Count the answers by status; 0 = none was given."""
        return Counter(call.status for call in self.calls)

    def fail(self, method: str, pattern: str, *faults: Fault) -> None:
        """Let the next calls of this kind go wrong."""
        self.faults.setdefault((method, pattern), []).extend(faults)

    def fault(self, method: str, path: str) -> Fault | None:
        with self.lock:
            for (wanted, pattern), left in self.faults.items():
                if left and wanted == method and re.search(pattern, path):
                    return left.pop(0)
        return None

    def _tell(
        self,
        what: str,
        record: Record,
        name: str = "",
        source: str = "CRM_UI",
        source_id: str = "userId:45678",
    ) -> None:
        for told in self.changed:
            told(what, record, name, source, source_id)

    # --- the API

    def answer(self, method: str, target: str, token: str, body: Any) -> Said:
        """Return what a call is answered: status, body, headers."""
        parts = urlsplit(target)
        query = parse_qs(parts.query, keep_blank_values=True)
        call = Call(method, target, body)
        with self.lock:
            self.calls.append(call)
            headers: dict[str, str] = {}
            try:
                if parts.path == f"/oauth/{VERSION}/token":
                    said: Said = self._renewed(method, body)
                else:
                    does, given = self._route(method, parts.path)
                    key = self._key(token)
                    headers = self._counted(key, is_search=parts.path.endswith("/search"))
                    said = does(key, query, body, *given)
            except No as no:
                said = no.status, no.body, {}
            status, says, more = said
            call.status, call.says = status, says
            return status, says, {**headers, **more}

    def _route(self, method: str, path: str) -> tuple[Callable[..., Said], tuple[str, ...]]:
        for wanted, pattern, does in self._routes():
            if wanted == method and (found := re.fullmatch(pattern, path)):
                return does, found.groups()
        raise No(404, "NOT_FOUND", f"no such resource: {method} {path}")

    def _routes(self) -> Iterator[tuple[str, str, Callable[..., Said]]]:
        objects, one = rf"/crm/objects/{VERSION}/([\w-]+)", r"(\d+)"
        defined = rf"/crm/properties/{VERSION}/([\w-]+)"
        yield "POST", rf"{objects}/search", self._search
        yield "POST", rf"{objects}/batch/read", self._batch_read
        yield "GET", objects, self._list
        yield "POST", objects, self._create
        yield "GET", rf"{objects}/{one}", self._get
        yield "PATCH", rf"{objects}/{one}", self._patch
        yield "DELETE", rf"{objects}/{one}", self._delete
        yield "PUT", rf"{objects}/{one}/associations/default/([\w-]+)/{one}", self._associate
        yield "GET", rf"{defined}/groups", self._list_groups
        yield "POST", rf"{defined}/groups", self._create_group
        yield "GET", defined, self._list_properties
        yield "POST", defined, self._create_property
        yield "GET", rf"{defined}/(\w+)", self._get_property

    def _renewed(self, method: str, body: Any) -> Said:
        form = dict(parse_qsl(body)) if isinstance(body, str) else {}
        secret = self.refresh_tokens.get(form.get("refresh_token", ""))
        asked = (method, form.get("grant_type"), bool(form.get("client_id")))
        if asked != ("POST", "refresh_token", True) or secret != form.get("client_secret"):
            message = "missing or invalid refresh token"
            no = {"error": "invalid_grant", "error_description": message, "message": message}
            return 400, {**no, "status": "BAD_REFRESH_TOKEN"}, {}
        token = f"access-{uuid4().hex}"
        self.keys[token] = Key(until=time.time() + 1800, is_oauth=True)
        told: Object = {"token_type": "bearer", "access_token": token, "expires_in": 1800}
        more = {"refresh_token": form["refresh_token"], "hub_id": PORTAL, "scopes": []}
        return 200, {**told, **more}, {}

    def _key(self, token: str) -> Key:
        key = self.keys.get(token)
        if key is None:
            message = "Authentication credentials not found. This API supports OAuth 2.0"
            raise No(401, "INVALID_AUTHENTICATION", message)
        if key.until < time.time():
            message = "The OAuth token used to make this call expired 7 second(s) ago."
            raise No(401, "EXPIRED_AUTHENTICATION", message)
        return key

    def _counted(self, key: Key, *, is_search: bool) -> dict[str, str]:
        now = time.monotonic()
        self._today += 1
        if self.per_day is not None and self._today > self.per_day:
            raise _Limited(DAILY)
        if is_search:
            self._searches = [at for at in self._searches if now - at < 1]
            if len(self._searches) >= self.searches_per_s:
                raise _Limited(SECONDLY)
            self._searches.append(now)
            return {}
        self._recent = [at for at in self._recent if now - at < 10]
        if self.per_ten_s is not None and len(self._recent) >= self.per_ten_s:
            raise _Limited(TEN_SECONDLY)
        self._recent.append(now)
        most = self.per_ten_s or 190
        told = {
            "X-HubSpot-RateLimit-Max": str(most),
            "X-HubSpot-RateLimit-Remaining": str(max(0, most - len(self._recent))),
            "X-HubSpot-RateLimit-Interval-Milliseconds": "10000",
        }
        if key.is_oauth:
            return told
        day = self.per_day or 650_000
        left = {"X-HubSpot-RateLimit-Daily-Remaining": str(max(0, day - self._today))}
        return {**told, "X-HubSpot-RateLimit-Daily": str(day), **left}

    def _may(self, key: Key, what: str, kind: str, way: str) -> str:
        """Return the kind of records that a path names, if the token may use them so."""
        if kind not in NAMES:
            raise No(400, "VALIDATION_ERROR", f"Unable to infer object type from: {kind}")
        name = NAMES[kind]
        scope = f"crm.{what}.{'contacts' if name == 'notes' else name}.{way}"
        if scope not in key.scopes:
            message = "This app hasn't been granted all required scopes to make this call."
            context = {"requiredGranularScopes": [scope]}
            told = "One or more of the following scopes are required."
            raise No(403, "MISSING_SCOPES", message, errors=[{"message": told, "context": context}])
        return name

    # --- records

    def _get(self, key: Key, query: Object, _: Any, kind: str, id_: str) -> Said:
        name = self._may(key, "objects", kind, "read")
        wants_archived = query.get("archived") == ["true"]
        record = self._found(name, id_, archived=wants_archived)
        shown = self._shown(record, _listed(query, "properties"))
        if histories := _listed(query, "propertiesWithHistory"):
            told = {one: record.history[one] for one in histories if one in record.history}
            shown["propertiesWithHistory"] = told
            now = {one: record.properties.get(one) for one in told}
            shown["properties"] = {**now, **shown["properties"]}
        if linked := self._linked(record, _listed(query, "associations")):
            shown["associations"] = linked
        return 200, shown, {}

    def _found(self, kind: str, id_: str, *, archived: bool = False) -> Record:
        record = self.records[kind].get(id_)
        while record and record.winner:
            record = self.records[kind].get(record.winner)
        if record is None or record.is_archived != archived:
            raise No(404, "OBJECT_NOT_FOUND", "resource not found")
        return record

    def _shown(self, record: Record, names: list[str]) -> Object:
        always = ["createdate", "hs_object_id"]
        defined = [one for one in (*always, *names) if one in self.properties[record.kind]]
        return {
            "id": record.id,
            "properties": {name: record.properties.get(name) for name in defined},
            "createdAt": _iso(record.created_ms),
            "updatedAt": _iso(record.changed_ms),
            "archived": record.is_archived,
            "url": f"https://app.hubspot.com/contacts/{PORTAL}/record/"
            f"{KINDS[record.kind]}/{record.id}",
        }

    def _linked(self, record: Record, kinds: list[str]) -> Object:
        found: Object = {}
        for kind in (NAMES[one] for one in kinds):
            word = f"{SINGULAR[record.kind]}_to_{SINGULAR[kind]}"
            results = []
            for other, types in record.linked.get(kind, {}).items():
                words = [word] if types & {1, 2} or kind == "notes" else []
                words += [f"{word}_unlabeled"] if types - {1, 2} and kind != "notes" else []
                results += [{"id": other, "type": one} for one in words]
            if results:
                found[kind] = {"results": results}
        return found

    def _list(self, key: Key, query: Object, _: Any, kind: str) -> Said:
        name = self._may(key, "objects", kind, "read")
        limit = int(query.get("limit", ["10"])[0])
        if not 1 <= limit <= 100:
            raise No(400, "VALIDATION_ERROR", "limit must be between 1 and 100")
        alive = [one for one in self.records[name].values() if not one.is_archived]
        names = _listed(query, "properties")
        return 200, {"results": [self._shown(one, names) for one in alive[:limit]]}, {}

    def _create(self, key: Key, _: Object, body: Any, kind: str) -> Said:
        name = self._may(key, "objects", kind, "write")
        values = _values(body)
        self._check(name, values)
        links = [_wanted_link(one) for one in body.get("associations", ())]
        self._check_new(name, values)
        found = [(self._linkable(name, types, to), types) for to, types in links]
        made = self.add(name, "INTEGRATION", str(APP), **values)
        for other, types in found:
            made.linked.setdefault(other.kind, {})[other.id] = types
            other.linked.setdefault(name, {})[made.id] = TYPES[other.kind, name]
        return 201, self._shown(made, list(values)), {}

    def _check_new(self, kind: str, values: Mapping[str, str]) -> None:
        needed = {
            "contacts": ("email", "firstname", "lastname"),
            "companies": ("name", "domain"),
            "notes": ("hs_timestamp",),
        }
        if not any(values.get(one) for one in needed[kind]):
            raise No(400, "VALIDATION_ERROR", f"one of {needed[kind]} is required")
        for one in self.records["contacts"].values() if kind == "contacts" else ():
            email = one.properties.get("email", "")
            if email and email == values.get("email") and not one.is_archived and not one.winner:
                raise No(409, "CONFLICT", f"Contact already exists. Existing ID: {one.id}")

    def _linkable(self, kind: str, types: set[int], id_: str) -> Record:
        for (a, other), known in TYPES.items():
            if a == kind and types <= known:
                return self._found(other, id_)
        raise No(400, "VALIDATION_ERROR", f"{sorted(types)} are no associations from {kind}")

    def _patch(self, key: Key, _: Object, body: Any, kind: str, id_: str) -> Said:
        name = self._may(key, "objects", kind, "write")
        record = self._found(name, id_)
        values = _values(body)
        self._check(name, values)
        self.change(record, values, "INTEGRATION", str(APP))
        return 200, self._shown(record, list(values)), {}

    def _delete(self, key: Key, _: Object, __: Any, kind: str, id_: str) -> Said:
        name = self._may(key, "objects", kind, "write")
        self.archive(self._found(name, id_))
        return 204, None, {}

    def _associate(
        self, key: Key, _: Object, __: Any, kind: str, id_: str, to: str, other: str
    ) -> Said:
        name = self._may(key, "objects", kind, "write")
        one, two = self._found(name, id_), self._found(NAMES.get(to, to), other)
        self.link(one, two)
        return 200, {"status": "COMPLETE", "results": []}, {}

    def _check(self, kind: str, values: Mapping[str, Any]) -> None:
        """Refuse them all when one is not as it is defined."""
        bad = [
            {"isValid": False, "message": told, "error": error, "name": name}
            for name, value in values.items()
            for error, told in self._wrong(kind, name, value)
        ]
        if bad:
            raise No(400, "VALIDATION_ERROR", f"Property values were not valid: {json.dumps(bad)}")

    def _wrong(self, kind: str, name: str, value: Any) -> Iterator[tuple[str, str]]:
        defined = self.properties[kind].get(name)
        if defined is None:
            yield "PROPERTY_DOESNT_EXIST", f'Property "{name}" does not exist'
        elif defined["modificationMetadata"]["readOnlyValue"]:
            yield "READ_ONLY_VALUE", f'"{name}" is a read only property'
        elif not isinstance(value, str):
            yield "INVALID_TYPE", f"{value!r} is no string"
        elif len(value) > LONGEST:
            yield "INVALID_LENGTH", f"{name} is longer than {LONGEST} characters"
        elif value and (error := _misfit(defined, value)):
            yield error, f"{value} was not valid for {name}"

    # --- many records

    def _batch_read(self, key: Key, _: Object, body: Any, kind: str) -> Said:
        name = self._may(key, "objects", kind, "read")
        ids = [one["id"] for one in body["inputs"]]
        if len(ids) > 100 or len(set(ids)) < len(ids):
            raise No(400, "VALIDATION_ERROR", "at most 100 inputs, each once")
        known = [self.records[name][one] for one in ids if one in self.records[name]]
        alive = [one for one in known if not one.is_archived]
        results = [self._shown(one, body.get("properties", [])) for one in alive]
        missing = len(ids) - len(alive)
        more = {"numErrors": missing, "errors": [{"category": "OBJECT_NOT_FOUND"}]}
        told = {"status": "COMPLETE", "results": results, **(more if missing else {})}
        return (207 if missing else 200), told, {}

    def _search(self, key: Key, _: Object, body: Any, kind: str) -> Said:
        name = self._may(key, "objects", kind, "read")
        _check_search(body)
        seen_ms = _now_ms() - round(self.lag_s * 1000)
        found = [
            one
            for one in self.records[name].values()
            if not one.is_archived and not one.winner and one.created_ms <= seen_ms
            if any(all(_fits(one, f) for f in g["filters"]) for g in body["filterGroups"])
        ]
        for sort in reversed(body.get("sorts", [])):
            is_down = sort.get("direction") == "DESCENDING"
            found.sort(key=partial(_number, name=sort["propertyName"]), reverse=is_down)
        start, limit = int(body.get("after", 0)), int(body.get("limit", 10))
        if start + limit > 10_000:
            raise No(400, "VALIDATION_ERROR", "no more than 10,000 results can be paged through")
        page = found[start : start + limit]
        names = body.get("properties", [])
        told: Object = {"total": len(found), "results": [self._shown(one, names) for one in page]}
        if start + limit < len(found):
            told["paging"] = {"next": {"after": str(start + limit)}}
        return 200, told, {}

    # --- definitions

    def _list_properties(self, key: Key, _: Object, __: Any, kind: str) -> Said:
        name = self._may(key, "schemas", kind, "read")
        return 200, {"results": list(self.properties[name].values())}, {}

    def _get_property(self, key: Key, _: Object, __: Any, kind: str, wanted: str) -> Said:
        name = self._may(key, "schemas", kind, "read")
        if wanted not in self.properties[name]:
            raise No(404, "OBJECT_NOT_FOUND", f"no property {wanted}")
        return 200, self.properties[name][wanted], {}

    def _list_groups(self, key: Key, _: Object, __: Any, kind: str) -> Said:
        name = self._may(key, "schemas", kind, "read")
        return 200, {"results": [{"name": one} for one in sorted(self.groups[name])]}, {}

    def _create_group(self, key: Key, _: Object, body: Any, kind: str) -> Said:
        name = self._may(key, "schemas", kind, "write")
        if not re.fullmatch(r"[a-z0-9_]+", body.get("name", "")) or not body.get("label"):
            raise No(400, "VALIDATION_ERROR", "bad group")
        if body["name"] in self.groups[name]:
            raise No(409, "CONFLICT", f"group {body['name']} already exists")
        self.groups[name].add(body["name"])
        return 201, body, {}

    def _create_property(self, key: Key, _: Object, body: Any, kind: str) -> Said:
        name = self._may(key, "schemas", kind, "write")
        if self.on_property:
            self.on_property(body["name"])
        if body["name"] in self.properties[name]:
            message = f"A property named '{body['name']}' already exists."
            raise No(409, "CONFLICT", message, subCategory="PROPERTY_EXISTS")
        fits = body["fieldType"] in FIELD_TYPES.get(body["type"], ())
        is_named = re.fullmatch(r"[a-z][a-z0-9_]*", body["name"]) and body["label"]
        if not fits or not is_named or body["groupName"] not in self.groups[name]:
            raise No(400, "VALIDATION_ERROR", "the property cannot be made so")
        if (body["type"] == "enumeration") != bool(body.get("options")):
            raise No(400, "VALIDATION_ERROR", "options are for enumerations")
        fixed = {"modificationMetadata": {"readOnlyValue": False}, "options": []}
        self.properties[name][body["name"]] = {**fixed, **body}
        return 201, self.properties[name][body["name"]], {}


class _Limited(No):
    def __init__(self, body: Object) -> None:
        super().__init__(429, "", "")
        self.body = body


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _iso(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


def _listed(query: Mapping[str, list[str]], name: str) -> list[str]:
    return [one for part in query.get(name, []) for one in part.split(",") if one]


def _values(body: Any) -> dict[str, str]:
    if not isinstance(body, dict) or not isinstance(body.get("properties"), dict):
        raise No(400, "VALIDATION_ERROR", "Invalid input JSON: no properties")
    return dict(body["properties"])


def _wanted_link(link: Object) -> tuple[str, set[int]]:
    if any(one["associationCategory"] != "HUBSPOT_DEFINED" for one in link["types"]):
        raise No(400, "VALIDATION_ERROR", "unknown category of association")
    return link["to"]["id"], {one["associationTypeId"] for one in link["types"]}


def _misfit(defined: Object, value: str) -> str:
    """Return the word for why a value does not fit its definition; empty when it does."""
    if defined["type"] == "enumeration":
        known = {one["value"] for one in defined["options"]}
        chosen = value.strip(";").split(";") if defined["fieldType"] == "checkbox" else [value]
        return "" if set(chosen) <= known else "INVALID_OPTION"
    if defined["name"] == "email":
        return "" if re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", value) else "INVALID_EMAIL"
    patterns = {
        "number": (r"-?\d+(\.\d+)?", "INVALID_INTEGER"),
        "bool": (r"true|false", "INVALID_BOOLEAN"),
        "date": (r"\d{4}-\d\d-\d\d|\d{12,13}", "INVALID_DATE"),
        "datetime": (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z|\d{12,13}", "INVALID_LONG"),
    }
    pattern, word = patterns.get(defined["type"], (".*", ""))
    return "" if re.fullmatch(pattern, value, re.DOTALL) else word


def _check_search(body: Any) -> None:
    groups = body["filterGroups"]
    filters = [one for group in groups for one in group["filters"]]
    if len(json.dumps(body)) > 3_000:
        raise No(400, "VALIDATION_ERROR", "The body is longer than 3,000 characters")
    if len(groups) > 5:
        message = f"too many filterGroups (count: {len(groups)}, max allowed: 5)"
        raise No(400, "VALIDATION_ERROR", message)
    if len(filters) > 18 or any(len(group["filters"]) > 6 for group in groups):
        raise No(400, "VALIDATION_ERROR", "too many filters")
    if not 1 <= int(body.get("limit", 10)) <= 200:
        raise No(400, "VALIDATION_ERROR", "limit must be between 1 and 200")
    if any(one["operator"] not in OPERATORS for one in filters):
        raise No(400, "VALIDATION_ERROR", "unknown operator")


def _number(record: Record, name: str) -> float:
    return record.created_ms if name == "createdate" else float(record.properties.get(name, 0))


def _fits(record: Record, wanted: Object) -> bool:
    name, operator, value = wanted["propertyName"], wanted["operator"], wanted.get("value", "")
    held = record.properties.get(name, "")
    if operator == "HAS_PROPERTY":
        return bool(held)
    if operator == "EQ":
        return held.lower() == str(value).lower()
    if operator == "GTE":
        return _number(record, name) >= float(value)
    raise No(400, "VALIDATION_ERROR", f"this stand-in does not search with {operator}")


# --- over HTTP


@contextmanager
def hubspot_served(hubspot: HubSpot, port: int = 0) -> Iterator[HubSpot]:
    """Serve an account on this port (0: a free one); its `url` is the one for HUBSPOT_API_URL."""
    door = _Door(("127.0.0.1", port), _handler(hubspot))
    thread = threading.Thread(target=door.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    hubspot.url = f"http://127.0.0.1:{door.server_port}"
    try:
        yield hubspot
    finally:
        door.ended.set()
        door.shutdown()
        thread.join()
        door.server_close()


class _Door(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.ended = threading.Event()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: a client that hung up is no news."""


def _handler(hubspot: HubSpot) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def serve(self) -> None:
            raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            token = self.headers.get("Authorization", "").removeprefix("Bearer ")
            fault = hubspot.fault(self.command, self.path)
            if fault and not fault.after:
                self.spoil(fault)
                return
            said = hubspot.answer(self.command, self.path, token, self.given(raw))
            if fault:
                self.spoil(fault)
            else:
                self.say(*said)

        do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = serve  # noqa: N815

        def given(self, raw: bytes) -> Any:
            kind = self.headers.get("Content-Type", "").partition(";")[0]
            return json.loads(raw) if raw and kind == "application/json" else raw.decode()

        def spoil(self, fault: Fault) -> None:
            if not fault.after:
                hubspot.calls.append(Call(self.command, self.path, None))
            if fault.hang_s:
                assert isinstance(self.server, _Door)
                self.server.ended.wait(fault.hang_s)
            if fault.reset or fault.hang_s:
                linger = struct.pack("ii", 1, 0)
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                self.close_connection = True
                self.connection.close()
            else:
                self.say(fault.status, fault.body, dict(fault.headers), is_page=not fault.body)

        def say(
            self, status: int, said: Any, headers: Mapping[str, str], *, is_page: bool = False
        ) -> None:
            body = b"" if said is None else json.dumps(said).encode()
            body = b"<html><h1>Bad gateway</h1></html>" if is_page else body
            self.send_response(status)
            kind = "text/html" if is_page else "application/json;charset=utf-8"
            for name, value in {"Content-Type": kind, **headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: Any) -> None:
            pass

    return Handler
