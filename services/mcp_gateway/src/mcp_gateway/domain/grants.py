"""Grants and their rotating refresh tokens.

A refresh token is `rt_<grant id>.<generation>.<mac>`, the mac under a secret of the grant. Its successor is thereby
known to every replica that can read the grant: a refresh that is retried, or that several callers make at once, gets
the same successor wherever it arrives.
"""

import base64
import hashlib
import hmac
import re
from datetime import datetime, timedelta

from authproxy_common.errors import AccessDenied, InvalidGrant
from authproxy_common.exchange import Person, SignIn
from authproxy_common.frozen import frozen
from authproxy_common.secret import Secret

_REFRESH_TOKEN = re.compile(
    r"rt_(?P<grant>[A-Za-z0-9_-]{43})\.(?P<generation>0|[1-9][0-9]{0,8})\.(?P<mac>[A-Za-z0-9_-]{43})"
)


# For a provider that does not say how long its access tokens live.
_UNKNOWN_LIFETIME = timedelta(hours=1)


@frozen
class Grant:
    """What a client was granted, until it ends. Its key is `grant_id`.

    Args:
        grant_id: Random, 256 bits.
        client_id, resource, scope: Whom, for what.
        subject: On whose behalf: the name of whoever knows the person and their `sub`, since a `sub` is unique only
            there; or the client itself, where it acts for nobody.
        secret: Makes this grant's refresh tokens.
        opened_at: When.
        sign_in: The provider's tokens and claims; None where nobody signed in.
        checked_at: When the provider last said yes to this person.
        consent_id: Of the remembered consent that it was opened under, if it was.
        asserted: The person whom a trusted issuer asserted, where nobody signed in and the client acts for somebody.
        ends_at: When it ends by itself, where that is sooner than for others.
    """

    grant_id: str
    client_id: str
    subject: str
    resource: str
    scope: tuple[str, ...]
    secret: Secret
    opened_at: datetime
    sign_in: SignIn | None
    checked_at: datetime
    consent_id: str | None = None
    asserted: Person | None = None
    ends_at: datetime | None = None

    @property
    def person(self) -> Person | None:
        """On whose behalf the client acts; None where it acts for nobody."""
        return self.sign_in.person if self.sign_in else self.asserted

    def require_sign_in(self) -> SignIn:
        """What the provider gave; raises AccessDenied where nobody signed in."""
        if self.sign_in is None:
            raise AccessDenied("this MCP server is for people who signed in at the identity provider")
        return self.sign_in

    def sign_in_due(self, now: datetime, early: timedelta = timedelta(0)) -> SignIn | None:
        """What the provider has to be asked about again: its token has expired, and there is a way to ask."""
        is_due = self.sign_in and self.sign_in.refresh_token and now >= self.due_at(early)
        return self.sign_in if is_due else None

    def due_at(self, early: timedelta) -> datetime:
        """`early` before the provider's access token ends, and after four fifths of its life at the soonest.

        One that lives for a minute would otherwise be due from its beginning.
        """
        return self.upstream_token_expires_at - min(early, self._upstream_lifetime / 5)

    @property
    def upstream_token_expires_at(self) -> datetime:
        """When the provider's access token ends; where it gave none, that is over."""
        return self.checked_at + self._upstream_lifetime

    @property
    def upstream_token_is_lasting(self) -> bool:
        """Whether the provider named no end for it, and gave nothing to get another one with: then it has none."""
        return self.sign_in is not None and self.sign_in.expires_in is None and self.sign_in.refresh_token is None

    @property
    def _upstream_lifetime(self) -> timedelta:
        if self.sign_in is None:
            return timedelta(0)
        return _UNKNOWN_LIFETIME if self.sign_in.expires_in is None else timedelta(seconds=self.sign_in.expires_in)

    def refresh_token(self, generation: int) -> str:
        """The refresh token of that generation, the same wherever and whenever it is made."""
        body = f"rt_{self.grant_id}.{generation}"
        return f"{body}.{self._mac(body)}"

    def made(self, token: "RefreshToken") -> bool:
        """Whether `token` is of this grant, in constant time."""
        return hmac.compare_digest(self.refresh_token(token.generation), token.value)

    def check(self, token: "RefreshToken") -> None:
        """Raises InvalidGrant unless `token` is of this grant."""
        if not self.made(token):
            raise InvalidGrant("the refresh token is not valid")

    def check_client(self, client_id: str) -> None:
        """Raises InvalidGrant when the grant is another client's (OAuth 2.1 §4.3)."""
        if not hmac.compare_digest(client_id.encode(), self.client_id.encode()):
            raise InvalidGrant("the token was issued to another client")

    def _mac(self, body: str) -> str:
        mac = hmac.digest(self.secret.reveal().encode(), body.encode(), hashlib.sha256)
        return base64.urlsafe_b64encode(mac).rstrip(b"=").decode()


@frozen
class RefreshToken:
    """A refresh token taken apart; nothing about it is believed before its grant has checked it."""

    value: str
    grant_id: str
    generation: int

    @classmethod
    def parse(cls, value: str) -> "RefreshToken":
        """Raises InvalidGrant for what cannot be one of ours."""
        parts = _REFRESH_TOKEN.fullmatch(value)
        if parts is None:
            raise InvalidGrant("the refresh token is not valid")
        return cls(value, parts["grant"], int(parts["generation"]))


@frozen
class Rotation:
    """Marks a refresh token as used. Its key is the grant and the generation.

    Args:
        used_at: When it was first used.
    """

    used_at: datetime


@frozen
class Renewal:
    """Marks that somebody is asking the provider about a grant. Its key is the grant's id.

    Args:
        begun_at: When they began.
    """

    begun_at: datetime


@frozen
class Ended:
    """Marks a grant as ended, for as long as anything of it could still be presented.

    Args:
        reason: Why, in a word.
    """

    reason: str


@frozen
class Epoch:
    """Changes whenever a grant ends: whoever remembers verified tokens has to ask about their grants again.

    Args:
        value: Random, another one each time.
    """

    value: str
