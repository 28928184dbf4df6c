"""Reading one identifier: text as somebody typed or pasted it in, the canonical form out.

Everything here raises InvalidProspect with one sentence: what was wrong and what is accepted.
"""

import re
import unicodedata
from urllib.parse import SplitResult, unquote, urlsplit

from email_validator import EmailNotValidError, validate_email

from app.addresses import (
    canonical_host,
    has_known_ending,
    is_ip_address,
    is_linkedin_host,
    linkedin_id,
    registrable,
)
from app.errors import InvalidProspect

LONGEST = 320
"""Characters of the longest text read: the longest e-mail address (RFC 5321: 64 + 1 + 255)."""

_QUOTED = 60  # characters of the input that an error repeats at most


def tidy(text: str) -> str:
    """Return the text as it was meant: invisible characters dropped, white space as one blank.

    Full-width letters become plain ones. Refuses control characters and more than LONGEST.
    """
    if len(text) > LONGEST:
        raise refusal(text, f"is longer than {LONGEST} characters")
    visible = "".join(char for char in text.strip() if unicodedata.category(char) != "Cf")
    if any(map(_is_control, visible)):
        raise refusal(text, "contains control characters")
    return " ".join(unicodedata.normalize("NFKC", visible).split())


def _is_control(char: str) -> bool:
    return unicodedata.category(char).startswith("C")


def refusal(text: str, fault: str) -> InvalidProspect:
    """Return the error for this input; of the input it repeats no more than `shown` does."""
    said = f"{shown(text)} {fault}" if text.strip() else "Nothing was given"
    return InvalidProspect(
        f"{said}: give an e-mail address, a company's domain or URL, "
        'a LinkedIn profile or company URL, or "Name, Company".'
    )


def shown(text: str) -> str:
    """Quote the beginning of the input, without its control characters."""
    plain = "".join(char for char in text[:_QUOTED] if not _is_control(char))
    return f'"{plain}..."' if len(text) > _QUOTED else f'"{plain}"'


# --- mail ----------------------------------------------------------------------------------


def read_email(text: str) -> str:
    """Return the address in lower case with an ASCII domain, its +tag kept.

    >>> read_email("mailto:Sarah.Chen+crm@ACME.example?subject=Hi")
    'sarah.chen+crm@acme.example'
    """
    typed = _without_mailto(tidy(text))
    address = unicodedata.normalize("NFKC", typed.lower())
    try:
        checked = validate_email(address, check_deliverability=False)
    except EmailNotValidError as exc:
        raise refusal(typed, _mail_fault(address)) from exc
    if not has_known_ending(checked.ascii_domain):
        raise refusal(typed, "ends in no known top-level domain")
    return f"{checked.local_part}@{checked.ascii_domain}"


def _without_mailto(typed: str) -> str:
    if not typed.lower().startswith("mailto:"):
        return typed
    return tidy(unquote(typed[len("mailto:") :].partition("?")[0]))


def _mail_fault(address: str) -> str:
    local, _, domain = address.rpartition("@")
    if address.count("@") != 1:
        return "is not one e-mail address, which has exactly one @"
    if not local or not domain:
        return f"has nothing {'after' if local else 'before'} the @"
    if not registrable(domain):
        return "has no usable domain after the @"
    return "is not a valid e-mail address"


# --- web -----------------------------------------------------------------------------------


def read_domain(text: str) -> str:
    """Return the registrable domain of a host name or any URL of it.

    >>> read_domain("http://me:secret@www.shop.acme.co.uk:8080/a?b#c")
    'acme.co.uk'
    """
    typed = tidy(text)
    host = _host(typed)
    if not host:
        raise refusal(typed, "is not a web address")
    if is_ip_address(host):
        raise refusal(typed, "is an IP address")
    if found := registrable(host):
        return found
    raise refusal(typed, _host_fault(host))


def _host_fault(host: str) -> str:
    name = canonical_host(host)
    if name is None or "_" in name:
        return "is not a web address"
    if has_known_ending(name):
        return "is no company's domain but an ending that many share"
    return "ends in no known top-level domain"


def _split(typed: str) -> SplitResult | None:
    """Take a URL apart, with or without `https://`; None when it is none."""
    try:
        parts = urlsplit(typed if re.match(r"(\w+:)?//", typed) else f"//{typed}")
        parts.port  # noqa: B018  raises ValueError when it is no number
    except ValueError:
        return None
    return parts if parts.scheme in {"", "http", "https"} else None


def _host(typed: str) -> str:
    parts = _split(typed)
    return (parts and parts.hostname) or ""


# --- LinkedIn ------------------------------------------------------------------------------

_BARE_LINKEDIN = re.compile(r"(?:in|company)/[^/\s]+", re.IGNORECASE)


def is_linkedin(typed: str) -> bool:
    """Tell whether this is a LinkedIn page; the bare host is the company LinkedIn instead."""
    if _BARE_LINKEDIN.fullmatch(typed):
        return True
    parts = _split(typed)
    host = (parts and parts.hostname) or ""
    return host == "lnkd.in" or bool(parts and is_linkedin_host(host) and parts.path.strip("/"))


def read_linkedin(text: str) -> str:
    """Return `in/slug` or `company/slug` of a profile URL (or of that short form itself).

    >>> read_linkedin("m.linkedin.com/company/Acme/about?x=1")
    'company/acme'
    """
    typed = tidy(text)
    if not is_linkedin(typed):
        raise refusal(typed, "is not a LinkedIn URL")
    parts = _split(typed)
    path = typed if _BARE_LINKEDIN.fullmatch(typed) or not parts else parts.path
    if found := linkedin_id(path):
        return found
    if path.lower().startswith(("/sales/", "/talent/", "/recruiter/")):
        raise refusal(typed, "opens only inside Sales Navigator or Recruiter")
    raise refusal(typed, "is not a public LinkedIn profile or company page")


# --- names ---------------------------------------------------------------------------------

_HONORIFICS = frozenset({"dr", "prof", "mr", "mrs", "ms", "mx", "herr", "frau"})
_CREDENTIAL = re.compile(r"(?:ph\.?d|m\.?d|mba|jr|sr|cpa|esq|pmp|cfa|i{2,3})\.?", re.IGNORECASE)
_NO_PART_OF_A_NAME = re.compile(r"\(.*?\)|\[.*?\]|\|.*| via .*", re.IGNORECASE)


def read_company(text: str) -> str:
    """Return a company's name as typed, without dots and commas around it."""
    company = tidy(text).strip(" .,")
    if len(company) > 120 or "@" in company or not any(map(str.isalnum, company)):
        raise refusal(text, "is not a company's name")
    return company


def read_name(text: str) -> str:
    """Return first and last name without honorifics.

    One word is enough only in Chinese, Japanese or Korean, where it holds both.

    >>> read_name("Dr. Sarah Chen")
    'Sarah Chen'
    """
    words = _name_words(tidy(text))
    while len(words) > 1 and words[0].rstrip(".").casefold() in _HONORIFICS:
        words = _name_words(" ".join(words[1:]))
    enough = 2 <= len(words) <= 6 or (len(words[0]) > 1 and _is_ideographic(words[0]))
    if not enough or not all(map(_is_name_word, words)):
        raise refusal(text, "is not a first and last name")
    return " ".join(words)


def _name_words(typed: str) -> list[str]:
    return typed.strip(" .,\"'\u2019-").split(" ")


def is_credential(word: str) -> bool:
    """Tell whether this follows a name without being one: `PhD`, `Jr.`."""
    return _CREDENTIAL.fullmatch(word) is not None


def name_in_header(text: str) -> str | None:
    """Return the person's name in the display name of a mail header, None when it holds none.

    >>> name_in_header('"Chen, Sarah (Acme)"'), name_in_header("Sales")
    ('Sarah Chen', None)
    """
    plain = _NO_PART_OF_A_NAME.sub("", tidy(text).strip(" \"'")).strip()
    before, comma, after = (part.strip() for part in plain.partition(","))
    if comma and is_credential(after):
        plain = before
    elif comma:
        plain = f"{after} {before}" if " " not in before else ""
    try:
        return read_name(plain)
    except InvalidProspect:
        return None


def _is_name_word(word: str) -> bool:
    kinds = {unicodedata.category(char)[0] for char in word if char not in ".'-\u2019"}
    return "L" in kinds and kinds <= {"L", "M"}


def _is_ideographic(word: str) -> bool:
    return all(unicodedata.category(char) == "Lo" for char in word)
