"""The card page and the dashboard: what they show, and that nothing in them is alive."""

import base64
import hashlib
from collections.abc import Iterator
from typing import Any

import pytest
from selectolax.lexbor import LexborHTMLParser as HTMLParser
from selectolax.lexbor import LexborNode as Node
from starlette.applications import Starlette

from app.job import Status
from app.settings import Settings
from integrations.pages import inbound, render
from tests.surfaces.asking import Browser, settled
from tests.surfaces.views import CARDS, NOW, view

SARAH = "sarah.chen@acme.example"
SETTINGS = Settings.from_env({})


def page(name: str, **changes: Any) -> HTMLParser:
    return HTMLParser(render.card(view(name, **changes), NOW))


def words(tree: HTMLParser | Node) -> str:
    found = tree.body if isinstance(tree, HTMLParser) else tree
    assert found is not None
    return " ".join(found.text(separator=" ").split())


def nodes(tree: HTMLParser) -> Iterator[Node]:
    assert tree.root is not None
    yield from tree.root.traverse()


def elements(tree: HTMLParser, css: str) -> list[str]:
    return [words(node) for node in tree.css(css)]


def first(tree: HTMLParser | Node, css: str) -> Node:
    found = tree.css_first(css)
    assert found is not None, css
    return found


every_card = pytest.mark.parametrize("name", sorted(CARDS))


@every_card
def test_a_page_is_complete_and_asks_not_to_be_indexed(name: str) -> None:
    tree = page(name)
    assert len(tree.css("h1")) == 1
    assert elements(tree, "h1") != [""]
    assert first(tree, "html").attributes["lang"] == "en"
    assert first(tree, "meta[name=robots]").attributes["content"] == "noindex, nofollow"
    assert first(tree, "meta[name=viewport]")


@every_card
def test_nothing_on_a_page_runs_or_loads(name: str) -> None:
    tree = page(name)
    alive = {"script", "img", "svg", "iframe", "object", "embed", "link", "base", "form", "input"}
    assert not alive & {node.tag for node in nodes(tree)}
    attributes = {attribute for node in nodes(tree) for attribute in node.attributes}
    assert attributes <= {
        *("charset", "class", "content", "href", "http-equiv", "lang", "name", "rel", "role")
    }
    links = [node.attributes["href"] or "" for node in tree.css("a")]
    assert all(link.startswith(("https://", "http://", "mailto:")) for link in links), links


@every_card
def test_the_style_is_the_one_whose_hash_the_policy_names(name: str) -> None:
    html = render.card(view(name), NOW)
    style = html.partition("<style>")[2].partition("</style>")[0]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert render.style_hash() == f"sha256-{digest}"
    assert html.count("<style>") == 1


@every_card
def test_what_is_not_known_is_not_there(name: str) -> None:
    assert "None" not in words(page(name)).split()


@every_card
def test_no_text_is_longer_than_a_page_bears(name: str) -> None:
    longest = max(len(words(node)) for node in page(name).css("p, dd, h1, h2, span"))
    assert longest < 3 * render.LONGEST


def test_a_hostile_card_is_shown_as_the_text_it_is() -> None:
    html = render.card(view("hostile"), NOW)
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    assert "{{ 7*7 }}" in html
    assert "\u202e" not in html
    assert "\u0000" not in html


def test_a_full_card_shows_every_section_in_the_order_of_a_call() -> None:
    assert elements(page("full"), "h2") == [
        "Open with",
        "Talking points",
        "Ask",
        "Avoid",
        "Person",
        "Acme Corp",
        "Decision makers",
        "Signals",
        "Changed since last time",
        "Not known",
    ]


def test_each_value_has_its_source_its_age_and_how_sure_it_is() -> None:
    rows = dict(zip(elements(page("full"), "dt"), elements(page("full"), "dd"), strict=True))
    assert rows["Title"] == "VP of Sales website , seen 3 days ago, 90 % sure, verified"
    assert rows["Employees"] == "1,240 peopledatalabs, seen just now, 80 % sure"
    assert rows["Location"].endswith("40 % sure, a guess") is False  # the company's comes last
    first_location = elements(page("full"), "dd")[3]
    assert first_location.endswith("seen 3 days ago, 40 % sure, a guess")


def test_a_talking_point_links_to_the_pages_it_rests_on() -> None:
    opener = first(page("full"), "main ul li")
    assert words(opener).startswith("Congratulations on the Series B in March.")
    assert first(opener, "a").attributes["href"] == "https://acme.example/news/series-b"


def test_a_fact_that_lost_to_another_is_not_named_as_the_source() -> None:
    assert "60 % sure" not in words(page("full"))


def test_a_link_tells_the_page_it_leads_to_nothing() -> None:
    assert {node.attributes["rel"] for node in page("full").css("a")} == {
        "noopener noreferrer nofollow"
    }


def test_a_sparse_card_says_what_is_missing_and_why() -> None:
    tree = page("sparse")
    assert elements(tree, "h1") == ["jo.doe@tiny.example"]
    assert "Some providers did not answer" in words(tree)
    assert "hunter did not answer." in words(tree)
    assert "person: full name, person: title, company: name" in words(tree)
    assert "Person" not in elements(tree, "h2")


def test_an_ambiguous_card_lists_who_could_be_meant() -> None:
    candidates = [{"full_name": "Ada Lund", "title": "CFO"}, {"full_name": "Ada Lundh"}]
    tree = page("sparse", status="ambiguous", card={"candidates": candidates})
    assert elements(tree, "h2")[0] == "Who could be meant"
    assert elements(tree, "li") == ["Ada Lund, CFO", "Ada Lundh"]


@pytest.mark.parametrize("status", Status)
def test_every_state_but_complete_is_explained(status: Status) -> None:
    banners = page("sparse", status=status.value).css("p[role=status]")
    assert len(banners) == (status is not Status.complete)


@pytest.mark.parametrize("status", Status)
def test_a_page_renews_itself_while_its_job_runs(status: Status) -> None:
    renews = bool(page("sparse", status=status.value).css("meta[http-equiv=refresh]"))
    assert renews == (status in {Status.queued, Status.in_progress})


@pytest.fixture
def browser(service: Any) -> Browser:
    return Browser(Starlette(routes=inbound.routes(intake=service.intake, settings=SETTINGS)))


def log_in(browser: Browser, key: str) -> Any:
    return browser("POST", "/login", data={"key": key})


def test_a_card_is_shown_to_whoever_has_its_link(service: Any, browser: Browser) -> None:
    job = settled(service, SARAH)
    answer = browser("GET", f"/card/{job.card_token}")
    assert answer.status_code == 200
    assert elements(HTMLParser(answer.text), "h1") == ["Sarah Chen"]


def test_a_page_comes_with_a_strict_policy_and_leaks_its_address_to_nobody(
    service: Any, browser: Browser
) -> None:
    answer = browser("GET", f"/card/{service.ask(SARAH).card_token}")
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert f"style-src '{render.style_hash()}'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cache-control"] == "private, no-store"
    assert answer.headers["x-robots-tag"] == "noindex, nofollow"


@pytest.mark.parametrize("token", ["no-such-token", "%00", "a" * 3_000, "..%2f..", "%ff"])
def test_an_unknown_link_is_a_page_that_says_so(browser: Browser, token: str) -> None:
    answer = browser("GET", f"/card/{token}")
    assert answer.status_code == 404
    assert (
        "default-src 'none'" in answer.headers.get("content-security-policy", "") or "%2f" in token
    )


def test_without_a_key_the_dashboard_shows_a_login_and_no_data(
    service: Any, browser: Browser
) -> None:
    settled(service, SARAH)
    answer = browser("GET", "/")
    assert answer.status_code == 200
    assert "Sarah" not in answer.text
    assert first(HTMLParser(answer.text), "input[name=key]").attributes["type"] == "password"


def test_a_valid_key_opens_the_dashboard_and_stays_out_of_reach_of_scripts_and_sites(
    service: Any, browser: Browser
) -> None:
    settled(service, SARAH)
    answer = log_in(browser, service.secret)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    shown = HTMLParser(browser("GET", "/").text)
    assert SARAH in words(shown)
    assert "sandbox" in words(shown)
    assert "No worker is alive" in words(shown)
    assert service.secret not in browser("GET", "/").text


def test_behind_https_the_key_never_travels_in_the_clear(service: Any) -> None:
    settings = Settings.from_env({"WARMCALL_PUBLIC_URL": "https://warmcall.example"})
    app = Starlette(routes=inbound.routes(intake=service.intake, settings=settings))
    answer = log_in(Browser(app, base_url="https://warmcall.example"), service.secret)
    assert "; secure" in answer.headers["set-cookie"].lower()


def test_a_caller_sees_its_own_jobs_only(service: Any, browser: Browser) -> None:
    settled(service, SARAH)
    log_in(browser, service.intake.create_key("another")[1])
    assert SARAH not in browser("GET", "/").text


@pytest.mark.parametrize("key", ["", "wc_wrong", "\u2603", "a" * 3_000])
def test_a_wrong_key_opens_nothing(browser: Browser, key: str) -> None:
    answer = log_in(browser, key)
    assert answer.status_code == 401
    assert not browser.cookies.get(inbound.COOKIE)
    assert HTMLParser(answer.text).css("input[name=key]")


def test_a_revoked_key_is_out_at_once(service: Any, browser: Browser) -> None:
    log_in(browser, service.secret)
    service.intake.revoke_key(service.caller.id)
    assert browser("GET", "/").status_code == 401
    assert not browser.cookies.get(inbound.COOKIE)


def test_a_key_that_may_not_read_sees_nothing(service: Any, browser: Browser) -> None:
    _, secret = service.intake.create_key("spender", scopes=frozenset({"spend"}))
    assert "scope" in log_in(browser, secret).text
    assert log_in(browser, secret).status_code == 401


def test_logging_out_forgets_the_key(service: Any, browser: Browser) -> None:
    log_in(browser, service.secret)
    assert browser("POST", "/logout").status_code == 303
    assert not browser.cookies.get(inbound.COOKIE)


def test_a_login_form_larger_than_any_key_is_refused(browser: Browser) -> None:
    answer = browser("POST", "/login", data={"key": "x" * 10_000})
    assert answer.status_code == 413
