"""What the doctor and the dashboard say of Slack: each trouble with what to do about it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette

from app.installation import Installation
from app.settings import Settings
from integrations import runtime
from integrations.cli import doctor
from integrations.cli.finding import Finding, State
from integrations.pages import inbound as pages
from integrations.slack.manifest import SCOPES
from tests.fakes.slack import SECRET, TEAM, TOKEN, Fault
from tests.fakes.slack_app import APP_TOKEN, SlackApp, app_served
from tests.surfaces.asking import Browser
from tests.surfaces.slack_house import BASE, BY_OAUTH

SINGLE = {"SLACK_BOT_TOKEN": TOKEN, "SLACK_SIGNING_SECRET": SECRET}
BY_LINE = {"SLACK_BOT_TOKEN": TOKEN, "SLACK_APP_TOKEN": APP_TOKEN}


@pytest.fixture(scope="module")
def slack() -> Iterator[SlackApp]:
    with app_served(SlackApp()) as slack:
        yield slack


@pytest.fixture(autouse=True)
def _as_new(slack: SlackApp) -> None:
    slack.scopes = SCOPES
    slack.tokens = {TOKEN: TEAM, "xoxb-initech": "T0INITECH"}
    slack.broken.clear()


class Checked:
    """One installation that is examined."""

    def __init__(self, folder: Path, slack: SlackApp) -> None:
        self.env = {
            "DATABASE_URL": f"sqlite:///{folder / 'warmcall.db'}",
            "WARMCALL_PUBLIC_URL": BASE,
            "SLACK_API_URL": slack.url,
        }

    def settings(self, given: dict[str, str]) -> Settings:
        return Settings.from_env({**self.env, **given})

    def examined(self, given: dict[str, str]) -> list[Finding]:
        found = doctor.examine(lambda: self.settings(given))
        return [one for one in found if one.part.startswith("slack")]

    def keep(self, *installations: Installation, **given: str) -> None:
        parts = runtime.start(self.settings(given or BY_OAUTH))
        for one in installations:
            parts.slack.kept.keep(one)
        parts.close()


@pytest.fixture
def checked(tmp_path: Path, slack: SlackApp) -> Checked:
    return Checked(tmp_path, slack)


def installed(team: str, token: str, **changes: Any) -> Installation:
    name = team[2:].title()
    return Installation(team_id=team, name=name, installed_at=runtime.now(), token=token, **changes)


def only(found: list[Finding], part: str) -> Finding:
    [one] = [finding for finding in found if finding.part == part]
    return one


def test_without_slack_it_says_how_to_switch_it_on(checked: Checked) -> None:
    [one] = checked.examined({})
    assert one.state is State.note
    assert "SLACK_BOT_TOKEN" in one.text


def test_a_healthy_workspace_is_named(checked: Checked) -> None:
    found = checked.examined(SINGLE)
    assert {one.state for one in found} == {State.ok}
    assert "Acme, as UBOTACME" in only(found, "slack SLACK_BOT_TOKEN").text
    assert f"{BASE}/slack/events" in only(found, "slack").text


def test_an_address_that_slack_cannot_call_is_told(checked: Checked) -> None:
    found = checked.examined({**SINGLE, "WARMCALL_PUBLIC_URL": ""})
    one = only(found, "slack")
    assert (one.state, "WARMCALL_PUBLIC_URL" in one.text) == (State.note, True)


def test_a_line_is_tried(checked: Checked, slack: SlackApp) -> None:
    assert only(checked.examined(BY_LINE), "slack").state is State.ok
    wrong = only(checked.examined({**BY_LINE, "SLACK_APP_TOKEN": "xapp-wrong"}), "slack")
    assert (wrong.state, "SLACK_APP_TOKEN" in wrong.text) == (State.failed, True)


@pytest.mark.parametrize("word", ["invalid_auth", "token_revoked", "account_inactive"])
def test_a_token_that_is_refused_is_told_with_what_to_do(
    checked: Checked, slack: SlackApp, word: str
) -> None:
    slack.broken["auth.test"] = word
    one = only(checked.examined(SINGLE), "slack SLACK_BOT_TOKEN")
    assert one.state is State.failed
    assert word in one.text
    assert "into SLACK_BOT_TOKEN" in one.text
    assert TOKEN not in one.text


def test_missing_scopes_are_named(checked: Checked, slack: SlackApp) -> None:
    slack.scopes = [scope for scope in SCOPES if scope != "im:history"]
    one = only(checked.examined(SINGLE), "slack SLACK_BOT_TOKEN")
    assert (one.state, "may not im:history" in one.text) == (State.failed, True)
    assert "slack-manifest" in one.text


def test_without_an_answer_of_slack_that_is_told_once(checked: Checked, slack: SlackApp) -> None:
    checked.keep(installed("T0ACME", TOKEN), installed("T0INITECH", "xoxb-initech"))
    slack.faults["auth.test"] = [Fault(status=503)]
    failed = [one for one in checked.examined(BY_OAUTH) if one.state is State.failed]
    [one] = failed
    assert "SLACK_API_URL" in one.text


def test_each_installation_is_judged_by_itself(checked: Checked, slack: SlackApp) -> None:
    gone = installed("T0GONE", "", reason="app_uninstalled", revoked_at=runtime.now())
    checked.keep(installed("T0ACME", TOKEN), gone, installed("T0LOST", "xoxb-lost"))
    found = checked.examined(BY_OAUTH)
    assert only(found, "slack Acme").state is State.ok
    for part, word in (("slack Gone", "app_uninstalled"), ("slack Lost", "invalid_auth")):
        one = only(found, part)
        assert (one.state, word in one.text) == (State.failed, True)
        assert f"{BASE}/slack/install" in one.text


def test_a_token_whose_key_is_gone_is_told(checked: Checked) -> None:
    checked.keep(installed("T0ACME", TOKEN))
    found = checked.examined({**BY_OAUTH, "WARMCALL_ENCRYPTION_KEYS": "A" * 43 + "="})
    one = only(found, "slack Acme")
    assert (one.state, "WARMCALL_ENCRYPTION_KEYS" in one.text) == (State.failed, True)


def test_where_nothing_is_installed_yet_it_says_where_to_click(checked: Checked) -> None:
    told = [one.text for one in checked.examined(BY_OAUTH)]
    assert any(f"{BASE}/slack/install" in text for text in told)


def test_a_token_that_works_again_is_no_longer_called_broken(checked: Checked) -> None:
    checked.keep(installed(TEAM, "", by_setting=True, reason="invalid_auth"), **SINGLE)
    assert only(checked.examined(SINGLE), "slack SLACK_BOT_TOKEN").state is State.ok
    parts = runtime.start(checked.settings(SINGLE))
    assert [one.reason for one in parts.slack.kept.all()] == [""]
    parts.close()


def test_the_dashboard_shows_which_workspace_is_broken_and_why(service: Any) -> None:
    gone = installed("T0GONE", "", reason="token_revoked", revoked_at=runtime.now())
    routes = pages.routes(
        intake=service.intake,
        settings=Settings.from_env({}),
        installations=lambda: [installed("T0ACME", "xoxb-1"), gone],
    )
    browser = Browser(Starlette(routes=routes))
    browser("POST", "/login", data={"key": service.secret})
    shown = browser("GET", "/").text
    assert "token_revoked" in shown
    assert "warmcall doctor" in shown
    assert "Acme" in shown
    assert "xoxb-" not in shown
