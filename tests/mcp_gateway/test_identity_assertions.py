"""Identity assertions (ID-JAG): which are believed, for what, and what the others are told."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from tests.support.client_assertions import assertion_form, client_key, jwks_of
from tests.support.enterprise import ACME, JWKS_URI, KEY, PARTNER, SECRET, WIKI, Enterprise, check_refused
from tests.support.gateway import GATEWAY
from tests.support.trusted_issuer import JWT_BEARER, TYPE

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("MA-03")]

FORGERS_KEY = client_key("forged")


@pytest.fixture
def world() -> Enterprise:
    return Enterprise()


@pytest.mark.requirement("TK-03", "TK-04", "RS-01")
@pytest.mark.parametrize("client_id", ["editor", "robot"])
async def test_a_client_acts_for_the_person_whom_a_trusted_issuer_asserts(world: Enterprise, client_id: str) -> None:
    answer = await world.present(world.good(client_id=client_id), client_id)
    assert await world.subject(answer) == "acme:alice"
    body = answer.json()
    assert body.pop("access_token")
    assert body == {"token_type": "Bearer", "expires_in": 600, "scope": "read write"}
    assert world.auth.exchanges == 0


CLAIMS: list[Any] = [
    pytest.param({"iss": "https://evil.example"}, "not taken from this client", id="another issuer"),
    pytest.param({"iss": f"{ACME}/"}, "not taken from this client", id="the issuer with a slash"),
    pytest.param({"iss": None}, "not taken from this client", id="no issuer"),
    pytest.param({"iss": [ACME]}, "not taken from this client", id="issuers"),
    pytest.param({"iss": PARTNER, "tenant": "one"}, "not taken from this client", id="an issuer of other clients"),
    pytest.param({"tenant": "one"}, "not taken from this client", id="a tenant of an issuer that has none"),
    pytest.param({"tenant": ["one"]}, "not taken from this client", id="tenants"),
    pytest.param({"sub": None}, "sub is missing", id="nobody"),
    pytest.param({"sub": ""}, "sub is missing", id="an empty subject"),
    pytest.param({"sub": 7}, "sub is missing, or is no text", id="a subject that is a number"),
    pytest.param({"sub": "a\r\nX-Forwarded-User: root"}, "not printable", id="a subject with another header in it"),
    pytest.param({"sub": "a" * 256}, "longer than 255", id="a subject without end"),
    pytest.param({"aud": None}, "another authorization server", id="no audience"),
    pytest.param({"aud": "https://other.test"}, "another authorization server", id="another audience"),
    pytest.param({"aud": WIKI}, "another authorization server", id="the resource as audience"),
    pytest.param({"aud": f"{GATEWAY}/oauth/token"}, "another authorization server", id="our endpoint as audience"),
    pytest.param({"aud": f"{GATEWAY}//"}, "another authorization server", id="slashes"),
    pytest.param({"aud": [GATEWAY, "https://other.test"]}, "another authorization server", id="a shared audience"),
    pytest.param({"aud": [GATEWAY, GATEWAY]}, "another authorization server", id="us twice"),
    pytest.param({"aud": []}, "another authorization server", id="an empty audience"),
    pytest.param({"aud": [7]}, "neither text nor a list of texts", id="an audience that is a number"),
    pytest.param({"aud": {"url": GATEWAY}}, "neither text nor a list of texts", id="an audience that is an object"),
    pytest.param({"client_id": None}, "client_id is missing", id="no client"),
    pytest.param({"client_id": "browser"}, "for another client", id="another client"),
    pytest.param({"client_id": "Editor"}, "for another client", id="the client in capitals"),
    pytest.param({"client_id": ["editor"]}, "client_id is missing, or is no text", id="clients"),
    pytest.param({"jti": None}, "jti is missing", id="no jti"),
    pytest.param({"jti": ""}, "jti is missing", id="an empty jti"),
    pytest.param({"jti": 7}, "jti is missing, or is no text", id="a jti that is a number"),
    pytest.param({"exp": None}, "exp is missing", id="no end"),
    pytest.param({"exp": "soon"}, "exp is missing, or is no time", id="an end that is text"),
    pytest.param({"exp": True}, "exp is missing, or is no time", id="an end that is a truth"),
    pytest.param({"exp": 10**15}, "exp is missing, or is no time", id="an end that no calendar has"),
    pytest.param({"exp": float("nan")}, "exp is missing, or is no time", id="an end that is no number"),
    pytest.param({"exp": 1}, "expired", id="over long ago"),
    pytest.param({"iat": None}, "iat is missing", id="no beginning"),
    pytest.param({"iat": "now"}, "iat is missing, or is no time", id="a beginning that is text"),
    pytest.param({"nbf": "now"}, "nbf is missing, or is no time", id="a beginning of another kind that is text"),
    pytest.param({"cnf": {"jkt": "x"}}, "cnf, which is not supported", id="bound to a key"),
    pytest.param(
        {"authorization_details": []}, "authorization_details, which is not supported", id="finer than scopes"
    ),
    pytest.param({"scope": "admin"}, "no scope that its issuer may grant", id="a scope that its issuer may not grant"),
    pytest.param({"scope": "nonsense"}, "no scope that its issuer may grant", id="a scope that nobody knows"),
    pytest.param({"scope": ""}, "scope is missing", id="no scope"),
    pytest.param({"scope": ["read"]}, "scope is missing, or is no text", id="scopes that are a list"),
    pytest.param({"resource": "https://other.test/mcp"}, "no MCP server of this gateway", id="a resource elsewhere"),
    pytest.param({"resource": []}, "no MCP server of this gateway", id="no resource at all"),
    pytest.param({"resource": [7]}, "neither text nor a list of texts", id="a resource that is a number"),
    pytest.param({"resource": GATEWAY}, "no MCP server of this gateway", id="us as resource"),
    pytest.param({"resource": None}, "does not say for which resource", id="no resource, where there are several"),
]


@pytest.mark.parametrize(("changed", "reason"), CLAIMS)
async def test_an_assertion_with_a_wrong_claim_is_refused_with_the_reason(
    world: Enterprise, changed: dict[str, Any], reason: str
) -> None:
    claims = {**world.acme.claims(GATEWAY, resource=WIKI), **changed}
    assertion = world.acme.signed({name: value for name, value in claims.items() if value is not None})
    check_refused(await world.present(assertion), reason)


@pytest.mark.parametrize("audience", [GATEWAY, f"{GATEWAY}/", [GATEWAY]])
async def test_it_is_for_us_by_our_issuer_alone_also_as_clients_write_it_that_parse_urls(
    world: Enterprise, audience: Any
) -> None:
    assert await world.subject(await world.present(world.good(aud=audience))) == "acme:alice"


NOW = timedelta()


@pytest.mark.parametrize(
    ("iat", "exp", "nbf", "reason"),
    [
        (-timedelta(minutes=5), -timedelta(seconds=59), None, None),
        (-timedelta(minutes=5), -timedelta(seconds=60), None, "expired"),
        (timedelta(seconds=60), timedelta(minutes=5), None, None),
        (timedelta(seconds=61), timedelta(minutes=5), None, "of the future"),
        (NOW, timedelta(minutes=5), timedelta(seconds=60), None),
        (NOW, timedelta(minutes=5), timedelta(seconds=61), "of the future"),
        (NOW, timedelta(hours=1), None, None),
        (NOW, timedelta(hours=1, seconds=1), None, "longer than an hour"),
        (-timedelta(days=1), timedelta(minutes=5), None, "longer than an hour"),
    ],
)
async def test_it_is_good_for_its_time_and_an_hour_at_most(
    world: Enterprise, iat: timedelta, exp: timedelta, nbf: timedelta | None, reason: str | None
) -> None:
    now = world.clock()
    times = {"iat": int((now + iat).timestamp()), "exp": int((now + exp).timestamp())}
    times |= {"nbf": int((now + nbf).timestamp())} if nbf else {}
    answer = await world.present(world.good(**times))
    if reason:
        check_refused(answer, reason)
    else:
        assert await world.subject(answer) == "acme:alice"


TYPES: list[Any] = [
    pytest.param(TYPE, True, id="its type"),
    pytest.param(f"application/{TYPE}", True, id="its type in full"),
    pytest.param(TYPE.upper(), True, id="its type in capitals"),
    pytest.param(None, False, id="no type"),
    pytest.param("JWT", False, id="any JWT"),
    pytest.param("at+jwt", False, id="an access token"),
    pytest.param("id-jag+jwt", False, id="something like it"),
    pytest.param("secevent+jwt", False, id="an event"),
]


@pytest.mark.parametrize(("typ", "is_good"), TYPES)
async def test_nothing_else_that_the_issuer_signs_is_taken_for_it(
    world: Enterprise, typ: str | None, is_good: bool
) -> None:
    assertion = world.acme.signed(world.acme.claims(GATEWAY, resource=WIKI), typ=typ)
    answer = await world.present(assertion)
    if is_good:
        assert await world.subject(answer) == "acme:alice"
    else:
        check_refused(answer, "of another type")


def by_hand(header: dict[str, Any], claims: dict[str, Any], sign: Callable[[bytes], bytes]) -> str:
    """What no library would make."""
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in (header, claims)]
    signature = base64.urlsafe_b64encode(sign(b".".join(parts))).rstrip(b"=")
    return b".".join([*parts, signature]).decode()


def forged(world: Enterprise, form: str) -> str:
    """An assertion that the issuer did not make."""
    acme, claims = world.acme, world.acme.claims(GATEWAY, resource=WIKI)
    honest = acme.signed(claims)
    head, body, signature = honest.split(".")
    public = acme.key.as_pem(private=False)
    other = {**json.loads(base64.urlsafe_b64decode(body + "==")), "sub": "root"}
    altered = base64.urlsafe_b64encode(json.dumps(other).encode()).rstrip(b"=").decode()
    header = {"alg": "HS256", "kid": acme.key.kid, "typ": TYPE}
    made: dict[str, Callable[[], str]] = {
        "another key of the same name": lambda: acme.signed(claims, client_key()),
        "a key without a name": lambda: acme.signed(claims, FORGERS_KEY, kid=None),
        "a key that nobody published": lambda: acme.signed(claims, FORGERS_KEY),
        "its own key in the header": lambda: acme.signed(
            claims, FORGERS_KEY, kid=None, jwk=jwks_of(FORGERS_KEY)["keys"][0]
        ),
        "its own keys by URL": lambda: acme.signed(claims, FORGERS_KEY, jku="https://evil.example/keys"),
        "a key of another issuer": lambda: acme.signed(claims, world.partner.key),
        "HS256 with the public key": lambda: by_hand(
            header, claims, lambda signed: hmac.digest(public, signed, hashlib.sha256)
        ),
        "HS256 with nothing": lambda: by_hand(header, claims, lambda signed: hmac.digest(b"", signed, hashlib.sha256)),
        "alg none": lambda: by_hand({**header, "alg": "none"}, claims, lambda _signed: b""),
        "alg None": lambda: by_hand({**header, "alg": "None"}, claims, lambda _signed: b""),
        "another algorithm of the same key": lambda: by_hand({**header, "alg": "ES384"}, claims, lambda _: b"x" * 96),
        "a signature of zeros": lambda: by_hand({**header, "alg": "ES256"}, claims, lambda _: bytes(64)),
        "made out to another person": lambda: f"{head}.{altered}.{signature}",
        "without its signature": lambda: f"{head}.{body}.",
        "an unknown critical extension": lambda: by_hand(
            {**header, "alg": "ES256", "crit": ["new"], "new": True}, claims, lambda _: bytes(64)
        ),
        "a claim twice": lambda: f"{head}.{_twice(body)}.{signature}",
        "nonsense": lambda: "not.a.jwt",
        "in five parts": lambda: "a.b.c.d.e",
        "no dots": lambda: "assertion",
    }
    return made[form]()


def _twice(body: str) -> str:
    text = base64.urlsafe_b64decode(body + "==").decode().replace("{", '{"iss": "https://evil.example", ', 1)
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


FORMS = """another key of the same name|a key without a name|a key that nobody published|its own key in the header
its own keys by URL|a key of another issuer|HS256 with the public key|HS256 with nothing|alg none|alg None
another algorithm of the same key|a signature of zeros|made out to another person|without its signature
an unknown critical extension|a claim twice|nonsense|in five parts|no dots""".replace("\n", "|").split("|")


@pytest.mark.parametrize("form", FORMS)
async def test_an_assertion_that_its_issuer_did_not_sign_is_refused(world: Enterprise, form: str) -> None:
    check_refused(await world.present(forged(world, form)), "the assertion is n")
    assert "https://evil.example/keys" not in world.published.asked


async def test_an_issuers_rsa_key_signs_as_its_key_set_says(world: Enterprise) -> None:
    key = RSAKey.generate_key(2048, {"kid": "rsa", "alg": "PS256", "use": "sig"})
    world.published.publish(JWKS_URI, {"keys": [key.as_dict(private=False)]})
    claims = world.acme.claims(GATEWAY, resource=WIKI)
    plain = RSAKey.import_key(key.as_pem(private=True))
    for algorithm, is_good in (("PS256", True), ("RS256", False), ("PS384", False)):
        assertion = _signed_with(plain, {"alg": algorithm, "kid": "rsa", "typ": TYPE}, claims | {"jti": algorithm})
        answer = await world.present(assertion)
        assert (answer.status_code == 200) is is_good, algorithm


def _signed_with(key: Any, header: dict[str, Any], claims: dict[str, Any]) -> str:
    return jwt.encode(header, claims, key, algorithms=[header["alg"]])


async def test_a_key_that_is_for_encryption_verifies_nothing(world: Enterprise) -> None:
    jwk = {**world.acme.key.as_dict(private=False), "use": "enc"}
    world.published.publish(JWKS_URI, {"keys": [jwk]})
    check_refused(await world.present(world.good()), "not signed with a key of its issuer")


@pytest.mark.requirement("RS-01")
async def test_our_own_tokens_are_no_assertions_and_assertions_are_no_tokens_of_ours(world: Enterprise) -> None:
    token = (await world.present(world.good())).json()["access_token"]
    check_refused(await world.present(token), "not taken from this client")
    assert (await world.call(world.good(), "/wiki/mcp")).status_code == 401
    proof = assertion_form("robot", GATEWAY, world.clock(), KEY)["client_assertion"]
    check_refused(await world.present(proof, "robot"), "not taken from this client")


@pytest.mark.requirement("CL-04")
async def test_a_client_presents_an_assertion_as_itself_or_not_at_all(world: Enterprise) -> None:
    form = {"grant_type": JWT_BEARER, "assertion": world.good(), "resource": WIKI}
    for data, options in (
        (form, {"auth": ("editor", "a guess")}),
        ({**form, "client_id": "editor"}, {}),
        ({**form, "client_id": "nobody", "client_secret": SECRET}, {}),
    ):
        answer = await world.token(data, **options)
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    assert (await world.token(form)).json()["error"] == "invalid_client"
    # It was not used up.
    assert (await world.token(form, auth=("editor", SECRET))).status_code == 200


async def test_what_was_issued_for_one_client_is_worthless_to_another(world: Enterprise) -> None:
    check_refused(await world.present(world.good(), "robot"), "for another client")
    assert (await world.present(world.good(), "people's")).json()["error"] == "unauthorized_client"


def test_the_keys_of_this_file_differ() -> None:
    """Or half of it would prove nothing."""
    assert isinstance(FORGERS_KEY, ECKey)
    assert FORGERS_KEY.as_dict(private=False)["x"] != KEY.as_dict(private=False)["x"]
