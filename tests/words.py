"""What is public: the words that users and their programs rely on, collected from the code.

`.venv/bin/python tests/words.py` adds new ones to `public_words.txt`; it never takes one away.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import orjson
from typer.main import get_command

from app.database import Database
from app.delivery import BATCH_COMPLETED, EVENTS
from app.errors import WarmcallError
from app.facts import FIELDS, Section
from app.job import Priority, Status
from app.provider import Outcome
from app.settings import KEYED_PROVIDERS, KEYLESS_PROVIDERS, rows
from app.tasks import Tasks
from app.views import SCOPES
from integrations.cli import inbound
from integrations.mcp.tools import TOOLS, prepare_call
from integrations.rest import problem
from integrations.rest.openapi import OPERATIONS
from integrations.slack import buttons, home

HERE = Path(__file__).parent
ROOT = HERE.parent
LISTING = HERE / "public_words.txt"


def public_words() -> set[str]:
    """Collect the words as `kind word`."""
    return {
        *(f"status {status}" for status in Status),
        *(f"outcome {outcome}" for outcome in Outcome),
        *(f"section {section}" for section in Section),
        *(f"field {name}" for name in FIELDS),
        *(f"event {event}" for event in (*EVENTS.values(), BATCH_COMPLETED)),
        *(f"scope {scope}" for scope in SCOPES),
        *(f"error {kind.code}" for kind in error_kinds()),
        *(f"error {code}" for code in problem.KINDS),
        *(f"setting {row.name}" for row in rows()),
        *(f"provider {name}" for name in (*KEYLESS_PROVIDERS, *KEYED_PROVIDERS)),
        *(f"route {route}" for route in routes()),
        *(f"command {words}" for words in commands()),
        *(f"option {words} {name}" for words, named in commands().items() for name in named),
        *(f"task {name}" for name in tasks()),
        *(f"action {name}" for name in buttons.ACTIONS),
        *(f"action {name}" for name in home.ACTIONS),
        *(f"action {buttons.MORE} {head}" for head in buttons.MENU),
        *(f"tool {tool.__name__}" for tool in (prepare_call, *TOOLS)),
    }


def error_kinds(root: type[WarmcallError] = WarmcallError) -> set[type[WarmcallError]]:
    """Return a class of errors and everything below it."""
    return {root}.union(*(error_kinds(kind) for kind in root.__subclasses__()))


def tasks() -> set[str]:
    """Return the stored names of the queue's messages: renaming one strands what is waiting."""
    database = Database("sqlite:///never-opened.db")
    posted = Tasks(database, lambda: datetime(2026, 11, 21, tzinfo=UTC))
    messages = (
        posted.job("job_1", Priority.interactive),
        posted.delivery("delivery_1"),
        posted.arrival("record_1"),
    )
    return {orjson.loads(message.data)["task"] for message in messages}


def routes() -> set[str]:
    """Return every route of the REST surface as `METHOD /path`."""
    return {f"{one.method.upper()} {one.path}" for one in OPERATIONS}


def commands() -> dict[str, list[str]]:
    """Return every command of the command line with its options that are not hidden."""
    return dict(_commands(get_command(inbound.app), "warmcall"))


def _commands(command: object, words: str) -> Iterator[tuple[str, list[str]]]:
    yield words, [name for param in getattr(command, "params", []) for name in _options(param)]
    for name, sub in getattr(command, "commands", {}).items():
        yield from _commands(sub, f"{words} {name}")


def _options(param: object) -> list[str]:
    if getattr(param, "hidden", False):
        return []
    return [name for name in getattr(param, "opts", []) if name.startswith("--")]


if __name__ == "__main__":
    known = set(LISTING.read_text("utf-8").splitlines()) if LISTING.exists() else set()
    LISTING.write_text("\n".join(sorted(known | public_words())) + "\n", "utf-8")
