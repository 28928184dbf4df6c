"""The commands of `warmcall`: each reads its words, calls one verb and prints what came of it.

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 nothing found. Errors are one line on stderr.
"""

import gc
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import Annotated

import orjson
import typer
from typer import Argument, Option, TyperException
from typer.main import get_command

from app.connections import HEADER, Auth
from app.errors import InvalidProspect, InvalidRequest, WarmcallError
from app.front import OPERATOR
from app.job import Priority
from app.prospect import identify
from app.settings import Settings
from app.vault import new_key
from app.views import SCOPES, UNLIMITED, Ask, Caller
from integrations import runtime, web, worker
from integrations.cli import agent, relay, render, tables
from integrations.cli import batch as batches
from integrations.cli import brief as briefing
from integrations.cli import doctor as checks
from integrations.cli import hubspot as account
from integrations.cli.environment import environment
from integrations.cli.up import (
    Child,
    Supervisor,
    check_port,
    follow_parent,
    is_answering,
    local_url,
)
from integrations.runtime import Runtime
from integrations.slack.manifest import manifest

LONGEST_WAIT_S = 3_600

OPERATING = Caller(OPERATOR, OPERATOR, SCOPES)

app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="From an e-mail address to a call-prep battlecard, on your own machine.",
)
keys = typer.Typer(help="API keys: who may call the REST API, and how much each may use.")
app.add_typer(keys, name="keys")
crm = typer.Typer(help="CRMs: who may send records, what was written into them, taking it back.")
app.add_typer(crm, name="crm")
hubspot = typer.Typer(help="HubSpot: the app there, and what it needs in your account.")
app.add_typer(hubspot, name="hubspot")

Host = Annotated[str, Option(help="Address to listen on.")]
Port = Annotated[
    int | None, Option(min=1, max=65_535, help="Port to listen on. Default: PORT, else 8000.")
]
Supervised = Annotated[
    bool, Option("--supervised", hidden=True, help="End when standard input is closed.")
]
Email = Annotated[str, Argument(metavar="EMAIL", help="The person's e-mail address.")]
Name = Annotated[str, Argument(metavar="NAME", help="The connection: part of its URL.")]
JobId = Annotated[str, Argument(metavar="JOB", help="The job's id.")]
KeyId = Annotated[str, Argument(metavar="ID", help="The key's id, see `warmcall keys list`.")]


def main() -> None:
    """Run the command line and exit with its code."""
    gc.freeze()  # what was imported stays: no search for garbage needs to pass over it
    sys.excepthook = one_line
    logging.getLogger().addHandler(logging.NullHandler())  # `web` and `worker` log, commands talk
    sys.exit(run(sys.argv[1:]))


def run(args: list[str]) -> int:
    """Run one command and return its exit code."""
    try:
        code = get_command(app)(args, prog_name="warmcall", standalone_mode=False)
    except TyperException as exc:
        return _complain(exc.format_message(), exc.exit_code)
    except (InvalidProspect, InvalidRequest) as exc:
        return _complain(str(exc), 2)
    except WarmcallError as exc:
        return _complain(str(exc), 1)
    except OSError as exc:
        where = f": {exc.filename}" if exc.filename else ""
        return _complain(f"{exc.strerror or type(exc).__name__}{where}.", 1)
    return code if isinstance(code, int) else 0


def _complain(message: str, code: int) -> int:
    _tell(" ".join(message.split()))
    return code


def _tell(message: str) -> None:
    typer.echo(f"warmcall: {message}", err=True)


def one_line(
    kind: type[BaseException], _error: BaseException, _trace: TracebackType | None
) -> None:
    """Report a bug of ours; its text may hold personal data, so only its kind is shown."""
    _tell(f"unexpected {kind.__name__}. Run it as `warmcall --debug ...` to see where.")


@app.callback(invoke_without_command=True)
def warmcall(
    context: typer.Context,
    show_version: Annotated[bool, Option("--version", help="Show the version and exit.")] = False,
    debug: Annotated[
        bool, Option("--debug", help="Show tracebacks and log everything on stderr.")
    ] = False,
) -> None:
    """Prepare the call: who they are, what their company does, and what to open with."""
    if debug:
        sys.excepthook = sys.__excepthook__
        runtime.log_as_json("DEBUG")
    if show_version:
        typer.echo(f"warmcall {version('warmcall')}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


# --- processes -----------------------------------------------------------------------------


@app.command()
def up(host: Host = "127.0.0.1", port: Port = None) -> None:
    """Start everything: the web and the worker process, watched by this one."""
    settings = _settings(port)
    check_port(host, settings.port)
    secret = _first_key(settings)
    url = local_url(host, settings.port)
    waiting = [url]

    def announce() -> None:
        if waiting and is_answering(host, settings.port):
            typer.echo(tables.welcome(waiting.pop(), secret))

    Supervisor(
        [_child("web", settings, "--host", host), _child("worker", settings)], announce
    ).run()


@app.command(name="web")
def web_process(
    host: Host = "0.0.0.0",  # noqa: S104  a Procfile host forwards to the container's address
    port: Port = None,
    supervised: Supervised = False,
) -> None:
    """Run the web process alone: REST API, card pages, dashboard."""
    if supervised:
        follow_parent()
    settings = _settings(port)
    web.serve(settings, host, settings.port)


@app.command(name="worker")
def worker_process(supervised: Supervised = False) -> None:
    """Run one worker process: takes jobs off the queue. Start as many as you like."""
    if supervised:
        follow_parent()
    settings = _settings()
    worker.serve(settings)


@app.command(name="mcp")
def mcp_process() -> None:
    """Serve an agent on this machine over standard input and output (MCP). Needs no server.

    With WARMCALL_URL and WARMCALL_API_KEY it passes everything on to that server.
    """
    settings = _settings()
    if settings.server_url:
        relay.main(environment())
        return
    with _running(settings) as parts:
        agent.speak(parts)


def _child(name: str, settings: Settings, *options: str) -> Child:
    # -P: a folder called app in the working directory must not hide ours
    argv = [sys.executable, "-P", "-m", "integrations.cli.inbound", name, *options, "--supervised"]
    return Child(name, argv, {**os.environ, "PORT": str(settings.port)}, _tell)  # noqa: TID251


def _first_key(settings: Settings) -> str | None:
    """Create a key on the very first start, print it once and return it."""
    with _running(settings) as parts:
        if parts.intake.list_keys():
            return None
        _, secret = parts.intake.create_key("first")
    typer.echo(tables.first_key(secret))
    return secret


# --- prospects -----------------------------------------------------------------------------


@app.command()
def brief(
    prospect: Annotated[
        str,
        Argument(
            metavar="PROSPECT",
            help="An e-mail address, a domain, a LinkedIn URL, or 'Name, Company'.",
        ),
    ],
    refresh: Annotated[
        bool, Option("--refresh", help="Ask again, whatever the cache holds.")
    ] = False,
    layout: Annotated[render.Layout, Option("--format", help="How to print the card.")] = (
        render.Layout.text
    ),
    wait: Annotated[
        float, Option(min=0, max=LONGEST_WAIT_S, metavar="S", help="Seconds to wait for the card.")
    ] = 60,
) -> None:
    """Look a prospect up and print the card. Needs no server."""
    priority = Priority.refresh if refresh else Priority.interactive
    ask = Ask(prospect=identify(prospect), refresh=refresh, priority=priority)
    with _running() as parts, briefing.brief(parts, ask, timedelta(seconds=wait)) as view:
        briefing.show(view, layout, parts.settings.base_url, runtime.now())
    raise typer.Exit(render.exit_code(view))


@app.command()
def batch(
    files: Annotated[
        list[Path],
        Argument(metavar="IN.csv OUT.csv", help="What to read, and what to write. See --resume."),
    ],
    column: Annotated[
        str | None,
        Option(metavar="NAME", help="The column that says who is meant. Default: found by itself."),
    ] = None,
    max_credits: Annotated[
        float | None, Option(min=0, metavar="N", help="The whole file spends no more than this.")
    ] = None,
    resume: Annotated[
        str | None, Option(metavar="ID", help="Go on with a batch that was stopped: only OUT.csv.")
    ] = None,
) -> None:
    """Look up everybody in a CSV file and write it with what is known. Needs no server.

    Ctrl-C stops it; what is done is kept, and --resume goes on.
    """
    *given, out = files
    if len(given) != (0 if resume else 1):
        wanted = "--resume ID OUT.csv" if resume else "IN.csv OUT.csv"
        raise typer.BadParameter(f"expected {wanted}", param_hint="files")
    if not out.parent.is_dir() or (given and out.exists() and out.samefile(given[0])):
        raise typer.BadParameter(f"{out} cannot be written to", param_hint="OUT.csv")
    with _running() as parts:
        if resume:
            view = batches.resumed(parts, resume)
        else:
            view = batches.taken_in(parts, given[0], column, max_credits)
        for told in view.run.notes if view.run else ():
            _tell(told)
        try:
            view = batches.followed(parts, view)
        except KeyboardInterrupt:
            _tell(f"stopped; go on with: warmcall batch --resume {view.id} {out}")
            raise typer.Exit(1) from None
        batches.write(parts, view, out)
    typer.echo(f"{batches.summary(view)}\nWritten: {out}")
    raise typer.Exit(0 if view.matched else 3)


@app.command()
def forget(email: Email) -> None:
    """Erase a person: everything kept about them is deleted and never looked up again."""
    with _running() as parts:
        typer.echo(tables.forgotten(parts.intake.forget(email)))


@app.command()
def export(email: Email) -> None:
    """Print everything kept about a person, as JSON."""
    with _running() as parts:
        kept = parts.intake.export(email)
    typer.echo(orjson.dumps(kept, option=orjson.OPT_INDENT_2).decode())


@app.command()
def suppress(
    target: Annotated[str, Argument(metavar="EMAIL|DOMAIN", help="Who is never looked up again.")],
) -> None:
    """Put a person or a company on the do-not-enrich list; only a hash of it is kept."""
    with _running() as parts:
        kind = parts.intake.suppress(target)
    typer.echo(f"This {kind} is not looked up any more.")


# --- operators -----------------------------------------------------------------------------


@app.command()
def providers() -> None:
    """List the providers: which are on, what each gives, today's health and spend."""
    with _running() as parts:
        typer.echo(tables.provider_table(parts.intake.providers()))


@app.command()
def doctor() -> None:
    """Check settings, database, queue, workers, providers, callbacks, Slack; say what to do."""
    findings = checks.examine(_settings)
    typer.echo(checks.report(findings))
    raise typer.Exit(int(checks.has_failed(findings)))


@app.command("slack-manifest")
def slack_manifest(
    socket: Annotated[
        bool, Option("--socket", help="For Socket Mode: Slack needs no address of ours.")
    ] = False,
) -> None:
    """Print the manifest that makes the Slack app: api.slack.com/apps, From a manifest."""
    base_url = _settings().base_url
    if not socket and not base_url.startswith("https://"):
        _tell(f"Slack does not reach {base_url}: set WARMCALL_PUBLIC_URL, or use --socket.")
    made = manifest(base_url, socket=socket)
    typer.echo(orjson.dumps(made, option=orjson.OPT_INDENT_2).decode())


@app.command("encryption-key")
def encryption_key() -> None:
    """Print a new key for WARMCALL_ENCRYPTION_KEYS; nothing of it is kept."""
    typer.echo(new_key())


@keys.command("create")
def create_key(
    name: Annotated[str, Argument(metavar="NAME", help="Whose key it is, such as 'crm'.")],
    quota: Annotated[
        str | None, Option(metavar="N|unlimited", help="Enrichments a month. Default: the setting.")
    ] = None,
    scope: Annotated[
        list[str] | None, Option(help="read, write or spend; may be repeated. Default: all.")
    ] = None,
) -> None:
    """Create a key. Its secret alone goes to stdout, once."""
    allowed, scopes = _quota(quota), _scopes(scope)
    with _running() as parts:
        caller, secret = parts.intake.create_key(name, quota=allowed, scopes=scopes)
    typer.echo(tables.key_created(caller), err=True)
    typer.echo(secret)


@keys.command("list")
def list_keys() -> None:
    """List all keys; secrets are not kept and cannot be shown."""
    with _running() as parts:
        typer.echo(tables.key_table(parts.intake.list_keys()))


@keys.command("revoke")
def revoke_key(key_id: KeyId) -> None:
    """Revoke a key: requests with it are refused from now on."""
    with _running() as parts:
        caller = parts.intake.revoke_key(key_id)
    typer.echo(f"{caller.id} ({caller.name}) is revoked.")


@keys.command("rotate")
def rotate_key(key_id: KeyId) -> None:
    """Give a key a new secret; the old one stops working at once."""
    with _running() as parts:
        caller, secret = parts.intake.rotate_key(key_id)
    typer.echo(f"{caller.id} ({caller.name}) has a new secret, shown this once:", err=True)
    typer.echo(secret)


@crm.command("connect")
def connect(
    name: Name,
    auth: Annotated[Auth, Option(help="How the sender proves who it is.")],
    user: Annotated[str, Option(metavar="USER", help="The user of --auth basic.")] = "warmcall",
    header: Annotated[
        str, Option(metavar="NAME", help="The header with the signature of --auth hmac.")
    ] = HEADER,
    path: Annotated[
        list[str] | None,
        Option(metavar="FIELD=PATH", help="Where a field is, as email=contact.email; repeatable."),
    ] = None,
    quota: Annotated[
        str | None, Option(metavar="N|unlimited", help="Enrichments a month. Default: unlimited.")
    ] = None,
) -> None:
    """Let a system send records and leads. Its secret alone goes to stdout, once."""
    settings, allowed = _settings(), _quota(quota)
    with _running(settings) as parts:
        made, secret = parts.intake.connect(
            name, auth, user=user, header=header, paths=_paths(path), quota=allowed
        )
    typer.echo(tables.connected(made, auth, user, settings.base_url), err=True)
    typer.echo(secret)


@crm.command("connections")
def connections() -> None:
    """List the connections, those of the settings too, and when each last sent something."""
    with _running() as parts:
        crms = {name: one.adapter.name for name, one in parts.connections.items()}
        typer.echo(tables.connection_table(parts.intake.connections(), crms))


@crm.command("disconnect")
def disconnect(name: Name) -> None:
    """Take nothing more from a connection."""
    with _running() as parts:
        parts.intake.disconnect(name)
    typer.echo(f"{name} is disconnected.")


@crm.command("callback-secret")
def connection_secret(name: Name) -> None:
    """Print what signs the callbacks to a connection (whsec_, Standard Webhooks)."""
    with _running() as parts:
        caller = parts.intake.connected(parts.intake.connection(name))
    typer.echo(caller.callback_secret)


@hubspot.command("project")
def hubspot_project(
    folder: Annotated[Path, Argument(metavar="DIR", help="Where to write it; made if missing.")],
) -> None:
    """Write the project that makes our app in HubSpot, with this service's public address."""
    written = account.write_project(_settings(), folder)
    typer.echo("\n".join(str(path) for path in written.values()))
    typer.echo(account.NEXT_STEPS, err=True)


@hubspot.command("setup")
def hubspot_setup() -> None:
    """Check the token's scopes, and make our properties in HubSpot. May be run again."""
    with _running() as parts:
        found = account.prepare(parts)
    typer.echo(account.told(found))
    raise typer.Exit(int(not found.is_whole))


@crm.command("writes")
def crm_writes(job_id: JobId) -> None:
    """List every value that was written for a job, and why the others were not."""
    with _running() as parts:
        entries = parts.intake.writes(OPERATING, job_id)
    typer.echo(tables.write_table(entries))


@crm.command("refreshed")
def crm_refreshed(
    days: Annotated[int, Option(min=1, max=90, help="So many days back.")] = 30,
) -> None:
    """List what the refreshing of old records has changed (WARMCALL_CRM_REFRESH)."""
    since = runtime.now() - timedelta(days=days)
    with _running() as parts:
        changed = [one for name in parts.connections for one in parts.intake.refreshed(name, since)]
    typer.echo(tables.write_table(changed) if changed else "Nothing was changed.")


@crm.command("undo")
def crm_undo(job_id: JobId) -> None:
    """Put the old values back, unless somebody has changed them since."""
    with _running() as parts:
        undone = parts.counter.undo_now(OPERATING, job_id)
    typer.echo(tables.undone_table(undone))


def _quota(text: str | None) -> int | None:
    if text is None:
        return None
    if text.casefold() == "unlimited":
        return UNLIMITED
    if text.isascii() and text.isdigit() and len(text) < 10:
        return int(text)
    raise typer.BadParameter("expected a whole number or 'unlimited'", param_hint="--quota")


def _paths(given: list[str] | None) -> dict[str, str]:
    pairs = [text.partition("=") for text in given or ()]
    if not all(name and path for name, _, path in pairs):
        raise typer.BadParameter("expected FIELD=PATH", param_hint="--path")
    return {name: path for name, _, path in pairs}


def _scopes(names: list[str] | None) -> frozenset[str]:
    if strange := sorted(set(names or ()) - SCOPES):
        known = ", ".join(sorted(SCOPES))
        raise typer.BadParameter(f"{', '.join(strange)} is none of {known}", param_hint="--scope")
    return frozenset(names) if names else SCOPES


# --- parts ---------------------------------------------------------------------------------


def _settings(port: int | None = None) -> Settings:
    """Read `.env` of the working directory and the environment, which wins."""
    given = {} if port is None else {"PORT": str(port)}
    return Settings.from_env({**environment(), **given})


@contextmanager
def _running(settings: Settings | None = None) -> Iterator[Runtime]:
    """Yield the running parts on an up-to-date database."""
    parts = runtime.start(settings or _settings())
    try:
        yield parts
    finally:
        parts.close()


if __name__ == "__main__":
    main()
