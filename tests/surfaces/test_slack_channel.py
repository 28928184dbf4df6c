"""Slack's channel: one message for each ask, whoever tries, however often, in whatever order."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

import httpx
import pytest

from app.delivery import EVENTS, PROGRESSED, STARTED, Address, Delivery, Posting, Receipt
from app.doors import DoorsKept
from app.errors import DeliveryFailed, DeliveryPutOff
from app.front import OPERATOR
from app.job import Status
from app.lookups import LookupsKept
from app.posted import PostingsKept
from app.provider import Answer, Request
from app.replies import RepliesKept
from app.views import Caller, JobView
from integrations.slack.addresses import ONLY_TEAM
from integrations.slack.api import Api
from integrations.slack.channel import SlackChannel
from integrations.slack.directory import Directory
from integrations.slack.posts import Posts, mark
from integrations.slack.reply import Reply
from tests.fakes.clock import Clock
from tests.fakes.slack import TEAM, TOKEN, Fault, Slack, slack_served
from tests.test_engine import COMPANY, JANE, PERSON, oracle

USER = "U0JANE"
TARGET = f"{TEAM}:{USER}:ask1"
DONE = EVENTS[Status.complete]


@dataclass(repr=False)
class Channel:
    """The channel of a worker on a real store, over real HTTP to a local Slack."""

    service: Any
    slack: Slack
    token: str = TOKEN
    rests: dict[str, datetime] = field(default_factory=dict)

    def of(self, owner: str) -> SlackChannel:
        database, clock = self.service.database, self.service.clock
        everyone = Caller(OPERATOR, OPERATOR, frozenset())
        api = Api(
            call=self.call,
            url=self.slack.url,
            doors=DoorsKept(database=database, now=clock),
            token=lambda team: self.token if team in {TEAM, ONLY_TEAM} else None,
        )
        return SlackChannel(
            posts=Posts(api=api, postings=PostingsKept(database=database, now=clock, owner=owner)),
            directory=Directory(api=api, lookups=LookupsKept(database=database, now=clock)),
            reply=Reply(call=self.call, api_url=self.slack.url, kept=self.replies),
            view=partial(self.service.intake.job, everyone),
            held=lambda team, user, now: self.rests.get(user),
            base_url="https://warmcall.example",
        )

    @property
    def replies(self) -> RepliesKept:
        return RepliesKept(database=self.service.database, now=self.service.clock)

    async def call(self, request: Request) -> Answer:
        """Send over real HTTP, as app/fetch.py does: a failure is an answer."""
        now = self.service.clock()
        async with httpx.AsyncClient(verify=False, trust_env=False) as client:
            try:
                got = await client.request(
                    request.method, request.url, content=request.content, headers=request.headers
                )
            except httpx.ConnectError:
                return Answer(0, {}, b"", request.url, now, failure="connect")
            except httpx.HTTPError:
                return Answer(0, {}, b"", request.url, now, failure="protocol")
        return Answer(got.status_code, dict(got.headers), got.content, request.url, now)

    def deliver(self, view: JobView, event: str = DONE, **options: str) -> Receipt:
        return asyncio.run(self.delivered(view, event, **options))

    async def delivered(
        self, view: JobView, event: str, owner: str = "worker_1", target: str = TARGET
    ) -> Receipt:
        sent = Delivery("msg_1", Address("slack", target), event, {"job_id": view.id})
        return await self.of(owner).deliver(sent, self.service.clock())

    def note(self, view: JobView, owner: str, **changes: Any) -> None:
        """Do what a worker has done when it dies in the midst of a call."""
        kept = self.of(owner).posts.postings

        async def note() -> None:
            posting = await kept.claim("slack", TARGET, view.id, view.created_at)
            assert posting is not None
            told = {name: getattr(posting, name) for name in Posting.__slots__}
            await kept.note(Posting(**{**told, **changes}))

        asyncio.run(note())

    def methods(self) -> list[str]:
        return [call.method for call in self.slack.calls]


@pytest.fixture
def service(make: Any, clock: Clock) -> Any:
    return make(oracle(clock, person=PERSON, company=COMPANY))


@pytest.fixture
def channel(service: Any) -> Iterator[Channel]:
    with slack_served(Slack(users={USER})) as slack:
        yield Channel(service, slack)


@pytest.fixture
def ended(channel: Channel) -> JobView:
    view: JobView = channel.service.settle(JANE)
    return view


@pytest.fixture
def live(channel: Channel) -> JobView:
    view: JobView = channel.service.ask(JANE)
    return view


def finish(channel: Channel) -> None:
    asyncio.run(channel.service.work())


def test_a_placeholder_becomes_the_card(channel: Channel, live: JobView) -> None:
    assert channel.deliver(live, STARTED).answer == "posted"
    finish(channel)
    assert channel.deliver(live).answer == "changed"
    assert channel.methods() == ["chat.postMessage", "chat.update"]
    [card] = channel.slack.shown(USER)
    assert "Preparing" not in card.text


def test_on_the_way_it_tells_once_what_is_known_so_far(
    make: Any, clock: Clock, channel: Channel
) -> None:
    late = oracle(clock, "late", person=PERSON)
    channel.service = make(oracle(clock, company=COMPANY), late)
    live = channel.service.ask(JANE)
    channel.deliver(live, STARTED)

    async def meanwhile() -> None:
        late.hold = asyncio.Event()
        working = asyncio.create_task(channel.service.work())
        while not channel.service.see(live).attempts:
            await asyncio.sleep(0)
        for answer in ("changed", "this or something newer is shown"):
            assert (await channel.delivered(live, PROGRESSED)).answer == answer
        late.hold.set()
        await working

    asyncio.run(meanwhile())
    assert "So far: " in str(channel.slack.shown(USER)[0].blocks)


def test_what_comes_late_changes_nothing(channel: Channel, live: JobView) -> None:
    finish(channel)
    channel.deliver(live)
    for event in (STARTED, PROGRESSED, DONE):
        channel.deliver(live, event)
    assert channel.methods() == ["chat.postMessage"]


def test_a_job_that_has_ended_needs_no_placeholder(channel: Channel, ended: JobView) -> None:
    channel.deliver(ended, STARTED)
    assert channel.methods() == []


def test_an_older_job_does_not_take_the_place_of_a_newer_one(
    channel: Channel, ended: JobView
) -> None:
    channel.service.clock.move(minutes=5)
    newer = channel.service.settle(JANE, refresh=True)
    channel.deliver(newer)
    channel.deliver(ended)
    assert channel.methods() == ["chat.postMessage"]
    channel.deliver(ended, target=f"{TEAM}:{USER}:ask2")
    channel.deliver(newer, target=f"{TEAM}:{USER}:ask2")
    assert channel.methods()[1:] == ["chat.postMessage", "chat.update"]


def test_two_tries_never_change_one_message_at_once(channel: Channel, ended: JobView) -> None:
    channel.note(ended, "worker_2")
    with pytest.raises(DeliveryPutOff):
        channel.deliver(ended)
    channel.service.sweep()  # nobody has heard of worker_2
    assert channel.deliver(ended).answer == "posted"


@pytest.mark.parametrize("is_there", [True, False])
def test_what_a_dead_worker_may_have_posted_is_looked_for_first(
    channel: Channel, ended: JobView, is_there: bool
) -> None:
    channel.note(ended, "worker_2", state="sending")
    if is_there:
        about = f'{{"event_type":"prep_card","event_payload":{{"mark":"{mark(TARGET)}"}}}}'
        posted = {"channel": USER, "text": "Preparing", "metadata": about}
        channel.slack.answer("chat.postMessage", TOKEN, posted)
        channel.slack.calls.clear()
    channel.service.sweep()
    channel.deliver(ended)
    last = "chat.update" if is_there else "chat.postMessage"
    assert channel.methods() == ["conversations.open", "conversations.history", last]
    assert len(channel.slack.shown(USER)) == 1


def test_when_slack_cannot_be_reached_nothing_is_looked_for_later(
    channel: Channel, ended: JobView
) -> None:
    url, channel.slack.url = channel.slack.url, "http://127.0.0.1:9/api"
    with pytest.raises(DeliveryFailed) as caught:
        channel.deliver(ended)
    assert not caught.value.final
    channel.slack.url = url
    channel.deliver(ended)
    assert channel.methods() == ["chat.postMessage"]


def test_slacks_wish_to_wait_holds_for_all_workers(channel: Channel, ended: JobView) -> None:
    channel.slack.faults["chat.postMessage"] = [Fault(retry_after=30)]
    with pytest.raises(DeliveryPutOff) as caught:
        channel.deliver(ended)
    assert 30 <= caught.value.wait_s < 31
    with pytest.raises(DeliveryPutOff):
        channel.deliver(ended, owner="worker_2", target=f"{TEAM}:{USER}:ask2")
    assert channel.methods() == ["chat.postMessage"]


def test_what_slack_cannot_show_is_said_in_a_line_and_counts_as_failed(
    channel: Channel, live: JobView
) -> None:
    channel.deliver(live, STARTED)
    finish(channel)
    channel.slack.faults["chat.update"] = [Fault(error="invalid_blocks")]
    with pytest.raises(DeliveryFailed) as caught:
        channel.deliver(live)
    assert caught.value.final
    [card] = channel.slack.shown(USER)
    assert (card.blocks, "Preparing" in card.text) == ([], False)


def test_what_was_refused_a_moment_ago_is_not_tried_again(channel: Channel, live: JobView) -> None:
    channel.slack.broken["chat.postMessage"] = "messages_tab_disabled"
    for event in (STARTED, DONE):
        with pytest.raises(DeliveryFailed, match="messages_tab_disabled"):
            channel.deliver(live, event)
        finish(channel)
    assert channel.methods() == ["chat.postMessage"]
    del channel.slack.broken["chat.postMessage"]
    channel.service.clock.move(minutes=2)
    assert channel.deliver(live).answer == "posted"


def test_a_message_that_was_taken_away_stays_away(channel: Channel, live: JobView) -> None:
    channel.deliver(live, STARTED)
    channel.slack.shown(USER)[0].is_deleted = True
    finish(channel)
    assert channel.deliver(live).answer == "message_not_found"
    assert channel.slack.shown(USER) == []


def test_a_workspace_without_a_token_is_not_called(channel: Channel, ended: JobView) -> None:
    with pytest.raises(DeliveryFailed, match="no_installation") as caught:
        channel.deliver(ended, target=f"T0OTHER:{USER}:ask1")
    assert caught.value.final
    assert channel.methods() == []


@pytest.mark.parametrize(
    ("status", "body"), [(200, b"<html>"), (200, b"[]"), (200, b'{"ok":"yes"}'), (302, b"")]
)
def test_an_answer_that_is_none_of_slacks_leaves_the_call_in_doubt(
    channel: Channel, ended: JobView, status: int, body: bytes
) -> None:
    async def strange(request: Request) -> Answer:
        return Answer(status, {}, body, request.url, channel.service.clock())

    channel.call = strange  # type: ignore[method-assign] # a Slack that is not the local one
    with pytest.raises(DeliveryFailed) as caught:
        channel.deliver(ended)
    assert (caught.value.final, caught.value.undone) == (False, False)


def test_neither_token_nor_person_shows_in_what_may_be_logged(
    channel: Channel, ended: JobView
) -> None:
    channel.token = "xoxb-another"
    with pytest.raises(DeliveryFailed, match="invalid_auth") as caught:
        channel.deliver(ended)
    told = f"{caught.value!r} {caught.value} {channel.of('worker_1')!r}"
    assert "xoxb" not in told
    assert "jane" not in told
