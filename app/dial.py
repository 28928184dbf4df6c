"""Connections: whose they are, how many at once, and what may be dialled at all.

Three roads lead out: `direct` to the hosts an operator configured, `guarded` to hosts that a user
or a record named, `proxied` to the same through the operator's proxy, which then resolves names.
"""

import socket
import ssl
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal, TypeAlias

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from app.failure import Refused
from app.guard import Allow, may_dial

Road: TypeAlias = Literal["direct", "guarded", "proxied"]

PER_HOST = 2  # connections to one site, by good manners
_DISCARD = 9  # a port that nothing is sent to


@dataclass(frozen=True, slots=True)
class Pool:
    """Whose connections, and how many of them at once."""

    name: str
    at_once: int


def session(connector: aiohttp.TCPConnector) -> aiohttp.ClientSession:
    """Return a session that keeps no cookie and reads no environment. Needs a running loop."""
    return aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
        auto_decompress=False,
    )


def open_connector(pool: Pool, tls: ssl.SSLContext) -> aiohttp.TCPConnector:
    """Return connections to hosts that an operator configured."""
    return aiohttp.TCPConnector(limit=pool.at_once, ssl=tls)


def proxied_connector(pool: Pool, tls: ssl.SSLContext) -> aiohttp.TCPConnector:
    """Return connections to a proxy, of which only its own name is resolved here."""
    return aiohttp.TCPConnector(limit=pool.at_once, limit_per_host=PER_HOST, ssl=tls)


def guarded_connector(
    pool: Pool, tls: ssl.SSLContext, resolver: AbstractResolver, allow: Allow
) -> aiohttp.TCPConnector:
    """Return connections of which every name and every socket is judged, each time anew.

    `resolver` is not asked for a host written as an address: the socket is the last word.
    """

    def opened(entry: aiohttp.AddrInfoType) -> socket.socket:
        family, kind, protocol, _, address = entry
        host, port = str(address[0]), int(address[1])
        if not may_dial(host, port, allow) or (is_own(host) and not allow.covers(host)):
            raise Refused
        return socket.socket(family, kind, protocol)

    return aiohttp.TCPConnector(
        limit=pool.at_once,
        limit_per_host=PER_HOST,
        ssl=tls,
        use_dns_cache=False,
        resolver=resolver,
        socket_factory=opened,
    )


def resolved(host: str, address: str, port: int) -> ResolveResult:
    """Return one address of a host, as aiohttp wants to hear it."""
    return ResolveResult(
        hostname=host,
        host=address,
        port=port,
        family=_family(address),
        proto=socket.IPPROTO_TCP,
        flags=socket.AI_NUMERICHOST,
    )


def is_own(address: str) -> bool:
    """Tell whether an address is this machine's own, also when it is a public one.

    Only to itself does a machine go from the same address. Connecting a datagram socket sends
    nothing, it asks the routing table.
    """
    with suppress(OSError), socket.socket(_family(address), socket.SOCK_DGRAM) as probe:
        probe.connect((address, _DISCARD))
        return bool(probe.getsockname()[0] == address)
    return False


def _family(address: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in address else socket.AF_INET
