"""Whether an e-mail address can be written to: its form, its kind and the DNS of its domain.

No mailbox is ever tried by SMTP: many hosts say yes to everything, and the others block who asks.
The words of `status` are those of facts/providers/INDEX.md section 6, read 2026-11-21.
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field, replace

from app.addresses import (
    AddressClass,
    address_class,
    is_disposable,
    is_free_mail,
    is_sandbox_host,
    mailbox_key,
    sandbox_branch,
)
from app.errors import InvalidProspect
from app.provider import Answer, Request, Unreadable
from app.reading import read_email


@dataclass(frozen=True, slots=True)
class Verification:
    """What is known of an address without writing to it.

    `normalized` is the one spelling of its mailbox, `mx` whether the domain takes mail (None = not
    found out), `mx_hosts` the hosts in the order they are tried. `status` is one of verified,
    accept_all, risky, unknown, invalid, unverified (takes mail, mailbox not checked), unsafe;
    a provider that checks mailboxes may know more than `unverified`.
    """

    email: str = field(repr=False)
    status: str
    reason: str
    normalized: str | None = field(default=None, repr=False)
    syntax: bool = True
    mx: bool | None = None
    mx_hosts: tuple[str, ...] = ()
    free_mail: bool = False
    disposable: bool = False
    role: bool = False


Steps = Generator[list[Request], list[Answer], Verification]


def verify(email: str) -> Steps:
    """Yield the DNS requests needed, be sent their answers, return the verification.

    An address under `.example` is answered by the sandbox's rules, without DNS: notfound@ is
    invalid, every other one verified. Raises nothing: what is no address is `invalid`.
    """
    try:
        address = read_email(email)
    except InvalidProspect:
        return Verification(email, "invalid", "This is not a valid e-mail address.", syntax=False)
    host = address.rpartition("@")[2]
    known = _described(address)
    if is_sandbox_host(host):
        return _in_the_sandbox(known)
    if known.disposable:
        return replace(known, status="risky", reason="The mailbox is a disposable one.")
    [answer] = yield [Request("GET", f"dns:{host}?type=MX")]
    if _records(answer) == []:  # RFC 5321 section 5.1: then the host itself takes mail
        hosts = yield [Request("GET", f"dns:{host}?type={kind}") for kind in ("A", "AAAA")]
        return _by_address(known, host, hosts)
    return _by_mx(known, answer)


def _described(address: str) -> Verification:
    host = address.rpartition("@")[2]
    return Verification(
        address,
        "unknown",
        "",
        normalized=mailbox_key(address),
        free_mail=is_free_mail(host),
        disposable=is_disposable(host),
        role=address_class(address) is AddressClass.role,
    )


def _in_the_sandbox(known: Verification) -> Verification:
    if sandbox_branch(known.email) == "notfound":
        reason = "The sandbox has no such mailbox."
        return replace(known, status="invalid", reason=reason, mx=True)
    return replace(known, status="verified", reason="The sandbox has this mailbox.", mx=True)


def _by_mx(known: Verification, answer: Answer) -> Verification:
    if answer.failure == "dns_nxdomain":
        return replace(known, status="invalid", reason="The domain does not exist.", mx=False)
    hosts = _mail_hosts(answer)
    if hosts is None:
        return replace(known, reason="The domain's mail servers could not be looked up.")
    if hosts == ("",):  # RFC 7505: a single `0 .`
        return replace(known, status="invalid", reason="The domain takes no mail.", mx=False)
    reason = "The domain takes mail; the mailbox itself was not checked."
    return replace(known, status="unverified", reason=reason, mx=True, mx_hosts=hosts)


def _by_address(known: Verification, host: str, answers: Sequence[Answer]) -> Verification:
    if any(_records(answer) for answer in answers):
        reason = "The domain names no mail server, its own host may take mail."
        return replace(known, status="risky", reason=reason, mx=True, mx_hosts=(host,))
    if any(_records(answer) is None for answer in answers):
        return replace(known, reason="The domain's host could not be looked up.")
    return replace(known, status="invalid", reason="The domain takes no mail.", mx=False)


def _mail_hosts(answer: Answer) -> tuple[str, ...] | None:
    """Return the hosts of `10 mx.example.com.` records, most preferred first; None = not known."""
    records = [line.split() for line in _records(answer) or ()]
    pairs = sorted((int(r[0]), r[1].rstrip(".").lower()) for r in records if _is_mx(r))
    return tuple(host for _, host in pairs) or None


def _is_mx(record: Sequence[str]) -> bool:
    return len(record) == 2 and record[0].isdecimal() and len(record[0]) < 6


def _records(answer: Answer) -> list[str] | None:
    """Return the lines of a DNS answer, none for a name without any; None = not found out."""
    if answer.failure:
        return [] if answer.failure == "dns_no_answer" else None
    try:
        found = answer.json()
    except Unreadable:
        return None
    return [line for line in found if isinstance(line, str)] if isinstance(found, list) else None
