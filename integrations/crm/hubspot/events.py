"""What HubSpot tells of records: its deliveries, in both formats, as events of a CRM.

A delivery is an array of at most 100 events, in any order, each perhaps more than once. Its
`eventId` is not unique (facts/crm.md sections 2.2 and 2.5, read 2026-11-21).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from app.crm import CrmEvent, Happening, Kind, Ref

KINDS: Mapping[str, Kind] = {
    "contact": Kind.person,
    "company": Kind.company,
    "0-1": Kind.person,
    "0-2": Kind.company,
}
"""How both formats name the types of records that we know."""

HAPPENINGS: Mapping[str, Happening] = {
    "creation": Happening.created,
    "propertyChange": Happening.updated,
    "restore": Happening.created,
    "deletion": Happening.deleted,
    "merge": Happening.merged,
    "privacyDeletion": Happening.erased,
}

INTEGRATION = "INTEGRATION"
"""How an app is named where it says what changed a record."""

LATEST_MS = 253_402_300_799_000  # the end of the year 9999


class Unreadable(ValueError):
    """The body is no array of JSON."""


class Told(BaseModel):
    """One event as it came. Numbers may be texts; what else an event has is of no use to us."""

    model_config = ConfigDict(extra="ignore", frozen=True, coerce_numbers_to_str=True)

    type: str = Field("", alias="subscriptionType")
    type_by_the_docs: str = Field("", alias="eventType")
    event: str = Field("", alias="eventId")
    subscription: str = Field("", alias="subscriptionId")
    portal: str = Field("", alias="portalId")
    app: str = Field("", alias="appId")
    occurred_at_ms: int = Field(0, alias="occurredAt", ge=0, le=LATEST_MS)
    record: str = Field("", alias="objectId")
    record_type: str = Field("", alias="objectTypeId")
    source: str = Field("", alias="changeSource")
    source_id: str = Field("", alias="sourceId")
    name: str = Field("", alias="propertyName")
    primary: str = Field("", alias="primaryObjectId")
    new: str = Field("", alias="newObjectId")
    merged: tuple[str, ...] = Field((), alias="mergedObjectIds")

    @property
    def winner(self) -> str:
        """Return the record that the event is about: after a merge, the one that is left."""
        return self.new or self.primary or self.record

    @property
    def key(self) -> str:
        """Return what is the same when the event comes again: not the number of the attempt."""
        whose = (self.portal, self.app, self.subscription, self.type or self.type_by_the_docs)
        what = (self.record or self.winner, self.name, self.event, str(self.occurred_at_ms))
        return "|".join((*whose, *what))


@dataclass(frozen=True, slots=True)
class Whose:
    """Which app and account events must be of; an empty one may be any."""

    app_id: str = ""
    portal_id: str = ""

    def takes(self, told: Told) -> bool:
        """Tell whether an event is for us."""
        return self.app_id in {"", told.app} and self.portal_id in {"", told.portal}


def events(body: bytes, connection: str, whose: Whose) -> list[CrmEvent]:
    """Return the events of a delivery that we act on; all others are left out.

    Raises Unreadable when the body is no array at all.
    """
    try:
        delivered = orjson.loads(body)
    except ValueError as exc:
        raise Unreadable("not JSON") from exc
    if not isinstance(delivered, list):
        raise Unreadable("no array")
    return [
        event
        for told in _told(delivered)
        if whose.takes(told) and (event := _event(told, connection))
    ]


def _told(delivered: list[object]) -> Iterator[Told]:
    for one in delivered:
        given = one if isinstance(one, dict) else {}
        try:
            yield Told.model_validate({k: v for k, v in given.items() if v is not None})
        except ValidationError:
            continue  # no event that we know


def _event(told: Told, connection: str) -> CrmEvent | None:
    subject, _, what = (told.type or told.type_by_the_docs).partition(".")
    kind = KINDS.get(told.record_type if subject == "object" else subject)
    happening = HAPPENINGS.get(what)
    if kind is None or happening is None or not told.winner.isdigit():
        return None
    losers = {told.primary, *told.merged} - {"", told.winner}
    return CrmEvent(
        key=told.key,
        ref=Ref(connection, kind, told.winner),
        happening=happening,
        occurred_at=datetime.fromtimestamp(told.occurred_at_ms / 1000, UTC),
        is_echo=told.source == INTEGRATION and bool(told.app) and told.source_id == told.app,
        others=tuple(sorted(losers)) if happening is Happening.merged else (),
    )
