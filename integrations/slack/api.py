"""Slack's Web API, one call at a time: the token, the pace, and what an answer means.

Limits per method, workspace and app from https://docs.slack.dev/apis/web-api/rate-limits, by
facts/slack.md section 9, read 2026-11-21. A 429 shuts the method for the workspace, for all.
"""

import asyncio
import re
from base64 import b64encode
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

import orjson

from app.delivery import Door, Doors
from app.errors import DeliveryFailed, DeliveryPutOff
from app.installation import BROKEN
from app.provider import Answer, Request, Unreadable

TIMEOUT_S = 10.0
MAX_ANSWER = 1_000_000  # bytes; twenty messages with their blocks
AT_ONCE = 16  # connections

WHOLE, HALF = 1.0, 0.5
"""The part of a workspace's burst that a call may use: what can wait leaves the rest to cards."""
SLACK_RETRY_S = 1.0
"""How long to wait when Slack is too busy to say how long."""

MARGIN_S = 0.2
"""Added to what Slack asks for, so that no clock of ours is early."""

SPEED: Mapping[str, tuple[float, int]] = {
    "chat.postMessage": (0.2, 20),
    "chat.update": (1.25, 10),
    "chat.delete": (1.25, 10),
    "conversations.open": (1.25, 10),
    "conversations.history": (1.25, 10),
    "users.lookupByEmail": (1.25, 10),
    "auth.test": (1.25, 10),
}
"""Per workspace: a call in so many seconds, in the long run, and so many at once."""

SPEED_IN_PLACE: Mapping[str, tuple[float, int]] = {"chat.postMessage": (1.05, 5)}
"""The same per conversation."""

NOT_SENT = frozenset(
    {"connect", "tls", "dns_nxdomain", "dns_no_answer", "dns_error", "blocked_address"}
)
"""Failures after which Slack has not even seen a call."""

ITS_OWN_FAULT = frozenset(
    {"fatal_error", "internal_error", "request_timeout", "service_unavailable"}
)
"""Slack's errors that say nothing of the call: it may have been done."""

NO_INSTALLATION = "no_installation"
"""Our own word for a workspace in which we may not act (any more)."""

TOO_FAST = frozenset({"ratelimited", "rate_limited"})
_WORD = re.compile(r"[a-z0-9_]{1,64}")

Call = Callable[[Request], Awaitable[Answer]]
Object = Mapping[str, Any]


def refusal(word: str) -> DeliveryFailed:
    """Return the failure for a no of Slack, which would say so again."""
    return DeliveryFailed(f"Slack refuses: {word}", final=True, undone=True, status=200, word=word)


@dataclass(frozen=True, slots=True, kw_only=True)
class Api:
    """Calls Slack once. `token` gives that of a workspace, None when there is none (any more).

    `broken` is told of a token that Slack refuses with one of BROKEN, and `works` of one that it
    takes. All three may block for milliseconds.
    """

    call: Call
    url: str
    doors: Doors
    token: Callable[[str], str | None] = field(repr=False)
    broken: Callable[[str, str, str], None] = lambda team, token, word: None
    works: Callable[[str], None] = lambda team: None

    async def ask(
        self,
        team: str,
        method: str,
        place: str = "",
        part: float = WHOLE,
        /,
        **arguments: object,
    ) -> Object:
        """Call a method for a workspace; `place` is the conversation that it paces itself in.

        Raises DeliveryPutOff when it is not our turn, and DeliveryFailed: `final` when Slack
        refuses, `undone` unless it may have been carried out.
        """
        token = await asyncio.to_thread(self.token, team)
        if token is None:
            raise refusal(NO_INSTALLATION)
        if wait_s := await self.doors.enter(_doors(team, method, place, part)):
            raise DeliveryPutOff(f"{method} is called at Slack's pace", wait_s)
        answer = await self.call(form(f"{self.url}/{method}", bearer(token), arguments))
        if _is_too_fast(answer):
            wait_s = _retry_after_s(answer) + MARGIN_S
            await self.doors.shut(_door_name(team, method), wait_s)
            raise DeliveryPutOff(f"Slack asks to wait with {method}", wait_s)
        return await self._read(team, token, answer)

    async def _read(self, team: str, token: str, answer: Answer) -> Object:
        try:
            body = read(answer)
        except DeliveryFailed as exc:
            if exc.word in BROKEN:
                await asyncio.to_thread(self.broken, team, token, exc.word)
            raise
        await asyncio.to_thread(self.works, team)
        return body


def bearer(token: str) -> str:
    """Return the Authorization of a call with a token."""
    return f"Bearer {token}"


def basic(name: str, secret: str) -> str:
    """Return the Authorization of a call by our app itself."""
    return f"Basic {b64encode(f'{name}:{secret}'.encode()).decode()}"


def part_of(body: Object, name: str) -> Object:
    """Return an object within an answer; an empty one when there is none."""
    found = body.get(name)
    return found if isinstance(found, dict) else {}


def _door_name(team: str, method: str) -> str:
    return f"slack:{team}:{method}"


def _doors(team: str, method: str, place: str, part: float) -> list[Door]:
    every_s, burst = SPEED[method]
    doors = [Door(_door_name(team, method), every_s, max(1, int(burst * part)))]
    if place and method in SPEED_IN_PLACE:
        doors.append(Door(f"slack:{team}:{method}:{place}", *SPEED_IN_PLACE[method]))
    return doors


def form(url: str, authorization: str, arguments: Object) -> Request:
    """Return a call as a form, which every method takes; objects in it are JSON."""
    told = {
        name: value if isinstance(value, str) else orjson.dumps(value).decode()
        for name, value in arguments.items()
    }
    headers = {
        "Authorization": authorization,
        "Content-Type": "application/x-www-form-urlencoded; charset=utf-8",
    }
    content = urlencode(told).encode()
    return Request(
        "POST", url, headers=headers, content=content, timeout_s=TIMEOUT_S, max_bytes=MAX_ANSWER
    )


def _is_too_fast(answer: Answer) -> bool:
    return answer.status == HTTPStatus.TOO_MANY_REQUESTS and not answer.failure


def _retry_after_s(answer: Answer) -> float:
    text = answer.headers.get("retry-after", "").strip()
    return float(text[:6]) if text.isascii() and text.isdigit() else SLACK_RETRY_S


def read(answer: Answer) -> Object:
    """Return what Slack says. Raises DeliveryFailed and DeliveryPutOff, see `Api.ask`."""
    if answer.failure in NOT_SENT:
        raise DeliveryFailed("Slack could not be reached", undone=True)
    if answer.failure or answer.status != HTTPStatus.OK:
        told = answer.failure or f"status {answer.status}"
        raise DeliveryFailed(f"no answer of Slack: {told}", status=answer.status)
    body = _object(answer)
    if body.get("ok") is True:
        return body
    error = str(body.get("error", ""))
    error = error if _WORD.fullmatch(error) else "unreadable"
    if error in TOO_FAST:
        raise DeliveryPutOff("Slack asks to wait", SLACK_RETRY_S)
    if error in ITS_OWN_FAULT or error == "unreadable":
        raise DeliveryFailed(f"Slack failed: {error}", status=answer.status)
    raise refusal(error)


def _object(answer: Answer) -> Object:
    try:
        body = answer.json()
    except Unreadable:
        body = None
    return body if isinstance(body, dict) else {}
