"""Pages as HTML: everything from outside is escaped, cleaned and shortened; links lead to http(s).

A page needs no script and nothing from another host; its one style is allowed by its hash.
"""

import base64
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from urllib.parse import quote, urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from app.battlecard import Change
from app.facts import Fact, Json, Section
from app.installation import Installation
from app.job import LIVE, Status
from app.views import Caller, DeliveryView, Gauges, JobView, ProviderView, UsageView
from app.wording import clean, shorten

TEMPLATES = Path(__file__).parent / "templates"
MAKERS = Section.decision_makers.value
LONGEST = 600  # characters of one value on a page

STATES: Mapping[Status, str] = {
    Status.queued: "Waiting for a worker. This page shows more as soon as it is known.",
    Status.in_progress: "Being looked up. This page shows more as soon as it is known.",
    Status.partial: "Some providers did not answer; this is what the others know.",
    Status.ambiguous: "Several people fit; nobody was guessed. They are listed below.",
    Status.not_found: "Nobody who was asked knows this prospect.",
    Status.provider_error: "Nothing was found, and some providers did not answer. Try again later.",
    Status.suppressed: "This prospect is on the do-not-enrich list.",
    Status.budget_exhausted: "The credits allowed were spent before anything was found.",
    Status.cancelled: "This job was cancelled; this is what was known by then.",
}
"""What is said above a card whose job is not simply complete."""

PERSON = (
    ("title", "Title"),
    ("seniority", "Seniority"),
    ("department", "Department"),
    ("location", "Location"),
    ("email", "E-mail"),
    ("phones", "Phones"),
    ("linkedin_url", "LinkedIn"),
)
COMPANY = (
    ("description", "What they do"),
    ("domain", "Website"),
    ("industry", "Industry"),
    ("employee_count", "Employees"),
    ("employee_range", "Size"),
    ("founded_year", "Founded"),
    ("revenue_range", "Revenue"),
    ("location", "Location"),
    ("funding", "Funding"),
    ("technologies", "Technologies"),
    ("linkedin_url", "LinkedIn"),
    ("legal_name", "Legal name"),
    ("status", "Status"),
    ("parent", "Belongs to"),
    ("phones", "Phones"),
    ("emails", "E-mails"),
    ("socials", "Elsewhere"),
    ("addresses", "Addresses"),
)
TALK = {
    "opener": "Open with",
    "point": "Talking points",
    "question": "Ask",
    "avoid": "Avoid",
}
"""Kind of talking point -> heading, in the order of a call."""

Object = Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class Source:
    """Where a value is from: who says it, on which page, when, how sure."""

    name: str
    url: str | None
    notes: str


@dataclass(frozen=True, slots=True)
class Value:
    """One value, and where it leads."""

    text: str
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """One row or list item of a card."""

    values: Sequence[Value]
    sources: Sequence[Source] = ()
    label: str = ""


@dataclass(frozen=True, slots=True)
class Block:
    """A headed group of lines."""

    title: str
    lines: Sequence[Line]


def card(view: JobView, now: datetime) -> str:
    """Return the page of a card, whatever state its job is in."""
    shown = view.card
    person, company = _object(shown.get("person")), _object(shown.get("company"))
    sources = Sources(view, now)
    return _page(
        "card.html",
        title=text(person.get("full_name") or company.get("name") or view.prospect),
        role=_role(person, company),
        state=STATES.get(view.status),
        is_live=view.status in LIVE,
        error=text(view.error.message) if view.error else None,
        summary=text(shown.get("summary")),
        talk=list(_talk(shown, sources)),
        details=[
            Block("Person", list(_rows(Section.person, PERSON, person, sources))),
            Block(text(company.get("name")) or "Company", _company(company, sources)),
        ],
        lists=[
            Block("Who could be meant", [_person(one) for one in _objects(shown, "candidates")]),
            Block("Decision makers", [_maker(o, sources) for o in _objects(shown, MAKERS)]),
            Block("Signals", [_signal(o, sources) for o in _objects(shown, "signals")]),
            Block("Changed since last time", [_change(o) for o in _objects(shown, "changes")]),
        ],
        gaps=[name_of(str(gap)) for gap in view.missing],
        as_of=_date(shown.get("as_of")) or f"{view.updated_at:%Y-%m-%d %H:%M} UTC",
    )


class Sources:
    """The facts of a job, found by id and by what they say, as lines about their source."""

    def __init__(self, view: JobView, now: datetime) -> None:
        self._now = now
        self._by_id = {fact.id: fact for fact in view.facts}
        self._shown = [fact for fact in view.facts if fact.id in view.winners]

    def of_ids(self, ids: Json) -> list[Source]:
        """Return the sources of these facts."""
        known = [self._by_id.get(str(one)) for one in ids] if isinstance(ids, list) else []
        return self._lines(fact for fact in known if fact)

    def of_field(self, name: str) -> list[Source]:
        """Return the sources of what the card shows for a field."""
        return self._lines(fact for fact in self._shown if fact.field == name)

    def of_item(self, name: str, key: str, item: Object) -> list[Source]:
        """Return the sources of one item of a list, which `key` identifies."""
        return self._lines(
            fact
            for fact in self._shown
            if fact.field == name and _object(fact.value).get(key) == item.get(key)
        )

    def _lines(self, facts: Iterable[Fact]) -> list[Source]:
        """Return one line for each source: that of the fact it is surest of."""
        best: dict[str, Fact] = {}
        for fact in sorted(facts, key=lambda fact: -fact.confidence):
            best.setdefault(fact.source, fact)
        return [self._line(fact) for fact in best.values()]

    def _line(self, fact: Fact) -> Source:
        notes = [f"seen {age(fact.seen_at, self._now)}", f"{round(100 * fact.confidence)} % sure"]
        notes += ["verified"] * fact.verified + ["a guess"] * fact.inferred
        return Source(text(fact.source), web_url(fact.source_url), ", ".join(notes))


def _role(person: Object, company: Object) -> str:
    """Return `VP of Sales at Acme Corp`, as far as it is known."""
    parts = [text(person.get("title")), text(company.get("name"))]
    return " at ".join(part for part in parts if part) if person.get("full_name") else ""


def _talk(shown: Object, sources: Sources) -> Iterable[Block]:
    points = _objects(shown, "talking_points")
    for kind, title in TALK.items():
        mine = [
            Line([Value(text(one.get("text")))], sources.of_ids(one.get("fact_ids")))
            for one in points
            if one.get("kind") == kind
        ]
        yield Block(title, mine)


def _rows(
    section: Section, names: Sequence[tuple[str, str]], known: Object, sources: Sources
) -> Iterable[Line]:
    for name, label in names:
        values = _values(known.get(name), name)
        if values:
            yield Line(values, sources.of_field(f"{section.value}.{name}"), label)


def _company(company: Object, sources: Sources) -> list[Line]:
    return list(_rows(Section.company, COMPANY, company, sources))


def _person(one: Object) -> Line:
    said = [text(one.get(key)) for key in ("full_name", "title", "company")]
    shown = ", ".join(part for part in said if part)
    return Line(
        [Value(shown, web_url(one.get("linkedin_url"))), *_values(one.get("email"), "email")]
    )


def _maker(one: Object, sources: Sources) -> Line:
    return Line(_person(one).values, sources.of_item(MAKERS, "full_name", one))


def _signal(one: Object, sources: Sources) -> Line:
    when = _date(one.get("seen_at"))
    headline = text(one.get("headline")) + (f" ({when})" if when else "")
    found = sources.of_item(Section.signals.value, "headline", one)
    return Line([Value(headline, web_url(one.get("url")))], found)


def _change(one: Object) -> Line:
    return Line([Value(text(Change.model_validate(one)))])


def _values(value: Json, name: str = "") -> list[Value]:
    """Return what is known of a field as one or several values to print."""
    if isinstance(value, list):
        return [each for item in value for each in _values(item, name)]
    if isinstance(value, dict):
        return [_compound(value)]
    if value is None or value == "":
        return []
    if name == "employee_count" and isinstance(value, int):
        return [Value(f"{value:,}")]
    return [Value(text(value), _link(str(value), name))]


def _link(value: str, name: str) -> str | None:
    if name == "domain":
        return web_url(f"https://{value}")
    if name in {"email", "emails"}:
        return f"mailto:{quote(value, safe='@+')}"
    return web_url(value)


def _compound(value: Object) -> Value:
    """Print an object value: an e-mail with its status, a phone with its type, a round, a page."""
    main = next((key for key in ("address", "number", "url") if value.get(key)), None)
    if main is None:
        said = (f"{_words(key)} {_amount(key, part)}" for key, part in value.items() if part)
        return Value(text(", ".join(said)))
    rest = ", ".join(text(part) for key, part in value.items() if key != main and part)
    shown = text(value[main]) + (f" ({rest})" if rest else "")
    urls = {"address": f"mailto:{quote(str(value[main]), safe='@+')}", "number": None}
    return Value(shown, urls.get(main, web_url(value[main])))


def _amount(key: str, part: Json) -> str:
    is_money = key == "total" and isinstance(part, int | float)
    return f"${part:,.0f}" if is_money else str(part)


def _object(value: object) -> Object:
    return value if isinstance(value, dict) else {}


def _objects(shown: Object, name: str) -> list[Object]:
    value = shown.get(name)
    return [_object(one) for one in value] if isinstance(value, list) else []


def text(value: object) -> str:
    """Return a value as one clean line that is not too long; nothing for None."""
    return "" if value is None else shorten(clean(str(value)), LONGEST)


def web_url(value: object) -> str | None:
    """Return a URL that is safe to follow, None for anything but http(s).

    >>> web_url("https://acme.example/team"), web_url("javascript:alert(1)")
    ('https://acme.example/team', None)
    """
    if not isinstance(value, str) or len(value) > 2_000:
        return None
    try:
        parts = urlsplit(value)
    except ValueError:
        return None
    return value if parts.scheme in {"http", "https"} and parts.hostname else None


def age(then: datetime, now: datetime) -> str:
    """Return how long ago something was, as people say it.

    >>> age(datetime(2026, 11, 18, tzinfo=UTC), datetime(2026, 11, 21, tzinfo=UTC))
    '3 days ago'
    """
    elapsed_s = max(0.0, (now - then).total_seconds())
    for unit, unit_s in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        count = int(elapsed_s // unit_s)
        if count:
            return f"{count} {unit}{'s' if count > 1 else ''} ago"
    return "just now"


def name_of(field: str) -> str:
    """Return a field as people say it.

    >>> name_of("person.linkedin_url"), name_of("decision_makers")
    ('person: linkedin url', 'decision makers')
    """
    return _words(field.replace(".", ": "))


def _words(name: str) -> str:
    return name.replace("_", " ")


def _date(value: Json) -> str:
    return value[:10] if isinstance(value, str) else ""


def login(problem: str | None = None) -> str:
    """Return the page for who has shown no key."""
    return _page("login.html", problem=problem)


def message(title: str, said: str) -> str:
    """Return a page of one sentence."""
    return _page("message.html", title=title, text=said)


def dashboard(
    *,
    caller: Caller,
    gauges: Gauges,
    usage: UsageView,
    providers: Sequence[ProviderView],
    jobs: Sequence[JobView],
    deliveries: Sequence[DeliveryView],
    installations: Sequence[Installation],
    now: datetime,
) -> str:
    """Return the operator's overview."""
    return _page(
        "dashboard.html",
        caller=caller,
        gauges=gauges,
        usage=usage,
        providers=providers,
        jobs=jobs,
        deliveries=deliveries,
        installations=installations,
        now=now,
    )


def style_hash() -> str:
    """Return the style's hash as a content security policy names it."""
    return "sha256-" + base64.b64encode(hashlib.sha256(_style().encode()).digest()).decode()


def _page(name: str, **values: object) -> str:
    # Our own file: it holds no text from outside.
    return _templates().get_template(name).render(style=Markup(_style()), **values)  # noqa: S704


@cache
def _style() -> str:
    return (TEMPLATES / "style.css").read_text("utf-8")


@cache
def _templates() -> Environment:
    found = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters["moment"] = lambda at: f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    found.filters["number"] = lambda value: f"{value:,.2f}".rstrip("0").rstrip(".")
    found.filters["words"] = _words
    return found
