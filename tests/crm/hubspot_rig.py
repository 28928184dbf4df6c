"""HubSpot, for the contract of an adapter: the strict local one, over real HTTP."""

from contextlib import ExitStack

from app.crm import Adapter
from app.provider import Answer, Request
from integrations.crm.hubspot.adapter import HubSpot as HubSpotAdapter
from tests.crm.talking import over_http
from tests.fakes.clock import Clock
from tests.fakes.hubspot import APP, TEN_SECONDLY, TOKEN, Fault, HubSpot, hubspot_served


class HubSpotRig:
    """One account."""

    text = "jobtitle"
    strange = "no_such_property"

    def __init__(self, _: Clock) -> None:
        self._served = ExitStack()
        self.hubspot = self._served.enter_context(hubspot_served(HubSpot()))
        self.adapter: Adapter = HubSpotAdapter(
            key=TOKEN, base_url=self.hubspot.url, app_id=str(APP)
        )

    def close(self) -> None:
        self._served.close()

    async def call(self, request: Request) -> Answer:
        return over_http(request)

    def person(self, email: str) -> str:
        return self.hubspot.add(email=email).id

    def company(self, domain: str) -> str:
        return self.hubspot.add("companies", domain=domain).id

    def types(self, record_id: str, value: str) -> None:
        self.hubspot.change(self.hubspot.records["contacts"][record_id], {"jobtitle": value})

    def value(self, record_id: str) -> str:
        return self.hubspot.records["contacts"][record_id].properties.get("jobtitle", "")

    def remove(self, record_id: str) -> None:
        self.hubspot.archive(self.hubspot.records["contacts"][record_id])

    def notes(self) -> list[str]:
        found = self.hubspot.records["notes"].values()
        return [one.properties["hs_note_body"] for one in found]

    def belongs_to(self, record_id: str) -> str:
        return next(
            iter(self.hubspot.records["contacts"][record_id].linked.get("companies", {})), ""
        )

    def loses_the_next_note(self) -> None:
        self.hubspot.fail("POST", "notes$", Fault(502, after=True))

    def refuses_the_next(self) -> None:
        self.hubspot.fail("GET", "/", Fault(429, TEN_SECONDLY))

    def locks_out(self) -> None:
        self.hubspot.keys.clear()
