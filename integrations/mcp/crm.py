"""What an agent is told of a write into a CRM: each value before and after. Pure."""

from collections.abc import Iterator
from typing import Any

from app.crm_plan import Change
from app.crm_views import Saved
from app.wording import clean, shorten

VALUE = 300  # characters of one value

WHY_NOT = {
    "no_record": "The CRM has no record of this prospect; the user has to make one first.",
    "gone": "The record is no longer in the CRM.",
    "deleted": "The record was deleted in the CRM.",
    "erased": "The record was erased in the CRM.",
    "opted_out": "The person has opted out of being enriched.",
    "suppressed": "Do not look this prospect up again.",
    "cancelled": "The job was cancelled; call prepare_call again.",
}
"""Why nothing is written -> what to tell the user."""

UNCONNECTED = {
    "status": "not_connected",
    "next_step": "No CRM is connected here, so nothing was or can be written: tell the "
    "user. get_battlecard with detail=full has the fields to copy.",
}


def planned(saved: Saved) -> dict[str, Any]:
    """Return what would be written."""
    if saved.reason:
        return _nothing(saved)
    changes = [_row(saved, one) for saved in _parts(saved) for one in saved.due]
    proposed = [
        _row(saved, one) | {"needs_consent": True}
        for saved in _parts(saved)
        for one in saved.changes
        if one.is_proposed and not one.reason
    ]
    if not changes and not proposed:
        return {"status": "nothing_to_write", "changes": [], "next_step": "All is there already."}
    return {
        "status": "planned",
        "changes": [*changes, *proposed],
        "next_step": "Show the user each value before and after. When the user agrees, call "
        "push_to_crm again with dry_run=false.",
    }


def written(saved: Saved) -> dict[str, Any]:
    """Return what was written, and what the CRM refused."""
    if saved.reason:
        return _nothing(saved)
    parts = list(_parts(saved))
    changes = [
        _row(part, one) for part in parts for one in part.changes if one.property in part.written
    ]
    refused = [
        {"property": name, "refused": why} for part in parts for name, why in part.refused.items()
    ]
    return {
        "status": "written" if changes else "nothing_to_write",
        "changes": [*changes, *refused],
        "next_step": "Tell the user what was written. An operator can take it back with "
        "`warmcall crm undo JOB`.",
    }


def _nothing(saved: Saved) -> dict[str, Any]:
    why = WHY_NOT.get(saved.reason, "Nothing was written.")
    return {"status": saved.reason, "changes": [], "next_step": why}


def _parts(saved: Saved) -> Iterator[Saved]:
    yield saved
    if saved.also and not saved.also.reason:
        yield saved.also


def _row(saved: Saved, change: Change) -> dict[str, Any]:
    row = {
        "object": "contact" if saved.ref.kind == "person" else "company",
        "property": change.property,
        "before": _value(change.old),
        "after": _value(change.new),
    }
    told = {"source": change.source, "confidence": round(change.confidence, 2)}
    return row | (told if change.source else {})


def _value(text: str) -> str:
    return shorten(clean(text), VALUE)
