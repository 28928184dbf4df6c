"""Reasons to call, and what has become of a company. All of them are made up."""

import pytest

from app.web.fingerprints import CLASSES, CNAME, MX, PAGE_HOSTS, SPF, TXT, tool_class
from app.web.page import Page
from app.web.signals import KINDS, feed_news, headline_kind
from tests.web.sites import NOW, facts_of, page, values

FOOT = "<footer><p>© Acme Gears</p></footer>"


def signals(pages: dict[str, str]) -> list[tuple[object, object]]:
    found = values(facts_of({"/": FOOT, **pages}), "signals")
    return [(value["kind"], value["headline"]) for value in found if isinstance(value, dict)]


# --- what has become of the company ------------------------------------------------------------


@pytest.mark.parametrize(
    ("notice", "status"),
    [
        ("We have changed our name to Cogwerk. Visit www.cogwerk.example",
         {"status": "renamed", "successor": "cogwerk.example"}),
        ("Vi har skiftet navn til Cogwerk. Besøg www.cogwerk.example",
         {"status": "renamed", "successor": "cogwerk.example"}),
        ("Acme Gears is now part of Grand Gears.",
         {"status": "acquired", "successor": "Grand Gears"}),
        ("Acme Gears has been acquired by Grand Gears",
         {"status": "acquired", "successor": "Grand Gears"}),
        ("After 20 years Acme Gears has ceased operations.", {"status": "closed"}),
        ("This site is no longer active.", {"status": "closed"}),
        ("You see an archived version of this website.", {"status": "closed"}),
    ],
)  # fmt: skip
def test_a_notice_tells_what_has_become_of_the_company(notice: str, status: dict[str, str]) -> None:
    found = facts_of({"/": f"<header><p>{notice}</p></header>{FOOT}"})
    assert values(found, "company.status") == [status]
    [signal] = values(found, "signals")
    assert isinstance(signal, dict)
    assert signal["kind"] == "status"


@pytest.mark.parametrize(
    "notice",
    [
        "Other Pumps has been acquired by Grand Gears.",
        "We are now part of the Grand Gears Partner Network.",
        "Acme Gears is now Available in Denmark.",
        "We have closed down our office in Bath.",
        "“We have ceased operations” is what customers of our rivals hear.",
        "We are now called Acme Gears by all our friends.",
    ],
)
def test_news_of_others_and_harmless_sentences_are_no_end(notice: str) -> None:
    body = f"<blockquote>{notice}</blockquote>" if notice.startswith("“") else f"<p>{notice}</p>"
    assert values(facts_of({"/": body + FOOT}), "company.status") == []


def test_profiles_of_the_successor_count_as_the_companys() -> None:
    body = """<p>We have changed our name to Cogwerk: www.cogwerk.example</p>
    <a href="https://www.linkedin.com/company/cogwerk">in</a>"""
    assert values(facts_of({"/": body + FOOT}), "company.linkedin_url") == [
        "https://www.linkedin.com/company/cogwerk"
    ]


# --- hiring and prices -------------------------------------------------------------------------


def test_roles_on_the_careers_page_are_counted() -> None:
    body = """<h1>Jobs</h1><h3>Gear Engineer (m/w/d)</h3><p>As Gear Engineer (m/w/d) you turn.</p>
    <ul><li><a href="/careers/sales-manager">Sales Manager</a></li>
    <li><a href="/careers/benefits">Our benefits</a></li></ul>"""
    assert signals({"/careers/": body}) == [
        ("hiring", "2 open roles on the careers page: Gear Engineer (m/w/d), Sales Manager")
    ]


def test_no_openings_is_not_hiring() -> None:
    body = "<p>There are no open positions now.</p><h3>Gear Engineer (m/w/d)</h3>"
    assert signals({"/careers/": body}) == []


@pytest.mark.parametrize(
    ("embedded", "vendor"),
    [
        ('<a href="https://boards.greenhouse.io/acmegears">jobs</a>', "Greenhouse"),
        ('<script src="https://boards.greenhouse.io/embed/job_board/js?for=x"></script>',
         "Greenhouse"),
        ('<iframe src="https://join.com/api/widget/x"></iframe>', "join.com"),
        ('<a href="https://jobs.lever.co/acmegears/1">x</a>', "Lever"),
        ('<a href="https://acmegears.jobs.personio.de/">x</a>', "Personio"),
        ("<script>load('https://jobs.ashbyhq.com/acmegears')</script>", "Ashby"),
    ],
)  # fmt: skip
def test_the_job_board_is_recognised(embedded: str, vendor: str) -> None:
    pages = {"/": FOOT, "/careers/": embedded}
    assert signals(pages) == [("hiring", f"Hiring page runs on {vendor}")]
    assert values(facts_of(pages), "company.technologies") == [vendor]


def test_public_prices_are_a_signal_and_prices_elsewhere_are_not() -> None:
    body = "<p>starting at</p><p>$31/gear</p><p>annually</p><p>from 17 € per wheel</p><p>$0</p>"
    assert signals({"/pricing/": body}) == [
        ("pricing_public", "Public prices on the pricing page: $31/gear, 17 € per wheel")
    ]
    assert signals({"/about/": body}) == []


# --- news --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headline", "kind"),
    [
        ("Acme Gears raises $12M Series A", "funding"),
        ("Acme Gears acquires Other Pumps", "acquisition"),
        ("Acme Gears appoints Ada Lindqvist as CFO", "leadership"),
        ("Acme Gears lays off 40", "layoffs"),
        ("Acme Gears files for Chapter 11", "bankruptcy"),
        ("Data breach at Acme Gears", "legal"),
        ("Acme Gears Q3 results", "results"),
        ("Acme Gears partners with Other Pumps", "partnership"),
        ("Acme Gears opens a new office in Bath", "expansion"),
        ("Acme Gears launches the round wheel", "product"),
        ("Five ways to oil a wheel", None),
    ],
)
def test_headlines_are_classed(headline: str, kind: str | None) -> None:
    assert headline_kind(headline) == kind
    assert kind in {None, *KINDS}


def test_a_newsroom_gives_recent_dated_headlines_with_their_links() -> None:
    body = """<h1>News</h1>
    <p>3 November 2026</p><h3><a href="/news/a">Acme Gears raises $12M Series A</a></h3>
    <p>Oct. 2, 2026</p><h3><a href="/news/b">Acme Gears opens a new office in Bath</a></h3>
    <p>12.05.2019</p><h3><a href="/news/c">Acme Gears acquires Other Pumps</a></h3>
    <p>1 November 2026</p><h3><a href="/news/d">Five ways to oil a wheel</a></h3>"""
    found = values(facts_of({"/": FOOT, "/news/": body}), "signals")
    assert found == [
        {
            "kind": "funding",
            "headline": "Acme Gears raises $12M Series A",
            "url": "https://acmegears.example/news/a",
            "seen_at": "2026-11-03",
        },
        {
            "kind": "expansion",
            "headline": "Acme Gears opens a new office in Bath",
            "url": "https://acmegears.example/news/b",
            "seen_at": "2026-10-02",
        },
    ]


def test_a_date_below_its_headline_belongs_to_that_headline() -> None:
    body = """<h3><a href="/news/a">Acme Gears raises $12M Series A</a></h3><p>3 Nov 2026</p>
    <h3><a href="/news/b">Acme Gears acquires Other Pumps</a></h3><p>1 Oct 2019</p>"""
    assert signals({"/news/": body}) == [("funding", "Acme Gears raises $12M Series A")]


FEEDS = {
    "rss": """<rss><channel><title>A</title><item><title><![CDATA[Acme launches <b>x</b>]]></title>
    <link>https://acmegears.example/x</link><pubDate>Tue, 03 Nov 2026 10:00:00 GMT</pubDate></item>
    <item><title>Acme launches y</title><pubDate>never</pubDate></item></channel></rss>""",
    "atom": """<feed><entry><title type="html">Acme launches &amp;lt;b&amp;gt;x</title>
    <link rel="alternate" href="https://acmegears.example/x"/><updated>2026-11-03T10:00:00Z</updated>
    </entry></feed>""",
}


@pytest.mark.parametrize("feed", FEEDS.values(), ids=list(FEEDS))
def test_a_feed_gives_dated_headlines(feed: str) -> None:
    [found] = feed_news(feed, Page("https://acmegears.example/feed", NOW))
    assert found.kind == "product"
    assert found.headline.startswith("Acme launches")
    assert "<b>" not in found.headline
    assert found.url == "https://acmegears.example/x"
    assert str(found.on) == "2026-11-03"


def test_a_hostile_feed_is_cut_and_its_links_stay_on_the_web() -> None:
    where = Page("https://acmegears.example/feed", NOW)
    assert list(feed_news("<item" * 200_000, where)) == []
    item = "<item><title>Acme launches x</title><link>javascript:x</link>"
    [found] = feed_news(item + "<pubDate>Tue, 03 Nov 2026 10:00:00 GMT</pubDate></item>", where)
    assert found.url == where.url


# --- tools -------------------------------------------------------------------------------------


def test_tools_are_what_the_page_loads_and_never_what_it_talks_about() -> None:
    body = """<script src="https://js.hs-scripts.com/1.js"></script>
    <script>(function(){var u="https://widget.intercom.io/w/x"; load(u)})()</script>
    <noscript><iframe src="https://www.googletagmanager.com/ns.html?id=GTM-0"></iframe></noscript>
    <link rel="stylesheet" href="/wp-content/themes/x.css">
    <h2>Integrations</h2><p>Shopify</p><a href="/integrations/zendesk">Zendesk</a>
    <a href="https://www.zendesk.com/">Zendesk</a><img alt="Marketo" src="/logos/marketo.png">"""
    found = values(facts_of({"/": body + FOOT}), "company.technologies")
    assert set(map(str, found)) == {"HubSpot", "Intercom", "Google Tag Manager", "WordPress"}


def test_the_generator_names_the_system() -> None:
    body = '<meta name="generator" content="Drupal 10 (https://www.drupal.org)">'
    assert page(body).metas["generator"].startswith("Drupal")
    assert values(facts_of({"/": body + FOOT}), "company.technologies") == ["Drupal"]


def test_every_tool_of_every_table_has_a_class() -> None:
    named = {tool for table in (MX, SPF, TXT, CNAME, PAGE_HOSTS) for tool in table.values()}
    assert {tool for tool in named if tool_class(tool) is None} == set()
    assert {"crm", "marketing", "support", "security", "mail", "hr", "analytics"} <= set(
        CLASSES.values()
    )
