"""The webhook that any system can call: `POST /webhooks/crm/{connection}`.

Each item of the body is asked for as the caller that the connection is. What is bad is named by
its place, and costs the others nothing. The same message again is answered with the same jobs.
"""

import asyncio
import logging
from asyncio import Future, wrap_future
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.connections import Connection
from app.delivery import Address
from app.errors import InvalidRequest, NotReady, WarmcallError
from app.facts import Json
from app.intake import Answered, Idempotency, Intake, JobView
from app.settings import Settings
from integrations.crm.front import Front, Sender, malformed, problem_of, say
from integrations.crm.items import Item, Unreadable, listed, read, repeated_as
from integrations.crm.proof import message_id

MOST_BODY = 1_000_000  # bytes
LONGEST_KEY = 255
RETRY_AFTER_S = 2

log = logging.getLogger("warmcall.crm")

Judge = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Generic:
    """The endpoint. `judge` raises Blocked for a URL that no callback may be sent to."""

    front: Front
    judge: Judge
    base_url: str

    async def answer(self, request: Request) -> Response:
        """Ask for every item; 202 with what became of each."""
        sender = await self.front.sender(request, MOST_BODY)
        try:
            items = listed(sender.raw)
        except Unreadable as exc:
            raise malformed("The body is not JSON.") from exc
        asked = [self._asked(request, sender, at, item) for at, item in enumerate(items)]
        results = await asyncio.gather(*asked)
        bad = [one for one in results if isinstance(one, WarmcallError)]
        _log(sender.connection, results)
        if bad and len(bad) == len(results):
            raise _all_of(results)
        told: list[Json] = [self._told(at, one) for at, one in enumerate(results)]
        return say({"results": told}, HTTPStatus.ACCEPTED, {"Retry-After": str(RETRY_AFTER_S)})

    async def _asked(
        self, request: Request, sender: Sender, at: int, given: object
    ) -> "Asked | WarmcallError":
        """Ask for one item; what is wrong with it alone is returned. Raises NotReady."""
        try:
            item = read(sender.connection, given)
            if not item.is_wanted:
                return Asked(item, None)
            once = repeated_as(
                sender.connection,
                item,
                message_id(sender.connection, request.headers),
                request.headers.get("idempotency-key", "")[:LONGEST_KEY],
                sender.raw,
                at,
            )
            return Asked(item, (await self._requested(sender, item, once)).view)
        except NotReady:
            raise
        except WarmcallError as exc:
            return exc

    def _requested(self, sender: Sender, item: Item, once: Idempotency) -> Awaitable[Answered]:
        ask = item.ask()
        if item.callback_url:
            self.judge(item.callback_url)
            ask = replace(ask, notify=(Address("callback", item.callback_url),))
        waiting: Future[Answered] = wrap_future(
            self.front.intake.requested(sender.caller, ask, once)
        )
        return waiting

    def _told(self, at: int, one: "Asked | WarmcallError") -> dict[str, Json]:
        if isinstance(one, WarmcallError):
            return {"index": at, "error": problem_of(one)}
        told: dict[str, Json] = {"index": at}
        for place in ("event_id", "record_id"):
            if place in one.item.said:
                told[place] = one.item.said[place]
        if one.view is None:
            return told | {"status": "ignored"}
        return told | {
            "job_id": one.view.id,
            "status": one.view.status.value,
            "card_url": f"{self.base_url}/card/{one.view.card_token}",
        }


@dataclass(frozen=True, slots=True)
class Asked:
    """An item and its job; None for one that is about nothing to look up."""

    item: Item
    view: JobView | None


def routes(
    *, intake: Intake, settings: Settings, judge: Judge, now: Callable[[], datetime]
) -> list[Route]:
    """Return the route."""
    generic = Generic(Front(intake, now), judge, settings.base_url)
    return [Route("/webhooks/crm/{connection}", generic.answer, methods=["POST"])]


def _all_of(results: "list[Asked | WarmcallError]") -> WarmcallError:
    """Return the one reason why nothing was asked for, or all reasons."""
    problems = {at: one for at, one in enumerate(results) if isinstance(one, WarmcallError)}
    if len({one.code for one in problems.values()}) == 1 and not _is_invalid(problems):
        return next(iter(problems.values()))
    return InvalidRequest(
        "; ".join(f"item {at}: {one}" for at, one in list(problems.items())[:5]),
        [
            replace(field, name=f"{at}.{field.name}")
            for at, one in problems.items()
            for field in getattr(one, "fields", ())
        ],
    )


def _is_invalid(problems: Mapping[int, WarmcallError]) -> bool:
    return len(problems) > 1 and any(isinstance(one, InvalidRequest) for one in problems.values())


def _log(connection: Connection, results: "list[Asked | WarmcallError]") -> None:
    bad = [one.code for one in results if isinstance(one, WarmcallError)]
    log.info(
        "records came",
        extra={"connection": connection.name, "items": len(results), "refused": sorted(set(bad))},
    )
