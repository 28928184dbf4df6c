"""The one outgoing door, over real sockets: providers, sites, callbacks, names."""

import asyncio
import gzip
import logging
import socket
import ssl
import tracemalloc
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from email.utils import format_datetime
from functools import partial
from typing import Any

import aiohttp
import dns.message
import dns.name
import dns.rdata
import dns.rdatatype
import dns.resolver
import orjson
import pytest
from aiohttp.abc import AbstractResolver, ResolveResult
from dns.rdataclass import IN

from app.body import Body, Garbled
from app.breaker import Admission, Health, admit, report
from app.dial import Pool, guarded_connector, is_own, resolved
from app.failure import failure_of
from app.fetch import Fetch, system_addresses
from app.guard import Allow
from app.prospect import Identifiers
from app.provider import (
    Answer,
    Capability,
    Ended,
    Exchange,
    Finding,
    Meter,
    Outcome,
    Pace,
    Provider,
    Request,
    judged,
)
from app.providers.sandbox import Sandbox
from tests.fakes.clock import Clock
from tests.fakes.web import (
    HTML,
    Web,
    bare_deflate,
    drip,
    endless,
    hang,
    in_turn,
    page,
    raw,
    redirect,
    reset,
    serving,
    trusting,
    tunnel,
    zipped,
)

pytestmark = pytest.mark.anyio

SOON_S = 0.2  # a real time-out, as short as a busy machine allows
NOBODY_TRUSTED = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
LOOPBACK = Allow.parse("127.0.0.1/32")
HELLO = "<html><body>Hello</body></html>"
KEY = "key-5550100"
FAST = Pace(per_s=1000, burst=1000, at_once=8)
MAIL = "jane.roe+crm@initech.example"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@dataclass(frozen=True)
class Vendor:
    """A provider whose answers mean what their status says."""

    name: str = "orbit"
    pace: Pace = FAST
    overrides: dict[int, Outcome] = field(default_factory=dict)
    sandbox: bool = False
    capabilities: tuple[Capability, ...] = ()

    def judge(self, answer: Answer) -> Outcome | None:
        return judged(answer.status, self.overrides)

    def meter(self, answer: Answer) -> Meter:
        spent = answer.headers.get("credits")
        return Meter(credits_spent=float(spent) if spent else None)

    def look_up(self, capability: Capability, query: Identifiers) -> Exchange:
        yield []
        return Finding(Outcome.not_found)


class Door:
    """A Fetch whose clock, sleep and store the test holds."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.health: dict[str, Health] = {}
        self.reports: list[Outcome | None] = []
        self.asked_for: list[int] = []
        self.naps: list[float] = []
        self.asked_names: list[str] = []
        self.names: dict[str, list[list[str]]] = {}
        self.open: list[Fetch] = []

    def fetch(self, **changes: Any) -> Fetch:
        parts: dict[str, Any] = {
            "now": self.clock,
            "admit": self.admit,
            "report": self.report,
            "user_agent": "Warmcall/test",
            "tls": NOBODY_TRUSTED,
            "resolver": self.resolve,
            "sleep": self.sleep,
            "jitter": lambda: 1.0,
        }
        self.open.append(Fetch(**{**parts, **changes}))
        return self.open[-1]

    async def admit(self, provider: Provider, most: int) -> Admission:
        self.asked_for.append(most)
        health = self.health.get(provider.name, Health())
        self.health[provider.name], admission = admit(health, provider.pace, self.clock(), most)
        return admission

    async def report(self, provider: Provider, outcome: Outcome | None, meter: Meter) -> None:
        self.reports.append(outcome)
        self.health[provider.name] = report(
            self.health[provider.name], outcome, meter, self.clock()
        )

    async def sleep(self, seconds: float) -> None:
        self.naps.append(seconds)
        self.clock.move(seconds=seconds)

    async def resolve(self, host: str, port: int) -> Sequence[str]:
        """Answer from `names`: the answers of a name in turn, the last one stays."""
        self.asked_names.append(host)
        if host not in self.names:
            raise socket.gaierror(socket.EAI_NONAME, "unknown")
        answers = self.names[host]
        return answers.pop(0) if len(answers) > 1 else answers[0]


@pytest.fixture
async def door(clock: Clock) -> AsyncIterator[Door]:
    door = Door(clock)
    yield door
    for fetch in door.open:
        await fetch.aclose()


@pytest.fixture
async def web() -> AsyncIterator[Web]:
    async with serving() as web:
        yield web


def site(url: str, **options: Any) -> Request:
    return Request("GET", url, guarded=True, **{"timeout_s": 2.0, **options})


async def visit(fetch: Fetch, url: str, **options: Any) -> Answer:
    [answer] = await fetch.send(Vendor("website"), [site(url, **options)])
    return answer


async def ask(fetch: Fetch, url: str, provider: Provider | None = None, **options: Any) -> Answer:
    sent: dict[str, Any] = {
        key: options.pop(key) for key in ("deadline", "tries") if key in options
    }
    request = Request("GET", url, **{"timeout_s": 2.0, **options})
    [answer] = await fetch.send(provider or Vendor(), [request], **sent)
    return answer


async def refused(fetch: Fetch, url: str, **options: Any) -> Finding:
    with pytest.raises(Ended) as ended:
        await ask(fetch, url, **options)
    return ended.value.finding


# --- a provider's own API ---


async def test_an_answer_comes_back_as_it_was_sent(door: Door, web: Web) -> None:
    web.pages["/v1/person?email=jane.roe%2Bcrm@initech.example"] = page(
        '{"title":"CTO"}', kind="application/json", X_Left="7"
    )
    answer = await ask(
        door.fetch(), f"{web.base}/v1/person", params={"email": MAIL}, headers={"X-Key": KEY}
    )
    assert (answer.status, answer.json(), answer.failure) == (200, {"title": "CTO"}, None)
    assert (answer.headers["x-left"], answer.at) == ("7", door.clock())
    sent = web.seen[0].headers
    assert (sent["x-key"], sent["user-agent"]) == (KEY, "Warmcall/test")
    assert sent["accept-encoding"] == "gzip, deflate"
    assert door.reports == [None]


async def test_neither_key_nor_person_shows_in_answer_or_log(
    door: Door, web: Web, caplog: pytest.LogCaptureFixture
) -> None:
    web.pages["/v1?email=jane.roe%2Bcrm@initech.example"] = page("{}", kind="application/json")
    with caplog.at_level(logging.DEBUG):
        answer = await ask(
            door.fetch(), f"{web.base}/v1", params={"email": MAIL}, headers={"Authorization": KEY}
        )
    assert answer.url == f"{web.base}/v1"
    assert any(one.name == "app.fetch" and "orbit: 200" in one.message for one in caplog.records)
    for secret in (KEY, "jane.roe"):
        assert secret not in caplog.text
        assert secret not in repr(answer)


async def test_json_and_raw_content_are_sent_as_given(door: Door, web: Web) -> None:
    web.pages["/"] = page("{}")
    fetch = door.fetch()
    await fetch.send(Vendor(), [Request("POST", f"{web.base}/", json={"email": MAIL})])
    await fetch.send(Vendor(), [Request("POST", f"{web.base}/", content=b"\x00raw")])
    assert [one.method for one in web.seen] == ["POST", "POST"]
    assert orjson.loads(web.seen[0].body) == {"email": MAIL}
    assert web.seen[0].headers["content-type"] == "application/json"
    assert web.seen[1].body == b"\x00raw"


async def test_answers_come_in_the_order_of_the_requests(door: Door, web: Web) -> None:
    for number in range(5):
        web.pages[f"/{number}"] = page(str(number))
    requests = [Request("GET", f"{web.base}/{number}") for number in range(5)]
    answers = await door.fetch().send(Vendor(), requests)
    assert [answer.body for answer in answers] == [b"0", b"1", b"2", b"3", b"4"]


async def test_when_one_of_several_ends_it_the_others_are_still_heard(door: Door, web: Web) -> None:
    web.pages |= {"/good": page("{}"), "/bad": page("", status=404)}
    requests = [Request("GET", f"{web.base}/{path}") for path in ("bad", "good")]
    with pytest.raises(Ended) as ended:
        await door.fetch().send(Vendor(), requests)
    assert ended.value.finding.outcome is Outcome.not_found
    assert sorted(door.reports, key=str) == [None, Outcome.not_found]


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (400, Outcome.invalid_input),
        (401, Outcome.auth_failed),
        (402, Outcome.out_of_credits),
        (403, Outcome.forbidden),
        (404, Outcome.not_found),
        (422, Outcome.invalid_input),
        (451, Outcome.suppressed),
        (301, Outcome.provider_error),
        (501, Outcome.provider_error),
    ],
)
async def test_an_answer_that_will_not_change_is_not_asked_for_twice(
    door: Door, web: Web, status: int, outcome: Outcome
) -> None:
    web.pages["/"] = page("the provider's own words", status=status, credits="1.5")
    finding = await refused(door.fetch(), f"{web.base}/")
    assert finding == Finding(outcome, detail=f"orbit answered {status}", credits=1.5)
    assert (len(web.seen), door.naps, door.reports) == (1, [], [outcome])


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
async def test_a_passing_fault_is_asked_again_after_one_and_four_seconds(
    door: Door, web: Web, status: int
) -> None:
    web.pages["/"] = in_turn(page("", status=status), page("", status=status), page("{}"))
    answer = await ask(door.fetch(), f"{web.base}/")
    assert (answer.status, len(web.seen)) == (200, 3)
    assert sum(door.naps) == 5.0


async def test_the_sixteen_seconds_before_the_fourth_try_are_left_to_the_queue(
    door: Door, web: Web
) -> None:
    web.pages["/"] = page("", status=503)
    finding = await refused(door.fetch(), f"{web.base}/")
    assert (finding.outcome, finding.detail) == (Outcome.provider_error, "orbit answered 503")
    assert (len(web.seen), door.naps) == (3, [1.0, 4.0])
    assert finding.retry_at == door.clock() + timedelta(seconds=16)


async def test_the_last_try_is_final(door: Door, web: Web) -> None:
    web.pages["/"] = page("", status=503)
    finding = await refused(door.fetch(), f"{web.base}/", tries=1)
    assert (len(web.seen), door.naps, finding.retry_at) == (1, [], None)


async def test_waits_are_spread_by_a_fifth(door: Door, web: Web) -> None:
    web.pages["/"] = in_turn(page("", status=503), page("{}"))
    await ask(door.fetch(jitter=lambda: 1.2), f"{web.base}/")
    assert door.naps == [1.2]


async def test_a_named_wait_comes_before_the_ladder(door: Door, web: Web) -> None:
    at = format_datetime(door.clock() + timedelta(seconds=5), usegmt=True)
    web.pages["/"] = in_turn(
        page("", status=429, retry_after="2"), page("", status=429, retry_after=at), page("{}")
    )
    fetch = door.fetch(jitter=lambda: 1.2)
    assert (await ask(fetch, f"{web.base}/")).status == 200
    assert door.naps == [2.0, 3.0]


async def test_a_named_wait_of_more_than_five_seconds_is_left_to_the_queue(
    door: Door, web: Web
) -> None:
    web.pages["/"] = page("", status=429, retry_after="30")
    finding = await refused(door.fetch(), f"{web.base}/")
    assert (finding.outcome, finding.detail) == (Outcome.rate_limited, "orbit answered 429")
    assert finding.retry_at == door.clock() + timedelta(seconds=30)
    assert (len(web.seen), door.naps) == (1, [])


async def test_a_wait_past_the_deadline_is_not_slept(door: Door, web: Web) -> None:
    web.pages["/"] = page("", status=503)
    deadline = door.clock() + timedelta(seconds=3)
    finding = await refused(door.fetch(), f"{web.base}/", deadline=deadline)
    assert (len(web.seen), door.naps) == (2, [1.0])
    assert finding.retry_at == door.clock() + timedelta(seconds=4)


async def test_an_adapter_decides_what_a_status_means(door: Door, web: Web) -> None:
    web.pages["/"] = in_turn(page("", status=403), page("", status=202), page("{}"))
    vendor = Vendor(overrides={403: Outcome.rate_limited, 202: Outcome.pending})
    assert (await ask(door.fetch(), f"{web.base}/", vendor)).body == b"{}"
    assert len(web.seen) == 3


@pytest.mark.parametrize(
    ("script", "detail", "times"),
    [
        (hang, "time-out after 0.2 s", 3),
        (drip, "time-out after 0.2 s", 3),
        (reset, "broken off or not HTTP", 3),
        (raw(b"SMTP ready\r\n"), "broken off or not HTTP", 3),
        (raw(b"HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\nshort"), "broken off or not HTTP", 3),
        (page("x" * 2000), "answer larger than 1000 bytes", 1),
        (zipped(b"x" * 2000), "answer larger than 1000 bytes", 1),
    ],
)
async def test_a_broken_answer_is_a_provider_error_in_plain_words(
    door: Door, web: Web, script: Any, detail: str, times: int
) -> None:
    web.pages["/"] = script
    finding = await refused(door.fetch(), f"{web.base}/", timeout_s=SOON_S, max_bytes=1000)
    assert (finding.outcome, finding.detail) == (Outcome.provider_error, detail)
    assert door.reports == [Outcome.provider_error] * times


async def test_an_unreachable_provider_is_a_provider_error(door: Door) -> None:
    finding = await refused(door.fetch(), "http://127.0.0.1:1/")
    assert (finding.outcome, finding.detail) == (Outcome.provider_error, "no connection")
    assert door.reports == [Outcome.provider_error] * 3


async def test_an_untrusted_certificate_is_refused_and_not_asked_again(door: Door) -> None:
    async with serving(tls=True) as secure:
        finding = await refused(door.fetch(tls=None), f"{secure.base}/")
    assert finding.detail == "no secure connection (TLS)"
    assert (secure.seen, len(door.reports)) == ([], 1)


async def test_a_trusted_certificate_is_believed(door: Door) -> None:
    async with serving(tls=True) as secure:
        secure.pages["/"] = page("{}")
        fetch = door.fetch(tls=trusting())
        assert (await ask(fetch, f"{secure.base}/")).status == 200
        await fetch.aclose()


# --- admission ---


async def test_after_five_failures_nobody_is_sent(door: Door, web: Web) -> None:
    web.pages["/"] = page("", status=501)
    fetch = door.fetch()
    for _ in range(5):
        await refused(fetch, f"{web.base}/")
    finding = await refused(fetch, f"{web.base}/")
    assert (finding.outcome, finding.detail) == (Outcome.skipped, "breaker open")
    assert finding.retry_at == door.clock() + timedelta(seconds=60)
    assert len(web.seen) == 5


async def test_a_breaker_that_opens_between_tries_leaves_the_outcome_of_the_try(
    door: Door, web: Web
) -> None:
    web.pages["/"] = page("", status=503)
    door.health["orbit"] = Health(failures=4)
    finding = await refused(door.fetch(), f"{web.base}/")
    assert (finding.outcome, finding.detail) == (Outcome.provider_error, "orbit answered 503")
    assert finding.retry_at == door.health["orbit"].opened_until
    assert len(web.seen) == 1


async def test_a_broken_provider_costs_another_nothing(door: Door, web: Web) -> None:
    web.pages |= {"/bad": page("", status=501), "/good": page("{}")}
    fetch = door.fetch()
    for _ in range(6):
        await refused(fetch, f"{web.base}/bad")
    assert (await ask(fetch, f"{web.base}/good", Vendor("comet"))).status == 200


async def test_a_short_wait_for_a_token_is_slept_and_asked_about_again(
    door: Door, web: Web
) -> None:
    web.pages["/"] = page("{}")
    vendor = Vendor(pace=Pace(per_s=2.0, burst=1))
    fetch = door.fetch()
    await fetch.send(vendor, [Request("GET", f"{web.base}/")] * 3)
    assert (len(web.seen), door.naps) == (3, [0.5, 0.5])


async def test_those_who_wait_together_are_admitted_by_one_question(door: Door, web: Web) -> None:
    web.pages["/"] = page("{}")

    async def slowly(provider: Provider, most: int) -> Admission:
        await asyncio.sleep(0)
        return await door.admit(provider, most)

    vendor = Vendor(pace=Pace(per_s=0.1, burst=20, at_once=20))
    await door.fetch(admit=slowly).send(vendor, [Request("GET", f"{web.base}/")] * 20)
    assert (len(web.seen), door.asked_for) == (20, [1, 19])


async def test_a_long_wait_for_a_token_is_left_to_the_queue(door: Door, web: Web) -> None:
    web.pages["/"] = page("{}")
    vendor = Vendor(pace=Pace(per_s=0.1, burst=1))
    fetch = door.fetch()
    await ask(fetch, f"{web.base}/", vendor)
    finding = await refused(fetch, f"{web.base}/", provider=vendor)
    assert finding.outcome is Outcome.rate_limited
    assert finding.retry_at == door.clock() + timedelta(seconds=10)


async def test_a_long_line_is_sent_back_to_the_queue_at_once(door: Door, web: Web) -> None:
    web.pages["/"] = page("{}")
    vendor = Vendor(pace=Pace(per_s=1.0, burst=1, at_once=1))
    fetch = door.fetch()
    asked = [ask(fetch, f"{web.base}/", vendor) for _ in range(10)]
    told = await asyncio.gather(*asked, return_exceptions=True)
    ended = [one for one in told if isinstance(one, Ended)]
    assert len(ended) + len(web.seen) == 10
    assert {one.finding.detail for one in ended} == {"more calls are waiting than it takes"}
    assert sum(door.naps) <= 7


async def test_no_more_than_its_places_are_asked_at_once(door: Door, web: Web) -> None:
    busy, most = 0, 0

    async def slow(web: Web, writer: asyncio.StreamWriter) -> None:
        nonlocal busy, most
        busy += 1
        most = max(most, busy)
        for _ in range(20):
            await asyncio.sleep(0)
        busy -= 1
        await page("{}")(web, writer)

    web.pages["/"] = slow
    vendor = Vendor(pace=Pace(per_s=1000, burst=1000, at_once=3))
    await door.fetch().send(vendor, [Request("GET", f"{web.base}/")] * 12)
    assert (most, len(web.seen)) == (3, 12)


async def test_a_hanging_provider_does_not_hold_up_another(door: Door, web: Web) -> None:
    web.pages |= {"/hang": hang, "/": page("{}")}
    fetch = door.fetch()
    stuck = asyncio.gather(
        *(refused(fetch, f"{web.base}/hang", timeout_s=SOON_S, tries=1) for _ in range(9))
    )
    answer = await ask(fetch, f"{web.base}/", Vendor("comet"), timeout_s=SOON_S)
    assert (answer.status, stuck.done()) == (200, False)
    await stuck


async def test_a_call_that_is_cancelled_gives_its_place_back(door: Door, web: Web) -> None:
    web.pages |= {"/hang": hang, "/": page("{}")}
    vendor = Vendor(pace=Pace(per_s=1000, burst=1000, at_once=1))
    fetch = door.fetch()
    stuck = asyncio.ensure_future(ask(fetch, f"{web.base}/hang", vendor))
    while not web.seen:
        await asyncio.sleep(0.002)
    stuck.cancel()
    assert (await ask(fetch, f"{web.base}/", vendor)).status == 200
    assert (stuck.cancelled(), door.reports) == (True, [None])


async def test_a_call_cut_by_the_deadline_is_no_failure_of_the_provider(
    door: Door, web: Web
) -> None:
    web.pages["/"] = hang
    deadline = door.clock() + timedelta(seconds=SOON_S)
    finding = await refused(door.fetch(), f"{web.base}/", deadline=deadline, timeout_s=30.0)
    assert finding.outcome is Outcome.provider_error
    assert finding.detail == "no answer by the deadline"
    assert door.reports == []


async def test_who_gets_no_turn_by_the_deadline_was_not_asked(door: Door, web: Web) -> None:
    web.pages["/"] = hang
    vendor = Vendor(pace=Pace(per_s=1000, burst=1000, at_once=1))
    fetch = door.fetch()
    first = asyncio.ensure_future(refused(fetch, f"{web.base}/", provider=vendor, tries=1))
    while not web.seen:
        await asyncio.sleep(0.002)
    deadline = door.clock() + timedelta(seconds=SOON_S)
    finding = await refused(fetch, f"{web.base}/", provider=vendor, deadline=deadline)
    assert (finding.outcome, len(web.seen)) == (Outcome.skipped, 1)
    web.closing.set()
    await first


# --- the sandbox ---


async def test_the_sandbox_answers_without_a_network_after_its_delay(door: Door) -> None:
    answer = await ask(
        door.fetch(), "sandbox:person", Sandbox(), params={"email": "slow@acme.example"}
    )
    assert (answer.status, door.naps) == (200, [3.0])


async def test_a_rate_limited_sandbox_prospect_is_asked_again(door: Door) -> None:
    params = {"email": "ratelimited@acme.example"}
    answer = await ask(door.fetch(), "sandbox:person", Sandbox(), params=params)
    assert answer.status == 200
    assert 1.0 in door.naps


async def test_an_outage_played_by_one_prospect_does_not_close_the_sandbox(door: Door) -> None:
    fetch = door.fetch()
    for _ in range(9):
        finding = await refused(
            fetch, "sandbox:person", provider=Sandbox(), params={"email": "error@acme.example"}
        )
        assert finding.outcome is Outcome.provider_error
    params = {"email": "sarah.chen@acme.example"}
    assert (await ask(fetch, "sandbox:person", Sandbox(), params=params)).status == 200
    assert door.health == {}


# --- sites ---


async def test_a_page_is_read_with_its_headers_and_last_address(door: Door, web: Web) -> None:
    door.names["site.example"] = [["127.0.0.1"]]
    web.pages |= {"/old": redirect("/new?x=1#part", 301), "/new?x=1": page(HELLO)}
    answer = await visit(door.fetch(allow=LOOPBACK), f"http://site.example:{web.port}/old#top")
    assert (answer.status, answer.body.decode()) == (200, HELLO)
    assert answer.url == f"http://site.example:{web.port}/new?x=1"
    assert answer.headers["content-type"] == HTML
    assert (door.reports, door.health) == ([], {})  # a site's bad day is nobody's breaker


async def test_a_page_is_asked_for_after_the_pause_that_its_site_wants(
    door: Door, web: Web
) -> None:
    door.names["site.example"] = [["127.0.0.1"]]
    web.pages["/"] = page(HELLO)
    await visit(door.fetch(allow=LOOPBACK), f"http://site.example:{web.port}/", after_s=2.0)
    assert door.naps == [2.0]


async def test_neither_cookies_nor_a_referer_are_ever_sent(door: Door, web: Web) -> None:
    web.pages |= {"/": redirect("/home"), "/home": page(HELLO)}
    fetch = door.fetch(allow=LOOPBACK)
    await visit(fetch, f"{web.base}/")
    await visit(fetch, f"{web.base}/home")
    assert web.targets == ["/", "/home", "/home"]
    assert all({"cookie", "referer"}.isdisjoint(one.headers) for one in web.seen)


@pytest.mark.parametrize("script", [zipped(HELLO.encode()), bare_deflate(HELLO.encode())])
async def test_a_packed_page_is_unpacked(door: Door, web: Web, script: Any) -> None:
    web.pages["/"] = script
    assert (await visit(door.fetch(allow=LOOPBACK), f"{web.base}/")).body.decode() == HELLO


async def test_messy_addresses_are_mended_as_browsers_do(door: Door, web: Web) -> None:
    web.pages |= {"/a%20b": redirect("/über uns"), "/%C3%BCber%20uns": page(HELLO)}
    answer = await visit(door.fetch(allow=LOOPBACK), f"{web.base}/a b")
    assert answer.body.decode() == HELLO


async def test_four_redirects_are_followed_and_a_fifth_is_not(door: Door, web: Web) -> None:
    web.pages |= {f"/{hop}": redirect(f"/{hop + 1}") for hop in range(5)}
    web.pages["/5"] = page(HELLO)
    fetch = door.fetch(allow=LOOPBACK)
    assert (await visit(fetch, f"{web.base}/1")).status == 200
    answer = await visit(fetch, f"{web.base}/0")
    assert (answer.failure, answer.status, answer.body) == ("too_many_redirects", 0, b"")
    assert web.targets == [f"/{hop}" for hop in (1, 2, 3, 4, 5, 0, 1, 2, 3, 4)]


async def test_a_redirect_loop_ends(door: Door, web: Web) -> None:
    web.pages["/"] = redirect("/")
    assert (await visit(door.fetch(allow=LOOPBACK), f"{web.base}/")).failure == "too_many_redirects"
    assert len(web.seen) == 5


@pytest.mark.parametrize(
    ("script", "failure"),
    [
        (hang, "timeout"),
        (drip, "timeout"),
        (reset, "protocol"),
        (raw(b"220 mail.example ESMTP\r\n"), "protocol"),
        (raw(b"HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\nshort"), "protocol"),
        (raw(b"HTTP/1.1 200 OK\r\ncontent-length: -5\r\n\r\n"), "protocol"),
        (raw(b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 40_000 + b"\r\n"), "protocol"),
        (page("not gzip at all", content_encoding="gzip"), "protocol"),
        (page("", content_encoding="br"), "protocol"),
        (redirect("http://[::1"), "blocked_address"),
        (redirect("ftp://site.example/"), "blocked_address"),
        (redirect("file:///etc/passwd"), "blocked_address"),
    ],
)
async def test_a_site_that_fails_is_an_answer_that_says_why(
    door: Door, web: Web, script: Any, failure: str
) -> None:
    web.pages["/"] = script
    answer = await visit(door.fetch(allow=LOOPBACK), f"{web.base}/", timeout_s=SOON_S)
    assert (answer.failure, answer.status, answer.body) == (failure, 0, b"")


async def test_nobody_at_home_is_no_connection(door: Door) -> None:
    assert (await visit(door.fetch(allow=LOOPBACK), "http://127.0.0.1:1/")).failure == "connect"


async def test_an_untrusted_certificate_is_named(door: Door) -> None:
    async with serving(tls=True) as secure:
        answer = await visit(door.fetch(allow=LOOPBACK), f"{secure.base}/")
        assert (answer.failure, secure.seen) == ("tls", [])


async def test_a_certificate_is_checked_against_the_name_not_the_address(door: Door) -> None:
    door.names |= {"site.example": [["127.0.0.1"]], "other.example": [["127.0.0.1"]]}
    async with serving(tls=True) as secure:
        secure.pages["/"] = page(HELLO)
        fetch = door.fetch(allow=LOOPBACK, tls=trusting())
        good = await visit(fetch, f"https://site.example:{secure.port}/")
        wrong = await visit(fetch, f"https://other.example:{secure.port}/")
        await fetch.aclose()
    assert (good.status, wrong.failure, len(secure.seen)) == (200, "tls", 1)


# --- what is read of a page ---

PAGES = ("text/html", "application/xhtml+xml")


async def test_a_file_of_the_wrong_type_is_not_read(door: Door, web: Web) -> None:
    web.pages["/"] = endless(b"", b"%PDF" * 4096, kind="application/pdf")
    answer = await visit(door.fetch(allow=LOOPBACK), f"{web.base}/", accept=PAGES)
    assert (answer.failure, answer.body) == ("wrong_type", b"")
    assert web.seen[0].headers["accept"] == "text/html, application/xhtml+xml"


async def test_a_page_that_names_no_type_is_read(door: Door, web: Web) -> None:
    web.pages["/"] = page(HELLO, kind="")
    answer = await visit(door.fetch(allow=LOOPBACK), f"{web.base}/", accept=PAGES)
    assert answer.body.decode() == HELLO


async def test_an_error_keeps_its_status_whatever_its_type(door: Door, web: Web) -> None:
    web.pages["/"] = page("{}", status=404, kind="application/json")
    answer = await visit(door.fetch(allow=LOOPBACK), f"{web.base}/", accept=PAGES)
    assert (answer.status, answer.failure, answer.body) == (404, None, b"")


@pytest.mark.parametrize("kind", [HTML, "text/plain", "APPLICATION/XHTML+XML"])
async def test_of_an_endless_page_the_first_part_is_kept(door: Door, web: Web, kind: str) -> None:
    web.pages["/"] = endless(HELLO.encode(), b"x" * 65_536, kind=kind)
    answer = await visit(door.fetch(allow=LOOPBACK), f"{web.base}/", max_bytes=100_000)
    assert (answer.status, answer.failure, len(answer.body)) == (200, None, 100_000)
    assert answer.body.startswith(HELLO.encode())


async def test_a_feed_that_is_too_large_is_no_use_in_part(door: Door, web: Web) -> None:
    web.pages["/"] = endless(b"<rss>", b"x" * 65_536, kind="application/xml")
    answer = await visit(door.fetch(allow=LOOPBACK), f"{web.base}/", max_bytes=100_000)
    assert (answer.failure, answer.status, answer.body) == ("too_large", 0, b"")


async def test_a_gzip_bomb_is_stopped_at_the_cap(door: Door, web: Web) -> None:
    web.pages["/"] = zipped(b"0" * 50_000_000)
    answer = await visit(door.fetch(allow=LOOPBACK), f"{web.base}/", max_bytes=100_000)
    assert len(answer.body) == 100_000


def test_no_chunk_is_unpacked_beyond_the_cap() -> None:
    body, bomb = Body("gzip", most=1000), gzip.compress(b"0" * 50_000_000)
    tracemalloc.start()
    body.add(bomb)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (len(body.content), body.is_cut, peak < 1_000_000) == (1000, True, True)
    body.add(b"more of it")
    assert len(body.content) == 1000


def test_a_body_of_exactly_the_cap_is_whole() -> None:
    for encoding, data in (("", b"0" * 1000), ("gzip", gzip.compress(b"0" * 1000))):
        body = Body(encoding, most=1000)
        body.add(data)
        assert (len(body.content), body.is_cut) == (1000, False)


def test_a_body_is_unpacked_from_chunks_of_any_size() -> None:
    packed = gzip.compress(b"first ") + gzip.compress(b"second") + b"\0\0padding"
    for size in (1, 7, len(packed)):
        body = Body("x-gzip", most=1000)
        for start in range(0, len(packed), size):
            body.add(packed[start : start + size])
        assert body.content == b"first second"


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, gzip"])
def test_an_encoding_nobody_asked_for_is_not_guessed(encoding: str) -> None:
    with pytest.raises(Garbled):
        Body(encoding, most=1000)


# --- the guard ---

INNER = [
    "http://127.0.0.1:{port}/",
    "http://127.1:{port}/",
    "http://2130706433:{port}/",
    "http://0x7f.1:{port}/",
    "http://0177.0.0.1:{port}/",
    "http://①②⑦.0.0.1:{port}/",
    "http://localhost:{port}/",
    "http://[::1]:{port}/",
    "http://[::ffff:7f00:1]:{port}/",
    "http://0.0.0.0:{port}/",
    "http://user:pw@127.0.0.1:{port}/",
    "http://inner.example:{port}/",
    "http://mixed.example:{port}/",
    "http://inner.example:80/",
    "http://mixed.example:443/",
    "http://169.254.169.254/latest/meta-data/",
    "http://10.0.0.1/",
    "http://metadata.google.internal/",
]


@pytest.mark.parametrize("url", INNER)
async def test_no_spelling_reaches_a_private_address(door: Door, web: Web, url: str) -> None:
    door.names |= {"inner.example": [["127.0.0.1"]], "mixed.example": [["8.8.8.8", "127.0.0.1"]]}
    answer = await visit(door.fetch(), url.format(port=web.port))
    assert (answer.failure, answer.status, web.connections) == ("blocked_address", 0, 0)


@pytest.mark.parametrize("url", INNER)
async def test_no_redirect_reaches_a_private_address(door: Door, web: Web, url: str) -> None:
    """The first server is allowed by its port alone; every further hop is judged anew."""
    door.names |= {"inner.example": [["127.0.0.1"]], "mixed.example": [["8.8.8.8", "127.0.0.1"]]}
    async with serving() as entrance:
        entrance.pages["/"] = redirect(url.format(port=web.port))
        allow = Allow.parse(f"127.0.0.1:{entrance.port}")
        answer = await visit(door.fetch(allow=allow), f"{entrance.base}/")
    assert (answer.failure, web.connections) == ("blocked_address", 0)
    assert entrance.targets == ["/"]


async def test_a_name_that_changes_its_address_is_judged_at_each_connection(
    door: Door, web: Web
) -> None:
    """127.0.0.1 stands for the public address here: the only one that is allowed."""
    door.names["site.example"] = [["127.0.0.1"], ["10.0.0.1"]]
    web.pages["/"] = page(HELLO, connection="close")
    fetch = door.fetch(allow=LOOPBACK)
    url = f"http://site.example:{web.port}/"
    told = [await visit(fetch, url) for _ in range(2)]
    assert [(one.status, one.failure) for one in told] == [(200, None), (0, "blocked_address")]
    assert door.asked_names == ["site.example"] * 2


async def test_every_hop_asks_for_its_own_address(door: Door, web: Web) -> None:
    door.names |= {"a.example": [["127.0.0.1"]], "b.example": [["127.0.0.1"]]}
    web.pages |= {"/a": redirect(f"http://b.example:{web.port}/b"), "/b": page(HELLO)}
    await visit(door.fetch(allow=LOOPBACK), f"http://a.example:{web.port}/a")
    assert door.asked_names == ["a.example", "b.example"]
    assert web.connections == 2  # one address, and yet no connection is shared between names


class Liar(AbstractResolver):
    """A resolver that judges nothing, as if the guard's own were gone."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return [resolved(host, "127.0.0.1", port)]

    async def close(self) -> None:
        pass


@pytest.mark.parametrize("host", ["site.example", "127.0.0.1"])
async def test_the_socket_is_judged_whatever_the_resolver_let_pass(web: Web, host: str) -> None:
    connector = guarded_connector(Pool("site", 1), trusting(), Liar(), Allow())
    async with aiohttp.ClientSession(connector=connector) as bare:
        with pytest.raises(aiohttp.ClientConnectorError) as told:
            await bare.get(f"http://{host}:{web.port}/")
    assert (failure_of(told.value), web.connections) == ("blocked_address", 0)


def test_this_machines_own_addresses_are_known() -> None:
    assert is_own("127.0.0.1")
    assert not is_own("192.0.2.1")


async def test_an_unknown_name_is_told_apart_from_an_unreachable_one(door: Door) -> None:
    door.names["empty.example"] = [[]]
    fetch = door.fetch(allow=LOOPBACK)
    assert (await visit(fetch, "http://nobody.example/")).failure == "dns_nxdomain"
    assert (await visit(fetch, "http://empty.example/")).failure == "dns_no_answer"


async def test_the_system_resolves_an_address_to_itself() -> None:
    assert list(await system_addresses("127.0.0.1", 80)) == ["127.0.0.1"]


# --- https before http ---


async def test_a_bare_site_redirects_to_http_once(door: Door, web: Web) -> None:
    web.pages["/home"] = page(HELLO)
    async with serving(tls=True) as secure:
        secure.pages |= {path: redirect(f"{web.base}/home") for path in ("/", "/about")}
        fetch = door.fetch(allow=LOOPBACK, tls=trusting())
        bare = await visit(fetch, f"{secure.base}/")
        deep = await visit(fetch, f"{secure.base}/about")
        await fetch.aclose()
    assert (bare.status, deep.failure, web.targets) == (200, "protocol", ["/home"])


@pytest.mark.parametrize("path", ["/", "/robots.txt"])
async def test_where_https_cannot_be_reached_the_door_is_tried_over_http(
    door: Door, web: Web, path: str
) -> None:
    web.pages |= {
        "CONNECT site.example:443": page("", status=501),
        f"http://site.example{path}": page(HELLO),
    }
    answer = await visit(door.fetch(egress_proxy=web.base), f"https://site.example{path}")
    assert (answer.status, answer.url) == (200, f"http://site.example{path}")


async def test_deeper_pages_are_not_tried_over_http(door: Door, web: Web) -> None:
    web.pages |= {
        "CONNECT site.example:443": page("", status=501),
        "http://site.example/about": page(HELLO),
    }
    answer = await visit(door.fetch(egress_proxy=web.base), "https://site.example/about")
    assert (answer.failure, web.targets) == ("connect", ["site.example:443"])


async def test_an_untrusted_door_is_tried_over_http(door: Door, web: Web) -> None:
    web.pages |= {"CONNECT site.example:443": tunnel, "http://site.example/": page(HELLO)}
    answer = await visit(door.fetch(egress_proxy=web.base), "https://site.example/")
    assert answer.url == "http://site.example/"


async def test_when_neither_can_be_reached_the_first_failure_is_told(door: Door, web: Web) -> None:
    web.pages |= {"CONNECT site.example:443": tunnel, "http://site.example/": reset}
    answer = await visit(door.fetch(egress_proxy=web.base), "https://site.example/")
    assert (answer.failure, answer.url) == ("tls", "https://site.example/")


# --- the operator's proxy ---


async def unasked(host: str, port: int) -> Sequence[str]:
    raise AssertionError("with a proxy, no name is resolved here")


async def test_with_a_proxy_no_name_is_resolved_here(door: Door, web: Web) -> None:
    web.pages |= {
        "http://site.example/": redirect("http://www.site.example/a?b=c"),
        "http://www.site.example/a?b=c": page(HELLO),
    }
    fetch = door.fetch(egress_proxy=web.base, resolver=unasked)
    answer = await visit(fetch, "http://site.example/")
    assert (answer.status, answer.url) == (200, "http://www.site.example/a?b=c")
    assert web.seen[1].headers["host"] == "www.site.example"


async def test_with_a_proxy_https_goes_through_a_tunnel(door: Door, web: Web) -> None:
    web.pages |= {"CONNECT site.example:443": tunnel, "/about": page(HELLO)}
    fetch = door.fetch(egress_proxy=web.base, resolver=unasked, tls=trusting())
    answer = await visit(fetch, "https://site.example/about")
    assert (answer.status, web.targets) == (200, ["site.example:443", "/about"])
    await fetch.aclose()


@pytest.mark.parametrize("url", [url for url in INNER if "example" not in url])
async def test_with_a_proxy_private_addresses_are_still_refused(
    door: Door, web: Web, url: str
) -> None:
    fetch = door.fetch(egress_proxy=web.base, resolver=unasked)
    answer = await visit(fetch, url.format(port=80))
    assert (answer.failure, web.connections) == ("blocked_address", 0)


async def test_what_the_proxy_answers_for_an_unknown_host_is_a_status(door: Door, web: Web) -> None:
    web.pages["http://nobody.example/"] = page("no such host", status=502)
    answer = await visit(door.fetch(egress_proxy=web.base), "http://nobody.example/")
    assert (answer.status, answer.failure) == (502, None)


async def test_a_proxy_that_is_down_is_no_connection(door: Door) -> None:
    fetch = door.fetch(egress_proxy="http://127.0.0.1:1")
    assert (await visit(fetch, "https://site.example/")).failure == "connect"


async def test_a_providers_own_api_does_not_go_through_the_proxy(door: Door, web: Web) -> None:
    web.pages["/v1"] = page("{}")
    fetch = door.fetch(egress_proxy="http://127.0.0.1:1")
    assert (await ask(fetch, f"{web.base}/v1")).status == 200


# --- callbacks ---


async def test_a_callback_is_sent_once_as_it_is(door: Door, web: Web) -> None:
    web.pages["/hook"] = page("thanks", kind="text/plain")
    request = Request(
        "POST", f"{web.base}/hook", headers={"Webhook-Id": "d1"}, content=b'{"a":1}', timeout_s=2
    )
    answer = await door.fetch(allow=LOOPBACK).call(request)
    assert (answer.status, answer.body) == (200, b"thanks")
    assert (web.seen[0].body, web.seen[0].headers["webhook-id"]) == (b'{"a":1}', "d1")


@pytest.mark.parametrize("status", [301, 307, 410, 429, 500])
async def test_a_callback_follows_and_repeats_nothing(door: Door, web: Web, status: int) -> None:
    web.pages["/hook"] = page("", status=status, location="/elsewhere", retry_after="1")
    answer = await door.fetch(allow=LOOPBACK).call(Request("POST", f"{web.base}/hook"))
    assert (answer.status, answer.headers["retry-after"]) == (status, "1")
    assert (web.targets, door.naps) == (["/hook"], [])


async def test_no_more_than_64_kb_of_a_callbacks_answer_are_read(door: Door, web: Web) -> None:
    web.pages["/hook"] = endless(b"", b"x" * 65_536, kind="application/octet-stream")
    answer = await door.fetch(allow=LOOPBACK).call(Request("POST", f"{web.base}/hook"))
    assert (answer.status, len(answer.body), answer.failure) == (200, 64_000, None)


@pytest.mark.parametrize("url", [*INNER, "http://site.example/hook#part"])
async def test_a_callback_to_a_private_address_is_refused(door: Door, web: Web, url: str) -> None:
    door.names |= {"inner.example": [["127.0.0.1"]], "mixed.example": [["8.8.8.8", "127.0.0.1"]]}
    answer = await door.fetch().call(Request("POST", url.format(port=web.port), content=b"{}"))
    assert (answer.failure, web.connections) == ("blocked_address", 0)


async def test_a_callback_that_cannot_be_delivered_says_why(door: Door, web: Web) -> None:
    web.pages["/hook"] = hang
    fetch = door.fetch(allow=LOOPBACK)
    slow = await fetch.call(Request("POST", f"{web.base}/hook", timeout_s=SOON_S))
    gone = await fetch.call(Request("POST", "https://127.0.0.1:1/"))
    assert (slow.failure, gone.failure, len(web.seen)) == ("timeout", "connect", 1)


# --- names ---

ZONE = {
    "MX": "10 mx.initech.example.",
    "TXT": '"v=spf1 include:" "spf.example -all"',
}


NO_ANSWER: Callable[..., Exception] = dns.resolver.NoAnswer  # dnspython leaves it untyped


class Zone:
    """A resolver with one small zone, which answers in dnspython's own shapes."""

    def __init__(self, trouble: Exception | None = None) -> None:
        self.trouble = trouble
        self.asked: list[tuple[str, str, float]] = []

    async def resolve(self, qname: str, rdtype: str, *, lifetime: float) -> dns.resolver.Answer:
        self.asked.append((qname, rdtype, lifetime))
        if self.trouble:
            raise self.trouble
        name = dns.name.from_text(qname)
        kind = dns.rdatatype.from_text(rdtype)
        response = dns.message.make_response(dns.message.make_query(name, kind))
        assert isinstance(response, dns.message.QueryMessage)
        if rdtype not in ZONE:
            raise NO_ANSWER(response=response)
        found = response.find_rrset(response.answer, name, IN, kind, create=True)
        found.add(dns.rdata.from_text(IN, kind, ZONE[rdtype]), 60)
        return dns.resolver.Answer(name, kind, IN, response)


def named(kind: str) -> Request:
    return Request("GET", f"dns:initech.example?type={kind}")


async def test_a_name_is_looked_up_as_a_list_of_texts(door: Door) -> None:
    zone = Zone()
    answers = await door.fetch(dns=zone).send(Vendor("dns"), [named("MX"), named("TXT")])
    assert [answer.json() for answer in answers] == [
        ["10 mx.initech.example."],
        ["v=spf1 include:spf.example -all"],
    ]
    assert zone.asked == [("initech.example", "MX", 2.0), ("initech.example", "TXT", 2.0)]
    assert door.health == {}


async def test_a_name_is_looked_up_for_whoever_is_no_provider(door: Door) -> None:
    [answer] = await door.fetch(dns=Zone()).look_up([named("MX")])
    assert answer.json() == ["10 mx.initech.example."]


@pytest.mark.parametrize(
    ("trouble", "failure"),
    [
        (dns.resolver.NXDOMAIN, "dns_nxdomain"),
        (partial(dns.resolver.LifetimeTimeout, timeout=2.0, errors=[]), "timeout"),
        (dns.resolver.NoNameservers, "dns_error"),
        (dns.resolver.NoResolverConfiguration, "dns_error"),
        (dns.name.LabelTooLong, "dns_error"),
        (partial(OSError, "unreachable"), "dns_error"),
        (lambda: None, "dns_no_answer"),
    ],
)
async def test_a_name_that_is_not_found_says_why(
    door: Door, trouble: Callable[[], Exception | None], failure: str
) -> None:
    fetch = door.fetch(dns=Zone(trouble()))
    [answer] = await fetch.send(Vendor("dns"), [named("AAAA")])
    assert (answer.failure, answer.status, answer.body) == (failure, 0, b"")


async def test_with_a_proxy_names_are_not_looked_up_unless_a_resolver_is_given(door: Door) -> None:
    proxy = "http://127.0.0.1:1"
    [closed] = await door.fetch(egress_proxy=proxy).look_up([named("MX")])
    [given] = await door.fetch(egress_proxy=proxy, dns=Zone()).look_up([named("MX")])
    assert (closed.failure, given.failure) == ("dns_error", None)


async def test_a_site_is_not_waited_for_past_the_deadline(door: Door, web: Web) -> None:
    web.pages["/"] = hang
    fetch = door.fetch(allow=LOOPBACK)
    request = site(f"{web.base}/", timeout_s=30.0)
    deadline = door.clock() + timedelta(seconds=SOON_S)
    [answer] = await fetch.send(Vendor("website"), [request], deadline)
    assert answer.failure == "timeout"
