"""What a record-triggered Flow sends: JSON that we define (facts/crm.md section 9.2, 2026-11-21).

    {"object": "Lead", "record_id": "00Q5e00000Abcde", "type": "record.created",
     "occurred_at": "2026-11-21T09:30:00Z", "event_id": "optional"}

or a list of such. A Flow cannot sign; it sends a bearer token out of its External Credential. A
record of ours is named `Lead/00Q5e00000Abcde`: Salesforce's objects have ids of their own.
"""

import re
from datetime import UTC, datetime

import orjson

from app.crm import CrmEvent, Happening, Kind, Ref
from app.digest import digest
from integrations.crm.replies import Object, objects

KINDS = {"Lead": Kind.person, "Contact": Kind.person, "Account": Kind.company}
HAPPENINGS = {
    "record.created": Happening.created,
    "record.updated": Happening.updated,
    "record.deleted": Happening.deleted,
}
MOST_ITEMS = 200  # a Flow runs for up to so many records at once

_ID = re.compile(r"[A-Za-z0-9]{15}([A-Za-z0-9]{3})?")


class Unreadable(ValueError):
    """The body is not what we ask a Flow to send."""


def events(raw: bytes, connection: str, now: datetime) -> list[CrmEvent]:
    """Return the events of a body. Raises Unreadable."""
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError as exc:
        raise Unreadable from exc
    items = objects(body if isinstance(body, list) else [body])
    if (not items and body != []) or len(items) > MOST_ITEMS:
        raise Unreadable
    found = (_event(one, connection, now) for one in items)
    return [event for event in found if event]


def _event(told: Object, connection: str, now: datetime) -> CrmEvent | None:
    kind, record_id = KINDS.get(str(told.get("object"))), str(told.get("record_id", ""))
    happening = HAPPENINGS.get(str(told.get("type", "record.created")))
    if kind is None or happening is None or not _ID.fullmatch(record_id):
        return None
    at = _moment(told.get("occurred_at"), now)
    mark = told.get("event_id") or f"{record_id}:{happening.value}:{at.isoformat()}"
    ref = Ref(connection, kind, f"{told['object']}/{record_id}")
    return CrmEvent(digest(str(mark)), ref, happening, at)


def _moment(told: object, now: datetime) -> datetime:
    try:
        at = datetime.fromisoformat(str(told))
    except ValueError:
        return now
    return at if at.tzinfo else at.replace(tzinfo=UTC)
