"""What was promised in Slack is kept: at Slack's pace, past deaths and closed doors, and undone."""

import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from app.delivery import Address
from app.front import OPERATOR
from app.intake import Ask, Caller
from app.prospect import identify
from app.settings import Settings
from integrations.runtime import start
from integrations.slack.addresses import to_channel, to_mail
from tests.fakes.serving import serve
from tests.fakes.slack import TEAM, Fault, Slack, slack_served
from tests.journeys.stack import LOCAL, Receiver, ask, wait_until
from tests.journeys.test_a_rep_preps_in_slack import Workspace, running

OPS, SALES = "C0OPS", "C0SALES"
REMOVED = "Removed on request."


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    folder = tmp_path_factory.mktemp("slack")
    settings = {"WARMCALL_ALERTS": OPS, "WARMCALL_CALLBACK_ALLOW": LOCAL}
    with (
        slack_served(Slack(channels={OPS: "", SALES: ""})) as slack,
        running(folder, slack, **settings) as found,
    ):
        yield found


def deliver(workspace: Workspace, text: str, *to: Address) -> None:
    """Have a card sent to these addresses, as a CRM or a click does."""
    stack = workspace.stack
    database = f"sqlite:///{stack.folder / 'warmcall.db'}"
    parts = start(Settings.from_env({**stack.env, "DATABASE_URL": database}))
    try:
        caller = Caller(OPERATOR, OPERATOR, frozenset({"enrich"}))
        parts.intake.request(caller, Ask(prospect=identify(text), notify=to))
    finally:
        parts.close()


def test_sixty_cards_in_a_minute_all_come_and_no_call_comes_too_early(
    workspace: Workspace,
) -> None:
    slack, users = workspace.slack, [workspace.user(f"pace{number}") for number in range(20)]
    before, pause = len(slack.calls), threading.Event()
    slack.limits = True
    with ThreadPoolExecutor(8) as pool:
        for number in range(60):
            kind = "slow" if number % 3 == 0 else f"p{number}"
            pool.submit(workspace.prep, f"{kind}@pace{number}.example", users[number % 20])
            pause.wait(0.2)
    for user in users:
        wait_until(lambda user=user: len(workspace.cards(user)) == 3, "three cards", 180)
    wait_until(workspace.is_calm, "all to be told", 180)
    slack.limits = False
    assert all(len(slack.shown(user)) == 3 for user in users)
    assert slack.too_early == 0
    assert {call.answer for call in slack.calls[before:]} == {"ok"}


@pytest.mark.parametrize(
    ("method", "fault"),
    [
        ("chat.postMessage", Fault(hang_s=10)),
        ("chat.postMessage", Fault(hang_s=10, after=True)),
        ("chat.update", Fault(hang_s=10)),
        ("chat.update", Fault(hang_s=10, after=True)),
    ],
    ids=["posting", "posted and not noted", "changing", "changed and not noted"],
)
def test_a_worker_that_dies_in_the_midst_of_a_call_leaves_one_card(
    workspace: Workspace, method: str, fault: Fault, request: pytest.FixtureRequest
) -> None:
    name = f"dies{request.node.callspec.indices['method']}{request.node.callspec.indices['fault']}"
    user = workspace.user(name)
    workspace.slack.faults[method] = [fault]
    workspace.prep(f"slow@{name}.example", user)
    wait_until(lambda: not workspace.slack.faults[method], "the call")
    kill(workspace)
    workspace.card_of(user)


def test_a_worker_that_dies_before_it_has_posted_leaves_one_card(workspace: Workspace) -> None:
    user = workspace.user("early")
    workspace.prep("slow@early.example", user)
    kill(workspace)
    workspace.card_of(user)


def kill(workspace: Workspace) -> None:
    """Kill the worker that runs, and start another."""
    workers = [one for one in workspace.stack.processes if one.poll() is None]
    web = workspace.stack.processes[1]
    [worker] = [one for one in workers if one is not web]
    worker.send_signal(signal.SIGKILL)
    worker.wait()
    workspace.stack.start_worker()


def test_a_rep_whose_messages_are_closed_is_answered_where_they_asked(
    workspace: Workspace,
) -> None:
    slack, user = workspace.slack, workspace.user("closed")
    slack.broken["chat.postMessage"] = "messages_tab_disabled"
    url = slack.reply_url()
    workspace.prep("slow@closed.example", user, response_url=url)
    wait_until(lambda: slack.replied(url), "the card where it was asked for")
    wait_until(workspace.is_calm, "all to be told")
    del slack.broken["chat.postMessage"]
    [said] = slack.replied(url)
    assert "Preparing" not in said["text"]
    told = workspace.stack.log("web") + workspace.stack.log("worker")
    kept = workspace.rows("SELECT target, event, state FROM outbox")
    kept += workspace.rows("SELECT error, answer FROM outboxtry")
    assert "/hooks/" not in f"{told}{kept}"


def test_a_card_for_a_colleague_comes_by_address_once_however_often_the_event_does(
    workspace: Workspace,
) -> None:
    user = workspace.user("owner")
    workspace.slack.mails["owner@us.example"] = user
    for _ in range(3):
        deliver(workspace, "ann@owned.example", to_mail("-", "owner@us.example", "deal-7"))
    workspace.card_of(user)


@pytest.mark.parametrize("why", ["not_in_channel", "is_archived", "channel_not_found"])
def test_a_card_for_a_channel_that_is_closed_to_us_comes_to_the_reps_own_messages(
    workspace: Workspace, why: str
) -> None:
    user, channel = workspace.user(why.replace("_", "")), f"C{why.replace('_', '').upper()}"
    workspace.slack.channels[channel] = why
    deliver(workspace, f"{why}@elsewhere.example", to_channel(TEAM, channel, "1", user))
    wait_until(lambda: workspace.cards(user), "the card")


def test_who_is_erased_vanishes_from_messages_and_channels(workspace: Workspace) -> None:
    user = workspace.user("erases")
    workspace.prep("eva@erased.example", user)
    workspace.card_of(user)
    deliver(workspace, "eva@erased.example", Address("slack", f"{TEAM}:{SALES}:share-1"))
    wait_until(lambda: workspace.slack.said_in(SALES), "the copy in the channel")
    workspace.slack.faults["chat.update"] = [Fault(status=503)]
    answer = workspace.client.delete("/v1/prospects/eva@erased.example")
    assert answer.status_code == 200, answer.text
    shown = [*workspace.slack.shown(user), *workspace.slack.said_in(SALES)]
    wait_until(lambda: {one.text for one in shown} == {REMOVED}, "both to be gone")
    assert "eva" not in str([one.blocks for one in shown])
    gone = "SELECT count(*) FROM posted WHERE target LIKE ? OR target LIKE ?"
    wait_until(lambda: workspace.rows(gone, f"%{user}%", f"%{SALES}%") == [(0,)], "its rows to go")


def test_operators_hear_of_an_address_that_is_given_up(workspace: Workspace) -> None:
    receiver = Receiver(status=410)
    with serve(receiver.app()) as url:
        ask(workspace.client, email="gil@gone.example", callback_url=f"{url}/hook")
        wait_until(lambda: workspace.slack.said_in(OPS), "the alert")
    [told] = workspace.slack.said_in(OPS)
    assert "nothing is sent to it now" in told.text


def test_no_worker_kept_a_card_to_itself(workspace: Workspace) -> None:
    wait_until(workspace.is_calm, "all to be told")
    behind = (
        "SELECT target FROM posted JOIN job ON job.id = posted.job_id"
        " WHERE posted.state = 'posted' AND posted.version < job.version"
    )
    assert workspace.rows(behind) == []
