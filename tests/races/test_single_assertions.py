"""Two hundred callers with one identity assertion, at two gateway processes with a real Redis: it is good once."""

from collections.abc import AsyncIterator
from dataclasses import replace

import anyio
import pytest

from authproxy_common.clock import utc_now
from tests.support.client_assertions import client_key
from tests.support.crowd import CALLERS, ask_both
from tests.support.replicas import Door, Replicas, started
from tests.support.servers import RedisServer, serving
from tests.support.trusted_issuer import JWT_BEARER, TrustedIssuer
from tests.support.without_browser import SECRET, with_clients

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("MA-04", "ST-01")]


@pytest.fixture
async def issuer() -> AsyncIterator[TrustedIssuer]:
    made = TrustedIssuer("", utc_now, "editor")
    async with serving(made.app()) as made.issuer:
        yield made


def form_of(replicas: Replicas, issuer: TrustedIssuer) -> dict[str, str]:
    """A token request with a new assertion."""
    assertion = issuer.assertion(replicas.public_url)
    return {"grant_type": JWT_BEARER, "assertion": assertion}


async def test_of_two_hundred_uses_of_one_assertion_one_succeeds(
    replicas: Replicas, redis_server: RedisServer, issuer: TrustedIssuer
) -> None:
    trusting = with_clients(client_key(), acme=issuer.issuer)
    pair, auth = [replicas.gateway(trusting), replicas.gateway(trusting)], ("editor", SECRET)
    both = replace(replicas, gateways=pair)
    with anyio.fail_after(40):
        async with started(*pair):
            # The issuer's keys are known before the race, so that the use is what they race for.
            async with both.client(Door(pair[0])) as http:
                answer = await http.post(f"{both.public_url}/oauth/token", data=form_of(both, issuer), auth=auth)
            assert answer.status_code == 200, answer.text
            answers = await ask_both(both, redis_server, form_of(both, issuer), auth=auth)
            [good] = [answer for answer in answers if answer.status_code == 200]
            refused = [answer.json() for answer in answers if answer is not good]
            assert [each["error"] for each in refused] == ["invalid_grant"] * (CALLERS - 1)
            assert all(each["error_description"].startswith("the assertion was used before") for each in refused)
            assert [await both.call(gateway, good.json()["access_token"]) for gateway in pair] == [200, 200]
