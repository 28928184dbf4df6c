"""Jobs to render, from `cards/*.json`: fictional prospects in every state a surface must show."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from app.facts import Fact, Section
from app.intake import AttemptView, JobError, JobView
from app.job import LIVE, Status
from app.prospect import identify

NOW = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
CARDS = {path.stem: path for path in sorted((Path(__file__).parent / "cards").glob("*.json"))}


def view(name: str, **changes: Any) -> JobView:
    """Return the job of one file, with some of its members changed."""
    return view_of({**json.loads(CARDS[name].read_text("utf-8")), **changes})


def view_of(given: dict[str, Any]) -> JobView:
    status = Status(given["status"])
    facts = [_fact(one) for one in given["facts"]]
    return JobView(
        id="job_01",
        status=status,
        version=3,
        prospect=identify(given["prospect"]),
        sections={Section(k): Status(v) for k, v in given["sections"].items()},
        served_from="providers",
        card=given["card"],
        facts=facts,
        winners=frozenset(one["id"] for one in given["facts"] if one.get("shown", True)),
        attempts=[AttemptView(**one, at=NOW) for one in given.get("attempts", ())],
        missing=given["missing"],
        needs_manual_enrichment=status is Status.not_found,
        credits_spent=1.5,
        created_at=NOW - timedelta(seconds=4),
        updated_at=NOW,
        finished_at=None if status in LIVE else NOW,
        error=JobError(**given["error"]) if "error" in given else None,
        card_token="tok_en",
    )


def _fact(given: dict[str, Any]) -> Fact:
    kept = {name: value for name, value in given.items() if name != "shown"}
    return Fact(**{**kept, "seen_at": datetime.fromisoformat(kept["seen_at"])})
