"""An app's side of a sign-in, against the auth server itself."""

import base64
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from auth_server.settings.gateways import GatewaySettings
from authproxy_common.errors import AccessDenied, InvalidGrant, InvalidRequest, ServerError, TemporarilyUnavailable
from authproxy_common.exchange import ExchangeTarget, SignIn
from authproxy_common.gateway_sign_in import GatewayCredentials, GatewaySignIn, PendingSignIn
from authproxy_common.secret import Secret
from tests.support.auth_server import AUTH, GATEWAY_URI, AuthServerWorld, asked_of
from tests.support.network import virtual_network

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("BR-05")]


@dataclass
class App:
    """An app at an auth server of its own, and its user's browser."""

    auth: AuthServerWorld
    sign_in: GatewaySignIn

    async def answer(self, url: str) -> str:
        """The query that the browser, sent to `url`, comes back with."""
        callback = await self.auth.approve(await self.auth.get(url))
        location = urlsplit((await self.auth.get(callback)).headers["location"])
        assert f"{location.scheme}://{location.netloc}{location.path}" == GATEWAY_URI
        return location.query

    async def signed_in(self, **options: str) -> SignIn:
        """After a whole sign-in."""
        url, pending = self.sign_in.begin(**options)
        return await self.sign_in.complete(pending, await self.answer(url))


@pytest.fixture
async def app() -> AsyncIterator[App]:
    auth = AuthServerWorld()
    http = virtual_network({AUTH: auth.app})
    yield App(auth, GatewaySignIn(auth_server_url=AUTH, gateway_uri=GATEWAY_URI, http=http))
    await http.aclose()
    await auth.store.aclose()


async def test_an_app_learns_who_signed_in_and_gets_the_providers_tokens(app: App) -> None:
    signed_in = await app.signed_in()

    assert signed_in.person.subject == "test:248289761001"
    assert signed_in.user["email"] == "alice@example.com"
    assert signed_in.access_token.reveal() in app.auth.provider.access_tokens
    assert signed_in.refresh_token
    assert signed_in.refresh_token.reveal() in app.auth.provider.refresh_tokens


async def test_what_is_pending_survives_a_session_that_is_json(app: App) -> None:
    url, pending = app.sign_in.begin()
    kept = json.loads(json.dumps(pending.to_json()))

    assert (await app.sign_in.complete(PendingSignIn.from_json(kept), await app.answer(url))).user["sub"]


@pytest.mark.requirement("OP-02")
async def test_the_url_for_the_browser_and_what_may_be_printed_tell_no_secret(app: App) -> None:
    url, pending = app.sign_in.begin()
    credentials = GatewayCredentials("app", Secret("the-secret"))

    assert pending.code_verifier.reveal() not in url
    for value in pending.to_json().values():
        assert value not in repr(pending)
    assert "the-secret" not in repr(replace(app.sign_in, credentials=credentials))


async def test_every_sign_in_has_a_state_and_a_verifier_of_256_bits_of_its_own(app: App) -> None:
    values = [value for _ in range(4) for value in app.sign_in.begin()[1].to_json().values()]

    assert len(set(values)) == 8
    assert all(len(value.removeprefix("st_")) == 43 for value in values)


async def test_what_an_app_asks_for_besides_reaches_the_provider(app: App) -> None:
    url, _ = app.sign_in.begin(scope="openid email", prompt="login", login_hint="alice@example.com")

    asked = asked_of(await app.auth.get(url))

    assert "profile" not in asked["scope"].split()
    assert (asked["prompt"], asked["login_hint"]) == ("login", "alice@example.com")


@pytest.mark.requirement("BR-06")
@pytest.mark.parametrize("state", ["", "state=", "state=st_of-another-browser", "state=%ED%A0%80", "state=\ud800"])
async def test_an_answer_to_a_sign_in_of_another_browser_is_refused_and_its_code_not_spent(
    app: App, state: str
) -> None:
    url, pending = app.sign_in.begin()
    answer = await app.answer(url)
    code = answer.partition("&")[0]
    assert code.startswith("code=")

    with pytest.raises(InvalidRequest):
        await app.sign_in.complete(pending, f"{code}&{state}")

    assert (await app.sign_in.complete(pending, answer)).user["sub"]


@pytest.mark.requirement("BR-06", "AZ-08")
async def test_an_answer_with_two_states_is_refused(app: App) -> None:
    url, pending = app.sign_in.begin()
    answer = await app.answer(url)

    with pytest.raises(InvalidRequest, match="state is repeated"):
        await app.sign_in.complete(pending, f"{answer}&state={pending.state.reveal()}")


async def test_a_stolen_code_is_worthless_in_a_sign_in_of_the_thiefs_own(app: App) -> None:
    url, _ = app.sign_in.begin()
    stolen = dict(parse_qsl(await app.answer(url)))["code"]
    _, of_the_thief = app.sign_in.begin()

    with pytest.raises(ServerError, match="did not accept the gateway code"):
        await app.sign_in.complete(of_the_thief, f"code={stolen}&state={of_the_thief.state.reveal()}")


async def test_an_answer_is_good_once(app: App) -> None:
    url, pending = app.sign_in.begin()
    answer = await app.answer(url)
    await app.sign_in.complete(pending, answer)

    with pytest.raises(ServerError, match="did not accept the gateway code"):
        await app.sign_in.complete(pending, answer)


@pytest.mark.requirement("BR-06")
@pytest.mark.parametrize(
    "kept",
    [
        pytest.param(None, id="nothing"),
        pytest.param("st", id="text"),
        pytest.param(["st", "v"], id="a list"),
        pytest.param({}, id="an empty one"),
        pytest.param({"code_verifier": "v"}, id="no state"),
        pytest.param({"state": "st"}, id="no verifier"),
        pytest.param({"state": "", "code_verifier": "v"}, id="without a state"),
        pytest.param({"state": "st", "code_verifier": ""}, id="without a verifier"),
        pytest.param({"state": 1, "code_verifier": "v"}, id="a number"),
    ],
)
def test_a_session_without_a_pending_sign_in_has_nothing_to_complete(kept: object) -> None:
    with pytest.raises(InvalidRequest, match="no sign-in is under way in this browser"):
        PendingSignIn.from_json(kept)


async def test_several_sign_ins_may_be_under_way(app: App) -> None:
    begun = [app.sign_in.begin() for _ in range(3)]
    answers = [await app.answer(url) for url, _ in begun]

    for (_, pending), answer in reversed(list(zip(begun, answers, strict=True))):
        assert (await app.sign_in.complete(pending, answer)).user["sub"]


@pytest.mark.requirement("OP-04")
async def test_a_person_who_says_no_is_access_denied(app: App) -> None:
    app.auth.provider.denies_with = "access_denied"

    with pytest.raises(AccessDenied):
        await app.signed_in()


@pytest.mark.requirement("OP-04")
async def test_a_provider_that_is_down_is_temporarily_unavailable(app: App) -> None:
    url, pending = app.sign_in.begin()
    app.auth.provider.is_down = True
    answer = urlsplit((await app.auth.get(url)).headers["location"]).query

    with pytest.raises(TemporarilyUnavailable):
        await app.sign_in.complete(pending, answer)


@pytest.mark.requirement("OP-04")
async def test_an_auth_server_that_is_down_is_temporarily_unavailable_and_costs_no_code(app: App) -> None:
    url, pending = app.sign_in.begin()
    answer = await app.answer(url)
    unreachable = replace(app.sign_in, http=virtual_network({}))

    with pytest.raises(TemporarilyUnavailable) as raised:
        await unreachable.complete(pending, answer)

    assert raised.value.dependency == "auth server"
    assert (await app.sign_in.complete(pending, answer)).user["sub"]


async def test_the_sign_in_has_to_be_at_the_provider_that_was_asked_for() -> None:
    auth = AuthServerWorld(providers=("test", "other"))
    asking = GatewaySignIn(
        auth_server_url=AUTH, gateway_uri=GATEWAY_URI, http=virtual_network({AUTH: auth.app}), provider="test"
    )
    # The page that lets a person choose is at the same address, without the parameter.
    url, pending = asking.begin()
    answer = await App(auth, asking).answer(url.replace("provider=test", "provider=other"))

    with pytest.raises(ServerError, match="at another provider than the one asked for"):
        await asking.complete(pending, answer)


async def test_a_refresh_replaces_the_tokens_and_keeps_the_person(app: App) -> None:
    signed_in = await app.signed_in()

    renewed = await app.sign_in.refresh(signed_in)

    assert renewed.person.subject == signed_in.person.subject
    assert renewed.access_token != signed_in.access_token
    assert renewed.refresh_token not in {None, signed_in.refresh_token}


async def test_a_refresh_that_the_provider_refuses_is_invalid_grant(app: App) -> None:
    signed_in = await app.signed_in()
    app.auth.provider.refresh_tokens.clear()

    with pytest.raises(InvalidGrant):
        await app.sign_in.refresh(signed_in)


async def test_without_a_refresh_token_nobody_is_asked(app: App) -> None:
    app.auth.provider.members = {"refresh_token": None}
    signed_in = await app.signed_in()

    with pytest.raises(InvalidGrant, match="gave no refresh token"):
        await replace(app.sign_in, http=virtual_network({})).refresh(signed_in)


@pytest.mark.requirement("OP-04")
async def test_a_refresh_while_the_provider_is_down_signs_nobody_out(app: App) -> None:
    signed_in = await app.signed_in()
    app.auth.provider.is_down = True
    with pytest.raises(TemporarilyUnavailable):
        await app.sign_in.refresh(signed_in)

    app.auth.provider.is_down = False
    assert (await app.sign_in.refresh(signed_in)).person.subject == signed_in.person.subject


@pytest.mark.requirement("BR-07")
async def test_an_access_token_is_validated_until_it_is_revoked(app: App) -> None:
    app.auth.provider.members = {"refresh_token": None}
    signed_in = await app.signed_in()
    person = await app.sign_in.validate(signed_in.access_token.reveal())
    assert person
    assert (person.subject, person.user["email"]) == (signed_in.person.subject, "alice@example.com")

    await app.sign_in.revoke(signed_in)
    app.auth.clock.advance(timedelta(seconds=11))

    assert await app.sign_in.validate(signed_in.access_token.reveal()) is None


@pytest.mark.requirement("BR-07")
async def test_a_provider_that_cannot_be_asked_says_nothing_about_a_token(app: App) -> None:
    signed_in = await app.signed_in()
    app.auth.provider.is_down = True

    with pytest.raises(TemporarilyUnavailable):
        await app.sign_in.validate(signed_in.access_token.reveal())


async def test_revoking_gives_back_the_refresh_token_where_there_is_one(app: App) -> None:
    signed_in = await app.signed_in()

    await app.sign_in.revoke(signed_in)

    assert app.auth.provider.refresh_tokens == {}


@dataclass
class Recorder:
    """An auth server's backend that remembers what it was sent and answers with `body`."""

    status: int = 200
    body: Any = None
    received: list[tuple[str, str | None, bytes]] = field(default_factory=list)

    async def answer(self, request: Request) -> Response:
        sent = (str(request.url), request.headers.get("authorization"), await request.body())
        self.received.append(sent)
        return JSONResponse(self.body, self.status)

    def sign_in(self, **options: Any) -> GatewaySignIn:
        backend = Starlette(routes=[Route("/{path:path}", self.answer, methods=["POST"])])
        http = virtual_network({"http://auth.internal": backend})
        return GatewaySignIn(
            auth_server_url=AUTH,
            internal_auth_server_url="http://auth.internal",
            gateway_uri=GATEWAY_URI,
            http=http,
            **options,
        )


SIGNED_IN = {
    "access_token": "at",
    "refresh_token": "rt",
    "token_type": "Bearer",
    "provider": "test",
    "user": {"sub": "1"},
}


@pytest.mark.requirement("OP-02")
async def test_credentials_go_into_a_header_with_whatever_a_backend_asks() -> None:
    recorder = Recorder(body=SIGNED_IN)
    sign_in = recorder.sign_in(credentials=GatewayCredentials("an app", Secret("s3cret:/+%")))

    await sign_in.revoke(await sign_in.refresh(await sign_in.exchange("gc_1", Secret("v" * 43))))

    assert len(recorder.received) == 4
    for url, authorization, body in recorder.received:
        assert authorization
        # RFC 6749 §2.3.1: both are form-encoded before they are joined.
        assert base64.b64decode(authorization.removeprefix("Basic ")) == b"an%20app:s3cret%3A%2F%2B%25"
        assert "s3cret" not in url
        assert b"s3cret" not in body


@pytest.mark.requirement("OP-02")
async def test_credentials_go_into_the_form_where_the_header_has_the_access_token() -> None:
    recorder = Recorder(body=SIGNED_IN)
    await recorder.sign_in(credentials=GatewayCredentials("an app", Secret("s3cret"))).validate("at")

    ((url, authorization, body),) = recorder.received
    assert (url, authorization) == ("http://auth.internal/gateway-oauth/validate", "Bearer at")
    assert dict(parse_qsl(body.decode())) == {"client_id": "an app", "client_secret": "s3cret"}


@pytest.mark.requirement("OP-04")
async def test_a_gateway_that_is_refused_does_not_take_it_for_its_users_being_refused() -> None:
    sign_in, signed_in = Recorder(401, {"error": "invalid_client"}).sign_in(), SignIn.from_json(SIGNED_IN)

    asking: list[Callable[[], Awaitable[object]]] = [
        lambda: sign_in.exchange("gc_1", Secret("v" * 43)),
        lambda: sign_in.refresh(signed_in),
        lambda: sign_in.revoke(signed_in),
        lambda: sign_in.validate("at"),
    ]
    for ask in asking:
        with pytest.raises(ServerError, match="credentials"):
            await ask()


async def test_browsers_are_sent_to_the_public_address_and_backends_ask_at_the_internal_one() -> None:
    recorder = Recorder(body=SIGNED_IN)
    sign_in = recorder.sign_in()

    signed_in = await sign_in.exchange("gc_1", Secret("v" * 43))
    await sign_in.refresh(signed_in)
    await sign_in.validate("at")
    await sign_in.revoke(signed_in)

    assert sign_in.begin()[0].startswith(f"{AUTH}/login?")
    assert [url.removeprefix("http://auth.internal/gateway-oauth/") for url, _, _ in recorder.received] == [
        "exchange",
        "refresh",
        "validate",
        "revoke",
        "revoke",
    ]


@pytest.mark.requirement("OP-04")
@pytest.mark.parametrize(
    ("status", "body", "says"),
    [
        pytest.param(400, {"error": "invalid_grant"}, "did not accept the gateway code", id="refusal"),
        pytest.param(302, None, "did not accept the gateway code", id="redirect"),
        pytest.param(200, {"access_token": "at"}, "answer to the exchange is not usable", id="no person"),
        pytest.param(200, "text", "answer to the exchange is not usable", id="text"),
    ],
)
async def test_an_exchange_that_is_refused_or_answered_with_nonsense_says_which(
    status: int, body: Any, says: str
) -> None:
    with pytest.raises(ServerError, match=says):
        await Recorder(status, body).sign_in().exchange("gc_1", Secret("v" * 43))


@pytest.mark.requirement("OP-04")
@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"user": {"sub": "1"}}, id="no provider"),
        pytest.param({"provider": "test", "user": {"sub": ""}}, id="nobody"),
        pytest.param({"provider": "test", "user": "1"}, id="no claims"),
        pytest.param(["test"], id="a list"),
    ],
)
async def test_a_validation_that_names_nobody_is_no_yes(body: Any) -> None:
    with pytest.raises(ServerError, match="answer to the validation is not usable"):
        await Recorder(body=body).sign_in().validate("at")


@pytest.mark.requirement("OP-04")
async def test_what_was_renewed_for_another_person_is_not_taken(app: App) -> None:
    signed_in = await app.signed_in()
    recorder = Recorder(body=SIGNED_IN)

    with pytest.raises(ServerError, match="answer to the refresh is not usable"):
        await recorder.sign_in().refresh(signed_in)


@pytest.mark.requirement("OP-04")
async def test_a_renewal_that_is_refused_for_another_reason_signs_nobody_out(app: App) -> None:
    signed_in = await app.signed_in()

    with pytest.raises(ServerError, match="did not renew"):
        await Recorder(400, {"error": "invalid_request"}).sign_in().refresh(signed_in)


TARGET = ExchangeTarget(audience="wiki", scope="read")


@pytest.mark.requirement("UP-05")
async def test_an_app_with_credentials_gets_a_token_for_another_service() -> None:
    gateway = GatewaySettings(
        allowed_redirect_uris=(GATEWAY_URI,),
        client_secret=Secret("of-the-app-itself"),
        token_exchange={"test": ("wiki",)},
    )
    services = {"wiki": frozenset({"read"})}
    auth = AuthServerWorld(
        gateways={"app": gateway}, provider={"services": services}, proxy={"allowed_redirect_uris": ()}
    )
    async with virtual_network({AUTH: auth.app}) as http:
        credentials = GatewayCredentials("app", Secret("of-the-app-itself"))
        app = App(
            auth, GatewaySignIn(auth_server_url=AUTH, gateway_uri=GATEWAY_URI, http=http, credentials=credentials)
        )
        signed_in = await app.signed_in()

        exchanged = await app.sign_in.exchange_token(signed_in, TARGET)

        assert auth.provider.exchanged[exchanged.access_token.reveal()].scope == "wiki read"
        with pytest.raises(ServerError, match="no token for this service"):
            await app.sign_in.exchange_token(signed_in, ExchangeTarget(audience="payroll"))


@pytest.mark.requirement("UP-05", "OP-04")
@pytest.mark.parametrize(
    ("status", "body", "raised"),
    [
        pytest.param(400, {"error": "invalid_grant"}, InvalidGrant, id="the token is not accepted"),
        pytest.param(403, {"error": "access_denied"}, AccessDenied, id="not for this person"),
        pytest.param(400, {"error": "invalid_target"}, ServerError, id="not for this app"),
        pytest.param(401, {"error": "invalid_client"}, ServerError, id="no credentials"),
        pytest.param(404, {"error": "not_found"}, ServerError, id="an auth server of before"),
        pytest.param(503, {"error": "temporarily_unavailable"}, TemporarilyUnavailable, id="not now"),
        pytest.param(200, {"access_token": "t"}, ServerError, id="no bearer token"),
        pytest.param(200, "text", ServerError, id="text"),
    ],
)
async def test_a_token_exchange_that_fails_says_what_to_do(status: int, body: Any, raised: type[Exception]) -> None:
    with pytest.raises(raised):
        await Recorder(status, body).sign_in().exchange_token(SignIn.from_json(SIGNED_IN), TARGET)
