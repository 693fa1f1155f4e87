"""`POST /gateway-oauth/exchange`: a gateway code becomes tokens once, for whom it was issued."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import anyio
import httpx
import pytest

from tests.support.auth_server import (
    CHALLENGE,
    CODES,
    GATEWAY_URI,
    VERIFIER,
    AuthServerWorld,
    check_json,
)

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("BR-05")]

EXCHANGE = "/gateway-oauth/exchange"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
JSON, TEXT = {"Content-Type": "application/json"}, {"Content-Type": "text/plain"}
PKCE = {"code_challenge": CHALLENGE, "code_challenge_method": "S256"}


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(lambda values: {"data": values}, id="form"),
        pytest.param(lambda values: {"json": values}, id="JSON"),
        pytest.param(lambda values: {"params": values}, id="query"),
        pytest.param(
            lambda values: {"content": urlencode(values), "headers": {"Content-Type": f"{FORM['Content-Type']}; q=1"}},
            id="form with a parameter of its type",
        ),
    ],
)
async def test_a_code_is_exchanged_however_it_is_sent(
    auth: AuthServerWorld, sent: Callable[[dict[str, str]], dict[str, Any]]
) -> None:
    values = {"code": await auth.code(**PKCE), "gateway_uri": GATEWAY_URI, "code_verifier": VERIFIER}

    answer = await auth.post(EXCHANGE, **sent(values))

    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json()["user"]["sub"] == "248289761001"


async def test_a_code_is_exchanged_once(auth: AuthServerWorld) -> None:
    code = await auth.code()
    assert (await auth.exchange(code)).status_code == 200

    check_json(await auth.exchange(code), 400, "invalid_grant")
    check_json(await auth.exchange(code), 400, "invalid_grant")


async def test_of_many_who_exchange_a_code_at_once_one_gets_the_tokens(auth: AuthServerWorld) -> None:
    code = await auth.code()
    answers: list[httpx.Response] = []

    async def exchange() -> None:
        answers.append(await auth.exchange(code))

    async with anyio.create_task_group() as calls:
        for _ in range(8):
            calls.start_soon(exchange)

    assert sorted(answer.status_code for answer in answers) == [200] + [400] * 7


@pytest.mark.parametrize(
    "offered",
    [
        pytest.param({"gateway_uri": "https://app.test/other"}, id="another gateway_uri"),
        pytest.param({"gateway_uri": "https://APP.test/oauth/callback"}, id="gateway_uri in other letters"),
        pytest.param({"code_verifier": None}, id="no verifier"),
        pytest.param({"code_verifier": "x" * 43}, id="another verifier"),
        pytest.param({"code_verifier": CHALLENGE}, id="the challenge for a verifier"),
    ],
)
async def test_a_code_is_worthless_to_others_and_spent_by_their_attempt(
    auth: AuthServerWorld, offered: dict[str, str | None]
) -> None:
    code = await auth.code(**PKCE)

    check_json(await auth.exchange(code, **({"code_verifier": VERIFIER} | offered)), 400, "invalid_grant")

    check_json(await auth.exchange(code, code_verifier=VERIFIER), 400, "invalid_grant")


async def test_a_verifier_for_a_code_without_a_challenge_shows_that_the_code_is_from_another_sign_in(
    auth: AuthServerWorld,
) -> None:
    check_json(await auth.exchange(await auth.code(), code_verifier=VERIFIER), 400, "invalid_grant")
    assert (await auth.exchange(await auth.code(), code_verifier=None)).status_code == 200


async def test_a_code_is_for_the_gateway_uri_that_it_was_sent_to_among_several() -> None:
    other = "https://other.test/callback"
    auth = AuthServerWorld(proxy={"allowed_redirect_uris": (GATEWAY_URI, other)})

    check_json(await auth.exchange(await auth.code(), gateway_uri=other), 400, "invalid_grant")


@pytest.mark.parametrize("seconds", [1, 60, 300])
async def test_a_code_expires_by_itself(seconds: int) -> None:
    auth = AuthServerWorld(proxy={"gateway_code_ttl_seconds": seconds})
    in_time, late = await auth.code(), await auth.code()

    auth.clock.advance(timedelta(seconds=seconds - 1))
    assert (await auth.exchange(in_time)).status_code == 200
    auth.clock.advance(timedelta(seconds=1))
    check_json(await auth.exchange(late), 400, "invalid_grant")
    assert {each.ttl for each in auth.store.kept(CODES)} == {timedelta(seconds=seconds)}


async def test_a_code_has_256_random_bits(auth: AuthServerWorld) -> None:
    codes = [await auth.code() for _ in range(4)]

    assert all(re.fullmatch(r"gc_[A-Za-z0-9_-]{43}", code) for code in codes)
    assert len(set(codes)) == 4


async def test_the_state_of_a_sign_in_is_no_code(auth: AuthServerWorld) -> None:
    callback = await auth.begin()

    check_json(await auth.exchange(callback.partition("state=")[2]), 400, "invalid_grant")
    assert (await auth.get(callback)).status_code == 302


@pytest.mark.requirement("AZ-08")
@pytest.mark.parametrize(
    "sent",
    [
        pytest.param({"data": {"gateway_uri": GATEWAY_URI}}, id="no code"),
        pytest.param({"data": {"code": "CODE"}}, id="no gateway_uri"),
        pytest.param({"data": {"code": "", "gateway_uri": GATEWAY_URI}}, id="empty code"),
        pytest.param({"content": "code=CODE&code=CODE&gateway_uri=URI", "headers": FORM}, id="repeated code"),
        pytest.param({"content": "code=CODE&gateway_uri=URI&gateway_uri=", "headers": FORM}, id="repeated in a form"),
        pytest.param({"params": "code=CODE&gateway_uri=URI&gateway_uri=x"}, id="repeated in the query"),
        pytest.param(
            {"content": '{"code":"CODE","gateway_uri":"URI","code":"CODE"}', "headers": JSON}, id="repeated in JSON"
        ),
        pytest.param({"json": {"code": "CODE", "gateway_uri": ["URI"]}}, id="list in JSON"),
        pytest.param({"json": ["CODE", "URI"]}, id="JSON array"),
        pytest.param({"content": "{", "headers": JSON}, id="broken JSON"),
        pytest.param(
            {"content": '{"code":"\\ud800","gateway_uri":"URI"}', "headers": JSON}, id="code of half a character"
        ),
        pytest.param(
            {"content": '{"code":"CODE","gateway_uri":"\\ud800"}', "headers": JSON}, id="URI of half a character"
        ),
        pytest.param({"content": "code=CODE&gateway_uri=URI", "headers": TEXT}, id="text"),
        pytest.param({"content": "code=CODE&gateway_uri=URI"}, id="no type"),
        pytest.param({"content": b"code=CODE&gateway_uri=%FF", "headers": FORM}, id="not UTF-8"),
    ],
)
async def test_a_call_out_of_form_is_refused_and_the_code_is_kept(auth: AuthServerWorld, sent: dict[str, Any]) -> None:
    code = await auth.code()

    check_json(await auth.post(EXCHANGE, **filled(sent, code)), 400, "invalid_request")

    assert (await auth.exchange(code)).status_code == 200


async def test_a_code_is_not_exchanged_by_get(auth: AuthServerWorld) -> None:
    code = await auth.code()

    answer = await auth.get(f"{EXCHANGE}?{urlencode({'code': code, 'gateway_uri': GATEWAY_URI})}")

    assert answer.status_code == 405
    assert (await auth.exchange(code)).status_code == 200


async def test_what_the_provider_did_not_give_is_left_out(auth: AuthServerWorld) -> None:
    auth.provider.members = {"refresh_token": None, "expires_in": None, "scope": None}

    assert (await auth.tokens()).keys() == {"access_token", "id_token", "token_type", "provider", "user"}


async def test_a_lifetime_that_a_provider_writes_as_text_is_a_number_for_the_gateway(auth: AuthServerWorld) -> None:
    auth.provider.members = {"expires_in": "3599"}

    assert (await auth.tokens())["expires_in"] == 3599


def filled(sent: Any, code: str) -> Any:
    """`sent` with the code and the URI in their places."""
    match sent:
        case dict():
            return {filled(name, code): filled(value, code) for name, value in sent.items()}
        case list():
            return [filled(value, code) for value in sent]
        case str():
            return sent.replace("CODE", code).replace("URI", GATEWAY_URI)
        case _:
            return sent
