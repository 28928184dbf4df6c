"""Agents that talk to the MCP server: in memory, over the real core and the sandbox."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.server import MCPServer
from mcp_types import CallToolResult

from app.intake import Caller
from integrations.mcp.front import Front
from integrations.mcp.server import build, bus_of
from integrations.runtime import Watcher
from tests.surfaces.asking import work

SARAH = "sarah.chen@acme.example"
ERAS = {"stateless": "auto", "handshake": "legacy"}
"""Era of the protocol -> how the client begins."""

T = TypeVar("T")


def front(service: Any, caller: Caller | None = None, **changes: Any) -> Front:
    parts: dict[str, Any] = {
        "intake": service.intake,
        "watcher": Watcher(service.intake),
        "base_url": "https://warmcall.example",
        "ask_above": 10,
        "local": caller or service.caller,
    }
    return Front(**{**parts, **changes})


def server(service: Any, caller: Caller | None = None, **changes: Any) -> MCPServer[Any]:
    parts = front(service, caller, **changes)
    return build(parts, bus=bus_of(parts, service.clock))


@asynccontextmanager
async def working(service: Any) -> AsyncIterator[None]:
    """Do what a worker would do, for as long as this lasts."""

    async def always() -> None:
        while True:
            await work(service)
            await asyncio.sleep(0.01)

    task = asyncio.create_task(always())
    yield
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def talk(
    service: Any,
    script: Callable[[Client], Awaitable[T]],
    *,
    era: str = "stateless",
    caller: Caller | None = None,
    works: bool = True,
    client: Any = (),
    **changes: Any,
) -> T:
    """Let a client of this era follow a script, beside a worker unless `works` is False."""

    async def run() -> T:
        options = dict(client)
        async with Client(
            server(service, caller, **changes), mode=ERAS[era], **options
        ) as connected:
            if not works:
                return await script(connected)
            async with working(service):
                return await script(connected)

    return asyncio.run(run())


def call(
    service: Any, tool: str, arguments: dict[str, Any] | None = None, **options: Any
) -> CallToolResult:
    """Call one tool, as `talk` does."""

    async def once(client: Client) -> CallToolResult:
        return await client.call_tool(tool, arguments or {})

    return talk(service, once, **options)


def told(result: CallToolResult) -> dict[str, Any]:
    """Return what a call answered as an object; it was no error."""
    assert not result.is_error, text(result)
    shown: dict[str, Any] = result.structured_content
    return shown


def text(result: CallToolResult) -> str:
    """Return what a call answered as text."""
    (content,) = result.content
    assert content.type == "text"
    return content.text


def refused(result: CallToolResult) -> str:
    """Return why a call failed."""
    assert result.is_error
    return text(result)


@asynccontextmanager
async def connected(url: str, key: str, era: str, **headers: str) -> AsyncIterator[Client]:
    """Connect to a server over HTTP with an API key."""
    fields = {"Authorization": f"Bearer {key}", **headers}
    async with httpx2.AsyncClient(headers=fields, timeout=60, trust_env=False) as http:
        transport = streamable_http_client(f"{url}/mcp", http_client=http)
        async with Client(transport, mode=ERAS[era]) as client:
            yield client
