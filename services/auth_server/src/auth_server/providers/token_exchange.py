"""One access token for another, for a service that the first is not for (RFC 8693)."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from auth_server.providers.asking import json_of
from authproxy_common.errors import (
    AccessDenied,
    InvalidGrant,
    InvalidScope,
    InvalidTarget,
    OAuthError,
    ServerError,
    TemporarilyUnavailable,
)
from authproxy_common.exchange import ACCESS_TOKEN_TYPE, ExchangedToken, ExchangeTarget, MalformedExchange
from authproxy_common.http.client import Answer
from authproxy_common.secret import Secret

GRANT_TYPE = "urn:ietf:params:oauth:grant-type:token-exchange"

_SOURCE = "token endpoint"
_WHO = "identity provider"
_CODE = re.compile(r"[a-z_]{1,40}")
# §3: an access token that is a JWT may be called either.
_ISSUED = frozenset({ACCESS_TOKEN_TYPE, "urn:ietf:params:oauth:token-type:jwt"})


def exchange_parameters(subject_token: Secret, target: ExchangeTarget) -> dict[str, str]:
    """§2.1."""
    return {
        "grant_type": GRANT_TYPE,
        "subject_token": subject_token.reveal(),
        "subject_token_type": ACCESS_TOKEN_TYPE,
        **target.form(),
    }


def exchanged_token(answer: Answer) -> ExchangedToken:
    """§2.2.1.

    Raises:
        InvalidGrant: The provider does not accept the token that it got.
        AccessDenied: It gives this person none, or wants them to do something first.
        InvalidTarget, InvalidScope: It does not know the service, or what the token is to permit there.
        TemporarilyUnavailable, ServerError: Anything else.
    """
    body = json_of(answer, _SOURCE)
    if not isinstance(body, dict) or (answer.status != 200 and "error" not in body):
        raise ServerError(f"the {_WHO}'s {_SOURCE} answered {answer.status} with something else")
    if "error" in body:
        raise _refusal(body["error"])
    if body.get("issued_token_type", ACCESS_TOKEN_TYPE) not in _ISSUED:
        raise ServerError(f"the {_WHO} issued something other than an access token")
    try:
        return ExchangedToken.from_json(body)
    except MalformedExchange as error:
        raise ServerError(f"the {_WHO} issued no bearer token") from error


def _refusal(error: Any) -> OAuthError:
    """What §2.2.2, and the practice of vendors, have as `error`; it could be anything at all."""
    code = error if isinstance(error, str) and _CODE.fullmatch(error) else "an error that is none"
    known = _REFUSALS.get(code)
    return known() if known else ServerError(f"the {_WHO} refused to exchange the token: {code}")


def _spent() -> OAuthError:
    return InvalidGrant(f"the {_WHO} does not accept the token that is to be exchanged")


def _wants_the_person() -> OAuthError:
    return AccessDenied(f"the {_WHO} wants the person to prove or to allow something there first")


def _wants_its_operator() -> OAuthError:
    return ServerError(f"the {_WHO} does not let its client, this auth server, exchange tokens")


_REFUSALS: Mapping[str, Callable[[], OAuthError]] = {
    "invalid_grant": _spent,
    # Keycloak's word for the same. That of §2.2.2 is invalid_request, which means half a dozen other things too.
    "invalid_token": _spent,
    "access_denied": lambda: AccessDenied(f"the {_WHO} gives this person no token for this service"),
    **dict.fromkeys(("interaction_required", "login_required", "consent_required"), _wants_the_person),
    "invalid_target": lambda: InvalidTarget(f"the {_WHO} does not know this service"),
    "invalid_scope": lambda: InvalidScope(f"the {_WHO} does not know a scope it was asked for"),
    **dict.fromkeys(("invalid_client", "unauthorized_client", "unsupported_grant_type"), _wants_its_operator),
    "temporarily_unavailable": lambda: TemporarilyUnavailable(f"the {_WHO} is not available", dependency=_WHO),
}
