"""Where a person's groups come from: the claim that is configured, and the roles of a Keycloak realm."""

import json
from datetime import timedelta
from typing import Any

import pytest
from joserfc import jws

from tests.support.auth_server import AuthServerWorld
from tests.support.openid_provider import IDP, Issued, rsa_key

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("BR-09")]


@pytest.mark.parametrize(
    ("path", "claims", "groups"),
    [
        pytest.param("roles", {"roles": ["a", "b"]}, ["a", "b"], id="a claim"),
        pytest.param("cognito:groups", {"cognito:groups": ["a"]}, ["a"], id="a claim with a colon"),
        pytest.param("https://x.test/roles", {"https://x.test/roles": ["a"]}, ["a"], id="a claim that is a URL"),
        pytest.param("a.b.c", {"a": {"b": {"c": ["d"]}}}, ["d"], id="a claim within claims"),
        pytest.param("role", {"role": "admin"}, ["admin"], id="one role as text"),
        pytest.param("roles", {"roles": ["a", 7, None, {"b": 1}]}, ["a"], id="members that are no text"),
        pytest.param("roles", {"groups": ["of another kind"]}, None, id="missing, with other groups"),
        pytest.param("a.b", {"a": "text"}, None, id="missing within text"),
        pytest.param("roles", {"roles": {"a": 1}}, None, id="an object"),
        pytest.param("", {"groups": ["as", "they", "come"]}, ["as", "they", "come"], id="nothing configured"),
    ],
)
async def test_groups_are_the_claim_that_is_configured(
    path: str, claims: dict[str, Any], groups: list[str] | None
) -> None:
    auth = AuthServerWorld(provider={"claims": claims}, configured={"groups_claim": path})

    assert (await auth.tokens())["user"].get("groups") == groups


def access_token(world: AuthServerWorld, key: str = "first", **changed: Any) -> str:
    """One as Keycloak makes them."""
    at = int(world.clock().timestamp())
    claims = {"iss": IDP, "sub": "248289761001", "azp": "broker", "iat": at, "exp": at + 300, "typ": "Bearer"}
    claims |= {"realm_access": {"roles": ["admin", "offline_access"]}} | changed
    return jws.serialize_compact({"alg": "RS256", "kid": "first"}, json.dumps(claims), rsa_key(key), ["RS256"])


def keycloak() -> AuthServerWorld:
    return AuthServerWorld(configured={"type": "keycloak"})


async def test_realm_roles_are_groups() -> None:
    auth = keycloak()
    auth.provider.members = {"access_token": access_token(auth)}

    tokens = await auth.tokens()
    renewed = await auth.refresh(tokens["refresh_token"])

    assert tokens["user"]["groups"] == renewed.json()["user"]["groups"] == ["admin", "offline_access"]


async def test_realm_roles_in_the_id_token_come_first() -> None:
    auth = keycloak()
    auth.provider.claims = {"realm_access": {"roles": ["mapped"]}}
    auth.provider.members = {"access_token": access_token(auth)}

    assert (await auth.tokens())["user"]["groups"] == ["mapped"]


@pytest.mark.parametrize(
    ("key", "changed"),
    [
        pytest.param("of a forger", {}, id="signed by another"),
        pytest.param("first", {"sub": "mallory"}, id="of another person"),
        pytest.param("first", {"azp": "another"}, id="for another client"),
        pytest.param("first", {"iss": "https://evil.test"}, id="of another issuer"),
        pytest.param("first", {"exp": 0}, id="expired"),
        pytest.param("first", {"realm_access": {}}, id="without roles"),
    ],
)
async def test_roles_of_an_access_token_that_is_not_the_persons_own_are_no_groups(
    key: str, changed: dict[str, Any]
) -> None:
    auth = keycloak()
    auth.provider.members = {"access_token": access_token(auth, key, **changed)}

    assert "groups" not in (await auth.tokens())["user"]


async def test_an_access_token_that_is_no_jwt_costs_nobody_the_sign_in() -> None:
    assert "groups" not in (await keycloak().tokens())["user"]


@pytest.mark.requirement("BR-07")
async def test_groups_of_a_validated_token_are_the_configured_claim_too() -> None:
    auth = AuthServerWorld(
        provider={"claims": {"roles": ["reader"]}, "user": {"roles": ["reader"], "groups": ["chosen by the person"]}},
        configured={"groups_claim": "roles"},
    )
    validated = (await auth.validate(await auth.access_token())).json()

    assert validated["user"]["groups"] == ["reader"]


@pytest.mark.requirement("BR-07")
async def test_realm_roles_of_a_validated_token_are_groups_too() -> None:
    auth = keycloak()
    auth.provider.members = {"access_token": access_token(auth)}
    token = (await auth.tokens())["access_token"]
    auth.provider.access_tokens[token] = Issued("openid", expires_at=auth.clock() + timedelta(hours=1))

    assert (await auth.validate(token)).json()["user"]["groups"] == ["admin", "offline_access"]
