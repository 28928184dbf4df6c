"""One message in Slack: posted once, changed from then on, found again when that was in doubt.

What is posted is noted before and after each call, so that nothing is posted twice, whichever
worker tries, and however often.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import sha256

from app.delivery import Posting, Postings
from app.errors import DeliveryFailed, DeliveryPutOff
from integrations.slack.addresses import is_user
from integrations.slack.api import WHOLE, Api, Object, part_of
from integrations.slack.blocks import Message

LOOK_BACK = 50
"""Messages of a conversation among which one is looked for that may have been posted."""

EVENT_TYPE = "prep_card"

TAKEN_AWAY = frozenset({"message_not_found", "cant_update_message", "edit_window_closed"})
"""Errors of a change that mean: leave the message be, and post no other."""

UNSHOWABLE = frozenset({"invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long"})
"""Errors that a message without blocks does not have."""

OUT_OF_SIGHT = frozenset({"missing_scope", "not_in_channel", "channel_not_found"})
"""Errors of a look into a conversation: we may post there, but not read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Posts:
    """Messages of workspaces. All but `Api.ask` raises is written down before it is passed on."""

    api: Api
    postings: Postings

    async def post(
        self, posting: Posting, team: str, to: str, message: Message, part: float = WHOLE
    ) -> str:
        """Post to a user or a conversation; that it may be posted is noted first."""
        await self.postings.note(replace(posting, state="sending", place=to, version=0))
        about = {"event_type": EVENT_TYPE, "event_payload": {"mark": mark(posting.target)}}
        where = {"channel": to, "metadata": about, "unfurl_links": False, "unfurl_media": False}
        try:
            said = await self._say(team, "chat.postMessage", to, part, message, where)
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
        posted = replace(posting, state="posted", reason="", place=place, ref=ref)
        await self.postings.note(posted)
        return "posted"

    async def change(
        self, posting: Posting, team: str, message: Message, part: float = WHOLE
    ) -> str:
        """Change what is posted. Whether that was done before does not matter: it is the same."""
        where = {"channel": posting.place, "ts": posting.ref}
        try:
            await self._say(team, "chat.update", posting.place, part, message, where)
        except DeliveryFailed as exc:
            if exc.final:
                await self._not_changed(posting, exc.word)
            if exc.word not in TAKEN_AWAY:
                raise
            return exc.word
        await self.postings.note(replace(posting, reason=""))
        return "changed"

    async def _not_changed(self, posting: Posting, why: str) -> None:
        """Note why a message stays as it was before; one that was taken away stays away."""
        gone = {"state": "gone"} if why in TAKEN_AWAY else {"version": 0}
        await self.postings.note(replace(posting, reason=why, **gone))

    async def _say(
        self,
        team: str,
        method: str,
        place: str,
        part: float,
        message: Message,
        where: Mapping[str, object],
    ) -> Object:
        """Send a message. One that Slack cannot show is said in a line, and is a failure still."""
        told = {"text": message.text, "blocks": list(message.blocks), **where}
        try:
            return await self.api.ask(team, method, place, part, **told)
        except DeliveryFailed as exc:
            if exc.word in UNSHOWABLE:
                await self.api.ask(team, method, place, part, **{**told, "blocks": []})
            raise

    async def look_for(self, posting: Posting, team: str) -> Posting:
        """Look for a message that may have been posted; return what is there.

        Where we may post and not read, nothing is found: a message too many is better than none.
        """
        try:
            found = await self._found(posting, team)
        except DeliveryFailed as exc:
            if exc.word not in OUT_OF_SIGHT:
                raise
            found = None
        if found is None:
            return replace(posting, state="new")
        await self.postings.note(found)
        return found

    async def _found(self, posting: Posting, team: str) -> Posting | None:
        place = posting.place
        if is_user(place):
            opened = await self.api.ask(team, "conversations.open", users=place)
            place = str(part_of(opened, "channel").get("id", ""))
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
                ref = str(message.get("ts", ""))
                return replace(posting, state="posted", place=place, ref=ref)
        return None


def mark(target: str) -> str:
    """Return the word by which a posted message is found again: it tells nobody anything."""
    return sha256(target.encode()).hexdigest()[:32]


def _mark_of(message: object) -> object:
    if not isinstance(message, dict):
        return None
    return part_of(part_of(message, "metadata"), "event_payload").get("mark")
