"""What a site's pages say about the company. All companies here are made up."""

import json

import pytest

from app.facts import FIELDS
from app.web.company import FIELDS as DECLARED
from tests.web.sites import NOW, facts_of, html, page, values

FOOT = "<footer><p>© Acme Gears</p></footer>"


def named(*pages: str, domain: str = "acmegears.example") -> list[object]:
    paths = ["/", "/about/", "/contact/"]
    return list(values(facts_of(dict(zip(paths, pages, strict=False)), domain), "company.name"))


def linked_data(thing: object) -> str:
    return f'<script type="application/ld+json">{json.dumps(thing)}</script>'


# --- name --------------------------------------------------------------------------------------


def test_the_name_is_voted_for_by_site_name_copyright_and_logo() -> None:
    body = '<img class="logo" alt="Acme Gears logo"><h1>Wheels that turn</h1>' + FOOT
    assert named(body) == ["Acme Gears"]
    with_head = page(body, head='<meta property="og:site_name" content="Acme Gears | Home">')
    assert with_head.metas["og:site_name"] == "Acme Gears | Home"


def test_a_slogan_in_every_site_name_is_not_the_name() -> None:
    slogan = "Acme Gears Precision Drive Parts"
    pages = [
        f'<meta property="og:site_name" content="{page_name} - {slogan}">'
        for page_name in ("Acme Gears", "What we make", "Talk to us")
    ]
    assert named(*pages) == ["Acme Gears"]


@pytest.mark.parametrize(
    "noise",
    [
        "<footer><p>Website by Studio Spindle</p></footer>",
        "<footer><p>Photos © Spindle Pictures</p></footer>",
        '<meta property="og:site_name" content="https://acmegears.example">',
        '<meta property="og:site_name" content="{{ site.title }}">',
        '<meta property="og:site_name" content="Cloudflare">',
    ],
)
def test_agencies_addresses_and_templates_are_no_names(noise: str) -> None:
    assert named(noise + FOOT) == ["Acme Gears"]


def test_a_name_that_is_written_like_a_domain_is_kept_as_written() -> None:
    body = '<meta property="og:site_name" content="Gearbox.example"><p>© Gearbox.example</p>'
    assert named(body, domain="gearbox.example") == ["Gearbox.example"]


def test_two_close_names_are_both_shown_and_neither_is_sure() -> None:
    body = (
        '<meta property="og:site_name" content="Blue Heron">'
        '<meta name="application-name" content="Quiet Lake"><img class="logo" alt="Quiet Lake">'
    )
    found = [f for f in facts_of({"/": body}, "zz9.example") if f.field == "company.name"]
    assert {fact.value for fact in found} == {"Blue Heron", "Quiet Lake"}
    assert all(fact.confidence < 0.6 for fact in found)


@pytest.mark.parametrize(
    ("line", "legal"),
    [
        ("<p>Copyright © 2007-2019 Acme Gears Works, LLC - 1 Cog Way</p>", "Acme Gears Works, LLC"),
        ("<p>© 2015 Acme Gears, Inc. All Rights Reserved.</p>", "Acme Gears, Inc."),
        ("<h3>Acme Gears GmbH &amp; Co. KG</h3>", "Acme Gears GmbH & Co. KG"),
        ("<p>Underwritten by Other Insurance Company, Inc.</p>", None),
        ("<h3>Other Pumps Ltd</h3>", None),
    ],
)
def test_the_legal_name_is_the_companys_own(line: str, legal: str | None) -> None:
    found = values(facts_of({"/": f"<footer>{line}</footer>{FOOT}"}), "company.legal_name")
    assert found == ([legal] if legal else [])


def test_an_imprint_is_the_surest_source_of_the_legal_name() -> None:
    found = facts_of({"/": FOOT, "/impressum/": "<p>Acme Gears GmbH</p>"})
    [legal] = [fact for fact in found if fact.field == "company.legal_name"]
    assert (legal.value, legal.confidence) == ("Acme Gears GmbH", 0.95)
    assert legal.source_url == "https://acmegears.example/impressum/"


# --- JSON-LD -----------------------------------------------------------------------------------

ORGANISATION = {
    "@context": "https://schema.org",
    "@type": "Corporation",
    "name": "Acme Gears",
    "legalName": "Acme Gears Ltd",
    "url": "https://www.acmegears.example/",
    "foundingDate": 1998,
    "numberOfEmployees": {"@type": "QuantitativeValue", "value": "240"},
    "telephone": "+44 20 7946 0123",
    "email": "mailto:hello@acmegears.example",
    "sameAs": "https://www.linkedin.com/company/turning-wheels",
    "address": {
        "streetAddress": "1 Cog Way",
        "postalCode": "ZZ1 1ZZ",
        "addressLocality": "Bath",
        "addressCountry": "GB",
    },
    "founder": [{"@type": "Person", "name": "Ada Lindqvist", "birthDate": "1970-01-01"}],
    "parentOrganization": {"name": "Grand Gears"},
}


def test_linked_data_gives_the_whole_company() -> None:
    found = facts_of({"/": linked_data({"@graph": [{"@type": "WebSite"}, ORGANISATION]}) + FOOT})
    got = {fact.field: fact.value for fact in found}
    assert got | {"company.domain": 0} == {
        "company.domain": 0,
        "company.name": "Acme Gears",
        "company.legal_name": "Acme Gears Ltd",
        "company.founded_year": 1998,
        "company.employee_count": 240,
        "company.phones": "+442079460123",
        "company.emails": "hello@acmegears.example",
        "company.linkedin_url": "https://www.linkedin.com/company/turning-wheels",
        "company.socials": {
            "network": "linkedin",
            "url": "https://www.linkedin.com/company/turning-wheels",
        },
        "company.location": "Bath, United Kingdom",
        "company.parent": "Grand Gears",
        "decision_makers": {
            "full_name": "Ada Lindqvist",
            "title": "Founder",
            "seniority": "owner",
        },
    }
    assert not any("1970" in str(fact) for fact in found)


@pytest.mark.parametrize(
    "block",
    [
        '// our company\n{"@type": "Organization", "name": "Acme", "foundingDate": "1998-05"}',
        '<![CDATA[{"@type": "Organization", "name": "Acme Gears", "foundingDate": "1998"}]]>',
        '{"@type": ["Thing", "Plumber"], "name": "Acme Gears", "foundingDate": "1998"};',
        '[{"@type": "LocalBusiness", "name": "Acme\tGears", "foundingDate": "1998"}]',
        json.dumps(json.dumps({"@type": "Organization", "foundingDate": "1998"})),
    ],
)
def test_untidy_linked_data_is_read_all_the_same(block: str) -> None:
    body = f'<script type="application/ld+json">{block}</script>{FOOT}'
    assert values(facts_of({"/": body}), "company.founded_year") == [1998]


def test_a_broken_block_costs_only_itself() -> None:
    broken = '<script type="application/ld+json">{"@type": "Organization", </script>'
    deep = '<script type="application/ld+json">' + "[" * 5_000 + "</script>"
    body = broken + deep + linked_data(ORGANISATION)
    assert values(facts_of({"/": body}), "company.founded_year") == [1998]


def test_linked_data_of_another_domain_is_not_believed_and_casts_doubt_on_the_site() -> None:
    other = {**ORGANISATION, "url": "https://othergears.example/", "name": "Other Gears"}
    found = facts_of({"/": linked_data(other) + FOOT})
    assert values(found, "company.name") == ["Acme Gears"]
    assert values(found, "company.founded_year") == []
    assert all(fact.confidence <= 0.4 for fact in found)


# --- age, size, parent, description ------------------------------------------------------------


@pytest.mark.parametrize(
    ("sentence", "year"),
    [
        ("Acme Gears was founded in December 2011 by two friends.", 2011),
        ("Founded in 1999, Acme Gears makes wheels.", 1999),
        ("Ada founded Acme Gears, Inc. in 2001 to make wheels.", 2001),
        ("Our company was established in 1987.", 1987),
        ("Das Unternehmen wurde 1987 in Bath gegründet.", 1987),
        ("Since 1987, Acme Gears has made wheels.", 1987),
        ("It began almost 40 years ago with one wheel.", None),
        ("Over 30 years of experience in gears since 1996.", None),
        ("The Spindle Institute was founded in 1893.", None),
        ("Ada studied at a school founded in 1893.", None),
    ],
)
def test_the_founding_year_needs_the_company_as_its_subject(
    sentence: str, year: int | None
) -> None:
    found = facts_of({"/": FOOT, "/about/": f"<p>{sentence}</p>"})
    assert values(found, "company.founded_year") == ([year] if year else [])


def test_the_start_of_a_copyright_range_is_a_weak_guess_and_only_the_last_resort() -> None:
    guess = "<footer><p>©1998-2026 Acme Gears. All Rights Reserved.</p></footer>"
    [fact] = [f for f in facts_of({"/": guess}) if f.field == "company.founded_year"]
    assert (fact.value, fact.confidence, fact.inferred) == (1998, 0.35, True)
    stated = {"/": guess, "/about/": "<p>Acme Gears was founded in 1990.</p>"}
    assert values(facts_of(stated), "company.founded_year") == [1990]
    others = {"/": "<footer><p>© 1998-2026 Spindle Pictures</p><p>© Acme Gears</p></footer>"}
    assert values(facts_of(others), "company.founded_year") == []
    one_year = {"/": "<footer><p>© 2026 Acme Gears</p></footer>"}
    assert values(facts_of(one_year), "company.founded_year") == []


@pytest.mark.parametrize(
    ("body", "count"),
    [
        ("<p>A happy team of about 85 watchmakers.</p>", 85),
        ("<p>73</p><p>Mitarbeiter</p><p>4</p><p>Werke</p>", 73),
        ("<p>Wir sind rund 35 Mitarbeitende.</p>", 35),
        ("<p>Our more than 1,200 employees make wheels.</p>", 1200),
        ("<p>More than 90 brochures for everyone.</p>", None),
        ("<p>We help companies with 500 employees.</p>", None),
    ],
)
def test_headcount_is_what_the_company_says_of_itself(body: str, count: int | None) -> None:
    found = values(facts_of({"/": body + FOOT}), "company.employee_count")
    assert found == ([count] if count else [])


def test_an_exact_headcount_wins_over_a_round_one() -> None:
    pages = {
        "/": f"<p>73</p><p>Employees</p>{FOOT}",
        "/team/": "<p>We are a team of around 60 people.</p>",
    }
    assert values(facts_of(pages), "company.employee_count") == [73]


def test_the_parent_is_named_only_for_the_company_itself() -> None:
    said = "<p>Acme is a subsidiary of Grand Gears, the largest maker of wheels.</p>"
    assert values(facts_of({"/": said + FOOT}), "company.parent") == ["Grand Gears"]
    other = "<p>Other Pumps is a member of The Grand Group and a subsidiary of Grand Gears.</p>"
    assert values(facts_of({"/": other + FOOT}), "company.parent") == []


def test_the_description_is_its_own_or_the_first_sentence_about_the_company() -> None:
    meta = '<meta name="description" content="Acme Gears makes wheels for clocks and bicycles.">'
    assert values(facts_of({"/": meta + FOOT}), "company.description") == [
        "Acme Gears makes wheels for clocks and bicycles."
    ]
    text = "<p>Cookies help us to make this site better for you and everybody.</p>"
    text += "<p>Acme Gears builds small wheels for large clocks and large bells.</p>"
    assert values(facts_of({"/": text + FOOT}), "company.description") == [
        "Acme Gears builds small wheels for large clocks and large bells."
    ]


def test_a_page_left_as_its_template_says_nothing() -> None:
    leftover = "<p>Lorem ipsum dolor</p><p>Acme Gears was founded in 1990.</p>"
    assert values(facts_of({"/": FOOT, "/about/": leftover}), "company.founded_year") == []


# --- every fact --------------------------------------------------------------------------------


def test_every_fact_is_declared_dated_quoted_and_names_its_page() -> None:
    hostile = "<h2>Team</h2><h3>Ada Lindqvist</h3><p>CEO \u202e &lt;b&gt;of gears&lt;/b&gt;</p>"
    found = facts_of({"/": linked_data(ORGANISATION) + FOOT, "/team/": hostile})
    assert set(FIELDS) >= DECLARED
    for fact in found:
        assert fact.field in DECLARED
        assert fact.source == "website"
        assert fact.seen_at == NOW
        assert 0 < fact.confidence <= 1
        assert fact.source_url is not None
        assert fact.source_url.startswith("https://acmegears.example/")
        assert fact.evidence
        assert len(fact.evidence) <= 200
        assert not set("<>\u202e") & set(fact.evidence)
    assert html("x").startswith("<!doctype")
