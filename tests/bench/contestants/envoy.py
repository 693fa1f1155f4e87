"""Envoy with its JWT filter, with and without the filter's cache of verified tokens."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import yaml

from tests.bench.accounting import with_children
from tests.bench.contestants import Contestant, Course, Running
from tests.bench.contestants.processes import pinned
from tests.bench.tokens import ISSUER, TOKEN_KEYS, token
from tests.support.servers import free_port

_TYPES = "type.googleapis.com/envoy.extensions"


@contextmanager
def _started(course: Course, *, cached: bool) -> Iterator[Running]:
    port = free_port()
    course.directory.mkdir(parents=True, exist_ok=True)
    file = course.directory / "envoy.yaml"
    file.write_text(yaml.safe_dump(_config(course, port, cached=cached)))
    command = [str(course.bench.parent / "envoy"), "-c", str(file), "--concurrency", "1", "--log-level", "error"]
    with pinned([*command, "--disable-hot-restart"], course.core, port, course.directory / "envoy.log") as pid:
        yield Running(
            f"http://127.0.0.1:{port}", with_children(pid), lambda kind: {"Authorization": f"Bearer {token(kind)}"}
        )


def _config(course: Course, port: int, *, cached: bool) -> dict[str, Any]:
    provider: dict[str, Any] = {
        "issuer": ISSUER,
        "local_jwks": {"inline_string": json.dumps(TOKEN_KEYS.published())},
        "forward": False,
    }
    if cached:
        provider["jwt_cache_config"] = {"jwt_cache_size": 1000}
    jwt = {
        "@type": f"{_TYPES}.filters.http.jwt_authn.v3.JwtAuthentication",
        "providers": {"gateway": provider},
        "rules": [{"match": {"prefix": "/"}, "requires": {"provider_name": "gateway"}}],
    }
    route = {"match": {"prefix": "/"}, "route": {"cluster": "mcp", "timeout": "0s"}}
    connections = {
        "@type": f"{_TYPES}.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "bench",
        "stream_idle_timeout": "0s",
        "http_filters": [
            {"name": "jwt", "typed_config": jwt},
            {"name": "router", "typed_config": {"@type": f"{_TYPES}.filters.http.router.v3.Router"}},
        ],
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [route]}]},
    }
    host, upstream_port = course.upstream.removeprefix("http://").split(":")
    return {
        "static_resources": {
            "listeners": [
                {
                    "address": _address("127.0.0.1", port),
                    "filter_chains": [{"filters": [{"name": "http", "typed_config": connections}]}],
                }
            ],
            "clusters": [
                {
                    "name": "mcp",
                    "type": "STATIC",
                    "circuit_breakers": {
                        "thresholds": [{"max_connections": 8192, "max_requests": 8192, "max_pending_requests": 8192}]
                    },
                    "load_assignment": {
                        "cluster_name": "mcp",
                        "endpoints": [
                            {"lb_endpoints": [{"endpoint": {"address": _address(host, int(upstream_port))}}]}
                        ],
                    },
                }
            ],
        }
    }


def _address(host: str, port: int) -> dict[str, Any]:
    return {"socket_address": {"address": host, "port_value": port}}


CONTESTANTS = [
    Contestant("Envoy, JWT cached", lambda course: _started(course, cached=True)),
    Contestant("Envoy, JWT not cached", lambda course: _started(course, cached=False)),
]
