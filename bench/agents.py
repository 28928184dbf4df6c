"""The command behind `make bench-agents`: what agents wait for a card, and how large answers are.

A card from the cache is asked for by 32 agents at once, and beside it a tool that does nothing, in
turns and in the same process: what they differ by is ours.
"""

import argparse
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import uvicorn
import uvloop
from mcp_types import CallToolResult, TextContent
from starlette.applications import Starlette

from app.intake import Ask
from app.prospect import identify
from app.settings import Settings
from bench.client import Client, Reply
from bench.processes import LOCAL, ROOT, Process, free_port, is_open, wait_until
from integrations.connection import Connection
from integrations.mcp.auth import Doorkeeper
from integrations.mcp.front import Front
from integrations.mcp.mount import Streams, mounted
from integrations.mcp.server import build
from integrations.runtime import Runtime, start
from integrations.worker import Worker

PROSPECT = "sarah.chen@acme.example"
AGENTS = 32
MOST_TIMES = 3.0
"""The promise: p99 of a cached card within so many times that of a tool that does nothing."""

CHARACTERS = 4  # are counted as a token
MOST_TOKENS = {"tools/list": 3_000, "concise card": 1_200, "full card": 4_000}

REVISION = "2026-07-28"
META = {
    "io.modelcontextprotocol/protocolVersion": REVISION,
    "io.modelcontextprotocol/clientCapabilities": {},
}
SECRET = "secret"
"""The file in the folder of the run that holds the API key."""


# --- the server ----------------------------------------------------------------------------


async def no_op() -> CallToolResult:
    """Do nothing."""
    return CallToolResult(content=[TextContent(type="text", text="done")])


def serve(folder: Path, port: int) -> None:
    """Be a web process that has a card, and one tool more."""
    parts = start(Settings.from_env({"DATABASE_URL": f"sqlite:///{folder}/agents.db"}))
    _, secret = parts.intake.create_key("agents")
    prepare(parts)
    (folder / SECRET).write_text(secret)
    front = Front(
        intake=parts.intake,
        watcher=parts.watcher,
        base_url="http://bench",  # what the client says in `Host`
        ask_above=parts.settings.ask_above,
    )
    server = build(front)
    server.add_tool(no_op, name="no_op", description="Do nothing.")
    agents = mounted(server, Doorkeeper(intake=parts.intake), front.base_url, Streams())

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with agents.running():
            yield

    web = Starlette(routes=agents.routes, lifespan=lifespan)
    uvicorn.run(web, host=LOCAL, port=port, http=Connection, log_config=None, access_log=False)


def prepare(parts: Runtime) -> None:
    """Make the card."""
    worker, caller = Worker(parts), parts.intake.local_caller()
    worker.start()
    job_id = parts.intake.request(caller, Ask(prospect=identify(PROSPECT))).id
    wait_until(lambda: parts.intake.job(caller, job_id).is_final, "the card")
    worker.stop()


# --- the agents ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Waited:
    """What agents waited for one tool."""

    tool: str
    p50_ms: float
    p99_ms: float
    cpu_ms: float  # of the server, for each call


def agent(port: int, secret: str, method: str, name: str = "") -> Client:
    """Return connections whose requests all are of this method and name."""
    fields = {
        "authorization": f"Bearer {secret}",
        "accept": "application/json, text/event-stream",
        "mcp-protocol-version": REVISION,
        "mcp-method": method,
    }
    return Client(port, fields | ({"mcp-name": name} if name else {}))


def asked(client: Client, method: str, **params: object) -> bytes:
    """Return the bytes of a request."""
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": {**params, "_meta": META}}
    return client.post("/mcp", body)


async def measured(port: int, secret: str, server: Process, rounds: int) -> list[Waited]:
    """Let the agents call both tools in turns; a round is ten calls of each agent."""
    arguments: Mapping[str, Mapping[str, str]] = {
        "no_op": {},
        "get_battlecard": {"prospect": PROSPECT},
    }
    took_s: dict[str, list[float]] = {tool: [] for tool in arguments}
    cpu_s = dict.fromkeys(arguments, 0.0)
    clients = {tool: agent(port, secret, "tools/call", tool) for tool in arguments}
    for nth in range(rounds + 1):
        for tool, given in arguments.items():
            request = asked(clients[tool], "tools/call", name=tool, arguments=given)
            before_s = server.cpu_s()
            replies = await clients[tool].burst([request] * AGENTS * 10, AGENTS)
            if nth:  # the first round is to get warm
                cpu_s[tool] += server.cpu_s() - before_s
                took_s[tool] += [checked(one).took_s for one in replies]
    return [waited(tool, took_s[tool], cpu_s[tool]) for tool in arguments]


def checked(reply: Reply) -> Reply:
    """Return an answer that is one. Raises RuntimeError when it is not."""
    if reply.status != 200 or b'"isError":true' in reply.body:
        raise RuntimeError(f"status {reply.status}: {reply.body[:300]!r}")
    return reply


def waited(tool: str, took_s: Sequence[float], cpu_s: float) -> Waited:
    """Sum up what was waited."""
    inorder = sorted(took_s)
    p50_s, p99_s = inorder[len(inorder) // 2], inorder[len(inorder) * 99 // 100]
    return Waited(tool, p50_s * 1000, p99_s * 1000, cpu_s * 1000 / len(inorder))


async def sizes(port: int, secret: str) -> dict[str, int]:
    """Return how many tokens the list of tools has, and a card in the larger of its forms."""
    lists = agent(port, secret, "tools/list")
    shown = await result(lists, asked(lists, "tools/list"))
    cards = agent(port, secret, "tools/call", "get_battlecard")
    found = {"tools/list": tokens(orjson.dumps(shown).decode())}
    for detail in ("concise", "full"):
        given = {"prospect": PROSPECT, "detail": detail}
        card = await result(
            cards, asked(cards, "tools/call", name="get_battlecard", arguments=given)
        )
        forms = [orjson.dumps(card["structuredContent"]).decode(), card["content"][0]["text"]]
        found[f"{detail} card"] = max(map(tokens, forms))
    return found


async def result(client: Client, request: bytes) -> Any:
    """Return what a request came to."""
    return checked(await client.ask(request)).json()["result"]


def tokens(text: str) -> int:
    """Return the size of a text, by its characters."""
    return len(text) // CHARACTERS


# --- telling -------------------------------------------------------------------------------


def table(rows: Sequence[Waited], found: Mapping[str, int]) -> str:
    """Return both as tables, with the promises."""
    nothing, card = rows
    times = card.p99_ms / nothing.p99_ms
    lines = [
        "| 32 agents at once | p50 ms | p99 ms | CPU ms per call |",
        "| --- | ---: | ---: | ---: |",
        *map(line, rows),
        "",
        f"p99 of a cached card is {times:.1f} times that of nothing "
        f"(promise: {MOST_TIMES:g}, {verdict(times <= MOST_TIMES)}).",
        "",
        "| answer | tokens | promise |",
        "| --- | ---: | --- |",
    ]
    for name, most in MOST_TOKENS.items():
        lines.append(f"| {name} | {found[name]:,} | {most:,}, {verdict(found[name] <= most)} |")
    return "\n".join([*lines, "", "A token is counted as four characters."])


def line(one: Waited) -> str:
    """Return a row of the table."""
    return f"| {one.tool} | {one.p50_ms:.1f} | {one.p99_ms:.1f} | {one.cpu_ms:.2f} |"


def verdict(is_kept: bool) -> str:
    """Say whether a promise is kept."""
    return "kept" if is_kept else "broken"


def main() -> None:
    """Measure, print, write."""
    options = argparse.ArgumentParser(prog="make bench-agents", description=__doc__)
    options.add_argument("--rounds", type=int, default=10, help="of 320 calls of each tool")
    options.add_argument("--out", type=Path, default=ROOT / "bench" / "out")
    options.add_argument("--serve", type=int, help=argparse.SUPPRESS)
    given = options.parse_args()
    if given.serve:
        serve(Path.cwd(), given.serve)
        return
    with tempfile.TemporaryDirectory(prefix="warmcall-agents-") as name:
        rows, found = told(Path(name), given.rounds)
    given.out.mkdir(parents=True, exist_ok=True)
    kept = {"waited": rows, "tokens": found}
    (given.out / "agents.json").write_bytes(orjson.dumps(kept, option=orjson.OPT_INDENT_2))
    sys.stdout.write(table(rows, found) + "\n")


def told(folder: Path, rounds: int) -> tuple[list[Waited], dict[str, int]]:
    """Start the server and measure it."""
    port = free_port()
    argv = [sys.executable, "-m", "bench.agents", "--serve", str(port)]
    server = Process("server", argv, {"PYTHONPATH": str(ROOT)}, folder)
    server.start()
    try:
        wait_until(lambda: is_open(port), "the server to listen", server)
        secret = (folder / SECRET).read_text()
        rows = uvloop.run(measured(port, secret, server, rounds))
        return rows, uvloop.run(sizes(port, secret))
    finally:
        server.stop()


if __name__ == "__main__":
    main()
