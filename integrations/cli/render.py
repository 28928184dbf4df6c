"""A card as a rep would read it aloud: blocks of short lines, for a terminal and as Markdown.

What comes from outside is cleaned first: no control character reaches the terminal and no markup
reaches the Markdown.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from urllib.parse import quote

from rich.console import Console, Group, RenderableType
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from app.battlecard import Card, Company, Person
from app.facts import Fact
from app.job import LIVE, Status
from app.views import JobView
from app.wording import ago, clean, dollars


class Layout(StrEnum):
    """How a card is printed."""

    text = "text"
    markdown = "markdown"
    json = "json"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a card: what is said, and behind it where that is from."""

    text: str
    label: str = ""
    note: str = ""
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Block:
    """A titled group of lines."""

    title: str
    lines: Sequence[Line]


TALK = {"opener": "Open with", "point": "Talking points", "question": "Ask", "avoid": "Avoid"}
"""Kind of talking point -> title, in the order of a call."""

SOME = 4
"""So many phones, addresses and the like of a company are printed; JSON has them all."""

ENDS: Mapping[Status, str] = {
    Status.queued: "Still waiting for a worker; this is what is known so far.",
    Status.in_progress: "Still being looked up; this is what is known so far.",
    Status.partial: "Some providers did not answer; this is what the others know.",
    Status.ambiguous: "Several people fit. Ask again with one of these LinkedIn URLs or addresses.",
    Status.not_found: "Nobody who was asked knows this prospect.",
    Status.provider_error: "Nothing was found, and some providers did not answer. Try again later.",
    Status.suppressed: "This prospect is on a do-not-enrich list.",
    Status.budget_exhausted: "The credits allowed were spent before anything was found.",
    Status.cancelled: "This job was cancelled.",
}
"""What to say beside the card when a job is not simply complete."""

FOUND = frozenset({Status.complete, Status.partial, Status.ambiguous})

SERVED = {
    "providers": "asked just now",
    "fresh_cache": "from the cache",
    "stale_cache": "from the cache, a refresh is on its way",
}

_MARKUP = re.compile(r"([\\`*_\[\]<>~|#&])")


# --- what is said --------------------------------------------------------------------------


def blocks(view: JobView, now: datetime) -> list[Block]:
    """Return the card of a job as blocks; a part nobody knew anything of is left out."""
    card = Card.model_validate(view.card)
    shown = {fact.id: fact for fact in view.facts if fact.id in view.winners}
    told = [
        Block(_headline(card, view), [*_contact(card.person), *_state(view), *_summary(card)]),
        Block("Who is meant?", list(_candidates(card))),
        *_talk(card, {fact.id: fact for fact in view.facts}, now),
        Block("Company", list(_company(card.company, _by_field(shown.values()), now))),
        Block("Decision makers", list(_decision_makers(card))),
        Block("Signals", list(_signals(card))),
        Block("Changed since last time", [Line(str(change)) for change in card.changes]),
        Block("Not known", _gaps(card)),
        Block("Sources", list(_sources(_counted(shown.values(), card), now))),
    ]
    return told[:1] + [_gathered(block) for block in told[1:] if block.lines]


def _gathered(block: Block) -> Block:
    """Say a note once, in the title, when all lines of a block share it."""
    notes = {line.note for line in block.lines}
    if len(block.lines) < 2 or len(notes) > 1 or "" in notes:
        return block
    lines = [replace(line, note="") for line in block.lines]
    return Block(f"{block.title} ({notes.pop()})", lines)


def _headline(card: Card, view: JobView) -> str:
    person, company = card.person, card.company
    name = person and person.full_name
    employer = company and (company.name or company.domain)
    if not name:
        return employer or str(view.prospect)
    post = " at ".join(part for part in (person and person.title, employer) if part)
    return f"{name}, {post}" if post else name


def _contact(person: Person | None) -> Iterator[Line]:
    if person is None:
        return
    mail = person.email and _noted(person.email.address, person.email.status)
    phones = [_noted(phone.number, phone.type) for phone in person.phones or ()]
    if reached := " · ".join(part for part in (mail, *phones, person.location) if part):
        yield Line(reached)
    if person.linkedin_url:
        yield Line(person.linkedin_url, url=person.linkedin_url)


def _noted(text: str, note: str | None) -> str:
    return f"{text} ({_words(note)})" if note else text


def _words(name: str) -> str:
    return name.replace("_", " ")


def _state(view: JobView) -> Iterator[Line]:
    if view.error and view.error.code != view.status.value:
        yield Line(view.error.message)
    elif view.status in ENDS:
        yield Line(ENDS[view.status])
    if deaf := dict.fromkeys(f"{a.provider} ({_words(a.outcome)})" for a in view.unheard):
        yield Line(f"Not heard: {', '.join(deaf)}.")
    if view.status in LIVE:
        yield Line(f"It goes on as job {view.id} while a worker runs (`warmcall up`).")


def _summary(card: Card) -> Iterator[Line]:
    if card.summary:
        yield Line(card.summary)
    if card.inferred:
        yield Line(f"Only a guess: {_fields(card.inferred)}.")
    if card.conflicts:
        yield Line(f"Sources disagree about: {_fields(card.conflicts)}.")


def _fields(names: Iterable[str]) -> str:
    """Return field names as a rep would say them, each word once."""
    words = (_words(name.removeprefix("person.").replace(".", " ")) for name in names)
    return ", ".join(dict.fromkeys(words))


def _candidates(card: Card) -> Iterator[Line]:
    for one in card.candidates:
        said = ", ".join(part for part in (one.full_name, one.title, one.company) if part)
        yield Line(said, url=one.linkedin_url)


def _talk(card: Card, facts: Mapping[str, Fact], now: datetime) -> Iterator[Block]:
    for kind, title in TALK.items():
        lines = [
            Line(point.text, note=_origins([facts[i] for i in point.fact_ids if i in facts], now))
            for point in card.talking_points
            if point.kind == kind
        ]
        yield Block(title, lines)


def _origins(facts: Sequence[Fact], now: datetime) -> str:
    return "; ".join(dict.fromkeys(f"{fact.source}, {ago(fact.seen_at, now)}" for fact in facts))


def _by_field(facts: Iterable[Fact]) -> dict[str, Fact]:
    return {fact.field: fact for fact in facts}


def _company(company: Company | None, facts: Mapping[str, Fact], now: datetime) -> Iterator[Line]:
    if company is None:
        return
    for field, (label, text) in _company_words(company).items():
        if text:
            fact = facts.get(f"company.{field}")
            guess = " (a guess)" if fact and fact.inferred else ""
            yield Line(text + guess, label=label, note=_origins([fact], now) if fact else "")


def _company_words(company: Company) -> dict[str, tuple[str, str | None]]:
    count = company.employee_count
    return {
        "name": ("Name", company.legal_name or company.name),
        "domain": ("Domain", company.domain),
        "status": ("Status", _status(company)),
        "description": ("What they do", company.description),
        "industry": ("Industry", company.industry),
        "employee_count": ("People", f"{count:,}" if count else company.employee_range),
        "founded_year": ("Founded", str(company.founded_year) if company.founded_year else None),
        "location": ("Based in", company.location),
        "revenue_range": ("Revenue", company.revenue_range),
        "funding": ("Funding", _funding(company)),
        "technologies": ("Uses", ", ".join(company.technologies or ())),
        "parent": ("Belongs to", company.parent),
        "phones": ("Phone", _some(company.phones, ", ")),
        "emails": ("E-mail", _some(company.emails, ", ")),
        "addresses": ("Address", _some(company.addresses, "; ")),
        "linkedin_url": ("LinkedIn", company.linkedin_url),
        "socials": ("Elsewhere", " ".join(_other_profiles(company))),
    }


def _some(values: Sequence[str] | None, between: str) -> str:
    """Return the first few of a list, and how many there are beside them."""
    shown, left = (values or ())[:SOME], len(values or ()) - SOME
    return between.join([*shown, f"{left} more"] if left > 0 else shown)


def _other_profiles(company: Company) -> Iterator[str]:
    return (one.url for one in company.socials or () if one.url != company.linkedin_url)


def _funding(company: Company) -> str | None:
    funding = company.funding
    if funding is None:
        return None
    total = funding.total and f"{dollars(funding.total)} in total"
    last = funding.last_round_at and f"last round {funding.last_round_at}"
    return ", ".join(str(part) for part in (funding.stage, total, last) if part)


def _status(company: Company) -> str | None:
    if company.status is None:
        return None
    successor = company.status.successor
    return f"{company.status.status}, now {successor}" if successor else company.status.status


def _decision_makers(card: Card) -> Iterator[Line]:
    for one in card.decision_makers:
        said = ", ".join(part for part in (one.full_name, one.title, one.email) if part)
        yield Line(said, url=one.linkedin_url)


def _signals(card: Card) -> Iterator[Line]:
    for one in card.signals:
        note = f"{_words(one.kind)}, {one.seen_at[:10]}"
        yield Line(one.headline, note=note, url=one.url)


def _gaps(card: Card) -> list[Line]:
    return [Line(_fields(card.gaps))] if card.gaps else []


def _counted(facts: Iterable[Fact], card: Card) -> list[Fact]:
    """Leave out guesses at what somebody has stated."""
    return [fact for fact in facts if not fact.inferred or fact.field in card.inferred]


def _sources(facts: Iterable[Fact], now: datetime) -> Iterator[Line]:
    by_source: dict[str, list[Fact]] = {}
    for fact in facts:
        by_source.setdefault(fact.source, []).append(fact)
    for source, told in sorted(by_source.items()):
        yield Line(_trust(told, now), label=source)
        for url in sorted({fact.source_url for fact in told if fact.source_url}):
            yield Line(url, url=url)


def _trust(facts: Sequence[Fact], now: datetime) -> str:
    sure = sorted(round(fact.confidence * 100) for fact in facts)
    span = f"{sure[0]}-{sure[-1]}" if sure[0] != sure[-1] else f"{sure[0]}"
    number = f"{len(facts)} facts" if len(facts) > 1 else "1 fact"
    guesses = sum(fact.inferred for fact in facts)
    guessed = f", {guesses} of them guessed" if guesses else ""
    return f"{number}, {span} % sure, {ago(max(fact.seen_at for fact in facts), now)}{guessed}"


def footer(view: JobView) -> str:
    """Return the line for the operator: which job this was and what it cost."""
    served = SERVED.get(view.served_from, view.served_from)
    return f"Job {view.id}: {view.status.value}, {served}, {view.credits_spent:g} credits."


def exit_code(view: JobView) -> int:
    """Return 0 when something is known, 3 when nobody knew anything, 1 when it failed."""
    if view.status is Status.not_found:
        return 3
    known = not view.is_final and any(not fact.inferred for fact in view.facts)
    return 0 if known or view.status in FOUND else 1


# --- on a terminal -------------------------------------------------------------------------


def text(view: JobView, now: datetime, console: Console) -> str:
    """Return the card as this console shows it: as wide as it is, in colour if it has any."""
    with console.capture() as printed:
        console.print(_layout(view, now), highlight=False, markup=False, emoji=False)
    return "\n".join(line.rstrip() for line in printed.get().splitlines())


def _layout(view: JobView, now: datetime) -> RenderableType:
    parts: list[RenderableType] = []
    for block in blocks(view, now):
        parts += [Text(clean(block.title), style="bold"), _grid(block.lines), Text()]
    return Group(*parts, Text(footer(view), style="dim"))


def _grid(lines: Sequence[Line]) -> Table:
    """Lay lines out in two columns, so that a long text stays behind its label."""
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for line in lines:
        grid.add_row(f"  {clean(line.label)}".rstrip(), _said(line))
    return grid


def _said(line: Line) -> Text:
    said = Text(clean(line.text))
    if line.note:
        said.append(f"  ({clean(line.note)})", style="dim")
    if line.url and line.url != line.text:
        said.append(f"  {clean(line.url)}", style="dim")
    return said


def stages(view: JobView) -> RenderableType:
    """Return what is going on: each section and each provider that was asked so far."""
    rows = Table.grid(padding=(0, 2, 0, 0))
    for section, status in view.sections.items():
        asked = [
            f"{one.provider} {'remembered' if one.cached else one.outcome}"
            for one in view.attempts
            if one.section == section.value
        ]
        told = _words(status.value).removeprefix("enrichment ")
        rows.add_row(f"  {section.value}", told, Text(", ".join(asked), style="dim"))
    return Group(Spinner("dots", text=f"Looking up {clean(str(view.prospect))}"), rows)


# --- as Markdown ---------------------------------------------------------------------------


def markdown(view: JobView, now: datetime) -> str:
    """Return the card as Markdown, with links to the sources."""
    told = blocks(view, now)
    return "\n\n".join(
        [
            *(_markdown_block("##" if i else "#", block) for i, block in enumerate(told)),
            footer(view),
        ]
    )


def _markdown_block(level: str, block: Block) -> str:
    return "\n".join([f"{level} {_inert(block.title)}", "", *map(_markdown_line, block.lines)])


def _markdown_line(line: Line) -> str:
    label = f"**{_inert(line.label)}:** " if line.label else ""
    target = _target(line.url)
    said = f"[{_inert(line.text)}]({target})" if target else _inert(line.text)
    note = f" ({_inert(line.note)})" if line.note else ""
    return f"- {label}{said}{note}"


def _inert(text: str) -> str:
    return _MARKUP.sub(r"\\\1", clean(text))


def _target(url: str | None) -> str | None:
    """Return a web address that is safe between parentheses, None for any other scheme."""
    if not url or not url.startswith(("http://", "https://")):
        return None
    return quote(clean(url), safe="/:?#@!$&*+,;=%~._-")
