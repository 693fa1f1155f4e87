"""Logs: one JSON object a line, and no secret in any of them."""

import json
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import pytest

from authproxy_common.logs import REDACTED, redact
from authproxy_common.secret import Secret, mint, trace

pytestmark = pytest.mark.requirement("OP-02")

JWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJl"
PROGRAM = """
import logging, structlog
from authproxy_common.logs import configure_logging
from authproxy_common.secret import Secret

configure_logging("INFO")
log = structlog.get_logger("events")
foreign = logging.getLogger("uvicorn.error")

log.debug("below_the_level")
with structlog.contextvars.bound_contextvars(request_id="a-request-id"):
    log.info("named", refresh_token="hunter2", nested={"client_secret": "hunter2", "kept": "yes"})
    log.info("looks", seen="Bearer hunter2hunter2", held=Secret("hunter2"))
    foreign.warning("foreign %s", "Authorization: Basic hunter2hunter2", extra={"color_message": "again"})
    foreign.info("extra", extra={"password": "hunter2"})
log.info("no_request")
def fail():
    raise ValueError("https://a.test/cb?code=hunter2&x=y Bearer hunter2hunter2")
try:
    fail()
except ValueError:
    log.exception("failed")
    foreign.exception("foreign_failed")
log.info("two\\nlines", text="a\\nb")
logging.getLogger("httpx").info("GET https://a.test/?code=hunter2")
logging.getLogger("httpcore.http11").info("send code=hunter2")
"""


@pytest.fixture(scope="module")
def output() -> str:
    program = [sys.executable, "-c", PROGRAM]
    return subprocess.run(program, capture_output=True, check=True, timeout=30, text=True).stdout


@pytest.fixture(scope="module")
def lines(output: str) -> dict[str, dict[str, Any]]:
    """Each line, by its event."""
    parsed: Sequence[dict[str, Any]] = [json.loads(line) for line in output.splitlines()]
    return {line["event"]: line for line in parsed}


def test_no_secret_is_anywhere_in_the_output(output: str) -> None:
    assert "hunter2" not in output
    assert output.count(REDACTED) >= 9  # newer Pythons show more of the source in a traceback


@pytest.mark.requirement("OP-01")
def test_every_line_is_one_json_object_with_event_level_and_time(output: str) -> None:
    parsed = [json.loads(line) for line in output.splitlines()]

    assert len(parsed) == 8
    assert all({"event", "level", "timestamp"} <= line.keys() for line in parsed)
    assert all(line["timestamp"].endswith("Z") for line in parsed)
    assert "two\nlines" in {line["event"] for line in parsed}


@pytest.mark.requirement("OP-01")
def test_every_line_of_a_request_has_its_id_whoever_wrote_it(lines: dict[str, dict[str, Any]]) -> None:
    of_the_request = {event for event, line in lines.items() if line.get("request_id") == "a-request-id"}

    assert of_the_request == {"named", "looks", f"foreign Authorization: {REDACTED}", "extra"}


def test_what_is_redacted_leaves_the_rest_of_its_line(lines: dict[str, dict[str, Any]]) -> None:
    assert lines["named"]["refresh_token"] == REDACTED
    assert lines["named"]["nested"] == {"client_secret": REDACTED, "kept": "yes"}
    assert lines["looks"]["held"] == "Secret(…)"
    assert lines["extra"]["password"] == REDACTED


@pytest.mark.parametrize("event", ["failed", "foreign_failed"])
def test_a_traceback_stays_readable_without_its_secrets(lines: dict[str, dict[str, Any]], event: str) -> None:
    exception = lines[event]["exception"]

    assert "in fail" in exception
    assert f"ValueError: https://a.test/cb?{REDACTED}&x=y {REDACTED}" in exception


def test_libraries_that_log_every_url_are_silent(output: str) -> None:
    assert "below_the_level" not in output
    assert "httpx" not in output
    assert "httpcore" not in output
    assert "color_message" not in output


def redacted(**fields: Any) -> dict[str, Any]:
    return dict(redact(None, "info", fields))


@pytest.mark.parametrize(
    "name",
    [
        "Authorization", "cookie", "Set-Cookie", "set_cookie", "password", "client_secret", "secret", "access_token",
        "refresh_token", "id_token", "upstream_token", "token", "code_verifier", "code", "state", "nonce", "assertion",
        "client_assertion", "encryption_keys", "signing_key", "X-Api-Key", "api_key", "redis_password",
    ],
)  # fmt: skip
def test_what_is_named_like_a_secret_is_redacted(name: str) -> None:
    assert redacted(**{name: "hunter2"}) == {name: REDACTED}
    assert redacted(headers={name: ["hunter2"]}) == {"headers": {name: REDACTED}}


@pytest.mark.parametrize("name", ["event", "error", "status", "client_id", "token_type", "scope", "path", "keyword"])
def test_what_is_named_otherwise_is_kept(name: str) -> None:
    assert redacted(**{name: "invalid_grant"}) == {name: "invalid_grant"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(JWT, REDACTED, id="JWT"),
        pytest.param(f"got '{JWT}'.", f"got '{REDACTED}'.", id="JWT within a text"),
        pytest.param("eyJhbGciOiJkaXIifQ..aXY.Y2lwaGVy.dGFn", REDACTED, id="JWE"),
        pytest.param(mint("gc"), REDACTED, id="gateway code"),
        pytest.param(mint("ac"), REDACTED, id="authorization code"),
        pytest.param(mint("st"), REDACTED, id="state"),
        pytest.param(mint("pc"), REDACTED, id="pending consent"),
        pytest.param(f"rt_{mint()}.12.{mint()}", REDACTED, id="refresh token"),
        pytest.param(f"spent {mint('ac')} twice", f"spent {REDACTED} twice", id="code within a text"),
        pytest.param("Authorization: Bearer abcdef.12345", f"Authorization: {REDACTED}", id="bearer header"),
        pytest.param("authorization: basic YWxpY2U6cHc=", f"authorization: {REDACTED}", id="basic header"),
        pytest.param("/cb?code=c&state=s&iss=i", f"/cb?{REDACTED}&{REDACTED}&iss=i", id="query"),
        pytest.param("/x?a=b&client_secret=s", f"/x?a=b&{REDACTED}", id="secret later in a query"),
        pytest.param("redis://:pw@redis.test:6379/0", f"redis://{REDACTED}@redis.test:6379/0", id="store URL"),
        pytest.param("redis://u:p@w@redis.test/0", f"redis://{REDACTED}@redis.test/0", id="at sign in a password"),
        pytest.param("https://token@git.test/x", f"https://{REDACTED}@git.test/x", id="user alone in a URL"),
    ],
)
def test_what_looks_like_a_secret_is_redacted_wherever_it_stands(text: str, expected: str) -> None:
    assert redacted(event=text) == {"event": expected}
    assert redacted(a=[{"b": (text,)}]) == {"a": [{"b": [expected]}]}
    assert redacted(a=ValueError(text)) == {"a": expected}


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("https://mcp.test/mcp?tenant=a@b", id="URL without a user"),
        pytest.param("alice@example.com", id="mail address"),
        pytest.param("the bearer of this", id="words"),
        pytest.param(trace("value"), id="trace"),
    ],
)
def test_what_is_no_secret_is_kept(text: str) -> None:
    assert redacted(event=text) == {"event": text}


def test_values_that_are_not_text_keep_their_type() -> None:
    assert redacted(a=1, b=1.5, c=True, d=None, e=[1]) == {"a": 1, "b": 1.5, "c": True, "d": None, "e": [1]}
    assert redacted(a=Secret("hunter2"), b=b"Bearer hunter2hunter2") == {"a": "Secret(…)", "b": f"b'{REDACTED}'"}
