"""The route that HubSpot calls: who is refused, and what is answered to whom."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from app.crm import CrmEvent
from app.errors import NotReady
from app.settings import Settings
from integrations.crm.inbound import PATH, routes
from tests.fakes.hubspot import APP, HubSpot
from tests.fakes.hubspot_events import SECRET, Caller, signed
from tests.surfaces.asking import Browser

PUBLIC = "https://warm.example.com"
ENV = {
    "HUBSPOT_ACCESS_TOKEN": "pat-1",
    "HUBSPOT_CLIENT_SECRET": f"{SECRET},older",
    "HUBSPOT_APP_ID": str(APP),
    "WARMCALL_PUBLIC_URL": PUBLIC,
}


@dataclass
class Ear:
    """The front door, as far as a CRM needs it."""

    heard: list[tuple[str, str, list[CrmEvent]]] = field(default_factory=list)
    is_deaf: bool = False

    def arrived(self, connection: str, vendor: str, events: Sequence[CrmEvent]) -> int:
        if self.is_deaf:
            raise NotReady("The database is busy.")
        self.heard.append((connection, vendor, list(events)))
        return len(events)


@pytest.fixture
def ear() -> Ear:
    return Ear()


@pytest.fixture
def browser(ear: Ear) -> Browser:
    told = routes(intake=ear, settings=Settings.from_env(ENV), now=lambda: datetime.now(UTC))
    return Browser(Starlette(routes=told), base_url="http://10.0.0.7:8123")


@pytest.fixture
def events() -> list[dict[str, Any]]:
    hubspot = HubSpot()
    caller = Caller(hubspot, PUBLIC + PATH, formats=("object", "legacy"))
    hubspot.add(email="jane@acme.example")
    return caller.waiting


def post(browser: Browser, body: bytes, query: str = "", **changes: Any) -> httpx.Response:
    sends = changes.pop("sends", body)
    headers = signed(body, PUBLIC + PATH + query, **{"secret": SECRET, **changes})
    return browser("POST", PATH + query, content=sends, headers=headers)


def test_a_delivery_is_taken_and_answered_with_nothing(
    browser: Browser, ear: Ear, events: list[dict[str, Any]]
) -> None:
    answer = post(browser, json.dumps(events).encode())
    assert (answer.status_code, answer.content) == (200, b"")
    [(connection, vendor, told)] = ear.heard
    assert (connection, vendor, len(told)) == ("hubspot", "hubspot", 2)
    assert len({event.ref for event in told}) == 1


def test_what_is_signed_is_the_public_address_with_its_query(browser: Browser, ear: Ear) -> None:
    for query in ("?src=hs%3Aapp%2Fv3", "?q=a%20b&x=%2C%3B", "?a=1&a=2"):
        assert post(browser, b"[]", query).status_code == 200


@pytest.mark.parametrize(
    "changes",
    [
        {"secret": "another"},
        {"method": "GET"},
        {"age_s": 301},
        {"age_s": -301},
        {"sends": b"[ ]"},
        {"without": "X-HubSpot-Signature-v3"},
        {"without": "X-HubSpot-Request-Timestamp"},
        {"headers": {"X-HubSpot-Signature-v3": "AAAA"}},
        {"headers": {"X-HubSpot-Request-Timestamp": "1790000001"}},
    ],
    ids=str,
)
def test_who_is_not_hubspot_is_refused(browser: Browser, ear: Ear, changes: dict[str, Any]) -> None:
    answer = post(browser, b"[]", **changes)
    assert (answer.status_code, answer.content) == (401, b"")
    assert ear.heard == []


def test_both_secrets_are_taken_while_one_is_rotated(browser: Browser) -> None:
    assert post(browser, b"[]", secret="older").status_code == 200


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"[]", 200),
        (b'[{"subscriptionType":"conversation.newMessage"}]', 200),
        (b"[1,null,{}]", 200),
        (b"{}", 400),
        (b"{not json", 400),
        (b"", 400),
        (b"[" * 100_000, 400),
        (b" " * 1_048_577, 413),
    ],
    ids=range(8),
)
def test_what_is_no_delivery_is_refused_and_what_we_do_not_want_is_not(
    browser: Browser, body: bytes, status: int
) -> None:
    assert post(browser, body).status_code == status


def test_who_sends_too_much_is_refused_before_the_signature(browser: Browser) -> None:
    assert post(browser, b" " * 2_000_000, secret="another").status_code == 413


def test_what_cannot_be_kept_now_comes_again(browser: Browser, ear: Ear) -> None:
    ear.is_deaf = True
    assert post(browser, b"[]").status_code == 503


def test_other_methods_are_not_taken(browser: Browser) -> None:
    assert browser("GET", PATH).status_code == 405


def test_without_its_secret_there_is_no_such_route(ear: Ear) -> None:
    settings = Settings.from_env({"HUBSPOT_ACCESS_TOKEN": "pat-1"})
    assert routes(intake=ear, settings=settings, now=lambda: datetime.now(UTC)) == []
