"""What widely used clients publish and register, as it was reported in 2026, is taken here: docs/clients.md."""

from typing import Any

import pytest

from mcp_gateway.settings import ClientSettings
from tests.support.gateway import ClientApp, World

pytestmark = pytest.mark.anyio

CLAUDE_CODE = "https://claude.ai/oauth/claude-code-client-metadata"
LOOPBACK = ["http://localhost/callback", "http://127.0.0.1/callback"]
BOTH = ["authorization_code", "refresh_token"]
DEVICE, ASSERTION = "urn:ietf:params:oauth:grant-type:device_code", "urn:ietf:params:oauth:grant-type:jwt-bearer"

PUBLISHED: list[Any] = [
    pytest.param(
        CLAUDE_CODE,
        {"client_name": "Claude Code", "redirect_uris": LOOPBACK, "grant_types": BOTH},
        "http://localhost:55230/callback",
        id="Claude Code",
    ),
    pytest.param(
        "https://claude.ai/oauth/mcp-oauth-client-metadata",
        {
            "client_name": "Claude",
            "redirect_uris": ["https://claude.ai/api/mcp/auth_callback"],
            "grant_types": [*BOTH, ASSERTION],
        },
        "https://claude.ai/api/mcp/auth_callback",
        id="claude.ai",
    ),
    pytest.param(
        "https://chatgpt.com/oauth/client.json",
        {
            "client_name": "ChatGPT",
            "redirect_uris": ["https://chatgpt.com/connector_platform_oauth_redirect"],
            "grant_types": BOTH,
            "token_endpoint_auth_method": "private_key_jwt",
            "token_endpoint_auth_methods_supported": ["none", "private_key_jwt"],
            "token_endpoint_auth_signing_alg": "RS256",
            "jwks_uri": "https://chatgpt.com/oauth/jwks.json",
        },
        "https://chatgpt.com/connector_platform_oauth_redirect",
        id="ChatGPT",
    ),
    pytest.param(
        "https://chatgpt.com/oauth/codex/client.json",
        {"client_name": "Codex", "redirect_uris": LOOPBACK, "grant_types": BOTH},
        "http://127.0.0.1:46217/callback",
        id="Codex",
    ),
    pytest.param(
        "https://vscode.dev/oauth/client-metadata.json",
        {
            "client_name": "Visual Studio Code",
            "redirect_uris": ["http://127.0.0.1:33418/", "https://vscode.dev/redirect"],
            "grant_types": [*BOTH, DEVICE],
            "application_type": "native",
        },
        "http://127.0.0.1:33419/",
        id="VS Code",
    ),
]

REGISTERED: list[Any] = [
    pytest.param(
        {
            "redirect_uris": [
                "https://insiders.vscode.dev/redirect",
                "https://vscode.dev/redirect",
                "http://127.0.0.1/",
                "http://127.0.0.1:33418/",
            ],
            "application_type": "native",
        },
        "http://127.0.0.1:33418/",
        id="VS Code",
    ),
    pytest.param(
        {
            "redirect_uris": [
                "cursor://anysphere.cursor-mcp/oauth/callback",
                "https://www.cursor.com/agents/mcp/oauth/callback",
                "http://localhost:8787/callback",
            ]
        },
        "cursor://anysphere.cursor-mcp/oauth/callback",
        id="Cursor",
    ),
    pytest.param(
        {"redirect_uris": ["http://localhost:37409/oauth/callback"], "token_endpoint_auth_method": "none"},
        "http://localhost:37409/oauth/callback",
        id="Gemini CLI",
    ),
]


@pytest.mark.requirement("CL-01", "CL-05")
@pytest.mark.parametrize(("client_id", "metadata", "redirect_uri"), PUBLISHED)
async def test_what_a_client_publishes_leads_to_consent(
    world: World, client_id: str, metadata: dict[str, Any], redirect_uri: str
) -> None:
    world.published.publish(client_id, {"client_id": client_id, "response_types": ["code"], **metadata})
    page = await world.browser.open(ClientApp(client_id, redirect_uri).authorization_url())
    assert page.asks_for_consent, page.text
    assert metadata["client_name"] in page.text


@pytest.mark.requirement("CL-03", "CL-05")
@pytest.mark.parametrize(("metadata", "redirect_uri"), REGISTERED)
async def test_what_a_client_registers_leads_to_consent(
    world: World, metadata: dict[str, Any], redirect_uri: str
) -> None:
    client = await world.register(**metadata)
    page = await world.browser.open(client.authorization_url(redirect_uri=redirect_uri))
    assert page.asks_for_consent, page.text


@pytest.mark.requirement("CL-04", "CL-01")
async def test_a_client_that_is_configured_under_its_url_needs_no_document() -> None:
    known = ClientSettings(client_name="Claude Code", redirect_uris=("http://127.0.0.1/callback",))
    world = World(clients={CLAUDE_CODE: known})
    tokens = await world.tokens(ClientApp(CLAUDE_CODE))
    assert (await world.call(tokens["access_token"])).status_code == 200
    assert world.published.asked == []
