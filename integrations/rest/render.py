"""The core's values as the JSON of contract.md: what nobody knew is absent, never null."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from app.crm_views import Entry, Undone
from app.facts import Fact, Json
from app.verification import Verification
from app.views import (
    AttemptView,
    BatchRow,
    BatchView,
    DeliveryView,
    EventView,
    HitRate,
    HookView,
    JobError,
    JobView,
    Plan,
    ProviderView,
    TryView,
    UsageView,
)

Object = dict[str, Json]


def iso(moment: datetime) -> str:
    """Return a moment as ISO 8601 in UTC, to the millisecond, with Z."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def when(moment: datetime | None) -> str | None:
    """Return a moment that there may not be."""
    return None if moment is None else iso(moment)


def job(view: JobView, base_url: str) -> Object:
    """Return a job."""
    return known(
        {
            "job_id": view.id,
            "status": view.status.value,
            "version": view.version,
            "prospect": dict(view.prospect.to_json()),
            "sections": {name.value: status.value for name, status in view.sections.items()},
            "served_from": view.served_from,
            "refresh_job_id": view.refresh_job_id,
            "joined": view.joined,
            "card": dict(view.card),
            "facts": [fact(one, shown=one.id in view.winners) for one in view.facts],
            "attempts": [attempt(one) for one in view.attempts],
            "missing": list(view.missing),
            "needs_manual_enrichment": view.needs_manual_enrichment,
            "credits_spent": round(view.credits_spent, 4),
            "error": _error(view.error),
            "created_at": iso(view.created_at),
            "updated_at": iso(view.updated_at),
            "finished_at": when(view.finished_at),
            "links": links(view, base_url),
        }
    )


def _error(error: JobError | None) -> Object | None:
    if error is None:
        return None
    return known({"code": error.code, "message": error.message, "retry_at": when(error.retry_at)})


def known(members: Mapping[str, Json]) -> Object:
    """Leave out what is None."""
    return {name: value for name, value in members.items() if value is not None}


def links(view: JobView, base_url: str) -> Object:
    """Return where the job, its events and its card page are."""
    self_url = f"{base_url}/v1/jobs/{view.id}"
    found: Object = {"self": self_url, "events": f"{self_url}/events"}
    if view.card_token:
        found["card"] = f"{base_url}/card/{view.card_token}"
    return found


def fact(one: Fact, *, shown: bool) -> Object:
    """Return a fact; `shown` says whether the card shows it, or another one in its place."""
    return known(
        {
            "id": one.id,
            "field": one.field,
            "value": one.value,
            "source": one.source,
            "source_url": one.source_url,
            "confidence": round(one.confidence, 4),
            "seen_at": iso(one.seen_at),
            "verified": one.verified,
            "raw_confidence": one.raw_confidence,
            "inferred": one.inferred,
            "evidence": one.evidence,
            "shown": shown,
        }
    )


def attempt(one: AttemptView) -> Object:
    """Return one line of the ledger."""
    return {
        "provider": one.provider,
        "outcome": one.outcome,
        "detail": one.detail,
        "credits": round(one.credits, 4),
        "latency_ms": one.latency_ms,
        "cached": one.cached,
        "section": one.section,
        "at": iso(one.at),
    }


def batch(view: BatchView, base_url: str, offset: int) -> Object:
    """Return a batch with the rows from position `offset` on that it was read with."""
    self_url, end = f"{base_url}/v1/batches/{view.id}", offset + len(view.rows)
    run, rate = view.run, view.verified_rate
    columns = run.columns if run else ()
    return known(
        {
            "batch_id": view.id,
            **progress(view),
            "match_rate": round(view.match_rate, 4),
            "mailboxes": run.mailboxes if run else None,
            "verified": run.verified if run else None,
            "verified_rate": None if rate is None else round(rate, 4),
            "providers": [_hit_rate(one) for one in run.providers] if run else [],
            "problems": dict(run.problems) if run else {},
            "again": run.again if run else None,
            "gained": run.gained if run else None,
            "max_credits": run.max_credits if run else None,
            "notes": list(run.notes) if run else [],
            "rows": [_row(one, columns, base_url) for one in view.rows],
            "next_offset": end if view.rows and end < view.total else None,
            "created_at": iso(view.created_at),
            "finished_at": when(run.finished_at) if run else None,
            "links": {"self": self_url, "events": f"{self_url}/events", "csv": f"{self_url}.csv"},
        }
    )


def progress(view: BatchView) -> Object:
    """Return how far a batch is."""
    state = view.run.state if view.run else ("ended" if view.is_final else "first_pass")
    return {
        "status": state,
        "total": view.total,
        "ended": view.ended,
        "matched": view.matched,
        "credits_spent": round(view.credits_spent, 4),
    }


def _hit_rate(one: HitRate) -> Object:
    rate = round(one.matched / max(1, one.asked), 4)
    return {
        "provider": one.provider,
        "asked": one.asked,
        "matched": one.matched,
        "hit_rate": rate,
    }


def _row(one: BatchRow, columns: Sequence[str], base_url: str) -> Object:
    view = one.job
    told: dict[str, Json] = {
        "position": one.position,
        "given": dict(zip(columns, one.cells, strict=False)) or None,
        "status": view.status.value if view else "refused" if one.problem else "waiting",
        "problem": one.problem,
    }
    if view:
        told |= {
            "job_id": view.id,
            "served_from": view.served_from if view.is_final else None,
            "summary": view.card.get("summary") or None,
            "links": links(view, base_url),
        }
    return known(told)


def etag(view: JobView) -> str:
    """Return the entity tag of a job: weak, it changes with every change of the job."""
    return f'W/"{view.version}-{view.status.value}"'


def event(one: EventView) -> Object:
    """Return the data of one server-sent event."""
    return {"seq": one.seq, "kind": one.kind, "at": iso(one.at), **one.data}


def plan(one: Plan) -> Object:
    """Return what a job would do."""
    return {
        "dry_run": True,
        "prospect": dict(one.prospect.to_json()),
        "sections": {str(name): served for name, served in one.sections.items()},
        "steps": [
            {
                "section": step.section,
                "provider": step.provider,
                "capability": step.capability,
                "credits": step.credits,
            }
            for step in one.steps
        ],
        "max_credits": round(one.max_credits, 4),
    }


def provider(one: ProviderView) -> Object:
    """Return a provider's health and spend of today."""
    return known(
        {
            "name": one.name,
            "configured": one.configured,
            "gives": list(one.gives),
            "accepts": list(one.accepts),
            "state": one.state,
            "until": when(one.until),
            "reason": one.reason,
            "calls_today": one.calls_today,
            "matched_today": one.matched_today,
            "failed_today": one.failed_today,
            "credits_today": round(one.credits_today, 4),
            "helped": one.helped,
            "not_helped": one.not_helped,
        }
    )


def usage(one: UsageView) -> Object:
    """Return a caller's use of this month. Without a limit, quota and remaining are absent."""
    return known(
        {
            "month": one.month,
            "quota": one.quota,
            "used": one.used,
            "remaining": one.remaining,
            "unlimited": one.quota is None,
            "credits_spent": round(one.credits_spent, 4),
            "resets_at": iso(one.resets_at),
        }
    )


def verification(one: Verification) -> Object:
    """Return what is known of a mailbox."""
    return known(
        {
            "email": one.email,
            "status": one.status,
            "reason": one.reason,
            "normalized": one.normalized,
            "syntax": one.syntax,
            "mx": one.mx,
            "mx_hosts": list(one.mx_hosts),
            "free_mail": one.free_mail,
            "disposable": one.disposable,
            "role": one.role,
        }
    )


def delivery(one: DeliveryView) -> Object:
    """Return a row of the outbox with every try so far."""
    return known(
        {
            "id": one.id,
            "job_id": one.job_id,
            "channel": one.channel,
            "target": one.target,
            "event": one.event,
            "state": one.state,
            "tries": [_try(each) for each in one.tries],
            "next_at": when(one.next_at),
            "created_at": iso(one.created_at),
        }
    )


def hook(one: HookView) -> Object:
    """Return a hook."""
    return {
        "id": one.id,
        "event": one.event,
        "target_url": one.target,
        "created_at": iso(one.created_at),
    }


def write(one: Entry) -> Object:
    """Return a row of what was written into a CRM."""
    change = one.change
    return known(
        {
            "id": one.id,
            "record": one.target,
            "property": change.property,
            "field": change.field,
            "before": change.old,
            "after": change.new,
            "policy": change.policy,
            "fact_id": change.fact_id or None,
            "source": change.source or None,
            "confidence": change.confidence,
            "state": one.state,
            "reason": one.reason or None,
            "status": one.status or None,
            "correlation_id": one.correlation_id or None,
            "at": iso(one.at),
            "undone_at": when(one.undone_at),
        }
    )


def undone(one: Undone) -> Object:
    """Return what became of a value that was to be taken back."""
    entry = one.entry
    return {"record": entry.target, "property": entry.change.property, "outcome": one.outcome}


def _try(one: TryView) -> Object:
    return known(
        {
            "at": iso(one.at),
            "status": one.status,
            "elapsed_ms": one.elapsed_ms,
            "error": one.error,
            "answer": one.answer or None,
        }
    )
