"""Structured logs: one JSON object a line, an event name with fields, and no secret in any of them.

Names are the first line of defence, patterns the second: what looks like one of our bearer values, a JWT or an
`Authorization` value is replaced wherever it stands, tracebacks included.
"""

import json
import logging
import re
import sys
from collections.abc import MutableMapping
from contextlib import suppress
from functools import lru_cache
from typing import Any

import structlog
from structlog.typing import Processor

REDACTED = "[redacted]"

_SECRET_NAMES = re.compile(
    r"^(authorization|cookie|set.cookie|.*password|.*secret|.*token|.*verifier|code|state|nonce|.*assertion|.*[_-]keys?)$",
    re.IGNORECASE,
)
_SECRET_VALUES = re.compile(
    r"(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*(\.[A-Za-z0-9_-]*)*"  # JWS and JWE, compact
    r"|\b(?:gc|ac|rt|st|pc|pa)_[A-Za-z0-9_.-]{20,}"  # what `mint` makes
    r"|(?i:\b(?:bearer|basic)\s+)[A-Za-z0-9._~+/=-]{8,}"
    r"|(?i:(?<=[?&])(?:code|state|access_token|refresh_token|id_token|client_secret|code_verifier|nonce)=)[^&\s\"']+"
    r"|(?<=://)[^/?#\s]+(?=@)"  # user information of a URL
)

_JSON = json.JSONEncoder()


def configure_logging(level: str) -> None:
    """Send every logger of the process, uvicorn's included, to standard output as JSON lines."""
    label: list[Processor] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    # Our own lines take the short way, which is most of what a line costs. Labels come last: they hold no secret.
    structlog.configure(
        processors=[structlog.contextvars.merge_contextvars, *_WRITTEN, *label, _rendered],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=_StandardOutput,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[
                structlog.contextvars.merge_contextvars,
                *label,
                structlog.stdlib.add_logger_name,
                structlog.stdlib.ExtraAdder(),
            ],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                _without_colours,
                *_WRITTEN,
                _rendered,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    # These tell of every request, with its URL; our own access log says the same without the query.
    for chatty in ("httpx", "httpcore"):
        logging.getLogger(chatty).setLevel("WARNING")


def redact(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Replace what is secret by its name or by its look, at any depth."""
    return {name: REDACTED if _names_a_secret(name) else _redacted(value) for name, value in event.items()}


@lru_cache(1024)
def _names_a_secret(name: str) -> bool:
    return _SECRET_NAMES.match(name) is not None


def _rendered(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> str:
    # By one encoder: the module's own function makes one for each line that it is given a fallback for.
    return _JSON.encode(event)


class _StandardOutput:
    """Where lines of our own go. One that cannot be written is lost, and nothing else with it."""

    def __init__(self, *_name: str) -> None:
        """Every logger is the same."""

    def write(self, line: str) -> None:
        with suppress(OSError, ValueError):
            sys.stdout.write(f"{line}\n")
            sys.stdout.flush()

    debug = info = warning = error = critical = exception = write


def _without_colours(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    event.pop("color_message", None)  # uvicorn says everything twice
    return event


def _redacted(value: Any) -> Any:
    match value:
        case str():
            return _SECRET_VALUES.sub(REDACTED, value)
        case dict():
            return redact(None, "", {str(name): inner for name, inner in value.items()})
        case list() | tuple():
            return [_redacted(inner) for inner in value]
        case bool() | int() | float() | None:
            return value
        case _:
            return _SECRET_VALUES.sub(REDACTED, str(value))


_WRITTEN: list[Processor] = [structlog.processors.format_exc_info, redact]
