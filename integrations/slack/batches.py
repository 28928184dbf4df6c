"""Lists in Slack: a file is fetched and becomes a batch, and one message says how it goes.

Both are channels: what is to be done waits in the outbox, and is tried again until it is done.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from hashlib import sha256
from http import HTTPStatus
from time import perf_counter
from typing import ClassVar

import orjson

from app import sheet
from app.delivery import BATCH_STARTED, Address, Delivery, Posting, Receipt
from app.errors import DeliveryFailed, DeliveryPutOff, InvalidRequest, NotFound
from app.intake import BatchOrder, BatchView, Idempotency, Intake
from app.provider import Answer, Request
from integrations.slack.asking import caller
from integrations.slack.blocks import Message, context, section
from integrations.slack.posts import Posts
from integrations.slack.text import escaped, link
from integrations.slack.uploads import CHANNEL as FILES
from integrations.slack.uploads import MOST_ROWS, TOO_LARGE
from integrations.slack.verify import FILES as ORIGIN
from integrations.slack.verify import is_slacks

BATCHES = "slack_batch"
BACK_OFF_S = (0, 1, 2, 5, 15, 60, 300, 900, 1_800, 3_600)
DOWNLOAD_S = 30.0
BUSY_S = 0.5
"""How long to wait for whoever changes the same message now."""

REFUSED = frozenset({HTTPStatus.FOUND, HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})
PROVIDERS = 5  # named in the summary
NAME = 40
URL = 600  # characters of the address of the file
TOLD = 700

NO_ACCESS = "Slack does not let us read this file: the app needs the scope `files:read`."
NO_FILE = "The file is no longer there."


@dataclass(frozen=True, slots=True)
class Noticeboard:
    """One message of each list, in the user's own conversation with the app."""

    posts: Posts

    async def show(
        self, target: str, batch_id: str, at: datetime, version: int, message: Message
    ) -> str:
        """Show a message at `team:user:mark`, unless that version or a newer one is there.

        Raises DeliveryFailed and DeliveryPutOff.
        """
        postings = self.posts.postings
        posting = await postings.claim(BATCHES, target, batch_id, at)
        if posting is None:
            raise DeliveryPutOff("another try is at this message", BUSY_S)
        try:
            return await self._shown(posting, version, message)
        finally:
            await postings.let_go(BATCHES, target)

    async def _shown(self, posting: Posting, version: int, message: Message) -> str:
        team, user, _ = posting.target.split(":")
        if posting.state in {"gone", "refused"}:
            return posting.reason or "the message was taken away"
        if posting.state == "sending":
            posting = await self.posts.look_for(replace(posting, place=user), team)
        if posting.state == "posted" and posting.version >= version:
            return "this or something newer is shown"
        shown = replace(posting, version=version)
        if posting.state == "posted":
            return await self.posts.change(shown, team, message)
        return await self.posts.post(shown, team, user, message)


@dataclass(frozen=True, slots=True, kw_only=True)
class SlackBatches:
    """Tells how a list goes. `view` reads a batch without rows and may block for milliseconds."""

    board: Noticeboard
    view: Callable[[str], BatchView] = field(repr=False)
    base_url: str

    name: ClassVar[str] = BATCHES
    back_off_s: ClassVar[Sequence[float]] = BACK_OFF_S

    async def deliver(self, delivery: Delivery, now: datetime) -> Receipt:
        """Show how the batch is now. Raises DeliveryFailed, and DeliveryPutOff for its turn."""
        started = perf_counter()
        try:
            view = await asyncio.to_thread(self.view, str(delivery.body.get("batch_id")))
        except NotFound as exc:
            raise DeliveryFailed("there is no such batch (any more)", final=True) from exc
        if view.is_final and delivery.event == BATCH_STARTED:
            return Receipt(200, 0, "the summary follows")
        version = view.run.version if view.run else 0
        target, message = delivery.address.target, summary(view, self.base_url)
        told = await self.board.show(target, view.id, view.created_at, version, message)
        return Receipt(200, round(1000 * (perf_counter() - started)), told)


@dataclass(frozen=True, slots=True, kw_only=True)
class SlackFiles:
    """Fetches a file and begins its batch; what is wrong with it is told to the user."""

    board: Noticeboard
    intake: Intake

    name: ClassVar[str] = FILES
    back_off_s: ClassVar[Sequence[float]] = BACK_OFF_S

    async def deliver(self, delivery: Delivery, now: datetime) -> Receipt:
        """Do it once. Raises DeliveryFailed and DeliveryPutOff."""
        started = perf_counter()
        team, user, mark, job = delivery.address.target.split(":", 3)
        target, asked = f"{team}:{user}:{mark}", orjson.loads(job)
        try:
            raw = _content(await self._fetched(team, str(asked["url"])))
            order = await asyncio.to_thread(_order, raw, asked["max_credits"], target)
        except InvalidRequest as exc:
            text = f":warning: *The list was not looked up.* {escaped(exc, TOLD)}"
            told = await self.board.show(
                target, delivery.id, now, 1, Message(text, [section(text)])
            )
            return Receipt(200, round(1000 * (perf_counter() - started)), told)
        key = Idempotency(f"{FILES}:{mark}", sha256(raw).hexdigest())
        await asyncio.to_thread(self.intake.take_in, caller(team), order, key)
        return Receipt(200, round(1000 * (perf_counter() - started)), "taken in")

    async def _fetched(self, team: str, url: str) -> Answer:
        """Fetch a file with the workspace's token. Raises InvalidRequest, DeliveryFailed."""
        token = await asyncio.to_thread(self.board.posts.api.token, team)
        if token is None or not is_slacks(url, ORIGIN, self.board.posts.api.url):
            raise InvalidRequest(NO_ACCESS)
        headers = {"Authorization": f"Bearer {token}"}
        most = sheet.MOST_BYTES + 1
        return await self.board.posts.api.call(
            Request("GET", url, headers=headers, timeout_s=DOWNLOAD_S, max_bytes=most)
        )


def _content(answer: Answer) -> bytes:
    """Return what was fetched. Without access Slack sends a page of HTML, with status 200 too."""
    if answer.failure == "too_large":
        raise InvalidRequest(TOO_LARGE)
    if answer.failure:
        raise DeliveryFailed(f"no answer of Slack: {answer.failure}")
    if answer.status in REFUSED:
        raise InvalidRequest(NO_ACCESS)
    if answer.status in {HTTPStatus.NOT_FOUND, HTTPStatus.GONE}:
        raise InvalidRequest(NO_FILE)
    if answer.status != HTTPStatus.OK:
        raise DeliveryFailed(f"no answer of Slack: status {answer.status}", status=answer.status)
    if answer.headers.get("content-type", "").lower().startswith("text/html"):
        raise InvalidRequest(NO_ACCESS)
    return answer.body


def _order(raw: bytes, max_credits: float | None, target: str) -> BatchOrder:
    return BatchOrder(
        sheet=sheet.read(raw, most_rows=MOST_ROWS),
        max_credits=max_credits,
        notify=(Address(BATCHES, target, followed=True),),
    )


def summary(view: BatchView, base_url: str) -> Message:
    """Return the one message about a list: how far it is, or what it came to."""
    text = _ended(view) if view.is_final else _under_way(view)
    paragraph = section("\n".join([text, *_rates(view), *_file(view, base_url)]))
    notes = [escaped(note, TOLD) for note in view.run.notes] if view.run else []
    small = context(*notes, f"Batch {view.id} · {view.credits_spent:g} credits")
    return Message(text, [paragraph, *small])


def _file(view: BatchView, base_url: str) -> list[str]:
    if view.run is None or not view.is_final:
        return []
    return [link(f"{base_url}/batches/{view.run.file_token}.csv", "Download the file", URL)]


def _under_way(view: BatchView) -> str:
    again = " Some are asked for once more." if view.run and view.run.state == "second_pass" else ""
    return f":mag: *Looking up a list:* {view.ended:,} of {view.total:,} rows done.{again}"


def _ended(view: BatchView) -> str:
    rate = _percent(view.match_rate)
    return (
        f":white_check_mark: *List looked up:* {view.matched:,} of {view.total:,} matched ({rate})."
    )


def _rates(view: BatchView) -> list[str]:
    """Return what is told of a batch that has ended."""
    run, told = view.run, []
    if run is None or not view.is_final:
        return []
    if (rate := view.verified_rate) is not None:
        told.append(f"{run.verified:,} of {run.mailboxes:,} addresses verified ({_percent(rate)}).")
    for one in run.providers[:PROVIDERS]:
        share = _percent(one.matched / max(1, one.asked))
        told.append(
            f"{escaped(one.provider, NAME)}: knew {one.matched:,} of {one.asked:,} ({share})."
        )
    for problem, count in run.problems.items():
        told.append(f"{count:,} rows were not asked for: {problem.replace('_', ' ')}.")
    if run.again:
        told.append(f"{run.again:,} rows were asked for once more, {run.gained:,} gained by it.")
    return told


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
