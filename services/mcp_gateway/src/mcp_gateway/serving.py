"""The MCP gateway as a process."""

from datetime import timedelta

import structlog

from authproxy_common.clock import utc_now
from authproxy_common.config import Loaded
from authproxy_common.http.client import open_http
from authproxy_common.http.serving import serve
from authproxy_common.logs import configure_logging
from authproxy_common.records import Store, open_store
from authproxy_common.records.development_keys import development_key, sealing_keys
from authproxy_common.records.rate_limits import open_rate_counters
from mcp_gateway.app import Resources, create_gateway
from mcp_gateway.composition.resources import open_fetchers
from mcp_gateway.proxy.upstream_http.transport import open_transport
from mcp_gateway.settings import PASSTHROUGH, AdapterSettings, GatewaySettings
from mcp_gateway.tokens.signing_keys import SigningKeys, generate_signing_key

log = structlog.get_logger("mcp_gateway")

_GRACEFUL = timedelta(seconds=15)


async def run(loaded: Loaded[GatewaySettings]) -> None:
    """Open what the app needs, and serve it until the process is told to stop."""
    config = loaded.settings.adapter_config
    configure_logging(loaded.settings.logging.level)
    _say_what_is_unusual(config)
    store = open_store(config.store_url)
    resources = Resources(
        store=store,
        sealing_keys=await sealing_keys(config.encryption_keys, store, "mcp-gateway"),
        signing_keys=await _signing_keys(config, store),
        counters=open_rate_counters(config.store_url, "mcp-gateway"),
        http=open_http(),
        fetchers=open_fetchers(config),
        transport=open_transport(),
        now=utc_now,
    )
    log.info("serving", port=config.port, public_url=config.public_url, servers=sorted(config.servers))
    ports = [port for port in (config.port, config.management_port) if port]
    gateway = create_gateway(loaded.settings, resources)
    await serve(
        gateway.app, config.host, ports, _GRACEFUL, trusted_proxies=config.trusted_proxies, protocol=gateway.protocol
    )


def _say_what_is_unusual(config: AdapterSettings) -> None:
    if config.development_mode:
        log.warning(
            "development_mode", problem="plain http and generated keys are allowed; never use this in production"
        )
    if config.token_mode == PASSTHROUGH:
        log.warning(
            "passthrough",
            problem="CLIENTS HOLD THE IDENTITY PROVIDER'S OWN TOKENS, which open whatever else they were made for. MCP "
            "forbids it; use it to move off it and no longer",
        )
    if not config.enable_auth:
        log.warning(
            "authentication_off", problem="enable_auth is false; WHOEVER REACHES THIS PORT MAY CALL EVERY MCP SERVER"
        )


async def _signing_keys(config: AdapterSettings, store: Store) -> SigningKeys:
    if config.signing_keys:
        return SigningKeys.from_pem(config.signing_keys)
    return SigningKeys.from_pem(
        await development_key(store, "mcp-gateway:development-signing-key", generate_signing_key)
    )
