"""The manifest of the Slack app: within what Slack's public schema allows, in both forms."""

import re
from collections.abc import Mapping
from typing import Any

import orjson
import pytest

from integrations.cli.inbound import run
from integrations.slack.manifest import manifest

URL = "https://warmcall.example"
BOTH = [manifest(URL, socket=False), manifest(URL, socket=True)]

KNOWN: Mapping[str, set[str]] = {
    "": {"_metadata", "display_information", "features", "oauth_config", "settings"},
    "_metadata": {"major_version", "minor_version"},
    "display_information": {"name", "description", "long_description", "background_color"},
    "features": {"app_home", "bot_user", "slash_commands", "shortcuts", "agent_view"},
    "features.app_home": {
        "home_tab_enabled",
        "messages_tab_enabled",
        "messages_tab_read_only_enabled",
    },
    "features.bot_user": {"display_name", "always_online"},
    "features.slash_commands": {"command", "url", "description", "usage_hint", "should_escape"},
    "features.shortcuts": {"name", "type", "callback_id", "description"},
    "features.agent_view": {"agent_description", "suggested_prompts"},
    "features.agent_view.suggested_prompts": {"title", "message"},
    "oauth_config": {"redirect_urls", "scopes"},
    "oauth_config.scopes": {"bot", "bot_optional"},
    "settings": {
        "event_subscriptions",
        "interactivity",
        "org_deploy_enabled",
        "socket_mode_enabled",
        "token_rotation_enabled",
    },
    "settings.event_subscriptions": {"request_url", "bot_events"},
    "settings.interactivity": {"is_enabled", "request_url", "message_menu_options_url"},
}
"""Path -> the members that the schema allows there; anything else makes Slack refuse it."""

LONGEST = {
    "display_information.name": 35,
    "display_information.description": 140,
    "features.bot_user.display_name": 80,
    "features.slash_commands.command": 32,
    "features.slash_commands.url": 3_000,
    "features.slash_commands.description": 2_000,
    "features.slash_commands.usage_hint": 1_000,
    "features.shortcuts.name": 24,
    "features.shortcuts.callback_id": 255,
    "features.shortcuts.description": 150,
    "features.agent_view.agent_description": 300,
    "oauth_config.redirect_urls": 2_500,
    "oauth_config.scopes.bot": 50,
    "oauth_config.scopes.bot_optional": 50,
    "settings.event_subscriptions.request_url": 3_500,
    "settings.event_subscriptions.bot_events": 50,
    "settings.interactivity.request_url": 3_500,
    "settings.interactivity.message_menu_options_url": 3_500,
}
"""Path -> most characters."""

MOST = {
    "features.slash_commands": 50,
    "features.shortcuts": 10,
    "features.agent_view.suggested_prompts": 4,
    "settings.event_subscriptions.bot_events": 100,
    "oauth_config.scopes.bot": 255,
}
"""Path -> most items."""


def problems(value: Any, path: str = "") -> list[str]:
    """Return where a manifest is not as the schema wants it."""
    if isinstance(value, dict):
        strange = [f"{path}.{name}: unknown" for name in value.keys() - KNOWN[path]]
        inner = ((part, f"{path}.{name}".lstrip(".")) for name, part in value.items())
        return strange + [one for part, where in inner for one in problems(part, where)]
    if isinstance(value, list):
        many = [f"{path}: too many"] if len(value) > MOST.get(path, 1_000) else []
        twice = [f"{path}: twice"] if len({str(one) for one in value}) < len(value) else []
        return many + twice + [one for part in value for one in problems(part, path)]
    if isinstance(value, str) and not 1 <= len(value) <= LONGEST.get(path, 100):
        return [f"{path}: {len(value)} characters"]
    return []


@pytest.mark.parametrize("made", BOTH)
def test_it_has_what_the_schema_knows_and_nothing_longer(made: dict[str, Any]) -> None:
    assert problems(made) == []
    assert made["_metadata"]["major_version"] == 2
    assert made["features"]["slash_commands"][0]["command"].startswith("/")
    assert {one["type"] for one in made["features"]["shortcuts"]} == {"global", "message"}
    assert re.fullmatch("#[0-9a-f]{6}", made["display_information"]["background_color"])


def test_a_manifest_that_is_not_as_the_schema_wants_it_is_found_out() -> None:
    made = manifest(URL, socket=False)
    made["settings"]["colour"] = "red"
    made["display_information"]["name"] = "W" * 36
    assert len(problems(made)) == 2


def test_over_http_one_address_takes_everything() -> None:
    made = manifest(URL, socket=False)
    urls = re.findall(r"https://[^\"]+", orjson.dumps(made).decode())
    assert set(urls) == {f"{URL}/slack/events", f"{URL}/slack/oauth_redirect"}
    assert made["settings"]["socket_mode_enabled"] is False


def test_in_socket_mode_slack_is_given_no_address() -> None:
    made = manifest(URL, socket=True)
    assert "://" not in orjson.dumps(made).decode()
    assert made["settings"]["socket_mode_enabled"] is True


def test_both_ask_for_the_same_scopes_and_for_no_users_token() -> None:
    http, socket = (made["oauth_config"]["scopes"] for made in BOTH)
    assert http == socket
    assert "user" not in http
    assert not set(http["bot"]) & set(http["bot_optional"])


def test_the_command_prints_it_for_the_public_url(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("WARMCALL_PUBLIC_URL", URL)
    assert run(["slack-manifest"]) == 0
    printed = capsys.readouterr()
    assert orjson.loads(printed.out) == manifest(URL, socket=False)
    assert printed.err == ""


def test_an_address_that_slack_cannot_reach_is_warned_of(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("WARMCALL_PUBLIC_URL", "http://127.0.0.1:8000")
    assert run(["slack-manifest"]) == 0
    assert "set WARMCALL_PUBLIC_URL, or use --socket" in capsys.readouterr().err
    assert run(["slack-manifest", "--socket"]) == 0
    assert capsys.readouterr().err == ""
