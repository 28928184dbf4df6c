"""Where HubSpot calls us: the signature first, then the events, then one commit.

Anything but 200 brings a delivery ten times more, so what we do not want is answered with 200 too
(facts/crm.md section 2.5, read 2026-11-21). HubSpot waits 5 s.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus
from typing import Protocol

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.crm import CrmEvent
from app.errors import NotReady
from app.settings import Settings
from integrations.crm.connections import HUBSPOT
from integrations.crm.hubspot.events import Unreadable, Whose, events
from integrations.crm.verify import is_from_hubspot, signed_uri

PATH = "/webhooks/hubspot"
MAX_BODY = 1_048_576  # bytes; 100 events are some 40 kB

log = logging.getLogger("warmcall.crm")


class Listens(Protocol):
    """The front door, as far as a CRM needs it."""

    def arrived(self, connection: str, vendor: str, events: Sequence[CrmEvent]) -> int:
        """Hear what a CRM tells. Raises NotReady when nothing can be written."""


def routes(*, intake: Listens, settings: Settings, now: Callable[[], datetime]) -> list[Route]:
    """Return the route that HubSpot calls; none while its secret is not set."""
    secrets = settings.hubspot_secrets
    if not secrets:
        return []
    whose = Whose(settings.hubspot_app_id, settings.hubspot_portal_id)
    endpoint = Endpoint(intake, settings.base_url + PATH, whose, now, secrets)
    return [Route(PATH, endpoint.answer, methods=["POST"])]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Takes deliveries. `url` is what HubSpot calls: behind a proxy we are called otherwise."""

    intake: Listens
    url: str
    whose: Whose
    now: Callable[[], datetime]
    secrets: Sequence[str] = field(repr=False)

    async def answer(self, request: Request) -> Response:
        """Answer 413, 401 and 400 to what is no delivery, 503 when it cannot be kept now."""
        raw = await _body(request)
        if raw is None:
            return Response(status_code=HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        uri = signed_uri(self.url, request.scope["query_string"])
        if not is_from_hubspot(raw, request.headers, uri, self.secrets, self.now()):
            log.warning("a delivery without a valid signature was refused")
            return Response(status_code=HTTPStatus.UNAUTHORIZED)
        try:
            told = events(raw, HUBSPOT, self.whose)
            await asyncio.to_thread(self.intake.arrived, HUBSPOT, HUBSPOT, told)
        except Unreadable:
            return Response(status_code=HTTPStatus.BAD_REQUEST)
        except NotReady:
            return Response(status_code=HTTPStatus.SERVICE_UNAVAILABLE)
        return Response(status_code=HTTPStatus.OK)


async def _body(request: Request) -> bytes | None:
    """Return the body, None when it is larger than MAX_BODY."""
    raw = bytearray()
    async for chunk in request.stream():
        raw += chunk
        if len(raw) > MAX_BODY:
            return None
    return bytes(raw)
