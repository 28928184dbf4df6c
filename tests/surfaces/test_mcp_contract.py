"""What every agent is shown before it asks: the tools, their hints and schemas, and their size."""

import json
import re
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import orjson
import pytest
from mcp import Client
from mcp_types import Tool

from app.providers.sandbox import Sandbox
from integrations.mcp import render, shapes
from integrations.mcp.limits import READING, TOOLSETS
from integrations.mcp.markdown import markdown
from integrations.mcp.server import INSTRUCTIONS
from integrations.mcp.values import Detail
from tests.conftest import Service
from tests.fakes.clock import Clock
from tests.surfaces.agents import ERAS, call, talk, told
from tests.surfaces.asking import settled
from tests.surfaces.views import CARDS, view
from tests.words import public_words

SNAPSHOT = Path(__file__).parent / "mcp_tools.json"
RENEW = (
    "What agents are shown has changed. Read the difference as they would; if it is meant, renew "
    "it: `.venv/bin/python -m tests.surfaces.test_mcp_contract`."
)

MOST_TOKENS = 3_000
CHARACTERS = 4  # are counted as a token

HINTS = {  # read-only, destructive, idempotent, open world
    "prepare_call": (False, False, True, True),
    "get_enrichment": (True, False, True, False),
    "cancel_enrichment": (False, False, True, False),
    "get_battlecard": (True, False, True, False),
    "find_decision_makers": (True, False, True, True),
    "enrich_batch": (False, False, True, True),
    "push_to_crm": (False, True, True, True),
    "get_usage": (True, False, True, False),
}


async def listed(client: Client) -> dict[str, Any]:
    shown = await client.list_tools()
    return shown.model_dump(by_alias=True, mode="json", exclude_none=True)


def tools(service: Any, era: str = "stateless") -> list[Tool]:
    async def script(client: Client) -> list[Tool]:
        return (await client.list_tools()).tools

    return talk(service, script, era=era, works=False)


def tokens(shown: object) -> float:
    return len(orjson.dumps(shown).decode()) / CHARACTERS


@pytest.mark.parametrize("era", ERAS)
def test_the_tools_are_those_that_were_reviewed(service: Any, era: str) -> None:
    shown = talk(service, listed, era=era, works=False)
    assert shown["tools"] == json.loads(SNAPSHOT.read_text("utf-8")), RENEW


def test_the_list_of_tools_is_small(service: Any) -> None:
    shown = talk(service, listed, works=False)
    by_name = {one["name"]: tokens(one) for one in shown["tools"]}
    assert tokens(shown) <= MOST_TOKENS, f"tools/list: {tokens(shown)} tokens, of these {by_name}"


def test_every_tool_says_what_it_may_do(service: Any) -> None:
    hints = {}
    for one in tools(service):
        said = one.annotations
        assert said
        hints[one.name] = (
            said.read_only_hint,
            said.destructive_hint,
            said.idempotent_hint,
            said.open_world_hint,
        )
    assert hints == HINTS
    assert {name for name, (reads, *_) in HINTS.items() if reads} == READING
    assert frozenset().union(*TOOLSETS.values()) == HINTS.keys()


def test_every_tool_is_written_for_a_reader_who_has_nothing_else(service: Any) -> None:
    for one in tools(service):
        assert re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", one.name)
        assert one.title
        assert one.description
        assert len(one.description) < 1_500
        assert not re.search(r"^[ \t]", one.description, re.MULTILINE)
        assert one.output_schema
        assert one.output_schema["properties"]


def test_the_instructions_are_short() -> None:
    assert len(INSTRUCTIONS) <= 600


def renew() -> None:
    """Write the snapshot anew."""
    with TemporaryDirectory() as folder:
        service = Service(f"sqlite:///{folder}/renew.db", None, (Sandbox(),), Clock())
        shown = talk(service, listed, works=False)
        service.database.close()
    SNAPSHOT.write_text(json.dumps(shown["tools"], indent=1) + "\n", "utf-8")


# cards


@pytest.mark.parametrize("name", CARDS)
@pytest.mark.parametrize("detail", Detail)
def test_every_card_fits_its_budget_in_both_forms(name: str, detail: Detail) -> None:
    shown = render.result(view(name), "https://warmcall.example", detail)
    most = {Detail.concise: 1_200, Detail.full: 4_000}[detail]
    sizes = tokens(shown), len(markdown(shown)) / CHARACTERS
    assert max(sizes) <= most, f"{name} {detail}: {sizes} tokens"


@pytest.mark.parametrize("name", CARDS)
@pytest.mark.parametrize("detail", Detail)
def test_every_card_has_the_shape_that_is_published(name: str, detail: Detail) -> None:
    shown = render.result(view(name), "https://warmcall.example", detail)
    shapes.CardResult.model_validate(shown)
    shapes.Battlecard.model_validate(shown.get("card", {}))


def test_a_card_of_the_sandbox_is_small(service: Any) -> None:
    settled(service, "sarah.chen@acme.example")
    sizes = {}
    for detail in Detail:
        asked = {"prospect": "sarah.chen@acme.example", "detail": detail.value}
        shown = told(call(service, "get_battlecard", asked, works=False))
        sizes[detail.value] = tokens(shown), len(markdown(shown)) / CHARACTERS
    assert max(sizes["concise"]) <= 1_200, sizes
    assert max(sizes["full"]) <= 4_000, sizes


def test_what_agents_rely_on_is_a_public_word(service: Any) -> None:
    assert {f"tool {one.name}" for one in tools(service)} <= public_words()


if __name__ == "__main__":
    renew()
