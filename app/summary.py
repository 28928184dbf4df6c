"""One or two sentences on who is called, made of facts only, and honest about what is a guess."""

import re

from app.brief import status_words
from app.merge import Merged
from app.prospect import AddressClass, By, Prospect
from app.wording import listed, sentence, shorten, with_article

_NAMES = {
    "person.title": "the job title",
    "person.location": "the person's location",
    "company.name": "the company's name",
    "company.industry": "the industry",
    "company.employee_count": "the number of employees",
    "company.employee_range": "the number of employees",
    "company.founded_year": "the founding year",
    "company.location": "the company's location",
    "company.description": "the description",
}
"""What a summary calls the fields it uses."""

PHRASE_CHARS = 120
DESCRIPTION_CHARS = 200


def summary(prospect: Prospect, merged: Merged, wanted: frozenset[str]) -> str:
    """Say who is meant, what their company is, and what is not known or only guessed."""
    wants_person = prospect.is_person and any(name.startswith("person.") for name in wanted)
    main = _people(merged) or _person(merged) or _company(merged)
    if not main:
        return f"Nothing is known about {prospect}."
    sentences = [status_words(merged), main, _caveat(prospect, merged, wants_person=wants_person)]
    return " ".join(one for one in sentences if one)


def _text(merged: Merged, name: str) -> str:
    value = merged.value(name)
    return shorten(value, PHRASE_CHARS) if isinstance(value, str) else ""


def _people(merged: Merged) -> str:
    people = merged.items("person.candidates")
    if not people:
        return ""
    count = f"{len(people)} people" if len(people) > 1 else "One person"
    return f"{count} could be meant, so nothing is guessed. {_company(merged)}".strip()


def _person(merged: Merged) -> str:
    name, title = _text(merged, "person.full_name"), _text(merged, "person.title")
    company = _company_name(merged)
    if not name and not title:
        return ""
    if title:
        post = f"{name or 'The person'} is {title}"
        return sentence(f"{post} at {_appositive(merged, company)}" if company else post)
    if company:
        return sentence(f"{name} is with {_appositive(merged, company)}")
    return f"Only the name {name} is known."


def _appositive(merged: Merged, company: str) -> str:
    details = _details(merged)
    return f"{company}, {details}" if details else company


def _company(merged: Merged) -> str:
    company, details = _company_name(merged), _details(merged)
    description = merged.value("company.description")
    if company and details:
        return sentence(f"{company} is {details}")
    if isinstance(description, str):
        said = f"{company or 'The company'}: “{shorten(description, DESCRIPTION_CHARS)}”"
        return sentence(said)
    if company:
        return f"Little more than the name of {company} is known."
    return f"Of the company this is known: {details}." if details else ""


def _company_name(merged: Merged) -> str:
    return _text(merged, "company.name") or _text(merged, "company.domain")


def _details(merged: Merged) -> str:
    """Return `a software company with about 240 employees, founded in 2015 and based in X`."""
    industry, place = _text(merged, "company.industry"), _text(merged, "company.location")
    size, year = _size(merged), merged.value("company.founded_year")
    if not (industry or place or size or year):
        return ""
    kind = with_article(f"{_lowered(industry)} company".strip())
    told = [f"founded in {year}" if year else "", f"based in {place}" if place else ""]
    clauses = listed([one for one in told if one])
    return (", " if size else " ").join(one for one in (f"{kind}{size}", clauses) if one)


def _size(merged: Merged) -> str:
    count, span = merged.value("company.employee_count"), _text(merged, "company.employee_range")
    if isinstance(count, int | float) and count >= 1:
        return f" with about {count:,.0f} employees"
    return f" with {span} employees" if span else ""


def _lowered(text: str) -> str:
    """Return the text in lower case, without touching abbreviations and names like SaaS."""
    return re.sub(r"\b[^\W\d_][^\W\d_A-Z]+\b", lambda word: word[0].lower(), text)


def _caveat(prospect: Prospect, merged: Merged, *, wants_person: bool) -> str:
    """Say what is missing or a guess, the most important thing only."""
    name, title = merged.item("person.full_name"), merged.item("person.title")
    if prospect.address_class is AddressClass.role:
        return "The address is a shared mailbox, so no person is named."
    if name and name.is_inferred:
        origin = "read from the address" if prospect.by is By.email else "a guess"
        return f"The name is {origin} and not confirmed."
    if guessed := _guessed(merged):
        return f"Not confirmed: {listed(guessed)}."
    if not wants_person or merged.items("person.candidates"):
        return ""
    if not name:
        return "The person's name is not known." if title else "It is not known who the person is."
    return "" if title else "The job title is not known."


def _guessed(merged: Merged) -> list[str]:
    items = ((label, merged.item(name)) for name, label in _NAMES.items())
    return list(dict.fromkeys(label for label, item in items if item and item.is_inferred))
