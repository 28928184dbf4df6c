"""One surface's application over the real core and the sandbox, asked without a network."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx
from starlette.types import ASGIApp

from app.provider import Answer, Ended, Request
from app.providers.sandbox import Sandbox
from app.tries import judged
from tests.surfaces.views import NOW


@dataclass
class Browser:
    """Asks an ASGI application; keeps cookies as a browser does and follows no redirect."""

    app: ASGIApp
    headers: dict[str, str] = field(default_factory=dict)
    cookies: httpx.Cookies = field(default_factory=httpx.Cookies)
    base_url: str = "http://127.0.0.1:8000"

    def __call__(self, method: str, path: str, **options: Any) -> httpx.Response:
        return asyncio.run(self.ask(method, path, **options))

    async def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(self.app, raise_app_exceptions=False),
            base_url=self.base_url,
            headers=self.headers,
            cookies=self.cookies,
            verify=False,  # nothing is sent: certificates take 20 ms to read
        ) as client:
            answer = await client.request(method, path, **options)
            self.cookies = client.cookies
            return answer


async def sandboxed(provider: Sandbox, requests: Sequence[Request], **_: object) -> list[Answer]:
    """Let the sandbox answer for itself, without its delays and second tries."""
    tried = [judged(provider, one, provider.respond(one, 1, NOW)[0]) for one in requests]
    if failed := next((one for one in tried if one.outcome), None):
        raise Ended(failed.finding())
    return [one.answer for one in tried]


async def work(service: Any) -> None:
    """Do what a worker would do with everything that waits."""
    await service.work(service.engine(send=sandboxed))


def settled(service: Any, text: str) -> Any:
    """Ask for a card and return the job as it ended."""
    view = service.ask(text)
    asyncio.run(work(service))
    return service.see(view)
