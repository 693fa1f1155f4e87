"""The tasks extension (SEP-2663): a call that takes its time is answered with a task, and the client asks about it."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import anyio
from mcp.server import ServerRequestContext
from mcp.server.context import CallNext, HandlerResult
from mcp.server.extension import Extension, MethodBinding, ToolBinding
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.mcpserver.server import require_client_extension
from mcp.shared.exceptions import MCPError
from mcp.types import (
    HEADER_MISMATCH,
    INTERNAL_ERROR,
    INVALID_PARAMS,
    CallToolRequestParams,
    ElicitRequest,
    ElicitResult,
    InputRequiredResult,
    RequestParams,
)

from tests.conformance.server.rounds import form

_SPOKEN_IN = frozenset({"2026-07-28"})
_SECONDS_IN_A_SECOND_OF_THE_SUITE = 0.1

_Context = ServerRequestContext[Any, Any]


def _now() -> str:
    return datetime.now(UTC).isoformat()


@dataclass(eq=False)
class Task:
    """One call at work, and what came of it."""

    id: str = field(default_factory=lambda: uuid4().hex)
    status: str = "working"
    created_at: str = field(default_factory=_now)
    updated_at: str = field(default_factory=_now)
    outcome: dict[str, Any] = field(default_factory=dict)
    questions: dict[str, ElicitRequest] = field(default_factory=dict)
    answered: asyncio.Event = field(default_factory=asyncio.Event)
    work: "asyncio.Task[None] | None" = None

    async def run(self, job: "Job", params: CallToolRequestParams) -> None:
        """Work to the end: a tool that fails has completed, a protocol that fails has failed."""
        try:
            self.turn("completed", result=_text(await job(self, params)))
        except ToolError as error:
            self.turn("completed", result={**_text(str(error)), "isError": True})
        except MCPError as error:
            self.turn("failed", error=error.error.model_dump(mode="json", exclude_none=True))

    async def ask(self, **questions: ElicitRequest) -> None:
        """Wait until the client has answered them all."""
        self.questions = questions
        self.turn("input_required")
        await self.answered.wait()
        self.turn("working")

    def turn(self, status: str, **outcome: dict[str, Any]) -> None:
        self.status, self.updated_at, self.outcome = status, _now(), outcome

    def summary(self) -> dict[str, Any]:
        """What is told when it is made."""
        times = {"createdAt": self.created_at, "lastUpdatedAt": self.updated_at}
        return {"taskId": self.id, "status": self.status, **times, "ttlMs": 60_000, "pollIntervalMs": 100}

    def details(self) -> dict[str, Any]:
        """What is told when it is asked for."""
        open_questions = {key: each.model_dump(by_alias=True, mode="json") for key, each in self.questions.items()}
        asking = {"inputRequests": open_questions} if self.status == "input_required" else {}
        return {**self.summary(), **self.outcome, **asking}


Job = Callable[[Task, CallToolRequestParams], Awaitable[str]]


def _text(text: str) -> dict[str, Any]:
    return {"content": [{"type": "text", "text": text}]}


def greet(name: str) -> str:
    """Answer at once."""
    return f"Hello, {name}!"


async def slow_compute(seconds: float, label: str = "") -> str:
    """Take a while."""
    await anyio.sleep(seconds * _SECONDS_IN_A_SECOND_OF_THE_SUITE)
    return f"computed {label}"


def failing_job() -> None:
    """Fail, as a task."""


def protocol_error_job() -> None:
    """Break, as a task."""


def confirm_delete(filename: str) -> None:
    """Ask before deleting, as a task."""


def multi_input() -> None:
    """Ask two things at once, as a task."""


def test_tool_with_task() -> InputRequiredResult:
    """Ask for a name first, then become a task."""
    return InputRequiredResult(input_requests={"user_name": form("What is your name?", "name")})


async def _slow_compute(_task: Task, params: CallToolRequestParams) -> str:
    return await slow_compute(**(params.arguments or {}))


async def _failing_job(_task: Task, _params: CallToolRequestParams) -> str:
    raise ToolError("this job always fails")


async def _protocol_error_job(_task: Task, _params: CallToolRequestParams) -> str:
    raise MCPError(INTERNAL_ERROR, "this job always breaks")


async def _confirm_delete(task: Task, _params: CallToolRequestParams) -> str:
    await task.ask(confirm=form("Delete it?", "confirm", "boolean"))
    return "deleted"


async def _multi_input(task: Task, _params: CallToolRequestParams) -> str:
    await task.ask(first=form("What is your name?", "name"), second=form("And yours?", "name"))
    return "both have answered"


async def _greet_later(_task: Task, params: CallToolRequestParams) -> str:
    answer = (params.input_responses or {})["user_name"]
    return greet(str((answer.content or {})["name"])) if isinstance(answer, ElicitResult) else "who are you?"


_JOBS: dict[str, Job] = {
    "slow_compute": _slow_compute,
    "failing_job": _failing_job,
    "protocol_error_job": _protocol_error_job,
    "confirm_delete": _confirm_delete,
    "multi_input": _multi_input,
    "test_tool_with_task": _greet_later,
}


class _Named(RequestParams):
    task_id: str


class _Update(_Named):
    input_responses: dict[str, Any]


class Tasks(Extension):
    """Makes tasks of the calls that need one, and answers for them."""

    identifier = "io.modelcontextprotocol/tasks"

    def __init__(self) -> None:
        self._tasks: dict[str, Task] = {}

    def tools(self) -> Sequence[ToolBinding]:
        tools = (greet, slow_compute, failing_job, protocol_error_job, confirm_delete, multi_input, test_tool_with_task)
        return [ToolBinding(tool) for tool in tools]

    def methods(self) -> Sequence[MethodBinding]:
        return [
            MethodBinding("tasks/get", _Named, self._get, _SPOKEN_IN),
            MethodBinding("tasks/update", _Update, self._update, _SPOKEN_IN),
            MethodBinding("tasks/cancel", _Named, self._cancel, _SPOKEN_IN),
        ]

    async def intercept_tool_call(
        self, params: CallToolRequestParams, ctx: _Context, call_next: CallNext
    ) -> HandlerResult:
        job = _JOBS.get(params.name)
        needs_input = params.name == "test_tool_with_task" and not params.input_responses
        if job is None or needs_input or (params.name == "slow_compute" and not self._is_known_to(ctx)):
            return await call_next(ctx)
        require_client_extension(ctx, self.identifier)
        task = Task()
        self._tasks[task.id] = task
        task.work = asyncio.create_task(task.run(job, params))
        return {"resultType": "task", **task.summary()}

    def _is_known_to(self, ctx: _Context) -> bool:
        declared = ctx.session.client_capabilities
        return declared is not None and self.identifier in (declared.extensions or {})

    async def _get(self, ctx: _Context, params: _Named) -> HandlerResult:
        return self._find(ctx, params).details()

    async def _update(self, ctx: _Context, params: _Update) -> HandlerResult:
        task = self._find(ctx, params)
        task.questions = {key: each for key, each in task.questions.items() if key not in params.input_responses}
        if not task.questions:
            task.answered.set()
        return {}

    async def _cancel(self, ctx: _Context, params: _Named) -> HandlerResult:
        task = self._find(ctx, params)
        if task.work and task.work.cancel():
            task.turn("cancelled")
        return {}

    def _find(self, ctx: _Context, params: _Named) -> Task:
        require_client_extension(ctx, self.identifier)
        if ctx.request is None or ctx.request.headers.get("mcp-name") != params.task_id:
            raise MCPError(HEADER_MISMATCH, "Mcp-Name is not the id of the task")
        if params.task_id not in self._tasks:
            raise MCPError(INVALID_PARAMS, "there is no such task")
        return self._tasks[params.task_id]
