"""`oauth2_config.yaml`: the shipped file, what it refuses, and that no refusal repeats a secret."""

import base64
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import yaml

from auth_server.settings import AuthServerSettings, load_settings
from authproxy_common.config import Loaded, SettingsError
from tests.support.client_keys import client_key, ec_key

SHIPPED = Path(__file__).resolve().parent.parent.parent / "config" / "oauth2_config.yaml"
KEY = base64.b64encode(b"k" * 32).decode()
PRODUCTION = {
    "OAUTH2_PUBLIC_URL": "https://auth.example.com",
    "REDIS_URL": "rediss://:redis-password@redis.example.com:6379/0",
    "OAUTH2_ENCRYPTION_KEYS": KEY,
}
REGISTRATIONS = {
    "azure": {"AZURE_TENANT_ID": "11111111-2222-3333-4444-555555555555"},
    "google": {},
    "okta": {"OKTA_ISSUER": "https://example.okta.com/oauth2/default"},
    "auth0": {"AUTH0_DOMAIN": "example.eu.auth0.com"},
    "keycloak": {"KEYCLOAK_ISSUER": "https://sso.example.com/realms/example"},
    "github": {},
}
ISSUERS = {
    "azure": "https://login.microsoftonline.com/11111111-2222-3333-4444-555555555555/v2.0",
    "google": "https://accounts.google.com",
    "okta": "https://example.okta.com/oauth2/default",
    "auth0": "https://example.eu.auth0.com/",
    "keycloak": "https://sso.example.com/realms/example",
    "github": "",
}
KINDS = {
    "azure": "entra",
    "google": "google",
    "okta": "oidc",
    "auth0": "auth0",
    "keycloak": "keycloak",
    "github": "github",
}


def variables_of(name: str) -> dict[str, str]:
    """The environment variables of one registration."""
    prefix = name.upper()
    return REGISTRATIONS[name] | {
        f"{prefix}_CLIENT_ID": f"{name}-client",
        f"{prefix}_CLIENT_SECRET": f"{name}-hush",
        f"{prefix}_REDIRECT_URI": "https://auth.example.com/callback",
    }


def load(tmp_path: Path, **changed: Any) -> Loaded[AuthServerSettings]:
    """Settings from a small file that is in order but for what is changed."""
    provider = {"issuer": "https://idp.test", "client_id": "broker", "redirect_uri": "https://auth.test/callback"}
    tree: dict[str, Any] = {
        "public_url": "https://auth.test",
        "redis_url": "redis://localhost",
        "encryption_keys": [KEY],
        "providers": {"test": provider},
        "proxy_oauth": {"allowed_redirect_uris": ["https://app.test/cb"]},
    }
    path = tmp_path / "oauth2_config.yaml"
    path.write_text(yaml.safe_dump(tree | changed), encoding="utf-8")
    return load_settings(path, {})


def problems_of(tmp_path: Path, **changed: Any) -> dict[str, str]:
    """The problems of a file, by their keys; each names the file."""
    with pytest.raises(SettingsError) as caught:
        load(tmp_path, **changed)
    assert all(problem.file == str(tmp_path / "oauth2_config.yaml") for problem in caught.value.problems)
    return {problem.key: problem.message for problem in caught.value.problems}


@pytest.mark.requirement("CF-01", "CF-04")
def test_the_shipped_file_serves_all_six_registrations_at_once() -> None:
    variables = PRODUCTION.copy()
    for name in REGISTRATIONS:
        variables |= variables_of(name)

    loaded = load_settings(SHIPPED, variables)

    providers = loaded.settings.providers
    assert {name: provider.issuer for name, provider in providers.items()} == ISSUERS
    assert {name: provider.kind for name, provider in providers.items()} == KINDS
    for name, provider in providers.items():
        assert (provider.client_id, provider.client_secret.reveal()) == (f"{name}-client", f"{name}-hush")
        assert provider.redirect_uri == "https://auth.example.com/callback"
    assert [warning.key for warning in loaded.warnings] == ["providers.development"]
    assert loaded.settings.proxy_oauth.strict_uri_validation


@pytest.mark.requirement("CF-04")
@pytest.mark.parametrize("name", REGISTRATIONS)
def test_registrations_whose_variables_are_unset_are_left_out_with_a_warning(name: str) -> None:
    loaded = load_settings(SHIPPED, PRODUCTION | variables_of(name))

    assert loaded.settings.providers.keys() == {name}
    others = {f"providers.{other}" for other in REGISTRATIONS | {"development": {}} if other != name}
    assert {warning.key for warning in loaded.warnings} == others
    assert all("left out: none of " in warning.message for warning in loaded.warnings)


@pytest.mark.requirement("CF-04", "CF-02")
@pytest.mark.parametrize("name", REGISTRATIONS)
@pytest.mark.parametrize("suffix", ["CLIENT_ID", "CLIENT_SECRET"])
def test_a_registration_that_is_set_in_part_is_an_error_that_names_the_missing_variable(name: str, suffix: str) -> None:
    variables = PRODUCTION | variables_of(name)
    missing = f"{name.upper()}_{suffix}"
    del variables[missing]

    with pytest.raises(SettingsError) as caught:
        load_settings(SHIPPED, variables)

    (problem,) = caught.value.problems
    assert problem.key == f"providers.{name}.{suffix.lower()}"
    assert missing in problem.message
    assert str(SHIPPED) in str(caught.value)


@pytest.mark.requirement("CF-01")
def test_secrets_come_in_as_mounted_files(tmp_path: Path) -> None:
    (tmp_path / "hush").write_text("from-a-file\n", encoding="utf-8")
    variables = PRODUCTION | variables_of("okta")
    del variables["OKTA_CLIENT_SECRET"]

    loaded = load_settings(SHIPPED, variables | {"OKTA_CLIENT_SECRET_FILE": str(tmp_path / "hush")})

    assert loaded.settings.providers["okta"].client_secret.reveal() == "from-a-file"


@pytest.mark.requirement("CF-02", "CF-03")
def test_everything_that_is_unsafe_in_production_is_refused_at_once(tmp_path: Path) -> None:
    unsafe: dict[str, Any] = {
        "public_url": "http://auth.test",
        "redis_url": "memory://",
        "encryption_keys": [],
        "providers": {
            "test": {"issuer": "http://idp.test", "client_id": "broker", "redirect_uri": "http://auth.test/callback"}
        },
        "proxy_oauth": {"allowed_redirect_uris": ["https://app.test/cb", "http://app.test/cb", "http://localhost/cb"]},
    }

    assert problems_of(tmp_path, **unsafe).keys() == {
        "public_url",
        "redis_url",
        "encryption_keys",
        "providers.test.issuer",
        "providers.test.redirect_uri",
        "proxy_oauth.allowed_redirect_uris[1]",
    }
    assert load(tmp_path, **unsafe, development_mode=True).settings.development_mode


@pytest.mark.requirement("CF-03", "ST-04")
def test_several_replicas_without_a_store_that_they_share_are_refused_in_development_too(tmp_path: Path) -> None:
    alone = {"development_mode": True, "redis_url": "memory://"}

    assert load(tmp_path, **alone, replicas=1).settings.replicas == 1
    assert problems_of(tmp_path, **alone, replicas=2) == {
        "redis_url": "memory:// is one process's own, and replicas says 2; name a Redis they all share"
    }
    assert load(tmp_path, replicas=2).settings.replicas == 2


@pytest.mark.requirement("CF-01")
def test_what_a_cluster_sets_comes_from_variables() -> None:
    variables = {
        "REPLICAS": "3",
        "OAUTH2_PUBLIC_METRICS": "false",
        "OAUTH2_REQUIRE_PKCE": "true",
        "OAUTH2_STRICT_URI_VALIDATION": "false",
        "OAUTH2_CORS_ALLOWED_ORIGINS": "https://one.test https://two.test",
        **{f"OAUTH2_RATE_LIMIT_{name}": "7/hour" for name in ("LOGIN", "CALLBACK", "BACKEND", "GATEWAY")},
    }

    settings = load_settings(SHIPPED, PRODUCTION | variables_of("okta") | variables).settings

    assert (settings.replicas, settings.public_metrics) == (3, False)
    assert (settings.proxy_oauth.require_pkce, settings.proxy_oauth.strict_uri_validation) == (True, False)
    assert settings.security.cors.allowed_origins == ("https://one.test", "https://two.test")
    assert set(asdict(settings.security.rate_limit).values()) == {"7/hour"}


@pytest.mark.requirement("BR-03", "CF-02")
def test_a_wildcard_with_strict_validation_is_an_error_that_names_the_index(tmp_path: Path) -> None:
    entries = ["https://app.test/cb", "https://app.test/oauth/*", "http://localhost:*"]

    problems = problems_of(tmp_path, proxy_oauth={"allowed_redirect_uris": entries})

    assert problems.keys() == {f"proxy_oauth.allowed_redirect_uris[{index}]" for index in (1, 2)}
    assert all("strict_uri_validation" in message for message in problems.values())
    loose = {"allowed_redirect_uris": entries, "strict_uri_validation": False}
    assert load(tmp_path, proxy_oauth=loose).settings.proxy_oauth.allowed_redirect_uris == tuple(entries)


@pytest.mark.requirement("CF-02")
@pytest.mark.parametrize(
    ("changed", "key", "says"),
    [
        pytest.param({"public_uri": "https://a.test"}, "public_uri", "did you mean public_url", id="unknown key"),
        pytest.param({"public_url": "https://auth.test/"}, "public_url", "without a slash", id="slash at the end"),
        pytest.param({"public_url": "https://auth.test/sub"}, "public_url", "without a path", id="path"),
        pytest.param({"port": "http"}, "port", "whole number", id="port in words"),
        pytest.param({"port": 70000}, "port", "between 1 and 65535", id="port too high"),
        pytest.param({"port": 9464}, "management_port", "must differ", id="one port twice"),
        pytest.param(
            {"management_port": 0, "public_metrics": False}, "public_metrics", "nowhere", id="metrics nowhere"
        ),
        pytest.param({"replicas": 0}, "replicas", "at least 1", id="no replica"),
        pytest.param({"redis_url": "mysql://x"}, "redis_url", "redis://", id="another store"),
        pytest.param({"encryption_keys": ["short"]}, "encryption_keys[0]", "32 random bytes", id="short key"),
        pytest.param({"providers": {}}, "providers", "none is configured", id="no provider"),
        pytest.param({"providers": {"Test!": {}}}, "providers.Test!", "lower-case", id="provider with a bad name"),
        pytest.param({"providers": {"client": {}}}, "providers.client", "is not client", id="provider called client"),
        pytest.param({"session": {"timeout": 0}}, "session.timeout", "at least 1", id="no time to sign in"),
        pytest.param(
            {"proxy_oauth": {"gateway_code_ttl_seconds": -1}},
            "proxy_oauth.gateway_code_ttl_seconds",
            "at least 1",
            id="negative lifetime",
        ),
        pytest.param(
            {"proxy_oauth": {"validation_cache_seconds": 61}},
            "proxy_oauth.validation_cache_seconds",
            "between 0 and 60",
            id="revoked tokens that pass for long",
        ),
        pytest.param({"enabled": "perhaps"}, "enabled", "true or false", id="half a switch"),
    ],
)
def test_a_setting_out_of_order_is_refused_with_its_key(
    tmp_path: Path, changed: dict[str, Any], key: str, says: str
) -> None:
    assert says in problems_of(tmp_path, **changed)[key]


WIKI: dict[str, Any] = {"allowed_redirect_uris": ["https://wiki.test/cb"], "client_secret": "0123456789abcdef"}
PUBLIC_KEY = {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}


def without(name: str, **changed: Any) -> dict[str, Any]:
    """The gateway with other values, and no value for `name`."""
    return {key: value for key, value in {**WIKI, **changed}.items() if key != name}


@pytest.mark.requirement("CF-02", "BR-11")
@pytest.mark.parametrize(
    ("gateway", "key", "says"),
    [
        pytest.param(without("allowed_redirect_uris"), "allowed_redirect_uris", "at least one", id="no URI"),
        pytest.param(without("client_secret"), "client_secret", "is needed, or jwks", id="no credentials"),
        pytest.param({**WIKI, "jwks": {"keys": [PUBLIC_KEY]}}, "client_secret", "no two", id="two credentials"),
        pytest.param({**WIKI, "jwks_uri": "https://wiki.test/jwks"}, "client_secret", "no two", id="another two"),
        pytest.param({**WIKI, "client_secret": "hush-hush-short"}, "client_secret", "16 characters", id="short secret"),
        pytest.param(
            without("client_secret", jwks={"keys": [{**PUBLIC_KEY, "d": "hush"}]}), "jwks", "public", id="private key"
        ),
        pytest.param(without("client_secret", jwks={"keys": []}), "jwks", "1 to 20 keys", id="no keys"),
        pytest.param(without("client_secret", jwks_uri="wiki.test"), "jwks_uri", "http or https URL", id="no URL"),
        pytest.param(without("client_secret", jwks_uri="http://wiki.test"), "jwks_uri", "must be https", id="no TLS"),
        pytest.param(
            {**WIKI, "allowed_redirect_uris": ["https://a.test/cb", "https://wiki.test/*"]},
            "allowed_redirect_uris[1]",
            "strict_uri_validation",
            id="wildcard with strict validation",
        ),
        pytest.param(
            {**WIKI, "allowed_redirect_uris": ["http://wiki.test/cb"]},
            "allowed_redirect_uris[0]",
            "must be https",
            id="URI without TLS",
        ),
        pytest.param({**WIKI, "secret": "hush"}, "secret", "unknown key", id="unknown key"),
    ],
)
def test_a_gateway_out_of_order_is_refused_with_its_key(
    tmp_path: Path, gateway: dict[str, Any], key: str, says: str
) -> None:
    problems = problems_of(tmp_path, gateways={"wiki": gateway})

    assert says in problems[f"gateways.wiki.{key}"]
    assert "hush" not in str(problems)


@pytest.mark.requirement("CF-02", "BR-11")
def test_a_uri_is_one_gateways_own_and_every_problem_is_named_at_once(tmp_path: Path) -> None:
    zoo = {"allowed_redirect_uris": ["https://zoo.test/cb", "https://WIKI.test:443/cb"], "client_secret": "x" * 16}

    problems = problems_of(tmp_path, gateways={"wiki": WIKI, "zoo": zoo, "a name": {}})

    assert problems.keys() == {
        "gateways.zoo.allowed_redirect_uris[1]",
        "gateways.a name",
        "gateways.a name.allowed_redirect_uris",
        "gateways.a name.client_secret",
    }
    assert "wiki" in problems["gateways.zoo.allowed_redirect_uris[1]"]


@pytest.mark.requirement("CF-02", "BR-11")
def test_wildcards_of_two_gateways_may_not_meet(tmp_path: Path) -> None:
    gateways = {
        "wiki": {**WIKI, "allowed_redirect_uris": ["https://apps.test/*"]},
        "zoo": {**WIKI, "allowed_redirect_uris": ["https://apps.test/zoo/*"]},
    }

    problems = problems_of(tmp_path, gateways=gateways, proxy_oauth={"strict_uri_validation": False})

    assert problems.keys() == {"gateways.zoo.allowed_redirect_uris[0]"}


@pytest.mark.requirement("CF-02", "BR-11")
@pytest.mark.parametrize(
    ("listed", "is_refused"),
    [
        ("https://apps.test/*", True),
        ("https://apps.test:*", True),
        ("https://apps.test/wiki/callback", False),
        ("https://apps.test/zoo/*", False),
        ("https://other.test/*", False),
    ],
)
def test_a_wildcard_for_everybody_may_not_mean_what_is_a_gateways_own(
    tmp_path: Path, listed: str, is_refused: bool
) -> None:
    gateways = {"wiki": {**WIKI, "allowed_redirect_uris": ["https://apps.test/wiki/callback"]}}
    proxy = {"strict_uri_validation": False, "allowed_redirect_uris": [listed]}
    if is_refused:
        problems = problems_of(tmp_path, gateways=gateways, proxy_oauth=proxy)
        assert problems.keys() == {"proxy_oauth.allowed_redirect_uris[0]"}
    else:
        load(tmp_path, gateways=gateways, proxy_oauth=proxy)


@pytest.mark.requirement("CF-02", "OP-09", "BR-14")
@pytest.mark.parametrize(
    ("changed", "key", "says"),
    [
        pytest.param({"security": {"cors": {"allowed_origins": ["*"]}}}, "cors.allowed_origins[0]", "URL", id="any"),
        pytest.param(
            {"security": {"cors": {"allowed_origins": ["https://a.test", "https://b.test/x"]}}},
            "cors.allowed_origins[1]",
            "without a path",
            id="page for an origin",
        ),
        *(
            pytest.param({"security": {"rate_limit": {name: "often"}}}, f"rate_limit.{name}", "60/minute", id=name)
            for name in ("login", "callback", "backend", "gateway")
        ),
    ],
)
def test_security_out_of_order_is_refused_with_its_key(
    tmp_path: Path, changed: dict[str, Any], key: str, says: str
) -> None:
    assert says in problems_of(tmp_path, **changed)[f"security.{key}"]


@pytest.mark.requirement("CF-02", "OP-09")
def test_a_proxy_is_an_address_or_a_network(tmp_path: Path) -> None:
    problems = problems_of(tmp_path, trusted_proxies=["10.0.0.0/8", "the ingress"])

    assert problems.keys() == {"trusted_proxies[1]"}


@pytest.mark.requirement("CF-02", "BR-11", "BR-14")
def test_gateways_and_security_in_order_are_read(tmp_path: Path) -> None:
    keyed = without("client_secret", allowed_redirect_uris=["https://keyed.test/cb"], jwks={"keys": [PUBLIC_KEY]})
    security = {"cors": {"allowed_origins": ["https://app.test"]}, "rate_limit": {"login": "unlimited"}}

    settings = load(tmp_path, gateways={"wiki": WIKI, "keyed": keyed}, security=security).settings

    assert settings.gateways.keys() == {"wiki", "keyed"}
    assert settings.security.cors.allowed_origins == ("https://app.test",)
    assert (settings.security.rate_limit.login, settings.security.rate_limit.callback) == ("unlimited", "120/minute")
    assert WIKI["client_secret"] not in repr(settings)


@pytest.mark.requirement("CF-02")
def test_further_authorization_parameters_cannot_be_those_that_we_set_ourselves(tmp_path: Path) -> None:
    ours = ["response_type", "client_id", "redirect_uri", "scope", "state", "code_challenge", "code_challenge_method"]
    registration = {
        "issuer": "https://idp.test",
        "client_id": "broker",
        "redirect_uri": "https://auth.test/callback",
        "authorization_parameters": dict.fromkeys(ours, "fixed"),
    }

    problems = problems_of(tmp_path, providers={"test": registration})

    assert any(key.startswith("providers.test.authorization_parameters") for key in problems)


@pytest.mark.requirement("CF-05")
@pytest.mark.parametrize("switched_off", [{"enabled": False}, {"proxy_oauth": {"enabled": False}}])
def test_an_auth_server_that_is_switched_off_needs_no_provider(tmp_path: Path, switched_off: dict[str, Any]) -> None:
    assert not load(tmp_path, providers={}, **switched_off).settings.offers_sign_in


KEY_PEM, CERTIFICATE = client_key().pem, client_key().certificate
ENTRA = "https://login.microsoftonline.com"
TENANT = "8eaef023-2b34-4da1-9baa-8bc8c9d6a490"
ENDPOINTS = {f"{name}_endpoint": f"https://idp.test/{name}" for name in ("authorization", "token", "userinfo")}


def provider(**changed: Any) -> dict[str, Any]:
    """A provider that is in order but for what is changed; what is changed to None is left out."""
    values = {
        "issuer": "https://idp.test",
        "client_id": "broker",
        "client_secret": "hush",
        "redirect_uri": "https://auth.test/callback",
        **changed,
    }
    return {name: value for name, value in values.items() if value is not None}


@pytest.mark.requirement("BR-08", "BR-09", "CF-02")
@pytest.mark.parametrize(
    ("changed", "key", "says"),
    [
        pytest.param({"issuer": None}, "issuer", "is missing", id="no issuer"),
        pytest.param({"type": "okta"}, "type", "must be one of oidc, oauth2", id="a type that does not exist"),
        pytest.param({"scope": "email"}, "scope", "must have openid", id="a scope without openid"),
        pytest.param({"response_mode": "fragment"}, "response_mode", "query, form_post", id="another response mode"),
        pytest.param(
            {"token_endpoint": "https://a.test"}, "token_endpoint", "github or oauth2", id="endpoint and issuer"
        ),
        pytest.param({"allowed_tenants": [TENANT]}, "allowed_tenants", "type entra", id="tenants of no tenant"),
        pytest.param({"hosted_domains": ["a.test"]}, "hosted_domains", "type google", id="domains of another"),
        pytest.param({"audience": "https://a.test"}, "audience", "type auth0", id="audience of another"),
        pytest.param({"subject_claim": "id"}, "subject_claim", "type oauth2", id="subject of another"),
        pytest.param(
            {"type": "oauth2", "issuer": None, "token_endpoint": "https://a.test"},
            "userinfo_endpoint",
            "is missing",
            id="no userinfo endpoint",
        ),
        pytest.param(
            {"type": "github", "issuer": None, "token_endpoint": "https://a.test"},
            "authorization_endpoint",
            "is missing",
            id="another GitHub in part",
        ),
        pytest.param(
            {"type": "github", "issuer": None, **ENDPOINTS}, "userinfo_endpoint", "/user", id="another GitHub's API"
        ),
        pytest.param({"type": "github", "client_secret": None}, "client_secret", "is needed", id="GitHub, no secret"),
        pytest.param(
            {"type": "github", "issuer": None, "groups_claim": "a"},
            "groups_claim",
            "this one is github",
            id="GitHub's groups",
        ),
        pytest.param({"issuer": f"{ENTRA}/contoso.com/v2.0"}, "issuer", "/TENANT/v2.0", id="a tenant by its domain"),
        pytest.param({"issuer": f"{ENTRA}/{TENANT}"}, "issuer", "/TENANT/v2.0", id="an issuer of version 1"),
        pytest.param(
            {"issuer": f"{ENTRA}/common/v2.0", "allowed_tenants": ["contoso.com"]},
            "allowed_tenants",
            "by their ids",
            id="allowed tenants by their domains",
        ),
        pytest.param(
            {"issuer": f"{ENTRA}/{TENANT}/v2.0", "allowed_tenants": [TENANT]},
            "allowed_tenants",
            "of many tenants",
            id="allowed tenants of one tenant",
        ),
        pytest.param({"issuer": "https://example.eu.auth0.com"}, "issuer", "a slash", id="Auth0 without its slash"),
    ],
)
def test_a_provider_out_of_order_is_refused_with_its_key(
    tmp_path: Path, changed: dict[str, Any], key: str, says: str
) -> None:
    assert says in problems_of(tmp_path, providers={"test": provider(**changed)})[f"providers.test.{key}"]


@pytest.mark.requirement("BR-10", "CF-02")
@pytest.mark.parametrize(
    ("changed", "key", "says"),
    [
        pytest.param({"private_key": KEY_PEM}, "private_key", "one credential too many", id="key and secret"),
        pytest.param({"client_secret": None, "private_key": "hush"}, "private_key", "in PEM", id="key that is none"),
        pytest.param(
            {"client_secret": None, "private_key": CERTIFICATE}, "private_key", "must be a private", id="a public key"
        ),
        pytest.param(
            {"token_endpoint_auth_method": "tls"}, "token_endpoint_auth_method", "one of", id="another method"
        ),
        pytest.param(
            {"client_secret": None, "token_endpoint_auth_method": "client_secret_post"},
            "client_secret",
            "is needed",
            id="no secret to post",
        ),
        pytest.param(
            {"token_endpoint_auth_method": "private_key_jwt", "client_secret": None},
            "private_key",
            "is needed",
            id="no key",
        ),
        pytest.param(
            {"token_endpoint_auth_method": "none"}, "token_endpoint_auth_method", "credential", id="none, a secret"
        ),
        pytest.param({"certificate": CERTIFICATE}, "certificate", "private_key alone", id="certificate of no key"),
        pytest.param(
            {"client_secret": None, "private_key": KEY_PEM, "certificate": "hush"},
            "certificate",
            "X.509",
            id="no certificate",
        ),
        pytest.param(
            {"client_secret": None, "private_key": KEY_PEM, "certificate": client_key("of somebody else").certificate},
            "certificate",
            "not that of private_key",
            id="certificate of another key",
        ),
        pytest.param(
            {"issuer": f"{ENTRA}/{TENANT}/v2.0", "client_secret": None, "private_key": KEY_PEM},
            "certificate",
            "thumbprint",
            id="Entra without a certificate",
        ),
    ],
)
def test_credentials_out_of_order_are_refused_with_their_key_and_not_repeated(
    tmp_path: Path, changed: dict[str, Any], key: str, says: str
) -> None:
    problems = problems_of(tmp_path, providers={"test": provider(**changed)})

    assert says in problems[f"providers.test.{key}"]
    assert "hush" not in str(problems)
    assert "BEGIN" not in str(problems)


@pytest.mark.requirement("BR-09")
@pytest.mark.parametrize(
    ("changed", "kind"),
    [
        ({"issuer": f"{ENTRA}/{TENANT}/v2.0"}, "entra"),
        ({"issuer": f"https://login.microsoftonline.us/{TENANT}/v2.0"}, "entra"),
        ({"issuer": "https://accounts.google.com"}, "google"),
        ({"issuer": "https://example.eu.auth0.com/"}, "auth0"),
        ({"issuer": "https://login.example.com/", "type": "auth0"}, "auth0"),
        ({"issuer": "https://auth0.com.evil.test"}, "oidc"),
        ({"issuer": "https://example.okta.com"}, "oidc"),
        ({"issuer": "https://accounts.google.com", "type": "oidc"}, "oidc"),
        ({"issuer": "https://github.com/login/oauth"}, "github"),
        ({"issuer": None, **ENDPOINTS}, "oauth2"),
    ],
)
def test_a_provider_is_known_by_its_host_unless_its_type_is_said(
    tmp_path: Path, changed: dict[str, Any], kind: str
) -> None:
    assert load(tmp_path, providers={"test": provider(**changed)}).settings.providers["test"].kind == kind


@pytest.mark.requirement("BR-10", "CF-02")
@pytest.mark.parametrize(
    ("changed", "method"),
    [
        ({}, None),
        ({"client_secret": None}, "none"),
        ({"client_secret": None, "private_key": KEY_PEM}, "private_key_jwt"),
        ({"client_secret": None, "private_key": KEY_PEM, "certificate": CERTIFICATE}, "private_key_jwt"),
        ({"client_secret": None, "private_key": ec_key("P-384").as_pem(private=True).decode()}, "private_key_jwt"),
        ({"token_endpoint_auth_method": "client_secret_post"}, "client_secret_post"),
    ],
)
def test_how_we_authenticate_follows_from_what_there_is(
    tmp_path: Path, changed: dict[str, Any], method: str | None
) -> None:
    assert load(tmp_path, providers={"test": provider(**changed)}).settings.providers["test"].auth_method == method


@pytest.mark.requirement("CF-03")
def test_every_endpoint_of_a_provider_has_tls_outside_development(tmp_path: Path) -> None:
    plain = {name: url.replace("https", "http") for name, url in ENDPOINTS.items()}

    problems = problems_of(tmp_path, providers={"test": provider(type="oauth2", issuer=None, **plain)})

    assert problems.keys() == {f"providers.test.{name}" for name in ENDPOINTS}


CONFIDENTIAL = {
    "issuer": "https://idp.test",
    "client_id": "broker",
    "client_secret": "hush-hush-at-the-provider",
    "redirect_uri": "https://auth.test/callback",
}
PROVIDERS = {
    "keycloak": CONFIDENTIAL,
    "google": {**CONFIDENTIAL, "issuer": "https://accounts.google.com"},
    "github": {**{name: value for name, value in CONFIDENTIAL.items() if name != "issuer"}, "type": "github"},
    "public": {name: value for name, value in CONFIDENTIAL.items() if name != "client_secret"},
}


@pytest.mark.requirement("CF-02", "UP-05")
@pytest.mark.parametrize(
    ("provider", "services", "says"),
    [
        pytest.param("okta", ["wiki"], "is not the name of a provider", id="no such provider"),
        pytest.param("google", ["wiki"], "google has no such grant", id="Google"),
        pytest.param("github", ["wiki"], "github has no such grant", id="GitHub"),
        pytest.param("public", ["wiki"], "a public client", id="without credentials of ours"),
        pytest.param("keycloak", [], "at least one service", id="no service"),
    ],
)
def test_tokens_are_exchanged_where_they_can_be(tmp_path: Path, provider: str, services: list[str], says: str) -> None:
    gateways = {"wiki": {**WIKI, "token_exchange": {provider: services}}}

    problems = problems_of(tmp_path, gateways=gateways, providers=PROVIDERS)

    assert problems.keys() == {f"gateways.wiki.token_exchange.{provider}"}
    assert says in problems[f"gateways.wiki.token_exchange.{provider}"]


@pytest.mark.requirement("UP-05")
def test_the_services_of_a_gateway_are_read_by_provider(tmp_path: Path) -> None:
    gateways = {"wiki": {**WIKI, "token_exchange": {"keycloak": "wiki api://payroll/.default"}}}

    settings = load(tmp_path, gateways=gateways, providers=PROVIDERS).settings

    assert settings.gateways["wiki"].token_exchange == {"keycloak": ("wiki", "api://payroll/.default")}
