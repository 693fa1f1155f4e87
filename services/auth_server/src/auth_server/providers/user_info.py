"""What a provider says about an access token: whose it is, or that it is none (OpenID Connect Core §5.3)."""

from typing import Any

import httpx

from auth_server.providers.asking import json_of
from authproxy_common.errors import ServerError
from authproxy_common.http.client import Answer
from authproxy_common.secret import Secret

_REFUSALS = ("invalid_token", "access_denied")
_SOURCE = "userinfo endpoint"


def user_info_request(endpoint: str, access_token: Secret) -> httpx.Request:
    """§5.3.1, with the token in the header, which no log of a server or proxy on the way keeps."""
    headers = {"Authorization": f"Bearer {access_token.reveal()}", "Accept": "application/json"}
    return httpx.Request("GET", endpoint, headers=headers)


def claims_of(answer: Answer) -> dict[str, Any] | None:
    """The claims, or None for a token that the provider does not accept (§5.3.3).

    Raises ServerError for an answer that is neither; a signed one (`application/jwt`) is not read.
    """
    claims = _object_of(answer)
    if claims is None:
        return None
    if not isinstance(claims.get("sub"), str) or not claims["sub"]:
        raise ServerError(f"the identity provider's {_SOURCE} names nobody")
    return claims


def person_of(answer: Answer, subject_claim: str) -> dict[str, Any] | None:
    """The same for a provider without OpenID: `sub` is the text of `subject_claim`, which may be a number."""
    claims = _object_of(answer)
    if claims is None:
        return None
    subject = claims.get(subject_claim)
    if not isinstance(subject, str | int) or isinstance(subject, bool) or subject == "":
        raise ServerError(f"the identity provider's {_SOURCE} names nobody")
    return claims | {"sub": str(subject)}


def _object_of(answer: Answer) -> dict[str, Any] | None:
    if answer.status in {401, 403} or (answer.status == 400 and _refuses(answer.json())):
        return None
    body = json_of(answer, _SOURCE)
    if answer.status != 200 or not isinstance(body, dict):
        raise ServerError(f"the identity provider's {_SOURCE} answered {answer.status} with something else")
    return body


def _refuses(body: Any) -> bool:
    """Some providers, the one of `make up` too, refuse a token with the status of a request out of form."""
    return isinstance(body, dict) and body.get("error") in _REFUSALS
