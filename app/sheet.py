"""A CSV file of prospects, read: which columns say who is meant, and whom each row names.

One reader for the terminal, REST and Slack. Pure. Quotes and line ends by RFC 4180, with commas,
semicolons or tabs between the cells, as spreadsheets of most countries save them.
"""

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from io import StringIO

from app.errors import BadField, InvalidProspect, InvalidRequest
from app.prospect import Prospect, from_parts, identify

MOST_BYTES = 10_000_000
"""Of a file."""

MOST_ROWS = 10_000
"""Below the header."""

MOST_COLUMNS = 300
TOLD = 20  # bad rows that one error names
SNIFFED = 50  # rows that are looked at to find out what a column holds
SURE = 0.6  # share of the filled cells of a column that have to look alike

OURS = "warmcall_"
"""How the columns begin that we add: a file that was here before loses them."""

CP1252 = (
    "The file is not UTF-8; it was read as Windows-1252 (cp1252). Save it as UTF-8 if names look "
    "wrong."
)
UNNAMED = "The file has no header, so its first row was read as a prospect."

KINDS: Mapping[str, tuple[str, ...]] = {
    "email": (
        *("email", "workemail", "businessemail", "companyemail", "corporateemail"),
        *("emailaddress", "workemailaddress", "emailwork", "mail", "contactemail"),
        *("primaryemail", "emailadresse", "courriel", "correo", "personalemail"),
    ),
    "linkedin_url": (
        *("linkedin", "linkedinurl", "linkedinprofile", "linkedinprofileurl", "personlinkedin"),
        *("personlinkedinurl", "contactlinkedin", "linkedinlink", "profileurl"),
        *("companylinkedin", "companylinkedinurl"),
    ),
    "domain": (
        *("domain", "companydomain", "domainname", "website", "companywebsite", "websiteurl"),
        *("companyurl", "homepage", "webseite", "web", "site", "url"),
    ),
    "name": (
        *("name", "fullname", "contactname", "personname", "leadname", "contact", "person"),
        *("prospect", "lead"),
    ),
    "first": ("firstname", "first", "givenname", "forename", "vorname", "prenom"),
    "last": ("lastname", "last", "surname", "familyname", "nachname", "nom"),
    "company": (
        *("company", "companyname", "organization", "organisation", "organizationname"),
        *("account", "accountname", "employer", "business", "firma", "unternehmen"),
    ),
}
"""What a column may hold -> how its name is spelled, without blanks and signs; the best first."""

_PLAIN = re.compile(r"[^a-z0-9]+")
_LOOKS: Mapping[str, re.Pattern[str]] = {
    "linkedin_url": re.compile(r"(https?://)?([a-z]+\.)?linkedin\.com/.+", re.IGNORECASE),
    "email": re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+"),
    "domain": re.compile(r"(https?://)?([\w-]+\.)+[a-z]{2,}(/\S*)?", re.IGNORECASE),
}
"""How the cells of a column look that nobody named."""


@dataclass(frozen=True, slots=True)
class Line:
    """One row: its cells as they were given, and whom it names, or the code of why nobody."""

    cells: tuple[str, ...] = field(repr=False)
    prospect: Prospect | None = field(repr=False)
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Sheet:
    """A file that was read. `notes` are for whoever sent it, such as that it was no UTF-8."""

    columns: tuple[str, ...]
    lines: Sequence[Line] = field(repr=False)
    delimiter: str = ","
    has_bom: bool = False
    notes: tuple[str, ...] = ()


def read(raw: bytes, *, column: str | None = None, most_rows: int = MOST_ROWS) -> Sheet:
    """Read a file. `column` names the one that says who is meant, whatever the others hold.

    >>> sheet = read(b"E-Mail;Note\\njane@acme.example;hello\\n")
    >>> sheet.columns, sheet.delimiter, sheet.lines[0].prospect.key
    (('E-Mail', 'Note'), ';', 'email:jane@acme.example')

    A row that names nobody has a problem and no prospect. Raises InvalidRequest when the file
    cannot be read, no column says who is meant, or no row names anybody.
    """
    text, notes = _decoded(raw)
    delimiter, text = _delimiter(text)
    records = _records(text, delimiter, most_rows)
    if not records:
        raise _refused("file", "The file is empty.")
    header, kinds = records[0], _kinds(records[0], column)
    rows = records[1:]
    if not kinds:
        header, rows, kinds = _unnamed(records)
        notes.append(UNNAMED)
    kept = [place for place, name in enumerate(header) if not name.startswith(OURS)]
    lines = [_line(row, kinds, kept) for row in _squared(rows, header)]
    if not any(line.prospect for line in lines):
        raise _refused("file", "No row names anybody who can be looked up.")
    columns = tuple(header[place] for place in kept)
    return Sheet(columns, lines, delimiter, raw.startswith(b"\xef\xbb\xbf"), tuple(notes))


def _refused(name: str, message: str) -> InvalidRequest:
    return InvalidRequest(message, [BadField(name, message)])


# --- bytes to cells ------------------------------------------------------------------------


def _decoded(raw: bytes) -> tuple[str, list[str]]:
    if len(raw) > MOST_BYTES:
        raise _refused("file", f"The file is larger than {MOST_BYTES // 1_000_000} MB.")
    if raw.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise _refused("file", "This is a workbook, not a CSV file: save it as CSV (UTF-8).")
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        return _as("utf-16", raw), []
    try:
        return raw.decode("utf-8-sig").replace("\0", ""), []
    except UnicodeDecodeError:
        return _as("cp1252", raw), [CP1252]


def _as(encoding: str, raw: bytes) -> str:
    try:
        return raw.decode(encoding).replace("\0", "")
    except UnicodeDecodeError as exc:
        message = "The file is neither UTF-8 nor Windows-1252: save it as CSV (UTF-8)."
        raise _refused("file", message) from exc


def _delimiter(text: str) -> tuple[str, str]:
    """Return what stands between the cells, and the text behind a line that says so (Excel's)."""
    if said := re.match(r"sep=([,;\t|])\r?\n", text):
        return said[1], text[said.end() :]
    widths = {one: _width(text, one) for one in ",;\t"}
    return max(widths, key=lambda one: widths[one]), text


def _width(text: str, delimiter: str) -> int:
    try:
        return len(next(_reader(text, delimiter), []))
    except csv.Error:
        return 0


def _reader(text: str, delimiter: str) -> "Iterator[list[str]]":
    return csv.reader(StringIO(text, newline=""), delimiter=delimiter, strict=True)


def _records(text: str, delimiter: str, most_rows: int) -> list[list[str]]:
    """Return the header and the rows; a line without any text is none."""
    records: list[list[str]] = []
    try:
        for record in _reader(text, delimiter):
            if any(cell.strip() for cell in record):
                records.append(record)
            if len(records) > most_rows + 1:
                raise _refused("file", f"The file has more than {most_rows:,} rows.")
    except csv.Error as exc:
        raise _refused("file", f"Row {len(records) + 1} is not CSV: {exc}.") from exc
    if records and len(records[0]) > MOST_COLUMNS:
        raise _refused("file", f"The file has more than {MOST_COLUMNS} columns.")
    return records


def _squared(rows: Sequence[list[str]], header: Sequence[str]) -> Iterator[list[str]]:
    """Yield the rows, all as wide as the header. Raises InvalidRequest for those too wide."""
    width = len(header)
    wide = [number for number, row in enumerate(rows, 1) if any(map(str.strip, row[width:]))]
    if wide:
        message = f"has more cells than the header, which has {width}."
        bad = [BadField(f"row {number}", f"This row {message}") for number in wide[:TOLD]]
        raise InvalidRequest(f"{len(wide)} of the rows: each {message}", bad)
    return ((row + [""] * width)[:width] for row in rows)


# --- columns -------------------------------------------------------------------------------


def _kinds(header: Sequence[str], column: str | None) -> dict[str, int]:
    """Return what is held by which column; `any` is whatever somebody could type."""
    if column is not None:
        return {"any": _named(header, column)}
    places: dict[str, int] = {}
    for place, name in enumerate(header):
        places.setdefault(_spelled(name), place)
    found = {
        kind: min((names.index(one), place) for one, place in places.items() if one in names)[1]
        for kind, names in KINDS.items()
        if places.keys() & set(names)
    }
    says_who = found.keys() & {"email", "linkedin_url", "domain"}
    has_name = found.keys() & {"name", "last"} and "company" in found
    return found if says_who or has_name else {}


def _named(header: Sequence[str], column: str) -> int:
    for spelled in (str, _spelled):
        names = [spelled(name) for name in header]
        if spelled(column) in names:
            return names.index(spelled(column))
    told = ", ".join(f'"{name}"' for name in header[:TOLD])
    raise _refused("column", f"There is no column of this name; the file has {told}.")


def _spelled(name: str) -> str:
    return _PLAIN.sub("", name.casefold())


def _unnamed(records: Sequence[list[str]]) -> tuple[list[str], list[list[str]], dict[str, int]]:
    """Read a file without a header: its columns hold what most of their cells look like."""
    rows = [list(row) for row in records]
    kinds: dict[str, int] = {}
    for place, first in enumerate(rows[0]):
        cells = [row[place].strip() for row in rows[:SNIFFED] if len(row) > place]
        filled = [cell for cell in cells if cell]
        for kind, look in _LOOKS.items():
            alike = sum(1 for cell in filled if look.fullmatch(cell))
            if look.fullmatch(first.strip()) and alike >= SURE * len(filled):
                kinds.setdefault(kind, place)
                break
    if not kinds:
        message = (
            "No column says who is meant: name one email, domain, website, linkedin, or name "
            "and company; or say which one it is."
        )
        raise _refused("column", message)
    return [f"column {place}" for place in range(1, len(rows[0]) + 1)], rows, kinds


# --- rows ----------------------------------------------------------------------------------


def _line(row: Sequence[str], kinds: Mapping[str, int], kept: Sequence[int]) -> Line:
    cells = tuple(row[place] for place in kept)
    given = {kind: text for kind, place in kinds.items() if (text := row[place].strip())}
    try:
        return Line(cells, _prospect(given))
    except InvalidProspect as exc:
        return Line(cells, None, exc.code)


def _prospect(given: Mapping[str, str]) -> Prospect:
    """Return whom a row names. A cell beside the best one may be unreadable: it is left out."""
    if "any" in given:
        return identify(given["any"])
    full = " ".join(given[part] for part in ("first", "last") if part in given)
    parts = {kind: given[kind] for kind in ("email", "linkedin_url", "domain") if kind in given}
    named = {"name": given.get("name") or full, "company": given.get("company", "")}
    parts |= {kind: text for kind, text in named.items() if text}
    try:
        return from_parts(**parts)
    except InvalidProspect as exc:
        return _best(parts, exc)


def _best(parts: Mapping[str, str], refusal: InvalidProspect) -> Prospect:
    """Return whom fewer of the parts name. Raises the refusal of all of them."""
    fewer = (("email",), ("linkedin_url",), ("name", "domain"), ("name", "company"), ("domain",))
    for names in fewer:
        if all(name in parts for name in names):
            try:
                return from_parts(**{name: parts[name] for name in names})
            except InvalidProspect:
                continue
    raise refusal
