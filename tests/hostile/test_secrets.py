"""Keys and personal data: searched for wherever they could come out without being asked for."""

import logging
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from pythonjsonlogger.json import JsonFormatter
from sqlalchemy import text

from app.intake import SCOPES
from app.settings import Settings
from tests.fakes.vendors import Vendors
from tests.hostile.conftest import SARAH, House, running
from tests.journeys.stack import vendors_served

PERSON = ("sarah.chen", "Sarah", "Chen", "jane.roe", "Jane Roe")
VENDOR_KEYS = ("PDL_API_KEY", "HUNTER_API_KEY", "DATALEGION_API_KEY")


@pytest.fixture(params=["DEBUG", "INFO"])
def level(request: pytest.FixtureRequest) -> Iterator[str]:
    root = logging.getLogger()
    before = root.level
    root.setLevel(request.param)
    yield str(request.param)
    root.setLevel(before)


def formatted(records: list[logging.LogRecord]) -> str:
    """Write records as the processes do, with every extra field and traceback."""
    json = JsonFormatter("{levelname}{name}{message}", style="{", timestamp=True)
    return "\n".join(json.format(record) for record in records)


def test_no_log_holds_a_key_and_none_above_debug_a_person(
    level: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with vendors_served(Vendors()) as vendors:
        names = dict.fromkeys(("WARMCALL_PROVIDERS",), "peopledatalabs,hunter,datalegion")
        with running(tmp_path, **{**names, **vendors}) as house:
            secrets = [house.key, *(vendors[name] for name in VENDOR_KEYS)]
            everything_asked(house)
            secrets += callback_secrets(house)
    # httpx and httpcore are the client of this test: the service speaks through aiohttp.
    records = [one for one in caplog.records if not one.name.startswith(("httpx", "httpcore"))]
    told = formatted(records)
    assert "request" in told
    assert not [secret for secret in secrets if secret in told]
    above = formatted([one for one in records if one.levelno > logging.DEBUG])
    assert not [word for word in PERSON if word.casefold() in above.casefold()]


def everything_asked(house: House) -> None:
    """Ask for people and companies, well and badly, through every kind of route."""
    with house.client() as client:
        for body in (
            {"email": SARAH},
            {"email": "jane.roe@initech.org"},
            {"email": "jane.roe@", "name": "Jane Roe"},
            {"email": "error@acme.example"},
        ):
            client.post("/v1/enrich", json={**body, "callback_url": "https://hooks.acme.example/"})
            client.post("/v1/person/enrich", json={**body, "wait": 5})
        client.get("/v1/verify", params={"email": SARAH})
        client.get(f"/v1/prospects/{SARAH}/export")
        client.delete("/v1/prospects/jane.roe@initech.org")
        client.delete(f"/v1/nothing/{SARAH}")
        client.post("/v1/callback-ping", json={"url": "https://hooks.acme.example/jane.roe"})
        client.get("/v1/callback-secret")
        client.post("/login", data={"key": house.key})
        client.get("/")


def callback_secrets(house: House) -> list[str]:
    with house.client() as client:
        return [client.get("/v1/callback-secret").json()["callback_secret"]]


def test_the_queue_carries_ids_and_nothing_else(house: House) -> None:
    messages: list[str] = []
    database = house.runtime.database
    posted = database.read(lambda db: db.execute(text("SELECT * FROM message")).all())
    messages += map(str, posted)
    house.settled(email=SARAH)
    data = house.runtime.tasks.job("job_1", 1).data
    assert b"job_1" in data
    for word in (*PERSON, house.key):
        assert word not in data.decode() + "".join(messages)


def test_no_refusal_repeats_the_key_or_the_url(house: House) -> None:
    wrong = f"{house.key}x"
    with house.client(wrong) as client:
        assert wrong not in client.get("/v1/jobs").text
    with house.client() as client:
        url = "https://user:hunter2@10.0.0.1/?token=hunter2"
        refused = client.post("/v1/callback-ping", json={"url": url})
        assert (refused.status_code, "hunter2" in refused.text) == (422, False)
        client.cookies.set("warmcall_key", wrong)
        assert house.key not in client.get("/").text


def test_no_repr_shows_a_secret(house: House) -> None:
    env = dict.fromkeys(VENDOR_KEYS, "s3cret-5550100")
    settings = Settings.from_env(env)
    assert "s3cret" not in repr(settings) + str(settings)
    caller = house.runtime.intake.authenticate(house.key)
    assert "whsec_" not in repr(caller)
    assert house.key not in repr(house.runtime) + repr(caller)
    assert "sarah" not in repr(house.runtime.intake.jobs(caller)[:1])


# --- what callers may see of each other ----------------------------------------------------------


@pytest.fixture
def other(house: House) -> Iterator[httpx.Client]:
    _, key = house.runtime.intake.create_key("other", quota=-1)
    with house.client(key) as client:
        yield client


def test_another_caller_sees_neither_job_nor_delivery(house: House, other: httpx.Client) -> None:
    job = house.settled(email="partial@acme.example")["job_id"]
    with house.client() as client:
        url = {"url": "https://hooks.acme.example/secret"}
        delivery = client.post("/v1/callback-ping", json=url).json()["id"]
    for method, path in (
        ("GET", f"/v1/jobs/{job}"),
        ("GET", f"/v1/jobs/{job}/events"),
        ("POST", f"/v1/jobs/{job}/cancel"),
        ("POST", f"/v1/jobs/{job}/refresh"),
        ("POST", f"/v1/deliveries/{delivery}/replay"),
    ):
        assert other.request(method, path).status_code == 404, path
    assert other.get("/v1/jobs").json()["jobs"] == []
    assert other.get("/v1/deliveries", params={"job_id": job}).json()["deliveries"] == []


def test_who_joins_a_job_cannot_end_it_for_the_others(house: House, other: httpx.Client) -> None:
    body = {"email": "slow@acme.example", "refresh": True}
    with house.client() as client:
        mine = client.post("/v1/enrich", json=body).json()
        theirs = other.post("/v1/enrich", json=body).json()
        assert (theirs["job_id"], theirs["joined"]) == (mine["job_id"], True)
        assert other.post(f"/v1/jobs/{mine['job_id']}/cancel").json()["code"] == "conflict"
        ended = client.get(f"/v1/jobs/{mine['job_id']}", headers={"Prefer": "wait=20"}).json()
        assert ended["status"] == "complete"


def test_an_export_holds_no_link_of_another_caller(house: House, other: httpx.Client) -> None:
    job = house.settled(email="partial@acme.example")
    found = other.get("/v1/prospects/partial@acme.example/export")
    assert job["job_id"] in found.text
    assert job["links"]["card"].rpartition("/")[2] not in found.text
    assert house.key_id not in found.text


def test_a_form_of_another_site_signs_nobody_in_or_out(house: House) -> None:
    elsewhere = {"Sec-Fetch-Site": "cross-site"}
    with httpx.Client(base_url=house.url, trust_env=False, verify=False) as browser:
        refused = browser.post("/login", data={"key": house.key}, headers=elsewhere)
        assert (refused.status_code, "warmcall_key" in browser.cookies) == (401, False)
        entered = browser.post("/login", data={"key": house.key})
        assert (entered.status_code, "warmcall_key" in browser.cookies) == (303, True)
        browser.post("/logout", headers=elsewhere)
        assert "warmcall_key" in browser.cookies
        cookie = entered.headers["set-cookie"].lower()
        assert all(word in cookie for word in ("httponly", "samesite=strict"))


def test_every_scope_is_one_of_three_and_a_card_link_cannot_be_guessed(house: House) -> None:
    assert {"read", "spend", "write"} == SCOPES
    token = house.settled(email=SARAH)["links"]["card"].rpartition("/")[2]
    assert len(token) >= 32  # 24 random bytes: 192 bits
