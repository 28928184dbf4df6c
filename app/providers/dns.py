"""What a company's DNS says about the tools it uses; no key, no price.

Records: MX (RFC 5321), null MX (RFC 7505), SPF (RFC 7208), DMARC (RFC 7489). Which names are asked
and how sure each kind of record is: facts/sources.md section 3.2, read 2026-11-21. No zone walking,
no guessing beyond twelve usual labels.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from app.facts import Fact
from app.prospect import By, Identifiers
from app.provider import (
    Answer,
    Capability,
    Exchange,
    Finding,
    Meter,
    Outcome,
    Pace,
    Request,
    Unreadable,
)
from app.web.choice import registrable
from app.web.fingerprints import Tool, cname_tools, mx_tools, spf_tools, tool_class, txt_tools
from app.web.text import evidence

LABELS = (
    "status", "help", "support", "docs", "careers", "jobs",
    "go", "info", "pages", "blog", "shop", "community",
)  # fmt: skip
AT_ONCE = 6
TIMEOUT_S = 3.0
FIELDS = frozenset({"company.technologies", "company.dmarc", "company.mail_host"})
NO_MAIL = "receives no mail"
"""The value of company.mail_host for a null MX, or neither MX nor A."""

_ABSENT = frozenset({"dns_nxdomain", "dns_no_answer"})
_POLICY = re.compile(r"\bp\s*=\s*(none|quarantine|reject)\b", re.IGNORECASE)
_MAILBOXES = frozenset({"mail"})


@dataclass(frozen=True, slots=True)
class Dns:
    """Knows mail host, sending tools, verified tools and hosted sub-domains of a domain."""

    name = "dns"
    capabilities = (Capability("dns", (frozenset({By.domain}),), FIELDS),)
    pace = Pace(per_s=50.0, burst=50, at_once=16)
    sandbox = False

    def judge(self, answer: Answer) -> Outcome | None:
        """Return None: an absent record is an answer too."""
        return None

    def meter(self, answer: Answer) -> Meter:
        """Return nothing: DNS has no limits to read."""
        return Meter()

    def look_up(self, capability: Capability, query: Identifiers) -> Exchange:
        """Ask for the mail records and a label nobody has, then for the usual sub-domains."""
        domain = query.domain or ""
        mx, txt, dmarc, a, stray = yield [
            _ask(domain, "MX"),
            _ask(domain, "TXT"),
            _ask(f"_dmarc.{domain}", "TXT"),
            _ask(domain, "A"),
            _ask(f"{unlikely_label(domain)}.{domain}", "A"),
        ]
        basic = (mx, txt, a)
        if all(answer.failure in _ABSENT for answer in basic):
            return Finding(Outcome.not_found, detail="dns_nxdomain", credits=0.0)
        if all(answer.failure for answer in basic):
            failed = next(a.failure for a in basic if a.failure not in _ABSENT)
            return Finding(Outcome.provider_error, detail=str(failed), credits=0.0)
        mail = _Mail(domain, mx, txt, dmarc, a)
        facts = [*mail.facts()]
        if stray.failure in _ABSENT:  # else every name answers, and a CNAME shows nothing
            for start in range(0, len(LABELS), AT_ONCE):
                labels = LABELS[start : start + AT_ONCE]
                answers = yield [_ask(f"{label}.{domain}", "CNAME") for label in labels]
                facts.extend(_hosted(zip(labels, answers, strict=True)))
        facts = _once_each(facts)
        detail = "receives no mail" if mail.receives_none() else f"{len(facts)} facts"
        outcome = Outcome.matched if facts else Outcome.not_found
        return Finding(outcome, tuple(facts), detail, credits=0.0)


def unlikely_label(domain: str) -> str:
    """Return a label that no zone has on purpose; the same for the same domain.

    >>> unlikely_label("acme.example") == unlikely_label("acme.example")
    True
    """
    return "wc-" + hashlib.sha256(domain.encode()).hexdigest()[:16]


def _ask(name: str, kind: str) -> Request:
    return Request("GET", f"dns:{name}?type={kind}", guarded=True, timeout_s=TIMEOUT_S)


def _records(answer: Answer) -> list[str]:
    """Return the records of an answer. Raises Unreadable when it is not a list of strings."""
    if answer.failure:
        return []
    records = answer.json()
    if not isinstance(records, list) or not all(isinstance(r, str) for r in records):
        raise Unreadable("a DNS answer that is not a list of strings")
    return records


@dataclass(frozen=True, slots=True)
class _Mail:
    """The mail records of one domain."""

    domain: str
    mx: Answer
    txt: Answer
    dmarc: Answer
    a: Answer

    def hosts(self) -> list[str]:
        """Return the MX hosts, best preference first; a null MX has none."""
        ranked = sorted(_preference(record) for record in _records(self.mx))
        return [host for _, host in ranked if host]

    def receives_none(self) -> bool:
        """Tell whether the domain cannot receive mail: a null MX, or neither MX nor A."""
        if _records(self.mx):
            return not self.hosts()
        return self.mx.failure in _ABSENT and self.a.failure in _ABSENT

    def facts(self) -> Iterator[Fact]:
        tools = [*mx_tools(self.hosts())]
        senders = [tool for record in self._spf() for tool in spf_tools(record)]
        verified = [tool for record in _records(self.txt) for tool in txt_tools(record)]
        yield from (_tool(tool, self.mx) for tool in tools)
        yield from (_tool(tool, self.txt) for tool in (*senders, *verified))
        yield from self._mail_host([*tools, *senders])
        yield from self._dmarc()

    def _spf(self) -> list[str]:
        return [r for r in _records(self.txt) if r.lower().startswith("v=spf1")]

    def _mail_host(self, tools: Sequence[Tool]) -> Iterator[Fact]:
        """Name who keeps the mailboxes; behind a security gateway SPF tells."""
        if self.receives_none():
            quote = ", ".join(_records(self.mx)) or "no MX and no A record"
            yield _fact("company.mail_host", NO_MAIL, 0.95, self.mx, quote)
            return
        hosts = self.hosts()
        if not hosts:
            return
        boxes = (t for t in tools if tool_class(t.name) in _MAILBOXES)
        known = next(boxes, None) or next(iter(tools), None)
        name = known.name if known else registrable(hosts[0])
        sure = known.confidence if known else 0.9
        yield _fact("company.mail_host", name, sure, self.mx, f"MX {hosts[0]}")

    def _dmarc(self) -> Iterator[Fact]:
        records = [r for r in _records(self.dmarc) if r.lower().startswith("v=dmarc1")]
        policy = _POLICY.search(records[0]) if records else None
        if policy:
            yield _fact("company.dmarc", f"p={policy[1].lower()}", 0.95, self.dmarc, records[0])
        elif self.hosts() and (records or not self.dmarc.failure or self.dmarc.failure in _ABSENT):
            quote = records[0] if records else "no DMARC record"
            yield _fact("company.dmarc", "missing", 0.9, self.dmarc, quote)


def _preference(record: str) -> tuple[int, str]:
    number, _, host = record.partition(" ")
    is_number = number.isdecimal() and len(number) < 6
    return int(number) if is_number else 0, host.strip().rstrip(".").lower()


def _hosted(answers: Iterable[tuple[str, Answer]]) -> Iterator[Fact]:
    for label, answer in answers:
        for target in _records(answer):
            for tool in cname_tools(label, target):
                yield _tool(tool, answer)


def _tool(tool: Tool, answer: Answer) -> Fact:
    return _fact("company.technologies", tool.name, tool.confidence, answer, tool.quote)


def _fact(name: str, value: str, confidence: float, answer: Answer, quote: str) -> Fact:
    return Fact(
        name,
        value,
        Dns.name,
        confidence,
        answer.at,
        source_url=answer.url,
        evidence=evidence(quote),
    )


def _once_each(facts: Iterable[Fact]) -> list[Fact]:
    """Keep the surest fact of each tool."""
    best: dict[tuple[str, str], Fact] = {}
    for fact in facts:
        key = (fact.field, str(fact.value))
        if key not in best or best[key].confidence < fact.confidence:
            best[key] = fact
    return list(best.values())
