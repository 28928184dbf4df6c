"""What a listener asks of Slack itself, once it has acknowledged: a window, a word, a message gone.

None of it fails: the person is told by what they see or do not see, the operator by the log, in
which no person is named. A trigger opens one window within 3 s (facts/slack.md section 4, read
2026-11-21), so this cannot wait for a worker.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPException
from typing import Any, Protocol

from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.webhook import WebhookClient

from integrations.slack.blocks import Message, Object
from integrations.slack.verify import HOOKS, is_slacks

log = logging.getLogger("warmcall.slack")

CALL_S = 10
IS_GONE = frozenset({"message_not_found", "channel_not_found", "not_found"})


class Client(Protocol):
    """Slack's client for the workspace of a request, as Bolt gives it to a listener."""

    def views_open(self, *, trigger_id: str, view: Object) -> Any:
        """Open a window."""

    def views_update(self, *, view_id: str, view: Object) -> Any:
        """Show something else in a window."""

    def chat_delete(self, *, channel: str, ts: str) -> Any:
        """Delete a message."""


Then = Callable[[Client], None]
"""What a listener does after its acknowledgement."""


@dataclass(frozen=True, slots=True)
class Desk:
    """Asks Slack once. `api_url` is where its Web API is: answers go to that host or to Slack's."""

    api_url: str

    def open(self, client: Client, trigger_id: str, view: Object) -> bool:
        """Open a window; False when Slack does not."""
        return self._done("views.open", lambda: client.views_open(trigger_id=trigger_id, view=view))

    def opened(self, client: Client, trigger_id: str, view: Object) -> str:
        """Open a window that is changed later; return its id, empty when Slack does not."""
        ids: list[str] = []

        def ask() -> None:
            answer = client.views_open(trigger_id=trigger_id, view=view)
            ids.append(str((answer.get("view") or {}).get("id", "")))

        return ids[0] if self._done("views.open", ask) and ids else ""

    def update(self, client: Client, view_id: str, view: Object) -> bool:
        """Show something else in a window that is open; one that was closed stays closed."""
        return self._done("views.update", lambda: client.views_update(view_id=view_id, view=view))

    def delete(self, client: Client, place: str, ref: str) -> bool:
        """Delete a message; one that is gone already is fine."""
        return self._done("chat.delete", lambda: client.chat_delete(channel=place, ts=ref))

    def tell(self, response_url: str, message: Message) -> None:
        """Tell something to who pressed, and to nobody else. Without an address nothing is told."""
        blocks = list(message.blocks)
        told = {"text": message.text, **({"blocks": blocks} if blocks else {})}
        self._answer(
            response_url, {"response_type": "ephemeral", "replace_original": False, **told}
        )

    def delete_original(self, response_url: str) -> bool:
        """Delete the message that was pressed, where only its answers' address is known."""
        return self._answer(response_url, {"delete_original": True})

    def _answer(self, url: str, body: Object) -> bool:
        if not is_slacks(url, HOOKS, self.api_url):
            return False
        hook = WebhookClient(url, timeout=CALL_S, retry_handlers=[])
        return self._done("response_url", lambda: _sent(hook, body))

    def _done(self, what: str, ask: Callable[[], object]) -> bool:
        try:
            ask()
        except SlackApiError as exc:
            word = str(exc.response.get("error", ""))
            return word in IS_GONE or _failed(what, word)
        except (SlackClientError, OSError, HTTPException) as exc:
            return _failed(what, type(exc).__name__)
        return True


def _sent(hook: WebhookClient, body: Object) -> None:
    answer = hook.send_dict(body)
    if answer.status_code != HTTPStatus.OK:
        raise SlackClientError(f"status {answer.status_code}")


def _failed(what: str, why: str) -> bool:
    log.warning("Slack did not do what was asked", extra={"method": what, "why": why[:64]})
    return False
