"""Where other surfaces come to have a card written into a CRM, to see that before, or to undo it.

Each errand has connections of its own, so that it may be run on whichever loop is at hand.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from app.crm import Kind, Ref
from app.crm_views import Saved, Undone
from app.errors import NotReady
from app.intake import Caller, Intake, JobView
from integrations.crm.desk import Desk


@dataclass(frozen=True, slots=True, kw_only=True)
class Counter:
    """The errands. `names` are the connections there are; the first one is meant by default."""

    names: Sequence[str]
    intake: Intake
    at_desk: Callable[[], AbstractAsyncContextManager[Desk]]

    async def plan(self, view: JobView, kind: Kind = Kind.person, connection: str = "") -> Saved:
        """Show what would be written into the record of whoever a job is about.

        Raises NotReady when no CRM is connected, DeliveryFailed, DeliveryPutOff.
        """
        ref = self._record(kind, connection)
        async with self.at_desk() as desk:
            return await desk.plan(view, ref)

    async def save(self, view: JobView, kind: Kind = Kind.person, connection: str = "") -> Saved:
        """Write it; who saw the plan agrees to what is proposed. Raises as `plan`."""
        ref = self._record(kind, connection)
        async with self.at_desk() as desk:
            return await desk.save(view, ref, is_agreed=True)

    async def undo(self, job_id: str) -> list[Undone]:
        """Take back what was written for a job. Raises DeliveryFailed, DeliveryPutOff."""
        async with self.at_desk() as desk:
            return await desk.undo(job_id)

    def plan_now(self, caller: Caller, job_id: str) -> Saved:
        """Show the plan of a caller's job, in a thread without a loop. Raises NotFound too."""
        view = self.intake.job(caller, job_id)
        return asyncio.run(self.plan(view, kind_of(view)))

    def save_now(self, caller: Caller, job_id: str) -> Saved:
        """Write what a caller's job found, in a thread without a loop. Raises NotFound too."""
        view = self.intake.job(caller, job_id)
        return asyncio.run(self.save(view, kind_of(view)))

    def undo_now(self, caller: Caller, job_id: str) -> list[Undone]:
        """Take back what was written for a caller's job, in a thread without a loop."""
        return asyncio.run(self.undo(self.intake.job(caller, job_id).id))

    def _record(self, kind: Kind, connection: str) -> Ref:
        if not self.names:
            raise NotReady("No CRM is connected here.")
        return Ref(connection or self.names[0], kind, "")


def kind_of(view: JobView) -> Kind:
    """Return what the record of whoever a job is about is of."""
    return Kind.person if view.prospect.is_person else Kind.company
