"""The OpenAPI 3.1 document, made of the models that validate."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from app.facts import Json
from integrations.rest import answers, lists, problem, schema

Object = dict[str, Json]

ABOUT = """\
From an e-mail address, domain or LinkedIn URL to a battlecard. Ask with `POST /v1/enrich`, then
read the job it names, follow its events, or be called back. Addresses under `.example` are
answered by a built-in sandbox: try `sarah.chen@acme.example`.

Answers that start a job carry `RateLimit` and `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-
headers) unless the key is unlimited. `Idempotency-Key` is kept for 24 h. Callbacks are signed
after Standard Webhooks. Errors are RFC 9457 problems with a stable `code`; a request that cannot
be read as HTTP, takes more than 10 s to arrive or is a giant is answered 400, 408, 413 or 431.
"""


@dataclass(frozen=True, slots=True)
class Operation:
    """One route as the document shows it. `answers` maps a status to the body's model."""

    method: str
    path: str
    summary: str
    answers: dict[int, type[BaseModel] | None]
    scope: str | None = "read"
    body: type[BaseModel] | None = None
    query: type[BaseModel] | None = None
    headers: tuple[str, ...] = ()
    refusals: tuple[int, ...] = ()
    takes_files: bool = False
    kind: str | None = None  # of an answer without a model


HEADERS: dict[str, str] = {
    "Prefer": "`wait=N`: wait up to N seconds (at most 30) for the end of the job (RFC 7240).",
    "Idempotency-Key": "1 to 255 visible characters; the same key and body get the same job.",
    "If-None-Match": "The ETag seen last: 304 when nothing changed; with `Prefer: wait`, waits.",
    "Last-Event-ID": "The `id` of the last event seen: only later ones are sent.",
}

STARTED: dict[int, type[BaseModel] | None] = {200: answers.Job, 202: answers.Job}
STARTS = (401, 403, 413, 415, 422, 429, 451)
WAITS = ("Prefer", "Idempotency-Key")

OPERATIONS = (
    Operation(
        "post",
        "/v1/enrich",
        "Ask for a card; 200 when the cache answers, or with the plan of a `dry_run`",
        STARTED,
        "spend",
        schema.EnrichBody,
        headers=WAITS,
        refusals=(400, *STARTS),
    ),
    Operation(
        "post",
        "/v1/person/enrich",
        "Ask for a person alone and wait",
        STARTED,
        "spend",
        schema.PersonBody,
        headers=WAITS,
        refusals=(400, *STARTS),
    ),
    Operation(
        "get",
        "/v1/company/enrich",
        "Ask for a company and wait",
        STARTED,
        "spend",
        query=schema.CompanyQuery,
        headers=WAITS,
        refusals=(401, 403, 422, 429, 451),
    ),
    Operation(
        "get",
        "/v1/jobs",
        "Your newest jobs",
        {200: answers.Jobs},
        query=schema.JobsQuery,
        refusals=(401, 403, 422),
    ),
    Operation(
        "get",
        "/v1/jobs/{job_id}",
        "One job",
        {200: answers.Job, 304: None},
        headers=("Prefer", "If-None-Match"),
        refusals=(401, 403, 404),
    ),
    Operation(
        "get",
        "/v1/jobs/{job_id}/events",
        "The changes of a job as server-sent events; the stream ends with the job",
        {200: None, 204: None},
        headers=("Last-Event-ID",),
        refusals=(401, 403, 404),
    ),
    Operation(
        "post",
        "/v1/jobs/{job_id}/cancel",
        "Cancel a job that has not ended",
        {200: answers.Job},
        "write",
        refusals=(401, 403, 404, 409),
    ),
    Operation(
        "post",
        "/v1/jobs/{job_id}/refresh",
        "Look the same prospect up again, fresh or not",
        {202: answers.Job},
        "spend",
        schema.RefreshBody,
        refusals=(400, 404, *STARTS),
    ),
    Operation(
        "post",
        "/v1/batches",
        "Ask for many cards: a JSON list, or a CSV file of up to 10,000 rows and 10 MB",
        {202: answers.Batch},
        "spend",
        lists.BatchBody,
        lists.BatchTerms,
        headers=("Idempotency-Key",),
        refusals=(400, 401, 403, 413, 415, 422),
        takes_files=True,
    ),
    Operation(
        "get",
        "/v1/batches/{batch_id}",
        "A batch with some of its rows: progress, match rate, verified rate, hit rates, credits",
        {200: answers.Batch},
        query=lists.BatchQuery,
        refusals=(401, 403, 404, 422),
    ),
    Operation(
        "get",
        "/v1/batches/{batch_id}.csv",
        "A batch as a CSV file: the columns that were given, and ours behind them",
        {200: None},
        refusals=(401, 403, 404),
        kind="text/csv",
    ),
    Operation(
        "get",
        "/v1/batches/{batch_id}/events",
        "The progress of a batch as server-sent events; the stream ends with the batch",
        {200: None, 204: None},
        headers=("Last-Event-ID",),
        refusals=(401, 403, 404),
    ),
    Operation(
        "get",
        "/v1/jobs/{job_id}/writes",
        "What was written into CRMs for a job, value by value, and why the rest was not",
        {200: answers.Writes},
        refusals=(401, 403, 404),
    ),
    Operation(
        "post",
        "/v1/jobs/{job_id}/undo",
        "Put the old values back in the CRM, unless somebody has changed them since",
        {200: answers.UndoneShapes},
        "write",
        refusals=(401, 403, 404, 502),
    ),
    Operation(
        "get",
        "/v1/verify",
        "Check a mailbox: syntax, mail servers, kind of address",
        {200: answers.Verification},
        query=schema.VerifyQuery,
        refusals=(401, 403, 422),
    ),
    Operation("get", "/v1/providers", "Providers' health and spend", {200: answers.Providers}),
    Operation("get", "/v1/usage", "Your use of this month", {200: answers.Usage}),
    Operation(
        "get",
        "/v1/deliveries",
        "Your callbacks with every try",
        {200: answers.Deliveries},
        query=schema.DeliveriesQuery,
        refusals=(401, 403, 422),
    ),
    Operation(
        "post",
        "/v1/deliveries/{delivery_id}/replay",
        "Send a callback again under the same id",
        {202: answers.DeliveryShape},
        "write",
        refusals=(401, 403, 404),
    ),
    Operation(
        "get", "/v1/callback-secret", "What signs your callbacks", {200: answers.Secret}, "write"
    ),
    Operation(
        "post",
        "/v1/callback-secret/rotate",
        "Make a new callback secret; the old one signs too for 24 h",
        {200: answers.Secret},
        "write",
    ),
    Operation(
        "post",
        "/v1/callback-ping",
        "Send a `ping` event to a URL",
        {202: answers.DeliveryShape},
        "write",
        schema.PingBody,
        refusals=(400, 401, 403, 415, 422),
    ),
    Operation(
        "post",
        "/v1/hooks",
        "Be told of an event of all your jobs; the same address and event again is the same hook",
        {201: answers.HookShape},
        "write",
        schema.HookBody,
        refusals=(400, 401, 403, 409, 413, 415, 422),
    ),
    Operation("get", "/v1/hooks", "Your hooks", {200: answers.HooksShape}),
    Operation(
        "get",
        "/v1/hooks/samples",
        "What a hook is sent, of your newest jobs",
        {200: answers.Samples},
        query=schema.SamplesQuery,
        refusals=(401, 403, 422),
    ),
    Operation(
        "delete",
        "/v1/hooks/{hook_id}",
        "Be told no more",
        {204: None},
        "write",
        refusals=(401, 403, 404),
    ),
    Operation(
        "post",
        "/v1/suppressions",
        "Never look this person or domain up",
        {200: answers.Suppressed},
        "write",
        schema.SuppressBody,
        refusals=(400, 401, 403, 415, 422),
    ),
    Operation(
        "delete",
        "/v1/prospects/{email}",
        "Erase a person and look them up no more",
        {200: answers.Erased},
        "write",
        refusals=(401, 403, 404, 422),
    ),
    Operation(
        "get",
        "/v1/prospects/{email}/export",
        "Everything that is kept about a person",
        {200: answers.Export},
        refusals=(401, 403, 404, 422),
    ),
    Operation("get", "/healthz", "Is the process up?", {200: answers.Health}, None),
    Operation("get", "/readyz", "Can it answer?", {200: answers.Health}, None, refusals=(503,)),
    Operation("get", "/metrics", "Prometheus metrics", {200: None}, None),
    Operation("get", "/openapi.json", "This document", {200: None}, None),
    Operation("get", "/docs", "This document for people", {200: None}, None),
)


def document(base_url: str) -> Object:
    """Return the OpenAPI document."""
    paths: dict[str, Json] = {}
    for operation in OPERATIONS:
        methods = paths.setdefault(operation.path, {})
        assert isinstance(methods, dict)
        methods[operation.method] = _operation(operation)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Warmcall", "version": "1", "description": ABOUT},
        "servers": [{"url": base_url}],
        "security": [{"key": []}],
        "paths": paths,
        "components": {
            "schemas": schemas(),
            "securitySchemes": {
                "key": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "An API key: `warmcall keys create NAME`.",
                }
            },
            "responses": {
                f"problem{status}": _problem(codes) for status, codes in _refusals().items()
            },
        },
    }


def schemas() -> Object:
    """Return the shapes of all bodies, by name."""
    sent = {model for one in OPERATIONS for model in one.answers.values() if model}
    sent |= {answers.ProblemShape, answers.PlanShape}
    read: set[type[BaseModel]] = {one.body for one in OPERATIONS if one.body}
    read.add(lists.BatchList)
    order = sorted(sent, key=lambda model: model.__name__)
    inputs = sorted(read, key=lambda model: model.__name__)
    _, definitions = models_json_schema(
        [(model, "serialization") for model in order] + [(model, "validation") for model in inputs],
        ref_template="#/components/schemas/{model}",
    )
    found: Object = definitions["$defs"]
    return found


def _operation(one: Operation) -> Object:
    shown: Object = {
        "operationId": _operation_id(one),
        "summary": one.summary,
        "parameters": [*_path(one), *_query(one.query), *_headers(one)],
        "responses": {**_answers(one), **_problems(one)},
    }
    if one.scope is None:
        shown["security"] = []
    else:
        shown["description"] = f"Needs the scope `{one.scope}`."
    if one.body:
        optional = one.body is schema.RefreshBody
        content = _lists() if one.takes_files else _json(one.body)
        shown["requestBody"] = {"required": not optional, "content": content}
    return shown


def _lists() -> Object:
    """Return how many rows may be sent: JSON, or a CSV file as the body or in a form."""
    either: list[Json] = [_ref(lists.BatchBody), _ref(lists.BatchList)]
    terms = lists.BatchTerms.model_json_schema()["properties"]
    file: Object = {"type": "string", "contentMediaType": "text/csv"}
    form: Object = {"type": "object", "required": ["file"], "properties": {"file": file, **terms}}
    form["additionalProperties"] = False
    return {
        "application/json": {"schema": {"anyOf": either}},
        "text/csv": {"schema": {"type": "string"}},
        "multipart/form-data": {"schema": form},
    }


def _operation_id(one: Operation) -> str:
    return "_".join([one.method, *re.findall(r"\w+", one.path.removeprefix("/v1"))])


def _path(one: Operation) -> list[Json]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"{(\w+)}", one.path)
    ]


def _query(model: type[BaseModel] | None) -> list[Json]:
    if model is None:
        return []
    found = model.model_json_schema()
    required = found.get("required", [])
    return [
        {"name": name, "in": "query", "required": name in required, "schema": kind}
        for name, kind in found["properties"].items()
    ]


def _headers(one: Operation) -> list[Json]:
    return [
        {"name": name, "in": "header", "description": HEADERS[name], "schema": {"type": "string"}}
        for name in one.headers
    ]


def _answers(one: Operation) -> Object:
    return {
        str(status): {"description": _phrase(status), **_content(one, model)}
        for status, model in one.answers.items()
    }


def _content(one: Operation, model: type[BaseModel] | None) -> Object:
    if model is None:
        return {"content": {one.kind: {"schema": {"type": "string"}}}} if one.kind else {}
    if one.body and issubclass(one.body, schema.EnrichBody):
        either: list[Json] = [_ref(answers.Job), _ref(answers.PlanShape)]
        return {"content": {"application/json": {"schema": {"anyOf": either}}}}
    return {"content": _json(model)}


def _json(model: type[BaseModel]) -> Object:
    return {"application/json": {"schema": _ref(model)}}


def _ref(model: type[BaseModel]) -> Object:
    return {"$ref": f"#/components/schemas/{model.__name__}"}


def _phrase(status: int) -> str:
    phrases = {
        200: "Done",
        201: "Made",
        202: "Under way",
        204: "Nothing more",
        304: "Nothing changed",
    }
    return phrases[status]


def _problems(one: Operation) -> Object:
    statuses = {*(one.refusals or (401, 403)), 503} if one.scope else set(one.refusals)
    return {str(s): {"$ref": f"#/components/responses/problem{s}"} for s in sorted(statuses)}


def _refusals() -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for code, kind in problem.KINDS.items():
        found.setdefault(kind.status, []).append(code)
    return found


def _problem(codes: Iterable[str]) -> Object:
    listed = ", ".join(f"`{code}`" for code in codes)
    return {
        "description": f"A problem with code {listed}",
        "content": {problem.MEDIA_TYPE: {"schema": _ref(answers.ProblemShape)}},
    }
