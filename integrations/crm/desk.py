"""Writes a job's facts into a record, shows beforehand what that would be, and takes it back.

Each value is read immediately before it is written, and entered in the books before it is sent.
Whoever writes holds the record: two never write into one at a time.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from app.crm import CrmRecord, Kind, Line, Property, Ref
from app.crm_books import MAYBE, Books, Held
from app.crm_plan import OWN, Change, planned, properties_of, same, standing
from app.crm_settings import Connected
from app.crm_views import Entry, Saved, Undone
from app.digest import digest
from app.errors import DeliveryFailed, DeliveryPutOff
from app.job import Status
from app.views import JobView
from integrations.crm import render

BUSY = "busy"
BUSY_S = 1.0
"""How long to wait for whoever writes into the same record now."""

KNOWN_FOR = timedelta(hours=1)
"""How long the definitions of properties are remembered: an admin may change them."""

NOTHING_TO_SAY = frozenset({Status.suppressed, Status.cancelled})

MERGES = 3
"""So many times in a row a record is followed to the one that it was merged into."""

Definitions = Mapping[str, Property]


@dataclass(frozen=True, slots=True)
class Remembered:
    """Definitions of properties, and when they were read."""

    at: datetime
    definitions: Definitions


Defined = dict[tuple[str, Kind], Remembered]
"""What is remembered of each connection and kind; all desks of a process share it."""


@dataclass(frozen=True, slots=True)
class _Read:
    """A record as it is immediately before it is written."""

    record: CrmRecord
    definitions: Definitions
    connected: Connected
    line: Line


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Where records are written. `lines` gives the line to a connection that there is."""

    connections: Mapping[str, Connected]
    lines: Callable[[str], Line | None]
    books: Books
    now: Callable[[], datetime]
    base_url: str
    defined: Defined = field(default_factory=dict, repr=False)

    # --- showing ---

    async def plan(self, view: JobView, ref: Ref) -> Saved:
        """Return what would be written into a record, and into the company of a person."""
        known = await self._known(view, ref)
        if known is None:
            return Saved(ref, reason="no_record")
        seen = await self._read(known)
        if seen is None:
            return Saved(known, reason="gone")
        if why_not := _why_not(view, seen.record):
            return Saved(seen.record.ref, reason=why_not, url=seen.record.url)
        shown = self._planned(view, seen)
        company = await self._company(view, seen)
        company_seen = await self._read(company) if company else None
        also = self._planned(view, company_seen) if company_seen else None
        return replace(shown, also=also)

    def _planned(self, view: JobView, seen: _Read) -> Saved:
        record, translate = seen.record, seen.connected.adapter.translate
        rules = seen.connected.rules[record.ref.kind]
        facts, disputed = render.winners(view), render.read(view).conflicts
        changes = planned(rules, facts, record, seen.definitions, translate, disputed)
        says = render.standing(view, self._url(view), self.now())
        own = standing(says, record, seen.definitions, translate)
        return Saved(record.ref, (*changes, *own), url=record.url)

    # --- writing ---

    async def save(self, view: JobView, ref: Ref, *, is_agreed: bool = False) -> Saved:
        """Write what a job found into a record, into the company of a person, and a note on both.

        `is_agreed` means that somebody has agreed to what is proposed. May be called again: what
        is there already is not written again. Raises DeliveryFailed, DeliveryPutOff.
        """
        known = await self._known(view, ref)
        if known is None:
            return Saved(ref, reason="no_record")
        for _ in range(MERGES):
            saved = await self._saved(view, known, is_agreed=is_agreed)
            if saved.ref == known or saved.reason != "merged":
                return saved
            known = saved.ref
        return saved

    async def _saved(self, view: JobView, ref: Ref, *, is_agreed: bool) -> Saved:
        """Write into a record; `merged` names the one that it was merged into."""
        held = await self._held(ref)
        try:
            if held.is_shut:
                return Saved(ref, reason=held.state)
            if held.winner:
                return Saved(Ref.read(held.winner), reason="merged")
            seen = await self._read(ref)
            if seen is None:
                await self.books.let_go(ref.target, state="gone")
                return Saved(ref, reason="gone")
            if seen.record.ref != ref:
                winner = seen.record.ref
                await self.books.let_go(ref.target, state="merged", winner=winner.target)
                return Saved(winner, reason="merged")
            if why_not := _why_not(view, seen.record):
                await self.books.let_go(ref.target, state="skipped", reason=why_not)
                return Saved(ref, reason=why_not, url=seen.record.url)
            return await self._all(view, seen, held, is_agreed=is_agreed)
        finally:
            await self.books.let_go(ref.target)

    async def _all(self, view: JobView, seen: _Read, held: Held, *, is_agreed: bool) -> Saved:
        shown = self._planned(view, seen)
        shown = shown.agreed if is_agreed else shown
        saved = await self._written(view, seen, held, shown)
        company = await self._company(view, seen)
        if company:
            saved = replace(
                saved, also=await self._on_company(view, seen, company, is_agreed=is_agreed)
            )
        await self._noted(view, seen, held, saved.also)
        await self.books.enriched(held.target, view.status.value, seen.record.url)
        return saved

    async def _on_company(
        self, view: JobView, person: _Read, company: Ref, *, is_agreed: bool
    ) -> Saved:
        """Write into the company of a person, unless somebody is at it who writes the same.

        Our own properties only go beside something else: colleagues would else write the company
        anew one after the other.
        """
        if person.record.company is None:
            await person.line.ask(person.line.adapter.associate(person.record.ref, company))
        held = await self.books.hold(company)
        if held is None:
            return Saved(company, reason=BUSY)
        try:
            seen = None if held.is_shut else await self._read(company)
            if seen is None or seen.record.opted_out:
                return Saved(company, reason=held.state if held.is_shut else "gone")
            shown = self._planned(view, seen)
            shown = shown.agreed if is_agreed else shown
            if all(one.policy == OWN for one in shown.due):
                others = tuple(one for one in shown.changes if one.policy != OWN)
                shown = replace(shown, changes=others)
            return await self._written(view, seen, held, shown)
        finally:
            await self.books.let_go(company.target)

    async def _written(self, view: JobView, seen: _Read, held: Held, shown: Saved) -> Saved:
        """Send what is due of a plan, and enter everything in the books.

        What has no certain answer stays there as `sending`: the next try looks for it.
        """
        target, person = held.target, digest(view.prospect.key)
        await self._settle_lost(view, seen, target)
        if shown.due and held.writes_left < 1:
            capped = tuple(_capped(one) for one in shown.changes)
            shown = replace(shown, changes=capped)
        rest = [one for one in shown.changes if one not in shown.due]
        await self.books.skip(view.id, person, target, rest)
        if not shown.due:
            return shown
        ids = await self.books.begin(view.id, person, target, shown.due)
        values = {one.property: one.new for one in shown.due}
        try:
            told = await seen.line.ask(seen.line.adapter.write(seen.record.ref, values))
        except DeliveryFailed as exc:
            if exc.undone:
                await self.books.drop(ids.values())
            elif exc.final:
                why = exc.word or f"status {exc.status}"
                await self.books.end(ids.values(), "refused", reason=why, status=exc.status)
            raise
        done = [ids[name] for name in ids if name in told.written]
        await self.books.end(done, "written", status=told.status, word=told.correlation_id)
        for name, reason in told.refused.items():
            await self.books.end([ids[name]] if name in ids else [], "refused", reason=reason)
        return replace(shown, written=told.written, refused=told.refused)

    async def _settle_lost(self, view: JobView, seen: _Read, target: str) -> None:
        """Say of what was sent without an answer whether it is there."""
        for entry in await self.books.entries(view.id, target):
            if entry.state == "sending":
                change = entry.change
                now = seen.record.values.get(change.property, "")
                if _is(seen.definitions, change.property, now, change.new):
                    await self.books.end([entry.id], "written")
                else:
                    await self.books.drop([entry.id])

    async def _noted(self, view: JobView, seen: _Read, held: Held, company: Saved | None) -> None:
        """Put the card on the timelines: one note a record, changed when there is a newer card."""
        if render.is_empty(view):
            return
        is_there = company is not None and company.reason in {"", BUSY}
        about = [seen.record.ref, company.ref] if company and is_there else [seen.record.ref]
        known = "" if held.note_id == MAYBE else held.note_id
        note = render.note(
            view,
            self._url(view),
            view.finished_at or self.now(),
            may_be_there=held.note_id == MAYBE,
        )
        if not known:
            await self.books.noting(held.target, MAYBE)
        try:
            note_id = await seen.line.ask(seen.line.adapter.note(about, note, known))
        except DeliveryFailed as exc:
            if not known and exc.undone:
                await self.books.noting(held.target, held.note_id)
            raise
        await self.books.noting(held.target, note_id)

    # --- taking back ---

    async def undo(self, job_id: str) -> list[Undone]:
        """Put the old values back that a job's were written over, unless they changed since.

        May be called again. Raises DeliveryFailed, DeliveryPutOff.
        """
        entries = [one for one in await self.books.entries(job_id) if one.state == "written"]
        undone: list[Undone] = []
        for target in sorted({one.target for one in entries}):
            mine = [one for one in reversed(entries) if one.target == target]
            undone += await self._undone(Ref.read(target), mine)
        return undone

    async def _undone(self, ref: Ref, entries: Sequence[Entry]) -> list[Undone]:
        """Take back what was written into one record; `entries` are the newest first."""
        held = await self._held(ref)
        try:
            seen = None if held.is_shut else await self._values(ref, entries)
            if seen is None:
                return [Undone(one, "gone") for one in entries]
            values, outcomes = _restored(seen, entries)
            refused: Mapping[str, str] = {}
            if values:
                told = await seen.line.ask(seen.line.adapter.write(ref, values))
                refused = told.refused
            judged = [
                replace(one, outcome="refused")
                if one.entry.change.property in refused and one.outcome == "undone"
                else one
                for one in outcomes
            ]
            done = [one.entry.id for one in judged if one.outcome == "undone"]
            await self.books.end(done, "undone")
            return judged
        finally:
            await self.books.let_go(ref.target)

    async def _values(self, ref: Ref, entries: Sequence[Entry]) -> _Read | None:
        names = sorted({one.change.property for one in entries})
        connected, line = self._connected(ref.connection)
        definitions = await self._definitions(connected, line, ref.kind)
        record = await line.ask(line.adapter.fetch(ref, names))
        return _Read(record, definitions, connected, line) if record else None

    # --- reading ---

    async def _held(self, ref: Ref) -> Held:
        held = await self.books.hold(ref)
        if held is None:
            raise DeliveryPutOff("somebody writes into this record now", BUSY_S)
        return held

    async def _known(self, view: JobView, ref: Ref) -> Ref | None:
        """Return a record that is named; else the one of the prospect's address or domain."""
        if ref.id:
            return ref
        known = view.prospect.known
        identifier = known.email if ref.kind is Kind.person else known.domain
        if not identifier:
            return None
        line = self._connected(ref.connection)[1]
        return await line.ask(line.adapter.find(ref.connection, ref.kind, identifier))

    async def _read(self, ref: Ref) -> _Read | None:
        connected, line = self._connected(ref.connection)
        definitions = await self._definitions(connected, line, ref.kind)
        names = properties_of(connected.rules[ref.kind], definitions)
        record = await line.ask(line.adapter.fetch(ref, names))
        return _Read(record, definitions, connected, line) if record else None

    async def _company(self, view: JobView, seen: _Read) -> Ref | None:
        """Return the record of a person's company: the one it belongs to, else by its domain.

        None is made: the CRM may be making it in this very second.
        """
        if seen.record.ref.kind is not Kind.person:
            return None
        if seen.record.company:
            return seen.record.company
        domain = view.prospect.known.domain
        if not domain:
            return None
        line, connection = seen.line, seen.record.ref.connection
        return await line.ask(line.adapter.find(connection, Kind.company, domain))

    async def _definitions(self, connected: Connected, line: Line, kind: Kind) -> Definitions:
        key, now = (connected.name, kind), self.now()
        known = self.defined.get(key)
        if known is None or abs(now - known.at) > KNOWN_FOR:  # either way: a clock may be set back
            known = Remembered(now, await line.ask(line.adapter.properties(kind)))
            self.defined[key] = known
        return known.definitions

    def _connected(self, name: str) -> tuple[Connected, Line]:
        connected, line = self.connections.get(name), self.lines(name)
        if connected is None or line is None:
            raise DeliveryFailed(f"there is no CRM connection {name}", final=True)
        return connected, line

    def _url(self, view: JobView) -> str:
        return f"{self.base_url}/card/{view.card_token}"


def _why_not(view: JobView, record: CrmRecord) -> str:
    """Say in one word why nothing at all is written; empty when something is."""
    if view.status in NOTHING_TO_SAY:
        return view.status.value
    return "opted_out" if record.opted_out else ""


def _capped(change: Change) -> Change:
    return change if change.reason or change.is_proposed else replace(change, reason="capped")


def _is(definitions: Definitions, name: str, one: str, other: str) -> bool:
    prop = definitions.get(name)
    return same(prop.type if prop else "text", one, other)


def _restored(seen: _Read, entries: Sequence[Entry]) -> tuple[dict[str, str], list[Undone]]:
    """Return the values to put back, and what becomes of each entry, the newest first."""
    values: dict[str, str] = {}
    outcomes = []
    for one in entries:
        name = one.change.property
        now = values.get(name, seen.record.values.get(name, ""))
        if one.is_hushed:
            outcomes.append(Undone(one, "erased"))
        elif _is(seen.definitions, name, now, one.change.new):
            values[name] = one.change.old
            outcomes.append(Undone(one, "undone"))
        else:
            is_back = _is(seen.definitions, name, now, one.change.old)
            outcomes.append(Undone(one, "undone" if is_back else "changed_since"))
    return values, outcomes
