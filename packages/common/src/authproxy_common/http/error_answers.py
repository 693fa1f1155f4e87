"""Errors become HTTP here and nowhere else: a page for a person, JSON for a program, a redirect where one is owed."""

from collections.abc import Collection, Mapping
from typing import Any

import structlog
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from authproxy_common.errors import OAuthError, ServerError
from authproxy_common.frozen import frozen
from authproxy_common.http.metrics import Metrics
from authproxy_common.http.pages import Pages
from authproxy_common.http.request_id import request_id_of
from authproxy_common.return_address import SentBack

log = structlog.get_logger("errors")

_HEADINGS = {
    403: "Access was denied",
    404: "There is nothing here",
    500: "Something went wrong on our side",
    502: "Another service gave no usable answer",
    503: "Not available right now",
}


@frozen
class ErrorAnswers:
    """The `exception_handlers` of an app.

    Args:
        pages: Renders what a person sees.
        page_paths: The paths that browsers are sent to. Errors of every other path are JSON.
        metrics: Where failures of dependencies are counted.
    """

    pages: Pages
    page_paths: Collection[str]
    metrics: Metrics

    def handlers(self) -> Mapping[Any, Any]:
        """For `Starlette(exception_handlers=…)`."""
        return {
            OAuthError: self.refused,
            SentBack: self.sent_back,
            HTTPException: self.not_routed,
            Exception: self.unexpected,
        }

    async def refused(self, request: Request, error: OAuthError) -> Response:
        """The error's own status and code (RFC 6749 §5.2)."""
        note_refusal(error, self.metrics)
        return self._answer(request, error)

    async def sent_back(self, _request: Request, answer: SentBack) -> Response:
        """The error travels to the application that asked (RFC 6749 §4.1.2.1)."""
        note_refusal(answer.error, self.metrics)
        return RedirectResponse(answer.address.with_error(answer.error), 302)

    async def not_routed(self, request: Request, error: HTTPException) -> Response:
        """No such path, or not with this method."""
        body = {"error": "not_found" if error.status_code == 404 else "invalid_request"}
        body |= {"error_description": error.detail, "request_id": request_id_of(request.scope)}
        return JSONResponse(body, error.status_code, headers=error.headers)

    async def unexpected(self, request: Request, error: Exception) -> Response:
        """A fault of ours: the traceback is in the log, under the request id, and nowhere else."""
        log.error("fault", exc_info=error)
        return self._answer(request, ServerError("this service made a mistake"))

    def _answer(self, request: Request, error: OAuthError) -> Response:
        request_id = request_id_of(request.scope)
        if request.url.path not in self.page_paths:
            return JSONResponse(refusal_body(error, request_id), error.status, headers=error.headers())
        return self.pages.render(
            "error.html",
            error.status,
            error.headers(),
            heading=_HEADINGS.get(error.status, "This request cannot be carried out"),
            description=_sentence(error.description),
            remedy=error.remedy,
            code=error.code,
            request_id=request_id,
        )


def refusal_body(error: OAuthError, request_id: str) -> dict[str, str]:
    """What a program is told."""
    return {"error": error.code, "error_description": error.description, "request_id": request_id}


def note_refusal(error: OAuthError, metrics: Metrics) -> None:
    """Log the refusal, and count it where something that we depend on is the reason."""
    cause = type(error.__cause__).__name__ if error.__cause__ else None
    log.warning("refused", error=error.code, description=error.description, cause=cause)
    if error.dependency:
        metrics.dependency_failures.labels(error.dependency).inc()


def _sentence(description: str) -> str:
    """With a capital letter, but for a parameter's name, which is written as it is."""
    first = description.partition(" ")[0]
    return description if "_" in first else description[:1].upper() + description[1:]
