"""In which workspace Slack's requests act, with whose token, and what ends that."""

import asyncio
import logging
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from slack_bolt import Ack, BoltContext

from integrations.slack.acquaintance import Acquaintance
from tests.fakes.slack import SECRET, TEAM, TOKEN, Fault, command
from tests.fakes.slack_app import SlackApp, app_served
from tests.surfaces.slack_house import BY_OAUTH, House, words_of

SINGLE = {"SLACK_BOT_TOKEN": TOKEN, "SLACK_SIGNING_SECRET": SECRET}


@pytest.fixture
def slack() -> Iterator[SlackApp]:
    with app_served(SlackApp()) as slack:
        yield slack


@pytest.fixture
def house(service: Any, slack: SlackApp) -> House:
    return House(service, slack)


@pytest.fixture
def single(service: Any, slack: SlackApp) -> House:
    return House(service, slack, dict(SINGLE))


def prep(house: House, team: str) -> str:
    return words_of(house.command(command("ann@acme.example", team_id=team)))


def test_each_workspace_has_its_own_token(house: House, slack: SlackApp) -> None:
    for team in ("T0ACME", "T0INITECH"):
        house.install(team)
        assert "into your messages" in prep(house, team)
    teams = [slack.tokens[house.tokens.of(team) or ""] for team in ("T0ACME", "T0INITECH")]
    assert teams == ["T0ACME", "T0INITECH"]


def test_where_it_is_not_installed_one_is_told_and_nothing_is_asked(
    house: House, slack: SlackApp
) -> None:
    before = len(slack.calls)
    assert "/slack/install" in prep(house, "T0NOBODY")
    assert house.service.messages() == []
    assert len(slack.calls) == before
    assert house.dispatched({"type": "block_actions", "team": {"id": "T0NOBODY"}}).body == ""


@pytest.mark.parametrize(
    ("kind", "more", "is_gone"),
    [
        ("app_uninstalled", {}, True),
        ("tokens_revoked", {"tokens": {"oauth": [], "bot": ["UBOTACME"]}}, True),
        ("tokens_revoked", {"tokens": {"oauth": ["U0JANE"], "bot": []}}, False),
        ("tokens_revoked", {"tokens": None}, False),
    ],
)
def test_a_workspace_that_takes_the_app_away_is_left_at_once(
    house: House, kind: str, more: dict[str, Any], is_gone: bool
) -> None:
    house.install("T0ACME")
    house.install("T0INITECH")
    told = house.event(kind, "T0ACME", house.service.clock().timestamp(), **more)
    assert told.status == 200
    until(lambda: (house.tokens.of("T0ACME") is None) == is_gone)
    assert house.tokens.of("T0INITECH") is not None
    assert ("/slack/install" in prep(house, "T0ACME")) == is_gone


def test_an_old_word_of_an_end_does_not_end_what_was_installed_after_it(house: House) -> None:
    house.install("T0ACME")
    house.event("app_uninstalled", "T0ACME", house.service.clock().timestamp() - 60)
    house.event("app_uninstalled", "T0OTHER", house.service.clock().timestamp())
    assert house.tokens.of("T0ACME") is not None


def test_the_token_of_the_setting_serves_every_workspace_where_nothing_is_installed(
    single: House, slack: SlackApp
) -> None:
    assert "into your messages" in prep(single, "T0WHOEVER")
    assert single.tokens.of("T0WHOEVER") == TOKEN
    assert slack.calls == []


def test_beside_oauth_the_token_of_the_setting_serves_its_own_workspace_alone(
    service: Any, slack: SlackApp
) -> None:
    both = House(service, slack, {**BY_OAUTH, **SINGLE})
    assert both.tokens.of(TEAM) is None
    both.learn()
    assert both.tokens.of(TEAM) == TOKEN
    assert both.tokens.of("T0OTHER") is None
    both.install(TEAM)
    assert both.tokens.of(TEAM) != TOKEN
    both.learn()
    assert both.tokens.of(TEAM) != TOKEN


def test_whose_token_it_is_is_learned_when_slack_is_back(single: House, slack: SlackApp) -> None:
    slack.faults["auth.test"] = [Fault(status=503), Fault(status=429), Fault(reset=True)]
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    learning = single.surface.acquaintance
    assert learning is not None
    parts = {name: getattr(learning, name) for name in ("call", "api_url", "tokens", "now")}
    asyncio.run(Acquaintance(**parts, sleep=sleep).learn())
    assert slept == [1, 5, 15]
    found = single.kept.find(TEAM)
    assert found is not None
    assert (found.bot_id, found.bot_user_id, found.by_setting) == ("BACME", "UBOTACME", True)


def test_a_token_that_slack_refuses_is_told_once_and_not_asked_again(
    single: House, slack: SlackApp, caplog: pytest.LogCaptureFixture
) -> None:
    slack.broken["auth.test"] = "invalid_auth"
    with caplog.at_level(logging.WARNING):
        single.learn()
    assert slack.called()["auth.test"] == 1
    [told] = caplog.records
    assert "warmcall doctor" in told.getMessage()
    assert TOKEN not in str(vars(told))


def test_a_workspace_whose_token_is_refused_from_now_on_is_broken_until_it_is_taken(
    single: House, slack: SlackApp
) -> None:
    single.learn()
    slack.broken["auth.test"] = "token_revoked"
    single.learn()
    assert [one.reason for one in single.kept.all()] == ["token_revoked"]
    slack.broken.clear()
    single.tokens.works(TEAM)
    assert [one.reason for one in single.kept.all()] == [""]


def test_what_the_app_says_itself_is_not_heard(single: House) -> None:
    heard: list[str] = []
    single.learn()
    bolt = single.bolt().__self__
    bolt.event("pin_added")(lambda event: heard.append(event["text"]))
    now = single.service.clock().timestamp()
    for number, (user, bot) in enumerate([("UBOTACME", ""), ("", "BACME"), ("U0JANE", "")]):
        who = {"user": user} if user else {"bot_id": bot}
        single.event("pin_added", TEAM, now + number, text=f"said {number}", **who)
    until(lambda: "said 2" in heard)
    assert heard == ["said 2"]


def test_slacks_own_names_in_the_environment_change_nothing(
    service: Any, slack: SlackApp, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    env = {
        "SLACK_CLIENT_ID": "9.9",
        "SLACK_CLIENT_SECRET": "of-the-environment",
        "SLACK_BOT_TOKEN": "xoxb-of-the-environment",
        "SLACK_SIGNING_SECRET": "of-the-environment",
        "HOME": str(home),
    }
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    used: list[str] = []
    single = House(service, slack, dict(SINGLE))
    bolt = single.bolt().__self__

    def whose(ack: Ack, context: BoltContext) -> None:
        used.append(context.bot_token or "")
        ack()

    bolt.command("/whose")(whose)
    body = command("x", command="/whose")
    assert single.command(body) == ""
    assert used == [TOKEN]
    assert slack.calls == []
    assert list(home.iterdir()) == []


def test_an_answer_does_not_wait_for_slack(single: House, slack: SlackApp) -> None:
    slack.slow_s["auth.test"] = 5.0

    async def answered() -> str:
        async with single.surface.running():
            return await asyncio.to_thread(prep, single, TEAM)

    started = time.monotonic()
    assert "into your messages" in asyncio.run(answered())
    assert time.monotonic() - started < 3.0  # as long as Slack waits


def until(is_so: Any) -> None:
    pause, end = threading.Event(), time.monotonic() + 30
    while not is_so():
        assert time.monotonic() < end
        pause.wait(0.01)
