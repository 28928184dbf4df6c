"""Socket Mode: Slack is called by us, and sends down the line what it would send to our URL.

What comes is handed to Bolt as the adapter does it. slack_sdk's own client, which needs no other
package, keeps the line (3.47.0, `socket_mode/builtin`, read 2026-11-21), but for three weaknesses:
it does not come back from a first connection that fails, a line that ends without a word makes it
spin, and while it changes lines it reads nothing for 3 s, as long as Slack waits for an answer.
"""

import logging
import socket
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import orjson
from slack_bolt import BoltRequest, BoltResponse
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.socket_mode.builtin import SocketModeClient
from slack_sdk.socket_mode.builtin.connection import Connection
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse

log = logging.getLogger("warmcall.slack")

THREADS = 32
PING_S = 5.0
"""How often the line is tried; a lost one is noticed and renewed after that."""

WAITS_S: Sequence[float] = (1, 2, 5, 15, 60)
"""Before the next try to connect for the first time; the last one over and over."""

Dispatch = Callable[[BoltRequest], BoltResponse]


class _Line:
    """A socket that fails when the other side has closed it, instead of giving nothing for ever."""

    def __init__(self, line: Any) -> None:
        self._line = line

    def recv(self, size: int) -> bytes:
        received: bytes = self._line.recv(size)
        if not received:
            raise ConnectionResetError("the line was closed")
        return received

    def __getattr__(self, name: str) -> Any:
        return getattr(self._line, name)


class Client(SocketModeClient):
    """slack_sdk's client, which changes and ends its line without a pause."""

    def connect(self) -> None:
        """Open a line, the new one before the old one is closed."""
        old, state = self.current_session, self.current_session_state
        self.current_session = None
        super().connect()
        opened = self.current_session
        if opened is not None and opened.sock is not None:
            opened.sock = _Line(opened.sock)
        state.terminated = True
        hang_up(old)

    def close(self) -> None:
        """End."""
        self.current_session_state.terminated = True
        hang_up(self.current_session)
        super().close()


def hang_up(session: Connection | None) -> None:
    """End a line at once: who reads from it would hold it for 3 s."""
    line = session.sock if session else None
    if session and line is not None:
        try:
            line.shutdown(socket.SHUT_RDWR)
        except OSError:
            log.debug("the line was closed already")
        session.close()


@dataclass(slots=True)
class SocketMode:
    """The line to Slack of this process. `start` does not wait for it."""

    dispatch: Dispatch
    token: str = field(repr=False)
    api_url: str
    _client: Client | None = None
    _thread: threading.Thread | None = None
    _ending: threading.Event = field(default_factory=threading.Event)

    def start(self) -> None:
        """Connect in the background, as soon as Slack can be reached."""
        self._thread = threading.Thread(target=self._connect, name="socket mode", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the line; takes about a second."""
        self._ending.set()
        if self._thread:
            self._thread.join()
        if self._client:
            self._client.close()

    def _connect(self) -> None:
        web = WebClient(base_url=f"{self.api_url}/", timeout=10, retry_handlers=[])
        self._client = Client(
            app_token=self.token, web_client=web, ping_interval=PING_S, concurrency=THREADS
        )
        self._client.socket_mode_request_listeners.append(self._answer)
        tries = 0
        while not self._is_connected(self._client, is_first=not tries):
            if self._ending.wait(WAITS_S[min(tries, len(WAITS_S) - 1)]):
                return
            tries += 1
        log.info("Socket Mode connected")

    def _is_connected(self, client: Client, *, is_first: bool) -> bool:
        try:
            client.connect()
        except SlackApiError as exc:
            why = str(exc.response.get("error", "")) if exc.response else ""
        except (OSError, SlackClientError) as exc:
            why = type(exc).__name__
        else:
            return True
        if is_first:
            log.warning("Socket Mode cannot connect yet: see `warmcall doctor`", extra={"why": why})
        return False

    def _answer(self, client: Any, request: SocketModeRequest) -> None:
        told = self.dispatch(
            BoltRequest(body=request.payload, headers=_retries(request), mode="socket_mode")
        )
        if told.status != HTTPStatus.OK:
            log.warning("unanswered in Socket Mode", extra={"status": told.status})
            return
        client.send_socket_mode_response(
            SocketModeResponse(envelope_id=request.envelope_id, payload=_payload(told))
        )


def _retries(request: SocketModeRequest) -> dict[str, Any]:
    """Return what the adapter would pass on of the headers."""
    told = {
        "x-slack-retry-num": request.retry_attempt,
        "x-slack-retry-reason": request.retry_reason,
    }
    return {name: str(value) for name, value in told.items() if value is not None}


def _payload(told: BoltResponse) -> dict[str, Any] | None:
    """Return the answer as it goes down the line: an object, or none."""
    if not told.body:
        return None
    is_json = told.headers.get("content-type", [""])[0].startswith("application/json")
    answer: dict[str, Any] = orjson.loads(told.body) if is_json else {"text": told.body}
    return answer
