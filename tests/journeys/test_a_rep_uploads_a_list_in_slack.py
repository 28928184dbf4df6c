"""A rep gives Slack a CSV file: one message tells how it goes, and leads to the file."""

import csv
import re
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.fakes.slack import (
    TEAM,
    Fault,
    Message,
    Slack,
    command,
    interaction,
    send,
    slack_served,
    upload,
)
from tests.journeys.stack import wait_until
from tests.journeys.test_a_rep_preps_in_slack import Workspace, running

LIST = "Deal,Mail\n1,sarah.chen@acme.example\n2,notfound@acme.example\n3,=1+1\n"


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    folder = tmp_path_factory.mktemp("lists")
    with slack_served(Slack()) as slack, running(folder, slack) as found:
        yield found


def give(workspace: Workspace, user: str, text: str | bytes = LIST, **more: str) -> str:
    """Send a list off; return what is answered."""
    name = f"{user}.csv"
    workspace.slack.files[name] = text.encode() if isinstance(text, str) else text
    answer = send(workspace.door, upload(workspace.slack.file_url(name), user=user, **more))
    assert answer.status_code == 200, answer.text
    return answer.text


def told(workspace: Workspace, user: str, what: str) -> Message:
    """Wait until the one message of a user says this."""
    wait_until(lambda: any(what in str(m.blocks) for m in workspace.slack.shown(user)), what)
    wait_until(workspace.is_calm, "all to be told")
    [message] = workspace.slack.shown(user)
    assert what in str(message.blocks)
    return message


def test_a_list_is_looked_up_and_its_file_is_a_click_away(workspace: Workspace) -> None:
    user = workspace.user("lists")
    assert give(workspace, user) == ""
    message = told(workspace, user, "1 of 3 matched (33 %)")
    shown = str(message.blocks)
    assert "1 of 1 addresses verified (100 %)" in shown
    assert "sandbox: knew 1 of 2 (50 %)" in shown
    assert "1 rows were not asked for: invalid prospect." in shown
    assert message.edits <= 4
    assert "Sarah" not in shown + message.text
    path = re.findall(r"<http://127\.0\.0\.1:\d+(/batches/[^|]+)\|", shown)[0]
    answer = workspace.door.get(path)
    rows = list(csv.DictReader(answer.text.splitlines()))
    assert [row["warmcall_full_name"] for row in rows] == ["Sarah Chen", "", ""]
    assert rows[2]["Mail"] == "'=1+1"
    assert answer.headers["x-robots-tag"] == "noindex, nofollow"


def test_a_window_that_comes_twice_is_one_list(workspace: Workspace) -> None:
    user = workspace.user("twice")
    for _ in range(3):
        give(workspace, user, view="V0TWICE")
    told(workspace, user, "1 of 3 matched")
    assert workspace.slack.downloads[f"{user}.csv"] == 1


def test_a_list_spends_no_more_than_its_user_allows(workspace: Workspace) -> None:
    user = workspace.user("thrifty")
    people = "\n".join(f"p{number}@thrifty{number}.example" for number in range(3))
    give(workspace, user, f"email\n{people}\n", most="4")
    message = told(workspace, user, "1 of 3 matched")
    assert "4 credits" in str(message.blocks)


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("empty", "", "The file is empty"),
        ("colours", "colour\nred\n", "No column says who is meant"),
        ("long", "email\n" + "a@acme.example\n" * 1_001, "more than 1,000 rows"),
        ("book", b"PK\x03\x04", "save it as CSV"),
    ],
)
def test_a_file_that_is_no_list_is_told_so(
    workspace: Workspace, name: str, text: str | bytes, why: str
) -> None:
    user = workspace.user(name)
    give(workspace, user, text)
    assert "was not looked up" in told(workspace, user, why).text


def test_a_file_that_we_may_not_read_is_told_so(workspace: Workspace) -> None:
    user = workspace.user("hidden")
    body = upload(workspace.slack.file_url("nothing.csv"), user=user)
    send(workspace.door, body)
    told(workspace, user, "no longer there")


def test_our_token_goes_nowhere_else(workspace: Workspace) -> None:
    before = workspace.rows("SELECT count(*) FROM outbox")
    for url in ("https://evil.example/x.csv", "http://files.slack.com/x", "file:///etc/passwd"):
        answer = send(workspace.door, upload(url, user=workspace.user("evil"))).json()
        assert answer["response_action"] == "errors"
    body = upload(workspace.slack.file_url("x"), user=workspace.user("big"), size="10000001")
    assert "10 MB" in send(workspace.door, body).json()["errors"]["file"]
    assert workspace.rows("SELECT count(*) FROM outbox") == before


def shortcut_of(trigger: str) -> bytes:
    about = {"team": {"id": TEAM}, "user": {"id": "U0JANE"}, "trigger_id": trigger}
    return interaction({"type": "shortcut", "callback_id": "prep_csv", **about})


def command_of(trigger: str) -> bytes:
    return command("csv", trigger=trigger)


@pytest.mark.parametrize("pressed", [command_of, shortcut_of], ids=["command", "shortcut"])
def test_the_window_opens(workspace: Workspace, pressed: Callable[[str], bytes]) -> None:
    before = len(workspace.slack.views)
    body = pressed(workspace.slack.trigger())
    assert send(workspace.door, body).status_code == 200
    wait_until(lambda: workspace.slack.views[before:], "the window")
    [view] = workspace.slack.views[before:]
    assert view["callback_id"] == "prep_csv"
    assert view["blocks"][1]["element"]["type"] == "file_input"


@pytest.mark.parametrize(
    ("method", "fault"),
    [
        ("file", Fault(status=503)),
        ("file", Fault(reset=True)),
        ("chat.postMessage", Fault(retry_after=1)),
        ("chat.postMessage", Fault(reset=True, after=True)),
        ("chat.update", Fault(status=503)),
    ],
    ids=["file 503", "file reset", "post 429", "post in doubt", "update 503"],
)
def test_whatever_slack_does_there_is_one_message_in_the_end(
    workspace: Workspace, method: str, fault: Fault, request: pytest.FixtureRequest
) -> None:
    user = workspace.user(f"faulty{request.node.callspec.indices['fault']}")
    workspace.slack.faults[method] = [fault]
    give(workspace, user)
    told(workspace, user, "1 of 3 matched")
    workspace.slack.faults[method].clear()


def test_a_worker_that_is_killed_leaves_no_list_behind(tmp_path: Path) -> None:
    with slack_served(Slack()) as slack, running(tmp_path, slack) as workspace:
        user = workspace.user("killed")
        people = "\n".join(f"slow@firm{number}.example" for number in range(40))
        give(workspace, user, f"email\n{people}\n")
        wait_until(lambda: workspace.slack.shown(user), "the placeholder")
        workspace.stack.processes[0].send_signal(signal.SIGKILL)
        workspace.stack.start_worker()
        told(workspace, user, "40 of 40 matched")
