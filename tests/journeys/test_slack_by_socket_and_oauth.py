"""Slack behind a firewall, and in many workspaces: a line that we open, and a click to install."""

import json
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.vault import new_key
from integrations.slack.oauth import COOKIE, INSTALL_PATH
from tests.fakes.slack import command, shortcut, signed, submit
from tests.fakes.slack_app import (
    APP_TOKEN,
    CLIENT_ID,
    CLIENT_SECRET,
    Lines,
    SlackApp,
    app_served,
)
from tests.journeys.stack import free_port, wait_until
from tests.journeys.test_a_rep_preps_in_slack import Workspace, running

BY_LINE = {"SLACK_APP_TOKEN": APP_TOKEN, "SLACK_SIGNING_SECRET": ""}
BY_OAUTH = {
    "SLACK_BOT_TOKEN": "",
    "SLACK_CLIENT_ID": CLIENT_ID,
    "SLACK_CLIENT_SECRET": CLIENT_SECRET,
}
ACME, INITECH = "T0ACME", "T0INITECH"
STOPS_S = 20


# --- Socket Mode


def lines_of(workspace: Workspace) -> Lines:
    slack: Any = workspace.slack
    lines: Lines = slack.line
    return lines


@pytest.fixture(scope="module")
def behind_a_firewall(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """Serve a Slack whose auth.test is slower than an answer may be."""
    folder = tmp_path_factory.mktemp("line")
    with (
        app_served(SlackApp(slow_s={"auth.test": 5.0})) as slack,
        running(folder, slack, **BY_LINE) as found,
    ):
        yield found


def test_twenty_commands_down_the_line_are_answered_in_time_and_bring_one_card_each(
    behind_a_firewall: Workspace,
) -> None:
    workspace, lines = behind_a_firewall, lines_of(behind_a_firewall)
    users = [workspace.user(f"line{number}") for number in range(20)]
    bodies = [command(f"{user.lower()}@line.example", user=user) for user in users]
    with ThreadPoolExecutor(20) as pool:
        assert all("into your messages" in told for told in pool.map(lines.command, bodies))
    for user in users:
        workspace.card_of(user)
        assert len(workspace.jobs_about(f"email:{user.lower()}@line.example")) == 1
    assert workspace.slack.refused() == []


def test_a_command_that_comes_ten_times_down_the_line_is_one_job_and_one_card(
    behind_a_firewall: Workspace,
) -> None:
    workspace, lines = behind_a_firewall, lines_of(behind_a_firewall)
    user = workspace.user("tenfold")
    body = command("tenfold@acme.example", user=user, trigger="10.1.same")
    with ThreadPoolExecutor(10) as pool:
        assert len(set(pool.map(lines.command, [body] * 10))) == 1
    workspace.card_of(user)
    assert len(workspace.jobs_about("email:tenfold@acme.example")) == 1


def test_a_window_opens_down_the_line_refuses_what_it_cannot_read_and_starts_a_job(
    behind_a_firewall: Workspace,
) -> None:
    workspace, lines = behind_a_firewall, lines_of(behind_a_firewall)
    user = workspace.user("windows")
    lines.interact(shortcut(workspace.slack, "prep_global", user=user))
    wait_until(lambda: workspace.slack.views, "the window")
    view = workspace.slack.views[-1]
    bad = lines.interact(submit(view, user=user, query="nobody"))
    assert bad is not None
    assert bad["response_action"] == "errors"
    assert not lines.interact(submit(view, user=user, query="windows@line.example"))
    assert workspace.card_of(user)
    assert len(workspace.jobs_about("email:windows@line.example")) == 1


def test_another_line_and_a_lost_line_cost_no_command(behind_a_firewall: Workspace) -> None:
    workspace, lines = behind_a_firewall, lines_of(behind_a_firewall)
    user, before = workspace.user("changes"), lines.opened
    lines.refresh()
    assert "into your" in lines.command(command("changes1@acme.example", user=user))
    lines.cut()
    assert "into your" in lines.command(command("changes2@acme.example", user=user))
    assert lines.opened == before + 2
    wait_until(lambda: len(workspace.cards(user)) == 2, "two cards")


def test_there_is_no_address_for_slack_to_call(behind_a_firewall: Workspace) -> None:
    body = command("x@acme.example")
    answer = behind_a_firewall.door.post("/slack/events", content=body, headers=signed(body))
    assert answer.status_code == 404


def test_the_workspace_is_learned_though_slack_is_slow(behind_a_firewall: Workspace) -> None:
    known = "SELECT bot_id, bot_user_id FROM installation WHERE token IS NULL"
    wait_until(lambda: behind_a_firewall.rows(known), "auth.test")
    assert behind_a_firewall.rows(known) == [("BACME", "UBOTACME")]


def test_without_slack_it_starts_answers_and_is_connected_once_slack_is_there(
    tmp_path: Path,
) -> None:
    slack, port = SlackApp(), free_port()
    slack.url = f"http://127.0.0.1:{port}/api"
    with running(tmp_path, slack, SLACK_APP_TOKEN=APP_TOKEN) as workspace:
        user = workspace.user("early")
        assert "into your messages" in workspace.prep("early@acme.example", user)
        with app_served(slack, port):
            told = lines_of(workspace).command(command("late@acme.example", user=user))
            assert "into your messages" in told
            wait_until(lambda: len(workspace.cards(user)) == 2, "two cards")
            web = workspace.stack.processes[-1]
            web.send_signal(signal.SIGTERM)
            assert web.wait(STOPS_S) in {0, -signal.SIGTERM}


# --- several workspaces


@pytest.fixture(scope="module")
def distributed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    folder, keys = tmp_path_factory.mktemp("oauth"), {"WARMCALL_ENCRYPTION_KEYS": new_key()}
    slack = SlackApp(tokens={})
    with app_served(slack), running(folder, slack, **BY_OAUTH, **keys) as found:
        yield found


def install(workspace: Workspace, team: str) -> str:
    """Install by clicking; return the token that was granted."""
    slack: Any = workspace.slack
    with httpx.Client(base_url=workspace.stack.url, timeout=30, trust_env=False) as browser:
        sent = browser.get(INSTALL_PATH)
        asked = httpx.URL(sent.headers["location"]).params
        assert browser.cookies[COOKIE] == asked["state"]
        code = slack.allows(team, asked["redirect_uri"])
        back = browser.get("/slack/oauth_redirect", params={"state": asked["state"], "code": code})
    assert (back.status_code, "Installed" in back.text) == (200, True), back.text
    *_, token = slack.tokens
    return str(token)


def rep(workspace: Workspace, name: str, team: str) -> str:
    slack: Any = workspace.slack
    user = workspace.user(name)
    slack.teams_of[user] = team
    return user


def happens(workspace: Workspace, kind: str, team: str, **more: Any) -> None:
    """Tell us of an event, as Slack does."""
    event = {"type": kind, **more}
    told = {
        "type": "event_callback",
        "team_id": team,
        "event_time": int(time.time()),
        "event": event,
    }
    body = json.dumps({**told, "event_id": f"Ev{team}"}).encode()
    headers = signed(body) | {"Content-Type": "application/json"}
    assert workspace.door.post("/slack/events", content=body, headers=headers).status_code == 200


def reason_of(workspace: Workspace, team: str) -> list[Any]:
    return workspace.rows("SELECT reason FROM installation WHERE team_id = ?", team)


def test_two_workspaces_never_see_each_others_cards_or_tokens(distributed: Workspace) -> None:
    tokens = {team: install(distributed, team) for team in (ACME, INITECH)}
    slack: Any = distributed.slack
    users = [rep(distributed, f"{team[2:]}{n}", team) for n in range(5) for team in tokens]
    slack.teams.clear()

    def ask(user: str) -> str:
        return distributed.prep("same.person@acme.example", user, team_id=slack.teams_of[user])

    with ThreadPoolExecutor(10) as pool:
        assert all("into your messages" in told for told in pool.map(ask, users))
    for user in users:
        distributed.card_of(user)
    assert slack.refused() == []
    assert {team for team, _ in slack.teams} == {ACME, INITECH}
    stored = str(distributed.rows("SELECT * FROM installation"))
    logged = distributed.stack.log("web") + distributed.stack.log("worker")
    assert not [token for token in tokens.values() if token in stored + logged]


def test_a_workspace_that_takes_the_app_away_gets_nothing_more(distributed: Workspace) -> None:
    install(distributed, "T0LEAVES")
    slack: Any = distributed.slack
    user = rep(distributed, "leaver", "T0LEAVES")
    distributed.prep("slow@leaver.example", user, team_id="T0LEAVES")
    happens(distributed, "app_uninstalled", "T0LEAVES")
    wait_until(lambda: reason_of(distributed, "T0LEAVES") == [("app_uninstalled",)], "the end")
    told = distributed.prep("more@leaver.example", user, team_id="T0LEAVES")
    assert INSTALL_PATH in told
    wait_until(distributed.is_calm, "what was due to end")
    assert {state for _, state, _ in distributed.deliveries(user)} <= {"failed", "delivered"}
    assert ("enrichment.completed", "failed", 1) in distributed.deliveries(user)
    assert distributed.jobs_about("email:more@leaver.example") == []
    before = len(slack.calls)
    install(distributed, "T0LEAVES")
    assert len(slack.calls) == before + 2
    distributed.prep("back@leaver.example", user, team_id="T0LEAVES")
    wait_until(lambda: distributed.cards(user), "a card again")


@pytest.mark.parametrize("error", ["token_revoked", "account_inactive", "invalid_auth"])
def test_a_token_that_slack_refuses_is_tried_once_and_told_everywhere(
    distributed: Workspace, error: str
) -> None:
    team = f"T0{error.replace('_', '').upper()}"
    token, slack = install(distributed, team), distributed.slack
    user = rep(distributed, f"of{team.lower()}", team)
    if error == "token_revoked":
        slack.tokens[token] = ""
    elif error == "invalid_auth":
        del slack.tokens[token]
    else:
        slack.broken["chat.postMessage"] = error
    before = len(slack.calls)
    texts = [f"p{n}@{team.lower()}.example" for n in range(5)]
    for text in texts:
        distributed.prep(text, user, team_id=team)
    wait_until(lambda: reason_of(distributed, team) == [(error,)], "the installation to be broken")
    wait_until(distributed.is_calm, "what was due to end")
    slack.broken.clear()
    assert {state for _, state, _ in distributed.deliveries(user)} == {"failed"}
    assert len(slack.calls) - before <= len(texts)
    assert distributed.stack.log("worker").count(f'"team_id": "{team}"') == 1
    doctor = distributed.stack.run("doctor")
    assert (doctor.returncode, error in doctor.stdout) == (1, True)
    assert shown_on_the_dashboard(distributed, error)


def shown_on_the_dashboard(workspace: Workspace, word: str) -> bool:
    key = workspace.client.headers["Authorization"].removeprefix("Bearer ")
    with httpx.Client(base_url=workspace.stack.url, timeout=30, trust_env=False) as browser:
        browser.post("/login", data={"key": key})
        return word in browser.get("/").text


def test_a_missing_scope_is_told_and_other_cards_still_come(distributed: Workspace) -> None:
    token, slack = install(distributed, "T0SCOPES"), distributed.slack
    user = rep(distributed, "scoped", "T0SCOPES")
    slack.broken["chat.update"] = "missing_scope"
    distributed.prep("slow@scoped.example", user, team_id="T0SCOPES")
    wait_until(lambda: reason_of(distributed, "T0SCOPES") == [("missing_scope",)], "it to be told")
    wait_until(distributed.is_calm, "what was due to end")
    slack.broken.clear()
    distributed.prep("quick@scoped.example", user, team_id="T0SCOPES")
    wait_until(lambda: distributed.cards(user), "a card after that")
    assert slack.tokens[token] == "T0SCOPES"


def test_the_other_workspaces_were_not_touched_by_all_that(distributed: Workspace) -> None:
    assert reason_of(distributed, ACME) == reason_of(distributed, INITECH) == [("",)]
