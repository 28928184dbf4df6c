"""The URL that comes with a command or a click: an answer there needs no conversation with us.

It is valid for 30 minutes and five uses (facts/slack.md section 7, read 2026-11-21), and it is a
secret: whoever has it may answer. So it is used only when a card cannot be posted, and then only
if it is Slack's.
"""

from dataclasses import dataclass
from http import HTTPStatus

import orjson

from app.delivery import Replies
from app.errors import DeliveryFailed
from app.provider import Request
from integrations.slack.api import MAX_ANSWER, NOT_SENT, TIMEOUT_S, Call
from integrations.slack.blocks import Message
from integrations.slack.verify import HOOKS, is_slacks

USED_UP = frozenset({HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND, HTTPStatus.GONE})
"""What a URL answers that is of no use any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """Answers where somebody asked. `api_url` is that of Slack's Web API, or of its stand-in."""

    call: Call
    api_url: str
    kept: Replies

    async def say(self, mark: str, message: Message) -> bool:
        """Answer the one who asked, for their eyes only; False when that cannot be done any more.

        Raises DeliveryFailed when Slack did not say whether it has the answer: it is given again,
        since an answer too many is better than none.
        """
        url = await self.kept.take(mark)
        if url is None or not is_slacks(url, HOOKS, self.api_url):
            return False
        answer = await self.call(_request(url, message))
        if answer.status == HTTPStatus.OK and not answer.failure:
            return True
        if answer.status in USED_UP and not answer.failure:
            await self.kept.drop(mark)
            return False
        told = answer.failure or f"status {answer.status}"
        raise DeliveryFailed(
            f"no answer to the reply: {told}",
            status=answer.status,
            undone=answer.failure in NOT_SENT,
        )


def _request(url: str, message: Message) -> Request:
    said = {"response_type": "ephemeral", "replace_original": False, "text": message.text}
    content = orjson.dumps({**said, "blocks": list(message.blocks)})
    headers = {"Content-Type": "application/json; charset=utf-8"}
    return Request(
        "POST", url, headers=headers, content=content, timeout_s=TIMEOUT_S, max_bytes=MAX_ANSWER
    )
