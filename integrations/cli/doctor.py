"""What may be wrong with an installation, and what to do about each."""

import asyncio
import socket
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from app.errors import WarmcallError
from app.settings import KEYED_PROVIDERS, Settings, without_secrets
from app.views import DeliveryView, Gauges, ProviderView
from integrations import runtime
from integrations.cli import slack
from integrations.cli.finding import Finding as Finding
from integrations.cli.finding import State as State
from integrations.cli.hubspot import trouble
from integrations.crm.connections import HUBSPOT
from integrations.runtime import Runtime

PROXY_TIMEOUT_S = 3.0

TROUBLED = frozenset({"open", "half_open", "disabled"})
"""States of a provider that is configured and not asked as usual."""


def examine(read_settings: Callable[[], Settings]) -> list[Finding]:
    """Check every part. What cannot be checked because an earlier part failed is left out."""
    try:
        settings = read_settings()
    except WarmcallError as exc:
        return [Finding("settings", State.failed, f"{exc} Correct the environment or .env.")]
    fine = Finding("settings", State.ok, f"this service is {settings.base_url}")
    return [fine, proxy(settings.egress_proxy), *_parts(settings)]


def has_failed(findings: Sequence[Finding]) -> bool:
    """Tell whether anything is to be done."""
    return any(finding.state is State.failed for finding in findings)


def report(findings: Sequence[Finding]) -> str:
    """Return one line for each finding, the failures clearly marked."""
    width = max(len(finding.part) for finding in findings)
    return "\n".join(f"{one.state:<6}  {one.part:<{width}}  {one.text}" for one in findings)


def _parts(settings: Settings) -> Iterator[Finding]:
    try:
        parts = runtime.start(settings)
    except WarmcallError as exc:
        yield Finding("start", State.failed, str(exc))
        return
    try:
        yield from _running(parts)
    finally:
        parts.close()


def _running(parts: Runtime) -> Iterator[Finding]:
    yield Finding(
        "database", State.ok, f"{without_secrets(parts.settings.database_url)} is up to date"
    )
    yield positioning(parts.settings.positioning)
    yield queue(parts.intake.gauges())
    yield from map(provider, parts.intake.providers())
    caller = parts.intake.local_caller()
    given_up = [
        delivery
        for state in ("failed", "disabled")
        for delivery in parts.intake.deliveries(caller, state=state)
    ]
    yield callbacks(given_up)
    yield from asyncio.run(slack.findings(parts))
    yield hubspot(parts)
    others = [name for name in parts.connections if name != HUBSPOT]
    broken = parts.intake.broken_connections() if others else {}
    yield from (connection(name, broken.get(name, "")) for name in others)


def positioning(path: Path | None) -> Finding:
    """Tell whether talking points are tied to what we sell; a bad file stops the start."""
    if path is None:
        text = "none: talking points know nothing of what you sell; set WARMCALL_POSITIONING"
        return Finding("positioning", State.note, text)
    return Finding("positioning", State.ok, f"{path} is usable")


def queue(gauges: Gauges) -> Finding:
    """Judge the queue: jobs that wait while nobody takes them are a failure."""
    told = f"{gauges.queue_depth} waiting, {gauges.workers} workers alive"
    if gauges.workers:
        return Finding("queue", State.ok, told)
    if gauges.queue_depth:
        return Finding("queue", State.failed, f"{told}: start `warmcall up` or `warmcall worker`.")
    return Finding("queue", State.note, f"{told}: `warmcall up` starts one")


def provider(view: ProviderView) -> Finding:
    """Judge a provider: one that is configured and not asked is a failure."""
    part = f"provider {view.name}"
    prefix = KEYED_PROVIDERS.get(view.name)
    if not view.configured:
        return Finding(part, State.note, f"off: {_switch(prefix)}")
    if view.state not in TROUBLED:
        return Finding(part, State.ok, f"{view.calls_today} calls today")
    until = f" until {view.until:%Y-%m-%d %H:%M} UTC" if view.until else ""
    check = f" Check {prefix}_API_KEY and the account's credits." if prefix else ""
    why = view.reason or "it failed again and again"
    return Finding(part, State.failed, f"not asked{until}: {why}.{check}")


def _switch(prefix: str | None) -> str:
    if prefix:
        return f"set {prefix}_API_KEY to switch it on (and name it in WARMCALL_PROVIDERS, if set)"
    return "left out of WARMCALL_PROVIDERS, or not possible with WARMCALL_EGRESS_PROXY"


def callbacks(given_up: Sequence[DeliveryView]) -> Finding:
    """Judge the callbacks by the deliveries that nobody tries any more."""
    if not given_up:
        return Finding("callbacks", State.ok, "no delivery was given up")
    return Finding(
        "callbacks",
        State.failed,
        f"{len(given_up)} deliveries were given up, the last one is {given_up[0].id}: see "
        "GET /v1/deliveries, mend the receiver, then POST /v1/deliveries/ID/replay.",
    )


def hubspot(parts: Runtime) -> Finding:
    """Judge HubSpot by whether its token may do what we do, and whether anything comes from it."""
    if HUBSPOT not in parts.connections:
        return Finding("hubspot", State.note, "off: set HUBSPOT_ACCESS_TOKEN to switch it on")
    if told := trouble(parts):
        return Finding("hubspot", State.failed, told)
    way = "looks for new records" if parts.settings.hubspot_poll else "is told of new records"
    return Finding("hubspot", State.ok, f"{way}; run `warmcall hubspot setup` once")


def connection(name: str, why: str) -> Finding:
    """Judge a connection to another CRM by whether it has let us in."""
    if why:
        told = (
            f"refuses us ({why}): correct its section of WARMCALL_CRM; what is to be written waits."
        )
        return Finding(f"crm {name}", State.failed, told)
    return Finding(f"crm {name}", State.ok, "nothing was refused")


def proxy(url: str | None) -> Finding:
    """Judge the egress proxy by whether it takes connections."""
    if url is None:
        return Finding("proxy", State.note, "none: websites and callbacks are fetched directly")
    parts = urlsplit(url)
    address = (parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80))
    try:
        socket.create_connection(address, timeout=PROXY_TIMEOUT_S).close()
    except OSError as exc:
        told = f"{address[0]} port {address[1]} does not answer ({exc.strerror or exc})"
        return Finding("proxy", State.failed, f"{told}: check WARMCALL_EGRESS_PROXY.")
    return Finding("proxy", State.ok, f"{address[0]} port {address[1]} answers")
