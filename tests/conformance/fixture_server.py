"""A server with the fixtures of the public suite, on the parts that the product's stands on.

`python -m tests.conformance.fixture_server PORT`
"""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from mcp.server import MCPServer
from starlette.applications import Starlette
from starlette.routing import Mount

from integrations.connection import Connection
from integrations.mcp.mount import without_space
from integrations.mcp.tasks import Tasks
from tests.conformance import book, fixtures


def build() -> MCPServer[Any]:
    """Return the server with its fixtures."""
    tasks = book.Book()
    slow = {
        "slow_compute": book.compute,
        "failing_job": book.fail,
        "protocol_error_job": book.break_off,
        "confirm_delete": book.ask_once,
        "multi_input": book.ask_twice,
    }
    extension = Tasks(
        start={name: tasks.starting(work) for name, work in slow.items()}
        | {"test_tool_with_task": tasks.start_when_named},
        get=tasks.get,
        cancel=tasks.cancel,
        update=tasks.update,
        only=frozenset({"failing_job"}),
    )
    server: MCPServer[Any] = MCPServer("fixtures", version="1", extensions=[extension])
    fixtures.add_to(server)
    return server


def application() -> Starlette:
    """Return the server as an ASGI application at /mcp."""
    server = build()
    mounted = without_space(server.streamable_http_app(stateless_http=True))

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with server.session_manager.run():
            yield

    return Starlette(routes=[Mount("/", app=mounted)], lifespan=lifespan)


if __name__ == "__main__":
    uvicorn.run(
        application(),
        port=int(sys.argv[1]),
        http=Connection,
        timeout_graceful_shutdown=2,
        access_log=False,
        log_level="warning",
    )
