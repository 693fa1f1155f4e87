"""Google: whose accounts are let in. How it is asked for refresh tokens is in `test_refresh_requests`."""

from typing import Any

import pytest

from tests.support.auth_server import CODES, AuthServerWorld, answer_of, check_json

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("BR-01", "BR-09")]

GOOGLE = "https://accounts.google.com"


def world(claims: dict[str, Any], *domains: str) -> AuthServerWorld:
    """An auth server that lets people of certain domains in."""
    return AuthServerWorld(
        provider={"issuer": GOOGLE, "claims": claims, "user": claims}, configured={"hosted_domains": domains}
    )


@pytest.mark.parametrize(
    ("domains", "claims", "expected"),
    [
        pytest.param((), {}, "code", id="anybody"),
        pytest.param(("example.com",), {"hd": "example.com"}, "code", id="of the domain"),
        pytest.param(("a.test", "b.test"), {"hd": "b.test"}, "code", id="of one of two domains"),
        pytest.param(("*",), {"hd": "example.com"}, "code", id="of any domain"),
        pytest.param(("example.com",), {}, "access_denied", id="an account of no domain"),
        pytest.param(("*",), {}, "access_denied", id="an account of no domain, any domain"),
        pytest.param(("example.com",), {"hd": "evil.test"}, "access_denied", id="of another domain"),
        pytest.param(
            ("example.com",), {"email": "a@example.com", "hd": None}, "access_denied", id="an address of the domain"
        ),
    ],
)
async def test_the_domain_that_the_id_token_names_is_what_counts(
    domains: tuple[str, ...], claims: dict[str, Any], expected: str
) -> None:
    auth = world(claims, *domains)

    answer = answer_of(await auth.complete())

    assert expected in {*answer, answer.get("error")}
    assert len(auth.store.kept(CODES)) == (1 if expected == "code" else 0)


async def test_several_domains_are_asked_for_as_any_domain() -> None:
    assert "hd=%2A" in (await world({}, "a.test", "b.test").login()).headers["location"]
    assert "hd=a.test" in (await world({}, "a.test").login()).headers["location"]
    assert "hd=" not in (await world({}).login()).headers["location"]


async def test_a_token_of_somebody_outside_the_domains_is_not_good_here() -> None:
    auth = world({"hd": "example.com"}, "example.com")
    access_token = await auth.access_token()
    assert (await auth.validate(access_token)).status_code == 200
    auth.provider.user = {"hd": "evil.test"}
    auth.clock.advance(auth.settings.validation_kept)

    check_json(await auth.validate(access_token), 401, "invalid_token")


@pytest.mark.parametrize(
    ("iss", "expected"),
    [(GOOGLE, "code"), ("accounts.google.com", "code"), ("google.com", "error"), (f"{GOOGLE}/", "error")],
)
async def test_google_may_leave_out_the_scheme_of_its_issuer(iss: str, expected: str) -> None:
    assert expected in answer_of(await world({"iss": iss}).complete())
