"""Holds an adapter's conversations with a stand-in over real HTTP."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeVar

import httpx

from app.crm import Steps
from app.provider import Answer, Request

T = TypeVar("T")


def talk(steps: Steps[T], told: Callable[[Request], Answer] | None = None) -> T:
    """Send each request of a conversation and return what it came to."""
    send = told or over_http
    try:
        request = next(steps)
        while True:
            request = steps.send(send(request))
    except StopIteration as done:
        result: T = done.value
        return result


def over_http(request: Request) -> Answer:
    """Send one request; a failure is an answer, as in app/fetch.py."""
    at = datetime.now(UTC)
    content = {"json": request.json} if request.json is not None else {"content": request.content}
    try:
        with httpx.Client(trust_env=False, verify=False, timeout=2.0) as client:
            said = client.request(
                request.method,
                request.url,
                headers=dict(request.headers),
                **content,
            )
    except httpx.ConnectError:
        return Answer(0, {}, b"", request.url, at, "connect")
    except httpx.TimeoutException:
        return Answer(0, {}, b"", request.url, at, "timeout")
    except httpx.HTTPError:
        return Answer(0, {}, b"", request.url, at, "protocol")
    return Answer(said.status_code, dict(said.headers), said.content, request.url, at)
