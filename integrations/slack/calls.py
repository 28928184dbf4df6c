"""What a listener asks of Slack after it has answered: once, and a failure is only logged."""

import logging
from collections.abc import Collection, Mapping
from http.client import HTTPException
from typing import Any

import orjson
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError

log = logging.getLogger("warmcall.slack")

Object = Mapping[str, Any]


def ask(
    client: WebClient, method: str, *, expected: Collection[str] = (), **arguments: object
) -> Object | None:
    """Call a method of Slack's; None when Slack refuses, fails or cannot be reached.

    Errors that are `expected` are not even logged. Nothing that is sent or answered ever is.
    """
    form = {
        name: value if isinstance(value, str) else orjson.dumps(value).decode()
        for name, value in arguments.items()
    }
    try:
        answer = client.api_call(method, data=form)
    except (SlackClientError, OSError, HTTPException) as exc:
        if (why := _why(exc)) not in expected:
            log.warning("Slack did not do what was asked", extra={"method": method, "why": why})
        return None
    return answer.data if isinstance(answer.data, dict) else None


def _why(exc: Exception) -> str:
    """Return Slack's word for an error, or the kind of failure: no text that may name somebody."""
    if isinstance(exc, SlackApiError) and exc.response.status_code == 200:
        return str(exc.response.get("error", ""))[:64]
    if isinstance(exc, SlackApiError):
        return f"status {exc.response.status_code}"
    return type(exc).__name__
