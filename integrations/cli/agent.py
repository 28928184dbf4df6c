"""The MCP server over standard input and output, for an agent on the same machine.

It needs nothing else: jobs run in this process while no other worker is alive. Only the protocol
is written to standard output; the log goes to standard error.
"""

import asyncio
import logging
from collections.abc import Callable

from integrations.cli.standby import standby
from integrations.mcp.front import Front
from integrations.mcp.server import build, bus_of
from integrations.runtime import Runtime, log_as_json, now

LOOK_S = 1.0
"""How often to look whether a worker is alive."""

log = logging.getLogger("warmcall.mcp")


def speak(parts: Runtime) -> None:
    """Serve one client until it closes standard input, or reads no more of our output."""
    log_as_json(parts.settings.log_level)  # before the server is made, which would log elsewhere
    front = Front(
        intake=parts.intake,
        watcher=parts.watcher,
        base_url=parts.settings.base_url,
        ask_above=parts.settings.ask_above,
        crm=parts.counter,
        local=parts.intake.local_caller(),
    )
    with standby(parts) as step_in:
        asyncio.run(_served(front, step_in))


async def _served(front: Front, step_in: Callable[[], None]) -> None:
    server = build(front, bus=bus_of(front, now))
    await asyncio.to_thread(step_in)
    looking = asyncio.create_task(_looked(step_in))
    try:
        await server.run_stdio_async()
    except* BrokenPipeError:
        log.info("the client has left")
    finally:
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)


async def _looked(step_in: Callable[[], None]) -> None:
    while True:
        await asyncio.sleep(LOOK_S)
        await asyncio.to_thread(step_in)
