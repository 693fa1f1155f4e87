"""The services accept what the overlays render, with the Secrets that deploy/README.md makes and with no key less."""

from pathlib import Path

import pytest
import yaml

from auth_server.settings import load_settings
from scripts.manifests import OVERLAYS
from tests.deploy.installing import documented_keys, make_secrets, secret_manifests
from tests.deploy.lint.overlay import SERVICES
from tests.deploy.lint.secrets import keys_made, keys_read
from tests.deploy.overlays import overlay
from tests.deploy.pod import Pod

INSTALLED = [(name, service) for name in OVERLAYS if name != "production-gateway-api" for service in SERVICES]
KEYS = [
    (name, service, key)
    for name, service in INSTALLED
    for workload in overlay(name).services
    if workload.name == service
    for _, key in sorted(keys_read(overlay(name), workload))
]


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_secrets(tmp_path_factory.mktemp("installing"))


@pytest.mark.requirement("DP-03")
@pytest.mark.parametrize(("name", "service"), INSTALLED)
def test_a_service_accepts_what_it_is_given(secrets: Path, tmp_path: Path, name: str, service: str) -> None:
    status, said = Pod.mounted(overlay(name), service, tmp_path, secrets).check()
    assert (status, said.splitlines()[-1]) == (0, said.splitlines()[-1].removesuffix(": ok") + ": ok"), said


@pytest.mark.requirement("DP-03")
def test_production_is_strict(secrets: Path, tmp_path: Path) -> None:
    pod = Pod.mounted(overlay("production"), "auth-server", tmp_path, secrets)
    settings = load_settings(pod.configuration, pod.variables).settings
    assert settings.proxy_oauth.strict_uri_validation
    assert settings.proxy_oauth.require_pkce
    assert settings.proxy_oauth.allowed_redirect_uris == ("https://mcp.example.com/oauth/callback",)
    assert list(settings.providers) == ["azure"]
    assert (settings.development_mode, settings.public_metrics, settings.replicas) == (False, False, 3)
    assert settings.trusted_proxies == ("10.0.0.0/8",)


@pytest.mark.requirement("DP-03", "CF-03")
@pytest.mark.parametrize(("name", "service", "key"), KEYS)
def test_a_service_names_the_key_that_is_missing(
    secrets: Path, tmp_path: Path, name: str, service: str, key: str
) -> None:
    pod = Pod.mounted(overlay(name), service, tmp_path, secrets)
    (tmp_path / "run/secrets" / service / key).unlink()
    status, said = pod.check()
    errors = [line for line in said.splitlines() if line.startswith("error: ")]
    assert status == 1
    assert len(errors) == 1, said
    assert f"/run/secrets/{service}/{key}" in errors[0]


@pytest.mark.requirement("DP-03", "CF-03")
def test_more_replicas_than_one_need_a_redis_that_they_share(secrets: Path, tmp_path: Path) -> None:
    pod = Pod.mounted(overlay("dev"), "mcp-gateway", tmp_path, secrets)
    (tmp_path / "run/secrets/mcp-gateway/redis_url").write_text("memory://")
    assert pod.check()[0] == 0
    other = Pod.mounted(overlay("staging"), "mcp-gateway", tmp_path / "staging", secrets)
    (tmp_path / "staging/run/secrets/mcp-gateway/redis_url").write_text("memory://")
    status, said = other.check()
    assert status == 1
    assert "redis_url" in said


@pytest.mark.requirement("DP-05")
@pytest.mark.parametrize("name", ["staging", "production"])
def test_every_key_that_is_read_is_documented(name: str) -> None:
    assert keys_made(overlay(name)) <= documented_keys()


@pytest.mark.requirement("DP-05")
def test_the_commands_make_every_key_that_is_documented_but_the_certificate(secrets: Path) -> None:
    made = {(path.parent.name, path.name) for path in secrets.glob("*/*")}
    assert made == {(secret, key) for secret, key in documented_keys() if secret != "authproxy-tls"}
    assert {path.stat().st_mode & 0o077 for path in secrets.glob("*/*")} == {0}


@pytest.mark.requirement("DP-05")
def test_the_commands_make_secrets_of_them(secrets: Path, tmp_path: Path) -> None:
    manifests = [each for each in yaml.safe_load_all(secret_manifests(tmp_path, secrets)) if each]
    made = {(each["metadata"]["name"], key) for each in manifests for key in each["data"]}
    assert made == keys_made(overlay("staging"))
    assert {each["metadata"]["namespace"] for each in manifests} == {overlay("staging").namespace}
