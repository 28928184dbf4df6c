"""Reading one identifier."""

import pytest

from app.errors import InvalidProspect
from app.reading import (
    is_linkedin,
    name_in_header,
    read_company,
    read_email,
    read_name,
    refusal,
    shown,
    tidy,
)


def test_invisible_characters_and_widths_do_not_count() -> None:
    assert tidy(" \u200bSarah\u00a0 Chen\u2069 ") == "Sarah Chen"
    assert tidy("\uff33arah") == "Sarah"


def test_an_error_shows_little_of_the_input_and_none_of_its_control_characters() -> None:
    said = str(refusal("\x1b[31m" + "x" * 500, "is odd"))
    assert "\x1b" not in said
    assert "x" * 61 not in said
    assert shown("a\nb") == '"ab"'


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ('"Sarah Chen"', "Sarah Chen"),
        ("Chen, Sarah", "Sarah Chen"),
        ("Sarah Chen, PhD", "Sarah Chen"),
        ("Sarah Chen (Acme)", "Sarah Chen"),
        ("Sarah Chen via Meet", "Sarah Chen"),
        ("Sarah Chen | Acme", "Sarah Chen"),
        ("Prof. Dr. Ana van der Berg", "Ana van der Berg"),
        ("Garcia Lopez, Maria", None),
        ("sarah@acme.example", None),
        ("Acme 24/7", None),
        ("Sarah", None),
        ("", None),
    ],
)
def test_the_name_in_a_mail_header(header: str, name: str | None) -> None:
    assert name_in_header(header) == name


@pytest.mark.parametrize("text", ["Sarah", "Sarah 2 Chen", "a b c d e f g", "S\u00e9 $", "", "- -"])
def test_what_is_no_full_name_is_refused(text: str) -> None:
    with pytest.raises(InvalidProspect):
        read_name(text)


@pytest.mark.parametrize(
    "text",
    ["Jos\u00e9 N\u00fa\u00f1ez", "Pat O'Brien", "\u0930\u093e\u092e \u0926\u0947\u0935\u0940"],
)
def test_names_of_every_script_are_read(text: str) -> None:
    assert read_name(text) == text


def test_the_domain_of_an_address_becomes_ascii_and_the_rest_lower_case() -> None:
    assert read_email("J\u00d6RG@M\u00dcNCHEN.de") == "j\u00f6rg@xn--mnchen-3ya.de"


def test_a_companys_name_needs_a_letter_or_a_digit() -> None:
    assert read_company(" Acme Corp., ") == "Acme Corp"
    for text in ("?!", "x" * 121, "sarah@acme.example"):
        with pytest.raises(InvalidProspect):
            read_company(text)


def test_the_short_form_of_a_profile_is_understood() -> None:
    assert is_linkedin("in/sarah-chen")
    assert is_linkedin("linkedin.com/in/sarah-chen")
    assert not is_linkedin("linkedin.com")
    assert not is_linkedin("acme.example/in/sarah-chen")
