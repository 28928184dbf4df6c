"""What may be wrong with Slack, seen from here: settings, reach, and each installation."""

from collections.abc import AsyncIterator

from app.errors import DeliveryFailed, DeliveryPutOff
from app.installation import LOCKED, Installation
from integrations.cli.finding import Finding, State
from integrations.runtime import Runtime, now
from integrations.slack.acquaintance import LACKING, lacking, who_am_i
from integrations.slack.api import bearer, form, read
from integrations.slack.oauth import INSTALL_PATH

OFF = (
    "off: set SLACK_BOT_TOKEN for one workspace or SLACK_CLIENT_ID for many, "
    "with SLACK_SIGNING_SECRET or SLACK_APP_TOKEN"
)
AGAIN = "install the app again from what `warmcall slack-manifest` prints"
UNREACHED = "Slack does not answer"
MANY = 200  # installations that are looked at; it takes some 0.1 s each


async def findings(parts: Runtime) -> list[Finding]:
    """Check all of Slack. Where it cannot be reached at all, that is told once."""
    if not parts.settings.has_slack:
        return [Finding("slack", State.note, OFF)]
    found = []
    async for finding in _each(parts):
        found.append(finding)
        if finding.text.startswith(UNREACHED):
            break
    return found


async def _each(parts: Runtime) -> AsyncIterator[Finding]:
    yield await _way_in(parts)
    if token := parts.slack.by_setting:
        yield await _workspace(parts, "slack SLACK_BOT_TOKEN", token)
    kept = [one for one in parts.slack.kept.all() if not one.by_setting]
    for one in kept[:MANY]:
        part = f"slack {one.name or one.team_id}"
        if one.reason and one.reason != LACKING:
            yield Finding(part, State.failed, f"{one.reason}: {_advice(parts, one)}.")
        else:
            yield await _workspace(parts, part, one.token)
    if parts.settings.slack_client_id and not kept:
        yield Finding("slack", State.note, f"installed nowhere yet: open {_install_url(parts)}")


async def _way_in(parts: Runtime) -> Finding:
    """Judge how Slack reaches us: by our URL, or by a line that we open."""
    settings = parts.settings
    if settings.slack_app_token:
        return await _line(parts, settings.slack_app_token.get_secret_value())
    if settings.base_url.startswith("https://"):
        return Finding("slack", State.ok, f"calls {settings.base_url}/slack/events")
    told = f"{settings.base_url} cannot be called by Slack: set WARMCALL_PUBLIC_URL to an https:// "
    return Finding("slack", State.note, f"{told}address, or SLACK_APP_TOKEN")


async def _line(parts: Runtime, token: str) -> Finding:
    url = f"{parts.settings.slack_api_url}/apps.connections.open"
    try:
        read(await parts.ask_slack(form(url, bearer(token), {})))
    except (DeliveryFailed, DeliveryPutOff) as exc:
        return _refused("slack", exc, "check SLACK_APP_TOKEN and its scope connections:write")
    return Finding("slack", State.ok, "is reached by Socket Mode")


async def _workspace(parts: Runtime, part: str, token: str) -> Finding:
    """Judge a token by asking Slack whose it is."""
    try:
        found = await who_am_i(parts.ask_slack, parts.settings.slack_api_url, token, now())
    except (DeliveryFailed, DeliveryPutOff) as exc:
        is_setting = token == parts.slack.by_setting
        told = "put the app's bot token of now into SLACK_BOT_TOKEN" if is_setting else None
        return _refused(part, exc, told or f"install the app again at {_install_url(parts)}")
    where = f"{found.name or found.team_id}"
    if found.reason == LACKING:
        missing = ", ".join(lacking(found.scopes))
        return Finding(part, State.failed, f"{where}: the app may not {missing}: {AGAIN}.")
    parts.slack.kept.works(found.team_id)
    return Finding(part, State.ok, f"{where}, as {found.bot_user_id}")


def _refused(part: str, exc: DeliveryFailed | DeliveryPutOff, what_to_do: str) -> Finding:
    """Judge a failed call: a refusal is for the operator to mend, anything else passes."""
    if isinstance(exc, DeliveryFailed) and exc.final:
        return Finding(part, State.failed, f"{exc}: {what_to_do}.")
    return Finding(part, State.failed, f"{UNREACHED} ({exc}): check SLACK_API_URL and the network.")


def _advice(parts: Runtime, one: Installation) -> str:
    if one.reason == LOCKED:
        return "put the key back that sealed its token, as the last of WARMCALL_ENCRYPTION_KEYS"
    return f"install the app again at {_install_url(parts)}"


def _install_url(parts: Runtime) -> str:
    return f"{parts.settings.base_url}{INSTALL_PATH}"
