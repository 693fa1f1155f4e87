"""The MCP gateway as a gateway that the auth server knows by a secret."""

import anyio
import pytest

from examples.mcp_client import SignInFailed
from tests.support.person import People, call
from tests.support.stack import running_stack

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("BR-11", "OP-02")]

SECRET = "a-secret-between-gateway-and-auth-server"


def known_by_a_secret(config: str) -> str:
    """The gateway's callback stands under its name, and in no list that needs no secret."""
    callback = "${OAUTH2_ALLOWED_REDIRECT_URI}"
    entry = f"gateways:\n  mcp:\n    allowed_redirect_uris: ['{callback}']\n    client_secret: {SECRET}\n"
    return config.replace("${OAUTH2_ALLOWED_REDIRECT_URI, ", "${NOWHERE, ").replace("gateways: {}\n", entry)


@pytest.mark.parametrize("secret", [SECRET, "another-secret-altogether"])
async def test_the_exchange_is_for_the_gateway_that_knows_the_secret(people: People, secret: str) -> None:
    variables = {"EXTERNAL_AUTH_GATEWAY_NAME": "mcp", "EXTERNAL_AUTH_GATEWAY_SECRET": secret}
    person = people("alice")

    with running_stack(variables, edit_auth=known_by_a_secret) as stack, anyio.fail_after(40):
        if secret == SECRET:
            async with person.client(stack.mcp_url) as client:
                assert await call(client, "whoami") == "development:alice"
        else:
            with pytest.RaisesGroup(SignInFailed, flatten_subgroups=True) as refused:
                async with person.client(stack.mcp_url):
                    pass
            assert "server_error" in str(refused.value.exceptions)
        assert secret not in stack.logs()
