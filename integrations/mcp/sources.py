"""The sources of a card: each once, by a number that talking points name."""

from collections.abc import Iterable
from datetime import datetime

from app.facts import Fact
from app.views import JobView
from integrations.mcp.values import Object, listed, web_address, without_nothing


class Sources:
    """Where the facts of a card come from: each name and URL once, the most needed first."""

    def __init__(self, view: JobView, most: int) -> None:
        self._origins = {fact.id: _origin(fact) for fact in view.facts}
        seen_at = {fact.id: fact.seen_at for fact in view.facts}
        self._winners = [fact for fact in view.facts if fact.id in view.winners]
        spoken = [
            name
            for point in listed(view.card, "talking_points")
            for name in point.get("fact_ids") or ()
            if name in seen_at
        ]
        newest: dict[tuple[str, str], datetime] = {}
        for name in (*spoken, *(fact.id for fact in self._winners)):
            origin = self._origins[name]
            newest[origin] = max(newest.get(origin, seen_at[name]), seen_at[name])
        self._newest = dict(list(newest.items())[:most])
        self._ids = {origin: number for number, origin in enumerate(self._newest, 1)}

    def shown(self) -> list[Object]:
        """Return the sources as the card lists them."""
        return [
            without_nothing(
                {
                    "id": self._ids[name, url],
                    "name": name,
                    "url": url,
                    "seen_at": f"{seen_at:%Y-%m-%d}",
                }
            )
            for (name, url), seen_at in self._newest.items()
        ]

    def ids(self, fact_ids: Iterable[str]) -> list[int]:
        """Return the sources of these facts."""
        origins = {self._origins[one] for one in fact_ids if one in self._origins}
        return sorted(self._ids[one] for one in origins if one in self._ids)

    def cited(self, most: int) -> dict[str, list[int]]:
        """Return field by field where it comes from."""
        by_field: dict[str, list[str]] = {}
        for fact in self._winners:
            by_field.setdefault(fact.field, []).append(fact.id)
        told = {name: self.ids(fact_ids) for name, fact_ids in list(by_field.items())[:most]}
        return {name: ids for name, ids in told.items() if ids}


def _origin(fact: Fact) -> tuple[str, str]:
    return fact.source, web_address(fact.source_url or "")
