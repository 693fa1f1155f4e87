"""What another authorization server refused with, handed on in our own words."""

import pytest

from authproxy_common.errors import AccessDenied, InvalidScope, OAuthError, ServerError, TemporarilyUnavailable
from authproxy_common.refusals import refusal

pytestmark = pytest.mark.requirement("OP-04", "AZ-01")


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        pytest.param("access_denied", AccessDenied, id="denied"),
        pytest.param("login_required", AccessDenied, id="no login"),
        pytest.param("consent_required", AccessDenied, id="no consent"),
        pytest.param("interaction_required", AccessDenied, id="no interaction"),
        pytest.param("temporarily_unavailable", TemporarilyUnavailable, id="unavailable"),
        pytest.param("invalid_scope", InvalidScope, id="scope"),
        pytest.param("server_error", ServerError, id="their fault"),
        pytest.param("unauthorized_client", ServerError, id="our registration there"),
        pytest.param("", ServerError, id="empty"),
        pytest.param("ACCESS_DENIED", ServerError, id="another case"),
    ],
)
def test_a_code_becomes_the_error_that_tells_the_same(error: str, expected: type[OAuthError]) -> None:
    refused = refusal(error, "provider")

    assert type(refused) is expected
    assert "provider" in refused.description


def test_text_that_is_no_code_is_not_repeated() -> None:
    assert "evil" not in refusal("<script>evil</script>", "provider").description


def test_an_unavailable_server_is_counted_under_its_own_name() -> None:
    refused = refusal("temporarily_unavailable", "provider")

    assert isinstance(refused, TemporarilyUnavailable)
    assert refused.dependency == "provider"
