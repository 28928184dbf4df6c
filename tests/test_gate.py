"""The gate: what several processes ask of a provider stays within its pace and its breaker."""

import asyncio
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass

import pytest

from app import ledger
from app.breaker import OPEN, Health
from app.database import Database
from app.fetch import Fetch
from app.gate import Gate
from app.provider import Answer, Ended, Meter, Outcome, Pace, Request
from tests.fakes.clock import Clock
from tests.fakes.servers import BACKENDS, Backend
from tests.fakes.web import Web, page, serving
from tests.test_fetch import NOBODY_TRUSTED, Vendor

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.parametrize("backend", BACKENDS[:2], indirect=True),
]


@dataclass
class Workers:
    """Two processes' gates and doors on one database, and the vendor they ask."""

    databases: Sequence[Database]
    gates: Sequence[Gate]
    doors: Sequence[Fetch]
    web: Web

    async def ask(self, vendor: Vendor, times: int) -> list[Answer | Ended]:
        """Ask that many times at each door, all at once; return how the calls ended."""
        request = [Request("GET", f"{self.web.base}/", timeout_s=5.0)]
        asked = (door.send(vendor, request) for door in self.doors for _ in range(times))
        told = await asyncio.gather(*asked, return_exceptions=True)
        ended = [one[0] if isinstance(one, list) else one for one in told]
        assert all(isinstance(one, Answer | Ended) for one in ended), ended
        return [one for one in ended if isinstance(one, Answer | Ended)]


@pytest.fixture
async def workers(backend: Backend, clock: Clock) -> AsyncIterator[Workers]:
    url = backend.database(0)
    databases = [Database(url), Database(url)]
    databases[0].migrate()
    gates = [Gate(database, clock) for database in databases]
    async with AsyncExitStack() as open_:
        web = await open_.enter_async_context(serving())
        web.pages["/"] = page("{}")
        doors = [
            await open_.enter_async_context(
                aclosing(
                    Fetch(
                        now=clock,
                        admit=gate.admit,
                        report=gate.report,
                        user_agent="Warmcall/test",
                        tls=NOBODY_TRUSTED,
                    )
                )
            )
            for gate in gates
        ]
        yield Workers(databases, gates, doors, web)
    for database in databases:
        database.close()


async def test_several_workers_together_keep_within_the_pace(workers: Workers) -> None:
    vendor = Vendor(pace=Pace(per_s=0.001, burst=7, at_once=4))
    ended = await workers.ask(vendor, 12)
    assert (len(workers.web.seen), [type(one) for one in ended].count(Answer)) == (7, 7)
    late = [one.finding.outcome for one in ended if isinstance(one, Ended)]
    assert set(late) == {Outcome.rate_limited}


async def test_a_token_that_nobody_needed_is_left_to_the_others(workers: Workers) -> None:
    vendor = Vendor(pace=Pace(per_s=0.001, burst=6, at_once=4))
    mine, other = workers.doors
    workers.doors = [mine]
    await workers.ask(vendor, 3)
    workers.doors = [other]
    await workers.ask(vendor, 3)
    assert len(workers.web.seen) == 6


async def test_after_an_outage_one_call_of_all_workers_goes_first(
    workers: Workers, clock: Clock
) -> None:
    opened = Health(failures=5, opened_until=clock() + OPEN)
    workers.databases[0].write(lambda db: ledger.set_health(db, "orbit", Health(), opened)).result()
    clock.move(seconds=OPEN.total_seconds())
    released = asyncio.Event()

    async def held(web: Web, writer: asyncio.StreamWriter) -> None:
        await released.wait()
        await page("{}")(web, writer)

    workers.web.pages["/"] = held
    asking = asyncio.ensure_future(workers.ask(Vendor(), 6))
    while not workers.web.seen:
        await asyncio.sleep(0)
    waiting = workers.databases[1].write(lambda db: ledger.health(db, "orbit"))
    assert (await asyncio.wrap_future(waiting)).probing_since == clock()
    released.set()
    ended = await asking
    skipped = [one.finding.outcome for one in ended if isinstance(one, Ended)]
    assert len(workers.web.seen) + len(skipped) == 12
    assert set(skipped) <= {Outcome.skipped}
    assert workers.databases[1].read(lambda db: ledger.health(db, "orbit")).opened_until is None


async def test_the_answer_of_a_provider_that_is_well_waits_for_no_commit(
    workers: Workers,
) -> None:
    gate, database = workers.gates[0], workers.databases[0]
    await gate.admit(Vendor(), 1)
    hold = threading.Event()
    held = database.write(lambda _: hold.wait(30))
    await gate.report(Vendor(), None, Meter(remaining=1_000))
    failed = asyncio.ensure_future(gate.report(Vendor(), Outcome.provider_error, Meter()))
    assert not held.done()
    hold.set()
    await failed
    assert database.read(lambda db: ledger.health(db, "orbit")).failures == 1
    await gate.report(Vendor(), None, Meter())
    assert database.read(lambda db: ledger.health(db, "orbit")).failures == 0
