"""What the web process remembers is said again only while nothing has changed, by anybody."""

import asyncio
import sqlite3
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest

from app.database import Database
from tests.surfaces.asking import Browser, settled, work
from tests.surfaces.test_rest import SARAH, application, enrich

OTHER = "raj.patel@acme.example"


@pytest.fixture
def api(service: Any) -> Browser:
    return Browser(application(service), {"Authorization": f"Bearer {service.secret}"})


@pytest.fixture(params=["this process", "another process"])
def elsewhere(request: pytest.FixtureRequest, service: Any) -> Iterator[Any]:
    """The front door of this process, or of one with connections and memories of its own."""
    if request.param == "this process":
        yield service.intake
        return
    database = Database(service.database.url)
    yield service.front_door(database=database)
    database.close()


def known(service: Any, api: Browser) -> httpx.Response:
    """Ask for a card until it is remembered."""
    settled(service, SARAH)
    for _ in range(3):
        answer = enrich(api)
        assert answer.status_code == 200
    return answer


def test_a_remembered_card_waits_for_no_writer(service: Any, api: Browser) -> None:
    first = known(service, api)
    path = f"/v1/jobs/{first.json()['job_id']}"
    shown = api("GET", path)
    writing = sqlite3.connect(service.database.url.removeprefix("sqlite:///"))
    writing.execute("BEGIN IMMEDIATE")
    assert enrich(api).content == first.content
    assert api("GET", path).content == shown.content
    writing.close()


def test_a_revoked_key_gets_no_remembered_card(service: Any, api: Browser, elsewhere: Any) -> None:
    job_id = known(service, api).json()["job_id"]
    assert api("GET", f"/v1/jobs/{job_id}").status_code == 200
    elsewhere.revoke_key(service.caller.id)
    assert enrich(api).status_code == 401
    assert api("GET", f"/v1/jobs/{job_id}").status_code == 401
    assert enrich(api, OTHER).status_code == 401


def test_a_rotated_key_is_worth_nothing_at_once(service: Any, api: Browser, elsewhere: Any) -> None:
    known(service, api)
    _, secret = elsewhere.rotate_key(service.caller.id)
    assert enrich(api).status_code == 401
    api.headers["Authorization"] = f"Bearer {secret}"
    assert enrich(api).status_code == 200


def test_a_forgotten_person_is_not_remembered(service: Any, api: Browser, elsewhere: Any) -> None:
    job_id = known(service, api).json()["job_id"]
    assert api("GET", f"/v1/jobs/{job_id}").status_code == 200
    elsewhere.forget(SARAH)
    answer = enrich(api)
    assert answer.json()["status"] == "suppressed"
    assert "Sarah" not in answer.text
    assert api("GET", f"/v1/jobs/{job_id}").status_code == 404


def test_a_suppressed_domain_ends_remembered_cards(
    service: Any, api: Browser, elsewhere: Any
) -> None:
    known(service, api)
    elsewhere.suppress("acme.example")
    assert enrich(api).json()["status"] == "suppressed"


def test_a_refreshed_card_takes_the_place_of_the_remembered_one(service: Any, api: Browser) -> None:
    old = known(service, api).json()
    service.clock.move(seconds=60)
    new = api("POST", f"/v1/jobs/{old['job_id']}/refresh").json()["job_id"]
    asyncio.run(work(service))
    assert enrich(api).json()["job_id"] == new


def test_a_remembered_card_turns_stale_on_time(service: Any, api: Browser) -> None:
    assert known(service, api).json()["served_from"] == "fresh_cache"
    service.clock.move(days=2)
    stale = enrich(api).json()
    assert stale["served_from"] == "stale_cache"
    assert stale["refresh_job_id"]


def test_what_is_remembered_of_one_caller_is_not_told_another(service: Any, api: Browser) -> None:
    job_id = known(service, api).json()["job_id"]
    assert api("GET", f"/v1/jobs/{job_id}").status_code == 200
    _, secret = service.intake.create_key("other")
    api.headers["Authorization"] = f"Bearer {secret}"
    assert api("GET", f"/v1/jobs/{job_id}").status_code == 404
    _, weak = service.intake.create_key("weak", scopes=frozenset({"read"}))
    api.headers["Authorization"] = f"Bearer {weak}"
    assert enrich(api).status_code == 403


def test_the_allowance_beside_a_remembered_card_is_of_now(service: Any, api: Browser) -> None:
    first = known(service, api).headers["ratelimit"]
    service.clock.move(seconds=60)
    later = enrich(api).headers["ratelimit"]
    left = [int(one.rpartition("t=")[2]) for one in (first, later)]
    assert left[0] - left[1] == timedelta(seconds=60).seconds
    enrich(api, OTHER)
    assert "r=98" in enrich(api).headers["ratelimit"]


def test_a_callback_is_sent_for_every_request_of_a_remembered_card(
    service: Any, api: Browser
) -> None:
    known(service, api)
    for _ in range(3):
        enrich(api, callback_url="https://hooks.example/warmcall")
    asyncio.run(work(service))
    assert len(service.postbox.got) == 3


def test_fifty_at_once_get_no_more_than_their_allowance(service: Any, api: Browser) -> None:
    poor, secret = service.intake.create_key("poor", quota=7)
    api.headers["Authorization"] = f"Bearer {secret}"

    async def all_at_once() -> list[httpx.Response]:
        asked = [
            api.ask("POST", "/v1/enrich", json={"email": f"jane.doe{n}@acme.example"})
            for n in range(50)
        ]
        return await asyncio.gather(*asked)

    answers = asyncio.run(all_at_once())
    accepted = [one for one in answers if one.status_code == 202]
    left = sorted(int(one.headers["ratelimit"].partition("r=")[2][0]) for one in accepted)
    assert left == list(range(7))
    assert [one.status_code for one in answers].count(429) == 43
    assert service.intake.usage(poor).used == 7
