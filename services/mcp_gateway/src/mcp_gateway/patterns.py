"""Names of tools and patterns of them, as an operator writes them: `search`, `get_*`, `/get_(page|space)/`.

Callers choose the names that are compared, so expressions are RE2's, which never take longer than a name is long.
"""

from typing import Any

import re2

from authproxy_common.frozen import frozen

_WILDCARDS = {"*": ".*", "?": "."}
# What no name of a tool has (MCP, Tools, Tool Names), and what somebody writes who means an expression.
_ELSEWHERE = frozenset("()[]{}|^$+\\")


class UnusablePattern(ValueError):
    """The message says what is wrong with it, and does not repeat it."""


@frozen
class Pattern:
    """Matches whole names, code point by code point."""

    expression: Any

    def matches(self, name: str) -> bool:
        """Whether it is the name's."""
        return self.expression.fullmatch(name) is not None


def parse_pattern(text: str) -> Pattern | None:
    """The pattern that `text` is, or None where it is a name and nothing else; raises UnusablePattern."""
    if text.startswith("/"):
        return _expression(text)
    if not text or not _ELSEWHERE.isdisjoint(text):
        raise UnusablePattern("is neither a name nor a pattern with * and ?; an expression stands between slashes: /…/")
    if _WILDCARDS.keys().isdisjoint(text):
        return None
    return _compiled("".join(_WILDCARDS.get(c) or re2.escape(c) for c in text))


def _expression(text: str) -> Pattern:
    if len(text) < 3 or not text.endswith("/"):
        raise UnusablePattern("begins with a slash, and so has to be an expression that ends with one: /…/")
    return _compiled(text[1:-1])


def _compiled(expression: str) -> Pattern:
    options = re2.Options()
    options.log_errors = False
    options.dot_nl = True
    try:
        return Pattern(re2.compile(expression, options))
    except re2.error as error:
        reason = error.args[0].decode().partition(":")[0] if error.args else ""
        raise UnusablePattern(
            f"is no expression of RE2, which has no look-around and no references: {reason}"
        ) from None
