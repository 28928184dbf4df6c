"""Who is meant in Slack: a colleague by e-mail, the only workspace. What Slack said is kept.

`users.lookupByEmail` from https://docs.slack.dev/reference/methods/users.lookupByEmail, by
facts/slack.md section 9, read 2026-11-21: tier 3, `users_not_found` for a stranger.
"""

from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256

from app.delivery import Lookups
from app.errors import DeliveryFailed
from integrations.slack.addresses import MAIL, ONLY_TEAM
from integrations.slack.api import Api, part_of, refusal

HIT, MISS = timedelta(hours=24), timedelta(hours=1)
"""How long an answer is kept."""

STRANGER = "users_not_found"


@dataclass(frozen=True, slots=True, kw_only=True)
class Directory:
    """Asks Slack who is meant, once in a while. `api.token` knows the only workspace as `-`."""

    api: Api
    lookups: Lookups

    async def team(self, team: str) -> str:
        """Return the id of a workspace, also of the only one. Raises as Api.ask does."""
        if team != ONLY_TEAM:
            return team
        if known := await self.lookups.find("slack:team"):
            return known
        found = str((await self.api.ask(team, "auth.test")).get("team_id", ""))
        await self.lookups.keep("slack:team", found, HIT)
        return found

    async def id(self, team: str, way: str) -> str:
        """Return the id that a way leads to. Raises as Api.ask does: STRANGER for a stranger."""
        if not way.startswith(MAIL):
            return way
        mail = way.removeprefix(MAIL)
        key = f"slack:mail:{sha256(f'{team}:{mail.casefold()}'.encode()).hexdigest()}"
        known = await self.lookups.find(key)
        if known is None:
            known = await self._user(team, mail)
            await self.lookups.keep(key, known, HIT if known else MISS)
        if not known:
            raise refusal(STRANGER)
        return known

    async def _user(self, team: str, mail: str) -> str:
        """Ask for the id of a colleague; empty for a stranger."""
        try:
            said = await self.api.ask(team, "users.lookupByEmail", email=mail)
        except DeliveryFailed as exc:
            if exc.word != STRANGER:
                raise
            return ""
        return str(part_of(said, "user").get("id", ""))
