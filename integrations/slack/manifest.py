"""The manifest from which Slack makes our app: what it may do and where it is reached.

Fields and limits from Slack's public schema, https://github.com/slackapi/manifest-schema version
2.0.0, read 2026-11-21. Every scope is used: a person who installs the app is asked for each.
"""

from collections.abc import Sequence
from typing import Any

Object = dict[str, Any]

EVENTS_PATH = "/slack/events"
"""One address for commands, buttons, menus and events."""

REDIRECT_PATH = "/slack/oauth_redirect"

SCOPES: Sequence[str] = (
    "commands",
    "chat:write",  # cards
    "im:write",  # into a rep's own conversation with the app
    "im:history",  # read what is typed there; find a card whose delivery was not confirmed
    "app_mentions:read",
    "users:read",
    "users:read.email",  # the owner of a CRM record
)
OPTIONAL_SCOPES: Sequence[str] = (
    "chat:write.public",  # share to a channel that the app is not in
    "files:read",  # CSV files
    "assistant:write",
)
EVENTS: Sequence[str] = (
    "app_home_opened",
    "app_mention",
    "message.im",
    "app_uninstalled",
    "tokens_revoked",
)
EXAMPLE = "sarah.chen@acme.example"


def manifest(public_url: str, *, socket: bool) -> Object:
    """Return the manifest; with `socket` Slack is called by us and needs no address of ours.

    `public_url` is where others reach this service, without a slash at its end. Slack takes
    addresses over HTTPS only.
    """
    url = {} if socket else {"url": public_url + EVENTS_PATH}
    request_url = {} if socket else {"request_url": public_url + EVENTS_PATH}
    redirect = {} if socket else {"redirect_urls": [public_url + REDIRECT_PATH]}
    options = {} if socket else {"message_menu_options_url": public_url + EVENTS_PATH}
    return {
        "_metadata": {"major_version": 2, "minor_version": 1},
        "display_information": {
            "name": "Warmcall",
            "description": "Call-prep cards: who you are calling, their company, and how to open.",
            "background_color": "#1f3a5f",
        },
        "features": _features(url),
        "oauth_config": {
            **redirect,
            "scopes": {"bot": list(SCOPES), "bot_optional": list(OPTIONAL_SCOPES)},
        },
        "settings": {
            "event_subscriptions": {**request_url, "bot_events": list(EVENTS)},
            "interactivity": {"is_enabled": True, **request_url, **options},
            "org_deploy_enabled": False,
            "socket_mode_enabled": socket,
            "token_rotation_enabled": False,
        },
    }


def _features(url: Object) -> Object:
    return {
        "app_home": {
            "home_tab_enabled": True,
            "messages_tab_enabled": True,
            "messages_tab_read_only_enabled": False,
        },
        "bot_user": {"display_name": "Warmcall", "always_online": True},
        "slash_commands": [
            {
                "command": "/prep",
                **url,
                "description": "Prepare a call",
                "usage_hint": "jane@acme.example | acme.example | Jane Doe, Acme | LinkedIn URL",
                "should_escape": False,
            }
        ],
        "shortcuts": [
            {
                "name": "Prepare a call",
                "type": "global",
                "callback_id": "prep_global",
                "description": "Look up a person or company before a call",
            },
            {
                "name": "Prep a list",
                "type": "global",
                "callback_id": "prep_csv",
                "description": "Look up everybody in a CSV file",
            },
            {
                "name": "Prep this person",
                "type": "message",
                "callback_id": "prep_message",
                "description": "Find an e-mail or domain in this message and prepare a card",
            },
        ],
        "agent_view": {
            "agent_description": "Prepares sales calls: who they are, what their company does, "
            "what happened lately and what to open with.",
            "suggested_prompts": [{"title": "Prepare a call", "message": f"prep {EXAMPLE}"}],
        },
    }
