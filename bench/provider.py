"""The one provider everybody asks: People Data Labs' person enrichment in its documented shape.

A bare asyncio server in a process of its own, so that it costs the least and costs everybody the
same. Latency, failure rate and rate limit are set over HTTP; every call is counted by identifier.
Shape: facts/providers/people-data-labs.md, read 2026-11-21. All people are fictional.
"""

import argparse
import asyncio
import random
import time
from collections import defaultdict
from dataclasses import dataclass, field
from typing import cast
from urllib.parse import parse_qs, urlsplit

import orjson
import uvloop

KEY = "bench-key"
PATH = "/v5/person/enrich"

_STATUS = {200: "OK", 400: "Bad Request", 404: "Not Found", 429: "Too Many Requests", 500: "Error"}


@dataclass(slots=True)
class Behaviour:
    """How the provider answers. `per_s` 0 = no limit; `failures` is a share, 0 to 1."""

    latency_ms: float = 300.0
    failures: float = 0.0
    per_s: float = 0.0


@dataclass(slots=True)
class Ledger:
    """When each identifier was asked for, in seconds since 1970."""

    calls: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    tokens: float = 0.0
    counted_at: float = 0.0

    def has_room(self, per_s: float) -> bool:
        """Take a token of a bucket that holds one second's worth; True when there was one."""
        now = time.monotonic()
        self.tokens = min(per_s, self.tokens + (now - self.counted_at) * per_s)
        self.counted_at = now
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True


class Service:
    """What all connections share."""

    def __init__(self, behaviour: Behaviour, seed: int = 7) -> None:
        self.behaviour = behaviour
        self.ledger = Ledger()
        self._chance = random.Random(seed)

    def answer(self, target: str) -> tuple[float, bytes]:
        """Return in how many seconds to answer, and with what."""
        parts = urlsplit(target)
        asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if parts.path == PATH:
            return self._person(asked.get("email", ""))
        return 0.0, self._control(parts.path, asked)

    def _person(self, email: str) -> tuple[float, bytes]:
        self.ledger.calls[email].append(time.time())
        behaviour = self.behaviour
        if behaviour.per_s and not self.ledger.has_room(behaviour.per_s):
            return 0.0, _problem(429, "rate_limit_error")
        if behaviour.failures and self._chance.random() < behaviour.failures:
            return behaviour.latency_ms / 1000, _problem(500, "api_error")
        return behaviour.latency_ms / 1000, _reply(200, orjson.dumps(person(email)))

    def _control(self, path: str, asked: dict[str, str]) -> bytes:
        if path == "/set":
            for name, value in asked.items():
                setattr(self.behaviour, name, float(value))
        elif path == "/reset":
            self.ledger = Ledger()
        elif path != "/calls":
            return _problem(404, "not_found")
        return _reply(200, orjson.dumps(self.ledger.calls))


class Connection(asyncio.Protocol):
    """One keep-alive connection: requests without a body, answered in order."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember where to write."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is no subclass

    def data_received(self, data: bytes) -> None:
        """Answer each request that is complete."""
        self._buffer += data
        while b"\r\n\r\n" in self._buffer:
            head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
            target = head.split(b" ", 2)[1].decode()
            wait_s, reply = self._service.answer(target)
            if wait_s:
                asyncio.get_running_loop().call_later(wait_s, self._write, reply)
            else:
                self._write(reply)

    def _write(self, reply: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(reply)


def person(email: str) -> dict[str, object]:
    """Return a fictional record of whoever has this address."""
    name = email.partition("@")[0].replace(".", " ")
    first, _, last = name.partition(" ")
    data = {
        "id": f"f1ct10nal_{name.replace(' ', '-')}",
        "full_name": name,
        "first_name": first,
        "last_name": last,
        "job_title": "vp of sales",
        "job_title_role": "sales",
        "job_title_levels": ["vp"],
        "work_email": email,
        "personal_emails": [],
        "emails": [{"address": email, "type": "current_professional"}],
        "mobile_phone": "+12025550117",
        "phone_numbers": ["+12025550117"],
        "linkedin_url": f"linkedin.com/in/{name.replace(' ', '-')}",
        "location_name": "austin, texas, united states",
        "job_company_name": "example industries",
        "job_company_website": email.rpartition("@")[2],
        "job_company_size": "201-500",
        "job_company_industry": "business software",
        "job_company_linkedin_url": "linkedin.com/company/example-industries",
    }
    return {"status": 200, "likelihood": 8, "data": data}


def _problem(status: int, kind: str) -> bytes:
    return _reply(status, orjson.dumps({"status": status, "error": {"type": kind}}))


def _reply(status: int, body: bytes) -> bytes:
    spent = int(status == 200)
    return (
        f"HTTP/1.1 {status} {_STATUS[status]}\r\n"
        "content-type: application/json\r\n"
        "x-ratelimit-limit: {'minute': 1000000, 'day': null, 'month': null}\r\n"
        "x-ratelimit-remaining: {'minute': 999999, 'day': null, 'month': null}\r\n"
        f"x-call-credits-spent: {spent}\r\n"
        f"content-length: {len(body)}\r\n\r\n"
    ).encode() + body


async def serve(port: int, behaviour: Behaviour) -> None:
    """Serve until the process is ended."""
    service = Service(behaviour)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(service), "127.0.0.1", port, backlog=2048)
    await server.serve_forever()


def main() -> None:
    """Run from a command line: `python -m bench.provider --port 9000`."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--port", type=int, required=True)
    options.add_argument("--latency-ms", type=float, default=300.0)
    options.add_argument("--failures", type=float, default=0.0)
    options.add_argument("--per-s", type=float, default=0.0)
    told = options.parse_args()
    behaviour = Behaviour(told.latency_ms, told.failures, told.per_s)
    uvloop.run(serve(told.port, behaviour))


if __name__ == "__main__":
    main()
