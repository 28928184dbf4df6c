"""How senior somebody is, what that likely means in a deal, and which function they work in.

Sources give `seniority` as one of SENIORITIES; the patterns here only fill in where none did.
"""

import re
from collections.abc import Mapping

RANKS: Mapping[str, int] = {
    "owner": 100,
    "c_suite": 90,
    "president": 85,
    "vp": 70,
    "head": 60,
    "director": 60,
    "manager": 40,
    "staff": 20,
}
"""Seniority -> rank 0..100, from facts/sources.md section 5."""

SENIORITIES = tuple(RANKS)

ROLES: Mapping[str, str] = {
    "owner": "likely the decider",
    "c_suite": "likely the decider",
    "president": "likely the decider",
    "vp": "likely a budget holder",
    "head": "likely a budget holder",
    "director": "likely a budget holder",
    "manager": "likely a user or champion",
    "staff": "likely a user",
}
"""Seniority -> part in a purchase. It is a likelihood and is said as one."""

_PATTERNS = tuple(
    (word, re.compile(pattern, re.IGNORECASE))
    for word, pattern in (
        ("staff", r"\bassistant to\b|\bexecutive assistant\b"),
        ("owner", r"\b(?:co-?)?founder\b|(?<!product )(?<!process )\bowner\b|\binhaber|\bgründer"),
        ("head", r"\bchief of staff\b"),
        ("c_suite", r"\bchief\b|\bc[a-z]{1,3}o\b|\bvorstand"),
        ("vp", r"\bvice[- ]president\b|\b[esa]?vp\b"),
        ("president", r"\bpresident\b|\bmanaging (?:director|partner)\b|\bgeschäftsführ"),
        ("head", r"\bhead\b|\bleit(?:er|ung)|leiter(?:in)?\b"),
        ("director", r"\bdirect(?:or|eur|rice)\b"),
        ("manager", r"\bmanager\b|\blead(?:er)?\b|\bsupervisor\b"),
    )
)

_TOP = re.compile(r"\bchief executive\b|\bceo\b", re.IGNORECASE)

_FUNCTIONS: Mapping[str, str] = {
    "sales": "sales revenue account_executive business_development sdr bdr cro commercial vertrieb",
    "presales": "presales pre-sales sales_engineer solutions_engineer solutions_consultant",
    "marketing": "marketing cmo demand brand growth seo content communications",
    "customer_success": "customer_success customer support client_services",
    "product": "product ux cpo",
    "engineering": "engineering engineer developer cto software architect technology",
    "infrastructure": "infrastructure devops sre platform cloud",
    "security": "security ciso privacy",
    "data": "data analytics analyst ai ml machine_learning",
    "it": "it cio information_technology",
    "finance": "finance financial cfo accounting controller treasurer finanzen",
    "people": "people hr human_resources chro talent recruiting recruiter",
    "legal": "legal counsel clo compliance",
    "operations": "operations coo logistics procurement supply_chain",
    "leadership": "ceo founder co-founder owner president managing_director geschäftsführer",
}


def seniority_of(title: str) -> str | None:
    """Return one of SENIORITIES for a job title, None for an empty one.

    >>> seniority_of("SVP, Sales"), seniority_of("Co-Founder & CEO"), seniority_of("Engineer")
    ('vp', 'owner', 'staff')
    """
    if not title.strip():
        return None
    return next((word for word, pattern in _PATTERNS if pattern.search(title)), "staff")


def rank(title: str, seniority: str | None = None) -> int:
    """Return how senior somebody is, 0..100; a chief executive is as high as an owner.

    >>> rank("CEO"), rank("Sales lead", "vp"), rank("")
    (100, 70, 0)
    """
    word = seniority if seniority in RANKS else seniority_of(title)
    if word == "c_suite" and _TOP.search(title):
        return RANKS["owner"]
    return RANKS.get(word or "", 0)


def works_in(function: str, text: str) -> bool:
    """Tell whether a title or department belongs to a function of a company.

    A function that is not known here belongs to the titles that contain its words.

    >>> works_in("sales", "Chief Revenue Officer"), works_in("it", "Head of Italy")
    (True, False)
    """
    name = function.casefold().replace(" ", "_")
    phrases = _FUNCTIONS.get(name, name).split()
    return any(has_phrase(phrase.replace("_", " "), text) for phrase in phrases)


def has_phrase(phrase: str, text: str) -> bool:
    """Tell whether a text contains a word or phrase as a whole.

    >>> has_phrase("AI", "Our AI team"), has_phrase("AI", "Maintenance")
    (True, False)
    """
    found = re.escape(phrase.casefold())
    return re.search(rf"(?<!\w){found}(?!\w)", text.casefold()) is not None
