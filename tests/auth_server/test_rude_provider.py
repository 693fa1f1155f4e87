"""A provider that misbehaves, over a real socket: each sign-in ends within its bound, without a code, and with a log
line that names the provider and the check. Slowness is shown with an event loop whose clock jumps."""

from collections.abc import AsyncIterator, Callable, MutableMapping
from datetime import timedelta
from typing import Any

import anyio
import httpx
import pytest
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from structlog.testing import capture_logs

from authproxy_common.http.client import open_http
from tests.support import forged_tokens
from tests.support.auth_server import CODES, AuthServerWorld, answer_of, check_sent_back
from tests.support.clock import MovableClock
from tests.support.gate import Gate
from tests.support.hurried_loop import HurriedLoop, settle, skip
from tests.support.openid_provider import OpenIDProvider, rsa_key
from tests.support.raw_server import writing
from tests.support.servers import free_port, serving

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("OP-04")]

Lines = list[MutableMapping[str, Any]]
NOW = int(MovableClock()().timestamp())
BOUND = timedelta(seconds=10)
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
TINY_KEY = {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}


@pytest.fixture(scope="module")
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return "asyncio", {"loop_factory": HurriedLoop}


@pytest.fixture
async def auth() -> AsyncIterator[AuthServerWorld]:
    """An auth server whose provider is behind a real socket."""
    port = free_port()
    world = AuthServerWorld(provider={"issuer": f"http://127.0.0.1:{port}"}, development_mode=True)
    async with serving(world.provider, port), open_http() as world.internet:
        world.app = world.replica()
        world.browser = world.another_browser()
        yield world
    await world.store.aclose()


async def sign_in(auth: AuthServerWorld) -> tuple[httpx.Response, Lines]:
    """As far as it goes: what the gateway hears, and what was logged."""
    with capture_logs() as lines:
        login = await auth.login()
        is_over = str(login.headers["location"]).startswith("https://app.test/")
        answer = login if is_over else await auth.get(await auth.approve(login))
    return answer, lines


def check_failed(auth: AuthServerWorld, answer: httpx.Response, lines: Lines, error: str, check: str) -> None:
    """The gateway hears of it, nothing can be exchanged, and the log says where and what."""
    check_sent_back(answer, error)
    assert not auth.store.kept(CODES)
    [line] = [line for line in lines if line["event"] == "sign_in_failed"]
    assert (line["provider"], line["error"], line["log_level"]) == ("test", error, "warning")
    assert check in line["check"]


ANSWERS = [
    pytest.param(HTMLResponse("<h1>Welcome</h1>"), "server_error", "Content-Type that is not JSON", id="HTML"),
    pytest.param(
        Response("{}", media_type="text/plain"),
        "server_error",
        "Content-Type that is not JSON",
        id="wrong Content-Type",
    ),
    pytest.param(JSONResponse({}, 500), "temporarily_unavailable", "answered 500", id="500"),
    pytest.param(HTMLResponse("<h1>Down</h1>", 502), "temporarily_unavailable", "answered 502", id="502 of a proxy"),
    pytest.param(
        PlainTextResponse("x" * 10_000_000, media_type="application/json"),
        "temporarily_unavailable",
        "more than can be read",
        id="10 MB of body",
    ),
]


@pytest.mark.parametrize("endpoint", ["metadata", "keys", "token"])
@pytest.mark.parametrize(("instead", "error", "check"), ANSWERS)
async def test_an_answer_that_cannot_be_used(
    auth: AuthServerWorld, endpoint: str, instead: Response, error: str, check: str
) -> None:
    auth.provider.instead[endpoint] = instead

    answer, lines = await sign_in(auth)

    check_failed(auth, answer, lines, error, check)
    assert auth.provider.times_asked(endpoint) == 1


@pytest.mark.parametrize("endpoint", ["metadata", "keys", "token"])
async def test_the_right_answer_with_the_wrong_content_type(auth: AuthServerWorld, endpoint: str) -> None:
    auth.provider.media_types[endpoint] = "text/html"

    check_failed(auth, *await sign_in(auth), "server_error", "Content-Type that is not JSON")


@pytest.mark.parametrize("member", ["jwks_uri", "token_endpoint"])
@pytest.mark.parametrize(
    "data",
    [
        pytest.param(HEAD + b'Content-Length: 1000\r\n\r\n{"access_token": "t', id="a truncated body"),
        pytest.param(HEAD + b'Transfer-Encoding: chunked\r\n\r\n10\r\n{"keys": [', id="a truncated chunk"),
        pytest.param(HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}", id="two lengths"),
        pytest.param(HEAD + b"X-Endless: " + b"x" * 1_000_000, id="a header without end"),
        pytest.param(b"220 mail.example.com ESMTP\r\n", id="another protocol"),
        pytest.param(b"", id="nothing"),
    ],
)
async def test_an_answer_that_is_no_http(auth: AuthServerWorld, member: str, data: bytes) -> None:
    async with writing(data) as origin:
        auth.provider.metadata = {member: f"{origin}/"}
        answer, lines = await sign_in(auth)

    check_failed(auth, answer, lines, "temporarily_unavailable", "broke off its answer, or did not speak HTTP")


async def test_a_port_where_nobody_is(auth: AuthServerWorld) -> None:
    auth.provider.metadata = {"token_endpoint": f"http://127.0.0.1:{free_port()}/token"}

    check_failed(auth, *await sign_in(auth), "temporarily_unavailable", "did not answer")


def id_token(**claims: Any) -> Callable[[OpenIDProvider], None]:
    return lambda provider: provider.claims.update(claims)


def members(**changed: Any) -> Callable[[OpenIDProvider], None]:
    return lambda provider: provider.members.update(changed)


def forged(forge: Callable[[dict[str, Any], dict[str, Any]], str]) -> Callable[[OpenIDProvider], None]:
    return lambda provider: setattr(provider, "forge", forge)


def header(**changed: Any) -> Callable[[OpenIDProvider], None]:
    return lambda provider: provider.header.update(changed)


def keys(*published: dict[str, Any]) -> Callable[[OpenIDProvider], None]:
    return lambda provider: setattr(provider, "published", [*published])


MANY_KEYS = [TINY_KEY | {"kid": str(number)} for number in range(10_000)]


@pytest.mark.requirement("BR-01")
@pytest.mark.parametrize(
    ("spoil", "check"),
    [
        pytest.param(members(id_token=None), "no id_token", id="missing id_token"),
        pytest.param(members(access_token=None), "refused the token request", id="missing access_token"),
        pytest.param(id_token(exp=NOW - 61), "ID token's exp", id="expired"),
        pytest.param(id_token(iat=NOW + 61), "ID token's iat", id="issued in the future"),
        pytest.param(id_token(nbf=NOW + 61), "ID token's nbf", id="valid in the future"),
        pytest.param(id_token(aud="another"), "ID token's aud", id="wrong aud"),
        pytest.param(id_token(aud=["broker", "another"]), "issued to another client", id="two aud without azp"),
        pytest.param(id_token(iss="https://evil.test"), "ID token's iss", id="wrong iss"),
        pytest.param(id_token(nonce="another"), "not issued for this sign-in", id="wrong nonce"),
        pytest.param(id_token(sub=None), "ID token's sub", id="nobody"),
        pytest.param(forged(forged_tokens.unsigned), "signature", id="alg none"),
        pytest.param(forged(forged_tokens.signed_with_the_public_key), "signature", id="HS256 with the public key"),
        pytest.param(forged(forged_tokens.signed_with_another_key), "signature", id="another key"),
        pytest.param(header(kid="unknown"), "key that the identity provider does not publish", id="unknown kid"),
        pytest.param(keys(*MANY_KEYS), "more than 200 keys", id="ten thousand keys"),
        pytest.param(keys(*MANY_KEYS[:201]), "more than 200 keys", id="201 keys"),
        pytest.param(keys(), "key that the identity provider does not publish", id="no keys"),
    ],
)
async def test_an_id_token_that_cannot_be_believed(
    auth: AuthServerWorld, spoil: Callable[[OpenIDProvider], None], check: str
) -> None:
    spoil(auth.provider)

    check_failed(auth, *await sign_in(auth), "server_error", check)
    assert auth.provider.times_asked("token") == 1


async def test_two_hundred_keys_are_read(auth: AuthServerWorld) -> None:
    auth.provider.published = [*MANY_KEYS[:199], rsa_key("first").as_dict(private=False)]

    assert "code" in answer_of((await sign_in(auth))[0])


@pytest.mark.requirement("BR-02")
async def test_an_answer_with_the_issuer_of_another_provider(auth: AuthServerWorld) -> None:
    callback = await auth.begin()

    with capture_logs() as lines:
        answer = await auth.get(f"{callback}&iss=https%3A%2F%2Fevil.test")

    check_failed(auth, answer, lines, "server_error", "iss")
    assert auth.provider.times_asked("token") == 0


async def test_a_changed_scope_is_told_to_the_gateway_and_logged(auth: AuthServerWorld) -> None:
    # The provider may grant another scope than was asked for, and then has to say so (RFC 6749 §5.1).
    auth.provider.members = {"scope": "openid admin"}

    answer, lines = await sign_in(auth)

    assert (await auth.exchange(answer_of(answer)["code"])).json()["scope"] == "openid admin"
    [line] = [line for line in lines if line["event"] == "provider_changed_scope"]
    assert (line["provider"], line["check"]) == ("test", "scope")
    assert line["missing"] == ["email", "offline_access", "profile"]


async def test_a_scope_that_was_granted_as_asked_is_not_worth_a_line(auth: AuthServerWorld) -> None:
    for scope in ("openid email profile offline_access", None):
        auth.provider.members = {"scope": scope}
        _, lines = await sign_in(auth)
        assert not [line for line in lines if line["event"] == "provider_changed_scope"]


@pytest.mark.parametrize("endpoint", ["keys", "token"])
async def test_an_answer_after_nine_seconds_is_used(auth: AuthServerWorld, endpoint: str) -> None:
    answer, _ = await answer_after(auth, endpoint, BOUND - timedelta(seconds=1))

    assert "code" in answer_of(answer)


@pytest.mark.parametrize("endpoint", ["keys", "token"])
async def test_an_answer_after_eleven_seconds_is_too_late(auth: AuthServerWorld, endpoint: str) -> None:
    answer, lines = await answer_after(auth, endpoint, BOUND + timedelta(seconds=1))

    check_failed(auth, answer, lines, "temporarily_unavailable", "did not answer in time")


async def answer_after(auth: AuthServerWorld, endpoint: str, passed: timedelta) -> tuple[httpx.Response, Lines]:
    """What the gateway hears where the provider takes `passed` to answer."""
    auth.patience = 6 * BOUND
    callback = await auth.begin()
    gate = auth.provider.gates[endpoint] = Gate()
    answers: list[httpx.Response] = []

    async def ask() -> None:
        answers.append(await auth.get(callback))

    with capture_logs() as lines:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ask)
            await gate.wait_until_reached()
            await settle()
            assert not answers
            skip(passed)
            await settle()
            gate.opened.set()
    return answers[0], lines


@pytest.mark.requirement("OP-02")
async def test_no_refusal_repeats_what_the_provider_said(auth: AuthServerWorld) -> None:
    auth.provider.members = {"error": "hunter2", "error_description": "hunter2"}

    answer, lines = await sign_in(auth)

    check_failed(auth, answer, lines, "server_error", "refused the token request")
    assert "hunter2" not in str(answer.headers) + str(lines)


async def test_a_refresh_that_fails_names_provider_and_check(auth: AuthServerWorld) -> None:
    refresh_token = (await auth.tokens())["refresh_token"]
    auth.provider.instead["token"] = HTMLResponse("<h1>Welcome</h1>")

    with capture_logs() as lines:
        assert (await auth.refresh(refresh_token)).status_code == 500

    [line] = [line for line in lines if line["event"] == "provider_refresh_failed"]
    assert line["provider"] == "test"
    assert "Content-Type" in line["check"]


async def test_a_validation_that_fails_names_provider_and_check(auth: AuthServerWorld) -> None:
    access_token = await auth.access_token()
    auth.provider.user = {"sub": 7}

    with capture_logs() as lines:
        assert (await auth.validate(access_token)).status_code == 500

    [line] = [line for line in lines if line["event"] == "provider_validation_failed"]
    assert line["provider"] == "test"
    assert "names nobody" in line["check"]
