"""Microsoft Entra ID: whose tokens count at an issuer of many tenants."""

import json
from datetime import timedelta
from typing import Any

import pytest
from joserfc import jws
from structlog.testing import capture_logs

from tests.support.auth_server import CODES, AuthServerWorld, answer_of, asked_of, check_json, check_sent_back
from tests.support.openid_provider import Issued, rsa_key

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("BR-01", "BR-09")]

HOST = "https://login.microsoftonline.com"
TENANT, OTHER = "8eaef023-2b34-4da1-9baa-8bc8c9d6a490", "82229342-1101-4ab6-817b-70c0747630f3"
CONSUMERS = "9188040d-6c67-4c5b-b112-36a304b66dad"
TEMPLATE = f"{HOST}/{{tenantid}}/v2.0"
# What the metadata of each says its issuer is, by the documents of Microsoft.
ISSUERS = {"common": TEMPLATE, "organizations": TEMPLATE, "consumers": f"{HOST}/{CONSUMERS}/v2.0"}


def of_tenant(tenant: str) -> str:
    return f"{HOST}/{tenant}/v2.0"


def world(
    configured: str, claims: dict[str, Any], key_issuer: str | None = TEMPLATE, **settings: Any
) -> AuthServerWorld:
    """An auth server configured for a tenant, or for several by one of their three names."""
    key = rsa_key("first").as_dict(private=False) | ({"issuer": key_issuer} if key_issuer else {})
    provider: dict[str, Any] = {"issuer": of_tenant(configured), "claims": claims, "published": [key]}
    provider["metadata"] = {"issuer": ISSUERS.get(configured, of_tenant(configured))}
    return AuthServerWorld(provider=provider, configured=settings)


def issued(tenant: str, **further: Any) -> dict[str, Any]:
    """The claims of a token that Entra issues to somebody of `tenant`."""
    return {"iss": of_tenant(tenant), "tid": tenant, **further}


@pytest.mark.parametrize(
    ("configured", "tenant"),
    [
        ("common", TENANT),
        ("common", OTHER),
        ("common", CONSUMERS),
        ("organizations", TENANT),
        ("consumers", CONSUMERS),
        (TENANT, TENANT),
    ],
)
async def test_people_of_the_tenants_that_are_configured_are_let_in(configured: str, tenant: str) -> None:
    user = (await world(configured, issued(tenant)).tokens())["user"]

    assert (user["iss"], user["tid"]) == (of_tenant(tenant), tenant)


@pytest.mark.parametrize(
    ("configured", "claims"),
    [
        pytest.param(TENANT, issued(OTHER), id="another tenant"),
        pytest.param(TENANT, issued(TENANT, tid=OTHER), id="a tid of another tenant"),
        pytest.param(TENANT, issued(TENANT, tid=None), id="no tid"),
        pytest.param("common", issued(TENANT, tid=OTHER), id="iss and tid of two tenants"),
        pytest.param("common", issued(TENANT, tid=None), id="no tid, many tenants"),
        pytest.param("common", {"iss": TEMPLATE, "tid": "{tenantid}"}, id="the placeholder itself"),
        pytest.param("common", issued("common"), id="a name that is no tenant"),
        pytest.param("common", issued(TENANT, iss=f"https://sts.windows.net/{TENANT}/"), id="an issuer of version 1"),
        pytest.param("common", issued(TENANT, iss=f"https://evil.test/{TENANT}/v2.0"), id="another host"),
        pytest.param("organizations", issued(CONSUMERS), id="a personal account"),
        pytest.param("consumers", issued(TENANT), id="an account of a company"),
    ],
)
async def test_a_token_of_another_tenant_is_not_believed(configured: str, claims: dict[str, Any]) -> None:
    auth = world(configured, claims)

    check_sent_back(await auth.complete(), "server_error")
    assert auth.provider.times_asked("token") == 1
    assert not auth.store.kept(CODES)


@pytest.mark.parametrize(
    ("key_issuer", "tenant", "expected"),
    [
        pytest.param(of_tenant(CONSUMERS), TENANT, "error", id="a key for personal accounts, a company's token"),
        pytest.param(of_tenant(CONSUMERS), CONSUMERS, "code", id="a key for personal accounts, a personal token"),
        pytest.param(of_tenant(OTHER), TENANT, "error", id="a key of another tenant"),
        pytest.param(None, TENANT, "code", id="a key that does not say"),
    ],
)
async def test_a_key_signs_for_the_tenants_that_the_key_set_says(
    key_issuer: str | None, tenant: str, expected: str
) -> None:
    assert expected in answer_of(await world("common", issued(tenant), key_issuer).complete())


@pytest.mark.parametrize("issuer", [TEMPLATE, of_tenant(OTHER), f"{HOST}/common/v2.0", "https://evil.test/v2.0"])
async def test_metadata_of_another_issuer_is_not_used(issuer: str) -> None:
    auth = world(TENANT, issued(TENANT))
    auth.provider.metadata = {"issuer": issuer}

    check_sent_back(await auth.login(), "server_error")


@pytest.mark.parametrize(("tenant", "expected"), [(TENANT, "code"), (OTHER, "access_denied")])
async def test_only_listed_tenants_are_let_in(tenant: str, expected: str) -> None:
    auth = world("organizations", issued(tenant), allowed_tenants=(TENANT,))

    answer = answer_of(await auth.complete())

    assert expected in {*answer, answer.get("error")}
    assert len(auth.store.kept(CODES)) == (1 if expected == "code" else 0)


async def test_a_tenant_that_was_taken_from_the_list_has_to_go_at_the_next_refresh() -> None:
    auth = world("organizations", issued(TENANT), allowed_tenants=(TENANT,))
    refresh_token = (await auth.tokens())["refresh_token"]
    auth.provider.claims = issued(OTHER)

    check_json(await auth.refresh(refresh_token), 400, "invalid_grant")


@pytest.mark.requirement("BR-02")
@pytest.mark.parametrize(
    ("configured", "iss", "expected"),
    [
        ("common", of_tenant(TENANT), "code"),
        ("common", TEMPLATE, "error"),
        ("common", f"https://evil.test/{TENANT}/v2.0", "error"),
        (TENANT, of_tenant(TENANT), "code"),
        (TENANT, of_tenant(OTHER), "error"),
    ],
)
async def test_an_answer_with_an_issuer_is_of_a_tenant_that_is_configured(
    configured: str, iss: str, expected: str
) -> None:
    auth = world(configured, issued(TENANT))

    assert expected in answer_of(await auth.get(f"{await auth.begin()}&iss={iss}"))


@pytest.mark.parametrize(
    "overage",
    [
        pytest.param({"_claim_names": {"groups": "src1"}, "_claim_sources": {"src1": {"endpoint": "…"}}}, id="names"),
        pytest.param({"hasgroups": True}, id="hasgroups"),
        pytest.param({"hasgroups": "true", "groups": []}, id="hasgroups in words"),
    ],
)
async def test_more_groups_than_a_token_holds_are_no_groups_and_an_alarm(overage: dict[str, Any]) -> None:
    with capture_logs() as lines:
        user = (await world(TENANT, issued(TENANT, **overage)).tokens())["user"]

    assert "groups" not in user
    assert user["groups_overage"] is True
    [alarm] = [line for line in lines if line["event"] == "groups_overage"]
    assert (alarm["provider"], alarm["log_level"], alarm["audit"]) == ("test", "warning", True)


@pytest.mark.parametrize("claims", [{"groups": ["a"]}, {"groups": ["a"], "_claim_names": {"photo": "src1"}}])
async def test_groups_that_a_token_holds_are_handed_on(claims: dict[str, Any]) -> None:
    user = (await world(TENANT, issued(TENANT, **claims)).tokens())["user"]

    assert user["groups"] == ["a"]
    assert "groups_overage" not in user


@pytest.mark.requirement("UP-02")
@pytest.mark.parametrize(
    ("claims", "is_verified"),
    [
        pytest.param({"xms_edov": True}, True, id="the domain's owner vouches for it"),
        pytest.param({"xms_edov": "1"}, True, id="in text"),
        pytest.param({"xms_edov": "true"}, True, id="in words"),
        pytest.param({"xms_edov": 1}, True, id="as a number"),
        pytest.param({"xms_edov": False}, False, id="it does not"),
        pytest.param({"xms_edov": "0"}, False, id="it does not, in text"),
        pytest.param({}, False, id="it says nothing"),
        pytest.param({"email_verified": True}, False, id="a claim that some administrator mapped"),
        pytest.param({"email_verified": True, "xms_edov": False}, False, id="a mapped claim against its word"),
    ],
)
async def test_an_address_is_verified_where_the_owner_of_its_domain_vouches_for_it(
    claims: dict[str, Any], is_verified: bool
) -> None:
    user = (await world(TENANT, issued(TENANT, **{"email_verified": None, **claims})).tokens())["user"]

    assert user.get("email_verified") is (True if is_verified else None)


async def test_roles_of_the_app_can_stand_for_groups() -> None:
    claims = issued(TENANT, roles=["Admin"], hasgroups=True)

    user = (await world(TENANT, claims, groups_claim="roles").tokens())["user"]

    assert user["groups"] == ["Admin"]
    assert "groups_overage" not in user


@pytest.mark.requirement("BR-07")
@pytest.mark.parametrize(
    ("configured", "settings", "tenant", "is_let_in"),
    [
        ("common", {}, OTHER, True),
        ("common", {}, None, True),
        ("common", {"allowed_tenants": (TENANT,)}, TENANT, True),
        ("common", {"allowed_tenants": (TENANT,)}, OTHER, False),
        ("common", {"allowed_tenants": (TENANT,)}, None, False),
        ("organizations", {}, OTHER, True),
        ("organizations", {}, CONSUMERS, False),
        ("organizations", {}, None, False),
        ("consumers", {}, CONSUMERS, True),
        ("consumers", {}, TENANT, False),
        (TENANT, {}, TENANT, True),
        (TENANT, {}, OTHER, False),
        (TENANT, {}, None, False),
    ],
)
async def test_an_access_token_is_good_here_for_people_of_the_configured_tenants_alone(
    configured: str, settings: dict[str, Any], tenant: str | None, is_let_in: bool
) -> None:
    """The endpoint that accepts it is one for all tenants; None is a token that cannot be read."""
    auth = world(configured, issued(TENANT), **settings)
    payload = json.dumps({"tid": tenant, "aud": "00000003-0000-0000-c000-000000000000"})
    key = rsa_key("of another application")
    token = jws.serialize_compact({"alg": "RS256"}, payload, key, ["RS256"]) if tenant else "opaque"
    auth.provider.access_tokens[token] = Issued("openid", expires_at=auth.clock() + timedelta(hours=1))

    assert (await auth.validate(token)).status_code == (200 if is_let_in else 401)


@pytest.mark.parametrize(
    ("asked", "configured", "hint"),
    [
        ("login", {}, "alice@example.com"),
        ("select_account", {}, None),
        ("login", {"authorization_parameters": {"prompt": "select_account"}}, None),
    ],
    ids=["login", "select_account", "select_account configured"],
)
async def test_who_is_to_choose_an_account_is_not_asked_for_with_a_hint(
    asked: str, configured: dict[str, Any], hint: str | None
) -> None:
    login = await world(TENANT, issued(TENANT), **configured).login(prompt=asked, login_hint="alice@example.com")

    assert asked_of(login).get("login_hint") == hint
