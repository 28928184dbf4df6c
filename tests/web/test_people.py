"""Who counts as staff. Everybody here is made up."""

import pytest

from app.web.people import linkedin_person, person_name
from tests.web.sites import facts_of, people, values

TEAM = "/team/"


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("Ada Lindqvist", "Ada Lindqvist"),
        ("Dr. Bo van der Zahn", "Bo van der Zahn"),
        ("Prof. Dr. Cleo Ritzel, PhD", "Cleo Ritzel"),
        ("Dee O\u2019Hara-Brandt (she/her)", "Dee O'Hara-Brandt"),
        ("Eva J. Ma", "Eva J. Ma"),
        ("FLORA ZAHNRAD", "Flora Zahnrad"),
        ("Read More", None),
        ("New Zealand", None),
        ("Customer Success", None),
        ("Acme Gears Ltd", None),
        ("Chief Gear Officer", None),
        ("Gera", None),
        ("we like gears", None),
        ("Suite 400 Gearstreet", None),
    ],
)
def test_a_name_is_told_from_what_only_looks_like_one(line: str, name: str | None) -> None:
    assert person_name(line) == name


def test_names_with_a_title_below_beside_or_in_brackets_are_staff() -> None:
    found = facts_of(
        {
            TEAM: """<h2>Team</h2>
            <h3>Ada Lindqvist</h3><p>Chief Executive Officer</p>
            <h3>Bo Tandem, VP Engineering</h3><p>Bo likes gears.</p>
            <p>Cleo Ritzel &ndash; Head of Sales</p>
            <p>Dee Kettle (Office Manager)</p>
            <div>Eli</div><div>Sprocket</div><div>Data Scientist</div>
            <h3>Flo Pinion</h3><p>Senior Engineer</p><p>Deputy Director</p>"""
        }
    )
    assert people(found) == {
        "Ada Lindqvist": "Chief Executive Officer",
        "Bo Tandem": "VP Engineering",
        "Cleo Ritzel": "Head of Sales",
        "Dee Kettle": "Office Manager",
        "Eli Sprocket": "Data Scientist",
        "Flo Pinion": "Senior Engineer, Deputy Director",
    }


def test_board_members_advisers_and_investors_are_never_staff() -> None:
    found = facts_of(
        {
            TEAM: """<h1>Our leadership</h1><h2>Executive Leadership</h2>
            <h3>Ada Lindqvist</h3><p>Chair &amp; Chief Executive Officer</p>
            <h2>Board of Directors</h2>
            <h3>Ada Lindqvist</h3><p>Chair &amp; Chief Executive Officer</p>
            <h3>Gus Flange</h3><p>Chief Financial Officer, Other Pumps</p>
            <h3>Hal Bearing</h3><p>Director</p>
            <h2>Advisory Board</h2><h3>Ida Cog</h3><p>Professor and Advisor</p>
            <h2>Our Investors</h2><h3>Jo Ratchet</h3><p>Partner</p>
            <h2>Management</h2><h3>Kim Lever</h3><p>Head of Finance</p>"""
        }
    )
    assert list(people(found)) == ["Ada Lindqvist", "Kim Lever"]


def test_a_technical_adviser_in_the_team_is_staff_with_the_title_held_here() -> None:
    found = facts_of(
        {
            TEAM: "<h2>Team</h2><h3>Lea Axle</h3><p>Technical Advisor</p><p>CEO, Other Labs</p>"
            "<h3>Max Shaft</h3><p>CTO at Other Pumps</p>"
            "<h3>Ned Hub</h3><p>Board Member</p>"
        }
    )
    assert people(found) == {"Lea Axle": "Technical Advisor"}


def test_customers_who_praise_the_company_are_not_staff() -> None:
    found = facts_of(
        {
            "/about/": """<p>“These gears never stop.”</p><p>Oda Crank</p><p>IT Director</p>
            <blockquote><p>Great gears</p><p>Pia Cam</p><p>CEO</p></blockquote>
            <h2>What our customers say</h2><p>Quin Belt</p><p>Managing Director</p>
            <p>Rob Chain Purchasing Manager at Other Pumps</p>"""
        }
    )
    assert people(found) == {}


def test_people_are_looked_for_on_pages_about_people_only() -> None:
    body = "<h3>Sue Wheel</h3><p>Chief Executive Officer</p>"
    assert people(facts_of({"/": body, "/blog/": body, "/customers/": body})) == {}
    assert people(facts_of({"/about-us/": body})) == {"Sue Wheel": "Chief Executive Officer"}


def test_a_button_above_a_section_is_no_person() -> None:
    body = "<a href='/x'>Try Now</a><h2>Executive Manager Program</h2>"
    assert people(facts_of({TEAM: body})) == {}


def test_address_and_profile_that_stand_with_a_person_belong_to_the_person() -> None:
    found = facts_of(
        {
            TEAM: """<h3>Ada Lindqvist</h3><p>CEO</p>
            <a href="mailto:Ada.Lindqvist@acmegears.example?subject=x">Mail</a>
            <h3>Bo Tandem</h3><p>CTO</p><a href="mailto:info@acmegears.example">Mail</a>
            <a href="https://de.linkedin.com/in/bo-tandem-0/?trk=1"><svg></svg></a>
            <h3>Cleo Ritzel</h3><p>CFO</p><a href="mailto:cleo@other.example">Mail</a>"""
        }
    )
    assert values(found, "decision_makers") == [
        {
            "full_name": "Ada Lindqvist",
            "title": "CEO",
            "seniority": "c_suite",
            "email": "ada.lindqvist@acmegears.example",
        },
        {
            "full_name": "Bo Tandem",
            "title": "CTO",
            "seniority": "c_suite",
            "linkedin_url": "https://www.linkedin.com/in/bo-tandem-0",
        },
        {"full_name": "Cleo Ritzel", "title": "CFO", "seniority": "c_suite"},
    ]
    assert values(found, "company.emails") == ["info@acmegears.example"]


def test_a_german_team_page_with_departments_and_initials_is_read() -> None:
    found = facts_of(
        {
            TEAM: """<h1>Ihre Ansprechpartner</h1>
            <h4>Tilda Ritzel</h4><p>Geschäftsführerin</p><a href="mailto:tr@acmegears.example">m</a>
            <h4>Udo Welle</h4><p>Vertrieb</p><h4>Vera Nabe</h4><p>Kaufmännische IT-Leitung</p>
            <h4>Kater Kurt</h4><p>Chillerin</p>"""
        }
    )
    assert people(found) == {
        "Tilda Ritzel": "Geschäftsführerin",
        "Vera Nabe": "Kaufmännische IT-Leitung",
        "Udo Welle": "Vertrieb",
    }


@pytest.mark.parametrize(
    ("body", "staff"),
    [
        ("<p>Geschäftsführer: Tilda Ritzel, Dr. Udo Welle</p>", ["Tilda Ritzel", "Udo Welle"]),
        ("<p>Vertreten durch:</p><p>Tilda Ritzel</p><p>Telefon: 1</p>", ["Tilda Ritzel"]),
        ("<p>Inhaberin: Tilda Ritzel</p><h2>Portrait-Fotos</h2><p>Udo Welle</p>", ["Tilda Ritzel"]),
        ("<p>Aufsichtsrat: Udo Welle</p>", []),
    ],
)
def test_an_imprint_names_who_runs_the_company(body: str, staff: list[str]) -> None:
    found = facts_of({"/impressum/": body})
    assert list(people(found)) == staff
    assert {f.confidence for f in found if f.field == "decision_makers"} <= {0.95}


def test_one_person_on_two_pages_is_one_person() -> None:
    found = facts_of(
        {
            "/impressum/": "<p>Geschäftsführer: Jörg Vogelzahn</p>",
            TEAM: "<h3>Jörg Vogelzahn</h3><p>CEO &amp; Founder</p>",
            "/about/": "<h3>Joerg Vogelzahn</h3><p>CEO</p>",
        }
    )
    assert people(found) == {"Jörg Vogelzahn": "CEO & Founder"}


def test_only_profiles_of_people_are_taken_as_such() -> None:
    assert linkedin_person("https://www.linkedin.com/company/acme") is None
    assert linkedin_person("https://www.linkedin.com/pub/a-b/0/1") == (
        "https://www.linkedin.com/pub/a-b/0/1"
    )
