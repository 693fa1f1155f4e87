"""The errors of the RFCs: codes, statuses, headers, and descriptions that may be sent."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from authproxy_common import errors
from authproxy_common.errors import OAuthError, TemporarilyUnavailable, legal_description

pytestmark = pytest.mark.requirement("TK-03")


def unavailable(description: str) -> TemporarilyUnavailable:
    return TemporarilyUnavailable(description, dependency="redis", retry_after=timedelta(seconds=7))


@pytest.mark.parametrize(
    ("error", "code", "status", "headers"),
    [
        pytest.param(errors.InvalidRequest, "invalid_request", 400, {}, id="InvalidRequest"),
        pytest.param(errors.ContentTooLarge, "invalid_request", 413, {"Connection": "close"}, id="ContentTooLarge"),
        pytest.param(
            errors.InvalidClient, "invalid_client", 401, {"WWW-Authenticate": 'Basic realm="oauth"'}, id="InvalidClient"
        ),
        pytest.param(
            errors.InvalidToken,
            "invalid_token",
            401,
            {"WWW-Authenticate": 'Bearer error="invalid_token", error_description="a reason"'},
            id="InvalidToken",
        ),
        pytest.param(
            errors.TokenMissing, "invalid_token", 401, {"WWW-Authenticate": 'Bearer realm="oauth"'}, id="TokenMissing"
        ),
        pytest.param(errors.InvalidGrant, "invalid_grant", 400, {}, id="InvalidGrant"),
        pytest.param(errors.UnauthorizedClient, "unauthorized_client", 400, {}, id="UnauthorizedClient"),
        pytest.param(errors.UnsupportedGrantType, "unsupported_grant_type", 400, {}, id="UnsupportedGrantType"),
        pytest.param(
            errors.UnsupportedResponseType, "unsupported_response_type", 400, {}, id="UnsupportedResponseType"
        ),
        pytest.param(errors.InvalidScope, "invalid_scope", 400, {}, id="InvalidScope"),
        pytest.param(errors.InvalidTarget, "invalid_target", 400, {}, id="InvalidTarget"),
        pytest.param(errors.AccessDenied, "access_denied", 403, {}, id="AccessDenied"),
        pytest.param(errors.InvalidRedirectUri, "invalid_redirect_uri", 400, {}, id="InvalidRedirectUri"),
        pytest.param(errors.InvalidClientMetadata, "invalid_client_metadata", 400, {}, id="InvalidClientMetadata"),
        pytest.param(errors.NotOffered, "not_found", 404, {}, id="NotOffered"),
        pytest.param(errors.ServerError, "server_error", 500, {}, id="ServerError"),
        pytest.param(errors.BadGateway, "bad_gateway", 502, {}, id="BadGateway"),
        pytest.param(unavailable, "temporarily_unavailable", 503, {"Retry-After": "7"}, id="TemporarilyUnavailable"),
    ],
)
def test_each_error_has_the_code_status_and_headers_of_its_rfc(
    error: Callable[[str], OAuthError], code: str, status: int, headers: dict[str, str]
) -> None:
    raised = error("a reason")

    assert (raised.code, raised.status, raised.headers()) == (code, status, headers)
    assert raised.description == str(raised) == "a reason"


def test_a_description_has_only_the_characters_that_the_rfc_allows() -> None:
    legal = {*range(0x20, 0x22), *range(0x23, 0x5C), *range(0x5D, 0x7F)}

    cleaned = legal_description("".join(map(chr, range(0x180))) + "\u2028\U0001f600")

    assert {ord(c) for c in cleaned} == legal
    assert len(cleaned) == 0x180 + 2


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param('say "no"', "say 'no'", id="quotation marks"),
        pytest.param("a\\b", "a?b", id="backslash"),
        pytest.param("a\r\nSet-Cookie: x", "a??Set-Cookie: x", id="header injection"),
        pytest.param("é", "?", id="not ASCII"),
    ],
)
def test_what_may_not_stand_in_a_description_is_replaced(text: str, expected: str) -> None:
    assert OAuthError(text).description == expected


def test_every_error_says_what_to_do_unless_it_knows_better() -> None:
    assert errors.InvalidGrant("spent").remedy == OAuthError.general_remedy
    assert errors.InvalidGrant("spent", remedy="Wait.").remedy == "Wait."
