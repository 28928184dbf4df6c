"""Country names as sites write them, and what an address format says about its country."""

import re

from app.web.text import wordset

_NAMES = {
    "AT": "Austria|Österreich|Autriche|Østrig",
    "AU": "Australia|Australien|Australie",
    "BE": "Belgium|Belgien|Belgique|België",
    "BR": "Brazil|Brasil|Brasilien",
    "CA": "Canada|Kanada",
    "CH": "Switzerland|Schweiz|Suisse|Svizzera",
    "CN": "China",
    "CZ": "Czech Republic|Czechia|Tschechien",
    "DE": "Germany|Deutschland|Allemagne|Tyskland",
    "DK": "Denmark|Dänemark|Danmark|Danemark",
    "EE": "Estonia|Estland|Eesti",
    "ES": "Spain|Spanien|España|Espagne",
    "FI": "Finland|Finnland|Suomi|Finlande",
    "FR": "France|Frankreich|Frankrig",
    "GB": "United Kingdom|UK|U.K.|England|Scotland|Wales|Northern Ireland|Great Britain"
          "|Großbritannien|Storbritannien",
    "HK": "Hong Kong",
    "IE": "Ireland|Irland|Irlande",
    "IL": "Israel",
    "IN": "India|Indien|Inde",
    "IT": "Italy|Italien|Italia|Italie",
    "JP": "Japan|Japon",
    "KR": "South Korea|Korea|Republic of Korea",
    "LT": "Lithuania|Litauen",
    "LU": "Luxembourg|Luxemburg",
    "LV": "Latvia|Lettland",
    "MX": "Mexico|México|Mexiko",
    "NL": "Netherlands|The Netherlands|Nederland|Niederlande|Pays-Bas|Holland",
    "NO": "Norway|Norwegen|Norge",
    "NZ": "New Zealand|Neuseeland|Aotearoa",
    "PL": "Poland|Polen|Polska",
    "PT": "Portugal",
    "RO": "Romania|Rumänien",
    "SE": "Sweden|Schweden|Sverige|Suède",
    "SG": "Singapore|Singapur",
    "US": "United States|USA|U.S.A.|US|U.S.|United States of America|Vereinigte Staaten",
    "ZA": "South Africa|Südafrika",
}  # fmt: skip

COUNTRIES = {code: names.split("|")[0] for code, names in _NAMES.items()}
"""ISO 3166 code -> English name, for the countries we read addresses of."""

_BY_NAME = {
    name.casefold(): code for code, names in _NAMES.items() for name in names.split("|")
} | {code.casefold(): code for code in _NAMES if code not in {"IN", "IT", "BE", "NO", "AT", "DE"}}

US_STATES = wordset(
    "AL AK AZ AR CA CO CT DE FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM "
    "NY NC ND OH OK OR PA RI SC SD TN TX UT VT VA WA WV WI WY DC"
)

_NOT_A_REGION = wordset("ai cc co eu fm io is la ly me to tv")


def country_code(text: str) -> str | None:
    """Return the ISO code of a country named in English, its own language or by its code."""
    return _BY_NAME.get(re.sub(r"^[\s,(]+|[\s,.)]+$", "", text).casefold())


def domain_region(domain: str) -> str | None:
    """Return the country of a country domain; None for those that are used as generic ones.

    >>> domain_region("acme.co.uk"), domain_region("acme.io"), domain_region("acme.dk")
    ('GB', None, 'DK')
    """
    ending = domain.rpartition(".")[2].lower()
    if ending == "uk":
        return "GB"
    known = len(ending) == 2 and ending not in _NOT_A_REGION
    return ending.upper() if known and ending.upper() in COUNTRIES else None
