"""What identity assertions (ID-JAG) give access to, once, and how that is offered, noted and taken back."""

import json
from typing import Any

import httpx
import pytest

from mcp_gateway.settings import TrustedIssuerSettings
from tests.support.client_assertions import assertion_form
from tests.support.enterprise import (
    ACME,
    CLIENTS,
    DEFAULT,
    JWKS_URI,
    KEY,
    PAYROLL,
    SECRET,
    SERVERS,
    WIKI,
    Enterprise,
    check_refused,
)
from tests.support.gateway import GATEWAY, World
from tests.support.trusted_issuer import JWT_BEARER

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("MA-05")]


@pytest.fixture
def world() -> Enterprise:
    return Enterprise()


@pytest.mark.parametrize("tenant", ["one", "two"])
async def test_people_of_two_tenants_are_not_taken_for_each_other(world: Enterprise, tenant: str) -> None:
    assertion = world.partner.assertion(GATEWAY, WIKI, tenant=tenant)
    assert await world.subject(await world.present(assertion, "browser")) == f"partner-{tenant}:alice"
    for other in ({}, {"tenant": "three"}, {"tenant": ""}):
        assertion = world.partner.assertion(GATEWAY, WIKI, **other)
        check_refused(await world.present(assertion, "browser"), "not taken from this client")


@pytest.mark.requirement("MA-04", "ST-01", "OP-03")
async def test_an_assertion_is_good_once_at_whichever_replica(world: Enterprise) -> None:
    assertion = world.good()
    assert (await world.present(assertion)).status_code == 200
    other = httpx.AsyncClient(transport=httpx.ASGITransport(world.replica()), base_url=GATEWAY)
    form = {"grant_type": JWT_BEARER, "assertion": assertion, "resource": WIKI}
    check_refused(await other.post("/oauth/token", data=form, auth=("editor", SECRET)), "used before")
    check_refused(await world.present(assertion), "used before")
    metrics = (await world.http.get(f"{GATEWAY}/metrics")).text
    assert 'authproxy_events_total{event="identity_assertion_replayed"} 1.0' in metrics
    assert 'authproxy_events_total{event="identity_assertion_refused"} 1.0' in metrics


@pytest.mark.requirement("MA-04")
async def test_the_same_jti_of_two_issuers_is_of_two_assertions(world: Enterprise) -> None:
    assert (await world.present(world.good(jti="the same"))).status_code == 200
    other = world.partner.assertion(GATEWAY, WIKI, tenant="one", jti="the same")
    assert (await world.present(other, "browser")).status_code == 200
    check_refused(await world.present(world.good(jti="the same")), "used before")


@pytest.mark.requirement("MA-04")
async def test_a_mistake_in_the_request_does_not_use_it_up(world: Enterprise) -> None:
    assertion = world.good()
    assert (await world.present(assertion, resource=PAYROLL)).status_code == 400
    assert (await world.present(assertion, scope="admin")).json()["error"] == "invalid_scope"
    assert (await world.present(assertion)).status_code == 200


RESOURCES: list[Any] = [
    pytest.param(WIKI, None, WIKI, id="the one that it names"),
    pytest.param(WIKI, WIKI, WIKI, id="the one that both name"),
    pytest.param(f"{WIKI}/", WIKI, WIKI, id="with a slash at the end"),
    pytest.param("HTTPS://MCP.TEST/wiki/mcp", WIKI, WIKI, id="in capitals where it may be"),
    pytest.param([WIKI], None, WIKI, id="the one in its list"),
    pytest.param([WIKI, "https://other.test/mcp"], None, WIKI, id="the one in its list that is ours"),
    pytest.param([WIKI, DEFAULT], DEFAULT, DEFAULT, id="the one of several that the request names"),
    pytest.param([WIKI, DEFAULT], None, "invalid_target", id="several, and the request names none"),
    pytest.param(WIKI, DEFAULT, "invalid_target", id="another than the request names"),
    pytest.param(WIKI, f"{GATEWAY}/nowhere/mcp", "invalid_target", id="and the request one that is not there"),
    pytest.param(PAYROLL, None, "invalid_grant", id="one that its issuer has no business with"),
]


@pytest.mark.requirement("MA-05", "AZ-03")
@pytest.mark.parametrize(("asserted", "requested", "expected"), RESOURCES)
async def test_the_token_is_for_the_one_mcp_server_that_assertion_and_request_agree_on(
    world: Enterprise, asserted: Any, requested: str | None, expected: str
) -> None:
    answer = await world.present(world.good(resource=asserted, scope=None), resource=requested)
    if answer.status_code != 200:
        assert answer.json()["error"] == expected
        return
    token = answer.json()["access_token"]
    opened = {resource for resource in (WIKI, DEFAULT, PAYROLL) if await _opens(world, token, resource)}
    assert opened == {expected}


async def _opens(world: Enterprise, token: str, resource: str) -> bool:
    return (await world.call(token, resource.removeprefix(GATEWAY))).status_code == 200


@pytest.mark.requirement("MA-05")
async def test_where_there_is_one_mcp_server_nobody_has_to_name_it() -> None:
    issuer = TrustedIssuerSettings(issuer=ACME, jwks_uri=JWKS_URI, clients=("editor",), servers={"default": ("mcp",)})
    world = Enterprise(
        servers={"default": SERVERS["default"]}, clients={"editor": CLIENTS["editor"]}, trusted_issuers={"acme": issuer}
    )
    answer = await world.present(world.good(resource=None, scope=None), resource=None)
    assert (await world.call(answer.json()["access_token"])).status_code == 200


SCOPE_TABLE: list[Any] = [
    pytest.param(None, None, "read write", id="nothing said: what the issuer may grant"),
    pytest.param("read", None, "read", id="less asserted"),
    pytest.param("read write admin", None, "read write", id="more asserted than the issuer may grant"),
    pytest.param("write read", "read", "read", id="less requested"),
    pytest.param("read", "read write", "read", id="more requested"),
    pytest.param("read", "write", "invalid_scope", id="another requested"),
    pytest.param("admin", "admin", "invalid_grant", id="what the issuer may not grant"),
]


@pytest.mark.requirement("MA-05")
@pytest.mark.parametrize(("asserted", "requested", "granted"), SCOPE_TABLE)
async def test_granted_is_what_assertion_configuration_and_request_have_in_common(
    world: Enterprise, asserted: str | None, requested: str | None, granted: str
) -> None:
    answer = await world.present(world.good(scope=asserted), scope=requested)
    body = answer.json()
    assert body.get("scope", body.get("error")) == granted


@pytest.mark.requirement("MA-08", "TK-06", "TK-07")
async def test_it_can_be_introspected_and_revoked(world: Enterprise) -> None:
    token = (await world.present(world.good())).json()["access_token"]
    options: dict[str, Any] = {"data": {"token": token}, "auth": ("editor", SECRET)}
    said = (await world.http.post(f"{GATEWAY}/oauth/introspect", **options)).json()
    assert (said["active"], said["sub"], said["client_id"]) == (True, "acme:alice", "editor")
    assert (await world.http.post(f"{GATEWAY}/oauth/revoke", **options)).status_code == 200
    assert (await world.call(token, "/wiki/mcp")).status_code == 401
    assert (await world.http.post(f"{GATEWAY}/oauth/introspect", **options)).json() == {"active": False}
    assert world.auth.revoked == []


@pytest.mark.requirement("OP-02", "OP-03")
async def test_what_is_logged_of_it_holds_no_assertion_and_no_address(
    world: Enterprise, capsys: pytest.CaptureFixture[str]
) -> None:
    good, late = world.good(), world.good(exp=1)
    answer = await world.present(good)
    await world.present(late)
    printed = "".join(capsys.readouterr())
    assert {"tokens_issued", "identity_assertion_refused"} <= set(printed.replace("\x1b[", " ").split())
    assert "the assertion has expired" in printed
    secrets = (good, late, answer.json()["access_token"], SECRET, "alice@acme.example")
    assert not any(secret in printed for secret in secrets)


@pytest.mark.requirement("CL-01", "CL-04")
async def test_a_client_with_a_metadata_document_is_written_down_under_its_url() -> None:
    url = "https://editor.example/client.json"
    issuer = TrustedIssuerSettings(issuer=ACME, jwks_uri=JWKS_URI, clients=(url,), servers={"wiki": ("read",)})
    world = Enterprise(clients={url: CLIENTS["robot"]}, trusted_issuers={"acme": issuer})
    proof = assertion_form(url, GATEWAY, world.clock(), KEY)
    form = {"grant_type": JWT_BEARER, "assertion": world.good(client_id=url), "client_id": url, **proof}
    assert await world.subject(await world.token(form)) == "acme:alice"
    assert url not in world.published.asked


@pytest.mark.requirement("MA-07", "DI-05")
async def test_it_is_offered_where_an_issuer_is_trusted_and_nowhere_else(world: Enterprise) -> None:
    url = f"{GATEWAY}/.well-known/oauth-authorization-server"
    offered = (await world.http.get(url)).json()
    assert JWT_BEARER in offered["grant_types_supported"]
    assert "client_credentials" not in offered["grant_types_supported"]
    assert offered["authorization_grant_profiles_supported"] == ["urn:ietf:params:oauth:grant-profile:id-jag"]
    assert not any("acme" in json.dumps(value) for value in offered.values())
    without = World(clients={"people's": CLIENTS["people's"]})
    bare = (await without.http.get(url)).json()
    assert JWT_BEARER not in bare["grant_types_supported"]
    assert "authorization_grant_profiles_supported" not in bare
    form = {"grant_type": JWT_BEARER, "assertion": world.good()}
    answer = await without.token(form, auth=("people's", SECRET))
    assert (answer.status_code, answer.json()["error"]) == (400, "unsupported_grant_type")


@pytest.mark.requirement("TK-03")
async def test_without_an_assertion_there_is_nothing_to_judge(world: Enterprise) -> None:
    answer = await world.token({"grant_type": JWT_BEARER, "resource": WIKI}, auth=("editor", SECRET))
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
