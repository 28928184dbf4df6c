"""Which of a company's people is meant, and what the prospect's own words say of its name.

A person is never guessed between two: whoever fits equally well becomes a candidate. Confidences
from facts/sources.md section 6.4, read 2026-11-21.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from app.addresses import is_role, linkedin_id, mailbox_key
from app.facts import INFERRED_CEILING, Fact, Json
from app.local_parts import Fit, Guess, first_and_last, fit, guess, name_in_slug, same_name
from app.prospect import By, Prospect

CALLER = "caller"
"""Source of what the caller said in the request."""

INFERRED = "inferred"
"""Source of what was read from the identifier itself."""

_PUBLISHED = Fit(0.98, "published beside the name")  # the same address or profile on the page
_NAMED_BY_CALLER = 0.95
_POSSIBLY = 0.5  # a pattern no surer than this makes the whole match a guess
_ALIAS = 0.92  # from here on a second mailbox of the same person is more likely than another person


# --- what the identifier itself says -------------------------------------------------------


def infer_name(prospect: Prospect, now: datetime) -> list[Fact]:
    """Return what the caller said of the name, else what the identifier lets guess.

    A guess is marked as inferred and at most INFERRED_CEILING sure. Nothing comes of `schen`,
    short forms, digits and role addresses.
    """
    known = prospect.known
    if prospect.is_person and known.name:
        said = {"full_name": known.name, **_first_and_last(known.name)}
        return _facts(said, CALLER, _NAMED_BY_CALLER, now, evidence="given with the request")
    if prospect.by is By.email and prospect.is_person and known.email:
        return _guessed(guess(known.email.rpartition("@")[0]), "read from the address", now)
    if prospect.by is By.linkedin and known.linkedin:
        slug = known.linkedin.partition("/")[2]
        return _guessed(name_in_slug(slug), "read from the profile's address", now)
    if prospect.by is By.linkedin_company and known.linkedin_company:
        return _company_guess(known.linkedin_company.partition("/")[2], now)
    return []


def _guessed(found: Guess | None, evidence: str, now: datetime) -> list[Fact]:
    if found is None:
        return []
    said = {"full_name": found.full, "first_name": found.first, "last_name": found.last}
    facts = _facts(said, INFERRED, found.confidence, now, evidence=evidence)
    return [_as_guess(fact) for fact in facts]


def _company_guess(slug: str, now: datetime) -> list[Fact]:
    if slug.isdecimal():
        return []
    name = " ".join(word.capitalize() for word in slug.split("-") if word)
    evidence = "read from the page's address"
    return [Fact("company.name", name, INFERRED, 0.5, now, inferred=True, evidence=evidence)]


def _as_guess(fact: Fact) -> Fact:
    return replace(fact, inferred=True, confidence=min(fact.confidence, INFERRED_CEILING))


# --- who of the company's people it is -----------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Listed:
    """A person on a page or in a provider's list; `fact` is of the field `decision_makers`."""

    fact: Fact
    full_name: str
    value: Mapping[str, Json]

    def text(self, key: str) -> str | None:
        found = self.value.get(key)
        return found if isinstance(found, str) and found else None


def match_people(prospect: Prospect, people: Iterable[Fact]) -> list[Fact]:
    """Return facts about the prospect from the one of `people` who fits best.

    `people` are facts of the field `decision_makers`. Each result keeps the source, page and day
    of the fact it is read from; its confidence is that of the page times that of the match.
    When two fit equally, they come back as `person.candidates` and nothing else does.
    """
    if not prospect.is_person:
        return []
    groups = _by_person(people)
    fits = [(found, group) for group in groups if (found := _fit_of(prospect, group))]
    if not fits:
        return []
    best = max(found.confidence for found, _ in fits)
    winners = [(found, group) for found, group in fits if found.confidence == best]
    if len(winners) > 1:
        return [_candidate(found, group[0]) for found, group in winners]
    found, group = winners[0]
    return [fact for listed in group for fact in _about(prospect, found, listed)]


def _by_person(people: Iterable[Fact]) -> list[list[_Listed]]:
    """Gather the facts of several pages about the same person."""
    groups: list[list[_Listed]] = []
    for listed in _readable(people):
        for group in groups:
            if all(_may_be_one(other, listed) for other in group):
                group.append(listed)
                break
        else:
            groups.append([listed])
    return groups


def _may_be_one(one: _Listed, other: _Listed) -> bool:
    """Tell whether these are one person: the same name, and not two different profiles."""
    profiles = {linkedin_id(url) for who in (one, other) if (url := who.text("linkedin_url"))}
    return len(profiles) < 2 and same_name(one.full_name, other.full_name) == 1


def _readable(people: Iterable[Fact]) -> Iterator[_Listed]:
    for fact in people:
        if isinstance(fact.value, dict) and isinstance(name := fact.value.get("full_name"), str):
            yield _Listed(fact, name, fact.value)


def _fit_of(prospect: Prospect, group: Sequence[_Listed]) -> Fit | None:
    """Tell how surely the prospect is this person; None when there is no sign of it."""
    known = prospect.known
    if _is_published(prospect, group):
        return _PUBLISHED
    name = group[0].full_name
    if known.name:
        alike = same_name(known.name, name)
        return Fit(_NAMED_BY_CALLER * alike, "the name asked for") if alike else None
    if prospect.by is not By.email or not known.email:
        return None
    found = fit(known.email.rpartition("@")[0], name)
    is_taken = found is not None and found.confidence < _ALIAS and _has_another(known.email, group)
    return None if is_taken else found


def _has_another(email: str, group: Sequence[_Listed]) -> bool:
    """Tell whether the page gives this person another mailbox in the same place."""
    published = [address.rpartition("@") for one in group if (address := one.text("email"))]
    host = email.rpartition("@")[2]
    return any(domain == host and not is_role(local) for local, _, domain in published)


def _is_published(prospect: Prospect, group: Sequence[_Listed]) -> bool:
    """Tell whether the very address or profile asked about stands beside the name."""
    known = prospect.known
    mailboxes = {mailbox_key(address) for one in group if (address := one.text("email"))}
    profiles = {linkedin_id(url) for one in group if (url := one.text("linkedin_url"))}
    same_mailbox = known.email is not None and mailbox_key(known.email) in mailboxes
    return same_mailbox or (known.linkedin is not None and known.linkedin in profiles)


def _about(prospect: Prospect, found: Fit, listed: _Listed) -> list[Fact]:
    """Say of the prospect what the page says of this person."""
    fact = listed.fact
    said: dict[str, Json] = {
        "full_name": listed.full_name,
        **_first_and_last(listed.full_name),
        **{key: listed.text(key) for key in ("title", "seniority", "linkedin_url")},
        "email": _email(prospect, listed),
    }
    facts = _facts(
        said,
        fact.source,
        round(found.confidence * fact.confidence, 3),
        fact.seen_at,
        source_url=fact.source_url,
        evidence=f"matched by {found.pattern}",
    )
    return [_as_guess(one) for one in facts] if found.confidence <= _POSSIBLY else facts


def _email(prospect: Prospect, listed: _Listed) -> Json:
    """Return the published address, unless it is another one than the caller asked about."""
    address, asked = listed.text("email"), prospect.known.email
    if address is None or (asked and mailbox_key(asked) != mailbox_key(address)):
        return None
    return {"address": address, "status": "unverified"}


def _candidate(found: Fit, listed: _Listed) -> Fact:
    keys = ("full_name", "title", "linkedin_url", "company")
    value: Json = {key: text for key in keys if (text := listed.text(key))}
    confidence = round(found.confidence * listed.fact.confidence, 3)
    evidence = f"matched by {found.pattern}"
    return replace(
        listed.fact,
        field="person.candidates",
        value=value,
        confidence=confidence,
        verified=False,
        evidence=evidence,
        id="",
    )


def _first_and_last(full_name: str) -> dict[str, Json]:
    both = first_and_last(full_name)
    return {"first_name": both[0], "last_name": both[1]} if both else {}


def _facts(
    said: Mapping[str, Json],
    source: str,
    confidence: float,
    seen_at: datetime,
    *,
    source_url: str | None = None,
    evidence: str,
) -> list[Fact]:
    """Make a fact of the person of everything that is known."""
    return [
        Fact(
            f"person.{name}",
            value,
            source,
            confidence,
            seen_at,
            source_url=source_url,
            evidence=evidence,
        )
        for name, value in said.items()
        if value
    ]
