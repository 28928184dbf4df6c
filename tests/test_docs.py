"""The documents are true: what they name exists, what exists is named, what they show works."""

import calendar
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from app.settings import KEYED_PROVIDERS, KEYLESS_PROVIDERS, rows
from integrations.callback.channel import signed
from tests.words import ROOT, commands, routes

README = (ROOT / "README.md").read_text("utf-8")
DOCUMENTS = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")


def chapter(title: str) -> str:
    """Return the text of one chapter of the README, up to the next heading of any level."""
    found = re.search(rf"^##+ {title}\n(.*?)(?=^##|\Z)", README, re.MULTILINE | re.DOTALL)
    assert found, title
    return found[1]


def blocks(language: str, text: str = README) -> list[str]:
    """Return the fenced blocks in this language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def first_cells(title: str) -> list[str]:
    """Return the first cell of each row of a chapter's table, without its head."""
    lines = [line for line in chapter(title).splitlines() if line.startswith("|")]
    return [re.split(r"(?<!\\)\|", line)[1].strip() for line in lines[2:]]


def test_the_settings_table_is_what_the_settings_say() -> None:
    told = [
        f"| `{row.name}` | {f'`{row.default}`' if row.default else 'none'} | {row.meaning} |"
        for row in rows()
    ]
    assert [line for line in chapter("Settings").splitlines() if line.startswith("| `")] == told


def test_the_providers_table_names_every_provider_in_default_order() -> None:
    names = [cell.strip("`") for cell in first_cells("Providers")]
    assert sorted(names) == sorted([*KEYLESS_PROVIDERS, *KEYED_PROVIDERS])


def test_the_routes_table_names_every_route() -> None:
    told = [word for cell in first_cells("REST") for word in re.findall(r"`([^`]+)`", cell)]
    assert sorted(told) == sorted(routes())


def test_every_command_is_in_the_table_with_its_options() -> None:
    table = chapter("Command line")
    for words, named in commands().items():
        assert f"`{words}" in table, words
        for option in named:
            assert option in table, f"{words} {option}"


def shown_commands() -> list[str]:
    """Return every command line that a document shows, in text or in a block."""
    texts = [(ROOT / name).read_text("utf-8").replace("\\|", "|") for name in DOCUMENTS]
    quoted = [line for text in texts for line in re.findall(r"`(warmcall(?: [^`\n]+)?)`", text)]
    typed = [
        line for text in texts for line in re.findall(r"^\$ (warmcall .*)$", text, re.MULTILINE)
    ]
    captured = [line for text in texts for line in re.findall(r"\$\((warmcall [^)]*)\)", text)]
    return quoted + typed + captured


@pytest.mark.parametrize("line", sorted(set(shown_commands())))
def test_every_command_line_shown_is_one_that_exists(line: str) -> None:
    words = shlex.split(line)
    known = commands()
    name = max((c for c in known if words[: len(c.split())] == c.split()), key=len, default="")
    assert name, line
    rest = words[len(name.split()) :]
    assert {word for word in rest if word.startswith("--")} <= set(known[name]), line
    assert name != "warmcall" or all(word.startswith(("-", "...")) for word in rest), line


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_link_into_the_project_leads_somewhere(document: str) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", (ROOT / document).read_text("utf-8"))
    assert [link for link in links if not (ROOT / link).exists()] == []


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_module_named_exists(document: str) -> None:
    text = (ROOT / document).read_text("utf-8")
    paths = re.findall(r"`((?:app|integrations|tests)/[a-z_/.]+)`", text)
    fictional = {path for path in paths if "orbit" in path}
    assert [path for path in paths if not (ROOT / path).exists() and path not in fictional] == []


def receiver() -> Callable[[bytes, dict[str, str], str], dict[str, Any]]:
    """Run the README's receiver as a reader would: pasted into a module."""
    (block,) = blocks("python")
    module: dict[str, Any] = {}
    exec(compile(block, "README.md", "exec"), module)
    receive: Callable[[bytes, dict[str, str], str], dict[str, Any]] = module["receive"]
    return receive


def test_the_receiver_in_the_readme_takes_our_callbacks_and_no_others() -> None:
    secret, body = "whsec_" + "c2VjcmV0LXNlY3JldC1zZWNyZXQ=", b'{"type":"ping","data":{}}'
    headers = dict(signed("msg_1", body, (secret,), datetime.now(UTC)))
    assert receiver()(body, headers, secret) == {"type": "ping", "data": {}}
    with pytest.raises(WebhookVerificationError):
        receiver()(body + b" ", headers, secret)
    assert Webhook(secret)


def examples() -> list[tuple[str, str]]:
    """Return the commands of the README's console blocks with what they print."""
    return [
        (command, printed)
        for block in blocks("console")
        for command, printed in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", block, re.MULTILINE)
    ]


MONTHS = "|".join(calendar.month_name[1:])


def same_every_time(printed: str) -> str:
    """Return the words without what differs from run to run: ids, days, times, line breaks."""
    text = re.sub(r"\b(job|key)_\w+", r"\1_ID", " ".join(printed.split()))
    return re.sub(
        rf"\d{{4}}-\d\d(-\d\d)?|({MONTHS}) \d{{4}}|\d+ days ago|yesterday|today", "DAY", text
    )


@pytest.mark.parametrize(("command", "printed"), examples())
def test_the_examples_print_what_the_readme_shows(
    command: str, printed: str, tmp_path: Path
) -> None:
    program, *args = shlex.split(command)
    run = subprocess.run(
        [Path(sys.executable).with_name(program), *args],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "COLUMNS": "80"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert same_every_time(run.stdout) == same_every_time(printed), run.stderr


def test_the_changelog_tells_of_this_version() -> None:
    project = (ROOT / "pyproject.toml").read_text("utf-8")
    version = re.findall(r'^version = "(.*)"$', project, re.MULTILINE)[0]
    assert f"## [{version}] - " in (ROOT / "CHANGELOG.md").read_text("utf-8")
    assert "## [Unreleased]" in (ROOT / "CHANGELOG.md").read_text("utf-8")
