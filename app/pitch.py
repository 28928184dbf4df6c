"""Where our own positioning meets a prospect: conditions of value points, and competitors."""

from collections.abc import Callable, Mapping, Sequence

from app.brief import KINDS, Brief, is_recent, part
from app.merge import Item
from app.positioning import When
from app.standing import ROLES, has_phrase, seniority_of, works_in


def holds(when: When, brief: Brief) -> list[Item]:
    """Return the values that make a condition true, none when it is not."""
    backing: list[Item] = []
    for key, matching in _MATCHING.items():
        words: Sequence[str] = getattr(when, key)
        found = matching(words, brief) if words else []
        if words and not found:
            return []
        backing += found
    return backing


def _stated(brief: Brief, *names: str) -> list[Item]:
    """Return the fields that are known and no guess: our pitch rests on nothing less."""
    items = (brief.merged.item(name) for name in names)
    return [item for item in items if item and not item.is_inferred]


def _functions(words: Sequence[str], brief: Brief) -> list[Item]:
    items = _stated(brief, "person.department", "person.title")
    return [one for one in items if any(works_in(word, str(one.value)) for word in words)]


def _seniorities(words: Sequence[str], brief: Brief) -> list[Item]:
    for item in _stated(brief, "person.seniority"):
        if str(item.value).casefold() in ROLES:
            return [item] if str(item.value).casefold() in words else []
    titles = _stated(brief, "person.title")
    return [item for item in titles if seniority_of(str(item.value)) in words]


def among_tools(words: Sequence[str], brief: Brief) -> list[Item]:
    """Return the tools of the company that have one of these names."""
    wanted = {word.casefold() for word in words}
    tools = brief.merged.items("company.technologies")
    return [item for item in tools if str(item.value).casefold() in wanted]


def _industries(words: Sequence[str], brief: Brief) -> list[Item]:
    items = _stated(brief, "company.industry")
    return [one for one in items if any(has_phrase(word, str(one.value)) for word in words)]


def _recent_signals(words: Sequence[str], brief: Brief) -> list[Item]:
    kinds = {KINDS.get(word.casefold(), word.casefold()) for word in words}
    found = [item for kind in sorted(kinds) for item in brief.signals(kind)]
    return [item for item in found if is_recent(item, brief.now)][:3]


def _keywords(words: Sequence[str], brief: Brief) -> list[Item]:
    items = _stated(brief, "company.description", "company.industry", "person.title")
    said = [(one, str(one.value)) for one in items]
    said += [(one, part(one, "headline")) for one in brief.merged.items("signals")]
    return [item for item, text in said if any(has_phrase(word, text) for word in words)][:3]


_MATCHING: Mapping[str, Callable[[Sequence[str], Brief], list[Item]]] = {
    "functions": _functions,
    "seniorities": _seniorities,
    "technologies": among_tools,
    "industries": _industries,
    "signals": _recent_signals,
    "keywords": _keywords,
}
