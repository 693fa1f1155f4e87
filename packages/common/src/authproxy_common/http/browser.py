"""Which browser it is: a random value in a cookie, of which only the digest is ever stored."""

import re
from datetime import timedelta

from starlette.requests import Request
from starlette.responses import Response

from authproxy_common.errors import InvalidRequest
from authproxy_common.frozen import frozen
from authproxy_common.secret import digest, mint

_RANDOM = re.compile(r"[A-Za-z0-9_-]{43}")


@frozen
class BrowserCookie:
    """A cookie that ties later requests to the browser of an earlier one.

    On https it is a `__Host-` cookie: only this very host can have set it.

    Args:
        name: Without the `__Host-` prefix.
        https: Whether the public URL is https.
        lifetime: How long the browser keeps it.
        form: Of its values; anything else in its place is none.
    """

    name: str
    https: bool
    lifetime: timedelta
    form: re.Pattern[str] = _RANDOM

    @property
    def full_name(self) -> str:
        """The name on the wire."""
        return f"__Host-{self.name}" if self.https else self.name

    def read(self, request: Request) -> str | None:
        """The cookie's value where it is one of ours by its form."""
        value = request.cookies.get(self.full_name, "")
        return value if self.form.fullmatch(value) else None

    def read_or_mint(self, request: Request) -> str:
        """The browser's value, or a new one to be set; several tabs share one."""
        return self.read(request) or mint()

    def digest_of(self, request: Request) -> str | None:
        """What records hold in place of the value."""
        value = self.read(request)
        return digest(value) if value else None

    def set(self, response: Response, value: str) -> None:
        """Set the cookie. `SameSite=Lax` lets it come along when the provider sends the browser back."""
        response.set_cookie(
            self.full_name,
            value,
            max_age=int(self.lifetime.total_seconds()),
            path="/",
            secure=self.https,
            httponly=True,
            samesite="lax",
        )

    def clear(self, response: Response) -> None:
        """Have the browser forget the cookie."""
        response.delete_cookie(self.full_name, path="/", secure=self.https, httponly=True, samesite="lax")


def check_same_site(request: Request) -> None:
    """Raises InvalidRequest for a form sent from elsewhere."""
    if not is_same_site(request):
        raise InvalidRequest("this form was not sent from this service's own page")


def is_same_site(request: Request) -> bool:
    """Whether no other site made the browser ask, which every current browser says (Fetch metadata)."""
    return request.headers.get("sec-fetch-site", "same-origin") in {"same-origin", "none"}
