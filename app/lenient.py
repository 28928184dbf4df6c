"""Reading the untidy values of outsiders: the clean value, or None for nothing usable.

Providers send numbers as text, `true` for "exists, but not in your plan", `{}`, `[]` and `null` for
nothing, and now and then rubbish (facts/providers/INDEX.md section 9, read 2026-11-21). A bad value
costs that value, never the answer. The types at the end are for fields of pydantic models.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Annotated, TypeVar

from pydantic import BaseModel, BeforeValidator

from app import casing
from app.addresses import is_linkedin_host, linkedin_id, registrable
from app.wording import clean

T = TypeVar("T", bound=BaseModel)

LONGEST = 4_000
"""Characters of one text; what is longer is no name, title or description."""

_LONGEST_READ = 10 * LONGEST  # of which most may be blanks
_BLANKS = frozenset({"", "-", "none", "null", "n/a", "undefined"})
_ADDRESS = re.compile(r"[^@\s,;<>]+@[^@\s,;<>]+\.[^@\s,;<>.]+")
_HOST = re.compile(r"(?:[a-z][a-z0-9+.-]*://)?(?:[^@/?#]*@)?([^/?#:\s]+)")
_MOST = 1e15  # what is more is a mistake, and no longer exact in every JSON reader
_LONGEST_WAIT_S = 31 * 86_400  # what is longer is a mistake, and may not fit a timedelta
_DAY = re.compile(r"\d{4}-\d{2}(?:-\d{2})?")


def text(value: object) -> str | None:
    """Return the text on one line, without invisible characters and at most LONGEST of them.

    A number other than 0 becomes text, `true` is nothing.
    """
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    line = clean(str(value or "")[:_LONGEST_READ])[:LONGEST].rstrip()
    return None if line.lower() in _BLANKS else line


def number(value: object) -> float | None:
    """Return a number of 0 or more, also from text such as `1,200`."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        read = float(value.replace(",", "") if isinstance(value, str) else value)
    except (ValueError, OverflowError):
        return None
    return read if 0 <= read < float("inf") else None


def count(value: object) -> int | None:
    """Return a whole number of 0 or more."""
    read = number(value)
    return int(read) if read is not None and read.is_integer() and read < _MOST else None


def whole(value: object) -> int | None:
    """Return a whole number of 1 or more: nobody has 0 employees or was founded in year 0."""
    return count(value) or None


def year(value: object) -> int | None:
    """Return a year from 1000 to 2100."""
    read = whole(value)
    return read if read and 1000 <= read <= 2100 else None


def day(value: object) -> str | None:
    """Return a date as YYYY-MM-DD, or YYYY-MM where the source knows no day."""
    found = _DAY.match(text(value) or "")
    return found[0] if found else None


def size_range(value: object) -> str | None:
    """Return a range of employees in one form.

    >>> size_range("1,001 - 5,000"), size_range("10001+"), size_range("240")
    ('1001-5000', '10001+', None)
    """
    line = re.sub(r"[\s,]", "", text(value) or "").replace("\u2013", "-")
    return line if re.fullmatch(r"\d+(?:-\d+|\+)", line) else None


def address(value: object) -> str | None:
    """Return an e-mail address in lower case."""
    line = (text(value) or "").lower()
    return line if _ADDRESS.fullmatch(line) else None


def phone(value: object) -> str | None:
    """Return an international phone number as E.164; a number without country code is nothing.

    >>> phone("+1 (202) 555-0142")
    '+12025550142'
    """
    line = text(value) or ""
    digits = re.sub(r"[\s().\u2010-\u2015/-]", "", line)
    return digits if re.fullmatch(r"\+[1-9]\d{7,14}", digits) else None


def domain(value: object) -> str | None:
    """Return the registrable domain of a host, URL or e-mail address.

    >>> domain("https://www.shop.example.co.uk/about")
    'example.co.uk'
    """
    found = _HOST.match((text(value) or "").lower())
    return registrable(found[1]) if found else None


def brand(registrable: str) -> str:
    """Return the label that one company shares between its domains: `acme` of `acme.co.uk`."""
    return registrable.partition(".")[0]


def profile_url(value: object) -> str | None:
    """Return a person's LinkedIn address in its one form.

    >>> profile_url("LinkedIn.com/in/Ana-Example/?trk=x")
    'https://www.linkedin.com/in/ana-example'
    """
    return _linkedin(value, "in")


def page_url(value: object) -> str | None:
    """Return a company's or school's LinkedIn address in its one form."""
    return _linkedin(value, "company")


def linkedin_url(known: str) -> str:
    """Return the address of `in/slug` or `company/slug`."""
    return f"https://www.linkedin.com/{known}"


def instant(value: str | None) -> datetime | None:
    """Read an ISO-8601 time; one without zone is UTC."""
    try:
        return _in_utc(datetime.fromisoformat(value or ""))
    except ValueError:
        return None


def unix(value: str | None) -> datetime | None:
    """Read a time in seconds since 1970."""
    seconds = number(value)
    return datetime.fromtimestamp(seconds, UTC) if seconds and seconds < 1e11 else None


def retry_after(value: str | None, now: datetime) -> datetime | None:
    """Read a Retry-After header: seconds from `now`, or an HTTP date (RFC 9110, 10.2.3)."""
    seconds = number(value)
    if seconds is not None:
        return now + timedelta(seconds=min(seconds, _LONGEST_WAIT_S))
    try:
        return _in_utc(parsedate_to_datetime(value or ""))
    except ValueError:
        return None


def part(value: object) -> object:
    """Return an object as it is, and an empty one for everything else."""
    return value if isinstance(value, dict | BaseModel) else {}


def parts(value: object) -> list[object]:
    """Return the objects of a list; what is not a list has none."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def texts(value: object) -> list[str]:
    """Return the texts of a list."""
    return [line for item in value if (line := text(item))] if isinstance(value, list) else []


def listed(value: object) -> object:
    """Return the objects of a list that must be there; anything else is left for pydantic."""
    return parts(value) if isinstance(value, list) else value


def flag(value: object) -> bool | None:
    """Return true or false only where the source says so."""
    return value if isinstance(value, bool) else None


def joined(*values: str | None) -> str | None:
    """Return what is known of several texts, with commas between."""
    return ", ".join(value for value in values if value) or None


def _written(by: Callable[[str], str]) -> BeforeValidator:
    def write(value: object) -> str | None:
        line = text(value)
        return by(line) if line else None

    return BeforeValidator(write)


Text = Annotated[str | None, BeforeValidator(text)]
PersonName = Annotated[str | None, _written(casing.person_name)]
JobTitle = Annotated[str | None, _written(casing.job_title)]
CompanyName = Annotated[str | None, _written(casing.company_name)]
Place = Annotated[str | None, _written(casing.place)]
Label = Annotated[str | None, _written(casing.label)]
Product = Annotated[str | None, _written(casing.product)]
Prose = Annotated[str | None, _written(casing.prose)]
Number = Annotated[float | None, BeforeValidator(number)]
Whole = Annotated[int | None, BeforeValidator(whole)]
SizeRange = Annotated[str | None, BeforeValidator(size_range)]
Year = Annotated[int | None, BeforeValidator(year)]
Day = Annotated[str | None, BeforeValidator(day)]
Address = Annotated[str | None, BeforeValidator(address)]
Phone = Annotated[str | None, BeforeValidator(phone)]
Domain = Annotated[str | None, BeforeValidator(domain)]
ProfileUrl = Annotated[str | None, BeforeValidator(profile_url)]
PageUrl = Annotated[str | None, BeforeValidator(page_url)]
Flag = Annotated[bool | None, BeforeValidator(flag)]
Texts = Annotated[list[str], BeforeValidator(texts)]
Part = Annotated[T, BeforeValidator(part)]
Parts = Annotated[list[T], BeforeValidator(parts)]
Listed = Annotated[list[T], BeforeValidator(listed)]


def _linkedin(value: object, kind: str) -> str | None:
    line = text(value) or ""
    found = _HOST.match(line.lower())
    if not found or not is_linkedin_host(found[1]):
        return None
    path = line[found.end() :].partition("/")[2]
    known = linkedin_id(f"https://linkedin.com/{path}")
    return linkedin_url(known) if known and known.startswith(f"{kind}/") else None


def _in_utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
