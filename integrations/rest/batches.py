"""The routes of large batches: a list or a file comes in, progress and a file go out."""

import hashlib
from asyncio import sleep
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial

import orjson
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.datastructures import Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from app import sheet
from app.errors import BadField
from app.intake import BatchOrder, BatchView, Caller, Idempotency, Intake
from app.results import lines
from integrations.rest import lists, render, schema
from integrations.rest.front import PRIVATE, Front, body_of, note, say
from integrations.rest.problem import Problem

MAX_BODY = sheet.MOST_BYTES + 100_000
"""Bytes of a request: a file, and what a form puts around it."""

MOST_FIELDS = 20  # of a form, beside the file
PAGE = 100  # rows that are read at a time for a file
RETRY_AFTER_S = 2
LOOK_S = 1.0
"""How often a stream looks how far a batch is."""

HEARTBEAT_S = 15  # proxies drop a stream that is silent for longer

FILE = {
    **PRIVATE,
    "Cache-Control": "private, no-store",
    "Content-Disposition": 'attachment; filename="warmcall-batch.csv"',
}


@dataclass(frozen=True, slots=True)
class Sent:
    """A request as it was sent: what it is, its bytes, and the terms beside them."""

    kind: str
    raw: bytes
    terms: lists.BatchTerms
    said: Mapping[str, str]

    def digest(self) -> str:
        """Return a digest that is equal for equal requests."""
        said = orjson.dumps(dict(self.said), option=orjson.OPT_SORT_KEYS)
        return hashlib.sha256(b"\n".join([b"/v1/batches", said, self.raw])).hexdigest()


@dataclass(frozen=True, slots=True)
class Batches:
    """The endpoints and the parts they stand on."""

    intake: Intake
    front: Front
    context: Callable[[], schema.Context]
    base_url: str

    def routes(self) -> list[BaseRoute]:
        """Return the routes; the file's comes before that of an id which ends like it."""
        return [
            Route("/batches", self.begin, methods=["POST"]),
            Route("/batches/{batch_id}.csv", self.file, methods=["GET"]),
            Route("/batches/{batch_id}/events", self.events, methods=["GET"]),
            Route("/batches/{batch_id}", self.batch, methods=["GET"]),
        ]

    async def begin(self, request: Request) -> Response:
        """Take in a list or a file."""
        caller = await self.front.caller(request, "spend")
        sent = await self._sent(request)
        key = schema.idempotency_key(request.headers.get("idempotency-key"))

        def taken_in() -> BatchView:
            once = Idempotency(key, sent.digest()) if key else None
            return self.intake.take_in(caller, self._order(sent), once)

        view = await self.front.run(taken_in)
        note(request, outcome="taken_in", job_id=view.id)
        headers = {"Location": f"{self.base_url}/v1/batches/{view.id}"}
        headers["Retry-After"] = str(RETRY_AFTER_S)
        return say(render.batch(view, self.base_url, 0), 202, headers)

    async def _sent(self, request: Request) -> Sent:
        """Read the request. Raises Problem when it is too large, or no JSON, CSV or form."""
        kind = schema.media_type(request.headers.get("content-type"))
        if kind not in {"application/json", "text/csv", "multipart/form-data"}:
            told = "Send JSON, text/csv, or multipart/form-data with a file."
            raise Problem("unsupported_media_type", told)
        raw, pairs = await body_of(request, MAX_BODY), request.query_params.multi_items()
        if kind == "multipart/form-data":
            raw, fields = await _form(request.headers, raw)
            pairs = [*pairs, *fields]
        terms = schema.read_query(pairs, lists.BatchTerms, self.context())
        return Sent(kind, raw, terms, dict(pairs))

    def _order(self, sent: Sent) -> BatchOrder:
        if sent.kind != "application/json":
            found = sheet.read(sent.raw, column=sent.terms.column)
            return replace(sent.terms.over(None), sheet=found)
        if sent.raw.lstrip()[:1] == b"[":
            rows = schema.read_body(sent.raw, sent.kind, lists.BatchList, self.context())
            return replace(sent.terms.over(None), sheet=lists.sheet_of(rows.root))
        body = schema.read_body(sent.raw, sent.kind, lists.BatchBody, self.context())
        return replace(sent.terms.over(body), sheet=lists.sheet_of(body.prospects))

    async def batch(self, request: Request) -> Response:
        """Show how far a batch is, with some of its rows."""

        def found(caller: Caller) -> Response:
            pairs = request.query_params.multi_items()
            part = schema.read_query(pairs, lists.BatchQuery, self.context())
            view = self._view(request, caller, part.offset, part.limit)
            note(request, outcome="shown", job_id=view.id)
            return say(render.batch(view, self.base_url, part.offset))

        return await self.front.call(request, "read", found)

    async def file(self, request: Request) -> Response:
        """Stream a batch as a CSV file, however far it is."""
        caller = await self.front.caller(request, "read")
        view = await self.front.run(partial(self._view, request, caller, 0, PAGE))
        note(request, outcome="streamed", job_id=view.id)
        text = written(self.front, self.intake, caller, view, self.base_url)
        return StreamingResponse(text, headers=FILE, media_type="text/csv; charset=utf-8")

    async def events(self, request: Request) -> Response:
        """Stream how far a batch is as server-sent events."""
        caller = await self.front.caller(request, "read")
        view = await self.front.run(partial(self._view, request, caller, 0, 0))
        note(request, outcome="streamed", job_id=view.id)
        if view.is_final and request.headers.get("last-event-id", "").strip() == _version(view):
            return Response(status_code=204)  # a browser that comes back is told to stop
        return EventSourceResponse(self._followed(request, caller), ping=HEARTBEAT_S)

    async def _followed(self, request: Request, caller: Caller) -> AsyncIterator[ServerSentEvent]:
        """Yield how far the batch is whenever that has changed, until it has ended."""
        told = ""
        while True:
            view = await self.front.run(partial(self._view, request, caller, 0, 0))
            data = orjson.dumps(render.progress(view)).decode()
            if data != told:
                told = data
                yield ServerSentEvent(data, event="batch", id=_version(view))
            if view.is_final:
                return
            await sleep(LOOK_S)

    def _view(self, request: Request, caller: Caller, offset: int, limit: int) -> BatchView:
        batch_id = request.path_params["batch_id"]
        return self.intake.batch_view(caller, batch_id, offset=offset, limit=limit)


@dataclass(frozen=True, slots=True)
class Files:
    """The files of batches for whoever has their links, such as those in Slack."""

    intake: Intake
    front: Front
    base_url: str

    async def linked(self, request: Request) -> Response:
        """Stream a batch as a CSV file."""
        token = request.path_params["token"]

        def found() -> tuple[Caller, BatchView]:
            caller, batch_id = self.intake.batch_of_file(token)
            return caller, self.intake.batch_view(caller, batch_id, limit=PAGE)

        caller, view = await self.front.run(found)
        text = written(self.front, self.intake, caller, view, self.base_url)
        headers = {**FILE, "X-Robots-Tag": "noindex, nofollow", "Referrer-Policy": "no-referrer"}
        return StreamingResponse(text, headers=headers, media_type="text/csv; charset=utf-8")


def links(intake: Intake, base_url: str) -> list[BaseRoute]:
    """Return the route of files, which is no part of the API: its address is its key."""
    files = Files(intake, Front(intake), base_url)
    return [Route("/batches/{token}.csv", files.linked, methods=["GET"])]


async def written(
    front: Front, intake: Intake, caller: Caller, view: BatchView, base_url: str
) -> AsyncIterator[str]:
    """Yield a batch as CSV, PAGE rows at a time; `view` has the first of them."""
    offset = 0
    while True:
        page = list(lines(view.run, view.rows, base_url))
        yield "".join(page[1:] if offset else page)
        offset += PAGE
        if offset >= view.total:
            return
        read = partial(intake.batch_view, caller, view.id, offset=offset, limit=PAGE)
        view = await front.run(read)


def _version(view: BatchView) -> str:
    return str(view.run.version if view.run else view.ended)


async def _form(headers: Headers, raw: bytes) -> tuple[bytes, list[tuple[str, str]]]:
    """Return the file of a form, and its fields. Raises Problem when it has no single file."""

    async def stream() -> AsyncGenerator[bytes, None]:
        yield raw

    try:
        parser = MultiPartParser(headers, stream(), max_files=1, max_fields=MOST_FIELDS)
        form = await parser.parse()
    except (MultiPartException, KeyError) as exc:
        raise Problem("bad_request", "The form cannot be read.") from exc
    files = [one for one in form.values() if isinstance(one, UploadFile)]
    if not files:
        wrong = BadField("file", "Send one CSV file.")
        raise Problem("invalid_request", f"{wrong.name}: {wrong.message}", [wrong])
    content = await files[0].read()
    await form.close()
    return content, [(name, one) for name, one in form.multi_items() if isinstance(one, str)]
