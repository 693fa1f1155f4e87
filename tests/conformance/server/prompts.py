"""Prompts: with and without arguments, with content of each kind, and one that needs a second round."""

from collections.abc import Callable
from typing import Any

from mcp.server.mcpserver import Context
from mcp.server.mcpserver.prompts.base import UserMessage
from mcp.types import (
    Completion,
    CompletionArgument,
    CompletionContext,
    InputRequiredResult,
    PromptReference,
    ResourceTemplateReference,
    TextContent,
)

from tests.conformance.server.contents import IMAGE, embedded
from tests.conformance.server.rounds import filled_in, form

_WORDS = ("paris", "park", "party")


def _text(text: str) -> UserMessage:
    return UserMessage(content=TextContent(type="text", text=text))


def test_simple_prompt() -> list[UserMessage]:
    """A prompt without arguments."""
    return [_text("This is a simple prompt for testing.")]


def test_prompt_with_arguments(arg1: str, arg2: str) -> list[UserMessage]:
    """A prompt with arguments."""
    return [_text(f"Prompt with arguments: arg1='{arg1}', arg2='{arg2}'")]


def test_prompt_with_embedded_resource(resourceUri: str) -> list[UserMessage]:  # noqa: N803  # as the suite calls it
    """A prompt with a resource."""
    resource = embedded(resourceUri, "Embedded resource content for testing.")
    return [UserMessage(content=resource), _text("Please process the embedded resource above.")]


def test_prompt_with_image() -> list[UserMessage]:
    """A prompt with an image."""
    return [UserMessage(content=IMAGE), _text("Please analyze the image above.")]


def test_input_required_result_prompt(ctx: Context) -> list[UserMessage] | InputRequiredResult:
    """A prompt that needs to know more."""
    context = filled_in(ctx, "user_context", "context")
    if context:
        return [_text(f"Use this context: {context}")]
    question = form("What context should the prompt use?", "context")
    return InputRequiredResult(input_requests={"user_context": question})


async def complete(
    ref: PromptReference | ResourceTemplateReference,
    argument: CompletionArgument,
    context: CompletionContext | None,
) -> Completion:
    """Words that begin like the argument."""
    values = [word for word in _WORDS if word.startswith(argument.value)]
    return Completion(values=values, total=len(values), has_more=False)


PROMPTS: tuple[Callable[..., Any], ...] = (
    test_simple_prompt,
    test_prompt_with_arguments,
    test_prompt_with_embedded_resource,
    test_prompt_with_image,
    test_input_required_result_prompt,
)
