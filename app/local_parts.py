"""Names and what stands before the @: how people's names are written there, and what it tells.

Patterns and confidences from facts/sources.md section 6.4, read 2026-11-21. Capitals inside a name
(Mc, Mac, De) are never guessed, nor is anybody's gender.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import product

from nameparser import HumanName

from app.addresses import is_role


@dataclass(frozen=True, slots=True)
class Guess:
    """What a local part says of its owner; `confidence` 0..1 holds for each part that is given."""

    confidence: float
    first: str | None = None
    last: str | None = None
    full: str | None = None


@dataclass(frozen=True, slots=True)
class Fit:
    """How a known name is written in a local part; `pattern` as in `first.last`."""

    confidence: float
    pattern: str


# --- from a local part to a name -----------------------------------------------------------


LIKELY = 0.75
"""From here on an address that has this form is more likely this person's than another's."""


def guess(local: str) -> Guess | None:
    """Read a name out of a local part; None when there is none to be read.

    >>> guess("sarah.chen").full, guess("jan.van.der.berg").last, guess("s.chen").last
    ('Sarah Chen', 'van der Berg', 'Chen')
    >>> guess("schen") is guess("sales") is guess("sarah.chen2") is None
    True
    """
    plain = local.lower().partition("+")[0]
    if not re.fullmatch(r"[^\W\d_]+(?:[._'-][^\W\d_]+)*", plain) or is_role(plain):
        return None
    words = [word for word in re.split(r"[._]", plain) if word not in _OUTSIDERS]
    if sum(map(len, words)) <= 3 or any(is_role(word) and word not in _GIVEN for word in words):
        return None
    return _guess_from(words)


def _guess_from(words: list[str]) -> Guess | None:
    if len(words) == 1:
        return _guess_from_one(words[0])
    first, *middle, last = words
    if middle and first in _PARTICLES:
        return None
    if middle and set(middle) <= _PARTICLES:
        return _named(0.5, first, " ".join([*middle, _capital(last)]))
    if not middle:
        return _guess_from_two(first, last)
    if len(middle) > 1 or min(len(first), len(last)) < 2:
        return None
    if len(middle[0]) == 1:
        return _named(0.5, first, _capital(last))
    full = " ".join(map(_capital, words))  # the middle one is a given name or a surname
    return Guess(0.4, first=_capital(first), full=full)


def _guess_from_two(first: str, last: str) -> Guess | None:
    if len(first) == 1:
        return Guess(0.35, last=_capital(last))
    if len(last) == 1:
        return Guess(0.35, first=_capital(first)) if first in _GIVEN else None
    return _named(0.55, first, _capital(last))


def _guess_from_one(word: str) -> Guess | None:
    first, hyphen, last = word.partition("-")
    if not hyphen:
        return Guess(0.25, first=_capital(first)) if first in _GIVEN else None
    if min(len(first), len(last)) < 2 or "-" in last:
        return None
    return _named(0.4, first, _capital(last))


def _named(confidence: float, first: str, last: str) -> Guess:
    return Guess(confidence, _capital(first), last, f"{_capital(first)} {last}")


def _capital(word: str) -> str:
    return re.sub(r"[^'-]+", lambda part: part[0].capitalize(), word)


def name_in_slug(slug: str) -> Guess | None:
    """Read a name out of the last part of a LinkedIn profile URL.

    >>> name_in_slug("sarah-chen-1a2b3c").full, name_in_slug("schen")
    ('Sarah Chen', None)
    """
    words = [word for word in slug.split("-") if not re.search(r"\d", word)]
    if not 2 <= len(words) <= 3 or not all(len(word) > 1 and word.isalpha() for word in words):
        return None
    first, *rest = map(_capital, words)
    return Guess(0.4, first, rest[0] if len(rest) == 1 else None, " ".join([first, *rest]))


# --- from a name to local parts ------------------------------------------------------------


def fit(local: str, full_name: str) -> Fit | None:
    """Tell how surely a local part belongs to somebody of this name, None when it does not.

    >>> fit("b.mueller", "Dr. Robert Müller").pattern, fit("mueller", "Robert Chen")
    ('f.last', None)
    """
    written = re.sub(r"[._-]+", ".", _plain(local.partition("+")[0]).replace("'", ""))
    return dict(_forms(full_name)).get(written)


def same_name(one: str, other: str) -> float:
    """Return how surely two names mean one person: 1 spelled alike, 0.85 by a short form, or 0.

    >>> same_name("Bob Müller", "Robert Mueller"), same_name("Ann Lee", "Anna Lee")
    (0.85, 0.85)
    >>> same_name("José Núñez", "JOSE NUNEZ"), same_name("Ann Lee", "Ann Li")
    (1.0, 0)
    """
    if _plain(one) == _plain(other):
        return 1.0
    ours, theirs = _parsed(one), _parsed(other)
    if not _spellings(ours.last) & _spellings(theirs.last):
        return 0
    if _spellings(ours.first) & _spellings(theirs.first):
        return 1.0
    return 0.85 if _called(ours) & _called(theirs) else 0


def _called(name: "_Name") -> set[str]:
    firsts = _first_names(name)
    return firsts | _short_names(firsts)


@dataclass(frozen=True, slots=True)
class _Name:
    """The parts of a full name; titles and degrees are gone."""

    first: str
    middle: str
    last: str
    nickname: str


@lru_cache(maxsize=4096)
def _parsed(full_name: str) -> _Name:
    name = HumanName(full_name)
    return _Name(name.first, name.middle, name.last, name.nickname)


def first_and_last(full_name: str) -> tuple[str, str] | None:
    """Return first and last name, None when the full name does not show both.

    >>> first_and_last("Dr. Ana van der Berg"), first_and_last("Ana")
    (('Ana', 'van der Berg'), None)
    """
    name = _parsed(full_name)
    return (name.first, name.last) if name.first and name.last else None


def mailboxes(full_name: str) -> frozenset[str]:
    """Return the local parts that most likely are this person's: at least LIKELY sure.

    >>> sorted(mailboxes("Jane Roe"))[:3]
    ['j.roe', 'jane.r', 'jane.roe']
    """
    return frozenset(written for written, found in _forms(full_name) if found.confidence >= LIKELY)


def _forms(full_name: str) -> Iterator[tuple[str, Fit]]:
    """Yield every way to write this name, the surest last so that it wins in a dict."""
    name = _parsed(full_name)
    firsts, lasts = _first_names(name), _last_names(name)
    forms = [form for pair in product(firsts, lasts) for form in _pair_forms(*pair)]
    for some in product(firsts, _spellings(name.middle), lasts):
        forms += _middle_forms(*some)
    for short in product(_short_names(firsts), lasts):
        forms += [_as_short(form) for form in _pair_forms(*short)]
    for confidence, pattern, written in sorted(forms):
        yield written, Fit(confidence, pattern)


def _as_short(form: "_Form") -> "_Form":
    """Doubt a form with the initial of a short form: bsmith is more likely Brian than Bob."""
    confidence, pattern, written = form
    return (confidence if confidence > 0.75 else min(confidence, 0.5), pattern, written)


_Form = tuple[float, str, str]


def _pair_forms(first: str, last: str) -> Iterator[_Form]:
    f, n = first[0], last[0]
    for dot in (".", ""):
        yield 0.92, f"first{dot}last", f"{first}{dot}{last}"
        yield 0.92, f"last{dot}first", f"{last}{dot}{first}"
        yield 0.75, f"f{dot}last", f"{f}{dot}{last}"
        yield 0.75, f"first{dot}l", f"{first}{dot}{n}"
        yield 0.75, f"last{dot}f", f"{last}{dot}{f}"
        yield 0.35, "initials", f"{f}{dot}{n}"
    if "." in first:  # Jean-Luc: jlpicard
        both = "".join(word[0] for word in first.split("."))
        yield 0.75, "flast", f"{both}{last}"
    yield from ((0.5, "first", first), (0.5, "last", last))


def _middle_forms(first: str, middle: str, last: str) -> Iterator[_Form]:
    f, m, n = first[0], middle[0], last[0]
    for dot in (".", ""):
        yield 0.92, f"first{dot}middle{dot}last", f"{first}{dot}{middle}{dot}{last}"
        yield 0.92, f"first{dot}m{dot}last", f"{first}{dot}{m}{dot}{last}"
        yield 0.75, f"f{dot}m{dot}last", f"{f}{dot}{m}{dot}{last}"
        yield 0.35, "initials", f"{f}{dot}{m}{dot}{n}"
    yield 0.75, "fm.last", f"{f}{m}.{last}"
    if len(middle) > 1:  # of two surnames the first is the one in use: María García López
        yield 0.75, "first.middle", f"{first}.{middle}"


def _first_names(name: _Name) -> set[str]:
    """Return first name and nickname; of a double name also its first half."""
    spelled = _spellings(name.first) | _spellings(name.nickname)
    return {*spelled, *(form.partition(".")[0] for form in spelled)}


def _short_names(firsts: set[str]) -> set[str]:
    """Return what people of these names are called too."""
    return {other for first in firsts for other in _SHORT_FORMS.get(first, ())} - firsts


def _last_names(name: _Name) -> set[str]:
    """Return the surname; of a double one also each half, of one with particles also the rest."""
    spelled = _spellings(name.last)
    halves = {half for form in spelled for half in form.split(".") if half not in _PARTICLES}
    return {*spelled, *halves}


@lru_cache(maxsize=4096)
def _spellings(words: str) -> frozenset[str]:
    """Return lower-case ASCII forms: umlauts both ways, blanks and hyphens as dot and as nothing.

    Nothing comes of a name in another script: it is not written before an @ as it stands.
    """
    bare = re.sub(r"['\u2019`]", "", words.lower())
    split = [re.findall(r"[a-z]+", _plain(one)) for one in (bare, bare.translate(_EXPANDED))]
    return frozenset(joint.join(parts) for parts in split if parts for joint in (".", ""))


def _plain(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text.casefold().translate(_CUT))
    return "".join(char for char in decomposed if not unicodedata.combining(char))


_EXPANDED = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "å": "aa", "ø": "oe", "æ": "ae"})
_CUT = str.maketrans(
    {
        "ø": "o",
        "æ": "a",
        "œ": "oe",
        "ß": "ss",
        "ł": "l",
        "đ": "d",
        "ð": "d",
        "þ": "th",
        "\u0131": "i",
    }
)


# --- words ---------------------------------------------------------------------------------


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_OUTSIDERS = _words("ext extern external contractor consultant adm")
_PARTICLES = _words(
    "af al bin da das de del della den der di do dos du el la le ten ter van vande von zu"
)
_GIVEN = _words("""
    aaron adam adrian ahmed aisha alan alejandro alex alexander alexandra ali alice alicia alina
    amanda amelia amy ana andrea andreas andrew angela anita anja anna anne annika anthony antonio
    arjun arthur astrid barbara beatrice ben benjamin bernard bjorn bob brian bruno camille carla
    carlos carmen caroline catherine charles charlotte chiara chloe chris christian christina
    christine christopher claire clara claudia dan daniel daniela david deborah deepak dennis dev
    diana diego dieter dominik donald dorothy edward eduardo elena elisabeth elizabeth ella emil
    emily emma eric erik esther eva fatima felix fernando fiona florian francesca francesco
    francois frank franziska fred gabriel george gerhard giulia grace greg guillaume gustav hannah
    hans harry heather heidi heinz helen helena henrik henry ibrahim ingrid irene isabel isabella
    ivan jack jacob jacques james jan jane jason javier jean jeff jennifer jens jeremy jessica jim
    joan joanna joe johan johannes john jon jonas jonathan jorge jose joseph juan julia julian
    julie juliette jurgen karen karin karl katarina kate katharina katherine kathrin keith kelly
    kevin kim kirsten klaus kumar lars laura lauren lea lena leo leon lina linda lisa louis louise
    luca lucas lucia lucy luis lukas magnus manuel marc marcel marco marcus margaret maria marie
    mark markus marta martha martin martina mary mateo matt matthew matthias max maximilian maya
    mehmet melissa michael michel michelle miguel mike mohamed mohammed monica monika nadia
    natalie natasha nathan neha nicholas nick nicolas nicole nils nina noah nora olaf oliver
    olivia omar oscar pablo paolo patricia patrick paul paula pedro peter petra philip philipp
    pierre priya rachel rahul ralf raphael rebecca richard rob robert roberto roger roland ruth
    ryan sabine sam samantha samuel sandra sara sarah scott sean sebastian sergio simon simone
    sofia sonja sophia sophie stefan stefanie stephanie stephen steve steven sunil susan susanne
    sven tanja teresa theo theresa thomas tim timothy tobias tom tomas tony ulrich ulrike ursula
    valentina vanessa vera veronica victor victoria vincent walter werner wilhelm william wolfgang
    yasmin yusuf yuki zoe
""")
# One line a name: the long form, then what people make of it.
_FAMILIES = """
    abigail abby; albert al bert; alexander alex sasha xander; alexandra alex sasha alexa;
    alfred alf fred; alice ali; amanda mandy; andrea andi; andreas andi andy; andrew andy drew;
    angela angie; anna ann anne annie; anthony tony; antonio toni tony; arthur art; barbara barb;
    benjamin ben; bernard bernie; bernhard bernd; bradley brad; caroline carrie; catherine cathy
    cat kate; charles charlie chuck; charlotte charlie; christian chris; christina chris tina;
    christine chris tine; christopher chris; cynthia cindy; daniel dan danny; david dave;
    deborah deb debbie; dennis den; dmitry dima; dominic dom; donald don; dorothy dot;
    douglas doug; edward ed eddie ted; eleanor ellie; elizabeth beth betty eliza liz lisa;
    emily em; eugene gene; evelyn evie; francesco franco; frances fran; francis frank;
    francisco paco; franziska franzi; frederick fred; friedrich fritz; gabriel gabe; gabriele gabi;
    gerald gerry jerry; gregory greg; guillermo memo; gwendolyn gwen; hans hannes; harold harry;
    heinrich heinz; henry hank harry; ignacio nacho; isabella bella izzy; jacob jake; jacqueline
    jackie; james jim jimmy jamie; jan jannik; janet jan; jeffrey jeff; jennifer jen jenny;
    jeremy jerry; jessica jess; joachim jo achim; johannes hannes jo; john jack johnny jon;
    jonathan jon; jose pepe; joseph joe; joshua josh; judith judy; julian jules; karl-heinz heinz;
    katharina kathi; katherine kate kathy katie; kathleen kathy; kenneth ken; kimberly kim;
    laurence larry; lawrence larry; leonard leo len; leonardo leo; lillian lily; louis lou;
    luigi gigi; manuel manu; margaret maggie meg peggy; maria mary; matthew matt; matthias matze;
    maximilian max; melissa mel; michael michi mick mike; michelle shelly; mikhail misha;
    mohammed mo mohamed; natalie nat; nathaniel nat nate nathan; nicholas nick nicky;
    nicolas nico nick; nicole nicky; oliver oli olly; pamela pam; patricia pat patty trish;
    patrick pat paddy; peter pete; philip phil; philipp phil; rachel rach; raymond ray;
    rebecca becca becky; richard dick rich rick; robert bert bob bobby rob robbie; roland roli;
    ronald ron; samantha sam; samuel sam; sandra sandy; sebastian seb basti; sergey serge;
    sophia sophie; stefanie steffi; stephanie steph; stephen steve; steven steve; susan sue susie;
    susanne susi; suzanne sue; sylvester sly; teresa terry tess; theodore ted theo; theresa terry
    tess; thomas tom tommy; timothy tim; tobias tobi; ulrich uli; ulrike uli; valerie val;
    victor vic; victoria vicky tori; vincent vince vinny; virginia ginny; vladimir vova; walter
    walt; wilhelm willi; william bill billy liam will; wolfgang wolf; zachary zach zack
"""


def _short_forms(families: str) -> Mapping[str, frozenset[str]]:
    """Map each name to the others that can mean the same person: Bob to Robert and back."""
    known: dict[str, set[str]] = {}
    for line in families.split(";"):
        long, *short = line.split()
        known.setdefault(long, set()).update(short)
        for name in short:
            known.setdefault(name, set()).add(long)
    return {name: frozenset(others) for name, others in known.items()}


_SHORT_FORMS = _short_forms(_FAMILIES)
