"""`mcp_gateway.yaml`: the shipped example, and everything that is wrong with a bad one, at once."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from authproxy_common.config import SettingsError
from authproxy_common.records import generate_key
from mcp_gateway.settings import load_settings
from mcp_gateway.tokens.signing_keys import generate_signing_key
from tests.support.stack import ROOT

SHIPPED = ROOT / "config/mcp_gateway.yaml"
PRODUCTION = {
    "MCP_EXTERNAL_BASE_URL": "https://mcp.example.com",
    "EXTERNAL_AUTH_SERVICE_URL": "https://auth.example.com",
    "REDIS_URL": "rediss://:s3cret@redis:6379/0",
    "MCP_ENCRYPTION_KEYS": f"{generate_key().reveal()} {generate_key().reveal()}",
    "MCP_SIGNING_KEYS": generate_signing_key().reveal() + generate_signing_key().reveal(),
}


def problems(path: Path, variables: dict[str, str]) -> dict[str, str]:
    with pytest.raises(SettingsError) as refused:
        load_settings(path, variables)
    return {problem.key: problem.message for problem in refused.value.problems}


@pytest.mark.requirement("CF-01", "CF-03")
def test_the_shipped_file_is_fit_for_production_with_its_variables_set() -> None:
    config = load_settings(SHIPPED, PRODUCTION).settings.adapter_config
    assert config.public_url == "https://mcp.example.com"
    assert len(config.encryption_keys) == 2
    assert config.servers["default"].credentials == "identity"
    assert config.servers["default"].required_scopes == ("mcp",)


@pytest.mark.requirement("CF-03", "CF-02")
def test_what_is_unsafe_in_production_is_refused_all_at_once() -> None:
    found = problems(SHIPPED, {})
    assert set(found) == {
        f"adapter_config.{key}"
        for key in ("public_url", "external_auth_service_url", "redis_url", "encryption_keys", "signing_keys")
    }
    assert all("development_mode" in message for message in found.values())


@pytest.mark.requirement("CF-03")
@pytest.mark.parametrize("variables", [{"OAUTH2_DEV_MODE": "true"}, {"OAUTH2_ENABLED": "false"}])
def test_development_and_a_plain_proxy_need_none_of_it(variables: dict[str, str]) -> None:
    assert load_settings(SHIPPED, variables).warnings == ()


@pytest.mark.requirement("CF-03", "ST-04")
def test_several_replicas_need_a_store_that_they_share_unless_they_keep_nothing() -> None:
    several = {"REPLICAS": "2"}
    found = problems(SHIPPED, {**several, "OAUTH2_DEV_MODE": "true"})
    assert set(found) == {"adapter_config.redis_url"}
    assert "replicas says 2" in found["adapter_config.redis_url"]
    assert load_settings(SHIPPED, {**PRODUCTION, **several}).settings.adapter_config.replicas == 2
    assert load_settings(SHIPPED, {**several, "OAUTH2_ENABLED": "false"}).settings.adapter_config.replicas == 2


@pytest.mark.requirement("CF-01")
def test_what_a_cluster_sets_comes_from_variables() -> None:
    variables = {f"MCP_RATE_LIMIT_{name}": "7/hour" for name in ("REGISTER", "AUTHORIZE", "TOKEN")}
    variables |= {"MCP_PUBLIC_METRICS": "false", "MCP_DYNAMIC_REGISTRATION": "false"}
    config = load_settings(SHIPPED, {**PRODUCTION, **variables}).settings.adapter_config
    assert (config.public_metrics, config.dynamic_registration) == (False, False)
    assert set(asdict(config.rate_limits).values()) == {"7/hour"}


@pytest.mark.requirement("CF-01")
def test_keys_come_from_mounted_files(tmp_path: Path) -> None:
    files = {name: PRODUCTION[name] for name in ("MCP_ENCRYPTION_KEYS", "MCP_SIGNING_KEYS")}
    variables = {name: value for name, value in PRODUCTION.items() if name not in files}
    for name, content in files.items():
        (tmp_path / name).write_text(content + "\n")
        variables[f"{name}_FILE"] = str(tmp_path / name)
    config = load_settings(SHIPPED, variables).settings.adapter_config
    assert [key.reveal() for key in config.encryption_keys] == PRODUCTION["MCP_ENCRYPTION_KEYS"].split()


@pytest.mark.requirement("OP-02", "CF-02")
def test_no_secret_is_shown_by_settings_or_by_what_is_wrong_with_them() -> None:
    bad = {**PRODUCTION, "MCP_ENCRYPTION_KEYS": "not-a-key-but-secret", "REDIS_URL": "amqp://:s3cret@queue"}
    bad["MCP_SIGNING_KEYS"] = "-----BEGIN PRIVATE KEY-----\nMIIsecret\n-----END PRIVATE KEY-----"
    with pytest.raises(SettingsError) as refused:
        load_settings(SHIPPED, bad)
    assert len(refused.value.problems) == 3
    assert not any(secret in str(refused.value) for secret in ("not-a-key", "s3cret", "MIIsecret"))
    assert "s3cret" not in repr(load_settings(SHIPPED, PRODUCTION))


WRONG: list[Any] = [
    pytest.param("public_url: https://mcp.test/path", "public_url", "without a path", id="issuer with a path"),
    pytest.param("public_url: https://mcp.test/", "public_url", "slash at the end", id="slash at the end"),
    pytest.param("port: 9465", "management_port", "must differ", id="two servers at one port"),
    pytest.param("port: many", "port", "a whole number", id="not a number"),
    pytest.param("management_port: 0\n  public_metrics: false", "public_metrics", "nowhere", id="metrics nowhere"),
    pytest.param("replicas: 0", "replicas", "at least 1", id="no replica"),
    pytest.param("enable_auth: perhaps", "enable_auth", "true or false", id="not a boolean"),
    pytest.param("publik_url: https://mcp.test", "publik_url", "did you mean public_url?", id="misspelt key"),
    pytest.param("allowed_origins: [evil]", "allowed_origins[0]", "http or https", id="no origin"),
    pytest.param("access_token_ttl_seconds: 0", "access_token_ttl_seconds", "at least 1", id="no lifetime"),
    pytest.param("servers: {}", "servers", "at least one", id="no server"),
    pytest.param("servers: {oauth: {url: 'http://a.test/mcp'}}", "servers.oauth", "no name", id="a path of ours"),
    pytest.param("servers: {default: {}}", "servers.default.url", "is missing", id="no upstream"),
    pytest.param("servers: {default: {url: 'ftp://a'}}", "servers.default.url", "http or https", id="no http URL"),
    pytest.param(
        "servers: {default: {url: 'http://a.test/mcp', credentials: all}}",
        "servers.default.credentials",
        "one of none, identity",
        id="unknown credentials",
    ),
    pytest.param(
        "servers: {default: {url: 'http://a.test/mcp', required_scopes: [admin]}}",
        "servers.default.required_scopes[0]",
        "not among this server's scopes",
        id="unknown scope",
    ),
    pytest.param(
        "servers: {default: {url: 'http://a.test/mcp', scopes: {'a b': x}}}",
        "servers.default.scopes.a b",
        "no spaces",
        id="scope with a space",
    ),
    pytest.param(
        "servers: {default: {url: 'http://a.test/mcp', urls: ['http://b.test/mcp']}}",
        "servers.default.urls",
        "in place of url",
        id="one endpoint and several",
    ),
    pytest.param(
        "servers: {default: {urls: ['http://b.test/mcp', 'http://b.test/mcp']}}",
        "servers.default.urls[1]",
        "twice",
        id="an endpoint twice",
    ),
    pytest.param(
        "external_auth_gateway_name: gateway", "external_auth_gateway_secret", "together", id="a name without a secret"
    ),
    pytest.param("token_mode: both", "token_mode", "one of gateway, passthrough", id="unknown token mode"),
    pytest.param("trusted_proxies: [ingress]", "trusted_proxies[0]", "an address or a network", id="no address"),
    pytest.param("rate_limits: {token: often}", "rate_limits.token", "60/minute", id="no rate"),
    pytest.param("client_metadata_hosts: [https://a.test]", "client_metadata_hosts[0]", "a host", id="a URL"),
    pytest.param("client_metadata_hosts: [A.test]", "client_metadata_hosts[0]", "lower case", id="capital letters"),
    pytest.param("client_metadata_hosts: ['cursor:']", "client_metadata_hosts[0]", "a host", id="a scheme"),
    pytest.param("client_metadata_hosts_only: true", "client_metadata_hosts_only", "leaves none", id="nobody at all"),
    pytest.param("client_redirect_hosts: ['a.test/cb']", "client_redirect_hosts[0]", "or a scheme", id="with a path"),
    pytest.param("consent_ttl_seconds: -1", "consent_ttl_seconds", "not be negative", id="a negative time"),
]
CLIENT = "redirect_uris: [https://a.test/cb]"
BAD_CLIENTS: list[Any] = [
    pytest.param("redirect_uris: []", "redirect_uris", "is needed", id="nowhere to send codes"),
    pytest.param("redirect_uris: ['http://a.test/cb']", "redirect_uris[0]", "http must be on", id="a redirect by http"),
    pytest.param(f"{CLIENT}, grant_types: [implicit]", "grant_types[0]", "must be one of", id="unknown grant type"),
    pytest.param(
        f"{CLIENT}, token_endpoint_auth_method: tls",
        "token_endpoint_auth_method",
        "must be one of",
        id="unknown method",
    ),
    pytest.param(
        f"{CLIENT}, token_endpoint_auth_method: client_secret_post, client_secret: tooshort",
        "client_secret",
        "16 characters",
        id="a short secret",
    ),
    pytest.param(
        f"{CLIENT}, token_endpoint_auth_method: client_secret_post", "client_secret", "16 characters", id="no secret"
    ),
    pytest.param(
        f"{CLIENT}, client_secret: something-very-secret", "client_secret", "of no use", id="a useless secret"
    ),
    pytest.param(f"{CLIENT}, token_endpoint_auth_method: private_key_jwt", "jwks", "or jwks_uri", id="no keys"),
    pytest.param(f"{CLIENT}, jwks: {{keys: [{{kty: EC}}]}}", "jwks", "neither", id="keys of no use"),
    pytest.param(
        f"{CLIENT}, token_endpoint_auth_method: private_key_jwt, jwks: {{keys: [{{kty: EC, d: x}}]}}",
        "jwks",
        "no private part",
        id="a private key",
    ),
    pytest.param(
        f"{CLIENT}, token_endpoint_auth_method: private_key_jwt, jwks_uri: keys.json",
        "jwks_uri",
        "http or https",
        id="no URL of keys",
    ),
]


@pytest.mark.requirement("CF-02")
@pytest.mark.parametrize(("line", "key", "message"), WRONG)
def test_a_wrong_value_is_named_with_its_key(tmp_path: Path, line: str, key: str, message: str) -> None:
    servers = "" if line.startswith("servers") else "  servers: {default: {url: 'http://a.test/mcp'}}\n"
    path = tmp_path / "mcp_gateway.yaml"
    path.write_text(f"adapter_config:\n  development_mode: true\n{servers}  {line}\n")
    found = problems(path, {})
    assert list(found) == [f"adapter_config.{key}"]
    assert message in found[f"adapter_config.{key}"]


@pytest.mark.requirement("CF-02", "CL-04")
@pytest.mark.parametrize(("client", "key", "message"), BAD_CLIENTS)
def test_what_is_wrong_with_a_client_is_named_with_its_key(tmp_path: Path, client: str, key: str, message: str) -> None:
    path = tmp_path / "mcp_gateway.yaml"
    server = "servers: {default: {url: 'http://a.test/mcp'}}"
    path.write_text(f"adapter_config:\n  development_mode: true\n  {server}\n  clients: {{editor: {{{client}}}}}\n")
    found = problems(path, {})
    assert list(found) == [f"adapter_config.clients.editor.{key}"]
    assert message in found[f"adapter_config.clients.editor.{key}"]
    assert "secret:" not in str(found)


@pytest.mark.requirement("CF-03", "CL-02")
def test_documents_on_this_machine_are_for_development_alone(tmp_path: Path) -> None:
    path = tmp_path / "mcp_gateway.yaml"
    shipped = SHIPPED.read_text(encoding="utf-8")
    path.write_text(shipped.replace("allow_loopback_client_metadata: false", "allow_loopback_client_metadata: true"))
    assert list(problems(path, PRODUCTION)) == ["adapter_config.allow_loopback_client_metadata"]
    assert load_settings(path, {"OAUTH2_DEV_MODE": "true"}).settings.adapter_config.allow_loopback_client_metadata


@pytest.mark.requirement("CL-04", "OP-02")
def test_a_client_is_configured_under_its_id_and_its_secret_is_not_shown(tmp_path: Path) -> None:
    path = tmp_path / "mcp_gateway.yaml"
    path.write_text(
        "adapter_config:\n"
        "  development_mode: true\n"
        "  servers: {default: {url: 'http://a.test/mcp'}}\n"
        "  clients:\n"
        "    https://build.example/id:\n"
        "      client_name: Build server\n"
        "      redirect_uris: [https://build.example/cb]\n"
        "      token_endpoint_auth_method: client_secret_basic\n"
        "      client_secret: ${BUILD_SECRET}\n"
    )
    config = load_settings(path, {"BUILD_SECRET": "sixteen-letters!"}).settings.adapter_config
    client = config.clients["https://build.example/id"]
    assert client.client_secret.reveal() == "sixteen-letters!"
    assert client.grant_types == ("authorization_code", "refresh_token")
    assert "sixteen" not in repr(config)
