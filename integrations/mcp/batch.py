"""A batch as an answer: how far it is, and a page of its rows."""

from collections import Counter
from collections.abc import Mapping, Sequence

from app.views import BatchRow, BatchView, JobView
from app.wording import clean, shorten
from integrations.mcp.render import prospect_uri, status
from integrations.mcp.values import (
    LIMITS,
    NOTICE,
    PAGE,
    Detail,
    Object,
    cut,
    without_nothing,
)

LONGEST_GIVEN = 60


def row(view: JobView, detail: Detail) -> Object:
    """Return a job as one row of a batch; `summary` in full only."""
    person, company = view.card.get("person"), view.card.get("company")
    person = person if isinstance(person, Mapping) else {}
    company = company if isinstance(company, Mapping) else {}
    told = {
        "full_name": person.get("full_name"),
        "title": person.get("title"),
        "company": company.get("name") or company.get("domain"),
        "summary": view.card.get("summary") if detail is Detail.full else "",
    }
    uri = prospect_uri(view.prospect)
    return without_nothing(
        {
            "prospect": shorten(clean(str(view.prospect)), 120) if uri else "",
            "status": status(view),
            "job_id": view.id,
            **{name: cut(text, LIMITS[Detail.concise][1]) for name, text in told.items()},
            "resource_uri": uri,
        }
    )


def page(view: BatchView, offset: int, detail: Detail) -> Object:
    """Return a batch with one page of its rows as `shapes.JobResult`."""
    end = offset + PAGE
    return without_nothing(
        {
            "status": "complete" if view.is_final else "working",
            "job_id": view.id,
            "progress": round(view.ended / max(1, view.total), 2),
            "next_step": _step(view, end),
            "credits_spent": round(view.credits_spent, 4),
            "notice": NOTICE,
            "batch": without_nothing(
                {
                    "total": view.total,
                    "ended": view.ended,
                    "matched": view.matched,
                    "match_rate": round(view.matched / max(1, view.total), 2),
                    "problems": problems(view),
                    "rows": [
                        batch_row(one, detail) for one in view.rows if offset <= one.position < end
                    ],
                    "next_cursor": str(end) if end < view.total else "",
                }
            ),
        }
    )


def _step(view: BatchView, end: int) -> str:
    if not view.is_final:
        return f"Call get_enrichment with job_id={view.id} and wait_seconds=20 for the rest."
    if end < view.total:
        return f"Call get_enrichment with job_id={view.id} and cursor={end} for the next rows."
    return ""


def problems(view: BatchView) -> dict[str, int]:
    """Return how many rows of a batch have no job, by why."""
    if view.run:
        return dict(view.run.problems)
    return dict(Counter(one.problem for one in view.rows if one.problem))


def begun(view: BatchView, given: Sequence[str], detail: Detail) -> Object:
    """Return a batch that was just started as `shapes.BatchResult`.

    What could not be read is shown as it was given; the batch itself does not keep it.
    """
    step = f"Call get_enrichment with job_id={view.id} and wait_seconds=20."
    return without_nothing(
        {
            "status": "complete" if view.is_final else "working",
            "batch_id": view.id,
            "total": view.total,
            "ended": view.ended,
            "problems": problems(view),
            "next_step": "" if view.is_final and view.total <= PAGE else step,
            "notice": NOTICE,
            "rows": [
                _as_given(given[one.position], one.problem) | batch_row(one, detail)
                for one in view.rows[:PAGE]
            ],
        }
    )


def _as_given(text: str, problem: str | None) -> Object:
    return {"prospect": shorten(clean(text), LONGEST_GIVEN)} if problem else {}


def batch_row(one: BatchRow, detail: Detail) -> Object:
    """Return one ask of a batch: its job, or why there is none."""
    told: Object = {"position": one.position}
    if one.problem:
        told["problem"] = one.problem
    return told | (row(one.job, detail) if one.job else {})
