"""Bytes that no client sends: over raw sockets, to the service as it is served."""

import re
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from threading import Event, Thread

import orjson
import pytest

from integrations import connection, web
from integrations.connection import Connection
from integrations.rest.front import MAX_BODY
from tests.fakes.serving import serve
from tests.hostile.conftest import House

TICK_S = 0.02


@dataclass(frozen=True)
class Said:
    """What came back until the other side hung up; status 0 = nothing at all."""

    raw: bytes

    @property
    def status(self) -> int:
        found = re.match(rb"HTTP/1.1 (\d{3}) ", self.raw)
        return int(found[1]) if found else 0

    @property
    def code(self) -> str:
        body = self.raw.rpartition(b"\r\n\r\n")[2]
        return str(orjson.loads(body).get("code")) if body.startswith(b"{") else ""


def connected(url: str) -> socket.socket:
    host, _, port = url.removeprefix("http://").partition(":")
    return socket.create_connection((host, int(port)), timeout=20)


def exchange(url: str, parts: Iterable[bytes]) -> Said:
    """Send part after part, then listen until the server hangs up."""
    with connected(url) as line:
        try:
            for part in parts:
                line.sendall(part)
        except OSError:
            pass  # it hung up while we were talking; what it said may still be there
        return heard(line)


def heard(line: socket.socket) -> Said:
    got = bytearray()
    try:
        while chunk := line.recv(65_536):
            got += chunk
    except ConnectionError:
        pass
    return Said(bytes(got))


def head(house: House, *fields: str, line: str = "POST /v1/enrich") -> bytes:
    named = ["Host: x", f"Authorization: Bearer {house.key}", "Connection: close", *fields]
    return "\r\n".join([f"{line} HTTP/1.1", *named, "", ""]).encode()


def posted(house: House, body: bytes, kind: str = "application/json") -> Said:
    fields = (f"Content-Type: {kind}", f"Content-Length: {len(body)}")
    return exchange(house.url, [head(house, *fields) + body])


NOT_JSON = {
    "nothing": b"",
    "brackets": b"[" * 60_000,
    "objects": b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
    "nested value": b'{"email":' + b"[" * 30_000 + b"]" * 30_000 + b"}",
    "a raw NUL": b'{"email":"a\x00@acme.example"}',
    "a lone surrogate": b'{"name":"\\udfff Chen","company":"Acme"}',
    "a surrogate as name": b'{"\\ud800":1}',
    "bytes that are no UTF-8": b'{"name":"\xff\xfe","company":"Acme"}',
    "UTF-16": '{"email":"a@acme.example"}'.encode("utf-16"),
    "a byte order mark": b'\xef\xbb\xbf{"email":"a@acme.example"}',
    "a number of 50,000 digits": b'{"domain":"acme.example","max_credits":' + b"9" * 50_000 + b"}",
}

REFUSED = {
    "NUL in an escape": b'{"email":"a\\u0000@acme.example"}',
    "a name of controls": b'{"name":"\\u202ee\\u0000 x","company":"Acme"}',
    "infinity": b'{"domain":"acme.example","max_credits":1e999}',
    "NaN": b'{"domain":"acme.example","wait":NaN}',
    "a list": b"[]",
    "null": b"null",
    "a time as number": b'{"domain":"acme.example","needed_by":99999999999999}',
    "5,000 members": b"{" + b",".join(b'"k%d":1' % i for i in range(5_000)) + b"}",
    "the same member twice": b'{"email":"sarah.chen@acme.example","email":5}',
}

TAKEN = {
    "a wait of 1e300 s on a dry run": b'{"domain":"acme.example","wait":1e300,"dry_run":true}',
    "the end of time": b'{"domain":"acme.example","needed_by":"9999-12-31T23:59:59-23:59",'
    b'"dry_run":true}',
    "1e308 credits": b'{"domain":"acme.example","max_credits":1e308,"dry_run":true}',
}


@pytest.mark.parametrize("name", NOT_JSON)
def test_what_is_not_json_is_refused_as_such(name: str, house: House) -> None:
    said = posted(house, NOT_JSON[name])
    assert (said.status, said.code) == (400, "invalid_json")


@pytest.mark.parametrize("name", REFUSED)
def test_json_that_means_nothing_is_refused_with_a_reason(name: str, house: House) -> None:
    said = posted(house, REFUSED[name])
    assert (said.status, said.code[:7]) == (422, "invalid")


@pytest.mark.parametrize("name", TAKEN)
def test_extreme_but_true_values_are_taken(name: str, house: House) -> None:
    assert posted(house, TAKEN[name]).status == 200


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "", "application/json-patch+json"]
)
def test_a_body_of_another_type_is_refused(kind: str, house: House) -> None:
    assert posted(house, b'{"domain":"acme.example"}', kind).code == "unsupported_media_type"


TARGETS = {
    "/v1/jobs/../../etc/passwd": 404,
    "/v1/jobs/..%2f..%2fetc%2fpasswd": 404,
    "/v1/jobs/" + "a" * 20_000: 404,
    "/v1/jobs/%F0%9F%92%A9%00": 404,
    "/v1/jobs/%ff%zz": 404,
    "/v1/jobs/%ed%a0%80/events": 404,
    "/v1/jobs/'%20OR%201=1--": 404,
    "/v1/jobs?limit=1&limit=2": 422,
    "/v1/jobs?" + "&".join(f"a{i}=1" for i in range(3_000)): 422,
    "/v1/verify?email=%ed%a0%80%00": 200,
    "/v1/company/enrich?domain=%ff": 422,
    "/v1/deliveries?job_id=%00": 200,
    "/card/%ed%a0%80%00": 404,
    "/card/../../etc/passwd": 404,
    "/%00": 404,
    "//v1/jobs": 404,
}


@pytest.mark.parametrize("target", TARGETS, ids=lambda one: one[:40])
def test_no_path_and_no_query_leads_astray(target: str, house: House) -> None:
    assert exchange(house.url, [head(house, line=f"GET {target}")]).status == TARGETS[target]


def test_a_very_long_id_is_not_repeated_in_full(house: House) -> None:
    assert len(exchange(house.url, [head(house, line="GET /v1/jobs/" + "a" * 20_000)]).raw) < 1_000


HEADS = {
    "one huge value": [b"X: ", b"a" * 1_000_000],
    "100,000 fields": [b"".join(b"X%d: a\r\n" % i for i in range(100_000))],
    "a huge value in small chunks": [b"X: ", *[b"a" * 1_000] * 2_000],
}


@pytest.mark.parametrize("name", HEADS)
def test_a_head_larger_than_32_kb_is_refused_while_it_is_read(name: str, house: House) -> None:
    start = b"GET /healthz HTTP/1.1\r\nHost: x\r\n"
    said = exchange(house.url, [start, *HEADS[name], b"\r\n\r\n"])
    assert (said.status, said.code) in {(431, "headers_too_large"), (0, "")}  # 0: our own reset


def test_a_request_line_larger_than_32_kb_is_refused(house: House) -> None:
    said = exchange(house.url, [head(house, line="GET /v1/jobs?limit=" + "1" * 40_000)])
    assert (said.status, said.code) == (431, "headers_too_large")


def test_fields_behind_a_chunked_body_count_too(house: House) -> None:
    fields = b"".join(b"X%d: a\r\n" % i for i in range(20_000))
    chunked = head(house, "Content-Type: application/json", "Transfer-Encoding: chunked")
    said = exchange(house.url, [chunked + b"2\r\n{}\r\n0\r\n", fields, b"\r\n"])
    assert said.status in {431, 422, 0}


def test_a_body_that_never_ends_is_refused_when_it_is_too_large(house: House) -> None:
    chunk = b"%x\r\n" % 8_192 + b" " * 8_192 + b"\r\n"
    chunked = head(house, "Content-Type: application/json", "Transfer-Encoding: chunked")
    said = exchange(house.url, [chunked, *[chunk] * (MAX_BODY // 8_192 + 1)])
    assert (said.status, said.code) == (413, "body_too_large")


@pytest.mark.parametrize(
    "raw",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # TLS
        b"POST /v1/enrich HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nX : smuggled\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nX: a\x00b\r\n\r\n",
    ],
)
def test_what_two_servers_could_read_differently_is_refused(raw: bytes, house: House) -> None:
    said = exchange(house.url, [raw])
    assert (said.status, said.code) == (400, "bad_request")


def test_a_thousand_requests_in_one_breath_are_all_answered(house: House) -> None:
    one = b"GET /healthz HTTP/1.1\r\nHost: x\r\n"
    last = one + b"Connection: close\r\n\r\n"
    said = exchange(house.url, [(one + b"\r\n") * 999 + last])
    assert said.raw.count(b'{"status":"ok"}') == 1_000


# --- slow ones: the limit is 10 s as served, and as short as a test can wait here -------------


class Impatient(Connection):
    """The same connection with less time."""

    arrives_s = 0.3


def slow(url: str, start: bytes, drip: bytes) -> Said:
    """Send one drop after the other until the server hangs up."""
    pause = Event()
    with connected(url) as line:
        try:
            line.sendall(start)
            for _ in range(500):
                line.sendall(drip)
                pause.wait(TICK_S)
        except OSError:
            return heard(line)
    raise AssertionError("it went on for 10 s and nobody hung up")


SLOW = {
    "header fields": (b"GET /healthz HTTP/1.1\r\n", b"X: a\r\n"),
    "a header value": (b"GET /healthz HTTP/1.1\r\nX: ", b"a"),
    "empty lines": (b"", b"\r\n"),
    "a body": (b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: 4000\r\n\r\n", b"a"),
    "chunks": (
        b"POST /login HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"1\r\na\r\n",
    ),
    "a second request": (b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /", b"a"),
}


@pytest.mark.parametrize("name", SLOW)
def test_who_sends_drop_by_drop_is_hung_up_on(name: str, house: House) -> None:
    with serve(web.application(house.runtime), http=Impatient) as url:
        said = slow(url, *SLOW[name])
    assert said.code in {"request_timeout", ""}  # what was said last may be lost with the line


def test_who_says_nothing_is_told_so_and_hung_up_on(house: House) -> None:
    with serve(web.application(house.runtime), http=Impatient) as url:
        said = exchange(url, [b"GET /healthz HTT"])
    assert (said.status, said.code) == (408, "request_timeout")


def test_others_are_served_while_slow_ones_hold_their_connections(house: House) -> None:
    with serve(web.application(house.runtime), http=Impatient) as url:
        drips = [Thread(target=slow, args=(url, *SLOW["a header value"])) for _ in range(50)]
        for one in drips:
            one.start()
        answered = [exchange(url, [head(house, line="GET /v1/usage")]).status for _ in range(50)]
        for one in drips:
            one.join()
    assert answered == [200] * 50


def test_an_answer_may_take_longer_than_a_request(house: House) -> None:
    with serve(web.application(house.runtime), http=Impatient) as url:
        body = b'{"email":"slow@acme.example","wait":20}'
        fields = ("Content-Type: application/json", f"Content-Length: {len(body)}")
        said = exchange(url, [head(house, *fields) + body])
    assert (said.status, orjson.loads(said.raw.rpartition(b"\r\n\r\n")[2])["status"]) == (
        200,
        "complete",
    )


def test_a_connection_too_many_is_told_to_come_later(house: House) -> None:
    with serve(web.application(house.runtime), http=Connection, at_once=3) as url:
        held = [connected(url) for _ in range(3)]
        said = exchange(url, [b""])
        for one in held:
            one.close()
    assert (said.status, said.code) == (503, "not_ready")


def test_the_service_bounds_its_connections_below_its_files() -> None:
    assert 1 <= web._most_connections() <= web.MOST_CONNECTIONS
    assert Connection.arrives_s == 10
    assert connection.MAX_HEAD < connection.MAX_MESSAGE
