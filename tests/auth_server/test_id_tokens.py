"""Which ID tokens are believed (OpenID Connect Core §3.1.3.7). Every other one ends the sign-in without a code."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.support import forged_tokens
from tests.support.auth_server import CODES, AuthServerWorld, answer_of, check_sent_back
from tests.support.clock import MovableClock
from tests.support.openid_provider import rsa_key

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("BR-01")]

NOW = int(MovableClock()().timestamp())
ANOTHER = rsa_key("second").as_dict(private=False)
UNKNOWN_KIND = {"kty": "AKP", "alg": "ML-DSA-44", "kid": "of the future", "pub": "AA"}


async def check_not_believed(auth: AuthServerWorld) -> None:
    """The gateway hears of a fault, and nothing was kept that could be exchanged."""
    check_sent_back(await auth.complete(), "server_error")
    assert auth.provider.times_asked("token") == 1
    assert not auth.store.kept(CODES)


@pytest.mark.parametrize(
    "claims",
    [
        pytest.param({"iss": "https://evil.test"}, id="another issuer"),
        pytest.param({"iss": "https://idp.test/"}, id="nearly the issuer"),
        pytest.param({"iss": None}, id="no issuer"),
        pytest.param({"iss": ["https://idp.test"]}, id="a list of issuers"),
        pytest.param({"aud": "another"}, id="another audience"),
        pytest.param({"aud": ["another"]}, id="a list with another audience"),
        pytest.param({"aud": []}, id="an empty list of audiences"),
        pytest.param({"aud": None}, id="no audience"),
        pytest.param({"aud": ["broker", "another"]}, id="two audiences without azp"),
        pytest.param({"aud": ["broker", "another"], "azp": "another"}, id="two audiences, issued to the other"),
        pytest.param({"azp": "another"}, id="issued to another"),
        pytest.param({"nonce": "another"}, id="another nonce"),
        pytest.param({"nonce": None}, id="no nonce"),
        pytest.param({"nonce": ["nonce"]}, id="a list of nonces"),
        pytest.param({"nonce": "\ud800"}, id="a nonce of half a character"),
        pytest.param({"exp": NOW - 61}, id="expired"),
        pytest.param({"exp": None}, id="no expiry"),
        pytest.param({"exp": "never"}, id="expiry in words"),
        pytest.param({"exp": float("nan")}, id="expiry that is no number"),
        pytest.param({"iat": NOW + 61}, id="issued in the future"),
        pytest.param({"iat": None}, id="no time of issue"),
        pytest.param({"nbf": NOW + 61}, id="not valid yet"),
        pytest.param({"sub": None}, id="no subject"),
        pytest.param({"sub": ""}, id="an empty subject"),
        pytest.param({"sub": 7}, id="a subject that is a number"),
        pytest.param({"name": "\ud800"}, id="a claim of half a character"),
    ],
)
async def test_an_id_token_with_a_wrong_claim_is_not_believed(auth: AuthServerWorld, claims: dict[str, Any]) -> None:
    auth.provider.claims = claims

    await check_not_believed(auth)


@pytest.mark.parametrize(
    "forge",
    [
        forged_tokens.unsigned,
        forged_tokens.signed_with_the_public_key,
        forged_tokens.signed_with_another_key,
        forged_tokens.with_its_own_key,
        forged_tokens.altered_after_signing,
        forged_tokens.with_a_critical_extension,
        forged_tokens.in_five_parts,
        forged_tokens.nonsense,
    ],
)
async def test_a_forged_id_token_is_not_believed(
    auth: AuthServerWorld, forge: Callable[[dict[str, Any], dict[str, Any]], str]
) -> None:
    auth.provider.forge = forge

    await check_not_believed(auth)


@pytest.mark.parametrize(
    "offered",
    [
        pytest.param(["none", "RS256"], id="none"),
        pytest.param(["HS256", "RS256"], id="HS256"),
    ],
)
async def test_a_provider_cannot_offer_signatures_that_anybody_can_make(
    auth: AuthServerWorld, offered: list[str]
) -> None:
    auth.provider.metadata = {"id_token_signing_alg_values_supported": offered}
    forgers = {"none": forged_tokens.unsigned, "HS256": forged_tokens.signed_with_the_public_key}
    auth.provider.forge = forgers[offered[0]]

    await check_not_believed(auth)


@pytest.mark.parametrize("offered", [["PS256"], ["HS256"], []], ids=["another one", "a shared secret alone", "none"])
async def test_an_algorithm_that_the_provider_does_not_offer_is_not_believed(
    auth: AuthServerWorld, offered: list[str]
) -> None:
    auth.provider.metadata = {"id_token_signing_alg_values_supported": offered}

    await check_not_believed(auth)


@pytest.mark.parametrize(
    ("header", "published"),
    [
        pytest.param({"kid": "unknown"}, [], id="unknown kid"),
        pytest.param({"kid": None}, [ANOTHER], id="no kid, two keys"),
        pytest.param({"kid": "second"}, [ANOTHER], id="kid of another key"),
    ],
)
async def test_an_id_token_whose_key_is_not_known_is_not_believed(
    auth: AuthServerWorld, header: dict[str, Any], published: list[dict[str, Any]]
) -> None:
    auth.provider.header = header
    auth.provider.published += published

    await check_not_believed(auth)


@pytest.mark.parametrize(
    ("claims", "header", "published"),
    [
        pytest.param({"aud": ["broker"]}, {}, [], id="a list of one audience"),
        pytest.param({"aud": ["other", "broker"], "azp": "broker"}, {}, [], id="two audiences, issued to us"),
        pytest.param({"azp": "broker"}, {}, [], id="issued to us, as it says"),
        pytest.param({"exp": NOW - 59}, {}, [], id="just expired, by our clock"),
        pytest.param({"iat": NOW + 60}, {}, [], id="a minute ahead of our clock"),
        pytest.param({"name": "Zoë 🚲"}, {}, [], id="a name beyond ASCII"),
        pytest.param({}, {"kid": None}, [], id="no kid, one key"),
        pytest.param({}, {}, [ANOTHER], id="two keys"),
        pytest.param({}, {}, [UNKNOWN_KIND], id="a key of an unknown kind beside it"),
        pytest.param({}, {}, [{"kty": "RSA", "kid": "broken"}, {}], id="broken keys beside it"),
    ],
)
async def test_an_id_token_in_order_is_believed(
    auth: AuthServerWorld, claims: dict[str, Any], header: dict[str, Any], published: list[dict[str, Any]]
) -> None:
    auth.provider.claims, auth.provider.header = claims, header
    auth.provider.published += published

    user = (await auth.tokens())["user"]

    assert user["sub"] == "248289761001"
    assert {name: user[name] for name in claims} == claims


async def test_an_id_token_of_an_earlier_sign_in_is_not_believed(auth: AuthServerWorld) -> None:
    replayed = (await auth.tokens())["id_token"]
    auth.provider.forge = lambda _header, _claims: replayed

    answer = await auth.complete()

    check_sent_back(answer, "server_error")
    assert "code" not in answer_of(answer)
    assert len(auth.store.kept(CODES)) == 1
