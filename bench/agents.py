"""What the MCP surface costs: tokens, CPU, and 32 agents at once, against a tool that does nothing.

Agents speak revision 2026-07-28 over HTTP, each on a connection of its own. Both tools are on one
server and take turns, so that whatever else the machine does meets both.
"""

import asyncio
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from subprocess import run
from typing import Any

import orjson
import uvloop

from bench.client import Client, Reply
from bench.figures import Plan, quantile
from bench.mcp_web import NOTHING
from bench.processes import LOCAL, ROOT, Group, Process, free_port, is_open, wait_until
from bench.targets import Row

PROSPECT = "sarah.chen@acme.example"
CACHED = "get_battlecard"
AGENTS = 32
ROUNDS = 4  # each tool has so many turns
MOST_CALLS = 3_200
REVISION = "2026-07-28"
CHARACTERS = 4  # in a token


@dataclass(frozen=True, slots=True)
class AgentFigures:
    """What was measured. Tokens are characters / 4 of compact JSON or of the text."""

    tools_tokens: float
    concise_tokens: float  # of the larger of the two forms of a result
    full_tokens: float
    cached_p99_ms: float  # with 32 at once
    nothing_p99_ms: float
    cached_cpu_ms: float  # a call, of the web process
    nothing_cpu_ms: float
    calls: int  # of each tool


def measured_agents(plan: Plan) -> AgentFigures:
    """Start a server and a worker with a store of their own, and take all figures."""
    with tempfile.TemporaryDirectory(prefix="warmcall-bench-") as name:
        group = Group()
        try:
            return uvloop.run(Agents(Path(name), group).all(plan))
        finally:
            group.stop()


class Agents:
    """One server, its worker, and many clients."""

    def __init__(self, folder: Path, group: Group) -> None:
        self._port = free_port()
        database = f"sqlite:///{folder / 'warmcall.db'}"
        env = {"PYTHONPATH": str(ROOT), "PORT": str(self._port), "DATABASE_URL": database}
        program = str(Path(sys.executable).with_name("warmcall"))
        made = run(
            [program, "keys", "create", "bench", "--quota", "unlimited"],
            cwd=folder, env=env, capture_output=True, text=True, check=True,
        )  # fmt: skip
        self._key = made.stdout.strip()
        argv = [sys.executable, "-m", "bench.mcp_web", str(self._port)]
        self._web = group.run(Process("web", argv, env, folder))
        group.run(Process("worker", [program, "worker"], env, folder))
        wait_until(lambda: is_open(self._port), f"{LOCAL}:{self._port} to listen", self._web)

    async def all(self, plan: Plan) -> AgentFigures:
        """Take every figure."""
        prepared = await self._call("prepare_call", prospect=PROSPECT, wait_seconds=50)
        assert prepared["structuredContent"]["status"] == "complete", prepared
        concise, full = [
            _tokens(await self._call(CACHED, prospect=PROSPECT, detail=detail))
            for detail in ("concise", "full")
        ]
        listed = (await self._ask("tools/list", "", {})).json()["result"]
        assert isinstance(listed, dict)
        listed["tools"] = [tool for tool in listed["tools"] if tool["name"] != NOTHING]
        calls = min(MOST_CALLS, max(2 * AGENTS, 4 * plan.jobs)) // ROUNDS * ROUNDS
        took, cpu_ms = await self._compared(calls // ROUNDS)
        return AgentFigures(
            tools_tokens=len(orjson.dumps(listed).decode()) / CHARACTERS,
            concise_tokens=concise,
            full_tokens=full,
            cached_p99_ms=1000 * quantile(took[CACHED], 0.99),
            nothing_p99_ms=1000 * quantile(took[NOTHING], 0.99),
            cached_cpu_ms=cpu_ms[CACHED] / calls,
            nothing_cpu_ms=cpu_ms[NOTHING] / calls,
            calls=calls,
        )

    async def _compared(self, calls: int) -> tuple[dict[str, list[float]], dict[str, float]]:
        """Let both tools take turns; return how long each call took in s, and all CPU in ms."""
        arguments: dict[str, dict[str, str]] = {NOTHING: {}, CACHED: {"prospect": PROSPECT}}
        took: dict[str, list[float]] = {name: [] for name in arguments}
        cpu_ms = dict.fromkeys(arguments, 0.0)
        clients = {name: self._client("tools/call", name) for name in arguments}
        for turn in range(ROUNDS + 1):
            for name, given in arguments.items():
                params: dict[str, object] = {"name": name, "arguments": given}
                post = clients[name].post("/mcp", _message("tools/call", params))
                before = self._web.cpu_s()
                replies = await clients[name].burst([post] * calls, AGENTS)
                if turn:  # the first one warms up
                    cpu_ms[name] += 1000 * (self._web.cpu_s() - before)
                    took[name] += [_checked(reply).took_s for reply in replies]
        for client in clients.values():
            client.close()
        return took, cpu_ms

    async def _call(self, tool: str, **arguments: object) -> dict[str, Any]:
        reply = await self._ask("tools/call", tool, {"name": tool, "arguments": arguments})
        result = reply.json()["result"]
        assert isinstance(result, dict)
        return result

    async def _ask(self, method: str, name: str, params: dict[str, object]) -> Reply:
        client = self._client(method, name)
        try:
            async with asyncio.timeout(60):
                return _checked(await client.ask(client.post("/mcp", _message(method, params))))
        finally:
            client.close()

    def _client(self, method: str, name: str) -> Client:
        fields = {
            "authorization": f"Bearer {self._key}",
            "accept": "application/json, text/event-stream",
            "mcp-protocol-version": REVISION,
            "mcp-method": method,
        }
        named = {"mcp-name": name} if name else {}
        return Client(self._port, {**fields, **named}, host=LOCAL)


def _message(method: str, params: dict[str, object]) -> dict[str, object]:
    meta = {
        "io.modelcontextprotocol/protocolVersion": REVISION,
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    return {"jsonrpc": "2.0", "id": 1, "method": method, "params": {**params, "_meta": meta}}


def _checked(reply: Reply) -> Reply:
    assert reply.status == 200, reply
    assert b'"isError":true' not in reply.body, reply
    return reply


def _tokens(result: dict[str, Any]) -> float:
    """Return the tokens of the larger form: a client shows its model one of the two."""
    structured = len(orjson.dumps(result["structuredContent"]).decode())
    text = sum(len(one.get("text", "")) for one in result["content"])
    return max(structured, text) / CHARACTERS


def judged_agents(figures: AgentFigures) -> list[Row]:
    """Compare with the promises."""
    ratio = figures.cached_p99_ms / figures.nothing_p99_ms
    sizes = {
        "tools/list": (figures.tools_tokens, 3_000),
        "a concise card": (figures.concise_tokens, 1_200),
        "a full card": (figures.full_tokens, 4_000),
    }
    rows = [
        Row(name, f"≤ {most} tokens", f"{measured:.0f} tokens", measured <= most)
        for name, (measured, most) in sizes.items()
    ]
    told = f"{ratio:.2f} × ({figures.cached_p99_ms:.0f} / {figures.nothing_p99_ms:.0f} ms)"
    rows.append(Row(f"cached {CACHED}, {AGENTS} agents, p99", "≤ 3 × no-op", told, ratio <= 3))
    return rows


def cpu_told(figures: AgentFigures) -> str:
    """Return what a call costs, in a sentence."""
    return (
        f"CPU of the web process: {figures.cached_cpu_ms:.2f} ms for a cached {CACHED}, "
        f"{figures.nothing_cpu_ms:.2f} ms for a tool that does nothing "
        f"({figures.calls} calls each)."
    )
