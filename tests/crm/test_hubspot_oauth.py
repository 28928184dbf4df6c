"""Access tokens of OAuth: renewed before they end, once for all, and once more when one ended."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from app.crm import UNAUTHORIZED
from app.errors import DeliveryFailed
from app.provider import Answer, Request
from integrations.crm.hubspot.adapter import HubSpot as Adapter
from integrations.crm.hubspot.oauth import Grant, Renewing
from tests.crm.talking import over_http
from tests.fakes.clock import Clock
from tests.fakes.hubspot import Fault, HubSpot, hubspot_served
from tests.fakes.hubspot_events import SECRET


@dataclass
class App:
    """An app with OAuth, and the account that has installed it."""

    hubspot: HubSpot
    clock: Clock
    loop: asyncio.Runner

    def __post_init__(self) -> None:
        self.adapter = Adapter(base_url=self.hubspot.url)
        grant = Grant("client-1", SECRET, "refresh-1")
        self.grant = grant
        self.road = Renewing(self._call, self.adapter.paths.token, grant, self.clock)

    async def _call(self, request: Request) -> Answer:
        return await asyncio.to_thread(over_http, request)

    def ask(self, times: int = 1) -> list[int]:
        """List contacts so many times at once; return the statuses."""

        async def asked() -> list[Answer]:
            url = self.adapter.paths.at("objects", "contacts")
            calls = (self.road.send(self.adapter.request("GET", url)) for _ in range(times))
            return await asyncio.gather(*calls)

        return [one.status for one in self.loop.run(asked())]

    def renewals(self) -> int:
        return len(self.hubspot.called("POST", "/oauth/"))


@pytest.fixture
def app(clock: Clock) -> Iterator[App]:
    granted = HubSpot(keys={}, refresh_tokens={"refresh-1": SECRET})
    with hubspot_served(granted) as hubspot, asyncio.Runner() as loop:
        yield App(hubspot, clock, loop)


def test_one_token_serves_all_until_shortly_before_its_end(app: App) -> None:
    assert app.ask(8) == [200] * 8
    app.clock.move(minutes=27)
    assert (app.ask(), app.renewals()) == ([200], 1)
    app.clock.move(minutes=2)
    assert (app.ask(8), app.renewals()) == ([200] * 8, 2)


def test_a_token_that_has_ended_all_the_same_is_renewed_once_for_all(app: App) -> None:
    app.ask()
    for key in app.hubspot.keys.values():
        key.until = 0.0
    assert app.ask(8) == [200] * 8
    assert app.renewals() == 2


def test_another_401_renews_nothing(app: App) -> None:
    app.ask()
    app.hubspot.keys.clear()
    assert (app.ask(), app.renewals()) == ([401], 1)


def test_without_a_grant_the_connection_is_broken_by_name(app: App) -> None:
    app.hubspot.refresh_tokens.clear()
    with pytest.raises(DeliveryFailed) as caught:
        app.ask()
    assert (caught.value.word, caught.value.final) == (UNAUTHORIZED, True)


def test_a_gateway_that_fails_is_no_broken_connection(app: App) -> None:
    app.hubspot.fail("POST", "/oauth/", Fault(502))
    with pytest.raises(DeliveryFailed) as caught:
        app.ask()
    assert (caught.value.word, caught.value.final) == ("", False)
    assert app.ask() == [200]


def test_no_secret_shows(app: App) -> None:
    assert SECRET not in repr(app.grant)
    assert "refresh-1" not in repr(app.grant)
