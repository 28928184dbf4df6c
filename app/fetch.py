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
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import replace
from datetime import datetime
from typing import Protocol, TypeAlias, TypeGuard
from urllib.parse import parse_qs, urlsplit

import aiohttp
import dns.asyncresolver
import dns.exception
import dns.rdata
import httpx
import orjson
from aiohttp.abc import AbstractResolver, ResolveResult
from httpx_aiohttp import AiohttpTransport
from tenacity import AsyncRetrying, RetryCallState, retry_if_result

from app.body import UNPACKED, Body, Garbled
from app.breaker import Admission
from app.dial import (
    Pool,
    Road,
    guarded_connector,
    open_connector,
    proxied_connector,
    resolved,
    session,
)
from app.errors import Blocked
from app.failure import Refused, dns_failure_of, failure_of
from app.guard import Allow, judge_callback, judge_url, may_dial
from app.provider import Answer, Ended, Finding, Meter, Offline, Outcome, Pace, Provider, Request
from app.tries import TRIES, Try, judged, later, wait_s

LONGEST_NAP_S = 5.0  # a longer wait is the queue's: no slot of a worker sleeps through it

MOST_REDIRECTS = 4
CONNECT_S = 3.0
READ_S = 5.0  # between two chunks of a site
DNS_S = 2.0
CALLBACKS = Pool("callback", at_once=16)
MAX_CALLBACK_ANSWER = 64_000  # bytes

BARE_PATHS = frozenset({"/", "/robots.txt"})
"""Where one asks first, before it is known whether a site speaks https."""

HTTPS_UNREACHABLE = frozenset({"connect", "tls", "timeout"})

READABLE_WHEN_CUT = frozenset({"text/html", "application/xhtml+xml", "text/plain"})
"""Content types of which the first `max_bytes` are of use; any other is too large."""

REDIRECTS = frozenset({301, 302, 303, 307, 308})

Admit: TypeAlias = Callable[[Provider, int], Awaitable[Admission]]
Report: TypeAlias = Callable[[Provider, Outcome | None, Meter], Awaitable[None]]
Url: TypeAlias = "str | httpx.URL"
Resolve: TypeAlias = Callable[[str, int], Awaitable[Sequence[str]]]

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
    addresses of a host to the guard; `dns` answers `dns:` requests. `tls` defaults to certifi's
    authorities and this machine's.
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
        self._transports: dict[tuple[str, Road], AiohttpTransport] = {}

    async def aclose(self) -> None:
        """Close all connections. Nothing may be sent afterwards."""
        while self._transports:
            await self._transports.popitem()[1].aclose()

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
        asked = (self._one(provider, request, deadline, tries) for request in requests)
        # When one fails the others are heard out: what they cost is spent anyway.
        told = await asyncio.gather(*asked, return_exceptions=True)
        for one in told:
            if isinstance(one, BaseException):
                raise one
        return [one for one in told if isinstance(one, Answer)]

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
        visit = self._visit(CALLBACKS, asked, request.url)
        answer = await self._within(request.timeout_s, request.url, visit)
        return replace(answer, failure=None) if answer.failure == "too_large" else answer

    async def ask(self, pool: Pool, request: Request) -> Answer:
        """Send one request to an API that an operator configured, once; a failure is an answer.

        No redirect is followed. Too long an answer comes cut, as `too_large`.
        """
        transport = self._transport(pool, "direct")
        sent = self._exchange(pool.name, transport, request, request.url, request.timeout_s)
        return await self._within(request.timeout_s, request.url, sent)

    async def _one(
        self, provider: Provider, request: Request, deadline: datetime | None, tries: int
    ) -> Answer:
        is_name = request.url.startswith("dns:")
        if is_offline(provider) or not (request.guarded or is_name):
            return await self._asked(provider, request, deadline, tries)
        async with self._line(provider).place():
            if is_name:
                return await self._resolved(request, deadline)
            return await self._site(provider, request, deadline)

    # --- a provider's own API: admission, tries, judgement ---

    async def _asked(
        self, provider: Provider, request: Request, deadline: datetime | None, tries: int
    ) -> Answer:
        """Ask until there is an answer to be read. Raises Ended for every other outcome."""
        made: list[Try] = []

        async def once() -> Try:
            made.append(await self._try(provider, request, deadline, len(made) + 1))
            return made[-1]

        try:
            last: Try = await self._retrying(made, deadline, tries)(once)
        except Ended as refused:
            if not made:
                raise
            # What it came to when it was sent says more than that it was not sent again.
            last = made[-1].put_off(refused.finding.retry_at)
        if last.outcome is not None:
            raise Ended(last.finding())
        return last.answer

    def _retrying(self, made: list[Try], deadline: datetime | None, tries: int) -> AsyncRetrying:
        """Return what repeats a call while that is worth it, and in the end gives the last try."""

        def is_enough(state: RetryCallState) -> bool:
            return len(made) >= tries or self._is_for_the_queue(state.upcoming_sleep, deadline)

        def given_up(state: RetryCallState) -> Try:
            if len(made) >= tries:
                return made[-1]
            return made[-1].put_off(later(self._now(), state.upcoming_sleep))

        return AsyncRetrying(
            sleep=self._sleep,
            retry=retry_if_result(lambda tried: tried.is_worth_repeating),
            wait=lambda _: wait_s(made[-1], len(made), self._now(), self._jitter()),
            stop=is_enough,
            retry_error_callback=given_up,
        )

    async def _try(
        self, provider: Provider, request: Request, deadline: datetime | None, number: int
    ) -> Try:
        if is_offline(provider):
            # No breaker: a prospect that plays an outage must not close the sandbox to others.
            answer, delay_s = provider.respond(request, number, self._now())
            await self._sleep(delay_s)
            return judged(provider, request, answer)
        async with self._turn(provider, deadline):
            limit_s = self._limit_s(request, deadline)
            answer = await self._direct(provider, request, limit_s)
        tried = judged(provider, request, answer)
        if answer.failure == "timeout" and limit_s < request.timeout_s:
            return replace(tried, detail="no answer by the deadline")  # no fault of the provider
        await self._report(provider, tried.outcome, tried.meter)
        return tried

    async def _direct(self, provider: Provider, request: Request, limit_s: float) -> Answer:
        transport = self._transport(Pool(provider.name, provider.pace.at_once), "direct")
        url = _with_params(request)
        sent = self._exchange(provider.name, transport, request, url, request.timeout_s)
        # Parameters name people: the answer is known by the URL without them.
        return replace(await self._within(limit_s, request.url, sent), url=request.url)

    @asynccontextmanager
    async def _turn(self, provider: Provider, deadline: datetime | None) -> AsyncIterator[None]:
        """Hold one of a provider's places, once its breaker and bucket say go. Raises Ended."""
        line = self._line(provider)
        if line.wait_s > LONGEST_NAP_S:
            raise self._postponed("more calls are waiting than it takes", line.wait_s)
        async with AsyncExitStack() as held:
            try:
                async with asyncio.timeout(self._left_s(deadline)), line.head():
                    await held.enter_async_context(line.place())
                    if not line.is_admitted():
                        await self._admitted(provider, line, deadline)
            except TimeoutError as exc:
                raise Ended(Finding(Outcome.skipped, detail="no turn by the deadline")) from exc
            yield

    async def _admitted(self, provider: Provider, line: "_Line", deadline: datetime | None) -> None:
        """Wait until calls may go out: this one, and of those behind it all that have a place.

        Raises Ended when it may not, or not soon.
        """
        napped_s = 0.0
        while (admission := await self._admit(provider, line.ready)).kind != "go":
            reason, until = admission.reason, admission.until
            if admission.kind == "skip":
                raise Ended(Finding(Outcome.skipped, detail=reason, retry_at=until))
            napped_s += admission.wait_s
            if napped_s > LONGEST_NAP_S or self._is_for_the_queue(admission.wait_s, deadline):
                raise self._postponed(reason, admission.wait_s)
            await self._sleep(admission.wait_s)
        line.admit(admission.calls - 1)

    def _postponed(self, reason: str, seconds: float) -> Ended:
        retry_at = later(self._now(), seconds)
        return Ended(Finding(Outcome.rate_limited, detail=reason, retry_at=retry_at))

    def _is_for_the_queue(self, seconds: float, deadline: datetime | None) -> bool:
        left_s = self._left_s(deadline)
        return seconds > LONGEST_NAP_S or (left_s is not None and seconds >= left_s)

    def _left_s(self, deadline: datetime | None) -> float | None:
        return max(0.0, (deadline - self._now()).total_seconds()) if deadline else None

    def _limit_s(self, request: Request, deadline: datetime | None) -> float:
        left_s = self._left_s(deadline)
        return request.timeout_s if left_s is None else min(request.timeout_s, left_s)

    def _line(self, provider: Provider) -> "_Line":
        if provider.name not in self._lines:
            self._lines[provider.name] = _Line(provider.pace)
        return self._lines[provider.name]

    # --- names ---

    async def _resolved(self, request: Request, deadline: datetime | None) -> Answer:
        """Answer `dns:NAME?type=MX` with a JSON list: one text per record, as in a zone file.

        The strings of a TXT record are joined (RFC 7208 section 3.3), its quotes are taken off.
        """
        if self._dns is None and self._proxy:
            return self._failed(request.url, "dns_error")  # names are the proxy's to resolve
        parts = urlsplit(request.url)
        kind = parse_qs(parts.query).get("type", ["A"])[0]
        try:
            async with asyncio.timeout(self._left_s(deadline)):
                self._dns = self._dns or dns.asyncresolver.Resolver()
                found = await self._dns.resolve(parts.path, kind, lifetime=DNS_S)
        except TimeoutError:
            return self._failed(request.url, "timeout")
        except (dns.exception.DNSException, OSError, UnicodeError) as exc:
            return self._failed(request.url, dns_failure_of(exc))
        body = orjson.dumps([_record(one) for one in found])
        return Answer(200, {"content-type": "application/json"}, body, request.url, self._now())

    # --- sites: guard, https before http, redirects ---

    async def _site(
        self, provider: Provider, request: Request, deadline: datetime | None
    ) -> Answer:
        try:
            url = _normal(_with_params(request))
        except httpx.InvalidURL:  # such as digits of another script: nothing we would dial
            return self._failed(request.url, "blocked_address")
        if request.after_s:
            await self._sleep(request.after_s)
        pool = Pool(provider.name, provider.pace.at_once)
        followed = self._followed(pool, request, url)
        answer = await self._within(self._limit_s(request, deadline), url, followed)
        if answer.failure != "too_large":
            return answer
        if _media_type(answer.headers) in READABLE_WHEN_CUT:
            return replace(answer, failure=None)
        return self._failed(answer.url, "too_large")

    async def _followed(self, pool: Pool, request: Request, url: str) -> Answer:
        """Follow redirects by hand: every hop is judged, and none carries a Referer or cookie."""
        answer = await self._entered(pool, request, url)
        for hop in range(MOST_REDIRECTS + 1):
            try:
                target = _redirect(request, answer)
            except httpx.InvalidURL:
                return self._failed(answer.url, "blocked_address")
            if target is None:
                return answer
            if _is_downgrade(answer.url, target) and not (hop == 0 and _is_bare(answer.url)):
                return self._failed(answer.url, "protocol")
            if hop < MOST_REDIRECTS:
                answer = await self._visit(pool, request, target)
        return self._failed(answer.url, "too_many_redirects")

    async def _entered(self, pool: Pool, request: Request, url: str) -> Answer:
        """Ask over https; where that cannot be reached, once over http, at the door only."""
        answer = await self._visit(pool, request, url)
        parts = httpx.URL(url)
        if answer.failure not in HTTPS_UNREACHABLE or not _is_bare(url) or parts.port:
            return answer
        plain = await self._visit(pool, request, str(parts.copy_with(scheme="http")))
        return answer if plain.failure else plain

    async def _visit(self, pool: Pool, request: Request, url: str) -> Answer:
        """Send one request to one URL, if the guard lets it."""
        try:
            judge_url(url, self._allow)
        except Blocked:
            return self._failed(url, "blocked_address")
        transport = self._transport(pool, self._road(url))
        return await self._exchange(pool.name, transport, request, url, READ_S)

    def _road(self, url: str) -> Road:
        if self._proxy:
            return "proxied"
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        return "direct" if self._allow.names(parts.hostname or "", port) else "guarded"

    # --- one exchange ---

    async def _within(
        self, limit_s: float, url: str, coming: Coroutine[object, object, Answer]
    ) -> Answer:
        """Wait for an answer for at most `limit_s`, however slowly it drips in."""
        try:
            async with asyncio.timeout(limit_s):
                return await coming
        except TimeoutError:
            return self._failed(url, "timeout")

    async def _exchange(
        self, name: str, transport: AiohttpTransport, request: Request, url: Url, read_s: float
    ) -> Answer:
        """Send one request and read its answer; too long a body comes cut, as `too_large`."""
        started = self._now()
        try:
            answer = await self._received(transport, request, self._outgoing(request, url, read_s))
        except (Garbled, httpx.InvalidURL):
            answer = self._failed(str(url), "protocol")
        except httpx.HTTPError as exc:
            answer = self._failed(str(url), failure_of(exc.__cause__ or exc))
        except (aiohttp.ClientError, OSError) as exc:  # what the transport does not rename
            answer = self._failed(str(url), failure_of(exc))
        spent_ms = (answer.at - started).total_seconds() * 1000
        told = answer.failure or answer.status
        logger.debug("%s: %s at %s in %d ms", name, told, urlsplit(answer.url).hostname, spent_ms)
        return answer

    async def _received(
        self, transport: AiohttpTransport, request: Request, outgoing: httpx.Request
    ) -> Answer:
        response = await transport.handle_async_request(outgoing)
        try:
            url, status, headers = str(outgoing.url), response.status_code, dict(response.headers)
            if _is_wanted(request, headers):
                body = await _read(response, request.max_bytes)
                failure = "too_large" if body.is_cut else None
                return Answer(status, headers, body.content, url, self._now(), failure)
            if 200 <= status < 300:
                return self._failed(url, "wrong_type")
            return Answer(status, headers, b"", url, self._now())
        finally:
            await _release(response)

    def _outgoing(self, request: Request, url: Url, read_s: float) -> httpx.Request:
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

    def _transport(self, pool: Pool, road: Road) -> AiohttpTransport:
        """Return the connections of one provider on one road; the first call makes them."""
        key = (pool.name, road)
        if key not in self._transports:
            self._tls = self._tls or _authorities()
            self._transports[key] = AiohttpTransport(
                verify=self._tls,
                trust_env=False,
                proxy=httpx.Proxy(self._proxy) if road == "proxied" and self._proxy else None,
                client=session(self._connector(pool, road, self._tls)),
            )
        return self._transports[key]

    def _connector(self, pool: Pool, road: Road, tls: ssl.SSLContext) -> aiohttp.TCPConnector:
        if road == "direct":
            return open_connector(pool, tls)
        if road == "proxied":
            return proxied_connector(pool, tls)
        resolver = _GuardedResolver(self._resolver, self._allow)
        return guarded_connector(pool, tls, resolver, self._allow)


def is_offline(provider: Provider) -> TypeGuard[Offline]:
    """Tell whether a provider answers its own requests, without a network."""
    return provider.sandbox


class _Line:
    """Those who wait for one provider in this process, in order.

    Only the first asks the shared bucket, so that a hundred waiters do not all ask again and again;
    it asks for those behind it too. What they are granted is theirs at once or not at all: no token
    is kept for a call of later.
    """

    def __init__(self, pace: Pace) -> None:
        self._places = asyncio.Semaphore(pace.at_once)
        self._free = pace.at_once
        self._pace = pace
        self._head = asyncio.Lock()
        self._waiting = 0
        self._granted = 0

    @property
    def wait_s(self) -> float:
        """Return how long the bucket needs at best for those who wait already."""
        return max(0, self._waiting - self._pace.burst) / self._pace.per_s

    @property
    def ready(self) -> int:
        """Return how many could call at once: the first, and those behind who have a place."""
        return 1 + min(self._waiting - 1, self._free)

    @asynccontextmanager
    async def head(self) -> AsyncIterator[None]:
        """Be the first of the line."""
        self._waiting += 1
        try:
            async with self._head:
                yield
        finally:
            self._waiting -= 1
            if not self._waiting:
                self._granted = 0

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """Hold one of the provider's places."""
        if not self._free:
            self._granted = 0
        async with self._places:
            self._free -= 1
            try:
                yield
            finally:
                self._free += 1

    def admit(self, calls: int) -> None:
        """Let so many of those behind the first call too."""
        self._granted = calls

    def is_admitted(self) -> bool:
        """Tell whether the first of the line was let through by the one before it."""
        is_admitted = self._granted > 0
        self._granted -= is_admitted
        return is_admitted


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
        return [resolved(host, address, port) for address in addresses]

    async def close(self) -> None:
        """Do nothing: no resource is held."""


def _authorities() -> ssl.SSLContext:
    """Trust certifi's authorities and those that the operator added to this machine."""
    context = httpx.create_ssl_context(trust_env=False)
    context.load_default_certs()
    return context


async def _read(response: httpx.Response, most: int) -> Body:
    body = Body(response.headers.get("content-encoding", ""), most)
    async for chunk in response.aiter_raw():
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


def _with_params(request: Request) -> httpx.URL:
    """Return what is asked for, with the parameters that come beside it. Raises httpx.InvalidURL.

    Reading a URL takes longer than sending it: no more often than has to be.
    """
    if not request.params:
        return httpx.URL(request.url)
    if "?" in request.url:
        return httpx.URL(request.url).copy_merge_params(request.params)
    return httpx.URL(request.url, params=request.params)


def _normal(url: httpx.URL) -> str:
    return str(url.copy_with(fragment=None))


def _redirect(request: Request, answer: Answer) -> str | None:
    """Return where an answer sends us, None when it does not. Raises httpx.InvalidURL."""
    location = answer.headers.get("location", "").strip()
    if request.method not in {"GET", "HEAD"} or answer.status not in REDIRECTS or not location:
        return None
    return _normal(httpx.URL(answer.url).join(location))


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
