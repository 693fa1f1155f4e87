"""Clients whose client_id is the URL of their metadata."""

from datetime import timedelta
from typing import Any

import anyio
import pytest
from joserfc.jwk import ECKey

from authproxy_common.http.fetching import Fetched, FetchFailed, Unfetchable
from authproxy_common.uri import HttpURI
from tests.support.client_assertions import ASSERTION_TYPE
from tests.support.gateway import GATEWAY, REDIRECT_URI, ClientApp, World, answer_of
from tests.support.published_documents import PublishedDocuments

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("CL-01")]

CLIENT_ID = "https://editor.example/oauth/client.json"
AGAIN = timedelta(seconds=10)
PUBLIC_KEYS = {"keys": [ECKey.generate_key("P-256").as_dict(private=False)]}
PRIVATE_KEYS = {"keys": [ECKey.generate_key("P-256").as_dict(private=True)]}


def document(**changed: Any) -> dict[str, Any]:
    """A client's metadata; a member changed to None is left out."""
    members = {"client_id": CLIENT_ID, "client_name": "Editor", "redirect_uris": [REDIRECT_URI], **changed}
    return {name: value for name, value in members.items() if value is not None}


async def refusal(world: World, client_id: str = CLIENT_ID, status: int = 400) -> str:
    """The page that a person sees in place of a consent page."""
    answer = await world.http.get(ClientApp(client_id).authorization_url())
    assert answer.status_code == status, answer.text
    assert "location" not in answer.headers
    assert answer.headers["x-request-id"] in answer.text
    return answer.text


async def test_a_client_signs_in_by_the_url_of_its_metadata(world: World) -> None:
    world.published.publish(CLIENT_ID, document())
    tokens = await world.tokens(ClientApp(CLIENT_ID))
    assert (await world.call(tokens["access_token"])).status_code == 200
    refreshed = await world.token(ClientApp(CLIENT_ID).refresh_form(tokens["refresh_token"]))
    assert refreshed.status_code == 200
    assert world.published.asked == [CLIENT_ID]


@pytest.mark.requirement("AZ-04")
async def test_the_consent_page_says_whose_document_it_is_and_that_nobody_verified_it(world: World) -> None:
    world.published.publish(CLIENT_ID, document(redirect_uris=["https://editor.example/cb"]))
    page = await world.http.get(ClientApp(CLIENT_ID, "https://editor.example/cb").authorization_url())
    assert "editor.example" in page.text
    assert "Nobody has verified" in page.text
    assert "known to this gateway" not in page.text


@pytest.mark.requirement("AZ-04", "CL-06")
async def test_the_consent_page_marks_a_host_that_the_operator_knows() -> None:
    world = World(client_metadata_hosts=("editor.example",))
    world.published.publish(CLIENT_ID, document())
    page = await world.http.get(ClientApp(CLIENT_ID).authorization_url())
    assert "known to this gateway" in page.text
    assert "nobody has verified" not in page.text
    assert "runs on your computer" in page.text


@pytest.mark.requirement("CL-06")
async def test_documents_of_other_hosts_are_refused_where_the_operator_says_so_and_not_even_fetched() -> None:
    world = World(client_metadata_hosts=("other.example",), client_metadata_hosts_only=True)
    world.published.publish(CLIENT_ID, document())
    assert "may not connect" in await refusal(world)
    assert world.published.asked == []


UNUSABLE: list[Any] = [
    pytest.param({"client_id": None}, "client_id", id="no client_id"),
    pytest.param({"client_id": CLIENT_ID + "?"}, "client_id", id="another client_id"),
    pytest.param({"client_id": CLIENT_ID.upper()}, "client_id", id="the client_id in another case"),
    pytest.param({"client_name": None}, "client_name", id="no name"),
    pytest.param({"redirect_uris": None}, "redirect_uris", id="no redirect_uris"),
    pytest.param({"redirect_uris": ["javascript:alert(1)"]}, "scheme javascript", id="script"),
    pytest.param({"redirect_uris": ["http://editor.example/cb"]}, "http must be on", id="http beyond loopback"),
    pytest.param({"grant_types": ["implicit"]}, "grant_types", id="grant types that we do not have"),
    pytest.param({"response_types": ["token"]}, "response_types", id="implicit"),
    pytest.param({"token_endpoint_auth_method": "client_secret_basic"}, "none or private_key_jwt", id="a secret"),
    pytest.param({"client_secret": "s"}, "none or private_key_jwt", id="a secret in public"),
    pytest.param({"client_secret_expires_at": 0}, "none or private_key_jwt", id="the end of a secret"),
    pytest.param({"token_endpoint_auth_method": "private_key_jwt"}, "jwks", id="no keys"),
    pytest.param(
        {"token_endpoint_auth_method": "private_key_jwt", "jwks": PUBLIC_KEYS, "jwks_uri": "https://a.test/k"},
        "either jwks or jwks_uri",
        id="keys twice",
    ),
    pytest.param(
        {"token_endpoint_auth_method": "private_key_jwt", "jwks": PRIVATE_KEYS}, "public keys", id="a private key"
    ),
    pytest.param(
        {"token_endpoint_auth_method": "private_key_jwt", "jwks_uri": "http://a.test/k"}, "not https", id="keys by http"
    ),
    pytest.param({"application_type": "web"}, "web application", id="a web application on loopback"),
    pytest.param({"application_type": "other"}, "application_type", id="another type"),
    pytest.param({"application_type": []}, "application_type", id="a type that is a list"),
    pytest.param({"token_endpoint_auth_method": []}, "none or private_key_jwt", id="a method that is a list"),
    pytest.param(
        {"token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": [{"kty": []}]}}, "public keys", id="odd key"
    ),
    pytest.param(
        {"token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": [{"kty": "EC", "kid": []}]}},
        "kid",
        id="odd kid",
    ),
    pytest.param(
        {"token_endpoint_auth_method": "private_key_jwt", "jwks_uri": f"{GATEWAY}/k"}, "or is here", id="our own keys"
    ),
]


@pytest.mark.parametrize(("changed", "says"), UNUSABLE)
async def test_metadata_that_is_not_usable_is_refused_with_the_reason(
    world: World, changed: dict[str, Any], says: str
) -> None:
    world.published.publish(CLIENT_ID, document(**changed))
    assert says in await refusal(world)


ANSWERS: list[Any] = [
    pytest.param(Unfetchable("10.0.0.7 is where we may not go"), 400, "cannot be fetched", id="inside"),
    pytest.param(FetchFailed("no answer in time"), 503, "did not arrive", id="down"),
    pytest.param(Fetched({"content-type": "text/html"}, b"{}"), 400, "application/json", id="HTML"),
    pytest.param(Fetched({}, b"{}"), 400, "application/json", id="no type"),
    pytest.param(Fetched({"content-type": "application/json"}, b"[]"), 400, "JSON object", id="no object"),
    pytest.param(Fetched({"content-type": "application/json"}, b"{"), 400, "JSON object", id="no JSON"),
    pytest.param(
        Fetched({"content-type": "application/json", "content-encoding": "gzip"}, b"{}"), 400, "compressed", id="gzip"
    ),
    pytest.param(
        Fetched({"content-type": "application/json"}, '{"client_id": "a"}'.encode("utf-16")),
        400,
        "JSON object",
        id="UTF-16",
    ),
    pytest.param(
        Fetched({"content-type": "application/json"}, b'{"client_id": "a", "client_id": "b"}'),
        400,
        "JSON object",
        id="a member twice",
    ),
]


@pytest.mark.requirement("CL-02", "OP-04")
@pytest.mark.parametrize(("answer", "status", "says"), ANSWERS)
async def test_what_is_no_document_is_refused_and_tells_nothing_of_the_inside(
    world: World, answer: Any, status: int, says: str
) -> None:
    world.published.pages[CLIENT_ID] = answer
    page = await refusal(world, status=status)
    assert says in page
    assert "10.0.0.7" not in page
    world.published.publish(CLIENT_ID, document())
    world.clock.advance(AGAIN)
    assert (await world.http.get(ClientApp(CLIENT_ID).authorization_url())).status_code == 200


async def test_json_of_a_more_exact_type_is_json_too(world: World) -> None:
    world.published.publish(CLIENT_ID, document(), content_type="application/client-metadata+json; charset=utf-8")
    assert (await world.http.get(ClientApp(CLIENT_ID).authorization_url())).status_code == 200


NOT_URLS = ["https://editor.example", "https://editor.example/", "http://editor.example/c.json", "ftp://a.test/c"]
NOT_URLS += ["https://a@editor.example/c", "https://editor.example/c#f", "https://editor.example/../c"]
NOT_URLS += [f"{GATEWAY}/oauth/authorize?client_id=x", "https://MCP.TEST/c", "https://mcp.test:443/c"]
NOT_URLS += ["https://0x7f.1/c", "https://2130706433/c", "http://localhost:9/c.json", "https:editor.example/c"]


@pytest.mark.requirement("CL-02", "AZ-01")
@pytest.mark.parametrize("client_id", NOT_URLS)
async def test_what_is_no_https_url_with_a_path_is_no_client_and_is_not_fetched(world: World, client_id: str) -> None:
    assert "not known here" in await refusal(world, client_id)
    assert world.published.asked == []


async def test_loopback_http_is_taken_in_development_alone() -> None:
    world = World(allow_loopback_client_metadata=True, development_mode=True)
    client_id = "http://localhost:9999/client.json"
    world.published.publish(client_id, document(client_id=client_id))
    assert (await world.http.get(ClientApp(client_id).authorization_url())).status_code == 200
    assert "not known here" in await refusal(world, "http://editor.example/client.json")


async def test_a_document_is_fetched_once_while_it_is_fresh_and_for_every_replica(world: World) -> None:
    world.published.publish(CLIENT_ID, document(), cache_control="max-age=600")
    client = ClientApp(CLIENT_ID)
    await world.http.get(client.authorization_url())
    world.app = world.replica()
    await world.new_browser().open(client.authorization_url())
    world.clock.advance(timedelta(seconds=599))
    await world.http.get(client.authorization_url())
    assert len(world.published.asked) == 1
    world.clock.advance(timedelta(seconds=1))
    world.published.publish(CLIENT_ID, document(client_name="Renamed"))
    assert "Renamed" in (await world.http.get(client.authorization_url())).text


async def test_a_document_that_is_not_to_be_stored_is_fetched_again_after_ten_seconds(world: World) -> None:
    world.published.publish(CLIENT_ID, document(), cache_control="no-store")
    for _ in range(2):
        await world.http.get(ClientApp(CLIENT_ID).authorization_url())
    assert len(world.published.asked) == 1
    world.clock.advance(AGAIN)
    await world.http.get(ClientApp(CLIENT_ID).authorization_url())
    assert len(world.published.asked) == 2


@pytest.mark.requirement("OP-04")
async def test_a_document_past_its_time_stands_in_while_its_host_is_down(world: World) -> None:
    world.published.publish(CLIENT_ID, document(), cache_control="max-age=60")
    tokens = await world.tokens(ClientApp(CLIENT_ID))
    world.published.pages[CLIENT_ID] = FetchFailed("down")
    world.clock.advance(timedelta(hours=2))
    refreshed = await world.token(ClientApp(CLIENT_ID).refresh_form(tokens["refresh_token"]))
    assert refreshed.status_code == 200


@pytest.mark.requirement("OP-04", "TK-03")
async def test_a_host_that_is_down_never_makes_a_client_throw_its_tokens_away(world: World) -> None:
    world.published.publish(CLIENT_ID, document(), cache_control="no-store")
    tokens = await world.tokens(ClientApp(CLIENT_ID))
    world.published.pages[CLIENT_ID] = FetchFailed("down")
    world.clock.advance(AGAIN)
    form = ClientApp(CLIENT_ID).refresh_form(tokens["refresh_token"])
    answer = await world.token(form)
    assert (answer.status_code, answer.json()["error"]) == (503, "temporarily_unavailable")
    world.published.publish(CLIENT_ID, document())
    world.clock.advance(AGAIN)
    assert (await world.token(form)).status_code == 200


async def test_a_client_whose_document_is_gone_is_a_client_no_more(world: World) -> None:
    world.published.publish(CLIENT_ID, document(), cache_control="no-store")
    tokens = await world.tokens(ClientApp(CLIENT_ID))
    world.published.pages[CLIENT_ID] = Unfetchable("the answer was 404")
    world.clock.advance(AGAIN)
    answer = await world.token(ClientApp(CLIENT_ID).refresh_form(tokens["refresh_token"]))
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


@pytest.mark.requirement("CL-05")
async def test_a_documented_loopback_redirect_is_met_at_any_port(world: World) -> None:
    world.published.publish(
        CLIENT_ID, document(redirect_uris=["http://localhost/callback", "http://127.0.0.1/callback"])
    )
    answer = await world.authorize(ClientApp(CLIENT_ID))
    assert answer["code"]


@pytest.mark.requirement("DI-05")
@pytest.mark.parametrize("offered", [True, False])
async def test_documents_are_offered_exactly_when_they_are_taken(offered: bool) -> None:
    world = World(client_metadata_documents=offered)
    world.published.publish(CLIENT_ID, document())
    metadata = (await world.http.get(f"{GATEWAY}/.well-known/oauth-authorization-server")).json()
    assert metadata.get("client_id_metadata_document_supported", False) is offered
    page = await world.http.get(ClientApp(CLIENT_ID).authorization_url())
    assert page.status_code == (200 if offered else 400)


@pytest.mark.requirement("CL-06")
@pytest.mark.parametrize(
    ("hosts", "status"), [(("127.0.0.1",), 200), (("editor.example",), 400), (("cursor:", "localhost"), 400)]
)
async def test_codes_go_to_hosts_on_the_operators_list_alone(hosts: tuple[str, ...], status: int) -> None:
    world = World(client_redirect_hosts=hosts)
    world.published.publish(CLIENT_ID, document())
    assert (await world.http.get(ClientApp(CLIENT_ID).authorization_url())).status_code == status


async def test_who_denies_sends_the_client_its_answer(world: World) -> None:
    world.published.publish(CLIENT_ID, document())
    page = await world.browser.open(ClientApp(CLIENT_ID).authorization_url())
    assert answer_of(await world.browser.submit(page, {"decision": "deny"}))["error"] == "access_denied"


@pytest.mark.requirement("CL-02", "OP-09")
@pytest.mark.parametrize(
    "answer",
    [Unfetchable("the answer was 404"), FetchFailed("down"), Fetched({"content-type": "text/html"}, b"")],
    ids=["missing", "down", "no document"],
)
async def test_what_cannot_be_had_is_asked_for_once_in_a_while_however_often_strangers_ask(
    world: World, answer: Any
) -> None:
    world.published.pages[CLIENT_ID] = answer
    for _ in range(20):
        assert (await world.http.get(ClientApp(CLIENT_ID).authorization_url())).status_code in {400, 503}
        await world.token({"grant_type": "refresh_token", "client_id": CLIENT_ID})
    assert len(world.published.asked) == 1


async def test_many_who_ask_at_once_are_answered_by_one_fetch(world: World) -> None:
    gate = anyio.Event()

    async def slowly(uri: HttpURI, limit: int) -> Fetched:
        await gate.wait()
        return await PublishedDocuments.fetch(world.published, uri, limit)

    world.published.publish(CLIENT_ID, document())
    world.published.fetch = slowly  # type: ignore[method-assign]
    async with anyio.create_task_group() as group:
        for _ in range(20):
            group.start_soon(world.http.get, ClientApp(CLIENT_ID).authorization_url())
        await anyio.wait_all_tasks_blocked()
        gate.set()
    assert len(world.published.asked) == 1


async def test_a_document_cannot_grow_by_being_fetched_as_a_key_set_before(world: World) -> None:
    long = document(padding="x" * 40_000)
    world.published.publish(CLIENT_ID, long, cache_control="max-age=600")
    thief = "https://thief.example/client.json"
    method = {"token_endpoint_auth_method": "private_key_jwt", "jwks_uri": CLIENT_ID}
    world.published.publish(thief, document(client_id=thief, **method))
    proof = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": "a.b.c"}
    await world.token({"grant_type": "refresh_token", "client_id": thief, **proof})
    assert (await world.http.get(ClientApp(CLIENT_ID).authorization_url())).status_code == 400
