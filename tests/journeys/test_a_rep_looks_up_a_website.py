"""`warmcall brief DOMAIN` without a key: a card from the company's own pages, through a proxy."""

import os
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import orjson
import pytest

from tests.fakes.names import NOTES, SITE
from tests.fakes.sites import Sites, fictional, proxied
from tests.journeys.nursery import ROOT
from tests.journeys.stack import LOCAL, Job, installed, outcomes


@dataclass(frozen=True)
class Desk:
    """What a rep typed and got, and what went through the proxy for it."""

    told: dict[str, "subprocess.CompletedProcess[str]"]
    sites: Sites
    resolved: str

    def job(self, prospect: str) -> Job:
        read: Job = orjson.loads(self.told[prospect].stdout)
        return read


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """Look up a company, then who else may profit from it; every resolved name is noted."""
    folder: Path = tmp_path_factory.mktemp("desk")
    sites = fictional()
    with proxied(sites) as proxy, installed(folder, WARMCALL_EGRESS_PROXY=proxy) as stack:
        (folder / "sitecustomize.py").write_text(SITE)
        stack.env["PYTHONPATH"] = os.pathsep.join((str(folder), str(ROOT)))
        others = ("lotte.verbeek@example.com", "example.org", "example.net")
        json = ("--format", "json")
        told = {"example.com": stack.run_cold("brief", "example.com", *json)}
        with ThreadPoolExecutor(2) as pool:
            text = pool.submit(stack.run_cold, "brief", "https://www.example.com/products?ref=mail")
            ended = [pool.submit(stack.run_cold, "brief", one, *json) for one in others]
            told |= {one: run.result() for one, run in zip(others, ended, strict=True)}
        told["text"] = text.result()
        yield Desk(told, sites, (folder / NOTES).read_text())


def test_the_card_tells_who_the_company_is_and_who_leads_it(desk: Desk) -> None:
    card = desk.job("example.com")["card"]
    company = card["company"]
    assert (company["name"], company["founded_year"]) == ("Quillon Gauges", 2012)
    assert company["linkedin_url"].endswith("/company/quillon-gauges-example")
    assert {one["network"] for one in company["socials"]} == {"linkedin", "twitter", "github"}
    assert company["phones"] == ["+442079460142"]
    assert "Duluth" in company["location"]
    assert {one["full_name"]: one["title"] for one in card["decision_makers"]} == {
        "Petra Quillon": "Chief Executive Officer",
        "Hamid Osei": "Chief Financial Officer",
        "Lotte Verbeek": "VP of Sales",
    }


def test_nobody_of_the_board_is_taken_for_staff(desk: Desk) -> None:
    for answer in desk.told.values():
        assert "Dahl" not in answer.stdout
        assert "Castell" not in answer.stdout


def test_every_fact_names_the_page_that_says_so(desk: Desk) -> None:
    pages = {one["field"]: one["source_url"] for one in desk.job("example.com")["facts"]}
    assert set(pages.values()) <= set(desk.sites.asked)
    assert pages["company.founded_year"] == "http://example.com/about"
    assert pages["decision_makers"] == "http://example.com/team"
    assert pages["company.phones"] == "http://example.com/contact"


def test_an_address_is_matched_with_the_people_on_the_team_page(desk: Desk) -> None:
    asked = desk.sites.asked
    job = desk.job("lotte.verbeek@example.com")
    person = job["card"]["person"]
    assert (person["full_name"], person["title"]) == ("Lotte Verbeek", "VP of Sales")
    assert "email" not in person
    assert asked.count("http://example.com/team") == 1  # the site was not read a second time


def test_a_site_that_says_little_gives_a_short_honest_card(desk: Desk) -> None:
    card = desk.job("example.org")["card"]
    assert card["company"]["name"] == "Brightwater Oars"
    assert card["decision_makers"] == []
    assert "company.employee_count" in card["gaps"]
    assert "founded_year" not in card["company"]


def test_a_site_that_cannot_be_reached_is_an_error_and_no_empty_card(desk: Desk) -> None:
    job = desk.job("example.net")
    assert (desk.told["example.net"].returncode, job["status"]) == (1, "provider_error")
    assert set(outcomes(job)) == {("website", "provider_error")}
    assert job["facts"] == []


def test_what_robots_txt_disallows_is_not_read(desk: Desk) -> None:
    assert "http://example.com/robots.txt" in desk.sites.asked
    assert "http://example.com/products" not in desk.sites.asked
    assert "1801" not in desk.told["example.com"].stdout


def test_names_are_resolved_by_the_proxy_alone(desk: Desk) -> None:
    assert {one for one in desk.sites.asked if one.startswith("CONNECT")} == {
        f"CONNECT example.{top}:443" for top in ("com", "org", "net")
    }
    assert set(desk.resolved.splitlines()) == {str([LOCAL])}  # the proxy's own


def test_the_printed_card_reads_well_and_names_its_pages(desk: Desk) -> None:
    told = desk.told["text"]
    assert told.returncode == 0
    assert "\x1b" not in told.stdout  # it is no terminal
    for text in ("Quillon Gauges", "Petra Quillon, Chief Executive Officer", "example.com/team"):
        assert text in told.stdout
