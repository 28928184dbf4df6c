"""The fixtures of the public suite that ask the client something before they answer (SEP-2322)."""

from typing import Any

from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.prompts.base import UserMessage
from mcp_types import (
    CreateMessageRequest,
    CreateMessageRequestParams,
    ElicitRequest,
    ElicitRequestFormParams,
    InputRequest,
    InputRequiredResult,
    ListRootsRequest,
    SamplingMessage,
    TextContent,
)

Asked = str | InputRequiredResult


def add_to(server: MCPServer[Any]) -> None:
    """Add the tools and the prompt that ask."""
    for tool in TOOLS:
        server.add_tool(tool, description=tool.__doc__, structured_output=False)
    server.prompt(description="Asks what it is about")(test_input_required_result_prompt)


def _form(message: str, field: str, kind: str = "string") -> ElicitRequest:
    schema = {"type": "object", "properties": {field: {"type": kind}}, "required": [field]}
    return ElicitRequest(params=ElicitRequestFormParams(message=message, requested_schema=schema))


def _sample(text: str) -> CreateMessageRequest:
    message = SamplingMessage(role="user", content=TextContent(type="text", text=text))
    params = CreateMessageRequestParams(messages=[message], max_tokens=100)
    return CreateMessageRequest(params=params)


def _ask(state: str | None = None, **asked: InputRequest) -> InputRequiredResult:
    return InputRequiredResult(input_requests=asked, request_state=state)


def _answer(ctx: Context[Any], name: str) -> Any:
    return (ctx.input_responses or {}).get(name)


def _filled_in(ctx: Context[Any], name: str, field: str) -> Any:
    """Return what was filled into a form's field, None when it was not."""
    content = getattr(_answer(ctx, name), "content", None)
    return content.get(field) if isinstance(content, dict) else None


async def test_input_required_result_elicitation(ctx: Context[Any]) -> Asked:
    """Ask for a name."""
    name = _filled_in(ctx, "user_name", "name")
    return f"Hello, {name}!" if name else _ask(user_name=_form("What is your name?", "name"))


async def test_input_required_result_sampling(ctx: Context[Any]) -> Asked:
    """Ask the client's model."""
    question = _sample("What is the capital of France?")
    return "Thank you." if _answer(ctx, "capital_question") else _ask(capital_question=question)


async def test_input_required_result_list_roots(ctx: Context[Any]) -> Asked:
    """Ask for the client's folders."""
    return "Thank you." if _answer(ctx, "client_roots") else _ask(client_roots=ListRootsRequest())


async def test_input_required_result_request_state(ctx: Context[Any]) -> Asked:
    """Ask, and remember by the client's hand what it was about."""
    if _answer(ctx, "confirm") and ctx.request_state == "asked":
        return "state-ok"
    return _ask("asked", confirm=_form("Please confirm", "ok", "boolean"))


async def test_input_required_result_tampered_state(ctx: Context[Any]) -> Asked:
    """Ask, and hold fast to what it was about."""
    return await test_input_required_result_request_state(ctx)


async def test_input_required_result_multiple_inputs(ctx: Context[Any]) -> Asked:
    """Ask three things of three kinds."""
    asked: dict[str, InputRequest] = {
        "user_name": _form("What is your name?", "name"),
        "greeting": _sample("Generate a greeting"),
        "client_roots": ListRootsRequest(),
    }
    is_answered = all(_answer(ctx, name) for name in asked)
    if is_answered:
        return "Thank you."
    return InputRequiredResult(input_requests=asked, request_state="asked")


async def test_input_required_result_multi_round(ctx: Context[Any]) -> Asked:
    """Ask one thing after another."""
    if ctx.request_state == "second" and _answer(ctx, "step2"):
        return "Thank you."
    if ctx.request_state == "first" and _answer(ctx, "step1"):
        return _ask("second", step2=_form("Step 2: What is your favorite color?", "color"))
    return _ask("first", step1=_form("Step 1: What is your name?", "name"))


async def test_input_required_result_capabilities(ctx: Context[Any]) -> Asked:
    """Ask only what the client can answer."""
    can = ctx.client_capabilities
    asked: dict[str, InputRequest] = {}
    if can and can.elicitation:
        asked["user_name"] = _form("What is your name?", "name")
    if can and can.sampling:
        asked["greeting"] = _sample("Generate a greeting")
    return InputRequiredResult(input_requests=asked) if asked else "There is nobody to ask."


async def test_streaming_elicitation(ctx: Context[Any]) -> Asked:
    """Tell how far it is, then ask."""
    await ctx.report_progress(1, 2)
    return await test_input_required_result_elicitation(ctx)


async def test_tool_with_task(ctx: Context[Any]) -> Asked:
    """Ask for a name, then become a task."""
    return await test_input_required_result_elicitation(ctx)


TOOLS = (
    test_input_required_result_elicitation,
    test_input_required_result_sampling,
    test_input_required_result_list_roots,
    test_input_required_result_request_state,
    test_input_required_result_tampered_state,
    test_input_required_result_multiple_inputs,
    test_input_required_result_multi_round,
    test_input_required_result_capabilities,
    test_streaming_elicitation,
    test_tool_with_task,
)


async def test_input_required_result_prompt(ctx: Context[Any]) -> Any:
    """Ask what the prompt is about."""
    about = _filled_in(ctx, "user_context", "context")
    if about is None:
        return _ask(user_context=_form("What context should the prompt use?", "context"))
    return [UserMessage(f"About {about}.")]
