"""One value per field when sources disagree; what the others said is kept beside it."""

import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import lru_cache

import cleanco

from app.facts import FIELDS, INFERRED_CEILING, Fact, Field, Json, Section
from app.namesakes import folded, has_initial, same_person, split_name, words
from app.wording import clean

AGREED_CEILING = 0.98
"""Agreement alone makes nothing more certain than this (facts/sources.md section 12)."""

SURE_OF_NAME = 0.6
"""From this confidence on, two names that cannot be one person's are two candidates."""

_URLS = frozenset({"linkedin_url", "url", "domain"})
_NUMBERS = frozenset({"phones", "number"})
_COMPANIES = frozenset({"company.name", "company.legal_name", "company.parent", "company"})
_JSON = json.JSONEncoder(sort_keys=True, ensure_ascii=False)
_PLAIN = Field(Section.company)  # of a field that is not on the list: one value


@dataclass(frozen=True, slots=True)
class Item:
    """One value and the facts that state it, the best one first; there is always one.

    `value` is safe to show: no invisible characters. An object is completed from all its facts.
    `confidence` is 0..1, raised where independent sources agree.
    """

    value: Json
    facts: tuple[Fact, ...]
    confidence: float

    @property
    def best(self) -> Fact:
        """The fact that gave the value."""
        return self.facts[0]

    @property
    def fact_ids(self) -> tuple[str, ...]:
        """The ids of all facts that state it."""
        return tuple(dict.fromkeys(fact.id for fact in self.facts if fact.id))

    @property
    def source(self) -> str:
        """Who said it best."""
        return self.best.source

    @property
    def url(self) -> str | None:
        """The page where it was said."""
        return self.best.source_url

    @property
    def is_inferred(self) -> bool:
        """Whether it is nothing but a guess."""
        return self.best.inferred

    @property
    def is_verified(self) -> bool:
        """Whether a source has checked it."""
        return any(fact.verified and not fact.inferred for fact in self.facts)

    @property
    def seen_at(self) -> datetime:
        """When it was last stated; a guess beside a statement does not count."""
        return max(fact.seen_at for fact in self.facts if fact.inferred == self.is_inferred)


@dataclass(frozen=True, slots=True)
class Conflict:
    """A field of one value for which sources gave several."""

    field: str
    shown: Item
    others: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Merged:
    """What the facts come to, field by field; every field's items best first.

    When several people could be meant, no person field is known, only `person.candidates`.
    """

    ranked: Mapping[str, tuple[Item, ...]] = field(default_factory=dict)

    def items(self, name: str) -> tuple[Item, ...]:
        """Return the values of a field: at most one, unless the field lists many."""
        ranked = self.ranked.get(name, ())
        return ranked if FIELDS.get(name, _PLAIN).many else ranked[:1]

    def item(self, name: str) -> Item | None:
        """Return the value that wins, None when nobody knew."""
        ranked = self.ranked.get(name)
        return ranked[0] if ranked else None

    def value(self, name: str) -> Json:
        """Return the winning value alone, None when nobody knew."""
        item = self.item(name)
        return item.value if item else None

    def fact(self, name: str) -> Fact | None:
        """Return the fact that gave the winning value."""
        item = self.item(name)
        return item.best if item else None

    @property
    def conflicts(self) -> tuple[Conflict, ...]:
        """The fields of one value that sources disagree about, by name."""
        return tuple(
            Conflict(name, ranked[0], ranked[1:])
            for name, ranked in sorted(self.ranked.items())
            if len(ranked) > 1 and not FIELDS.get(name, _PLAIN).many
        )

    @property
    def newest(self) -> datetime | None:
        """When a source last told something that is no guess."""
        items = (item for ranked in self.ranked.values() for item in ranked)
        told = (fact.seen_at for item in items for fact in item.facts if not fact.inferred)
        return max(told, default=None)

    @property
    def winners(self) -> frozenset[str]:
        """The ids of the facts behind the values that are shown."""
        return frozenset(
            fact_id
            for name in self.ranked
            for item in self.items(name)
            for fact_id in item.fact_ids
        )


def merge(facts: Iterable[Fact]) -> Merged:
    """Choose one value per field and put equal values together; their order does not matter.

    First comes what is verified, then what is no guess, then confidence, then the newest. A guess
    never comes before a statement and never makes one more certain.
    """
    told = _readable(facts)
    people = _candidates(told)
    by_field = _by_field(f for f in told if _is_shown(f) and not (people and _is_of_person(f)))
    ranked = {name: _items(name, said) for name, said in by_field.items()}
    if people:
        return Merged(ranked | {"person.candidates": people})
    return Merged(ranked | _names(ranked, by_field))


def candidates(facts: Iterable[Fact]) -> tuple[Item, ...]:
    """Return everybody who could be meant when that is more than one person, else nothing.

    That is so when sources name people who cannot be the same, or when a source lists candidates
    and nobody states a name. Each value is `{full_name, title?, company?, linkedin_url?}`.
    """
    return _candidates(_readable(facts))


def _candidates(told: Sequence[Fact]) -> tuple[Item, ...]:
    names = [f for f in told if f.field == "person.full_name" and not f.inferred]
    if not names:
        return _items("person.candidates", [f for f in told if f.field == "person.candidates"])
    people = _people([fact for fact in names if fact.confidence >= SURE_OF_NAME])
    if len(people) < 2 or len({fact.source for fact in names}) < 2:
        return ()
    return tuple(_candidate(person, told) for person in people)


# --- reading -------------------------------------------------------------------------------


def _readable(facts: Iterable[Fact]) -> list[Fact]:
    """Return the facts that say something, safe to show, with whole names added; best first."""
    told = sorted(filter(None, map(_cleaned, facts)), key=_order)
    whole = list(_whole_names(told))
    return sorted([*told, *whole], key=_order) if whole else told


def _cleaned(fact: Fact) -> Fact | None:
    value, confidence = _shown(fact.value), _bounded(fact)
    if value is None:
        return None
    is_clean = value == fact.value and confidence == fact.confidence
    return fact if is_clean else replace(fact, value=value, confidence=confidence)


def _shown(value: Json) -> Json:
    """Return a value with clean text and without its empty parts, None when nothing is left."""
    if isinstance(value, str):
        return clean(value) or None
    if isinstance(value, list):
        return [part for one in value if (part := _shown(one)) is not None] or None
    if isinstance(value, dict):
        parts: dict[str, Json] = {
            key: part for key, one in value.items() if (part := _shown(one)) is not None
        }
        return parts or None
    return value


def _bounded(fact: Fact) -> float:
    return max(0.0, min(fact.confidence, INFERRED_CEILING if fact.inferred else 1.0))


def _order(fact: Fact) -> tuple[object, ...]:
    """Return what facts are sorted by, best first; facts that tie are the same in every respect."""
    return (
        not fact.verified or fact.inferred,
        fact.inferred,
        -fact.confidence,
        -fact.seen_at.timestamp(),
        fact.source,
        _text(fact.value),
        fact.source_url or "",
        fact.field,
        fact.id,
    )


def _text(value: Json) -> str:
    return _JSON.encode(value)


def _by_field(facts: Iterable[Fact]) -> dict[str, list[Fact]]:
    found: dict[str, list[Fact]] = {}
    for fact in facts:
        found.setdefault(fact.field, []).append(fact)
    return found


def _is_shown(fact: Fact) -> bool:
    """Tell whether a fact may be shown: in a list, a guess could not be told from the rest."""
    is_many = FIELDS.get(fact.field, _PLAIN).many
    return fact.field != "person.candidates" and not (is_many and fact.inferred)


def _is_of_person(fact: Fact) -> bool:
    return FIELDS.get(fact.field, _PLAIN).section is Section.person


# --- putting together ----------------------------------------------------------------------


def _items(name: str, facts: Sequence[Fact]) -> tuple[Item, ...]:
    """Put facts that state the same together; facts come best first, and so do their values."""
    if len(facts) < 2:
        return tuple(_item([fact]) for fact in facts)
    groups: dict[str, list[Fact]] = {}
    for fact in facts:
        groups.setdefault(_identity(name, fact.value), []).append(fact)
    items = [_item(group) for group in groups.values()]
    return tuple(sorted(items, key=_rank))


def _rank(item: Item) -> tuple[bool, bool, float, float]:
    newest = item.seen_at.timestamp()
    return not item.is_verified, item.is_inferred, -item.confidence, -newest


def _item(group: Sequence[Fact]) -> Item:
    """Make one value of facts that state the same, best first."""
    stated = [fact for fact in group if not fact.inferred] or group
    return Item(_completed(stated), tuple(group), _raised(stated))


def _completed(facts: Sequence[Fact]) -> Json:
    """Return the first value; an object takes from the others what it lacks."""
    value = facts[0].value
    if not isinstance(value, dict):
        return value
    whole: dict[str, Json] = {}
    for fact in facts:
        if isinstance(fact.value, dict):
            whole = {**fact.value, **whole}
    return whole


def _raised(facts: Sequence[Fact]) -> float:
    """Return the confidence of facts that agree: each source counts once, guesses add nothing."""
    best: dict[str, float] = {}
    for fact in facts:
        best[fact.source] = max(best.get(fact.source, 0.0), fact.confidence)
    alone = max(best.values())
    if facts[0].inferred or len(best) < 2:
        return alone
    doubts = (1.0 - confidence for confidence in best.values())
    return max(alone, min(AGREED_CEILING, round(1.0 - math.prod(doubts), 4)))


def _identity(name: str, value: Json) -> str:
    """Return a text that is the same for values that say the same."""
    if not isinstance(value, dict):
        return _compared(name, value)
    for key in FIELDS.get(name, _PLAIN).same_by:
        if key in value:
            return f"{key} {_compared(key, value[key])}"
    return _text(value)


def _compared(name: str, value: Json) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if not isinstance(value, str):
        return _text(value)
    kind = name.rpartition(".")[2]
    if kind in _NUMBERS:
        return re.sub(r"[^\d+]", "", value) or value
    if kind in _URLS:
        return re.sub(r"^(https?://)?(www\.)?", "", value.casefold()).rstrip("/")
    if name in _COMPANIES:
        return folded(_without_legal_form(value)) or folded(value)
    return folded(value) or value


@lru_cache(maxsize=1_000)
def _without_legal_form(name: str) -> str:
    """Return a company's name without its legal forms, of which it can have two (`Corp, Inc.`)."""
    return str(cleanco.basename(cleanco.basename(name)))


# --- a person's name -----------------------------------------------------------------------

_NAME_PARTS = ("person.first_name", "person.last_name")


def _whole_names(facts: Sequence[Fact]) -> Iterator[Fact]:
    """Yield a full name for each source that gives only its two parts; facts come best first.

    It is stated by the fact with the last name, and as sure as the weaker part.
    """
    said: dict[str, dict[str, Fact]] = {}
    for fact in reversed(facts):
        said.setdefault(fact.source, {})[fact.field] = fact
    for parts in said.values():
        first, last = (parts.get(name) for name in _NAME_PARTS)
        if first and last and "person.full_name" not in parts:
            yield replace(
                last,
                field="person.full_name",
                value=f"{first.value} {last.value}",
                confidence=min(first.confidence, last.confidence),
                inferred=first.inferred or last.inferred,
                verified=first.verified and last.verified,
            )


def _names(
    ranked: Mapping[str, tuple[Item, ...]], by_field: Mapping[str, Sequence[Fact]]
) -> dict[str, tuple[Item, ...]]:
    """Return the fields of the name so that they belong together.

    A guessed full name that a stated part contradicts is not shown at all.
    """
    if not (full := ranked.get("person.full_name")):
        return {}
    parts = [fact for name in _NAME_PARTS for fact in by_field.get(name, ()) if not fact.inferred]
    if full[0].is_inferred and not all(_fits(part, full[0]) for part in parts):
        return {"person.full_name": ()}
    return {name: _name_part(name, full[0], by_field) for name in _NAME_PARTS}


def _name_part(name: str, full: Item, by_field: Mapping[str, Sequence[Fact]]) -> tuple[Item, ...]:
    """Return first or last name so that it belongs to the full name that is shown.

    Only a stated part may stand beside a stated full name; where there is none, it is read from
    the full name itself.
    """
    told = by_field.get(name, ())
    fits = [fact for fact in told if _fits(fact, full)]
    fitting = [fact for fact in fits if fact.inferred <= full.is_inferred]
    others = [fact for fact in told if fact not in fits]  # a guess that fits is no other opinion
    return _items(name, fitting or _derived(name, full)) + _items(name, others)


def _fits(part: Fact, full: Item) -> bool:
    return words(str(part.value)) <= words(str(full.value))


def _derived(name: str, full: Item) -> list[Fact]:
    part = split_name(str(full.value))[_NAME_PARTS.index(name)]
    return [replace(fact, field=name, value=part) for fact in full.facts] if part else []


def _people(names: Sequence[Fact]) -> list[list[Fact]]:
    """Group names by person; a name with an initial goes to the first person it fits."""
    people: list[list[Fact]] = []
    for fact in sorted(names, key=lambda one: (has_initial(str(one.value)), *_order(one))):
        for person in people:
            if same_person(str(person[0].value), str(fact.value)):
                person.append(fact)
                break
        else:
            people.append([fact])
    return people


def _candidate(names: Sequence[Fact], facts: Sequence[Fact]) -> Item:
    """Make a candidate of one person's names and of what the same sources say beside them."""
    sources = {fact.source for fact in names}
    value: dict[str, Json] = {"full_name": names[0].value}
    backing = list(names)
    for key in ("title", "company", "linkedin_url"):
        field_name = "company.name" if key == "company" else f"person.{key}"
        for fact in facts:
            if fact.field == field_name and fact.source in sources and not fact.inferred:
                value[key] = fact.value
                backing.append(fact)
                break
    return Item(value, tuple(backing), _raised(names))
