"""What agents' programs are given: the README's snippets, the bundle, the registry's file."""

import json
import re
import shlex
import struct
import tomllib
from pathlib import Path
from typing import Any

import pytest

from app.settings import rows
from integrations.mcp.mount import PATH
from tests.journeys.nursery import ROOT
from tests.test_docs import README, blocks, chapter
from tests.words import commands

PACKAGE = ROOT / "integrations/mcp/package"
SETTINGS = {row.name for row in rows()}
RELAYED = {"WARMCALL_URL", "WARMCALL_API_KEY"}
REGISTERED = re.compile(r"[a-zA-Z0-9.-]+/[a-zA-Z0-9._-]+")
"""A server's name in the public registry (server.schema.json 2025-09-29, read 2026-11-21)."""


def handed_out(name: str) -> Any:
    return json.loads((PACKAGE / name).read_text("utf-8"))


def project(path: Path) -> Any:
    return tomllib.loads(path.read_text("utf-8"))["project"]


def snippets() -> list[dict[str, Any]]:
    """Return every server that a snippet for a client declares."""
    read = [json.loads(block) for block in blocks("json", chapter("Clients for agents"))]
    return [server for one in read for server in one.get("mcpServers", one.get("servers")).values()]


@pytest.mark.parametrize("server", snippets())
def test_a_snippet_leads_to_the_endpoint_or_to_a_command(server: dict[str, Any]) -> None:
    if "url" in server:
        assert server["url"] == f"http://127.0.0.1:8000{PATH}"
        assert server["headers"]["Authorization"].startswith("Bearer ${")
    else:
        assert " ".join([server["command"], *server["args"]]) in commands()
        assert server["env"].keys() == RELAYED


def test_every_placeholder_for_a_key_is_asked_for() -> None:
    for block in blocks("json", chapter("Clients for agents")):
        asked = {one["id"] for one in json.loads(block).get("inputs", [])}
        assert set(re.findall(r"\$\{input:(\w+)\}", block)) == asked


def test_the_lines_for_claude_code_add_a_url_or_a_command() -> None:
    [block] = blocks("sh", chapter("Clients for agents"))
    for line in block.splitlines():
        words = shlex.split(line)
        assert words[:3] == ["claude", "mcp", "add"]
        env = {word.partition("=")[0] for word in words if word.startswith("WARMCALL_")}
        assert env in (set(), RELAYED)
        if "--" in words:
            assert " ".join(words[words.index("--") + 1 :]) in commands()
        else:
            assert f"http://127.0.0.1:8000{PATH}" in words
            assert "Authorization: Bearer $WARMCALL_KEY" in words


def test_every_version_handed_out_is_the_projects() -> None:
    ours = project(ROOT / "pyproject.toml")["version"]
    server = handed_out("server.json")
    told = [
        handed_out("manifest.json"),
        project(PACKAGE / "pyproject.toml"),
        server,
        *server["packages"],
    ]
    assert {one["version"] for one in told} == {ours}


def test_the_bundle_asks_for_what_the_relay_needs_and_hides_the_key() -> None:
    manifest = handed_out("manifest.json")
    asked, env = manifest["user_config"], manifest["server"]["mcp_config"]["env"]
    assert manifest["manifest_version"] == "0.4"
    assert env.keys() == RELAYED
    assert {value[len("${user_config.") : -1] for value in env.values()} == asked.keys()
    assert [name for name, one in asked.items() if one.get("sensitive")] == ["key"]
    assert all(one["required"] for one in asked.values())


def test_the_bundle_installs_what_the_relay_imports_and_no_more() -> None:
    ours, bundled = (project(folder / "pyproject.toml") for folder in (ROOT, PACKAGE))
    assert bundled["requires-python"] == ours["requires-python"]
    assert set(bundled["dependencies"]) <= set(ours["dependencies"])
    source = (ROOT / "integrations/cli/relay.py").read_text("utf-8")
    imported = {line.split()[1] for line in source.splitlines() if line.startswith("import ")}
    known = {re.split(r"[><=]", one)[0] for one in ours["dependencies"]}
    assert imported & known == {re.split(r"[><=]", one)[0] for one in bundled["dependencies"]}


def test_the_icon_is_512_by_512() -> None:
    head = (PACKAGE / handed_out("manifest.json")["icon"]).read_bytes()[:24]
    assert head[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", head[16:]) == (512, 512)


def test_the_registry_is_told_what_the_readme_proves() -> None:
    server = handed_out("server.json")
    assert f"<!-- mcp-name: {server['name']} -->" in README
    assert REGISTERED.fullmatch(server["name"])
    assert len(server["description"]) <= 100
    [package] = server["packages"]
    assert package["identifier"] == project(ROOT / "pyproject.toml")["name"]
    assert package["transport"] == {"type": "stdio"}
    assert f"warmcall {package['packageArguments'][0]['value']}" in commands()
    variables = {one["name"]: one.get("isSecret", False) for one in package["environmentVariables"]}
    assert variables == {"WARMCALL_URL": False, "WARMCALL_API_KEY": True}
    assert variables.keys() <= SETTINGS
