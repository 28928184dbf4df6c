"""Numbers, addresses, offices and profiles; the numbers are of ranges kept for fiction."""

import pytest

from app.web.choice import Kind
from app.web.contact import find_phones, phone_region
from app.web.socials import profile
from tests.web.sites import facts_of, page, values

FOOT = "<footer><p>© Acme Gears</p></footer>"


def phones(body: str, region: str | None = None, kind: Kind = Kind.contact) -> list[str]:
    return [found.value for found in find_phones([(kind, page(body))], region)]


@pytest.mark.parametrize(
    ("body", "number"),
    [
        ('<a href="tel:+44-20-7946-0123">call</a>', "+442079460123"),
        ("<p>Tel: +44 (0)20 7946 0123</p>", "+442079460123"),
        ("<p>Phone: 020 7946 0123</p>", "+442079460123"),
        ("<p>+46 8 465 00 412</p>", "+46846500412"),
        ("<p>Telefon: +49 (30) 23125-123</p>", "+493023125123"),
        ("<p>T: +1-888-555-GEAR</p>", "+18885554327"),
        ('<p><a href="tel:1-888-555-4399">1-888-555-GEAR</a></p>', "+18885554327"),
    ],
)
def test_numbers_are_read_as_they_are_written(body: str, number: str) -> None:
    assert phones(body, "GB") == [number]


@pytest.mark.parametrize(
    "body",
    [
        "<p>Fax: +44 20 7946 0123</p>",
        "<p>Fax:</p><p>+44 20 7946 0123</p>",
        '<p>Fax: <a href="tel:+442079460123">020 7946 0123</a></p>',
        "<p>Company registered in England #02079460123. VAT #999999973.</p>",
        "<p>Tel: +1 202-555-0143</p>",
        "<p>Tel: +44 000 000 0000</p>",
        "<p>More than 02079460123 gears sold</p>",
        "<p>1309 Cogwheelstreet Gears</p>",
    ],
)
def test_faxes_register_numbers_and_placeholders_are_no_phones(body: str) -> None:
    assert phones(body, "GB") == []


def test_a_number_without_country_is_not_guessed() -> None:
    assert phones("<p>Phone: 020 7946 0123</p>") == []


def test_mobiles_are_business_contacts_on_the_contact_page_only() -> None:
    body = "<p>Phone: +46 70 174 06 05</p>"
    assert phones(body) == ["+46701740605"]
    assert phones(body, kind=Kind.people) == []


def test_the_country_is_that_of_all_international_numbers() -> None:
    one = page("<p>+44 20 7946 0123</p>")
    two = page('<a href="tel:+493023125123">x</a>')
    assert phone_region([one]) == "GB"
    assert phone_region([one, two]) is None


def test_addresses_come_from_links_and_from_text_that_hides_them() -> None:
    body = """<a href="mailto:Hello@acmegears.example?subject=x">write</a>
    <p>sales@acmegears.example</p><p><b>support</b> <i>[at]</i> <span>acmegears.example</span></p>
    <p>press (at) acmegears (dot) example</p>"""
    found = facts_of({"/": FOOT, "/contact/": body})
    assert values(found, "company.emails") == [
        "hello@acmegears.example",
        "press@acmegears.example",
        "sales@acmegears.example",
        "support@acmegears.example",
    ]


def test_addresses_of_others_and_of_machines_are_left_out() -> None:
    body = """<p>studio@spindle.example webmaster@acmegears.example noreply@acmegears.example</p>
    <a href="mailto:<b>x</b>">x</a><a href="mailto:">y</a><p>hello@amcegears.example</p>"""
    assert values(facts_of({"/": FOOT, "/contact/": body}), "company.emails") == []


@pytest.mark.parametrize(
    ("body", "address"),
    [
        ("<p>14 Cog Street, Bath, ZZ1 1ZZ</p>", "14 Cog Street, Bath, ZZ1 1ZZ, United Kingdom"),
        (
            "<p>5800 Cog Drive, Suite 12</p><p>Gearville, MD 20999</p>",
            "5800 Cog Drive, Suite 12, Gearville, MD 20999, United States",
        ),
        ("<p>Zahnweg 13b, 29999 Radstadt</p><p>Germany</p>",
         "Zahnweg 13b, 29999 Radstadt, Germany"),
        ("<p>149 Avenue du Cog, 75999 Rouage, France</p>",
         "149 Avenue du Cog, 75999 Rouage, France"),
        ("<h5>New Zealand</h5><p>86 Cog Quay</p><p>Gearton 6999</p>",
         "86 Cog Quay, Gearton 6999, New Zealand"),
    ],
)  # fmt: skip
def test_postal_addresses_are_read_in_the_forms_of_their_countries(body: str, address: str) -> None:
    assert values(facts_of({"/": FOOT, "/contact/": body}), "company.addresses") == [address]


@pytest.mark.parametrize(
    "body",
    [
        "<p>PO Box 25</p><p>Gearton 6999</p><p>New Zealand</p>",
        "<p>5800 Cog Drive</p>",
        "<p>In 2019 Acme moved</p>",
        "<footer><p>© 2004-2026 Acme Gears Ltd</p><p>United Kingdom</p></footer>",
        "<p>Price 12345 Gears</p>",
    ],
)
def test_post_boxes_and_loose_numbers_are_no_addresses(body: str) -> None:
    assert values(facts_of({"/": FOOT, "/contact/": body}), "company.addresses") == []


OFFICES = """<h6>Reading</h6><p>REGIONAL HEADQUARTERS</p><p>2 Cog Drive</p><p>Reading ZZ7 4ZZ</p>
<h6>Gearville</h6><p>{mark}</p><p>120 Cog Street</p><p>Gearville, MA 02199</p>"""


def test_the_location_is_the_head_office_and_not_just_the_first() -> None:
    marked = OFFICES.format(mark="GLOBAL HEADQUARTERS")
    found = facts_of({"/": FOOT, "/contact/": marked})
    assert values(found, "company.location") == ["Gearville, MA, United States"]
    unmarked = OFFICES.format(mark="Office")
    assert values(facts_of({"/": FOOT, "/contact/": unmarked}), "company.location") == []


def test_a_single_office_is_the_location() -> None:
    body = "<p>14 Cog Street, Bath, ZZ1 1ZZ</p>"
    found = facts_of({"/": body + FOOT, "/contact/": body})
    assert values(found, "company.location") == ["Bath, United Kingdom"]
    assert len(values(found, "company.addresses")) == 1


@pytest.mark.parametrize(
    ("url", "network"),
    [
        ("https://www.linkedin.com/company/acme-gears/about", "linkedin"),
        ("http://twitter.com/AcmeGears", "twitter"),
        ("https://x.com/AcmeGears?lang=en", "twitter"),
        ("https://www.facebook.com/pages/Acme-Gears/290900000000", "facebook"),
        ("https://www.youtube.com/@acmegears", "youtube"),
        ("https://github.com/acmegears", "github"),
        ("https://bsky.app/profile/acmegears.bsky.social", "bluesky"),
        ("https://www.linkedin.com/shareArticle?mini=true&url=x", None),
        ("https://twitter.com/intent/tweet?text=x", None),
        ("https://twitter.com/AcmeGears/status/12345", None),
        ("https://www.facebook.com/sharer/sharer.php?u=x", None),
        ("https://www.facebook.com/tr?id=1", None),
        ("https://www.instagram.com/explore/tags/gears/", None),
        ("https://github.com/acmegears/gears/issues", None),
        ("https://www.linkedin.com/in/ada-lindqvist", None),
        ("https://www.youtube.com/watch?v=x", None),
        ("https://nottwitter.com/AcmeGears", None),
        ("http://[bad", None),
    ],
)
def test_profiles_are_told_from_share_buttons_and_posts(url: str, network: str | None) -> None:
    found = profile(url)
    assert (found[0] if found else None) == network


def test_only_profiles_that_resemble_the_company_are_its_own() -> None:
    body = """<a href="https://de.linkedin.com/company/acme-gears-ltd">in</a>
    <a href="https://twitter.com/themecorner">by</a><a href="https://twitter.com/AcmeGears">t</a>
    <a href="https://facebook.com/2932000">f</a><a href="https://github.com/adalindqvist">g</a>"""
    assert values(facts_of({"/": body + FOOT}), "company.socials") == [
        {"network": "linkedin", "url": "https://www.linkedin.com/company/acme-gears-ltd"},
        {"network": "twitter", "url": "https://twitter.com/AcmeGears"},
        {"network": "facebook", "url": "https://facebook.com/2932000"},
    ]
    assert values(facts_of({"/": body + FOOT}), "company.linkedin_url") == [
        "https://www.linkedin.com/company/acme-gears-ltd"
    ]
