"""What an MCP server's access policy does to a call: who may call at all, which tools, and which tools are shown."""

from dataclasses import field, replace
from functools import lru_cache, partial
from typing import NamedTuple
from weakref import WeakKeyDictionary

from authproxy_common.errors import AccessDenied
from authproxy_common.frozen import frozen
from mcp_gateway.domain.challenges import InsufficientScope
from mcp_gateway.domain.policies import PERMITTED, Decision, Denied, ScopesMissing, Standing, ToolPolicy, decide
from mcp_gateway.domain.resources import MCPServer
from mcp_gateway.proxy.callers import Caller
from mcp_gateway.proxy.messages import CALL, LIST, Message, MessageRefused, RoutingHeaders, read_messages
from mcp_gateway.proxy.tool_lists import Shown

# Outside of what JSON-RPC and MCP reserve (MCP 2026-07-28, Error Codes), and the number that stands in the status line.
_FORBIDDEN = 403
# Names are the callers' to choose; longer ones than MCP recommends are looked up anew each time.
_REMEMBERED_NAMES, _LONGEST_REMEMBERED = 1024, 128


class ToolRules:
    """What a policy says of the tools of one MCP server; remembered for the names that come again."""

    def __init__(self, policy: ToolPolicy) -> None:
        self._policy = policy
        self._remembered = lru_cache(_REMEMBERED_NAMES)(policy.rule)

    def decide(self, name: str, standing: Standing) -> Decision:
        """Whether the tool of this name may be called."""
        rule = self._remembered(name) if len(name) <= _LONGEST_REMEMBERED else self._policy.rule(name)
        return decide(rule, standing)

    def permits(self, standing: Standing, name: str) -> bool:
        """The same, as yes or no."""
        return self.decide(name, standing) is PERMITTED


class _Known(NamedTuple):
    """Where a caller stands, and what they are shown of an answer that is not expected to list tools."""

    standing: Standing
    shown: Shown | None


@frozen
class Rules:
    """The policy of one MCP server, at work.

    Args:
        server: Whose.
        tools: None where messages need not be read, and are not.
    """

    server: MCPServer
    tools: ToolRules | None
    # Callers are remembered with their tokens, and what is known of them with them.
    _known: WeakKeyDictionary[Caller, _Known] = field(default_factory=WeakKeyDictionary)

    @classmethod
    def of(cls, server: MCPServer) -> "Rules | None":
        """None for a server whose policy says nothing."""
        access = server.access
        if not access.depends_on_person and access.tools is None:
            return None
        return cls(server, ToolRules(access.tools) if access.tools else None)

    @property
    def headers(self) -> dict[str, str]:
        """What the upstream has to be told: not to compress what has to be read."""
        return {"accept-encoding": "identity"} if self.tools else {}

    def shown(self, caller: Caller | None, headers: RoutingHeaders, body: bytes) -> Shown | None:
        """What of the answer is shown, once caller and messages are permitted; None: all. Raises MessageRefused.

        A message that is denied denies all of a batch: the MCP server gets the body as it came, or not at all.
        """
        standing, shown = self._about(caller)
        if self.tools is None or shown is None:
            return None
        messages = read_messages(headers, body) if body or headers.method == "POST" else []
        expected = headers.resumes
        for message in messages:
            if message.method == CALL and message.name is not None:
                self._check(message, self.tools.decide(message.name, standing))
            elif message.method == LIST:
                expected = True
        return replace(shown, expected=True) if expected else shown

    def _about(self, caller: Caller | None) -> _Known:
        """What is known of the caller; raises MessageRefused where they may not call at all."""
        if caller is None:
            # An open door: no policy asks who comes through it.
            return self._seen(self.server.access.standing(None, self.server.scopes))
        known = self._known.get(caller)
        if known is None:
            known = self._known[caller] = self._seen(self._judged(caller))
        return known

    def _seen(self, standing: Standing) -> _Known:
        if self.tools is None:
            return _Known(standing, None)
        permits = partial(self.tools.permits, standing)
        return _Known(standing, Shown(permits, expected=False, private=self.server.access.lists_differ))

    def _judged(self, caller: Caller) -> Standing:
        access, scope = self.server.access, caller.token.scope
        if caller.token.is_of_a_client:
            return access.standing_of_client(scope)
        try:
            self.server.granted_to(caller.person, self.server.required_scopes or scope)
        except AccessDenied as error:
            raise MessageRefused(error, _FORBIDDEN) from error
        return access.standing(caller.person, scope)

    def _check(self, message: Message, decision: Decision) -> None:
        """Raises MessageRefused unless the tool may be called."""
        if isinstance(decision, Denied):
            raise MessageRefused(AccessDenied(decision.reason), _FORBIDDEN, message.message_id)
        if isinstance(decision, ScopesMissing):
            scope = tuple(dict.fromkeys([*self.server.required_scopes, *decision.required]))
            error = InsufficientScope(self.server, "the access token lacks a scope that this tool needs", scope=scope)
            raise MessageRefused(error, _FORBIDDEN, message.message_id)
