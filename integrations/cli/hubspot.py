"""What an operator sets up for HubSpot, and what `warmcall doctor` says of it."""

import asyncio
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TypeVar

import orjson

from app.crm import Steps
from app.errors import BadSettings, WarmcallError
from app.settings import Settings
from integrations.crm.connections import HUBSPOT, hubspot
from integrations.crm.hubspot.adapter import HubSpot
from integrations.crm.hubspot.project import project
from integrations.crm.hubspot.setup import SetUp, lacking_scopes, set_up
from integrations.crm.inbound import PATH
from integrations.runtime import Runtime

T = TypeVar("T")

SCOPE_ADVICE = "Add them to the app, install it again, and set its new access token."


def prepare(parts: Runtime) -> SetUp:
    """Make what is missing in the account. Raises BadSettings, DeliveryFailed, DeliveryPutOff."""
    return asyncio.run(_held(parts, set_up(_account(parts))))


def scopes(parts: Runtime) -> list[str]:
    """Return the scopes that the token lacks. Raises as `prepare`."""
    return asyncio.run(_held(parts, lacking_scopes(_account(parts))))


def _account(parts: Runtime) -> HubSpot:
    if HUBSPOT not in parts.connections:
        raise BadSettings("HubSpot is not set up here: set HUBSPOT_ACCESS_TOKEN.")
    return hubspot(parts.settings)


async def _held(parts: Runtime, steps: Steps[T]) -> T:
    """Hold a conversation, also where the connection was broken: its operator is at work."""
    async with parts.counter.at_desk() as desk:
        line = desk.lines(HUBSPOT)
        assert line is not None
        await desk.books.works(HUBSPOT)
        return await line.ask(steps)


def told(found: SetUp) -> str:
    """Say what was found and made, a line for each kind of news."""
    if found.missing_scopes:
        return f"Missing scopes: {', '.join(found.missing_scopes)}. {SCOPE_ADVICE}"
    return "\n".join(_news(found))


def _news(found: SetUp) -> Iterator[str]:
    yield "The token has every scope that is needed."
    if found.made:
        yield f"Made: {', '.join(found.made)}."
    if found.there:
        yield f"There already: {', '.join(found.there)}."
    if found.other:
        yield (
            f"There with another type, and not written: {', '.join(found.other)}. "
            "Rename or delete them in HubSpot, and run this again."
        )


def write_project(settings: Settings, folder: Path) -> Mapping[str, Path]:
    """Write the project folder; what stands there by those names is replaced."""
    files = project(settings.base_url, PATH, settings.hubspot_api_url)
    written = {name: folder / name for name in files}
    for name, path in written.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(orjson.dumps(files[name], option=orjson.OPT_INDENT_2) + b"\n")
    return written


NEXT_STEPS = """\
Upload it with HubSpot's command line, from this folder:
  hs account auth
  hs project upload
Then install the app in your account, and set HUBSPOT_ACCESS_TOKEN, HUBSPOT_CLIENT_SECRET and
HUBSPOT_APP_ID from its Auth tab; then run: warmcall hubspot setup"""


def trouble(parts: Runtime) -> str:
    """Say what is wrong with the account, and what to do; empty when nothing is."""
    settings = parts.settings
    try:
        if lacking := scopes(parts):
            return f"the token lacks {', '.join(lacking)}. {SCOPE_ADVICE}"
    except WarmcallError as exc:
        return f"{exc}. Check HUBSPOT_ACCESS_TOKEN and HUBSPOT_API_URL."
    if not (settings.hubspot_secrets or settings.hubspot_poll):
        return "nothing tells of new records: set HUBSPOT_CLIENT_SECRET, or HUBSPOT_POLL."
    if settings.hubspot_secrets and not settings.base_url.startswith("https://"):
        return f"HubSpot does not call {settings.base_url}: set WARMCALL_PUBLIC_URL to https://."
    return ""
