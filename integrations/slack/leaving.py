"""A workspace takes our app away: what it gave us is forgotten at once.

Slack tells it by `app_uninstalled` and `tokens_revoked` (facts/slack.md section 17, read
2026-11-21). What is still to be posted there ends by itself, for it finds no token.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from slack_bolt import App, BoltContext

from app.installation import Installations

UNINSTALLED, REVOKED = "app_uninstalled", "tokens_revoked"
ENDS = frozenset({UNINSTALLED, REVOKED})
"""The events that come from where we may not act any more."""


@dataclass(frozen=True, slots=True)
class Leaving:
    """The listeners for the end of an installation."""

    kept: Installations
    forget: Callable[[str], object]  # what its people have chosen

    def listen(self, bolt: App) -> None:
        """Have Bolt call these listeners."""
        bolt.event(UNINSTALLED)(self.uninstalled)
        bolt.event(REVOKED)(self.revoked)

    def uninstalled(self, context: BoltContext, body: dict[str, Any]) -> None:
        """Forget the workspace's token, and what its people have chosen."""
        self._revoke(context, body, UNINSTALLED)
        if context.team_id:
            self.forget(context.team_id)

    def revoked(self, context: BoltContext, event: dict[str, Any], body: dict[str, Any]) -> None:
        """Forget the workspace's token, if it is among those: users' tokens are none of ours."""
        tokens = event.get("tokens")
        if isinstance(tokens, dict) and tokens.get("bot"):
            self._revoke(context, body, REVOKED)

    def _revoke(self, context: BoltContext, body: dict[str, Any], reason: str) -> None:
        at = body.get("event_time")
        if context.team_id and isinstance(at, int):
            self.kept.revoke(
                context.team_id, reason, datetime.fromtimestamp(at + 1, UTC)
            )  # whole seconds
