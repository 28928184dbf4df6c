"""Everything the commands print beside cards: tables, keys, the first curl line."""

import json
import shlex
from collections.abc import Mapping, Sequence
from datetime import datetime

from rich.cells import cell_len

from app.connecting import ConnectionView
from app.connections import Auth, Connection
from app.crm_views import Entry, Undone
from app.views import UNLIMITED, Caller, ProviderView
from app.wording import clean, shorten

CELL = 40  # characters of a value in a table
SANDBOX = "sarah.chen@acme.example"


def columns(rows: Sequence[Sequence[str]]) -> str:
    """Align rows under their first one; nothing is cut, so that ids can be copied.

    >>> print(columns([("ID", "NAME"), ("key_1", "crm")]))
    ID     NAME
    key_1  crm
    """
    kept = [[clean(cell) for cell in row] for row in rows]
    widths = [max(map(cell_len, column)) for column in zip(*kept, strict=True)]
    return "\n".join(
        "  ".join(
            cell + " " * (width - cell_len(cell)) for cell, width in zip(row, widths, strict=True)
        ).rstrip()
        for row in kept
    )


def key_table(callers: Sequence[Caller]) -> str:
    """List keys, the oldest first."""
    if not callers:
        return "No keys yet. Create one: warmcall keys create NAME"
    head = ("ID", "NAME", "QUOTA", "SCOPES", "CREATED", "LAST USED", "STATE")
    return columns([head, *map(_key_row, callers)])


def _key_row(caller: Caller) -> tuple[str, ...]:
    return (
        caller.id,
        caller.name,
        quota(caller.quota),
        ",".join(sorted(caller.scopes)),
        _day(caller.created_at),
        _day(caller.last_used_at),
        f"revoked {_day(caller.revoked_at)}" if caller.revoked_at else "valid",
    )


def quota(number: int | None) -> str:
    """Return a key's monthly allowance in words."""
    if number is None:
        return "default"
    return "unlimited" if number == UNLIMITED else str(number)


def _day(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d}" if moment else "-"


def key_created(caller: Caller) -> str:
    """Announce a key; its secret follows on another stream."""
    return f"Key {caller.id} ({clean(caller.name)}) is created. Its secret, shown this once:"


PROOFS = {
    Auth.standard: "signs its requests after Standard Webhooks",
    Auth.hmac: "sends `{header}: sha256=` and the hex HMAC-SHA256 of the body",
    Auth.bearer: "sends `Authorization: Bearer` and the secret",
    Auth.basic: "sends Basic authorization as the user {user}",
}


def connected(made: Connection, auth: Auth, user: str, base_url: str) -> str:
    """Announce a connection; its secret follows on another stream."""
    how = PROOFS[auth].format(header=made.header, user=clean(user))
    return (
        f"{made.name} is connected. It posts to {base_url}/webhooks/crm/{made.name}, forms to "
        f"{base_url}/webhooks/lead/{made.name}, and {how}. Its secret, shown this once:"
    )


def connection_table(views: Sequence[ConnectionView], crms: Mapping[str, str]) -> str:
    """List connections by name, and behind them the CRMs that are written to: name -> vendor."""
    if not (views or crms):
        return "No connections yet. Make one: warmcall crm connect NAME --auth standard"
    head = ("NAME", "AUTH", "SET UP IN", "CREATED", "LAST ASKED")
    written_to = [(name, crms[name], "setting", "-", "-") for name in sorted(crms)]
    return columns([head, *map(_connection_row, views), *written_to])


def _connection_row(view: ConnectionView) -> tuple[str, ...]:
    one = view.connection
    auths = ",".join(sorted(one.auths))
    return (one.name, auths, one.source, _day(view.created_at), _day(view.asked_at))


def write_table(entries: Sequence[Entry]) -> str:
    """List what was written into CRMs for a job, and why the rest was not."""
    if not entries:
        return "Nothing was written for this job."
    head = ("RECORD", "PROPERTY", "BEFORE", "AFTER", "POLICY", "SOURCE", "SURE", "STATE", "AT")
    return columns([head, *map(_write_row, entries)])


def _write_row(one: Entry) -> tuple[str, ...]:
    change = one.change
    state = f"{one.state}: {one.reason}" if one.reason else one.state
    return (
        one.target,
        change.property,
        shorten(change.old, CELL) or "-",
        shorten(change.new, CELL) or "-",
        change.policy,
        change.source or "-",
        f"{change.confidence:.2f}" if change.source else "-",
        state,
        f"{one.at:%Y-%m-%d %H:%M}",
    )


def undone_table(undone: Sequence[Undone]) -> str:
    """List what became of each value that was to be taken back."""
    if not undone:
        return "There is nothing to take back for this job."
    rows = [(one.entry.target, one.entry.change.property, one.outcome) for one in undone]
    return columns([("RECORD", "PROPERTY", "OUTCOME"), *rows])


def provider_table(views: Sequence[ProviderView]) -> str:
    """List providers in the waterfall's order with what they did today.

    The last column tells of how many cards, of those that somebody has judged, helped.
    """
    head = [
        "PROVIDER",
        "STATE",
        "GIVES",
        "ACCEPTS",
        "CALLS",
        "MATCHED",
        "FAILED",
        "CREDITS",
        "HELPED",
    ]
    notes = [f"{view.name}: {_trouble(view)}" for view in views if view.reason or view.until]
    return "\n".join([columns([head, *map(_provider_row, views)]), *notes])


def _provider_row(view: ProviderView) -> tuple[str, ...]:
    return (
        view.name,
        {"closed": "on"}.get(view.state, view.state) if view.configured else "off",
        ",".join(view.gives),
        ",".join(view.accepts),
        str(view.calls_today),
        str(view.matched_today),
        str(view.failed_today),
        f"{view.credits_today:g}",
        f"{view.helped} of {view.helped + view.not_helped}",
    )


def _trouble(view: ProviderView) -> str:
    until = f" until {view.until:%Y-%m-%d %H:%M} UTC" if view.until else ""
    return clean(f"{view.reason or 'not asked'}{until}")


def forgotten(counts: Mapping[str, int]) -> str:
    """Say what an erasure deleted."""
    told = ", ".join(f"{number} {kind}" for kind, number in counts.items() if number)
    return f"Deleted: {told or 'nothing was kept'}. This person is not looked up any more."


def first_key(secret: str) -> str:
    """Announce the key of the very first start."""
    return f"Your first API key, shown this once: {secret}"


def welcome(url: str, secret: str | None) -> str:
    """Say where the service is and, on the very first start, how to get a first card."""
    told = f"Warmcall is ready: {url} (documentation: {url}/docs)"
    return f"{told}\nTry it:\n\n{curl(url, secret)}\n" if secret else told


def curl(url: str, secret: str) -> str:
    """Return a command that asks for the sandbox's card and waits for it.

    >>> curl("http://127.0.0.1:8000", "wc_x").split()[:4]
    ['curl', '-sS', 'http://127.0.0.1:8000/v1/enrich', '-H']
    """
    headers = (
        f"Authorization: Bearer {secret}",
        "Content-Type: application/json",
        "Prefer: wait=10",
    )
    words = ["curl", "-sS", f"{url}/v1/enrich"]
    for header in headers:
        words += ["-H", header]
    return shlex.join([*words, "-d", json.dumps({"email": SANDBOX})])
