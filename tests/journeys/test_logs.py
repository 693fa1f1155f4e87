"""A sign-in in the logs: every step is there and can be joined, and nothing in it is worth stealing."""

import json
import re
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import anyio
import pytest

from tests.support.person import People, Person, call
from tests.support.stack import running_stack

pytestmark = pytest.mark.anyio

STEPS = [
    "client_registered",
    "consent_asked",
    "consent_given",
    "sign_in_begun",
    "sign_in_completed",
    "gateway_code_exchanged",
    "code_issued",
    "tokens_issued",
]
PUBLIC = {
    "response_type",
    "code_challenge_method",
    "scope",
    "resource",
    "redirect_uri",
    "gateway_uri",
    "provider",
    "iss",
}
PUBLIC |= {"client_id", "code_challenge"}


@pytest.mark.requirement("OP-01", "OP-02")
async def test_every_step_can_be_followed_and_no_secret_is_among_them(people: People) -> None:
    person = people("alice")
    with running_stack() as stack, anyio.fail_after(40):
        async with person.client(stack.mcp_url) as client:
            await call(client, "whoami")
        logs = stack.logs()

    lines = [json.loads(line) for line in logs.splitlines()]
    assert [step for step in STEPS if step not in {line["event"] for line in lines}] == []
    assert_every_hop_has_one_id(lines)
    assert_steps_join(lines)
    for secret in secrets_of(person):
        assert secret not in logs, "a secret is in the logs"


def assert_every_hop_has_one_id(lines: list[dict[str, Any]]) -> None:
    """Every step names a request, and the exchange has the id of the callback that caused it."""
    by_event = {line["event"]: line for line in lines if line["event"] in STEPS}
    requests = {line["request_id"] for line in lines if line["event"] == "request"}
    assert {line["request_id"] for line in by_event.values()} <= requests
    assert by_event["gateway_code_exchanged"]["request_id"] == by_event["code_issued"]["request_id"]


def assert_steps_join(lines: list[dict[str, Any]]) -> None:
    """The gateway's and the auth server's steps of one sign-in have one trace in common."""
    traces = [line["gateway"] for line in lines if line["event"] in STEPS and "gateway" in line]
    assert len(traces) == 4
    assert len(set(traces)) == 1


def secrets_of(person: Person) -> set[str]:
    """Every value of this sign-in that somebody could use: codes, states, tokens, cookies, secrets."""
    queries = [parse_qsl(urlsplit(url).query) for url in person.browser.visited]
    found = {value for query in queries for name, value in query if name not in PUBLIC}
    found |= {cookie.value for cookie in person.browser.http.cookies.jar if cookie.value}
    assert person.tokens.tokens
    found |= {person.tokens.tokens.access_token, str(person.tokens.tokens.refresh_token)}
    found |= {"the-client-secret-of-this-test"}
    assert len(found) > 8
    return {value for value in found if not re.fullmatch(r"[a-z_]{0,12}", value)}
