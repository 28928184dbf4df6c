"""Checks that a callback came from this service. Standard library only: copy it into your receiver.

Standard Webhooks 1.0.0: the signature is `v1,` and the base64 of HMAC-SHA256 over
`id.timestamp.body`, keyed with the bytes behind `whsec_`. While a secret is being rotated the
header carries one signature for each, separated by spaces (facts/crm.md section 10, read
2026-11-21). The same event may arrive twice: remember `webhook-id`.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime

TOLERANCE_S = 300
"""How far the sender's clock may be from ours, both ways."""


class Forged(Exception):
    """The request is not from who it says, or was altered, or is too old to be believed."""


def verify(body: bytes, headers: Mapping[str, str], secret: str, now: datetime) -> str:
    """Return the event's id when the signature holds. `body` is what came, byte for byte.

    Header names may be spelt in any case; `secret` is the `whsec_...` text; `now` is aware.
    Raises Forged with the reason otherwise, whatever the headers hold.
    """
    given = {name.lower(): value for name, value in headers.items()}
    event_id, sent_at = given.get("webhook-id", ""), given.get("webhook-timestamp", "")
    if not event_id or not sent_at.isascii() or not sent_at.isdigit():
        raise Forged("The webhook headers are missing or cannot be read.")
    if abs(now.timestamp() - int(sent_at[:15])) > TOLERANCE_S:
        raise Forged("The timestamp is too far from now.")
    expected = signature(secret, event_id, int(sent_at), body).encode()
    signatures = given.get("webhook-signature", "").split(" ")
    # Compared as bytes: compare_digest refuses text that is not ASCII.
    if not any(hmac.compare_digest(expected, one.encode()) for one in signatures):
        raise Forged("No signature matches.")
    return event_id


def signature(secret: str, event_id: str, sent_at_s: int, body: bytes) -> str:
    """Return one `v1,...` entry. Raises ValueError when the secret is not `whsec_` and base64."""
    try:
        key = base64.b64decode(secret.removeprefix("whsec_") + "==")
    except binascii.Error as exc:
        raise ValueError("The secret is not whsec_ followed by base64.") from exc
    if not key:
        raise ValueError("The secret is empty.")
    message = f"{event_id}.{sent_at_s}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, message, hashlib.sha256).digest()).decode()
