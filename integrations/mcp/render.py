"""The core's values in the words of this surface: compact objects; markdown.py says the same.

Clients give their model only one of the two, so each is complete. A card is cut until it fits its
budget. What strangers wrote stays data: one line says so, and no markup of theirs comes through.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import orjson

from app.facts import Section
from app.job import LIVE, Status
from app.prospect import By, Prospect
from app.views import JobView
from app.wording import clean, shorten
from integrations.mcp.markdown import markdown
from integrations.mcp.sources import Sources
from integrations.mcp.values import (
    BUDGET,
    LIMITS,
    NOTICE,
    Detail,
    Limits,
    Object,
    age,
    cut,
    iso,
    listed,
    text,
    without_nothing,
)

SURE = 0.8
"""A concise card tells the confidence of fields only below this (0..1)."""

CONCISE_COMPANY = frozenset(
    {"name", "domain", "description", "industry", "employee_count", "employee_range"}
    | {"founded_year", "revenue_range", "location", "funding", "technologies", "status"}
)
CONCISE_PERSON = frozenset(
    ["full_name", "title", "seniority", "department", "email", "phones", "linkedin_url", "location"]
)

AFTER: Mapping[Status, str] = {
    Status.partial: "Some providers did not answer (get_usage tells how they are): call "
    "prepare_call with refresh=true later to ask them again.",
    Status.ambiguous: "Several people fit and none was guessed: ask the user which of the "
    "candidates is meant, then call prepare_call with 'Full Name, company domain'.",
    Status.not_found: "Nobody who was asked knows this prospect. Check the spelling, or call "
    "prepare_call with a LinkedIn URL, another address or the company's domain.",
    Status.provider_error: "Nothing was found and some providers did not answer: call prepare_call "
    "again later.",
    Status.suppressed: "This prospect must not be looked up; do not try again.",
    Status.budget_exhausted: "The credits allowed were spent: call prepare_call, which sets no "
    "such limit.",
    Status.cancelled: "Call prepare_call to start again.",
}
"""The next step after a job that is not simply complete."""

LEFT_OUT_STEP = "Call get_battlecard with detail=full for what was left out, if it is needed."
STALE_STEP = "The card is stale (see as_of): call prepare_call to have it renewed."
DOMAIN_STEP = (
    "Nobody knows a company of this name: call prepare_call with 'Full Name, company domain' or "
    "the person's work e-mail address."
)

LONGEST_GOAL = 300
DAY = len("YYYY-MM-DD")

ANSWERED = frozenset({"matched", "not_found"})


# --- jobs ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Answer:
    """What a tool answers, in both forms."""

    shown: Object
    text: str


def told(shown: Object) -> Answer:
    """Return an answer in both forms."""
    return Answer(shown, markdown(shown))


def answer(view: JobView, base_url: str, detail: Detail = Detail.concise, goal: str = "") -> Answer:
    """Return a job as `shapes.CardResult`, within the budget of this detail.

    `goal` is what the caller wants from the call, and comes back as it is.
    """
    for limits in LIMITS[detail]:
        given = told(_result(view, base_url, detail, limits, goal))
        if fits(given, BUDGET[detail]):
            break
    return given


def result(view: JobView, base_url: str, detail: Detail = Detail.concise) -> Object:
    """Return a job as the object of its answer."""
    return answer(view, base_url, detail).shown


def fits(given: Answer, most: int) -> bool:
    """Tell whether both forms of an answer are at most so many characters long."""
    return max(len(orjson.dumps(given.shown).decode()), len(given.text)) <= most


def _result(view: JobView, base_url: str, detail: Detail, limits: Limits, goal: str) -> Object:
    card = _card(view, detail, limits)
    known = any(card.get(part) for part in ("person", "company", "decision_makers", "signals"))
    return without_nothing(
        {
            "status": status(view),
            "job_id": view.id,
            "progress": progress(view),
            "next_step": next_step(view) or _rest_of(card, detail),
            "sections": {name.value: _word(one) for name, one in view.sections.items()},
            "served_from": view.served_from if view.is_final and card else "",
            "as_of": age(view.card),
            "missing": list(view.missing)[: limits.fields],
            "resource_uri": resource_uri(view),
            "card_url": f"{base_url}/card/{view.card_token}" if card else "",
            "credits_spent": _spent(view),
            "error": _error(view),
            "goal": shorten(clean(goal), LONGEST_GOAL),
            "notice": NOTICE if known else "",
            "card": card,
        }
    )


def _rest_of(card: Object, detail: Detail) -> str:
    return LEFT_OUT_STEP if card.get("left_out") and detail is Detail.concise else ""


def status(view: JobView) -> str:
    """Return `working` while the job runs, else how it ended."""
    return "working" if view.status in LIVE else view.status.value


def _spent(view: JobView) -> float | None:
    """Return what this answer cost, None when it came from the cache."""
    return round(view.credits_spent, 4) if view.served_from == "providers" else None


def _word(status: Status) -> str:
    return "working" if status is Status.in_progress else status.value


def progress(view: JobView) -> float:
    """Return how far a job is, 0..1: the share of its sections that somebody has answered."""
    if view.is_final:
        return 1.0
    answered = {one.section for one in view.attempts if one.outcome in ANSWERED}
    return round(0.9 * len(answered) / max(1, len(view.sections)), 2)


def next_step(view: JobView) -> str:
    """Return one sentence that names the next call; empty when there is nothing to do."""
    if not view.is_final:
        return (
            f"The card is partial: call get_enrichment with job_id={view.id} and wait_seconds=20."
        )
    if view.refresh_job_id:
        return (
            "The card is stale and is being renewed: call get_enrichment with "
            f"job_id={view.refresh_job_id} for the new one."
        )
    if view.status in AFTER:
        return AFTER[view.status]
    if view.served_from == "stale_cache":
        return STALE_STEP
    is_nameless = view.sections.get(Section.company) is Status.not_found
    return DOMAIN_STEP if is_nameless and not view.prospect.known.domain else ""


def resource_uri(view: JobView) -> str:
    """Return the resource that shows this prospect's newest card."""
    return prospect_uri(view.prospect) or f"job://{view.id}"


def prospect_uri(prospect: Prospect) -> str:
    """Return the resource of a mailbox or a domain; empty for any other prospect."""
    kind, _, value = prospect.key.partition(":")
    if prospect.by is By.email and kind == "email":
        return f"battlecard://{quote(value, safe='@')}"
    if prospect.by is By.domain and kind == "domain":
        return f"company://{quote(value, safe='')}"
    return ""


def _error(view: JobView) -> Object:
    if view.error is None:
        return {}
    told: Object = {"code": view.error.code, "message": view.error.message}
    return told | ({"retry_at": iso(view.error.retry_at)} if view.error.retry_at else {})


# --- the card ------------------------------------------------------------------------------


def _card(view: JobView, detail: Detail, limits: Limits) -> Object:
    given, is_full = view.card, detail is Detail.full
    sources = Sources(view, limits.sources)
    return without_nothing(
        {
            "summary": cut(given.get("summary"), limits),
            "person": _of(given, "person", None if is_full else CONCISE_PERSON, limits),
            "company": _of(given, "company", None if is_full else CONCISE_COMPANY, limits),
            "talking_points": [
                _point(one, sources, limits)
                for one in _spread(listed(given, "talking_points"), limits.points)
            ],
            "decision_makers": cut(listed(given, "decision_makers")[: limits.people], limits),
            "signals": [_signal(one, limits) for one in listed(given, "signals")[: limits.signals]],
            "candidates": cut(listed(given, "candidates")[: limits.people], limits),
            "changes": cut(listed(given, "changes")[: limits.signals], limits),
            "gaps": listed(given, "gaps")[: limits.fields],
            "inferred": listed(given, "inferred")[: limits.fields],
            "conflicts": listed(given, "conflicts")[: limits.fields],
            "confidence": _confidence(given, is_full, limits),
            "sources": sources.shown(),
            "cited": sources.cited(limits.fields) if is_full else {},
            "left_out": _left_out(given, limits),
        }
    )


def _of(card: Mapping[str, Any], name: str, wanted: frozenset[str] | None, limits: Limits) -> Any:
    part = card.get(name)
    if not isinstance(part, Mapping):
        return {}
    return cut({k: v for k, v in part.items() if wanted is None or k in wanted}, limits)


def _point(point: Mapping[str, Any], sources: "Sources", limits: Limits) -> Object:
    told = {"kind": text(point.get("kind")), "text": cut(point.get("text"), limits)}
    ids = sources.ids(point.get("fact_ids") or ())
    return without_nothing({**told, "sources": ids})


def _signal(signal: Mapping[str, Any], limits: Limits) -> Object:
    day = text(signal.get("seen_at"))[:DAY]
    return without_nothing({**cut(signal, limits), "seen_at": day})


def _spread(points: Sequence[Any], most: int) -> list[Any]:
    """Return at most so many talking points, in order, and some of every kind."""
    kinds: dict[str, int] = {}
    rank: list[tuple[int, int]] = []
    for place, point in enumerate(points):
        nth = kinds[point["kind"]] = kinds.get(point["kind"], 0) + 1
        rank.append((nth, place))
    chosen = sorted(place for _, place in sorted(rank)[:most])
    return [points[place] for place in chosen]


def _confidence(card: Mapping[str, Any], is_full: bool, limits: Limits) -> Object:
    given = card.get("confidence")
    sure = sorted(given.items(), key=lambda one: one[1]) if isinstance(given, Mapping) else []
    shown = [(name, value) for name, value in sure if is_full or value < SURE]
    return {name: round(value, 2) for name, value in shown[: limits.fields]}


def _left_out(card: Mapping[str, Any], limits: Limits) -> Object:
    most = {
        "decision_makers": limits.people,
        "signals": limits.signals,
        "candidates": limits.people,
        "talking_points": limits.points,
    }
    counts = {name: len(listed(card, name)) - shown for name, shown in most.items()}
    return {name: count for name, count in counts.items() if count > 0}
