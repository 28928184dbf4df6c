"""The shapes of what tools answer: the output schemas that clients are shown.

A schema is part of every agent's context, so each is short: what a card holds in detail is the
resource `warmcall://schema/battlecard`. A member that nobody knew is absent, never null.
"""

from collections.abc import Callable, Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

Object = dict[str, Any]


def bare_input(schema: Any) -> Any:
    """Return the schema of arguments without titles, which repeat names, and empty defaults."""
    return _bare(schema, lambda name, part: name == "title" or (name == "default" and not part))


def bare_output(schema: Any) -> Any:
    """Return the schema of an answer without titles, defaults and what it is about as a whole."""
    shown = _bare(schema, lambda name, _: name in {"title", "default"})
    return {name: part for name, part in shown.items() if name not in WHOLE}


WHOLE = frozenset({"description", "additionalProperties"})


def _bare(schema: Any, is_dropped: Callable[[str, Any], bool]) -> Any:
    if isinstance(schema, list):
        return [_bare(part, is_dropped) for part in schema]
    if not isinstance(schema, Mapping):
        return schema
    is_names = not any(isinstance(schema.get(word), str | list) for word in SCHEMA_WORDS)
    return {
        name: _bare(part, is_dropped)
        for name, part in schema.items()
        if is_names or not is_dropped(name, part)
    }


SCHEMA_WORDS = ("type", "anyOf", "$ref", "enum", "const")
"""An object without one of these is no schema: it lists properties by name."""


def _loose(**members: str) -> WithJsonSchema:
    """Return the schema of an object by its members' types, without what lies deeper."""
    properties = {name: {"type": kind} for name, kind in members.items()}
    return WithJsonSchema({"type": "object", "properties": properties})


CardObject = Annotated[
    Object,
    _loose(
        summary="string",
        person="object",
        company="object",
        decision_makers="array",
        signals="array",
        talking_points="array",
        gaps="array",
        confidence="object",
        sources="array",
    ),
]
Rows = Annotated[list[Object], WithJsonSchema({"type": "array", "items": {"type": "object"}})]
"""Objects whose members the tool's description names."""


class Answer(BaseModel):
    """Base of all answers; members may be added later."""

    model_config = ConfigDict(extra="allow")


class CardResult(Answer):
    """One prospect: the state of its job and what is known so far."""

    status: str = Field(description="working, or how it ended: complete, partial, not_found, ...")
    job_id: str = ""
    progress: float = Field(1.0, ge=0, le=1)
    next_step: str = Field("", description="What to call next")
    missing: list[str] = Field([], description="Fields nobody knew (yet)")
    sections: dict[str, str] = {}
    served_from: str = ""
    as_of: str = ""
    resource_uri: str = ""
    card_url: str = ""
    credits_spent: float = 0
    error: Annotated[Object, WithJsonSchema({"type": "object"})] = {}
    notice: str = ""
    card: CardObject = {}


class JobResult(CardResult):
    """One prospect, or a batch with a page of its rows."""

    batch: Annotated[
        Object,
        _loose(
            total="integer",
            ended="integer",
            matched="integer",
            match_rate="number",
            problems="object",
            rows="array",
            next_cursor="string",
        ),
    ] = {}


class BatchResult(Answer):
    """A batch that was started, or what it would cost."""

    status: str
    batch_id: str = ""
    total: int = 0
    ended: int = 0
    most_credits: float = 0
    next_step: str = ""
    rows: Rows = []


class CancelResult(Answer):
    """What became of a job that was to end."""

    status: str
    job_id: str
    next_step: str = ""


class PeopleResult(Answer):
    """Who may decide at a company, a page at a time."""

    status: str
    company_domain: str = ""
    people: Rows = []
    total: int = 0
    next_cursor: str = ""
    job_id: str = ""
    as_of: str = ""
    next_step: str = ""
    notice: str = ""


class CrmResult(Answer):
    """What a write to the CRM would change, or changed."""

    status: str
    changes: Rows = []
    next_step: str


class UsageResult(Answer):
    """What this key used this month, and how the providers are."""

    month: str
    used: int
    credits_spent: float
    resets_at: str
    quota: int = 0
    remaining: int = 0
    is_unlimited: bool = False
    providers: Rows = []
    next_step: str = ""


# --- the card in full, for `warmcall://schema/battlecard` and the tests ---


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Point(_Part):
    """Something to say, ask or avoid."""

    kind: str = Field(description="opener, point, question or avoid")
    text: str
    sources: list[int] = Field([], description="Ids of `sources` that it rests on")


class Source(_Part):
    """Where facts of the card come from."""

    id: int
    name: str
    url: str | None = None
    seen_at: str = Field(description="YYYY-MM-DD")


class Change(_Part):
    """What the last refresh changed."""

    field: str
    before: str | int | float | None = None
    after: str | int | float | None = None


class Battlecard(_Part):
    """A call-prep battlecard; a member nobody knew is absent."""

    summary: str | None = None
    person: Object | None = Field(
        None,
        description="full_name, first_name, last_name, title, seniority, department, location, "
        "email {address, status}, phones [{number, type}], linkedin_url",
    )
    company: Object | None = Field(
        None,
        description="name, legal_name, domain, description, industry, employee_count, "
        "employee_range, founded_year, revenue_range, location, funding {stage, total, "
        "last_round_at}, technologies [], linkedin_url, phones [], emails [], addresses [], "
        "socials [{network, url}], parent, status {status, successor}",
    )
    decision_makers: list[Object] = Field(
        [], description="full_name, title, seniority, email, linkedin_url"
    )
    signals: list[Object] = Field([], description="kind, headline, url, seen_at; newest first")
    talking_points: list[Point] = []
    candidates: list[Object] = Field(
        [], description="Several people fit: full_name, title, company, linkedin_url"
    )
    changes: list[Change] = []
    gaps: list[str] = Field([], description="Wanted fields that nobody knew")
    inferred: list[str] = Field([], description="Fields that are only a guess")
    conflicts: list[str] = Field([], description="Fields that sources disagree about")
    confidence: dict[str, float] = Field(
        {}, description="By field, 0 to 1; a concise card has only those below 0.8"
    )
    sources: list[Source] = []
    cited: dict[str, list[int]] = Field(
        {}, description="Field to ids of `sources`; in a full card only"
    )
    left_out: dict[str, int] = Field(
        {}, description="List to how many of its items a shorter card does not show"
    )
