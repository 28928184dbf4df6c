"""The rules of talking points: what to say when which facts are known.

Weights and half-lives are those of facts/sources.md section 5. A rule says nothing that is not in
the facts it names; what might follow from them is put as a question or as likely.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from app.brief import (
    KINDS,
    RECENT,
    TOOLS,
    Brief,
    dated,
    happened,
    is_recent,
    part,
    signal_kind,
    status_words,
)
from app.merge import Item
from app.namesakes import same_person
from app.pitch import among_tools, holds
from app.standing import ROLES, rank, seniority_of, works_in
from app.wording import dollars, listed, moment, month, sentence, shorten

QUOTE_CHARS = 140


class Kind(StrEnum):
    """What a point is for. Part of the wire contract."""

    opener = "opener"
    point = "point"
    question = "question"
    avoid = "avoid"


@dataclass(frozen=True, slots=True)
class Draft:
    """The words of a point and what they rest on; `at` is the date of the event where known."""

    text: str
    backing: Sequence[Item]
    at: datetime | None = None


Read = Callable[[Brief], Iterable[Draft]]


@dataclass(frozen=True, slots=True)
class Rule:
    """When a point is made. Growth rules are silent about a company that closed or changed."""

    name: str
    kind: Kind
    weight: float
    half_life_days: float | None
    read: Read
    most: int = 1
    is_growth: bool = False


# --- signals -------------------------------------------------------------------------------


def _news(kind: str, subject: str, advice: str) -> Read:
    """Make a rule that quotes the newest headline of a kind."""

    def read(brief: Brief) -> Iterator[Draft]:
        for item in brief.signals(kind):
            if is_recent(item, brief.now) and part(item, "headline"):
                yield Draft(f"{subject}{_quote(item)} {advice}".strip(), [item], happened(item))

    return read


def _quote(item: Item) -> str:
    when = f" ({month(date)})" if (date := dated(item)) else ""
    return f"{when}: “{shorten(part(item, 'headline'), QUOTE_CHARS)}”."


_FUNDING_HEADLINES = _news("funding", "Funding news", "Ask what the money is meant to speed up.")


def _funding_news(brief: Brief) -> Iterator[Draft]:
    """Bring up the last round: a headline if there is one, else the date on record."""
    yield from _FUNDING_HEADLINES(brief)
    item, date = brief.merged.item("company.funding"), _last_round(brief)
    if item and date:
        stage = part(item, "stage") or "a new round"
        text = f"Raised {stage} in {month(date)}: ask what the money is meant to speed up."
        yield Draft(text, [item], date)


def _last_round(brief: Brief) -> datetime | None:
    """Return the date of the last round if that was lately."""
    item = brief.merged.item("company.funding")
    date = moment(part(item, "last_round_at")) if item else None
    return date if date and timedelta(0) <= brief.now - date <= RECENT else None


def _stage(brief: Brief) -> Iterator[Draft]:
    item = brief.merged.item("company.funding")
    if not item or not isinstance(item.value, dict) or _last_round(brief):
        return
    total = item.value.get("total")
    raised = ""
    if isinstance(total, int | float) and total >= 1:
        raised = f"{dollars(total)} raised in total"
    said = [part(item, "stage"), raised]
    if any(said):
        yield Draft(f"Funding: {', '.join(filter(None, said))}.", [item])


def _any_news(brief: Brief) -> Iterator[Draft]:
    named = {*KINDS.values(), "status"}  # a company that closed or was renamed is warned of
    for item in sorted(brief.merged.items("signals"), key=happened, reverse=True):
        if signal_kind(item) not in named and is_recent(item, brief.now):
            yield Draft(f"In the news{_quote(item)}", [item], happened(item))


# --- hiring --------------------------------------------------------------------------------

_LEADER = re.compile(
    r"\b(?:[es]?vp|vice president|head of|chief|c[efmotr]o|director)\b", re.IGNORECASE
)


def _roles(brief: Brief, function: str = "") -> list[Item]:
    roles = brief.signals("hiring")
    return [one for one in roles if not function or works_in(function, part(one, "headline"))]


def _hires(function: str, least: int) -> Read:
    """Make a rule for several open roles in one function, or in any when it is empty."""

    def read(brief: Brief) -> Iterator[Draft]:
        roles = _roles(brief, function)
        if len(roles) >= least:
            example = f"“{shorten(part(roles[0], 'headline'), QUOTE_CHARS)}”"
            many = f"{len(roles)} open roles{function and ' in '}{function}, such as {example}."
            said = many if len(roles) > 1 else f"Hiring: {example}."
            yield Draft(said, roles, happened(roles[0]))

    return read


def _hires_leader(brief: Brief) -> Iterator[Draft]:
    for role in _roles(brief):
        if _LEADER.search(part(role, "headline")):
            advice = "Ask which decisions wait for that person."
            yield Draft(f"Leadership role open{_quote(role)} {advice}", [role], happened(role))


# --- tools ---------------------------------------------------------------------------------


def _names(items: Sequence[Item]) -> str:
    return listed([str(item.value) for item in items[:3]])


def _uses(tool_class: str, text: str) -> Read:
    """Make a rule for tools of one class; `{tools}` in its text stands for their names."""

    def read(brief: Brief) -> Iterator[Draft]:
        if found := brief.tools(tool_class)[:3]:
            yield Draft(text.format(tools=_names(found)), found)

    return read


def _overlap(brief: Brief) -> Iterator[Draft]:
    for name in sorted(TOOLS.keys() - {"AI"}):
        found = brief.tools(name)[:3]
        if len(found) > 1:
            text = f"Two tools for {name}: {_names(found)}. Is one of them on its way out?"
            yield Draft(text if len(found) == 2 else text.replace("Two", "Several", 1), found)


# --- company -------------------------------------------------------------------------------


def _warning(brief: Brief) -> Iterator[Draft]:
    item = brief.merged.item("company.status")
    if item and (said := status_words(brief.merged)):
        is_renamed = part(item, "status").casefold() == "renamed"
        advice = "Use the new name." if is_renamed else "Check before you call."
        yield Draft(f"{said} {advice}", [item, *brief.company_backing])


def _young(brief: Brief) -> Iterator[Draft]:
    item = brief.merged.item("company.founded_year")
    year = item.value if item else None
    if item and isinstance(year, int) and brief.now.year - 1 <= year <= brief.now.year:
        yield Draft(f"Founded in {year}: a young company, keep it simple.", [item])


def _parent(brief: Brief) -> Iterator[Draft]:
    item = brief.merged.item("company.parent")
    if item and (name := brief.text("company.parent")):
        yield Draft(f"Part of {name}: do group contracts decide what is bought?", [item])


_MAIL_SELLERS = re.compile(
    r"\b(?:security|phishing|dmarc|deliverability|spoofing)\b", re.IGNORECASE
)


def _dmarc(brief: Brief) -> Iterator[Draft]:
    """Only for those who sell mail security; for others it is no subject."""
    item = brief.merged.item("company.dmarc")
    seller = brief.positioning.seller if brief.positioning else None
    sells = seller and _MAIL_SELLERS.search(f"{seller.offer or ''} {seller.audience or ''}")
    policy = brief.text("company.dmarc").casefold()
    if item and sells and policy in {"p=none", "missing"}:
        yield Draft("Their mail domain is not enforced by DMARC: who looks after that?", [item])


def _about(brief: Brief) -> Iterator[Draft]:
    """Say the plainest thing that is known, when there is nothing new to open with."""
    for name, text in (
        ("company.description", "{company}: “{value}”"),
        ("company.industry", "{company} works in {value}"),
        ("company.location", "{company} is based in {value}"),
        ("company.name", "The call is about {value}"),
        ("company.domain", "The company's site is {value}"),
        ("person.title", "The person's role: {value}"),
        ("person.full_name", "Ask for {value}"),
    ):
        item = brief.merged.item(name)
        if item and not item.is_inferred and (value := brief.text(name)):
            said = text.format(company=brief.company, value=shorten(value, QUOTE_CHARS))
            backing = brief.company_backing if "{company}" in text else []
            yield Draft(sentence(said), [item, *backing])


# --- people --------------------------------------------------------------------------------


def _role(brief: Brief) -> Iterator[Draft]:
    """Say what part the prospect likely has in the deal."""
    title = brief.merged.item("person.title")
    if title and (said := brief.text("person.title")):
        seniority = brief.merged.item("person.seniority")
        word = brief.text("person.seniority").casefold()
        known = [seniority] if seniority and word in ROLES else []
        name, backing = _called(brief)
        role = ROLES[word if known else seniority_of(said) or "staff"]
        yield Draft(f"{name} is {shorten(said, QUOTE_CHARS)}: {role}.", [title, *known, *backing])


def _called(brief: Brief) -> tuple[str, list[Item]]:
    """Return how to call the prospect; a guessed name is not used."""
    for name in ("person.first_name", "person.full_name"):
        item = brief.merged.item(name)
        if item and not item.is_inferred and brief.text(name):
            return brief.text(name), [item]
    return "The person", []


def _who_else(brief: Brief) -> Iterator[Draft]:
    title = brief.merged.item("person.title")
    if title:
        said = f"Who else is involved when {brief.company} picks a new tool?"
        yield Draft(said, [title, *brief.company_backing])


def _others(brief: Brief) -> Iterator[Draft]:
    """Name the two most senior people beside the prospect."""
    own = brief.text("person.full_name")
    people = [
        one
        for one in brief.merged.items("decision_makers")
        if part(one, "title") and not (own and same_person(own, part(one, "full_name")))
    ]
    people.sort(key=lambda one: -rank(part(one, "title"), part(one, "seniority")))
    names = [f"{part(one, 'full_name')} ({shorten(part(one, 'title'), 60)})" for one in people[:2]]
    if names:
        yield Draft(f"Also worth knowing: {listed(names)}.", people[:2])


def _guessed_name(brief: Brief) -> Iterator[Draft]:
    item = brief.merged.item("person.full_name")
    if item and item.is_inferred and (name := brief.text("person.full_name")):
        yield Draft(f"Do not say the name {name} before they do.", [item])


# --- positioning ---------------------------------------------------------------------------


def _competitors(brief: Brief) -> Iterator[Draft]:
    for competitor in brief.positioning.competitors if brief.positioning else ():
        for item in among_tools((competitor.name,), brief):
            yield Draft(f"They use {item.value}. {competitor.angle}", [item])


def _value_points(brief: Brief) -> Iterator[Draft]:
    for point in brief.positioning.value_points if brief.positioning else ():
        if backing := holds(point.when, brief):
            yield Draft(f"{point.name}: {point.text}", backing)


# --- the table -----------------------------------------------------------------------------

_WHAT_CHANGES = "Ask what changes with it."
_SALES_LED = "Is there a sales-led side as well?"
_OPENER, _POINT, _QUESTION, _AVOID = Kind.opener, Kind.point, Kind.question, Kind.avoid

WARNINGS = (Rule("status", _AVOID, 100, None, _warning),)
"""What stands on top of everything."""

RULES = (
    Rule("competitor", _POINT, 90, None, _competitors),
    Rule("value_point", _POINT, 85, None, _value_points, most=2),
    Rule("person_match", _POINT, 95, 90, _role),
    Rule("guessed_name", _AVOID, 60, None, _guessed_name),
    Rule("who_else", _QUESTION, 30, 180, _who_else),
    Rule("person_other", _POINT, 30, 180, _others),
    Rule("news_funding", _OPENER, 90, 120, _funding_news, is_growth=True),
    Rule("funding_stage", _POINT, 35, 365, _stage, is_growth=True),
    Rule("news_leader", _OPENER, 90, 90, _news("leadership", "Leadership news", _WHAT_CHANGES)),
    Rule("news_mna", _OPENER, 80, 120, _news("acquisition", "Deal news", _WHAT_CHANGES)),
    Rule(
        "news_layoff", _AVOID, 75, 90, _news("layoffs", "Careful tone", "Do not speak of growth.")
    ),
    Rule("news_breach", _AVOID, 70, 120, _news("incident", "Sensitive", "Do not open with it.")),
    Rule("news_distress", _AVOID, 80, 120, _news("distress", "Careful", "Check before you call.")),
    Rule("news_product", _OPENER, 60, 60, _news("product", "Product news", ""), is_growth=True),
    Rule("news_expand", _OPENER, 65, 90, _news("expansion", "Expansion", ""), is_growth=True),
    Rule("news_partner", _OPENER, 55, 60, _news("partnership", "Partner news", "")),
    Rule("news_other", _OPENER, 40, 60, _any_news),
    Rule("results", _OPENER, 60, 365, _news("results", "Results", ""), is_growth=True),
    Rule("pricing_public", _QUESTION, 40, 90, _news("pricing", "Prices are public", _SALES_LED)),
    Rule("hire_leader", _OPENER, 85, 45, _hires_leader, is_growth=True),
    Rule("hire_presales", _OPENER, 80, 30, _hires("presales", 2), is_growth=True),
    Rule("hire_sales", _OPENER, 75, 30, _hires("sales", 3), is_growth=True),
    Rule("hire_surge", _OPENER, 70, 30, _hires("", 16), is_growth=True),
    Rule("hire_security", _OPENER, 60, 30, _hires("security", 2), is_growth=True),
    Rule("hire_data", _OPENER, 60, 30, _hires("data", 2), is_growth=True),
    Rule("hiring", _OPENER, 50, 30, _hires("", 1), is_growth=True),
    Rule("tech_crm", _POINT, 70, 180, _uses("CRM", "CRM: {tools}. Say how we connect to it.")),
    Rule("tech_overlap", _QUESTION, 60, 180, _overlap),
    Rule("tech_support", _POINT, 50, 180, _uses("support", "Customer support runs on {tools}.")),
    Rule("tech_marketing", _POINT, 50, 180, _uses("marketing", "Marketing automation: {tools}.")),
    Rule("tech_ai", _POINT, 45, 180, _uses("AI", "AI tools among theirs: {tools}.")),
    Rule("tech_mail", _POINT, 35, 365, _uses("mail", "Mail and calendar run on {tools}.")),
    Rule("dmarc_weak", _QUESTION, 40, 90, _dmarc),
    Rule("parent", _QUESTION, 45, 365, _parent),
    Rule("stage_young", _POINT, 35, 365, _young, is_growth=True),
)

FALLBACKS = (Rule("about", _OPENER, 10, None, _about),)
"""What to open with when no rule gives anything better."""
