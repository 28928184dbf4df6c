"""The MCP surface as the product serves it, with one tool more that does nothing.

`python -m bench.mcp_web PORT`, with the settings of the installation it belongs to.
"""

import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from starlette.applications import Starlette

from app.settings import Settings
from integrations.connection import Connection
from integrations.mcp.auth import Doorkeeper
from integrations.mcp.front import Front
from integrations.mcp.mount import Streams, mounted
from integrations.mcp.server import build
from integrations.runtime import Runtime, start

NOTHING = "do_nothing"


async def do_nothing() -> str:
    """Do nothing."""
    return "done"


def application(runtime: Runtime) -> Starlette:
    """Return the surface alone."""
    settings, intake = runtime.settings, runtime.intake
    front = Front(
        intake=intake,
        watcher=runtime.watcher,
        base_url=settings.base_url,
        ask_above=settings.ask_above,
    )
    server = build(front)
    server.add_tool(do_nothing, name=NOTHING, description=do_nothing.__doc__)
    agents = mounted(server, Doorkeeper(intake=intake), settings.base_url, Streams())

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with agents.running():
            yield

    return Starlette(routes=agents.routes, lifespan=lifespan)


if __name__ == "__main__":
    parts = start(Settings.from_env(os.environ))
    uvicorn.run(
        application(parts),
        port=int(sys.argv[1]),
        http=Connection,
        access_log=False,
        log_level="warning",
        timeout_graceful_shutdown=2,
    )
    parts.close()
