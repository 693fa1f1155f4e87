"""`clients` that act for nobody, and `trusted_issuers`: what is wrong with bad ones, all at once, by file and key."""

import re
from pathlib import Path
from typing import Any

import pytest

from authproxy_common.config import SettingsError
from mcp_gateway.settings import AdapterSettings, load_settings
from tests.support.stack import ROOT

pytestmark = [pytest.mark.requirement("CF-02", "MA-01", "MA-07")]

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
GOOD = """
adapter_config:
  development_mode: true
  public_url: https://mcp.example.com
  servers:
    default: {url: 'http://a.test/mcp'}
    wiki: {url: 'http://b.test/mcp', scopes: {read: Read, write: Write}, required_scopes: [read]}
  clients:
    build-server:
      grant_types: [client_credentials]
      token_endpoint_auth_method: client_secret_basic
      client_secret: sixteen-letters!
      servers: {wiki: [read, write], default: mcp}
    editor:
      redirect_uris: [https://editor.example/cb]
      grant_types: [authorization_code, refresh_token, JWT_BEARER]
      token_endpoint_auth_method: private_key_jwt
      jwks_uri: https://editor.example/keys
  trusted_issuers:
    acme:
      issuer: https://acme.idp.example
      jwks_uri: https://acme.idp.example/keys
      clients: [editor]
      servers: {wiki: [read]}
      email_domains: acme.example
    acme-labs:
      issuer: https://acme.idp.example
      tenant: labs
      clients: [editor]
      servers: {wiki: [read]}
""".replace("JWT_BEARER", JWT_BEARER)


def load(tmp_path: Path, content: str) -> AdapterSettings:
    path = tmp_path / "mcp_gateway.yaml"
    path.write_text(content, encoding="utf-8")
    return load_settings(path, {}).settings.adapter_config


def problems(tmp_path: Path, content: str) -> dict[str, str]:
    with pytest.raises(SettingsError) as refused:
        load(tmp_path, content)
    return {problem.key.removeprefix("adapter_config."): problem.message for problem in refused.value.problems}


def test_what_is_written_down_is_what_is_allowed(tmp_path: Path) -> None:
    config = load(tmp_path, GOOD)
    assert config.clients["build-server"].servers == {"wiki": ("read", "write"), "default": ("mcp",)}
    assert config.clients["editor"].servers == {}
    acme = config.trusted_issuers["acme"]
    assert (acme.clients, acme.servers, acme.email_domains) == (("editor",), {"wiki": ("read",)}, ("acme.example",))


BUILD, ACME, LABS = "clients.build-server", "trusted_issuers.acme", "trusted_issuers.acme-labs"
SECRET = "      token_endpoint_auth_method: client_secret_basic\n      client_secret: sixteen-letters!\n"
KEYS = "      token_endpoint_auth_method: private_key_jwt\n      jwks_uri: https://editor.example/keys\n"
ISSUER, DOMAINS = "issuer: https://acme.idp.example\n      jwks", "email_domains: acme.example"
ALLOWED = "servers: {wiki: [read, write], default: mcp}"
UNUSED = "    unused: {issuer: 'https://b.example', clients: [build-server], servers: {wiki: [read]}}\n"


def wrong(name: str, old: str, new: str, key: str, message: str) -> Any:
    """A row: what to change about the good settings, and the problem that it makes."""
    return pytest.param(old, new, key, message, id=name)


WRONG = [
    wrong("no authentication", SECRET, "", f"{BUILD}.token_endpoint_auth_method", "must not be none"),
    wrong("nothing allowed", ALLOWED, "servers: {}", f"{BUILD}.servers", "together alone"),
    wrong("servers of no use", "[client_credentials]", "[]", f"{BUILD}.servers", "together alone"),
    wrong("an unknown server", "default: mcp", "wikki: read", f"{BUILD}.servers.wikki", "none of servers"),
    wrong("an unknown scope", "default: mcp", "default: all", f"{BUILD}.servers.default[0]", "not among"),
    wrong("no scope", "default: mcp", "default: []", f"{BUILD}.servers.default", "names no scope"),
    wrong("no scope of use", "[read, write]", "[write]", f"{BUILD}.servers.wiki", "lacks read"),
    wrong("a tab in a client_id", "build-server:", '"a\\tb":', "clients.a\tb", "printable"),
    wrong("a client_id beyond ASCII", "build-server:", "bäcker:", "clients.bäcker", "ASCII"),
    wrong("a typing error", f"refresh_token, {JWT_BEARER}", "jwt", "clients.editor.grant_types[1]", "one of"),
    wrong("a public client", KEYS, "", "clients.editor.token_endpoint_auth_method", "must not be none"),
    wrong("no URL", ISSUER, "issuer: acme\n      jwks", f"{ACME}.issuer", "http or https"),
    wrong("a query", ISSUER, "issuer: https://acme.example/?a\n      jwks", f"{ACME}.issuer", "query"),
    wrong("ourselves", ISSUER, "issuer: https://mcp.example.com/\n      jwks", f"{ACME}.issuer", "gateway itself"),
    wrong("an issuer twice", "      tenant: labs\n", "", f"{LABS}.issuer", "there twice"),
    wrong("a name of clients", "acme-labs:", "client:", "trusted_issuers.client", "is not client"),
    wrong("a colon", "acme-labs:", "'client:acme':", "trusted_issuers.client:acme", "letters, digits"),
    wrong("keys with a fragment", "idp.example/keys", "idp.example/keys#1", f"{ACME}.jwks_uri", "fragment"),
    wrong(
        "another client", "    acme-labs:", f"{UNUSED}    acme-labs:", "trusted_issuers.unused.clients[0]", JWT_BEARER
    ),
    wrong("an address", DOMAINS, "email_domains: '@acme.example'", f"{ACME}.email_domains[0]", "without an @"),
    wrong("capitals", DOMAINS, "email_domains: Acme.example", f"{ACME}.email_domains[0]", "lower case"),
]


@pytest.mark.parametrize(("old", "new", "key", "message"), WRONG)
def test_what_is_wrong_is_named_with_its_key(tmp_path: Path, old: str, new: str, key: str, message: str) -> None:
    assert old in GOOD
    found = problems(tmp_path, GOOD.replace(old, new, 1))
    assert message in found.pop(key)
    # A client or a server that is not there, or not what it was, is missed where it is named.
    assert all(JWT_BEARER in each or "none of servers" in each for each in found.values())


def test_an_issuer_allows_nothing_that_is_not_written_down(tmp_path: Path) -> None:
    bare = GOOD.replace("      clients: [editor]\n      servers: {wiki: [read]}\n", "")
    found = problems(tmp_path, bare)
    for name in ("acme", "acme-labs"):
        for key in ("clients", "servers"):
            assert "nothing is allowed" in found[f"trusted_issuers.{name}.{key}"]
    assert "no trusted issuer has it" in found["clients.editor.grant_types"]


@pytest.mark.requirement("CF-03")
def test_outside_development_issuers_are_reached_by_https(tmp_path: Path) -> None:
    content = GOOD.replace("development_mode: true", "development_mode: false").replace(
        "https://acme.idp.example", "http://acme.idp.example"
    )
    found = problems(tmp_path, content)
    keys = {f"{ACME}.issuer", f"{ACME}.jwks_uri", "trusted_issuers.acme-labs.issuer"}
    assert {key for key, message in found.items() if "https://" in message and key.startswith("trusted")} == keys


@pytest.mark.requirement("MA-08")
def test_in_passthrough_there_is_nothing_to_hand_on_without_a_sign_in(tmp_path: Path) -> None:
    found = problems(tmp_path, GOOD.replace("  clients:", "  token_mode: passthrough\n  clients:", 1))
    assert set(found) == {f"{BUILD}.grant_types", "trusted_issuers"}
    assert all("no provider's token" in message for message in found.values())


@pytest.mark.requirement("OP-02")
def test_all_of_it_is_found_at_once_and_no_value_is_repeated(tmp_path: Path) -> None:
    bad = GOOD.replace("default: mcp", "nowhere: mcp").replace("servers: {wiki: [read]}", "servers: {wiki: [hush]}")
    found = problems(tmp_path, bad)
    assert set(found) == {f"{BUILD}.servers.nowhere"} | {
        f"trusted_issuers.{name}.servers.wiki{at}" for name in ("acme", "acme-labs") for at in ("", "[0]")
    }
    assert "hush" not in str(found.values())


def test_the_examples_of_the_documentation_are_good_ones(tmp_path: Path) -> None:
    documented = (ROOT / "docs/configuration.md").read_text(encoding="utf-8").split("### Without a browser\n")[1]
    documented = documented.partition("\n##")[0]
    examples = re.findall(r"```yaml\n(.*?)```", documented, re.DOTALL)
    servers = "  servers: {default: {url: 'http://a.test/mcp'}, wiki: {url: 'http://a.test/mcp', scopes: {SCOPES}}}\n"
    around = servers.replace("SCOPES", "wiki.read: Read, wiki.write: Write")
    for example in examples:
        path = tmp_path / "mcp_gateway.yaml"
        path.write_text(f"adapter_config:\n  development_mode: true\n{around}{example}", encoding="utf-8")
        config = load_settings(path, {"EDITOR_SECRET": "sixteen-letters!"}).settings.adapter_config
        assert config.clients
    assert len(examples) == 2
