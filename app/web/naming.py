"""What a company is called: a vote among its pages, and the name in the registers."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from app.web.choice import Kind
from app.web.names import LEGAL_FORM, base_name, has_form, likeness
from app.web.page import Line, Page, Part
from app.web.read import Read, Said
from app.web.text import ascii_marks, evidence, folded, tidy, wordset

MAX_NAME_WORDS = 8
RIVAL = 0.8  # share of the winner's votes from which the second name is shown too
_LINE_CHARS = 500

_SEPARATOR = re.compile(r"\s+[|\-·:»•]+\s+|\s*\|\s*|\s+::\s+|:\s+")
_NOISE = re.compile(
    r"\b(?:welcome to|willkommen bei|bienvenue chez|velkommen til|home(?:page)?|startseite|logo"
    r"|the official (?:site|website) of|official (?:site|website)|copyright|all (?:content|rights) "
    r"(?:reserved)?|alle rechte vorbehalten|tous droits réservés)\b",
    re.IGNORECASE,
)
_COPYRIGHT = re.compile(
    r"(?:©|\(c\)|\bcopyright\b|&copy;)(?:\s*(?:©|\(c\)|copyright|by))*\s*"
    r"(?P<years>(?:\d{4}\s*(?:-|to|bis)?\s*(?:\d{4}|present|heute)?)?)\s*(?:by\s+)?(?P<name>[^|©]*)",
    re.IGNORECASE,
)
_NAME_END = re.compile(
    r"(?i:\.\s|\.$|\ball rights\b|\balle rechte\b|\btous droits\b|\s[-|]\s|\s\d|,? a subsidiary\b|"
    r"\bsupplier privacy\b|\bprivacy\b|\bterms\b|\bdesign(?:ed)? by\b|\bpowered by\b|\bimpressum\b)"
)
_ABBREVIATED = re.compile(rf"\b(?:{LEGAL_FORM})$")
_URLISH = re.compile(r"^(?:https?:|www\.)|^[a-z0-9-]+(?:\.[a-z0-9-]+)*\.[a-z]{2,10}/?$")
_TEMPLATE = re.compile(
    r"\{\{|\{%|<%|\$\{|%\w+%|\btheme\b|\btemplate\b|\byour (?:site|company|name)\b|\bmy site\b"
    r"|\bjust another\b|\buntitled\b|\bsite (?:name|title)\b",
    re.IGNORECASE,
)
_VENDORS = wordset(
    "cloudflare incapsula imperva akamai sucuri datadome perimeterx kasada wordpress wix"
    " squarespace godaddy webflow shopify"
)


def name_votes(pages: Sequence[Read], label: str) -> list[tuple[str, float, Read]]:
    """Return the names the pages suggest with their votes, most votes first (sources.md 7.3)."""
    votes: Counter[str] = Counter()
    spellings: dict[str, Counter[str]] = {}
    first: dict[str, Read] = {}
    for read in pages:
        for raw, weight in _suggestions(read):
            for name in _parts(raw):
                key = folded(base_name(name))
                weighed = weight * (2.0 if read.is_home else 1.0)
                votes[key] += int(1000 * weighed * (0.25 + likeness(name, label)))
                spellings.setdefault(key, Counter())[_capitalised(name)] += int(100 * weighed)
                first.setdefault(key, read)
    return [
        (spellings[key].most_common(1)[0][0], count / 1000, first[key])
        for key, count in votes.most_common()
    ]


def _suggestions(read: Read) -> Iterator[tuple[str, float]]:
    page, metas = read.page, read.page.metas
    for organisation in read.structured.organisations:
        yield organisation.name, 3.0
    yield metas.get("og:site_name", ""), 2.5
    yield metas.get("application-name", ""), 2.0
    yield read.structured.site_name, 2.0
    for _, name, _ in copyrights(page):
        yield name, 1.5
    yield page.title, 1.0
    for text in dict.fromkeys(page.logo_texts):
        yield text, 0.7
    yield metas.get("og:title", ""), 0.6


def _parts(raw: str) -> Iterator[str]:
    """Yield what could be the name in a title: its parts, without noise."""
    whole = ascii_marks(raw)
    for part in {whole, *_SEPARATOR.split(whole)}:
        name = tidy(_NOISE.sub(" ", re.sub(r"[(\[].*?[)\]]|©|®|™", " ", part))).strip(" -|,:.!»>")
        if _is_plausible(name):
            yield name


def _is_plausible(name: str) -> bool:
    if not 2 <= len(name) <= 60 or len(name.split()) > MAX_NAME_WORDS:
        return False
    if _URLISH.search(name) or _TEMPLATE.search(name) or name.isdecimal():
        return False
    return folded(name) not in _VENDORS


def _capitalised(name: str) -> str:
    return base_name(name) if has_form(name) else name


def copyrights(page: Page) -> Iterator[tuple[str, str, Line]]:
    """Yield years, owner and line of each copyright notice outside of running text."""
    for line in page.lines:
        text = ascii_marks(line.text[:_LINE_CHARS])
        match = _COPYRIGHT.search(text)
        if match and (line.part is Part.footer or len(text) <= 160) and "photo" not in text.lower():
            owner = _owner(match["name"])
            years = match["years"] or _trailing_years(match["name"])
            if owner:
                yield years.strip(), owner, line


def _owner(text: str) -> str:
    """Cut the owner's name out of what follows a copyright sign; "Inc." keeps its stop."""
    for end in _NAME_END.finditer(text):
        before = text[: end.start()].strip(" ,")
        if end.group().strip() == "." and _ABBREVIATED.search(before + "."):
            before += "."
        return before.strip(" -|,")
    return text.strip(" .-|,")


def _trailing_years(text: str) -> str:
    match = re.search(r"\b\d{4}\s*-\s*\d{4}\b", text)
    return match.group() if match else ""


def company_name(pages: Sequence[Read], label: str) -> list[Said]:
    """Return the company's name, and a rival when two are close; empty when nothing is likely."""
    votes = [vote for vote in name_votes(pages, label) if vote[1] >= 0.5]
    if not votes:
        return []
    name, count, read = _without_slogan(votes, label)
    structured = any(o.name and likeness(o.name, name) >= 1 for o in read.structured.organisations)
    sure = 0.85 if structured else 0.75
    if likeness(name, label) < 0.5:
        sure = 0.55 if structured or count >= 5 else 0.4
    rival = next(
        (v for v in votes[1:] if likeness(v[0], name) < 0.8 and v[1] > RIVAL * count), None
    )
    if rival is None:
        return [Said(name, sure, read.page, evidence(name))]
    return [
        Said(name, min(sure, 0.58), read.page, evidence(name)),
        Said(rival[0], 0.4, rival[2].page, evidence(rival[0])),
    ]


def _without_slogan(
    votes: Sequence[tuple[str, float, Read]], label: str
) -> tuple[str, float, Read]:
    """Prefer the plain name to the same name with what it sells, when the label is just that."""
    name, count, read = votes[0]
    for shorter, fewer, where in votes[1:]:
        extends = folded(name).startswith(folded(shorter)) and folded(shorter) == folded(label)
        if extends and fewer >= 0.3 * count:
            return shorter, fewer, where
    return name, count, read


_LEGAL = re.compile(
    rf"(?P<name>(?:[A-ZÀ-Þ0-9][\w&.'+-]*|[a-zà-þ][\w&.'+-]{{2,}}|&)(?: (?:[\w&.'+-]+))"
    rf"{{0,6}}?,? (?:{LEGAL_FORM}))(?=[\s,;.)|]|$)"
)


def legal_name(pages: Sequence[Read], names: Sequence[str]) -> Said | None:
    """Return the name with its legal form, as imprint, copyright or address block write it."""
    found: dict[str, list[tuple[float, str, Read, str]]] = {}
    for read in pages:
        for name, sure, quote in _legal_names(read):
            if max(likeness(name, other) for other in names) >= 0.8:
                found.setdefault(folded(name), []).append((sure, name, read, quote))
    if not found:
        return None
    best = max(found.values(), key=lambda said: (max(s[0] for s in said), len(said)))
    sure, name, read, quote = max(best, key=lambda said: said[0])
    return Said(name, sure, read.page, evidence(quote))


def _legal_names(read: Read) -> Iterator[tuple[str, float, str]]:
    for organisation in read.structured.organisations:
        if organisation.legal_name:
            yield organisation.legal_name, 0.85, organisation.legal_name
    for _, owner, line in copyrights(read.page):
        for match in _LEGAL.finditer(owner):
            yield match["name"], 0.75, line.text
    for line in read.page.lines:
        text = ascii_marks(line.text)
        if len(text.split()) <= 7 and line.part is not Part.nav:
            whole = _LEGAL.fullmatch(text.strip(" ,"))
            if whole:
                yield whole["name"], 0.95 if read.kind is Kind.imprint else 0.75, line.text
