"""The people of a company as an answer: who fits some roles, a page at a time."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from app.views import JobView
from integrations.mcp.render import next_step, status
from integrations.mcp.values import (
    LIMITS,
    NOTICE,
    Detail,
    Object,
    age,
    cut,
    listed,
    text,
    without_nothing,
)

LINKING = frozenset({"of", "and", "the", "for"})
SHORTEST = 3  # letters of an abbreviated title, such as CFO


def page(view: JobView, roles: Sequence[str], offset: int, limit: int) -> Object:
    """Return one page of those at a company who fit `roles`, as `shapes.PeopleResult`."""
    known = listed(view.card, "decision_makers")
    found = [one for one in known if fits(one, roles)]
    page, end = found[offset : offset + limit], offset + limit
    return without_nothing(
        {
            "status": status(view),
            "company_domain": view.prospect.known.domain or "",
            "total": len(found),
            "next_cursor": str(end) if end < len(found) else "",
            "job_id": view.id,
            "as_of": age(view.card),
            "next_step": _step(view, len(known), len(found)),
            "notice": NOTICE if page else "",
            "people": [cut(one, LIMITS[Detail.full][2]) for one in page],
        }
    )


def _step(view: JobView, known: int, found: int) -> str:
    if not view.is_final:
        return "Call find_decision_makers again: the company is still being looked up."
    if known and not found:
        return f"None of the {known} known people fits: call find_decision_makers without roles."
    return next_step(view)


def fits(person: Mapping[str, Any], roles: Sequence[str]) -> bool:
    """Tell whether somebody has one of these roles; anybody has when there are none.

    >>> fits({"title": "Chief Financial Officer"}, ["CFO"])
    True
    >>> fits({"title": "VP of Sales"}, ["sales VP"]), fits({"title": "VP of Sales"}, ["finance"])
    (True, False)
    """
    title = text(person.get("title"))
    said = f"{title} {text(person.get('seniority'))}".casefold()
    initials = "".join(word[0] for word in _words(title))
    wanted = [words for role in roles if (words := _words(role))]
    return not wanted or any(
        all(_is_said(one, said, initials) for one in words) for words in wanted
    )


def _is_said(word: str, said: str, initials: str) -> bool:
    return word in said or (len(word) >= SHORTEST and word in initials)


def _words(role: str) -> list[str]:
    return [word for word in re.findall(r"[^\W_]+", role.casefold()) if word not in LINKING]
