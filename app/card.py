"""What a card looks like: data for every surface, no layout.

A field nobody knew is absent: dump with `model_dump(mode="json", exclude_none=True)`. The lists of
the card itself are always there, if only empty.
"""

from datetime import datetime

from pydantic import BaseModel, ConfigDict

from app.rules import Kind


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True)


class Email(_Part):
    """A mailbox; `status` is the source's word on whether it takes mail."""

    address: str
    status: str | None = None


class Phone(_Part):
    """A number, E.164 where the source knew the country."""

    number: str
    type: str | None = None


class Person(_Part):
    """The prospect."""

    full_name: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    title: str | None = None
    seniority: str | None = None
    department: str | None = None
    email: Email | None = None
    phones: tuple[Phone, ...] | None = None
    linkedin_url: str | None = None
    location: str | None = None


class Funding(_Part):
    """Money raised: `total` in US dollars, `last_round_at` as YYYY-MM-DD or YYYY-MM."""

    stage: str | None = None
    total: int | None = None
    last_round_at: str | None = None


class Social(_Part):
    """An account of the company on a network."""

    network: str
    url: str


class CompanyStatus(_Part):
    """That a company is closed, renamed or the like, and what came after it."""

    status: str
    successor: str | None = None


class Company(_Part):
    """The prospect's company."""

    name: str | None = None
    legal_name: str | None = None
    domain: str | None = None
    description: str | None = None
    industry: str | None = None
    employee_count: int | None = None
    employee_range: str | None = None
    founded_year: int | None = None
    revenue_range: str | None = None
    location: str | None = None
    funding: Funding | None = None
    technologies: tuple[str, ...] | None = None
    linkedin_url: str | None = None
    phones: tuple[str, ...] | None = None
    emails: tuple[str, ...] | None = None
    addresses: tuple[str, ...] | None = None
    socials: tuple[Social, ...] | None = None
    parent: str | None = None
    status: CompanyStatus | None = None


class DecisionMaker(_Part):
    """Somebody else at the company who may decide."""

    full_name: str
    title: str | None = None
    seniority: str | None = None
    email: str | None = None
    linkedin_url: str | None = None


class Signal(_Part):
    """Something that happened; `seen_at` is its date, or else the day a source told us (ISO)."""

    kind: str
    headline: str
    url: str | None = None
    seen_at: str


class TalkingPoint(_Part):
    """Something to say, ask or avoid, and the ids of the facts it rests on."""

    kind: Kind
    text: str
    fact_ids: tuple[str, ...]


class Candidate(_Part):
    """Somebody who could be meant."""

    full_name: str
    title: str | None = None
    company: str | None = None
    linkedin_url: str | None = None


class Change(_Part):
    """What a refresh changed: without `before` it is new, without `after` it is no longer known."""

    field: str
    before: str | int | float | None = None
    after: str | int | float | None = None

    def __str__(self) -> str:
        """Return the change as a rep would read it.

        >>> str(Change(field="person.title", before="Director", after="VP"))
        'title: VP, was Director'
        """
        name = self.field.removeprefix("person.").replace("_", " ").replace(".", " ")
        if self.after is None:
            return f"{name}: no longer known, was {self.before}"
        return f"{name}: {self.after}{'' if self.before is None else f', was {self.before}'}"


class Card(_Part):
    """The battlecard.

    `confidence` (0..1) is by field, `inferred` names the fields that are a guess and `conflicts`
    those that sources disagree about. `as_of` is when the newest fact was seen.
    """

    summary: str = ""
    person: Person | None = None
    company: Company | None = None
    decision_makers: tuple[DecisionMaker, ...] = ()
    signals: tuple[Signal, ...] = ()
    talking_points: tuple[TalkingPoint, ...] = ()
    candidates: tuple[Candidate, ...] = ()
    changes: tuple[Change, ...] = ()
    gaps: tuple[str, ...] = ()
    confidence: dict[str, float] = {}
    inferred: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()
    as_of: datetime | None = None
