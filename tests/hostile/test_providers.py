"""Answers of providers and sites that mean harm: bounded, never a crash, and inert when shown."""

import asyncio
import io
import json
import re
import tracemalloc
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from time import process_time
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.console import Console
from selectolax.lexbor import LexborHTMLParser

from app.assembly import assemble
from app.facts import FIELDS, Fact, Json, Section, identified
from app.prospect import Identifiers, identify
from app.provider import Answer, Ended, Finding, Outcome, Provider, Request
from app.providers.website import Website
from app.scope import wanted_fields
from app.views import JobView, result_json
from app.waterfall import drive
from integrations.cli import render as terminal
from integrations.pages import render as pages
from tests.hostile.test_description import EXAMPLES
from tests.providers.test_contract import CASES, NOW, PROVIDERS, Case, answer_to, paths
from tests.surfaces.views import view_of
from tests.web.sites import html

MOST_FACT_BYTES = 20_000
MOST_FACTS = 2_000

many = settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)

MATCHED = [case for case in CASES if case.content["outcome"] == "matched"]

TEXTS = st.one_of(
    st.text(max_size=40),
    st.sampled_from(
        [
            "<script>alert(1)</script>",
            "\x1b[31mred\x1b[0m",
            "\u202egnp.exe",
            "a" * 200_000,
            "\x00",
            "[click](javascript:alert(1))",
            "javascript:alert(1)",
            "https://evil.example/\r\nX: y",
            "2026-99-99",
            "9" * 5_000,
            "1e999",
            "-1",
            "null",
            "é" * 5_000,
            "\ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16"),
        ]
    ),
)
NUMBERS = st.one_of(
    st.integers(-(2**63), 2**63), st.floats(), st.sampled_from([0, -1, 2**53, 1e308, -0.0])
)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)


async def driven(provider: Provider, case: Case, bodies: Mapping[int, bytes]) -> Finding:
    """Let the provider ask through the real `drive`; the n-th answer may have another body."""
    rounds: Iterator[list[dict[str, Any]]] = iter(case.content["exchange"])
    count = iter(range(1_000))

    async def send(_: Provider, requests: list[Request]) -> list[Answer]:
        pairs: list[dict[str, Any]] = next(rounds, [])
        given = [pair["answer"] for pair in pairs] + [{"failure": "connect"}] * len(requests)
        answers = [answer_to(*both) for both in zip(requests, given, strict=False)]
        answers = [replace(a, body=bodies.get(next(count), a.body)) for a in answers]
        for request, answer in zip(requests, answers, strict=True):
            guarded = request.guarded or request.url.startswith("dns:")
            outcome = None if guarded else provider.judge(answer)
            if outcome is not None or (answer.failure and not guarded):
                raise Ended(Finding(outcome or Outcome.provider_error))
        return answers

    exchange = provider.look_up(case.capability(provider), case.query)
    return await drive(provider, exchange, send)


def assert_bounded(finding: Finding, provider: Provider, case: Case) -> None:
    assert isinstance(finding.outcome, Outcome)
    assert len(finding.facts) <= MOST_FACTS
    assert len(finding.detail) <= 300
    assert finding.credits is None or 0 <= finding.credits < float("inf")
    for fact in finding.facts:
        assert fact.field in case.capability(provider).fields
        assert 0 <= fact.confidence <= 1
        assert fact.source == provider.name
        assert fact.seen_at.tzinfo is not None
        assert len(orjson.dumps(fact.value)) <= MOST_FACT_BYTES, fact.field
        assert len(fact.raw_confidence or "") <= 4_000
        assert len(fact.evidence or "") <= 200
        assert len(fact.source_url or "") <= 4_000


def bodies_of(case: Case) -> list[Any]:
    return [pair["answer"].get("json") for pairs in case.content["exchange"] for pair in pairs]


def replaced(body: Any, path: Sequence[Any], value: Any) -> Any:
    copy = json.loads(json.dumps(body))
    place = copy
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return copy


def wire(value: Any) -> bytes:
    """Write JSON as a careless server does: NaN, Infinity and lone surrogates go out too."""
    return json.dumps(value).encode()


@pytest.mark.parametrize("case", MATCHED, ids=str)
def test_a_spoilt_answer_is_a_finding_of_bounded_facts(case: Case) -> None:
    provider = PROVIDERS[case.provider]
    spots = [
        (number, path)
        for number, body in enumerate(bodies_of(case))
        if isinstance(body, dict | list)
        for path in paths(body)
    ]
    whole = st.sampled_from(range(len(bodies_of(case)))).flatmap(
        lambda n: st.tuples(st.just(n), st.one_of(st.binary(max_size=200), VALUES.map(wire)))
    )

    @many
    @given(st.data())
    def check(data: st.DataObject) -> None:
        if not spots or data.draw(st.integers(0, 4)) == 0:
            number, body = data.draw(whole)
        else:
            number, path = data.draw(st.sampled_from(spots))
            body = wire(replaced(bodies_of(case)[number], path, data.draw(VALUES)))
        finding = asyncio.run(driven(provider, case, {number: body}))
        assert_bounded(finding, provider, case)

    check()


@pytest.mark.parametrize("case", MATCHED, ids=str)
def test_a_huge_value_in_any_place_stays_bounded(case: Case) -> None:
    provider = PROVIDERS[case.provider]
    for number, body in enumerate(bodies_of(case)):
        for path in paths(body) if isinstance(body, dict | list) else ():
            for huge in ("é<b>" * 6_000, ["x y"] * 2_000, "9" * 5_000):
                spoilt = wire(replaced(body, path, huge))
                finding = asyncio.run(driven(provider, case, {number: spoilt}))
                assert_bounded(finding, provider, case)


# --- sites ---------------------------------------------------------------------------------------


def linked_data(block: str) -> str:
    return f'<script type="application/ld+json">{block}</script>'


def organisation(**said: Any) -> str:
    named = {"@type": "Organization", "name": "Acme Gears", "url": "https://acmegears.example"}
    return linked_data(json.dumps({**named, **said}))


MANY_ATTRIBUTES = " ".join(f"a{number}=1" for number in range(150_000))

PAGES: Mapping[str, str] = {
    "deep blocks": "<div>" * 200_000,
    "deep custom elements": "<x-y>" * 20_000,
    "deep formatting": "<font>" * 23 + "<p>x" * 20_000,
    "deep tables": "<table><tr><td>" * 60_000,
    "10 MB inline": "<p>" + "inline words " * 800_000,
    "a huge attribute": f'<div class="{"a " * 700_000}">x</div>',
    "150,000 attributes": f"<div {MANY_ATTRIBUTES}>x",
    "150,000 attributes behind a quoted bracket": f'<div a=">" {MANY_ATTRIBUTES}>x',
    "150,000 attributes of a script": f"<script {MANY_ATTRIBUTES}>x",
    "150,000 attributes behind a script": f"<SCRIPT></script><div {MANY_ATTRIBUTES}>x",
    "30,000 links": "".join(f'<a href="/about{n}">About {n}</a>' for n in range(30_000)),
    "a million brackets": "<" * 1_400_000,
    "NUL and bidi": "\x00" * 200_000 + "\u202e" * 200_000 + "hello",
    "links that cannot be read": '<base href="http://["><a href="//[x]/about">About</a>'
    '<a href="http://acmegears.example:99999/about">About</a><a href="javascript:x">Team</a>',
    "a refresh that cannot be read": '<meta http-equiv=refresh content="0;url=http://[">',
    "deep linked data": linked_data("[" * 140_000 + "]" * 140_000),
    "deep linked objects": linked_data('{"@graph":' * 20_000 + "1" + "}" * 20_000),
    "wide linked data": linked_data(
        json.dumps([{"@type": "Organization", "name": f"Org {n}"} for n in range(5_000)])
    ),
    "a number of 5,000 digits": organisation(numberOfEmployees="9" * 5_000),
    "a surrogate": linked_data('{"@type":"Organization","name":"\\ud800 Acme"}'),
    "9,000 phones and mailboxes": organisation(
        telephone=[f"+1 202 555 01{n % 100:02d}" for n in range(9_000)],
        email=[f"a{n}@acmegears.example" for n in range(9_000)],
    ),
    "999 employees": organisation(
        employee=[
            {"@type": "Person", "name": f"Jane R{n}", "jobTitle": "CEO"} for n in range(4_000)
        ]
    ),
    "names that are code": organisation(
        description="<script>alert(1)</script> \x1b[31m [x](javascript:alert(1))",
        sameAs=["javascript:alert(1)", 'https://www.linkedin.com/company/x"><script>'],
    )
    + "<h2>Our team</h2><div><h3>&lt;img src=x onerror=alert(1)&gt; Roe</h3><p>Head of Sales</p>",
}

ENCODINGS: Mapping[str, bytes] = {
    "no UTF-8": b"\xff\xfe\xfd" * 100_000,
    "a charset that is none": b'<meta charset="base64">hello' * 100,
    "a charset that is a codec": b'<meta charset="unicode_escape">\\N{' * 100,
    "UTF-7": b'<meta charset="utf-7">+ADw-script+AD4-alert(1)',
    "a codec of half characters": b'<meta charset="raw_unicode_escape">\\ud800 Acme' * 100,
    "UTF-16": "<p>Hello</p>".encode("utf-16"),
    "punycode": b'<meta charset="punycode">' + b"a-" * 50_000,
    "idna": b'<meta charset="idna">' + b"a" * 50_000,
}

HOSTILE_BODIES = {name: text.encode("utf-8") for name, text in PAGES.items()} | dict(ENCODINGS)


async def visited(body: bytes) -> Finding:
    """Let the website provider read a site of which the first pages have this body."""
    html_pages = iter(range(3))

    async def send(_: Provider, requests: list[Request]) -> list[Answer]:
        return [answered(request) for request in requests]

    def answered(request: Request) -> Answer:
        kind = request.accept[0] if request.accept else "text/html"
        if kind == "text/html" and next(html_pages, None) is None:
            return Answer(404, {"content-type": kind}, b"", request.url, NOW)
        return Answer(200, {"content-type": kind}, body[: request.max_bytes], request.url, NOW)

    site = Website()
    query = Identifiers(domain="acmegears.example")
    return await drive(site, site.look_up(site.capabilities[0], query), send)


def cost(body: bytes) -> tuple[float, Finding]:
    """Return the seconds of the processor that a visit takes, and what it found."""
    started = process_time()
    finding = asyncio.run(visited(html("", title="Acme Gears").encode() + body))
    return process_time() - started, finding


@pytest.fixture(scope="module")
def ordinary_s() -> float:
    """Return what an ordinary page of the largest size costs."""
    paragraph = '<p>We make gears for <a href="/customers">customers</a> in many lands.</p>'
    return cost(paragraph.encode() * 18_000)[0]


@pytest.mark.parametrize("name", HOSTILE_BODIES)
def test_a_hostile_page_costs_little_more_than_an_ordinary_one(
    name: str, ordinary_s: float
) -> None:
    spent_s, finding = cost(HOSTILE_BODIES[name])
    assert spent_s < 10 * ordinary_s + 2
    assert len(finding.facts) <= MOST_FACTS
    assert all(len(orjson.dumps(fact.value)) <= MOST_FACT_BYTES for fact in finding.facts)
    assert len(identified(finding.facts)) <= len(finding.facts)


@pytest.mark.parametrize("name", ["10 MB inline", "a huge attribute", "deep linked data"])
def test_a_hostile_page_takes_no_more_memory_than_a_few_pages(name: str) -> None:
    tracemalloc.start()
    try:
        asyncio.run(visited(HOSTILE_BODIES[name]))
        assert tracemalloc.get_traced_memory()[1] < 100_000_000
    finally:
        tracemalloc.stop()


def test_a_hostile_robots_file_is_read_in_no_time(ordinary_s: float) -> None:
    rules = b"User-agent: *\nCrawl-delay: 1e999\nSitemap: http://[\nDisallow: /" + b"*a" * 5_000
    started = process_time()
    asyncio.run(visited(rules))
    assert process_time() - started < 10 * ordinary_s + 2


# --- a card of hostile facts, as people see it ---------------------------------------------------

NASTY = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '"><a href="https://evil.example">click</a>',
    "{{7*7}}{% include '/etc/passwd' %}",
    "\x1b[31mred\x1b[0m \x1b]8;;https://evil.example\x07link\x1b]8;;\x07 \x9b31m",
    "a\rb\x08c\x7f\u202egnp.exe\u2066x\u200b",
    "[click](https://evil.example) ![x](https://evil.example/x.png)",
    "<https://evil.example>",
    "line\n# heading\n- item\n\n[x]: https://evil.example",
    "`code` **bold** __bold__ | cell | \\",
    "javascript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
)


def hostile_facts(text: str) -> list[Fact]:
    """Return a fact for every field, each with this text wherever text can stand."""
    objects: dict[str, Json] = {
        "person.email": {"address": text, "status": text},
        "person.phones": {"number": text, "type": text},
        "person.candidates": {"full_name": text, "title": text, "linkedin_url": text},
        "company.funding": {"stage": text, "last_round_at": text},
        "company.socials": {"network": text, "url": text},
        "company.status": {"status": text, "successor": text},
        "decision_makers": {"full_name": text, "title": text, "linkedin_url": text},
        "signals": {"kind": "news", "headline": text, "url": text, "seen_at": text},
    }
    numbers: dict[str, Json] = {"company.employee_count": 240, "company.founded_year": 2015}
    return [
        Fact(name, objects.get(name, numbers.get(name, text)), "orbit", 0.9, NOW, source_url=text)
        for name in FIELDS
    ]


def shown(text: str) -> JobView:
    """Return a finished job whose card is composed of such facts by the real rules."""
    prospect = identify("jane.roe@initech.example")
    result = assemble(prospect, wanted_fields(Section, None), hostile_facts(text), NOW)
    kept = result_json(result, [], None)
    view = view_of(
        {
            "status": "complete",
            "prospect": "jane.roe@initech.example",
            "sections": {section.value: "complete" for section in Section},
            "card": kept["card"],
            "facts": [],
            "missing": [],
        }
    )
    return replace(view, facts=list(result.facts), winners=result.winners)


@pytest.mark.parametrize("text", NASTY, ids=ascii)
def test_a_card_page_of_hostile_facts_has_no_script_and_no_strange_link(text: str) -> None:
    tree = LexborHTMLParser(pages.card(shown(text), NOW))
    assert not tree.css("script, img, iframe, object, embed, form, base, svg, link")
    for node in tree.css("*"):
        assert not [name for name in node.attributes if name.startswith("on")]
        href = node.attributes.get("href")
        assert href is None or href.startswith(("https://", "http://", "mailto:"))
        assert href is None or not href.startswith("https://evil.example")


CONTROLS = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b\u202a-\u202e\u2066-\u2069]")


@pytest.mark.parametrize("text", NASTY, ids=ascii)
def test_a_card_of_hostile_facts_moves_no_cursor_of_a_terminal(text: str) -> None:
    plain = Console(width=100, no_color=True, file=io.StringIO())
    for printed in (terminal.text(shown(text), NOW, plain), terminal.markdown(shown(text), NOW)):
        assert not CONTROLS.search(printed)


@pytest.mark.parametrize("text", NASTY, ids=ascii)
def test_markdown_of_hostile_facts_makes_no_link_and_no_mark_up(text: str) -> None:
    printed = terminal.markdown(shown(text), NOW)
    assert not re.search(r"(?<!\\)\]\((?!https?://)", printed)
    assert not re.search(r"(?<!\\)\]\(https?://evil", printed)
    assert not re.search(r"(?<!\\)[<`|]", printed)
    assert not re.search(r"(?<!\\)!\[", printed)
    assert not re.search(r"^(?:# heading|\[x\]:)", printed, re.MULTILINE)
