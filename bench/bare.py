"""A bare Starlette application: what accepting a job and answering bytes costs at least."""

import os
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

BYTES = Path(os.environ.get("BARE_BYTES", os.devnull)).read_bytes()


async def accept(request: Request) -> Response:
    """Read a body and say 202."""
    await request.json()
    return Response(b'{"job_id":"none"}', 202, media_type="application/json")


async def give(_: Request) -> Response:
    """Return the bytes."""
    return Response(BYTES, media_type="application/json")


app = Starlette(
    routes=[Route("/enrich", accept, methods=["POST"]), Route("/bytes", give, methods=["GET"])]
)
