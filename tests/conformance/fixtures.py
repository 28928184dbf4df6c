"""The tools, resources and prompts that the public suite expects a server under test to have.

Their names and answers are the suite's own (conformance 0.2.0-alpha.12, read 2026-11-21). They are
no part of the product: only `fixture_server.py` adds them.
"""

import asyncio
from typing import Annotated, Any

from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.mcpserver.prompts.base import Message, UserMessage
from mcp.shared.exceptions import MCPError
from mcp_types import (
    MISSING_REQUIRED_CLIENT_CAPABILITY,
    AudioContent,
    ClientCapabilities,
    Completion,
    EmbeddedResource,
    ImageContent,
    MissingRequiredClientCapabilityErrorData,
    SamplingCapability,
    TextContent,
    TextResourceContents,
)
from pydantic import Field

from tests.conformance import questions

PNG = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAA"
    "AABJRU5ErkJggg=="
)
WAV = "UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAIA+AAACABAAZGF0YQAAAAA="
PAUSE_S = 0.05


def add_to(server: MCPServer[Any]) -> None:
    """Add every fixture to a server."""
    for tool in (*CONTENT, *BEHAVIOUR, *SLOW):
        server.add_tool(tool, description=tool.__doc__, structured_output=False)
    questions.add_to(server)
    _add_resources(server)
    _add_prompts(server)


def _image() -> ImageContent:
    return ImageContent(type="image", data=PNG, mime_type="image/png")


def _embedded(uri: str, text: str) -> EmbeddedResource:
    resource = TextResourceContents(uri=uri, mime_type="text/plain", text=text)
    return EmbeddedResource(type="resource", resource=resource)


def test_simple_text() -> str:
    """Say one line."""
    return "This is a simple text response for testing."


def test_image_content() -> list[ImageContent]:
    """Show a picture."""
    return [_image()]


def test_audio_content() -> list[AudioContent]:
    """Play a sound."""
    return [AudioContent(type="audio", data=WAV, mime_type="audio/wav")]


def test_embedded_resource() -> list[EmbeddedResource]:
    """Embed a resource."""
    return [_embedded("test://embedded-resource", "This is an embedded resource content.")]


def test_multiple_content_types() -> list[TextContent | ImageContent | EmbeddedResource]:
    """Answer in three ways at once."""
    text = TextContent(type="text", text="Multiple content types test:")
    return [text, _image(), _embedded("test://mixed-content-resource", '{"test": "data"}')]


CONTENT = (
    test_simple_text,
    test_image_content,
    test_audio_content,
    test_embedded_resource,
    test_multiple_content_types,
)


def test_error_handling() -> str:
    """Fail on purpose."""
    raise ToolError("This tool intentionally returns an error for testing")


async def test_tool_with_progress(ctx: Context[Any]) -> str:
    """Tell how far it is."""
    for percent in (0, 50, 100):
        await ctx.report_progress(percent, 100, f"{percent} of 100")
        await asyncio.sleep(PAUSE_S)
    return "Done."


async def test_logging_tool(ctx: Context[Any]) -> str:
    """Log a line, for clients that asked for it."""
    await ctx.info("A line of the log")
    return "Logged."


async def test_missing_capability(ctx: Context[Any]) -> str:
    """Need a client that can sample."""
    if not (ctx.client_capabilities and ctx.client_capabilities.sampling):
        needed = ClientCapabilities(sampling=SamplingCapability())
        data = MissingRequiredClientCapabilityErrorData(required_capabilities=needed)
        dumped = data.model_dump(by_alias=True, exclude_none=True)
        raise MCPError(MISSING_REQUIRED_CLIENT_CAPABILITY, "This tool needs sampling", dumped)
    return "The client can sample."


async def test_trigger_tool_change(ctx: Context[Any]) -> str:
    """Say that the tools have changed."""
    await ctx.notify_tools_changed()
    return "Said."


async def test_trigger_prompt_change(ctx: Context[Any]) -> str:
    """Say that the prompts have changed."""
    await ctx.notify_prompts_changed()
    return "Said."


def test_mirrored_header(
    region: Annotated[str, Field(json_schema_extra={"x-mcp-header": "Region"})],
) -> str:
    """Take an argument that the request's header repeats."""
    return f"In {region}."


BEHAVIOUR = (
    test_error_handling,
    test_tool_with_progress,
    test_logging_tool,
    test_missing_capability,
    test_trigger_tool_change,
    test_trigger_prompt_change,
    test_mirrored_header,
)


def greet(name: str) -> str:
    """Greet at once."""
    return f"Hello, {name}!"


async def slow_compute(seconds: float = 0, label: str = "") -> str:
    """Take some seconds."""
    await asyncio.sleep(seconds)
    return f"Computed {label}"


def failing_job() -> str:
    """Fail, as a task only."""
    raise ToolError("The job failed")


def protocol_error_job() -> str:
    """Break off."""
    raise RuntimeError


def confirm_delete(filename: str) -> str:
    """Ask before it goes on."""
    return f"{filename} would need a question first."


def multi_input() -> str:
    """Ask two things before it goes on."""
    return "This would need two questions first."


SLOW = (greet, slow_compute, failing_job, protocol_error_job, confirm_delete, multi_input)


def _add_resources(server: MCPServer[Any]) -> None:
    @server.resource("test://static-text", description="A text", mime_type="text/plain")
    def static_text() -> str:
        return "This is the content of the static text resource."

    @server.resource("test://static-binary", description="A picture", mime_type="image/png")
    def static_binary() -> bytes:
        return b"\x89PNG"

    @server.resource("test://watched-resource", description="A text", mime_type="text/plain")
    def watched() -> str:
        return "Nothing new."

    @server.resource(
        "test://template/{id}/data", description="A text by id", mime_type="application/json"
    )
    def template(id: str) -> str:  # noqa: A002 - the suite's name
        return f'{{"id": "{id}", "templateTest": true}}'


def _add_prompts(server: MCPServer[Any]) -> None:
    @server.prompt(description="One line")
    def test_simple_prompt() -> list[Message]:
        return [UserMessage("This is a simple prompt for testing.")]

    @server.prompt(description="Two arguments")
    def test_prompt_with_arguments(arg1: str, arg2: str) -> list[Message]:
        return [UserMessage(f"Prompt with arguments: arg1='{arg1}', arg2='{arg2}'")]

    @server.prompt(description="A resource")
    def test_prompt_with_embedded_resource(resourceUri: str) -> list[Message]:  # noqa: N803
        embedded = _embedded(resourceUri, "Embedded resource content for testing.")
        return [UserMessage(embedded), UserMessage("Please process the embedded resource above.")]

    @server.prompt(description="A picture")
    def test_prompt_with_image() -> list[Message]:
        return [UserMessage(_image()), UserMessage("Please analyze the image above.")]

    @server.completion()  # type: ignore[no-untyped-call, untyped-decorator] # so is the SDK
    async def complete(_: Any, argument: Any, __: Any) -> Completion:
        values = [one for one in ("paris", "park", "party") if one.startswith(argument.value)]
        return Completion(values=values, total=len(values), has_more=False)
