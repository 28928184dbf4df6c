"""Hooks: addresses at which callers are told of every job of their own (REST hooks)."""

from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection

from app import backlog, outbox, partners
from app.courier import body_of
from app.delivery import BATCH_COMPLETED, EVENTS
from app.errors import Conflict, NotFound
from app.flat import Object, flat
from app.front import OPERATOR, Front
from app.tables import Hook
from app.views import Caller, HookView

MOST = 100
"""Hooks of one caller: each active workflow of a user has one."""

SAMPLES = 3
"""Samples are shown to who maps fields: a few are enough."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hooks(Front):
    """The verbs around hooks."""

    def hook(self, caller: Caller, event: str, target: str) -> HookView:
        """Tell a caller from now on at this address; the same again is the same hook.

        An address that was given up because it failed is tried again. Raises Conflict when the
        caller has MOST already.
        """
        row = Hook(
            id=f"hook_{uuid4().hex}",
            caller_id=caller.id,
            event=event,
            target=target,
            created_at=self.now(),
        )

        def added(db: Connection) -> HookView:
            outbox.works(db, caller.id, target)
            kept = partners.add_hook(db, row)
            if partners.count_hooks(db, caller.id) > MOST:
                raise Conflict(f"There are {MOST} hooks already; delete some first.")
            return _view(kept)

        return self.database.write(added).result()

    def hooks(self, caller: Caller) -> list[HookView]:
        """Return the hooks of a caller."""
        whose = None if caller.id == OPERATOR else caller.id
        return [_view(row) for row in self.database.read(lambda db: partners.hooks_of(db, whose))]

    def unhook(self, caller: Caller, hook_id: str) -> None:
        """Tell nothing more there; what waits to be told is dropped. Raises NotFound."""

        def dropped(db: Connection) -> None:
            row = partners.hook_row(db, hook_id)
            if row is None or caller.id not in {OPERATOR, row.caller_id}:
                raise NotFound(f"There is no hook {hook_id[:64]} of yours.")
            partners.drop_hook(db, hook_id)
            outbox.drop_pending(db, row.caller_id, partners.HOOK, row.target, row.event)

        self.database.write(dropped).result()

    def samples(self, caller: Caller, event: str, base_url: str) -> list[Object]:
        """Return what is told of the caller's newest jobs or batches, at most SAMPLES."""
        whose = None if caller.id == OPERATOR else caller.id
        statuses = [status.value for status, told in EVENTS.items() if told == event]

        def found(db: Connection) -> list[Object]:
            if event == BATCH_COMPLETED:
                batches = partners.newest_batches(db, whose, SAMPLES)
                told = [backlog.body_of(db, one, base_url) for one in batches]
            else:
                jobs = partners.newest_ended(db, whose, statuses, SAMPLES)
                told = [body_of(job, base_url) for job in jobs]
            return [flat(one, event) for one in told]

        return self.database.read(found)


def _view(row: Any) -> HookView:
    return HookView(row.id, row.event, row.target, row.created_at)
