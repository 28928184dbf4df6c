"""An event as the bytes of a callback's body: small, and the same on every try."""

from collections.abc import Mapping
from datetime import UTC, datetime

import orjson

from app.delivery import Delivery
from app.facts import Json

MAX_BODY = 20_000
"""Bytes a callback may have; the specification asks for small bodies."""


def payload(delivery: Delivery, now: datetime) -> bytes:
    """Return `{type, timestamp, data}`; without the card (its link stays) when it is too large.

    The timestamp is that of the event: `now` counts only for an event that carries none.
    """
    whole = _body(delivery, now, delivery.body)
    if len(whole) <= MAX_BODY or "card" not in delivery.body:
        return whole
    rest = {name: value for name, value in delivery.body.items() if name != "card"}
    return _body(delivery, now, rest)


def _body(delivery: Delivery, now: datetime, data: Mapping[str, Json]) -> bytes:
    at = data.get("finished_at") or data.get("created_at") or _iso(now)
    return orjson.dumps({"type": delivery.event, "timestamp": at, "data": dict(data)})


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
