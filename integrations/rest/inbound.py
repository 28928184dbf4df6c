"""The routes: each one reads the request, asks a verb of the core and says the answer.

Who waits for a job waits at the watcher and holds no thread.
"""

import re
from asyncio import wrap_future
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Protocol, TypeVar

import anyio
import orjson
from pydantic import BaseModel
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Match, Mount, Route
from starlette.types import Scope

from app.crm_views import Undone
from app.delivery import Address
from app.errors import NotReady
from app.intake import Answered, Ask, Caller, EventView, Intake, JobView, UsageView
from app.memory import Memory
from app.settings import Settings
from app.verification import Verification
from integrations.rest import docs, openapi, problem, render, schema
from integrations.rest.batches import Batches
from integrations.rest.front import (
    PRIVATE,
    Front,
    RequestLog,
    body_of,
    note,
    problems,
    say,
    told,
)
from integrations.rest.metrics import MEDIA_TYPE as METRICS_TYPE
from integrations.rest.metrics import Metrics
from integrations.rest.said import NEVER, ROOM, Said, fresh_until, question

RETRY_AFTER_S = 2  # a job takes 2 to 10 s: asking more often is no use
HEARTBEAT_S = 15  # proxies drop a stream that is silent for longer
ENRICHING = frozenset({"/v1/enrich", "/v1/person/enrich", "/v1/company/enrich"})

M = TypeVar("M", bound=BaseModel)


class Watcher(Protocol):
    """Tells when jobs change; it asks the store once for all who wait."""

    async def changed(self, job_id: str, version: int, timeout_s: float) -> bool:
        """Wait until the job's version passed `version` or it ended; False = not in time."""

    async def final(self, job_id: str, timeout_s: float) -> bool:
        """Wait until the job has ended; False = not in time."""


@dataclass(frozen=True, slots=True)
class Rest:
    """The endpoints and the parts they stand on. `judge` raises Blocked for a refused URL."""

    intake: Intake
    watcher: Watcher
    verifier: Callable[[str], Awaitable[Verification]]
    judge: Callable[[str], None]
    settings: Settings
    now: Callable[[], datetime]
    metrics: Metrics
    front: Front
    take_back: Callable[[str], Awaitable[Sequence[Undone]]]
    said: Memory[Said] = field(default_factory=lambda: Memory(ROOM))
    scrape: anyio.Lock = field(default_factory=anyio.Lock)

    # asking for cards

    async def enrich(self, request: Request) -> Response:
        """Start a job, or answer from the cache."""
        return await self._requested(request, schema.EnrichBody)

    async def person(self, request: Request) -> Response:
        """Start a job for a person alone and wait for it."""
        return await self._requested(request, schema.PersonBody)

    async def _requested(self, request: Request, model: type[schema.EnrichBody]) -> Response:
        raw, state = await body_of(request), self.intake.state()
        caller = await self.front.caller(request, "spend")
        asked = question(request, caller, raw)
        if (said := self.said.get(state, asked)) and self.now() < said.until:
            return self._again(request, said)
        body = self._body(request, raw, model)
        if body.dry_run:
            return await self.front.run(partial(self._planned, request, caller, body.ask()))
        answered = await self._asked(request, caller, body)
        until = fresh_until(body, answered.view)
        if until is None:
            return await self._answered(request, caller, answered, body.wait)
        said = self._said(request, answered, until)
        if asked:
            self.said.keep(state, asked, said, said.size)
        return said.again(self._limits(said.usage))

    async def company(self, request: Request) -> Response:
        """Start a job for a company and wait for it."""
        caller = await self.front.caller(request, "spend")
        body = self._query(request, schema.CompanyQuery).body(self.context())
        answered = await self._asked(request, caller, body)
        return await self._answered(request, caller, answered, body.wait)

    async def _asked(self, request: Request, caller: Caller, body: schema.EnrichBody) -> Answered:
        """Ask for the card. While its commit runs, no thread waits."""
        asked = f"{request.method} {request.scope['path']}"
        key = schema.idempotency(request.headers.get("idempotency-key"), body, asked)
        return await wrap_future(self.intake.requested(caller, body.ask(), key))

    def _planned(self, request: Request, caller: Caller, ask: Ask) -> Response:
        note(request, outcome="planned")
        plan, usage = self.intake.plan(ask), self.intake.usage(caller)
        return say(render.plan(plan), headers=self._limits(usage))

    def _limits(self, usage: UsageView | None) -> Mapping[str, str]:
        if usage is None or usage.quota is None:
            return {}
        return problem.rate_limit(usage.quota, usage.remaining or 0, usage.resets_at, self.now())

    async def _answered(
        self, request: Request, caller: Caller, answered: Answered, wait_s: float
    ) -> Response:
        """Wait as long as the caller wants to; 200 when the job has ended, 202 when not."""
        view, limits = answered.view, self._limits(answered.usage)
        preferred = _preferred_wait_s(request)
        wait_s = min(wait_s, schema.MAX_WAIT_S) if preferred is None else preferred
        if wait_s and not view.is_final:
            await self.watcher.final(view.id, wait_s)
            view = await self.front.run(partial(self.intake.job, caller, view.id))
        return self._job(request, view, 200 if view.is_final else 202, limits)

    def _said(self, request: Request, answered: Answered, until: datetime) -> Said:
        """Answer with a card that is fresh until then, in a form to be remembered."""
        view, usage = answered.view, answered.usage
        until = min(until, usage.resets_at) if usage else until
        response = self._job(request, view, 200)
        return Said(response, view.status.value, view.id, until, usage)

    def _again(self, request: Request, said: Said) -> Response:
        note(request, outcome=said.outcome, job_id=said.job_id)
        return said.again(self._limits(said.usage))

    def _job(
        self, request: Request, view: JobView, status: int, fields: Mapping[str, str] | None = None
    ) -> Response:
        note(request, outcome=view.status.value, job_id=view.id)
        headers = {"ETag": render.etag(view), "Vary": "Prefer, Authorization", **(fields or {})}
        if status == 202 or request.method == "POST":
            headers["Location"] = f"{self.settings.base_url}/v1/jobs/{view.id}"
        if not view.is_final:
            headers["Retry-After"] = str(RETRY_AFTER_S)
        wait_s = _preferred_wait_s(request)
        if wait_s is not None:
            headers["Preference-Applied"] = f"wait={wait_s:.0f}"
        return say(render.job(view, self.settings.base_url), status, headers)

    # jobs

    async def job(self, request: Request) -> Response:
        """Show a job; `Prefer: wait` waits for its end or, with If-None-Match, for a change."""
        state = self.intake.state()
        caller = await self.front.caller(request, "read")
        asked = question(request, caller)
        if said := self.said.get(state, asked):
            return self._again(request, said)
        view = await self.front.run(partial(self._seen, request, caller))
        was_final, wait_s = view.is_final, _preferred_wait_s(request)
        if wait_s and not was_final:
            if _matches(request, view):
                await self.watcher.changed(view.id, view.version, wait_s)
            else:
                await self.watcher.final(view.id, wait_s)
            view = await self.front.run(partial(self._seen, request, caller))
        response = self._shown(request, view)
        if asked and was_final:
            said = Said(response, request.state.outcome, view.id, NEVER)
            self.said.keep(state, asked, said, said.size)
        return response

    def _shown(self, request: Request, view: JobView) -> Response:
        if _matches(request, view):
            note(request, outcome="unchanged", job_id=view.id)
            return Response(status_code=304, headers={"ETag": render.etag(view)})
        return self._job(request, view, 200)

    def _seen(self, request: Request, caller: Caller) -> JobView:
        return self.intake.job(caller, request.path_params["job_id"])

    async def jobs(self, request: Request) -> Response:
        """List the caller's newest jobs."""

        def listed(caller: Caller) -> list[JobView]:
            return self.intake.jobs(caller, self._query(request, schema.JobsQuery).limit)

        views = await self.front.call(request, "read", listed)
        return say({"jobs": [render.job(view, self.settings.base_url) for view in views]})

    async def cancel(self, request: Request) -> Response:
        """Cancel a job that has not ended."""
        job_id = request.path_params["job_id"]
        view = await self.front.call(request, "write", lambda c: self.intake.cancel(c, job_id))
        return self._job(request, view, 200)

    async def refresh(self, request: Request) -> Response:
        """Look the same prospect up again, fresh or not."""
        raw = await body_of(request)
        job_id = request.path_params["job_id"]

        def again(caller: Caller) -> JobView:
            notify = self._body(request, raw, schema.RefreshBody).notify if raw else ()
            return self.intake.refresh(caller, job_id, notify)

        return self._job(request, await self.front.call(request, "spend", again), 202)

    async def writes(self, request: Request) -> Response:
        """List what was written into CRMs for a job."""
        job_id = request.path_params["job_id"]
        found = await self.front.call(request, "read", lambda c: self.intake.writes(c, job_id))
        return say({"writes": [render.write(one) for one in found]})

    async def undo(self, request: Request) -> Response:
        """Take back what was written into CRMs for a job."""
        job_id = request.path_params["job_id"]
        view = await self.front.call(request, "write", lambda c: self.intake.job(c, job_id))
        return say({"undone": [render.undone(one) for one in await self.take_back(view.id)]})

    async def events(self, request: Request) -> Response:
        """Stream the changes of a job as server-sent events."""
        view = await self.front.call(request, "read", partial(self._seen, request))
        note(request, outcome="streamed", job_id=view.id)
        after = _last_event(request)
        if view.is_final and not await self._since(view.id, after):
            # A browser that comes back after the last event is told to stop: 204 ends EventSource.
            return Response(status_code=204) if after else EventSourceResponse(_only_end(view))
        return EventSourceResponse(self._followed(view.id, after), ping=HEARTBEAT_S)

    async def _followed(self, job_id: str, after: int) -> AsyncIterator[ServerSentEvent]:
        """Yield every event after this one until the job has ended."""
        while True:
            # Read before the events: what was final then has no event that is still to come.
            versions = await self.front.run(partial(self.intake.versions, [job_id]))
            version, is_final = versions.get(job_id, (0, True))
            for event in await self._since(job_id, after):
                after = event.seq
                yield _sent(event)
            if is_final:
                return
            await self.watcher.changed(job_id, version, HEARTBEAT_S)

    async def _since(self, job_id: str, after: int) -> list[EventView]:
        return await self.front.run(partial(self.intake.events, job_id, after))

    # people's rights

    async def verify(self, request: Request) -> Response:
        """Check a mailbox."""

        def read(caller: Caller) -> str:
            return self._query(request, schema.VerifyQuery).email

        email = await self.front.call(request, "read", read)
        return say(render.verification(await self.verifier(email)))

    async def forget(self, request: Request) -> Response:
        """Erase what is kept about a person, and look them up no more."""
        email = request.path_params["email"]
        counts = await self.front.call(request, "write", lambda _: self.intake.forget(email))
        return say({"deleted": dict(counts)})

    async def export(self, request: Request) -> Response:
        """Return everything that is kept about a person."""
        email = request.path_params["email"]
        return say(await self.front.call(request, "read", lambda _: self.intake.export(email)))

    async def suppress(self, request: Request) -> Response:
        """Put a person or a domain on the do-not-enrich list."""
        raw = await body_of(request)

        def add(caller: Caller) -> str:
            return self.intake.suppress(self._body(request, raw, schema.SuppressBody).text)

        return say({"suppressed": await self.front.call(request, "write", add)})

    # operators

    async def providers(self, request: Request) -> Response:
        """List the providers."""
        views = await self.front.call(request, "read", lambda _: self.intake.providers())
        return say({"providers": [render.provider(view) for view in views]})

    async def usage(self, request: Request) -> Response:
        """Show what the caller used this month."""
        return say(render.usage(await self.front.call(request, "read", self.intake.usage)))

    async def deliveries(self, request: Request) -> Response:
        """List the caller's deliveries."""

        def listed(caller: Caller) -> Response:
            query = self._query(request, schema.DeliveriesQuery)
            found = self.intake.deliveries(
                caller, job_id=query.job_id, state=query.state, limit=query.limit
            )
            return say({"deliveries": [render.delivery(one) for one in found]})

        return await self.front.call(request, "read", listed)

    async def replay(self, request: Request) -> Response:
        """Send a delivery again under the same id."""
        found = await self.front.call(
            request,
            "write",
            lambda caller: self.intake.replay(caller, request.path_params["delivery_id"]),
        )
        return say(render.delivery(found), 202)

    async def ping(self, request: Request) -> Response:
        """Send a test event."""
        raw = await body_of(request)

        def send(caller: Caller) -> Response:
            url = self._body(request, raw, schema.PingBody).url
            return say(render.delivery(self.intake.ping(caller, Address("callback", url))), 202)

        return await self.front.call(request, "write", send)

    async def secret(self, request: Request) -> Response:
        """Show what signs the caller's callbacks."""
        caller = await self.front.call(request, "write", lambda caller: caller)
        return say({"callback_secret": caller.callback_secret})

    async def rotate_secret(self, request: Request) -> Response:
        """Make a new callback secret; the old one signs too for 24 h."""
        caller = await self.front.call(request, "write", self.intake.rotate_callback_secret)
        return say({"callback_secret": caller.callback_secret})

    # hooks

    async def hook(self, request: Request) -> Response:
        """Subscribe an address to an event."""
        raw = await body_of(request)

        def add(caller: Caller) -> Response:
            body = self._body(request, raw, schema.HookBody)
            return say(render.hook(self.intake.hook(caller, body.event, body.target)), 201)

        return await self.front.call(request, "write", add)

    async def hooks(self, request: Request) -> Response:
        """List the caller's hooks."""
        found = await self.front.call(request, "read", self.intake.hooks)
        return say({"hooks": [render.hook(one) for one in found]})

    async def unhook(self, request: Request) -> Response:
        """Delete a hook."""
        hook_id = request.path_params["hook_id"]
        await self.front.call(request, "write", lambda caller: self.intake.unhook(caller, hook_id))
        return Response(status_code=204)

    async def samples(self, request: Request) -> Response:
        """Show what a hook is sent of the caller's newest jobs: a bare list, as Zapier wants."""

        def newest(caller: Caller) -> Response:
            event = self._query(request, schema.SamplesQuery).event
            found = self.intake.samples(caller, event, self.settings.base_url)
            return Response(orjson.dumps(found), headers=PRIVATE, media_type="application/json")

        return await self.front.call(request, "read", newest)

    # machines

    async def healthz(self, request: Request) -> Response:
        """Tell that the process is up."""
        return say({"status": "ok"})

    async def readyz(self, request: Request) -> Response:
        """Tell whether requests can be answered, and why not."""
        try:
            await self.front.run(self.intake.is_ready)
        except NotReady as exc:
            return told(request, problem.of_error(exc))
        return say({"status": "ok"})

    async def scraped(self, request: Request) -> Response:
        """Show the numbers for Prometheus."""
        async with self.scrape:  # two scrapes at once would count the same jobs twice
            text = await self.front.run(self.metrics.text)
        return Response(text, headers={"Content-Type": METRICS_TYPE})

    async def openapi(self, request: Request) -> Response:
        """Return the OpenAPI document."""
        return say(openapi.document(self.settings.base_url))

    async def docs(self, request: Request) -> Response:
        """Show the OpenAPI document to people; needs no network and no script."""
        page, policy = docs.page()
        return HTMLResponse(page, headers={"Content-Security-Policy": policy})

    def context(self) -> schema.Context:
        """Return what the check of a request needs beside it."""
        return schema.Context(self.now(), self.judge)

    def _body(self, request: Request, raw: bytes, model: type[M]) -> M:
        return schema.read_body(raw, _content_type(request), model, self.context())

    def _query(self, request: Request, model: type[M]) -> M:
        return schema.read_query(request.query_params.multi_items(), model, self.context())


def routes(
    *,
    intake: Intake,
    watcher: Watcher,
    verify: Callable[[str], Awaitable[Verification]],
    judge: Callable[[str], None],
    settings: Settings,
    now: Callable[[], datetime],
    undo: Callable[[str], Awaitable[Sequence[Undone]]],
    metrics: Metrics | None = None,
) -> list[BaseRoute]:
    """Return the routes of this surface for the service's one application.

    `judge` raises Blocked for a URL that no callback may be sent to. `undo` takes back what was
    written into CRMs for a job. `metrics` may be shared with
    other surfaces, which count their requests too.
    """
    metrics = metrics or Metrics(intake.gauges, intake.ended, now())
    rest = Rest(intake, watcher, verify, judge, settings, now, metrics, Front(intake), undo)
    open_routes = [
        Route("/healthz", rest.healthz),
        Route("/readyz", rest.readyz),
        Route("/metrics", rest.scraped),
        Route("/openapi.json", rest.openapi),
        Route("/docs", rest.docs),
    ]
    return [Mount("/v1", _application(rest)), *open_routes]


def _application(rest: Rest) -> Starlette:
    """Return everything under `/v1`: it logs its requests, and every error is a problem."""

    def count(route: str, outcome: str) -> None:
        if route in ENRICHING:
            rest.metrics.count("rest", outcome)

    return Starlette(
        routes=_versioned(rest),
        middleware=[Middleware(RequestLog, prefix="/v1", ended=count)],
        exception_handlers=problems(rest.now),
    )


class Named(Route):
    """A path that a later route with a placeholder would take too: no other method gets there."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Match the path whatever the method is; `handle` refuses another one."""
        match, child = super().matches(scope)
        return (Match.NONE if match is Match.NONE else Match.FULL), child


def _versioned(rest: Rest) -> list[BaseRoute]:
    get, post, delete = ["GET"], ["POST"], ["DELETE"]
    return [
        Route("/enrich", rest.enrich, methods=post),
        Route("/person/enrich", rest.person, methods=post),
        Route("/company/enrich", rest.company, methods=get),
        Route("/jobs", rest.jobs, methods=get),
        Route("/jobs/{job_id}", rest.job, methods=get),
        Route("/jobs/{job_id}/events", rest.events, methods=get),
        Route("/jobs/{job_id}/writes", rest.writes, methods=get),
        Route("/jobs/{job_id}/undo", rest.undo, methods=post),
        Route("/jobs/{job_id}/cancel", rest.cancel, methods=post),
        Route("/jobs/{job_id}/refresh", rest.refresh, methods=post),
        *Batches(rest.intake, rest.front, rest.context, rest.settings.base_url).routes(),
        Route("/verify", rest.verify, methods=get),
        Route("/providers", rest.providers, methods=get),
        Route("/usage", rest.usage, methods=get),
        Route("/deliveries", rest.deliveries, methods=get),
        Route("/deliveries/{delivery_id}/replay", rest.replay, methods=post),
        Route("/callback-secret", rest.secret, methods=get),
        Route("/callback-secret/rotate", rest.rotate_secret, methods=post),
        Route("/callback-ping", rest.ping, methods=post),
        Route("/hooks", rest.hook, methods=post),
        Route("/hooks", rest.hooks, methods=get),
        Named("/hooks/samples", rest.samples, methods=get),
        Route("/hooks/{hook_id}", rest.unhook, methods=delete),
        Route("/suppressions", rest.suppress, methods=post),
        # A local part may hold a slash, hence `path`; the longer route comes first.
        Route("/prospects/{email:path}/export", rest.export, methods=get),
        Route("/prospects/{email:path}", rest.forget, methods=delete),
    ]


def _sent(event: EventView) -> ServerSentEvent:
    data = orjson.dumps(render.event(event)).decode()
    return ServerSentEvent(data, event=event.kind, id=str(event.seq))


async def _only_end(view: JobView) -> AsyncIterator[ServerSentEvent]:
    """Yield the last event of a job that came from the cache and so never changed."""
    yield _sent(EventView(1, "job", {"status": view.status.value}, view.updated_at))


def _content_type(request: Request) -> str | None:
    return request.headers.get("content-type")


def _preferred_wait_s(request: Request) -> float | None:
    return schema.preferred_wait_s(", ".join(request.headers.getlist("prefer")))


def _matches(request: Request, view: JobView) -> bool:
    """Compare If-None-Match weakly, as RFC 9110 asks."""
    given = re.findall(r'(?:W/)?("[^"]*")', request.headers.get("if-none-match", ""))
    return render.etag(view).removeprefix("W/") in given


def _last_event(request: Request) -> int:
    """Return the number of the last event the client saw, 0 when it says none."""
    text = request.headers.get("last-event-id", "").strip()
    return int(text[:18]) if text.isascii() and text.isdigit() else 0
