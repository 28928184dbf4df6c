"""The connections that can be written to: which CRMs the settings name, and by which rules."""

from collections.abc import Callable, Mapping
from datetime import datetime

from app.crm import Adapter
from app.crm_settings import Connected, CrmFile, connected
from app.settings import Settings
from integrations.crm.hubspot.adapter import HubSpot, pace
from integrations.crm.hubspot.oauth import Call, Grant, Renewing
from integrations.crm.vendors import vendors

HUBSPOT = "hubspot"
"""The name of the connection that the settings of HubSpot make."""


def connections(settings: Settings, file: CrmFile) -> Mapping[str, Connected]:
    """Return the connections by name. Raises BadSettings for a rule that cannot be followed."""
    named = {name: one.adapter for name, one in vendors(file.connections).items()}
    return {
        name: connected(name, one, file) for name, one in {**adapters(settings), **named}.items()
    }


def adapters(settings: Settings) -> Mapping[str, Adapter]:
    """Return who knows the CRM of each connection."""
    if not (settings.hubspot_access_token or settings.hubspot_refresh_token):
        return {}
    return {HUBSPOT: hubspot(settings)}


def hubspot(settings: Settings) -> HubSpot:
    """Return who knows the account that the settings name."""
    token = settings.hubspot_access_token
    return HubSpot(
        key=token.get_secret_value() if token else "",
        base_url=settings.hubspot_api_url,
        version=settings.hubspot_api_version,
        app_id=settings.hubspot_app_id,
        portal_id=settings.hubspot_portal_id,
        pace=pace(settings.hubspot_pace),
    )


def road(name: str, settings: Settings, call: Call, now: Callable[[], datetime]) -> Call:
    """Return how a connection's requests are sent: some need a token that is renewed."""
    refresh = settings.hubspot_refresh_token
    if name != HUBSPOT or refresh is None:
        return call
    secret = settings.hubspot_secrets[0]
    grant = Grant(settings.hubspot_client_id, secret, refresh.get_secret_value())
    return Renewing(call, hubspot(settings).paths.token, grant, now).send
