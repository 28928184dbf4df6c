"""What a rep presses under a card in Slack, on a real store, over real HTTP to a local Slack."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from httpx2 import Response
from starlette.applications import Starlette
from starlette.testclient import TestClient

from app.crm import Kind, Ref
from app.crm_plan import Change
from app.crm_views import Saved
from app.errors import NotReady
from app.facts import Json, Section, stated
from app.intake import JobView
from app.prospect import Identifiers, identify
from app.provider import Finding, Outcome
from app.settings import Settings
from app.tables import Feedback, Outbox
from integrations.slack import buttons, words
from integrations.slack.asking import Asking, caller
from integrations.slack.desk import Desk as SlackDesk
from tests.fakes.blocks import check_view
from tests.fakes.clock import Clock
from tests.fakes.oracle import Oracle
from tests.fakes.slack import (
    SECRET,
    TEAM,
    TOKEN,
    Fault,
    Message,
    Object,
    Slack,
    press,
    shortcut,
    signed,
    slack_served,
    submit,
)
from tests.surfaces.slack_app import surface_of
from tests.surfaces.test_slack_channel import Channel
from tests.test_engine import COMPANY, JANE, PERSON, oracle

USER = "U0JANE"
CHANNEL = "C0SALES"
OUTSIDER = "T0OTHER"
SEEN_AT = datetime(2026, 11, 20, tzinfo=UTC)
PROFILE = "https://www.linkedin.com/in/"
CANDIDATES: tuple[dict[str, Json], ...] = (
    {"full_name": "Jane Roe", "title": "CFO", "linkedin_url": f"{PROFILE}jane-roe-a"},
    {"full_name": "Janet Roe", "title": "Buyer"},
)


@dataclass
class Desk:
    """A rep at Slack, our web process behind it, and a worker that works when it is told to."""

    service: Any
    slack: Slack
    client: TestClient
    source: Oracle

    def send(self, body: bytes, **options: Any) -> Response:
        headers = signed(body, **options)
        answer: Response = self.client.post("/slack/events", content=body, headers=headers)
        assert answer.status_code == 200, answer.text
        return answer

    def press(self, message: Message, action_id: str, choice: str = "", **who: Any) -> None:
        assert self.send(press(self.slack, message, action_id, choice, **who)).text == ""

    def submit(self, view: Object, **put: Any) -> Any:
        answer = self.send(submit(view, **put))
        return answer.json() if answer.text else {}

    def work(self) -> None:
        """Do what a worker does, until nothing is due."""
        channels = {"slack": Channel(self.service, self.slack).of("worker_1")}

        async def worked() -> None:
            engine, courier = self.service.engine(), self.service.courier(channels)
            while due := self.service.messages():
                for task, ref in due:
                    await (engine.run if task == "run_job" else courier.deliver)(ref)

        asyncio.run(worked())

    def card(self, text: str = JANE) -> Message:
        """Ask for a card and have it posted; return its message."""
        Asking(self.service.intake, lambda mark, url: None).card(
            TEAM, USER, f"ask {text}", identify(text)
        )
        self.work()
        return self.shown()[-1]

    def shown(self) -> list[Message]:
        return self.slack.shown(USER)

    def opened(self, message: Message, action_id: str, choice: str = "") -> Object:
        """Press what opens a window; return the window."""
        before = len(self.slack.views)
        self.press(message, action_id, choice)
        until(lambda: len(self.slack.views) > before)
        view = self.slack.views[-1]
        assert check_view(view) == []
        return view

    def told(self, before: int = 0) -> str:
        """Wait for the next thing that is told to the rep alone."""
        until(lambda: len(self.slack.whispered) > before)
        return str(self.slack.whispered[-1]["text"])

    def jobs(self) -> list[JobView]:
        found: list[JobView] = self.service.intake.jobs(caller(TEAM))
        return found

    def rows(self, table: Any) -> list[Any]:
        query = table.__table__.select()
        found: list[Any] = self.service.database.read(lambda db: db.execute(query).all())
        return found


def several(_: Identifiers) -> Finding:
    """Answer that two people could be meant."""
    told = [
        stated({"person.candidates": one}, source="orbit", seen_at=SEEN_AT, confidence=0.9)
        for one in CANDIDATES
    ]
    return Finding(Outcome.matched, tuple(fact for facts in told for fact in facts))


def until(is_so: Callable[[], object]) -> None:
    """Wait for what a listener does after its acknowledgement."""
    end, pause = time.monotonic() + 20, threading.Event()
    while not is_so():
        assert time.monotonic() < end
        pause.wait(0.01)


@contextmanager
def desk_of(service: Any, source: Oracle, crm: Any = None) -> Iterator[Desk]:
    with slack_served(Slack(users={USER})) as slack:
        env = {
            "SLACK_BOT_TOKEN": TOKEN,
            "SLACK_SIGNING_SECRET": SECRET,
            "SLACK_API_URL": slack.url,
        }
        found = surface_of(service, Settings.from_env(env), crm=crm)
        with TestClient(Starlette(routes=list(found.routes))) as client:
            yield Desk(service, slack, client, source)


@pytest.fixture
def source(clock: Clock) -> Oracle:
    return oracle(clock, person=PERSON, company=COMPANY)


@pytest.fixture
def service(make: Any, source: Oracle) -> Any:
    return make(source)


@pytest.fixture
def desk(service: Any, source: Oracle) -> Iterator[Desk]:
    with desk_of(service, source) as found:
        yield found


# --- looking up again


def test_refresh_brings_a_new_card_to_the_same_message(desk: Desk, clock: Clock) -> None:
    message = desk.card()
    clock.move(minutes=5)
    desk.source.says = {**desk.source.says, Section.company: {"company.name": "Initech Group"}}
    desk.press(message, buttons.REFRESH)
    desk.work()
    assert desk.shown() == [message]
    assert "Initech Group" in str(message.blocks)


def test_refresh_pressed_twice_is_one_job(desk: Desk, clock: Clock) -> None:
    message = desk.card()
    clock.move(minutes=5)
    body = press(desk.slack, message, buttons.REFRESH)
    again = press(desk.slack, message, buttons.REFRESH)
    for one in (body, again, body):
        desk.send(one)
        desk.work()
        desk.send(one)
    assert len(desk.jobs()) == 2
    assert desk.slack.called()["chat.postMessage"] == 1


def test_what_the_second_press_finds_done_is_brought_if_it_did_not_come(
    desk: Desk, clock: Clock
) -> None:
    message = desk.card()
    clock.move(minutes=5)
    desk.source.says = {**desk.source.says, Section.company: {"company.name": "Initech Group"}}
    desk.slack.faults["chat.update"] = [Fault(error="restricted_action")]
    body = press(desk.slack, message, buttons.REFRESH)
    for _ in range(2):
        desk.send(body)
        desk.work()
    assert "Initech Group" in str(message.blocks)
    assert len(desk.jobs()) == 2


def test_refresh_of_a_message_that_was_deleted_posts_no_other(desk: Desk, clock: Clock) -> None:
    message = desk.card()
    clock.move(minutes=5)
    message.is_deleted = True
    desk.press(message, buttons.REFRESH)
    desk.work()
    assert desk.shown() == []
    assert desk.slack.called()["chat.postMessage"] == 1


def test_only_those_who_did_not_answer_are_asked_again_for_what_is_missing(
    desk: Desk, clock: Clock
) -> None:
    desk.source.says = {**desk.source.says, Section.person: Outcome.provider_error}
    message = desk.card()
    assert "Retry missing sources" in str(message.blocks)
    desk.source.says = {**desk.source.says, Section.person: PERSON}
    desk.source.asked.clear()
    clock.move(minutes=5)
    desk.press(message, buttons.REFRESH)
    desk.work()
    assert {section for section, _ in desk.source.asked} == {"person"}
    assert "Head of Sales" in str(message.blocks)


def test_a_card_that_is_no_longer_kept_says_so(desk: Desk) -> None:
    message = desk.card()
    desk.service.intake.forget(JANE)
    desk.press(message, buttons.REFRESH)
    assert desk.told() == words.NOT_KEPT
    assert desk.jobs() == []


def test_when_the_allowance_is_spent_the_card_stays_and_it_is_told(
    make: Any, desk: Desk, clock: Clock
) -> None:
    message = desk.card()
    clock.move(minutes=5)
    desk.service.database.write(
        lambda db: [db.exec_driver_sql("UPDATE usage SET used = 100")]
    ).result()
    desk.press(message, buttons.REFRESH)
    assert "No look-ups left" in desk.told()
    assert len(desk.jobs()) == 1


# --- who may press


@pytest.mark.parametrize(
    ("action_id", "choice"),
    [
        (buttons.REFRESH, ""),
        (buttons.SHARE, ""),
        (buttons.FEEDBACK, "up"),
        (buttons.MORE, "wrong"),
        (buttons.MORE, "full"),
        (buttons.MORE, "delete"),
    ],
)
def test_somebody_of_another_workspace_is_refused(desk: Desk, action_id: str, choice: str) -> None:
    message = desk.card()
    desk.press(message, action_id, choice, user_team=OUTSIDER)
    assert desk.told() == words.FOREIGN
    desk.work()
    assert (len(desk.jobs()), desk.slack.views, desk.rows(Feedback)) == (1, [], [])
    assert desk.shown() == [message]


def test_a_job_of_somebody_else_cannot_be_named(desk: Desk) -> None:
    message = desk.card()
    secret = desk.service.settle("joe@initech.example")
    for block in message.blocks:
        for element in block.get("elements", ()):
            if element.get("action_id") == buttons.SHARE:
                element["value"] = secret.id
    desk.press(message, buttons.SHARE)
    assert desk.told() == words.NOT_KEPT


@pytest.mark.parametrize("action_id", [*buttons.ACTIONS, "of_another_version"])
def test_whatever_is_pressed_is_acknowledged(desk: Desk, action_id: str) -> None:
    element = {"type": "button", "action_id": action_id, "value": "rubbish:"}
    message = Message("D1", "1.5", "", [{"type": "actions", "elements": [element]}], {})
    desk.press(message, action_id)


def test_what_cannot_be_read_is_acknowledged_and_does_nothing(desk: Desk) -> None:
    body = b"payload=" + b'{"type":"block_actions","actions":[{"action_id":"prep_refresh"}]}'
    desk.send(body)
    assert desk.jobs() == []


# --- several people


def test_the_person_who_is_chosen_is_looked_up_in_the_same_message(
    desk: Desk, clock: Clock
) -> None:
    desk.source.says = {Section.person: several}
    message = desk.card("jr@initech.example")
    assert "2 people match" in message.text
    clock.move(minutes=5)
    desk.press(message, buttons.CHOOSE, f"{desk.jobs()[0].id}:0")
    desk.press(message, buttons.CHOOSE, f"{desk.jobs()[-1].id}:0")
    desk.work()
    [job, first] = desk.jobs()
    assert job.prospect.known.linkedin == "in/jane-roe-a"
    assert job.prospect.known.domain == first.prospect.known.domain
    assert desk.shown() == [message]


def test_somebody_without_a_profile_is_looked_up_by_name_and_company(
    desk: Desk, clock: Clock
) -> None:
    desk.source.says = {Section.person: several}
    message = desk.card("jr@initech.example")
    clock.move(minutes=5)
    desk.press(message, buttons.CHOOSE, f"{desk.jobs()[0].id}:1")
    assert str(desk.jobs()[0].prospect) == "Janet Roe, initech.example"


# --- another search


def test_the_search_is_edited_in_a_window_that_holds_what_was_asked(
    desk: Desk, clock: Clock
) -> None:
    company, desk.source.says = desk.source.says, {}
    message = desk.card("joe@globex.example")
    view = desk.opened(message, buttons.EDIT)
    [block] = [one for one in view["blocks"] if one["type"] == "input"]
    assert block["element"]["initial_value"] == "joe@globex.example"
    assert "globex" not in view["private_metadata"]
    desk.source.says = company
    clock.move(minutes=5)
    assert desk.submit(view, query="<https://initech.example|initech.example>") == {}
    desk.work()
    assert desk.jobs()[0].prospect.key == "domain:initech.example"
    assert desk.shown() == [message]
    assert "Initech" in message.text


@pytest.mark.parametrize("typed", ["nobody", "", "<script>@initech.example", "x" * 400])
def test_what_names_nobody_is_told_under_its_block_and_starts_nothing(
    desk: Desk, typed: str
) -> None:
    desk.source.says = {}
    view = desk.opened(desk.card(), buttons.EDIT)
    answer = desk.submit(view, query=typed)
    assert answer["response_action"] == "errors"
    assert list(answer["errors"]) == ["query"]
    assert 0 < len(answer["errors"]["query"]) <= 300
    assert len(desk.jobs()) == 1


def test_a_window_that_is_submitted_twice_is_one_job(desk: Desk, clock: Clock) -> None:
    desk.source.says = {}
    view = desk.opened(desk.card(), buttons.EDIT)
    clock.move(minutes=5)
    for _ in range(3):
        desk.submit(view, query="joe@initech.example")
        desk.work()
    assert len(desk.jobs()) == 2


def test_somebody_of_another_workspace_cannot_submit_a_window(desk: Desk) -> None:
    desk.source.says = {}
    view = desk.opened(desk.card(), buttons.EDIT)
    answer = desk.submit(view, query="joe@initech.example", user_team=OUTSIDER)
    assert answer["errors"] == {"query": words.FOREIGN}
    assert len(desk.jobs()) == 1


@pytest.mark.parametrize(
    "fault",
    [Fault(error="internal_error"), Fault(status=503), Fault(reset=True), Fault(retry_after=9)],
    ids=["error", "503", "reset", "429"],
)
def test_a_window_that_slack_does_not_open_does_not_spoil_the_answer(
    desk: Desk, fault: Fault
) -> None:
    message = desk.card()
    desk.slack.faults["views.open"] = [fault]
    desk.press(message, buttons.SHARE)
    assert desk.told() == words.NOT_OPENED


def test_a_press_that_comes_late_opens_no_window(desk: Desk) -> None:
    desk.press(desk.card(), buttons.SHARE, age_s=4.0)
    assert desk.told() == words.NOT_OPENED
    assert desk.slack.refused() == ["expired_trigger_id"]


# --- the wrong person


def test_the_wrong_person_is_taken_back_and_the_one_who_is_meant_comes_instead(
    desk: Desk, clock: Clock
) -> None:
    desk.source.says = {**desk.source.says, Section.person: {"person.full_name": "Jana Roth"}}
    message = desk.card("jr@initech.example")
    view = desk.opened(message, buttons.MORE, "wrong")
    assert "Jana Roth" in str(view["blocks"])
    assert "Jana" not in view["private_metadata"]
    clock.move(minutes=5)
    assert desk.submit(view) == {}
    desk.work()
    assert desk.shown() == [message]
    assert "Jana" not in message.text + str(message.blocks)
    assert "Initech" in message.text


def test_a_correction_that_cannot_be_read_takes_nothing_back(desk: Desk) -> None:
    message = desk.card()
    view = desk.opened(message, buttons.MORE, "wrong")
    assert desk.submit(view, query="nobody")["response_action"] == "errors"
    assert "Jane Roe" in str(desk.jobs()[0].card)


# --- reading, sharing, deleting


def test_full_details_open_in_a_window(desk: Desk) -> None:
    view = desk.opened(desk.card(), buttons.MORE, "full")
    assert "Jane Roe" in str(view["blocks"])
    assert "submit" not in view


def test_a_copy_goes_to_the_channel_that_is_chosen(desk: Desk) -> None:
    message = desk.card()
    view = desk.opened(message, buttons.SHARE)
    assert "personal data" in str(view["blocks"])
    for _ in range(2):
        answer = desk.submit(view, channel=CHANNEL)
        assert answer["response_action"] == "update"
        assert check_view(answer["view"]) == []
    targets = {row.target for row in desk.rows(Outbox) if row.state == "pending"}
    assert len(targets) == 1
    assert targets.pop().startswith(f"{TEAM}:{CHANNEL}+{USER}:share-")


@pytest.mark.parametrize("channel", [None, "D0JOE", "U0JOE", "C0:x"])
def test_a_copy_goes_only_to_a_channel(desk: Desk, channel: str | None) -> None:
    view = desk.opened(desk.card(), buttons.SHARE)
    assert desk.submit(view, channel=channel)["errors"] == {"channel": words.NO_CHANNEL}


def test_a_card_that_is_deleted_is_gone_and_stays_away(desk: Desk, clock: Clock) -> None:
    message = desk.card()
    clock.move(minutes=5)
    desk.press(message, buttons.REFRESH)
    desk.press(message, buttons.MORE, "delete")
    until(lambda: message.is_deleted)
    desk.work()
    assert desk.shown() == []
    assert desk.slack.called()["chat.postMessage"] == 1


def test_a_message_that_we_know_nothing_of_is_deleted_by_its_answers_address(desk: Desk) -> None:
    message = desk.card()
    desk.service.intake.forget(JANE)
    desk.service.database.write(lambda db: [db.exec_driver_sql("DELETE FROM posted")]).result()
    desk.press(message, buttons.MORE, "delete")
    until(lambda: message.is_deleted)
    assert "chat.delete" not in desk.slack.called()


def test_a_card_that_slack_does_not_delete_is_told(desk: Desk) -> None:
    message = desk.card()
    desk.slack.broken["chat.delete"] = "internal_error"
    desk.press(message, buttons.MORE, "delete")
    assert desk.told() == words.NOT_DELETED


# --- votes


def test_a_vote_is_kept_once_and_can_be_changed(desk: Desk) -> None:
    message = desk.card()
    for number, (choice, told) in enumerate((("up", words.THANKS), ("down", words.SORRY))):
        desk.press(message, buttons.FEEDBACK, choice)
        assert desk.told(number) == told
    [kept] = desk.rows(Feedback)
    assert kept.vote == "down"
    assert USER not in kept.voter
    [provider] = desk.service.intake.providers()
    assert (provider.helped, provider.not_helped) == (0, 1)


# --- CRM


def crm_card(job_id: str) -> Message:
    """Return a card as it is shown where a CRM is connected."""
    blocks = [{"type": "actions", "elements": [buttons.save_crm(job_id)]}]
    return Message("D1", "1.5", "", blocks, {})


def test_without_a_crm_it_is_told_what_to_do(desk: Desk) -> None:
    desk.card()
    desk.press(crm_card(desk.jobs()[0].id), buttons.SAVE_CRM)
    assert desk.told() == words.NO_CRM


CITY = Change(
    property="city",
    field="person.location.city",
    old="Paris",
    new="Berlin <HQ>",
    policy="propose",
    source="orbit",
    confidence=0.9,
    is_proposed=True,
)
RECORD = Ref("hubspot", Kind.person, "7")


@dataclass
class Crm:
    """Where one value is to be written; `why_not` is an error that comes in place of an answer."""

    why_not: str = ""
    saved: list[tuple[str, str]] = field(default_factory=list)

    def plan_now(self, who: Any, job_id: str) -> Saved:
        if self.why_not:
            raise NotReady(self.why_not)
        return Saved(RECORD, (CITY,), url="https://crm.example/7")

    def save_now(self, who: Any, job_id: str) -> Saved:
        self.saved.append((who.id, job_id))
        return Saved(RECORD, (CITY,), frozenset({"city"}), {"zip": "not a zip"})


def test_saving_shows_a_diff_and_writes_once_it_is_agreed_to(service: Any, source: Oracle) -> None:
    crm = Crm()
    with desk_of(service, source, crm) as desk:
        desk.card()
        [job] = desk.jobs()
        view = desk.opened(crm_card(job.id), buttons.SAVE_CRM)
        until(lambda: "Berlin &lt;HQ&gt;" in str(view["blocks"]))
        assert "~Paris~" in str(view["blocks"])
        assert crm.saved == []
        assert desk.submit(view)["response_action"] == "update"
        until(lambda: "1 value written" in str(view["blocks"]))
        assert "not a zip" in str(view["blocks"])
    assert crm.saved == [(f"slack_{TEAM}", job.id)]


def test_a_crm_that_cannot_be_asked_says_why_in_the_window(service: Any, source: Oracle) -> None:
    with desk_of(service, source, Crm("The CRM does not let us in.")) as desk:
        desk.card()
        view = desk.opened(crm_card(desk.jobs()[0].id), buttons.SAVE_CRM)
        until(lambda: "does not let us in" in str(view["blocks"]))
        assert "submit" not in view


def test_nobody_of_another_workspace_saves_a_card(service: Any, source: Oracle) -> None:
    crm = Crm()
    with desk_of(service, source, crm) as desk:
        desk.card()
        view = desk.opened(crm_card(desk.jobs()[0].id), buttons.SAVE_CRM)
        until(lambda: "submit" in view)
        told = desk.submit(view, user_team="T0OTHER")
        assert words.NOT_KEPT in str(told["view"]["blocks"])
    assert crm.saved == []


# --- shortcuts


def test_a_shortcut_opens_a_window_that_asks_for_several(desk: Desk) -> None:
    desk.send(shortcut(desk.slack, "prep_global"))
    until(lambda: desk.slack.views)
    [view] = desk.slack.views
    assert check_view(view) == []
    assert desk.submit(view, query=f"{JANE}; joe@initech.example") == {}
    desk.work()
    assert len(desk.shown()) == 2


def test_nothing_is_asked_for_while_a_part_of_what_was_typed_is_unreadable(desk: Desk) -> None:
    desk.send(shortcut(desk.slack, "prep_global"))
    until(lambda: desk.slack.views)
    for typed in (f"{JANE}; nobody", "", "; ".join(f"p{n}@initech.example" for n in range(6))):
        assert "query" in desk.submit(desk.slack.views[0], query=typed)["errors"]
    assert desk.jobs() == []


@pytest.mark.parametrize(
    ("text", "key"),
    [
        (f"Who calls <mailto:{JANE}|{JANE}> of <http://initech.example|initech.example>?", JANE),
        ("Have a look at <https://www.initech.example/team?x=1|this>, please", "initech.example"),
        (f"_{JANE}_ wrote &lt;again&gt;", JANE),
    ],
)
def test_the_person_that_a_message_names_is_looked_up(desk: Desk, text: str, key: str) -> None:
    desk.send(shortcut(desk.slack, "prep_message", text))
    assert "into your messages" in desk.told()
    assert [str(job.prospect) for job in desk.jobs()] == [key]


@pytest.mark.parametrize(
    ("text", "typed"),
    [
        ("Jane Roe, Initech", "Jane Roe, Initech"),
        (f"{JANE} and joe@initech.example", f"{JANE}; joe@initech.example"),
        ("", None),
        ("a long story " * 40, None),
    ],
)
def test_a_message_that_names_nobody_or_several_opens_the_window(
    desk: Desk, text: str, typed: str | None
) -> None:
    desk.send(shortcut(desk.slack, "prep_message", text))
    until(lambda: desk.slack.views)
    [block] = [one for one in desk.slack.views[0]["blocks"] if one["type"] == "input"]
    assert block["element"].get("initial_value") == typed
    assert desk.jobs() == []


# --- what is told to whom


@pytest.mark.parametrize(
    "url",
    [
        "https://hooks.slack.com.evil.example/x",
        "https://hooks.slack.com@evil.example/x",
        "file:///etc/passwd",
        "https://[bad",
        "",
    ],
)
def test_answers_go_to_slack_alone(url: str) -> None:
    with slack_served(Slack()) as slack, slack_served(Slack()) as stranger:
        window = SlackDesk(slack.url)
        message = Message("D1", "1.5", "", [], {})
        slack.messages.append(message)
        assert window.delete_original(slack.hook(message))
        assert not window.delete_original(stranger.hook(message))
        assert set(stranger.hooks.values()) == {5}
        assert not window.delete_original(url)


def test_nobody_is_named_in_the_log(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG", "warmcall")
    message = desk.card()
    desk.slack.faults["views.open"] = [Fault(error="internal_error")]
    desk.press(message, buttons.MORE, "wrong")
    desk.told()
    told = caplog.text + str([vars(one) for one in caplog.records])
    assert not any(word in told.lower() for word in ("jane.roe", "jane roe", "initech", "xoxb"))
