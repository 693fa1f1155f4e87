"""The auth server as a process."""

from datetime import timedelta

import structlog

from auth_server.app import Resources, create_app
from auth_server.domain.callbacks import shared
from auth_server.settings import AuthServerSettings
from authproxy_common.clock import utc_now
from authproxy_common.config import Loaded
from authproxy_common.http.client import open_http
from authproxy_common.http.fetching import FetcherWhenNeeded
from authproxy_common.http.serving import serve
from authproxy_common.logs import configure_logging
from authproxy_common.records import open_store
from authproxy_common.records.development_keys import sealing_keys
from authproxy_common.records.rate_limits import open_rate_counters

log = structlog.get_logger("auth_server")

_GRACEFUL = timedelta(seconds=15)


async def run(loaded: Loaded[AuthServerSettings]) -> None:
    """Open what the app needs, and serve it until the process is told to stop."""
    settings = loaded.settings
    configure_logging(settings.logging.level)
    for warning in loaded.warnings:
        log.warning("configuration", key=warning.key, problem=warning.message)
    _say_what_is_unusual(settings)
    store = open_store(settings.redis_url)
    resources = Resources(
        store=store,
        counters=open_rate_counters(settings.redis_url, "auth-server"),
        keys=await sealing_keys(settings.encryption_keys, store, "auth-server"),
        http=open_http(),
        fetcher=FetcherWhenNeeded(lambda _address: True),
        now=utc_now,
    )
    log.info("serving", port=settings.port, public_url=settings.public_url, providers=sorted(settings.providers))
    ports = [port for port in (settings.port, settings.management_port) if port]
    app = create_app(settings, resources)
    await serve(app, settings.host, ports, _GRACEFUL, trusted_proxies=settings.trusted_proxies)


def _say_what_is_unusual(settings: AuthServerSettings) -> None:
    if settings.development_mode:
        log.warning(
            "development_mode", problem="plain http and generated keys are allowed; never use this in production"
        )
    if names := shared({name: provider.redirect_uri for name, provider in settings.providers.items()}):
        log.warning(
            "redirect_uri_shared", providers=names, problem="give each provider a path of its own: /callback/NAME"
        )
    if not settings.offers_sign_in:
        log.warning(
            "sign_in_closed", problem="enabled or proxy_oauth.enabled is false; every sign-in endpoint answers 404"
        )
