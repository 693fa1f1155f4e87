"""What the auth server hands a gateway: the types that cross between the services."""

import re
from dataclasses import field
from typing import Any

from authproxy_common.frozen import frozen
from authproxy_common.secret import Secret

# What the subject of a client begins with that acts for nobody, `client:ID`, as those of people begin with a name.
CLIENT = "client"
# Of whoever says who people are, a provider or another issuer. Without a colon, and never the word above: of two
# subjects `name:id` no two can be written the same, and none of a person can look like one of a client.
PROVIDER_NAME = re.compile(rf"(?!{CLIENT}\Z)[a-z0-9][a-z0-9_-]{{0,31}}")
# RFC 8693 §3.
ACCESS_TOKEN_TYPE = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105  # the name of a type

_TEN_YEARS = 10 * 365 * 24 * 60 * 60


class MalformedExchange(ValueError):
    """An exchange answer that is not one. The message names the member, never its value."""


@frozen
class Person:
    """Somebody whom a provider knows.

    Args:
        provider: The provider's name in the auth server's configuration.
        user: The provider's claims; `sub` is always there.
    """

    provider: str
    user: dict[str, Any]

    @property
    def subject(self) -> str:
        """`provider:sub`, by which a person is told from all others."""
        return f"{self.provider}:{self.user['sub']}"

    @classmethod
    def from_json(cls, body: object) -> "Person":
        """Raises MalformedExchange unless the body has a provider and a user with `sub`."""
        if not isinstance(body, dict):
            raise MalformedExchange("the answer is not a JSON object")
        user = body.get("user")
        if not isinstance(user, dict) or not isinstance(user.get("sub"), str) or not user["sub"]:
            raise MalformedExchange("user.sub is missing")
        provider = _required(body, "provider")
        if not PROVIDER_NAME.fullmatch(provider):
            raise MalformedExchange("provider is no name of a provider")
        return cls(provider, user)


@frozen
class SignIn:
    """The provider's tokens and the verified claims of the person who signed in.

    Args:
        provider: The provider's name in the auth server's configuration.
        access_token, refresh_token, id_token: As the provider issued them; the last two where it did.
        token_type: Normally `Bearer`.
        expires_in: Seconds from the answer on, where the provider said so.
        scope: Space-separated, as the provider granted it.
        user: The claims of the validated ID token; `sub` is always there.
    """

    provider: str
    access_token: Secret
    token_type: str = "Bearer"  # noqa: S105  # RFC 6750's name of the type
    refresh_token: Secret | None = None
    id_token: Secret | None = None
    expires_in: int | None = None
    scope: str | None = None
    user: dict[str, Any] = field(default_factory=dict)

    @property
    def person(self) -> Person:
        """Who signed in."""
        return Person(self.provider, self.user)

    def to_json(self) -> dict[str, Any]:
        """The body of the answer of `POST /gateway-oauth/exchange`; absent members are left out."""
        body = {
            "access_token": self.access_token.reveal(),
            "refresh_token": self.refresh_token.reveal() if self.refresh_token else None,
            "id_token": self.id_token.reveal() if self.id_token else None,
            "token_type": self.token_type,
            "expires_in": self.expires_in,
            "scope": self.scope,
            "provider": self.provider,
            "user": self.user,
        }
        return {name: value for name, value in body.items() if value is not None}

    def renewed(self, body: object) -> "SignIn":
        """With what the answer of `POST /gateway-oauth/refresh` replaces; the rest stays as it was.

        Raises MalformedExchange, also when the answer is about another person.
        """
        if not isinstance(body, dict):
            raise MalformedExchange("the answer is not a JSON object")
        renewed = SignIn.from_json({**self.to_json(), **body, "user": body.get("user") or self.user})
        if (renewed.provider, renewed.user["sub"]) != (self.provider, self.user["sub"]):
            raise MalformedExchange("the answer is about another person")
        return renewed

    @classmethod
    def from_json(cls, body: object) -> "SignIn":
        """Raises MalformedExchange unless the body has at least tokens, a provider and a user with `sub`."""
        if not isinstance(body, dict):
            raise MalformedExchange("the answer is not a JSON object")
        person = Person.from_json(body)
        refresh_token, id_token = _text(body, "refresh_token"), _text(body, "id_token")
        return cls(
            provider=person.provider,
            access_token=Secret(_required(body, "access_token")),
            token_type=_required(body, "token_type"),
            refresh_token=Secret(refresh_token) if refresh_token else None,
            id_token=Secret(id_token) if id_token else None,
            expires_in=lifetime(body.get("expires_in")),
            scope=_text(body, "scope"),
            user=person.user,
        )


@frozen
class ExchangeTarget:
    """For which service another token is asked for (RFC 8693 §2.1).

    Args:
        audience: Its name, at the provider.
        resource: Where it is.
        scope: What the token is to permit there, space-separated; where neither of the others is given, it names the
            service too.
    """

    audience: str | None = None
    resource: str | None = None
    scope: str | None = None

    @property
    def services(self) -> tuple[str, ...]:
        """By what the service is named, and so what has to be allowed."""
        named = tuple(filter(None, (self.audience, self.resource)))
        return named or tuple((self.scope or "").split())

    def form(self) -> dict[str, str]:
        """As parameters of a request."""
        members = {"audience": self.audience, "resource": self.resource, "scope": self.scope}
        return {name: value for name, value in members.items() if value}


@frozen
class ExchangedToken:
    """What a provider gave for another token (RFC 8693 §2.2.1): a bearer token for one service.

    Args:
        access_token: As the provider issued it.
        expires_in: Seconds from the answer on, where the provider said so.
        scope: Space-separated, where the provider said so.
    """

    access_token: Secret
    expires_in: int | None = None
    scope: str | None = None

    def to_json(self) -> dict[str, Any]:
        """The body of the answer of `POST /gateway-oauth/token-exchange`; absent members are left out."""
        body = {
            "access_token": self.access_token.reveal(),
            "issued_token_type": ACCESS_TOKEN_TYPE,
            "token_type": "Bearer",
            "expires_in": self.expires_in,
            "scope": self.scope,
        }
        return {name: value for name, value in body.items() if value is not None}

    @classmethod
    def from_json(cls, body: object) -> "ExchangedToken":
        """Raises MalformedExchange unless the body has a bearer token."""
        if not isinstance(body, dict):
            raise MalformedExchange("the answer is not a JSON object")
        if (_text(body, "token_type") or "").lower() != "bearer":
            raise MalformedExchange("token_type is not Bearer")
        token = Secret(_required(body, "access_token"))
        return cls(token, lifetime(body.get("expires_in")), _text(body, "scope"))


def lifetime(seconds: object) -> int | None:
    """A lifetime in seconds as somebody else wrote it: a whole number from 0 to ten years, or None.

    Some write the largest number they know for "never", which no calendar holds.
    """
    return min(max(seconds, 0), _TEN_YEARS) if type(seconds) is int else None


def _required(body: dict[str, Any], name: str) -> str:
    value = _text(body, name)
    if not value:
        raise MalformedExchange(f"{name} is missing")
    return value


def _text(body: dict[str, Any], name: str) -> str | None:
    value = body.get(name)
    if value is not None and not isinstance(value, str):
        raise MalformedExchange(f"{name} is not a string")
    return value
