"""The auth server as the process that an operator starts: what it says at start, and whose addresses it believes."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.support.servers import Program, answers, free_port, running, wait_until
from tests.support.stack import BINARIES


@contextmanager
def started(directory: Path, **settings: Any) -> Iterator[tuple[str, Program]]:
    """The auth server with `settings`, at an origin of its own."""
    port, path = free_port(), directory / "oauth2_config.yaml"
    common = {"development_mode": True, "host": "127.0.0.1", "port": port, "management_port": 0}
    path.write_text(yaml.safe_dump(common | settings), encoding="utf-8")
    command = [str(BINARIES / "auth-server"), "serve", "--config", str(path)]
    with running(command, {}, lambda: answers(port), "auth-server") as program:
        yield f"http://127.0.0.1:{port}", program


@pytest.mark.requirement("CF-05")
@pytest.mark.parametrize("switches", [{"enabled": False}, {"proxy_oauth": {"enabled": False}}], ids=["all", "proxy"])
def test_a_sign_in_that_is_switched_off_is_said_to_be_at_start(tmp_path: Path, switches: dict[str, Any]) -> None:
    with started(tmp_path, **switches) as (origin, program):
        wait_until(lambda: "serving" in program.read_output())
        events = [json.loads(line) for line in program.read_output().splitlines()]
        answer = httpx.post(f"{origin}/refresh_token", json={}, trust_env=False)

    (said,) = [event for event in events if event["event"] == "sign_in_closed"]
    assert said["level"] == "warning"
    assert "404" in said["problem"]
    assert (answer.status_code, answer.json()["error"]) == (404, "not_found")


@pytest.mark.requirement("OP-09")
@pytest.mark.parametrize(("proxies", "statuses"), [(["127.0.0.1"], [400, 400, 429]), ([], [400, 429, 429])])
def test_a_forwarded_address_counts_where_the_proxy_is_trusted(
    tmp_path: Path, proxies: list[str], statuses: list[int]
) -> None:
    provider = {"issuer": "http://idp.test", "client_id": "x", "redirect_uri": "http://localhost:8080/callback"}
    security = {"rate_limit": {"login": "1/hour"}}
    with started(tmp_path, providers={"test": provider}, security=security, trusted_proxies=proxies) as (origin, _):
        answered = [
            httpx.get(f"{origin}/login", headers={"X-Forwarded-For": address}, trust_env=False).status_code
            for address in ("203.0.113.1", "203.0.113.2", "203.0.113.1")
        ]

    assert answered == statuses
