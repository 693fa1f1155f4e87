"""The checks that settings share."""

from collections.abc import Callable
from typing import Any

import pytest

from authproxy_common.config import checks
from authproxy_common.secret import Secret

pytestmark = pytest.mark.requirement("CF-02")

Check = Callable[[Any], str | None]


@pytest.mark.parametrize(
    ("check", "value"),
    [
        pytest.param(checks.is_url, "https://idp.test/v2.0?tenant=a", id="url"),
        pytest.param(checks.is_origin, "http://localhost:8080", id="origin with a port"),
        pytest.param(checks.is_origin, "https://mcp.test", id="origin"),
        pytest.param(checks.is_port, 65535, id="last port"),
        pytest.param(checks.is_management_port, 0, id="no management port"),
        pytest.param(checks.is_positive, 1, id="one"),
        pytest.param(checks.is_log_level, "INFO", id="log level"),
    ],
)
def test_a_sound_value_has_nothing_wrong_with_it(check: Check, value: object) -> None:
    assert check(value) is None


@pytest.mark.parametrize(
    ("check", "value"),
    [
        pytest.param(checks.is_url, "idp.test", id="url without a scheme"),
        pytest.param(checks.is_url, "ftp://idp.test", id="url of another scheme"),
        pytest.param(checks.is_origin, "https://mcp.test/", id="origin with a slash"),
        pytest.param(checks.is_origin, "https://mcp.test/path", id="origin with a path"),
        pytest.param(checks.is_origin, "https://mcp.test?a=b", id="origin with a query"),
        pytest.param(checks.is_origin, "https://mcp.test?", id="origin with an empty query"),
        pytest.param(checks.is_origin, "mcp.test", id="origin without a scheme"),
        pytest.param(checks.is_port, 0, id="port zero"),
        pytest.param(checks.is_port, 65536, id="port too high"),
        pytest.param(checks.is_management_port, -1, id="negative management port"),
        pytest.param(checks.is_positive, 0, id="zero"),
        pytest.param(checks.is_log_level, "verbose", id="unknown log level"),
    ],
)
def test_an_unsound_value_is_explained(check: Check, value: object) -> None:
    assert check(value)


@pytest.mark.requirement("CF-03")
def test_what_development_allows_is_a_problem_outside_it() -> None:
    found = dict(checks.unfit_for_production({"public_url": "http://mcp.test"}, Secret("memory://"), ()))
    assert set(found) == {"public_url", "redis_url", "encryption_keys"}
    assert all("development_mode" in message for message in found.values())


@pytest.mark.requirement("CF-03")
def test_what_is_fit_for_production_is_no_problem() -> None:
    redis_url = Secret("rediss://redis.test:6379")
    assert list(checks.unfit_for_production({"public_url": "https://mcp.test"}, redis_url, [Secret("key")])) == []


@pytest.mark.requirement("OP-02")
@pytest.mark.parametrize(
    ("check", "value"),
    [
        pytest.param(checks.is_url, "https://user:hunter2@idp.test", id="url"),
        pytest.param(checks.is_origin, "https://user:hunter2@idp.test", id="origin"),
    ],
)
def test_no_explanation_repeats_the_value(check: Check, value: object) -> None:
    assert "hunter2" not in str(check(value))
