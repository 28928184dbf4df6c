"""A web process of the product for clients that can send no API key: each request gets CHECK_KEY.

`python -m tests.conformance.keyed_web PORT`, with the settings of the installation it belongs to.
"""

import os
import sys

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from app.settings import Settings
from integrations.connection import Connection
from integrations.runtime import start
from integrations.web import application


def keyed(app: ASGIApp, key: str) -> ASGIApp:
    """Return the application as somebody with this key sees it."""

    async def called(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            field = (b"authorization", f"Bearer {key}".encode())
            scope = {**scope, "headers": [*scope["headers"], field]}
        await app(scope, receive, send)

    return called


if __name__ == "__main__":
    runtime = start(Settings.from_env(os.environ))
    uvicorn.run(
        keyed(application(runtime), os.environ["CHECK_KEY"]),
        port=int(sys.argv[1]),
        http=Connection,
        timeout_graceful_shutdown=2,
        access_log=False,
        log_level="warning",
    )
    runtime.close()
