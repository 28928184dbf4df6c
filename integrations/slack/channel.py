"""Keeps one message up to date: a placeholder, at most one change on the way, then the card.

An address is one message (addresses.py says where). No older card takes the place of a newer one,
whichever worker tries, and however often. A card that cannot be posted anywhere is said where it
was asked for, as long as Slack lets us; one of somebody who was erased is taken back.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from time import perf_counter
from typing import ClassVar

from app.alerts import ALERT
from app.crm_plan import Change
from app.delivery import ERASED, FOLLOWED, PROGRESSED, STARTED, Delivery, Posting, Receipt
from app.errors import DeliveryFailed, DeliveryPutOff, NotFound
from app.views import JobView
from integrations.slack import changes
from integrations.slack.addresses import CHANNEL, Place, is_user
from integrations.slack.api import HALF, WHOLE, refusal
from integrations.slack.directory import STRANGER, Directory
from integrations.slack.posts import UNSHOWABLE, Posts
from integrations.slack.render import Links, Message, card, erased, loading, shared, trouble
from integrations.slack.reply import Reply

BUSY_S = 0.5
"""How long to wait for whoever changes the same message now."""

LATELY = timedelta(seconds=60)
"""A message that Slack refused is not tried again for so long: the reason will be the same."""

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
"""When the job was asked for that is shown where nothing is."""

CLOSED = frozenset(
    {
        STRANGER,
        "channel_not_found",
        "is_archived",
        "messages_tab_disabled",
        "not_in_channel",
        "restricted_action",
        "user_not_found",
    }
)
"""Errors of a posting for which the next way is tried."""

Held = Callable[[str, str, datetime], datetime | None]
"""A workspace, a user and the time -> until when no card comes that nobody asked for."""


@dataclass(frozen=True, slots=True)
class Showing:
    """A message and where it goes; `part` of the pace is what it may use."""

    place: Place
    message: Message
    part: float
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SlackChannel:
    """Messages to users and conversations. `view` reads a job; all callables may block a little."""

    posts: Posts
    directory: Directory
    reply: Reply
    view: Callable[[str], JobView] = field(repr=False)
    takes_unasked: Callable[[str, str], bool] = field(repr=False)
    held: Held = field(repr=False)
    links: Callable[[JobView], Links] = field(repr=False)
    proposals: Callable[[str], Sequence[Change]] = field(repr=False)

    name: ClassVar[str] = CHANNEL
    back_off_s: ClassVar[Sequence[float]] = (0, 1, 2, 5, 15, 60, 300, 900, 1_800, 3_600)

    async def deliver(self, delivery: Delivery, now: datetime) -> Receipt:
        """Show how things are now. Raises DeliveryFailed, and DeliveryPutOff for its turn."""
        started, target = perf_counter(), delivery.address.target
        place, postings = Place.parse(target), self.posts.postings
        job_id = str(delivery.body.get("job_id", ""))
        posting = await postings.claim(self.name, target, job_id, LONG_AGO)
        if posting is None:
            raise DeliveryPutOff("another try is at this message", BUSY_S)
        try:
            told = await self._told(posting, place, delivery, now)
        except DeliveryPutOff:
            if delivery.event != PROGRESSED:
                raise
            told = "no turn for a mere step"
        finally:
            await postings.let_go(self.name, target)
        return Receipt(200, round(1000 * (perf_counter() - started)), told)

    async def _told(self, posting: Posting, place: Place, delivery: Delivery, now: datetime) -> str:
        """Do what an event asks for with the message that is held."""
        if delivery.event == ERASED:
            return await self._taken_back(posting, place)
        if delivery.event == ALERT:
            showing = Showing(place, trouble(str(delivery.body.get("words", ""))), WHOLE, now)
            return await self._put(replace(posting, version=1), posting, showing)
        view = await self._seen(posting, delivery, now)
        return await self._shown(posting, place, view, delivery.event, now)

    async def _seen(self, posting: Posting, delivery: Delivery, now: datetime) -> JobView:
        """Return the job, as a cached copy when it is no longer fresh.

        It is read when the message is held already: who erases a job sees that it may be posted.
        """
        try:
            view = await asyncio.to_thread(self.view, str(delivery.body.get("job_id")))
        except NotFound as exc:
            if posting.state == "new":
                await self.posts.postings.drop(self.name, posting.target)
            raise DeliveryFailed("there is no such job (any more)", final=True) from exc
        is_stale = view.fresh_until is not None and view.fresh_until <= now
        return replace(view, served_from="stale_cache") if is_stale else view

    async def _shown(
        self, posting: Posting, place: Place, view: JobView, event: str, now: datetime
    ) -> str:
        if why_not := _nothing_to_show(posting, view, event):
            return why_not
        part = HALF if event in FOLLOWED else WHOLE
        showing = Showing(place, self._message(view, place, now), part, now)
        shown = replace(
            posting,
            job_id=view.id,
            job_at=view.created_at,
            version=view.version,
            owes=not view.is_final,
        )
        try:
            return await self._put(shown, posting, showing)
        except DeliveryFailed as exc:
            if not (view.is_final and await self._replied(exc, showing)):
                raise
            await self.posts.postings.note(replace(shown, state="refused", reason=exc.word))
            return "answered where it was asked"

    def _message(self, view: JobView, place: Place, now: datetime) -> Message:
        if not view.is_final:
            return loading(view, str(view.prospect))
        if place.is_share:
            return shared(view, now)
        if place.is_proposal:
            return changes.proposal(view, self.proposals(view.id))
        return card(view, self.links(view), now)

    async def _put(self, shown: Posting, posting: Posting, showing: Showing) -> str:
        """Have a message show this: `shown` is what `posting` is then."""
        if posting.state == "refused" and showing.now - posting.at < LATELY:
            raise refusal(posting.reason)
        team = await self.directory.team(showing.place.team)
        if posting.state == "sending":
            found = await self._looked_for(posting, showing.place, team)
            shown = replace(shown, state=found.state, place=found.place, ref=found.ref)
        if shown.state == "posted":
            return await self.posts.change(shown, team, showing.message, showing.part)
        return await self._post(shown, team, showing)

    async def _looked_for(self, posting: Posting, place: Place, team: str) -> Posting:
        to = posting.place or await self.directory.id(team, place.ways[0])
        return await self.posts.look_for(replace(posting, place=to), team)

    async def _post(self, shown: Posting, team: str, showing: Showing) -> str:
        """Post it by the first way that is open."""
        *others, last = showing.place.ways
        for way in others:
            try:
                return await self._post_by(way, shown, team, showing)
            except DeliveryFailed as exc:
                if exc.word not in CLOSED:
                    raise
            await self.posts.postings.note(replace(shown, state="new", version=0))
        return await self._post_by(last, shown, team, showing)

    async def _post_by(self, way: str, shown: Posting, team: str, showing: Showing) -> str:
        to = await self.directory.id(team, way)
        if showing.place.is_unasked and is_user(to):
            await self._not_at_rest(team, to, showing.now)
        return await self.posts.post(shown, team, to, showing.message, showing.part)

    async def _not_at_rest(self, team: str, user: str, now: datetime) -> None:
        """Raise DeliveryPutOff while a user is not to be disturbed, DeliveryFailed if for good."""
        if not await asyncio.to_thread(self.takes_unasked, team, user):
            raise refusal("unwanted")
        until = await asyncio.to_thread(self.held, team, user, now)
        if until and until > now:
            raise DeliveryPutOff("the user has quiet hours", (until - now).total_seconds())

    async def _replied(self, exc: DeliveryFailed, showing: Showing) -> bool:
        """Say it where it was asked for, if it will never be posted."""
        if not (exc.final and exc.undone) or exc.word in UNSHOWABLE:
            return False
        return await self.reply.say(showing.place.mark, showing.message)

    async def _taken_back(self, posting: Posting, place: Place) -> str:
        """Replace what is posted by a line, and forget that it was."""
        team = await self.directory.team(place.team)
        if posting.state == "sending":
            posting = await self._looked_for(posting, place, team)
        told = "nothing is posted"
        if posting.state == "posted":
            told = await self.posts.change(posting, team, erased())
        await self.posts.postings.drop(self.name, posting.target)
        return told


def _nothing_to_show(posting: Posting, view: JobView, event: str) -> str:
    """Say why an event leads to no call; empty when it does."""
    if posting.state == "gone":
        return "the message was taken away"
    if (posting.job_at, posting.version) >= (view.created_at, view.version):
        return "this or something newer is shown"
    if event in {STARTED, PROGRESSED} and view.is_final:
        return "the card follows"
    if event == STARTED and posting.state == "posted":
        return "posted already"
    if event == PROGRESSED and (posting.state != "posted" or not view.attempts):
        return "nothing new to show"
    return ""
