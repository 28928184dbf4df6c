"""The people and companies of `.example`: made up, and the same at every asking.

Telephone numbers are 555-01xx, which the North American numbering plan keeps for fiction; every
link is under `.example`. Dates are the first of a month some months before the day asked.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from hashlib import blake2b
from typing import TypeVar

from app.facts import Json
from app.local_parts import fit, guess

Record = dict[str, Json]
T = TypeVar("T")

HOME = "https://sandbox.warmcall.example"
"""Where the records pretend to be published."""

_SURE_FIT = 0.75  # from here on a local part is one of the decision makers


@dataclass(frozen=True, slots=True)
class _Company:
    name: str
    industry: str
    does: str  # follows the name in the description
    employee_count: int
    employee_range: str
    founded_year: int
    revenue_range: str
    location: str
    stage: str
    total_usd: int
    technologies: tuple[str, ...]

    @property
    def city(self) -> str:
        return self.location.partition(",")[0]

    @property
    def millions(self) -> float:
        return self.total_usd / 1_000_000


_ACME = _Company(
    "Acme Corp",
    "Business Software",
    "makes scheduling software for field service teams",
    240,
    "201-500",
    2015,
    "$25M-$50M",
    "Austin, Texas, United States",
    "Series B",
    34_000_000,
    ("HubSpot", "Google Workspace", "Zendesk", "Snowflake"),
)
_COMPANIES: Sequence[_Company] = (
    _Company(
        "",
        "Logistics",
        "plans delivery routes for regional carriers",
        620,
        "501-1000",
        2009,
        "$100M-$250M",
        "Columbus, Ohio, United States",
        "Series C",
        71_000_000,
        ("Salesforce", "Microsoft 365", "Marketo", "Intercom"),
    ),
    _Company(
        "",
        "Financial Technology",
        "reconciles invoices and payments for wholesalers",
        85,
        "51-200",
        2019,
        "$5M-$10M",
        "Rotterdam, Netherlands",
        "Series A",
        12_000_000,
        ("Pipedrive", "Google Workspace", "Intercom", "Stripe"),
    ),
    _Company(
        "",
        "Industrial Equipment",
        "builds sensors that watch pumps and compressors",
        1_450,
        "1001-5000",
        1998,
        "$250M-$500M",
        "Graz, Austria",
        "Series D",
        150_000_000,
        ("Salesforce", "SAP", "Microsoft 365", "Zendesk"),
    ),
    _Company(
        "",
        "Health Technology",
        "runs appointment and reminder services for clinics",
        34,
        "11-50",
        2021,
        "$1M-$5M",
        "Leeds, United Kingdom",
        "Seed",
        3_500_000,
        ("HubSpot", "Google Workspace", "Help Scout", "Mailchimp"),
    ),
)
_JOBS: Sequence[tuple[str, str, str]] = (  # title, seniority, department
    ("Chief Executive Officer", "c_suite", "Management"),
    ("Chief Financial Officer", "c_suite", "Finance"),
    ("VP of Sales", "vp", "Sales"),
    ("VP of Marketing", "vp", "Marketing"),
    ("Head of Revenue Operations", "head", "Operations"),
    ("Director of Information Technology", "director", "Information Technology"),
)
_STAFF: Sequence[tuple[str, str, str]] = (
    ("Account Executive", "staff", "Sales"),
    ("Customer Success Manager", "manager", "Customer Success"),
    ("Procurement Manager", "manager", "Purchasing"),
    ("Marketing Operations Manager", "manager", "Marketing"),
    ("Solutions Engineer", "staff", "Sales"),
)
_ACME_TEAM = (
    "Marcus Webb",
    "Priya Nair",
    "Sarah Chen",
    "Tomas Lindqvist",
    "Dana Okafor",
    "Luis Herrera",
)
_FIRST = (
    "Amara Bela Celia Dario Edda Farid Greta Hugo Imke Jonas Katya Levin Mira Nilo Orla Piet Rosa "
    "Sven Tilda Umar Vera Wim Yara Zeno"
)
_LAST = (
    "Abbot Brandt Castell Dorn Eskola Farrow Gallo Hartwell Ingram Jansson Kessler Lorne Marlow "
    "Norling Okoye Pellin Quast Ravel Sorensen Tamm Ulmer Vasko Winther Zorn"
)


def person(email: str, domain: str) -> Record:
    """Return the answer about whoever has this address: a decision maker, or one of the staff."""
    local = email.rpartition("@")[0]
    for member in _team(domain):
        found = fit(local, member)
        if found and found.confidence >= _SURE_FIT:
            return _person(member, domain, email)
    return _person(_name_from(local, domain), domain, email)


def named_person(full_name: str, domain: str) -> Record:
    """Return the answer about a person known by name and company."""
    return _person(full_name, domain, _address(full_name, domain))


def candidates(domain: str) -> Record:
    """Return the answer that three people could be meant."""
    names = ("Alex Morgan", "Alexandra Morgan", "Alexis Morgan")
    who: list[Json] = [
        {
            "full_name": name,
            "title": title,
            "company": _name_of(domain),
            "linkedin_url": _profile(name),
        }
        for name, (title, _, _) in zip(names, _STAFF, strict=False)
    ]
    return {"candidates": who, "url": f"{HOME}/people"}


def company(domain: str, today: date) -> Record:
    """Return the answer about the company that has this domain."""
    made, name = _company(domain), _name_of(domain)
    record: Record = {
        "name": name,
        "domain": domain,
        "description": f"{name} {made.does}.",
        "industry": made.industry,
        "employee_count": made.employee_count,
        "employee_range": made.employee_range,
        "founded_year": made.founded_year,
        "revenue_range": made.revenue_range,
        "location": made.location,
        "funding": {
            "stage": made.stage,
            "total": made.total_usd,
            "last_round_at": month_before(today, 2),
        },
        "technologies": list(made.technologies),
        "linkedin_url": f"https://linkedin.example/company/{_label(domain)}",
        "phones": [_phone(domain)],
        "emails": [f"hello@{domain}"],
    }
    return {"company": record, "url": _page(domain)}


def people(domain: str) -> Record:
    """Return the answer about the six decision makers of the company that has this domain."""
    team: list[Json] = [
        {
            "full_name": name,
            "title": title,
            "seniority": seniority,
            "email": _address(name, domain),
            "linkedin_url": _profile(name),
        }
        for name, (title, seniority, _) in zip(_team(domain), _JOBS, strict=True)
    ]
    return {"people": team, "url": f"{_page(domain)}/people"}


def signals(domain: str, today: date) -> Record:
    """Return the answer about what happened at the company lately, newest first."""
    made, name = _company(domain), _name_of(domain)
    news = (
        ("hiring", 0, f"{name} is hiring six account executives in {made.city}"),
        ("product", 1, f"{name} launches an open API for partners"),
        ("funding", 2, f"{name} closes its {made.stage} round, ${made.millions:g}M in total"),
        ("leadership", 3, f"{_team(domain)[4]} joins {name} as {_JOBS[4][0]}"),
    )
    found: list[Json] = [
        {
            "kind": kind,
            "headline": headline,
            "url": f"{_page(domain)}/news/{kind}",
            "seen_at": month_before(today, months),
        }
        for kind, months, headline in news
    ]
    return {"signals": found, "url": f"{_page(domain)}/news"}


def month_before(today: date, months: int) -> str:
    """Return the first day of the month so many months ago, as YYYY-MM-DD.

    >>> month_before(date(2026, 1, 15), 2)
    '2025-11-01'
    """
    year, month = divmod(today.year * 12 + today.month - 1 - months, 12)
    return f"{year:04}-{month + 1:02}-01"


def _person(full_name: str, domain: str, email: str) -> Record:
    jobs = dict(zip(_team(domain), _JOBS, strict=True))
    title, seniority, department = jobs.get(full_name) or _pick(_STAFF, full_name, domain)
    first, _, last = full_name.partition(" ")
    record: Record = {
        "full_name": full_name,
        "first_name": first,
        "last_name": last,
        "title": title,
        "seniority": seniority,
        "department": department,
        "location": _company(domain).location,
        "linkedin_url": _profile(full_name),
        "email": {"address": email, "status": "verified"},
        "phones": [{"number": _phone(full_name, domain), "type": "work"}],
    }
    return {"person": record, "url": f"{HOME}/people/{_digest(full_name, domain):08x}"}


def _team(domain: str) -> Sequence[str]:
    """Return the names of the decision makers, in the order of _JOBS."""
    return _ACME_TEAM if domain == "acme.example" else _names(domain, len(_JOBS))


def _name_from(local: str, domain: str) -> str:
    """Return the name the local part shows; what it does not show is made up."""
    found = guess(local)
    if found and found.full:
        return found.full
    first, _, last = _names(local + domain, 1)[0].partition(" ")
    return f"{(found and found.first) or first} {(found and found.last) or last}"


def _names(seed: str, count: int) -> list[str]:
    """Return different names, first and last."""
    firsts, lasts, start = _FIRST.split(), _LAST.split(), _digest(seed)
    return [
        f"{firsts[(start + step * 5) % len(firsts)]} {lasts[(start // 97 + step * 7) % len(lasts)]}"
        for step in range(count)
    ]


def _company(domain: str) -> _Company:
    return _ACME if domain == "acme.example" else _pick(_COMPANIES, domain)


def _name_of(domain: str) -> str:
    words = _label(domain).replace("_", "-").split("-")
    return _company(domain).name or " ".join(word.capitalize() for word in words if word)


def _label(domain: str) -> str:
    return domain.removesuffix(".example").rpartition(".")[2]


def _page(domain: str) -> str:
    return f"{HOME}/companies/{_label(domain)}"


def _address(full_name: str, domain: str) -> str:
    return f"{'.'.join(_ascii_words(full_name))}@{domain}"


def _profile(full_name: str) -> str:
    return f"https://linkedin.example/in/{'-'.join(_ascii_words(full_name))}"


def _ascii_words(full_name: str) -> list[str]:
    plain = unicodedata.normalize("NFKD", full_name.lower()).encode("ascii", "ignore").decode()
    return re.findall("[a-z]+", plain.replace("'", "")) or [f"p{_digest(full_name)}"]


def _phone(*seed: str) -> str:
    return f"+120255501{_digest(*seed) % 100:02}"


def _pick(choices: Sequence[T], *seed: str) -> T:
    return choices[_digest(*seed) % len(choices)]


def _digest(*seed: str) -> int:
    return int.from_bytes(blake2b("|".join(seed).encode(), digest_size=4).digest())
