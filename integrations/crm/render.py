"""A card as a note on a record's timeline: simple HTML, and the same as plain text. Pure.

Everything from outside is cleaned, shortened and escaped: a CRM shows what it is given.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from html import escape

from pydantic import ValidationError

from app.card import Card, Company, Person
from app.crm import Note
from app.crm_plan import Standing
from app.facts import Fact
from app.job import Status
from app.views import JobView
from app.wording import clean, shorten

LONGEST = 500  # characters of one value
MOST = 12  # lines of one part
MANUAL = "needs_manual_enrichment"

KINDS = {"opener": "Open with", "point": "Say", "question": "Ask", "avoid": "Avoid"}


@dataclass(frozen=True, slots=True)
class Part:
    """A heading and its lines, not yet escaped."""

    title: str
    lines: tuple[str, ...]


def mark(job_id: str) -> str:
    """Return the word by which the note of a job is found again."""
    return f"warmcall-{job_id}"


def note(view: JobView, url: str, at: datetime, *, may_be_there: bool = False) -> Note:
    """Return a job's card as a note; `url` is where the whole card is."""
    card = read(view)
    parts = [part for part in _parts(view, card) if part.lines]
    foot = f"Whole card: {url}", f"Ref: {mark(view.id)}"
    html = "".join(
        f"<p><strong>{escape(part.title)}</strong></p>"
        f"<ul>{''.join(f'<li>{escape(line)}</li>' for line in part.lines)}</ul>"
        for part in parts
    )
    html += "".join(f"<p>{escape(line)}</p>" for line in foot)
    text = "\n\n".join("\n".join([part.title, *part.lines]) for part in parts)
    text = "\n\n".join([text, *foot]) if text else "\n\n".join(foot)
    return Note(mark(view.id), html, text, at, may_be_there)


def standing(view: JobView, url: str, at: datetime) -> Standing:
    """Return what our own properties say of a job."""
    shown = winners(view)
    sure = [fact.confidence for fact in shown if not fact.inferred]
    return Standing(
        status=MANUAL if view.needs_manual_enrichment else str(view.status.value),
        at=view.finished_at or at,
        confidence=sum(sure) / len(sure) if sure else None,
        battlecard_url=url,
        summary=_line(read(view).summary),
        sources=sources(view),
    )


def winners(view: JobView) -> list[Fact]:
    """Return the facts that the card shows."""
    return [fact for fact in view.facts if fact.id in view.winners]


def sources(view: JobView) -> list[str]:
    """Return who told what the card shows; a guess has no source."""
    return sorted({fact.source for fact in winners(view) if not fact.inferred})


def is_empty(view: JobView) -> bool:
    """Tell whether there is nothing that a note could show."""
    return view.status not in {Status.complete, Status.partial} and not sources(view)


def read(view: JobView) -> Card:
    """Read the card; a part in a shape that it should not have is left out."""
    try:
        return Card.model_validate(view.card)
    except ValidationError as exc:
        bad = {error["loc"][0] for error in exc.errors()}
        return Card.model_validate({k: part for k, part in view.card.items() if k not in bad})


def _parts(view: JobView, card: Card) -> Iterator[Part]:
    yield Part("Warmcall", _lines([card.summary]))
    yield Part("Talking points", _lines(_points(card)))
    yield Part("Person", _lines(_person(card.person)) if card.person else ())
    yield Part("Company", _lines(_company(card.company)) if card.company else ())
    yield Part("Signals", _lines(f"{one.headline} ({one.seen_at[:10]})" for one in card.signals))
    yield Part("Unknown", _lines([", ".join(card.gaps)]))
    yield Part("Sources", _lines([", ".join(sources(view))]))


def _points(card: Card) -> Iterator[str]:
    for point in card.talking_points:
        yield f"{KINDS.get(str(point.kind), 'Say')}: {point.text}"


def _person(person: Person) -> Iterator[str]:
    yield ", ".join(filter(None, (person.full_name, person.title)))
    yield ", ".join(filter(None, (person.seniority, person.department)))
    yield person.location or ""
    for phone in person.phones or ():
        yield phone.number
    yield person.linkedin_url or ""


def _company(company: Company) -> Iterator[str]:
    yield ", ".join(filter(None, (company.name, company.industry)))
    yield company.description or ""
    size = company.employee_count or company.employee_range
    yield f"{size} employees" if size else ""
    yield company.location or ""
    funding = company.funding
    yield f"Funding: {funding.stage}" if funding and funding.stage else ""
    yield f"Uses {', '.join(company.technologies)}" if company.technologies else ""


def _lines(texts: Iterator[str] | list[str]) -> tuple[str, ...]:
    cleaned = (_line(text) for text in texts)
    return tuple(line for line in cleaned if line)[:MOST]


def _line(text: str) -> str:
    return shorten(clean(text), LONGEST)
