"""Installing in workspaces: to Slack and back once, in the same browser, with a token sealed."""

from collections.abc import Iterator
from typing import Any

import pytest

from integrations.slack.manifest import SCOPES
from integrations.slack.oauth import COOKIE, LASTS_S
from tests.fakes.slack import Fault
from tests.fakes.slack_app import CLIENT_ID, SlackApp, app_served
from tests.surfaces.slack_house import BASE, REDIRECT, House


@pytest.fixture(scope="module")
def slack() -> Iterator[SlackApp]:
    with app_served(SlackApp()) as slack:
        yield slack


@pytest.fixture
def house(service: Any, slack: SlackApp) -> House:
    slack.granted = None
    return House(service, slack)


def test_the_browser_is_sent_to_slack_with_a_state_of_its_own(house: House) -> None:
    browser = house.browser()
    asked = house.sent_to_slack(browser)
    assert (asked["client_id"], asked["redirect_uri"]) == (CLIENT_ID, REDIRECT)
    assert set(SCOPES) <= set(asked["scope"].split(","))
    assert browser.cookies[COOKIE] == asked["state"]
    assert house.sent_to_slack(house.browser())["state"] != asked["state"]


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(house: House) -> None:
    cookie = house.browser()("GET", "/slack/install").headers["set-cookie"].lower()
    for part in ("httponly", "secure", "samesite=lax", "path=/slack", f"max-age={LASTS_S}"):
        assert part in cookie


def test_a_workspace_is_installed_and_told_what_to_do_next(house: House, slack: SlackApp) -> None:
    answer = house.install("T0GLOBEX")
    assert answer.status_code == 200
    assert "installed in Globex" in answer.text
    assert "/prep" in answer.text
    found = house.kept.find("T0GLOBEX")
    assert found is not None
    assert found.token == slack.token_of("T0GLOBEX")
    assert (found.bot_id, found.bot_user_id, found.installed_by) == (
        "BGLOBEX",
        "UBOTGLOBEX",
        "U0ADMIN",
    )
    assert found.token not in answer.text


def test_installed_again_is_one_installation(house: House, slack: SlackApp) -> None:
    slack.tokens.clear()
    for _ in range(2):
        assert house.install("T0TWICE").status_code == 200
    [one] = house.kept.all()
    assert one.token == list(slack.tokens)[-1]


def test_what_comes_back_twice_is_refused_and_changes_nothing(house: House) -> None:
    browser = house.browser()
    state = house.sent_to_slack(browser)["state"]
    given = {"state": state, "code": house.slack.allows("T0ONCE", REDIRECT)}
    assert house.come_back(browser, **given).status_code == 200
    before = house.kept.all()
    again = house.come_back(browser, **given)
    assert (again.status_code, "/slack/install" in again.text) == (400, True)
    browser.cookies.set(COOKIE, state)
    replayed = house.come_back(browser, **given)
    assert (replayed.status_code, "invalid_code" in replayed.text) == (400, True)
    assert house.kept.all() == before


def test_a_state_of_another_browser_is_refused(house: House) -> None:
    state = house.sent_to_slack(house.browser())["state"]
    victim = house.browser()
    house.sent_to_slack(victim)
    code = house.slack.allows("T0EVIL", REDIRECT)
    assert house.come_back(victim, state=state, code=code).status_code == 400
    assert house.come_back(house.browser(), state=state, code=code).status_code == 400
    assert house.kept.all() == []
    assert code in house.slack.grants


@pytest.mark.parametrize("state", ["", "1.x.y", "junk", "\u2603", "a" * 5_000])
def test_a_state_that_is_not_ours_is_refused(house: House, state: str) -> None:
    browser = house.browser()
    browser.cookies.set(COOKIE, state.encode("ascii", "ignore").decode())
    assert house.come_back(browser, state=state, code="x").status_code == 400


def test_who_takes_too_long_begins_again(house: House) -> None:
    browser = house.browser()
    state = house.sent_to_slack(browser)["state"]
    house.service.clock.move(seconds=LASTS_S)
    code = house.slack.allows("T0LATE", REDIRECT)
    late = house.come_back(browser, state=state, code=code)
    assert (late.status_code, "too late" in late.text) == (400, True)


def test_who_says_no_is_told_so(house: House) -> None:
    browser = house.browser()
    state = house.sent_to_slack(browser)["state"]
    answer = house.come_back(browser, state=state, error="access_denied")
    assert (answer.status_code, "You did not allow it" in answer.text) == (200, True)
    assert house.kept.all() == []


@pytest.mark.parametrize(
    ("fault", "status", "told"),
    [
        (Fault(status=503), 502, "no answer of Slack"),
        (Fault(error="bad_client_secret"), 400, "bad_client_secret"),
        (Fault(error="<script>"), 502, "Slack failed"),
        (Fault(reset=True), 502, "could not be reached"),
        (Fault(retry_after=30), 502, "no answer of Slack"),
    ],
)
def test_what_slack_says_no_to_is_told_and_nothing_is_kept(
    house: House, fault: Fault, status: int, told: str
) -> None:
    browser = house.browser()
    state = house.sent_to_slack(browser)["state"]
    house.slack.faults["oauth.v2.access"] = [fault]
    code = house.slack.allows("T0FAULT", REDIRECT)
    answer = house.come_back(browser, state=state, code=code)
    assert (answer.status_code, told in answer.text) == (status, True), answer.text
    assert "script" not in answer.text
    assert house.kept.all() == []


def test_an_installation_does_not_wait_for_who_we_are_there(house: House) -> None:
    house.slack.faults["auth.test"] = [Fault(status=503)]
    assert house.install("T0SHY").status_code == 200
    found = house.kept.find("T0SHY")
    assert found is not None
    assert (found.bot_id, found.bot_user_id) == ("", "UBOTSHY")


def test_a_scope_that_was_not_given_is_named(house: House) -> None:
    house.slack.granted = ("commands",)
    answer = house.install("T0LESS")
    assert "chat:write" in answer.text
    found = house.kept.find("T0LESS")
    assert found is not None
    assert found.reason == "missing_scope"


@pytest.mark.parametrize("code", ["", "x" * 600])
def test_a_code_that_cannot_be_one_is_not_sent_on(house: House, code: str) -> None:
    browser = house.browser()
    state = house.sent_to_slack(browser)["state"]
    before = len(house.slack.calls)
    assert house.come_back(browser, state=state, code=code).status_code == 400
    assert len(house.slack.calls) == before


def test_without_the_settings_there_is_nothing_to_install(service: Any, slack: SlackApp) -> None:
    alone = House(service, slack, {"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_SIGNING_SECRET": "0" * 32})
    assert [route.path for route in alone.surface.routes] == ["/slack/events"]
    assert list(House(service, slack, {}).surface.routes) == []


def test_no_page_or_repr_holds_a_secret(house: House) -> None:
    pages = house.install("T0HUSH").text + repr(house.surface.routes) + BASE
    assert "s3cret-of-the-app" not in pages
    assert "xoxb-" not in pages
