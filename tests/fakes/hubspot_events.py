"""The side of HubSpot that calls us: signed deliveries, with retries, duplicates and shuffling.

As facts/crm.md sections 2.2 to 2.4 have it, read 2026-11-21: at most 100 events in a delivery, at
most 10 deliveries at once, each signed when it is sent, everything but a 200 sent again, in other
company. Between retries there are tenths of a second here, not hours.
"""

import base64
import hmac
import json
import random
import re
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx

from tests.fakes.hubspot import APP, KINDS, PORTAL, SINGULAR, HubSpot, Record

SECRET = "yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy"
PATH = "/webhooks/hubspot"
MOST = 100
AT_ONCE = 10
RETRIES = 10
ANSWERS_IN_S = 5.0

Object = dict[str, Any]


@dataclass(frozen=True)
class Sent:
    """One delivery: what it was answered (0: nothing), and after how many seconds."""

    status: int
    took_s: float
    body: str = ""


@dataclass
class Caller:
    """Tells of what happens in an account. Both formats are on unless one is switched off.

    `shared` is the share of events that get the number of another one, `again` the share that
    comes twice.
    """

    hubspot: HubSpot
    url: str  # where it sends to
    public_url: str = ""  # what it believes to call, and signs; the same unless told
    secret: str = SECRET
    formats: Sequence[str] = ("object",)
    tells: Sequence[str] = ("creation", "deletion", "merge", "privacyDeletion")
    shared: float = 0.0
    again: float = 0.0
    app: int = APP
    seed: int = 1
    sent: list[Sent] = field(default_factory=list, init=False)
    waiting: list[Object] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        self._numbers = [3_816_279_480]
        self._lock = threading.Lock()
        self.hubspot.changed.append(self.note)

    def note(self, what: str, record: Record, name: str, source: str, source_id: str) -> None:
        if record.kind == "notes" or what not in self.tells:
            return
        with self._lock:
            for form in ("legacy",) if what == "privacyDeletion" else self.formats:
                event = self.event(form, what, record, changeSource=source, sourceId=source_id)
                if what == "merge":
                    event |= {"primaryObjectId": int(record.id), "mergedObjectIds": [int(name)]}
                    del event["objectId"]
                if what == "propertyChange":
                    told = record.properties.get(name, "")
                    event |= {"propertyName": name, "propertyValue": told}
                self.waiting.append(event)

    def event(self, form: str, what: str, record: Record, **more: Any) -> Object:
        """Return one event in one of both formats."""
        subject = "object" if form == "object" else SINGULAR[record.kind]
        told: Object = {
            "eventId": self._number(),
            "subscriptionId": 22 if form == "object" else 23,
            "portalId": PORTAL,
            "appId": self.app,
            "occurredAt": time.time_ns() // 1_000_000,
            "subscriptionType": f"{subject}.{what}",
            "attemptNumber": 0,
            "objectId": int(record.id),
            "changeSource": "CRM_UI",
            "sourceId": "userId:45678",
        }
        if form == "object":
            told["objectTypeId"] = KINDS[record.kind]
        if what == "creation":
            told["changeFlag"] = "CREATED"
        return told | more

    def _number(self) -> int:
        if self._random.random() < self.shared:
            return self._random.choice(self._numbers)
        self._numbers.append(self._numbers[-1] + 1)
        return self._numbers[-1]

    def deliver(self, *, is_shuffled: bool = False) -> None:
        """Deliver all that waits, until everything was answered with 200 or was tried enough."""
        with self._lock:
            due, self.waiting = self.waiting, []
        due += self._random.sample(due, round(len(due) * self.again))
        for _ in range(RETRIES + 1):
            if is_shuffled:
                self._random.shuffle(due)
            batches = [due[at : at + MOST] for at in range(0, len(due), MOST)]
            with ThreadPoolExecutor(AT_ONCE) as pool:
                answers = list(pool.map(self.send, batches))
            self.sent += answers
            failed = [b for b, a in zip(batches, answers, strict=True) if a.status != 200]
            due = [e | {"attemptNumber": e["attemptNumber"] + 1} for b in failed for e in b]
            if not due:
                return
            self._random.shuffle(due)
            threading.Event().wait(0.3)

    def send(self, events: Sequence[Object] | bytes, **changes: Any) -> Sent:
        """Send one delivery, signed now; `changes` are those of `signed`."""
        body = events if isinstance(events, bytes) else json.dumps(list(events)).encode()
        headers = signed(body, self.public_url or self.url, **{"secret": self.secret, **changes})
        body = changes.get("sent_body", body)
        began = time.monotonic()
        try:
            with httpx.Client(trust_env=False, verify=False, timeout=ANSWERS_IN_S) as client:
                answer = client.post(self.url, content=body, headers=headers)
        except httpx.HTTPError:
            return Sent(0, time.monotonic() - began)
        return Sent(answer.status_code, time.monotonic() - began, answer.text)


DECODED = re.compile("%(3A|2F|3F|40|21|24|27|28|29|2A|2C|3B)")


def signed(
    body: bytes,
    url: str,
    secret: str = SECRET,
    *,
    age_s: float = 0.0,
    method: str = "POST",
    without: str = "",
    headers: Mapping[str, str] | None = None,
    **_: Any,
) -> dict[str, str]:
    """Return the headers of a delivery, as HubSpot sends them."""
    sent_at = str(round((time.time() - age_s) * 1000))
    uri = DECODED.sub(lambda found: chr(int(found[1], 16)), url)
    message = f"{method}{uri}".encode() + body + sent_at.encode()
    digest = hmac.digest(secret.encode(), message, "sha256")
    told = {
        "Content-Type": "application/json",
        "User-Agent": "HubSpot Connect 2.0 (http://dev.hubspot.com/)",
        "X-HubSpot-Signature-Version": "v1",
        "X-HubSpot-Signature-v3": base64.b64encode(digest).decode(),
        "X-HubSpot-Request-Timestamp": sent_at,
        "X-HubSpot-Timeout-Millis": "10000",
        **(headers or {}),
    }
    assert urlsplit(url).scheme, url
    return {name: value for name, value in told.items() if name != without}
