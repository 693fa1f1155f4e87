"""Response headers that every answer carries unless its endpoint chose otherwise."""

import base64
import hashlib

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_ALWAYS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'",
}
_TLS_ONLY = {"strict-transport-security": "max-age=31536000"}


def headers_of_answers(*, https: bool) -> dict[str, str]:
    """What every answer has unless its endpoint says otherwise; `https` is about the public URL."""
    return _ALWAYS | (_TLS_ONLY if https else {})


class SecurityHeaders:
    """ASGI middleware that adds the headers above where they are not set.

    Args:
        app: What is wrapped.
        https: Whether the public URL is https.
    """

    def __init__(self, app: ASGIApp, *, https: bool) -> None:
        self.app = app
        self.headers = headers_of_answers(https=https)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self.headers.items():
                    headers.setdefault(name, value)
            await send(message)

        await self.app(scope, receive, send_with_headers if scope["type"] == "http" else send)


def page_policy(css: str) -> str:
    """The content security policy of a page with one inline style sheet.

    There is no `form-action` in it: Chromium applies that to every redirect that follows a form, and consent is
    followed by a redirect to an application nobody could list.
    """
    sheet = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{sheet}'; img-src data:; frame-ancestors 'none'; base-uri 'none'"
