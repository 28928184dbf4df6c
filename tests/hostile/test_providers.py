"""Answers of providers and sites that mean harm: bounded, never a crash, and inert when shown."""

import asyncio
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.console import Console
from selectolax.lexbor import LexborHTMLParser

from app.assembly import assemble
from app.facts import FIELDS, Fact, Section
from app.prospect import Identifiers, identify
from app.provider import Answer, Ended, Finding, Outcome, Provider, Request
from app.providers.website import Website
from app.scope import wanted_fields
from app.views import JobView, job_view, result_json
from app.waterfall import drive
from integrations.cli import render as terminal
from integrations.pages import render as pages
from tests.hostile.test_description import EXAMPLES
from tests.providers.test_contract import CASES, NOW, PROVIDERS, Case, answer_to, paths
from tests.surfaces.views import view_of

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
    rounds, count = iter(case.content["exchange"]), iter(range(1_000))

    async def send(_: Provider, requests: list[Request]) -> list[Answer]:
        pairs = next(rounds, [])
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
        assert len(fact.raw_confidence or "") <= 300
        assert len(fact.evidence or "") <= 200
        assert len(fact.source_url or "") <= 2_048


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
