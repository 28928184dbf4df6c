"""Checks that a request came from Slack: its signature over the bytes that came.

The base string is `v0:timestamp:body`, HMAC-SHA256 with the signing secret, in hex behind `v0=`
(facts/slack.md section 6, read 2026-11-21). Headers and query are not covered by it.
"""

import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime
from urllib.parse import urlsplit

HOOKS, FILES = "https://hooks.slack.com", "https://files.slack.com"
"""Where Slack takes answers, and where it keeps files."""

TOLERANCE_S = 300
"""How far Slack's clock may be from ours, both ways."""

LONGEST_TIMESTAMP = 12  # digits


def is_from_slack(body: bytes, headers: Mapping[str, str], secret: str, now: datetime) -> bool:
    """Tell whether Slack signed this just now. Header names are lower case; never raises."""
    sent_at = headers.get("x-slack-request-timestamp", "")
    given = headers.get("x-slack-signature", "")
    if not (sent_at.isascii() and sent_at.isdigit() and len(sent_at) <= LONGEST_TIMESTAMP):
        return False
    if abs(now.timestamp() - int(sent_at)) > TOLERANCE_S:
        return False
    # Compared as bytes: compare_digest refuses text that is not ASCII.
    return hmac.compare_digest(signature(body, sent_at, secret).encode(), given.encode())


def signature(body: bytes, sent_at: str, secret: str) -> str:
    """Return what Slack would sign this body with at that time (seconds, as text)."""
    message = b"v0:" + sent_at.encode() + b":" + body
    return "v0=" + hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()


def is_slacks(url: str, origin: str, api_url: str) -> bool:
    """Tell whether a URL leads to this origin of Slack's, or to the stand-in that `api_url` names.

    >>> is_slacks("https://hooks.slack.com/commands/1", HOOKS, "https://slack.com/api")
    True
    >>> is_slacks("https://hooks.slack.com@other.example/1", HOOKS, "https://slack.com/api")
    False
    """
    try:
        return _origin(url) in {origin, _origin(api_url)}
    except ValueError:  # brackets that do not match, a port that is no number
        return False


def _origin(url: str) -> str:
    parts = urlsplit(url)
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{'@' if '@' in parts.netloc else ''}{parts.hostname}{port}"
