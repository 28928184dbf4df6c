"""Readable text from sources that keep everything in lower case.

Only text without a single capital is touched: whoever wrote one knew what they did. A guess can be
wrong (`ibm` becomes `Ibm`), so a display form from the source itself is always better.
"""

import re
from collections.abc import Callable, Mapping

_WORD = re.compile(r"[^\W_]+(?:['\u2019][^\W_]+)*")
_SENTENCE = re.compile(r"(?:^|(?<=[.!?]\s))\w")


def _words(line: str) -> frozenset[str]:
    return frozenset(line.split())


_SMALL = _words("a an and as at by for from in of on or the to with")
_PARTICLES = _words("af al av bin da das de del della den der di dos du el la le van von")
_TITLE_WORDS = _words(
    "ae ai ap apac api ar avp b2b b2c b2g bdr bi ceo cfo chro cio ciso cmo coo cpo crm cro cso "
    "cto ehs emea erp eu evp gtm hr hris hse ii iii it iv kam latam ml pmo pr qa rvp sdr sem seo "
    "sme sql svp ui uk us usa ux vp"
)
_COMPANY_WORDS = _words("ab ag as bv ii iii kg llc llp lp nv oy plc sa se uk usa")
_PLACE_WORDS = _words("dc uae uk us usa")
_NAME_WORDS = _words("cpa ii iii iv mba")

_SPELLED: Mapping[str, str] = {
    "cofounder": "Cofounder",
    "devops": "DevOps",
    "ecommerce": "eCommerce",
    "gmbh": "GmbH",
    "iot": "IoT",
    "phd": "PhD",
    "revops": "RevOps",
    "saas": "SaaS",
}

_PRODUCTS: Mapping[str, str] = {
    "adobe": "Adobe",
    "activecampaign": "ActiveCampaign",
    "aws": "AWS",
    "bigquery": "BigQuery",
    "css": "CSS",
    "github": "GitHub",
    "gitlab": "GitLab",
    "graphql": "GraphQL",
    "hsts": "HSTS",
    "html": "HTML",
    "hubspot": "HubSpot",
    "javascript": "JavaScript",
    "jquery": "jQuery",
    "linkedin": "LinkedIn",
    "mongodb": "MongoDB",
    "mysql": "MySQL",
    "php": "PHP",
    "postgresql": "PostgreSQL",
    "quickbooks": "QuickBooks",
    "sap": "SAP",
    "sendgrid": "SendGrid",
    "servicenow": "ServiceNow",
    "typescript": "TypeScript",
    "woocommerce": "WooCommerce",
    "wordpress": "WordPress",
    "wpengine": "WP Engine",
    "youtube": "YouTube",
    "zoominfo": "ZoomInfo",
}


def person_name(text: str) -> str:
    """Return a person's name with capitals.

    >>> person_name("jean-luc o'brien iii"), person_name("ana van der berg")
    ("Jean-Luc O'Brien III", 'Ana van der Berg')
    """
    return _cased(text, _NAME_WORDS, small=_PARTICLES)


def job_title(text: str) -> str:
    """Return a job title with capitals.

    >>> job_title("vp of sales, emea"), job_title("co-founder & ceo")
    ('VP of Sales, EMEA', 'Co-Founder & CEO')
    """
    return _cased(text, _TITLE_WORDS, small=_SMALL)


def company_name(text: str) -> str:
    """Return a company's name with capitals.

    >>> company_name("acme tools gmbh"), company_name("bank of examples plc")
    ('Acme Tools GmbH', 'Bank of Examples PLC')
    """
    return _cased(text, _COMPANY_WORDS, small=_SMALL)


def place(text: str) -> str:
    """Return a place with capitals.

    >>> place("austin, texas, united states")
    'Austin, Texas, United States'
    """
    return _cased(text, _PLACE_WORDS, small=_SMALL | _PARTICLES)


def label(text: str) -> str:
    """Return a word of a provider's list as a person would write it.

    >>> label("human_resources"), label("series_b")
    ('Human Resources', 'Series B')
    """
    return _cased(re.sub(r"[_\s]+", " ", text).strip(), _TITLE_WORDS, small=_SMALL - {"a"})


def product(text: str) -> str:
    """Return the name of a piece of software with the capitals its maker uses, where known.

    >>> product("hubspot"), product("google-tag-manager")
    ('HubSpot', 'Google Tag Manager')
    """
    words = re.sub(r"[_\s-]+", " ", text).strip() if text == text.lower() else text
    return _cased(words, frozenset(), spelled=_PRODUCTS)


def prose(text: str) -> str:
    """Return sentences that begin with a capital; names inside them stay as they are.

    >>> prose("acme makes tools. since 1990.")
    'Acme makes tools. Since 1990.'
    """
    if text != text.lower():
        return text
    return _SENTENCE.sub(lambda found: found[0].upper(), text)


def _cased(
    text: str,
    capitals: frozenset[str],
    *,
    small: frozenset[str] = frozenset(),
    spelled: Mapping[str, str] = _SPELLED,
) -> str:
    if text != text.lower():
        return text
    return _WORD.sub(_caser(capitals, small, spelled), text)


def _caser(
    capitals: frozenset[str], small: frozenset[str], spelled: Mapping[str, str]
) -> Callable[[re.Match[str]], str]:
    def cased(found: re.Match[str]) -> str:
        word = found[0]
        if word in small and found.start() > 0:
            return word
        if word in capitals:
            return word.upper()
        return spelled.get(word) or _capital(word)

    return cased


def _capital(word: str) -> str:
    if word.startswith("mc") and len(word) > 3:
        return f"Mc{word[2:].capitalize()}"
    mark = "\u2019" if "\u2019" in word else "'"
    head, mark, rest = word.partition(mark)
    tail = rest.capitalize() if len(head) == 1 else rest  # O'Brien, but Women's
    return f"{head.capitalize()}{mark}{tail}"
