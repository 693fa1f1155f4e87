"""Proof Key for Code Exchange (RFC 7636). Only S256 exists here."""

import base64
import hashlib
import hmac
import re
import secrets

from authproxy_common.errors import InvalidGrant, InvalidRequest
from authproxy_common.frozen import frozen
from authproxy_common.secret import Secret

METHOD = "S256"

# 43 characters are the base64url of the 32 bytes of a SHA-256, without padding.
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")


@frozen
class CodeChallenge:
    """A challenge that its verifier will have to meet."""

    value: str

    @classmethod
    def from_request(cls, challenge: str | None, method: str | None) -> "CodeChallenge":
        """Raises InvalidRequest unless both parameters are there and name an S256 challenge (RFC 7636 §4.4.1)."""
        if challenge is None:
            raise InvalidRequest("code_challenge is missing; PKCE with S256 is required")
        if method != METHOD:
            raise InvalidRequest("code_challenge_method must be S256")
        if not _CHALLENGE.fullmatch(challenge):
            raise InvalidRequest("code_challenge is not the base64url of a SHA-256")
        return cls(challenge)

    def check(self, verifier: str | None) -> None:
        """Raises InvalidGrant unless `verifier` meets this challenge (RFC 7636 §4.6)."""
        if verifier is None or not _VERIFIER.fullmatch(verifier):
            raise InvalidGrant("code_verifier is missing or malformed")
        if not hmac.compare_digest(_s256(verifier), self.value):
            raise InvalidGrant("code_verifier does not match the code_challenge")


def mint_verifier() -> Secret:
    """A new code_verifier of 256 random bits."""
    return Secret(secrets.token_urlsafe(32))


def challenge_for(verifier: Secret) -> CodeChallenge:
    """The challenge to announce for `verifier`."""
    return CodeChallenge(_s256(verifier.reveal()))


def _s256(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
