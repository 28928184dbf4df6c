import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import httpx
import pytest
from standardwebhooks import Webhook

from app.delivery import Address, Delivery
from app.errors import DeliveryFailed
from app.provider import Answer, Request
from integrations.callback.channel import CallbackChannel
from integrations.callback.render import MAX_BODY
from integrations.callback.verify import Forged, signature, verify

NOW = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
OLD_SECRET = "whsec_" + base64.b64encode(bytes(range(32, 64))).decode()
DATA: dict[str, Any] = {
    "job_id": "job_1",
    "status": "complete",
    "version": 4,
    "summary": "Acme Corp makes anvils — and 火箭.",
    "card": {"summary": "Acme Corp makes anvils."},
    "created_at": "2026-11-21T09:29:56.000Z",
    "finished_at": "2026-11-21T09:29:58.000Z",
    "links": {"self": "https://warmcall.example/v1/jobs/job_1"},
}


@dataclass
class Receiver:
    """A real HTTP server that notes what it is sent and answers as told."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    answer: bytes = b"thanks"
    url: str = ""
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)


@contextmanager
def listening(receiver: Receiver) -> Iterator[Receiver]:
    class Notes(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.got.append(({k.lower(): v for k, v in self.headers.items()}, body))
            self.send_response(receiver.status)
            for name, value in receiver.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(receiver.answer)))
            self.end_headers()
            self.wfile.write(receiver.answer)

        def log_request(self, code: object = None, size: object = None) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Notes)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    receiver.url = f"http://127.0.0.1:{server.server_port}/hook"
    try:
        yield receiver
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


async def call(request: Request) -> Answer:
    """Send over real HTTP, as app/fetch.py does for a guarded request: a failure is an answer."""
    async with httpx.AsyncClient(verify=False) as client:
        try:
            got = await client.request(
                request.method, request.url, content=request.content, headers=request.headers
            )
        except httpx.ConnectError:
            return Answer(0, {}, b"", request.url, NOW, failure="connect")
    return Answer(got.status_code, dict(got.headers), got.content, request.url, NOW)


def delivery(url: str, **changes: Any) -> Delivery:
    given: dict[str, Any] = {"event": "enrichment.completed", "body": DATA, "secrets": (SECRET,)}
    return Delivery("dlv_01", Address("callback", url), **(given | changes))


def deliver(sent: Delivery, now: datetime = NOW) -> Any:
    return asyncio.run(CallbackChannel(call).deliver(sent, now))


def failure(receiver: Receiver) -> DeliveryFailed:
    with listening(receiver), pytest.raises(DeliveryFailed) as caught:
        deliver(delivery(receiver.url))
    return caught.value


def expected_signature(secret: str, sent: tuple[dict[str, str], bytes]) -> str:
    """Compute a signature by the words of the specification, with nothing of ours."""
    headers, body = sent
    key = base64.b64decode(secret.removeprefix("whsec_"))
    message = b".".join(
        [headers["webhook-id"].encode(), headers["webhook-timestamp"].encode(), body]
    )
    return "v1," + base64.b64encode(hmac.digest(key, message, hashlib.sha256)).decode()


def test_an_event_arrives_signed_with_the_id_of_its_delivery() -> None:
    with listening(Receiver()) as receiver:
        receipt = deliver(delivery(receiver.url))
    headers, body = receiver.got[0]
    assert (receipt.status, receipt.answer) == (200, "thanks")
    assert headers["webhook-id"] == "dlv_01"
    assert headers["webhook-timestamp"] == str(int(NOW.timestamp()))
    assert headers["webhook-signature"] == expected_signature(SECRET, receiver.got[0])
    assert headers["content-type"] == "application/json"
    assert json.loads(body) == {
        "type": "enrichment.completed",
        "timestamp": "2026-11-21T09:29:58.000Z",
        "data": DATA,
    }


def test_while_a_secret_is_rotated_both_secrets_verify() -> None:
    with listening(Receiver()) as receiver:
        deliver(delivery(receiver.url, secrets=(SECRET, OLD_SECRET)))
    headers, body = receiver.got[0]
    assert headers["webhook-signature"].split(" ") == [
        expected_signature(SECRET, receiver.got[0]),
        expected_signature(OLD_SECRET, receiver.got[0]),
    ]
    assert {verify(body, headers, one, NOW) for one in (SECRET, OLD_SECRET)} == {"dlv_01"}


def test_the_reference_library_accepts_what_is_sent() -> None:
    with listening(Receiver()) as receiver:
        deliver(delivery(receiver.url), now=datetime.now(UTC))
    headers, body = receiver.got[0]
    assert Webhook(SECRET).verify(body, headers)["type"] == "enrichment.completed"


def test_a_time_in_another_zone_is_signed_as_the_same_moment() -> None:
    elsewhere = NOW.astimezone(timezone(timedelta(hours=5, minutes=30)))
    with listening(Receiver()) as receiver:
        deliver(delivery(receiver.url), now=elsewhere)
    assert receiver.got[0][0]["webhook-signature"] == expected_signature(SECRET, receiver.got[0])


def test_every_try_sends_the_same_id_and_body_with_a_new_timestamp() -> None:
    with listening(Receiver()) as receiver:
        for later_s in (0, 300):
            deliver(delivery(receiver.url), now=NOW + timedelta(seconds=later_s))
    first, second = receiver.got
    assert first[1] == second[1]
    assert first[0]["webhook-id"] == second[0]["webhook-id"]
    assert int(second[0]["webhook-timestamp"]) - int(first[0]["webhook-timestamp"]) == 300


def test_a_card_that_is_too_large_is_left_to_its_link() -> None:
    large = {**DATA, "card": {"summary": "x" * MAX_BODY}}
    with listening(Receiver()) as receiver:
        deliver(delivery(receiver.url, body=large))
    body = receiver.got[0][1]
    assert len(body) < MAX_BODY
    assert json.loads(body)["data"] == {k: v for k, v in DATA.items() if k != "card"}


@pytest.mark.parametrize("status", [301, 302, 400, 401, 404, 500, 502])
def test_anything_but_success_is_a_failure_that_may_be_tried_again(status: int) -> None:
    failed = failure(Receiver(status, {"Location": "http://127.0.0.1:1/elsewhere"}))
    assert (failed.status, failed.final, failed.retry_after_s) == (status, False, None)
    assert failed.answer == "thanks"


def test_gone_ends_the_address() -> None:
    failed = failure(Receiver(410))
    assert failed.final
    assert failed.gone
    assert "410 Gone" in str(failed)


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("120", 120.0),
        ("Sat, 21 Nov 2026 09:31:00 GMT", 60.0),
        ("Sat, 21 Nov 2026 09:00:00 GMT", 0.0),
        ("soon", None),
        ("-5", None),
        ("9" * 400, 999_999_999.0),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_receiver_says_when_it_wants_the_next_try(
    status: int, said: str, meant: float | None
) -> None:
    assert failure(Receiver(status, {"Retry-After": said})).retry_after_s == meant


def test_only_the_first_kilobyte_of_an_answer_is_kept() -> None:
    assert len(failure(Receiver(500, answer=b"\xff" + b"x" * 5_000)).answer) == 1_000


def test_a_blocked_and_an_unreachable_address_read_the_same() -> None:
    async def blocked(request: Request) -> Answer:
        return Answer(0, {}, b"", request.url, NOW, failure="blocked_address")

    with pytest.raises(DeliveryFailed) as refused:
        asyncio.run(CallbackChannel(blocked).deliver(delivery("http://10.0.0.1/"), NOW))
    with listening(Receiver()) as receiver:
        gone = receiver.url
    with pytest.raises(DeliveryFailed) as unreachable:
        deliver(delivery(gone))
    assert str(refused.value) == str(unreachable.value)


def test_neither_the_secret_nor_the_address_shows_when_printed() -> None:
    sent = delivery("https://hooks.acme.example/t0ken")
    seen: list[Request] = []

    async def note(request: Request) -> Answer:
        seen.append(request)
        return Answer(200, {}, b"", request.url, NOW)

    asyncio.run(CallbackChannel(note).deliver(sent, NOW))
    assert seen[0].guarded
    assert SECRET not in repr(sent) + repr(seen[0])
    assert "t0ken" not in repr(sent)
    assert "anvils" not in repr(sent) + repr(seen[0])


# A vector used across the reference libraries of Standard Webhooks (facts/crm.md section 10).
VECTOR_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
VECTOR_BODY = b'{"test": 2432232314}'
VECTOR_HEADERS = {
    "Webhook-Id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
    "Webhook-Timestamp": "1614265330",
    "Webhook-Signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
}
VECTOR_NOW = datetime.fromtimestamp(1614265331, UTC)


def test_the_published_vector_verifies() -> None:
    found = verify(VECTOR_BODY, VECTOR_HEADERS, VECTOR_SECRET, VECTOR_NOW)
    assert found == VECTOR_HEADERS["Webhook-Id"]


@pytest.mark.parametrize("away_s", [-299, 299])
def test_a_clock_a_little_off_is_no_forgery(away_s: int) -> None:
    verify(VECTOR_BODY, VECTOR_HEADERS, VECTOR_SECRET, VECTOR_NOW + timedelta(seconds=away_s))


@pytest.mark.parametrize(
    "changes",
    [
        {"Webhook-Id": ""},
        {"Webhook-Id": "msg_other"},
        {"Webhook-Timestamp": "1614265331"},
        {"Webhook-Timestamp": "soon"},
        {"Webhook-Timestamp": "-1614265330"},
        {"Webhook-Timestamp": "9" * 500},
        {"Webhook-Timestamp": "١٦١٤٢٦٥٣٣٠"},
        {"Webhook-Signature": ""},
        {"Webhook-Signature": "no comma at all"},
        {"Webhook-Signature": "v1,"},
        {"Webhook-Signature": "v1,***"},
        {"Webhook-Signature": "v1,ÿÿÿ"},
        {"Webhook-Signature": "v2,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="},
    ],
    ids=repr,
)
def test_altered_headers_are_refused(changes: dict[str, str]) -> None:
    with pytest.raises(Forged):
        verify(VECTOR_BODY, VECTOR_HEADERS | changes, VECTOR_SECRET, VECTOR_NOW)


@pytest.mark.parametrize("body", [b"", b'{"test": 2432232315}', b"\xff\xfe"])
def test_an_altered_body_is_refused(body: bytes) -> None:
    with pytest.raises(Forged):
        verify(body, VECTOR_HEADERS, VECTOR_SECRET, VECTOR_NOW)


@pytest.mark.parametrize("away_s", [-302, 302])
def test_a_request_from_another_time_is_refused(away_s: int) -> None:
    with pytest.raises(Forged, match="too far"):
        verify(VECTOR_BODY, VECTOR_HEADERS, VECTOR_SECRET, VECTOR_NOW + timedelta(seconds=away_s))


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_*"])
def test_a_secret_that_is_none_is_said_to_be_so(secret: str) -> None:
    with pytest.raises(ValueError, match="secret"):
        signature(secret, "msg_1", 1, b"{}")
