"""One visit to a site: what is asked for, in which order, and how it ends."""

import pytest

from app.facts import Json
from app.provider import Outcome
from app.providers.website import MAX_PAGES
from app.web.choice import guesses, kind_of, rate, sitemap_choices
from tests.web.sites import Reply, Web, html, people, tour, values, visit

HOST = "acmegears.example"
FOOT = "<footer><p>© Acme Gears</p></footer>"
HOME = html(
    f"""<nav><a href="/about/">About us</a><a href="/team/index.html#top">Our team</a>
    <a href="/contact">Contact</a><a href="/products/management-of-gears">Gears</a></nav>{FOOT}""",
    title="Acme Gears",
)
TEAM = html("<h2>Team</h2><h3>Ada Lindqvist</h3><p>CEO</p>" + FOOT)
ROBOTS = "text/plain"


def robots(text: str) -> Reply:
    return Reply(text, kind=ROBOTS)


def test_robots_come_first_then_home_then_the_best_pages_two_at_a_time() -> None:
    web = Web({f"{HOST}/": HOME, f"{HOST}/team/": TEAM})
    finding = tour(web)
    assert finding.outcome is Outcome.matched
    assert web.asked[:3] == [
        f"https://{HOST}/robots.txt",
        f"https://{HOST}/",
        f"https://{HOST}/sitemap.xml",
    ]
    assert web.asked[3:5] == [f"https://{HOST}/team/", f"https://{HOST}/about/"]
    assert max(web.rounds) == 2
    assert people(finding) == {"Ada Lindqvist": "CEO"}
    assert finding.credits == 0


def test_no_more_than_seven_pages_are_asked_for_and_none_twice() -> None:
    links = "".join(
        f'<a href="/{path}/{number}/">x</a><a href="/{path}">{path}</a>'
        for path in ("about", "team", "careers", "contact", "pricing", "news", "impressum", "blog")
        for number in range(4)
    )
    pages = {f"{HOST}/{p}": html(links) for p in ("about", "team", "careers", "contact", "news")}
    web = Web({f"{HOST}/": html(links + FOOT), **pages})
    tour(web)
    pages_asked = [url for url in web.asked if not url.endswith(("robots.txt", "sitemap.xml"))]
    assert len(pages_asked) == 1 + MAX_PAGES
    assert len(set(web.asked)) == len(web.asked)


def test_one_page_of_most_kinds_is_enough() -> None:
    home = html('<a href="/contact">Contact</a><a href="/kontakt">Kontakt</a>' + FOOT)
    other = html("<p>Call us</p>")
    web = Web({f"{HOST}/": home, f"{HOST}/contact": other, f"{HOST}/kontakt": other})
    tour(web)
    assert f"https://{HOST}/contact" in web.asked
    assert f"https://{HOST}/kontakt" not in web.asked


def test_pages_found_on_the_way_are_read_too() -> None:
    about = html('<a href="/about/leadership//">Leadership</a>')
    home = html('<a href="/about/philosophy/">About us</a>' + FOOT)
    found = visit({f"{HOST}/": home, f"{HOST}/about/": about, f"{HOST}/about/leadership/": TEAM})
    assert people(found) == {"Ada Lindqvist": "CEO"}


def test_a_slow_site_is_left_before_the_deadline() -> None:
    web = Web({f"{HOST}/": HOME, f"{HOST}/team/": TEAM}, seconds=5.0)
    assert tour(web).outcome is Outcome.matched
    assert len(web.rounds) == 3


# --- robots ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reply", "outcome", "detail"),
    [
        (robots("User-agent: *\nDisallow: /"), "provider_error", "robots_disallowed"),
        (robots("User-agent: warmcall\nDisallow: /"), "provider_error", "robots_disallowed"),
        (Reply("", 503, ROBOTS), "provider_error", "robots_503"),
        (Reply(failure="timeout"), "provider_error", "timeout"),
        (robots("User-agent: warmcall\nAllow: /\n\nUser-agent: *\nDisallow: /"), "matched", ""),
        (Reply("", 403, ROBOTS), "matched", ""),
        (Reply(html("an application answers everything")), "matched", ""),
    ],
)
def test_robots_rules_are_kept(reply: Reply, outcome: str, detail: str) -> None:
    web = Web({f"{HOST}/": HOME, f"{HOST}/robots.txt": reply})
    finding = tour(web)
    assert finding.outcome.value == outcome
    assert finding.detail.startswith(detail)
    if detail:
        assert f"https://{HOST}/" not in web.asked
        assert finding.facts == ()


def test_a_disallowed_page_is_left_out_and_the_rest_is_read() -> None:
    rules = robots("User-agent: *\nDisallow: /team")
    web = Web({f"{HOST}/": HOME, f"{HOST}/robots.txt": rules, f"{HOST}/team/": TEAM})
    finding = tour(web)
    assert f"https://{HOST}/team/" not in web.asked
    assert f"https://{HOST}/contact" in web.asked
    assert "1 disallowed" in finding.detail


def test_a_site_that_wants_long_pauses_is_asked_for_its_home_page_only() -> None:
    web = Web({f"{HOST}/": HOME, f"{HOST}/robots.txt": robots("User-agent: *\nCrawl-delay: 10")})
    assert tour(web).outcome is Outcome.matched
    assert len(web.asked) == 2


def test_short_pauses_are_kept_between_single_requests() -> None:
    rules = robots("User-agent: *\nCrawl-delay: 1.5")
    web = Web({f"{HOST}/": HOME, f"{HOST}/robots.txt": rules, f"{HOST}/team/": TEAM})
    assert tour(web).outcome is Outcome.matched
    assert len(web.asked) > 3
    assert set(web.rounds) == {1}
    assert web.pauses_s == [0.0] + [1.5] * (len(web.asked) - 1)


# --- home --------------------------------------------------------------------------------------


def test_the_www_host_is_tried_when_the_bare_domain_cannot_be_reached() -> None:
    web = Web({f"www.{HOST}/": HOME})
    finding = tour(web)
    assert finding.outcome is Outcome.matched
    assert web.asked[:3] == [
        f"https://{HOST}/robots.txt",
        f"https://www.{HOST}/robots.txt",
        f"https://www.{HOST}/",
    ]


def test_a_site_without_https_is_read_by_http_from_then_on() -> None:
    web = Web({f"{HOST}/": HOME, f"{HOST}/team/": TEAM}, http_only=True)
    found = tour(web)
    assert people(found) == {"Ada Lindqvist": "CEO"}
    assert all(url.startswith("http://") for url in web.asked[1:])
    blind = Web({f"{HOST}/en/about": TEAM}, http_only=True)
    assert people(tour(blind)) == {"Ada Lindqvist": "CEO"}
    assert f"http://{HOST}/en/about" in blind.asked


def test_absolute_links_are_followed_on_the_scheme_and_host_that_answer() -> None:
    home = html(f'<a href="https://www.{HOST}/team/">Team</a>{FOOT}')
    web = Web({f"{HOST}/": home, f"{HOST}/team/": TEAM}, http_only=True)
    assert people(tour(web)) == {"Ada Lindqvist": "CEO"}


WALL = html("<h1>Sorry, you have been blocked</h1>", title="Attention Required! | Cloudflare")


@pytest.mark.parametrize(
    ("reply", "outcome", "detail"),
    [
        (Reply(WALL, 403, headers={"server": "cloudflare"}), "provider_error", "blocked"),
        (Reply(html("x", title="Just a moment..."), 200), "provider_error", "blocked"),
        (Reply(HOME, 403, headers={"cf-mitigated": "challenge"}), "provider_error", "blocked"),
        (Reply(html("<p>Please verify you are human</p>")), "provider_error", "blocked"),
        (Reply(html("<p>Access denied. Reference #18.2</p>"), 403), "provider_error", "blocked"),
        (Reply("oops", 500), "provider_error", "http_500"),
        (Reply(failure="tls"), "provider_error", "tls"),
        (Reply(failure="too_large"), "provider_error", "too_large"),
        (Reply("{}", kind="application/json"), "provider_error", "wrong_type"),
        (Reply("<html><body><div id=root></div></body></html>"), "not_found", "thin"),
        (Reply(html("<h1>This domain is for sale</h1>")), "not_found", "parked"),
        (Reply(html("<p>Gears</p>"), url="https://other.example/"), "provider_error",
         "redirected_elsewhere"),
        (Reply('<meta http-equiv="refresh" content="0; url=https://other.example/">'),
         "provider_error", "redirected_elsewhere"),
    ],
)  # fmt: skip
def test_a_failure_is_named_and_never_an_empty_success(
    reply: Reply, outcome: str, detail: str
) -> None:
    finding = visit({f"{HOST}/": reply})
    assert (finding.outcome.value, finding.detail) == (outcome, detail)
    assert finding.facts == ()


def test_a_domain_that_does_not_exist_is_not_found() -> None:
    finding = visit({})
    assert (finding.outcome, finding.detail) == (Outcome.not_found, "dns_nxdomain")


def test_a_home_page_that_merely_writes_about_walls_is_read() -> None:
    essay = html("<p>How to verify you are human: a guide to gears</p>" + FOOT, words=500)
    assert visit({f"{HOST}/": essay}).outcome is Outcome.matched


def test_a_rebranded_site_on_another_domain_is_still_the_companys() -> None:
    moved = Reply(
        html("<p>We have changed our name to Cogwerk</p>" + FOOT), url="https://cogwerk.example/"
    )
    finding = visit({f"{HOST}/": moved, "cogwerk.example/robots.txt": robots("")})
    assert values(finding, "company.status") == [{"status": "renamed", "successor": "Cogwerk"}]


def test_the_host_a_home_page_leads_to_has_its_own_robots_rules() -> None:
    moved = Reply(html("<p>Acme Gears</p>" + FOOT), url="https://cogwerk.example/")
    rules = robots("User-agent: *\nDisallow: /")
    finding = visit({f"{HOST}/": moved, "cogwerk.example/robots.txt": rules})
    assert (finding.outcome, finding.detail) == (Outcome.provider_error, "robots_disallowed")


def test_a_missing_home_page_is_worked_around_by_the_usual_places() -> None:
    about = html(
        '<h1>Über uns</h1><p>Acme Gears ist ein Verbund.</p><a href="/kontakt">K</a>' + FOOT
    )
    web = Web({f"{HOST}/en/about": about})
    finding = tour(web)
    assert finding.outcome is Outcome.matched
    assert values(finding, "company.name") == ["Acme Gears"]
    assert f"https://{HOST}/kontakt" in web.asked


def test_a_host_that_has_none_of_the_usual_pages_is_not_found() -> None:
    finding = visit({f"{HOST}/robots.txt": robots("")})
    assert (finding.outcome, finding.detail) == (Outcome.not_found, "http_404")


# --- other pages -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "other",
    [
        Reply(html("<h1>404 Error</h1><h3>Bo Tandem</h3><p>CFO</p>", title="Page Not Found")),
        Reply(html("<h3>Bo Tandem</h3><p>CFO</p>"), 404),
        Reply(WALL, 403),
        Reply(failure="timeout"),
        Reply(html("<h3>Bo Tandem</h3><p>CFO</p>"), url="https://elsewhere.example/team"),
        Reply(HOME, url=f"https://{HOST}/"),
    ],
)
def test_a_page_that_is_none_is_no_source(other: Reply) -> None:
    finding = visit({f"{HOST}/": HOME, f"{HOST}/team/": other})
    assert finding.outcome is Outcome.matched
    assert people(finding) == {}


def test_a_refresh_within_the_site_is_followed_once() -> None:
    to_team = '<meta http-equiv="refresh" content="0; url=/crew/">'
    found = visit({f"{HOST}/": HOME, f"{HOST}/team/": to_team, f"{HOST}/crew/": TEAM})
    assert people(found) == {"Ada Lindqvist": "CEO"}
    loop = '<meta http-equiv="refresh" content="0; url=/team/">'
    assert people(visit({f"{HOST}/": HOME, f"{HOST}/team/": loop})) == {}


def test_pages_that_send_on_to_the_successor_give_its_domain() -> None:
    notice = HOME.replace("</nav>", "</nav><p>We have changed our name to Cogwerk!</p>")
    onward = '<meta http-equiv="refresh" content="0; url=https://cogwerk.example/contact">'
    found = visit({f"{HOST}/": notice, f"{HOST}/contact": onward})
    status: list[Json] = [{"status": "renamed", "successor": "cogwerk.example"}]
    assert values(found, "company.status") == status


def test_the_feed_of_a_home_page_is_read_when_there_is_room() -> None:
    link = '<link rel="alternate" type="application/rss+xml" href="/feed.xml">'
    feed = """<rss><item><title>Acme Gears raises $12M Series A</title>
    <pubDate>Tue, 03 Nov 2026 10:00:00 GMT</pubDate></item></rss>"""
    web = Web(
        {
            f"{HOST}/": html(FOOT, head=link),
            f"{HOST}/feed.xml": Reply(feed, kind="application/rss+xml"),
        }
    )
    [signal] = values(tour(web), "signals")
    assert isinstance(signal, dict)
    assert (signal["kind"], signal["seen_at"]) == ("funding", "2026-11-03")


def test_the_sitemap_helps_when_the_home_page_leads_nowhere() -> None:
    sitemap = f"<urlset><url><loc>https://{HOST}/who/our-team/</loc></url></urlset>"
    found = visit(
        {
            f"{HOST}/": html(FOOT),
            f"{HOST}/sitemap.xml": Reply(sitemap, kind="application/xml"),
            f"{HOST}/who/our-team/": TEAM,
        }
    )
    assert people(found) == {"Ada Lindqvist": "CEO"}


# --- choosing ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "text", "kind"),
    [
        ("/about/leadership/", "", "people"),
        ("/unser-team/", "", "people"),
        ("/ueber-uns", "", "about"),
        ("/om-os/", "", "about"),
        ("/x", "Contact us", "contact"),
        ("/impressum.html", "", "imprint"),
        ("/careers/jobs/", "", "careers"),
        ("/fragtpriser", "Priser", "pricing"),
        ("/presse/", "", "news"),
        ("/products/log-management/", "Log Management", "other"),
        ("/compress", "Compress files", "other"),
        ("/", "", "home"),
    ],
)
def test_a_page_is_judged_by_its_path_and_the_text_that_leads_there(
    path: str, text: str, kind: str
) -> None:
    assert kind_of(path, text).value == kind


def test_index_files_deep_paths_and_translations_are_weighed() -> None:
    def score(path: str) -> float:
        choice = rate(f"https://{HOST}{path}")
        return choice.score if choice else 0.0

    assert score("/team/") == score("/team/index.html") > score("/about/team/")
    assert score("/about/team/") > score("/de/team/") > 0
    assert score("/a/b/c/team/") == 0
    assert score("/about/") > score("/about/events/") > 0


def test_folders_above_missing_pages_are_tried() -> None:
    found = list(guesses(f"https://{HOST}", [f"https://{HOST}/about/philosophy/"], []))
    assert [choice.url for choice in found] == [f"https://{HOST}/about/"]


def test_other_hosts_files_and_hostile_sitemaps_are_left_alone() -> None:
    text = "".join(
        f"<loc>{url}</loc>"
        for url in (
            "https://other.example/team/",
            f"https://{HOST}/team.pdf",
            f"https://{HOST}/about?id=1",
            "http://[bad/team",
            f"https://{HOST}/team/",
        )
    )
    [found] = sitemap_choices(text + "<loc>" + " " * 500_000, HOST, HOST)
    assert found.url == f"https://{HOST}/team/"
