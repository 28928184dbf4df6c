"""Tells hooks of events: as callbacks are told, signed, but as one flat object.

Tools such as Zapier subscribe and map the keys by hand. One that answers 410 wants no more: the
hook is deleted (facts/crm.md section 9.5, read 2026-11-21).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from time import perf_counter
from typing import ClassVar

import orjson

from app.delivery import BACK_OFF_S, Delivery, Receipt
from app.flat import flat
from integrations.callback.channel import Call, posted, receipt


@dataclass(frozen=True, slots=True)
class HookChannel:
    """The addresses that callers subscribed. `call` dials guarded, as for callbacks."""

    call: Call

    name: ClassVar[str] = "hook"
    back_off_s: ClassVar[Sequence[float]] = BACK_OFF_S

    async def deliver(self, delivery: Delivery, now: datetime) -> Receipt:
        """Send it once; `now` is the time of this try. Raises DeliveryFailed."""
        started = perf_counter()
        body = orjson.dumps(flat(delivery.body, delivery.event))
        answer = await self.call(posted(delivery, body, now))
        return receipt(answer, round(1000 * (perf_counter() - started)), now)
