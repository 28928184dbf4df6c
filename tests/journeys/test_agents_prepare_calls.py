"""Agents over MCP against real processes: two webs that act as one, and a server of their own."""

import asyncio
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import orjson
import pytest
from mcp import Client, StdioServerParameters
from mcp.client.context import ClientRequestContext
from mcp_types import ElicitRequestParams, ElicitResult

from tests.journeys.stack import LOCAL, Stack, free_port, installed, is_open, wait_until
from tests.surfaces.agents import ERAS, SARAH, connected, told

eras = pytest.mark.parametrize("era", ERAS)

COMMAND = [sys.executable, "-P", "-m", "integrations.cli.inbound", "mcp"]
CLIENT: Any = {"name": "agent", "version": "1"}

LISTENS_S = 10
"""What a process that only has listeners left may take to end."""


def stop(process: Any) -> int:
    process.send_signal(signal.SIGTERM)
    code: int = process.wait(LISTENS_S)
    return code


def test_two_webs_and_a_worker_serve_agents_of_both_eras(tmp_path: Path) -> None:
    with installed(tmp_path, WARMCALL_ASK_ABOVE="1") as stack:
        other = Stack(tmp_path, stack.env, free_port())
        webs = [
            stack.start("web", "--host", LOCAL, "--port", str(port))
            for port in (stack.port, other.port)
        ]
        stack.start_worker()
        keys = stack.keys(2)
        wait_until(lambda: is_open(stack.port) and is_open(other.port), "both to listen")
        asyncio.run(prepared(stack.url, other.url, *keys))
        assert asyncio.run(agreed(stack.url, other.url, keys[0])) == "complete"
        asyncio.run(left(stack.url, webs[0], keys[0]))
        assert stop(webs[1]) == 0
        assert "Traceback" not in stack.log("web")
        assert "sarah.chen" not in stack.log("web")


async def prepared(one: str, two: str, key: str, stranger: str) -> None:
    """Prepare calls in both eras; whichever process is asked, the job is the same."""
    for era in ERAS:
        prospect = f"ann@{era}.example"
        async with connected(one, key, era) as first, connected(two, key, era) as second:
            asked = {"prospect": prospect}
            jobs = [client.call_tool("prepare_call", asked) for client in (first, second)]
            ids = {told(job)["job_id"] for job in await asyncio.gather(*jobs)}
            assert len(ids) == 1
            shown = told(await second.call_tool("get_battlecard", asked))
            assert (shown["job_id"], shown["status"]) == (ids.pop(), "complete")
        async with connected(two, stranger, era) as foreign:
            refused = await foreign.call_tool("get_enrichment", {"job_id": shown["job_id"]})
            assert refused.is_error


async def agreed(one: str, two: str, key: str) -> str:
    """Be asked about a price by one process and answer the other one."""

    async def asked(_: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
        raise AssertionError(params.message)

    call = {"prospect": SARAH, "refresh": True}
    async with (
        connected(one, key, "stateless", elicitation_callback=asked) as first,
        connected(two, key, "stateless", elicitation_callback=asked) as second,
    ):
        paused = await first.session.call_tool("prepare_call", call, allow_input_required=True)
        state: Any = paused
        (question,) = state.input_requests
        yes = ElicitResult(action="accept", content={"spend": True})
        done = await second.session.call_tool(
            "prepare_call", call, input_responses={question: yes}, request_state=state.request_state
        )
    return str(told(done)["status"])


async def left(url: str, web: Any, key: str) -> None:
    """Listen to a resource while the process ends: the stream ends with it, and soon."""
    async with connected(url, key, "stateless") as client:
        card = told(await client.call_tool("prepare_call", {"prospect": SARAH}))
        async with client.listen(resource_subscriptions=[card["resource_uri"]]):
            assert await asyncio.to_thread(stop, web) == 0


@eras
def test_an_agent_needs_nothing_but_the_command(tmp_path: Path, era: str) -> None:
    with installed(tmp_path) as stack:
        assert asyncio.run(alone(stack, era)) == ["complete", "partial"]


def test_a_client_that_leaves_in_the_middle_of_an_answer_is_no_failure(tmp_path: Path) -> None:
    hello: dict[str, Any] = {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": CLIENT,
    }
    asked = {"name": "prepare_call", "arguments": {"prospect": SARAH}}
    sent: list[dict[str, Any]] = [
        {"method": "initialize", "id": 1, "params": hello},
        {"method": "notifications/initialized"},
        {"method": "tools/call", "id": 2, "params": {**asked, "_meta": {"progressToken": 1}}},
    ]
    with installed(tmp_path) as stack:
        agent = subprocess.Popen(
            COMMAND,
            cwd=stack.folder,
            env=stack.env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert agent.stdin
        assert agent.stdout
        agent.stdin.write(b"".join(orjson.dumps({"jsonrpc": "2.0", **one}) + b"\n" for one in sent))
        agent.stdin.flush()
        agent.stdout.readline()
        agent.stdout.close()
        _, log = agent.communicate(timeout=30)
        assert (agent.returncode, b"unexpected" in log) == (0, False)


async def alone(stack: Stack, era: str) -> list[str]:
    program, *args = COMMAND
    command = StdioServerParameters(command=program, args=args, cwd=stack.folder, env=stack.env)
    async with Client(command, mode=ERAS[era]) as client:
        asked = [{"prospect": SARAH}, {"prospect": "partial@acme.example"}]
        return [told(await client.call_tool("prepare_call", one))["status"] for one in asked]
