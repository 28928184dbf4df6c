"""HubSpot's signature: every vector that was published or computed, and every way to spoil one."""

from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson
import pytest

from integrations.crm.verify import is_from_hubspot, signature, signed_uri

VECTORS = orjson.loads(Path(__file__).with_name("hubspot-signature-vectors.json").read_bytes())
SECRET = "yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy"
SENT_AT = 1_790_000_001_000
URL, QUERY = "https://warm.example.com/webhooks/hubspot", b"src=hs%3Aapp%2Fv3&q=a%20b%26c%3Dd"
NOW = datetime.fromtimestamp(SENT_AT / 1000 + 1, UTC)
NEGATIVE = {one["id"]: one for one in VECTORS["hubspot_negative"]}
BODY = NEGATIVE["neg-http"]["body"].encode()  # the body as it was signed


def checked(headers: Mapping[str, str], **changes: Any) -> bool:
    given: dict[str, Any] = {
        "body": BODY,
        "uri": signed_uri(URL, QUERY),
        "secrets": [SECRET],
        "now": NOW,
    }
    return is_from_hubspot(headers=headers, **{**given, **changes})


def signed(
    sent_at: int | str = SENT_AT, uri: bytes | None = None, **changes: Any
) -> dict[str, str]:
    given = {"secret": SECRET, **changes}
    uri = signed_uri(URL, QUERY) if uri is None else uri
    made = signature(BODY, str(sent_at), uri, **given)
    return {
        "x-hubspot-signature-v3": made.decode(),
        "x-hubspot-request-timestamp": str(sent_at),
    }


@pytest.mark.parametrize("vector", NEGATIVE.values(), ids=NEGATIVE)
def test_no_negative_vector_passes(vector: dict[str, Any]) -> None:
    body = vector["body"].encode()
    assert sha256(body).hexdigest() == vector["body_sha256"]
    url, _, query = vector["uri_as_received"].partition("?")
    headers = {
        "x-hubspot-signature-v3": vector["signature"],
        "x-hubspot-request-timestamp": vector["timestamp"],
    }
    now = datetime.fromtimestamp(vector["valid_at_ms"] / 1000, UTC)
    uri = signed_uri(url, query.encode())
    assert uri.decode() == vector["uri_signed"]
    assert not is_from_hubspot(body, headers, uri, [vector["secret"]], now)


@pytest.mark.parametrize(
    ("vector", "url", "query"),
    [
        ("neg-body", URL, b""),  # all of these carry what was signed elsewhere
        ("neg-http", URL, b""),
        ("neg-reserialised", URL, b""),
        ("neg-trailing-slash", URL, b""),
    ],
)
def test_the_signature_of_a_negative_vector_is_right_where_it_was_made(
    vector: str, url: str, query: bytes
) -> None:
    made = signature(BODY, str(SENT_AT), signed_uri(url, query), SECRET)
    assert made.decode() == NEGATIVE[vector]["signature"]


def test_a_query_is_signed_with_it_and_decoded() -> None:
    spoilt = NEGATIVE["neg-undecoded"]
    query = spoilt["uri_as_received"].partition("?")[2].encode()
    uri = f"{URL}?".encode() + query
    assert signature(BODY, str(SENT_AT), uri, SECRET).decode() == spoilt["signature"]
    assert checked(signed(uri=signed_uri(URL, query)), uri=signed_uri(URL, query))


def test_the_first_version_is_not_taken() -> None:
    [vector] = VECTORS["hubspot"]
    body = vector["body"].encode()
    assert sha256(vector["secret"].encode() + body).hexdigest() == vector["signature"]
    headers = {"x-hubspot-signature": vector["signature"], "x-hubspot-signature-version": "v1"}
    assert not checked(headers, body=body)


def test_twelve_escapes_are_decoded_and_no_others() -> None:
    table = VECTORS["decode_table"]
    assert len(table) == 12
    for escape, sign in table.items():
        assert (
            signed_uri("https://w.example", escape.encode()) == f"https://w.example?{sign}".encode()
        )
    assert signed_uri("https://w.example/a", b"x=%20%26%3D%25%3a") == (
        b"https://w.example/a?x=%20%26%3D%25%3a"
    )


def test_what_is_signed_now_passes() -> None:
    assert checked(signed())


@pytest.mark.parametrize("age_s", [-300, -299, 0, 299, 300])
def test_a_clock_may_be_five_minutes_off(age_s: int) -> None:
    sent_at = round(NOW.timestamp() - age_s) * 1000
    assert checked(signed(sent_at))


@pytest.mark.parametrize(
    "sent_at",
    [
        *(round(NOW.timestamp() - age_s) * 1000 for age_s in (301, -301, 3_600, -3_600)),
        SENT_AT // 1000,  # seconds
        *(
            "",
            "abc",
            "nan",
            "inf",
            "-1",
            "1e3",
            "9" * 16,
            "9" * 4_000,
            " 1790000001000",
            "\uff11\uff17",
        ),
    ],
)
def test_any_other_time_does_not_pass(sent_at: int | str) -> None:
    assert not checked(signed(sent_at))


@pytest.mark.parametrize("given", ["", "x", "\xff\xfe", "ü", "0" * 100_000])
def test_a_signature_that_is_none_does_not_pass(given: str) -> None:
    assert not checked(signed() | {"x-hubspot-signature-v3": given})


def test_without_its_headers_nothing_passes() -> None:
    for name in signed():
        assert not checked({key: value for key, value in signed().items() if key != name})


def test_another_method_or_secret_does_not_pass() -> None:
    assert not checked(signed(method="GET"))
    assert not checked(signed(secret="another"))
    assert not checked(signed(), secrets=[])


def test_both_secrets_pass_while_one_is_rotated() -> None:
    for secrets in ([SECRET, "new"], ["new", SECRET]):
        assert checked(signed(), secrets=secrets)
        assert checked(signed(secret="new"), secrets=secrets)
