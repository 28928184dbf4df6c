"""The messages of the page: the sandbox's people in every state that a job may be in."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from app.facts import Section
from app.job import Status
from app.preference import Preference
from app.providers.sandbox import Sandbox
from app.views import AttemptView, JobError, JobView, RecentView
from integrations.slack import home, render
from integrations.slack.render import Links, Message
from tests.conftest import Service
from tests.fakes.blocks import check_message, check_view
from tests.fakes.clock import Clock
from tests.surfaces.asking import settled, work
from tests.surfaces.views import view

SARAH = "sarah.chen@acme.example"
HOME = "Home tab"
LINKS = Links("https://warmcall.example/card/tok_en")


@dataclass(frozen=True, slots=True)
class State:
    """One message, and when a rep meets it."""

    title: str
    message: Message

    @property
    def is_home(self) -> bool:
        """Tell whether it is a Home tab, and no message."""
        return self.title.startswith(HOME)

    def problems(self) -> list[str]:
        """Return everything for which Slack would refuse it."""
        if self.is_home:
            return check_view({"type": "home", "blocks": self.message.blocks})
        return check_message(self.message.text, self.message.blocks)


def states() -> list[State]:
    """Return all states, in the order in which a rep may meet them."""
    with TemporaryDirectory() as folder:
        clock = Clock()
        service = Service(f"sqlite:///{Path(folder) / 'preview.db'}", None, [Sandbox()], clock)
        service.intake = service.front_door(primed=Sandbox().primed)
        service.caller, _ = service.intake.create_key("preview")
        try:
            told = list(_of_jobs(service, clock))
        finally:
            service.database.close()
            service.tasks.close()
    return [State(title, message) for title, message in told]


def _of_jobs(service: Service, clock: Clock) -> Iterator[tuple[str, Message]]:
    now = clock()
    waiting = service.ask("slow@acme.example")
    yield "Loading: just asked", render.loading(waiting, "slow@acme.example")
    asyncio.run(work(service))
    jobs = {name: settled(service, f"{name}@acme.example") for name in PEOPLE}
    sarah = settled(service, SARAH)
    yield "Loading: half way", render.loading(_half_way(sarah), SARAH)
    yield "Ready", render.card(sarah, LINKS, now)
    crm = replace(LINKS, crm="https://crm.example/contacts/123")
    yield "Ready, with a record in the CRM", render.card(sarah, crm, now)
    yield "Changed, doubtful, to avoid", render.card(view("full"), LINKS, now)
    yield "Partial", render.card(jobs["partial"], LINKS, now)
    stale = service.ask("stale@acme.example")
    yield "Stale", render.card(stale, LINKS, now)
    yield "Company only", render.card(settled(service, "acme.example"), LINKS, now)
    yield "Ambiguous", render.card(jobs["ambiguous"], LINKS, now)
    yield "Not found", render.card(jobs["notfound"], LINKS, now)
    yield "Error", render.card(jobs["error"], LINKS, now)
    yield "Error, with a time", render.card(_later(jobs["error"], clock), LINKS, now)
    yield "Budget exhausted", render.card(_ended(jobs["error"], "budget_exhausted"), LINKS, now)
    yield "Cancelled", render.card(_ended(jobs["notfound"], "cancelled"), LINKS, now)
    yield "Cancelled half way", render.card(_ended(sarah, "cancelled"), LINKS, now)
    service.intake.suppress("blocked@acme.example")
    yield "Suppressed", render.card(settled(service, "blocked@acme.example"), LINKS, now)
    yield "Erased", render.erased()
    yield "Told to operators", render.trouble("The provider orbit refuses its key.")
    yield "Quota used up", render.quota(replace(service.intake.usage(service.caller), used=100))
    yield "Help", render.usage_help("/prep")
    yield "Full details", render.full(sarah, LINKS, now)
    yield "Shared to a channel", render.shared(sarah, now)
    yield HOME, _home(service, [sarah, stale, *jobs.values()], QUIET)
    yield f"{HOME}, of somebody new", _home(service, [], Preference())
    yield "Hostile", render.card(view("hostile", status="complete"), LINKS, now)


QUIET = Preference(place="C0SALES", quiet_from=22 * 60, quiet_until=7 * 60, zone="Europe/Berlin")


def _home(service: Service, jobs: Sequence[JobView], preference: Preference) -> Message:
    recent = [RecentView(job, job.status is Status.ambiguous) for job in jobs]
    usage = service.intake.usage(service.caller)
    seen = home.Seen(recent, usage, preference, "https://warmcall.example/card/")
    return Message("The Home tab.", home.view(seen, service.clock())["blocks"])


PEOPLE = ("partial", "ambiguous", "notfound", "error")


def _half_way(job: JobView) -> JobView:
    heard = [_attempt(job, section) for section in (Section.person, Section.company)]
    running = dict.fromkeys(Section, Status.in_progress)
    return replace(job, status=Status.in_progress, sections=running, attempts=heard)


def _attempt(job: JobView, section: Section) -> AttemptView:
    at = job.updated_at
    return AttemptView("sandbox", "matched", "", 0.0, 12, False, section.value, at)


def _later(job: JobView, clock: Clock) -> JobView:
    return replace(job, error=JobError("provider_error", "", clock()))


def _ended(job: JobView, status: str) -> JobView:
    return replace(job, status=Status(status), error=None)
