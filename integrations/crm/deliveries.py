"""Where the CRMs of the operator's file call us: the proof first, then the events, one commit.

What we do not want is answered with 200 too: an error would bring it again, and in the end no
more deliveries at all (facts/crm.md sections 9.3 and 9.4, read 2026-11-21).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.errors import NotFound
from app.intake import Intake
from integrations.crm.front import Front, body_of, malformed
from integrations.crm.proof import check
from integrations.crm.vendors import Vendor

MOST_BODY = 1_000_000  # bytes


@dataclass(frozen=True, slots=True)
class Deliveries:
    """The endpoint of one kind of CRM."""

    front: Front
    vendors: Mapping[str, Vendor]

    async def answer(self, request: Request) -> Response:
        """Answer 404, 413, 401 and 400 to what is no delivery, 503 when it cannot be kept now."""
        name = str(request.path_params["connection"])
        raw = await body_of(request, MOST_BODY)
        vendor = self.vendors.get(name)
        if vendor is None:
            raise NotFound(f"There is no connection {name[:64]}.")
        check(vendor.proof, raw, request.headers, self.front.now())
        try:
            events = vendor.hear(raw, request.headers, self.front.now())
        except ValueError as exc:
            raise malformed(f"This is no delivery of {vendor.kind}.") from exc
        if events:
            arrived = self.front.intake.arrived
            await self.front.run(lambda: arrived(name, vendor.kind, events))
        return Response(status_code=HTTPStatus.OK)


def routes(
    *, intake: Intake, vendors: Mapping[str, Vendor], now: Callable[[], datetime]
) -> list[Route]:
    """Return one route for each kind of CRM that there is a connection to."""
    front = Front(intake, now)
    return [
        Route(
            f"/webhooks/{kind}/{{connection}}",
            Deliveries(
                front, {name: one for name, one in vendors.items() if one.kind == kind}
            ).answer,
            methods=["POST"],
        )
        for kind in sorted({one.kind for one in vendors.values()})
    ]
