"""The rules of the house as tables. `test_imports` and `test_sizes` read them; a person may too."""

COMMON, AUTH, GATEWAY = "authproxy_common", "auth_server", "mcp_gateway"

# The parts of the common package that a domain may know: values and errors, without I/O.
VALUES = {
    f"{COMMON}.{name}"
    for name in (
        "addresses",
        "clients.credentials",
        "clients.key_sets",
        "clients.presented_credentials",
        "clock",
        "errors",
        "exchange",
        "frozen",
        "params",
        "pkce",
        "refusals",
        "return_address",
        "secret",
        "text",
        "uri",
    )
}
_RECORDS, _HTTP, _CONFIG, _EVENTS = f"{COMMON}.records", f"{COMMON}.http", f"{COMMON}.config", f"{COMMON}.events"
_DOCTOR = f"{COMMON}.doctor"
_CLIENTS = f"{COMMON}.clients"

# What each layer may import of our own, besides itself. A module belongs to the layer with the longest matching name.
MAY_IMPORT: dict[str, set[str]] = {
    **dict.fromkeys(VALUES, VALUES),
    f"{COMMON}.logs": set(),
    f"{COMMON}.recent_answers": VALUES,
    _EVENTS: {f"{COMMON}.frozen", f"{_HTTP}.metrics"},
    _CONFIG: VALUES,
    _RECORDS: VALUES,
    _HTTP: VALUES,
    f"{COMMON}.gateway_backend": VALUES | {f"{_HTTP}.client"},
    f"{COMMON}.gateway_sign_in": VALUES | {f"{COMMON}.gateway_backend", f"{_HTTP}.client"},
    _DOCTOR: VALUES | {_RECORDS, f"{_HTTP}.client", f"{_HTTP}.request_id"},
    _CLIENTS: VALUES | {_RECORDS, _EVENTS, f"{_HTTP}.fetching", f"{COMMON}.recent_answers"},
    f"{COMMON}.cli": VALUES
    | {_CONFIG, _DOCTOR, f"{_RECORDS}.sealing"}
    | {f"{_HTTP}.{name}" for name in ("client", "request_id", "serving")},
    f"{AUTH}.domain": VALUES,
    f"{AUTH}.settings": VALUES
    | {f"{AUTH}.domain", f"{AUTH}.providers.client_key", _CONFIG, f"{_RECORDS}.sealing", f"{_RECORDS}.rate_limits"}
    | {f"{_RECORDS}.store_url"},
    f"{AUTH}.flows": VALUES | {f"{AUTH}.domain", f"{COMMON}.recent_answers", _RECORDS, _EVENTS, _CLIENTS},
    f"{AUTH}.providers": VALUES | {f"{AUTH}.flows.ports", f"{AUTH}.settings", f"{_HTTP}.client"},
    f"{AUTH}.endpoints": VALUES | {f"{AUTH}.domain", f"{AUTH}.flows", _HTTP},
    f"{AUTH}.pages": set(),
    f"{AUTH}.collections": VALUES | {f"{AUTH}.domain", f"{AUTH}.settings", _RECORDS, _CLIENTS},
    f"{AUTH}.composition": {AUTH, COMMON},
    f"{AUTH}.app": {AUTH, COMMON},
    f"{AUTH}.doctor": VALUES
    | {f"{AUTH}.composition.routes", f"{AUTH}.providers", f"{AUTH}.settings", _DOCTOR, f"{_HTTP}.client"},
    f"{AUTH}.cli": {AUTH, COMMON},
    f"{AUTH}.serving": {AUTH, COMMON},
    f"{GATEWAY}.domain": VALUES,
    f"{GATEWAY}.patterns": {f"{COMMON}.frozen"},
    f"{GATEWAY}.tokens": VALUES | {f"{GATEWAY}.domain"},
    f"{GATEWAY}.settings": VALUES
    | {f"{GATEWAY}.domain", f"{GATEWAY}.patterns", f"{GATEWAY}.tokens.signing_keys", _CONFIG}
    | {f"{_RECORDS}.{name}" for name in ("sealing", "rate_limits", "store_url")},
    f"{GATEWAY}.collections": VALUES | {f"{GATEWAY}.domain", f"{GATEWAY}.settings", _RECORDS, _CLIENTS},
    f"{GATEWAY}.flows": VALUES | {f"{GATEWAY}.domain", f"{COMMON}.recent_answers", _RECORDS, _EVENTS, _CLIENTS},
    f"{GATEWAY}.grant_types": VALUES | {f"{GATEWAY}.domain", f"{GATEWAY}.flows", _RECORDS, _EVENTS},
    f"{GATEWAY}.client_sources": VALUES | {f"{GATEWAY}.domain", f"{GATEWAY}.flows.ports", _RECORDS, _CLIENTS},
    f"{GATEWAY}.issuers": VALUES | {f"{GATEWAY}.domain", f"{GATEWAY}.flows.ports", _CLIENTS},
    f"{GATEWAY}.broker": VALUES | {f"{COMMON}.gateway_sign_in"},
    f"{GATEWAY}.proxy": VALUES | {f"{GATEWAY}.domain", _HTTP},
    # It implements the proxy's port, and knows nothing of what is proxied.
    f"{GATEWAY}.proxy.upstream_http": VALUES | {f"{GATEWAY}.proxy.headers", f"{GATEWAY}.proxy.transport"},
    f"{GATEWAY}.lane": VALUES | {f"{GATEWAY}.domain", f"{GATEWAY}.proxy", _HTTP},
    f"{GATEWAY}.endpoints": VALUES | {f"{GATEWAY}.domain", f"{GATEWAY}.flows", _HTTP},
    f"{GATEWAY}.pages": set(),
    f"{GATEWAY}.composition": {GATEWAY, COMMON},
    f"{GATEWAY}.app": {GATEWAY, COMMON},
    f"{GATEWAY}.doctor": VALUES
    | {f"{COMMON}.gateway_sign_in", f"{COMMON}.gateway_backend"}
    | {
        f"{GATEWAY}.{layer}"
        for layer in ("broker", "client_sources", "composition", "domain", "endpoints", "issuers", "proxy")
    }
    | {f"{GATEWAY}.settings", f"{GATEWAY}.tokens", _DOCTOR, _CLIENTS, f"{_HTTP}.client", f"{_HTTP}.fetching"},
    f"{GATEWAY}.cli": {GATEWAY, COMMON},
    f"{GATEWAY}.serving": {GATEWAY, COMMON},
}

# Where each library may be imported. Whatever is not listed may not be imported at all.
HOMES: dict[str, set[str]] = {
    "anyio": {
        _DOCTOR,
        f"{_HTTP}.client",
        f"{_HTTP}.document_fetcher",
        f"{AUTH}.providers",
        f"{GATEWAY}.flows.provider_check",
        f"{GATEWAY}.proxy",
    },
    # A service declares the options of its own commands; a wrapper that did it for them would be a second click.
    "click": {f"{COMMON}.cli", f"{GATEWAY}.cli"},
    "cryptography": {f"{_RECORDS}.sealing"},
    "fakeredis": {f"{_RECORDS}.connections"},
    "httpcore": {f"{_HTTP}.document_fetcher"},
    "httpx": {
        f"{_HTTP}.client",
        f"{_HTTP}.document_fetcher",
        f"{COMMON}.gateway_backend",
        f"{COMMON}.gateway_sign_in",
        f"{_DOCTOR}.vantage",
        f"{AUTH}.providers",
        f"{AUTH}.composition",
        # For the authorities that it believes, which are to be the same everywhere.
        f"{GATEWAY}.proxy.upstream_http.tls",
    }
    | {f"{GATEWAY}.composition"},
    "httptools": {f"{GATEWAY}.proxy.upstream_http.reading"},
    "jinja2": {f"{_HTTP}.pages"},
    "joserfc": {f"{AUTH}.providers", f"{GATEWAY}.tokens", _CLIENTS},
    "msgspec": {_RECORDS, _CLIENTS, f"{GATEWAY}.client_sources", f"{GATEWAY}.tokens"}
    | {f"{GATEWAY}.proxy.{name}" for name in ("strict_json", "tool_lists")},
    "oauthlib": {f"{AUTH}.providers"},
    "prometheus_client": {f"{_HTTP}.metrics"},
    "re2": {f"{GATEWAY}.patterns"},
    "redis": {f"{_RECORDS}.{name}" for name in ("cluster", "commands", "connections")} | {f"{_DOCTOR}.store"},
    "starlette": {_HTTP, f"{AUTH}.endpoints", f"{AUTH}.app", f"{GATEWAY}.endpoints", f"{GATEWAY}.app"}
    | {f"{GATEWAY}.proxy", f"{GATEWAY}.composition", f"{AUTH}.composition", f"{GATEWAY}.doctor.mcp_servers"},
    "structlog": {
        f"{COMMON}.logs",
        _EVENTS,
        _HTTP,
        f"{AUTH}.serving",
        f"{GATEWAY}.serving",
        f"{GATEWAY}.proxy",
        f"{GATEWAY}.lane",
    }
    | {f"{GATEWAY}.broker", _CLIENTS},
    "uvicorn": {f"{_HTTP}.serving", f"{_HTTP}.protocol"},
    "uvloop": {f"{COMMON}.cli"},
    "yaml": {_CONFIG},
}

MODULE_LINES = 250
FUNCTION_LINES = 40
ENDPOINT_LINES = 10
