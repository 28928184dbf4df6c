"""All providers, in default order. Explicit: nothing is scanned or registered by import."""

from app.providers.datalegion import DataLegion
from app.providers.dns import Dns
from app.providers.hunter import Hunter
from app.providers.peopledatalabs import PeopleDataLabs
from app.providers.sandbox import Sandbox
from app.providers.website import Website

KEYLESS = (Sandbox, Website, Dns)
"""Always on: they need no key and cost nothing."""

KEYED = (PeopleDataLabs, Hunter, DataLegion)
"""On when a key is set."""

ALL = (*KEYLESS, *KEYED)
"""The waterfall's default order: what costs nothing first."""
