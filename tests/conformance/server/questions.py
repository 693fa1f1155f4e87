"""Tools that ask the client in the middle of a call: 2025's requests of the server, on the stream of the answer."""

from collections.abc import Callable
from typing import Annotated, Any

from mcp.server.mcpserver import Context, Elicit, ElicitationResult, Resolve
from mcp.types import SamplingMessage, TextContent
from pydantic import BaseModel, Field, create_model


class Word(BaseModel):
    """What a person says."""

    response: str = Field(description="User's response")


class Defaults(BaseModel):
    """One field of each primitive type, with the defaults that the suite expects (SEP-1034)."""

    name: str = "John Doe"
    age: int = 30
    score: float = 95.5
    status: Annotated[str, Field(json_schema_extra={"enum": ["active", "inactive", "pending"]})] = "active"
    verified: bool = True


def _choice(**schema: Any) -> Any:
    return Field(json_schema_extra=schema)


_WORDS = {"enum": ["red", "green"]}
_TITLED = [{"const": "r", "title": "Red"}, {"const": "g", "title": "Green"}]

# One field for each way of writing a choice (SEP-1330).
Choices = create_model(
    "Choices",
    untitledSingle=(str, _choice(**_WORDS)),
    titledSingle=(str, _choice(oneOf=_TITLED)),
    legacyEnum=(str, _choice(enum=["r", "g"], enumNames=["Red", "Green"])),
    untitledMulti=(list[str], _choice(items={"type": "string", **_WORDS})),
    titledMulti=(list[str], _choice(items={"anyOf": _TITLED})),
)


def _say_a_word() -> Elicit[Word]:
    return Elicit("Say a word", Word)


async def _asked(ctx: Context, message: str, form: type[BaseModel]) -> str:
    answer = await ctx.elicit(message, form)
    content = answer.data.model_dump_json() if answer.action == "accept" else "{}"
    return f"action={answer.action}, content={content}"


async def test_sampling(prompt: str, ctx: Context) -> str:
    """Let the client's model answer."""
    question = SamplingMessage(role="user", content=TextContent(type="text", text=prompt))
    # Without the call's id the question would go to the GET stream, which this client need not have opened.
    answer = await ctx.session.create_message([question], max_tokens=100, related_request_id=ctx.request_id)
    return f"LLM response: {answer.content.text if isinstance(answer.content, TextContent) else 'no text'}"


async def test_elicitation(message: str, ctx: Context) -> str:
    """Let the person answer."""
    return f"User response: {await _asked(ctx, message, Word)}"


async def test_elicitation_sep1034_defaults(ctx: Context) -> str:
    """Show a form that is filled in."""
    return f"Elicitation completed: {await _asked(ctx, 'Who are you?', Defaults)}"


async def test_elicitation_sep1330_enums(ctx: Context) -> str:
    """Show a form of choices."""
    return f"Elicitation completed: {await _asked(ctx, 'Choose', Choices)}"


def test_streaming_elicitation(answer: Annotated[ElicitationResult[Word], Resolve(_say_a_word)]) -> str:
    """Ask in the way of whichever revision is spoken."""
    return f"the person's answer was: {answer.action}"


TOOLS: tuple[Callable[..., Any], ...] = (
    test_sampling,
    test_elicitation,
    test_elicitation_sep1034_defaults,
    test_elicitation_sep1330_enums,
    test_streaming_elicitation,
)
