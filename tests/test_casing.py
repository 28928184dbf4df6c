"""Lower-case text of providers comes out as a person would write it."""

from collections.abc import Callable

import pytest

from app import casing


@pytest.mark.parametrize(
    ("write", "given", "written"),
    [
        (casing.person_name, "mira o'quint", "Mira O'Quint"),
        (casing.person_name, "ines mccallum-van der berg", "Ines McCallum-van der Berg"),
        (casing.person_name, "otto lind jr.", "Otto Lind Jr."),
        (casing.person_name, "zoë d\u2019arc", "Zoë D\u2019Arc"),
        (casing.person_name, "van lind", "Van Lind"),
        (casing.job_title, "svp of it & hr, emea", "SVP of IT & HR, EMEA"),
        (casing.job_title, "ceo/cto", "CEO/CTO"),
        (casing.job_title, "head of women's products", "Head of Women's Products"),
        (casing.job_title, "vp, b2b saas", "VP, B2B SaaS"),
        (casing.job_title, "leiter öffentlichkeitsarbeit", "Leiter Öffentlichkeitsarbeit"),
        (casing.company_name, "quint & söhne gmbh", "Quint & Söhne GmbH"),
        (casing.company_name, "the tools of lind, llc", "The Tools of Lind, LLC"),
        (casing.place, "washington, dc, united states", "Washington, DC, United States"),
        (casing.place, "trinidad and tobago", "Trinidad and Tobago"),
        (casing.label, "information_technology", "Information Technology"),
        (casing.label, "series_a", "Series A"),
        (casing.product, "google-analytics", "Google Analytics"),
        (casing.product, "Kaltura-like", "Kaltura-like"),
        (casing.prose, "quint makes tools. it ships! now?", "Quint makes tools. It ships! Now?"),
        (casing.prose, "already Written. so", "already Written. so"),
    ],
)
def test_lower_case_becomes_readable(write: Callable[[str], str], given: str, written: str) -> None:
    assert write(given) == written


@pytest.mark.parametrize("write", [casing.person_name, casing.job_title, casing.company_name])
@pytest.mark.parametrize("text", ["deShawn Lind", "iOS Lead", "eBay", "ACME", "李 娜", ""])
def test_who_wrote_a_capital_is_not_corrected(write: Callable[[str], str], text: str) -> None:
    assert write(text) == text
