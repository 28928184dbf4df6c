"""What a request may say: bodies, queries and header fields, each checked as a whole.

Every bad part is named in one answer. The same models make the OpenAPI document.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal, Self, TypeAlias, TypeVar

import orjson
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import ErrorDetails, PydanticCustomError

from app.delivery import HOOKED, Address
from app.errors import BadField, Blocked, InvalidProspect
from app.facts import FIELDS, Section, fields_of
from app.intake import Ask, Idempotency
from app.job import Priority
from app.prospect import Prospect, from_parts
from integrations.rest.problem import Problem

MAX_WAIT_S = 30.0
"""No request is held open longer than this, whatever it asks for."""

MOST_NAMED = 100
"""Bad fields that one answer names: each of the rows of a batch may have some."""

PROSPECT_CODES = ("disposable_address", "invalid_prospect")

Preset: TypeAlias = Literal["full", "person", "company", "contact", "account"]

CONTACT = frozenset(
    {
        "person.full_name",
        "person.first_name",
        "person.last_name",
        "person.title",
        "person.email",
        "person.phones",
        "person.linkedin_url",
    }
)
ACCOUNT = frozenset({Section.company, Section.decision_makers, Section.signals})

PRESETS: Mapping[str, frozenset[str]] = {
    "full": frozenset(FIELDS),
    "person": fields_of(Section.person),
    "company": fields_of(Section.company),
    "contact": CONTACT,
    "account": fields_of(*ACCOUNT),
}
"""Preset -> the fields it wants."""

M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Context:
    """What checking needs beside the request: the time, and a judge of callback addresses.

    `judge` raises Blocked when it refuses a URL.
    """

    now: datetime
    judge: Callable[[str], None]


def known_field(name: str) -> str:
    """Return the name of a field or section. Raises PydanticCustomError for any other."""
    if not fields_named(name):
        raise PydanticCustomError("unknown_field", "There is no such field or section.")
    return name


def fields_named(name: str) -> frozenset[str]:
    """Return the fields that a name stands for: itself, or all of a section (`person`, `person.*`).

    >>> sorted(fields_named("signals.*"))
    ['signals']
    """
    section = name.removesuffix(".*")
    if section in frozenset(Section):
        return fields_of(Section(section))
    return frozenset({name}) & FIELDS.keys()


def wanted_by(fields: Sequence[str] | None, preset: Preset | None) -> frozenset[str]:
    """Return the names of the wanted fields: of both when both are given, all without any."""
    named = [fields_named(name) for name in fields or ()]
    if preset or not named:
        named.append(PRESETS[preset or "full"])
    return frozenset().union(*named)


def _identified(value: str, info: ValidationInfo) -> str:
    """Check one identifier on its own, so that each bad one is named."""
    name = str(info.field_name)
    try:
        from_parts(**{name: value})
    except InvalidProspect as exc:
        raise refused(exc) from exc
    return value


def _context(info: ValidationInfo) -> Context:
    assert isinstance(info.context, Context)  # read_body and read_query give it
    return info.context


def judged(url: str, info: ValidationInfo) -> str:
    """Return a URL that may be called. Raises PydanticCustomError for any other."""
    try:
        _context(info).judge(url)
    except Blocked as exc:
        raise refused(exc) from exc
    return url


def refused(exc: InvalidProspect | Blocked) -> PydanticCustomError:
    """Return an error of ours as one of a field."""
    return PydanticCustomError(exc.code, "{reason}", {"reason": str(exc)})


Identifier = Annotated[str, Field(min_length=1, max_length=500), AfterValidator(_identified)]
Name = Annotated[str, Field(min_length=1, max_length=200)]
FieldName = Annotated[str, Field(max_length=60), AfterValidator(known_field)]
Wait = Annotated[
    float, Field(ge=0, allow_inf_nan=False, description="Seconds to wait for the end, at most 30.")
]


class Body(BaseModel):
    """A JSON body: unknown members are refused, and nothing is converted silently."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Notified(Body):
    """A request whose end may be told to a URL."""

    callback_url: (
        Annotated[
            str, Field(max_length=2048, description="Gets a signed event when the job has ended.")
        ]
        | None
    ) = None

    @field_validator("callback_url")
    @classmethod
    def _callable(cls, value: str | None, info: ValidationInfo) -> str | None:
        return None if value is None else judged(value, info)

    @property
    def notify(self) -> tuple[Address, ...]:
        """Return where the card is sent."""
        return (Address("callback", self.callback_url),) if self.callback_url else ()


class EnrichBody(Notified):
    """Who is asked about, and on what terms: e-mail, LinkedIn URL, domain, or name and company."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"email": "sarah.chen@acme.example"}]},
    )

    email: Identifier | None = None
    domain: Identifier | None = None
    linkedin_url: Identifier | None = None
    name: Name | None = None
    company: Name | None = None
    fields: (
        Annotated[
            list[FieldName],
            Field(
                min_length=1,
                max_length=60,
                description="Field names, section names or `section.*`: only these are looked up.",
            ),
        ]
        | None
    ) = None
    preset: (
        Annotated[
            Preset, Field(description="A ready choice of fields; added to `fields` when both come.")
        ]
        | None
    ) = None
    refresh: Annotated[bool, Field(description="Ask the providers even if a card is fresh.")] = (
        False
    )
    needed_by: (
        Annotated[AwareDatetime, Field(description="The card is what is known at this time.")]
        | None
    ) = None
    max_credits: (
        Annotated[
            float, Field(ge=0, allow_inf_nan=False, description="The job spends no more than this.")
        ]
        | None
    ) = None
    dry_run: Annotated[bool, Field(description="Return the plan; nothing is asked or spent.")] = (
        False
    )
    wait: Wait = 0.0

    _prospect: Prospect = PrivateAttr()

    @field_validator("needed_by")
    @classmethod
    def _ahead(cls, value: datetime | None, info: ValidationInfo) -> datetime | None:
        if value is not None and value <= _context(info).now:
            raise PydanticCustomError("past", "This must be a time in the future.")
        return value

    @model_validator(mode="after")
    def _meant(self) -> Self:
        try:
            self._prospect = from_parts(
                email=self.email,
                domain=self.domain,
                linkedin_url=self.linkedin_url,
                name=self.name,
                company=self.company,
            )
        except InvalidProspect as exc:
            raise refused(exc) from exc
        return self

    @property
    def wanted(self) -> frozenset[str]:
        """Return the names of the wanted fields."""
        return wanted_by(self.fields, self.preset)

    def ask(self) -> Ask:
        """Return the request for the core."""
        sections = frozenset(FIELDS[name].section for name in self.wanted)
        return Ask(
            prospect=self._prospect,
            sections=None if sections == frozenset(Section) else sections,
            wanted=None if self.wanted == fields_of(*sections) else self.wanted,
            refresh=self.refresh,
            needed_by=self.needed_by,
            max_credits=self.max_credits,
            priority=Priority.refresh if self.refresh else Priority.interactive,
            notify=self.notify,
        )

    def digest(self, path: str) -> str:
        """Return a digest that is equal for equal requests, however the body was written."""
        body = self.model_dump(mode="json", exclude_unset=True)
        canonical = orjson.dumps([path, body], option=orjson.OPT_SORT_KEYS)
        return hashlib.sha256(canonical).hexdigest()


class PersonBody(EnrichBody):
    """The same for the person alone; waits for the end."""

    wait: Wait = 10.0

    @model_validator(mode="after")
    def _person(self) -> Self:
        if not self._prospect.is_person:
            raise PydanticCustomError("invalid_prospect", "This names a company, not a person.")
        if not self.wanted:
            raise PydanticCustomError("no_fields", "None of these fields belongs to a person.")
        return self

    @property
    def wanted(self) -> frozenset[str]:
        """Return the names of the wanted fields of the person."""
        return super().wanted & PRESETS["person"]


class RefreshBody(Notified):
    """A forced refresh; the body may be left out."""


class PingBody(Body):
    """Where a test event is sent."""

    url: str = Field(max_length=2048)

    @field_validator("url")
    @classmethod
    def _callable(cls, value: str, info: ValidationInfo) -> str:
        return judged(value, info)


def _event(name: str) -> str:
    if name not in HOOKED:
        raise PydanticCustomError("no_event", "There is no such event.")
    return name


EventName = Annotated[
    str,
    Field(max_length=60, json_schema_extra={"enum": list(HOOKED)}),
    AfterValidator(_event),
]


class HookBody(Body):
    """Where one is told of an event from now on; Zapier calls the address `hookUrl`."""

    model_config = ConfigDict(extra="ignore")  # tools send more than they are asked for

    event: EventName
    target_url: Annotated[str, Field(max_length=2048)] | None = None
    hook_url: Annotated[str | None, Field(max_length=2048, alias="hookUrl")] = None

    @field_validator("target_url", "hook_url")
    @classmethod
    def _callable(cls, value: str | None, info: ValidationInfo) -> str | None:
        return None if value is None else judged(value, info)

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.target_url is None) == (self.hook_url is None):
            raise PydanticCustomError("one_of", "Give either target_url or hookUrl.")
        return self

    @property
    def target(self) -> str:
        """Return the address."""
        return self.target_url or self.hook_url or ""


class SuppressBody(Body):
    """Who is never looked up: one e-mail address, or everybody at a domain."""

    email: Identifier | None = None
    domain: Identifier | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.email is None) == (self.domain is None):
            raise PydanticCustomError("one_of", "Give either email or domain.")
        return self

    @property
    def text(self) -> str:
        """Return what was given."""
        return self.email or self.domain or ""


class Query(BaseModel):
    """A query string: unknown parameters are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class CompanyQuery(Query):
    """Which company, and how long to wait for the end."""

    domain: Identifier
    wait: Wait = 10.0
    refresh: bool = False

    def body(self, context: Context) -> EnrichBody:
        """Return the same request as a body."""
        asked = {**self.model_dump(), "preset": "account"}
        return EnrichBody.model_validate(asked, context=context)


class VerifyQuery(Query):
    """Which mailbox."""

    email: str = Field(min_length=1, max_length=500)


class JobsQuery(Query):
    """How many of the newest jobs."""

    limit: int = Field(20, ge=1, le=200)


class SamplesQuery(Query):
    """Samples of which event."""

    event: EventName


class DeliveriesQuery(Query):
    """Which rows of the outbox, newest first."""

    job_id: str | None = Field(None, max_length=100)
    state: Literal["pending", "delivered", "failed", "disabled"] | None = None
    limit: int = Field(50, ge=1, le=200)


def read_body(raw: bytes, content_type: str | None, model: type[M], context: Context) -> M:
    """Return a JSON body as `model`.

    Raises Problem: unsupported_media_type, invalid_json, or one that names every bad field.
    """
    if media_type(content_type) != "application/json":
        raise Problem("unsupported_media_type", "Send JSON with Content-Type: application/json.")
    try:
        return model.model_validate_json(raw, context=context)
    except ValidationError as exc:
        raise refusal(exc.errors(include_url=False, include_input=False)) from exc


def media_type(content_type: str | None) -> str:
    """Return what a body is, without its parameters."""
    return (content_type or "").partition(";")[0].strip().lower()


def read_query(pairs: Sequence[tuple[str, str]], model: type[M], context: Context) -> M:
    """Return a query string as `model`. Raises Problem that names every bad parameter."""
    query = dict(pairs)
    if len(query) < len(pairs):
        names = sorted(
            name for name, times in Counter(name for name, _ in pairs).items() if times > 1
        )
        raise _told([BadField(name[:200], "Give this once.") for name in names])
    try:
        return model.model_validate(query, context=context)
    except ValidationError as exc:
        raise refusal(exc.errors(include_url=False, include_input=False)) from exc


def refusal(errors: Sequence[ErrorDetails]) -> Problem:
    """Return the problem for what pydantic found."""
    kinds = {error["type"] for error in errors}
    if "json_invalid" in kinds:
        return Problem("invalid_json", "The body is not valid JSON.")
    code = next((one for one in PROSPECT_CODES if kinds == {one}), "invalid_request")
    return _told([BadField(_where(error), _plain(error)) for error in errors[:MOST_NAMED]], code)


def _told(fields: Sequence[BadField], code: str = "invalid_request") -> Problem:
    detail = "; ".join(f"{field.name}: {field.message}" for field in fields)
    return Problem(code, detail if len(detail) <= 500 else f"{len(fields)} bad fields.", fields)


def _where(error: ErrorDetails) -> str:
    return ".".join(map(str, error["loc"]))[:200] or "body"


def _plain(error: ErrorDetails) -> str:
    if error["type"] == "extra_forbidden":
        return "There is no such field."
    return error["msg"]


_WAIT = re.compile(r"""(?:^|[,;\s])wait\s*=\s*"?(\d{1,9})"?(?:$|[,;\s])""", re.IGNORECASE)
_KEY = re.compile(r"[\x21-\x7e]{1,255}")


def preferred_wait_s(prefer: str) -> float | None:
    """Return the seconds of `Prefer: wait=N` (RFC 7240), at most MAX_WAIT_S; None without it.

    >>> preferred_wait_s("respond-async, wait=100")
    30.0
    """
    found = _WAIT.search(prefer)
    return min(float(found[1]), MAX_WAIT_S) if found else None


def idempotency_key(header: str | None) -> str | None:
    """Return the key, its quotes taken off. Raises Problem when it is not 1 to 255 visible ones.

    The draft makes it a quoted string, most clients send it bare: both are read.
    """
    if header is None:
        return None
    key = header.strip()
    if len(key) > 1 and key[0] == key[-1] == '"':
        key = key[1:-1]
    if _KEY.fullmatch(key):
        return key
    wrong = BadField("Idempotency-Key", "Send 1 to 255 visible ASCII characters without spaces.")
    raise Problem("invalid_request", f"{wrong.name}: {wrong.message}", [wrong])


def idempotency(header: str | None, body: EnrichBody, path: str) -> Idempotency | None:
    """Return the Idempotency-Key with the digest of its body, None when none came."""
    key = idempotency_key(header)
    return Idempotency(key, body.digest(path)) if key else None
