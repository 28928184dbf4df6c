"""Checks that a request came from a connection, in one of the ways that it may prove itself.

Standard Webhooks 1.0.0, an HMAC header, a bearer token or Basic (facts/crm.md sections 9.5 and 10,
read 2026-11-21). Only Standard Webhooks says when something was sent: what is older than
TOLERANCE_S is refused there. Header names are lower case.
"""

import hashlib
import hmac
from base64 import b64decode
from collections.abc import Mapping
from datetime import UTC, datetime

from standardwebhooks import Webhook

from app.connections import Auth, Connection
from app.digest import digest
from app.errors import Unauthorized

TOLERANCE_S = 300
"""How far the sender's clock may be from ours, both ways."""

LONGEST_TIMESTAMP = 11  # digits

SHORTEST_KEY = 16  # bytes; Standard Webhooks asks for 24, and what others give is shorter at times

MOST_SIGNATURES = 8  # a header with more is no rotation


def check(connection: Connection, body: bytes, headers: Mapping[str, str], now: datetime) -> None:
    """Raise Unauthorized, without a reason, unless the connection has sent this just now."""
    ways = {
        Auth.standard: lambda: _standard(connection, body, headers, now),
        Auth.hmac: lambda: _hmac(connection, body, headers.get(connection.header, "")),
        Auth.bearer: lambda: _sent(connection, _bearer(headers.get("authorization", ""))),
        Auth.basic: lambda: _sent(connection, _basic(headers.get("authorization", ""))),
    }
    if not any(ways[auth]() for auth in sorted(connection.auths)):
        raise Unauthorized("The request does not prove that it comes from this connection.")


def message_id(connection: Connection, headers: Mapping[str, str]) -> str:
    """Return the id of a signed message: the same whenever it is sent again; empty for none."""
    return headers.get("webhook-id", "") if Auth.standard in connection.auths else ""


def _standard(
    connection: Connection, body: bytes, headers: Mapping[str, str], now: datetime
) -> bool:
    event_id, sent_at = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not (event_id and sent_at.isascii() and sent_at.isdigit()):
        return False
    if len(sent_at) > LONGEST_TIMESTAMP or abs(now.timestamp() - int(sent_at)) > TOLERANCE_S:
        return False
    given = headers.get("webhook-signature", "").split(" ")[:MOST_SIGNATURES]
    expected = [_signature(one, event_id, int(sent_at), body) for one in connection.secrets]
    return any(_same(one, two) for one in given for two in expected if two)


def _signature(secret: str, event_id: str, sent_at_s: int, body: bytes) -> str:
    """Return what this secret signs with; empty when it is none, or the body no text.

    The library's own check reads the clock itself, and trips over odd headers: it only signs here,
    and is given the time in UTC (1.1.0 would take another zone's for UTC).
    """
    try:
        key = b64decode(secret.removeprefix("whsec_"), validate=True)
        text = body.decode()
    except ValueError:
        return ""
    if len(key) < SHORTEST_KEY:
        return ""
    return Webhook(key).sign(event_id, datetime.fromtimestamp(sent_at_s, UTC), text)


def _hmac(connection: Connection, body: bytes, given: str) -> bool:
    mark = given.strip().lower().removeprefix("sha256=")
    expected = [
        hmac.new(one.encode(), body, hashlib.sha256).hexdigest() for one in connection.secrets
    ]
    return any(_same(mark, one) for one in expected)


def _sent(connection: Connection, given: str | None) -> bool:
    return given is not None and any(_same(digest(given), one) for one in connection.digests)


def _bearer(header: str) -> str | None:
    scheme, _, given = header.strip().partition(" ")
    return given.strip() if scheme.lower() == "bearer" and given.strip() else None


def _basic(header: str) -> str | None:
    scheme, _, given = header.strip().partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        return b64decode(given.strip(), validate=True).decode()
    except ValueError:
        return None


def _same(one: str, two: str) -> bool:
    # Compared as bytes: compare_digest refuses text that is not ASCII.
    return hmac.compare_digest(one.encode("utf-8", "replace"), two.encode())
