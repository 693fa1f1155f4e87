"""Grants that no browser took part in: how long they are there, what they tell, and what older releases wrote."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from starlette.datastructures import Headers

from authproxy_common.events import Events
from authproxy_common.exchange import Person, SignIn
from authproxy_common.http.metrics import Metrics
from authproxy_common.records import Collection
from authproxy_common.secret import Secret
from mcp_gateway.collections import Collections
from mcp_gateway.domain.challenges import Challenge
from mcp_gateway.domain.resources import MCPServer
from mcp_gateway.flows.grants import Grants
from mcp_gateway.proxy.admission import TokenAdmission
from mcp_gateway.proxy.callers import Caller
from mcp_gateway.settings import ClientSettings, TrustedIssuerSettings
from mcp_gateway.tokens.access_tokens import AccessTokens
from tests.support.enterprise import ACME, CLIENTS, ISSUERS, SECRET, WIKI, Enterprise
from tests.support.gateway import GATEWAY

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("MA-08")]

BUILD = ClientSettings(
    grant_types=("client_credentials",),
    token_endpoint_auth_method="client_secret_basic",
    client_secret=Secret(SECRET),
    servers={"wiki": ("read",)},
)


@pytest.fixture
def world() -> Enterprise:
    made = Enterprise(clients={**CLIENTS, "build": BUILD})
    # Tokens have whole seconds.
    made.clock.advance(timedelta(milliseconds=900))
    return made


def grants_of(world: Enterprise) -> Grants:
    kept = Collections.of(world.settings, world.store, world.sealing_keys)
    grace, events = timedelta(minutes=1), Events(Metrics())
    return Grants(kept.grants, kept.rotations, kept.ended, kept.epochs, grace, world.clock, events)


async def admitted(world: Enterprise, token: str) -> Caller:
    """Whom a replica sees that has just been started, and where something behind the door has to know the grant."""
    tokens = AccessTokens(GATEWAY, world.signing_keys, timedelta(minutes=10), world.clock)
    door = TokenAdmission(tokens, grants_of(world), world.clock, tells_grants=True)
    server = MCPServer.at(GATEWAY, "wiki", {"read": "Read"}, ("read",))
    return await door.admit(server, Headers({"authorization": f"Bearer {token}"}))


async def by_itself(world: Enterprise) -> str:
    form = {"grant_type": "client_credentials", "resource": WIKI}
    value: str = (await world.token(form, auth=("build", SECRET))).json()["access_token"]
    return value


async def asserted(world: Enterprise, **changed: Any) -> str:
    value: str = (await world.present(world.good(**changed))).json()["access_token"]
    return value


@pytest.mark.requirement("MA-02")
async def test_of_a_client_that_acts_for_nobody_nothing_is_told_but_that(world: Enterprise) -> None:
    caller = await admitted(world, await by_itself(world))
    assert (caller.token.subject, caller.token.is_of_a_client, caller.person) == ("client:build", True, None)
    assert caller.grant
    assert caller.grant.sign_in is None


@pytest.mark.requirement("MA-09")
async def test_of_an_asserted_person_is_told_what_the_issuer_said_of_them(world: Enterprise) -> None:
    further = {"groups": ["staff"], "email_verified": True, "auth_time": 1767268800, "act": {"sub": "agent"}}
    caller = await admitted(world, await asserted(world, **further))
    assert (caller.token.subject, caller.token.is_of_a_client) == ("acme:alice", False)
    assert caller.person == Person("acme", {"sub": "alice", "email": "alice@acme.example", **further})
    assert caller.grant
    assert caller.grant.sign_in is None


ADDRESSES: list[Any] = [
    pytest.param("alice@acme.example", {}, True, id="of its domain"),
    pytest.param("Alice@ACME.example", {"email_verified": False}, True, id="in capitals, whatever else it says"),
    pytest.param("alice@partner.example", {"email_verified": True}, False, id="of another domain"),
    pytest.param("alice@acme.example.evil.example", {"email_verified": True}, False, id="of a domain that begins so"),
    pytest.param("alice@evil-acme.example", {"email_verified": True}, False, id="of a domain that ends so"),
    pytest.param("alice@\u212acme.example", {"email_verified": True}, False, id="of a domain in capitals of a kind"),
    pytest.param("@acme.example", {"email_verified": True}, False, id="of nobody"),
    pytest.param("acme.example", {"email_verified": True}, False, id="no address"),
    pytest.param(["alice@acme.example"], {"email_verified": True}, False, id="a list"),
    pytest.param(None, {"email_verified": True}, False, id="none"),
]


@pytest.mark.requirement("MA-09")
@pytest.mark.parametrize(("email", "further", "counts"), ADDRESSES)
async def test_an_address_counts_where_the_issuer_may_speak_for_its_domain(
    email: Any, further: dict[str, Any], counts: bool
) -> None:
    issuer = TrustedIssuerSettings(
        issuer=ACME,
        jwks_uri=f"{ACME}/keys",
        clients=("editor", "robot"),
        servers={"wiki": ("read",)},
        email_domains=("acme.example", "kcme.example"),
    )
    world = Enterprise(trusted_issuers={**ISSUERS, "acme": issuer})
    person = (await admitted(world, await asserted(world, email=email, **further))).person
    assert person
    assert person.user == {"sub": "alice"} | ({"email": email, "email_verified": True} if counts else {})


@pytest.mark.parametrize("issue", [by_itself, asserted])
async def test_a_grant_is_there_for_as_long_as_its_token_and_not_much_longer(world: Enterprise, issue: Any) -> None:
    token = await issue(world)
    caller = await admitted(world, token)
    assert caller.grant
    ends_at = grants_of(world).ends_at(caller.grant)
    assert timedelta(0) <= ends_at - caller.token.expires_at <= timedelta(minutes=2)
    world.clock.at = caller.token.expires_at - timedelta(milliseconds=1)
    await admitted(world, token)
    world.clock.at = caller.token.expires_at
    with pytest.raises(Challenge):
        await admitted(world, token)


async def test_no_refresh_token_of_such_a_grant_can_be_made_up(world: Enterprise) -> None:
    caller = await admitted(world, await by_itself(world))
    assert caller.grant
    form = {"grant_type": "refresh_token", "refresh_token": f"rt_{caller.grant.grant_id}.0.{'A' * 43}"}
    answer = await world.token({**form, "client_id": "editor"}, auth=("editor", SECRET))
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")


@dataclass(frozen=True, slots=True)
class OlderGrant:
    """What the release before wrote and reads."""

    grant_id: str
    client_id: str
    subject: str
    resource: str
    scope: tuple[str, ...]
    secret: Secret
    opened_at: datetime
    sign_in: SignIn
    checked_at: datetime
    consent_id: str | None = None


SIGN_IN = SignIn("keycloak", Secret("provider-access"), refresh_token=Secret("provider-refresh"), user={"sub": "alice"})
OLDER = OlderGrant(
    grant_id="g" * 43,
    client_id="editor",
    subject="keycloak:alice",
    resource=WIKI,
    scope=("read",),
    secret=Secret("of its refresh tokens"),
    opened_at=datetime(2026, 1, 1, 12, tzinfo=UTC),
    sign_in=SIGN_IN,
    checked_at=datetime(2026, 1, 1, 12, tzinfo=UTC),
)


@pytest.mark.requirement("ST-04")
async def test_two_releases_read_each_others_grants_of_people(world: Enterprise) -> None:
    newer = Collections.of(world.settings, world.store, world.sealing_keys).grants
    older = Collection(world.store, newer.name, OlderGrant, newer.ttl, world.sealing_keys)
    await older.put(OLDER.grant_id, OLDER)
    grant = await newer.get(OLDER.grant_id)
    assert grant
    assert (grant.person, grant.asserted, grant.ends_at) == (SIGN_IN.person, None, None)
    await newer.put("renewed", replace(grant, consent_id="c"))
    assert await older.get("renewed") == replace(OLDER, consent_id="c")
