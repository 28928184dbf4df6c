"""`warmcall mcp` as the client of a server elsewhere: real processes, both eras of the protocol."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest
from mcp import Client, MCPError, StdioServerParameters
from mcp.server.subscriptions import ResourceUpdated
from mcp_types import ResourceTemplateReference

from tests.journeys.stack import LOCAL, Stack, free_port, installed, wait_until
from tests.surfaces.agents import ERAS, SARAH, told

eras = pytest.mark.parametrize("era", ERAS)
PROGRAM = Path(sys.executable).with_name("warmcall")
ENDS_S = 10


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with installed(tmp_path_factory.mktemp("deployed")) as made:
        made.start_worker()
        made.start_web()
        yield made


@pytest.fixture(scope="module")
def key(stack: Stack) -> str:
    return stack.keys(1)[0]


def surroundings(url: str, key: str) -> dict[str, str]:
    """Return all that the relay is told; a database would be refused, were it looked at."""
    path = {"PATH": os.environ["PATH"], "DATABASE_URL": "nowhere"}
    return {**path, "WARMCALL_URL": url, "WARMCALL_API_KEY": key}


def relay(folder: Path, url: str, key: str) -> StdioServerParameters:
    env = surroundings(url, key)
    return StdioServerParameters(command=str(PROGRAM), args=["mcp"], cwd=folder, env=env)


@eras
def test_an_agent_has_everything_the_server_has(
    stack: Stack, key: str, tmp_path: Path, era: str
) -> None:
    asyncio.run(used(relay(tmp_path, stack.url, key), stack, era))
    assert list(tmp_path.iterdir()) == []


async def used(command: StdioServerParameters, stack: Stack, era: str) -> None:
    prospect = f"ann@{era}.example"
    steps: list[float] = []

    async def step(progress: float, total: float | None, message: str | None) -> None:
        assert message
        steps.append(progress)

    async with Client(command, mode=ERAS[era]) as client:
        assert client.server_info
        assert client.server_info.name == "warmcall"
        assert client.instructions
        assert "prepare_call" in {tool.name for tool in (await client.list_tools()).tools}
        asked = {"prospect": prospect}
        card = told(await client.call_tool("prepare_call", asked, progress_callback=step))
        assert card["status"] == "complete"
        assert steps == sorted(set(steps))
        assert len(steps) > 1
        read = await client.read_resource(card["resource_uri"])
        assert prospect in str(read.contents[0])
        prompt = await client.get_prompt("call_prep", {"email": prospect})
        assert "resource" in {message.content.type for message in prompt.messages}
        template = ResourceTemplateReference(type="ref/resource", uri="battlecard://{email}")
        found = await client.complete(template, {"name": "email", "value": "ann@"})
        assert prospect in found.completion.values
        await cancelled(client, stack, f"slow@{era}.example")


async def cancelled(client: Client, stack: Stack, prospect: str) -> None:
    """Give a call up: the server hears of it, and the job goes on."""
    started, outcomes = asyncio.Event(), stack.log("web").count('"outcome": "left"')

    async def step(progress: float, total: float | None, message: str | None) -> None:
        started.set()

    asked = {"prospect": prospect}
    call = asyncio.create_task(client.call_tool("prepare_call", asked, progress_callback=step))
    await asyncio.wait_for(started.wait(), ENDS_S)
    call.cancel()
    await asyncio.gather(call, return_exceptions=True)

    def has_heard() -> bool:
        return stack.log("web").count('"outcome": "left"') > outcomes

    await asyncio.to_thread(wait_until, has_heard, "the server to see the call end", ENDS_S)
    again = told(await client.call_tool("prepare_call", asked))
    assert again["status"] == "complete"


def test_an_agent_hears_of_changes(stack: Stack, key: str, tmp_path: Path) -> None:
    async def heard() -> bool:
        async with Client(relay(tmp_path, stack.url, key)) as client:
            card = told(await client.call_tool("prepare_call", {"prospect": SARAH}))
            uri = card["resource_uri"]
            async with client.listen(resource_subscriptions=[uri]) as changes:
                await client.call_tool("prepare_call", {"prospect": SARAH, "refresh": True})
                async with asyncio.timeout(ENDS_S):
                    return await anext(aiter(changes)) == ResourceUpdated(uri)

    assert asyncio.run(heard())


@eras
def test_a_wrong_key_and_a_server_that_is_down_are_told(
    stack: Stack, tmp_path: Path, era: str
) -> None:
    async def refused(url: str) -> str:
        with pytest.raises(ExceptionGroup) as caught:
            async with Client(relay(tmp_path, url, "wc_wrong-word"), mode=ERAS[era]):
                pass
        return errors(caught.value)

    assert "does not know the key" in asyncio.run(refused(stack.url))
    assert "No server answers at" in asyncio.run(refused(f"http://{LOCAL}:{free_port()}"))


def errors(exc: BaseException) -> str:
    """Return what an error, or each in a group, says."""
    if isinstance(exc, BaseExceptionGroup):
        return " ".join(errors(one) for one in exc.exceptions)
    assert isinstance(exc, MCPError)
    return str(exc)


def piped(folder: Path, env: dict[str, str], *said: bytes) -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run(
        [PROGRAM, "mcp"],
        cwd=folder,
        env=env,
        input=b"\n".join(said),
        capture_output=True,
        timeout=60,
        check=False,
    )


def test_lines_from_a_pipe_are_answered_before_it_ends(
    stack: Stack, key: str, tmp_path: Path
) -> None:
    ping = b'{"jsonrpc": "2.0", "id": "a", "method": "ping"}'
    told = piped(tmp_path, surroundings(stack.url, key), b"no JSON", b"", ping)
    first, second = map(orjson.loads, told.stdout.splitlines())
    assert first["error"]["code"] == -32_700
    assert second == {"jsonrpc": "2.0", "id": "a", "result": {}}
    assert (told.returncode, told.stderr) == (0, b"")


def test_a_line_without_end_is_refused_and_the_next_one_answered(
    stack: Stack, key: str, tmp_path: Path
) -> None:
    ping = b'{"jsonrpc": "2.0", "id": 1, "method": "ping"}'
    told = piped(tmp_path, surroundings(stack.url, key), b"{" + b" " * 9_000_000, ping)
    first, second = map(orjson.loads, told.stdout.splitlines())
    assert "at most" in first["error"]["message"]
    assert second["result"] == {}


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"WARMCALL_URL": "warm.example"}, "WARMCALL_URL: expected an http"),
        ({"WARMCALL_API_KEY": ""}, "set both or neither"),
        ({"WARMCALL_URL": ""}, "set both or neither"),
    ],
)
def test_settings_that_lead_nowhere_end_it_with_one_line(
    tmp_path: Path, changes: dict[str, str], problem: str
) -> None:
    env = {**surroundings("https://warm.example", "wc_s3cret-word"), **changes}
    told = piped(tmp_path, {**env, "DATABASE_URL": ""})
    [line] = told.stderr.decode().splitlines()
    assert problem in line
    assert "s3cret" not in line
    assert (told.returncode, told.stdout) == (1, b"")


def test_the_relay_reads_neither_the_core_nor_the_sdk(tmp_path: Path) -> None:
    script = "import sys, integrations.cli.entry, integrations.cli.relay; print(*sys.modules)"
    told = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert not {"app", "mcp", "pydantic", "sqlalchemy", "typer"} & set(told.stdout.split())
