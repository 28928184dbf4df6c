"""What people say to the app in Slack: cards are asked for once, and what is said is answered."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from app.database import Database
from integrations.slack.asking import caller
from tests.fakes.slack import TEAM, Slack, dm, mentioned, written
from tests.surfaces.slack_app import SlackApp, slack_app

JANE, SALES = "U0JANE", "C0SALES"
ASKED = "jane@acme.example"


@pytest.fixture
def app(service: Any) -> Iterator[SlackApp]:
    with slack_app(service, Slack(users={JANE}, channels={SALES: ""})) as found:
        yield found


def said(app: SlackApp, channel: str = SALES) -> list[str]:
    return [one.text for one in app.slack.messages if one.channel == channel]


# --- by name, in a channel


@pytest.mark.parametrize(
    "text",
    [
        f"prep <mailto:{ASKED}|{ASKED}>",
        f"<mailto:{ASKED}|{ASKED}>",
        f"Prep {ASKED}",
        f"/prep\u00a0{ASKED}",
        f"prep: {ASKED}",
    ],
)
def test_a_mention_brings_the_card_into_the_users_messages_and_says_so_in_a_thread(
    app: SlackApp, text: str
) -> None:
    assert app.tell(mentioned(JANE, text, SALES)).status_code == 200
    app.until(lambda: said(app))
    [reply] = [one for one in app.slack.messages if one.channel == SALES]
    assert "the card comes into your messages" in reply.text
    assert reply.thread == "1795000000.000100"
    assert app.asked_by(JANE) == [ASKED]
    assert app.targets() == {f"{TEAM}:{JANE}"}


def test_a_mention_in_a_thread_is_answered_in_that_thread(app: SlackApp) -> None:
    app.tell(mentioned(JANE, ASKED, SALES, thread_ts="1794000000.000001"))
    app.until(lambda: said(app))
    assert app.slack.messages[0].thread == "1794000000.000001"


def test_a_name_is_read_behind_prep_with_its_entities(app: SlackApp) -> None:
    app.tell(mentioned(JANE, "prep Sarah Chen, R&amp;D Works", SALES))
    assert app.asked_by(JANE) == ["Sarah Chen, R&D Works"]


def test_several_are_asked_for_and_what_names_nobody_is_told(app: SlackApp) -> None:
    app.tell(mentioned(JANE, "prep acme.example; hello@", SALES))
    app.until(lambda: said(app))
    assert app.asked_by(JANE) == ["acme.example"]
    assert ":warning:" in said(app)[0]


# --- in the user's own messages with the app


def test_an_address_written_to_the_app_is_answered_by_its_card_alone(app: SlackApp) -> None:
    app.tell(written(JANE, f"prep <mailto:{ASKED}|{ASKED}>"))
    assert app.asked_by(JANE) == [ASKED]
    app.tell(written(JANE, "hello"))
    app.until(lambda: said(app, dm(JANE)))
    [answer] = said(app, dm(JANE))
    assert answer.startswith("Type /prep"), "the answer to hello, and no other"


@pytest.mark.parametrize(
    "text",
    ["hello", "", "help", "prep", "prep help", "Well Done, Warmcall", "\U0001f680", "x" * 5_000],
)
def test_plain_words_are_answered_with_help_and_cost_nothing(app: SlackApp, text: str) -> None:
    app.tell(written(JANE, text))
    app.until(lambda: said(app, dm(JANE)))
    assert said(app, dm(JANE))[0].startswith("Type /prep")
    assert app.asked_by(JANE) == []


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("prep nobody", "single word"),
        ("\n".join(f"p{number}@acme.example" for number in range(6)), "5 at once"),
        ("prep settings", "Your cards come into your messages"),
    ],
)
def test_what_cannot_be_asked_for_is_told_why(app: SlackApp, text: str, told: str) -> None:
    app.tell(written(JANE, text))
    app.until(lambda: said(app, dm(JANE)))
    assert told in said(app, dm(JANE))[0]
    assert app.asked_by(JANE) == []


def test_who_has_no_look_ups_left_is_told(service: Any) -> None:
    service.intake = service.front_door(free_quota=0)
    with slack_app(service, Slack(users={JANE})) as app:
        app.tell(written(JANE, ASKED))
        app.until(lambda: said(app, dm(JANE)))
        assert "No look-ups left" in said(app, dm(JANE))[0]


def test_who_chose_a_channel_is_told_that_the_card_comes_there(app: SlackApp) -> None:
    app.service.intake.prefer(TEAM, JANE, place=SALES)
    app.tell(written(JANE, ASKED))
    app.until(lambda: said(app, dm(JANE)))
    assert "to the channel that you chose" in said(app, dm(JANE))[0]
    assert app.targets() == {f"{TEAM}:{SALES}+{JANE}"}
    assert app.asked_by(JANE) == [ASKED]


# --- sent again, and not meant for us


def test_an_event_that_is_sent_again_is_one_job_and_one_answer(app: SlackApp) -> None:
    heard = mentioned(JANE, f"prep {ASKED}", SALES)
    with ThreadPoolExecutor(4) as pool:
        sent = [pool.submit(app.tell, heard, retry=n, event_id="Ev1") for n in range(4)]
        assert {one.result().status_code for one in sent} == {200}
    app.until(lambda: said(app))
    app.tell(heard, retry=3, event_id="Ev1")
    app.tell(mentioned(JANE, "hello", SALES), event_id="Ev2")
    app.until(lambda: len(said(app)) > 1)
    first, second = said(app)
    assert ("the card comes" in first, second[:5]) == (True, "Type ")
    assert app.slack.called()["chat.postMessage"] == 2
    jobs = app.service.intake.jobs(caller(TEAM))
    assert len(jobs) == 1
    sent = app.service.intake.deliveries(app.service.intake.local_caller())
    assert len({one.target for one in sent}) == 1, "one card"


def test_what_cannot_be_kept_now_is_left_to_slack_to_send_again(
    service: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    gone = Database(f"sqlite:///{tmp_path}/gone/none.db")
    service.intake = service.front_door(database=gone)
    with slack_app(service, Slack(users={JANE})) as app:
        answer = app.tell(written(JANE, f"prep {ASKED}"))
        gone.close()
    assert (answer.status_code, answer.text) == (500, "")
    assert ASKED not in caplog.text
    assert app.slack.calls == []


@pytest.mark.parametrize(
    "other",
    [
        {"bot_id": "B0APP"},
        {"subtype": "message_changed"},
        {"subtype": "message_deleted"},
        {"subtype": "bot_message"},
        {"user": ""},
        {"channel_type": "channel"},
        {"team": "T0OTHER"},
        {"user_team": "T0OTHER"},
        {"text": ["no text"]},
    ],
)
def test_what_no_person_of_the_workspace_says_to_us_is_not_answered(
    app: SlackApp, other: dict[str, Any]
) -> None:
    assert app.tell(written(JANE, f"prep {ASKED}") | other).status_code == 200
    app.tell(written(JANE, "hello"))
    app.until(lambda: said(app, dm(JANE)))
    assert len(said(app, dm(JANE))) == 1
    assert app.asked_by(JANE) == []


def test_each_workspace_sees_what_its_own_people_asked_for(app: SlackApp) -> None:
    theirs = written(JANE, "prep theirs@acme.example", team="T0OTHER")
    app.tell(written(JANE, f"prep {ASKED}"))
    app.tell(theirs, team="T0OTHER")
    assert app.asked_by(JANE) == [ASKED]
    assert app.asked_by(JANE, "T0OTHER") == ["theirs@acme.example"]


def test_a_channel_that_slack_refuses_is_logged_without_whom_it_was_about(
    app: SlackApp, caplog: pytest.LogCaptureFixture
) -> None:
    app.tell(mentioned(JANE, f"prep {ASKED}", "C0ELSEWHERE"))
    app.until(lambda: caplog.records)
    [line] = [one for one in caplog.records if one.name == "warmcall.slack"]
    assert vars(line)["why"] == "channel_not_found"
    assert ASKED not in caplog.text
    assert app.asked_by(JANE) == [ASKED]
