from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.brief import Brief
from app.facts import FIELDS, Fact, Json
from app.merge import merge
from app.pitch import holds
from app.positioning import Competitor, Positioning, Seller, ValuePoint, When
from app.rules import FALLBACKS, RULES, WARNINGS, Kind
from app.talking_points import MOST, Point, talking_points

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def fact(
    field: str, value: Json, confidence: float = 0.9, *, days_old: float = 0, inferred: bool = False
) -> Fact:
    seen_at = NOW - timedelta(days=days_old)
    return Fact(
        field, value, "orbit", confidence, seen_at, inferred=inferred, id=f"{field} {value}"
    )


def signal(kind: str, headline: str, seen_at: str | None = None) -> Fact:
    value: dict[str, Json] = {"kind": kind, "headline": headline}
    return fact("signals", value | ({"seen_at": seen_at} if seen_at else {}))


def tools(*names: str) -> list[Fact]:
    return [fact("company.technologies", name) for name in names]


def points(*facts: Fact, positioning: Positioning | None = None) -> tuple[Point, ...]:
    return talking_points(merge(facts), positioning, NOW)


def by_rule(*facts: Fact, positioning: Positioning | None = None) -> dict[str, Point]:
    """Return every point that the rules make, before the best are chosen."""
    merged = merge(facts)
    found = talking_points(merged, positioning, NOW, most=100)
    return {point.rule: point for point in found}


ACME = fact("company.name", "Acme Corp")
VP = fact("person.title", "VP of Sales")
SARAH = fact("person.full_name", "Sarah Chen")


# --- one rule at a time --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "facts", "said"),
    [
        ("tech_crm", tools("Pipedrive"), "CRM: Pipedrive. Say how we connect to it."),
        ("tech_mail", tools("Google Workspace"), "Mail and calendar run on Google Workspace."),
        ("tech_support", tools("zendesk"), "Customer support runs on zendesk."),
        ("tech_marketing", tools("Marketo"), "Marketing automation: Marketo."),
        ("tech_ai", tools("OpenAI"), "AI tools among theirs: OpenAI."),
        (
            "tech_overlap",
            tools("Intercom", "Zendesk"),
            "Two tools for support: Intercom and Zendesk. Is one of them on its way out?",
        ),
        (
            "news_funding",
            [signal("funding", "Acme raises a round", "2026-09-02")],
            "Funding news (September 2026): “Acme raises a round”. "
            "Ask what the money is meant to speed up.",
        ),
        (
            "news_funding",
            [fact("company.funding", {"stage": "Series B", "last_round_at": "2026-08"})],
            "Raised Series B in August 2026: ask what the money is meant to speed up.",
        ),
        (
            "funding_stage",
            [fact("company.funding", {"stage": "Series B", "total": 24_000_000})],
            "Funding: Series B, $24M raised in total.",
        ),
        (
            "news_leader",
            [signal("leadership", "Lee Park joins as CFO")],
            "Leadership news: “Lee Park joins as CFO”. Ask what changes with it.",
        ),
        (
            "news_mna",
            [signal("M&A", "Acme buys Zenith", "2026-10-01T08:00:00Z")],
            "Deal news (October 2026): “Acme buys Zenith”. Ask what changes with it.",
        ),
        (
            "news_layoff",
            [signal("layoffs", "Acme cuts jobs")],
            "Careful tone: “Acme cuts jobs”. Do not speak of growth.",
        ),
        (
            "news_breach",
            [signal("data breach", "Acme tells of a breach")],
            "Sensitive: “Acme tells of a breach”. Do not open with it.",
        ),
        ("news_product", [signal("launch", "Acme Anvil 2")], "Product news: “Acme Anvil 2”."),
        ("news_expand", [signal("expansion", "New in Oslo")], "Expansion: “New in Oslo”."),
        ("news_partner", [signal("partnership", "With Zenith")], "Partner news: “With Zenith”."),
        ("news_other", [signal("award", "Best anvil")], "In the news: “Best anvil”."),
        ("results", [signal("results", "Q3 is out")], "Results: “Q3 is out”."),
        (
            "pricing_public",
            [signal("pricing", "From $9 a month")],
            "Prices are public: “From $9 a month”. Is there a sales-led side as well?",
        ),
        ("hiring", [signal("hiring", "Welder")], "Hiring: “Welder”."),
        (
            "hire_leader",
            [signal("hiring", "Head of Marketing")],
            "Leadership role open: “Head of Marketing”. Ask which decisions wait for that person.",
        ),
        (
            "hire_sales",
            [signal("hiring", f"Account Executive {city}") for city in ("Oslo", "Rome", "York")],
            "3 open roles in sales, such as “Account Executive Oslo”.",
        ),
        (
            "hire_presales",
            [signal("hiring", f"Sales Engineer {city}") for city in ("Oslo", "Rome")],
            "2 open roles in presales, such as “Sales Engineer Oslo”.",
        ),
        (
            "hire_surge",
            [signal("hiring", f"Role {number:02}") for number in range(16)],
            "16 open roles, such as “Role 00”.",
        ),
        (
            "stage_young",
            [fact("company.founded_year", 2025)],
            "Founded in 2025: a young company, keep it simple.",
        ),
        (
            "parent",
            [fact("company.parent", "Zenith Group")],
            "Part of Zenith Group: do group contracts decide what is bought?",
        ),
        ("person_match", [SARAH, VP], "Sarah is VP of Sales: likely a budget holder."),
        (
            "person_match",
            [VP, fact("person.seniority", "c_suite")],
            "The person is VP of Sales: likely the decider.",
        ),
        ("who_else", [VP, ACME], "Who else is involved when Acme Corp picks a new tool?"),
        (
            "person_other",
            [
                SARAH,
                fact("decision_makers", {"full_name": "S. Chen", "title": "VP"}),
                fact("decision_makers", {"full_name": "Lee Park", "title": "Engineer"}),
                fact("decision_makers", {"full_name": "Dana Ortiz", "title": "CEO"}),
            ],
            "Also worth knowing: Dana Ortiz (CEO) and Lee Park (Engineer).",
        ),
        (
            "guessed_name",
            [fact("person.full_name", "Sarah Chen", 0.55, inferred=True)],
            "Do not say the name Sarah Chen before they do. (Not confirmed.)",
        ),
        ("status", [ACME, fact("company.status", {"status": "closed"})], "Acme Corp is reported as "
         "closed. Check before you call."),
        (
            "status",
            [ACME, fact("company.status", {"status": "renamed", "successor": "Zenith"})],
            "Acme Corp is now called Zenith. Use the new name.",
        ),
        ("about", [ACME, fact("company.description", "Anvils.")], "Acme Corp: “Anvils.”"),
        ("about", [fact("company.name", "Acme Inc.")], "The call is about Acme Inc."),
    ],
)  # fmt: skip
def test_a_rule_says_what_its_facts_say(rule: str, facts: list[Fact], said: str) -> None:
    point = by_rule(*facts)[rule]
    assert point.text == said
    assert set(point.fact_ids) <= {one.id for one in facts}


@pytest.mark.parametrize(
    ("rule", "facts"),
    [
        ("tech_crm", tools("Crmish")),
        ("tech_overlap", tools("OpenAI", "Anthropic")),
        ("news_funding", [signal("funding", "Acme raises", "2025-01-01")]),
        ("news_funding", [fact("company.funding", {"stage": "Seed", "last_round_at": "2019-01"})]),
        ("hire_sales", [signal("hiring", f"Account Executive {n}") for n in "ab"]),
        ("stage_young", [fact("company.founded_year", 2015)]),
        ("person_match", [fact("person.title", 7)]),
        ("status", [fact("company.status", {"status": "active"})]),
        ("dmarc_weak", [fact("company.dmarc", "p=none")]),
        ("guessed_name", [SARAH]),
    ],
)
def test_a_rule_is_silent_without_its_facts(rule: str, facts: list[Fact]) -> None:
    assert rule not in by_rule(*facts)


def test_every_rule_has_its_own_name() -> None:
    names = [rule.name for rule in (*WARNINGS, *RULES, *FALLBACKS)]
    assert len(names) == len(set(names))


def test_a_guess_is_said_as_one_and_is_not_used_as_a_name() -> None:
    guess = fact("person.full_name", "Sarah Chen", 0.55, inferred=True)
    title = fact("person.title", "VP of Sales", 0.5, inferred=True)
    said = by_rule(guess, title)["person_match"].text
    assert said == "The person is VP of Sales: likely a budget holder. (Not confirmed.)"


# --- which are chosen ----------------------------------------------------------------------


def test_nothing_is_said_when_nothing_is_known() -> None:
    assert points() == ()


def test_a_fact_without_an_id_can_carry_no_point() -> None:
    assert talking_points(merge([Fact("company.name", "Acme", "x", 1, NOW)]), None, NOW) == ()


def test_the_best_news_opens_and_the_rest_follows_by_worth() -> None:
    found = points(
        ACME,
        VP,
        *tools("HubSpot", "Salesforce", "Zendesk", "Google Workspace"),
        signal("product", "Anvil 2"),
        signal("leadership", "New CFO"),
    )
    assert found[0].rule == "news_leader"
    assert [point.kind for point in found].count(Kind.opener) == 1
    assert len(found) == MOST
    scores = [point.score(NOW) for point in found[1:-1]]
    assert scores == sorted(scores, reverse=True)


def test_the_last_place_goes_to_a_question_where_there_is_one() -> None:
    found = points(ACME, VP, *tools("Salesforce", "Zendesk", "Marketo", "OpenAI"))
    assert [point.kind for point in found][1:-1] == [Kind.point] * 3
    assert found[-1].rule == "who_else"


def test_a_closed_company_gets_its_warning_first_and_no_growth() -> None:
    facts = [
        ACME,
        fact("company.status", {"status": "closed"}),
        signal("funding", "Acme raises"),
        signal("hiring", "Head of Sales"),
    ]
    found = points(*facts)
    assert (found[0].kind, found[0].rule) == (Kind.avoid, "status")
    assert [point.rule for point in found[1:]] == ["about"]
    assert {"news_funding", "hire_leader"} & set(by_rule(*facts[2:]))


def test_one_open_role_is_spoken_of_once() -> None:
    found = points(ACME, signal("hiring", "Head of Marketing"))
    assert [point.rule for point in found] == ["hire_leader"]


def test_old_facts_are_worth_less() -> None:
    new, old = by_rule(*tools("HubSpot")), by_rule(
        fact("company.technologies", "HubSpot", days_old=180)
    )  # fmt: skip
    assert old["tech_crm"].score(NOW) == pytest.approx(new["tech_crm"].score(NOW) / 2)


def test_a_date_in_the_future_is_worth_no_more_than_today() -> None:
    point = by_rule(signal("product", "Anvil 3", "2027-05-01"))["news_product"]
    assert point.score(NOW) == pytest.approx(60 * 0.9)


# --- tied to what we sell ------------------------------------------------------------------


def selling(when: When | None = None, offer: str = "call coaching") -> Positioning:
    return Positioning(
        seller=Seller(name="Brightline", offer=offer),
        value_points=(ValuePoint(name="Sync", text="Notes write themselves.", when=when),)
        if when
        else (),
        competitors=(Competitor(name="Echo Calls", angle="Ask about coaching."),),
    )


def test_a_value_point_names_the_facts_that_made_it_appear() -> None:
    when = When(functions=("sales",), technologies=("salesforce", "hubspot"))
    point = by_rule(VP, *tools("HubSpot", "Zendesk"), positioning=selling(when))["value_point"]
    assert point.text == "Sync: Notes write themselves."
    assert set(point.fact_ids) == {VP.id, "company.technologies HubSpot"}


@pytest.mark.parametrize(
    ("when", "facts", "expected"),
    [
        (When(functions=("sales",)), [VP], 1),
        (When(functions=("marketing",)), [VP], 0),
        (When(functions=("sales",)), [fact("person.department", "Business Development")], 1),
        (When(functions=("data science",)), [fact("person.title", "Head of Data Science")], 1),
        (When(seniorities=("vp", "head")), [VP], 1),
        (When(seniorities=("vp",)), [VP, fact("person.seniority", "director")], 0),
        (When(industries=("software",)), [fact("company.industry", "Computer Software")], 1),
        (When(industries=("ware",)), [fact("company.industry", "Computer Software")], 0),
        (When(signals=("funding",)), [signal("funding", "Acme raises", "2026-10-01")], 1),
        (When(signals=("funding",)), [signal("funding", "Acme raises", "2025-10-01")], 0),
        (When(keywords=("anvil",)), [fact("company.description", "The best Anvil.")], 1),
        (When(keywords=("anvil",)), [signal("product", "Anvil 2")], 1),
        (When(functions=("sales",), signals=("funding",)), [VP], 0),
        (When(functions=("sales",)), [fact("person.title", "Sales", 0.5, inferred=True)], 0),
    ],
)
def test_a_condition_holds_when_every_key_matches(
    when: When, facts: list[Fact], expected: int
) -> None:
    assert len(holds(when, Brief(merge(facts), None, NOW))) == expected


def test_a_competitor_in_use_is_brought_up() -> None:
    found = by_rule(*tools("echo calls"), positioning=selling())
    assert found["competitor"].text == "They use echo calls. Ask about coaching."


def test_mail_security_is_a_subject_only_for_those_who_sell_it() -> None:
    weak = fact("company.dmarc", "p=none")
    security = selling(offer="anti-phishing and e-mail security")
    assert "dmarc_weak" in by_rule(weak, positioning=security)
    assert "dmarc_weak" not in by_rule(weak, positioning=selling())
    assert "dmarc_weak" not in by_rule(fact("company.dmarc", "p=reject"), positioning=security)


# --- properties ----------------------------------------------------------------------------

KINDS = ["funding", "hiring", "layoffs", "product", "award", "leadership", "pricing"]
WORDS = st.sampled_from(
    ["Acme", "VP Sales", "HubSpot", "Salesforce", "closed", "2026-10-01", "Lee"]
)
VALUES = (
    WORDS
    | st.integers(1990, 2026)
    | st.fixed_dictionaries(
        {"kind": st.sampled_from(KINDS), "headline": WORDS},
        optional={"seen_at": WORDS, "status": WORDS, "full_name": WORDS, "title": WORDS},
    )
)
FACTS = st.builds(
    fact,
    field=st.sampled_from(sorted(FIELDS)),
    value=VALUES,
    confidence=st.floats(0, 1),
    days_old=st.integers(0, 500),
    inferred=st.booleans(),
)


@given(st.lists(FACTS, max_size=30))
@settings(max_examples=60, deadline=None)
def test_few_points_one_opener_and_each_rests_on_facts(facts: list[Fact]) -> None:
    found = points(*facts, positioning=selling(When(functions=("sales",))))
    ids = {one.id for one in facts}
    assert len(found) <= MOST
    assert [p.kind for p in found].count(Kind.opener) <= 1
    assert [p.kind for p in found if p.kind is not Kind.avoid][:1] in ([], [Kind.opener])
    for point in found:
        assert point.fact_ids
        assert set(point.fact_ids) <= ids
        assert point.text
