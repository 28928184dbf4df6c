"""A rep presses what is under a card in Slack: real processes, and a local Slack on both sides."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from integrations.slack import buttons, words
from tests.fakes.slack import (
    Fault,
    Message,
    Object,
    Slack,
    press,
    send,
    shortcut,
    slack_served,
    submit,
)
from tests.journeys.stack import wait_until
from tests.journeys.test_a_rep_preps_in_slack import Workspace, running


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    folder = tmp_path_factory.mktemp("presses")
    with slack_served(Slack()) as slack, running(folder, slack) as found:
        yield found


def card(workspace: Workspace, name: str, text: str = "") -> tuple[str, Message]:
    """Have a rep of this name get a card; return the rep's id and the message."""
    user = workspace.user(name)
    workspace.prep(text or f"{name}@acme.example", user)
    return user, workspace.card_of(user)


def pressed(workspace: Workspace, message: Message, *what: str, **who: Any) -> None:
    body = press(workspace.slack, message, *what, **who)
    answer = send(workspace.door, body)
    assert (answer.status_code, answer.text) == (200, "")


def opened(workspace: Workspace, message: Message, *what: str, user: str) -> Object:
    before = len(workspace.slack.views)
    pressed(workspace, message, *what, user=user)
    wait_until(lambda: len(workspace.slack.views) > before, "the window")
    return workspace.slack.views[-1]


def told(workspace: Workspace, text: str) -> bool:
    return any(one["text"] == text for one in workspace.slack.whispered)


def settled(workspace: Workspace, user: str, jobs: int) -> Message:
    """Wait until all so many jobs have been told; return the one message there is."""
    wait_until(lambda: workspace.rows("SELECT count(*) FROM job")[0][0] >= jobs, "the job")
    return workspace.card_of(user)


def jobs(workspace: Workspace) -> int:
    [(count,)] = workspace.rows("SELECT count(*) FROM job")
    return int(count)


def test_refresh_pressed_by_ten_fingers_is_one_job_in_the_same_message(
    workspace: Workspace,
) -> None:
    user, message = card(workspace, "twice")
    before = jobs(workspace)
    bodies = [press(workspace.slack, message, buttons.REFRESH, user=user) for _ in range(10)]
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda body: send(workspace.door, body), bodies))
    assert {answer.status_code for answer in answers} == {200}
    wait_until(lambda: message.edits, "the new card")
    assert settled(workspace, user, before + 1) is message
    assert jobs(workspace) == before + 1


def test_refresh_by_somebody_of_another_workspace_is_refused(workspace: Workspace) -> None:
    user, message = card(workspace, "outsider")
    before = jobs(workspace)
    pressed(workspace, message, buttons.REFRESH, user=user, user_team="T0OTHER")
    wait_until(lambda: told(workspace, words.FOREIGN), "the refusal")
    assert jobs(workspace) == before


def test_refresh_of_a_message_that_was_deleted_posts_no_other(workspace: Workspace) -> None:
    user, message = card(workspace, "deleted")
    before, message.is_deleted = jobs(workspace), True
    pressed(workspace, message, buttons.REFRESH, user=user)
    wait_until(lambda: jobs(workspace) > before and workspace.is_calm(), "all to be told")
    assert workspace.slack.shown(user) == []


def test_a_slow_refresh_that_is_deleted_meanwhile_does_not_come_back(workspace: Workspace) -> None:
    user, message = card(workspace, "slowdelete", "slow@deleted-meanwhile.example")
    before = jobs(workspace)
    pressed(workspace, message, buttons.REFRESH, user=user)
    pressed(workspace, message, buttons.MORE, "delete", user=user)
    wait_until(lambda: message.is_deleted, "the message to go")
    wait_until(lambda: jobs(workspace) > before and workspace.is_calm(), "all to be told")
    assert workspace.slack.shown(user) == []


def test_a_window_opens_refuses_what_it_cannot_read_and_starts_a_job(
    workspace: Workspace,
) -> None:
    user, message = card(workspace, "edits", "notfound@edits.example")
    view = opened(workspace, message, buttons.EDIT, user=user)
    before = jobs(workspace)
    bad = send(workspace.door, submit(view, user=user, query="nobody"))
    assert list(bad.json()["errors"]) == ["query"]
    assert jobs(workspace) == before
    good = send(workspace.door, submit(view, user=user, query="edited@acme.example"))
    assert good.text == ""
    wait_until(lambda: "No match" not in message.text, "the card of somebody else")
    assert settled(workspace, user, before + 1) is message
    assert "Acme" in message.text


def test_a_window_that_hangs_holds_up_nothing(workspace: Workspace) -> None:
    user, message = card(workspace, "hangs")
    workspace.slack.faults["views.open"] = [Fault(hang_s=12)]
    pressed(workspace, message, buttons.SHARE, user=user)  # within the 3 s of its client
    assert opened(workspace, message, buttons.SHARE, user=user)


def test_the_shortcut_asks_for_a_card(workspace: Workspace) -> None:
    user = workspace.user("shortcut")
    send(workspace.door, shortcut(workspace.slack, "prep_global", user=user))
    wait_until(
        lambda: any(one["callback_id"] == "prep_ask" for one in workspace.slack.views), "the window"
    )
    view = workspace.slack.views[-1]
    send(workspace.door, submit(view, user=user, query="by.shortcut@acme.example"))
    assert workspace.card_of(user)


def test_the_wrong_person_goes_and_does_not_come_back(workspace: Workspace) -> None:
    text = "sarah.chen@wrong-person.example"
    user, message = card(workspace, "wrong", text)
    assert "Sarah Chen" in message.text
    view = opened(workspace, message, buttons.MORE, "wrong", user=user)
    before = jobs(workspace)
    send(workspace.door, submit(view, user=user))
    wait_until(lambda: "Sarah" not in message.text, "the card without that person")
    assert settled(workspace, user, before + 1) is message
    other = workspace.user("colleague")
    workspace.prep(text, other)
    assert "Sarah" not in workspace.card_of(other).text


def test_the_person_who_is_chosen_comes_instead_of_the_choice(workspace: Workspace) -> None:
    user, message = card(workspace, "chooses", "ambiguous@chooses.example")
    before = jobs(workspace)
    [job] = workspace.jobs_about("email:ambiguous@chooses.example")
    pressed(workspace, message, buttons.CHOOSE, f"{job}:1", user=user)
    wait_until(lambda: "Alexandra Morgan" in message.text and message.edits, "the card")
    assert settled(workspace, user, before + 1) is message
