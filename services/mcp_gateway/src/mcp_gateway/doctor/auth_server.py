"""The auth server at both of its URLs: as this process calls it, and as browsers are sent there."""

from urllib.parse import parse_qs, urlsplit

from authproxy_common.doctor import Check, Failed, Vantage, is_ours, shown
from authproxy_common.frozen import frozen
from authproxy_common.gateway_sign_in import GatewaySignIn
from authproxy_common.http.client import Answer
from authproxy_common.pkce import challenge_for, mint_verifier
from authproxy_common.secret import mint

_BACKEND = "auth server backend"
_ITS_BACKEND = (
    "internal_auth_service_url, or external_auth_service_url where that is empty, must lead to the auth server, which "
    "must run and have enabled and proxy_oauth.enabled"
)
_ITS_LOGIN = "external_auth_service_url must be the auth server's public_url, where the ingress sends /login to it"


@frozen
class AuthServerExamination:
    """The auth server, as this gateway uses it."""

    gateway: GatewaySignIn
    vantage: Vantage

    def checks(self) -> list[Check]:
        """What is examined."""
        return [
            Check(_BACKEND, self.answers_this_process),
            Check("clock", self.agrees_on_the_time, needs=_BACKEND),
            Check("auth server sign-in", self.signs_browsers_in),
        ]

    async def answers_this_process(self) -> str:
        """An auth server answers at the internal URL: it wants the token that was not sent."""
        answer, url = await self._backend(), self.gateway.backend_url
        if answer.status != 401 or not is_ours(answer):
            raise Failed(f"no auth server that is switched on answers at {url} (status {answer.status})", _ITS_BACKEND)
        return f"the auth server answers at {url}"

    async def agrees_on_the_time(self) -> str:
        """What one of us made is neither old nor of the future to the other."""
        return self.vantage.check_clock(await self._backend())

    async def signs_browsers_in(self) -> str:
        """A browser that we send there is sent on to a provider: a sign-in that nobody finishes."""
        answer = await self.vantage.get_public(self.gateway.login_url(mint(), challenge_for(mint_verifier())))
        if answer.status == 400 and is_ours(answer):
            raise Failed(
                "the auth server lets nobody sign in for this gateway",
                f"its proxy_oauth.allowed_redirect_uris must have {self.gateway.gateway_uri}, and it must have the "
                "provider that external_auth_provider names here",
            )
        if answer.status not in {200, 302} or not is_ours(answer):
            url = f"{self.gateway.auth_server_url}/login"
            raise Failed(f"no auth server that is switched on answers at {url} (status {answer.status})", _ITS_LOGIN)
        if answer.status == 200:
            return "browsers are shown the providers to choose from"
        return f"browsers are sent to {self._sent_to(answer)}"

    def _sent_to(self, answer: Answer) -> str:
        """The origin of where browsers are sent; raises Failed where they come back to us at once."""
        location = urlsplit(answer.headers.get("location", ""))
        if error := parse_qs(location.query).get("error"):
            raise Failed(f"the auth server sends browsers back with {shown(error[0])}", "run `auth-server doctor`")
        return shown(f"{location.scheme}://{location.netloc}")

    async def _backend(self) -> Answer:
        return await self.vantage.get(f"{self.gateway.backend_url}/gateway-oauth/userinfo", remedy=_ITS_BACKEND)
