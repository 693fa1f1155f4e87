"""What people see while something is down, and that nothing needs a restart when it is back."""

from functools import partial

import anyio
import pytest

from examples.mcp_client import SignInFailed
from tests.support.browser import Browser
from tests.support.person import People, call
from tests.support.servers import RedisServer, wait_until
from tests.support.stack import Stack, get, running_stack

pytestmark = pytest.mark.anyio


@pytest.mark.requirement("ST-05", "OP-03", "OP-04")
async def test_while_redis_is_down_answers_say_so_and_tokens_stay_good(
    own_redis_server: RedisServer, people: People
) -> None:
    person = people("alice")
    with running_stack({"REDIS_URL": own_redis_server.url}) as stack, anyio.fail_after(60):
        async with person.client(stack.mcp_url) as client:
            assert await call(client, "whoami") == "development:alice"
            own_redis_server.stop()
            assert await call(client, "whoami") == "development:alice"
        for origin in (stack.gateway_url, stack.auth_url):
            assert_not_ready_because_of_redis(origin)
        await assert_new_sign_ins_are_told_to_wait(stack)
        own_redis_server.start()
        for origin in (stack.gateway_url, stack.auth_url):
            wait_until(partial(is_ready, origin))
        async with people("bob").client(stack.mcp_url) as client:
            assert await call(client, "whoami") == "development:bob"
        assert "Traceback" not in stack.logs()


def is_ready(origin: str) -> bool:
    return get(f"{origin}/health/ready").status_code == 200


def assert_not_ready_because_of_redis(origin: str) -> None:
    ready, live = get(f"{origin}/health/ready"), get(f"{origin}/health/live")
    assert (ready.status_code, ready.json()["checks"]) == (503, {"redis": "unavailable"})
    assert live.status_code == 200


async def assert_new_sign_ins_are_told_to_wait(stack: Stack) -> None:
    gateway_uri = f"{stack.gateway_url}/oauth/callback"
    async with Browser() as browser:
        page = await browser.open(f"{stack.auth_url}/login?gateway_uri={gateway_uri}&provider=development")
        form = {"code": "gc_x", "gateway_uri": gateway_uri}
        exchange = await browser.http.post(f"{stack.auth_url}/gateway-oauth/exchange", data=form)
    assert page.status == 503
    assert int(page.response.headers["retry-after"]) > 0
    assert "Wait a moment" in page.text
    assert (exchange.status_code, exchange.json()["error"]) == (503, "temporarily_unavailable")
    assert int(exchange.headers["retry-after"]) > 0


@pytest.mark.requirement("OP-04", "OP-03")
async def test_while_the_provider_is_down_the_client_is_told_to_come_back(people: People) -> None:
    with running_stack() as stack, anyio.fail_after(40):
        stack.provider.stop()
        assert get(f"{stack.auth_url}/health/ready").status_code == 200
        with pytest.RaisesGroup(SignInFailed, flatten_subgroups=True) as refused:
            async with people().client(stack.mcp_url):
                pass
        assert "temporarily_unavailable" in str(refused.value.exceptions)
        assert 'dependency="identity provider"' in get(f"{stack.auth_url}/metrics").text


@pytest.mark.requirement("OP-04")
async def test_while_the_auth_server_is_down_the_gateway_goes_on_for_who_is_signed_in(people: People) -> None:
    with running_stack() as stack, anyio.fail_after(40):
        async with people("alice").client(stack.mcp_url) as client:
            stack.auth_server.stop()
            assert await call(client, "whoami") == "development:alice"


@pytest.mark.requirement("OP-04")
async def test_while_the_mcp_server_is_down_a_call_is_a_bad_gateway(people: People) -> None:
    person = people("alice")
    with running_stack() as stack, anyio.fail_after(40):
        async with person.client(stack.mcp_url) as client:
            assert await call(client, "whoami") == "development:alice"
        stack.upstream.stop()
        assert person.tokens.tokens
        headers = {"Authorization": f"Bearer {person.tokens.tokens.access_token}"}
        down = await person.browser.http.post(stack.mcp_url, json={}, headers=headers)
        assert (down.status_code, down.json()["error"]) == (502, "bad_gateway")
        assert down.json()["request_id"] in stack.gateway.read_output()
