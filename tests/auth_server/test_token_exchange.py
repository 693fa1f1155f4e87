"""Tokens are exchanged for gateways that authenticate, for the services listed for them, and for nobody else."""

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx
import pytest
from joserfc import jws
from starlette.responses import JSONResponse, Response
from structlog.testing import capture_logs

from auth_server.settings.gateways import GatewaySettings
from authproxy_common.secret import Secret
from tests.support.auth_server import GATEWAY_URI, AuthServerWorld, check_json
from tests.support.openid_provider import ACCESS_TOKEN, JWT_BEARER, TOKEN_EXCHANGE, Issued, rsa_key

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("UP-05")]

SECRET, OTHER_SECRET = "the secret of a gateway", "the secret of another gateway"
PAYROLL = "https://payroll.test/api"
GATEWAYS = {
    "mcp": GatewaySettings(
        allowed_redirect_uris=("https://mcp.test/cb",),
        client_secret=Secret(SECRET),
        token_exchange={"test": ("wiki", PAYROLL, "read")},
    ),
    "shop": GatewaySettings(allowed_redirect_uris=("https://shop.test/cb",), client_secret=Secret(OTHER_SECRET)),
}
SERVICES = {"wiki": frozenset({"read", "write"}), PAYROLL: frozenset({"pay"}), "secret": frozenset({"read"})}


@pytest.fixture
def auth() -> AuthServerWorld:
    return AuthServerWorld(gateways=GATEWAYS, provider={"services": SERVICES})


async def exchange(
    auth: AuthServerWorld, subject_token: str | None, name: str | None = "mcp", secret: str = SECRET, **form: str
) -> httpx.Response:
    """As the gateway `name`, for the service `wiki` unless the form names another."""
    given = form if form.keys() & {"audience", "resource", "scope"} else {"audience": "wiki", **form}
    given |= {"subject_token": subject_token} if subject_token else {}
    proof = {"auth": httpx.BasicAuth(name, secret)} if name else {}
    return await auth.post("/gateway-oauth/token-exchange", data=given, **proof)


async def test_a_gateway_gets_a_token_for_a_service_in_place_of_the_providers_own(auth: AuthServerWorld) -> None:
    subject_token = await auth.access_token()
    auth.clock.advance(timedelta(minutes=10))

    answer = await exchange(auth, subject_token, provider="test", audience="wiki", scope="read write")

    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    body = answer.json()
    assert auth.provider.exchanged.pop(body.pop("access_token")).scope == "wiki read write"
    assert body == {
        "issued_token_type": ACCESS_TOKEN,
        "token_type": "Bearer",
        "expires_in": 3000,
        "scope": "read write",
    }
    [asked] = [form for form in auth.provider.asked["token"] if form["grant_type"] == TOKEN_EXCHANGE]
    assert asked == {
        "grant_type": TOKEN_EXCHANGE,
        "subject_token": subject_token,
        "subject_token_type": ACCESS_TOKEN,
        "audience": "wiki",
        "scope": "read write",
    }


@pytest.mark.parametrize("named", [{"audience": "wiki"}, {"resource": PAYROLL}, {"scope": "read"}])
async def test_a_service_is_named_by_any_of_three(auth: AuthServerWorld, named: dict[str, str]) -> None:
    assert (await exchange(auth, await auth.access_token(), **named)).status_code == 200


@pytest.mark.parametrize(
    ("name", "secret"),
    [
        pytest.param(None, "", id="nobody"),
        pytest.param("mcp", "guessed", id="a wrong secret"),
        pytest.param("app", SECRET, id="an unknown gateway"),
    ],
)
async def test_who_does_not_authenticate_gets_none(auth: AuthServerWorld, name: str | None, secret: str) -> None:
    """Though there is a URI that needs no credentials, and anybody's refresh would be answered."""
    assert GATEWAY_URI in auth.settings.proxy_oauth.allowed_redirect_uris

    check_json(await exchange(auth, await auth.access_token(), name, secret), 401, "invalid_client")
    assert auth.provider.exchanged == {}


@pytest.mark.parametrize(
    ("gateway", "named"),
    [
        pytest.param("mcp", {"audience": "secret"}, id="a service that is not listed"),
        pytest.param("mcp", {"audience": "Wiki"}, id="another name"),
        pytest.param("mcp", {"audience": "wiki", "resource": "https://secret.test"}, id="one listed and one not"),
        pytest.param("mcp", {"scope": "read write"}, id="a scope that is not listed beside one that is"),
        pytest.param("mcp", {"scope": " "}, id="nothing"),
        pytest.param("shop", {"audience": "wiki"}, id="a gateway with no list"),
    ],
)
async def test_what_is_not_listed_for_a_gateway_is_not_asked_for(
    auth: AuthServerWorld, gateway: str, named: dict[str, str]
) -> None:
    subject_token = await auth.access_token()
    asked = auth.provider.times_asked("token")

    with capture_logs() as lines:
        answer = await exchange(auth, subject_token, gateway, SECRET if gateway == "mcp" else OTHER_SECRET, **named)

    check_json(answer, 400, "invalid_target")
    assert auth.provider.times_asked("token") == asked
    [alarm] = [line for line in lines if line["event"] == "token_exchange_not_allowed"]
    assert (alarm["gateway"], alarm["provider"], alarm["audit"]) == (gateway, "test", True)


async def test_what_is_listed_at_one_provider_is_not_asked_for_at_another() -> None:
    auth = AuthServerWorld(gateways=GATEWAYS, provider={"services": SERVICES}, providers=("test", "other"))
    token = await auth.access_token(provider="test")

    check_json(await exchange(auth, token, provider="other"), 400, "invalid_target")
    check_json(await exchange(auth, token), 400, "invalid_request")
    assert (await exchange(auth, token, provider="test")).status_code == 200


@pytest.mark.parametrize(
    ("form", "says"),
    [
        pytest.param({}, "subject_token", id="no token"),
        pytest.param(
            {"subject_token": "x", "subject_token_type": f"{ACCESS_TOKEN[:-12]}id_token"}, "type", id="an ID token"
        ),
        pytest.param({"subject_token": "x", "provider": "unknown"}, "provider", id="an unknown provider"),
    ],
)
async def test_a_request_out_of_form_is_told_what_it_lacks(
    auth: AuthServerWorld, form: dict[str, str], says: str
) -> None:
    answer = await exchange(auth, form.pop("subject_token", None), audience="wiki", **form)

    check_json(answer, 400, "invalid_request")
    assert says in answer.json()["error_description"]


async def test_a_token_that_ended_is_not_exchanged(auth: AuthServerWorld) -> None:
    subject_token = await auth.access_token()
    auth.clock.advance(timedelta(hours=1))

    check_json(await exchange(auth, subject_token), 400, "invalid_grant")


REFUSALS: list[Any] = [
    pytest.param("invalid_grant", 400, "invalid_grant", False, id="the token is not accepted"),
    pytest.param("invalid_token", 400, "invalid_grant", False, id="the same in Keycloak's words"),
    pytest.param("access_denied", 403, "access_denied", False, id="not for this person"),
    pytest.param("interaction_required", 403, "access_denied", False, id="the person must prove more"),
    pytest.param("consent_required", 403, "access_denied", False, id="the person must agree"),
    pytest.param("invalid_target", 400, "invalid_target", True, id="an unknown service"),
    pytest.param("invalid_scope", 400, "invalid_scope", True, id="an unknown scope"),
    pytest.param("unauthorized_client", 500, "server_error", True, id="our client may not"),
    pytest.param("unsupported_grant_type", 500, "server_error", True, id="there is no such grant"),
    pytest.param("invalid_request", 500, "server_error", True, id="something in the request"),
    pytest.param("temporarily_unavailable", 503, "temporarily_unavailable", True, id="not now"),
    pytest.param("gibberish: <script>", 500, "server_error", True, id="anything at all"),
]


@pytest.mark.requirement("UP-05", "OP-04")
@pytest.mark.parametrize(("said", "status", "error", "is_alarm"), REFUSALS)
async def test_each_refusal_of_the_provider_is_told_for_what_it_is(
    auth: AuthServerWorld, said: str, status: int, error: str, is_alarm: bool
) -> None:
    subject_token = await auth.access_token()
    auth.provider.exchange_error = said

    with capture_logs() as lines:
        answer = await exchange(auth, subject_token)

    check_json(answer, status, error)
    assert "gibberish" not in answer.text
    [failed] = [line for line in lines if line["event"] == "token_exchange_failed"]
    assert (failed["gateway"], failed["provider"], failed["error"]) == ("mcp", "test", error)
    assert failed.get("audit", False) is is_alarm


ANSWERS: list[Any] = [
    pytest.param({"issued_token_type": f"{ACCESS_TOKEN[:-12]}id_token"}, 500, id="an ID token"),
    pytest.param({"token_type": "N_A"}, 500, id="a token that is not for calling"),
    pytest.param({"token_type": "DPoP"}, 500, id="a token that is bound to a key"),
    pytest.param({"access_token": None}, 500, id="no token"),
    pytest.param({"access_token": 7}, 500, id="a number"),
    pytest.param({"token_type": "bearer"}, 200, id="another spelling"),
    pytest.param({"issued_token_type": None, "expires_in": None}, 200, id="the least there can be"),
    pytest.param({"issued_token_type": "urn:ietf:params:oauth:token-type:jwt"}, 200, id="one that is called a JWT"),
    pytest.param({"refresh_token": "not ours to have"}, 200, id="a refresh token too"),
]


@pytest.mark.requirement("UP-05", "OP-04")
@pytest.mark.parametrize(("members", "status"), ANSWERS)
async def test_only_a_bearer_access_token_is_handed_on(
    auth: AuthServerWorld, members: dict[str, Any], status: int
) -> None:
    subject_token = await auth.access_token()
    auth.provider.members = members

    answer = await exchange(auth, subject_token)

    assert answer.status_code == status, answer.text
    assert "refresh_token" not in answer.json()


@pytest.mark.requirement("UP-05", "OP-04")
@pytest.mark.parametrize(
    ("instead", "status"),
    [
        pytest.param(Response(status_code=503), 503, id="down"),
        pytest.param(Response("<html>", media_type="text/html"), 500, id="a page"),
        pytest.param(JSONResponse(["token"]), 500, id="a list"),
        pytest.param(JSONResponse({}, 404), 500, id="nothing"),
        pytest.param(JSONResponse({"error": ["invalid_grant"]}, 400), 500, id="an error that is none"),
    ],
)
async def test_a_provider_that_answers_something_else_is_not_taken_at_its_word(
    auth: AuthServerWorld, instead: Response, status: int
) -> None:
    subject_token = await auth.access_token()
    auth.provider.instead["token"] = instead

    assert (await exchange(auth, subject_token)).status_code == status


@pytest.mark.requirement("UP-05", "OP-02")
async def test_no_token_is_logged(auth: AuthServerWorld) -> None:
    subject_token = await auth.access_token()

    with capture_logs() as lines:
        exchanged = (await exchange(auth, subject_token)).json()["access_token"]
        auth.provider.exchange_error = "invalid_grant"
        await exchange(auth, subject_token)

    assert not [line for line in lines if exchanged in str(line) or subject_token in str(line)]


async def test_a_provider_without_openid_exchanges_too() -> None:
    endpoints = {
        name: f"https://idp.test/{path}"
        for name, path in (
            ("authorization_endpoint", "authorize"),
            ("token_endpoint", "token"),
            ("userinfo_endpoint", "userinfo"),
        )
    }
    configured = {"type": "oauth2", "issuer": "", "scope": "profile offline_access", **endpoints}
    auth = AuthServerWorld(
        gateways=GATEWAYS, provider={"services": SERVICES, "speaks_openid": False}, configured=configured
    )

    assert (await exchange(auth, await auth.access_token())).status_code == 200


@dataclass(frozen=True)
class Documented:
    """A vendor's word on its exchange of tokens.

    Args:
        document: Where it gives it, by title and section.
        parameters: The names of those that it takes, besides the client's credentials.
        kind: As which it is configured.
        target: A service, as it has to be named there.
        unread: What was not to be had, so that what the row says of it is general knowledge.
    """

    document: str
    parameters: str
    kind: str
    target: dict[str, str]
    unread: str = ""


VENDORS = {
    "Keycloak": Documented(
        document="Configuring and using token exchange (securing-apps/token-exchange): Request and response parameters",
        parameters="grant_type subject_token subject_token_type requested_token_type scope audience",
        kind="keycloak",
        target={"audience": "wiki", "scope": "read"},
    ),
    "Okta": Documented(
        document="Set up OAuth 2.0 On-Behalf-Of Token Exchange: Token exchange request from service app to API",
        parameters="grant_type subject_token_type subject_token scope audience",
        kind="oidc",
        target={"audience": "wiki", "scope": "read"},
    ),
    "Auth0": Documented(
        document="Authentication API, On-Behalf-Of Token Exchange: Get Token",
        parameters="grant_type subject_token subject_token_type audience scope organization",
        kind="auth0",
        target={"audience": "wiki"},
        unread="the request body; whether a client of the type that it asks for signs people in",
    ),
}


@pytest.mark.requirement("UP-05", "BR-09")
@pytest.mark.parametrize("vendor", VENDORS.values(), ids=VENDORS)
async def test_each_vendor_is_asked_for_what_it_documents(vendor: Documented) -> None:
    issuer = "https://idp.test/" if vendor.kind == "auth0" else "https://idp.test"
    auth = AuthServerWorld(
        gateways=GATEWAYS,
        provider={"services": SERVICES, "issuer": issuer},
        configured={"type": vendor.kind, "issuer": issuer},
    )

    answer = await exchange(auth, await auth.access_token(), **vendor.target)

    assert answer.status_code == 200, answer.text
    assert auth.provider.asked["token"][-1].keys() <= set(vendor.parameters.split())


@pytest.mark.requirement("UP-05", "BR-09")
async def test_keycloak_is_not_asked_for_a_resource_that_it_would_overlook() -> None:
    auth = AuthServerWorld(gateways=GATEWAYS, provider={"services": SERVICES}, configured={"type": "keycloak"})
    subject_token = await auth.access_token()
    asked = auth.provider.times_asked("token")

    check_json(await exchange(auth, subject_token, resource=PAYROLL), 400, "invalid_target")
    assert auth.provider.times_asked("token") == asked


# "Microsoft identity platform and OAuth2.0 On-Behalf-Of flow": First case: Access token request with a shared secret.
TENANT = "8eaef023-2b34-4da1-9baa-8bc8c9d6a490"
WIKI_SCOPE = "api://wiki/read"


def entra(tenant: str = TENANT, **provider: Any) -> AuthServerWorld:
    """Whose tokens are for the API of the auth server's own client, as Entra wants them to be exchanged."""
    issuer = f"https://login.microsoftonline.com/{tenant}/v2.0"
    claims = {"iss": f"https://login.microsoftonline.com/{TENANT}/v2.0", "tid": TENANT}
    gateway = GatewaySettings(
        allowed_redirect_uris=("https://mcp.test/cb",),
        client_secret=Secret(SECRET),
        token_exchange={"test": (WIKI_SCOPE,)},
    )
    given: dict[str, Any] = {"issuer": issuer, "claims": claims, "services": {"api://wiki": frozenset({"read"})}}
    scope = "openid profile offline_access api://broker/access_as_user"
    return AuthServerWorld(
        gateways={"mcp": gateway}, provider={**given, "on_behalf_of": True, **provider}, configured={"scope": scope}
    )


@pytest.mark.requirement("UP-05", "BR-09")
async def test_entra_is_asked_in_its_own_way() -> None:
    auth = entra()
    subject_token = await auth.access_token()

    answer = await exchange(auth, subject_token, scope=WIKI_SCOPE)

    assert answer.status_code == 200, answer.text
    asked = auth.provider.asked["token"][-1]
    assert asked == {
        "grant_type": JWT_BEARER,
        "assertion": subject_token,
        "requested_token_use": "on_behalf_of",
        "scope": WIKI_SCOPE,
    }


@pytest.mark.requirement("UP-05", "BR-09")
@pytest.mark.parametrize("named", [{"audience": WIKI_SCOPE}, {"resource": WIKI_SCOPE, "scope": WIKI_SCOPE}])
async def test_entra_is_not_asked_for_what_it_would_not_understand(named: dict[str, str]) -> None:
    auth = entra()
    subject_token = await auth.access_token()
    asked = auth.provider.times_asked("token")

    check_json(await exchange(auth, subject_token, **named), 400, "invalid_target")
    assert auth.provider.times_asked("token") == asked


@pytest.mark.requirement("UP-05", "BR-09")
@pytest.mark.parametrize("unverified", [TENANT, None, "../../evil", "common"])
async def test_at_an_issuer_of_many_tenants_the_tokens_own_is_asked(unverified: str | None) -> None:
    key = rsa_key("first").as_dict(private=False)
    template = "https://login.microsoftonline.com/{tenantid}/v2.0"
    auth = entra("organizations", metadata={"issuer": template}, published=[{**key, "issuer": template}])
    await auth.tokens()
    payload = json.dumps({"tid": unverified})
    token = jws.serialize_compact({"alg": "RS256"}, payload, rsa_key("first"), ["RS256"])
    auth.provider.access_tokens[token] = Issued(
        "api://broker/access_as_user", expires_at=auth.clock() + timedelta(hours=1)
    )
    paths: list[str] = []
    asked = auth.internet.event_hooks["request"]

    async def note(request: httpx.Request) -> None:
        paths.append(request.url.path)

    asked.append(note)
    await exchange(auth, token, scope=WIKI_SCOPE)

    assert paths[-1] == f"/{TENANT if unverified == TENANT else 'organizations'}/v2.0/token"
