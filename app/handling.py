"""What is done with a card that somebody has before them."""

from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy import Connection

from app import feedback, ledger, posted, store
from app.courier import announce, new_delivery
from app.delivery import EVENTS, Address
from app.errors import Conflict, NotFound
from app.facts import Section
from app.front import OPERATOR, Front
from app.job import Status
from app.people import CALLER
from app.prospect import Prospect
from app.rejection import rejection
from app.tables import Feedback
from app.views import Caller, JobView, Vote, job_view

MAILBOX = frozenset({"person.email"})
"""What an answer may say that is about the address alone, whoever has it."""


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a channel has posted a message, in its own words.

    `owners` are what the addresses begin with that belong to whoever has the message before them.
    """

    place: str
    ref: str
    owners: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Handling(Front):
    """The verbs that begin at a card: found, taken away, sent on, retracted, voted on."""

    def posting_at(self, caller: Caller, channel: str, at: Spot) -> Address | None:
        """Return the address of a message by where its channel has posted it, to change it there.

        None when nothing is known of it. Who has it before them may see the job that it shows,
        whoever asked for that.
        """
        row = self.database.read(lambda db: _posted(db, channel, at))
        if row is None:
            return None
        now, job_id = self.now(), row.job_id
        if not self.database.read(lambda db: store.may_see(db, job_id, caller.id)):
            self.database.write(
                lambda db: store.remember_asker(db, job_id, caller.id, now)
            ).result()
        return Address(channel, row.target, followed=True, replaces=True)

    def take_away(self, channel: str, at: Spot) -> None:
        """Note that a message is taken away: nothing is posted there again. Raises NotFound."""

        def gone(db: Connection) -> None:
            row = _posted(db, channel, at)
            if row is None:
                raise NotFound("There is no such message of yours (any more).")
            posted.take_away(db, channel, row.target, self.now())

        self.database.write(gone).result()

    def send(self, caller: Caller, job_id: str, to: Address) -> None:
        """Send the card of a job that has ended to one more address. Raises NotFound, Conflict."""

        def sent(db: Connection) -> None:
            row = _ended(db, caller, job_id)
            event = EVENTS[Status(row.status)]
            announce(db, self.tasks, new_delivery(job_id, event, caller.id, to, self.now()))

        self.database.write(sent).result()

    def vote(self, caller: Caller, job_id: str, voter: str, vote: Vote) -> None:
        """Keep whether a card helped. `voter` is a word that tells nobody who it is.

        A voter has one vote for a job: another one takes its place. It is counted for the sources
        of the facts that the card shows. Raises NotFound, Conflict.
        """

        def voted(db: Connection) -> None:
            view = job_view(row := _ended(db, caller, job_id), row.result or {})
            given = Feedback(
                job_id=job_id,
                caller_id=caller.id,
                voter=voter,
                vote=vote.value,
                sources=sources(view),
                at=self.now(),
            )
            feedback.vote(db, given.model_dump())

        self.database.write(voted, f"votes:{job_id}").result()

    def retract(self, caller: Caller, job_id: str) -> None:
        """Take back what a job told of a person who is not the prospect.

        What is kept of that person under the prospect goes: facts, and the cards that show them.
        Of who it was only digests stay, so that no source brings that person back; nobody is asked
        twice for what was paid. Twice is as once.

        Raises NotFound, and Conflict while the prospect is being looked up.
        """
        self.database.write(partial(self._retract, caller=caller, job_id=job_id)).result()

    def _retract(self, db: Connection, caller: Caller, job_id: str) -> None:
        now, row = self.now(), _ended(db, caller, job_id)
        prospect = Prospect.from_json(row.prospect)
        if store.is_asked_about(db, prospect.key):
            raise Conflict("This prospect is being looked up right now: wait for the card.")
        if row.result is None:
            return
        shown = row.result.get("card", {}).get("person") or {}
        marks = rejection(prospect, shown.get("full_name"), shown.get("linkedin_url"))
        feedback.reject(db, prospect, marks, now)
        answers = ledger.answers_about(db, prospect.key, Section.person)
        about = [key for key, said in answers.items() if {fact.field for fact in said} - MAILBOX]
        ledger.retract(db, prospect.key, Section.person, about)
        store.retract_cards(db, prospect.key, now)
        told = {"status": row.status, "retracted": Section.person.value}
        store.add_event(db, job_id, "job", told, now)


def _posted(db: Connection, channel: str, at: Spot) -> Any:
    rows = posted.at_place(db, channel, at.place, at.ref)
    return next((row for row in rows if row.target.startswith(at.owners)), None)


def sources(view: JobView) -> list[str]:
    """Return who told the facts that a card shows; guesses are nobody's."""
    shown = [fact for fact in view.facts if fact.id in view.winners and not fact.inferred]
    return sorted({fact.source for fact in shown} - {CALLER})


def _may_see(db: Connection, caller: Caller, job_id: str) -> bool:
    return caller.id == OPERATOR or store.may_see(db, job_id, caller.id)


def _ended(db: Connection, caller: Caller, job_id: str) -> Any:
    """Return a job that the caller asked for and that has ended, kept from others' changes."""
    row = store.held_job(db, job_id) if _may_see(db, caller, job_id) else None
    if row is None:
        raise NotFound(f"There is no job {job_id[:64]} of yours.")
    if row.finished_at is None:
        raise Conflict("The card is still being prepared.")
    return row
