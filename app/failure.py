"""Names for what goes wrong on the way to an answer: see `Answer.failure` in app/provider.py."""

import socket
import ssl
from collections.abc import Mapping

import aiohttp
import dns.exception
import dns.resolver

NO_MATTER_OF_LUCK = frozenset({"tls", "too_large", "blocked_address", "wrong_type"})
"""Failures that come again however often one asks."""

_RESOLVING: Mapping[int, str] = {
    socket.EAI_NONAME: "dns_nxdomain",
    socket.EAI_NODATA: "dns_no_answer",
}

_ASKING_DNS: tuple[tuple[type[Exception], str], ...] = (
    (dns.resolver.NXDOMAIN, "dns_nxdomain"),
    (dns.resolver.NoAnswer, "dns_no_answer"),
    (dns.exception.Timeout, "timeout"),
)


class Refused(OSError):
    """The guard refuses an address at connect time; an OSError, as sockets raise."""

    def __init__(self) -> None:
        super().__init__("address refused by the guard")


def failure_of(exc: BaseException) -> str:
    """Name what kept a request from being answered, from what aiohttp or a socket raised.

    The httpx transport over aiohttp renames exceptions coarsely, so pass it their cause.
    """
    if isinstance(exc, aiohttp.ClientSSLError | ssl.SSLError):
        return "tls"
    if isinstance(exc, TimeoutError):
        return "timeout"
    if isinstance(exc, aiohttp.ClientConnectorError):
        return _connecting(exc.os_error)
    if isinstance(exc, aiohttp.ClientHttpProxyError):
        return "connect"  # the proxy did not let us through
    return "protocol"


def dns_failure_of(exc: Exception) -> str:
    """Name what kept a DNS question from being answered."""
    return next((name for kind, name in _ASKING_DNS if isinstance(exc, kind)), "dns_error")


def in_words(failure: str, timeout_s: float, max_bytes: int) -> str:
    """Say a failure in one plain line for operators, with nothing of the request in it."""
    words = {
        "timeout": f"time-out after {timeout_s:g} s",
        "connect": "no connection",
        "tls": "no secure connection (TLS)",
        "too_large": f"answer larger than {max_bytes} bytes",
        "protocol": "broken off or not HTTP",
    }
    return words.get(failure, "host name not resolved")


def _connecting(exc: OSError) -> str:
    if isinstance(exc, Refused):
        return "blocked_address"
    if isinstance(exc, socket.gaierror):
        return _RESOLVING.get(exc.errno or 0, "dns_error")
    return "connect"
