"""Slack's side of our app beside the Web API: several workspaces, OAuth, and Socket Mode's line.

It refuses what Slack refuses (facts/slack.md sections 17 and 18, read 2026-11-21): a code used
twice, of another redirect or without the client's secret, a token in another's workspace, a ticket
used twice, frames that are not masked, and answers to what it has not sent.
"""

import json
import socket
import struct
import threading
import time
from base64 import b64decode, b64encode
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from hashlib import sha1
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit
from uuid import uuid4

from tests.fakes.slack import Call, No, Object, Slack, slack_served

CLIENT_ID, CLIENT_SECRET, APP_TOKEN = "1.2", "s3cret-of-the-app", "xapp-1-prep"
ANSWER_S = 3.0
MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
TEXT, CLOSE, PING, PONG = 1, 8, 9, 10


@dataclass
class SlackApp(Slack):
    """Workspaces that install our app; `teams_of`: user -> workspace, `slow_s`: method -> delay."""

    teams_of: dict[str, str] = field(default_factory=dict)
    grants: dict[str, tuple[str, str]] = field(default_factory=dict)  # code -> team, redirect_uri
    granted: Sequence[str] | None = None  # scopes, None = all
    slow_s: dict[str, float] = field(default_factory=dict)
    teams: list[tuple[str, str]] = field(default_factory=list)  # team and method of each call
    line: "Lines | None" = None

    def answer(self, method: str, token: str, arguments: Object) -> tuple[Object, float]:
        time.sleep(self.slow_s.get(method, 0.0))
        own = {"oauth.v2.access": self._access, "apps.connections.open": self._connection}
        if method not in own:
            team = self.tokens.get(token, "")
            self.teams.append((team, method))
            self._stays_at_home(team, arguments)
            return super().answer(method, token, arguments)
        call = Call(method, arguments, time.monotonic(), "ok")
        self.calls.append(call)
        try:
            return {"ok": True, **own[method](token, arguments)}, 0.0
        except No as exc:
            call.answer = str(exc)
            return {"ok": False, "error": str(exc)}, 0.0

    def _stays_at_home(self, team: str, arguments: Object) -> None:
        """A user of another workspace is not known: the conversation is none of this token's."""
        if team and self.teams_of.get(arguments.get("channel", ""), team) != team:
            arguments["channel"] = "U0OFANOTHERTEAM"

    # --- OAuth

    def allows(self, team: str, redirect_uri: str) -> str:
        """Let somebody install the app; return the code that Slack sends the browser back with."""
        code = f"code-{uuid4().hex}"
        self.grants[code] = (team, redirect_uri)
        return code

    def _access(self, authorization: str, given: Object) -> Object:
        login = b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
        if authorization != f"Basic {login}":
            raise No("bad_client_secret")
        grant = self.grants.pop(given.get("code", ""), None)
        if grant is None:
            raise No("invalid_code")
        team, redirect_uri = grant
        if given.get("redirect_uri") != redirect_uri:
            raise No("bad_redirect_uri")
        token = f"xoxb-{team}-{uuid4().hex}"
        self.tokens[token] = team
        scopes = self.scopes if self.granted is None else self.granted
        return {
            "access_token": token,
            "token_type": "bot",
            "scope": ",".join(scopes),
            "bot_user_id": f"UBOT{team[2:]}",
            "app_id": "A0PREP",
            "team": {"id": team, "name": team[2:].title()},
            "enterprise": None,
            "authed_user": {"id": "U0ADMIN"},
            "is_enterprise_install": False,
        }

    def token_of(self, team: str) -> str:
        [token] = [token for token, of in self.tokens.items() if of == team]
        return token

    # --- Socket Mode

    def _connection(self, token: str, _: Object) -> Object:
        if token.startswith("xoxb-"):
            raise No("not_allowed_token_type")
        if token != APP_TOKEN:
            raise No("invalid_auth")
        assert self.line is not None
        return {"url": self.line.ticket()}


class Unanswered(Exception):
    """No answer came down the line in the time that Slack waits."""


class Line:
    """One WebSocket, Slack's end of it."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._file = connection.makefile("rb")
        self._sending = threading.Lock()

    def path(self) -> str:
        """Shake hands; return what was asked for."""
        request = self._file.readline().decode()
        fields: dict[str, str] = {}
        while (text := self._file.readline().decode().strip()) != "":
            name, _, value = text.partition(":")
            fields[name.lower()] = value.strip()
        assert fields["upgrade"].lower() == "websocket"
        assert len(b64decode(fields["sec-websocket-key"])) == 16
        proof = b64encode(sha1(fields["sec-websocket-key"].encode() + MAGIC).digest()).decode()
        self._connection.sendall(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Accept: {proof}\r\n\r\n".encode()
        )
        return request.split()[1]

    def send(self, data: bytes, opcode: int = TEXT) -> None:
        size = len(data)
        length = struct.pack("!B", size) if size < 126 else struct.pack("!BH", 126, size)
        with self._sending:
            self._connection.sendall(bytes([0x80 | opcode]) + length + data)

    def receive(self) -> tuple[int, bytes]:
        """Return the next frame. Raises OSError when the line has ended."""
        head = self._file.read(2)
        if len(head) < 2:
            raise ConnectionResetError
        assert head[1] & 0x80, "a client's frames are masked"
        size = head[1] & 0x7F
        if size >= 126:
            size = int.from_bytes(self._file.read(2 if size == 126 else 8), "big")
        mask, data = self._file.read(4), self._file.read(size)
        return head[0] & 0x0F, bytes(byte ^ mask[i % 4] for i, byte in enumerate(data))

    def cut(self) -> None:
        """End without a word."""
        with suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)
        self._file.close()
        self._connection.close()


class Lines:
    """Where our app's lines end. What is sent goes down the newest."""

    def __init__(self) -> None:
        self._door = socket.create_server(("127.0.0.1", 0))
        self._tickets: set[str] = set()
        self._open: list[Line] = []
        self._answers: dict[str, Object | None] = {}
        self._sent: set[str] = set()
        self._came = threading.Condition()
        self.opened = 0
        threading.Thread(target=self._serve, daemon=True).start()

    def ticket(self) -> str:
        ticket = uuid4().hex
        self._tickets.add(ticket)
        return f"ws://127.0.0.1:{self._door.getsockname()[1]}/link/?ticket={ticket}&app_id=A0PREP"

    def send(self, kind: str, payload: Object, **more: Any) -> Object | None:
        """Send an envelope; return what is answered to it, None when that is nothing.

        Raises Unanswered after as long as Slack waits.
        """
        envelope_id = str(uuid4())
        envelope = {"envelope_id": envelope_id, "type": kind, "payload": payload}
        with self._came:
            assert self._came.wait_for(lambda: self._open, 30), "there is no line"
            self._sent.add(envelope_id)
            line = self._open[-1]
        line.send(json.dumps({**envelope, "accepts_response_payload": True, **more}).encode())
        with self._came:
            if not self._came.wait_for(lambda: envelope_id in self._answers, ANSWER_S):
                raise Unanswered(kind)
            return self._answers[envelope_id]

    def command(self, body: bytes) -> str:
        """Send a slash command; return the text of what is answered."""
        said = self.send("slash_commands", dict(parse_qsl(body.decode())))
        return json.dumps(said)

    def interact(self, body: bytes) -> Object | None:
        """Send what somebody pressed or submitted; return what is answered."""
        return self.send("interactive", json.loads(dict(parse_qsl(body.decode()))["payload"]))

    def refresh(self) -> None:
        """Ask the app to change lines, as Slack does every few hours; the old one goes soon."""
        with self._came:
            old = self._open.pop()
        old.send(json.dumps({"type": "disconnect", "reason": "refresh_requested"}).encode())

    def cut(self) -> None:
        """Lose all lines without a word."""
        with self._came:
            lines, self._open = self._open, []
        for line in lines:
            line.cut()

    def close(self) -> None:
        self._door.close()
        self.cut()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._door.accept()
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                threading.Thread(target=self._attend, args=[Line(connection)], daemon=True).start()

    def _attend(self, line: Line) -> None:
        [ticket] = parse_qs(urlsplit(line.path()).query)["ticket"]
        if ticket not in self._tickets:
            line.cut()
            return
        self._tickets.remove(ticket)
        line.send(json.dumps({"type": "hello", "num_connections": 1}).encode())
        with self._came:
            self._open.append(line)
            self.opened += 1
            self._came.notify_all()
        with suppress(OSError):
            while True:
                self._heard(line, *line.receive())
        with self._came:
            if line in self._open:
                self._open.remove(line)
        line.cut()

    def _heard(self, line: Line, opcode: int, data: bytes) -> None:
        if opcode == PING:
            line.send(data, PONG)
        elif opcode == CLOSE:
            raise ConnectionResetError
        elif opcode == TEXT:
            answer = json.loads(data)
            with self._came:
                assert answer["envelope_id"] in self._sent, "an answer to nothing"
                self._answers[answer["envelope_id"]] = answer.get("payload")
                self._came.notify_all()


@contextmanager
def app_served(slack: SlackApp, port: int = 0) -> Iterator[SlackApp]:
    """Serve the Web API and the lines."""
    slack.line = Lines()
    try:
        with slack_served(slack, port):
            yield slack
    finally:
        slack.line.close()
