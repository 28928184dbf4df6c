"""Brings a job's end to the record that it was asked for: the outbox' way into a CRM.

The address is Ref.target. One without a record's id is that of whoever the job is about.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from time import perf_counter
from typing import ClassVar

from app.crm import Ref
from app.crm_views import Saved
from app.delivery import Address, Delivery, Receipt
from app.errors import DeliveryFailed, DeliveryPutOff, NotFound
from app.views import JobView
from integrations.crm.desk import Desk

TRY_S = 45.0
"""A try ends within the leases of its delivery and its record (60 s): no two are at one record."""

AGAIN_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CrmChannel:
    """Records of CRMs. `view` reads a job, `tell` sends its card elsewhere; both may block."""

    desk: Desk
    view: Callable[[str], JobView] = field(repr=False)
    tell: Callable[[str, Address, str], object] = field(repr=False)
    try_s: float = TRY_S

    name: ClassVar[str] = "crm"
    back_off_s: ClassVar[Sequence[float]] = (0, 3, 15, 60, 300, 1_800, 7_200, 21_600, 43_200)

    async def deliver(self, delivery: Delivery, now: datetime) -> Receipt:
        """Write what the job found. Raises DeliveryFailed, and DeliveryPutOff for its turn."""
        started = perf_counter()
        try:
            view = await asyncio.to_thread(self.view, str(delivery.body.get("job_id")))
            ref = Ref.read(delivery.address.target)
        except (NotFound, ValueError) as exc:
            raise DeliveryFailed("there is no such job or record (any more)", final=True) from exc
        saved = await self._saved(view, ref)
        known = self.desk.connections.get(ref.connection)
        place = known.propose_to if known else ""
        if saved.has_proposals and place:
            team = place.partition(":")[0]
            to = _once(place, view, saved.ref)
            await asyncio.to_thread(self.tell, view.id, to, f"slack_{team}")
        return Receipt(200, round(1000 * (perf_counter() - started)), told(saved))

    async def _saved(self, view: JobView, ref: Ref) -> Saved:
        """Write, and stop before another try could begin; that one finds out how far this came."""
        try:
            async with asyncio.timeout(self.try_s):
                return await self.desk.save(view, ref)
        except TimeoutError as exc:
            raise DeliveryPutOff("the CRM's turns did not come in time", AGAIN_S) from exc


def _once(place: str, view: JobView, ref: Ref) -> Address:
    """Return the one message that asks for consent, and leads to the window that saves."""
    mark = sha256(f"{view.id}:{ref.target}".encode()).hexdigest()[:32]
    return Address("slack", f"{place}:propose-{mark}")


def told(saved: Saved) -> str:
    """Say in one line what became of a record: names of properties, no values.

    >>> told(Saved(Ref("hubspot", "person", "1"), reason="gone"))
    'nothing written: gone'
    """
    if saved.reason:
        return f"nothing written: {saved.reason}"
    names = ", ".join(sorted(saved.written)) or "nothing new"
    refused = ", ".join(f"{name}: {why}" for name, why in sorted(saved.refused.items()))
    line = f"written: {names}" + (f"; refused: {refused}" if refused else "")
    return f"{line}; company: {told(saved.also)}" if saved.also else line
