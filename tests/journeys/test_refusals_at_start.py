"""What an operator sees of an installation that cannot be right: both programs, on the files as they are shipped."""

import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from authproxy_common.records import generate_key
from mcp_gateway.tokens.signing_keys import generate_signing_key
from tests.support.stack import BINARIES, ROOT

pytestmark = pytest.mark.requirement("CF-02", "CF-03")

PASSWORD = "hunter2"
FILES = {"auth-server": "config/oauth2_config.yaml", "mcp-gateway": "config/mcp_gateway.yaml"}
# What one of the two services reads means nothing to the other.
SOUND = {
    "OAUTH2_PUBLIC_URL": "https://mcp.example.com",
    "OAUTH2_ALLOWED_REDIRECT_URI": "https://mcp.example.com/oauth/callback",
    "OAUTH2_ENCRYPTION_KEYS": generate_key().reveal(),
    "OKTA_ISSUER": "https://example.okta.com",
    "OKTA_CLIENT_ID": "broker",
    "OKTA_CLIENT_SECRET": PASSWORD,
    "OKTA_REDIRECT_URI": "https://mcp.example.com/callback",
    "MCP_EXTERNAL_BASE_URL": "https://mcp.example.com",
    "EXTERNAL_AUTH_SERVICE_URL": "https://mcp.example.com",
    "MCP_ENCRYPTION_KEYS": generate_key().reveal(),
    "MCP_SIGNING_KEYS": generate_signing_key().reveal(),
    "REDIS_URL": f"rediss://app:{PASSWORD}@redis.example.com:6379/0",
    "REPLICAS": "3",
}


def said(program: str, command: str, variables: Mapping[str, str]) -> tuple[int, list[str]]:
    """How `program` ends, and its lines; the file is called FILE in them, and no secret is in any."""
    result = subprocess.run(
        [str(BINARIES / program), command, "--config", FILES[program]],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **variables},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    text = result.stdout + result.stderr
    secrets = [PASSWORD, *(value for name, value in variables.items() if name.endswith("_KEYS") and value)]
    assert [secret for secret in secrets if secret in text] == []
    lines = [line for line in text.replace(FILES[program], "FILE").splitlines() if not line.startswith("warning: ")]
    return result.returncode, lines


def problems(lines: list[str]) -> dict[str, str]:
    """The messages, by their keys."""
    found = [re.fullmatch(r"error: FILE: (?:adapter_config\.)?([a-zA-Z0-9_.\[\]]+): (.+)", line) for line in lines]
    assert all(found), lines
    return {each[1]: each[2] for each in found if each}


@pytest.mark.parametrize("program", FILES)
def test_an_installation_as_it_should_be_has_no_problem(program: str) -> None:
    assert said(program, "check", SOUND) == (0, ["FILE: ok"])


@pytest.mark.parametrize("command", ["check", "serve"])
@pytest.mark.parametrize(
    ("program", "keys"),
    [
        ("auth-server", {"redis_url", "encryption_keys", "public_url", "providers.okta.redirect_uri"}),
        (
            "mcp-gateway",
            {"redis_url", "encryption_keys", "signing_keys", "public_url", "external_auth_service_url"},
        ),
    ],
)
def test_what_must_not_be_outside_development_is_refused_all_at_once(
    program: str, command: str, keys: set[str]
) -> None:
    insecure = {name: value.replace("https://mcp.", "http://mcp.") for name, value in SOUND.items()}
    absent = dict.fromkeys(("REDIS_URL", "OAUTH2_ENCRYPTION_KEYS", "MCP_ENCRYPTION_KEYS", "MCP_SIGNING_KEYS"), "")

    code, lines = said(program, command, {**insecure, **absent})

    found = problems(lines)
    assert code == 1
    assert {key for key in found if not key.startswith("proxy_oauth")} == keys
    assert found["redis_url"] == (
        "memory:// is one process's own, and replicas says 3; name a Redis they all share (set by REDIS_URL)"
    )
    assert found["encryption_keys"].endswith(
        f"(set by {'OAUTH2' if program == 'auth-server' else 'MCP'}_ENCRYPTION_KEYS)"
    )
    assert found["public_url"].startswith("must be https:// unless development_mode is true (set by ")


@pytest.mark.parametrize("program", FILES)
def test_one_replica_in_memory_is_for_development_alone(program: str) -> None:
    code, lines = said(program, "check", {**SOUND, "REDIS_URL": "memory://", "REPLICAS": "1"})

    assert code == 1
    assert list(problems(lines)) == ["redis_url"]
    assert "unless development_mode is true" in problems(lines)["redis_url"]


@pytest.mark.parametrize("program", FILES)
def test_several_replicas_in_memory_are_refused_in_development_too(program: str) -> None:
    code, lines = said(program, "check", {**SOUND, "REDIS_URL": "memory://", "OAUTH2_DEV_MODE": "true"})

    assert code == 1
    assert list(problems(lines)) == ["redis_url"]


@pytest.mark.requirement("CF-01")
@pytest.mark.parametrize("command", ["check", "serve"])
@pytest.mark.parametrize(
    ("program", "mounted"),
    [
        (
            "auth-server",
            {
                "redis_url": "REDIS_URL",
                "encryption_keys": "OAUTH2_ENCRYPTION_KEYS",
                "providers.okta.client_secret": "OKTA_CLIENT_SECRET",
            },
        ),
        (
            "mcp-gateway",
            {"redis_url": "REDIS_URL", "encryption_keys": "MCP_ENCRYPTION_KEYS", "signing_keys": "MCP_SIGNING_KEYS"},
        ),
    ],
)
def test_keys_that_a_mounted_secret_lacks_are_named_with_variable_and_path(
    tmp_path: Path, program: str, command: str, mounted: dict[str, str]
) -> None:
    paths = {variable: f"{tmp_path}/{key}" for key, variable in mounted.items()}
    files = {f"{variable}_FILE": path for variable, path in paths.items()}

    code, lines = said(program, command, {**SOUND, **dict.fromkeys(paths, ""), **files})

    assert code == 1
    assert problems(lines) == {
        key: f"the file {paths[variable]}, which {variable}_FILE names, cannot be read: No such file or directory"
        for key, variable in mounted.items()
    }
