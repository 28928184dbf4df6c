"""HubSpot's records: how they are read, written and given notes, as conversations without I/O.

API of the date in HUBSPOT_API_VERSION (facts/crm.md sections 4, 5, 7 and 8, read 2026-11-21).
Values are strings, also of numbers and dates; one bad value rejects a whole PATCH; a note that may
have been made is looked for through its record, never by search, which lags.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from html import escape
from http import HTTPStatus
from typing import Any, ClassVar
from urllib.parse import urlencode

from app.crm import CrmRecord, Kind, Note, Property, Ref, Steps, Written
from app.errors import DeliveryFailed
from app.provider import Answer, Pace, Request
from app.wire import iso
from integrations.crm.hubspot.answers import (
    INVALID,
    Object,
    bad_properties,
    body_of,
    category,
    correlation,
    is_fine,
    is_gone,
    refuse,
)
from integrations.crm.hubspot.paths import NOTES, OBJECTS, TYPE_IDS, Paths
from integrations.crm.hubspot.values import MOST, translated

URL = "https://api.hubapi.com"
VERSION = "2026-09"
TIMEOUT_S = 10.0
AT_ONCE = 10  # connections
MAX_ANSWER = 8_000_000  # bytes; the definitions of a large account, with all their options

ROUNDS = 3
"""So many times a write is tried without what was refused of it."""

LOOK_BACK = 100
"""Notes of a record among which ours is looked for, the newest first: as many as one call reads."""

MOST_REASON = 200  # characters of HubSpot's message that are kept with a refused write

NOTE_TO: Mapping[Kind, int] = {Kind.person: 202, Kind.company: 190}
"""Ids of the associations from a note."""

OPT_OUT = "hs_contact_enrichment_opt_out"
WHO: Mapping[Kind, Sequence[str]] = {
    Kind.person: ("email", "firstname", "lastname", "company", "hs_linkedin_url", OPT_OUT),
    Kind.company: ("name", "domain", "linkedin_company_page"),
}
"""What is always read of a record: who it is, and whether it may be enriched."""

TYPES: Mapping[str, str] = {
    "string": "text",
    "phone_number": "text",
    "number": "number",
    "bool": "boolean",
    "date": "date",
    "datetime": "datetime",
    "enumeration": "choice",
}
"""HubSpot's types of properties and ours; one of any other type is only read."""

FIELDS: Mapping[Kind, Mapping[str, str]] = {
    Kind.person: {
        "person.first_name": "firstname",
        "person.last_name": "lastname",
        "person.title": "jobtitle",
        "person.seniority": "hs_seniority",
        "person.phones": "phone",
        "person.linkedin_url": "hs_linkedin_url",
        "person.location.city": "city",
        "person.location.state": "state",
        "person.location.country": "country",
        "company.name": "company",
    },
    Kind.company: {
        "company.name": "name",
        "company.description": "description",
        "company.industry": "industry",
        "company.employee_count": "numberofemployees",
        "company.founded_year": "founded_year",
        "company.linkedin_url": "linkedin_company_page",
        "company.phones": "phone",
        "company.location.city": "city",
        "company.location.state": "state",
        "company.location.country": "country",
    },
}


def pace(limit: int) -> Pace:
    """Return how fast an app may call that is allowed `limit` calls in any 10 s.

    What it may do at once and what it may do in the 10 s after that stay below the limit together.

    >>> pace(100)
    Pace(per_s=7.0, burst=25, at_once=10)
    """
    return Pace(per_s=limit * 7 / 100, burst=limit // 4, at_once=AT_ONCE)


USUAL_PACE = pace(100)


@dataclass(frozen=True, slots=True, kw_only=True)
class HubSpot:
    """One account. `app_id` is our app's, as HubSpot names who wrote a value.

    Without a `key` whoever sends the requests adds one: see oauth.py.
    """

    key: str = field(default="", repr=False)
    base_url: str = URL
    version: str = VERSION
    app_id: str = ""
    portal_id: str = ""

    pace: Pace = USUAL_PACE

    name: ClassVar[str] = "hubspot"
    fields: ClassVar[Mapping[Kind, Mapping[str, str]]] = FIELDS

    @property
    def paths(self) -> Paths:
        """Return where things are."""
        return Paths(self.base_url, self.version)

    def fetch(self, ref: Ref, properties: Sequence[str]) -> Steps[CrmRecord | None]:
        """Return the record with these properties and its company; None when it is gone."""
        wanted = list(dict.fromkeys((*WHO[ref.kind], *properties)))
        asked = {"properties": ",".join(wanted)}
        if properties:
            asked["propertiesWithHistory"] = ",".join(dict.fromkeys(properties))
        if ref.kind is Kind.person:
            asked["associations"] = OBJECTS[Kind.company]
        answer = yield self.request("GET", self._record(ref), query=asked)
        if is_gone(answer):
            return None
        body = read(answer)
        return None if body.get("archived") is True else self._as_record(ref, body, properties)

    def find(self, connection: str, kind: Kind, identifier: str) -> Steps[Ref | None]:
        """Return the one person with this address, or company with this domain; else None."""
        by = "email" if kind is Kind.person else "domain"
        wanted = {"propertyName": by, "operator": "EQ", "value": identifier.strip().lower()}
        asked = {"filterGroups": [{"filters": [wanted]}], "properties": [by], "limit": 2}
        answer = yield self.request("POST", self.objects(kind, "search"), body=asked)
        found = [str(one.get("id", "")) for one in results(read(answer))]
        return Ref(connection, kind, found[0]) if len(found) == 1 and found[0] else None

    def properties(self, kind: Kind) -> Steps[Mapping[str, Property]]:
        """Return the live definitions by name."""
        answer = yield self.request("GET", self.paths.at("properties", OBJECTS[kind]))
        defined = (_property(one) for one in results(read(answer)))
        return {one.name: one for one in defined if one.name}

    def translate(self, prop: Property, value: str) -> str | None:
        """Return a fact's value as this property takes it; None when it would be a guess."""
        return translated(prop, value)

    def write(self, ref: Ref, changes: Mapping[str, str]) -> Steps[Written]:
        """Set properties. What is refused by name is left out, and the rest tried again."""
        left, refused = dict(changes), dict[str, str]()
        for _ in range(ROUNDS):
            answer = yield self.request("PATCH", self._record(ref), body={"properties": left})
            if answer.status not in {HTTPStatus.BAD_REQUEST, HTTPStatus.CONFLICT}:
                read(answer)
                break
            bad = {name: why for name, why in bad_properties(answer).items() if name in left}
            bad = bad or dict.fromkeys(left, _reason(answer))
            refused |= bad
            left = {name: value for name, value in left.items() if name not in bad}
            if not left:
                break
        else:
            refused |= dict.fromkeys(left, INVALID)
            left = {}
        return Written(frozenset(left), refused, answer.status, correlation(answer))

    def associate(self, person: Ref, company: Ref) -> Steps[None]:
        """Say that a person belongs to a company; harmless when it is so already."""
        where = ("associations", "default", OBJECTS[company.kind], company.id)
        answer = yield self.request("PUT", "/".join((self._record(person), *where)))
        read(answer)

    def note(self, about: Sequence[Ref], note: Note, known: str) -> Steps[str]:
        """Put the note on the records' timelines, or change the `known` one; return its id.

        A known note that somebody has deleted stays deleted. After an uncertain answer, of this
        try or an earlier one, the record is looked at for a note with the mark.
        """
        body: dict[str, object] = {"properties": _note_properties(note)}
        if known:
            url = self.paths.at("objects", NOTES, known)
            answer = yield self.request("PATCH", url, body=body)
            if not is_gone(answer):
                read(answer)
            return known
        if note.may_be_there and (found := (yield from self._marked(about, note.mark))):
            return found
        body |= {"associations": [_note_to(ref) for ref in about]}
        answer = yield self.request("POST", self.paths.at("objects", NOTES), body=body)
        if _is_uncertain(answer) and (found := (yield from self._marked(about, note.mark))):
            return found
        return str(read(answer).get("id", ""))

    def _marked(self, about: Sequence[Ref], mark: str) -> Steps[str]:
        """Return the note with this mark among the newest of a record; empty when there is none.

        Each of the records has every note of ours: the first one is asked.
        """
        asked = {"associations": NOTES, "properties": "hs_object_id"}
        answer = yield self.request("GET", self._record(about[0]), query=asked)
        ids = sorted(set(_linked(read(answer), NOTES)), key=int, reverse=True)[:LOOK_BACK]
        if not ids:
            return ""
        body = {"inputs": [{"id": one} for one in ids], "properties": ["hs_note_body"]}
        url = self.paths.at("objects", NOTES, "batch/read")
        answer = yield self.request("POST", url, body=body)
        for one in results(read(answer)):
            if mark in str(_part(one, "properties").get("hs_note_body", "")):
                return str(one.get("id", ""))
        return ""

    # --- requests

    def objects(self, kind: Kind, *rest: str) -> str:
        """Return the URL of records of a kind."""
        return self.paths.at("objects", OBJECTS[kind], *rest)

    def request(
        self,
        method: str,
        url: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, object] | None = None,
    ) -> Request:
        """Return one call."""
        headers = {"Accept": "application/json"}
        headers |= {"Authorization": f"Bearer {self.key}"} if self.key else {}
        whole = f"{url}?{urlencode(query, safe=',')}" if query else url
        return Request(
            method,
            whole,
            headers=headers,
            json=body,
            timeout_s=TIMEOUT_S,
            max_bytes=MAX_ANSWER,
        )

    def _record(self, ref: Ref) -> str:
        return self.objects(ref.kind, ref.id)

    # --- answers

    def _as_record(self, ref: Ref, body: Object, wanted: Sequence[str]) -> CrmRecord:
        values = {name: one for name, one in _part(body, "properties").items() if one}
        record_id = str(body.get("id") or ref.id)
        companies = _linked(body, OBJECTS[Kind.company])
        linkedin = "hs_linkedin_url" if ref.kind is Kind.person else "linkedin_company_page"
        first, last = values.get("firstname", ""), values.get("lastname", "")
        person, company = ref.kind is Kind.person, values.get("name", "")
        return CrmRecord(
            ref=Ref(ref.connection, ref.kind, record_id),
            values={name: values[name] for name in wanted if name in values},
            ours=self._ours(_part(body, "propertiesWithHistory")),
            email=values.get("email", ""),
            domain=values.get("domain", ""),
            name=f"{first} {last}".strip() if person else "",
            company_name=values.get("company", "") if person else company,
            linkedin_url=values.get(linkedin, ""),
            company=Ref(ref.connection, Kind.company, companies[0]) if companies else None,
            url=self._url(ref.kind, record_id, body),
            opted_out=values.get(OPT_OUT) == "true",
            created_at=time_of(body.get("createdAt")),
        )

    def _ours(self, histories: Object) -> frozenset[str]:
        """Return the properties that our app wrote last."""
        return frozenset(
            name
            for name, history in histories.items()
            if isinstance(history, list) and history and self._wrote(history[0])
        )

    def _wrote(self, said: object) -> bool:
        if not isinstance(said, dict) or not self.app_id:
            return False
        return said.get("sourceType") == "INTEGRATION" and said.get("sourceId") == self.app_id

    def _url(self, kind: Kind, record_id: str, body: Object) -> str:
        told = body.get("url")
        if isinstance(told, str) and told.startswith("https://"):
            return told
        if not self.portal_id:
            return ""
        where = f"{self.portal_id}/record/{TYPE_IDS[kind]}/{record_id}"
        return f"https://app.hubspot.com/contacts/{where}"


def read(answer: Answer) -> Object:
    """Return what a good answer carries. Raises DeliveryFailed, DeliveryPutOff."""
    if not is_fine(answer):
        refuse(answer)
    body = body_of(answer)
    if not body and answer.status != HTTPStatus.NO_CONTENT:
        raise DeliveryFailed("HubSpot's answer is not in the documented shape")
    return body


def results(body: Object) -> list[Object]:
    """Return the list that an answer carries."""
    listed = body.get("results")
    return [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []


def _is_uncertain(answer: Answer) -> bool:
    """Tell whether something may have been done although the answer says no such thing."""
    return bool(answer.failure) or answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR


def _reason(answer: Answer) -> str:
    """Return why a write was refused that names no property, such as for an admin's own rules."""
    told = " ".join(str(body_of(answer).get("message", "")).split())[:MOST_REASON]
    return f"{category(answer) or INVALID}: {told}" if told else category(answer) or INVALID


def _note_properties(note: Note) -> dict[str, str]:
    body = note.html
    if len(body) > MOST:
        body = f"{escape(note.text)[: MOST - len(note.mark) - 1]} {note.mark}"
    return {"hs_timestamp": iso(note.at), "hs_note_body": body}


def _note_to(ref: Ref) -> dict[str, object]:
    link = {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": NOTE_TO[ref.kind]}
    return {"to": {"id": ref.id}, "types": [link]}


def _property(told: Object) -> Property:
    kind = TYPES.get(str(told.get("type", "")))
    choices = [one for one in told.get("options") or () if isinstance(one, dict)]
    metadata = _part(told, "modificationMetadata")
    return Property(
        name=str(told.get("name", "")),
        type=kind or "text",
        options={
            str(one.get("value", "")): str(one.get("label", ""))
            for one in choices
            if not one.get("hidden")
        },
        is_read_only=kind is None or bool(metadata.get("readOnlyValue") or told.get("calculated")),
        label=str(told.get("label", "")),
    )


def _linked(body: Object, kind: str) -> list[str]:
    """Return the ids of associated records, the primary one first."""
    listed = results(_part(_part(body, "associations"), kind))
    first = sorted(listed, key=lambda one: str(one.get("type", "")).endswith("_unlabeled"))
    ids = (str(one.get("id", "")) for one in first)
    return list(dict.fromkeys(one for one in ids if one.isdigit()))


def _part(body: Object, name: str) -> Mapping[str, Any]:
    found = body.get(name)
    return found if isinstance(found, dict) else {}


def time_of(told: object) -> datetime | None:
    """Return a time as HubSpot tells it; None when it tells none."""
    try:
        return datetime.fromisoformat(str(told))
    except ValueError:
        return None
