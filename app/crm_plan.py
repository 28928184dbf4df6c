"""What is written into a record of a CRM: facts become values of properties, by the rules. Pure.

Nothing that a person typed is lost: a rule's policy says when a value may take another's place
(facts/crm.md section 6, read 2026-11-21). An empty value never clears one, a guess is no value,
and who a record is about, whose it is and how far it has come are never ours to say.
"""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as column
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum

from app.crm import CrmRecord, Property
from app.facts import FIELDS, Fact, Json
from app.wire import iso


class Policy(StrEnum):
    """When a property may be written."""

    fill_blank = "fill_blank"  # while it is empty
    ours_only = "ours_only"  # while it is empty, or our app wrote it last
    overwrite = "overwrite"  # whenever we are sure enough
    propose = "propose"  # never before somebody has agreed to it
    never = "never"


SURE = 0.8
"""How sure a fact has to be (0..1) to take another value's place, unless a rule says otherwise."""

LIKELY = 0.5
"""How sure it has to be to fill a blank."""

PROTECTED = frozenset(
    {
        *("email", "emails", "email_addresses", "hs_additional_emails"),
        *("owner", "owner_id", "ownerid", "hubspot_owner_id", "user_id"),
        *("lifecyclestage", "hs_lead_status", "lead_status", "leadstatus"),
    }
)
"""Properties that are never written, whatever a rule says; case does not matter."""

OWN = "own"
"""The policy of our own properties."""

PREFIX = "warmcall_"
"""How the names of our own properties begin: those of them that are defined are always written."""

LONGEST = 65_536
"""Characters of a text property (facts/crm.md section 5)."""

PARTS: Mapping[str, str] = {
    "person.email": "address",
    "person.phones": "number",
    "company.funding": "stage",
    "company.socials": "url",
    "company.status": "status",
}
"""Which part of a fact that is an object is meant when a rule names none."""

PLACES: Mapping[str, int] = {"city": 0, "state": 1, "country": 2}
"""Parts of a location like `Austin, Texas, United States`; no other one is taken apart."""

JOINED = "; "


@dataclass(frozen=True, slots=True)
class Rule:
    """Which of our fields goes into a property, and when.

    `field` may name a part: `company.funding.total`, `person.location.city`. `sure` (0..1) is how
    sure the fact has to be.
    """

    property: str
    field: str
    policy: Policy = Policy.fill_blank
    sure: float = 0.0


@dataclass(frozen=True, slots=True)
class Change:
    """A value for a property: what it replaces, by which rule, and on which fact it rests.

    `reason` says in one word why it is not to be written; empty when it is. `is_proposed` means
    that somebody has to agree first.
    """

    property: str
    field: str
    old: str = column(repr=False)
    new: str = column(repr=False)
    policy: str
    fact_id: str = ""
    source: str = ""
    confidence: float = 0.0
    reason: str = ""
    is_proposed: bool = False


@dataclass(frozen=True, slots=True)
class Standing:
    """What our own properties say of a record: see `standing`."""

    status: str
    at: datetime
    confidence: float | None
    battlecard_url: str
    summary: str = column(repr=False)
    sources: Sequence[str] = ()


Translate = Callable[[Property, str], str | None]


def fields_known(name: str) -> bool:
    """Tell whether a rule may name this field.

    >>> fields_known("company.funding.total"), fields_known("person.shoe_size")
    (True, False)
    """
    whole, part = _split(name)
    takes_apart = whole in PARTS or (whole.endswith(".location") and part in PLACES)
    return whole in FIELDS and (not part or takes_apart)


def planned(
    rules: Sequence[Rule],
    facts: Sequence[Fact],
    record: CrmRecord,
    definitions: Mapping[str, Property],
    translate: Translate,
    disputed: Collection[str] = (),
) -> tuple[Change, ...]:
    """Return for every rule with a known fact what it would write, or why it does not.

    `facts` are those that the card shows, `disputed` the fields that sources disagree about: what
    is disputed takes no other value's place.
    """
    changes = (_change(rule, facts, record, definitions, translate, disputed) for rule in rules)
    return tuple(change for change in changes if change)


def _change(
    rule: Rule,
    facts: Sequence[Fact],
    record: CrmRecord,
    definitions: Mapping[str, Property],
    translate: Translate,
    disputed: Collection[str],
) -> Change | None:
    known = told(rule.field, facts)
    if known is None:
        return None
    text, fact = known
    old = record.values.get(rule.property, "")
    prop = definitions.get(rule.property)
    new = None if prop is None else _fitting(prop, text, translate)
    return Change(
        property=rule.property,
        field=rule.field,
        old=old,
        new=text if new is None else new,
        policy=rule.policy.value,
        fact_id=fact.id,
        source=fact.source,
        confidence=fact.confidence,
        reason=_reason(rule, fact, record, prop, new) or _dispute(rule, fact, old, disputed),
        is_proposed=rule.policy is Policy.propose,
    )


def _reason(
    rule: Rule, fact: Fact, record: CrmRecord, prop: Property | None, new: str | None
) -> str:
    """Say in one word why a value is not written; empty when it is."""
    old = record.values.get(rule.property, "")
    is_blank = not old.strip()
    may_replace = {
        Policy.fill_blank: is_blank,
        Policy.ours_only: is_blank or rule.property in record.ours,
    }
    reasons = {
        "protected": is_protected(rule.property),
        "never": rule.policy is Policy.never,
        "undefined": prop is None,
        "read_only": prop is not None and prop.is_read_only,
        "inferred": fact.inferred,
        "untranslatable": not new,
        "same": prop is not None and bool(new) and same(prop.type, old, new or ""),
        "kept": not may_replace.get(rule.policy, True),
        "unsure": fact.confidence < rule.sure,
    }
    return next((reason for reason, is_so in reasons.items() if is_so), "")


def _dispute(rule: Rule, fact: Fact, old: str, disputed: Collection[str]) -> str:
    replaces = rule.policy is Policy.overwrite and bool(old.strip())
    return "disputed" if replaces and fact.field in disputed else ""


def is_protected(name: str) -> bool:
    """Tell whether a property is never ours to write."""
    return name.casefold() in PROTECTED


def same(kind: str, one: str, other: str) -> bool:
    """Tell whether two values of a property mean the same: spelling and spaces do not count.

    >>> same("number", "12500000", "12500000.0"), same("text", "VP  of sales ", "VP of Sales")
    (True, True)
    """
    read = _READ.get(kind)
    if read:
        values = read(one), read(other)
        if None not in values:
            return values[0] == values[1]
    return _folded(one) == _folded(other)


def told(name: str, facts: Sequence[Fact]) -> tuple[str, Fact] | None:
    """Return what the facts say about a field as text, and the fact it rests on; None = nothing.

    Of a list of words all are told, of a list of objects the first.
    """
    whole, part = _split(name)
    mine = [fact for fact in facts if fact.field == whole]
    texts = [(text, fact) for fact in mine if (text := _text(fact.value, whole, part))]
    if not texts:
        return None
    if FIELDS[whole].many and not isinstance(texts[0][1].value, dict) and whole.endswith("ies"):
        return JOINED.join(text for text, _ in texts), texts[0][1]
    return texts[0]


def _split(name: str) -> tuple[str, str]:
    if name in FIELDS:
        return name, ""
    whole, _, part = name.rpartition(".")
    return whole, part


def _text(value: Json, whole: str, part: str) -> str:
    if isinstance(value, dict):
        value = value.get(part or PARTS.get(whole, ""))
    elif part:
        value = _place(str(value), part)
    if value is None or isinstance(value, dict | list):
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value).strip()


def _place(text: str, part: str) -> str:
    """Return a part of a location, empty when it cannot be told without guessing."""
    places = [one.strip() for one in text.split(",")]
    return places[PLACES[part]] if len(places) == len(PLACES) and part in PLACES else ""


def _fitting(prop: Property, text: str, translate: Translate) -> str | None:
    new = translate(prop, text)
    return None if new is None or len(new) > LONGEST else new.strip()


def _number(text: str) -> Decimal | None:
    try:
        number = Decimal(text.strip())
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _moment(text: str) -> datetime | None:
    """Read a time to the second: ISO 8601, or milliseconds since 1970."""
    try:
        if text.strip().isdigit():
            return datetime.fromtimestamp(int(text) // 1000, UTC)
        return datetime.fromisoformat(text.strip()).replace(microsecond=0)
    except (ValueError, OverflowError, OSError):
        return None


_READ: Mapping[str, Callable[[str], Decimal | datetime | None]] = {
    "number": _number,
    "date": _moment,
    "datetime": _moment,
}


def _folded(text: str) -> str:
    return " ".join(text.split()).casefold()


# --- our own properties ---


def own(definitions: Mapping[str, Property]) -> Mapping[str, Property]:
    """Return those of our own properties that are defined, by our name for them.

    A CRM that names properties by a key of its own is looked through by what people call them.
    """
    found: dict[str, Property] = {}
    for name, prop in definitions.items():
        for word in (name, re.sub(r"\W+", "_", prop.label)):
            if word.casefold().startswith(PREFIX):
                found.setdefault(word.casefold(), prop)
    return found


def standing(
    now: Standing, record: CrmRecord, definitions: Mapping[str, Property], translate: Translate
) -> tuple[Change, ...]:
    """Return what our own properties have to say anew."""
    values = {
        "status": now.status,
        "enriched_at": iso(now.at.replace(microsecond=0)),
        "confidence": "" if now.confidence is None else f"{now.confidence:.2f}",
        "battlecard_url": now.battlecard_url,
        "summary": now.summary,
        "sources": "\n".join(now.sources),
    }
    changes = []
    for name, prop in own(definitions).items():
        text = values.get(name.removeprefix(PREFIX), "")
        new = _fitting(prop, text, translate) if text else None
        old = record.values.get(prop.name, "")
        if new and not same(prop.type, old, new) and not prop.is_read_only:
            changes.append(Change(prop.name, name, old, new, OWN))
    return tuple(changes)


def properties_of(rules: Sequence[Rule], definitions: Mapping[str, Property]) -> list[str]:
    """Return the properties whose values a plan has to know."""
    ours = {prop.name for prop in own(definitions).values()}
    return sorted({rule.property for rule in rules} | ours)
