"""Phone numbers and e-mail addresses that a company publishes for itself (sources.md 7.11)."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import unquote

import phonenumbers

from app.web.choice import Kind, registrable
from app.web.page import Line, Link, Page
from app.web.text import ascii_marks, evidence, wordset

MAX_PHONES = 8
MAX_EMAILS = 8
_LINE_CHARS = 500

_FAX = re.compile(r"\b(?:tele)?fax\b|^\s*f\s*[:.]", re.IGNORECASE)
_CUE = re.compile(
    r"\b(?:tel|telefon|téléphone|phone|call|ring|fon|tlf|mobil|hotline|reception|switchboard)\b"
    r"|^\s*[tp]\s*[:.]|^\W*\+?[\d\s().-]{7,}\W*$",
    re.IGNORECASE,
)
_NUMBER_OF_ELSE = re.compile(
    r"\b(?:iban|vat|ust|uid|hrb|hra|cvr|isbn|siret|siren|org\.? ?nr|registered|registration"
    r"|company no|steuer|tax|bic|abn|acn)\b",
    re.IGNORECASE,
)
_PLACEHOLDER = re.compile(r"0{6,}|123456|555-?01\d\d|(\d)\1{6,}")
_VANITY = re.compile(
    r"(?<![\w-])(?:\+?1[ .-]*)?\(?[2-9]\d{2}\)?(?=[^(|/]*?[A-Z])(?:[ .-]{0,2}[A-Za-z\d]){7}(?![\w])"
)
_SECONDARY = re.compile(r"employment|verification|careers?|investor|press|media", re.IGNORECASE)

_EMAIL = re.compile(r"[\w.%+-]{1,64}@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,24}")
_SPELT = re.compile(
    r"\b([\w.+-]{2,64})\s*[\[({]\s*(?:at|ät|@)\s*[\])}]\s*"
    r"([\w-]+(?:\s*(?:\.|[\[({]\s*(?:dot|punkt)\s*[\])}])\s*[\w-]+)+)",
    re.IGNORECASE,
)
_SAMPLE_DOMAINS = wordset(
    "example.com mail.com email.com domain.com yoursite.com yourdomain.com company.com sentry.io"
    " wixpress.com yourcompany.com test.com"
)
_SKIPPED_LOCAL = wordset("webmaster noreply no-reply abuse postmaster hostmaster")


@dataclass(frozen=True, slots=True)
class Contact:
    """One number (E.164) or address, and the page it was first read from."""

    value: str
    page: Page
    quote: str
    inferred: bool = False


def find_phones(pages: Iterable[tuple[Kind, Page]], region: str | None) -> list[Contact]:
    """Return the company's numbers, the most published first; faxes and other numbers left out.

    `region` is the country that numbers without a country code belong to, None = do not guess.
    """
    found: dict[str, Contact] = {}
    weight: dict[str, float] = {}
    for kind, page in pages:
        seen: set[str] = set()
        for number, quote in _page_phones(page, region, mobiles=kind is Kind.contact):
            found.setdefault(number, Contact(number, page, evidence(quote)))
            if number not in seen:
                seen.add(number)
                fewer = 0.5 if _SECONDARY.search(quote) else 1.0
                weight[number] = weight.get(number, 0.0) + fewer
    best = sorted(found, key=lambda number: -weight[number])
    return [found[number] for number in best[:MAX_PHONES]]


def phone_region(pages: Iterable[Page]) -> str | None:
    """Return the country of the international numbers on the pages, when all agree."""
    found: set[str | None] = set()
    for page in pages:
        texts = [ascii_marks(line.text[:_LINE_CHARS]) for line in page.lines if "+" in line.text]
        texts += [unquote(link.url[4:]) for link in page.links if link.url.startswith("tel:+")]
        for text in texts:
            for match in phonenumbers.PhoneNumberMatcher(re.sub(r"\(0\)", "", text), None):
                found.add(phonenumbers.region_code_for_number(match.number))
    regions = found - {None}
    return regions.pop() if len(regions) == 1 else None


def read_phone(written: str, region: str | None) -> str | None:
    """Return a number that a company declares as its own in E.164, None when it is not valid."""
    return _e164(written, region, mobiles=True)


def _page_phones(page: Page, region: str | None, *, mobiles: bool) -> Iterator[tuple[str, str]]:
    before = ""
    for line in page.lines:
        text = ascii_marks(line.text[:_LINE_CHARS])
        if not _FAX.fullmatch(before.strip(" :")) and (line.hrefs or any(map(str.isdigit, text))):
            yield from _line_phones(line, text, region, mobiles=mobiles)
        before = text


def _line_phones(
    line: Line, text: str, region: str | None, *, mobiles: bool
) -> Iterator[tuple[str, str]]:
    dialled = any(href.lower().startswith("tel:") for href in line.hrefs)
    vanity = _vanity(text) if dialled or _CUE.search(text) or "+" in text else None
    if vanity:
        yield vanity, text
        return  # where letters and link disagree, the letters are what people dial
    if _NUMBER_OF_ELSE.search(text) and not _CUE.search(text):
        return
    for href in line.hrefs:
        if href.lower().startswith("tel:") and not _FAX.search(text):
            number = _e164(unquote(href[4:]), region, mobiles=mobiles)
            if number:
                yield number, text
    if _CUE.search(text) or "+" in text:
        yield from _text_phones(text, region, mobiles=mobiles)


def _text_phones(text: str, region: str | None, *, mobiles: bool) -> Iterator[tuple[str, str]]:
    clean = re.sub(r"\(0\)", "", text)
    for match in phonenumbers.PhoneNumberMatcher(clean, region):
        cue = clean[max(0, match.start - 24) : match.start]
        cue = re.split(r"[|;]|\d{3}\s", cue)[-1]
        if _FAX.search(cue) or _NUMBER_OF_ELSE.search(cue):
            continue
        number = _accept(match.number, mobiles=mobiles)
        if number:
            yield number, text


def _e164(written: str, region: str | None, *, mobiles: bool) -> str | None:
    cleaned = re.sub(r"\(0\)", "", written)
    if re.fullmatch(r"\D*1\D*[2-9]\d\d\D*\d{3}\D*\d{4}\D*", cleaned):
        cleaned = "+" + re.sub(r"\D", "", cleaned)  # 1-800-... is how North America writes itself
    try:
        return _accept(phonenumbers.parse(cleaned, region), mobiles=mobiles)
    except phonenumbers.NumberParseException:
        return None


def _accept(number: phonenumbers.PhoneNumber, *, mobiles: bool) -> str | None:
    written: str = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    if not phonenumbers.is_valid_number(number) or _PLACEHOLDER.search(written):
        return None
    is_mobile = phonenumbers.number_type(number) == phonenumbers.PhoneNumberType.MOBILE
    return None if is_mobile and not mobiles else written


def _vanity(text: str) -> str | None:
    """Return the number behind letters, as in 1-800-555-ACME, when exactly ten digits come out."""
    match = _VANITY.search(text)
    if match is None or _FAX.search(text) or not re.search(r"[A-Za-z]{2,}", match.group(0)):
        return None
    digits = re.sub(r"\D", "", phonenumbers.convert_alpha_characters_in_number(match.group(0)))
    digits = digits.removeprefix("1")
    if len(digits) != 10:
        return None
    return _e164("+1" + digits, "US", mobiles=True)


def find_emails(
    pages: Iterable[tuple[Kind, Page]], domain: str, taken: frozenset[str]
) -> list[Contact]:
    """Return the company's addresses, the most published first; `taken` belong to people.

    Only addresses of the site's own domain count: others belong to agencies and samples.
    """
    found: dict[str, Contact] = {}
    count: dict[str, int] = {}
    for _, page in pages:
        for address, quote in set(_page_emails(page)):
            if is_own(address, domain) and address not in taken:
                found.setdefault(address, Contact(address, page, evidence(quote)))
                count[address] = count.get(address, 0) + 1
    best = sorted(found, key=lambda address: (-count[address], address))
    return [found[address] for address in best[:MAX_EMAILS]]


def _page_emails(page: Page) -> Iterator[tuple[str, str]]:
    for link in page.links:
        if address := mailto(link):
            yield address, link.text or address
    for line in page.lines:
        text = line.text[:_LINE_CHARS]
        for address in _EMAIL.findall(text):
            yield address.lower().strip("."), text
        for local, host in _SPELT.findall(text):
            written = re.sub(r"\s*(?:[\[({]\s*(?:dot|punkt)\s*[\])}]|\.)\s*", ".", host)
            yield f"{local}@{written}".lower(), text


def mailto(link: Link) -> str | None:
    """Return the address of a mailto link, without subject, or None."""
    if not link.url.lower().startswith("mailto:"):
        return None
    address = unquote(link.url[7:]).partition("?")[0].strip().lower()
    return address if _EMAIL.fullmatch(address) else None


def is_own(address: str, domain: str) -> bool:
    """Tell whether an address belongs to the site's own domain and is meant for people."""
    local, _, host = address.partition("@")
    if host in _SAMPLE_DOMAINS or local in _SKIPPED_LOCAL or local.startswith("www"):
        return False
    return registrable(host) == domain
