"""The card of a job that has something to show, for a glance and in full.

On a phone the first three blocks are the first screen: who, what their company is and how fresh
that is, what to open with.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from app.card import Card, DecisionMaker, TalkingPoint
from app.job import Status
from app.rules import Kind
from app.views import JobView
from integrations.slack import buttons, details, ends
from integrations.slack.blocks import (
    Object,
    actions,
    context,
    feedback,
    fields,
    header,
    listing,
    section,
)
from integrations.slack.evidence import Evidence, percent
from integrations.slack.size import Size
from integrations.slack.text import date, escaped, link, web_url

POINTS = 3
"""So many points are shown at once; Full details has all."""

WARNINGS = 2
PERSON_FIELDS = 4
COMPANY_FIELDS = 6
CHANGES = 3
WHO = 200  # characters of who the card is about, in the fallback text
OPENER = 300  # characters of the opener there
OUR_URL = 600  # characters of the address of the card's page
CRM_URL = 1_000

SPOKEN = {
    Kind.opener: "Open with",
    Kind.point: "Talking points",
    Kind.question: "Ask",
    Kind.avoid: "Avoid",
}
"""Kind of point -> its title in the full details, in the order of a call."""


@dataclass(frozen=True, slots=True)
class Links:
    """Where a card leads: its page, and the record in the CRM where there is one.

    `can_save` says that there is something which could be written into the CRM.
    """

    card: str
    crm: str | None = None
    can_save: bool = False


@dataclass(frozen=True, slots=True)
class Known:
    """What a card is made of: the job, its card, where things are from, and how much is shown."""

    view: JobView
    card: Card
    now: datetime
    size: Size
    evidence: Evidence

    @staticmethod
    def of(view: JobView, card: Card, now: datetime, size: Size) -> "Known":
        """Bring together what one composition of a card needs."""
        return Known(view, card, now, size, Evidence(view, card, now, size))


def who(view: JobView, card: Card) -> str:
    """Return who the card is about, for a text that is not mrkdwn."""
    return details.headline(card) or str(view.prospect)


# --- at a glance ---------------------------------------------------------------------------


def card(known: Known, links: Links) -> list[Object]:
    """Return the card with everything that a rep can press."""
    page = link(links.card, "Card page", OUR_URL) if links.card else ""
    return [
        *glance(known),
        actions(_buttons(known.view, links)),
        *context(known.evidence.sources(), page),
        feedback(buttons.FEEDBACK, known.view.id),
    ]


def copy(known: Known) -> list[Object]:
    """Return the card for others to read: nothing to press, no links of ours."""
    return [*glance(known), *context(known.evidence.sources())]


def glance(known: Known) -> list[Object]:
    """Return what a rep reads in ten seconds."""
    view, shown, size, doubt = known.view, known.card, known.size, known.evidence.doubt
    person = details.pairs(details.person(shown.person, size), doubt)
    company = details.pairs(details.company(shown.company, size), doubt)
    is_told = view.status is Status.partial  # its gaps are named above the points
    return [
        header(who(view, shown)),
        *context(details.in_one_line(shown.company, size), _checked(shown)),
        *_openers(known),
        *fields(person[:PERSON_FIELDS]),
        *fields(company[:COMPANY_FIELDS]),
        *listing("Decision makers", _makers(known, details.maker)),
        *listing("Changed since last time", _changes(known, CHANGES)),
        *context("" if is_told else _gaps(view)),
    ]


def _checked(shown: Card) -> str:
    """Tell when the card's newest fact was seen, and how sure it is that this is who was meant."""
    sure = shown.confidence.get("person.full_name")
    checked = f"Checked {date(shown.as_of)}" if shown.as_of else ""
    match = f"match {percent(sure)}" if sure is not None else ""
    return " · ".join(part for part in (checked, match) if part)


def _openers(known: Known) -> list[Object]:
    """Return the opener and what follows it, below a line on what is not as it should be."""
    points = _chosen(known.card.talking_points)
    lines = [f"{number}. {_point(known, one)}" for number, one in enumerate(points, 1)]
    warned = [one for one in known.card.talking_points if one.kind is Kind.avoid]
    lines += [f":no_entry_sign: *Avoid:* {_point(known, one)}" for one in warned[:WARNINGS]]
    told = ["*Open with*", *lines] if lines else [escaped(known.card.summary, known.size.point)]
    paragraphs = ["\n".join(_notes(known)), "\n".join(told)]
    text = "\n\n".join(part for part in paragraphs if part)
    return [section(text)] if text else []


def _chosen(points: Sequence[TalkingPoint]) -> list[TalkingPoint]:
    """Return the opener and the points after it, one of them a question if there is any."""
    said = [one for one in points if one.kind is not Kind.avoid]
    said.sort(key=lambda one: one.kind is not Kind.opener)
    questions = [one for one in said[POINTS:] if one.kind is Kind.question]
    if questions and all(one.kind is not Kind.question for one in said[:POINTS]):
        return [*said[: POINTS - 1], questions[0]]
    return said[:POINTS]


def _point(known: Known, one: TalkingPoint) -> str:
    return escaped(one.text, known.size.point) + known.evidence.of_ids(one.fact_ids)


def _notes(known: Known) -> Iterator[str]:
    """Tell what is not as it should be: an old copy, sources that failed, nobody recognised."""
    view, shown = known.view, known.card
    if view.served_from == "stale_cache":
        comes = " A fresh look-up is running; this message updates itself."
        yield f":clock3: *Cached copy{_days(known)}.*{comes if view.refresh_job_id else ''}"
    if view.status is Status.partial:
        yield " ".join([":warning: *Partly filled.*", *_lacking(view)])
    if view.status is Status.cancelled:
        yield ":octagonal_sign: *Cancelled.* This is what was known by then."
    if view.prospect.is_person and not (shown.person and shown.person.full_name):
        yield f":bust_in_silhouette: *Company only.* Nobody knew who {ends.named(view)} is."


def _lacking(view: JobView) -> Iterator[str]:
    if deaf := ends.unheard(view):
        yield f"No answer from {deaf}."
    if view.missing:
        yield f"Missing: {details.gaps(view.missing)}."


def _days(known: Known) -> str:
    """Return how old the card is, as `, 12 days old`; nothing in its first day."""
    days = (known.now - known.card.as_of).days if known.card.as_of else 0
    return f", {days} day{'s' if days > 1 else ''} old" if days > 0 else ""


def _makers(known: Known, line: Callable[[DecisionMaker, Size], str]) -> list[str]:
    found, most = known.card.decision_makers, known.size.items
    lines = [line(one, known.size) for one in found[:most]]
    return [*lines, *_more(len(found) - most)]


def _changes(known: Known, most: int) -> list[str]:
    found = known.card.changes
    lines = [f"• {escaped(one, known.size.value)}" for one in found[:most]]
    return [*lines, *_more(len(found) - most)]


def _more(left: int) -> list[str]:
    return [f"… and {left} more"] if left > 0 else []


def _gaps(view: JobView) -> str:
    return f"Not known: {details.gaps(view.missing)}" if view.missing else ""


def _buttons(view: JobView, links: Links) -> Iterator[Object]:
    if links.crm and web_url(links.crm, CRM_URL):
        yield buttons.open_crm(links.crm)
    if links.can_save:
        yield buttons.save_crm(view.id)
    if view.status is Status.partial:
        yield buttons.retry("Retry missing sources", view.id)
    elif not view.refresh_job_id:
        yield buttons.refresh(view.id)
    yield buttons.share(view.id)
    heads = ("wrong", "full", "delete") if view.prospect.is_person else ("full", "delete")
    yield buttons.menu(view.id, *heads)


# --- in full -------------------------------------------------------------------------------


def full(known: Known, links: Links) -> list[Object]:
    """Return everything that is known, every value with its source, as far as one message goes."""
    shown, size, origin = known.card, known.size, known.evidence.of_field
    page = link(links.card, "Card page", OUR_URL) if links.card else ""
    return [
        header(who(known.view, shown)),
        *context(_checked(shown), page),
        *([section(escaped(shown.summary, size.point))] if shown.summary else []),
        *_spoken(known),
        *fields(details.pairs(details.person(shown.person, size), origin)),
        *fields(details.pairs(details.company(shown.company, size), origin)),
        *listing("Decision makers", _makers(known, details.reachable_maker)),
        *listing("Signals", [details.signal(one, size) for one in shown.signals[: size.items]]),
        *listing("Who could be meant", _candidates(known)),
        *listing("Changed since last time", _changes(known, size.items)),
        *context(_gaps(known.view), _asked(known.view), known.evidence.sources()),
    ]


def _spoken(known: Known) -> Iterator[Object]:
    points = known.card.talking_points
    for kind, title in SPOKEN.items():
        mine = [f"• {_point(known, one)}" for one in points if one.kind is kind]
        yield from listing(title, mine[: known.size.items])


def _candidates(known: Known) -> list[str]:
    found = known.card.candidates[: known.size.items]
    return [details.candidate(one, known.size) for one in found]


def _asked(view: JobView) -> str:
    asked = ends.providers(view.attempts)
    return f"Asked: {asked}" if asked else ""


# --- in one sentence -----------------------------------------------------------------------


def fallback(known: Known) -> str:
    """Return the card in a sentence or two, for notifications and screen readers."""
    view = known.view
    about = escaped(who(view, known.card), WHO)
    said = f"{_prefix(known)}: {about}."
    if points := _chosen(known.card.talking_points):
        said += f" Open with: {escaped(points[0].text, OPENER)}"
    if view.status is Status.partial:
        deaf = ends.unheard(view)
        said += f" Some sources did not answer{f': {deaf}' if deaf else ''}."
    return said


def _prefix(known: Known) -> str:
    if known.view.served_from == "stale_cache":
        renewed = ", refreshing" if known.view.refresh_job_id else ""
        return f"Cached call prep{_days(known)}{renewed}"
    return "Cancelled call prep" if known.view.status is Status.cancelled else "Call prep"
