"""The connections that can be written to: which CRMs the settings name, and by which rules."""

from collections.abc import Mapping

from app.crm import Adapter
from app.crm_settings import Connected, CrmFile, connected
from app.settings import Settings


def connections(settings: Settings, file: CrmFile) -> Mapping[str, Connected]:
    """Return the connections by name. Raises BadSettings for a rule that cannot be followed."""
    return {name: connected(name, one, file) for name, one in adapters(settings).items()}


def adapters(settings: Settings) -> Mapping[str, Adapter]:
    """Return who knows the CRM of each connection."""
    return {}
