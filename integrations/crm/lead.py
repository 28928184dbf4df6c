"""The lead at the door: `POST /webhooks/lead`. A form's fields come in, and go back enriched.

Their words win unless blank. What is not known within WARMCALL_LEAD_WAIT is told later, at the
`callback_url` that came with the form.
"""

import logging
from asyncio import wrap_future
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from http import HTTPStatus
from typing import Protocol
from urllib.parse import parse_qsl

import orjson
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.connections import Connection
from app.delivery import Address
from app.errors import BadField, InvalidProspect, InvalidRequest
from app.facts import Json
from app.flat import FIELDS, cells
from app.intake import Ask, Intake, JobView
from app.job import Priority
from app.prospect import Prospect
from app.settings import Settings
from app.wire import iso
from integrations.crm.front import Front, Sender, malformed, say
from integrations.crm.generic import Judge
from integrations.crm.items import Item, prospect_of, repeated_as, text
from integrations.crm.proof import message_id

MOST_BODY = 64_000  # bytes
MOST_FIELDS = 100
LONGEST = 5_000  # characters of one field: a message is one
RETRY_AFTER_S = 2

ASKED = ("email", "domain", "linkedin_url", "name", "first_name", "last_name", "company")
"""Fields of a form that say who it is."""

OURS: Mapping[str, str] = {
    "email": "email",
    "name": "full_name",
    "first_name": "first_name",
    "last_name": "last_name",
    "title": "title",
    "seniority": "seniority",
    "department": "department",
    "phone": "phone",
    "linkedin_url": "linkedin_url",
    "location": "location",
    "company": "company_name",
    "domain": "company_domain",
    "industry": "company_industry",
    "employees": "company_employee_count",
    "company_description": "company_description",
    "company_location": "company_location",
    "company_linkedin_url": "company_linkedin_url",
    "founded_year": "company_founded_year",
    "technologies": "company_technologies",
}
"""Field of a lead -> the cell of the card that fills it (app.flat)."""

log = logging.getLogger("warmcall.crm")

Form = dict[str, str]


class Watcher(Protocol):
    """Tells when jobs end."""

    async def final(self, job_id: str, timeout_s: float) -> bool:
        """Wait until the job has ended; False = not in time."""


@dataclass(frozen=True, slots=True)
class Door:
    """The endpoint. `wait_s` is how long a form may be held; `judge` raises Blocked."""

    front: Front
    watcher: Watcher
    judge: Judge
    base_url: str
    wait_s: float

    async def answer(self, request: Request) -> Response:
        """Return the lead with what is known of it so far: 200 when that is all, else 202."""
        sender = await self.front.sender(request, MOST_BODY)
        form = read_form(sender.raw, request.headers.get("content-type", ""))
        if sender.connection.honeypot and form.get(sender.connection.honeypot, "").strip():
            # A robot is not told that it was found out.
            return say({"lead": dict(form), "sources": {}, "status": "complete"}, HTTPStatus.OK)
        item = _item(sender.connection, form)
        view = await self._looked_up(request, sender, item)
        log.info("lead came", extra={"connection": sender.connection.name, "job_id": view.id})
        if view.is_final:
            return say(self._told(sender.connection, form, view), HTTPStatus.OK)
        await self._tell_later(sender, item, _ask(item))
        headers = {"Retry-After": str(RETRY_AFTER_S)}
        return say(self._told(sender.connection, form, view), HTTPStatus.ACCEPTED, headers)

    async def _looked_up(self, request: Request, sender: Sender, item: Item) -> JobView:
        """Ask, and wait as long as a form may be held."""
        if item.callback_url:
            self.judge(item.callback_url)
        signed = message_id(sender.connection, request.headers)
        key = request.headers.get("idempotency-key")
        once = repeated_as(sender.connection, item, signed, key, sender.raw, 0)
        asked = self.front.intake.requested(sender.caller, _ask(item), once)
        view = (await wrap_future(asked)).view
        if view.is_final or not self.wait_s:
            return view
        await self.watcher.final(view.id, self.wait_s)
        return await self.front.run(partial(self.front.intake.job, sender.caller, view.id))

    async def _tell_later(self, sender: Sender, item: Item, ask: Ask) -> None:
        """Have the end told: who joins a job is told of it, also when it has just ended."""
        if item.callback_url:
            to = Address("callback", item.callback_url)
            again = self.front.intake.requested(sender.caller, replace(ask, notify=(to,)))
            await wrap_future(again)

    def _told(self, connection: Connection, form: Form, view: JobView) -> dict[str, Json]:
        lead, sources = merged(connection, form, view)
        return {
            "lead": lead,
            "sources": sources,
            "job_id": view.id,
            "status": view.status.value,
            "card_url": f"{self.base_url}/card/{view.card_token}",
        }


def merged(
    connection: Connection, form: Form, view: JobView
) -> tuple[dict[str, Json], dict[str, Json]]:
    """Return the form with its blanks filled from the card, and where each filling is from.

    A guess fills nothing: what stands in a lead is taken for true.
    """
    lead: dict[str, Json] = dict(form)
    sources: dict[str, Json] = {}
    known = cells(view.card)
    stated = [one for one in view.facts if one.id in view.winners and not one.inferred]
    facts = {one.field: one for one in sorted(stated, key=lambda one: one.confidence)}
    for name, cell in OURS.items():
        theirs = connection.path(name)
        fact = facts.get(FIELDS[cell])
        if known[cell] is None or fact is None or form.get(theirs, "").strip():
            continue
        lead[theirs] = known[cell]
        sources[theirs] = {
            "source": fact.source,
            "confidence": round(fact.confidence, 4),
            "seen_at": iso(fact.seen_at),
        }
    return lead, sources


def read_form(raw: bytes, content_type: str) -> Form:
    """Return the fields of a form, of a JSON object the texts and numbers.

    A field that comes several times counts once: the first that is not blank. Raises
    HTTPException (400, 415), and InvalidRequest for fields without end.
    """
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "application/x-www-form-urlencoded":
        form = _urlencoded(raw)
    elif kind == "application/json":
        form = _json(raw)
    else:
        told = "Send a form as application/x-www-form-urlencoded or application/json."
        raise HTTPException(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, told)
    long = [name[:40] for name, value in form.items() if len(name) + len(value) > LONGEST]
    if long:
        bad = [BadField(name, f"This is longer than {LONGEST} characters.") for name in long]
        raise InvalidRequest("Fields of the form are too long.", bad)
    return form


def _urlencoded(raw: bytes) -> Form:
    try:
        pairs = parse_qsl(
            raw.decode(), keep_blank_values=True, errors="strict", max_num_fields=MOST_FIELDS
        )
    except ValueError as exc:  # no UTF-8, or too many
        raise malformed(f"The form has more than {MOST_FIELDS} fields, or is no UTF-8.") from exc
    form: Form = {}
    for name, value in pairs:
        form[name] = form.get(name, "").strip() or value
    return form


def _json(raw: bytes) -> Form:
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError as exc:
        raise malformed("The body is not JSON.") from exc
    if not isinstance(body, dict) or len(body) > MOST_FIELDS:
        raise malformed(f"The form is no JSON object of at most {MOST_FIELDS} fields.")
    return {name: text(value) for name, value in body.items()}


def _item(connection: Connection, form: Form) -> Item:
    places = (*ASKED, "event_id", "callback_url")
    said = {place: form.get(connection.path(place), "").strip() for place in places}
    return Item({place: value for place, value in said.items() if value})


def _ask(item: Item) -> Ask:
    return Ask(prospect=_meant(item.said), priority=Priority.interactive)


def _meant(said: Mapping[str, str]) -> Prospect:
    """Return who filled the form in; with an address, what else cannot be read does not matter.

    Raises InvalidProspect.
    """
    try:
        return prospect_of(said)
    except InvalidProspect:
        if "email" not in said:
            raise
        return prospect_of({"email": said["email"]})


def routes(
    *,
    intake: Intake,
    watcher: Watcher,
    settings: Settings,
    judge: Judge,
    now: Callable[[], datetime],
) -> list[Route]:
    """Return the routes: of the default connection, and of any."""
    wait_s = settings.lead_wait.total_seconds()
    door = Door(Front(intake, now), watcher, judge, settings.base_url, wait_s)
    return [
        Route(path, door.answer, methods=["POST"])
        for path in ("/webhooks/lead", "/webhooks/lead/{connection}")
    ]
