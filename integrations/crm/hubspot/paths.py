"""Where things are in HubSpot's API: every path is made here, with the version that it has.

Paths carry a date since 2026; numbered ones end in September 2027 (facts/crm.md section 1, read
2026-11-21).
"""

from collections.abc import Mapping
from dataclasses import dataclass

from app.crm import Kind

OBJECTS: Mapping[Kind, str] = {Kind.person: "contacts", Kind.company: "companies"}
"""What HubSpot calls our kinds of records."""

TYPE_IDS: Mapping[Kind, str] = {Kind.person: "0-1", Kind.company: "0-2"}
NOTES = "notes"


@dataclass(frozen=True, slots=True)
class Paths:
    """The URLs of one installation's HubSpot."""

    base_url: str
    version: str

    def at(self, area: str, *rest: str) -> str:
        """Return the URL of something in an area of the API: objects, properties."""
        return "/".join((f"{self.base_url}/crm/{area}/{self.version}", *rest))

    @property
    def token(self) -> str:
        """Where access tokens are renewed."""
        return f"{self.base_url}/oauth/{self.version}/token"
