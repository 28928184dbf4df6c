"""The worker's verb: run a job.

It may run twice. A job belongs to the worker that claimed it until its lease runs out; each
provider answer is committed before the next step, so whoever runs the job again has it already.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, Row

from app import callers, feedback, freshness, ledger, objection, store
from app.assembly import FAILED, OVER_BUDGET, Assembled, assemble, section_status
from app.database import Database, later, surely, written
from app.ending import follow_up
from app.facts import FIELDS, Fact, Section, identified, known_fields
from app.freshness import Tiers
from app.job import SUSPECT, Status, verdict
from app.positioning import Positioning
from app.prospect import Prospect
from app.provider import SETTLED, Answer, Finding, Outcome, Provider
from app.rejection import taken
from app.scope import Wanted, subjects, wanted_fields
from app.store import JobRow
from app.tasks import Tasks
from app.tries import TRIES
from app.views import result_json
from app.waterfall import Descent, Question, drive
from app.wire import iso

log = logging.getLogger("warmcall.engine")

REMEMBERED = timedelta(hours=24)
"""An answer of a provider is not asked for again in this time, unless a refresh is forced."""

PATIENCE = timedelta(seconds=120)
"""A job waits this long at most, back in the queue, for a provider that asks for a pause."""

WAITS = 3
"""So many times at most."""

MANY = 100
"""A card of so many facts or more is composed in a thread, so that other jobs do not wait."""

IN_FLIGHT_S = 0.1
"""How often to look whether another job's call for the same answer has ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What an engine is made of. `owner` names this worker process.

    `send` sends the requests of a provider: see `Fetch.send` in app/fetch.py.
    """

    database: Database
    tasks: Tasks
    providers: Sequence[Provider]
    send: Callable[..., Awaitable[list[Answer]]]
    now: Callable[[], datetime]
    owner: str
    lease: timedelta
    tiers: Mapping[Section, Tiers]
    positioning: Positioning | None = None


@dataclass(slots=True)
class Run:
    """One job while this worker holds it."""

    job: JobRow
    prospect: Prospect
    wanted: Wanted
    settled: dict[Section, Row[Any]]  # fresh sections: not asked for again
    facts: list[Fact]  # of those sections
    before: dict[str, Any] | None
    rejected: frozenset[str]  # people who are not the prospect
    is_late: bool = False
    findings: dict[Section, list[Finding]] = field(default_factory=dict)


class Engine:
    """Runs jobs on one asyncio loop, hundreds at once."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._now = parts.now
        self._owner = parts.owner
        self._running: dict[str, asyncio.Task[None]] = {}
        self._held: set[str] = set()
        self._stopping: dict[str, Callable[[Connection], None]] = {}
        self._asking: set[asyncio.Task[Finding]] = set()

    # --- run ---

    async def run(self, job_id: str) -> None:
        """Run a waiting job to its end; one that is not waiting (any more) is left alone.

        So is one that workers have died of.
        """
        await self._hold(job_id, partial(self._take, job_id=job_id, below_deaths=SUSPECT))

    async def run_alone(self, job_id: str) -> None:
        """Run a job that workers may have died of; the caller runs nothing else meanwhile."""
        await self._hold(job_id, partial(self._take, job_id=job_id, below_deaths=None))

    async def _hold(self, job_id: str, take: Callable[[Connection], Run | None]) -> None:
        me = asyncio.current_task()
        assert me is not None
        self._running[job_id] = me
        try:
            if run := await surely(self._parts.database, take, passing=True):
                self._held.add(job_id)
                await self._run(run)
        except asyncio.CancelledError:
            if job_id not in self._stopping:
                raise
            await written(self._parts.database, self._stopping[job_id])
        finally:
            self._held.discard(job_id)
            self._running.pop(job_id, None)
            self._stopping.pop(job_id, None)

    async def _run(self, run: Run) -> None:
        started = self._now()
        todo = {s: names for s, names in run.wanted.items() if s not in run.settled}
        mine = [p for p in self._parts.providers if p.sandbox == run.prospect.is_sandbox]
        descent = Descent(run.prospect.known, todo, mine, partial(self._ask, run))
        descent.facts.extend(run.facts)
        run.findings = descent.findings
        try:
            async with asyncio.timeout(_seconds_until(run.job.needed_by, started)):
                await descent.run()
        except TimeoutError:
            run.is_late = True
        run.facts = descent.facts
        settle = await self._settling(run, frozenset(descent.unsettled))
        ended, spent = await surely(self._parts.database, settle)
        log.info(
            "job ran",
            extra={
                "job_id": run.job.id,
                "outcome": ended,
                "ms": round((self._now() - started).total_seconds() * 1000),
                "credits": spent,
            },
        )

    def _take(self, db: Connection, job_id: str, below_deaths: int | None) -> Run | None:
        now, lease = self._now(), self._parts.lease
        job = store.claim(db, job_id, self._owner, now, lease, below_deaths=below_deaths)
        if job is None:
            return None
        prospect = Prospect.from_json(job.prospect)
        sections = [Section(name) for name in job.sections]
        wanted = wanted_fields(sections, frozenset(job.wanted) if job.wanted else None)
        fresh = {} if job.refresh else self._fresh(db, prospect, wanted, now)
        result = store.last_result(db, job.prospect_key, job.scope)
        run = Run(
            job,
            prospect,
            wanted,
            fresh,
            _facts_of(db, prospect, fresh),
            result.get("card") if result else None,
            feedback.rejected(db, prospect),
        )
        store.add_event(db, job_id, "job", {"status": Status.in_progress}, now)
        return run

    def _fresh(
        self, db: Connection, prospect: Prospect, wanted: Wanted, now: datetime
    ) -> dict[Section, Row[Any]]:
        keys = subjects(prospect)
        covered = ledger.coverage(db, set(keys.values()))
        found = {s: covered.get((keys[s.value], s.value)) for s in wanted}
        return {
            section: row
            for section, row in found.items()
            if row
            and wanted[section] <= set(row.wanted)
            and freshness.is_fresh(Status(row.status), row.as_of, now, self._parts.tiers[section])
        }

    # --- ask ---

    async def _ask(self, run: Run, question: Question) -> Finding:
        me = asyncio.current_task()
        assert me is not None
        self._asking.add(me)
        me.add_done_callback(self._asking.discard)
        while True:
            begin = partial(self._begin, run=run, question=question)
            order = f"question:{question.key}"
            begun = await surely(self._parts.database, begin, order, passing=True)
            if isinstance(begun, Finding):
                return begun
            if begun is not None:
                return await self._call(run, question, *begun)
            await asyncio.sleep(IN_FLIGHT_S)  # another job is asking the same: its answer is ours

    def _begin(
        self, db: Connection, run: Run, question: Question
    ) -> Finding | tuple[ledger.Line, int] | None:
        """Answer from memory, or book the call. None: the same call is under way elsewhere."""
        now = self._now()
        since = run.job.created_at if run.job.refresh else now - REMEMBERED
        known = ledger.remembered(db, question.key, since, run.job.id)
        if known:
            return self._remember(db, run, question, known)
        price, most = question.capability.credits, run.job.max_credits
        if most is not None and ledger.spent_on(db, run.job.id) + price > most:
            return self._skip(db, run, question, OVER_BUDGET)
        attempt = _attempt(run, question, self._owner, now)
        attempt |= {"credits": price}  # until the call has ended
        if not ledger.begin(db, attempt):
            return None
        is_first = run.job.attempts == 1
        tried = not is_first and ledger.tried_before(db, run.job.id, question.key)
        return attempt, 1 if tried else TRIES

    def _remember(self, db: Connection, run: Run, question: Question, known: Any) -> Finding:
        facts = taken(run.prospect, ledger.facts_of_answer(db, question.key), run.rejected)
        finding = Finding(Outcome(known.outcome), facts, known.detail, 0.0)
        attempt = _attempt(run, question, self._owner, self._now())
        if known.job_id != run.job.id:
            attempt |= {"cached": True}
            self._book(db, run, question, attempt, finding)
        return finding

    def _skip(self, db: Connection, run: Run, question: Question, why: str) -> Finding:
        finding = Finding(Outcome.skipped, detail=why, credits=0.0)
        attempt = _attempt(run, question, self._owner, self._now())
        self._book(db, run, question, attempt, finding)
        return finding

    async def _call(
        self, run: Run, question: Question, attempt: ledger.Line, tries: int
    ) -> Finding:
        deadline = run.job.needed_by
        send = partial(self._parts.send, deadline=deadline, tries=tries)
        exchange = question.provider.look_up(question.capability, question.query)
        finding = await drive(question.provider, exchange, send)
        cost = finding.credits
        if cost is None:
            is_match = finding.outcome is Outcome.matched
            cost = question.capability.credits if is_match else 0.0
        finding = replace(finding, credits=cost, facts=tuple(identified(finding.facts)))
        return await surely(
            self._parts.database,
            partial(self._keep, run=run, question=question, attempt=attempt, finding=finding),
        )

    def _keep(
        self, db: Connection, run: Run, question: Question, attempt: ledger.Line, finding: Finding
    ) -> Finding:
        """Write an answer down, without those people in it who objected; return what is left.

        What it says of somebody who was said not to be the prospect is left out too.
        """
        domain = question.query.domain or run.prospect.known.domain
        facts = objection.spared(finding.facts, domain, partial(callers.suppressed, db))
        left = replace(finding, facts=taken(run.prospect, facts, run.rejected))
        self._book(db, run, question, attempt, left)
        return left

    def _book(
        self, db: Connection, run: Run, question: Question, attempt: ledger.Line, finding: Finding
    ) -> None:
        """Write an answer down: ledger, facts, the job's progress. Nothing follows before this."""
        now = self._now()
        spent, cached = finding.credits or 0.0, attempt["cached"]
        ended = {
            "outcome": finding.outcome,
            "detail": finding.detail,
            "credits": spent,
            "latency_ms": round((now - attempt["started_at"]).total_seconds() * 1000),
            "ended_at": now,
            "retry_at": finding.retry_at,
        }
        ledger.end(db, {**attempt, **ended})
        if finding.outcome in SETTLED and not cached:
            keys = subjects(run.prospect, question.query)
            ledger.replace_facts(db, question.key, keys, finding.facts)
        told = {"provider": attempt["provider"], "section": attempt["section"]}
        event = told | {"outcome": finding.outcome, "cached": cached}
        if store.touch(db, run.job.id, self._owner, now, spent=spent):
            store.add_event(db, run.job.id, "provider", event, now)

    # --- settle ---

    async def _settling(
        self, run: Run, late: frozenset[Section]
    ) -> Callable[[Connection], tuple[str, float]]:
        """Compose the card; return what writes down how the job ended: no more than that.

        That returns it in a word, and the credits the job has spent so far.
        """
        now = self._now()
        if retry_at := self._worth_waiting(run, now):
            return partial(self._wait, run=run, retry_at=retry_at)
        composed = partial(
            assemble,
            run.prospect,
            run.wanted,
            run.facts,
            now,
            positioning=self._parts.positioning,
            before=run.before,
            rejected=run.rejected,
        )
        result = composed() if len(run.facts) < MANY else await asyncio.to_thread(composed)
        statuses = self._statuses(run, result, late)
        return partial(self._settle, run=run, result=result, statuses=statuses)

    def _settle(
        self, db: Connection, run: Run, result: Assembled, statuses: Mapping[Section, Status]
    ) -> tuple[str, float]:
        status = verdict(statuses)
        if ended := self._end(db, run, result, statuses, status, self._now()):
            return status.value, ended.credits_spent
        return "lost to another worker", ledger.spent_on(db, run.job.id)

    def _statuses(
        self, run: Run, result: Assembled, late: frozenset[Section]
    ) -> dict[Section, Status]:
        def settled(section: Section, names: frozenset[str]) -> Status:
            if section in run.settled:
                return Status(run.settled[section].status)
            return section_status(
                run.findings.get(section, ()),
                names,
                [fact for fact in result.facts if _section(fact) is section],
                is_ambiguous=section is Section.person and result.is_ambiguous,
                is_late=section in late,
            )

        return {section: settled(section, names) for section, names in run.wanted.items()}

    def _end(
        self,
        db: Connection,
        run: Run,
        result: Assembled,
        statuses: Mapping[Section, Status],
        status: Status,
        now: datetime,
    ) -> JobRow | None:
        as_of = self._cover(db, run, result, statuses, now)
        settled = {section: (st, as_of[section]) for section, st in statuses.items()}
        fresh_until, stale_until = freshness.card_until(settled, self._parts.tiers)
        ended = store.finish(
            db,
            run.job.id,
            now,
            status,
            owner=self._owner,
            section_status={s.value: st.value for s, st in statuses.items()},
            served_from="fresh_cache" if len(run.settled) == len(run.wanted) else "providers",
            fresh_until=fresh_until,
            stale_until=stale_until,
            result=self._result(db, run, result, status),
        )
        if ended:
            follow_up(db, self._parts.tasks, ended, now)
        return ended

    def _cover(
        self,
        db: Connection,
        run: Run,
        result: Assembled,
        statuses: Mapping[Section, Status],
        now: datetime,
    ) -> dict[Section, datetime]:
        """Remember how each section was settled; return since when its facts hold."""
        keys = subjects(run.prospect)
        as_of: dict[Section, datetime] = {}
        for section, status in statuses.items():
            if section in run.settled:
                as_of[section] = run.settled[section].as_of
                continue
            seen = [f.seen_at for f in result.facts if _section(f) is section and not f.inferred]
            as_of[section] = max(seen, default=now) if status in freshness.FOUND else now
            if status in freshness.KEPT:
                covered = partial(
                    ledger.cover,
                    subject=keys[section.value],
                    section=section,
                    status=status,
                    wanted=run.wanted[section],
                    as_of=as_of[section],
                )
                later(db, f"coverage:{keys[section.value]}:{section}", covered)
        return as_of

    def _result(
        self, db: Connection, run: Run, result: Assembled, status: Status
    ) -> dict[str, Any]:
        told = result_json(result, ledger.attempts_of(db, run.job.id), _error(run, status))
        if status is Status.suppressed:  # what others know of the person is not shown either
            return {name: told[name] for name in ("attempts", "error")}
        return told

    # --- wait, stop, hand back ---

    def _worth_waiting(self, run: Run, now: datetime) -> datetime | None:
        """Return when a provider that asked for a pause can be asked, if that is soon enough."""
        if run.is_late or run.job.requeues >= WAITS:
            return None
        latest = min(now + PATIENCE, run.job.needed_by or now + PATIENCE)
        pauses = [
            finding.retry_at
            for section, findings in run.findings.items()
            if run.wanted[section] - known_fields(run.facts)
            for finding in findings
            if finding.retry_at and finding.outcome in FAILED
        ]
        soon = [at for at in pauses if at <= latest]
        return max(min(soon), now) if soon else None

    def _wait(self, db: Connection, run: Run, retry_at: datetime) -> tuple[str, float]:
        now = self._now()
        if store.give_back(db, run.job.id, self._owner, now, due_at=retry_at, waited=1):
            store.post(db, self._parts.tasks.again(run.job, retry_at))
            store.add_event(db, run.job.id, "job", {"status": Status.queued}, now)
        return "waits for a provider", ledger.spent_on(db, run.job.id)

    def renew(self) -> Awaitable[None]:
        """Prolong the leases of running jobs; stop those to be cancelled, or lost to others."""
        held = frozenset(self._held)
        return self._follow(held, written(self._parts.database, self.prolong, passing=True))

    def prolong(self, db: Connection) -> dict[str, bool]:
        """Prolong the leases of running jobs; return each with whether it is to be cancelled."""
        running = frozenset(self._running)
        return store.renew(db, self._owner, running, self._now(), self._parts.lease)

    async def _follow(self, held: frozenset[str], renewed: Awaitable[dict[str, bool]]) -> None:
        leases = await renewed
        for job_id in held:
            if job_id not in leases:
                self._stop(job_id, lambda _: None)
            elif leases[job_id]:
                self._stop(job_id, partial(self._cancel, job_id=job_id))

    def _stop(self, job_id: str, then: Callable[[Connection], None]) -> None:
        """Cancel the run of a job; calls under way go on, their answers are kept."""
        task = self._running.get(job_id)
        if task and job_id not in self._stopping:
            self._stopping[job_id] = then
            task.cancel()

    def _cancel(self, db: Connection, job_id: str) -> None:
        now = self._now()
        if ended := store.finish(db, job_id, now, Status.cancelled, owner=self._owner):
            follow_up(db, self._parts.tasks, ended, now)

    def _hand_back(self, db: Connection, job_id: str) -> None:
        now = self._now()
        job = store.job_row(db, job_id)
        if job and store.give_back(db, job_id, self._owner, now, due_at=now):
            store.post(db, self._parts.tasks.again(job))

    async def drain(self, patience_s: float) -> None:
        """Let running work end for `patience_s`; hand back to the queue what is left then."""
        if work := {*self._running.values(), *self._asking}:
            await asyncio.wait(work, timeout=patience_s)
        left = list(self._running.items())
        for job_id, _ in left:
            self._stop(job_id, partial(self._hand_back, job_id=job_id))
        if left:
            await asyncio.wait([task for _, task in left])
        for asking in self._asking:
            asking.cancel()
        if self._asking:
            await asyncio.wait(self._asking)
        await written(
            self._parts.database, lambda db: ledger.interrupt(db, self._owner, self._now())
        )


def _attempt(run: Run, question: Question, owner: str, now: datetime) -> dict[str, Any]:
    """Return a line of the ledger for a call that begins now."""
    return {
        "id": f"att_{uuid4().hex}",
        "job_id": run.job.id,
        "section": question.section.value,
        "provider": question.provider.name,
        "capability": question.capability.name,
        "answer_key": question.key,
        "owner": owner,
        "outcome": None,
        "detail": "",
        "credits": 0.0,
        "latency_ms": 0,
        "cached": False,
        "started_at": now,
        "ended_at": None,
        "retry_at": None,
    }


def _facts_of(
    db: Connection, prospect: Prospect, settled: Mapping[Section, Row[Any]]
) -> list[Fact]:
    keys = subjects(prospect)
    found: list[Fact] = []
    for section in settled:
        found += ledger.facts_about(db, keys[section.value], [section.value])
    return found


def _section(fact: Fact) -> Section:
    return FIELDS[fact.field].section


def _error(run: Run, status: Status) -> dict[str, Any] | None:
    if status not in {Status.provider_error, Status.budget_exhausted, Status.suppressed}:
        return None
    findings = [finding for found in run.findings.values() for finding in found]
    retry = [finding.retry_at for finding in findings if finding.retry_at]
    problem: dict[str, Any] = {"code": status.value, "message": _why(run, status)}
    return problem | ({"retry_at": iso(min(retry))} if retry else {})


def _why(run: Run, status: Status) -> str:
    if status is Status.suppressed:
        return "The person asked a provider not to be processed; nothing is shown or kept."
    if status is Status.budget_exhausted:
        return "max_credits leaves no provider that could be asked."
    if run.is_late:
        return "Nothing was found before the deadline."
    return "Nothing was found, and some providers did not answer."


def _seconds_until(deadline: datetime | None, now: datetime) -> float | None:
    return max(0.0, (deadline - now).total_seconds()) if deadline else None
