"""`servers.NAME.credentials` and what belongs to it: what is refused at start, by key, all at once."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from authproxy_common.config import SettingsError
from mcp_gateway.settings import AdapterSettings, load_settings

pytestmark = pytest.mark.requirement("UP-06", "CF-02")

URL = "http://wiki.test/mcp"
PROVIDER = {"external_auth_provider": "azure"}
GATEWAY = {"external_auth_gateway_name": "mcp", "external_auth_gateway_secret": "of-the-gateway-itself"}


def load(path: Path, server: dict[str, Any], variables: dict[str, str] | None = None, **config: Any) -> AdapterSettings:
    """The settings of a gateway with one server, `wiki`."""
    tree = {"development_mode": True, "servers": {"wiki": {"url": URL, **server}}, **config}
    file = path / "mcp_gateway.yaml"
    file.write_text(yaml.safe_dump({"adapter_config": tree}))
    return load_settings(file, variables or {}).settings.adapter_config


def problems(path: Path, server: dict[str, Any], **config: Any) -> dict[str, str]:
    with pytest.raises(SettingsError) as refused:
        load(path, server, **config)
    return {p.key.removeprefix("adapter_config.servers.wiki."): p.message for p in refused.value.problems}


GOOD: list[Any] = [
    pytest.param({"credentials": "none"}, {}, id="none"),
    pytest.param({"credentials": "identity"}, {}, id="identity"),
    pytest.param({"credentials": "identity"}, {"enable_auth": False}, id="identity, at an open door"),
    pytest.param(
        {"credentials": "identity", "identity": {"audience": "wiki", "assertion_header": "Authorization"}},
        {},
        id="identity by bearer token",
    ),
    pytest.param(
        {"credentials": "identity", "identity": {"assertion_header": "Cf-Access-Jwt-Assertion"}},
        {},
        id="identity in another gateway's header",
    ),
    pytest.param({"credentials": "provider_token"}, PROVIDER, id="provider_token"),
    pytest.param({"credentials": "provider_token", "provider_token": {"provider": "azure"}}, {}, id="of one provider"),
    pytest.param(
        {"credentials": "token_exchange", "token_exchange": {"audience": "a"}}, PROVIDER | GATEWAY, id="exchange"
    ),
    pytest.param(
        {"credentials": "token_exchange", "token_exchange": {"provider": "azure", "scope": "api://wiki/.default"}},
        GATEWAY | {"token_mode": "passthrough"},
        id="exchange by scope, in passthrough",
    ),
    pytest.param({"credentials": "static", "static_headers": {"Authorization": "Bearer x"}}, {}, id="static"),
    pytest.param({"forward_headers": ["X-Tenant", "Baggage"]}, {}, id="further headers"),
]


@pytest.mark.parametrize(("server", "config"), GOOD)
def test_each_way_is_configured(tmp_path: Path, server: dict[str, Any], config: dict[str, Any]) -> None:
    assert load(tmp_path, server, **config).servers["wiki"].credentials == server.get("credentials", "none")


BAD: list[Any] = [
    pytest.param({"credentials": "static"}, {}, "static_headers", "is needed", id="static without a header"),
    pytest.param(
        {"credentials": "provider_token"}, {}, "provider_token.provider", "is needed", id="any provider's token"
    ),
    pytest.param(
        {"credentials": "provider_token", "provider_token": {"provider": "okta"}},
        PROVIDER,
        "provider_token.provider",
        "is not external_auth_provider",
        id="a provider that nobody comes from",
    ),
    pytest.param(
        {"credentials": "provider_token"},
        PROVIDER | {"token_mode": "passthrough"},
        "credentials",
        "the client's own token",
        id="the client's own token",
    ),
    pytest.param(
        {"credentials": "provider_token"},
        PROVIDER | {"enable_auth": False},
        "credentials",
        "enable_auth",
        id="nobody's",
    ),
    pytest.param(
        {"credentials": "token_exchange"},
        PROVIDER | GATEWAY,
        "token_exchange.audience",
        "or scope",
        id="for no service",
    ),
    pytest.param(
        {"credentials": "token_exchange", "token_exchange": {"audience": "a"}},
        PROVIDER,
        "credentials",
        "external_auth_gateway_name",
        id="exchange without credentials of our own",
    ),
    pytest.param(
        {"credentials": "token_exchange", "token_exchange": {"audience": "a"}},
        GATEWAY,
        "token_exchange.provider",
        "is needed",
        id="exchange of any provider's token",
    ),
    pytest.param(
        {"identity": {"audience": "wiki"}}, {}, "identity", "credentials: identity alone", id="unused audience"
    ),
    pytest.param(
        {"credentials": "static", "static_headers": {"X-Key": "k"}, "provider_token": {"provider": "azure"}},
        {},
        "provider_token",
        "they are static",
        id="an unused provider",
    ),
    pytest.param(
        {"credentials": "identity", "token_exchange": {"scope": "a"}},
        {},
        "token_exchange",
        "alone",
        id="an unused scope",
    ),
    pytest.param(
        {"credentials": "identity", "static_headers": {"X-Key": "k"}},
        {},
        "static_headers",
        "alone",
        id="unused headers",
    ),
    pytest.param(
        {"credentials": "identity", "identity": {"audience": "http://localhost:8090/wiki/mcp"}},
        {},
        "identity.audience",
        "of this gateway itself",
        id="an audience that is our own resource",
    ),
    pytest.param(
        {"credentials": "identity", "identity": {"audience": "http://localhost:8090"}},
        {},
        "identity.audience",
        "of this gateway itself",
        id="an audience that is our issuer",
    ),
    pytest.param(
        {"credentials": "identity", "identity": {"audience": "a wiki"}}, {}, "identity.audience", "spaces", id="spaces"
    ),
    *(
        pytest.param(
            {"credentials": "identity", "identity": {"assertion_ttl_seconds": seconds}},
            {},
            "identity.assertion_ttl_seconds",
            "between 10 and 120",
            id=f"an assertion for {seconds} seconds",
        )
        for seconds in (0, 9, 121, 3600)
    ),
    *(
        pytest.param(
            {"credentials": "identity", "identity": {"assertion_header": name}},
            {},
            "identity.assertion_header",
            "",
            id=f"an assertion in {name}",
        )
        for name in (
            "X-Forwarded-User",
            "x_forwarded_email",
            "Cookie",
            "Host",
            "Accept",
            "Mcp-Name",
            "two words",
            "X:Y",
        )
    ),
    pytest.param(
        {"credentials": "token_exchange", "token_exchange": {"resource": "wiki"}},
        PROVIDER | GATEWAY,
        "token_exchange.resource",
        "absolute URI",
        id="a resource that is no URI",
    ),
    pytest.param(
        {"credentials": "token_exchange", "token_exchange": {"resource": "https://wiki.test/#a"}},
        PROVIDER | GATEWAY,
        "token_exchange.resource",
        "without a fragment",
        id="a resource with a fragment",
    ),
    pytest.param(
        {"credentials": "token_exchange", "token_exchange": {"scope": 'a "b"'}},
        PROVIDER | GATEWAY,
        "token_exchange.scope",
        "one space",
        id="no scopes",
    ),
]


@pytest.mark.parametrize(("server", "config", "key", "message"), BAD)
def test_what_cannot_work_is_named_with_its_key(
    tmp_path: Path, server: dict[str, Any], config: dict[str, Any], key: str, message: str
) -> None:
    found = problems(tmp_path, server, **config)
    assert list(found) == [key]
    assert message in found[key]


NOT_ADDED = [
    "Host",
    "Content-Length",
    "Transfer-Encoding",
    "Connection",
    "Upgrade",
    "TE",
    "Proxy-Authorization",
    "Expect",
    "X-HTTP-Method-Override",
    "X-Original-URL",
    "X-Request-Id",
    "Forwarded",
    "X-Forwarded-User",
    "X_Forwarded_User",
    "X-Forwarded-For",
    "X-Real-IP",
    "Remote-User",
    "X-Auth-Request-Email",
    "Cf-Access-Jwt-Assertion",
    "Mcp-Session-Id",
    "Content-Type",
    "Accept",
    "Origin",
    "two words",
    "line\nbreak",
    "colon:",
    "",
]


@pytest.mark.parametrize("name", NOT_ADDED)
def test_the_gateway_adds_no_header_that_means_something_else(tmp_path: Path, name: str) -> None:
    found = problems(tmp_path, {"credentials": "static", "static_headers": {"X-Key": "k", name: "v"}})
    assert list(found) == [f"static_headers.{name}"]


@pytest.mark.requirement("UP-01")
@pytest.mark.parametrize("name", [*NOT_ADDED[:-1], "Authorization", "authorization", "Cookie"])
def test_no_header_is_passed_on_in_which_a_client_says_who_it_is(tmp_path: Path, name: str) -> None:
    found = problems(tmp_path, {"forward_headers": ["X-Tenant", name]})
    assert list(found) == ["forward_headers[1]"]


@pytest.mark.parametrize("value", [" x", "x ", "a\nb", "a\r\nX-Root: 1", "\x00", "ü", "\x7f"])
def test_a_value_is_one_that_a_header_can_hold(tmp_path: Path, value: str) -> None:
    found = problems(tmp_path, {"credentials": "static", "static_headers": {"X-Key": value}})
    assert list(found) == ["static_headers.X-Key"]


@pytest.mark.parametrize(
    ("server", "key"),
    [
        pytest.param(
            {"credentials": "static", "static_headers": {"X-Key": "a", "x-key": "b"}},
            "static_headers.x-key",
            id="added",
        ),
        pytest.param(
            {"credentials": "static", "static_headers": {"X-Key": "a", "X_Key": "b"}},
            "static_headers.X_Key",
            id="alike",
        ),
        pytest.param({"forward_headers": ["X-Tenant", "x-tenant"]}, "forward_headers[1]", id="passed on"),
        pytest.param(
            {"credentials": "static", "static_headers": {"X-Key": "a"}, "forward_headers": ["x-key"]},
            "forward_headers[0]",
            id="the client's beside ours",
        ),
        pytest.param(
            {"credentials": "identity", "identity": {"assertion_header": "X-Caller"}, "forward_headers": ["X-Caller"]},
            "forward_headers[0]",
            id="the client's assertion",
        ),
    ],
)
def test_a_header_has_one_source(tmp_path: Path, server: dict[str, Any], key: str) -> None:
    found = problems(tmp_path, server)
    assert list(found) == [key]
    assert "twice" in found[key]


@pytest.mark.requirement("UP-06", "OP-02")
def test_values_come_from_the_environment_and_are_never_shown(tmp_path: Path) -> None:
    headers = {"Authorization": "Bearer ${WIKI_KEY}", "X-Team": "tools"}
    server = {"credentials": "static", "static_headers": headers}
    config = load(tmp_path, server, {"WIKI_KEY": "hush-hush"})
    shown = config.servers["wiki"].static_headers["Authorization"]
    assert shown.reveal() == "Bearer hush-hush"
    assert "hush" not in repr(config)
    with pytest.raises(SettingsError) as refused:
        load(tmp_path, server, {})
    assert "WIKI_KEY" in str(refused.value)
    with pytest.raises(SettingsError) as refused:
        load(tmp_path, {**server, "credentials": "none"}, {"WIKI_KEY": "hush-hush\nX-Root: 1"})
    assert "hush" not in str(refused.value)
    assert len(refused.value.problems) == 2
