"""Attacks on the legs that go through a browser: redirects, one-time values, foreign answers, oversized state."""

import pytest

from tests.support.gateway import GATEWAY, REDIRECT_URI, World, answer_of

pytestmark = pytest.mark.anyio


@pytest.mark.requirement("OP-06")
@pytest.mark.parametrize("path", ["/oauth/token/", "/oauth/callback/?code=gc_x&state=st_x", "/oauth/authorize/"])
async def test_no_redirect_is_made_of_the_host_that_a_request_names(world: World, path: str) -> None:
    for method in ("GET", "POST"):
        answer = await world.http.request(method, GATEWAY + path, headers={"Host": "evil.test"})
        assert answer.status_code == 404
        assert "location" not in answer.headers


@pytest.mark.requirement("AZ-06", "BR-06")
async def test_a_link_scanner_does_not_use_a_callback_up(world: World) -> None:
    client = await world.register()
    page = await world.browser.open(client.authorization_url())
    form = page.forms[0].fields | {"decision": "approve"}
    approved = await world.browser.http.post(f"{GATEWAY}/oauth/consent", data=form)
    callback = (await world.http.get(approved.headers["location"])).headers["location"]
    scanned = await world.browser.http.head(callback)
    assert scanned.status_code == 405
    assert answer_of(await world.browser.open(callback))["code"]


@pytest.mark.requirement("CL-05", "AZ-01")
@pytest.mark.parametrize("query", ["code=injected", "state=x", "iss=https://evil.test", "a=1;code=x", "error=x"])
async def test_a_redirect_uri_cannot_bring_an_answer_of_its_own(world: World, query: str) -> None:
    metadata = {"redirect_uris": [f"{REDIRECT_URI}?{query}"]}
    answer = await world.http.post(f"{GATEWAY}/oauth/register", json=metadata)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_redirect_uri")


@pytest.mark.requirement("AZ-01", "ST-02")
async def test_a_stranger_cannot_fill_the_store_with_state(world: World) -> None:
    client = await world.register()
    refused = await world.http.get(client.authorization_url(state="x" * 2049))
    assert refused.status_code == 400
    assert "state is longer than 2048" in refused.text
    assert (await world.http.get(client.authorization_url(state="x" * 2048))).status_code == 200


@pytest.mark.requirement("CL-07")
async def test_a_client_id_has_one_spelling(world: World) -> None:
    client = await world.register()
    for respelt in (client.client_id + "=", client.client_id.replace("-", "+").replace("_", "/").replace("/", "_", 1)):
        if respelt != client.client_id:
            answer = await world.http.get(client.authorization_url(client_id=respelt))
            assert answer.status_code == 400
