"""Security checks, each with the line that makes it and the test that must fail without that line."""

from dataclasses import dataclass

_GATEWAY = "services/mcp_gateway/src/mcp_gateway"
_AUTH = "services/auth_server/src/auth_server"
_TESTS = "tests/attacks/test_token_binding.py"


@dataclass(frozen=True)
class Mutation:
    """A check taken away.

    Args:
        check: What is checked.
        file: Where.
        line: The source text that makes the check.
        instead: What stands there when it is taken away.
        test: Must fail then.
    """

    check: str
    file: str
    line: str
    instead: str
    test: str


MUTATIONS = [
    Mutation(
        "PKCE verifier",
        f"{_GATEWAY}/domain/authorizations.py",
        'CodeChallenge(asked.code_challenge).check(params.get("code_verifier"))',
        "pass",
        f"{_TESTS}::test_a_stolen_code_is_worthless_without_its_verifier",
    ),
    Mutation(
        "audience",
        f"{_GATEWAY}/proxy/admission.py",
        "if token.resource != server.resource:",
        "if False:",
        f"{_TESTS}::test_a_token_for_one_mcp_server_opens_no_other",
    ),
    Mutation(
        "scope",
        f"{_GATEWAY}/proxy/admission.py",
        "if missing:",
        "if False:",
        f"{_TESTS}::test_a_token_without_the_scope_of_the_call_is_told_which_to_ask_for",
    ),
    Mutation(
        "the code's client",
        f"{_GATEWAY}/domain/authorizations.py",
        "if not hmac.compare_digest(client_id.encode(), asked.client_id.encode()):",
        "if False:",
        f"{_TESTS}::test_a_code_is_worthless_to_another_client",
    ),
    Mutation(
        "the code's redirect_uri",
        f"{_GATEWAY}/domain/authorizations.py",
        'if asked.redirect_uri is not None and params.get("redirect_uri") != asked.redirect_uri:',
        "if False:",
        f"{_TESTS}::test_a_code_needs_the_redirect_uri_that_it_was_sent_to",
    ),
    Mutation(
        "the refresh token's client",
        f"{_GATEWAY}/grant_types/refresh_token.py",
        "grant.check_client(client.client_id)",
        "pass",
        f"{_TESTS}::test_a_refresh_token_is_worthless_to_another_client",
    ),
    Mutation(
        "the header allow-list",
        f"{_GATEWAY}/proxy/headers.py",
        "if n in _REQUEST or n.startswith(_REQUEST_PREFIX)",
        "if True",
        f"{_TESTS}::test_no_credential_or_claimed_identity_of_the_client_reaches_the_mcp_server",
    ),
]
