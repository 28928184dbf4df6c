"""The Home tab: a user's own cards and choices, within Slack's limits whatever strangers wrote."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from app.database import Database
from app.job import Status
from app.preference import Preference
from app.views import JobView, RecentView, UsageView
from integrations.slack import home
from tests.fakes.blocks import check_view, pressed, texts
from tests.fakes.slack import TEAM, Fault, Slack, command, dm, opened, written
from tests.fakes.slack import chosen as click
from tests.surfaces.slack_app import SlackApp, slack_app
from tests.surfaces.test_slack_render import NOISE, hostile
from tests.surfaces.views import NOW, view

JANE, BOB, SALES = "U0JANE", "U0BOB", "C0SALES"
USED = UsageView("2026-11", 500, 42, 458, 12.5, NOW + timedelta(days=10))
PAGE = "https://warmcall.example/card/"


def tab(*jobs: JobView, preference: Preference | None = None, **more: Any) -> dict[str, Any]:
    recent = [RecentView(job, **more) for job in jobs]
    return home.view(home.Seen(recent, USED, preference or Preference(), PAGE), NOW)


def told(found: dict[str, Any]) -> str:
    return "\n".join(texts(found["blocks"]))


def element(found: dict[str, Any], action_id: str) -> dict[str, Any]:
    [one] = [one for one in pressed(found["blocks"]) if one["action_id"] == action_id]
    return one


# --- as it is drawn


def test_an_empty_tab_says_how_to_ask_and_what_is_used() -> None:
    found = tab()
    assert check_view(found) == []
    assert "Type `/prep`" in told(found)
    assert "Nothing yet" in told(found)
    assert "42 of 500 look-ups" in told(found)


@pytest.mark.parametrize("status", list(Status))
def test_a_card_is_listed_in_every_state_with_its_name_and_age(status: Status) -> None:
    found = tab(replace(view("full"), status=status))
    assert check_view(found) == []
    assert home.STATES[status] in told(found)
    assert "<!date^" in told(found)


def test_a_listed_card_opens_its_page() -> None:
    found = tab(view("full"))
    assert element(found, home.OPEN)["url"] == f"{PAGE}tok_en"


def test_of_who_is_on_the_do_not_enrich_list_nothing_is_shown() -> None:
    found = tab(replace(view("full"), status=Status.suppressed))
    assert "On the do-not-enrich list" in told(found)
    assert home.OPEN not in str(found)


def test_a_card_that_slack_did_not_take_is_to_be_opened_here() -> None:
    assert home.LOST in told(tab(view("full"), is_undelivered=True))


def test_a_card_says_when_it_is_no_longer_fresh() -> None:
    old = replace(view("full"), fresh_until=NOW - timedelta(days=5))
    assert "ready, no longer fresh" in told(tab(old))
    assert "no longer" not in told(tab(replace(old, status=Status.provider_error)))


def test_a_listed_card_tells_who_was_asked_about_beside_who_was_found() -> None:
    job = view("full")
    assert str(job.prospect) in told(tab(job))
    unknown = replace(job, card={})
    assert told(tab(unknown)).count(str(job.prospect)) == 1


@pytest.mark.parametrize("noise", NOISE.values(), ids=NOISE)
def test_the_tab_fits_whatever_strangers_wrote(noise: str) -> None:
    preference = Preference(place=SALES, quiet_from=0, quiet_until=1439, zone=noise * 64)
    found = tab(*[hostile(noise)] * 50, preference=preference)
    assert check_view(found) == []
    assert len([one for one in pressed(found["blocks"]) if one["action_id"] == home.OPEN]) == 10
    assert "<!channel>" not in told(found)


@pytest.mark.parametrize("begin", [None, 0, 719, 1439])
def test_what_was_chosen_is_what_the_tab_shows(begin: int | None) -> None:
    end = None if begin is None else 8 * 60
    found = tab(preference=Preference(quiet_from=begin, quiet_until=end, unasked=False))
    assert check_view(found) == []
    said = element(found, home.QUIET_FROM)["initial_option"]
    assert said in element(found, home.QUIET_FROM)["options"]
    assert said["value"] == ("off" if begin is None else str(begin - begin % 30))
    assert "initial_options" not in element(found, home.UNASKED)


# --- as it is used


@pytest.fixture
def app(service: Any) -> Iterator[SlackApp]:
    slack = Slack(users={JANE, BOB}, zones={JANE: ("Europe/Berlin", 3600)})
    with slack_app(service, slack) as found:
        yield found


def shown(app: SlackApp, user: str = JANE) -> dict[str, Any]:
    """Open a user's tab and return it."""
    app.slack.homes.pop(user, None)
    assert app.tell(opened(user)).status_code == 200
    app.until(lambda: user in app.slack.homes)
    return app.slack.homes[user]


def choose(app: SlackApp, action: dict[str, Any], **who: str) -> None:
    """Choose something in Jane's tab, and wait until the tab shows it."""
    app.slack.homes.pop(JANE, None)
    assert app.send(click(JANE, action, **who)).status_code == 200
    if who.get("of", TEAM) == TEAM:
        app.until(lambda: JANE in app.slack.homes)


def chosen(app: SlackApp) -> Preference:
    found: Preference = app.service.intake.preference(TEAM, JANE)
    return found


def option(value: str) -> dict[str, Any]:
    return {"type": "static_select", "selected_option": {"value": value, "text": {}}}


def test_a_user_sees_their_own_cards_and_nobody_elses(app: SlackApp) -> None:
    app.send(command("jane@acme.example", user=JANE))
    app.send(command("sarah.chen@acme.example", user=BOB))
    app.work()
    assert "Jane Quast" in told(shown(app))
    assert "Sarah Chen" not in told(shown(app))
    assert "Sarah Chen" in told(shown(app, BOB))


def test_the_messages_tab_offers_something_to_ask(app: SlackApp) -> None:
    app.tell(opened(JANE, "messages"))
    app.until(lambda: app.slack.prompts)
    [[prompt]] = app.slack.prompts.values()
    assert prompt["message"].startswith("prep ")
    assert app.slack.homes == {}


def test_a_workspace_that_gave_no_leave_for_suggestions_goes_without(
    app: SlackApp, caplog: pytest.LogCaptureFixture
) -> None:
    app.slack.broken["assistant.threads.setSuggestedPrompts"] = "missing_scope"
    app.tell(opened(JANE, "messages"))
    app.until(lambda: app.slack.calls)
    shown(app)
    assert not [one for one in caplog.records if one.name == "warmcall.slack"]


@pytest.mark.parametrize(
    "fault", [Fault(status=503), Fault(reset=True), Fault(error="ratelimited")]
)
def test_a_tab_that_slack_does_not_take_is_logged_without_names(
    app: SlackApp, fault: Fault, caplog: pytest.LogCaptureFixture
) -> None:
    app.send(command("jane@acme.example", user=JANE))
    app.slack.faults["views.publish"] = [fault]
    assert app.tell(opened(JANE)).status_code == 200
    app.until(lambda: "Slack did not do what was asked" in caplog.text)
    assert not {"jane", "acme"} & set(caplog.text.lower().replace("@", " ").split())


def test_a_channel_is_chosen_for_the_cards_and_given_up_again(app: SlackApp) -> None:
    select = {"action_id": home.PLACE, "type": "conversations_select"}
    choose(app, select | {"selected_conversation": SALES})
    assert element(app.slack.homes[JANE], home.PLACE)["initial_conversation"] == SALES
    answer = app.send(command("jane@acme.example", user=JANE)).text
    assert "the card comes to the channel that you chose" in answer
    assert app.targets() == {f"{TEAM}:{SALES}+{JANE}"}
    choose(app, {"action_id": home.PLACE_OWN, "type": "button", "value": "own"})
    assert chosen(app) == Preference()


def test_who_chooses_quiet_hours_gets_them_by_their_own_clock(app: SlackApp) -> None:
    choose(app, option("1320") | {"action_id": home.QUIET_FROM})
    assert (chosen(app).quiet_from, chosen(app).quiet_until) == (22 * 60, 8 * 60)
    app.until(lambda: chosen(app).zone == "Europe/Berlin")
    app.until(lambda: "Europe/Berlin" in told(app.slack.homes[JANE]))
    choose(app, option("360") | {"action_id": home.QUIET_UNTIL})
    assert (chosen(app).quiet_from, chosen(app).quiet_until) == (22 * 60, 6 * 60)
    choose(app, option("off") | {"action_id": home.QUIET_FROM})
    assert not chosen(app).has_quiet_hours


def test_quiet_hours_are_kept_when_slack_does_not_tell_the_zone(app: SlackApp) -> None:
    app.slack.broken["users.info"] = "missing_scope"
    choose(app, option("0") | {"action_id": home.QUIET_FROM})
    assert (chosen(app).quiet_from, chosen(app).zone) == (0, "")


def test_cards_that_nobody_asked_for_are_switched_off_and_on(app: SlackApp) -> None:
    box = {"action_id": home.UNASKED, "type": "checkboxes"}
    choose(app, box | {"selected_options": []})
    assert not app.service.intake.takes_unasked(TEAM, JANE)
    choose(app, box | {"selected_options": [{"value": "on", "text": {}}]})
    assert app.service.intake.takes_unasked(TEAM, JANE)


def test_a_user_of_another_workspace_changes_nothing(app: SlackApp) -> None:
    select = {"action_id": home.PLACE, "selected_conversation": SALES}
    choose(app, select, of="T0OTHER")
    assert chosen(app) == Preference()


@pytest.mark.parametrize(
    "action",
    [
        {"action_id": home.OPEN, "type": "button", "url": PAGE},
        {"action_id": home.PLACE, "selected_conversation": "<@U1>"},
        {"action_id": home.PLACE},
        option("1440") | {"action_id": home.QUIET_FROM},
        option("-1") | {"action_id": home.QUIET_UNTIL},
        option("²") | {"action_id": home.QUIET_UNTIL},
    ],
    ids=range(6),
)
def test_what_chooses_nothing_is_answered_and_changes_nothing(
    app: SlackApp, action: dict[str, Any]
) -> None:
    assert app.send(click(JANE, action)).status_code == 200
    assert chosen(app) == Preference()


def test_settings_are_told_where_they_are_asked_for(app: SlackApp) -> None:
    assert "into your messages" in app.send(command("settings", user=JANE)).text
    app.service.intake.prefer(
        TEAM, JANE, place=SALES, quiet_from=1320, quiet_until=420, unasked=False
    )
    answer = app.send(command("settings", user=JANE)).text
    assert "to the channel that you chose" in answer
    assert "22:00 to 07:00" in answer
    assert "did not ask for do not come" in answer


@pytest.mark.parametrize("text", ["settings", "jane@acme.example"])
def test_who_types_while_nothing_can_be_kept_is_told_to_try_again(
    service: Any, tmp_path: Path, text: str
) -> None:
    gone = Database(f"sqlite:///{tmp_path}/gone/none.db")
    service.intake = service.front_door(database=gone)
    with slack_app(service, Slack()) as app:
        assert "Try again soon" in app.send(command(text)).text
        gone.close()


def test_a_card_that_is_asked_for_by_message_is_on_the_tab(app: SlackApp) -> None:
    app.tell(written(JANE, "prep jane@acme.example", channel=dm(JANE)))
    assert "under way" in told(shown(app))
