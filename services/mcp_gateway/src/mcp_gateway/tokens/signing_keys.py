"""The signing ring (RFC 7517): the newest key that has begun to sign signs, every key verifies, all are published.

It is written as PEM private keys one after the other, newest first. A line `signs-from: 2026-11-26T15:10:00Z` before a
key lets every replica know the key before one of them signs with it.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet

from authproxy_common.clock import Clock, utc_now
from authproxy_common.frozen import frozen
from authproxy_common.secret import Secret

ALGORITHM = "ES256"
CURVE = "P-256"

_SIGNS_FROM = "signs-from"
_BEGIN = "-----BEGIN "
_ENTRY = re.compile(
    rf"(?P<before>.*?)(?P<pem>{_BEGIN}(?P<label>[A-Z ]+)-----.+?-----END (?P=label)-----)[^\S\n]*\n?", re.DOTALL
)
_SIGNS_FROM_LINE = re.compile(rf"{_SIGNS_FROM}\s*:\s*(?P<time>\S+)")


@frozen
class SigningKey:
    """A key of the ring.

    Args:
        key: Private, on P-256, with a kid.
        signs_from: From when on it may sign; None: always.
        written: Its piece of the ring's text, with what stands before it.
    """

    key: ECKey
    signs_from: datetime | None
    written: Secret

    @property
    def kid(self) -> str:
        """Its name in tokens and in the JWK set (RFC 7638)."""
        return str(self.key.kid)

    def has_begun(self, moment: datetime) -> bool:
        """Whether it may sign at `moment`."""
        return self.signs_from is None or self.signs_from <= moment


class SigningKeys:
    """A ring of P-256 keys.

    Args:
        keys: Newest first; at least one.
    """

    def __init__(self, keys: Sequence[SigningKey]) -> None:
        self.keys = tuple(keys)
        self.ring = KeySet([each.key for each in keys])

    @classmethod
    def from_pem(cls, pem: Secret) -> "SigningKeys":
        """From the ring's text; raises ValueError."""
        return cls(read_ring(pem))

    def signing(self, moment: datetime) -> SigningKey:
        """The key that signs at `moment`."""
        # A ring of which none has begun is refused at start; where a clock was set back since, the oldest is the one
        # that every replica has known longest.
        return next((each for each in self.keys if each.has_begun(moment)), self.keys[-1])

    def account(self, moment: datetime) -> Iterator[str]:
        """What each key does at `moment`, by its public name."""
        signing = self.signing(moment)
        for each in self.keys:
            if each is signing:
                yield f"{each.kid} signs"
            elif each.signs_from and not each.has_begun(moment):
                yield f"{each.kid} signs from {in_utc(each.signs_from)}"
            else:
                yield f"{each.kid} verifies"

    def published(self) -> dict[str, Any]:
        """The JWK set, public halves alone."""
        return {"keys": [_public(key) for key in self.ring.keys]}


def read_ring(text: Secret) -> list[SigningKey]:
    """The keys of a ring's text, newest first; raises ValueError, which repeats nothing of the text."""
    revealed = text.reveal()
    entries = list(_ENTRY.finditer(revealed))
    if not entries:
        raise ValueError("holds no PEM private key")
    behind = revealed[entries[-1].end() :]
    if _BEGIN in behind or _SIGNS_FROM in behind.lower():
        raise ValueError(f"ends in the middle of a key, or in a {_SIGNS_FROM} line that has no key behind it")
    return [SigningKey(_imported(each["pem"]), _signs_from(each["before"]), Secret(each.group())) for each in entries]


def written_key(pem: Secret, signs_from: datetime) -> Secret:
    """A key's piece of a ring's text."""
    return Secret(f"{_SIGNS_FROM}: {in_utc(signs_from)}\n{pem.reveal()}")


def in_utc(moment: datetime) -> str:
    """A moment as a ring's text has it, to the second."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def generate_signing_key() -> Secret:
    """A new private key, in PEM."""
    return Secret(ECKey.generate_key(CURVE).as_pem(private=True).decode())


def signing_keys_problem(pem: Secret, now: Clock = utc_now) -> str | None:
    """What is wrong with the keys that an operator wrote down, or None."""
    try:
        ring = read_ring(pem)
    except ValueError as error:
        return f"{error}; `mcp-gateway keys rotate --file PATH` makes such keys"
    times = [each.signs_from for each in ring if each.signs_from and not each.has_begun(now())]
    if len(times) == len(ring):
        return f"holds no key that has begun to sign; the first one begins at {in_utc(min(times))}"
    return None


def _imported(pem: str) -> ECKey:
    try:
        key = ECKey.import_key(pem, {"use": "sig", "alg": ALGORITHM})
    except (JoseError, ValueError, TypeError) as error:
        raise ValueError("holds something that is no PEM private key of an elliptic curve") from error
    if key.curve_name != CURVE or not key.is_private:
        raise ValueError(f"holds a key that is no private key on {CURVE}")
    key.ensure_kid()
    return key


def _signs_from(before: str) -> datetime | None:
    """What the text before a key says of its beginning. Whatever looks like such a line has to be one."""
    # Some editors put a byte order mark at the head of a file.
    lines = [line.strip("\ufeff \t") for line in before.splitlines() if _SIGNS_FROM in line.lower()]
    if not lines:
        return None
    found = _SIGNS_FROM_LINE.fullmatch(lines[0])
    moment = _moment(found["time"]) if found and len(lines) == 1 else None
    if moment is None:
        raise ValueError(f"has before a key something other than one line like `{_SIGNS_FROM}: 2026-11-26T15:10:00Z`")
    return moment


def _moment(written: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(written)
    except ValueError:
        return None
    return moment if moment.tzinfo else None


def _public(key: Any) -> dict[str, Any]:
    public: dict[str, Any] = key.as_dict(private=False)
    return public
