"""Values that must not be shown, and the two things one does with them: compare and reveal."""

import hashlib
import hmac
import secrets


class Secret:
    """A value that cannot be printed by accident."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The value itself. Every call of this is a place to review."""
        return self._value

    def matches(self, offered: str) -> bool:
        """Whether `offered` is this value, in a time that does not depend on where they differ."""
        return hmac.compare_digest(self._value.encode(), offered.encode())

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self.matches(other._value)

    def __hash__(self) -> int:
        return hash(self._value)

    def __repr__(self) -> str:
        return "Secret(…)"


def mint(prefix: str = "") -> str:
    """A new bearer value of 256 random bits, url-safe, behind a prefix that says what it is."""
    value = secrets.token_urlsafe(32)
    return f"{prefix}_{value}" if prefix else value


def digest(value: str) -> str:
    """SHA-256 of a bearer value, in hex: what is stored where only comparison is needed."""
    return hashlib.sha256(value.encode()).hexdigest()


def matches_digest(offered: str, expected: str) -> bool:
    """Whether `offered` is the value that `expected` is the digest of, in constant time."""
    return hmac.compare_digest(digest(offered), expected)


def trace(value: str) -> str:
    """The head of a value's digest: enough to join log lines, too little to use."""
    return digest(value)[:8]
