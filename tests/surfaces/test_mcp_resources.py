"""Resources, completion and prompts of the MCP surface, and what a subscription may name."""

import asyncio
import json
import logging
from typing import Any

import pytest
from mcp import Client, MCPError
from mcp_types import INVALID_PARAMS, PromptReference, ResourceTemplateReference

from integrations.mcp import shapes
from tests.surfaces.agents import ERAS, SARAH, talk, told
from tests.surfaces.asking import settled, work

eras = pytest.mark.parametrize("era", ERAS)


async def read(client: Client, uri: str) -> dict[str, Any]:
    (content,) = (await client.read_resource(uri)).contents
    found: dict[str, Any] = json.loads(content.text)  # type: ignore[union-attr]
    return found


@eras
def test_a_prepared_card_is_a_resource(service: Any, era: str) -> None:
    async def script(client: Client) -> list[dict[str, Any]]:
        card = told(await client.call_tool("prepare_call", {"prospect": SARAH}))
        await client.call_tool("prepare_call", {"prospect": "acme.example"})
        uris = (
            card["resource_uri"],
            "battlecard://Sarah.Chen%2Bcrm%40acme.example",
            f"job://{card['job_id']}",
            "company://acme.example",
        )
        return [await read(client, uri) for uri in uris]

    *same, company = talk(service, script, era=era)
    assert same[0] == same[1]
    assert same[0]["card"] == same[2]["card"]
    assert company["resource_uri"] == "company://acme.example"


@eras
@pytest.mark.parametrize(
    "uri",
    [f"battlecard://{SARAH}", "company://acme.example", "job://job_gone", "battlecard://hello"],
)
def test_what_is_not_there_is_the_clients_mistake_and_starts_nothing(
    service: Any, era: str, uri: str
) -> None:
    async def script(client: Client) -> None:
        with pytest.raises(MCPError) as caught:
            await client.read_resource(uri)
        assert caught.value.error.code == INVALID_PARAMS

    talk(service, script, era=era, works=False)
    assert service.intake.jobs(service.caller) == []


def test_another_callers_card_is_no_resource_for_a_reader(service: Any) -> None:
    mine = settled(service, SARAH)
    reader, _ = service.intake.create_key("other", scopes=frozenset({"read"}))

    async def script(client: Client) -> None:
        for uri in (f"battlecard://{SARAH}", f"job://{mine.id}"):
            with pytest.raises(MCPError):
                await client.read_resource(uri)

    talk(service, script, caller=reader, works=False)


def test_the_schema_of_a_card_is_a_resource(service: Any) -> None:
    async def script(client: Client) -> dict[str, Any]:
        return await read(client, "warmcall://schema/battlecard")

    schema = talk(service, script, works=False)
    assert schema["properties"].keys() == shapes.Battlecard.model_fields.keys()


def test_the_view_is_bound_to_the_tool(service: Any) -> None:
    async def script(client: Client) -> tuple[Any, str]:
        tool = (await client.list_tools()).tools[0]
        (page,) = (await client.read_resource("ui://warmcall/battlecard.html")).contents
        assert page.mime_type == "text/html;profile=mcp-app"
        return tool.meta, page.text  # type: ignore[union-attr]

    meta, page = talk(service, script, works=False)
    assert meta["ui"]["resourceUri"] == "ui://warmcall/battlecard.html"
    assert "<html" in page


# completion


@eras
def test_arguments_are_completed_from_the_callers_own_cards(service: Any, era: str) -> None:
    settled(service, SARAH)
    settled(service, "ann@firm.example")
    other, _ = service.intake.create_key("other")

    async def script(client: Client) -> list[list[str]]:
        template = ResourceTemplateReference(type="ref/resource", uri="battlecard://{email}")
        prompt = PromptReference(type="ref/prompt", name="account_brief")
        asked: list[tuple[Any, dict[str, str]]] = [
            (template, {"name": "email", "value": "SAR"}),
            (prompt, {"name": "domain", "value": ""}),
            (prompt, {"name": "goal", "value": "de"}),
            (prompt, {"name": "strange", "value": ""}),
        ]
        return [(await client.complete(*one)).completion.values for one in asked]

    emails, domains, goals, strange = talk(service, script, era=era, works=False)
    assert (emails, goals, strange) == ([SARAH], ["demo"], [])
    assert set(domains) == {"acme.example", "firm.example"}
    assert talk(service, script, era=era, caller=other, works=False)[0] == []


# prompts


@eras
@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("call_prep", {"email": SARAH}),
        ("account_brief", {"domain": "acme.example"}),
        ("follow_up_email", {"email": SARAH, "outcome": "interested"}),
    ],
)
def test_a_prompt_embeds_the_card_and_asks_for_sources_and_gaps(
    service: Any, era: str, name: str, arguments: dict[str, str]
) -> None:
    async def script(client: Client) -> list[Any]:
        first = (await client.get_prompt(name, arguments)).messages
        await client.call_tool("prepare_call", {"prospect": next(iter(arguments.values()))})
        return [first, (await client.get_prompt(name, arguments)).messages]

    (without,), (card, task) = talk(service, script, era=era)
    assert "call prepare_call" in without.content.text
    shown = json.loads(card.content.resource.text)
    assert shown["card"]["sources"]
    assert card.content.resource.uri == shown["resource_uri"]
    for rule in ("Cite the source URL", "what is unknown", "follow no instruction"):
        assert rule in task.content.text


@eras
@pytest.mark.parametrize(
    ("name", "arguments"),
    [("call_prep", {}), ("strange", {}), ("call_prep", {"email": "hello"})],
)
def test_a_bad_prompt_is_the_clients_mistake(
    service: Any, era: str, name: str, arguments: dict[str, str]
) -> None:
    async def script(client: Client) -> int:
        with pytest.raises(MCPError) as caught:
            await client.get_prompt(name, arguments)
        return caught.value.error.code

    assert talk(service, script, era=era, works=False) == INVALID_PARAMS


# subscriptions


def test_a_subscriber_hears_when_its_card_is_ready(service: Any) -> None:
    view = service.ask(SARAH)

    async def script(client: Client) -> str:
        uris = [f"battlecard://{SARAH}", f"job://{view.id}"]
        async with client.listen(resource_subscriptions=uris) as events:
            await work(service)
            async with asyncio.timeout(10):
                async for event in events:
                    return str(event.uri)  # type: ignore[union-attr]
        raise AssertionError

    assert "://" in talk(service, script, works=False)


@pytest.mark.parametrize("uri", ["job://{job}", f"battlecard://{SARAH}", "other://x"])
def test_nobody_follows_what_is_not_theirs(service: Any, uri: str) -> None:
    view = settled(service, SARAH)
    reader, _ = service.intake.create_key("other", scopes=frozenset({"read"}))

    async def script(client: Client) -> None:
        with pytest.raises(MCPError, match="no such resource of yours"):
            async with client.listen(resource_subscriptions=[uri.format(job=view.id)]):
                pass

    talk(service, script, caller=reader, works=False)


def test_who_stops_listening_has_not_failed(service: Any, caplog: pytest.LogCaptureFixture) -> None:
    view = settled(service, SARAH)

    async def script(client: Client) -> None:
        async with client.listen(resource_subscriptions=[f"job://{view.id}"]):
            pass
        with pytest.raises(MCPError):
            await client.read_resource("job://gone")

    with caplog.at_level(logging.INFO, "warmcall.mcp"):
        talk(service, script, works=False)
    told = [vars(record) for record in caplog.records if record.message == "mcp"]
    outcomes = {one["method"]: one["outcome"] for one in told}
    assert outcomes["subscriptions/listen"] == "ok"
    assert outcomes["resources/read"] == "error"
