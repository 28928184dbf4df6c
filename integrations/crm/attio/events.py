"""What Attio's webhooks say, as events: ids only (facts/crm.md section 9.4, read 2026-11-21).

A delivery is known again by its Idempotency-Key header. It carries no time: what it tells happened
when it came. An object is named by a number of the workspace's own, which the operator's file
gives (`GET /v2/objects` lists them). How a merge names the record that is no more is told by
recollection: `duplicate_record_id`.
"""

from collections.abc import Mapping
from datetime import datetime

import orjson

from app.crm import CrmEvent, Happening, Kind, Ref
from app.digest import digest
from integrations.crm.replies import Object, objects, part

HAPPENINGS = {
    "record.created": Happening.created,
    "record.updated": Happening.updated,
    "record.deleted": Happening.deleted,
    "record.merged": Happening.merged,
}


class Unreadable(ValueError):
    """The body is no delivery of Attio's."""


def events(
    raw: bytes, key: str, connection: str, kinds: Mapping[str, Kind], actor_id: str, now: datetime
) -> list[CrmEvent]:
    """Return the events of a delivery that are about records of these objects.

    `key` is its Idempotency-Key, `kinds` says by object what a record is, `actor_id` who we are
    there. Raises Unreadable.
    """
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError as exc:
        raise Unreadable from exc
    if not isinstance(body, dict) or not isinstance(body.get("events"), list):
        raise Unreadable
    mark = digest(key) if key else digest(raw.decode("utf-8", "replace"))
    told = enumerate(objects(body["events"]))
    found = (_event(one, f"{mark}:{at}", connection, kinds, actor_id, now) for at, one in told)
    return [event for event in found if event]


def _event(
    told: Object,
    key: str,
    connection: str,
    kinds: Mapping[str, Kind],
    actor_id: str,
    now: datetime,
) -> CrmEvent | None:
    ids, happening = part(told, "id"), HAPPENINGS.get(str(told.get("event_type")))
    kind = kinds.get(str(ids.get("object_id")))
    record_id = str(ids.get("record_id", ""))
    if happening is None or kind is None or not _is_id(record_id):
        return None
    loser = str(told.get("duplicate_record_id") or ids.get("duplicate_record_id") or "")
    if happening is Happening.merged and not _is_id(loser):
        happening = Happening.updated
    return CrmEvent(
        key=key,
        ref=Ref(connection, kind, record_id),
        happening=happening,
        occurred_at=now,
        is_echo=bool(actor_id) and str(part(told, "actor").get("id")) == actor_id,
        others=(loser,) if happening is Happening.merged else (),
    )


def _is_id(text: str) -> bool:
    return 0 < len(text) <= 64 and text.replace("-", "").isalnum() and text.isascii()
