"""The relay of `warmcall mcp`: what it sends to a server, and what it says when that goes wrong."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.responses import StreamingResponse as Streaming
from starlette.routing import Route

from integrations.cli.relay import (
    MAX_MESSAGE,
    MOST_AT_ONCE,
    NOT_REACHED,
    VERSION,
    Relay,
    Unusable,
    deployed,
    events,
)
from tests.fakes.serving import serve

KEY = "wc_s3cret-word"
STEP = {"jsonrpc": "2.0", "method": "notifications/progress", "params": {"progress": 1}}
NEWEST = {"_meta": {VERSION: "2026-07-28"}}


def request(method: str, number: Any = 1, **params: Any) -> bytes:
    message = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
    return json.dumps(message).encode()


def result(**said: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 1, "result": said}


def event(message: Any) -> bytes:
    return b"event: message\r\ndata: " + json.dumps(message).encode() + b"\r\n\r\n"


@dataclass
class Server:
    """Gives the same answer to every request, and notes them."""

    answer: Callable[[], Response]
    asked: list[tuple[str, dict[str, str], Any]] = field(default_factory=list)

    def app(self) -> Starlette:
        return Starlette(routes=[Route("/{path:path}", self._take, methods=["POST", "GET"])])

    async def _take(self, request: Request) -> Response:
        self.asked.append((request.url.path, dict(request.headers), await request.json()))
        return self.answer()


Script = Callable[[Relay, list[Any]], Awaitable[None]]


def relayed(url: str, script: Script) -> tuple[list[Any], list[str]]:
    """Let a script speak to a relay; return what the client was written, and what was logged."""
    written: list[Any] = []
    logged: list[str] = []

    async def run() -> None:
        fields = {"authorization": f"Bearer {KEY}"}
        async with httpx2.AsyncClient(headers=fields, timeout=10, trust_env=False) as http:
            server = deployed({"WARMCALL_URL": url, "WARMCALL_API_KEY": KEY})
            relay = Relay(
                server, http, lambda line: written.append(json.loads(line)), logged.append
            )
            await script(relay, written)
            await relay.finish()

    asyncio.run(run())
    return written, logged


def lines(*given: bytes) -> Script:
    """Return a script that says these lines, each when the one before was answered."""

    async def script(relay: Relay, written: list[Any]) -> None:
        for line in given:
            before = len(written)
            relay.take(line)
            if b'"id"' in line:
                await until(lambda before=before: len(written) > before)  # type: ignore[misc]

    return script


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not is_so():
            await asyncio.sleep(0.005)


def spoken(answer: Callable[[], Response], *given: bytes) -> tuple[list[Any], Server, list[str]]:
    """Say lines to a server that always answers this."""
    server = Server(answer)
    with serve(server.app()) as url:
        written, logged = relayed(url, lines(*given))
    return written, server, logged


def test_a_request_is_one_post_with_the_key_and_its_answer_is_one_line() -> None:
    line = request("ping")
    written, server, _ = spoken(lambda: JSONResponse(result(a=1)), line)
    [(path, fields, body)] = server.asked
    assert written == [result(a=1)]
    assert (path, body) == ("/mcp", json.loads(line))
    assert fields["authorization"] == f"Bearer {KEY}"


def test_progress_is_passed_on_before_the_answer() -> None:
    told = [STEP, {**STEP, "params": {"progress": 2}}, result(done=True)]

    def answer() -> Response:
        return Streaming(
            iter([b": ping\r\n\r\n", *map(event, told)]), media_type="text/event-stream"
        )

    written, _, _ = spoken(answer, request("tools/call", name="prepare_call"))
    assert written == told


@pytest.mark.parametrize(
    ("method", "params", "name"),
    [
        ("tools/call", {"name": "prepare_call"}, "prepare_call"),
        ("resources/read", {"uri": "company://acme.example"}, "company://acme.example"),
        ("tasks/get", {"taskId": "job_1"}, "job_1"),
        ("prompts/get", {"name": "zoë"}, "=?base64?em/Dqw==?="),
        ("tools/list", {}, None),
    ],
)
def test_header_fields_repeat_what_a_message_says(
    method: str, params: dict[str, Any], name: str | None
) -> None:
    _, server, _ = spoken(lambda: JSONResponse(result()), request(method, **params, **NEWEST))
    [(_, fields, _)] = server.asked
    told = [fields.get(f"mcp-{one}") for one in ("method", "name", "protocol-version")]
    assert told == [method, name, "2026-07-28"]


def test_what_the_handshake_agreed_on_goes_with_every_later_message() -> None:
    started = b'{"jsonrpc": "2.0", "method": "notifications/initialized"}'
    _, server, _ = spoken(
        lambda: JSONResponse(result(protocolVersion="2025-11-25")),
        request("initialize", protocolVersion="2025-11-25"),
        started,
        request("tools/list"),
    )
    told = {body["method"]: fields.get("mcp-protocol-version") for _, fields, body in server.asked}
    assert told == {
        "initialize": None,
        "notifications/initialized": "2025-11-25",
        "tools/list": "2025-11-25",
    }


def test_an_error_of_the_server_is_passed_on_whatever_its_status() -> None:
    error = {"jsonrpc": "2.0", "id": None, "error": {"code": -32_601, "message": "no such method"}}
    written, _, logged = spoken(lambda: JSONResponse(error, 404), request("resources/dance"))
    assert written == [{**error, "id": 1}]
    assert logged == []


def rpc_refusal(status: int) -> Response:
    return JSONResponse({"jsonrpc": "2.0", "error": {"code": 1, "message": "no"}}, status)


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (lambda: JSONResponse({"error": "invalid_token"}, 401), "does not know the key"),
        (lambda: rpc_refusal(401), "does not know the key"),
        (lambda: JSONResponse({"error": "insufficient_scope"}, 403), "is not allowed to do this"),
        (lambda: HTMLResponse("<h1>Nothing</h1>", 404), "(HTTP 404): is WARMCALL_URL right?"),
        (lambda: HTMLResponse("<h1>Welcome</h1>"), "(HTTP 200): is WARMCALL_URL right?"),
        (lambda: JSONResponse(["no", "message"]), "(HTTP 200): is WARMCALL_URL right?"),
        (lambda: RedirectResponse("/elsewhere"), "(HTTP 307): is WARMCALL_URL right?"),
        (lambda: Response("", 413), "larger than"),
        (lambda: Response("", 421), "WARMCALL_PUBLIC_URL"),
        (lambda: Response("", 429, {"retry-after": "7"}), "try again in 7 s"),
        (lambda: Response("", 503), "try again later"),
        (lambda: Response("", 500), "its log says why"),
        (lambda: Streaming(iter([b"data: x\n\n"]), media_type="text/event-stream"), "no MCP"),
        (lambda: Streaming(iter([event(STEP)]), media_type="text/event-stream"), "Ask again"),
    ],
)
def test_what_goes_wrong_is_said_to_the_client_and_in_the_log_without_the_key(
    answer: Callable[[], Response], told: str
) -> None:
    written, server, logged = spoken(answer, request("tools/list", 7))
    assert (written[-1]["id"], written[-1]["error"]["code"]) == (7, NOT_REACHED)
    assert told in written[-1]["error"]["message"]
    assert logged == [written[-1]["error"]["message"]]
    assert KEY not in f"{written}{logged}"
    assert [path for path, _, _ in server.asked] == ["/mcp"]


def test_a_server_that_is_down_is_named() -> None:
    with serve(Starlette()) as url:
        pass  # nobody listens there any more
    written, _ = relayed(url, lines(request("server/discover")))
    assert written[0]["error"]["message"].startswith(f"No server answers at {url}")


@pytest.mark.parametrize(
    "answer",
    [
        lambda: Response(b" " * (MAX_MESSAGE + 1), media_type="application/json"),
        lambda: Streaming(iter([b"data:" + b" " * MAX_MESSAGE]), media_type="text/event-stream"),
    ],
)
def test_an_answer_without_end_is_not_kept(answer: Callable[[], Response]) -> None:
    written, _, _ = spoken(answer, request("tools/list"))
    assert "larger than" in written[0]["error"]["message"]


def test_a_cancelled_request_closes_its_answer_and_gets_none() -> None:
    left = asyncio.Event()
    cancelled = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 5}}

    async def endless() -> AsyncIterator[bytes]:
        try:
            yield event(STEP)
            await asyncio.Event().wait()
        finally:
            left.set()

    async def script(relay: Relay, written: list[Any]) -> None:
        relay.take(request("tools/call", 5, name="prepare_call"))
        await until(lambda: bool(written))
        relay.take(json.dumps(cancelled).encode())
        await until(left.is_set)

    server = Server(lambda: Streaming(endless(), media_type="text/event-stream"))
    with serve(server.app()) as url:
        written, logged = relayed(url, script)
    assert written == [STEP]
    assert logged == []
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    "line",
    [
        b"{",
        b"[]",
        b'"text"',
        b"\xff",
        b'{"id": true, "method": "ping"}',
        b'{"id":{},"method":""}',
        b"[" * 9_999,
    ],
)
def test_what_is_no_message_is_refused_and_not_sent(line: bytes) -> None:
    async def script(relay: Relay, _: list[Any]) -> None:
        relay.take(line)

    with serve(Starlette()) as url:
        [written], _ = relayed(url, script)
    assert written["id"] is None
    assert written["error"]["code"] in {-32_700, -32_600}


def test_requests_under_way_are_bounded() -> None:
    async def endless() -> AsyncIterator[bytes]:
        yield event(STEP)
        await asyncio.Event().wait()

    async def script(relay: Relay, _: list[Any]) -> None:
        for number in range(MOST_AT_ONCE + 1):
            relay.take(request("tools/call", number))

    server = Server(lambda: Streaming(endless(), media_type="text/event-stream"))
    with serve(server.app()) as url:
        written, _ = relayed(url, script)
    assert [one["id"] for one in written if "error" in one] == [MOST_AT_ONCE]


def test_events_are_read_however_they_are_cut() -> None:
    sent = b"event: message\r\ndata: {\r\ndata: }\r\n\r\n: ping\r\n\r\nid: 1\ndata:{}\n\ndata: cut"

    async def chunks(size: int) -> AsyncIterator[bytes]:
        for at in range(0, len(sent), size):
            yield sent[at : at + size]

    async def read(size: int) -> list[bytes]:
        return [data async for data in events(chunks(size))]

    for size in (1, 2, 7, len(sent)):
        assert asyncio.run(read(size)) == [b"{\n}", b"{}"]


@pytest.mark.parametrize(
    ("url", "endpoint"),
    [
        ("https://warm.example", "https://warm.example/mcp"),
        (" https://warm.example/ ", "https://warm.example/mcp"),
        ("https://warm.example/mcp", "https://warm.example/mcp"),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000/mcp"),
        ("https://shared.example/warm/", "https://shared.example/warm/mcp"),
    ],
)
def test_the_url_is_the_servers_or_its_endpoints(url: str, endpoint: str) -> None:
    server = deployed({"WARMCALL_URL": url, "WARMCALL_API_KEY": f"{KEY}\n"})
    assert server.endpoint == endpoint
    assert server.key == KEY
    assert KEY not in repr(server)


@pytest.mark.parametrize(
    ("url", "key"),
    [
        ("", KEY),
        ("warm.example", KEY),
        ("ftp://warm.example", KEY),
        ("https://warm.example:eighty", KEY),
        ("https://ann:s3cret-word@warm.example", KEY),
        ("https://warm.example?key=s3cret-word", KEY),
        ("https://warm.example", ""),
        ("https://warm.example", "s3cret-word\nx: y"),
        ("https://warm.example", "s3cret-wörd"),
    ],
)
def test_settings_that_lead_nowhere_are_refused_by_name(url: str, key: str) -> None:
    with pytest.raises(Unusable) as caught:
        deployed({"WARMCALL_URL": url, "WARMCALL_API_KEY": key})
    assert str(caught.value).startswith(("WARMCALL_URL: ", "WARMCALL_API_KEY: "))
    assert "s3cret" not in str(caught.value)
