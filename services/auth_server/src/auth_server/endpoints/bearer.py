"""The access token of a request: in its Authorization header, once, and nowhere else (RFC 6750 §2.1)."""

import re

from starlette.requests import Request

from authproxy_common.errors import InvalidToken, TokenMissing
from authproxy_common.secret import Secret

# What goes on to the provider has this form, and an end.
_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]{1,16384}={0,2}")


def bearer_token(request: Request) -> Secret:
    """Raises TokenMissing where there is none, InvalidToken where what stands in its place cannot be one."""
    values = request.headers.getlist("authorization")
    scheme, _, token = (values or [""])[0].partition(" ")
    if scheme.lower() != "bearer":
        raise TokenMissing("an access token is needed, in an Authorization header with the scheme Bearer")
    if len(values) > 1 or not _TOKEN.fullmatch(token.strip()):
        raise InvalidToken("the Authorization header is not one bearer token")
    return Secret(token.strip())
