"""What every provider promises, whoever wrote it.

A case is a JSON file in the folder of its provider: what is asked, what each request looks like,
what is answered, and exactly the facts that come out. People and companies in them are fictional.
"""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import orjson
import pytest

from app.facts import FIELDS, Fact
from app.prospect import Identifiers
from app.provider import Answer, Capability, Finding, Outcome, Provider, Request, Unreadable
from app.providers import ALL, KEYED

HERE = Path(__file__).parent
KEY = "k3y-that-must-not-leak"
ELSEWHERE = "https://stand-in.example/api"
NOW = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)


def words(lines: str) -> frozenset[str]:
    return frozenset(lines.split())


REQUIRED: Mapping[str, frozenset[str]] = {
    "peopledatalabs": words("""
        found found_by_profile found_by_name_and_domain found_by_name_and_company sparse locked
        all_locked moved_on not_found rate_limited out_of_credits wrong_key bad_input server_error
        not_json wrong_shape company_found company_found_by_page company_found_by_name
        company_other_website company_not_found company_wrapped people_found people_not_found
    """),
    "hunter": words("""
        found found_by_handle sparse moved_on not_found suppressed rate_limited out_of_credits
        wrong_key bad_input server_error not_json wrong_shape company_found company_sparse
        company_not_found people_found people_none address_found address_found_by_company
        address_not_found verdict_valid verdict_invalid verdict_accept_all verdict_webmail
        verdict_disposable verdict_unknown verdict_new_word verdict_pending verdict_impossible
        verdict_missing
    """),
    "datalegion": words("""
        found found_by_profile found_by_name ambiguous sparse moved_on not_found empty
        rate_limited out_of_credits wrong_key no_contract bad_input server_error not_json
        wrong_shape company_found company_found_by_page company_found_by_name company_not_found
        people_found people_not_found people_hostile_domain
    """),
}
"""What a vendor is odd about stays covered: a case that goes is noticed, and so is a new one."""

MEANINGS: Mapping[str, Mapping[int, str | None]] = {
    "peopledatalabs": {
        200: None, 201: None, 202: None, 222: None, 400: "invalid_input", 401: "auth_failed",
        402: "out_of_credits", 403: "forbidden", 404: "not_found", 405: "provider_error",
        422: "invalid_input", 429: "rate_limited", 451: "suppressed", 500: "provider_error",
        503: "provider_error", 301: "provider_error",
    },
    "hunter": {
        200: None, 201: None, 202: "pending", 222: "pending", 400: "invalid_input",
        401: "auth_failed", 402: "out_of_credits", 403: "rate_limited", 404: "not_found",
        422: "invalid_input", 429: "out_of_credits", 451: "suppressed", 500: "provider_error",
        503: "provider_error", 301: "provider_error",
    },
    "datalegion": {
        200: None, 201: None, 202: None, 222: None, 400: "invalid_input", 401: "auth_failed",
        402: "out_of_credits", 403: "forbidden", 404: "not_found", 408: "provider_error",
        422: "invalid_input", 429: "rate_limited", 451: "suppressed", 500: "provider_error",
        503: "provider_error", 301: "provider_error",
    },
}  # fmt: skip


@dataclass(frozen=True)
class Case:
    """One fixture file."""

    provider: str
    name: str
    content: dict[str, Any]  # JSON as it stands in the file

    def __str__(self) -> str:
        return f"{self.provider}-{self.name}"

    @property
    def query(self) -> Identifiers:
        return Identifiers(**self.content["query"])

    def capability(self, provider: Provider) -> Capability:
        [named] = [one for one in provider.capabilities if one.name == self.content["capability"]]
        return named


def built(kind: type[Any], **options: str) -> Provider:
    """Make a provider; only those with a vendor have a key."""
    keyed = "key" in {field.name for field in fields(kind)}
    provider: Provider = kind(**{"key": KEY, **options} if keyed else {})
    return provider


def cases() -> list[Case]:
    files = sorted(path for kind in ALL for path in (HERE / kind.name).glob("*.json"))
    return [Case(path.parent.name, path.stem, orjson.loads(path.read_bytes())) for path in files]


PROVIDERS = {kind.name: built(kind) for kind in ALL}
CASES = cases()

every_provider = pytest.mark.parametrize("provider", PROVIDERS.values(), ids=list(PROVIDERS))
every_keyed = pytest.mark.parametrize("kind", KEYED, ids=[kind.name for kind in KEYED])
every_case = pytest.mark.parametrize("case", CASES, ids=str)


def answer_to(request: Request, answer: Mapping[str, Any]) -> Answer:
    body = answer["text"].encode() if "text" in answer else orjson.dumps(answer.get("json"))
    return Answer(
        status=answer.get("status", 0),
        headers=answer.get("headers", {}),
        body=b"" if answer.get("failure") else body,
        url=answer.get("url", request.url),
        at=NOW,
        failure=answer.get("failure"),
    )


Round = tuple[list[Request], list[dict[str, Any]], Finding | None]


def play(provider: Provider, case: Case) -> Iterator[Round]:
    """Yield each round, its requests beside its pairs, and at the end the finding.

    A spoilt case may ask for less or more than it holds: what is missing fails to connect, and a
    round too many ends without a finding. Raises Unreadable when the provider does.
    """
    exchange = provider.look_up(case.capability(provider), case.query)
    try:
        requests = next(exchange)
        for pairs in case.content["exchange"]:
            yield requests, pairs, None
            given = [pair["answer"] for pair in pairs] + [{"failure": "connect"}] * len(requests)
            answers = [answer_to(*both) for both in zip(requests, given, strict=False)]
            ended = next(filter(None, map(partial(ending, provider), requests, answers)), None)
            if ended:
                yield [], [], ended
                return
            requests = exchange.send(answers)
    except StopIteration as stop:
        yield [], [], stop.value


def ending(provider: Provider, request: Request, answer: Answer) -> Finding | None:
    """Judge an answer as the fetch layer does: a guarded request never ends the exchange."""
    outcome = None if is_guarded(request) else provider.judge(answer)
    if outcome is None:
        return None
    meter = provider.meter(answer)
    return Finding(outcome, credits=meter.credits_spent, retry_at=meter.retry_at)


def is_guarded(request: Request) -> bool:
    return request.guarded or request.url.startswith("dns:")


def asked(provider: Provider, case: Case) -> list[tuple[list[Request], list[dict[str, Any]]]]:
    """Return what the provider asks for, round by round, beside what the case expects there."""
    rounds = []
    with suppress(Unreadable):
        for requests, pairs, ended in play(provider, case):
            if ended is None:
                rounds.append((requests, pairs))
    return rounds


def finding(provider: Provider, case: Case) -> Finding:
    """Return how a case ends; Unreadable ends it as the waterfall would."""
    try:
        *_, (_, _, ended) = play(provider, case)
    except Unreadable:
        return Finding(Outcome.provider_error)
    assert ended, "the provider asks for more than the case holds"
    return ended


def told(fact: Fact, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Return a fact in the words of a fixture; what the fixture may leave out has its default."""
    optional = {"raw_confidence": fact.raw_confidence} if "raw_confidence" in wanted else {}
    return {
        "field": fact.field,
        "value": fact.value,
        "confidence": round(fact.confidence, 6),
        "verified": fact.verified,
        "source_url": fact.source_url,
        "inferred": fact.inferred,
        **optional,
    }


def in_order(facts: list[Any]) -> list[Any]:
    return sorted(facts, key=lambda one: orjson.dumps(one, option=orjson.OPT_SORT_KEYS))


# --- the suite itself --------------------------------------------------------------------------


def test_every_provider_has_its_cases_and_every_case_its_provider() -> None:
    found: dict[str, set[str]] = {}
    for case in CASES:
        found.setdefault(case.provider, set()).add(case.name)
    assert set(found) == set(PROVIDERS)
    assert set(REQUIRED) == {kind.name for kind in KEYED} == set(MEANINGS)
    assert {name: found[name] for name in REQUIRED} == dict(REQUIRED)


def test_cases_name_their_source_and_hold_nobody_real() -> None:
    for case in CASES:
        assert "read 2026-" in case.content["source"], case
        assert case.content["data"] == "fictional", case


# --- what is declared --------------------------------------------------------------------------


@every_provider
def test_declared_fields_exist_and_identifiers_are_complete_sets(provider: Provider) -> None:
    names = [capability.name for capability in provider.capabilities]
    assert len(names) == len(set(names)) > 0
    for capability in provider.capabilities:
        assert capability.fields, capability.name
        assert capability.fields <= set(FIELDS), capability.name
        assert all(capability.accepts), capability.name
        assert capability.credits >= 0


@every_provider
def test_every_capability_and_every_accepted_set_is_played(provider: Provider) -> None:
    mine = [case for case in CASES if case.provider == provider.name]
    for capability in provider.capabilities:
        played = {
            case.query.given() for case in mine if case.content["capability"] == capability.name
        }
        assert set(capability.accepts) <= played, capability.name


@every_case
def test_the_engine_would_ask_exactly_this(case: Case) -> None:
    provider = PROVIDERS[case.provider]
    assert case.capability(provider).query(case.query) == case.query


# --- what is asked -----------------------------------------------------------------------------


@every_case
def test_requests_are_the_documented_ones(case: Case) -> None:
    for requests, pairs in asked(PROVIDERS[case.provider], case):
        assert len(requests) == len(pairs)
        for request, pair in zip(requests, pairs, strict=True):
            wanted = pair["request"]
            assert request.method == wanted["method"]
            assert request.url == wanted["url"]
            assert dict(request.params) == wanted.get("params", {})
            assert request.json == wanted.get("json")


@every_case
def test_a_request_goes_to_the_vendor_or_through_the_guard(case: Case) -> None:
    provider = PROVIDERS[case.provider]
    base_url = getattr(provider, "base_url", None)
    for requests, _ in asked(provider, case):
        for request in requests:
            at_vendor = base_url is not None and request.url.startswith(f"{base_url}/")
            assert at_vendor != is_guarded(request) or provider.sandbox


@pytest.mark.parametrize("case", [c for c in CASES if c.provider in REQUIRED], ids=str)
@pytest.mark.parametrize("base_url", [ELSEWHERE, f"{ELSEWHERE}/"])
def test_the_key_travels_in_a_header_and_is_seen_nowhere(case: Case, base_url: str) -> None:
    [kind] = [kind for kind in KEYED if kind.name == case.provider]
    provider = built(kind, base_url=base_url)
    for requests, _ in asked(provider, case):
        for request in requests:
            assert request.url.startswith(f"{ELSEWHERE}/")
            assert not request.url.startswith(f"{ELSEWHERE}//")
            assert any(KEY in value for value in request.headers.values())
            assert KEY not in request.url
            assert KEY not in str(request.params)
            assert KEY not in str(request.json)
            assert KEY not in repr(request)
            assert not any(str(part) in repr(request) for part in case.content["query"].values())


@every_keyed
def test_the_key_does_not_show(kind: type[Any]) -> None:
    provider = built(kind)
    assert KEY not in repr(provider)
    assert KEY not in str(provider)


# --- what comes out ----------------------------------------------------------------------------


@every_case
def test_the_answer_gives_exactly_these_facts(case: Case) -> None:
    ended = finding(PROVIDERS[case.provider], case)
    assert ended.outcome.value == case.content["outcome"]
    if "credits" in case.content:
        assert ended.credits == case.content["credits"]
    wanted = [
        {"verified": False, "source_url": None, "inferred": False, **fact}
        for fact in case.content["facts"]
    ]
    words = {key for fact in wanted for key in fact}
    got = [told(fact, dict.fromkeys(words)) for fact in ended.facts]
    wanted = [{**dict.fromkeys(words & {"raw_confidence"}), **fact} for fact in wanted]
    assert in_order(got) == in_order(wanted)


@every_case
def test_facts_keep_to_what_was_declared(case: Case) -> None:
    provider = PROVIDERS[case.provider]
    ended = finding(provider, case)
    for fact in ended.facts:
        assert_sound(fact, provider, case)
    assert bool(ended.facts) == (ended.outcome is Outcome.matched)
    assert KEY not in ended.detail
    assert not any(str(part) in ended.detail for part in case.content["query"].values())


def assert_sound(fact: Fact, provider: Provider, case: Case) -> None:
    assert fact.field in FIELDS
    assert fact.field in case.capability(provider).fields
    assert 0 <= fact.confidence <= 1
    assert fact.source == provider.name
    assert fact.seen_at == NOW
    assert says_something(fact.value), fact.field


def says_something(value: object) -> bool:
    """Tell whether a value may stand on a card: nothing empty, also inside an object."""
    if isinstance(value, dict):
        return bool(value) and all(says_something(part) for part in value.values())
    if isinstance(value, str):
        return value.strip() == value and value.lower() not in {"", "none", "null", "true", "false"}
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 2**53


# --- spoilt answers ----------------------------------------------------------------------------

JUNK: tuple[Any, ...] = (
    None,
    "junk",
    "",
    "  ",
    [],
    {},
    0,
    -1,
    2**63 - 1,
    99,
    True,
    [None],
    ["junk"],
    [{}],
)


def spoilt(body: Any) -> Iterator[Any]:
    """Yield the body with each key missing once and each value replaced by each piece of junk."""
    for path in paths(body):
        yield changed(body, path, None, drop=True)
        for junk in JUNK:
            yield changed(body, path, junk, drop=False)


def paths(value: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    inside = value.items() if isinstance(value, dict) else enumerate(value)
    for key, part in inside:
        yield (*above, key)
        if isinstance(part, dict | list):
            yield from paths(part, (*above, key))


def changed(body: Any, path: tuple[Any, ...], junk: Any, *, drop: bool) -> Any:
    copy = deepcopy(body)
    place = copy
    for key in path[:-1]:
        place = place[key]
    if drop:
        del place[path[-1]]
    else:
        place[path[-1]] = junk
    return copy


def spoilt_texts(text: str) -> Iterator[str]:
    """Yield a text that broke off, that is noise, and that is not there."""
    yield from (text[: len(text) * part // 8] for part in range(8))
    yield from ("\x00\ufffd<<<>>>", "[]", "null", "7", '"x"', "[[[[")


def spoilt_cases(case: Case) -> Iterator[Case]:
    for round_no, pairs in enumerate(case.content["exchange"]):
        for pair_no, pair in enumerate(pairs):
            kind = "json" if isinstance(pair["answer"].get("json"), dict | list) else "text"
            body = pair["answer"].get(kind)
            versions = spoilt(body) if kind == "json" else spoilt_texts(body or "")
            for version in versions:
                content = {
                    **case.content,
                    "exchange": [list(one) for one in case.content["exchange"]],
                }
                answer = {**pair["answer"], kind: version}
                content["exchange"][round_no][pair_no] = {**pair, "answer": answer}
                yield Case(case.provider, case.name, content)


def ends_well(provider: Provider, case: Case) -> None:
    """Play a spoilt case: it may be unreadable or ask for more, but what it states is sound."""
    with suppress(Unreadable):
        for _, _, ended in play(provider, case):
            for fact in ended.facts if ended else ():
                assert_sound(fact, provider, case)


@pytest.mark.parametrize("case", [c for c in CASES if c.content["outcome"] == "matched"], ids=str)
def test_a_spoilt_answer_never_becomes_an_empty_fact_or_a_crash(case: Case) -> None:
    provider = PROVIDERS[case.provider]
    for version in spoilt_cases(case):
        ends_well(provider, version)


@pytest.mark.parametrize("case", [c for c in CASES if c.provider in REQUIRED], ids=str)
@pytest.mark.parametrize("body", ["[]", "null", "7", '"text"', "{}", "", "\x00", "<html>"])
def test_a_2xx_that_is_no_answer_is_unreadable(case: Case, body: str) -> None:
    content = deepcopy(case.content)
    for pairs in content["exchange"]:
        for pair in pairs:
            pair["answer"] = {"status": 200, "text": body}
    if content["exchange"]:
        ended = finding(PROVIDERS[case.provider], Case(case.provider, case.name, content))
        assert ended.outcome is Outcome.provider_error


# --- statuses and meters -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "status", "meaning"),
    [(name, status, word) for name, table in MEANINGS.items() for status, word in table.items()],
)
def test_a_status_means_what_this_vendor_says(name: str, status: int, meaning: str | None) -> None:
    outcome = PROVIDERS[name].judge(Answer(status, {}, b"", "https://x.example", NOW))
    assert (outcome and outcome.value) == meaning


HOSTILE = (
    "",
    "soon",
    "None",
    "{",
    "{'minute': 'x'}",
    "[]",
    "-1",
    "1e999",
    "NaN",
    "9" * 400,
    "\x00",
)
METERED = (
    "x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-limit.minute", "x-ratelimit-reset",
    "x-ratelimit-remaining.minute", "x-call-credits-spent", "x-totallimit-remaining",
    "ratelimit-limit", "ratelimit-remaining", "ratelimit-reset", "retry-after", "credits-used",
    "credits-remaining",
)  # fmt: skip


@every_provider
def test_headers_never_break_the_meter(provider: Provider) -> None:
    for value in HOSTILE:
        for name in METERED:
            meter = provider.meter(Answer(429, {name: value}, b"", "https://x.example", NOW))
            for number in (meter.limit, meter.remaining, meter.credits_spent, meter.credits_left):
                assert number is None or 0 <= number < float("inf")
            for moment in (meter.reset_at, meter.retry_at):
                assert moment is None or moment.tzinfo is not None


def _answer(case_name: str, provider: str) -> Answer:
    [case] = [c for c in CASES if (c.provider, c.name) == (provider, case_name)]
    return answer_to(Request("GET", "https://x.example"), case.content["exchange"][0][0]["answer"])


def test_people_data_labs_counts_in_python_quotes_and_resets_at_an_iso_time() -> None:
    meter = PROVIDERS["peopledatalabs"].meter(_answer("rate_limited", "peopledatalabs"))
    reset_at = datetime(2026, 11, 21, 9, 31, tzinfo=UTC)
    assert (meter.limit, meter.remaining) == (100, 0)
    assert (meter.reset_at, meter.retry_at) == (reset_at, reset_at)
    assert (meter.credits_spent, meter.credits_left) == (0, 87)
    found = PROVIDERS["peopledatalabs"].meter(_answer("found", "peopledatalabs"))
    assert (found.remaining, found.retry_at, found.credits_spent) == (97, None, 1)


def test_people_data_labs_has_integer_twins_of_its_odd_headers() -> None:
    headers = {"x-ratelimit-limit.minute": "1000", "x-ratelimit-remaining.minute": "0"}
    meter = PROVIDERS["peopledatalabs"].meter(Answer(200, headers, b"", "https://x.example", NOW))
    assert (meter.limit, meter.remaining) == (1000, 0)


def test_data_legion_counts_in_seconds_and_may_be_unlimited() -> None:
    meter = PROVIDERS["datalegion"].meter(_answer("rate_limited", "datalegion"))
    assert (meter.limit, meter.remaining) == (100, 99)
    assert meter.reset_at == datetime.fromtimestamp(1795253460, UTC)
    assert meter.retry_at == datetime(2026, 11, 21, 9, 30, 17, tzinfo=UTC)
    assert (meter.credits_spent, meter.credits_left) == (0, None)
    assert PROVIDERS["datalegion"].meter(_answer("out_of_credits", "datalegion")).credits_left == 0


def test_hunter_says_nothing_about_limits() -> None:
    meter = PROVIDERS["hunter"].meter(_answer("rate_limited", "hunter"))
    assert (meter.limit, meter.remaining, meter.retry_at, meter.credits_spent) == (None,) * 4
