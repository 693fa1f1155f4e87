"""`auth-server doctor`: each thing that can be wrong with a provider or with the way to us, over real sockets."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import anyio
import pytest
from starlette.responses import HTMLResponse, JSONResponse, Response

from auth_server.doctor import examined
from auth_server.settings.gateways import GatewaySettings
from authproxy_common.clock import Clock, utc_now
from authproxy_common.doctor import Finding, Outcome
from authproxy_common.secret import Secret
from tests.support.auth_server import AuthServerWorld
from tests.support.certificates import certificate
from tests.support.diagnosis import IMPATIENCE, PATIENCE, findings
from tests.support.gate import Gate
from tests.support.openid_provider import OpenIDProvider
from tests.support.servers import free_port, serving

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("OP-10", "OP-04")]

PASSED, FAILED, SKIPPED = Outcome.PASSED, Outcome.FAILED, Outcome.SKIPPED
METADATA, ISSUER, ENDPOINTS = "provider test metadata", "provider test issuer", "provider test endpoints"
KEYS, CLOCK, REDIRECT_URI = "provider test keys", "provider test clock", "provider test redirect_uri"
LOOK = "open the address in a browser: providers.test.issuer must be right, and this machine must reach it"
HTML: Any = HTMLResponse("<html>hunter2</html>")


class Installation:
    """A provider and an auth server, each at a port of its own.

    Args:
        provider: What to change about the provider.
        scheme: Of the provider's issuer.
        redirect_uri: Where the provider sends browsers; ORIGIN stands for the auth server's.
        settings: The auth server's own.
    """

    def __init__(
        self,
        provider: dict[str, Any] | None = None,
        *,
        scheme: str = "http",
        redirect_uri: str = "ORIGIN/callback",
        **settings: Any,
    ) -> None:
        self.ports = free_port(), free_port()
        self.issuer, self.origin = f"{scheme}://127.0.0.1:{self.ports[0]}", f"http://127.0.0.1:{self.ports[1]}"
        registered = {"issuer": self.issuer, "redirect_uri": redirect_uri.replace("ORIGIN", self.origin)}
        self.world = AuthServerWorld(public_url=self.origin, provider=registered | (provider or {}), **settings)
        self.provider: OpenIDProvider = self.world.provider

    @contextlib.asynccontextmanager
    async def running(self, tls: tuple[Path, Path] | None = None) -> AsyncIterator[None]:
        async with serving(self.provider, self.ports[0], tls=tls), serving(self.world.app, self.ports[1]):
            yield

    async def findings(
        self, *, patience: timedelta = PATIENCE, inside: bool = False, now: Clock = utc_now
    ) -> dict[str, Finding]:
        found = await findings(examined, self.world.settings, patience=patience, inside=inside, now=now)
        said = str(found)
        assert self.provider.client_secret not in said
        assert "hunter2" not in said
        return found


def not_examined(name: str, needed: str) -> Finding:
    return Finding(name, SKIPPED, f"not examined, because {needed} did not pass")


async def test_an_installation_as_it_should_be_passes_line_by_line() -> None:
    here = Installation()
    async with here.running():
        found = await here.findings()

    redirect_uri = f"{here.origin}/callback"
    assert list(found.values())[1:] == [
        Finding("public_url", PASSED, f"this auth server answers at {here.origin}"),
        Finding(METADATA, PASSED, "can be read"),
        Finding(ISSUER, PASSED, f"the provider is {here.issuer}"),
        Finding(ENDPOINTS, PASSED, "usable"),
        Finding(KEYS, PASSED, "1 can be used"),
        Finding(CLOCK, PASSED, "this machine's clock agrees with theirs"),
        Finding(
            REDIRECT_URI,
            PASSED,
            f"this auth server answers at {redirect_uri}, which has to be registered with the provider",
        ),
    ]
    assert found["redis"].outcome == SKIPPED


@pytest.mark.parametrize(
    "kind",
    [
        {"type": "github"},
        {
            "type": "oauth2",
            "authorization_endpoint": "https://login.test/authorize",
            "token_endpoint": "https://login.test/token",
            "userinfo_endpoint": "https://login.test/me",
        },
    ],
    ids=lambda kind: kind["type"],
)
async def test_of_a_provider_without_discovery_the_redirect_uri_alone_is_examined(kind: dict[str, str]) -> None:
    here = Installation(configured={"issuer": "", **kind})
    async with serving(here.world.app, here.ports[1]):
        found = await here.findings()

    assert [name for name in found if name.startswith("provider")] == [REDIRECT_URI]
    assert found[REDIRECT_URI].outcome == PASSED


@pytest.mark.parametrize(
    ("provider", "patience", "reason"),
    [
        pytest.param(
            {"instead": {"metadata": HTML}},
            PATIENCE,
            " answers something other than a JSON object (text/html;",
            id="html",
        ),
        pytest.param({"statuses": {"metadata": 404}}, PATIENCE, " answers 404", id="404"),
        pytest.param({"statuses": {"metadata": 500}}, PATIENCE, ": the other side answered 500", id="500"),
        pytest.param({"gates": {"metadata": Gate()}}, IMPATIENCE, " cannot be reached: no answer in time", id="hangs"),
    ],
)
async def test_a_provider_whose_metadata_cannot_be_read(
    provider: dict[str, Any], patience: timedelta, reason: str
) -> None:
    here = Installation(provider)
    async with here.running():
        found = await here.findings(patience=patience)
        if gate := provider.get("gates", {}).get("metadata"):
            gate.opened.set()

    assert found[METADATA].outcome == FAILED
    assert found[METADATA].reason.startswith(f"{here.issuer}/.well-known/openid-configuration{reason}")
    assert found[METADATA].remedy == LOOK
    assert [found[name] for name in (ISSUER, ENDPOINTS, KEYS, CLOCK)] == [
        not_examined(ISSUER, METADATA),
        not_examined(ENDPOINTS, ISSUER),
        not_examined(KEYS, ENDPOINTS),
        not_examined(CLOCK, METADATA),
    ]
    assert found["public_url"].outcome == found[REDIRECT_URI].outcome == PASSED


async def test_a_provider_that_is_down() -> None:
    here = Installation()
    async with serving(here.world.app, here.ports[1]):
        found = await here.findings()

    url = f"{here.issuer}/.well-known/openid-configuration"
    assert found[METADATA] == Finding(METADATA, FAILED, f"{url} cannot be reached: nothing listens there", LOOK)
    assert found[REDIRECT_URI].outcome == PASSED


async def test_a_provider_whose_certificate_is_not_believed(tmp_path: Path) -> None:
    here = Installation(scheme="https")
    async with here.running(tls=certificate(tmp_path, "127.0.0.1")):
        found = await here.findings()

    reason = "cannot be reached: its certificate is not believed (self-signed certificate)"
    url = f"{here.issuer}/.well-known/openid-configuration"
    assert found[METADATA] == Finding(METADATA, FAILED, f"{url} {reason}", LOOK)


@pytest.mark.parametrize(
    ("said", "shown"),
    [("https://another.test/\x1b[2J", "https://another.test/?[2J"), (None, "None"), ("slash", "slash")],
    ids=["another", "none", "with a slash at the end"],
)
async def test_a_provider_that_is_another_issuer(said: str | None, shown: str) -> None:
    here = Installation()
    slashed = f"{here.issuer}/"
    here.provider.metadata["issuer"] = slashed if said == "slash" else said
    async with here.running():
        found = await here.findings()

    assert found[ISSUER] == Finding(
        ISSUER,
        FAILED,
        f"{here.issuer} is configured, and the provider says that it is {slashed if said == 'slash' else shown}",
        "if that is the one you mean, write it in providers.test.issuer as the provider does",
    )
    assert found[KEYS] == not_examined(KEYS, ENDPOINTS)


async def test_a_provider_without_a_usable_endpoint() -> None:
    here = Installation({"metadata": {"token_endpoint": None}})
    async with here.running():
        found = await here.findings()

    assert found[ISSUER].outcome == PASSED
    assert found[ENDPOINTS] == Finding(
        ENDPOINTS,
        FAILED,
        "the identity provider's metadata lacks a usable endpoint",
        "the provider has to publish https URLs for authorization, token and keys",
    )


@pytest.mark.parametrize(
    ("keys", "reason"),
    [
        pytest.param({"instead": {"keys": JSONResponse({"keys": []})}}, " has no key that can be used", id="none"),
        pytest.param(
            {"instead": {"keys": JSONResponse({"keys": [{"kty": "hunter2"}]})}},
            " has no key that can be used",
            id="none of a known kind",
        ),
        pytest.param(
            {"instead": {"keys": JSONResponse({})}}, ": the identity provider's key set is not one", id="no set"
        ),
        pytest.param({"instead": {"keys": Response(status_code=404)}}, " answers 404", id="404"),
        pytest.param(
            {"instead": {"keys": HTML}},
            " answers something other than a JSON object (text/html; charset=utf-8)",
            id="html",
        ),
    ],
)
async def test_a_provider_without_keys(keys: dict[str, Any], reason: str) -> None:
    here = Installation(keys)
    async with here.running():
        found = await here.findings()

    remedy = "the provider has to publish there the keys that it signs ID tokens with"
    assert found[KEYS] == Finding(KEYS, FAILED, f"{here.issuer}/jwks{reason}", remedy)
    assert found[ENDPOINTS].outcome == PASSED


async def test_keys_that_never_come_hide_nothing_else() -> None:
    here, gate = Installation(), Gate()
    here.provider.gates["keys"] = gate
    async with here.running():
        with anyio.fail_after(10):
            found = await here.findings(patience=IMPATIENCE)
        gate.opened.set()

    assert found[KEYS].reason == f"{here.issuer}/jwks cannot be reached: no answer in time"
    assert {name for name, line in found.items() if line.outcome == FAILED} == {KEYS}


async def test_a_clock_that_is_wrong() -> None:
    here = Installation()
    async with here.running():
        found = await here.findings(now=lambda: utc_now() + timedelta(minutes=10))

    assert found[CLOCK].outcome == FAILED
    assert found[CLOCK].reason in {
        f"this machine's clock is {seconds} s ahead of theirs" for seconds in (600, 601, 602)
    }
    assert found[CLOCK].remedy == "set both clocks by NTP; tokens are refused when clocks differ by more than 60 s"


async def test_a_redirect_uri_that_no_callback_is_at() -> None:
    here = Installation(redirect_uri="ORIGIN/oauth2/cb")
    async with here.running():
        found = await here.findings()

    assert found[REDIRECT_URI] == Finding(
        REDIRECT_URI,
        FAILED,
        "no browser comes back to the path /oauth2/cb",
        "providers.test.redirect_uri must end with /callback or /callback/test, here and where it is registered",
    )


async def test_a_redirect_uri_on_another_host_than_where_browsers_begin() -> None:
    here = Installation(redirect_uri="https://other.test/callback")
    async with here.running():
        found = await here.findings()

    assert found[REDIRECT_URI] == Finding(
        REDIRECT_URI,
        FAILED,
        f"browsers begin at {here.origin} and would come back to https://other.test, which does not know them",
        "providers.test.redirect_uri and public_url must have the same scheme, host and port",
    )


@pytest.mark.parametrize("path", ["/callback/test", "/gateway-oauth/callback", "/gateway-oauth/callback/test"])
async def test_a_redirect_uri_may_name_its_provider_and_be_below_the_prefix(path: str) -> None:
    here = Installation(redirect_uri=f"ORIGIN{path}")
    async with here.running():
        found = await here.findings()

    assert found[REDIRECT_URI].outcome == PASSED


@pytest.mark.parametrize("inside", [False, True])
async def test_a_public_url_that_is_out_of_reach(inside: bool) -> None:
    here = Installation()
    async with serving(here.provider, here.ports[0]):
        found = await here.findings(inside=inside)

    reason = "/login cannot be reached: nothing listens there"
    assert found["public_url"].outcome == (SKIPPED if inside else FAILED)
    assert found["public_url"].reason == here.origin + reason + (", from here" if inside else "")
    assert found[REDIRECT_URI].outcome == found["public_url"].outcome
    assert found[KEYS].outcome == PASSED


@pytest.mark.parametrize("status", [200, 400])
async def test_a_public_url_that_leads_to_something_else(status: int) -> None:
    here, other = Installation(), HTMLResponse("<html>hunter2</html>", status)
    async with serving(here.provider, here.ports[0]), serving(other, here.ports[1]):
        found = await here.findings()

    remedy = (
        "let the ingress send /login, /callback and /gateway-oauth of this host to the auth server, "
        "and restart it when its configuration has changed"
    )
    for name, path in (("public_url", "/login"), (REDIRECT_URI, "/callback")):
        reason = f"something other than this auth server answers at {here.origin}{path} (status {status})"
        assert found[name] == Finding(name, FAILED, reason, remedy)


@pytest.mark.requirement("CF-05")
@pytest.mark.parametrize(("runs_open", "is_open"), [(False, False), (False, True), (True, False)])
async def test_whether_sign_in_is_open_there_has_to_be_as_configured(runs_open: bool, is_open: bool) -> None:
    here = Installation(enabled=runs_open)
    async with here.running():
        here.world.settings = replace(here.world.settings, enabled=is_open)
        found = (await here.findings())["public_url"]

    if runs_open == is_open:
        assert found.outcome == PASSED
    else:
        assert found.outcome == FAILED
        assert found.reason.endswith(f"/login (status {400 if runs_open else 404})")


GRANT = "urn:ietf:params:oauth:grant-type:token-exchange"
TOKEN_EXCHANGE = "provider test token exchange"


@pytest.mark.requirement("UP-05")
@pytest.mark.parametrize(
    ("said", "outcome"),
    [
        pytest.param({"grant_types_supported": ["authorization_code", GRANT]}, PASSED, id="it has the grant"),
        pytest.param({"grant_types_supported": ["authorization_code"]}, FAILED, id="it does not"),
        pytest.param({}, SKIPPED, id="it does not say"),
    ],
)
async def test_a_provider_that_is_to_exchange_tokens_has_the_grant(said: dict[str, Any], outcome: Outcome) -> None:
    gateway = GatewaySettings(
        allowed_redirect_uris=("https://mcp.test/cb",),
        client_secret=Secret("of-the-gateway-itself"),
        token_exchange={"test": ("wiki",)},
    )
    here = Installation({"metadata": said}, gateways={"mcp": gateway})
    async with here.running():
        found = await here.findings()

    assert found[TOKEN_EXCHANGE].outcome == outcome
    failed = {name for name, line in found.items() if line.outcome == FAILED}
    assert failed == ({TOKEN_EXCHANGE} if outcome == FAILED else set())
