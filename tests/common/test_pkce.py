"""Proof Key for Code Exchange: the RFC's own example, and everything that is not quite it."""

import pytest

from authproxy_common.errors import InvalidGrant, InvalidRequest
from authproxy_common.pkce import CodeChallenge, challenge_for, mint_verifier
from authproxy_common.secret import Secret

pytestmark = pytest.mark.requirement("AZ-02", "TK-01")

# RFC 7636, appendix B
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


def test_the_example_of_the_rfc_is_met() -> None:
    CodeChallenge.from_request(CHALLENGE, "S256").check(VERIFIER)

    assert challenge_for(Secret(VERIFIER)) == CodeChallenge(CHALLENGE)


def test_a_minted_verifier_meets_its_own_challenge_and_no_other() -> None:
    mine, other = mint_verifier(), mint_verifier()
    challenge = challenge_for(mine)

    CodeChallenge.from_request(challenge.value, "S256").check(mine.reveal())
    with pytest.raises(InvalidGrant):
        challenge.check(other.reveal())


@pytest.mark.parametrize(
    ("challenge", "method"),
    [
        pytest.param(None, "S256", id="no challenge"),
        pytest.param(None, None, id="no PKCE"),
        pytest.param(CHALLENGE, None, id="no method, which means plain"),
        pytest.param(CHALLENGE, "plain", id="plain"),
        pytest.param(CHALLENGE, "s256", id="method in lower case"),
        pytest.param(CHALLENGE[:-1], "S256", id="challenge too short"),
        pytest.param(CHALLENGE + "=", "S256", id="padded challenge"),
        pytest.param(CHALLENGE + "A", "S256", id="challenge too long"),
        pytest.param(CHALLENGE[:-1] + "+", "S256", id="the other base64 alphabet"),
        pytest.param(CHALLENGE[:-1] + "é", "S256", id="not ASCII"),
        pytest.param(CHALLENGE + "\n", "S256", id="line feed at the end"),
        pytest.param("", "S256", id="empty challenge"),
    ],
)
def test_anything_but_an_s256_challenge_is_refused(challenge: str | None, method: str | None) -> None:
    with pytest.raises(InvalidRequest):
        CodeChallenge.from_request(challenge, method)


@pytest.mark.parametrize(
    "verifier",
    [
        pytest.param(None, id="none"),
        pytest.param("", id="empty"),
        pytest.param(VERIFIER[:-1] + "l", id="one character off"),
        pytest.param(VERIFIER[:42], id="too short"),
        pytest.param("a" * 129, id="too long"),
        pytest.param(VERIFIER + "\n", id="line feed at the end"),
        pytest.param(VERIFIER[:-1] + "é", id="not ASCII"),
        pytest.param(VERIFIER[:-1] + "/", id="illegal character"),
        pytest.param(CHALLENGE, id="the challenge itself"),
    ],
)
def test_a_verifier_that_does_not_meet_the_challenge_is_refused(verifier: str | None) -> None:
    with pytest.raises(InvalidGrant) as caught:
        CodeChallenge(CHALLENGE).check(verifier)

    assert not verifier or verifier not in caught.value.description


@pytest.mark.parametrize(
    "verifier",
    [
        pytest.param("a" * 42, id="too short"),
        pytest.param("a" * 129, id="too long"),
        pytest.param("a" * 43 + "\n", id="line feed at the end"),
        pytest.param("a" * 42 + "/", id="illegal character"),
    ],
)
def test_a_malformed_verifier_is_refused_even_when_it_meets_the_challenge(verifier: str) -> None:
    with pytest.raises(InvalidGrant, match="malformed"):
        challenge_for(Secret(verifier)).check(verifier)


@pytest.mark.parametrize("length", [43, 128])
def test_verifiers_of_every_legal_length_are_taken(length: int) -> None:
    challenge_for(Secret("~" * length)).check("~" * length)
