"""What is believed of a person: addresses that a provider vouches for, groups that it names."""

from typing import Any

import pytest

from mcp_gateway.domain.people import groups_of, verified_email

pytestmark = pytest.mark.requirement("UP-02")

ADDRESS = "alice@example.com"


@pytest.mark.parametrize("verified", [True, "true"])
def test_an_address_counts_that_the_provider_says_is_the_persons(verified: object) -> None:
    assert verified_email({"email": ADDRESS, "email_verified": verified}) == ADDRESS


@pytest.mark.parametrize(
    "claims",
    [
        pytest.param({}, id="the word is missing"),
        pytest.param({"email_verified": False}, id="false"),
        pytest.param({"email_verified": "false"}, id="false in words"),
        pytest.param({"email_verified": None}, id="null"),
        pytest.param({"email_verified": 1}, id="a number"),
        pytest.param({"email_verified": "yes"}, id="another word"),
        pytest.param({"email_verified": [True]}, id="a list"),
        pytest.param({"email_verified": True, "email": None}, id="no address"),
        pytest.param({"email_verified": True, "email": ["alice@example.com"]}, id="a list of addresses"),
        pytest.param({"email_verified": True, "email": ""}, id="an empty address"),
        pytest.param({"email_verified": True, "email": "alice"}, id="no @"),
        pytest.param({"email_verified": True, "email": "@example.com"}, id="nobody"),
        pytest.param({"email_verified": True, "email": "alice@evil.test@example.com"}, id="two @"),
        pytest.param({"email_verified": True, "email": "alice@example.com\r\nX-Root: 1"}, id="a line break"),
        pytest.param({"email_verified": True, "email": "alice@example.com "}, id="a space"),
    ],
)
def test_any_other_address_is_nobodys(claims: dict[str, Any]) -> None:
    assert verified_email({"email": ADDRESS, **claims}) is None


@pytest.mark.parametrize(
    ("claims", "groups"),
    [
        pytest.param({"groups": ["staff", "on call"]}, ("staff", "on call"), id="two"),
        pytest.param({"groups": []}, (), id="none"),
        pytest.param({"groups": ["staff", "staff", "", 7, None]}, ("staff",), id="each once, and what has a name"),
        pytest.param({}, None, id="nothing is said of groups"),
        pytest.param({"groups_overage": True}, None, id="more than are named"),
        pytest.param({"groups": ["staff"], "groups_overage": True}, None, id="some of more"),
        pytest.param({"groups": "staff"}, None, id="text"),
        pytest.param({"groups": {"staff": True}}, None, id="an object"),
    ],
)
def test_groups_are_those_that_the_provider_names_if_it_names_all(
    claims: dict[str, Any], groups: tuple[str, ...] | None
) -> None:
    assert groups_of(claims) == groups
