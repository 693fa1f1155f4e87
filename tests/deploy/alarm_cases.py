"""What raises each alert, and what looks like it and does not."""

from dataclasses import dataclass, field

Series = dict[str, str]


@dataclass(frozen=True)
class Case:
    """One history of metrics, from midnight on in steps of thirty seconds, looked at after an hour.

    Args:
        alert: Its name.
        raised: Series and values, in promtool's notation, that raise it.
        quiet: The same, but not enough.
        labels: Of the alert, besides its severity.
    """

    alert: str
    raised: Series
    quiet: Series
    labels: dict[str, str] = field(default_factory=dict)


def up(job: str, pod: str = "a") -> str:
    return f'up{{job="{job}",pod="{job}-{pod}"}}'


def event(name: str, job: str = "auth-server") -> str:
    return f'authproxy_events_total{{job="{job}",pod="{job}-a",event="{name}"}}'


def failures(dependency: str, job: str = "mcp-gateway") -> str:
    return f'authproxy_dependency_failures_total{{job="{job}",pod="{job}-a",dependency="{dependency}"}}'


def requests(status: str, route: str = "/oauth/token", job: str = "mcp-gateway") -> str:
    return f'authproxy_requests_total{{job="{job}",pod="{job}-a",method="POST",route="{route}",status="{status}"}}'


def duration(bound: str, route: str = "/oauth/token") -> str:
    return f'authproxy_request_duration_seconds_bucket{{job="mcp-gateway",pod="a",route="{route}",le="{bound}"}}'


# Nothing happens, until the last ten minutes or the last minute.
_LATELY, _JUST_NOW = "0x100 0+1x20", "0x118 1x2"
_REDIS = 'authproxy_dependency_up{job="auth-server",pod="auth-server-a",dependency="redis"}'

CASES = [
    Case(
        "AuthproxyServiceDown",
        {up("auth-server"): "1x100 0x20", up("mcp-gateway"): "1x120"},
        {up("auth-server"): "1x100 0x20", up("auth-server", "b"): "1x120", up("mcp-gateway"): "1x120"},
        {"service": "auth-server"},
    ),
    Case(
        "AuthproxyServiceDown",
        {up("auth-server"): "1x120", up("mcp-gateway"): "1x100 _x20"},
        {up("auth-server"): "1x120", up("mcp-gateway"): "1x118 0x2"},
        {"service": "mcp-gateway"},
    ),
    Case(
        "AuthproxyReplicaDown",
        {up("mcp-gateway"): "1x100 0x20"},
        {up("mcp-gateway"): "1x115 0x5"},
        {"job": "mcp-gateway", "pod": "mcp-gateway-a"},
    ),
    Case(
        "AuthproxyRedisUnreachable",
        {_REDIS: "1x110 0x10"},
        {_REDIS: "1x119 0"},
        {"job": "auth-server", "pod": "auth-server-a", "dependency": "redis"},
    ),
    Case(
        "AuthproxyDependencyFailing",
        {failures("auth server"): _LATELY},
        {failures("auth server"): _JUST_NOW, failures("client metadata"): _LATELY},
        {"job": "mcp-gateway", "dependency": "auth server"},
    ),
    Case(
        "AuthproxyMCPServerFailing",
        {failures("upstream"): "0x90 0+5x30"},
        {failures("upstream"): "0x90 0+1x30"},
    ),
    Case(
        "AuthproxyUnexpectedErrors",
        {requests("500"): "0x110 1x10"},
        {requests("500", "/mcp"): _LATELY, requests("500", "/wiki/mcp"): _LATELY, requests("503"): _LATELY},
        {"job": "mcp-gateway"},
    ),
    Case(
        "AuthproxySlow",
        {duration("2.5"): "0+8x120", duration("5.0"): "0+10x120", duration("+Inf"): "0+10x120"},
        {duration("1.0", "/mcp"): "0x120", duration("+Inf", "/mcp"): "0+10x120", duration("1.0"): "0+10x120"}
        | {duration("+Inf"): "0+10x120"},
        {"job": "mcp-gateway"},
    ),
    Case(
        "AuthproxySignInsFailing",
        {event("sign_in_failed"): _LATELY},
        {event("sign_in_failed"): _LATELY, event("sign_in_completed"): "0x100 0+2x20"},
    ),
    Case(
        "AuthproxySignInsNotFinished",
        {event("sign_in_begun"): "0+1x120"},
        {event("sign_in_begun"): "0+1x120", event("sign_in_completed"): "0x60 0+1x20 20x40"},
    ),
    Case(
        "AuthproxyProviderAnswersFailing",
        {event("provider_refresh_failed"): _LATELY},
        {event("provider_refresh_failed"): _JUST_NOW},
        {"job": "auth-server", "event": "provider_refresh_failed"},
    ),
    Case("AuthproxyGroupsIncomplete", {event("groups_overage"): "0x60 1x60"}, {event("groups_overage"): "1x120"}),
    Case(
        "AuthproxyRateLimited",
        {requests("429"): "0+1x120", requests("200"): "0+5x120"},
        {requests("429"): "0+1x120", requests("200"): "0+20x120"},
        {"job": "mcp-gateway"},
    ),
    Case(
        "AuthproxyReplay",
        {event("refresh_token_replayed", "mcp-gateway"): "0x110 1x10"},
        {event("refresh_token_replayed", "mcp-gateway"): "0x10 1x110"},
        {"job": "mcp-gateway", "event": "refresh_token_replayed"},
    ),
    Case(
        "AuthproxyProbing",
        {event("redirect_uri_mismatch", "mcp-gateway"): "0x90 0+1x30"},
        {event("redirect_uri_mismatch", "mcp-gateway"): "0x110 0+1x10"},
        {"job": "mcp-gateway", "event": "redirect_uri_mismatch"},
    ),
]
