"""Whether two spellings can be one person's name, and the parts of a full name.

Tolerant on purpose: it is asked of names that several sources give for one prospect, where a
nickname, an initial, a second family name or a typing mistake is likelier than another person.
"""

import unicodedata
from collections.abc import Mapping

from nameparser import HumanName
from rapidfuzz import fuzz

_SAME_WHOLE = 92  # token_set_ratio, 0..100: typing mistakes and left out middle names
_SAME_LAST = 85  # ratio: Mueller and Müller, Smyth and Smythe
_SAME_FIRST = 85  # ratio: Sara and Sarah

_NICKNAMES = """
    alexander alex sasha xander|alexandra alex sasha sandra|andrew andy drew|anthony tony
    barbara barb|benjamin ben|catherine kate cathy katie katherine kathryn kathleen
    charles charlie chuck|christina chris tina christine|christopher chris|daniel dan danny
    david dave|deborah deb debbie|donald don|dorothy dot|edward ed eddie ted ned
    elizabeth liz beth betty eliza lisa|frances fran|francis frank|frederick fred
    gerald gerry jerry|gregory greg|henry harry hank|jacob jake|james jim jimmy jamie
    jennifer jen jenny|john jack|jonathan jon|joseph joe|joshua josh|kenneth ken|lawrence larry
    leonard len|margaret maggie meg peggy|matthew matt|michael mike mick|nathaniel nate nathan
    nicholas nick|pamela pam|patricia pat trish|patrick pat paddy|peter pete|philip phil
    rebecca becky|richard rick dick rich|robert bob rob bobby robbie
    ronald ron|samantha sam|samuel sam
    stephen steve steven|susan sue|theodore ted theo|thomas tom|timothy tim|victoria vicky tori
    vincent vince|walter walt|william bill will billy liam|zachary zach
"""
"""The formal name first; who shares a formal name may be the same."""


def _by_nickname() -> Mapping[str, frozenset[str]]:
    groups = [line.split() for row in _NICKNAMES.split("\n") for line in row.split("|")]
    found: dict[str, frozenset[str]] = {}
    for group in groups:
        for name in group:
            found[name] = found.get(name, frozenset()) | {group[0]}
    return found


_FORMAL = _by_nickname()


def folded(text: str) -> str:
    """Return the text for comparing: lower case, without accents, single blanks, no edge marks.

    >>> folded(" Zoë  MÜLLER. ")
    'zoe muller'
    """
    kept = text.casefold()
    if not kept.isascii():
        bare = unicodedata.normalize("NFKD", kept)
        kept = "".join(char for char in bare if not unicodedata.combining(char))
    return " ".join(kept.split()).strip(" .,;:")


def split_name(full_name: str) -> tuple[str, str]:
    """Return first and last name; either is empty when the name does not say.

    >>> split_name("Dr. Juan de la Vega"), split_name("Cher")
    (('Juan', 'de la Vega'), ('Cher', ''))
    """
    name = HumanName(full_name)
    return name.first.strip(), name.last.strip()


def words(name: str) -> frozenset[str]:
    """Return the words of a name for comparing; a hyphen parts words."""
    return frozenset(word.strip(".,") for word in folded(name).replace("-", " ").split())


def has_initial(name: str) -> bool:
    """Tell whether a part of the name is only a letter, so that it says less."""
    return any(len(word) == 1 for word in words(name))


def same_person(one: str, other: str) -> bool:
    """Tell whether two names can belong to one person.

    >>> same_person("Bob Smith", "Robert Smith"), same_person("S. Chen", "Sarah Chen")
    (True, True)
    >>> same_person("Sarah Chen", "Steven Chen"), same_person("Sarah Chen", "Sarah Okafor")
    (False, False)

    Names in different scripts cannot be told apart, so they can.
    """
    if not words(one) or not words(other):
        return False
    if _in_latin(one) != _in_latin(other):
        return True  # nothing speaks against it
    if fuzz.token_set_ratio(folded(one), folded(other)) >= _SAME_WHOLE:
        return True
    if not any(_same_last(a, b) for a in words(one) for b in words(other)):
        return False  # parting names takes 0.1 ms, and most pairs end here
    (first, last), (other_first, other_last) = split_name(folded(one)), split_name(folded(other))
    if not last or not other_last:
        return _single_word_fits(one, other)
    return _same_last(last, other_last) and _same_first(first, other_first)


def _in_latin(name: str) -> bool:
    return any("a" <= char <= "z" for char in folded(name))


def _single_word_fits(one: str, other: str) -> bool:
    short, long = sorted((words(one), words(other)), key=len)
    return any(_same_first(a, b) for a in short for b in long)


def _same_last(one: str, other: str) -> bool:
    if _is_initial(one) or _is_initial(other):
        return one[0] == other[0]
    return bool(words(one) & words(other)) or fuzz.ratio(one, other) >= _SAME_LAST


def _is_initial(name: str) -> bool:
    return len(name.strip(". ")) == 1


def _same_first(one: str, other: str) -> bool:
    if not one or not other:
        return True
    if _is_initial(one) or _is_initial(other):
        return one[0] == other[0]
    if min(len(one), len(other)) >= 3 and (one.startswith(other) or other.startswith(one)):
        return True
    formal = _FORMAL.get(one, frozenset({one})) & _FORMAL.get(other, frozenset({other}))
    return bool(formal) or fuzz.ratio(one, other) >= _SAME_FIRST
