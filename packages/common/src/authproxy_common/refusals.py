"""Error codes that another authorization server sent us in an authorization response, in our own words."""

from authproxy_common.errors import AccessDenied, InvalidScope, OAuthError, ServerError, TemporarilyUnavailable

_DENIALS = frozenset({"access_denied", "login_required", "consent_required", "interaction_required"})


def refusal(error: str, dependency: str) -> OAuthError:
    """The error to hand on for the code `error`, which came from `dependency` and could be any text at all."""
    if error in _DENIALS:
        return AccessDenied(f"the {dependency} answered {error}")
    if error == "temporarily_unavailable":
        return TemporarilyUnavailable(f"the {dependency} is not available", dependency=dependency)
    if error == "invalid_scope":
        return InvalidScope(f"the {dependency} does not know a scope it was asked for")
    return ServerError(f"the {dependency} could not complete the sign-in")
