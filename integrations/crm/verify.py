"""Checks that a request came from HubSpot: its signature, version 3, over the bytes that came.

Base64 of HMAC-SHA256, keyed with the app's client secret, over method, URI, body and timestamp,
without anything between them (facts/crm.md section 2.4, read 2026-11-21).
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from datetime import datetime

TOLERANCE_MS = 300_000
"""How far HubSpot's clock may be from ours, both ways."""

_TIMESTAMP = re.compile(r"[0-9]{1,15}")
_DECODED = re.compile(rb"%(3A|2F|3F|40|21|24|27|28|29|2A|2C|3B)")
"""The twelve escapes that are decoded before signing; all others stay."""


def signed_uri(url: str, query: bytes) -> bytes:
    """Return what HubSpot signs of a URI. `url` is the public one, `query` as it came, bare."""
    whole = url.encode() + (b"?" + query if query else b"")
    return _DECODED.sub(lambda found: bytes.fromhex(found[1].decode()), whole)


def is_from_hubspot(
    body: bytes, headers: Mapping[str, str], uri: bytes, secrets: Iterable[str], now: datetime
) -> bool:
    """Tell whether HubSpot signed this POST just now, with one of the secrets; never raises.

    Header names are lower case; `uri` is what `signed_uri` returned.
    """
    sent_at = headers.get("x-hubspot-request-timestamp", "")
    given = headers.get("x-hubspot-signature-v3", "").encode()
    if not _TIMESTAMP.fullmatch(sent_at):
        return False
    if abs(now.timestamp() * 1000 - int(sent_at)) > TOLERANCE_MS:
        return False
    # Compared as bytes: compare_digest refuses text that is not ASCII. Each secret is tried.
    matches = [hmac.compare_digest(signature(body, sent_at, uri, s), given) for s in secrets]
    return any(matches)


def signature(body: bytes, sent_at: str, uri: bytes, secret: str, method: str = "POST") -> bytes:
    """Return what HubSpot would sign a request with at that time (milliseconds, as text)."""
    message = method.encode() + uri + body + sent_at.encode()
    return base64.b64encode(hmac.digest(secret.encode(), message, hashlib.sha256))
