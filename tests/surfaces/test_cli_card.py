"""The card on a terminal and as Markdown: what it says, in which order, and what it never does."""

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from rich.cells import cell_len
from rich.console import Console

from app.battlecard import compose
from app.facts import FIELDS, Fact, Json, Section, identified
from app.job import LIVE, Status
from app.merge import merge
from app.prospect import identify
from app.views import AttemptView, JobError, JobView
from integrations.cli import render

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
PAGE = "https://northwind.example/team"

FULL: Mapping[str, Json] = {
    "person.full_name": "Ana Lima",
    "person.title": "Head of Sales",
    "person.email": {"address": "ana@northwind.example", "status": "verified"},
    "person.phones": {"number": "+15125550100", "type": "work"},
    "person.linkedin_url": "https://www.linkedin.com/in/ana-lima-example",
    "company.name": "Northwind",
    "company.domain": "northwind.example",
    "company.description": "Northwind ships goods for small shops.",
    "company.employee_count": 1240,
    "company.founded_year": 2015,
    "company.funding": {"stage": "Series B", "total": 45_000_000, "last_round_at": "2026-09-01"},
    "company.technologies": "HubSpot",
    "decision_makers": {"full_name": "Bo Berg", "title": "Chief Revenue Officer"},
    "signals": {
        "kind": "funding",
        "headline": "Northwind raises a Series B",
        "url": "https://northwind.example/news",
        "seen_at": "2026-11-01",
    },
}


def fact(field: str, value: Json, *, days: int = 0, inferred: bool = False) -> Fact:
    return Fact(
        field,
        value,
        "website",
        0.5 if inferred else 0.9,
        NOW - timedelta(days=days),
        source_url=None if inferred else PAGE,
        inferred=inferred,
    )


def job(
    values: Mapping[str, Json],
    status: Status = Status.complete,
    *,
    about: str = "ana@northwind.example",
    error: JobError | None = None,
    guesses: tuple[str, ...] = (),
) -> JobView:
    """Return a job as the core would: facts are assembled into a card."""
    prospect = identify(about)
    told = [fact(name, value, days=3, inferred=name in guesses) for name, value in values.items()]
    facts = identified(told)
    card = compose(prospect, facts, frozenset(FIELDS), None, NOW)
    return JobView(
        id="job_1",
        status=status,
        version=1,
        prospect=prospect,
        sections=dict.fromkeys(Section, status),
        served_from="providers",
        card=card.model_dump(mode="json", exclude_none=True),
        facts=facts,
        winners=merge(facts).winners,
        attempts=[],
        missing=[],
        needs_manual_enrichment=False,
        credits_spent=1.5,
        created_at=NOW,
        updated_at=NOW,
        finished_at=None if status in LIVE else NOW,
        error=error,
    )


def printed(view: JobView, *, width: int = 100, terminal: bool = False) -> str:
    """Return what `brief` prints."""
    return render.text(view, NOW, Console(width=width, force_terminal=terminal))


def test_the_first_line_says_who_this_is() -> None:
    assert printed(job(FULL)).splitlines()[0] == "Ana Lima, Head of Sales at Northwind"


def test_a_card_names_everything_that_is_known() -> None:
    out = printed(job(FULL))
    for told in (
        "ana@northwind.example (verified) · +15125550100 (work)",
        "Northwind ships goods for small shops.",
        "1,240",
        "2015",
        "Series B, $45M in total, last round 2026-09-01",
        "HubSpot",
        "Bo Berg, Chief Revenue Officer",
        "Northwind raises a Series B  (funding, 2026-11-01)",
        "https://northwind.example/news",
    ):
        assert told in out, told


def test_a_talking_point_names_its_source_and_its_age() -> None:
    blocks = {block.title: block for block in render.blocks(job(FULL), NOW)}
    spoken = [
        line for title in render.TALK.values() if title in blocks for line in blocks[title].lines
    ]
    assert spoken
    assert all("website, 3 days ago" in line.note for line in spoken)


def test_a_source_that_is_the_same_for_a_whole_block_is_named_once() -> None:
    out = printed(job(FULL))
    assert "Company (website, 3 days ago)\n" in out
    assert "2015\n" in out


def test_sources_are_listed_with_confidence_and_page() -> None:
    out = printed(job(FULL))
    assert f"{len(FULL)} facts, 90 % sure, 3 days ago" in out
    assert PAGE in out


def test_what_nobody_knew_is_listed() -> None:
    sparse = printed(job({"company.name": "Northwind"}, about="northwind.example"))
    not_known = sparse.partition("Not known")[2].partition("Sources")[0]
    assert "company industry" in not_known
    assert "None" not in sparse
    assert "Talking points" not in sparse


def test_a_guess_is_called_one() -> None:
    view = job({"person.full_name": "Ana Lima"}, guesses=("person.full_name",))
    assert "Only a guess: " in printed(view)
    assert "full name" in printed(view).partition("Only a guess: ")[2].partition(".")[0]
    assert "Only a guess" not in printed(job(FULL))


def test_candidates_are_listed_and_none_is_taken() -> None:
    people: dict[str, Json] = {
        "person.candidates": {
            "full_name": "Ana Lima",
            "title": "Buyer",
            "linkedin_url": "https://www.linkedin.com/in/ana-one-example",
        }
    }
    out = printed(job(people, Status.ambiguous))
    assert "Several people fit." in out
    assert "Ana Lima, Buyer  https://www.linkedin.com/in/ana-one-example" in out


@pytest.mark.parametrize("status", list(Status))
def test_every_status_but_complete_is_explained(status: Status) -> None:
    told = render.ENDS.get(status)
    assert (told is None) == (status is Status.complete)
    assert told is None or told in printed(job({}, status), width=200)


@pytest.mark.parametrize("status", sorted(LIVE))
def test_a_job_that_has_not_ended_says_that_it_goes_on(status: Status) -> None:
    assert "It goes on as job job_1" in printed(job({}, status))


def test_the_reason_of_a_failure_is_said_instead() -> None:
    error = JobError("worker_died", "3 workers died while running this job.")
    assert "3 workers died" in printed(job({}, Status.provider_error, error=error))


def test_providers_that_were_not_heard_are_named() -> None:
    def asked(provider: str, outcome: str) -> AttemptView:
        return AttemptView(provider, outcome, "", 0.0, 12, False, "person", NOW)

    attempts = [
        asked("hunter", "rate_limited"),
        asked("datalegion", "rate_limited"),
        asked("datalegion", "matched"),
        asked("website", "not_found"),
    ]
    out = printed(replace(job({}, Status.partial), attempts=attempts))
    assert "Not heard: hunter (rate limited).\n" in out


@pytest.mark.parametrize(
    ("status", "values", "code"),
    [
        (Status.complete, FULL, 0),
        (Status.partial, FULL, 0),
        (Status.ambiguous, {}, 0),
        (Status.not_found, {}, 3),
        (Status.provider_error, {}, 1),
        (Status.suppressed, {}, 1),
        (Status.budget_exhausted, {}, 1),
        (Status.cancelled, {}, 1),
        (Status.in_progress, FULL, 0),
        (Status.queued, {}, 1),
    ],
)
def test_the_exit_code_says_whether_something_is_known(
    status: Status, values: Mapping[str, Json], code: int
) -> None:
    assert render.exit_code(job(values, status, about="northwind.example")) == code


HOSTILE: Mapping[str, Json] = {
    "company.name": "Evil\x1b[31m\x07 [link](https://evil.example) *bold* <b>\u202egnp",
    "company.domain": "northwind.example",
    "company.description": "# Heading\n\n- list | `code` [red]not red[/red]",
    "company.linkedin_url": "https://www.linkedin.com/company/x) [y](https://evil.example",
    "decision_makers": {
        "full_name": "Mallory [bold]Evil",
        "title": "CEO",
        "linkedin_url": "javascript:alert(1)",
    },
    "signals": {
        "kind": "news",
        "headline": "News) [y](https://evil.example",
        "url": "https://northwind.example/a_(b)",
        "seen_at": "2026-11-01",
    },
}


@pytest.mark.parametrize("terminal", [False, True])
def test_no_control_character_reaches_the_terminal(terminal: bool) -> None:
    out = printed(job(HOSTILE, about="northwind.example"), terminal=terminal)
    assert "\x1b[31m" not in out
    assert not {"\x07", "\u202e"} & set(out)
    assert "[red]not red[/red]" in out.replace("\n", " ")


def test_no_markup_reaches_the_markdown() -> None:
    out = render.markdown(job(HOSTILE, about="northwind.example"), NOW)
    assert not re.search(r"(?<!\\)\]\(https://evil", out)
    assert "](javascript:" not in out
    assert "\n# Heading" not in out
    assert "\\*bold\\* \\<b\\>" in out
    assert "](https://northwind.example/a_%28b%29)" in out


def test_markdown_links_to_the_sources() -> None:
    out = render.markdown(job(FULL), NOW)
    assert out.startswith("# Ana Lima, Head of Sales at Northwind\n\n- ana@northwind.example")
    assert "](https://northwind.example/team)" in out
    assert "- **Founded:** 2015\n" in out


@pytest.mark.parametrize("width", [20, 40, 80])
def test_nothing_is_wider_than_the_terminal_and_nothing_is_cut(width: int) -> None:
    out = printed(job(FULL), width=width)
    assert max(cell_len(line) for line in out.splitlines()) <= width
    assert "…" not in out
    joined = "".join(out.split())
    assert "https://northwind.example/news" in joined
    assert "shipsgoodsforsmallshops" in joined


def test_no_line_ends_in_blanks() -> None:
    assert not [line for line in printed(job(FULL)).splitlines() if line != line.rstrip()]


def test_colours_are_for_terminals_only() -> None:
    assert "\x1b" not in printed(job(FULL))
    assert "\x1b" in printed(job(FULL), terminal=True)


def test_the_stages_name_each_section_and_who_was_asked() -> None:
    asked = AttemptView("website", "matched", "", 0.0, 12, False, "company", NOW)
    known = AttemptView("hunter", "matched", "", 0.0, 0, True, "person", NOW)
    view = job({}, Status.in_progress)
    out = StringIO()
    Console(file=out, width=100).print(render.stages(replace(view, attempts=[asked, known])))
    assert "company" in out.getvalue()
    assert "website matched" in out.getvalue()
    assert "hunter remembered" in out.getvalue()


def test_the_footer_is_for_the_operator() -> None:
    assert render.footer(job(FULL)) == "Job job_1: complete, asked just now, 1.5 credits."


def test_a_guess_about_a_company_is_called_one() -> None:
    out = printed(job(FULL, guesses=("company.founded_year",)))
    assert "2015 (a guess)" in out


def test_a_long_list_of_a_company_is_cut() -> None:
    view = job(FULL)
    company = view.card["company"]
    assert isinstance(company, dict)
    company["phones"] = [f"+1202555010{n}" for n in range(6)]
    out = printed(view)
    assert "+12025550103, 2 more" in out
    assert "+12025550104" not in out
