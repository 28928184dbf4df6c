"""The project folder that an operator uploads with HubSpot's own command line: our app there.

Shapes are those of HubSpot's component templates (facts/crm.md section 2.1, read 2026-11-21). Only
an app made so has webhooks: service keys have none, and older kinds are no longer made.
"""

from collections.abc import Mapping

from app.errors import BadSettings
from integrations.crm.hubspot.paths import OBJECTS

PLATFORM = "2026.03"
"""The newest version of HubSpot's developer platform that is no beta in its templates."""

UID = "warmcall"
AT_ONCE = 10  # deliveries; HubSpot wants more than five
SCOPES = (
    "oauth",
    *(
        f"crm.{what}.{name}.{way}"
        for what in ("objects", "schemas")
        for name in OBJECTS.values()
        for way in ("read", "write")
    ),
)

Object = dict[str, object]


def project(public_url: str, path: str, api_url: str) -> Mapping[str, Object]:
    """Return the files of the project by their place in the folder.

    `path` is where HubSpot is to call us. Raises BadSettings when it cannot reach `public_url`.
    """
    if not public_url.startswith("https://"):
        raise BadSettings(
            f"WARMCALL_PUBLIC_URL: HubSpot calls https:// addresses only, not {public_url}. Set "
            "it to how others reach this service; or leave it, and set HUBSPOT_POLL."
        )
    return {
        "hsproject.json": {"name": UID, "srcDir": "src", "platformVersion": PLATFORM},
        "src/app/app-hsmeta.json": _app(api_url),
        "src/app/webhooks/webhooks-hsmeta.json": _webhooks(public_url + path),
    }


def _app(api_url: str) -> Object:
    auth = {
        "type": "static",
        "requiredScopes": list(SCOPES),
        "optionalScopes": [],
        "conditionallyRequiredScopes": [],
    }
    config = {
        "name": "Warmcall",
        "description": "Enriches contacts and companies the moment they are created.",
        "distribution": "private",
        "auth": auth,
        "permittedUrls": {"fetch": [api_url], "iframe": [], "img": []},
    }
    return {"uid": UID, "type": "app", "config": config}


def _webhooks(url: str) -> Object:
    created = [
        {"subscriptionType": f"object.{what}", "objectType": name, "active": True}
        for name in ("contact", "company")
        for what in ("creation", "deletion", "merge")
    ]
    erased = {"subscriptionType": "contact.privacyDeletion", "active": True}
    config = {
        "settings": {"targetUrl": url, "maxConcurrentRequests": AT_ONCE},
        "subscriptions": {
            "crmObjects": created,
            "legacyCrmObjects": [],
            "hubEvents": [erased],
        },
    }
    return {"uid": f"{UID}_webhooks", "type": "webhooks", "config": config}
