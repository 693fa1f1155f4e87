"""Where the keys of trusted issuers come from, when they are asked for again, and what if they cannot be had."""

from datetime import timedelta
from typing import Any

import pytest

from authproxy_common.http.fetching import Fetched, FetchFailed, Unfetchable
from mcp_gateway.settings import TrustedIssuerSettings
from tests.support.client_assertions import client_key, jwks_of
from tests.support.enterprise import ACME, JWKS_URI, WIKI, Enterprise, check_refused
from tests.support.gateway import GATEWAY
from tests.support.network import virtual_network

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("MA-06")]

OPENID, OAUTH = f"{ACME}/.well-known/openid-configuration", f"{ACME}/.well-known/oauth-authorization-server"


def discovering(issuer: str = ACME, **changed: Any) -> Enterprise:
    """A gateway that knows nothing of the issuer but its identifier, whose keys are where they were."""
    settings = TrustedIssuerSettings(issuer=issuer, clients=("editor", "robot"), servers={"wiki": ("read", "write")})
    browser = TrustedIssuerSettings(issuer="https://other.example", clients=("browser",), servers={"wiki": ("read",)})
    world = Enterprise(trusted_issuers={"acme": settings, "other": browser}, **changed)
    world.acme.issuer = issuer
    return world


@pytest.fixture
def world() -> Enterprise:
    return Enterprise()


@pytest.mark.parametrize("where", [OPENID, OAUTH])
async def test_the_issuers_own_metadata_says_where_its_keys_are(where: str) -> None:
    world = discovering()
    world.published.publish(where, world.acme.metadata)
    assert await world.subject(await world.present(world.good())) == "acme:alice"
    assert JWKS_URI in world.published.asked


@pytest.mark.parametrize(
    "where",
    [
        "https://idp.example/acme/.well-known/openid-configuration",
        "https://idp.example/.well-known/oauth-authorization-server/acme",
    ],
)
@pytest.mark.parametrize("issuer", ["https://idp.example/acme", "https://idp.example/acme/"])
async def test_an_issuer_with_a_path_is_looked_for_where_it_describes_itself(issuer: str, where: str) -> None:
    world = discovering(issuer)
    world.published.publish(where, {**world.acme.metadata, "jwks_uri": JWKS_URI})
    assert await world.subject(await world.present(world.good())) == "acme:alice"


METADATA: list[Any] = [
    pytest.param({"issuer": f"{ACME}/"}, id="of another issuer"),
    pytest.param({"issuer": None}, id="of nobody"),
    pytest.param({"jwks_uri": None}, id="without keys"),
    pytest.param({"jwks_uri": 7}, id="with a number for keys"),
    pytest.param({"jwks_uri": "keys"}, id="with no URL for keys"),
    pytest.param({"jwks_uri": JWKS_URI.replace("https", "http")}, id="with keys that anybody could replace on the way"),
]


@pytest.mark.parametrize("changed", METADATA)
async def test_metadata_that_is_not_the_issuers_own_leads_nowhere(changed: dict[str, Any]) -> None:
    world = discovering()
    world.published.publish(JWKS_URI.replace("https", "http"), jwks_of(world.acme.key))
    world.published.publish(OPENID, {**world.acme.metadata, **changed})
    answer = await world.present(world.good())
    assert (answer.status_code, answer.json()["error"]) == (503, "temporarily_unavailable")


_FOR_A_DAY = {"content-type": "application/json", "cache-control": "max-age=86400"}
OUTAGES: list[Any] = [
    pytest.param(FetchFailed("down"), id="no answer"),
    pytest.param(Unfetchable("the answer was 404", 404), id="not there"),
    pytest.param(Fetched({"content-type": "text/html"}, b"<html>"), id="a page"),
    pytest.param(Fetched({"content-type": "application/json"}, b"[]"), id="no object"),
    pytest.param(Fetched(_FOR_A_DAY, b'{"keys": {}}'), id="no set"),
    pytest.param(Fetched(_FOR_A_DAY, b'{"keys": []}'), id="an empty set"),
    pytest.param(Fetched(_FOR_A_DAY, b'{"keys": [{"kty": "oct", "k": "c2VjcmV0"}]}'), id="no key of use"),
    pytest.param(Fetched(_FOR_A_DAY, b'{"keys": [%s{}]}' % (b"{}," * 200)), id="too many"),
]


@pytest.mark.requirement("OP-03", "OP-04")
@pytest.mark.parametrize("outage", OUTAGES)
async def test_keys_that_cannot_be_had_are_an_outage_and_the_assertion_stays_good(
    world: Enterprise, outage: Any
) -> None:
    world.published.pages[JWKS_URI], assertion = outage, world.good()
    answer = await world.present(assertion)
    assert (answer.status_code, answer.json()["error"]) == (503, "temporarily_unavailable")
    assert "retry-after" in answer.headers
    assert ACME not in answer.text
    metrics = (await world.http.get(f"{GATEWAY}/metrics")).text
    assert 'authproxy_events_total{event="issuer_keys_unavailable"} 1.0' in metrics
    assert 'authproxy_dependency_failures_total{dependency="issuer metadata"} 1.0' in metrics
    world.published.publish(JWKS_URI, jwks_of(world.acme.key))
    world.clock.advance(timedelta(seconds=30))
    assert (await world.present(assertion)).status_code == 200


async def test_keys_that_are_of_no_use_do_not_hide_those_that_are(world: Enterprise) -> None:
    others: list[Any] = [
        7,
        {},
        {"kty": "AKP", "alg": "ML-DSA-44", "pub": "x"},
        {"kty": "oct", "k": "c2VjcmV0"},
        {"kty": "EC", "kid": "broken", "crv": "P-256", "x": "x", "y": "y"},
        {"kty": "EC", "kid": 7, "crv": "P-256"},
    ]
    world.published.publish(JWKS_URI, {"keys": [*others, *jwks_of(world.acme.key)["keys"]]})
    assert (await world.present(world.good())).status_code == 200


async def test_new_keys_are_found_when_an_assertion_names_one_but_not_for_every_stranger(world: Enterprise) -> None:
    assert (await world.present(world.good())).status_code == 200
    old, world.acme.key = world.acme.key, client_key("newer")
    world.published.publish(JWKS_URI, jwks_of(world.acme.key))
    for _ in range(3):
        check_refused(await world.present(world.good()), "not signed with a key of its issuer")
    assert world.published.asked == [JWKS_URI]
    world.clock.advance(timedelta(seconds=30))
    assert (await world.present(world.good())).status_code == 200
    retired = world.acme.signed(world.acme.claims(GATEWAY, resource=WIKI), old)
    check_refused(await world.present(retired), "not signed with a key of its issuer")
    assert world.published.asked == [JWKS_URI] * 2


async def test_keys_are_fetched_once_for_all_replicas_while_they_are_fresh(world: Enterprise) -> None:
    world.published.publish(JWKS_URI, jwks_of(world.acme.key), cache_control="max-age=3600")
    assert (await world.present(world.good())).status_code == 200
    world.clock.advance(timedelta(minutes=59))
    async with virtual_network({GATEWAY: world.replica()}) as world.http:
        assert (await world.present(world.good())).status_code == 200
        assert world.published.asked == [JWKS_URI]
        world.clock.advance(timedelta(minutes=1))
        assert (await world.present(world.good())).status_code == 200
    assert world.published.asked == [JWKS_URI] * 2
