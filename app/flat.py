"""A card as one flat object with the same keys always: for tools that map fields by hand.

Zapier, Make and n8n show a user the keys of one sample to choose from, so a key never goes
missing: what nobody knew is null (facts/crm.md section 9.5, read 2026-11-21).
"""

from collections.abc import Mapping, Sequence

from app.facts import Json

FIELDS: Mapping[str, str] = {
    "email": "person.email",
    "full_name": "person.full_name",
    "first_name": "person.first_name",
    "last_name": "person.last_name",
    "title": "person.title",
    "seniority": "person.seniority",
    "department": "person.department",
    "phone": "person.phones",
    "linkedin_url": "person.linkedin_url",
    "location": "person.location",
    "company_name": "company.name",
    "company_domain": "company.domain",
    "company_description": "company.description",
    "company_industry": "company.industry",
    "company_employee_count": "company.employee_count",
    "company_employee_range": "company.employee_range",
    "company_founded_year": "company.founded_year",
    "company_revenue_range": "company.revenue_range",
    "company_location": "company.location",
    "company_linkedin_url": "company.linkedin_url",
    "company_technologies": "company.technologies",
    "company_phone": "company.phones",
}
"""Key -> the field of the card that it shows."""

FUNDING = {
    "company_funding_stage": "stage",
    "company_funding_total": "total",
    "company_last_round_at": "last_round_at",
}

Object = dict[str, Json]


BATCH = (
    "batch_id",
    "status",
    "total",
    "ended",
    "matched",
    "match_rate",
    "verified",
    "credits_spent",
    "created_at",
    "finished_at",
)
"""Keys of a batch that are flat already (app.backlog.body_of)."""


def flat(told: Mapping[str, Json], event: str) -> Object:
    """Return what a delivery says of a job or a batch (app.courier) as one flat object.

    `id` tells this telling from all others: a job that is looked up again is told again.
    """
    return flat_batch(told, event) if event.startswith("batch.") else flat_job(told, event)


def flat_batch(told: Mapping[str, Json], event: str) -> Object:
    """Return a batch: its numbers, and where its rows are."""
    links = _part(told, "links")
    numbers = {key: told.get(key) for key in BATCH}
    where = {"batch_url": links.get("self"), "csv_url": links.get("csv")}
    return {"id": told.get("batch_id"), "event": event, **numbers, **where}


def flat_job(told: Mapping[str, Json], event: str) -> Object:
    """Return a job and its card."""
    card, links = _part(told, "card"), _part(told, "links")
    key = str(_part(told, "prospect").get("key", ""))
    return {
        "id": f"{told.get('job_id')}:{told.get('version')}",
        "event": event,
        "job_id": told.get("job_id"),
        "status": told.get("status"),
        "created_at": told.get("created_at"),
        "finished_at": told.get("finished_at"),
        "prospect": key,
        "summary": told.get("summary") or None,
        **cells(card),
        "asked_email": key.removeprefix("email:") if key.startswith("email:") else None,
        "opener": _said(card, "opener"),
        "talking_points": _said(card, "point"),
        "questions": _said(card, "question"),
        "decision_makers": _lines(card, "decision_makers", "full_name", "title"),
        "signals": _lines(card, "signals", "headline"),
        "not_known": _joined(card.get("gaps")),
        "card_url": links.get("card"),
        "job_url": links.get("self"),
    }


def cells(card: Mapping[str, Json]) -> Object:
    """Return the fields of person and company, each as one text or number, null if not known."""
    funding = _part(_part(card, "company"), "funding")
    shown = {key: _plain(_found(card, path)) for key, path in FIELDS.items()}
    return shown | {key: funding.get(name) for key, name in FUNDING.items()}


def _found(card: Mapping[str, Json], path: str) -> Json:
    part, _, name = path.partition(".")
    return _part(card, part).get(name)


def _part(told: Mapping[str, Json], name: str) -> Mapping[str, Json]:
    found = told.get(name)
    return found if isinstance(found, Mapping) else {}


def _plain(value: Json) -> Json:
    """Return a value as a cell: of a mailbox its address, of numbers with a type the first."""
    if isinstance(value, Mapping):
        return value.get("address") or value.get("number")
    if isinstance(value, list | tuple):
        if value and isinstance(value[0], Mapping):
            return _plain(value[0])
        return _joined(value)
    return value


def _joined(value: Json) -> str | None:
    parts = value if isinstance(value, list | tuple) else ()
    return ", ".join(str(part) for part in parts) or None


def _said(card: Mapping[str, Json], kind: str) -> str | None:
    points = [one for one in _objects(card, "talking_points") if one.get("kind") == kind]
    return "\n".join(str(one.get("text")) for one in points) or None


def _lines(card: Mapping[str, Json], name: str, *parts: str) -> str | None:
    """Return a list of objects as one line each, of these parts of theirs."""
    lines = [[str(one[part]) for part in parts if one.get(part)] for one in _objects(card, name)]
    return "\n".join(", ".join(line) for line in lines) or None


def _objects(card: Mapping[str, Json], name: str) -> Sequence[Mapping[str, Json]]:
    found = card.get(name)
    return [one for one in found if isinstance(one, Mapping)] if isinstance(found, list) else []
