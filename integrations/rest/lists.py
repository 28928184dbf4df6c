"""What a request for many cards may say: a list or a file, and the terms of all its rows."""

from collections.abc import Sequence
from typing import Annotated, Self

from pydantic import (
    ConfigDict,
    Field,
    PrivateAttr,
    RootModel,
    ValidationInfo,
    field_validator,
    model_validator,
)

from app.delivery import Address
from app.errors import InvalidProspect
from app.facts import FIELDS, Section, fields_of
from app.intake import BatchOrder
from app.prospect import Prospect, from_parts
from app.sheet import MOST_ROWS, Line, Sheet
from integrations.rest.schema import (
    Body,
    FieldName,
    Name,
    Notified,
    Preset,
    Query,
    judged,
    known_field,
    refused,
    wanted_by,
)

IDENTIFIERS = ("email", "domain", "linkedin_url", "name", "company")

COLUMN = "The column of a CSV file that says who is meant; found by itself when left out."
FIELDS_LIST = "Comma list of field names, section names or `section.*`: only these are looked up."
TOLD = "Gets a signed `batch.completed` event when all rows have ended."

SAID = frozenset({"fields", "preset", "refresh", "max_credits", "callback_url"})
"""Terms of a batch that its body or the query may name."""

Given = Annotated[str, Field(min_length=1, max_length=500)]
Budget = Annotated[
    float,
    Field(ge=0, allow_inf_nan=False, description="All jobs together spend no more than this."),
]


class BatchProspect(Body):
    """Who is asked about in one row of a batch: the identifiers of EnrichBody."""

    email: Given | None = None
    domain: Given | None = None
    linkedin_url: Given | None = None
    name: Name | None = None
    company: Name | None = None

    _prospect: Prospect = PrivateAttr()

    @model_validator(mode="after")
    def _meant(self) -> Self:
        try:
            self._prospect = from_parts(**self.given)
        except InvalidProspect as exc:
            raise refused(exc) from exc
        return self

    @property
    def given(self) -> dict[str, str]:
        """Return the identifiers that were given."""
        return self.model_dump(exclude_none=True)

    @property
    def prospect(self) -> Prospect:
        """Return who is meant."""
        return self._prospect


Rows = Annotated[list[BatchProspect], Field(min_length=1, max_length=MOST_ROWS)]


class BatchTerms(Query):
    """On what terms a whole file or list is asked for."""

    column: Annotated[str, Field(min_length=1, max_length=200, description=COLUMN)] | None = None
    fields: (
        Annotated[str, Field(min_length=1, max_length=2_000, description=FIELDS_LIST)] | None
    ) = None
    preset: Preset | None = None
    refresh: bool = False
    max_credits: Budget | None = None
    callback_url: Annotated[str, Field(max_length=2048, description=TOLD)] | None = None

    @field_validator("fields")
    @classmethod
    def _known(cls, value: str | None) -> str | None:
        for name in _split(value):
            known_field(name)
        return value

    @field_validator("callback_url")
    @classmethod
    def _callable(cls, value: str | None, info: ValidationInfo) -> str | None:
        return None if value is None else judged(value, info)

    def over(self, body: "BatchBody | None") -> BatchOrder:
        """Return the order for an empty sheet; what a body says itself goes first."""
        said = {name: getattr(self, name) for name in SAID}
        said["fields"] = _split(self.fields) or None
        if body:
            said |= {name: getattr(body, name) for name in body.model_fields_set & SAID}
        wanted = wanted_by(said["fields"], said["preset"])
        sections = frozenset(FIELDS[name].section for name in wanted)
        url = said["callback_url"]
        return BatchOrder(
            sheet=Sheet((), ()),
            sections=None if sections == frozenset(Section) else sections,
            wanted=None if wanted == fields_of(*sections) else wanted,
            refresh=said["refresh"],
            max_credits=said["max_credits"],
            notify=(Address("callback", url),) if url else (),
        )


def _split(names: str | None) -> list[str]:
    return [name.strip() for name in (names or "").split(",") if name.strip()]


class BatchBody(Notified):
    """Who is asked about, one row each, and on what terms. A list alone may be sent instead."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"prospects": [{"email": "sarah.chen@acme.example"}]}]},
    )

    prospects: Rows
    fields: Annotated[list[FieldName], Field(min_length=1, max_length=60)] | None = None
    preset: Preset | None = None
    refresh: bool = False
    max_credits: Budget | None = None


class BatchList(RootModel[Rows]):
    """Who is asked about, one row each; the terms are in the query."""

    model_config = ConfigDict(strict=True, frozen=True)


def sheet_of(rows: Sequence[BatchProspect]) -> Sheet:
    """Return a list as the rows of a file."""
    given = [one.given for one in rows]
    columns = tuple(name for name in IDENTIFIERS if any(name in row for row in given))
    lines = [
        Line(tuple(row.get(name, "") for name in columns), one.prospect)
        for row, one in zip(given, rows, strict=True)
    ]
    return Sheet(columns, lines)


class BatchQuery(Query):
    """Which rows of a batch."""

    offset: int = Field(0, ge=0, le=MOST_ROWS)
    limit: int = Field(100, ge=0, le=500)
