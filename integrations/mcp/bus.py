"""Tells subscribers that their resources have changed, whichever process changed them.

Changes are read from the store, by every process for its own subscribers: when the process's bell
was rung, and from time to time anyway. While nobody subscribes nothing is read.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import quote

from mcp.server.subscriptions import ResourceUpdated, ServerEvent

from app.errors import NotReady
from app.views import COMMITTED_WITHIN, ChangedView

REST_S = 0.05
"""After a look, so that a busy worker's bell makes no more than twenty a second."""

PAGE = 500
"""Changes read at once."""

CLOCKS_DIFFER = timedelta(seconds=30)
"""A worker's clock may be so much behind this process's."""

EVERYTHING = None
"""Whose changes the operator follows: everybody's."""

log = logging.getLogger("warmcall.mcp")

Listener = Callable[[ServerEvent], None]


@dataclass(frozen=True, slots=True)
class Subscriber:
    """Who listens: `whose` is the id of the caller whose jobs it may hear of, or EVERYTHING."""

    listener: Listener
    whose: str | None


class Bus:
    """The subscription bus of one process, as the SDK's `SubscriptionBus`.

    `changed_since` is the core's verb, called in a thread; `whose` tells, within the request that
    subscribes, whose changes it may hear of. Subscribing again after a pause may tell once more of
    what changed within the last COMMITTED_WITHIN: an event says only that reading may be worth it.
    """

    LOOK_S = 0.5

    def __init__(
        self,
        *,
        changed_since: Callable[[datetime, int], Sequence[ChangedView]],
        whose: Callable[[], str | None],
        now: Callable[[], datetime],
    ) -> None:
        self._changed_since = changed_since
        self._whose = whose
        self._now = now
        self._subscribers: dict[object, Subscriber] = {}
        self._seen: dict[str, tuple[datetime, int]] = {}  # job id -> its last change and version
        self._horizon = now()
        self._bell = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._looking: asyncio.Task[None] | None = None

    async def publish(self, event: ServerEvent) -> None:
        """Tell this process's subscribers of something that is not in the store, at once."""
        for subscriber in list(self._subscribers.values()):
            subscriber.listener(event)

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Begin to tell a listener; what is returned ends it, and may be called twice."""
        token = object()
        self._subscribers[token] = Subscriber(listener, self._whose())
        self._look_on()
        return lambda: self._leave(token)

    def heard(self) -> None:
        """Look at once: something has changed. May be called from any thread."""
        loop = self._loop
        if loop and self._subscribers:
            loop.call_soon_threadsafe(self._bell.set)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Stop looking at the end of the server's life."""
        try:
            yield
        finally:
            self._subscribers.clear()
            self._rest()

    def _look_on(self) -> None:
        if self._looking is None or self._looking.done():
            self._loop = asyncio.get_running_loop()
            self._horizon, self._seen = self._now(), {}
            self._looking = self._loop.create_task(self._look())

    def _leave(self, token: object) -> None:
        self._subscribers.pop(token, None)
        if not self._subscribers:
            self._rest()

    def _rest(self) -> None:
        if self._looking:
            self._looking.cancel()
        self._looking = None

    async def _look(self) -> None:
        while True:
            try:
                await self._tell_news()
            except NotReady:  # the next look may succeed, and tells of what this one missed
                log.warning("could not read what has changed")
            await asyncio.sleep(REST_S)
            try:
                async with asyncio.timeout(self.LOOK_S):
                    await self._bell.wait()
            except TimeoutError:
                pass
            self._bell.clear()

    async def _tell_news(self) -> None:
        """Tell of every change since the last look. A clock that was set back hides nothing."""
        now, limit = self._now(), PAGE
        since = min(self._horizon, now) - COMMITTED_WITHIN
        self._seen = {job_id: seen for job_id, seen in self._seen.items() if seen[0] >= since}
        while page := await asyncio.to_thread(self._changed_since, since, limit):
            for change in page:
                self._tell(change)
            self._horizon = page[-1].at
            if len(page) < limit:
                break
            if page[-1].at > since:
                since = page[-1].at
            else:  # more at one moment than a page holds, such as a batch
                limit *= 2
        self._horizon = max(self._horizon, now - CLOCKS_DIFFER)

    def _tell(self, change: ChangedView) -> None:
        seen = self._seen.get(change.job_id)
        if seen and seen[1] >= change.version:
            return
        self._seen[change.job_id] = (change.at, change.version)
        events = [ResourceUpdated(uri) for uri in uris(change)]
        for subscriber in list(self._subscribers.values()):
            if subscriber.whose is EVERYTHING or subscriber.whose in change.caller_ids:
                for event in events:
                    subscriber.listener(event)


def uris(change: ChangedView) -> frozenset[str]:
    """Return the resources that a change touches, each in the spellings that clients use.

    Subscribers name a URI and hear of exactly that one, and some write `@` and `+` as `%40`, `%2B`.
    """
    prospect = change.prospect
    kind, _, value = prospect.key.partition(":")
    scheme = {"email": "battlecard", "domain": "company"}.get(kind)
    values = {value, prospect.known.email or value} if scheme == "battlecard" else {value}
    spelled = {form for one in values for form in (one, quote(one, safe="@"), quote(one, safe=""))}
    shown = {f"{scheme}://{form}" for form in spelled} if scheme else set()
    return frozenset({f"job://{change.job_id}", *shown})
