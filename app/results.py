"""What a batch came to, as lines of CSV: the columns that were given, and ours behind them.

One writer for the terminal, REST and Slack. Pure. A cell that a spreadsheet would run as a formula
is made plain text (https://owasp.org/www-community/attacks/CSV_Injection, read 2026-11-21).
"""

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from io import StringIO
from typing import Any

from app.sheet import OURS
from app.views import BatchRow, JobView, RunView

FORMULA = tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")
"""Signs at the start of a cell that make it a formula, the full-width ones too."""

BOM = "\ufeff"

PERSON = ("full_name", "first_name", "last_name", "title", "seniority", "department")
COMPANY = ("domain", "industry", "employee_count", "employee_range", "founded_year")

COLUMNS = tuple(
    f"{OURS}{name}"
    for name in (
        "status",
        *PERSON,
        "email",
        "email_status",
        "phone",
        "linkedin_url",
        "location",
        "company",
        *COMPANY,
        "revenue_range",
        "company_location",
        "funding_stage",
        "technologies",
        "company_linkedin_url",
        "summary",
        "opener",
        "missing",
        "confidence",
        "sources",
        "as_of",
        "card",
    )
)
"""Our columns. `status` is that of the job, or the code of why there is none."""

Object = Mapping[str, Any]


def lines(run: RunView | None, rows: Iterable[BatchRow], base_url: str) -> Iterator[str]:
    """Yield a file line by line, as it was given: its signs between cells, its BOM."""
    columns, delimiter = (run.columns, run.delimiter) if run else ((), ",")
    yield (BOM if run and run.has_bom else "") + _line([*columns, *COLUMNS], delimiter)
    for row in rows:
        given = [*row.cells, *[""] * len(columns)][: len(columns)]
        yield _line([*given, *_ours(row, base_url)], delimiter)


def _line(cells: Sequence[str], delimiter: str) -> str:
    out = StringIO()
    csv.writer(out, delimiter=delimiter).writerow([safe(cell) for cell in cells])
    return out.getvalue()


def safe(cell: str) -> str:
    """Return a cell that no spreadsheet takes for a formula.

    >>> safe("=1+1"), safe("Acme")
    ("'=1+1", 'Acme')
    """
    return f"'{cell}" if cell.startswith(FORMULA) else cell


def _ours(row: BatchRow, base_url: str) -> list[str]:
    told = _told(row.job, base_url) if row.job else {}
    told["status"] = row.job.status.value if row.job else row.problem or "waiting"
    return [_text(told.get(name.removeprefix(OURS))) for name in COLUMNS]


def _text(value: object) -> str:
    if value is None:
        return ""
    return "; ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _told(view: JobView, base_url: str) -> dict[str, Any]:
    """Return our columns of a row that has a job, without what nobody knew."""
    card: Object = view.card
    person, company = _part(card, "person"), _part(card, "company")
    email, phones = _part(person, "email"), person.get("phones") or [{}]
    openers = [one["text"] for one in card.get("talking_points", ()) if one["kind"] == "opener"]
    winners = [fact for fact in view.facts if fact.id in view.winners]
    return {
        **{name: person.get(name) for name in (*PERSON, "linkedin_url", "location")},
        **{name: company.get(name) for name in (*COMPANY, "revenue_range", "technologies")},
        "email": email.get("address"),
        "email_status": email.get("status"),
        "phone": phones[0].get("number"),
        "company": company.get("name"),
        "company_location": company.get("location"),
        "company_linkedin_url": company.get("linkedin_url"),
        "funding_stage": _part(company, "funding").get("stage"),
        "summary": card.get("summary"),
        "opener": openers[0] if openers else None,
        "missing": list(view.missing) if view.is_final else None,
        "confidence": _mean([fact.confidence for fact in winners]),
        "sources": list(dict.fromkeys(fact.source for fact in winners)),
        "as_of": card.get("as_of"),
        "card": f"{base_url}/card/{view.card_token}" if view.card_token else None,
    }


def _part(whole: Object, name: str) -> Object:
    found = whole.get(name)
    return found if isinstance(found, Mapping) else {}


def _mean(shares: Sequence[float]) -> float | None:
    return round(sum(shares) / len(shares), 2) if shares else None
