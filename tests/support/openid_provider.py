"""A small honest OpenID provider in this process. It does what the RFCs ask of it until a test tells it to be rude."""

import base64
import hashlib
import json
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from html import escape
from typing import Any
from urllib.parse import parse_qsl, unquote_plus, urlencode, urlsplit

import httpx
from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from authproxy_common.clock import Clock
from tests.support.client_assertions import ASSERTION_TYPE
from tests.support.gate import Gate

IDP = "https://idp.test"
TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"
_LIFETIME = 3600
_USER = {"sub": "248289761001", "email": "alice@example.com", "email_verified": True, "name": "Alice"}


@cache
def rsa_key(key_id: str) -> RSAKey:
    """The key pair called `key_id`, the same one for the whole run."""
    return RSAKey.generate_key(2048, {"kid": key_id, "use": "sig", "alg": "RS256"})


@dataclass(frozen=True)
class Issued:
    """What a code or a token stands for."""

    scope: str
    redirect_uri: str = ""
    code_challenge: str = ""
    nonce: str | None = None
    expires_at: datetime = datetime.max.replace(tzinfo=UTC)


class Refused(Exception):
    """An error answer of the token endpoint (RFC 6749 §5.2), or of the userinfo endpoint (RFC 6750 §3.1)."""

    def __init__(self, error: str, status: int = 400) -> None:
        super().__init__(error)
        self.error, self.status = error, status


@dataclass
class OpenIDProvider:
    """The provider, with one client registered. It is an ASGI application.

    Args:
        now: Its clock.
        issuer: Its issuer identifier.
        client_id, client_secret, redirect_uri: Its client's registration.
        auth_methods: How the client may authenticate.
        registered_key: The client's public key, for `private_key_jwt`.
        assertion_audience: Whom client assertions must be for; None: the token endpoint.
        speaks_openid: Whether it knows scopes of OpenID and issues ID tokens.
        sends_issuer: Whether its authorization responses have `iss`, and its metadata says so.
        rotates: Whether a refresh answers with a new refresh token, the old one being spent.
        signs_in_again: Whether a refresh answers with a new ID token.
        denies_with: The error that everybody gets who wants to sign in.
        is_down: Whether its port is closed.
        gates: Where its answers wait, by endpoint. One that is never opened makes an endpoint that never answers.
        instead: Answers to give in place of its own, by endpoint.
        statuses, media_types: To give to its own answers, by endpoint.
        metadata, members, claims, header, user: What to change in its discovery document, its token responses, its ID
            tokens, their headers, and what it says of a person at the userinfo endpoint; None leaves out.
        forge: Makes its ID tokens in place of itself.
        services: For which it exchanges access tokens (RFC 8693), each with the scopes that it knows.
        on_behalf_of: Whether it does so in Entra's way, which names services by their scopes.
        exchange_error: What is answered to whoever wants one.
    """

    now: Clock
    issuer: str = IDP
    client_id: str = "broker"
    client_secret: str = "s3cret/with+signs"
    redirect_uri: str = "https://auth.test/callback"
    auth_methods: tuple[str, ...] = ("client_secret_basic",)
    registered_key: RSAKey | ECKey | None = None
    assertion_audience: str | None = None
    speaks_openid: bool = True
    sends_issuer: bool = False
    rotates: bool = True
    signs_in_again: bool = True
    denies_with: str | None = None
    is_down: bool = False
    gates: dict[str, Gate] = field(default_factory=dict)
    instead: dict[str, Response] = field(default_factory=dict)
    statuses: dict[str, int] = field(default_factory=dict)
    media_types: dict[str, str] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)
    members: dict[str, Any] = field(default_factory=dict)
    claims: dict[str, Any] = field(default_factory=dict)
    header: dict[str, Any] = field(default_factory=dict)
    user: dict[str, Any] = field(default_factory=dict)
    forge: Callable[[dict[str, Any], dict[str, Any]], str] | None = None
    services: dict[str, frozenset[str]] = field(default_factory=dict)
    on_behalf_of: bool = False
    exchange_error: str | None = None
    published: list[Mapping[str, Any]] = field(default_factory=list)
    signing_key: RSAKey = field(default_factory=lambda: rsa_key("first"))
    codes: dict[str, Issued] = field(default_factory=dict)
    refresh_tokens: dict[str, Issued] = field(default_factory=dict)
    access_tokens: dict[str, Issued] = field(default_factory=dict)
    exchanged: dict[str, Issued] = field(default_factory=dict)
    asked: dict[str, list[Mapping[str, str]]] = field(default_factory=dict)
    seen_assertions: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        endpoints = {
            "metadata": ("/.well-known/openid-configuration", self._metadata),
            "keys": ("/jwks", self._keys),
            "authorize": ("/authorize", self._authorize),
            "token": ("/token", self._token),
            "revoke": ("/revoke", self._revoke),
            "userinfo": ("/userinfo", self._user_info),
        }
        # An issuer may have a path, below which everything is.
        base = urlsplit(self.issuer).path.rstrip("/")
        self.published = self.published or [self.signing_key.as_dict(private=False)]
        self._app = Starlette(
            routes=[
                Route(
                    base + path,
                    self._answering(name, endpoint),
                    methods=["POST" if name in {"token", "revoke"} else "GET"],
                )
                for name, (path, endpoint) in endpoints.items()
            ]
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self.is_down:
            raise httpx.ConnectError("connection refused")
        await self._app(scope, receive, send)

    def times_asked(self, endpoint: str) -> int:
        """How many requests it got there."""
        return len(self.asked.get(endpoint, []))

    @contextmanager
    def issuing_expired_tokens(self) -> Iterator[None]:
        """What is issued meanwhile is due at once: the next refresh has to ask."""
        self.members["expires_in"] = -1  # oauthlib would leave out a zero
        try:
            yield
        finally:
            del self.members["expires_in"]

    def rotate_keys(self, key_id: str) -> None:
        """Sign with another key from now on, and publish that one alone."""
        self.signing_key = rsa_key(key_id)
        self.published = [self.signing_key.as_dict(private=False)]

    def _answering(self, name: str, endpoint: Callable[[Request, dict[str, str]], Response]) -> Any:
        async def answer(request: Request) -> Response:
            parameters = dict(request.query_params) | dict(parse_qsl((await request.body()).decode()))
            self.asked.setdefault(name, []).append(parameters)
            if gate := self.gates.get(name):
                gate.reached.set()
                await gate.opened.wait()
            response = self.instead.get(name) or endpoint(request, parameters)
            response.status_code = self.statuses.get(name, response.status_code)
            if name in self.media_types:
                response.headers["content-type"] = self.media_types[name]
            return response

        return answer

    def _metadata(self, _request: Request, _parameters: dict[str, str]) -> Response:
        base = self.issuer.rstrip("/")
        document = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{base}/authorize",
            "token_endpoint": f"{base}/token",
            "jwks_uri": f"{base}/jwks",
            "revocation_endpoint": f"{base}/revoke",
            "userinfo_endpoint": f"{base}/userinfo",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "token_endpoint_auth_methods_supported": list(self.auth_methods),
            "authorization_response_iss_parameter_supported": self.sends_issuer,
        }
        return JSONResponse(changed(document, self.metadata))

    def _keys(self, _request: Request, _parameters: dict[str, str]) -> Response:
        return JSONResponse({"keys": self.published})

    def _authorize(self, _request: Request, asked: dict[str, str]) -> Response:
        expected = {"client_id": self.client_id, "redirect_uri": self.redirect_uri, "response_type": "code"}
        is_openid = "openid" in asked.get("scope", "").split()
        if not expected.items() <= asked.items() or is_openid is not self.speaks_openid:
            return JSONResponse({"error": "invalid_request"}, 400)
        answer = {"state": asked["state"]} | ({"iss": self.issuer} if self.sends_issuer else {})
        if self.denies_with:
            answer["error"] = self.denies_with
        elif asked.get("code_challenge_method") != "S256" or len(asked.get("code_challenge", "")) != 43:
            answer["error"] = "invalid_request"
        else:
            answer["code"] = secrets.token_urlsafe(24)
            issued = Issued(asked["scope"], asked["redirect_uri"], asked["code_challenge"], asked.get("nonce"))
            self.codes[answer["code"]] = issued
        if asked.get("response_mode") == "form_post":
            return HTMLResponse(form_page(self.redirect_uri, answer))
        return RedirectResponse(f"{self.redirect_uri}?{urlencode(answer)}", 302)

    def _token(self, request: Request, form: dict[str, str]) -> Response:
        try:
            self._check_client(request, form)
            issued = self._redeem(form)
        except Refused as error:
            return JSONResponse({"error": error.error}, error.status)
        if form["grant_type"] in {TOKEN_EXCHANGE, JWT_BEARER}:
            return JSONResponse(changed(self._exchanged(form, issued), self.members))
        is_refresh = form["grant_type"] == "refresh_token"
        body: dict[str, Any] = {"token_type": "Bearer", "expires_in": _LIFETIME, "scope": issued.scope}
        body["access_token"] = f"upstream-access-{secrets.token_urlsafe(8)}"
        expires_at = self.now() + timedelta(seconds=_LIFETIME)
        self.access_tokens[body["access_token"]] = Issued(issued.scope, expires_at=expires_at)
        if self.speaks_openid and (self.signs_in_again or not is_refresh):
            body["id_token"] = self._id_token(issued)
        if "offline_access" in issued.scope.split() and (self.rotates or not is_refresh):
            body["refresh_token"] = f"upstream-refresh-{secrets.token_urlsafe(8)}"
            self.refresh_tokens[body["refresh_token"]] = Issued(issued.scope)
        return JSONResponse(changed(body, self.members))

    def _revoke(self, request: Request, form: dict[str, str]) -> Response:
        try:
            self._check_client(request, form)
        except Refused as error:
            return JSONResponse({"error": error.error}, error.status)
        for issued in (self.refresh_tokens, self.access_tokens):
            issued.pop(form.get("token", ""), None)
        return Response()

    def _user_info(self, request: Request, _parameters: dict[str, str]) -> Response:
        try:
            self._check_access(request.headers.getlist("authorization"))
        except Refused as error:
            challenge = {"WWW-Authenticate": f'Bearer error="{error.error}"'}
            return Response(status_code=error.status, headers=challenge)
        return JSONResponse(changed(_USER, self.user))

    def _check_access(self, authorizations: list[str]) -> None:
        scheme, _, token = authorizations[0].partition(" ") if len(authorizations) == 1 else ("", "", "")
        issued = self.access_tokens.get(token)
        if scheme != "Bearer" or issued is None or self.now() >= issued.expires_at:
            raise Refused("invalid_token", 401)
        if self.speaks_openid and "openid" not in issued.scope.split():
            raise Refused("insufficient_scope", 403)

    def _check_client(self, request: Request, form: dict[str, str]) -> None:
        scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "basic" and "client_secret_basic" in self.auth_methods:
            offered = tuple(unquote_plus(part) for part in base64.b64decode(encoded).decode().split(":", 1))
        elif "client_assertion" in form and "private_key_jwt" in self.auth_methods:
            self._check_assertion(form)
            return
        elif "client_secret_post" in self.auth_methods:
            offered = (form.get("client_id", ""), form.get("client_secret", ""))
        elif "none" in self.auth_methods and not self.client_secret:
            offered = (form.get("client_id", ""), "")
        else:
            offered = ()
        if offered != (self.client_id, self.client_secret):
            raise Refused("invalid_client", 401)

    def _check_assertion(self, form: dict[str, str]) -> None:
        """RFC 7523 §3, with a time limit as providers have it; each assertion is good for one use."""
        assert self.registered_key is not None
        try:
            algorithms = ["RS256", "PS256", "ES256"]
            claims = jwt.decode(form["client_assertion"], self.registered_key, algorithms=algorithms).claims
        except (JoseError, ValueError) as error:
            raise Refused("invalid_client", 401) from error
        at = self.now().timestamp()
        is_good = (
            form.get("client_assertion_type") == ASSERTION_TYPE
            and claims["iss"] == claims["sub"] == form.get("client_id") == self.client_id
            and claims["aud"] == (self.assertion_audience or f"{self.issuer.rstrip('/')}/token")
            and claims["iat"] <= at < claims["exp"] <= at + 300
            and claims["jti"] not in self.seen_assertions
        )
        self.seen_assertions.add(claims["jti"])
        if not is_good:
            raise Refused("invalid_client", 401)

    def _redeem(self, form: dict[str, str]) -> Issued:
        match form.get("grant_type"):
            case "authorization_code":
                issued = self.codes.pop(form.get("code", ""), None)
                if issued is None or issued.redirect_uri != form.get("redirect_uri"):
                    raise Refused("invalid_grant")
                if s256(form.get("code_verifier", "")) != issued.code_challenge:
                    raise Refused("invalid_grant")
            case "refresh_token":
                offered = form.get("refresh_token", "")
                issued = self.refresh_tokens.pop(offered, None) if self.rotates else self.refresh_tokens.get(offered)
                if issued is None:
                    raise Refused("invalid_grant")
            case grant_type if grant_type == (JWT_BEARER if self.on_behalf_of else TOKEN_EXCHANGE) and self.services:
                issued = self._exchangeable(form)
            case _:
                raise Refused("unsupported_grant_type")
        return issued

    def _exchangeable(self, form: dict[str, str]) -> Issued:
        """What the token is to be exchanged for, and how long the new one lives: no longer than the old one."""
        if self.exchange_error:
            raise Refused(self.exchange_error)
        subject = self.access_tokens.get(form.get("assertion" if self.on_behalf_of else "subject_token", ""))
        if subject is None or self.now() >= subject.expires_at:
            raise Refused("invalid_grant")
        scopes = form.get("scope", "").split()
        if self.on_behalf_of:
            # Of its own client's API alone, and for an API that its scopes name.
            if form.get("requested_token_use") != "on_behalf_of" or f"api://{self.client_id}/" not in subject.scope:
                raise Refused("invalid_grant")
            known = {f"{service}/{scope}" for service, names in self.services.items() for scope in names}
        else:
            if form.get("subject_token_type") != ACCESS_TOKEN or "requested_token_use" in form:
                raise Refused("invalid_request")
            named = {form[name] for name in ("audience", "resource") if name in form}
            if not named <= self.services.keys():
                raise Refused("invalid_target")
            known = {scope for service in named or self.services for scope in self.services[service]}
        if not known.issuperset(scopes):
            raise Refused("invalid_scope")
        return Issued(" ".join(scopes), expires_at=subject.expires_at)

    def _exchanged(self, form: dict[str, str], issued: Issued) -> dict[str, Any]:
        token = f"upstream-exchanged-{secrets.token_urlsafe(8)}"
        self.exchanged[token] = Issued(f"{form.get('audience') or form.get('resource') or ''} {issued.scope}".strip())
        left = int((issued.expires_at - self.now()).total_seconds())
        body = {"access_token": token, "token_type": "Bearer", "expires_in": left, "scope": issued.scope or None}
        return body | ({} if self.on_behalf_of else {"issued_token_type": ACCESS_TOKEN})

    def _id_token(self, issued: Issued) -> str:
        at = int(self.now().timestamp())
        claims = _USER | {"iss": self.issuer, "aud": self.client_id, "iat": at, "exp": at + _LIFETIME}
        claims |= {"nonce": issued.nonce} if issued.nonce else {}
        header = changed({"alg": "RS256", "kid": self.signing_key.kid}, self.header)
        claims = changed(claims, self.claims)
        if self.forge:
            return self.forge(header, claims)
        return jws.serialize_compact(header, json.dumps(claims), self.signing_key, [header["alg"]])


def changed(document: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """`document` with `changes`; a member changed to None is left out."""
    return {name: value for name, value in {**document, **changes}.items() if value is not None}


def form_page(action: str, answer: Mapping[str, str]) -> str:
    """A page that posts `answer` by itself (OAuth 2.0 Form Post Response Mode §2)."""
    fields = "".join(f'<input type="hidden" name="{escape(n)}" value="{escape(v)}">' for n, v in answer.items())
    return f'<body onload="document.forms[0].submit()"><form method="post" action="{escape(action)}">{fields}</form>'


def s256(verifier: str) -> str:
    """RFC 7636 §4.2, worked out apart from the code under test."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
