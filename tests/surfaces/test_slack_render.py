"""The Slack card: what each state says, and that it fits whatever strangers wrote."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.facts import Fact, Section
from app.job import LIVE, Status
from app.prospect import identify
from app.views import AttemptView, JobError, JobView, UsageView
from integrations.slack import render
from integrations.slack.render import Links, Message
from tests.fakes.blocks import check_message, pressed, size, texts
from tests.surfaces.asking import settled
from tests.surfaces.views import CARDS, NOW, view

PAGE = "https://warmcall.example/card/tok_en"
LINKS = Links(PAGE)
SAFE = 10_000  # characters of all blocks as JSON


def carded(name: str, links: Links = LINKS, **changes: Any) -> Message:
    return render.card(replace(view(name), **changes), links, NOW)


def told(message: Message) -> str:
    """Return every text of a message."""
    headers = [one["text"]["text"] for one in message.blocks if one["type"] == "header"]
    return "\n".join([*headers, *texts(list(message.blocks))])


def labels(message: Message) -> list[str]:
    return [one["text"]["text"] for one in pressed(message.blocks) if "text" in one]


def ids(message: Message) -> list[str]:
    return [one["action_id"] for one in pressed(message.blocks)]


# --- limits --------------------------------------------------------------------------------

NOISE = {
    "markup": "Æ<&>*_\\`~|",
    "mention": "<!channel> <@U012> <#C012|x> ",
    "link": "<javascript:alert(1)|click> https://evil.example/ ",
    "ampersands": "&",
    "quotes": '"\\',
    "emojis": "🚀",
    "newlines": "a\n\u2028\u202e\0",
    "words": "Wort ",
}
URLS = ("https://evil.example/" + "a%3C" * 400, "javascript:alert(1)", "https://a|b>.example/<x>")


def hostile(noise: str, status: Status = Status.complete) -> JobView:
    """Return a job in which everything a stranger can say is ten times what fits."""
    long = (noise * 4_000)[:40_000]
    given = json.loads(CARDS["full"].read_text("utf-8"))
    card = {name: _noisy(part, long) for name, part in given["card"].items() if name != "as_of"}
    for name in ("decision_makers", "signals", "changes"):
        card[name] = card[name] * 50
    card["candidates"] = [{"full_name": long, "title": long, "company": long}] * 150
    points = card["talking_points"] * 10
    card["talking_points"] = [
        {**one, "kind": kind, "fact_ids": [f"f_{n}" for n in range(9)]}
        for one, kind in zip(points, ["opener", "point", "question", "avoid"] * 10, strict=True)
    ]
    return replace(
        view("full"),
        status=status,
        prospect=identify("max@long.example"),
        card=card,
        facts=[_fact(number, long) for number in range(40)],
        winners=frozenset(f"f_{number}" for number in range(40)),
        attempts=[_attempt(f"{number}{long}", "rate_limited") for number in range(40)],
        missing=[f"person.{number}{long}" for number in range(60)],
        error=JobError("worker_died", long, NOW),
    )


def _noisy(value: Any, long: str) -> Any:
    if isinstance(value, dict):
        return {name: _noisy(part, long) for name, part in value.items()}
    if isinstance(value, list):
        return [_noisy(part, long) for part in value]
    is_url = isinstance(value, str) and value.startswith("http")
    return (URLS[0] if is_url else long) if isinstance(value, str) else value


def _fact(number: int, long: str) -> Fact:
    url = URLS[number % len(URLS)]
    return Fact("company.name", long, f"{number}{long}", 0.5, NOW, url, id=f"f_{number}")


def _attempt(provider: str, outcome: str, section: str = "person") -> AttemptView:
    return AttemptView(provider, outcome, "", 0.0, 12, False, section, NOW)


@pytest.mark.parametrize("status", list(Status))
@pytest.mark.parametrize("noise", NOISE)
def test_ten_times_too_much_of_anything_still_fits(noise: str, status: Status) -> None:
    job = hostile(NOISE[noise], status)
    crm = Links(PAGE, "https://crm.example/" + "x" * 900)
    for message in (
        render.card(job, crm, NOW),
        render.full(job, crm, NOW),
        render.shared(job, NOW),
        render.loading(job, NOISE[noise] * 4_000),
    ):
        assert check_message(message.text, message.blocks) == []
        assert size(message.blocks) < SAFE


@pytest.mark.parametrize("status", list(Status))
@pytest.mark.parametrize("name", CARDS)
def test_every_card_in_every_state_is_a_message_that_slack_takes(name: str, status: Status) -> None:
    job = view(name, status=status)
    for message in (render.card(job, LINKS, NOW), render.full(job, LINKS, NOW)):
        assert check_message(message.text, message.blocks) == []
        assert size(message.blocks) < SAFE


def test_what_is_said_without_a_job_is_taken_too() -> None:
    usage = UsageView("2026-11", 500, 500, 0, 0.0, datetime(2026, 12, 1, tzinfo=UTC))
    trouble = render.trouble("<!channel> \U0001f680&*_`" * 400)
    for message in (render.quota(usage), render.usage_help("/prep"), render.erased(), trouble):
        assert check_message(message.text, message.blocks) == []


def test_a_value_cut_short_never_ends_inside_an_entity() -> None:
    job = hostile("&<")
    assert "…" in told(render.card(job, LINKS, NOW))
    assert check_message("x", render.card(job, LINKS, NOW).blocks) == []


def test_nobody_is_mentioned_and_no_link_leads_elsewhere_than_the_web() -> None:
    for noise in NOISE.values():
        shown = "\n".join(texts(list(render.card(hostile(noise), LINKS, NOW).blocks)))
        assert "<!channel" not in shown
        assert "<@" not in shown
        assert "<javascript:" not in shown


def test_a_readers_name_in_front_of_a_host_is_no_link() -> None:
    card = {
        "person": {"full_name": "Ana", "linkedin_url": "https://linkedin.com@evil.example/in/a"}
    }
    assert "evil.example" not in told(carded("full", card=card))


# --- the card ------------------------------------------------------------------------------


def test_the_first_three_blocks_say_who_what_and_what_to_open_with() -> None:
    first, second, third = carded("full").blocks[:3]
    assert first["text"]["text"] == "Sarah Chen · VP of Sales at Acme Corp"
    company, checked = (one["text"] for one in second["elements"])
    assert company.startswith("Makes scheduling software for field service teams · 1,240 people")
    assert checked.startswith("Checked <!date^1795253340^")
    assert third["text"]["text"].startswith("*Open with*\n1. Congratulations on the Series B")


@pytest.mark.parametrize(
    "changes",
    [{"status": Status.partial}, {"served_from": "stale_cache"}, {"status": Status.cancelled}],
)
def test_the_opener_is_in_the_third_block_also_when_something_is_amiss(changes: Any) -> None:
    third = carded("full", **changes).blocks[2]["text"]["text"]
    assert third.startswith(":")
    assert "*Open with*\n1. Congratulations" in third


def test_each_point_names_its_source_with_a_link_its_age_and_how_sure_it_is() -> None:
    lines = carded("full").blocks[2]["text"]["text"].splitlines()[1:]
    assert lines[0].endswith("(<https://acme.example/news/series-b|website>, 3 days ago, 90% sure)")
    assert len(lines) == 4
    assert all("% sure)" in line for line in lines)


def test_a_point_is_as_sure_and_as_old_as_the_worst_of_its_facts() -> None:
    job = view("full")
    facts = [
        replace(one, confidence=0.4, seen_at=NOW - timedelta(days=30)) if one.id == "f_emp" else one
        for one in job.facts
    ]
    line = render.card(replace(job, facts=facts), LINKS, NOW).blocks[2]["text"]["text"]
    assert "30 days ago, 40% sure" in line.splitlines()[2]


def test_a_source_is_linked_to_the_page_of_its_surest_fact_that_has_one() -> None:
    point = {"kind": "opener", "text": "Hello.", "fact_ids": ["f_1", "f_2", "f_3"]}
    pages = [(0.9, None), (0.5, "https://a.example/old"), (0.8, "https://a.example/?a=1&b=2")]
    facts = [
        Fact("company.name", "Acme", "website", sure, NOW, url, id=f"f_{number}")
        for number, (sure, url) in enumerate(pages, 1)
    ]
    message = carded("full", card={**view("full").card, "talking_points": [point]}, facts=facts)
    line = message.blocks[2]["text"]["text"].splitlines()[1]
    assert line == "1. Hello.  (<https://a.example/?a=1&amp;b=2|website>, today, 50% sure)"


def test_three_points_are_shown_one_of_them_the_question() -> None:
    points: list[Any] = [
        {"kind": "point", "text": f"Point {number}.", "fact_ids": ["f_name"]} for number in range(4)
    ]
    points += [
        {"kind": "question", "text": "Who decides?", "fact_ids": ["f_name"]},
        {"kind": "opener", "text": "Hello.", "fact_ids": ["f_name"]},
    ]
    shown = carded("full", card={**view("full").card, "talking_points": points})
    lines = [line.partition("  (")[0] for line in shown.blocks[2]["text"]["text"].splitlines()]
    assert lines == ["*Open with*", "1. Hello.", "2. Point 0.", "3. Who decides?"]
    everything = told(
        render.full(replace(view("full"), card={"talking_points": points}), LINKS, NOW)
    )
    assert all(str(point["text"]) in everything for point in points)


def test_what_is_doubtful_is_marked_and_what_nobody_knew_is_named() -> None:
    given = {
        **view("full").card,
        "confidence": {"person.title": 0.9, "person.location": 0.6, "person.full_name": 0.92},
        "inferred": ["person.email"],
        "conflicts": ["company.industry"],
    }
    shown = told(carded("full", card=given))
    assert "Austin, Texas, United States (60% sure)" in shown
    assert "sarah.chen+crm@acme.example (verified) (a guess)" in shown
    assert "Business Software (sources disagree)" in shown
    assert "match 92%" in shown
    assert "Not known: legal name (company)" in shown


def test_a_card_for_a_glance_has_four_fields_of_the_person_and_six_of_the_company() -> None:
    counts = [len(one["fields"]) for one in carded("full").blocks if "fields" in one]
    assert counts == [4, 6]
    all_known = render.full(view("full"), LINKS, NOW)
    assert sum(len(one["fields"]) for one in all_known.blocks if "fields" in one) > 14


def test_the_sources_are_listed_with_how_sure_they_are() -> None:
    shown = told(carded("full"))
    assert "Sources: <https://acme.example/team|website> 6 facts, 90% sure" in shown
    assert f"<{PAGE}|Card page>" in shown


def test_the_fallback_says_the_outcome() -> None:
    assert carded("full").text == (
        "Call prep: Sarah Chen · VP of Sales at Acme Corp. Open with: "
        "Congratulations on the Series B in March."
    )


# --- buttons -------------------------------------------------------------------------------


def test_every_button_carries_the_jobs_id_and_nothing_else() -> None:
    messages = [carded("full", status=status) for status in Status]
    for one in (each for message in messages for each in pressed(message.blocks)):
        values = [one.get("value"), *(each["value"] for each in one.get("options", ()))]
        thumbs = [one[name] for name in ("positive_button", "negative_button") if name in one]
        values += [thumb["value"] for thumb in thumbs]
        assert {str(value).rpartition(":")[2] for value in values if value} == {"job_01"}


def test_a_card_can_be_refreshed_shared_and_judged() -> None:
    message = carded("full")
    assert ids(message) == ["prep_refresh", "prep_share", "prep_more", "prep_feedback"]
    menu = next(one for one in pressed(message.blocks) if one["type"] == "overflow")
    assert [each["value"] for each in menu["options"]] == [
        "wrong:job_01",
        "full:job_01",
        "delete:job_01",
    ]


def test_the_crm_is_offered_where_there_is_one() -> None:
    known = carded("full", Links(PAGE, "https://crm.example/contacts/1?a=1&b=2"))
    opened = pressed(known.blocks)
    assert next(opened)["url"] == "https://crm.example/contacts/1?a=1&b=2"
    assert ids(carded("full", Links(PAGE, can_save=True)))[0] == "save_crm"
    assert ids(carded("full", Links(PAGE, "javascript:alert(1)")))[0] == "prep_refresh"


def test_a_company_is_not_the_wrong_person() -> None:
    message = carded("full", prospect=identify("acme.example"))
    assert "Wrong person" not in json.dumps(list(message.blocks))


def test_a_copy_for_a_channel_has_nothing_to_press_and_no_link_of_ours() -> None:
    copied = render.shared(view("full"), NOW)
    assert ids(copied) == []
    assert PAGE not in told(copied)
    assert "*Open with*" in told(copied)


# --- states --------------------------------------------------------------------------------


def test_a_placeholder_says_what_is_being_done_and_what_is_known() -> None:
    sections = dict.fromkeys(Section, Status.in_progress) | {Section.signals: Status.queued}
    job = replace(
        view("full", status=Status.in_progress),
        sections=sections,
        attempts=[_attempt("website", "matched", "company")],
    )
    message = render.loading(job, "sarah.chen@acme.example & co")
    assert "for sarah.chen@acme.example &amp; co\nSo far: Sarah Chen · VP of Sales" in told(message)
    assert ":mag: Person: asking\n:white_check_mark: Company: found" in told(message)
    assert ":white_circle: News: waiting" in told(message)
    assert ids(message) == []
    assert message.text.startswith("Preparing the card for sarah.chen@acme.example &amp; co.")


@pytest.mark.parametrize("status", sorted(LIVE))
def test_a_job_under_way_is_a_placeholder(status: Status) -> None:
    assert "*Preparing the card*" in told(carded("sparse", status=status))


def test_a_partial_card_names_who_did_not_answer_and_offers_to_ask_again() -> None:
    message = carded(
        "full",
        status=Status.partial,
        attempts=[_attempt("hunter", "rate_limited"), _attempt("website", "matched", "company")],
        missing=["person.phones", "company.funding"],
    )
    first = message.blocks[2]["text"]["text"].splitlines()[0]
    assert first == (
        ":warning: *Partly filled.* No answer from hunter (too busy). "
        "Missing: phone (person); funding (company)."
    )
    button = next(iter(pressed(message.blocks)))
    assert (button["text"]["text"], button["style"]) == ("Retry missing sources", "primary")
    assert message.text.endswith("Some sources did not answer: hunter (too busy).")
    assert "Not known" not in told(message)


def test_a_stale_card_says_how_old_it_is_and_cannot_be_refreshed_twice() -> None:
    old = {**view("full").card, "as_of": "2026-11-09T09:29:00Z"}
    message = carded("full", card=old, served_from="stale_cache", refresh_job_id="job_02")
    assert ":clock3: *Cached copy, 12 days old.* A fresh look-up is running" in told(message)
    assert "prep_refresh" not in ids(message)
    assert message.text.startswith("Cached call prep, 12 days old, refreshing: Sarah Chen")


def test_a_person_whom_nobody_knew_leaves_a_card_of_the_company() -> None:
    given = {name: part for name, part in view("full").card.items() if name != "person"}
    message = carded("full", card=given)
    assert message.blocks[0]["text"]["text"] == "Acme Corp"
    assert "*Company only.* Nobody knew who sarah.chen@acme.example is." in told(message)


def test_several_people_are_offered_and_none_is_guessed() -> None:
    people = [
        {"full_name": "Jane Doe", "title": "VP Sales", "company": "Acme"},
        {"full_name": "Jane M. Doe"},
    ]
    message = carded("full", status=Status.ambiguous, card={"candidates": people})
    choice = next(iter(pressed(message.blocks)))
    assert choice["action_id"] == "prep_choose"
    assert [one["text"]["text"] for one in choice["options"]] == ["Jane Doe", "Jane M. Doe"]
    assert choice["options"][0]["description"]["text"] == "VP Sales at Acme"
    assert [one["value"] for one in choice["options"]] == ["job_01:0", "job_01:1"]
    assert message.text == (
        "2 people match sarah.chen@acme.example: Jane Doe, Jane M. Doe. Choose one."
    )
    bare = carded("full", status=Status.ambiguous, card={})
    assert ids(bare) == ["prep_edit", "prep_more"]


def test_nobody_known_says_who_was_asked_and_what_else_to_try() -> None:
    message = carded("empty", status=Status.not_found, attempts=[_attempt("hunter", "not_found")])
    assert "Asked hunter." in told(message)
    assert "was not counted" in told(message)
    assert labels(message)[0] == "Edit search"
    assert message.text.startswith("No match for ")


def test_a_failure_says_why_and_when_to_try_again() -> None:
    error = JobError("provider_error", "see `attempts`", NOW + timedelta(minutes=1))
    asked = [_attempt("hunter", "rate_limited"), _attempt("website", "provider_error")]
    message = carded("empty", status=Status.provider_error, attempts=asked, error=error)
    shown = told(message)
    assert "and hunter (too busy), website (failed) did not answer." in shown
    assert "It can be tried again <!date^1795253460^{date_short_pretty} at {time}|" in shown
    assert "Reference job_01" in shown
    assert "attempts" not in shown
    assert labels(message)[0] == "Try again"


def test_a_job_that_killed_its_workers_says_so() -> None:
    error = JobError("worker_died", "3 workers died while running this job.")
    message = carded("empty", status=Status.provider_error, error=error)
    assert "3 workers died" in told(message)


def test_who_must_not_be_looked_up_is_not_named() -> None:
    for message in (
        carded("full", status=Status.suppressed),
        render.full(view("full", status=Status.suppressed), LINKS, NOW),
    ):
        assert "sarah" not in (told(message) + message.text).lower()
        assert "do-not-enrich list" in message.text
        assert ids(message) == []


def test_an_erased_card_says_only_that() -> None:
    assert render.erased().text == "Removed on request."


def test_a_quota_that_is_used_up_says_when_the_next_month_comes() -> None:
    usage = UsageView("2026-11", 500, 500, 0, 0.0, datetime(2026, 12, 1, tzinfo=UTC))
    assert "500 of 500 used" in render.quota(usage).text
    assert "<!date^1796083200^" in told(render.quota(usage))


def test_help_shows_the_command_by_example() -> None:
    assert "`/prep sarah.chen@acme.example`" in told(render.usage_help("/prep"))
    assert "`/prep settings`" in told(render.usage_help("/prep"))


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (
            "sarah.chen@acme.example",
            "Call prep: Sarah Chen · VP of Sales at Acme Corp. Open with: ",
        ),
        ("acme.example", "Call prep: Acme Corp. Open with: "),
        ("partial@acme.example", "Some sources did not answer: sandbox (failed)."),
        ("ambiguous@acme.example", "3 people match ambiguous@acme.example: Alex Morgan, "),
        ("notfound@acme.example", "No match for notfound@acme.example."),
        ("error@acme.example", "Could not prepare the card for error@acme.example."),
    ],
)
def test_the_sandboxs_people_come_out_as_they_are_meant_to(
    service: Any, asked: str, said: str
) -> None:
    message = render.card(settled(service, asked), LINKS, NOW)
    assert said in message.text
    assert check_message(message.text, message.blocks) == []
