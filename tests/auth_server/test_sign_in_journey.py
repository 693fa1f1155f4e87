"""A person signs in, and the gateway has the tokens and knows who it is."""

import json

import pytest
from structlog.testing import capture_logs

from tests.support.auth_server import (
    ATTEMPTS,
    AUTH,
    CODES,
    SCOPE,
    STATE,
    VERIFIER,
    AuthServerWorld,
    answer_of,
    asked_of,
)
from tests.support.openid_provider import s256

pytestmark = pytest.mark.anyio


@pytest.mark.requirement("BR-05", "BR-06")
async def test_a_sign_in_ends_with_the_tokens_and_the_claims_at_the_gateway(auth: AuthServerWorld) -> None:
    returned = answer_of(await auth.complete())
    assert returned.keys() == {"code", "state"}
    assert returned["state"] == STATE

    answer = await auth.exchange(returned["code"])

    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    body = answer.json()
    assert body.keys() == {
        "access_token",
        "refresh_token",
        "id_token",
        "token_type",
        "expires_in",
        "scope",
        "provider",
        "user",
    }
    assert body["access_token"].startswith("upstream-access-")
    assert body["refresh_token"] in auth.provider.refresh_tokens
    assert (body["token_type"], body["expires_in"], body["scope"], body["provider"]) == ("Bearer", 3600, SCOPE, "test")
    assert body["user"]["sub"] == "248289761001"
    assert body["user"]["email"] == "alice@example.com"
    assert body["user"]["aud"] == "broker"


@pytest.mark.requirement("BR-02", "BR-06")
async def test_the_provider_is_asked_with_pkce_state_and_nonce_and_nothing_that_was_meant_for_us(
    auth: AuthServerWorld,
) -> None:
    asked = asked_of(await auth.login(resource="https://mcp.test/mcp", client_id="intruder", response_type="token"))

    assert asked.keys() == {
        "response_type",
        "client_id",
        "redirect_uri",
        "scope",
        "state",
        "nonce",
        "code_challenge",
        "code_challenge_method",
    }
    assert (asked["response_type"], asked["client_id"], asked["scope"]) == ("code", "broker", SCOPE)
    assert asked["redirect_uri"] == f"{AUTH}/callback"
    assert asked["code_challenge_method"] == "S256"
    assert min(len(asked["code_challenge"]), len(asked["nonce"]), len(asked["state"])) >= 43
    assert STATE not in asked.values()


@pytest.mark.requirement("BR-02", "BR-06")
async def test_every_sign_in_has_its_own_state_nonce_and_challenge(auth: AuthServerWorld) -> None:
    first, second = asked_of(await auth.login()), asked_of(await auth.login())

    assert all(first[name] != second[name] for name in ("state", "nonce", "code_challenge"))


@pytest.mark.requirement("BR-02")
async def test_the_provider_gets_the_verifier_of_its_challenge_and_the_registered_redirect_uri(
    auth: AuthServerWorld,
) -> None:
    login = await auth.login()
    await auth.get(await auth.approve(login))

    (form,) = auth.provider.asked["token"]
    assert s256(form["code_verifier"]) == asked_of(login)["code_challenge"]
    assert form["grant_type"] == "authorization_code"
    assert form["redirect_uri"] == f"{AUTH}/callback"


@pytest.mark.requirement("OP-04")
@pytest.mark.parametrize(
    ("registration", "configured"),
    [
        pytest.param({"auth_methods": ("client_secret_basic",)}, {}, id="secret in the header"),
        pytest.param({"auth_methods": ("client_secret_post",)}, {}, id="secret in the body"),
        pytest.param({"auth_methods": ("client_secret_basic", "client_secret_post")}, {}, id="either"),
        pytest.param({"metadata": {"token_endpoint_auth_methods_supported": None}}, {}, id="metadata silent on it"),
        pytest.param({"auth_methods": ("none",), "client_secret": ""}, {}, id="no secret"),
        pytest.param({"issuer": "https://idp.test/"}, {}, id="issuer that ends with a slash"),
        pytest.param({"client_id": "broker:of ours"}, {}, id="client id with a colon and a space"),
    ],
)
async def test_providers_of_many_kinds_sign_people_in(
    registration: dict[str, object], configured: dict[str, object]
) -> None:
    auth = AuthServerWorld(provider=registration, configured=configured)

    assert (await auth.tokens())["user"]["sub"] == "248289761001"


@pytest.mark.requirement("BR-06")
async def test_everything_works_below_the_prefix_as_well(auth: AuthServerWorld) -> None:
    callback = (await auth.begin(prefix="/gateway-oauth")).replace(f"{AUTH}/callback", f"{AUTH}/gateway-oauth/callback")

    returned = answer_of(await auth.get(callback))

    assert (await auth.exchange(returned["code"])).status_code == 200


@pytest.mark.requirement("BR-02", "BR-06")
@pytest.mark.parametrize("path", ["/callback/test", "/gateway-oauth/callback", "/gateway-oauth/callback/test"])
async def test_a_provider_may_have_a_callback_of_its_own(path: str) -> None:
    auth = AuthServerWorld(provider={"redirect_uri": AUTH + path})

    assert (await auth.tokens())["user"]["sub"] == "248289761001"


@pytest.mark.requirement("BR-06", "ST-04")
async def test_each_step_may_meet_another_replica(auth: AuthServerWorld) -> None:
    callback = await auth.begin()
    elsewhere = auth.another_browser(auth.replica())
    elsewhere.cookies = auth.browser.cookies

    code = answer_of(await auth.get(callback, elsewhere))["code"]

    assert (await auth.exchange(code)).status_code == 200


@pytest.mark.requirement("BR-06")
async def test_several_sign_ins_of_one_browser_stand_side_by_side(auth: AuthServerWorld) -> None:
    callbacks = [await auth.begin() for _ in range(3)]

    codes = {answer_of(await auth.get(callback))["code"] for callback in reversed(callbacks)}

    assert len(codes) == 3


@pytest.mark.requirement("ST-02", "ST-03")
async def test_nothing_of_a_sign_in_can_be_read_in_the_store(auth: AuthServerWorld) -> None:
    callback = await auth.begin(code_challenge=s256(VERIFIER), code_challenge_method="S256")
    code = answer_of(await auth.get(callback))["code"]
    tokens = (await auth.exchange(code, code_verifier=VERIFIER)).json()

    stored = repr(auth.store.written)
    bearer_values = [code, callback.partition("state=")[2], *auth.browser.cookies.values()]
    for secret in [*bearer_values, tokens["access_token"], tokens["refresh_token"], tokens["id_token"], "alice"]:
        assert secret not in stored
    assert [each.ttl.total_seconds() for each in auth.store.kept(ATTEMPTS) + auth.store.kept(CODES)] == [600, 300]


@pytest.mark.requirement("OP-01", "OP-02")
async def test_the_log_joins_the_steps_of_a_sign_in_and_has_no_secret(auth: AuthServerWorld) -> None:
    with capture_logs() as lines:
        login = await auth.login()
        returned = answer_of(await auth.get(await auth.approve(login)))
        tokens = (await auth.exchange(returned["code"])).json()
        await auth.refresh(tokens["refresh_token"])

    events = {line["event"]: line for line in lines}
    assert events["sign_in_begun"]["sign_in"] == events["sign_in_completed"]["sign_in"]
    assert {"gateway_code_exchanged", "provider_tokens_refreshed"} <= events.keys()
    logged = json.dumps(lines, default=repr)
    asked = asked_of(login)
    for secret in (asked["state"], asked["nonce"], returned["code"], tokens["access_token"], tokens["refresh_token"]):
        assert secret not in logged
    assert STATE.split(",")[0] not in logged
