"""What HubSpot tells becomes events: both formats, every type, and nothing it was not told."""

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from app.crm import CrmEvent, Happening, Kind
from integrations.crm.hubspot.events import Unreadable, Whose, events

TOLD: dict[str, Any] = {
    "eventId": 1431776902,
    "subscriptionId": 3329277,
    "portalId": 49547190,
    "appId": 9393361,
    "occurredAt": 1742214467116,
    "subscriptionType": "contact.creation",
    "attemptNumber": 0,
    "objectId": 106651134132,
    "changeFlag": "CREATED",
    "changeSource": "CRM_UI",
    "sourceId": "userId:45678",
}
OURS = Whose("9393361", "49547190")


def heard(*told: Any, whose: Whose = OURS) -> list[CrmEvent]:
    return events(orjson.dumps(list(told)), "hubspot", whose)


def test_a_creation_is_read() -> None:
    [event] = heard(TOLD)
    assert event.ref.target == "hubspot:person:106651134132"
    assert event.happening is Happening.created
    assert event.occurred_at == datetime(2025, 3, 17, 12, 27, 47, 116_000, UTC)
    assert not event.is_echo


@pytest.mark.parametrize(
    ("changes", "kind", "happening"),
    [
        ({"subscriptionType": "company.creation"}, Kind.company, Happening.created),
        ({"subscriptionType": "object.creation", "objectTypeId": "0-1"}, "person", "created"),
        ({"subscriptionType": "object.creation", "objectTypeId": "0-2"}, "company", "created"),
        ({"subscriptionType": "object.deletion", "objectTypeId": "0-1"}, "person", "deleted"),
        ({"subscriptionType": "contact.restore"}, "person", "created"),
        ({"subscriptionType": "contact.propertyChange", "propertyName": "x"}, "person", "updated"),
        ({"subscriptionType": "contact.privacyDeletion"}, "person", "erased"),
        ({"subscriptionType": None, "eventType": "contact.creation"}, "person", "created"),
        ({"changeSource": None, "sourceId": None}, "person", "created"),
        ({"objectId": "106651134132"}, "person", "created"),
    ],
)
def test_every_type_in_both_formats_is_read(
    changes: dict[str, Any], kind: str, happening: str
) -> None:
    [event] = heard({**TOLD, **changes})
    assert (event.ref.kind, event.happening) == (kind, happening)


@pytest.mark.parametrize(
    "told",
    [
        {**TOLD, "subscriptionType": "object.creation", "objectTypeId": "0-3"},
        {**TOLD, "subscriptionType": "deal.creation"},
        {**TOLD, "subscriptionType": "contact.associationChange"},
        {**TOLD, "subscriptionType": "conversation.newMessage"},
        {**TOLD, "subscriptionType": "event.completed"},
        {**TOLD, "subscriptionType": "contact"},
        {**TOLD, "subscriptionType": 7},
        {**TOLD, "subscriptionType": "contact.merge", "objectId": None},
        {**TOLD, "appId": 1},
        {**TOLD, "portalId": 1},
        {**TOLD, "objectId": -5},
        {**TOLD, "objectId": "../1"},
        {**TOLD, "occurredAt": "soon"},
        {**TOLD, "occurredAt": 10**18},
        {},
        [],
        "x",
        None,
        7,
    ],
)
def test_what_we_do_not_want_is_left_out_and_the_rest_is_heard(told: Any) -> None:
    assert [event.ref.id for event in heard(told, TOLD)] == ["106651134132"]


def test_an_empty_array_is_no_event() -> None:
    assert heard() == []


@pytest.mark.parametrize("body", [b"", b"{", b"{}", b"null", b"7", b"\xff", b"[" * 100_000])
def test_what_is_no_array_is_unreadable(body: bytes) -> None:
    with pytest.raises(Unreadable):
        events(body, "hubspot", OURS)


def test_only_our_own_writing_is_an_echo() -> None:
    def is_echo(source: str, source_id: str) -> bool:
        return heard({**TOLD, "changeSource": source, "sourceId": source_id})[0].is_echo

    assert is_echo("INTEGRATION", "9393361")
    assert not is_echo("INTEGRATION", "111")
    assert not is_echo("CRM_UI", "9393361")
    assert not is_echo("INTEGRATION", "")


@pytest.mark.parametrize("name", [key for key in TOLD if key != "attemptNumber"])
def test_events_are_told_apart_by_everything_but_the_number_of_the_attempt(name: str) -> None:
    told_apart = {"eventId", "subscriptionId", "occurredAt", "objectId"}
    [one], [other] = heard(TOLD), heard({**TOLD, "attemptNumber": 3, name: TOLD[name]})
    assert one.key == other.key
    if name in told_apart:
        [changed] = heard({**TOLD, name: TOLD[name] + 1})
        assert changed.key != one.key


def test_a_value_that_was_typed_is_nowhere_in_an_event() -> None:
    told = {**TOLD, "subscriptionType": "contact.propertyChange", "propertyName": "phone"}
    [event] = heard({**told, "propertyValue": "+15550100"})
    assert "5550100" not in repr(event)


@pytest.mark.parametrize(
    ("merge", "winner", "losers"),
    [
        ({"primaryObjectId": 1, "mergedObjectIds": [2, 3]}, "1", ("2", "3")),
        ({"primaryObjectId": 1, "mergedObjectIds": [2], "newObjectId": 9}, "9", ("1", "2")),
        ({"primaryObjectId": 1, "mergedObjectIds": [1, 2], "objectId": 1}, "1", ("2",)),
        ({"primaryObjectId": 1}, "1", ()),
    ],
)
def test_a_merge_is_about_the_record_that_is_left(
    merge: dict[str, Any], winner: str, losers: tuple[str, ...]
) -> None:
    bare = {key: value for key, value in TOLD.items() if key != "objectId"}
    [event] = heard({**bare, "subscriptionType": "contact.merge", **merge})
    assert (event.ref.id, event.others) == (winner, losers)
