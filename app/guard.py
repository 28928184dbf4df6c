"""Which addresses may be dialled when a user or a record named the host (SSRF).

A URL is judged by its text first, for a clear refusal; what decides is `may_dial`, asked with the
address that is really about to be dialled. No resolving here: names are judged by what they give.
Block list: facts/crm.md section 10.1 (Svix and Stripe smokescreen united), read 2026-11-21.
"""

import re
import socket
from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import TypeAlias
from urllib.parse import SplitResult, urlsplit

from app.errors import Blocked

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network

PORTS = frozenset({80, 443, 8443})
MAX_URL = 2_048  # characters

_BLOCKED: tuple[Network, ...] = tuple(
    ip_network(text)
    for text in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",  # carrier-grade NAT
        "127.0.0.0/8",
        "168.63.129.16/32",  # Azure's host agent
        "169.254.0.0/16",  # cloud metadata
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
        "::/96",  # unspecified, loopback, IPv4-compatible
        "::ffff:0:0:0/96",  # IPv4-translated (RFC 2765), which Python calls global
        "64:ff9b:1::/48",  # local NAT64
        "100::/64",
        "2001::/32",  # Teredo
        "2001:db8::/32",
        "2002::/16",  # 6to4
        "3fff::/20",
        "5f00::/16",
        "fc00::/7",
        "fe80::/10",
        "fec0::/10",
        "ff00::/8",
    )
)

_NAT64 = IPv6Network("64:ff9b::/96")

_LOCAL_NAMES = ("localhost", "localdomain", "local", "internal", "home.arpa")
"""Never public (RFC 6761, RFC 6762, RFC 8375; `internal` is reserved by ICANN)."""

_NOT_IN_A_URL = re.compile(r"[\x00-\x20\x7f\\]")


@dataclass(frozen=True, slots=True)
class Allow:
    """What an operator lets us dial although it is private, on any port.

    `hosts` holds names with the port they are allowed on, None = any.
    """

    cidrs: tuple[Network, ...] = ()
    hosts: frozenset[tuple[str, int | None]] = frozenset()

    @staticmethod
    def parse(text: str) -> "Allow":
        """Read a comma list of CIDRs, hosts and host:port. Raises ValueError for anything else.

        >>> Allow.parse("10.0.0.0/8, crm.corp:9000").names("crm.corp", 9000)
        True
        """
        cidrs: list[Network] = []
        hosts: set[tuple[str, int | None]] = set()
        for entry in filter(None, (part.strip() for part in text.split(","))):
            network = _network(entry)
            if network is None:
                hosts.add(_host_and_port(entry))
            else:
                cidrs.append(network)
        return Allow(tuple(cidrs), frozenset(hosts))

    def covers(self, ip: str | Address) -> bool:
        """Tell whether a CIDR of the list holds this address. Raises ValueError for no address."""
        address = _unwrapped(ip_address(ip))
        return any(address in network for network in self.cidrs)

    def names(self, host: str, port: int) -> bool:
        """Tell whether the list names this host, on this port or on any."""
        name = host.lower().rstrip(".")
        return (name, None) in self.hosts or (name, port) in self.hosts


def address_ok(ip: str | Address, allow: Allow) -> bool:
    """Tell whether an address is public, or allowed by the operator.

    An IPv4 address inside an IPv6 one (mapped, NAT64) is judged as what it is. `is_global` alone
    is not enough: Python 3.11 says True for multicast, NAT64 and 6to4 forms of private addresses.

    >>> address_ok("93.184.215.14", Allow()), address_ok("::ffff:127.0.0.1", Allow())
    (True, False)
    """
    try:
        address = _unwrapped(ip_address(ip))
    except ValueError:
        return False
    if allow.covers(address):
        return True
    listed = any(address in network for network in _BLOCKED)
    return address.is_global and not address.is_multicast and not listed


def may_dial(ip: str | Address, port: int, allow: Allow) -> bool:
    """Tell whether a connection may be opened; asked for each socket just before it connects."""
    return address_ok(ip, allow) and (port in PORTS or allow.covers(ip))


def judge_url(url: str, allow: Allow) -> None:
    """Refuse a URL whose text alone shows that it must not be dialled. Raises Blocked.

    Addresses are recognised in every spelling a resolver takes (`127.1`, `0x7f.1`, `2130706433`,
    full-width digits). A name passes: what it resolves to is judged when it is dialled.
    """
    parts, host, port = _taken_apart(url)
    if parts.username is not None or parts.password is not None:
        raise Blocked("The URL must not hold a user name or password.")
    if allow.names(host, port):
        return
    address = literal(host)
    if address is None:
        _judge_name(host, port, allow)
    elif not may_dial(address, port, allow):
        raise Blocked("The URL must lead to a public address on port 80, 443 or 8443.")


def judge_callback(url: str, allow: Allow) -> None:
    """Refuse a URL that no callback may be sent to: as `judge_url`, and no fragment.

    Raises Blocked.
    """
    judge_url(url, allow)
    if "#" in url:
        raise Blocked("The URL must not have a fragment.")


def literal(host: str) -> Address | None:
    """Return the address that a host is written as, in any spelling; None for a name.

    >>> str(literal("0x7f.1")), literal("acme.example")
    ('127.0.0.1', None)
    """
    try:
        return ip_address(host)
    except ValueError:
        pass
    try:
        return IPv4Address(socket.inet_aton(host))
    except OSError:
        return None


def _taken_apart(url: str) -> tuple[SplitResult, str, int]:
    """Return a URL's parts, its host in ASCII and its port. Raises Blocked."""
    if len(url) > MAX_URL:
        raise Blocked(f"The URL is longer than {MAX_URL} characters.")
    if _NOT_IN_A_URL.search(url):
        raise Blocked("The URL holds a blank, a control character or a backslash.")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as exc:
        raise Blocked("The URL cannot be read.") from exc
    if parts.scheme not in {"http", "https"}:
        raise Blocked("The URL must begin with https:// or http://.")
    default = 443 if parts.scheme == "https" else 80
    return parts, _ascii(parts.hostname or ""), default if port is None else port


def _ascii(host: str) -> str:
    """Return a host as it goes on the wire: IDNA folds full-width digits and odd dots."""
    if not host or "%" in host:
        raise Blocked("The URL names no host that could be dialled.")
    if ":" in host:
        return host
    try:
        return host.encode("idna").decode().lower().removesuffix(".")
    except UnicodeError as exc:
        raise Blocked("The URL names no host that could be dialled.") from exc


def _judge_name(host: str, port: int, allow: Allow) -> None:
    if allow.cidrs:
        return  # an inner name may well be meant: the address it resolves to decides
    if any(host == name or host.endswith(f".{name}") for name in _LOCAL_NAMES):
        raise Blocked("The URL names a host of this machine or its own network.")
    if port not in PORTS:
        raise Blocked("The URL must use port 80, 443 or 8443.")


def _unwrapped(address: Address) -> Address:
    if isinstance(address, IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address


def _network(entry: str) -> Network | None:
    try:
        return ip_network(entry.strip("[]"), strict=False)
    except ValueError:
        return None


def _host_and_port(entry: str) -> tuple[str, int | None]:
    try:
        parts = urlsplit(f"//{entry}")
        host, port = parts.hostname, parts.port
    except ValueError as exc:
        raise ValueError(f"not a CIDR, host or host:port: {entry!r}") from exc
    if not host or parts.netloc != entry or "@" in entry or _NOT_IN_A_URL.search(entry):
        raise ValueError(f"not a CIDR, host or host:port: {entry!r}")
    return host.rstrip("."), port
