"""Tools that need several rounds: since 2026-07-28 a question is an answer, and the next call brings the reply.

The SDK seals a `request_state` on its way out, and refuses one that does not come back as it was.
"""

import json
from collections.abc import Callable
from typing import Any

from mcp.server.mcpserver import Context
from mcp.types import (
    CreateMessageRequest,
    CreateMessageRequestParams,
    CreateMessageResult,
    ElicitRequest,
    ElicitRequestFormParams,
    ElicitResult,
    InputRequest,
    InputRequiredResult,
    ListRootsRequest,
    ListRootsResult,
    SamplingMessage,
    TextContent,
)


def form(message: str, field: str, kind: str = "string") -> ElicitRequest:
    """A question to the person, with one field."""
    schema: dict[str, Any] = {"type": "object", "properties": {field: {"type": kind}}, "required": [field]}
    return ElicitRequest(params=ElicitRequestFormParams(message=message, requested_schema=schema))


def filled_in(ctx: Context, key: str, field: str) -> Any:
    """What the person filled in; None where the question was not answered."""
    answer = (ctx.input_responses or {}).get(key)
    return answer.content.get(field) if isinstance(answer, ElicitResult) and answer.content else None


def _sampling(prompt: str, max_tokens: int = 100) -> CreateMessageRequest:
    message = SamplingMessage(role="user", content=TextContent(type="text", text=prompt))
    return CreateMessageRequest(params=CreateMessageRequestParams(messages=[message], max_tokens=max_tokens))


_NAME = form("What is your name?", "name")
_CONFIRM = form("Please confirm", "ok", "boolean")


def test_input_required_result_elicitation(ctx: Context) -> str | InputRequiredResult:
    """Need a name."""
    name = filled_in(ctx, "user_name", "name")
    return f"Hello, {name}!" if name else InputRequiredResult(input_requests={"user_name": _NAME})


def test_input_required_result_sampling(ctx: Context) -> str | InputRequiredResult:
    """Need the client's model."""
    answer = (ctx.input_responses or {}).get("capital_question")
    if isinstance(answer, CreateMessageResult) and isinstance(answer.content, TextContent):
        return f"The model says: {answer.content.text}"
    return InputRequiredResult(input_requests={"capital_question": _sampling("What is the capital of France?")})


def test_input_required_result_list_roots(ctx: Context) -> str | InputRequiredResult:
    """Need the client's roots."""
    answer = (ctx.input_responses or {}).get("client_roots")
    if isinstance(answer, ListRootsResult):
        return f"Roots: {', '.join(str(root.uri) for root in answer.roots)}"
    return InputRequiredResult(input_requests={"client_roots": ListRootsRequest()})


def test_input_required_result_capabilities(ctx: Context) -> InputRequiredResult:
    """Ask for what this client said that it can do."""
    declared, asked = ctx.client_capabilities, dict[str, InputRequest]()
    if declared and declared.sampling is not None:
        asked["sample"] = _sampling("Say hello", 50)
    if declared and declared.elicitation is not None:
        asked["ask"] = _NAME
    return InputRequiredResult(input_requests=asked, request_state="asked")


def test_input_required_result_request_state(ctx: Context) -> str | InputRequiredResult:
    """Need a confirmation, and our own state again."""
    if ctx.request_state == "confirming" and filled_in(ctx, "confirm", "ok") is not None:
        return "state-ok"
    return InputRequiredResult(input_requests={"confirm": _CONFIRM}, request_state="confirming")


def test_input_required_result_tampered_state(ctx: Context) -> str | InputRequiredResult:
    """Need our own state again, untouched."""
    if ctx.request_state is not None:
        return f"state-ok: {ctx.request_state}"
    return InputRequiredResult(input_requests={"confirm": _CONFIRM}, request_state="confirming")


def test_input_required_result_multiple_inputs(ctx: Context) -> str | InputRequiredResult:
    """Need everything at once."""
    asked: dict[str, InputRequest] = {
        "user_name": _NAME,
        "greeting": _sampling("Generate a greeting", 50),
        "client_roots": ListRootsRequest(),
    }
    if asked.keys() <= (ctx.input_responses or {}).keys():
        return "everything has come"
    return InputRequiredResult(input_requests=asked, request_state="asked")


def test_input_required_result_multi_round(ctx: Context) -> str | InputRequiredResult:
    """Need one thing after the other."""
    state = json.loads(ctx.request_state or "{}")
    name, colour = state.get("name") or filled_in(ctx, "step1", "name"), filled_in(ctx, "step2", "color")
    if not name:
        step1 = form("Step 1: What is your name?", "name")
        return InputRequiredResult(input_requests={"step1": step1}, request_state=json.dumps({"asked": "name"}))
    if not colour:
        step2 = form("Step 2: What is your favorite color?", "color")
        return InputRequiredResult(input_requests={"step2": step2}, request_state=json.dumps({"name": name}))
    return f"{name} likes {colour}"


TOOLS: tuple[Callable[..., Any], ...] = (
    test_input_required_result_elicitation,
    test_input_required_result_sampling,
    test_input_required_result_list_roots,
    test_input_required_result_capabilities,
    test_input_required_result_request_state,
    test_input_required_result_tampered_state,
    test_input_required_result_multiple_inputs,
    test_input_required_result_multi_round,
)
