"""The exception tree, one class per error code of the RFCs.

OAuthError                  description for the outsider; the insider's cause is `__cause__`
├── InvalidRequest          400  RFC 6749 §4.1.2.1, §5.2
│   └── ContentTooLarge     413  RFC 9110 §15.5.14
├── InvalidClient           401  RFC 6749 §5.2
├── InvalidToken            401  RFC 6750 §3.1
│   └── TokenMissing        401  the same, without an error code in the challenge
├── InvalidGrant            400  RFC 6749 §5.2
├── UnauthorizedClient      400  RFC 6749 §5.2
├── UnsupportedGrantType    400  RFC 6749 §5.2
├── UnsupportedResponseType 400  RFC 6749 §4.1.2.1
├── InvalidScope            400  RFC 6749 §5.2
├── InvalidTarget           400  RFC 8707 §2
├── AccessDenied            403  RFC 6749 §4.1.2.1
├── InvalidRedirectUri      400  RFC 7591 §3.2.2
├── InvalidClientMetadata   400  RFC 7591 §3.2.2
├── NotOffered              404  switched off, or never there
├── TooManyRequests         429  RFC 6585 §4
├── ServerError             500  RFC 6749 §4.1.2.1
├── BadGateway              502  an upstream answered nonsense, or nothing
└── TemporarilyUnavailable  503  RFC 6749 §4.1.2.1; what was asked for may be asked for again
"""

from datetime import timedelta
from typing import ClassVar


class OAuthError(Exception):
    """A refusal that the caller may see.

    Args:
        description: One sentence for the person or program outside; never a secret, never an input's value.
        remedy: What a person who reads the error page can do; the class has a general one.
    """

    code: ClassVar[str]
    status: ClassVar[int] = 400
    dependency: str | None = None
    general_remedy: ClassVar[str] = "Start again from the application that sent you here."

    def __init__(self, description: str, *, remedy: str | None = None) -> None:
        super().__init__(description)
        self.description = legal_description(description)
        self.remedy = remedy or self.general_remedy

    def headers(self) -> dict[str, str]:
        """Response headers that belong to this refusal."""
        return {}


class InvalidRequest(OAuthError):
    code = "invalid_request"


class ContentTooLarge(InvalidRequest):
    status = 413

    def headers(self) -> dict[str, str]:
        # Nobody will read the rest of what is being sent.
        return {"Connection": "close"}


class InvalidClient(OAuthError):
    code, status = "invalid_client", 401

    def headers(self) -> dict[str, str]:
        return {"WWW-Authenticate": 'Basic realm="oauth"'}


class InvalidToken(OAuthError):
    code, status = "invalid_token", 401

    def headers(self) -> dict[str, str]:
        return {"WWW-Authenticate": f'Bearer error="{self.code}", error_description="{self.description}"'}


class TokenMissing(InvalidToken):
    def headers(self) -> dict[str, str]:
        # Whoever sent no token is told of no error (RFC 6750 §3.1).
        return {"WWW-Authenticate": 'Bearer realm="oauth"'}


class InvalidGrant(OAuthError):
    code = "invalid_grant"


class UnauthorizedClient(OAuthError):
    code = "unauthorized_client"


class UnsupportedGrantType(OAuthError):
    code = "unsupported_grant_type"


class UnsupportedResponseType(OAuthError):
    code = "unsupported_response_type"


class InvalidScope(OAuthError):
    code = "invalid_scope"


class InvalidTarget(OAuthError):
    code = "invalid_target"


class AccessDenied(OAuthError):
    code, status = "access_denied", 403


class InvalidRedirectUri(OAuthError):
    code = "invalid_redirect_uri"


class InvalidClientMetadata(OAuthError):
    code = "invalid_client_metadata"


class NotOffered(OAuthError):
    code, status = "not_found", 404
    general_remedy = "Check the address, or ask whoever runs this service."


class TooManyRequests(OAuthError):
    """More than a rate limit allows.

    Args:
        retry_after: When the next request is taken.
    """

    code, status = "temporarily_unavailable", 429
    general_remedy = "Wait a moment, then start again from the application that sent you here."

    def __init__(self, *, retry_after: timedelta) -> None:
        super().__init__("too many requests came from this address, or from this gateway")
        self.retry_after = retry_after

    def headers(self) -> dict[str, str]:
        return {"Retry-After": str(int(self.retry_after.total_seconds()))}


class ServerError(OAuthError):
    code, status = "server_error", 500
    general_remedy = "Tell whoever runs this service, and give them the request id below."


class BadGateway(OAuthError):
    code, status = "bad_gateway", 502
    dependency = "upstream"
    general_remedy = "Tell whoever runs this service, and give them the request id below."


class TemporarilyUnavailable(OAuthError):
    """Something we depend on did not answer in time.

    Args:
        description: See `OAuthError`.
        dependency: Which one, as it is called in metrics and by `/health/ready`.
        retry_after: When asking again may help.
    """

    code, status = "temporarily_unavailable", 503
    general_remedy = "Wait a moment, then start again from the application that sent you here."

    def __init__(self, description: str, *, dependency: str, retry_after: timedelta = timedelta(seconds=2)) -> None:
        super().__init__(description)
        self.dependency = dependency
        self.retry_after = retry_after

    def headers(self) -> dict[str, str]:
        return {"Retry-After": str(int(self.retry_after.total_seconds()))}


def legal_description(text: str) -> str:
    """`text` within the characters that RFC 6749 §5.2 allows in `error_description`."""
    return "".join(c if c in _LEGAL else "'" if c == '"' else "?" for c in text)


_LEGAL = frozenset(map(chr, [0x20, 0x21, *range(0x23, 0x5C), *range(0x5D, 0x7F)]))
