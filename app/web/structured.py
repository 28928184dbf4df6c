"""JSON-LD of a page: read tolerantly, kept to what concerns the organisation.

Vocabulary: https://schema.org/Organization, read 2026-11-21. Private facts about people are never
taken over.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

from app.facts import Json
from app.web.page import Page
from app.web.text import plain, wordset

MAX_DEPTH = 20

_KINDS = re.compile(
    r"Organization|Corporation|Business|NGO|Store|Hotel|Restaurant|University|Shop$"
)
_TRADES = wordset(
    "Plumber Electrician Dentist Physician LegalService Attorney Notary AccountingService"
    " RealEstateAgent TravelAgency InsuranceAgency BankOrCreditUnion Airline Brewery Library"
    " Hospital Pharmacy School CollegeOrUniversity AutoRepair Bakery MedicalClinic Locksmith"
)
_OPENING = re.compile(r"\s*(?:<!\[CDATA\[|<!--|/\*[^*]{0,200}\*/|//\s*<!\[CDATA\[)")
_CLOSINGS = (";", "-->", "]]>", "//", "/*", "*/")
_COMMENT_LINE = re.compile(r"^\s*//.*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Address:
    """A postal address; parts that were not given are empty."""

    street: str = ""
    postcode: str = ""
    city: str = ""
    region: str = ""
    country: str = ""


@dataclass(frozen=True, slots=True)
class Organisation:
    """What a page's JSON-LD says about one organisation."""

    name: str = ""
    legal_name: str = ""
    description: str = ""
    url: str = ""
    founded: str = ""
    employees: int | None = None
    phones: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()
    same_as: tuple[str, ...] = ()
    addresses: tuple[Address, ...] = ()
    parent: str = ""
    people: tuple[tuple[str, str], ...] = ()  # name, title


@dataclass(frozen=True, slots=True)
class Structured:
    """The organisations a page describes, and the name it gives the site itself."""

    organisations: tuple[Organisation, ...] = ()
    site_name: str = ""


def read_structured(page: Page) -> Structured:
    """Read all JSON-LD blocks of a page; a broken block costs only itself."""
    things = [thing for block in page.raw_blocks for thing in _things(_parse(block), 0)]
    named = (_text(thing.get("name")) for thing in things if "WebSite" in _kinds(thing))
    return Structured(
        tuple(_organisation(thing) for thing in things if _is_organisation(thing)),
        next((name for name in named if name), ""),
    )


def _parse(block: str) -> Json:
    """Parse one block: comments, wrappers and a string that holds JSON are all seen in the wild."""
    text = _unwrapped(block)
    for attempt in (text, _COMMENT_LINE.sub("", text)):
        try:
            value: Json = json.loads(attempt, strict=False)
            return json.loads(value, strict=False) if isinstance(value, str) else value
        except (ValueError, RecursionError):
            continue
    return None


def _unwrapped(block: str) -> str:
    """Take CDATA and comment marks, and a stray semicolon, off the ends of a block."""
    text = block.strip()
    while match := _OPENING.match(text):
        text = text[match.end() :]
    while ending := next((end for end in _CLOSINGS if text.endswith(end)), None):
        text = text.removesuffix(ending).rstrip()
    return text


def _things(value: Json, depth: int) -> Iterator[dict[str, Json]]:
    if depth > MAX_DEPTH:
        return
    if isinstance(value, list):
        for part in value:
            yield from _things(part, depth + 1)
    elif isinstance(value, dict):
        yield value
        for key in ("@graph", "mainEntity", "publisher"):
            yield from _things(value.get(key), depth + 1)


def _kinds(thing: dict[str, Json]) -> tuple[str, ...]:
    kind = thing.get("@type")
    kinds = kind if isinstance(kind, list) else [kind]
    return tuple(part.rpartition("/")[2] for part in kinds if isinstance(part, str))


def _is_organisation(thing: dict[str, Json]) -> bool:
    return any(_KINDS.search(kind) or kind in _TRADES for kind in _kinds(thing))


def _organisation(thing: dict[str, Json]) -> Organisation:
    contacts = [part for part in _list(thing.get("contactPoint")) if isinstance(part, dict)]
    parent = thing.get("parentOrganization")
    return Organisation(
        name=_text(thing.get("name")),
        legal_name=_text(thing.get("legalName")),
        description=_text(thing.get("description"), most=600),
        url=_text(thing.get("url")) or _text(thing.get("@id")),
        founded=_text(thing.get("foundingDate")),
        employees=_count(thing.get("numberOfEmployees")),
        phones=_texts(thing.get("telephone"), *(part.get("telephone") for part in contacts)),
        emails=_texts(thing.get("email"), *(part.get("email") for part in contacts)),
        same_as=_texts(thing.get("sameAs")),
        addresses=tuple(a for part in _list(thing.get("address")) if (a := _address(part))),
        parent=_text(parent.get("name")) if isinstance(parent, dict) else "",
        people=tuple(_people(thing)),
    )


def _people(thing: dict[str, Json]) -> Iterator[tuple[str, str]]:
    for key, usual in (("founder", "Founder"), ("founders", "Founder"), ("employee", "")):
        for person in _list(thing.get(key)):
            if isinstance(person, dict) and "Person" in _kinds(person):
                name, title = _text(person.get("name")), _text(person.get("jobTitle")) or usual
                if name and title:
                    yield name, title


def _address(value: Json) -> Address | None:
    if isinstance(value, str) and value.strip():
        return Address(street=plain(value)[:200])
    if not isinstance(value, dict):
        return None
    country = value.get("addressCountry")
    found = Address(
        street=_text(value.get("streetAddress")),
        postcode=_text(value.get("postalCode")),
        city=_text(value.get("addressLocality")),
        region=_text(value.get("addressRegion")),
        country=_text(country.get("name") if isinstance(country, dict) else country),
    )
    return found if found != Address() else None


def _count(value: Json) -> int | None:
    if isinstance(value, dict):
        value = value.get("value")
    if isinstance(value, bool):
        return None
    if isinstance(value, str) and len(value) < 20 and value.strip().isdecimal():
        value = int(value)
    return value if isinstance(value, int) and 0 < value < 5_000_000 else None


def _list(value: Json) -> list[Json]:
    return value if isinstance(value, list) else [value]


def _texts(*values: Json) -> tuple[str, ...]:
    found = (_text(part) for value in values for part in _list(value))
    return tuple(dict.fromkeys(text for text in found if text))[:30]


def _text(value: Json, most: int = 300) -> str:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return str(value)
    return plain(value)[:most] if isinstance(value, str) else ""
