"""The web process: one Starlette application with every HTTP surface."""

import asyncio
import logging
import resource
import signal
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import uvicorn
from starlette.applications import Starlette

from app import store
from app.replies import RepliesKept
from app.settings import Settings
from integrations.connection import Connection
from integrations.crm import deliveries, generic, lead
from integrations.crm import inbound as crm
from integrations.crm.vendors import vendors
from integrations.mcp.auth import Doorkeeper, Issuer, resource_url
from integrations.mcp.front import Front
from integrations.mcp.mount import Mounted, Streams, mounted
from integrations.mcp.server import build, bus_of
from integrations.pages import inbound as pages
from integrations.rest import inbound as rest
from integrations.rest.batches import links
from integrations.rest.front import problems
from integrations.rest.metrics import Metrics
from integrations.runtime import (
    Presence,
    Runtime,
    collect_seldom,
    crm_file,
    log_as_json,
    now,
    start,
)
from integrations.slack import inbound as slack

log = logging.getLogger("warmcall.web")

BEAT_S = 2.0
GRACE_S = 20
"""What requests under way get to end after SIGTERM."""

MOST_CONNECTIONS = 4_096
"""At once; a waiting caller holds one. Fewer where the process may open fewer files."""

OWN_FILES = 128
"""Open files that are kept back for the database and the process itself."""


def application(runtime: Runtime) -> Starlette:
    """Return the application with all its routes."""
    metrics = Metrics(runtime.intake.gauges, runtime.intake.ended, now())
    streams = Streams()
    agents, heard = _agents(runtime, metrics, streams)
    reps = slack.surface(
        intake=runtime.intake,
        settings=runtime.settings,
        now=now,
        tokens=runtime.slack,
        call=runtime.ask_slack,
        page=pages.note,
        keep=RepliesKept(database=runtime.database, now=now).keep,
        crm=runtime.counter if runtime.connections else None,
    )

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        presence = Presence(runtime.database, store.FOLLOWERS, heard)
        beating = asyncio.create_task(_beat(presence))
        async with agents.running(), reps.running():
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
        undo=runtime.counter.undo,
        metrics=metrics,
    )
    routes += links(runtime.intake, runtime.settings.base_url)
    routes += pages.routes(
        intake=runtime.intake, settings=runtime.settings, installations=runtime.slack.kept.all
    )
    routes += agents.routes
    routes += reps.routes
    routes += generic.routes(
        intake=runtime.intake, settings=runtime.settings, judge=runtime.judge, now=now
    )
    routes += deliveries.routes(
        intake=runtime.intake,
        vendors=vendors(crm_file(runtime.settings).connections),
        now=now,
    )
    routes += lead.routes(
        intake=runtime.intake,
        watcher=runtime.watcher,
        settings=runtime.settings,
        judge=runtime.judge,
        now=now,
    )
    routes += crm.routes(intake=runtime.intake, settings=runtime.settings, now=now)
    web = Starlette(routes=routes, lifespan=lifespan, exception_handlers=problems(now))
    web.state.end_streams = streams.end
    return web


def _agents(
    runtime: Runtime, metrics: Metrics, streams: Streams
) -> tuple[Mounted, Callable[[], None]]:
    """Return the MCP surface, and what is to be called when something has changed."""
    settings, intake = runtime.settings, runtime.intake
    front = Front(
        intake=intake,
        watcher=runtime.watcher,
        base_url=settings.base_url,
        ask_above=settings.ask_above,
        crm=runtime.counter,
        count=metrics.count,
    )
    bus = bus_of(front, now)
    issuer = None
    if settings.oauth_issuer:
        audience = settings.oauth_audience or resource_url(settings.base_url)
        issuer = Issuer(url=settings.oauth_issuer, audience=audience, load=runtime.load)
    doorkeeper = Doorkeeper(intake=intake, issuer=issuer)
    server = build(front, bus=bus)

    def heard() -> None:
        runtime.watcher.heard()
        bus.heard()

    return mounted(server, doorkeeper, settings.base_url, streams), heard


async def _beat(presence: Presence) -> None:
    while True:
        try:
            await asyncio.to_thread(presence.beat)
        except Exception:  # the web process's edge: the next beat may succeed
            log.exception("could not say that this process is alive")
        await asyncio.sleep(BEAT_S)


def _most_connections() -> int:
    """Return how many connections there is room for, once the limit of files is as high as can be.

    Without a bound, idle connections would use up the files that the database needs.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_CONNECTIONS + OWN_FILES
    files = wanted if hard == resource.RLIM_INFINITY else min(hard, wanted)
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, hard))
    return max(1, files - OWN_FILES)


class Server(uvicorn.Server):
    """Ends the streams that would go on for ever before it waits for requests to end."""

    def __init__(self, config: uvicorn.Config, end_streams: Callable[[], None]) -> None:
        super().__init__(config)
        self._end_streams = end_streams

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End."""
        self._end_streams()
        await super().shutdown(sockets)


def serve(settings: Settings, host: str, port: int) -> None:
    """Be the web process until SIGTERM or SIGINT. Raises OSError when the port is taken."""
    listener = socket.create_server((host, port), backlog=512)
    log_as_json(settings.log_level)
    runtime = start(settings)
    web = application(runtime)
    config = uvicorn.Config(
        web,
        http=Connection,
        ws="none",
        limit_concurrency=_most_connections(),
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE_S,
    )
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: None)  # uvicorn raises the signal again when it has ended
    collect_seldom()
    log.info("web started", extra={"host": host, "port": port})
    Server(config, web.state.end_streams).run(sockets=[listener])
    runtime.close()
    log.info("web ended")
