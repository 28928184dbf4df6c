"""The one outgoing door: whatever leaves for a provider, a website or a callback leaves here.

A provider's own API is asked through its breaker and token bucket, with retries. A host that a
user or a record named is dialled by the guard's leave, or through the operator's proxy. Each
provider has its own small pool: a slow one never holds the connections of another.
"""

import asyncio
import logging
import random
import socket
import ssl
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Coroutine,
    Iterable,
    Mapping,
    Sequence,
)
from contextlib import AsyncExitStack, aclosing, asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Literal, Protocol, TypeAlias, TypeGuard
from urllib.parse import parse_qs, urlsplit

import aiohttp
import dns.asyncresolver
import dns.exception
import dns.rdata
import httpx
import orjson
from aiohttp.abc import AbstractResolver, ResolveResult
from httpx_aiohttp import AiohttpTransport
from tenacity import AsyncRetrying, retry_if_result

from app import lenient
from app.body import UNPACKED, Body, Garbled
from app.breaker import Admission
from app.errors import Blocked
from app.failure import NO_MATTER_OF_LUCK, Refused, dns_failure_of, failure_of, in_words
from app.guard import Allow, judge_callback, judge_url, may_dial
from app.provider import (
    RETRYABLE_STATUSES,
    Answer,
    Ended,
    Finding,
    Meter,
    Offline,
    Outcome,
    Pace,
    Provider,
    Request,
)

TRIES = 4
BACK_OFF_S = (1.0, 4.0, 16.0)  # before the second, third and fourth try
LONGEST_NAP_S = 5.0  # a longer wait is the queue's: no slot of a worker sleeps through it

MOST_REDIRECTS = 4
CONNECT_S = 3.0
READ_S = 5.0  # between two chunks of a site
DNS_S = 2.0
PER_HOST = 2  # connections to one site
CALLBACKS_AT_ONCE = 16
MAX_CALLBACK_ANSWER = 64_000  # bytes

BARE_PATHS = frozenset({"/", "/robots.txt"})
"""Where one asks first, before it is known whether a site speaks https."""

HTTPS_UNREACHABLE = frozenset({"connect", "tls", "timeout"})

READABLE_WHEN_CUT = frozenset({"text/html", "application/xhtml+xml", "text/plain"})
"""Content types of which the first `max_bytes` are of use; any other is too large."""

REDIRECTS = frozenset({301, 302, 303, 307, 308})

RETRYABLE_OUTCOMES = frozenset({Outcome.rate_limited, Outcome.pending})

Admit: TypeAlias = Callable[[Provider], Awaitable[Admission]]
Report: TypeAlias = Callable[[Provider, Outcome | None, Meter], Awaitable[None]]
Resolve: TypeAlias = Callable[[str, int], Awaitable[Sequence[str]]]
Road: TypeAlias = Literal["direct", "guarded", "proxied"]

logger = logging.getLogger(__name__)


class Lookup(Protocol):
    """What is used of `dns.asyncresolver.Resolver`."""

    async def resolve(
        self, qname: str, rdtype: str, *, lifetime: float
    ) -> Iterable[dns.rdata.Rdata]: ...


async def system_addresses(host: str, port: int) -> Sequence[str]:
    """Return the addresses of a host as this machine resolves it. Raises socket.gaierror."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def spread() -> float:
    """Return a factor of 0.8 to 1.2, so that those who failed together do not return together."""
    return random.uniform(0.8, 1.2)  # noqa: S311 - spreads retries, guards nothing


class Fetch:
    """Sends requests and names how they ended. One per process; `aclose` ends it.

    `admit` and `report` are the shared breaker and bucket (app/breaker.py). `resolver` gives the
    addresses of a host to the guard; `dns` answers `dns:` requests. `tls` defaults to the system's
    and certifi's authorities.
    """

    def __init__(
        self,
        *,
        now: Callable[[], datetime],
        admit: Admit,
        report: Report,
        user_agent: str,
        resolver: Resolve = system_addresses,
        dns: Lookup | None = None,
        egress_proxy: str | None = None,
        allow: Allow = Allow(),  # noqa: B008 - frozen
        tls: ssl.SSLContext | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        jitter: Callable[[], float] = spread,
    ) -> None:
        self._now = now
        self._admit = admit
        self._report = report
        self._agent = user_agent
        self._resolver = resolver
        self._dns = dns
        self._proxy = egress_proxy
        self._allow = allow
        self._tls = tls
        self._sleep = sleep
        self._jitter = jitter
        self._lines: dict[str, _Line] = {}
        self._pools: dict[tuple[str, Road], AiohttpTransport] = {}

    async def aclose(self) -> None:
        """Close all connections. Nothing may be sent afterwards."""
        while self._pools:
            await self._pools.popitem()[1].aclose()

    async def send(
        self,
        provider: Provider,
        requests: list[Request],
        deadline: datetime | None = None,
        tries: int = TRIES,
    ) -> list[Answer]:
        """Send requests side by side; return their answers in the same order.

        Each is sent at most `tries` times, and nobody waits past `deadline`. Raises Ended, with
        what the first failing one came to; it has `retry_at` when the wait is one for the queue.
        """
        if len(requests) == 1:
            return [await self._one(provider, requests[0], deadline, tries)]
        try:
            async with asyncio.TaskGroup() as group:
                asked = [
                    group.create_task(self._one(provider, request, deadline, tries))
                    for request in requests
                ]
        except* Ended as ended:
            first: BaseException = ended
            while isinstance(first, BaseExceptionGroup):
                first = first.exceptions[0]
            finding = first.finding if isinstance(first, Ended) else None
        else:
            return [task.result() for task in asked]
        assert finding is not None
        raise Ended(finding)

    async def look_up(self, requests: list[Request]) -> list[Answer]:
        """Answer `dns:` requests for whoever is no provider; a failure is an answer."""
        return list(await asyncio.gather(*(self._resolved(request, None) for request in requests)))

    async def call(self, request: Request) -> Answer:
        """Send one request to an address that a caller registered, once; a failure is an answer.

        Redirects are not followed, and no more than 64 kB of the answer are read.
        """
        most = min(request.max_bytes, MAX_CALLBACK_ANSWER)
        asked = replace(request, max_bytes=most, accept=())
        try:
            judge_callback(request.url, self._allow)
        except Blocked:
            return self._failed(request.url, "blocked_address")
        visit = self._visit(_Pool("callback", CALLBACKS_AT_ONCE), asked, request.url)
        answer = await self._within(request.timeout_s, request.url, visit)
        return replace(answer, failure=None) if answer.failure == "too_large" else answer

    async def _one(
        self, provider: Provider, request: Request, deadline: datetime | None, tries: int
    ) -> Answer:
        if is_offline(provider):
            return await self._asked(provider, request, deadline, tries)
        if not request.guarded and not request.url.startswith("dns:"):
            return await self._asked(provider, request, deadline, tries)
        async with self._line(provider).places:
            if request.guarded:
                return await self._site(provider, request, deadline)
            return await self._resolved(request, deadline)

    # --- a provider's own API: admission, tries, judgement ---

    async def _asked(
        self, provider: Provider, request: Request, deadline: datetime | None, tries: int
    ) -> Answer:
        """Ask until there is an answer to be read. Raises Ended for every other outcome."""
        made: list[_Try] = []

        async def once() -> _Try:
            made.append(await self._try(provider, request, deadline, len(made) + 1))
            return made[-1]

        retrying = AsyncRetrying(
            sleep=self._sleep,
            retry=retry_if_result(lambda tried: tried.is_worth_repeating),
            wait=lambda state: self._wait_s(made[-1], state.attempt_number),
            stop=lambda state: (
                len(made) >= tries or self._is_for_the_queue(state.upcoming_sleep, deadline)
            ),
            retry_error_callback=lambda state: (
                made[-1]
                if len(made) >= tries
                else made[-1].put_off(self._now(), state.upcoming_sleep)
            ),
        )
        try:
            last: _Try = await retrying(once)
        except Ended as refused:
            if not made:
                raise
            # What it came to when it was sent says more than that it was not sent again.
            last = replace(made[-1], retry_at=refused.finding.retry_at)
        if last.outcome is not None:
            raise Ended(last.finding(last.outcome))
        return last.answer

    async def _try(
        self, provider: Provider, request: Request, deadline: datetime | None, number: int
    ) -> "_Try":
        if is_offline(provider):
            answer, delay_s = provider.respond(request, number, self._now())
            await self._sleep(delay_s)
            return _judged(provider, request, answer)
        left_s = self._left_s(deadline)
        async with self._turn(provider, deadline):
            answer = await self._direct(provider, request, left_s)
        tried = _judged(provider, request, answer)
        if answer.failure == "timeout" and left_s is not None and left_s < request.timeout_s:
            return replace(tried, detail="no answer by the deadline")  # says nothing about it
        await self._report(provider, tried.outcome, tried.meter)
        return tried

    async def _direct(self, provider: Provider, request: Request, left_s: float | None) -> Answer:
        timeout_s = request.timeout_s if left_s is None else min(request.timeout_s, left_s)
        pool = self._pool(_Pool(provider.name, provider.pace.at_once), "direct")
        url = str(httpx.URL(request.url).copy_merge_params(request.params))
        sent = self._exchange(provider.name, pool, request, url, request.timeout_s)
        # Parameters name people: the answer is known by the URL without them.
        return replace(await self._within(timeout_s, url, sent), url=request.url)

    def _wait_s(self, tried: "_Try", number: int) -> float:
        """Return how long to wait after the `number`-th try: as asked for, else a ladder."""
        at = tried.answer.at
        asked = tried.meter.retry_at or lenient.retry_after(
            tried.answer.headers.get("retry-after"), at
        )
        if asked is not None:
            return max(0.0, (asked - self._now()).total_seconds())
        return BACK_OFF_S[min(number, len(BACK_OFF_S)) - 1] * self._jitter()

    def _is_for_the_queue(self, wait_s: float, deadline: datetime | None) -> bool:
        left_s = self._left_s(deadline)
        return wait_s > LONGEST_NAP_S or (left_s is not None and wait_s >= left_s)

    @asynccontextmanager
    async def _turn(self, provider: Provider, deadline: datetime | None) -> AsyncIterator[None]:
        """Hold one of a provider's places, once its breaker and bucket say go. Raises Ended."""
        line = self._line(provider)
        if line.wait_s > LONGEST_NAP_S:
            raise self._later("more calls are waiting than it takes", line.wait_s)
        async with AsyncExitStack() as held:
            try:
                async with asyncio.timeout(self._left_s(deadline)), line.head():
                    await held.enter_async_context(line.places)
                    await self._admitted(provider, deadline)
            except TimeoutError as exc:
                raise Ended(Finding(Outcome.skipped, detail="no turn by the deadline")) from exc
            yield

    async def _admitted(self, provider: Provider, deadline: datetime | None) -> None:
        """Wait until a call may go out. Raises Ended when it may not, or not soon."""
        napped_s = 0.0
        while (admission := await self._admit(provider)).kind != "go":
            reason, until = admission.reason, admission.until
            if admission.kind == "skip":
                raise Ended(Finding(Outcome.skipped, detail=reason, retry_at=until))
            napped_s += admission.wait_s
            if self._is_for_the_queue(napped_s, deadline):
                raise self._later(reason, admission.wait_s)
            await self._sleep(admission.wait_s)

    def _later(self, reason: str, wait_s: float) -> Ended:
        retry_at = self._now() + timedelta(seconds=wait_s)
        return Ended(Finding(Outcome.rate_limited, detail=reason, retry_at=retry_at))

    def _left_s(self, deadline: datetime | None) -> float | None:
        return max(0.0, (deadline - self._now()).total_seconds()) if deadline else None

    def _line(self, provider: Provider) -> "_Line":
        return self._lines.setdefault(provider.name, _Line(provider.pace))

    # --- names ---

    async def _resolved(self, request: Request, deadline: datetime | None) -> Answer:
        """Answer `dns:NAME?type=MX` with a JSON list: one text per record, as in a zone file.

        The strings of a TXT record are joined (RFC 7208 section 3.3), its quotes are taken off.
        """
        parts = urlsplit(request.url)
        kind = parse_qs(parts.query).get("type", ["A"])[0]
        if self._dns is None and self._proxy:
            return self._failed(request.url, "dns_error")  # names are the proxy's to resolve
        left_s = self._left_s(deadline)
        try:
            async with asyncio.timeout(left_s):
                self._dns = self._dns or dns.asyncresolver.Resolver()
                found = await self._dns.resolve(parts.path, kind, lifetime=DNS_S)
        except TimeoutError:
            return self._failed(request.url, "timeout")
        except (dns.exception.DNSException, OSError, UnicodeError) as exc:
            return self._failed(request.url, dns_failure_of(exc))
        body = orjson.dumps([_record(one) for one in found])
        return Answer(200, {"content-type": "application/json"}, body, request.url, self._now())

    # --- sites: guard, redirects, https before http ---

    async def _site(
        self, provider: Provider, request: Request, deadline: datetime | None
    ) -> Answer:
        left_s = self._left_s(deadline)
        timeout_s = request.timeout_s if left_s is None else min(request.timeout_s, left_s)
        try:
            url = _normal(httpx.URL(request.url).copy_merge_params(request.params))
        except httpx.InvalidURL:  # such as digits of another script: nothing we would dial
            return self._failed(request.url, "blocked_address")
        pool = _Pool(provider.name, provider.pace.at_once)
        answer = await self._within(timeout_s, url, self._followed(pool, request, url))
        return self._checked(answer)

    async def _followed(self, pool: "_Pool", request: Request, url: str) -> Answer:
        """Follow redirects by hand: every hop is judged, and none carries a Referer or cookie."""
        answer = await self._entered(pool, request, url)
        for hop in range(MOST_REDIRECTS + 1):
            try:
                target = _redirect(request, answer)
            except httpx.InvalidURL:
                return self._failed(answer.url, "protocol")
            if target is None:
                return answer
            if _is_downgrade(answer.url, target) and not (hop == 0 and _is_bare(answer.url)):
                return self._failed(answer.url, "protocol")
            if hop < MOST_REDIRECTS:
                answer = await self._visit(pool, request, target)
        return self._failed(answer.url, "too_many_redirects")

    async def _entered(self, pool: "_Pool", request: Request, url: str) -> Answer:
        """Ask over https; where that cannot be reached, once over http, at the door only."""
        answer = await self._visit(pool, request, url)
        parts = httpx.URL(url)
        if answer.failure not in HTTPS_UNREACHABLE or not _is_bare(url) or parts.port:
            return answer
        plain = await self._visit(pool, request, str(parts.copy_with(scheme="http")))
        return answer if plain.failure else plain

    async def _visit(self, pool: "_Pool", request: Request, url: str) -> Answer:
        """Send one request to one URL, if the guard lets it."""
        try:
            judge_url(url, self._allow)
        except Blocked:
            return self._failed(url, "blocked_address")
        transport = self._pool(pool, self._road(url))
        return await self._exchange(pool.name, transport, request, url, READ_S)

    def _road(self, url: str) -> Road:
        if self._proxy:
            return "proxied"
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        return "direct" if self._allow.names(parts.hostname or "", port) else "guarded"

    def _checked(self, answer: Answer) -> Answer:
        """Keep the first part of a page that was cut; anything else is of no use in parts."""
        if answer.failure != "too_large":
            return answer
        if _media_type(answer.headers) in READABLE_WHEN_CUT:
            return replace(answer, failure=None)
        return self._failed(answer.url, "too_large")

    # --- one exchange ---

    async def _within(
        self, timeout_s: float, url: str, coming: Coroutine[object, object, Answer]
    ) -> Answer:
        """Wait for an answer for at most `timeout_s`, however slowly it drips in."""
        try:
            async with asyncio.timeout(timeout_s):
                return await coming
        except TimeoutError:
            return self._failed(url, "timeout")

    async def _exchange(
        self, name: str, transport: AiohttpTransport, request: Request, url: str, read_s: float
    ) -> Answer:
        """Send one request and read its answer; too long a body comes cut, as `too_large`."""
        started = self._now()
        try:
            answer = await self._received(transport, request, self._outgoing(request, url, read_s))
        except (Garbled, httpx.InvalidURL):
            answer = self._failed(url, "protocol")
        except httpx.HTTPError as exc:
            answer = self._failed(url, failure_of(exc.__cause__ or exc))
        except (aiohttp.ClientError, OSError) as exc:  # what the transport does not rename
            answer = self._failed(url, failure_of(exc))
        spent_ms = (answer.at - started).total_seconds() * 1000
        told = answer.failure or answer.status
        logger.debug("%s: %s at %s in %d ms", name, told, httpx.URL(url).host, spent_ms)
        return answer

    async def _received(
        self, transport: AiohttpTransport, request: Request, outgoing: httpx.Request
    ) -> Answer:
        response = await transport.handle_async_request(outgoing)
        try:
            url, status, headers = str(outgoing.url), response.status_code, dict(response.headers)
            if not _is_wanted(request, headers):
                if 200 <= status < 300:
                    return self._failed(url, "wrong_type")
                return Answer(status, headers, b"", url, self._now())
            body = await _read(response, request.max_bytes)
            failure = "too_large" if body.is_cut else None
            return Answer(status, headers, body.content, url, self._now(), failure)
        finally:
            await _release(response)

    def _outgoing(self, request: Request, url: str, read_s: float) -> httpx.Request:
        headers = {
            "user-agent": self._agent,
            "accept": ", ".join(request.accept) or "*/*",
            "accept-encoding": UNPACKED,
            **{name.lower(): value for name, value in request.headers.items()},
        }
        limits = httpx.Timeout(None, connect=CONNECT_S, read=read_s)
        return httpx.Request(
            request.method,
            url,
            headers=headers,
            content=request.content,
            json=None if request.json is None else dict(request.json),
            extensions={"timeout": limits.as_dict()},
        )

    def _failed(self, url: str, failure: str) -> Answer:
        return Answer(0, {}, b"", url, self._now(), failure)

    # --- pools ---

    def _pool(self, pool: "_Pool", road: Road) -> AiohttpTransport:
        """Return the connections of one provider on one road; the first call makes them."""
        key = (pool.name, road)
        if key not in self._pools:
            self._tls = self._tls or _authorities()
            proxy = httpx.Proxy(self._proxy) if road == "proxied" and self._proxy else None
            self._pools[key] = AiohttpTransport(
                verify=self._tls,
                trust_env=False,
                proxy=proxy,
                client=_session(self._connector(pool, road, self._tls)),
            )
        return self._pools[key]

    def _connector(self, pool: "_Pool", road: Road, tls: ssl.SSLContext) -> aiohttp.TCPConnector:
        if road == "direct":
            return aiohttp.TCPConnector(limit=pool.at_once, ssl=tls)
        if road == "proxied":  # the proxy resolves: only its own name is looked up here
            return aiohttp.TCPConnector(limit=pool.at_once, limit_per_host=PER_HOST, ssl=tls)
        return aiohttp.TCPConnector(
            limit=pool.at_once,
            limit_per_host=PER_HOST,
            ssl=tls,
            use_dns_cache=False,
            resolver=_GuardedResolver(self._resolver, self._allow),
            socket_factory=self._guarded_socket,
        )

    def _guarded_socket(self, entry: aiohttp.AddrInfoType) -> socket.socket:
        """Open a socket for an address that may be dialled: the last word, for names and digits."""
        family, kind, protocol, _, address = entry
        host, port = str(address[0]), int(address[1])
        if not may_dial(host, port, self._allow) or _is_own(host, self._allow):
            raise Refused
        return socket.socket(family, kind, protocol)


def is_offline(provider: Provider) -> TypeGuard[Offline]:
    """Tell whether a provider answers its own requests, without a network."""
    return provider.sandbox


@dataclass(frozen=True, slots=True)
class _Pool:
    """Whose connections, and how many of them at once."""

    name: str
    at_once: int


class _Line:
    """Those who wait for one provider in this process, in order.

    Only the first asks the shared bucket, so that a hundred waiters do not all ask again and again.
    """

    def __init__(self, pace: Pace) -> None:
        self.places = asyncio.Semaphore(pace.at_once)
        self._pace = pace
        self._head = asyncio.Lock()
        self._waiting = 0

    @property
    def wait_s(self) -> float:
        """Return how long the bucket needs at best for those who wait already."""
        return max(0, self._waiting - self._pace.burst) / self._pace.per_s

    @asynccontextmanager
    async def head(self) -> AsyncIterator[None]:
        """Be the first of the line."""
        self._waiting += 1
        try:
            async with self._head:
                yield
        finally:
            self._waiting -= 1


@dataclass(frozen=True, slots=True)
class _Try:
    """What one sending came to. `outcome` None: the answer is to be read."""

    answer: Answer
    outcome: Outcome | None
    meter: Meter
    detail: str
    retry_at: datetime | None = None

    @property
    def is_worth_repeating(self) -> bool:
        if self.outcome in RETRYABLE_OUTCOMES:
            return True
        if self.outcome is not Outcome.provider_error:
            return False
        if self.answer.failure:
            return self.answer.failure not in NO_MATTER_OF_LUCK
        return self.answer.status in RETRYABLE_STATUSES

    def put_off(self, now: datetime, wait_s: float) -> "_Try":
        return replace(self, retry_at=now + timedelta(seconds=wait_s))

    def finding(self, outcome: Outcome) -> Finding:
        retry_at = self.retry_at or self.meter.retry_at
        return Finding(outcome, (), self.detail, self.meter.credits_spent, retry_at)


def _judged(provider: Provider, request: Request, answer: Answer) -> _Try:
    if answer.failure:
        words = in_words(answer.failure, request.timeout_s, request.max_bytes)
        return _Try(answer, Outcome.provider_error, Meter(), words)
    detail = f"{provider.name} answered {answer.status}"
    return _Try(answer, provider.judge(answer), provider.meter(answer), detail)


class _GuardedResolver(AbstractResolver):
    """Resolves a name afresh for each connection, and refuses it when any address is bad."""

    def __init__(self, resolve: Resolve, allow: Allow) -> None:
        self._resolve = resolve
        self._allow = allow

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Return the addresses to dial. Raises Refused, or gaierror when there is none."""
        addresses = await self._resolve(host, port)
        if not addresses:
            raise socket.gaierror(socket.EAI_NODATA, "no address")
        if not all(may_dial(address, port, self._allow) for address in addresses):
            raise Refused
        return [_dialled(host, address, port) for address in addresses]

    async def close(self) -> None:
        """Do nothing: no resource is held."""


def _dialled(host: str, address: str, port: int) -> ResolveResult:
    return ResolveResult(
        hostname=host,
        host=address,
        port=port,
        family=socket.AF_INET6 if ":" in address else socket.AF_INET,
        proto=socket.IPPROTO_TCP,
        flags=socket.AI_NUMERICHOST,
    )


def _is_own(address: str, allow: Allow) -> bool:
    """Tell whether an address is this machine's own: only then is it its own way there.

    Connecting a datagram socket sends nothing; it only asks the routing table.
    """
    if allow.cidrs and may_dial(address, 0, allow):
        return False
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.connect((address, 9))  # port 9: discard
        return bool(probe.getsockname()[0] == address)
    return False


def _session(connector: aiohttp.TCPConnector) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
        auto_decompress=False,
    )


def _authorities() -> ssl.SSLContext:
    """Trust certifi's authorities and those the operator added to this machine."""
    context = httpx.create_ssl_context(trust_env=False)
    context.load_default_certs()
    return context


async def _read(response: httpx.Response, most: int) -> Body:
    body = Body(response.headers.get("content-encoding", ""), most)
    async with aclosing(response.aiter_raw()) as chunks:
        async for chunk in chunks:
            body.add(chunk)
            if body.is_cut:
                break
    return body


async def _release(response: httpx.Response) -> None:
    """Give the connection back; one that was not read to its end is closed instead."""
    with suppress(httpx.HTTPError, aiohttp.ClientError, OSError):
        await response.aclose()


def _record(record: dns.rdata.Rdata) -> str:
    strings = getattr(record, "strings", None)
    if strings is None:
        return record.to_text()
    return b"".join(strings).decode("utf-8", "replace")


def _normal(url: httpx.URL) -> str:
    return str(url.copy_with(fragment=None))


def _redirect(request: Request, answer: Answer) -> str | None:
    """Return where an answer sends us, None when it does not. Raises httpx.InvalidURL."""
    location = answer.headers.get("location")
    if request.method not in {"GET", "HEAD"} or answer.status not in REDIRECTS or not location:
        return None
    return _normal(httpx.URL(answer.url).join(location.strip()))


def _is_bare(url: str) -> bool:
    parts = httpx.URL(url)
    return parts.scheme == "https" and parts.path in BARE_PATHS and not parts.query


def _is_downgrade(before: str, after: str) -> bool:
    return before.startswith("https:") and not after.startswith("https:")


def _is_wanted(request: Request, headers: Mapping[str, str]) -> bool:
    """Tell whether an answer's type is worth reading; one that names none may be anything."""
    return not request.accept or _media_type(headers) in {"", *request.accept}


def _media_type(headers: Mapping[str, str]) -> str:
    return headers.get("content-type", "").partition(";")[0].strip().lower()
