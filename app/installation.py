"""Where our app is installed: one workspace of others, and whether we may still act there."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

REVOKED = frozenset({"token_revoked", "account_inactive", "invalid_auth", "token_expired"})
"""What a workspace says of a token that is of no use any more, whatever it is used for."""

BROKEN = REVOKED | {"missing_scope"}
"""What it says when somebody has to mend the installation."""

LOCKED = "no_key_opens_the_token"
"""Our own word for a token that was sealed with a key which is gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """One workspace. `by_setting` = its token is the operator's setting, not one we were given.

    `reason` is why it is broken, in the workspace's own word, empty when it is well; `revoked_at`
    since when we may not act there. `installed_at` is when we were given the token, or first heard
    of the workspace.
    """

    team_id: str
    installed_at: datetime
    enterprise_id: str = ""
    name: str = ""
    token: str = field(default="", repr=False)
    by_setting: bool = False
    bot_id: str = ""
    bot_user_id: str = ""
    scopes: tuple[str, ...] = ()
    installed_by: str = ""
    revoked_at: datetime | None = None
    reason: str = ""


class Installations(Protocol):
    """The installations of one surface. All may block on the database for milliseconds."""

    def find(self, team_id: str) -> Installation | None:
        """Return what is known of a workspace."""

    def all(self) -> Sequence[Installation]:
        """Return all, the broken ones too."""

    def keep(self, one: Installation) -> None:
        """Put an installation in place of what was known of its workspace."""

    def revoke(self, team_id: str, reason: str, at: datetime) -> None:
        """Forget the token of a workspace that took our app away `at` this time."""

    def broken(self, team_id: str, token: str, word: str) -> None:
        """Note that a workspace refused a token with one of BROKEN."""

    def works(self, team_id: str) -> None:
        """Note that the token of the operator's setting works (again)."""
