"""A strict local Slack: its Web API over real HTTP, and the side that calls us, signed.

It refuses what Slack refuses (facts/slack.md sections 7, 9 and 10, read 2026-11-21): wrong tokens,
unknown conversations, blocks past their limits, calls past the rate limits, and calls before
Retry-After has passed, which it also counts. Faults are played as they are set.
"""

import hmac
import json
import socket
import struct
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlencode

import httpx

from tests.fakes.blocks import check_message

TEAM, TOKEN, SECRET = "T0ACME", "xoxb-of-acme", "0123456789abcdef0123456789abcdef"
PACES = {
    "chat.postMessage": (1.0, 5.0),
    "chat.update": (50 / 60, 12.0),
    "conversations.open": (50 / 60, 12.0),
    "conversations.history": (50 / 60, 12.0),
}
"""Calls a second in the long run, and at once: chat.postMessage per conversation, else per team."""

Object = dict[str, Any]


@dataclass
class Message:
    """A message as its conversation shows it; `edits` counts how often it was changed."""

    channel: str
    ts: str
    text: str
    blocks: list[Object]
    metadata: Object
    edits: int = 0
    is_deleted: bool = False


@dataclass
class Call:
    """One call of the Web API, and how it was answered."""

    method: str
    arguments: Object
    at: float
    answer: str = ""


@dataclass
class Fault:
    """How a call goes wrong: `status` (with `retry_after`), `error`, a `reset`, or a `hang`.

    With `after` the call is carried out first, and only its answer is lost.
    """

    status: int = 0
    retry_after: int | None = None
    error: str = ""
    reset: bool = False
    hang_s: float = 0.0
    after: bool = False


class Bucket:
    """Tokens that come back at a pace."""

    def __init__(self, per_s: float, most: float) -> None:
        self.per_s, self.most, self.tokens, self.at = per_s, most, most, time.monotonic()

    def take(self) -> float:
        """Take a token; return the seconds until there is one."""
        now = time.monotonic()
        self.tokens = min(self.most, self.tokens + (now - self.at) * self.per_s)
        self.at = now
        if self.tokens < 1:
            return (1 - self.tokens) / self.per_s
        self.tokens -= 1
        return 0.0


class No(Exception):
    """Slack's `ok: false`."""


@dataclass
class Slack:
    """Workspaces by token, users by id; `limits` switches the rate limits on."""

    tokens: dict[str, str] = field(default_factory=lambda: {TOKEN: TEAM})
    users: set[str] = field(default_factory=set)
    limits: bool = False
    messages: list[Message] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    faults: defaultdict[str, list[Fault]] = field(default_factory=lambda: defaultdict(list))
    broken: dict[str, str] = field(default_factory=dict)  # method -> the error it always gives
    too_early: int = 0  # calls before Retry-After had passed
    url: str = ""
    views: list[Object] = field(default_factory=list)  # windows that were opened
    files: dict[str, bytes] = field(default_factory=dict)  # by name: see file_url
    downloads: Counter[str] = field(default_factory=Counter)  # by name, with a right token

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._buckets: dict[tuple[str, ...], Bucket] = {}
        self._shut: dict[tuple[str, str], float] = {}
        self._last = 1_795_000_000_000_000

    # --- what tests ask

    def shown(self, user: str) -> list[Message]:
        """Return what is in a user's conversation with the app."""
        return [one for one in self.messages if one.channel == dm(user) and not one.is_deleted]

    def called(self) -> Counter[str]:
        """Count the calls by method."""
        return Counter(call.method for call in self.calls)

    def refused(self) -> list[str]:
        return [call.answer for call in self.calls if call.answer not in {"ok", ""}]

    # --- the Web API

    def answer(self, method: str, token: str, arguments: Object) -> tuple[Object, float]:
        """Return what a call is answered, and the Retry-After when it comes too fast."""
        call = Call(method, arguments, time.monotonic())
        with self._lock:
            self.calls.append(call)
            try:
                team = self._team(token)
                if wait_s := self._paced(team, method, arguments):
                    call.answer = "ratelimited"
                    return {"ok": False, "error": "ratelimited"}, wait_s
                if method in self.broken:
                    raise No(self.broken[method])
                said = {"ok": True, **self._does(method)(arguments)}
            except No as exc:
                said = {"ok": False, "error": str(exc)}
            call.answer = "ok" if said["ok"] else str(said["error"])
            return said, 0.0

    def _team(self, token: str) -> str:
        if not token:
            raise No("not_authed")
        if token not in self.tokens:
            raise No("invalid_auth")
        if not self.tokens[token]:
            raise No("token_revoked")
        return self.tokens[token]

    def _paced(self, team: str, method: str, arguments: Object) -> float:
        now, door = time.monotonic(), (team, method)
        if now < self._shut.get(door, 0.0):
            self.too_early += 1
            return self._shut[door] - now
        if not self.limits or method not in PACES:
            return 0.0
        key = (*door, arguments.get("channel", "")) if method == "chat.postMessage" else door
        wait_s = self._buckets.setdefault(key, Bucket(*PACES[method])).take()
        if wait_s:
            self.shut(team, method, wait_s)
        return wait_s

    def shut(self, team: str, method: str, seconds: float) -> None:
        """Refuse a method to a workspace for so long (whole seconds, as Retry-After is)."""
        self._shut[team, method] = time.monotonic() + max(1, int(seconds + 0.999)) - 0.01

    def _does(self, method: str) -> Callable[[Object], Object]:
        known = {
            "chat.postMessage": self._post,
            "chat.update": self._update,
            "chat.delete": self._delete,
            "conversations.open": self._open,
            "conversations.history": self._history,
            "views.open": self._open_view,
        }
        if method not in known:
            raise No("unknown_method")
        return known[method]

    def _post(self, given: Object) -> Object:
        channel = self._conversation(given.get("channel", ""))
        text, blocks = _said(given)
        self._last += 1_000_000
        ts = f"{self._last // 1_000_000}.{self._last % 1_000_000:06}"
        metadata = json.loads(given.get("metadata", "{}"))
        self.messages.append(Message(channel, ts, text, blocks, metadata))
        return {"channel": channel, "ts": ts, "message": {"text": text}}

    def _update(self, given: Object) -> Object:
        message = self._message(given)
        message.text, message.blocks = _said(given, text_limit=4_000)
        message.edits += 1
        return {"channel": message.channel, "ts": message.ts, "text": message.text}

    def _delete(self, given: Object) -> Object:
        self._message(given).is_deleted = True
        return {"channel": given["channel"], "ts": given["ts"]}

    def _open(self, given: Object) -> Object:
        if given.get("users") not in self.users:
            raise No("user_not_found")
        return {"channel": {"id": dm(given["users"])}}

    def _open_view(self, given: Object) -> Object:
        if not given.get("trigger_id"):
            raise No("invalid_trigger_id")
        view = given["view"]
        view = json.loads(view) if isinstance(view, str) else view
        if len(view["title"]["text"]) > 24 or len(view["blocks"]) > 100:
            raise No("invalid_arguments")
        self.views.append(view)
        return {"view": {"id": f"V{len(self.views)}"}}

    def file_url(self, name: str) -> str:
        """Return where a file of `files` is downloaded from."""
        return f"{self.url.removesuffix('/api')}/files-pri/{name}"

    def file(self, path: str, token: str) -> tuple[int, str, bytes]:
        """Return status, type and content of a download: a page for who has no valid token."""
        name = path.rpartition("/")[2]
        if not self.tokens.get(token):
            return 200, "text/html; charset=utf-8", b"<html>Sign in</html>"
        if name not in self.files:
            return 404, "text/html; charset=utf-8", b"<html>Gone</html>"
        self.downloads[name] += 1
        return 200, "text/csv", self.files[name]

    def _history(self, given: Object) -> Object:
        limit = int(given.get("limit", 100))
        if not 1 <= limit <= 999:
            raise No("invalid_limit")
        found = [m for m in self.messages if m.channel == given["channel"] and not m.is_deleted]
        with_metadata = given.get("include_all_metadata") == "true"
        return {
            "messages": [
                {"ts": m.ts, "text": m.text, **({"metadata": m.metadata} if with_metadata else {})}
                for m in reversed(found[-limit:])
            ]
        }

    def _conversation(self, channel: str) -> str:
        if channel in self.users:
            return dm(channel)
        if channel in {dm(user) for user in self.users}:
            return channel
        raise No("channel_not_found")

    def _message(self, given: Object) -> Message:
        if given.get("channel") in self.users:  # a user's id is good for posting alone
            raise No("channel_not_found")
        for message in self.messages:
            at = (message.channel, message.ts)
            if at == (given.get("channel"), given.get("ts")) and not message.is_deleted:
                return message
        raise No("message_not_found")


def dm(user: str) -> str:
    """Return the conversation of a user with the app."""
    return f"D{sha256(user.encode()).hexdigest()[:9].upper()}"


def _said(given: Object, text_limit: int = 40_000) -> tuple[str, list[Object]]:
    text, blocks = given.get("text", ""), json.loads(given.get("blocks", "[]"))
    if not text and not blocks:
        raise No("no_text")
    if len(text) > text_limit:
        raise No("msg_too_long")
    if blocks and check_message(text, blocks):
        raise No("invalid_blocks")
    return text, blocks


# --- over HTTP


@contextmanager
def slack_served(slack: Slack, port: int = 0) -> Iterator[Slack]:
    """Serve a Slack on this port (0: a free one); its `url` is the one for SLACK_API_URL."""
    door = _Door(("127.0.0.1", port), _handler(slack))
    thread = threading.Thread(target=door.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    slack.url = f"http://127.0.0.1:{door.server_port}/api"
    try:
        yield slack
    finally:
        door.ended.set()
        door.shutdown()
        thread.join()
        door.server_close()


class _Door(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.ended = threading.Event()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: a client that hung up is no news."""


def _handler(slack: Slack) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            token = self.headers.get("Authorization", "").removeprefix("Bearer ")
            fault = slack.faults["file"].pop(0) if slack.faults["file"] else None
            if fault:
                self.spoil("file", token, fault)
                return
            status, kind, body = slack.file(self.path, token)
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            method = self.path.rpartition("/")[2]
            token = self.headers.get("Authorization", "").removeprefix("Bearer ")
            fault = slack.faults[method].pop(0) if slack.faults[method] else None
            if fault and not fault.after:
                self.spoil(method, token, fault)
                return
            is_json = self.headers.get("Content-Type", "").startswith("application/json")
            given = dict(json.loads(raw) if is_json else parse_qsl(raw.decode()))
            said, wait_s = slack.answer(method, token, given)
            if fault:
                self.spoil(method, token, fault)
            elif wait_s:
                self.say(429, said, {"Retry-After": str(max(1, int(wait_s + 0.999)))})
            else:
                self.say(200, said)

        def spoil(self, method: str, token: str, fault: Fault) -> None:
            slack.calls.append(Call(method, {}, time.monotonic(), "fault"))
            if fault.hang_s:
                assert isinstance(self.server, _Door)
                self.server.ended.wait(fault.hang_s)
            if fault.reset or fault.hang_s:
                linger = struct.pack("ii", 1, 0)
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                self.close_connection = True
                self.connection.close()
            elif fault.retry_after is not None:
                slack.shut(slack.tokens.get(token, ""), method, fault.retry_after)
                headers = {"Retry-After": str(fault.retry_after)}
                self.say(429, {"ok": False, "error": "ratelimited"}, headers)
            elif fault.error:
                self.say(200, {"ok": False, "error": fault.error})
            else:
                self.say(fault.status, None)

        def say(self, status: int, said: Any, headers: Mapping[str, str] | None = None) -> None:
            body = (
                b"<html>Service unavailable</html>" if said is None else json.dumps(said).encode()
            )
            self.send_response(status)
            kind = "text/html" if said is None else "application/json; charset=utf-8"
            for name, value in {"Content-Type": kind, **(headers or {})}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: Any) -> None:
            pass

    return Handler


# --- the side that calls us


def signed(body: bytes, *, secret: str = SECRET, age_s: float = 0.0) -> dict[str, str]:
    """Return the headers of a form that Slack sends."""
    sent_at = str(int(time.time() - age_s))
    digest = hmac.digest(secret.encode(), b":".join([b"v0", sent_at.encode(), body]), "sha256")
    return {
        "Content-Type": "application/x-www-form-urlencoded",
        "X-Slack-Request-Timestamp": sent_at,
        "X-Slack-Signature": f"v0={digest.hex()}",
    }


def command(text: str, *, user: str = "U0JANE", trigger: str = "", **more: str) -> bytes:
    """Return the body of `/prep TEXT`; each has its own trigger unless one is given."""
    form = {
        "token": "legacy",
        "team_id": TEAM,
        "team_domain": "acme",
        "channel_id": "C0SALES",
        "channel_name": "sales",
        "user_id": user,
        "user_name": "jane",
        "command": "/prep",
        "text": text,
        "api_app_id": "A0PREP",
        "is_enterprise_install": "false",
        "response_url": "https://hooks.slack.example/commands/1",
        "trigger_id": trigger or f"{time.monotonic_ns()}.1.{id(text):x}",
        **more,
    }
    return urlencode(form).encode()


def interaction(payload: Mapping[str, Any]) -> bytes:
    """Return the body of something that was pressed or sent off."""
    return urlencode({"payload": json.dumps(payload)}).encode()


def upload(
    url: str, *, user: str = "U0JANE", view: str = "", size: str = "100", most: str | None = None
) -> bytes:
    """Return the body of the window for lists, sent off with this file."""
    file = {"id": "F0LIST", "size": int(size), "filetype": "csv", "url_private_download": url}
    state = {
        "file": {"list": {"type": "file_input", "files": [file]}},
        "credits": {"list": {"type": "number_input", "value": most}},
    }
    shown = {
        "id": view or f"V{time.monotonic_ns()}",
        "type": "modal",
        "callback_id": "prep_csv",
        "state": {"values": state},
    }
    sent = {"type": "view_submission", "team": {"id": TEAM}, "user": {"id": user}, "view": shown}
    return interaction({**sent, "response_urls": []})


def send(client: httpx.Client, body: bytes, **options: Any) -> httpx.Response:
    """Send a form to us as Slack does."""
    return client.post("/slack/events", content=body, headers=signed(body, **options))
