"""The outgoing HTTP client: one per process, with one TLS context, no redirects followed, every wait bounded."""

import json
from collections.abc import Mapping
from dataclasses import field
from datetime import timedelta
from functools import cached_property
from typing import Any

import anyio
import httpx

from authproxy_common.errors import TemporarilyUnavailable
from authproxy_common.frozen import frozen
from authproxy_common.http.request_id import HEADER, current_request_id
from authproxy_common.text import check_unicode

_TIMEOUT = httpx.Timeout(10, connect=3, pool=3)
_LIMITS = httpx.Limits(max_connections=200, max_keepalive_connections=50, keepalive_expiry=30)
_MAX_ANSWER = 1024 * 1024


def open_http() -> httpx.AsyncClient:
    """A client that follows no redirect and takes no proxy or credential from the environment."""
    return httpx.AsyncClient(transport=_WhenNeeded(), timeout=_TIMEOUT, follow_redirects=False, trust_env=False)


@frozen
class Answer:
    """An answer, read to its end. Names of headers are in lower case."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict, compare=False)

    @property
    def media_type(self) -> str:
        """Of its Content-Type, in lower case; empty where it has none."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def says_json(self) -> bool:
        """Whether its Content-Type is JSON's, or that of a format made of JSON (RFC 6839 §3.1)."""
        return self.media_type == "application/json" or self.media_type.endswith("+json")

    def json(self) -> Any:
        """The body as JSON, or None where it is none."""
        try:
            value = json.loads(self.body)
            check_unicode(value)
        except (ValueError, RecursionError):
            return None
        return value


async def ask(http: httpx.AsyncClient, request: httpx.Request, *, dependency: str, deadline: timedelta) -> Answer:
    """Send `request`, with the current request id, and read the whole answer.

    Args:
        http: Sends it.
        request: What is asked.
        dependency: Who is asked, as it is called in metrics and errors.
        deadline: Over everything: connecting, sending, and the last byte of the answer.

    Raises:
        TemporarilyUnavailable: No answer within `deadline`, a 5xx or 429, or an answer too long to read.
    """
    request.headers[HEADER] = current_request_id()
    try:
        with anyio.fail_after(deadline.total_seconds()):
            response = await http.send(request, stream=True)
            try:
                body = await _read_bounded(response)
            finally:
                await response.aclose()
    except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, _TooLongError) as error:
        how = _HOW_IT_FAILED.get(type(error), "did not answer")
        raise TemporarilyUnavailable(f"the {dependency} {how}", dependency=dependency) from error
    if response.status_code >= 500 or response.status_code == 429:
        raise TemporarilyUnavailable(f"the {dependency} answered {response.status_code}", dependency=dependency)
    return Answer(response.status_code, body, dict(response.headers))


async def _read_bounded(response: httpx.Response) -> bytes:
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > _MAX_ANSWER:
            raise _TooLongError
    return bytes(body)


class _WhenNeeded(httpx.AsyncBaseTransport):
    """The library's own transport, made with the first request: it reads the certificates of every authority."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """See there."""
        return await self._transport.handle_async_request(request)

    async def aclose(self) -> None:
        """Close the connections, if there ever was one."""
        if "_transport" in vars(self):
            await self._transport.aclose()

    @cached_property
    def _transport(self) -> httpx.AsyncHTTPTransport:
        return httpx.AsyncHTTPTransport(limits=_LIMITS, trust_env=False)


class _TooLongError(Exception):
    """The answer is longer than anything we ask for."""


_HOW_IT_FAILED: dict[type[Exception], str] = {
    TimeoutError: "did not answer in time",
    httpx.ReadTimeout: "did not answer in time",
    httpx.RemoteProtocolError: "broke off its answer, or did not speak HTTP",
    _TooLongError: "answered more than can be read",
}
