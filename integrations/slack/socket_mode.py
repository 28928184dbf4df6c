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
from functools import partial
from http import HTTPStatus
from http.client import HTTPException
from typing import Any, cast

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

ENDS_S = 2.0
"""How long a try to connect may delay the end of the process."""

FAILURES = (OSError, HTTPException, SlackClientError)

Dispatch = Callable[[BoltRequest], BoltResponse]


class _Line:
    """A socket that fails when the other side closes it, instead of giving nothing for ever."""

    def __init__(self, line: Any) -> None:
        self._line = line
        self._is_ending = False

    def recv(self, size: int) -> bytes:
        received: bytes = self._line.recv(size)
        if not received and not self._is_ending:
            raise ConnectionResetError("the line was closed")
        return received

    def hang_up(self) -> None:
        """End it from our side: who reads from it now is let go at once."""
        self._is_ending = True
        try:
            self._line.shutdown(socket.SHUT_RDWR)
        except OSError:
            log.debug("the line was closed already")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._line, name)


class Client(SocketModeClient):
    """slack_sdk's client, with lines that end without a pause, and fail when they are lost.

    That Slack cannot be reached is told once, until it can be reached again.
    """

    is_cut_off = False

    def issue_new_wss_url(self) -> str:
        """Ask Slack where to open a line. Raises what slack_sdk raises."""
        try:
            url = super().issue_new_wss_url()
        except FAILURES as exc:
            if not self.is_cut_off:
                told = {"why": _why(exc)}
                log.warning("Socket Mode has no line: see `warmcall doctor`", extra=told)
            self.is_cut_off = True
            raise
        if self.is_cut_off:
            log.info("Socket Mode has a line again")
        self.is_cut_off = False
        return url

    def connect(self) -> None:
        """Open a line, and close the one before it."""
        super().connect()
        session = self.current_session
        if session is not None and session.sock is not None:
            line = _Line(session.sock)
            session.sock = cast(Any, line)
            session.close = partial(_end, session, line)  # type: ignore[method-assign]

    def close(self) -> None:
        """End; who waits for messages is let go at once."""
        self.closed = True
        self.message_queue.put(None)
        super().close()


def _end(session: Connection, line: _Line) -> None:
    """Close a line; who reads from it would hold it for 3 s."""
    line.hang_up()
    session.disconnect()


@dataclass(slots=True)
class SocketMode:
    """The line to Slack of this process. `start` does not wait for it."""

    dispatch: Dispatch
    token: str = field(repr=False)
    api_url: str
    ping_s: float = PING_S
    waits_s: Sequence[float] = WAITS_S
    _client: Client | None = None
    _thread: threading.Thread | None = None
    _ending: threading.Event = field(default_factory=threading.Event)

    def start(self) -> None:
        """Connect in the background, as soon as Slack can be reached."""
        self._thread = threading.Thread(target=self._connect, name="socket mode", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the line; takes some 0.1 s, and ENDS_S at most."""
        self._ending.set()
        if self._thread:
            self._thread.join(ENDS_S)
        if self._client:
            self._client.close()

    def _connect(self) -> None:
        web = WebClient(base_url=f"{self.api_url}/", timeout=10, retry_handlers=[])
        self._client = Client(
            app_token=self.token,
            logger=_quiet(),
            web_client=web,
            ping_interval=self.ping_s,
            concurrency=THREADS,
        )
        self._client.socket_mode_request_listeners.append(self._answer)
        tries = 0
        while not _is_connected(self._client):
            if self._ending.wait(self.waits_s[min(tries, len(self.waits_s) - 1)]):
                return
            tries += 1

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


def _quiet() -> logging.Logger:
    """Return a logger that says nothing: the client repeats every failure every few seconds."""
    logger = logging.getLogger("slack_sdk.line")
    logger.setLevel(logging.CRITICAL)
    return logger


def _is_connected(client: Client) -> bool:
    try:
        client.connect()
    except FAILURES:
        return False
    return True


def _why(exc: Exception) -> str:
    """Return Slack's own word for a refusal, or what kind of failure it was."""
    response = exc.response if isinstance(exc, SlackApiError) else None
    return str(response.get("error")) if response else type(exc).__name__


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
