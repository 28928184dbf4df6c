"""What an operator sets up: our properties in the account, and the project that makes our app."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from integrations.cli.inbound import run
from integrations.crm.hubspot.adapter import HubSpot as Adapter
from integrations.crm.hubspot.setup import WANTED, SetUp, set_up
from tests.crm.talking import talk
from tests.fakes.hubspot import ALL_SCOPES, TOKEN, HubSpot, Key, hubspot_served


@pytest.fixture
def hubspot() -> Iterator[HubSpot]:
    with hubspot_served(HubSpot()) as served:
        yield served


@pytest.fixture
def here(hubspot: HubSpot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a folder in which commands run with this account."""
    monkeypatch.chdir(tmp_path)
    env = {"HUBSPOT_ACCESS_TOKEN": TOKEN, "HUBSPOT_API_URL": hubspot.url}
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    return tmp_path


def prepared(hubspot: HubSpot) -> SetUp:
    return talk(set_up(Adapter(key=TOKEN, base_url=hubspot.url)))


def test_what_is_missing_is_made_once(hubspot: HubSpot) -> None:
    names = {f"{kind}.{one.name}" for kind in ("contacts", "companies") for one in WANTED}
    first, second = prepared(hubspot), prepared(hubspot)
    assert set(first.made) == set(second.there) == names
    assert first.is_whole
    assert second.is_whole
    assert not first.there
    assert not second.made
    status = hubspot.properties["contacts"]["warmcall_status"]
    assert "needs_manual_enrichment" in {one["value"] for one in status["options"]}
    assert status["groupName"] == "warmcall"


def test_a_property_of_another_type_is_told_and_left(hubspot: HubSpot) -> None:
    prepared(hubspot)
    hubspot.properties["contacts"]["warmcall_confidence"]["type"] = "string"
    found = prepared(hubspot)
    assert found.other == ("contacts.warmcall_confidence",)
    assert not found.is_whole


def test_a_property_that_somebody_else_makes_meanwhile_is_compared(hubspot: HubSpot) -> None:
    prepared(hubspot)
    contacts = hubspot.properties["contacts"]
    others = contacts.pop("warmcall_summary")
    hubspot.on_property = lambda name: contacts.setdefault(name, others)
    assert "contacts.warmcall_summary" in prepared(hubspot).there


@pytest.mark.parametrize("scope", sorted(ALL_SCOPES))
def test_every_scope_that_is_missing_is_named_and_nothing_is_made(
    hubspot: HubSpot, scope: str
) -> None:
    hubspot.keys[TOKEN] = Key(ALL_SCOPES - {scope})
    found = prepared(hubspot)
    assert found.missing_scopes == (scope,)
    assert not found.made
    assert not any(hubspot.groups.values())


def test_the_command_tells_what_it_made(
    here: Path, hubspot: HubSpot, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["hubspot", "setup"]) == 0
    assert "Made: contacts.warmcall_status" in capsys.readouterr().out
    hubspot.keys[TOKEN] = Key(ALL_SCOPES - {"crm.schemas.contacts.write"})
    assert run(["hubspot", "setup"]) == 1
    assert "Missing scopes: crm.schemas.contacts.write." in capsys.readouterr().out
    hubspot.keys.clear()
    assert run(["hubspot", "setup"]) == 1
    told = capsys.readouterr().err
    assert "HubSpot does not take the token" in told
    assert TOKEN not in told


def test_the_doctor_tells_how_hubspot_is(
    here: Path,
    hubspot: HubSpot,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def line() -> str:
        run(["doctor"])
        told = capsys.readouterr().out.splitlines()
        return next(one for one in told if "hubspot" in one)

    assert "nothing tells of new records" in line()
    monkeypatch.setenv("HUBSPOT_POLL", "60s")
    assert line().startswith("ok")
    monkeypatch.setenv("HUBSPOT_CLIENT_SECRET", "s3cret")
    assert "set WARMCALL_PUBLIC_URL" in line()
    hubspot.keys.clear()
    assert line().startswith("FAILED")
    monkeypatch.delenv("HUBSPOT_ACCESS_TOKEN")
    monkeypatch.delenv("HUBSPOT_POLL")
    monkeypatch.delenv("HUBSPOT_CLIENT_SECRET")
    assert "off: set HUBSPOT_ACCESS_TOKEN" in line()


# --- the project


def test_the_project_is_what_hubspot_takes(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WARMCALL_PUBLIC_URL", "https://warm.example.com/")
    monkeypatch.delenv("HUBSPOT_API_URL")
    for _ in range(2):
        assert run(["hubspot", "project", "app"]) == 0
    read = {
        str(path.relative_to(here / "app")): json.loads(path.read_text("utf-8"))
        for path in (here / "app").rglob("*.json")
    }
    app = read.pop("src/app/app-hsmeta.json")
    hooks = read.pop("src/app/webhooks/webhooks-hsmeta.json")
    assert read == {
        "hsproject.json": {"name": "warmcall", "srcDir": "src", "platformVersion": "2026.03"}
    }
    assert (app["uid"], app["type"], app["config"]["distribution"]) == (
        "warmcall",
        "app",
        "private",
    )
    assert app["config"]["auth"]["type"] == "static"
    assert set(app["config"]["auth"]["requiredScopes"]) == {"oauth", *ALL_SCOPES}
    assert app["config"]["permittedUrls"]["fetch"] == ["https://api.hubapi.com"]
    assert hooks["type"] == "webhooks"
    assert hooks["config"]["settings"] == {
        "targetUrl": "https://warm.example.com/webhooks/hubspot",
        "maxConcurrentRequests": 10,
    }
    subscriptions = hooks["config"]["subscriptions"]
    assert set(subscriptions) == {"crmObjects", "legacyCrmObjects", "hubEvents"}
    told = {(one["subscriptionType"], one["objectType"]) for one in subscriptions["crmObjects"]}
    assert {("object.creation", "contact"), ("object.creation", "company")} <= told
    assert all(one["active"] for one in subscriptions["crmObjects"])
    assert subscriptions["hubEvents"] == [
        {"subscriptionType": "contact.privacyDeletion", "active": True}
    ]


def test_a_project_that_hubspot_could_not_call_is_not_written(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["hubspot", "project", "app"]) == 1
    assert "HUBSPOT_POLL" in capsys.readouterr().err
    assert not (here / "app").exists()
