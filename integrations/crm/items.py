"""What a connection sends, as asks: one object or a list, each field found where its path says."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

import orjson

from app.connections import PLACES, Connection
from app.digest import digest
from app.errors import BadField, InvalidProspect, InvalidRequest
from app.facts import Section
from app.intake import Ask, Idempotency
from app.job import Priority
from app.prospect import Prospect, from_parts

MOST_ITEMS = 100

LONGEST = 500
"""Characters of a field that is read."""

LONGEST_URL = 2_048

CREATED, UPDATED = "record.created", "record.updated"

KINDS = frozenset({"person", "company"})

REPEATED_WITHIN = timedelta(minutes=10)
"""The same body again is the same message for so long, if nothing in it says which one it is
(facts/crm.md section 9.5, read 2026-11-21)."""

_IDENTIFIERS = ("email", "domain", "linkedin_url", "name", "company")


class Unreadable(Exception):
    """The body is not JSON."""


@dataclass(frozen=True, slots=True)
class Item:
    """One record that a connection told of; `said` are the fields of PLACES that it has."""

    said: Mapping[str, str] = field(repr=False)

    @property
    def is_wanted(self) -> bool:
        """Tell whether this is about a record that is new or has changed."""
        return self.said.get("type", CREATED) in {CREATED, UPDATED}

    @property
    def callback_url(self) -> str:
        """Return where the end is to be told; empty if nowhere."""
        return self.said.get("callback_url", "")

    def ask(self) -> Ask:
        """Return the request for the core. Raises InvalidProspect, InvalidRequest."""
        kind = self.said.get("object", "person")
        if kind not in KINDS:
            raise InvalidRequest(
                "object: This is neither person nor company.",
                [BadField("object", "This is neither person nor company.")],
            )
        of_company = frozenset(Section) - {Section.person}
        return Ask(
            prospect=prospect_of(self.said),
            sections=of_company if kind == "company" else None,
            priority=Priority.crm,
        )


def listed(raw: bytes) -> list[object]:
    """Return the items of a body: a list, or the one it is. Raises Unreadable, InvalidRequest."""
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError as exc:
        raise Unreadable from exc
    items = body if isinstance(body, list) else [body]
    if len(items) > MOST_ITEMS:
        raise InvalidRequest(f"A body has at most {MOST_ITEMS} items.")
    return items


def read(connection: Connection, item: object) -> Item:
    """Read one item. Raises InvalidRequest that names every field that is no text."""
    if not isinstance(item, dict):
        raise InvalidRequest("An item is a JSON object.")
    found = {place: pick(item, connection.path(place)) for place in PLACES}
    bad = [BadField(place, why) for place, value in found.items() if (why := _wrong(place, value))]
    if bad:
        told = "; ".join(f"{one.name}: {one.message}" for one in bad)
        raise InvalidRequest(told, bad)
    return Item({place: said for place, value in found.items() if (said := text(value))})


def pick(item: object, path: str) -> object:
    """Return what is at a dotted path; None when there is nothing.

    >>> pick({"contact": {"emails": [{"value": "a@b.example"}]}}, "contact.emails.0.value")
    'a@b.example'
    """
    found = item
    for part in path.split("."):
        if isinstance(found, dict):
            found = found.get(part)
        elif isinstance(found, list) and part.isascii() and part.isdigit():
            found = found[int(part[:9])] if int(part[:9]) < len(found) else None
        else:
            return None
    return found


def text(value: object) -> str:
    """Return a value as text; empty for what says nothing."""
    if value is None or isinstance(value, bool | dict | list):
        return ""
    return str(value).strip()


def _wrong(place: str, value: object) -> str:
    if isinstance(value, bool | dict | list):
        return "This is no text."
    longest = LONGEST_URL if place == "callback_url" else LONGEST
    return f"This is longer than {longest} characters." if len(text(value)) > longest else ""


def prospect_of(said: Mapping[str, str]) -> Prospect:
    """Return who is meant by these fields. Raises InvalidProspect."""
    given = {name: said[name] for name in _IDENTIFIERS if said.get(name)}
    if "name" not in given:
        name = " ".join(said[part] for part in ("first_name", "last_name") if said.get(part))
        given |= {"name": name} if name else {}
    if not given:
        raise InvalidProspect(
            "There is nobody to look up: give an email, a domain, a linkedin_url, or a name "
            "with a company."
        )
    return from_parts(**given)


def repeated_as(
    connection: Connection, item: Item, message_id: str, key: str | None, raw: bytes, index: int
) -> Idempotency:
    """Return by what an item is known when it comes again.

    Its own event_id; else the id of the signed message, or the Idempotency-Key; else its body, for
    REPEATED_WITHIN. A key with another body is no repetition but a mistake: both are told apart by
    the digest.
    """
    body = hashlib.sha256(raw).hexdigest()
    if event_id := item.said.get("event_id"):
        return Idempotency(f"event:{digest(event_id)}", "")
    if message_id:
        return Idempotency(f"message:{digest(message_id)}:{index}", "")
    if key:
        return Idempotency(f"key:{digest(key)}:{index}", body)
    mark = digest(f"{connection.name}:{body}")
    return Idempotency(f"body:{mark}:{index}", "", REPEATED_WITHIN)
