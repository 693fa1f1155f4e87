"""An app's own calls to the auth server: who calls, where to, and for how long it waits."""

from datetime import timedelta

import httpx

from authproxy_common.clients.credentials import basic_authorization
from authproxy_common.errors import ServerError
from authproxy_common.frozen import frozen
from authproxy_common.http.client import Answer, ask
from authproxy_common.secret import Secret

# The auth server itself bounds what it asks of the provider, by ten seconds.
_DEADLINE = timedelta(seconds=12)


@frozen
class GatewayCredentials:
    """What the auth server knows an app by, where its operator gave the app a secret.

    Args:
        name: The app's, in the auth server's configuration.
        secret: The app's alone.
    """

    name: str
    secret: Secret

    def header(self) -> str:
        """As the value of an `Authorization` header: `client_secret_basic` (RFC 6749 §2.3.1)."""
        return basic_authorization(self.name, self.secret)

    def form(self) -> dict[str, str]:
        """As members of a form, for a request whose header is taken: `client_secret_post`."""
        return {"client_id": self.name, "client_secret": self.secret.reveal()}


@frozen
class GatewayBackend:
    """The endpoints for backends.

    Args:
        url: The auth server's origin as this process sees it.
        http: Sends the requests.
        credentials: Where the auth server asks for some.
    """

    url: str
    http: httpx.AsyncClient
    credentials: GatewayCredentials | None = None

    async def post(
        self, endpoint: str, form: dict[str, str], *, access_token: str | None = None, deadline: timedelta = _DEADLINE
    ) -> Answer:
        """The answer; raises TemporarilyUnavailable where there is none, ServerError where we are not let in."""
        headers = {}
        if access_token is not None:
            headers = {"Authorization": f"Bearer {access_token}"}
            form |= self.credentials.form() if self.credentials else {}
        elif self.credentials:
            headers = {"Authorization": self.credentials.header()}
        request = httpx.Request("POST", f"{self.url}/gateway-oauth/{endpoint}", data=form, headers=headers)
        answer = await ask(self.http, request, dependency="auth server", deadline=deadline)
        # Also 401, and not about the person or their token.
        if answer.status == 401 and error_of(answer) == "invalid_client":
            raise ServerError("the auth server did not accept this gateway's credentials, or wants some")
        return answer


def error_of(answer: Answer) -> str | None:
    """The error code of an answer, if it has one."""
    body = answer.json()
    return body.get("error") if isinstance(body, dict) else None
