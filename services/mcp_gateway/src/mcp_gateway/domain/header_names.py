"""Names of headers: which of a client's reach an MCP server, and which a configuration may add to them."""

import re

# The client's token, cookies, hop-by-hop headers and whatever claims an identity are absent on purpose.
PASSING = frozenset(
    {
        "accept",
        "accept-encoding",
        "accept-language",
        "content-encoding",
        "content-type",
        "last-event-id",
        "mcp-method",
        "mcp-name",
        "mcp-protocol-version",
        "mcp-session-id",
        "traceparent",
        "tracestate",
        "user-agent",
    }
)
PASSING_PREFIX = "mcp-param-"

_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}")
# They mean something to HTTP itself, or to whoever decides what a request is (RFC 9110 §7.6.1, RFC 9112 §6).
_OF_THE_MESSAGE = frozenset(
    "connection content-length expect host http2-settings keep-alive proxy-authenticate proxy-authorization "
    "proxy-connection te trailer transfer-encoding upgrade via x-http-method x-http-method-override x-method-override "
    "x-original-url x-rewrite-url x-request-id".split()
)
# In these, proxies say who somebody is and where they come from. What this gateway says of it is said by itself.
_WHO_IT_IS = re.compile(
    r"(x-)?forwarded(-.*)?|x-real-ip|x-client-ip|true-client-ip|cf-connecting-ip|"
    r"(x-)?(remote|auth-request|authenticated|webauth|ms-client|pomerium|amzn-oidc|goog-authenticated|goog-iap)-.*|"
    r"cf-access-.*|tailscale-.*"
)
_TAKEN = frozenset(
    "forwarded x-forwarded-user x-forwarded-email x-forwarded-groups x-forwarded-for x-forwarded-host "
    "x-forwarded-proto x-forwarded-port x-forwarded-prefix x-forwarded-server x-real-ip".split()
)
_CREDENTIALS = frozenset({"authorization", "cookie"})


def folded(name: str) -> str:
    """The name as careless readers see it: many make no difference between cases, nor between `_` and `-`."""
    return name.lower().replace("_", "-")


def forwarded_problem(name: str) -> str | None:
    """Why a header of the client's may not be passed on, or None."""
    if folded(name) in _CREDENTIALS:
        return "is the client's credential for this gateway, and never passed on"
    return _problem(name)


def added_problem(name: str) -> str | None:
    """Why the gateway may not send a header of this name by itself, or None."""
    return _problem(name)


def assertion_problem(name: str) -> str | None:
    """Why the signed assertion of who calls may not be in a header of this name, or None.

    Other gateways' names for it are as good as ours: there are MCP servers that look for them.
    """
    if folded(name) in _TAKEN or folded(name) == "cookie":
        return "is another header's place"
    return None if _WHO_IT_IS.fullmatch(folded(name)) else _problem(name)


def _problem(name: str) -> str | None:
    same = folded(name)
    if not _NAME.fullmatch(name):
        return "is no name of a header (RFC 9110 §5.1)"
    if same in _OF_THE_MESSAGE:
        return "belongs to the message itself, not to what it says"
    if _WHO_IT_IS.fullmatch(same):
        return "says who somebody is, which is for this gateway alone to say"
    if same in PASSING or same.startswith(("mcp-", "sec-", "access-control-")) or same == "origin":
        return "is of MCP, of its transport, or of browsers, and passes by their rules"
    return None
