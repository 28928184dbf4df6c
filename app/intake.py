"""The front door: what every surface may ask of the core.

Plain functions that may block on the database for some milliseconds: an async edge calls them
through a thread. All are safe to call from several threads.
"""

from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from secrets import token_urlsafe
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection

from app import callers, crm_store, feedback, freshness, ledger, outbox, posted, store, tally
from app.arrivals import Arrivals
from app.assembly import assemble
from app.connecting import Connecting
from app.courier import announce, new_delivery
from app.crm import Kind, Ref
from app.crm_views import Entry, entry
from app.delivery import EVENTS, FOLLOWED, Address
from app.digest import digest, digests
from app.ending import follow_up
from app.errors import Conflict, IdempotencyMismatch, InvalidRequest, NotFound, QuotaExceeded
from app.facts import FIELDS, Fact, Section, identified
from app.front import OPERATOR, month, next_month
from app.handling import Handling
from app.handling import Spot as Spot
from app.hooks import Hooks
from app.job import Priority, Status, verdict
from app.prospect import Identifiers, Prospect, sections_for
from app.readers import Readers
from app.records import Records
from app.runs import Asking, Runs
from app.scope import Wanted, scope, subjects, wanted_fields
from app.shown import Shown
from app.tables import Idempotent, Job
from app.views import (
    COMMITTED_WITHIN,
    NOTHING_YET,
    SCOPES,
    UNLIMITED,
    Answered,
    Ask,
    AttemptView,
    BatchOrder,
    BatchRow,
    BatchView,
    Caller,
    ChangedView,
    DeliveryView,
    EndedView,
    EventView,
    Gauges,
    HitRate,
    Idempotency,
    JobError,
    JobView,
    Plan,
    ProviderView,
    RecentView,
    RunView,
    Step,
    TryView,
    UsageView,
    Vote,
    cached_view,
    delivery_view,
    job_view,
    result_json,
)

__all__ = [
    "COMMITTED_WITHIN",
    "SCOPES",
    "UNLIMITED",
    "Answered",
    "Ask",
    "AttemptView",
    "BatchOrder",
    "BatchRow",
    "BatchView",
    "Caller",
    "ChangedView",
    "DeliveryView",
    "EndedView",
    "Entry",
    "EventView",
    "Gauges",
    "HitRate",
    "Idempotency",
    "Intake",
    "JobError",
    "JobView",
    "Plan",
    "ProviderView",
    "RecentView",
    "RunView",
    "Step",
    "TryView",
    "UsageView",
    "Vote",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Intake(Connecting, Records, Runs, Shown, Readers, Handling, Hooks, Arrivals):
    """The verbs around jobs; with it come those around keys, records, batches, cards, CRMs..."""

    def request(self, caller: Caller, ask: Ask, idempotency: Idempotency | None = None) -> JobView:
        """Return the card at once from the cache, or the job that will bring it.

        Somebody else's job for the same prospect and sections is joined: it costs nothing more and
        both are delivered to. A suppressed prospect gives a job that has ended as `suppressed`.

        Raises QuotaExceeded, and IdempotencyMismatch when the key came with another body.
        """
        return self.requested(caller, ask, idempotency).result().view

    def requested(
        self, caller: Caller, ask: Ask, idempotency: Idempotency | None = None
    ) -> Future[Answered]:
        """Queue a request for the next commit, without waiting for it; else as `request`."""
        wanted = _wanted(ask)
        work = partial(
            self._request, caller=caller, ask=ask, wanted=wanted, idempotency=idempotency
        )
        return self.database.write(work, f"ask:{ask.prospect.key}")

    def batch(self, caller: Caller, asks: Sequence[Ask | None]) -> BatchView:
        """Ask for many prospects at once, behind everything that somebody waits for.

        Each is asked for as by `request`; the same one twice is one job. Where that would raise,
        such as behind the end of the allowance, the row names the problem and the others go on.
        None stands for what could not be read: its row is `invalid_prospect`.
        Raises InvalidRequest when there are none, or more than ASKS.
        """
        return self._begin(caller, asks, partial(self._row, caller))

    def _row(self, caller: Caller, db: Connection, ask: Ask) -> JobView:
        return self._once(db, caller, ask, _wanted(ask), None, self.now())

    def feed(self, at_once: int) -> bool:
        """Ask for the next rows of large batches, as a worker does again and again.

        No more than about `at_once` of their jobs are under way for each worker, so that there is
        room for what somebody waits for. False when there is nothing to do now.
        """
        return self._feed(at_once, Asking(self._row, self._most))

    def shown(self, caller: Caller, prospect: Prospect) -> JobView | None:
        """Return the card that is there, fresh or stale; None when there is none to show.

        Nothing is spent and no job is started. Who may spend is shown whatever a request would be
        answered with for nothing, others only what they asked for.
        """
        ask = Ask(prospect=prospect)
        wanted = _wanted(ask)
        kept, is_whole = self._kept(caller, prospect, scope(wanted))
        if is_whole or "spend" not in caller.scopes:
            return kept
        served = self.database.read(lambda db: self._served(db, ask, wanted))
        if "providers" in served.values():
            return kept
        work = partial(self._put_together, caller=caller, prospect=prospect, wanted=wanted)
        return self.database.write(work, f"ask:{prospect.key}").result() or kept

    def _put_together(
        self, db: Connection, caller: Caller, prospect: Prospect, wanted: Wanted
    ) -> JobView | None:
        """Return a card from what other jobs have settled, as a job that has ended."""
        if callers.is_suppressed(db, [one for one, _ in digests(prospect)]):
            return None
        now = self.now()
        row = self._assembled(db, prospect, wanted, now)
        if row is None:
            return None
        store.remember_asker(db, row.id, caller.id, now)
        return cached_view(row, now)

    def _request(
        self,
        db: Connection,
        caller: Caller,
        ask: Ask,
        wanted: Wanted,
        idempotency: Idempotency | None,
    ) -> Answered:
        now = self.now()
        view = self._once(db, caller, ask, wanted, idempotency, now)
        limited = self.quota(caller) is not None
        return Answered(view, self.used(db, caller, now) if limited else None)

    def _once(
        self,
        db: Connection,
        caller: Caller,
        ask: Ask,
        wanted: Wanted,
        idempotency: Idempotency | None,
        now: datetime,
    ) -> JobView:
        if idempotency and (known := self._repeated(db, caller, idempotency, now)):
            if known.digest != idempotency.digest:
                raise IdempotencyMismatch(
                    "This Idempotency-Key came with another body in the last 24 h; use a new one."
                )
            return self._view(db, known.job_id)
        view = self._answer(db, caller, ask, wanted, now)
        _remember(db, view.id, caller, ask, now)
        for to in ask.notify:
            if to.replaces:
                _replace(db, to, view)
        if idempotency:
            row = {"caller_id": caller.id, "key": idempotency.key, "digest": idempotency.digest}
            callers.remember(db, Idempotent(**row, job_id=view.id, created_at=now))
        return view

    def _repeated(self, db: Connection, caller: Caller, asked: Idempotency, now: datetime) -> Any:
        return callers.idempotent(db, caller.id, asked.key, now, asked.lasts)

    def _answer(
        self, db: Connection, caller: Caller, ask: Ask, wanted: Wanted, now: datetime
    ) -> JobView:
        if self._is_unknown(db, ask.prospect, wanted, now):
            return self._begun(db, caller, ask, wanted, now)
        if callers.is_suppressed(db, [one for one, _ in digests(ask.prospect)]):
            return self._refused(db, caller, ask, wanted, now)
        if not ask.refresh and (cached := self._cached(db, caller, ask, wanted, now)):
            return cached
        live = store.live_job(db, ask.prospect.key, scope(wanted))
        if live:
            return self._join(db, caller, ask, wanted, live.id)
        return self._begun(db, caller, ask, wanted, now)

    def _is_unknown(
        self, db: Connection, prospect: Prospect, wanted: Wanted, now: datetime
    ) -> bool:
        """Tell whether the providers have to be asked, whatever else a request says."""
        if self.primed(prospect, now):
            return False
        keys = subjects(prospect)
        about = list({keys[section.value] for section in wanted})
        stops = [one for one, _ in digests(prospect)]
        return store.is_unknown(db, prospect.key, scope(wanted), stops, about)

    def _begun(
        self, db: Connection, caller: Caller, ask: Ask, wanted: Wanted, now: datetime
    ) -> JobView:
        """Begin a job that the caller pays for."""
        self._charge(db, caller, now)
        job = _new_job(ask, wanted, now, caller_id=caller.id, charged=True)
        self._start(db, job)
        self._notify(db, job.id, caller, ask)
        return job_view(job, NOTHING_YET)

    def _join(
        self, db: Connection, caller: Caller, ask: Ask, wanted: Wanted, job_id: str
    ) -> JobView:
        """Share a job that is under way; when it ends at this very moment, answer from it."""
        job = store.held_job(db, job_id)
        if job is None or job.finished_at is not None:
            return self._answer(db, caller, ask, wanted, self.now())
        if store.push_forward(db, job_id, ask.priority, refresh=ask.refresh):
            store.post(db, replace(self.tasks.again(job), rank=-ask.priority))
        self._notify(db, job_id, caller, ask)
        return replace(self._view(db, job_id), joined=True)

    def _cached(
        self, db: Connection, caller: Caller, ask: Ask, wanted: Wanted, now: datetime
    ) -> JobView | None:
        """Return the last card while it is fresh; while it is stale, with its refresh queued."""
        job = store.latest_job(db, ask.prospect.key, scope(wanted))
        if job is None or not job.result or "card" not in job.result:
            job = self._assembled(db, ask.prospect, wanted, now)
        if job is None or job.stale_until is None or now >= job.stale_until:
            return None
        view = self._view_of(db, job)
        for to in ask.notify:
            event = EVENTS[view.status]
            announce(db, self.tasks, new_delivery(job.id, event, caller.id, to, now))
        if now < job.fresh_until:
            return replace(view, served_from="fresh_cache")
        if not ask.renews:
            return replace(view, served_from="stale_cache")
        renewal = self._renewal(db, ask, wanted, now)
        _remember(db, renewal, caller, ask, now)
        for to in ask.notify:
            if to.followed:
                store.add_recipient(db, renewal, to.channel, to.target, caller.id)
        return replace(view, served_from="stale_cache", refresh_job_id=renewal)

    def _renewal(self, db: Connection, ask: Ask, wanted: Wanted, now: datetime) -> str:
        """Return the background job that renews a stale card; queue it if there is none yet."""
        live = store.live_job(db, ask.prospect.key, scope(wanted))
        if live:
            return str(live.id)
        quiet = Ask(prospect=ask.prospect, priority=Priority.background)
        job = _new_job(quiet, wanted, now, caller_id=None, charged=False)
        self._start(db, job)
        return str(job.id)

    def _assembled(self, db: Connection, prospect: Prospect, wanted: Wanted, now: datetime) -> Any:
        """Put a card together from sections that other jobs have settled; None if one lacks."""
        keys = subjects(prospect)
        facts = list(self.primed(prospect, now))
        if facts:
            self._prime(db, prospect, wanted, facts)
        covered = ledger.coverage(db, set(keys.values()))
        rows = {section: covered.get((keys[section.value], section.value)) for section in wanted}
        settled = {s: row for s, row in rows.items() if row and wanted[s] <= set(row.wanted)}
        if len(settled) < len(wanted):
            return None
        statuses = {section: Status(row.status) for section, row in settled.items()}
        ages = {section: (statuses[section], row.as_of) for section, row in settled.items()}
        fresh_until, stale_until = freshness.card_until(ages, self.tiers)
        if stale_until <= now:
            return None
        found: list[Fact] = []
        for section in settled:
            found += ledger.facts_about(db, keys[section.value], [section.value])
        return self._keep(db, prospect, wanted, found, statuses, now, fresh_until, stale_until)

    def _keep(
        self,
        db: Connection,
        prospect: Prospect,
        wanted: Wanted,
        facts: Sequence[Fact],
        statuses: Mapping[Section, Status],
        now: datetime,
        fresh_until: datetime,
        stale_until: datetime,
    ) -> Any:
        """Keep a card that came from the cache alone as a job that has ended."""
        result = assemble(
            prospect,
            wanted,
            facts,
            now,
            positioning=self.positioning,
            rejected=feedback.rejected(db, prospect),
        )
        job = _new_job(Ask(prospect=prospect), wanted, now, caller_id=None, charged=False)
        job.status = verdict(statuses)
        job.section_status = {s.value: st.value for s, st in statuses.items()}
        job.served_from = "fresh_cache"
        job.finished_at, job.fresh_until, job.stale_until = now, fresh_until, stale_until
        job.result = result_json(result, [], None)
        store.add_job(db, vars(job))
        tally.job_ended(db, Status(job.status), now)
        return store.job_row(db, job.id)

    def _prime(
        self, db: Connection, prospect: Prospect, wanted: Wanted, facts: Sequence[Fact]
    ) -> None:
        keys = subjects(prospect)
        ledger.replace_facts(db, f"primed|{prospect.key}", keys, identified(facts))
        for section, names in wanted.items():
            seen = [fact.seen_at for fact in facts if FIELDS[fact.field].section is section]
            if seen:
                subject = keys[section.value]
                ledger.cover(db, subject, section, Status.complete, names, max(seen))

    def _refused(
        self, db: Connection, caller: Caller, ask: Ask, wanted: Wanted, now: datetime
    ) -> JobView:
        """Keep a job that says only that somebody is on the do-not-enrich list, not who."""
        anonymous = Prospect(ask.prospect.by, digest(ask.prospect.key), Identifiers())
        job = _new_job(Ask(prospect=anonymous), wanted, now, caller_id=caller.id, charged=False)
        job.status = Status.suppressed
        job.section_status = dict.fromkeys(job.sections, Status.suppressed.value)
        job.finished_at = now
        job.result = {
            "error": {
                "code": "suppressed",
                "message": "This prospect is on the do-not-enrich list; nobody was asked.",
            }
        }
        store.add_job(db, vars(job))
        tally.job_ended(db, Status.suppressed, now)
        return job_view(job, job.result)

    def _start(self, db: Connection, job: SimpleNamespace) -> None:
        """Write a job and its message in one commit."""
        store.add_job(db, vars(job))
        store.post(db, self.tasks.job(job.id, job.priority))
        store.first_event(db, job.id, "job", {"status": job.status}, job.created_at)

    def _notify(self, db: Connection, job_id: str, caller: Caller, ask: Ask) -> None:
        now = self.now()
        for to in ask.notify:
            store.add_recipient(db, job_id, to.channel, to.target, caller.id)
            for event, after in FOLLOWED.items() if to.followed else ():
                told = new_delivery(job_id, event, caller.id, to, now, after=after)
                announce(db, self.tasks, told)

    def _charge(self, db: Connection, caller: Caller, now: datetime) -> None:
        """Book one enrichment on the caller's month. It is given back when nothing is found."""
        quota = self.quota(caller)
        if quota is None:
            callers.charge_later(db, caller.id, month(now), used=1)
        elif not callers.charge_within(db, caller.id, month(now), quota):
            raise QuotaExceeded(quota, next_month(now))

    def plan(self, ask: Ask) -> Plan:
        """Say what a request would do and at most cost, without doing it."""
        wanted = wanted_fields(ask.sections or sections_for(ask.prospect), ask.wanted)
        served = self.database.read(lambda db: self._served(db, ask, wanted))
        steps = [
            step
            for section, names in wanted.items()
            if served[section] == "providers"
            for step in self._steps(ask.prospect, section, names)
        ]
        distinct = {(step.provider, step.capability): step.credits for step in steps}
        most = sum(distinct.values())
        if ask.max_credits is not None:
            most = min(most, ask.max_credits)
        return Plan(ask.prospect, served, steps, most)

    def _most(self, db: Connection, ask: Ask) -> float:
        """Return what a job could cost at most, whatever it learns on its way.

        That is more than a plan tells: an identifier that is found opens further providers.
        """
        wanted = wanted_fields(ask.sections or sections_for(ask.prospect), ask.wanted)
        served = self._served(db, ask, wanted)
        if "providers" not in served.values():
            return 0.0
        old = [names for section, names in wanted.items() if served[section] != "fresh_cache"]
        lacking = frozenset().union(*old)
        return sum(
            capability.credits
            for provider in self.sources
            if provider.sandbox == ask.prospect.is_sandbox
            for capability in provider.capabilities
            if capability.fields & lacking
        )

    def _served(self, db: Connection, ask: Ask, wanted: Wanted) -> dict[Section, str]:
        now, keys = self.now(), subjects(ask.prospect)
        covered = ledger.coverage(db, set(keys.values()))

        def how(section: Section) -> str:
            row = covered.get((keys[section.value], section.value))
            if ask.refresh or row is None or not wanted[section] <= set(row.wanted):
                return "providers"
            status, tiers = Status(row.status), self.tiers[section]
            if now < freshness.fresh_until(status, row.as_of, tiers):
                return "fresh_cache"
            stale = now < freshness.stale_until(status, row.as_of, tiers)
            return "stale_cache" if stale else "providers"

        return {section: how(section) for section in wanted}

    def _steps(self, prospect: Prospect, section: Section, names: frozenset[str]) -> list[Step]:
        return [
            Step(section.value, provider.name, capability.name, capability.credits)
            for provider in self.sources
            if provider.sandbox == prospect.is_sandbox
            for capability in provider.capabilities
            if capability.fields & names and capability.query(prospect.known)
        ]

    def job(self, caller: Caller, job_id: str) -> JobView:
        """Return a job that the caller asked for. Raises NotFound."""

        def found(db: Connection) -> JobView:
            if caller.id != OPERATOR and not store.may_see(db, job_id, caller.id):
                raise NotFound(f"There is no job {job_id[:64]} of yours.")
            return self._view(db, job_id)

        return self.database.read(found)

    def jobs(self, caller: Caller, limit: int = 20) -> list[JobView]:
        """Return the newest jobs that the caller asked for."""
        whose = None if caller.id == OPERATOR else caller.id

        def found(db: Connection) -> list[JobView]:
            return [self._view_of(db, row) for row in store.jobs_of(db, whose, limit)]

        return self.database.read(found)

    def card(self, token: str) -> JobView:
        """Return the job behind the link of a card. Raises NotFound."""

        def found(db: Connection) -> JobView:
            row = store.job_by_card(db, token)
            if row is None:
                raise NotFound("There is no such card (any more).")
            return self._view_of(db, row)

        return self.database.read(found)

    def cancel(self, caller: Caller, job_id: str) -> JobView:
        """Cancel a job; one that runs ends within seconds. Raises NotFound, Conflict.

        A job that others asked for too goes on: no caller ends what another one waits for.
        """
        self.job(caller, job_id)

        def cancelled(db: Connection) -> JobView:
            now = self.now()
            row = store.held_job(db, job_id)
            if row and row.finished_at is not None:
                raise Conflict("The job has ended; there is nothing to cancel.")
            if caller.id != OPERATOR and store.is_shared(db, job_id, caller.id):
                raise Conflict("Others asked for the same job; it goes on for them.")
            if row and row.status == Status.queued:
                store.withdraw(db, job_id)
                if ended := store.finish(db, job_id, now, Status.cancelled, owner=None):
                    follow_up(db, self.tasks, ended, now)
            else:
                store.ask_to_cancel(db, job_id)
            return self._view(db, job_id)

        return self.database.write(cancelled).result()

    def refresh(self, caller: Caller, job_id: str, notify: tuple[Address, ...] = ()) -> JobView:
        """Ask again for the same prospect and sections, past the cache. Raises as `request`."""
        row = self.database.read(lambda db: store.job_row(db, self.job(caller, job_id).id))
        assert row is not None
        prospect = Prospect.from_json(row.prospect)
        if row.status == Status.suppressed:
            raise Conflict("The prospect is on the do-not-enrich list.")
        ask = Ask(
            prospect=prospect,
            sections=frozenset(Section(name) for name in row.sections),
            wanted=frozenset(row.wanted) if row.wanted else None,
            refresh=True,
            priority=Priority.refresh,
            notify=notify,
        )
        return self.request(caller, ask)

    def writes(self, caller: Caller, job_id: str) -> list[Entry]:
        """Return what was, and was not, written into CRMs for a caller's job. Raises NotFound."""
        self.job(caller, job_id)
        rows = self.database.read(lambda db: crm_store.writes(db, job_id))
        return [entry(row) for row in rows]

    def save(self, caller: Caller, job_id: str, connection: str) -> DeliveryView:
        """Have what a caller's job found written into the record of whom it is about.

        It is a delivery as any other: tried until it is done. Raises NotFound, Conflict while
        the job goes on.
        """
        view = self.job(caller, job_id)
        kind = Kind.person if view.prospect.is_person else Kind.company
        to = Address(crm_store.CHANNEL, Ref(connection, kind, "").target)
        return self.tell(caller, job_id, to)

    def tell(
        self, caller: Caller, job_id: str, to: Address, reader: str | None = None
    ) -> DeliveryView:
        """Send the card of a caller's job that has ended to an address.

        `reader` is the id of the caller who gets it there, and may see the job from now on.
        Raises NotFound, Conflict while the job goes on.
        """
        view = self.job(caller, job_id)
        if not view.is_final:
            raise Conflict("The job has not ended; its card is sent when it has.")
        whose, now = reader or caller.id, self.now()
        delivery = new_delivery(view.id, EVENTS[view.status], whose, to, now)

        def sent(db: Connection) -> DeliveryView:
            store.remember_asker(db, view.id, whose, now)
            announce(db, self.tasks, delivery)
            return delivery_view(outbox.row(db, delivery.id), [])

        return self.database.write(sent).result()

    def events(self, job_id: str, after: int = 0) -> list[EventView]:
        """Return the changes of a job behind number `after`, oldest first."""
        rows = self.database.read(lambda db: store.events(db, job_id, after))
        return [EventView(row.seq, row.kind, row.data, row.at) for row in rows]

    def versions(self, job_ids: Collection[str]) -> dict[str, tuple[int, bool]]:
        """Return version and whether it has ended for each of these jobs, in one question."""
        return self.database.read(lambda db: store.versions(db, job_ids))

    def _view(self, db: Connection, job_id: str) -> JobView:
        row = store.job_row(db, job_id)
        if row is None:
            raise NotFound(f"There is no job {job_id[:64]} (any more).")
        return self._view_of(db, row)

    def _view_of(self, db: Connection, row: Any) -> JobView:
        if row.finished_at is None:
            return self._live_view(db, row)
        return job_view(row, row.result or {})

    def _live_view(self, db: Connection, row: Any) -> JobView:
        """Show a job under way with what it knows so far."""
        attempts = ledger.attempts_of(db, row.id)
        if not attempts:
            return job_view(row, NOTHING_YET)
        prospect = Prospect.from_json(row.prospect)
        wanted = wanted_fields(
            [Section(name) for name in row.sections],
            frozenset(row.wanted) if row.wanted else None,
        )
        facts = ledger.facts_of_job(db, row.id)
        result = assemble(
            prospect,
            wanted,
            facts,
            self.now(),
            positioning=self.positioning,
            rejected=feedback.rejected(db, prospect),
        )
        return job_view(row, result_json(result, attempts, None))


def _replace(db: Connection, to: Address, view: JobView) -> None:
    """Have a message show this job from now on: what it was to be told of others is dropped."""
    posted.replace(db, to.channel, to.target, view.id, view.created_at)
    awaited = {job_id for job_id in (view.id, view.refresh_job_id) if job_id}
    outbox.supersede(db, to.channel, to.target, awaited)
    store.supersede(db, to.channel, to.target, awaited)


_BLANK = {
    name: column.get_default()
    for name, column in Job.model_fields.items()
    if not column.is_required()
}
"""What a column of a job holds unless told."""


def _remember(db: Connection, job_id: str, caller: Caller, ask: Ask, now: datetime) -> None:
    """Let a caller see a job from now on, and the person who asked find it again."""
    store.remember_asker(db, job_id, caller.id, now)
    if ask.reader:
        store.remember_reader(db, job_id, caller.id, ask.reader, now)


def _wanted(ask: Ask) -> Wanted:
    """Return what is asked for. Raises InvalidRequest when it is nothing."""
    wanted = wanted_fields(ask.sections or sections_for(ask.prospect), ask.wanted)
    if not wanted:
        raise InvalidRequest("None of the wanted fields can be known of this kind of prospect.")
    return wanted


def _new_job(
    ask: Ask, wanted: Wanted, now: datetime, *, caller_id: str | None, charged: bool
) -> SimpleNamespace:
    """Return a row of Job to be: its columns as attributes, which cost less than a Job does."""
    return SimpleNamespace(
        **_BLANK
        | {
            "id": f"job_{uuid4().hex}",
            "prospect_key": ask.prospect.key,
            "company_key": ask.prospect.company_key,
            "prospect": ask.prospect.to_json(),
            "scope": scope(wanted),
            "sections": [section.value for section in wanted],
            "wanted": sorted(ask.wanted) if ask.wanted else [],
            "status": Status.queued,
            "priority": Priority.refresh if ask.refresh else ask.priority,
            "refresh": ask.refresh,
            "background": ask.priority is Priority.background,
            "caller_id": caller_id,
            "charged": charged,
            "max_credits": ask.max_credits,
            "section_status": dict.fromkeys((s.value for s in wanted), Status.queued.value),
            "card_token": token_urlsafe(24),
            "needed_by": ask.needed_by,
            "due_at": now,
            "created_at": now,
            "updated_at": now,
        }
    )
