"""The strict local HubSpot refuses what HubSpot refuses, and calls us as HubSpot does."""

import base64
import hmac
import json
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.fakes.hubspot import (
    ALL_SCOPES,
    APP,
    PORTAL,
    TEN_SECONDLY,
    TOKEN,
    Fault,
    HubSpot,
    Key,
    hubspot_served,
)
from tests.fakes.hubspot_events import SECRET, Caller, signed

OBJECTS = "/crm/objects/2026-09"
NOTE: dict[str, Any] = {"hs_timestamp": "2026-11-21T09:00:00Z", "hs_note_body": "<p>Hello</p>"}


@pytest.fixture
def hubspot() -> Iterator[HubSpot]:
    with hubspot_served(HubSpot()) as served:
        yield served


@pytest.fixture
def client(hubspot: HubSpot) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    with httpx.Client(
        base_url=hubspot.url, headers=headers, trust_env=False, verify=False, timeout=3
    ) as made:
        yield made


def note_to(kind: int, record_id: str) -> dict[str, Any]:
    link = {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": kind}
    return {"properties": NOTE, "associations": [{"to": {"id": record_id}, "types": [link]}]}


# --- who may call, and where


@pytest.mark.parametrize(
    "path",
    ["/crm/v3/objects/contacts/1", "/crm/objects/2026-03/contacts/1", "/crm/objects/contacts/1"],
)
def test_only_paths_with_its_date_are_there(client: httpx.Client, path: str) -> None:
    assert client.get(path).status_code == 404


def test_a_token_is_known_and_lasts(client: httpx.Client, hubspot: HubSpot) -> None:
    made = hubspot.add(email="jane@acme.example")
    path = f"{OBJECTS}/contacts/{made.id}"
    assert client.get(path).status_code == 200
    told = client.get(path, headers={"Authorization": "Bearer other"})
    assert (told.status_code, told.json()["category"]) == (401, "INVALID_AUTHENTICATION")
    hubspot.keys[TOKEN].until = time.time() - 7
    told = client.get(path)
    assert (told.status_code, told.json()["category"]) == (401, "EXPIRED_AUTHENTICATION")


def test_a_missing_scope_is_named_and_notes_use_those_of_contacts(
    client: httpx.Client, hubspot: HubSpot
) -> None:
    hubspot.keys[TOKEN] = Key(ALL_SCOPES - {"crm.objects.contacts.write"})
    for path in ("contacts", "notes"):
        told = client.post(f"{OBJECTS}/{path}", json={"properties": {}})
        assert told.status_code == 403
        [error] = told.json()["errors"]
        assert error["context"]["requiredGranularScopes"] == ["crm.objects.contacts.write"]


def test_a_refresh_token_gives_a_token_for_half_an_hour(
    client: httpx.Client, hubspot: HubSpot
) -> None:
    hubspot.refresh_tokens["r-1"] = SECRET
    form = {"grant_type": "refresh_token", "client_id": "c", "refresh_token": "r-1"}
    told = client.post("/oauth/2026-09/token", data=form | {"client_secret": SECRET}).json()
    assert (told["expires_in"], told["hub_id"]) == (1800, PORTAL)
    assert told["access_token"] in hubspot.keys
    no = client.post("/oauth/2026-09/token", data=form | {"client_secret": "x"})
    assert (no.status_code, no.json()["status"]) == (400, "BAD_REFRESH_TOKEN")


# --- records


def test_a_record_shows_what_is_asked_for_as_texts_or_null(
    client: httpx.Client, hubspot: HubSpot
) -> None:
    made = hubspot.add(email="jane@acme.example")
    asked = {"properties": "email,city,nonsense", "propertiesWithHistory": "email"}
    told = client.get(f"{OBJECTS}/0-1/{made.id}", params=asked).json()
    assert told["properties"]["email"] == "jane@acme.example"
    assert told["properties"]["city"] is None
    assert "nonsense" not in told["properties"]
    assert told["propertiesWithHistory"]["email"][0]["sourceType"] == "CRM_UI"
    assert isinstance(told["id"], str)


@pytest.mark.parametrize(
    ("values", "error"),
    [
        ({"nonsense": "x"}, "PROPERTY_DOESNT_EXIST"),
        ({"numemployees": "40"}, "INVALID_OPTION"),
        ({"createdate": "2026-11-21"}, "READ_ONLY_VALUE"),
        ({"email": "nobody"}, "INVALID_EMAIL"),
        ({"city": 7}, "INVALID_TYPE"),
        ({"city": None}, "INVALID_TYPE"),
        ({"city": "x" * 65_537}, "INVALID_LENGTH"),
        ({"hs_contact_enrichment_opt_out": "yes"}, "INVALID_BOOLEAN"),
    ],
)
def test_one_bad_value_rejects_them_all(
    client: httpx.Client, hubspot: HubSpot, values: dict[str, Any], error: str
) -> None:
    made = hubspot.add(email="jane@acme.example")
    body = {"properties": {"jobtitle": "CFO", **values}}
    told = client.patch(f"{OBJECTS}/contacts/{made.id}", json=body)
    assert (told.status_code, told.json()["category"]) == (400, "VALIDATION_ERROR")
    listed = json.loads(told.json()["message"].partition(": ")[2])
    assert [one["error"] for one in listed] == [error]
    assert "jobtitle" not in made.properties


def test_several_options_are_one_value(client: httpx.Client, hubspot: HubSpot) -> None:
    made = hubspot.add(email="jane@acme.example")
    body = {"properties": {"hs_buying_role": "CHAMPION;END_USER"}}
    assert client.patch(f"{OBJECTS}/contacts/{made.id}", json=body).status_code == 200


def test_a_known_address_is_a_conflict_that_names_the_record(
    client: httpx.Client, hubspot: HubSpot
) -> None:
    made = hubspot.add(email="jane@acme.example")
    body = {"properties": {"email": "jane@acme.example"}}
    told = client.post(f"{OBJECTS}/contacts", json=body)
    assert told.status_code == 409
    assert told.json()["message"].endswith(f"Existing ID: {made.id}")


def test_companies_of_one_domain_may_be_many(client: httpx.Client) -> None:
    body = {"properties": {"domain": "acme.example"}}
    made = [client.post(f"{OBJECTS}/companies", json=body).json()["id"] for _ in range(2)]
    assert len(set(made)) == 2


def test_a_note_needs_its_time_and_the_right_kind_of_association(
    client: httpx.Client, hubspot: HubSpot
) -> None:
    jane, acme = hubspot.add(email="j@acme.example"), hubspot.add("companies", name="Acme")
    for kind, record, status in [(202, jane, 201), (190, acme, 201), (201, jane, 400)]:
        body = note_to(kind, record.id)
        assert client.post(f"{OBJECTS}/notes", json=body).status_code == status
    assert client.post(f"{OBJECTS}/notes", json=note_to(190, jane.id)).status_code == 404
    assert client.post(f"{OBJECTS}/notes", json={"properties": {}}).status_code == 400
    assert len(hubspot.notes(jane)) == len(hubspot.notes(acme)) == 1


def test_a_note_is_cleaned_of_what_is_no_simple_html(
    client: httpx.Client, hubspot: HubSpot
) -> None:
    jane = hubspot.add(email="j@acme.example")
    body = note_to(202, jane.id)
    body["properties"] = {**NOTE, "hs_note_body": "<p>a</p><!-- b --><script>c</script>"}
    client.post(f"{OBJECTS}/notes", json=body)
    assert hubspot.notes(jane)[0].properties["hs_note_body"] == "<p>a</p>"


def test_the_id_of_one_that_was_merged_gives_the_winner(
    client: httpx.Client, hubspot: HubSpot
) -> None:
    one, two = hubspot.add(email="a@acme.example"), hubspot.add(email="b@acme.example")
    hubspot.merge(one, two)
    assert client.get(f"{OBJECTS}/contacts/{two.id}").json()["id"] == one.id


def test_what_was_deleted_is_only_shown_as_archived(client: httpx.Client, hubspot: HubSpot) -> None:
    jane = hubspot.add(email="j@acme.example")
    assert client.delete(f"{OBJECTS}/contacts/{jane.id}").status_code == 204
    assert client.get(f"{OBJECTS}/contacts/{jane.id}").json()["category"] == "OBJECT_NOT_FOUND"
    told = client.get(f"{OBJECTS}/contacts/{jane.id}", params={"archived": "true"})
    assert told.json()["archived"] is True


def test_many_are_read_at_once_and_those_that_are_missing_are_counted(
    client: httpx.Client, hubspot: HubSpot
) -> None:
    jane = hubspot.add(email="j@acme.example")
    body: dict[str, Any] = {"inputs": [{"id": jane.id}, {"id": "7"}], "properties": ["email"]}
    told = client.post(f"{OBJECTS}/contacts/batch/read", json=body)
    assert (told.status_code, told.json()["numErrors"]) == (207, 1)
    body["inputs"] = [{"id": str(n)} for n in range(101)]
    assert client.post(f"{OBJECTS}/contacts/batch/read", json=body).status_code == 400


# --- search


def search(client: httpx.Client, **changes: Any) -> httpx.Response:
    wanted = {"propertyName": "email", "operator": "HAS_PROPERTY"}
    body = {"filterGroups": [{"filters": [wanted]}], "limit": 2, **changes}
    return client.post(f"{OBJECTS}/contacts/search", json=body)


def test_a_search_comes_in_pages_and_late(client: httpx.Client, hubspot: HubSpot) -> None:
    for number in range(3):
        hubspot.add(email=f"p{number}@acme.example")
    first = search(client)
    assert (first.json()["total"], first.json()["paging"]["next"]["after"]) == (3, "2")
    assert len(search(client, after="2").json()["results"]) == 1
    assert not any(name.startswith("x-hubspot-ratelimit") for name in first.headers)
    hubspot.lag_s = 60
    assert search(client).json()["total"] == 0


@pytest.mark.parametrize(
    "changes",
    [
        {"filterGroups": [{"filters": []}] * 6},
        {"filterGroups": [{"filters": [{"propertyName": "email", "operator": "EQ"}] * 7}]},
        {"filterGroups": [{"filters": [{"propertyName": "email", "operator": "LIKE"}]}]},
        {"limit": 201},
        {"after": "9999"},
        {"properties": ["x" * 3_000]},
    ],
    ids=range(6),
)
def test_a_search_that_is_too_much_is_refused(
    client: httpx.Client, changes: dict[str, Any]
) -> None:
    assert search(client, **changes).status_code == 400


def test_five_searches_a_second_are_taken(client: httpx.Client) -> None:
    told = [search(client) for _ in range(6)]
    assert [one.status_code for one in told] == [200] * 5 + [429]
    assert told[-1].json()["message"] == "You have reached your secondly limit."


# --- limits and faults


def test_its_limits_are_told_and_kept(client: httpx.Client, hubspot: HubSpot) -> None:
    hubspot.per_ten_s, hubspot.per_day = 2, 4
    told = [client.get(f"{OBJECTS}/contacts") for _ in range(5)]
    assert [one.status_code for one in told] == [200, 200, 429, 429, 429]
    assert told[0].headers["X-HubSpot-RateLimit-Remaining"] == "1"
    assert told[0].headers["X-HubSpot-RateLimit-Daily-Remaining"] == "3"
    policies = [one.json()["policyName"] for one in told[2:]]
    assert policies == ["TEN_SECONDLY_ROLLING", "TEN_SECONDLY_ROLLING", "DAILY"]
    assert "category" not in told[2].json()


def test_faults_are_played_once_each(client: httpx.Client, hubspot: HubSpot) -> None:
    jane = hubspot.add(email="j@acme.example")
    path, body = f"{OBJECTS}/contacts/{jane.id}", {"properties": {"city": "Bonn"}}
    lost, busy = Fault(502, after=True), Fault(429, TEN_SECONDLY, {"Retry-After": "1"})
    hubspot.fail("PATCH", "contacts", lost, busy, Fault(reset=True))
    gateway = client.patch(path, json=body)
    assert (gateway.status_code, gateway.headers["content-type"]) == (502, "text/html")
    assert jane.properties["city"] == "Bonn"
    assert client.patch(path, json=body).headers["Retry-After"] == "1"
    with pytest.raises(httpx.HTTPError):
        client.patch(path, json=body)
    assert client.patch(path, json=body).status_code == 200


# --- the side that calls us


def test_a_delivery_is_signed_over_the_decoded_public_address() -> None:
    headers = signed(b"[]", "https://w.example/h?x=a%3Ab%20c")
    sent_at = headers["X-HubSpot-Request-Timestamp"]
    text = f"POSThttps://w.example/h?x=a:b%20c[]{sent_at}"
    digest = hmac.digest(SECRET.encode(), text.encode(), "sha256")
    assert headers["X-HubSpot-Signature-v3"] == base64.b64encode(digest).decode()


def test_what_happens_is_told_in_both_formats_with_who_did_it() -> None:
    hubspot = HubSpot()
    caller = Caller(hubspot, "http://w.example/h", formats=("object", "legacy"))
    caller.tells = ("creation", "propertyChange", "merge", "privacyDeletion")
    jane = hubspot.add(email="j@acme.example")
    hubspot.change(jane, {"city": "Bonn"}, "INTEGRATION", str(APP))
    types = [one["subscriptionType"] for one in caller.waiting]
    changed = ["object.propertyChange", "contact.propertyChange"]
    assert types == ["object.creation", "contact.creation", *changed]
    assert caller.waiting[0]["objectTypeId"] == "0-1"
    assert "objectTypeId" not in caller.waiting[1]
    assert caller.waiting[2]["sourceId"] == str(caller.waiting[2]["appId"])
    hubspot.merge(jane, hubspot.add(email="k@acme.example"))
    assert "objectId" not in caller.waiting[-1]
    hubspot.erase(jane)
    assert [one["subscriptionType"] for one in caller.waiting][-1] == "contact.privacyDeletion"


def test_some_events_share_a_number_when_they_are_to() -> None:
    hubspot = HubSpot()
    caller = Caller(hubspot, "http://w.example/h", shared=0.2)
    for number in range(200):
        hubspot.add(email=f"p{number}@acme.example")
    numbers = {one["eventId"] for one in caller.waiting}
    assert 120 < len(numbers) < 190
