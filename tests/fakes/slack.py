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
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlencode

import httpx

from integrations.slack.manifest import SCOPES
from tests.fakes.blocks import check_message, check_view, pressed

TEAM, TOKEN, SECRET = "T0ACME", "xoxb-of-acme", "0123456789abcdef0123456789abcdef"
PACES = {
    "chat.postMessage": (1.0, 5.0),
    "chat.update": (50 / 60, 12.0),
    "conversations.open": (50 / 60, 12.0),
    "conversations.history": (50 / 60, 12.0),
    "users.lookupByEmail": (50 / 60, 12.0),
}
"""Calls a second in the long run, and at once: chat.postMessage per conversation, else per team."""

TRIGGER_S = 3.0
PLACEHOLDER = {"type": "divider"}

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
    thread: str = ""


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


@dataclass
class ReplyUrl:
    """A response_url: five uses in 30 minutes, then 404. `said` is what the user saw there."""

    ends_at: float
    said: list[Object] = field(default_factory=list)
    fault: str = ""

    def answer(self, message: Object) -> tuple[int, Object]:
        if self.fault or time.monotonic() > self.ends_at:
            return 404, {"ok": False, "error": self.fault or "expired_url"}
        if len(self.said) >= 5:
            return 404, {"ok": False, "error": "used_url"}
        if check_message(message["text"], message["blocks"]):
            return 400, {"ok": False, "error": "invalid_blocks"}
        self.said.append(message)
        return 200, {"ok": True}


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
    mails: dict[str, str] = field(default_factory=dict)  # a colleague's address -> their id
    channels: dict[str, str] = field(default_factory=dict)  # id -> "", or why nobody may post there
    replies: dict[str, "ReplyUrl"] = field(default_factory=dict)  # by the path of the URL
    limits: bool = False
    messages: list[Message] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    faults: defaultdict[str, list[Fault]] = field(default_factory=lambda: defaultdict(list))
    scopes: Sequence[str] = SCOPES  # of every token
    broken: dict[str, str] = field(default_factory=dict)  # method -> the error it always gives
    too_early: int = 0  # calls before Retry-After had passed
    zones: dict[str, tuple[str, int]] = field(default_factory=dict)  # user -> tz, tz_offset
    homes: dict[str, Object] = field(default_factory=dict)  # user -> the Home tab, as it is shown
    prompts: dict[str, list[Object]] = field(default_factory=dict)  # conversation -> suggestions
    url: str = ""
    views: list[Object] = field(default_factory=list)  # windows that are open, as they were sent
    triggers: dict[str, float] = field(default_factory=dict)  # not used yet -> when it was given
    hooks: dict[str, int] = field(default_factory=dict)  # path of a response_url -> uses left
    whispered: list[Object] = field(default_factory=list)  # what was told to one person alone
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

    def said_in(self, channel: str) -> list[Message]:
        """Return what is in a conversation."""
        return [one for one in self.messages if one.channel == channel and not one.is_deleted]

    def reply_url(self, valid_s: float = 1_800) -> str:
        """Give out a URL as a command does: where its user may be answered for a while."""
        path = f"/hooks/commands/{len(self.replies) + 1}"
        self.replies[path] = ReplyUrl(time.monotonic() + valid_s)
        return self.url.removesuffix("/api") + path

    def replied(self, url: str) -> list[Object]:
        """Return what was answered at such a URL."""
        return self.replies[url[url.index("/hooks/") :]].said

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
                does = partial(self._who, team) if method == "auth.test" else None
                said = {"ok": True, **(does() if does else self._does(method)(arguments))}
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
            "views.publish": self._publish,
            "users.info": self._user,
            "assistant.threads.setSuggestedPrompts": self._suggest,
            "users.lookupByEmail": self._by_mail,
            "views.open": self._open_view,
            "views.update": self._update_view,
            "chat.postEphemeral": self._whisper,
        }
        if method not in known:
            raise No("unknown_method")
        return known[method]

    def _who(self, team: str) -> Object:
        """Answer `auth.test`."""
        ids = {"team_id": team, "user_id": f"UBOT{team[2:]}", "bot_id": f"B{team[2:]}"}
        return {**ids, "url": "https://acme.slack.example/", "team": team[2:].title(), "user": "w"}

    def headers(self, method: str) -> Mapping[str, str]:
        """Return what an answer has beside it."""
        return {"x-oauth-scopes": ",".join(self.scopes)} if method == "auth.test" else {}

    def _post(self, given: Object) -> Object:
        channel = self._conversation(given.get("channel", ""))
        text, blocks = _said(given)
        self._last += 1_000_000
        ts = f"{self._last // 1_000_000}.{self._last % 1_000_000:06}"
        metadata = json.loads(given.get("metadata", "{}"))
        thread = given.get("thread_ts", "")
        self.messages.append(Message(channel, ts, text, blocks, metadata, thread=thread))
        return {"channel": channel, "ts": ts, "message": {"text": text}}

    def _update(self, given: Object) -> Object:
        message = self._message(given)
        message.text, message.blocks = _said(given, text_limit=4_000)
        message.edits += 1
        return {"channel": message.channel, "ts": message.ts, "text": message.text}

    def _delete(self, given: Object) -> Object:
        self._message(given).is_deleted = True
        return {"channel": given["channel"], "ts": given["ts"]}

    def _by_mail(self, given: Object) -> Object:
        if given.get("email", "").lower() not in self.mails:
            raise No("users_not_found")
        return {"user": {"id": self.mails[given["email"].lower()]}}

    def _open(self, given: Object) -> Object:
        if given.get("users") not in self.users:
            raise No("user_not_found")
        return {"channel": {"id": dm(given["users"])}}

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
        if given["channel"] in self.channels:
            raise No("missing_scope")  # the app may read its own conversations alone
        found = self.said_in(given["channel"])
        with_metadata = given.get("include_all_metadata") == "true"
        return {
            "messages": [
                {"ts": m.ts, "text": m.text, **({"metadata": m.metadata} if with_metadata else {})}
                for m in reversed(found[-limit:])
            ]
        }

    def _publish(self, given: Object) -> Object:
        if given.get("user_id") not in self.users:
            raise No("user_not_found")
        view = json.loads(given.get("view", "{}"))
        if view.get("type") != "home" or check_view(view):
            raise No("invalid_arguments")
        self.homes[given["user_id"]] = view
        return {"view": {"id": "V0HOME", **view}}

    def _user(self, given: Object) -> Object:
        if given.get("user") not in self.users:
            raise No("user_not_found")
        zone, offset_s = self.zones.get(given["user"], ("America/Los_Angeles", -28_800))
        return {"user": {"id": given["user"], "tz": zone, "tz_offset": offset_s}}

    def _suggest(self, given: Object) -> Object:
        prompts = json.loads(given.get("prompts", "[]"))
        if not 1 <= len(prompts) <= 4 or any(not one["message"] for one in prompts):
            raise No("invalid_arguments")
        self.prompts[self._conversation(given.get("channel_id", ""))] = prompts
        return {}

    def _open_view(self, given: Object) -> Object:
        """Open a window: a trigger is good for 3 s, and once."""
        trigger, view = str(given.get("trigger_id", "")), given.get("view")
        view = json.loads(view) if isinstance(view, str) else view
        if trigger not in self.triggers:
            raise No("invalid_trigger_id")
        given_at, self.triggers[trigger] = self.triggers[trigger], -1.0
        if given_at < 0:
            raise No("exchanged_trigger_id")
        if time.monotonic() - given_at > TRIGGER_S:
            raise No("expired_trigger_id")
        if not isinstance(view, dict) or check_view(view):
            raise No("invalid_arguments")
        number = len(self.views) + 1
        opened = {**view, "id": f"V0{number}", "hash": f"{number}.hash", "state": {"values": {}}}
        self.views.append(opened)
        return {"view": opened}

    def _update_view(self, given: Object) -> Object:
        """Show something else in a window that is open."""
        view = given.get("view")
        view = json.loads(view) if isinstance(view, str) else view
        known = [one for one in self.views if one["id"] == given.get("view_id")]
        if not known:
            raise No("not_found")
        if not isinstance(view, dict) or check_view(view):
            raise No("invalid_arguments")
        known[0].clear()
        known[0].update({**view, "id": given["view_id"], "hash": "2.hash", "state": {"values": {}}})
        return {"view": known[0]}

    def _whisper(self, given: Object) -> Object:
        if given.get("user") not in self.users:
            raise No("user_not_in_channel")
        self._conversation(str(given.get("channel", "")))
        text, blocks = _said(given)
        self.whispered.append({"user": given["user"], "text": text, "blocks": blocks})
        return {"message_ts": "1795000000.000001"}

    def trigger(self, age_s: float = 0.0) -> str:
        """Give a trigger, as a press does."""
        with self._lock:
            name = f"{len(self.triggers) + 1}.trigger"
            self.triggers[name] = time.monotonic() - age_s
            return name

    def hook(self, message: Message | None = None) -> str:
        """Give the address for answers to a press, good for five."""
        with self._lock:
            place = f"{message.channel}/{message.ts}" if message else "none/0"
            path = f"/hooks/{len(self.hooks) + 1}/{place}"
            self.hooks[path] = 5
            return self.url.removesuffix("/api") + path

    def answered_at(self, path: str, body: Object) -> int:
        """Take an answer at such an address; return the status it is told."""
        with self._lock:
            if not self.hooks.get(path):
                return 404
            self.hooks[path] -= 1
            if body.get("delete_original"):
                *_, channel, ts = path.split("/")
                self._message({"channel": channel, "ts": ts}).is_deleted = True
                return 200
            if check_message(body.get("text"), body.get("blocks") or [PLACEHOLDER]):
                return 400
            self.whispered.append(body)
            return 200

    def _conversation(self, channel: str) -> str:
        if channel in self.users:
            return dm(channel)
        if channel in {dm(user) for user in self.users}:
            return channel
        if why_not := self.channels.get(channel):
            raise No(why_not)
        if channel in self.channels:
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
            if self.path.startswith("/hooks/"):
                path = self.path
                found = slack.replies.get(path)
                known = found.answer(json.loads(raw)) if found else None
                self.say(*known or (slack.answered_at(path, json.loads(raw)), {"ok": True}))
                return
            method = self.path.rpartition("/")[2]
            token = self.headers.get("Authorization", "").removeprefix("Bearer ")
            fault = slack.faults[method].pop(0) if slack.faults[method] else None
            if fault and not fault.after:
                self.spoil(method, token, fault)
                return
            said, wait_s = slack.answer(method, token, self.arguments(raw))
            if fault:
                self.spoil(method, token, fault)
            elif wait_s:
                self.say(429, said, {"Retry-After": str(max(1, int(wait_s + 0.999)))})
            else:
                self.say(200, said, slack.headers(method))

        def arguments(self, raw: bytes) -> Object:
            is_json = self.headers.get("Content-Type", "").startswith("application/json")
            return dict(json.loads(raw or b"{}") if is_json else parse_qsl(raw.decode()))

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


def event(said: Object, *, event_id: str = "", team: str = TEAM, **more: Any) -> bytes:
    """Return the body of an event of the Events API; each has its own id unless one is given."""
    body = {
        "token": "legacy",
        "team_id": team,
        "api_app_id": "A0PREP",
        "event": {"event_ts": "1795000000.000100", **said},
        "type": "event_callback",
        "event_id": event_id or f"Ev{time.monotonic_ns():X}",
        "event_time": 1_795_000_000,
        "authorizations": [{"team_id": team, "user_id": "U0APP", "is_bot": True}],
        "is_ext_shared_channel": False,
        **more,
    }
    return json.dumps(body).encode()


def opened(user: str, tab: str = "home") -> Object:
    return {"type": "app_home_opened", "user": user, "channel": dm(user), "tab": tab}


def mentioned(user: str, text: str, channel: str, **more: str) -> Object:
    said = f"<@U0APP> {text}"
    return {
        "type": "app_mention",
        "user": user,
        "text": said,
        "ts": "1795000000.000100",
        "channel": channel,
        "team": TEAM,
        **more,
    }


def written(user: str, text: str, **more: str) -> Object:
    """Return a message to the app alone."""
    return {
        "type": "message",
        "channel": dm(user),
        "channel_type": "im",
        "user": user,
        "text": text,
        "ts": "1795000000.000200",
        "team": TEAM,
        **more,
    }


def chosen(user: str, action: Object, *, team: str = TEAM, of: str = TEAM) -> bytes:
    """Return the body of something chosen in the Home tab, by a user `of` a workspace."""
    payload = {
        "type": "block_actions",
        "team": {"id": team, "domain": "acme"},
        "user": {"id": user, "username": "jane", "team_id": of},
        "api_app_id": "A0PREP",
        "container": {"type": "view", "view_id": "V0HOME"},
        "trigger_id": f"{time.monotonic_ns()}.2.home",
        "view": {"id": "V0HOME", "type": "home", "hash": "1.a"},
        "actions": [{"block_id": "b1", "action_ts": "1795000000.000300", **action}],
    }
    return urlencode({"payload": json.dumps(payload)}).encode()


def retried(number: int) -> dict[str, str]:
    """Return the headers of an event that is sent again."""
    return {"X-Slack-Retry-Num": str(number), "X-Slack-Retry-Reason": "http_timeout"}


def send_event(client: httpx.Client, body: bytes, retry: int = 0) -> httpx.Response:
    """Send an event to us as Slack does, the first time or again."""
    headers = signed(body) | {"Content-Type": "application/json"}
    again = retried(retry) if retry else {}
    return client.post("/slack/events", content=body, headers=headers | again)


def press(
    slack: Slack,
    message: Message,
    action_id: str,
    choice: str = "",
    *,
    user: str = "U0JANE",
    user_team: str = TEAM,
    age_s: float = 0.0,
) -> bytes:
    """Return the body that tells of a press on what a message shows.

    `choice` is the beginning of the option's value, or of the thumb's; `age_s` that of the press.
    """
    found = [one for one in pressed(message.blocks) if one["action_id"] == action_id]
    assert found, f"{action_id} is not shown"
    now = f"{time.time():.6f}"
    action = {"action_id": action_id, "block_id": "b", "type": found[0]["type"], "action_ts": now}
    return _payload(
        {
            "type": "block_actions",
            "team": {"id": TEAM, "domain": "acme"},
            "user": {"id": user, "name": "jane", "team_id": user_team},
            "api_app_id": "A0PREP",
            "container": {
                "type": "message",
                "message_ts": message.ts,
                "channel_id": message.channel,
                "is_ephemeral": False,
            },
            "channel": {"id": message.channel, "name": "directmessage"},
            "message": {"ts": message.ts, "text": message.text, "blocks": message.blocks},
            "trigger_id": slack.trigger(age_s),
            "response_url": slack.hook(message),
            "actions": [action | _pressed_value(found[0], choice)],
        }
    )


def _pressed_value(element: Object, choice: str) -> Object:
    if options := element.get("options"):
        [one] = [option for option in options if option["value"].startswith(choice)]
        return {"selected_option": one}
    thumbs = [element[name] for name in ("positive_button", "negative_button") if name in element]
    for thumb in thumbs:
        if thumb["value"].startswith(choice):
            return {"value": thumb["value"]}
    return {"value": element.get("value", "")}


def submit(view: Object, *, user: str = "U0JANE", user_team: str = TEAM, **put: str) -> bytes:
    """Return the body that tells that a window was submitted, with this put into its blocks."""
    values = {
        block["block_id"]: {block["element"]["action_id"]: _put_in(block["element"], put)}
        for block in view["blocks"]
        if block["type"] == "input"
    }
    return _payload(
        {
            "type": "view_submission",
            "team": {"id": TEAM, "domain": "acme"},
            "user": {"id": user, "name": "jane", "team_id": user_team},
            "api_app_id": "A0PREP",
            "trigger_id": "1.submitted",
            "response_urls": [],
            "view": {**view, "team_id": TEAM, "state": {"values": values}},
        }
    )


def _put_in(element: Object, put: Mapping[str, str]) -> Object:
    if element["type"] == "conversations_select":
        return {"type": element["type"], "selected_conversation": put.get("channel")}
    typed = put.get("query", element.get("initial_value"))
    return {"type": element["type"], "value": typed}


def shortcut(
    slack: Slack, callback_id: str, text: str | None = None, *, user: str = "U0JANE"
) -> bytes:
    """Return the body that tells of a shortcut, at a message when it has a text."""
    at_message = {
        "message": {"type": "message", "user": "U0JOE", "ts": "1795000000.000001", "text": text},
        "channel": {"id": "C0SALES", "name": "sales"},
        "message_ts": "1795000000.000001",
        "response_url": slack.hook(),
    }
    return _payload(
        {
            "type": "shortcut" if text is None else "message_action",
            "callback_id": callback_id,
            "team": {"id": TEAM, "domain": "acme"},
            "user": {"id": user, "username": "jane", "team_id": TEAM},
            "trigger_id": slack.trigger(),
            "action_ts": f"{time.time():.6f}",
            **({} if text is None else at_message),
        }
    )


def _payload(told: Object) -> bytes:
    return urlencode({"payload": json.dumps(told)}).encode()
