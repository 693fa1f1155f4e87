"""The one type that crosses between the services: out and in again, and nothing malformed in."""

import json
import math
from typing import Any

import pytest

from authproxy_common.exchange import ExchangedToken, ExchangeTarget, MalformedExchange, SignIn
from authproxy_common.secret import Secret

pytestmark = pytest.mark.requirement("OP-04")

WHOLE = SignIn(
    provider="azure",
    access_token=Secret("provider-access"),
    refresh_token=Secret("provider-refresh"),
    id_token=Secret("provider-id"),
    expires_in=3600,
    scope="openid email",
    user={"sub": "alice", "email": "alice@example.com", "groups": ["a"]},
)
LEAST: dict[str, Any] = {"access_token": "t", "token_type": "Bearer", "provider": "azure", "user": {"sub": "alice"}}


@pytest.mark.parametrize(
    "sign_in",
    [
        pytest.param(WHOLE, id="whole"),
        pytest.param(SignIn("github", Secret("t"), user={"sub": "1"}), id="access token alone"),
        pytest.param(SignIn("github", Secret("t"), expires_in=0, scope="", user={"sub": "1"}), id="zero and empty"),
    ],
)
def test_what_one_service_writes_the_other_reads(sign_in: SignIn) -> None:
    assert SignIn.from_json(json.loads(json.dumps(sign_in.to_json()))) == sign_in


def test_the_answer_has_the_names_of_the_contract() -> None:
    assert WHOLE.to_json() == {
        "access_token": "provider-access",
        "refresh_token": "provider-refresh",
        "id_token": "provider-id",
        "token_type": "Bearer",
        "expires_in": 3600,
        "scope": "openid email",
        "provider": "azure",
        "user": {"sub": "alice", "email": "alice@example.com", "groups": ["a"]},
    }


def test_what_the_provider_did_not_give_is_left_out() -> None:
    assert SignIn("github", Secret("t"), user={"sub": "1"}).to_json().keys() == LEAST.keys()


def test_members_that_are_not_known_are_ignored() -> None:
    assert SignIn.from_json(LEAST | {"later": 1}) == SignIn.from_json(LEAST)


@pytest.mark.requirement("MA-02")
@pytest.mark.parametrize(
    ("body", "message"),
    [
        pytest.param([LEAST], "the answer is not a JSON object", id="list"),
        pytest.param(None, "the answer is not a JSON object", id="nothing"),
        pytest.param(LEAST | {"user": {}}, "user.sub is missing", id="no subject"),
        pytest.param(LEAST | {"user": {"sub": ""}}, "user.sub is missing", id="empty subject"),
        pytest.param(LEAST | {"user": {"sub": 1}}, "user.sub is missing", id="subject that is no text"),
        pytest.param(LEAST | {"user": "alice"}, "user.sub is missing", id="user that is no object"),
        pytest.param(LEAST | {"access_token": ""}, "access_token is missing", id="empty access token"),
        pytest.param(
            LEAST | {"access_token": ["t"]}, "access_token is not a string", id="access token of a wrong type"
        ),
        pytest.param(LEAST | {"provider": None}, "provider is missing", id="no provider"),
        pytest.param(LEAST | {"provider": "client"}, "provider is no name of a provider", id="no person's name"),
        pytest.param(LEAST | {"provider": "client:a"}, "provider is no name of a provider", id="a name with a colon"),
        pytest.param(LEAST | {"provider": "azure\n"}, "provider is no name of a provider", id="a name in two lines"),
        pytest.param(LEAST | {"token_type": None}, "token_type is missing", id="no token type"),
        pytest.param(LEAST | {"refresh_token": 1}, "refresh_token is not a string", id="refresh token of a wrong type"),
        pytest.param(LEAST | {"scope": ["a"]}, "scope is not a string", id="scope of a wrong type"),
    ],
)
def test_an_answer_that_is_not_an_exchange_is_refused_by_its_member(body: object, message: str) -> None:
    with pytest.raises(MalformedExchange, match=f"^{message}$"):
        SignIn.from_json(body)


@pytest.mark.parametrize("expires_in", ["3600", 1.5, math.nan, True, None, [1]])
def test_a_lifetime_that_is_no_whole_number_is_not_taken(expires_in: object) -> None:
    assert SignIn.from_json(LEAST | {"expires_in": expires_in}).expires_in is None


@pytest.mark.requirement("OP-02")
def test_a_sign_in_shows_none_of_its_tokens() -> None:
    assert "provider-" not in repr(WHOLE)


EXCHANGED = ExchangedToken(Secret("exchanged"), 300, "read write")


@pytest.mark.requirement("UP-05")
@pytest.mark.parametrize("token", [EXCHANGED, ExchangedToken(Secret("t"))], ids=["whole", "the token alone"])
def test_an_exchanged_token_is_read_as_it_was_written(token: ExchangedToken) -> None:
    assert ExchangedToken.from_json(json.loads(json.dumps(token.to_json()))) == token


@pytest.mark.requirement("UP-05")
def test_the_answer_to_a_token_exchange_has_the_names_of_the_rfc() -> None:
    assert EXCHANGED.to_json() == {
        "access_token": "exchanged",
        "issued_token_type": "urn:ietf:params:oauth:token-type:access_token",
        "token_type": "Bearer",
        "expires_in": 300,
        "scope": "read write",
    }


@pytest.mark.requirement("UP-05")
@pytest.mark.parametrize(
    "body",
    [
        pytest.param(["t"], id="a list"),
        pytest.param({"token_type": "Bearer"}, id="no token"),
        pytest.param({"access_token": 1, "token_type": "Bearer"}, id="a number"),
        pytest.param({"access_token": "t"}, id="no type"),
        pytest.param({"access_token": "t", "token_type": "DPoP"}, id="another type"),
        pytest.param({"access_token": "t", "token_type": "Bearer", "scope": ["read"]}, id="a list of scopes"),
    ],
)
def test_what_is_no_bearer_token_is_not_read_as_one(body: Any) -> None:
    with pytest.raises(MalformedExchange):
        ExchangedToken.from_json(body)


@pytest.mark.requirement("UP-05")
@pytest.mark.parametrize(
    ("target", "services"),
    [
        pytest.param(ExchangeTarget("wiki", "https://wiki.test", "read"), ("wiki", "https://wiki.test"), id="by both"),
        pytest.param(ExchangeTarget(audience="wiki", scope="read write"), ("wiki",), id="by its audience"),
        pytest.param(
            ExchangeTarget(scope="api://wiki/read api://wiki/write"),
            ("api://wiki/read", "api://wiki/write"),
            id="by its scopes",
        ),
        pytest.param(ExchangeTarget(), (), id="by nothing"),
    ],
)
def test_a_service_is_named_by_what_has_to_be_allowed(target: ExchangeTarget, services: tuple[str, ...]) -> None:
    assert target.services == services
