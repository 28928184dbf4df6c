"""Our side of Slack over a real store, called as Slack calls it; its Slack is a local one."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.responses import Response

from app.installed import InstallationsKept
from app.provider import Answer, Request
from app.replies import RepliesKept
from app.settings import Settings
from integrations.runtime import now
from integrations.slack.asking import caller
from integrations.slack.inbound import Slack as Surface
from integrations.slack.inbound import surface
from integrations.slack.tokens import Tokens
from tests.fakes.slack import (
    SECRET,
    TEAM,
    TOKEN,
    Slack,
    event,
    retried,
    signed,
    slack_served,
)
from tests.surfaces.asking import Browser, work

LOOKS, LOOK_S = 1_000, 0.01


@dataclass
class SlackApp:
    """The routes for Slack; what is done after an answer is waited for with `until`."""

    service: Any
    slack: Slack
    ask: Browser

    def send(self, body: bytes, **headers: str) -> httpx.Response:
        """Send a form, as Slack does."""
        return self.ask("POST", "/slack/events", content=body, headers=signed(body) | headers)

    def tell(self, said: dict[str, Any], *, retry: int = 0, **options: Any) -> httpx.Response:
        """Send an event, for the first time or again."""
        headers = {"Content-Type": "application/json"} | (retried(retry) if retry else {})
        return self.send(event(said, **options), **headers)

    def until(self, is_so: Callable[[], object]) -> None:
        """Wait for what is done after an answer."""
        pause = Event()
        assert any(is_so() or pause.wait(LOOK_S) for _ in range(LOOKS)), self.slack.calls

    def work(self) -> None:
        """Do what a worker would do."""
        asyncio.run(work(self.service))

    def asked_by(self, user: str, team: str = TEAM) -> list[str]:
        """Return whom a user asked about, the newest first."""
        found = self.service.intake.recent(caller(team), user)
        return [str(one.view.prospect) for one in found]

    def targets(self) -> set[str]:
        """Return where cards are to go, without the mark behind each."""
        sent = self.service.intake.deliveries(self.service.intake.local_caller())
        return {one.target.rpartition(":")[0] for one in sent}


def surface_of(service: Any, settings: Settings, **more: Any) -> Surface:
    """Return the surface as the web process has it, with the operator's own token."""
    token = settings.slack_bot_token
    kept = InstallationsKept(database=service.database, now=now, surface="slack")
    return surface(
        intake=service.intake,
        settings=settings,
        now=now,
        tokens=Tokens(kept=kept, by_setting=token.get_secret_value() if token else None),
        call=unreachable,
        page=lambda *told: Response(),
        keep=RepliesKept(database=service.database, now=now).keep,
        **more,
    )


async def unreachable(request: Request) -> Answer:
    return Answer(0, {}, b"", request.url, now(), failure="connect")


@contextmanager
def slack_app(service: Any, slack: Slack) -> Iterator[SlackApp]:
    with slack_served(slack):
        settings = Settings.from_env(
            {
                "SLACK_BOT_TOKEN": TOKEN,
                "SLACK_SIGNING_SECRET": SECRET,
                "SLACK_API_URL": slack.url,
                "WARMCALL_PUBLIC_URL": "https://warmcall.example",
            }
        )
        found = surface_of(service, settings).routes
        yield SlackApp(service, slack, Browser(Starlette(routes=list(found))))
