"""What is known of the person, the company and others there, as labelled values and lines."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from app.card import Candidate, Card, Company, DecisionMaker, Person, Signal
from app.wording import dollars, moment, month
from integrations.slack.size import Size
from integrations.slack.text import escaped, link

Note = Callable[[str], str]
"""Field -> what is said behind its value."""

SAID: Mapping[str, str] = {
    "full_name": "name",
    "linkedin_url": "LinkedIn",
    "email": "e-mail",
    "phones": "phone",
    "employee_count": "size",
    "employee_range": "size",
    "technologies": "tools",
}
"""The last word of a field's name -> how a rep says it, where that is another word."""

SOME = 4  # phones, tools and the like of one value
GAPS = 300  # characters of everything that nobody knew
MOST_GAPS = 60


@dataclass(frozen=True, slots=True)
class Row:
    """One labelled value, ready for mrkdwn; `field` is its name among the facts."""

    label: str
    field: str
    value: str


def pairs(rows: Iterable[Row], note: Note) -> list[tuple[str, str]]:
    """Return what is known, each value with its note; what nobody knew is left out."""
    return [(row.label, row.value + note(row.field)) for row in rows if row.value]


def person(one: Person | None, size: Size) -> list[Row]:
    """Return a person's rows, what a rep needs first at the top."""
    if one is None:
        return []
    mail = _noted(one.email.address, one.email.status) if one.email else None
    phones = [_noted(phone.number, phone.type) for phone in one.phones or ()]
    return [
        Row("E-mail", "person.email", _text(mail, size)),
        Row("Phone", "person.phones", _some(phones, size)),
        Row("Location", "person.location", _text(one.location, size)),
        Row("Profile", "person.linkedin_url", _page(one.linkedin_url, "LinkedIn", size)),
        Row("Department", "person.department", _text(one.department, size)),
        Row("Seniority", "person.seniority", _text(_words(one.seniority), size)),
    ]


def company(one: Company | None, size: Size) -> list[Row]:
    """Return a company's rows; that it closed or was renamed comes before everything else."""
    if one is None:
        return []
    return [
        Row("Status", "company.status", _text(_status(one), size)),
        Row("Size", "company.employee_count", _text(people(one), size)),
        Row("Industry", "company.industry", _text(one.industry, size)),
        Row("Funding", "company.funding", _text(_funding(one), size)),
        Row("Uses", "company.technologies", _some(one.technologies, size)),
        Row("Site", "company.domain", _page(_site(one), one.domain or "", size)),
        Row("HQ", "company.location", _text(one.location, size)),
        Row("Revenue", "company.revenue_range", _text(one.revenue_range, size)),
        Row("Founded", "company.founded_year", _text(one.founded_year, size)),
        Row("Company page", "company.linkedin_url", _page(one.linkedin_url, "LinkedIn", size)),
        Row("Company phone", "company.phones", _some(one.phones, size)),
        Row("Company e-mail", "company.emails", _some(one.emails, size)),
        Row("Legal name", "company.legal_name", _text(one.legal_name, size)),
        Row("Belongs to", "company.parent", _text(one.parent, size)),
        Row("Address", "company.addresses", _some(one.addresses, size)),
    ]


def people(one: Company) -> str | None:
    """Return how many work there, as exactly as it is known."""
    return f"{one.employee_count:,} people" if one.employee_count else one.employee_range


def headline(card: Card) -> str:
    """Return who the card is about, as `Sarah Chen · VP of Sales at Acme Corp`; may be empty."""
    employer = card.company and (card.company.name or card.company.domain)
    name = card.person and card.person.full_name
    if not name:
        return employer or ""
    post = " at ".join(part for part in (card.person and card.person.title, employer) if part)
    return f"{name} · {post}" if post else name


def in_one_line(one: Company | None, size: Size) -> str:
    """Return what a company does, how large it is and where."""
    if one is None:
        return ""
    does = escaped((one.description or one.industry or "").rstrip(". "), size.point)
    parts = (does, _text(people(one), size), _text(one.location, size))
    return " · ".join(part for part in parts if part)


def maker(one: DecisionMaker, size: Size) -> str:
    """Return a line about somebody who may decide, for a glance."""
    return _listed(link(one.linkedin_url, one.full_name, size.url), one.title, size=size)


def reachable_maker(one: DecisionMaker, size: Size) -> str:
    """Return a line about somebody who may decide, with their address."""
    return _listed(link(one.linkedin_url, one.full_name, size.url), one.title, one.email, size=size)


def candidate(one: Candidate, size: Size) -> str:
    """Return a line about somebody who could be meant."""
    name = link(one.linkedin_url, one.full_name, size.url)
    return _listed(name, one.title, one.company, size=size)


def signal(one: Signal, size: Size) -> str:
    """Return a line about something that happened."""
    page = link(one.url, _words(one.kind), size.url)
    return f"• {escaped(one.headline, size.point)}  ({page}, {escaped(one.seen_at[:10], 10)})"


def gaps(names: Sequence[str]) -> str:
    """Return what nobody knew, as a rep would say it.

    >>> gaps(["person.title", "person.phones", "company.name", "signals"])
    'title, phone (person); name (company); signals'
    """
    groups: dict[str, dict[str, None]] = {}
    for name in names[:MOST_GAPS]:
        section, _, field = name.partition(".")
        words = groups.setdefault(_words(section), {})
        words |= {SAID.get(field, _words(field)): None} if field else {}
    told = [f"{', '.join(words)} ({name})" if words else name for name, words in groups.items()]
    return escaped("; ".join(told), GAPS)


def _listed(name: str, *parts: str | None, size: Size) -> str:
    rest = [_text(part, size) for part in parts if part]
    return f"• {', '.join([name, *rest])}"


def _text(value: object, size: Size) -> str:
    return escaped(value, size.value) if value else ""


def _page(url: str | None, label: str, size: Size) -> str:
    return link(url, label, size.url) if url else ""


def _site(one: Company) -> str | None:
    return f"https://{one.domain}" if one.domain else None


def _words(name: str | None) -> str:
    return (name or "").replace("_", " ")


def _noted(text: str, note: str | None) -> str:
    return f"{text} ({note})" if note else text


def _some(values: Sequence[str] | None, size: Size) -> str:
    """Return the first few of a list, and how many there are beside them."""
    told, left = (values or ())[:SOME], len(values or ()) - SOME
    return _text(", ".join([*told, f"{left} more"] if left > 0 else told), size)


def _funding(one: Company) -> str:
    if one.funding is None:
        return ""
    total = one.funding.total and f"{dollars(one.funding.total)} in total"
    round_at = moment(one.funding.last_round_at)
    last = round_at and f"last round {month(round_at)}"
    return ", ".join(part for part in (one.funding.stage, total, last) if part)


def _status(one: Company) -> str:
    if one.status is None:
        return ""
    after = one.status.successor
    return f"{one.status.status}, now {after}" if after else one.status.status
