"""Where a browser may be sent back to. Holding a `ReturnAddress` is the permission to redirect there."""

from urllib.parse import parse_qsl, quote, urlencode

from authproxy_common.errors import OAuthError
from authproxy_common.frozen import frozen

_ANSWER = frozenset(
    "code state iss error error_description error_uri response session_state id_token access_token".split()
)


def has_answer_parameters(query: str) -> bool:
    """Whether a query already has what only an answer may add; then two programs could read different answers."""
    names = (name for part in query.split(";") for name, _ in parse_qsl(part, keep_blank_values=True))
    return any(name.strip().lower().partition("[")[0] in _ANSWER for name in names)


@frozen
class ReturnAddress:
    """A validated URI with what must accompany every answer to it.

    Made only by the checks of each service's domain, or read back from storage where one of them put it.

    Args:
        uri: Absolute URI without a fragment.
        state: The asker's `state`, echoed unchanged (RFC 6749 §4.1.2).
        issuer: Our issuer identifier where the asker expects `iss` (RFC 9207), else None.
    """

    uri: str
    state: str | None = None
    issuer: str | None = None

    def with_code(self, code: str) -> str:
        """The successful authorization response (RFC 6749 §4.1.2)."""
        return self._with({"code": code})

    def with_error(self, error: OAuthError) -> str:
        """The error response (RFC 6749 §4.1.2.1)."""
        return self._with({"error": error.code, "error_description": error.description})

    def _with(self, answer: dict[str, str]) -> str:
        accompanying = {"state": self.state, "iss": self.issuer}
        parameters = answer | {name: value for name, value in accompanying.items() if value is not None}
        # Spaces as %20, which also those clients understand that show a description as it arrives.
        query = urlencode(parameters, quote_via=quote)
        return f"{self.uri}{'&' if '?' in self.uri else '?'}{query}"


class SentBack(Exception):
    """An error whose reader is the application at `address`, reached through the browser."""

    def __init__(self, address: ReturnAddress, error: OAuthError) -> None:
        super().__init__(error.description)
        self.address = address
        self.error = error
