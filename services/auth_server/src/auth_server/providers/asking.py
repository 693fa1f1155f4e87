"""How a provider is asked: within ten seconds over all, and what of its answers can be read."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import anyio
import httpx

from authproxy_common.errors import ServerError, TemporarilyUnavailable
from authproxy_common.http.client import Answer, ask

DEADLINE = timedelta(seconds=10)
_WHO = "identity provider"


@asynccontextmanager
async def bounded() -> AsyncIterator[None]:
    """One bound over all that a step asks of the provider, waiting for another step's fetch included."""
    try:
        with anyio.fail_after(DEADLINE.total_seconds()):
            yield
    except TimeoutError as error:
        raise TemporarilyUnavailable(f"the {_WHO} did not answer in time", dependency=_WHO) from error


async def ask_provider(http: httpx.AsyncClient, request: httpx.Request) -> Answer:
    """The provider's answer; raises TemporarilyUnavailable."""
    return await ask(http, request, dependency=_WHO, deadline=DEADLINE)


def json_of(answer: Answer, source: str) -> Any:
    """What the provider's `source` answered; raises ServerError where its Content-Type does not say JSON."""
    if not answer.says_json:
        raise ServerError(f"the {_WHO}'s {source} answered {answer.status} with a Content-Type that is not JSON")
    return answer.json()
