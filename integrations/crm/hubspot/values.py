"""Facts as HubSpot's properties take them: an option, a number, a text; or nothing, never a guess.

Rules from facts/crm.md section 5, read 2026-11-21. Options are those the account has now.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime

from app.crm import Property

MOST = 65_536
"""Characters of a text."""

INDUSTRIES: Mapping[str, str] = {
    "SOFTWARE_DEVELOPMENT": "COMPUTER_SOFTWARE",
    "SOFTWARE": "COMPUTER_SOFTWARE",
    "IT_SERVICES_AND_IT_CONSULTING": "INFORMATION_TECHNOLOGY_AND_SERVICES",
    "TECHNOLOGY_INFORMATION_AND_INTERNET": "INTERNET",
    "COMPUTER_AND_NETWORK_SECURITY": "COMPUTER_NETWORK_SECURITY",
    "HOSPITALS_AND_HEALTH_CARE": "HOSPITAL_HEALTH_CARE",
    "WELLNESS_AND_FITNESS_SERVICES": "HEALTH_WELLNESS_AND_FITNESS",
    "ADVERTISING_SERVICES": "MARKETING_AND_ADVERTISING",
    "BUSINESS_CONSULTING_AND_SERVICES": "MANAGEMENT_CONSULTING",
    "MOTOR_VEHICLE_MANUFACTURING": "AUTOMOTIVE",
    "OIL_AND_GAS": "OIL_ENERGY",
    "NON_PROFIT_ORGANIZATIONS": "NON_PROFIT_ORGANIZATION_MANAGEMENT",
    "VENTURE_CAPITAL_AND_PRIVATE_EQUITY_PRINCIPALS": "VENTURE_CAPITAL_PRIVATE_EQUITY",
    "FOOD_AND_BEVERAGE_SERVICES": "FOOD_BEVERAGES",
    "TRANSPORTATION_LOGISTICS_SUPPLY_CHAIN_AND_STORAGE": "LOGISTICS_AND_SUPPLY_CHAIN",
}
"""Newer names of an industry, normalised, and the option of HubSpot's older list."""

SENIORITIES: Mapping[str, str] = {
    "C_SUITE": "EXECUTIVE",
    "CXO": "EXECUTIVE",
    "C_LEVEL": "EXECUTIVE",
    "FOUNDER": "OWNER",
    "VICE_PRESIDENT": "VP",
    "ENTRY_LEVEL": "ENTRY",
    "JUNIOR": "ENTRY",
}
"""Our words for how senior somebody is, and HubSpot's (by recollection: read live all the same)."""

OTHER_WORDS: Mapping[str, Mapping[str, str]] = {
    "industry": INDUSTRIES,
    "hs_seniority": SENIORITIES,
}

_NUMBER = re.compile(r"-?[0-9]{1,18}(\.[0-9]{1,6})?")
_YES, _NO = frozenset({"true", "yes", "1"}), frozenset({"false", "no", "0"})
_INVISIBLE = re.compile(r"[\u0000-\u0008\u000b-\u001f\u007f\u200b-\u200f\u2028-\u202e\ufeff]")


def translated(prop: Property, value: str) -> str | None:
    """Return a value as this property takes it; None when it would be a guess."""
    text = _INVISIBLE.sub("", value).strip()
    if not text or prop.is_read_only:
        return None
    if prop.type == "choice":
        return _option(prop, text)
    if prop.type == "number":
        return text if _NUMBER.fullmatch(text) else None
    if prop.type == "boolean":
        word = text.casefold()
        return "true" if word in _YES else "false" if word in _NO else None
    if prop.type in {"date", "datetime"}:
        return _moment(prop.type, text)
    return text[:MOST]


def _option(prop: Property, text: str) -> str | None:
    """Return the option that is meant: by its value, by its label, or by another name of it."""
    wanted = _normal(text)
    others = OTHER_WORDS.get(prop.name, {})
    for word in (wanted, others.get(wanted)):
        values = [one for one in prop.options if _normal(one) == word]
        labelled = [one for one, label in prop.options.items() if _normal(label) == word]
        if word and (found := values or labelled):
            return found[0] if len(set(found)) == 1 else None
    return None


def _normal(text: str) -> str:
    """Return the letters and digits of a name, in upper case, with `_` for what is between.

    >>> _normal("Transportation, Logistics & Storage")
    'TRANSPORTATION_LOGISTICS_AND_STORAGE'
    """
    spelled = text.replace("&", " and ").upper()
    return re.sub(r"[^A-Z0-9]+", "_", spelled).strip("_")


def _moment(kind: str, text: str) -> str | None:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    if kind == "date":
        return at.date().isoformat()
    aware = at if at.tzinfo else at.replace(tzinfo=UTC)
    return aware.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
