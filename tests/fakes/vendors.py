"""All three stand-ins under one port, for journeys with real processes.

`python -m tests.fakes.vendors --port 8090` serves /pdl/v5, /hunter/v2 and /datalegion, and beside
them `GET /_calls` (the log), `POST /_set` (switches, people, companies) and `POST /_reset`.
"""

import argparse
from dataclasses import asdict, dataclass, field
from typing import Any

import orjson
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route

from tests.fakes.datalegion import DataLegionStandIn
from tests.fakes.hunter import HunterStandIn
from tests.fakes.market import Company, Market, Person, sample
from tests.fakes.pdl import PeopleDataLabsStandIn
from tests.fakes.vendor import Switches, Vendor

PREFIXES = {"peopledatalabs": "/pdl/v5", "hunter": "/hunter/v2", "datalegion": "/datalegion"}
"""Where each vendor answers: append to the base URL for `<PROVIDER>_API_URL`."""


@dataclass
class Vendors:
    """The three stand-ins over one market."""

    market: Market = field(default_factory=sample)
    pdl: PeopleDataLabsStandIn = field(init=False)
    hunter: HunterStandIn = field(init=False)
    datalegion: DataLegionStandIn = field(init=False)

    def __post_init__(self) -> None:
        self.pdl = PeopleDataLabsStandIn(self.market)
        self.hunter = HunterStandIn(self.market)
        self.datalegion = DataLegionStandIn(self.market)

    def by_name(self) -> dict[str, Vendor]:
        return {one.name: one for one in (self.pdl, self.hunter, self.datalegion)}

    def calls(self) -> list[dict[str, Any]]:
        return [asdict(call) for vendor in self.by_name().values() for call in vendor.calls]

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                *(Mount(PREFIXES[name], vendor) for name, vendor in self.by_name().items()),
                Route("/_calls", self._show_calls, methods=["GET"]),
                Route("/_set", self._set, methods=["POST"]),
                Route("/_reset", self._reset, methods=["POST"]),
            ]
        )

    async def _show_calls(self, request: Request) -> JSONResponse:
        return JSONResponse({"calls": self.calls()})

    async def _set(self, request: Request) -> JSONResponse:
        """Set switches of one `vendor`, or of all, and replace `people` and `companies`."""
        wanted = orjson.loads(await request.body())
        chosen = self.by_name()
        if "vendor" in wanted:
            chosen = {wanted["vendor"]: chosen[wanted.pop("vendor")]}
        try:
            self._seed(wanted)
            for vendor in chosen.values():
                vendor.switches.set(**wanted)
        except (KeyError, TypeError) as error:
            return JSONResponse({"error": f"unknown: {error}"}, 400)
        return JSONResponse({name: asdict(one.switches) for name, one in chosen.items()})

    def _seed(self, wanted: dict[str, Any]) -> None:
        if "people" in wanted:
            self.market.people[:] = [Person(**one) for one in wanted.pop("people")]
        if "companies" in wanted:
            self.market.companies[:] = [Company(**one) for one in wanted.pop("companies")]

    async def _reset(self, request: Request) -> JSONResponse:
        """Forget all calls and switches; people and companies stay."""
        for vendor in self.by_name().values():
            vendor.calls.clear()
            vendor.switches = Switches()
        return JSONResponse({})


def main() -> None:
    parser = argparse.ArgumentParser(description="Stand-ins for the paid providers")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--key", default="", help="the API key that all three accept")
    options = parser.parse_args()
    vendors = Vendors()
    for vendor in vendors.by_name().values():
        vendor.key = options.key or vendor.key
    uvicorn.run(vendors.app(), host="127.0.0.1", port=options.port, log_level="warning")


if __name__ == "__main__":
    main()
