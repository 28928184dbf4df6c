"""People with titles on a company's own pages; outsiders are never taken for staff (7.5)."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from nameparser import HumanName
from rapidfuzz import fuzz

from app.web.choice import Kind, registrable
from app.web.contact import mailto
from app.web.countries import country_code
from app.web.names import LEGAL_FORM, same_company
from app.web.page import Line, Page, Part
from app.web.text import ascii_marks, evidence, folded, wordset
from app.web.titles import has_title_word, is_department, is_title, rank, seniority

MAX_PEOPLE = 60
_REACH = 14  # lines after a name that still belong to the person
_SAME_SPELLING = 92  # ratio from which two spellings are one person

_SOURCES = frozenset({Kind.people, Kind.about, Kind.contact, Kind.imprint})

_OUTSIDE = re.compile(
    r"\bboard of (?:directors|trustees|advis[eo]rs|governors)\b"
    r"|\b(?:supervisory|advisory|editorial) (?:board|council|committee)\b"
    r"|^(?:the |our )?board(?: members)?$|^(?:our |the )?advis[eo]rs$|\binvestors\b|\btrustees\b"
    r"|\btestimonials?\b|what (?:our )?(?:customers|clients|people) (?:are saying|say)"
    r"|\baufsichtsrat|\bbeirat\b|\bkuratorium\b|\bkundenstimmen\b|\breferenzen\b"
    r"|\bconseil d'administration\b|\bbestyrelse|\bstyrelsen?\b|\bstyret?\b|\bour authors\b"
    r"|\bnon-executive directors?\b|\bbackers\b|\bportrait-?fotos?\b",
    re.IGNORECASE,
)
_INSIDE = re.compile(
    r"\bleadership\b|\bmanagement\b|\bexecutives?\b|\b(?:our|the|core|unser|vores|kern)[- ]?team\b"
    r"|^team$|\bteam$|\bstaff\b|\bemployees\b|\bpeople\b|\bmitarbeiter|\bmitarbeitende|\bdirektion\b"
    r"|\bgeschäftsführ|\bgeschäftsleitung|\bvorstand\b|\bansprechpartner|\bmedarbejdere|\bledelse"
    r"|\bledning|\bdirection\b|\bfounders\b|\béquipe\b",
    re.IGNORECASE,
)
_OUTSIDER_TITLE = re.compile(
    r"\bboard (?:member|director|observer|advis[eo]r|chair)|\bnon-executive\b|\btrustee\b"
    r"|\bmember of the (?:supervisory |advisory )?board\b|\binvestor\b|\baufsichtsrat"
    r"|\bbeirat\b|\bcustomer since\b|\bbestyrelsesmedlem|\bpatient\b|\bguest author",
    re.IGNORECASE,
)
_ELSEWHERE = re.compile(r"(?:\s+(?:at|bei|hos|chez|von)\s+|\s*@\s*)(?P<company>[A-ZÀ-Þ].*)$")
_COMPANY_MARK = re.compile(
    rf"(?:\b|^)(?:{LEGAL_FORM}|Technologies|Labs|Group|Gruppe|University|Universität|Ventures|Capital"
    r"|Bank|Institute|Institut|Foundation|Holdings?|Industries|Association)(?:\b|$)\.?$"
)

_NAME_PART = r"(?:[A-ZÀ-ÞŠŽĆČŁ][\w'-]*\.?|[A-Z]\.)"
_PARTICLE = (
    r"(?:van|von|der|den|de|del|della|di|da|dos|du|la|le|al|el|bin|ibn|ten|ter|zu|zur|af|av|y)"
)
_NAME = re.compile(rf"{_NAME_PART}(?: (?:{_PARTICLE} )*{_NAME_PART}){{1,4}}")
_HONOUR = re.compile(
    r"^(?:(?:dr|prof|mag|dipl|ing|mr|mrs|ms|herr|frau|sir|ir|med|phil|inf|kfm)\b[.-]?\s?)+",
    re.IGNORECASE,
)
_DEGREE = re.compile(
    r"[,\s]\s*(?:ph\.?d|mba|m\.?sc|b\.?sc|m\.d|cpa|cfa|esq|ll\.?m|cissp|pmp|mph)\b\.?"
    r"|,\s*(?:m\.?a|b\.?a|md|j\.?d|rn|pe)\b\.?|\s\(?(?:he|she|they)/\w+(?:/\w+)?\)?",
    re.IGNORECASE,
)
_NOT_NAMES = wordset(
    "try now buy book see visit back click here next previous show close open start about our the"
    " your we us all more view read learn contact home careers news blog press privacy"
    " policy terms team meet join management board office offices headquarters street avenue north"
    " south east west american european global regional international group company products"
    " services solutions support customer customers platform cloud data security software open"
    " source follow connect linkedin twitter facebook instagram download get started sign log new"
    " free trial request demo watch video case study studies success story stories award awards"
    " event events webinar unser unsere ihre ihr ansprechpartner über kontakt impressum standort"
    " mehr erfahren leistungen karriere seite datenschutz wir sie der die das und and for with to"
    " in on at of monday tuesday wednesday thursday friday january february march april june july"
    " august september october november december phone email fax address annual report equal"
    " opportunity human resources executive senior junior general information public relations"
)
_SEPARATED = re.compile(
    r"^(?P<name>[^,|(]{4,50}?)\s*(?:,|\s[-|:]\s|\s·\s|\()\s*(?P<title>.{2,110}?)\)?$"
)
_LABELLED = re.compile(
    r"^(?P<title>(?:alleiniger? |vertretungsberechtigte[r]? |einzelvertretungsberechtigte[r]? )?"
    r"(?:geschäftsführer(?:in)?|geschäftsführung|inhaber(?:in)?|vorstand|prokurist(?:in)?"
    r"|managing directors?|ceo|represented by|vertreten durch(?: (?:den|die|das) [\w ]{3,40})?"
    r"|gérant|président|directeur de la publication|direktør))\s*(?::|-)?\s*(?P<names>.*)$",
    re.IGNORECASE,
)
_LABEL_TITLES = {
    "geschäftsführung": "Geschäftsführer",
    "managing directors": "Managing Director",
    "represented by": "Managing Director",
    "vertreten durch": "Geschäftsführer",
    "directeur de la publication": "",
}
_QUOTE_MARKS = ("“", "”", '"', "„", "«", "»")
_ROLE_BOXES = wordset(
    "info sales support contact kontakt hello hi team office mail jobs careers bewerbung press"
    " presse marketing partners investors service help hr billing admin welcome post"
)


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who works at the company, with the page and the words that say so."""

    full_name: str
    title: str
    page: Page
    quote: str
    email: str | None = None
    linkedin_url: str | None = None
    confidence: float = 0.75

    @property
    def seniority(self) -> str | None:
        """Return the seniority of the title."""
        return seniority(self.title)

    @property
    def rank(self) -> int:
        """Return the rank of the title, 0..100."""
        return rank(self.title)


@dataclass(frozen=True, slots=True)
class Declared:
    """A person that JSON-LD names with a role at the company."""

    name: str
    title: str
    page: Page


def find_people(
    pages: Iterable[tuple[Kind, Page]],
    names: tuple[str, ...],
    domain: str,
    declared: Iterable[Declared] = (),
) -> list[Person]:
    """Return the staff named with a title, most senior first.

    `names` are the company's own: a title at another company makes an outsider. `declared` are
    the people of JSON-LD.
    """
    found: list[Person] = []
    ordered = sorted(pages, key=lambda pair: pair[0] is not Kind.people)
    for kind, page in ordered:
        if kind in _SOURCES:
            for person in _on_page(page, names, domain, imprint=kind is Kind.imprint):
                _add(found, person)
    for one in declared:
        name = person_name(one.name)
        if name and is_title(one.title) and _is_staff(one.title, names):
            quote = evidence(f"{one.name} - {one.title}")
            _add(found, Person(name, one.title, one.page, quote, confidence=0.85))
    return sorted(found, key=lambda person: -person.rank)[:MAX_PEOPLE]


def _add(found: list[Person], person: Person) -> None:
    """Add a person, or fill in what another page did not say about the same one."""
    for at, known in enumerate(found):
        if is_same_name(known.full_name, person.full_name):
            found[at] = replace(
                known,
                email=known.email or person.email,
                linkedin_url=known.linkedin_url or person.linkedin_url,
                confidence=max(known.confidence, person.confidence),
            )
            return
    found.append(person)


def is_same_name(one: str, two: str) -> bool:
    """Tell whether two names are one person's, small differences in spelling aside.

    >>> is_same_name("Jörg Vogelmann", "Joerg Vogelmann"), is_same_name("Ann Lee", "Dan Lee")
    (True, False)
    """
    return folded(one) == folded(two) or fuzz.ratio(folded(one), folded(two)) > _SAME_SPELLING


def person_name(text: str) -> str | None:
    """Return the name when the line is a person's name and nothing else.

    >>> person_name("Dr. Ada van Dyke, PhD"), person_name("Read More"), person_name("ANN O'NEIL")
    ('Ada van Dyke', None, "Ann O'Neil")
    """
    bare = _HONOUR.sub("", _DEGREE.sub("", ascii_marks(text))).strip(" ,:*")
    if len(bare) > 45 or not _NAME.fullmatch(bare):
        return None
    words = [word.casefold().strip(".") for word in bare.split() if word[0].isupper()]
    if _NOT_NAMES.intersection(words) or country_code(bare) or is_department(bare):
        return None
    if has_title_word(bare) or re.search(rf"\b(?:{LEGAL_FORM})$", bare) or re.search(r"\d", bare):
        return None
    return _spoken(bare)


def _spoken(name: str) -> str:
    """Return the name with capitals as spoken when a site shouts it; else as written."""
    if not name.isupper() or all(len(word) <= 2 for word in name.split()):
        return name
    shouted = HumanName(name)
    shouted.capitalize(force=True)
    return str(shouted)


def _on_page(page: Page, names: tuple[str, ...], domain: str, *, imprint: bool) -> Iterator[Person]:
    lines = [(at, line) for at, line in enumerate(page.lines) if line.part is not Part.nav]
    outside = _is_outside_page(page)
    confidence = 0.95 if imprint else 0.75
    skip_to = 0
    for at, (number, line) in enumerate(lines):
        if (turn := _turns(line)) is not None:
            outside = turn
        if outside or at < skip_to or line.quoted:
            continue
        upcoming = [other for _, other in lines[at : at + 5]]
        for name, title, used in _read(upcoming, lines[at - 1][1] if at else None, imprint):
            if _is_staff(title, names):
                email, linkedin = _reached(page, lines, number, at + used, domain)
                quote = evidence(f"{name} - {title}")
                yield Person(name, title, page, quote, email, linkedin, confidence)
            skip_to = max(skip_to, at + used)


def _is_outside_page(page: Page) -> bool:
    heading = next((line.text for line in page.lines if line.heading == 1), page.title)
    return _OUTSIDE.search(heading) is not None and _INSIDE.search(heading) is None


def _turns(line: Line) -> bool | None:
    """Tell whether a line opens a section of outsiders (True) or staff (False), None = neither."""
    text = ascii_marks(line.text)
    if len(text.split()) > 7 or (line.linked and not line.heading):
        return None
    if not line.heading and not _is_caption(text):
        return None
    outside, inside = _OUTSIDE.search(text), _INSIDE.search(text)
    if outside:
        return None if inside else True
    return False if (inside and not is_title(text)) or (inside and line.heading == 1) else None


def _is_caption(text: str) -> bool:
    return text[-1:] not in ".,;!?" and not any(char.isdigit() for char in text)


def _read(
    lines: Sequence[Line], before: Line | None, imprint: bool
) -> Iterator[tuple[str, str, int]]:
    """Yield name, title and the number of lines used, from the first line on."""
    first = ascii_marks(lines[0].text)
    if imprint and (labelled := _LABELLED.match(first)):
        yield from _labelled(labelled, lines)
        return
    if before is not None and before.text.startswith(_QUOTE_MARKS):
        return  # whoever stands below a quotation praises the company from outside
    name = person_name(first)
    if name:
        yield from _titled(name, lines, 1)
        return
    if len(lines) > 2 and _is_half(first) and _is_half(lines[1].text):
        name = person_name(f"{first} {lines[1].text}")
        if name:
            yield from _titled(name, lines, 2)
            return
    one_line = _SEPARATED.match(first)
    if one_line and (name := person_name(one_line["name"])):
        title = one_line["title"].strip(" -|:")
        if is_title(title) and not lines[0].linked:
            yield name, title, 1


def _is_half(text: str) -> bool:
    return re.fullmatch(_NAME_PART, ascii_marks(text)) is not None and len(text) <= 20


def _titled(name: str, lines: Sequence[Line], at: int) -> Iterator[tuple[str, str, int]]:
    """Find the title within two lines after the name, and a second one right below it."""
    for place in (at, at + 1):
        if place >= len(lines):
            return
        text = ascii_marks(lines[place].text)
        if person_name(text) and not is_title(text):
            return
        if is_title(text) and not _outranks(lines[place], lines[at - 1]):
            title, used = text.strip(" ,;-"), place + 1
            if used < len(lines) and _continues(lines[used]):
                title, used = f"{title}, {ascii_marks(lines[used].text).strip(' ,;-')}", used + 1
            yield name, title, used
            return


def _outranks(line: Line, name: Line) -> bool:
    """Tell whether a line is a heading above the level of the name: then it opens a section."""
    return line.heading > 0 and (name.heading == 0 or line.heading < name.heading)


def _continues(line: Line) -> bool:
    text = ascii_marks(line.text)
    short = len(text.split()) <= 6 and not line.linked and not line.heading
    return short and is_title(text) and person_name(text) is None and not _other_company(text, ())


def _labelled(match: re.Match[str], lines: Sequence[Line]) -> Iterator[tuple[str, str, int]]:
    """Read `Geschäftsführer: A, B` or the label with the names on the lines below it."""
    label = re.split(r"\s+(?:den|die|das)\s", match["title"])[0].strip()
    title = _LABEL_TITLES.get(label.casefold(), label)
    if not title:
        return
    written = match["names"].strip()
    if written:
        for piece in re.split(r",|;|\bund\b|\band\b|&|/", written):
            if name := person_name(re.sub(r"\(.*?\)", "", piece).strip()):
                yield name, title, 1
        return
    for used, line in enumerate(lines[1:], start=2):
        name = person_name(line.text)
        if name is None:
            return
        yield name, title, used


def _is_staff(title: str, names: tuple[str, ...]) -> bool:
    return not _OUTSIDER_TITLE.search(title) and not _other_company(title, names)


def _other_company(title: str, names: tuple[str, ...]) -> bool:
    """Tell whether the title is held at another company: `CFO at X`, `CEO, X Inc.`."""
    at = _ELSEWHERE.search(title)
    if at:
        return not same_company(at["company"], names)
    tail = title.rpartition(",")[2].strip() if "," in title else ""
    return bool(_COMPANY_MARK.search(tail)) and not same_company(tail, names)


def _reached(
    page: Page, lines: Sequence[tuple[int, Line]], number: int, after: int, domain: str
) -> tuple[str | None, str | None]:
    """Return the address and LinkedIn profile that stand with a person, before the next one."""
    end = number + _REACH
    for line_number, line in lines[after : after + _REACH]:
        if person_name(line.text) and line_number > number:
            end = line_number
            break
    email = linkedin = None
    for link in page.links:
        if not number <= link.at_line < end:
            continue
        address = mailto(link)
        if address and _is_personal(address, domain):
            email = email or address
        linkedin = linkedin or linkedin_person(link.url)
    return email, linkedin


def _is_personal(address: str, domain: str) -> bool:
    local, _, host = address.partition("@")
    return registrable(host) == domain and local not in _ROLE_BOXES


_LINKEDIN = re.compile(r"https?://(?:[a-z]{2,3}\.)?linkedin\.com/(in|pub)/([^?#]+)", re.IGNORECASE)


def linkedin_person(url: str) -> str | None:
    """Return the canonical address of a person's LinkedIn profile, None for anything else.

    >>> linkedin_person("http://de.linkedin.com/in/ada-example/?trk=1")
    'https://www.linkedin.com/in/ada-example'
    """
    match = _LINKEDIN.match(url)
    return f"https://www.linkedin.com/{match[1].lower()}/{match[2].strip('/')}" if match else None
