"""Postal addresses in lines of text, and which of them is the head office."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from app.web.countries import COUNTRIES, US_STATES, country_code
from app.web.page import Line, Page, Part
from app.web.text import ascii_marks, evidence, tidy

_STREET_LINES = 3  # lines above the city that may belong to the address
_COUNTRY_LINES = 6  # lines below the city among which its country may stand
_HQ_LINES = 5

_CITY_WORD = r"[A-ZÀ-ÞŠŽ][\w'.]*"
_CITY = rf"{_CITY_WORD}(?:[ -](?:am|an|der|im|sur|la|le|les|de|upon|{_CITY_WORD})(?!\w)){{0,5}}"
_US = re.compile(
    rf"(?P<city>{_CITY}),? (?P<region>[A-Z]{{2}}),? (?P<postcode>\d{{5}}(?:-\d{{4}})?)\b"
)
_CA = re.compile(
    rf"(?P<city>{_CITY}),? (?P<region>[A-Z]{{2}}),? (?P<postcode>[A-Z]\d[A-Z] ?\d[A-Z]\d)\b"
)
_GB = re.compile(
    rf"(?:(?P<city>{_CITY}),? (?:UK,? )?)?\b(?P<postcode>[A-Z]{{1,2}}\d[\dA-Z]? \d[A-Z]{{2}})\b"
)
_BEFORE = re.compile(
    rf"(?:\b[A-Z]{{1,2}}-)?\b(?P<postcode>\d{{4,5}}|\d{{3}} \d{{2}}|\d{{4}} [A-Z]{{2}})"
    rf" (?P<city>{_CITY})"
)
_AFTER = re.compile(rf"^(?P<city>{_CITY}),? (?P<postcode>\d{{4,6}})\b")

_HQ = re.compile(
    r"(?<!regional )(?<!european )(?<!emea )\b(?:head ?quarters?|head office|hq)\b|hauptsitz"
    r"|hauptgeschäftssitz|hovedkontor|huvudkontor|siège(?: social)?|zentrale\b",
    re.IGNORECASE,
)
_STREET = re.compile(
    r"\d+\w?\b.*|.*\b(?:street|st\.?|road|rd\.?|avenue|ave\.?|drive|dr\.?|lane|quay|square|place|plaza|"
    r"blvd|boulevard|suite|ste\.?|floor|p\.?o\.? box|house|tower|building|park|rue|place|cours)\b.*"
    r"|.*\s\d+\s?[a-z]?(?:\s?-\s?\d+\s?[a-z]?)?|.*(?:straße|strasse|str\.|weg|platz|allee|gasse|ring|damm|vej|gade|gatan|vägen)\b.*",
    re.IGNORECASE,
)
_STREET_WORD = re.compile(
    r"\b(?:street|st|road|rd|avenue|ave|drive|dr|lane|quay|square|place|plaza|blvd|boulevard|suite"
    r"|ste|floor|house|tower|building|park|court|parkway|way|broadway|highway)\b",
    re.IGNORECASE,
)
_NOT_STREET = re.compile(
    r"\b(?:tel|phone|fax|e-?mail|telefon|copyright|www)\b|[©@]|https?:|\+\d", re.IGNORECASE
)
_POSTBOX = re.compile(r"\bp\.?o\.? box\b|\bpostfach\b|\bpostboks\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Place:
    """One address: as one line of text, its parts, and whether it is marked as head office."""

    text: str
    city: str
    region: str
    country: str | None  # ISO code
    is_head_office: bool
    page: Page
    quote: str

    @property
    def location(self) -> str:
        """Return city, region and country as a card shows them."""
        country = COUNTRIES.get(self.country or "", "")
        return ", ".join(part for part in (self.city, self.region, country) if part)


def find_places(page: Page, region: str | None) -> list[Place]:
    """Return the addresses on a page; `region` is the country the site's domain belongs to."""
    lines = [line for line in page.lines if line.part is not Part.nav and len(line.text) <= 300]
    found: dict[str, Place] = {}
    for at in range(len(lines)):
        place = _place_at(page, lines, at, region)
        if place is not None:
            key = f"{place.city}|{place.text}".casefold()
            if key not in found or place.is_head_office:
                found[key] = place
    return list(found.values())


def head_office(places: Sequence[Place]) -> Place | None:
    """Return the head office: the one marked so, or the only city there is."""
    marked = [place for place in places if place.is_head_office and place.city]
    if marked:
        return max(marked, key=lambda place: place.country is not None)
    whole = [place for place in places if place.city and place.country]
    return whole[0] if len({place.city.casefold() for place in whole}) == 1 else None


def _place_at(page: Page, lines: Sequence[Line], at: int, region: str | None) -> Place | None:
    text = ascii_marks(lines[at].text)
    match, country = _city(text, region)
    if match is None or _looks_like_street(text, match):
        return None
    before = text[: match.start()].strip(" ,;:-|")
    street = _streets(before, lines, at)
    if not street or any(map(_POSTBOX.search, street)):
        return None
    if country is None or match.re in (_BEFORE, _AFTER):
        country = _country(text[match.end() :], lines, at) or country
    if country is None:
        return None
    parts = match.groupdict(default="")
    city = parts["city"] or _city_before(street)
    if not city:
        return None
    region_part = parts.get("region", "")
    own = tidy(match.group(0)).rstrip(".,")
    full = ", ".join(dict.fromkeys([*street, own, COUNTRIES.get(country, "")]))
    return Place(
        text=full[:200],
        city=city.rstrip(".,"),
        region=region_part,
        country=country,
        is_head_office=_is_marked(lines, at),
        page=page,
        quote=evidence(", ".join([*street, text])),
    )


def _city(text: str, region: str | None) -> tuple[re.Match[str] | None, str | None]:
    """Find city and postcode; the format alone names the country for US, CA and GB."""
    for pattern, code in ((_US, "US"), (_CA, "CA"), (_GB, "GB")):
        match = pattern.search(text)
        if match and (code != "US" or match.group("region") in US_STATES):
            return match, code
    if match := _BEFORE.search(text):
        return match, region
    return _AFTER.search(text), region


def _looks_like_street(text: str, match: re.Match[str]) -> bool:
    """Tell "6903 Acme Drive" from "6903 Acmetown": a house number is followed by a street."""
    if match.re is not _BEFORE:
        return False
    return _STREET_WORD.search(text[match.start() : match.end() + 20]) is not None


def _is_city_line(line: Line) -> bool:
    text = ascii_marks(line.text)
    match, _ = _city(text, None)
    return match is not None and not _looks_like_street(text, match)


def _streets(before: str, lines: Sequence[Line], at: int) -> list[str]:
    """Return the street: what stands before the city, else the lines above it."""
    if before:
        pieces = [tidy(piece) for piece in re.split(r"\s[-|]\s|;", before)]
        last = re.sub(r"^.*(?:address|adresse|location)[:\s]+", "", pieces[-1], flags=re.IGNORECASE)
        return [last] if _STREET.fullmatch(last) and not _NOT_STREET.search(last) else []
    above: list[str] = []
    for line in reversed(lines[max(0, at - _STREET_LINES) : at]):
        if line.heading or len(line.text) > 60 or _NOT_STREET.search(line.text):
            break
        above.insert(0, line.text.rstrip(","))
    first = next((i for i, text in enumerate(above) if _STREET.fullmatch(text)), None)
    return above[first:] if first is not None else []


def _city_before(street: list[str]) -> str:
    """Take the city from the end of the street parts, as in British addresses."""
    pieces = [piece.strip() for part in street for piece in part.split(",")]
    last = pieces[-1] if len(pieces) > 1 else ""
    return last if re.fullmatch(_CITY, last) else ""


def _country(after: str, lines: Sequence[Line], at: int) -> str | None:
    for piece in re.split(r"[,;|]|\s[-]\s", after):
        if code := country_code(piece):
            return code
    for line in lines[at + 1 : at + 1 + _COUNTRY_LINES]:
        if line.heading or _is_city_line(line):
            break
        if code := country_code(line.text):
            return code
    return next((code for line in _headings_above(lines, at) if (code := country_code(line))), None)


def _headings_above(lines: Sequence[Line], at: int) -> Iterator[str]:
    return (line.text for line in reversed(lines[max(0, at - 12) : at]) if line.heading)


def _is_marked(lines: Sequence[Line], at: int) -> bool:
    """Tell whether the lines just above call this address the head office."""
    for line in reversed(lines[max(0, at - _HQ_LINES) : at + 1]):
        if len(line.text) <= 120 and _HQ.search(line.text):
            return True
        if line is not lines[at] and (line.heading or _is_city_line(line)):
            return _HQ.search(line.text) is not None
    return False
