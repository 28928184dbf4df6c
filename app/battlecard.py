"""Composing the card: what is known of a prospect, what to say, and what nobody knew.

Text of strangers is cleaned and cut to size here, and a link is one only if it is http(s).
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from urllib.parse import urlsplit

from app import lenient
from app.brief import dated, happened, part
from app.card import Candidate as Candidate
from app.card import Card as Card
from app.card import Change as Change
from app.card import Company as Company
from app.card import CompanyStatus, Email, Funding, Phone, Signal, Social, TalkingPoint
from app.card import DecisionMaker as DecisionMaker
from app.card import Person as Person
from app.changes import changed as changed
from app.facts import FIELDS, INSTEAD, Fact, Json
from app.merge import Item, Merged, merge
from app.namesakes import same_person
from app.positioning import Positioning
from app.prospect import Prospect
from app.standing import rank, works_in
from app.summary import summary
from app.talking_points import talking_points
from app.wording import moment, shorten

TITLE_CHARS = 200
DESCRIPTION_CHARS = 500
HEADLINE_CHARS = 300
TEXT_CHARS = 200  # everything else
URL_CHARS = 2048

MOST_PEOPLE = 12
MOST_SIGNALS = 20
MOST_LISTED = 50  # tools, phones and the like
FUNCTION_BONUS = 15  # in ranks: somebody our value points speak to goes before an equal

CORE = (
    "person.full_name",
    "person.title",
    "person.email",
    "person.phones",
    "person.linkedin_url",
    "person.location",
    "company.name",
    "company.domain",
    "company.description",
    "company.industry",
    "company.employee_count",
    "company.location",
    "company.founded_year",
    "company.revenue_range",
    "company.funding",
    "company.linkedin_url",
)
"""The fields whose absence a rep wants to hear of, in the order of a card."""


def compose(
    prospect: Prospect,
    facts: Sequence[Fact],
    wanted: frozenset[str],
    positioning: Positioning | None,
    now: datetime,
    changes: Sequence[Change] = (),
) -> Card:
    """Put the facts on a card. `wanted` are the fields asked for: what of them is missing is a gap.

    The facts need their ids, for talking points name them. Where only a company is meant, nothing
    is said about a person.
    """
    return lay_out(prospect, merge(about(prospect, facts)), wanted, positioning, now, changes)


def about(prospect: Prospect, facts: Iterable[Fact]) -> list[Fact]:
    """Return the facts that belong on a card: where only a company is meant, none of a person."""
    return [fact for fact in facts if prospect.is_person or not fact.field.startswith("person.")]


def lay_out(
    prospect: Prospect,
    merged: Merged,
    wanted: frozenset[str],
    positioning: Positioning | None,
    now: datetime,
    changes: Sequence[Change] = (),
) -> Card:
    """Do what `compose` does, with facts that are merged already."""
    person, company = _person(merged), _company(merged)
    points = talking_points(merged, positioning, now)
    single = list(_single(merged))
    return Card(
        summary=summary(prospect, merged, wanted),
        person=person,
        company=company,
        decision_makers=_decision_makers(prospect, merged, positioning),
        signals=_signals(merged),
        talking_points=tuple(
            TalkingPoint(kind=point.kind, text=point.text, fact_ids=point.fact_ids)
            for point in points
        ),
        candidates=_candidates(merged),
        changes=tuple(changes),
        gaps=tuple(_gaps(prospect, wanted, person, company)),
        confidence={name: round(item.confidence, 2) for name, item in single},
        inferred=tuple(name for name, item in single if item.is_inferred),
        conflicts=tuple(conflict.field for conflict in merged.conflicts),
        as_of=merged.newest or now,
    )


# --- the prospect --------------------------------------------------------------------------


def _person(merged: Merged) -> Person | None:
    person = Person(
        full_name=_text(merged, "person.full_name"),
        first_name=_text(merged, "person.first_name"),
        last_name=_text(merged, "person.last_name"),
        title=_text(merged, "person.title", TITLE_CHARS),
        seniority=_text(merged, "person.seniority"),
        department=_text(merged, "person.department"),
        email=_email(merged.value("person.email")),
        phones=tuple(_phones(merged)) or None,
        linkedin_url=link(merged.value("person.linkedin_url")),
        location=_text(merged, "person.location"),
    )
    return person if person != Person() else None


def _text(merged: Merged, name: str, most: int = TEXT_CHARS) -> str | None:
    return line(merged.value(name), most)


def line(value: object, most: int = TEXT_CHARS) -> str | None:
    """Return a text or number as a text of at most `most` characters, None for anything else."""
    text = lenient.text(value)
    return shorten(text, most) if text else None


def link(value: object) -> str | None:
    """Return an http(s) address, `https://` added to a bare host; None for anything else.

    >>> link("linkedin.com/in/sarah-chen"), link("javascript:alert(1)")
    ('https://linkedin.com/in/sarah-chen', None)
    """
    text = lenient.text(value) or ""
    if re.match(r"[\w-]+(\.[\w-]+)+(/|$)", text):
        text = f"https://{text}"
    is_safe = re.fullmatch(r"https?://[^\s\"'<>\\`]+", text, re.IGNORECASE) is not None
    return text if is_safe and len(text) <= URL_CHARS and _host(text) else None


def _host(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None


def _email(value: Json) -> Email | None:
    parts = value if isinstance(value, dict) else {"address": value}
    address = lenient.address(parts.get("address"))
    return Email(address=address, status=line(parts.get("status"))) if address else None


def _phones(merged: Merged) -> Iterator[Phone]:
    for item in merged.items("person.phones")[:MOST_LISTED]:
        parts = item.value if isinstance(item.value, dict) else {"number": item.value}
        if number := line(parts.get("number")):
            yield Phone(number=number, type=line(parts.get("type")))


def _candidates(merged: Merged) -> tuple[Candidate, ...]:
    return tuple(
        Candidate(
            full_name=name,
            title=line(part(item, "title")),
            company=line(part(item, "company")),
            linkedin_url=link(part(item, "linkedin_url")),
        )
        for item in merged.items("person.candidates")[:MOST_PEOPLE]
        if (name := line(part(item, "full_name")))
    )


# --- the company ---------------------------------------------------------------------------


def _company(merged: Merged) -> Company | None:
    company = Company(
        name=_text(merged, "company.name"),
        legal_name=_text(merged, "company.legal_name"),
        domain=_text(merged, "company.domain"),
        description=_text(merged, "company.description", DESCRIPTION_CHARS),
        industry=_text(merged, "company.industry"),
        employee_count=lenient.whole(merged.value("company.employee_count")),
        employee_range=_text(merged, "company.employee_range"),
        founded_year=lenient.year(merged.value("company.founded_year")),
        revenue_range=_text(merged, "company.revenue_range"),
        location=_text(merged, "company.location"),
        funding=_funding(merged.value("company.funding")),
        technologies=_lines(merged, "company.technologies"),
        linkedin_url=link(merged.value("company.linkedin_url")),
        phones=_lines(merged, "company.phones"),
        emails=_lines(merged, "company.emails"),
        addresses=_lines(merged, "company.addresses"),
        socials=tuple(_socials(merged)) or None,
        parent=_text(merged, "company.parent"),
        status=_status(merged.item("company.status")),
    )
    return company if company != Company() else None


def _lines(merged: Merged, name: str) -> tuple[str, ...] | None:
    items = merged.items(name)[:MOST_LISTED]
    return tuple(text for item in items if (text := line(item.value))) or None


def _funding(value: Json) -> Funding | None:
    parts = value if isinstance(value, dict) else {}
    total = lenient.number(parts.get("total"))
    funding = Funding(
        stage=line(parts.get("stage")),
        total=round(total) if total else None,
        last_round_at=_day(parts.get("last_round_at")),
    )
    return funding if funding != Funding() else None


def _day(value: Json) -> str | None:
    day = lenient.day(value)
    return day if moment(day) else None


def _socials(merged: Merged) -> Iterator[Social]:
    for item in merged.items("company.socials")[:MOST_LISTED]:
        network, url = line(part(item, "network")), link(part(item, "url"))
        if network and url:
            yield Social(network=network, url=url)


def _status(item: Item | None) -> CompanyStatus | None:
    status = line(part(item, "status")) if item else None
    if item is None or status is None:
        return None
    return CompanyStatus(status=status, successor=line(part(item, "successor")))


# --- others and events ---------------------------------------------------------------------


def _decision_makers(
    prospect: Prospect, merged: Merged, positioning: Positioning | None
) -> tuple[DecisionMaker, ...]:
    """Return the people beside the prospect, the most senior and fitting first."""
    functions = [
        word for p in (positioning.value_points if positioning else ()) for word in p.when.functions
    ]
    people = [
        (-_weight(item, functions), -item.confidence, person.full_name, person)
        for item in merged.items("decision_makers")
        if (person := _decision_maker(item)) and not _is_prospect(person, prospect, merged)
    ]
    return tuple(person for *_, person in sorted(people, key=lambda one: one[:3])[:MOST_PEOPLE])


def _decision_maker(item: Item) -> DecisionMaker | None:
    parts = item.value if isinstance(item.value, dict) else {}
    name = line(parts.get("full_name"))
    email = _email(parts.get("email"))
    if not name:
        return None
    return DecisionMaker(
        full_name=name,
        title=line(parts.get("title"), TITLE_CHARS),
        seniority=line(parts.get("seniority")),
        email=email.address if email else None,
        linkedin_url=link(parts.get("linkedin_url")),
    )


def _weight(item: Item, functions: Iterable[str]) -> int:
    title = part(item, "title")
    fits = any(works_in(function, title) for function in functions)
    return rank(title, part(item, "seniority")) + (FUNCTION_BONUS if fits else 0)


def _is_prospect(person: DecisionMaker, prospect: Prospect, merged: Merged) -> bool:
    name = merged.value("person.full_name")
    if isinstance(name, str) and same_person(name, person.full_name):
        return True
    return person.email is not None and person.email == (prospect.known.email or "").lower()


def _signals(merged: Merged) -> tuple[Signal, ...]:
    items = sorted(merged.items("signals"), key=happened, reverse=True)
    found = [
        Signal(
            kind=line(part(item, "kind")) or "news",
            headline=headline,
            url=link(part(item, "url")) or link(item.url),
            seen_at=part(item, "seen_at") if dated(item) else item.seen_at.isoformat(),
        )
        for item in items
        if (headline := line(part(item, "headline"), HEADLINE_CHARS))
    ]
    return tuple(found[:MOST_SIGNALS])


# --- what is known and how well ------------------------------------------------------------


def _gaps(
    prospect: Prospect, wanted: frozenset[str], person: Person | None, company: Company | None
) -> Iterator[str]:
    """Yield the core fields that were wanted and that the card does not show."""
    shown = {"person": person, "company": company}
    for name in filter(wanted.__contains__, CORE):
        section, _, leaf = name.partition(".")
        names = {leaf, INSTEAD.get(name, name).rpartition(".")[2]}
        about_nobody = section == "person" and not prospect.is_person
        known = any(getattr(shown[section], one, None) is not None for one in names)
        if not known and not about_nobody:
            yield name


def _single(merged: Merged) -> Iterator[tuple[str, Item]]:
    """Yield the fields of one value that are known, by name."""
    for name in sorted(merged.ranked):
        item = merged.item(name)
        if item and name in FIELDS and not FIELDS[name].many:
            yield name, item
