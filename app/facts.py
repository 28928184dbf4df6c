"""One fact: one field, one value, one source; and the list of fields a card can hold."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from hashlib import blake2b
from typing import TypeAlias

import orjson

Json: TypeAlias = "str | int | float | bool | list[Json] | dict[str, Json] | None"

INFERRED_CEILING = 0.55
"""No inferred value is ever more sure than this (issue A, point 6)."""


MOST_ITEMS = 200
"""Values of one list field that one source is believed."""


class Section(StrEnum):
    """The parts of a card that are asked for, cached and settled on their own."""

    person = "person"
    company = "company"
    decision_makers = "decision_makers"
    signals = "signals"


@dataclass(frozen=True, slots=True)
class Fact:
    """What one source says about one field.

    `value` is a string or number, or a small object where the card shows one (see FIELDS).
    `confidence` is 0..1 on our own scale; `raw_confidence` is the provider's word or number.
    `seen_at` is when the source told us (UTC). `verified` means checked by the source at the
    mailbox or register itself. `inferred` marks a guess: at most INFERRED_CEILING sure.
    `evidence` is a quote of at most 200 characters. `id` is given by the store.
    """

    field: str
    value: Json
    source: str
    confidence: float
    seen_at: datetime
    source_url: str | None = None
    verified: bool = False
    raw_confidence: str | None = None
    inferred: bool = False
    evidence: str | None = None
    id: str = ""


@dataclass(frozen=True, slots=True)
class Field:
    """How a field behaves: where it belongs, whether it lists many values, what makes two equal."""

    section: Section
    many: bool = False
    same_by: tuple[str, ...] = ()  # keys of an object value, the first present one identifies it


_P, _C = Section.person, Section.company

FIELDS: Mapping[str, Field] = {
    "person.full_name": Field(_P),
    "person.first_name": Field(_P),
    "person.last_name": Field(_P),
    "person.title": Field(_P),
    "person.seniority": Field(_P),
    "person.department": Field(_P),
    "person.email": Field(_P, same_by=("address",)),  # {address, status}
    "person.phones": Field(_P, many=True, same_by=("number",)),  # {number, type}
    "person.linkedin_url": Field(_P),
    "person.location": Field(_P),
    # {full_name, title?, company?, linkedin_url?}: somebody who could be meant
    "person.candidates": Field(_P, many=True, same_by=("linkedin_url", "full_name")),
    "company.name": Field(_C),
    "company.legal_name": Field(_C),
    "company.domain": Field(_C),
    "company.description": Field(_C),
    "company.industry": Field(_C),
    "company.employee_count": Field(_C),  # int
    "company.employee_range": Field(_C),  # "51-200"
    "company.founded_year": Field(_C),  # int
    "company.revenue_range": Field(_C),  # "$10M-$25M"
    "company.location": Field(_C),  # "Austin, Texas, United States"
    "company.funding": Field(_C),  # {stage?, total? (USD), last_round_at? (date)}
    "company.technologies": Field(_C, many=True),  # "HubSpot"
    "company.mail_host": Field(_C),  # "Google Workspace", or "receives no mail"
    "company.dmarc": Field(_C),  # "p=none", "p=quarantine", "p=reject" or "missing"
    "company.linkedin_url": Field(_C),
    "company.phones": Field(_C, many=True),  # E.164
    "company.emails": Field(_C, many=True),
    "company.socials": Field(_C, many=True, same_by=("network",)),  # {network, url}
    "company.addresses": Field(_C, many=True),
    "company.parent": Field(_C),
    "company.status": Field(_C, same_by=("status",)),  # {status: closed|renamed|..., successor?}
    # {full_name, title, seniority?, email?, linkedin_url?}
    "decision_makers": Field(Section.decision_makers, many=True, same_by=("full_name",)),
    # {kind, headline, url?, seen_at?}
    "signals": Field(Section.signals, many=True, same_by=("headline",)),
}


def fields_of(*sections: Section) -> frozenset[str]:
    """Return the names of all fields in these sections."""
    return frozenset(name for name, field in FIELDS.items() if field.section in sections)


def fields_named(section: Section, names: str) -> frozenset[str]:
    """Return the full names of some fields of a section, given in one line without its prefix.

    >>> sorted(fields_named(Section.person, "title email"))
    ['person.email', 'person.title']
    """
    return frozenset(f"{section.value}.{name}" for name in names.split())


def stated(
    values: Mapping[str, Json],
    *,
    source: str,
    seen_at: datetime,
    confidence: float,
    raw_confidence: str | None = None,
    source_url: str | None = None,
    verified: bool = False,
) -> tuple[Fact, ...]:
    """Turn what one source says at one moment into facts; what says nothing is left out.

    A list gives one fact per item, each value once, at most MOST_ITEMS; an object loses its empty
    parts.
    """
    facts: dict[str, Fact] = {}
    for name, value in values.items():
        for item in value[:MOST_ITEMS] if isinstance(value, list) else [value]:
            kept = _said(item)
            if kept is not None:
                facts[f"{name} {kept}"] = Fact(
                    name,
                    kept,
                    source,
                    confidence,
                    seen_at,
                    source_url,
                    verified,
                    raw_confidence,
                )
    return tuple(facts.values())


def _said(value: Json) -> Json:
    """Return a value without its empty parts, None when nothing is left."""
    if isinstance(value, dict):
        value = {key: part for key, part in value.items() if part not in (None, "")}
    return None if value in ("", {}, []) else value


CORE: Mapping[Section, frozenset[str]] = {
    Section.person: frozenset(
        {"person.full_name", "person.title", "person.linkedin_url", "person.email"}
    ),
    Section.company: frozenset(
        {
            "company.name",
            "company.domain",
            "company.description",
            "company.industry",
            "company.employee_count",
            "company.location",
            "company.technologies",
        }
    ),
    Section.decision_makers: frozenset({"decision_makers"}),
    Section.signals: frozenset({"signals"}),
}
"""What a caller wants who names no fields: providers are asked while one of these is missing."""

INSTEAD: Mapping[str, str] = {"company.employee_count": "company.employee_range"}
"""A field that is as good as another: it counts as known when this one is."""


def known_fields(facts: Iterable[Fact]) -> frozenset[str]:
    """Return the fields that something was found for; a guess is no finding."""
    found = {fact.field for fact in facts if not fact.inferred}
    return frozenset(found | {name for name, other in INSTEAD.items() if other in found})


def identified(facts: Iterable[Fact]) -> list[Fact]:
    """Give each fact its id and drop repetitions.

    The id is made of what the fact says and who says it, so a restarted job finds the same ids.
    """
    return distinct(map(_with_id, facts))


def distinct(facts: Iterable[Fact]) -> list[Fact]:
    """Drop repetitions among facts that have their ids."""
    return list({fact.id: fact for fact in facts}.values())


def _with_id(fact: Fact) -> Fact:
    said = [fact.field, fact.source, fact.source_url, fact.value]
    digest = blake2b(orjson.dumps(said, option=orjson.OPT_SORT_KEYS), digest_size=8)
    its_id = f"f_{digest.hexdigest()}"
    return fact if fact.id == its_id else replace(fact, id=its_id)
