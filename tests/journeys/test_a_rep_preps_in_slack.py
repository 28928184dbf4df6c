"""A rep types `/prep` in Slack: an answer at once, then one card, whatever Slack does meanwhile."""

import signal
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fakes.slack import (
    SECRET,
    TOKEN,
    Fault,
    Message,
    Slack,
    command,
    send,
    signed,
    slack_served,
)
from tests.journeys.stack import Stack, free_port, installed, json_of, wait_until

ACK_S = 3.0  # Slack shows its user an error after it
PLACEHOLDER = "Preparing"
SETTINGS = {"SLACK_BOT_TOKEN": TOKEN, "SLACK_SIGNING_SECRET": SECRET, "WARMCALL_LEASE": "2s"}


@dataclass
class Workspace:
    """A running service and its Slack; `door` calls it as Slack does, `client` has an API key."""

    stack: Stack
    slack: Slack
    door: httpx.Client
    client: httpx.Client

    def user(self, name: str) -> str:
        user = f"U{name.upper()}"
        self.slack.users.add(user)
        return user

    def prep(self, text: str, user: str, **more: str) -> str:
        """Type a command; return what is answered to it alone."""
        answer = send(self.door, command(text, user=user, **more))
        assert answer.status_code == 200, answer.text
        return answer.text

    def cards(self, user: str) -> list[Message]:
        return [m for m in self.slack.shown(user) if not m.text.startswith(PLACEHOLDER)]

    def card_of(self, user: str) -> Message:
        """Wait until nothing more is to be told; return the one message that is left, a card."""
        wait_until(lambda: self.cards(user) and self.is_calm(), f"the card of {user}")
        [card] = self.slack.shown(user)
        assert not card.text.startswith(PLACEHOLDER)
        return card

    def is_calm(self) -> bool:
        [(live,)] = self.rows("SELECT count(*) FROM job WHERE finished_at IS NULL")
        [(due,)] = self.rows("SELECT count(*) FROM outbox WHERE state = 'pending'")
        return not live and not due

    def rows(self, question: str, *values: str) -> list[Any]:
        file = self.stack.folder / "warmcall.db"
        with closing(sqlite3.connect(file, timeout=30)) as db:
            return db.execute(question, values).fetchall()

    def jobs_about(self, prospect_key: str) -> list[str]:
        asked = self.rows("SELECT id FROM job WHERE prospect_key = ?", prospect_key)
        return [job_id for (job_id,) in asked]

    def deliveries(self, user: str) -> list[tuple[str, str, int]]:
        """Return event, state and tries of what was to be told to a user."""
        found = "SELECT event, state, tries FROM outbox WHERE target LIKE ? ORDER BY created_at"
        return self.rows(found, f"%:{user}:%")


@contextmanager
def running(folder: Path, slack: Slack, **settings: str) -> Iterator[Workspace]:
    with installed(folder, **{"SLACK_API_URL": slack.url, **SETTINGS, **settings}) as stack:
        key = stack.keys(1)[0]
        stack.start_worker()
        stack.start_web()
        door = httpx.Client(base_url=stack.url, timeout=ACK_S, trust_env=False, verify=False)
        with stack.client(key) as client, door:
            yield Workspace(stack, slack, door, client)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    folder = tmp_path_factory.mktemp("slack")
    with slack_served(Slack()) as slack, running(folder, slack) as found:
        yield found


# --- asking


def test_twenty_reps_are_answered_in_time_and_get_one_card_each(workspace: Workspace) -> None:
    users = [workspace.user(f"rep{number}") for number in range(20)]
    workspace.slack.limits = True
    with ThreadPoolExecutor(20) as pool:
        asked = [pool.submit(workspace.prep, f"{u.lower()}@twenty.example", u) for u in users]
        assert all("card" in one.result() for one in asked)
    for user in users:
        workspace.card_of(user)
        assert len(workspace.jobs_about(f"email:{user.lower()}@twenty.example")) == 1
    workspace.slack.limits = False
    assert (workspace.slack.refused(), workspace.slack.too_early) == ([], 0)
    assert set(workspace.slack.called()) <= {"auth.test", "chat.postMessage", "chat.update"}


def test_a_command_that_comes_ten_times_is_one_job_and_one_card(workspace: Workspace) -> None:
    user = workspace.user("ten")
    body = command("ten@acme.example", user=user, trigger="10.1.same")
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda _: send(workspace.door, body), range(10)))
    assert {answer.status_code for answer in answers} == {200}
    workspace.card_of(user)
    assert len(workspace.jobs_about("email:ten@acme.example")) == 1


def test_a_card_that_is_known_comes_at_once_in_one_call(workspace: Workspace) -> None:
    user, other = workspace.user("first"), workspace.user("second")
    workspace.prep("known@acme.example", user)
    workspace.card_of(user)
    before = len(workspace.slack.calls)
    workspace.prep("known@acme.example", other)
    assert workspace.card_of(other).edits == 0
    assert [call.method for call in workspace.slack.calls[before:]] == ["chat.postMessage"]
    assert len(workspace.jobs_about("email:known@acme.example")) == 1


def test_who_asks_again_gets_a_card_again(workspace: Workspace) -> None:
    user = workspace.user("again")
    workspace.prep("again@acme.example", user)
    workspace.card_of(user)
    workspace.prep("again@acme.example", user)
    wait_until(lambda: len(workspace.cards(user)) == 2, "a second card")


def test_a_job_that_others_asked_for_is_joined(workspace: Workspace) -> None:
    user = workspace.user("joins")
    body = {"email": "slow@joined.example"}
    job = json_of(workspace.client.post("/v1/enrich", json=body))
    workspace.prep("slow@joined.example", user)
    workspace.card_of(user)
    assert workspace.jobs_about("email:slow@joined.example") == [job["job_id"]]


def test_a_stale_card_is_shown_and_then_replaced_by_a_fresh_one(workspace: Workspace) -> None:
    user = workspace.user("stale")
    workspace.prep("stale@acme.example", user)
    card = workspace.card_of(user)
    wait_until(lambda: card.edits == 1, "the fresh card")
    assert len(workspace.jobs_about("email:stale@acme.example")) == 2


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("jane@payload.example", 1),
        ("<mailto:ann@acme.example|ann@acme.example>", 1),
        ("Bea Roe, Acme Corp", 1),
        ("<https://www.forms.example/team?x=1|forms.example>", 1),
        ("\u00a0cem@acme.example\u200b", 1),
        ("dan@acme.example, eva@acme.example fay@acme.example", 3),
        ("gus@acme.example hello@", 1),
    ],
)
def test_what_is_typed_is_read(workspace: Workspace, text: str, count: int) -> None:
    user = workspace.user(f"typed{abs(hash(text))}")
    assert "into your messages" in workspace.prep(text, user)
    wait_until(lambda: len(workspace.cards(user)) == count, f"{count} cards")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "an e-mail address"),
        ("help", "an e-mail address"),
        ("settings", "into your messages"),
        ("x" * 5_000, "names nobody"),
        ("\U0001f680", "single word"),
        ("<!channel>", "an e-mail address"),
        (" ".join(f"p{n}@acme.example" for n in range(6)), "5 at once"),
        ("<script>@acme.example", "&lt;script&gt;"),
    ],
)
def test_what_names_nobody_is_told_and_starts_nothing(
    workspace: Workspace, text: str, told: str
) -> None:
    before = workspace.rows("SELECT count(*) FROM job")
    assert told in workspace.prep(text, workspace.user("nobody"))
    assert workspace.rows("SELECT count(*) FROM job") == before


@pytest.mark.parametrize("channel", ["privategroup", "directmessage", "archived"])
def test_wherever_it_is_typed_the_card_comes_to_the_reps_own_messages(
    workspace: Workspace, channel: str
) -> None:
    user = workspace.user(channel)
    where = {"channel_id": "G0ELSEWHERE", "channel_name": channel}
    workspace.prep(f"{channel}@acme.example", user, **where)
    workspace.card_of(user)


# --- who is not Slack


BODY = command("secret.person@acme.example")
JSON = {"Content-Type": "application/json"}


@dataclass(frozen=True)
class Sender:
    """Signs a body when it is sent, and changes what is not as Slack has it."""

    secret: str = SECRET
    age_s: float = 0.0
    signs: bytes | None = None
    headers: tuple[tuple[str, str], ...] = ()

    def headers_for(self, body: bytes) -> dict[str, str]:
        good = signed(self.signs or body, secret=self.secret, age_s=self.age_s)
        return {**good, **dict(self.headers)}


NOBODY = Sender(headers=(("X-Slack-Signature", ""), ("X-Slack-Request-Timestamp", "")))
NOBODY_JSON = Sender(headers=(*NOBODY.headers, *JSON.items()))


@pytest.mark.parametrize(
    ("body", "sender", "status"),
    [
        (BODY, Sender(secret="another"), 401),
        (BODY + b"x", Sender(signs=BODY), 401),
        (BODY, Sender(age_s=360), 401),
        (BODY, Sender(age_s=-360), 401),
        (BODY, NOBODY, 401),
        (BODY, Sender(headers=(("X-Slack-Signature", ""),)), 401),
        (BODY, Sender(headers=(("X-Slack-Signature", "v0=\xff\xfe"),)), 401),
        (BODY, Sender(headers=(("X-Slack-Request-Timestamp", "abc"),)), 401),
        (BODY, Sender(headers=(("X-Slack-Request-Timestamp", "9" * 400),)), 401),
        (b"{not json", NOBODY_JSON, 401),
        (b"payload=junk", NOBODY, 401),
        (b"ssl_check=1", NOBODY, 401),
        (b"[" * 100_000, NOBODY_JSON, 401),
        (b"payload=junk", Sender(), 400),
        (b"payload=1", Sender(), 400),
        (b"\xff\xfe", Sender(), 400),
        (b"[" * 100_000, Sender(headers=tuple(JSON.items())), 400),
        (b"x" * 1_100_000, Sender(), 413),
    ],
    ids=range(18),
)
def test_who_is_not_slack_is_refused_and_nothing_is_told_of_whom_it_was_about(
    workspace: Workspace, body: bytes, sender: Sender, status: int
) -> None:
    headers = sender.headers_for(body).items()
    raw = [(name.encode(), value.encode("latin-1")) for name, value in headers]
    answer = workspace.door.post("/slack/events", content=body, headers=raw)
    assert answer.status_code == status
    assert workspace.jobs_about("email:secret.person@acme.example") == []
    assert "secret.person" not in workspace.stack.log("web")


def test_slack_may_make_sure_that_the_address_is_ours(workspace: Workspace) -> None:
    body = b'{"type":"url_verification","challenge":"c-1"}'
    headers = signed(body) | JSON
    answer = workspace.door.post("/slack/events", content=body, headers=headers)
    assert answer.json() == {"challenge": "c-1"}


# --- when Slack is not well


@pytest.mark.parametrize(
    "faults",
    [
        [Fault(retry_after=2), Fault(retry_after=1)],
        [Fault(status=503)],
        [Fault(error="internal_error", after=True)],
        [Fault(reset=True, after=True)],
        [Fault(hang_s=12)],
    ],
    ids=["429", "503", "failed after it was done", "reset", "hang"],
)
def test_a_placeholder_becomes_the_card_whatever_its_change_meets(
    workspace: Workspace, faults: list[Fault], request: pytest.FixtureRequest
) -> None:
    name = f"upd{request.node.callspec.indices['faults']}"
    user = workspace.user(name)
    workspace.slack.faults["chat.update"] = list(faults)
    workspace.prep(f"slow@{name}.example", user)
    workspace.card_of(user)
    assert not workspace.slack.faults["chat.update"]
    assert workspace.slack.too_early == 0


@pytest.mark.parametrize(
    "fault",
    [Fault(reset=True, after=True), Fault(status=503, after=True), Fault(reset=True)],
    ids=["lost after it was done", "503 after it was done", "lost before"],
)
@pytest.mark.parametrize("text", ["slow@{}.example", "known@acme.example"])
def test_a_message_whose_posting_was_in_doubt_is_there_once(
    workspace: Workspace, fault: Fault, text: str, request: pytest.FixtureRequest
) -> None:
    name = f"post{request.node.callspec.indices['fault']}{len(text)}"
    user = workspace.user(name)
    workspace.slack.faults["chat.postMessage"] = [fault]
    workspace.prep(text.format(name), user)
    workspace.card_of(user)


@pytest.mark.parametrize(
    "error", ["channel_not_found", "token_revoked", "invalid_blocks", "messages_tab_disabled"]
)
def test_what_slack_will_never_take_is_tried_once_and_told(
    workspace: Workspace, error: str
) -> None:
    user = workspace.user(f"never{error.replace('_', '')}")
    before = len(workspace.slack.calls)
    workspace.slack.broken["chat.postMessage"] = error
    workspace.prep(f"slow@{error.replace('_', '-')}.example", user)
    card = ("enrichment.completed", "failed", 1)
    wait_until(lambda: card in workspace.deliveries(user), "the end")
    del workspace.slack.broken["chat.postMessage"]
    assert len(workspace.slack.calls) - before <= 2
    why = workspace.rows("SELECT error FROM outboxtry WHERE error LIKE ?", f"%{error}%")
    assert why


def test_a_placeholder_that_was_taken_away_stays_away(workspace: Workspace) -> None:
    user = workspace.user("deletes")
    workspace.prep("slow@deletes.example", user)
    wait_until(lambda: workspace.slack.shown(user), "the placeholder")
    workspace.slack.shown(user)[0].is_deleted = True
    wait_until(workspace.is_calm, "all to be told")
    assert workspace.slack.shown(user) == []
    assert {state for _, state, _ in workspace.deliveries(user)} == {"delivered"}


# --- when we are not well


def test_a_worker_that_is_killed_leaves_no_placeholder_behind(tmp_path: Path) -> None:
    with slack_served(Slack()) as slack, running(tmp_path, slack) as workspace:
        user = workspace.user("killed")
        workspace.prep("slow@killed.example", user)
        wait_until(lambda: workspace.slack.shown(user), "the placeholder")
        workspace.stack.processes[0].send_signal(signal.SIGKILL)
        workspace.stack.start_worker()
        assert workspace.card_of(user).edits >= 1


def test_it_starts_and_answers_without_slack_and_brings_the_card_when_slack_is_back(
    tmp_path: Path,
) -> None:
    slack = Slack()
    port = free_port()
    slack.url = f"http://127.0.0.1:{port}/api"
    with running(tmp_path, slack) as workspace:
        user = workspace.user("early")
        assert "into your messages" in workspace.prep("early@acme.example", user)
        wait_until(lambda: any(tries for *_, tries in workspace.deliveries(user)), "a first try")
        with slack_served(slack, port):
            workspace.card_of(user)


def test_without_its_settings_there_is_no_slack(tmp_path: Path) -> None:
    with installed(tmp_path) as stack:
        stack.start_web()
        with stack.client("none") as client:
            assert send(client, BODY).status_code == 404
