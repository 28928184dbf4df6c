"""A rep talks to the app in Slack instead of typing a command: one card for what was said."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.fakes.slack import (
    Fault,
    Object,
    Slack,
    chosen,
    event,
    mentioned,
    opened,
    send,
    send_event,
    slack_served,
    written,
)
from tests.journeys.stack import wait_until
from tests.journeys.test_a_rep_preps_in_slack import Workspace, running

SALES = "C0SALES"


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    folder = tmp_path_factory.mktemp("talk")
    slack = Slack(channels={SALES: ""})
    with slack_served(slack), running(folder, slack) as found:
        yield found


def tell(workspace: Workspace, said: Object, retry: int = 0, **options: str) -> httpx.Response:
    answer = send_event(workspace.door, event(said, **options), retry)
    assert answer.status_code == 200, answer.text
    return answer


def replies(workspace: Workspace) -> list[str]:
    return [one.text for one in workspace.slack.messages if one.channel == SALES]


def test_an_event_that_slack_sends_again_and_again_is_one_job_one_card_and_one_reply(
    workspace: Workspace,
) -> None:
    user = workspace.user("retried")
    said = mentioned(user, "prep retried@acme.example", SALES)
    before = len(replies(workspace))
    with ThreadPoolExecutor(8) as pool:
        again = [
            pool.submit(tell, workspace, said, retry=number % 4, event_id="EvSAME")
            for number in range(8)
        ]
        assert all(one.result() for one in again)
    workspace.card_of(user)
    tell(workspace, said, retry=3, event_id="EvSAME")
    workspace.card_of(user)
    wait_until(lambda: len(replies(workspace)) > before, "the reply")
    assert len(workspace.jobs_about("email:retried@acme.example")) == 1
    assert len(replies(workspace)) == before + 1


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("prep <mailto:ann@payload.example|ann@payload.example>", "email:ann@payload.example"),
        ("<mailto:bea@talk.example|bea@talk.example>", "email:bea@talk.example"),
        ("prep <http://talk.example|talk.example>", "domain:talk.example"),
        ("prep\u00a0cem@talk.example\u200b", "email:cem@talk.example"),
    ],
)
@pytest.mark.parametrize("is_mention", [True, False], ids=["mention", "message"])
def test_what_is_said_is_read_as_what_is_typed(
    workspace: Workspace, text: str, key: str, is_mention: bool
) -> None:
    user = workspace.user(f"says{abs(hash((text, is_mention)))}")
    tell(workspace, mentioned(user, text, SALES) if is_mention else written(user, text))
    workspace.card_of(user)
    assert len(workspace.jobs_about(key)) >= 1


@pytest.mark.parametrize(
    "text",
    ["hello", "help", "x" * 5_000, "\U0001f680", "<!channel>", "Thanks, that helped a lot"],
)
def test_plain_words_are_answered_with_help_and_start_nothing(
    workspace: Workspace, text: str
) -> None:
    user = workspace.user(f"plain{abs(hash(text))}")
    before = workspace.rows("SELECT count(*) FROM job")
    tell(workspace, written(user, text))
    wait_until(lambda: workspace.slack.shown(user), "the help")
    [answer] = workspace.slack.shown(user)
    assert answer.text.startswith("Type /prep")
    assert workspace.rows("SELECT count(*) FROM job") == before


def test_our_own_words_and_changes_of_messages_start_nothing(workspace: Workspace) -> None:
    user = workspace.user("ours")
    before = workspace.rows("SELECT count(*) FROM job")
    for other in ({"bot_id": "B0APP"}, {"subtype": "message_changed"}):
        tell(workspace, written(user, "prep ours@talk.example") | other)
    tell(workspace, written(user, "hello"))
    wait_until(lambda: workspace.slack.shown(user), "the help")
    assert len(workspace.slack.shown(user)) == 1
    assert workspace.rows("SELECT count(*) FROM job") == before


def test_the_home_tab_shows_the_card_and_keeps_what_is_chosen(workspace: Workspace) -> None:
    user = workspace.user("athome")
    tell(workspace, written(user, "prep home@acme.example"))
    workspace.card_of(user)
    tell(workspace, opened(user))
    wait_until(lambda: "ready" in str(workspace.slack.homes.get(user)), "the tab")
    choice = {"type": "static_select", "selected_option": {"value": "1320"}}
    body = chosen(user, choice | {"action_id": "home_quiet_from"})
    assert send(workspace.door, body).status_code == 200
    assert "22:00 to 08:00" in workspace.prep("settings", user)
    wait_until(lambda: "America/Los_Angeles" in str(workspace.slack.homes[user]), "the zone")


def test_a_rep_is_answered_though_slack_fails_at_that_moment(workspace: Workspace) -> None:
    user = workspace.user("unheard")
    workspace.slack.faults["views.publish"] = [Fault(reset=True)]
    tell(workspace, opened(user))
    wait_until(lambda: not workspace.slack.faults["views.publish"], "the call")
    tell(workspace, written(user, "prep unheard@acme.example"))
    workspace.card_of(user)
    assert "unheard@acme.example" not in workspace.stack.log("web")
