"""Slack's channel: one message for each ask, whoever tries, however often, in whatever order."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select
from sqlmodel import col

from app.alerts import ALERT
from app.crm_plan import Change
from app.delivery import ERASED, EVENTS, PROGRESSED, STARTED, Address, Delivery, Posting, Receipt
from app.doors import DoorsKept
from app.errors import DeliveryFailed, DeliveryPutOff, NotFound
from app.front import OPERATOR
from app.job import Status
from app.lookups import LookupsKept
from app.posted import PostingsKept
from app.provider import Answer, Request
from app.replies import RepliesKept
from app.retention import Retention
from app.tables import Outbox, Posted, ReplyUrl
from app.views import Caller, JobView
from integrations.slack.addresses import (
    ONLY_TEAM,
    Place,
    to_channel,
    to_mail,
    to_operators,
)
from integrations.slack.api import Api
from integrations.slack.channel import SlackChannel
from integrations.slack.directory import Directory
from integrations.slack.posts import Posts, mark
from integrations.slack.render import Links
from integrations.slack.reply import Reply
from integrations.slack.verify import HOOKS, is_slacks
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
    proposed: list[Change] = field(default_factory=list)
    unwilling: set[str] = field(default_factory=set)

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
            takes_unasked=lambda team, user: user not in self.unwilling,
            held=lambda team, user, now: self.rests.get(user),
            proposals=lambda job_id: self.proposed,
            links=lambda view: Links(f"https://warmcall.example/card/{view.card_token}"),
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


# --- where it goes


MAIL = "jane.roe@acme.example"
CHANNEL = "C0SALES"


@pytest.mark.parametrize(
    ("target", "ways"),
    [
        ("T0ACME:U0JANE:1f", ("U0JANE",)),
        ("T0ACME:W0JANE:1f", ("W0JANE",)),
        ("-:C0SALES:event-1", ("C0SALES",)),
        ("T0ACME:C0SALES+U0JANE:1f", ("C0SALES", "U0JANE")),
        ("T0ACME:mail=jane+crm@acme.example:event-1", ("mail=jane+crm@acme.example",)),
        ("T0ACME:mail=a+U1@acme.example+C0SALES:e", ("mail=a+U1@acme.example", "C0SALES")),
    ],
)
def test_a_target_is_read_as_the_ways_to_a_place(target: str, ways: tuple[str, ...]) -> None:
    assert Place.parse(target).ways == ways


@pytest.mark.parametrize(
    "target",
    ["", "T0ACME:U0JANE", "T0ACME:u0jane:1", "T0ACME:mail=jane:1", "T0ACME:C0+mail=a@b.example:1"],
)
def test_a_target_that_is_no_place_fails_for_good(
    channel: Channel, ended: JobView, target: str
) -> None:
    with pytest.raises(DeliveryFailed, match="no place") as caught:
        channel.deliver(ended, target=target)
    assert caught.value.final


def test_what_is_built_for_others_is_read_back() -> None:
    for built, ways in (
        (to_mail(TEAM, MAIL, "m-1", CHANNEL), (f"mail={MAIL}", CHANNEL)),
        (to_channel(TEAM, CHANNEL, "m-1", USER), (CHANNEL, USER)),
    ):
        place = Place.parse(built.target)
        assert (place.ways, place.mark, place.is_unasked) == (ways, "event-m-1", True)


def test_a_colleague_is_found_by_address_and_asked_for_once_a_day(
    channel: Channel, ended: JobView
) -> None:
    channel.slack.mails[MAIL] = USER
    for number in range(2):
        channel.deliver(ended, target=to_mail(TEAM, MAIL.title(), f"m{number}").target)
    assert channel.methods().count("users.lookupByEmail") == 1
    assert len(channel.slack.shown(USER)) == 2
    channel.service.clock.move(hours=24)
    channel.deliver(ended, target=to_mail(TEAM, MAIL, "m2").target)
    assert channel.methods().count("users.lookupByEmail") == 2


def test_a_stranger_is_asked_for_once_an_hour_and_the_card_goes_to_the_team(
    channel: Channel, ended: JobView
) -> None:
    channel.slack.channels[CHANNEL] = ""
    for number in range(2):
        channel.deliver(ended, target=to_mail(TEAM, MAIL, f"m{number}", CHANNEL).target)
    with pytest.raises(DeliveryFailed, match="users_not_found") as caught:
        channel.deliver(ended, target=to_mail(TEAM, MAIL, "m2").target)
    assert caught.value.final
    assert channel.methods().count("users.lookupByEmail") == 1
    assert len(channel.slack.said_in(CHANNEL)) == 2
    channel.service.clock.move(hours=1)
    channel.slack.mails[MAIL] = USER
    assert channel.deliver(ended, target=to_mail(TEAM, MAIL, "m2").target).answer == "posted"


def test_an_event_that_comes_twice_is_one_card(channel: Channel, ended: JobView) -> None:
    channel.deliver(ended, target=f"{TEAM}:{USER}:event-deal-7")
    channel.service.clock.move(minutes=5)
    newer = channel.service.settle(JANE, refresh=True)
    channel.deliver(newer, target=f"{TEAM}:{USER}:event-deal-7")
    assert channel.methods() == ["chat.postMessage", "chat.update"]


def test_the_only_workspace_is_found_out_once(channel: Channel, ended: JobView) -> None:
    for number in range(2):
        channel.deliver(ended, target=f"{ONLY_TEAM}:{USER}:event-m{number}")
    assert channel.methods() == ["auth.test", "chat.postMessage", "chat.postMessage"]


@pytest.mark.parametrize(
    "why", ["not_in_channel", "channel_not_found", "is_archived", "restricted_action"]
)
def test_what_a_channel_does_not_take_comes_to_the_rep(
    channel: Channel, live: JobView, why: str
) -> None:
    channel.slack.channels[CHANNEL] = why
    target = f"{TEAM}:{CHANNEL}+{USER}:ask1"
    channel.deliver(live, STARTED, target=target)
    finish(channel)
    assert channel.deliver(live, target=target).answer == "changed"
    [card] = channel.slack.shown(USER)
    assert "Preparing" not in card.text


def test_a_way_that_is_closed_is_no_refusal_while_another_is_open(
    channel: Channel, ended: JobView
) -> None:
    channel.slack.channels[CHANNEL] = "is_archived"
    target = f"{TEAM}:{CHANNEL}+{USER}:event-1"
    channel.rests[USER] = channel.service.clock() + timedelta(seconds=20)
    with pytest.raises(DeliveryPutOff):
        channel.deliver(ended, target=target)
    channel.service.clock.move(seconds=21)
    assert channel.deliver(ended, target=target).answer == "posted"


@pytest.mark.parametrize(
    ("prefix", "has_buttons"), [("share-", False), ("event-", True)], ids=["share", "event"]
)
def test_a_share_has_nothing_to_press_and_a_teams_card_has(
    channel: Channel, ended: JobView, prefix: str, has_buttons: bool
) -> None:
    channel.slack.channels[CHANNEL] = ""
    channel.deliver(ended, target=f"{TEAM}:{CHANNEL}:{prefix}1")
    [card] = channel.slack.said_in(CHANNEL)
    assert ("actions" in {block["type"] for block in card.blocks}) is has_buttons


def test_a_channel_that_may_not_be_read_gets_what_was_in_doubt_again(
    channel: Channel, ended: JobView
) -> None:
    channel.slack.channels[CHANNEL] = ""
    channel.slack.faults["chat.postMessage"] = [Fault(reset=True)]
    target = f"{TEAM}:{CHANNEL}:event-1"
    with pytest.raises(DeliveryFailed):
        channel.deliver(ended, target=target)
    assert channel.deliver(ended, target=target).answer == "posted"
    assert channel.methods()[1:] == ["conversations.history", "chat.postMessage"]
    assert len(channel.slack.said_in(CHANNEL)) == 1


def test_a_proposal_shows_what_would_be_written_and_asks_for_consent(
    channel: Channel, ended: JobView
) -> None:
    channel.slack.channels[CHANNEL] = ""
    title = Change("jobtitle", "person.title", "<Boss>", "VP of Sales", "propose", source="orbit")
    channel.proposed.append(replace(title, confidence=0.9))
    channel.deliver(ended, target=f"{TEAM}:{CHANNEL}:propose-1")
    [asked] = channel.slack.said_in(CHANNEL)
    assert "~&lt;Boss&gt;~ → *VP of Sales* (orbit, 90% sure)" in asked.blocks[0]["text"]["text"]
    assert asked.blocks[1]["elements"][0]["action_id"] == "save_crm"


# --- quiet hours


def test_what_nobody_asked_for_waits_until_a_user_has_rested(
    channel: Channel, ended: JobView
) -> None:
    channel.rests[USER] = channel.service.clock() + timedelta(hours=2)
    target = f"{TEAM}:{USER}:event-deal-7"
    with pytest.raises(DeliveryPutOff) as caught:
        channel.deliver(ended, target=target)
    assert caught.value.wait_s == 7_200
    assert channel.deliver(ended).answer == "posted"  # this one they have asked for
    channel.service.clock.move(hours=2)
    assert channel.deliver(ended, target=target).answer == "posted"


def test_who_wants_no_such_cards_gets_only_what_they_asked_for(
    channel: Channel, ended: JobView
) -> None:
    channel.unwilling.add(USER)
    with pytest.raises(DeliveryFailed) as caught:
        channel.deliver(ended, target=f"{TEAM}:{USER}:event-deal-7")
    assert (caught.value.final, caught.value.word) == (True, "unwanted")
    assert channel.deliver(ended).answer == "posted"


@pytest.mark.parametrize("place", [MAIL, CHANNEL])
def test_operators_hear_of_trouble_at_once(channel: Channel, place: str) -> None:
    channel.slack.channels[CHANNEL] = ""
    channel.slack.mails[MAIL] = USER
    channel.rests[USER] = channel.service.clock() + timedelta(hours=2)
    target = to_operators(place, "1").target
    sent = Delivery("msg_1", Address("slack", target), ALERT, {"words": "The <disk> is full."})
    asyncio.run(channel.of("worker_1").deliver(sent, channel.service.clock()))
    [told] = channel.slack.messages
    assert "The &lt;disk&gt; is full." in told.text


# --- answered where it was asked


def refused_at(channel: Channel, url: str, word: str = "messages_tab_disabled") -> None:
    channel.replies.keep("ask1", url)
    channel.slack.broken["chat.postMessage"] = word


def test_a_card_that_cannot_be_posted_is_said_where_it_was_asked(
    channel: Channel, live: JobView
) -> None:
    url = channel.slack.reply_url()
    refused_at(channel, url)
    with pytest.raises(DeliveryFailed, match="messages_tab_disabled"):
        channel.deliver(live, STARTED)  # a placeholder there could not be changed
    finish(channel)
    for answer in ("answered where it was asked", "this or something newer is shown"):
        assert channel.deliver(live).answer == answer
    [said] = channel.slack.replied(url)
    assert said["response_type"] == "ephemeral"
    assert said["blocks"]
    assert channel.methods() == ["chat.postMessage"]


def test_a_reply_that_was_lost_is_given_again(channel: Channel, ended: JobView) -> None:
    refused_at(channel, "http://127.0.0.1:9/hooks/commands/1")
    worker = channel.of("worker_1")
    nobody = replace(worker.reply, api_url="http://127.0.0.1:9/api")
    sent = Delivery("msg_1", Address("slack", TARGET), DONE, {"job_id": ended.id})
    with pytest.raises(DeliveryFailed, match="no answer to the reply") as caught:
        asyncio.run(replace(worker, reply=nobody).deliver(sent, channel.service.clock()))
    assert not caught.value.final


@pytest.mark.parametrize("ends", ["too late", "used up", "refused"])
def test_a_reply_that_is_of_no_use_any_more_leaves_the_failure(
    channel: Channel, ended: JobView, ends: str
) -> None:
    url = channel.slack.reply_url()
    refused_at(channel, url)
    if ends == "too late":
        channel.service.clock.move(minutes=31)
    elif ends == "refused":
        next(iter(channel.slack.replies.values())).fault = "used_url"
    else:
        for _ in range(5):
            asyncio.run(taken(channel))
    with pytest.raises(DeliveryFailed, match="messages_tab_disabled") as caught:
        channel.deliver(ended)
    assert caught.value.final
    assert channel.slack.replied(url) == []
    assert kept_urls(channel) == []


async def taken(channel: Channel) -> str | None:
    return await channel.replies.take("ask1")


def kept_urls(channel: Channel) -> list[str]:
    found = select(col(ReplyUrl.url))
    urls: list[str] = channel.service.database.read(lambda db: db.execute(found).scalars().all())
    return list(urls)


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.slack.com/commands/1",
        "https://hooks.slack.com.other.example/1",
        "https://hooks.slack.com@other.example/1",
        "https://user@hooks.slack.com/1",
        "https://hooks.slack.com:8443/1",
        "http://127.0.0.1:1/hooks/1",
        "http://[::1/hooks/1",
        "file:///etc/hostname",
    ],
)
def test_no_reply_goes_to_who_is_not_slack(channel: Channel, ended: JobView, url: str) -> None:
    refused_at(channel, url)
    with pytest.raises(DeliveryFailed, match="messages_tab_disabled"):
        channel.deliver(ended)
    assert not is_slacks(url, HOOKS, "https://slack.com/api")


def test_the_url_of_a_reply_shows_nowhere(
    channel: Channel, ended: JobView, caplog: pytest.LogCaptureFixture
) -> None:
    url = channel.slack.reply_url()
    refused_at(channel, url)
    channel.service.clock.move(minutes=1)
    next(iter(channel.slack.replies.values())).fault = "used_url"
    with pytest.raises(DeliveryFailed) as caught:
        channel.deliver(ended)
    assert "/hooks/" not in f"{caught.value!r} {channel.replies!r} {caplog.text}"


# --- taken back


def erase(channel: Channel) -> list[str]:
    """Erase the person as an operator does; return where something has to be taken back."""
    channel.service.intake.forget(JANE)
    found = select(col(Outbox.target)).where(col(Outbox.event) == ERASED)
    return list(channel.service.database.read(lambda db: db.execute(found).scalars().all()))


def take_back(channel: Channel, target: str, owner: str = "worker_1") -> str:
    sent = Delivery("msg_2", Address("slack", target), ERASED, {})
    return asyncio.run(channel.of(owner).deliver(sent, channel.service.clock())).answer


def postings(channel: Channel) -> int:
    found = select(func.count()).select_from(Posted)
    return int(channel.service.database.read(lambda db: db.execute(found).scalar_one()))


def test_who_is_erased_vanishes_from_every_conversation(channel: Channel, ended: JobView) -> None:
    channel.slack.channels[CHANNEL] = ""
    share = f"{TEAM}:{CHANNEL}:share-1"
    for target in (TARGET, share):
        channel.deliver(ended, target=target)
    assert sorted(erase(channel)) == sorted([TARGET, share])
    channel.slack.faults["chat.update"] = [Fault(status=503)]
    with pytest.raises(DeliveryFailed) as caught:
        take_back(channel, TARGET)
    assert not caught.value.final
    for target in (TARGET, share):
        assert take_back(channel, target) == "changed"
    for message in (*channel.slack.shown(USER), *channel.slack.said_in(CHANNEL)):
        assert (message.text, "jane" in str(message.blocks).lower()) == (
            "Removed on request.",
            False,
        )
    assert postings(channel) == 0


def test_a_card_that_its_reader_deleted_needs_no_taking_back(
    channel: Channel, ended: JobView
) -> None:
    channel.deliver(ended)
    channel.slack.shown(USER)[0].is_deleted = True
    erase(channel)
    assert take_back(channel, TARGET) == "message_not_found"
    assert postings(channel) == 0


def test_what_may_have_been_posted_is_looked_for_and_taken_back(
    channel: Channel, ended: JobView
) -> None:
    channel.slack.faults["chat.postMessage"] = [Fault(reset=True, after=True)]
    with pytest.raises(DeliveryFailed):
        channel.deliver(ended)
    erase(channel)
    assert take_back(channel, TARGET) == "changed"
    assert channel.slack.shown(USER)[0].text == "Removed on request."


def test_a_card_on_its_way_while_its_person_is_erased_is_taken_back(
    channel: Channel, ended: JobView
) -> None:
    worker, erased = channel.of("worker_1"), []

    def view(job_id: str) -> JobView:
        found = worker.view(job_id)
        erased.extend(erase(channel))
        return found

    sent = Delivery("msg_1", Address("slack", TARGET), DONE, {"job_id": ended.id})
    asyncio.run(replace(worker, view=view).deliver(sent, channel.service.clock()))
    assert erased == [TARGET]
    assert take_back(channel, TARGET) == "changed"
    assert channel.slack.shown(USER)[0].text == "Removed on request."


def test_of_a_person_who_was_erased_nothing_more_is_posted(
    channel: Channel, ended: JobView
) -> None:
    erase(channel)
    with pytest.raises(DeliveryFailed, match="no such job"):
        channel.deliver(ended)
    assert (channel.methods(), postings(channel)) == ([], 0)


# --- placeholders that nobody looks after


def test_a_placeholder_whose_card_was_given_up_is_brought_up_to_date_later(
    channel: Channel, live: JobView
) -> None:
    channel.deliver(live, STARTED)
    finish(channel)
    channel.service.sweep()
    assert behind(channel) == []
    channel.service.clock.move(minutes=11)
    channel.service.sweep()
    channel.service.sweep()
    assert behind(channel) == [TARGET]
    assert channel.deliver(live).answer == "changed"


def test_one_that_slack_will_never_change_is_left_alone(channel: Channel, live: JobView) -> None:
    channel.deliver(live, STARTED)
    finish(channel)
    channel.slack.broken["chat.update"] = "channel_not_found"
    with pytest.raises(DeliveryFailed):
        channel.deliver(live)
    channel.service.clock.move(minutes=11)
    channel.service.sweep()
    assert behind(channel) == []


def behind(channel: Channel) -> list[str]:
    """Return which messages the keeper has had brought up to date."""
    found = select(col(Outbox.target)).where(col(Outbox.caller_id) == OPERATOR)
    return list(channel.service.database.read(lambda db: db.execute(found).scalars().all()))


def test_a_job_stays_until_its_message_shows_how_it_ended(channel: Channel, live: JobView) -> None:
    channel.deliver(live, STARTED)
    finish(channel)
    old = Retention(jobs=timedelta(days=1), people=timedelta(days=1), events=timedelta(days=1))
    channel.service.clock.move(days=2)
    clean(channel, old)
    assert channel.deliver(live).answer == "changed"
    channel.service.clock.move(days=2)
    clean(channel, old)
    assert postings(channel) == 0
    with pytest.raises(NotFound):
        channel.service.see(live)


def clean(channel: Channel, old: Retention) -> None:
    now = channel.service.clock()
    channel.service.database.write(lambda db: old.clean(db, now)).result()


# --- pace


def test_placeholders_leave_half_of_the_pace_to_cards(channel: Channel, live: JobView) -> None:
    users = [f"U{number}" for number in range(12)]
    channel.slack.users |= set(users)
    for user in users[:10]:
        channel.deliver(live, STARTED, target=f"{TEAM}:{user}:1")
    with pytest.raises(DeliveryPutOff):
        channel.deliver(live, STARTED, target=f"{TEAM}:{users[10]}:1")
    finish(channel)
    assert channel.deliver(live, target=f"{TEAM}:{users[11]}:1").answer == "posted"
