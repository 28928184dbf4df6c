"""Many prospects at once: one row for each ask, whatever becomes of it."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import inspect

from app.delivery import Address
from app.errors import InvalidRequest, NotFound
from app.facts import Section
from app.intake import Ask, BatchView, Caller
from app.job import Status
from app.provider import Outcome
from app.retention import STEP, Retention
from app.tables import Batch, BatchRow
from tests.fakes.clock import Clock
from tests.fakes.servers import BACKENDS
from tests.test_engine import COMPANY, JANE, PERSON, oracle

JOE, ANN = "joe.bloggs@initech.example", "ann.lee@globex.example"
ONLY_PERSON = frozenset({Section.person})

Make = Any

pytestmark = pytest.mark.parametrize("backend", BACKENDS, indirect=True)


def batch(service: Any, *texts: str, caller: Caller | None = None, **options: Any) -> BatchView:
    asks = [Ask(prospect=service.prospect(text), **options) for text in texts]
    view: BatchView = service.intake.batch(caller or service.caller, asks)
    return view


def see(service: Any, view: BatchView, **part: int) -> BatchView:
    seen: BatchView = service.intake.batch_view(service.caller, view.id, **part)
    return seen


def statuses(view: BatchView) -> list[str | None]:
    """Say of each row how its job stands, or what the problem is."""
    return [row.job.status if row.job else row.problem for row in view.rows]


def test_each_ask_of_a_batch_becomes_a_job_that_a_worker_runs(make: Make, clock: Clock) -> None:
    source = oracle(clock, person=PERSON)
    service = make(source)
    begun = batch(service, JANE, JOE, ANN, sections=ONLY_PERSON)
    assert [row.position for row in begun.rows] == [0, 1, 2]
    assert statuses(begun) == [Status.queued] * 3
    assert (begun.matched, begun.ended, begun.total, begun.is_final) == (0, 0, 3, False)
    asyncio.run(service.work())
    ended = see(service, begun)
    assert statuses(ended) == [Status.complete] * 3
    assert (ended.matched, ended.ended, ended.credits_spent) == (3, 3, 3.0)
    assert ended.is_final
    assert len(source.asked) == 3
