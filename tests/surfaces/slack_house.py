"""Slack's surface as the web process has it, over the real core and a local Slack."""

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import httpx
from slack_bolt import BoltRequest, BoltResponse
from starlette.applications import Starlette

from app.installed import InstallationsKept
from app.provider import Answer, Request
from app.settings import Settings
from app.vault import Vault, new_key
from integrations.pages import inbound as pages
from integrations.slack import inbound
from integrations.slack.oauth import INSTALL_PATH
from integrations.slack.tokens import Tokens
from tests.fakes.slack import SECRET
from tests.fakes.slack_app import CLIENT_ID, CLIENT_SECRET, SlackApp
from tests.surfaces.asking import Browser

BASE = "https://warmcall.example"
REDIRECT = f"{BASE}/slack/oauth_redirect"
KEYS = new_key()
BY_OAUTH = {
    "SLACK_CLIENT_ID": CLIENT_ID,
    "SLACK_CLIENT_SECRET": CLIENT_SECRET,
    "SLACK_SIGNING_SECRET": SECRET,
    "WARMCALL_ENCRYPTION_KEYS": KEYS,
}


@dataclass
class House:
    """The surface with these settings."""

    service: Any
    slack: SlackApp
    given: dict[str, str] = field(default_factory=lambda: dict(BY_OAUTH))

    def __post_init__(self) -> None:
        env = {"WARMCALL_PUBLIC_URL": BASE, "SLACK_API_URL": self.slack.url, **self.given}
        self.settings = Settings.from_env(env)
        token = self.settings.slack_bot_token
        self.kept = InstallationsKept(
            database=self.service.database,
            now=self.service.clock,
            surface="slack",
            vault=Vault.parse(KEYS),
        )
        self.tokens = Tokens(
            kept=self.kept,
            by_setting=token.get_secret_value() if token else None,
            by_oauth=self.settings.slack_client_id is not None,
        )
        self.surface = inbound.surface(
            intake=self.service.intake,
            settings=self.settings,
            now=self.service.clock,
            tokens=self.tokens,
            call=self.call,
            page=pages.note,
            keep=lambda mark, url: None,
        )

    async def call(self, request: Request) -> Answer:
        """Send over real HTTP, as app/fetch.py does: a failure is an answer."""
        now = self.service.clock()
        async with httpx.AsyncClient(verify=False, trust_env=False, timeout=10) as client:
            try:
                got = await client.request(
                    request.method, request.url, content=request.content, headers=request.headers
                )
            except httpx.HTTPError:
                return Answer(0, {}, b"", request.url, now, failure="connect")
        return Answer(got.status_code, dict(got.headers), got.content, request.url, now)

    def browser(self) -> Browser:
        return Browser(Starlette(routes=list(self.surface.routes)), base_url=BASE)

    def sent_to_slack(self, browser: Browser) -> dict[str, str]:
        """Open the page that installs; return what Slack is asked."""
        answer = browser("GET", INSTALL_PATH)
        assert answer.status_code == 302, answer.text
        asked = parse_qs(urlsplit(answer.headers["location"]).query)
        return {name: value for name, [value] in asked.items()}

    def come_back(self, browser: Browser, **given: str) -> httpx.Response:
        return browser("GET", "/slack/oauth_redirect", params=given)

    def install(self, team: str) -> httpx.Response:
        """Install in a workspace as somebody does by clicking."""
        browser = self.browser()
        state = self.sent_to_slack(browser)["state"]
        return self.come_back(browser, state=state, code=self.slack.allows(team, REDIRECT))

    # --- what Slack sends

    def bolt(self) -> Any:
        """Return what the route for Slack hands requests to."""
        [route] = [one for one in self.surface.routes if one.path == "/slack/events"]
        endpoint: Any = route.endpoint
        return endpoint.__self__.dispatch

    def command(self, body: bytes) -> str:
        told = self.dispatched(dict(parse_qsl(body.decode())))
        return told.body

    def event(self, kind: str, team: str, at: float, **more: Any) -> BoltResponse:
        return self.dispatched(
            {
                "type": "event_callback",
                "team_id": team,
                "event_id": f"Ev{kind}{team}",
                "event_time": int(at),
                "event": {"type": kind, **more},
            }
        )

    def dispatched(self, body: dict[str, Any]) -> BoltResponse:
        told: BoltResponse = self.bolt()(BoltRequest(body=body, mode="socket_mode"))
        return told

    def learn(self) -> None:
        """Do what is done beside the routes until it ends."""
        assert self.surface.acquaintance is not None
        asyncio.run(self.surface.acquaintance.learn())


def words_of(body: str) -> str:
    """Return the text of an answer, be it JSON or plain."""
    return str(json.loads(body)["text"]) if body.startswith("{") else body
