"""What the cases beside this file leave open."""

from collections.abc import Mapping
from datetime import UTC, datetime

import orjson
import pytest

from app.prospect import Identifiers
from app.provider import Answer, Finding, Outcome, Request, Unreadable
from app.providers.dns import LABELS, Dns, unlikely_label
from app.web.fingerprints import spf_tools, txt_tools

NOW = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
Zone = Mapping[str, list[str] | str]  # "NAME TYPE" -> records, or how asking fails


def look_up(zone: Zone) -> tuple[Finding, list[list[Request]]]:
    """Let the provider ask a zone; what is not in it does not exist."""
    rounds: list[list[Request]] = []
    exchange = Dns().look_up(Dns.capabilities[0], Identifiers(domain="example.org"))
    try:
        requests = next(exchange)
        while True:
            rounds.append(requests)
            requests = exchange.send([answer(request, zone) for request in requests])
    except StopIteration as done:
        return done.value, rounds


def answer(request: Request, zone: Zone) -> Answer:
    name, _, kind = request.url.removeprefix("dns:").partition("?type=")
    found = zone.get(f"{name} {kind}", "dns_nxdomain")
    failure = found if isinstance(found, str) else None
    return Answer(0 if failure else 200, {}, orjson.dumps(found), request.url, NOW, failure)


def values(finding: Finding, name: str) -> list[object]:
    return [fact.value for fact in finding.facts if fact.field == name]


MAIL: Zone = {"example.org MX": ["10 aspmx.l.google.com."], "example.org A": ["192.0.2.1"]}


def test_at_most_six_names_are_asked_at_once_and_each_once() -> None:
    _, rounds = look_up(MAIL)
    names = [request.url for requests in rounds for request in requests]
    assert max(map(len, rounds)) <= 6
    assert len(names) == len(set(names)) == 5 + len(LABELS)
    assert all(request.guarded for requests in rounds for request in requests)


def test_a_zone_where_every_name_answers_tells_nothing_by_its_sub_domains() -> None:
    stray = f"{unlikely_label('example.org')}.example.org A"
    help_desk: Zone = {**MAIL, "help.example.org CNAME": ["example.zendesk.com."]}
    assert "Zendesk" in values(look_up(help_desk)[0], "company.technologies")
    for wildcard in (["192.0.2.1"], "timeout"):
        finding, rounds = look_up({**help_desk, stray: wildcard})
        assert "Zendesk" not in values(finding, "company.technologies")
        assert len(rounds) == 1


@pytest.mark.parametrize(
    ("records", "policy"),
    [
        (["v=DMARC1; p=reject; pct=100"], ["p=reject"]),
        (["v=DMARC1;p = Quarantine"], ["p=quarantine"]),
        (["v=DMARC1; p=none; sp=reject"], ["p=none"]),
        (["v=spf1 -all"], ["missing"]),
        (["v=DMARC1; rua=mailto:d@example.org"], ["missing"]),
        ("dns_nxdomain", ["missing"]),
        ("timeout", []),
    ],
)
def test_the_dmarc_policy_is_told_and_silence_is_not_taken_for_none(
    records: list[str] | str, policy: list[str]
) -> None:
    finding, _ = look_up({**MAIL, "_dmarc.example.org TXT": records})
    assert values(finding, "company.dmarc") == policy


def test_behind_a_gateway_the_mailboxes_are_where_spf_says() -> None:
    zone: Zone = {
        "example.org MX": ["5 eu-smtp-1.mimecast.com."],
        "example.org TXT": ["v=spf1 include:eu._netblocks.mimecast.com"
                            " include:spf.protection.outlook.com -all"],
    }  # fmt: skip
    finding, _ = look_up(zone)
    assert values(finding, "company.mail_host") == ["Microsoft 365"]
    assert values(finding, "company.technologies") == ["Mimecast", "Microsoft 365"]


def test_the_best_preferred_host_keeps_the_mail() -> None:
    zone: Zone = {"example.org MX": ["50 backup.example.net.", "5 mx.example.com."]}
    assert values(look_up(zone)[0], "company.mail_host") == ["example.com"]


def test_a_domain_that_exists_only_as_an_address_still_takes_mail() -> None:
    finding, _ = look_up({"example.org MX": "dns_no_answer", "example.org A": ["192.0.2.1"]})
    assert finding.outcome is Outcome.not_found
    assert finding.facts == ()


def test_an_answer_in_another_shape_is_refused() -> None:
    exchange = Dns().look_up(Dns.capabilities[0], Identifiers(domain="example.org"))
    asked = next(exchange)
    with pytest.raises(Unreadable):
        exchange.send([Answer(200, {}, b'{"a": 1}', request.url, NOW) for request in asked])


def test_only_terms_that_name_a_host_count_in_spf_and_only_prefixes_in_txt() -> None:
    record = "v=spf1 ip4:192.0.2.1 include:_spf.salesforce.com ~include:x.sendgrid.net"
    tools = [tool.name for tool in spf_tools(record + " redirect=mailgun.org exp=brevo.com -all")]
    assert tools == ["Salesforce", "SendGrid", "Mailgun"]
    assert [tool.name for tool in txt_tools('"MS=ms123"')] == ["Microsoft 365"]
    assert list(txt_tools("we use docusign")) == []
