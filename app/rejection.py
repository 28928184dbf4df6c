"""Who a rep said is not meant: kept as digests, so that no source brings that person back.

A profile tells who somebody is; a name does so only where no profile stands beside it. What the
caller gave, a name or a profile, is never held against whoever is found by it.
"""

from collections.abc import Collection, Iterable, Iterator

from app.addresses import linkedin_id
from app.digest import digest
from app.facts import FIELDS, Fact, Json, Section
from app.namesakes import folded, split_name
from app.prospect import Prospect

CANDIDATES = "person.candidates"


def rejection(prospect: Prospect, name: Json, profile: Json) -> frozenset[str]:
    """Return what to keep of a person who is not the prospect; nothing when nothing tells who.

    `profile` is a LinkedIn URL.
    """
    page = _page(profile)
    if page and page != prospect.known.linkedin:
        return _digests(prospect, [f"profile {page}", *_named(prospect, "bare name", name)])
    return _digests(prospect, _named(prospect, "name", name))


def is_rejected(prospect: Prospect, name: Json, profile: Json, rejected: Collection[str]) -> bool:
    """Tell whether a person was said not to be the prospect."""
    page = _page(profile)
    signs = [f"profile {page}"] if page else list(_named(prospect, "bare name", name))
    return not _digests(prospect, [*signs, *_named(prospect, "name", name)]).isdisjoint(rejected)


def taken(prospect: Prospect, facts: Iterable[Fact], rejected: Collection[str]) -> tuple[Fact, ...]:
    """Leave out of one answer what it says of a person who is not the prospect.

    All of its facts about the person go when it is about that one; of those who could be meant,
    that one alone.
    """
    told = tuple(facts)
    if not rejected:
        return told
    left = tuple(f for f in told if f.field != CANDIDATES or _may_be(prospect, f, rejected))
    said = {fact.field.rpartition(".")[2]: fact.value for fact in left if _is_of_person(fact)}
    name = said.get("full_name") or " ".join(str(said.get(part, "")) for part in _PARTS)
    if not is_rejected(prospect, name, said.get("linkedin_url"), rejected):
        return left
    return tuple(fact for fact in left if not _is_of_person(fact))


def others(prospect: Prospect, people: Iterable[Fact], rejected: Collection[str]) -> list[Fact]:
    """Leave out of a company's people those who are not the prospect."""
    return [fact for fact in people if not rejected or _may_be(prospect, fact, rejected)]


_PARTS = ("first_name", "last_name")


def _may_be(prospect: Prospect, fact: Fact, rejected: Collection[str]) -> bool:
    one = fact.value if isinstance(fact.value, dict) else {}
    return not is_rejected(prospect, one.get("full_name"), one.get("linkedin_url"), rejected)


def _is_of_person(fact: Fact) -> bool:
    return FIELDS[fact.field].section is Section.person


def _named(prospect: Prospect, kind: str, name: Json) -> Iterator[str]:
    words = " ".join(split_name(folded(name))).strip() if isinstance(name, str) else ""
    if words and not prospect.known.name:
        yield f"{kind} {words}"


def _page(profile: Json) -> str | None:
    return linkedin_id(profile) if isinstance(profile, str) else None


def _digests(prospect: Prospect, signs: Iterable[str]) -> frozenset[str]:
    return frozenset(digest(f"{prospect.key} is not {sign}") for sign in signs)
