"""The web process: one Starlette application with every HTTP surface."""

import asyncio
import logging
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from starlette.applications import Starlette

from app import store
from app.settings import Settings
from integrations.pages import inbound as pages
from integrations.rest import inbound as rest
from integrations.rest.front import problems
from integrations.runtime import Presence, Runtime, log_as_json, now, start

log = logging.getLogger("warmcall.web")

BEAT_S = 2.0
GRACE_S = 20
"""What requests under way get to end after SIGTERM."""


def application(runtime: Runtime) -> Starlette:
    """Return the application with all its routes."""

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        presence = Presence(runtime.database, store.FOLLOWERS, runtime.watcher.heard)
        beating = asyncio.create_task(_beat(presence))
        yield
        beating.cancel()
        await asyncio.gather(beating, return_exceptions=True)
        await asyncio.to_thread(presence.leave)

    routes = rest.routes(
        intake=runtime.intake,
        watcher=runtime.watcher,
        verify=runtime.verify,
        judge=runtime.judge,
        settings=runtime.settings,
        now=now,
    )
    routes += pages.routes(intake=runtime.intake, settings=runtime.settings)
    return Starlette(routes=routes, lifespan=lifespan, exception_handlers=problems(now))


async def _beat(presence: Presence) -> None:
    while True:
        try:
            await asyncio.to_thread(presence.beat)
        except Exception:  # the web process's edge: the next beat may succeed
            log.exception("could not say that this process is alive")
        await asyncio.sleep(BEAT_S)


def serve(settings: Settings, host: str, port: int) -> None:
    """Be the web process until SIGTERM or SIGINT. Raises OSError when the port is taken."""
    listener = socket.create_server((host, port), backlog=512)
    log_as_json(settings.log_level)
    runtime = start(settings)
    config = uvicorn.Config(
        application(runtime),
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE_S,
        h11_max_incomplete_event_size=32_768,
    )
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: None)  # uvicorn raises the signal again when it has ended
    log.info("web started", extra={"host": host, "port": port})
    uvicorn.Server(config).run(sockets=[listener])
    runtime.close()
    log.info("web ended")
