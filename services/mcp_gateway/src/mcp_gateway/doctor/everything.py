"""Every check of the gateway, by its settings."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

from authproxy_common.doctor import Check, Skipped, Vantage
from authproxy_common.doctor.store import StoreExamination
from mcp_gateway.composition.authorization_server import build_gateway_sign_in
from mcp_gateway.composition.grant_types import trusted_issuers
from mcp_gateway.composition.resources import open_fetchers
from mcp_gateway.composition.upstreams import build_servers
from mcp_gateway.doctor.auth_server import AuthServerExamination
from mcp_gateway.doctor.client_hosts import ClientHosts
from mcp_gateway.doctor.documents import PublishedDocuments
from mcp_gateway.doctor.mcp_servers import endpoint_checks
from mcp_gateway.doctor.token_exchange import exchange_checks
from mcp_gateway.doctor.trusted_issuers import TrustedIssuerExamination
from mcp_gateway.proxy.upstream_http.transport import open_transport
from mcp_gateway.settings import AdapterSettings, GatewaySettings
from mcp_gateway.tokens.signing_keys import SigningKeys


@asynccontextmanager
async def examined(settings: GatewaySettings, vantage: Vantage) -> AsyncIterator[Sequence[Check]]:
    """Every check that these settings ask for."""
    config = settings.adapter_config
    store, transport = StoreExamination.of("mcp-gateway", config.store_url), open_transport()
    fetchers, servers = open_fetchers(config), build_servers(config).by_path.values()
    checks = store.checks()
    if config.enable_auth:
        checks += PublishedDocuments(config.public_url, list(servers), vantage).checks()
        sign_in = build_gateway_sign_in(config, vantage.http)
        checks += AuthServerExamination(sign_in, vantage).checks()
        checks += exchange_checks(config.servers, config.external_auth_provider, sign_in, vantage.deadline)
        checks += [_signing_keys(config, vantage), *ClientHosts(config, fetchers.public).checks()]
        for issuer in trusted_issuers(config):
            checks += TrustedIssuerExamination(issuer, vantage).checks()
    else:
        checks.append(Check("authentication", _is_off))
    checks += endpoint_checks(config.servers, transport, vantage.deadline)
    async with AsyncExitStack() as opened:
        for resource in (store, transport):
            opened.push_async_callback(resource.aclose)
        yield checks


def _signing_keys(config: AdapterSettings, vantage: Vantage) -> Check:
    async def examine() -> str:
        if not config.signing_keys:
            raise Skipped(
                "none is configured, so one was made at first start",
                "make a ring with `mcp-gateway keys rotate` before development_mode is switched off",
            )
        return "; ".join(SigningKeys.from_pem(config.signing_keys).account(vantage.now()))

    return Check("signing keys", examine)


async def _is_off() -> str:
    raise Skipped(
        "enable_auth is false, so that nobody is asked who they are, and whoever reaches the gateway may call",
        "let a network policy decide who reaches it, or set enable_auth",
    )
