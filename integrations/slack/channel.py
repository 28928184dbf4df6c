"""Keeps one message up to date: a placeholder, at most one change on the way, then the card.

The address `team:user:ask` is one message, in the user's own conversation with the app. What is
posted is noted before and after each call, so that nothing is posted twice and no older card
takes the place of a newer one, whichever worker tries, and however often.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from hashlib import sha256
from time import perf_counter
from typing import Any, ClassVar

from app.delivery import PROGRESSED, STARTED, Delivery, Posting, Postings, Receipt
from app.errors import DeliveryFailed, DeliveryPutOff, NotFound
from app.views import JobView
from integrations.slack.api import Api, Object, refusal
from integrations.slack.render import Links, Message, card, loading

BUSY_S = 0.5
"""How long to wait for whoever changes the same message now."""

LATELY = timedelta(seconds=60)
"""A message that Slack refused is not tried again for so long: the reason will be the same."""

LOOK_BACK = 50
"""Messages of a conversation among which one is looked for that may have been posted."""

EVENT_TYPE = "prep_card"

TAKEN_AWAY = frozenset({"message_not_found", "cant_update_message", "edit_window_closed"})
"""Errors of a change that mean: leave the message be, and post no other."""

UNSHOWABLE = frozenset({"invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long"})
"""Errors that a message without blocks does not have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SlackChannel:
    """Users' conversations with the app. `view` reads a job and may block for milliseconds."""

    api: Api
    postings: Postings
    view: Callable[[str], JobView] = field(repr=False)
    base_url: str

    name: ClassVar[str] = "slack"
    back_off_s: ClassVar[Sequence[float]] = (0, 1, 2, 5, 15, 60, 300, 900, 1_800, 3_600)

    async def deliver(self, delivery: Delivery, now: datetime) -> Receipt:
        """Show how the job is now. Raises DeliveryFailed, and DeliveryPutOff for its turn."""
        started = perf_counter()
        view = await self._seen(delivery, now)
        target = delivery.address.target
        posting = await self.postings.claim(self.name, target, view.id, view.created_at)
        if posting is None:
            raise DeliveryPutOff("another try is at this message", BUSY_S)
        try:
            told = await self._shown(posting, view, delivery.event, now)
        except DeliveryPutOff:
            if delivery.event != PROGRESSED:
                raise
            told = "no turn for a mere step"
        finally:
            await self.postings.let_go(self.name, target)
        return Receipt(200, round(1000 * (perf_counter() - started)), told)

    async def _seen(self, delivery: Delivery, now: datetime) -> JobView:
        """Return the job, as a cached copy when it is no longer fresh."""
        try:
            view = await asyncio.to_thread(self.view, str(delivery.body.get("job_id")))
        except NotFound as exc:
            raise DeliveryFailed("there is no such job (any more)", final=True) from exc
        is_stale = view.fresh_until is not None and view.fresh_until <= now
        return replace(view, served_from="stale_cache") if is_stale else view

    async def _shown(self, posting: Posting, view: JobView, event: str, now: datetime) -> str:
        if why_not := _nothing_to_show(posting, view, event):
            return why_not
        if posting.state == "refused" and now - posting.at < LATELY:
            raise refusal(posting.reason)
        if posting.state == "sending":
            posting = await self._looked_for(posting)
        message = self._message(view, now)
        shown = replace(posting, job_id=view.id, job_at=view.created_at, version=view.version)
        if posting.state == "posted":
            return await self._change(shown, message)
        return await self._post(shown, message)

    def _message(self, view: JobView, now: datetime) -> Message:
        if not view.is_final:
            return loading(view, str(view.prospect))
        return card(view, Links(f"{self.base_url}/card/{view.card_token}", None), now)

    async def _post(self, posting: Posting, message: Message) -> str:
        """Post it; that it may be posted is noted first."""
        team, user, _ = posting.target.split(":")
        await self.postings.note(replace(posting, state="sending", version=0))
        about = {"event_type": EVENT_TYPE, "event_payload": {"mark": mark(posting.target)}}
        try:
            said = await self._say(
                team, "chat.postMessage", user, message, channel=user, metadata=about
            )
        except DeliveryPutOff:
            await self.postings.note(replace(posting, state="new", version=0))
            raise
        except DeliveryFailed as exc:
            if exc.undone:
                state = "refused" if exc.final else "new"
                undone = replace(posting, state=state, reason=exc.word, version=0)
                await self.postings.note(undone)
            raise
        place, ref = str(said.get("channel", "")), str(said.get("ts", ""))
        await self.postings.note(replace(posting, state="posted", place=place, ref=ref))
        return "posted"

    async def _change(self, posting: Posting, message: Message) -> str:
        """Change what is posted. Whether that was done before does not matter: it is the same."""
        team = posting.target.partition(":")[0]
        where = {"channel": posting.place, "ts": posting.ref}
        try:
            await self._say(team, "chat.update", posting.place, message, **where)
        except DeliveryFailed as exc:
            if exc.word not in TAKEN_AWAY:
                raise
            await self.postings.note(replace(posting, state="gone", reason=exc.word))
            return exc.word
        await self.postings.note(posting)
        return "changed"

    async def _say(
        self, team: str, method: str, place: str, message: Message, **more: object
    ) -> Object:
        """Send a message. One that Slack cannot show is said in a line, and is a failure still."""
        arguments = {"text": message.text, "blocks": list(message.blocks), **more}
        arguments |= {"unfurl_links": False, "unfurl_media": False} if "metadata" in more else {}
        try:
            return await self.api.ask(team, method, place, **arguments)
        except DeliveryFailed as exc:
            if exc.word in UNSHOWABLE:
                await self.api.ask(team, method, place, **{**arguments, "blocks": []})
            raise

    async def _looked_for(self, posting: Posting) -> Posting:
        """Look for a message that may have been posted; return what is there."""
        team, user, _ = posting.target.split(":")
        opened = await self.api.ask(team, "conversations.open", users=user)
        place = str(_part(opened, "channel").get("id", ""))
        said = await self.api.ask(
            team,
            "conversations.history",
            channel=place,
            limit=LOOK_BACK,
            include_all_metadata=True,
        )
        wanted = mark(posting.target)
        for message in said.get("messages", ()):
            if _mark_of(message) == wanted:
                found = replace(
                    posting, state="posted", place=place, ref=str(message.get("ts", ""))
                )
                await self.postings.note(found)
                return found
        return replace(posting, state="new")


def mark(target: str) -> str:
    """Return the word by which a posted message is found again: it tells nobody anything."""
    return sha256(target.encode()).hexdigest()[:32]


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


def _part(body: Object, name: str) -> Mapping[str, Any]:
    found = body.get(name)
    return found if isinstance(found, dict) else {}


def _mark_of(message: object) -> object:
    if not isinstance(message, dict):
        return None
    return _part(_part(message, "metadata"), "event_payload").get("mark")
