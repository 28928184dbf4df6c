"""The Home tab: shown anew whenever it is opened, and whenever something is chosen there."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field, ValidationError
from slack_bolt import Ack, App
from slack_sdk import WebClient

from app.intake import Intake
from app.preference import Preference
from integrations.slack import home
from integrations.slack.asking import caller
from integrations.slack.calls import ask
from integrations.slack.manifest import EXAMPLE

TEAM = Field(pattern="^[A-Z0-9]{2,32}$")
USER = Field(pattern="^[UW][A-Z0-9]{1,31}$")

NIGHT = {"quiet_from": 20 * 60, "quiet_until": 8 * 60}
"""The quiet hours of who has chosen one end of them."""

PROMPTS = [{"title": "Prepare a call", "message": f"prep {EXAMPLE}"}]

WITHOUT_PROMPTS = frozenset({"missing_scope", "not_allowed_token_type", "unknown_method"})
"""Errors of suggesting prompts in a workspace that does not want them: the scope is optional."""


class OpenedTab(BaseModel):
    """Which tab was opened; `channel` is the user's conversation with the app."""

    user: str = USER
    tab: str = ""
    channel: str = ""


class Opened(BaseModel):
    """The event `app_home_opened` (facts/slack.md section 13, read 2026-11-21)."""

    team_id: str = TEAM
    event: OpenedTab


class Named(BaseModel):
    """Whom or what Slack names by an id; a user of another workspace has that as `team_id`."""

    id: str
    team_id: str | None = None


class Choice(BaseModel):
    """One choice of a menu."""

    value: str = Field(max_length=16)


class Action(BaseModel):
    """What was pressed or chosen."""

    action_id: str
    selected_conversation: str | None = Field(None, pattern="^[CG][A-Z0-9]{1,31}$")
    selected_option: Choice | None = None
    selected_options: list[Choice] = Field([], max_length=10)


class Pressed(BaseModel):
    """An interaction in the tab: `block_actions`."""

    team: Named
    user: Named
    actions: list[Action] = Field(min_length=1)


@dataclass(frozen=True, slots=True)
class HomeTab:
    """The listeners for the Home tab. `page` + a card's token is where that card opens."""

    intake: Intake
    page: str
    now: Callable[[], datetime]

    def listen(self, bolt: App) -> None:
        """Have Bolt call these listeners."""
        bolt.event("app_home_opened")(self.opened)
        for action_id in home.ACTIONS:
            bolt.action(action_id)(self.chosen)

    def opened(self, body: dict[str, Any], client: WebClient) -> None:
        """Show the tab that was opened. Slack has its answer already."""
        try:
            opened = Opened.model_validate(body)
        except ValidationError:
            return
        if opened.event.tab == "home":
            preference = self._at_home(client, opened.team_id, opened.event.user)
            self._show(client, opened.team_id, opened.event.user, preference)
        elif opened.event.tab == "messages" and opened.event.channel:
            ask(
                client,
                "assistant.threads.setSuggestedPrompts",
                expected=WITHOUT_PROMPTS,
                channel_id=opened.event.channel,
                prompts=PROMPTS,
            )

    def chosen(self, ack: Ack, body: dict[str, Any], client: WebClient) -> None:
        """Keep what a user has chosen, and show the tab with it."""
        try:
            pressed = Pressed.model_validate(body)
        except ValidationError:
            pressed = None
        changes = _changes(pressed.actions[0]) if pressed and _is_at_home(pressed) else {}
        if pressed and changes:
            self._prefer(pressed.team.id, pressed.user.id, changes)
        ack()
        if pressed and changes:
            preference = self._at_home(client, pressed.team.id, pressed.user.id)
            self._show(client, pressed.team.id, pressed.user.id, preference)

    def _prefer(self, team: str, user: str, changes: Mapping[str, str | int | bool | None]) -> None:
        """Keep it; who chooses one end of the quiet hours gets an other end with it."""
        kept = self.intake.preference(team, user)
        has_begun = any(changes.get(end) is not None for end in NIGHT)
        ends = {end: at for end, at in NIGHT.items() if getattr(kept, end) is None}
        self.intake.prefer(team, user, **((ends if has_begun else {}) | dict(changes)))

    def _at_home(self, client: WebClient, team: str, user: str) -> Preference:
        """Return what a user has chosen; whose hours count is at what their clock shows now."""
        kept = self.intake.preference(team, user)
        if not kept.has_quiet_hours:
            return kept
        told = ask(client, "users.info", user=user)
        found = told.get("user") if told else None
        zone = _zone(found) if isinstance(found, dict) else {}
        return self.intake.prefer(team, user, **zone) if zone else kept

    def _show(self, client: WebClient, team: str, user: str, preference: Preference) -> None:
        workspace = caller(team)
        recent = self.intake.recent(workspace, user, home.CARDS)
        seen = home.Seen(recent, self.intake.usage(workspace), preference, self.page)
        ask(client, "views.publish", user_id=user, view=home.view(seen, self.now()))


def _is_at_home(pressed: Pressed) -> bool:
    """Tell whether it was a user of the workspace: a tab is nobody else's."""
    return pressed.user.team_id in {None, pressed.team.id}


def _changes(action: Action) -> dict[str, str | int | bool | None]:
    """Return what an action changes; nothing when it only opens something, or cannot be read."""
    match action.action_id:
        case home.PLACE_OWN:
            return {"place": ""}
        case home.PLACE if action.selected_conversation:
            return {"place": action.selected_conversation}
        case home.UNASKED:
            return {"unasked": bool(action.selected_options)}
        case home.QUIET_FROM | home.QUIET_UNTIL if action.selected_option:
            return _quiet(action.action_id, action.selected_option.value)
    return {}


def _quiet(action_id: str, value: str) -> dict[str, str | int | bool | None]:
    if value == home.OFF:
        return {"quiet_from": None, "quiet_until": None}
    if not (value.isascii() and value.isdigit() and int(value) < home.DAY):
        return {}
    return {"quiet_from" if action_id == home.QUIET_FROM else "quiet_until": int(value)}


def _zone(user: Mapping[str, Any]) -> dict[str, str | int]:
    """Return a user's time zone as Slack tells it: a name, and seconds east of UTC."""
    name, offset = user.get("tz"), user.get("tz_offset")
    if not (isinstance(name, str) and isinstance(offset, int) and abs(offset) < 24 * 3600):
        return {}
    return {"zone": name[: home.ZONE], "offset_s": offset}
