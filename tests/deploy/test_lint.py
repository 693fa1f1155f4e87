"""The manifests fit together, and the lint that says so would notice if they did not."""

import pytest

from scripts.manifests import OVERLAYS
from tests.deploy.faults import FAULTS
from tests.deploy.faults.fault import Fault, Whole
from tests.deploy.lint import RULES, findings
from tests.deploy.lint.routes import TABLE, destination, routes
from tests.deploy.overlays import overlay

pytestmark = pytest.mark.requirement("DP-02")


@pytest.mark.parametrize("name", OVERLAYS)
@pytest.mark.parametrize("rule", RULES)
def test_no_rule_finds_anything(rule: str, name: str) -> None:
    assert list(RULES[rule](overlay(name))) == []


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_mistake_is_found_by_its_rule_and_by_no_other(fault: Fault | Whole) -> None:
    mistaken = overlay(fault.overlay)
    fault.seed(mistaken)
    assert {finding.rule for finding in findings(mistaken)} == {fault.rule}


def test_every_rule_finds_a_mistake() -> None:
    assert {fault.rule for fault in FAULTS} == RULES.keys()


@pytest.mark.parametrize(
    ("path", "service"),
    [
        ("/", "mcp-gateway"),
        ("/mcp", "mcp-gateway"),
        ("/oauth/token", "mcp-gateway"),
        ("/.well-known/oauth-authorization-server", "mcp-gateway"),
        ("/login", "auth-server"),
        ("/login/choice", "auth-server"),
        ("/loginx", "mcp-gateway"),
        ("/callback/azure", "auth-server"),
        ("/callbacks", "mcp-gateway"),
        ("/gateway-oauth", "auth-server"),
        ("/gateway-oauth/exchange", "auth-server"),
        ("/gateway-oauthx", "mcp-gateway"),
    ],
)
@pytest.mark.parametrize("name", OVERLAYS)
def test_a_path_leads_to_its_service_by_whole_elements(name: str, path: str, service: str) -> None:
    assert destination(routes(overlay(name)), path) == service


def test_the_routes_of_the_gateway_api_are_those_of_the_ingress() -> None:
    assert routes(overlay("production-gateway-api")) == routes(overlay("production")) == TABLE
