"""The rules of a sign-in: what a gateway may ask for, whose browser it is, and who may have the code's tokens."""

import pytest

from auth_server.domain.sign_ins import GatewayCode, LoginRequest, SignInAttempt, narrowed_scope
from authproxy_common.errors import InvalidGrant, InvalidRequest
from authproxy_common.exchange import SignIn
from authproxy_common.params import Params
from authproxy_common.secret import Secret
from tests.support.auth_server import CHALLENGE, GATEWAY_URI, VERIFIER

CONFIGURED = "openid email profile offline_access"


@pytest.mark.requirement("BR-04")
@pytest.mark.parametrize(
    ("requested", "narrowed"),
    [
        pytest.param(None, CONFIGURED, id="nothing asked"),
        pytest.param("openid email profile offline_access", CONFIGURED, id="everything"),
        pytest.param("openid email", "openid email offline_access", id="less"),
        pytest.param("email", "openid email offline_access", id="without openid"),
        pytest.param("profile email", "openid email profile offline_access", id="in another order"),
        pytest.param("openid admin", "openid offline_access", id="something more"),
        pytest.param("admin", "openid offline_access", id="something else"),
        pytest.param("EMAIL", "openid offline_access", id="in capitals"),
        pytest.param("email email", "openid email offline_access", id="twice"),
        pytest.param("email\tprofile", "openid email profile offline_access", id="with a tab"),
    ],
)
def test_a_requested_scope_narrows_and_never_widens(requested: str | None, narrowed: str) -> None:
    assert narrowed_scope(CONFIGURED, requested) == narrowed


@pytest.mark.requirement("BR-04")
def test_offline_access_is_not_asked_of_a_provider_that_is_not_configured_for_it() -> None:
    assert narrowed_scope("openid email", "openid offline_access") == "openid"


@pytest.mark.requirement("BR-05")
@pytest.mark.parametrize(
    "asked",
    [
        pytest.param({"code_challenge": CHALLENGE}, id="challenge without a method"),
        pytest.param({"code_challenge_method": "S256"}, id="method without a challenge"),
        pytest.param({"code_challenge": CHALLENGE, "code_challenge_method": "plain"}, id="plain"),
        pytest.param({"code_challenge": CHALLENGE, "code_challenge_method": "s256"}, id="method in lower case"),
        pytest.param({"code_challenge": CHALLENGE[:-1], "code_challenge_method": "S256"}, id="challenge too short"),
        pytest.param({"code_challenge": CHALLENGE + "=", "code_challenge_method": "S256"}, id="challenge padded"),
        pytest.param({"prompt": "loginn"}, id="prompt that does not exist"),
        pytest.param({"prompt": "login evil"}, id="one prompt that does not exist"),
        pytest.param({"prompt": "LOGIN"}, id="prompt in capitals"),
        pytest.param({"login_hint": "x" * 257}, id="endless hint"),
        pytest.param({"state": "x" * 2049}, id="endless state"),
        pytest.param({"gateway_uri": ""}, id="empty gateway_uri"),
    ],
)
def test_a_login_request_out_of_form_is_refused(asked: dict[str, str]) -> None:
    with pytest.raises(InvalidRequest) as caught:
        LoginRequest.from_params(Params.from_pairs(({"gateway_uri": GATEWAY_URI} | asked).items()))
    assert caught.value.status == 400


@pytest.mark.requirement("BR-05")
def test_a_login_request_in_form_is_read_whole() -> None:
    asked = {
        "gateway_uri": GATEWAY_URI,
        "state": "x" * 2048,
        "provider": "test",
        "redirect_uri": "https://auth.test/callback",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
        "scope": "openid",
        "prompt": "login consent",
        "login_hint": "x" * 256,
    }

    request = LoginRequest.from_params(Params(asked))

    assert request.code_challenge is not None
    assert request.code_challenge.value == CHALLENGE
    others = asked.keys() - {"code_challenge", "code_challenge_method"}
    assert {name: getattr(request, name) for name in others} == {name: asked[name] for name in others}


@pytest.mark.requirement("BR-06")
@pytest.mark.parametrize(
    ("browser", "is_the_one"),
    [
        pytest.param("a" * 64, True, id="the browser that began"),
        pytest.param("b" * 64, False, id="another browser"),
        pytest.param("a" * 63, False, id="a digest cut short"),
        pytest.param("", False, id="an empty digest"),
        pytest.param(None, False, id="a browser without a cookie"),
    ],
)
def test_a_sign_in_belongs_to_the_browser_that_began_it(browser: str | None, is_the_one: bool) -> None:
    attempt = SignInAttempt(GATEWAY_URI, "s", "test", Secret("verifier"), Secret("nonce"), None, "a" * 64)

    if is_the_one:
        attempt.check_browser(browser)
    else:
        with pytest.raises(InvalidRequest, match="another browser") as caught:
            attempt.check_browser(browser)
        assert "sign in again, in this browser" in caught.value.remedy


def gateway_code(code_challenge: str | None) -> GatewayCode:
    return GatewayCode(GATEWAY_URI, code_challenge, SignIn("test", Secret("access"), user={"sub": "alice"}))


@pytest.mark.requirement("BR-05")
@pytest.mark.parametrize(
    ("challenge", "gateway_uri", "verifier"),
    [
        pytest.param(None, GATEWAY_URI, None, id="no challenge, no verifier"),
        pytest.param(CHALLENGE, GATEWAY_URI, VERIFIER, id="the verifier of the challenge"),
    ],
)
def test_a_gateway_code_is_for_whom_it_was_issued(challenge: str | None, gateway_uri: str, verifier: str) -> None:
    gateway_code(challenge).check(gateway_uri, verifier)


@pytest.mark.requirement("BR-05")
@pytest.mark.parametrize(
    ("challenge", "gateway_uri", "verifier"),
    [
        pytest.param(None, "https://app.test/other", None, id="another path"),
        pytest.param(None, GATEWAY_URI + "/", None, id="a slash more"),
        pytest.param(None, GATEWAY_URI.replace("app", "APP"), None, id="the same host in capitals"),
        pytest.param(None, "https://app.test/öauth", None, id="letters beyond ASCII"),
        pytest.param(None, "", None, id="an empty gateway_uri"),
        pytest.param(None, None, None, id="no gateway_uri"),
        pytest.param(None, GATEWAY_URI, VERIFIER, id="a verifier without a challenge"),
        pytest.param(CHALLENGE, GATEWAY_URI, None, id="no verifier"),
        pytest.param(CHALLENGE, GATEWAY_URI, "", id="an empty verifier"),
        pytest.param(CHALLENGE, GATEWAY_URI, CHALLENGE, id="the challenge itself"),
        pytest.param(CHALLENGE, GATEWAY_URI, VERIFIER[:-1] + "X", id="nearly the verifier"),
        pytest.param(CHALLENGE, GATEWAY_URI, VERIFIER * 3, id="a verifier too long"),
        pytest.param(CHALLENGE, GATEWAY_URI, "ü" * 43, id="a verifier beyond ASCII"),
        pytest.param(CHALLENGE, "https://app.test/other", VERIFIER, id="the verifier at another path"),
    ],
)
def test_a_gateway_code_is_for_nobody_else(challenge: str | None, gateway_uri: str | None, verifier: str) -> None:
    with pytest.raises(InvalidGrant) as caught:
        gateway_code(challenge).check(gateway_uri, verifier)
    assert (caught.value.code, caught.value.status) == ("invalid_grant", 400)
