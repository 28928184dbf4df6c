"""Whether an address can be written to."""

from datetime import UTC, datetime

import orjson
import pytest

from app.provider import Answer, Request
from app.verification import Verification, verify

NOW = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
Dns = dict[str, list[str] | str]  # "MX acme.com" -> records, or the name of a failure


def verified(email: str, dns: Dns) -> tuple[Verification, list[str]]:
    """Run the verification against this DNS; return its end and the URLs it asked for."""
    steps, asked = verify(email), []
    try:
        requests = next(steps)
        while True:
            asked += [request.url for request in requests]
            requests = steps.send([resolved(request, dns) for request in requests])
    except StopIteration as done:
        return done.value, asked


def resolved(request: Request, dns: Dns) -> Answer:
    name, _, kind = request.url.removeprefix("dns:").partition("?type=")
    found = dns.get(f"{kind} {name}", "dns_no_answer")
    if isinstance(found, str):
        return Answer(0, {}, b"", request.url, NOW, failure=found)
    return Answer(200, {}, orjson.dumps(found), request.url, NOW)


def test_a_domain_that_takes_mail_leaves_the_mailbox_unverified() -> None:
    mx = ["20 mx2.acme.com.", "10 MX1.acme.com."]
    found, asked = verified("mailto:Sarah+x@ACME.com", {"MX acme.com": mx})
    assert asked == ["dns:acme.com?type=MX"]
    assert (found.email, found.normalized) == ("sarah+x@acme.com", "sarah@acme.com")
    assert (found.status, found.syntax, found.mx) == ("unverified", True, True)
    assert found.mx_hosts == ("mx1.acme.com", "mx2.acme.com")
    assert (found.free_mail, found.disposable, found.role) == (False, False, False)


@pytest.mark.parametrize(
    ("dns", "status", "mx", "hosts"),
    [
        ({"MX acme.com": "dns_nxdomain"}, "invalid", False, ()),
        ({"MX acme.com": ["0 ."]}, "invalid", False, ()),
        ({"MX acme.com": []}, "invalid", False, ()),
        ({}, "invalid", False, ()),
        ({"A acme.com": ["192.0.2.1"]}, "risky", True, ("acme.com",)),
        ({"AAAA acme.com": ["2001:db8::1"]}, "risky", True, ("acme.com",)),
        ({"A acme.com": "timeout"}, "unknown", None, ()),
        ({"MX acme.com": "dns_error"}, "unknown", None, ()),
        ({"MX acme.com": "timeout"}, "unknown", None, ()),
        ({"MX acme.com": ["junk", "x y z", "mx.acme.com."]}, "unknown", None, ()),
        ({"MX acme.com": ["junk", "5 mx.acme.com."]}, "unverified", True, ("mx.acme.com",)),
    ],
)
def test_dns_decides(dns: Dns, status: str, mx: bool | None, hosts: tuple[str, ...]) -> None:
    found, _ = verified("sarah@acme.com", dns)
    assert (found.status, found.mx, found.mx_hosts) == (status, mx, hosts)
    assert found.reason.endswith(".")


@pytest.mark.parametrize("typed", ["", "sarah", "a@b@c.com", "sarah@localhost", "x" * 999, "\x00"])
def test_what_is_no_address_is_invalid_without_asking_dns(typed: str) -> None:
    found, asked = verified(typed, {})
    assert (found.status, found.syntax, found.mx, found.normalized) == (
        "invalid",
        False,
        None,
        None,
    )
    assert asked == []


def test_kinds_are_told() -> None:
    mx: Dns = {"MX gmail.com": ["5 mx.gmail.com."], "MX acme.com": ["5 mx.acme.com."]}
    assert verified("sarah@gmail.com", mx)[0].free_mail
    assert verified("info@acme.com", mx)[0].role
    found, asked = verified("sarah@mailinator.com", mx)
    assert (found.disposable, found.status, asked) == (True, "risky", [])


def test_the_sandbox_answers_for_itself() -> None:
    known, asked = verified("sarah.chen@acme.example", {})
    assert (known.status, known.mx, asked) == ("verified", True, [])
    assert verified("notfound@acme.example", {})[0].status == "invalid"


def test_an_address_does_not_show_in_logs() -> None:
    found, _ = verified("sarah@acme.example", {})
    assert "sarah" not in repr(found)


def test_an_unreadable_answer_is_not_taken_for_a_host() -> None:
    steps = verify("sarah@acme.com")
    [request] = next(steps)
    with pytest.raises(StopIteration) as done:
        steps.send([Answer(200, {}, b"<html>", request.url, NOW)])
    assert done.value.value.status == "unknown"
