"""Looks for new records where HubSpot cannot call us: a search for what was created since.

What is new is found after a few moments only, so each look begins a while before the last one's
end, and finds some records twice: their events are the same (facts/crm.md section 2.6, read
2026-11-21). Deletions and merges are not found so.
"""

import asyncio
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.crm import CrmEvent, Happening, Kind, Line, Ref, Steps
from app.crm_cursor import Cursors
from app.errors import DeliveryFailed, DeliveryPutOff
from integrations.crm.hubspot.adapter import HubSpot, read, results, time_of
from integrations.crm.hubspot.answers import Object

OVERLAP = timedelta(seconds=120)
PAGE = 100
MOST = 10_000
"""Results that one search can be paged through; the next look goes on from there."""

log = logging.getLogger("warmcall.crm")


@dataclass(frozen=True, slots=True)
class Page:
    """New records, the oldest first; `after` is where the next page begins, empty at the end."""

    events: tuple[CrmEvent, ...]
    after: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Poller:
    """Looks as often as `every` says, all workers together, and tells the front door."""

    connection: str
    adapter: HubSpot
    line: Line
    cursors: Cursors
    arrived: Callable[[str, str, Sequence[CrmEvent]], int]
    every: timedelta

    async def poll(self) -> None:
        """Look once for each kind of record, if it is time. A failure is left to the next look."""
        for kind in Kind:
            name = f"{self.connection}:{kind.value}"
            since = await self.cursors.claim(name, self.every)
            if since is None:
                continue
            try:
                await self._look(name, kind, since)
            except (DeliveryFailed, DeliveryPutOff) as exc:
                log.warning("looking for new records failed: %s", exc)
            finally:
                await self.cursors.let_go(name)

    async def _look(self, name: str, kind: Kind, since: datetime) -> None:
        after, begin, known = "", since - OVERLAP, since
        while True:
            steps = created(self.adapter, self.connection, kind, begin, after)
            page = await self.line.ask(steps)
            if page.events:
                await asyncio.to_thread(
                    self.arrived, self.connection, self.adapter.name, page.events
                )
                known = max(known, page.events[-1].occurred_at)
                await self.cursors.advance(name, known)
            after = page.after
            if not after or int(after) + PAGE > MOST:
                return


def created(
    adapter: HubSpot, connection: str, kind: Kind, since: datetime, after: str
) -> Steps[Page]:
    """Return one page of the records that were created since then."""
    value = str(round(since.timestamp() * 1000))
    wanted = {"propertyName": "createdate", "operator": "GTE", "value": value}
    asked: dict[str, object] = {
        "filterGroups": [{"filters": [wanted]}],
        "sorts": [{"propertyName": "createdate", "direction": "ASCENDING"}],
        "properties": ["createdate"],
        "limit": PAGE,
    }
    asked |= {"after": after} if after else {}
    body = read((yield adapter.request("POST", adapter.objects(kind, "search"), body=asked)))
    events = _events(results(body), connection, kind)
    paging = body.get("paging")
    following = paging.get("next") if isinstance(paging, dict) else None
    told = str(following.get("after", "")) if isinstance(following, dict) else ""
    return Page(tuple(events), told if told.isdigit() else "")


def _events(found: Sequence[Object], connection: str, kind: Kind) -> Iterator[CrmEvent]:
    for one in found:
        record_id, at = str(one.get("id", "")), time_of(one.get("createdAt"))
        if record_id.isdigit() and at:
            yield CrmEvent(
                key=f"poll|{kind.value}|{record_id}",
                ref=Ref(connection, kind, record_id),
                happening=Happening.created,
                occurred_at=at,
            )
