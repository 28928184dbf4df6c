"""What Pipedrive's webhooks v2 say, as events (facts/crm.md section 9.3, read 2026-11-21).

One object a request: `meta` says what happened to which record, `data` is the record, which is not
believed but fetched. `meta.id` is the same when a delivery is repeated. A merge comes as the
deletion of the loser, with `merged_to_id`; where that stands is told by recollection, so it is
looked for in `meta`, `data` and `previous`.
"""

from datetime import UTC, datetime

import orjson

from app.crm import CrmEvent, Happening, Kind, Ref
from app.digest import digest
from integrations.crm.replies import Object, part

KINDS = {"person": Kind.person, "organization": Kind.company}
HAPPENINGS = {
    "create": Happening.created,
    "change": Happening.updated,
    "delete": Happening.deleted,
}


class Unreadable(ValueError):
    """The body is no delivery of Pipedrive's."""


def events(raw: bytes, connection: str, user_id: str, now: datetime) -> list[CrmEvent]:
    """Return the events of a delivery; none when it is about nothing that we want.

    `user_id` is the user whose token we write with: what it changed over the API is our echo.
    Raises Unreadable.
    """
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError as exc:
        raise Unreadable from exc
    meta = part(body, "meta")
    if not meta:
        raise Unreadable
    kind, happening = KINDS.get(str(meta.get("entity"))), HAPPENINGS.get(str(meta.get("action")))
    record_id, key = str(meta.get("entity_id", "")), str(meta.get("id", ""))
    if kind is None or happening is None or not record_id.isdigit() or not key:
        return []
    winner = _merged_to(body) if happening is Happening.deleted else ""
    return [
        CrmEvent(
            key=digest(key),
            ref=Ref(connection, kind, winner or record_id),
            happening=Happening.merged if winner else happening,
            occurred_at=_moment(meta.get("timestamp"), now),
            is_echo=_is_echo(meta, user_id),
            others=(record_id,) if winner else (),
        )
    ]


def _is_echo(meta: Object, user_id: str) -> bool:
    by_api = meta.get("change_source") == "api"
    return bool(user_id) and by_api and str(meta.get("user_id")) == user_id


def _merged_to(body: Object) -> str:
    for name in ("meta", "data", "previous"):
        found = str(part(body, name).get("merged_to_id") or "")
        if found.isdigit():
            return found
    return ""


def _moment(told: object, now: datetime) -> datetime:
    try:
        at = datetime.fromisoformat(str(told))
    except ValueError:
        return now
    return at if at.tzinfo else at.replace(tzinfo=UTC)
