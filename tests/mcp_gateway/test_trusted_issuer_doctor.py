"""`mcp-gateway doctor` about trusted issuers, over real sockets."""

from datetime import timedelta
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from authproxy_common.clock import utc_now
from authproxy_common.doctor import Finding, Outcome
from mcp_gateway.doctor import examined
from mcp_gateway.settings import (
    AdapterSettings,
    ClientSettings,
    GatewaySettings,
    ServerSettings,
    TrustedIssuerSettings,
)
from tests.support.diagnosis import IMPATIENCE, closed, findings
from tests.support.servers import serving
from tests.support.trusted_issuer import JWT_BEARER, TrustedIssuer

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("OP-10", "MA-06")]

KEYS, CLOCK = "trusted issuer acme", "clock of trusted issuer acme"
REMEDY = (
    "trusted_issuers.acme.issuer must be its issuer identifier to the letter, or trusted_issuers.acme.jwks_uri must "
    "name its keys; this machine must reach both, or clients with its assertions get 503"
)


async def found(issuer: str, jwks_uri: str = "", **options: Any) -> tuple[Finding, Finding]:
    """What the doctor says of the issuer, whatever else it misses."""
    acme = TrustedIssuerSettings(issuer=issuer, jwks_uri=jwks_uri, clients=("editor",), servers={"default": ("mcp",)})
    config = AdapterSettings(
        public_url=closed(),
        external_auth_service_url=closed(),
        servers={"default": ServerSettings(url=f"{closed()}/mcp")},
        clients={"editor": ClientSettings(grant_types=(JWT_BEARER,))},
        trusted_issuers={"acme": acme},
    )
    all_of_them = await findings(examined, GatewaySettings(adapter_config=config), **options)
    return all_of_them[KEYS], all_of_them[CLOCK]


def issuer_at(origin: str) -> TrustedIssuer:
    return TrustedIssuer(origin, utc_now, "editor")


def answering(path: str, answer: Response) -> Starlette:
    """An issuer that answers there, and nowhere else."""

    async def endpoint(_request: Request) -> Response:
        return answer

    return Starlette(routes=[Route(path, endpoint)])


@pytest.mark.parametrize("discovered", [True, False])
async def test_an_issuer_whose_keys_and_time_are_right_passes(discovered: bool) -> None:
    issuer = issuer_at("")
    async with serving(issuer.app()) as issuer.issuer:
        keys, clock = await found(issuer.issuer, "" if discovered else f"{issuer.issuer}/keys")
    assert keys == Finding(KEYS, Outcome.PASSED, f"1 keys at {issuer.issuer}/keys")
    assert clock == Finding(CLOCK, Outcome.PASSED, "this machine's clock agrees with theirs")


@pytest.mark.parametrize("path", ["/acme", "/acme/"])
async def test_an_issuer_with_a_path_is_found_where_authorization_servers_describe_themselves(path: str) -> None:
    async def describe(request: Request) -> Response:
        origin = str(request.base_url).rstrip("/")
        return JSONResponse({"issuer": origin + path, "jwks_uri": f"{origin}/keys"})

    issuer = issuer_at("")
    app = Starlette(
        routes=[Route("/.well-known/oauth-authorization-server/acme", describe), Route("/keys", issuer.keys)]
    )
    async with serving(app) as origin:
        keys, _ = await found(origin + path)
    assert keys == Finding(KEYS, Outcome.PASSED, f"1 keys at {origin}/keys")


async def test_one_that_is_not_there_is_named_with_what_clients_get() -> None:
    origin = closed()
    keys, clock = await found(origin, patience=IMPATIENCE)
    url = f"{origin}/.well-known/openid-configuration"
    assert keys == Finding(KEYS, Outcome.FAILED, f"{url} cannot be reached: nothing listens there", REMEDY)
    assert clock.outcome == Outcome.SKIPPED


UNUSABLE: list[Any] = [
    pytest.param({"keys": []}, "has no public key of kty EC, RSA or OKP", id="no keys"),
    pytest.param({"keys": [{"kty": "oct", "k": "hunter2"}]}, "has no public key of kty EC, RSA or OKP", id="a secret"),
    pytest.param({"key": "hunter2"}, "is no JWK set of at most 200 keys", id="no set"),
]


@pytest.mark.parametrize(("document", "reason"), UNUSABLE)
async def test_keys_of_no_use_are_said_to_be(document: Any, reason: str) -> None:
    async with serving(answering("/keys", JSONResponse(document))) as origin:
        keys, _ = await found(origin, f"{origin}/keys")
    assert keys == Finding(KEYS, Outcome.FAILED, f"{origin}/keys {reason}", REMEDY)


@pytest.mark.parametrize(
    ("metadata", "reason"),
    [
        ({"issuer": "https://hunter2.example"}, "its metadata names another issuer"),
        ({"issuer": None, "jwks_uri": 7}, "its metadata names another issuer"),
    ],
)
async def test_metadata_of_somebody_else_is_said_to_be(metadata: Any, reason: str) -> None:
    path = "/.well-known/openid-configuration"
    async with serving(answering(path, JSONResponse(metadata))) as origin:
        keys, _ = await found(origin)
    assert keys == Finding(KEYS, Outcome.FAILED, f"{origin}{path}: {reason}", REMEDY)


async def test_a_clock_that_is_wrong_is_said_to_be() -> None:
    issuer = issuer_at("")
    async with serving(issuer.app()) as issuer.issuer:
        keys, clock = await found(issuer.issuer, now=lambda: utc_now() + timedelta(minutes=5))
    assert (keys.outcome, clock.outcome) == (Outcome.PASSED, Outcome.FAILED)
    assert "s ahead of theirs" in clock.reason
