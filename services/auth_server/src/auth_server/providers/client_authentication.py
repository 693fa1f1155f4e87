"""How we authenticate at a provider's endpoints (RFC 6749 §2.3.1, RFC 7523 §2.2, OpenID Connect Core §9)."""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from joserfc import jwt
from joserfc.jwk import RSAKey

from auth_server.providers.client_key import ClientKey, read_client_key, thumbprint
from auth_server.settings import ProviderSettings
from authproxy_common.clients.credentials import BASIC, NONE, POST, PRIVATE_KEY_JWT, basic_authorization
from authproxy_common.clients.presented_credentials import ASSERTION_TYPE
from authproxy_common.clock import Clock
from authproxy_common.frozen import frozen
from authproxy_common.secret import mint

_ASSERTION_LIVES = timedelta(minutes=2)
_ES = {"P-256": "ES256", "P-384": "ES384", "P-521": "ES512"}


@frozen
class Endpoint:
    """Where our credentials go, and what is understood there.

    Args:
        url: Of the endpoint.
        methods: Of authentication, as the metadata has them.
        algorithms: Of client assertions, likewise; none where the metadata does not say.
    """

    url: str
    methods: Sequence[str] = ()
    algorithms: Sequence[str] = ()


@frozen
class Credentials:
    """What goes into a request: headers, and parameters of its form."""

    headers: Mapping[str, str]
    form: Mapping[str, str]


@frozen
class ClientAuthentication:
    """This auth server's credentials at one provider.

    Args:
        settings: Hold the secret or the key.
        now: Client assertions are made for the moment.
        audience: Of client assertions; None for the endpoint that each is sent to.
        rsa_algorithm: Signs them with an RSA key, unless the metadata offers its like alone.
        preferred_method: Where neither configuration nor metadata says which.
    """

    settings: ProviderSettings
    now: Clock
    audience: str | None = None
    rsa_algorithm: str = "RS256"
    preferred_method: str = BASIC

    def at(self, endpoint: Endpoint) -> Credentials:
        """For one request."""
        return self._methods()[self.settings.auth_method or self._offered(endpoint.methods)](endpoint)

    def _offered(self, methods: Sequence[str]) -> str:
        ours = [self.preferred_method, BASIC, POST]
        return next((method for method in ours if method in methods), self.preferred_method)

    def _methods(self) -> dict[str, Callable[[Endpoint], Credentials]]:
        return {BASIC: self._basic, POST: self._post, PRIVATE_KEY_JWT: self._assertion, NONE: self._public}

    def _basic(self, _endpoint: Endpoint) -> Credentials:
        header = basic_authorization(self.settings.client_id, self.settings.client_secret)
        return Credentials({"Authorization": header}, {})

    def _post(self, _endpoint: Endpoint) -> Credentials:
        return Credentials(
            {}, {"client_id": self.settings.client_id, "client_secret": self.settings.client_secret.reveal()}
        )

    def _public(self, _endpoint: Endpoint) -> Credentials:
        return Credentials({}, {"client_id": self.settings.client_id})

    def _assertion(self, endpoint: Endpoint) -> Credentials:
        key = read_client_key(self.settings.private_key.reveal())
        algorithm = self._algorithm(key, endpoint.algorithms)
        header = {"alg": algorithm, "typ": "JWT"}
        header |= {"kid": self.settings.private_key_id} if self.settings.private_key_id else {}
        header |= {"x5t#S256": thumbprint(self.settings.certificate)} if self.settings.certificate else {}
        assertion = jwt.encode(header, self._claims(endpoint.url), key, algorithms=[algorithm])
        form = {"client_id": self.settings.client_id, "client_assertion_type": ASSERTION_TYPE}
        return Credentials({}, form | {"client_assertion": assertion})

    def _claims(self, url: str) -> dict[str, Any]:
        at = int(self.now().timestamp())
        who = dict.fromkeys(("iss", "sub"), self.settings.client_id)
        times = {"iat": at, "nbf": at, "exp": at + int(_ASSERTION_LIVES.total_seconds())}
        return {**who, "aud": self.audience or url, "jti": mint(), **times}

    def _algorithm(self, key: ClientKey, offered: Sequence[str]) -> str:
        if not isinstance(key, RSAKey):
            return _ES[key.curve_name]
        ours = (self.rsa_algorithm, "RS256", "PS256")
        return next((algorithm for algorithm in ours if algorithm in offered), self.rsa_algorithm)
