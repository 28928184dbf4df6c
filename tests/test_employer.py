"""A record of somebody's next job is not told as this one."""

import pytest

from app.employer import is_elsewhere, same_company
from app.prospect import Identifiers

MAIL = Identifiers(email="mira.quint@example.com")


@pytest.mark.parametrize(
    ("query", "website", "company", "elsewhere"),
    [
        (MAIL, "example.com", "Quint Tools", False),
        (MAIL, "https://www.example.co.uk", None, False),  # the same label
        (MAIL, "other-tools.example", "Other Tools", True),
        (MAIL, None, "Other Tools", False),  # nothing to compare
        (Identifiers(email="mira@mail.example.com"), "example.com", None, False),
        (Identifiers(email="mira.quint@gmail.com"), "other-tools.example", None, False),
        (Identifiers(linkedin="in/mira"), "other-tools.example", "Other Tools", False),
        (Identifiers(name="Mira", domain="example.com"), "other-tools.example", None, True),
        (Identifiers(name="Mira", company="Quint Tools"), None, "quint tools llc", False),
        (Identifiers(name="Mira", company="Quint Tools GmbH"), None, "Quint", False),
        (Identifiers(name="Mira", company="Quinttools"), None, "Quint Tools", False),
        (Identifiers(name="Mira", company="Meta"), None, "Metalworks", True),
    ],
)
def test_the_employer_of_a_record_is_compared_with_the_one_asked_about(
    query: Identifiers, website: str | None, company: str | None, *, elsewhere: bool
) -> None:
    assert is_elsewhere(query, website=website, company=company) is elsewhere


def test_a_current_work_address_at_the_company_settles_it() -> None:
    addresses = [None, "mira.quint@example.com"]
    assert not is_elsewhere(MAIL, website="quint.example", company=None, addresses=addresses)
    assert is_elsewhere(MAIL, website="quint.example", company=None, addresses=["m@quint.example"])


def test_companies_are_the_same_by_their_label() -> None:
    assert same_company("quint.com", "www.quint.co.uk")
    assert not same_company("quint.com", "quint-tools.com")
    assert not same_company("quint.com", "")
