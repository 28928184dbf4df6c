"""Whose token is used in which workspace: one look-up for the web process and the workers.

It asks our own database, never Slack: who types a command does not wait for `auth.test`
(facts/slack.md section 5, read 2026-11-21).
"""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from app.installation import Installation, Installations
from integrations.slack.addresses import ONLY_TEAM

LASTING = "missing_scope"
"""A reason that one good call does not end: another method may still lack its scope."""

NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """The tokens of all workspaces.

    `by_setting` is that of SLACK_BOT_TOKEN. Without `by_oauth` it is used wherever the app is not
    installed otherwise; with it only in the workspace that it is known to be of.
    """

    kept: Installations
    by_setting: str | None = field(default=None, repr=False)
    by_oauth: bool = False

    def installation(self, team_id: str) -> Installation | None:
        """Return the workspace with the token to use there; None when there is none (any more).

        ONLY_TEAM stands for the one workspace that there is, none while there are several.
        """
        found = self._only() if team_id == ONLY_TEAM else self.kept.find(team_id)
        if found and found.token and not found.revoked_at:
            return found
        is_of_setting = found is not None and found.by_setting
        if self.by_setting is None or (self.by_oauth and not is_of_setting):
            return None
        known = found or Installation(team_id=team_id, installed_at=NEVER)
        return replace(known, token=self.by_setting)

    def of(self, team_id: str) -> str | None:
        """Return the token of a workspace, None when there is none (any more)."""
        found = self.installation(team_id)
        return found.token if found else None

    def _only(self) -> Installation | None:
        live = [one for one in self.kept.all() if not one.revoked_at]
        return live[0] if len(live) == 1 else None

    def broken(self, team_id: str, token: str, word: str) -> None:
        """Note that a workspace refused a token, if it is known which one that was."""
        if team_id != ONLY_TEAM:
            self.kept.broken(team_id, token, word)

    def works(self, team_id: str) -> None:
        """Note that a workspace takes its token, if that was in doubt."""
        found = self.kept.find(team_id)
        if found and found.by_setting and found.reason not in {"", LASTING}:
            self.kept.works(team_id)
