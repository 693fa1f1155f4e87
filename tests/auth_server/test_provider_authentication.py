"""How we authenticate at a provider: with a secret in two ways, with a key, or not at all."""

from typing import Any

import pytest
from joserfc import jws, jwt

from authproxy_common.secret import Secret
from tests.support.auth_server import CODES, AuthServerWorld, check_sent_back
from tests.support.client_assertions import ASSERTION_TYPE
from tests.support.client_keys import client_key, ec_key
from tests.support.openid_provider import IDP

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("BR-10")]

BOTH = ("client_secret_basic", "client_secret_post")


def with_key(provider: dict[str, Any] | None = None, **configured: Any) -> AuthServerWorld:
    """An auth server that has a key at a provider that knows it."""
    registered = {"auth_methods": ("private_key_jwt",), "registered_key": client_key().public}
    settings = {"client_secret": Secret(""), "private_key": Secret(client_key().pem)}
    return AuthServerWorld(provider=registered | (provider or {}), configured=settings | configured)


def header_of(world: AuthServerWorld) -> dict[str, Any]:
    """Of the last client assertion."""
    assertion = world.provider.asked["token"][-1]["client_assertion"]
    return dict(jws.extract_compact(assertion.encode()).headers())


@pytest.mark.parametrize(
    ("offered", "configured", "in_the_form"),
    [
        pytest.param(("client_secret_basic",), "", False, id="basic alone"),
        pytest.param(("client_secret_post",), "", True, id="post alone"),
        pytest.param(BOTH, "", False, id="both"),
        pytest.param(BOTH, "client_secret_post", True, id="both, post configured"),
        pytest.param(BOTH, "client_secret_basic", False, id="both, basic configured"),
    ],
)
async def test_a_secret_is_sent_as_the_configuration_says_or_the_metadata_offers(
    offered: tuple[str, ...], configured: str, in_the_form: bool
) -> None:
    auth = AuthServerWorld(provider={"auth_methods": offered}, configured={"token_endpoint_auth_method": configured})

    tokens = await auth.tokens()
    await auth.refresh(tokens["refresh_token"])
    await auth.post("/gateway-oauth/revoke", data={"token": tokens["access_token"], "provider": "test"})

    sent = [*auth.provider.asked["token"], *auth.provider.asked["revoke"]]
    assert [{"client_id", "client_secret"} <= form.keys() for form in sent] == [in_the_form] * 3
    assert tokens["access_token"] not in auth.provider.access_tokens


async def test_without_a_secret_we_are_a_public_client() -> None:
    auth = AuthServerWorld(
        provider={"auth_methods": ("none",), "client_secret": ""}, configured={"client_secret": Secret("")}
    )

    assert (await auth.tokens())["user"]["sub"] == "248289761001"
    assert auth.provider.asked["token"][0]["client_id"] == "broker"


async def test_a_key_signs_an_assertion_for_each_request() -> None:
    auth = with_key(private_key_id="key-1")

    tokens = await auth.tokens()
    assert (await auth.refresh(tokens["refresh_token"])).status_code == 200

    forms = auth.provider.asked["token"]
    assert {form["client_assertion_type"] for form in forms} == {ASSERTION_TYPE}
    assert len({form["client_assertion"] for form in forms}) == 2
    assert not any("client_secret" in form for form in forms)
    assert header_of(auth) == {"alg": "RS256", "typ": "JWT", "kid": "key-1"}


async def test_an_assertion_says_who_for_whom_and_for_how_long() -> None:
    auth = with_key()
    await auth.tokens()

    assertion = auth.provider.asked["token"][0]["client_assertion"]
    claims = jwt.decode(assertion, client_key().public, algorithms=["RS256"]).claims
    at = int(auth.clock().timestamp())

    assert len(claims.pop("jti")) == 43
    assert claims == {
        "iss": "broker",
        "sub": "broker",
        "aud": f"{IDP}/token",
        "iat": at,
        "nbf": at,
        "exp": at + 120,
    }


@pytest.mark.parametrize("kind", ["auth0", "keycloak"])
async def test_an_assertion_is_for_the_issuer_where_the_vendor_wants_it_so(kind: str) -> None:
    auth = with_key({"assertion_audience": IDP}, type=kind)

    assert (await auth.tokens())["user"]["sub"] == "248289761001"


async def test_entra_finds_the_key_by_its_certificate() -> None:
    tenant = "8eaef023-2b34-4da1-9baa-8bc8c9d6a490"
    issuer = f"https://login.microsoftonline.com/{tenant}/v2.0"
    auth = with_key({"issuer": issuer, "claims": {"tid": tenant}}, certificate=client_key().certificate)

    await auth.tokens()

    assert header_of(auth) == {"alg": "PS256", "typ": "JWT", "x5t#S256": client_key().thumbprint}


@pytest.mark.parametrize(
    ("offered", "algorithm"),
    [(None, "RS256"), (["RS256", "PS256"], "RS256"), (["PS256", "ES256"], "PS256"), (["ES256"], "RS256")],
)
async def test_an_assertion_is_signed_with_an_algorithm_that_is_offered(
    offered: list[str] | None, algorithm: str
) -> None:
    auth = with_key({"metadata": {"token_endpoint_auth_signing_alg_values_supported": offered}})

    await auth.tokens()

    assert header_of(auth)["alg"] == algorithm


async def test_a_key_may_be_on_an_elliptic_curve() -> None:
    key = ec_key()
    auth = with_key({"registered_key": key}, private_key=Secret(key.as_pem(private=True).decode()))

    await auth.tokens()

    assert header_of(auth)["alg"] == "ES256"


@pytest.mark.parametrize(
    "registered",
    [
        pytest.param({"registered_key": client_key("of somebody else").public}, id="another key"),
        pytest.param({"assertion_audience": "https://other.test/token"}, id="meant for another"),
        pytest.param({"client_id": "another"}, id="another client"),
        pytest.param({"auth_methods": ("client_secret_post",)}, id="not its way"),
    ],
)
async def test_a_provider_that_does_not_believe_the_assertion_is_a_fault(registered: dict[str, Any]) -> None:
    auth = with_key()
    callback = await auth.begin()
    for name, value in registered.items():
        setattr(auth.provider, name, value)

    check_sent_back(await auth.get(callback), "server_error")
    assert not auth.store.kept(CODES)


@pytest.mark.requirement("OP-02")
def test_neither_secret_nor_key_is_in_a_repr() -> None:
    shown = repr(with_key().settings)

    assert "private_key=Secret" in shown
    assert client_key().pem.splitlines()[1] not in shown
