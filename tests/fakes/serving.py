"""Serving an ASGI application over real HTTP while a test runs."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Literal

import uvicorn
from starlette.types import ASGIApp


@contextmanager
def serve(
    app: ASGIApp,
    *,
    host: str = "127.0.0.1",
    http: "type[asyncio.Protocol] | Literal['auto']" = "auto",
    at_once: int | None = None,
    port: int = 0,
    lifespan: Literal["on", "off"] = "off",
) -> Iterator[str]:
    """Serve `app` on this port (0: a free one) and give its base URL, without a slash at the end.

    The socket listens before the URL is given, so the first request waits instead of failing.
    """
    # asyncio switches Nagle's 40 ms off only for sockets that say they are TCP.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind((host, port))
    listener.listen(512)
    config = uvicorn.Config(
        app,
        log_level="warning",
        lifespan=lifespan,
        ws="none",
        loop="asyncio",
        http=http,
        limit_concurrency=at_once,
    )
    server = uvicorn.Server(config)
    thread = Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        yield f"http://{host}:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        listener.close()
